"""Estimates of the cells of a level, against reckoning from the rows themselves; both backends."""

import importlib

import numpy as np
import pytest

from cellwise.groups import factorize_pairs, sum_by_group
from cellwise.shrinkage import Level, Pairs, level_terms, shrink_level
from cellwise.testing import on_each_backend

N_FOLDS = 4


class Rows:
    """Random rows in 60 finest cells, these in 20 cells of a level, and these in 6 families; some weigh nothing."""

    def __init__(self, seed=0, n=300):
        rng = np.random.default_rng(seed)
        self.finest = np.sort(rng.permutation(np.append(rng.integers(0, 60, n), np.arange(60)))).astype(np.int32)
        n = len(self.finest)
        self.y, self.fold = rng.standard_normal(n), rng.integers(0, N_FOLDS, n).astype(np.int32)
        self.weight = rng.integers(0, 3, n) / 2
        self.cell_at = np.sort(rng.permutation(np.append(rng.integers(0, 20, 40), np.arange(20)))).astype(np.int32)
        self.family = np.sort(rng.permutation(np.append(rng.integers(0, 6, 14), np.arange(6)))).astype(np.int32)
        self.cell = self.cell_at[self.finest]
        self.level = Level(sum_by_group(self.cell, self.y, self.weight, 20), self.family, self.cell_at)
        pair_cell, pair_fold, self.pair = factorize_pairs(self.finest, self.fold, 60, N_FOLDS)
        self.pairs = Pairs(pair_cell, pair_fold, sum_by_group(self.pair, self.y, self.weight, len(pair_cell)))

    def of(self, cell, view):
        """Values and weights of the rows of a cell that a view knows."""
        known = (self.cell == cell) & (self.fold != view - 1) & (self.weight > 0)
        return self.y[known], self.weight[known]

    def families(self, view):
        """For each family of which the view knows rows: values and weights of all, and of each cell that has any."""
        for family in range(6):
            cells = [self.of(cell, view) for cell in np.flatnonzero(self.family == family)]
            cells = [(y, w) for y, w in cells if len(y)]
            if cells:
                y, w = (np.concatenate(parts) for parts in zip(*cells))
                yield y, w, cells


def mean(y, weight):
    return (y * weight).sum() / weight.sum(), weight.sum()


def variance(y, weight):
    free = max(weight.sum() - 1, 0)
    return ((weight * (y - mean(y, weight)[0]) ** 2).sum() / free if free else 0), free


OWN = {"mean": mean, "std": variance}


@pytest.mark.parametrize("statistic", ["mean", "std"])
@pytest.mark.parametrize("to_parent", [True, False])
@pytest.mark.parametrize("in_place", [True, False])
def test_each_estimate_lies_between_its_own_rows_and_what_is_around_it(backend, statistic, to_parent, in_place):
    rows, rng = Rows(), np.random.default_rng(1)
    m, above = rng.uniform(0, 5, N_FOLDS + 1), rng.standard_normal(6)
    m[2] = np.inf
    prior = None if to_parent else rng.standard_normal(N_FOLDS + 1)
    of_family = rng.standard_normal((6, N_FOLDS))  # in the views of the folds
    cell_of_pair = rows.cell_at[rows.pairs.cell]
    around = of_family[rows.family[cell_of_pair], rows.pairs.fold]
    of_pairs = around if in_place else np.empty_like(around)
    of_cells = shrink_level(
        statistic, rows.level, rows.pairs, m, above=above, around=around, of_pairs=of_pairs, prior=prior
    )

    def expected(cell, view):
        around = above[rows.family[cell]] if view == 0 else of_family[rows.family[cell], view - 1]
        y, weight = rows.of(cell, view)
        if len(y) == 0:
            return around
        own, amount = OWN[statistic](y, weight)
        towards = around if to_parent else prior[view]
        return towards + (amount / (amount + m[view]) if amount else 0) * (own - towards)

    np.testing.assert_allclose(of_cells, [expected(cell, 0) for cell in range(20)], rtol=1e-9)
    views = zip(cell_of_pair.tolist(), (rows.pairs.fold + 1).tolist())
    np.testing.assert_allclose(of_pairs, [expected(*view) for view in views], rtol=1e-9)


def test_support_is_that_of_the_finest_cell_that_has_rows(backend):
    rows = Rows(n=30)
    around = np.zeros(len(rows.pairs.cell))
    support = np.full((2, len(around)), -5.0)
    how = {"above": np.zeros(6), "around": around, "of_pairs": around, "support": support, "number": 9}
    shrink_level("mean", rows.level, rows.pairs, np.ones(N_FOLDS + 1), **how)
    seen = 0
    for told, cell, fold in zip(support.T, rows.cell_at[rows.pairs.cell], rows.pairs.fold):
        _, weight = rows.of(cell, fold + 1)
        assert told.tolist() == ([weight.sum(), 9] if len(weight) else [-5, -5])
        seen += len(weight) > 0
    assert 0 < seen < len(around)


def test_own_estimates_may_be_given(backend):
    rows, m = Rows(), np.full(N_FOLDS + 1, 2.0)
    of_cell, of_view = np.arange(20.0), np.arange(20.0 * N_FOLDS).reshape(20, N_FOLDS)
    cell_of_pair = rows.cell_at[rows.pairs.cell]
    own = of_cell, of_view[cell_of_pair, rows.pairs.fold]
    of_pairs = np.zeros(len(cell_of_pair))
    how = {"above": np.zeros(6), "around": of_pairs, "of_pairs": of_pairs, "own": own}
    values = shrink_level("mean", rows.level, rows.pairs, m, **how)
    weights = [rows.of(cell, 0)[1].sum() for cell in range(20)]
    np.testing.assert_allclose(values, [k * w / (w + 2) for k, w in enumerate(weights)])
    for value, cell, fold in zip(of_pairs, cell_of_pair, rows.pairs.fold):
        w = rows.of(cell, fold + 1)[1].sum()
        assert value == pytest.approx(of_view[cell, fold] * w / (w + 2))


def test_terms_of_means(backend):
    rows = Rows()
    terms = level_terms("mean", rows.level, rows.pairs, N_FOLDS)
    assert terms.shape == (7, N_FOLDS + 1)
    for view in range(N_FOLDS + 1):
        expected = np.zeros(7)
        for y, w, cells in rows.families(view):
            expected += [1, len(cells), w.sum(), (w * y**2).sum(), 0, mean(y, w)[0] ** 2 * w.sum(), 0]
            expected[4] += sum(mean(*cell)[0] ** 2 * cell[1].sum() for cell in cells)
            expected[6] += sum(cell[1].sum() ** 2 for cell in cells) / w.sum()
        np.testing.assert_allclose(terms[:, view], expected, rtol=1e-9, atol=1e-9)


def test_terms_of_variances(backend):
    rows = Rows()
    terms = level_terms("std", rows.level, rows.pairs, N_FOLDS)
    assert terms.shape == (4, N_FOLDS + 1)
    for view in range(N_FOLDS + 1):
        expected = np.zeros(4)
        for y, w, cells in rows.families(view):
            around = variance(y, w)[0]
            for v, free in (variance(*cell) for cell in cells):
                if free:
                    expected += [1, 1 / free, free, free * (v / around - 1) ** 2]
        np.testing.assert_allclose(terms[:, view], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("statistic", ["mean", "std"])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.both_backends
def test_both_backends_give_the_same_bits(statistic, seed):
    rows = Rows(seed)

    def shrunk():
        terms = level_terms(statistic, rows.level, rows.pairs, N_FOLDS)
        of_pairs = np.zeros(len(rows.pairs.cell))
        how = {"above": np.arange(6.0), "around": of_pairs, "of_pairs": of_pairs}
        return terms, of_pairs, shrink_level(statistic, rows.level, rows.pairs, np.ones(N_FOLDS + 1), **how)

    assert all(np.array_equal(native, reference) for native, reference in zip(*on_each_backend(shrunk)))


def test_without_folds(backend):
    rows, none = Rows(), np.empty(0, np.int32)
    pairs, nothing = Pairs(none, none, np.empty((0, 4))), np.empty(0)
    with_folds = level_terms("mean", rows.level, rows.pairs, N_FOLDS)
    assert np.array_equal(level_terms("mean", rows.level, pairs, 0), with_folds[:, :1])
    how = {"above": np.zeros(6), "around": nothing, "of_pairs": nothing}
    values = shrink_level("mean", rows.level, pairs, np.zeros(1), **how)
    np.testing.assert_allclose(values, [mean(*rows.of(cell, 0))[0] for cell in range(20)])


@pytest.mark.needs_native
def test_the_native_module_checks_what_it_is_given():
    module, rows = importlib.import_module("cellwise._native"), Rows()
    sums, family, cell_at = rows.level
    cell, fold, pair_sums = rows.pairs
    for bad in (
        (sums[:, :3].copy(), family, cell_at, (cell, fold, pair_sums)),
        (sums, family[:-1], cell_at, (cell, fold, pair_sums)),
        (sums, family[::-1].copy(), cell_at, (cell, fold, pair_sums)),
        (sums[:-1], family[:-1], cell_at, (cell, fold, pair_sums)),
        (sums, family, cell_at[::-1].copy(), (cell, fold, pair_sums)),
        (sums, family, cell_at[:-1], (cell, fold, pair_sums)),
        (sums, family, cell_at, (cell - 1, fold, pair_sums)),
        (sums, family, cell_at, (cell, fold + 1, pair_sums)),
        (sums, family, cell_at, (cell, fold - 1, pair_sums)),
        (sums, family, cell_at, (cell, fold[1:], pair_sums)),
        (sums, family, cell_at, (cell, np.zeros_like(fold), pair_sums)),
        (sums, family, cell_at, (cell, fold, pair_sums[1:])),
    ):
        with pytest.raises(ValueError, match="in order and in range"):
            module.level_terms(False, bad[:3], bad[3], np.empty((7, N_FOLDS + 1)))
    for shape in ((4, N_FOLDS + 1), (7, 0)):
        with pytest.raises(ValueError, match="a row for each term"):
            module.level_terms(False, rows.level, rows.pairs, np.empty(shape))
    m, none, n = np.ones(N_FOLDS + 1), np.empty(0), len(cell)

    def shrink(m=m, prior=None, above=6, own=None, around=n, support=None, of_cells=20, of_pairs=n):
        support = None if support is None else np.empty(support)
        given = m, prior, np.ones(above), np.ones(around), own, support, 0, np.empty(of_cells), np.empty(of_pairs)
        module.shrink_level(False, rows.level, rows.pairs, *given)

    shrink()
    shrink(prior=m, support=(2, n), own=(np.ones(20), np.ones(n)))
    for views in ((none, none), (m, m[1:])):
        with pytest.raises(ValueError, match="an item for each training set"):
            shrink(*views)
    with pytest.raises(ValueError, match="in order and in range"):
        shrink(above=5)
    for bad in (
        {"own": (np.ones(20), none)}, {"own": (np.ones(19), np.ones(n))}, {"around": n - 1}, {"of_pairs": n - 1},
        {"of_cells": 19}, {"support": (1, n)}, {"support": (2, n - 1)}, {"support": (0, 0)},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="an item for each cell and pair"):
            shrink(**bad)
