"""Polygons that the kernel takes for valid without asking shapely: never more than shapely would."""

import gzip
import json
import re

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from work import many

import cellwise as cw
from cellwise._backend import kernels
from cellwise.errors import InvalidRegionError
from cellwise.inputs.geometries import read
from cellwise.regions.chains import chains_of
from cellwise.testing import on_each_backend

BIG, HOLE, ISLAND = shapely.box(0, 0, 9, 9), shapely.box(2, 2, 7, 7), shapely.box(4, 4, 5, 5)


def ring(box):
    return box.exterior.coords[:]


def with_holes(shell, *holes):
    return shapely.Polygon(ring(shell), [ring(hole) for hole in holes])


def saw(n, turned=False):
    """Teeth side by side, each as long as the saw, so that their boxes all meet if they are turned."""
    x = np.repeat(np.arange(n), 2)
    y = np.where(np.arange(2 * n) % 2, n, 0.0)
    teeth = np.column_stack((x + np.where(np.arange(2 * n) % 2, 0.5, 0.0), y))
    made = np.concatenate((teeth, [(n, -1.0), (-1.0, -1.0)])) / n
    return shapely.Polygon(made @ [[1, 1], [-1, 1]] if turned else made)


# Name: geometry, and whether the kernel is sure that it is valid.
SHAPES = {
    "box": (BIG, True),
    "triangle": (shapely.Polygon([(0, 0), (1, 0), (0, 1)]), True),
    "repeated vertices": (shapely.Polygon(np.repeat(ring(BIG), 3, axis=0)), True),
    "vertices along its edges": (shapely.segmentize(BIG, 0.7), True),
    "saw": (saw(300), True),
    "hole": (with_holes(BIG, HOLE), True),
    "two holes": (with_holes(BIG, ISLAND, shapely.box(6, 6, 7, 7)), True),
    "island in a hole": (shapely.MultiPolygon([with_holes(BIG, HOLE), ISLAND]), True),
    "island before the hole's shell": (shapely.MultiPolygon([ISLAND, with_holes(BIG, HOLE)]), True),
    "parts apart": (shapely.MultiPolygon([shapely.box(k, 0, k + 0.5, 1) for k in range(50)]), True),
    "collection": (shapely.GeometryCollection([BIG, shapely.box(20, 20, 21, 21)]), True),
    "line": (shapely.LineString([(0, 0), (2, 2), (0, 2), (2, 0)]), True),
    "points": (shapely.MultiPoint([(0, 0), (0, 0)]), True),
    "sliver of one denormal": (shapely.Polygon([(0, 0), (1, 5e-324), (2, 0)]), False),
    "hole that touches at a vertex": (with_holes(BIG, shapely.Polygon([(0, 0), (2, 1), (1, 2)])), False),
    "parts that touch at a vertex": (shapely.MultiPolygon([BIG, shapely.box(9, 9, 10, 10)]), True),
    "parts that touch at two vertices": (
        shapely.MultiPolygon(
            [
                shapely.Polygon([(0, 0), (4, 0), (2, 1), (4, 4), (2, 3), (0, 4)]),
                shapely.Polygon([(4, 0), (5, 2), (4, 4)]),
            ]
        ),
        True,
    ),
    "parts around a vertex": (
        shapely.MultiPolygon(
            [shapely.Polygon([(0, 0), (x, y), (x - y, x + y)]) for x, y in ((3, 1), (-1, 3), (-3, -1), (1, -3))]
        ),
        True,
    ),
    "island that touches its hole": (
        shapely.MultiPolygon([with_holes(BIG, HOLE), shapely.Polygon([(2, 2), (4, 3), (3, 4)])]),
        True,
    ),
    "part that touches another within": (shapely.MultiPolygon([BIG, shapely.Polygon([(0, 0), (2, 1), (1, 2)])]), False),
    "part that touches another within, in the east": (
        shapely.MultiPolygon([shapely.Polygon([(9, 4), (0, 9), (0, 0)]), shapely.Polygon([(9, 4), (2, 5), (2, 3)])]),
        False,
    ),
    "parts across at a vertex": (
        shapely.MultiPolygon([shapely.Polygon([(0, 0), (4, 0), (2, 2)]), shapely.Polygon([(2, 2), (2, 1), (9, 4)])]),
        False,
    ),
    "parts that touch where one goes straight on": (
        shapely.MultiPolygon(
            [shapely.Polygon([(0, 0), (4, 0), (4, 2), (4, 4)]), shapely.Polygon([(4, 2), (6, 1), (6, 3)])]
        ),
        True,
    ),
    "part that touches an edge": (shapely.MultiPolygon([BIG, shapely.Polygon([(9, 4), (12, 3), (12, 5)])]), False),
    "hole that touches another": (
        with_holes(BIG, shapely.box(1, 1, 3, 3), shapely.box(3, 3, 5, 5)),
        False,
    ),
    "line and polygon": (shapely.GeometryCollection([BIG, shapely.LineString([(0, 0), (1, 1)])]), False),
    "bow-tie": (shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), False),
    "collinear": (shapely.Polygon([(0, 0), (1, 1), (2, 2)]), False),
    "there and back": (shapely.Polygon([(0, 0), (1, 0), (0, 0), (0, 0)]), False),
    "one place": (shapely.Polygon([(1, 1)] * 5), False),
    "spike": (shapely.Polygon([(0, 0), (2, 0), (2, 2), (2, 5), (2, 2), (0, 2)]), False),
    "spike at the start": (shapely.Polygon([(2, 5), (2, 2), (0, 2), (0, 0), (2, 0), (2, 2)]), False),
    "spike inwards along an edge": (shapely.Polygon([(0, 0), (4, 0), (1, 0), (4, 4)]), False),
    "ring that touches itself": (shapely.Polygon([(0, 0), (4, 0), (2, 2), (4, 4), (0, 4), (2, 2)]), False),
    "the same ring twice": (shapely.Polygon(ring(BIG)[:-1] * 2), False),
    "hole of its own size": (with_holes(BIG, BIG), False),
    "hole outside": (with_holes(BIG, shapely.box(20, 20, 21, 21)), False),
    "hole round the shell": (with_holes(ISLAND, BIG), False),
    "hole across": (with_holes(BIG, shapely.box(8, 8, 10, 10)), False),
    "hole along an edge": (with_holes(BIG, shapely.box(0, 2, 2, 4)), False),
    "hole in a hole": (with_holes(BIG, HOLE, ISLAND), False),
    "hole in the shell of another part": (
        shapely.MultiPolygon([BIG, with_holes(shapely.box(20, 0, 29, 9), ISLAND)]),
        False,
    ),
    "nested parts": (shapely.MultiPolygon([BIG, ISLAND]), False),
    "nested parts, the inner one first": (shapely.MultiPolygon([ISLAND, BIG]), False),
    "parts with an edge in common": (shapely.MultiPolygon([BIG, shapely.box(9, 0, 12, 9)]), False),
    "parts across": (shapely.MultiPolygon([HOLE, shapely.box(6, 6, 12, 12)]), False),
    "the same part twice": (shapely.MultiPolygon([BIG, BIG]), False),
    "turned saw": (saw(3000, turned=True), False),  # too many tests
    "world": (shapely.box(-180, -90, 180, 90), True),
    "far east": (shapely.box(0, 0, 361, 1), False),
    "far north": (shapely.box(0, 0, 1, 91), False),
    "not a number": (shapely.Point(np.nan, 0), False),
    "infinite": (shapely.LineString([(0, 0), (np.inf, 0)]), False),
    "empty": (shapely.Polygon(), False),
    "missing": (None, False),
}


BEYOND_REPAIR = ("far east", "far north", "not a number", "infinite")


def certified(shapes):
    return kernels().certified_rows(chains_of(np.array([*shapes, None], object)))[:-1]


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_taken_for_valid(name, backend):
    shape, is_certified = SHAPES[name]
    assert certified([shape]).tolist() == [is_certified and backend == "native"]
    assert not is_certified or shapely.is_valid(shape)


@pytest.mark.parametrize("name", [name for name in SHAPES if SHAPES[name][0] is not None])
def test_the_verdict_is_shapelys(name, backend):
    shape, _ = SHAPES[name]
    xy = shapely.get_coordinates(shape)
    if backend == "numpy" and len(xy) > 2000:
        pytest.skip("rings as large as these take it minutes")
    rows, beyond = [BIG, shape, ISLAND], np.abs(xy) > (360, 90)
    fault = "l(at|ng) .* beyond" if (beyond | np.isnan(xy)).any() else ""
    if not fault and not shapely.is_valid(shape) and shapely.get_dimensions(shape) == 2:
        reason, _, place = shapely.is_valid_reason(shape).rstrip("]").partition("[")
        fault = re.escape(f"{reason.lower()} near ({', '.join(place.split()[::-1])})")
    if fault:
        with pytest.raises(InvalidRegionError, match=rf"got .*{fault}.* in row 1 \(1 of 3 rows\)"):
            cw.cover(rows, max_cells=1)
        first, left_out, last = cw.cover(rows, max_cells=1, on_invalid="null")
        assert (len(first) > 0, len(left_out), len(last) > 0) == (True, 0, True)
    else:
        options = {"max_cells": 5 if len(xy) < 300 or backend == "native" else 1}
        _, covering, _ = cw.cover(rows, **options)
        assert covering.contains(lat=xy[:, 1], lng=xy[:, 0]).all()
        _, within, _ = cw.cover(rows, **options, max_level=8, interior=True)
        assert shapely.intersects_xy(shape, *cw.cell_to_latlng(within.cells)[::-1]).all()


@pytest.mark.needs_native
def test_a_long_way_round_is_looked_at():
    """A warning is due, as tests of coverings say."""
    band, line = shapely.box(-180, 0, 179, 10), shapely.LineString([(-91, 5), (90, 5)])
    assert certified([band, line, shapely.box(0, 0, 180, 5), ISLAND]).tolist() == [False, False, True, True]


@pytest.mark.both_backends
def test_rows_that_are_sure_and_rows_that_are_not_go_together():
    shapes = [shape for shape, _ in SHAPES.values()]
    is_certified = [sure for _, sure in SHAPES.values()]
    assert certified(shapes).tolist() == is_certified
    mendable = [shape for name, shape in zip(SHAPES, shapes) if name not in BEYOND_REPAIR]
    for how, rows in (("null", shapes), ("fix", mendable)):
        few = [shape for shape in rows if shapely.get_num_coordinates(shape) < many(300, 2000)]
        native, reference = on_each_backend(cw.cover, few, max_cells=3, on_invalid=how)
        assert list(native) == list(reference)


def random_shape(rng):
    """Often invalid, and often with vertices and edges that touch."""

    def ring():
        n, kind = int(rng.integers(3, 9)), rng.integers(4)
        if kind == 0:
            return rng.integers(0, 6, (n, 2)).astype(float)
        if kind == 1:
            return np.round(rng.uniform(0, 4, (n, 2)), 1)
        angle, radius = np.sort(rng.uniform(0, 2 * np.pi, n)), rng.uniform(0.2, 2, n)
        made = rng.uniform(-3, 3, 2) + np.column_stack((radius * np.cos(angle), radius * np.sin(angle)))
        return np.round(made, 1) if kind == 2 else made

    def polygon():
        if rng.random() < 0.2:
            boxes = [[*at, *(at + rng.integers(1, 6, 2))] for at in rng.integers(0, 8, (rng.integers(1, 4), 2))]
            return with_holes(*[shapely.box(*box) for box in boxes])
        return shapely.Polygon(ring(), [ring() for _ in range(rng.choice([0, 0, 0, 1, 2]))])

    if rng.random() < 0.3:
        return shapely.MultiPolygon([polygon() for _ in range(rng.integers(2, 5))])
    return polygon()


@pytest.mark.needs_native
def test_random_polygons():
    rng = np.random.default_rng(91)
    shapes = [random_shape(rng) for _ in range(many(4_000, 10_000))]
    shapes += [shapely.make_valid(shape) for shape in shapes[::5]]
    is_valid = shapely.is_valid(shapes)
    sure = certified(shapes)
    assert not (sure & ~is_valid).any()
    assert (sure & is_valid).sum() > 0.7 * is_valid.sum() > 0.1 * len(shapes)


@pytest.mark.needs_native
def test_triangles_that_touch():
    rng, sure, valid = np.random.default_rng(5), [], []
    for _ in range(300):
        points = shapely.MultiPoint(rng.integers(0, 12, (12, 2)) / rng.choice([1, 3, 7]))
        triangles = shapely.get_parts(shapely.delaunay_triangles(points))
        parts = rng.permutation(triangles)[: rng.integers(2, 5)]
        shape = shapely.MultiPolygon([part if rng.random() < 0.5 else part.reverse() for part in parts])
        sure.append(certified([shape])[0])
        valid.append(shape.is_valid)
    sure, valid = np.array(sure), np.array(valid)
    assert not (sure & ~valid).any()
    assert (sure & valid).sum() > 0.9 * valid.sum() > 60


@pytest.mark.needs_native
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=7), min_size=1, max_size=3),
    st.booleans(),
    st.sampled_from([(1.0, 0.0), (1 / 3, 0.1), (1e-13, 45.0)]),
)
def test_small_rings_on_a_grid(rings, several, place):
    scale, shift = place
    rings = [np.array(each) * scale + shift for each in rings]
    shape = (
        shapely.MultiPolygon([shapely.Polygon(each) for each in rings])
        if several
        else shapely.Polygon(rings[0], rings[1:])
    )
    assert not certified([shape])[0] or shapely.is_valid(shape)


@pytest.mark.needs_native
def test_real_ones(shared):
    for name in ("ne_110m_countries", "nyc_taxi_zones", "porto_alegre_bairros_raw"):
        with gzip.open(shared / "data" / f"{name}.geojson.gz") as file:
            rows = read(json.load(file)).rows
        is_valid = shapely.is_valid(rows)
        sure = certified(rows)
        assert not (sure & ~is_valid).any()
        assert sure.sum() > 0.97 * is_valid.sum()
