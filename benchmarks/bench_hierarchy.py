"""Arithmetic on ids against numpy's copy of as many bytes, which is what memory allows, and against Google's C++.

A ratio of 0.83 is 1.2 times the copy.
"""

import numpy as np
from google import Google
from harness import points, ratios

import cellwise as cw

N = 10_000_000


def table():
    google = Google()
    leaf = cw.latlng_to_cell(*points(N))
    coarse = cw.cell_parent(leaf, 10)
    cell, level, yes = np.empty(N, np.uint64), np.empty(N, np.int32), np.empty(N, bool)
    rows = []
    for name, call, bytes_per_row in (
        ("cell_parent", lambda: cw.cell_parent(leaf, 12, out=cell), 16),
        ("cell_range_min", lambda: cw.cell_range_min(coarse, out=cell), 16),
        ("cell_range_max", lambda: cw.cell_range_max(coarse, out=cell), 16),
        ("cell_level", lambda: cw.cell_level(coarse, out=level), 12),
        ("cell_contains", lambda: cw.cell_contains(coarse, leaf, out=yes), 17),
    ):
        size = N * bytes_per_row // 2  # read as much as written
        a, b = np.ones(size, np.uint8), np.ones(size, np.uint8)  # zeros would be read from one page
        peers = {"numpy copy of the same bytes": (lambda a=a, b=b: np.copyto(b, a), N)}
        if name == "cell_parent":
            peers["Google's C++"] = (lambda: google.cell_parent(leaf, 12, cell), N)
        rows += ratios(name, {"cellwise": (call, N), **peers}, repeat=11)
    return rows
