"""Neighbors of cells at level 12 against Google's C++."""

import numpy as np
from google import Google
from harness import points, ratios

import cellwise as cw

N = 1_000_000


def table():
    google = Google()
    cells = cw.latlng_to_cell(*points(N), 12)
    four, eight = np.empty((N, 4), np.uint64), np.empty((N, 8), np.uint64)
    rows = ratios(
        "cell_edge_neighbors",
        {
            "cellwise": (lambda: cw.cell_edge_neighbors(cells, out=four), N),
            "Google's C++": (lambda: google.cell_edge_neighbors(cells, four), N),
        },
        repeat=11,
    )
    around = np.empty(8 * N, np.uint64)
    rows += ratios(
        "cell_all_neighbors",
        {
            "cellwise": (lambda: cw.cell_all_neighbors(cells, out=around), N),
            "Google's C++, in order as ours": (lambda: google.cell_all_neighbors(cells, eight), N),
            "Google's C++, in no order": (lambda: google.cell_all_neighbors(cells, eight, in_order=False), N),
        },
        repeat=11,
    )
    return rows
