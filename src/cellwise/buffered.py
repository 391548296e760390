"""Regions with a margin: everything within a distance of a geometry."""

import math

import numpy as np

from . import geometries, inputs
from ._backend import native_module
from ._reference import buffered as kernels
from .cells.conversion import checked_latlng
from .planar import PlanarRegion
from .polygons import GeodesicCollection, Polygon, Polyline
from .regions import Cap, Rect
from .units import area_unit, length_unit


def buffered(region, radius, unit):
    """The region with a margin of `radius` round it; the region itself if that is 0.

    Raises
    ------
    ValueError
        If the radius is negative, or a quarter of a great circle or more for what is no cap.
    """
    radius = inputs.check_number("buffer", radius)
    angle = radius / length_unit(unit)
    if radius < 0:
        raise ValueError(f"buffer must be 0 or more: got {radius!r}")
    if angle == 0:
        return region
    if isinstance(region, Cap):
        return Cap(region.lat, region.lng, region.radius(unit="rad") + angle, unit="rad")
    if angle >= math.pi / 2:
        raise ValueError(f"buffer must be less than a quarter of a great circle: got {radius!r} {unit}")
    if isinstance(region, Rect):
        return BufferedRegion(_planar_box(region), angle)
    if isinstance(region, (PlanarRegion, Polygon, Polyline, GeodesicCollection)):
        return BufferedRegion(region, angle)
    return region.expand(radius=angle, unit="rad")  # a CellUnion


def _planar_box(rect):
    import shapely

    west, east = rect.lng
    return PlanarRegion(shapely.box(west, rect.lat[0], east + 360 if east < west else east, rect.lat[1]))


class BufferedRegion:
    """Everything within an angle of a region.

    Parameters
    ----------
    region : PlanarRegion, Polygon, Polyline or GeodesicCollection
    angle : float
        Radians, less than a quarter turn.
    """

    def __init__(self, region, angle):
        self.region, self.angle = region, angle

    def __repr__(self):
        return f"BufferedRegion({self.region!r}, {self.angle!r})"

    def _shape(self):
        """What answers questions, of the backend in use."""
        module = native_module()
        kind = module.BufferedRegion if module is not None else kernels.BufferedRegion
        if isinstance(self.region, PlanarRegion):
            chains, polygons = self.region._chains, []
        else:
            parts = getattr(self.region, "parts", (self.region,))
            polygons = [part._shape for part in parts if isinstance(part, Polygon)]
            chains = _chains(parts)
        planar = isinstance(self.region, PlanarRegion)
        return kind(chains.xy, chains.offsets, chains.roles, self.angle, planar, polygons)

    def contains(self, lat, lng):
        """Whether each position lies within the distance of the region."""
        lat, lng = checked_latlng(lat, lng)
        inside = np.empty(lat.size, bool)
        self._shape().contains(np.ascontiguousarray(lat.ravel()), np.ascontiguousarray(lng.ravel()), inside)
        return inside.item() if lat.ndim == 0 else inside.reshape(lat.shape)

    def area(self, *, unit="m2"):
        """About the area in `unit`, and never less: the region's, and a band along all edges."""
        chains = (
            self.region._chains
            if isinstance(self.region, PlanarRegion)
            else _chains(getattr(self.region, "parts", (self.region,)))
        )
        radians = np.radians(chains.lat), np.radians(chains.lng)
        steps = np.hypot(np.diff(radians[0]), np.diff(radians[1])) if len(chains.lat) else np.zeros(0)
        steps[chains.offsets[1:-1] - 1] = 0
        cap = 2 * math.pi * (1 - math.cos(self.angle))
        band = float(steps.sum()) * 4 * math.sin(self.angle) + cap * len(chains.roles)
        return min(self.region.area(unit="sr") + band, 4 * math.pi) * area_unit(unit)

    def _cover(self, options):
        return self._shape().cover(options.as_tuple())


def _chains(parts):
    """Geodesic polygons and lines as chains."""
    rings = [(ring, geometries.SHELL) for part in parts if isinstance(part, Polygon) for ring in part.rings]
    rings += [(part.vertices, geometries.LINE) for part in parts if isinstance(part, Polyline)]
    vertices = np.concatenate([np.empty((0, 2)), *(ring for ring, _ in rings)])
    return geometries.Chains(
        np.ascontiguousarray(vertices[:, ::-1]),
        np.cumsum([0, *(len(ring) for ring, _ in rings)]),
        np.array([role for _, role in rings], np.uint8),
        np.array([0, len(rings)]),
    )
