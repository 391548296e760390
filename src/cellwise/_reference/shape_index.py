"""A polygon's edges by cell: which edges pass through each of some cells, and whether its center is inside.

The cells of the index are disjoint and contain every edge and every interior point. A cell is subdivided while more
than ten edges pass through it that are short compared with it. Cells are padded by more than the rounding errors of
clipping, so that no edge is missed. Constants, order of operations and decisions are those of Google's
MutableS2ShapeIndex, release 0.14, because the cells, and with them the initial candidates of a covering, depend on
every bit. (Google builds indexes of more than 463,970 edges in several passes, which gives other cells; here there is
always one.)

Everything is one value at a time, in plain Python: points and (u, v) are tuples of floats, cells are ints.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from . import predicates as p3
from .edge_clipping import (
    CELL_PADDING,
    TEST_MARGIN,
    UV,
    Bounds,
    Ends,
    clip_to_padded_face,
    face_uv_to_xyz,
    point_face,
    project,
)
from .padded_cell import MAX_LEVEL, PaddedCell, parent, range_max, range_min
from .predicates import Vector


def _interpolated(x: float, a: float, b: float, a1: float, b1: float) -> float:
    """Value at x of the line through (a, a1) and (b, b1), from the nearer end."""
    if a == b:
        return a1
    if abs(a - x) <= abs(b - x):
        return a1 + (b1 - a1) * ((x - a) / (b - a))
    return b1 + (a1 - b1) * ((x - b) / (a - b))


@dataclass(frozen=True)
class FaceEdge:
    """The part of an edge that lies on a face, clipped for the index and, less padded, for tests of cells."""

    edge: tuple[Vector, Vector]
    number: int
    max_level: int  # from this level on the edge is long compared with the cells
    ends: Ends
    test_ends: Ends | None  # None if no part of it lies within the smaller padding


@dataclass(frozen=True)
class ClippedEdge:
    """The part of a face edge within a cell, by its bounds ((u low, u high), (v low, v high))."""

    whole: FaceEdge
    bounds: Bounds

    def without(self, axis: int, end: int, x: float) -> ClippedEdge:
        """The edge without the part beyond x on an axis: above x if `end` is 1, below it if 0."""
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
        return ClippedEdge(self.whole, (tuple(bounds[0]), tuple(bounds[1])))


@dataclass
class IndexCell:
    square: PaddedCell
    edges: list[FaceEdge]
    center_inside: bool

    @property
    def cell(self) -> int:
        return self.square.cell


START_OF_CURVE = p3.normalize(face_uv_to_xyz(0, -1.0, -1.0))


class ShapeIndex:
    """An index of closed rings with the interior on their left, given as edges (a, b)."""

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
        """The number of the first cell whose range ends at or after the leaf."""
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
        whole = PaddedCell.of_face(face)
        if not face_edges:
            if self._inside:
                self._add_cell(whole, [])
            return
        edges = []
        for e in face_edges:
            a, b = e.ends
            edges.append(ClippedEdge(e, tuple((min(x, y), max(x, y)) for x, y in zip(a, b))))
        bound = tuple((min(e.bounds[k][0] for e in edges), max(e.bounds[k][1] for e in edges)) for k in (0, 1))
        start = whole.shrunk_to(bound)
        self._fill(range_min(whole.cell), range_min(start.cell))
        self._add_cell(start, edges)
        self._fill(range_max(start.cell) + 2, range_max(whole.cell) + 2)

    def _fill(self, begin: int, end: int) -> None:
        """Add cells without edges for the leaves from `begin` to before `end`, if those are inside."""
        while self._inside and begin != end:
            cell = begin
            for level in range(MAX_LEVEL - 1, -1, -1):
                above = parent(cell, level)
                if range_min(above) != begin or range_max(above) >= end:
                    break
                cell = above
            self.cells.append(IndexCell(PaddedCell.of(cell), [], True))
            begin = range_max(cell) + 2

    def _add_cell(self, square: PaddedCell, edges: list[ClippedEdge]) -> None:
        if self._is_fine_enough(square, edges):
            self._make_cell(square, edges)
            return
        children: list[list[ClippedEdge]] = [[], [], [], []]
        lines = [(x - CELL_PADDING, x + CELL_PADDING) for x in square.center_uv]
        for e in edges:
            for i, part in self._halves(e, 0, lines[0]):
                for j, child in self._halves(part, 1, lines[1]):
                    children[2 * i + j].append(child)
        for position in range(4):
            below = children[square.child_ij(position)]
            if below or self._inside:
                self._add_cell(square.child(position), below)

    @staticmethod
    def _halves(e: ClippedEdge, axis: int, line: UV) -> list[tuple[int, ClippedEdge]]:
        """The parts of a clipped edge below and above the center line of an axis, an interval that belongs to both."""
        lo, hi = e.bounds[axis]
        if hi <= line[0]:
            return [(0, e)]
        if lo >= line[1]:
            return [(1, e)]
        return [(0, e.without(axis, 1, line[1])), (1, e.without(axis, 0, line[0]))]

    def _is_fine_enough(self, square: PaddedCell, edges: list[ClippedEdge]) -> bool:
        most = max(10, int(0.2 * (len(edges) + self._inside)))
        return len(edges) <= 10 or sum(square.level < e.whole.max_level for e in edges) <= most

    def _make_cell(self, square: PaddedCell, edges: list[ClippedEdge]) -> None:
        """Move the point that is known to be inside or outside along the curve: into the cell, to its center, out of
        it.
        """
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
