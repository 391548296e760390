"""Arguments of cell functions as arrays: lists, numpy, pandas, polars, Arrow, xarray, cell objects of other libraries.

`read` turns one argument into an `Argument` of the dtype that a kernel takes. Nothing is guessed: floats are no ids,
booleans and strings are no numbers. What is missing (None, NaN, NA, null, masked) becomes what kernels have for it: the
cell 0, NaN, the text "X".
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from .._typing import AnyArray, BoolArray, ObjectArray
from .columns import Form, column_of, is_na
from .quantities import any_has_unit, has_unit, in_degrees

NO_CELL = (1 << 64) - 1  # stands for integers that are no 64-bit ids; it is no cell either
NO_SIGNED_CELL = -1  # the same bits
NO_LEVEL = -(1 << 31)  # stands for a level or count of steps that is missing; it is none either
NO_TEXT = b"?"


class Argument:
    """One argument as an array, with what messages and results need to know of its origin."""

    __slots__ = ("array", "code", "form", "is_na", "name", "source")

    def __init__(
        self,
        code: str,
        name: str,
        array: AnyArray,
        *,
        source: Any = None,
        is_na: BoolArray | None = None,
        form: Form | None = None,
    ) -> None:
        self.code, self.name = code, name
        self.array = array if array.flags.aligned else array.copy()  # kernels read whole words
        self.source = source  # the user's own values, where the array had to replace some
        self.is_na = is_na  # which values are missing; None if none is
        self.form = form  # of a column of another library, which results get back

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape that broadcasts: without the block that belongs to one row."""
        return self.array.shape[:-1] if self.code.endswith("]") else self.array.shape

    @property
    def without_form(self) -> Argument:
        """The same, but results are arrays."""
        return Argument(self.code, self.name, self.array, source=self.source, is_na=self.is_na)

    def at(self, index: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
        """Own index of a place in the broadcast shape."""
        tail = index[len(shape) - len(self.shape) :]
        return tuple(0 if size == 1 else int(k) for k, size in zip(tail, self.shape))

    def value(self, where: tuple[int, ...]) -> Any:
        """What the user gave there."""
        return (self.array if self.source is None else self.source)[where]


class _Values(NamedTuple):
    """Values of a kernel's dtype, and what is to be known of those that are not the user's own."""

    array: AnyArray
    source: Any = None  # the user's values, where some had to be replaced
    is_na: BoolArray | None = None  # objects that stand for what is missing


def read(code: str, name: str, value: Any) -> Argument:
    """Read one argument of a kernel; `code` is its type in the table.

    Raises
    ------
    TypeError
        If the value is of a kind that cannot be meant, such as floats for ids.
    ValueError
        If a number of steps along the curve is missing.
    """
    if isinstance(value, Argument):
        return value
    width = int(code[3:-1]) if code.endswith("]") else None
    values, is_na, form = column_of(name, value, width=width, degrees=code == "f8")
    if is_na is not None and is_na.any():
        values = values.copy()
        values[is_na] = None if values.dtype == object else values.dtype.type(0)  # what is there may be anything
    else:
        is_na = None
    array, source, missing = _READERS[code[:2]](code, name, values)
    if missing is not None:
        is_na = missing if is_na is None else missing | is_na
        if form is not None and form.can_say_na:
            form.says_na = True  # objects do anyhow, and floats are ids and text only where nothing is known
    if is_na is not None:
        array = _with_nulls(code, name, array, is_na)
    return Argument(code, name, array, source=source, is_na=is_na, form=form)


def _with_nulls(code: str, name: str, array: AnyArray, is_na: BoolArray) -> AnyArray:
    """The values with what kernels have for missing ones."""
    null: Any = {"u": 0, "i": NO_LEVEL, "f": math.nan, "S": b"X"}[array.dtype.kind]
    if code == "i8":
        if name != "i":
            raise ValueError(f"{name} must not be missing: got {np.count_nonzero(is_na)} missing of {is_na.size}")
        null = 0
    array = np.array(array)
    array[is_na] = null
    return array


# --- one reader for each kind of argument ---------------------------------------------------------------------------

_FLOAT_IDS = "integer ids, because floats lose bits of them beyond level 24"
_TOKEN_IDS = "integer ids; tokens are read by token_to_cell"


def _read_cells(code: str, name: str, value: Any) -> _Values:
    array = _typed(value)
    if array is not None:
        if array.dtype.kind == "u":
            return _Values(array.astype(np.uint64, copy=False))
        if array.dtype.kind == "i":
            source = array if (array < 0).any() else None
            return _Values(np.where(array < 0, np.uint64(NO_CELL), array.astype(np.uint64)), source)
        if _is_nothing(array):
            return _Values(np.zeros(array.shape, np.uint64), None, np.ones(array.shape, bool))
        raise _no_ids(name, array)
    is_object = hasattr(value, "id")  # of another library
    objects, missing, types = _objects(code, name, [value] if is_object else value)
    flat = _integers(name, objects, missing, types, value)
    source = None
    if any(not 0 <= item < 1 << 64 for item in flat):
        source = np.array(flat, object).reshape(objects.shape)
        flat = [item if 0 <= item < 1 << 64 else NO_CELL for item in flat]
    array = np.array(flat, np.uint64).reshape(objects.shape)
    return _Values(np.asarray(array[0])) if is_object else _Values(array, source, missing)


def _read_integers(code: str, name: str, value: Any) -> _Values:
    dtype: np.dtype[Any] = np.dtype(np.int32 if code == "i4" else np.int64)
    array, missing = _typed(value), None
    if array is not None and array.dtype.kind in "iu":
        source = array
    elif array is not None and _is_nothing(array) and (name == "i" or array.size == 0):
        return _Values(np.zeros(array.shape, dtype), None, np.ones(array.shape, bool))
    elif array is not None:
        raise _no_ids(name, array) if name == "i" else TypeError(f"{name} must be an integer: got {array.dtype}")
    else:
        objects, missing, types = _objects(code, name, value)
        if name == "i":
            flat = _integers(name, objects, missing, types, value)
        else:
            if missing is not None and objects.ndim == 0:
                types = {type(value)}
            if not all(issubclass(t, numbers.Integral) and not issubclass(t, (bool, np.bool_)) for t in types):
                raise _wrong_type(name, "an integer", value, types)
            flat = _filled(objects, missing, 0)
        source = _object_array(flat, objects.shape)
    if source.dtype == dtype:
        return _Values(source)
    limits = np.iinfo(dtype.type)
    is_beyond = np.asarray((source < limits.min) | (source > limits.max), bool)
    if not is_beyond.any():
        return _Values(source.astype(dtype), None, missing)
    if code == "i8" and name != "i":
        raise OverflowError(f"{name} must fit in 64 bits: got {source[is_beyond].flat[0]}")
    array = np.where(is_beyond, 0, source).astype(dtype)
    array[is_beyond] = NO_SIGNED_CELL if code == "i8" else NO_LEVEL
    return _Values(array, source, missing)


def _read_floats(code: str, name: str, value: Any) -> _Values:
    if isinstance(value, (float, int)) and not isinstance(value, bool):
        array = np.asarray(_to_float(name, value))
    elif (array := _typed(value)) is None:
        objects, _, types = _objects(code, name, value)
        if any(issubclass(t, (str, bytes, bool, np.bool_, complex)) for t in types):
            raise _wrong_type(name, "numbers", value, types)
        flat = [_to_float(name, item) for item in objects.ravel().tolist()]
        array = np.array(flat, np.float64).reshape(objects.shape)
    elif array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be numbers: got {array.dtype}")
    elif array.dtype != np.float32 or code != "f8":  # kernels widen floats as they read them
        array = array.astype(np.float64, copy=False)
    block = code.partition("[")[2].rstrip("]")
    if block and (array.ndim == 0 or array.shape[-1] != int(block)):
        raise ValueError(f"{name} must have {block} values in its last axis: got shape {array.shape}")
    return _Values(array)


def _read_text(code: str, name: str, value: Any) -> _Values:
    array, missing = _typed(value), None
    if array is not None and array.dtype.kind == "S":
        return _Values(array)
    if array is not None and array.dtype.kind == "U":
        width = max(array.dtype.itemsize // 4, 1)
        points = np.ascontiguousarray(array).astype(f"=U{width}", copy=False).reshape(-1, 1).view(np.uint32)
        text = np.where(points < 128, points, ord(NO_TEXT)).astype(np.uint8).view(f"S{width}").reshape(array.shape)
        return _Values(text, array)
    if array is not None and _is_nothing(array):
        return _Values(np.full(array.shape, b"X"), None, np.ones(array.shape, bool))
    if array is not None and array.dtype.kind != "T":
        raise TypeError(f"{name} must be text: got {array.dtype}")
    objects, missing, types = _objects(code, name, value if array is None else array.astype(object))
    if not all(issubclass(t, _TEXTS) for t in types):
        raise _wrong_type(name, "text", value, types)
    flat = [_to_ascii(item) for item in _filled(objects, missing, "X")]
    return _Values(np.array(flat, np.bytes_).reshape(objects.shape), objects, missing)


_READERS: dict[str, Callable[[str, str, Any], _Values]] = {
    "u8": _read_cells,
    "i4": _read_integers,
    "i8": _read_integers,
    "f8": _read_floats,
    "S": _read_text,
}
_TEXTS = (str, bytes, bytearray, memoryview)


def _typed(value: Any) -> AnyArray | None:
    """The value as an array of another dtype than objects, if it is one or says how to be one."""
    if not hasattr(value, "__array__"):
        return None
    array = np.asarray(value)
    return None if array.dtype == object else array


def _no_ids(name: str, array: AnyArray) -> TypeError:
    kind = array.dtype.kind
    rule = _FLOAT_IDS if kind == "f" else _TOKEN_IDS if kind in "US" else "integer ids"
    hint = "; Int64 and UInt64 of pandas hold missing ids" if kind == "f" and np.isnan(array).any() else ""
    return TypeError(f"{name} must be {rule}: got {array.dtype}{hint}")


def _is_nothing(array: AnyArray) -> bool:
    """Whether it holds NaN alone, or nothing: numpy and pandas take floats where they know of no value."""
    return array.dtype.kind == "f" and bool(np.isnan(array).all())


# --- objects ----------------------------------------------------------------------------------------------------------


def _objects(code: str, name: str, value: Any) -> tuple[ObjectArray, BoolArray | None, set[type]]:
    """An object array from nested sequences; which items are missing; the types of the others."""
    if isinstance(value, (list, tuple)) and any_has_unit(set(map(type, value))):  # which numpy would drop
        value = [_without_unit(code, name, item) for item in value]
    array = np.array(value, dtype=object)
    flat = array.ravel().tolist()
    types = set(map(type, flat))
    if any_has_unit(types) or any(hasattr(t, "as_py") for t in types):  # of pyarrow
        flat = [item.as_py() if hasattr(item, "as_py") else _without_unit(code, name, item) for item in flat]
        array = _object_array(flat, array.shape)
        types = set(map(type, flat))
    if not any(issubclass(t, _MAY_BE_MISSING) or t.__name__ == "NAType" for t in types):
        return array, None, types
    is_missing = np.array([_is_missing(item) for item in flat], bool)
    types = {type(item) for item, missing in zip(flat, is_missing.tolist()) if not missing}
    return array, is_missing.reshape(array.shape) if is_missing.any() else None, types


_MAY_BE_MISSING = (type(None), float, np.floating, Decimal)


def _is_missing(item: object) -> bool:
    return item is None or is_na(item) or (isinstance(item, _MAY_BE_MISSING) and math.isnan(item))  # type: ignore[arg-type]


def _without_unit(code: str, name: str, item: Any) -> Any:
    if not has_unit(item):
        return item
    if code != "f8":
        raise TypeError(f"{name} must have no unit: got {type(item).__name__}")
    return float(in_degrees(name, item))


def _object_array(items: list[Any], shape: tuple[int, ...]) -> ObjectArray:
    array = np.empty(len(items), object)
    array[:] = items
    return array.reshape(shape)


def _filled(objects: ObjectArray, missing: BoolArray | None, filler: Any) -> list[Any]:
    """The items, with a filler for those that are missing."""
    return (objects if missing is None else np.where(missing, filler, objects)).ravel().tolist()


def _integers(name: str, objects: ObjectArray, missing: BoolArray | None, types: set[type], value: Any) -> list[int]:
    """Ids as integers, 0 for those that are missing."""
    if any(issubclass(t, (bool, np.bool_)) for t in types):
        raise _wrong_type(name, "integer ids", value, types)
    if any(issubclass(t, (float, np.floating)) for t in types):
        raise _wrong_type(name, _FLOAT_IDS, value, types)
    if any(issubclass(t, (str, bytes)) for t in types):
        raise _wrong_type(name, _TOKEN_IDS, value, types)
    return [_as_id(name, item) for item in _filled(objects, missing, 0)]


def _as_id(name: str, item: Any) -> int:
    if isinstance(item, numbers.Integral):
        return int(item)
    if isinstance(item, Decimal) and item.is_finite() and item == item.to_integral_value():
        return int(item)
    if callable(getattr(item, "id", None)):  # CellId of s2sphere and s2geometry
        return int(item.id())
    raise TypeError(f"{name} must be integer ids: got {type(item).__name__}")


def _to_float(name: str, item: Any) -> float:
    if item is None or is_na(item):
        return math.nan
    try:
        return float(item)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be numbers: got {type(item).__name__}") from None


def _to_ascii(item: Any) -> bytes:
    """Bytes of a text that may be good; anything else is replaced by what is never good."""
    text = item.encode("ascii", "replace") if isinstance(item, str) else bytes(item)
    return NO_TEXT if b"\0" in text else text


def _wrong_type(name: str, rule: str, value: Any, types: Iterable[type]) -> TypeError:
    names = ", ".join(sorted(t.__name__ for t in types))
    return TypeError(f"{name} must be {rule}: got {names}" + (f" {value!r}" if np.ndim(value) == 0 else ""))
