"""Regions with a margin."""

import numpy as np
import pytest
import shapely
from random_polygons import KINDS, cells_or_limit, random_options, random_polygon
from work import many

import cellwise as cw
from cellwise.testing import on_each_backend

BOX = shapely.box(-51.3, -30.3, -51.0, -30.0)
FORMS = {
    "planar": lambda: BOX,
    "geodesic": lambda: cw.region(BOX, edges="geodesic"),
    "rect": lambda: cw.Rect(lat=(-30.3, -30.0), lng=(-51.3, -51.0)),
    "line": lambda: shapely.LineString([(-51.3, -30.3), (-51.0, -30.0), (-49, -30)]),
    "polyline": lambda: cw.Polyline([(-30.3, -51.3), (-30.0, -51.0)]),
    "collection": lambda: cw.region(shapely.GeometryCollection([BOX, shapely.Point(-50, -29)]), edges="geodesic"),
    "points": lambda: shapely.MultiPoint([(-51, -30), (-50.8, -30.2)]),
}


def moved(lat, lng, meters, bearing):
    """Positions at a distance and bearing (radians) of others."""
    d = meters / cw.EARTH_RADIUS_M
    lat, lng = np.radians(lat), np.radians(lng)
    to = np.arcsin(np.sin(lat) * np.cos(d) + np.cos(lat) * np.sin(d) * np.cos(bearing))
    turn = np.arctan2(np.sin(bearing) * np.sin(d) * np.cos(lat), np.cos(d) - np.sin(lat) * np.sin(to))
    return np.degrees(to), (np.degrees(lng + turn) + 540) % 360 - 180


def kilometers_apart(geometry, cells):
    """Distance between a geometry near latitude -30 and each of some cells, within 1 %."""
    at_scale = [111.195 * np.cos(np.radians(30.15)), 111.195]
    corners = cw.cell_vertices(cells)[..., ::-1] * at_scale
    return shapely.distance(shapely.transform(geometry, lambda xy: xy * at_scale), shapely.polygons(corners))


@pytest.mark.parametrize("form", list(FORMS))
def test_what_is_within_the_distance_is_covered(form, backend):
    region = FORMS[form]()
    rng = np.random.default_rng(71)
    covering = cw.cover(region, buffer=2, unit="km", max_cells=60 if backend == "native" else 20)
    geometry = region if isinstance(region, shapely.Geometry) else getattr(region, "to_shapely", lambda: BOX)()
    vertices = shapely.get_coordinates(geometry)[:, ::-1]
    lat, lng = np.repeat(vertices, 40, axis=0).T
    lat, lng = moved(lat, lng, rng.uniform(0, 1999.9, len(lat)), rng.uniform(0, 7, len(lat)))
    assert covering.contains(lat=lat, lng=lng).all()
    assert kilometers_apart(geometry, covering.cells).max() < 2.02


def test_the_margin_of_a_point_is_a_cap(backend):
    point, cap = shapely.Point(-51, -30), cw.Cap(-30, -51, 5, unit="km")
    for interior in (False, True):
        ours, theirs = (
            cw.cover(region, max_cells=40, interior=interior, **margin)
            for region, margin in ((point, dict(buffer=5, unit="km")), (cap, {}))
        )
        assert ours.area() == pytest.approx(theirs.area(), rel=0.2)
    assert cw.cover(cap, buffer=1000) == cw.cover(cw.Cap(-30, -51, 6, unit="km"))
    assert cw.cover(cap, buffer=0) == cw.cover(cap)


def test_interior_coverings_lie_within_the_distance():
    rng = np.random.default_rng(72)
    for form in ("planar", "geodesic", "line", "points"):
        within = cw.cover(FORMS[form](), buffer=2, unit="km", max_cells=300, interior=True)
        inside = cw.cells_at_level(FORMS[form](), 14, mode="center", buffer=2, unit="km")
        covering = cw.cover(FORMS[form](), buffer=2, unit="km", max_cells=300)
        assert 0 < within.area() < inside.area() * 1.02 < covering.area() * 1.02
        # Corners of cells within are within 2 km of the region: so are positions a little farther off covered.
        lat, lng = cw.cell_vertices(within.cells).reshape(-1, 2).T
        dense = cw.cover(FORMS[form](), buffer=2.001, unit="km", max_cells=3000)
        assert dense.contains(lat=lat, lng=lng).all()
        around = moved(lat, lng, 1.0, rng.uniform(0, 7, len(lat)))
        assert dense.contains(lat=around[0], lng=around[1]).all()


def test_a_margin_follows_a_curved_edge():
    """Not the geodesic: the northern edge at 49 degrees is 300 km south of it in the middle."""
    wide = shapely.box(-120, 40, -60, 49)
    covering = cw.cover(wide, buffer=10, unit="km", max_cells=2000)
    north = np.degrees(10_000 / cw.EARTH_RADIUS_M)
    lng = np.linspace(-119.9, -60.1, 400)
    assert covering.contains(lat=49 + 0.999 * north, lng=lng).all()
    assert not covering.contains(lat=49 + 20 * north, lng=lng).any()


@pytest.mark.both_backends
@pytest.mark.parametrize("edges", ["planar", "geodesic"])
def test_both_backends_give_the_same_cells(edges):
    rng = np.random.default_rng(73)
    for k in range(many(6, 12)):
        shape = random_polygon(rng, KINDS[k % len(KINDS)], size=10 ** rng.uniform(-3, 0.5))
        shape = shape.boundary if k % 5 == 4 else shape
        options = random_options(rng, shape)
        options["max_cells"] = min(options["max_cells"], 12)
        margin = float(10 ** rng.uniform(1, 5))
        native, reference = on_each_backend(cells_or_limit, shape, edges=edges, buffer=margin, **options)
        assert native == reference, (shape.wkt, margin, options)


def test_rows_with_a_margin():
    rows = [BOX, shapely.Point(1, 1), shapely.Polygon()]
    coverings = cw.cover(rows, buffer=300, max_cells=20)
    assert coverings[0] == cw.cover(BOX, buffer=300, max_cells=20)
    assert coverings[1] == cw.cover(rows[1], buffer=300, max_cells=20)
    assert len(coverings[2]) == 0
    centers = cw.cells_at_level(rows, 15, mode="center", buffer=300)
    assert centers[1] == cw.cells_at_level(rows[1], 15, mode="center", buffer=300)
    assert cw.index_terms(BOX, buffer=30, unit="km").tolist() != cw.index_terms(BOX).tolist()


def test_at_a_pole_and_across_180(backend):
    places = [(90, 0), (0, 180), (-90, 7), (5, -180), (89.999, 100)]
    for lat, lng in places if backend == "native" else places[:2]:
        covering = cw.cover(shapely.Point(lng, lat), buffer=20, unit="km", max_cells=12)
        around = moved(np.full(50, lat), np.full(50, lng), 19_900, np.linspace(0, 7, 50))
        assert covering.contains(lat=around[0], lng=around[1]).all()
        assert covering.area(unit="km2") < 10 * np.pi * 20**2
    if backend == "numpy":
        return
    world = shapely.box(-180, -60, 180, 90)
    assert cw.cover(world, buffer=100, unit="km", max_cells=12).contains(lat=[90, 0, -60.8], lng=[0, 180, 33]).all()


def test_a_union_is_expanded():
    union = cw.CellUnion([cw.token_to_cell("951977d34")])
    assert cw.cover(union, buffer=1000, max_cells=100) == cw.cover(union.expand(radius=1000), max_cells=100)


@pytest.mark.parametrize(
    ("margin", "kind", "words"),
    [
        (dict(buffer=-1), ValueError, "buffer must be 0 or more: got -1.0"),
        (dict(buffer=np.nan), ValueError, "buffer must be finite"),
        (dict(buffer="1 km"), TypeError, "buffer must be a number"),
        (dict(buffer=90, unit="deg"), ValueError, "buffer must be less than a quarter of a great circle: got 90.0 deg"),
        (dict(buffer=1, unit="miles"), ValueError, "unit must be one of"),
    ],
)
@pytest.mark.parametrize("rows", [False, True])
def test_margins_that_make_no_sense(margin, kind, words, rows):
    with pytest.raises(kind, match=words):
        cw.cover([BOX] if rows else BOX, **margin)
