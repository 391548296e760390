"""Coverings: few cells that contain a region, or lie within it.

The algorithm is Google's (S2RegionCoverer, release 0.14), repeated decision for decision, because the cells depend on
every one of them: start from about four cells that contain the region, keep a queue of cells that intersect its
boundary, and subdivide the largest first (then the one with the fewest children that intersect the region, then the one
with the fewest children that need no further subdivision) until `max_cells` is reached. Ties are broken by heap order,
so the heap is written out here.

The tests on cells are made for all grandchildren of a cell at once, which changes nothing but the speed.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from .._cover_options import CoverLimit, CoverOptions
from .._math.cell_ranges import denormalized_level, disjoint_cells
from .._math.projection import MAX_LEVEL
from .._typing import BoolArray, CellArray
from .hierarchy import (
    cell_child,
    cell_children,
    cell_common_ancestor,
    cell_contains,
    cell_level,
    cell_parent,
)
from .regions import cell_uv


def normalize_cells(cells: CellArray) -> CellArray:
    """Sorted cells without those that others contain, four siblings merged into their parent until nothing changes."""
    cells = disjoint_cells(cells)
    for level in range(MAX_LEVEL, 0, -1):
        at_level = cells[cell_level(cells) == level]
        parents, counts = np.unique(cell_parent(at_level, level - 1), return_counts=True)
        full = parents[counts == 4]
        if len(full):
            merged = np.isin(cell_parent(at_level, level - 1), full)
            cells = np.sort(np.concatenate((cells[cell_level(cells) != level], at_level[~merged], full)))
    return cells


def denormalize_cells(cells: CellArray, min_level: int, level_mod: int) -> CellArray:
    return cell_children(cells, denormalized_level(cell_level(cells), min_level, level_mod))[0]


class PriorityHeap:
    """Heap of (priority, item), largest priority on top, sifted as libstdc++ does: all the way down, then up again."""

    def __init__(self) -> None:
        self._entries: list[Any] = []

    def __len__(self) -> int:
        return len(self._entries)

    def push(self, priority: int, item: tuple[int, int, CellArray, BoolArray]) -> None:
        self._entries.append(None)
        self._sift_up(len(self._entries) - 1, (priority, item))

    def pop(self) -> tuple[int, int, CellArray, BoolArray]:
        entries = self._entries
        top, last = entries[0], entries.pop()
        n = len(entries)
        if n == 0:
            return top[1]
        hole = 0
        while 2 * hole + 2 < n:
            child = 2 * hole + 2
            if entries[child][0] < entries[child - 1][0]:
                child -= 1
            entries[hole] = entries[child]
            hole = child
        if 2 * hole + 2 == n:
            entries[hole] = entries[n - 1]
            hole = n - 1
        self._sift_up(hole, last)
        return top[1]

    def _sift_up(self, hole: int, entry: tuple[int, tuple[int, int, CellArray, BoolArray]]) -> None:
        entries = self._entries
        while hole > 0:
            parent = (hole - 1) // 2
            if not entries[parent][0] < entry[0]:
                break
            entries[hole] = entries[parent]
            hole = parent
        entries[hole] = entry


def cover(region: Any, options: CoverOptions, area: Callable[[], float]) -> CellArray:
    """Cells of a covering.

    `area()` gives the region's in steradians, for the limits that depend on it.

    Raises
    ------
    CoverLimit
    """
    min_level, max_level, max_cells, level_mod = (
        options.min_level,
        options.max_level,
        options.max_cells,
        options.level_mod,
    )
    interior, limit, candidate_limit = options.interior, options.cell_limit, options.candidate_limit(area)
    all_children = 1 << (2 * level_mod)
    result: list[int] = []
    queue = PriorityHeap()

    def tested(cells: CellArray) -> tuple[BoolArray, BoolArray]:
        """Cells that stay candidates, and which of them are terminal: taken as they are."""
        c = cell_uv(cells)
        level = cell_level(cells)
        finest = level + level_mod > max_level
        exists = region.may_intersect(c)
        contains = exists & region.contains(c)
        if interior:
            terminal = contains & (level >= min_level)
            exists = exists & ~(finest & ~contains & (level >= min_level))
        else:
            terminal = (finest | contains) & (level >= min_level)
        return exists, terminal

    def expand(cells: CellArray) -> list[tuple[CellArray, BoolArray]]:
        """For each cell, its candidates `level_mod` levels below (one level while above min_level)."""
        levels = np.where(cell_level(cells) < min_level, 1, level_mod)
        owner, below = np.arange(len(cells)), cells
        for step in range(1, level_mod + 1):
            deeper = levels[owner] >= step
            children = cell_child(np.repeat(below[deeper], 4), np.tile(np.arange(4), deeper.sum()))
            child_owner = np.repeat(owner[deeper], 4)
            on_the_way = levels[child_owner] > step
            keep = ~on_the_way
            keep[on_the_way] = region.may_intersect(cell_uv(children[on_the_way]))
            owner = np.concatenate((owner[~deeper], child_owner[keep]))
            below = np.concatenate((below[~deeper], children[keep]))
        order = np.lexsort((below, owner))
        owner, below = owner[order], below[order]
        exists, terminal = tested(below)
        owner, below, terminal = owner[exists], below[exists], terminal[exists]
        ends = np.searchsorted(owner, np.arange(len(cells) + 1))
        return [(below[a:b], terminal[a:b]) for a, b in pairwise(ends)]

    def add(cells: CellArray, terminal: BoolArray) -> None:
        expansions = iter(expand(cells[~terminal]))
        for cell, is_terminal in zip(cells, terminal):
            if interior and len(result) >= max_cells and started:
                break
            if is_terminal:
                result.append(cell)
                continue
            children, child_terminal = next(expansions)
            level = int(cell_level(cell[None])[0])
            n_terminal = int(child_terminal.sum())
            if len(children) == 0:
                continue
            if not interior and n_terminal == all_children and level >= min_level:
                result.append(cell)  # all children would be taken: take the cell
            else:
                shift = 2 * level_mod
                priority = -((((level << shift) + len(children)) << shift) + n_terminal)
                queue.push(priority, (cell, level, children, child_terminal))

    started = False
    start = _initial_cells(region, min_level, max_level, max_cells, level_mod)
    if options.within:
        start = _clip_to_within(start, np.uint64(options.within))
    exists, terminal = tested(start)
    add(start[exists], terminal[exists])
    started = True
    while len(queue) and (not interior or len(result) < max_cells):
        cell, level, children, child_terminal = queue.pop()
        if interior or level < min_level or len(children) == 1 or len(result) + len(queue) + len(children) <= max_cells:
            add(children, child_terminal)
        else:
            result.append(cell)
        if len(result) + (0 if interior else len(queue)) > limit:
            raise CoverLimit("cells", area() * options.cells_per_steradian)
        if interior and len(queue) > candidate_limit + 16 * len(result):
            raise CoverLimit("candidates", area() * options.cells_per_steradian, candidate_limit)
    cells = normalize_cells(np.array(result, np.uint64))
    if min_level == 0 and level_mod == 1:
        return cells
    deeper = denormalized_level(cell_level(cells), min_level, level_mod) - cell_level(cells)
    if (4.0**deeper).sum() > limit:
        raise CoverLimit("cells", area() * options.cells_per_steradian)
    return denormalize_cells(cells, min_level, level_mod)


def _initial_cells(region: Any, min_level: int, max_level: int, max_cells: int, level_mod: int) -> CellArray:
    """About four cells that contain the region; their levels are those of the options, or coarser than min_level."""
    cells = region.cell_union_bound()
    cells = cell_parent(cells, np.minimum(cell_level(cells), max_level))
    cells = _merge_down_to(normalize_cells(cells), min(4, max_cells))
    level = cell_level(cells)
    adjusted = np.where(level > min_level, level - (level - min_level) % level_mod, level)
    return disjoint_cells(cell_parent(cells, adjusted))


def _clip_to_within(cells: CellArray, within: np.uint64) -> CellArray:
    """Restrict cells that contain the region to those that contain what of it lies in `within`."""
    cells = cells[cell_contains(within, cells) | cell_contains(cells, within)]
    return np.array([within]) if len(cells) == 1 and cell_contains(cells[0], within) else cells


def _merge_down_to(cells: CellArray, max_cells: int) -> CellArray:
    """Replaces neighbors on the curve by their common ancestor, finest first, until at most `max_cells` remain."""

    def replace_within(ancestor: np.uint64) -> CellArray:
        inside = cell_contains(ancestor, cells)
        return np.sort(np.append(cells[~inside], ancestor))

    while len(cells) > max_cells:
        ancestors = cell_common_ancestor(cells[:-1], cells[1:])
        levels = np.where(ancestors != 0, cell_level(ancestors | np.uint64(1 << 60)), -1)
        if levels.max() < 0:
            break
        best: Any = ancestors[levels.argmax()]
        cells = replace_within(best)
        for level in range(int(levels.max()) - 1, -1, -1):
            best = cell_parent(best, level)
            if not np.isin(cell_child(np.repeat(best, 4), np.arange(4)), cells).all():
                break
            cells = replace_within(best)
    return cells
