"""What holds for every transformer alike: the same place however it is written, and scikit-learn's machinery."""

import json
import pickle
import pkgutil
import re
import tracemalloc
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

import cellwise as cw
from cellwise import features
from cellwise.features import (
    AdaptiveCells,
    CellBlockKFold,
    CellBlockShuffleSplit,
    CellCounts,
    CellEncoder,
    CellTargetEncoder,
    LeaveOneCellOut,
    SpatialLag,
)
from cellwise.features._base import CellTransformer

TRANSFORMERS = [
    CellEncoder(levels=(3, 8), sparse_output=False),
    CellEncoder(levels=(3, 8), handle_unknown="ignore", sparse_output=False),
    CellTargetEncoder(levels=(3, 8)),
    CellTargetEncoder(levels=(3, 8), crossfit="block", block_level=6),
    AdaptiveCells(max_count=20, sparse_output=False),
    AdaptiveCells(max_count=20, output="ordinal"),
    AdaptiveCells(criterion="variance", sparse_output=False),
    CellCounts(levels=(3, 8)),
    CellCounts(levels=(3, 8), rings=(0, 1)),
    SpatialLag(k=(1, 5)),
    SpatialLag(k=(1, 5), exclude="block", block_level=6),
    SpatialLag(radius=200, unit="km", exclude="same_location"),
    SpatialLag(of="income", stats="mean"),
]

every = pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)


def homes(n=300, seed=0, lng=(-125, -115)):
    """Rows with coordinates and an income, and a price that depends on both."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"lat": rng.uniform(32, 42, n), "lng": rng.uniform(*lng, n), "income": rng.standard_normal(n)})
    return X, np.sin(X["lat"]).to_numpy() + X["income"].to_numpy() + 0.1 * rng.standard_normal(n)


# --- the places that a new encoder is added to ------------------------------------------------------------------------


def transformers_in_modules():
    """Every transformer that a module of features defines."""
    modules = [import_module(f"cellwise.features.{module.name}") for module in pkgutil.iter_modules(features.__path__)]
    things = [thing for module in modules for thing in vars(module).values() if isinstance(thing, type)]
    return {thing for thing in things if issubclass(thing, CellTransformer) and thing is not CellTransformer}


def test_every_transformer_is_public():
    assert {getattr(features, thing.__name__, None) for thing in transformers_in_modules()} == transformers_in_modules()


def test_public_names_are_those_of_the_modules():
    modules = [import_module(f"cellwise.features.{module.name}") for module in pkgutil.iter_modules(features.__path__)]
    named = [name for module in modules for name in getattr(module, "__all__", ())]
    assert sorted(named) == features.__all__


def test_every_transformer_is_tested_here():
    assert transformers_in_modules() == {type(transformer) for transformer in TRANSFORMERS}


def test_every_transformer_is_on_the_page_of_features():
    page = Path(features.__file__).parents[3] / "docs" / "features.md"
    rows = re.findall(r"^\| `(\w+)` \|", page.read_text().partition("## ")[0], re.MULTILINE)
    assert rows == sorted(thing.__name__ for thing in transformers_in_modules())


NAMES = {
    "where": {"lat", "lng", "cell", "on_invalid"},
    "which cells": {"levels", "level", "min_level", "max_level", "covering", "rings", "max_count", "min_frequency"},
    "which columns": {"max_features", "rollup", "handle_unknown", "small_cells", "output", "stats", "add_support"},
    "in what form": {"sparse_output", "dtype", "log", "normalize", "unit"},
    "of y": {"target_type", "criterion", "smooth", "prior", "of"},
    "from which rows": {"crossfit", "cv", "block_level", "exclude", "random_state", "k", "radius", "weights"},
}


@every
def test_parameters_have_one_name_in_all_encoders(transformer):
    """A new name is added here once no other encoder has a name for the same thing."""
    assert set(transformer.get_params()) <= set().union(*NAMES.values())
    assert NAMES["where"] <= set(transformer.get_params())


@every
def test_parameters_are_checked_in_transform_too(transformer):
    X, y = homes(40)
    transformer = clone(transformer).fit(X, y).set_params(on_invalid="drop")
    rule = "on_invalid must be one of 'raise', 'warn', 'null': got 'drop'"
    for ask in (lambda: transformer.transform("no table"), lambda: transformer.transform_one(40.0, -120.0)):
        with pytest.raises(ValueError, match=rule):
            ask()
    with pytest.raises(TypeError, match="lat must be the name or position of a column: got 1.5"):
        transformer.set_params(on_invalid="null", lat=1.5, lng=0).transform("no table")
    with pytest.raises(ValueError, match="cell must be given without lat and lng"):
        transformer.set_params(lat=0, lng=1, cell=2).transform("no table")


# --- one place, written in several ways -------------------------------------------------------------------------------

SAME = [(-180.0, 180.0), (-179.5, 180.5), (-360.0, 0.0), (185.0, -175.0), (-225.0, 135.0)]


def turned(X, rng):
    """The same places with longitudes written by another turn, where there is another."""
    lng = X["lng"].to_numpy()
    other = np.where(lng > 0, lng - 360, lng + 360)
    return X.assign(lng=np.where(rng.random(len(X)) < 0.5, lng, other))


@every
@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_place_is_one_however_its_longitude_is_written(transformer, one, other, backend):
    X, y = homes(60, lng=(170, 190))
    transformer = clone(transformer).fit(X, y)
    lat = np.array([10.0, -33.25, 36.6, 89.5, 41.123456789])
    rows = [pd.DataFrame({"lat": lat, "lng": lng, "income": 0.0}) for lng in (one, other)]
    first, second = (np.asarray(transformer.transform(X)) for X in rows)
    np.testing.assert_array_equal(first, second)
    if not isinstance(transformer, AdaptiveCells):
        for at in lat.tolist():
            np.testing.assert_array_equal(transformer.transform_one(at, one), transformer.transform_one(at, other))


@every
def test_training_rows_too(transformer, backend):
    X, y = homes(80, lng=(170, 180))
    X.loc[::4, "lng"] = 180.0
    again = turned(X, np.random.default_rng(1))
    assert (again["lng"] == -180).any()
    first, second = (np.asarray(clone(transformer).fit_transform(rows, y)) for rows in (X, again))
    np.testing.assert_allclose(first, second, rtol=1e-9, atol=1e-9)


@every
@pytest.mark.parametrize("lat", [90.0, -90.0])
def test_a_pole_has_no_longitude(transformer, lat, backend):
    X, y = homes(60)
    X["lat"] = lat - np.sign(lat) * X["lat"].to_numpy() / 10
    transformer = clone(transformer).fit(X, y)
    rows = pd.DataFrame({"lat": lat, "lng": [0.0, 45.0, 77.7, 180.0, -180.0, -130.5, 360.0, -0.0], "income": 0.0})
    Z = np.asarray(transformer.transform(rows))
    np.testing.assert_array_equal(Z, np.repeat(Z[:1], len(Z), axis=0))


@pytest.mark.parametrize("splitter", [CellBlockKFold(2, level=8), CellBlockShuffleSplit(level=8), LeaveOneCellOut(8)])
def test_blocks_hold_together_across_180_and_at_the_poles(splitter, backend):
    X = np.array([[10, 180], [10, -180], [-40, 190], [-40, -170], [90, 0], [90, 120], [-90, 5], [-90, -5]], float)
    blocks = splitter.blocks(X).reshape(4, 2)
    assert (blocks[:, 0] == blocks[:, 1]).all()
    assert len(np.unique(blocks)) == 4


def test_leaves_are_googles_elsewhere():
    rng = np.random.default_rng(0)
    lat, lng = rng.uniform(-90, 90, 1000), rng.uniform(-180, 180, 1000)
    assert (CellBlockKFold(level=30).blocks(np.column_stack([lat, lng])) == cw.latlng_to_cell(lat, lng)).all()


# --- scikit-learn -----------------------------------------------------------------------------------------------------


@every
def test_folds_that_lack_cells(transformer):
    """Blocked folds ask for places that fit has not seen, at any level: every prediction is a number."""
    X, y = homes()
    model = make_pipeline(make_union("passthrough", clone(transformer)), StandardScaler(), Ridge())
    for cv in (CellBlockKFold(3, level=5, random_state=0), KFold(3)):
        predicted = cross_val_predict(model, X, y, cv=cv)
        assert np.isfinite(predicted).all()
        assert np.corrcoef(predicted, y)[0, 1] > 0.5


@every
def test_grid_search_in_two_processes(transformer):
    X, y = homes(120)
    columns = ["lat", "lng", "income"] if getattr(transformer, "of", "y") != "y" else ["lat", "lng"]
    place = ColumnTransformer([("place", clone(transformer), columns)], remainder="passthrough")
    found = [
        GridSearchCV(make_pipeline(place, Ridge()), {"ridge__alpha": [0.1, 10.0]}, cv=3, n_jobs=n_jobs).fit(X, y)
        for n_jobs in (None, 2)
    ]
    one, two = (search.cv_results_["mean_test_score"] for search in found)
    np.testing.assert_array_equal(one, two)
    assert np.isfinite(one).all()


@every
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_out(transformer, library):
    frames = pytest.importorskip(library)
    X, y = homes()
    Z = np.asarray(clone(transformer).fit_transform(X, y))
    framed = clone(transformer).set_output(transform=library)
    frame = framed.fit_transform(X, y)
    assert isinstance(frame, frames.DataFrame)
    assert list(frame.columns) == framed.get_feature_names_out().tolist()
    np.testing.assert_array_equal(frame.to_numpy(), Z)
    given = frames.DataFrame({name: X[name].to_numpy() for name in X})
    np.testing.assert_array_equal(clone(framed).fit_transform(given, y).to_numpy(), Z)


@every
def test_clones_pickles_and_dicts_encode_alike(transformer):
    X, y = homes()
    others, _ = homes(seed=1)
    fitted = clone(transformer).fit(X, y)
    expected = np.asarray(fitted.transform(others))
    copies = clone(fitted).fit(X, y), pickle.loads(pickle.dumps(fitted))
    copies += (type(fitted).from_dict(json.loads(json.dumps(fitted.to_dict()))),)
    for copy in copies:
        np.testing.assert_array_equal(np.asarray(copy.transform(others)), expected)


@every
def test_input_of_any_float_and_read_only(transformer):
    X, y = homes()
    X = X.astype(np.float32)
    for rows in (X, X.astype(np.float64)):
        rows = rows.to_numpy()
        rows.flags.writeable = y.flags.writeable = False
        before = rows.copy()
        transformer = clone(transformer).set_params(**({} if getattr(transformer, "of", "y") == "y" else {"of": 2}))
        Z = np.asarray(transformer.fit_transform(rows, y))
        np.testing.assert_array_equal(rows, before)
    np.testing.assert_array_equal(Z, np.asarray(clone(transformer).fit_transform(X.to_numpy(), y)))


@every
def test_rows_without_a_place(transformer):
    X, y = homes()
    X.loc[[0, 7], "lat"], X.loc[[7, 9], "lng"] = np.nan, np.nan
    transformer = clone(transformer)
    assert np.isfinite(np.asarray(transformer.fit_transform(X, y))).all()
    Z = np.asarray(transformer.transform(X))
    assert np.isfinite(Z).all()
    np.testing.assert_array_equal(Z[[0, 7, 9]], np.repeat(Z[:1], 3, axis=0))


# --- memory -----------------------------------------------------------------------------------------------------------


def size(Z):
    """Bytes of an array or a sparse matrix."""
    return sum(part.nbytes for part in (Z.data, Z.indices, Z.indptr)) if sparse.issparse(Z) else Z.nbytes


@pytest.mark.needs_native
@pytest.mark.thread_unsafe(reason="tracemalloc counts what all threads hold")
@pytest.mark.parametrize("method", ["fit_transform", "transform"])
@pytest.mark.parametrize(
    "transformer",
    [
        CellEncoder(),
        CellEncoder(min_frequency=20),
        AdaptiveCells(),
        AdaptiveCells(criterion="variance"),
        AdaptiveCells(small_cells="drop", output="ordinal"),
        AdaptiveCells(output="cell"),
        CellCounts(),
        CellCounts(levels=(8, 12), rings=(0, 1)),
        SpatialLag(),
        SpatialLag(exclude="same_location"),
        SpatialLag(exclude="block", block_level=12),
    ],
    ids=repr,
)
def test_memory_stays_below_three_outputs(transformer, method):
    rng = np.random.default_rng(0)
    n = 200_000
    towns = rng.uniform((25, -120), (49, -70), (1_000, 2))
    near = towns[rng.integers(0, len(towns), n // 2)] + rng.normal(0, 0.05, (n // 2, 2))
    X, y = np.vstack((near, rng.uniform((25, -120), (49, -70), (n // 2, 2)))), rng.standard_normal(n)
    transformer = clone(transformer).fit(X[:1000], y[:1000])
    if method == "transform":
        transformer.fit(X, y)
    tracemalloc.start()
    Z = transformer.transform(X) if method == "transform" else transformer.fit_transform(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * size(Z)
