"""Estimates of y in each cell, shrunk to those of the cells around it, as all rows tell them and as each fold does.

A view is what somebody knows: view 0 knows all rows, view k + 1 all but those that fold k holds out. An estimate
belongs to a cell and a view. All cells have one in view 0; in the others those have that hold rows which the fold
encodes, or must not know.
"""

import numpy as np

from ._grouped_sums import Sums

CHUNK = 1 << 15  # groups worked on at a time: what is computed on the way stays in the cache

SIGNIFICANT = 2  # standard errors by which cells must differ before a level is taken to say anything


def _ratio(a, b):
    """Ratio a / b, or 0 where b is 0 or less."""
    return np.divide(a, b, out=np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b))), where=np.asarray(b) > 0)


def _added_up(parts, group, n):
    """Each of the parts summed over `n` groups."""
    return np.stack([np.bincount(group, part, n) for part in parts])


class Mean:
    """Means: the rows of a cell vary about it with variance s2, and cells about their parents with variance t2."""

    @staticmethod
    def own(sums):
        """Estimate of each group from its own rows alone, and how much these count against m."""
        return _ratio(sums.total, sums.weight), sums.weight

    @staticmethod
    def parts(sums):
        """What is added up over the cells of a family, for one target."""
        yield from (sums.n_rows, np.sign(sums.n_rows), sums.weight, sums.total, sums.square)
        yield _ratio(sums.total**2, sums.weight)
        yield sums.weight**2

    @staticmethod
    def terms(parts):
        """What is added up over families."""
        n_rows, n_cells, n, total, square, cell_square, n_squared = parts
        n = np.where(n_rows > 0, n, 0)
        return np.stack([n_rows > 0, n_cells, n, square, cell_square, _ratio(total**2, n), _ratio(n_squared, n)])

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
        """The estimates as they are told."""
        return estimates + origin


class Median(Mean):
    """Medians, with the m of means. Their own estimates come from `Medians`, since sums do not tell them."""


class Std(Mean):
    """Standard deviations, by way of variances, which sampling scatters about those of the parents too."""

    @staticmethod
    def own(sums):
        free = np.maximum(sums.weight - 1, 0)
        return _ratio(np.maximum(sums.square - _ratio(sums.total**2, sums.weight), 0), free), free

    @staticmethod
    def parts(sums):
        variance, free = Std.own(sums)
        yield from (sums.weight, sums.total, sums.square)
        yield from (np.sign(free), _ratio(1, free), free, free * variance, free * variance**2)

    @staticmethod
    def terms(parts):
        n, total, square, n_cells, per_free, free, first, second = parts
        variance, _ = Std.own(Sums(n, n, total, square))
        spread = _ratio(second, variance**2) - 2 * _ratio(first, variance) + free  # sum of free * (ratio - 1)^2
        return np.where(variance > 0, np.stack([n_cells, per_free, free, spread]), 0)

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
        return np.sqrt(estimates)


STATISTICS = {"mean": Mean, "std": Std, "median": Median, "count": Mean}


class Medians:
    """Medians of y over the rows of each cell, in every view. They count by weight."""

    def __init__(self, target, number, folds):
        self.y, self.weight, self.number, self.folds = target.numbers(0), target.weight, number, folds
        self.rank = np.empty(len(self.y), np.int64)  # place of each row if they were ordered by y
        self.rank[np.argsort(self.y)] = np.arange(len(self.y))

    def of(self, here, cell_of_finest):
        """Those of the cells and pairs of one level; `cell_of_finest` says which cell each of the finest lies in."""
        cell = cell_of_finest[self.number]
        by_value = np.argsort(cell * np.int64(len(cell)) + self.rank)
        n_cells = len(here.cells)
        medians = np.zeros(n_cells + len(here.pair_cell))
        medians[cell[by_value[_run_starts(cell[by_value])]]] = self._of_runs(by_value, cell)
        for fold in range(here.n_folds):
            is_left = np.ones(len(cell), bool)
            held = self.folds.fold == fold
            is_left[held if self.folds.row is None else self.folds.row[held]] = False
            at = by_value[is_left[by_value]]
            found = np.zeros(n_cells)
            found[cell[at[_run_starts(cell[at])]]] = self._of_runs(at, cell)
            pairs = np.flatnonzero(here.pair_fold == fold)
            medians[n_cells + pairs] = found[here.pair_cell[pairs]]
        return medians[None]

    def _of_runs(self, at, cell):
        """Median of each run of equal cells of the rows `at`, which are ordered by y within runs."""
        start = _run_starts(cell[at])
        y = self.y[at]
        reach = np.cumsum(np.ones(len(at)) if self.weight is None else self.weight[at])
        last = np.append(start, len(at))[1:] - 1
        end = reach[last]
        half = (np.append(0, end)[:-1] + end) / 2
        low, high = (np.minimum(np.searchsorted(reach, half, side), last) for side in ("left", "right"))
        return (y[low] + y[high]) / 2


def _run_starts(ordered):
    return np.flatnonzero(np.diff(ordered, prepend=-1))


class Estimates:
    """Estimates from the coarsest level down, each cell's shrunk to its parent's.

    After `descend`, `values` holds those of a level, shape (n_targets, n_cells + n_pairs): first those of its cells in
    view 0, then those of its pairs of a cell and a fold, which are that fold's. `support`, if it is asked for, holds
    the number of rows, or their weight, in the finest cell so far that has any, and its level.
    """

    def __init__(self, root, statistic, smooth, prior, *, support, medians=None, cell_of_finest=None):
        self.statistic, self.smooth, self.medians = STATISTICS[statistic], smooth, medians
        self.to_parent = prior == "parent"
        self.root = self.above = root
        known = root.sums.followed_by(_left(root, root.sums, slice(None)))
        if not known.n_rows.all():
            raise ValueError("cv must leave rows to learn from: got a split with none, or of weight 0 only")
        self.values = self.statistic.own(known)[0] if medians is None else medians.of(root, cell_of_finest)
        self.prior = np.zeros((len(self.values), root.n_folds + 1))
        self.prior[:, np.append(0, root.pair_fold + 1)] = self.values
        self.support = np.stack([known.weight, np.full(len(known.weight), -1.0)]) if support else None

    def descend(self, here, up, pair_up, cell_of_finest):
        """Go down to a level, whose cells and pairs lie in those of the level before by `up` and `pair_up`; m.

        `cell_of_finest` says which of its cells each of the finest lies in.
        """
        whole = here.sums.where(here.is_of_level)
        pairs = [(at, _left(here, whole, at)) for at in _chunks(len(here.pair_cell))]
        m = self._m(here, whole, pairs, up, pair_up)
        n_cells, n_above = len(here.cells), len(self.above.cells)
        n = n_cells + len(here.pair_cell)
        values = np.empty((len(self.values), n))
        support = None if self.support is None else np.empty((2, n))
        own = None if self.medians is None else self.medians.of(here, cell_of_finest)
        for at in _chunks(n_cells):
            self._shrink(here, whole.at(at), up[at], m[:, :1], self.prior[:, :1], own, at, values, support)
        for at, left in pairs:
            view = here.pair_fold[at] + 1
            to = slice(n_cells + at.start, n_cells + at.stop)
            self._shrink(here, left, n_above + pair_up[at], m[:, view], self.prior[:, view], own, to, values, support)
        self.values, self.support, self.above = values, support, here
        return m[:, 0]

    def _shrink(self, here, sums, above, m, prior, own, to, values, support):
        """Write the estimates of some groups to `values`, given where those stand that they lie in."""
        carried = self.values[:, above]
        own, amount = self.statistic.own(sums) if own is None else (own[:, to], sums.weight)
        prior = carried if self.to_parent else prior
        is_seen = sums.n_rows > 0
        values[:, to] = np.where(is_seen, prior + _ratio(amount, amount + m) * (own - prior), carried)
        if support is not None:
            rests_on = sums.weight, np.full(len(is_seen), float(here.level))
            support[:, to] = np.where(is_seen, rests_on, self.support[:, above])

    def _m(self, here, whole, pairs, up, pair_up):
        """The m of each target in each view."""
        n_targets, n_views = len(self.values), here.n_folds + 1
        if self.smooth != "auto":
            return np.full((n_targets, n_views), float(self.smooth))
        families = self.above
        if not self.to_parent:
            families, up, pair_up = self.root, np.zeros_like(up), np.searchsorted(self.root.pair_fold, here.pair_fold)
        m = np.empty((n_targets, n_views))
        for t in range(n_targets):
            parts = list(self.statistic.parts(whole.of(t)))
            of_family = _added_up(parts, up, len(families.cells))
            terms = np.repeat(self.statistic.terms(of_family).sum(axis=1)[:, None], n_views, axis=1)
            before = of_family[:, families.pair_cell]
            after = before.copy()  # the families that rows are held out of, without these
            for at, left in pairs:
                cell, family = here.pair_cell[at], pair_up[at]
                first = family.min()  # they ascend, but for the order of folds: few are met in a chunk
                for total, old, new in zip(after, parts, self.statistic.parts(left.of(t))):
                    change = np.bincount(family - first, new - old[cell])
                    total[first : first + len(change)] += change
            changes = self.statistic.terms(after) - self.statistic.terms(before)
            terms[:, 1:] += [np.bincount(families.pair_fold, change, here.n_folds) for change in changes]
            m[t] = [self.statistic.smooth(terms[:, view]) for view in range(n_views)]
        return m


def _chunks(n):
    return [slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]


def _left(here, whole, at):
    """Sums over the cells of some pairs without the rows that the pair's fold holds out, given those over all cells."""
    cell = here.pair_cell[at]
    return whole.at(cell).without(here.pair_sums.at(at).where(here.is_of_level[cell]))
