"""Sines, cosines and points straight from degrees, as near to the truth as the C library's, but with bits of their own:
for what has a margin for roundings. Ids and coverings on geodesics are defined by `latlng_to_point`.
"""

from __future__ import annotations

import math

# Coefficients, the highest power first, of Chebyshev fits in d^2 on [0, 45^2].  Max error: 3e-18 and 5e-17.
SINE_OVER_DEGREES = (
    2.2164560059574632e-33,
    -1.1467564823560734e-27,
    4.141266538492003e-22,
    -9.788384855392072e-17,
    1.3496016231611543e-11,
    -8.860961557012953e-07,
    0.017453292519943295,
)
COSINE_OF_DEGREES = (
    1.6483035894512186e-30,
    -7.227328210214966e-25,
    2.1354935490711614e-19,
    -3.925831980397931e-14,
    3.866323851544959e-09,
    -0.000152308709893352,
    1.0,
)
ROUND_TO_INTEGER = 1.5 * 2.0**52  # adding it rounds a small float to an integer


def sine_cosine(d: float) -> tuple[float, float]:
    """Sine and cosine of an angle of at most 45 degrees."""
    s = c = 0.0
    for of_sine, of_cosine in zip(SINE_OVER_DEGREES, COSINE_OF_DEGREES):
        s, c = s * (d * d) + of_sine, c * (d * d) + of_cosine
    return d * s, c


def approximate_point(lat: float, lng: float) -> tuple[float, float, float]:
    """Unit vector of a position, |lat| <= 90 and |lng| <= 360, as a tuple.  Max error: 5e-16."""
    a = abs(lat)
    is_polar = a > 45
    low_sine, low_cosine = sine_cosine(90 - a if is_polar else a)
    z, ring = (low_cosine, low_sine) if is_polar else (low_sine, low_cosine)
    right_angles = (lng * (1 / 90.0) + ROUND_TO_INTEGER) - ROUND_TO_INTEGER
    sine, cosine = sine_cosine(lng - 90 * right_angles)
    s, c = ring * sine, ring * cosine
    x, y = ((c, s), (-s, c), (-c, -s), (s, -c))[int(right_angles) & 3]
    return x, y, math.copysign(z, lat)
