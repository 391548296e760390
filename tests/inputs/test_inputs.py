"""What goes in and what comes out: kinds of arguments, missing and invalid values, messages."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import s2sphere

import cellwise as cw
from cellwise.errors import CellLimitError, InvalidCellError, InvalidCoordinatesWarning

L15, LEAF = 10743750135264575488, 10743750136202470315
SMALL = cw.token_to_cell("0c")  # its id fits in an int64
IDS = [L15, SMALL]
LEVELS = [15, 1]


def big_endian(x):
    return np.asarray(x).astype(np.asarray(x).dtype.newbyteorder(">"))


def read_only(x):
    x = np.array(x)
    x.flags.writeable = False
    return x


CELL_FORMS = {
    "list": lambda: IDS,
    "tuple": lambda: tuple(IDS),
    "uint64": lambda: np.array(IDS, np.uint64),
    "strided": lambda: np.array([[i, 0] for i in IDS], np.uint64)[:, 0],
    "reversed twice": lambda: np.array(IDS[::-1], np.uint64)[::-1],
    "read-only": lambda: read_only(np.array(IDS, np.uint64)),
    "big-endian": lambda: big_endian(np.array(IDS, np.uint64)),
    "object": lambda: np.array(IDS, object),
    "masked": lambda: np.ma.array(np.array(IDS, np.uint64)),
    "Series": lambda: pd.Series(IDS, dtype="uint64"),
    "nullable Series": lambda: pd.Series(IDS, dtype="UInt64"),
    "Arrow Series": lambda: pd.Series(IDS, dtype="uint64[pyarrow]"),
    "object Series": lambda: pd.Series(IDS, dtype=object),
    "Index": lambda: pd.Index(IDS, dtype="uint64"),
    "pandas array": lambda: pd.array(IDS, dtype="UInt64"),
    "arrow": lambda: pa.array(IDS, pa.uint64()),
    "chunked arrow": lambda: pa.chunked_array([pa.array([i], pa.uint64()) for i in IDS]),
    "polars": lambda: pl.Series(IDS, dtype=pl.UInt64),
    "s2sphere": lambda: [s2sphere.CellId(i) for i in IDS],
}


@pytest.mark.parametrize("form", CELL_FORMS)
def test_cells_in_every_form(form, backend):
    given = CELL_FORMS[form]()
    assert np.asarray(cw.cell_level(given)).tolist() == LEVELS
    up = np.asarray(cw.cell_parent(given, 1))
    assert up.astype(np.uint64).tolist() == [cw.cell_parent(i, 1) for i in IDS]


COORDINATE_FORMS = {
    "list": list,
    "float64": np.array,
    "float32": lambda x: np.array(x, np.float32),
    "float16": lambda x: np.array(x, np.float16),
    "int8": lambda x: np.array(x, np.int8),
    "big-endian": lambda x: big_endian(np.array(x)),
    "read-only": read_only,
    "strided": lambda x: np.array([[v, 0.0] for v in x])[:, 0],
    "object": lambda x: np.array(x, object),
    "masked": np.ma.array,
    "Series": pd.Series,
    "nullable": lambda x: pd.Series(x, dtype="Float64"),
    "nullable integers": lambda x: pd.Series([int(v) for v in x], dtype="Int32"),
    "arrow": pa.array,
    "polars": pl.Series,
}


@pytest.mark.parametrize("form", COORDINATE_FORMS)
def test_coordinates_in_every_form(form, backend):
    make = COORDINATE_FORMS[form]
    lat, lng = [10.0, -20.0, 90.0], [-5.0, 120.0, 0.0]
    expected = [cw.latlng_to_cell(a, b, 12) for a, b in zip(lat, lng)]
    assert np.asarray(cw.latlng_to_cell(make(lat), make(lng), 12)).astype(np.uint64).tolist() == expected


def test_float32_is_taken_at_its_own_value(path):
    lat, lng = np.float32(-30.0438), np.float32(-51.14022)
    assert cw.latlng_to_cell(lat, lng) == cw.latlng_to_cell(float(lat), float(lng))


def test_shapes_and_types(backend):
    assert type(cw.cell_level(L15)) is int
    assert type(cw.cell_level(np.uint64(L15))) is int
    assert type(cw.cell_level(np.array(L15, np.uint64))) is int  # a 0-d array is a scalar
    assert type(cw.cell_area(L15)) is float
    assert type(cw.cell_is_leaf(L15)) is bool
    assert type(cw.cell_to_string(L15)) is str
    assert [type(x) for x in cw.cell_to_latlng(L15)] == [float, float]
    assert cw.cell_to_point(L15).shape == (3,)
    assert cw.cell_vertices(np.full((2, 3), L15, np.uint64)).shape == (2, 3, 4, 2)
    assert cw.cell_edge_neighbors(np.full((2, 3), L15, np.uint64)).shape == (2, 3, 4)
    assert cw.cell_bounds([]).shape == (0, 4)
    assert cw.cell_to_token([]).dtype == "<U16"
    assert cw.cell_parent(np.full((3, 1), LEAF, np.uint64), [1, 2]).shape == (3, 2)
    assert cw.cell_parent(LEAF, []).shape == (0,)
    assert cw.point_to_cell(np.ones((2, 5, 3)), 4).shape == (2, 5)
    assert cw.latlng_to_cell([[1.0], [2.0]], [[3.0, 4.0]]).shape == (2, 2)
    assert len(cw.cell_disk([], 2)) == 0
    assert cw.cell_ij([LEAF])[0].dtype == np.int32
    assert cw.cell_contains(L15, [LEAF, L15]).dtype == bool


def test_no_result_holds_ids_as_floats(backend):
    cells = np.array([L15, LEAF], np.uint64)
    results = [
        cw.cell_parent(cells, 3), cw.cell_next(cells), cw.cell_range_min(cells), cw.cell_edge_neighbors(cells),
        cw.cell_common_ancestor(cells, cells), cw.cell_disk(cells, 1).values, cw.token_to_cell(["951977d34"]),
        cw.cell_children(cells[:1]).values, cw.CellUnion(cells).cells,
    ]  # fmt: skip
    assert {x.dtype for x in results} == {np.dtype(np.uint64)}


def test_series_keep_index_order_and_name(backend):
    s = pd.Series([LEAF, L15], index=["b", "a"], dtype="uint64", name="home")
    up = cw.cell_parent(s, 10)
    assert isinstance(up, pd.Series)
    assert (list(up.index), up.name, str(up.dtype)) == (["b", "a"], "home", "uint64")
    frame = pd.DataFrame({"lat": [1.0, 2.0], "lng": [3.0, 4.0]}, index=[7, 5])
    cells = cw.latlng_to_cell(frame["lat"], frame["lng"], 9)
    assert (list(cells.index), cells.name) == ([7, 5], None)
    assert isinstance(cw.cell_to_token(s), pd.Series)
    assert cw.cell_to_token(s).tolist() == ["951977d377e723ab", "951977d34"]
    lat, lng = cw.cell_to_latlng(s)
    assert lat.index.tolist() == lng.index.tolist() == ["b", "a"]


def test_series_of_different_rows_are_refused():
    lat, lng = pd.Series([1.0, 2.0], index=[0, 1]), pd.Series([1.0, 2.0], index=[1, 0])
    with pytest.raises(ValueError, match="lat and lng have different indexes"):
        cw.latlng_to_cell(lat, lng)


def test_missing_cells_have_null_results(path):
    assert cw.cell_level(0) == -1
    assert cw.cell_face(0) == -1
    assert cw.cell_parent(0, 5) == 0
    assert cw.cell_to_token(0) == "X" == cw.cell_to_string(0)
    assert cw.token_to_cell("X") == 0 == cw.string_to_cell("X")
    assert cw.cell_to_int64(0) == 0 == cw.int64_to_cell(0)
    assert cw.cell_is_leaf(0) is False
    assert cw.cell_contains(L15, 0) is False
    assert cw.cell_next(0) == 0
    assert np.isnan(cw.cell_to_point(0)).all()
    assert np.isnan(cw.cell_area(0))
    assert np.isnan(cw.cell_distance(0, L15))
    assert cw.cell_ij(0) == (-1, -1)
    assert cw.cell_disk(0, 2).tolist() == [] == cw.cell_all_neighbors(0).tolist()
    assert cw.cell_edge_neighbors(0).tolist() == [0, 0, 0, 0]
    assert cw.cell_to_polygon(0) is None


NULLABLE = {
    "nullable": lambda: pd.Series([L15, None, LEAF], dtype="UInt64"),
    "arrow series": lambda: pd.Series([L15, None, LEAF], dtype="uint64[pyarrow]"),
}


@pytest.mark.parametrize("form", NULLABLE)
def test_missing_is_na_in_nullable_pandas(form, backend):
    s = NULLABLE[form]()
    for result, kind in [
        (cw.cell_parent(s, 10), "UInt64"),
        (cw.cell_level(s), "Int32"),
        (cw.cell_area(s), "Float64"),
        (cw.cell_is_leaf(s), "boolean"),
        (cw.cell_to_int64(s), "Int64"),
        (cw.cell_to_token(s), "string"),
        (cw.cell_to_latlng(s)[0], "Float64"),
    ]:
        assert result.isna().tolist() == [False, True, False]
        assert str(result.dtype) == kind
    assert int(cw.cell_parent(s, 30, on_invalid="null")[2]) == LEAF  # not through float64


def test_missing_in_other_forms(backend):
    expected = [15, -1, 30]
    for s in (
        np.ma.array(np.array([L15, 7, LEAF], np.uint64), mask=[False, True, False]),
        [L15, None, LEAF],
        [L15, np.nan, LEAF],
        np.array([L15, pd.NA, LEAF], dtype=object),
    ):
        assert cw.cell_level(s).tolist() == expected
    for lat in (
        [1.0, None, 2.0],
        pa.array([1.0, None, 2.0]),
        pl.Series([1.0, None, 2.0]),
        pd.Series([1.0, pd.NA, 2.0], dtype="Float64"),
        pd.Series([1, pd.NA, 2], dtype="Int64"),
        np.ma.array([1.0, 9.0, 2.0], mask=[False, True, False]),
    ):
        cells = cw.latlng_to_cell(lat, [3.0, 3.0, 3.0], on_invalid="null")
        assert (np.asarray(pd.Series(cells).fillna(0)) == 0).tolist() == [False, True, False]
        with pytest.raises(ValueError, match="lat must be in -90..90 degrees: got nan at index 1 "):
            cw.latlng_to_cell(lat, [3.0, 3.0, 3.0])


BAD_COORDINATES = [
    ((91.0, 0.0), "lat must be in -90..90 degrees: got 91.0; lat and lng look swapped"),
    ((-90.0000001, 0.0), "lat must be in -90..90 degrees: got -90.0000001; lat and lng look swapped"),
    ((-30156, -51234), "lat must be in -90..90 degrees: got -30156.0"),
    ((float("nan"), 0.0), "lat must be in -90..90 degrees: got nan"),
    ((float("inf"), 0.0), "lat must be in -90..90 degrees: got inf"),
    ((0.0, float("-inf")), "lng must be in -360..360 degrees: got -inf"),
    ((0.0, 360.5), "lng must be in -360..360 degrees: got 360.5"),
    ((0.0, 0.0, 31), "level must be in 0..30: got 31"),
    ((0.0, 0.0, -1), "level must be in 0..30: got -1"),
    ((0.0, 0.0, np.int8(-1)), "level must be in 0..30: got -1"),
    ((0.0, 0.0, 2**40), f"level must be in 0..30: got {2**40}"),
]


@pytest.mark.parametrize(("given", "message"), BAD_COORDINATES)
def test_bad_coordinates(given, message, path):
    with pytest.raises(ValueError) as why:
        cw.latlng_to_cell(*given)
    assert str(why.value).removesuffix("; lat and lng look swapped") == message.removesuffix(
        "; lat and lng look swapped"
    )
    assert str(why.value).endswith("swapped") == message.endswith("swapped")
    assert cw.latlng_to_cell(*given, on_invalid="null") == 0
    with pytest.warns(InvalidCoordinatesWarning, match=re.escape(message)):
        assert cw.latlng_to_cell(*given, on_invalid="warn") == 0
    with pytest.raises(ValueError, match=r"at index 2 \(1 of 3 values\)"):
        cw.latlng_to_cell(*([good, good, bad] for good, bad in zip((1.0, 1.0, 1), given)))


def test_index_of_more_dimensions():
    lat = np.zeros((2, 3))
    lat[1, 0] = lat[1, 2] = 95
    with pytest.raises(ValueError, match=re.escape("got 95.0 at index (1, 0) (2 of 6 values)")):
        cw.latlng_to_cell(lat, 0.0)


@pytest.mark.parametrize("level", [True, 10.0, "10", None, np.float32(3), [True], [1.5], np.array([True]), b"1"])
def test_level_is_an_integer(level):
    with pytest.raises(TypeError, match="level must be an integer"):
        cw.latlng_to_cell(0.0, 0.0, level)


@pytest.mark.parametrize("level", [3, np.int8(3), np.uint64(3), [3], np.array([3], np.int16), pd.Series([3])])
def test_levels_of_every_integer_kind(level):
    assert np.asarray(cw.cell_level(np.asarray(cw.latlng_to_cell(0.0, 0.0, level)))).ravel().tolist() == [3]


def test_missing_level():
    with pytest.raises(ValueError, match=r"level must be in 0..30: got NA at index 1 \(1 of 2 values\)"):
        cw.cell_parent(L15, pd.Series([3, None], dtype="Int32"))


BAD_CELLS = [
    (2, "got 2 (0x0000000000000002)"),
    (2**64 - 1, "got 18446744073709551615 (0xffffffffffffffff)"),
    (0xC000000000000001, "got 13835058055282163713 (0xc000000000000001)"),
    (-1, "got -1"),
    (2**64, "got 18446744073709551616"),
    (-8520148382826627072, "got -8520148382826627072"),
    (np.int64(-8520148382826627072), "got -8520148382826627072"),
]


@pytest.mark.parametrize(("cell", "got"), BAD_CELLS)
def test_bad_cells(cell, got, path):
    with pytest.raises(InvalidCellError, match=re.escape(f"cell must be a valid cell: {got}")) as why:
        cw.cell_level(cell)
    assert ("int64_to_cell" in str(why.value)) == (cell < 0)
    with pytest.raises(InvalidCellError, match=re.escape(f"{got} at index 1 (1 of 2 values)")):
        cw.cell_level([L15, cell])
    assert cw.cell_level(cell, on_invalid="null") == -1
    assert cw.cell_parent([L15, cell], 3, on_invalid="null")[1] == 0
    assert cw.cell_is_valid(cell) is False


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (1e18, "floats lose bits"),
        (np.array([1e18]), "floats lose bits"),
        ([float(L15)], "floats lose bits"),
        (np.float32(1), "floats lose bits"),
        (pd.Series([1.0, np.nan]), "floats lose bits"),
        ("951977d34", "token_to_cell"),
        ("9926594110334959616", "token_to_cell"),
        (["951977d34"], "token_to_cell"),
        (np.array(["951977d34"]), "token_to_cell"),
        (True, "got bool"),
        ([True, L15], "got bool"),
        (np.array([True]), "got bool"),
        (object(), "got object"),
        (1j, "got complex"),
    ],
)
def test_what_is_never_a_cell(cell, words):
    with pytest.raises(TypeError, match=words):
        cw.cell_level(cell)


BAD_TOKENS = ["", "x", " 89c25", "89c25\n", "0x89c25", "8_9c25", "-1", "89C25", "1" * 17, "876b e99", "876[ee99"]
BAD_TOKENS += ["89c26", "é9c25", "89c25\0", "0", "f" * 16]


@pytest.mark.parametrize("token", [*BAD_TOKENS, b"89C25", b"89c25\0", "ü"])
def test_bad_tokens(token, path):
    quoted = re.escape(repr(token))
    with pytest.raises(InvalidCellError, match=f"token must be .*: got {quoted}"):
        cw.token_to_cell(token)
    with pytest.raises(InvalidCellError, match=f"got {quoted} at index 1"):
        cw.token_to_cell(["951977d34", token])
    assert cw.token_to_cell(["951977d34", token], on_invalid="null").tolist() == [L15, 0]
    if isinstance(token, str) and "\0" not in token:  # numpy itself drops NULs at the end
        assert cw.token_to_cell(np.array(["951977d34", token]), on_invalid="null").tolist() == [L15, 0]


def test_tokens_in_every_form(backend):
    good = ["951977d34", "X", "0c"]
    for tokens in (
        good,
        np.array(good),
        np.array(good, "S16"),
        np.array(good, object),
        np.array(good).astype(np.dtypes.StringDType()),
        pd.Series(good),
        pd.Series(good, dtype="category"),
        pa.array(good),
        pl.Series(good),
        pd.Series(["951977d34", None, "0c"], dtype="string"),
        np.array([[t, ""] for t in good])[:, 0],
    ):
        assert np.asarray(pd.Series(cw.token_to_cell(tokens)).fillna(0)).tolist() == [L15, 0, SMALL]
    assert cw.token_to_cell([]).dtype == np.uint64
    with pytest.raises(TypeError, match="token must be text: got int"):
        cw.token_to_cell(5)
    with pytest.raises(TypeError, match="token must be text: got uint64"):
        cw.token_to_cell(np.array([L15], np.uint64))


def test_token_dtypes():
    cells = np.array([L15, 0], np.uint64)
    assert cw.cell_to_token(cells, dtype="S16").tolist() == [b"951977d34", b"X"]
    assert cw.token_to_cell(cw.cell_to_token(cells, dtype="S16")).tolist() == [L15, 0]
    assert cw.cell_to_token(cells, dtype="arrow").equals(pa.array(["951977d34", "X"]))
    with pytest.raises(ValueError, match="dtype must be one of 'U16', 'S16', 'arrow': got 'U8'"):
        cw.cell_to_token(cells, dtype="U8")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cw.cell_parent(L15, 16), "level must be the cell's own level or coarser: got 16 for cell 951977d34 (level 15)"),
        (lambda: cw.cell_children(L15, 14), "level must be the cell's own level or finer: got 14 for cell 951977d34 (level 15)"),
        (lambda: cw.cell_children(LEAF), "cell must be coarser than a leaf: got 951977d377e723ab (level 30)"),
        (lambda: cw.cell_child(LEAF, 0), "cell must be coarser than a leaf: got 951977d377e723ab (level 30)"),
        (lambda: cw.cell_child(L15, 4), "k must be in 0..3: got 4"),
        (lambda: cw.cell_child(L15, -1), "k must be in 0..3: got -1"),
        (lambda: cw.cell_disk(L15, -1), "k must be 0 or more: got -1"),
        (lambda: cw.cell_vertex_neighbors(L15, 15), "level must be coarser than the cell's own level: got 15 for cell 951977d34 (level 15)"),
        (lambda: cw.cell_edge_neighbors(2), "cell must be a valid cell: got 2 (0x0000000000000002)"),
        (lambda: cw.cell_contains(L15, 2), "b must be a valid cell: got 2 (0x0000000000000002)"),
        (lambda: cw.int64_to_cell(2), "i must be the signed form of a valid cell: got 2"),
        (lambda: cw.string_to_cell("6/0"), "s must be a face, a slash and at most 30 digits 0..3, like '4/0123': got '6/0'"),
        (lambda: cw.point_to_cell([0.0, 0.0, 0.0]), "xyz must be finite and not zero: got [0.0, 0.0, 0.0]"),
        (lambda: cw.point_to_cell([1.0, 2.0]), "xyz must have 3 values in its last axis: got shape (2,)"),
        (lambda: cw.latlng_distance(0, 0, 100, 0), "lat2 must be in -90..90 degrees: got 100.0; lat and lng look swapped"),
        (lambda: cw.cell_level(L15, on_invalid="ignore"), "on_invalid must be one of 'raise', 'warn', 'null': got 'ignore'"),
        (lambda: cw.cell_area(L15, unit="ha"), "unit must be one of 'm2', 'km2', 'sr': got 'ha'"),
        (lambda: cw.cell_distance(L15, LEAF, unit="mi"), "unit must be one of 'm', 'km', 'rad', 'deg': got 'mi'"),
    ],
)  # fmt: skip
def test_messages(call, message, backend):
    with pytest.raises(ValueError) as why:
        call()
    assert str(why.value) == message


def test_advance_beyond_64_bits():
    with pytest.raises(OverflowError, match="n must fit in 64 bits: got 9223372036854775808"):
        cw.cell_advance(L15, 2**63)


@pytest.mark.parametrize(
    "lat", ["1.0", ["1.0"], np.array(["1.0"]), [b"1"], True, [True], np.array([True]), 1j, [[1], [2, 3]]]
)
def test_what_is_never_a_coordinate(lat):
    with pytest.raises((TypeError, ValueError), match="lat must be numbers|inhomogeneous"):
        cw.latlng_to_cell(lat, 0.0)


def test_longitudes_come_round():
    lng = np.concatenate((np.linspace(180.001, 360, 500), np.arange(181, 361.0)))
    lat = np.resize(np.linspace(-89, 89, 37), len(lng))
    for level in (30, 12):
        assert (cw.latlng_to_cell(lat, lng, level) == cw.latlng_to_cell(lat, lng - 360, level)).all()
        assert (cw.latlng_to_cell(lat, -lng, level) == cw.latlng_to_cell(lat, 360 - lng, level)).all()


def test_cell_limit():
    with cw.set_cell_limit(100):
        with pytest.raises(CellLimitError, match=r"about 256 cells, more than the cell limit of 100; raise it"):
            cw.cell_children(L15, 19)
        with pytest.raises(CellLimitError, match="cell_disk would make about 121 cells"):
            cw.cell_disk(L15, 5)
        assert len(cw.cell_children(L15, 18)) == 64
    assert len(cw.cell_children(L15, 19)) == 256
    with pytest.raises(CellLimitError, match="cell limit of 20,000,000"):
        cw.cell_children(cw.token_to_cell("1"), 30)
    with pytest.raises(ValueError, match=r"n must be at least 1: got 0"):
        cw.set_cell_limit(0)
    with pytest.raises(ValueError, match=r"n must be less than 2\*\*62: got 4611686018427387904"):
        cw.set_cell_limit(2**62)
    with pytest.raises(TypeError, match="n must be an integer: got float 1000000.0"):
        cw.set_cell_limit(1e6)


def test_unknown_keywords_are_errors():
    with pytest.raises(TypeError, match="unexpected keyword"):
        cw.cell_level(L15, oninvalid="null")


def test_a_union_is_an_array_of_cells(backend):
    assert cw.cell_level(cw.CellUnion([SMALL])).tolist() == [1]


def test_polars_needs_no_pyarrow(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    lat, lng = pl.Series([1.0, None]), pl.Series([2, 3])
    assert cw.latlng_to_cell(lat, lng, on_invalid="null").is_null().to_list() == [False, True]
    assert cw.token_to_cell(pl.Series(["04", None])).to_list() == [cw.token_to_cell("04"), None]


def test_scalars_and_arrays_agree_on_the_short_way_and_the_long_one():
    """One value, an array of its own type, and a list, which takes the long way, give the same."""
    rng = np.random.default_rng(0)
    lat, lng = rng.uniform(-90, 90, 50), rng.uniform(-180, 180, 50)
    cells = cw.latlng_to_cell(lat, lng, 20)
    assert cw.latlng_to_cell(list(lat), list(lng), 20).tolist() == cells.tolist()
    assert [cw.latlng_to_cell(a, b, 20) for a, b in zip(lat.tolist(), lng.tolist())] == cells.tolist()
    one = cells[:1].tolist()
    for name in ("level", "face", "is_leaf", "to_latlng", "to_point", "to_token", "to_string", "to_int64", "ij", "vertices",
                 "bounds", "area", "next", "edge_neighbors"):  # fmt: skip
        function = getattr(cw, f"cell_{name}")
        short, long, single = function(cells[:1]), function(one), function(one[0])
        for a, b, c in zip(*(x if isinstance(x, tuple) else (x,) for x in (short, long, single))):
            assert a.dtype == b.dtype
            assert a.tolist() == b.tolist() == [c.tolist() if isinstance(c, np.ndarray) else c]
    with pytest.raises(ValueError, match="lat must be"):
        cw.latlng_to_cell(np.array([91.0]), np.array([0.0]))
    assert cw.cell_parent(np.uint64(L15), 3) == cw.cell_parent(L15, 3)
    grid = cells.reshape(5, 10)
    assert (cw.cell_parent(grid, 4) == cw.cell_parent(cells, 4).reshape(5, 10)).all()
    assert cw.cell_parent(grid.T, 4).shape == (10, 5)  # not contiguous: the long way
    assert cw.cell_to_point(grid).shape == (5, 10, 3)
    assert cw.cell_vertices(grid[:0]).shape == (0, 10, 4, 2)
