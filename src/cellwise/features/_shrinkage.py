"""Estimates of y in each cell, shrunk to those of the cells around it, as all rows tell them and as each fold does.

A view is what somebody knows: view 0 knows all rows, view k + 1 all but those that fold k holds out. An estimate
belongs to a cell and a view. All cells have one in view 0; in the others those have that hold rows which the fold
encodes, or must not know.
"""

import numpy as np

from ..groups import add_sums
from ..shrinkage import Level, Pairs, level_terms, shrink_level

SIGNIFICANT = 2  # standard errors by which cells must differ before a level is taken to say anything


def _ratio(a, b):
    """Ratio a / b, or 0 where b is 0 or less."""
    return a / b if b > 0 else 0.0


class Mean:
    """Means: the rows of a cell vary about it with variance s2, and cells about their parents with variance t2."""

    sums = "mean"  # what is estimated from sums

    @staticmethod
    def smooth(terms):
        """s2 / t2, by equating sums of squares within and between cells to what is expected of them."""
        n_families, n_cells, n, square, cell_square, family_square, n_squared = terms
        free_within, free_between = n - n_cells, n_cells - n_families
        within = _ratio(max(square - cell_square, 0), free_within)
        between = _ratio(cell_square - family_square, free_between)
        chance = SIGNIFICANT * np.sqrt(2 * _ratio(1, free_between) + 2 * _ratio(1, free_within))
        t2 = _ratio(free_between * (between - within), n - n_squared)
        return within / t2 if free_within > 0 and t2 > 0 and between > within * (1 + chance) else np.inf

    @staticmethod
    def told(estimates, origin):
        """Turn estimates into what is told, in place; the same array."""
        return np.add(estimates, origin, out=estimates)


class Median(Mean):
    """Medians, with the m of means. Their own estimates come from `Medians`, since sums do not tell them."""


class Std:
    """Standard deviations, by way of variances, which sampling scatters about those of the parents too."""

    sums = "std"

    @staticmethod
    def smooth(terms):
        """2 (1 + v) / v, if the ratios of cells' variances to their parents' have variance v but for sampling."""
        n_cells, per_free, free, spread = terms
        excess = spread - 2 * n_cells
        if excess <= SIGNIFICANT * np.sqrt(8 * n_cells + 48 * per_free):
            return np.inf
        v = excess / (free + 2 * n_cells)
        return 2 * (1 + v) / v

    @staticmethod
    def told(estimates, origin):
        return np.sqrt(estimates, out=estimates)


STATISTICS = {"mean": Mean, "std": Std, "median": Median, "count": Mean}


class Medians:
    """Medians of y over the rows of each cell, in every view. They count by weight."""

    def __init__(self, target, number, folds):
        self.y, self.weight, self.number, self.folds = target.numbers(0), target.weight, number, folds
        self.rank = np.empty(len(self.y), np.int64)  # place of each row if they were ordered by y
        self.rank[np.argsort(self.y)] = np.arange(len(self.y))

    def of(self, cell_at, n_cells, pairs):
        """Those of the cells of a level, and those of the cells in which the pairs lie, in their folds' views.

        `cell_at` says which cell each of the finest lies in.
        """
        cell, cell_of_pair = cell_at[self.number], cell_at[pairs.cell]
        by_value = np.argsort(cell * np.int64(len(cell)) + self.rank)
        of_cells = self._of_cells(by_value, cell, n_cells)
        of_pairs = np.zeros(len(cell_of_pair))
        for fold in range(0 if self.folds is None else self.folds.n):
            is_left = np.ones(len(cell), bool)
            held = self.folds.fold == fold
            is_left[held if self.folds.row is None else self.folds.row[held]] = False
            here = np.flatnonzero(pairs.fold == fold)
            of_pairs[here] = self._of_cells(by_value[is_left[by_value]], cell, n_cells)[cell_of_pair[here]]
        return of_cells, of_pairs

    def _of_cells(self, at, cell, n_cells):
        """Median of each cell, of the rows `at`, which are ordered by y within cells; 0 where none is."""
        found = np.zeros(n_cells)
        start = np.flatnonzero(np.diff(cell[at], prepend=-1))
        y = self.y[at]
        reach = np.cumsum(np.ones(len(at)) if self.weight is None else self.weight[at])
        last = np.append(start, len(at))[1:] - 1
        end = reach[last]
        half = (np.append(0, end)[:-1] + end) / 2
        low, high = (np.minimum(np.searchsorted(reach, half, side), last) for side in ("left", "right"))
        found[cell[at[start]]] = (y[low] + y[high]) / 2
        return found


class Estimates:
    """Estimates from the coarsest level down, each cell's shrunk to its parent's.

    After `descend`, `values` holds those of a level's cells in view 0, for each target, and `table` those of its pairs
    of a cell and a fold, which are that fold's: a row for each target, and a column for each pair of the finest level.
    If the encoder adds support, the last two rows of the table hold the number of rows, or their weight, in the finest
    cell so far that has any, and its level.
    """

    def __init__(self, finest, encoder, width, medians=None):
        self.stats, self.smooth, self.medians = STATISTICS[encoder.stats], encoder.smooth, medians
        self.to_parent, self.has_support = encoder.prior == "parent", encoder.add_support
        n_targets, n_folds, fold = len(finest.sums), finest.n_folds, finest.pairs[0].fold
        # the root is a single cell, with a pair for each fold
        all_rows, at_root = np.zeros(1, np.int32), np.zeros(len(finest.cells), np.int32)
        each, sums = np.arange(n_folds, dtype=np.int32), finest.over(at_root, 1)
        held = [add_sums(fold, pairs.sums, n_folds) for pairs in finest.pairs]
        if not (held[0][:, 0] < sums[0][0, 0]).all():
            raise ValueError("cv must leave rows to learn from: got a split with none, or of weight 0 only")
        self.n_folds, self.pairs = n_folds, [Pairs(np.zeros_like(each), each, of_target) for of_target in held]
        self.first, self.values, self.table = 0, [np.zeros(1)] * n_targets, np.zeros((width, n_folds))
        nothing = np.zeros((n_targets, 1 + n_folds))
        self._shrink(sums, all_rows, at_root, -1, 0, nothing, nothing)
        self.prior = np.hstack((self.values, self.table[:n_targets]))
        self.pairs, self.table = finest.pairs, np.take(self.table, fold, axis=1)

    def descend(self, sums, up, cell_at, level, first):
        """Go down to a level, given the sums over its cells, which lie in those of the level before by `up`; m.

        `cell_at` says which of its cells each of the finest lies in. `first` is the first row that is written.
        """
        if self.smooth == "auto":
            m = np.array(list(self._smooth(sums, up if self.to_parent else np.zeros_like(up), cell_at)))
        else:
            m = np.full(self.prior.shape, self.smooth, np.float64)
        self._shrink(sums, up, cell_at, level, first, m, None if self.to_parent else self.prior)
        return m[:, 0].tolist()

    def _smooth(self, sums, family, cell_at):
        """The m of each target in each view."""
        for of_target, pairs in zip(sums, self.pairs):
            known = level_terms(self.stats.sums, Level(of_target, family, cell_at), pairs, self.n_folds)
            yield [self.stats.smooth(terms) for terms in known.T.tolist()]

    def _shrink(self, sums, up, cell_at, level, first, m, prior):
        """Put the estimates of a level in the place of those of the level before."""
        own = None if self.medians is None else self.medians.of(cell_at, len(up), self.pairs[0])
        for t in range(len(sums)):
            self.values[t] = shrink_level(
                self.stats.sums,
                Level(sums[t], up, cell_at),
                self.pairs[t],
                m[t],
                above=self.values[t],
                around=self.table[self.first + t],
                of_pairs=self.table[first + t],
                prior=None if prior is None else prior[t],
                own=own,
                support=self.table[-2:] if self.has_support and t == 0 else None,
                number=level,
            )
        self.first = first
