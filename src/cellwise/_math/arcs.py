"""The angle between two places, of ``+ - * /`` and square roots alone, so that it has the same bits everywhere.

Operation for operation as `arc` in native/include/cellwise/neighbors.h.
"""

from __future__ import annotations

import math

import numpy as np

from .._typing import FloatArray

_SIN = [(-1) ** n / math.factorial(2 * n + 1) for n in range(11)]
_ASIN = [math.comb(2 * n, n) / (4**n * (2 * n + 1)) for n in range(11)]


def arcs(lat1: FloatArray, lng1: FloatArray, lat2: FloatArray, lng2: FloatArray) -> FloatArray:
    """Radians between places in canonical degrees, within 2e-15 of their value."""
    difference = lng2 - lng1
    back = difference - lng2
    lost = (lng2 - (difference - back)) - (lng1 + back)
    wide, more = np.abs(difference), np.where(difference < 0, -lost, lost)
    cos_cos = _cos(lat1) * _cos(lat2)
    north = _sin_half(np.abs(lat1 - lat2))
    east = _sin_half(np.where(wide > 180, (360 - wide) - more, wide + more))
    h = north * north + cos_cos * (east * east)
    is_far = ~(h <= 0.5)
    arcs = _haversine_to_arc(np.where(is_far, 0, h))
    if is_far.any():  # the same for the antipode
        north = _sin_half(np.abs(lat1 + lat2)[is_far])
        east = _sin_half(np.where(wide > 180, (wide - 180) + more, (180 - wide) - more)[is_far])
        arcs[is_far] = math.pi - _haversine_to_arc(north * north + cos_cos[is_far] * (east * east))
    return arcs


def _cos(lat: FloatArray) -> FloatArray:
    return _sin_half(2 * (90 - np.abs(lat)))


def _sin_half(degrees: FloatArray) -> FloatArray:
    x = degrees * (math.pi / 360)
    return x * _horner(_SIN, x * x)


def _haversine_to_arc(h: FloatArray) -> FloatArray:
    is_wide = h > 1 / 32
    quarter = h / (2 * (1 + np.sqrt(1 - h)))
    quarter = quarter / (2 * (1 + np.sqrt(1 - quarter)))
    h = np.where(is_wide, quarter, h)
    return np.where(is_wide, 8, 2) * (np.sqrt(h) * _horner(_ASIN, h))


def _horner(coefficients: list[float], x: FloatArray) -> FloatArray:
    total = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total *= x
        total += coefficient
    return total
