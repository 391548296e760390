"""Regions with a margin: everything within a distance of another region."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._backend import made_by_kernels
from ._bounds import Bounds, grown
from ._lines import cut, disc
from ._region import Region
from .chains import parts_of

if TYPE_CHECKING:
    import shapely


class BufferedRegion(Region):
    """Everything within an angle of a region, as `Region.buffered` makes it.

    Parameters
    ----------
    region : Polygon, Polyline, GeodesicCollection or PlanarRegion
    angle : float
        Radians, less than a quarter turn.

    Examples
    --------
    >>> import cellwise as cw
    >>> line = cw.Polyline([(-30.03, -51.23), (-30.03, -51.13)])
    >>> near = line.buffered(2, unit="km")
    >>> near.contains([-30.04, -30.06], -51.2)
    array([ True, False])
    """

    def __init__(self, region: Region, angle: float) -> None:
        self.region, self.angle = region, angle

    def __repr__(self) -> str:
        return f"BufferedRegion({self.region!r}, {self.angle!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BufferedRegion):
            return NotImplemented
        return (self.region, self.angle) == (other.region, other.angle)

    def __hash__(self) -> int:
        return hash((self.region, self.angle))

    def __reduce__(self) -> tuple[object, ...]:
        return BufferedRegion, (self.region, self.angle)

    @made_by_kernels
    def _shape(self, kernels: Any) -> Any:
        return kernels.BufferedShape(self.region._shape, self.angle)

    @property
    def bounds(self) -> Bounds:  # noqa: D102, documented by Region
        return grown(self.region.bounds, self.angle)

    def to_shapely(self) -> shapely.Geometry:
        """About the outline, cut at 180: discs along the border, within 1 % of the distance of where it is."""
        import shapely

        border = self.region.boundary()
        points = shapely.get_coordinates(shapely.segmentize(border, max(math.degrees(self.angle) / 4, 1e-9)))
        parts = parts_of(self.region.to_shapely())
        points = np.unique(np.concatenate((points, shapely.get_coordinates(parts))), axis=0)
        areas = [cut(part) for part in parts[shapely.get_dimensions(parts) == 2]]
        return shapely.union_all([*(disc(lat, lng, self.angle, 60) for lng, lat in points), *areas])

    def boundary(self) -> shapely.Geometry:
        """The border of `to_shapely`."""
        return self.to_shapely().boundary

    def _buffered(self, angle: float) -> BufferedRegion:
        return BufferedRegion(self.region, self.angle + angle)
