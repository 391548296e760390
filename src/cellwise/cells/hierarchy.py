"""Level, face, parents, children, ranges and containment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .. import inputs
from .._dispatch import call
from .._docs import shared_parameters
from .._typing import BoolArray, CellArray, CellLike, CellScalar, Int32Array, IntLike, IntScalar, OnInvalid, SeriesLike
from ..ragged import Ragged

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "cell_child",
    "cell_children",
    "cell_common_ancestor",
    "cell_contains",
    "cell_face",
    "cell_intersects",
    "cell_is_leaf",
    "cell_is_valid",
    "cell_level",
    "cell_parent",
    "cell_range_max",
    "cell_range_min",
]


def own_level(cell: CellLike, on_invalid: OnInvalid) -> Any:
    """Level of each cell for another call on the same cells: 0 for those that it will find missing or invalid."""
    inputs.check_choice("on_invalid", on_invalid, inputs.ON_INVALID)
    array = inputs.read("u8", "cell", cell).array
    level = call("cell_level", array, on_invalid="null")
    return np.maximum(level, 0, out=level if isinstance(level, np.ndarray) else None)


def checked_cells(name: str, cells: CellLike | inputs.Argument, on_invalid: OnInvalid = "raise") -> CellArray:
    """Cells of an argument as an array: 0 for those that are missing or, as `on_invalid` has it, invalid."""
    inputs.check_choice("on_invalid", on_invalid, inputs.ON_INVALID)
    given = inputs.read("u8", name, cells)
    is_cell = np.asarray(call("cell_is_valid", given.array)) | (given.array == 0)
    if is_cell.all():
        return given.array
    call("cell_level", given.without_form, on_invalid=on_invalid)  # says which is none
    return np.where(is_cell, given.array, np.uint64(0))


@overload
def cell_is_valid(cell: CellScalar, *, out: None = None) -> bool: ...
@overload
def cell_is_valid(cell: SeriesLike, *, out: None = None) -> pd.Series: ...
@overload
def cell_is_valid(cell: CellLike, *, out: BoolArray | None = None) -> BoolArray: ...
@shared_parameters
def cell_is_valid(cell: CellLike, *, out: BoolArray | None = None) -> Any:
    """Whether each integer names a cell.

    Parameters
    ----------
    cell : array_like of int
        Any integers, also negative ones and 0, which are no cells.
    {out: bool}

    Returns
    -------
    bool or ndarray of bool

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_is_valid([10743750135264575488, 2, 0])
    array([ True, False, False])
    """
    return call("cell_is_valid", cell, out=out)


@overload
def cell_level(cell: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def cell_level(cell: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_level(cell: CellLike, *, out: Int32Array | None = None, on_invalid: OnInvalid = "raise") -> Int32Array: ...
@shared_parameters
def cell_level(cell: CellLike, *, out: Int32Array | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Level of each cell: 0 for a face of the cube, 30 for a leaf.

    Parameters
    ----------
    {cell: gives -1}
    {out: int32}
    {on_invalid: to ids that are no cells: an error, or -1 with or without a warning}

    Returns
    -------
    int or ndarray of int32

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_level(cw.token_to_cell("951977d34"))
    15
    """
    return call("cell_level", cell, out=out, on_invalid=on_invalid)


@overload
def cell_face(cell: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def cell_face(cell: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_face(cell: CellLike, *, out: Int32Array | None = None, on_invalid: OnInvalid = "raise") -> Int32Array: ...
@shared_parameters
def cell_face(cell: CellLike, *, out: Int32Array | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Face of the cube that each cell lies on, 0..5.

    Parameters
    ----------
    {cell: gives -1}
    {out: int32}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    int or ndarray of int32

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_face(cw.token_to_cell("951977d34"))
    4
    """
    return call("cell_face", cell, out=out, on_invalid=on_invalid)


@overload
def cell_is_leaf(cell: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> bool: ...
@overload
def cell_is_leaf(cell: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_is_leaf(cell: CellLike, *, out: BoolArray | None = None, on_invalid: OnInvalid = "raise") -> BoolArray: ...
@shared_parameters
def cell_is_leaf(cell: CellLike, *, out: BoolArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Whether each cell is a leaf, that is, at level 30.

    Parameters
    ----------
    {cell: gives False}
    {out: bool}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    bool or ndarray of bool

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_is_leaf(10743750136202470315)
    True
    """
    return call("cell_is_leaf", cell, out=out, on_invalid=on_invalid)


@overload
def cell_parent(cell: CellScalar, level: IntScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def cell_parent(
    cell: SeriesLike, level: IntLike, *, out: None = None, on_invalid: OnInvalid = "raise"
) -> pd.Series: ...
@overload
def cell_parent(
    cell: CellLike, level: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> CellArray: ...
@shared_parameters
def cell_parent(
    cell: CellLike, level: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> Any:
    """Ancestor of each cell at `level`.

    Parameters
    ----------
    {cell: stays 0}
    level : int or array_like of int
        In 0..30 and at most each cell's own level, which gives the cell itself. Broadcasts against `cell`.
    {out: uint64}
    {on_invalid: where there is no such ancestor: an error, or 0 with or without a warning}

    Returns
    -------
    int or ndarray of uint64

    Raises
    ------
    ValueError
        If a cell is coarser than `level`.

    See Also
    --------
    cell_children : The opposite direction.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(cw.cell_parent(cw.token_to_cell("951977d34"), [5, 10, 15]))
    array(['951c', '951977', '951977d34'], dtype='<U16')
    """
    return call("cell_parent", cell, level, out=out, on_invalid=on_invalid)


@overload
def cell_child(cell: CellScalar, k: IntScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def cell_child(cell: SeriesLike, k: IntLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_child(
    cell: CellLike, k: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> CellArray: ...
@shared_parameters
def cell_child(cell: CellLike, k: IntLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """The `k`-th child of each cell, in curve order.

    Parameters
    ----------
    cell : array_like of uint64
        Cells coarser than leaves; 0, the missing cell, stays 0.
    k : int or array_like of int
        In 0..3.
    {out: uint64}
    {on_invalid: where there is no such child}

    Returns
    -------
    int or ndarray of uint64

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(cw.cell_child(cw.token_to_cell("951977d34"), 3))
    '951977d37'
    """
    return call("cell_child", cell, k, out=out, on_invalid=on_invalid)


@overload
def cell_children(
    cell: CellScalar, level: IntScalar | None = None, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> CellArray: ...
@overload
def cell_children(
    cell: CellLike, level: IntLike | None = None, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> Ragged[np.uint64]: ...
@shared_parameters
def cell_children(
    cell: CellLike, level: IntLike | None = None, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> Any:
    """Descendants of each cell at `level`, in curve order.

    Parameters
    ----------
    {cell: has none}
    level : int, array_like of int or None
        In each cell's level..30; None is the next finer level (a leaf has no children and is refused).
    {out_of_runs: ``4 ** (level - own level)`` for each cell}
    {on_invalid: where there are no such descendants: an error, or none with or without a warning}

    Returns
    -------
    ndarray of uint64, shape (count,), or Ragged
        One run for each cell of an array.

    Raises
    ------
    ValueError
        If a cell is finer than `level`.
    CellLimitError
        If there would be more cells than `set_cell_limit` allows.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(cw.cell_children(cw.token_to_cell("951977d34")))
    array(['951977d31', '951977d33', '951977d35', '951977d37'], dtype='<U16')
    """
    if level is None:
        if on_invalid == "raise":
            call("cell_child", cell, 0)  # says of a leaf that it has none
        level = own_level(cell, on_invalid) + 1
    return call("cell_children", cell, level, out=out, on_invalid=on_invalid)


@overload
def cell_range_min(cell: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def cell_range_min(cell: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_range_min(cell: CellLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> CellArray: ...
@shared_parameters
def cell_range_min(cell: CellLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """First leaf within each cell, the lower end of its ids.

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
    cell_range_max : The upper end.

    Examples
    --------
    A cell holds exactly the cells whose ids lie between the two:

    >>> import cellwise as cw
    >>> cell = cw.token_to_cell("951977d34")
    >>> cw.cell_range_min(cell) <= cw.latlng_to_cell(-30.0438, -51.14022) <= cw.cell_range_max(cell)
    True
    """
    return call("cell_range_min", cell, out=out, on_invalid=on_invalid)


@overload
def cell_range_max(cell: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def cell_range_max(cell: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_range_max(cell: CellLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> CellArray: ...
@shared_parameters
def cell_range_max(cell: CellLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Last leaf within each cell, the upper end of its ids.

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
    cell_range_min : The lower end, with an example.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(cw.cell_range_max(cw.token_to_cell("951977d34")))
    '951977d37fffffff'
    """
    return call("cell_range_max", cell, out=out, on_invalid=on_invalid)


@overload
def cell_contains(a: CellScalar, b: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> bool: ...
@overload
def cell_contains(a: SeriesLike, b: CellLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_contains(a: CellLike, b: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_contains(
    a: CellLike, b: CellLike, *, out: BoolArray | None = None, on_invalid: OnInvalid = "raise"
) -> BoolArray: ...
@shared_parameters
def cell_contains(a: CellLike, b: CellLike, *, out: BoolArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Whether `b` is `a` or lies within it.

    Parameters
    ----------
    {two_cells: answer is False}
    {out: bool}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    bool or ndarray of bool

    Examples
    --------
    >>> import cellwise as cw
    >>> leaf = cw.latlng_to_cell(-30.0438, -51.14022)
    >>> cw.cell_contains(cw.cell_parent(leaf, 29), leaf), cw.cell_contains(leaf, cw.cell_parent(leaf, 29))
    (True, False)
    """
    return call("cell_contains", a, b, out=out, on_invalid=on_invalid)


@overload
def cell_intersects(a: CellScalar, b: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> bool: ...
@overload
def cell_intersects(a: SeriesLike, b: CellLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_intersects(a: CellLike, b: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise") -> pd.Series: ...
@overload
def cell_intersects(
    a: CellLike, b: CellLike, *, out: BoolArray | None = None, on_invalid: OnInvalid = "raise"
) -> BoolArray: ...
@shared_parameters
def cell_intersects(a: CellLike, b: CellLike, *, out: BoolArray | None = None, on_invalid: OnInvalid = "raise") -> Any:
    """Whether one of two cells contains the other.

    Cells that only touch do not intersect.

    Parameters
    ----------
    {two_cells: answer is False}
    {out: bool}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    bool or ndarray of bool

    Examples
    --------
    >>> import cellwise as cw
    >>> cell = cw.token_to_cell("951977d34")
    >>> cw.cell_intersects(cell, [cw.cell_child(cell, 2), cw.cell_next(cell)])
    array([ True, False])
    """
    return call("cell_intersects", a, b, out=out, on_invalid=on_invalid)


@overload
def cell_common_ancestor(a: CellScalar, b: CellScalar, *, out: None = None, on_invalid: OnInvalid = "raise") -> int: ...
@overload
def cell_common_ancestor(
    a: SeriesLike, b: CellLike, *, out: None = None, on_invalid: OnInvalid = "raise"
) -> pd.Series: ...
@overload
def cell_common_ancestor(
    a: CellLike, b: SeriesLike, *, out: None = None, on_invalid: OnInvalid = "raise"
) -> pd.Series: ...
@overload
def cell_common_ancestor(
    a: CellLike, b: CellLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> CellArray: ...
@shared_parameters
def cell_common_ancestor(
    a: CellLike, b: CellLike, *, out: CellArray | None = None, on_invalid: OnInvalid = "raise"
) -> Any:
    """Finest cell that contains both, or 0 if they lie on different faces.

    Parameters
    ----------
    {two_cells: answer is 0}
    {out: uint64}
    {on_invalid: to ids that are no cells}

    Returns
    -------
    int or ndarray of uint64

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.cell_to_token(cw.cell_common_ancestor(*cw.token_to_cell(["951977d34", "951977d2c"])))
    '951977d3'
    """
    return call("cell_common_ancestor", a, b, out=out, on_invalid=on_invalid)
