"""Polygons and polylines whose edges are geodesics: orientation, area, membership, and the tests that a covering needs.

A ring divides the sphere in two, so that first of all it must be decided which side is meant. From then on every ring
has the interior on its left: shells run counter-clockwise and holes clockwise, as in Google's S2Polygon, because the
direction of an edge influences the last bits of its tests.

`PolygonShape` is the reference of the native class of that name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from .._math.intervals import PI, LatInterval, LngInterval
from .._math.projection import latlng_to_point, point_lat, point_lng, radians_to_degrees
from .._typing import AnyArray, BoolArray, CellArray, FloatArray
from . import predicates as p3
from .conversion import point_to_cell
from .edge_clipping import TEST_MARGIN, UV, Bounds, segment_intersects
from .padded_cell import PaddedCell, parent, range_max, range_min
from .predicates import EPSILON, Vector, corner_contains_vertex, crossed_oddly, turn
from .regions import HALF_PI, CellUV, OneByOne, Rect, cell_uv_vertices
from .shape import Shape, in_order
from .shape_index import START_OF_CURVE, ShapeIndex

FAULTS = (
    "none",
    "few vertices",
    "opposite neighbors",
    "crosses itself",
    "touches itself",
    "repeats edge",
    "crosses ring",
    "shares edge",
    "wrong nesting",
)

# The point from which Google counts crossings.
ORIGIN = (-0.0099994664350250197, 0.0025924542609324121, 0.99994664350250195)


def points_of(lat: FloatArray, lng: FloatArray) -> list[Vector]:
    return [tuple(p) for p in latlng_to_point(lat, lng).tolist()]


def edges_of(ring: list[Vector]) -> list[tuple[Vector, Vector]]:
    return list(zip(ring, ring[1:] + ring[:1]))


def corners_of(ring: list[Vector]) -> Iterator[tuple[Vector, Vector, Vector]]:
    """Each vertex between its neighbors."""
    return zip(ring[-1:] + ring[:-1], ring, ring[1:] + ring[:1])


def compensated_sum(values: Iterable[float]) -> float:
    """Compensated summation: keeps the rounding errors of all additions (Neumaier)."""
    total = lost = 0.0
    for x in values:
        after = total + x
        lost += (total - after) + x if abs(total) >= abs(x) else (x - after) + total
        total = after
    return total + lost


def turn_angle(a: Vector, b: Vector, c: Vector) -> float:
    """The change of direction at b, counter-clockwise positive, in -pi..pi."""
    before, after = p3.robust_cross(a, b), p3.robust_cross(b, c)
    both = p3.cross(before, after)
    angle = math.atan2(math.sqrt(p3.dot(both, both)), p3.dot(before, after))
    return angle if turn(a, b, c) > 0 else -angle


def triangle_area(a: Vector, b: Vector, c: Vector) -> float:
    """Signed solid angle of a triangle whose b and c lie within a right angle of a."""
    volume = p3.dot(a, p3.cross(p3.minus(b, a), p3.minus(c, a)))
    return 2 * math.atan2(volume, 1 + p3.dot(a, b) + p3.dot(b, c) + p3.dot(c, a))


def ring_curvature(ring: list[Vector]) -> float:
    """2 pi minus the area on the ring's left: the sum of all turns."""
    total = compensated_sum(turn_angle(a, b, c) for a, b, c in corners_of(ring))
    return min(max(total, -2 * PI), 2 * PI)


def ring_is_local(ring: list[Vector]) -> bool:
    """Whether all vertices are well within a right angle of the first: then so are all edges, and so is the ring's
    smaller side.
    """
    return all(p3.dot(ring[0], p) > 0.5 for p in ring)


def ring_left_contains(ring: list[Vector], p: Vector) -> bool:
    """Whether the side on the ring's left contains p. Exact; vertices are semi-open."""
    inside = corner_contains_vertex(ring[-1], ring[0], ring[1])
    return inside if ring[0] == p else inside != crossed_oddly(ring[0], p, edges_of(ring))


def ring_left_is_smaller(ring: list[Vector]) -> bool:
    """Whether the ring's left is its smaller side. If both sides are equal up to rounding errors, the one without
    `ORIGIN` counts as the smaller one, so that the answer does not depend on the ring's direction.
    """
    if ring_is_local(ring):
        # A point almost opposite to the first vertex, but not quite, so that no edge of the test has antipodal ends.
        aside = p3.reference_direction(ring[0])
        far = tuple(0.25 * a - x for a, x in zip(aside, ring[0]))
        return not ring_left_contains(ring, p3.normalize(far))
    curvature = ring_curvature(ring)
    if abs(curvature) <= 11.25 * EPSILON * len(ring):
        return not ring_left_contains(ring, ORIGIN)
    return curvature > 0


def ring_area(ring: list[Vector], left_is_smaller: bool, hole: bool) -> float:
    """Solid angle on the ring's left; for a hole, minus what is on its right, so that small holes keep their digits."""
    if not ring_is_local(ring):
        return (-2 if hole else 2) * PI - ring_curvature(ring)
    total = compensated_sum(triangle_area(ring[0], b, c) for b, c in pairwise(ring[1:]))
    if left_is_smaller:
        return max(0.0, total) - (4 * PI if hole else 0)
    return min(0.0, total) + (0 if hole else 4 * PI)


class PolygonShape(Shape):
    """Concatenated rings in degrees; `shell_of[k]` is the number of the ring of which ring k is a hole, or k."""

    def __init__(self, lat: FloatArray, lng: FloatArray, offsets: AnyArray, shell_of: AnyArray, oriented: bool) -> None:
        points = points_of(lat, lng)
        self.rings = [self._different(points[a:b]) for a, b in pairwise(offsets.tolist())]
        self._shell_of = shell_of.tolist()
        self._fault = next(filter(None, map(self._vertex_fault, range(len(self.rings)))), None)
        if self._fault is not None:
            return
        given = [edge for ring in self.rings for edge in edges_of(ring)]
        start_inside, areas = False, []
        numbers: list[int] = []  # of the edges, as given
        for k, shell in enumerate(self._shell_of):
            ring, hole = self.rings[k], shell != k
            smaller = ring_left_is_smaller(ring)
            keep = ring_left_contains(ring, self._vertex_not_in(shell, k)) if hole else oriented or smaller
            order = np.arange(len(ring)) + len(numbers)
            if not keep:
                ring, smaller = ring[::-1], not smaller
                self.rings[k] = ring
                order = np.concatenate((order[-2::-1], order[-1:]))
            numbers += order.tolist()
            start_inside ^= ring_left_contains(ring, START_OF_CURVE) != hole
            areas.append(ring_area(ring, smaller, hole))
        self._area = min(max(compensated_sum(areas), 0.0), 4 * PI)
        self.index = ShapeIndex([edge for ring in self.rings for edge in edges_of(ring)], start_inside)
        self._ring_of = [k for k, ring in enumerate(self.rings) for _ in ring]
        self._given, self._numbers = given, numbers

    @staticmethod
    def _different(points: list[Vector]) -> list[Vector]:
        """Vertices without closing and repeated ones."""
        kept = [p for k, p in enumerate(points) if k == 0 or p != points[k - 1]]
        while len(kept) > 1 and kept[-1] == kept[0]:
            kept.pop()
        return kept

    def _vertex_fault(self, k: int) -> tuple[str, int, int, Vector] | None:
        ring = self.rings[k]
        if len(ring) < 3:
            return "few vertices", k, k, (0.0, 0.0, 0.0)
        opposite = next((a for a, b in edges_of(ring) if a == p3.negative(b)), None)
        return opposite and ("opposite neighbors", k, k, opposite)

    def _vertex_not_in(self, shell: int, k: int) -> Vector:
        others = set(self.rings[k])
        return next((p for p in self.rings[shell] if p not in others), self.rings[shell][0])

    def find_fault(self) -> tuple[str, int, int, float, float]:
        """The name of the fault ("none" if there is none), ring, other ring, latitude and longitude in degrees."""
        found = self._fault or self._crossing() or self._wrong_nesting()
        fault, ring, other, where = found or ("none", 0, 0, (0.0, 0.0, 0.0))
        lat, lng = (float(radians_to_degrees(f(np.array(where)))) for f in (point_lat, point_lng))
        return fault, ring, other, lat, lng

    def _crossing(self) -> tuple[str, int, int, Vector] | None:
        """The first of the faults between two edges, in the order of the vertices as given."""
        found = {}
        for cell in self.index.cells:
            for e, f in combinations(cell.edges, 2):
                sign = p3.crossing(*e.edge, *f.edge)
                first, second = sorted((self._numbers[e.number], self._numbers[f.number]))
                fault = self._pair_fault(first, second, sign) if sign >= 0 else None
                if fault:
                    found[first, second] = fault
        return found[min(found)] if found else None

    def _pair_fault(self, e: int, f: int, sign: int) -> tuple[str, int, int, Vector] | None:
        """The fault of two edges, as given, that cross or share a vertex, if it is one."""
        r, s = self._ring_of[e], self._ring_of[f]
        (a, b), (c, d) = self._given[e], self._given[f]
        if sign > 0:
            return "crosses itself" if r == s else "crosses ring", r, s, a
        if {a, b} == {c, d}:
            return "repeats edge" if r == s else "shares edge", r, s, a
        n = len(self.rings[r])
        if r == s and (e - f) % n not in (1, n - 1):
            return "touches itself", r, s, a if a in (c, d) else b
        return None

    def _wrong_nesting(self) -> tuple[str, int, int, Vector] | None:
        """Each ring must have the interior on its left: if not, a hole is outside its shell, or a shell in another."""
        if len(self.rings) == 1:
            return None
        count: dict[Vector, int] = {}
        for ring in self.rings:
            for p in ring:
                count[p] = count.get(p, 0) + 1
        for k, ring in enumerate(self.rings):
            corner = next((corner for corner in corners_of(ring) if count[corner[1]] == 1), None)
            if corner and self._contains(corner[1]) != corner_contains_vertex(*corner):
                return "wrong nesting", k, k, corner[1]
        return None

    def _contains(self, p: Vector) -> bool:
        leaf = int(point_to_cell(np.array([p]), np.array([30]))[0])
        return self.index.contains(p, leaf)

    def area(self) -> float:
        return self._area

    @property
    def n_chains(self) -> int:
        return len(self.rings)

    def edges(self) -> list[tuple[Vector, Vector]]:
        """Pairs of points."""
        return [edge for ring in self.rings for edge in edges_of(ring)]

    def contains_points(self, points: FloatArray) -> BoolArray:
        """Whether each point lies in the polygon."""
        return np.array([self._contains(tuple(p)) for p in points.tolist()], bool)

    def region(self, interior: bool = False) -> PolygonRegion:
        """The polygon as the region of one covering."""
        return PolygonRegion(self.index)


class PolygonRegion(OneByOne):
    """A polygon as the region of a covering. Its answers are those of Google's S2ShapeIndexRegion."""

    def __init__(self, index: ShapeIndex) -> None:
        self.index = index
        super().__init__()

    def _query(self, cell: int) -> tuple[bool, bool]:
        """Whether the polygon intersects the cell, and whether it contains it."""
        at = self.index.first_ending_from(range_min(cell))
        if at == len(self.index.cells) or range_min(self.index.cells[at].cell) > range_max(cell):
            return False, False
        found = self.index.cells[at]
        if found.cell == cell:
            return True, not found.edges and found.center_inside
        if range_min(found.cell) > range_min(cell) or range_max(found.cell) < range_max(cell):
            return True, False  # it is subdivided further
        square = PaddedCell.of(cell)
        rect = square.bounds(TEST_MARGIN)
        if any(e.test_ends is not None and segment_intersects(*e.test_ends, rect) for e in found.edges):
            return True, False
        edges = [e.edge for e in found.edges]
        inside = found.center_inside != crossed_oddly(found.square.center, square.center, edges)
        return inside, inside

    def cell_union_bound(self) -> CellArray:
        """For each face that has cells of the index, the smallest cell that holds them all; if there is only one face,
        the same for each child of that cell.
        """
        cells = [cell.cell for cell in self.index.cells]
        groups = [cells]
        if len(cells) > 1:
            ancestor = _common_ancestor(cells[0], cells[-1])
            level = 0 if ancestor == 0 else PaddedCell.of(ancestor).level + 1
            by_parent: dict[int, list[int]] = {}
            for cell in cells:
                by_parent.setdefault(parent(cell, level), []).append(cell)
            groups = list(by_parent.values())
        bound = [g[0] if g[0] == g[-1] else _common_ancestor(g[0], g[-1]) for g in groups if g]
        return np.array(bound, np.uint64)


def _common_ancestor(a: int, b: int) -> int:
    """Finest cell that contains both; 0 if they lie on different faces."""
    for level in range(min(PaddedCell.of(a).level, PaddedCell.of(b).level), -1, -1):
        if parent(a, level) == parent(b, level):
            return parent(a, level)
    return 0


# --- polylines --------------------------------------------------------------------------------------------------------


def _united(x: LngInterval, y: LngInterval) -> LngInterval:
    """The shortest interval of longitudes that holds both."""

    def holds(interval: LngInterval, p: float) -> bool:
        if interval.lo > interval.hi:
            return (p >= interval.lo or p <= interval.hi) and not interval.is_empty
        return interval.lo <= p <= interval.hi

    def distance(a: float, b: float) -> float:
        return b - a if b - a >= 0 else (b + PI) - (a - PI)

    if y.is_empty:
        return x
    if holds(x, y.lo):
        if holds(x, y.hi):
            return x if x.contains(y) else LngInterval(-PI, PI)
        return LngInterval(x.lo, y.hi)
    if holds(x, y.hi):
        return LngInterval(y.lo, x.hi)
    if x.is_empty or holds(y, x.lo):
        return y
    return LngInterval(y.lo, x.hi) if distance(y.hi, x.lo) < distance(x.hi, y.lo) else LngInterval(x.lo, y.hi)


def chain_bounds(points: list[Vector]) -> Rect:
    """Bounds of a chain of geodesics, with margins for rounding errors: those of Google's S2LatLngRectBounder."""
    lats, lngs = (f(np.array(points)).tolist() for f in (point_lat, point_lng))
    lng = PI if lngs[0] == -PI else lngs[0]
    bound_lat, bound_lng = (lats[0], lats[0]), LngInterval(lng, lng)
    for k, (a, b) in enumerate(pairwise(points)):
        normal = p3.cross(p3.minus(a, b), p3.plus(a, b))
        size = math.sqrt(p3.dot(normal, normal))
        lo, hi = sorted(lats[k : k + 2])
        lng = LngInterval(*map(float, LngInterval.between(*lngs[k : k + 2])))
        if size < 1.91346e-15:  # the ends are nearly equal or nearly opposite
            if p3.dot(a, b) < 0:
                bound_lat, bound_lng = (-HALF_PI, HALF_PI), LngInterval(-PI, PI)
                continue
        else:
            if float(lng.length) >= PI - 2 * EPSILON:
                lng = LngInterval(-PI, PI)
            lo, hi = _latitudes(a, b, normal, size, lo, hi)
        bound_lat = min(bound_lat[0], lo), max(bound_lat[1], hi)
        bound_lng = _united(bound_lng, lng)
    lat = LatInterval(max(bound_lat[0] - 2 * EPSILON, -HALF_PI), min(bound_lat[1] + 2 * EPSILON, HALF_PI))
    lng = LngInterval(*map(float, bound_lng.expanded(0)))
    return Rect(lat, LngInterval(-PI, PI) if lat.lo == -HALF_PI or lat.hi == HALF_PI else lng)


def _latitudes(a: Vector, b: Vector, normal: Vector, size: float, lo: float, hi: float) -> UV:
    """Latitudes of an edge: its great circle may reach beyond its ends on the plane through normal and axis."""
    m = p3.cross(normal, (0.0, 0.0, 1.0))  # a normal of that plane
    m_a, m_b = p3.dot(m, a), p3.dot(m, b)
    error = 6.06638e-16 * size + 6.83174e-31
    if not (m_a * m_b < 0 or abs(m_a) <= error or abs(m_b) <= error):
        return lo, hi
    across = math.sqrt(normal[0] * normal[0] + normal[1] * normal[1])
    max_lat = min(math.atan2(across, abs(normal[2])) + 3 * EPSILON, HALF_PI)
    d = p3.minus(a, b)
    reach = 2 * math.asin(min((1 + 4 * EPSILON) * (0.5 * math.sqrt(p3.dot(d, d)) * math.sin(max_lat)), 1.0))
    beyond = 0.5 * (reach - (hi - lo)) + EPSILON
    highest = min(max_lat, hi + beyond) if m_a <= error and m_b >= -error else hi
    lowest = max(-max_lat, lo - beyond) if m_b <= error and m_a >= -error else lo
    return lowest, highest


class PolylineRegion:
    """A polyline as the region of a covering: a cell intersects it if it contains a vertex, with a margin for rounding
    errors, or if an edge of one crosses an edge of the other. No cell is contained in it.
    """

    def __init__(self, points: list[Vector]) -> None:
        self.points = points

    def contains(self, c: CellUV) -> BoolArray:
        return np.zeros(len(c.cell), bool)

    def may_intersect(self, c: CellUV) -> BoolArray:
        vertices = cell_uv_vertices(c).tolist()
        return np.array([self._intersects(cell, corners) for cell, corners in zip(c.cell.tolist(), vertices)], bool)

    def _intersects(self, cell: int, corners: list[list[float]]) -> bool:
        square = PaddedCell.of(cell)
        rect = square.bounds((5 / 3.0) * EPSILON)
        if any(self._holds(square.face, rect, p) for p in self.points):
            return True
        edges = edges_of([tuple(p) for p in corners])
        return any(p3.crossing(*side, *edge) >= 0 for side in edges for edge in pairwise(self.points))

    @staticmethod
    def _holds(face: int, rect: Bounds, p: Vector) -> bool:
        component = p[face % 3]
        if component <= 0 if face < 3 else component >= 0:
            return False
        x, y, z = p
        u, v = ((y, z), (-x, z), (-x, -y), (z, y), (z, -x), (-y, -x))[face]
        u, v = u / component, v / component
        return rect[0][0] <= u <= rect[0][1] and rect[1][0] <= v <= rect[1][1]

    def cell_union_bound(self) -> CellArray:
        return chain_bounds(self.points).cell_union_bound()


class PolylineShape(Shape):
    """A chain of geodesics between vertices in degrees; one vertex is a point."""

    def __init__(self, lat: FloatArray, lng: FloatArray) -> None:
        self.points = points_of(lat, lng)

    n_chains = 1

    def edges(self) -> list[tuple[Vector, Vector]]:
        return list(pairwise(self.points if len(self.points) > 1 else self.points * 2))

    def area(self) -> float:
        return 0.0

    def contains_points(self, points: FloatArray) -> BoolArray:
        return np.zeros(len(points), bool)

    def region(self, interior: bool = False) -> PolylineRegion:
        return PolylineRegion(self.points)

    @property
    def has_interior(self) -> bool:
        return False


class CollectionRegion:
    """Several regions as one region of a covering."""

    def __init__(self, regions: list[Any]) -> None:
        self.regions = regions

    def contains(self, c: CellUV) -> BoolArray:
        return np.any([np.zeros(len(c.cell), bool), *(region.contains(c) for region in self.regions)], axis=0)

    def may_intersect(self, c: CellUV) -> BoolArray:
        return np.any([np.zeros(len(c.cell), bool), *(region.may_intersect(c) for region in self.regions)], axis=0)

    def cell_union_bound(self) -> CellArray:
        return np.concatenate([np.empty(0, np.uint64), *(region.cell_union_bound() for region in self.regions)])


class CollectionShape(Shape):
    """Polygons and polylines together."""

    def __init__(self, shapes: list[Any]) -> None:
        self.shapes = shapes

    @property
    def n_chains(self) -> int:
        return sum(shape.n_chains for shape in self.shapes)

    def edges(self) -> list[tuple[Vector, Vector]]:
        return [edge for shape in self.shapes for edge in shape.edges()]

    def area(self) -> float:
        return in_order(shape.area() for shape in self.shapes)

    def contains_points(self, points: FloatArray) -> BoolArray:
        return np.any([np.zeros(len(points), bool), *(shape.contains_points(points) for shape in self.shapes)], axis=0)

    def region(self, interior: bool = False) -> CollectionRegion:
        return CollectionRegion([shape.region() for shape in self.shapes])
