"""Geometry in lng/lat onto a cartopy projection."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from .._typing import BoolArray, FloatArray, ObjectArray

BEND = 2e-4  # of a step's length: what it may be longer by its middle, 1 % to the side
NUDGE = 1e-5  # of a polygon's width


def project(projection: Any, geometries: ObjectArray, plate: Any) -> ObjectArray:
    """Geometries on the projection, one for one, cut where it is torn; `plate` is cartopy's PlateCarree().

    Points are projected. Where that fails, a border of the polygon may lie right on a tear or a pole: a little inside
    it does not. What still fails does cross a tear, and is left to cartopy.
    """
    result, good = _by_points(projection, geometries, plate)
    rough = np.flatnonzero(~good)
    inside = np.array([_nudged(geometry) for geometry in geometries[rough]], object)
    result[rough], good = _by_points(projection, inside, plate)
    for k, geometry in zip(rough[~good], inside[~good]):
        result[k] = shapely.normalize(projection.project_geometry(geometry, plate))  # holes run the other way round
    return result


def _by_points(projection: Any, geometries: ObjectArray, plate: Any) -> tuple[ObjectArray, BoolArray]:
    """Geometries with their points projected, and whether they are right.

    They are if the middle of each step comes to lie between its ends. A polygon that is turned inside out holds the
    antipode of an azimuthal projection.
    """

    def on_map(xy: FloatArray) -> FloatArray:
        return projection.transform_points(plate, *xy.T)[:, :2]

    points, of = shapely.get_coordinates(geometries, return_index=True)
    placed = on_map(points)
    middles = on_map((points[:-1] + points[1:]) / 2)
    finite = np.isfinite(placed).all(axis=1)
    placed[~finite] = 0
    noise = 1e-12 * np.ptp(projection.x_limits)
    step, left, right = (
        np.hypot(*(a - b).T) for a, b in ((placed[1:], placed[:-1]), (middles, placed[:-1]), (placed[1:], middles))
    )
    straight = (left + right <= (1 + BEND) * step + noise) & (np.minimum(left, right) >= 0.1 * step - noise)
    good = np.ones(len(geometries), bool)
    good[of[~finite]] = False
    good[of[1:][(of[1:] == of[:-1]) & ~straight]] = False
    result = shapely.set_coordinates(geometries.copy(), placed)
    before, after = (shapely.is_ccw(shapely.get_exterior_ring(polygons)) for polygons in (geometries, result))
    for k in np.flatnonzero(good & (before != after)):
        result[k] = shapely.normalize(shapely.difference(projection.domain, result[k]))
    return result, good


def _nudged(geometry: shapely.Geometry) -> shapely.Geometry:
    if shapely.get_dimensions(geometry) == 2:
        west, south, east, north = geometry.bounds
        geometry = shapely.buffer(geometry, -NUDGE * min(east - west, north - south), join_style="mitre")
    return shapely.segmentize(geometry, 2)
