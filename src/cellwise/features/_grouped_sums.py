"""Sums of y over the rows of each cell, and over those of them that each fold holds out.

Rows meet in the cells of the finest level, and there in pairs (cell, fold): the rows of a cell that a fold must not
know. From then on there are no rows any more. Sums over coarser cells, and over pairs of these, are sums of sums, and
what a fold knows of a cell is the cell's sums without the pair's.
"""

from typing import NamedTuple

import numpy as np

from ..groups import add_sums, factorize_cells, factorize_pairs, sum_by_group
from ..shrinkage import Pairs
from ._sorted_leaves import at_most, runs


class Target(NamedTuple):
    """What is summed: numbers, or for classes a 1 for each row of a class; None where rows are only counted."""

    y: np.ndarray | None
    weight: np.ndarray | None
    n_classes: int  # 0 for numbers

    def numbers(self, t):
        """What is averaged for target `t`, row by row."""
        return (self.y == t).astype(np.float64) if self.n_classes else self.y

    def sums(self, number, n_groups, rows=None):
        """Sums over groups of the rows, or of some of them, for each target; for counts there is one, of zeros."""

        def taken(values):
            return values if values is None or rows is None else values[rows]

        weight = taken(self.weight)
        if self.y is None:
            return [sum_by_group(number, np.zeros(len(number)), weight, n_groups)]
        return [sum_by_group(number, taken(self.numbers(t)), weight, n_groups) for t in range(self.n_classes or 1)]


class Folds(NamedTuple):
    """Which rows each of `n` folds must know nothing of, one held-out row after the other."""

    n: int
    fold: np.ndarray
    row: np.ndarray | None = None  # None: each row once, in order
    tested: np.ndarray | None = None  # for each row, which of the entries says the fold that encodes it; None: its own


def cells_of_rows(cells, level):
    """Distinct cells of rows, none finer than `level`, and the number of each row's; 0, if there is any, comes last."""
    distinct, number = factorize_cells(cells, level)
    missing = number < 0
    if missing.any():
        number[missing] = len(distinct)
        distinct = np.append(distinct, np.uint64(0))
    return distinct, number


class CellSums(NamedTuple):
    """Sums over the cells of the finest level, and over the pairs of a cell and a fold that rows are held out of.

    Rows that are coarser than the level, or have no place, are in cells of their own, which are not of the level.
    """

    cells: np.ndarray
    sums: list  # for each target those of the cells, as `cellwise.groups.sum_by_group` gives them
    n_folds: int
    pairs: list  # for each target; all with the same cells and folds

    @classmethod
    def of_rows(cls, cells, number, target, folds=None):
        """Sums over the cells of rows, of which each has a number, and the number of each held-out row's pair."""
        sums = target.sums(number, len(cells))
        if folds is None:
            none = np.empty(0, np.int32)
            return cls(cells, sums, 0, [Pairs(none, none, np.empty((0, 4)))] * len(sums)), none
        held = number if folds.row is None else number[folds.row]
        cell, fold, pair = factorize_pairs(held, folds.fold, len(cells), folds.n)
        pairs = [Pairs(cell, fold, pair_sums) for pair_sums in target.sums(pair, len(cell), folds.row)]
        return cls(cells, sums, folds.n, pairs), pair

    def over(self, cell_at, n_cells):
        """For each target the sums over coarser cells, given in which of these each finest one lies."""
        return [add_sums(cell_at, sums, n_cells) for sums in self.sums]


def coarser(cells, level):
    """Cells of a coarser level, and in which of them each of the cells lies. Level -1 is one cell, with all rows."""
    if level < 0:
        return np.zeros(1, np.uint64), np.zeros(len(cells), np.int32)
    above, offsets = runs(at_most(cells, level))
    return above, np.repeat(np.arange(len(above), dtype=np.int32), np.diff(offsets))
