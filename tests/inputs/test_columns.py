"""Columns of other libraries in, columns of theirs out: what is missing is NA, whatever the values are."""

import decimal
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from columns import listed

import cellwise as cw

LAT, LNG = -30.0438, -51.14022
LEAF = 10743750136202470315
L15 = cw.cell_parent(LEAF, 15)
SIGNED = L15 - (1 << 64)

CELLS = {
    "UInt64": lambda ids: pd.Series(ids, dtype="UInt64"),
    "uint64[pyarrow]": lambda ids: pd.Series(ids, dtype="uint64[pyarrow]"),
    "object": lambda ids: pd.Series(ids, dtype=object),
    "category": lambda ids: pd.Series(pd.Series([L15], dtype="uint64").astype("category").reindex([0, 5]).values),
    "Index": lambda ids: pd.Index(ids, dtype="UInt64"),
    "arrow": lambda ids: pa.array(ids, pa.uint64()),
    "chunked": lambda ids: pa.chunked_array([[ids[0]], [ids[1]]], pa.uint64()),
    "polars": lambda ids: pl.Series(ids, dtype=pl.UInt64),
}
every_column = pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)

FUNCTIONS = {
    "cell_parent": lambda c: cw.cell_parent(c, 5),
    "cell_to_int64": cw.cell_to_int64,
    "cell_to_token": cw.cell_to_token,
    "cell_to_string": cw.cell_to_string,
    "cell_level": cw.cell_level,
    "cell_face": cw.cell_face,
    "cell_is_leaf": cw.cell_is_leaf,
    "cell_area": cw.cell_area,
    "cell_distance": lambda c: cw.cell_distance(c, LEAF, unit="km"),
    "cell_range_min": cw.cell_range_min,
    "cell_contains": lambda c: cw.cell_contains(c, LEAF),
    "contains of a union": lambda c: cw.CellUnion([L15]).contains(c),
    "intersects of a union": lambda c: cw.CellUnion([LEAF]).intersects(c),
    "there and back": lambda c: cw.int64_to_cell(cw.cell_to_int64(c)),
    "there and back as text": lambda c: cw.token_to_cell(cw.cell_to_token(c)),
}


def library(column):
    return type(column).__module__.partition(".")[0]


@every_column
@pytest.mark.parametrize("name", FUNCTIONS)
def test_missing_cells_stay_missing(name, make, backend):
    given = make([L15, None])
    found = FUNCTIONS[name](given)
    assert library(found) == library(given)
    there, missing = listed(found)
    assert missing is None
    assert there == FUNCTIONS[name](L15)


@every_column
def test_the_type_says_nothing_of_the_values(make, backend):
    with_missing, without = make([L15, None]), make([L15, L15])
    for function in FUNCTIONS.values():
        one, other = function(with_missing), function(without)
        assert type(one) is type(other)
        assert getattr(one, "dtype", getattr(one, "type", None)) == getattr(
            other, "dtype", getattr(other, "type", None)
        )


@every_column
def test_several_results_are_several_columns(make, backend):
    for results in (cw.cell_to_latlng(make([L15, None])), cw.cell_ij(make([L15, None]))):
        assert [listed(x)[1] for x in results] == [None, None]


@pytest.mark.parametrize("on_invalid", ["raise", "warn", "null"])
def test_options_and_types_decide_whether_a_series_knows_na(on_invalid, backend):
    plain, nullable = pd.Series([LAT, LAT]), pd.Series([LAT, LAT], dtype="Float64")
    how = {"on_invalid": on_invalid}
    assert cw.latlng_to_cell(plain, LNG, **how).dtype == ("uint64" if on_invalid == "raise" else "UInt64")
    assert cw.latlng_to_cell(nullable, LNG, **how).dtype == "UInt64"
    assert cw.latlng_to_cell(np.array([LAT]), LNG, **how).dtype == np.uint64
    assert cw.latlng_distance(plain, LNG, 0, 0, **how).dtype == ("float64" if on_invalid == "raise" else "Float64")


def test_missing_coordinates_are_na_and_0_in_numpy(backend):
    lat = [LAT, np.nan]
    for make in (pd.Series, pa.array, pl.Series):
        assert listed(cw.latlng_to_cell(make(lat), LNG, on_invalid="null")) == [LEAF, None]
    assert cw.latlng_to_cell(np.array(lat), LNG, on_invalid="null").tolist() == [LEAF, 0]
    s = cw.latlng_to_cell(pd.Series(lat, index=["a", "b"], name="at"), LNG, on_invalid="null")
    assert (list(s.index), s.name) == (["a", "b"], "at")
    with pytest.raises(ValueError, match=r"lat must be .* got nan at index 1 \(1 of 2 values\)"):
        cw.latlng_to_cell(pd.Series(lat, dtype="Float64"), LNG)
    with pytest.warns(cw.errors.InvalidCoordinatesWarning):
        assert listed(cw.latlng_to_cell(pd.Series([LAT, 95.0]), LNG, on_invalid="warn")) == [LEAF, None]


def test_answers_about_regions_are_na_where_nothing_is_asked(backend):
    lat = pd.Series([LAT, np.nan])
    for region in (cw.Rect(lat=(-31, -30), lng=(-52, -51)), cw.Cap(LAT, LNG, 9), cw.CellUnion([L15])):
        assert listed(region.contains(lat, LNG, on_invalid="null")) == [True, None]
        assert region.contains(lat.to_numpy(), LNG, on_invalid="null").tolist() == [True, False]


@pytest.mark.parametrize(
    "make",
    [
        lambda x: pd.Series(x, dtype="Int64"),
        lambda x: pd.Series(x, dtype="int64[pyarrow]"),
        lambda x: pd.Series(x, dtype=object),
        pa.array,
        pl.Series,
    ],
    ids=["Int64", "int64[pyarrow]", "object", "arrow", "polars"],
)
def test_signed_ids_of_databases_are_read_back(make, backend):
    assert listed(cw.int64_to_cell(make([SIGNED, None]))) == [L15, None]


def test_missing_signed_ids_of_python_are_0(backend):
    assert cw.int64_to_cell([SIGNED, None]).tolist() == [L15, 0]
    assert cw.int64_to_cell(None) == 0
    assert cw.int64_to_cell(pd.NA) is pd.NA
    with pytest.raises(TypeError, match="i must be integer ids, because floats lose bits.*Int64 and UInt64 of pandas"):
        cw.int64_to_cell(pd.Series([SIGNED, None]))


@pytest.mark.parametrize(
    "call",
    [
        lambda ids: cw.cell_level(np.array(ids)),
        lambda ids: cw.cell_parent(pd.Series(ids), 3),
        lambda ids: cw.cell_parent(pd.Series(ids, dtype="Int64"), 3),
        lambda ids: cw.cell_to_token(ids),
        lambda ids: cw.cell_to_token(pa.array(ids)),
        lambda ids: cw.CellUnion(ids),
        lambda ids: cw.CellUnion([L15]).contains(ids),
    ],
)
def test_signed_ids_elsewhere_name_the_way(call, backend):
    with pytest.raises(cw.errors.InvalidCellError, match="signed ids are read by int64_to_cell") as why:
        call([SIGNED])
    assert f"got {SIGNED} at index 0" in str(why.value)


@pytest.mark.parametrize(
    "nothing", [[], np.empty(0), pd.Series([]), pd.Index([]), pa.array([]), pl.Series([])], ids=type
)
def test_no_rows_give_no_rows(nothing, backend):
    for function in (
        lambda c: cw.cell_parent(c, 3),
        cw.cell_level,
        cw.cell_to_token,
        cw.cell_to_int64,
        cw.int64_to_cell,
        cw.token_to_cell,
        cw.cell_area,
        lambda x: cw.latlng_to_cell(x, x),
        lambda x: cw.latlng_distance(x, x, x, x),
        lambda c: cw.cell_disk(c, 1),
        cw.CellUnion,
    ):
        found = function(nothing)
        assert len(found) == 0
        assert isinstance(found, (cw.Ragged, cw.CellUnion)) or library(found) == library(nothing) or nothing == []


@pytest.mark.parametrize("make", [pa.array, pl.Series, list, lambda x: pd.Series(x, dtype=object)])
def test_decimals_are_numbers(make, backend):
    given = make([decimal.Decimal("-30.0438"), decimal.Decimal("1.5")])
    assert listed(cw.latlng_to_cell(given, LNG)) == cw.latlng_to_cell([LAT, 1.5], LNG).tolist()


def test_tokens_may_be_bytes(backend):
    token = cw.cell_to_token(L15).encode()
    assert cw.token_to_cell(token) == L15
    for many in ([token, b"X"], np.array([token, b"X"]), np.array([token, b"X"], object)):
        assert cw.token_to_cell(many).tolist() == [L15, 0]
    assert listed(cw.token_to_cell(pa.array([token, None]))) == [L15, None]
    with pytest.raises(cw.errors.InvalidCellError, match=re.escape("got b'89c26' at index 0")):
        cw.token_to_cell([b"89c26"])
