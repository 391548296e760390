"""A polygon's edges by cell: which edges pass through each of a few cells, and whether its center lies inside.

Cells of the index are disjoint and hold every edge and every interior point. A cell is split while more than ten
edges pass through it that are short against it. Edges are clipped to cells in the (u, v) plane of each face, where
geodesics are straight, and cells are padded by more than the roundings of clipping, so that no edge is missed.
Constants, order of operations and decisions are those of Google's MutableS2ShapeIndex, release 0.14, because the
cells, and with them the first candidates of a covering, depend on every bit.

Google builds indexes of more than 463,970 edges in several passes, which leaves other cells; here it is one.

Everything is one value at a time, in plain Python: points and (u, v) are tuples of floats, cells are ints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from . import predicates as p3
from .predicates import EPSILON, Vector

MAX_LEVEL, MAX_SIZE = 30, 1 << 30
SWAP, INVERT = 1, 2
POSITION_TO_IJ = ((0, 1, 3, 2), (0, 2, 3, 1), (3, 2, 0, 1), (3, 1, 0, 2))
POSITION_TO_ORIENTATION = (SWAP, 0, 0, SWAP | INVERT)

# Errors of u or v where an edge is clipped to a face, and to a line of constant u or v; and, as a distance, of asking
# whether a segment meets a rectangle.
FACE_CLIP_ERROR = 9 * math.sqrt(0.5) * EPSILON
EDGE_CLIP_ERROR = 2.25 * EPSILON
SEGMENT_MEETS_ERROR = 3 * math.sqrt(2) * EPSILON
CELL_PADDING = 2 * (FACE_CLIP_ERROR + EDGE_CLIP_ERROR)
TEST_MARGIN = FACE_CLIP_ERROR + SEGMENT_MEETS_ERROR

UV: TypeAlias = tuple[float, ...]
Ends: TypeAlias = tuple[UV, UV]  # of an edge
Bounds: TypeAlias = tuple[UV, ...]  # (u low, u high), (v low, v high)


# --- cells ------------------------------------------------------------------------------------------------------------


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


def face_uv_to_xyz(face: int, u: float, v: float) -> Vector:
    return ((1.0, u, v), (-u, 1.0, v), (-u, -v, 1.0), (-1.0, -v, -u), (v, -1.0, -u), (v, u, -1.0))[face]


def xyz_to_uvw(face: int, p: Vector) -> Vector:
    """Coordinates along the u and v axes and the normal of the face."""
    x, y, z = p
    return ((y, z, x), (-x, z, y), (-x, -y, z), (-z, -y, -x), (-z, x, -y), (y, x, -z))[face]


def project(face: int, p: Vector) -> UV:
    """(u, v) of a point's ray on the plane of a face that it can reach."""
    u, v, w = xyz_to_uvw(face, p)
    return u / w, v / w


def point_face(p: Vector) -> int:
    axis = p3.largest_axis(p)
    return axis + 3 if p[axis] < 0 else axis


@dataclass(frozen=True)
class Square:
    """A cell with its place on its face: leaf coordinates of the low corner, and the curve's orientation within."""

    cell: int
    level: int
    i: int
    j: int
    orientation: int

    @classmethod
    def of(cls, cell: int) -> Square:
        square = cls.of_face(cell >> 61)
        for level in range(1, level_of(cell) + 1):
            square = square.child((cell >> 2 * (MAX_LEVEL - level) + 1) & 3)
        return square

    @classmethod
    def of_face(cls, face: int) -> Square:
        return cls(face << 61 | 1 << 60, 0, 0, 0, face & SWAP)

    def child(self, position: int) -> Square:
        bit, half = lowest_bit(self.cell) >> 2, self.size >> 1
        ij = self.child_ij(position)
        return Square(
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
    def middle(self) -> UV:
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
        """Where the curve enters the cell."""
        shift = self.size if self.orientation & INVERT else 0
        return self._point(2 * (self.i + shift), 2 * (self.j + shift))

    @property
    def exit(self) -> Vector:
        along_i = self.orientation in (0, SWAP | INVERT)
        return self._point(2 * (self.i + self.size * along_i), 2 * (self.j + self.size * (not along_i)))

    def shrunk_to(self, rect: Bounds) -> Square:
        """The smallest cell within this one that holds everything padded that the rectangle meets."""
        if any(lo <= middle <= hi for (lo, hi), middle in zip(rect, self.middle)):
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


# --- clipping ---------------------------------------------------------------------------------------------------------


def _line_meets_face(n: Vector) -> bool:
    """Whether the great circle with normal n (in a face's u, v, w) meets the face; exact."""
    u, v, w = map(abs, n)
    return v >= w - u and u >= w - v


def _line_meets_opposite_edges(n: Vector) -> bool:
    u, v, w = map(abs, n)
    if abs(u - v) != w:
        return abs(u - v) >= w
    return u - w >= v if u >= v else v - w >= u


def _line_exit(n: Vector) -> UV:
    """Where it leaves the face."""
    if _line_meets_opposite_edges(n):
        through_v = abs(n[0]) >= abs(n[1])
    else:
        through_v = sum(math.copysign(1, x) < 0 for x in n) % 2 == 0
    if through_v:
        v = 1.0 if n[0] < 0 else -1.0
        return (-v * n[1] - n[2]) / n[0], v
    u = 1.0 if n[1] > 0 else -1.0
    return u, (-u * n[0] - n[2]) / n[1]


def _clip_end(
    a: Vector, b: Vector, scaled_normal: Vector, a_tangent: Vector, b_tangent: Vector, scale: float
) -> tuple[int, Any]:
    """(score, (u, v)) of the clipped end b of ab. The score says how far the end is from being usable: 0 it is, 1 the
    exit lies beyond b, 2 before a, 3 there is none.
    """
    if b[2] > 0:
        uv = (b[0] / b[2], b[1] / b[2])
        if max(abs(uv[0]), abs(uv[1])) <= 1 - FACE_CLIP_ERROR:
            return 0, uv
    u, v = _line_exit(scaled_normal)
    uv = (scale * u, scale * v)
    p = (*uv, 1.0)
    if p3.dot(p3.minus(p, a), a_tangent) < 0:
        score = 2
    elif p3.dot(p3.minus(p, b), b_tangent) < 0:
        score = 1
    else:
        return 0, uv
    return (3, None) if b[2] <= 0 else (score, (b[0] / b[2], b[1] / b[2]))


def clip_to_padded_face(a: Vector, b: Vector, face: int, padding: float) -> Ends | None:
    """The ends in (u, v) of the part of edge ab on a face that is `padding` larger on all sides, or None."""
    if point_face(a) == face == point_face(b):
        return project(face, a), project(face, b)
    normal = xyz_to_uvw(face, p3.robust_cross(a, b))
    a, b = xyz_to_uvw(face, a), xyz_to_uvw(face, b)
    scale = 1 + padding
    scaled = (scale * normal[0], scale * normal[1], normal[2])
    if not _line_meets_face(scaled):
        return None
    normal = p3.normalize(normal)
    a_tangent, b_tangent = p3.cross(normal, a), p3.cross(b, normal)
    a_score, a_uv = _clip_end(b, a, p3.negative(scaled), b_tangent, a_tangent, scale)
    b_score, b_uv = _clip_end(a, b, scaled, a_tangent, b_tangent, scale)
    return (a_uv, b_uv) if a_score + b_score < 3 else None


def segment_meets(a: UV, b: UV, rect: Bounds) -> bool:
    """Whether the segment ab meets the rectangle."""
    for axis in (0, 1):
        lo, hi = rect[axis]
        if min(a[axis], b[axis]) > hi or max(a[axis], b[axis]) < lo:
            return False
    normal = (-(b[1] - a[1]), b[0] - a[0])
    i, j = (int(x >= 0) for x in normal)
    far = normal[0] * (rect[0][i] - a[0]) + normal[1] * (rect[1][j] - a[1])
    near = normal[0] * (rect[0][1 - i] - a[0]) + normal[1] * (rect[1][1 - j] - a[1])
    return far >= 0 and near <= 0


def _interpolated(x: float, a: float, b: float, a1: float, b1: float) -> float:
    """Value at x of the line through (a, a1) and (b, b1), from the nearer end."""
    if a == b:
        return a1
    if abs(a - x) <= abs(b - x):
        return a1 + (b1 - a1) * ((x - a) / (b - a))
    return b1 + (a1 - b1) * ((x - b) / (a - b))


# --- the index --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FaceEdge:
    """An edge on one face, clipped for building, and clipped (less padded) for tests of cells."""

    edge: tuple[Vector, Vector]
    number: int
    max_level: int  # from this level on the edge is long against the cells
    ends: Ends
    test_ends: Ends | None  # None: it lies in the padding only


@dataclass(frozen=True)
class Clipped:
    """The part of a face edge within a cell, by its bounds ((u low, u high), (v low, v high))."""

    whole: FaceEdge
    bounds: Bounds

    def without(self, axis: int, end: int, x: float) -> Clipped:
        """The edge without what lies beyond x on an axis: above it if end is 1, below it if 0."""
        if (self.bounds[axis][0] >= x) if end == 0 else (self.bounds[axis][1] <= x):
            return self
        a, b = self.whole.ends
        other = 1 - axis
        lo, hi = self.bounds[other]
        y = max(lo, min(hi, _interpolated(x, a[axis], b[axis], a[other], b[other])))
        falls = (a[0] > b[0]) != (a[1] > b[1])
        bounds = [list(self.bounds[0]), list(self.bounds[1])]
        bounds[axis][end] = x
        bounds[other][end ^ falls] = y
        return Clipped(self.whole, (tuple(bounds[0]), tuple(bounds[1])))


@dataclass
class IndexCell:
    square: Square
    edges: list[FaceEdge]
    center_inside: bool

    @property
    def cell(self) -> int:
        return self.square.cell


START_OF_CURVE = p3.normalize(face_uv_to_xyz(0, -1.0, -1.0))


class ShapeIndex:
    """Index of closed rings with the interior on their left, given as edges (a, b)."""

    def __init__(self, edges: Sequence[tuple[Vector, Vector]], start_inside: bool) -> None:
        self.edges = edges
        self.cells: list[IndexCell] = []
        self._focus, self._inside = START_OF_CURVE, start_inside  # a point whose containment is known
        self._next_leaf = 1
        by_face: list[list[FaceEdge]] = [[] for _ in range(6)]
        for number, edge in enumerate(edges):
            self._add_edge(number, edge, by_face)
        for face in range(6):
            self._add_face(face, by_face[face])
        self._ends = [range_max(cell.cell) for cell in self.cells]

    def first_ending_from(self, leaf: int) -> int:
        """Number of the first cell whose range ends at or after the leaf."""
        from bisect import bisect_left

        return bisect_left(self._ends, leaf)

    def contains(self, p: Vector, leaf: int) -> bool:
        """Whether the polygon contains the point, which lies in the leaf. Exact; vertices are semi-open."""
        at = self.first_ending_from(leaf)
        if at == len(self.cells) or range_min(self.cells[at].cell) > leaf:
            return False
        cell = self.cells[at]
        return cell.center_inside != p3.crossed_oddly(cell.square.center, p, [e.edge for e in cell.edges])

    def _add_edge(self, number: int, edge: tuple[Vector, Vector], by_face: list[list[FaceEdge]]) -> None:
        a, b = edge
        length = math.sqrt(p3.dot(p3.minus(a, b), p3.minus(a, b)))
        average_edge = 1.459213746386106062  # of cells of level 0, radians
        exponent = math.frexp(length / average_edge)[1] - 1
        max_level = min(max(-exponent, 0), MAX_LEVEL) if length > 0 else MAX_LEVEL
        face = point_face(a)
        if face == point_face(b):
            ends = project(face, a), project(face, b)
            if max(abs(x) for end in ends for x in end) <= 1 - CELL_PADDING:
                by_face[face].append(FaceEdge(edge, number, max_level, ends, ends))
                return
        for face in range(6):
            ends = clip_to_padded_face(a, b, face, CELL_PADDING)
            if ends is not None:
                test_ends = clip_to_padded_face(a, b, face, TEST_MARGIN)
                by_face[face].append(FaceEdge(edge, number, max_level, ends, test_ends))

    def _add_face(self, face: int, face_edges: list[FaceEdge]) -> None:
        whole = Square.of_face(face)
        if not face_edges:
            if self._inside:
                self._add_cell(whole, [])
            return
        edges = []
        for e in face_edges:
            a, b = e.ends
            edges.append(Clipped(e, tuple((min(x, y), max(x, y)) for x, y in zip(a, b))))
        bound = tuple((min(e.bounds[k][0] for e in edges), max(e.bounds[k][1] for e in edges)) for k in (0, 1))
        start = whole.shrunk_to(bound)
        self._fill(range_min(whole.cell), range_min(start.cell))
        self._add_cell(start, edges)
        self._fill(range_max(start.cell) + 2, range_max(whole.cell) + 2)

    def _fill(self, begin: int, end: int) -> None:
        """Cells without edges for the leaves from `begin` to before `end`, if they lie inside."""
        while self._inside and begin != end:
            cell = begin
            for level in range(MAX_LEVEL - 1, -1, -1):
                above = parent(cell, level)
                if range_min(above) != begin or range_max(above) >= end:
                    break
                cell = above
            self.cells.append(IndexCell(Square.of(cell), [], True))
            begin = range_max(cell) + 2

    def _add_cell(self, square: Square, edges: list[Clipped]) -> None:
        if self._is_fine_enough(square, edges):
            self._make_cell(square, edges)
            return
        children: list[list[Clipped]] = [[], [], [], []]
        middle = [(x - CELL_PADDING, x + CELL_PADDING) for x in square.middle]
        for e in edges:
            for i, part in self._halves(e, 0, middle[0]):
                for j, child in self._halves(part, 1, middle[1]):
                    children[2 * i + j].append(child)
        for position in range(4):
            below = children[square.child_ij(position)]
            if below or self._inside:
                self._add_cell(square.child(position), below)

    @staticmethod
    def _halves(e: Clipped, axis: int, middle: UV) -> list[tuple[int, Clipped]]:
        """Parts of a clipped edge below and above the middle of an axis, which is an interval that belongs to both."""
        lo, hi = e.bounds[axis]
        if hi <= middle[0]:
            return [(0, e)]
        if lo >= middle[1]:
            return [(1, e)]
        return [(0, e.without(axis, 1, middle[1])), (1, e.without(axis, 0, middle[0]))]

    def _is_fine_enough(self, square: Square, edges: list[Clipped]) -> bool:
        most = max(10, int(0.2 * (len(edges) + self._inside)))
        return len(edges) <= 10 or sum(square.level < e.whole.max_level for e in edges) <= most

    def _make_cell(self, square: Square, edges: list[Clipped]) -> None:
        """The point whose containment is known goes along the curve: into the cell, to its center, out of it."""
        whole = [e.whole for e in edges]
        if edges:
            if range_min(square.cell) != self._next_leaf:
                self._focus = square.entry
            self._move_to(square.center, whole)
        self.cells.append(IndexCell(square, whole, self._inside))
        if edges:
            self._move_to(square.exit, whole)
            self._next_leaf = range_max(square.cell) + 2

    def _move_to(self, p: Vector, edges: list[FaceEdge]) -> None:
        self._inside ^= p3.crossed_oddly(self._focus, p, [e.edge for e in edges])
        self._focus = p
