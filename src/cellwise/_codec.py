"""Sorted cells in few bytes, two or three a cell for a covering.

A header with a checksum, then the numbers of trailing zero bits of the differences between ids, one byte each, and the
differences without those zeros, seven bits a byte.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from ._typing import CellArray

_MAGIC = b"CWU1"
_HEADER = struct.Struct("<4sIQ")  # magic, CRC-32 of the rest, number of cells


def encode_cells(cells: CellArray) -> bytes:
    """Bytes of ascending cells."""
    steps = np.diff(cells, prepend=np.uint64(0))
    zeros = np.bitwise_count((steps & (~steps + np.uint64(1))) - np.uint64(1))
    body = zeros.astype(np.uint8).tobytes() + _to_varints(steps >> zeros.astype(np.uint64))
    return _HEADER.pack(_MAGIC, zlib.crc32(body), len(cells)) + body


def decode_cells(data: bytes | bytearray | memoryview) -> CellArray:
    """The numbers of `encode_cells`, which may be no cells; raise unless lengths and checksum are right."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"data must be bytes: got {type(data).__name__}")
    data = bytes(data)
    if len(data) < _HEADER.size:
        raise ValueError(f"data must be an encoded CellUnion: got {len(data)} bytes, shorter than its header")
    magic, checksum, n = _HEADER.unpack_from(data)
    body = data[_HEADER.size :]
    if magic != _MAGIC:
        raise ValueError(f"data must be an encoded CellUnion: got bytes that start with {magic!r}")
    if 2 * n > len(body):
        raise ValueError(f"data must hold its {n} cells: got only {len(body)} bytes")
    if zlib.crc32(body) != checksum:
        raise ValueError("data must be undamaged: got a wrong checksum")
    zeros = np.frombuffer(body, np.uint8, n).astype(np.uint64)
    steps = _from_varints(np.frombuffer(body, np.uint8, offset=n), n)
    if (zeros > 63).any() or ((steps << zeros) >> zeros != steps).any():
        raise ValueError("data must hold differences of 64 bits: got larger ones")
    return np.cumsum(steps << zeros, dtype=np.uint64)


def _to_varints(values: CellArray) -> bytes:
    """Unsigned integers in seven bits a byte, low bits first, the high bit set on all bytes but the last."""
    shifts = np.arange(0, 64, 7, dtype=np.uint64)
    groups = ((values[:, None] >> shifts) & np.uint64(127)).astype(np.uint8)
    more = (values[:, None] >> shifts) >> np.uint64(7) != 0
    used = np.ones_like(more)
    used[:, 1:] = more[:, :-1]
    return (groups | (more.astype(np.uint8) << 7))[used].tobytes()


def _from_varints(data: NDArray[np.uint8], n: int) -> CellArray:
    """The `n` integers of `_to_varints`."""
    last = data < 128
    ends = np.flatnonzero(last)
    if len(ends) != n or (len(data) and not last[-1]):
        raise ValueError(f"data must hold {n} differences: got {len(ends)}")
    starts = np.append(0, ends[:-1] + 1)[:n]
    lengths = ends - starts + 1
    if (lengths > 10).any() or (data[ends[lengths == 10]] > 1).any():
        raise ValueError("data must hold differences of 64 bits: got larger ones")
    within = np.arange(len(data)) - np.repeat(starts, lengths)
    parts = (data & 127).astype(np.uint64) << (7 * within).astype(np.uint64)
    return np.bitwise_or.reduceat(parts, starts) if n else np.empty(0, np.uint64)
