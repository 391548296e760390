"""Next to: along the curve, across edges and corners, and in steps around a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .._dispatch import call
from .._docs import shared_parameters
from .._typing import CellArray, CellLike, CellScalar, IntLike, IntScalar, OnInvalid, SeriesLike
from ..ragged import Ragged
from .hierarchy import own_level

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "cell_advance",
    "cell_all_neighbors",
    "cell_disk",
    "cell_edge_neighbors",
    "cell_next",
    "cell_prev",
    "cell_ring",
    "cell_vertex_neighbors",
]


@overload
def cell_next(cell: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def cell_next(cell: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_next(cell: CellLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> CellArray: ...
@shared_parameters
def cell_next(cell: CellLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Next cell of the same level along the curve; the first follows the last.

    Parameters
    ----------
    {cell: stays 0}
    {out: uint64}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    int or ndarray of uint64

    See Also
    --------
    cell_prev, cell_advance

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(cw.cell_next(cw.token_to_cell(["951977d34", "bc"])))
    array(['951977d3c', '04'], dtype='<U16')
    """
    return call("cell_next", cell, out=out, on_invalid=on_invalid)


@overload
def cell_prev(cell: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def cell_prev(cell: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_prev(cell: CellLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> CellArray: ...
@shared_parameters
def cell_prev(cell: CellLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Previous cell of the same level along the curve; the last precedes the first.

    Parameters
    ----------
    {cell: stays 0}
    {out: uint64}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    int or ndarray of uint64

    See Also
    --------
    cell_next, cell_advance

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(cw.cell_prev(cw.token_to_cell(["951977d34", "04"])))
    array(['951977d2c', 'bc'], dtype='<U16')
    """
    return call("cell_prev", cell, out=out, on_invalid=on_invalid)


@overload
def cell_advance(cell: CellScalar, n: IntScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def cell_advance(cell: SeriesLike, n: IntLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_advance(
    cell: CellLike, n: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> CellArray: ...
@shared_parameters
def cell_advance(cell: CellLike, n: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Cell `n` places further along the curve at the same level, round and round.

    Parameters
    ----------
    {cell: stays 0}
    n : int or array_like of int
        Any 64-bit integers; negative ones go back.
    {out: uint64}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    int or ndarray of uint64

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(cw.cell_advance(cw.token_to_cell("1"), [-1, 0, 1, 6]))
    array(['b', '1', '3', '1'], dtype='<U16')
    """
    return call("cell_advance", cell, n, out=out, on_invalid=on_invalid)


@shared_parameters
def cell_edge_neighbors(cell: CellLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> CellArray:
    """The four cells of the same level across each cell's edges.

    Parameters
    ----------
    {cell: gives zeros}
    {out: uint64}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    ndarray of uint64, shape (..., 4)
        In S2's order: down, right, up, left in the (i, j) coordinates of the cell's face.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(cw.cell_edge_neighbors(cw.token_to_cell("951977d34")))
    array(['951977d3c', '951977d4c', '9519762cc', '951977d2c'], dtype='<U16')
    """
    return call("cell_edge_neighbors", cell, out=out, on_invalid=on_invalid)


@overload
def cell_vertex_neighbors(
    cell: CellScalar, level: IntScalar, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> CellArray: ...
@overload
def cell_vertex_neighbors(
    cell: CellLike, level: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> Ragged[np.uint64]: ...
@shared_parameters
def cell_vertex_neighbors(
    cell: CellLike, level: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> Any:
    """The four cells at `level` round the vertex of each cell's ancestor there that lies nearest to the cell.

    They hold everything that is nearer to the cell than half an edge at `level`. At a corner of the cube they are
    three.

    Parameters
    ----------
    {cell: has none}
    level : int or array_like of int
        Coarser than each cell's own level.
    {out_of_runs: four for each cell}
    {on_invalid: where there are no such cells}

    Returns
    -------
    ndarray of uint64, ascending, or Ragged
        One run for each cell of an array.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(cw.cell_vertex_neighbors(cw.latlng_to_cell(-30.0438, -51.14022), 15))
    array(['951977d34', '951977d3c', '951977d44', '951977d4c'], dtype='<U16')
    """
    return call("cell_vertex_neighbors", cell, level, out=out, on_invalid=on_invalid)


@overload
def cell_all_neighbors(
    cell: CellScalar, level: IntScalar | None = None, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> CellArray: ...
@overload
def cell_all_neighbors(
    cell: CellLike, level: IntLike | None = None, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> Ragged[np.uint64]: ...
@shared_parameters
def cell_all_neighbors(
    cell: CellLike, level: IntLike | None = None, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> Any:
    """All cells at `level` outside each cell that touch it, over an edge or a corner.

    Parameters
    ----------
    {cell: has none}
    level : int, array_like of int or None
        In each cell's level..30; None is the cell's own.
    {out_of_runs: ``4 * 2 ** (level - own level) + 4`` for each cell}
    {on_invalid: where there are no such cells}

    Returns
    -------
    ndarray of uint64, ascending, or Ragged
        One run for each cell of an array.

    Examples
    --------
    Eight, and seven at a corner of the cube:

    >>> import cellwise as cw
    >>> cw.cell_all_neighbors(cw.token_to_cell(["951977d34", "04"])).sizes
    array([8, 7])
    """
    if level is None:
        level = own_level(cell, on_invalid)
    return call("cell_all_neighbors", cell, level, out=out, on_invalid=on_invalid)


@overload
def cell_disk(
    cell: CellScalar, k: IntScalar, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> CellArray: ...
@overload
def cell_disk(
    cell: CellLike, k: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> Ragged[np.uint64]: ...
@shared_parameters
def cell_disk(cell: CellLike, k: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Cells of the same level within `k` steps of each cell, itself included.

    A step goes over an edge or a corner, so that away from the corners of the cube a disk is a square of
    ``(2 * k + 1) ** 2`` cells.

    Parameters
    ----------
    {cell: has none}
    k : int or array_like of int
        0 or more.
    {out_of_runs: ``(2 * k + 1) ** 2`` for each cell}
    {on_invalid: to ids that are no cells and negative `k`}

    Returns
    -------
    ndarray of uint64, ascending, or Ragged
        One run for each cell of an array.

    Raises
    ------
    CellLimitError
        If there would be more cells than `set_cell_limit` allows.

    Examples
    --------
    >>> import cellwise as cw
    >>> len(cw.cell_disk(cw.token_to_cell("951977d34"), 3))
    49
    """
    return call("cell_disk", cell, k, out=out, on_invalid=on_invalid)


@overload
def cell_ring(
    cell: CellScalar, k: IntScalar, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> CellArray: ...
@overload
def cell_ring(
    cell: CellLike, k: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> Ragged[np.uint64]: ...
@shared_parameters
def cell_ring(cell: CellLike, k: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Cells of the same level exactly `k` steps from each cell; for 0, the cell itself.

    Parameters
    ----------
    {cell: has none}
    k : int or array_like of int
        0 or more.
    {out_of_runs: ``8 * k`` for each cell, and one for ``k = 0``}
    {on_invalid: to ids that are no cells and negative `k`}

    Returns
    -------
    ndarray of uint64, ascending, or Ragged
        One run for each cell of an array.

    Examples
    --------
    >>> import cellwise as cw
    >>> [len(cw.cell_ring(cw.token_to_cell("951977d34"), k)) for k in range(4)]
    [1, 8, 16, 24]
    """
    return call("cell_ring", cell, k, out=out, on_invalid=on_invalid)
