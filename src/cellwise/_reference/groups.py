"""Rows grouped by cell: counts, look-ups among sorted cells, sums over groups.

Along the curve the cells of a level come in the order of their ids, and truncating ids keeps that order: so what is
sorted once is sorted at every level.
"""

from __future__ import annotations

import numpy as np

from .._typing import AnyArray, CellArray, FloatArray, Int32Array, Int64Array
from .hierarchy import cell_level


def truncated(cells: CellArray, level: int) -> CellArray:
    """The cells, those finer than `level` replaced by their ancestors there; 0 stays 0."""
    bit = 1 << 2 * (30 - level)
    is_coarser = cells & np.uint64(2 * bit - 1) == 0
    return np.where(is_coarser, cells, cells & np.uint64((1 << 64) - bit) | np.uint64(bit))


def count_cells(cells: CellArray, level: int) -> tuple[CellArray, Int64Array]:
    """Distinct truncated cells but 0, ascending, and how many there are of each."""
    return np.unique(truncated(cells[cells != 0], level), return_counts=True)


def lookup_at_level(sorted_cells: CellArray, start: int, cells: CellArray, level: int) -> Int32Array:
    """Where the ancestor of each cell at `level` stands among that level's sorted cells, from `start` on; or -1."""
    found = np.full(len(cells), -1, np.int32)
    if len(sorted_cells) == 0:
        return found
    ancestor = truncated(cells, level)
    at = np.searchsorted(sorted_cells, ancestor)
    at[at == len(sorted_cells)] = 0
    known = sorted_cells[at] == ancestor  # neither 0 nor a coarser cell is
    found[known] = at[known] + start
    return found


class CellIndex:
    """Distinct cells, sorted by level, then id, in which others are looked up."""

    def __init__(self, cells: CellArray) -> None:
        level = cell_level(cells)
        stops = np.searchsorted(level, np.arange(31), side="right").tolist()
        ends = zip([0, *stops], stops)
        self._levels = {k: (start, cells[start:stop]) for k, (start, stop) in enumerate(ends) if start < stop}

    def lookup(self, cells: CellArray, level: int | None, out: Int32Array) -> None:
        """Write where each cell stands, or its ancestor at `level` if that is not None; -1 for nowhere."""
        if level is not None:
            start, of_level = self._levels.get(level, (0, cells[:0]))
            out[...] = lookup_at_level(of_level, start, cells, level)
            return
        out[...] = -1
        is_cell = cells != 0
        own = np.full(len(cells), -1)
        own[is_cell] = cell_level(cells[is_cell])
        for level, (start, of_level) in self._levels.items():
            here = own == level
            out[here] = lookup_at_level(of_level, start, cells[here], level)

    def ancestors_in(self, cells: CellArray) -> tuple[AnyArray, AnyArray]:
        """Positions of the cells that contain each cell, or are it, by level; and offsets of each cell's."""
        most = len(cells) * len(self._levels)
        offsets = np.zeros(len(cells) + 1, np.int32 if most < 2**31 else np.int64)
        at = np.empty((len(cells), len(self._levels)), np.int32)
        for k, (level, (start, of_level)) in enumerate(self._levels.items()):
            at[:, k] = lookup_at_level(of_level, start, cells, level)
        np.cumsum(np.count_nonzero(at >= 0, axis=1), out=offsets[1:])
        return at[at >= 0].astype(offsets.dtype), offsets

    def ancestors_in_one(self, cell: int) -> tuple[int, ...]:
        """The same positions of one cell, as a tuple."""
        return tuple(self.ancestors_in(np.array([cell], np.uint64))[0].tolist())


def factorize_pairs(a: Int32Array, b: Int32Array, n_a: int, n_b: int) -> tuple[Int32Array, Int32Array, Int32Array]:
    """Distinct pairs of numbers below `n_a` and `n_b`, sorted, and which of them each pair is."""
    distinct, number = np.unique(a.astype(np.int64) * n_b + b, return_inverse=True)
    return *(part.astype(np.int32) for part in np.divmod(distinct, max(n_b, 1))), number.astype(np.int32)


def sum_by_group(group: Int32Array, y: FloatArray, weight: FloatArray | None, n_groups: int) -> FloatArray:
    """For each group the rows that do not weigh 0, their weight, and the weighted sums of y and of its square."""
    sums = np.empty((n_groups, 4))
    weighted = y if weight is None else weight * y
    rows = np.bincount(group, None if weight is None else weight > 0, n_groups)
    sums[:, 0] = rows
    sums[:, 1] = rows if weight is None else np.bincount(group, weight, n_groups)
    sums[:, 2] = np.bincount(group, weighted, n_groups)
    sums[:, 3] = np.bincount(group, weighted * y, n_groups)
    return sums


def add_sums(group: Int32Array, sums: FloatArray, n_groups: int) -> FloatArray:
    """Sums of groups added up, in order, to those of the larger groups that they lie in."""
    added = np.empty((n_groups, 4))
    for k, column in enumerate(sums.T):
        added[:, k] = np.bincount(group, column, n_groups)
    return added


def take(table: AnyArray, number: Int32Array) -> AnyArray:
    """Rows of a table by number."""
    return np.take(table, number, axis=0)
