"""Paragraphs that many docstrings share, each written once.

A docstring that is filled by `shared_parameters` names them, each on a line of its own, with the words that differ:

    {cell: stays 0}
    {out: uint64}
    {on_invalid: to ids that are no cells}
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

# `{}` stands for the words that differ.
PARAGRAPHS = {
    "cell": """\
cell : array_like of uint64
    Cell ids; 0, the missing cell, {}.""",
    "two_cells": """\
a, b : array_like of uint64
    Cell ids, broadcast against each other; with 0, the missing cell, the {}.""",
    "exact": """\
exact : bool, default False
    Give arrays the same bits as single cells, which are those of the C library's arctangent. Otherwise arrays
    may differ from them by 2 units in the last place, and are faster.""",
    "unit_of_length": """\
unit : {"m", "km", "rad", "deg"}
    Meters and kilometers are those of a sphere of radius `EARTH_RADIUS_M`.""",
    "unit_of_area": """\
unit : {"m2", "km2", "sr"}
    Meters and kilometers are those of a sphere of radius `EARTH_RADIUS_M`.""",
    "out": """\
out : ndarray of {}, optional
    Where the results go: an array of their shape and dtype, which is then returned.""",
    "two_outs": """\
out : tuple of two ndarrays of {}, optional
    Where the results go: arrays of their shape and dtype, which are then returned.""",
    "out_of_runs": """\
out : ndarray of uint64, optional
    A one-dimensional array for the cells; the result is a view of its beginning. There are at most
    {}; if it is too small, the message says how many may come.""",
    "on_invalid": """\
on_invalid : {"raise", "warn", "null"}
    What happens {}.""",
    # --- encoders and splitters ---
    "coordinate_columns": """\
lat, lng : str or int, default None
    Names or positions of the columns with coordinates in degrees. None: in a frame the columns called lat or
    latitude, and lng, lon, long or longitude, in any case; else the first two columns.""",
    "cell_column": """\
cell : str or int, default None
    Instead of `lat` and `lng`, the column of cell ids.
    {}""",
    "on_invalid_rows": """\
on_invalid : {"warn", "raise", "null"}, default "warn"
    What happens to positions and ids that cannot be (latitude 95, infinity): they count as missing, with one
    `InvalidCoordinatesWarning` a call, are an error, or count as missing in silence. Rows whose place is missing
    (NaN, NA, None, the cell 0) {}""",
    "columns_in": """\
columns_in_ : tuple of int
    Positions in X of latitude and longitude, or of the cells.
n_features_in_ : int
    Number of columns of X.
feature_names_in_ : ndarray of str
    Names of the columns of X, if it has any.""",
    "rows_of_fit": """\
X : DataFrame, array_like or Series of cells, shape (n_rows, n_features)
    Rows with coordinates, or with cells; other columns are ignored.""",
    "rows_of_lag": """\
X : DataFrame, array_like or Series of cells, shape (n_rows, n_features)
    Rows with coordinates, or with cells, and the columns that statistics are taken of.""",
    "rows_of_transform": """\
X : DataFrame, array_like or Series of cells, shape (n_rows, n_features)
    Rows with the columns that `fit` saw.""",
    "rows_to_split": """\
X : DataFrame, array_like or Series of cells, shape (n_rows, n_features)
    Rows with coordinates, or with cells, and anything else.""",
    "one_position": """\
lat, lng : float
    Degrees. Where one is missing (NaN, None) {}""",
    "input_features": """\
input_features : array_like of str, default None
    Only compared with the columns that `fit` saw.""",
    "block_size": """\
buffer : float, default 0
    Rows nearer than this to any test row, by great circle, are dropped from training.
unit : {"m", "km", "rad", "deg"}, default "m"
    Unit of `buffer`.""",
    "unread": """\
y : None
    Not read.""",
    "target_type": """\
target_type : {"auto", "continuous", "binary", "multiclass"}, default "auto"
    What y is. "auto": two values are two classes, "binary", unless they are floats; text, booleans and categories
    of more values are "multiclass"; all other numbers are "continuous". Where these are integers of at most 50
    distinct values, a `UserWarning` says so, since they may stand for classes.""",
}

_PLACEHOLDER = re.compile(r"^( *)\{([a-z_]+)(?:: (.+))?\}$", re.MULTILINE)

_Documented = TypeVar("_Documented", bound=Callable[..., object])


def shared_parameters(documented: _Documented) -> _Documented:
    """The same function or class, its docstring filled with the paragraphs that it names.

    Raises
    ------
    KeyError
        If there is no such paragraph.
    ValueError
        If a paragraph lacks the words that differ, or is given words and has no place for them.
    """
    if documented.__doc__ is not None:  # there are no docstrings under -OO
        documented.__doc__ = _PLACEHOLDER.sub(_paragraph, documented.__doc__)
    return documented


def _paragraph(placeholder: re.Match[str]) -> str:
    indent, name, words = placeholder.groups()
    text = PARAGRAPHS[name]
    if ("{}" in text) != (words is not None):
        raise ValueError(f"paragraph {name!r} takes {'words' if words is None else 'no words'}: got {placeholder[0]!r}")
    return indent + text.replace("{}", words or "").replace("\n", "\n" + indent)
