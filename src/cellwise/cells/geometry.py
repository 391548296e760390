"""Where cells lie: leaf coordinates, vertices, bounds, polygons, areas and distances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .. import inputs
from .._dispatch import call
from .._docs import shared_parameters
from .._typing import (
    AreaUnit,
    CellLike,
    CellScalar,
    FloatArray,
    FloatLike,
    FloatScalar,
    Int32Array,
    LengthUnit,
    ObjectArray,
    OnInvalid,
    SeriesLike,
)
from ..units import area_unit, length_unit
from .hierarchy import checked_cells

if TYPE_CHECKING:
    import pandas as pd
    import shapely

__all__ = [
    "cell_area",
    "cell_bounds",
    "cell_distance",
    "cell_ij",
    "cell_to_polygon",
    "cell_vertices",
    "latlng_distance",
]


def _scaled(value: Any, factor: float, out: FloatArray | None) -> Any:
    if out is not None:
        return np.multiply(out, factor, out=out)
    return inputs.multiplied(value, factor)


@overload
def cell_ij(cell: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> tuple[int, int]: ...
@overload
def cell_ij(cell: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> tuple[pd.Series, pd.Series]: ...
@overload
def cell_ij(
    cell: CellLike, *, out: tuple[Int32Array, Int32Array] | None = None, on_invalid: OnInvalid = "raise"
) -> tuple[Int32Array, Int32Array]: ...
@shared_parameters
def cell_ij(
    cell: CellLike, *, out: tuple[Int32Array, Int32Array] | None = None, on_invalid: OnInvalid = "raise"
) -> Any:
    """Leaf coordinates on its face of a leaf next to each cell's center.

    Parameters
    ----------
    {cell: gives -1}
    {two_outs: int32}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    i, j : int or ndarray of int32
        In 0 .. 2**30 - 1. A leaf's own coordinates are exact; those of a coarser cell are the ones that its id reads
        as, as in Google's ``ToFaceIJOrientation``. Shift them right by ``30 - level`` for the cell's own grid.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_ij(10743750136202470315)
    (964615272, 992444727)
    """
    return call("cell_ij", cell, out=out, on_invalid=on_invalid)


@shared_parameters
def cell_vertices(
    cell: CellLike, *, exact: bool = False, out: FloatArray | None = None, on_invalid: OnInvalid = "raise"
) -> FloatArray:
    """The four vertices of each cell in degrees.

    The edges between them are geodesics. Longitudes lie in -180..180: a cell across the antimeridian has some of
    either sign (see `cell_to_polygon`).

    Parameters
    ----------
    {cell: gives NaN}
    {exact}
    {out: float64}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    ndarray of float64, shape (..., 4, 2)
        Latitude and longitude, counter-clockwise, in S2's order, within 1e-13 degrees.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_vertices(cw.token_to_cell("1")).round(3)
    array([[-35.264, -45.   ],
           [-35.264,  45.   ],
           [ 35.264,  45.   ],
           [ 35.264, -45.   ]])
    """
    return call("cell_vertices", cell, exact=exact, out=out, on_invalid=on_invalid)


@shared_parameters
def cell_bounds(cell: CellLike, *, out: FloatArray | None = None, on_invalid: OnInvalid = "raise") -> FloatArray:
    """Latitude and longitude bounds of each cell in degrees.

    They hold every point of the cell, roundings included, as Google's ``GetRectBound`` does.

    Parameters
    ----------
    {cell: gives NaN}
    {out: float64}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    ndarray of float64, shape (..., 4)
        lat_lo, lat_hi, lng_lo, lng_hi. Across 180 lng_lo is the greater one; round a pole they are -180, 180.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_bounds(cw.token_to_cell("951977d34")).round(6)
    array([-30.044488, -30.041132, -51.140245, -51.137632])
    """
    return call("cell_bounds", cell, out=out, on_invalid=on_invalid)


@overload
def cell_area(
    cell: CellScalar, *, unit: AreaUnit = "m2", out: None = None, on_invalid: OnInvalid = "raise"
) -> float: ...
@overload
def cell_area(
    cell: SeriesLike, *, unit: AreaUnit = "m2", out: None = None, on_invalid: OnInvalid = "raise"
) -> pd.Series: ...
@overload
def cell_area(
    cell: CellLike, *, unit: AreaUnit = "m2", out: FloatArray | None = None, on_invalid: OnInvalid = "raise"
) -> FloatArray: ...
@shared_parameters
def cell_area(
    cell: CellLike, *, unit: AreaUnit = "m2", out: FloatArray | None = None, on_invalid: OnInvalid = "raise"
) -> Any:
    """Area of each cell, exact to 1e-14 of its value at all levels.

    Parameters
    ----------
    {cell: gives NaN}
    {unit_of_area}
    {out: float64}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    float or ndarray of float64

    Notes
    -----
    The solid angle is integrated by Gauss-Legendre quadrature over the cell's square in (s, t). Google's ``ExactArea``
    takes it from rounded vertices, which costs up to 1e-7 of the value at level 30.

    Examples
    --------
    >>> import cellwise as cw
    >>> round(cw.cell_area(cw.token_to_cell("951977d34")), 2)
    68360.92
    """
    size = area_unit(unit)
    return _scaled(call("cell_area", cell, out=out, on_invalid=on_invalid), size, out)


@overload
def cell_distance(
    a: CellScalar, b: CellScalar, *, unit: LengthUnit = "m", out: None = None, on_invalid: OnInvalid = "raise"
) -> float: ...
@overload
def cell_distance(
    a: SeriesLike, b: CellLike, *, unit: LengthUnit = "m", out: None = None, on_invalid: OnInvalid = "raise"
) -> pd.Series: ...
@overload
def cell_distance(
    a: CellLike, b: SeriesLike, *, unit: LengthUnit = "m", out: None = None, on_invalid: OnInvalid = "raise"
) -> pd.Series: ...
@overload
def cell_distance(
    a: CellLike, b: CellLike, *, unit: LengthUnit = "m", out: FloatArray | None = None, on_invalid: OnInvalid = "raise"
) -> FloatArray: ...
@shared_parameters
def cell_distance(
    a: CellLike, b: CellLike, *, unit: LengthUnit = "m", out: FloatArray | None = None, on_invalid: OnInvalid = "raise"
) -> Any:
    """Great-circle distance between the centers of two cells.

    Parameters
    ----------
    {two_cells: distance is NaN}
    {unit_of_length}
    {out: float64}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    float or ndarray of float64
        Within 1e-15 of the value, from neighboring leaves to antipodes: the products are taken in exact integers.

    Examples
    --------
    >>> import cellwise as cw
    >>> leaf = cw.latlng_to_cell(-30.0438, -51.14022)
    >>> round(cw.cell_distance(leaf, cw.cell_next(leaf)), 6)
    0.008294
    """
    size = length_unit(unit)
    return _scaled(call("cell_distance", a, b, out=out, on_invalid=on_invalid), size, out)


@overload
def latlng_distance(
    lat1: FloatScalar,
    lng1: FloatScalar,
    lat2: FloatScalar,
    lng2: FloatScalar,
    *,
    unit: LengthUnit = "m",
    out: None = None,
    on_invalid: OnInvalid = "raise",
) -> float: ...
@overload
def latlng_distance(
    lat1: SeriesLike,
    lng1: FloatLike,
    lat2: FloatLike,
    lng2: FloatLike,
    *,
    unit: LengthUnit = "m",
    out: None = None,
    on_invalid: OnInvalid = "raise",
) -> pd.Series: ...
@overload
def latlng_distance(
    lat1: FloatLike,
    lng1: FloatLike,
    lat2: SeriesLike,
    lng2: FloatLike,
    *,
    unit: LengthUnit = "m",
    out: None = None,
    on_invalid: OnInvalid = "raise",
) -> pd.Series: ...
@overload
def latlng_distance(
    lat1: FloatLike,
    lng1: FloatLike,
    lat2: FloatLike,
    lng2: FloatLike,
    *,
    unit: LengthUnit = "m",
    out: FloatArray | None = None,
    on_invalid: OnInvalid = "raise",
) -> FloatArray: ...
@shared_parameters
def latlng_distance(
    lat1: FloatLike,
    lng1: FloatLike,
    lat2: FloatLike,
    lng2: FloatLike,
    *,
    unit: LengthUnit = "m",
    out: FloatArray | None = None,
    on_invalid: OnInvalid = "raise",
) -> Any:
    """Great-circle distance between two positions.

    Parameters
    ----------
    lat1, lng1, lat2, lng2 : array_like of float
        Degrees, broadcast against each other: latitudes in -90..90, longitudes in -360..360.
    {unit_of_length}
    {out: float64}
    {on_invalid: to positions that are missing or out of range: an error, or NaN with or without a warning}

    Returns
    -------
    float or ndarray of float64
        Within 1e-14 of the value, from millimeters to antipodes.

    References
    ----------
    T. Vincenty, "Direct and inverse solutions of geodesics on the ellipsoid with application of nested equations",
    Survey Review 23 (176), 1975; the case of a sphere.

    Examples
    --------
    Porto Alegre to Lisbon:

    >>> import cellwise as cw
    >>> round(cw.latlng_distance(-30.03, -51.23, 38.72, -9.14, unit="km"), 1)
    8801.2
    """
    size = length_unit(unit)
    return _scaled(call("latlng_distance", lat1, lng1, lat2, lng2, out=out, on_invalid=on_invalid), size, out)


@overload
def cell_to_polygon(cell: CellScalar, *, on_invalid: OnInvalid = "raise") -> shapely.Geometry | None: ...
@overload
def cell_to_polygon(cell: SeriesLike, *, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_to_polygon(cell: CellLike, *, on_invalid: OnInvalid = "raise") -> ObjectArray: ...
@shared_parameters
def cell_to_polygon(cell: CellLike, *, on_invalid: OnInvalid = "raise") -> Any:
    """Each cell as a shapely polygon in lng/lat, ready to draw.

    Only faces lie across the antimeridian or hold a pole: face 3 becomes a MultiPolygon of its two sides, 2 and 5 are
    closed along the pole. Edges are straight between vertices where they span less than about 2 degrees of arc and of
    longitude; others have points added along the geodesic.

    Parameters
    ----------
    {cell: gives None}
    {on_invalid: to ids that are no cells: an error, or None with or without a warning}

    Returns
    -------
    shapely.Geometry or ndarray of object
        A Series for a Series. Columns of Arrow and polars hold no objects: they get WKB.

    Examples
    --------
    >>> import cellwise as cw
    >>> print(cw.cell_to_polygon(cw.token_to_cell("951977d34")).wkt[:60])
    POLYGON ((-51.14024486823395 -30.042044122728903, -51.140244
    """
    from .._outlines import outlines

    inputs.check_choice("on_invalid", on_invalid, inputs.ON_INVALID)
    given = inputs.read("u8", "cell", cell)
    cells = checked_cells("cell", given, on_invalid)
    polygons = np.full(cells.shape, None, object)
    polygons[cells != 0] = outlines(cells[cells != 0])
    if given.form is not None and not given.form.holds_objects:
        import shapely

        polygons = np.asarray(shapely.to_wkb(polygons), object)
    return inputs.finish(polygons, [given], given.shape)
