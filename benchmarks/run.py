"""Runs every benchmark and prints one Markdown table of ratios."""

import importlib
from pathlib import Path

from harness import HEADER, pin

import cellwise as cw


def main():
    pin()
    rows = list(HEADER)
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        rows += importlib.import_module(path.stem).table()
    info = cw.build_info()
    print(f"cellwise {info['version']}, {info['isa']}, {info['compiler']}, numpy {info['numpy']}; one thread;")
    print("a ratio says how many times longer the other takes, median of interleaved rounds\n")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
