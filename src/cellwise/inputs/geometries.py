"""Foreign geometries become shapely's here, in degrees of longitude and latitude.

`read` takes what users hold: shapely, GeoPandas in any CRS, GeoJSON and whatever has `__geo_interface__`, WKB, and
sequences of these.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._typing import FloatArray, ObjectArray
from ..errors import InvalidRegionError
from .extras import import_extra

if TYPE_CHECKING:
    import shapely

MAX_DEPTH = 32  # of nested collections
STRAIGHT_M = 1000.0  # meters: edges of projected geometries are cut so long before they are taken to degrees


class Geometries(NamedTuple):
    """Rows of geometries. Where one is missing or was left out it is None."""

    rows: ObjectArray  # of shapely geometries in degrees, x the longitude
    single: bool  # one geometry, not a sequence of one
    index: Any  # of pandas, or None
    unreadable: dict[int, _Unreadable]  # for a row that cannot be read what is wrong with it, and the GeoJSON


def is_geometry(value: object) -> bool:
    """Whether `read` can take the value."""
    return (
        isinstance(value, (bytes, bytearray, memoryview, dict))
        or _is_shapely(value)
        or _geopandas_rows(value) is not None
        or hasattr(value, "__geo_interface__")
        or _is_sequence_of_geometries(value)
    )


def _is_shapely(value: object) -> bool:
    shapely = sys.modules.get("shapely")
    return shapely is not None and isinstance(value, shapely.Geometry)


def _is_sequence_of_geometries(value: Any) -> bool:
    if "pandas" in sys.modules and isinstance(value, sys.modules["pandas"].Series):
        value = value.to_numpy()
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.dtype == object and value.ndim == 1 else None
    if not isinstance(value, (list, tuple)):
        return False
    there = [item for item in value if item is not None]
    return bool(there) and (
        _shapely_rows(there) is not None
        or all(
            _is_shapely(item) or isinstance(item, (bytes, dict)) or hasattr(item, "__geo_interface__") for item in there
        )
    )


def _shapely_rows(items: Sequence[Any]) -> ObjectArray | None:
    """The items as an array, if they are shapely's or None."""
    if (shapely := sys.modules.get("shapely")) is None:
        return None
    rows = np.fromiter(items, object, len(items))
    return rows if shapely.is_valid_input(rows).all() else None


def _geopandas_rows(value: object) -> Any:
    """The GeoSeries of a GeoSeries or GeoDataFrame."""
    geopandas = sys.modules.get("geopandas")
    if geopandas is None:
        return None
    if isinstance(value, geopandas.GeoDataFrame):
        return value.geometry
    if isinstance(value, geopandas.array.GeometryArray):
        return geopandas.GeoSeries(value)
    return value if isinstance(value, geopandas.GeoSeries) else None


def read(value: Any) -> Geometries:
    """Geometries in degrees.

    Raises
    ------
    InvalidRegionError
        If it is none, or cannot be brought to degrees.
    """
    series = _geopandas_rows(value)
    if series is not None:
        return Geometries(_in_degrees(series), False, series.index, {})
    single, index = False, None
    if isinstance(value, dict) and value.get("type") == "FeatureCollection":
        items = value.get("features")
        if not isinstance(items, (list, tuple)):
            raise InvalidRegionError("region must be GeoJSON: got a FeatureCollection without features")
    elif isinstance(value, np.ndarray):
        items = value.tolist()
    elif "pandas" in sys.modules and isinstance(value, sys.modules["pandas"].Series):
        items, index = value.tolist(), value.index
    elif isinstance(value, (list, tuple)):
        items = value
    else:
        items, single = [value], True
    if (rows := _shapely_rows(items)) is not None:
        return Geometries(rows, single, index, {})
    rows, unreadable = np.empty(len(items), object), {}
    for k, item in enumerate(items):
        try:
            rows[k] = _one(item)
        except _Unreadable as why:
            unreadable[k] = why
    return Geometries(rows, single, index, unreadable)


def point_coordinates(name: str, value: Any) -> tuple[float, float] | tuple[FloatArray, FloatArray]:
    """Latitudes and longitudes of points, floats of a single one; NaN where one is missing or empty.

    Raises
    ------
    InvalidRegionError
        If there is something else than points.
    """
    import shapely

    given = read(value)
    if given.unreadable:
        row, why = next(iter(given.unreadable.items()))
        raise InvalidRegionError(f"{name} must be points: got {why} in row {row}")
    kinds = shapely.get_type_id(given.rows)
    if (other := (kinds > 0)).any():
        row = int(np.argmax(other))
        raise InvalidRegionError(
            f"{name} must be points: got a {given.rows[row].geom_type} in row {row}; "
            "representative_point() gives a point of each geometry"
        )
    lat, lng = shapely.get_y(given.rows), shapely.get_x(given.rows)
    return (float(lat[0]), float(lng[0])) if given.single else (lat, lng)


class _Unreadable(InvalidRegionError):
    """What is wrong with a value that should be a geometry."""

    def __init__(self, what: str, mapping: Mapping[str, Any] | None = None) -> None:
        super().__init__(what)
        self.mapping = mapping


def _one(value: Any) -> shapely.Geometry | None:
    """A shapely geometry from one value; None stays."""
    import shapely

    if value is None or _is_shapely(value):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _from_wkb(bytes(value))
    mapping = value if isinstance(value, dict) else getattr(value, "__geo_interface__", None)
    if isinstance(mapping, dict) and mapping.get("type") == "Feature":
        mapping = mapping.get("geometry")
        if mapping is None:
            return None
    if not isinstance(mapping, dict):
        raise _Unreadable(f"{type(value).__name__}, which is no geometry")
    _check_depth(mapping)
    try:
        return shapely.geometry.shape(mapping)
    except Exception as why:  # whatever a foreign mapping makes shapely stumble over
        raise _Unreadable(f"GeoJSON with a bad {mapping.get('type')!r} ({why})", mapping) from None


def _check_depth(mapping: Mapping[str, Any]) -> None:
    todo = [(mapping, 1)]
    while todo:
        item, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise _Unreadable(f"GeoJSON with more than {MAX_DEPTH} collections within one another")
        if isinstance(item, dict) and item.get("type") == "GeometryCollection":
            inner = item.get("geometries")
            if not isinstance(inner, (list, tuple)):
                raise _Unreadable("GeoJSON with a GeometryCollection without geometries")
            todo += [(each, depth + 1) for each in inner]


def _from_wkb(data: bytes) -> shapely.Geometry:
    import shapely

    _check_wkb(data)
    try:
        made = shapely.from_wkb(data)
    except shapely.errors.ShapelyError as why:
        raise _Unreadable(f"{len(data)} bytes that are no WKB ({why})") from None
    srid = shapely.get_srid(made)
    if srid in (0, 4326):
        return made
    geopandas = import_extra("geopandas", "geo")
    try:
        series = geopandas.GeoSeries([made], crs=srid)
    except import_extra("pyproj", "geo").exceptions.CRSError:
        raise _Unreadable(f"WKB with the unknown SRID {srid}") from None
    return _in_degrees(series)[0]


def _check_wkb(data: bytes) -> None:
    """Walk through the bytes, so that no count and no nesting can lead astray what reads them."""
    position, pending = 0, [1]  # geometries still to come at each depth

    def count() -> int:
        nonlocal position
        if position + 4 > len(data):
            raise _Unreadable(f"{len(data)} bytes of WKB that end early")
        position += 4
        return struct.unpack_from(order + "I", data, position - 4)[0]

    while pending:
        if pending[-1] == 0:
            pending.pop()
            continue
        pending[-1] -= 1
        if position >= len(data) or data[position] > 1:
            raise _Unreadable(f"{len(data)} bytes that are no WKB")
        order = "<" if data[position] else ">"
        position += 1
        code = count()
        position += 4 * bool(code & 0x20000000)  # an SRID
        thousands, kind = divmod(code & 0xFFFF, 1000)
        size = (
            16 + 8 * (bool(code & 0x80000000) or thousands in (1, 3)) + 8 * (bool(code & 0x40000000) or thousands > 1)
        )
        if kind == 1:
            position += size
        elif kind == 2:
            n = count()
            position += size * n
        elif kind == 3:
            for _ in range(count()):
                n = count()
                position += size * n
        elif 4 <= kind <= 7:
            pending.append(count())
            if len(pending) > MAX_DEPTH + 1:
                raise _Unreadable(f"WKB with more than {MAX_DEPTH} collections within one another")
        else:
            raise _Unreadable(f"WKB with a geometry of kind {kind}")
        if position > len(data):
            raise _Unreadable(f"{len(data)} bytes of WKB that end early")


def _in_degrees(series: Any) -> ObjectArray:
    """Geometries of a GeoSeries in degrees.

    Edges of a projected geometry are straight in the projection. They are cut into pieces of STRAIGHT_M first, which
    in degrees differ from them by at most about L^2 tan(lat) / 8R: 2 cm at 45 degrees of latitude.
    """
    import shapely

    rows = series.to_numpy()
    if series.crs is None:
        bounds = shapely.total_bounds(rows)
        if not np.isnan(bounds).any() and (np.abs(bounds[[0, 2]]).max() > 360 or np.abs(bounds[[1, 3]]).max() > 90):
            raise InvalidRegionError(
                f"region has no CRS and its bounds {bounds.tolist()} are no degrees: set one with .set_crs()"
            )
        return rows
    if series.crs == "OGC:CRS84" or series.crs.equals("EPSG:4326", ignore_axis_order=True):
        return rows
    if series.crs.is_projected:
        meters = series.crs.axis_info[0].unit_conversion_factor
        series = series.segmentize(STRAIGHT_M / meters)
    return series.to_crs("EPSG:4326").to_numpy()
