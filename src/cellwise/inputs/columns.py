"""Columns of other libraries: their values, which of them are NA, and results in their form again.

Libraries are told by what is already imported. A form depends on the type of a column alone, never on its values.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np

from .._typing import AnyArray, BoolArray
from .arrow import is_arrow, read_column
from .extras import import_extra
from .quantities import degrees_of_data_array, has_unit, in_degrees, magnitude


class Column(NamedTuple):
    """What one argument holds, in numpy's types or Python's where it is of another library."""

    values: Any
    is_na: BoolArray | None = None  # the values there mean nothing
    form: Form | None = None


def is_instance(value: object, module: str, *names: str) -> bool:
    """Whether the value is of one of these classes, of a module that need not be there."""
    found = sys.modules.get(module)
    return found is not None and isinstance(value, tuple(getattr(found, name) for name in names))


def is_na(item: object) -> bool:
    """Whether the item is pandas' NA."""
    return "pandas" in sys.modules and item is sys.modules["pandas"].NA


def column_of(name: str, value: Any, *, width: int | None = None, degrees: bool = False) -> Column:
    """The column that a value is, or the value itself if numpy or Python can do with it.

    Parameters
    ----------
    name : str
        Of the argument, for messages.
    value : object
    width : int, optional
        Length of the lists that an Arrow column has to hold; by default it has to hold numbers or text.
    degrees : bool
        Whether they are degrees, to which angles in other units are taken.

    Raises
    ------
    TypeError
        If the column is of a kind that holds neither numbers nor text, or has a unit where there is none to have.
    """
    if isinstance(value, np.ma.MaskedArray):
        mask: BoolArray = np.ma.getmaskarray(value)
        return Column(value.data, mask if width is None else np.asarray(mask.any(axis=-1)))
    if has_unit(value):
        if degrees:
            return Column(in_degrees(name, value))
        if width is None:
            raise TypeError(f"{name} must have no unit: got {type(value).__name__}")
        return Column(magnitude(value))  # of vectors that may have any length
    if is_instance(value, "pandas", "Series", "Index") or is_instance(value, "pandas.api.extensions", "ExtensionArray"):
        return _from_pandas(name, value, degrees)
    if is_na(value):
        return Column(None, None, NAForm())
    if is_instance(value, "xarray", "DataArray"):
        values = degrees_of_data_array(name, value) if degrees else value.to_numpy()
        return Column(values, None, DataArrayForm(value) if value.ndim else None)
    if is_instance(value, "pyarrow", "Scalar"):
        return Column(value.as_py(), None, ArrowForm("scalar"))
    if is_arrow(value):  # polars, too
        return _from_arrow(name, value, width)
    return Column(value)


def _from_pandas(name: str, value: Any, degrees: bool) -> Column:
    import pandas as pd

    dtype = value.dtype
    form = PandasForm(value)
    array = value if form.kind == "array" else value.array
    if isinstance(dtype, np.dtype):
        return Column(value.to_numpy(), None, form)
    if isinstance(dtype, pd.CategoricalDtype):
        known = column_of(name, pd.Index(dtype.categories), degrees=degrees)
        codes = np.asarray(array.codes)
        missing = codes < 0
        if known.is_na is not None:
            missing |= known.is_na[codes]
        if len(known.values) == 0:  # all are missing
            return Column(np.full(len(codes), None, object), missing, form)
        return Column(known.values[codes], missing, form)
    if hasattr(dtype, "pyarrow_dtype"):
        return Column(*_from_arrow(name, array.__arrow_array__(), None)[:2], form)
    if isinstance(dtype, pd.SparseDtype):
        return Column(array.to_dense(), None, form)
    if hasattr(dtype, "units"):  # of pint
        return Column(column_of(name, array.quantity, degrees=degrees).values, None, form)
    missing = np.asarray(value.isna())
    numbers = getattr(dtype, "numpy_dtype", np.dtype(object))
    if numbers.kind in "biuf":
        return Column(value.to_numpy(dtype=numbers, na_value=numbers.type(0)), missing, form)
    return Column(value.to_numpy(dtype=object), missing, form)


def _from_arrow(name: str, value: Any, width: int | None) -> Column:
    items, is_valid = read_column(name, value, width)
    form: Form = ArrowForm("chunked" if is_instance(value, "pyarrow", "ChunkedArray") else "array")
    if is_instance(value, "polars", "Series"):
        form = PolarsForm(value)
    return Column(items, None if is_valid is None else ~is_valid, form)


# --- results --------------------------------------------------------------------------------------------------------


class Form:
    """The form of a column, which results get."""

    is_scalar = False
    says_na = True  # its type knows NA
    can_say_na = True  # there is a type of the same form that does
    holds_objects = True  # not of types of its own alone
    names: tuple[Any, ...] = ()  # its name, if it has one
    labels: tuple[Any, ...] | None = None  # those of the rows: an index of pandas for each axis
    dims: tuple[Any, ...] | None = None  # names of the axes

    def give(self, result: AnyArray, is_na: BoolArray | None, name: Any) -> Any:
        """A result in this form, with NA in some rows; `is_na` is None if its type need not know NA."""
        raise NotImplementedError

    def has_rows_of(self, other: Form) -> bool:
        """Whether the labels of both are the same, if both have some."""
        if self.labels is None or other.labels is None:
            return True
        return (
            (self.dims is None or other.dims is None or self.dims == other.dims)
            and len(self.labels) == len(other.labels)
            and all(a.equals(b) for a, b in zip(self.labels, other.labels))
        )


class PandasForm(Form):
    """A Series with its index, an Index, or an array of pandas."""

    def __init__(self, value: Any) -> None:
        self.kind = next((kind for kind in ("Series", "Index") if is_instance(value, "pandas", kind)), "array")
        self.says_na = not isinstance(value.dtype, np.dtype) or value.dtype == object
        if self.kind != "array":
            self.names = (value.name,)
        if self.kind == "Series":
            self.labels = (value.index,)

    def give(self, result: AnyArray, is_na: BoolArray | None, name: Any) -> Any:  # noqa: D102, documented by Form
        if result.ndim != 1:  # pandas has no columns of such rows
            return result
        pd = sys.modules["pandas"]
        column: Any = result.astype(object) if result.dtype.kind == "U" else result
        if is_na is not None:
            column = self._with_na(pd, column, is_na)
        if self.labels is not None:
            return pd.Series(column, index=self.labels[0], name=name)
        return pd.Index(column, name=name) if self.kind == "Index" else column

    @staticmethod
    def _with_na(pd: Any, column: AnyArray, is_na: BoolArray) -> Any:
        if column.dtype == object:
            column[is_na] = None
            return pd.array(column, dtype="string")
        kind = {"f": "FloatingArray", "b": "BooleanArray"}.get(column.dtype.kind, "IntegerArray")
        return getattr(pd.arrays, kind)(column, is_na)


class NAForm(Form):
    """The scalar NA of pandas."""

    is_scalar = True

    def give(self, result: AnyArray, is_na: BoolArray | None, name: Any) -> Any:  # noqa: D102, documented by Form
        return sys.modules["pandas"].NA if is_na is not None and is_na.all() else result.item()


class ArrowForm(Form):
    """An array, chunked array or scalar of pyarrow; arrays of other libraries that speak Arrow become pyarrow's."""

    holds_objects = False

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.is_scalar = kind == "scalar"

    def give(self, result: AnyArray, is_na: BoolArray | None, name: Any) -> Any:  # noqa: D102, documented by Form
        if self.is_scalar:
            return to_arrow(result.reshape(1), None if is_na is None else is_na.reshape(1))[0]
        array = to_arrow(result, is_na)
        return sys.modules["pyarrow"].chunked_array([array]) if self.kind == "chunked" else array


def to_arrow(result: AnyArray, is_na: BoolArray | None = None) -> Any:
    """An array of pyarrow, of lists for each further axis, null in some rows."""
    pa = import_extra("pyarrow", "all")
    if result.dtype == object:
        return pa.array(result, pa.binary())
    if result.ndim == 1:
        return pa.array(result, mask=is_na)
    items = to_arrow(result.reshape(-1, *result.shape[2:]))
    return pa.FixedSizeListArray.from_arrays(items, result.shape[1], mask=None if is_na is None else pa.array(is_na))


class PolarsForm(Form):
    """A Series of polars."""

    holds_objects = False

    def __init__(self, value: Any) -> None:
        self.names = (value.name,)

    def give(self, result: AnyArray, is_na: BoolArray | None, name: Any) -> Any:  # noqa: D102, documented by Form
        pl = sys.modules["polars"]
        if result.dtype == object:
            return pl.Series(name or "", result.tolist(), pl.Binary)
        series = pl.Series(name or "", result)
        if is_na is None or not is_na.any():
            return series
        return pl.select(pl.when(pl.Series(~is_na)).then(series).alias(series.name)).to_series()


class DataArrayForm(Form):
    """A DataArray of xarray, which has no NA: what is missing is what numpy has for it."""

    says_na = can_say_na = False

    def __init__(self, value: Any) -> None:
        self.names, self.dims, self.coords = (value.name,), value.dims, value.coords
        self.labels = tuple(value.get_index(dim) for dim in value.dims)

    def give(self, result: AnyArray, is_na: BoolArray | None, name: Any) -> Any:  # noqa: D102, documented by Form
        if result.ndim != len(self.dims or ()):
            return result
        return sys.modules["xarray"].DataArray(result, coords=self.coords, dims=self.dims, name=name)


def multiplied(result: Any, factor: float) -> Any:
    """A result in any form, times a number."""
    if type(result).__module__.partition(".")[0] == "pyarrow":  # whose older releases have no operators
        return import_extra("pyarrow.compute", "all").multiply(result, factor)
    return result * factor
