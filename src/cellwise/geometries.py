"""Foreign geometries become shapely's here, in degrees of longitude and latitude, and these become arrays.

`read` takes what users hold: shapely, GeoPandas in any CRS, GeoJSON and whatever has `__geo_interface__`, WKB, and
sequences of these. `chains` turns geometries into the arrays that the kernels take.
"""

import re
import struct
import sys
import warnings
from typing import NamedTuple

import numpy as np

from .errors import InvalidCoordinatesWarning, InvalidRegionError
from .inputs import check_choice, import_extra

DEEPEST = 32  # nested collections
STRAIGHT_M = 1000.0  # metres: edges of projected geometries are cut so long before they are taken to degrees
ON_INVALID = ("raise", "warn", "null", "fix", "skip")

_POINT, _LINE, _RING, _POLYGON, _COLLECTION = 0, 1, 2, 3, 7


class Geometries(NamedTuple):
    """Rows of geometries. Where one is missing or was left out it is None."""

    rows: np.ndarray  # of shapely geometries in degrees, x the longitude
    single: bool  # one geometry, not a sequence of one
    index: object  # of pandas, or None
    unreadable: dict  # for a row that cannot be read what is wrong with it, and the GeoJSON


def is_geometry(value):
    """Whether `read` can take the value."""
    return (
        isinstance(value, (bytes, bytearray, memoryview, dict))
        or _is_shapely(value)
        or _geopandas_rows(value) is not None
        or hasattr(value, "__geo_interface__")
        or _is_sequence_of_geometries(value)
    )


def _is_shapely(value):
    shapely = sys.modules.get("shapely")
    return shapely is not None and isinstance(value, shapely.Geometry)


def _is_sequence_of_geometries(value):
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


def _shapely_rows(items):
    """The items as an array, if they are shapely's or None."""
    if (shapely := sys.modules.get("shapely")) is None:
        return None
    rows = np.fromiter(items, object, len(items))
    return rows if shapely.is_valid_input(rows).all() else None


def _geopandas_rows(value):
    """The GeoSeries of a GeoSeries or GeoDataFrame."""
    geopandas = sys.modules.get("geopandas")
    if geopandas is None:
        return None
    if isinstance(value, geopandas.GeoDataFrame):
        return value.geometry
    if isinstance(value, geopandas.array.GeometryArray):
        return geopandas.GeoSeries(value)
    return value if isinstance(value, geopandas.GeoSeries) else None


def read(value):
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


class _Unreadable(InvalidRegionError):
    """What is wrong with a value that should be a geometry."""

    def __init__(self, what, mapping=None):
        super().__init__(what)
        self.mapping = mapping


def _one(value):
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


def _check_depth(mapping):
    todo = [(mapping, 1)]
    while todo:
        item, depth = todo.pop()
        if depth > DEEPEST:
            raise _Unreadable(f"GeoJSON with more than {DEEPEST} collections within one another")
        if isinstance(item, dict) and item.get("type") == "GeometryCollection":
            inner = item.get("geometries")
            if not isinstance(inner, (list, tuple)):
                raise _Unreadable("GeoJSON with a GeometryCollection without geometries")
            todo += [(each, depth + 1) for each in inner]


def _mended(mapping):
    """A polygon whose rings are closed where they were not; a line or a point where a shell is no more than that."""
    import shapely

    kind, coordinates = mapping.get("type"), mapping.get("coordinates")
    parts = [coordinates] if kind == "Polygon" else coordinates if kind == "MultiPolygon" else []
    made = []
    try:
        for rings in parts:
            closed = [ring if ring[0] == ring[-1] else [*ring, ring[0]] for ring in map(list, rings) if ring]
            if not closed:
                continue
            shell, *holes = closed
            if len(shell) > 3:
                made.append(shapely.Polygon(shell, [hole for hole in holes if len(hole) > 3]))
            else:
                made.append(shapely.LineString(shell) if len(shell) == 3 else shapely.Point(shell[0]))
    except Exception:  # it was worse
        return None
    return shapely.union_all(shapely.make_valid(made)) if made else None


def _from_wkb(data):
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


def _check_wkb(data):
    """Walk through the bytes, so that no count and no nesting can lead astray what reads them."""
    position, pending = 0, [1]  # geometries still to come at each depth

    def count():
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
            if len(pending) > DEEPEST + 1:
                raise _Unreadable(f"WKB with more than {DEEPEST} collections within one another")
        else:
            raise _Unreadable(f"WKB with a geometry of kind {kind}")
        if position > len(data):
            raise _Unreadable(f"{len(data)} bytes of WKB that end early")


def _in_degrees(series):
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
        metres = series.crs.axis_info[0].unit_conversion_factor
        series = series.segmentize(STRAIGHT_M / metres)
    return series.to_crs("EPSG:4326").to_numpy()


# --- what is wrong with them -----------------------------------------------------------------------------------------


def check(geometries, on_invalid, fault_of=None, doubtful=None):
    """The rows with what is invalid treated as `on_invalid` says; what was left out is None.

    ``"raise"`` raises, ``"fix"`` repairs (shapely's make_valid), ``"null"`` and ``"skip"`` leave out, ``"warn"``
    leaves out with one warning. What is wrong with a geometry that has an area says `fault_of(row, geometry)`, or
    else shapely. Rows that are not `doubtful` are known to be there and valid.
    """
    import shapely

    check_choice("on_invalid", on_invalid, ON_INVALID)
    if doubtful is not None and not doubtful.any():
        return geometries.rows
    rows = geometries.rows.copy()
    missing = shapely.is_missing(rows)
    faults = {int(k): "a missing geometry" for k in np.flatnonzero(missing)}
    for k, why in geometries.unreadable.items():
        missing[k] = False
        if on_invalid == "fix" and why.mapping and (mended := _mended(why.mapping)) is not None:
            rows[k] = mended
            del faults[k]
        else:
            faults[k] = str(why)
    suspects = np.arange(len(rows)) if doubtful is None else np.flatnonzero(doubtful)
    faults |= _wrong_coordinates(rows, suspects)
    rows[list(faults)] = None
    suspects = suspects[shapely.get_dimensions(rows[suspects]) == 2]
    for k in suspects[shapely.get_type_id(rows[suspects]) == _COLLECTION]:
        rows[k] = _with_one_area(rows[k])
    if fault_of is None:
        suspects = suspects[~shapely.is_valid(rows[suspects])]
    for k in suspects:
        fault = _explained(shapely.is_valid_reason(rows[k])) if fault_of is None else fault_of(k, rows[k])
        if fault and on_invalid == "fix":
            rows[k] = shapely.make_valid(rows[k])
            fault = fault_of and fault_of(k, rows[k])
            if fault:  # a sliver may be no geodesic polygon any more: none is left on a grid of 0.1 mm
                rows[k] = shapely.set_precision(rows[k], 1e-9)
                fault = fault_of(k, rows[k])
        if fault:
            faults[int(k)] = fault
            rows[k] = None
    beyond_repair = [k for k in faults if on_invalid == "raise" or (on_invalid == "fix" and not missing[k])]
    if beyond_repair:
        first = min(beyond_repair)
        where = "" if geometries.single else f" in row {first}{_label(geometries.index, first)}"
        count = "" if geometries.single else f" ({len(faults)} of {len(rows)} rows)"
        raise InvalidRegionError(f"region must be valid: got {faults[first]}{where}{count}")
    if faults and on_invalid == "warn":
        first = min(faults)
        warnings.warn(
            f"{len(faults)} of {len(rows)} regions are left out, the first in row {first}: {faults[first]}",
            InvalidCoordinatesWarning,
            stacklevel=4,
        )
    return rows


def is_missing(rows):
    """Whether each is None."""
    import shapely

    return shapely.is_missing(rows)


def _label(index, k):
    return "" if index is None or index[k] == k else f" ({index[k]!r})"


def _wrong_coordinates(rows, suspects):
    """What is wrong with the first bad vertex of each of the suspects, numbers of rows, that has one."""
    import shapely

    xy, row = shapely.get_coordinates(rows[suspects], return_index=True)
    with np.errstate(invalid="ignore"):
        bad_lng, bad_lat = ~(np.abs(xy[:, 0]) <= 360), ~(np.abs(xy[:, 1]) <= 90)
    faults = {}
    bad = np.flatnonzero(bad_lng | bad_lat)
    for k, first in zip(*np.unique(row[bad], return_index=True)):
        lng, lat = xy[bad[first]].tolist()
        swapped = "; lat and lng look swapped" if abs(lat) > 90 and np.abs(xy[row == k, 0]).max() <= 90 else ""
        faults[int(suspects[k])] = (
            f"lat {lat!r} beyond -90..90{swapped}" if bad_lat[bad[first]] else f"lng {lng!r} beyond -360..360"
        )
    return faults


def _with_one_area(collection):
    """A collection whose polygons are made one, because they may overlap."""
    import shapely

    parts = flat(collection)
    is_area = shapely.get_dimensions(parts) == 2
    if is_area.sum() < 2 or not shapely.is_valid(parts[is_area]).all():
        return collection
    return shapely.GeometryCollection([shapely.union_all(parts[is_area]), *parts[~is_area]])


def _explained(reason):
    """GEOS's reason, with the place in our order."""
    found = re.fullmatch(r"(.*)\[(\S+) (\S+)\]", reason)
    if found is None:
        return f"a polygon with {reason.lower()}"
    what, lng, lat = found.groups()
    return f"a polygon with {what.strip().lower()} near ({float(lat):.10g}, {float(lng):.10g})"


# --- as arrays --------------------------------------------------------------------------------------------------------

LINE, SHELL, HOLE = 0, 1, 2


class Chains(NamedTuple):
    """Rows of chains of vertices: chain k has the vertices ``offsets[k]:offsets[k + 1]``, row r the chains
    ``rows[r]:rows[r + 1]``. A ring is a SHELL or a HOLE; a point is a LINE of one vertex.
    """

    xy: np.ndarray  # longitudes and latitudes, shape (vertices, 2)
    offsets: np.ndarray
    roles: np.ndarray
    rows: np.ndarray

    @property
    def lng(self):
        """Longitudes."""
        return self.xy[:, 0]

    @property
    def lat(self):
        """Latitudes."""
        return self.xy[:, 1]


def _flat(geometries):
    """Points, lines and polygons that geometries are made of, their rows and shapely's type ids."""
    import shapely

    parts, row, kind = geometries, np.arange(len(geometries)), shapely.get_type_id(geometries)
    for _ in range(DEEPEST):
        if not (is_several := kind > _POLYGON).any():
            break
        # Only those of several parts are taken apart: shapely copies what it takes out.
        single, several = np.flatnonzero(~is_several), np.flatnonzero(is_several)
        inner, index = shapely.get_parts(parts[several], return_index=True)
        order = np.argsort(np.concatenate((single, several[index])), kind="stable")
        parts = np.concatenate((parts[single], inner))[order]
        row = np.concatenate((row[single], row[several][index]))[order]
        kind = np.concatenate((kind[single], shapely.get_type_id(inner)))[order]
    else:
        if (kind > _POLYGON).any():
            raise InvalidRegionError(f"region must have at most {DEEPEST} collections within one another: got more")
    keep = (kind >= 0) & ~shapely.is_empty(parts)
    return parts[keep], row[keep], kind[keep]


def chains(geometries):
    """Arrays of all vertices of an array of shapely geometries; missing and empty ones have none."""
    import shapely

    parts, row, kind = _flat(geometries)
    has_holes = shapely.get_num_interior_rings(parts) > 0
    whole, holed = np.flatnonzero(~has_holes), np.flatnonzero(has_holes)
    rings, ring_part = shapely.get_rings(parts[holed], return_index=True)
    is_shell = np.diff(ring_part, prepend=-1) != 0
    of_whole = np.where(kind[whole] == _POLYGON, SHELL, LINE)
    part = np.concatenate((whole, holed[ring_part]))
    order = np.argsort(part, kind="stable")
    sizes = np.concatenate((shapely.get_num_coordinates(parts[whole]), shapely.get_num_coordinates(rings)))[order]
    roles = np.concatenate((of_whole, np.where(is_shell, SHELL, HOLE)))[order]
    rows = np.searchsorted(row[part[order]], np.arange(len(geometries) + 1))
    offsets = np.append(0, np.cumsum(sizes))
    return Chains(shapely.get_coordinates(parts), offsets, roles.astype(np.uint8), rows)


def rings_only(chains):
    """The rings, without lines and points: nothing lies within these, and the interior of polygons is as it was."""
    keep = chains.roles != LINE
    if keep.all():
        return chains
    sizes = np.diff(chains.offsets)
    of_kept = np.repeat(keep, sizes)
    rows = np.append(0, np.cumsum(keep))[chains.rows]
    return Chains(chains.xy[of_kept], np.append(0, np.cumsum(sizes[keep])), chains.roles[keep], rows)


def warn_of_long_ways_round(chains, rows, numbers=None):
    """Warn of the first edge in the rows that seems to cross the antimeridian and goes the other way.

    `numbers`: what the rows are called, if they have other numbers than their places.
    """
    for row in rows:
        starts = chains.offsets[chains.rows[row] : chains.rows[row + 1] + 1]
        lng, lat = chains.xy[starts[0] : starts[-1]].T
        d_lng = np.abs(np.diff(lng))
        wide = (d_lng > 180) & (d_lng < 360)
        if not wide.any():
            continue
        wide &= ~((np.abs(lat[1:]) == 90) & (lat[1:] == lat[:-1]))
        wide[starts[1:-1] - starts[0] - 1] = False  # from one chain to the next
        if wide.any():
            k, number = int(wide.argmax()), row if numbers is None else numbers[row]
            warnings.warn(
                f"an edge from longitude {float(lng[k])!r} to {float(lng[k + 1])!r} in row {number} is "
                f"{d_lng[k]:g} degrees long, as planar edges are: to go the short way across the antimeridian, give "
                "longitudes beyond 180 (170 and 190), cut the geometry there, or take edges='geodesic'",
                UserWarning,
                stacklevel=5,
            )
            return


def areas(chains):
    """Area of the polygons of each row, steradians, shape (rows,).

    Between an edge and the equator lies the integral of sin(lat) over longitude; a ring's sum is the area within.
    """
    lat, lng = np.radians(chains.lat), np.radians(chains.lng)
    n = len(lat)
    after = np.arange(1, n + 1)
    after[chains.offsets[1:] - 1] = chains.offsets[:-1]
    half = 0.5 * (lat[after] - lat)
    swept = (lng[after] - lng) * np.sin(0.5 * (lat + lat[after])) * np.sinc(half / np.pi)
    sign = np.array([0.0, 1.0, -1.0])[chains.roles]
    rings = sign * np.abs(_sums(swept, chains.offsets))
    return np.maximum(_sums(rings, chains.rows), 0.0)


def _sums(values, offsets):
    """Sums of runs of values, empty ones included."""
    sums, some = np.zeros(len(offsets) - 1), offsets[1:] > offsets[:-1]
    if some.any():
        sums[some] = np.add.reduceat(values, offsets[:-1][some])
    return sums


def one_row(geometry):
    """An array of one geometry."""
    rows = np.empty(1, object)
    rows[0] = geometry
    return rows


def flat(geometry):
    """Points, lines and polygons that a geometry is made of, empty ones left out."""
    return _flat(one_row(geometry))[0]


def rings(polygon):
    """Vertices (lat, lng) of the rings of a shapely polygon, the shell first."""
    import shapely

    return [shapely.get_coordinates(ring)[:, ::-1] for ring in shapely.get_rings(polygon)]
