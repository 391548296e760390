"""Coverings: few cells that contain a region, or lie within it."""

from dataclasses import dataclass

from . import inputs
from ._reference import covering as kernels
from .cell_union import CellUnion
from .errors import CellLimitError
from .inputs import cell_limit, check_cell_limit
from .levels import _AVG_AREA, _MAX_AREA
from .regions import region as as_region


@dataclass(frozen=True)
class _Options:
    """Google's options, checked."""

    min_level: int
    max_level: int
    max_cells: int
    level_mod: int
    interior: bool
    area: float  # of the region, steradians

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
    def candidate_limit(self):
        """Cells that an interior covering may hold in its queue, beside 16 for each cell that it has found.

        In a region of ordinary shape the queue stays within that. A thin one fills it before any cell fits in.
        """
        return int(min(max(1 << 16, 4 * self.cells_of_min_level), cell_limit()))

    def as_tuple(self):
        """As the kernels take them, with the limits."""
        numbers = (self.min_level, self.max_level, self.max_cells, self.level_mod)
        return *map(int, numbers), self.interior, cell_limit(), self.candidate_limit

    def cover_reference(self, shape):
        """Cells of the numpy kernel, or the name of the limit that it met."""
        return kernels.cover(shape, *self.as_tuple())


def cover(
    region,
    *,
    min_level=0,
    max_level=30,
    max_cells=8,
    level_mod=1,
    interior=False,
):
    """Few cells that together contain a region, or with ``interior=True`` lie within it.

    Parameters
    ----------
    region : Rect, Cap, Polygon, Polyline or CellUnion
        See `region` for what else is accepted.
    min_level, max_level : int
        Levels of the cells, 0..30. A small `min_level` with a large region is cheap; a large one makes many cells.
    max_cells : int, default 8
        Cells to aim for, 1 .. 2**31 - 1. More make the covering tighter. It is exceeded only where `min_level` forces
        it, or by the up to 6 faces that a large region needs.
    level_mod : {1, 2, 3}
        Only levels ``min_level + k * level_mod`` are used.
    interior : bool
        Cells that lie within the region instead. There may be fewer than `max_cells`, or none.

    Returns
    -------
    CellUnion
        Google's covering for the same options, cell for cell (release 0.14), as given: a covering at one level stays
        at that level.

    Raises
    ------
    ValueError
        If an option is out of range.
    CellLimitError
        If the covering would have more cells than `set_cell_limit` allows, before they are made.
    InvalidRegionError
        If `region` is no region.

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
    """
    region = as_region(region)
    options = _Options(min_level, max_level, max_cells, level_mod, interior, region.area(unit="sr"))
    estimate = options.cells_of_min_level
    if estimate * _AVG_AREA / _MAX_AREA > cell_limit():
        check_cell_limit(estimate, "cover")
    cells = region._cover(options)
    if isinstance(cells, str):
        if cells == "candidates":
            raise CellLimitError(
                f"cover would look at more than {options.candidate_limit:,} cells for an interior covering: the region "
                "is too thin for its length; give a coarser max_level"
            )
        raise CellLimitError(
            f"cover would make more cells than the cell limit of {cell_limit():,} (the region has about "
            f"{max(estimate, 1):,.0f} cells of level {min_level}); raise it with cellwise.set_cell_limit"
        )
    return CellUnion._from_sorted(cells)
