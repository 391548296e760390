"""Sets of cells: sorted, disjoint, as given or normalized."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, overload

import numpy as np
from numpy.typing import DTypeLike

from . import inputs
from ._backend import kernels
from ._codec import decode_cells, encode_cells
from ._dispatch import call
from ._math.angles import MIN_WIDTH, level_for_min_width
from ._math.cell_ranges import FACE_LEAVES, cells_of_ranges, denormalized_level, disjoint_cells, leaf_ranges, merged
from ._typing import (
    AreaUnit,
    BoolArray,
    CellArray,
    CellLike,
    CellScalar,
    FloatLike,
    FloatScalar,
    HasGeoInterface,
    Int32Array,
    Int64Array,
    LengthUnit,
    OnInvalid,
    TextArray,
    TextLike,
)
from .cells.hierarchy import checked_cells
from .errors import InvalidCellError
from .inputs.geometries import is_geometry, point_coordinates
from .regions._bounds import NOWHERE, Bounds, united
from .regions._region import Region, margin_angle
from .units import area_unit

if TYPE_CHECKING:
    import geopandas
    import pyarrow as pa
    import shapely

__all__ = ["CellUnion"]


class CellUnion(Region):
    """A set of cells, sorted and disjoint.

    Cells are kept as given: duplicates and cells within others are dropped, but four siblings are only merged into
    their parent with ``normalize=True`` or by `normalize`. What a union covers does not depend on that: set algebra,
    containment and areas are those of the covered part of the sphere. Results of algebra are normalized.

    Parameters
    ----------
    cells : array_like of uint64
        Valid cells in any order and of any levels.
    normalize : bool, default False
        Merge complete siblings into their parents.

    Attributes
    ----------
    cells : ndarray of uint64, read-only
        The cells, ascending.

    Raises
    ------
    InvalidCellError
        If an id is no cell, or missing.

    Examples
    --------
    >>> import cellwise as cw
    >>> cell = cw.token_to_cell("951977d34")
    >>> union = cw.CellUnion(cw.cell_children(cell))
    >>> union
    CellUnion(4 cells, level 16)
    >>> union.normalize().to_tokens().tolist()
    ['951977d34']
    >>> union - cw.CellUnion([cw.cell_child(cell, 0)])
    CellUnion(3 cells, level 16)
    """

    __slots__ = ("cells",)
    __array_ufunc__ = None  # numpy's own operators keep off: algebra is between unions

    def __init__(self, cells: CellLike, normalize: bool = False) -> None:
        inputs.check_bool("normalize", normalize)
        cells = checked_cells("cells", cells).ravel()
        if (cells == 0).any():
            raise InvalidCellError(f"cells must not be missing: got {np.count_nonzero(cells == 0)} of {len(cells)}")
        self._set(_normalized(cells) if normalize else disjoint_cells(cells))

    def _set(self, cells: CellArray) -> None:
        cells = np.ascontiguousarray(cells)
        cells.flags.writeable = False
        self.cells = cells

    @classmethod
    def _from_sorted(cls, cells: CellArray) -> CellUnion:
        """Wrap valid cells that are sorted and disjoint."""
        self = cls.__new__(cls)
        self._set(cells)
        return self

    # --- as a collection --------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.cells)

    def __iter__(self) -> Iterator[int]:
        return iter(self.cells.tolist())

    @overload
    def __getitem__(self, k: slice) -> CellUnion: ...
    @overload
    def __getitem__(self, k: SupportsIndex) -> int: ...
    def __getitem__(self, k: slice | SupportsIndex) -> CellUnion | int:
        """Cell number `k`, or a union of those of a slice."""
        if isinstance(k, slice):
            return CellUnion._from_sorted(np.sort(self.cells[k]))
        return int(self.cells[k])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> CellArray:
        if dtype is not None and np.dtype(dtype) != np.uint64:
            raise TypeError(f"dtype must be uint64: got {np.dtype(dtype)}")
        return self.cells.copy() if copy else self.cells

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same cells (not: cover the same part of the sphere; normalize for that)."""
        if not isinstance(other, CellUnion):
            return NotImplemented
        return np.array_equal(self.cells, other.cells)

    def __hash__(self) -> int:
        return hash(self.cells.tobytes())

    def __reduce__(self) -> tuple[Any, ...]:
        return CellUnion._from_sorted, (self.cells,)

    def __repr__(self) -> str:
        if len(self) == 0:
            return "CellUnion(0 cells)"
        levels = self.levels
        at = f"level {levels.min()}" if levels.min() == levels.max() else f"levels {levels.min()}..{levels.max()}"
        return f"CellUnion({len(self):,} cell{'s' * (len(self) > 1)}, {at})"

    @property
    def levels(self) -> Int32Array:
        """Level of each cell, ndarray of int32."""
        return call("cell_level", self.cells)

    # --- normal form ------------------------------------------------------------------------------------------------

    def normalize(self) -> CellUnion:
        """The same part of the sphere in as few cells as possible: complete siblings become their parent.

        Returns
        -------
        CellUnion
        """
        return CellUnion._from_sorted(_normalized(self.cells))

    @property
    def is_normalized(self) -> bool:
        """Whether no four cells are complete siblings."""
        return len(_normalized(self.cells)) == len(self)

    def denormalize(self, min_level: int, level_mod: int = 1) -> CellUnion:
        """The same part of the sphere in cells of at least `min_level`, at levels ``min_level + k * level_mod``.

        Parameters
        ----------
        min_level : int
            In 0..30.
        level_mod : {1, 2, 3}
            Cells are split until their level fits; level 30 always fits.

        Returns
        -------
        CellUnion

        Raises
        ------
        CellLimitError
            If there would be more cells than `set_cell_limit` allows.

        Examples
        --------
        >>> import cellwise as cw
        >>> cw.CellUnion([cw.token_to_cell("951977d34")]).denormalize(17)
        CellUnion(16 cells, level 17)
        """
        inputs.check_integer("min_level", min_level, 0, 30)
        inputs.check_integer("level_mod", level_mod, 1, 3)
        levels = denormalized_level(self.levels, min_level, level_mod)
        return CellUnion._from_sorted(call("cell_children", self.cells, levels).values)

    # --- questions --------------------------------------------------------------------------------------------------

    @overload
    def contains(self, lat: FloatScalar, lng: FloatScalar, *, on_invalid: OnInvalid = "raise") -> bool: ...
    @overload
    def contains(self, lat: FloatLike, lng: FloatLike, *, on_invalid: OnInvalid = "raise") -> BoolArray: ...
    @overload
    def contains(self, cells: CellScalar | CellUnion, /, *, on_invalid: OnInvalid = "raise") -> bool: ...
    @overload
    def contains(self, cells: CellLike, /, *, on_invalid: OnInvalid = "raise") -> BoolArray: ...
    @overload
    def contains(self, points: HasGeoInterface, /, *, on_invalid: OnInvalid = "raise") -> bool: ...
    def contains(self, *cells_or_latlng: Any, lat: Any = None, lng: Any = None, on_invalid: OnInvalid = "raise") -> Any:
        """Whether each cell or position lies wholly within the union.

        Parameters
        ----------
        *cells_or_latlng : array_like
            Cells (False for the missing cell 0); or another union, all of which must lie within; or points of shapely
            or GeoPandas; or, as for every region, latitudes and longitudes.
        lat, lng : array_like of float
            Positions in degrees, by name.
        on_invalid : {"raise", "warn", "null"}
            What happens to ids that are no cells, and to positions that are missing or out of range: an error, or False
            with or without an `InvalidCoordinatesWarning`.

        Returns
        -------
        bool or ndarray of bool

        Examples
        --------
        >>> import cellwise as cw
        >>> union = cw.CellUnion([cw.token_to_cell("951977d34")])
        >>> union.contains([-30.0438, 0], [-51.14022, 0])
        array([ True, False])
        >>> union.contains(cw.token_to_cell(["951977d31", "951977"]))
        array([ True, False])
        """
        cells, given = _given_cells(cells_or_latlng, lat, lng, on_invalid)
        if isinstance(cells, CellUnion):
            return len(cells - self) == 0
        lo, hi = leaf_ranges(cells)
        starts, ends = merged(*leaf_ranges(self.cells))
        at = np.searchsorted(starts, lo, side="right") - 1
        inside = (cells != 0) & (at >= 0) & (hi <= np.append(ends, -1)[at])
        return _answer(inside, cells, given, on_invalid)

    @overload
    def intersects(self, lat: FloatScalar, lng: FloatScalar, *, on_invalid: OnInvalid = "raise") -> bool: ...
    @overload
    def intersects(self, lat: FloatLike, lng: FloatLike, *, on_invalid: OnInvalid = "raise") -> BoolArray: ...
    @overload
    def intersects(self, cells: CellScalar | CellUnion, /, *, on_invalid: OnInvalid = "raise") -> bool: ...
    @overload
    def intersects(self, cells: CellLike, /, *, on_invalid: OnInvalid = "raise") -> BoolArray: ...
    @overload
    def intersects(self, points: HasGeoInterface, /, *, on_invalid: OnInvalid = "raise") -> bool: ...
    def intersects(
        self, *cells_or_latlng: Any, lat: Any = None, lng: Any = None, on_invalid: OnInvalid = "raise"
    ) -> Any:
        """Whether each cell or position has some part in common with the union.

        Parameters
        ----------
        *cells_or_latlng : array_like
            Cells (False for the missing cell 0); or another union; or points; or latitudes and longitudes, as for
            `contains`.
        lat, lng : array_like of float
            Positions in degrees, by name.
        on_invalid : {"raise", "warn", "null"}
            What happens to ids that are no cells, and to positions that are missing or out of range: an error, or False
            with or without an `InvalidCoordinatesWarning`.

        Returns
        -------
        bool or ndarray of bool

        Examples
        --------
        >>> import cellwise as cw
        >>> union = cw.CellUnion([cw.token_to_cell("951977d34")])
        >>> union.intersects(cw.token_to_cell(["951977", "951977d3c"]))
        array([ True, False])
        """
        cells, given = _given_cells(cells_or_latlng, lat, lng, on_invalid)
        if isinstance(cells, CellUnion):
            return len(self & cells) > 0
        lo, hi = leaf_ranges(cells)
        starts, ends = merged(*leaf_ranges(self.cells))
        at = np.searchsorted(ends, lo, side="right")
        meets = (cells != 0) & (at < len(starts)) & (np.append(starts, np.iinfo(np.int64).max)[at] < hi)
        return _answer(meets, cells, given, on_invalid)

    def area(self, *, unit: AreaUnit = "m2") -> float:
        """Area in `unit`: m2, km2 or sr."""
        size = area_unit(unit)
        return float(call("cell_area", self.cells).sum()) * size

    # --- algebra ----------------------------------------------------------------------------------------------------

    def __or__(self, other: CellUnion) -> CellUnion:
        return self._combined(other, lambda a, b: a | b)

    def __and__(self, other: CellUnion) -> CellUnion:
        return self._combined(other, lambda a, b: a & b)

    def __sub__(self, other: CellUnion) -> CellUnion:
        return self._combined(other, lambda a, b: a & ~b)

    def __xor__(self, other: CellUnion) -> CellUnion:
        return self._combined(other, lambda a, b: a ^ b)

    def _combined(self, other: CellUnion, keep: Callable[[BoolArray, BoolArray], BoolArray]) -> CellUnion:
        """What `keep(in self, in other)` takes of the pieces between all ends of ranges."""
        if not isinstance(other, CellUnion):
            return NotImplemented
        ranges = [merged(*leaf_ranges(union.cells)) for union in (self, other)]
        ends = np.unique(np.concatenate([end for pair in ranges for end in pair]))
        lo, hi = ends[:-1], ends[1:]
        inside = [
            np.searchsorted(starts, lo, side="right") > np.searchsorted(stops, lo, side="right")
            for starts, stops in ranges
        ]
        kept = keep(*inside)
        return CellUnion._from_sorted(cells_of_ranges(*merged(lo[kept], hi[kept])))

    def expand(
        self,
        level: int | None = None,
        *,
        radius: FloatScalar | None = None,
        unit: LengthUnit = "m",
        max_level_diff: int = 4,
    ) -> CellUnion:
        """The union with a margin of cells round it.

        Parameters
        ----------
        level : int
            Adds all cells of this level that touch the union; finer cells become their ancestors there.
        radius : float
            Instead of `level`: adds everything within this distance, and more.
        unit : {"m", "km", "rad", "deg"}
            Unit of `radius`.
        max_level_diff : int
            With `radius`: the cells of the margin are at most so many levels finer than the union's coarsest cell,
            which bounds their number and makes the margin of small radii wider.

        Returns
        -------
        CellUnion
            Normalized, equal to Google's ``S2CellUnion::Expand``.

        Examples
        --------
        >>> import cellwise as cw
        >>> cw.CellUnion([cw.token_to_cell("951977d34")]).expand(15)
        CellUnion(6 cells, levels 14..15)
        """
        angle = margin_angle("radius", 0 if radius is None else radius, unit)
        inputs.check_integer("max_level_diff", max_level_diff, 0, 30)
        if (level is None) == (radius is None):
            raise TypeError("expand takes either level or radius")
        if level is not None:
            return self._expanded(inputs.check_integer("level", level, 0, 30))
        if len(self) == 0:
            return self
        by_radius = level_for_min_width(angle)
        wide = self
        if by_radius == 0 and angle > MIN_WIDTH:
            wide = self._expanded(0)
        return wide._expanded(min(int(wide.levels.min()) + max_level_diff, by_radius))

    def _expanded(self, level: int) -> CellUnion:
        at = call("cell_parent", self.cells, np.minimum(self.levels, level))
        around = call("cell_all_neighbors", at, level).values
        return CellUnion._from_sorted(_normalized(np.concatenate((at, around))))

    # --- other forms ------------------------------------------------------------------------------------------------

    def to_tokens(self) -> TextArray:
        """Tokens of the cells, ndarray of str."""
        return call("cell_to_token", self.cells)

    @classmethod
    def from_tokens(cls, tokens: TextLike) -> CellUnion:
        """Union of the cells of tokens.

        Parameters
        ----------
        tokens : array_like of str

        Returns
        -------
        CellUnion

        Examples
        --------
        >>> import cellwise as cw
        >>> cw.CellUnion.from_tokens(["951977d34", "951977d2c"])
        CellUnion(2 cells, level 15)
        """
        return cls(call("token_to_cell", tokens))

    @overload
    def to_ranges(self, *, signed: Literal[False] = False) -> CellArray: ...
    @overload
    def to_ranges(self, *, signed: Literal[True]) -> Int64Array: ...
    @overload
    def to_ranges(self, *, signed: bool) -> CellArray | Int64Array: ...
    def to_ranges(self, *, signed: bool = False) -> CellArray | Int64Array:
        """First and last leaf of each run of cells: a leaf lies in the union if it lies in one of the ranges.

        Parameters
        ----------
        signed : bool
            For databases that store cells as signed integers (BigQuery, Spark, Postgres): int64, in signed order.

        Returns
        -------
        ndarray of uint64 or int64, shape (ranges, 2)
            Both ends belong to the range.

        Examples
        --------
        >>> import cellwise as cw
        >>> cw.CellUnion.from_tokens(["951977d34", "951977d3c"]).to_ranges()
        array([[10743750134190833665, 10743750138485800959]], dtype=uint64)
        """
        inputs.check_bool("signed", signed)
        starts, ends = merged(*leaf_ranges(self.cells))
        if signed:  # leaves from face 4 on are negative: no range may go across
            middle = 4 * FACE_LEAVES
            across = (starts < middle) & (ends > middle)
            starts = np.sort(np.append(starts, np.full(across.sum(), middle)))
            ends = np.sort(np.append(ends, np.full(across.sum(), middle)))
        ranges = np.stack((starts, ends - 1), axis=-1).astype(np.uint64) * np.uint64(2) + np.uint64(1)
        if not signed:
            return ranges
        ranges = ranges.view(np.int64)
        return ranges[np.argsort(ranges[:, 0])]

    @classmethod
    def from_ranges(cls, ranges: CellLike) -> CellUnion:
        """Union of ranges of leaves, as `to_ranges` gives them.

        Parameters
        ----------
        ranges : array_like of uint64 or int64, shape (n, 2)
            Leaves; both ends belong to the range. Negative integers are signed ids.

        Returns
        -------
        CellUnion
            Normalized.
        """
        argument = inputs.read("u8", "ranges", ranges)
        ranges = argument.array
        if argument.source is not None:  # signed ids, or integers beyond 64 bits, which stay what they are: no leaves
            signed = (argument.source < 0) & (argument.source >= -(2**63))
            ranges = np.where(signed, np.where(signed, argument.source, 0).astype(np.int64).view(np.uint64), ranges)
        if ranges.ndim != 2 or ranges.shape[1] != 2:
            raise ValueError(f"ranges must have shape (n, 2): got {ranges.shape}")
        if len(ranges) and not call("cell_is_leaf", ranges).all():
            raise InvalidCellError("ranges must be leaves (cells of level 30)")
        if (ranges[:, 0] > ranges[:, 1]).any():
            raise ValueError("ranges must be (first, last) with first <= last")
        starts, ends = (ranges >> np.uint64(1)).astype(np.int64).T
        order = np.argsort(starts)
        return cls._from_sorted(cells_of_ranges(*merged(starts[order], ends[order] + 1)))

    def to_sql(self, column: str, *, signed: bool = True) -> str:
        """SQL predicate that is true for the leaves within the union.

        Parameters
        ----------
        column : str
            Name of the column of leaf ids; it is quoted, and a dot separates a table's name.
        signed : bool, default True
            Whether the column holds signed integers, as most databases store 64-bit ids.

        Returns
        -------
        str
            ``(column BETWEEN a AND b OR ...)``, which an ordinary B-tree index answers; ``(1 = 0)`` for no cells.

        Examples
        --------
        >>> import cellwise as cw
        >>> cw.CellUnion.from_tokens(["951977d34"]).to_sql("trips.leaf")
        '("trips"."leaf" BETWEEN -7702993939518717951 AND -7702993937371234305)'
        """
        if not isinstance(column, str) or not column or "\0" in column:
            raise ValueError(f"column must be a name: got {column!r}")
        name = ".".join('"' + part.replace('"', '""') + '"' for part in column.split("."))
        ranges = self.to_ranges(signed=signed).tolist()
        return "(" + (" OR ".join(f"{name} BETWEEN {a} AND {b}" for a, b in ranges) or "1 = 0") + ")"

    def to_arrow(self) -> pa.UInt64Array:
        """Cells as a pyarrow UInt64Array, without a copy."""
        return inputs.import_extra("pyarrow", "all").array(self.cells)

    def encode(self) -> bytes:
        """The union in few bytes, two or three a cell for a covering.

        Returns
        -------
        bytes
            For `decode`. After a header with a checksum come the numbers of trailing zero bits of the differences
            between ids, one byte each, and the differences without those zeros, seven bits a byte.

        Examples
        --------
        >>> import cellwise as cw
        >>> union = cw.cover(cw.Cap(0, 0, 50, unit="km"), max_cells=100)
        >>> len(union), len(union.encode()), cw.CellUnion.decode(union.encode()) == union
        (64, 152, True)
        """
        return encode_cells(self.cells)

    @classmethod
    def decode(cls, data: bytes | bytearray | memoryview) -> CellUnion:
        """Union from the bytes of `encode`.

        Parameters
        ----------
        data : bytes
            May come from anywhere: lengths, checksum and cells are checked, and no more memory is used than a few
            times their own.

        Returns
        -------
        CellUnion

        Raises
        ------
        ValueError
            If the bytes are damaged or no encoded union.
        """
        cells = decode_cells(data)
        valid = call("cell_is_valid", cells)
        if not np.all(valid) or (cells[1:] <= cells[:-1]).any() or len(disjoint_cells(cells)) != len(cells):
            raise ValueError("data must hold valid, sorted, disjoint cells: got others")
        return cls._from_sorted(cells)

    def to_geoseries(self) -> geopandas.GeoSeries:
        """Polygons of the cells as a geopandas GeoSeries in EPSG:4326, with the tokens as its index."""
        from .cells.geometry import cell_to_polygon

        geopandas = inputs.import_extra("geopandas", "geo")
        return geopandas.GeoSeries(cell_to_polygon(self.cells), index=self.to_tokens().astype(object), crs="EPSG:4326")

    def dissolve(self) -> shapely.Polygon | shapely.MultiPolygon:
        """Outline of the union in lng/lat.

        Returns
        -------
        shapely.Polygon or shapely.MultiPolygon
            Cut at the antimeridian, where it goes across.
        """
        import shapely

        from .cells.geometry import cell_to_polygon

        return shapely.union_all(cell_to_polygon(self.normalize().cells))

    # --- as a region ------------------------------------------------------------------------------------------------

    @property
    def _shape(self) -> Any:
        return kernels().CellsShape(self.cells)

    @property
    def bounds(self) -> Bounds:  # noqa: D102, documented by Region
        return united(call("cell_bounds", self.cells)) if len(self) else NOWHERE

    def to_shapely(self) -> shapely.Geometry:
        """Outline of the union in lng/lat, the same as `dissolve`."""
        return self.dissolve()

    def boundary(self) -> shapely.Geometry:
        """Lines along the outline."""
        return self.dissolve().boundary

    def _buffered(self, angle: float) -> CellUnion:
        return self.expand(radius=angle, unit="rad")


def _normalized(cells: CellArray) -> CellArray:
    return kernels().normalize_cells(np.ascontiguousarray(cells))


def _given_cells(
    given: tuple[Any, ...], lat: Any, lng: Any, on_invalid: OnInvalid
) -> tuple[CellArray | CellUnion, Sequence[inputs.Argument]]:
    """Cells, or a union, or the leaves of positions, given by place or by name; 0 for what is missing or invalid.

    And what was read, for the form of answers.
    """
    inputs.check_choice("on_invalid", on_invalid, inputs.ON_INVALID)
    if len(given) == 2 and lat is None and lng is None:
        lat, lng = given
    elif len(given) == 1 and lat is None and lng is None:
        (cells,) = given
        if isinstance(cells, CellUnion):
            return cells, ()
        if not is_geometry(cells):
            read = inputs.read("u8", "cells", cells)
            return checked_cells("cells", read, on_invalid), (read,)
        lat, lng = point_coordinates("points", cells)
    elif given or lat is None or lng is None:
        raise TypeError("give cells, points, or lat and lng")
    both = inputs.read("f8", "lat", lat), inputs.read("f8", "lng", lng)
    leaves = call("latlng_to_cell", both[0].array, both[1].array, 30, on_invalid=on_invalid)
    return np.asarray(leaves, np.uint64), both


def _answer(answer: BoolArray, cells: CellArray, given: Sequence[inputs.Argument], on_invalid: OnInvalid) -> Any:
    """Answers in the form of what was given."""
    answer = np.asarray(answer)
    return inputs.finish(answer, given, answer.shape, cells == 0 if inputs.says_na(given, on_invalid) else None)
