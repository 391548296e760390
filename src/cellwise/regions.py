"""Regions of the sphere: rectangles and caps, and what else stands for a region."""

import math

import numpy as np

from . import geometries, inputs
from ._backend import native_module
from ._math.angles import angle_to_chord2, chord2, chord2_to_angle
from ._math.intervals import LatInterval, LngInterval
from ._math.projection import (
    degrees_to_radians,
    latlng_to_point,
    point_lat,
    point_lng,
    radians_to_degrees,
    wrap_lng,
)
from ._reference import regions as kernels
from .cell_union import CellUnion
from .cells.conversion import checked_latlng
from .errors import InvalidRegionError
from .planar import PlanarRegion
from .polygons import GeodesicCollection, Polygon, Polyline, nesting
from .units import area_unit, length_unit

__all__ = ["Cap", "Rect", "region"]


def _pair(name, value):
    try:
        lo, hi = value
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a pair (low, high): got {value!r}") from None
    return inputs.check_number(name, lo), inputs.check_number(name, hi)


class Rect:
    """Latitudes and longitudes between two bounds each.

    Parameters
    ----------
    lat : (float, float)
        South and north bound in -90..90 degrees, south first.
    lng : (float, float)
        West and east bound in -360..360 degrees. With west > east the rectangle crosses the antimeridian:
        ``lng=(170, -170)`` is 20 degrees wide, as is ``lng=(170, 190)``. Bounds 360 degrees or more apart mean all
        longitudes.

    Raises
    ------
    ValueError
        If a bound is out of range or south is north of north.

    See Also
    --------
    cover : Few cells that contain a region.

    Examples
    --------
    >>> import cellwise as cw
    >>> rect = cw.Rect(lat=(-30.241701, -30.000003), lng=(-51.264871, -51.04618))
    >>> rect
    Rect(lat=(-30.241701, -30.000003), lng=(-51.264871, -51.04618))
    >>> round(rect.area(unit="km2"), 1)
    565.3
    """

    __slots__ = ("lat", "lng")

    def __init__(self, lat, lng):
        self.lat, self.lng = _pair("lat", lat), _pair("lng", lng)
        for bound in self.lat:
            if abs(bound) > 90:
                hint = "; lat and lng look swapped" if max(map(abs, self.lng)) <= 90 else ""
                raise ValueError(f"lat must be in -90..90 degrees: got {bound!r}{hint}")
        for bound in self.lng:
            if abs(bound) > 360:
                raise ValueError(f"lng must be in -360..360 degrees: got {bound!r}")
        if self.lat[0] > self.lat[1]:
            raise ValueError(f"lat must be (south, north): got {self.lat!r}")

    def __repr__(self):
        return f"Rect(lat={self.lat!r}, lng={self.lng!r})"

    def __eq__(self, other):
        if not isinstance(other, Rect):
            return NotImplemented
        return (self.lat, self._radians.lng) == (other.lat, other._radians.lng)

    def __hash__(self):
        return hash((self.lat, self._radians.lng))

    @property
    def _radians(self):
        south, north = (degrees_to_radians(x) for x in self.lat)
        west, east = self.lng
        if east - west >= 360:
            lng = LngInterval(-math.pi, math.pi)
        else:
            # ±180 at the outer ends of the interval are one meridian; at the inner ends they are kept as given.
            west, east = float(wrap_lng(west)), float(wrap_lng(east))
            if (west, east) == (180.0, -180.0):
                east = 180.0
            lo, hi = LngInterval.make(degrees_to_radians(west), degrees_to_radians(east))
            lng = LngInterval(float(lo), float(hi))
        return kernels.Rect(LatInterval(south, north), lng)

    @property
    def is_thin(self):
        """Whether the rectangle has no width or no height, so that no cell lies within it."""
        shape = self._radians
        return shape.lat.lo == shape.lat.hi or shape.lng.lo == shape.lng.hi

    def contains(self, lat, lng):
        """Whether each position lies within the rectangle, bounds included.

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
        >>> cw.Rect(lat=(-10, 10), lng=(170, -170)).contains([0, 0], [179, 0])
        array([ True, False])
        """
        lat, lng = checked_latlng(lat, lng)
        lo, hi = self._radians.lng
        lng = degrees_to_radians(wrap_lng(lng))
        lng = np.where(lng == -np.pi, np.pi, lng)
        inside = (lng >= lo) & (lng <= hi) if lo <= hi else (lng >= lo) | (lng <= hi)
        inside = inside & (lat >= self.lat[0]) & (lat <= self.lat[1])
        return inside.item() if inside.ndim == 0 else inside

    def area(self, *, unit="m2"):
        """Area in `unit`: m2, km2 or sr."""
        shape = self._radians
        return float(shape.lng.length) * (math.sin(shape.lat.hi) - math.sin(shape.lat.lo)) * area_unit(unit)

    def _cover(self, options):
        shape = self._radians
        if options.interior and self.is_thin:
            return np.empty(0, np.uint64)
        module = native_module()
        if module is not None:
            return module.cover_rect(*shape.lat, *shape.lng, options.as_tuple())
        return options.cover_reference(shape)


class Cap:
    """All points within a distance of a centre.

    Parameters
    ----------
    lat, lng : float
        Centre in degrees.
    radius : float
        0 or more; half a great circle or more is the whole sphere.
    unit : {"m", "km", "rad", "deg"}
        Unit of the radius; metres and kilometres are those of a sphere of radius `EARTH_RADIUS_M`.

    See Also
    --------
    Cap.from_height : A cap by the height that it cuts off the sphere.

    Examples
    --------
    >>> import cellwise as cw
    >>> cap = cw.Cap(-30.0438, -51.14022, 1, unit="km")
    >>> cap
    Cap(-30.0438, -51.14022, 1.0, unit='km')
    >>> cap.contains([-30.0438, -30.1], [-51.14, -51.14])
    array([ True, False])
    """

    __slots__ = ("_radius2", "_size", "lat", "lng")

    def __init__(self, lat, lng, radius, unit="m"):
        self._set_center(lat, lng)
        radius = inputs.check_number("radius", radius)
        if radius < 0:
            raise ValueError(f"radius must be 0 or more: got {radius!r}")
        self._radius2 = angle_to_chord2(radius / length_unit(unit))
        self._size = f"{radius!r}, unit={unit!r}"

    def _set_center(self, lat, lng):
        self.lat, self.lng = inputs.check_number("lat", lat), inputs.check_number("lng", lng)
        checked_latlng(self.lat, self.lng)

    @classmethod
    def from_height(cls, lat, lng, height):
        """Cap of a given height: the unit sphere's part above a plane at that depth below the centre.

        Parameters
        ----------
        lat, lng : float
            Centre in degrees.
        height : float
            In 0..2, in units of the sphere's radius: 0 is a point, 1 a hemisphere, 2 the whole sphere.

        Returns
        -------
        Cap

        Examples
        --------
        >>> import cellwise as cw
        >>> cw.Cap.from_height(90, 0, 1).contains(0.1, 0)
        True
        """
        self = cls.__new__(cls)
        self._set_center(lat, lng)
        height = inputs.check_number("height", height)
        if not 0 <= height <= 2:
            raise ValueError(f"height must be in 0..2: got {height!r}")
        self._radius2 = min(4.0, 2 * height)
        self._size = f"height={height!r}"
        return self

    def __repr__(self):
        maker = "Cap.from_height" if self._size.startswith("height") else "Cap"
        return f"{maker}({self.lat!r}, {self.lng!r}, {self._size})"

    def __eq__(self, other):
        if not isinstance(other, Cap):
            return NotImplemented
        return (self.lat, self.lng, self._radius2) == (other.lat, other.lng, other._radius2)

    def __hash__(self):
        return hash((self.lat, self.lng, self._radius2))

    @property
    def _shape(self):
        return kernels.Cap(latlng_to_point(np.float64(self.lat), np.float64(self.lng)), self._radius2)

    def radius(self, *, unit="m"):
        """Angle from the centre to the edge, in `unit`: m, km, rad or deg."""
        return chord2_to_angle(self._radius2) * length_unit(unit)

    @property
    def height(self):
        """Height above the plane through the edge, in units of the sphere's radius."""
        return 0.5 * self._radius2

    def contains(self, lat, lng):
        """Whether each position lies within the cap, its edge included.

        Parameters
        ----------
        lat, lng : array_like of float
            Degrees.

        Returns
        -------
        bool or ndarray of bool
        """
        lat, lng = checked_latlng(lat, lng)
        inside = chord2(self._shape.center, latlng_to_point(lat, lng)) <= self._radius2
        return inside.item() if inside.ndim == 0 else inside

    def area(self, *, unit="m2"):
        """Area in `unit`: m2, km2 or sr."""
        return 2 * math.pi * self.height * area_unit(unit)

    def _cover(self, options):
        shape = self._shape
        if options.interior and self._radius2 == 0:
            return np.empty(0, np.uint64)
        module = native_module()
        if module is not None:
            return module.cover_cap(*shape.center.tolist(), self._radius2, options.as_tuple())
        return options.cover_reference(shape)


EDGES = ("planar", "geodesic")


def region(anything, *, edges=None, oriented=False, on_invalid="raise"):
    """The region that a value stands for.

    Parameters
    ----------
    anything : Rect, Cap, Polygon, Polyline, CellUnion, geometry or array_like
        A geometry is one of shapely, a GeoJSON dict, WKB bytes, or anything with ``__geo_interface__``. An array of
        vertices (lat, lng), or lists of them, are a `Polygon`. Regions of s2sphere (LatLngRect, Cap, CellUnion) are
        the same here.
    edges : {"planar", "geodesic"}, optional
        How edges run: see `cover`. A geometry is planar by default, vertices are geodesic.
    oriented : bool
        With geodesic edges: whether a ring means the side on its left, instead of the smaller one.
    on_invalid : {"raise", "fix"}
        Whether to raise if a geometry is invalid, or to mend it with shapely's ``make_valid``.

    Returns
    -------
    Rect, Cap, Polygon, Polyline, CellUnion or PlanarRegion

    Raises
    ------
    InvalidRegionError
        If the value is no region.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.region(cw.Cap(0, 0, 1, unit="deg"))
    Cap(0.0, 0.0, 1.0, unit='deg')
    >>> cw.region({"type": "Point", "coordinates": [-51.23, -30.03]})
    PlanarRegion(Point)
    >>> cw.region([(0, 0), (0, 1), (1, 1)])
    Polygon(3 vertices)
    """
    if edges is not None:
        inputs.check_choice("edges", edges, EDGES)
    if geometries.is_geometry(anything):
        given = geometries.read(anything)
        if not given.single:
            raise InvalidRegionError(
                f"region must be one geometry: got {len(given.rows)} rows of {type(anything).__name__}"
            )
        made = checked_regions(given, edges, oriented, on_invalid)[0]
        if made is None:
            raise InvalidRegionError(f"region must be valid: got {type(anything).__name__} that is not")
        return made
    if type(anything).__module__.partition(".")[0] == "s2sphere":
        anything = _from_s2sphere(anything)
    elif isinstance(anything, (list, tuple, np.ndarray)) and nesting(anything) > 1:
        anything = Polygon(anything, oriented=oriented)
        oriented = False
    if not isinstance(anything, (Rect, Cap, Polygon, Polyline, GeodesicCollection, PlanarRegion, CellUnion)):
        raise InvalidRegionError(
            "region must be a Rect, Cap, Polygon, Polyline, CellUnion, a geometry, vertices or a region of s2sphere: "
            f"got {type(anything).__name__}"
        )
    if oriented:
        raise TypeError(f"oriented is for geometries and vertices: got {type(anything).__name__}")
    if edges == "planar" and isinstance(anything, (Polygon, Polyline, GeodesicCollection)):
        return PlanarRegion(anything.to_shapely())
    if edges == "geodesic" and isinstance(anything, PlanarRegion):
        return region(anything.geometry, edges=edges)
    if edges is not None and isinstance(anything, (Rect, Cap, CellUnion)):
        raise TypeError(f"edges is for polygons and lines: got {type(anything).__name__}")
    return anything


def checked_regions(given, edges, oriented, on_invalid, wanted=None):
    """A region for each row of geometries; None where it is left out.

    With geodesic edges only the `wanted` rows are looked at.
    """
    if edges is None or edges == "planar":
        if oriented:
            raise ValueError("oriented must be False with planar edges: got True")
        rows = geometries.check(given, on_invalid)
        return [None if row is None else PlanarRegion._from_checked(row) for row in rows]
    inputs.check_choice("edges", edges, EDGES)

    wanted = np.ones(len(given.rows), bool) if wanted is None else wanted
    made = np.full(len(given.rows), None, object)

    def fault_of(row, geometry):
        try:
            made[row] = geodesic_region(geometry, oriented)
        except InvalidRegionError as why:
            return f"a polygon that is no geodesic one: {why}"
        return None

    rows = geometries.check(given, on_invalid, fault_of, wanted)
    for k in np.flatnonzero(wanted):
        if rows[k] is None:
            made[k] = None
        elif made[k] is None:
            made[k] = geodesic_region(rows[k], oriented)
    return made


def geodesic_region(geometry, oriented=False):
    """A shapely geometry with geodesics for edges."""
    import shapely

    parts = geometries.flat(geometry)
    areas = [part for part in parts if shapely.get_dimensions(part) == 2]
    lines = [Polyline(shapely.get_coordinates(part)[:, ::-1]) for part in parts if shapely.get_dimensions(part) < 2]
    polygon = [Polygon([geometries.rings(part) for part in areas], oriented=oriented)] if areas else []
    made = polygon + lines
    return made[0] if len(made) == 1 else GeodesicCollection(made)


def _from_s2sphere(anything):
    kind = type(anything).__name__
    if kind == "LatLngRect":
        if anything.is_empty():
            raise InvalidRegionError("region must not be empty: got an empty s2sphere.LatLngRect")
        lo, hi = anything.lo(), anything.hi()
        return Rect(lat=(lo.lat().degrees, hi.lat().degrees), lng=(lo.lng().degrees, hi.lng().degrees))
    if kind == "Cap":
        x, y, z = (anything.axis()[k] for k in range(3))
        xyz = np.array([x, y, z], np.float64)
        lat, lng = (float(radians_to_degrees(f(xyz))) for f in (point_lat, point_lng))
        return Cap.from_height(lat, lng, anything.height())
    if kind == "CellUnion":
        return CellUnion([cell.id() for cell in anything.cell_ids()])
    if kind in ("Cell", "CellId"):
        return CellUnion([anything.id().id() if kind == "Cell" else anything.id()])
    raise InvalidRegionError(f"region must be a LatLngRect, Cap or CellUnion of s2sphere: got {kind}")
