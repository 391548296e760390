"""Cells as polygons in lng/lat, whole at the antimeridian and at the poles."""

import numpy as np
import shapely

from ._reference.hierarchy import cell_level
from ._reference.projection import face_uv_to_xyz, radians_to_degrees
from ._reference.regions import cell_uv

MAX_STEP = 2.0  # degrees of arc or longitude between points of an edge


def outlines(cells):
    """Polygons of valid cells, shape (n,): straight edges where they are short, points along the geodesics where not.

    Edges are straight in the (u, v) plane of a face, so points along them are points of the geodesic.
    """
    polygons = np.full(len(cells), None, object)
    if len(cells) == 0:
        return polygons
    c = cell_uv(cells)
    corners = _points(c, np.array([0.0, 1, 1, 0]), np.array([0.0, 0, 1, 1]))
    span = np.abs(_turn(np.diff(corners[:, [0, 1, 2, 3, 0], 1], axis=1))).max(axis=1)
    at_pole = (np.abs(corners[..., 0]) == 90).any(axis=1)
    span = np.where(at_pole, 1.0, span)
    arc = 90 * 0.5 ** cell_level(cells)
    steps = np.ceil(np.maximum(arc, np.minimum(span, 90)) / MAX_STEP).astype(int)
    for count in np.unique(steps):
        here = np.flatnonzero(steps == count)
        part = type(c)(c.cell[here], c.face[here], *(tuple(x[here] for x in axis) for axis in (c.u, c.v)))
        polygons[here] = _polygons(part, int(count))
    return polygons


def _turn(degrees):
    """Differences of longitudes, taken the shorter way round."""
    return (degrees + 180) % 360 - 180


def _points(c, x, y):
    """Latitude and longitude of points at fractions x and y of the cells' sides, shape (n, points, 2)."""
    u = c.u[0][:, None] * (1 - x) + c.u[1][:, None] * x
    v = c.v[0][:, None] * (1 - y) + c.v[1][:, None] * y
    xyz = face_uv_to_xyz(np.broadcast_to(c.face[:, None], u.shape), u, v)
    lat = np.arctan2(xyz[..., 2], np.hypot(xyz[..., 0], xyz[..., 1]))
    lng = np.arctan2(xyz[..., 1] + 0.0, xyz[..., 0] + 0.0)
    return radians_to_degrees(np.stack((lat, lng), axis=-1))


def _polygons(c, steps):
    along = np.arange(steps) / steps
    zero, one = np.zeros(steps), np.ones(steps)
    ring = _points(c, np.concatenate((along, one, 1 - along, zero)), np.concatenate((zero, along, one, 1 - along)))
    lat, lng = ring[..., 0], ring[..., 1]
    lng = lng[:, :1] + np.concatenate((np.zeros((len(lng), 1)), np.cumsum(_turn(np.diff(lng)), axis=1)), axis=1)
    lng = lng - 360 * np.where(lng.min(axis=1) >= 180, 1, np.where(lng.max(axis=1) <= -180, -1, 0))[:, None]
    once_round = np.abs(lng[:, -1] + _turn(lng[:, 0] - lng[:, -1]) - lng[:, 0]) > 180
    special = (np.abs(lat) == 90).any(axis=1) | (lng.min(axis=1) < -180) | (lng.max(axis=1) > 180) | once_round
    polygons = np.full(len(lat), None, object)
    polygons[~special] = shapely.polygons(np.stack((lng, lat), axis=-1)[~special])
    for k in np.flatnonzero(special):
        polygons[k] = _round_pole(lat[k], lng[k]) if once_round[k] else _at_seam(lat[k], lng[k])
    return polygons


def _round_pole(lat, lng):
    """Face 2 or 5: the ring goes once round, and the polygon is closed along the pole."""
    pole = np.copysign(90.0, lat[0])
    lng = _turn(lng)
    order = np.argsort(lng)
    lng, lat = lng[order], lat[order]
    seam = np.interp(180.0, [lng[-1], lng[0] + 360], [lat[-1], lat[0]])
    lng = np.concatenate(([-180.0], lng, [180.0, 180.0, -180.0]))
    lat = np.concatenate(([seam], lat, [seam, pole, pole]))
    return shapely.Polygon(np.column_stack((lng, lat)))


def _at_seam(lat, lng):
    """A cell with a vertex at a pole, or across the antimeridian: cut there, both sides kept."""
    pole = np.flatnonzero(np.abs(lat) == 90)
    if len(pole):  # a pole has every longitude: go along it from one neighbour's to the other's
        k = pole[0]
        lat, lng = np.roll(lat, -k)[1:], np.roll(lng, -k)[1:]
        lng = lng[0] + np.concatenate(([0.0], np.cumsum(_turn(np.diff(lng)))))
        top = np.copysign(90.0, lat[0])
        lat, lng = np.concatenate((lat, [top, top])), np.concatenate((lng, [lng[-1], lng[0]]))
        lng = lng - 360 * (1 if lng.min() >= 180 else -1 if lng.max() <= -180 else 0)
    ring = shapely.Polygon(np.column_stack((lng, lat)))
    parts = []
    for turn in (-360, 0, 360):
        part = shapely.intersection(ring, shapely.box(turn - 180, -90, turn + 180, 90))
        if part.area > 0:
            parts.append(shapely.transform(part, lambda xy, turn=turn: xy - [turn, 0]))
    polygons = [p for part in parts for p in shapely.get_parts(part) if p.geom_type == "Polygon"]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
