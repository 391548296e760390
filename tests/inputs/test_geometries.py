"""Foreign geometries: what is taken, in which order of coordinates, and what is said of bad ones."""

import contextlib
import gzip
import json
import struct

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import cellwise as cw
from cellwise.errors import InvalidCoordinatesWarning, InvalidRegionError
from cellwise.regions.chains import chains_of

BOX = shapely.box(8.0, 47.0, 8.5, 47.25)
BOW_TIE = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
HOLED = shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 6, 6))

geopandas = pytest.importorskip("geopandas")


class Interface:
    def __init__(self, mapping):
        self.__geo_interface__ = mapping


ONE = {
    "shapely": BOX,
    "wkb": shapely.to_wkb(BOX),
    "wkb of the other byte order": shapely.to_wkb(BOX, byte_order=0),
    "wkb with z": shapely.to_wkb(shapely.force_3d(BOX, 5.0)),
    "iso wkb with z": shapely.to_wkb(shapely.force_3d(BOX, 5.0), flavor="iso"),
    "ewkb": shapely.to_wkb(shapely.set_srid(BOX, 4326), include_srid=True),
    "bytearray": bytearray(shapely.to_wkb(BOX)),
    "memoryview": memoryview(shapely.to_wkb(BOX)),
    "geojson": shapely.geometry.mapping(BOX),
    "feature": {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(BOX)},
    "interface": Interface(shapely.geometry.mapping(BOX)),
    "feature by interface": Interface({"type": "Feature", "geometry": shapely.geometry.mapping(BOX)}),
}
ROWS = {
    "list": [BOX, HOLED],
    "tuple": (BOX, HOLED),
    "array": np.array([BOX, HOLED], object),
    "list of wkb": [shapely.to_wkb(BOX), shapely.to_wkb(HOLED)],
    "list of geojson": [shapely.geometry.mapping(BOX), shapely.geometry.mapping(HOLED)],
    "mixed": [BOX, shapely.to_wkb(HOLED)],
    "series": pd.Series([BOX, HOLED]),
    "geoseries": geopandas.GeoSeries([BOX, HOLED], crs=4326),
    "geoseries without crs": geopandas.GeoSeries([BOX, HOLED]),
    "geodataframe": geopandas.GeoDataFrame({"a": [1, 2]}, geometry=[BOX, HOLED], crs="OGC:CRS84"),
    "geometry array": geopandas.GeoSeries([BOX, HOLED], crs=4326).array,
    "feature collection": geopandas.GeoSeries([BOX, HOLED]).__geo_interface__,
}


@pytest.mark.parametrize("form", ONE)
def test_one_geometry_in_every_form(form):
    assert cw.cover(ONE[form], max_cells=20) == cw.cover(BOX, max_cells=20)
    assert cw.region(ONE[form]).area() == cw.region(BOX).area()


@pytest.mark.parametrize("form", ROWS)
def test_rows_in_every_form(form):
    coverings = cw.cover(ROWS[form], max_cells=20)
    assert isinstance(coverings, cw.Coverings)
    assert [coverings[0], coverings[1]] == [cw.cover(BOX, max_cells=20), cw.cover(HOLED, max_cells=20)]
    with pytest.raises(InvalidRegionError, match="region must be one geometry: got 2 rows"):
        cw.region(ROWS[form])


@pytest.mark.parametrize("form", ["list", "geoseries"])
def test_rows_with_geodesic_edges(form):
    coverings = cw.cover(ROWS[form], max_cells=20, edges="geodesic")
    assert coverings[1] == cw.cover(
        cw.Polygon([HOLED.exterior.coords[::], *[r.coords[::] for r in HOLED.interiors]]), max_cells=20
    )
    assert coverings[0] == cw.cover(cw.Polygon(np.array(BOX.exterior.coords)[:, ::-1]), max_cells=20)


def test_the_order_of_coordinates():
    """x is the longitude in geometries; lat comes first in vertices."""
    assert cw.cover(BOX).contains(lat=47.1, lng=8.2)
    assert cw.cover([(47.0, 8.0), (47.0, 8.5), (47.25, 8.5), (47.25, 8.0)]).contains(lat=47.1, lng=8.2)
    vertices = np.array(BOX.exterior.coords)[:, ::-1]
    assert cw.cover(vertices) == cw.cover(cw.Polygon(vertices))
    assert cw.cover(vertices, edges="planar") == cw.cover(BOX)
    assert cw.region(cw.Polygon(vertices), edges="planar").area() == pytest.approx(cw.region(BOX).area(), rel=1e-12)


def test_geodesic_by_every_way():
    ring = np.array(BOX.exterior.coords)[:, ::-1]
    expected = cw.cover(cw.Polygon(ring), max_cells=30)
    assert cw.cover(BOX, max_cells=30, edges="geodesic") == expected
    assert cw.cover(cw.region(BOX), max_cells=30, edges="geodesic") == expected
    assert cw.region(BOX, edges="geodesic") == cw.Polygon(ring)
    assert cw.region(shapely.LineString([(1, 2), (3, 4)]), edges="geodesic") == cw.Polyline([(2, 1), (4, 3)])
    assert cw.region(shapely.Point(1, 2), edges="geodesic") == cw.Polyline([(2, 1)])
    both = cw.region(shapely.GeometryCollection([BOX, shapely.Point(1, 2)]), edges="geodesic")
    assert repr(both) == "GeodesicCollection(2 parts)"
    assert both == cw.region(shapely.GeometryCollection([BOX, shapely.Point(1, 2)]), edges="geodesic")
    assert both != cw.region(BOX, edges="geodesic")
    assert len({both, both}) == 1
    assert both.contains([47.1, 2], [8.2, 1]).tolist() == [True, False]  # a point has no inside
    assert both.contains(47.1, 8.2) is True
    assert both.area() == cw.Polygon(ring).area()
    assert cw.region(both, edges="planar").area() == pytest.approx(cw.region(BOX).area(), rel=1e-12)


def test_coverings_of_geodesic_collections(backend):
    parts = [shapely.Point(1, 2), shapely.LineString([(3, 3), (5, 6)]), BOX]
    covering = cw.cover(shapely.GeometryCollection(parts), edges="geodesic", max_cells=60)
    assert covering.contains(lat=[2, 3, 6, 47.1], lng=[1, 3, 5, 8.2]).all()
    inner = cw.cover(
        shapely.GeometryCollection([parts[2], shapely.box(20, 20, 21, 21)]), edges="geodesic", interior=True
    )
    assert inner.contains(lat=[20.5], lng=[20.5]).all()


# --- CRS --------------------------------------------------------------------------------------------------------------


def test_any_crs():
    swiss = geopandas.GeoSeries([BOX], crs=4326).segmentize(0.001).to_crs(2056)
    there = cw.cover(swiss, max_cells=100)[0]
    assert there.area() == pytest.approx(cw.cover(BOX, max_cells=100).area(), rel=0.02)
    feet = geopandas.GeoSeries([shapely.box(-74.1, 40.6, -74, 40.7)], crs=4326).to_crs(2263)
    assert cw.cover(feet, max_cells=50)[0].contains(lat=40.65, lng=-74.05)
    nad = geopandas.GeoSeries([BOX], crs=4269)
    assert cw.cover(nad)[0] == cw.cover(BOX)


def test_edges_of_a_projection_stay_straight_there():
    """A box of 400 km in Lambert's conformal conic: its edges are no straight lines in degrees."""
    box = shapely.box(400_000, 6_400_000, 800_000, 6_800_000)
    covering = cw.cover(geopandas.GeoSeries([box], crs=2154), max_cells=3000)[0]
    inner = cw.cover(geopandas.GeoSeries([box], crs=2154), max_cells=3000, interior=True)[0]
    dense = geopandas.GeoSeries([box.segmentize(100)], crs=2154).to_crs(4326)[0]
    lng, lat = shapely.get_coordinates(dense).T
    assert covering.contains(lat=lat, lng=lng).all()
    corners = cw.cell_vertices(inner.cells).reshape(-1, 2)
    assert shapely.distance(dense, shapely.points(corners[:, ::-1])).max() < 1e-6


def test_meters_without_a_crs_are_no_degrees():
    with pytest.raises(InvalidRegionError, match=r"no CRS and its bounds .* are no degrees: set one with .set_crs"):
        cw.cover(geopandas.GeoSeries([shapely.box(400_000, 6_400_000, 800_000, 6_800_000)]))


def test_wkb_with_an_srid():
    there = geopandas.GeoSeries([BOX], crs=4326).to_crs(3857)[0]
    data = shapely.to_wkb(shapely.set_srid(there, 3857), include_srid=True)
    assert cw.cover(data, max_cells=50).area() == pytest.approx(cw.cover(BOX, max_cells=50).area(), rel=0.01)


# --- what comes out for rows ------------------------------------------------------------------------------------------


def test_coverings_keep_the_index():
    rows = geopandas.GeoSeries([BOX, HOLED, shapely.Point(1, 1)], index=["x", "y", "y"], crs=4326)
    coverings = cw.cover(rows, max_cells=5)
    assert repr(coverings) == f"Coverings(3 rows, {len(coverings.values)} cells)"
    series = coverings.to_series()
    assert list(series.index) == ["x", "y", "y"]
    assert series.name == "covering"
    assert series.iloc[1] == coverings[1] == list(coverings)[1]
    frame = coverings.to_frame()
    assert list(frame.columns) == ["row", "cell"]
    assert frame.cell.dtype == np.uint64
    assert frame.row.tolist() == [*["x"] * len(coverings[0]), *["y"] * (len(frame) - len(coverings[0]))]
    part = coverings[1:]
    assert isinstance(part, cw.Coverings)
    assert list(part.index) == ["y", "y"]
    assert part[0] == coverings[1]
    assert coverings.to_arrow().to_pylist()[2] == coverings[2].cells.tolist()
    assert [len(x) for x in coverings.explode()] == [len(frame)] * 2
    assert len(cw.cover([], max_cells=3) if False else cw.cover(geopandas.GeoSeries([], crs=4326))) == 0


# --- bad geometries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edges", ["planar", "geodesic"])
def test_an_invalid_row_is_named(edges, backend):
    rows = geopandas.GeoSeries([BOX, BOW_TIE, HOLED], index=["a", "b", "c"], crs=4326)
    with pytest.raises(InvalidRegionError, match=r"in row 1 \('b'\) \(1 of 3 rows\)"):
        cw.cover(rows, edges=edges)
    with pytest.raises(InvalidRegionError, match=r"in row 1 \(1 of 3 rows\)"):
        cw.cover(list(rows), edges=edges)
    left = cw.cover(rows, edges=edges, on_invalid="null")
    assert (left.sizes == 0).tolist() == [False, True, False]
    with pytest.warns(InvalidCoordinatesWarning, match="1 of 3 regions are left out, the first in row 1"):
        cw.cover(rows, edges=edges, on_invalid="warn")
    mended = cw.cover(rows, edges=edges, on_invalid="fix", max_cells=50)
    assert mended[1].contains(lat=[0.5, 1.5], lng=[0.2, 1.8]).all()
    assert not mended[1].contains(lat=1.0, lng=0.3) or mended[1].area() < 4 * cw.region(shapely.box(0, 0, 2, 2)).area()
    assert cw.cover(BOW_TIE, edges=edges, on_invalid="null") == cw.CellUnion([])


def test_a_bow_tie_is_no_six_faces():
    for edges in ("planar", "geodesic"):
        assert cw.cover(BOW_TIE, edges=edges, on_invalid="fix").area(unit="sr") < 0.1


@pytest.mark.parametrize("on_invalid", ["null", "fix", "warn"])
def test_a_missing_row_stays_empty_and_is_refused_by_default(on_invalid):
    rows = geopandas.GeoSeries([BOX, None], crs=4326)
    with pytest.raises(InvalidRegionError, match="a missing geometry in row 1"):
        cw.cover(rows)
    if on_invalid == "warn":
        with pytest.warns(InvalidCoordinatesWarning, match="a missing geometry"):
            coverings = cw.cover(rows, on_invalid=on_invalid)
    else:
        coverings = cw.cover(rows, on_invalid=on_invalid)
    assert (coverings.sizes == 0).tolist() == [False, True]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (shapely.Polygon([(0, 91), (1, 91), (1, 93)]), r"lat 91.0 beyond -90..90; lat and lng look swapped"),
        (shapely.Polygon([(47, -122), (48, -122), (48, -121)]), r"lat -122.0 beyond .*swapped"),
        (shapely.box(361, 0, 362, 1), r"lng 361.0 beyond|lng 362.0 beyond"),
        (shapely.Point(np.nan, 1), "lng nan"),
        (shapely.LineString([(0, 0), (1, np.inf)]), "lat inf"),
        (shapely.Polygon([(0, 0), (1, 1), (2, 2)]), "polygon with"),
        (b"nothing", "7 bytes that are no WKB"),
        (b"", "0 bytes that are no WKB"),
        (shapely.to_wkb(BOX)[:-1], "WKB that end early"),
        (shapely.to_wkb(shapely.set_srid(BOX, 999_999), include_srid=True), "WKB with the unknown SRID 999999"),
        (b"\x01\x63\x00\x00\x00", "WKB with a geometry of kind 99"),
        ({"type": "Polygon"}, "GeoJSON with a bad 'Polygon'"),
        ({"type": "Blob", "coordinates": []}, "GeoJSON with a bad 'Blob'"),
        ({"type": "GeometryCollection", "geometries": 3}, "GeometryCollection without geometries"),
        ({"type": "Polygon", "coordinates": [[(0, 0), (1, 1)]]}, "GeoJSON with a bad 'Polygon'"),
        ({"type": "Feature", "geometry": None}, "a missing geometry"),
        ({"type": "FeatureCollection"}, "FeatureCollection without features"),
        (Interface(5), "Interface, which is no geometry"),
    ],
)
def test_what_is_wrong_is_said(bad, words):
    with pytest.raises(InvalidRegionError, match=words):
        cw.cover(bad)


def test_nesting_is_bounded():
    inner = {"type": "Point", "coordinates": [1, 2]}
    for _ in range(40):
        inner = {"type": "GeometryCollection", "geometries": [inner]}
    with pytest.raises(InvalidRegionError, match="GeoJSON with more than 32 collections within one another"):
        cw.cover(inner)
    header = struct.pack("<BII", 1, 7, 1)
    with pytest.raises(InvalidRegionError, match="WKB with more than 32 collections within one another"):
        cw.cover(header * 100_000 + shapely.to_wkb(shapely.Point(1, 2)))
    deep = shapely.Point(1, 2)
    for _ in range(33):
        deep = shapely.GeometryCollection([deep])
    with pytest.raises(InvalidRegionError, match="at most 32 collections"):
        cw.cover(deep)


def test_a_count_that_is_not_there_allocates_nothing():
    for kind in (2, 3, 4, 7):
        with pytest.raises(InvalidRegionError, match="WKB"):
            cw.cover(struct.pack("<BII", 1, kind, 0xFFFFFFFF))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_geometry_or_an_error(data):
    with contextlib.suppress(ValueError):
        cw.cover(data, max_level=3)


@given(st.integers(0, len(shapely.to_wkb(HOLED)) - 1), st.integers(0, 255))
def test_damaged_wkb_is_a_geometry_or_an_error(at, byte):
    data = bytearray(shapely.to_wkb(HOLED))
    data[at] = byte
    try:
        cw.cover(bytes(data), max_level=3)
    except ValueError:
        pass
    except UserWarning:  # a vertex far to the east or west
        pass


def test_rings_of_too_few_points_in_geojson():
    short = {"type": "Polygon", "coordinates": [[(0, 0), (1, 1)]]}
    unclosed = {"type": "Polygon", "coordinates": [[(0, 0), (1, 0), (1, 1)], [(0.5, 0.2)]]}
    rows = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": g} for g in (short, unclosed)]}
    with pytest.raises(InvalidRegionError, match=r"in row 0 \(2 of 2 rows\)|in row 0 \(1 of 2 rows\)"):
        cw.cover(rows)
    mended = cw.cover(rows, on_invalid="fix", max_cells=200)
    assert mended[0].contains(lat=0.5, lng=0.5)  # the line that it is
    assert mended[1] == cw.cover(shapely.Polygon([(0, 0), (1, 0), (1, 1)]), max_cells=200)
    with pytest.raises(InvalidRegionError, match="bad 'Polygon'"):
        cw.cover({"type": "Polygon", "coordinates": [5]}, on_invalid="fix")


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (
            lambda: cw.cover(BOX, edges="straight"),
            ValueError,
            "edges must be one of 'planar', 'geodesic': got 'straight'",
        ),
        (lambda: cw.cover([BOX], edges="straight"), ValueError, "edges must be one of"),
        (lambda: cw.cover(BOX, on_invalid="ignore"), ValueError, "on_invalid must be one of"),
        (lambda: cw.cover(BOX, oriented=True), ValueError, "oriented must be False with planar edges"),
        (lambda: cw.cover(cw.Cap(0, 0, 1), edges="planar"), TypeError, "edges is for polygons and lines: got Cap"),
        (
            lambda: cw.cover(cw.Cap(0, 0, 1), oriented=True),
            TypeError,
            "oriented is for geometries and vertices: got Cap",
        ),
    ],
)
def test_options_that_make_no_sense(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


# --- real data --------------------------------------------------------------------------------------------------------


def real(shared, name):
    return json.loads(gzip.open(shared / "data" / name).read())


@pytest.mark.parametrize("edges", ["planar", "geodesic"])
@pytest.mark.parametrize(
    ("name", "bad"), [("ne_110m_countries", 1), ("nyc_taxi_zones", 1), ("porto_alegre_bairros_raw", 19)]
)
def test_real_invalid_rings(shared, name, bad, edges):
    """Sudan crosses itself, a taxi zone touches itself, and six districts of Porto Alegre have too few points."""
    features = real(shared, f"{name}.geojson.gz")
    with pytest.raises(InvalidRegionError, match=r"region must be valid: got .* in row \d+"):
        cw.cover(features, edges=edges)
    left = cw.cover(features, edges=edges, on_invalid="null")
    assert 1 <= (left.sizes == 0).sum() <= bad
    mended = cw.cover(features, edges=edges, on_invalid="fix")
    assert (mended.sizes > 0).all()
    for row in np.flatnonzero(left.sizes == 0):
        assert mended[int(row)].area(unit="sr") < 1


def test_chains():
    rows = np.array(
        [HOLED, None, shapely.Point(5, 6), shapely.MultiLineString([[(0, 1), (2, 3)], [(4, 5), (6, 7)]])], object
    )
    chains = chains_of(rows)
    assert chains.rows.tolist() == [0, 2, 2, 3, 5]
    assert chains.roles.tolist() == [1, 2, 0, 0, 0]
    assert np.diff(chains.offsets).tolist() == [5, 5, 1, 2, 2]
    assert chains.lng[-4:].tolist() == [0, 2, 4, 6]
    assert chains.lat[-4:].tolist() == [1, 3, 5, 7]
