"""Coverings: few cells that contain a region, or lie within it.

One road leads through here: what is given is read, the kernels cover it, rows that they could not decide upon are
checked and covered once more, and a limit that is met becomes an error that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, TypeAlias, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike

from ._backend import kernels
from ._config import cell_limit
from ._cover_options import CoverLimit, CoverOptions
from ._typing import (
    CellArray,
    CellMode,
    Edges,
    FloatScalar,
    FrameLike,
    HasGeoInterface,
    LengthUnit,
    OnInvalidRegion,
    ReadingKeywords,
    SeriesLike,
)
from .cell_union import CellUnion
from .errors import CellLimitError
from .inputs import check_choice, check_integer
from .inputs.geometries import Geometries
from .ragged import Ragged, with_runs
from .regions import Region
from .regions import region as as_region
from .regions._read import Reading, check_rows, read_region
from .regions._region import margin_angle
from .regions.chains import chains_of
from .regions.validity import warn_of_wide_edges

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Coverings", "cells_at_level", "cover", "iter_cells"]

MODES = ("intersects", "contains", "center")


class Coverings(Ragged[np.uint64]):
    """Coverings of rows of geometries, as `cover` gives them for a GeoSeries: a `Ragged` of cells with an index.

    One row is a `CellUnion`, the rows of a slice are `Coverings`.

    Attributes
    ----------
    values : ndarray of uint64, shape (total,)
        The cells of all rows, each row's ascending.
    offsets : ndarray of int64, shape (rows + 1,)
        Row ``k`` has the cells ``values[offsets[k]:offsets[k + 1]]``; none if its geometry was empty or left out.
    index : pandas.Index or None
        Labels of the rows.

    Examples
    --------
    >>> import cellwise as cw
    >>> import shapely
    >>> coverings = cw.cover([shapely.box(0, 0, 1, 1), shapely.Point(8, 8)], max_level=8)
    >>> coverings
    Coverings(2 rows, 9 cells)
    >>> coverings[1]
    CellUnion(1 cell, level 8)
    >>> coverings.to_frame().tail(2)
       row                 cell
    7    0  1921541705073426432
    8    1  1175457094929743872
    """

    __slots__ = ("index",)

    def __init__(self, values: CellArray, offsets: ArrayLike, index: pd.Index | None = None) -> None:
        super().__init__(values, offsets)
        self.index = index

    @overload  # type: ignore[override]
    def __getitem__(self, row: slice) -> Coverings: ...
    @overload
    def __getitem__(self, row: SupportsIndex) -> CellUnion: ...
    def __getitem__(self, row: slice | SupportsIndex) -> Coverings | CellUnion:
        if isinstance(row, slice):
            part = super().__getitem__(row)
            return Coverings(part.values, part.offsets, None if self.index is None else self.index[row])
        return CellUnion._from_sorted(super().__getitem__(row))

    def __iter__(self) -> Iterator[CellUnion]:  # type: ignore[override]
        return map(CellUnion._from_sorted, super().__iter__())

    def __repr__(self) -> str:
        return f"Coverings({len(self):,} rows, {len(self.values):,} cells)"

    def to_series(self) -> pd.Series:
        """The coverings as a pandas Series of `CellUnion`."""
        import pandas as pd

        unions = np.empty(len(self), object)
        for row, union in enumerate(self):  # numpy would take the cells of a union for a row
            unions[row] = union
        return pd.Series(unions, index=self.index, name="covering")

    def to_frame(self) -> pd.DataFrame:
        """A row for each cell: a DataFrame with the columns ``row`` (label of the geometry) and ``cell``."""
        import pandas as pd

        rows, cells = self.explode()
        return pd.DataFrame({"row": rows if self.index is None else self.index[rows], "cell": cells})


class CoverKeywords(ReadingKeywords, total=False):
    """Options of `cover`, for its overloads."""

    min_level: int
    max_level: int
    max_cells: int
    level_mod: int
    interior: bool


@overload
def cover(region: Region, **options: Unpack[CoverKeywords]) -> CellUnion: ...
@overload
def cover(region: SeriesLike | FrameLike, **options: Unpack[CoverKeywords]) -> Coverings: ...
@overload
def cover(region: HasGeoInterface | bytes, **options: Unpack[CoverKeywords]) -> CellUnion: ...
@overload
def cover(region: Any, **options: Unpack[CoverKeywords]) -> Any: ...
def cover(
    region: Any,
    *,
    min_level: int = 0,
    max_level: int = 30,
    max_cells: int = 8,
    level_mod: int = 1,
    interior: bool = False,
    edges: Edges | None = None,
    oriented: bool = False,
    on_invalid: OnInvalidRegion = "raise",
    buffer: FloatScalar = 0,
    unit: LengthUnit = "m",
) -> CellUnion | Coverings:
    """Few cells that together contain a region, or with ``interior=True`` lie within it.

    Parameters
    ----------
    region : Rect, Cap, Polygon, Polyline, CellUnion, geometry, or rows of geometries
        A geometry is one of shapely, a GeoJSON dict, WKB bytes, or anything with ``__geo_interface__``. Rows are a
        GeoSeries or GeoDataFrame in any CRS, a Series, list or array of geometries, or a GeoJSON FeatureCollection.
        See `region` for the rest.
    min_level, max_level : int
        Levels of the cells, 0..30. A small `min_level` with a large region is cheap; a large one makes many cells.
    max_cells : int, default 8
        Cells to aim for, 1 .. 2**31 - 1. More make the covering tighter. It is exceeded only where `min_level` forces
        it, or by the up to 6 faces that a large region needs.
    level_mod : {1, 2, 3}
        Only levels ``min_level + k * level_mod`` are used.
    interior : bool
        Cells that lie within the region instead. There may be fewer than `max_cells`, or none.
    edges : {"planar", "geodesic"}, optional
        How the edges of polygons and lines run. ``"planar"``, the default for geometries: straight in longitude and
        latitude, as GIS programs draw them. ``"geodesic"``, the default for `Polygon`, `Polyline` and vertices: the
        shortest way on the sphere, as in S2 and BigQuery.
    oriented : bool
        With geodesic edges: whether a ring means the side on its left, instead of the smaller one.
    on_invalid : {"raise", "fix", "null", "warn"}
        What to do about a geometry that is missing or invalid: raise an error that names the row and the reason; mend
        it with shapely's ``make_valid``; leave its row empty (``"null"`` in silence, ``"warn"`` with one warning).
    buffer : float, default 0
        Cover everything within this distance of the region, too: of its edges as they run, on the sphere. For a
        CellUnion more, as `CellUnion.expand` has it.
    unit : {"m", "km", "rad", "deg"}
        Unit of `buffer`; meters and kilometers are those of a sphere of radius `EARTH_RADIUS_M`.

    Returns
    -------
    CellUnion, or Coverings for rows
        With geodesic edges, and for Rect, Cap and CellUnion, Google's covering for the same options, cell for cell
        (release 0.14), as given: a covering at one level stays at that level. With planar edges, cells that contain
        the region, each of which comes within 0.1 m of it; or cells that lie within it.

    Raises
    ------
    ValueError
        If an option is out of range.
    CellLimitError
        If the covering would have more cells than `set_cell_limit` allows, before they are made; for rows, all
        together.
    InvalidRegionError
        If `region` is no region, or invalid.

    References
    ----------
    Google's S2RegionCoverer, https://s2geometry.io/devguide/s2cell_hierarchy

    Examples
    --------
    >>> import cellwise as cw
    >>> rect = cw.Rect(lat=(-30.241701, -30.000003), lng=(-51.264871, -51.04618))
    >>> cw.cover(rect, min_level=8, max_level=15, max_cells=500)
    CellUnion(351 cells, levels 10..15)
    >>> cw.cover(rect, max_cells=4).to_tokens().tolist()
    ['951975', '951977', '95197c', '95199']

    Edges of shapely's geometries are straight in longitude and latitude:

    >>> import shapely
    >>> box = shapely.box(-120, 40, -60, 49)
    >>> cw.cover(box, max_cells=2000).contains(lat=51.5, lng=-90)
    False
    >>> cw.cover(box, max_cells=2000, edges="geodesic").contains(lat=51.5, lng=-90)
    True
    """
    options = CoverOptions(
        min_level=min_level,
        max_level=max_level,
        max_cells=max_cells,
        level_mod=level_mod,
        interior=interior,
        cell_limit=cell_limit(),
    )
    return _covered(region, options, *checked_reading(edges, oriented, on_invalid, buffer, unit))


@overload
def cells_at_level(
    region: Region, level: int, *, mode: CellMode = "intersects", **options: Unpack[ReadingKeywords]
) -> CellUnion: ...
@overload
def cells_at_level(
    region: SeriesLike | FrameLike, level: int, *, mode: CellMode = "intersects", **options: Unpack[ReadingKeywords]
) -> Coverings: ...
@overload
def cells_at_level(
    region: HasGeoInterface | bytes, level: int, *, mode: CellMode = "intersects", **options: Unpack[ReadingKeywords]
) -> CellUnion: ...
@overload
def cells_at_level(
    region: Any, level: int, *, mode: CellMode = "intersects", **options: Unpack[ReadingKeywords]
) -> Any: ...
def cells_at_level(
    region: Any,
    level: int,
    *,
    mode: CellMode = "intersects",
    edges: Edges | None = None,
    oriented: bool = False,
    on_invalid: OnInvalidRegion = "raise",
    buffer: FloatScalar = 0,
    unit: LengthUnit = "m",
) -> CellUnion | Coverings:
    """All cells of one level that meet a region, lie within it, or have their center in it.

    Parameters
    ----------
    region : Rect, Cap, Polygon, Polyline, CellUnion, geometry, or rows of geometries
        See `cover`.
    level : int
        In 0..30.
    mode : {"intersects", "contains", "center"}
        With ``"intersects"`` the cells contain the region: those that `cover` gives with this level as `min_level`
        and `max_level`. With ``"contains"`` they lie within it. With ``"center"`` the tiles of a tiling have no cell
        in common and none is left out.
    edges, oriented, on_invalid, buffer, unit
        See `cover`.

    Returns
    -------
    CellUnion, or Coverings for rows

    Raises
    ------
    CellLimitError
        If there are more cells than `set_cell_limit` allows; `iter_cells` gives them a part at a time.
    ValueError, InvalidRegionError
        As `cover`.

    Examples
    --------
    >>> import cellwise as cw
    >>> import shapely
    >>> box = shapely.box(-51.3, -30.3, -51.0, -30.0)
    >>> [len(cw.cells_at_level(box, 12, mode=mode)) for mode in ("intersects", "contains", "center")]
    [251, 181, 230]
    """
    options = _options_at_level(level, mode)
    return _covered(region, options, *checked_reading(edges, oriented, on_invalid, buffer, unit))


def _options_at_level(level: int, mode: CellMode, within: int = 0) -> CoverOptions:
    check_choice("mode", mode, MODES)
    check_integer("level", level, 0, 30)
    return CoverOptions(
        min_level=level,
        max_level=level,
        max_cells=2**31 - 1,
        interior=mode == "contains",
        center=mode == "center",
        within=within,
        cell_limit=cell_limit(),
    )


def iter_cells(
    region: Any,
    level: int,
    *,
    mode: CellMode = "intersects",
    edges: Edges | None = None,
    oriented: bool = False,
    on_invalid: Literal["raise", "fix"] = "raise",
    buffer: FloatScalar = 0,
    unit: LengthUnit = "m",
) -> Iterator[CellArray]:
    """The cells of `cells_at_level` a part at a time, however many they are.

    Parameters
    ----------
    region : Rect, Cap, Polygon, Polyline, CellUnion or geometry
        See `cover`.
    level, mode, edges, oriented, on_invalid, buffer, unit
        See `cells_at_level`.

    Yields
    ------
    ndarray of uint64, shape (n,)
        Cells, each part's and part after part ascending; at most 131,072 in a part.

    Examples
    --------
    Cells of level 18 of a country, about 40 m wide: many millions, of which no more than a part is held at a time.

    >>> import cellwise as cw
    >>> import shapely
    >>> country = shapely.box(-57.6, -33.7, -49.7, -27.1)
    >>> parts = cw.iter_cells(country, 18)
    >>> next(parts).shape[0] > 0
    True
    >>> sum(map(len, cw.iter_cells(country, 10))) == len(cw.cells_at_level(country, 10))
    True
    """
    _options_at_level(level, mode)
    _, margin = checked_reading(edges, oriented, on_invalid, buffer, unit)
    made = as_region(region, edges=edges, oriented=oriented, on_invalid=on_invalid)
    return _parts(made._within(*margin, "buffer"), level, mode)


def _parts(region: Region, level: int, mode: CellMode) -> Iterator[CellArray]:
    # So many levels at a time that a cell's own stay within the limit and a part's size.
    step = min(8, max(1, (cell_limit().bit_length() - 1) // 2))
    part: list[CellArray] = []
    n = 0
    for cells in _within(region, range(level % step, level + 1, step), 0, mode):
        part.append(cells)
        n += len(cells)
        if n >= 1 << 16:
            yield np.concatenate(part)
            part, n = [], 0
    if n:
        yield np.concatenate(part)


def _within(region: Region, levels: range, cell: int, mode: CellMode) -> Iterator[CellArray]:
    """Cells of the last of the levels that lie in a cell (0: anywhere)."""
    if len(levels) == 1:
        yield _cells(region, _options_at_level(levels[0], mode, cell))
        return
    for part in _cells(region, _options_at_level(levels[0], "intersects", cell)).tolist():
        yield from _within(region, levels[1:], part, mode)


# --- from a region, or rows of geometries, to cells -------------------------------------------------------------------


Margin: TypeAlias = tuple[float, LengthUnit]


def checked_reading(
    edges: Edges | None, oriented: bool, on_invalid: OnInvalidRegion, buffer: FloatScalar, unit: LengthUnit
) -> tuple[Reading, Margin]:
    """How regions are read, and the margin, checked before anything is read."""
    reading = Reading(edges, oriented, on_invalid)
    reading.check()
    margin_angle("buffer", buffer, unit)
    return reading, (float(buffer), unit)


def _covered(region: Any, options: CoverOptions, reading: Reading, margin: Margin) -> CellUnion | Coverings:
    made = read_region(region, reading)
    if isinstance(made, Geometries):
        return _rows(made, options, reading, margin)
    if made is None:
        return CellUnion._from_sorted(np.empty(0, np.uint64))
    return CellUnion._from_sorted(_cells(made._within(*margin, "buffer"), options))


def _cells(region: Region, options: CoverOptions) -> CellArray:
    try:
        return region._cover(options)
    except CoverLimit as met:
        raise _limit_error(met, options) from None


def _rows(given: Geometries, options: CoverOptions, reading: Reading, margin: Margin) -> Coverings:
    """Coverings of rows: of those that are certified to be valid at once, of the others once they are checked."""
    import shapely

    if reading.oriented and not reading.is_geodesic:
        raise ValueError("oriented must be False with planar edges: got True")
    radius = Region._check_margin(*margin, "buffer")
    how = ("geodesic" if reading.is_geodesic else "planar", reading.oriented, radius)
    chains = chains_of(given.rows)
    met = None
    try:
        cells, offsets, undecided = kernels().cover_rows(chains, options, *how, False)
    except CoverLimit as limit:  # but faults of geometries are reported first
        met = limit
        undecided = np.ones(len(given.rows), bool) if reading.is_geodesic else ~kernels().certified_rows(chains)
    undecided |= shapely.is_missing(given.rows)
    rows, _ = check_rows(given, reading, undecided)
    if met is not None:
        raise _limit_error(met, options, f" in row {met.row}") from None
    if not undecided.any():
        return Coverings(cells, offsets, given.index)
    numbers = np.flatnonzero(undecided)
    chains = chains_of(rows[numbers])
    if not reading.is_geodesic:
        warn_of_wide_edges(chains, range(len(numbers)), numbers)
    try:
        own, own_offsets, _ = kernels().cover_rows(chains, options, *how, True)
    except CoverLimit as limit:
        raise _limit_error(limit, options, f" in row {numbers[limit.row]}") from None
    if len(cells) + len(own) > options.cell_limit:
        sizes = np.diff(offsets)
        sizes[numbers] = np.diff(own_offsets)
        row = int(np.searchsorted(np.cumsum(sizes), options.cell_limit, "right"))
        raise _limit_error(CoverLimit("cells", float(sizes[row])), options, f" in row {row}")
    return Coverings(*with_runs(cells, offsets, numbers, own, own_offsets), given.index)


def _limit_error(met: CoverLimit, options: CoverOptions, where: str = "") -> CellLimitError:
    """Say which limit was met."""
    if met.limit == "candidates":
        return CellLimitError(
            f"cover would look at more than {met.candidates:,} cells for an interior covering{where}: the "
            "region is too thin for its length; give a coarser max_level"
        )
    limit = f"the cell limit of {options.cell_limit:,}{where}"
    if met.limit == "estimate":
        return CellLimitError(
            f"cover would make about {met.cells:,.0f} cells, more than {limit}; raise it with cellwise.set_cell_limit"
        )
    return CellLimitError(
        f"cover would make more cells than {limit} (the region has about {max(met.cells, 1):,.0f} cells of level "
        f"{options.min_level}); raise it with cellwise.set_cell_limit"
    )
