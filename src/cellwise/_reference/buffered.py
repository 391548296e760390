"""Everything within a distance of points, lines and polygons, as a region of the sphere.

Edges are divided into sub-edges, each with a bound of how far it deviates from the geodesic between its ends (see
planar; geodesics do not deviate). A cell is compared with the sub-edges that come near its parent: it intersects the
region if it is within the distance of one, or inside of the rings. It is contained in the region if it is inside of the
rings and no sub-edge touches it, or if a sub-edge comes so near its center that all of the cell is within the distance.
Coverings are conservative by rounding errors and by up to TOLERANCE of deviation.

Everything is one value at a time, in plain Python: points are tuples of floats, cells are ints.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .._math.angles import angle_to_chord2
from .._math.intervals import PI
from .._math.projection import point_lat, point_lng
from .._typing import BoolArray, CellArray, FloatArray
from . import planar as flat
from .conversion import cell_to_point
from .edge_clipping import UV
from .padded_cell import PaddedCell, level_of, parent
from .predicates import Vector, cross, dot, minus, normalize, plus
from .regions import Cap, OneByOne, cell_uv, cell_uv_vertices
from .shape import Shape, in_order

SLACK = 1e-14  # radians, much more than rounding errors
FAR, NEAR, CELL_WITHIN = range(3)


def angle_between(a: Vector, b: Vector) -> float:
    """The angle between two unit vectors; accurate for small ones, too."""
    d = minus(a, b)
    return 2 * math.asin(min(1.0, 0.5 * math.sqrt(dot(d, d))))


def edge_normal(a: Vector, b: Vector) -> Vector:
    return cross(minus(a, b), plus(a, b))


def angle_to_edge(x: Vector, a: Vector, b: Vector, normal: Vector) -> float:
    """The angle between a point and the geodesic from a to b with that normal, of any length."""
    size2 = dot(normal, normal)
    # Is the nearest point of the great circle between the ends?
    if size2 > 0 and dot(cross(normal, a), x) > 0 and dot(cross(b, normal), x) > 0:
        return math.asin(min(1.0, abs(dot(x, normal)) / math.sqrt(size2)))
    return min(angle_between(x, a), angle_between(x, b))


class SubEdge(NamedTuple):
    """A sub-edge between the positions a and b; those of geodesics are not used."""

    a: Any
    b: Any
    pa: Vector
    pb: Vector
    deviation: float

    def halves(self) -> tuple[SubEdge, SubEdge]:
        center = tuple(0.5 * (x + y) for x, y in zip(self.a, self.b))
        at = flat._point(center)
        deviation = 0.25 * self.deviation
        return SubEdge(self.a, center, self.pa, at, deviation), SubEdge(center, self.b, at, self.pb, deviation)


class CellShape:
    """What distances to a cell are computed from."""

    def __init__(self, cell: int) -> None:
        at = np.array([cell], np.uint64)
        self.center = tuple(cell_to_point(at)[0].tolist())
        self.corners = [tuple(p) for p in cell_uv_vertices(cell_uv(at))[0].tolist()]
        self.radius = max(angle_between(self.center, corner) for corner in self.corners)
        self.sides = [(v, w, edge_normal(v, w)) for v, w in zip(self.corners, self.corners[1:] + self.corners[:1])]


def angle_to_cell(sub_edge: SubEdge, shape: CellShape, normal: Vector) -> float:
    """The angle between a cell and the geodesic of a sub-edge: 0 if they cross or an end is in the cell."""
    least, inside = PI, True
    for v, w, n in shape.sides:
        a, b, c, d = dot(n, sub_edge.pa), dot(n, sub_edge.pb), dot(normal, v), dot(normal, w)
        inside = inside and a >= 0
        if a * b < 0 and c * d < 0 and a * c < 0:
            return 0.0  # they cross
        least = min(
            least,
            angle_to_edge(v, sub_edge.pa, sub_edge.pb, normal),
            angle_to_edge(sub_edge.pa, v, w, n),
            angle_to_edge(sub_edge.pb, v, w, n),
        )
    return 0.0 if inside else least


class BufferedShape(Shape):
    """A planar shape, a polygon, a polyline or a collection with a margin of `radius` radians."""

    def __init__(self, shape: Any, radius: float) -> None:
        self.shape, self.radius = shape, radius
        if isinstance(shape, flat.PlanarShape):
            edges = shape.region().edges
            self.sub_edges = [self._planar_sub_edge(a, b) for a, b in edges.sub_edges]

            def encloses(p: Vector) -> bool:
                return edges.encloses(*(float(f(np.array(p))) * (180 / math.pi) for f in (point_lat, point_lng)))
        else:
            self.sub_edges = [SubEdge(None, None, a, b, 0.0) for a, b in shape.edges()]

            def encloses(p: Vector) -> bool:
                return bool(shape.contains_points(np.array([p]))[0])

        self._encloses = lru_cache(maxsize=1 << 12)(encloses)

    def area(self) -> float:
        """The shape's, and a band along all edges."""
        length = in_order(angle_between(edge.pa, edge.pb) + 2 * edge.deviation for edge in self.sub_edges)
        band = 2 * math.sin(self.radius) * length
        ends = 2 * PI * (1 - math.cos(self.radius)) * self.shape.n_chains
        return min(self.shape.area() + band + ends, 4 * PI)

    @staticmethod
    def _planar_sub_edge(a: UV, b: UV) -> SubEdge:
        pa, pb = flat._point(a), flat._point(b)
        return SubEdge(a, b, pa, pb, flat.deviation(a, b, pa[2], pb[2]))

    def contains_point(self, x: Vector) -> bool:
        """Whether the point is within the distance, or enclosed."""
        return self._encloses(x) or any(self._comes_near(sub_edge, x) for sub_edge in self.sub_edges)

    def _comes_near(self, sub_edge: SubEdge, x: Vector) -> bool:
        apart = angle_to_edge(x, sub_edge.pa, sub_edge.pb, edge_normal(sub_edge.pa, sub_edge.pb))
        if apart > self.radius + sub_edge.deviation:
            return False
        if apart <= self.radius - sub_edge.deviation or sub_edge.deviation <= flat.TOLERANCE:
            return True
        return any(self._comes_near(half, x) for half in sub_edge.halves())

    def contains_points(self, points: FloatArray) -> BoolArray:
        return np.array([self.contains_point(tuple(p)) for p in points.tolist()], bool)

    def region(self, interior: bool = False) -> _Cells:
        return _Cells(self)


class _Cells(OneByOne):
    """The region as a covering queries it."""

    def __init__(self, region: BufferedShape) -> None:
        self.region = region
        self._near: dict[int, list[SubEdge]] = {}  # sub-edges that come near a cell, of the cells that were queried
        super().__init__()

    def cell_union_bound(self) -> CellArray:
        """A cap around the edges contains what is near them, and what the rings enclose unless that is the far side."""
        sub_edges, encloses = self.region.sub_edges, self.region._encloses
        if not sub_edges and not encloses(_center_of_first_child(1 << 60)):
            return np.empty(0, np.uint64)
        total: Vector = (0.0, 0.0, 0.0)
        for sub_edge in sub_edges:
            total = tuple(t + (a + b) for t, a, b in zip(total, sub_edge.pa, sub_edge.pb))
        center = normalize(total) if dot(total, total) > 0 else (1.0, 0.0, 0.0)
        reach = 0.0
        for p in sub_edges:
            ends = max(angle_between(center, p.pa), angle_between(center, p.pb))
            reach = max(reach, ends + p.deviation + angle_between(p.pa, p.pb))
        reach += self.region.radius + SLACK
        # A point about a degree from the antipode: whether a planar ring encloses a pole is not well defined.
        beyond = normalize((0.0123 - center[0], 0.0077 - center[1], -0.0111 - center[2]))
        everything = not sub_edges or reach >= 1.4 or encloses(beyond)
        radius2 = 4.0 if everything else angle_to_chord2(reach * (1 + 1e-9))
        return Cap(np.array(center), radius2).cell_union_bound()

    def _query(self, cell: int) -> tuple[bool, bool]:
        """Whether the region intersects the cell, and whether it contains it."""
        level, shape = level_of(cell), CellShape(cell)
        above = self._near.get(parent(cell, level - 1)) if level > 0 else None
        near, touches = [], False
        for sub_edge in self.region.sub_edges if above is None else above:
            relation, touching = self._relation(sub_edge, shape)
            touches |= touching
            if relation == CELL_WITHIN:
                return True, True
            if relation == NEAR:
                near.append(sub_edge)
        inside = not touches and self.region._encloses(_center_of_first_child(cell) if level == 0 else shape.center)
        if near and not inside:
            self._near[cell] = near
            return True, False
        return inside, inside

    def _relation(self, sub_edge: SubEdge, shape: CellShape) -> tuple[int, bool]:
        """How near a sub-edge comes to a cell, and whether it intersects the cell itself, or nearly does."""
        radius, d = self.region.radius, sub_edge.deviation
        normal = edge_normal(sub_edge.pa, sub_edge.pb)
        center = angle_to_edge(shape.center, sub_edge.pa, sub_edge.pb, normal)
        if center - shape.radius > radius + d + SLACK:
            return FAR, False
        if center + shape.radius <= radius - d - SLACK:
            return CELL_WITHIN, False
        apart = angle_to_cell(sub_edge, shape, normal)
        if apart > radius + d + SLACK:
            return FAR, False
        may_touch = apart <= d + SLACK
        if d <= flat.TOLERANCE or (apart <= radius - d and not may_touch):
            return NEAR, may_touch
        first, second = sub_edge.halves()
        one, touches = self._relation(first, shape)
        if one == CELL_WITHIN:
            return one, touches
        two, also = self._relation(second, shape)
        return max(one, two), touches or also


def _center_of_first_child(cell: int) -> Vector:
    """The center of a face's first child: that of the face may be a pole or lie on 180, where the plane is cut open."""
    square = PaddedCell.of(cell).child(0)
    return tuple(cell_to_point(np.array([square.cell], np.uint64))[0].tolist())
