"""Arguments of cell functions as arrays: lists, numpy, pandas, polars, Arrow, cell objects of other libraries.

`read` turns one argument into an `Argument` of the dtype that a kernel takes. Nothing is guessed: floats are no ids,
booleans and strings are no numbers.
"""

from __future__ import annotations

import numbers
import sys
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from .._typing import AnyArray, ObjectArray
from .arrow import is_arrow, read_column

NO_CELL = (1 << 64) - 1  # stands for integers that are no 64-bit ids; it is no cell either
NO_TEXT = b"?"

Missing: TypeAlias = int | float | str | None  # what stands for nulls; with None there must be none


class Argument:
    """One argument as an array, with what messages and results need to know of its origin."""

    __slots__ = ("array", "code", "frame", "name", "nullable", "scalar", "source")

    def __init__(
        self,
        code: str,
        name: str,
        array: AnyArray,
        *,
        source: Any = None,
        frame: Any = None,
        nullable: bool = False,
        scalar: bool = False,
    ) -> None:
        self.code, self.name = code, name
        self.array = array if array.flags.aligned else array.copy()  # kernels read whole words
        self.source = source  # the user's own values, where the array had to replace some
        self.frame = frame  # pandas Series whose index results keep
        self.nullable = nullable  # whether it knows NA
        self.scalar = scalar

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape that broadcasts: without the block that belongs to one row."""
        return self.array.shape[:-1] if self.code.endswith("]") else self.array.shape

    def at(self, index: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
        """Own index of a place in the broadcast shape."""
        tail = index[len(shape) - len(self.shape) :]
        return tuple(0 if size == 1 else int(k) for k, size in zip(tail, self.shape))

    @property
    def given(self) -> Any:
        """The user's own values."""
        return self.array if self.source is None else self.source

    def value(self, where: tuple[int, ...]) -> Any:
        """What the user gave there."""
        return self.given[where]


# --- other libraries, by what is already imported -------------------------------------------------------------------


def _is_instance(value: object, module: str, *names: str) -> bool:
    found = sys.modules.get(module)
    return found is not None and isinstance(value, tuple(getattr(found, name) for name in names))


def is_pandas_column(value: object) -> bool:
    """Whether the value is a pandas Series, Index or extension array."""
    return _is_instance(value, "pandas", "Series", "Index") or (
        "pandas" in sys.modules and isinstance(value, sys.modules["pandas"].api.extensions.ExtensionArray)
    )


def _unpacked(value: Any, name: str, missing: Missing) -> tuple[Any, Any, bool]:
    """The value as numpy or Python objects with `missing` in place of nulls; its Series; whether it knows NA."""
    if isinstance(value, np.ma.MaskedArray):
        if missing is None:
            _check_no_nulls(name, int(np.ma.getmaskarray(value).sum()), value.size)
        elif isinstance(missing, float) and value.dtype.kind in "iu":  # NaN needs floats
            value = value.astype(np.float64)
        return np.ma.filled(value, missing), None, False
    if is_pandas_column(value):
        frame = value if _is_instance(value, "pandas", "Series") else None
        if isinstance(value.dtype, np.dtype):
            return value.to_numpy(), frame, False
        dtype = getattr(value.dtype, "numpy_dtype", np.dtype(object))
        if missing is None:
            _check_no_nulls(name, value.isna().sum(), len(value))
            return value.to_numpy(dtype=dtype), frame, True
        if dtype.kind in "OU" or isinstance(missing, str):
            objects = value.to_numpy(dtype=object).copy()
            objects[np.asarray(value.isna())] = missing
            return objects, frame, True
        if dtype.kind in "iu" and isinstance(missing, float):  # integers as coordinates: NaN needs floats
            return value.to_numpy(dtype=np.float64, na_value=missing), frame, True
        return value.to_numpy(dtype=dtype, na_value=missing), frame, True
    if is_arrow(value):  # polars, too
        return _from_arrow(value, name, missing), None, False
    return value, None, False


def _check_no_nulls(name: str, n_null: int, n: int) -> None:
    if n_null:
        raise ValueError(f"{name} must not be missing: got {n_null} missing of {n} values")


def _from_arrow(value: Any, name: str, missing: Missing) -> AnyArray:
    items, is_valid = read_column(name, value)
    if is_valid is None:
        return items
    if missing is None:
        _check_no_nulls(name, int(np.count_nonzero(~is_valid)), len(items))
    if isinstance(missing, str):
        items = items.astype(object)
    elif not is_valid.any():
        return np.full(len(items), missing)
    elif isinstance(missing, float) and items.dtype.kind in "iu":  # NaN needs floats
        items = items.astype(np.float64)
    else:
        items = items.copy()
    items[~is_valid] = missing
    return items


# --- one reader for each kind of argument ---------------------------------------------------------------------------


def read(code: str, name: str, value: Any) -> Argument:
    """Read one argument of a kernel; `code` is its type in the table.

    Raises
    ------
    TypeError
        If the value is of a kind that cannot be meant, such as floats for ids.
    ValueError
        If a level or count is missing.
    """
    if code == "u8":
        return _read_cells(code, name, value)
    if code in ("i4", "i8"):
        return _read_integers(code, name, value)
    if code == "S":
        return _read_text(code, name, value)
    return _read_floats(code, name, value)


def _plain_objects(value: Any) -> tuple[ObjectArray, set[type]]:
    """An object array of Python objects from nested sequences, and the set of their types."""
    array = np.array(value, dtype=object)
    return array, set(map(type, array.ravel().tolist()))


def _wrong_type(name: str, rule: str, value: Any, types: Iterable[type]) -> TypeError:
    names = ", ".join(sorted(t.__name__ for t in types))
    return TypeError(f"{name} must be {rule}: got {names}" + (f" {value!r}" if np.ndim(value) == 0 else ""))


_FLOAT_IDS = "integer ids, because floats lose bits of them beyond level 24"
_TOKEN_IDS = "integer ids; tokens are read by token_to_cell"


def _read_cells(code: str, name: str, value: Any) -> Argument:
    value, frame, nullable = _unpacked(value, name, 0)
    if hasattr(value, "__array__"):  # a CellUnion, too
        value = np.asarray(value)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
        array = np.asarray(value)
        if array.dtype.kind == "u":
            return Argument(code, name, array.astype(np.uint64, copy=False), frame=frame, nullable=nullable)
        if array.dtype.kind == "i":
            source = array if (array < 0).any() else None
            array = np.where(array < 0, np.uint64(NO_CELL), array.astype(np.uint64))
            return Argument(code, name, array, source=source, frame=frame, nullable=nullable)
        if array.size == 0 and array.dtype == np.float64:
            return Argument(code, name, array.astype(np.uint64), frame=frame)
        rule = _FLOAT_IDS if array.dtype.kind == "f" else _TOKEN_IDS if array.dtype.kind in "US" else "integer ids"
        raise TypeError(f"{name} must be {rule}: got {array.dtype}")
    objects, types = _plain_objects(value if not hasattr(value, "id") else [value])
    if any(issubclass(t, (bool, np.bool_)) for t in types):
        raise _wrong_type(name, "integer ids", value, types)
    if any(issubclass(t, (float, np.floating)) for t in types):
        objects, types = _without_nan(objects)  # object columns of pandas hold NaN for what is missing
        if any(issubclass(t, (float, np.floating)) for t in types):
            raise _wrong_type(name, _FLOAT_IDS, value, types)
    if any(issubclass(t, (str, bytes)) for t in types):
        raise _wrong_type(name, _TOKEN_IDS, value, types)
    flat = [_as_id(name, item) for item in objects.ravel().tolist()]
    source = None
    if any(not 0 <= item < 1 << 64 for item in flat):
        source = np.array(flat, object).reshape(objects.shape)
        flat = [item if 0 <= item < 1 << 64 else NO_CELL for item in flat]
    array = np.array(flat, np.uint64).reshape(objects.shape)
    if hasattr(value, "id"):
        array = array[0]
    return Argument(code, name, np.asarray(array), source=source, frame=frame, nullable=nullable)


def _without_nan(objects: ObjectArray) -> tuple[ObjectArray, set[type]]:
    is_nan = np.array([isinstance(x, float) and x != x for x in objects.ravel().tolist()]).reshape(objects.shape)
    if objects.ndim == 0 or is_nan.all():
        return objects, set(map(type, objects.ravel().tolist()))
    objects = np.where(is_nan, 0, objects)
    return objects, set(map(type, objects.ravel().tolist()))


def _as_id(name: str, item: Any) -> int:
    if isinstance(item, numbers.Integral):
        return int(item)
    if item is None or _is_na(item):
        return 0
    if callable(getattr(item, "id", None)):  # CellId of s2sphere and s2geometry
        return int(item.id())
    raise TypeError(f"{name} must be integer ids: got {type(item).__name__}")


def _is_na(item: object) -> bool:
    return "pandas" in sys.modules and item is sys.modules["pandas"].NA


def _read_integers(code: str, name: str, value: Any) -> Argument:
    value, frame, nullable = _unpacked(value, name, None)
    if not isinstance(value, (np.ndarray, np.generic)) or value.dtype == object:
        objects, types = _plain_objects(value)
        if not all(issubclass(t, numbers.Integral) and not issubclass(t, (bool, np.bool_)) for t in types):
            raise _wrong_type(name, "an integer", value, types)
        value = objects
    elif value.dtype.kind not in "iu" and not (value.size == 0 and value.dtype == np.float64):
        raise TypeError(f"{name} must be an integer: got {value.dtype}")
    source = np.asarray(value)
    dtype: np.dtype[Any] = np.dtype(np.int32 if code == "i4" else np.int64)
    limits = np.iinfo(dtype.type)
    small = (
        source if source.dtype == dtype else np.clip(source, limits.min, limits.max)
    )  # out of range stays out of range
    array = np.asarray(small).astype(dtype)
    lossy = source.dtype == object or not np.can_cast(source.dtype, dtype)
    if lossy and code == "i8" and (np.asarray(source != array)).any():
        raise OverflowError(f"{name} must fit in 64 bits: got {source[source != array].flat[0]}")
    return Argument(code, name, array, source=source if lossy else None, frame=frame, nullable=nullable)


def _read_floats(code: str, name: str, value: Any) -> Argument:
    value, frame, nullable = _unpacked(value, name, float("nan"))
    if not isinstance(value, (np.ndarray, np.generic)) or value.dtype == object:
        if isinstance(value, (float, int)) and not isinstance(value, bool):
            array = np.asarray(_to_float(name, value))
        else:
            objects, types = _plain_objects(value)
            if any(issubclass(t, (str, bytes, bool, np.bool_, complex)) for t in types):
                raise _wrong_type(name, "numbers", value, types)
            flat = [_to_float(name, item) for item in objects.ravel().tolist()]
            array = np.array(flat, np.float64).reshape(objects.shape)
    else:
        array = np.asarray(value)
        if array.dtype.kind not in "fiu":
            raise TypeError(f"{name} must be numbers: got {array.dtype}")
        if array.dtype != np.float32 or code != "f8":  # kernels widen floats as they read them
            array = array.astype(np.float64, copy=False)
    block = code.partition("[")[2].rstrip("]")
    if block and (array.ndim == 0 or array.shape[-1] != int(block)):
        raise ValueError(f"{name} must have {block} values in its last axis: got shape {array.shape}")
    return Argument(code, name, array, frame=frame, nullable=nullable)


def _to_float(name: str, item: Any) -> float:
    if item is None or _is_na(item):
        return float("nan")
    try:
        return float(item)
    except OverflowError:
        return float("inf")
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be numbers: got {type(item).__name__}") from None


def _read_text(code: str, name: str, value: Any) -> Argument:
    value, frame, nullable = _unpacked(value, name, "X")
    if isinstance(value, (np.ndarray, np.generic)) and not isinstance(value, (str, bytes)) and value.dtype.kind in "US":
        source = np.asarray(value)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "T":
        source = value.astype(object)
    elif isinstance(value, np.ndarray) and value.dtype != object and value.size:
        raise TypeError(f"{name} must be text: got {value.dtype}")
    else:
        source, types = _plain_objects(value)
        if not all(issubclass(t, (str, bytes, type(None))) for t in types):
            raise _wrong_type(name, "text", value, types)
    if source.dtype.kind == "S":
        return Argument(code, name, source, frame=frame, nullable=nullable)
    if source.dtype.kind == "U":
        width = max(source.dtype.itemsize // 4, 1)
        points = np.ascontiguousarray(source).astype(f"=U{width}", copy=False).reshape(-1, 1).view(np.uint32)
        text = np.where(points < 128, points, ord(NO_TEXT)).astype(np.uint8).view(f"S{width}").reshape(source.shape)
        return Argument(code, name, text, source=source, frame=frame, nullable=nullable)
    flat = [_to_ascii(item) for item in source.ravel().tolist()]
    text = np.array(flat, np.bytes_).reshape(source.shape)
    return Argument(code, name, text, source=source, frame=frame, nullable=nullable)


def _to_ascii(item: object) -> bytes:
    """Bytes of a text that may be good; anything else is replaced by what is never good."""
    if not isinstance(item, str) or "\0" in item:
        return NO_TEXT
    return item.encode("ascii", "replace")
