"""Lines and areas in longitude and latitude, as shapely has them, of what is round on a map."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .._typing import FloatArray


def to_linestrings(lat: FloatArray, lng: FloatArray) -> Any:
    """LineStrings of rows of points, shape (lines, points), longitudes running on across 180."""
    import shapely

    return shapely.linestrings(np.unwrap(lng, period=360, axis=-1), lat)


def geodesic_points(vertices: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Latitudes and longitudes of points about a degree apart on the shortest way from vertex to vertex, (lat, lng)."""
    lat, lng = np.radians(vertices).T
    xyz = np.stack((np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)), axis=-1)
    points = [xyz[:1]]
    for a, b in itertools.pairwise(xyz):
        n = int(np.ceil(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))) + 1
        t = np.arange(1, n + 1)[:, None] / n
        points.append((1 - t) * a + t * b)  # on the chord: the same longitude and latitude
    return _to_latlng(np.concatenate(points))


def circle_points(lat: float, lng: float, radius: float, n: int) -> tuple[FloatArray, FloatArray]:
    """Latitudes and longitudes of `n` points on a circle of `radius` radians, counter-clockwise, closed."""
    around = np.linspace(0, 2 * np.pi, n + 1)
    phi, theta = np.radians((lat, lng))
    center = np.array([np.cos(theta) * np.cos(phi), np.sin(theta) * np.cos(phi), np.sin(phi)])
    east = np.array([-np.sin(theta), np.cos(theta), 0])
    north = np.cross(center, east)
    spokes = np.outer(np.cos(around), east) + np.outer(np.sin(around), north)
    return _to_latlng(np.cos(radius) * center + np.sin(radius) * spokes)


def _to_latlng(xyz: FloatArray) -> tuple[FloatArray, FloatArray]:
    x, y, z = xyz.T
    return np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))


def planar_ring(lat: FloatArray, lng: FloatArray, near: float | None = None) -> FloatArray:
    """Vertices (lng, lat) of a ring of geodesics as it is drawn: longitudes run on across 180, from `near` if given.

    A ring that goes round a pole is closed along it: eastward round the north pole.
    """
    lng = np.unwrap(np.append(lng, lng[0]), period=360)
    if near is not None:
        lng = lng + 360 * np.round((near - lng[0]) / 360)
    xy = np.column_stack((lng, np.append(lat, lat[0])))
    if turns := round((lng[-1] - lng[0]) / 360):
        pole = 90.0 if turns > 0 else -90.0
        xy = np.concatenate((xy, [(lng[-1], pole), (lng[0], pole), xy[0]]))
    return xy


def disc(lat: float, lng: float, radius: float, n: int = 180) -> Any:
    """A circle of `radius` radians as a Polygon or MultiPolygon with longitudes in -180..180, cut at 180."""
    import shapely

    if radius >= np.pi:
        return shapely.box(-180, -90, 180, 90)
    ring_lat, ring_lng = circle_points(lat, lng, radius, n)
    ring = planar_ring(ring_lat[:-1], ring_lng[:-1])
    disc = shapely.make_valid(shapely.Polygon(ring))
    if len(ring) == n + 1 and radius > np.pi / 2:  # it goes round no pole: the other side is meant
        return shapely.difference(shapely.box(-180, -90, 180, 90), cut(disc))
    return cut(disc)


def cut(geometry: Any) -> Any:
    """The same geometry with longitudes in -180..180, cut where it goes beyond."""
    import shapely

    if shapely.is_empty(geometry):
        return geometry
    west, _, east, _ = shapely.bounds(geometry)
    if west >= -180 and east <= 180:
        return geometry
    parts = []
    for turn in range(int(np.floor((west + 180) / 360)), int(np.ceil((east + 180) / 360)) + 1):
        moved = shapely.transform(geometry, lambda xy, turn=turn: xy - (360 * turn, 0))
        parts.append(shapely.intersection(moved, shapely.box(-180, -90, 180, 90)))
    whole = shapely.get_parts(np.array(parts, object))
    return shapely.union_all(whole[shapely.get_dimensions(whole) == shapely.get_dimensions(geometry)])
