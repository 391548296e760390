"""Vertices that users give, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._math.projection import wrap_lng
from .._typing import FloatArray
from ..errors import InvalidRegionError
from ..inputs import swapped_hint


def nesting(value: Any) -> int:
    """Levels of nesting: 2 for a ring, 3 for a list of rings, 4 for a list of polygons."""
    if isinstance(value, (list, tuple)):
        return 1 + (nesting(value[0]) if len(value) else 0)
    array = np.asarray(value)
    return 1 + nesting(array[0]) if array.dtype.kind == "O" and array.ndim == 1 and len(array) else array.ndim


def vertices_of(name: str, value: Any) -> FloatArray:
    """Latitudes and longitudes of vertices, float64, in range."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.ndim != 2 or array.shape[1] != 2:
        raise InvalidRegionError(f"{name} must be vertices (lat, lng), an array of shape (n, 2): got {kind_of(value)}")
    with np.errstate(invalid="ignore"):
        bad_lat, bad_lng = ~(np.abs(array[:, 0]) <= 90), ~(np.abs(array[:, 1]) <= 360)
    for column, bad, rule in ((0, bad_lat, "lat must be in -90..90"), (1, bad_lng, "lng must be in -360..360")):
        if bad.any():
            k = int(bad.argmax())
            got = f"got {float(array[k, column])!r} at vertex {k} ({bad.sum()} of {len(array)} vertices)"
            hint = swapped_hint(array[k, 0], np.abs(array[:, 1]).max()) if column == 0 else ""
            raise InvalidRegionError(f"{name}: {rule} degrees: {got}{hint}")
    return array


def kind_of(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__} of shape {shape}" if shape is not None else f"{type(value).__name__} {value!r:.60}"


def without_repeats(array: FloatArray, closed: bool) -> FloatArray:
    """Vertices that differ from the one before, as far as degrees tell."""
    lng = wrap_lng(array[:, 1])
    keep = np.ones(len(array), bool)
    keep[1:] = (array[1:, 0] != array[:-1, 0]) | (lng[1:] != lng[:-1])
    if closed:
        last = len(array) - 1
        while last > 0 and array[last, 0] == array[0, 0] and lng[last] == lng[0]:
            keep[last] = False
            last -= 1
    kept = array if keep.all() else array[keep]
    kept = kept.copy() if kept is array else kept
    kept.flags.writeable = False
    return kept
