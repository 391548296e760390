"""Results get the form of the arguments: Python scalars for scalars, columns for columns, else arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._typing import AnyArray, BoolArray, TextArray
from .arguments import Argument
from .columns import Form


def says_na(arguments: Sequence[Argument], on_invalid: str) -> bool:
    """Whether results know NA: there is a column whose type knows it, or one that can, and `on_invalid` asks for it.

    Values have no say in it, so that the type of a result is known beforehand.
    """
    forms = [argument.form for argument in arguments if argument.form is not None]
    return any(form.says_na or (form.can_say_na and on_invalid != "raise") for form in forms)


def finish(
    result: AnyArray, arguments: Sequence[Argument], shape: tuple[int, ...], is_na: BoolArray | None = None
) -> Any:
    """Give a result the form of the arguments.

    Parameters
    ----------
    result : ndarray
    arguments : sequence of Argument
    shape : tuple of int
        To which the arguments broadcast; those of a result may have axes of their own behind it.
    is_na : ndarray of bool, of that shape, or None
        Where a column says NA; None if its type does not know it.

    Raises
    ------
    ValueError
        If columns have different labels.
    """
    columns = [argument for argument in arguments if argument.form is not None]
    if shape == ():
        if result.ndim or not columns:
            return result if result.ndim else result.item()
        return _form(columns[0]).give(result, is_na, None)
    columns = [argument for argument in columns if not _form(argument).is_scalar]
    if not columns:
        return result
    labelled = [argument for argument in columns if _form(argument).labels is not None]
    first = labelled[0] if labelled else columns[0]
    for other in labelled[1:]:
        if not _form(first).has_rows_of(_form(other)):
            raise ValueError(
                f"{first.name} and {other.name} have different indexes: align them, or pass arrays (.to_numpy())"
            )
    if len(first.shape) != len(shape):
        return result
    if labelled and first.shape != shape:
        raise ValueError(f"{first.name} must have as many rows as the others: got shape {first.shape} for {shape}")
    names = {name for argument in columns for name in _form(argument).names}
    return _form(first).give(result, is_na, names.pop() if len(names) == 1 else None)


def _form(argument: Argument) -> Form:
    assert argument.form is not None
    return argument.form


def ascii_to_text(array: AnyArray) -> TextArray:
    """Fixed-width bytes as fixed-width `str`, of the same shape."""
    width = array.dtype.itemsize
    points = np.ascontiguousarray(array).reshape(-1, 1).view(np.uint8).astype(np.uint32)
    return points.view(f"U{width}").reshape(array.shape)
