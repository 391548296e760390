"""Sums of y over the rows of each cell, level by level, and over those of them that each fold holds out.

Rows meet in the cells of the finest level, and there in pairs (cell, fold): the rows of a cell that a fold must not
know. From then on there are no rows any more. Sums over coarser cells, and over pairs of these, are sums of sums, and
what a fold knows of a cell is the cell's sums without the pair's.
"""

from typing import NamedTuple

import numpy as np

from ..groups import number_cells, number_pairs, sum_groups
from ._sorted_leaves import at_most, runs


class Sums(NamedTuple):
    """What is kept of the rows of each group. All estimates follow from it, and groups can be added and taken apart."""

    n_rows: np.ndarray  # those of weight 0 not counted
    weight: np.ndarray
    total: np.ndarray  # of y, shape (n_targets, n_groups)
    square: np.ndarray  # of y squared, likewise

    def at(self, groups):
        """The sums of some groups."""
        return Sums(*(values[..., groups] for values in self))

    def of(self, t):
        """The sums of one target."""
        return Sums(self.n_rows, self.weight, self.total[t], self.square[t])

    def where(self, is_kept):
        """The same sums, but 0 where `is_kept` is False."""
        return self if is_kept.all() else Sums(*(np.where(is_kept, values, 0) for values in self))

    def without(self, part):
        """The sums of what is left of each group without a part of it; exactly 0 where nothing is."""
        return Sums(*(whole - gone for whole, gone in zip(self, part))).where(self.n_rows > part.n_rows)

    def followed_by(self, other):
        """The sums of these groups and then of others."""
        return Sums(*(np.concatenate(both, axis=-1) for both in zip(self, other)))

    def over(self, number, n):
        """Sums over `n` groups of the groups, whose number each one has."""

        def added(values):
            if values.ndim == 1:
                return np.bincount(number, values, n)
            return np.array([added(one) for one in values]).reshape(len(values), n)

        return Sums(*map(added, self))


class Target(NamedTuple):
    """What is summed: numbers, or for classes a 1 for each row of a class; None where rows are only counted."""

    y: np.ndarray | None
    weight: np.ndarray | None
    n_classes: int  # 0 for numbers

    @property
    def n_targets(self):
        """How many sums there are of each group: one for numbers, one for each class."""
        return self.n_classes or int(self.y is not None)

    def numbers(self, t):
        """What is averaged for target `t`, row by row."""
        return (self.y == t).astype(np.float64) if self.n_classes else self.y

    def sums(self, number, n_groups, rows=None):
        """Sums over groups of the rows, or of some of them."""

        def taken(values):
            return values if values is None or rows is None else values[rows]

        weight = taken(self.weight)
        if self.n_targets == 0:
            counted = sum_groups(number, np.zeros(len(number)), weight, n_groups)
            return Sums(counted[:, 0], counted[:, 1], np.empty((0, n_groups)), np.empty((0, n_groups)))
        parts = [sum_groups(number, taken(self.numbers(t)), weight, n_groups) for t in range(self.n_targets)]
        total, square = (np.stack([part[:, column] for part in parts]) for column in (2, 3))
        return Sums(parts[0][:, 0].copy(), parts[0][:, 1].copy(), total, square)


class Folds(NamedTuple):
    """Which rows each of `n` folds must know nothing of, one held-out row after the other."""

    n: int
    fold: np.ndarray
    row: np.ndarray | None = None  # None: each row once, in order
    tested: np.ndarray | None = None  # for each row, which of the entries says the fold that encodes it; None: its own


def cells_of_rows(cells, level):
    """Distinct cells of rows, none finer than `level`, and the number of each row's; 0, if there is any, comes last."""
    distinct, number = number_cells(cells, level)
    missing = number < 0
    if missing.any():
        number[missing] = len(distinct)
        distinct = np.append(distinct, np.uint64(0))
    return distinct, number


class CellSums:
    """Sums over the cells of one level, and over the pairs of a cell and a fold that rows are held out of.

    Rows that are coarser than the level, or have no place, are in cells of their own, which are not of the level.
    """

    def __init__(self, level, cells, sums, n_folds, pair_cell, pair_fold, pair_sums):
        self.level, self.cells, self.sums = level, cells, sums
        self.n_folds, self.pair_cell, self.pair_fold, self.pair_sums = n_folds, pair_cell, pair_fold, pair_sums
        self.is_of_level = at_level(cells, level)

    @classmethod
    def of_rows(cls, cells, number, level, target, folds=None):
        """Sums over the cells of rows, of which each has a number, and the number of each held-out row's pair."""
        sums = target.sums(number, len(cells))
        if folds is None:
            none = np.empty(0, np.int32)
            return cls(level, cells, sums, 0, none, none, sums.at(none)), none
        held = number if folds.row is None else number[folds.row]
        pair_cell, pair_fold, pair = number_pairs(held, folds.fold, len(cells), folds.n)
        pair_sums = target.sums(pair, len(pair_cell), folds.row)
        return cls(level, cells, sums, folds.n, pair_cell, pair_fold, pair_sums), pair

    def coarser(self, level):
        """Sums over the cells of a coarser level, and which of these each cell lies in; likewise of the pairs.

        Level -1 is a single cell, with all rows.
        """
        if level < 0:
            cells, start = np.zeros(1, np.uint64), np.zeros(1, np.intp)
        else:
            cells, start = runs(at_most(self.cells, level))
        up = np.repeat(np.arange(len(cells), dtype=np.int32), np.diff(start, append=len(self.cells)))
        pair_cell, pair_fold, pair_up = number_pairs(up[self.pair_cell], self.pair_fold, len(cells), self.n_folds)
        up, pair_up = up.astype(np.intp), pair_up.astype(np.intp)
        pair_sums = self.pair_sums.over(pair_up, len(pair_cell))
        sums = self.sums.over(up, len(cells))
        return CellSums(level, cells, sums, self.n_folds, pair_cell, pair_fold, pair_sums), up, pair_up


def at_level(cells, level):
    """Whether each of the cells, none finer than `level`, is of that level; all are for -1."""
    return np.ones(len(cells), bool) if level < 0 else cells & np.uint64(1 << 2 * (30 - level)) != 0
