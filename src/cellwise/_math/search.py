"""Rows at places, queries for those near some positions, and how far candidates are: what searches are made of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .._typing import BoolArray, Int64Array
from ..ragged import expand
from .arcs import arcs

PAIRS = 1 << 18  # of a query and a row that are held at a time


class Places(NamedTuple):
    """Distinct places along the curve, and the rows at each."""

    lat: np.ndarray  # degrees, as `canonical_latlng` has them
    lng: np.ndarray
    starts: np.ndarray  # int32: where the rows of each place start in `rows`, and their number
    rows: np.ndarray  # int32: numbers of the rows, place by place, ascending within each
    place_of_row: np.ndarray  # int32; -1 for a row that has none, and is never found


class Queries(NamedTuple):
    """Positions of one call, and what each leaves out; the arrays of that are empty where nothing is left out."""

    lat: np.ndarray  # degrees, as `canonical_latlng` has them
    lng: np.ndarray
    order: np.ndarray  # in which to answer: along the curve; without those that have no position
    near: np.ndarray  # a place close by
    rows: np.ndarray  # left out, -1 for none
    firsts: np.ndarray  # places first .. last - 1 are left out
    lasts: np.ndarray

    def leave_out(self, places: Places, queries: Int64Array, at: Int64Array) -> BoolArray:
        """Whether some of the queries, by number, leave out all rows of the places `at`."""
        out = np.zeros(at.shape, bool)
        if len(self.firsts):
            out |= (self.firsts[queries] <= at) & (at < self.lasts[queries])
        if len(self.rows) and len(places.rows):
            row = self.rows[queries]
            alone = (row >= 0) & (places.starts[1:] - places.starts[:-1] == 1)[places.place_of_row[row]]
            out |= alone & (places.place_of_row[row] == at)
        return out


class Part(NamedTuple):
    """Answers to some queries: their rows concatenated, each query's in the order of distance, then of row."""

    queries: np.ndarray  # numbers of the positions in the call
    sizes: np.ndarray  # how many rows each has
    rows: np.ndarray
    arcs: np.ndarray  # distances in radians


def measure(
    places: Places,
    queries: Queries,
    numbers: Int64Array,
    pair: Int64Array,
    at: Int64Array,
    *,
    most: int | None = None,
    radius: float = math.pi,
) -> Part:
    """Rows at candidates: place ``at[i]`` is one for query ``numbers[pair[i]]``, of which at most `most` rows matter.

    Returns
    -------
    Part
        Of the rows within `radius` that queries do not leave out.
    """
    kept = ~queries.leave_out(places, numbers[pair], at)
    pair, at = pair[kept], at[kept]
    query = numbers[pair]
    distances = arcs(queries.lat[query], queries.lng[query], places.lat[at], places.lng[at])
    copies = places.starts[at + 1] - places.starts[at]
    if most is not None:
        copies = np.minimum(copies, most + 1)
    rows = places.rows[expand(places.starts[at], copies)].astype(np.int64)
    pair, distances = np.repeat(pair, copies), np.repeat(distances, copies)
    kept = distances <= radius
    if len(queries.rows):
        kept &= rows != queries.rows[numbers[pair]]
    pair, rows, distances = pair[kept], rows[kept], distances[kept]
    order = np.lexsort((rows, distances, pair))
    return Part(numbers, np.bincount(pair, minlength=len(numbers)), rows[order], distances[order])


def split(order: Int64Array, totals: Int64Array, most: int) -> Iterator[Int64Array]:
    """Parts of `order` that together have no more than `most` in the rising `totals`, or are single."""
    start = before = 0
    while start < len(order):
        stop = max(int(np.searchsorted(totals, before + most, "right")), start + 1)
        yield order[start:stop]
        start, before = stop, totals[stop - 1]
