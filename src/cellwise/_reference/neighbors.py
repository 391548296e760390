"""Nearest neighbors: candidates from SciPy's k-d tree, measured and chosen by the arithmetic that every backend has."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .._math import search
from .._math.search import Part, Places, Queries
from .._typing import FloatArray, Int64Array
from ..ragged import expand

SLACK = 2e-14  # of computed chords; see native/include/cellwise/neighbors.h


def _points(lat: FloatArray, lng: FloatArray) -> FloatArray:
    """Unit points, shape (n, 3), within a few roundings."""
    lat, lng = np.radians(lat), np.radians(lng)
    return np.stack((np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)), axis=-1)


class NeighborTree:
    """Places, ready for queries of the rows nearest to any position."""

    def __init__(self, places: Places) -> None:
        from scipy.spatial import cKDTree

        self._places = places
        self._tree = cKDTree(_points(places.lat, places.lng).reshape(-1, 3))

    def nearest(self, queries: Queries, rows: Int64Array, arcs: FloatArray) -> None:
        """Write the rows nearest to each query and their distances in radians; -1 and NaN where there are no more."""
        k = rows.shape[1]
        rows.fill(-1)
        arcs.fill(np.nan)
        n_places = len(self._places.lat)
        points = _points(queries.lat, queries.lng)
        unsettled, width = queries.order, k + 2
        while n_places and len(unsettled):  # until enough places are known, with one beyond what can matter
            width = min(width, n_places)
            still = []
            for numbers in np.array_split(unsettled, len(unsettled) * width // search.PAIRS + 1):
                chords, at = self._tree.query(points[numbers], k=np.arange(1, width + 1))
                usable = ~queries.leave_out(self._places, numbers[:, None], at)
                counts = np.cumsum(usable, axis=1)
                last = np.argmax(counts >= k, axis=1)
                reach = np.where(counts[:, -1] >= k, chords[np.arange(len(numbers)), last], np.inf) + SLACK
                settled = (chords[:, -1] > reach) | (width == n_places)
                usable &= (chords <= reach[:, None]) & settled[:, None]
                pair, column = np.nonzero(usable)
                part = search.measure(self._places, queries, numbers, pair, at[pair, column], most=k)
                rank = expand(np.zeros(len(numbers), np.int64), part.sizes)
                query, kept = np.repeat(numbers, part.sizes), rank < k
                rows[query[kept], rank[kept]] = part.rows[kept]
                arcs[query[kept], rank[kept]] = part.arcs[kept]
                still.append(numbers[~settled])
            unsettled = np.concatenate(still)
            width *= 4

    def within(self, queries: Queries, radius: float) -> Iterator[Part]:
        """Parts with the rows within `radius` radians of some queries each, all queries in turn."""
        points = _points(queries.lat, queries.lng)
        chord = 2 * math.sin(min(radius, math.pi) / 2) + SLACK
        totals = np.cumsum(self._tree.query_ball_point(points[queries.order], chord, return_length=True))
        for numbers in search.split(queries.order, totals, search.PAIRS):
            found = self._tree.query_ball_point(points[numbers], chord)
            pair = np.repeat(np.arange(len(numbers)), [len(at) for at in found])
            at = np.concatenate([np.asarray(each, np.int64) for each in found])
            yield search.measure(self._places, queries, numbers, pair, at, radius=radius)
