"""Shapes of rectangles, caps and sets of cells, and coverings of rows of geometries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._cover_options import CoverLimit, CoverOptions
from .._math.angles import chord2
from .._math.intervals import LatInterval, LngInterval
from .._math.projection import degrees_to_radians, wrap_lng
from .._typing import BoolArray, CellArray, FloatArray, Int64Array
from ..ragged import offsets_of
from .buffered import BufferedShape
from .conversion import latlng_to_cell
from .geometry import cell_area
from .planar import HOLE, LINE, PlanarShape
from .polygon import CollectionShape, PolygonShape, PolylineShape
from .regions import Cap, CellRange, Rect
from .shape import Shape, in_order

if TYPE_CHECKING:
    from ..regions.chains import Chains as ChainsOfRows


class RectShape(Shape):
    """Latitudes and longitudes between two bounds each, in radians."""

    def __init__(self, lat_lo: float, lat_hi: float, lng_lo: float, lng_hi: float) -> None:
        self._rect = Rect(LatInterval(lat_lo, lat_hi), LngInterval(lng_lo, lng_hi))

    def area(self) -> float:
        lat, lng = self._rect.lat, self._rect.lng
        return float(lng.length) * (math.sin(lat.hi) - math.sin(lat.lo))

    def contains(self, lat: FloatArray, lng: FloatArray, out: BoolArray) -> None:
        lat, lng = degrees_to_radians(lat), degrees_to_radians(wrap_lng(lng))
        lng = np.where(lng == -np.pi, np.pi, lng)
        lo, hi = self._rect.lng
        out[...] = (lng >= lo) & (lng <= hi) if lo <= hi else (lng >= lo) | (lng <= hi)
        out &= (lat >= self._rect.lat.lo) & (lat <= self._rect.lat.hi)

    def region(self, interior: bool = False) -> Rect:
        return self._rect

    @property
    def has_interior(self) -> bool:
        return self._rect.lat.lo < self._rect.lat.hi and self._rect.lng.lo != self._rect.lng.hi


class CapShape(Shape):
    """All points within an angle, given by its squared chord, of a center."""

    def __init__(self, center: FloatArray, radius2: float) -> None:
        self._cap = Cap(center, radius2)

    def area(self) -> float:
        return math.pi * self._cap.radius2

    def contains_points(self, points: FloatArray) -> BoolArray:
        return chord2(self._cap.center, points) <= self._cap.radius2

    def region(self, interior: bool = False) -> Cap:
        return self._cap

    @property
    def has_interior(self) -> bool:
        return self._cap.radius2 > 0


class CellsShape(Shape):
    """Sorted, disjoint cells."""

    def __init__(self, cells: CellArray) -> None:
        self._cells = cells

    def area(self) -> float:
        return in_order(cell_area(self._cells).tolist())

    def contains(self, lat: FloatArray, lng: FloatArray, out: BoolArray) -> None:
        leaves = latlng_to_cell(lat, lng, np.full(len(lat), 30))
        out[...] = CellRange(self._cells).contains_cells(leaves)

    def region(self, interior: bool = False) -> CellRange:
        return CellRange(self._cells)


class Chains(NamedTuple):
    """One row of chains of vertices: chain k has the vertices ``offsets[k]:offsets[k + 1]``."""

    xy: FloatArray
    offsets: Int64Array
    roles: NDArray[np.uint8]

    @property
    def lng(self) -> FloatArray:
        return self.xy[:, 0]

    @property
    def lat(self) -> FloatArray:
        return self.xy[:, 1]


def _row(chains: ChainsOfRows, row: int) -> Chains:
    """The chains of one row."""
    first, end = chains.rows[row], chains.rows[row + 1]
    offsets = chains.offsets[first : end + 1]
    return Chains(chains.xy[offsets[0] : offsets[-1]], offsets - offsets[0], chains.roles[first:end])


def _geodesic_shape(chains: Chains, oriented: bool) -> CollectionShape | PolygonShape | PolylineShape:
    """One polygon of all rings, and the lines: alone, or together."""
    ends = list(zip(chains.offsets, chains.offsets[1:]))
    is_ring = chains.roles != LINE
    shapes: list[PolygonShape | PolylineShape] = []
    if is_ring.any():
        rings = [ends[k] for k in np.flatnonzero(is_ring)]
        at = np.concatenate([np.arange(*end) for end in rings])
        number = np.arange(len(rings))
        shell_of = np.maximum.accumulate(np.where(chains.roles[is_ring] == HOLE, 0, number))
        offsets = np.cumsum([0, *(end - first for first, end in rings)])
        shapes.append(PolygonShape(chains.lat[at], chains.lng[at], offsets, shell_of, oriented))
    shapes += [PolylineShape(chains.lat[a:b], chains.lng[a:b]) for (a, b), ring in zip(ends, is_ring) if not ring]
    return shapes[0] if len(shapes) == 1 else CollectionShape(shapes)


def candidate_limit(options: CoverOptions, area: float) -> int:
    """Most candidates of an interior covering of a region of that area; raises CoverLimit if it is too large."""
    return options.candidate_limit(lambda: area)


def certified_rows(chains: ChainsOfRows) -> BoolArray:
    """Whether each row is certified to be valid, with planar edges of at most 180 degrees; here no row is."""
    return np.zeros(len(chains.rows) - 1, bool)


def cover_rows(
    chains: ChainsOfRows, options: CoverOptions, edges: str, oriented: bool, radius: float, is_checked: bool
) -> tuple[CellArray, Int64Array, BoolArray]:
    """A covering of each row of chains: cells, offsets, and which rows are undecided, because they may be invalid.

    Rows that are checked are all decided; here, no others are.

    Raises
    ------
    CoverLimit
        If a row meets a limit, or the rows together have more cells than one covering may have; it names the row.
    """
    n = len(chains.rows) - 1
    if not is_checked:
        return np.empty(0, np.uint64), np.zeros(n + 1, np.int64), np.ones(n, bool)
    found, total = [np.empty(0, np.uint64)], 0
    for row in range(n):
        own = _row(chains, row)
        if len(own.roles):
            shape = PlanarShape(own) if edges == "planar" else _geodesic_shape(own, oriented)
            shape = BufferedShape(shape, radius) if radius > 0 else shape
            try:
                found.append(shape.cover(options))
            except CoverLimit as met:
                raise CoverLimit(met.limit, met.cells, met.candidates, row) from None
        else:
            found.append(np.empty(0, np.uint64))
        if (total := total + len(found[-1])) > options.cell_limit:
            raise CoverLimit("cells", shape.area() * options.cells_per_steradian, 0, row)
    return np.concatenate(found), offsets_of(np.array([len(cells) for cells in found[1:]], np.int64)), np.zeros(n, bool)
