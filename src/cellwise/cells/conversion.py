"""Cells from and to positions, tokens, signed integers and strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from .. import inputs
from .._dispatch import call
from .._docs import shared_parameters
from .._typing import (
    AnyArray,
    BoolArray,
    BytesArray,
    CellArray,
    CellLike,
    CellScalar,
    FloatArray,
    FloatLike,
    FloatScalar,
    Int64Array,
    IntLike,
    IntScalar,
    OnInvalid,
    SeriesLike,
    TextArray,
    TextLike,
    TextScalar,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "cell_to_int64",
    "cell_to_latlng",
    "cell_to_point",
    "cell_to_string",
    "cell_to_token",
    "int64_to_cell",
    "latlng_to_cell",
    "point_to_cell",
    "string_to_cell",
    "token_to_cell",
]


@overload
def latlng_to_cell(
    lat: FloatScalar, lng: FloatScalar, level: IntScalar = 30, *, out: None = None, on_invalid: OnInvalid = "raise"
) -> int: ...
@overload
def latlng_to_cell(
    lat: SeriesLike, lng: FloatLike, level: IntLike = 30, *, out: None = None, on_invalid: OnInvalid = "raise"
) -> pd.Series: ...
@overload
def latlng_to_cell(
    lat: FloatLike,
    lng: FloatLike,
    level: IntLike = 30,
    *,
    out: CellArray | None = None,
    on_invalid: OnInvalid = "raise",
) -> CellArray: ...
@shared_parameters
def latlng_to_cell(
    lat: FloatLike,
    lng: FloatLike,
    level: IntLike = 30,
    *,
    out: CellArray | None = None,
    on_invalid: OnInvalid = "raise",
) -> Any:
    """Cell at `level` that holds each position.

    Parameters
    ----------
    lat, lng : array_like of float
        Degrees: latitude in -90..90, longitude in -360..360. Longitudes beyond ±180 come back by a whole turn.
    level : int or array_like of int, default 30
        In 0..30. Broadcasts against `lat` and `lng`.
    {out: uint64}
    on_invalid : {"raise", "warn", "null"}
        What happens to positions that are missing (NaN, None) or out of range: an error, or the missing cell 0 with or
        without an `InvalidCoordinatesWarning`.

    Returns
    -------
    int or ndarray of uint64, of the broadcast shape

    Raises
    ------
    ValueError
        If a position is missing or out of range, or a level is not in 0..30.

    See Also
    --------
    cell_to_latlng : Centers of cells.

    Notes
    -----
    Ids equal those of Google's library, release 0.14, on the same machine. For longitudes beyond ±180 they are those
    of the longitude brought back.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.latlng_to_cell(-30.043800, -51.140220)
    10743750136202470315
    >>> cw.latlng_to_cell([-30.0438, 90.0], [-51.14022, 0.0], 15)
    array([10743750135264575488,  5764607524107976704], dtype=uint64)
    >>> cw.latlng_to_cell(-122.4, 37.8)
    Traceback (most recent call last):
        ...
    ValueError: lat must be in -90..90 degrees: got -122.4; lat and lng look swapped
    """
    return call("latlng_to_cell", lat, lng, level, out=out, on_invalid=on_invalid)


@overload
def cell_to_latlng(
    cell: CellScalar, *, exact: bool = False, out: None = None, on_invalid: OnInvalid = "raise"
) -> tuple[float, float]: ...
@overload
def cell_to_latlng(
    cell: SeriesLike, *, exact: bool = False, out: None = None, on_invalid: OnInvalid = "raise"
) -> tuple[pd.Series, pd.Series]: ...
@overload
def cell_to_latlng(
    cell: CellLike,
    *,
    exact: bool = False,
    out: tuple[FloatArray, FloatArray] | None = None,
    on_invalid: OnInvalid = "raise",
) -> tuple[FloatArray, FloatArray]: ...
@shared_parameters
def cell_to_latlng(
    cell: CellLike,
    *,
    exact: bool = False,
    out: tuple[FloatArray, FloatArray] | None = None,
    on_invalid: OnInvalid = "raise",
) -> Any:
    """Center of each cell, in degrees.

    Parameters
    ----------
    {cell: gives NaN}
    {exact}
    {two_outs: float64}
    {on_invalid: to ids that are no cells: an error, or NaN with or without a warning}

    Returns
    -------
    lat, lng : float or ndarray of float64
        Latitude in -90..90 and longitude in -180..180, of the shape of `cell`.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_latlng(cw.token_to_cell("951977d34"))
    (-30.04280996011288, -51.13893828852394)
    """
    return call("cell_to_latlng", cell, exact=exact, out=out, on_invalid=on_invalid)


@overload
def point_to_cell(
    xyz: Sequence[FloatScalar], level: IntScalar = 30, *, out: None = None, on_invalid: OnInvalid = "raise"
) -> int: ...
@overload
def point_to_cell(
    xyz: FloatLike, level: IntLike = 30, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> Any: ...
@shared_parameters
def point_to_cell(
    xyz: FloatLike, level: IntLike = 30, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> Any:
    """Cell at `level` that holds each direction.

    Parameters
    ----------
    xyz : array_like of float, shape (..., 3)
        Vectors of any length but zero: x through (0, 0), y through (0, 90 E), z through the north pole.
    level : int or array_like of int, default 30
        In 0..30.
    {out: uint64}
    {on_invalid: to vectors that are zero or not finite}

    Returns
    -------
    int or ndarray of uint64, shape (...)

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(cw.point_to_cell([0.0, 0.0, 1.0], 3))
    '504'
    """
    return call("point_to_cell", xyz, level, out=out, on_invalid=on_invalid)


@shared_parameters
def cell_to_point(cell: CellLike, *, out: FloatArray | None = None, on_invalid: OnInvalid = "raise") -> FloatArray:
    """Center of each cell as a unit vector.

    Parameters
    ----------
    {cell: gives NaN}
    {out: float64}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    ndarray of float64, shape (..., 3)

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_point(cw.token_to_cell("1"))
    array([1., 0., 0.])
    """
    return call("cell_to_point", cell, out=out, on_invalid=on_invalid)


@overload
def cell_to_token(
    cell: CellScalar,
    *,
    dtype: Literal["U16", "S16", "arrow"] = "U16",
    out: None = None,
    on_invalid: OnInvalid = "raise",
) -> str: ...
@overload
def cell_to_token(
    cell: SeriesLike, *, dtype: Literal["U16"] = "U16", out: None = None, on_invalid: OnInvalid = "raise"
) -> pd.Series: ...
@overload
def cell_to_token(
    cell: CellLike, *, dtype: Literal["U16"] = "U16", out: TextArray | None = None, on_invalid: OnInvalid = "raise"
) -> TextArray: ...
@overload
def cell_to_token(
    cell: CellLike, *, dtype: Literal["S16"], out: BytesArray | None = None, on_invalid: OnInvalid = "raise"
) -> BytesArray: ...
@overload
def cell_to_token(
    cell: CellLike, *, dtype: Literal["arrow"], out: None = None, on_invalid: OnInvalid = "raise"
) -> pa.StringArray: ...
@shared_parameters
def cell_to_token(
    cell: CellLike,
    *,
    dtype: Literal["U16", "S16", "arrow"] = "U16",
    out: TextArray | BytesArray | None = None,
    on_invalid: OnInvalid = "raise",
) -> Any:
    """Token of each cell: its id in hexadecimal without the trailing zeros.

    Tokens sort like ids, and the shorter, the coarser.

    Parameters
    ----------
    {cell: gives "X"}
    dtype : {"U16", "S16", "arrow"}
        Form of the result for arrays: numpy text, numpy bytes (a quarter of the memory), or a pyarrow StringArray. By
        default columns of pandas, polars and Arrow give columns of text, whose missing values are NA.
    {out: dtype U16 or S16}
    {on_invalid: to ids that are no cells: an error, or "X" with or without a warning}

    Returns
    -------
    str or ndarray of str

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(10743750135264575488)
    '951977d34'
    >>> cw.cell_to_token([10743750135264575488, 0])
    array(['951977d34', 'X'], dtype='<U16')
    """
    inputs.check_choice("dtype", dtype, ("U16", "S16", "arrow"))
    inputs.check_choice("on_invalid", on_invalid, inputs.ON_INVALID)
    if dtype == "U16":
        return call("cell_to_token", cell, out=out, on_invalid=on_invalid)
    if out is not None and dtype == "arrow":
        raise TypeError(f"out must be None for dtype 'arrow': got {type(out).__name__}")
    given = inputs.read("u8", "cell", cell)
    plain = cell if given.form is None else given.without_form
    token = call("cell_to_token", plain, out=out, on_invalid=on_invalid, as_bytes=True)
    if isinstance(token, bytes):
        return token.decode()
    if dtype == "S16":
        return token
    is_na = token == b"X" if inputs.says_na([given], on_invalid) else None
    return inputs.to_arrow(inputs.ascii_to_text(token), is_na)


@overload
def token_to_cell(token: TextScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def token_to_cell(token: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def token_to_cell(token: TextLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> CellArray: ...
@shared_parameters
def token_to_cell(token: TextLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Cell of each token.

    Parameters
    ----------
    token : array_like of str
        1 to 16 lower-case hexadecimal digits of a cell, or "X" for the missing cell.
    {out: uint64}
    {on_invalid: to other text: an error, or 0 with or without a warning}

    Returns
    -------
    int or ndarray of uint64

    Raises
    ------
    InvalidCellError
        If a token names no cell.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.token_to_cell("951977d34")
    10743750135264575488
    >>> cw.token_to_cell("0x89c25")
    Traceback (most recent call last):
        ...
    cellwise.errors.InvalidCellError: token must be 1 to 16 lower-case hexadecimal digits of a cell: got '0x89c25'
    """
    return call("token_to_cell", token, out=out, on_invalid=on_invalid)


@overload
def cell_to_int64(cell: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def cell_to_int64(cell: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_to_int64(cell: CellLike, *, out: Int64Array | None = None, on_invalid: OnInvalid = "raise") -> Int64Array: ...
@shared_parameters
def cell_to_int64(cell: CellLike, *, out: Int64Array | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """The same 64 bits read as a signed integer, as BigQuery, Spark, Postgres and Java store cells.

    Parameters
    ----------
    {cell: stays 0}
    {out: int64}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    int or ndarray of int64

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_int64(10743750135264575488)
    -7702993938444976128
    """
    return call("cell_to_int64", cell, out=out, on_invalid=on_invalid)


@overload
def int64_to_cell(i: IntScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def int64_to_cell(i: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def int64_to_cell(i: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> CellArray: ...
@shared_parameters
def int64_to_cell(i: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Cell of each signed integer, as BigQuery, Spark, Postgres and Java store cells.

    Parameters
    ----------
    i : array_like of int64
        Signed ids; 0 stays 0.
    {out: uint64}
    {on_invalid: to integers whose bits name no cell}

    Returns
    -------
    int or ndarray of uint64

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.int64_to_cell(-7702993938444976128)
    10743750135264575488
    """
    return call("int64_to_cell", i, out=out, on_invalid=on_invalid)


@overload
def cell_to_string(cell: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> str: ...
@overload
def cell_to_string(cell: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_to_string(cell: CellLike, *, out: TextArray | None = None, on_invalid: OnInvalid = "raise") -> TextArray: ...
@shared_parameters
def cell_to_string(cell: CellLike, *, out: TextArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Face and path of each cell: a digit, a slash, and one digit 0..3 for each level.

    Parameters
    ----------
    {cell: gives "X"}
    {out: dtype U32}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    str or ndarray of str

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_string(cw.token_to_cell("951977d34"))
    '4/222030232332212'
    """
    return call("cell_to_string", cell, out=out, on_invalid=on_invalid)


@overload
def string_to_cell(s: TextScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def string_to_cell(s: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def string_to_cell(s: TextLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> CellArray: ...
@shared_parameters
def string_to_cell(s: TextLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Cell of each string of face and path.

    Parameters
    ----------
    s : array_like of str
        Text like "4/0123", or "X" for the missing cell.
    {out: uint64}
    {on_invalid: to other text}

    Returns
    -------
    int or ndarray of uint64

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(cw.string_to_cell("4/222030232332212"))
    '951977d34'
    """
    return call("string_to_cell", s, out=out, on_invalid=on_invalid)


def checked_latlng(
    lat: FloatLike, lng: FloatLike, on_invalid: OnInvalid = "raise"
) -> tuple[AnyArray, AnyArray, BoolArray, Sequence[inputs.Argument]]:
    """Both as float arrays of one shape, and whether each is a position; treats others as `latlng_to_cell` does.

    And what was read, for the form of results.
    """
    inputs.check_choice("on_invalid", on_invalid, inputs.ON_INVALID)
    given = inputs.read("f8", "lat", lat), inputs.read("f8", "lng", lng)
    is_valid = np.asarray(latlng_to_cell(given[0].array, given[1].array, 0, on_invalid=on_invalid)) != 0
    lat, lng = np.broadcast_arrays(given[0].array, given[1].array)
    return lat, lng, is_valid, given
