"""Caps: all points within a distance of a center."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._backend import kernels
from .._math.angles import angle_to_chord2, chord2_to_angle
from .._math.longitudes import one_antimeridian
from .._math.projection import latlng_to_point
from .._typing import FloatScalar, LengthUnit
from ..cells.conversion import checked_latlng
from ..inputs import check_number
from ..units import length_unit
from ._bounds import Bounds, grown
from ._lines import circle_points, disc, to_linestrings
from ._region import Region, margin_angle

if TYPE_CHECKING:
    import shapely


class Cap(Region):
    """All points within a distance of a center.

    Parameters
    ----------
    lat, lng : float
        Center in degrees.
    radius : float
        0 or more; half a great circle or more is the whole sphere.
    unit : {"m", "km", "rad", "deg"}
        Unit of the radius; meters and kilometers are those of a sphere of radius `EARTH_RADIUS_M`.

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

    _widest_margin = math.inf

    __slots__ = ("_radius2", "_size", "lat", "lng")

    def __init__(self, lat: FloatScalar, lng: FloatScalar, radius: FloatScalar, unit: LengthUnit = "m") -> None:
        self._radius2 = angle_to_chord2(margin_angle("radius", radius, unit))
        self._size = f"{float(radius)!r}, unit={unit!r}"
        self._set_center(lat, lng)

    def _set_center(self, lat: FloatScalar, lng: FloatScalar) -> None:
        self.lat, self.lng = check_number("lat", lat), check_number("lng", lng)
        checked_latlng(self.lat, self.lng)

    @classmethod
    def from_height(cls, lat: FloatScalar, lng: FloatScalar, height: FloatScalar) -> Cap:
        """Cap of a given height: the unit sphere's part above a plane at that depth below the center.

        Parameters
        ----------
        lat, lng : float
            Center in degrees.
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
        height = check_number("height", height)
        if not 0 <= height <= 2:
            raise ValueError(f"height must be in 0..2: got {height!r}")
        self._set_center(lat, lng)
        self._radius2 = min(4.0, 2 * height)
        self._size = f"height={height!r}"
        return self

    def __repr__(self) -> str:
        maker = "Cap.from_height" if self._size.startswith("height") else "Cap"
        return f"{maker}({self.lat!r}, {self.lng!r}, {self._size})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cap):
            return NotImplemented
        return (self.lat, self.lng, self._radius2) == (other.lat, other.lng, other._radius2)

    def __hash__(self) -> int:
        return hash((self.lat, self.lng, self._radius2))

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (self.lat, self.lng, self._radius2, self._size)

    @property
    def _shape(self) -> Any:
        return kernels().CapShape(latlng_to_point(np.float64(self.lat), np.float64(self.lng)), self._radius2)

    def radius(self, *, unit: LengthUnit = "m") -> float:
        """Angle from the center to the edge, in `unit`: m, km, rad or deg."""
        return chord2_to_angle(self._radius2) * length_unit(unit)

    def height(self) -> float:
        """Height above the plane through the edge, in radii of the sphere: 0 for a point, 2 for the whole sphere."""
        return 0.5 * self._radius2

    @property
    def bounds(self) -> Bounds:  # noqa: D102, told by Region
        at = self.lat, self.lat, float(one_antimeridian(self.lng)), float(one_antimeridian(self.lng))
        return grown(at, self.radius(unit="rad"))

    def to_shapely(self) -> shapely.Geometry:
        """A polygon of 180 vertices on the edge, cut at 180; its sides lie within 0.02 % of the radius of the edge."""
        return disc(self.lat, self.lng, self.radius(unit="rad"))

    def boundary(self) -> shapely.Geometry:
        """The edge, a point about every degree of it; nothing for the whole sphere."""
        import shapely

        if self.height() >= 2:
            return shapely.MultiLineString()
        lat, lng = circle_points(self.lat, self.lng, self.radius(unit="rad"), 360)
        return to_linestrings(lat, lng)

    def _buffered(self, angle: float) -> Cap:
        return Cap(self.lat, self.lng, self.radius(unit="rad") + angle, unit="rad")


def _restored(lat: float, lng: float, radius2: float, size: str) -> Cap:
    cap = Cap.__new__(Cap)
    cap._set_center(lat, lng)
    cap._radius2, cap._size = radius2, size
    return cap
