"""Clipping geodesic edges to the faces of the cube, in whose (u, v) planes they are straight.

Constants and the order of operations are those of Google's s2edge_clipping, release 0.14. Everything is one value at a
time, in plain Python: points and (u, v) are tuples of floats.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from . import predicates as p3
from .predicates import EPSILON, Vector

# Errors of u or v where an edge is clipped to a face, and to a line of constant u or v; and the error of
# `segment_intersects`, as a distance.
FACE_CLIP_ERROR = 9 * math.sqrt(0.5) * EPSILON
EDGE_CLIP_ERROR = 2.25 * EPSILON
SEGMENT_INTERSECTS_ERROR = 3 * math.sqrt(2) * EPSILON
CELL_PADDING = 2 * (FACE_CLIP_ERROR + EDGE_CLIP_ERROR)
TEST_MARGIN = FACE_CLIP_ERROR + SEGMENT_INTERSECTS_ERROR

UV: TypeAlias = tuple[float, ...]
Ends: TypeAlias = tuple[UV, UV]  # of an edge
Bounds: TypeAlias = tuple[UV, ...]  # (u low, u high), (v low, v high)


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


def _line_intersects_face(n: Vector) -> bool:
    """Whether the great circle with normal n, in a face's (u, v, w), intersects the face. Exact."""
    u, v, w = map(abs, n)
    return v >= w - u and u >= w - v


def _line_crosses_opposite_edges(n: Vector) -> bool:
    u, v, w = map(abs, n)
    if abs(u - v) != w:
        return abs(u - v) >= w
    return u - w >= v if u >= v else v - w >= u


def _line_exit(n: Vector) -> UV:
    """The point of the face's boundary at which it leaves the face."""
    if _line_crosses_opposite_edges(n):
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
    """The score and the (u, v) of the clipped end b of ab. The edge misses the face if the scores of its ends add up to
    3 or more: 0 if the end is usable, 1 if the exit lies beyond b, 2 if it lies before a, 3 if there is none.
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
    if not _line_intersects_face(scaled):
        return None
    normal = p3.normalize(normal)
    a_tangent, b_tangent = p3.cross(normal, a), p3.cross(b, normal)
    a_score, a_uv = _clip_end(b, a, p3.negative(scaled), b_tangent, a_tangent, scale)
    b_score, b_uv = _clip_end(a, b, scaled, a_tangent, b_tangent, scale)
    return (a_uv, b_uv) if a_score + b_score < 3 else None


def segment_intersects(a: UV, b: UV, rect: Bounds) -> bool:
    """Whether the segment ab intersects the rectangle."""
    for axis in (0, 1):
        lo, hi = rect[axis]
        if min(a[axis], b[axis]) > hi or max(a[axis], b[axis]) < lo:
            return False
    normal = (-(b[1] - a[1]), b[0] - a[0])
    i, j = (int(x >= 0) for x in normal)
    far = normal[0] * (rect[0][i] - a[0]) + normal[1] * (rect[1][j] - a[1])
    near = normal[0] * (rect[0][1 - i] - a[0]) + normal[1] * (rect[1][1 - j] - a[1])
    return far >= 0 and near <= 0
