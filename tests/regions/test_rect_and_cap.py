"""Rectangles and caps as things to ask: membership, area, equality, other libraries' regions."""

import copy
import math
import pickle

import numpy as np
import oracle
import pandas as pd
import pytest
import s2sphere

import cellwise as cw
from cellwise.errors import InvalidRegionError


def contains_latlng(region, lat, lng):
    """Google's answers for positions."""
    return [region.Contains(oracle.s2.S2LatLng.FromDegrees(a, b)) for a, b in zip(lat.tolist(), lng.tolist())]


def contains_point(region, lat, lng):
    return [region.Contains(oracle.s2.S2LatLng.FromDegrees(a, b).ToPoint()) for a, b in zip(lat.tolist(), lng.tolist())]


# --- rectangles ---------------------------------------------------------------------------------------------------------


def test_rects_contain_what_googles_do(backend):
    rng = np.random.default_rng(501)
    for lat, lng, _ in oracle.random_rects(502, 200):
        x, y = oracle.random_positions(rng, 30)
        x[:6], y[:6] = (
            [*lat, *lat, lat[0], lat[1]],
            [*lng, lng[1], lng[0], (lng[0] + lng[1]) / 2, (lng[0] + lng[1]) / 2],
        )
        x[6:18] = np.clip(lat[0] + (lat[1] - lat[0]) * rng.uniform(-0.3, 1.3, 12), -90, 90)
        y[6:18] = lng[0] + ((lng[1] - lng[0]) % 360) * rng.uniform(-0.3, 1.3, 12)
        y = np.where(np.abs(y) > 180, y - np.copysign(360, y), y)
        theirs = contains_latlng(oracle.rect(lat, lng), x, y)
        assert cw.Rect(lat=lat, lng=lng).contains(x, y).tolist() == theirs, (lat, lng)


def test_bounds_belong_to_the_rect(backend):
    rect = cw.Rect(lat=(-10, 10), lng=(170, -170))
    assert rect.contains([-10, 10, 0, 0, 10, -10], [180, -180, 170, -170, 190, -190]).all()
    assert not rect.contains([-10.001, 10.001, 0, 0, 0], [180, 180, 169.999, -169.999, 0]).any()
    for meridian in (180, -180):
        line = cw.Rect(lat=(-10, 10), lng=(meridian, meridian))
        assert line.contains([0, 0, 0, 0], [180, -180, 179.999, -179.999]).tolist() == [True, True, False, False]
    for west, east in ((170, 180), (170, -180)):
        assert cw.Rect(lat=(-10, 10), lng=(west, east)).contains(0, [180, -180, 175, -175, 0]).tolist() == [
            1,
            1,
            1,
            0,
            0,
        ]
    for west, east in ((-180, -170), (180, -170)):
        assert cw.Rect(lat=(-10, 10), lng=(west, east)).contains(0, [180, -180, 175, -175, 0]).tolist() == [
            1,
            1,
            0,
            1,
            0,
        ]
    everything = cw.Rect(lat=(-90, 90), lng=(-180, 180))
    assert everything.contains([-90, 90, 0, 0, 12], [0, 0, 180, -180, 360]).all()


@pytest.mark.parametrize(
    ("lng", "same"),
    [
        ((170, 190), (170, -170)), ((-190, -170), (170, -170)), ((350, 10), (-10, 10)), ((-10, 370 - 360), (-10, 10)),
        ((350, 359), (-10, -1)), ((-360, -350), (0, 10)), ((0, 360), (-180, 180)), ((-360, 360), (-180, 180)),
        ((-90, 270), (-180, 180)), ((180, 180), (-180, -180)), ((360, 360), (0, 0)), ((-360, -360), (0, 0)),
        ((180, -180), (180, 180)), ((190, 170), (-170, 170)), ((270, 280), (-90, -80)), ((10, 180), (10, -180)),
    ],
)  # fmt: skip
def test_longitudes_of_any_turn(lng, same, backend):
    a, b = cw.Rect(lat=(1, 2), lng=lng), cw.Rect(lat=(1, 2), lng=same)
    assert a == b
    assert hash(a) == hash(b)
    assert a.area() == pytest.approx(b.area(), rel=1e-13)
    assert a.is_thin == b.is_thin
    probe = np.linspace(-360, 360, 1441)
    assert (a.contains(1.5, probe) == b.contains(1.5, probe)).all()
    assert cw.cover(a, max_level=12) == cw.cover(b, max_level=12)


def test_areas_of_rects(backend):
    for lat, lng, _ in oracle.random_rects(503, 300):
        theirs = oracle.rect(lat, lng).Area()
        assert cw.Rect(lat=lat, lng=lng).area(unit="sr") == pytest.approx(theirs, rel=1e-13, abs=1e-16)
    whole = cw.Rect(lat=(-90, 90), lng=(-180, 180))
    assert whole.area(unit="sr") == 4 * math.pi
    assert whole.area() == 4 * math.pi * cw.EARTH_RADIUS_M**2
    assert whole.area(unit="km2") == pytest.approx(5.1006607e8, rel=1e-7)
    assert cw.Rect(lat=(0, 90), lng=(0, 90)).area(unit="sr") == pytest.approx(math.pi / 2, rel=1e-15)
    assert cw.Rect(lat=(10, 20), lng=(30, 30)).area() == 0 == cw.Rect(lat=(10, 10), lng=(30, 40)).area()
    with pytest.raises(ValueError, match="unit must be one of"):
        whole.area(unit="m")


def test_small_rects_have_accurate_areas(backend):
    """The difference of the sines of near latitudes cancels: a meter by a meter at 80 north, still to 1e-9."""
    for lat, size in ((80.0, 1e-5), (45.0, 1e-6), (-89.0, 1e-4), (0.0, 1e-7)):
        rect = cw.Rect(lat=(lat, lat + size), lng=(10, 10 + size))
        width, height = math.radians(rect.lng[1] - rect.lng[0]), math.radians(rect.lat[1] - rect.lat[0])
        exact = width * 2 * math.cos(math.radians(lat + size / 2)) * math.sin(height / 2)
        assert rect.area(unit="sr") == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(
    ("lat", "lng", "thin"),
    [
        ((0, 1), (0, 1), False), ((0, 0), (0, 1), True), ((0, 1), (5, 5), True), ((0, 1), (180, -180), True),
        ((0, 1), (-180, -180), True), ((0, 1), (-180, 180), False), ((90, 90), (-180, 180), True), ((0, 1), (0, 360), False),
        ((0, 1), (-180, -170), False), ((0, 5e-324), (0, 1), False),
    ],
)  # fmt: skip
def test_thin_rects(lat, lng, thin):
    assert cw.Rect(lat=lat, lng=lng).is_thin is thin or (lat == (0, 5e-324))


@pytest.mark.parametrize(
    ("lat", "lng", "kind", "words"),
    [
        ((0, 91), (0, 1), ValueError, "lat must be in -90..90 degrees: got 91"),
        ((-91, 0), (0, 100), ValueError, "lat must be in -90..90 degrees: got -91.0$"),
        ((-122, -121), (37, 38), ValueError, "got -122.0; lat and lng look swapped"),
        ((0, 1), (0, 361), ValueError, "lng must be in -360..360 degrees: got 361"),
        ((0, 1), (-360.5, 1), ValueError, "lng must be in -360..360 degrees: got -360.5"),
        ((1, 0), (0, 1), ValueError, r"lat must be \(south, north\): got \(1.0, 0.0\)"),
        ((math.nan, 0), (0, 1), ValueError, "lat must be finite: got nan"),
        ((0, 1), (0, math.inf), ValueError, "lng must be finite: got inf"),
        ((0,), (0, 1), TypeError, "lat must be a pair"),
        ((0, 1, 2), (0, 1), TypeError, "lat must be a pair"),
        (5, (0, 1), TypeError, "lat must be a pair"),
        (None, (0, 1), TypeError, "lat must be a pair"),
        ((0, 1), "01", TypeError, "lng must be a number"),
        ((0, "1"), (0, 1), TypeError, "lat must be a number"),
        ((True, 1), (0, 1), TypeError, "lat must be a number"),
        ((0, None), (0, 1), TypeError, "lat must be a number"),
    ],
)
def test_rects_that_are_none(lat, lng, kind, words):
    with pytest.raises(kind, match=words):
        cw.Rect(lat=lat, lng=lng)


def test_rects_from_any_pair_of_numbers():
    expected = cw.Rect(lat=(0, 1), lng=(2, 3))
    for make in (list, np.array, lambda x: np.array(x, np.float32), lambda x: np.array(x, np.int8), pd.Series, iter):
        rect = cw.Rect(lat=make([0, 1]), lng=make([2, 3]))
        assert rect == expected
        assert [type(x) for x in (*rect.lat, *rect.lng)] == [float] * 4


# --- caps -----------------------------------------------------------------------------------------------------------------


def test_caps_contain_what_googles_do(backend):
    rng = np.random.default_rng(504)
    for lat, lng, height, _ in oracle.random_caps(505, 200):
        region, theirs = cw.Cap.from_height(lat, lng, height), oracle.cap(lat, lng, height)
        x, y = oracle.random_positions(rng, 20)
        x[0], y[0] = lat, lng
        near = math.degrees(2 * math.asin(math.sqrt(height / 2))) * rng.uniform(0, 1.5, 10)
        x[1:11] = np.clip(lat + near * rng.choice([-1, 1], 10), -90, 90)
        y[1:11] = lng
        assert region.contains(x, y).tolist() == contains_point(theirs, x, y), region
        assert region.contains(lat, lng) is True


def test_radius_height_and_area_tell_one_size(backend):
    for radius in (0, 1e-9, 1e-3, 1, 1000, 1e6, math.pi / 2 * 6371010, math.pi * 6371010, 1e8):
        cap = cw.Cap(10, 20, radius)
        angle = min(radius / cw.EARTH_RADIUS_M, math.pi)
        assert cap.height() == pytest.approx(1 - math.cos(angle) if angle > 1e-3 else angle**2 / 2, rel=1e-9)
        assert cap.radius() == pytest.approx(angle * cw.EARTH_RADIUS_M, rel=1e-7)
        assert cap.area(unit="sr") == pytest.approx(2 * math.pi * cap.height(), rel=1e-15)
        assert cw.Cap.from_height(10, 20, cap.height()) == cap
    assert cw.Cap(0, 0, 1, unit="km").height() == pytest.approx(cw.Cap(0, 0, 1000).height(), rel=1e-15)
    assert cw.Cap(0, 0, 1, unit="deg").radius(unit="rad") == pytest.approx(math.radians(1), rel=1e-15)
    assert cw.Cap(0, 0, 1, unit="rad").radius(unit="deg") == pytest.approx(math.degrees(1), rel=1e-15)
    assert cw.Cap(0, 0, 180, unit="deg").height() == 2 == cw.Cap(0, 0, 1e12).height()
    assert cw.Cap(0, 0, 1e12).contains([90, -90, 0], [0, 0, 180]).all()


def test_heights_equal_googles(backend):
    for lat, lng, height, _ in oracle.random_caps(506, 200):
        assert cw.Cap.from_height(lat, lng, height).height() == oracle.cap(lat, lng, height).height()


def test_a_point_is_a_cap(backend):
    for cap in (cw.Cap(10, 20, 0), cw.Cap.from_height(10, 20, 0)):
        assert cap.contains([10, 10, 10.0001], [20, 380 - 360, 20]).tolist() == [True, True, False]
        assert (cap.area(), cap.radius(), cap.height()) == (0, 0, 0)
        covering = cw.cover(cap)
        assert covering.contains(lat=10, lng=20)
        assert list(covering) == oracle.covering(oracle.cap(10, 20, 0.0))


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: cw.Cap(0, 0, -1), ValueError, "radius must be 0 or more: got -1"),
        (lambda: cw.Cap(0, 0, math.nan), ValueError, "radius must be finite: got nan"),
        (lambda: cw.Cap(0, 0, math.inf), ValueError, "radius must be finite: got inf"),
        (lambda: cw.Cap(0, 0, "5"), TypeError, "radius must be a number"),
        (lambda: cw.Cap(0, 0, True), TypeError, "radius must be a number"),
        (lambda: cw.Cap(0, 0, 5, unit="mi"), ValueError, "unit must be one of"),
        (lambda: cw.Cap(91, 0, 5), ValueError, "lat must be in -90..90 degrees: got 91"),
        (lambda: cw.Cap(-122.4, 37.8, 5), ValueError, "lat must be .*swapped"),
        (lambda: cw.Cap(0, 361, 5), ValueError, "lng must be in -360..360 degrees: got 361"),
        (lambda: cw.Cap(math.nan, 0, 5), ValueError, "lat must be"),
        (lambda: cw.Cap([1, 2], 0, 5), TypeError, "lat must be a number"),
        (lambda: cw.Cap.from_height(0, 0, -1e-9), ValueError, r"height must be in 0\.\.2"),
        (lambda: cw.Cap.from_height(0, 0, 2.1), ValueError, r"height must be in 0\.\.2: got 2.1"),
        (lambda: cw.Cap.from_height(0, 0, math.nan), ValueError, "height must be finite"),
        (lambda: cw.Cap.from_height(100, 0, 1), ValueError, "lat must be in -90..90"),
        (lambda: cw.Cap(0, 0), TypeError, "radius"),
    ],
)
def test_caps_that_are_none(call, kind, words, backend):
    with pytest.raises(kind, match=words):
        call()


# --- both -----------------------------------------------------------------------------------------------------------------

REGIONS = [cw.Rect(lat=(-1, 1.5), lng=(170, -170)), cw.Cap(10, 20, 30, unit="km"), cw.Cap.from_height(10, 20, 0.3)]


@pytest.mark.parametrize("region", REGIONS, ids=repr)
def test_regions_are_values(region):
    for again in (pickle.loads(pickle.dumps(region)), copy.copy(region), copy.deepcopy(region)):
        assert again == region
        assert hash(again) == hash(region)
        assert repr(again) == repr(region)
        assert cw.cover(again) == cw.cover(region)
    assert len({*REGIONS, region}) == len(REGIONS)
    assert region != "region"
    assert (region == 5) is False
    assert cw.region(region) is region


def test_a_rect_prints_as_it_is_made():
    rect = REGIONS[0]
    assert eval(repr(rect), {"Rect": cw.Rect}) == rect
    cap = cw.Cap(10, 20, 30)
    again = eval(repr(cap), {"Cap": cw.Cap})
    assert again.radius() == pytest.approx(cap.radius(), rel=1e-12)


@pytest.mark.parametrize("region", REGIONS, ids=repr)
def test_regions_are_asked_in_any_shape(region, backend):
    assert type(region.contains(0, 0)) is bool
    assert region.contains(np.zeros((3, 1)), np.zeros((1, 4))).shape == (3, 4)
    assert region.contains([], []).shape == (0,)
    assert region.contains([], []).dtype == bool
    assert np.asarray(region.contains(pd.Series([0.0, 1.0]), pd.Series([0.0, 1.0]))).shape == (2,)
    for bad in ((91, 0), (0, 400), (math.nan, 0), ([0, math.inf], 0)):
        with pytest.raises(ValueError, match="(lat|lng) must be"):
            region.contains(*bad)
    for bad in (("0", 0), (None, [True]), (0, True)):
        with pytest.raises((TypeError, ValueError), match="(lat|lng) must be"):
            region.contains(*bad)


def test_covered_positions_are_contained(backend):
    """A region and its covering at a fine level agree, but for a thin margin that belongs to the covering alone."""
    rng = np.random.default_rng(507)
    for region in (
        cw.Rect(lat=(-1, 1), lng=(179, -179)),
        cw.Cap(89.5, 0, 100, unit="km"),
        cw.Cap(35.2, 45, 120, unit="km"),
    ):
        outer = cw.cover(region, max_cells=80)
        inner = cw.cover(region, max_cells=80, interior=True)
        lat, lng = cw.cell_to_latlng(cw.cell_children(outer.cells, np.minimum(outer.levels + 2, 30)).values)
        lat, lng = np.append(lat, rng.uniform(-90, 90, 500)), np.append(lng, rng.uniform(-180, 180, 500))
        inside = region.contains(lat, lng)
        assert outer.contains(lat=lat[inside], lng=lng[inside]).all()
        assert not inner.contains(lat=lat[~inside], lng=lng[~inside]).any()
        assert 0 < inside.sum() < len(inside)


# --- other libraries' regions -----------------------------------------------------------------------------------------------------


def test_regions_of_s2sphere():
    rect = s2sphere.LatLngRect(s2sphere.LatLng.from_degrees(1, 170), s2sphere.LatLng.from_degrees(3, -170))
    assert isinstance(cw.region(rect), cw.Rect)
    assert cw.cover(rect).contains(lat=2, lng=180)
    np.testing.assert_allclose((*cw.region(rect).lat, *cw.region(rect).lng), (1, 3, 170, -170), rtol=1e-15)
    cap = s2sphere.Cap.from_axis_height(s2sphere.LatLng.from_degrees(10, 20).to_point(), 0.01)
    assert isinstance(cw.region(cap), cw.Cap)
    assert cw.region(cap).height() == pytest.approx(0.01, rel=1e-15)
    np.testing.assert_allclose((cw.region(cap).lat, cw.region(cap).lng), (10, 20), rtol=1e-14)
    cell = s2sphere.CellId.from_token("951977d34")
    union = s2sphere.CellUnion([cell.id()])
    for anything in (union, cell, s2sphere.Cell(cell)):
        assert list(cw.region(anything)) == [cell.id()]
    everything = s2sphere.LatLngRect.full()
    assert cw.region(everything).area(unit="sr") == pytest.approx(4 * math.pi, rel=1e-15)
    for empty in (s2sphere.LatLngRect.empty(), s2sphere.Cap.empty()):
        with pytest.raises((InvalidRegionError, ValueError), match="empty|must"):
            cw.region(empty)


@pytest.mark.parametrize("bad", [None, 3, "POINT (1 2)", [1, 2], {}, object(), float("nan")])
def test_what_is_no_region(bad):
    with pytest.raises((InvalidRegionError, TypeError), match="region must be"):
        cw.region(bad)
