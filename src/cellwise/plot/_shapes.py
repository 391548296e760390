"""Geometry in lng/lat, made ready to draw: whole turns of longitude, outlines of regions, paths."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import shapely
from matplotlib.path import Path
from numpy.typing import ArrayLike

from .._typing import FloatArray, ObjectArray
from ..planar import PlanarRegion
from ..polygons import GeodesicCollection, Polygon, Polyline
from ..regions import Cap, Rect
from ..regions import region as as_region


def to_latlng_lines(lat: FloatArray, lng: FloatArray) -> ObjectArray:
    """LineStrings of rows of points, shape (lines, points), longitudes running on across 180."""
    return shapely.linestrings(np.unwrap(lng, period=360, axis=-1), lat)


def turned(geometries: ObjectArray, center: float) -> ObjectArray:
    """The same geometries with longitudes in ``center - 180 .. center + 180``, cut where they go across."""
    west, _, east, _ = shapely.bounds(geometries).T
    low, high = center - 180, center + 180
    turns = np.where((west >= low) & (east <= high), 0, np.ceil((low - west) / 360))
    geometries = _shifted(geometries, 360 * turns)
    for k in np.flatnonzero(east + 360 * turns > high + 1e-9):
        thrice = _shifted(np.repeat(geometries[k], 3), [-360, 0, 360])
        parts = shapely.get_parts(shapely.intersection(thrice, shapely.box(low, -90, high, 90)))
        geometries[k] = shapely.union_all(parts[shapely.get_dimensions(parts) == shapely.get_dimensions(geometries[k])])
    return geometries


def _shifted(geometries: ObjectArray, degrees: ArrayLike) -> ObjectArray:
    points, of = shapely.get_coordinates(geometries, return_index=True)
    points[:, 0] += np.asarray(degrees)[of]
    return shapely.set_coordinates(geometries.copy(), points)


def region_lines(region: Any) -> ObjectArray:
    """Lines in lng/lat along the border of a region or a shapely geometry, shape (n,)."""
    region = as_region(region)
    if isinstance(region, PlanarRegion):
        geometry = region.geometry
        return shapely.get_parts(shapely.boundary(geometry) if shapely.get_dimensions(geometry) == 2 else geometry)
    if isinstance(region, Polygon):
        return np.concatenate([_geodesic_lines(np.vstack((ring, ring[:1]))) for ring in region.rings])
    if isinstance(region, Polyline):
        return _geodesic_lines(region.vertices)
    if isinstance(region, GeodesicCollection):
        return np.concatenate([np.empty(0, object), *map(region_lines, region.parts)])
    if isinstance(region, Rect):
        return _rect_lines(region)
    if isinstance(region, Cap):
        return _cap_lines(region)
    return shapely.get_parts(shapely.boundary(region.dissolve()))


def _rect_lines(rect: Rect) -> ObjectArray:
    """Parallels and meridians: straight in lng/lat."""
    (south, north), (west, east) = rect.lat, rect.lng
    if east - west >= 360:
        return shapely.linestrings([[(-180, lat), (180, lat)] for lat in rect.lat])
    east = west + (east - west) % 360
    return shapely.linestrings([[(west, south), (east, south), (east, north), (west, north), (west, south)]])


def _geodesic_lines(vertices: FloatArray) -> ObjectArray:
    """The shortest way from vertex to vertex, (lat, lng), with points about a degree apart."""
    if len(vertices) < 2:
        return np.empty(0, object)
    lat, lng = np.radians(vertices).T
    xyz = np.stack((np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)), axis=-1)
    points = [xyz[:1]]
    for a, b in itertools.pairwise(xyz):
        n = int(np.ceil(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))) + 1
        t = np.arange(1, n + 1)[:, None] / n
        points.append((1 - t) * a + t * b)  # on the chord: the same longitude and latitude
    x, y, z = np.concatenate(points).T
    return to_latlng_lines(*np.degrees((np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)))[:, None])


def _cap_lines(cap: Cap) -> ObjectArray:
    """A circle of points one degree apart, seen from its center; the whole sphere has none."""
    if cap.height >= 2:
        return np.empty(0, object)
    radius, around = cap.radius(unit="rad"), np.radians(np.arange(361))
    lat, lng = np.radians((cap.lat, cap.lng))
    center = np.array([np.cos(lng) * np.cos(lat), np.sin(lng) * np.cos(lat), np.sin(lat)])
    east = np.array([-np.sin(lng), np.cos(lng), 0])
    north = np.cross(center, east)
    xyz = np.cos(radius) * center + np.sin(radius) * (np.outer(np.cos(around), north) + np.outer(np.sin(around), east))
    x, y, z = xyz.T
    return to_latlng_lines(*np.degrees((np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)))[:, None])


def polygon_path(polygon: shapely.Geometry) -> Path:
    """One path of all rings of a polygon or multipolygon, empty for an empty one."""
    rings = shapely.get_rings(shapely.get_parts(polygon))
    if len(rings) == 0:
        return Path(np.empty((0, 2)))
    paths = [Path(shapely.get_coordinates(ring), closed=True) for ring in rings]
    return paths[0] if len(paths) == 1 else Path.make_compound_path(*paths)
