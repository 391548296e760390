"""Columns through the Arrow PyCapsule interface: from pyarrow, from polars, and from a producer made by hand."""

import ctypes
import gc
import subprocess
import sys

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import cellwise as cw
from cellwise.inputs import arrow
from cellwise.inputs.arrow import ArrowArray, ArrowArrayStream, ArrowSchema, read_column

NUMBERS = {
    "uint64": pa.uint64(), "int64": pa.int64(), "int32": pa.int32(), "uint8": pa.uint8(), "int16": pa.int16(),
    "float64": pa.float64(), "float32": pa.float32(), "float16": pa.float16(), "bool": pa.bool_(),
}  # fmt: skip
TEXTS = {
    "string": pa.string(), "large string": pa.large_string(), "string view": pa.string_view(),
    "dictionary": pa.dictionary(pa.int8(), pa.string()),
}  # fmt: skip
WORDS = ["89c25a31", "", None, "a long one, longer than twelve letters", "ä", None, "89c25a31", "X", "1"] * 3


def numbers(dtype):
    values = [k % 2 == 0 for k in range(27)] if dtype == pa.bool_() else list(range(27))
    values = [np.float16(x) for x in values] if dtype == pa.float16() else values
    return values


def told(items, is_valid):
    return [
        item if ok else None for item, ok in zip(items.tolist(), [True] * len(items) if is_valid is None else is_valid)
    ]


def split(array, how):
    """The same column: whole, in chunks, or as a slice of a longer one."""
    if how == "whole":
        return array
    if how == "chunks":
        return pa.chunked_array([array[:3], array[3:3], array[3:10], array[10:]])
    return pa.concat_arrays([array[5:], array, array[:2]])[len(array) - 5 : 2 * len(array) - 5]


@pytest.mark.parametrize("how", ["whole", "chunks", "slice"])
@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("dtype", NUMBERS.values(), ids=NUMBERS)
def test_numbers(dtype, nulls, how):
    values = numbers(dtype)
    mask = np.array([k % 3 == 1 and nulls for k in range(27)])
    array = split(pa.array(values, dtype, mask=mask), how)
    items, is_valid = read_column("lat", array)
    assert told(items, is_valid) == array.to_pylist()
    assert items.dtype == dtype.to_pandas_dtype()
    assert (is_valid is not None) == nulls


@pytest.mark.parametrize("how", ["whole", "chunks", "slice"])
@pytest.mark.parametrize("words", [WORDS, [word or "z" for word in WORDS], [None] * 27, [""] * 27], ids=range(4))
@pytest.mark.parametrize("dtype", TEXTS.values(), ids=TEXTS)
def test_texts(dtype, words, how):
    array = split(pa.array(words, pa.string()).cast(dtype), how) if how != "slice" else None
    if array is None:
        array = split(pa.array(words, pa.string()), how).cast(dtype)
    items, is_valid = read_column("token", array)
    assert told(items, is_valid) == array.to_pylist() == words
    assert items.dtype == object


def test_bytes():
    words = [None if word is None else word.encode() for word in WORDS]
    for dtype in (pa.binary(), pa.large_binary(), pa.binary_view()):
        assert told(*read_column("token", pa.array(words, dtype))) == words


def test_dictionaries_with_nulls_of_either_kind():
    array = pa.DictionaryArray.from_arrays(pa.array([0, None, 1, 2], pa.int16()), pa.array([1.5, None, 2.5]))
    assert told(*read_column("lat", array)) == [1.5, None, None, 2.5]
    array = pa.DictionaryArray.from_arrays(pa.array([None, None], pa.int8()), pa.array([], pa.uint64()))
    assert told(*read_column("cell", array)) == [None, None]


@pytest.mark.parametrize("array", [pa.nulls(3), pa.array([], pa.float64()), pa.array([], pa.string_view())])
def test_nothing(array):
    assert told(*read_column("lat", array)) == array.to_pylist()
    assert told(*read_column("lat", pa.chunked_array([array]))) == array.to_pylist()
    assert len(read_column("lat", pa.chunked_array([], array.type))[0]) == 0


def test_polars():
    for series in (pl.Series([1.5, None, 2.5]), pl.Series([1, 2], dtype=pl.UInt64), pl.Series(WORDS)):
        assert told(*read_column("lat", series)) == series.to_list()
        both = pl.concat([series, series], rechunk=False)
        assert told(*read_column("lat", both)) == both.to_list()
    for dtype in (pl.Categorical, pl.Enum(["a", "b"])):
        assert told(*read_column("token", pl.Series(["a", None, "b"], dtype=dtype))) == ["a", None, "b"]


def test_other_columns_are_refused():
    for array in (pa.array([[1]]), pa.array([{"a": 1}]), pa.array([0], pa.timestamp("s")), pa.record_batch({"a": [1]})):
        with pytest.raises(TypeError, match="lat must be a column of numbers or text: got Arrow format '"):
            cw.latlng_to_cell(array, 0.0)
    with pytest.raises(TypeError, match="lat must be a column of numbers or text: got Arrow format '\\+s'"):
        cw.latlng_to_cell(pa.table({"a": [1.0]}), 0.0)
    with pytest.raises(TypeError, match="lat must be numbers: got bool"):
        cw.latlng_to_cell(pa.array([True]), 0.0)
    with pytest.raises(TypeError, match="cell must be integer ids, because floats"):
        cw.cell_level(pa.array([1.0]))


def test_missing_values(backend):
    lat = pa.chunked_array([pa.array([52.52, None]), pa.array([], pa.float64()), pa.array([48.86])])
    cells = cw.latlng_to_cell(lat, pa.array([13, 2, 2], pa.int8()), on_invalid="null")
    assert cells.is_null().to_pylist() == [False, True, False]
    first = cells[0].as_py()
    level = cw.cell_level(pa.array([first, None, cells[2].as_py()], pa.uint64()))
    assert level.to_pylist() == [30, None, 30]
    tokens = pa.array([cw.cell_to_token(first), None, "X"])
    assert cw.token_to_cell(tokens).to_pylist() == [first, None, None]
    with pytest.raises(ValueError, match=r"level must be in 0..30: got NA at index 1 \(1 of 3 values\)"):
        cw.cell_parent(cells, pa.array([1, None, 2]))


# --- a producer made by hand ------------------------------------------------------------------------------------------


class Column:
    """A column of float64 with a validity bitmap and an offset, which counts what it lends and what is given back."""

    def __init__(self, values, valid=None, offset=0, fails=False):
        self.values, self.offset, self.n, self.fails = (
            np.asarray(values, np.float64),
            offset,
            len(values) - offset,
            fails,
        )
        self.bits = None if valid is None else np.packbits(valid, bitorder="little")
        self.lent, self.kept = 0, []
        self.give_back = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._give_back)

    def _give_back(self, address):
        self.lent -= 1
        ArrowArray.from_address(address).release = None

    def _schema(self, there):
        there.format, there.name, there.flags = b"g", b"", 2
        there.release = ctypes.cast(self.give_back_schema, ctypes.c_void_p).value
        self.lent += 1

    def _array(self, there):
        self.buffers = (ctypes.c_void_p * 2)(
            None if self.bits is None else self.bits.ctypes.data, self.values.ctypes.data
        )
        there.length, there.null_count, there.offset, there.n_buffers = self.n, -1, self.offset, 2
        there.buffers = ctypes.cast(self.buffers, ctypes.POINTER(ctypes.c_void_p))
        there.release = ctypes.cast(self.give_back, ctypes.c_void_p).value
        self.lent += 1

    @property
    def give_back_schema(self):
        def released(address):
            self.lent -= 1
            ArrowSchema.from_address(address).release = None

        self.kept.append(ctypes.CFUNCTYPE(None, ctypes.c_void_p)(released))
        return self.kept[-1]

    def capsule(self, struct, name):
        make = ctypes.pythonapi.PyCapsule_New
        make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
        self.kept += [struct, name]
        return make(ctypes.addressof(struct), name, None)


class ArrayColumn(Column):
    def __arrow_c_array__(self, requested_schema=None):
        schema, array = ArrowSchema(), ArrowArray()
        self._schema(schema)
        self._array(array)
        return self.capsule(schema, b"arrow_schema"), self.capsule(array, b"arrow_array")


class StreamColumn(Column):
    """The column twice, as two chunks."""

    def __arrow_c_stream__(self, requested_schema=None):
        stream, left = ArrowArrayStream(), [1, 1]

        def get_schema(_, there):
            self._schema(there.contents)
            return 0

        def get_next(_, there):
            if self.fails:
                return 5
            if left:
                left.pop()
                self._array(there.contents)
            else:
                there.contents.release = None
            return 0

        def released(address):
            self.lent -= 1
            ArrowArrayStream.from_address(address).release = None

        types = dict(ArrowArrayStream._fields_)
        self.kept += [types["get_schema"](get_schema), types["get_next"](get_next)]
        stream.get_schema, stream.get_next = self.kept[-2:]
        self.why = types["get_last_error"](lambda _: ctypes.cast(b"no more", ctypes.c_void_p).value)
        stream.get_last_error = self.why
        self.kept.append(ctypes.CFUNCTYPE(None, ctypes.c_void_p)(released))
        stream.release = ctypes.cast(self.kept[-1], ctypes.c_void_p).value
        self.lent += 1
        return self.capsule(stream, b"arrow_array_stream")


VALID = np.arange(21) % 4 != 2


@pytest.mark.parametrize("offset", [0, 3, 9])
@pytest.mark.parametrize("valid", [None, VALID], ids=["full", "nulls"])
@pytest.mark.parametrize("kind", [ArrayColumn, StreamColumn])
def test_what_is_lent_is_given_back(kind, valid, offset):
    column = kind(np.arange(21) * 1.5, valid, offset)
    items, is_valid = read_column("lat", column)
    times = 2 if kind is StreamColumn else 1
    assert items.tolist() == (np.arange(21) * 1.5)[offset:].tolist() * times
    if valid is None:
        assert is_valid is None
    else:
        assert is_valid.tolist() == valid[offset:].tolist() * times
    del items, is_valid
    gc.collect()
    assert column.lent == 0


def test_one_array_is_not_copied_and_lives_as_long_as_it_is_looked_at():
    column = ArrayColumn(np.arange(5.0))
    items, _ = read_column("lat", column)
    assert np.shares_memory(items, column.values)
    assert not items.flags.writeable
    part = items[2:]
    del items
    gc.collect()
    assert column.lent == 1
    assert part.tolist() == [2.0, 3.0, 4.0]
    del part
    gc.collect()
    assert column.lent == 0


def test_functions_take_such_columns(backend):
    lat, lng = np.linspace(-60, 60, 21), np.linspace(-150, 150, 21)
    cells = cw.latlng_to_cell(ArrayColumn(lat), ArrayColumn(lng), 12)
    assert cells.to_pylist() == cw.latlng_to_cell(lat, lng, 12).tolist()
    some = cw.latlng_to_cell(StreamColumn(lat, VALID), np.tile(lng, 2), 12, on_invalid="null")
    assert some.to_pylist() == np.tile(np.where(VALID, cells.to_pylist(), None), 2).tolist()


def test_a_stream_that_fails_says_why():
    column = StreamColumn(np.arange(3.0), fails=True)
    with pytest.raises(OSError, match="stream of Arrow arrays: no more"):
        read_column("lat", column)
    gc.collect()
    assert column.lent == 0


def test_a_capsule_is_read_once():
    class Twice(ArrayColumn):
        def __arrow_c_array__(self, requested_schema=None):
            self.made = getattr(self, "made", None) or super().__arrow_c_array__()
            return self.made

    column = Twice(np.arange(3.0))
    read_column("lat", column)
    with pytest.raises(ValueError, match="arrow_schema must not be released: it was read before"):
        read_column("lat", column)


def test_pyarrow_is_not_needed():
    code = """
import sys
sys.modules["pyarrow"] = None
import numpy as np, polars as pl, cellwise as cw
cells = cw.latlng_to_cell(pl.Series([52.5, 48.8]), pl.Series([13.4, 2.3]), 10)
assert cw.cell_level(pl.Series(cells)).to_list() == [10, 10]
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_structures_have_the_size_that_arrow_says():
    assert [ctypes.sizeof(kind) for kind in (ArrowSchema, ArrowArray, ArrowArrayStream)] == [72, 80, 40]
    assert arrow.is_arrow(pa.array([1]))
    assert not arrow.is_arrow([1])
