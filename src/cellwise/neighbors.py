"""Nearest neighbors by great-circle distance, exact, of places sorted along the curve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict, Unpack, overload

import numpy as np

from . import inputs
from ._backend import made_by_kernels
from ._math import search
from ._math.search import Part, Places, Queries
from ._typing import (
    AnyArray,
    CellArray,
    CellLike,
    FloatArray,
    FloatLike,
    FloatScalar,
    Int32Array,
    Int64Array,
    IntLike,
    LengthUnit,
    OnInvalid,
)
from .cells.conversion import latlng_to_cell
from .cells.hierarchy import cell_range_max, cell_range_min
from .ragged import Ragged, expand, offsets_of, sum_runs
from .units import length_unit

__all__ = ["NeighborIndex", "Part"]

MOST_ROWS = 2**31 - 1  # of an index: their numbers have 32 bits

_NONE, _ZERO = np.empty(0, np.int64), np.zeros(1, np.int64)


class WithinKeywords(TypedDict, total=False):
    """Options of `NeighborIndex.within`, for its overloads."""

    unit: LengthUnit
    exclude_row: IntLike | None
    exclude_cell: CellLike | None
    exclude_place: bool
    limit: int
    on_invalid: OnInvalid


class NeighborIndex:
    """Rows with coordinates, ready to be asked for those nearest to any position.

    Answers are exact everywhere, at the poles and across 180 too: rows come in the order of their great-circle
    distance, those equally far in the order of their numbers. Rows at one place are found together, however many
    there are.

    Parameters
    ----------
    lat, lng : array_like of float, shape (n_rows,)
        Degrees. Longitudes up to 360 either way wrap.
    on_invalid : {"raise", "warn", "null"}
        What happens to rows with a coordinate that is missing or out of range: an error, or they keep their numbers and
        are found by no query, with or without an `InvalidCoordinatesWarning`.

    Raises
    ------
    ValueError
        If a coordinate is missing or out of range, or there are 2**31 rows or more.

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

    The neighbors of the rows themselves, each without itself, and without all at the same place:

    >>> index.nearest(lat, lng, k=2, exclude_row=np.arange(4))[0].tolist()
    [[2, 1], [0, 2], [0, 1], [0, 2]]
    >>> index.nearest(lat, lng, k=2, exclude_place=True)[0].tolist()
    [[1, 3], [0, 2], [1, 3], [0, 2]]
    """

    __slots__ = ("_leaves", "_places", "_tree_made")

    def __init__(self, lat: FloatLike, lng: FloatLike, *, on_invalid: OnInvalid = "raise") -> None:
        inputs.check_choice("on_invalid", on_invalid, inputs.ON_INVALID)
        lat, lng = _read_coordinates(lat, lng)
        if lat.ndim != 1:
            raise ValueError(f"lat and lng must be one-dimensional: got shape {lat.shape}")
        if len(lat) > MOST_ROWS:
            raise ValueError(f"lat and lng must have at most {MOST_ROWS:,} rows: got {len(lat):,}")
        self._build(*_canonical(lat, lng, on_invalid))

    def _build(self, lat: FloatArray, lng: FloatArray, leaves: CellArray) -> None:
        n_rows, n_placed = len(leaves), np.count_nonzero(leaves)
        rows = _argsort_places(leaves, lat, lng)[n_rows - n_placed :].astype(np.int32)  # the leaf 0 comes first
        leaves, lat, lng = leaves[rows], lat[rows], lng[rows]
        is_new = np.ones(len(rows), bool)
        is_new[1:] = (lat[1:] != lat[:-1]) | (lng[1:] != lng[:-1])
        place_of_row = np.empty(n_rows, np.int32) if n_placed == n_rows else np.full(n_rows, -1, np.int32)
        place_of_row[rows] = np.cumsum(is_new, dtype=np.int32) - np.int32(1)
        starts = np.append(np.flatnonzero(is_new), len(rows)).astype(np.int32)
        if not is_new.all():
            lat, lng, leaves = lat[is_new], lng[is_new], leaves[is_new]
        self._places, self._leaves = Places(lat, lng, starts, rows, place_of_row), leaves

    @made_by_kernels
    def _tree(self, kernels: Any) -> Any:
        return kernels.NeighborTree(self._places)

    def __getstate__(self) -> tuple[FloatArray, FloatArray]:
        return self.lat, self.lng

    def __setstate__(self, state: tuple[FloatArray, FloatArray]) -> None:
        self._build(*_canonical(*state, "null"))

    def __len__(self) -> int:
        return len(self._places.place_of_row)

    def __repr__(self) -> str:
        return f"NeighborIndex({len(self)} rows at {len(self._places.lat)} places)"

    @property
    def lat(self) -> FloatArray:
        """Latitude of each row in degrees; NaN where it has no place."""
        return self.at(slice(None))[0]

    @property
    def lng(self) -> FloatArray:
        """Longitude of each row in degrees, -180 < lng <= 180, and 0 at the poles; NaN where it has no place."""
        return self.at(slice(None))[1]

    @property
    def curve_order(self) -> Int32Array:
        """Numbers of the rows along the curve, int32: those that follow each other are mostly near each other.

        Rows without a place are not among them.
        """
        return self._places.rows

    def at(self, rows: AnyArray | slice) -> tuple[FloatArray, FloatArray]:
        """Latitude and longitude of some rows, by number.

        Parameters
        ----------
        rows : ndarray of integers, or slice

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
        places = self._places
        at = places.place_of_row[rows]
        if len(places.rows) == len(self):
            return places.lat[at], places.lng[at]
        return np.append(places.lat, np.nan)[at], np.append(places.lng, np.nan)[at]  # -1 stands for none

    def nearest(
        self,
        lat: FloatLike,
        lng: FloatLike,
        k: int,
        *,
        unit: LengthUnit = "m",
        exclude_row: IntLike | None = None,
        exclude_cell: CellLike | None = None,
        exclude_place: bool = False,
        on_invalid: OnInvalid = "raise",
    ) -> tuple[Int64Array, FloatArray]:
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
        on_invalid : {"raise", "warn", "null"}
            What happens to positions with a coordinate that is missing or out of range: an error, or nothing is found
            there, with or without an `InvalidCoordinatesWarning`.

        Returns
        -------
        rows : ndarray of int64, shape (n, k), or (k,) for a single position
            In the order of distance, then of row numbers; -1 where there are no more.
        distances : ndarray of float64, of the same shape
            Within 2e-15 of their value; NaN where there are no more rows.
        """
        k = inputs.check_integer("k", k, 1, 2**31 - 1)
        size = length_unit(unit)
        _check_options(exclude_cell, exclude_place, on_invalid)
        if type(lat) is type(lng) is float and exclude_row is exclude_cell is None and not exclude_place:
            queries, is_scalar = self._query_one(lat, lng, on_invalid), True
        else:
            queries, is_scalar = self._queries(lat, lng, exclude_row, exclude_cell, exclude_place, on_invalid)
        rows = np.empty((len(queries.lat), k), np.int64)
        arcs = np.empty((len(queries.lat), k))
        if len(queries.order) < len(rows):
            rows.fill(-1)
            arcs.fill(np.nan)
        self._tree.nearest(queries, rows, arcs)
        arcs *= size
        return (rows[0], arcs[0]) if is_scalar else (rows, arcs)

    @overload
    def within(
        self, lat: FloatScalar, lng: FloatScalar, radius: float, **options: Unpack[WithinKeywords]
    ) -> tuple[Int64Array, FloatArray]: ...
    @overload
    def within(
        self, lat: FloatLike, lng: FloatLike, radius: float, **options: Unpack[WithinKeywords]
    ) -> tuple[Ragged[np.int64], Ragged[np.float64]]: ...
    def within(
        self,
        lat: FloatLike,
        lng: FloatLike,
        radius: float,
        *,
        unit: LengthUnit = "m",
        exclude_row: IntLike | None = None,
        exclude_cell: CellLike | None = None,
        exclude_place: bool = False,
        limit: int = 20_000_000,
        on_invalid: OnInvalid = "raise",
    ) -> Any:
        """All rows within `radius` of each position, and how far they are.

        Parameters
        ----------
        lat, lng : float or array_like of float, shape (n,)
            Degrees.
        radius : float
            0 or more, in `unit`, compared in radians.
        unit : {"m", "km", "rad", "deg"}
            Of the radius and the distances.
        exclude_row, exclude_cell, exclude_place
            What is left out, as in `nearest`.
        limit : int
            Most rows that may be found in all.
        on_invalid : {"raise", "warn", "null"}
            What happens to positions without a place, as in `nearest`.

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
        angle = _check_radius(radius, unit)
        limit = inputs.check_integer("limit", limit, 0)
        _check_options(exclude_cell, exclude_place, on_invalid)
        queries, is_scalar = self._queries(lat, lng, exclude_row, exclude_cell, exclude_place, on_invalid)
        sizes = np.zeros(len(queries.lat), np.int64)
        parts, total = [], 0
        for part in self._tree.within(queries, angle):
            sizes[part.queries] = part.sizes
            parts.append(part)
            total += len(part.rows)
            if total > limit:
                raise ValueError(
                    f"radius must be smaller, or limit larger: more than {limit:,} rows lie within "
                    f"{radius:g} {unit} of the positions"
                )
        offsets = offsets_of(sizes)
        rows, arcs = np.empty(total, np.int64), np.empty(total)
        for part in parts:
            to = expand(offsets[part.queries], part.sizes)
            rows[to] = part.rows
            arcs[to] = part.arcs
        arcs *= length_unit(unit)
        return (rows, arcs) if is_scalar else (Ragged(rows, offsets), Ragged(arcs, offsets))

    def within_parts(
        self,
        lat: FloatLike,
        lng: FloatLike,
        radius: float,
        *,
        unit: LengthUnit = "m",
        exclude_row: IntLike | None = None,
        exclude_cell: CellLike | None = None,
        exclude_place: bool = False,
        on_invalid: OnInvalid = "raise",
    ) -> Iterator[Part]:
        """The same rows as `within`, for some of the positions at a time, so that memory stays bounded.

        Parameters
        ----------
        lat, lng, radius, unit, exclude_row, exclude_cell, exclude_place, on_invalid
            As in `within`.

        Returns
        -------
        iterator of Part
            All parts together have each position that has a place once.
        """
        angle = _check_radius(radius, unit)
        _check_options(exclude_cell, exclude_place, on_invalid)
        queries, _ = self._queries(lat, lng, exclude_row, exclude_cell, exclude_place, on_invalid)
        parts: Iterator[Part] = self._tree.within(queries, angle)
        return parts

    def in_cells_parts(
        self,
        lat: FloatLike,
        lng: FloatLike,
        cells: Ragged[np.uint64],
        *,
        exclude_row: IntLike | None = None,
        exclude_cell: CellLike | None = None,
        exclude_place: bool = False,
        on_invalid: OnInvalid = "raise",
    ) -> Iterator[Part]:
        """All rows in given cells of each position, for some of the positions at a time.

        Parameters
        ----------
        lat, lng : array_like of float, shape (n,)
            Degrees.
        cells : Ragged of uint64
            For each position distinct cells of which none contains another.
        exclude_row, exclude_cell, exclude_place
            What is left out, as in `nearest`.
        on_invalid : {"raise", "warn", "null"}
            What happens to positions without a place, as in `nearest`.

        Returns
        -------
        iterator of Part
            All parts together have each position that has a place once.
        """
        _check_options(exclude_cell, exclude_place, on_invalid)
        queries, _ = self._queries(lat, lng, exclude_row, exclude_cell, exclude_place, on_invalid)
        if len(cells) != len(queries.lat):
            raise ValueError(f"cells must be those of each position, {len(queries.lat)}: got {len(cells)}")
        return self._in_cells(queries, cells)

    def _in_cells(self, queries: Queries, cells: Ragged[np.uint64]) -> Iterator[Part]:
        first = np.searchsorted(self._leaves, cell_range_min(cells.values), "left")
        last = np.searchsorted(self._leaves, cell_range_max(cells.values), "right")
        totals = np.cumsum(sum_runs(last - first, cells.offsets)[queries.order])
        for numbers in search.split(queries.order, totals, search.PAIRS):
            run = expand(cells.offsets[numbers], cells.sizes[numbers])
            pair = np.repeat(np.repeat(np.arange(len(numbers)), cells.sizes[numbers]), (last - first)[run])
            at = expand(first[run], (last - first)[run])
            yield search.measure(self._places, queries, numbers, pair, at)

    # --- queries ------------------------------------------------------------------------------------------------------

    def _queries(
        self,
        lat: FloatLike,
        lng: FloatLike,
        exclude_row: IntLike | None,
        exclude_cell: CellLike | None,
        exclude_place: bool,
        on_invalid: OnInvalid,
    ) -> tuple[Queries, bool]:
        """The queries, in canonical degrees, with what each leaves out; and whether it is a single one."""
        lat, lng = _read_coordinates(lat, lng)
        if lat.ndim > 1:
            raise ValueError(f"lat and lng must be scalars or one-dimensional: got shape {lat.shape}")
        is_scalar = lat.ndim == 0
        lat, lng, leaves = _canonical(np.atleast_1d(lat), np.atleast_1d(lng), on_invalid)
        order = np.argsort(leaves)
        near = np.empty(len(order), np.int64)
        near[order] = np.searchsorted(self._leaves, leaves[order])
        order = order[len(order) - np.count_nonzero(leaves) :]
        rows = firsts = lasts = _NONE
        if exclude_row is not None:
            rows = inputs.read("i8", "exclude_row", exclude_row).array
            rows = np.ascontiguousarray(np.broadcast_to(rows, lat.shape))
            if len(rows) and not -1 <= rows.min() <= rows.max() < len(self):
                k = int(np.argmax((rows < -1) | (rows >= len(self))))
                raise ValueError(f"exclude_row must be in -1..{len(self) - 1}: got {rows[k]} at index {k}")
        if exclude_cell is not None:
            cells = np.broadcast_to(inputs.read("u8", "exclude_cell", exclude_cell).array, lat.shape)
            firsts = np.searchsorted(self._leaves, cell_range_min(cells), "left")
            lasts = np.searchsorted(self._leaves, cell_range_max(cells), "right")
        elif exclude_place:
            firsts = self._places_at(lat, lng, leaves)
            lasts = firsts + 1
        return Queries(lat, lng, order, near, rows, firsts, lasts), is_scalar

    def _query_one(self, lat: float, lng: float, on_invalid: OnInvalid) -> Queries:
        """The same for one position and nothing left out, in a tenth of the time."""
        leaf = latlng_to_cell(lat, lng, on_invalid=on_invalid)
        if leaf == 0:
            return Queries(np.array([lat]), np.array([lng]), _NONE, _ZERO, _NONE, _NONE, _NONE)
        if lng > 180 or lng <= -180 or abs(lat) == 90 or lat == 0 or lng == 0:
            lat, lng = (float(x) for x in inputs.canonical_latlng(np.float64(lat), np.float64(lng)))
            leaf = latlng_to_cell(lat, lng)
        near = np.searchsorted(self._leaves, np.uint64(leaf))
        return Queries(np.array([lat]), np.array([lng]), _ZERO, np.array([near]), _NONE, _NONE, _NONE)

    def _places_at(self, lat: FloatArray, lng: FloatArray, leaves: CellArray) -> Int64Array:
        """Number of the place at each position; where there is none, -2, so that nothing is left out."""
        at, end = (np.searchsorted(self._leaves, leaves, side) for side in ("left", "right"))
        places = self._places
        while (open_ := np.flatnonzero(at < end)).size:  # by halving: places in one leaf are sorted by coordinates
            middle = (at[open_] + end[open_]) // 2
            its_lat = places.lat[middle]
            is_before = (its_lat < lat[open_]) | ((its_lat == lat[open_]) & (places.lng[middle] < lng[open_]))
            at[open_[is_before]] = middle[is_before] + 1
            end[open_[~is_before]] = middle[~is_before]
        found = np.full(len(at), -2)
        known = np.flatnonzero(at < len(places.lat))
        known = known[(places.lat[at[known]] == lat[known]) & (places.lng[at[known]] == lng[known])]
        found[known] = at[known]
        return found


def _read_coordinates(lat: FloatLike, lng: FloatLike) -> tuple[AnyArray, ...]:
    lat, lng = inputs.read("f8", "lat", lat).array, inputs.read("f8", "lng", lng).array
    return np.broadcast_arrays(lat, lng)


def _canonical(lat: AnyArray, lng: AnyArray, on_invalid: OnInvalid) -> tuple[FloatArray, FloatArray, CellArray]:
    """Canonical coordinates and leaves of positions, NaN and 0 of those that have no place."""
    is_placed = latlng_to_cell(lat, lng, 0, on_invalid=on_invalid) != 0  # longitude 400 is out of range, and 40 is not
    lat, lng = inputs.canonical_latlng(lat, lng)
    if not is_placed.all():
        lat[~is_placed] = lng[~is_placed] = np.nan
    return lat, lng, latlng_to_cell(lat, lng, on_invalid="null")


def _check_options(exclude_cell: object, exclude_place: object, on_invalid: object) -> None:
    """Raise if an option that all queries have is invalid."""
    inputs.check_choice("on_invalid", on_invalid, inputs.ON_INVALID)
    if inputs.check_bool("exclude_place", exclude_place) and exclude_cell is not None:
        raise ValueError("exclude_place must be False where exclude_cell is given")


def _check_radius(radius: float, unit: LengthUnit) -> float:
    """The radius in radians."""
    size = length_unit(unit)
    radius = inputs.check_number("radius", radius)
    if radius < 0:
        raise ValueError(f"radius must be 0 or more: got {radius}")
    return radius / size


def _argsort_places(leaves: CellArray, lat: FloatArray, lng: FloatArray) -> Int64Array:
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
