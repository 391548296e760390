"""Intervals of latitudes and longitudes in radians, operation for operation as Google's S2 has them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .._typing import BoolArray, FloatArray
from . import libm

EPSILON = np.finfo(np.float64).eps
PI = math.pi


class LatInterval(NamedTuple):
    """Latitudes lo..hi; empty if lo > hi."""

    lo: Any
    hi: Any

    def contains(self, y: LatInterval) -> BoolArray:
        return (y.lo > y.hi) | ((y.lo >= self.lo) & (y.hi <= self.hi))

    def intersects(self, y: LatInterval) -> BoolArray:
        return np.where(
            self.lo <= y.lo, (y.lo <= self.hi) & (y.lo <= y.hi), (self.lo <= y.hi) & (self.lo <= self.hi)
        ).astype(bool)


class LngInterval(NamedTuple):
    """Longitudes lo..hi eastward; inverted (lo > hi) across 180. Full is -pi..pi, empty is pi..-pi."""

    lo: Any
    hi: Any

    @classmethod
    def make(cls, lo: FloatArray | float, hi: FloatArray | float) -> LngInterval:
        """Both ends in -pi..pi; -pi alone means pi."""
        return cls(np.where((lo == -PI) & (hi != PI), PI, lo), np.where((hi == -PI) & (lo != PI), PI, hi))

    @classmethod
    def between(cls, a: FloatArray, b: FloatArray) -> LngInterval:
        """The shorter way round between two longitudes."""
        a, b = np.where(a == -PI, PI, a), np.where(b == -PI, PI, b)
        way = np.where(b - a >= 0, b - a, (b + PI) - (a - PI))
        return cls(np.where(way <= PI, a, b), np.where(way <= PI, b, a))

    @property
    def is_empty(self) -> BoolArray:
        return (self.lo == PI) & (self.hi == -PI)

    @property
    def is_full(self) -> BoolArray:
        return (self.lo == -PI) & (self.hi == PI)

    @property
    def length(self) -> FloatArray:
        straight = self.hi - self.lo
        round_ = straight + 2 * PI
        return np.where(straight >= 0, straight, np.where(round_ > 0, round_, -1))

    @property
    def center(self) -> FloatArray:
        middle = 0.5 * (self.lo + self.hi)
        return np.where(self.lo > self.hi, np.where(middle <= 0, middle + PI, middle - PI), middle)

    def expanded(self, margin: float) -> LngInterval:
        whole = self.length + 2 * margin + 2 * EPSILON >= 2 * PI
        lo, hi = LngInterval.make(libm.remainder(self.lo - margin, 2 * PI), libm.remainder(self.hi + margin, 2 * PI))
        lo = np.where(lo <= -PI, PI, lo)
        lo, hi = np.where(whole, -PI, lo), np.where(whole, PI, hi)
        return LngInterval(np.where(self.is_empty, self.lo, lo), np.where(self.is_empty, self.hi, hi))

    def contains(self, y: LngInterval) -> BoolArray:
        both_ends = (y.lo >= self.lo) & (y.hi <= self.hi)
        if self.lo > self.hi:
            one_end = ((y.lo >= self.lo) | (y.hi <= self.hi)) & (not self.is_empty)
            return np.where(y.lo > y.hi, both_ends, one_end)
        return np.where(y.lo > y.hi, self.is_full | y.is_empty, both_ends)

    def intersects(self, y: LngInterval) -> BoolArray:
        ends_meet = (y.lo <= self.hi) | (y.hi >= self.lo)
        inverted = y.lo > y.hi
        if self.lo > self.hi:
            meets = inverted | ends_meet
        else:
            meets = np.where(inverted, ends_meet, (y.lo <= self.hi) & (y.hi >= self.lo))
        return meets & ~np.asarray(y.is_empty) & (not self.is_empty)
