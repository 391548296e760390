"""The numpy backend: the reference kernels behind the interface that both backends have.

Elementwise kernels take rows, or one row that stands for all, and write to arrays; temporary arrays are made for some
rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .._reference import kernel
from .._reference.covering import normalize_cells
from .._reference.groups import CellIndex, add_sums, count_cells, factorize_pairs, sum_by_group, take
from .._reference.neighbors import NeighborTree
from .._reference.shape import Shape
from .._reference.shapes import candidate_limit, certified_rows, cover_rows
from .._reference.shrinkage import level_terms, shrink_level
from .._typing import AnyArray, BoolArray
from .requirements import broken, missing, null_of
from .signatures import KERNELS, Row

# What the backend makes of regions.
SHAPES = {shape.__name__: shape for shape in Shape.__subclasses__()}
globals().update(SHAPES)

__all__ = [
    "CellIndex",
    "NeighborTree",
    "add_sums",
    "candidate_limit",
    "certified_rows",
    "count_cells",
    "cover_rows",
    "factorize_pairs",
    "level_terms",
    "normalize_cells",
    "shrink_level",
    "sum_by_group",
    "take",
    *KERNELS,
    *SHAPES,
]

CHUNK = 1 << 19  # rows at a time


def _chunks(inputs: Sequence[AnyArray], n: int) -> Iterator[tuple[slice, list[AnyArray]]]:
    """Slices of `n` rows and the inputs of each."""
    for start in range(0, n, CHUNK):
        at = slice(start, min(start + CHUNK, n))
        parts = [x if len(x) == 1 else x[at] for x in inputs]
        yield at, [x.astype(np.float64) if x.dtype == np.float32 else x for x in parts]


def _valid_rows(row: Row, inputs: Sequence[AnyArray], n: int) -> tuple[list[AnyArray], BoolArray, tuple[int, int]]:
    """Inputs of the rows that can be computed, where those are, and (count, first) of the invalid ones."""
    invalid = broken(row, inputs) >= 0
    count = int(np.count_nonzero(invalid)) if len(invalid) == n else int(invalid[0]) * n
    first = int(np.argmax(invalid)) if count else -1
    usable = np.broadcast_to(~(invalid | missing(row, inputs)), n)
    return [np.broadcast_to(x, (n, *x.shape[1:]))[usable] for x in inputs], usable, (count, first)


def _over_chunks(row: Row, inputs: Sequence[AnyArray], n: int, compute: Callable[..., Any]) -> tuple[int, int]:
    """Call `compute(slice of rows, which are usable, their inputs)`; (count, first) of all invalid rows."""
    count, first = 0, -1
    for at, parts in _chunks(inputs, n):
        valid, usable, (found, where) = _valid_rows(row, parts, at.stop - at.start)
        compute(at, usable, valid)
        if found and count == 0:
            first = at.start + where
        count += found
    return count, first


def _elementwise(row: Row) -> Callable[..., Any]:
    """Kernel of a row: (inputs..., outputs..., exact) -> (count, first) of invalid rows."""

    def run(*arguments: Any) -> tuple[int, int]:
        inputs, outputs = arguments[: len(row.arguments)], arguments[len(row.arguments) : -1]

        def compute(at: slice, usable: BoolArray, valid: list[AnyArray]) -> None:
            results = kernel(row.name)(*valid)
            for out, result in zip(outputs, results if isinstance(results, tuple) else (results,)):
                out[at] = null_of(out.dtype)
                out[at][usable] = result

        return _over_chunks(row, inputs, len(outputs[0]), compute)

    return run


def _offsets(row: Row) -> Callable[..., Any]:
    """Bounds of a row's runs: (inputs..., offsets) -> (count, first), with offsets of runs as long as they can be."""

    def run(*arguments: Any) -> tuple[int, int]:
        *inputs, offsets = arguments
        sizes = np.zeros(len(offsets) - 1, np.int64)

        def compute(at: slice, usable: BoolArray, valid: list[AnyArray]) -> None:
            sizes[at][usable] = kernel(row.name + "_size")(*valid)

        found = _over_chunks(row, inputs, len(sizes), compute)
        offsets[0] = 0
        np.cumsum(sizes, out=offsets[1:])
        most = np.iinfo(np.int64).max
        if sizes.sum(dtype=np.float64) >= most:  # beyond 64 bits: as many as can be written
            offsets[1:][np.cumsum(sizes, dtype=np.float64) >= most] = most
        return found

    return run


def _runs(row: Row) -> Callable[..., Any]:
    """Runs of a row: (inputs..., offsets, values) -> number of values; `offsets` become those of the true runs."""

    def run(*arguments: Any) -> int:
        *inputs, offsets, values = arguments
        sizes, total = np.diff(offsets), 0
        for at, parts in _chunks(inputs, len(sizes)):
            usable = sizes[at] > 0
            n = len(usable)
            found, sizes[at][usable] = kernel(row.name)(*(np.broadcast_to(x, (n, *x.shape[1:]))[usable] for x in parts))
            values[total : total + len(found)] = found
            total += len(found)
        np.cumsum(sizes, out=offsets[1:])
        return total

    return run


for _row in KERNELS.values():
    if _row.is_ragged:
        globals()[_row.name + "_offsets"], globals()[_row.name] = _offsets(_row), _runs(_row)
    else:
        globals()[_row.name] = _elementwise(_row)
