"""Runs every benchmark and prints one Markdown table of ratios.

python benchmarks/run.py [concept ...]     conversion, hierarchy, ...: the names of the files bench_<concept>.py
"""

import importlib
import sys
import time
from pathlib import Path

from harness import HEADER, pin

import cellwise as cw


def main(concepts):
    pin()
    files = [path for path in sorted(Path(__file__).parent.glob("bench_*.py"))]
    rows = list(HEADER)
    for path in files:
        if concepts and path.stem.removeprefix("bench_") not in concepts:
            continue
        start = time.perf_counter()
        rows += importlib.import_module(path.stem).table()
        print(f"{path.stem}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    info = cw.build_info()
    print(f"cellwise {info['version']}, {info['isa']}, {info['compiler']}, numpy {info['numpy']}; one thread;")
    print("a ratio says how many times longer the other takes, median of interleaved rounds\n")
    print("\n".join(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
