"""Estimates of y in each cell, each shrunk to that of its parent, from all data and from what each fold trains on.

All cells have an estimate from all data. In a fold those cells have one that hold rows which the fold encodes, or must
not know. In arrays over folds position 0 stands for all data, and position k + 1 for fold k.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._typing import AnyArray, FloatArray, Int32Array
from ..groups import add_sums
from ..shrinkage import HeldOutSums, LevelSums, level_terms, shrink_level
from ._grouped_sums import CellSums, Folds, Target

if TYPE_CHECKING:
    from ._cell_target_encoder import CellTargetEncoder

SIGNIFICANT = 2  # standard errors by which cells must differ before a level is taken to say anything


def _ratio(a: float, b: float) -> float:
    """Ratio a / b, or 0 where b is 0 or less."""
    return a / b if b > 0 else 0.0


class Mean:
    """Means: the rows of a cell vary about it with variance s2, and cells about their parents with variance t2."""

    from_sums = "mean"  # what is estimated from sums

    @staticmethod
    def smooth(terms: Sequence[float]) -> float:
        """s2 / t2, by equating sums of squares within and between cells to what is expected of them."""
        n_parents, n_cells, n, square, cell_square, parent_square, n_squared = terms
        free_within, free_between = n - n_cells, n_cells - n_parents
        within = _ratio(max(square - cell_square, 0), free_within)
        between = _ratio(cell_square - parent_square, free_between)
        chance = SIGNIFICANT * np.sqrt(2 * _ratio(1, free_between) + 2 * _ratio(1, free_within))
        t2 = _ratio(free_between * (between - within), n - n_squared)
        return within / t2 if free_within > 0 and t2 > 0 and between > within * (1 + chance) else np.inf

    @staticmethod
    def to_output(estimates: FloatArray, origin: float) -> FloatArray:
        """Turn estimates into encodings, in place; the same array."""
        return np.add(estimates, origin, out=estimates)


class Median(Mean):
    """Medians, with the m of means. Their own estimates come from `Medians`, since sums do not give them."""


class Std:
    """Standard deviations, computed as variances, which sampling scatters about those of the parents too."""

    from_sums = "std"

    @staticmethod
    def smooth(terms: Sequence[float]) -> float:
        """2 (1 + v) / v, if the ratios of cells' variances to their parents' have variance v apart from sampling."""
        n_cells, per_free, free, spread = terms
        excess = spread - 2 * n_cells
        if excess <= SIGNIFICANT * np.sqrt(8 * n_cells + 48 * per_free):
            return np.inf
        v = excess / (free + 2 * n_cells)
        return 2 * (1 + v) / v

    @staticmethod
    def to_output(estimates: FloatArray, origin: float) -> FloatArray:
        return np.sqrt(estimates, out=estimates)


STATISTICS: dict[str, type[Mean | Std]] = {"mean": Mean, "std": Std, "median": Median, "count": Mean}


class Medians:
    """Weighted medians of y over the rows of each cell, from all data and from what each fold trains on."""

    def __init__(self, target: Target, code: Int32Array, folds: Folds | None) -> None:
        self.y, self.weight, self.code, self.folds = target.numbers(0), target.weight, code, folds
        self.rank = np.empty(len(self.y), np.int64)  # position of each row if they were ordered by y
        self.rank[np.argsort(self.y)] = np.arange(len(self.y))

    def of(self, cell_of_finest: Int32Array, n_cells: int, held_out: HeldOutSums) -> tuple[FloatArray, FloatArray]:
        """Those of the cells of a level from all data, and those of the held-out pairs' cells in their folds.

        `cell_of_finest` says which cell each of the finest lies in.
        """
        cell, cell_of_pair = cell_of_finest[self.code], cell_of_finest[held_out.cell]
        by_value = np.argsort(cell * np.int64(len(cell)) + self.rank)
        of_cells = self._of_cells(by_value, cell, n_cells)
        of_pairs = np.zeros(len(cell_of_pair))
        folds = self.folds
        for fold in range(0 if folds is None else folds.n):
            assert folds is not None
            is_trained_on = np.ones(len(cell), bool)
            held = folds.fold == fold
            is_trained_on[held if folds.row is None else folds.row[held]] = False
            here = np.flatnonzero(held_out.fold == fold)
            of_pairs[here] = self._of_cells(by_value[is_trained_on[by_value]], cell, n_cells)[cell_of_pair[here]]
        return of_cells, of_pairs

    def _of_cells(self, at: AnyArray, cell: Int32Array, n_cells: int) -> FloatArray:
        """Median of each cell, of the rows `at`, which are ordered by y within cells; 0 where none is."""
        found = np.zeros(n_cells)
        start = np.flatnonzero(np.diff(cell[at], prepend=-1))
        y = self.y[at]
        reach = np.cumsum(np.ones(len(at)) if self.weight is None else self.weight[at])
        last = np.append(start, len(at))[1:] - 1
        end = reach[last]
        half = (np.append(0, end)[:-1] + end) / 2
        low = np.minimum(np.searchsorted(reach, half, "left"), last)
        high = np.minimum(np.searchsorted(reach, half, "right"), last)
        found[cell[at[start]]] = (y[low] + y[high]) / 2
        return found


class Estimates:
    """Estimates from the coarsest level down, each cell's shrunk to its parent's.

    After `descend`, `values` holds for each target those of a level's cells from all data, and `table` those of the
    pairs of a finest cell and a fold, which are that fold's: a row for each target, and a column for each pair. If the
    encoder adds support, the last two rows of the table hold the number of rows, or their weight, in the finest cell so
    far that has any, and its level.
    """

    def __init__(
        self, finest: CellSums, encoder: CellTargetEncoder, width: int, medians: Medians | None = None
    ) -> None:
        self.statistic, self.smooth, self.medians = STATISTICS[encoder.stats], encoder.smooth, medians
        self.to_parent, self.has_support = encoder.prior == "parent", encoder.add_support
        n_targets, n_folds, fold = len(finest.sums), finest.n_folds, finest.held_out[0].fold
        # the root is a single cell, with a pair for each fold
        root, all_in_root = np.zeros(1, np.int32), np.zeros(len(finest.cells), np.int32)
        each, sums = np.arange(n_folds, dtype=np.int32), finest.over(all_in_root, 1)
        held = [add_sums(fold, held_out.sums, n_folds) for held_out in finest.held_out]
        if not (held[0][:, 0] < sums[0][0, 0]).all():
            raise ValueError("cv must leave rows to learn from: got a split with none, or of weight 0 only")
        self.n_folds = n_folds
        self.held_out = [HeldOutSums(np.zeros_like(each), each, of_target) for of_target in held]
        self.first, self.values, self.table = 0, [np.zeros(1)] * n_targets, np.zeros((width, n_folds))
        no_shrinkage = np.zeros((n_targets, 1 + n_folds))
        self._shrink(sums, root, all_in_root, -1, 0, no_shrinkage, no_shrinkage)
        self.prior: FloatArray = np.hstack((self.values, self.table[:n_targets]))
        self.held_out, self.table = finest.held_out, np.take(self.table, fold, axis=1)

    def descend(
        self, sums: list[FloatArray], parent: Int32Array, cell_of_finest: Int32Array, level: int, first: int
    ) -> list[float]:
        """Go down to a level, given the sums over its cells and their parents in the level before; the m of all data.

        `cell_of_finest` says which of its cells each of the finest lies in. `first` is the first row of the table that
        is written.
        """
        if self.smooth == "auto":
            smooth_parent = parent if self.to_parent else np.zeros_like(parent)
            m = np.array(list(self._smooth(sums, smooth_parent, cell_of_finest)))
        else:
            m = np.full(self.prior.shape, self.smooth, np.float64)
        self._shrink(sums, parent, cell_of_finest, level, first, m, None if self.to_parent else self.prior)
        all_data: list[float] = m[:, 0].tolist()
        return all_data

    def _smooth(self, sums: list[FloatArray], parent: Int32Array, cell_of_finest: Int32Array) -> Iterator[list[float]]:
        """The m of each target, for all data and each fold."""
        for of_target, held_out in zip(sums, self.held_out):
            level_sums = LevelSums(of_target, parent, cell_of_finest)
            terms = level_terms(self.statistic.from_sums, level_sums, held_out, self.n_folds)
            yield [self.statistic.smooth(of_fold) for of_fold in terms.T.tolist()]

    def _shrink(
        self,
        sums: list[FloatArray],
        parent: Int32Array,
        cell_of_finest: Int32Array,
        level: int,
        first: int,
        m: FloatArray,
        prior: FloatArray | None,
    ) -> None:
        """Replace the estimates of the level before by those of a level."""
        own = None if self.medians is None else self.medians.of(cell_of_finest, len(parent), self.held_out[0])
        for t in range(len(sums)):
            self.values[t] = shrink_level(
                self.statistic.from_sums,
                LevelSums(sums[t], parent, cell_of_finest),
                self.held_out[t],
                m[t],
                parent_estimates=self.values[t],
                pair_parent_estimates=self.table[self.first + t],
                pair_estimates=self.table[first + t],
                prior=None if prior is None else prior[t],
                own_estimates=own,
                support=self.table[-2:] if self.has_support and t == 0 else None,
                level=level,
            )
        self.first = first
