"""Points, lines and polygons whose edges are straight in longitude and latitude, as regions of the sphere.

On the sphere such an edge is a curve. It is divided into sub-edges, for each of which it is known how far it may
deviate from the geodesic between its ends; a sub-edge is halved only where that could change an answer. So a coarse
covering takes few sub-edges, however long the edges are. Coverings are conservative: a cell that comes within TOLERANCE
of an edge counts as intersecting it.

The deviation of a sub-edge: for (lat, lng) linear in t in 0..1, with steps of a in longitude and b in latitude, the
curve on the unit sphere has a tangential acceleration of at most A = a sin|lat| sqrt(4 b^2 + a^2 cos^2 lat). With n the
unit normal of the great circle through the ends, f(t) = n . curve(t) is 0 at both ends and
|f''| <= A + (a^2 + b^2) |f|, so that |f| <= A / (8 - a^2 - b^2).

Everything is one value at a time, in plain Python: points and (u, v) are tuples of floats, cells are ints.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._math import libm
from .._math.degrees import approximate_point
from .._math.projection import face_uv_to_xyz, point_lat, point_lng, wrap_lng
from .._typing import BoolArray, CellArray, FloatArray
from .conversion import cell_to_latlng
from .edge_clipping import UV, Bounds, point_face, project, segment_intersects, xyz_to_uvw
from .padded_cell import PaddedCell, level_of, parent
from .predicates import Vector
from .regions import OneByOne
from .shape import Shape, in_order

if TYPE_CHECKING:
    from .shapes import Chains

LINE, SHELL, HOLE = 0, 1, 2  # roles of chains; a point is a line of one vertex
TOLERANCE = 1.5e-9  # radians; sub-edges that deviate by no more count as geodesics: 1 cm
MAX_SUB_EDGE = 0.25 * 180 / math.pi  # degrees, in longitude and in latitude
ROUNDING = 2e-14  # much more than the rounding errors of u and v


def radians(degrees: Any) -> Any:
    return (math.pi / 180) * degrees


def deviation(a: UV, b: UV, z1: float, z2: float) -> float:
    """Upper bound of the deviation of a sub-edge of at most MAX_SUB_EDGE; z is the sine of a latitude."""
    d_lng, d_lat = radians(abs(b[0] - a[0])), radians(abs(b[1] - a[1]))
    low = min(abs(z1), abs(z2)) if z1 * z2 > 0 else 0.0
    top = max(abs(z1), abs(z2))
    return d_lng * top * math.sqrt(4 * d_lat * d_lat + d_lng * d_lng * (1 - low * low)) / 7.5


def sub_edges_of(a: UV, b: UV) -> list[tuple[UV, UV]]:
    """Pairs of positions."""
    n = max(1, math.ceil(max(abs(b[0] - a[0]), abs(b[1] - a[1])) / MAX_SUB_EDGE))
    steps = (k / n for k in range(1, n))
    ends = [a, *((a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])) for t in steps), b]
    return list(pairwise(ends))


class PlanarEdges:
    """The sub-edges of one geometry, and which positions its rings enclose.

    The sphere is not cut open where the plane is: two edges of rings along the same meridian, 360 degrees apart, cancel
    each other, and so do edges along a pole that encircle it.
    """

    def __init__(self, lng: FloatArray, lat: FloatArray, chains: list[tuple[int, int, int]]) -> None:
        self.sub_edges: list[tuple[UV, UV]] = []
        self.slopes: list[Any] = []
        meridians: dict[Any, Any] = {}
        at_pole = {-90.0: 0.0, 90.0: 0.0}
        for first, end, role in chains:
            vertices = list(zip(lng[first:end].tolist(), lat[first:end].tolist()))
            if role == LINE:
                for a, b in pairwise(vertices if len(vertices) > 1 else vertices * 2):
                    self.sub_edges += sub_edges_of(a, b)
                continue
            for a, b in [*pairwise(vertices), *zip(vertices[-1:], vertices)]:
                if a[0] == b[0]:
                    at = float(wrap_lng(np.float64(a[0])))
                    meridians.setdefault(180.0 if at == -180 else at, []).extend((a[1], b[1]) if a != b else ())
                    continue
                self.slopes.append((a, b) if a[0] < b[0] else (b, a))
                if a[1] == b[1] and abs(a[1]) == 90:
                    at_pole[a[1]] += abs(b[0] - a[0])
                else:
                    self.sub_edges += sub_edges_of(a, b)
        for pole, swept in at_pole.items():
            if abs(swept / 360 - round(swept / 360)) > 1e-12:
                self.sub_edges += sub_edges_of((0.0, pole), (0.0, pole))
        for at, ends in meridians.items():
            ends.sort()
            # Between the first end and the second there is an odd number of edges, then an even number, and so on.
            for lo, hi in zip(ends[::2], ends[1::2]):
                if lo < hi:
                    self.sub_edges += sub_edges_of((at, lo), (at, hi))

    def encloses(self, lat: float, lng: float) -> bool:
        """Whether the rings enclose the position, or one 360 degrees off in longitude; not for positions on an edge."""
        return any(self._encloses_unwrapped(lat, x) for x in (lng, lng - 360, lng + 360))

    def _encloses_unwrapped(self, lat: float, lng: float) -> bool:
        odd = False
        for (west, lat1), (east, lat2) in self.slopes:
            if west <= lng < east:
                odd ^= (east - west) * (lat - lat1) - (lng - west) * (lat2 - lat1) < 0
        return odd


class FaceSubEdge(NamedTuple):
    """A sub-edge on the plane of a face."""

    a: UV
    b: UV
    ua: UV
    ub: UV
    deviation: float

    @property
    def margin(self) -> float:
        """How far, in u or v, it can be from the segment between its ends: the plane of a face stretches angles up to
        three times, and a little more beyond its corners.
        """
        return 3.25 * self.deviation + ROUNDING


def _point(position: UV) -> Vector:
    return approximate_point(position[1], position[0])


def _holds(rect: Bounds, p: UV) -> bool:
    return all(lo <= x <= hi for (lo, hi), x in zip(rect, p))


def parts_in(sub_edge: FaceSubEdge, square: PaddedCell) -> Iterator[FaceSubEdge]:
    """The parts of the sub-edge that may intersect the cell."""
    if not segment_intersects(sub_edge.ua, sub_edge.ub, square.bounds(sub_edge.margin)):
        return
    rect, inner = square.bounds(-ROUNDING), square.bounds(-sub_edge.margin)
    if (
        sub_edge.deviation <= TOLERANCE
        or _holds(rect, sub_edge.ua)
        or _holds(rect, sub_edge.ub)
        or (all(lo <= hi for lo, hi in inner) and segment_intersects(sub_edge.ua, sub_edge.ub, inner))
    ):
        yield sub_edge
        return
    center = tuple(0.5 * (x + y) for x, y in zip(sub_edge.a, sub_edge.b))
    at = project(square.face, _point(center))
    yield from parts_in(FaceSubEdge(sub_edge.a, center, sub_edge.ua, at, 0.25 * sub_edge.deviation), square)
    yield from parts_in(FaceSubEdge(center, sub_edge.b, at, sub_edge.ub, 0.25 * sub_edge.deviation), square)


def parts_in_child(sub_edge: FaceSubEdge, square: PaddedCell, child: PaddedCell) -> Iterator[FaceSubEdge]:
    """Of a sub-edge that intersects a cell, the parts that may intersect one of its children."""
    one_sided = []
    for axis, (center, low, lowest) in enumerate(zip(square.center_uv, (child.i, child.j), (square.i, square.j))):
        ends = sub_edge.ua[axis], sub_edge.ub[axis]
        below, above = min(ends) - sub_edge.margin <= center, max(ends) + sub_edge.margin >= center
        if not (above if low > lowest else below):
            return
        one_sided.append(below != above)
    if all(one_sided):  # it intersects the cell, and no other child of it
        yield sub_edge
    else:
        yield from parts_in(sub_edge, child)


class PlanarRegion(OneByOne):
    """Planar edges as the region of one covering: a cell is compared with the sub-edges that intersect its parent."""

    def __init__(self, edges: PlanarEdges) -> None:
        self.edges = edges
        faces = [PaddedCell.of_face(face) for face in range(6)]
        self._faces: list[list[FaceSubEdge]] = [[] for _ in faces]
        self._sub_edges: dict[int, list[FaceSubEdge]] = {}  # that intersect a cell, of the cells that were queried
        for start, end in edges.sub_edges:
            a, b = _point(start), _point(end)
            deviates = deviation(start, end, a[2], b[2])
            face = point_face(a)
            if face == point_face(b):
                whole = FaceSubEdge(start, end, project(face, a), project(face, b), deviates)
                if max(map(abs, (*whole.ua, *whole.ub))) <= 1 - whole.margin:
                    self._faces[face].append(whole)
                    continue
            # Sub-edges are short: one with an end more than about 78 degrees from a face's center does not reach it.
            for square in faces:
                if xyz_to_uvw(square.face, a)[2] < 0.2 or xyz_to_uvw(square.face, b)[2] < 0.2:
                    continue
                ends = project(square.face, a), project(square.face, b)
                whole = FaceSubEdge(start, end, *ends, deviates)
                self._faces[square.face] += parts_in(whole, square)
        super().__init__()

    def cell_union_bound(self) -> CellArray:
        """For each face that the edges intersect, the smallest cell that contains what is there."""
        bound = []
        for face in range(6):
            square = PaddedCell.of_face(face)
            sub_edges = self._faces[face]
            if not sub_edges:
                bound += [square.cell] if self._encloses_center(square.cell) else []
                continue
            rect = tuple(
                (
                    min(min(p.ua[k] - p.margin, p.ub[k] - p.margin) for p in sub_edges),
                    max(max(p.ua[k] + p.margin, p.ub[k] + p.margin) for p in sub_edges),
                )
                for k in (0, 1)
            )
            # Outside of the bound all is inside or none, as a corner of the face is.
            corners = [(u, v) for u in (-1.0, 1.0) for v in (-1.0, 1.0) if not _holds(rect, (u, v))]
            points = [face_uv_to_xyz(np.int64(face), np.float64(u), np.float64(v)) for u, v in corners]
            corner_inside = any(
                self.edges.encloses(*(float(f(p)) * (180 / math.pi) for f in (point_lat, point_lng))) for p in points
            )
            bound.append(square.cell if corner_inside else square.shrunk_to(rect).cell)
        return np.array(bound, np.uint64)

    def _query(self, cell: int) -> tuple[bool, bool]:
        """Whether the shape intersects the cell, and whether it contains it."""
        level, square = level_of(cell), PaddedCell.of(cell)
        above = parent(cell, level - 1) if level > 0 else 0
        if above in self._sub_edges:
            found = [part for p in self._sub_edges[above] for part in parts_in_child(p, PaddedCell.of(above), square)]
        else:  # where a covering starts
            found = [part for p in self._faces[square.face] for part in parts_in(p, square)]
        if found:
            self._sub_edges[cell] = found
            return True, False
        inside = self._encloses_center(cell)
        return inside, inside

    def _encloses_center(self, cell: int) -> bool:
        """Of a cell that no sub-edge intersects. The center of a face may be a pole or lie on 180, where the plane is
        cut.
        """
        square = PaddedCell.of(cell)
        inner = square.child(0).cell if square.level == 0 else cell
        return self.edges.encloses(*(float(x) for x in cell_to_latlng(np.uint64(inner))))


class PlanarShape(Shape):
    """Points, lines and polygons of one row of chains, with edges straight in longitude and latitude."""

    def __init__(self, chains: Chains) -> None:
        self._chains = chains

    @property
    def n_chains(self) -> int:
        return len(self._chains.roles)

    def area(self) -> float:
        """Between an edge and the equator lies the integral of sin(lat) over longitude; rings add that up."""
        total = 0.0
        for first, end, role in _chains_of(self._chains):
            if role == LINE:
                continue
            lat, lng = radians(self._chains.lat[first:end]), radians(self._chains.lng[first:end])
            lat2, lng2 = np.roll(lat, -1), np.roll(lng, -1)
            half = 0.5 * (lat2 - lat)
            ratio = np.divide(libm.sin(half), half, out=np.ones_like(half), where=half != 0)
            swept = abs(in_order(((lng2 - lng) * libm.sin(0.5 * (lat + lat2)) * ratio).tolist()))
            total += swept if role == SHELL else -swept
        return max(total, 0.0)

    def contains(self, lat: FloatArray, lng: FloatArray, out: BoolArray) -> None:
        """Write whether each position, or one whole turns from it, lies in the geometry; its boundary belongs to it."""
        out[...] = False
        if len(self._chains.xy) == 0:
            return
        west, south = self._chains.xy.min(axis=0)
        east, north = self._chains.xy.max(axis=0)
        for turns in range(-2, 3):
            x = lng + 360.0 * turns
            near = ~out & (x >= west) & (x <= east) & (lat >= south) & (lat <= north)
            out[near] = self._contains_here(x[near], lat[near])
        for pole in (-90.0, 90.0):  # one place with every longitude
            out |= (lat == pole) & (south <= pole <= north)

    def _contains_here(self, x: FloatArray, y: FloatArray) -> BoolArray:
        odd, on_edge = np.zeros(len(x), bool), np.zeros(len(x), bool)
        for first, end, role in _chains_of(self._chains):
            vertices = [tuple(v) for v in self._chains.xy[first:end].tolist()]
            if role != LINE or len(vertices) == 1:
                vertices.append(vertices[0])
            for a, b in pairwise(vertices):
                (x1, y1), (x2, y2) = a, b
                beside = (x >= min(x1, x2)) & (x <= max(x1, x2)) & (y >= min(y1, y2)) & (y <= max(y1, y2))
                across = ((y1 <= y) != (y2 <= y)) & (x <= max(x1, x2)) if role != LINE else np.zeros(len(x), bool)
                look = np.flatnonzero(beside | across)
                side = turn(a, b, x[look], y[look])
                on_edge[look] |= (side == 0) & beside[look]
                odd[look] ^= across[look] & ((side > 0) == (y1 < y2))
        return odd | on_edge

    def region(self, interior: bool = False) -> PlanarRegion:
        chains = self._chains
        keep = [(first, end, role) for first, end, role in _chains_of(chains) if not interior or role != LINE]
        return PlanarRegion(PlanarEdges(chains.lng, chains.lat, keep))


def _chains_of(chains: Chains) -> list[tuple[int, int, int]]:
    """First vertex, end and role of each chain."""
    offsets = chains.offsets.tolist()
    return list(zip(offsets, offsets[1:], chains.roles.tolist()))


def turn(a: UV, b: UV, x: FloatArray, y: FloatArray) -> FloatArray:
    """Sign of the turn from a by b to each point (x, y): 1 to the left, 0 straight on, -1 to the right. Exact."""
    left, right = (b[0] - a[0]) * (y - a[1]), (x - a[0]) * (b[1] - a[1])
    sign = np.sign(left - right)
    for k in np.flatnonzero(np.abs(left - right) <= 4e-16 * (np.abs(left) + np.abs(right))):
        (x1, y1), (x2, y2), (x3, y3) = (tuple(map(Fraction, p)) for p in (a, b, (float(x[k]), float(y[k]))))
        exact = (x2 - x1) * (y3 - y1) - (x3 - x1) * (y2 - y1)
        sign[k] = (exact > 0) - (exact < 0)
    return sign
