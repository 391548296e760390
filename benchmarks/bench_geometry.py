"""Vertices of cells against Google's C++."""

import numpy as np
from google import Google
from harness import points, ratios

import cellwise as cw

N = 5_000_000


def table():
    google = Google()
    leaf = cw.latlng_to_cell(*points(N))
    out = np.empty((N, 4, 2))
    return ratios(
        "cell_vertices",
        {
            "cellwise": (lambda: cw.cell_vertices(leaf, out=out), N),
            "Google's C++": (lambda: google.cell_vertices(leaf, out), N),
        },
    )
