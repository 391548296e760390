"""Estimates of the cells of a level, against reckoning from the rows themselves; both backends."""

import importlib

import numpy as np
import pytest

from cellwise.groups import factorize_pairs, sum_by_group
from cellwise.shrinkage import HeldOutSums, LevelSums, level_terms, shrink_level
from cellwise.testing import on_each_backend

N_FOLDS = 4


class Rows:
    """Random rows in 60 finest cells, these in 20 cells of a level, and these in 6 parents; some weigh nothing."""

    def __init__(self, seed=0, n=300):
        rng = np.random.default_rng(seed)
        self.finest = np.sort(rng.permutation(np.append(rng.integers(0, 60, n), np.arange(60)))).astype(np.int32)
        n = len(self.finest)
        self.y, self.fold = rng.standard_normal(n), rng.integers(0, N_FOLDS, n).astype(np.int32)
        self.weight = rng.integers(0, 3, n) / 2
        self.cell_of_finest = np.sort(rng.permutation(np.append(rng.integers(0, 20, 40), np.arange(20)))).astype(
            np.int32
        )
        self.parent = np.sort(rng.permutation(np.append(rng.integers(0, 6, 14), np.arange(6)))).astype(np.int32)
        self.cell = self.cell_of_finest[self.finest]
        self.level_sums = LevelSums(sum_by_group(self.cell, self.y, self.weight, 20), self.parent, self.cell_of_finest)
        pair_cell, pair_fold, self.pair = factorize_pairs(self.finest, self.fold, 60, N_FOLDS)
        self.held_out = HeldOutSums(pair_cell, pair_fold, sum_by_group(self.pair, self.y, self.weight, len(pair_cell)))

    def of(self, cell, fold):
        """Values and weights of the rows of a cell, all for fold 0, and those that fold k trains on for k + 1."""
        known = (self.cell == cell) & (self.fold != fold - 1) & (self.weight > 0)
        return self.y[known], self.weight[known]

    def parents(self, fold):
        """For each parent with rows that the fold trains on: values and weights of all, and of each cell that has any."""
        for parent in range(6):
            cells = [self.of(cell, fold) for cell in np.flatnonzero(self.parent == parent)]
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


def estimates(pairs):
    """Arguments for parents whose estimates are 0, written over by those of their children."""
    return {"parent_estimates": np.zeros(6), "pair_parent_estimates": pairs, "pair_estimates": pairs}


@pytest.mark.parametrize("statistic", ["mean", "std"])
@pytest.mark.parametrize("to_parent", [True, False])
@pytest.mark.parametrize("in_place", [True, False])
def test_each_estimate_lies_between_its_own_rows_and_its_parent(backend, statistic, to_parent, in_place):
    rows, rng = Rows(), np.random.default_rng(1)
    m, parent_estimates = rng.uniform(0, 5, N_FOLDS + 1), rng.standard_normal(6)
    m[2] = np.inf
    prior = None if to_parent else rng.standard_normal(N_FOLDS + 1)
    fold_parents = rng.standard_normal((6, N_FOLDS))
    cell_of_pair = rows.cell_of_finest[rows.held_out.cell]
    pair_parents = fold_parents[rows.parent[cell_of_pair], rows.held_out.fold]
    pair_estimates = pair_parents if in_place else np.empty_like(pair_parents)
    estimates = shrink_level(
        statistic,
        rows.level_sums,
        rows.held_out,
        m,
        parent_estimates=parent_estimates,
        pair_parent_estimates=pair_parents,
        pair_estimates=pair_estimates,
        prior=prior,
    )

    def expected(cell, fold):
        of_parent = parent_estimates[rows.parent[cell]] if fold == 0 else fold_parents[rows.parent[cell], fold - 1]
        y, weight = rows.of(cell, fold)
        if len(y) == 0:
            return of_parent
        own, amount = OWN[statistic](y, weight)
        target = of_parent if to_parent else prior[fold]
        return target + (amount / (amount + m[fold]) if amount else 0) * (own - target)

    np.testing.assert_allclose(estimates, [expected(cell, 0) for cell in range(20)], rtol=1e-9)
    pairs = zip(cell_of_pair.tolist(), (rows.held_out.fold + 1).tolist())
    np.testing.assert_allclose(pair_estimates, [expected(*pair) for pair in pairs], rtol=1e-9)


def test_support_is_that_of_the_finest_cell_that_has_rows(backend):
    rows = Rows(n=30)
    pairs = np.zeros(len(rows.held_out.cell))
    support = np.full((2, len(pairs)), -5.0)
    given = {**estimates(pairs), "support": support, "level": 9}
    shrink_level("mean", rows.level_sums, rows.held_out, np.ones(N_FOLDS + 1), **given)
    seen = 0
    for found, cell, fold in zip(support.T, rows.cell_of_finest[rows.held_out.cell], rows.held_out.fold):
        _, weight = rows.of(cell, fold + 1)
        assert found.tolist() == ([weight.sum(), 9] if len(weight) else [-5, -5])
        seen += len(weight) > 0
    assert 0 < seen < len(pairs)


def test_own_estimates_may_be_given(backend):
    rows, m = Rows(), np.full(N_FOLDS + 1, 2.0)
    of_cell, of_fold = np.arange(20.0), np.arange(20.0 * N_FOLDS).reshape(20, N_FOLDS)
    cell_of_pair = rows.cell_of_finest[rows.held_out.cell]
    own = of_cell, of_fold[cell_of_pair, rows.held_out.fold]
    pairs = np.zeros(len(cell_of_pair))
    values = shrink_level("mean", rows.level_sums, rows.held_out, m, **estimates(pairs), own_estimates=own)
    weights = [rows.of(cell, 0)[1].sum() for cell in range(20)]
    np.testing.assert_allclose(values, [k * w / (w + 2) for k, w in enumerate(weights)])
    for value, cell, fold in zip(pairs, cell_of_pair, rows.held_out.fold):
        w = rows.of(cell, fold + 1)[1].sum()
        assert value == pytest.approx(of_fold[cell, fold] * w / (w + 2))


def test_terms_of_means(backend):
    rows = Rows()
    terms = level_terms("mean", rows.level_sums, rows.held_out, N_FOLDS)
    assert terms.shape == (7, N_FOLDS + 1)
    for fold in range(N_FOLDS + 1):
        expected = np.zeros(7)
        for y, w, cells in rows.parents(fold):
            expected += [1, len(cells), w.sum(), (w * y**2).sum(), 0, mean(y, w)[0] ** 2 * w.sum(), 0]
            expected[4] += sum(mean(*cell)[0] ** 2 * cell[1].sum() for cell in cells)
            expected[6] += sum(cell[1].sum() ** 2 for cell in cells) / w.sum()
        np.testing.assert_allclose(terms[:, fold], expected, rtol=1e-9, atol=1e-9)


def test_terms_of_variances(backend):
    rows = Rows()
    terms = level_terms("std", rows.level_sums, rows.held_out, N_FOLDS)
    assert terms.shape == (4, N_FOLDS + 1)
    for fold in range(N_FOLDS + 1):
        expected = np.zeros(4)
        for y, w, cells in rows.parents(fold):
            of_parent = variance(y, w)[0]
            for v, free in (variance(*cell) for cell in cells):
                if free:
                    expected += [1, 1 / free, free, free * (v / of_parent - 1) ** 2]
        np.testing.assert_allclose(terms[:, fold], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("statistic", ["mean", "std"])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.both_backends
def test_both_backends_give_the_same_bits(statistic, seed):
    rows = Rows(seed)

    def shrunk():
        terms = level_terms(statistic, rows.level_sums, rows.held_out, N_FOLDS)
        pairs, m = np.zeros(len(rows.held_out.cell)), np.ones(N_FOLDS + 1)
        given = estimates(pairs) | {"parent_estimates": np.arange(6.0)}
        return terms, pairs, shrink_level(statistic, rows.level_sums, rows.held_out, m, **given)

    assert all(np.array_equal(native, reference) for native, reference in zip(*on_each_backend(shrunk)))


def test_without_folds(backend):
    rows, none = Rows(), np.empty(0, np.int32)
    held_out = HeldOutSums(none, none, np.empty((0, 4)))
    with_folds = level_terms("mean", rows.level_sums, rows.held_out, N_FOLDS)
    assert np.array_equal(level_terms("mean", rows.level_sums, held_out, 0), with_folds[:, :1])
    values = shrink_level("mean", rows.level_sums, held_out, np.zeros(1), **estimates(np.empty(0)))
    np.testing.assert_allclose(values, [mean(*rows.of(cell, 0))[0] for cell in range(20)])


@pytest.mark.needs_native
def test_the_native_module_checks_what_it_is_given():
    module, rows = importlib.import_module("cellwise._native"), Rows()
    sums, parent, cell_of_finest = rows.level_sums
    cell, fold, pair_sums = rows.held_out
    for bad in (
        (sums[:, :3].copy(), parent, cell_of_finest, (cell, fold, pair_sums)),
        (sums, parent[:-1], cell_of_finest, (cell, fold, pair_sums)),
        (sums, parent[::-1].copy(), cell_of_finest, (cell, fold, pair_sums)),
        (sums[:-1], parent[:-1], cell_of_finest, (cell, fold, pair_sums)),
        (sums, parent, cell_of_finest[::-1].copy(), (cell, fold, pair_sums)),
        (sums, parent, cell_of_finest[:-1], (cell, fold, pair_sums)),
        (sums, parent, cell_of_finest, (cell - 1, fold, pair_sums)),
        (sums, parent, cell_of_finest, (cell, fold + 1, pair_sums)),
        (sums, parent, cell_of_finest, (cell, fold - 1, pair_sums)),
        (sums, parent, cell_of_finest, (cell, fold[1:], pair_sums)),
        (sums, parent, cell_of_finest, (cell, np.zeros_like(fold), pair_sums)),
        (sums, parent, cell_of_finest, (cell, fold, pair_sums[1:])),
    ):
        with pytest.raises(ValueError, match="in order and in range"):
            module.level_terms(False, bad[:3], bad[3], np.empty((7, N_FOLDS + 1)))
    for shape in ((4, N_FOLDS + 1), (7, 0)):
        with pytest.raises(ValueError, match="a row for each term"):
            module.level_terms(False, rows.level_sums, rows.held_out, np.empty(shape))
    m, none, n = np.ones(N_FOLDS + 1), np.empty(0), len(cell)

    def shrink(m=m, prior=None, parents=6, own=None, pair_parents=n, support=None, cells=20, pairs=n):
        support = None if support is None else np.empty(support)
        given = m, prior, np.ones(parents), np.ones(pair_parents), own, support, 0, np.empty(cells), np.empty(pairs)
        module.shrink_level(False, rows.level_sums, rows.held_out, *given)

    shrink()
    shrink(prior=m, support=(2, n), own=(np.ones(20), np.ones(n)))
    for folds in ((none, none), (m, m[1:])):
        with pytest.raises(ValueError, match="an item for each training set"):
            shrink(*folds)
    with pytest.raises(ValueError, match="in order and in range"):
        shrink(parents=5)
    for bad in (
        {"own": (np.ones(20), none)}, {"own": (np.ones(19), np.ones(n))}, {"pair_parents": n - 1}, {"pairs": n - 1},
        {"cells": 19}, {"support": (1, n)}, {"support": (2, n - 1)}, {"support": (0, 0)},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="an item for each cell and pair"):
            shrink(**bad)


def test_an_unknown_statistic():
    rule = "statistic must be one of 'mean', 'std': got 'median'"
    with pytest.raises(ValueError, match=rule):
        level_terms("median", None, None, 0)
    estimates = dict.fromkeys(("parent_estimates", "pair_parent_estimates", "pair_estimates"))
    with pytest.raises(ValueError, match=rule):
        shrink_level("median", None, None, None, **estimates)
