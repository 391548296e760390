"""Geometries whose edges are straight in longitude and latitude: what GIS programs draw, and GeoPandas joins."""

from functools import cached_property
from itertools import pairwise

import numpy as np

from . import geometries
from ._backend import native_module
from ._config import cell_limit
from ._reference import covering as reference
from ._reference import planar as kernels
from .cells.conversion import checked_latlng
from .errors import InvalidRegionError
from .ragged import joined
from .units import area_unit


class PlanarRegion:
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

    __slots__ = ("__dict__", "geometry")

    def __init__(self, geometry):
        import shapely

        if not isinstance(geometry, shapely.Geometry):
            raise InvalidRegionError(f"geometry must be a shapely geometry: got {type(geometry).__name__}")
        (self.geometry,) = geometries.check(geometries.read(geometry), "raise")

    @classmethod
    def _from_checked(cls, geometry):
        self = cls.__new__(cls)
        self.geometry = geometry
        return self

    def __repr__(self):
        return f"PlanarRegion({self.geometry.geom_type})"

    def __eq__(self, other):
        if not isinstance(other, PlanarRegion):
            return NotImplemented
        return bool(self.geometry == other.geometry)

    def __hash__(self):
        return hash(self.geometry)

    def __reduce__(self):
        return PlanarRegion._from_checked, (self.geometry,)

    @cached_property
    def _chains(self):
        return geometries.chains(geometries.one_row(self.geometry))

    @cached_property
    def _prepared(self):
        import shapely

        shapely.prepare(self.geometry)
        return self.geometry

    def contains(self, lat, lng):
        """Whether each position lies in the region, its boundary included.

        Exact: the same as shapely's ``covers`` for positions within the geometry's range of longitudes.

        Parameters
        ----------
        lat, lng : array_like of float
            Degrees.

        Returns
        -------
        bool or ndarray of bool
        """
        import shapely

        lat, lng = checked_latlng(lat, lng)
        west, south, east, north = self.geometry.bounds
        inside = np.zeros(lat.shape, bool)
        for turns in range(-2, 3):
            x = lng + 360.0 * turns
            near = ~inside & (x >= west) & (x <= east) & (lat >= south) & (lat <= north)
            inside[near] = shapely.intersects_xy(self._prepared, x[near], lat[near])
        at_pole = ~inside & (np.abs(lat) == 90)  # one place with every longitude
        for pole in (-90.0, 90.0):
            if (here := at_pole & (lat == pole)).any():
                inside[here] = south <= pole <= north
        return inside.item() if inside.ndim == 0 else inside

    def area(self, *, unit="m2"):
        """Area in `unit`: m2, km2 or sr; of the polygons, whose parts do not overlap."""
        return float(geometries.areas(self._chains)[0]) * area_unit(unit)

    def _cover(self, options):
        cells, _, fault, _ = cover_rows(self._chains, options)
        return fault or cells


def doubtful_rows(chains):
    """Whether a row has to be looked at: coordinates may be out of range, polygons invalid, or edges very long."""
    module = native_module()
    return np.ones(len(chains.rows) - 1, bool) if module is None else module.undecided_rows(*chains).view(bool)


def cover_sure_rows(chains, options):
    """As `cover_rows`, of the rows that are not doubtful; the others are `left` and have no cells."""
    module = native_module()
    if module is None:
        n = len(chains.rows) - 1
        return np.empty(0, np.uint64), np.zeros(n + 1, np.int64), np.ones(n, bool), "", n
    cells, offsets, left, fault, row = module.cover_planar(*_arguments(chains, options), True)
    return cells, offsets, left.view(bool), fault, row


def _arguments(chains, options):
    *others, candidate_limit = options.as_tuple()
    candidate_limits = np.full(len(chains.rows) - 1, candidate_limit, np.int64)  # of each row, or of all
    if options.interior:
        chains = geometries.rings_only(chains)
    return *chains, (*others, 0), candidate_limits


def cover_rows(chains, options, doubtful=None, numbers=None):
    """Cells of a covering for each row of chains, offsets, and where a limit was met its name and the row.

    Of edges that are very long a warning is given; they are in rows that are `doubtful`, by default all. `numbers`:
    what the rows are called in it.
    """
    rows = range(len(chains.rows) - 1) if doubtful is None else np.flatnonzero(doubtful)
    geometries.warn_of_long_ways_round(chains, rows, numbers)
    *arrays, how, candidate_limits = _arguments(chains, options)
    module = native_module()
    if module is not None:
        cells, offsets, _, fault, row = module.cover_planar(*arrays, how, candidate_limits, False)
        return cells, offsets, fault, row
    chains = geometries.Chains(*arrays)
    found, n = [], 0
    for row, (first, end) in enumerate(pairwise(chains.rows)):
        ends = chains.offsets[first : end + 1].tolist()
        shape = kernels.PlanarShape(chains.lng, chains.lat, ends, chains.roles[first:end].tolist())
        own = reference.cover(kernels.PlanarRegion(shape), *how[:-1], int(candidate_limits[row]))
        n += len(own)
        if isinstance(own, str) or n > cell_limit():
            return np.empty(0, np.uint64), np.zeros(1, np.int64), own if isinstance(own, str) else "cells", row
        found.append(own)
    return *joined(found, np.uint64), "", len(found)
