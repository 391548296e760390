"""Coverings: equal to Google's cell for cell, and what must hold for any covering."""

import os
import subprocess
import sys

import numpy as np
import oracle
import pytest
from work import many

import cellwise as cw
from cellwise.errors import CellLimitError, InvalidRegionError
from cellwise.testing import assert_covers

# --- against the oracle, live -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rects():
    """(region, options, Google's covering) of rectangles."""
    return [
        (cw.Rect(lat=lat, lng=lng), options, oracle.covering(oracle.rect(lat, lng), **options))
        for lat, lng, options in oracle.random_rects(101, many(400, 1_000))
    ]


@pytest.fixture(scope="module")
def caps():
    """(region, options, Google's covering) of caps."""
    return [
        (cw.Cap.from_height(lat, lng, height), options, oracle.covering(oracle.cap(lat, lng, height), **options))
        for lat, lng, height, options in oracle.random_caps(102, many(400, 1_000))
    ]


@pytest.fixture(scope="module")
def unions():
    """(region, options, Google's covering) of unions."""
    rng = np.random.default_rng(103)
    cases = []
    for cells in oracle.random_cell_lists(104, many(120, 300), levels_down=5):
        union = cw.CellUnion(cells, normalize=True)
        options = {
            "min_level": int(rng.integers(0, 3)) if rng.random() < 0.3 else 0,
            "max_level": 30 if rng.random() < 0.5 else int(rng.integers(3, 31)),
            "max_cells": int(10 ** rng.uniform(0, 2.5)),
            "level_mod": int(rng.integers(1, 4)),
            "interior": bool(rng.random() < 0.4),
        }
        cases.append((union, options, oracle.covering(oracle.union(cells), **options)))
    return cases


def differences(cases):
    wrong = []
    for region, options, expected in cases:
        found = cw.cover(region, **options)
        if list(found) != expected:
            tokens = [cw.cell_to_token(np.array(c, np.uint64)).tolist() for c in (list(found), expected)]
            wrong.append((region, options, *tokens))
    return wrong[:3]


def for_backend(cases):
    """All cases for the native backend, some that look at few cells for the slower numpy one."""

    def is_small(region, options, expected):
        looked_at = region.area(unit="sr") / (oracle.AVG_AREA * 0.25 ** options["min_level"])
        return options["max_cells"] <= 40 and len(expected) <= 80 and looked_at <= 40

    return cases if cw.backend() == "native" else [case for case in cases if is_small(*case)][: many(30, 100)]


def test_the_cases_are_worth_it(rects, caps):
    for cases in (rects, caps):
        interior = [expected for _, options, expected in cases if options["interior"]]
        assert len(interior) > 0.25 * len(cases)
        assert sum(len(expected) > 0 for expected in interior) > 0.15 * len(cases)
        assert {options["level_mod"] for _, options, _ in cases} == {1, 2, 3}
        assert len({options["min_level"] for _, options, _ in cases}) > 25
        assert sum(len(expected) > 100 for *_, expected in cases) > 0.1 * len(cases)
        assert sum(len(expected) for *_, expected in cases) > 50 * len(cases)


def test_rects_equal_googles(rects, backend):
    assert differences(for_backend(rects)) == []


def test_caps_equal_googles(caps, backend):
    assert differences(for_backend(caps)) == []


def test_unions_equal_googles(unions, backend):
    assert differences(for_backend(unions)) == []


@pytest.mark.slow
def test_all_equal_googles(rects, caps, unions, backend):
    assert differences(rects) == []
    assert differences(caps) == []
    assert differences(unions) == []


def test_unions_as_given_equal_googles(backend):
    """A union need not be normalized to be a region: Google takes one as it is, too."""
    for cells in oracle.random_cell_lists(
        105, many(80, 150) if cw.backend() == "native" else many(8, 30), levels_down=4
    ):
        union = cw.CellUnion(cells)
        verbatim = oracle.s2.S2CellUnion.FromNormalized([oracle.cell_id(c) for c in union])
        assert oracle.ids(verbatim.cell_ids()) == list(union)
        for options in ({}, {"max_cells": 40}, {"max_cells": 3, "level_mod": 2}, {"interior": True}):
            assert list(cw.cover(union, **options)) == oracle.covering(verbatim, **options), (union, options)


SPECIAL_RECTS = [
    ((-90, 90), (-180, 180)), ((0, 0), (0, 0)), ((45, 45), (-45, 45)), ((0, 90), (0, 90)), ((-90, 0), (-90, 90)),
    ((90, 90), (0, 0)), ((90, 90), (-180, 180)), ((-90, -90), (17, 17)), ((-90, -89.999), (-180, 180)),
    ((89.999, 90), (-180, 180)), ((-10, 10), (170, -170)), ((-10, 10), (179.99, -179.99)), ((0, 10), (180, -170)),
    ((0, 10), (180, 180)), ((-10, 10), (-179.9999, 179.9999)), ((-10, 10), (1e-9, 0)), ((-45, 45), (-45, 45)),
    ((35, 36), (44, 46)), ((oracle.CORNER_LAT, oracle.CORNER_LAT), (45, 45)), ((-45, 45), (135, -135)),
    ((0, 0), (-180, 180)), ((5e-324, 1e-300), (0, 1e-300)), ((0, 1), (45, 45)), ((30, 60), (-90, 90)),
    ((-90, 90), (0, 0)), ((-90, 90), (45, 45)), ((-90, 90), (-90, 90)), ((-90, 90), (90, -90)), ((80, 90), (10, 11)),
]  # fmt: skip
SPECIAL_OPTIONS = [
    {}, {"max_cells": 1}, {"max_cells": 4}, {"max_cells": 100}, {"max_level": 4}, {"max_level": 0}, {"level_mod": 2},
    {"min_level": 1, "level_mod": 3, "max_level": 29}, {"min_level": 3, "max_level": 3}, {"max_cells": 500, "max_level": 9},
    {"min_level": 4, "max_level": 6, "level_mod": 3, "max_cells": 2},
]  # fmt: skip


def special_options(case):
    """All for the native backend; two that look at few cells for the slower numpy one, others for each case."""
    if cw.backend() == "native":
        return SPECIAL_OPTIONS
    cheap = [
        options for options in SPECIAL_OPTIONS if options.get("max_cells", 8) < 100 and options != {"level_mod": 2}
    ]
    return [cheap[case % len(cheap)], cheap[(case + 3) % len(cheap)]]


@pytest.mark.parametrize(("lat", "lng"), SPECIAL_RECTS)
def test_special_rects_equal_googles(lat, lng, backend):
    region, theirs = cw.Rect(lat=lat, lng=lng), oracle.rect(lat, lng)
    cases = [
        (region, options, oracle.covering(theirs, **options))
        for options in special_options(SPECIAL_RECTS.index((lat, lng)))
    ]
    width = 360 if lng == (-180, 180) else (lng[1] - lng[0]) % 360
    if min(lat[1] - lat[0], width) >= 0.5:  # else Google's library may not come back
        cases += [
            (region, {**options, "interior": True}, oracle.covering(theirs, **options, interior=True))
            for _, options, _ in cases
        ]
    assert differences(cases) == []


SPECIAL_HEIGHTS = [0.0, 5e-324, 1e-30, 1e-18, 1e-12, 1e-3, 0.5, 1.0, 1.0 + 1e-15, 1.5, 2 - 1e-15, 2.0]


@pytest.mark.parametrize("height", SPECIAL_HEIGHTS)
def test_special_caps_equal_googles(height, backend):
    cases = []
    centers = [(0, 0), (90, 0), (0, 180), (oracle.CORNER_LAT, 45), (-90, 77), (0, -180), (45, 90), (12.5, -0.0)]
    for k, (lat, lng) in enumerate(centers) if cw.backend() == "native" else [(1, centers[1]), (3, centers[3])]:
        region, theirs = cw.Cap.from_height(lat, lng, height), oracle.cap(lat, lng, height)
        options = special_options(k + SPECIAL_HEIGHTS.index(height))
        if height in (1e-3, 0.5, 1.5, 2.0):  # Google's library does not come back from a hemisphere
            options = [*options, *({**o, "interior": True} for o in options)]
        cases += [(region, o, oracle.covering(theirs, **o)) for o in options]
    assert differences(cases) == []


@pytest.mark.parametrize("west", [-180, 180])
@pytest.mark.parametrize("east", [-180, 180])
def test_the_meridian_180_by_either_name(west, east, backend):
    """A rectangle without width on the antimeridian; only -180..180, 360 degrees apart, is all round."""
    covering = cw.cover(cw.Rect(lat=(0, 10), lng=(west, east)))
    if (west, east) == (-180, 180):
        assert list(covering) == oracle.covering(oracle.rect((0, 10), (-180, 180)))
    else:
        assert list(covering) == oracle.covering(oracle.rect((0, 10), (180, 180)))
        assert_covers(covering, np.linspace(0, 10, 50), 180.0)
        assert_covers(covering, np.linspace(0, 10, 50), -180.0)


def test_turns_of_longitude_make_no_difference(backend):
    for lng in ((170, 190), (-190, -170), (170, -170)):
        assert cw.cover(cw.Rect(lat=(-5, 5), lng=lng)) == cw.cover(cw.Rect(lat=(-5, 5), lng=(170, -170)))
    for lng in ((350, 370 - 360), (-10, 10), (350, 10), (-10, -350)):
        assert cw.cover(cw.Rect(lat=(-5, 5), lng=lng)) == cw.cover(cw.Rect(lat=(-5, 5), lng=(-10, 10)))
    for lng in ((0, 360), (-360, 0), (-180, 180), (-90, 270), (-360, 360)):
        assert cw.cover(cw.Rect(lat=(-5, 5), lng=lng)) == cw.cover(cw.Rect(lat=(-5, 5), lng=(-180, 180)))
    assert cw.cover(cw.Cap(10, 200, 5)) == cw.cover(cw.Cap(10, -160, 5))


# --- laws -----------------------------------------------------------------------------------------------------------------


def obeys_options(cells, min_level, max_level, max_cells, level_mod, interior):
    """What every covering must be, whatever it covers."""
    levels = cw.cell_level(cells)
    lo, hi = cw.cell_range_min(cells), cw.cell_range_max(cells)
    assert (lo[1:] > hi[:-1]).all()  # sorted and disjoint
    assert (levels >= min_level).all()
    # Cells of a level that fits, or leaves; max_level gives way to level_mod downwards only.
    assert (((levels - min_level) % level_mod == 0) | (levels == 30)).all()
    if max_level < 30:
        assert (levels <= max_level).all()
    if interior:
        # It stops at max_cells, and is split afterwards to fit min_level and level_mod.
        assert len(cw.CellUnion(cells).normalize()) <= max(max_cells, 6)
    elif min_level == 0:
        assert len(cells) <= max(max_cells, 6 * 4 ** (level_mod - 1)), len(cells)


def points_of_rect(region, rng, n):
    """Random positions within a rectangle, its corners and points of its edges among them."""
    (south, north), (west, east) = region.lat, region.lng
    width = 360.0 if east - west >= 360 else (east - west) % 360
    x, y = rng.random(n), rng.random(n)
    x[:8], y[:8] = [0, 0, 1, 1, 0, 1, 0.5, 0.5], [0, 1, 0, 1, 0.5, 0.5, 0, 1]
    lat = np.clip(south + y * (north - south), south, north)
    lng = west + x * width
    lng[x == 1] = east
    lng = np.where(lng > 180, lng - 360, lng)
    inside = region.contains(lat, lng)  # not always: sums are rounded
    return lat[inside], lng[inside]


def points_of_cap(region, rng, n):
    """Random positions within a cap, its center among them."""
    lat, lng = np.full(n, float(region.lat)), np.full(n, float(region.lng))
    height = region.height() * rng.random(n)
    height[0] = 0
    angle, turn = 2 * np.arcsin(np.sqrt(height / 2)), rng.uniform(0, 2 * np.pi, n)
    a = np.radians(region.lat)
    sin = np.clip(np.sin(a) * np.cos(angle) + np.cos(a) * np.sin(angle) * np.cos(turn), -1, 1)
    lat = np.degrees(np.arcsin(sin))
    lng += np.degrees(np.arctan2(np.sin(turn) * np.sin(angle) * np.cos(a), np.cos(angle) - np.sin(a) * sin))
    lng = (lng + 180) % 360 - 180
    lat[0], lng[0] = region.lat, region.lng
    inside = region.contains(lat, lng)
    return lat[inside], lng[inside]


def inside_points(cells, rng):
    """Positions in every cell: the center, the vertices drawn in a little, and a random leaf's center."""
    lat, lng = cw.cell_to_latlng(cells)
    first, last = cw.cell_range_min(cells), cw.cell_range_max(cells)
    leaf = first + (((last - first) // np.uint64(2)) * rng.random(len(cells))).astype(np.uint64) * np.uint64(2)
    corner = [cw.cell_to_latlng(x) for x in (first, last, leaf)]
    return np.concatenate([lat, *(c[0] for c in corner)]), np.concatenate([lng, *(c[1] for c in corner)])


@pytest.mark.parametrize("kind", ["rects", "caps"])
def test_laws_of_coverings(kind, request, backend):
    cases = for_backend(request.getfixturevalue(kind))
    cases = cases if cw.backend() == "native" else cases[::4]
    rng = np.random.default_rng(106)
    points_of = points_of_rect if kind == "rects" else points_of_cap
    for region, options, _ in cases:
        union = cw.cover(region, **options)
        obeys_options(union.cells, **options)
        if not options["interior"]:
            lat, lng = points_of(region, rng, 60)
            assert len(lat) > 0 or (kind == "rects" and region.is_thin) or region.area(unit="sr") < 1e-14
            assert_covers(union, lat, lng)
        elif len(union):
            assert region.contains(*inside_points(union.cells, rng)).all(), (region, options)
        assert not union.cells.flags.writeable


def test_an_interior_covering_lies_within_the_covering(backend):
    for lat, lng, options in oracle.random_rects(107, 60 if cw.backend() == "native" else many(8, 20)):
        del options["interior"]
        region = cw.Rect(lat=lat, lng=lng)
        if region.is_thin or options["max_cells"] > 200 or min(lat[1] - lat[0], (lng[1] - lng[0]) % 360) < 0.01:
            continue
        outer = cw.cover(region, **{**options, "max_cells": 100})
        inner = cw.cover(region, max_cells=8, interior=True)
        assert outer.contains(inner)
        assert inner.area() <= region.area() * (1 + 1e-12) <= outer.area() * (1 + 1e-11)


def test_more_cells_are_tighter(backend):
    region = cw.Cap(47.1, 8.3, 33, unit="km")
    sizes = (4, 8, 16, 64, 256) if backend == "native" else (4, 8, 16, 64)
    areas = [cw.cover(region, max_cells=n).area() for n in sizes]
    assert areas == sorted(areas, reverse=True)
    assert areas[-1] < 1.2 * region.area()
    inner = [cw.cover(region, max_cells=n, interior=True).area() for n in sizes]
    assert inner == sorted(inner)
    assert inner[-1] > (0.8 if backend == "native" else 0.6) * region.area()


def test_coverings_are_deterministic(backend):
    region = cw.Rect(lat=(-30.3, -30.0), lng=(-51.3, -51.0))
    first = cw.cover(region, max_cells=77)
    assert all(cw.cover(region, max_cells=77) == first for _ in range(3))


def test_a_cell_covers_itself(backend):
    """As a union it is found at any level; nothing of the neighbors is taken."""
    rng = np.random.default_rng(108)
    cells = np.concatenate([oracle.random_cells(rng, 60), *(oracle.special_cells(k)[::40] for k in range(0, 31, 3))])
    for cell in cells.tolist() if cw.backend() == "native" else cells[::9].tolist():
        for interior in (False, True):
            assert list(cw.cover(cw.CellUnion([cell]), max_cells=1, interior=interior)) == [cell]
        level = cw.cell_level(cell)
        deeper = cw.cover(cw.CellUnion([cell]), min_level=min(30, level + 2))
        assert list(deeper) == cw.cell_children(cell, min(30, level + 2)).tolist()


def test_a_fixed_level_covering_is_all_cells_that_meet_the_region(backend):
    """Compared with every cell of the level, by Google's own bound of each."""
    for lat, lng in [((-12, 31), (170, -155)), ((60, 90), (-180, 180)), ((-3, 3), (40, 50)), ((33, 37), (43, 47))]:
        region, theirs = cw.Rect(lat=lat, lng=lng), oracle.rect(lat, lng)
        cells = oracle.cells_of_level(4)
        objects = [oracle.s2.S2Cell(oracle.cell_id(c)) for c in cells.tolist()]
        meets = np.array([theirs.MayIntersect(c) for c in objects])
        within = np.array([theirs.Contains(c) for c in objects])
        assert list(cw.cover(region, min_level=4, max_level=4, max_cells=10_000)) == cells[meets].tolist()
        inner = cw.cover(region, min_level=4, max_level=4, max_cells=10_000, interior=True)
        assert list(inner) == cells[within].tolist()


# --- limits ---------------------------------------------------------------------------------------------------------------


def test_the_cell_limit_is_exact_for_what_is_returned(backend):
    region = cw.Rect(lat=(10, 10.2), lng=(20, 20.2))
    n = len(cw.cover(region, min_level=13, max_level=13))
    assert n > 300
    with cw.set_cell_limit(n):
        assert len(cw.cover(region, min_level=13, max_level=13)) == n
    with cw.set_cell_limit(n // 2), pytest.raises(CellLimitError):
        cw.cover(region, min_level=13, max_level=13)
    with cw.set_cell_limit(n // 2), pytest.raises(CellLimitError):
        cw.cover(region, max_cells=10**6, max_level=17)


def test_a_small_limit_does_not_refuse_small_coverings(backend):
    with cw.set_cell_limit(10):
        assert 0 < len(cw.cover(cw.Rect(lat=(10, 10.2), lng=(20, 20.2)))) <= 8
        assert 0 < len(cw.cover(cw.Rect(lat=(-90, 90), lng=(-180, 180)))) <= 8


@pytest.mark.parametrize(
    ("region", "options"),
    [
        (cw.Rect(lat=(10, 50), lng=(20, 20.0001)), {}),
        (cw.Rect(lat=(28.849, 28.84905), lng=(59.7, 63.7)), {"max_cells": 20}),
        (cw.Rect(lat=(0, 1e-13), lng=(0, 90)), {"max_cells": 2**31 - 1}),
        (cw.Rect(lat=(-90, 90), lng=(20, 20 + 1e-12)), {"level_mod": 3}),
        (cw.Cap.from_height(0, 0, 1), {"max_cells": 500}),
        (cw.Cap(10, 20, 1e-3), {"max_cells": 10_000}),
    ],
)
@pytest.mark.needs_native
@pytest.mark.parametrize("backend", ["native"], indirect=True)
def test_interiors_that_google_cannot_make_end(region, options, backend, cells_looked_at):
    """With cells or without; Google's library runs on until it is killed."""
    try:
        found = cw.cover(region, interior=True, **options)
    except CellLimitError:
        found = None
    assert cells_looked_at() < 300_000
    if found is not None:
        assert region.contains(*inside_points(found.cells, np.random.default_rng(109))).all()


MEMORY = """
import cellwise as cw
from cellwise.errors import CellLimitError
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
before = peak()
try:
    cw.cover(cw.Rect(lat=(10, 10.0001), lng=(20, 60)), interior=True, {options})
except CellLimitError:
    pass
print((peak() - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the peak of memory")
@pytest.mark.parametrize("options", ["level_mod=3", "max_cells=10**6"])
def test_interiors_of_thin_regions_stay_small(options):
    code = MEMORY.format(options=options)
    env = {**os.environ, "CELLWISE_BACKEND": cw.backend()}
    megabytes = int(
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True, timeout=60).stdout
    )
    assert megabytes < 400


def test_coverings_end_soon_enough(backend, cells_looked_at):
    """A covering that is too large is refused on the way, not at its end."""
    limit = 20_000 if backend == "native" else 300
    with cw.set_cell_limit(limit), pytest.raises(CellLimitError):
        cw.cover(cw.Rect(lat=(10, 11), lng=(20, 21)), max_cells=2**31 - 1)
    assert limit < cells_looked_at() < 10 * limit


# --- regions that are none --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", [None, 5, "951977d34", [10743750135264575488], (1, 2, 3, 4), object(), cw])
def test_what_is_no_region(region):
    with pytest.raises((InvalidRegionError, TypeError), match="region must be"):
        cw.cover(region)
