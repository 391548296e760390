"""Results get the form of the arguments: Python scalars for scalars, Series for Series, else arrays."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import AnyArray, TextArray
from .arguments import Argument

if TYPE_CHECKING:
    import pandas as pd

_NULLABLE = {"u8": "UInt64", "i8": "Int64", "i4": "Int32", "f8": "Float64", "b1": "boolean"}


def finish(result: AnyArray, arguments: Sequence[Argument], shape: tuple[int, ...], as_bytes: bool = False) -> Any:
    """Give a result the form of the arguments: scalar, Series or array; fixed-width text becomes `str`, or stays."""
    if result.dtype.kind == "S" and not as_bytes:
        result = ascii_to_text(result)
    if shape == () and result.ndim == 0:
        return result.item()
    frames = [argument for argument in arguments if argument.frame is not None]
    if not frames or result.ndim != 1:
        return result
    return _series(result, frames, arguments)


def ascii_to_text(array: AnyArray) -> TextArray:
    """Fixed-width bytes as fixed-width `str`, of the same shape."""
    width = array.dtype.itemsize
    points = np.ascontiguousarray(array).reshape(-1, 1).view(np.uint8).astype(np.uint32)
    return points.view(f"U{width}").reshape(array.shape)


def _series(result: AnyArray, frames: Sequence[Argument], arguments: Sequence[Argument]) -> pd.Series:
    pd = sys.modules["pandas"]
    first = frames[0].frame
    for other in frames[1:]:
        if not other.frame.index.equals(first.index):
            raise ValueError(
                f"{frames[0].name} and {other.name} have different indexes: align them, or pass arrays (.to_numpy())"
            )
    names = {argument.frame.name for argument in frames}
    name = names.pop() if len(names) == 1 else None
    if not any(argument.nullable for argument in frames):
        return pd.Series(result if result.dtype.kind != "U" else result.astype(object), index=first.index, name=name)
    missing = np.zeros(len(result), bool)
    for argument in arguments:
        if argument.code == "u8":
            missing |= argument.array == 0
        elif argument.code == "S":
            missing |= argument.array == b"X"
        elif argument.code == "f8":
            missing |= np.isnan(argument.array)
    if result.dtype.kind == "u":
        missing |= result == 0
    if result.dtype.kind == "U":
        texts = result.astype(object)
        texts[missing] = None
        column = pd.array(texts, dtype="string")
    else:
        column = pd.array(result, dtype=_NULLABLE[f"{result.dtype.kind}{result.dtype.itemsize}"])
        column[missing] = pd.NA
    return pd.Series(column, index=first.index, name=name)
