"""Regions with edges straight in longitude and latitude: coverings that contain them, hardly more, and nothing less."""

import pickle

import numpy as np
import oracle
import pytest
import shapely
from random_polygons import KINDS, cells_or_limit, random_options, random_polygon
from work import many

import cellwise as cw
from cellwise import PlanarRegion
from cellwise._cover_options import CoverOptions
from cellwise.errors import CellLimitError, InvalidRegionError
from cellwise.testing import on_each_backend, use

DEGREE_M = np.radians(1) * cw.EARTH_RADIUS_M
WIDE = shapely.box(-120, 40, -60, 49)  # the geodesic between its northern corners goes up to 53.0


def points_on(geometry, rng, n):
    """Positions (lat, lng) in the geometry: on its edges, at its vertices and within."""
    edge = geometry.boundary if geometry.area > 0 else geometry
    along = shapely.line_interpolate_point(edge, rng.uniform(0, 1, n), normalized=True) if edge.length else []
    xy = [shapely.get_coordinates(along), shapely.get_coordinates(geometry)]
    west, south, east, north = geometry.bounds
    x, y = rng.uniform(west, east, n), rng.uniform(south, north, n)
    inside = shapely.intersects_xy(geometry, x, y)
    lng, lat = np.concatenate([*xy, np.column_stack((x, y))[inside]]).T
    return np.clip(lat, -90, 90), lng


def outline(cell, steps):
    """Points (lng, lat) round a cell, along its geodesic edges."""
    corners = cw.cell_vertices(cell)
    lat, lng = np.radians(corners[:, 0]), np.radians(corners[:, 1])
    xyz = np.column_stack((np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)))
    t = np.arange(steps) / steps
    ring = np.concatenate([(1 - t)[:, None] * a + t[:, None] * b for a, b in zip(xyz, np.roll(xyz, -1, axis=0))])
    return np.column_stack(
        (np.degrees(np.arctan2(ring[:, 1], ring[:, 0])), np.degrees(np.arctan2(ring[:, 2], np.hypot(*ring[:, :2].T))))
    )


# --- the promise ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_cells", [8, 300, 3000])
def test_a_box_60_degrees_wide(max_cells, backend):
    if backend == "numpy" and max_cells > 300:
        pytest.skip("its coverings are compared on smaller ones")
    rng = np.random.default_rng(51)
    covering, within = (cw.cover(WIDE, max_cells=max_cells, interior=interior) for interior in (False, True))
    lat, lng = points_on(WIDE, rng, 20_000)
    assert covering.contains(lat=lat, lng=lng).all()
    assert cw.region(WIDE).contains(*cw.cell_to_latlng(within.cells)).all()
    assert shapely.covers(WIDE, shapely.polygons([outline(int(cell), 64) for cell in within.cells])).all()
    exact = cw.region(WIDE).area()
    assert within.area() < exact < covering.area()
    if max_cells == 3000:
        assert covering.area() < 1.02 * exact
        assert not covering.contains(lat=51.5, lng=-90)


def test_long_edges_cost_few_sub_edges(monkeypatch):
    """Their number follows what is asked: a coarse covering of a box as wide as a third of the world is as quick."""
    with use(backend="numpy"):
        shape = PlanarRegion(WIDE)._shape
        regions = []
        monkeypatch.setattr(shape, "region", lambda interior: regions.append(type(shape).region(shape)) or regions[-1])
        shape.cover(CoverOptions(max_cells=8))
    (region,) = regions
    assert len(region.edges.sub_edges) < 20
    assert sum(map(len, region._sub_edges.values())) < 100


@pytest.mark.parametrize("kind", [*KINDS, "line", "point"])
def test_every_extra_cell_comes_within_a_decimeter(kind):
    rng = np.random.default_rng(52)
    for _ in range(12):
        shape = random_polygon(rng, kind if kind in KINDS else "any", size=10 ** rng.uniform(-4, 0.5))
        if kind == "line":
            shape = shapely.LineString(shapely.get_coordinates(shape)[:5])
        elif kind == "point":
            shape = shapely.MultiPoint(shapely.get_coordinates(shape)[:5])
        if not -170 < shape.bounds[0] < shape.bounds[2] < 170:
            continue
        covering = cw.cover(shape, max_cells=400)
        rings = [outline(int(cell), 64) for cell in covering.cells if cw.cell_level(int(cell)) >= 10]
        if not rings:
            continue
        apart = shapely.distance(shapely.polygons(rings), shape) * DEGREE_M  # degrees of longitude are shorter
        assert apart.max() < 0.1


def test_a_thousand_polygons_against_shapely():
    rng = np.random.default_rng(53)
    shapes = [random_polygon(rng, KINDS[k % len(KINDS)]) for k in range(1000)]
    coverings = cw.cover(shapes, max_cells=40)
    inner = cw.cover(shapes, max_cells=40, interior=True)
    assert (coverings.sizes > 0).all()
    assert (inner.sizes > 0).mean() > 0.8
    for shape, covering, within in zip(shapes, coverings, inner):
        lat, lng = points_on(shape, rng, 200)
        assert covering.contains(lat=lat, lng=lng).all()
        if len(within) and -179 < shape.bounds[0] < shape.bounds[2] < 179:
            lat, lng = cw.cell_vertices(within.cells).reshape(-1, 2).T
            # cells at the very edge may have their corners on it, but for a rounding
            near = shapely.distance(shape, shapely.points(lng, lat))
            assert near.max() < 1e-12


@pytest.mark.both_backends
def test_both_backends_give_the_same_cells():
    rng = np.random.default_rng(54)
    for k in range(many(64, 200)):
        shape = random_polygon(rng, KINDS[k % len(KINDS)])
        if k % 8 == 7:
            shape = shape.boundary
        options = random_options(rng, shape)
        if options["max_cells"] > 60:
            options["max_cells"] = 60
        native, reference = on_each_backend(cells_or_limit, shape, **options)
        assert native == reference, (shape.wkt, options)


# --- what does not matter -------------------------------------------------------------------------------------------


def test_where_and_which_way_a_ring_runs(backend):
    rng = np.random.default_rng(55)
    for _ in range(20 if backend == "native" else 2):
        ring = np.array(random_polygon(rng, "any").exterior.coords)[:-1]
        start = int(rng.integers(len(ring)))
        doubled = np.repeat(np.roll(ring, start, axis=0), 2, axis=0)
        same = [
            ring,
            np.roll(ring, start, axis=0),
            doubled,
            ring[::-1],
            np.add(ring, (360 if ring[:, 0].max() <= 0 else 0, 0)),
        ]
        coverings = {cw.cover(shapely.Polygon(each), max_cells=30) for each in same}
        assert len(coverings) == 1


def test_z_is_dropped():
    flat, high = shapely.box(0, 0, 1, 1), shapely.force_3d(shapely.box(0, 0, 1, 1), 80.0)
    assert cw.cover(flat) == cw.cover(high)


# --- where the plane is cut open --------------------------------------------------------------------------------------


def test_170_to_190_is_the_pair_cut_at_180(backend):
    across = shapely.box(170, 0, 190, 10)
    pair = shapely.MultiPolygon([shapely.box(170, 0, 180, 10), shapely.box(-180, 0, -170, 10)])
    west = shapely.box(-190, 0, -170, 10)
    for options in (dict(max_cells=40), dict(max_cells=40, interior=True), dict(min_level=5, max_level=5)):
        assert cw.cover(across, **options) == cw.cover(pair, **options) == cw.cover(west, **options)
    lat, lng = np.array([5, 5, 5, 5, 5, 11.0]), np.array([175, 180, -180, -175, -165, 175.0])
    for region in (across, pair, west):
        assert cw.region(region).contains(lat, lng).tolist() == [True] * 4 + [False] * 2


def test_170_to_minus_170_is_wide_and_warned_about(backend):
    ring = shapely.Polygon([(170, 0), (-170, 0), (-170, 10), (170, 10)])
    with pytest.warns(UserWarning, match=r"340 degrees long.*edges='geodesic'"):
        covering = cw.cover(ring, max_cells=300)
    assert covering.contains(lat=[5, 5], lng=[0, 180]).tolist() == [True, False]
    with pytest.warns(UserWarning, match="in row 1 is 340 degrees"):
        cw.cover([shapely.box(0, 0, 1, 1), ring])


def test_the_whole_world_and_bands(backend):
    assert cw.cover(shapely.box(-180, -90, 180, 90)) == cw.CellUnion(cw.cell_parent(oracle.cells_of_level(0), 0))
    assert len(cw.cover(shapely.box(0, -90, 360, 90), interior=True)) == 6
    band = cw.cover(shapely.box(-180, -10, 180, 10), min_level=4, max_level=4, max_cells=1000, interior=True)
    assert band.contains(lat=[0, 0, 0], lng=[180, -180, 179.9]).all()
    cap = shapely.box(-180, 60, 180, 90)
    assert cw.cover(cap, interior=True, max_cells=100).contains(lat=[90, 89, 70], lng=[0, 180, 180]).all()
    assert cw.region(cap).contains([90, 90], [0, 77]).all()


def test_antarctica(backend):
    """As Natural Earth has it: down along 180, along the pole, and up along -180."""
    land = shapely.Polygon([(-180, -90), (180, -90), (180, -75), (90, -66), (0, -70), (-90, -73), (-180, -75)])
    covering, within = cw.cover(land, max_cells=80), cw.cover(land, max_cells=80, interior=True)
    assert within.contains(lat=[-90, -89.9, -80, -80], lng=[0, 13, 180, -179.99]).all()
    assert within.area() < cw.region(land).area() < covering.area()
    assert within.area() > 0.75 * covering.area()


def test_only_what_the_ring_goes_round_of_a_pole_is_inside(backend):
    wedge = shapely.box(10, 80, 50, 90)
    covering = cw.cover(wedge, max_cells=100)
    assert covering.contains(lat=[90, 85], lng=[0, 30]).all()
    assert not covering.contains(lat=85, lng=100)
    assert not cw.cover(wedge, max_cells=100, interior=True).contains(lat=90, lng=0)


# --- lines, points, nothing -------------------------------------------------------------------------------------------


def test_lines_and_points(backend):
    rng = np.random.default_rng(56)
    line = shapely.LineString([(10, 50), (40, 60), (40, 20)])
    covering = cw.cover(line, max_cells=200)
    lat, lng = points_on(line, rng, 500)
    assert covering.contains(lat=lat, lng=lng).all()
    assert len(cw.cover(line, interior=True)) == 0
    both = shapely.GeometryCollection([line, shapely.box(20, 40, 50, 50)])
    assert cw.cover(both, interior=True, max_cells=50) == cw.cover(both.geoms[1], interior=True, max_cells=50)
    point = cw.cover(shapely.Point(8.5, 47.4))
    assert point.contains(lat=47.4, lng=8.5)
    assert point.levels.tolist() in ([30], [30, 30], [30] * 4)
    many = cw.cover(shapely.MultiPoint([(8, 47), (9, 47), (-70, -30)]), max_cells=50)
    assert many.contains(lat=[47, 47, -30], lng=[8, 9, -70]).all()


def test_a_collection_is_the_union_of_its_parts(backend):
    parts = [
        shapely.Point(0, 0),
        shapely.LineString([(1, 1), (2, 2)]),
        shapely.box(3, 3, 4, 4),
        shapely.box(3.5, 3.5, 5, 5),
    ]
    nested = shapely.GeometryCollection([parts[0], shapely.GeometryCollection(parts[1:])])
    covering = cw.cover(nested, max_cells=100)
    assert covering.contains(lat=[0, 1.5, 3.1, 3.7, 4.9], lng=[0, 1.5, 3.1, 3.7, 4.9]).all()
    assert cw.cover(nested, max_cells=100, interior=True).contains(lat=3.75, lng=3.75)  # where both boxes are
    assert not covering.contains(lat=2.5, lng=0)


@pytest.mark.parametrize("empty", [shapely.Polygon(), shapely.GeometryCollection(), shapely.MultiPoint()])
@pytest.mark.parametrize("edges", ["planar", "geodesic"])
def test_nothing_is_covered_by_nothing(empty, edges, backend):
    assert len(cw.cover(empty, edges=edges)) == 0
    assert len(cw.cover(empty, edges=edges, interior=True)) == 0


# --- the region itself ------------------------------------------------------------------------------------------------


def test_membership_is_shapelys():
    rng = np.random.default_rng(57)
    for kind in KINDS:
        shape = random_polygon(rng, kind, size=5.0)
        west, south, east, north = shape.bounds
        if west < -180 or east > 180:
            continue
        lat, lng = np.clip(rng.uniform(south - 1, north + 1, 4000), -90, 90), rng.uniform(west, east, 4000)
        lat, lng = (
            np.append(lat, shapely.get_coordinates(shape)[:, 1]),
            np.append(lng, shapely.get_coordinates(shape)[:, 0]),
        )
        assert (cw.region(shape).contains(lat, lng) == shapely.intersects_xy(shape, lng, lat)).all()
    assert cw.region(shape).contains(float(lat[-1]), float(lng[-1])) is True
    with pytest.raises(ValueError, match="lat must be"):
        cw.region(shape).contains(91, 0)


def test_area():
    assert cw.region(shapely.box(-180, -90, 180, 90)).area(unit="sr") == pytest.approx(4 * np.pi, rel=1e-14)
    rect = cw.Rect(lat=(-30.2, -30.0), lng=(-51.2, -51.0))
    box = shapely.box(-51.2, -30.2, -51.0, -30.0)
    assert cw.region(box).area() == pytest.approx(rect.area(), rel=1e-9)
    assert cw.region(box.difference(shapely.box(-51.15, -30.15, -51.1, -30.1))).area() < 0.95 * rect.area()
    assert cw.region(shapely.Point(1, 1)).area() == 0


def test_equality_pickling_repr():
    region, same, other = cw.region(WIDE), cw.region(shapely.box(-120, 40, -60, 49)), cw.region(shapely.box(0, 0, 1, 1))
    assert region == same != other
    assert hash(region) == hash(same)
    assert region != 3
    assert pickle.loads(pickle.dumps(region)) == region
    assert repr(region) == "PlanarRegion(Polygon)"
    assert region.geometry is WIDE
    assert cw.region(region) is region


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("POINT (1 2)", "geometry must be a shapely geometry: got str"),
        (shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), r"self-intersection near \(1, 1\)"),
        (shapely.Point(1, 91), "lat 91.0"),
        (shapely.Point(361, 1), "lng 361.0"),
    ],
)
def test_what_is_no_planar_region(bad, words):
    with pytest.raises(InvalidRegionError, match=words):
        PlanarRegion(bad)


# --- limits -----------------------------------------------------------------------------------------------------------


def test_limits(backend):
    with pytest.raises(CellLimitError, match=r"cover would make about .* cells, more than the cell limit"):
        cw.cover(WIDE, min_level=16)
    with cw.set_cell_limit(10):
        with pytest.raises(CellLimitError, match=r"cell limit of 10 in row 1 \(the region has about"):
            cw.cover([shapely.Point(0, 0), shapely.box(0, 0, 1, 1)], max_cells=50)
        with pytest.raises(CellLimitError, match="cell limit of 10 in row [123]"):
            cw.cover([shapely.box(0, 0, 1, 1)] * 4, max_cells=4)  # all rows together


# --- rows -------------------------------------------------------------------------------------------------------------

# A hole that touches its shell: valid, but the kernel is not sure.
DOUBTFUL = shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(0, 0), (2, 1), (1, 2)]])


def test_doubtful_rows_keep_their_places(backend):
    shapes = [shapely.box(9, 9, 10, 10), DOUBTFUL, shapely.Point(3, 3), None, DOUBTFUL, shapely.box(8, 8, 9, 9)]
    rows = cw.cover(shapes, max_cells=20, on_invalid="null")
    alone = [cw.CellUnion([]) if shape is None else cw.cover(shape, max_cells=20) for shape in shapes]
    assert list(rows) == alone
    assert len(rows[1]) > 1


def test_messages_name_rows_by_their_places(backend):
    box = shapely.box(9, 9, 10, 10)
    with pytest.warns(UserWarning, match=r"in row 2 is 340 degrees long"):
        cw.cover([box, box, shapely.Polygon([(170, 0), (-170, 0), (-170, 5), (170, 5)])])
    with pytest.raises(InvalidRegionError, match=r"in row 2 \(1 of 3 rows\)"):
        cw.cover([box, DOUBTFUL, shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])])
    n = len(cw.cover(box, max_cells=20))
    with cw.set_cell_limit(2 * n + 5), pytest.raises(CellLimitError, match="in row [012] "):
        cw.cover([box, DOUBTFUL, box], max_cells=20)


def test_lines_are_checked_where_only_the_interior_is_covered(backend):
    shape = shapely.GeometryCollection([shapely.box(0, 0, 1, 1), shapely.LineString([(0, 0), (0, 91)])])
    with pytest.raises(InvalidRegionError, match="lat 91.0"):
        cw.cover([shape], interior=True)
