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
    # --- of features ---
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
