"""What every region answers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .._typing import AreaUnit, BoolArray, FloatLike, FloatScalar, LengthUnit, OnInvalid
from ..cells.conversion import checked_latlng
from ..inputs import check_number, finish, says_na
from ..units import area_unit, length_unit

if TYPE_CHECKING:
    import shapely

    from .._cover_options import CoverOptions

CHUNK = 1 << 18  # positions in one call of the backend, so that Ctrl-C is noticed


def margin_angle(name: str, radius: FloatScalar, unit: LengthUnit) -> float:
    """The angle in radians of a finite radius of 0 or more, which messages call `name`."""
    size, number = length_unit(unit), check_number(name, radius)
    if number < 0:
        raise ValueError(f"{name} must be 0 or more: got {number!r}")
    return number / size


class Region(ABC):
    """A part of the sphere: the base class of `Rect`, `Cap`, `Polygon`, `Polyline`, `CellUnion` and the others.

    Every region tells which positions it contains, its area and bounds, what it looks like in longitude and latitude
    (`to_shapely`, `boundary`), and what lies within some distance of it (`buffered`); and `cover` covers it.

    Notes
    -----
    A new kind of region defines `area`, `bounds`, `to_shapely`, `boundary`, `_buffered`, and `_shape`, which the
    backend makes of it and which answers `contains` and `cover`.

    Examples
    --------
    >>> import cellwise as cw
    >>> isinstance(cw.Cap(0, 0, 1000), cw.Region)
    True
    """

    __slots__ = ()

    # What the backend in use makes of the region: `cellwise._backend.signatures.SHAPE` tells what it answers.
    _shape: Any
    # How the edges run, "planar" or "geodesic"; None for a region that has none.
    _edges: str | None = None

    @overload
    def contains(self, lat: FloatScalar, lng: FloatScalar, *, on_invalid: OnInvalid = "raise") -> bool: ...
    @overload
    def contains(self, lat: FloatLike, lng: FloatLike, *, on_invalid: OnInvalid = "raise") -> BoolArray: ...
    def contains(self, lat: FloatLike, lng: FloatLike, *, on_invalid: OnInvalid = "raise") -> Any:
        """Whether each position lies in the region.

        Parameters
        ----------
        lat, lng : array_like of float
            Degrees.
        on_invalid : {"raise", "warn", "null"}
            What happens to positions that are missing or out of range: an error, or False with or without an
            `InvalidCoordinatesWarning`.

        Returns
        -------
        bool or ndarray of bool
        """
        lat, lng, is_valid, given = checked_latlng(lat, lng, on_invalid)
        if not is_valid.all():  # anywhere: the answer is replaced
            lat, lng = (np.where(is_valid, x, 0) for x in (lat, lng))
        flat_lat, flat_lng = (np.ascontiguousarray(x.ravel(), np.float64) for x in (lat, lng))
        inside = np.empty(lat.size, bool)
        shape = self._shape
        for start in range(0, lat.size, CHUNK):
            rows = slice(start, start + CHUNK)
            shape.contains(flat_lat[rows], flat_lng[rows], inside[rows])
        inside &= is_valid.ravel()
        return finish(inside.reshape(lat.shape), given, lat.shape, ~is_valid if says_na(given, on_invalid) else None)

    def area(self, *, unit: AreaUnit = "m2") -> float:
        """Area in `unit`: m2, km2 or sr."""
        size = area_unit(unit)
        return float(self._shape.area()) * size

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float, float, float]:
        """Least and greatest latitude, and western and eastern longitude, in degrees, as `cell_bounds` has them.

        The bounds hold the region, and are as tight as roundings allow, but for regions with a margin. Where the
        region lies across 180 the western longitude is the greater one. They are NaN for a region that is empty.
        """

    @abstractmethod
    def to_shapely(self) -> shapely.Geometry:
        """The region as a shapely geometry in degrees, x the longitude."""

    @abstractmethod
    def boundary(self) -> shapely.Geometry:
        """Lines along the border, or along the region where it has no area, as a shapely geometry to be drawn.

        Longitudes run on across 180, and curves have a point about every degree.
        """

    def buffered(self, radius: FloatScalar, *, unit: LengthUnit = "m") -> Region:
        """Everything within a distance of the region, the region included.

        Parameters
        ----------
        radius : float
            0 or more, and less than a quarter of a great circle for what is no `Cap`. The distance is that to the
            edges as they run, on the sphere.
        unit : {"m", "km", "rad", "deg"}
            Unit of `radius`; meters and kilometers are those of a sphere of radius `EARTH_RADIUS_M`.

        Returns
        -------
        Region
            The region itself if the radius is 0. A CellUnion grows by cells, as `CellUnion.expand` has it.

        Examples
        --------
        >>> import cellwise as cw
        >>> cw.Cap(0, 0, 1, unit="km").buffered(500).radius().__round__()
        1500
        """
        return self._within(radius, unit, "radius")

    def _within(self, radius: FloatScalar, unit: LengthUnit, name: str) -> Region:
        """The same, of a radius that messages call `name`."""
        angle = self._check_margin(radius, unit, name)
        return self if angle == 0 else self._buffered(angle)

    @classmethod
    def _check_margin(cls, radius: FloatScalar, unit: LengthUnit, name: str) -> float:
        """The radius in radians; raise if it is out of range."""
        angle = margin_angle(name, radius, unit)
        if angle >= cls._widest_margin:
            raise ValueError(f"{name} must be less than a quarter of a great circle: got {radius!r} {unit}")
        return angle

    # Margins of this angle and more are refused.
    _widest_margin = math.pi / 2

    @abstractmethod
    def _buffered(self, angle: float) -> Region:
        """Everything within an angle in radians, more than 0."""

    def _cover(self, options: CoverOptions) -> Any:
        """Cells of a covering; raises `CoverLimit`."""
        return self._shape.cover(options)
