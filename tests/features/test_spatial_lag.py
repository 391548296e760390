"""SpatialLag: statistics against brute force, and the law that no row ever sees its own y."""

import json
import pickle
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import cellwise as cw
from cellwise.errors import InvalidCoordinatesWarning
from cellwise.features import SpatialLag
from cellwise.features import _spatial_lag as module
from cellwise.testing import on_each_backend

SELF = "fit_transform hides each training row from itself, and transform takes the same rows for new ones"


def expected_failures(estimator):
    return dict.fromkeys(("check_transformer_general", "check_transformer_data_not_an_array"), SELF)


@pytest.mark.filterwarnings("ignore::cellwise.errors.InvalidCoordinatesWarning")
@pytest.mark.filterwarnings("ignore:y holds 3 different integers:UserWarning")  # checks of scikit-learn fit to such
@parametrize_with_checks(
    [
        SpatialLag(),
        SpatialLag(k=2, weights="inverse", exclude="same_location"),
        SpatialLag(radius=5000, unit="km", stats=("mean", "count")),
        SpatialLag(rings=1, level=4),
        SpatialLag(of=(0, 1), exclude="block", weights="gaussian"),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


def homes(n, seed=0):
    """Rows of which a third share their place with another, and a target with a trend."""
    rng = np.random.default_rng(seed)
    X = rng.uniform((40, -100), (41, -99), (n, 2))
    X[: n // 3] = X[rng.integers(0, n, n // 3)]
    X = X[rng.permutation(n)]
    return X, np.sin(9 * X[:, 0]) + rng.standard_normal(n)


# --- the same as brute force ------------------------------------------------------------------------------------------


def brute_force(lag, X, y, queries, hidden):
    """Features row by row, straight from their definitions; NaN for no neighbors."""
    limit = max(1, len(X) // 2)
    features = []
    for query, out in zip(queries, hidden):
        arcs = cw.latlng_distance(*query, *X.T, unit="rad")
        rows = np.flatnonzero(~out)
        rows = rows[np.lexsort((rows, np.round(arcs[rows], 15)))]
        row_features = []
        for size in np.atleast_1d(lag.rings if lag.rings is not None else lag.radius or lag.k):
            if lag.rings is not None:
                disk = cw.cell_disk(cw.latlng_to_cell(*query, lag.level), int(size))
                found = rows[np.isin(cw.latlng_to_cell(*X[rows].T, lag.level), disk)][:limit]
                reach = arcs[found].max(initial=0)
            elif lag.radius is not None:
                reach = size / cw.EARTH_RADIUS_M
                found = rows[arcs[rows] <= reach][:limit]
            else:
                found = rows[: min(size, limit)]
                reach = arcs[found].max(initial=0)
            away, values = arcs[found], y[found]
            weights = np.ones(len(found))
            if lag.weights == "inverse":
                weights = (away == 0) * 1.0 if (away == 0).any() else 1 / away
            elif lag.weights == "gaussian" and reach > 0:
                weights = np.exp(-((away / (reach / 2)) ** 2) / 2)
            if len(found) == 0:
                row_features += [np.nan, np.nan, np.nan, 0]
                continue
            mean = np.average(values, weights=weights)
            std = np.sqrt(np.average((values - mean) ** 2, weights=weights))
            row_features += [mean, std, away.mean() * cw.EARTH_RADIUS_M, len(found)]
        features.append(row_features)
    return np.array(features)


@pytest.mark.parametrize("exclude", ["self", "same_location", "block"])
@pytest.mark.parametrize("weights", [None, "inverse", "gaussian"])
@pytest.mark.parametrize(
    "neighborhood", [{"k": (1, 5, 200)}, {"radius": (1500.0, 20_000.0)}, {"rings": (0, 1), "level": 11}], ids=str
)
def test_features_are_those_of_brute_force(neighborhood, weights, exclude):
    X, y = homes(240)
    new = np.vstack((homes(30, 1)[0], X[:10]))
    lag = SpatialLag(
        **neighborhood, weights=weights, exclude=exclude, stats=("mean", "std", "distance", "count"), block_level=9
    )
    hidden = np.eye(len(X), dtype=bool)
    if exclude == "same_location":
        hidden = (X[:, None] == X).all(axis=2)
    elif exclude == "block":
        cells = cw.latlng_to_cell(*X.T, 9)
        hidden = cells[:, None] == cells
    results = on_each_backend(lambda: (lag.fit_transform(X, y), lag.transform(new)))
    for k, queries, out in ((0, X, hidden), (1, new, np.zeros((len(new), len(X)), bool))):
        expected = brute_force(lag, X, y, queries, out)
        expected = np.where(np.isnan(expected), lag.fill_, expected)
        for found in results:
            np.testing.assert_allclose(found[k], expected, rtol=1e-9, atol=1e-9)
    assert lag.largest_ == 120


def test_rows_without_neighbors_get_the_mean_of_the_others():
    X, y = homes(200)
    X[::10] += 5 * np.arange(20)[:, None] / 20 + 3  # far off, one by one
    lag = SpatialLag(radius=3000, stats=("mean", "std", "distance", "count"))
    Z = lag.fit_transform(X, y)
    alone = Z[:, 3] == 0
    assert 20 <= alone.sum() < 100
    np.testing.assert_allclose(lag.fill_[:3], Z[~alone, :3].mean(axis=0))
    assert (Z[alone, :3] == lag.fill_[:3]).all()
    assert lag.transform([[-80.0, 0.0]])[0].tolist() == [*lag.fill_[:3], 0]


def test_the_order_of_rows_does_not_matter():
    X, y = homes(300)
    X += np.random.default_rng(1).normal(0, 1e-4, X.shape)  # no ties
    order = np.random.default_rng(2).permutation(300)
    for params in ({}, {"radius": 5000}, {"exclude": "block"}):
        np.testing.assert_allclose(
            SpatialLag(**params).fit_transform(X, y)[order], SpatialLag(**params).fit_transform(X[order], y[order])
        )


def test_encoding_in_pieces_changes_nothing(monkeypatch):
    X, y = homes(300)
    for params in ({}, {"radius": 5000}, {"rings": 1, "level": 11, "exclude": "block"}):
        whole = SpatialLag(**params).fit_transform(X, y)
        with monkeypatch.context() as patch:
            patch.setattr(module, "NEIGHBORS", 100)
            np.testing.assert_array_equal(SpatialLag(**params).fit_transform(X, y), whole)


# --- nothing leaks ----------------------------------------------------------------------------------------------------

NEIGHBORHOODS = (
    {"k": (1, 4)},
    {"k": 500},
    {"radius": (50.0, 20_000.0)},
    {"rings": (0, 4), "level": 12},
    {"k": 3, "weights": "inverse"},
    {"k": 3, "weights": "gaussian"},
)

some_places = st.lists(
    st.tuples(st.sampled_from((40.0, 40.0001, 40.01, 41.0, 90.0)), st.sampled_from((-180.0, 7.0, 7.0001, 7.3, 180.0))),
    min_size=5,
    max_size=40,
).map(np.array)


@settings(deadline=None, max_examples=60)
@given(some_places, st.sampled_from(NEIGHBORHOODS), st.sampled_from(("self", "same_location", "block")), st.data())
def test_no_row_sees_its_own_y(X, neighborhood, exclude, data):
    lag = SpatialLag(**neighborhood, exclude=exclude, block_level=10, stats=("mean", "std", "distance", "count"))
    y = np.random.default_rng(len(X)).standard_normal(len(X))
    Z = lag.fit_transform(X, y)
    assert np.isfinite(Z).all()
    row = data.draw(st.integers(0, len(X) - 1))
    is_empty = (Z[:, 3::4] == 0).all(axis=0)  # neighborhoods in which nobody has neighbors are the same for all rows
    assert (np.ptp(Z[:, np.repeat(is_empty, 4)], axis=0) == 0).all()
    changed = y.copy()
    changed[row] += 1000
    assert (lag.fit_transform(X, changed)[row] == Z[row])[np.repeat(~is_empty, 4)].all()


@pytest.mark.parametrize("neighborhood", NEIGHBORHOODS)
@pytest.mark.parametrize("exclude", ["same_location", "block"])
def test_no_row_sees_what_is_excluded(neighborhood, exclude):
    X, y = homes(300)
    X[5] = (40.5, -99.5)
    X[6:9] = X[5]
    X[9:12] = X[5] + 1e-7
    together = (X[5] == X).all(axis=1)
    if exclude == "block":
        cells = cw.latlng_to_cell(*X.T, 10)
        together = cells == cells[5]
        assert together.sum() > 7
    lag = SpatialLag(**neighborhood, exclude=exclude, block_level=10)
    Z = lag.fit_transform(X, y)
    sees = SpatialLag(**neighborhood, exclude=exclude, block_level=10, stats="count").fit_transform(X, y)[5] > 0
    sees = np.repeat(sees, 3)
    changed = np.where(together, 1e6 * y - 77, y)
    assert (lag.fit_transform(X, changed)[5, sees] == Z[5, sees]).all()
    assert sees.any()


def test_self_hides_one_row_and_same_location_all_of_a_place():
    X = np.array([[40.0, 7.0]] * 3 + [[40.1, 7.0]] * 9)
    y = np.arange(12.0)
    assert SpatialLag(k=1, stats="mean").fit_transform(X, y)[:3, 0].tolist() == [1, 0, 0]
    apart = SpatialLag(k=1, stats="mean", exclude="same_location").fit_transform(X, y)
    assert apart[:3, 0].tolist() == [3, 3, 3]
    assert (apart[3:, 0] == 0).all()


def test_blocks_hold_across_180_and_at_the_poles():
    """Rows at one place are in one block, whichever way their coordinates are written."""
    X = np.array([[10, 180], [10, -180], [90, 7], [90, 99], *np.random.default_rng(0).uniform((0, 0), (5, 9), (40, 2))])
    y = np.r_[1e6, 1e6, 1e9, 1e9, np.zeros(40)]
    for exclude in ("same_location", "block"):
        Z = SpatialLag(k=1, stats="mean", exclude=exclude, block_level=20).fit_transform(X, y)
        assert Z[0] == Z[1] != 1e6
        assert Z[2] == Z[3] != 1e9


def noise_r2(lag, seed, n=6000, copies=1):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.uniform(40.0, 40.5, n), rng.uniform(-100.5, -100.0, n)])
    if copies > 1:
        X = X[rng.integers(0, n // copies, n)]
    y = rng.standard_normal(n)
    Z = lag.fit_transform(X, y)
    return LinearRegression().fit(Z, y).score(Z, y)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "lag",
    [
        SpatialLag(),
        SpatialLag(k=1),
        SpatialLag(weights="inverse"),
        SpatialLag(exclude="block"),
        SpatialLag(exclude="same_location", weights="gaussian"),
        SpatialLag(radius=(500, 2000)),
        SpatialLag(rings=(0, 1), level=13),
    ],
    ids=str,
)
def test_noise_stays_noise(lag, seed):
    lag = clone(lag)  # parameters outlive the test
    assert noise_r2(lag, seed) <= 0.02
    assert noise_r2(lag, seed, copies=5) <= 0.02


def test_a_leak_would_be_caught():
    class Leaky(SpatialLag):
        def fit_transform(self, X, y):
            return self.fit(X, y).transform(X)

    assert noise_r2(Leaky(k=(4, 16)), 0) > 0.2


@pytest.mark.parametrize("lag", [SpatialLag(k=10**6), SpatialLag(radius=10**8), SpatialLag(rings=3, level=1)], ids=str)
def test_the_mean_of_all_others_does_not_tell(lag):
    """Over all other rows it would be (total - y) / (n - 1), and R2 would be 1."""
    lag = clone(lag)  # parameters outlive the test
    assert np.mean([noise_r2(lag, seed, n=400) for seed in range(5)]) < 0.08


# --- what it is for ---------------------------------------------------------------------------------------------------


def test_it_helps_and_a_leak_hurts():
    rng = np.random.default_rng(0)
    X = rng.uniform((45, 5), (46, 6), (3000, 2))
    y = np.sin(20 * X[:, 0]) * np.cos(20 * X[:, 1]) + 0.5 * rng.standard_normal(3000)
    train, test = slice(0, 2000), slice(2000, None)
    lag = SpatialLag(k=(1, 8), stats="mean")
    honest = Ridge().fit(lag.fit_transform(X[train], y[train]), y[train])
    leaky = Ridge().fit(lag.transform(X[train]), y[train])
    Z = lag.transform(X[test])
    assert Ridge().fit(X[train], y[train]).score(X[test], y[test]) < 0.1
    assert honest.score(Z, y[test]) > 0.35
    assert leaky.score(Z, y[test]) < 0


# --- targets and columns ----------------------------------------------------------------------------------------------


def test_numbers_are_numbers():
    X, _ = homes(100)
    whole = np.arange(100)
    for y in (whole, whole.astype(float), whole.tolist(), pd.Series(whole, dtype="Int64"), pl.Series(whole)):
        lag = SpatialLag(k=3)
        Z = lag.fit_transform(X, y)
        assert (lag.target_type_, lag.classes_) == ("continuous", None)
        assert Z.shape == (100, 3)
    ones = SpatialLag(k=3).fit_transform(X, whole % 2)
    words = SpatialLag(k=3).fit_transform(X, np.where(whole % 2, "yes", "no"))
    np.testing.assert_allclose(ones, words)


@pytest.mark.parametrize(
    "y",
    [
        np.array(["a", "b", "c"] * 20),
        np.array(["a", "b", "c"] * 20, dtype=object),
        pd.Series(["a", "b", "c"] * 20, dtype="category"),
        pl.Series(["a", "b", "c"] * 20),
    ],
)
def test_a_column_for_each_of_many_classes(y):
    X, _ = homes(60)
    lag = SpatialLag(k=4, stats=("mean", "distance"))
    Z = lag.fit_transform(X, y)
    assert lag.target_type_ == "multiclass"
    assert lag.classes_.tolist() == ["a", "b", "c"]
    assert lag.get_feature_names_out().tolist() == [
        "lag_k4_mean_a",
        "lag_k4_mean_b",
        "lag_k4_mean_c",
        "lag_k4_distance",
    ]
    np.testing.assert_allclose(Z[:, :3].sum(axis=1), 1)
    each = [SpatialLag(k=4, stats="mean").fit_transform(X, np.asarray(y) == label) for label in "abc"]
    np.testing.assert_allclose(Z[:, :3], np.hstack(each))


def test_target_type():
    X, _ = homes(60)
    y = np.arange(60) % 3
    assert SpatialLag(target_type="multiclass").fit(X, y).classes_.tolist() == [0, 1, 2]
    assert SpatialLag(target_type="binary").fit(X, y > 0).target_type_ == "binary"
    assert SpatialLag(target_type="continuous").fit(X, y > 0).target_type_ == "continuous"
    assert SpatialLag().fit(X, pd.Series(y, dtype="category")).target_type_ == "multiclass"
    with pytest.raises(ValueError, match="at most two classes"):
        SpatialLag(target_type="binary").fit(X, y)
    with pytest.raises(ValueError, match="y must be numbers with target_type='continuous'"):
        SpatialLag(target_type="continuous").fit(X, y.astype(str))


def test_lags_of_columns():
    X, y = homes(200)
    frame = pd.DataFrame({"lat": X[:, 0], "lng": X[:, 1], "price": y, "y": y**2, "kind": "a"})
    lag = SpatialLag(k=5, of="price", stats=("mean", "std")).fit(frame)
    assert lag.target_type_ is None
    np.testing.assert_array_equal(lag.fit_transform(frame), SpatialLag(k=5, stats=("mean", "std")).fit_transform(X, y))
    both = SpatialLag(k=5, of=["price", "y"])
    Z = both.fit_transform(frame)
    assert both.get_feature_names_out().tolist() == [
        "lag_k5_mean_price",
        "lag_k5_mean_y",
        "lag_k5_std_price",
        "lag_k5_std_y",
        "lag_k5_distance",
    ]
    np.testing.assert_array_equal(Z[:, [0, 2]], lag.fit_transform(frame))
    matrix = frame.drop(columns="kind").to_numpy()
    np.testing.assert_array_equal(SpatialLag(k=5, of=(2, -1)).fit_transform(matrix), Z)
    assert SpatialLag(k=5, of=2).fit(matrix).get_feature_names_out()[0] == "lag_k5_mean_x2"


def test_missing_values_of_columns_are_left_out():
    X, y = homes(200)
    gone = np.random.default_rng(0).random(200) < 0.5
    some = np.column_stack([X, np.where(gone, np.nan, y)])
    for weights in (None, "gaussian"):
        lag = SpatialLag(k=6, of=2, stats=("mean", "std"), weights=weights)
        Z = lag.fit_transform(some)
        index = lag.index_
        rows, arcs = index.nearest(*X.T, 6, exclude_row=np.arange(200))
        for z, neighbors, away in zip(Z, rows, arcs):
            kept = ~gone[neighbors]
            if not kept.any():
                assert (z == lag.fill_).all()
                continue
            weight = np.exp(-((away / (away.max() / 2)) ** 2) / 2)[kept] if weights and away.max() else None
            mean = np.average(y[neighbors][kept], weights=weight)
            assert z[0] == pytest.approx(mean)
            assert z[1] ** 2 == pytest.approx(np.average((y[neighbors][kept] - mean) ** 2, weights=weight), abs=1e-12)
    none = np.column_stack([X, np.full(200, np.nan)])
    assert (SpatialLag(k=3, of=2, stats=("mean", "std")).fit_transform(none) == 0).all()


# --- missing and invalid places ---------------------------------------------------------------------------------------


def test_missing_rows_are_nobodys_neighbors_and_get_the_fill():
    X, y = homes(100)
    gone = X.copy()
    gone[::7] = np.nan
    lag, has = SpatialLag(k=4), ~np.isnan(gone[:, 0])
    Z = lag.fit_transform(gone, y)
    assert (Z[~has] == lag.fill_).all()
    np.testing.assert_array_equal(Z[has], SpatialLag(k=4).fit_transform(X[has], y[has]))
    changed = np.where(has, y, 1e9)
    np.testing.assert_array_equal(SpatialLag(k=4).fit_transform(gone, changed), Z)
    assert (lag.transform([[np.nan, 1.0]]) == lag.fill_).all()
    assert (lag.transform_one(None, 3.0) == lag.fill_).all()


def test_invalid_rows_warn_once():
    X, y = homes(50)
    X[3] = (95, 0)
    with pytest.warns(InvalidCoordinatesWarning) as warned:
        SpatialLag(k=4).fit_transform(X, y)
    assert len(warned) == 1
    with pytest.raises(ValueError, match="lat must be"):
        SpatialLag(k=4, on_invalid="raise").fit(X, y)
    lag = SpatialLag(k=4, on_invalid="null").fit(X, y)
    assert (lag.transform_one(95, 0) == lag.fill_).all()


def test_no_place_at_all_and_one_row():
    y = np.array([1.0, 2, 6])
    lag = SpatialLag(k=2, stats=("mean", "std", "distance", "count"))
    assert lag.fit_transform(np.full((3, 2), np.nan), y)[0].tolist() == [3, y.std(), 0, 0]
    assert lag.transform([[0.0, 0.0]])[0].tolist() == [3, y.std(), 0, 0]
    assert lag.fit_transform([[1.0, 2.0]], [5.0])[0].tolist() == [5, 0, 0, 0]
    assert lag.transform([[1.0, 2.0]])[0].tolist() == [5, 0, 0, 1]
    crowd = SpatialLag(k=2, exclude="block", block_level=3).fit_transform(homes(20)[0], np.arange(20.0))
    assert (crowd == [9.5, np.arange(20).std(), 0]).all()


def test_cells_in_place_of_coordinates():
    X, y = homes(200)
    cells = cw.latlng_to_cell(*X.T, 16)
    at_centers = np.column_stack(cw.cell_to_latlng(cells))
    expected = SpatialLag(k=4).fit_transform(at_centers, y)
    frame = pd.DataFrame({"cell": cells, "rooms": 1.0})
    np.testing.assert_array_equal(SpatialLag(k=4, cell="cell").fit_transform(frame, y), expected)
    np.testing.assert_array_equal(SpatialLag(k=4).fit_transform(frame["cell"], y), expected)
    missing = frame.assign(cell=np.where(np.arange(200) == 3, 0, cells).astype(np.uint64))
    lag = SpatialLag(k=4, cell="cell")
    assert (lag.fit_transform(missing, y)[3] == lag.fill_).all()


# --- parameters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"k": 0}, ValueError, "k must be at least 1"),
        ({"k": (4, 2.5)}, TypeError, "k must be an integer: got float 2.5"),
        ({"k": ()}, ValueError, "k must not be empty"),
        ({"k": "4"}, TypeError, "k must be an integer"),
        ({"k": None}, TypeError, "k must be an integer"),
        ({"radius": 0}, ValueError, "radius must be greater than 0: got 0"),
        ({"radius": (5, -1)}, ValueError, "radius must be greater than 0: got -1"),
        ({"radius": np.inf}, ValueError, "radius must be finite"),
        ({"radius": "far"}, TypeError, "radius must be a number"),
        ({"radius": 5, "rings": 1, "level": 3}, ValueError, "radius must be None where rings is given: got 5"),
        ({"rings": 1}, ValueError, "rings and level must be given together: got rings=1, level=None"),
        ({"level": 3}, ValueError, "rings and level must be given together"),
        ({"rings": -1, "level": 3}, ValueError, "rings must be in 0..1000: got -1"),
        ({"rings": 1, "level": 31}, ValueError, "level must be in 0..30: got 31"),
        ({"unit": "miles"}, ValueError, "unit must be one of"),
        ({"stats": "median"}, ValueError, "stats must be one of 'mean', 'std', 'distance', 'count': got 'median'"),
        ({"stats": ()}, ValueError, "stats must not be empty"),
        ({"weights": "near"}, ValueError, "weights must be one of 'inverse', 'gaussian': got 'near'"),
        ({"exclude": None}, ValueError, "exclude must be one of 'self', 'same_location', 'block': got None"),
        ({"block_level": 31}, ValueError, "block_level must be in 0..30"),
        ({"block_level": "fine"}, ValueError, "block_level must be 'auto' or an integer in 0..30"),
        ({"target_type": "number"}, ValueError, "target_type must be one of"),
        ({"of": "price"}, ValueError, "of must be a position where columns have no names: got 'price'"),
        ({"of": 2}, ValueError, "of must be a column in -2..1: got 2"),
        ({"of": ()}, ValueError, "of must not be empty"),
        ({"of": 1.5}, TypeError, "of must be the name or position of a column"),
        ({"on_invalid": "drop"}, ValueError, "on_invalid must be one of"),
    ],
)
def test_parameters_that_cannot_be_meant(params, error, words):
    X, y = homes(9)
    with pytest.raises(error) as why:
        SpatialLag(**params).fit(X, y)
    assert words in str(why.value), str(why.value)


def test_columns_must_be_finite():
    X = np.column_stack([homes(5)[0], [1, 2, np.inf, 3, 4]])
    with pytest.raises(ValueError, match="column x2 must be finite or missing: got inf at index 2"):
        SpatialLag(of=2).fit(X)


def test_k_gives_way_to_radius_and_rings():
    X, y = homes(80)
    assert SpatialLag(radius=(2000, 500, 500)).fit(X, y).get_feature_names_out().tolist() == [
        f"lag_r{radius}m_{statistic}" for radius in (500, 2000) for statistic in ("mean", "std", "distance")
    ]
    assert SpatialLag(radius=0.5, unit="km", stats="mean").fit(X, y).get_feature_names_out() == ["lag_r0.5km_mean"]
    assert SpatialLag(rings=(1, 0), level=9, stats="count").fit(X, y).get_feature_names_out().tolist() == [
        "lag_L9_ring0_count",
        "lag_L9_ring1_count",
    ]


def test_names():
    X, y = homes(30)
    frame = pd.DataFrame(X, columns=["lat", "lng"])
    lag = SpatialLag((16, 4), stats=("distance", "mean")).fit(frame, y)
    names = ["lag_k4_distance", "lag_k4_mean", "lag_k16_distance", "lag_k16_mean"]
    assert lag.get_feature_names_out().dtype == object
    assert lag.get_feature_names_out().tolist() == names
    assert lag.get_feature_names_out(["lat", "lng"]).tolist() == names
    with pytest.raises(ValueError, match="input_features is not equal"):
        lag.get_feature_names_out(["lng", "lat"])


def test_auto_block_level_is_that_of_the_splitters():
    X, y = homes(500)
    lag = SpatialLag(k=4, exclude="block").fit(X, y)
    blocks = cw.features.CellBlockKFold(5).blocks(X)
    assert (cw.cell_level(blocks) == lag.block_level_).all()
    assert SpatialLag(k=4).fit(X, y).block_level_ is None


def test_unfitted():
    lag = SpatialLag()
    for call in (
        lambda: lag.transform(homes(3)[0]),
        lambda: lag.transform_one(0, 0),
        lag.get_feature_names_out,
        lag.to_dict,
    ):
        with pytest.raises(NotFittedError):
            call()


# --- among other tools ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("library", "frame"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_set_output(library, frame):
    X, y = homes(40)
    lag = SpatialLag(k=2).set_output(transform=library)
    for Z in (lag.fit_transform(X, y), lag.transform(X)):
        assert isinstance(Z, frame)
        assert list(Z.columns) == lag.get_feature_names_out().tolist()
    given = pd.DataFrame(X, columns=["lat", "lng"], index=np.arange(40) + 7)
    if library == "pandas":
        assert lag.fit_transform(given, y).index.tolist() == given.index.tolist()
    with config_context(transform_output=library):
        assert isinstance(SpatialLag(k=2).fit_transform(X, y), frame)


def test_pipeline_column_transformer_and_grid_search():
    X, y = homes(300)
    frame = pd.DataFrame({"rooms": np.arange(300.0), "latitude": X[:, 0], "longitude": X[:, 1]})
    model = make_pipeline(
        ColumnTransformer(
            [("lag", SpatialLag(k=4), ["latitude", "longitude"]), ("rooms", StandardScaler(), ["rooms"])],
            verbose_feature_names_out=False,
        ),
        Ridge(),
    )
    search = GridSearchCV(
        model,
        {"columntransformer__lag__k": [2, (4, 16)], "columntransformer__lag__exclude": ["self", "block"]},
        cv=3,
        n_jobs=2,
    ).fit(frame, y)
    assert search.best_score_ > 0
    names = search.best_estimator_[0].get_feature_names_out()
    assert "rooms" in names
    with config_context(enable_metadata_routing=True):
        model.fit(frame, y)


def test_frames_arrays_and_lists_agree():
    X, y = homes(60)
    expected = SpatialLag(k=3).fit_transform(X, y)
    frame = pd.DataFrame({"price": 1.0, "LNG": X[:, 1], "Lat": X[:, 0]})
    lag = SpatialLag(k=3)
    for form in (frame, pl.from_pandas(frame), X.tolist(), np.asfortranarray(X), X.astype(object)):
        np.testing.assert_array_equal(lag.fit_transform(form, y), expected)
    readonly = X.copy()
    readonly.flags.writeable = False
    np.testing.assert_array_equal(lag.fit_transform(readonly, y), expected)
    small = X.astype(np.float32)
    np.testing.assert_array_equal(lag.fit_transform(small, y), lag.fit_transform(small.astype(float), y))
    with pytest.raises(ValueError, match="lat must be no column of longitudes"):
        SpatialLag(lat=1, lng=2).fit(frame, y)


def test_clone_and_pickle():
    X, y = homes(500)
    lag = SpatialLag(k=(2, 5), exclude="block", weights="inverse", block_level=11).fit(X, y)
    again = pickle.loads(pickle.dumps(lag))
    np.testing.assert_array_equal(again.transform(X), lag.transform(X))
    assert again.get_feature_names_out().tolist() == lag.get_feature_names_out().tolist()
    assert len(pickle.dumps(lag)) < 3 * 8 * 500 + 2500
    np.testing.assert_array_equal(clone(lag).fit_transform(X, y), lag.fit_transform(X, y))


@pytest.mark.parametrize(
    "lag",
    [
        SpatialLag(k=(1, 5)),
        SpatialLag(radius=2000, weights="gaussian", stats=("count", "mean")),
        SpatialLag(rings=1, level=11),
        SpatialLag(k=500, weights="inverse"),
    ],
    ids=str,
)
def test_transform_one_is_a_row_of_transform(lag):
    lag = clone(lag)  # parameters outlive the test
    X, y = homes(200)
    lag.fit(X, y)
    rows = np.vstack([homes(20, 3)[0], X[:5], [[90, 5], [-12, 180], [-12, -180], [0, 360]]])
    for row, z in zip(rows, lag.transform(rows)):
        assert lag.transform_one(*row).tolist() == z.tolist()


def test_fit_is_idempotent_and_transform_leaves_no_trace():
    X, y = homes(100)
    lag = SpatialLag(k=3)
    first = lag.fit_transform(X, y)
    lag.transform(X[:7])
    np.testing.assert_array_equal(lag.fit_transform(X, y), first)
    np.testing.assert_array_equal(lag.fit(X, y).fill_, SpatialLag(k=3).fit(X, y).fill_)
    assert lag.transform(X[:0]).shape == (0, 3)


def test_memory_is_bounded():
    X, y = homes(40_000)
    bound = 12e6 if cw.backend() == "native" else 80e6
    # all neighbors at once: 41 and 160 MB in rows alone
    for lag in (SpatialLag(k=(4, 64)), SpatialLag(radius=2000), SpatialLag(k=4, stats="mean")):
        lag.fit(X[:100], y[:100])
        tracemalloc.start()
        Z = lag.fit_transform(X, y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < bound + 3 * Z.nbytes


# --- saving -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lag",
    [
        SpatialLag(),
        SpatialLag(k=3, exclude="block", weights="gaussian"),
        SpatialLag(radius=(500.0, 5000.0), unit="m", stats=("mean", "count")),
        SpatialLag(rings=(0, 2), level=11, exclude="same_location"),
        SpatialLag(of=(2,)),
        SpatialLag(target_type="multiclass"),
    ],
    ids=str,
)
def test_to_dict_and_back(lag):
    lag = clone(lag)  # parameters outlive the test
    X, y = homes(150)
    X = np.column_stack([X, np.where(y > 0, y, np.nan)])
    y = np.round(np.abs(y))
    lag.fit(X, y)
    saved = json.loads(json.dumps(lag.to_dict(), allow_nan=False))
    again = SpatialLag.from_dict(saved)
    assert again.get_params() == lag.get_params()
    new = np.column_stack([homes(20, 1)[0], np.zeros(20)])
    np.testing.assert_array_equal(again.transform(new), lag.transform(new))
    assert again.get_feature_names_out().tolist() == lag.get_feature_names_out().tolist()
    assert (again.target_type_, again.block_level_, again.largest_) == (
        lag.target_type_,
        lag.block_level_,
        lag.largest_,
    )
    assert again.to_dict() == lag.to_dict()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("state", "lat"), [1.0], "lng must have 1 items"),
        (("state", "lat", 0), 91.0, "lat must be in -90..90"),
        (("state", "lat", 0), None, "lat must be a list of finite numbers"),
        (("state", "lat", 0), 1 << 1024, "lat must be a list of finite numbers"),
        (("state", "lat", 0), True, "lat must be a list of finite numbers"),
        (("state", "lng", 0), "1", "lng must be a list of finite numbers"),
        (("state", "values"), [], "values must have 1 items"),
        (("state", "values", 0), [1.0], "values must have 9 items"),
        (("state", "values", 0, 0), float("inf"), "values must be a list of finite numbers"),
        (("state", "labels"), [], "labels must hold at least one label"),
        (("state", "labels"), [3], "labels must be a list of str"),
        (("state", "fill"), [1.0], "fill must have 3 items"),
        (("state", "fill", 0), float("nan"), "fill must be a list of finite numbers"),
        (("state", "target_type"), "guess", "target_type must be one of"),
        (("state", "classes"), ["a"], "classes must be None for target_type 'continuous': got list"),
        (("state", "block_level"), 31, "block_level must be in 0..30"),
        (("state",), {}, "state must have the keys"),
        (("params", "k"), 0, "k must be at least 1"),
        (("params", "stats"), ["median"], "stats must be one of"),
        (("columns_in",), [0, 5], "columns_in"),
        (("format_version",), "2.0", "format_version"),
    ],
    ids=lambda x: ".".join(map(str, x)) if isinstance(x, tuple) else "",
)
def test_from_dict_checks_everything(path, value, words):
    X, y = homes(9)
    saved = SpatialLag(k=2).fit(X, y).to_dict()
    part = saved
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(ValueError) as why:
        SpatialLag.from_dict(saved)
    assert words in str(why.value), str(why.value)
