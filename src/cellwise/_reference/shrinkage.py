"""Estimates of y in the cells of a level, each shrunk to that of its parent, and how strongly.

Estimates are made from all data and from the data that each fold trains on: in arrays over folds position 0 stands for
all data, and position k + 1 for all but the rows that fold k holds out. What a fold knows of a cell is the cell's sums
without those that the fold holds out. The latter are given for pairs of a finest cell and a fold; in a coarser cell
several of a fold's pairs come together.

Sums have four columns: rows that do not weigh 0, their weight, and the weighted sums of y and of its square.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import AnyArray, FloatArray, Int32Array
from .groups import add_sums, factorize_pairs

if TYPE_CHECKING:
    from ..shrinkage import HeldOutSums, LevelSums


def ratio(a: Any, b: Any) -> FloatArray:
    """Ratio a / b, or 0 where b is 0 or less."""
    return np.divide(a, b, out=np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b))), where=np.asarray(b) > 0)


class Mean:
    """Means: the rows of a cell vary about it, and cells about their parents."""

    @staticmethod
    def own(sums: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Estimate of each group from its own rows alone, and how much these count against m."""
        _, weight, total, _ = sums.T
        return ratio(total, weight), weight

    @staticmethod
    def parts(sums: FloatArray) -> FloatArray:
        """What is added up over the children of a cell."""
        rows, weight, total, square = sums.T
        return np.stack([rows, np.sign(rows), weight, total, square, ratio(total**2, weight), weight**2])

    @staticmethod
    def terms(parts: FloatArray) -> FloatArray:
        """What is added up over parents."""
        rows, cells, weight, total, square, cell_square, weight_squared = parts
        n = np.where(rows > 0, weight, 0)
        return np.stack([rows > 0, cells, n, square, cell_square, ratio(total**2, n), ratio(weight_squared, n)])


class Std:
    """Standard deviations, computed as variances, which sampling scatters about those of the parents too."""

    @staticmethod
    def own(sums: FloatArray) -> tuple[FloatArray, FloatArray]:
        _, weight, total, square = sums.T
        free = np.maximum(weight - 1, 0)
        return ratio(np.maximum(square - ratio(total**2, weight), 0), free), free

    @staticmethod
    def parts(sums: FloatArray) -> FloatArray:
        _, weight, total, square = sums.T
        variance, free = Std.own(sums)
        within = [np.sign(free), ratio(1, free), free, free * variance, free * variance**2]
        return np.stack([weight, total, square, *within])

    @staticmethod
    def terms(parts: FloatArray) -> FloatArray:
        n, total, square, cells, per_free, free, first, second = parts
        variance, _ = Std.own(np.stack([n, n, total, square], axis=1))
        spread = ratio(second, variance**2) - 2 * ratio(first, variance) + free  # sum of free * (ratio - 1)^2
        return np.where(variance > 0, np.stack([cells, per_free, free, spread]), 0)


STATISTICS: dict[str, type[Mean] | type[Std]] = {"mean": Mean, "std": Std}


def _training_sums(
    sums: FloatArray, held_out: HeldOutSums, cell_of_finest: Int32Array, n_folds: int
) -> tuple[Int32Array, Int32Array, Int32Array, FloatArray]:
    """Pairs of a cell of the level and a fold, and the sums over the cell that the fold trains on.

    Returns the cell and the fold of each pair, the position of each of the given pairs among them, and the sums.
    """
    finest, fold, pair_sums = held_out
    cell, fold, code = factorize_pairs(cell_of_finest[finest], fold, len(sums), n_folds)
    held = add_sums(code, pair_sums, len(cell))
    whole = sums[cell]
    return cell, fold, code, np.where(whole[:, :1] > held[:, :1], whole - held, 0)


def _sum_parts(parts: AnyArray, group: AnyArray, n: int) -> FloatArray:
    """Each of the parts summed over `n` groups, in the order of the parts."""
    return np.stack([np.bincount(group, part, n) for part in parts])


def level_terms(statistic: str, level_sums: LevelSums, held_out: HeldOutSums, n_folds: int) -> FloatArray:
    """Terms of all parents together, for all data and each fold, shape (n_terms, n_folds + 1)."""
    statistic, (sums, parent, cell_of_finest) = STATISTICS[statistic], level_sums
    cell, fold, _, training_sums = _training_sums(sums, held_out, cell_of_finest, n_folds)
    parts, n_parents = statistic.parts(sums), int(parent[-1]) + 1
    parent_parts = _sum_parts(parts, parent, n_parents)
    # only parents that hold cells with held-out rows have other terms in a fold than for all data
    pair_parent, pair_fold, code = factorize_pairs(parent[cell], fold, n_parents, n_folds)
    all_data = parent_parts[:, pair_parent]
    training = all_data + _sum_parts(statistic.parts(training_sums) - parts[:, cell], code, len(pair_parent))
    terms = np.repeat(_sum_parts(statistic.terms(parent_parts), np.zeros(n_parents, np.intp), 1), n_folds + 1, axis=1)
    terms[:, 1:] += _sum_parts(statistic.terms(training) - statistic.terms(all_data), pair_fold, n_folds)
    return terms


def shrink_level(
    statistic: str,
    level_sums: LevelSums,
    held_out: HeldOutSums,
    m: FloatArray,
    prior: FloatArray | None,
    parent_estimates: FloatArray,
    pair_parent_estimates: FloatArray,
    own_estimates: tuple[FloatArray, FloatArray] | None,
    support: FloatArray | None,
    level: int,
    pair_estimates: FloatArray,
) -> FloatArray:
    """Estimates of the cells from all data; writes to `pair_estimates` those of the pairs' cells in their folds.

    `parent_estimates` are from all data, and `pair_parent_estimates` in the fold of each pair. `prior` is what
    estimates are shrunk to for all data and in each fold, or None where it is those of the parents. `own_estimates` is
    None, or the unshrunk estimates of cells and of pairs where sums do not give them. To `support`, if not None, the
    weight of the rows that the estimate of each pair rests on is written, and `level`.
    """
    statistic, (sums, parent, cell_of_finest) = STATISTICS[statistic], level_sums
    own, pair_own = (None, None) if own_estimates is None else own_estimates

    def shrunk(
        sums: FloatArray, own: FloatArray | None, parent_estimates: FloatArray, fold: Int32Array | int
    ) -> FloatArray:
        own, amount = statistic.own(sums) if own is None else (own, sums[:, 1])
        target = parent_estimates if prior is None else prior[fold]
        return np.where(sums[:, 0] > 0, target + ratio(amount, amount + m[fold]) * (own - target), parent_estimates)

    estimates = shrunk(sums, own, parent_estimates[parent], 0)
    cell, fold, code, training_sums = _training_sums(sums, held_out, cell_of_finest, len(m) - 1)
    any_of = np.empty(len(cell), np.intp)
    any_of[code] = np.arange(len(code))  # given pairs that come together have one parent, and so one estimate of it
    pair_own = None if pair_own is None else pair_own[any_of]
    pair_estimates[...] = shrunk(training_sums, pair_own, pair_parent_estimates[any_of], 1 + fold)[code]
    if support is not None:
        has_rows = (training_sums[:, 0] > 0)[code]
        support[0, has_rows], support[1, has_rows] = training_sums[code[has_rows], 1], level
    return estimates
