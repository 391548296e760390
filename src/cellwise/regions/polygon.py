"""Polygons whose edges are geodesics: the shortest way on the sphere from vertex to vertex."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .._backend import made_by_kernels
from .._math.longitudes import one_antimeridian
from .._typing import FloatArray
from ..errors import InvalidRegionError
from ..inputs import check_bool
from ..ragged import offsets_of
from ._bounds import Bounds, of_geodesics, united
from ._lines import geodesic_points, planar_ring, to_linestrings
from ._region import Region
from ._vertices import kind_of, nesting, vertices_of, without_repeats
from .buffered import BufferedRegion

if TYPE_CHECKING:
    import shapely


class Polygon(Region):
    """Region bounded by rings of geodesics.

    Parameters
    ----------
    loops : array_like
        Vertices as (lat, lng) in degrees: one ring, an array of shape (n, 2); a list of rings, the first a shell and
        the others its holes; or a list of such lists, one for each part. Rings may be closed or not; closing and
        repeated vertices are dropped, and so are whole turns of longitude. Parts and holes may touch at vertices,
        but must not cross.
    oriented : bool, default False
        A ring divides the sphere in two. By default a shell means the smaller side, whichever way it runs. With
        ``oriented=True`` it means the side on its left, as in BigQuery: counter-clockwise rings as usual, clockwise
        ones for more than a hemisphere. Holes are taken out on the side away from their shell in either case.

    Raises
    ------
    InvalidRegionError
        If a ring has fewer than three different vertices, crosses or touches itself, crosses another ring or shares
        an edge with it, or lies where it does not belong (a hole outside its shell); if two neighbors are opposite
        points of the sphere; if a coordinate is NaN or out of range. The message names the ring.

    See Also
    --------
    cover : Few cells that contain a region.
    Polyline : A chain of geodesics.

    Notes
    -----
    Between two vertices an edge takes the shortest way: on a map in longitude and latitude the edges of
    ``[(49, -120), (49, -60)]`` bulge to the north. Membership is exact: no rounding decides, and where polygons tile
    the sphere every position, shared vertices and edges included, lies in exactly one of them.

    References
    ----------
    Google's S2Polygon and S2ShapeIndexRegion, https://s2geometry.io/devguide/basic_types

    Examples
    --------
    >>> import cellwise as cw
    >>> box = cw.Polygon([(5, 120), (5, 135), (15, 135), (15, 120)])
    >>> box
    Polygon(4 vertices)
    >>> cw.cover(box, min_level=6, max_level=6, max_cells=1000)
    CellUnion(126 cells, level 6)
    >>> box.contains([10, 4.9], 130)
    array([ True, False])

    A hole:

    >>> ring = cw.Polygon([[(0, 0), (0, 9), (9, 9), (9, 0)], [(3, 3), (3, 6), (6, 6), (6, 3)]])
    >>> ring
    Polygon(2 rings, 8 vertices)
    >>> ring.contains(4.5, 4.5)
    False
    """

    _edges = "geodesic"

    def __init__(self, loops: Any, *, oriented: bool = False) -> None:
        self._oriented = check_bool("oriented", oriented)
        depth = nesting(loops)
        if depth == 2:
            parts, names = [[loops]], [["loops"]]
        elif depth == 3:
            parts, names = [loops], [[f"loops[{k}]" for k in range(len(loops))]]
        elif depth == 4:
            parts = loops
            names = [[f"loops[{part}][{k}]" for k in range(len(rings))] for part, rings in enumerate(loops)]
        else:
            raise InvalidRegionError(
                "loops must be a ring of (lat, lng), a list of rings, or a list of lists of rings: "
                f"got {kind_of(loops)}"
            )
        self._parts = tuple(
            tuple(without_repeats(vertices_of(name, ring), closed=True) for ring, name in zip(rings, ring_names))
            for rings, ring_names in zip(parts, names)
            if len(rings)
        )
        if not self._parts:
            raise InvalidRegionError("loops must have at least one ring: got none")
        self._check([name for ring_names in names for name in ring_names])

    def _check(self, names: list[str]) -> None:
        fault, ring, other, lat, lng = self._shape.find_fault()
        if fault == "none":
            return
        name, other = names[ring], names[other]
        rule = {
            "few vertices": "have at least 3 different vertices",
            "opposite neighbors": "not go straight to the opposite side of the sphere",
            "crosses itself": "not cross itself",
            "touches itself": "not touch itself",
            "repeats edge": "not run along itself",
            "crosses ring": f"not cross {other}",
            "shares edge": f"not share an edge with {other}",
            "wrong nesting": "lie within its shell if it is a hole, and outside of other parts if it is a shell",
        }[fault]
        if fault == "few vertices":
            raise InvalidRegionError(f"{name} must {rule}: got {len(self.rings[ring])}")
        verb = "does" if rule.startswith("not ") else "does not"
        raise InvalidRegionError(f"{name} must {rule}: got a ring that {verb}, near ({lat:.10g}, {lng:.10g})")

    def __repr__(self) -> str:
        rings = self.rings
        counts = f"{len(self._parts)} parts, " if len(self._parts) > 1 else ""
        counts += f"{len(rings)} rings, " if len(rings) > 1 else ""
        return f"Polygon({counts}{sum(map(len, rings))} vertices{', oriented=True' if self._oriented else ''})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Polygon):
            return NotImplemented
        return self._canonical == other._canonical

    def __hash__(self) -> int:
        return hash(self._canonical)

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (self._parts, self._oriented)

    @property
    def rings(self) -> list[FloatArray]:
        """Vertices of the rings, without repeats: arrays of shape (n, 2) of (lat, lng) in degrees."""
        return [ring for rings in self._parts for ring in rings]

    @property
    def oriented(self) -> bool:
        """Whether shells mean the side on their left."""
        return self._oriented

    @cached_property
    def _canonical(self) -> object:
        """The same for the same region by the same vertices: wherever rings start and, if that means nothing, run."""

        def canonical(ring: FloatArray, direction_counts: bool) -> tuple[object, ...]:
            vertices = np.stack((ring[:, 0], one_antimeridian(ring[:, 1])), axis=1) + 0.0
            first = np.lexsort((vertices[:, 1], vertices[:, 0]))[0]
            forward = [tuple(v) for v in np.roll(vertices, -first, axis=0).tolist()]
            backward = forward[:1] + forward[:0:-1]
            return tuple(forward if direction_counts else min(forward, backward))

        parts = (
            (canonical(shell, self._oriented), frozenset(canonical(hole, False) for hole in holes))
            for shell, *holes in self._parts
        )
        return self._oriented, frozenset(parts)

    @made_by_kernels
    def _shape(self, kernels: Any) -> Any:
        rings = self.rings
        vertices = np.concatenate(rings)
        firsts = offsets_of(np.array([len(part) for part in self._parts]))[:-1]
        return kernels.PolygonShape(
            np.ascontiguousarray(vertices[:, 0]),
            np.ascontiguousarray(vertices[:, 1]),
            offsets_of(np.array([len(ring) for ring in rings])).astype(np.uint32),
            np.repeat(firsts, [len(part) for part in self._parts]).astype(np.uint32),
            self._oriented,
        )

    @property
    def bounds(self) -> Bounds:  # noqa: D102, documented by Region
        south, north, west, east = united([of_geodesics(*_closed(ring)) for ring in self.rings])
        at_poles = self.contains([-90, 90], 0)
        south, north = (-90.0 if at_poles[0] else south), (90.0 if at_poles[1] else north)
        return (south, north, -180.0, 180.0) if at_poles.any() else (south, north, west, east)

    def to_shapely(self) -> shapely.Polygon | shapely.MultiPolygon:
        """The vertices as a shapely Polygon or MultiPolygon, x the longitude; its edges are no geodesics any more.

        Across 180 longitudes run on beyond it, and a ring round a pole is closed along the pole.
        """
        import shapely

        parts = []
        for shell, *holes in self._parts:
            ring = planar_ring(*shell.T)
            parts.append(shapely.Polygon(ring, [planar_ring(hole[:, 0], hole[:, 1], ring[0, 0]) for hole in holes]))
        return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)

    def boundary(self) -> shapely.MultiLineString:  # noqa: D102, documented by Region
        import shapely

        lines = [to_linestrings(*geodesic_points(np.column_stack(_closed(ring)))) for ring in self.rings]
        return shapely.MultiLineString(lines)

    def _buffered(self, angle: float) -> Region:
        return BufferedRegion(self, angle)


def _closed(ring: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Latitudes and longitudes of the vertices of a ring, the first one again at its end."""
    lat, lng = np.vstack((ring, ring[:1])).T
    return lat, lng


def _restored(parts: Any, oriented: bool) -> Polygon:
    return Polygon([list(rings) for rings in parts], oriented=oriented)
