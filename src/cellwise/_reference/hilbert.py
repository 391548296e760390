"""The Hilbert curve on one face, and the 64-bit id made of it.

    id = face (3 bits) | position along the curve (2 bits a level) | 1 | 0 ... 0

The lowest set bit marks the level: bit 60 for a face cell, bit 0 for a leaf. At each level the curve visits the four
children of a square in one of four orientations: `swap` (1) exchanges i and j, `invert` (2) turns both round. Faces
with odd numbers start swapped, so that the curve runs on from face to face.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._math.projection import MAX_LEVEL
from .._typing import CellArray, Int64Array

SWAP, INVERT = 1, 2

# Quarter (2 * i + j) visited at each position, by orientation; its inverse; and what a position does below it.
POSITION_TO_IJ = np.array([(0, 1, 3, 2), (0, 2, 3, 1), (3, 2, 0, 1), (3, 1, 0, 2)])
IJ_TO_POSITION = np.argsort(POSITION_TO_IJ, axis=1)
POSITION_TO_ORIENTATION = np.array((SWAP, 0, 0, SWAP | INVERT))


def lowest_bit(cell: Any) -> Any:
    return cell & (~cell + np.uint64(1))


def face_ij_to_cell(face: Int64Array, i: Int64Array, j: Int64Array) -> CellArray:
    """Leaf cells, from integers in 0..5 and 0 .. 2^30 - 1."""
    orientation = face & SWAP
    position = np.zeros(np.shape(face), np.uint64)
    for shift in range(MAX_LEVEL - 1, -1, -1):
        ij = 2 * ((i >> shift) & 1) + ((j >> shift) & 1)
        child = IJ_TO_POSITION[orientation, ij]
        position = (position << np.uint64(2)) | child.astype(np.uint64)
        orientation = orientation ^ POSITION_TO_ORIENTATION[child]
    return (np.asarray(face).astype(np.uint64) << np.uint64(61)) | (position << np.uint64(1)) | np.uint64(1)


def cell_to_face_ij(cell: CellArray) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Face, and i and j of the leaf that the id reads as when all 60 bits after the face are taken for positions.

    For a leaf that is the leaf itself; for other cells it is one of those next to the center.
    """
    face = (cell >> np.uint64(61)).astype(np.int64)
    orientation = face & SWAP
    i = np.zeros(face.shape, np.int64)
    j = np.zeros(face.shape, np.int64)
    for shift in range(2 * MAX_LEVEL - 1, 0, -2):
        child = ((cell >> np.uint64(shift)) & np.uint64(3)).astype(np.int64)
        ij = POSITION_TO_IJ[orientation, child]
        i, j = 2 * i + (ij >> 1), 2 * j + (ij & 1)
        orientation = orientation ^ POSITION_TO_ORIENTATION[child]
    return face, i, j
