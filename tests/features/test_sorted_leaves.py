"""The kernel against counting one by one."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellwise as cw
from cellwise.features._sorted_leaves import (
    auto_levels,
    cell_counts,
    count_within,
    frequent_cells,
    runs,
)

unhurried = settings(deadline=None)
any_cell = st.builds(
    lambda lat, lng, level: cw.latlng_to_cell(lat, lng, level),
    st.sampled_from((-90.0, -30.01, -30.0, 0.0, 0.01, 45.0, 89.0)),
    st.sampled_from((-180.0, -51.0, -50.99, 0.0, 0.02, 179.0)),
    st.integers(0, 30),
)
some_cells = st.lists(any_cell, max_size=40).map(lambda cells: np.sort(np.array(cells, np.uint64)))


@unhurried
@given(some_cells, st.integers(0, 30))
def test_counts_of_one_level(cells, level):
    cell, count = cell_counts(cells, level)
    again = cell_counts(*np.unique(cells, return_counts=True)[:1], level, np.unique(cells, return_counts=True)[1])
    assert [x.tolist() for x in again] == [cell.tolist(), count.tolist()]
    expected = Counter(cw.cell_parent(int(c), level) for c in cells if cw.cell_level(int(c)) >= level)
    assert dict(zip(cell.tolist(), count.tolist())) == expected
    assert cell.tolist() == sorted(expected)


@unhurried
@given(some_cells, some_cells)
def test_count_within_any_cells(rows, cells):
    expected = [sum(cw.cell_contains(int(c), int(r)) for r in rows) for c in cells]
    assert count_within(rows, np.ones(len(rows), np.int64), cells).tolist() == expected
    assert count_within(*np.unique(rows, return_counts=True), cells).tolist() == expected


def test_runs():
    cell, offsets = runs(np.array([3, 3, 5, 9, 9, 9], np.uint64))
    assert (cell.tolist(), offsets.tolist()) == ([3, 5, 9], [0, 2, 3, 6])


def test_runs_of_nothing():
    cell, offsets = runs(np.empty(0, np.uint64))
    assert (cell.tolist(), offsets.tolist()) == ([], [0])


def one_by_one(rows, levels, least, rollup):
    """Columns by the rule, with sets and loops: from the finest level up, rows without a column gather."""
    rows = [int(row) for row in rows]
    columns = set()
    for level in range(max(levels), -1, -1):
        here = [row for row in rows if cw.cell_level(row) >= level]
        if level not in levels:
            if not (rollup and least > 1):
                continue
            here = [row for row in here if not any(cw.cell_contains(column, row) for column in columns)]
        count = Counter(cw.cell_parent(row, level) for row in here)
        columns |= {cell for cell, n in count.items() if n >= least}
    return sorted(columns, key=lambda cell: (cw.cell_level(cell), cell))


@unhurried
@given(some_cells, st.sets(st.integers(0, 30), min_size=1, max_size=4), st.integers(1, 4), st.booleans())
def test_frequent_cells_follow_the_rule(rows, levels, least, rollup):
    placed = np.unique(rows, return_counts=True)
    cells, counts = frequent_cells(*placed, tuple(sorted(levels)), least, rollup=rollup)
    assert cells.tolist() == one_by_one(rows, levels, least, rollup)
    assert counts.tolist() == count_within(*placed, cells).tolist()


# --- automatic levels -------------------------------------------------------------------------------------------------


def leaves(rng, n, lat=(40.0, 40.5), lng=(-74.0, -73.5)):
    return np.sort(cw.latlng_to_cell(rng.uniform(*lat, n), rng.uniform(*lng, n)))


def test_auto_levels_of_even_rows_run_from_five_a_cell_to_a_fiftieth():
    rows = leaves(np.random.default_rng(0), 100_000)
    levels = auto_levels(rows)
    assert levels == tuple(range(levels[0], levels[-1] + 1, 2))
    counts = [np.median(cell_counts(rows, level)[1]) for level in levels]
    assert counts[0] <= 2_000
    assert counts[-1] >= 4
    assert np.median(cell_counts(rows, levels[0] - 2)[1]) > 2_000
    assert np.median(cell_counts(rows, levels[-1] + 1)[1]) < 5


def test_auto_levels_are_not_led_astray_by_a_few_strays():
    rng = np.random.default_rng(0)
    strays = leaves(rng, 50, (-60, 60), (-180, 180))
    rows = np.sort(np.concatenate((leaves(rng, 20_000), strays)))
    assert auto_levels(rows)[-1] == auto_levels(leaves(rng, 20_000))[-1]


@pytest.mark.parametrize("n", [0, 1, 2, 4, 5, 20, 1_000])
def test_auto_levels_always_give_one(n):
    spread = leaves(np.random.default_rng(n), n)
    one_place = np.full(n, cw.latlng_to_cell(1.0, 2.0), np.uint64)
    for rows in (spread, one_place):
        levels = auto_levels(rows)
        assert len(levels) >= 1
        assert all(0 <= level <= 30 for level in levels)
    assert auto_levels(one_place) == (0,)


def test_auto_levels_stop_where_all_places_are_apart():
    stations = leaves(np.random.default_rng(0), 40)
    rows = np.sort(np.repeat(stations, 500))
    finest = auto_levels(rows)[-1]
    assert len(cell_counts(rows, finest)[0]) == 40 > len(cell_counts(rows, finest - 1)[0])


def test_auto_levels_of_coarse_cells():
    faces = np.repeat(cw.token_to_cell(["1", "3", "5"]), 100)
    assert auto_levels(faces) == (0,)
