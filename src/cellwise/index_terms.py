"""Terms for the index of a database or search engine: positions in a region, regions that meet a region.

The scheme is Google's (S2RegionTermIndexer). A document, a position or region, is stored with its index terms; a query
has query terms; whatever meets the query shares at least one term with it. Two kinds of terms are needed, because a
covering's cell may be an ancestor of the query's cell or a descendant of it:

- an ancestor term, the token of a cell, says that the document lies in that cell, in part at least;
- a covering term, the token behind a "$", says that the cell is one of the document's covering.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Unpack, overload

import numpy as np

from . import inputs
from ._cover_options import CoverOptions
from ._typing import (
    AnyArray,
    CellArray,
    Edges,
    FloatLike,
    FloatScalar,
    FrameLike,
    HasGeoInterface,
    Int64Array,
    LengthUnit,
    OnInvalidRegion,
    QueryTermKeywords,
    SeriesLike,
    TermKeywords,
    TextArray,
)
from .cells.conversion import cell_to_token, latlng_to_cell
from .cells.hierarchy import cell_level, cell_parent
from .covering import Coverings, checked_reading, cover
from .ragged import Ragged

__all__ = ["index_terms", "query_terms"]

if TYPE_CHECKING:
    from .cell_union import CellUnion
    from .regions import Region

MARKER = "$"

Pairs: TypeAlias = tuple[Int64Array, CellArray]  # of rows and cells
Rows: TypeAlias = tuple[Int64Array, CellArray, int, bool]  # the same, the number of rows, whether there is only one


@overload
def index_terms(region: Region, **options: Unpack[TermKeywords]) -> TextArray: ...
@overload
def index_terms(region: SeriesLike | FrameLike, **options: Unpack[TermKeywords]) -> Ragged[np.str_]: ...
@overload
def index_terms(region: HasGeoInterface | bytes, **options: Unpack[TermKeywords]) -> TextArray: ...
@overload
def index_terms(*, lat: FloatScalar, lng: FloatScalar, **options: Unpack[TermKeywords]) -> TextArray: ...
@overload
def index_terms(*, lat: FloatLike, lng: FloatLike, **options: Unpack[TermKeywords]) -> Ragged[np.str_]: ...
@overload
def index_terms(region: Any, **options: Unpack[TermKeywords]) -> Any: ...
def index_terms(
    region: Any = None,
    *,
    lat: FloatLike | None = None,
    lng: FloatLike | None = None,
    min_level: int = 4,
    max_level: int = 16,
    max_cells: int = 8,
    level_mod: int = 1,
    optimize_for: Literal["query", "space"] = "query",
    edges: Edges | None = None,
    oriented: bool = False,
    on_invalid: OnInvalidRegion = "raise",
    buffer: FloatScalar = 0,
    unit: LengthUnit = "m",
) -> TextArray | Ragged[np.str_]:
    """Terms to store with a position or region, so that queries find it.

    Parameters
    ----------
    region : Rect, Cap, Polygon, Polyline, CellUnion, geometry, or rows of geometries, optional
        See `cover`.
    lat, lng : array_like of float, optional
        Positions in degrees, instead of regions. They are stored as ancestor terms alone, one a level.
    min_level, max_level, max_cells, level_mod : int
        Options of the coverings: see `cover`. They must be the same for all documents and queries. Finer levels and
        more cells make sharper and longer lists of terms.
    optimize_for : {"query", "space"}
        ``"space"`` stores about half as many terms for regions, and makes queries longer.
    edges, oriented, on_invalid, buffer, unit
        Of regions, as for `cover`. Of positions that are missing or out of range: see `latlng_to_cell` for
        `on_invalid`.

    Returns
    -------
    ndarray of str, or Ragged for arrays of positions and rows of geometries
        Each row's terms once, in ascending order.

    See Also
    --------
    query_terms : Terms to look for.

    Notes
    -----
    Terms find candidates: a covering is larger than its region. Compare the positions or regions themselves after.

    References
    ----------
    Google's S2RegionTermIndexer, https://s2geometry.io/devguide/examples/indexing

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.index_terms(lat=-30.0438, lng=-51.14022, min_level=8, max_level=10).tolist()
    ['95197', '951974', '951977']
    >>> region = cw.Cap(-30.05, -51.14, 5, unit="km")
    >>> query = cw.query_terms(region, min_level=8, max_level=10)
    >>> query.tolist()
    ['$95197', '$951974', '$95197c', '$951984', '$95199', '$95199c', '951975', '951977', '951979', '951983', \
'95199d', '95199f']
    """
    inputs.check_choice("optimize_for", optimize_for, ("query", "space"))
    options = _Levels(min_level, max_level, max_cells, level_mod)
    checked_reading(edges, oriented, on_invalid, buffer, unit)
    reading = {"edges": edges, "oriented": oriented, "on_invalid": on_invalid, "buffer": buffer, "unit": unit}
    if region is None:
        row, cells, n, single = _leaves(lat, lng, reading)
        return _terms([options.ancestors(row, cells, 31)], [], n, single)
    reading |= {"min_level": min_level, "max_level": max_level, "max_cells": max_cells, "level_mod": level_mod}
    row, cells, n, single = _covered(region, lat, lng, reading)
    level = cell_level(cells)
    finest = level == options.finest
    covering = (row[~finest], cells[~finest])
    kept = finest if optimize_for == "space" else slice(None)
    above = options.ancestors(row, cells, level)
    return _terms([(row[kept], cells[kept]), above], [covering], n, single)


@overload
def query_terms(region: Region, **options: Unpack[QueryTermKeywords]) -> TextArray: ...
@overload
def query_terms(region: SeriesLike | FrameLike, **options: Unpack[QueryTermKeywords]) -> Ragged[np.str_]: ...
@overload
def query_terms(region: HasGeoInterface | bytes, **options: Unpack[QueryTermKeywords]) -> TextArray: ...
@overload
def query_terms(*, lat: FloatScalar, lng: FloatScalar, **options: Unpack[QueryTermKeywords]) -> TextArray: ...
@overload
def query_terms(*, lat: FloatLike, lng: FloatLike, **options: Unpack[QueryTermKeywords]) -> Ragged[np.str_]: ...
@overload
def query_terms(region: Any, **options: Unpack[QueryTermKeywords]) -> Any: ...
def query_terms(
    region: Any = None,
    *,
    lat: FloatLike | None = None,
    lng: FloatLike | None = None,
    min_level: int = 4,
    max_level: int = 16,
    max_cells: int = 8,
    level_mod: int = 1,
    optimize_for: Literal["query", "space"] = "query",
    points_only: bool = False,
    edges: Edges | None = None,
    oriented: bool = False,
    on_invalid: OnInvalidRegion = "raise",
    buffer: FloatScalar = 0,
    unit: LengthUnit = "m",
) -> TextArray | Ragged[np.str_]:
    """Terms to look for: what was stored with one of them may meet the position or region, and nothing else does.

    Parameters
    ----------
    region, lat, lng, min_level, max_level, max_cells, level_mod, optimize_for
        As for `index_terms`.
    points_only : bool, default False
        Whether all documents are positions. Then fewer terms do.
    edges, oriented, on_invalid, buffer, unit
        As for `index_terms`.

    Returns
    -------
    ndarray of str, or Ragged for arrays of positions and rows of geometries
        Each row's terms once, in ascending order.

    See Also
    --------
    index_terms : Terms to store.

    Examples
    --------
    What a cafe is stored with, and a look for what is within 300 m of a corner:

    >>> import cellwise as cw
    >>> stored = cw.index_terms(lat=-30.0331, lng=-51.2300)
    >>> near = cw.query_terms(cw.Cap(-30.0340, -51.2290, 300), points_only=True)
    >>> bool(set(stored.tolist()) & set(near.tolist()))
    True
    """
    inputs.check_choice("optimize_for", optimize_for, ("query", "space"))
    options = _Levels(min_level, max_level, max_cells, level_mod)
    checked_reading(edges, oriented, on_invalid, buffer, unit)
    reading = {"edges": edges, "oriented": oriented, "on_invalid": on_invalid, "buffer": buffer, "unit": unit}
    inputs.check_bool("points_only", points_only)
    if region is None:
        row, cells, n, single = _leaves(lat, lng, reading)
        above = [] if points_only else [options.ancestors(row, cells, 31)]
        return _terms([(row, _parents(cells, options.finest))], above, n, single)
    reading |= {"min_level": min_level, "max_level": max_level, "max_cells": max_cells, "level_mod": level_mod}
    row, cells, n, single = _covered(region, lat, lng, reading)
    covering = []
    if not points_only:
        level = cell_level(cells)
        covering.append(options.ancestors(row, cells, level))
        if optimize_for == "space":
            coarse = level < options.finest
            covering.append((row[coarse], cells[coarse]))
    return _terms([(row, cells)], covering, n, single)


class _Levels:
    """The levels that terms are made for."""

    def __init__(self, min_level: int, max_level: int, max_cells: int, level_mod: int) -> None:
        CoverOptions(min_level=min_level, max_level=max_level, max_cells=max_cells, level_mod=level_mod)  # checks them
        self._levels = range(min_level, max_level + 1, level_mod)

    @property
    def finest(self) -> int:
        return self._levels[-1]

    def ancestors(self, row: Int64Array, cells: CellArray, level: AnyArray | int) -> Pairs:
        """Rows and cells: of each cell the ancestors at the levels above `level`."""
        found = [(row[:0], cells[:0])]
        for k in self._levels:
            below = np.broadcast_to(level > k, row.shape)
            found.append((row[below], _parents(cells[below], k)))
        return np.concatenate([rows for rows, _ in found]), np.concatenate([cells for _, cells in found])


def _parents(cells: CellArray, level: int) -> CellArray:
    return np.asarray(cell_parent(cells, level), np.uint64)


def _leaves(lat: FloatLike | None, lng: FloatLike | None, reading: dict[str, Any]) -> Rows:
    """Row and leaf of the positions that there are, the number of rows, and whether it was one position."""
    if lat is None or lng is None:
        raise TypeError("give a region, or lat and lng")
    defaults = {"edges": None, "oriented": False, "buffer": 0, "unit": "m"}
    others = [name for name, default in defaults.items() if reading[name] != default]
    if others:
        raise TypeError(f"{', '.join(others)} is for regions: got positions")
    cells = np.asarray(latlng_to_cell(lat, lng, on_invalid=reading["on_invalid"]), np.uint64)
    row = np.flatnonzero(cells)
    return row, cells.ravel()[row], cells.size, cells.ndim == 0


def _covered(region: Any, lat: FloatLike | None, lng: FloatLike | None, options: dict[str, Any]) -> Rows:
    """Row and cell of the coverings, the number of rows, and whether it was one region."""
    if lat is not None or lng is not None:
        raise TypeError("give a region, or lat and lng")
    made: CellUnion | Coverings = cover(region, **options)
    if isinstance(made, Coverings):
        return *made.explode(), len(made), False
    return np.zeros(len(made), np.int64), made.cells, 1, True


def _terms(ancestors: Sequence[Pairs], coverings: Sequence[Pairs], n: int, single: bool) -> TextArray | Ragged[np.str_]:
    """Sorted terms of rows and cells of both kinds."""
    row, cells = (np.concatenate(parts) for parts in zip(*ancestors, *coverings))
    n_ancestors = sum(len(part[0]) for part in ancestors)
    tokens = cell_to_token(cells)
    terms = np.concatenate((tokens[:n_ancestors], np.strings.add(MARKER, tokens[n_ancestors:])))
    order = np.lexsort((terms, row))
    row, terms = row[order], terms[order]
    new = np.ones(len(row), bool)
    new[1:] = (row[1:] != row[:-1]) | (terms[1:] != terms[:-1])
    row, terms = row[new], terms[new]
    return terms if single else Ragged(terms, np.searchsorted(row, np.arange(n + 1)))
