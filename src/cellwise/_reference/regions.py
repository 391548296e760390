"""Latitude-longitude rectangles, caps and cell unions, in radians, with the tests that a covering needs.

A region answers three questions. `contains(c)` and `may_intersect(c)` take the (u, v) bounds of many cells and repeat
Google's padded tests, release 0.14, operation for operation, because a covering is only equal to Google's if they are.
`cell_union_bound()` gives a few cells that contain the region, where a covering starts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._math.angles import angle_to_chord2, chord2, chord2_to_angle, level_for_min_width
from .._math.intervals import EPSILON, PI, LatInterval, LngInterval
from .._math.projection import (
    MAX_LEVEL,
    cross,
    dot,
    face_uv_to_xyz,
    ij_to_st_min,
    normalize,
    point_lat,
    point_lng,
    radians_to_point,
    st_to_uv,
    xyz_to_given_face_uv,
)
from .._typing import BoolArray, CellArray, FloatArray, Int64Array
from .adjacency import cell_vertex_neighbors
from .conversion import cell_to_point, point_to_cell
from .hierarchy import cell_contains, cell_intersects, cell_level, cell_range_max, cell_range_min, level_bit, level_size
from .hilbert import cell_to_face_ij

HALF_PI = PI / 2


class CellUV(NamedTuple):
    """Bounds of cells in the (u, v) planes of their faces; u and v are pairs (low, high)."""

    cell: CellArray
    face: Int64Array
    u: tuple[FloatArray, FloatArray]
    v: tuple[FloatArray, FloatArray]


def cell_uv(cell: CellArray) -> CellUV:
    face, i, j = cell_to_face_ij(cell)
    size = level_size(cell_level(cell))
    u, v = ((st_to_uv(ij_to_st_min(x & -size)), st_to_uv(ij_to_st_min((x & -size) + size))) for x in (i, j))
    return CellUV(cell, face, u, v)


def cell_uv_vertices(c: CellUV) -> FloatArray:
    """Vertices counter-clockwise from (low u, low v), (n, 4, 3)."""
    corners = ((0, 0), (1, 0), (1, 1), (0, 1))
    return np.stack([normalize(face_uv_to_xyz(c.face, c.u[a], c.v[b])) for a, b in corners], axis=1)


class OneByOne:
    """A region that is queried about one cell after the other, about each only once."""

    def __init__(self) -> None:
        self._answers: dict[int, tuple[bool, bool]] = {}

    def contains(self, c: CellUV) -> BoolArray:
        return np.array([self._answer(cell)[1] for cell in c.cell.tolist()], bool)

    def may_intersect(self, c: CellUV) -> BoolArray:
        return np.array([self._answer(cell)[0] for cell in c.cell.tolist()], bool)

    def _answer(self, cell: int) -> tuple[bool, bool]:
        if cell not in self._answers:
            self._answers[cell] = self._query(cell)
        return self._answers[cell]

    def _query(self, cell: int) -> tuple[bool, bool]:
        """Whether the region intersects the cell, and whether it contains it."""
        raise NotImplementedError


POLE_MIN_LAT = math.asin(math.sqrt(1.0 / 3)) - 0.5 * EPSILON
FACE_LAT_LO = np.array([-PI / 4, -PI / 4, POLE_MIN_LAT, -PI / 4, -PI / 4, -HALF_PI])
FACE_LAT_HI = np.array([PI / 4, PI / 4, HALF_PI, PI / 4, PI / 4, -POLE_MIN_LAT])
FACE_LNG_LO = np.array([-PI / 4, PI / 4, -PI, 3 * (PI / 4), -3 * (PI / 4), -PI])
FACE_LNG_HI = np.array([PI / 4, 3 * (PI / 4), PI, -3 * (PI / 4), -PI / 4, PI])


def cell_uv_bounds(c: CellUV) -> tuple[LatInterval, LngInterval]:
    """Bounds that hold every point of the cells, roundings included."""
    is_face = cell_level(c.cell) == 0

    # One diagonal has the extreme latitudes, the other the extreme longitudes. On the polar faces (2 and 5) the corner
    # farthest from the face's center has the lowest |latitude|; elsewhere v or -u is along the z axis.
    u_sum, v_sum = c.u[0] + c.u[1], c.v[0] + c.v[1]
    u_is_vertical, v_is_vertical = (c.face == 3) | (c.face == 4), (c.face == 0) | (c.face == 1)
    i = np.where(u_is_vertical, u_sum > 0, u_sum < 0)
    j = np.where(v_is_vertical, v_sum > 0, v_sum < 0)

    def corner(i: BoolArray, j: BoolArray) -> FloatArray:
        return face_uv_to_xyz(c.face, np.where(i, c.u[1], c.u[0]), np.where(j, c.v[1], c.v[0]))

    lat1, lat2 = point_lat(corner(i, j)), point_lat(corner(~i, ~j))
    lng1, lng2 = point_lng(corner(i, ~j)), point_lng(corner(~i, j))
    lng = LngInterval.between(lng1, lng2).expanded(2 * EPSILON)
    lat_margin = np.where(is_face, EPSILON, 2 * EPSILON)
    lat_lo = np.maximum(np.where(is_face, FACE_LAT_LO[c.face], np.minimum(lat1, lat2)) - lat_margin, -HALF_PI)
    lat_hi = np.minimum(np.where(is_face, FACE_LAT_HI[c.face], np.maximum(lat1, lat2)) + lat_margin, HALF_PI)
    at_pole = ~is_face & ((lat_lo == -HALF_PI) | (lat_hi == HALF_PI))
    lng_lo = np.where(is_face, FACE_LNG_LO[c.face], np.where(at_pole, -PI, lng.lo))
    lng_hi = np.where(is_face, FACE_LNG_HI[c.face], np.where(at_pole, PI, lng.hi))
    return LatInterval(lat_lo, lat_hi), LngInterval(lng_lo, lng_hi)


def u_normal(face: Int64Array, u: FloatArray) -> FloatArray:
    """Normals of the lines of constant u, not of unit length."""
    one, zero = np.ones_like(u), np.zeros_like(u)
    return np.stack(
        (
            np.choose(face, (u, one, one, -u, zero, zero)),
            np.choose(face, (-one, u, zero, zero, -u, -one)),
            np.choose(face, (zero, zero, u, one, one, -u)),
        ),
        axis=-1,
    )


def v_normal(face: Int64Array, v: FloatArray) -> FloatArray:
    """Normals of the lines of constant v, not of unit length."""
    one, zero = np.ones_like(v), np.zeros_like(v)
    return np.stack(
        (
            np.choose(face, (-v, zero, zero, v, one, one)),
            np.choose(face, (zero, -v, -one, -one, v, zero)),
            np.choose(face, (one, one, -v, zero, zero, v)),
        ),
        axis=-1,
    )


@dataclass(frozen=True)
class Cap:
    """All points within an angle of the center, by the squared chord: negative is empty, 4 is the full sphere."""

    center: FloatArray
    radius2: float

    def contains(self, c: CellUV) -> BoolArray:
        vertices = cell_uv_vertices(c)
        inside = (chord2(self.center, vertices) <= self.radius2).all(axis=1)
        return inside & ~self._complement()._intersects(c, vertices)

    def may_intersect(self, c: CellUV) -> BoolArray:
        vertices = cell_uv_vertices(c)
        return (chord2(self.center, vertices) <= self.radius2).any(axis=1) | self._intersects(c, vertices)

    def cell_union_bound(self) -> CellArray:
        if self.radius2 < 0:
            return np.empty(0, np.uint64)
        level = level_for_min_width(chord2_to_angle(self.radius2)) - 1
        if level < 0:
            return (np.arange(6, dtype=np.uint64) << np.uint64(61)) | level_bit(0)
        leaf = point_to_cell(self.center[None], np.array([MAX_LEVEL]))
        return cell_vertex_neighbors(leaf, np.array([level]))[0]

    def _complement(self) -> Cap:
        if self.radius2 == 4:
            return Cap(np.array([1.0, 0, 0]), -1.0)
        if self.radius2 < 0:
            return Cap(np.array([1.0, 0, 0]), 4.0)
        return Cap(-self.center, min(4.0, 4 - self.radius2))

    def _intersects(self, c: CellUV, vertices: FloatArray) -> BoolArray:
        """Whether the cap meets the cells anywhere but at their vertices."""
        n = len(c.cell)
        if self.radius2 >= 2 or self.radius2 < 0:  # from a hemisphere on: no vertex inside, no point inside
            return np.zeros(n, bool)
        meets = self._center_within(c)
        open_ = ~meets  # still undecided
        sin2 = self.radius2 * (1 - 0.25 * self.radius2)
        edges = (
            v_normal(c.face, c.v[0]),
            u_normal(c.face, c.u[1]),
            -v_normal(c.face, c.v[1]),
            -u_normal(c.face, c.u[0]),
        )
        for k, edge in enumerate(edges):
            side = dot(self.center, edge)
            outer = open_ & ~(side > 0)  # else the center lies on the inner side: the opposite edge decides
            beyond = outer & (side * side > sin2 * dot(edge, edge))
            direction = cross(edge, np.broadcast_to(self.center, edge.shape))
            over = (dot(direction, vertices[:, k]) < 0) & (dot(direction, vertices[:, (k + 1) & 3]) > 0)
            meets |= outer & ~beyond & over
            open_ &= ~beyond & ~meets
        return meets

    def _center_within(self, c: CellUV) -> BoolArray:
        component = self.center[c.face % 3]
        facing = np.where(c.face < 3, component > 0, component < 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            u, v = xyz_to_given_face_uv(c.face, np.broadcast_to(self.center, (len(c.face), 3)))
        margin = (5 / 3.0) * EPSILON
        inside_u = (c.u[0] - margin <= u) & (u <= c.u[1] + margin)
        return facing & inside_u & (c.v[0] - margin <= v) & (v <= c.v[1] + margin)


@dataclass(frozen=True)
class Rect:
    """Latitudes and longitudes between two bounds each."""

    lat: LatInterval
    lng: LngInterval

    def contains(self, c: CellUV) -> BoolArray:
        lat, lng = cell_uv_bounds(c)
        return self.lat.contains(lat) & self.lng.contains(lng)

    def may_intersect(self, c: CellUV) -> BoolArray:
        lat, lng = cell_uv_bounds(c)
        return self.lat.intersects(lat) & self.lng.intersects(lng)

    def cap_bound(self) -> Cap:
        """The smaller of a cap round the nearer pole and, up to half a turn of longitude, one round the center."""
        lat, lng = self.lat, self.lng
        if lat.lo > lat.hi:
            return Cap(np.array([1.0, 0, 0]), -1.0)
        south = lat.lo + lat.hi < 0
        pole_angle = HALF_PI + lat.hi if south else HALF_PI - lat.lo
        pole_cap = Cap(np.array([0, 0, -1.0 if south else 1.0]), angle_to_chord2((1 + 2 * EPSILON) * pole_angle))
        if lng.length <= PI:
            center = radians_to_point(0.5 * (lat.lo + lat.hi), float(lng.center))
            corners = radians_to_point(np.array([lat.lo, lat.lo, lat.hi, lat.hi]), np.array([*lng, *lng], np.float64))
            center_cap = Cap(center, float(chord2(center, corners).max(initial=0)))
            if center_cap.radius2 < pole_cap.radius2:
                return center_cap
        return pole_cap

    def cell_union_bound(self) -> CellArray:
        return self.cap_bound().cell_union_bound()


@dataclass(frozen=True)
class CellRange:
    """Sorted, disjoint cells as a region."""

    cells: CellArray

    def _candidates(self, cells: CellArray) -> CellArray:
        """The only cell of the region that can contain or meet each cell, or 0."""
        at = np.searchsorted(cell_range_max(self.cells), cell_range_min(cells))
        return np.append(self.cells, np.uint64(0))[at]

    def contains(self, c: CellUV) -> BoolArray:
        return self.contains_cells(c.cell)

    def contains_cells(self, cells: CellArray) -> BoolArray:
        found = self._candidates(cells)
        return (found != 0) & cell_contains(found, cells)

    def may_intersect(self, c: CellUV) -> BoolArray:
        found = self._candidates(c.cell)
        return (found != 0) & cell_intersects(found, c.cell)

    def cap_bound(self) -> Cap:
        """Round the centroid of the cells, weighted by their average area, wide enough for the caps of all of them."""
        if len(self.cells) == 0:
            return Cap(np.array([1.0, 0, 0]), -1.0)
        area = np.ldexp(4 * PI / 6, -2 * cell_level(self.cells))
        weighted = area[:, None] * cell_to_point(self.cells)
        centroid = np.add.accumulate(np.vstack((np.zeros(3), weighted)))[-1]
        center = normalize(centroid) if centroid.any() else np.array([1.0, 0, 0])
        c = cell_uv(self.cells)
        others = normalize(face_uv_to_xyz(c.face, 0.5 * (c.u[0] + c.u[1]), 0.5 * (c.v[0] + c.v[1])))
        radii = chord2(others[:, None], cell_uv_vertices(c)).max(axis=1)
        return Cap(center, float(_rounded_up_sum(chord2(center, others), radii).max()))

    def cell_union_bound(self) -> CellArray:
        return self.cap_bound().cell_union_bound()


def _rounded_up_sum(a2: FloatArray, b2: FloatArray) -> FloatArray:
    """Squared chord of the sum of two angles, with room for rounding."""
    x, y = a2 * (1 - 0.25 * b2), b2 * (1 - 0.25 * a2)
    total = np.where(a2 + b2 >= 4, 4.0, np.minimum(4.0, x + y + 2 * np.sqrt(x * y)))
    total = np.where(b2 == 0, a2, total)
    return np.clip(total + (2 * EPSILON + 2.02 * EPSILON) * total, 0.0, 4.0)
