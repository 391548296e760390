"""Cells from and to positions, tokens, signed integers and strings."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._math.projection import (
    MAX_LEVEL,
    face_uv_to_xyz,
    latlng_to_point,
    normalize,
    point_lat,
    point_lng,
    radians_to_degrees,
    si_ti_to_st,
    st_to_ij,
    st_to_uv,
    uv_to_st,
    xyz_to_face_uv,
)
from .._typing import AnyArray, BytesArray, CellArray, FloatArray, Int32Array, Int64Array
from .hierarchy import cell_child, cell_level, cell_parent, level_size
from .hilbert import cell_to_face_ij, face_ij_to_cell

HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def point_to_cell(xyz: FloatArray, level: AnyArray) -> CellArray:
    face, u, v = xyz_to_face_uv(xyz)
    return cell_parent(face_ij_to_cell(face, st_to_ij(uv_to_st(u)), st_to_ij(uv_to_st(v))), level)


def latlng_to_cell(lat: FloatArray, lng: FloatArray, level: Int32Array) -> CellArray:
    return point_to_cell(latlng_to_point(lat, lng), level)


def cell_center_si_ti(cell: CellArray) -> tuple[Int64Array, Int64Array]:
    """Doubled leaf coordinates of the centers."""
    _, i, j = cell_to_face_ij(cell)
    size = level_size(cell_level(cell))
    return 2 * (i & -size) + size, 2 * (j & -size) + size


def cell_to_raw_point(cell: CellArray) -> FloatArray:
    si, ti = cell_center_si_ti(cell)
    face = (cell >> np.uint64(61)).astype(np.int64)
    return face_uv_to_xyz(face, st_to_uv(si_ti_to_st(si)), st_to_uv(si_ti_to_st(ti)))


def cell_to_point(cell: CellArray) -> FloatArray:
    return normalize(cell_to_raw_point(cell))


def cell_to_latlng(cell: Any) -> tuple[FloatArray, FloatArray]:
    xyz = cell_to_raw_point(cell)
    return radians_to_degrees(point_lat(xyz)), radians_to_degrees(point_lng(xyz))


def cell_to_token(cell: CellArray) -> BytesArray:
    shifts = np.arange(60, -1, -4, dtype=np.uint64)
    digits = HEX[((cell[:, None] >> shifts) & np.uint64(15)).astype(np.int64)]
    rest_is_zero = (cell[:, None] << (np.uint64(60) - shifts)) == 0
    return np.ascontiguousarray(np.where(rest_is_zero, np.uint8(0), digits)).view("S16")[:, 0]


def parse_token(token: BytesArray) -> CellArray:
    """Ids of tokens, 0 for what has other characters than lower-case hexadecimal digits, or too many of them."""
    text = np.ascontiguousarray(token).view(np.uint8).reshape(len(token), token.dtype.itemsize).astype(np.int64)
    used = text[:, :16]
    is_digit = (used >= ord("0")) & (used <= ord("9"))
    is_letter = (used >= ord("a")) & (used <= ord("f"))
    is_end = used == 0
    value = np.where(is_digit, used - ord("0"), np.where(is_letter, used - ord("a") + 10, 0)).astype(np.uint64)
    shifts = np.uint64(60) - 4 * np.arange(used.shape[1], dtype=np.uint64)
    cell = np.bitwise_or.reduce(value << shifts, axis=1, initial=np.uint64(0))
    ends_once = (np.diff(is_end.astype(np.int8), axis=1) >= 0).all(axis=1)
    good = (is_digit | is_letter | is_end).all(axis=1) & ends_once & (text[:, 16:] == 0).all(axis=1)
    return np.where(good, cell, np.uint64(0))


def token_to_cell(token: BytesArray) -> CellArray:
    return parse_token(token)


def cell_to_int64(cell: CellArray) -> Int64Array:
    return cell.view(np.int64)


def int64_to_cell(i: Int64Array) -> CellArray:
    return i.view(np.uint64)


def cell_to_string(cell: CellArray) -> BytesArray:
    levels = np.arange(1, MAX_LEVEL + 1, dtype=np.uint64)
    digits = ((cell[:, None] >> (np.uint64(61) - 2 * levels)) & np.uint64(3)).astype(np.uint8) + ord("0")
    digits[levels > cell_level(cell)[:, None].astype(np.uint64)] = 0
    face = (cell >> np.uint64(61)).astype(np.uint8) + ord("0")
    slash = np.full_like(face, ord("/"))
    return np.ascontiguousarray(np.column_stack((face, slash, digits))).view("S32")[:, 0]


def parse_string(string: BytesArray) -> CellArray:
    """Ids of strings like 4/0123, 0 for what is no such string."""
    text = np.ascontiguousarray(string).view(np.uint8).reshape(len(string), string.dtype.itemsize)
    text = np.pad(text, ((0, 0), (0, max(0, MAX_LEVEL + 3 - text.shape[1]))))  # room for one character too many
    length = (text != 0).sum(axis=1)
    good = (length >= 2) & (length <= MAX_LEVEL + 2)
    good &= (text[:, 0] >= ord("0")) & (text[:, 0] <= ord("5")) & (text[:, 1] == ord("/"))
    cell = (np.where(good, text[:, 0] - ord("0"), 0).astype(np.uint64) << np.uint64(61)) | np.uint64(1 << 60)
    for k in range(2, MAX_LEVEL + 2):
        digit = text[:, k].astype(np.int64) - ord("0")
        here = good & (k < length)
        good &= ~here | ((digit >= 0) & (digit <= 3))
        cell = np.where(here & good, cell_child(cell, np.clip(digit, 0, 3)), cell)
    return np.where(good, cell, np.uint64(0))


def string_to_cell(s: BytesArray) -> CellArray:
    return parse_string(s)
