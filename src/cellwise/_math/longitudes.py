"""One way to write each longitude."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from .projection import wrap_lng


def one_antimeridian(lng: FloatArray | float) -> FloatArray:
    """Longitudes in -180 < lng <= 180."""
    lng = wrap_lng(lng)
    return np.where(lng == -180, 180, lng)
