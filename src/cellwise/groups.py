"""Rows grouped by cell: which cells there are and how many rows each holds, look-ups among them, sums over them.

Everything that is known of rows by their cells begins here: count the rows' cells at the finest level that matters,
make a `CellIndex` of them, look each row up, and add up what is to be summed. Coarser levels follow from the finest:
a cell's count is the sum of its children's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._backend import kernels, made_by_kernels
from ._typing import AnyArray, CellArray, FloatArray, Int32Array, Int64Array
from .cells.hierarchy import cell_level
from .inputs import check_integer


def count_cells(cells: CellArray, level: int = 30) -> tuple[CellArray, Int64Array]:
    """Distinct cells of some rows, and how many rows each holds.

    Parameters
    ----------
    cells : ndarray of uint64, shape (n,)
        Valid cells in any order, or 0, which counts for nothing.
    level : int, default 30
        Level 0..30: what is finer counts for its ancestor there.

    Returns
    -------
    cells : ndarray of uint64, shape (n_cells,)
        Ascending.
    counts : ndarray of int64, shape (n_cells,)

    Examples
    --------
    >>> import cellwise as cw
    >>> from cellwise.groups import count_cells
    >>> cells, counts = count_cells(cw.latlng_to_cell([52.52, 52.53, 48.86], [13.40, 13.41, 2.35]), level=8)
    >>> cw.cell_to_token(cells).tolist(), counts.tolist()
    (['47a85', '47e67'], [2, 1])
    """
    level = check_integer("level", level, 0, 30)
    return kernels().count_cells(np.ascontiguousarray(cells), level)


class CellIndex:
    """Distinct cells in which others can be looked up.

    Parameters
    ----------
    cells : ndarray of uint64, shape (n_cells,)
        Valid, distinct, sorted by level, then id.

    Raises
    ------
    ValueError
        If they are not.

    Notes
    -----
    In native code the cells of a level are the leaves of a tree along the curve, whose nodes hold a bit for each of 64
    children. Where cells are dense a table leads to the lowest nodes, else there are a few steps between; neighbors
    share them. The numpy backend uses binary search.

    Examples
    --------
    >>> import cellwise as cw
    >>> from cellwise.groups import CellIndex
    >>> index = CellIndex(cw.token_to_cell(["47a84", "47e67", "47a8514c"]))
    >>> index
    CellIndex(3 cells)
    >>> rows = cw.latlng_to_cell([52.52, 52.53, 48.86], [13.40, 13.41, 2.35])
    >>> index.lookup(cw.cell_parent(rows, 8)), index.lookup(rows, level=8)
    (array([-1, -1,  1], dtype=int32), array([-1, -1,  1], dtype=int32))
    """

    __slots__ = ("_blocks", "_index_made", "cells")

    def __init__(self, cells: CellArray) -> None:
        self.cells = np.ascontiguousarray(cells, np.uint64)
        level = np.atleast_1d(cell_level(self.cells, on_invalid="null"))
        order = np.diff(level) > 0
        order |= (np.diff(level) == 0) & (self.cells[1:] > self.cells[:-1])
        if (level < 0).any() or not order.all():
            raise ValueError("cells must be valid, distinct and sorted by level, then id")
        stop = np.searchsorted(level, np.arange(31), side="right").tolist()
        self._blocks = {k: ends for k, ends in enumerate(zip([0, *stop], stop)) if ends[0] < ends[1]}

    def __reduce__(self) -> tuple[type[CellIndex], tuple[CellArray]]:
        return CellIndex, (self.cells,)

    def __len__(self) -> int:
        return len(self.cells)

    def __repr__(self) -> str:
        return f"CellIndex({len(self)} cells)"

    @property
    def blocks(self) -> dict[int, tuple[int, int]]:
        """For each level that has cells, the positions of its first cell and after its last."""
        return self._blocks

    @made_by_kernels
    def _index(self, kernels: Any) -> Any:
        return kernels.CellIndex(self.cells)

    def lookup(self, cells: CellArray, level: int | None = None, *, out: Int32Array | None = None) -> Int32Array:
        """Position of each cell, or of its ancestor.

        Parameters
        ----------
        cells : ndarray of uint64, shape (n,)
            Valid cells in any order, or 0, which is not found.
        level : int, default None
            Level 0..30 of the ancestors to look up instead. Coarser cells have none.
        out : ndarray of int32, shape (n,), default None
            Where the result is written, contiguous.

        Returns
        -------
        ndarray of int32, shape (n,)
            -1 for what is not found.
        """
        if level is not None:
            check_integer("level", level, 0, 30)
        cells = np.ascontiguousarray(cells)
        found = np.empty(len(cells), np.int32) if out is None else out
        self._index.lookup(cells, level, found)
        return found

    def ancestors_in(self, cells: CellArray) -> tuple[AnyArray, AnyArray]:
        """Positions of all cells that contain each cell, or are it.

        Parameters
        ----------
        cells : ndarray of uint64, shape (n,)
            Valid cells in any order, or 0, which nothing contains.

        Returns
        -------
        positions : ndarray of int32 or int64
            Those of the first cell by level, then those of the second, and so on.
        offsets : ndarray of the same dtype, shape (n + 1,)
            Where those of each cell begin, and the number of all; of 64 bits only if there may be so many.

        Examples
        --------
        >>> import cellwise as cw
        >>> from cellwise.groups import CellIndex
        >>> index = CellIndex(cw.token_to_cell(["5", "47a85", "47e67"]))
        >>> index.ancestors_in(cw.latlng_to_cell([52.52, -30, 48.86], [13.40, -51, 2.35]))
        (array([0, 1, 0, 2], dtype=int32), array([0, 2, 2, 4], dtype=int32))
        """
        return self._index.ancestors_in(np.ascontiguousarray(cells))

    def ancestors_in_one(self, cell: int) -> tuple[int, ...]:
        """Positions of all cells that contain one cell, or are it, in microseconds.

        Parameters
        ----------
        cell : int
            A valid cell, or 0, which nothing contains.

        Returns
        -------
        tuple of int
            By level.

        Examples
        --------
        >>> import cellwise as cw
        >>> from cellwise.groups import CellIndex
        >>> index = CellIndex(cw.token_to_cell(["5", "47a85", "47e67"]))
        >>> index.ancestors_in_one(cw.latlng_to_cell(52.52, 13.40))
        (0, 1)
        """
        return self._index.ancestors_in_one(cell)


def factorize_cells(cells: CellArray, level: int = 30) -> tuple[CellArray, Int32Array]:
    """Distinct cells of some rows, and for each row the position of its cell among them.

    Parameters
    ----------
    cells : ndarray of uint64, shape (n,)
        Valid cells in any order, or 0 for none.
    level : int, default 30
        Level 0..30: what is finer counts as its ancestor there.

    Returns
    -------
    cells : ndarray of uint64, shape (n_cells,)
        Ascending.
    codes : ndarray of int32, shape (n,)
        -1 for none.

    Examples
    --------
    >>> import cellwise as cw
    >>> from cellwise.groups import factorize_cells
    >>> cells, codes = factorize_cells(cw.latlng_to_cell([52.52, 48.86, 52.53], [13.40, 2.35, 13.41]), level=8)
    >>> cw.cell_to_token(cells).tolist(), codes.tolist()
    (['47a85', '47e67'], [0, 1, 0])
    """
    found, _ = count_cells(cells, level)
    order = np.argsort(np.atleast_1d(cell_level(found)), kind="stable")
    index = CellIndex(found[order])
    codes = index.lookup(cells, level)
    unknown = np.flatnonzero(codes < 0)  # missing, or coarser
    codes[unknown] = index.lookup(cells[unknown])
    if len(index.blocks) > 1:
        is_found = codes >= 0
        codes[is_found] = order[codes[is_found]]
    return found, codes


def factorize_pairs(a: Int32Array, b: Int32Array, n_a: int, n_b: int) -> tuple[Int32Array, Int32Array, Int32Array]:
    """Distinct pairs of numbers, and for each pair its position among them.

    Parameters
    ----------
    a, b : ndarray of int32, shape (n,)
        In 0..n_a - 1 and 0..n_b - 1.
    n_a, n_b : int

    Returns
    -------
    a, b : ndarray of int32, shape (n_pairs,)
        Sorted by the first, then the second.
    codes : ndarray of int32, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from cellwise.groups import factorize_pairs
    >>> a, b, codes = factorize_pairs(np.array([3, 1, 3], np.int32), np.array([0, 2, 0], np.int32), 4, 3)
    >>> a.tolist(), b.tolist(), codes.tolist()
    ([1, 3], [2, 0], [1, 0, 1])
    """
    return kernels().factorize_pairs(a, b, n_a, n_b)


def sum_by_group(group: Int32Array, y: FloatArray, weight: FloatArray | None, n_groups: int) -> FloatArray:
    """Sums over groups of rows.

    Parameters
    ----------
    group : ndarray of int32, shape (n,)
        Number of each row's group, in 0..n_groups - 1.
    y : ndarray of float64, shape (n,)
    weight : ndarray of float64, shape (n,), or None
        None stands for ones.
    n_groups : int

    Returns
    -------
    ndarray of float64, shape (n_groups, 4)
        Number of rows that do not weigh 0, sum of weights, weighted sum of y, and of its square; added in the order of
        the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from cellwise.groups import sum_by_group
    >>> sum_by_group(np.array([0, 1, 0], np.int32), np.array([2.0, 3.0, 4.0]), None, 2)
    array([[ 2.,  2.,  6., 20.],
           [ 1.,  1.,  3.,  9.]])
    """
    return kernels().sum_by_group(group, y, weight, n_groups)


def add_sums(group: Int32Array, sums: FloatArray, n_groups: int) -> FloatArray:
    """Sums over groups of groups.

    Parameters
    ----------
    group : ndarray of int32, shape (n,)
        In which of the larger groups each lies, in 0..n_groups - 1.
    sums : ndarray of float64, shape (n, 4)
        As `sum_by_group` gives them.
    n_groups : int

    Returns
    -------
    ndarray of float64, shape (n_groups, 4)
        Added in the order of the groups.

    Examples
    --------
    >>> import numpy as np
    >>> from cellwise.groups import add_sums, sum_by_group
    >>> sums = sum_by_group(np.array([0, 1, 0], np.int32), np.array([2.0, 3.0, 4.0]), None, 2)
    >>> add_sums(np.zeros(2, np.int32), sums, 1)
    array([[ 3.,  3.,  9., 29.]])
    """
    return kernels().add_sums(group, sums, n_groups)


def take(table: AnyArray, number: AnyArray) -> AnyArray:
    """Rows of a table of groups, for each row of data that of its group.

    Parameters
    ----------
    table : ndarray of floats, shape (n_groups, n_columns)
    number : ndarray of int32, shape (n,)
        In 0..n_groups - 1.

    Returns
    -------
    ndarray of the same dtype, shape (n, n_columns)

    Examples
    --------
    >>> import numpy as np
    >>> from cellwise.groups import take
    >>> take(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 0, 1], np.int32)).tolist()
    [[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]
    """
    return kernels().take(table, number)
