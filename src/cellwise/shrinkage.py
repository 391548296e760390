"""Estimates of y in the cells of a level, each shrunk to that of its parent, and how strongly.

The parent of a cell is the cell of the next coarser level that contains it. Estimates are made from all data and, for
cross-fitting, from the data that each fold trains on: in arrays over folds position 0 stands for all data, and position
k + 1 for all but the rows that fold k holds out.
"""

from __future__ import annotations

from typing import NamedTuple

from ._backend import kernels
from ._typing import FloatArray, Int32Array
from .inputs import check_choice

STATISTICS = ("mean", "std")


class HeldOutSums(NamedTuple):
    """Sums over the rows that folds hold out, for pairs of a finest cell and a fold, sorted by cell, then fold."""

    cell: Int32Array
    fold: Int32Array
    sums: FloatArray  # shape (n_pairs, 4): as `cellwise.groups.sum_by_group` gives them


class LevelSums(NamedTuple):
    """Sums over the cells of a level, sorted by parent."""

    sums: FloatArray  # shape (n_cells, 4): as `cellwise.groups.sum_by_group` gives them
    parent: Int32Array  # shape (n_cells,), ascending: the parent of each cell, by position
    cell_of_finest: Int32Array  # ascending: in which of the cells each finest one lies


def level_terms(statistic: str, level_sums: LevelSums, held_out: HeldOutSums, n_folds: int) -> FloatArray:
    """Sums over the cells of a level and their parents that tell how strongly the cells are to be shrunk.

    Parameters
    ----------
    statistic : {"mean", "std"}
    level_sums : LevelSums
    held_out : HeldOutSums
    n_folds : int

    Returns
    -------
    ndarray of float64, shape (n_terms, n_folds + 1)
        Of "mean": number of parents; of cells; sum of weights; of squares of y; of squares of cells' means times
        weights, and of parents' means; of squares of cells' weights divided by their parents'. Of "std": number of
        cells; sums of 1 / f, where a cell has f degrees of freedom; of f; and of f (v / w - 1)^2, for variances v of
        cells and w of their parents.

    Examples
    --------
    Two cells with one parent, without folds:

    >>> import numpy as np
    >>> from cellwise.groups import sum_by_group
    >>> from cellwise.shrinkage import HeldOutSums, LevelSums, level_terms
    >>> sums = sum_by_group(np.array([0, 0, 1], np.int32), np.array([2.0, 4.0, 9.0]), None, 2)
    >>> level_sums = LevelSums(sums, np.zeros(2, np.int32), np.arange(2, dtype=np.int32))
    >>> none = np.empty(0, np.int32)
    >>> level_terms("mean", level_sums, HeldOutSums(none, none, np.empty((0, 4))), 0)[:, 0].round(2).tolist()
    [1.0, 2.0, 3.0, 101.0, 99.0, 75.0, 1.67]
    """
    check_choice("statistic", statistic, STATISTICS)
    return kernels().level_terms(statistic, level_sums, held_out, n_folds)


def shrink_level(
    statistic: str,
    level_sums: LevelSums,
    held_out: HeldOutSums,
    m: FloatArray,
    *,
    parent_estimates: FloatArray,
    pair_parent_estimates: FloatArray,
    pair_estimates: FloatArray,
    prior: FloatArray | None = None,
    own_estimates: tuple[FloatArray, FloatArray] | None = None,
    support: FloatArray | None = None,
    level: int = 0,
) -> FloatArray:
    """Estimates of the cells of a level, each shrunk to that of its parent as if this weighed m rows.

    Parameters
    ----------
    statistic : {"mean", "std"}
        "std" stands for variances.
    level_sums : LevelSums
    held_out : HeldOutSums
    m : ndarray of float64, shape (n_folds + 1,)
        For all data and each fold.
    parent_estimates : ndarray of float64, shape (n_parents,)
        Estimates of the parents from all data.
    pair_parent_estimates : ndarray of float64, shape (n_pairs,)
        For each pair of a finest cell and a fold, that fold's estimate of the parent in which the cell lies.
    pair_estimates : ndarray of float64, shape (n_pairs,)
        Where the folds' estimates of the cells of this level are written. It may be the same array.
    prior : ndarray of float64, shape (n_folds + 1,), default None
        What estimates are shrunk to instead of those of the parents, for all data and each fold.
    own_estimates : tuple of ndarray of float64, shapes (n_cells,) and (n_pairs,), default None
        Unshrunk estimates of the cells from all data, and of the cells of pairs in their folds, where sums do not give
        them.
    support : ndarray of float64, shape (2, n_pairs), default None
        If given, written wherever a fold has rows in the cell: for each pair their weight, and `level`.
    level : int, default 0

    Returns
    -------
    ndarray of float64, shape (n_cells,)
        From all data. Cells without rows have the estimates of their parents.

    Examples
    --------
    Two cells whose parent has the mean 5:

    >>> import numpy as np
    >>> from cellwise.groups import sum_by_group
    >>> from cellwise.shrinkage import HeldOutSums, LevelSums, shrink_level
    >>> sums = sum_by_group(np.array([0, 0, 1], np.int32), np.array([2.0, 4.0, 9.0]), None, 2)
    >>> level_sums = LevelSums(sums, np.zeros(2, np.int32), np.arange(2, dtype=np.int32))
    >>> none, nothing = np.empty(0, np.int32), np.empty(0)
    >>> shrink_level(
    ...     "mean",
    ...     level_sums,
    ...     HeldOutSums(none, none, np.empty((0, 4))),
    ...     np.ones(1),
    ...     parent_estimates=np.array([5.0]),
    ...     pair_parent_estimates=nothing,
    ...     pair_estimates=nothing,
    ... )
    array([3.66666667, 7.        ])
    """
    check_choice("statistic", statistic, STATISTICS)
    return kernels().shrink_level(
        statistic,
        level_sums,
        held_out,
        m,
        prior,
        parent_estimates,
        pair_parent_estimates,
        own_estimates,
        support,
        level,
        pair_estimates,
    )
