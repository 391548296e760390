"""What annotations name: forms of arguments, dtypes of results, and the words that options take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

# --- options --------------------------------------------------------------------------------------------------------

OnInvalid: TypeAlias = Literal["raise", "warn", "null"]
LengthUnit: TypeAlias = Literal["m", "km", "rad", "deg"]
AreaUnit: TypeAlias = Literal["m2", "km2", "sr"]

# --- results --------------------------------------------------------------------------------------------------------

AnyArray: TypeAlias = NDArray[Any]
CellArray: TypeAlias = NDArray[np.uint64]
FloatArray: TypeAlias = NDArray[np.float64]
Int32Array: TypeAlias = NDArray[np.int32]
Int64Array: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
TextArray: TypeAlias = NDArray[np.str_]
BytesArray: TypeAlias = NDArray[np.bytes_]
ObjectArray: TypeAlias = NDArray[np.object_]

# --- arguments ------------------------------------------------------------------------------------------------------


class SeriesLike(Protocol):
    """A pandas Series, told by what no other column has; results of one dimension keep its index."""

    @property
    def index(self) -> Any: ...
    @property
    def iloc(self) -> Any: ...
    def to_frame(self) -> Any: ...


class HasArray(Protocol):
    """Numpy arrays and scalars, columns of pandas and polars, arrays of pyarrow, a `CellUnion`."""

    def __array__(self) -> AnyArray: ...


class HasArrowArray(Protocol):
    """A column that follows Arrow's PyCapsule interface, in one piece."""

    def __arrow_c_array__(self) -> Any: ...


class HasArrowStream(Protocol):
    """A column that follows Arrow's PyCapsule interface, in chunks."""

    def __arrow_c_stream__(self) -> Any: ...


_Item = TypeVar("_Item")

Column: TypeAlias = SeriesLike | HasArray | HasArrowArray | HasArrowStream
_ArrayOf: TypeAlias = _Item | Column | Sequence[_Item | None] | Sequence[Sequence[_Item | None]]

IntScalar: TypeAlias = int | np.integer[Any]
FloatScalar: TypeAlias = float | np.floating[Any] | np.integer[Any]
TextScalar: TypeAlias = str | bytes

# Cells of s2sphere and s2geometry, which have no annotations, pass for anything.
CellScalar: TypeAlias = IntScalar
CellLike: TypeAlias = _ArrayOf[CellScalar]
IntLike: TypeAlias = _ArrayOf[IntScalar]
FloatLike: TypeAlias = _ArrayOf[FloatScalar]
TextLike: TypeAlias = _ArrayOf[TextScalar]

# --- regions --------------------------------------------------------------------------------------------------------

Edges: TypeAlias = Literal["planar", "geodesic"]
OnInvalidRegion: TypeAlias = Literal["raise", "fix", "null", "warn"]
CellMode: TypeAlias = Literal["intersects", "contains", "center"]


class FrameLike(Protocol):
    """A pandas or geopandas frame."""

    @property
    def iloc(self) -> Any: ...
    @property
    def columns(self) -> Any: ...


class HasGeoInterface(Protocol):
    """A geometry."""

    @property
    def __geo_interface__(self) -> Any: ...


class ReadingKeywords(TypedDict, total=False):
    """How a region is read, as `cover` and its kin have it."""

    edges: Edges | None
    oriented: bool
    on_invalid: OnInvalidRegion
    buffer: FloatScalar
    unit: LengthUnit


class TermKeywords(ReadingKeywords, total=False):
    """Options of `index_terms`."""

    min_level: int
    max_level: int
    max_cells: int
    level_mod: int
    optimize_for: Literal["query", "space"]


class QueryTermKeywords(TermKeywords, total=False):
    """Options of `query_terms`."""

    points_only: bool
