"""Everything within a distance of points, lines and polygons, as a region of the sphere.

Edges are looked at in pieces, each with a bound on how far it bows out from the geodesic between its ends (see planar;
geodesics do not at all). A cell is compared with the pieces that come near its parent: it meets the region if it comes
within the distance of one, or lies inside of the rings; it lies within the region if it lies inside of the rings and
off all pieces, or a piece comes so near its centre that all of the cell is within the distance. Roundings, and up to
TOLERANCE of bowing out, are on the safe side.

Everything is one value at a time, in plain Python: points are tuples of floats, cells are ints.
"""

import math
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .._math.angles import angle_to_chord2
from .._math.intervals import PI
from .._math.projection import latlng_to_point, point_lat, point_lng
from . import covering
from . import planar as flat
from .conversion import cell_to_point
from .predicates import cross, dot, minus, normalize, plus
from .regions import Cap, OneByOne, cell_uv, cell_uv_vertices
from .shape_index import Square, level_of, parent

SLACK = 1e-14  # radians, much more than roundings
FAR, NEAR, ALL_WITHIN = range(3)


def angle_between(a, b):
    """Angle between two unit vectors; exact for small ones, too."""
    d = minus(a, b)
    return 2 * math.asin(min(1.0, 0.5 * math.sqrt(dot(d, d))))


def edge_normal(a, b):
    return cross(minus(a, b), plus(a, b))


def angle_to_edge(x, a, b, normal):
    """Angle between a point and the geodesic from a to b, whose normal (of any length) is given."""
    size2 = dot(normal, normal)
    # Does the nearest point of the great circle lie between the ends?
    if size2 > 0 and dot(cross(normal, a), x) > 0 and dot(cross(b, normal), x) > 0:
        return math.asin(min(1.0, abs(dot(x, normal)) / math.sqrt(size2)))
    return min(angle_between(x, a), angle_between(x, b))


class Piece(NamedTuple):
    """A piece of an edge; of a geodesic the positions a, b are not used."""

    a: tuple
    b: tuple
    pa: tuple
    pb: tuple
    deviation: float

    def halves(self):
        middle = tuple(0.5 * (x + y) for x, y in zip(self.a, self.b))
        at = flat._point(middle)
        deviation = 0.25 * self.deviation
        return Piece(self.a, middle, self.pa, at, deviation), Piece(middle, self.b, at, self.pb, deviation)


class CellShape:
    """A cell as far as distances go."""

    def __init__(self, cell):
        at = np.array([cell], np.uint64)
        self.center = tuple(cell_to_point(at)[0].tolist())
        self.corners = [tuple(p) for p in cell_uv_vertices(cell_uv(at))[0].tolist()]
        self.radius = max(angle_between(self.center, corner) for corner in self.corners)
        self.sides = [(v, w, edge_normal(v, w)) for v, w in zip(self.corners, self.corners[1:] + self.corners[:1])]


def angle_to_cell(piece, shape, normal):
    """Angle between a cell and the geodesic of a piece: 0 if they cross or an end lies inside."""
    least, inside = PI, True
    for v, w, n in shape.sides:
        a, b, c, d = dot(n, piece.pa), dot(n, piece.pb), dot(normal, v), dot(normal, w)
        inside = inside and a >= 0
        if a * b < 0 and c * d < 0 and a * c < 0:
            return 0.0  # they cross
        least = min(
            least,
            angle_to_edge(v, piece.pa, piece.pb, normal),
            angle_to_edge(piece.pa, v, w, n),
            angle_to_edge(piece.pb, v, w, n),
        )
    return 0.0 if inside else least


class BufferedRegion:
    """Planar chains, or geodesic ones and the polygons that they bound, with a margin of `radius` radians."""

    def __init__(self, xy, offsets, roles, radius, planar, polygons):
        self.radius = radius
        if planar:
            shape = flat.PlanarShape(*xy.T, offsets.tolist(), roles.tolist())
            self.pieces = [self._planar_piece(a, b) for a, b in shape.pieces]

            def encloses(p):
                return shape.encloses(*(float(f(np.array(p))) * (180 / math.pi) for f in (point_lat, point_lng)))
        else:
            self.pieces = list(self._geodesics(*xy.T, offsets.tolist(), roles.tolist()))

            def encloses(p):
                return any(polygon._contains(p) for polygon in polygons)

        self._encloses = lru_cache(maxsize=1 << 12)(encloses)

    @staticmethod
    def _planar_piece(a, b):
        pa, pb = flat._point(a), flat._point(b)
        return Piece(a, b, pa, pb, flat.deviation(a, b, pa[2], pb[2]))

    @staticmethod
    def _geodesics(lng, lat, offsets, roles):
        points = [tuple(p) for p in latlng_to_point(lat, lng).tolist()]
        for (first, end), role in zip(pairwise(offsets), roles):
            chain = points[first:end]
            if role != flat.LINE or len(chain) == 1:
                chain = [*chain, chain[0]]
            for a, b in pairwise(chain):
                yield Piece(None, None, a, b, 0.0)

    def contains_point(self, x):
        """Whether the point is within the distance, or enclosed."""
        return self._encloses(x) or any(self._comes_near(piece, x) for piece in self.pieces)

    def _comes_near(self, piece, x):
        apart = angle_to_edge(x, piece.pa, piece.pb, edge_normal(piece.pa, piece.pb))
        if apart > self.radius + piece.deviation:
            return False
        if apart <= self.radius - piece.deviation or piece.deviation <= flat.TOLERANCE:
            return True
        return any(self._comes_near(half, x) for half in piece.halves())

    def contains(self, lat, lng, out):
        for k, p in enumerate(latlng_to_point(lat, lng).tolist()):
            out[k] = self.contains_point(tuple(p))

    def cover(self, options):
        return covering.cover(_Cells(self), *options)


class _Cells(OneByOne):
    """The region as the coverer asks it."""

    def __init__(self, region):
        self.region = region
        self._near = {}  # pieces that come near a cell, of those asked about
        super().__init__()

    def cell_union_bound(self):
        """A cap round the edges holds what is near them, and the rings' inside, unless that is the rest."""
        pieces, encloses = self.region.pieces, self.region._encloses
        if not pieces and not encloses(_first_quarter(1 << 60)):
            return np.empty(0, np.uint64)
        total = [0.0, 0.0, 0.0]
        for piece in pieces:
            total = [t + (a + b) for t, a, b in zip(total, piece.pa, piece.pb)]
        center = normalize(tuple(total)) if dot(total, total) > 0 else (1.0, 0.0, 0.0)
        reach = 0.0
        for p in pieces:
            ends = max(angle_between(center, p.pa), angle_between(center, p.pb))
            reach = max(reach, ends + p.deviation + angle_between(p.pa, p.pb))
        reach += self.region.radius + SLACK
        # Opposite, but a degree or so beside it: at a pole a planar ring's answer is not clear.
        beyond = normalize((0.0123 - center[0], 0.0077 - center[1], -0.0111 - center[2]))
        everything = not pieces or reach >= 1.4 or encloses(beyond)
        radius2 = 4.0 if everything else angle_to_chord2(reach * (1 + 1e-9))
        return Cap(np.array(center), radius2).cell_union_bound()

    def _ask(self, cell):
        """Whether the region meets the cell, and whether it contains it."""
        level, shape = level_of(cell), CellShape(cell)
        above = self._near.get(parent(cell, level - 1)) if level > 0 else None
        near, touches = [], False
        for piece in self.region.pieces if above is None else above:
            relation, touching = self._relation(piece, shape)
            touches |= touching
            if relation == ALL_WITHIN:
                return True, True
            if relation == NEAR:
                near.append(piece)
        inside = not touches and self.region._encloses(_first_quarter(cell) if level == 0 else shape.center)
        if near and not inside:
            self._near[cell] = near
            return True, False
        return inside, inside

    def _relation(self, piece, shape):
        """How near a piece comes to a cell, and whether it meets the cell itself, or nearly."""
        radius, d = self.region.radius, piece.deviation
        normal = edge_normal(piece.pa, piece.pb)
        middle = angle_to_edge(shape.center, piece.pa, piece.pb, normal)
        if middle - shape.radius > radius + d + SLACK:
            return FAR, False
        if middle + shape.radius <= radius - d - SLACK:
            return ALL_WITHIN, False
        apart = angle_to_cell(piece, shape, normal)
        if apart > radius + d + SLACK:
            return FAR, False
        may_touch = apart <= d + SLACK
        if d <= flat.TOLERANCE or (apart <= radius - d and not may_touch):
            return NEAR, may_touch
        first, second = piece.halves()
        one, touches = self._relation(first, shape)
        if one == ALL_WITHIN:
            return one, touches
        two, also = self._relation(second, shape)
        return max(one, two), touches or also


def _first_quarter(cell):
    """Centre of a face's first quarter: that of the face may be a pole or lie on 180, where the plane is cut open."""
    square = Square.of(cell).child(0)
    return tuple(cell_to_point(np.array([square.cell], np.uint64))[0].tolist())
