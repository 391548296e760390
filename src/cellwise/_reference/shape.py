"""Shapes: what the backend makes of a region of the sphere, once, and covers many times."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from .._cover_options import CoverLimit, CoverOptions
from .._math.projection import latlng_to_point
from .._typing import BoolArray, CellArray, FloatArray
from .conversion import cell_to_latlng
from .covering import cover


def in_order(terms: Iterable[float]) -> float:
    """Sum of floats, added one after the other as the native kernels do."""
    return reduce(operator.add, terms, 0.0)


class Shape:
    """A shape answers for its region; subclasses define `area`, `contains_points` and `region`."""

    def area(self) -> float:
        """Area in steradians; of what has a margin never less than it is."""
        raise NotImplementedError

    def contains_points(self, points: FloatArray) -> BoolArray:
        """Whether each of the unit points, shape (n, 3), lies in the region."""
        raise NotImplementedError

    def region(self, interior: bool = False) -> Any:
        """What a covering, or an `interior` one, asks: see `regions`."""
        raise NotImplementedError

    @property
    def has_interior(self) -> bool:
        """Whether any cell may lie within the region."""
        return True

    def contains(self, lat: FloatArray, lng: FloatArray, out: BoolArray) -> None:
        """Write whether the region contains each position in degrees."""
        out[...] = self.contains_points(latlng_to_point(lat, lng))

    def cover(self, options: CoverOptions) -> CellArray:
        """Cells of a covering, or with ``options.center`` those of one level with their center in the region.

        Raises
        ------
        CoverLimit
        """
        if options.interior and not self.has_interior:
            return np.empty(0, np.uint64)
        if not options.center:
            return cover(self.region(options.interior), options, self.area)
        options.candidate_limit(self.area)
        limit, options = options.cell_limit, replace(options, center=False, cell_limit=2**62)
        cells, within = (self.cover(replace(options, interior=interior)) for interior in (False, True))
        centered = np.isin(cells, within, assume_unique=True)
        if self.area() > 0:
            inside = np.empty(np.count_nonzero(~centered), bool)
            self.contains(*cell_to_latlng(cells[~centered]), inside)
            centered[~centered] = inside
        cells = cells[centered]
        if len(cells) > limit:
            raise CoverLimit("cells", self.area() * options.cells_per_steradian)
        return cells
