"""The C library's functions over arrays, one call an element.

numpy's own `sin`, `cos` and `arctan2` are faster and differ from the C library in the last bit on up to 9 % of values;
ids and degrees are defined by the C library, as Google's are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._typing import FloatArray


def _over(function: Callable[..., Any], *arrays: Any) -> FloatArray:
    arrays = np.broadcast_arrays(*arrays)
    flat = (np.ravel(a).tolist() for a in arrays)
    return np.fromiter(map(function, *flat), np.float64, arrays[0].size).reshape(arrays[0].shape)


def sin(x: FloatArray | float) -> FloatArray:
    return _over(math.sin, x)


def cos(x: FloatArray | float) -> FloatArray:
    return _over(math.cos, x)


def asin(x: FloatArray | float) -> FloatArray:
    return _over(math.asin, x)


def atan2(y: FloatArray | float, x: FloatArray | float) -> FloatArray:
    return _over(math.atan2, y, x)


def remainder(x: FloatArray, y: FloatArray | float) -> FloatArray:
    return _over(math.remainder, x, y)
