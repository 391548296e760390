"""Rectangles of latitude and longitude."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .._backend import kernels
from .._math.intervals import LngInterval
from .._math.projection import degrees_to_radians, wrap_lng
from .._typing import FloatScalar
from ..inputs import check_number, swapped_hint
from ._bounds import Bounds
from ._region import Region
from .buffered import BufferedRegion
from .planar import PlanarRegion

if TYPE_CHECKING:
    import shapely


def _pair(name: str, value: Any) -> tuple[float, float]:
    try:
        lo, hi = value
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a pair (low, high): got {value!r}") from None
    return check_number(name, lo), check_number(name, hi)


class Rect(Region):
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
    >>> cw.Rect(lat=(-10, 10), lng=(170, -170)).contains([0, 0], [179, 0])
    array([ True, False])
    """

    __slots__ = ("lat", "lng")

    def __init__(self, lat: tuple[FloatScalar, FloatScalar], lng: tuple[FloatScalar, FloatScalar]) -> None:
        self.lat, self.lng = _pair("lat", lat), _pair("lng", lng)
        for bound in self.lat:
            if abs(bound) > 90:
                raise ValueError(f"lat must be in -90..90 degrees: got {bound!r}{swapped_hint(bound, *self.lng)}")
        for bound in self.lng:
            if abs(bound) > 360:
                raise ValueError(f"lng must be in -360..360 degrees: got {bound!r}")
        if self.lat[0] > self.lat[1]:
            raise ValueError(f"lat must be (south, north): got {self.lat!r}")

    def __repr__(self) -> str:
        return f"Rect(lat={self.lat!r}, lng={self.lng!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rect):
            return NotImplemented
        return (self.lat, self._lng_radians) == (other.lat, other._lng_radians)

    def __hash__(self) -> int:
        return hash((self.lat, self._lng_radians))

    def __reduce__(self) -> tuple[object, ...]:
        return Rect, (self.lat, self.lng)

    @property
    def _lng_radians(self) -> tuple[float, float]:
        west, east = self.lng
        if east - west >= 360:
            return -math.pi, math.pi
        # ±180 at the outer ends of the interval are one meridian; at the inner ends they are kept as given.
        west, east = float(wrap_lng(west)), float(wrap_lng(east))
        if (west, east) == (180.0, -180.0):
            east = 180.0
        lo, hi = LngInterval.make(degrees_to_radians(west), degrees_to_radians(east))
        return float(lo), float(hi)

    @property
    def is_thin(self) -> bool:
        """Whether the rectangle has no width or no height, so that no cell lies within it."""
        lo, hi = self._lng_radians
        return self.lat[0] == self.lat[1] or lo == hi

    @property
    def _shape(self) -> Any:
        return kernels().RectShape(*(degrees_to_radians(x) for x in self.lat), *self._lng_radians)

    @property
    def bounds(self) -> Bounds:  # noqa: D102, documented by Region
        west, east = self.lng
        if east - west >= 360:
            return *self.lat, -180.0, 180.0
        west, east = float(wrap_lng(west)), float(wrap_lng(east))
        return *self.lat, west, 180.0 if (west, east) == (180.0, -180.0) else east

    @property
    def _box(self) -> tuple[float, float, float, float]:
        """West, south, east, north, with east at most 360 degrees east of west."""
        west, east = self.lng
        if east - west >= 360:
            return -180.0, self.lat[0], 180.0, self.lat[1]
        return west, self.lat[0], west + (east - west) % 360, self.lat[1]

    def to_shapely(self) -> shapely.Polygon:
        """The rectangle as a shapely Polygon; across 180 its longitudes run on beyond it."""
        import shapely

        return shapely.box(*self._box)

    def boundary(self) -> shapely.Geometry:  # noqa: D102, documented by Region
        import shapely

        west, south, east, north = self._box
        if east - west == 360:
            return shapely.MultiLineString([[(west, lat), (east, lat)] for lat in (south, north)])
        return shapely.LineString([(west, south), (east, south), (east, north), (west, north), (west, south)])

    def _buffered(self, angle: float) -> Region:
        return BufferedRegion(PlanarRegion(self.to_shapely()), angle)
