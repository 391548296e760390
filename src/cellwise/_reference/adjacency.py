"""Next to: along the curve, across edges and corners, and in steps around a cell."""

from __future__ import annotations

import numpy as np

from .._math.projection import MAX_LEVEL, MAX_SIZE, face_uv_to_xyz, st_to_ij, xyz_to_face_uv
from .._typing import AnyArray, CellArray, FloatArray, Int32Array, Int64Array
from .hierarchy import cell_level, cell_parent, level_size
from .hilbert import cell_to_face_ij, face_ij_to_cell, lowest_bit

CURVE_END = np.uint64(6 << 61)
LIMIT = 1.0 + np.finfo(np.float64).eps


def cell_advance(cell: CellArray, n: Int64Array | np.int64) -> CellArray:
    shift = (2 * (MAX_LEVEL - cell_level(cell).astype(np.int64)) + 1).astype(np.uint64)
    cells = (CURVE_END >> shift).astype(np.int64)
    position = (cell >> shift).astype(np.int64)
    steps = n % cells
    rest = cells - steps  # position + steps may not fit: leaves are 6.9e18
    at = np.where(position >= rest, position - rest, position + np.minimum(steps, cells - position - 1))
    return (at.astype(np.uint64) << shift) | lowest_bit(cell)


def cell_next(cell: CellArray) -> CellArray:
    return cell_advance(cell, np.int64(1))


def cell_prev(cell: CellArray) -> CellArray:
    return cell_advance(cell, np.int64(-1))


def any_face_ij_to_cell(face: AnyArray, i: AnyArray, j: AnyArray) -> CellArray:
    """Leaf cells of (face, i, j), where i or j may lie outside the face.

    Outside, it is the leaf that lies there on the neighboring face: the point is projected linearly, just outside the
    face, and found again on the other one.
    """
    inside = (i >= 0) & (i < MAX_SIZE) & (j >= 0) & (j < MAX_SIZE)

    def project(x: Int64Array) -> FloatArray:
        return np.clip((1.0 / MAX_SIZE) * (2 * (np.clip(x, -1, MAX_SIZE) - MAX_SIZE // 2) + 1), -LIMIT, LIMIT)

    face2, u, v = xyz_to_face_uv(face_uv_to_xyz(face, project(i), project(j)))
    return face_ij_to_cell(
        np.where(inside, face, face2),
        np.where(inside, i, st_to_ij(0.5 * (u + 1))),
        np.where(inside, j, st_to_ij(0.5 * (v + 1))),
    )


def cell_edge_neighbors(cell: CellArray) -> CellArray:
    face, i, j = cell_to_face_ij(cell)
    level = cell_level(cell)
    size = level_size(level)
    across = ((i, j - size), (i + size, j), (i, j + size), (i - size, j))
    return np.stack([cell_parent(any_face_ij_to_cell(face, a, b), level) for a, b in across], axis=-1)


def _unique_rows(rows: Int64Array, cells: CellArray, n: int) -> tuple[Int64Array, CellArray, Int64Array]:
    """Distinct cells of each row, ascending, and how many they are."""
    order = np.lexsort((cells, rows))
    rows, cells = rows[order], cells[order]
    new = np.ones(len(cells), bool)
    new[1:] = (rows[1:] != rows[:-1]) | (cells[1:] != cells[:-1])
    return rows[new], cells[new], np.bincount(rows[new], minlength=n).astype(np.int64)


def cell_vertex_neighbors_size(cell: CellArray, level: Int32Array) -> Int64Array:
    return np.full(len(cell), 4, np.int64)


def cell_vertex_neighbors(cell: CellArray, level: Int32Array) -> tuple[CellArray, Int64Array]:
    face, i, j = cell_to_face_ij(cell)
    half = level_size(level + 1)
    i2 = np.where(i & half, i + 2 * half, i - 2 * half)
    j2 = np.where(j & half, j + 2 * half, j - 2 * half)
    inside = ((i2 >= 0) & (i2 < MAX_SIZE)) | ((j2 >= 0) & (j2 < MAX_SIZE))  # else: a corner of the cube
    around = np.stack(
        [cell_parent(any_face_ij_to_cell(face, a, b), level) for a, b in ((i, j), (i2, j), (i, j2), (i2, j2))], axis=-1
    )
    around[:, 3] = np.where(inside, around[:, 3], around[:, 0])
    rows = np.repeat(np.arange(len(cell)), 4)
    _, cells, sizes = _unique_rows(rows, around.ravel(), len(cell))
    return cells, sizes


def cell_all_neighbors_size(cell: CellArray, level: Int32Array) -> Int64Array:
    return 4 * 2 ** (level - cell_level(cell)).astype(np.int64) + 4  # one less for each corner of the cube


def cell_all_neighbors(cell: CellArray, level: Int32Array) -> tuple[CellArray, Int64Array]:
    face, i, j = cell_to_face_ij(cell)
    size = level_size(cell_level(cell))
    step = level_size(level)
    i, j = i & -size, j & -size
    a_side = size // step
    rows, along = _runs(a_side)
    k = along * step[rows]
    face_r, i_r, j_r, size_r, step_r, level_r = (x[rows] for x in (face, i, j, size, step, level))
    sides = (
        (i_r + k, j_r - step_r),
        (i_r + k, j_r + size_r),
        (i_r - step_r, j_r + k),
        (i_r + size_r, j_r + k),
    )
    corners = [(a, b) for a in (i - step, i + size) for b in (j - step, j + size)]
    found = [(rows, cell_parent(any_face_ij_to_cell(face_r, a, b), level_r)) for a, b in sides]
    found += [(np.arange(len(cell)), cell_parent(any_face_ij_to_cell(face, a, b), level)) for a, b in corners]
    _, cells, sizes = _unique_rows(
        np.concatenate([r for r, _ in found]), np.concatenate([c for _, c in found]), len(cell)
    )
    return cells, sizes


def _runs(sizes: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Row numbers repeated by size, and the position within each run."""
    rows = np.repeat(np.arange(len(sizes)), sizes)
    return rows, np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def _rings(cell: CellArray, k: Int32Array, keep_inner: bool) -> tuple[CellArray, Int64Array]:
    """Cells within k steps of each cell, or exactly k steps away: rings are grown one by one, all rows at once."""
    rows, ring = np.arange(len(cell)), cell
    before = ring[:0]
    before_rows = rows[:0]
    kept_rows, kept = [rows if keep_inner else rows[k == 0]], [ring if keep_inner else ring[k == 0]]
    for step in range(1, int(k.max(initial=0)) + 1):
        going_on = k[rows] >= step
        from_rows, from_cells = rows[going_on], ring[going_on]
        if len(from_cells) == 0:
            break
        cells, sizes = cell_all_neighbors(from_cells, cell_level(from_cells))
        new_rows, new, _ = _unique_rows(np.repeat(from_rows, sizes), cells, len(cell))
        known_rows = np.concatenate((before_rows, rows, new_rows))
        known = np.concatenate((before, ring, new))
        order = np.lexsort((known, known_rows))
        single = np.ones(len(order), bool)
        same = (known[order][1:] == known[order][:-1]) & (known_rows[order][1:] == known_rows[order][:-1])
        single[1:] &= ~same
        single[:-1] &= ~same
        is_new = order >= len(known) - len(new)
        picked = order[single & is_new]
        before_rows, before = rows, ring
        rows, ring = known_rows[picked], known[picked]
        wanted = np.ones(len(rows), bool) if keep_inner else k[rows] == step
        kept_rows.append(rows[wanted])
        kept.append(ring[wanted])
    _, cells, sizes = _unique_rows(np.concatenate(kept_rows), np.concatenate(kept), len(cell))
    return cells, sizes


def _steps_size(cell: CellArray, most: AnyArray) -> Int64Array:
    """Upper bound of cells: `most` of the steps, or all cells of the level."""
    return np.minimum(most, 6.0 * 4.0 ** cell_level(cell)).astype(np.int64)


def cell_disk_size(cell: CellArray, k: Int32Array) -> Int64Array:
    return _steps_size(cell, (2.0 * k + 1) ** 2)


def cell_disk(cell: CellArray, k: Int32Array) -> tuple[CellArray, Int64Array]:
    return _rings(cell, k, True)


def cell_ring_size(cell: CellArray, k: Int32Array) -> Int64Array:
    return _steps_size(cell, np.maximum(8.0 * k, 1))


def cell_ring(cell: CellArray, k: Int32Array) -> tuple[CellArray, Int64Array]:
    return _rings(cell, k, False)
