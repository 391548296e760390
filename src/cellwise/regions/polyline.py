"""Chains of geodesics."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .._backend import made_by_kernels
from .._math.longitudes import one_antimeridian
from .._math.projection import latlng_to_point, wrap_lng
from .._typing import FloatArray, LengthUnit
from ..cells.geometry import latlng_distance
from ..errors import InvalidRegionError
from ..units import length_unit
from ._bounds import Bounds, of_geodesics
from ._lines import geodesic_points, to_linestrings
from ._region import Region
from ._vertices import vertices_of, without_repeats
from .buffered import BufferedRegion

if TYPE_CHECKING:
    import shapely


class Polyline(Region):
    """Chain of geodesics.

    Parameters
    ----------
    vertices : array_like
        (lat, lng) in degrees, shape (n, 2). Repeated vertices are dropped. One vertex is a point.

    Raises
    ------
    InvalidRegionError
        If there is no vertex, two neighbors are opposite points of the sphere, or a coordinate is NaN or out of
        range.

    Examples
    --------
    >>> import cellwise as cw
    >>> line = cw.Polyline([(-30.03, -51.23), (-22.91, -43.17)])
    >>> line
    Polyline(2 vertices)
    >>> round(line.length(unit="km"))
    1126
    >>> cw.cover(line, max_level=6, max_cells=20)
    CellUnion(12 cells, level 6)
    """

    _edges = "geodesic"

    def __init__(self, vertices: Any) -> None:
        vertices = vertices_of("vertices", vertices)
        if len(vertices) == 0:
            raise InvalidRegionError("vertices must have at least 1 vertex: got 0")
        self._vertices = without_repeats(vertices, closed=False)
        self._lat, self._lng = (np.ascontiguousarray(self._vertices[:, k]) for k in (0, 1))
        lng = wrap_lng(self._lng)
        apart = np.abs(lng[1:] - lng[:-1])
        opposite = (self._lat[1:] == -self._lat[:-1]) & ((apart == 180) | (np.abs(self._lat[1:]) == 90))
        for k in np.flatnonzero(opposite):
            here, there = latlng_to_point(self._lat[k : k + 2], self._lng[k : k + 2])
            if (here != -there).any():
                continue  # but for a rounding: then the edge has a direction
            raise InvalidRegionError(
                "vertices must not go straight to the opposite side of the sphere: they do from vertex "
                f"{k}, near ({self._lat[k]:.10g}, {self._lng[k]:.10g})"
            )

    def __repr__(self) -> str:
        n = len(self._vertices)
        return f"Polyline({n} {'vertex' if n == 1 else 'vertices'})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Polyline):
            return NotImplemented
        return self._canonical == other._canonical

    def __hash__(self) -> int:
        return hash(self._canonical)

    def __reduce__(self) -> tuple[object, ...]:
        return Polyline, (self._vertices,)

    @property
    def vertices(self) -> FloatArray:
        """Vertices without repeats, array of shape (n, 2) of (lat, lng) in degrees."""
        return self._vertices

    @cached_property
    def _canonical(self) -> object:
        vertices = tuple(zip((self._lat + 0.0).tolist(), (one_antimeridian(self._lng) + 0.0).tolist()))
        return min(vertices, vertices[::-1])

    def length(self, *, unit: LengthUnit = "m") -> float:
        """Length in `unit`: m, km, rad or deg."""
        size = length_unit(unit)
        if len(self._vertices) == 1:
            return 0.0
        angles = latlng_distance(self._lat[:-1], self._lng[:-1], self._lat[1:], self._lng[1:], unit="rad")
        return math.fsum(angles.tolist()) * size

    @made_by_kernels
    def _shape(self, kernels: Any) -> Any:
        return kernels.PolylineShape(self._lat, self._lng)

    @property
    def bounds(self) -> Bounds:  # noqa: D102, documented by Region
        return of_geodesics(self._lat, self._lng)

    def to_shapely(self) -> shapely.LineString | shapely.Point:
        """The vertices as a shapely LineString or Point, x the longitude, which runs on across 180."""
        import shapely

        if len(self._vertices) == 1:
            return shapely.Point(self._vertices[0, ::-1])
        return shapely.LineString(np.column_stack((np.unwrap(self._lng, period=360), self._lat)))

    def boundary(self) -> shapely.Geometry:
        """The line itself; nothing for a single vertex."""
        import shapely

        if len(self._vertices) == 1:
            return shapely.MultiLineString()
        return to_linestrings(*geodesic_points(self._vertices))

    def _buffered(self, angle: float) -> Region:
        return BufferedRegion(self, angle)
