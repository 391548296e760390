"""Points, lines and polygons whose edges are straight in longitude and latitude, as regions of the sphere.

On the sphere such an edge is a curve. It is looked at in pieces: of each, a bound is known on how far it bows out from
the geodesic between its ends, and it is halved only where that could change an answer. So a coarse covering costs few
pieces however long the edges are, and near an edge a cell is taken if it comes within TOLERANCE of it, to be on the
safe side.

How far a piece bows out: along (lat, lng) = linear in t in 0..1 with steps of a in longitude and b in latitude, the
curve on the unit sphere has a tangential acceleration of at most A = a sin|lat| sqrt(4 b^2 + a^2 cos^2 lat). With n the
unit normal of the great circle through the ends, f(t) = n . curve(t) is 0 at both ends and
|f''| <= A + (a^2 + b^2) |f|, so that |f| <= A / (8 - a^2 - b^2).

Everything is one value at a time, in plain Python: points and (u, v) are tuples of floats, cells are ints.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .._math.degrees import near_point
from .._math.projection import face_uv_to_xyz, point_lat, point_lng, wrap_lng
from .conversion import cell_to_latlng
from .regions import OneByOne
from .shape_index import Square, level_of, parent, point_face, project, segment_meets, xyz_to_uvw

LINE = 0  # of the roles of chains: no ring; a point is a line of one vertex
TOLERANCE = 1.5e-9  # radians that a piece may bow out and still be taken for a geodesic: 1 cm
LONGEST_PIECE = 0.25 * 180 / math.pi  # degrees, in longitude and in latitude
ROUNDING = 2e-14  # of u and v, much more than it can be


def radians(degrees):
    return (math.pi / 180) * degrees


def deviation(a, b, z1, z2):
    """Bound of the deviation of a piece of at most LONGEST_PIECE; z is the sine of a latitude."""
    d_lng, d_lat = radians(abs(b[0] - a[0])), radians(abs(b[1] - a[1]))
    low = min(abs(z1), abs(z2)) if z1 * z2 > 0 else 0.0
    top = max(abs(z1), abs(z2))
    return d_lng * top * math.sqrt(4 * d_lat * d_lat + d_lng * d_lng * (1 - low * low)) / 7.5


def pieces_of_edge(a, b):
    """Pairs of positions."""
    n = max(1, math.ceil(max(abs(b[0] - a[0]), abs(b[1] - a[1])) / LONGEST_PIECE))
    steps = (k / n for k in range(1, n))
    ends = [a, *((a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])) for t in steps), b]
    return list(pairwise(ends))


class PlanarShape:
    """The pieces of one geometry, and which positions its rings enclose.

    Where the plane is cut open the sphere is not: edges of rings along the same meridian, a turn apart, are the same
    place twice and no boundary; nor is a pole that a ring goes all the way round along.
    """

    def __init__(self, lng, lat, offsets, roles):
        self.pieces, self.slopes, meridians = [], [], {}
        at_pole = {-90.0: 0.0, 90.0: 0.0}
        for (first, end), role in zip(pairwise(offsets), roles):
            vertices = list(zip(lng[first:end].tolist(), lat[first:end].tolist()))
            if role == LINE:
                for a, b in pairwise(vertices if len(vertices) > 1 else vertices * 2):
                    self.pieces += pieces_of_edge(a, b)
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
                    self.pieces += pieces_of_edge(a, b)
        for pole, swept in at_pole.items():
            if abs(swept / 360 - round(swept / 360)) > 1e-12:
                self.pieces += pieces_of_edge((0.0, pole), (0.0, pole))
        for at, ends in meridians.items():
            ends.sort()
            # From the first end to the second lies an odd number of edges, from there to the third an even one, ...
            for lo, hi in zip(ends[::2], ends[1::2]):
                if lo < hi:
                    self.pieces += pieces_of_edge((at, lo), (at, hi))

    def encloses(self, lat, lng):
        """Whether the rings enclose the position, or one whole turns from it; not for positions on an edge."""
        return any(self._encloses_here(lat, x) for x in (lng, lng - 360, lng + 360))

    def _encloses_here(self, lat, lng):
        odd = False
        for (west, lat1), (east, lat2) in self.slopes:
            if west <= lng < east:
                odd ^= (east - west) * (lat - lat1) - (lng - west) * (lat2 - lat1) < 0
        return odd


class FacePiece(NamedTuple):
    """A piece on the plane of a face."""

    a: tuple
    b: tuple
    ua: tuple
    ub: tuple
    deviation: float

    @property
    def margin(self):
        """How far in u or v it can be from the segment between its ends: on a face an angle is stretched up to three
        times, and a little more a little beyond its corners.
        """
        return 3.25 * self.deviation + ROUNDING


def _point(position):
    return near_point(position[1], position[0])


def _holds(rect, p):
    return all(lo <= x <= hi for (lo, hi), x in zip(rect, p))


def parts_that_meet(piece, square):
    """The parts of the piece that meet the cell, or may."""
    if not segment_meets(piece.ua, piece.ub, square.bounds(piece.margin)):
        return
    rect, inner = square.bounds(-ROUNDING), square.bounds(-piece.margin)
    if (
        piece.deviation <= TOLERANCE
        or _holds(rect, piece.ua)
        or _holds(rect, piece.ub)
        or (all(lo <= hi for lo, hi in inner) and segment_meets(piece.ua, piece.ub, inner))
    ):
        yield piece
        return
    middle = tuple(0.5 * (x + y) for x, y in zip(piece.a, piece.b))
    at = project(square.face, _point(middle))
    yield from parts_that_meet(FacePiece(piece.a, middle, piece.ua, at, 0.25 * piece.deviation), square)
    yield from parts_that_meet(FacePiece(middle, piece.b, at, piece.ub, 0.25 * piece.deviation), square)


def parts_in_quarter(piece, square, quarter):
    """The parts of a piece that meets a cell which meet one of its quarters, or may."""
    one_sided = []
    for axis, (middle, low, lowest) in enumerate(zip(square.middle, (quarter.i, quarter.j), (square.i, square.j))):
        ends = piece.ua[axis], piece.ub[axis]
        below, beyond = min(ends) - piece.margin <= middle, max(ends) + piece.margin >= middle
        if not (beyond if low > lowest else below):
            return
        one_sided.append(below != beyond)
    if all(one_sided):  # it meets the cell, and there is no other quarter where
        yield piece
    else:
        yield from parts_that_meet(piece, quarter)


class PlanarRegion(OneByOne):
    """A planar shape as the region of one covering: a cell is compared with the pieces that meet its parent."""

    def __init__(self, shape):
        self.shape = shape
        faces = [Square.of_face(face) for face in range(6)]
        self._faces = [[] for _ in faces]
        self._pieces = {}  # that meet a cell, of those asked about
        for start, end in shape.pieces:
            a, b = _point(start), _point(end)
            bow = deviation(start, end, a[2], b[2])
            face = point_face(a)
            if face == point_face(b):
                whole = FacePiece(start, end, project(face, a), project(face, b), bow)
                if max(map(abs, (*whole.ua, *whole.ub))) <= 1 - whole.margin:
                    self._faces[face].append(whole)
                    continue
            # Pieces are short: one with an end at more than about 78 degrees from a face's centre does not reach it.
            for square in faces:
                if xyz_to_uvw(square.face, a)[2] < 0.2 or xyz_to_uvw(square.face, b)[2] < 0.2:
                    continue
                ends = project(square.face, a), project(square.face, b)
                whole = FacePiece(start, end, *ends, bow)
                self._faces[square.face] += parts_that_meet(whole, square)
        super().__init__()

    def cell_union_bound(self):
        """For each face that the shape reaches, the smallest cell that holds what lies there."""
        bound = []
        for face in range(6):
            square = Square.of_face(face)
            pieces = self._faces[face]
            if not pieces:
                bound += [square.cell] if self._encloses_center(square.cell) else []
                continue
            rect = tuple(
                (
                    min(min(p.ua[k] - p.margin, p.ub[k] - p.margin) for p in pieces),
                    max(max(p.ua[k] + p.margin, p.ub[k] + p.margin) for p in pieces),
                )
                for k in (0, 1)
            )
            # What lies outside of the bounds lies, all of it or none, at a corner of the face.
            corners = [(u, v) for u in (-1.0, 1.0) for v in (-1.0, 1.0) if not _holds(rect, (u, v))]
            points = [face_uv_to_xyz(face, np.float64(u), np.float64(v)) for u, v in corners]
            beyond = any(
                self.shape.encloses(*(float(f(p)) * (180 / math.pi) for f in (point_lat, point_lng))) for p in points
            )
            bound.append(square.cell if beyond else square.shrunk_to(rect).cell)
        return np.array(bound, np.uint64)

    def _ask(self, cell):
        """Whether the shape meets the cell, and whether it contains it."""
        level, square = level_of(cell), Square.of(cell)
        above = parent(cell, level - 1) if level > 0 else None
        if above in self._pieces:
            found = [part for p in self._pieces[above] for part in parts_in_quarter(p, Square.of(above), square)]
        else:  # where a covering starts
            found = [part for p in self._faces[square.face] for part in parts_that_meet(p, square)]
        if found:
            self._pieces[cell] = found
            return True, False
        inside = self._encloses_center(cell)
        return inside, inside

    def _encloses_center(self, cell):
        """Of a cell that no piece meets. The centre of a face may be a pole or lie on 180, where the plane is cut."""
        square = Square.of(cell)
        inner = square.child(0).cell if square.level == 0 else cell
        return self.shape.encloses(*(float(x) for x in cell_to_latlng(np.uint64(inner))))
