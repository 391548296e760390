"""CellEncoder: laws against brute force, parameters, and life among other tools."""

import json
import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import cellwise as cw
from cellwise.errors import InvalidCoordinatesWarning
from cellwise.features import CellEncoder
from cellwise.features import _cell_encoder as module
from cellwise.inputs import canonical_latlng


@pytest.mark.filterwarnings("ignore::cellwise.errors.InvalidCoordinatesWarning")
@parametrize_with_checks(
    [
        CellEncoder(),
        CellEncoder(levels=(3, 10), sparse_output=False),
        CellEncoder(levels=12, min_frequency=2, handle_unknown="ignore", max_features=9),
        CellEncoder(covering=cw.token_to_cell(["1", "14", "3", "5"])),
    ]
)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


def city(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack((rng.normal(40.7, 0.1, n), rng.normal(-74.0, 0.1, n)))


def world(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack((np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)))


def leaf_positions(cells):
    return np.column_stack(cw.cell_to_latlng(np.asarray(cells, np.uint64)))


@pytest.fixture
def ten_rows():
    """Six rows in A; one each in two level-10 cells B, C under one level-9 cell Q; two in D, far away."""
    a = cw.latlng_to_cell(37.77, -122.42, 10)
    q = cw.latlng_to_cell(40.0, -100.0, 9)
    b, c = cw.cell_children(q)[:2].tolist()
    d = cw.latlng_to_cell(-33.9, 151.2, 10)
    return leaf_positions([a] * 6 + [b, c] + [d] * 2), a, q, b, c, d


# --- laws -------------------------------------------------------------------------------------------------------------

positions = st.lists(
    st.tuples(
        st.sampled_from((-90.0, -30.2, -30.1, -30.0, -29.99, 0.0, 45.0, 90.0)),
        st.sampled_from((-180.0, -51.2, -51.1, -51.09, 0.0, 0.1, 135.0, 180.0)),
    ),
    min_size=1,
    max_size=30,
).map(np.array)
unhurried = settings(deadline=None)
some_levels = st.sets(st.integers(0, 30), min_size=1, max_size=4).map(lambda levels: tuple(sorted(levels)))


@unhurried
@given(positions, some_levels)
def test_each_row_lights_one_column_a_level(X, levels):
    Z = CellEncoder(levels).fit_transform(X).toarray()
    column_level = cw.cell_level(CellEncoder(levels).fit(X).feature_cells_)
    for level in levels:
        assert (Z[:, column_level == level].sum(axis=1) == 1).all()


@unhurried
@given(positions, positions, some_levels, st.sampled_from((None, 2, 3, 0.2)), st.booleans())
def test_a_row_lights_the_columns_that_contain_it(X, others, levels, min_frequency, rollup):
    encoder = CellEncoder(levels, min_frequency=min_frequency, rollup=rollup).fit(X)
    for rows in (X, others):
        leaves = cw.latlng_to_cell(*canonical_latlng(*rows.T))
        expected = cw.cell_contains(encoder.feature_cells_[None, :], leaves[:, None])
        Z = encoder.transform(rows)
        assert (Z.toarray() == expected).all()
        assert [encoder.transform_one(*row).tolist() for row in rows] == [
            np.flatnonzero(row).tolist() for row in expected
        ]
        finest = [encoder.feature_cells_[np.flatnonzero(row)[-1]] if row.any() else 0 for row in expected]
        assert encoder.inverse_transform(Z).tolist() == encoder.inverse_transform(Z.toarray()).tolist() == finest


@unhurried
@given(positions, some_levels, st.sampled_from((None, 2, 3, 0.2)))
def test_columns_are_ordered_distinct_and_counted(X, levels, min_frequency):
    encoder = CellEncoder(levels, min_frequency=min_frequency)
    Z = encoder.fit_transform(X)
    key = list(zip(cw.cell_level(encoder.feature_cells_).tolist(), encoder.feature_cells_.tolist()))
    assert key == sorted(set(key))
    assert encoder.feature_cells_.dtype == np.uint64
    assert encoder.counts_.tolist() == np.asarray(Z.sum(axis=0)).ravel().tolist()
    assert Z.has_canonical_format
    assert sparse.csr_matrix((Z.data, Z.indices, Z.indptr), Z.shape).has_canonical_format


@unhurried
@given(positions, some_levels, st.integers(2, 5))
def test_rollup_leaves_on_each_face_fewer_rows_than_would_make_a_column(X, levels, least):
    encoder = CellEncoder(levels, min_frequency=least).fit(X)
    assert (encoder.counts_ >= least).all()
    dark = np.asarray(encoder.transform(X).sum(axis=1)).ravel() == 0
    faces = cw.cell_face(cw.latlng_to_cell(X[dark, 0], X[dark, 1]))
    assert (np.bincount(faces, minlength=6) < least).all()
    without = CellEncoder(levels, min_frequency=least, rollup=False).fit(X)
    assert set(without.feature_cells_) <= set(encoder.feature_cells_)


@unhurried
@given(positions, some_levels, st.sampled_from((None, 2)), st.randoms())
def test_the_order_of_rows_does_not_matter(X, levels, min_frequency, random):
    shuffled = X[random.sample(range(len(X)), len(X))]
    a, b = (CellEncoder(levels, min_frequency=min_frequency).fit(rows) for rows in (X, shuffled))
    assert a.feature_cells_.tolist() == b.feature_cells_.tolist()
    assert a.counts_.tolist() == b.counts_.tolist()


@unhurried
@given(positions)
def test_auto_levels_always_fit(X):
    encoder = CellEncoder()
    Z = encoder.fit_transform(X, np.arange(len(X)))
    assert (np.asarray(Z.sum(axis=1)) == len(encoder.levels_)).all()
    assert encoder.levels_ == CellEncoder().fit(X[::-1]).levels_


@pytest.mark.both_backends
def test_both_backends_agree():
    X = world(2_000)
    encoder = CellEncoder((2, 5, 9), min_frequency=3)
    Z = encoder.fit_transform(X)
    with cw.testing.use(backend="numpy"):
        other = CellEncoder((2, 5, 9), min_frequency=3)
        assert (other.fit_transform(X) != Z).nnz == 0
    assert (encoder.feature_cells_ == other.feature_cells_).all()


# --- rare cells -------------------------------------------------------------------------------------------------------


def test_rare_cells_roll_up(ten_rows):
    X, a, q, _, _, d = ten_rows
    encoder = CellEncoder(levels=(10,), min_frequency=2).fit(X)
    assert encoder.feature_cells_.tolist() == [q, *sorted([a, d])]
    assert encoder.counts_.tolist() == [2, *[n for _, n in sorted([(a, 6), (d, 2)])]]
    Z = encoder.transform(X)
    assert Z.shape == (10, 3)
    assert Z.sum() == 10
    assert encoder.get_feature_names_out()[0] == f"s2_L9_{cw.cell_to_token(q)}"
    assert encoder.levels_ == (10,)
    unseen = np.vstack((leaf_positions(cw.cell_children(q)[3:]), [(0.0, 0.0)]))
    assert encoder.transform(unseen).toarray().tolist() == [[1, 0, 0], [0, 0, 0]]


def test_rare_cells_are_dropped_without_rollup(ten_rows):
    X, a, _, _, _, d = ten_rows
    encoder = CellEncoder(levels=(10,), min_frequency=2, rollup=False).fit(X)
    assert encoder.feature_cells_.tolist() == sorted([a, d])


@pytest.mark.parametrize("min_frequency", [None, 1, 0.01])
def test_nothing_is_rare_where_one_row_will_do(ten_rows, min_frequency):
    X, *cells = ten_rows
    encoder = CellEncoder(levels=10, min_frequency=min_frequency).fit(X)
    assert encoder.feature_cells_.tolist() == sorted({cells[0], *cells[2:]})


def test_rolled_up_columns_may_contain_others():
    """Two strays near a full cell meet above it: their column lights the full cell's rows too."""
    top = cw.latlng_to_cell(40.0, -100.0, 8)
    full, stray = cw.cell_children(top)[:2]
    cells = [cw.cell_children(full)[0]] * 5 + [cw.cell_children(stray)[0], cw.cell_children(full)[1]]
    encoder = CellEncoder(levels=10, min_frequency=2)
    Z = encoder.fit_transform(leaf_positions(cells))
    assert encoder.feature_cells_.tolist() == [top, cw.cell_children(full)[0]]
    assert encoder.counts_.tolist() == [7, 5]
    assert Z.toarray().tolist() == [[1, 1]] * 5 + [[1, 0]] * 2


def test_rows_stop_rolling_up_at_a_column_of_another_level():
    """A lone row of level 10 in a full cell of level 8 has that one: no coarser column is made for it."""
    top = cw.latlng_to_cell(40.0, -100.0, 8)
    fine = cw.cell_children(top, 10)
    other = cw.cell_children(cw.cell_next(top), 10)
    X = leaf_positions([fine[0]] * 5 + [fine[15], other[0]] + [other[15]] * 5)
    encoder = CellEncoder(levels=(8, 10), min_frequency=3).fit(X)
    assert cw.cell_level(encoder.feature_cells_).tolist() == [8, 8, 10, 10]


def test_a_share_is_of_rows_that_have_a_place(ten_rows):
    X, *_ = ten_rows
    with_missing = np.vstack((X, np.full((90, 2), np.nan)))
    for rows in (X, with_missing):
        assert CellEncoder(10, min_frequency=0.2, rollup=False).fit(rows).counts_.sum() == 8
    hundred = leaf_positions(np.repeat(cw.cell_children(cw.token_to_cell("1")), (7, 6, 80, 7)))
    assert CellEncoder(1, min_frequency=0.07, rollup=False).fit(hundred).counts_.tolist() == [7, 80, 7]


def test_nothing_is_frequent():
    encoder = CellEncoder(10, min_frequency=100).fit(city(20))
    assert encoder.feature_cells_.shape == (0,)
    assert encoder.transform(city(20)).shape == (20, 0)
    assert encoder.get_feature_names_out().shape == (0,)
    assert encoder.inverse_transform(encoder.transform(city(20))).tolist() == [0] * 20
    assert encoder.transform_one(40.7, -74.0).shape == (0,)


def test_max_features_keeps_the_fullest_cells_then_the_coarser_then_the_lower(ten_rows):
    X, a, *_ = ten_rows
    everything = CellEncoder((9, 10)).fit(X)
    for k in range(1, 10):
        encoder = CellEncoder((9, 10), max_features=k).fit(X)
        assert len(encoder.feature_cells_) == min(k, len(everything.feature_cells_))
        ranked = sorted(zip(-everything.counts_, range(99), everything.feature_cells_))[:k]
        assert set(encoder.feature_cells_) == {cell for _, _, cell in ranked}
    assert CellEncoder((9, 10), max_features=1).fit(X).feature_cells_.tolist() == [cw.cell_parent(a, 9)]


# --- coverings --------------------------------------------------------------------------------------------------------


def test_the_cells_of_a_covering_are_the_columns():
    union = cw.cover(cw.Rect(lat=(40.5, 40.9), lng=(-74.2, -73.8)), max_cells=20)
    encoder = CellEncoder(covering=union)
    inside, outside = [[40.7, -74.0]], [[0.0, 0.0]]
    Z = encoder.fit_transform(np.vstack((city(50), outside)))
    key = list(zip(cw.cell_level(encoder.feature_cells_).tolist(), encoder.feature_cells_.tolist()))
    assert key == sorted(zip(union.levels.tolist(), union.cells.tolist()))
    assert encoder.levels_ == tuple(sorted(set(union.levels.tolist())))
    assert encoder.transform(inside).sum() == 1
    assert encoder.transform(outside).sum() == 0
    assert encoder.counts_.tolist() == np.asarray(Z.sum(axis=0)).ravel().tolist()
    assert encoder.fit(outside).feature_cells_.tolist() == [cell for _, cell in key]


@pytest.mark.parametrize("form", [np.asarray, list, pd.Series, lambda cells: cells[[2, 0, 1, 0]]])
def test_a_covering_may_be_any_cells_and_nest(form):
    cells = cw.token_to_cell(["1", "14", "13"])
    encoder = CellEncoder(covering=form(cells)).fit([[0.0, 0.0]])
    assert cw.cell_to_token(encoder.feature_cells_).tolist() == ["1", "14", "13"]
    assert clone(encoder).fit([[0.0, 0.0]]).feature_cells_.tolist() == encoder.feature_cells_.tolist()
    json.dumps(encoder.to_dict())


def test_unknown_with_a_covering_is_outside():
    covering = cw.CellUnion([cw.latlng_to_cell(40.7, -74.0, 8)])
    for choice in ("parent", "ignore"):
        assert CellEncoder(covering=covering, handle_unknown=choice).fit(city(9)).transform([[0.0, 0.0]]).nnz == 0
    encoder = CellEncoder(covering=covering, handle_unknown="error").fit([[40.7, -74.0]])
    assert encoder.transform([[40.7, -74.0], [np.nan, 0.0]]).nnz == 1
    with pytest.raises(ValueError, match=r"X must lie in the covering .*: got 1\w* at index 1 \(1 of 2 rows\)"):
        encoder.transform([[40.7, -74.0], [0.0, 0.0]])


# --- unknown, missing, invalid ----------------------------------------------------------------------------------------


@pytest.fixture
def near():
    """A row in a cell of level 10 that is not among the ten rows', but within Q."""
    return leaf_positions(cw.cell_children(cw.latlng_to_cell(40.0, -100.0, 9))[3:])


def test_unknown_cells_light_their_ancestors(ten_rows, near):
    encoder = CellEncoder((4, 9, 10)).fit(ten_rows[0])
    assert cw.cell_level(encoder.feature_cells_[encoder.transform_one(*near[0])]).tolist() == [4, 9]
    assert encoder.seen_cells_ is None


def test_unknown_cells_are_ignored(ten_rows, near):
    encoder = CellEncoder((4, 9, 10), handle_unknown="ignore").fit(ten_rows[0])
    assert encoder.transform(near).nnz == 0
    assert encoder.transform_one(*near[0]).tolist() == []
    assert encoder.transform(ten_rows[0]).sum() == 30
    assert encoder.transform_one(*ten_rows[0][0]).tolist() == encoder.transform(ten_rows[0][:1]).indices.tolist()


@pytest.mark.parametrize("params", [{}, {"min_frequency": 5}, {"max_features": 1}])
def test_rare_cells_are_known(ten_rows, near, params):
    """Dropped as columns or not: what was seen in fit is not unknown."""
    encoder = CellEncoder((4, 10), handle_unknown="error", **params).fit(ten_rows[0])
    encoder.transform(ten_rows[0])
    with pytest.raises(ValueError, match="seen in fit"):
        encoder.transform(near)


def test_unknown_cells_are_an_error(ten_rows, near):
    encoder = CellEncoder((4, 10), handle_unknown="error")
    encoder.fit_transform(ten_rows[0])
    X = np.vstack((ten_rows[0][:3], [(np.nan, 0.0)], near, ten_rows[0][:1], near))
    token = cw.cell_to_token(cw.latlng_to_cell(*near[0], 10))
    with pytest.raises(ValueError) as why:
        encoder.transform(X)
    assert str(why.value) == (
        f"X must lie in cells of level 10 seen in fit with handle_unknown='error': got {token} at index 4 (2 of 7 rows)"
    )
    with pytest.raises(ValueError, match="at index 0"):
        encoder.transform_one(*near[0])


def test_handle_unknown_belongs_to_fit(ten_rows):
    encoder = CellEncoder(10).fit(ten_rows[0]).set_params(handle_unknown="error")
    with pytest.raises(ValueError, match="handle_unknown must be set before fit: got 'error'"):
        encoder.transform(ten_rows[0])


def test_missing_rows_are_zero_in_silence(ten_rows):
    X = ten_rows[0].copy()
    X[0] = np.nan
    encoder = CellEncoder(10, on_invalid="raise").fit(X)
    Z = encoder.transform(X)
    assert Z[0].sum() == 0
    assert encoder.counts_.sum() == Z.sum() == 9
    assert encoder.transform_one(np.nan, 0.0).tolist() == encoder.transform_one(0.0, None).tolist() == []


def test_all_rows_missing():
    encoder = CellEncoder()
    assert encoder.fit_transform([[None, None]] * 3).shape == (3, 0)
    assert encoder.levels_ == (0,)


def test_invalid_rows_are_zero_with_one_warning(ten_rows):
    X = ten_rows[0].copy()
    X[1, 0] = 95.0
    encoder = CellEncoder(10)
    with pytest.warns(InvalidCoordinatesWarning, match="lat .* got 95.0 at index 1"):
        assert encoder.fit_transform(X)[1].sum() == 0
    with pytest.warns(InvalidCoordinatesWarning, match="95.0"):
        assert encoder.transform_one(95.0, 0.0).tolist() == []
    with pytest.raises(ValueError, match="95.0"):
        CellEncoder(10, on_invalid="raise").fit(X)


def test_cells_coarser_than_columns_light_what_contains_them():
    coarse = cw.latlng_to_cell(40.7, -74.0, 8)
    cells = pd.Series([cw.latlng_to_cell(40.7, -74.0), coarse, 0], dtype="UInt64")
    encoder = CellEncoder((6, 10), handle_unknown="error")
    Z = encoder.fit_transform(cells)
    assert Z.toarray().tolist() == [[1, 1], [1, 0], [0, 0]]
    assert encoder.counts_.tolist() == [2, 1]
    with pytest.raises(ValueError, match=cw.cell_to_token(cw.cell_parent(coarse, 7))):
        encoder.transform(pd.Series([cw.cell_parent(coarse, 7)], dtype="uint64"))


# --- levels and parameters --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [12, np.int64(12), (12,), [12, 12], {12}, np.array([12]), range(12, 13)])
def test_levels_in_any_form(levels):
    assert CellEncoder(levels).fit(city(9)).levels_ == (12,)


def test_levels_may_come_in_any_order():
    a, b = CellEncoder((12, 4, 8)).fit(city(99)), CellEncoder((4, 8, 12)).fit(city(99))
    assert a.levels_ == b.levels_ == (4, 8, 12)
    assert a.feature_cells_.tolist() == b.feature_cells_.tolist()


def test_auto_levels_never_read_y():
    X = city(3_000)
    rng = np.random.default_rng(0)
    encoders = [CellEncoder().fit(X, y) for y in (None, X[:, 0], rng.standard_normal(3_000))]
    assert len({encoder.levels_ for encoder in encoders}) == 1
    assert 1 < len(encoders[0].levels_) < 6


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"levels": "best"}, ValueError, "levels must be 'auto', a level or a sequence of levels: got 'best'"),
        ({"levels": ()}, ValueError, "levels must hold at least one level"),
        ({"levels": 31}, ValueError, "levels must be in 0..30: got 31"),
        ({"levels": (4, -1)}, ValueError, "levels must be in 0..30: got -1"),
        ({"levels": 4.0}, TypeError, "levels must be 'auto', a level or a sequence of levels: got 4.0"),
        ({"levels": (4, 6.0)}, TypeError, "levels must be an integer: got float 6.0"),
        ({"levels": True}, TypeError, "levels must be an integer: got bool"),
        ({"levels": None}, TypeError, "levels must be 'auto'"),
        ({"min_frequency": 0}, ValueError, "min_frequency must be at least 1"),
        (
            {"min_frequency": 1.0},
            ValueError,
            "min_frequency must be an integer from 1 or a float between 0 and 1: got 1.0",
        ),
        ({"min_frequency": -0.1}, ValueError, "min_frequency must be an integer"),
        ({"min_frequency": np.nan}, ValueError, "min_frequency must be finite"),
        ({"min_frequency": "5"}, TypeError, "min_frequency must be a number"),
        ({"min_frequency": True}, TypeError, "min_frequency must be an integer"),
        ({"max_features": 0}, ValueError, "max_features must be at least 1"),
        ({"max_features": 2.5}, TypeError, "max_features must be an integer"),
        ({"rollup": 1}, TypeError, "rollup must be True or False: got 1"),
        ({"sparse_output": "yes"}, TypeError, "sparse_output must be True or False"),
        (
            {"handle_unknown": "warn"},
            ValueError,
            "handle_unknown must be one of 'parent', 'ignore', 'error': got 'warn'",
        ),
        ({"on_invalid": "drop"}, ValueError, "on_invalid must be one of"),
        ({"dtype": "U3"}, ValueError, "dtype must be"),
        ({"dtype": object}, ValueError, "dtype must be"),
        ({"covering": []}, ValueError, "covering must hold valid cells: got none"),
        ({"covering": [0]}, ValueError, "covering must hold valid cells: got 0 at index 0"),
        ({"covering": [cw.token_to_cell("1"), 2]}, ValueError, "covering must hold valid cells: got 2 at index 1"),
        ({"covering": ["1"]}, TypeError, "token_to_cell"),
        ({"covering": [1.5]}, TypeError, "covering must be integer ids"),
        (
            {"covering": [4], "min_frequency": 2},
            ValueError,
            "min_frequency must be None where covering is given: got 2",
        ),
        ({"covering": [4], "max_features": 2}, ValueError, "max_features must be None where covering is given: got 2"),
    ],
)
def test_parameters_that_cannot_be_meant(params, error, words):
    encoder = CellEncoder(**params)
    with pytest.raises(error) as why:
        encoder.fit(city(9))
    assert words in str(why.value), str(why.value)


def test_parameters_are_keywords():
    with pytest.raises(TypeError):
        CellEncoder(12, None)


def test_unfitted():
    encoder = CellEncoder()
    calls = (
        lambda: encoder.transform(city(3)),
        lambda: encoder.transform_one(0, 0),
        lambda: encoder.inverse_transform(np.zeros((1, 1))),
        encoder.get_feature_names_out,
        encoder.to_dict,
    )
    for call in calls:
        with pytest.raises(NotFittedError):
            call()


# --- output -----------------------------------------------------------------------------------------------------------


def test_sparse_output():
    Z = CellEncoder((4, 8)).fit_transform(city(50))
    assert sparse.isspmatrix_csr(Z)
    assert (Z.dtype, Z.indices.dtype, Z.indptr.dtype) == (np.float32, np.int32, np.int32)


@pytest.mark.skipif("sparse_interface" not in get_config(), reason="scikit-learn before 1.9 has matrices only")
def test_sparse_interface():
    with config_context(sparse_interface="sparray"):
        assert isinstance(CellEncoder(4).fit_transform(city(50)), sparse.csr_array)


@pytest.mark.parametrize("dtype", [np.float64, "float32", np.uint8, bool, np.dtype(np.int64)])
def test_dtype(dtype):
    for sparse_output in (True, False):
        Z = CellEncoder((4, 8), dtype=dtype, sparse_output=sparse_output).fit_transform(city(50))
        assert Z.dtype == np.dtype(dtype)
        assert Z.sum() == 100


def test_dense_equals_sparse(ten_rows):
    for params in ({"min_frequency": 2}, {"levels": (3, 9, 10)}):
        params = {"levels": 10, **params}
        Z = CellEncoder(**params, sparse_output=False).fit_transform(ten_rows[0])
        assert isinstance(Z, np.ndarray)
        assert (CellEncoder(**params).fit_transform(ten_rows[0]).toarray() == Z).all()


def test_encoding_in_pieces_changes_nothing(monkeypatch):
    X = np.vstack((world(500), np.full((3, 2), np.nan), world(100)))
    encoder = CellEncoder((2, 4, 6), min_frequency=2)
    whole = encoder.fit_transform(X)
    monkeypatch.setattr(module, "CHUNK", 64)
    pieces = encoder.transform(X)
    assert (whole != pieces).nnz == 0
    assert pieces.indices.tolist() == whole.indices.tolist()
    assert (encoder.set_params(sparse_output=False).transform(X) == whole.toarray()).all()


def test_names():
    encoder = CellEncoder((4, 8)).fit(pd.DataFrame({"lat": [40.7], "lng": [-74.0]}))
    names = encoder.get_feature_names_out()
    assert names.dtype == object
    assert names.tolist() == ["s2_L4_89d", "s2_L8_89c25"]
    assert encoder.get_feature_names_out(["lat", "lng"]).tolist() == names.tolist()
    assert encoder.feature_names_in_.tolist() == ["lat", "lng"]
    assert encoder.n_features_in_ == 2
    assert encoder.columns_in_ == (0, 1)
    with pytest.raises(ValueError, match="input_features is not equal"):
        encoder.get_feature_names_out(["lng", "lat"])
    with pytest.raises(ValueError, match="length equal"):
        encoder.get_feature_names_out(["lat"])


def test_refit_forgets_names():
    encoder = CellEncoder(4).fit(pd.DataFrame({"lat": [40.7], "lng": [-74.0]})).fit([[40.7, -74.0, 1.0]])
    assert not hasattr(encoder, "feature_names_in_")
    assert encoder.n_features_in_ == 3


def test_inverse_transform_of_other_forms():
    encoder = CellEncoder((4, 8)).fit([[40.7, -74.0], [0.0, 0.0]])
    Z = encoder.transform([[40.7, -74.0], [0.0, 0.0], [None, None]])
    finest = encoder.inverse_transform(Z)
    assert finest.dtype == np.uint64
    unsorted = sparse.csr_matrix((Z.data, Z.indices.copy(), Z.indptr), Z.shape)
    unsorted.indices[:2] = unsorted.indices[1::-1]
    explicit_zeros = Z.copy()
    explicit_zeros.data[2:] = 0
    for form in (Z.toarray(), Z.tocsc(), Z.tocoo(), pd.DataFrame(Z.toarray()), unsorted, Z.toarray().tolist()):
        assert encoder.inverse_transform(form).tolist() == finest.tolist()
    assert encoder.inverse_transform(explicit_zeros).tolist() == [finest[0], 0, 0]
    with pytest.raises(ValueError, match="X must have 4 columns: got 3"):
        encoder.inverse_transform(np.zeros((2, 3)))


@pytest.mark.parametrize(("library", "frame"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_set_output(library, frame):
    X = pd.DataFrame({"lat": [40.7, 0.0], "lng": [-74.0, 0.0]}, index=["x", "y"])
    encoder = CellEncoder((4, 8), sparse_output=False).set_output(transform=library)
    for Z in (encoder.fit_transform(X), encoder.transform(X)):
        assert isinstance(Z, frame)
        assert list(Z.columns) == encoder.get_feature_names_out().tolist()
    if library == "pandas":
        assert Z.index.tolist() == ["x", "y"]
    with pytest.raises(ValueError, match=r"The transformer outputs a scipy sparse matrix|does not support sparse data"):
        CellEncoder(4).set_output(transform=library).fit_transform(X)


# --- among other tools ------------------------------------------------------------------------------------------------


@pytest.fixture
def homes():
    X = pd.DataFrame(city(300), columns=["latitude", "longitude"])
    X["rooms"] = np.arange(300) % 5
    X["home"] = cw.latlng_to_cell(X["latitude"], X["longitude"])
    return X, np.sin(30 * X["latitude"]) + X["rooms"]


def test_column_transformer_and_grid_search(homes):
    X, y = homes
    columns = ColumnTransformer(
        [
            ("place", CellEncoder(), ["latitude", "longitude"]),
            ("home", CellEncoder(cell="home"), ["home"]),
            ("rest", StandardScaler(), ["rooms"]),
        ]
    )
    grid = {
        "columntransformer__place__levels": ["auto", 8, (6, 10)],
        "columntransformer__place__min_frequency": [None, 3],
        "columntransformer__home__handle_unknown": ["parent", "ignore"],
    }
    search = GridSearchCV(make_pipeline(columns, Ridge()), grid, cv=3, n_jobs=1).fit(X, y)
    assert search.best_score_ > 0.5
    assert search.predict(X).shape == (300,)
    assert search.best_estimator_[0].get_feature_names_out()[0].startswith("place__s2_L")
    assert "CellEncoder" in search.best_estimator_._repr_html_()


def test_frames_arrays_and_lists_agree(homes):
    X, _ = homes
    expected = CellEncoder((6, 10)).fit_transform(X[["latitude", "longitude"]].to_numpy())
    cells = X["home"]
    for rows, params in (
        (X, {}),
        (X[["rooms", "longitude", "latitude"]], {"lat": 2, "lng": "longitude"}),
        (pl.from_pandas(X), {}),
        (pl.from_pandas(X), {"cell": "home"}),
        (X, {"cell": "home"}),
        (cells, {}),
        (X[["latitude", "longitude"]].to_numpy().tolist(), {}),
    ):
        encoder = CellEncoder((6, 10), **params)
        assert (encoder.fit_transform(rows) != expected).nnz == 0
        assert (encoder.transform(rows) != expected).nnz == 0


def test_float32_and_read_only_input():
    X = city(100).astype(np.float32)
    X.flags.writeable = False
    for order in "CF":
        Z = CellEncoder((4, 12)).fit_transform(np.asarray(X, order=order))
        assert (CellEncoder((4, 12)).fit_transform(X.astype(np.float64)) != Z).nnz == 0


def test_clone_and_pickle():
    encoder = CellEncoder((4, 8), min_frequency=2, handle_unknown="ignore").fit(city(1_000))
    assert clone(encoder).get_params() == encoder.get_params()
    assert not hasattr(clone(encoder), "feature_cells_")
    data = pickle.dumps(encoder)
    assert len(data) < 1_500 + 16 * len(encoder.feature_cells_) + 8 * len(encoder.seen_cells_)
    back = pickle.loads(data)
    assert (back.transform(city(50, 1)) != encoder.transform(city(50, 1))).nnz == 0
    assert back.transform_one(40.7, -74.0).tolist() == encoder.transform_one(40.7, -74.0).tolist()
    assert CellEncoder(covering=cw.CellUnion([4])).fit(city(3)).__getstate__()["feature_cells_"].tolist() == [4]


def test_fit_is_idempotent_and_never_changes_parameters():
    levels, covering = [8, 4], np.array([cw.token_to_cell("89d"), cw.token_to_cell("1")], np.uint64)
    for encoder in (CellEncoder(levels), CellEncoder(covering=covering)):
        first = encoder.fit_transform(city(100))
        encoder.fit(world(10))
        assert (encoder.fit_transform(city(100)) != first).nnz == 0
    assert levels == [8, 4]
    assert covering.tolist() == cw.token_to_cell(["89d", "1"]).tolist()


def test_transform_in_threads():
    encoder, X = CellEncoder((6, 10)).fit(city(2_000)), city(2_000, 1)
    expected = encoder.transform(X)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: encoder.transform(X), range(16)))
    assert all((expected != Z).nnz == 0 for Z in results)


@pytest.mark.needs_native
@pytest.mark.parametrize("method", ["transform", "fit_transform"])
@pytest.mark.parametrize("params", [{}, {"levels": 12}, {"min_frequency": 3_000}, {"levels": 20, "min_frequency": 100}])
def test_memory_stays_below_three_outputs(params, method):
    X = city(300_000)
    encoder = CellEncoder(**{"levels": (6, 8, 10, 12, 14), **params}).fit(X)
    encoder.transform(X[:10])
    tracemalloc.start()
    Z = getattr(encoder, method)(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * (Z.data.nbytes + Z.indices.nbytes + Z.indptr.nbytes)


# --- saving -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoder",
    [
        CellEncoder(),
        CellEncoder((4, 8), min_frequency=0.1, max_features=np.int64(7), dtype=np.float64, lat=0, lng=np.int32(1)),
        CellEncoder(8, handle_unknown="ignore", on_invalid="null", sparse_output=False, dtype="uint8"),
        CellEncoder(np.array([4, 30]), handle_unknown="ignore", rollup=False),
        CellEncoder(covering=cw.cover(cw.Cap(40.7, -74.0, 5, unit="km"))),
        CellEncoder(covering=cw.token_to_cell(["89d", "89c25", "89c"])),
        CellEncoder(min_frequency=9_999),
    ],
)
def test_to_dict_and_back(encoder):
    X, others = city(200), np.vstack((city(50, 1), world(20)))
    encoder.fit(X)
    saved = json.loads(json.dumps(encoder.to_dict()))
    assert saved["format_version"] == "1.0"
    back = CellEncoder.from_dict(saved)
    assert np.abs(back.transform(others) - encoder.transform(others)).sum() == 0
    assert back.get_feature_names_out().tolist() == encoder.get_feature_names_out().tolist()
    assert back.to_dict() == saved
    assert (back.levels_, back.columns_in_) == (encoder.levels_, encoder.columns_in_)
    assert clone(back).fit(X).feature_cells_.tolist() == encoder.feature_cells_.tolist()


def test_to_dict_keeps_names_and_no_number_that_json_would_round():
    X = pd.DataFrame({"id": 1, "lat": [40.7], "lng": [-74.0]})
    encoder = CellEncoder((4, 30), handle_unknown="ignore").fit(X)
    saved = encoder.to_dict()
    assert saved["feature_names_in"] == ["id", "lat", "lng"]
    assert saved["columns_in"] == [1, 2]
    back = CellEncoder.from_dict(saved)
    assert back.transform(X).sum() == 2
    with pytest.raises(ValueError, match="feature names should match"):
        back.transform(X[["id", "lng", "lat"]])

    def numbers(value):
        if isinstance(value, dict):
            value = list(value.values())
        return [n for item in value for n in numbers(item)] if isinstance(value, list) else [value]

    assert all(abs(n) < 2**53 for n in numbers(saved) if isinstance(n, int))


def change(path, value):
    """A saved encoder with one part replaced."""
    saved = CellEncoder((4, 8), handle_unknown="ignore").fit(city(9)).to_dict()
    part = saved
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return saved


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("estimator",), "Other", "estimator must be 'CellEncoder': got 'Other'"),
        (("format_version",), "2.0", "format_version must be at most 1.x: got '2.0'; update cellwise"),
        (("format_version",), 1, "format_version must be like '1.0'"),
        (("format_version",), "1", "format_version must be like '1.0'"),
        (("format_version",), "9" * 99 + ".0", "format_version must be like '1.0'"),
        (("surprise",), 1, "saved must have the keys"),
        (("params", "surprise"), 1, "params must have the keys"),
        (("params",), None, "params must be a dict: got NoneType"),
        (("params", "levels"), "best", "levels must be"),
        (("params", "on_invalid"), "x", "on_invalid must be"),
        (("params", "dtype"), "O", "dtype must be"),
        (("params", "covering"), {"tokens": []}, "covering must have the keys cells"),
        (("n_features_in",), 0, "n_features_in must be"),
        (("feature_names_in",), ["a"], "feature_names_in must have 2 items: got 1"),
        (("feature_names_in",), [1, 2], "feature_names_in must be a list of str"),
        (("columns_in",), [0, 2], "columns_in must be one or two positions in 0..1: got [0, 2]"),
        (("columns_in",), [0, 0], "columns_in must be"),
        (("columns_in",), [], "columns_in must be"),
        (("columns_in",), [0, True], "columns_in must be a list of int"),
        (("state",), [], "state must be a dict"),
        (("state", "levels"), [], "levels must hold at least one level"),
        (("state", "levels"), [31], "levels must be in 0..30"),
        (("state", "counts"), [1], "counts must have"),
        (("state", "counts"), "1", "counts must be a list of int"),
        (("state", "feature_cells"), ["89d", "zz"], "token must be"),
        (("state", "feature_cells"), ["89d", "1" * 40], "token must be"),
        (("state", "feature_cells"), ["X"], "feature_cells must hold no missing cell: got 'X' at index 0"),
        (("state", "feature_cells"), ["89c25", "89d"], "feature_cells must be distinct and sorted"),
        (("state", "feature_cells"), ["89d", "89d"], "feature_cells must be distinct and sorted"),
        (("state", "feature_cells"), [5], "feature_cells must be a list of str"),
        (("state", "seen_cells"), ["89d", "89c"], "seen_cells must be distinct and sorted"),
    ],
)
def test_from_dict_checks_everything(path, value, words):
    with pytest.raises(ValueError) as why:
        CellEncoder.from_dict(change(path, value))
    assert words in str(why.value), str(why.value)


@pytest.mark.parametrize("value", [None, True, -1, 1.5, 2**70, "x", [], [[]], {}, {"cells": [[]]}, ["x"], [None]])
def test_from_dict_never_fails_in_another_way(value):
    whole = change(("estimator",), "CellEncoder")
    paths = [(key,) for key in whole] + [("state", key) for key in whole["state"]]
    for path in [*paths, *(("params", key) for key in whole["params"])]:
        with suppress(ValueError, TypeError):
            CellEncoder.from_dict(change(path, value))
    for saved in (value, {"estimator": value}, {key: value for key in whole}):
        with pytest.raises((ValueError, TypeError)):
            CellEncoder.from_dict(saved)
