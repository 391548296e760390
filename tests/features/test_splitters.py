"""Folds of cells: their laws, the buffer against brute force, and what scikit-learn asks of a splitter."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, check_cv, cross_val_predict, cross_val_score
from sklearn.neighbors import KNeighborsRegressor

import cellwise as cw
from cellwise.errors import InvalidCoordinatesWarning
from cellwise.features import CellBlockKFold, CellBlockShuffleSplit, LeaveOneCellOut
from cellwise.features._splitters import deal, format_length, locate_rows, nearest_arcs


def _towns(n, seed=0):
    """Rows crowded round a few centers, some of them at the very same place."""
    rng = np.random.default_rng(seed)
    center = rng.uniform((40, 0), (50, 15), (12, 2))[rng.choice(12, n, p=np.arange(1, 13) / 78)]
    return np.round(center + rng.normal(0, 0.4, (n, 2)), 2)


def _sphere(n, seed=0):
    point = np.random.default_rng(seed).normal(size=(n, 3))
    point /= np.linalg.norm(point, axis=1, keepdims=True)
    return np.column_stack([np.degrees(np.arcsin(point[:, 2])), np.degrees(np.arctan2(point[:, 1], point[:, 0]))])


PLACES = {
    "towns": _towns(800),
    "sphere": _sphere(600),
    "north pole": np.column_stack([np.random.default_rng(1).uniform(89, 90, 300), np.linspace(-180, 180, 300)]),
    "south pole": np.column_stack([np.random.default_rng(1).uniform(-90, -89, 300), np.linspace(0, 360, 300)]),
    "antimeridian": np.random.default_rng(2).uniform((-18, 179), (-16, 181), (300, 2))
    - [0, 360] * (np.arange(300) % 2)[:, None],
    "lattice": np.stack(np.meshgrid(np.arange(20) * 0.25, np.arange(20) * 0.25), -1).reshape(-1, 2),
}
SPLITTERS = {
    "kfold": CellBlockKFold(4, random_state=0),
    "kfold unshuffled": CellBlockKFold(4, shuffle=False),
    "shuffle": CellBlockShuffleSplit(6, random_state=0),
    "leave one out": LeaveOneCellOut(),
}


@pytest.fixture(params=PLACES)
def X(request):
    return PLACES[request.param]


@pytest.fixture(params=SPLITTERS)
def cv(request):
    return clone(SPLITTERS[request.param], safe=False)


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("buffer", [0, 30_000])
def test_every_fold_is_rows_once_and_no_block_is_on_both_sides(cv, X, buffer):
    cv.buffer = buffer
    blocks = cv.blocks(X)
    folds = list(cv.split(X))
    assert len(folds) == cv.get_n_splits(X)
    for train, test in folds:
        assert len(train)
        assert len(test)
        for rows in (train, test):
            assert rows.dtype == np.intp
            assert (np.diff(rows) > 0).all()
        assert not set(train) & set(test)
        assert not set(blocks[train]) & set(blocks[test])
        if not buffer:
            assert len(train) + len(test) == len(X)


@pytest.mark.parametrize("cv", [CellBlockKFold(4, random_state=0), LeaveOneCellOut(level=5)])
def test_each_row_is_tested_once(cv, X):
    tested = np.concatenate([test for _, test in cv.split(X)])
    assert sorted(tested) == list(range(len(X)))


def test_blocks_are_cells(X):
    cv = CellBlockKFold(level=7)
    assert (cv.blocks(X) == cw.latlng_to_cell(X[:, 0], X[:, 1], 7)).all()


def test_leave_one_out_follows_the_order_of_cells(X):
    cv = LeaveOneCellOut(level=6)
    for cell, (_, test) in zip(np.unique(cv.blocks(X)), cv.split(X), strict=True):
        assert (cv.blocks(X)[test] == cell).all()


@pytest.mark.parametrize("level", ["auto", 5, 8])
@pytest.mark.parametrize("shuffle", [True, False])
def test_folds_are_balanced_within_the_largest_block(X, level, shuffle):
    cv = CellBlockKFold(3, level=level, shuffle=shuffle, random_state=0 if shuffle else None)
    sizes = [len(test) for _, test in cv.split(X)]
    assert max(sizes) - min(sizes) <= np.unique(cv.blocks(X), return_counts=True)[1].max()


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60), st.integers(2, 7), st.none() | st.integers(0, 99))
def test_deal_is_balanced(count, n_folds, seed):
    count = np.array(count)
    fold = deal(count, n_folds, None if seed is None else np.random.RandomState(seed))
    rows = np.bincount(fold, count, n_folds)
    assert rows.sum() == count.sum()
    assert rows.max() - rows.min() <= count.max()
    assert len(count) < n_folds or (np.bincount(fold, minlength=n_folds) > 0).all()


def test_folds_of_real_sizes_are_nearly_equal():
    sizes = [len(test) for _, test in CellBlockKFold(5, random_state=0).split(_towns(20_000))]
    assert max(sizes) - min(sizes) < 0.01 * 20_000


def test_a_seed_gives_the_same_folds_and_another_seed_others(X):
    def tests_of(seed):
        return [test.tolist() for _, test in CellBlockKFold(3, random_state=seed).split(X)]

    assert tests_of(0) == tests_of(0)
    assert len({str(tests_of(seed)) for seed in range(5)}) > 1
    generator = np.random.RandomState(0)
    assert [test.tolist() for _, test in CellBlockKFold(3, random_state=generator).split(X)] == tests_of(0)


def test_seeds_part_even_the_largest_blocks_anew():
    """Blocks of different sizes are still dealt at random, else ten seeds would be one experiment."""
    X = _towns(5000)
    cells, rows = np.unique(CellBlockKFold(level=6).blocks(X), return_counts=True)
    assert len(set(rows)) > 10
    largest = cells[np.argsort(-rows)[:10]]
    together = set()
    for seed in range(10):
        cv = CellBlockKFold(2, level=6, random_state=seed)
        _, test = next(iter(cv.split(X)))
        together.add(tuple(np.isin(largest, cv.blocks(X)[test])))
    assert len(together) > 5


@pytest.mark.parametrize("test_size", [0.1, 0.2, 0.5, 0.9, 100])
def test_shuffle_split_tests_about_as_many_rows_as_asked(X, test_size):
    cv = CellBlockShuffleSplit(20, test_size=test_size, level=7, random_state=0)
    largest = np.unique(cv.blocks(X), return_counts=True)[1].max()
    wanted = test_size * len(X) if test_size < 1 else test_size
    splits = [test.tolist() for _, test in cv.split(X)]
    assert all(abs(len(test) - wanted) <= largest for test in splits)
    assert len(set(map(str, splits))) > 1
    assert splits == [test.tolist() for _, test in cv.split(X)]


def test_shuffle_split_keeps_a_block_on_each_side():
    X = np.repeat([[10.0, 20.0], [30.0, 40.0]], [1, 99], axis=0)
    for test_size in (0.01, 0.99, 1, 99):
        for train, test in CellBlockShuffleSplit(5, test_size=test_size, level=3, random_state=0).split(X):
            assert {len(train), len(test)} == {1, 99}


# --- level="auto" -----------------------------------------------------------------------------------------------------


def _row_median(X, level):
    count = np.unique(CellBlockKFold(level=level).blocks(X), return_inverse=True, return_counts=True)
    return np.median(count[2][count[1]])


@pytest.mark.parametrize("n_splits", [2, 5, 10])
def test_auto_level_is_the_coarsest_with_five_blocks_a_fold_for_half_of_the_rows(X, n_splits):
    level = cw.cell_level(CellBlockKFold(n_splits).blocks(X)[0])
    assert _row_median(X, level) <= len(X) / n_splits / 5
    assert level == 0 or _row_median(X, level - 1) > len(X) / n_splits / 5


def test_auto_level_goes_by_the_size_of_the_test_set():
    X = _towns(2000)
    level = {
        share: cw.cell_level(CellBlockShuffleSplit(test_size=share).blocks(X)[0]) for share in (0.5, 0.2, 400, 0.01)
    }
    assert level[0.5] < level[0.2] == level[400] < level[0.01]
    assert cw.cell_level(LeaveOneCellOut().blocks(X)[0]) == level[0.2]


def test_auto_level_where_one_place_has_most_rows():
    X = np.vstack([np.tile([45.0, 8.0], (900, 1)), _sphere(100)])
    cv = CellBlockKFold(5, random_state=0)
    assert 25 <= len(np.unique(cv.blocks(X))) < 80
    assert len(list(cv.split(X))) == 5
    few = np.repeat([[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]], [90, 5, 5], axis=0)
    assert cw.cell_level(CellBlockKFold(2).blocks(few)[0]) < 5
    assert len(list(CellBlockKFold(3).split(few))) == 3


# --- the buffer -------------------------------------------------------------------------------------------------------


def _distances(X, unit):
    return cw.latlng_distance(X[:, None, 0], X[:, None, 1], X[None, :, 0], X[None, :, 1], unit=unit)


@pytest.mark.parametrize(("share", "unit"), [(0.02, "m"), (0.05, "km"), (0.1, "deg"), (0.2, "rad"), (1e-9, "m")])
def test_buffer_is_brute_force(cv, X, share, unit):
    apart = _distances(X, unit)
    buffer = share * np.median(apart)
    without = list(cv.split(X))
    cv.buffer, cv.unit = buffer, unit
    n_dropped = 0
    for (train, test), (rest, tested) in zip(cv.split(X), without, strict=True):
        assert (test == tested).all()
        assert (train == rest[apart[np.ix_(rest, test)].min(axis=1) >= buffer]).all()
        n_dropped += len(rest) - len(train)
    assert n_dropped or share < 0.1


def test_rows_just_at_the_buffer_are_kept_and_a_hair_nearer_dropped():
    X = PLACES["lattice"]
    train, test = next(CellBlockKFold(3, level=8, random_state=0).split(X))
    arcs = nearest_arcs(locate_rows(X).at(train), locate_rows(X).at(test))
    assert arcs == pytest.approx(_distances(X, "rad")[np.ix_(train, test)].min(axis=1), abs=1e-14)
    for arc in np.unique(arcs)[::7]:
        for buffer in (np.nextafter(arc, 0), arc, np.nextafter(arc, 9)):
            kept, _ = next(CellBlockKFold(3, level=8, buffer=buffer, unit="rad", random_state=0).split(X))
            assert (kept == train[arcs >= buffer]).all()
            assert (len(kept) < len(train[arcs >= arc])) == (buffer > arc)


@pytest.mark.parametrize("buffer", [np.pi, np.nextafter(np.pi, 0), 3.14159, 3.2, 1e9])
def test_buffers_as_wide_as_the_globe(buffer):
    X = np.array([[12.0, 30.0], [-12.0, -150.0], [12.0, 30.0], [12.5, 30.0], [90.0, 0.0], [-90.0, 0.0]])
    is_near = nearest_arcs(locate_rows(X), locate_rows(X).at(np.array([0]))) < buffer
    assert (is_near == (_distances(X, "rad")[:, 0] < buffer)).all()


def test_buffer_takes_neither_long_nor_much_memory_where_places_repeat():
    X = np.repeat([[40.0, -75.0], [41.0, -75.0], [42.0, -75.0], [43.0, -75.0]], 50_000, axis=0)
    buffer = cw.latlng_distance(40, -75, 41, -75)
    assert sum(len(train) for train, _ in CellBlockKFold(4, level=7, buffer=buffer).split(X)) > 0


def test_buffer_that_leaves_nothing_is_an_error():
    cv = CellBlockKFold(2, level=3, buffer=30_000, unit="km")
    with pytest.raises(ValueError, match=r"buffer must leave rows to train on: got 30000 km, .* from fold 0"):
        next(cv.split(PLACES["sphere"]))


def test_nearest_is_brute_force(X):
    rows, targets = np.arange(0, len(X), 3), np.arange(1, len(X), 3)
    nearest = nearest_arcs(locate_rows(X).at(rows), locate_rows(X).at(targets))
    assert nearest == pytest.approx(_distances(X, "rad")[np.ix_(rows, targets)].min(axis=1), abs=1e-14)


# --- what comes in ----------------------------------------------------------------------------------------------------

ROWS = _towns(200)
NAMED = {"price": np.arange(200.0), "Longitude": ROWS[:, 1], "kind": ["a", "b"] * 100, "LAT": ROWS[:, 0]}
LEAVES = cw.latlng_to_cell(*ROWS.T)
INPUTS = {
    "pandas": (pd.DataFrame(NAMED, index=np.arange(200) * 2), {}),
    "nullable": (pd.DataFrame(NAMED).convert_dtypes(), {}),
    "polars": (pl.DataFrame(NAMED), {}),
    "arrow": (pl.DataFrame(NAMED).to_arrow(), {}),
    "list": (ROWS.tolist(), {}),
    "positions": (np.column_stack([np.zeros(200), ROWS[:, ::-1]]), {"lat": 2, "lng": 1}),
    "names": (pd.DataFrame({"y": ROWS[:, 0], "x": ROWS[:, 1]}), {"lat": "y", "lng": "x"}),
    "objects": (np.array([*zip(ROWS[:, 0], ROWS[:, 1], ["text"] * 200, strict=True)], dtype=object), {}),
    "cells": (pd.DataFrame({"n": 1, "home": LEAVES}), {"cell": "home"}),
    "cells in polars": (pl.DataFrame({"home": LEAVES}), {"cell": "home"}),
    "series": (pd.Series(LEAVES), {}),
    "list of cells": ([[1, int(cell)] for cell in LEAVES], {"cell": 1}),
}


@pytest.mark.parametrize("given", INPUTS)
def test_all_inputs_give_the_same_folds(given):
    X, columns = INPUTS[given]
    cv = CellBlockKFold(3, level=8, buffer=5000, random_state=0)
    wanted = list(cv.split(ROWS))
    cv = CellBlockKFold(3, level=8, buffer=5000, random_state=0, **columns)
    for got, want in zip(cv.split(X), wanted, strict=True):
        assert [rows.tolist() for rows in got] == [rows.tolist() for rows in want]


def test_columns_are_found_as_the_transformers_find_them():
    frame = pd.DataFrame({"lat": [1.0, 2], "latitude": [1.0, 2], "lon": [1.0, 2]})
    with pytest.raises(ValueError, match="lat must be given unless exactly one"):
        CellBlockKFold(2).split(frame)
    with pytest.raises(ValueError, match="lat must be no column of longitudes"):
        CellBlockKFold(2, lat=2, lng=0).split(frame)
    with pytest.raises(ValueError, match="cell must be given without lat and lng"):
        CellBlockKFold(2, cell=0, lat=1, lng=2).split(frame)


def test_rows_without_a_place_are_an_error():
    X = _towns(50)
    X[7, 1] = X[9] = np.nan
    with pytest.raises(ValueError, match=r"X must have a place in every row: got none at index 7 \(2 of 50 rows\)"):
        CellBlockKFold().split(X)
    X[7] = X[9] = 95
    with pytest.raises(ValueError, match="got 95.0 at index 7"):
        LeaveOneCellOut().get_n_splits(X)
    with pytest.raises(ValueError, match=r"got none at index 1 \(1 of 2 rows\)"):
        CellBlockKFold(2, cell=0).split(pd.DataFrame({"cell": np.array([LEAVES[0], 0], np.uint64)}))
    with pytest.raises(ValueError, match="cell must be"):
        CellBlockKFold(2, cell=0).split(pd.DataFrame({"cell": np.array([LEAVES[0], 10], np.uint64)}))


def test_coarse_cells():
    cells = pd.Series(cw.cell_parent(LEAVES, np.where(np.arange(200) == 3, 6, 12)))
    with pytest.raises(
        ValueError, match=r"level must be at most that of every cell: got 8 .* level 6 at index 3 \(1 of"
    ):
        CellBlockKFold(level=8).split(cells)
    assert cw.cell_level(CellBlockKFold(20).blocks(cells)[0]) <= 6


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros(5), r"frame or an array of rows and columns: got ndarray of shape \(5,\)"),
        (sparse.csr_matrix(ROWS), "frame or an array of rows and columns: got csr_matrix"),
        (np.zeros((5, 1)), "X must have rows with coordinates: got 5 rows of 1 columns"),
        (np.zeros((0, 2)), "X must have rows with coordinates: got 0 rows"),
        (np.zeros((9, 2)), r"X must lie in at least 5 cells to be split: got 1 at level 0 \(9 rows\), and no finer"),
    ],
)
def test_tables_that_cannot_be_split(X, message):
    with pytest.raises(ValueError, match=message):
        CellBlockKFold().split(X)


def test_too_few_blocks_come_with_advice():
    with pytest.raises(
        ValueError,
        match=r"level must part the rows into at least 5 blocks: got (\d) at level 3 \(200 rows\); level \d gives \d",
    ):
        CellBlockKFold(level=3).split(ROWS)
    with pytest.raises(ValueError, match="level must part the rows into at least 2 blocks: got 1 at level 0"):
        LeaveOneCellOut(level=0).split([[45.0, 8.0], [46.0, 9.0]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CellBlockKFold(1), "n_splits must be"),
        (lambda: CellBlockKFold(2.0), "n_splits must be an integer"),
        (lambda: CellBlockKFold(level=31), "level must be in 0..30: got 31"),
        (lambda: CellBlockKFold(level="fine"), "level must be 'auto' or an integer in 0..30: got 'fine'"),
        (lambda: CellBlockKFold(buffer=-1), "buffer must be 0 or more: got -1"),
        (lambda: CellBlockKFold(buffer=np.nan), "buffer must be finite"),
        (lambda: CellBlockKFold(unit="mile"), "unit must be one of 'm', 'km'"),
        (lambda: CellBlockKFold(shuffle=1), "shuffle must be True or False"),
        (lambda: CellBlockKFold(shuffle=False, random_state=0), "random_state must be None without shuffle: got 0"),
        (lambda: CellBlockShuffleSplit(0), "n_splits must be"),
        (lambda: CellBlockShuffleSplit(test_size=0), "test_size must be"),
        (
            lambda: CellBlockShuffleSplit(test_size=1.0),
            "test_size must be an integer from 1 or a float between 0 and 1",
        ),
        (
            lambda: CellBlockShuffleSplit(test_size=200).split(ROWS),
            "test_size must be less than the number of rows, 200",
        ),
        (lambda: LeaveOneCellOut().get_n_splits(), "X must be given"),
        (lambda: CellBlockKFold().split(ROWS, np.zeros(3)), "inconsistent numbers of samples"),
    ],
)
def test_messages(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_groups_are_ignored_aloud(cv):
    with pytest.warns(UserWarning, match="groups is ignored by"):
        cv.split(ROWS, groups=np.zeros(200))


# --- scikit-learn -----------------------------------------------------------------------------------------------------


def test_repr_clone_and_pickle(cv):
    assert repr(cv).startswith(f"{type(cv).__name__}(buffer=0, cell=None, ")
    wanted = [test.tolist() for _, test in cv.split(ROWS)]
    for twin in (clone(cv, safe=False), pickle.loads(pickle.dumps(cv)), check_cv(cv)):
        assert [test.tolist() for _, test in twin.split(ROWS)] == wanted


@pytest.mark.parametrize("kind", ["pandas", "polars", "numpy"])
def test_scores_and_searches(cv, kind):
    X = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "numpy": lambda d: np.column_stack([d["lat"], d["lng"]])}[
        kind
    ]({"lat": ROWS[:, 0], "lng": ROWS[:, 1]})
    y = ROWS.sum(axis=1)
    if isinstance(cv, LeaveOneCellOut):
        cv.level = 4
    scores = cross_val_score(Ridge(), X, y, cv=cv, scoring="neg_mean_absolute_error")
    assert len(scores) == cv.get_n_splits(X)
    search = GridSearchCV(KNeighborsRegressor(), {"n_neighbors": [1, 5]}, cv=cv, scoring="neg_mean_absolute_error")
    assert search.fit(X, y).n_splits_ == len(scores)


def test_predictions_out_of_fold():
    y = ROWS.sum(axis=1)
    assert len(cross_val_predict(Ridge(), ROWS, y, cv=CellBlockKFold(random_state=0))) == 200


def test_search_in_two_processes_with_metadata_routing():
    y = ROWS.sum(axis=1)
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            KNeighborsRegressor(), {"n_neighbors": [1, 5]}, cv=CellBlockKFold(random_state=0), n_jobs=2
        )
        search.fit(ROWS, y)
    assert search.best_params_


def test_blocks_serve_as_groups():
    groups = CellBlockKFold(level=7).blocks(ROWS)
    assert len(cross_val_score(Ridge(), ROWS, ROWS[:, 0], groups=groups, cv=GroupKFold(5))) == 5


def test_blocked_scores_are_lower_where_neighbors_are_alike():
    rng = np.random.default_rng(0)
    X = rng.uniform((40, 0), (44, 4), (1500, 2))
    y = np.sin(9 * X[:, 0]) + np.sin(9 * X[:, 1])
    score = {
        buffer: cross_val_score(KNeighborsRegressor(3), X, y, cv=CellBlockKFold(buffer=buffer, random_state=0)).mean()
        for buffer in (0, 10_000)
    }
    assert cross_val_score(KNeighborsRegressor(3), X, y, cv=5).mean() > score[0] + 0.1 > score[10_000] + 0.2


def test_invalid_places_do_not_warn_but_raise():
    with pytest.raises(ValueError) as caught:
        CellBlockKFold().split([[95.0, 0.0], [0.0, 0.0]])
    assert not isinstance(caught.value, InvalidCoordinatesWarning)


@pytest.mark.parametrize(
    ("meters", "text"),
    [
        (0, "0 m"),
        (0.4, "0.4 m"),
        (9.96, "10 m"),
        (847, "850 m"),
        (996, "1.0 km"),
        (9149, "9.1 km"),
        (36_321, "36 km"),
        (1.16e6, "1200 km"),
    ],
)
def test_lengths_are_said_to_two_digits(meters, text):
    assert format_length(meters) == text
