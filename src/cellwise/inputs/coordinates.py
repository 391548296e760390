"""Positions written in one way, and a hint where they look swapped."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._typing import FloatArray


def canonical_latlng(lat: ArrayLike, lng: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """The same positions, written in one way: -180 < lng <= 180, lng 0 at the poles, no negative zeros.

    Parameters
    ----------
    lat, lng : ndarray of float64
        Degrees.

    Returns
    -------
    lat, lng : ndarray of float64
    """
    lat, lng = (np.add(degrees, 0.0, out=np.empty(np.shape(degrees))) for degrees in (lat, lng))
    np.subtract(lng, 360, out=lng, where=lng > 180)
    np.add(lng, 360, out=lng, where=lng <= -180)
    np.copyto(lng, 0, where=np.abs(lat) == 90)
    return lat, lng


def swapped_hint(lat: float, *lng: float) -> str:
    """What messages add about an invalid latitude, where longitudes look like latitudes."""
    is_swapped = np.isfinite(lat) and abs(lat) > 90 and all(abs(x) <= 90 for x in lng)
    return "; lat and lng look swapped" if is_swapped else ""
