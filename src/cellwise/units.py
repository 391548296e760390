"""Lengths and areas on a sphere of the Earth's mean radius."""

from __future__ import annotations

import math

from ._typing import AreaUnit, LengthUnit
from .inputs import check_choice

__all__ = ["EARTH_RADIUS_M"]

EARTH_RADIUS_M: float = 6371010.0
"""Radius in meters, the one of Google's S2Earth."""

_LENGTHS = {"m": EARTH_RADIUS_M, "km": EARTH_RADIUS_M / 1000, "rad": 1.0, "deg": 180 / math.pi}
_AREAS = {"m2": EARTH_RADIUS_M**2, "km2": (EARTH_RADIUS_M / 1000) ** 2, "sr": 1.0}


def length_unit(unit: LengthUnit, name: str = "unit") -> float:
    """Size of a radian in `unit`: m, km, rad or deg. Messages call it `name`."""
    check_choice(name, unit, tuple(_LENGTHS))
    return _LENGTHS[unit]


def area_unit(unit: AreaUnit, name: str = "unit") -> float:
    """Size of a steradian in `unit`: m2, km2 or sr. Messages call it `name`."""
    check_choice(name, unit, tuple(_AREAS))
    return _AREAS[unit]
