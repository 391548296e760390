"""Estimates of y in the cells of a level, shrunk to those of the cells around them, and how much that takes.

A view is what somebody knows: view 0 knows all rows, view k + 1 all but those that fold k holds out.
"""

from typing import NamedTuple

import numpy as np

from ._backend import kernels


class Pairs(NamedTuple):
    """Pairs of a finest cell and a fold that rows of it are held out of, sorted by cell, then fold."""

    cell: np.ndarray  # int32
    fold: np.ndarray  # int32
    sums: np.ndarray  # float64, shape (n_pairs, 4): as `cellwise.groups.sum_by_group` gives them


class Level(NamedTuple):
    """The cells of a level, those of a family one after the other. What is kept of each and what is around it."""

    sums: np.ndarray  # float64, shape (n_cells, 4): as `cellwise.groups.sum_by_group` gives them
    family: np.ndarray  # int32, shape (n_cells,), ascending
    cell_at: np.ndarray  # int32, ascending: in which of the cells each finest one lies


def level_terms(statistic, level, pairs, n_folds):
    """What is to be known of the families of a level to say how strongly its cells are to be shrunk.

    Parameters
    ----------
    statistic : {"mean", "std"}
    level : Level
    pairs : Pairs
    n_folds : int

    Returns
    -------
    ndarray of float64, shape (n_terms, n_folds + 1)
        Sums over all families, in each view. Of "mean": families; cells; weights; squares of y; squares of cells' means
        times weights, and of families' means; squares of cells' weights by those of families. Of "std": cells; 1 / f,
        where a cell has f degrees of freedom; f; and f (v / w - 1)^2, for variances v of cells and w of families.

    Examples
    --------
    Two cells in one family, without folds:

    >>> import numpy as np
    >>> from cellwise.groups import sum_by_group
    >>> from cellwise.shrinkage import Level, Pairs, level_terms
    >>> sums = sum_by_group(np.array([0, 0, 1], np.int32), np.array([2.0, 4.0, 9.0]), None, 2)
    >>> numbers, none = np.arange(2, dtype=np.int32), np.empty(0, np.int32)
    >>> level = Level(sums, np.zeros(2, np.int32), numbers)
    >>> level_terms("mean", level, Pairs(none, none, np.empty((0, 4))), 0)[:, 0].round(2).tolist()
    [1.0, 2.0, 3.0, 101.0, 99.0, 75.0, 1.67]
    """
    return kernels().level_terms(statistic, level, pairs, n_folds)


def shrink_level(statistic, level, pairs, m, *, above, around, of_pairs, prior=None, own=None, support=None, number=0):
    """Estimates of the cells of a level, each drawn to that around it as if this weighed m rows.

    Parameters
    ----------
    statistic : {"mean", "std"}
        "std" stands for variances.
    level : Level
    pairs : Pairs
    m : ndarray of float64, shape (n_folds + 1,)
        For each view.
    above : ndarray of float64, shape (n_families,)
        Estimates of the families in view 0.
    around : ndarray of float64, shape (n_pairs,)
        For each pair the estimate of the family in which it lies, in the view of its fold.
    of_pairs : ndarray of float64, shape (n_pairs,)
        Where those of the cells are written, likewise. It may be the same array.
    prior : ndarray of float64, shape (n_folds + 1,), default None
        What estimates are drawn to in each view, if not to those of the families.
    own : tuple of ndarray of float64, shapes (n_cells,) and (n_pairs,), default None
        What the rows of the cells and of the pairs' cells say by themselves, where sums do not tell that.
    support : ndarray of float64, shape (2, n_pairs), default None
        If given, written wherever there are rows: for each pair their weight, and `number`.
    number : int, default 0

    Returns
    -------
    ndarray of float64, shape (n_cells,)
        In view 0. Cells without rows have the estimates of their families.

    Examples
    --------
    Two cells in one family with the mean 5:

    >>> import numpy as np
    >>> from cellwise.groups import sum_by_group
    >>> from cellwise.shrinkage import Level, Pairs, shrink_level
    >>> sums = sum_by_group(np.array([0, 0, 1], np.int32), np.array([2.0, 4.0, 9.0]), None, 2)
    >>> numbers, none = np.arange(2, dtype=np.int32), np.empty(0, np.int32)
    >>> level = Level(sums, np.zeros(2, np.int32), numbers)
    >>> pairs, nothing = Pairs(none, none, np.empty((0, 4))), np.empty(0)
    >>> shrink_level("mean", level, pairs, np.ones(1), above=np.array([5.0]), around=nothing, of_pairs=nothing)
    array([3.66666667, 7.        ])
    """
    return kernels().shrink_level(statistic, level, pairs, m, prior, above, around, own, support, number, of_pairs)
