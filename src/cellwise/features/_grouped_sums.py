"""Sums of y over the rows of each cell, and over those of them that each fold holds out.

Rows are summed in the cells of the finest level, and there in pairs (cell, fold): the rows of a cell that a fold must
not know. After that no rows are needed. Sums over coarser cells, and over pairs of these, are sums of sums, and what a
fold knows of a cell is the cell's sums without the pair's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._typing import AnyArray, CellArray, FloatArray, Int32Array
from ..groups import add_sums, factorize_cells, factorize_pairs, sum_by_group
from ..shrinkage import HeldOutSums
from ._sorted_leaves import at_most, runs


class Target(NamedTuple):
    """What is summed: numbers, or for classes a 1 for each row of a class; None where rows are only counted."""

    y: AnyArray | None
    weight: FloatArray | None
    n_classes: int  # 0 for numbers

    def numbers(self, t: int) -> FloatArray:
        """What is averaged for target `t`, row by row."""
        assert self.y is not None
        return (self.y == t).astype(np.float64) if self.n_classes else self.y

    def sums(self, group: Int32Array, n_groups: int, rows: AnyArray | None = None) -> list[FloatArray]:
        """Sums over groups of the rows, or of some of them, for each target; for counts there is one, of zeros."""
        weight = self.weight if self.weight is None or rows is None else self.weight[rows]
        if self.y is None:
            return [sum_by_group(group, np.zeros(len(group)), weight, n_groups)]
        targets = (self.numbers(t) for t in range(self.n_classes or 1))
        return [sum_by_group(group, y if rows is None else y[rows], weight, n_groups) for y in targets]


class Folds(NamedTuple):
    """Which rows each of `n` folds must know nothing of: an entry for each fold and row that it holds out."""

    n: int
    fold: Int32Array
    row: AnyArray | None = None  # None: each row once, in order
    tested: AnyArray | None = None  # for each row, the entry that has the fold which encodes it; None: its own


def cells_of_rows(cells: CellArray, level: int) -> tuple[CellArray, Int32Array]:
    """Distinct cells of rows, none finer than `level`, and each row's position among them; 0, if any, comes last."""
    distinct, code = factorize_cells(cells, level)
    missing = code < 0
    if missing.any():
        code[missing] = len(distinct)
        distinct = np.append(distinct, np.uint64(0))
    return distinct, code


class CellSums(NamedTuple):
    """Sums over the cells of the finest level, and over the pairs of a cell and a fold that holds out rows of it.

    Rows that are coarser than the level, or have no place, are in cells of their own, which are not of the level.
    """

    cells: CellArray
    sums: list[FloatArray]  # for each target those of the cells, as `cellwise.groups.sum_by_group` gives them
    n_folds: int
    held_out: list[HeldOutSums]  # for each target; all with the same cells and folds

    @classmethod
    def of_rows(
        cls, cells: CellArray, code: Int32Array, target: Target, folds: Folds | None = None
    ) -> tuple[CellSums, Int32Array]:
        """Sums over the cells of rows, each row with its cell's position, and the pair of each held-out row."""
        sums = target.sums(code, len(cells))
        if folds is None:
            none = np.empty(0, np.int32)
            return cls(cells, sums, 0, [HeldOutSums(none, none, np.empty((0, 4)))] * len(sums)), none
        held = code if folds.row is None else code[folds.row]
        cell, fold, pair = factorize_pairs(held, folds.fold, len(cells), folds.n)
        held_out = [HeldOutSums(cell, fold, pair_sums) for pair_sums in target.sums(pair, len(cell), folds.row)]
        return cls(cells, sums, folds.n, held_out), pair

    def over(self, cell_of_finest: Int32Array, n_cells: int) -> list[FloatArray]:
        """For each target the sums over coarser cells, given in which of these each finest one lies."""
        return [add_sums(cell_of_finest, sums, n_cells) for sums in self.sums]


def coarser(cells: CellArray, level: int) -> tuple[CellArray, Int32Array]:
    """Cells of a coarser level, and in which of them each of the cells lies. Level -1 is one cell, with all rows."""
    if level < 0:
        return np.zeros(1, np.uint64), np.zeros(len(cells), np.int32)
    parents, offsets = runs(at_most(cells, level))
    return parents, np.repeat(np.arange(len(parents), dtype=np.int32), np.diff(offsets))
