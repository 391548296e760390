"""Coverings: ours against Google's C++, h3ronpy, SedonaDB, and Google's library through Python.

    python benchmarks/bench_covering.py --data ../shared/data

Polygons with geodesic edges are covered cold: from unit vectors to cells, the index of edges included, by Google's
library and by ours in one compiled program, and cell for cell the same, or the run ends. Rings are not looked through
for faults in that, except where a row says "checked".
"""

import argparse
import ctypes
import gzip
import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import s2geometry
import s2sphere
import shapely
from google import compile_library, pointer
from harness import HEADER, pin, ratios

import cellwise as cw

ROOT = Path(__file__).resolve().parents[1]
LAT, LNG = (-30.241701, -30.000003), (-51.264871, -51.04618)

SOURCE = r"""
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>
#include "cellwise/raster.h"
#include "s2/s2latlng.h"
#include "s2/s2loop.h"
#include "s2/s2polygon.h"
#include "s2/s2region_coverer.h"

struct Options {
  int min_level, max_level;
  std::int64_t max_cells;
  bool interior, checked;
};

struct Polygons {
  std::vector<S2Point> google;
  std::vector<cellwise::Point> ours;
  std::vector<std::uint32_t> ends, shell_of;  // of rings, counted within each polygon
  std::vector<std::size_t> first_ring, first_point;
  std::vector<std::uint64_t> cells[2];
};

extern "C" {

Polygons* polygons_new(const double* lat, const double* lng, const std::uint32_t* sizes, const std::uint32_t* shell_of,
                       const std::uint32_t* n_rings, std::size_t n) {
  auto* made = new Polygons;
  std::size_t ring = 0, point = 0;
  for (std::size_t k = 0; k < n; ++k) {
    made->first_ring.push_back(made->ends.size());
    made->first_point.push_back(made->ours.size());
    std::uint32_t end = 0;
    made->ends.push_back(0);
    made->shell_of.push_back(0);
    for (std::uint32_t r = 0; r < n_rings[k]; ++r, ++ring) {
      for (std::uint32_t v = 0; v < sizes[ring]; ++v, ++point) {
        const S2Point p = S2LatLng::FromDegrees(lat[point], lng[point]).ToPoint();
        if (v > 0 && p == made->google.back()) continue;
        made->google.push_back(p);
        made->ours.push_back({p.x(), p.y(), p.z()});
        ++end;
      }
      made->ends.push_back(end);
      made->shell_of.push_back(shell_of[ring]);
    }
  }
  made->first_ring.push_back(made->ends.size());
  made->first_point.push_back(made->ours.size());
  return made;
}

void polygons_delete(Polygons* polygons) { delete polygons; }
bool polygons_same(const Polygons* polygons) { return polygons->cells[0] == polygons->cells[1]; }

std::size_t google_cover(Polygons* all, const Options* options) {
  S2RegionCoverer::Options google;
  google.set_min_level(options->min_level);
  google.set_max_level(options->max_level);
  google.set_max_cells(static_cast<int>(options->max_cells));
  S2RegionCoverer coverer(google);
  std::vector<S2CellId> found;
  all->cells[0].clear();
  for (std::size_t k = 0; k + 1 < all->first_ring.size(); ++k) {
    std::vector<std::unique_ptr<S2Loop>> loops;
    for (std::size_t ring = all->first_ring[k]; ring + 1 < all->first_ring[k + 1]; ++ring) {
      const S2Point* points = all->google.data() + all->first_point[k];
      loops.push_back(std::make_unique<S2Loop>(
          std::vector<S2Point>(points + all->ends[ring], points + all->ends[ring + 1]), S2Debug::DISABLE));
      loops.back()->Normalize();
    }
    S2Polygon polygon;
    polygon.set_s2debug_override(S2Debug::DISABLE);
    polygon.InitNested(std::move(loops));
    if (options->checked && !polygon.IsValid()) std::abort();
    if (options->interior) {
      coverer.GetInteriorCovering(polygon, &found);
    } else {
      coverer.GetCovering(polygon, &found);
    }
    for (const S2CellId cell : found) all->cells[0].push_back(cell.id());
  }
  return all->cells[0].size();
}

std::size_t cellwise_cover(Polygons* all, const Options* options) {
  constexpr std::int64_t kNoLimit = std::int64_t{1} << 40;
  const cellwise::CoverOptions own{options->min_level, options->max_level, options->max_cells, 1, options->interior};
  std::vector<std::uint64_t> found;
  all->cells[1].clear();
  for (std::size_t k = 0; k + 1 < all->first_ring.size(); ++k) {
    const std::size_t ring = all->first_ring[k], n = all->first_ring[k + 1] - ring, point = all->first_point[k];
    const cellwise::Polygon polygon({all->ours.data() + point, all->first_point[k + 1] - point},
                                    {all->ends.data() + ring, n}, {all->shell_of.data() + ring + 1, n - 1}, false);
    if (options->checked && polygon.find_fault().fault != cellwise::RingFault::kNone) std::abort();
    cellwise::cover_polygon(polygon, own, kNoLimit, found);
    all->cells[1].insert(all->cells[1].end(), found.begin(), found.end());
  }
  return all->cells[1].size();
}

}  // extern "C"
"""


class Options(ctypes.Structure):
    _fields_ = (
        ("min_level", ctypes.c_int),
        ("max_level", ctypes.c_int),
        ("max_cells", ctypes.c_int64),
        ("interior", ctypes.c_bool),
        ("checked", ctypes.c_bool),
    )


def compiled():
    headers = sorted((ROOT / "native/include/cellwise").glob("*.h"))
    version = hashlib.sha256(b"".join(path.read_bytes() for path in headers)).hexdigest()
    exact = ["-ffp-contract=off", "-fno-builtin-sin", "-fno-builtin-cos"]
    library = compile_library(
        SOURCE, "-std=c++20", f"-I{ROOT / 'native/include'}", *exact, f'-DCELLWISE_HEADERS="{version}"'
    )
    library.polygons_new.restype = ctypes.c_void_p
    library.polygons_same.restype = ctypes.c_bool
    library.google_cover.restype = library.cellwise_cover.restype = ctypes.c_size_t
    return library


class Compiled:
    """Polygons, lists of rings of (lat, lng) with the shell that each belongs to, for both libraries."""

    def __init__(self, library, polygons):
        self._library = library
        rings = [ring for rings, _ in polygons for ring in rings]
        vertices = np.concatenate(rings)
        lat, lng = np.ascontiguousarray(vertices[:, 0]), np.ascontiguousarray(vertices[:, 1])
        sizes = np.array([len(ring) for ring in rings], np.uint32)
        shell_of = np.concatenate([shells for _, shells in polygons]).astype(np.uint32)
        counts = np.array([len(rings) for rings, _ in polygons], np.uint32)
        arrays = map(pointer, (lat, lng, sizes, shell_of, counts))
        self._polygons = ctypes.c_void_p(library.polygons_new(*arrays, ctypes.c_size_t(len(polygons))))

    def __del__(self):
        self._library.polygons_delete(self._polygons)

    def rows(self, work, *, min_level=0, max_level=30, max_cells=2**31 - 1, interior=False, checked=False, **options):
        chosen = Options(min_level, max_level, max_cells, interior, checked)
        calls = {
            name: (lambda f=f: f(self._polygons, ctypes.byref(chosen)), 1)
            for name, f in (("cellwise", self._library.cellwise_cover), ("Google's C++", self._library.google_cover))
        }
        found = ratios(work, calls, **options)
        if not self._library.polygons_same(self._polygons):
            raise SystemExit(f"{work}: not the same cells")
        return found

    def planar_rows(self, work, shapes, **options):
        """The same shapes with planar edges, from shapely in one call, against Google's loop over geodesic ones."""
        calls = {"cellwise": (lambda: cw.cover(shapes, **options), 1)}
        for name, checked in (("Google's C++", False), ("Google's C++, with IsValid as we do", True)):
            chosen = Options(0, 30, options["max_cells"], False, checked)
            calls[name] = (lambda c=chosen: self._library.google_cover(self._polygons, ctypes.byref(c)), 1)
        yield from ratios(work, calls, repeat=5)

        def on_threads(n, n_calls=20):  # threads are started once
            with cw.set_num_threads(n):
                for _ in range(n_calls):
                    cw.cover(shapes, **options)

        with unpinned():
            calls = {"cellwise": (lambda: on_threads(2), 1), "one thread": (lambda: on_threads(1), 1)}
            yield from ratios(f"{work}, two threads", calls, repeat=5)


@contextmanager
def unpinned():
    """On all cores."""
    pinned = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count()))
    try:
        yield
    finally:
        os.sched_setaffinity(0, pinned)


def features(path):
    """Geometries of a GeoJSON file that are valid with geodesic edges, as shapely has them."""
    with gzip.open(path, "rt") as file:
        return valid(shapely.geometry.shape(feature["geometry"]) for feature in json.load(file)["features"])


def valid(shapes):
    """Those of the shapes that are valid with geodesic edges."""

    def is_valid(shape):
        try:
            return bool(cw.region(shape, edges="geodesic"))
        except cw.errors.InvalidRegionError:
            return False

    return [shape for shape in shapes if is_valid(shape)]


def rings_of(shape):
    rings, shells = [], []
    for part in shapely.get_parts(shape):
        shell = len(rings)
        for ring in shapely.get_rings(part):
            vertices = shapely.get_coordinates(ring)[:, ::-1]
            keep = np.r_[True, (vertices[1:] != vertices[:-1]).any(axis=1)]
            vertices = vertices[keep]
            rings.append(vertices[:-1] if (vertices[0] == vertices[-1]).all() else vertices)
            shells.append(shell)
    return rings, shells


def star(n):
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)
    reach = np.where(np.arange(n) % 2, 1.0, 0.3)
    return [([np.stack((10 + reach * np.sin(turn), 20 + reach * np.cos(turn)), axis=1)], [0])]


def buildings(n):
    """Footprints of 4 to 20 vertices, 5 to 20 m from their middle."""
    rng = np.random.default_rng(1)
    made = []
    for lat, lng in zip(40.5 + 0.4 * rng.random(n), -74.2 + 0.4 * rng.random(n)):
        corners = int(rng.integers(4, 21))
        turn = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.random()
        reach = np.degrees(rng.uniform(5, 20) * rng.uniform(0.7, 1, corners) / cw.EARTH_RADIUS_M)
        east = reach * np.cos(turn) / np.cos(np.radians(lat))
        made.append(([np.stack((lat + reach * np.sin(turn), lng + east), axis=1)], [0]))
    return made


def rectangle():
    rect = cw.Rect(lat=LAT, lng=LNG)
    corners = list(zip(LAT, LNG))
    google = s2geometry.S2LatLngRect(*(s2geometry.S2LatLng.FromDegrees(*c) for c in corners))
    sphere = s2sphere.LatLngRect(*(s2sphere.LatLng.from_degrees(*c) for c in corners))

    def coverer(module):
        c = module.S2RegionCoverer() if module is s2geometry else module.RegionCoverer()
        if module is s2geometry:
            c.set_min_level(8), c.set_max_level(15), c.set_max_cells(500)
        else:
            c.min_level, c.max_level, c.max_cells = 8, 15, 500
        return c

    return ratios(
        "cover a rectangle, levels 8..15, 500 cells",
        {
            "cellwise": (lambda: cw.cover(rect, min_level=8, max_level=15, max_cells=500), 1),
            "s2geometry (Python)": (lambda: [c.id() for c in coverer(s2geometry).GetCovering(google)], 1),
            "s2sphere": (lambda: [c.id() for c in coverer(s2sphere).get_covering(sphere)], 1),
        },
    )


def generated(library, n_buildings):
    spikes = Compiled(library, star(10_000))
    yield from spikes.rows("star of 10,000 vertices, all of level 14", min_level=14, max_level=14, repeat=3)
    yield from spikes.rows("star of 10,000 vertices, 500 cells", max_cells=500, repeat=3)
    yield from spikes.rows("star of 10,000 vertices, 64 cells inside", max_cells=64, interior=True, repeat=1)
    small = Compiled(library, buildings(n_buildings))
    what = f"{n_buildings:,} buildings"
    yield from small.rows(f"{what}, 8 cells each", max_cells=8, repeat=3)
    yield from small.rows(f"{what}, 8 cells each, checked", max_cells=8, checked=True, repeat=3)
    yield from small.rows(f"{what}, all of level 22", min_level=22, max_level=22, repeat=3)
    yield from small.rows(f"{what}, 4 cells inside each", max_cells=4, interior=True, repeat=3)


def files(library, data):
    shapes, planar = {}, {}
    for name, file, level in (
        ("NYC taxi zones", "nyc_taxi_zones.geojson.gz", 17),
        ("countries", "ne_110m_countries.geojson.gz", 8),
    ):
        shapes[name] = features(data / file)
        planar[name] = [shapely.make_valid(shape) for shape in shapes[name]]
        both = Compiled(library, [rings_of(shape) for shape in shapes[name]])
        only = {"min_level": level, "max_level": level}
        yield from both.rows(f"{name}, all of level {level}", **only)
        yield from both.rows(f"{name}, all of level {level}, checked", **only, checked=True)
        yield from both.rows(f"{name}, all of level {level} inside", **only, interior=True)
        for max_cells in (8, 64, 500, 5000):
            yield from both.rows(f"{name}, {max_cells} cells each", max_cells=max_cells, repeat=5)
        for max_cells in (8, 64, 500, 5000):
            what = f"{name}, {max_cells} cells inside each"
            yield from both.rows(what, max_cells=max_cells, interior=True, repeat=3)
        for max_cells in (8, 64, 500):
            what = f"{name} from shapely, planar, {max_cells} cells each"
            yield from both.planar_rows(what, planar[name], max_cells=max_cells)
    zones = "NYC taxi zones"
    yield from hexagons({zones: shapes[zones], "NYC boroughs": boroughs(data / "nyc_taxi_zones.geojson.gz")})
    yield from sedona(shapes)


def through_python(shapes, **options):
    return cw.cover(shapes, edges="geodesic", **options)


def boroughs(path):
    """The taxi zones of each borough, dissolved, as far as the outcome is valid with geodesic edges."""
    with gzip.open(path, "rt") as file:
        zones = json.load(file)["features"]
    parts = {}
    for zone in zones:
        shape = shapely.make_valid(shapely.geometry.shape(zone["geometry"]))
        parts.setdefault(zone["properties"]["borough"], []).append(shape)
    return valid(map(shapely.union_all, parts.values()))


def hexagons(shapes):
    """Time per cell, from shapely, at H3's resolution with cells of nearest size; like is compared with like."""
    try:
        from h3ronpy import ContainmentMode
        from h3ronpy.vector import wkb_to_cells
    except ImportError:
        yield "| polygons from shapely | h3ronpy is not installed | |"
        return
    import pyarrow as pa

    modes = {"center": ContainmentMode.ContainsCentroid, "intersects": ContainmentMode.Covers}
    for name, geometries in shapes.items():
        wkb = pa.array(shapely.to_wkb(geometries))
        for mode, theirs in modes.items():

            def ours(mode=mode, geometries=geometries):
                return len(cw.cells_at_level(geometries, 17, mode=mode, edges="geodesic").values)

            def fill(theirs=theirs, wkb=wkb):
                return len(wkb_to_cells(wkb, 11, containment_mode=theirs, flatten=True))

            contenders = {"cellwise": (ours, ours()), "h3ronpy, resolution 11, per cell": (fill, fill())}
            yield from ratios(f"{name} from shapely, all of level 17, {mode}", contenders, repeat=3)


def sedona(shapes):
    """S2_CoveringCellIds, whose coverings have eight cells."""
    try:
        import geoarrow.pyarrow  # noqa: F401
        import pyarrow as pa
        import sedonadb
    except ImportError:
        return ["| S2_CoveringCellIds | SedonaDB is not installed | |"]
    query = "SELECT S2_CoveringCellIds(ST_GeogFromWKB(wkb)) AS cells FROM shapes"
    rows = []
    for name, geometries in shapes.items():
        session = sedonadb.connect()
        table = pa.table({"wkb": shapely.to_wkb(geometries)})
        session.create_data_frame(table).to_view("shapes")
        contenders = {
            "cellwise": (lambda g=geometries: through_python(g), 1),
            "SedonaDB": (lambda s=session: s.sql(query).to_arrow_table(), 1),
        }
        rows += ratios(f"{name} through Python, 8 cells each", contenders, repeat=5)
    return rows


def table(data=ROOT.parent / "shared" / "data", n_buildings=100_000):
    """Rows, one by one as they are measured."""
    library = compiled()
    yield from rectangle()
    if data.exists():
        yield from files(library, data)
    yield from generated(library, n_buildings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of GeoJSON files")
    parser.add_argument("--buildings", type=int, default=100_000, help="footprints to make")
    chosen = parser.parse_args()
    pin()
    print("\n".join(HEADER))
    for row in table(chosen.data, chosen.buildings):
        print(row, flush=True)
