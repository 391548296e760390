"""CellCounts: counts against brute force, parameters, and life among other tools."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import cellwise as cw
from cellwise.errors import InvalidCoordinatesWarning
from cellwise.features import CellCounts, CellEncoder
from cellwise.features import _cell_counts as module
from cellwise.inputs import canonical_latlng


@pytest.mark.filterwarnings("ignore::cellwise.errors.InvalidCoordinatesWarning")
@parametrize_with_checks(
    [
        CellCounts(),
        CellCounts((3, 8), rings=(0, 1, 2), log=False),
        CellCounts(12, rings=1, normalize="area"),
    ]
)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


def city(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack((rng.normal(40.7, 0.05, n), rng.normal(-74.0, 0.05, n)))


unhurried = settings(deadline=None)
positions = st.lists(
    st.tuples(
        st.sampled_from((-90.0, -30.2, -30.1, -30.0, -29.99, 0.0, 35.2, 45.0, 90.0)),
        st.sampled_from((-180.0, -51.2, -51.1, -51.09, 0.0, 0.1, 45.0, 135.0, 180.0)),
    ),
    min_size=1,
    max_size=25,
).map(np.array)
some_levels = st.sets(st.sampled_from((0, 1, 3, 9, 12, 30)), min_size=1, max_size=3).map(sorted)
some_rings = st.sets(st.integers(0, 3), min_size=1, max_size=3).map(sorted)


def leaves_at(X):
    return cw.latlng_to_cell(*canonical_latlng(*X.T), on_invalid="null")


@unhurried
@given(positions, positions, some_levels, some_rings)
def test_rows_within_the_disk(X, others, levels, rings):
    counter = CellCounts(levels, rings=rings, log=False).fit(X)
    assert counter.levels_ == tuple(levels)
    assert counter.rings_ == tuple(rings)
    for rows in (X, others):
        rows = np.vstack((rows, [(np.nan, 0.0)]))
        Z = counter.transform(rows)
        assert Z.shape == (len(rows), len(levels) * len(rings))
        k = 0
        for level in levels:
            at = cw.cell_parent(leaves_at(X), level)
            for ring in rings:
                own = cw.cell_parent(leaves_at(rows), level)
                expected = [np.isin(at, cw.cell_disk(cell, ring)).sum() if cell else 0 for cell in own.tolist()]
                assert Z[:, k].tolist() == expected
                k += 1
        assert np.array([counter.transform_one(*row) for row in rows]).tolist() == Z.tolist()
        for params in ({}, {"normalize": "area"}):
            other = CellCounts(levels, rings=rings, **params).fit(X)
            assert np.allclose([other.transform_one(*row) for row in rows], other.transform(rows), rtol=1e-12)


@unhurried
@given(positions, some_levels, some_rings)
def test_logarithms_and_densities(X, levels, rings):
    counts = CellCounts(levels, rings=rings, log=False).fit_transform(X)
    assert (CellCounts(levels, rings=rings).fit_transform(X) == np.log1p(counts)).all()
    density = CellCounts(levels, rings=rings, log=False, normalize="area").fit_transform(X)
    logs = CellCounts(levels, rings=rings, normalize="area").fit_transform(X)
    assert np.allclose(np.log1p(density), logs)
    area = [
        [
            cw.cell_area(cw.cell_disk(cw.cell_parent(leaf, level), ring), unit="km2").sum()
            for level in levels
            for ring in rings
        ]
        for leaf in leaves_at(X).tolist()
    ]
    assert np.allclose(density * area, counts, rtol=1e-9)


@unhurried
@given(positions, some_levels, some_rings)
def test_laws(X, levels, rings):
    counter = CellCounts(levels, rings=rings, log=False)
    Z = counter.fit_transform(X)
    assert (counter.transform(X) == Z).all()
    assert (Z >= 1).all()  # a row counts itself
    by_level = Z.reshape(len(X), len(levels), len(rings))
    assert (np.diff(by_level, axis=2) >= 0).all()  # more steps, more rows
    assert (np.diff(by_level, axis=1) <= 0).all()  # finer cells, fewer rows
    assert [counts.sum() for counts in counter.counts_] == [len(X)] * len(levels)
    assert (CellCounts(levels, rings=rings, log=False).fit(X[::-1]).transform(X) == Z).all()
    twice = CellCounts(levels, rings=rings, log=False).fit(np.vstack((X, X))).transform(X)
    assert (twice == 2 * Z).all()


@pytest.mark.both_backends
def test_both_backends_agree():
    X = city(300)
    Z = CellCounts((8, 11), rings=(0, 1)).fit_transform(X)
    with cw.testing.use(backend="numpy"):
        assert (CellCounts((8, 11), rings=(0, 1)).fit_transform(X) == Z).all()


def test_counting_in_pieces_changes_nothing(monkeypatch):
    X = city(500)
    counter = CellCounts((10, 14), rings=(0, 2), normalize="area").fit(X)
    whole = counter.transform(X)
    monkeypatch.setattr(module, "CHUNK", 30)
    assert np.allclose(counter.transform(X), whole, rtol=1e-12)


def test_auto_levels_are_those_of_the_encoder():
    X = city(2_000)
    assert CellCounts().fit(X).levels_ == CellEncoder().fit(X).levels_


def test_around_the_corner_of_the_cube_a_ring_has_seven():
    corner = np.uint64(cw.token_to_cell("04"))
    X = np.column_stack(cw.cell_to_latlng(np.append(cw.cell_all_neighbors(corner), corner)))
    assert CellCounts(1, rings=(0, 1), log=False).fit_transform(X)[-1].tolist() == [1, 8]


def test_density_tells_the_town_from_the_country():
    """A price that depends on how crowded a place is, in towns spread over a country: trees learn it from counts."""
    rng = np.random.default_rng(0)
    towns = rng.uniform((44, 0), (52, 12), (120, 2))
    X = np.vstack([at + 0.03 * rng.standard_normal((k, 2)) for at, k in zip(towns, rng.geometric(0.05, 120))])
    log_size = CellCounts(9, rings=1).fit_transform(X).ravel()
    y = log_size + 0.3 * rng.standard_normal(len(X))
    folds = KFold(3, shuffle=True, random_state=0)
    model = make_pipeline(CellCounts(), HistGradientBoostingRegressor(max_iter=50))
    assert cross_val_score(model, X, y, cv=folds).mean() > 0.6
    plain = HistGradientBoostingRegressor(max_iter=50)
    assert cross_val_score(plain, X, y, cv=folds).mean() < cross_val_score(model, X, y, cv=folds).mean()


# --- missing, invalid, cells ------------------------------------------------------------------------------------------


def test_missing_rows_have_counts_of_zero_in_silence():
    X = city(50)
    X[[0, 7]] = np.nan
    counter = CellCounts((4, 8), rings=(0, 1), on_invalid="raise")
    Z = counter.fit_transform(X)
    assert np.flatnonzero((Z == 0).all(axis=1)).tolist() == [0, 7]
    assert [counts.sum() for counts in counter.counts_] == [48, 48]
    assert counter.transform_one(None, 0.0).tolist() == counter.transform_one(0.0, np.nan).tolist() == [0] * 4


def test_no_row_has_a_place():
    for rings in (0, 1):
        counter = CellCounts((4, 8), rings=rings).fit(np.full((3, 2), np.nan))
        assert counter.transform(city(5)).tolist() == [[0, 0]] * 5
        assert counter.transform_one(40.7, -74.0).tolist() == [0, 0]


def test_invalid_rows():
    X = np.vstack((city(50), [(95.0, 0.0), (0.0, np.inf)]))
    with pytest.warns(InvalidCoordinatesWarning):
        counter = CellCounts(4, log=False).fit(X)
    with pytest.warns(InvalidCoordinatesWarning):
        assert counter.transform_one(95.0, 0.0).tolist() == [0]
    assert CellCounts(4, log=False, on_invalid="null").fit_transform(X)[-2:].tolist() == [[0], [0]]
    with pytest.raises(ValueError, match="lat must be"):
        CellCounts(4, on_invalid="raise").fit(X)


def test_rows_may_be_cells():
    X = city(100)
    leaves = leaves_at(X)
    expected = CellCounts((8, 12), rings=(0, 1)).fit_transform(X)
    frame = pd.DataFrame({"rooms": 1.5, "home": leaves})
    for rows, params in ((frame, {"cell": "home"}), (frame["home"], {}), (pl.from_pandas(frame), {"cell": 1})):
        assert (CellCounts((8, 12), rings=(0, 1), **params).fit_transform(rows) == expected).all()
    coarse = np.append(leaves[:3], cw.cell_parent(leaves[0], 10))[:, None]
    Z = CellCounts((8, 12), cell=0, log=False).fit_transform(coarse)
    assert Z[-1, 0] >= 2
    assert Z[-1, 1] == 0


# --- parameters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"levels": 31}, ValueError, "levels must be in 0..30: got 31"),
        ({"levels": "best"}, ValueError, "levels must be 'auto', a level or a sequence of levels: got 'best'"),
        ({"levels": ()}, ValueError, "levels must hold at least one level: got none"),
        ({"rings": -1}, ValueError, "rings must be at least 0"),
        ({"rings": (0, 1.5)}, TypeError, "rings must be an integer: got float 1.5"),
        ({"rings": ()}, ValueError, "rings must hold at least one number: got none"),
        ({"rings": None}, TypeError, "rings must be an integer or a sequence of integers: got None"),
        ({"log": "yes"}, TypeError, "log must be True or False: got 'yes'"),
        ({"normalize": "max"}, ValueError, "normalize must be None or 'area': got 'max'"),
        ({"normalize": True}, ValueError, "normalize must be None or 'area': got True"),
        ({"on_invalid": "fix"}, ValueError, "on_invalid must be one of 'raise', 'warn', 'null': got 'fix'"),
    ],
)
def test_parameters_that_cannot_be_meant(params, error, words):
    with pytest.raises(error) as why:
        CellCounts(**params).fit(city(9))
    assert words in str(why.value), str(why.value)


def test_parameters_are_keywords():
    with pytest.raises(TypeError):
        CellCounts(12, (0,))


def test_unfitted():
    counter = CellCounts()
    calls = (
        lambda: counter.transform(city(3)),
        lambda: counter.transform_one(0, 0),
        counter.get_feature_names_out,
        counter.to_dict,
    )
    for call in calls:
        with pytest.raises(NotFittedError):
            call()


@pytest.mark.parametrize("rings", [1, np.int64(1), [1], np.array([1, 1]), range(1, 2), {1}])
def test_forms_of_rings(rings):
    assert CellCounts(8, rings=rings).fit(city(9)).rings_ == (1,)


# --- output and other tools -------------------------------------------------------------------------------------------


def test_names():
    X = pd.DataFrame(city(9), columns=["lat", "lng"])
    counter = CellCounts((10, 4), rings=(1, 0)).fit(X)
    names = counter.get_feature_names_out(["lat", "lng"])
    assert names.dtype == object
    assert names.tolist() == ["s2_L4_count", "s2_L4_ring1_count", "s2_L10_count", "s2_L10_ring1_count"]
    assert CellCounts(4, rings=2, normalize="area").fit(X).get_feature_names_out().tolist() == ["s2_L4_ring2_density"]
    with pytest.raises(ValueError, match="input_features is not equal"):
        counter.get_feature_names_out(["lng", "lat"])


@pytest.mark.parametrize(("library", "frame"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_set_output(library, frame):
    X = pd.DataFrame(city(20), columns=["lat", "lng"], index=range(5, 25))
    counter = CellCounts((4, 8)).set_output(transform=library)
    for Z in (counter.fit_transform(X), counter.transform(X)):
        assert isinstance(Z, frame)
        assert list(Z.columns) == counter.get_feature_names_out().tolist()
    if library == "pandas":
        assert Z.index.tolist() == X.index.tolist()


def test_column_transformer_and_grid_search():
    X = pd.DataFrame(city(200), columns=["latitude", "longitude"])
    X["rooms"] = np.arange(200) % 5
    y = CellCounts(11).fit_transform(X[["latitude", "longitude"]]).ravel() + X["rooms"]
    columns = ColumnTransformer(
        [("density", CellCounts(), ["latitude", "longitude"]), ("rest", StandardScaler(), ["rooms"])]
    )
    grid = {"columntransformer__density__levels": ["auto", 11], "columntransformer__density__rings": [0, (0, 1)]}
    search = GridSearchCV(make_pipeline(columns, Ridge()), grid, cv=3, n_jobs=1).fit(X, y)
    assert search.best_score_ > 0.9
    assert search.best_estimator_[0].get_feature_names_out()[0].startswith("density__s2_L")
    assert "CellCounts" in search.best_estimator_._repr_html_()


def test_frames_arrays_and_lists_agree():
    X = pd.DataFrame(city(60), columns=["latitude", "longitude"])
    X["rooms"] = "many"
    expected = CellCounts((8, 12)).fit_transform(X[["latitude", "longitude"]].to_numpy())
    for rows, params in (
        (X, {}),
        (X[["rooms", "longitude", "latitude"]], {"lat": 2, "lng": "longitude"}),
        (pl.from_pandas(X), {}),
        (X[["latitude", "longitude"]].to_numpy().tolist(), {}),
    ):
        counter = CellCounts((8, 12), **params)
        assert (counter.fit_transform(rows) == expected).all()
        assert (counter.transform(rows) == expected).all()


def test_float32_and_read_only_input():
    X = city(60).astype(np.float32)
    X.flags.writeable = False
    for order in "CF":
        Z = CellCounts((8, 12)).fit_transform(np.asarray(X, order=order))
        assert (CellCounts((8, 12)).fit_transform(X.astype(np.float64)) == Z).all()


def test_clone_and_pickle():
    counter = CellCounts((8, 12), rings=(0, 1)).fit(city(2_000))
    assert clone(counter).get_params() == counter.get_params()
    assert not hasattr(clone(counter), "cells_")
    data = pickle.dumps(counter)
    assert len(data) < 1_500 + 24 * sum(
        len(cells) for cells in counter.cells_
    )  # ids twice: as levels, and as what is looked up
    assert (pickle.loads(data).transform(city(50, 1)) == counter.transform(city(50, 1))).all()


def test_fit_is_idempotent():
    levels = [12, 8]
    counter = CellCounts(levels, rings=[1, 0])
    first = counter.fit_transform(city(60))
    counter.fit(city(5, 1))
    assert (counter.fit_transform(city(60)) == first).all()
    assert levels == [12, 8]
    assert counter.rings == [1, 0]


def test_transform_in_threads():
    counter, X = CellCounts(rings=(0, 1)).fit(city(1_000)), city(1_000, 1)
    expected = counter.transform(X)
    with ThreadPoolExecutor(4) as pool:
        assert all((expected == Z).all() for Z in pool.map(lambda _: counter.transform(X), range(8)))


@pytest.mark.parametrize(
    "counter",
    [
        CellCounts(),
        CellCounts(np.array([8, 12]), rings=range(2), log=False, lat=0, lng=1),
        CellCounts(12, rings=np.int64(1), normalize="area", on_invalid="null"),
    ],
)
def test_to_dict_and_back(counter):
    counter.fit(city(200))
    saved = json.loads(json.dumps(counter.to_dict()))
    back = CellCounts.from_dict(saved)
    assert (back.transform(city(50, 1)) == counter.transform(city(50, 1))).all()
    assert back.get_feature_names_out().tolist() == counter.get_feature_names_out().tolist()
    assert back.to_dict() == saved
    assert (clone(back).fit_transform(city(200)) == counter.transform(city(200))).all()


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("levels", [31, 8], "levels must be in 0..30: got 31"),
        ("levels", [1], "cells must have 1 items: got 2"),
        ("cells", [["X"], []], "cells must hold no missing cell"),
        ("cells", [["14"], ["14"]], "cells must be distinct, sorted and of their level"),
        ("cells", [["3", "1"], []], "cells must be distinct, sorted and of their level"),
        ("cells", ["1", "14"], "cells must be a list of list"),
        ("counts", [[1], []], "counts must have 1 items: got 0"),
        ("counts", [[0], [1]], "counts must be 1 or more"),
        ("counts", [[2**63], [1]], "counts must be 1 or more and fit in 64 bits"),
        ("more", 1, "state must have the keys levels, cells, counts"),
    ],
)
def test_from_dict_checks_the_state(key, value, words):
    saved = CellCounts((0, 1)).fit([[0.1, 0.1]]).to_dict()
    saved["state"][key] = value
    with pytest.raises(ValueError) as why:
        CellCounts.from_dict(saved)
    assert words in str(why.value), str(why.value)
