"""Bounds of regions in latitude and longitude, degrees."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .._math.longitudes import one_antimeridian
from .._typing import FloatArray

Bounds = tuple[float, float, float, float]  # south, north, west, east; west > east across 180
NOWHERE: Bounds = (math.nan, math.nan, math.nan, math.nan)


def of_intervals(west: FloatArray, east: FloatArray) -> tuple[float, float]:
    """The shortest interval of longitudes that holds others, each from `west` eastward to `east`; -180..180 is full."""
    width = np.where((west == -180) & (east == 180), 360, (east - west) % 360)
    start = west % 360
    order = np.argsort(start, kind="stable")
    start, end = start[order], (start + width)[order]
    furthest = np.maximum.accumulate(end)  # of the intervals so far
    furthest = np.maximum(furthest, furthest[-1] - 360)
    gaps = np.append(start[1:], start[0] + 360) - furthest
    k = int(np.argmax(gaps))
    if gaps[k] <= 0:
        return -180.0, 180.0
    # The ends as they are given, without the rounding of whole turns.
    lo = west[order[(k + 1) % len(order)]]
    last = np.flatnonzero((end == furthest[k]) | (end - 360 == furthest[k]))
    return float(lo), float(east[order[last[-1]]])


def of_geodesics(lat: FloatArray, lng: FloatArray) -> Bounds:
    """Bounds of a chain of geodesics between vertices."""
    south, north = float(lat.min()), float(lat.max())
    if len(lat) == 1:
        at = float(one_antimeridian(lng[0]))
        return south, north, at, at
    a, b = (np.radians(np.stack((lat[k], lng[k]))) for k in (slice(None, -1), slice(1, None)))
    pa, pb = (np.stack((np.cos(p[0]) * np.cos(p[1]), np.cos(p[0]) * np.sin(p[1]), np.sin(p[0]))) for p in (a, b))
    normal = np.cross(pa.T, pb.T).T
    length = np.hypot(normal[0], normal[1])
    # The highest and lowest points of an edge's great circle count where they lie between its ends.
    top = np.degrees(np.arctan2(length, np.abs(normal[2])))
    axis = np.stack((-normal[2] * normal[0], -normal[2] * normal[1], length**2))  # towards the highest point
    sides = [np.einsum("ik,ik->k", np.cross(normal.T, p.T).T, axis) for p in (pa, pb)]
    rises = (sides[0] > 0) & (sides[1] < 0)
    falls = (sides[0] < 0) & (sides[1] > 0)
    north = max(north, float(top[rises].max(initial=-90)))
    south = min(south, float(-top[falls].max(initial=-90)))
    lng = one_antimeridian(lng)
    at_pole = np.abs(lat) == 90  # a pole has the longitude of the vertex beside it
    start, end = np.where(at_pole[:-1], lng[1:], lng[:-1]), np.where(at_pole[1:], lng[:-1], lng[1:])
    is_eastward = (end - start) % 360 <= 180
    return south, north, *of_intervals(np.where(is_eastward, start, end), np.where(is_eastward, end, start))


def united(bounds: Sequence[Bounds]) -> Bounds:
    """The bounds of several regions together."""
    south, north, west, east = np.array(bounds).T
    return float(south.min()), float(north.max()), *of_intervals(west, east)


def grown(bounds: Bounds, angle: float) -> Bounds:
    """Bounds of everything within `angle` radians of what lies within others."""
    south, north, west, east = bounds
    margin = math.degrees(angle)
    if south - margin <= -90 or north + margin >= 90:
        return max(south - margin, -90.0), min(north + margin, 90.0), -180.0, 180.0
    widest = math.radians(max(abs(south), abs(north)))
    sideways = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(widest))))
    width = 360.0 if (west, east) == (-180, 180) else (east - west) % 360
    if width + 2 * sideways >= 360:
        west, east = -180.0, 180.0
    else:
        west, east = (float(one_antimeridian(np.float64(x))) for x in (west - sideways, east + sideways))
    return south - margin, north + margin, west, east
