"""From any arguments to a kernel and back: broadcast, cast, choose the backend, call, reshape.

Nothing here knows what a cell is. The table gives types and shapes; `inputs` reads what users have; kernels detect
invalid rows and say how many and which came first; `_explain` turns that into a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from . import _explain, inputs
from ._backend import fast_path, kernels
from ._backend.requirements import broken, missing, null_of
from ._backend.signatures import KERNELS, Row
from ._config import check_cell_limit
from ._typing import AnyArray, BoolArray, CellArray, OnInvalid
from .ragged import Ragged

_DTYPES: dict[str, np.dtype[Any]] = {
    "u8": np.dtype(np.uint64),
    "i8": np.dtype(np.int64),
    "i4": np.dtype(np.int32),
    "f8": np.dtype(np.float64),
    "b1": np.dtype(np.bool_),
}


def _result_layout(code: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Dtype and shape per row of a result code such as f8[4,2]."""
    base, _, block = code.partition("[")
    dtype = np.dtype(base) if base[0] == "S" else _DTYPES[base]
    return dtype, tuple(int(x) for x in block.rstrip("]").split(",")) if block else ()


class _Call:
    """The arguments of one call, read and broadcast."""

    def __init__(self, row: Row, values: tuple[Any, ...]) -> None:
        self.row = row
        self.arguments = [inputs.read(code, name, value) for (name, code), value in zip(row.arguments, values)]
        self.shape = np.broadcast_shapes(*(a.shape for a in self.arguments))
        self.n = int(np.prod(self.shape, dtype=np.int64))
        self.flat = [self._flatten(a) for a in self.arguments]

    def _flatten(self, argument: inputs.Argument) -> AnyArray:
        """One row where the argument is the same for all, else as many rows as the result; a view where it can be."""
        block = argument.array.shape[len(argument.shape) :]
        if argument.array.size == int(np.prod(block, dtype=np.int64)) and self.n > 0:
            rows = argument.array.reshape(1, *block)
        else:
            rows = np.broadcast_to(argument.array, self.shape + block).reshape(self.n, *block)
        if rows.ndim == 1 and rows.dtype.kind != "S" and rows.flags.aligned and rows.strides[0] % rows.itemsize == 0:
            return rows
        return np.ascontiguousarray(rows)

    def results(self, out: Any, as_bytes: bool) -> Sequence[AnyArray]:
        """Arrays for the results, of the broadcast shape: `out` where it is given, else new ones."""
        layouts = [_result_layout(code) for code in self.row.results]
        if out is None:
            return [np.empty(self.shape + block, dtype) for dtype, block in layouts]
        if len(layouts) == 1 and not isinstance(out, tuple):
            out = (out,)
        if not isinstance(out, tuple) or len(out) != len(layouts):
            given = f"{len(out)}" if isinstance(out, tuple) else type(out).__name__
            raise TypeError(f"out must be a tuple of {len(layouts)} arrays: got {given}")
        for k, (array, (dtype, block)) in enumerate(zip(out, layouts)):
            name = "out" if len(layouts) == 1 else f"out[{k}]"
            if dtype.kind == "S" and not as_bytes:
                dtype = np.dtype(f"U{dtype.itemsize}")
            _check_writable(name, array, dtype)
            if array.shape != self.shape + block:
                raise ValueError(f"{name} must have the shape {self.shape + block}: got {array.shape}")
        if len(out) == 2 and np.shares_memory(*out):
            raise ValueError("out must be arrays that share no memory: got two that do")
        return out

    def is_null(self, result: AnyArray | None = None) -> BoolArray:
        """Where the result is null; without one whose values tell, where the arguments are missing or invalid."""
        if result is not None and result.dtype != bool:
            null = null_of(result.dtype)
            is_null: BoolArray = np.isnan(result) if result.dtype.kind == "f" else result == null
            return np.asarray(is_null.all(axis=tuple(range(len(self.shape), result.ndim))))
        found = np.broadcast_to(missing(self.row, self.flat) | (broken(self.row, self.flat) >= 0), self.n)
        found = found.reshape(self.shape)
        for argument in self.arguments:
            if argument.is_na is not None:
                found = found | argument.is_na
        return found

    def report(self, count: int, first: int, on_invalid: OnInvalid) -> None:
        if count and on_invalid != "null":
            _explain.report(self.row, self.arguments, self.shape, count, first, on_invalid)


def _call(
    name: str,
    *values: Any,
    on_invalid: OnInvalid = "raise",
    out: Any = None,
    exact: bool = False,
    as_bytes: bool = False,
) -> Any:
    inputs.check_choice("on_invalid", on_invalid, inputs.ON_INVALID)
    exact = inputs.check_bool("exact", exact)
    row = KERNELS[name]
    this = _Call(row, values)
    return _ragged(this, on_invalid, out) if row.is_ragged else _elementwise(this, on_invalid, out, exact, as_bytes)


# call(name, *values, on_invalid="raise", out=None, exact=False, as_bytes=False): results of the kernel `name` for any
# arguments, scalars, arrays, or what `inputs` can read. `out` takes the results, `exact` rules out block kernels,
# `as_bytes` leaves text as bytes. The native module answers at once for scalars and arrays of the kernel's own types.
call = fast_path(_call)


def _check_writable(name: str, array: object, dtype: np.dtype[Any]) -> None:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be an array: got {type(array).__name__}")
    if array.dtype != dtype:
        raise TypeError(f"{name} must be of dtype {dtype}: got {array.dtype}")
    if not array.flags.writeable:
        raise ValueError(f"{name} must be writable: got a read-only array")


def _can_be_written(result: AnyArray, flat: Iterable[AnyArray]) -> bool:
    """Whether a backend can write its rows there, before it has read all the arguments."""
    is_plain = result.flags.c_contiguous and result.flags.aligned and result.dtype.kind != "U"
    return is_plain and not any(np.may_share_memory(result, x) for x in flat)


def _elementwise(this: _Call, on_invalid: OnInvalid, out: Any, exact: bool, as_bytes: bool) -> Any:
    row = this.row
    results = this.results(out, as_bytes)
    direct = [
        result if _can_be_written(result, this.flat) else np.empty(result.shape, _result_layout(code)[0])
        for result, code in zip(results, row.results)
    ]
    rows = [x.reshape(this.n, *_result_layout(code)[1]) for x, code in zip(direct, row.results)]
    count, first = getattr(kernels(), row.name)(*this.flat, *rows, exact)
    this.report(count, first, on_invalid)
    if out is not None:
        for result, found in zip(results, direct):
            if result is not found:
                result[...] = inputs.ascii_to_text(found) if result.dtype.kind == "U" else found
        return tuple(results) if len(results) > 1 else results[0]
    knows_na = inputs.says_na(this.arguments, on_invalid)
    shaped = []
    for result in results:
        is_na = this.is_null(result) if knows_na else None
        if result.dtype.kind == "S" and not as_bytes:
            result = inputs.ascii_to_text(result)
        shaped.append(inputs.finish(result, this.arguments, this.shape, is_na))
    return tuple(shaped) if len(shaped) > 1 else shaped[0]


def _ragged(this: _Call, on_invalid: OnInvalid, out: CellArray | None) -> CellArray | Ragged[np.uint64]:
    row = this.row
    if len(this.shape) > 1:
        raise ValueError(f"{row.name} takes scalars and one-dimensional arrays: got shape {this.shape}")
    # How many values there can be, before the runs are there.
    offsets = np.empty(this.n + 1, np.int64)
    count, first = getattr(kernels(), row.name + "_offsets")(*this.flat, offsets)
    this.report(count, first, on_invalid)
    check_cell_limit(offsets[-1], row.name)
    values = _room(out, int(offsets[-1]), this.flat)
    values = values[: getattr(kernels(), row.name)(*this.flat, offsets, values)]
    if this.shape == ():
        return values
    return Ragged._of(values, offsets, this.is_null() if inputs.says_na(this.arguments, on_invalid) else None)


def _room(out: CellArray | None, size: int, flat: Iterable[AnyArray]) -> CellArray:
    """An array for so many values: `out`, where it is given."""
    if out is None:
        return np.empty(size, np.uint64)
    _check_writable("out", out, np.dtype(np.uint64))
    if out.ndim != 1 or not out.flags.c_contiguous or not out.flags.aligned:
        raise ValueError(f"out must be one-dimensional and contiguous: got shape {out.shape}, strides {out.strides}")
    if len(out) < size:
        raise ValueError(f"out must have room for {size:,} values: got {len(out):,}")
    if any(np.may_share_memory(out, x) for x in flat):
        raise ValueError("out must not share memory with the other arguments: got one that may")
    return out
