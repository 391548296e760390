"""CellTargetEncoder: laws against refits and brute force, that nothing leaks, parameters, and life among other tools."""

import json
import pickle
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import cellwise as cw
from cellwise.errors import InvalidCoordinatesWarning
from cellwise.features import CellBlockKFold, CellEncoder, CellTargetEncoder
from cellwise.features import _cell_target_encoder as module
from cellwise.inputs import canonical_latlng

CROSS_FITTED = "fit_transform encodes rows out of fold, so that it differs from fit().transform(): that is its purpose"
AUTO_LEVELS = "levels='auto' looks at rows, not at weights, so that repeating rows may give other levels"


def expected_to_fail(encoder):
    failures = {}
    if encoder.stats != "count":
        failures["check_transformer_general"] = CROSS_FITTED
        failures["check_transformer_data_not_an_array"] = CROSS_FITTED
    if encoder.levels == "auto":
        failures["check_sample_weight_equivalence_on_dense_data"] = AUTO_LEVELS
    return failures


@pytest.mark.filterwarnings("ignore::cellwise.errors.InvalidCoordinatesWarning")
@pytest.mark.filterwarnings("ignore:y holds 3 different integers:UserWarning")  # checks of scikit-learn fit to such
@parametrize_with_checks(
    [
        CellTargetEncoder(),
        CellTargetEncoder((3, 10), smooth=2, add_support=True),
        CellTargetEncoder((1, 8), crossfit="block", block_level=30, output="finest", prior="global", smooth=0.5),
        CellTargetEncoder((2, 9), stats="count"),
    ],
    expected_failed_checks=expected_to_fail,
)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


def city(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack((rng.normal(40.7, 0.1, n), rng.normal(-74.0, 0.1, n)))


def world(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack((np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)))


def signal(X, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    return 5 + np.sin(20 * X[:, 0]) + np.cos(25 * X[:, 1]) + noise * rng.standard_normal(len(X))


def centers(cells):
    return np.column_stack(cw.cell_to_latlng(np.asarray(cells, np.uint64)))


# --- estimates --------------------------------------------------------------------------------------------------------


def brute_force(X, y, w, levels, smooth, prior, others):
    """Encodings of `others`, one cell after another; m of each level."""
    leaves, other_leaves = (cw.latlng_to_cell(*canonical_latlng(*Z.T), on_invalid="null") for Z in (X, others))
    mean = np.average(y, weights=w)
    m = []
    known = {0: mean}
    Z = np.full((len(others), len(levels)), mean)
    for k, level in enumerate(levels):
        cells, parents = cw.cell_parent(leaves, level), np.zeros(len(X), np.uint64)
        if k and prior == "parent":
            parents = cw.cell_parent(leaves, levels[k - 1])
        m.append(anova(y, w, cells, parents) if smooth == "auto" else smooth)
        found = {0: mean}
        for cell in set(cells.tolist()) - {0}:
            at = cells == cell
            if w[at].sum():
                n, base = w[at].sum(), known[parents[at][0].item()] if prior == "parent" else mean
                own = np.average(y[at], weights=w[at])
                found[cell] = base if m[-1] == np.inf else (n * own + m[-1] * base) / (n + m[-1]) if m[-1] else own
        for row, leaf in enumerate(other_leaves):
            above = Z[row, k - 1] if k else mean
            cell = int(cw.cell_parent(leaf, level)) if leaf else -1
            Z[row, k] = found.get(cell, above)
        known = found
    return Z, m


def anova(y, w, cells, parents):
    """Ratio of the variances within cells and between cells of a parent, by the method of moments."""
    rows = pd.DataFrame({"n": w, "s": w * y, "q": w * y * y, "c": cells, "p": parents})[(cells != 0) & (w > 0)]
    c = rows.groupby(["p", "c"]).sum()
    p = c.groupby("p").sum()
    N, C, P = c.n.sum(), len(c), len(p)
    A, B = (c.s**2 / c.n).sum(), (p.s**2 / p.n).sum()
    if N <= C or C <= P:
        return np.inf
    within, between = (c.q.sum() - A) / (N - C), (A - B) / (C - P)
    scale = N - ((c.n**2).groupby("p").sum() / p.n).sum()
    if between <= within * (1 + 2 * np.sqrt(2 / (C - P) + 2 / (N - C))):
        return np.inf
    return within / ((C - P) * (between - within) / scale)


@pytest.mark.parametrize("prior", ["parent", "global"])
@pytest.mark.parametrize("smooth", [0, 0.7, 3, "auto"])
@pytest.mark.parametrize("weighted", [False, True])
def test_estimates_are_those_of_brute_force(prior, smooth, weighted):
    X, others = city(300), np.vstack((city(100, 1), world(5), [[np.nan, 0]]))
    X[:5] = np.nan
    y, w = signal(X), np.ones(300)
    y[:5] = 9
    if weighted:
        w = np.random.default_rng(1).choice([0, 0.5, 1, 2], 300)
    encoder = CellTargetEncoder((6, 9, 12, 14), smooth=smooth, prior=prior).fit(X, y, w if weighted else None)
    expected, m = brute_force(X, y, w, (6, 9, 12, 14), smooth, prior, others)
    np.testing.assert_allclose(encoder.transform(others), expected, rtol=1e-10)
    np.testing.assert_allclose(encoder.smooth_, m, rtol=1e-9)
    assert encoder.target_mean_ == pytest.approx(np.average(y, weights=w))


def test_estimates_lie_between_own_means_and_parents():
    X, y = city(500), signal(city(500))
    plain = CellTargetEncoder((8, 10, 12, 14), smooth=0).fit(X, y).transform(X)
    for smooth in (0.3, 2, 40):
        Z = CellTargetEncoder((8, 10, 12, 14), smooth=smooth).fit(X, y).transform(X)
        parent = np.column_stack((np.full(500, y.mean()), Z[:, :-1]))
        low, high = np.minimum(plain, parent), np.maximum(plain, parent)
        assert ((low - 1e-9 <= Z) & (high + 1e-9 >= Z)).all()


def test_no_smoothing_gives_means_and_huge_smoothing_the_mean_of_all():
    X, y = city(500), signal(city(500))
    cells = cw.latlng_to_cell(*X.T, 10)
    means = pd.Series(y).groupby(cells).transform("mean")
    np.testing.assert_allclose(CellTargetEncoder(10, smooth=0).fit(X, y).transform(X)[:, 0], means)
    np.testing.assert_allclose(CellTargetEncoder((4, 10), smooth=1e15).fit(X, y).transform(X), y.mean())


def test_shrinkage_is_learned():
    """Cells with variance t2 about their parents, rows with variance s2 about their cells: m is s2 / t2."""
    rng = np.random.default_rng(0)
    parents = cw.cell_children(cw.token_to_cell("89c"), 10)[:200]
    children = np.array([cw.cell_children(p, 13)[:10] for p in parents.tolist()]).ravel()
    of_child = np.repeat(np.arange(2000), rng.integers(1, 9, 2000))
    y = 7 + np.repeat(rng.normal(0, 3, 200), 10)[of_child] + rng.normal(0, 1, 2000)[of_child]
    y += rng.normal(0, 2, len(y))
    encoder = CellTargetEncoder((10, 13)).fit(centers(children[of_child]), y)
    assert encoder.smooth_ == pytest.approx([(4 + 1) / 9, 4], rel=0.2)


def test_learned_shrinkage_is_about_the_best():
    rng = np.random.default_rng(1)
    cells = cw.cell_children(cw.token_to_cell("89c"), 11)[:800]
    of_cell = np.repeat(np.arange(800), rng.integers(1, 8, 800))
    truth = rng.normal(0, 0.7, 800)
    y = truth[of_cell] + rng.normal(0, 1, len(of_cell))
    X = centers(cells)

    def error(smooth):
        Z = CellTargetEncoder(11, smooth=smooth).fit(X[of_cell], y).transform(X)
        return np.mean((Z[:, 0] - truth) ** 2)

    assert error("auto") <= 1.02 * min(error(m) for m in (0.25, 0.5, 1, 2, 4, 8))
    assert error("auto") < 0.8 * error(0)


@pytest.mark.parametrize("y", [np.full(60, 3.3), np.full(60, 1e9), np.zeros(60)])
@pytest.mark.parametrize("stats", ["mean", "std", "median"])
def test_constant_target(y, stats):
    for smooth in ("auto", 0, 2):
        encoder = CellTargetEncoder((8, 12), stats=stats, smooth=smooth)
        expected = 0 if stats == "std" else y[0]
        np.testing.assert_array_equal(encoder.fit_transform(city(60), y), expected)
        np.testing.assert_array_equal(encoder.transform(city(60)), expected)


def test_cells_that_hold_one_row_each_tell_nothing():
    X = centers(cw.cell_children(cw.token_to_cell("89c"), 12)[::50])
    y = np.random.default_rng(0).standard_normal(len(X))
    encoder = CellTargetEncoder(12).fit(X, y)
    assert encoder.smooth_.tolist() == [np.inf]
    np.testing.assert_allclose(encoder.transform(X), y.mean())


def test_a_target_far_from_zero_loses_no_digits():
    X, y = city(400), signal(city(400)) - 5
    near, far = (CellTargetEncoder((8, 12)).fit(X, y + shift) for shift in (0, 2**30))
    np.testing.assert_allclose(far.smooth_, near.smooth_, rtol=1e-5)
    np.testing.assert_allclose(far.transform(X) - 2**30, near.transform(X), atol=1e-6)


def test_whole_numbers_are_summed_exactly():
    y = np.random.default_rng(0).integers(10**6, 10**6 + 50, 400)
    encoder = CellTargetEncoder((8, 12), target_type="continuous").fit(city(400), y)
    assert encoder.origin_ == int(encoder.origin_)
    for sums in [*encoder.sums_, *encoder.squares_]:
        assert (sums == np.round(sums)).all()


# --- the other statistics ---------------------------------------------------------------------------------------------


def test_std_and_median_without_smoothing_are_plain():
    X, y = city(500), signal(city(500))
    cells = cw.latlng_to_cell(*X.T, 10)
    groups = pd.Series(y).groupby(cells)
    many = groups.transform("size") > 1
    Z = CellTargetEncoder(10, stats="std", smooth=0).fit(X, y).transform(X)[:, 0]
    np.testing.assert_allclose(Z[many], groups.transform("std")[many])
    np.testing.assert_allclose(Z[~many], y.std(ddof=1))  # one row has no spread: the parent's
    Z = CellTargetEncoder(10, stats="median", smooth=0).fit(X, y).transform(X)[:, 0]
    np.testing.assert_allclose(Z, groups.transform("median"))


@pytest.mark.parametrize("stats", ["std", "median"])
def test_smoothing_of_other_statistics(stats):
    X, y = city(500), signal(city(500))
    whole = y.std(ddof=1) if stats == "std" else np.median(y)
    encoder = CellTargetEncoder(10, stats=stats, smooth=4).fit(X, y)
    cells = cw.latlng_to_cell(*X.T, 10)
    at = cells == pd.Series(cells).mode()[0]
    n = at.sum()
    if stats == "std":
        expected = np.sqrt(((n - 1) * y[at].var(ddof=1) + 4 * whole**2) / (n - 1 + 4))
    else:
        expected = (n * np.median(y[at]) + 4 * whole) / (n + 4)
    assert encoder.transform(X[at])[0, 0] == pytest.approx(expected)
    assert encoder.transform([[np.nan, 0.0], [-40.0, 100.0]]).ravel() == pytest.approx([whole] * 2)


def test_shrinkage_of_variances_is_learned():
    """Where variances differ among cells they are told apart, and where they do not they are all the same."""
    rng = np.random.default_rng(0)
    cells = cw.cell_children(cw.token_to_cell("89c"), 11)[:500]
    of_cell = np.repeat(np.arange(500), rng.integers(2, 12, 500))
    X, noise = centers(cells), rng.standard_normal(len(of_cell))
    equal = CellTargetEncoder(11, stats="std").fit(X[of_cell], noise)
    assert equal.smooth_.tolist() == [np.inf]
    spread = rng.gamma(6, 1 / 6, 500)  # variances with variance 1/6
    encoder = CellTargetEncoder(11, stats="std").fit(X[of_cell], noise * np.sqrt(spread)[of_cell])
    assert encoder.smooth_[0] == pytest.approx(2 * (1 + 1 / 6) / (1 / 6), rel=0.4)
    error = [
        np.mean((CellTargetEncoder(11, stats="std", smooth=m).fit(X[of_cell], y).transform(X)[:, 0] ** 2 - spread) ** 2)
        for y in [noise * np.sqrt(spread)[of_cell]]
        for m in ("auto", 0, 1e9)
    ]
    assert error[0] < min(error[1:])


def test_counts_read_no_target():
    X, others = city(300), np.vstack((city(20, 1), [[np.nan, 0], [-40, 100]]))
    encoder = CellTargetEncoder((8, 12), stats="count", add_support=True)
    Z = encoder.fit_transform(X)
    np.testing.assert_array_equal(Z, encoder.fit(X, ["not", "read"]).transform(X))
    for k, level in enumerate((8, 12)):
        cells = pd.Series(cw.latlng_to_cell(*X.T, level))
        np.testing.assert_array_equal(Z[:, k], cells.groupby(cells).transform("size"))
    np.testing.assert_array_equal(Z[:, 2:], np.column_stack((Z[:, 1], np.full(300, 12))))
    assert encoder.transform(others)[-2:].tolist() == [[0, 0, 300, -1]] * 2
    assert encoder.get_feature_names_out().tolist() == [
        *("s2_L8_count", "s2_L12_count"),
        *("s2_support_rows", "s2_support_level"),
    ]
    assert encoder.target_type_ is None
    assert not encoder.__sklearn_tags__().target_tags.required
    weighted = CellTargetEncoder(8, stats="count").fit(X, sample_weight=np.full(300, 0.5))
    assert weighted.transform(X)[:, 0].tolist() == (Z[:, 0] / 2).tolist()


# --- cross-fitting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"smooth": 0},
        {"smooth": 2, "prior": "global"},
        {"prior": "global"},
        {"stats": "std"},
        {"stats": "std", "smooth": 3},
        {"stats": "median"},
        {"stats": "median", "smooth": 1, "output": "finest"},
        {"add_support": True},
        {"target": "classes"},
        {"target": "classes", "smooth": 1, "add_support": True, "prior": "global"},
        {"target": "two", "output": "finest"},
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("buffer", [0, 2_000])
def test_rows_are_encoded_as_if_fitted_without_their_fold(params, weighted, buffer):
    X, others = city(400), city(100, 1)
    X[:3] = np.nan
    y, target = np.round(signal(np.nan_to_num(X)), 2), params.get("target")
    if target:
        y = np.array(["a", "b", "c"] if target == "classes" else ["a", "b", "b"])[np.digitize(y, (4.5, 5.5))]
    w = np.random.default_rng(1).choice([0, 0.5, 1, 2], 400) if weighted else None
    folds = list(CellBlockKFold(4, level=11, buffer=buffer, random_state=0).split(np.where(np.isnan(X), 40.7, X)))
    params = {"levels": (6, 9, 12, 14), **{key: value for key, value in params.items() if key != "target"}}
    encoder = CellTargetEncoder(**params, cv=folds)
    Z = encoder.fit_transform(X, y, w)
    for train, test in folds:
        refit = CellTargetEncoder(**params).fit(X[train], y[train], None if w is None else w[train])
        np.testing.assert_allclose(Z[test], refit.transform(X[test]), rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(encoder.transform(others), CellTargetEncoder(**params).fit(X, y, w).transform(others))


@pytest.mark.parametrize("params", [{}, {"smooth": 1}, {"stats": "std"}, {"stats": "median"}], ids=str)
def test_no_encoding_depends_on_its_own_target(params):
    X, y = city(60), signal(city(60), noise=2)
    encoder = CellTargetEncoder((8, 10, 12), **params)
    Z = encoder.fit_transform(X, y)
    others = 0
    for k in range(60):
        changed = y.copy()
        changed[k] += 7
        Z_changed = encoder.fit_transform(X, changed)
        np.testing.assert_allclose(Z_changed[k], Z[k], rtol=1e-9)
        others += np.abs(Z_changed - Z).sum()
    assert others > 1


@pytest.mark.parametrize("params", [{}, {"smooth": 1}, {"stats": "std"}, {"stats": "median"}], ids=str)
@pytest.mark.parametrize("block_level", ["auto", 11])
def test_no_encoding_depends_on_a_target_in_its_own_block(params, block_level):
    X, y = city(200), signal(city(200), noise=2)
    encoder = CellTargetEncoder((8, 10, 12), crossfit="block", block_level=block_level, **params)
    Z = encoder.fit_transform(X, y)
    blocks = cw.latlng_to_cell(*X.T, encoder.block_level_)
    assert len(set(blocks.tolist())) >= 5
    for block in sorted(set(blocks.tolist()))[:25]:
        own = blocks == block
        Z_changed = encoder.fit_transform(X, y + 7 * own)
        np.testing.assert_allclose(Z_changed[own], Z[own], rtol=1e-9)
        assert np.abs(Z_changed - Z).sum() > 0


def noise(seed, n=6_000):
    rng = np.random.default_rng(seed)
    return np.column_stack((rng.uniform(40, 40.5, n), rng.uniform(-100.5, -100, n))), rng.standard_normal(n)


def linear_r2(Z, y):
    Z = np.column_stack((np.ones(len(y)), Z))
    return 1 - ((y - Z @ np.linalg.lstsq(Z, y, rcond=None)[0]) ** 2).sum() / ((y - y.mean()) ** 2).sum()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("crossfit", ["kfold", "block"])
def test_noise_stays_noise(crossfit, seed):
    X, y = noise(seed)
    for smooth in ("auto", 1, 0):
        encoder = CellTargetEncoder((9, 11, 13), crossfit=crossfit, smooth=smooth)
        assert linear_r2(encoder.fit_transform(X, y), y) <= 0.02
    assert linear_r2(encoder.transform(X), y) > 0.1  # the gate would see a leak
    encoder.set_params(smooth="auto")
    assert cross_val_score(make_pipeline(encoder, Ridge()), X, y, cv=KFold(5)).mean() >= -0.02
    boosting = HistGradientBoostingRegressor(max_iter=50, random_state=0)
    assert cross_val_score(make_pipeline(encoder, boosting), X, y, cv=KFold(3)).mean() >= -0.06


@pytest.mark.parametrize("stats", ["std", "median"])
def test_noise_stays_noise_in_other_statistics(stats):
    X, y = noise(0)
    for crossfit in ("kfold", "block"):
        Z = CellTargetEncoder((9, 11, 13), stats=stats, crossfit=crossfit, smooth=1).fit_transform(X, y)
        assert linear_r2(Z, y) <= 0.02


@pytest.mark.parametrize("crossfit", ["kfold", "block"])
def test_folds_give_themselves_away_no_more_than_they_must(crossfit):
    """A fold with high y is encoded from the rest, which is lower: R2 of the order of n_folds / n_rows, no more."""
    r2, slopes = [], []
    for seed in range(10):
        X, y = noise(seed, 2_000)
        z = CellTargetEncoder((9, 11), crossfit=crossfit, smooth=1e12).fit_transform(X, y)[:, 0]
        r2.append(linear_r2(z, y))
        slopes.append(np.cov(z, y)[0, 1] / z.var())
    assert np.mean(r2) < 2 * 5 / 2_000
    assert max(slopes) < 0


@pytest.mark.parametrize("crossfit", ["kfold", "block"])
def test_a_target_that_varies_in_space_is_found(crossfit):
    X = city(3_000)
    y = np.sin(60 * X[:, 0]) + 0.3 * np.random.default_rng(0).standard_normal(3_000)
    model = make_pipeline(CellTargetEncoder((7, 9, 11), crossfit=crossfit), Ridge())
    assert cross_val_score(model, X, y).mean() > 0.4


def test_blocks_suit_new_areas():
    """A covariate tells half of what the place tells: in new areas only a model that learned to use it does well."""
    rng = np.random.default_rng(0)
    X = np.column_stack((rng.uniform(40, 42, 4_000), rng.uniform(-100, -98, 4_000)))
    place = rng.standard_normal(9_999)[np.unique(cw.latlng_to_cell(*X.T, 9), return_inverse=True)[1]]
    X = np.column_stack((X, place + rng.standard_normal(4_000)))
    y = place + 0.1 * rng.standard_normal(4_000)
    r2 = {}
    for crossfit in ("kfold", "block"):
        encoder = CellTargetEncoder((7, 9, 11), crossfit=crossfit, block_level=9)
        model = make_pipeline(ColumnTransformer([("place", encoder, [0, 1])], remainder="passthrough"), Ridge())
        new_areas = CellBlockKFold(5, level=9, random_state=0)
        for cv in (KFold(5), new_areas):
            r2[crossfit, cv is new_areas] = cross_val_score(model, X, y, cv=cv).mean()
    assert r2["kfold", False] > r2["block", False] + 0.1
    assert r2["kfold", True] < r2["block", True] - 0.1


def test_folds_of_rows_are_random_and_repeatable():
    X, y = city(200), signal(city(200))
    Z = CellTargetEncoder((8, 10), smooth=1).fit_transform(X, y)
    np.testing.assert_array_equal(Z, CellTargetEncoder((8, 10), smooth=1, random_state=0).fit_transform(X, y))
    assert (CellTargetEncoder((8, 10), smooth=1, random_state=1).fit_transform(X, y) != Z).any()
    np.random.default_rng(0)
    state = np.random.RandomState(0)
    first, second = (CellTargetEncoder(8, random_state=state).fit_transform(X, y) for _ in range(2))
    assert (first != second).any()


def test_as_many_folds_as_rows():
    X, y = city(40), signal(city(40))
    Z = CellTargetEncoder((8, 10), smooth=1, cv=LeaveOneOut()).fit_transform(X, y)
    np.testing.assert_allclose(Z, CellTargetEncoder((8, 10), smooth=1, cv=40).fit_transform(X, y))
    assert linear_r2(Z, y) < 1


def test_the_order_of_rows_does_not_matter():
    X, y, w = city(300), signal(city(300)), np.random.default_rng(0).random(300)
    fold, order = np.arange(300) % 5, np.random.default_rng(0).permutation(300)
    for stats in ("mean", "std", "median"):
        Z, Z_ordered = (
            CellTargetEncoder((8, 10, 12), stats=stats, cv=PredefinedSplit(fold[at])).fit_transform(X[at], y[at], w[at])
            for at in (np.arange(300), order)
        )
        np.testing.assert_allclose(Z_ordered, Z[order], rtol=1e-9)


@pytest.mark.parametrize("stats", ["mean", "std", "median"])
@pytest.mark.parametrize("smooth", ["auto", 1])
def test_weights_are_repetitions(stats, smooth):
    X, y = city(300), np.round(signal(city(300)), 1)
    w = np.random.default_rng(0).integers(0, 4, 300)
    fold = np.arange(300) % 4
    many = np.repeat(np.arange(300), w)
    params = {"levels": (8, 10, 12), "stats": stats, "smooth": smooth, "add_support": True}
    weighted = CellTargetEncoder(**params, cv=PredefinedSplit(fold))
    repeated = CellTargetEncoder(**params, cv=PredefinedSplit(fold[many]))
    Z = weighted.fit_transform(X, y, sample_weight=w)
    np.testing.assert_allclose(Z[many], repeated.fit_transform(X[many], y[many]), rtol=1e-9)
    np.testing.assert_allclose(weighted.transform(X), repeated.transform(X), rtol=1e-9)
    assert weighted.counts_[1].dtype == np.float64
    assert repeated.counts_[1].dtype == np.int64
    assert [cells.tolist() for cells in weighted.cells_] == [cells.tolist() for cells in repeated.cells_]


def test_a_block_is_a_cell_and_auto_is_finer_than_the_coarsest_level():
    X, y = city(500), signal(city(500))
    for levels, least in (((2, 12), 3), ((14, 16), 15), (30, 30)):
        encoder = CellTargetEncoder(levels, crossfit="block")
        encoder.fit_transform(X, y)
        assert encoder.block_level_ >= least
    X[:4] = np.nan
    cells = cw.latlng_to_cell(*canonical_latlng(*X.T), on_invalid="null")
    cells[4:8] = cw.cell_parent(cells[4:8], 3)
    Z = CellTargetEncoder((4, 8), crossfit="block", block_level=10, cell=0).fit_transform(cells[:, None], y)
    assert np.isfinite(Z).all()


def test_a_splitter_is_given_the_blocks():
    X, y = city(500), signal(city(500))
    encoder = CellTargetEncoder((8, 10, 12), crossfit="block", block_level=11, cv=GroupKFold(4))
    Z = encoder.fit_transform(X, y)
    blocks = CellBlockKFold(4, level=11).blocks(X)
    groups = CellTargetEncoder((8, 10, 12), cv=GroupKFold(4)).fit_transform(
        X, y, groups=np.unique(blocks, return_inverse=True)[1]
    )
    np.testing.assert_allclose(Z, groups)
    with (
        pytest.raises(ValueError, match="cv must keep blocks whole"),
        pytest.warns(UserWarning, match="groups parameter is ignored by KFold"),
    ):
        CellTargetEncoder((8, 10), crossfit="block", cv=KFold(4)).fit_transform(X, y)


def test_more_folds_than_blocks():
    encoder = CellTargetEncoder((8, 10), crossfit="block", block_level=5)
    with pytest.raises(ValueError, match=r"block_level must part the rows into at least cv=5 blocks: got 1 at level 5"):
        encoder.fit_transform(city(50), np.arange(50.0))
    with pytest.raises(ValueError, match=r"block_level must part the rows into at least cv=5 blocks: got 1"):
        encoder.set_params(block_level="auto").fit_transform(np.full((50, 2), np.nan), np.arange(50.0))


@pytest.mark.parametrize(
    ("cv", "words"),
    [
        (61, "cv must be at most the number of rows: got 61 for 60 rows"),
        (ShuffleSplit(3, random_state=0), "cv must test each row once"),
        (RepeatedKFold(n_splits=3, n_repeats=2), "cv must test each row once: got 120 tests of 60 of 60 rows"),
        ([(np.arange(30), np.arange(30, 60))], "cv must test each row once: got 30 tests of 30 of 60 rows"),
        ([(np.arange(60), np.arange(60))], "cv must test no row that it trains on: got 60 in split 0"),
        ([(np.arange(0), np.arange(60))], "cv must leave rows to learn from"),
    ],
)
def test_folds_that_cannot_be_meant(cv, words):
    with pytest.raises(ValueError, match=words):
        CellTargetEncoder((8, 10), cv=cv).fit_transform(city(60), np.arange(60.0))


def test_a_fold_that_lacks_cells():
    """Cells that only the held-out rows are in get what is known of their parents."""
    q = cw.latlng_to_cell(40.0, -100.0, 9)
    b, c, d = cw.cell_children(q, 12)[:3]
    X = centers([b, b, c, c, d, d])
    encoder = CellTargetEncoder((9, 12), smooth=1, add_support=True, cv=PredefinedSplit([0, 0, 1, 1, 1, 1]))
    Z = encoder.fit_transform(X, np.array([6.0, 8, 1, 2, 3, 6]))
    assert Z[0].tolist() == [3, 3, 4, 9]
    assert Z[2].tolist() == [7, 7, 2, 9]


# --- unknown, missing and invalid places ------------------------------------------------------------------------------


def test_unknown_cells_take_what_is_known_above_them():
    q = cw.latlng_to_cell(40.0, -100.0, 9)
    b, c, d = cw.cell_children(q, 12)[:3]
    for prior in ("parent", "global"):
        encoder = CellTargetEncoder((9, 12), smooth=2, prior=prior, add_support=True)
        encoder.fit(centers([b, b, c]), [1.0, 2.0, 6.0])
        Z = encoder.transform([*centers([d]), [-30, 30], [np.nan, np.nan], [None, 0]])
        assert Z[0].tolist() == [3, 3, 3, 9]
        assert Z[1:].tolist() == [[3, 3, 3, -1]] * 3


def test_missing_rows_count_for_the_mean_only():
    X, y = city(50), np.arange(50.0)
    X[:10] = np.nan
    encoder = CellTargetEncoder((8, 10), smooth=1)
    Z = encoder.fit_transform(X, y)
    assert np.isfinite(Z).all()
    assert encoder.target_mean_ == y.mean()
    assert encoder.counts_[0].sum() == 40
    assert encoder.transform([[np.nan, 0]]).tolist() == [[y.mean()] * 2]


@pytest.mark.parametrize("stats", ["mean", "std", "median", "count"])
def test_all_rows_missing(stats):
    y = np.arange(9.0)
    encoder = CellTargetEncoder((4, 8), stats=stats)
    assert encoder.fit_transform(np.full((9, 2), np.nan), y).shape == (9, 2)
    expected = {"mean": 4, "median": 4, "std": y.std(ddof=1), "count": 0}[stats]
    np.testing.assert_allclose(encoder.transform([[40, -74]]), expected)
    assert encoder.transform_one(40, -74) == pytest.approx([expected] * 2)
    assert CellTargetEncoder(stats=stats).fit(np.full((9, 2), np.nan), y).cells_[0].tolist() == []


def test_invalid_rows_warn_once_raise_or_are_missing():
    X, y = city(50), np.arange(50.0)
    X[3] = 95, 0
    with pytest.warns(InvalidCoordinatesWarning) as caught:
        Z = CellTargetEncoder(8, smooth=1).fit_transform(X, y)
    assert len(caught) == 1
    np.testing.assert_array_equal(CellTargetEncoder(8, smooth=1, on_invalid="null").fit_transform(X, y), Z)
    with pytest.raises(ValueError, match="lat must be"):
        CellTargetEncoder(8, on_invalid="raise").fit(X, y)
    encoder = CellTargetEncoder(8).fit(X[:3], y[:3])
    with pytest.warns(InvalidCoordinatesWarning):
        assert encoder.transform([[0, np.inf]]).tolist() == [[1.0]]
    with pytest.warns(InvalidCoordinatesWarning):
        assert encoder.transform_one(95, 0).tolist() == [1.0]


def test_rows_in_coarse_cells_are_encoded_by_their_own():
    """They count at their own level and above, and take the value of their own cell at finer levels."""
    q = cw.latlng_to_cell(40.0, -100.0, 9)
    child = cw.cell_children(q, 12)[0]
    X, y = np.array([[child], [child], [q], [0]], np.uint64), np.array([1.0, 3, 8, 4])
    encoder = CellTargetEncoder((9, 12), smooth=0, cell=0, add_support=True).fit(X, y)
    assert encoder.transform(X).tolist() == [[4, 2, 2, 12]] * 2 + [[4, 4, 3, 9], [4, 4, 4, -1]]
    encoder.set_params(cv=PredefinedSplit([0, 1, 2, 3]))
    assert encoder.fit_transform(X, y)[:, :2].tolist() == [[5.5, 3], [4.5, 1], [2, 2], [4, 4]]


def test_a_single_row():
    encoder = CellTargetEncoder((4, 8)).fit([[40.7, -74.0]], [3.0])
    assert encoder.transform([[40.7, -74.0], [0, 0]]).tolist() == [[3, 3], [3, 3]]
    assert CellTargetEncoder(8, stats="std").fit([[40.7, -74.0]], [3.0]).transform([[0, 0]]).tolist() == [[0]]


@pytest.mark.both_backends
def test_both_backends_agree():
    X, y = city(200), signal(city(200))
    Z = CellTargetEncoder((8, 12), smooth=1).fit_transform(X, y)
    with cw.testing.use(backend="numpy"):
        np.testing.assert_array_equal(CellTargetEncoder((8, 12), smooth=1).fit_transform(X, y), Z)


# --- what y is --------------------------------------------------------------------------------------------------------


def test_two_classes_are_the_probability_of_the_second():
    X = city(300)
    is_high = signal(X) > 5
    encoder = CellTargetEncoder((8, 10), smooth=1)
    expected = CellTargetEncoder((8, 10), smooth=1).fit_transform(X, is_high.astype(float))
    for y in (is_high, np.where(is_high, "high", "a low"), is_high.astype(int), np.where(is_high, 7, 3)):
        np.testing.assert_allclose(encoder.fit_transform(X, y), expected, atol=1e-12)
        assert encoder.target_mean_ == pytest.approx(is_high.mean())
    assert encoder.get_feature_names_out().tolist() == ["s2_L8_mean", "s2_L10_mean"]


def test_each_of_more_classes_has_its_columns():
    X = city(300)
    y = np.array(["a", "b", "c"])[np.digitize(signal(X), (4.5, 5.5))]
    for params in ({}, {"smooth": 1}):
        encoder = CellTargetEncoder((8, 10), **params)
        Z = encoder.fit_transform(X, y)
        assert encoder.get_feature_names_out().tolist() == [f"s2_L{k}_mean_{c}" for k in (8, 10) for c in "abc"]
        for k, label in enumerate("abc"):
            one = CellTargetEncoder((8, 10), **params)
            np.testing.assert_allclose(Z[:, k::3], one.fit_transform(X, (y == label).astype(float)), atol=1e-12)
            np.testing.assert_allclose(encoder.transform(X)[:, k::3], one.transform(X), atol=1e-12)
            assert encoder.target_mean_[k] == pytest.approx(np.mean(y == label))
        if params:
            np.testing.assert_allclose(Z[:, :3].sum(axis=1), 1)
    finest = CellTargetEncoder((8, 10), smooth=1, output="finest", add_support=True)
    np.testing.assert_allclose(finest.fit_transform(X, y)[:, :3], Z[:, 3:])


@pytest.mark.parametrize(
    ("y", "params", "words"),
    [
        (["a", "b", "a", "b"], {"stats": "std"}, "stats must be 'mean' or 'count' for a binary y: got 'std'"),
        (["a", "b", "c", "b"], {"stats": "median"}, "stats must be 'mean' or 'count' for a multiclass y"),
    ],
    ids=repr,
)
def test_targets_that_cannot_be_meant(y, params, words):
    with pytest.raises(ValueError, match=words):
        CellTargetEncoder(8, **params).fit(city(4), y)


@pytest.mark.parametrize(
    ("w", "words"),
    [
        ([1, 2, -1, 1], r"sample_weight must be finite and 0 or more: got -1.0 at index 2 \(1 of 4 values\)"),
        ([1, np.nan, 1, 1], "sample_weight must be finite and 0 or more: got nan at index 1"),
        ([0, 0, 0, 0], "sample_weight must not be zero everywhere"),
        ([1, 1], "inconsistent numbers of samples"),
        ([[1], [1], [1], [1]], r"sample_weight must have one axis: got shape \(4, 1\)"),
    ],
)
def test_weights_that_cannot_be_meant(w, words):
    with pytest.raises(ValueError, match=words):
        CellTargetEncoder(8).fit(city(4), np.arange(4.0), sample_weight=w)


def test_a_fold_with_all_the_weight():
    encoder = CellTargetEncoder(8, cv=PredefinedSplit([0, 0, 1, 1]))
    with pytest.raises(ValueError, match="cv must leave rows to learn from: got a split with none, or of weight 0"):
        encoder.fit_transform(city(4), np.arange(4.0), sample_weight=[1, 1, 0, 0])


# --- parameters and form ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"levels": "best"}, ValueError, "levels must be 'auto', a level or a sequence of levels: got 'best'"),
        ({"levels": 31}, ValueError, "levels must be in 0..30: got 31"),
        ({"levels": ()}, ValueError, "levels must hold at least one level"),
        ({"target_type": "ordinal"}, ValueError, "target_type must be one of"),
        ({"smooth": "a lot"}, ValueError, "smooth must be 'auto' or a number from 0: got 'a lot'"),
        ({"smooth": -1}, ValueError, "smooth must be 'auto' or a number from 0: got -1"),
        ({"smooth": np.inf}, ValueError, "smooth must be finite"),
        ({"smooth": None}, TypeError, "smooth must be a number"),
        ({"prior": "mean"}, ValueError, "prior must be one of 'parent', 'global': got 'mean'"),
        ({"crossfit": True}, ValueError, "crossfit must be one of 'kfold', 'block': got True"),
        ({"cv": 1}, ValueError, "cv must be at least 2"),
        ({"cv": True}, TypeError, "cv must be an integer"),
        ({"cv": 2.5}, TypeError, "cv must be an integer"),
        ({"cv": None}, TypeError, "cv must be an integer"),
        ({"block_level": "best"}, ValueError, "block_level must be 'auto' or an integer in 0..30: got 'best'"),
        ({"block_level": 31}, ValueError, "block_level must be in 0..30"),
        ({"block_level": None}, TypeError, "block_level must be an integer"),
        ({"output": "some"}, ValueError, "output must be one of 'all', 'finest'"),
        ({"stats": "mode"}, ValueError, "stats must be one of 'mean', 'count', 'std', 'median': got 'mode'"),
        ({"add_support": 1}, TypeError, "add_support must be True or False: got 1"),
        ({"dtype": int}, ValueError, "dtype must be one of floats: got int64"),
        ({"on_invalid": "fix"}, ValueError, "on_invalid must be one of"),
        ({"random_state": "x"}, TypeError, "random_state must be None, an integer or a RandomState: got 'x'"),
    ],
)
def test_parameters_that_cannot_be_meant(params, error, words):
    with pytest.raises(error, match=words):
        CellTargetEncoder(**params).fit_transform(city(9), np.arange(9.0) / 2)


def test_parameters_are_keywords():
    with pytest.raises(TypeError):
        CellTargetEncoder(8, "binary")


def test_unfitted():
    for call in (
        lambda e: e.transform(city(1)),
        lambda e: e.transform_one(0, 0),
        lambda e: e.get_feature_names_out(),
        lambda e: e.to_dict(),
    ):
        with pytest.raises(NotFittedError):
            call(CellTargetEncoder())


def test_auto_levels_are_those_of_the_cell_encoder():
    X, y = city(2_000), signal(city(2_000))
    assert CellTargetEncoder().fit(X, y).levels_ == CellEncoder().fit(X).levels_


def test_output():
    X, y = city(300), signal(city(300))
    everything = CellTargetEncoder((12, 8, 10), add_support=True)
    Z = everything.fit_transform(X, y)
    assert everything.levels_ == (8, 10, 12)
    names = ["s2_L8_mean", "s2_L10_mean", "s2_L12_mean", "s2_support_rows", "s2_support_level"]
    assert everything.get_feature_names_out().tolist() == names
    finest = CellTargetEncoder((12, 8, 10), output="finest", dtype=np.float32)
    Z_finest = finest.fit_transform(X, y)
    assert Z_finest.dtype == np.float32
    np.testing.assert_array_equal(Z_finest, Z[:, 2:3].astype(np.float32))
    np.testing.assert_array_equal(finest.transform(X), everything.transform(X)[:, 2:3].astype(np.float32))
    assert finest.get_feature_names_out().tolist() == ["s2_L12_mean"]
    with pytest.raises(ValueError, match="input_features should have length"):
        finest.get_feature_names_out(["a"])


def test_support_is_the_rows_of_the_finest_cell_that_has_any():
    X, y = city(300), signal(city(300))
    encoder = CellTargetEncoder((6, 10, 12), add_support=True)
    Z = encoder.fit_transform(X, y)
    fold = np.random.RandomState(0).permutation(300) % 5
    for row in range(50):
        for level in (12, 10, 6):
            cells = cw.latlng_to_cell(*X.T, level)
            n = np.sum((cells == cells[row]) & (fold != fold[row]))
            if n:
                break
        assert Z[row, 3:].tolist() == [n, level]
    assert encoder.transform([[0, 0]])[0, 3:].tolist() == [300, -1]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"smooth": 1, "add_support": True, "output": "finest"},
        {"stats": "std", "smooth": 1, "dtype": np.float32},
        {"stats": "median", "prior": "global", "smooth": 1},
        {"stats": "count", "add_support": True},
        {"target_type": "multiclass", "smooth": 1, "add_support": True},
    ],
    ids=str,
)
def test_one_position_is_encoded_as_a_row(params):
    X, y = city(300), np.round(signal(city(300)))
    encoder = CellTargetEncoder((6, 10, 12), **{"target_type": "continuous", **params}).fit(X, y)
    others = np.vstack((X[:20], city(20, 1), world(5), [[np.nan, 0], [0, np.nan]]))
    rows = np.array([encoder.transform_one(*other) for other in others.tolist()])
    np.testing.assert_array_equal(rows, encoder.transform(others))
    assert rows.dtype == encoder.transform(others).dtype
    np.testing.assert_array_equal(encoder.transform_one(None, 0), encoder.transform([[None, 0]])[0])


def test_encoding_in_pieces_changes_nothing(monkeypatch):
    X, y = city(500), signal(city(500))
    encoder = CellTargetEncoder((6, 10), add_support=True).fit(X, y)
    Z = encoder.transform(X)
    monkeypatch.setattr(module, "CHUNK", 7)
    np.testing.assert_array_equal(encoder.transform(X), Z)


def test_no_rows_after_fit():
    encoder = CellTargetEncoder((6, 10)).fit(city(9), np.arange(9.0))
    assert encoder.transform(np.empty((0, 2))).shape == (0, 2)


def test_fitted_statistics_can_be_merged():
    """Sums of y - origin over the rows of each cell."""
    X, y = city(300), signal(city(300))
    encoder = CellTargetEncoder((8, 10)).fit(X, y)
    for k, level in enumerate((8, 10)):
        cells, at = np.unique(cw.latlng_to_cell(*X.T, level), return_inverse=True)
        assert encoder.cells_[k].tolist() == cells.tolist()
        assert encoder.counts_[k].tolist() == np.bincount(at).tolist()
        np.testing.assert_allclose(encoder.sums_[k], np.bincount(at, y - encoder.origin_), atol=1e-10)
        np.testing.assert_allclose(encoder.squares_[k], np.bincount(at, (y - encoder.origin_) ** 2))


# --- among other tools ------------------------------------------------------------------------------------------------


@pytest.fixture
def homes():
    X = pd.DataFrame(city(300), columns=["latitude", "longitude"])
    X["rooms"] = np.arange(300) % 5
    X["home"] = cw.latlng_to_cell(X["latitude"], X["longitude"])
    return X, signal(X.to_numpy(np.float64)) + X["rooms"]


def test_column_transformer_and_grid_search(homes):
    X, y = homes
    columns = ColumnTransformer(
        [
            ("place", CellTargetEncoder(), ["latitude", "longitude"]),
            ("home", CellTargetEncoder(8, cell="home", add_support=True), ["home"]),
            ("rest", StandardScaler(), ["rooms"]),
        ]
    )
    grid = {
        "columntransformer__place__levels": ["auto", (6, 10)],
        "columntransformer__place__crossfit": ["kfold", "block"],
        "columntransformer__home__stats": ["mean", "std"],
    }
    search = GridSearchCV(make_pipeline(columns, Ridge()), grid, cv=3, n_jobs=1).fit(X, y)
    assert search.best_score_ > 0.5
    assert search.predict(X).shape == (300,)
    assert search.best_estimator_[0].get_feature_names_out()[0].startswith("place__s2_L")
    assert "CellTargetEncoder" in search.best_estimator_._repr_html_()


def test_frames_arrays_and_lists_agree(homes):
    X, y = homes
    expected = CellTargetEncoder((6, 10)).fit_transform(X[["latitude", "longitude"]].to_numpy(), y)
    for rows, target, params in (
        (X, y, {}),
        (X[["rooms", "longitude", "latitude"]], y.tolist(), {"lat": 2, "lng": "longitude"}),
        (pl.from_pandas(X), pl.from_pandas(y), {}),
        (pl.from_pandas(X), y, {"cell": "home"}),
        (X["home"], y[::-1][::-1], {}),
        (X[["latitude", "longitude"]].to_numpy().tolist(), y, {}),
    ):
        for cv in (5, KFold(5, shuffle=True, random_state=0)):
            Z = CellTargetEncoder((6, 10), cv=cv, **params).fit_transform(rows, target)
            assert Z.shape == expected.shape
        encoder = CellTargetEncoder((6, 10), **params)
        np.testing.assert_allclose(encoder.fit_transform(rows, target), expected)
        np.testing.assert_allclose(encoder.transform(rows), CellTargetEncoder((6, 10)).fit(X, y).transform(X))


@pytest.mark.parametrize(("library", "frame"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_set_output(library, frame, homes):
    X, y = homes
    encoder = CellTargetEncoder((6, 10), add_support=True).set_output(transform=library)
    for Z in (encoder.fit_transform(X, y), encoder.transform(X)):
        assert isinstance(Z, frame)
        assert list(Z.columns) == encoder.get_feature_names_out().tolist()
    if library == "pandas":
        shuffled = X.sample(frac=1, random_state=0)
        assert encoder.fit_transform(shuffled, y).index.equals(shuffled.index)


def test_float32_and_read_only_input():
    X, y = city(100).astype(np.float32), signal(city(100)).astype(np.float32)
    w = np.ones(100)
    for array in (X, y, w):
        array.flags.writeable = False
    expected = CellTargetEncoder((4, 12)).fit_transform(X.astype(np.float64), y.astype(np.float64), w)
    for order in "CF":
        np.testing.assert_array_equal(
            CellTargetEncoder((4, 12)).fit_transform(np.asarray(X, order=order), y, w), expected
        )


def test_clone_and_pickle():
    X, y = city(1_000), signal(city(1_000))
    encoder = CellTargetEncoder((4, 8, 12), cv=GroupKFold(3)).fit(X, y)
    assert clone(encoder).get_params().keys() == encoder.get_params().keys()
    assert not hasattr(clone(encoder), "cells_")
    data = pickle.dumps(encoder)
    assert len(data) < 4_000 + 48 * sum(map(len, encoder.cells_))  # ids twice: as levels, and as what is looked up
    back = pickle.loads(data)
    np.testing.assert_array_equal(back.transform(city(50, 1)), encoder.transform(city(50, 1)))
    assert back.transform_one(40.7, -74.0).tolist() == encoder.transform_one(40.7, -74.0).tolist()


def test_fit_is_idempotent_and_never_changes_parameters():
    levels = [8, 4]
    encoder = CellTargetEncoder(levels)
    first = encoder.fit_transform(city(100), signal(city(100)))
    encoder.fit(world(10), list("abcabcabca"))
    np.testing.assert_array_equal(encoder.fit_transform(city(100), signal(city(100))), first)
    assert levels == [8, 4]


def test_transform_in_threads():
    X, y = city(2_000), signal(city(2_000))
    encoder = CellTargetEncoder((6, 10)).fit(X, y)
    expected = encoder.transform(X)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: encoder.transform(X), range(16)))
    assert all((expected == Z).all() for Z in results)


@pytest.mark.needs_native
@pytest.mark.parametrize("method", ["transform", "fit_transform"])
@pytest.mark.parametrize("params", [{}, {"crossfit": "block"}, {"add_support": True}, {"cv": KFold(5)}])
def test_memory_stays_below_three_outputs(params, method):
    X, y = city(200_000), signal(city(200_000))
    encoder = CellTargetEncoder((6, 8, 10, 12, 14), **params).fit(X, y)
    encoder.transform(X[:10])
    tracemalloc.start()
    Z = encoder.fit_transform(X, y) if method == "fit_transform" else encoder.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * Z.nbytes


# --- metadata ---------------------------------------------------------------------------------------------------------


def test_groups_go_to_the_splitter():
    X, y, groups = city(200), signal(city(200)), np.arange(200) // 20
    encoder = CellTargetEncoder((8, 10), cv=GroupKFold(4), smooth=1)
    Z = encoder.fit_transform(X, y, groups=groups)
    folds = list(GroupKFold(4).split(X, y, groups))
    expected = CellTargetEncoder((8, 10), cv=folds, smooth=1).fit_transform(X, y)
    np.testing.assert_array_equal(Z, expected)
    with config_context(enable_metadata_routing=True):
        encoder = CellTargetEncoder((8, 10), cv=GroupKFold(4), smooth=1)
        np.testing.assert_array_equal(encoder.fit_transform(X, y, groups=groups), expected)
        model = make_pipeline(encoder, Ridge()).fit(X, y, groups=groups)
        same = Ridge().fit(expected, y)
        np.testing.assert_allclose(model.predict(X), same.predict(encoder.transform(X)))
        scores = cross_validate(make_pipeline(encoder, Ridge()), X, y, params={"groups": groups}, cv=GroupKFold(5))
        assert len(scores["test_score"]) == 5


def test_weights_are_routed():
    X, y, w = city(200), signal(city(200)), np.random.default_rng(0).random(200)
    expected = CellTargetEncoder((8, 10), smooth=1).fit_transform(X, y, w)
    assert (expected != CellTargetEncoder((8, 10), smooth=1).fit_transform(X, y)).any()
    model = make_pipeline(CellTargetEncoder((8, 10), smooth=1), Ridge())
    model.fit(X, y, celltargetencoder__sample_weight=w)
    np.testing.assert_allclose(model[-1].coef_, Ridge().fit(expected, y).coef_)
    with config_context(enable_metadata_routing=True):
        encoder = CellTargetEncoder((8, 10), smooth=1).set_fit_request(sample_weight=True)
        np.testing.assert_array_equal(encoder.fit_transform(X, y, sample_weight=w), expected)
        model = make_pipeline(encoder, Ridge().set_fit_request(sample_weight=False)).fit(X, y, sample_weight=w)
        np.testing.assert_allclose(model[-1].coef_, Ridge().fit(expected, y).coef_)
        with_blocks = clone(encoder).set_params(crossfit="block", block_level=11, cv=GroupKFold(3))
        assert with_blocks.fit_transform(X, y, sample_weight=w).shape == (200, 2)


@pytest.mark.parametrize(
    ("params", "given", "error", "words"),
    [
        ({}, {"groups": np.arange(60)}, ValueError, "groups must be given with a splitter as cv: got cv=5"),
        (
            {"crossfit": "block"},
            {"groups": np.arange(60)},
            ValueError,
            "groups must not be given with crossfit='block'",
        ),
        ({}, {"weights": 1}, TypeError, "fit_transform takes sample_weight and groups: got weights"),
        ({"cv": GroupKFold(3)}, {}, ValueError, "'groups' parameter should not be None"),
    ],
)
def test_metadata_that_cannot_be_meant(params, given, error, words):
    with pytest.raises(error, match=words):
        CellTargetEncoder(8, **params).fit_transform(city(60), np.arange(60.0), **given)


def test_metadata_nobody_asked_for():
    with config_context(enable_metadata_routing=True), pytest.raises(TypeError, match="groups"):
        CellTargetEncoder(8).fit_transform(city(60), np.arange(60.0), groups=np.arange(60))


# --- saving -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoder", "target"),
    [
        (CellTargetEncoder(), "numbers"),
        (CellTargetEncoder((4, 8), smooth=np.float64(2), cv=np.int64(3), lat=0, lng=np.int32(1)), "numbers"),
        (CellTargetEncoder(8, stats="std", add_support=True, dtype="float32"), "numbers"),
        (CellTargetEncoder([4, 12], stats="median", output="finest", prior="global"), "numbers"),
        (CellTargetEncoder((4, 8), stats="count", add_support=True), None),
        (CellTargetEncoder((4, 8), crossfit="block"), "text"),
        (CellTargetEncoder((4, 8), target_type="multiclass"), "integers"),
        (CellTargetEncoder((4, 8)), "booleans"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_to_dict_and_back(encoder, target, weighted):
    X, others = city(200), np.vstack((city(50, 1), world(20), [[np.nan, 0]]))
    y = signal(X)
    y = {"numbers": y, "integers": y.astype(int), "booleans": y > 5, None: None}.get(target, np.where(y > 5, "b", "a"))
    w = np.random.default_rng(0).random(200) if weighted else None
    encoder = clone(encoder).fit(X, y, w)
    saved = json.loads(json.dumps(encoder.to_dict(), allow_nan=False))
    back = CellTargetEncoder.from_dict(saved)
    np.testing.assert_array_equal(back.transform(others), encoder.transform(others))
    assert back.transform_one(40.7, -74.0).tolist() == encoder.transform_one(40.7, -74.0).tolist()
    assert back.get_feature_names_out().tolist() == encoder.get_feature_names_out().tolist()
    assert back.to_dict() == saved
    for name in ("cells_", "counts_", "sums_", "squares_", "encodings_"):
        pairs = list(zip(getattr(back, name), getattr(encoder, name), strict=True))
        assert all(a.dtype == b.dtype and (a == b).all() for a, b in pairs)
    for name in ("smooth_", "prior_", "origin_", "total_", "target_type_", "target_mean_", "classes_", "levels_"):
        np.testing.assert_array_equal(getattr(back, name), getattr(encoder, name))
    np.testing.assert_array_equal(clone(back).fit(X, y, w).transform(others), encoder.transform(others))


def test_a_splitter_cannot_be_saved():
    encoder = CellTargetEncoder(8, cv=KFold(3)).fit(city(9), np.arange(9.0))
    with pytest.raises(TypeError, match="cv must be plain or cells to be saved: got KFold"):
        encoder.to_dict()
    assert encoder.set_params(cv=3).to_dict()["params"]["cv"] == 3


def change(path, value, target=("a", "b", "c"), **params):
    """A saved encoder with one part replaced."""
    y = None if target is None else np.array(target)[np.arange(9) % len(target)]
    saved = CellTargetEncoder((4, 8), **params).fit(city(9), y).to_dict()
    part = saved
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return saved


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("params", "smooth"), "x", "smooth must be"),
        (("state", "levels"), [31], "levels must be in 0..30"),
        (("state", "surprise"), 1, "state must have the keys"),
        (("state", "target_type"), "x", "target_type must be one of"),
        (("state", "target_type"), None, "target_type must be one of"),
        (("state", "target_type"), "continuous", "classes must be None for target_type 'continuous': got list"),
        (("state", "target_type"), "binary", "classes must be at most two for target_type 'binary': got 3"),
        (("state", "classes"), None, "classes must be a sorted list of distinct labels"),
        (("state", "classes"), ["b", "a", "c"], "classes must be a sorted list"),
        (("state", "classes"), ["a", "a", "c"], "classes must be a sorted list"),
        (("state", "classes"), ["a", 1, "c"], "classes must be a sorted list"),
        (("state", "classes"), [], "classes must be a sorted list"),
        (("state", "classes"), ["a", "b"], "target_mean must be a list of 2 numbers"),
        (("state", "target_mean"), [1, "x", 2], "target_mean must be finite numbers: got 'x'"),
        (("state", "target_mean"), [1, float("nan"), 2], "target_mean must be finite numbers: got nan"),
        (("state", "origin"), None, "origin must be finite numbers: got None"),
        (("state", "total"), -1, "total must be finite numbers from 0: got -1"),
        (("state", "total"), True, "total must be finite numbers from 0: got True"),
        (("state", "prior"), [0.5], "prior must be a list of 3 numbers"),
        (("state", "smooth"), [1.0] * 5, "smooth must be a list of 6 numbers"),
        (("state", "smooth"), [-1.0] * 6, "smooth must be finite numbers from 0: got -1.0"),
        (("state", "cells"), [["89c"]], "cells must have 2 items: got 1"),
        (("state", "cells"), ["89c", "89c"], "cells must be a list of list"),
        (("state", "cells", 0), ["89d", "89b"], "cells must be distinct cells of level 4, sorted"),
        (("state", "cells", 0), ["89c"], "cells must be distinct cells of level 4, sorted"),
        (("state", "cells", 0), ["zz"], "token must be"),
        (("state", "counts", 0), [1, 2, 3, 4], "counts must be a list of 1 numbers"),
        (("state", "counts", 0), [-1], "counts must be finite numbers from 0: got -1"),
        (("state", "encodings"), [], "encodings must have 6 items: got 0"),
        (("state", "encodings", 0), [float("inf")], "encodings must be finite numbers: got inf"),
        (("state", "sums", 0), [10**400], "sums must be finite numbers: got 1000"),
        (("state", "squares", 0), [-1.0], "squares must be finite numbers from 0: got -1.0"),
    ],
)
def test_from_dict_checks_everything(path, value, words):
    with pytest.raises(ValueError) as why:
        CellTargetEncoder.from_dict(change(path, value))
    assert words in str(why.value), str(why.value)


@pytest.mark.parametrize(
    "value", [None, True, -1, 1.5, 2**70, "x", [], [[]], {}, {"cells": [[]]}, ["x"], [None], [1.0], [[1.0], [2.0]]]
)
def test_from_dict_never_fails_in_another_way(value):
    for params in ({}, {"target": (1.0, 2.0), "add_support": True}, {"target": None, "stats": "count"}):
        whole = change(("estimator",), "CellTargetEncoder", **params)
        paths = [(key,) for key in whole] + [("state", key) for key in whole["state"]]
        for path in [*paths, *(("params", key) for key in whole["params"])]:
            with suppress(ValueError, TypeError), warnings.catch_warnings():
                back = CellTargetEncoder.from_dict(change(path, value, **params))
                back.transform(city(3))
                back.transform_one(40.7, -74)
                back.get_feature_names_out()


def test_predictions_out_of_fold_in_a_pipeline():
    """The pipeline trains on encodings out of fold and predicts with those of all rows, with no help."""
    X, y = city(600), signal(city(600))
    model = make_pipeline(CellTargetEncoder((8, 10, 12)), Ridge())
    predicted = cross_val_predict(model, X, y, cv=KFold(5, shuffle=True, random_state=0))
    assert 1 - np.var(y - predicted) / np.var(y) > 0.5
