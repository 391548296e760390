"""Angles and the chords that stand for them, and how wide cells are."""

from __future__ import annotations

import math

import numpy as np

from .._typing import FloatArray
from .projection import MAX_LEVEL, dot


def chord2(a: FloatArray, b: FloatArray) -> FloatArray:
    """Squared length of the chord between unit points."""
    d = a - b
    return np.minimum(4.0, dot(d, d))


def angle_to_chord2(radians: float) -> float:
    length = 2 * math.sin(0.5 * min(math.pi, radians))
    return length * length


def chord2_to_angle(length2: float) -> float:
    return 2 * math.asin(0.5 * math.sqrt(length2))


MIN_WIDTH = 2 * math.sqrt(2.0) / 3  # radians, of the narrowest face


def level_for_min_width(radians: float) -> int:
    """Finest level whose cells are all at least `radians` wide, clamped to 0..30."""
    if not radians > 0:
        return MAX_LEVEL
    exponent = math.frexp(MIN_WIDTH / radians)[1] - 1
    return min(max(exponent, 0), MAX_LEVEL)
