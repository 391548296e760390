"""What the transformers cost on a million rows: where the time goes, and how much memory they need beside their output.

    python benchmarks/features_cost.py

A million places, half of them in towns, and a target that depends on place. Every transformer runs in a process of its
own, on one core. Times are shares of `fit_transform`, since absolute ones are the machine's; the pass that all need,
from coordinates to leaves, is the yardstick. Memory is the peak of the process above what it held before, on Linux.
"""

import cProfile
import multiprocessing
import pstats
import sys
import time
from pathlib import Path

import numpy as np
from harness import pin
from proof import Bars, options
from scipy import sparse

import cellwise as cw
from cellwise.features import AdaptiveCells, CellCounts, CellEncoder, CellTargetEncoder, SpatialLag

TRANSFORMERS = {
    "CellEncoder": lambda: CellEncoder(),
    "CellEncoder, min_frequency": lambda: CellEncoder(min_frequency=20),
    "CellTargetEncoder": lambda: CellTargetEncoder(),
    'CellTargetEncoder, "block"': lambda: CellTargetEncoder(crossfit="block"),
    "AdaptiveCells": lambda: AdaptiveCells(),
    'AdaptiveCells, "variance"': lambda: AdaptiveCells(criterion="variance"),
    "CellCounts": lambda: CellCounts(),
    "CellCounts, rings": lambda: CellCounts(levels=(8, 12), rings=(0, 1)),
    "SpatialLag": lambda: SpatialLag(),
    "SpatialLag, k=4": lambda: SpatialLag(k=4, stats="mean"),
}


# Bytes of output a row from which on the peak is measured by the output: less is less than a leaf and its place in an
# order of the rows.
WIDE = 12


def rows(n):
    """Places, half of them in a thousand towns, and a target."""
    rng = np.random.default_rng(0)
    towns = rng.uniform((25, -120), (49, -70), (1_000, 2))
    near = towns[rng.integers(0, len(towns), n // 2)] + rng.normal(0, 0.05, (n // 2, 2))
    X = np.vstack((near, rng.uniform((25, -120), (49, -70), (n - n // 2, 2))))
    return X, np.sin(X[:, 0]) + np.cos(X[:, 1]) + rng.standard_normal(n)


def _memory(name):
    """A line of /proc/self/status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {name} in /proc/self/status")


def size(Z):
    """Bytes of an array or a sparse matrix."""
    return sum(part.nbytes for part in (Z.data, Z.indices, Z.indptr)) if sparse.issparse(Z) else Z.nbytes


def measure(title, n):
    """Times of fit_transform and transform in passes from coordinates to leaves; output, peak memory; shares of time."""
    pin()
    cw.set_num_threads(1)
    X, y = rows(n)
    lat, lng = np.ascontiguousarray(X.T)
    TRANSFORMERS[title]().fit_transform(X[:1000], y[:1000])  # imports what is imported late
    before = peak = None
    if sys.platform == "linux":
        before = _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    encoder, profile = TRANSFORMERS[title](), cProfile.Profile()
    Z = profile.runcall(encoder.fit_transform, X, y)
    if before is not None:
        peak = _memory("VmHWM") - before
    shape, output = Z.shape, size(Z)
    del Z
    stats = pstats.Stats(profile)
    times = {"pass": [], "fit_transform": [], "transform": []}
    calls = {
        "pass": lambda: cw.latlng_to_cell(lat, lng),
        "fit_transform": lambda: TRANSFORMERS[title]().fit_transform(X, y),
        "transform": lambda: encoder.transform(X),
    }
    for _ in range(1 if stats.total_tt > 5 else 3):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    own = sorted(((spent[2], name) for (_, _, name), spent in stats.stats.items()), reverse=True)[:3]
    words = "; ".join(f"{_plain(name)} {100 * spent / stats.total_tt:.0f} %" for spent, name in own)
    least = {name: min(values) for name, values in times.items()}
    return shape, output, peak, least["fit_transform"] / least["pass"], least["transform"] / least["pass"], words


def _plain(name):
    return name.strip("<>").replace("built-in method ", "").replace("method ", "").split(" of ")[0].strip("'")


def main():
    chosen, bars = options(__doc__), Bars()
    n = 100_000 if chosen.quick else 1_000_000
    print(f"{n:,} rows; times in passes of latlng_to_cell over the same rows, least of three interleaved rounds")
    print("(of one, where it takes long). Peak memory beside what was there before, output and all.\n")
    print(
        "| transformer | columns | output, MB | peak by output | bytes a row | fit_transform | transform | most time in |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|---|")
    for title in TRANSFORMERS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            shape, output, peak, fit, transform, words = pool.apply(measure, (title, n))
        memory = " | " if peak is None else f"{peak / output:.1f} | {peak / n:.0f}"
        print(
            f"| {title} | {shape[1]:,} | {output / 1e6:.0f} | {memory} | {fit:.0f} | {transform:.0f} | {words} |",
            flush=True,
        )
        if peak is not None and output >= WIDE * n:
            bars.add(f"{title}: peak memory by output", peak / output, 3.0, text="{:.1f}")
    bars.finish()


if __name__ == "__main__":
    main()
