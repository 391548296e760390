"""One call on one element against a call of a numpy ufunc with as many arguments of the same kinds."""

import numpy as np
from harness import ratios

import cellwise as cw

CALLS = 20_000
clip = np._core.umath.clip  # a ufunc of three arguments


def many(call):
    def run():
        for _ in range(CALLS):
            call()

    return run, CALLS


def table():
    lat, lng = np.array([-30.0438]), np.array([-51.14022])
    cell = cw.latlng_to_cell(lat, lng)
    pairs = (
        ("latlng_to_cell", lambda: cw.latlng_to_cell(lat, lng, 12), "clip", lambda: clip(lat, lng, 12)),
        ("cell_parent", lambda: cw.cell_parent(cell, 12), "bitwise_and", lambda: np.bitwise_and(cell, 12)),
        ("cell_level", lambda: cw.cell_level(cell), "invert", lambda: np.invert(cell)),
        ("cell_contains", lambda: cw.cell_contains(cell, cell), "less", lambda: np.less(cell, cell)),
        ("cell_to_latlng", lambda: cw.cell_to_latlng(cell), "modf", lambda: np.modf(lat)),
        ("latlng_to_cell, scalars", lambda: cw.latlng_to_cell(1.0, 2.0, 12), "clip", lambda: clip(1.0, 2.0, 12)),
    )
    rows = []
    for name, ours, ufunc, theirs in pairs:
        rows += ratios(f"one call: {name}", {"cellwise": many(ours), f"numpy ufunc {ufunc}": many(theirs)}, repeat=21)
    return rows
