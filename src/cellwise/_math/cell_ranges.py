"""Cells as ranges of leaves: the algebra of sets of cells is that of plain integer intervals.

Leaves are numbered along the whole curve, 0 .. 6 * 4^30, and ranges of them are half open.
"""

from __future__ import annotations

import numpy as np

from .._typing import CellArray, Int32Array, Int64Array
from .projection import MAX_LEVEL

FACE_LEAVES = 1 << 60  # leaves of a face


def leaf_ranges(cells: CellArray) -> tuple[Int64Array, Int64Array]:
    """First leaf number of each cell, and the one after its last."""
    with np.errstate(over="ignore"):  # of which numpy warns where a single cell is 0
        bit = cells & (~cells + np.uint64(1))
    return ((cells - bit) >> np.uint64(1)).astype(np.int64), ((cells + bit) >> np.uint64(1)).astype(np.int64)


def merged(starts: Int64Array, ends: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Sorted ranges, those that touch or overlap made one."""
    if len(starts) == 0:
        return starts, ends
    ends = np.maximum.accumulate(ends)
    gap = starts[1:] > ends[:-1]
    return starts[np.append(True, gap)], ends[np.append(gap, True)]


def cells_of_ranges(starts: Int64Array, ends: Int64Array) -> CellArray:
    """Fewest cells that make up disjoint ranges of leaves, ascending."""
    found = []
    for level in range(30, -1, -1):
        size = 1 << (2 * (30 - level))
        half = np.uint64(size)  # of an id's step: ids are 2 * leaf + 1

        def take(first: Int64Array, half: np.uint64 = half) -> None:
            found.append(first.astype(np.uint64) * np.uint64(2) + half)

        if level == 0:
            for _ in range(6):
                more = starts < ends
                take(starts[more])
                starts = np.where(more, starts + size, starts)
            break
        for _ in range(3):  # up to three cells before a whole parent begins, and after the last one ends
            more = (starts < ends) & (starts % (4 * size) != 0)
            take(starts[more])
            starts = np.where(more, starts + size, starts)
        for _ in range(3):
            more = (starts < ends) & (ends % (4 * size) != 0)
            ends = np.where(more, ends - size, ends)
            take(ends[more])
        rest = starts < ends
        starts, ends = starts[rest], ends[rest]
    return np.sort(np.concatenate(found)) if found else np.empty(0, np.uint64)


def disjoint_cells(cells: CellArray) -> CellArray:
    """Sorted cells without duplicates and without those that others contain."""
    cells = np.unique(cells)
    starts, ends = leaf_ranges(cells)
    # Containing cells have ranges that start no later and end no earlier: look at the furthest end so far.
    order = np.lexsort((-ends, starts))
    furthest = np.maximum.accumulate(ends[order])
    contained = np.zeros(len(cells), bool)
    contained[1:] = furthest[:-1] >= ends[order][1:]
    return np.sort(cells[order[~contained]])


def denormalized_level(level: Int32Array, min_level: int, level_mod: int) -> Int32Array:
    """Level that cells are split to, so that it is at least min_level and a multiple of level_mod from it."""
    finer = np.maximum(level, min_level)
    return np.minimum(MAX_LEVEL, finer + (MAX_LEVEL - (finer - min_level)) % level_mod)
