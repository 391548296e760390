"""Positions to cells, cells to positions and tokens: ours against the Python packages that do it one by one."""

import numpy as np
import s2geometry
import s2sphere
from harness import ratios

import cellwise as cw
from cellwise.testing import use

N, FEW = 1_000_000, 2_000


def points(n):
    rng = np.random.default_rng(0)
    return np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)


def with_numpy(call):
    def run():
        with use(backend="numpy"):
            call()

    return run


def table():
    lat, lng = points(N)
    pairs = list(zip(lat[:FEW].tolist(), lng[:FEW].tolist()))
    leaf = cw.latlng_to_cell(lat, lng)
    swig = [s2geometry.S2CellId(i) for i in leaf[:FEW].tolist()]
    sphere = [s2sphere.CellId(i) for i in leaf[:FEW].tolist()]
    few = slice(0, 50_000)
    rows = ratios(
        "latlng_to_cell, leaf",
        {
            "cellwise": (lambda: cw.latlng_to_cell(lat, lng), N),
            "cellwise, numpy backend": (with_numpy(lambda: cw.latlng_to_cell(lat[few], lng[few])), few.stop),
            "s2geometry (Python)": (
                lambda: [s2geometry.S2CellId(s2geometry.S2LatLng.FromDegrees(*p)).id() for p in pairs], FEW,
            ),
            "s2sphere": (lambda: [s2sphere.CellId.from_lat_lng(s2sphere.LatLng.from_degrees(*p)) for p in pairs], FEW),
        },
    )  # fmt: skip
    rows += ratios(
        "cell_to_latlng",
        {
            "cellwise": (lambda: cw.cell_to_latlng(leaf), N),
            "s2geometry (Python)": (lambda: [c.ToLatLng() for c in swig], FEW),
            "s2sphere": (lambda: [c.to_lat_lng() for c in sphere], FEW),
        },
    )
    rows += ratios(
        "cell_to_token",
        {
            "cellwise": (lambda: cw.cell_to_token(leaf), N),
            "s2geometry (Python)": (lambda: [c.ToToken() for c in swig], FEW),
            "s2sphere": (lambda: [c.to_token() for c in sphere], FEW),
        },
    )
    rows += ratios(
        "cell_parent",
        {
            "cellwise": (lambda: cw.cell_parent(leaf, 12), N),
            "s2geometry (Python)": (lambda: [c.parent(12).id() for c in swig], FEW),
            "s2sphere": (lambda: [c.parent(12).id() for c in sphere], FEW),
        },
    )
    return rows
