"""Ratios within one run: all contenders in turn, round after round, medians at the end.

The machine's clock moves; what two contenders take in the same round moves together. So only ratios are reported, and
they are taken within a round.
"""

import importlib
import os
import statistics
import sys
import time

import numpy as np

import cellwise as cw
from cellwise.testing import use


def pin():
    """Stay on one core, with one thread in every library."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cw.set_num_threads(1)


def rounds(contenders, *, repeat=7):
    """Seconds per item of each contender in each round.

    `contenders` maps a name to (function without arguments, items that one call works on).
    """
    times = {name: [] for name in contenders}
    for call, _ in contenders.values():
        call()  # warm up
    for _ in range(repeat):
        for name, (call, items) in contenders.items():
            start = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start) / items)
    return times


def ratios(work, contenders, ours="cellwise", **options):
    """Rows of a Markdown table: how many times longer each peer takes than we do, the median of the rounds."""
    times = rounds(contenders, **options)
    rows = []
    for name in contenders:
        if name != ours:
            ratio = statistics.median(peer / own for peer, own in zip(times[name], times[ours]))
            rows.append(f"| {work} | {name} | {ratio:.2f}x |" if ratio < 3 else f"| {work} | {name} | {ratio:.1f}x |")
    return rows


HEADER = ["| work | against | ratio |", "|---|---|---|"]


def peer(name):
    """A module that is compared with, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"without {name}: pip install --group bench", file=sys.stderr)
        return None


def points(n, seed=0):
    """Latitudes and longitudes of points spread evenly over the sphere."""
    rng = np.random.default_rng(seed)
    return np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)


def on(call, **path):
    """The same call on another backend or instruction set."""

    def run():
        with use(**path):
            call()

    return run
