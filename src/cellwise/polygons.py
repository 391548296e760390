"""Polygons and polylines whose edges are geodesics: the shortest way on the sphere from vertex to vertex."""

import math
from functools import cached_property

import numpy as np

from ._backend import native_module
from ._config import cell_limit
from ._math.longitudes import one_antimeridian
from ._math.projection import latlng_to_point, wrap_lng
from ._reference import polygon as kernels
from .cells.conversion import checked_latlng
from .errors import InvalidRegionError
from .units import area_unit, length_unit

__all__ = ["Polygon", "Polyline"]

# Rows a call of the backend, so that Ctrl-C is noticed.
CHUNK = 1 << 18


def nesting(value):
    """Levels of nesting: 2 for a ring, 3 for a list of rings, 4 for a list of polygons."""
    if isinstance(value, (list, tuple)):
        return 1 + (nesting(value[0]) if len(value) else 0)
    array = np.asarray(value)
    return 1 + nesting(array[0]) if array.dtype.kind == "O" and array.ndim == 1 and len(array) else array.ndim


def _vertices(name, value):
    """Latitudes and longitudes of vertices, float64, in range."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.ndim != 2 or array.shape[1] != 2:
        raise InvalidRegionError(f"{name} must be vertices (lat, lng), an array of shape (n, 2): got {_kind(value)}")
    with np.errstate(invalid="ignore"):
        bad_lat, bad_lng = ~(np.abs(array[:, 0]) <= 90), ~(np.abs(array[:, 1]) <= 360)
    for column, bad, rule in ((0, bad_lat, "lat must be in -90..90"), (1, bad_lng, "lng must be in -360..360")):
        if bad.any():
            k = int(bad.argmax())
            got = f"got {float(array[k, column])!r} at vertex {k} ({bad.sum()} of {len(array)} vertices)"
            hint = "; lat and lng look swapped" if column == 0 and np.abs(array[:, 1]).max() <= 90 else ""
            raise InvalidRegionError(f"{name}: {rule} degrees: {got}{hint}")
    return array


def _kind(value):
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__} of shape {shape}" if shape is not None else f"{type(value).__name__} {value!r:.60}"


def _without_repeats(array, closed):
    """Vertices that differ from the one before, as far as degrees tell."""
    lng = wrap_lng(array[:, 1])
    keep = np.ones(len(array), bool)
    keep[1:] = (array[1:, 0] != array[:-1, 0]) | (lng[1:] != lng[:-1])
    if closed:
        last = len(array) - 1
        while last > 0 and array[last, 0] == array[0, 0] and lng[last] == lng[0]:
            keep[last] = False
            last -= 1
    kept = array if keep.all() else array[keep]
    kept = kept.copy() if kept is array else kept
    kept.flags.writeable = False
    return kept


class Polygon:
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
        an edge with it, or lies where it does not belong (a hole outside its shell); if two neighbours are opposite
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

    def __init__(self, loops, *, oriented=False):
        if not isinstance(oriented, (bool, np.bool_)):
            raise TypeError(f"oriented must be True or False: got {oriented!r}")
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
                f"loops must be a ring of (lat, lng), a list of rings, or a list of lists of rings: got {_kind(loops)}"
            )
        self._oriented = bool(oriented)
        self._parts = tuple(
            tuple(_without_repeats(_vertices(name, ring), closed=True) for ring, name in zip(rings, ring_names))
            for rings, ring_names in zip(parts, names)
            if len(rings)
        )
        if not self._parts:
            raise InvalidRegionError("loops must have at least one ring: got none")
        self._check([name for ring_names in names for name in ring_names])

    def _check(self, names):
        fault, ring, other, lat, lng = self._shape.find_fault()
        if fault == 0:
            return
        name, other = names[ring], names[other]
        rule = {
            "few vertices": "have at least 3 different vertices",
            "opposite neighbours": "not go straight to the opposite side of the sphere",
            "crosses itself": "not cross itself",
            "touches itself": "not touch itself",
            "repeats edge": "not run along itself",
            "crosses ring": f"not cross {other}",
            "shares edge": f"not share an edge with {other}",
            "wrong nesting": "lie within its shell if it is a hole, and outside of other parts if it is a shell",
        }[kernels.FAULTS[fault]]
        if kernels.FAULTS[fault] == "few vertices":
            raise InvalidRegionError(f"{name} must {rule}: got {len(self.rings[ring])}")
        verb = "does" if rule.startswith("not ") else "does not"
        raise InvalidRegionError(f"{name} must {rule}: got a ring that {verb}, near ({lat:.10g}, {lng:.10g})")

    def __repr__(self):
        rings = self.rings
        counts = f"{len(self._parts)} parts, " if len(self._parts) > 1 else ""
        counts += f"{len(rings)} rings, " if len(rings) > 1 else ""
        return f"Polygon({counts}{sum(map(len, rings))} vertices{', oriented=True' if self._oriented else ''})"

    def __eq__(self, other):
        if not isinstance(other, Polygon):
            return NotImplemented
        return self._canonical == other._canonical

    def __hash__(self):
        return hash(self._canonical)

    def __reduce__(self):
        return _restore_polygon, (self._parts, self._oriented)

    @property
    def rings(self):
        """Vertices of the rings, without repeats: arrays of shape (n, 2) of (lat, lng) in degrees."""
        return [ring for rings in self._parts for ring in rings]

    @property
    def oriented(self):
        """Whether shells mean the side on their left."""
        return self._oriented

    @cached_property
    def _canonical(self):
        """The same for the same region by the same vertices: wherever rings start and, if that means nothing, run."""

        def canonical(ring, direction_counts):
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

    @property
    def _shape(self):
        """What answers questions: of the backend in use, made once."""
        module = native_module()
        return self._native_shape if module is not None else self._reference_shape

    @property
    def _arrays(self):
        rings = self.rings
        vertices = np.concatenate(rings)
        offsets = np.cumsum([0, *map(len, rings)]).astype(np.uint32)
        firsts = np.cumsum([0, *map(len, self._parts)])[:-1]
        shell_of = np.repeat(firsts, [len(part) for part in self._parts]).astype(np.uint32)
        lat, lng = np.ascontiguousarray(vertices[:, 0]), np.ascontiguousarray(vertices[:, 1])
        return lat, lng, offsets, shell_of, self._oriented

    @cached_property
    def _native_shape(self):
        return native_module().GeodesicPolygon(*self._arrays)

    @cached_property
    def _reference_shape(self):
        return kernels.GeodesicPolygon(*self._arrays)

    def contains(self, lat, lng):
        """Whether each position lies within the polygon.

        Of a position on an edge or a vertex, exactly one of the polygons that meet there, in a tiling, says yes.

        Parameters
        ----------
        lat, lng : array_like of float
            Degrees.

        Returns
        -------
        bool or ndarray of bool

        Examples
        --------
        >>> import cellwise as cw
        >>> west = cw.Polygon([(0, 0), (0, 1), (1, 1), (1, 0)])
        >>> east = cw.Polygon([(0, 1), (0, 2), (1, 2), (1, 1)])
        >>> [west.contains(1, 1), east.contains(1, 1)].count(True) <= 1
        True
        """
        lat, lng = checked_latlng(lat, lng)
        flat_lat, flat_lng = np.ascontiguousarray(lat.ravel()), np.ascontiguousarray(lng.ravel())
        inside = np.empty(lat.size, bool)
        shape = self._shape
        for start in range(0, lat.size, CHUNK):
            rows = slice(start, start + CHUNK)
            shape.contains(flat_lat[rows], flat_lng[rows], inside[rows])
        return inside.item() if lat.ndim == 0 else inside.reshape(lat.shape)

    def area(self, *, unit="m2"):
        """Area in `unit`: m2, km2 or sr.

        Examples
        --------
        >>> import cellwise as cw
        >>> round(cw.Polygon([(0, 0), (0, 90), (90, 0)]).area(unit="sr"), 6)  # an eighth of the sphere
        1.570796
        """
        return self._shape.area() * area_unit(unit)

    def _area_at_most(self):
        """A bound on the area in steradians that costs nothing."""
        return self._shape.area_at_most()

    def to_shapely(self):
        """The vertices as a shapely Polygon or MultiPolygon, x the longitude; its edges are no geodesics any more."""
        import shapely

        parts = [shapely.Polygon(shell[:, ::-1], [hole[:, ::-1] for hole in holes]) for shell, *holes in self._parts]
        return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)

    def _cover(self, options):
        if options.center:
            return self._shape.cells_at_level(int(options.min_level), "center", cell_limit())
        return self._shape.cover(options.as_tuple())


def _restore_polygon(parts, oriented):
    return Polygon([list(rings) for rings in parts], oriented=oriented)


class Polyline:
    """Chain of geodesics.

    Parameters
    ----------
    vertices : array_like
        (lat, lng) in degrees, shape (n, 2). Repeated vertices are dropped. One vertex is a point.

    Raises
    ------
    InvalidRegionError
        If there is no vertex, two neighbours are opposite points of the sphere, or a coordinate is NaN or out of
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

    def __init__(self, vertices):
        vertices = _vertices("vertices", vertices)
        if len(vertices) == 0:
            raise InvalidRegionError("vertices must have at least 1 vertex: got 0")
        self._vertices = _without_repeats(vertices, closed=False)
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

    def __repr__(self):
        n = len(self._vertices)
        return f"Polyline({n} {'vertex' if n == 1 else 'vertices'})"

    def __eq__(self, other):
        if not isinstance(other, Polyline):
            return NotImplemented
        return self._canonical == other._canonical

    def __hash__(self):
        return hash(self._canonical)

    def __reduce__(self):
        return Polyline, (self._vertices,)

    @property
    def vertices(self):
        """Vertices without repeats, array of shape (n, 2) of (lat, lng) in degrees."""
        return self._vertices

    @cached_property
    def _canonical(self):
        vertices = tuple(zip((self._lat + 0.0).tolist(), (one_antimeridian(self._lng) + 0.0).tolist()))
        return min(vertices, vertices[::-1])

    def length(self, *, unit="m"):
        """Length in `unit`: m, km, rad or deg."""
        from .cells.geometry import latlng_distance

        if len(self._vertices) == 1:
            return 0.0
        angles = latlng_distance(self._lat[:-1], self._lng[:-1], self._lat[1:], self._lng[1:], unit="rad")
        return math.fsum(angles.tolist()) * length_unit(unit)

    def area(self, *, unit="m2"):
        """0: a line has no area."""
        return 0.0 * area_unit(unit)

    def to_shapely(self):
        """The vertices as a shapely LineString or Point, x the longitude; its edges are no geodesics any more."""
        import shapely

        vertices = self._vertices[:, ::-1]
        return shapely.Point(vertices[0]) if len(vertices) == 1 else shapely.LineString(vertices)

    def _cover(self, options):
        if options.interior:
            return np.empty(0, np.uint64)
        module = native_module()
        if module is not None:
            return module.cover_polyline(self._lat, self._lng, options.as_tuple())
        return options.cover_reference(kernels.PolylineShape(self._lat, self._lng))


class GeodesicCollection:
    """Polygons and polylines as one region: what a shapely collection with geodesic edges becomes.

    Parameters
    ----------
    parts : list of Polygon and Polyline

    Examples
    --------
    >>> import cellwise as cw
    >>> import shapely
    >>> cw.region(shapely.MultiPoint([(8, 50), (9, 51)]), edges="geodesic")
    GeodesicCollection(2 parts)
    """

    def __init__(self, parts):
        self.parts = tuple(parts)
        self._polygons = [part for part in self.parts if isinstance(part, Polygon)]
        self._lines = [part for part in self.parts if isinstance(part, Polyline)]

    def __repr__(self):
        return f"GeodesicCollection({len(self.parts)} parts)"

    def __eq__(self, other):
        if not isinstance(other, GeodesicCollection):
            return NotImplemented
        return self.parts == other.parts

    def __hash__(self):
        return hash(self.parts)

    def contains(self, lat, lng):
        """Whether each position lies within one of the polygons."""
        lat, lng = checked_latlng(lat, lng)
        inside = np.zeros(lat.shape, bool)
        for part in self._polygons:
            inside |= part.contains(lat, lng)
        return inside.item() if inside.ndim == 0 else inside

    def area(self, *, unit="m2"):
        """Area of the parts together in `unit`: m2, km2 or sr."""
        return math.fsum(part.area(unit=unit) for part in self.parts)

    def to_shapely(self):
        """The vertices as a shapely GeometryCollection, x the longitude; edges are no geodesics any more."""
        import shapely

        return shapely.GeometryCollection([part.to_shapely() for part in self.parts])

    def _cover(self, options):
        module = native_module()
        if module is None:
            shapes = [kernels.PolygonRegion(part._shape.index) for part in self._polygons]
            shapes += [kernels.PolylineShape(part._lat, part._lng) for part in self._lines]
            return options.cover_reference(kernels.CollectionShape(shapes))
        lat, lng = (
            np.concatenate([np.empty(0), *(getattr(part, name) for part in self._lines)]) for name in ("_lat", "_lng")
        )
        offsets = np.cumsum([0, *(len(part._lat) for part in self._lines)]).astype(np.uint32)
        return module.cover_collection([part._shape for part in self._polygons], lat, lng, offsets, options.as_tuple())
