"""Columns of any library that speaks Arrow's C data interface, as numpy arrays; without pyarrow.

An object with ``__arrow_c_array__`` or ``__arrow_c_stream__`` hands out capsules with C structures [1]_. Each structure
is moved: copied here, and marked as released where it came from, so that it is ours to release, which happens when no
array looks at its buffers any more. Numbers without nulls in a single chunk are not copied; arrays of them are
read-only.

.. [1] "The Arrow PyCapsule Interface" and "The Arrow C data interface", https://arrow.apache.org/docs/format/
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_int64, c_void_p, py_object
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from .._typing import AnyArray, BoolArray

NUMBERS = {"c": "i1", "C": "u1", "s": "i2", "S": "u2", "i": "i4", "I": "u4", "l": "i8", "L": "u8"}
NUMBERS |= {"e": "f2", "f": "f4", "g": "f8"}
TEXTS = {"u": "i4", "U": "i8", "z": "i4", "Z": "i8"}  # with offsets of this type
VIEWS = ("vu", "vz")

Column: TypeAlias = "tuple[AnyArray, BoolArray | None]"  # items, and which of them are not null
Buffers: TypeAlias = Callable[[int, DTypeLike, int], AnyArray]  # number, type and count of items -> items


class ArrowSchema(Structure):
    """struct ArrowSchema."""


class ArrowArray(Structure):
    """struct ArrowArray."""


class ArrowArrayStream(Structure):
    """struct ArrowArrayStream."""


ArrowSchema._fields_ = [
    ("format", c_char_p),
    ("name", c_char_p),
    ("metadata", c_void_p),
    ("flags", c_int64),
    ("n_children", c_int64),
    ("children", c_void_p),
    ("dictionary", POINTER(ArrowSchema)),
    ("release", c_void_p),
    ("private_data", c_void_p),
]
ArrowArray._fields_ = [
    ("length", c_int64),
    ("null_count", c_int64),
    ("offset", c_int64),
    ("n_buffers", c_int64),
    ("n_children", c_int64),
    ("buffers", POINTER(c_void_p)),
    ("children", c_void_p),
    ("dictionary", POINTER(ArrowArray)),
    ("release", c_void_p),
    ("private_data", c_void_p),
]
ArrowArrayStream._fields_ = [
    ("get_schema", CFUNCTYPE(c_int, POINTER(ArrowArrayStream), POINTER(ArrowSchema))),
    ("get_next", CFUNCTYPE(c_int, POINTER(ArrowArrayStream), POINTER(ArrowArray))),
    ("get_last_error", CFUNCTYPE(c_char_p, POINTER(ArrowArrayStream))),
    ("release", c_void_p),
    ("private_data", c_void_p),
]

_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype, _get_pointer.argtypes = c_void_p, (py_object, c_char_p)


class _Owned:
    """A structure that is ours, released when nothing refers to it any more."""

    def __init__(self, struct: Any) -> None:
        self.struct = struct

    @classmethod
    def moved(cls, kind: Any, capsule: object, name: bytes) -> _Owned:
        """What a capsule holds, taken from it."""
        there = kind.from_address(_get_pointer(capsule, name))
        if not there.release:
            raise ValueError(f"{name.decode()} must not be released: it was read before")
        here = kind.from_buffer_copy(there)
        there.release = None
        return cls(here)

    def __del__(self) -> None:
        if self.struct.release:
            CFUNCTYPE(None, c_void_p)(self.struct.release)(ctypes.addressof(self.struct))


class _Buffer:
    """Items of a buffer for numpy, read-only, that keep the structure alive."""

    def __init__(self, owner: object, address: int, n: int, dtype: DTypeLike) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "data": (address, True),
            "shape": (n,),
            "typestr": np.dtype(dtype).newbyteorder("=").str,
            "version": 3,
        }


def is_arrow(value: object) -> bool:
    """Whether the value hands out Arrow columns."""
    return hasattr(value, "__arrow_c_array__") or hasattr(value, "__arrow_c_stream__")


def read_column(name: str, value: Any, width: int | None = None) -> Column:
    """The items of a column, and which of them are not null.

    Parameters
    ----------
    name : str
        Of the argument, for messages.
    value : object with ``__arrow_c_array__`` or ``__arrow_c_stream__``
    width : int, optional
        The items are lists of so many floats.

    Returns
    -------
    items : ndarray, shape (n,) or (n, width)
        Numbers or booleans of their own type, read-only if they were not copied; or objects: text and None. Decimals
        are floats, or with a scale of 0 integers of 64 bits, or where they do not fit objects. Numbers that are null
        can be anything.
    is_valid : ndarray of bool, shape (n,), or None
        None if no item is null.

    Raises
    ------
    TypeError
        If the column is of another kind.
    """
    if hasattr(value, "__arrow_c_array__"):
        schema, array = value.__arrow_c_array__()
        schema = _Owned.moved(ArrowSchema, schema, b"arrow_schema")
        return _read(name, schema.struct, _Owned.moved(ArrowArray, array, b"arrow_array"), width)
    stream = _Owned.moved(ArrowArrayStream, value.__arrow_c_stream__(), b"arrow_array_stream")
    schema = _Owned(ArrowSchema())
    _check(stream.struct, stream.struct.get_schema(byref(stream.struct), byref(schema.struct)))
    chunks = []
    while True:
        chunk = _Owned(ArrowArray())
        _check(stream.struct, stream.struct.get_next(byref(stream.struct), byref(chunk.struct)))
        if not chunk.struct.release:
            break
        chunks.append(_read(name, schema.struct, chunk, width))
    if not chunks:
        return np.empty((0,) if width is None else (0, width), _dtype(name, schema.struct, width)), None
    if len(chunks) == 1:
        return chunks[0]
    if len({items.dtype for items, _ in chunks}) > 1:  # decimals: of signed and unsigned ones numpy would make floats
        chunks = [(items.astype(object), valid) for items, valid in chunks]
    items = np.concatenate([items for items, _ in chunks])
    if all(valid is None for _, valid in chunks):
        return items, None
    return items, np.concatenate([np.ones(len(items), bool) if valid is None else valid for items, valid in chunks])


def _check(stream: Any, code: int) -> None:
    if code:
        why = stream.get_last_error(byref(stream))
        raise OSError(code, "stream of Arrow arrays: " + (why or b"no reason given").decode(errors="replace"))


def _dtype(name: str, schema: Any, width: int | None = None) -> np.dtype[Any]:
    """Type of the items of a column; raises if it is none that can be read."""
    kind = schema.format.decode()
    if width is not None:
        if kind != f"+w:{width}":
            raise TypeError(f"{name} must be a column of lists of {width} numbers: got Arrow format {kind!r}")
        return _dtype(name, _child(schema, ArrowSchema))
    if schema.dictionary:
        return _dtype(name, schema.dictionary.contents)
    if kind.startswith("d:"):
        return np.dtype(np.float64 if _scale(kind) else np.int64)
    if kind in NUMBERS:
        return np.dtype(NUMBERS[kind])
    if kind in TEXTS or kind in VIEWS or kind == "n":
        return np.dtype(object)
    if kind == "b":
        return np.dtype(bool)
    raise TypeError(f"{name} must be a column of numbers or text: got Arrow format {kind!r}")


def _read(name: str, schema: Any, array: _Owned | _Part, width: int | None = None) -> Column:
    """Items of one array, and which are not null or None."""
    dtype, kind, struct = _dtype(name, schema, width), schema.format.decode(), array.struct
    n, first = struct.length, struct.offset
    if kind == "n":
        return np.full(n, None, object), np.zeros(n, bool)

    def buffer(k: int, dtype: DTypeLike, n: int) -> AnyArray:
        return np.asarray(_Buffer(array, struct.buffers[k], n, dtype)) if n else np.empty(0, dtype)

    def bits(k: int) -> BoolArray:
        used = buffer(k, "u1", (first + n + 7) // 8)
        return np.unpackbits(used, count=first + n, bitorder="little")[first:].astype(bool)

    valid = bits(0) if n and struct.null_count != 0 and struct.buffers[0] else None
    if valid is not None and valid.all():
        valid = None
    if schema.dictionary:
        index = buffer(1, NUMBERS[kind], first + n)[first:]
        items, known = _read(name, schema.dictionary.contents, _Part(array, struct.dictionary.contents))
        used = np.where(True if valid is None else valid, index, 0).astype(np.intp)
        if len(items) == 0:
            return np.zeros(n, dtype), valid  # all are null
        if known is not None:
            valid = known[used] if valid is None else valid & known[used]
        items = items[used]
        return _without_null_objects(items, valid), valid
    if width is not None:
        items, known = _read(name, _child(schema, ArrowSchema), _Part(array, _child(struct, ArrowArray)))
        lists = slice(first * width, (first + n) * width)
        if known is not None:
            is_whole = np.asarray(known[lists].reshape(n, width).all(axis=1))
            valid = is_whole if valid is None else valid & is_whole
        return items[lists].reshape(n, width), valid
    if kind in NUMBERS:
        return buffer(1, dtype, first + n)[first:], valid
    if kind.startswith("d:"):
        size = _bits(kind) // 32
        words = buffer(1, "u4", size * (first + n))[size * first :].reshape(n, size)
        if valid is not None:
            words = np.where(valid[:, None], words, np.uint32(0))
        return _decimals(words, _scale(kind)), valid
    if kind == "b":
        return bits(1), valid
    items = _views(buffer, struct, first, n, valid) if kind in VIEWS else _texts(buffer, first, n, TEXTS[kind])
    out = np.empty(n, object)
    out[:] = items if kind in ("z", "Z", "vz") else [item.decode(errors="replace") for item in items]
    return _without_null_objects(out, valid), valid


def _without_null_objects(items: AnyArray, valid: BoolArray | None) -> AnyArray:
    if items.dtype.kind == "O" and valid is not None:
        items[~valid] = None
    return items


class _Part:
    """A structure within another one, the dictionary or the child of an array, which keeps that alive."""

    def __init__(self, owner: _Owned | _Part, struct: Any) -> None:
        self.owner, self.struct = owner, struct


def _child(struct: Any, kind: Any) -> Any:
    """The only child of a schema or an array."""
    return ctypes.cast(struct.children, POINTER(POINTER(kind)))[0].contents


def _scale(kind: str) -> int:
    """Digits after the point of a format such as d:19,10."""
    return int(kind[2:].split(",")[1])


def _bits(kind: str) -> int:
    """Width of a format such as d:19,10,256."""
    return int([*kind[2:].split(","), "128"][2])


def _decimals(words: AnyArray, scale: int) -> AnyArray:
    """Decimals, integers in words of 32 bits: the nearest floats, or integers if the scale is 0."""
    if words.shape[1] == 1:
        low, is_short = words.view(np.int32).ravel().astype(np.int64), True
    else:
        low = words[:, :2].copy().view(np.int64).ravel()
        is_short = bool((words[:, 2:] == np.where(low < 0, np.uint32(2**32 - 1), 0)[:, None]).all())
    if is_short and scale == 0:
        return low
    if is_short and 0 < scale <= 22 and ((low > -(2**53)) & (low < 2**53)).all():
        return low / 10.0**scale  # of two exact floats: rounded once
    integers = [int.from_bytes(row.tobytes(), sys.byteorder, signed=True) for row in words]
    if scale:
        return np.array([x / 10**scale if scale > 0 else float(x * 10**-scale) for x in integers], np.float64)
    if all(0 <= x < 2**64 for x in integers):
        return np.array(integers, np.uint64)
    return np.array(integers, object)


def _texts(buffer: Buffers, first: int, n: int, offset: DTypeLike) -> list[bytes]:
    """Items between offsets into one buffer."""
    if n == 0:
        return []
    ends = buffer(1, offset, first + n + 1)[first:].tolist()
    text = buffer(2, "u1", ends[-1]).tobytes()
    return [text[start:stop] for start, stop in pairwise(ends)]


def _views(buffer: Buffers, struct: Any, first: int, n: int, valid: BoolArray | None) -> list[bytes]:
    """Items of which the short ones lie in the views, and the others in one of several buffers."""
    views = buffer(1, "u1", 16 * (first + n))[16 * first :].reshape(n, 16)
    lengths = views[:, :4].copy().view("i4").ravel()
    if valid is not None:
        lengths[~valid] = 0
    short = views[:, 4:].tobytes()
    where = views[:, 8:].copy().view("i4").tolist()  # of long ones: number of the buffer, and offset there
    n_more = struct.n_buffers - 3  # the last says how long these are
    sizes = buffer(struct.n_buffers - 1, "i8", n_more).tolist() if n else []
    more = [buffer(2 + k, "u1", size).tobytes() for k, size in enumerate(sizes)]
    return [
        short[12 * k : 12 * k + length] if length <= 12 else more[at][start : start + length]
        for k, (length, (at, start)) in enumerate(zip(lengths.tolist(), where))
    ]
