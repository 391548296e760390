"""Cells as a subdivision of a face needs them: where they lie, which child comes next along the curve, what they hold.

The arithmetic is that of Google's S2PaddedCell, release 0.14. Everything is one value at a time, in plain Python:
points and (u, v) are tuples of floats, cells are ints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from . import predicates as p3
from .edge_clipping import CELL_PADDING, UV, Bounds, face_uv_to_xyz
from .predicates import EPSILON, Vector

MAX_LEVEL, MAX_SIZE = 30, 1 << 30
SWAP, INVERT = 1, 2
POSITION_TO_IJ = ((0, 1, 3, 2), (0, 2, 3, 1), (3, 2, 0, 1), (3, 1, 0, 2))
POSITION_TO_ORIENTATION = (SWAP, 0, 0, SWAP | INVERT)


def lowest_bit(cell: int) -> int:
    return cell & -cell


def level_of(cell: int) -> int:
    return MAX_LEVEL - (lowest_bit(cell).bit_length() - 1) // 2


def range_min(cell: int) -> int:
    return cell - lowest_bit(cell) + 1


def range_max(cell: int) -> int:
    return cell + lowest_bit(cell) - 1


def parent(cell: int, level: int) -> int:
    bit = 1 << 2 * (MAX_LEVEL - level)
    return (cell & -bit) | bit


def st_to_uv(s: float) -> float:
    return (1 / 3.0) * (4 * s * s - 1) if s >= 0.5 else (1 / 3.0) * (1 - 4 * (1 - s) * (1 - s))


def uv_to_st(u: float) -> float:
    return 0.5 * math.sqrt(1 + 3 * u) if u >= 0 else 1 - 0.5 * math.sqrt(1 - 3 * u)


def st_to_ij(s: float) -> int:
    return min(max(math.floor(MAX_SIZE * s), 0), MAX_SIZE - 1)


@dataclass(frozen=True)
class PaddedCell:
    """A cell with the leaf coordinates of its low corner, and the orientation of the curve within it."""

    cell: int
    level: int
    i: int
    j: int
    orientation: int

    @classmethod
    def of(cls, cell: int) -> PaddedCell:
        square = cls.of_face(cell >> 61)
        for level in range(1, level_of(cell) + 1):
            square = square.child((cell >> 2 * (MAX_LEVEL - level) + 1) & 3)
        return square

    @classmethod
    def of_face(cls, face: int) -> PaddedCell:
        return cls(face << 61 | 1 << 60, 0, 0, 0, face & SWAP)

    def child(self, position: int) -> PaddedCell:
        bit, half = lowest_bit(self.cell) >> 2, self.size >> 1
        ij = self.child_ij(position)
        return PaddedCell(
            self.cell - 3 * bit + 2 * bit * position,
            self.level + 1,
            self.i + (ij >> 1) * half,
            self.j + (ij & 1) * half,
            self.orientation ^ POSITION_TO_ORIENTATION[position],
        )

    def child_ij(self, position: int) -> int:
        """2 * (upper half of i) + (upper half of j) of the child at a position along the curve."""
        return POSITION_TO_IJ[self.orientation][position]

    @property
    def face(self) -> int:
        return self.cell >> 61

    @property
    def size(self) -> int:
        return 1 << (MAX_LEVEL - self.level)

    @property
    def center_uv(self) -> UV:
        return tuple(st_to_uv((2 * x + self.size) / 2**31) for x in (self.i, self.j))

    def bounds(self, margin: float) -> Bounds:
        """((u low, u high), (v low, v high)) of the cell, larger by the margin on all sides."""
        ends = ((st_to_uv(x / 2**30), st_to_uv((x + self.size) / 2**30)) for x in (self.i, self.j))
        return tuple((lo - margin, hi + margin) for lo, hi in ends)

    def _point(self, si: int, ti: int) -> Vector:
        return p3.normalize(face_uv_to_xyz(self.face, st_to_uv(si / 2**31), st_to_uv(ti / 2**31)))

    @property
    def center(self) -> Vector:
        return self._point(2 * self.i + self.size, 2 * self.j + self.size)

    @property
    def entry(self) -> Vector:
        """The corner at which the curve enters the cell."""
        shift = self.size if self.orientation & INVERT else 0
        return self._point(2 * (self.i + shift), 2 * (self.j + shift))

    @property
    def exit(self) -> Vector:
        along_i = self.orientation in (0, SWAP | INVERT)
        return self._point(2 * (self.i + self.size * along_i), 2 * (self.j + self.size * (not along_i)))

    def shrunk_to(self, rect: Bounds) -> PaddedCell:
        """The smallest cell within this one that, padded, contains all of it that intersects the rectangle."""
        if any(lo <= x <= hi for (lo, hi), x in zip(rect, self.center_uv)):
            return self
        margin = CELL_PADDING + 1.5 * EPSILON
        firsts, bits = [], 0
        for (lo, hi), lowest in zip(rect, (self.i, self.j)):
            firsts.append(max(lowest, st_to_ij(uv_to_st(lo - margin))))
            bits |= firsts[-1] ^ min(lowest + self.size - 1, st_to_ij(uv_to_st(hi + margin)))
        square = self
        while square.level < MAX_LEVEL - bits.bit_length():
            half = square.size >> 1
            ij = 2 * (firsts[0] >= square.i + half) + (firsts[1] >= square.j + half)
            square = square.child(POSITION_TO_IJ[square.orientation].index(ij))
        return square
