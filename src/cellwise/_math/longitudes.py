"""One way to write each longitude."""

import numpy as np

from .projection import wrap_lng


def one_antimeridian(lng):
    """Longitudes in -180 < lng <= 180."""
    lng = wrap_lng(lng)
    return np.where(lng == -180, 180, lng)
