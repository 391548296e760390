"""Estimates of y in the cells of a level, shrunk to those of the cells around them, and how much that takes.

A view is what somebody knows: view 0 knows all rows, view k + 1 all but those that fold k holds out. It knows the sums
of a cell without those of its pairs with the fold. Pairs are of the finest cells, and meet again in coarser ones.

Sums have four columns: rows that do not weigh 0, their weight, and the weighted sums of y and of its square.
"""

import numpy as np

from .groups import add_sums, factorize_pairs


def ratio(a, b):
    """Ratio a / b, or 0 where b is 0 or less."""
    return np.divide(a, b, out=np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b))), where=np.asarray(b) > 0)


class Mean:
    """Means: the rows of a cell vary about it, and cells about their families."""

    @staticmethod
    def own(sums):
        """Estimate of each group from its own rows alone, and how much these count against m."""
        _, weight, total, _ = sums.T
        return ratio(total, weight), weight

    @staticmethod
    def parts(sums):
        """What is added up over the cells of a family."""
        rows, weight, total, square = sums.T
        return np.stack([rows, np.sign(rows), weight, total, square, ratio(total**2, weight), weight**2])

    @staticmethod
    def terms(parts):
        """What is added up over families."""
        rows, cells, weight, total, square, cell_square, weight_squared = parts
        n = np.where(rows > 0, weight, 0)
        return np.stack([rows > 0, cells, n, square, cell_square, ratio(total**2, n), ratio(weight_squared, n)])


class Std:
    """Standard deviations, by way of variances, which sampling scatters about those of the families too."""

    @staticmethod
    def own(sums):
        _, weight, total, square = sums.T
        free = np.maximum(weight - 1, 0)
        return ratio(np.maximum(square - ratio(total**2, weight), 0), free), free

    @staticmethod
    def parts(sums):
        _, weight, total, square = sums.T
        variance, free = Std.own(sums)
        within = [np.sign(free), ratio(1, free), free, free * variance, free * variance**2]
        return np.stack([weight, total, square, *within])

    @staticmethod
    def terms(parts):
        n, total, square, cells, per_free, free, first, second = parts
        variance, _ = Std.own(np.stack([n, n, total, square], axis=1))
        spread = ratio(second, variance**2) - 2 * ratio(first, variance) + free  # sum of free * (ratio - 1)^2
        return np.where(variance > 0, np.stack([cells, per_free, free, spread]), 0)


STATISTICS = {"mean": Mean, "std": Std}


def _left(sums, pairs, cell_at, n_folds):
    """Pairs of a cell of the level and a fold, which of them each of the given ones is, and what is left without it."""
    finest, fold, pair_sums = pairs
    cell, fold, number = factorize_pairs(cell_at[finest], fold, len(sums), n_folds)
    held = add_sums(number, pair_sums, len(cell))
    whole = sums[cell]
    return cell, fold, number, np.where(whole[:, :1] > held[:, :1], whole - held, 0)


def _added_up(parts, group, n):
    """Each of the parts summed over `n` groups, in the order of the parts."""
    return np.stack([np.bincount(group, part, n) for part in parts])


def level_terms(statistic, level, pairs, n_folds):
    """Terms of all families in each view, shape (n_terms, n_folds + 1)."""
    statistic, (sums, family, cell_at) = STATISTICS[statistic], level
    cell, fold, _, left = _left(sums, pairs, cell_at, n_folds)
    parts, n_families = statistic.parts(sums), int(family[-1]) + 1
    of_family = _added_up(parts, family, n_families)
    family_met, fold_met, met = factorize_pairs(family[cell], fold, n_families, n_folds)
    before = of_family[:, family_met]
    after = before + _added_up(statistic.parts(left) - parts[:, cell], met, len(family_met))
    all_rows = statistic.terms(of_family)
    terms = np.repeat(_added_up(all_rows, np.zeros(n_families, np.intp), 1), n_folds + 1, axis=1)
    terms[:, 1:] += _added_up(statistic.terms(after) - statistic.terms(before), fold_met, n_folds)
    return terms


def shrink_level(statistic, level, pairs, m, prior, above, around, own, support, number, of_pairs):
    """Estimates of the cells in view 0; writes to `of_pairs` for each pair that of its cell in its fold's view.

    `above` holds those of the families in view 0, and `around` for each pair that of its family in its fold's view.
    `prior` is what estimates are drawn to in each view, or None where it is those of the families. `own` is None, or
    where sums do not tell it what the own rows of cells and of pairs' cells say. `support`, if not None, is told for
    each pair how many rows its estimate rests on, and `number`.
    """
    statistic, (sums, family, cell_at) = STATISTICS[statistic], level
    own, own_of_pairs = (None, None) if own is None else own

    def shrunk(sums, own, above, view):
        told, amount = statistic.own(sums) if own is None else (own, sums[:, 1])
        towards = above if prior is None else prior[view]
        return np.where(sums[:, 0] > 0, towards + ratio(amount, amount + m[view]) * (told - towards), above)

    of_cells = shrunk(sums, own, above[family], 0)
    cell, fold, pair, left = _left(sums, pairs, cell_at, len(m) - 1)
    one = np.empty(len(cell), np.intp)
    one[pair] = np.arange(len(pair))  # any of those that meet: they are in the same one above
    of_pairs[...] = shrunk(left, None if own is None else own_of_pairs[one], around[one], 1 + fold)[pair]
    if support is not None:
        seen = (left[:, 0] > 0)[pair]
        support[0, seen], support[1, seen] = left[pair[seen], 1], number
    return of_cells
