"""Rows grouped by cell, at every level, from one sort.

Along the curve the leaves of a cell are one run, so rows that are sorted by leaf are sorted by their ancestors at every
level too. Counts and sums at all levels therefore need one sort and no hashing:

    ordered, count = count_cells(cells)                 once, in the core
    ancestor = cell_parent(ordered, level)              at each level
    cell, offsets = runs(ancestor)                      cell k holds ordered[offsets[k]:offsets[k + 1]]
    total = sum_runs(count, offsets)                    any sum over the rows of each cell

Rows may have cells coarser than leaves: at levels finer than their own they have no ancestor, and with
``on_invalid="null"`` that is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .._typing import CellArray, Int64Array
from ..cells.hierarchy import cell_parent, cell_range_max, cell_range_min
from ..ragged import offsets_of, sum_runs

ROWS = 1 << 15  # in a batch, where temporary arrays would need more memory than the result

_Scalar = TypeVar("_Scalar", bound=np.generic)


def batches(n: int) -> Iterator[slice]:
    """Slices of `n` rows, one after another."""
    return (slice(start, start + ROWS) for start in range(0, n, ROWS))


def at_most(cells: CellArray, level: int) -> CellArray:
    """The cells, those finer than `level` replaced by their ancestors there."""
    ancestor = cell_parent(cells, level, on_invalid="null")
    return np.where(ancestor == 0, cells, ancestor)


def runs(ordered: NDArray[_Scalar]) -> tuple[NDArray[_Scalar], Int64Array]:
    """Distinct values of a sorted array, ascending, and the offsets of the runs of equal ones."""
    first = np.ones(len(ordered) + 1, bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:-1])
    offsets = np.flatnonzero(first)
    return ordered[offsets[:-1]], offsets


def cell_counts(ordered: CellArray, level: int, count: Int64Array | None = None) -> tuple[CellArray, Int64Array]:
    """Cells of `level` that hold any of the sorted cells, ascending, and how many each holds.

    `count` says how many there are of each of the sorted cells, if not one.
    """
    return _counted(cell_parent(ordered, level, on_invalid="null"), count)


def _counted(ancestor: CellArray, count: Int64Array | None) -> tuple[CellArray, Int64Array]:
    """Distinct cells and their counts in sorted cells, of which 0 is left out."""
    if not ancestor.all():
        placed = ancestor != 0
        ancestor, count = ancestor[placed], None if count is None else count[placed]
    cell, offsets = runs(ancestor)
    return cell, np.diff(offsets) if count is None else sum_runs(count, offsets)


def count_within(ordered: CellArray, count: Int64Array, cells: CellArray) -> Int64Array:
    """How many of the sorted cells, `count` of each, lie within each of `cells`, which may be of any levels."""
    start, stop = spans(ordered, cells)
    before = offsets_of(count)
    return before[stop] - before[start]


def spans(ordered: CellArray, cells: CellArray) -> tuple[Int64Array, Int64Array]:
    """Where the sorted cells that lie within each of `cells` begin, and the position after their last."""
    return (
        np.searchsorted(ordered, cell_range_min(cells), "left"),
        np.searchsorted(ordered, cell_range_max(cells), "right"),
    )


def frequent_cells(
    ordered: CellArray, count: Int64Array, levels: Sequence[int], least: int, *, rollup: bool
) -> tuple[CellArray, Int64Array]:
    """Cells of the given levels that hold at least `least` rows, by level, then id; how many each holds.

    The rows are in the sorted, distinct cells `ordered`, `count` of them in each. With `rollup`, those that no such
    cell contains are rolled up, level by level: the first ancestor that holds at least `least` of them is taken too.
    """
    rollup = rollup and least > 1
    cells, counts = [], []
    pending, pending_count = ordered[:0], count[:0]  # in none of the cells found so far
    for level in range(max(levels), -1, -1):
        is_wanted = level in levels
        if is_wanted:
            pending, pending_count = (
                ordered,
                count,
            )  # a frequent cell of this level contains the frequent ones within it
        elif not rollup or pending_count.sum() < least:
            continue
        ancestor = cell_parent(pending, level, on_invalid="null")
        cell, offsets = runs(ancestor[ancestor != 0])
        here = _counted(ancestor, pending_count)[1]
        frequent = here >= least
        cells.append(cell[frequent])
        counts.append(here[frequent] if is_wanted else count_within(ordered, count, cell[frequent]))
        if rollup:
            taken = ancestor != 0
            taken[taken] = np.repeat(frequent, np.diff(offsets))
            pending, pending_count = pending[~taken], pending_count[~taken]
    return np.concatenate(cells[::-1]), np.concatenate(counts[::-1])


def auto_levels(ordered: CellArray, count: Int64Array | None = None) -> tuple[int, ...]:
    """Levels that suit so many rows at these places: every second one between two ends, ascending; at least one.

    The rows are in the sorted cells, in each of them one, or `count`. The finest level is the last at which the median
    row shares its cell with about five rows, but not finer than is needed to separate all places; the coarsest is the
    first at which the median cell holds at most a fiftieth of all rows. The two medians differ wherever rows crowd:
    most cells then hold one row, while most rows lie in full cells.
    """
    places = len(runs(ordered)[0])
    n_rows = len(ordered) if count is None else count.sum()
    coarsest, finest = None, 0
    for level in range(31):
        here = cell_counts(ordered, level, count)[1]
        if len(here) == 0:
            break
        if coarsest is None and np.median(here) <= n_rows / 50:
            coarsest = level
        if _median_row(here) < 5:
            break
        finest = level
        if len(here) == places:
            break
    coarsest = finest if coarsest is None else min(coarsest, finest)
    return tuple(range(finest, coarsest - 1, -2))[::-1]


def _median_row(count: Int64Array) -> int:
    """Rows in the cell of the median row, when rows are ranked by how many share their cell."""
    count = np.sort(count)
    return int(count[np.searchsorted(np.cumsum(count), count.sum() / 2)])
