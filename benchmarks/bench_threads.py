"""Two threads against one. Ratios below 2 are also those of two cores that share memory, or that others use."""

import os

import numpy as np
from harness import points, ratios

import cellwise as cw

N = 10_000_000


def with_threads(n, call):
    def run():
        with cw.set_num_threads(n):
            call()

    return run, N


def table():
    if not hasattr(os, "sched_setaffinity"):
        return []
    pinned = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count()))
    try:
        if len(os.sched_getaffinity(0)) < 2:
            return []
        lat, lng = points(N)
        cell, back = np.empty(N, np.uint64), (np.empty(N), np.empty(N))
        leaf = cw.latlng_to_cell(lat, lng)
        rows = []
        for name, call in (
            ("latlng_to_cell", lambda: cw.latlng_to_cell(lat, lng, out=cell)),
            ("cell_to_latlng", lambda: cw.cell_to_latlng(leaf, out=back)),
            ("cell_to_latlng, exact", lambda: cw.cell_to_latlng(leaf, out=back, exact=True)),
        ):
            contenders = {"cellwise": with_threads(2, call), "itself on one thread": with_threads(1, call)}
            rows += ratios(f"{name}, two threads", contenders, repeat=5)
        return rows
    finally:
        os.sched_setaffinity(0, pinned)
