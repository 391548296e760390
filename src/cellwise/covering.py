"""Coverings: few cells that contain a region, or lie within it."""

import operator
from dataclasses import dataclass, replace

import numpy as np

from . import geometries, inputs
from ._backend import native_module
from ._config import cell_limit, check_cell_limit
from ._reference import covering as kernels
from .buffered import buffered
from .cell_union import CellUnion
from .cells.conversion import cell_to_latlng
from .errors import CellLimitError
from .levels import _AVG_AREA, _MAX_AREA
from .planar import cover_rows, cover_sure_rows, doubtful_rows
from .polygons import Polygon
from .ragged import Ragged, joined, with_runs
from .regions import EDGES, checked_regions
from .regions import region as as_region

__all__ = ["Coverings", "cells_at_level", "cover", "iter_cells"]


@dataclass(frozen=True)
class _Options:
    """Google's options, checked."""

    min_level: int
    max_level: int
    max_cells: int
    level_mod: int
    interior: bool
    area: object = 4 * np.pi  # of the region, or of each of many, steradians; at most
    within: int = 0  # a cell: only what lies in it
    center: bool = False  # cells of one level with their centre in the region, instead of a covering

    def __post_init__(self):
        inputs.check_integer("min_level", self.min_level, 0, 30)
        inputs.check_integer("max_level", self.max_level, 0, 30)
        inputs.check_integer("max_cells", self.max_cells, 1, 2**31 - 1)
        inputs.check_integer("level_mod", self.level_mod, 1, 3)
        if self.min_level > self.max_level:
            raise ValueError(f"min_level must be at most max_level: got {self.min_level} and {self.max_level}")
        if not isinstance(self.interior, bool):
            raise TypeError(f"interior must be True or False: got {self.interior!r}")

    @property
    def cells_of_min_level(self):
        """About how many cells of min_level the region has."""
        return self.area / (_AVG_AREA * 0.25**self.min_level)

    @property
    def is_small(self):
        """Whether no limit depends on the area."""
        return 4 * self.cells_of_min_level <= min(1 << 16, cell_limit())

    def check_cells_of_min_level(self):
        """Raise if they alone are too many."""
        estimate = np.max(self.cells_of_min_level, initial=0)
        if estimate * _AVG_AREA / _MAX_AREA > cell_limit():
            check_cell_limit(estimate, "cover")

    @property
    def candidate_limit(self):
        """Cells that an interior covering may hold in its queue, beside 16 for each cell that it has found.

        In a region of ordinary shape the queue stays within that. A thin one fills it before any cell fits in.
        """
        if self.min_level == self.max_level:  # then there are no more of them than cells
            limit = np.full(np.shape(self.area), cell_limit())
        else:
            limit = np.minimum(np.maximum(1 << 16, 4 * self.cells_of_min_level), cell_limit())
        return int(limit) if np.ndim(limit) == 0 else limit.astype(np.int64)

    def as_tuple(self):
        """As the kernels take them, with the limits."""
        numbers = (self.min_level, self.max_level, self.max_cells, self.level_mod)
        return *map(int, numbers), self.interior, self.within, cell_limit(), self.candidate_limit

    def cover_reference(self, shape):
        """Cells of the numpy kernel, or the name of the limit that it met."""
        return kernels.cover(shape, *self.as_tuple())


class Coverings(Ragged):
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

    def __init__(self, values, offsets, index=None):
        super().__init__(values, offsets)
        self.index = index

    def __getitem__(self, row):
        if isinstance(row, slice):
            part = super().__getitem__(row)
            return Coverings(part.values, part.offsets, None if self.index is None else self.index[row])
        return CellUnion._from_sorted(super().__getitem__(row))

    def __iter__(self):
        return map(CellUnion._from_sorted, super().__iter__())

    def __repr__(self):
        return f"Coverings({len(self):,} rows, {len(self.values):,} cells)"

    def to_series(self):
        """The coverings as a pandas Series of `CellUnion`."""
        import pandas as pd

        unions = np.empty(len(self), object)
        for row, union in enumerate(self):  # numpy would take the cells of a union for a row
            unions[row] = union
        return pd.Series(unions, index=self.index, name="covering")

    def to_frame(self):
        """A row for each cell: a DataFrame with the columns ``row`` (label of the geometry) and ``cell``."""
        import pandas as pd

        rows, cells = self.explode()
        return pd.DataFrame({"row": rows if self.index is None else self.index[rows], "cell": cells})


def cover(
    region,
    *,
    min_level=0,
    max_level=30,
    max_cells=8,
    level_mod=1,
    interior=False,
    edges=None,
    oriented=False,
    on_invalid="raise",
    buffer=0,
    unit="m",
):
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
    on_invalid : {"raise", "fix", "skip", "null", "warn"}
        What to do about a geometry that is missing or invalid: raise an error that names the row and the reason; mend
        it with shapely's ``make_valid``; leave its row empty (``"skip"`` and ``"null"`` in silence, ``"warn"`` with
        one warning).
    buffer : float, default 0
        Cover everything within this distance of the region, too: of its edges as they run, on the sphere. For a
        CellUnion more, as `CellUnion.expand` has it.
    unit : {"m", "km", "rad", "deg"}
        Unit of `buffer`; metres and kilometres are those of a sphere of radius `EARTH_RADIUS_M`.

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
    options = _Options(min_level, max_level, max_cells, level_mod, interior)
    return _cover(region, options, edges, oriented, on_invalid, buffer, unit)


def _cover(region, options, edges, oriented, on_invalid, buffer, unit):
    made = _read(region, edges, oriented, on_invalid)
    if isinstance(made, geometries.Geometries):
        return _cover_rows(made, options, edges, oriented, on_invalid, buffer, unit)
    cells = NO_CELLS if made is None else _cells(buffered(made, buffer, unit), options)
    return CellUnion._from_sorted(cells)


NO_CELLS = np.empty(0, np.uint64)


def _read(region, edges, oriented, on_invalid):
    """One region, None if it is left out, or rows of geometries, which are not checked yet."""
    if not geometries.is_geometry(region):
        return as_region(region, edges=edges, oriented=oriented, on_invalid=on_invalid)
    given = geometries.read(region)
    return checked_regions(given, edges, oriented, on_invalid)[0] if given.single else given


MODES = ("intersects", "contains", "center")


def cells_at_level(
    region, level, *, mode="intersects", edges=None, oriented=False, on_invalid="raise", buffer=0, unit="m"
):
    """All cells of one level that meet a region, lie within it, or have their centre in it.

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
    return _cover(region, options, edges, oriented, on_invalid, buffer, unit)


def _options_at_level(level, mode, within=0):
    inputs.check_choice("mode", mode, MODES)
    inputs.check_integer("level", level, 0, 30)
    return _Options(level, level, 2**31 - 1, 1, mode == "contains", within=within, center=mode == "center")


def iter_cells(region, level, *, mode="intersects", edges=None, oriented=False, on_invalid="raise", buffer=0, unit="m"):
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
    made = as_region(region, edges=edges, oriented=oriented, on_invalid=on_invalid)
    return _parts(buffered(made, buffer, unit), level, mode)


def _parts(region, level, mode):
    # So many levels at a time that a cell's own stay within the limit and a part's size.
    step = min(8, max(1, (cell_limit().bit_length() - 1) // 2))
    part, n = [], 0
    for cells in _within(region, range(level % step, level + 1, step), 0, mode):
        part.append(cells)
        n += len(cells)
        if n >= 1 << 16:
            yield np.concatenate(part)
            part, n = [], 0
    if n:
        yield np.concatenate(part)


def _within(region, levels, cell, mode):
    """Cells of the last of the levels that lie in a cell (0: anywhere)."""
    level, *finer = levels
    if not finer:
        yield _cells(region, _options_at_level(level, mode, cell))
        return
    for part in _cells(region, _options_at_level(level, "intersects", cell)).tolist():
        yield from _within(region, finer, part, mode)


def _centered(region, options, where):
    """Cells with their centre in the region: those that it only meets are asked one by one."""
    cells, within = (
        _cells(region, replace(options, center=False, interior=interior), where) for interior in (False, True)
    )
    centered = np.isin(cells, within, assume_unique=True)
    if region.area() > 0:
        lat, lng = cell_to_latlng(cells[~centered])
        centered[~centered] = region.contains(lat=lat, lng=lng)
    return cells[centered]


def _cells(region, options, where=""):
    if options.center and (options.within or not isinstance(region, Polygon)):
        return _centered(region, options, where)
    if options.within:  # whose cells are few
        options = replace(options, area=0.0)
    if not options.is_small and isinstance(region, Polygon):
        options = replace(options, area=region._area_at_most())
    if not options.is_small:
        options = replace(options, area=region.area(unit="sr"))
    options.check_cells_of_min_level()
    cells = region._cover(options)
    if isinstance(cells, str):
        _refuse(cells, replace(options, area=region.area(unit="sr")), where)
    return cells


def _refuse(limit, options, where=""):
    """Say which limit was met."""
    if limit == "candidates":
        raise CellLimitError(
            f"cover would look at more than {options.candidate_limit:,} cells for an interior covering{where}: the "
            "region is too thin for its length; give a coarser max_level"
        )
    raise CellLimitError(
        f"cover would make more cells than the cell limit of {cell_limit():,}{where} (the region has about "
        f"{max(options.cells_of_min_level, 1):,.0f} cells of level {options.min_level}); raise it with "
        "cellwise.set_cell_limit"
    )


def _cover_rows(given, options, edges, oriented, on_invalid, buffer, unit):
    inputs.check_choice("edges", edges if edges is not None else EDGES[0], EDGES)
    if buffer != 0 or (options.center and edges != "geodesic"):
        regions = checked_regions(given, edges, oriented, on_invalid)
        margins = [None if region is None else buffered(region, buffer, unit) for region in regions]
        return _one_by_one(margins, np.ones(len(margins), bool), NO_CELLS, options, given.index)
    if edges == "geodesic":
        return _cover_geodesic_rows(given, options, oriented, on_invalid)
    return _cover_planar_rows(given, options, on_invalid)


def _cover_planar_rows(given, options, on_invalid):
    """Rows that are surely valid in one go, if no limit depends on their areas; others once they are checked."""
    chains, n = geometries.chains(given.rows), len(given.rows)
    cells, offsets, left, fault, row = NO_CELLS, np.zeros(n + 1, np.int64), np.ones(n, bool), "", n
    # Of an interior covering lines are no part, but are to be checked.
    in_one_go = options.is_small and not (options.interior and (chains.roles == geometries.LINE).any())
    if in_one_go:
        cells, offsets, left, fault, row = cover_sure_rows(chains, options)
        if not fault and not left.any():
            return Coverings(cells, offsets, given.index)
    doubtful = left if in_one_go and not fault else doubtful_rows(chains)
    rows = geometries.check(given, on_invalid, doubtful=doubtful)
    if fault:
        _refuse(fault, replace(options, area=float(geometries.areas(chains)[row])), f" in row {row}")
    left_rows = np.flatnonzero(left)
    if len(left_rows) < n or any(map(operator.is_not, rows, given.rows)):
        chains = geometries.chains(rows[left_rows])
    if not options.is_small:
        options = replace(options, area=geometries.areas(chains))
    options.check_cells_of_min_level()
    own, own_offsets, fault, row = cover_rows(chains, options, doubtful[left_rows], left_rows)
    if not fault and len(cells):
        if len(cells) + len(own) > cell_limit():
            fault, row = "cells", int(np.searchsorted(own_offsets[1:], cell_limit() - len(cells), "right"))
        own, own_offsets = with_runs(cells, offsets, left_rows, own, own_offsets)
    if fault:
        _refuse(fault, replace(options, area=float(geometries.areas(chains)[row])), f" in row {left_rows[row]}")
    return Coverings(own, own_offsets, given.index)


def _cover_geodesic_rows(given, options, oriented, on_invalid):
    """Polygons by the kernel; lines, collections and whatever has a fault one by one."""
    n = len(given.rows)
    module = native_module()
    if module is None:
        cells, offsets, left = NO_CELLS, np.zeros(n + 1, np.int64), np.ones(n, bool)
    else:
        chains = geometries.chains(given.rows)
        cells, offsets, left, fault, row = module.cover_polygons(*chains, oriented, options.as_tuple(), options.center)
        left = left.view(bool) | geometries.is_missing(given.rows)
        if fault:
            region = checked_regions(given, "geodesic", oriented, on_invalid, np.arange(n) == row)[row]
            _refuse(fault, replace(options, area=region.area(unit="sr")), f" in row {row}")
    regions = checked_regions(given, "geodesic", oriented, on_invalid, left)
    return _one_by_one(regions, left, cells, options, given.index, offsets)


def _one_by_one(regions, left, cells, options, index, offsets=None):
    """Coverings of the regions of rows that are `left`, among the cells of the others."""
    offsets = np.zeros(len(left) + 1, np.int64) if offsets is None else offsets
    found, total, rows = [], len(cells), np.flatnonzero(left)
    for row in rows:
        found.append(NO_CELLS if regions[row] is None else _cells(regions[row], options, f" in row {row}"))
        if (total := total + len(found[-1])) > cell_limit():
            _refuse("cells", replace(options, area=regions[row].area(unit="sr")), f" in row {row}")
    return Coverings(*with_runs(cells, offsets, rows, *joined(found, np.uint64)), index)
