"""The options of a covering, checked once, and the limits that follow from them.

A `CoverOptions` travels as one object from `cover` to the kernels of both backends, which read its fields by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from ._math.metrics import AVG_AREA, MAX_AREA
from .inputs import check_bool, check_integer

WHOLE_SPHERE = 4 * math.pi
MIN_CANDIDATES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class CoverOptions:
    """Options of a covering: Google's, those of cells at one level, and the limits.

    Raises
    ------
    TypeError, ValueError
        If one of Google's options is out of range.
    """

    min_level: int = 0
    max_level: int = 30
    max_cells: int = 8
    level_mod: int = 1
    interior: bool = False
    center: bool = False
    """Of one level: the cells with their center in the region, instead of a covering."""
    within: int = 0
    """A cell, if not 0: only what lies in it."""
    cell_limit: int = 2**62
    """Most cells that may be made."""
    min_candidates: int = MIN_CANDIDATES
    """So many cells an interior covering may always hold in its queue, if the cell limit allows."""
    cells_per_steradian: float = field(init=False)
    """Cells of `min_level`, on average."""
    min_cells_per_steradian: float = field(init=False)
    """Cells of `min_level`, of which no region has fewer for its area."""

    def __post_init__(self) -> None:
        check_integer("min_level", self.min_level, 0, 30)
        check_integer("max_level", self.max_level, 0, 30)
        check_integer("max_cells", self.max_cells, 1, 2**31 - 1)
        check_integer("level_mod", self.level_mod, 1, 3)
        if self.min_level > self.max_level:
            raise ValueError(f"min_level must be at most max_level: got {self.min_level} and {self.max_level}")
        object.__setattr__(self, "interior", check_bool("interior", self.interior))
        object.__setattr__(self, "cells_per_steradian", 4.0**self.min_level / AVG_AREA)
        object.__setattr__(self, "min_cells_per_steradian", 4.0**self.min_level / MAX_AREA)

    @property
    def is_one_level(self) -> bool:
        """Whether all cells have one level, and lie anywhere."""
        return self.min_level == self.max_level and self.within == 0

    def candidate_limit(self, area: Callable[[], float]) -> int:
        """Cells that an interior covering may hold in its queue, beside 16 for each cell that it has found.

        In a region of ordinary shape the queue stays within that. A thin one fills it before any cell fits in. The
        kernels of the native backend follow the same rule (native/include/cellwise/cover_options.h).

        Parameters
        ----------
        area : callable
            Gives the area of the region in steradians; called only if the limit depends on it.

        Raises
        ------
        CoverLimit
            If the cells of `min_level` alone are certain to be too many.
        """
        cells = WHOLE_SPHERE * self.cells_per_steradian
        if self.within:  # whose cells are few
            cells = 0.0
        elif 4 * cells > min(self.min_candidates, self.cell_limit):
            steradians = area()
            cells = steradians * self.cells_per_steradian
            if steradians * self.min_cells_per_steradian > self.cell_limit:
                raise CoverLimit("estimate", cells)
        if self.min_level == self.max_level:  # then there are no more candidates than cells
            return self.cell_limit
        return min(max(self.min_candidates, int(min(4 * cells, 2.0**62))), self.cell_limit)


class CoverLimit(Exception):
    """Raised by kernels: a covering met a limit.

    Attributes
    ----------
    limit : {"estimate", "cells", "candidates"}
        What would be too many: the cells of `min_level` that the region has, the cells that were found, or the
        candidates of an interior covering.
    cells : float
        About how many cells of `min_level` the region has.
    candidates : int
        Most candidates there may be.
    row : int
        Of rows of regions the first that meets the limit.
    """

    def __init__(self, limit: str, cells: float, candidates: int = 0, row: int = 0) -> None:
        super().__init__(limit, cells, candidates, row)
        self.limit, self.cells, self.candidates, self.row = limit, cells, candidates, row
