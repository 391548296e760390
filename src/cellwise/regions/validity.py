"""What is wrong with geometries, and what becomes of those that are invalid."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import BoolArray, Int64Array, ObjectArray
from .._warn import warn
from ..errors import InvalidCoordinatesWarning, InvalidRegionError
from ..inputs import ON_INVALID, check_choice, swapped_hint
from ..inputs.geometries import Geometries
from .chains import COLLECTION, Chains, parts_of

if TYPE_CHECKING:
    import shapely

ON_INVALID_REGION = (*ON_INVALID, "fix")


def check(
    given: Geometries,
    on_invalid: str,
    fault_of: Callable[[int, Any], str | None] | None = None,
    undecided: BoolArray | None = None,
) -> ObjectArray:
    """The rows with what is invalid treated as `on_invalid` says; what was left out is None.

    ``"raise"`` raises, ``"fix"`` repairs (shapely's make_valid), ``"null"`` leaves out, ``"warn"`` leaves out with one
    warning. What is wrong with a geometry that has an area says `fault_of(row, geometry)`, or else shapely. Rows that
    are not `undecided` are known to be there and valid.
    """
    import shapely

    check_choice("on_invalid", on_invalid, ON_INVALID_REGION)
    if undecided is not None and not undecided.any():
        return given.rows
    rows = given.rows.copy()
    missing = shapely.is_missing(rows)
    faults = {int(k): "a missing geometry" for k in np.flatnonzero(missing)}
    for k, why in given.unreadable.items():
        missing[k] = False
        if on_invalid == "fix" and why.mapping and (mended := _mended(why.mapping)) is not None:
            rows[k] = mended
            del faults[k]
        else:
            faults[k] = str(why)
    suspects = np.arange(len(rows)) if undecided is None else np.flatnonzero(undecided)
    faults |= _wrong_coordinates(rows, suspects)
    rows[list(faults)] = None
    suspects = suspects[shapely.get_dimensions(rows[suspects]) == 2]
    for k in suspects[shapely.get_type_id(rows[suspects]) == COLLECTION]:
        rows[k] = _with_one_area(rows[k])
    if fault_of is None:
        suspects = suspects[~shapely.is_valid(rows[suspects])]
    for k in suspects:
        fault = _explained(shapely.is_valid_reason(rows[k])) if fault_of is None else fault_of(k, rows[k])
        if fault and on_invalid == "fix":
            rows[k] = shapely.make_valid(rows[k])
            fault = None if fault_of is None else fault_of(k, rows[k])
            if fault and fault_of:  # a sliver may be no geodesic polygon any more: none is left on a grid of 0.1 mm
                rows[k] = shapely.set_precision(rows[k], 1e-9)
                fault = fault_of(k, rows[k])
        if fault:
            faults[int(k)] = fault
            rows[k] = None
    beyond_repair = [k for k in faults if on_invalid == "raise" or (on_invalid == "fix" and not missing[k])]
    if beyond_repair:
        first = min(beyond_repair)
        where = "" if given.single else f" in row {first}{_label(given.index, first)}"
        count = "" if given.single else f" ({len(faults)} of {len(rows)} rows)"
        raise InvalidRegionError(f"region must be valid: got {faults[first]}{where}{count}")
    if faults and on_invalid == "warn":
        first = min(faults)
        warn(
            f"{len(faults)} of {len(rows)} regions are left out, the first in row {first}: {faults[first]}",
            InvalidCoordinatesWarning,
        )
    return rows


def _label(index: Any, k: int) -> str:
    return "" if index is None or index[k] == k else f" ({index[k]!r})"


def _wrong_coordinates(rows: ObjectArray, suspects: Int64Array) -> dict[int, str]:
    """What is wrong with the first bad vertex of each of the suspects, numbers of rows, that has one."""
    import shapely

    xy, row = shapely.get_coordinates(rows[suspects], return_index=True)
    with np.errstate(invalid="ignore"):
        bad_lng, bad_lat = ~(np.abs(xy[:, 0]) <= 360), ~(np.abs(xy[:, 1]) <= 90)
    faults = {}
    bad = np.flatnonzero(bad_lng | bad_lat)
    for k, first in zip(*np.unique(row[bad], return_index=True)):
        lng, lat = xy[bad[first]].tolist()
        swapped = swapped_hint(lat, np.abs(xy[row == k, 0]).max())
        faults[int(suspects[k])] = (
            f"lat {lat!r} beyond -90..90{swapped}" if bad_lat[bad[first]] else f"lng {lng!r} beyond -360..360"
        )
    return faults


def _with_one_area(collection: shapely.Geometry) -> shapely.Geometry:
    """A collection whose polygons are made one, because they may overlap."""
    import shapely

    parts = parts_of(collection)
    is_area = shapely.get_dimensions(parts) == 2
    if is_area.sum() < 2 or not shapely.is_valid(parts[is_area]).all():
        return collection
    return shapely.GeometryCollection([shapely.union_all(parts[is_area]), *parts[~is_area]])


def _explained(reason: str) -> str:
    """GEOS's reason, with the place in our order."""
    found = re.fullmatch(r"(.*)\[(\S+) (\S+)\]", reason)
    if found is None:
        return f"a polygon with {reason.lower()}"
    what, lng, lat = found.groups()
    return f"a polygon with {what.strip().lower()} near ({float(lat):.10g}, {float(lng):.10g})"


def _mended(mapping: Mapping[str, Any]) -> shapely.Geometry | None:
    """A polygon whose rings are closed where they were not; a line or a point where a shell is no more than that."""
    import shapely

    kind, coordinates = mapping.get("type"), mapping.get("coordinates")
    parts: Any = [coordinates] if kind == "Polygon" else coordinates if kind == "MultiPolygon" else []
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


def warn_of_wide_edges(chains: Chains, rows: Iterable[int], numbers: Int64Array | None = None) -> None:
    """Warn of the first edge in the rows that seems to cross the antimeridian and goes the other way.

    `numbers`: those that the message names, where they are not the rows' places.
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
            warn(
                f"an edge from longitude {float(lng[k])!r} to {float(lng[k + 1])!r} in row {number} is "
                f"{d_lng[k]:g} degrees long, as planar edges are: to go the short way across the antimeridian, give "
                "longitudes beyond 180 (170 and 190), cut the geometry there, or take edges='geodesic'",
                UserWarning,
            )
            return
