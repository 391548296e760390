"""Nearest neighbours by great-circle distance, exact, of places sorted along the curve."""

import math
from typing import NamedTuple

import numpy as np

from . import inputs
from ._dispatch import native
from .cells.conversion import latlng_to_cell
from .cells.hierarchy import cell_range_max, cell_range_min
from .ragged import Ragged
from .units import length_unit

__all__ = ["NeighborIndex", "Part", "canonical_latlng"]

SLACK = 2e-14  # of computed chords; see native/include/cellwise/neighbors.h

PAIRS = 1 << 18  # of a query and a place that are held at a time

MOST_ROWS = 2**31 - 1  # of an index: their numbers have 32 bits

_NONE, _ZERO = np.empty(0, np.int64), np.zeros(1, np.int64)


class NeighborIndex:
    """Rows with coordinates, ready to be asked for those nearest to any position.

    Answers are exact everywhere, at the poles and across 180 too: rows come in the order of their great-circle
    distance, those equally far in the order of their numbers. Rows at one place are found together, however many
    there are.

    Parameters
    ----------
    lat, lng : array_like of float, shape (n_rows,)
        Degrees. Longitudes up to 360 either way wrap.

    Raises
    ------
    ValueError
        If a coordinate is missing or outside its range, or there are 2**31 rows or more.

    Notes
    -----
    Rows are sorted by the leaf that holds them; along the curve, runs of rows are compact, and boxes round such runs
    are all the index there is. The native search looks through those; without it, SciPy's k-d tree finds candidates.
    Either way the same arithmetic, of ``+ - * /`` and square roots alone, measures the candidates and decides, so
    that rows and distances have the same bits on every backend and machine.

    A pickle holds the coordinates alone, and the index is built again from them.

    Examples
    --------
    >>> import numpy as np
    >>> from cellwise.neighbors import NeighborIndex
    >>> lat, lng = np.array([-30.03, -30.05, -30.03, -16.5]), np.array([-51.23, -51.20, -51.23, -180.0])
    >>> index = NeighborIndex(lat, lng)
    >>> index
    NeighborIndex(4 rows at 3 places)

    The two nearest to a position, and to one in Fiji, on the other side of 180:

    >>> rows, distances = index.nearest([-30.03, -16.5], [-51.22, 179.99], k=2)
    >>> rows
    array([[0, 2],
           [3, 0]])
    >>> distances.round().astype(int)
    array([[     963,      963],
           [    1066, 12475731]])

    The neighbours of the rows themselves, each without itself, and without all at the same place:

    >>> index.nearest(lat, lng, k=2, exclude_row=np.arange(4))[0].tolist()
    [[2, 1], [0, 2], [0, 1], [0, 2]]
    >>> index.nearest(lat, lng, k=2, exclude_place=True)[0].tolist()
    [[1, 3], [0, 2], [1, 3], [0, 2]]
    """

    __slots__ = ("_kdtree", "_lat", "_leaves", "_lng", "_place_of_row", "_rows", "_starts", "_tree")

    def __init__(self, lat, lng):
        lat, lng = _read_coordinates(lat, lng)
        if lat.ndim != 1:
            raise ValueError(f"lat and lng must be one-dimensional: got shape {lat.shape}")
        if len(lat) > MOST_ROWS:
            raise ValueError(f"lat and lng must have at most {MOST_ROWS:,} rows: got {len(lat):,}")
        self._build(*canonical_latlng(lat, lng))

    def _build(self, lat, lng):
        leaves = latlng_to_cell(lat, lng)
        rows = _argsort_places(leaves, lat, lng).astype(np.int32)
        leaves, lat, lng = leaves[rows], lat[rows], lng[rows]
        is_new = np.ones(len(rows), bool)
        is_new[1:] = (lat[1:] != lat[:-1]) | (lng[1:] != lng[:-1])
        self._rows = rows  # place by place, ascending within each
        self._place_of_row = np.empty(len(rows), np.int32)
        self._place_of_row[rows] = np.cumsum(is_new, dtype=np.int32) - np.int32(1)
        self._starts = np.append(np.flatnonzero(is_new), len(rows)).astype(np.int32)  # where the rows of each start
        if not is_new.all():
            lat, lng, leaves = lat[is_new], lng[is_new], leaves[is_new]
        self._lat, self._lng, self._leaves = lat, lng, leaves  # of the places
        self._tree = self._kdtree = None  # made when needed

    def __getstate__(self):
        return self._lat[self._place_of_row], self._lng[self._place_of_row]

    def __setstate__(self, state):
        self._build(*state)

    def __len__(self):
        return len(self._rows)

    def __repr__(self):
        return f"NeighborIndex({len(self)} rows at {len(self._lat)} places)"

    @property
    def lat(self):
        """Latitude of each row in degrees."""
        return self._lat[self._place_of_row]

    @property
    def lng(self):
        """Longitude of each row in degrees, -180 < lng <= 180, and 0 at the poles."""
        return self._lng[self._place_of_row]

    @property
    def curve_order(self):
        """Numbers of the rows along the curve, int32: those that follow each other are mostly near each other."""
        return self._rows

    def at(self, rows):
        """Latitude and longitude of some rows, by number.

        Parameters
        ----------
        rows : ndarray of integers

        Returns
        -------
        lat, lng : ndarray of float64
            Degrees, as `lat` and `lng` have them.

        Examples
        --------
        >>> import numpy as np
        >>> from cellwise.neighbors import NeighborIndex
        >>> NeighborIndex([0, 1, 2], [5, 6, 187]).at(np.array([2, 0]))
        (array([2., 0.]), array([-173.,    5.]))
        """
        places = self._place_of_row[rows]
        return self._lat[places], self._lng[places]

    def nearest(self, lat, lng, k, *, unit="m", exclude_row=None, exclude_cell=None, exclude_place=False):
        """The `k` rows nearest to each position, and how far they are.

        Parameters
        ----------
        lat, lng : float or array_like of float, shape (n,)
            Degrees.
        k : int
            How many, at least 1.
        unit : {"m", "km", "rad", "deg"}
            Of the distances.
        exclude_row : int or array_like of int, default None
            For each position a row that is left out; -1 for none.
        exclude_cell : int or array_like of uint64, default None
            For each position a cell of which all rows are left out; 0 for none.
        exclude_place : bool, default False
            Whether rows at the very position are left out. Not together with `exclude_cell`.

        Returns
        -------
        rows : ndarray of int64, shape (n, k), or (k,) for a single position
            In the order of distance, then of row numbers; -1 where there are no more.
        distances : ndarray of float64, of the same shape
            Within 2e-15 of their value; NaN where there are no more rows.
        """
        k = inputs.check_integer("k", k, 1, 2**31 - 1)
        size = length_unit(unit)
        if type(lat) is type(lng) is float and exclude_row is exclude_cell is None and not exclude_place:
            asked = self._ask_one(lat, lng)
        else:
            asked = self._ask(lat, lng, exclude_row, exclude_cell, exclude_place)
        rows = np.empty((len(asked.lat), k), np.int64)
        arcs = np.empty((len(asked.lat), k))
        if native() is not None:
            native().neighbors_nearest(self._native_tree(), *asked.arrays, rows, arcs)
        else:
            self._nearest_in_kdtree(asked, rows, arcs)
        arcs *= size
        return (rows[0], arcs[0]) if asked.is_scalar else (rows, arcs)

    def within(
        self, lat, lng, radius, *, unit="m", exclude_row=None, exclude_cell=None, exclude_place=False, limit=20_000_000
    ):
        """All rows within `radius` of each position, and how far they are.

        Parameters
        ----------
        lat, lng : float or array_like of float, shape (n,)
            Degrees.
        radius : float
            In `unit`, compared in radians.
        unit : {"m", "km", "rad", "deg"}
            Of the radius and the distances.
        exclude_row, exclude_cell, exclude_place
            What is left out, as in `nearest`.
        limit : int
            Most rows that may be found in all.

        Returns
        -------
        rows : Ragged of int64, with n runs, or an array for a single position
            In the order of distance, then of row numbers.
        distances : Ragged of float64, or an array

        Raises
        ------
        ValueError
            If more than `limit` rows are found.

        Examples
        --------
        >>> from cellwise.neighbors import NeighborIndex
        >>> index = NeighborIndex([0, 0, 0], [0, 1, 3])
        >>> rows, distances = index.within([0, 0], [0.5, 9], 3, unit="deg")
        >>> rows
        Ragged(2 rows, 3 values of int64)
        >>> rows[0].tolist(), distances[0].round(9).tolist()
        ([0, 1, 2], [0.5, 0.5, 2.5])
        """
        asked = self._ask(lat, lng, exclude_row, exclude_cell, exclude_place)
        sizes = np.zeros(len(asked.lat), np.int64)
        parts, total = [], 0
        for part in self._within_parts(asked, _check_radius(radius) / length_unit(unit)):
            sizes[part.queries] = part.sizes
            parts.append(part)
            total += len(part.rows)
            if total > limit:
                raise ValueError(
                    f"radius must be smaller, or limit larger: more than {limit:,} rows lie within "
                    f"{radius:g} {unit} of the positions"
                )
        offsets = np.append(0, np.cumsum(sizes))
        rows, arcs = np.empty(total, np.int64), np.empty(total)
        for part in parts:
            to = _expand(offsets[part.queries], part.sizes)
            rows[to] = part.rows
            arcs[to] = part.arcs
        arcs *= length_unit(unit)
        return (rows, arcs) if asked.is_scalar else (Ragged(rows, offsets), Ragged(arcs, offsets))

    def within_parts(self, lat, lng, radius, *, unit="m", exclude_row=None, exclude_cell=None, exclude_place=False):
        """The same rows as `within`, for some of the positions at a time, so that memory stays bounded.

        Parameters
        ----------
        lat, lng, radius, unit, exclude_row, exclude_cell, exclude_place
            As in `within`.

        Yields
        ------
        Part
            All parts together have each position once.
        """
        asked = self._ask(lat, lng, exclude_row, exclude_cell, exclude_place)
        yield from self._within_parts(asked, _check_radius(radius) / length_unit(unit))

    def in_cells_parts(self, lat, lng, cells, *, exclude_row=None, exclude_cell=None, exclude_place=False):
        """All rows in given cells of each position, for some of the positions at a time.

        Parameters
        ----------
        lat, lng : array_like of float, shape (n,)
            Degrees.
        cells : Ragged of uint64
            For each position distinct cells of which none contains another.
        exclude_row, exclude_cell, exclude_place
            What is left out, as in `nearest`.

        Yields
        ------
        Part
            All parts together have each position once.
        """
        asked = self._ask(lat, lng, exclude_row, exclude_cell, exclude_place)
        first = np.searchsorted(self._leaves, cell_range_min(cells.values), "left")
        last = np.searchsorted(self._leaves, cell_range_max(cells.values), "right")
        totals = np.cumsum(_sums(last - first, cells.sizes)[asked.order])
        for queries in _split(asked.order, totals, PAIRS):
            run = _expand(cells.offsets[queries], cells.sizes[queries])
            pair = np.repeat(np.repeat(np.arange(len(queries)), cells.sizes[queries]), (last - first)[run])
            yield self._part(asked, queries, pair, _expand(first[run], (last - first)[run]))

    # --- questions ----------------------------------------------------------------------------------------------------

    def _ask(self, lat, lng, exclude_row=None, exclude_cell=None, exclude_place=False):
        """The queries, in canonical degrees, with what each leaves out."""
        lat, lng = _read_coordinates(lat, lng)
        if lat.ndim > 1:
            raise ValueError(f"lat and lng must be scalars or one-dimensional: got shape {lat.shape}")
        is_scalar = lat.ndim == 0
        lat, lng = canonical_latlng(np.atleast_1d(lat), np.atleast_1d(lng))
        leaves = latlng_to_cell(lat, lng)
        order = np.argsort(leaves)
        near = np.empty(len(order), np.int64)
        near[order] = np.searchsorted(self._leaves, leaves[order])
        rows = firsts = lasts = _NONE
        if exclude_row is not None:
            rows = inputs.read("i8", "exclude_row", exclude_row).array
            rows = np.ascontiguousarray(np.broadcast_to(rows, lat.shape))
            if len(rows) and not -1 <= rows.min() <= rows.max() < len(self):
                k = int(np.argmax((rows < -1) | (rows >= len(self))))
                raise ValueError(f"exclude_row must be in -1..{len(self) - 1}: got {rows[k]} at index {k}")
        if exclude_cell is not None:
            if exclude_place:
                raise ValueError("exclude_place must be False where exclude_cell is given")
            cells = np.broadcast_to(inputs.read("u8", "exclude_cell", exclude_cell).array, lat.shape)
            firsts = np.searchsorted(self._leaves, cell_range_min(cells), "left")
            lasts = np.searchsorted(self._leaves, cell_range_max(cells), "right")
        elif exclude_place:
            firsts = self._places_at(lat, lng, leaves)
            lasts = firsts + 1
        return _Asked(lat, lng, order, near, rows, firsts, lasts, is_scalar)

    def _ask_one(self, lat, lng):
        """The same for one position and nothing left out, in a tenth of the time."""
        leaf = latlng_to_cell(lat, lng)
        if lng > 180 or lng <= -180 or abs(lat) == 90 or lat == 0 or lng == 0:
            lat, lng = (float(x) for x in canonical_latlng(np.float64(lat), np.float64(lng)))
            leaf = latlng_to_cell(lat, lng)
        near = np.searchsorted(self._leaves, np.uint64(leaf))
        return _Asked(np.array([lat]), np.array([lng]), _ZERO, np.array([near]), _NONE, _NONE, _NONE, True)

    def _places_at(self, lat, lng, leaves):
        """Number of the place at each position; where there is none, -2, so that nothing is left out."""
        at, end = (np.searchsorted(self._leaves, leaves, side) for side in ("left", "right"))
        while (left := np.flatnonzero(at < end)).size:  # by halving: places in one leaf are sorted by coordinates
            middle = (at[left] + end[left]) // 2
            its_lat = self._lat[middle]
            is_before = (its_lat < lat[left]) | ((its_lat == lat[left]) & (self._lng[middle] < lng[left]))
            at[left[is_before]] = middle[is_before] + 1
            end[left[~is_before]] = middle[~is_before]
        found = np.full(len(at), -2)
        known = np.flatnonzero(at < len(self._lat))
        known = known[(self._lat[at[known]] == lat[known]) & (self._lng[at[known]] == lng[known])]
        found[known] = at[known]
        return found

    def _native_tree(self):
        if self._tree is None:
            self._tree = native().neighbor_tree(self._lat, self._lng, self._starts, self._rows, self._place_of_row)
        return self._tree

    def _within_parts(self, asked, radius):
        """What lies within `radius` radians. Parts hold little more than PAIRS rows, or those of a single query."""
        if native() is None:
            yield from self._within_in_kdtree(asked, radius)
            return
        sizes = np.empty(len(asked.order), np.int64)
        start = 0
        while start < len(sizes):
            stop, rows, arcs = native().neighbors_within(
                self._native_tree(), *asked.arrays, radius, start, PAIRS, sizes
            )
            yield Part(asked.order[start:stop], sizes[start:stop], rows, arcs)
            start = stop

    # --- the same without the native module: candidates from a k-d tree, measured alike ----------------------------

    def _kdtree_of_places(self):
        from scipy.spatial import cKDTree

        if self._kdtree is None:
            self._kdtree = cKDTree(_points(self._lat, self._lng).reshape(-1, 3))
        return self._kdtree

    def _is_left_out(self, asked, queries, places):
        """Whether queries leave out all rows of these places."""
        out = np.zeros(places.shape, bool)
        if len(asked.firsts):
            out |= (asked.firsts[queries] <= places) & (places < asked.lasts[queries])
        if len(asked.rows) and len(self):
            row = asked.rows[queries]
            alone = (row >= 0) & (self._starts[1:] - self._starts[:-1] == 1)[self._place_of_row[row]]
            out |= alone & (self._place_of_row[row] == places)
        return out

    def _nearest_in_kdtree(self, asked, rows, arcs):
        k = rows.shape[1]
        rows.fill(-1)
        arcs.fill(np.nan)
        n_places = len(self._lat)
        tree, points = self._kdtree_of_places(), _points(asked.lat, asked.lng)
        left, width = asked.order, k + 2
        while n_places and len(left):  # until enough places are known, with one beyond what could be meant
            width = min(width, n_places)
            unsettled = []
            for queries in np.array_split(left, len(left) * width // PAIRS + 1):
                chords, places = tree.query(points[queries], k=np.arange(1, width + 1))
                usable = ~self._is_left_out(asked, queries[:, None], places)
                counts = np.cumsum(usable, axis=1)
                last = np.argmax(counts >= k, axis=1)
                reach = np.where(counts[:, -1] >= k, chords[np.arange(len(queries)), last], np.inf) + SLACK
                settled = (chords[:, -1] > reach) | (width == n_places)
                usable &= (chords <= reach[:, None]) & settled[:, None]
                pair, at = np.nonzero(usable)
                part = self._part(asked, queries, pair, places[pair, at], most=k)
                rank = _expand(np.zeros(len(queries), np.int64), part.sizes)
                query, kept = np.repeat(queries, part.sizes), rank < k
                rows[query[kept], rank[kept]] = part.rows[kept]
                arcs[query[kept], rank[kept]] = part.arcs[kept]
                unsettled.append(queries[~settled])
            left = np.concatenate(unsettled)
            width *= 4

    def _within_in_kdtree(self, asked, radius):
        tree, points = self._kdtree_of_places(), _points(asked.lat, asked.lng)
        chord = 2 * math.sin(min(radius, math.pi) / 2) + SLACK
        totals = np.cumsum(tree.query_ball_point(points[asked.order], chord, return_length=True))
        for queries in _split(asked.order, totals, PAIRS):
            found = tree.query_ball_point(points[queries], chord)
            pair = np.repeat(np.arange(len(queries)), [len(places) for places in found])
            places = np.concatenate([np.asarray(places, np.int64) for places in found])
            yield self._part(asked, queries, pair, places, radius=radius)

    def _part(self, asked, queries, pair, places, *, most=None, radius=math.pi):
        """Rows at candidates: `places[i]` is one for `queries[pair[i]]`, of which at most `most` rows matter."""
        kept = ~self._is_left_out(asked, queries[pair], places)
        pair, places = pair[kept], places[kept]
        query = queries[pair]
        arcs = _arcs(asked.lat[query], asked.lng[query], self._lat[places], self._lng[places])
        copies = self._starts[places + 1] - self._starts[places]
        if most is not None:
            copies = np.minimum(copies, most + 1)
        rows = self._rows[_expand(self._starts[places], copies)].astype(np.int64)
        pair, arcs = np.repeat(pair, copies), np.repeat(arcs, copies)
        kept = arcs <= radius
        if len(asked.rows):
            kept &= rows != asked.rows[queries[pair]]
        pair, rows, arcs = pair[kept], rows[kept], arcs[kept]
        order = np.lexsort((rows, arcs, pair))
        return Part(queries, np.bincount(pair, minlength=len(queries)), rows[order], arcs[order])


class Part(NamedTuple):
    """Answers to some queries: their rows run one behind another, each run in the order of distance, then of row."""

    queries: np.ndarray  # numbers of the positions, as they were asked
    sizes: np.ndarray  # how many rows each has
    rows: np.ndarray
    arcs: np.ndarray  # distances in radians


class _Asked(NamedTuple):
    """Queries of one call. The arrays of what is left out are empty where nothing is."""

    lat: np.ndarray
    lng: np.ndarray
    order: np.ndarray  # in which to answer: along the curve
    near: np.ndarray  # a place close by
    rows: np.ndarray  # left out, -1 for none
    firsts: np.ndarray  # places first .. last - 1 are left out
    lasts: np.ndarray
    is_scalar: bool

    @property
    def arrays(self):
        return self[:-1]


def canonical_latlng(lat, lng):
    """The same positions, written in one way: -180 < lng <= 180, lng 0 at the poles, no negative zeros.

    Parameters
    ----------
    lat, lng : ndarray of float64
        Degrees.

    Returns
    -------
    lat, lng : ndarray of float64
    """
    lat, lng = (np.add(degrees, 0.0, out=np.empty(np.shape(degrees))) for degrees in (lat, lng))
    np.subtract(lng, 360, out=lng, where=lng > 180)
    np.add(lng, 360, out=lng, where=lng <= -180)
    np.copyto(lng, 0, where=np.abs(lat) == 90)
    return lat, lng


def _read_coordinates(lat, lng):
    lat, lng = inputs.read("f8", "lat", lat).array, inputs.read("f8", "lng", lng).array
    return np.broadcast_arrays(lat, lng)


def _check_radius(radius):
    radius = inputs.check_number("radius", radius)
    if radius < 0:
        raise ValueError(f"radius must not be negative: got {radius}")
    return radius


def _argsort_places(leaves, lat, lng):
    """Order by leaf, latitude, longitude, row. Sorting by leaf alone leaves few rows to tell apart."""
    order = np.argsort(leaves)
    ordered = leaves[order]
    is_tied = np.zeros(len(order), bool)
    is_tied[1:] = ordered[1:] == ordered[:-1]
    is_tied[:-1] |= is_tied[1:]
    tied = np.flatnonzero(is_tied)
    rows = order[tied]
    order[tied] = rows[np.lexsort((rows, lng[rows], lat[rows], leaves[rows]))]
    return order


def _split(order, totals, most):
    """Parts of `order` that together have no more than `most` in the rising `totals`, or are single."""
    start = before = 0
    while start < len(order):
        stop = max(int(np.searchsorted(totals, before + most, "right")), start + 1)
        yield order[start:stop]
        start, before = stop, totals[stop - 1]


def _sums(values, sizes):
    """Sum of each run of integers."""
    totals = np.append(0, np.cumsum(values))
    stops = np.cumsum(sizes)
    return totals[stops] - totals[stops - sizes]


def _expand(starts, sizes):
    """The numbers start, start + 1, ... of each run, one run behind another."""
    before = np.cumsum(sizes) - sizes
    return np.repeat(starts - before, sizes) + np.arange(sizes.sum())


def _points(lat, lng):
    """Unit points, shape (n, 3), within a few roundings."""
    lat, lng = np.radians(lat), np.radians(lng)
    return np.stack((np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)), axis=-1)


# --- the angle between two places: the numpy twin of `arc`, operation for operation -----------------------------------

_SIN = [(-1) ** n / math.factorial(2 * n + 1) for n in range(11)]
_ASIN = [math.comb(2 * n, n) / (4**n * (2 * n + 1)) for n in range(11)]


def _arcs(lat1, lng1, lat2, lng2):
    """Radians between places in canonical degrees, within 2e-15 of their value."""
    difference = lng2 - lng1
    back = difference - lng2
    lost = (lng2 - (difference - back)) - (lng1 + back)
    wide, more = np.abs(difference), np.where(difference < 0, -lost, lost)
    cos_cos = _cos(lat1) * _cos(lat2)
    north = _sin_half(np.abs(lat1 - lat2))
    east = _sin_half(np.where(wide > 180, (360 - wide) - more, wide + more))
    h = north * north + cos_cos * (east * east)
    is_far = ~(h <= 0.5)
    arcs = _haversine_to_arc(np.where(is_far, 0, h))
    if is_far.any():  # the same for the antipode
        north = _sin_half(np.abs(lat1 + lat2)[is_far])
        east = _sin_half(np.where(wide > 180, (wide - 180) + more, (180 - wide) - more)[is_far])
        arcs[is_far] = math.pi - _haversine_to_arc(north * north + cos_cos[is_far] * (east * east))
    return arcs


def _cos(lat):
    return _sin_half(2 * (90 - np.abs(lat)))


def _sin_half(degrees):
    x = degrees * (math.pi / 360)
    return x * _horner(_SIN, x * x)


def _haversine_to_arc(h):
    is_wide = h > 1 / 32
    quarter = h / (2 * (1 + np.sqrt(1 - h)))
    quarter = quarter / (2 * (1 + np.sqrt(1 - quarter)))
    h = np.where(is_wide, quarter, h)
    return np.where(is_wide, 8, 2) * (np.sqrt(h) * _horner(_ASIN, h))


def _horner(coefficients, x):
    total = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total *= x
        total += coefficient
    return total
