"""What every region answers, asked of one of each kind."""

import inspect
import pickle

import numpy as np
import pytest
import shapely

import cellwise as cw

BOX = shapely.box(-51.3, -30.3, -51.0, -30.0)
RING = [(-30.3, -51.3), (-30.3, -51.0), (-30.0, -51.0), (-30.0, -51.3)]
# One of each kind at least, made anew for each test.
REGIONS = {
    "Rect": lambda: cw.Rect(lat=(-30.3, -30.0), lng=(-51.3, -51.0)),
    "Rect across 180": lambda: cw.Rect(lat=(-10, 10), lng=(170, -170)),
    "Cap": lambda: cw.Cap(-30.1, -51.1, 10, unit="km"),
    "Cap over a pole": lambda: cw.Cap(85, 20, 8, unit="deg"),
    "Polygon": lambda: cw.Polygon(RING),
    "Polygon across 180": lambda: cw.Polygon([(-20, 177), (-20, -178), (-12, -178), (-12, 177)]),
    "Polygon around a pole": lambda: cw.Polygon([(70, lng) for lng in range(-180, 180, 15)]),
    "Polyline": lambda: cw.Polyline([(-30.3, -51.3), (-30.1, -51.1), (-30.0, -51.3)]),
    "PlanarRegion": lambda: cw.region(BOX),
    "PlanarRegion of all kinds": lambda: cw.region(
        shapely.GeometryCollection([BOX, shapely.LineString([(-50, -30), (-49, -29)]), shapely.Point(-52, -31)])
    ),
    "GeodesicCollection": lambda: cw.GeodesicCollection([cw.Polygon(RING), cw.Polyline([(-29, -50), (-28, -49)])]),
    "BufferedRegion": lambda: cw.Polygon(RING).buffered(3, unit="km"),
    "BufferedRegion of a line": lambda: cw.Polyline([(10, 179), (11, -179)]).buffered(50, unit="km"),
    "CellUnion": lambda: cw.CellUnion.from_tokens(["951975", "951977d34", "9519c"]),
}
each_region = pytest.mark.parametrize("name", REGIONS)


def kinds(cls=cw.Region):
    """The kinds of regions that the package has."""
    own = [kind for kind in cls.__subclasses__() if kind.__module__.startswith("cellwise.")]
    return own + [each for kind in own for each in kinds(kind)]


def test_one_of_each_kind_is_asked():
    assert {kind.__name__ for kind in kinds()} == {type(make()).__name__ for make in REGIONS.values()}


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_kinds_are_public_and_documented(kind):
    assert getattr(cw, kind.__name__) is kind
    assert len(inspect.getdoc(kind)) > 100
    assert not inspect.isabstract(kind)


def sampled(region, n=2000):
    """Positions in and around a region."""
    rng = np.random.default_rng(3)
    south, north, west, east = region.bounds
    width = 360 if (west, east) == (-180, 180) else (east - west) % 360
    height = max(north - south, 0.1)
    lat = np.clip(rng.uniform(south - height / 4, north + height / 4, n), -90, 90)
    lng = west + rng.uniform(-width / 4, 1.25 * width, n)
    return lat, (lng + 180) % 360 - 180


@each_region
def test_contains(name, backend):
    region = REGIONS[name]()
    lat, lng = sampled(region)
    inside = region.contains(lat, lng)
    assert inside.dtype == bool
    assert inside.shape == lat.shape
    assert isinstance(region.contains(float(lat[0]), float(lng[0])), bool)
    assert region.contains(lat=lat, lng=lng).tolist() == inside.tolist()
    if name == "Polyline":  # nothing: where positions are on an edge depends on roundings
        assert not inside.any()
    else:
        assert 0 < inside.sum() < len(lat)
        assert cw.cover(region, max_cells=100).contains(lat, lng)[inside].all()
        assert inside[cw.cover(region, max_cells=100, interior=True).contains(lat, lng)].all()
    with pytest.raises(ValueError, match="lat must be in"):
        region.contains(91.0, 0.0)


@each_region
def test_nothing_contains_what_is_no_position(name, backend):
    region = REGIONS[name]()
    lat, lng = sampled(region, 50)
    expected = region.contains(lat, lng)
    for k, bad in enumerate([(np.nan, 0.0), (0.0, np.nan), (91.0, 0.0), (0.0, -400.0), (np.inf, np.inf)]):
        lat[k], lng[k] = bad
        assert region.contains(*bad, on_invalid="null") is False
    expected[:5] = False
    assert region.contains(lat, lng, on_invalid="null").tolist() == expected.tolist()
    with pytest.warns(cw.errors.InvalidCoordinatesWarning, match=r"got nan at index 0 \(5 of 50 values\)") as said:
        assert region.contains(lat, lng, on_invalid="warn").tolist() == expected.tolist()
    assert len(said) == 1
    with pytest.raises(ValueError, match="on_invalid must be one of 'raise', 'warn', 'null': got 'fix'"):
        region.contains([], [], on_invalid="fix")


@each_region
def test_area(name, backend):
    region = REGIONS[name]()
    area = region.area(unit="km2")
    assert area == pytest.approx(region.area() / 1e6)
    assert region.area(unit="sr") <= 4 * np.pi
    assert area >= cw.cover(region, max_cells=60, interior=True).area(unit="km2")
    assert area <= cw.cover(region, max_cells=60).area(unit="km2") or name.startswith("Buffered")
    assert (area == 0) == (name == "Polyline")


@each_region
def test_bounds(name):
    region = REGIONS[name]()
    south, north, west, east = region.bounds
    assert all(type(bound) is float for bound in region.bounds)
    assert -90 <= south <= north <= 90
    assert all(-180 <= bound <= 180 for bound in (west, east))
    box = cw.Rect(lat=(south, north), lng=(west, east if west <= east else east + 360))
    lat, lng = sampled(region)
    inside = region.contains(lat, lng)
    assert box.contains(lat, lng)[inside].all()
    # They are tight: a covering of cells of a thousandth of their size does not get along with less.
    if not name.startswith("Buffered"):
        cells = cw.cover(region, max_cells=2000)
        assert south >= cells.bounds[0] - 1e-9
        assert north <= cells.bounds[1] + 1e-9
        for a, b in ((cells.bounds[2], west), (east, cells.bounds[3])):
            assert (b - a) % 360 < 5 or cells.bounds[2:] == (-180, 180)


@each_region
def test_to_shapely_and_boundary(name):
    region = REGIONS[name]()
    geometry, border = region.to_shapely(), region.boundary()
    assert isinstance(geometry, shapely.Geometry)
    assert shapely.is_valid(geometry)
    assert shapely.get_dimensions(border) <= 1
    lat, lng = sampled(region)
    if geometry.area > 0:
        drawn = np.zeros(len(lat), bool)
        for turn in (-360, 0, 360):
            drawn |= shapely.intersects_xy(geometry, lng + turn, lat)
        assert (drawn == region.contains(lat, lng)).mean() > (0.9 if "pole" in name else 0.95)
    south, north, _, _ = region.bounds
    _, low, _, high = border.bounds
    assert south - 1e-9 <= low <= high <= north + 1e-9 or name.startswith("Buffered")


@each_region
def test_buffered(name, backend):
    region = REGIONS[name]()
    wide = region.buffered(5, unit="km")
    assert isinstance(wide, cw.Region)
    assert region.buffered(0) is region
    lat, lng = sampled(region, 300)
    assert wide.contains(lat, lng)[region.contains(lat, lng)].all()
    assert wide.area() > region.area()
    assert cw.cover(region, buffer=5, unit="km", max_cells=20) == cw.cover(wide, max_cells=20)
    for radius, words in ((-1, "radius must be 0 or more"), (np.nan, "radius must be finite")):
        with pytest.raises(ValueError, match=words):
            region.buffered(radius)
    if not isinstance(region, (cw.Cap, cw.CellUnion)):
        with pytest.raises(ValueError, match="less than a quarter of a great circle"):
            region.buffered(90, unit="deg")


@each_region
def test_regions_are_values(name):
    region = REGIONS[name]()
    region.contains(0.0, 0.0)  # what the backend made of it is no part of the value
    again = pickle.loads(pickle.dumps(region))
    assert again == region
    assert hash(again) == hash(region)
    assert region != "a region"
    assert repr(region).startswith(type(region).__name__)
    lat, lng = sampled(region, 50)
    assert again.contains(lat, lng).tolist() == region.contains(lat, lng).tolist()


@pytest.mark.both_backends
@each_region
def test_both_backends_agree(name):
    region = REGIONS[name]()
    lat, lng = sampled(region, 200)

    def answers():
        at_level = cw.cells_at_level(region, cw.level_for_area(max(region.area(), 1e6) / 50), mode="center")
        return region.contains(lat, lng).tolist(), region.area(), cw.cover(region, max_cells=30), at_level

    native, reference = cw.testing.on_each_backend(answers)
    assert native == reference


def test_a_kind_of_region_without_an_answer_is_refused():
    class Nothing(cw.Region):
        __slots__ = ()

    with pytest.raises(TypeError, match="abstract"):
        Nothing()
