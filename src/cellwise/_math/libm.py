"""The C library's functions over arrays, one call an element.

numpy's own `sin`, `cos` and `arctan2` are faster and differ from the C library in the last bit on up to 9 % of values;
ids and degrees are defined by the C library, as Google's are.
"""

import math

import numpy as np


def _over(function, *arrays):
    arrays = np.broadcast_arrays(*arrays)
    flat = (np.ravel(a).tolist() for a in arrays)
    return np.fromiter(map(function, *flat), np.float64, arrays[0].size).reshape(arrays[0].shape)


def sin(x):
    return _over(math.sin, x)


def cos(x):
    return _over(math.cos, x)


def asin(x):
    return _over(math.asin, x)


def atan2(y, x):
    return _over(math.atan2, y, x)


def remainder(x, y):
    return _over(math.remainder, x, y)
