"""Geometry in lng/lat, made ready to draw: whole turns of longitude, outlines of regions, paths."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from matplotlib.path import Path
from numpy.typing import ArrayLike

from .._typing import ObjectArray
from ..regions import region as as_region


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
    return shapely.get_parts(as_region(region).boundary())


def polygon_path(polygon: shapely.Geometry) -> Path:
    """One path of all rings of a polygon or multipolygon, empty for an empty one."""
    rings = shapely.get_rings(shapely.get_parts(polygon))
    if len(rings) == 0:
        return Path(np.empty((0, 2)))
    paths = [Path(shapely.get_coordinates(ring), closed=True) for ring in rings]
    return paths[0] if len(paths) == 1 else Path.make_compound_path(*paths)
