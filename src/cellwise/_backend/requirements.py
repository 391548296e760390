"""What each kernel requires of its arguments, in words and in numpy.

The numpy backend finds invalid rows with these rules; messages are composed from them for both backends. (The native
backend finds invalid rows by the `check_` functions beside its kernels; a test says that they agree.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._math.projection import MAX_LEVEL
from .._reference import conversion, hierarchy
from .._typing import AnyArray, BoolArray, Int32Array, Int64Array
from .signatures import Row


class Rule(NamedTuple):
    """`argument` must be `text`; `holds(*arguments it reads)` says where it is."""

    argument: str
    text: str
    holds: Callable[..., BoolArray]
    reads: tuple[str, ...]


def _level_in_range(level: Int32Array) -> BoolArray:
    return (level >= 0) & (level <= MAX_LEVEL)


_OF_ONE = {
    "lat": ("in -90..90 degrees", lambda lat: np.abs(lat) <= 90),
    "lng": ("in -360..360 degrees", lambda lng: np.abs(lng) <= 360),
    "level": ("in 0..30", _level_in_range),
    "cell": ("a valid cell", hierarchy.cell_is_valid),
    "xyz": ("finite and not zero", lambda xyz: np.isfinite(xyz).all(axis=-1) & (xyz != 0).any(axis=-1)),
    "token": (
        "1 to 16 lower-case hexadecimal digits of a cell",
        lambda token: hierarchy.cell_is_valid(conversion.parse_token(token)),
    ),
    "s": ("a face, a slash and at most 30 digits 0..3, like '4/0123'", lambda s: conversion.parse_string(s) != 0),
    "i": ("the signed form of a valid cell", lambda i: hierarchy.cell_is_valid(i.view(np.uint64))),
}
_SAME_AS = {"a": "cell", "b": "cell", "lat1": "lat", "lat2": "lat", "lng1": "lng", "lng2": "lng"}

_STEPS = [Rule("k", "0 or more", lambda k: k >= 0, ("k",))]
_NOT_COARSER = [
    Rule(
        "level",
        "the cell's own level or finer",
        lambda cell, level: level >= hierarchy.cell_level(cell),
        ("cell", "level"),
    )
]
# What relates arguments to each other, or holds for one row only; looked at where no cell is missing.
_OF_ROW = {
    "cell_parent": [
        Rule(
            "level",
            "the cell's own level or coarser",
            lambda cell, level: level <= hierarchy.cell_level(cell),
            ("cell", "level"),
        )
    ],
    "cell_child": [
        Rule("k", "in 0..3", lambda k: (k >= 0) & (k <= 3), ("k",)),
        Rule("cell", "coarser than a leaf", lambda cell: ~hierarchy.cell_is_leaf(cell), ("cell",)),
    ],
    "cell_children": _NOT_COARSER,
    "cell_all_neighbors": _NOT_COARSER,
    "cell_vertex_neighbors": [
        Rule(
            "level",
            "coarser than the cell's own level",
            lambda cell, level: level < hierarchy.cell_level(cell),
            ("cell", "level"),
        )
    ],
    "cell_disk": _STEPS,
    "cell_ring": _STEPS,
}


def rules(row: Row) -> list[Rule]:
    """Rules of one row, in the order in which messages look at them."""
    of_one = []
    for name, _ in row.arguments:
        known = _OF_ONE.get(_SAME_AS.get(name, name))
        if known:
            of_one.append(Rule(name, *known, (name,)))
    return of_one + _OF_ROW.get(row.name, [])


def _is_missing(row: Row, name: str, code: str, values: AnyArray) -> BoolArray | np.bool_:
    """Where one argument is the missing cell, or the token or string of it."""
    if code == "S":
        return values == b"X"
    if (code == "u8" and name != "id") or row.name == "int64_to_cell":
        return values == 0
    return np.False_


def null_of(dtype: np.dtype[Any]) -> bytes | float:
    """What an output holds where there is nothing to compute."""
    return {"u": 0, "i": -1 if dtype.itemsize == 4 else 0, "f": np.nan, "b": False, "S": b"X"}[dtype.kind]


def missing(row: Row, arguments: Sequence[AnyArray]) -> BoolArray | np.bool_:
    """Where any argument is missing."""
    found = np.False_
    for (name, code), values in zip(row.arguments, arguments):
        found = found | _is_missing(row, name, code, values)
    return found


def broken(row: Row, arguments: Sequence[AnyArray]) -> Int64Array:
    """First rule that each row of arguments breaks, as an index into `rules(row)`; -1 where all hold.

    A rule is not looked at where one of the arguments that it reads is missing.
    """
    named = {name: (code, values) for (name, code), values in zip(row.arguments, arguments)}
    n = max(len(values) for values in arguments)
    first = np.full(n, -1)
    for k, rule in enumerate(rules(row)):
        look = first < 0
        for name in rule.reads:
            look = look & ~np.broadcast_to(_is_missing(row, name, *named[name]), n)
        values = [np.broadcast_to(x, (n, *x.shape[1:]))[look] for _, x in (named[name] for name in rule.reads)]
        bad = np.flatnonzero(look)[~rule.holds(*values)]
        first[bad] = k
    return first


def show_cell(value: int) -> str:
    """An id as messages show it: the token and level of a cell, or else the number."""
    cell = np.array([value], np.uint64)
    if hierarchy.cell_is_valid(cell)[0]:
        token = conversion.cell_to_token(cell)[0].decode()
        return f"{token} (level {hierarchy.cell_level(cell)[0]})"
    return f"{value} (0x{value:016x})"
