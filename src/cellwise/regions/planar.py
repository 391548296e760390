"""Geometries whose edges are straight in longitude and latitude: what GIS programs draw, and GeoPandas joins."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from .._backend import made_by_kernels
from .._math.longitudes import one_antimeridian
from ..errors import InvalidRegionError
from ..inputs.geometries import read
from ._bounds import Bounds
from ._region import Region
from .buffered import BufferedRegion
from .chains import Chains, chains_of, one_row, parts_of
from .validity import check

if TYPE_CHECKING:
    import shapely


class PlanarRegion(Region):
    """Region of points, lines and polygons with edges straight in longitude and latitude.

    Made by `region` from whatever holds a geometry; `cover` takes that directly.

    Parameters
    ----------
    geometry : shapely.Geometry
        In degrees, x the longitude in -360..360, y the latitude; z is ignored. Positions whole turns of longitude
        apart are the same place: a box from 170 to 190 is the pair of boxes on both sides of the antimeridian, while
        one with the edges 170 and -170 is 340 degrees wide. Polygons must be valid in the sense of shapely.

    Attributes
    ----------
    geometry : shapely.Geometry
        As given; polygons of a collection that may overlap are made one.

    Raises
    ------
    InvalidRegionError
        If a coordinate is missing or out of range, or a polygon is invalid.

    See Also
    --------
    Polygon : The same with geodesics for edges.

    Examples
    --------
    >>> import cellwise as cw
    >>> import shapely
    >>> box = cw.region(shapely.box(-120, 40, -60, 49))
    >>> box
    PlanarRegion(Polygon)
    >>> box.contains([48.9, 51.5], -90)  # the geodesic between the northern corners goes to 53.0
    array([ True, False])
    """

    _edges = "planar"

    def __init__(self, geometry: shapely.Geometry) -> None:
        import shapely

        if not isinstance(geometry, shapely.Geometry):
            raise InvalidRegionError(f"geometry must be a shapely geometry: got {type(geometry).__name__}")
        (self.geometry,) = check(read(geometry), "raise")

    @classmethod
    def _from_checked(cls, geometry: shapely.Geometry) -> PlanarRegion:
        self = cls.__new__(cls)
        self.geometry = geometry
        return self

    def __repr__(self) -> str:
        return f"PlanarRegion({self.geometry.geom_type})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PlanarRegion):
            return NotImplemented
        return bool(self.geometry == other.geometry)

    def __hash__(self) -> int:
        return hash(self.geometry)

    def __reduce__(self) -> tuple[object, ...]:
        return PlanarRegion._from_checked, (self.geometry,)

    @cached_property
    def _chains(self) -> Chains:
        return chains_of(one_row(self.geometry))

    @made_by_kernels
    def _shape(self, kernels: Any) -> Any:
        return kernels.PlanarShape(self._chains)

    @property
    def bounds(self) -> Bounds:  # noqa: D102, documented by Region
        west, south, east, north = self.geometry.bounds
        if east - west >= 360:
            return south, north, -180.0, 180.0
        return south, north, float(one_antimeridian(west)), float(one_antimeridian(east))

    def to_shapely(self) -> shapely.Geometry:
        """The geometry."""
        return self.geometry

    def boundary(self) -> shapely.Geometry:
        """Rings of polygons, and lines as they are; points have none."""
        import shapely

        parts = parts_of(self.geometry)
        dimension = shapely.get_dimensions(parts)
        lines = [*shapely.get_parts(shapely.boundary(parts[dimension == 2])), *parts[dimension == 1]]
        return shapely.MultiLineString(shapely.get_parts(lines).tolist() if lines else None)

    def _buffered(self, angle: float) -> Region:
        return BufferedRegion(self, angle)
