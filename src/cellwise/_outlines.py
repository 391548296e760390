"""Cells as polygons in lng/lat, whole at the antimeridian and at the poles.

Of all cells only three faces need care: 2 and 5 hold a pole and 3 straddles the antimeridian. Both lie on borders of
the next level, so that every other cell stays on one side of 180 and has a pole at most as a vertex.
"""

from __future__ import annotations

import numpy as np
import shapely

from ._dispatch import call
from ._math.projection import MAX_LEVEL, face_uv_to_xyz, ij_to_st_min, radians_to_degrees, st_to_uv
from ._typing import CellArray, FloatArray, Int32Array, Int64Array, ObjectArray

MAX_STEP = 2.0  # degrees of arc or of longitude between points of an edge, about


def outlines(cells: CellArray) -> ObjectArray:
    """Polygons of valid cells, shape (n,): straight edges where they are short, points along the geodesics where not.

    An edge has a power of two of steps, even in s or t, so that nearly all points of neighbors of other levels meet.
    """
    polygons = np.full(len(cells), None, object)
    level = call("cell_level", cells)
    faces = level == 0
    if faces.any():
        children = call("cell_children", cells[faces], level[faces] + 1).values
        polygons[faces] = shapely.reverse(shapely.union_all(outlines(children).reshape(-1, 4), axis=1))
    steps = np.where(faces, 0, _steps(cells, level))
    for count in np.unique(steps[~faces]):
        here = steps == count
        polygons[here] = _polygons(_rings(cells[here], count))
    return polygons


def _steps(cells: CellArray, level: Int32Array) -> Int64Array:
    """Steps an edge: the arcs of coarse cells are long, and near a pole small cells span many longitudes."""
    corners = _rings(cells, 1)
    span = np.ptp(corners[..., 0], axis=1)
    span = np.where((np.abs(corners[..., 1]) == 90).any(axis=1), 90, span)
    widest = np.maximum(span, 90 * 0.5**level)
    return 2 ** np.ceil(np.log2(np.maximum(widest / MAX_STEP, 1))).astype(int)


def _rings(cells: CellArray, steps: int) -> FloatArray:
    """Longitude and latitude of points round each cell, `steps` an edge, shape (n, 4 * steps, 2)."""
    along, zero, one = np.arange(steps) / steps, np.zeros(steps), np.ones(steps)
    x = np.concatenate((along, one, 1 - along, zero))
    y = np.concatenate((zero, along, one, 1 - along))
    face, (i, j) = call("cell_face", cells), call("cell_ij", cells)
    size = np.int64(1) << (MAX_LEVEL - call("cell_level", cells)).astype(np.int64)
    u, v = (st_to_uv(ij_to_st_min((k & -size)[:, None] + size[:, None] * fraction)) for k, fraction in ((i, x), (j, y)))
    xyz = face_uv_to_xyz(np.broadcast_to(face[:, None], u.shape), u, v) + 0.0  # -0.0 becomes 0.0
    lng = radians_to_degrees(np.arctan2(xyz[..., 1], xyz[..., 0]))
    lat = radians_to_degrees(np.arctan2(xyz[..., 2], np.hypot(xyz[..., 0], xyz[..., 1])))
    west = lng.min(axis=1, keepdims=True) < 0
    return np.stack((np.where(west & (lng == 180), -180, lng), lat), axis=-1)


def _polygons(rings: FloatArray) -> ObjectArray:
    polygons = shapely.polygons(rings)
    pole = np.abs(rings[..., 1]) == 90
    at = pole.any(axis=1)
    if at.any():  # a pole has every longitude: each ring starts there at its next point's, and ends at its last one's
        n = rings.shape[1]
        order = (pole[at].argmax(axis=1)[:, None] + np.arange(n + 1)) % n
        rings = np.take_along_axis(rings[at], order[..., None], axis=1)
        rings[:, [0, -1], 0] = rings[:, [1, -2], 0]
        polygons[at] = shapely.polygons(rings)
    return polygons
