"""AdaptiveCells: the covering against brute force, what it is worth, parameters, and life among other tools."""

import gzip
import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import cellwise as cw
from cellwise.errors import InvalidCellError, InvalidCoordinatesWarning
from cellwise.features import AdaptiveCells, CellEncoder
from cellwise.inputs import canonical_latlng


@pytest.mark.filterwarnings("ignore::cellwise.errors.InvalidCoordinatesWarning")
@pytest.mark.filterwarnings("ignore:y holds 3 different integers:UserWarning")  # checks of scikit-learn fit to such
@parametrize_with_checks(
    [
        AdaptiveCells(),
        AdaptiveCells(4, min_frequency=2, sparse_output=False),
        AdaptiveCells(4, min_frequency=2, criterion="variance", output="ordinal"),
        AdaptiveCells(4, min_frequency=1, max_features=5, output="cell", small_cells="drop"),
        AdaptiveCells(covering=cw.token_to_cell(["14", "3", "5"])),
    ]
)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


def town(n, seed=0, share=0.5):
    """A share of the rows within a town, the others all over its country."""
    rng = np.random.default_rng(seed)
    k = int(share * n)
    return np.vstack((rng.normal((47.4, 8.5), 0.02, (k, 2)), rng.uniform((46, 6.5), (48, 10), (n - k, 2))))


def leaf_positions(cells):
    return np.column_stack(cw.cell_to_latlng(np.asarray(cells, np.uint64)))


# --- the covering against brute force --------------------------------------------------------------------------------

unhurried = settings(deadline=None)
places = st.tuples(
    st.sampled_from((-90.0, -30.2, -30.1, -30.0, -29.99, 0.0, 0.3, 45.0, 90.0)),
    st.sampled_from((-180.0, -51.2, -51.1, -51.09, 0.0, 0.1, 135.0, 180.0)),
)
clusters = st.lists(
    st.tuples(places, st.integers(1, 12), st.sampled_from((0, 1e-6, 1e-3, 0.3, 30))), min_size=1, max_size=6
)
options = st.fixed_dictionaries(
    {
        "max_count": st.integers(1, 12),
        "min_frequency": st.integers(1, 6),
        "min_level": st.integers(0, 3),
        "max_level": st.sampled_from((3, 8, 30)),
        "small_cells": st.sampled_from(("keep", "drop")),
    }
)


def scatter(drawn, seed=0):
    rng = np.random.default_rng(seed)
    X = np.vstack([np.array(at) + width * rng.standard_normal((n, 2)) for at, n, width in drawn])
    return np.column_stack((X[:, 0].clip(-90, 90), X[:, 1].clip(-180, 180)))


def within(leaves, cell):
    return leaves[cw.cell_contains(cell, leaves)]


def parts_of(leaves, cell, min_frequency, max_level):
    """Cells with rows into which a cell comes apart, and which of them are large; or None."""
    beside = []
    while cw.cell_level(cell) < max_level:
        children = [child for child in cw.cell_children(cell).tolist() if len(within(leaves, child))]
        large = [child for child in children if len(within(leaves, child)) >= min_frequency]
        if len(large) != 1:
            return (beside + children, large) if large else None
        beside += [child for child in children if child not in large]
        (cell,) = large
    return None


def expected_covering(leaves, y=None, *, max_count, min_frequency, min_level, max_level, small_cells):
    """What the docstring says, one cell at a time."""
    order = np.argsort(leaves)
    leaves, y = leaves[order], None if y is None else y[order]

    def grow(cell):
        """Cell, gain of all divisions within, parts."""
        n = len(within(leaves, cell))
        found = parts_of(leaves, cell, min_frequency, max_level) if n > max_count else None
        if found is None:
            return cell, 0.0, []
        parts, large = found
        grown = [grow(part) for part in parts]
        if y is None:
            return cell, float(n), grown
        groups = [y[cw.cell_contains(part, leaves)] for part in large]
        rows = np.concatenate(groups)
        between = sum(len(g) * (g.mean() - rows.mean()) ** 2 for g in groups)
        gain = between - 4 * (len(large) - 1) * rows.var(ddof=1) + sum(part[1] for part in grown)
        return (cell, gain, grown) if gain > 1e-8 * y.var() else (cell, 0.0, [])

    nodes = [grow(cell) for cell in np.unique(cw.cell_parent(leaves, min_level)).tolist()]
    while any(parts for _, _, parts in nodes):
        nodes = [part for node in nodes for part in (node[2] or [node])]
    return sorted(cell for cell, _, _ in nodes if small_cells == "keep" or len(within(leaves, cell)) >= min_frequency)


@unhurried
@given(clusters, options)
def test_cells_with_many_rows_are_divided(drawn, params):
    X = scatter(drawn)
    leaves = cw.latlng_to_cell(*canonical_latlng(*X.T))
    encoder = AdaptiveCells(**params).fit(X)
    assert encoder.covering_.cells.tolist() == expected_covering(leaves, **params)
    assert encoder.counts_.tolist() == [len(within(leaves, cell)) for cell in encoder.covering_]


@unhurried
@given(clusters, options, st.integers(0, 99), st.sampled_from((0.0, 0.3, 5.0)))
def test_cells_are_divided_where_y_differs(drawn, params, seed, noise):
    X = scatter(drawn)
    leaves = cw.latlng_to_cell(*canonical_latlng(*X.T))
    rng = np.random.default_rng(seed)
    y = 1e3 + np.sin(X[:, 0]) + np.sin(1e4 * X[:, 1]) + noise * rng.standard_normal(len(X))
    encoder = AdaptiveCells(**params, criterion="variance").fit(X, y)
    assert encoder.covering_.cells.tolist() == expected_covering(leaves, y, **params)


@unhurried
@given(clusters, options, st.integers(1, 15))
def test_the_fullest_cells_are_divided_first(drawn, params, max_features):
    X = scatter(drawn)
    leaves = cw.latlng_to_cell(*canonical_latlng(*X.T))
    params["small_cells"] = "keep"
    encoder = AdaptiveCells(**params, max_features=max_features).fit(X)
    cells = set(encoder.covering_)
    roots = np.unique(cw.cell_parent(leaves, params["min_level"])).tolist()
    assert len(cells) <= max(max_features, len(roots))
    divided, whole, queue = [], [], list(roots)
    while queue:
        cell = queue.pop()
        n = len(within(leaves, cell))
        found = (
            parts_of(leaves, cell, params["min_frequency"], params["max_level"]) if n > params["max_count"] else None
        )
        if cell not in cells:
            divided.append(n)
            queue += found[0]
        elif found:
            whole.append((n, len(found[0]) - 1))
    if whole:  # as many rows as any, but too many parts for what was left
        fullest = max(n for n, _ in whole)
        assert fullest <= min(divided, default=fullest)
        assert any(n == fullest and len(cells) + more > max_features for n, more in whole)


@unhurried
@given(clusters, options, clusters)
def test_laws_of_the_covering(drawn, params, others):
    X = scatter(drawn)
    encoder = AdaptiveCells(**params).fit(X)
    cells, levels = encoder.covering_.cells, encoder.covering_.levels
    # disjoint: no cell begins before the one before it ends
    assert (cw.cell_range_min(cells)[1:] > cw.cell_range_max(cells)[:-1]).all()
    assert len(levels) == 0 or params["min_level"] <= levels.min() <= levels.max() <= params["max_level"]
    # every row of fit in one cell, unless small cells are dropped
    lit = np.asarray(encoder.transform(X).sum(axis=1)).ravel()
    assert set(lit) <= {0, 1}
    if params["small_cells"] == "keep":
        assert (lit == 1).all()
        assert encoder.counts_.sum() == len(X)
    else:
        assert (encoder.counts_ >= params["min_frequency"]).all()
    # no more rows than max_count but where there is no division
    leaves = cw.latlng_to_cell(*canonical_latlng(*X.T))
    for cell in cells[encoder.counts_ > params["max_count"]].tolist():
        assert parts_of(leaves, cell, params["min_frequency"], params["max_level"]) is None
    # a row lights the cell that contains it
    for rows in (X, scatter(others)):
        rows = np.vstack((rows, [(np.nan, 0.0)]))
        leaves = cw.latlng_to_cell(*canonical_latlng(*rows.T), on_invalid="null")
        Z = encoder.transform(rows)
        assert (Z.toarray() == cw.cell_contains(cells[None, :], leaves[:, None])).all()
        at = [row.indices[0] if row.nnz else -1 for row in Z]
        by_cell = [int(cells[k]) if k >= 0 else 0 for k in at]
        assert [encoder.transform_one(*row) for row in rows] == at
        assert encoder.inverse_transform(Z).tolist() == by_cell
        for output, expected in (("ordinal", at), ("cell", by_cell)):
            other = clone(encoder).set_params(output=output).fit(X)
            assert other.transform(rows).ravel().tolist() == expected
            assert [other.transform_one(*row) for row in rows] == expected
            assert other.inverse_transform(other.transform(rows)).tolist() == by_cell


@unhurried
@given(clusters, options, st.randoms(), st.sampled_from(("count", "variance")))
def test_the_order_of_rows_does_not_matter(drawn, params, random, criterion):
    X = scatter(drawn)
    y = np.round(X.sum(axis=1), 3)
    order = random.sample(range(len(X)), len(X))
    a = AdaptiveCells(**params, criterion=criterion).fit(X, y)
    b = AdaptiveCells(**params, criterion=criterion).fit(X[order], y[order])
    assert a.covering_ == b.covering_
    assert a.counts_.tolist() == b.counts_.tolist()


@pytest.mark.both_backends
def test_both_backends_agree():
    X = town(2_000)
    for params in ({}, {"criterion": "variance", "max_count": 10}, {"max_features": 40}):
        encoder = AdaptiveCells(**params)
        Z = encoder.fit_transform(X, X[:, 0])
        with cw.testing.use(backend="numpy"):
            assert (AdaptiveCells(**params).fit_transform(X, X[:, 0]) != Z).nnz == 0


def test_rows_at_one_place_are_not_divided():
    """A hundred rows at one door, and three strays around: one cell as coarse as can be."""
    X = np.vstack((np.full((100, 2), (47.4, 8.5)), [(47.5, 8.5), (47.4, 8.6), (47.0, 8.0)]))
    assert AdaptiveCells().fit(X).covering_.levels.tolist() == [0]
    assert AdaptiveCells(min_frequency=1).fit(X).counts_.tolist().count(100) == 1


def test_parts_are_looked_for_within_the_only_large_child():
    top = cw.latlng_to_cell(40.0, -100.0, 6)
    near = cw.cell_children(top)[0]
    far = cw.cell_children(top)[3]
    deep = cw.cell_children(near, 12)
    X = leaf_positions([deep[0]] * 5 + [deep[1]] * 5 + [deep[-1]] * 2 + [far] * 3)
    encoder = AdaptiveCells(8, min_level=6).fit(X)
    assert encoder.covering_.cells.tolist() == sorted([deep[0], deep[1], cw.cell_parent(deep[-1], 8), far])
    assert sorted(encoder.counts_) == [2, 3, 5, 5]
    assert AdaptiveCells(8, min_level=6, min_frequency=6).fit(X).covering_.cells.tolist() == [top]
    assert AdaptiveCells(8, min_level=6, max_level=11).fit(X).covering_.cells.tolist() == [top]
    assert AdaptiveCells(8, min_level=6, small_cells="drop").fit(X).counts_.tolist() == [5, 5]


def test_min_frequency_as_a_share():
    X = np.vstack((town(1_000), [(None, None)]))
    for share, least in ((0.02, 20), (0.0071, 8), (None, 1)):
        assert (
            AdaptiveCells(min_frequency=share).fit(X).covering_ == AdaptiveCells(min_frequency=least).fit(X).covering_
        )
    for bad in (1.0, 0.0, -0.5):
        with pytest.raises(ValueError, match="min_frequency must be an integer from 1 or a float between 0 and 1"):
            AdaptiveCells(min_frequency=bad).fit(X)


def test_max_features():
    X = town(2_000)
    whole = AdaptiveCells().fit(X)
    for max_features in (1, 2, 7, 30, 103, 104, 500):
        encoder = AdaptiveCells(max_features=max_features).fit(X)
        assert len(encoder.covering_) <= max_features
        assert len(encoder.covering_) > max_features - 12 or encoder.covering_ == whole.covering_
        assert encoder.counts_.sum() == 2_000
        # what is whole has no more rows than what was divided
        divided = set(whole.covering_.cells) - set(encoder.covering_.cells)
        assert (len(divided) == 0) == (encoder.covering_ == whole.covering_)
    assert len(AdaptiveCells(max_features=1, min_level=6).fit(X).covering_) > 1


@pytest.mark.parametrize("rows", [np.full((3, 2), np.nan), [[None, 8.0], [47.0, None]]])
@pytest.mark.parametrize("params", [{}, {"criterion": "variance"}, {"max_features": 3}])
def test_no_row_has_a_place(rows, params):
    encoder = AdaptiveCells(**params).fit(rows, np.arange(float(len(rows))))
    assert encoder.covering_ == cw.CellUnion([])
    assert encoder.transform(town(5)).shape == (5, 0)
    assert encoder.get_feature_names_out().shape == (0,)
    assert encoder.transform_one(47.4, 8.5) == -1
    assert encoder.to_geojson() == {"type": "FeatureCollection", "features": []}


# --- what it is worth -------------------------------------------------------------------------------------------------


def r2(encoder, X, y):
    folds = KFold(5, shuffle=True, random_state=0)
    return cross_val_score(make_pipeline(encoder, Ridge()), X, y, cv=folds).mean()


def test_higher_score_with_fewer_columns_than_any_fixed_level():
    X = town(2_000, share=0.75)
    far = np.hypot(X[:, 0] - 47.4, 0.68 * (X[:, 1] - 8.5))
    y = np.exp(-far / 0.02) + 0.3 * np.sin(3 * X[:, 0]) + 0.1 * np.random.default_rng(1).standard_normal(2_000)
    fixed = {level: r2(CellEncoder(level), X, y) for level in range(8, 16)}
    best = max(fixed, key=fixed.get)
    n_fixed = len(CellEncoder(best).fit(X).counts_)
    for encoder in (AdaptiveCells(), AdaptiveCells(criterion="variance")):
        assert r2(encoder, X, y) > fixed[best] + 0.05
        assert len(encoder.fit(X, y).covering_) < 0.6 * n_fixed


def test_gate_on_california_housing(shared):
    """Lower error than the best single level, with at most 60 % of its columns."""
    with gzip.open(shared / "data" / "california_housing.csv.gz") as file:
        data = pd.read_csv(file)
    X, y = data[["latitude", "longitude"]], data["median_house_value"]

    def measured(encoder):
        model = make_pipeline(encoder, Ridge(0.3, solver="sparse_cg"))
        folds = KFold(5, shuffle=True, random_state=0)
        error = -cross_val_score(model, X, y, cv=folds, scoring="neg_root_mean_squared_error").mean()
        return error, encoder.fit_transform(X, y).shape[1]

    error, columns = min(measured(CellEncoder(level)) for level in (9, 10, 11, 12))
    for encoder in (AdaptiveCells(), AdaptiveCells(criterion="variance")):
        adaptive_error, adaptive_columns = measured(encoder)
        assert adaptive_error < 0.95 * error
        assert adaptive_columns < 0.4 * columns


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("max_count", [4, 50])
@pytest.mark.parametrize("draw", ["normal", "heavy", "rare"])
def test_noise_is_not_worth_a_division(seed, max_count, draw):
    """R2 of a linear fit of pure noise, beyond what so many columns explain by chance, is at most 0.02."""
    rng = np.random.default_rng(seed)
    X = np.column_stack((rng.uniform(40.0, 40.5, 6000), rng.uniform(-100.5, -100.0, 6000)))
    y = {
        "normal": rng.standard_normal(6000),
        "heavy": rng.standard_t(2.1, 6000),
        "rare": (rng.random(6000) < 0.01).astype(float),
    }[draw]
    encoder = AdaptiveCells(max_count, criterion="variance", min_frequency=2, sparse_output=False)
    Z = encoder.fit_transform(X, y)
    by_chance = (Z.shape[1] - 1) / (len(X) - 1)
    assert LinearRegression().fit(Z, y).score(Z, y) - by_chance <= 0.02
    assert Z.shape[1] <= 40


def test_the_noise_gate_catches_overfitting(monkeypatch):
    """At a price of 1, noise alone pays: the gate above would fail."""
    monkeypatch.setattr("cellwise.features._adaptive_cells.PRICE", 1.0)
    rng = np.random.default_rng(0)
    X, y = (
        np.column_stack((rng.uniform(40.0, 40.5, 6000), rng.uniform(-100.5, -100.0, 6000))),
        rng.standard_normal(6000),
    )
    Z = AdaptiveCells(4, criterion="variance", min_frequency=2, sparse_output=False).fit_transform(X, y)
    assert LinearRegression().fit(Z, y).score(Z, y) - (Z.shape[1] - 1) / (len(X) - 1) > 0.02


def test_differences_only_between_streets_are_found():
    """A chequerboard: all quarters have the same mean, so that no coarse division explains anything by itself."""
    top = cw.latlng_to_cell(47.4, 8.5, 10)
    cells = cw.cell_children(top, 13)
    X = np.repeat(leaf_positions(cells), 20, axis=0)
    y = np.repeat(np.arange(len(cells)) % 2, 20) + 0.1 * np.random.default_rng(0).standard_normal(20 * len(cells))
    encoder = AdaptiveCells(criterion="variance", max_count=20).fit(X, y)
    assert encoder.covering_.levels.tolist() == [13] * 64
    assert len(AdaptiveCells(criterion="variance", max_count=20).fit(X, y[::-1] * 0 + 3.7).covering_) == 1


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("shift", [0.0, 1.0, -1e3])
def test_the_unit_of_y_does_not_matter(scale, shift):
    X = town(1_000)
    y = np.sin(20 * X[:, 0]) + 0.1 * np.random.default_rng(0).standard_normal(1_000)
    expected = AdaptiveCells(20, criterion="variance").fit(X, y).covering_
    assert AdaptiveCells(20, criterion="variance").fit(X, scale * (y + shift)).covering_ == expected


def test_count_does_not_read_y():
    assert AdaptiveCells().fit(town(200), ["a"] * 200).covering_ == AdaptiveCells().fit(town(200)).covering_


# --- a covering that is given ----------------------------------------------------------------------------------------


def test_from_covering():
    X = town(500)
    fitted = AdaptiveCells(20).fit(X)
    union = cw.CellUnion.from_tokens(fitted.to_tokens())
    for given_cells in (union, union.cells, union.cells[::-1].tolist(), pd.Series(union.cells)):
        encoder = AdaptiveCells.from_covering(given_cells)
        assert (encoder.transform(X) != fitted.transform(X)).nnz == 0
        assert encoder.get_feature_names_out().tolist() == fitted.get_feature_names_out().tolist()
        assert encoder.counts_.tolist() == [0] * len(union)
        assert encoder.transform_one(47.4, 8.5) == fitted.transform_one(47.4, 8.5)
    assert not hasattr(encoder, "n_features_in_")
    outside = [[-30.0, -51.0], [np.nan, 0.0]]
    assert encoder.transform(outside).nnz == 0
    assert AdaptiveCells.from_covering(union, output="ordinal").transform(outside).ravel().tolist() == [-1, -1]
    assert AdaptiveCells.from_covering(union, output="cell").transform(outside).ravel().tolist() == [0, 0]


def test_from_covering_takes_frames_and_is_left_as_it_was():
    X = pd.DataFrame(town(50), columns=["Latitude", "LON"])[["LON", "Latitude"]]
    encoder = AdaptiveCells.from_covering(AdaptiveCells(5).fit(X).covering_, sparse_output=False)
    before = set(vars(encoder))
    assert encoder.transform(X).sum() == 50
    assert encoder.transform(X.to_numpy()[:, ::-1]).sum() == 50
    assert set(vars(encoder)) == before
    assert encoder.set_output(transform="pandas").transform(X).shape[0] == 50
    with pytest.raises(ValueError, match="to_dict must come after fit"):
        encoder.to_dict()


def test_a_given_covering_survives_clone_and_fit():
    X = town(500)
    union = AdaptiveCells(20).fit(X).covering_
    encoder = AdaptiveCells.from_covering(union)
    again = clone(encoder).fit(X[:100])
    assert again.covering_ == union
    assert again.counts_.sum() == 100
    assert AdaptiveCells(covering=union).fit([[0.0, 0.0]]).counts_.sum() == 0
    assert r2(encoder, X, X[:, 0]) > 0.5
    back = AdaptiveCells.from_dict(json.loads(json.dumps(again.to_dict())))
    assert back.covering_ == union
    assert back.counts_.tolist() == again.counts_.tolist()


@pytest.mark.parametrize(
    ("covering", "error", "words"),
    [
        ([0], ValueError, "covering must hold no missing cell: got 0 at index 0"),
        ([5 << 61 | 2], InvalidCellError, "cell must be"),
        (cw.token_to_cell(["1", "14", "3"]), ValueError, "covering must be disjoint: got 1 cells within others"),
        (cw.token_to_cell(["3", "3"]), ValueError, "covering must be disjoint: got 1 cells within others"),
        ([0.5], TypeError, "covering must be"),
        (["89c25"], TypeError, "covering must be"),
    ],
)
def test_coverings_that_cannot_be(covering, error, words):
    for make in (AdaptiveCells.from_covering, lambda p: AdaptiveCells(covering=p).fit(town(3))):
        with pytest.raises(error) as why:
            make(covering)
        assert words in str(why.value), str(why.value)


def test_geojson():
    X = np.vstack((town(300), np.column_stack((np.linspace(-80, 80, 99), np.full(99, 179.9))), [(90.0, 0.0)] * 20))
    encoder = AdaptiveCells(150).fit(X)
    saved = json.loads(json.dumps(encoder.to_geojson()))
    assert saved["type"] == "FeatureCollection"
    assert [feature["id"] for feature in saved["features"]] == encoder.to_tokens()
    assert [feature["properties"]["count"] for feature in saved["features"]] == encoder.counts_.tolist()
    assert [feature["properties"]["level"] for feature in saved["features"]] == encoder.covering_.levels.tolist()
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in saved["features"]]
    assert shapely.is_valid(shapes).all()
    assert (np.abs(shapely.bounds(shapes)) <= (180, 90, 180, 90)).all()
    rings = shapely.get_exterior_ring(shapely.get_parts(shapes))
    assert shapely.is_ccw(rings).all()
    assert "MultiPolygon" in {shape.geom_type for shape in shapes}


# --- missing, invalid, cells ------------------------------------------------------------------------------------------


def test_missing_rows_lie_in_no_cell_in_silence():
    X = town(200)
    X[[0, 7]] = np.nan
    encoder = AdaptiveCells(20, on_invalid="raise")
    Z = encoder.fit_transform(X)
    assert np.flatnonzero(np.diff(Z.indptr) == 0).tolist() == [0, 7]
    assert encoder.counts_.sum() == 198
    assert encoder.transform_one(None, 0.0) == encoder.transform_one(0.0, np.nan) == -1
    y = np.where(X[:, 0] > 47, 1.0, 0.0)
    assert AdaptiveCells(20, criterion="variance").fit(X, y).counts_.sum() == 198


def test_invalid_rows():
    X = np.vstack((town(100), [(95.0, 0.0), (0.0, np.inf)]))
    with pytest.warns(InvalidCoordinatesWarning):
        encoder = AdaptiveCells(20).fit(X)
    assert encoder.counts_.sum() == 100
    with pytest.warns(InvalidCoordinatesWarning):
        assert encoder.transform_one(95.0, 0.0) == -1
    assert AdaptiveCells(20, on_invalid="null").fit(X).transform(X).sum() == 100
    with pytest.raises(ValueError, match="lat must be"):
        AdaptiveCells(20, on_invalid="raise").fit(X)


def test_rows_may_be_cells():
    X = town(400)
    leaves = cw.latlng_to_cell(*canonical_latlng(*X.T))
    expected = AdaptiveCells(20).fit(X)
    frame = pd.DataFrame({"home": leaves, "rooms": 1.5})
    for rows, params in ((frame, {"cell": "home"}), (frame["home"], {}), (pl.from_pandas(frame), {"cell": 0})):
        assert AdaptiveCells(20, **params).fit(rows).covering_ == expected.covering_
    # cells of level 12 are not divided, however many rows have the same
    coarse = AdaptiveCells(3, cell=0).fit(cw.cell_parent(leaves, 12)[:, None])
    assert coarse.covering_.levels.max() <= 12
    assert coarse.counts_.sum() == 400


def test_coarse_cells_are_not_divided_among_their_rows():
    top = cw.token_to_cell("47904")
    fine = cw.cell_children(top, 12)[[0, -1]].tolist()
    rows = np.array([top] * 5 + [fine[0]] * 40 + [fine[1]] * 40, np.uint64)[:, None]
    assert AdaptiveCells(cell=0).fit(rows).covering_.cells[0] != top
    assert top in AdaptiveCells(cell=0, min_level=7).fit(rows).covering_.cells
    few = AdaptiveCells(cell=0, min_level=7).fit(rows[1:])
    assert few.counts_.tolist() == [40, 40]
    assert few.transform(rows[:1]).nnz == 0


# --- parameters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"max_count": 0}, ValueError, "max_count must be at least 1"),
        ({"max_count": 2.5}, TypeError, "max_count must be an integer: got float 2.5"),
        ({"min_frequency": 0}, ValueError, "min_frequency must be at least 1"),
        ({"min_level": 31}, ValueError, "min_level must be in 0..30: got 31"),
        ({"min_level": 9, "max_level": 8}, ValueError, "max_level must be in 9..30: got 8"),
        ({"criterion": "entropy"}, ValueError, "criterion must be one of 'count', 'variance': got 'entropy'"),
        ({"max_features": 0}, ValueError, "max_features must be at least 1"),
        ({"small_cells": "merge"}, ValueError, "small_cells must be one of 'keep', 'drop': got 'merge'"),
        ({"output": "id"}, ValueError, "output must be one of 'onehot', 'ordinal', 'cell': got 'id'"),
        ({"sparse_output": 1}, TypeError, "sparse_output must be True or False: got 1"),
        ({"dtype": "U3"}, ValueError, "dtype must be one of numbers or booleans"),
        ({"on_invalid": "fix"}, ValueError, "on_invalid must be one of 'raise', 'warn', 'null': got 'fix'"),
        ({"lat": 0}, ValueError, "lat and lng must be given together"),
    ],
)
def test_parameters_that_cannot_be_meant(params, error, words):
    with pytest.raises(error) as why:
        AdaptiveCells(**params).fit(town(9))
    assert words in str(why.value), str(why.value)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (None, "requires y to be passed, but the target y is None"),
        (["a", "b", "c"] * 3, "y must be numbers or two classes with criterion='variance': got 3 classes"),
        (np.full(9, np.nan), "y must be finite: got nan at index 0 (9 of 9 values)"),
        (np.zeros(8), "inconsistent numbers of samples"),
        (np.zeros((9, 2)), "y should be a 1d array"),
    ],
)
def test_targets_that_cannot_be(y, words):
    encoder = AdaptiveCells(criterion="variance")
    for call in (encoder.fit, encoder.fit_transform):
        with pytest.raises(ValueError) as why:
            call(town(9), y)
        assert words in str(why.value), str(why.value)


@pytest.mark.parametrize("form", [list, pd.Series, lambda y: pd.Series(y, dtype="Int64"), lambda y: y.astype(bool)])
def test_forms_of_y(form):
    X = town(300)
    y = (X[:, 0] > 47.4).astype(int)
    expected = AdaptiveCells(20, criterion="variance").fit(X, y).covering_
    assert AdaptiveCells(20, criterion="variance").fit(X, form(y)).covering_ == expected


def test_parameters_are_keywords():
    with pytest.raises(TypeError):
        AdaptiveCells(50, 5)


def test_unfitted():
    encoder = AdaptiveCells()
    calls = (
        lambda: encoder.transform(town(3)),
        lambda: encoder.transform_one(0, 0),
        lambda: encoder.inverse_transform(np.zeros((1, 1))),
        encoder.get_feature_names_out,
        encoder.to_tokens,
        encoder.to_geojson,
        encoder.to_dict,
    )
    for call in calls:
        with pytest.raises(NotFittedError):
            call()


# --- output -----------------------------------------------------------------------------------------------------------


def test_forms_of_output():
    X = town(200)
    Z = AdaptiveCells(20).fit_transform(X)
    assert sparse.isspmatrix_csr(Z)
    assert (Z.dtype, Z.indices.dtype, Z.indptr.dtype) == (np.float32, np.int32, np.int32)
    dense = AdaptiveCells(20, sparse_output=False, dtype=np.uint8).fit_transform(X)
    assert dense.dtype == np.uint8
    assert (dense == Z.toarray()).all()
    ordinal = AdaptiveCells(20, output="ordinal").fit_transform(X)
    assert (ordinal.shape, ordinal.dtype) == ((200, 1), np.int64)
    assert (ordinal.ravel() == Z.indices).all()
    cells = AdaptiveCells(20, output="cell").fit_transform(X)
    assert (cells.shape, cells.dtype) == ((200, 1), np.uint64)
    assert (np.diff(cells.ravel()[np.argsort(ordinal.ravel())].view(np.int64)) >= 0).all() or cells.max() >= 2**63


def test_names():
    X = pd.DataFrame(town(300), columns=["lat", "lng"])
    encoder = AdaptiveCells(20).fit(X)
    names = encoder.get_feature_names_out(["lat", "lng"])
    assert names.dtype == object
    levels, tokens = encoder.covering_.levels, encoder.covering_.to_tokens()
    assert names.tolist() == [f"s2_L{level}_{token}" for level, token in zip(levels, tokens)]
    assert len(set(names)) == len(names)
    assert AdaptiveCells(output="ordinal").fit(X).get_feature_names_out().tolist() == ["s2_part"]
    assert AdaptiveCells(output="cell").fit(X).get_feature_names_out().tolist() == ["s2_cell"]
    with pytest.raises(ValueError, match="input_features is not equal"):
        encoder.get_feature_names_out(["lng", "lat"])


@pytest.mark.parametrize(("library", "frame"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
@pytest.mark.parametrize("output", ["onehot", "ordinal", "cell"])
def test_set_output(library, frame, output):
    X = pd.DataFrame(town(60), columns=["lat", "lng"], index=range(5, 65))
    encoder = AdaptiveCells(20, output=output, sparse_output=False).set_output(transform=library)
    for Z in (encoder.fit_transform(X), encoder.transform(X)):
        assert isinstance(Z, frame)
        assert list(Z.columns) == encoder.get_feature_names_out().tolist()
    if output == "cell":
        assert str(Z["s2_cell"].dtype).lower() == "uint64"
        assert encoder.inverse_transform(Z).tolist() == Z["s2_cell"].to_list()
    if library == "pandas":
        assert Z.index.tolist() == X.index.tolist()


def test_inverse_transform_of_other_forms():
    encoder = AdaptiveCells(20).fit(town(300))
    Z = encoder.transform(np.vstack((town(4), [(0.0, 0.0)])))
    cells = encoder.inverse_transform(Z)
    assert (cells.dtype, cells[-1]) == (np.uint64, 0)
    zeros = Z.copy()
    zeros.data[0] = 0
    for form in (Z.toarray(), Z.tocsc(), Z.tocoo(), pd.DataFrame(Z.toarray()), Z.toarray().tolist()):
        assert encoder.inverse_transform(form).tolist() == cells.tolist()
    assert encoder.inverse_transform(zeros).tolist() == [0, *cells[1:]]


@pytest.mark.parametrize(
    ("output", "Z", "words"),
    [
        ("onehot", np.zeros((2, 3)), "X must have 2 columns: got shape (2, 3)"),
        ("ordinal", np.zeros((2, 3)), "X must have 1 columns: got shape (2, 3)"),
        ("ordinal", [1, 2], "X must have 1 columns: got shape (2,)"),
        ("ordinal", [[1], [2]], "X must be integers in -1..1: got 2 at index 1 (1 of 2 values)"),
        ("ordinal", [[0.5], [-2]], "X must be integers in -1..1: got 0.5 at index 0 (2 of 2 values)"),
        ("ordinal", [[np.nan]], "X must be integers in -1..1: got nan at index 0 (1 of 1 values)"),
        ("cell", np.array([[4]], np.uint64), "X must be cells of the covering or 0: got 4 at index 0 (1 of 1 values)"),
    ],
)
def test_inverse_transform_of_what_cannot_be(output, Z, words):
    encoder = AdaptiveCells.from_covering(cw.token_to_cell(["1", "3"]), output=output)
    with pytest.raises(ValueError) as why:
        encoder.inverse_transform(Z)
    assert str(why.value) == words


def test_ids_as_floats_are_refused():
    encoder = AdaptiveCells.from_covering(cw.token_to_cell(["1", "3"]), output="cell")
    with pytest.raises(TypeError):
        encoder.inverse_transform([[1.5]])


# --- among other tools ------------------------------------------------------------------------------------------------


def test_column_transformer_and_grid_search():
    X = pd.DataFrame(town(300), columns=["latitude", "longitude"])
    X["rooms"] = np.arange(300) % 5
    y = np.sin(3 * X["latitude"]) + X["rooms"]
    columns = ColumnTransformer(
        [("place", AdaptiveCells(20), ["latitude", "longitude"]), ("rest", StandardScaler(), ["rooms"])]
    )
    grid = {
        "columntransformer__place__criterion": ["count", "variance"],
        "columntransformer__place__max_count": [10, 40],
        "columntransformer__place__output": ["onehot", "ordinal"],
    }
    search = GridSearchCV(make_pipeline(columns, Ridge()), grid, cv=3, n_jobs=1).fit(X, y)
    assert search.best_score_ > 0.5
    assert search.best_estimator_[0].get_feature_names_out()[0].startswith("place__s2_")
    assert "AdaptiveCells" in search.best_estimator_._repr_html_()


def test_frames_arrays_and_lists_agree():
    X = pd.DataFrame(town(200), columns=["latitude", "longitude"])
    X["rooms"] = "many"
    expected = AdaptiveCells(20).fit_transform(X[["latitude", "longitude"]].to_numpy())
    for rows, params in (
        (X, {}),
        (X[["rooms", "longitude", "latitude"]], {"lat": 2, "lng": "longitude"}),
        (pl.from_pandas(X), {}),
        (X[["latitude", "longitude"]].to_numpy().tolist(), {}),
    ):
        encoder = AdaptiveCells(20, **params)
        assert (encoder.fit_transform(rows) != expected).nnz == 0
        assert (encoder.transform(rows) != expected).nnz == 0
        assert encoder.n_features_in_ == np.shape(rows)[1]


def test_float32_and_read_only_input():
    X = town(200).astype(np.float32)
    X.flags.writeable = False
    for order in "CF":
        Z = AdaptiveCells(20).fit_transform(np.asarray(X, order=order))
        assert (AdaptiveCells(20).fit_transform(X.astype(np.float64)) != Z).nnz == 0


def test_clone_and_pickle():
    encoder = AdaptiveCells(20, criterion="variance").fit(town(2_000), np.arange(2_000.0))
    assert clone(encoder).get_params() == encoder.get_params()
    assert not hasattr(clone(encoder), "covering_")
    data = pickle.dumps(encoder)
    assert len(data) < 2_000 + 16 * len(encoder.covering_)
    back = pickle.loads(data)
    assert (back.transform(town(50, 1)) != encoder.transform(town(50, 1))).nnz == 0
    assert back.transform_one(47.4, 8.5) == encoder.transform_one(47.4, 8.5)


def test_fit_is_idempotent_and_changes_nothing_given():
    covering = cw.token_to_cell(["47904", "1"])
    for encoder in (AdaptiveCells(20), AdaptiveCells(covering=covering)):
        X = town(100)
        first = encoder.fit_transform(X)
        encoder.fit(town(10, 5))
        assert (encoder.fit_transform(X) != first).nnz == 0
        assert (town(100) == X).all()
    assert covering.tolist() == cw.token_to_cell(["47904", "1"]).tolist()


def test_transform_in_threads():
    encoder, X = AdaptiveCells(20).fit(town(2_000)), town(2_000, 1)
    expected = encoder.transform(X)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: encoder.transform(X), range(16)))
    assert all((expected != Z).nnz == 0 for Z in results)


# --- saving -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoder",
    [
        AdaptiveCells(),
        AdaptiveCells(np.int64(10), criterion="variance", max_features=30, dtype=np.float64, lat=0, lng=1),
        AdaptiveCells(10, small_cells="drop", output="cell", on_invalid="null"),
        AdaptiveCells(output="ordinal", covering=cw.token_to_cell(["47904", "1"])),
        AdaptiveCells(covering=cw.cover(cw.Cap(47.4, 8.5, 5, unit="km"))),
    ],
)
def test_to_dict_and_back(encoder):
    X, others = town(500), np.vstack((town(50, 1), [(0.0, 0.0)]))
    encoder.fit(X, X[:, 0])
    saved = json.loads(json.dumps(encoder.to_dict()))
    back = AdaptiveCells.from_dict(saved)
    assert abs(back.transform(others) - encoder.transform(others)).sum() == 0
    assert back.covering_ == encoder.covering_
    assert back.counts_.tolist() == encoder.counts_.tolist()
    assert back.counts_.dtype == np.int64
    assert back.to_dict() == saved
    assert clone(back).fit(X, X[:, 0]).covering_ == encoder.covering_


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("covering", ["X"], "covering must hold no missing cell"),
        ("covering", ["3", "1"], "covering must be disjoint and sorted"),
        ("covering", ["1", "14"], "covering must be disjoint and sorted"),
        ("covering", ["1", "1"], "covering must be disjoint and sorted"),
        ("covering", [1], "covering must be a list of str"),
        ("counts", [1], "counts must have 2 items: got 1"),
        ("counts", [-1, 1], "counts must be 0 or more"),
        ("counts", [2**63, 1], "counts must be 0 or more and fit in 64 bits"),
        ("counts", [0.5, 1], "counts must be a list of int"),
        ("more", 1, "state must have the keys covering, counts"),
    ],
)
def test_from_dict_checks_the_state(key, value, words):
    saved = AdaptiveCells(covering=cw.token_to_cell(["1", "3"])).fit([[0.0, 0.0]]).to_dict()
    saved["state"][key] = value
    with pytest.raises(ValueError) as why:
        AdaptiveCells.from_dict(saved)
    assert words in str(why.value), str(why.value)
