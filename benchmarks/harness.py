"""Ratios within one run: all contenders in turn, round after round, medians at the end.

The machine's clock moves; what two contenders take in the same round moves together. So only ratios are reported.
"""

import os
import statistics
import time


def pin():
    """Stay on one core, with one thread in every library."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def rounds(contenders, *, repeat=9):
    """Median seconds per item of each contender.

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
    return {name: statistics.median(values) for name, values in times.items()}


def ratios(work, contenders, ours="cellwise", **options):
    """Rows of a Markdown table: how many times longer each peer takes than we do."""
    seconds = rounds(contenders, **options)
    return [f"| {work} | {name} | {seconds[name] / seconds[ours]:.1f}x |" for name in contenders if name != ours]


HEADER = ["| work | against | ratio |", "|---|---|---|"]
