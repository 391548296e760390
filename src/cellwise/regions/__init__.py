"""Regions of the sphere: what can be covered."""

from __future__ import annotations

from ._read import region
from ._region import Region
from .buffered import BufferedRegion
from .cap import Cap
from .collection import GeodesicCollection
from .planar import PlanarRegion
from .polygon import Polygon
from .polyline import Polyline
from .rect import Rect

__all__ = [
    "BufferedRegion",
    "Cap",
    "GeodesicCollection",
    "PlanarRegion",
    "Polygon",
    "Polyline",
    "Rect",
    "Region",
    "region",
]
