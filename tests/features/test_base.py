"""Which columns say where a row is, and what becomes of missing and invalid rows."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import cellwise as cw
from cellwise.errors import InvalidCellError, InvalidCoordinatesWarning
from cellwise.features import CellEncoder
from cellwise.features._base import CellTransformer, find_columns

LAT = np.array([37.77, 40.71, -33.87, 37.78])
LNG = np.array([-122.42, -74.0, 151.21, -122.41])
LEAVES = cw.latlng_to_cell(LAT, LNG)


class Reader(CellTransformer):
    """The least transformer: the cell of each row as a column."""

    def __init__(self, lat=None, lng=None, cell=None, on_invalid="warn"):
        self.lat = lat
        self.lng = lng
        self.cell = cell
        self.on_invalid = on_invalid

    def fit(self, X, y=None):
        self._read_cells(X, reset=True)
        return self

    def transform(self, X):
        return self._read_cells(X, reset=False)[:, None]


def read(X, **params):
    return Reader(**params)._read_cells(X, reset=True)


@pytest.mark.filterwarnings("ignore::cellwise.errors.InvalidCoordinatesWarning")
@parametrize_with_checks([Reader()])
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


# --- columns by name and position -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "given", "found"),
    [
        (None, {}, (0, 1)),
        (["a", "b", "c"], {}, (0, 1)),
        (["price", "longitude", "latitude"], {}, (2, 1)),
        (["LON", "Lat"], {}, (1, 0)),
        (["lng", "x", "LATITUDE"], {}, (2, 0)),
        (["lat", "long"], {}, (0, 1)),
        (["latitudes", "plateau"], {}, (0, 1)),
        ([0, 1, 2], {"lat": 2, "lng": 1}, (2, 1)),
        (None, {"lat": -1, "lng": 0}, (2, 0)),
        (["y", "x", "z"], {"lat": "y", "lng": "x"}, (0, 1)),
        (["y", "x", "z"], {"lat": "z", "lng": 0}, (2, 0)),
        (["lat", "lng", "home"], {"cell": "home"}, (2,)),
        (None, {"cell": np.int64(1)}, (1,)),
    ],
)
def test_columns_are_found(names, given, found):
    assert find_columns(names, 3 if names is None else len(names), **given) == found


@pytest.mark.parametrize(
    ("names", "given", "error", "words"),
    [
        (["lat", "latitude", "lng"], {}, ValueError, ("lat must be given", "'lat', 'latitude'")),
        (["latitude", "x"], {}, ValueError, ("lng must be given", "longitude", "got none")),
        (["lon", "x"], {}, ValueError, ("lat must be given", "got none")),
        (["lat", "lng"], {"lat": 0}, ValueError, ("lat and lng must be given together", "lat=0, lng=None")),
        (["lat", "lng"], {"lat": 0, "lng": 0}, ValueError, ("must be two columns",)),
        (None, {"lat": 0, "lng": -3}, ValueError, ("must be two columns",)),
        (None, {"lat": 3, "lng": 0}, ValueError, ("lat must be a column in -3..2: got 3",)),
        (None, {"lat": "y", "lng": "x"}, ValueError, ("lat must be a position", "'y'")),
        (["a", "b"], {"lat": "y", "lng": "b"}, ValueError, ("lat must name one column", "'y'", "0 of 2")),
        (["a", "a", "b"], {"lat": "a", "lng": "b"}, ValueError, ("lat must name one column", "2 of 3")),
        (["a", "b"], {"lat": True, "lng": 0}, TypeError, ("lat must be the name or position", "True")),
        (["a", "b"], {"lat": 0.0, "lng": 1}, TypeError, ("lat must be the name or position", "0.0")),
        (["a", "b"], {"cell": "a", "lat": 0, "lng": 1}, ValueError, ("cell must be given without lat and lng",)),
    ],
)
def test_columns_that_cannot_be_meant(names, given, error, words):
    with pytest.raises(error) as why:
        find_columns(names, 3 if names is None else len(names), **given)
    assert all(word in str(why.value) for word in words), str(why.value)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
@pytest.mark.parametrize("given", [{"lat": 0, "lng": 1}, {"lat": "longitude", "lng": "latitude"}])
def test_names_that_contradict_are_refused(frame, given):
    X = frame({"longitude": LNG, "latitude": LAT})
    with pytest.raises(ValueError, match="lat must be no column of longitudes: got position 0, 'longitude'"):
        read(X, **given)
    assert (read(X) == LEAVES).all()


def test_names_that_contradict_are_refused_after_fit_without_names():
    reader = Reader().fit(np.column_stack((LAT, LNG)))
    swapped = pd.DataFrame({"lng": LNG, "lat": LAT})
    with (
        pytest.warns(UserWarning, match="fitted without feature names"),
        pytest.raises(ValueError, match="lat must be"),
    ):
        reader.transform(swapped)


# --- every kind of X --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "X",
    [
        np.column_stack((LAT, LNG)),
        np.asfortranarray(np.column_stack((LAT, LNG, LAT))),
        np.column_stack((LAT, LNG)).astype(object),
        np.column_stack((LAT, LNG)).tolist(),
        tuple(map(tuple, np.column_stack((LAT, LNG)).tolist())),
        pd.DataFrame({"lat": LAT, "lng": LNG}),
        pd.DataFrame({"lat": LAT, "lng": LNG}, index=[5, 5, 3, 1]),
        pd.DataFrame({"lat": LAT, "lng": LNG}, dtype="Float64"),
        pd.DataFrame({"lat": LAT, "lng": LNG}, dtype="float64[pyarrow]"),
        pd.DataFrame({"LON": LNG, "what": "text", "LAT": LAT}),
        pd.DataFrame(np.column_stack((LAT, LNG))),
        pl.DataFrame({"id": ["a"] * 4, "long": LNG, "lat": LAT}),
        pa.table({"long": LNG, "lat": LAT}),
    ],
    ids=lambda X: type(X).__name__,
)
def test_coordinates_in_any_container(X, backend):
    assert read(X).dtype == np.uint64
    assert (read(X) == LEAVES).all()
    assert (Reader().fit(X).transform(X)[:, 0] == LEAVES).all()


@pytest.mark.parametrize(
    ("X", "cell"),
    [
        (np.column_stack((LEAVES, LEAVES)), 1),
        (pd.DataFrame({"price": 1.5, "home": LEAVES}), "home"),
        (pd.DataFrame({"price": 1.5, "home": pd.array(LEAVES, dtype="UInt64")}), "home"),
        (pd.DataFrame({"price": 1.5, "home": LEAVES.astype(object)}), 1),
        (pl.DataFrame({"price": [1.5] * 4, "home": LEAVES}), "home"),
        ([[1.5, int(leaf)] for leaf in LEAVES], 1),
        (pd.Series(LEAVES), None),
        (pd.Series(LEAVES, name="home", dtype="UInt64"), None),
        (pd.Series(LEAVES, name="home", dtype="uint64[pyarrow]"), "home"),
        (pl.Series("home", LEAVES), None),
    ],
    ids=lambda X: type(X).__name__,
)
def test_cells_in_any_container_keep_all_bits(X, cell):
    """Leaves on face 4 lose bits in float64; beside a column of floats a matrix would be float64."""
    assert (read(X, cell=cell) == LEAVES).all()
    assert (Reader(cell=cell).fit(X).transform(X)[:, 0] == LEAVES).all()


def test_float32_and_read_only_input():
    X = np.column_stack((LAT, LNG)).astype(np.float32)
    X.flags.writeable = False
    before = X.copy()
    assert (read(X) == cw.latlng_to_cell(X[:, 0].astype(float), X[:, 1].astype(float))).all()
    assert (before == X).all()


@pytest.mark.parametrize(
    ("X", "params", "error", "words"),
    [
        (np.zeros((3, 1)), {}, ValueError, "1 feature(s) (shape=(3, 1)) while a minimum of 2 is required by Reader"),
        (pd.DataFrame({"lat": LAT}), {}, ValueError, "1 feature(s)"),
        (pd.DataFrame(index=range(3)), {"cell": 0}, ValueError, "0 feature(s) (shape=(3, 0)) while a minimum of 1"),
        (np.zeros((0, 2)), {}, ValueError, "0 sample(s)"),
        (pd.DataFrame({"lat": [], "lng": []}), {}, ValueError, "0 sample(s)"),
        (np.zeros(3), {}, ValueError, "Expected 2D array, got 1D array"),
        (pd.Series([1.0, 2.0]), {}, ValueError, "Expected a 2-dimensional container"),
        (np.zeros((3, 2), complex), {}, ValueError, "Complex data not supported"),
        ([["a", "b"]], {}, TypeError, "lat must be numbers: got str"),
        (pd.DataFrame({"lat": ["1"], "lng": [2.0]}), {}, TypeError, "lat must be numbers"),
        (np.column_stack((LEAVES, LAT)), {"cell": 0}, TypeError, "floats lose bits"),
        (pd.DataFrame({"home": ["89c25a3"]}), {"cell": 0}, TypeError, "token_to_cell"),
        (pd.Series(LEAVES), {"lat": 0, "lng": 1}, ValueError, "without lat and lng"),
        (np.zeros((3, 2)), {"on_invalid": "drop"}, ValueError, "on_invalid must be one of 'raise', 'warn', 'null'"),
    ],
)
def test_input_that_cannot_be_meant(X, params, error, words):
    with pytest.raises(error) as why:
        read(X, **params)
    assert words in str(why.value), str(why.value)


def test_columns_must_be_those_of_fit():
    reader = Reader().fit(pd.DataFrame({"lat": LAT, "lng": LNG}))
    with pytest.raises(ValueError, match="feature names should match"):
        reader.transform(pd.DataFrame({"lng": LNG, "lat": LAT}))
    with pytest.raises(ValueError, match="X has 3 features, but Reader is expecting 2 features"):
        Reader().fit(np.column_stack((LAT, LNG))).transform(np.zeros((2, 3)))


def test_no_rows_are_fine_after_fit():
    reader = Reader().fit(np.column_stack((LAT, LNG)))
    assert reader.transform(np.zeros((0, 2))).shape == (0, 1)


# --- missing and invalid ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "X",
    [
        np.array([[np.nan, 2.0], [1.0, np.nan], [np.nan, np.inf], [1.0, 2.0]]),
        [[None, 2.0], [1.0, None], [None, None], [1.0, 2.0]],
        pd.DataFrame({"lat": [None, 1, None, 1], "lng": [2, None, None, 2]}, dtype="Float64"),
        pd.DataFrame({"lat": [pd.NA, 1, pd.NA, 1], "lng": [2, pd.NA, pd.NA, 2]}, dtype=object),
        pl.DataFrame({"lat": [None, 1.0, None, 1.0], "lng": [2.0, None, float("nan"), 2.0]}),
    ],
    ids=lambda X: type(X).__name__,
)
def test_missing_coordinates_are_silent(X):
    for on_invalid in ("warn", "raise", "null"):
        assert read(X, on_invalid=on_invalid).tolist() == [0, 0, 0, cw.latlng_to_cell(1.0, 2.0)]


@pytest.mark.parametrize("missing", [0, None, pd.NA, np.nan])
def test_missing_cells_are_silent(missing):
    home = int(LEAVES[0])
    columns = [pd.Series([missing, home, missing], dtype=object)]
    if missing is not np.nan:
        columns.append(pd.array([missing, home, missing], dtype="UInt64"))
    for column in columns:
        X = pd.DataFrame({"home": column})
        assert read(X, cell="home", on_invalid="raise").tolist() == [0, home, 0]


@pytest.mark.parametrize(
    ("lat", "lng", "words"),
    [
        (95.0, 10.0, ("lat must be in -90..90", "got 95.0 at index 2 (1 of 4 values)")),
        (-90.001, 10.0, ("lat must be in -90..90", "got -90.001 at index 2")),
        (10.0, 360.5, ("lng", "got 360.5 at index 2")),
        (10.0, -np.inf, ("lng", "got -inf at index 2")),
        (np.inf, 10.0, ("lat", "got inf at index 2")),
        (-122.4, 37.8, ("lat", "-122.4", "look swapped")),
    ],
)
def test_invalid_coordinates_warn_once_or_raise_or_are_null(lat, lng, words, backend):
    X = np.array([[1.0, 2.0], [np.nan, 2.0], [lat, lng], [1.0, 2.0]])
    leaf = cw.latlng_to_cell(1.0, 2.0)
    with pytest.warns(InvalidCoordinatesWarning) as seen:
        assert read(X).tolist() == [leaf, 0, 0, leaf]
    assert len(seen) == 1
    assert all(word in str(seen[0].message) for word in (*words, "missing cell"))
    with pytest.raises(ValueError) as why:
        read(X, on_invalid="raise")
    assert all(word in str(why.value) for word in words)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(X, on_invalid="null").tolist() == [leaf, 0, 0, leaf]


def test_longitudes_wrap():
    assert (read(np.column_stack((LAT, LNG % 360))) == cw.latlng_to_cell(LAT, LNG % 360)).all()


def test_invalid_cells_warn_or_raise_or_are_null():
    X = pd.DataFrame({"home": np.array([LEAVES[0], 0, 2, 8], np.uint64)})
    with pytest.warns(InvalidCoordinatesWarning, match=r"got 2 .* at index 2 \(2 of 4 values\)"):
        assert read(X, cell=0).tolist() == [LEAVES[0], 0, 0, 0]
    with pytest.raises(InvalidCellError, match="at index 2"):
        read(X, cell=0, on_invalid="raise")
    assert read(X, cell=0, on_invalid="null").tolist() == [LEAVES[0], 0, 0, 0]


def test_signed_cells_are_no_cells():
    X = pd.DataFrame({"home": cw.cell_to_int64(LEAVES)})
    with pytest.raises(InvalidCellError, match="int64_to_cell"):
        read(X, cell="home", on_invalid="raise")


def test_input_is_never_changed():
    X = pd.DataFrame({"lat": [1.0, None, 95.0], "lng": [2.0, 3.0, 4.0]})
    before = X.copy(deep=True)
    with pytest.warns(InvalidCoordinatesWarning):
        read(X)
    pd.testing.assert_frame_equal(X, before)


def test_one_warning_a_call():
    X = np.array([[1.0, 2.0], [95.0, 2.0]])
    for call in (CellEncoder(4).fit, CellEncoder(4).fit_transform, CellEncoder(4).fit([[1.0, 2.0]]).transform):
        with pytest.warns(InvalidCoordinatesWarning) as seen:
            call(X)
        assert len(seen) == 1
