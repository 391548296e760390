"""Polygons and polylines with geodesic edges: Google's coverings cell for cell, exact membership, and bad rings."""

import gzip
import json
import math
import pickle
from dataclasses import replace

import numpy as np
import oracle
import pytest
import shapely
from oracle import s2
from work import ctrl_c, interrupt_checks, many

import cellwise as cw
from cellwise import Polygon, Polyline
from cellwise._backend import kernels
from cellwise._cover_options import CoverLimit, CoverOptions
from cellwise.covering import _options_at_level
from cellwise.errors import CellLimitError
from cellwise.regions.chains import Chains
from cellwise.testing import assert_cells_equal, assert_covers, on_each_backend

BOX = [(5, 120), (5, 135), (15, 135), (15, 120)]


def at_level(level, mode, limit):
    """Options of the cells of a level."""
    return replace(_options_at_level(level, mode), cell_limit=limit)


def covering(region, **options):
    """`cover` for a polygon or polyline, as `cover` calls it."""
    return cw.cover(region, **options).cells


# --- the oracle -------------------------------------------------------------------------------------------------------


def s2_loop(ring):
    points = []
    for lat, lng in ring:
        point = s2.S2LatLng.FromDegrees(float(lat), float(lng)).ToPoint()
        if not points or s2.S2Point_ToRaw(point) != s2.S2Point_ToRaw(points[-1]):
            points.append(point)
    if s2.S2Point_ToRaw(points[0]) == s2.S2Point_ToRaw(points[-1]):
        points.pop()
    loop = s2.S2Loop()
    loop.Init(points)
    return loop


def s2_polygon(rings, *, oriented=False):
    """Google's polygon of rings, nested by itself; with `oriented`, of one ring as it runs."""
    loops = [s2_loop(ring) for ring in rings]
    for loop in loops:
        if not loop.IsValid():
            return None
        if not oriented:
            loop.Normalize()
    polygon = s2.S2Polygon()
    polygon.InitNested(loops)
    return polygon if polygon.IsValid() else None


def s2_polyline(vertices):
    line = s2.S2Polyline()
    line.InitFromS2LatLngs([s2.S2LatLng.FromDegrees(float(a), float(b)) for a, b in vertices])
    return line


# --- random shapes ----------------------------------------------------------------------------------------------------


def around(center, bearing, distance):
    """Positions at angles from a center in degrees: bearing and distance in radians, arrays."""
    lat, lng = np.radians(center)
    out = np.array([np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)])
    north = np.array([-np.sin(lat) * np.cos(lng), -np.sin(lat) * np.sin(lng), np.cos(lat)])
    across = np.outer(np.cos(bearing), north) + np.outer(np.sin(bearing), np.cross(north, out))
    x, y, z = (np.cos(distance)[:, None] * out + np.sin(distance)[:, None] * across).T
    return np.stack((np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))), axis=1)


def fractal(rng, rounds, roughness):
    """Bearings and distances of a star-shaped ring, midpoints moved again and again."""
    bearings, distances = np.linspace(0, 2 * np.pi, 4)[:-1], np.ones(3)
    for k in range(rounds):
        middle = (distances + np.roll(distances, -1)) / 2
        middle *= np.exp(roughness * 0.7**k * rng.normal(size=len(middle)))
        gap = 2 * np.pi / len(bearings)
        bearings = np.stack((bearings, bearings + gap / 2), axis=1).ravel()
        distances = np.stack((distances, middle), axis=1).ravel()
    return bearings, distances / distances.max()


def random_shape(rng):
    """(kind, rings, size in radians)."""
    kind = rng.choice(["regular", "star", "fractal", "hole", "sliver", "triangle", "grid"])
    center = oracle._center(rng)
    size = 10 ** rng.uniform(-6.8, 0.15)  # 1 m to a hemisphere
    n = int(rng.integers(3, 40)) if rng.random() < 0.8 else int(rng.integers(40, 400))
    bearings = np.linspace(0, 2 * np.pi, n, endpoint=False) + rng.uniform(0, 2 * np.pi)
    if kind == "regular":
        rings = [around(center, bearings, np.full(n, size))]
    elif kind == "star":
        rings = [around(center, bearings, size * rng.uniform(0.1, 1, n))]
    elif kind == "fractal":
        bearings, distances = fractal(rng, int(rng.integers(2, 8)), 0.4)
        rings = [around(center, bearings, size * distances)]
    elif kind == "hole":
        rings = [around(center, bearings, np.full(n, size)), around(center, bearings, np.full(n, 0.4 * size))]
    elif kind == "sliver":
        ahead, width = rng.uniform(0, 2 * np.pi), 10 ** rng.uniform(-6, -1)
        rings = [around(center, ahead + np.array([0, width, np.pi, np.pi + width]), np.full(4, size))]
    elif kind == "triangle":
        rings = [around(center, np.sort(rng.uniform(0, 2 * np.pi, 3)), size * rng.uniform(0.2, 1, 3))]
    else:  # vertices on coarse grids, where faces, cells and edges meet
        step = rng.choice([0.5, 1, 5, 11.25, 22.5, 45])
        south, west = (
            step * rng.integers(-int(80 / step), int(80 / step)),
            step * rng.integers(-int(180 / step), int(180 / step)),
        )
        height, width = step * rng.integers(1, 3), step * rng.integers(1, 4)
        north, east = min(90 - step / 2, south + height), (west + width + 180) % 360 - 180
        rings = [np.array([(south, west), (south, east), (north, east), (north, west)])]
        size = math.radians(max(height, width))
    if kind in ("regular", "star", "fractal") and rng.random() < 0.2:
        rings = [ring.round(int(rng.integers(1, 5))) for ring in rings]
    if rng.random() < 0.5:
        rings = [ring[::-1] for ring in rings]
    return kind, rings, size


def random_options(rng, area, size, thin):
    options = oracle._levels(rng, area, 8 * size, size)
    options["interior"] = bool(rng.random() < 0.4) and not thin
    return options


def cases(seed, n):
    """Shapes that Google finds valid, with options harmless to it."""
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < n:
        kind, rings, size = random_shape(rng)
        google = s2_polygon(rings)
        if google is None:
            continue
        area = google.GetArea()
        thin = area < 1e-3 * size * size
        options = random_options(rng, area, size, thin)
        if options["interior"] and options["max_level"] > oracle.level_of_size(size) + 8:
            options["max_level"] = max(options["min_level"], min(30, oracle.level_of_size(size) + 8))
        found.append((kind, rings, google, options))
    return found


def differences(n, seed):
    different = []
    for kind, rings, google, options in cases(seed, n):
        ours = covering(Polygon(rings), **options)
        expected = np.array(oracle.covering(google, **options), np.uint64)
        if not np.array_equal(ours, expected):
            different.append((kind, rings, options))
    return different


# --- Google's coverings -----------------------------------------------------------------------------------------------


def test_padding_makes_google_cover_more_than_it_must(backend):
    cells = covering(Polygon(BOX), min_level=6, max_level=6, max_cells=10**6)
    assert len(cells) == 126
    assert (cw.cell_face(cells) == 3).sum() == 10


def test_random_polygons_are_covered_as_by_google():
    assert differences(300, seed=1) == []


@pytest.mark.slow
def test_many_random_polygons_are_covered_as_by_google():
    assert differences(4000, seed=2) == []


def different_interiors(n, seed):
    """Shapes that have another interior covering than Google's, for any number of cells."""
    rng, different = np.random.default_rng(seed), []
    for _ in range(n):
        kind, rings, size = random_shape(rng)
        google = s2_polygon(rings)
        if google is None or google.GetArea() < 1e-3 * size * size:
            continue
        finest = min(30, oracle.level_of_size(size) + int(rng.integers(1, 9)))
        for max_cells in rng.integers(1, 90, 6).tolist():
            options = {"max_cells": max_cells, "max_level": finest, "interior": True}
            expected = np.array(oracle.covering(google, **options), np.uint64)
            if not np.array_equal(covering(Polygon(rings), **options), expected):
                different.append((kind, rings, options))
    return different


def test_interior_coverings_are_googles_for_any_number_of_cells():
    assert different_interiors(150, seed=3) == []


@pytest.mark.slow
def test_many_interior_coverings_are_googles_for_any_number_of_cells():
    assert different_interiors(4000, seed=4) == []


@pytest.mark.parametrize("seed", range(4))
def test_more_than_a_hemisphere(seed):
    rng = np.random.default_rng(seed)
    for _ in range(10):
        n = int(rng.integers(3, 30))
        ring = around(
            oracle._center(rng), -np.linspace(0, 2 * np.pi, n, endpoint=False), np.full(n, rng.uniform(0.05, 1.5))
        )
        google = s2_polygon([ring], oriented=True)
        ours = Polygon(ring, oriented=True)
        assert ours.area(unit="sr") == pytest.approx(google.GetArea(), rel=1e-13)
        for options in ({"max_cells": 30}, {"max_cells": 60, "interior": True}, {"min_level": 3, "max_level": 4}):
            assert_cells_equal(covering(ours, **options), oracle.covering(google, **options))


def test_random_polylines_are_covered_as_by_google():
    rng = np.random.default_rng(3)
    for _ in range(150):
        center, n = oracle._center(rng), int(rng.integers(1, 12))
        size = 10 ** rng.uniform(-6, 0.3)
        vertices = around(center, rng.uniform(0, 2 * np.pi, n), size * rng.uniform(0.1, 1, n))
        if rng.random() < 0.3:
            vertices = vertices.round(1)
        line = Polyline(vertices)
        options = oracle._levels(rng, 0.0, 2 * n * size, size)
        assert_cells_equal(covering(line, **options), oracle.covering(s2_polyline(line.vertices), **options))


def golden_rows(shared):
    with gzip.open(shared / "vectors/dev_polygon_coverings.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def feature_rings(shared, name):
    with gzip.open(shared / "data" / name, "rt") as file:
        features = json.load(file)["features"]

    def parts(geometry):
        polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        return [[np.array(ring, np.float64)[:, 1::-1] for ring in rings] for rings in polygons]

    return [parts(feature["geometry"]) for feature in features]


def test_golden_coverings(shared):
    rows = golden_rows(shared)
    rings = {name: feature_rings(shared, name) for name in sorted({row["file"] for row in rows})}
    polygons = {}
    for row in rows:
        key = row["file"], row["feature_index"]
        if key not in polygons:
            polygons[key] = Polygon(rings[key[0]][key[1]])
        assert polygons[key].area(unit="sr") == pytest.approx(row["area_sr"], rel=1e-12)
        for name in ("covering", "interior"):
            ours = covering(polygons[key], **row["options"], interior=name == "interior")
            assert_cells_equal(ours, cw.token_to_cell(row[name]))


# --- all cells of one level ---------------------------------------------------------------------------------------------

NO_LIMIT = 10**9


def shape_on_cells(rng):
    """(kind, rings, size in radians) with vertices at corners and centers of cells, where roundings decide."""
    level, center = int(rng.integers(2, 22)), oracle._center(rng)
    edge = oracle.AVG_EDGE * 0.5**level
    if rng.random() < 0.2:
        return "cell", [cw.cell_vertices(cw.latlng_to_cell(*center, level))], edge
    n, size = int(rng.integers(3, 12)), edge * rng.uniform(1, 12)
    ring = around(center, np.linspace(0, 2 * np.pi, n, endpoint=False), size * rng.uniform(0.3, 1, n))
    cells = cw.latlng_to_cell(ring[:, 0], ring[:, 1], level)
    corners, centers = cw.cell_vertices(cells)[:, rng.integers(4)], np.stack(cw.cell_to_latlng(cells), axis=1)
    at_corner = (rng.random(n) < rng.choice([0, 0.5, 1]))[:, None]
    return "on cells", [np.where(at_corner, corners, centers)], size


def level_cases(seed, n, most=20_000):
    """(rings, Google's polygon, level, whether an interior covering is harmless to Google)."""
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < n:
        _, rings, size = random_shape(rng) if rng.random() < 0.5 else shape_on_cells(rng)
        google = s2_polygon(rings)
        if google is None:
            continue
        area, natural = google.GetArea(), oracle.level_of_size(size)
        level = int(np.clip(natural + rng.integers(-2, 8), 0, 30))
        while level > 0 and oracle.expected_cells(area, 8 * size, level) > most:
            level -= 1
        found.append((rings, google, level, area > 1e-3 * size * size and level < natural + 8))
    return found


def check_level(rings, google, level, interior):
    shape = Polygon(rings)._shape
    fixed = {"min_level": level, "max_level": level, "max_cells": 2**31 - 1}
    touched = np.array(oracle.covering(google, **fixed), np.uint64)
    assert_cells_equal(shape.cover(at_level(level, "intersects", NO_LIMIT)), touched)
    if interior:
        within = oracle.covering(google, **fixed, interior=True)
        assert_cells_equal(shape.cover(at_level(level, "contains", NO_LIMIT)), within)
    centers = [google.Contains(oracle.cell_id(cell).ToPoint()) for cell in touched]
    assert_cells_equal(shape.cover(at_level(level, "center", NO_LIMIT)), touched[np.array(centers, bool)])


def test_all_cells_of_a_level_are_googles():
    for case in level_cases(11, 150, most=4000):
        check_level(*case)


def test_vertices_on_the_centers_of_a_tile_s_rows():
    """Where a face ends: tiles begin beside edges that end on the centers of rows."""
    lat = [6.439573828844639e-05, 3.8637449114340765e-05, 1.2879151751862986e-05, -6.439582017185548e-05]
    lat += [-6.439573828844639e-05, -0.00011591243946157345, -6.439582017185548e-05, -1.2879151751862986e-05]
    lng = [-134.9999817861586, -134.99994535845408, -134.9999089307206, -134.9999089307206, -134.9999817861586]
    lng += [-135.0000182138414, -135.0000910692794, -135.0000910692794]
    ring = np.stack((lat, lng), axis=1)
    ring = np.concatenate(
        (ring, [(3.8637449114340765e-05, -135.00005464154592), (3.86374245493317e-05, -135.0000182138414)])
    )
    for level in range(17, 25):
        check_level([ring], s2_polygon([ring]), level, interior=True)


@pytest.mark.slow
def test_all_cells_of_a_level_are_googles_for_many_shapes():
    for case in level_cases(12, 2000):
        check_level(*case)


@pytest.mark.both_backends
def test_both_backends_have_the_same_cells_of_a_level():
    for rings, _, level, interior in level_cases(13, 12, most=60):
        native, reference = (polygon._shape for polygon in on_each_backend(Polygon, rings))
        for mode in ("intersects", "center", "contains")[: 2 + interior]:
            expected = reference.cover(at_level(level, mode, NO_LIMIT))
            assert_cells_equal(native.cover(at_level(level, mode, NO_LIMIT)), expected)


def test_tiles_make_no_difference():
    """Large levels are drawn in many tiles, and descend from the faces; small ones are one tile."""
    ring = around((33.0, 44.0), np.linspace(0, 2 * np.pi, 9, endpoint=False), np.full(9, 0.2))  # three faces
    for rings in ([ring], [ring, around((33.0, 44.0), np.linspace(0, 2 * np.pi, 7, endpoint=False), np.full(7, 0.1))]):
        shape = Polygon(rings)._shape
        levels = {level: shape.cover(at_level(level, "intersects", NO_LIMIT)) for level in range(3, 13)}
        for level in range(3, 12):
            parents = np.unique(cw.cell_parent(levels[level + 1], level))
            assert np.isin(parents, levels[level]).all()  # padding may add cells, never parents
            assert len(levels[level]) - len(parents) < 10
    inside = [shape.cover(at_level(level, "contains", NO_LIMIT)) for level in (6, 11)]
    assert np.isin(cw.cell_children(inside[0], 11).values, inside[1]).all()


def test_limits_of_cells_of_a_level(backend):
    shape = Polygon(BOX)._shape
    for mode in ("intersects", "contains", "center"):
        n = len(shape.cover(at_level(6, mode, NO_LIMIT)))
        assert len(shape.cover(at_level(6, mode, n))) == n
        with pytest.raises(CoverLimit) as met:
            shape.cover(at_level(6, mode, n - 1))
        assert met.value.limit == "cells"


@pytest.mark.needs_native
def test_cells_of_a_level_can_be_stopped():
    jagged = around((10.0, 20.0), np.linspace(0, 2 * np.pi, 20_000), 1.2 - 0.2 * (np.arange(20_000) % 2))
    shape = Polygon(jagged[:-1])._shape
    before = interrupt_checks()
    with ctrl_c():
        shape.cover(at_level(17, "intersects", 10**12))
    assert 0 < interrupt_checks() - before < 100  # of more than 150


def sampled(n_shapes, n_points, seed):
    """Points of polygons are covered at every level; points of cells that lie within are points of the polygon."""
    rng = np.random.default_rng(seed)
    checked = 0
    for rings, _, level, _ in level_cases(seed, n_shapes):
        polygon = Polygon(rings)
        touched = polygon._shape.cover(at_level(level, "intersects", NO_LIMIT))
        leaves = rng.choice(touched, n_points)
        spread = rng.integers(0, 1 << 62, n_points, np.uint64) % (leaves & (~leaves + np.uint64(1)))
        side = np.where(rng.random(n_points) < 0.5, leaves + spread, leaves - spread) | np.uint64(1)
        lat, lng = cw.cell_to_latlng(side)
        inside = polygon.contains(lat, lng)
        for other in (level, max(level - 3, 0), max(level - 7, 0)):
            cells = polygon._shape.cover(at_level(other, "intersects", NO_LIMIT))
            assert np.isin(cw.latlng_to_cell(lat[inside], lng[inside], other), cells).all()
        within = polygon._shape.cover(at_level(level, "contains", NO_LIMIT))
        assert inside[np.isin(cw.latlng_to_cell(lat, lng, level), within)].all()
        options = {"max_cells": int(rng.integers(4, 200)), "max_level": min(30, level + 3)}
        assert_covers(cw.cover(polygon, **options), lat[inside], lng[inside])
        if level < 30 and len(within):
            assert inside[cw.cover(polygon, **options, interior=True).contains(side)].all()
        checked += inside.sum()
    return checked


def test_sampled_points_and_the_cells_of_a_level():
    assert sampled(40, 2000, seed=14) > 30_000


@pytest.mark.slow
def test_a_million_sampled_points():
    assert sampled(400, 5000, seed=15) > 1_000_000


# --- many in one call ---------------------------------------------------------------------------------------------------


@pytest.mark.needs_native
def test_many_polygons_in_one_call():
    rows = [rings for _, rings, _, _ in cases(16, 60)]
    rows.insert(7, [np.array([(0.0, 0.0), (1, 1), (1, 0), (0, 1)])])  # crosses itself
    rows.insert(9, [])
    rows.insert(11, [np.array([(3.0, 4.0)])])  # a point
    roles = [[int(k > 0) + 1 for k in range(len(rings))] for rings in rows]
    roles[11] = [0]
    rings = [ring for row in rows for ring in row]
    vertices = np.concatenate(rings)
    chains = Chains(
        np.ascontiguousarray(vertices[:, ::-1]),
        np.cumsum([0, *map(len, rings)]),
        np.concatenate(roles).astype(np.uint8),
        np.cumsum([0, *map(len, rows)]),
    )

    def covered(**options):
        return kernels().cover_rows(chains, CoverOptions(**options), "geodesic", False, 0.0, False)

    for options in (
        dict(max_cells=20),
        dict(min_level=6, max_level=6, max_cells=2**31 - 1),
        dict(max_level=12, max_cells=9, level_mod=2, interior=True),
    ):
        cells, offsets, undecided = covered(**options)
        assert (np.flatnonzero(undecided).tolist(), len(offsets)) == ([7, 11], len(rows) + 1)
        for k, row in enumerate(rows):
            own = cells[offsets[k] : offsets[k + 1]]
            expected = [] if k in (7, 9, 11) else covering(Polygon(row), **options)
            assert_cells_equal(own, expected)
    few = dict(max_level=12, max_cells=9, level_mod=2)
    total = len(covered(**few)[0])
    assert len(covered(**few, cell_limit=total)[0]) == total
    for options in (dict(**few, cell_limit=total - 1), dict(min_level=28, max_cells=9, cell_limit=10**6)):
        with pytest.raises(CoverLimit):
            covered(**options)


@pytest.mark.needs_native
def test_the_lowest_row_that_meets_a_limit_is_named():
    """Whichever thread comes first, and whether it meets the limit alone or with those before it."""
    shapes = [shapely.box(x, 0, x + 0.5, 0.5) for x in range(100)]
    sizes = np.cumsum(cw.cells_at_level(shapes, 9, edges="geodesic").sizes)
    for row in (0, 40, 98):
        with cw.set_cell_limit(int(sizes[row])):
            for edges in ("planar", "geodesic"):
                for threads in (1, 2, 8):
                    with cw.set_num_threads(threads), pytest.raises(CellLimitError, match=f"in row {row + 1} "):
                        cw.cells_at_level(shapes, 9, edges=edges)


# --- both backends ----------------------------------------------------------------------------------------------------


def made(rings):
    """The polygon, or why there is none."""
    try:
        return Polygon(rings), None
    except cw.errors.InvalidRegionError as fault:
        return None, str(fault)


def answers(rings, options, *places):
    """Why there is no polygon, or its area, coverings with each of some options, and which places lie in it."""
    polygon, fault = made(rings)
    return fault or (
        polygon.area(),
        [covering(polygon, **each).tolist() for each in options],
        *polygon.contains(*places),
    )


@pytest.mark.both_backends
@pytest.mark.parametrize("seed", range(many(2, 5)))
def test_backends_agree(seed):
    rng = np.random.default_rng(100 + seed)
    for _ in range(10):
        _, rings, size = random_shape(rng)
        rings = [ring[:60] for ring in rings]
        polygon, fault = made(rings)
        options = []
        if not fault:
            area = polygon.area(unit="sr")
            some = random_options(rng, area, size, thin=True)
            some["max_cells"] = min(some["max_cells"], 30)
            some["min_level"] = min(some["min_level"], max(0, oracle.level_of_size(size) - 1))
            some["max_level"] = max(some["max_level"], some["min_level"])
            options = [{**some, "interior": interior} for interior in {False, area > 1e-2 * size * size}]
        native, reference = on_each_backend(answers, rings, options, *near_rings(rng, rings, 40))
        assert native == reference


@pytest.mark.both_backends
@pytest.mark.parametrize("seed", range(3))
def test_backends_find_the_same_fault(seed):
    """Of many, and whichever way a ring runs: the first, by the order of the vertices as given."""
    rng = np.random.default_rng(400 + seed)
    kinds = set()
    for _ in range(40):
        n = int(rng.integers(4, 14))
        rings = [around(oracle._center(rng), rng.uniform(0, 2 * np.pi, n), 10 ** rng.uniform(-4, 0) * rng.random(n))]
        if rng.random() < 0.4:
            rings.append(np.roll(rings[0], 1, axis=0)[: n - 1])
        if rng.random() < 0.3:
            rings[0] = rings[0][rng.permutation(np.r_[0:n, 0])]
        native, reference = (fault for _, fault in on_each_backend(made, rings))
        assert native == reference
        kinds.add(native and native.split(" got ")[0])
    assert len(kinds) > 3


@pytest.mark.both_backends
@pytest.mark.parametrize("seed", range(3))
def test_backends_agree_on_polylines(seed):
    rng = np.random.default_rng(200 + seed)
    for _ in range(5):
        size = 10 ** rng.uniform(-6, 0.3)
        line = Polyline(around(oracle._center(rng), rng.uniform(0, 2 * np.pi, 5), size * rng.uniform(0.1, 1, 5)))
        native, reference = on_each_backend(covering, line, max_cells=12)
        assert_cells_equal(native, reference)


# --- membership -------------------------------------------------------------------------------------------------------


def near_rings(rng, rings, n):
    """Positions at vertices, on edges but for roundings, and beside them."""
    vertices = np.concatenate(rings)
    corners = np.concatenate([np.stack((ring, np.roll(ring, -1, axis=0)), axis=1) for ring in rings])
    pick = corners[rng.integers(0, len(corners), n)]
    t = rng.uniform(-0.2, 1.2, (n, 1))
    beside = pick[:, 0] * (1 - t) + pick[:, 1] * t
    both = np.concatenate((vertices[:n], beside))
    return np.clip(both[:, 0], -90, 90), np.clip(both[:, 1], -180, 180)


@pytest.mark.parametrize("seed", range(3))
def test_membership_is_googles(seed):
    rng = np.random.default_rng(300 + seed)
    for kind, rings, google, _ in cases(300 + seed, 60):
        polygon = Polygon(rings)
        lat, lng = near_rings(rng, rings, 50)
        expected = [google.Contains(s2.S2LatLng.FromDegrees(float(a), float(b)).ToPoint()) for a, b in zip(lat, lng)]
        np.testing.assert_array_equal(polygon.contains(lat, lng), expected, err_msg=kind)


def test_sampled_points_are_covered_and_interior_cells_lie_inside():
    rng = np.random.default_rng(7)
    n = 0
    for _, rings, _, options in cases(7, 40):
        polygon = Polygon(rings)
        bound = covering(polygon, max_cells=100)
        leaves = oracle.random_cells(rng, 0, 30)
        for cell in rng.choice(bound, 30):
            low, high = int(cw.cell_range_min(cell)), int(cw.cell_range_max(cell))
            leaves = np.append(leaves, rng.integers(low, high, 50, np.uint64, endpoint=True) | np.uint64(1))
        lat, lng = cw.cell_to_latlng(leaves)
        inside = polygon.contains(lat, lng)
        n += inside.sum()
        assert_covers(covering(polygon, **{**options, "interior": False}), lat[inside], lng[inside])
        within = (
            cw.CellUnion(covering(polygon, max_cells=100, max_level=20, interior=True))
            if inside.mean() > 0.05
            else None
        )
        if within is not None and len(within):
            assert inside[within.contains(leaves)].all()
    assert n > 10_000


@pytest.mark.parametrize("level", [0, 1, 3])
def test_in_a_tiling_every_position_has_one_polygon(level, backend):
    cells = cw.cell_children(np.arange(6, dtype=np.uint64) << np.uint64(61) | np.uint64(1 << 60), level).values
    cells = cells if level < 3 or backend == "native" else cells[:8]
    corners = cw.cell_vertices(cells)  # equal vertices of neighbors are equal floats, or the law could not hold
    corners = np.round(corners, 9)
    corners[..., 1] = np.where(corners[..., 1] == -180, 180, corners[..., 1])
    corners[np.abs(corners[..., 0]) > 89.9999999] = (90, 0)
    tiles = [Polygon(ring) for ring in corners if len(np.unique(ring, axis=0)) > 2 and (np.abs(ring[:, 0]) < 89).all()]
    positions = corners.reshape(-1, 2)
    positions = positions[np.abs(positions[:, 0]) < 89]
    lat, lng = positions[:, 0], positions[:, 1]
    held = sum(tile.contains(lat, lng).astype(int) for tile in tiles)
    assert held.max() == 1
    if len(tiles) == 6 << (2 * level):
        assert (held == 1).all()


@pytest.mark.parametrize("n", [3, 7])
def test_a_fan_of_triangles_holds_its_hub_once(n):
    for hub in [(0.0, 0.0), (90.0, 0.0), (oracle.CORNER_LAT, 45.0), (10.0, 180.0)]:
        rim = around(hub, np.linspace(0, 2 * np.pi, n, endpoint=False), np.full(n, 0.1))
        tiles = [Polygon([hub, rim[k], rim[(k + 1) % n]]) for k in range(n)]
        assert sum(tile.contains(*hub) for tile in tiles) == 1
        whole = Polygon(rim)
        for lat, lng in rim:
            assert sum(tile.contains(lat, lng) for tile in tiles) == whole.contains(lat, lng)


def test_collinear_points_have_sides():
    """Of points exactly on an edge, no two polygons that share it claim one."""
    west = Polygon([(0, 0), (0, 10), (10, 10), (10, 0)])
    east = Polygon([(0, 10), (0, 20), (10, 20), (10, 10)])
    south = Polygon([(0, 0), (-10, 0), (-10, 10), (0, 10)])
    lng = np.linspace(0.25, 9.75, 39)
    equator = west.contains(np.zeros(39), lng).astype(int) + south.contains(np.zeros(39), lng)
    assert (equator == 1).all()
    lat = np.linspace(0.25, 9.75, 39)
    assert (west.contains(lat, np.full(39, 10.0)).astype(int) + east.contains(lat, np.full(39, 10.0)) == 1).all()


# --- what changes nothing ---------------------------------------------------------------------------------------------


def test_start_closing_vertex_repeats_turns_and_winding_change_nothing(backend):
    expected = covering(Polygon(BOX), max_cells=50)
    for ring in (
        BOX[2:] + BOX[:2],
        BOX[::-1],
        [*BOX, BOX[0]],
        [BOX[0], *BOX, BOX[3], BOX[0], BOX[0]],
        [(a, b - 360) for a, b in BOX],
        [(a, b + 360 * (k % 2) * -1) for k, (a, b) in enumerate(BOX)],
    ):
        assert Polygon(ring) == Polygon(BOX)
        assert hash(Polygon(ring)) == hash(Polygon(BOX))
        assert_cells_equal(covering(Polygon(ring), max_cells=50), expected)
    assert Polygon(BOX, oriented=True) != Polygon(BOX[::-1], oriented=True)


def test_hemispheres_do_not_depend_on_their_direction():
    equator = [(0, 0), (0, 120), (0, -120)]
    here, there = Polygon(equator), Polygon(equator[::-1])
    assert_cells_equal(covering(here), covering(there))
    assert here.area(unit="sr") == pytest.approx(2 * math.pi)
    north, south = Polygon(equator, oriented=True), Polygon(equator[::-1], oriented=True)
    assert north.contains(1, 5)
    assert not south.contains(1, 5)


def test_orientation(backend):
    ring = [(0, 0), (0, 1), (1, 1), (1, 0)]
    small, large = Polygon(ring, oriented=True), Polygon(ring[::-1], oriented=True)
    assert small.contains(0.5, 0.5)
    assert not large.contains(0.5, 0.5)
    assert small.area(unit="sr") + large.area(unit="sr") == pytest.approx(4 * math.pi)
    assert large.contains(-40, 100)
    holed = Polygon([BOX, [(8, 125), (8, 130), (12, 130), (12, 125)]], oriented=True)
    for hole in ([(8, 125), (12, 125), (12, 130), (8, 130)], [(8, 125), (8, 130), (12, 130), (12, 125)]):
        assert_cells_equal(covering(Polygon([BOX, hole], oriented=True)), covering(holed))
        assert not Polygon([BOX, hole]).contains(10, 127)


def test_poles_antimeridian_and_islands(backend):
    cap = Polygon([(80, 0), (80, 120), (80, -120)])
    assert cap.contains([90, 79], [0, 0]).tolist() == [True, False]
    strait = Polygon([(-1, 179), (-1, -179), (1, -179), (1, 179)])
    assert strait.contains([0, 0, 0], [180, -180, 178]).tolist() == [True, True, False]
    nested = Polygon([[BOX, [(8, 125), (8, 130), (12, 130), (12, 125)]], [[(9, 126), (9, 129), (11, 129), (11, 126)]]])
    assert nested.contains([10, 8.5, 6], 127).tolist() == [True, False, True]
    assert repr(nested) == "Polygon(2 parts, 3 rings, 12 vertices)"


# --- bad rings --------------------------------------------------------------------------------------------------------

BAD = {
    "few": ([(0, 0), (1, 1), (1, 1), (0, 0)], "loops must have at least 3 different vertices: got 2"),
    "bow-tie": ([(0, 0), (1, 1), (0, 1), (1, 0)], "loops must not cross itself"),
    "spike": ([(0, 0), (0, 9), (4, 5), (8, 8), (4, 5)], "loops must not (touch itself|run along itself)"),
    "pinch": ([(0, 0), (0, 9), (4, 5), (9, 9), (9, 0), (4, 5)], "loops must not touch itself"),
    "twice": ([*BOX, *BOX], "loops must not (touch itself|run along itself)"),
    "opposite": ([(0, 14), (0, -166), (50, 90)], "loops must not go straight to the opposite side"),
    "nan": (
        [(0, 0), (0, math.nan), (1, 1)],
        r"lng must be in -360..360 degrees: got nan at vertex 1 \(1 of 3 vertices\)",
    ),
    "swapped": ([(120, 5), (135, 5), (135, 15)], "look swapped"),
    "far": ([(0, 0), (0, 1), (0, 361)], "lng must be in -360..360 degrees: got 361.0 at vertex 2"),
    "outside": ([BOX, [(20, 121), (20, 122), (21, 122)]], r"loops\[1\] must lie within its shell"),
    "crossing": ([BOX, [(10, 121), (10, 140), (11, 140)]], r"loops\[0\] must not cross loops\[1\]"),
    "same": ([BOX, BOX], r"loops\[0\] must not share an edge with loops\[1\]"),
    "part": ([[BOX], [[(7, 121), (7, 122), (8, 122)]]], r"loops\[1\]\[0\] must lie within its shell"),
    "empty": ([], "loops must"),
    "shape": ([(1, 2, 3), (4, 5, 6), (7, 8, 9)], r"an array of shape \(n, 2\)"),
    "text": ("POLYGON ((0 0, 1 1, 1 0, 0 0))", "loops must be a ring"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_rings_are_named(name, backend):
    loops, message = BAD[name]
    with pytest.raises(cw.errors.InvalidRegionError, match=message):
        Polygon(loops)


def test_real_rings_that_are_bad(shared):
    zones, countries = (
        feature_rings(shared, "nyc_taxi_zones.geojson.gz"),
        feature_rings(shared, "ne_110m_countries.geojson.gz"),
    )
    with pytest.raises(cw.errors.InvalidRegionError, match="cross itself"):
        Polygon(countries[139])  # Sudan
    with pytest.raises(cw.errors.InvalidRegionError, match="touch itself"):
        Polygon(zones[251])
    Polygon(zones[234])  # closed twice, which is no fault once repeats are dropped


def test_degenerate_shapes_have_coverings():
    flat = Polygon([(0, 0), (0, 10), (0, 20)])  # collinear: Google's perturbation gives it a side
    assert flat.area() == pytest.approx(0, abs=1e-3)
    assert len(covering(flat, max_cells=20)) > 0
    with pytest.raises(cw.errors.CellLimitError):
        covering(flat, interior=True)
    assert len(covering(Polyline([(3, 4)]), max_level=30)) > 0


def test_vertices_where_cells_and_faces_meet():
    lat = oracle.CORNER_LAT
    for ring in (
        [(0, -45), (0, 45), (45, 0)],
        [(lat, 45), (lat, 135), (lat, -135), (lat, -45)],
        [(lat, 45), (-lat, 45), (-lat, 135), (lat, 135)],
        [(0, 0), (0, 45), (45, 45), (45, 0)],
        [(0, 0), (0, 90), (90, 0)],
    ):
        google, ours = s2_polygon([ring]), Polygon(ring)
        for options in ({"max_cells": 20}, {"max_cells": 100, "interior": True}, {"min_level": 5, "max_level": 5}):
            assert_cells_equal(covering(ours, **options), oracle.covering(google, **options))


# --- objects ----------------------------------------------------------------------------------------------------------


def test_pickle_and_immutability():
    for shape in (Polygon(BOX), Polygon([BOX, [(8, 125), (8, 130), (12, 130)]], oriented=True), Polyline(BOX)):
        again = pickle.loads(pickle.dumps(shape))
        assert again == shape
        assert hash(again) == hash(shape)
        assert repr(again) == repr(shape)
    vertices = np.array(BOX, np.float64)
    polygon = Polygon(vertices)
    vertices[:] = 0
    assert polygon == Polygon(BOX)
    with pytest.raises(ValueError, match="read-only"):
        polygon.rings[0][0, 0] = 1
    assert Polyline(BOX) == Polyline(BOX[::-1])
    assert Polyline(BOX) != Polygon(BOX)


def test_polyline_drops_repeats_and_refuses_opposite_neighbors():
    assert len(Polyline([(0, 0), (0, 0), (0, 360), (1, 1)]).vertices) == 2
    assert Polyline([(0, 0)]).length() == 0
    assert Polyline([(0, 0), (0, 90)]).length(unit="deg") == pytest.approx(90)
    with pytest.raises(cw.errors.InvalidRegionError, match="at least 1 vertex"):
        Polyline(np.empty((0, 2)))
    with pytest.raises(cw.errors.InvalidRegionError, match="opposite side"):
        Polyline([(5, 5), (0, 14), (0, -166)])


def test_the_cell_limit_holds():
    with pytest.raises(cw.errors.CellLimitError):
        cw.cover(Polygon(BOX), min_level=25)
    with cw.set_cell_limit(1000), pytest.raises(cw.errors.CellLimitError):
        cw.cover(Polyline(BOX), min_level=30)
