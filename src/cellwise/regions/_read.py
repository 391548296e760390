"""From whatever stands for a region to a region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from .._math.projection import point_lat, point_lng, radians_to_degrees
from .._typing import AnyArray, BoolArray, Edges
from ..errors import InvalidRegionError
from ..inputs import check_bool, check_choice
from ..inputs.geometries import Geometries, is_geometry, read
from ._region import Region
from ._vertices import nesting
from .cap import Cap
from .chains import parts_of, rings_of
from .collection import GeodesicCollection
from .planar import PlanarRegion
from .polygon import Polygon
from .polyline import Polyline
from .rect import Rect
from .validity import ON_INVALID_REGION, check, warn_of_wide_edges

EDGES = ("planar", "geodesic")


class Reading(NamedTuple):
    """How geometries are read: which way their edges run, which side rings mean, and what happens to invalid ones."""

    edges: Edges | None = None
    oriented: bool = False
    on_invalid: str = "raise"

    def check(self, on_invalid: Sequence[str] = ON_INVALID_REGION) -> None:
        """Raise if an option is invalid; `on_invalid` are the choices for it."""
        if self.edges is not None:
            check_choice("edges", self.edges, EDGES)
        check_bool("oriented", self.oriented)
        check_choice("on_invalid", self.on_invalid, on_invalid)

    @property
    def is_geodesic(self) -> bool:
        """Whether the edges of geometries are geodesics."""
        return self.edges == "geodesic"


def region(
    anything: Any,
    *,
    edges: Edges | None = None,
    oriented: bool = False,
    on_invalid: Literal["raise", "fix"] = "raise",
) -> Region:
    """The region that a value stands for.

    Parameters
    ----------
    anything : Region, geometry or array_like
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
    Region
        A `Rect`, `Cap`, `Polygon`, `Polyline`, `CellUnion`, `PlanarRegion` or `GeodesicCollection`.

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
    reading = Reading(edges, oriented, on_invalid)
    reading.check(("raise", "fix"))
    made = read_region(anything, reading)
    if isinstance(made, Geometries):
        raise InvalidRegionError(f"region must be one geometry: got {len(made.rows)} rows of {type(anything).__name__}")
    if made is None:
        raise InvalidRegionError(f"region must be valid: got {type(anything).__name__} that is not")
    return made


def read_region(anything: Any, reading: Reading) -> Region | Geometries | None:
    """One region, None if it is invalid and left out, or rows of geometries, which are not checked yet."""
    reading.check()
    edges, oriented = reading.edges, reading.oriented
    if is_geometry(anything):
        given = read(anything)
        return one_region(given, reading) if given.single else given
    if type(anything).__module__.partition(".")[0] == "s2sphere":
        anything = _from_s2sphere(anything)
    elif isinstance(anything, (list, tuple, np.ndarray)) and nesting(anything) > 1:
        anything = Polygon(anything, oriented=oriented)
        oriented = False
    if not isinstance(anything, Region):
        raise InvalidRegionError(
            "region must be a Rect, Cap, Polygon, Polyline, CellUnion, a geometry, vertices or a region of s2sphere: "
            f"got {type(anything).__name__}"
        )
    if oriented:
        raise TypeError(f"oriented is for geometries and vertices: got {type(anything).__name__}")
    if edges is None or edges == anything._edges:
        return anything
    if anything._edges is None:
        raise TypeError(f"edges is for polygons and lines: got {type(anything).__name__}")
    return region(anything.to_shapely(), edges=edges)


def one_region(given: Geometries, reading: Reading) -> Region | None:
    """The region of a single geometry; None if it is left out."""
    rows, made = check_rows(given, reading)
    if rows[0] is None:
        return None
    if reading.is_geodesic:
        return made.get(0) or geodesic_region(rows[0], reading.oriented)
    region = PlanarRegion._from_checked(rows[0])
    warn_of_wide_edges(region._chains, range(1))
    return region


def check_rows(
    given: Geometries, reading: Reading, undecided: BoolArray | None = None
) -> tuple[AnyArray, dict[int, Region]]:
    """Rows of valid geometries, None for what is left out; and geodesic regions that were made to find that out.

    Rows that are not `undecided` are known to be valid.
    """
    if not reading.is_geodesic:
        if reading.oriented:
            raise ValueError("oriented must be False with planar edges: got True")
        return check(given, reading.on_invalid, undecided=undecided), {}
    made: dict[int, Region] = {}

    def fault_of(row: int, geometry: Any) -> str | None:
        try:
            made[int(row)] = geodesic_region(geometry, reading.oriented)
        except InvalidRegionError as why:
            return f"a polygon that is no geodesic one: {why}"
        return None

    return check(given, reading.on_invalid, fault_of, undecided), made


def geodesic_region(geometry: Any, oriented: bool = False) -> Region:
    """A shapely geometry with geodesics for edges."""
    import shapely

    parts = parts_of(geometry)
    areas = [part for part in parts if shapely.get_dimensions(part) == 2]
    lines = [Polyline(shapely.get_coordinates(part)[:, ::-1]) for part in parts if shapely.get_dimensions(part) < 2]
    polygon: list[Polygon | Polyline] = (
        [Polygon([rings_of(part) for part in areas], oriented=oriented)] if areas else []
    )
    made = [*polygon, *lines]
    return made[0] if len(made) == 1 else GeodesicCollection(made)


def _from_s2sphere(anything: Any) -> Region:
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
    from ..cell_union import CellUnion  # a region, too

    if kind == "CellUnion":
        return CellUnion([cell.id() for cell in anything.cell_ids()])
    if kind in ("Cell", "CellId"):
        return CellUnion([anything.id().id() if kind == "Cell" else anything.id()])
    raise InvalidRegionError(f"region must be a LatLngRect, Cap or CellUnion of s2sphere: got {kind}")
