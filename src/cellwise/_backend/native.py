"""The native backend: the compiled module behind the interface that both backends have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _native as _native
from .._math import search
from .._native import (
    COMPILER,
    FLAGS,
    INSTRUCTION_SETS,
    choose_instruction_set,
    enable_fast_path,
    instruction_set,
    num_threads,
    set_num_threads,
)
from .._reference.groups import factorize_pairs as by_sorting
from .._typing import AnyArray, BoolArray, CellArray, FloatArray, Int32Array, Int64Array
from .signatures import KERNELS

if TYPE_CHECKING:
    from .._cover_options import CoverOptions
    from ..regions.chains import Chains
    from ..shrinkage import HeldOutSums, LevelSums

# What the backend makes of regions.
SHAPES = {name: shape for name, shape in vars(_native).items() if name.endswith("Shape")}
globals().update(SHAPES)

__all__ = [
    "COMPILER",
    "FLAGS",
    "INSTRUCTION_SETS",
    "CellIndex",
    "NeighborTree",
    "add_sums",
    "candidate_limit",
    "certified_rows",
    "choose_instruction_set",
    "count_cells",
    "cover_rows",
    "enable_fast_path",
    "factorize_pairs",
    "fast_path",
    "instruction_set",
    "level_terms",
    "normalize_cells",
    "num_threads",
    "set_num_threads",
    "shrink_level",
    "sum_by_group",
    "take",
    *KERNELS,
    *SHAPES,
]

# --- elementwise ------------------------------------------------------------------------------------------------------


def _as_bytes(array: AnyArray) -> AnyArray:
    """Text as rows of bytes."""
    if isinstance(array, np.ndarray) and array.dtype.kind == "S":
        return array.view(np.uint8).reshape(len(array), array.dtype.itemsize)
    return array


def _of_text(kernel: Any) -> Callable[..., Any]:
    return lambda *arguments: kernel(*map(_as_bytes, arguments))


for _row in KERNELS.values():
    for _name in (_row.name, _row.name + "_offsets") if _row.is_ragged else (_row.name,):
        _kernel = getattr(_native, _name)
        globals()[_name] = _of_text(_kernel) if "S" in _row.text else _kernel


def fast_path(slow_path: Callable[..., Any]) -> Callable[..., Any]:
    """`slow_path(name, *values, **options)`, called where values are no scalars or arrays of the kernel's types."""
    return _native.fast_call(slow_path, _native.FAST)


# --- sets of cells ----------------------------------------------------------------------------------------------------


def normalize_cells(cells: CellArray) -> CellArray:
    return _native.normalize_cells(cells)


# --- regions ----------------------------------------------------------------------------------------------------------


def candidate_limit(options: CoverOptions, area: float) -> int:
    return _native.candidate_limit(options, area)


def certified_rows(chains: Chains) -> BoolArray:
    return _native.certified_rows(chains).view(bool)


def cover_rows(
    chains: Chains, options: CoverOptions, edges: str, oriented: bool, radius: float, is_checked: bool
) -> tuple[CellArray, Int64Array, BoolArray]:
    cells, offsets, undecided = _native.cover_rows(chains, options, edges, oriented, radius, is_checked)
    return cells, offsets, undecided.view(bool)


# --- rows grouped by cell ---------------------------------------------------------------------------------------------


def count_cells(cells: CellArray, level: int) -> tuple[CellArray, Int64Array]:
    keys = np.empty(len(cells), np.uint32 if level <= 14 else np.uint64)  # the upper half of the bits, or all
    keys = keys[: _native.cell_keys(cells, level, keys)]
    keys.sort()
    return _native.count_keys(keys)


class CellIndex:
    __slots__ = ("_index",)

    def __init__(self, cells: CellArray) -> None:
        self._index = _native.CellIndex(cells)

    def lookup(self, cells: CellArray, level: int | None, out: Int32Array) -> None:
        self._index.lookup(cells, -1 if level is None else level, out)

    def ancestors_in(self, cells: CellArray) -> tuple[AnyArray, AnyArray]:
        most = len(cells) * self._index.depth()
        dtype = np.int32 if most < 2**31 else np.int64
        offsets = np.zeros(len(cells) + 1, dtype)
        found = np.empty(most, dtype)  # memory is only taken where something is written
        found.resize(self._index.ancestors_in(cells, found, offsets[1:]), refcheck=False)
        return found, offsets

    def ancestors_in_one(self, cell: int) -> tuple[int, ...]:
        return self._index.ancestors_in_one(cell)


def factorize_pairs(a: Int32Array, b: Int32Array, n_a: int, n_b: int) -> tuple[Int32Array, Int32Array, Int32Array]:
    number = np.empty(len(a), np.int32)
    if n_a * n_b <= max(64 * len(a), 1 << 20):  # a bit for each is not too many
        return *_native.factorize_pairs(a, b, n_a, n_b, number), number
    return by_sorting(a, b, n_a, n_b)


def sum_by_group(group: Int32Array, y: FloatArray, weight: FloatArray | None, n_groups: int) -> FloatArray:
    sums = np.zeros((n_groups, 4))
    _native.sum_by_group(group, y, np.empty(0) if weight is None else weight, sums)
    return sums


def add_sums(group: Int32Array, sums: FloatArray, n_groups: int) -> FloatArray:
    added = np.zeros((n_groups, 4))
    _native.add_sums(group, sums, added)
    return added


def take(table: AnyArray, number: Int32Array) -> AnyArray:
    if table.dtype.char not in "fd":
        return np.take(table, number, axis=0)
    rows = np.empty((len(number), table.shape[1]), table.dtype)
    _native.take(table, number, rows)
    return rows


# --- shrinkage --------------------------------------------------------------------------------------------------------

N_TERMS = {"mean": 7, "std": 4}


def level_terms(statistic: str, level_sums: LevelSums, held_out: HeldOutSums, n_folds: int) -> FloatArray:
    terms = np.empty((N_TERMS[statistic], n_folds + 1))
    _native.level_terms(statistic == "std", level_sums, held_out, terms)
    return terms


def shrink_level(
    statistic: str,
    level_sums: LevelSums,
    held_out: HeldOutSums,
    m: FloatArray,
    prior: FloatArray | None,
    parent_estimates: FloatArray,
    pair_parent_estimates: FloatArray,
    own_estimates: tuple[FloatArray, FloatArray] | None,
    support: FloatArray | None,
    level: int,
    pair_estimates: FloatArray,
) -> FloatArray:
    estimates = np.empty(len(level_sums.sums))
    _native.shrink_level(
        statistic == "std", level_sums, held_out, m, prior, parent_estimates, pair_parent_estimates, own_estimates,
        support, level, estimates, pair_estimates,
    )  # fmt: skip
    return estimates


# --- the nearest of many places ---------------------------------------------------------------------------------------


class NeighborTree:
    __slots__ = ("_tree",)

    def __init__(self, places: search.Places) -> None:
        self._tree = _native.NeighborTree(*places)

    def nearest(self, queries: search.Queries, rows: Int64Array, arcs: FloatArray) -> None:
        self._tree.nearest(*queries, rows, arcs)

    def within(self, queries: search.Queries, radius: float) -> Iterator[search.Part]:
        sizes = np.empty(len(queries.order), np.int64)
        start = 0
        while start < len(sizes):
            stop, rows, arcs = self._tree.within(*queries, radius, start, search.PAIRS, sizes)
            yield search.Part(queries.order[start:stop], sizes[start:stop], rows, arcs)
            start = stop
