"""Which side: exact answers about points and geodesic edges.

Points are tuples of three floats, taken as the exact numbers that they are. A determinant is computed in floats first,
with a bound on its error; where its sign stays in doubt, in fractions. Where it is exactly zero, Google's symbolic
perturbation decides: every point is thought of as moved a little, in z most, then in y, then in x, lexicographically
smaller points immensely farther than larger ones. So three different points never lie on a line, and all answers fit
together (Edelsbrunner and Muecke, Simulation of Simplicity, ACM Transactions on Graphics 9, 1990).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, TypeAlias

EPSILON = sys.float_info.epsilon
MAX_DETERMINANT_ERROR = 3.6548 * EPSILON

Vector: TypeAlias = tuple[Any, ...]  # three floats, or fractions


def dot(a: Vector, b: Vector) -> Any:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def plus(a: Vector, b: Vector) -> Vector:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def minus(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def negative(a: Vector) -> Vector:
    return -a[0], -a[1], -a[2]


def normalize(a: Vector) -> Vector:
    norm = math.sqrt(dot(a, a))
    scale = 1 / norm if norm else norm
    return a[0] * scale, a[1] * scale, a[2] * scale


def _sign(x: Any) -> int:
    return (x > 0) - (x < 0)


def _exact(p: Vector) -> Vector:
    return tuple(Fraction(x) for x in p)


def _perturbed_sign(a: Vector, b: Vector, c: Vector) -> int:
    """Sign of a zero determinant after perturbation, for a < b < c: the first coefficient that is not zero, in the
    order of the products of perturbations from the largest to the smallest (Table 4-ii of the paper).
    """
    coefficients = (
        b[0] * c[1] - b[1] * c[0],
        b[2] * c[0] - b[0] * c[2],
        b[1] * c[2] - b[2] * c[1],
        c[0] * a[1] - c[1] * a[0],
        c[0],
        -c[1],
        c[2] * a[0] - c[0] * a[2],
        c[2],
        a[0] * b[1] - a[1] * b[0],
        -b[0],
        b[1],
        a[0],
    )
    return next((_sign(x) for x in coefficients if x != 0), 1)


def turn(a: Vector, b: Vector, c: Vector) -> int:
    """+1 if a, b, c turn left (counter-clockwise seen from outside), -1 if right, 0 only if two are the same."""
    det = dot(cross(a, b), c)
    if abs(det) > MAX_DETERMINANT_ERROR:
        return _sign(det)
    if a == b or b == c or c == a:
        return 0
    order, points = 1, [a, b, c]
    for k in (0, 1, 0):
        if points[k + 1] < points[k]:
            points[k], points[k + 1] = points[k + 1], points[k]
            order = -order
    a, b, c = map(_exact, points)
    return order * (_sign(dot(a, cross(b, c))) or _perturbed_sign(a, b, c))


def ordered_ccw(a: Vector, b: Vector, c: Vector, o: Vector) -> bool:
    """Whether the rays from o to a, b, c come in counter-clockwise order; a == b or b == c counts, a == c does not."""
    return (turn(b, o, a) >= 0) + (turn(c, o, b) >= 0) + (turn(a, o, c) > 0) >= 2


def largest_axis(p: Vector) -> int:
    """Of the largest component; on a tie the later axis wins."""
    x, y, z = map(abs, p)
    if x > y:
        return 0 if x > z else 2
    return 1 if y > z else 2


def reference_direction(p: Vector) -> Vector:
    """The direction, at each point, from which edges at a shared vertex are counted: some unit vector across p."""
    other = [0.012, 0.0053, 0.00457]
    other[largest_axis(p) - 1] = 1.0
    return normalize(cross(p, tuple(other)))


def corner_contains_vertex(a: Vector, b: Vector, c: Vector) -> bool:
    """Semi-open vertices: whether a ring with consecutive vertices a, b, c contains b. Of the wedges round a vertex in
    a tiling, exactly one does.
    """
    return not ordered_ccw(reference_direction(b), c, a, b)


def crossing(a: Vector, b: Vector, c: Vector, d: Vector) -> int:
    """+1 if the edges ab and cd cross inside both, 0 if they share a vertex, -1 otherwise."""
    if a in (c, d) or b in (c, d):
        return 0
    if a == b or c == d:
        return -1
    side = turn(a, b, c)
    if turn(a, b, d) == side or turn(c, d, b) != side:
        return -1
    return 1 if turn(c, d, a) == -side else -1


def vertex_crossing(a: Vector, b: Vector, c: Vector, d: Vector) -> bool:
    """For edges that share a vertex: whether ab counts as crossing cd, such that counts along any path tell whether
    its end lies inside.
    """
    if a == b or c == d:
        return False
    if a == c:
        return b == d or ordered_ccw(reference_direction(a), d, b, a)
    if b == d:
        return ordered_ccw(reference_direction(b), c, a, b)
    if a == d:
        return b == c or ordered_ccw(reference_direction(a), c, b, a)
    return ordered_ccw(reference_direction(b), d, a, b)


def crosses(a: Vector, b: Vector, c: Vector, d: Vector) -> bool:
    """Whether ab crosses cd, shared vertices counted as `vertex_crossing` does."""
    sign = crossing(a, b, c, d)
    return sign > 0 or (sign == 0 and vertex_crossing(a, b, c, d))


def crossed_oddly(a: Vector, b: Vector, edges: Iterable[tuple[Vector, Vector]]) -> bool:
    return sum(crosses(a, b, c, d) for c, d in edges) % 2 == 1


MIN_NORM = (32 * 1.7320508075688772935274463415058 * (EPSILON / 2)) / (6 - (1 + 2 * 1.7320508075688772935274463415058))


def robust_cross(a: Vector, b: Vector) -> Vector:
    """A normal of the plane through a and b, its direction right even where they are nearly equal or opposite."""
    normal = cross(minus(a, b), plus(a, b))
    if dot(normal, normal) >= MIN_NORM * MIN_NORM:
        return normal
    if a == b:
        return reference_direction(a)
    exact = cross(_exact(a), _exact(b))
    if any(exact):
        if all(abs(x) < 2.0**-242 for x in exact):  # squares would underflow
            while all(abs(x) < 0.5 for x in exact):
                exact = tuple(2 * x for x in exact)
        return tuple(map(float, exact))
    # The points are proportional: the normal after perturbation.
    later = max(a, b)
    direction = (-later[1], later[0], 0.0) if later[0] != 0 or later[1] != 0 else (later[2], 0.0, 0.0)
    size = max(map(abs, direction))
    if size < 2.0**-242:
        direction = tuple(math.ldexp(x, 1 - math.frexp(size)[1]) for x in direction)
    return direction if a < b else negative(direction)
