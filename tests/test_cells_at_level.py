"""All cells of one level: that meet a region, lie within it, or have their center in it; at once and a part at a time."""

import numpy as np
import pytest
import shapely
from random_polygons import random_polygon

import cellwise as cw
from cellwise.errors import CellLimitError

BOX = shapely.box(-51.3, -30.3, -51.0, -30.0)
REGIONS = {
    "planar": lambda: BOX,
    "rect": lambda: cw.Rect(lat=(-30.3, -30.0), lng=(-51.3, -51.0)),
    "cap": lambda: cw.Cap(-30, -51, 15, unit="km"),
    "geodesic": lambda: cw.Polygon([(-30, -51), (-30.2, -51), (-30.2, -51.3)]),
    "cells": lambda: cw.CellUnion.from_tokens(["951977", "95199"]),
    "line": lambda: shapely.LineString([(-51.3, -30.3), (-51.0, -30.0)]),
    "polyline": lambda: cw.Polyline([(-30.3, -51.3), (-30.0, -51.0)]),
    "margin": lambda: cw.region(BOX),
}
MARGINS = {"margin": dict(buffer=900)}


@pytest.mark.parametrize("name", list(REGIONS))
def test_modes(name, backend):
    region, margin, level = REGIONS[name](), MARGINS.get(name, {}), 12 if backend == "native" else 10
    meeting, within, centered = (
        cw.cells_at_level(region, level, mode=mode, **margin) for mode in ("intersects", "contains", "center")
    )
    for union in (meeting, within, centered):
        assert (union.levels == level).all()
    assert set(within.cells) <= set(centered.cells) <= set(meeting.cells)
    everything = dict(min_level=level, max_level=level, max_cells=10**9, **margin)
    assert meeting == cw.cover(region, **everything)
    assert within == cw.cover(region, interior=True, **everything)
    if name in ("planar", "rect", "cap", "geodesic"):
        lat, lng = cw.cell_to_latlng(meeting.cells)
        assert centered.cells.tolist() == meeting.cells[cw.region(region).contains(lat, lng)].tolist()
        assert len(within) < len(centered) < len(meeting)


def test_tiles_share_no_cell_by_their_centers():
    rng = np.random.default_rng(81)
    x, y = np.cumsum(rng.uniform(0.01, 0.06, (2, 7)), axis=1)
    tiles = shapely.box(*(a.ravel() for a in (*np.meshgrid(x[:-1], y[:-1]), *np.meshgrid(x[1:], y[1:]))))
    whole = shapely.box(x[0], y[0], x[-1], y[-1])
    for edges in ("planar", "geodesic"):
        cells = cw.cells_at_level(tiles, 13, mode="center", edges=edges)
        assert len(np.unique(cells.values)) == len(cells.values)
    assert (
        sorted(cw.cells_at_level(tiles, 13, mode="center").values)
        == cw.cells_at_level(whole, 13, mode="center").cells.tolist()
    )


def snapped_star(rng, level, finer):
    """Star of some cells across, its vertices moved to corners of cells `finer` levels below, or left where they are."""
    lat, lng = np.degrees(np.arcsin(rng.uniform(-1, 1))), rng.uniform(-180, 180)
    n = int(rng.integers(3, 40))
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False) + rng.random()
    reach = rng.uniform(0.3, 1, n) * rng.uniform(1, 20) * 60 / 2**level
    north = np.clip(lat + reach * np.sin(turn), -89, 89)
    east = lng + reach * np.cos(turn) / np.cos(np.radians(np.clip(lat, -80, 80)))
    if finer is not None:
        corners = cw.cell_vertices(cw.latlng_to_cell(north, (east + 540) % 360 - 180, min(level + finer, 30)))[:, 0]
        north, east = corners.T
    return shapely.Polygon(np.column_stack((east, north)))


@pytest.mark.parametrize("mode", ["intersects", "contains", "center"])
def test_rows_have_the_cells_that_each_has_alone(mode):
    """Rows are drawn from positions that are a little off, as long as that decides nothing."""
    rng = np.random.default_rng(83)
    for level in (3, 8, 17, 24, 30):
        shapes = [snapped_star(rng, level, finer) for finer in (None, None, None, 0, 1, 2) for _ in range(12)]
        rows = cw.cells_at_level(shapes, level, mode=mode, edges="geodesic", on_invalid="null")
        alone = [cw.cells_at_level(shape, level, mode=mode, edges="geodesic", on_invalid="null") for shape in shapes]
        assert sum(map(len, alone)) > (100 if mode != "contains" else 10)
        assert [row.cells.tolist() for row in rows] == [one.cells.tolist() for one in alone]


@pytest.mark.parametrize("mode", ["intersects", "contains", "center"])
@pytest.mark.parametrize("name", list(REGIONS))
def test_part_by_part_is_the_same(name, mode):
    region, margin = REGIONS[name](), MARGINS.get(name, {})
    for level in (0, 7, 8, 13):
        parts = list(cw.iter_cells(region, level, mode=mode, **margin))
        assert all(part.dtype == np.uint64 and len(part) for part in parts)
        together = np.concatenate([np.empty(0, np.uint64), *parts])
        assert together.tolist() == cw.cells_at_level(region, level, mode=mode, **margin).cells.tolist()


def test_part_by_part_on_each_backend(backend):
    shape = random_polygon(np.random.default_rng(82), "star", size=0.5)
    with cw.set_cell_limit(4**5):
        together = np.concatenate(list(cw.iter_cells(shape, 9)))
    assert together.tolist() == cw.cells_at_level(shape, 9).cells.tolist()


def test_more_than_the_limit_in_parts():
    world = cw.Rect(lat=(-90, 90), lng=(-180, 180))
    with pytest.raises(CellLimitError, match="cell limit"):
        cw.cells_at_level(world, 20)
    first = next(cw.iter_cells(world, 20))
    assert first[0] == cw.cell_parent(1, 20)
    assert 1 << 16 <= len(first) <= 1 << 17
    with cw.set_cell_limit(100_000):
        n = 0
        for part in cw.iter_cells(shapely.box(8, 46, 9, 47), 15):
            assert len(part) <= 1 << 17
            n += len(part)
        assert n > 100_000


def test_rows_at_a_level():
    rows = cw.cells_at_level([BOX, shapely.Point(1, 1), None], 10, mode="center", on_invalid="null")
    assert rows[0] == cw.cells_at_level(BOX, 10, mode="center")
    assert rows.sizes.tolist() == [len(rows[0]), 0, 0]
    bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    for mode in ("intersects", "contains", "center"):
        assert len(cw.cells_at_level(bow_tie, 10, mode=mode, on_invalid="null")) == 0


def test_centers_in_geodesic_rows(backend):
    rng, level = np.random.default_rng(83), 11 if backend == "native" else 9
    shapes = [random_polygon(rng, kind, size=0.5) for kind in ("star", "hole", "any")]
    shapes += [None, shapely.LineString([(0, 0), (1, 1)]), shapely.GeometryCollection([BOX, shapely.Point(1, 1)])]
    at = dict(edges="geodesic", on_invalid="null")
    rows = cw.cells_at_level(shapes, level, mode="center", **at)
    assert rows.sizes[:3].min() > 0
    assert rows.sizes[3:5].tolist() == [0, 0]
    for shape, centered in zip(shapes, rows):
        if shape is None:
            continue
        assert centered == cw.cells_at_level(shape, level, mode="center", **at)
        if shape.area == 0:
            continue
        region, meeting = cw.region(shape, edges="geodesic"), cw.cells_at_level(shape, level, **at)
        inside = region.contains(*cw.cell_to_latlng(meeting.cells))
        assert centered.cells.tolist() == meeting.cells[inside].tolist()
    for limit in (int(rows.sizes[0]) - 1, int(rows.sizes.sum()) - 1):
        with cw.set_cell_limit(limit), pytest.raises(CellLimitError, match=f"cell limit of {limit:,} in row"):
            cw.cells_at_level(shapes, level, mode="center", **at)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cw.cells_at_level(BOX, 31), "level must be in 0..30: got 31"),
        (lambda: cw.cells_at_level(BOX, 3, mode="touches"), "mode must be one of 'intersects', 'contains', 'center'"),
        (lambda: cw.iter_cells(BOX, 31), "level must be in 0..30: got 31"),
        (lambda: cw.iter_cells(BOX, 3, mode="touches"), "mode must be one of"),
        (lambda: cw.iter_cells([BOX, BOX], 3), "region must be one geometry: got 2 rows"),
    ],
)
def test_what_makes_no_sense(call, words):
    with pytest.raises(ValueError, match=words):
        call()
