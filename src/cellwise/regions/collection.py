"""Polygons and lines with geodesics for edges, as one region."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .._backend import made_by_kernels
from ._bounds import NOWHERE, Bounds, united
from ._region import Region
from .buffered import BufferedRegion
from .polygon import Polygon
from .polyline import Polyline

if TYPE_CHECKING:
    import shapely


class GeodesicCollection(Region):
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

    _edges = "geodesic"

    def __init__(self, parts: Iterable[Polygon | Polyline]) -> None:
        self.parts = tuple(parts)
        for part in self.parts:
            if not isinstance(part, (Polygon, Polyline)):
                raise TypeError(f"parts must be Polygons and Polylines: got {type(part).__name__}")

    def __repr__(self) -> str:
        return f"GeodesicCollection({len(self.parts)} parts)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GeodesicCollection):
            return NotImplemented
        return self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)

    def __reduce__(self) -> tuple[object, ...]:
        return GeodesicCollection, (self.parts,)

    @made_by_kernels
    def _shape(self, kernels: Any) -> Any:
        return kernels.CollectionShape([part._shape for part in self.parts])

    @property
    def bounds(self) -> Bounds:  # noqa: D102, documented by Region
        return united([part.bounds for part in self.parts]) if self.parts else NOWHERE

    def to_shapely(self) -> shapely.GeometryCollection:
        """The vertices as a shapely GeometryCollection, x the longitude; edges are no geodesics any more."""
        import shapely

        return shapely.GeometryCollection([part.to_shapely() for part in self.parts])

    def boundary(self) -> shapely.Geometry:  # noqa: D102, documented by Region
        import shapely

        return shapely.MultiLineString(shapely.get_parts([part.boundary() for part in self.parts]).tolist() or None)

    def _buffered(self, angle: float) -> Region:
        return BufferedRegion(self, angle)
