"""Level, face, parents, children, ranges and containment: arithmetic on the id alone."""

from __future__ import annotations

import numpy as np

from .._math.projection import MAX_LEVEL
from .._typing import AnyArray, BoolArray, CellArray, Int32Array, Int64Array
from .hilbert import lowest_bit

ONE = np.uint64(1)


def level_bit(level: AnyArray | int) -> CellArray:
    return ONE << (2 * (MAX_LEVEL - np.asarray(level))).astype(np.uint64)


def level_size(level: Int32Array) -> Int64Array:
    return np.int64(1) << (MAX_LEVEL - np.asarray(level, np.int64))


def cell_is_valid(id: CellArray) -> BoolArray:
    return ((id >> np.uint64(61)) < 6) & ((lowest_bit(id) & np.uint64(0x1555555555555555)) != 0)


def cell_level(cell: CellArray) -> Int32Array:
    bit = lowest_bit(cell)
    return (MAX_LEVEL - (np.bitwise_count(bit - ONE) >> 1)).astype(np.int32)


def cell_face(cell: CellArray) -> Int32Array:
    return (cell >> np.uint64(61)).astype(np.int32)


def cell_is_leaf(cell: CellArray) -> BoolArray:
    return (cell & ONE) != 0


def cell_parent(cell: CellArray, level: AnyArray | int) -> CellArray:
    bit = level_bit(level)
    return (cell & (~bit + ONE)) | bit


def cell_child(cell: CellArray, k: AnyArray) -> CellArray:
    bit = lowest_bit(cell) >> np.uint64(2)
    return cell - np.uint64(3) * bit + np.uint64(2) * bit * np.asarray(k).astype(np.uint64)


def cell_range_min(cell: CellArray | np.uint64) -> CellArray:
    return cell - (lowest_bit(cell) - ONE)


def cell_range_max(cell: CellArray | np.uint64) -> CellArray:
    return cell + (lowest_bit(cell) - ONE)


def cell_contains(a: CellArray | np.uint64, b: CellArray | np.uint64) -> BoolArray:
    return (cell_range_min(a) <= b) & (b <= cell_range_max(a))


def cell_intersects(a: CellArray, b: CellArray) -> BoolArray:
    return (cell_range_min(b) <= cell_range_max(a)) & (cell_range_max(b) >= cell_range_min(a))


def cell_common_ancestor(a: CellArray, b: CellArray) -> CellArray:
    bits = np.maximum(a ^ b, np.maximum(lowest_bit(a), lowest_bit(b)))
    for shift in (1, 2, 4, 8, 16, 32):  # every bit below the highest
        bits = bits | (bits >> np.uint64(shift))
    highest = np.bitwise_count(bits).astype(np.int64) - 1
    ancestor = cell_parent(a, np.maximum(60 - highest, 0) >> 1)
    return np.where(highest > 60, np.uint64(0), ancestor)


def cell_children_size(cell: CellArray, level: Int32Array) -> Int64Array:
    return np.int64(1) << (2 * (level - cell_level(cell))).astype(np.int64)


def cell_children(cell: CellArray, level: Int32Array) -> tuple[CellArray, Int64Array]:
    sizes = cell_children_size(cell, level)
    bit = level_bit(level)
    first = cell - lowest_bit(cell) + bit
    rows = np.repeat(np.arange(len(cell)), sizes)
    step = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return first[rows] + np.uint64(2) * bit[rows] * step.astype(np.uint64), sizes
