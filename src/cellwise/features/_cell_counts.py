"""How many rows there are around a place: density at several levels."""

from __future__ import annotations

import numbers
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .. import inputs
from .._docs import shared_parameters
from .._typing import CellArray, FloatArray, Int64Array, ObjectArray, OnInvalid
from ..cells.adjacency import cell_disk
from ..cells.geometry import cell_area
from ..cells.hierarchy import cell_level, cell_parent
from ..groups import CellIndex, count_cells, factorize_cells
from ..ragged import sum_runs
from ._base import (
    CellTransformer,
    Column,
    State,
    Table,
    as_levels,
    cells_from_tokens,
    check_keys,
    check_list,
    leaf_at,
    levels_from_list,
    tokens_from_cells,
)
from ._sorted_leaves import auto_levels, batches, cell_counts, runs

__all__ = ["CellCounts"]

CHUNK = 1 << 15  # cells of disks looked up at a time


@shared_parameters
class CellCounts(CellTransformer):
    """Number of training rows around each row: in its own cell, and within some steps of it, at several levels.

    How crowded a place is says a lot about it, town or country, center or edge, without any target to leak. A level is
    a distance: counts at level 8 are those of a region, at level 14 of a street. Two levels together distinguish a
    village from a suburb, whose own cells may be equally full.

    **The trap it avoids** is the cell's edge. A row in the corner of its cell has most of its neighbors in adjacent
    cells: with `rings` those are counted too. **The trap that remains** is that training rows count themselves, and new
    ones do not: in cells that hold a row or two, the count says little more than whether the row was there in `fit`.
    Choose levels whose cells hold several rows, as "auto" does.

    Parameters
    ----------
    levels : "auto", int or sequence of int, default "auto"
        Levels 0..30 of the cells whose rows are counted. "auto" takes every second level between two ends that depend
        on where the rows are: from cells that hold a fiftieth of the rows to such with about five, as in `CellEncoder`.
    rings : int or sequence of int, default (0,)
        Numbers of steps around the cell, over edges and corners: 0 counts in the cell alone, 1 in it and the eight
        around it, 2 in 25 cells. The cost is that number of cells for every cell with rows: instead of large ones take
        a coarser level.
    log : bool, default True
        Whether to give ``log(1 + value)``, which suits linear models and distances where values differ by factors. For
        trees it makes no difference.
    normalize : {None, "area"}, default None
        None gives numbers of rows, "area" rows per square kilometer, which can be compared between levels, and take
        into account that cells of one level differ in area by up to a factor of two.
    {coordinate_columns}
    {cell_column: At levels finer than its own cell a row neither counts nor has counts.}
    {on_invalid_rows: have counts of 0.}

    Attributes
    ----------
    levels_ : tuple of int
        Levels, ascending.
    rings_ : tuple of int
        Numbers of steps, ascending.
    cells_ : list of ndarray of uint64
        For each level the cells with rows of `fit`, ascending.
    counts_ : list of ndarray of int64
        For each level the number of rows in each of those cells.
    {columns_in}

    See Also
    --------
    CellEncoder : Columns for the cells themselves, instead of how full they are.
    cellwise.cell_disk : The cells within some steps.

    Notes
    -----
    The density is that of the rows of `fit`, however they were selected: homes on sale, say, not homes. Fitted to twice
    as many rows all counts double, which in logarithms is nearly the same shift for all.

    On house prices in California, boosted trees on latitude and longitude err 1.2 % less with these counts, and 2.9 %
    less with ``rings=(0, 1)``; on rents in New York City, where listings are everywhere, they gain nothing.
    In new areas they do harm: no row of `fit` lies there, so that all counts are 0 or nearly, and the same trees err
    8 % more on held-out cells of level 10 and 24 % more on those of level 8.

    Every cell that holds rows is looked up once, however many rows it holds. Near the corners of the cube a ring has
    fewer cells.

    References
    ----------
    .. [1] B. W. Silverman, "Density Estimation for Statistics and Data Analysis", 1986, chapter 2: histograms, their
       widths, and where their edges fall.

    Examples
    --------
    Two homes on one street, one a few streets away, one in another city:

    >>> import numpy as np
    >>> from cellwise.features import CellCounts
    >>> homes = np.array([[37.7599, -122.4148], [37.7599, -122.4147], [37.7701, -122.4148], [34.0522, -118.2437]])
    >>> counter = CellCounts(levels=(8, 13), rings=(0, 1), log=False).fit(homes)
    >>> counter.get_feature_names_out().tolist()
    ['s2_L8_count', 's2_L8_ring1_count', 's2_L13_count', 's2_L13_ring1_count']
    >>> counter.transform(homes)
    array([[3., 3., 2., 3.],
           [3., 3., 2., 3.],
           [3., 3., 1., 3.],
           [1., 1., 1., 1.]])

    A home some streets north lies just across the edge of their cells: there only the rings count them. And one in the
    Atlantic:

    >>> counter.transform([[37.775, -122.4148], [0, -30]])
    array([[0., 3., 0., 1.],
           [0., 0., 0., 0.]])

    Homes per square kilometer:

    >>> CellCounts(levels=13, rings=1, log=False, normalize="area").fit_transform(homes).round(2)
    array([[0.32],
           [0.32],
           [0.32],
           [0.09]])
    """

    levels_: tuple[int, ...]
    rings_: tuple[int, ...]
    cells_: list[CellArray]
    counts_: list[Int64Array]

    def __init__(
        self,
        levels: Literal["auto"] | int | Sequence[int] = "auto",
        *,
        rings: int | Sequence[int] = (0,),
        log: bool = True,
        normalize: Literal["area"] | None = None,
        lat: Column | None = None,
        lng: Column | None = None,
        cell: Column | None = None,
        on_invalid: OnInvalid = "warn",
    ) -> None:
        self.levels = levels
        self.rings = rings
        self.log = log
        self.normalize = normalize
        self.lat = lat
        self.lng = lng
        self.cell = cell
        self.on_invalid = on_invalid

    @shared_parameters
    def fit(self, X: Table, y: object = None) -> Self:
        """The transformer, with the rows counted.

        Parameters
        ----------
        {rows_of_fit}
        {unread}

        Returns
        -------
        CellCounts
        """
        self._fit(X)
        return self

    @shared_parameters
    def fit_transform(self, X: Table, y: object = None) -> FloatArray:
        """The same as ``fit(X).transform(X)``, reading X once: each row counts itself.

        Parameters
        ----------
        {rows_of_fit}
        {unread}

        Returns
        -------
        ndarray of float64, shape (n_rows, n_levels * n_rings)
        """
        return self._encode(self._fit(X))

    @shared_parameters
    def transform(self, X: Table) -> FloatArray:
        """For each row of X the number of rows of `fit` around it.

        Parameters
        ----------
        {rows_of_transform}

        Returns
        -------
        ndarray of float64, shape (n_rows, n_levels * n_rings)
            By level, then ring.
        """
        check_is_fitted(self)
        return self._encode(self._read_cells(X, reset=False))

    @shared_parameters
    def transform_one(self, lat: float | None, lng: float | None) -> FloatArray:
        """The row of `transform` for one position, in microseconds if `rings` is 0.

        Parameters
        ----------
        {one_position: all counts are 0.}

        Returns
        -------
        ndarray of float64, shape (n_levels * n_rings,)

        Examples
        --------
        >>> from cellwise.features import CellCounts
        >>> counter = CellCounts(levels=(8, 13), log=False).fit([[37.76, -122.41], [34.05, -118.24]])
        >>> counter.transform_one(37.76, -122.41)
        array([1., 1.])
        """
        if not hasattr(self, "cells_"):
            check_is_fitted(self)
        row = np.zeros(len(self.levels_) * len(self.rings_))
        leaf = leaf_at(lat, lng, on_invalid=self.on_invalid)
        if leaf == 0:
            return row
        if self.rings_ != (0,) or self.normalize is not None:
            return self._encode(np.array([leaf], np.uint64))[0]
        for at in self._index.ancestors_in_one(leaf):
            k = bisect_right(self._stops, at)
            row[k] = self.counts_[k][at - self._stops[k]]  # from the end
        return np.log1p(row) if self.log else row

    @shared_parameters
    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> ObjectArray:
        """Name of each column: level and steps as in ``s2_L10_count`` and ``s2_L10_ring1_count``.

        Parameters
        ----------
        {input_features}

        Returns
        -------
        ndarray of object, shape (n_levels * n_rings,)
            They end in density instead of count if `normalize` is "area".
        """
        self._check_names_in(input_features)
        what = "count" if self.normalize is None else "density"
        names = [
            f"s2_L{level}_ring{ring}_{what}" if ring else f"s2_L{level}_{what}"
            for level in self.levels_
            for ring in self.rings_
        ]
        return np.array(names, dtype=object)

    # --- fitting ------------------------------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        super()._check_parameters()
        as_levels(self.levels)
        _as_rings(self.rings)
        inputs.check_bool("log", self.log)
        if self.normalize is not None and self.normalize != "area":
            raise ValueError(f"normalize must be None or 'area': got {self.normalize!r}")

    def _fit(self, X: Table) -> CellArray:
        """Fit; the cells of the rows of X."""
        cells = self._read_cells(X, reset=True)
        levels, rings = as_levels(self.levels), _as_rings(self.rings)
        ordered, count = count_cells(cells, levels[-1] if levels else 30)
        self.levels_ = levels or auto_levels(ordered, count)
        self.rings_ = rings
        counted = [cell_counts(ordered, level, count) for level in self.levels_]
        self._set_counts([cells for cells, _ in counted], [counts for _, counts in counted])
        return cells

    def _set_counts(self, cells: list[CellArray], counts: list[Int64Array]) -> None:
        """Take these cells of each level, and their counts."""
        self.counts_ = counts
        self._index = CellIndex(np.concatenate(cells))
        self._stops = np.cumsum([len(of_level) for of_level in cells]).tolist()
        self.cells_ = np.split(self._index.cells, self._stops[:-1])

    # --- encoding -----------------------------------------------------------------------------------------------------

    def _encode(self, cells: CellArray) -> FloatArray:
        """The features of rows in these cells."""
        distinct, code = factorize_cells(cells, self.levels_[-1])
        del cells  # as soon as nothing needs them: rows may be many
        width = len(self.rings_)
        Z = np.empty((len(code), len(self.levels_) * width))
        for k, (level, counts) in enumerate(zip(self.levels_, self.counts_)):
            counts = np.append(counts, 0)
            values = np.zeros((len(distinct) + 1, width))  # the last, -1, is for no place
            for batch in batches(len(distinct)):
                self._put(values[batch], distinct[batch], level, counts)
            if self.log:
                np.log1p(values, out=values)
            for batch in batches(len(code)):
                Z[batch, k * width : (k + 1) * width] = np.take(values, code[batch], axis=0)
        return Z

    def _put(self, values: FloatArray, cells: CellArray, level: int, counts: Int64Array) -> None:
        """Write for sorted cells the numbers of rows around them at one level."""
        ancestor = cell_parent(cells, level, on_invalid="null")
        placed = np.flatnonzero(ancestor)
        center, offsets = runs(ancestor[placed])
        sizes = np.diff(offsets)
        for column, ring in enumerate(self.rings_):
            values[placed, column] = np.repeat(self._count_disks(center, ring, level, counts), sizes)

    def _count_disks(self, center: CellArray, ring: int, level: int, counts: Int64Array) -> FloatArray:
        """Rows within some steps of each cell, or their density. `counts` ends with the 0 of cells without rows."""
        values = np.empty(len(center))
        step = max(1, CHUNK // (2 * ring + 1) ** 2)
        start = self._index.blocks.get(level, (0, 0))[0]
        for first in range(0, len(center), step):
            batch = slice(first, first + step)
            disks = None if ring == 0 else cell_disk(center[batch], ring)
            cells = center[batch] if disks is None else disks.values
            at = self._index.lookup(cells, level)
            found = counts[np.where(at < 0, -1, at - start)]
            values[batch] = found if disks is None else sum_runs(found, disks.offsets)
            if self.normalize == "area":
                area = cell_area(cells, unit="km2")
                values[batch] /= area if disks is None else sum_runs(area, disks.offsets)
        return values

    # --- saving -------------------------------------------------------------------------------------------------------

    def _state_to_dict(self) -> State:
        return {
            "levels": list(self.levels_),
            "cells": [tokens_from_cells(cells) for cells in self.cells_],
            "counts": [counts.tolist() for counts in self.counts_],
        }

    def _state_from_dict(self, state: Any) -> None:
        self.rings_ = _as_rings(self.rings)
        state = check_keys("state", state, ("levels", "cells", "counts"))
        self.levels_ = levels_from_list(state["levels"])
        all_cells, all_counts = [], []
        saved = (check_list(name, state[name], list, len(self.levels_)) for name in ("cells", "counts"))
        for level, tokens, counts in zip(self.levels_, *saved):
            cells = cells_from_tokens("cells", tokens)
            if not np.array_equal(cells, np.unique(cells)) or (cell_level(cells) != level).any():
                raise ValueError("cells must be distinct, sorted and of their level")
            if not all(0 < count < 2**63 for count in check_list("counts", counts, int, len(cells))):
                raise ValueError("counts must be 1 or more and fit in 64 bits")
            all_cells.append(cells)
            all_counts.append(np.array(counts, np.int64))
        self._set_counts(all_cells, all_counts)


def _as_rings(rings: Any) -> tuple[int, ...]:
    """Numbers of steps, ascending and each once."""
    if isinstance(rings, numbers.Integral):
        rings = (rings,)
    try:
        rings = list(rings)
    except TypeError:
        raise TypeError(f"rings must be an integer or a sequence of integers: got {rings!r}") from None
    if not rings:
        raise ValueError("rings must hold at least one number: got none")
    return tuple(sorted({inputs.check_integer("rings", ring, 0) for ring in rings}))
