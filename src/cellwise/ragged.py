"""The one form of every variable-length result, and the arithmetic of runs.

Runs are values of several rows in one array, one row's after another's. Their sizes say how many values each row has,
their offsets where each row's begin, with the number of all values at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Generic, SupportsIndex, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ._typing import AnyArray, BoolArray, Int64Array

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Ragged"]

Value = TypeVar("Value", bound=np.generic, covariant=True)
"""Type of the values: ``Ragged[np.uint64]`` holds cells."""


def offsets_of(sizes: AnyArray) -> Int64Array:
    """Offsets of runs of these sizes.

    Parameters
    ----------
    sizes : ndarray of integers, shape (n_runs,)

    Returns
    -------
    ndarray of int64, shape (n_runs + 1,)

    Examples
    --------
    >>> import numpy as np
    >>> from cellwise.ragged import offsets_of
    >>> offsets_of(np.array([2, 0, 3]))
    array([0, 2, 2, 5])
    """
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def expand(starts: AnyArray, sizes: AnyArray) -> Int64Array:
    """The numbers start, start + 1, ..., as many as its size says, for each run: positions of the values of runs.

    Parameters
    ----------
    starts, sizes : ndarray of integers, shape (n_runs,)
        With 0 for every start the result is the rank of each value in its run.

    Returns
    -------
    ndarray of int64, shape (sizes.sum(),)

    Examples
    --------
    >>> import numpy as np
    >>> from cellwise.ragged import expand
    >>> expand(np.array([7, 0, 40]), np.array([2, 0, 3]))
    array([ 7,  8, 40, 41, 42])
    """
    offsets = offsets_of(sizes)
    return np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])


def sum_runs(values: AnyArray, offsets: AnyArray) -> AnyArray:
    """Sum of each run; 0 of an empty one.

    No run's sum depends on the values of another, not even by rounding.

    Parameters
    ----------
    values : ndarray, shape (total, ...)
        Those of all runs. Booleans are counted.
    offsets : ndarray of integers, shape (n_runs + 1,)
        From 0 to the number of values.

    Returns
    -------
    ndarray of the same dtype, or int64 for booleans, shape (n_runs, ...)

    Examples
    --------
    >>> import numpy as np
    >>> from cellwise.ragged import sum_runs
    >>> sum_runs(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([0, 2, 2, 5]))
    array([ 3.,  0., 12.])
    """
    starts, is_full = offsets[:-1], offsets[1:] > offsets[:-1]
    dtype = np.dtype(np.int64) if values.dtype == bool else values.dtype
    if not is_full.all():
        sums = np.zeros((len(starts), *values.shape[1:]), dtype)
        if is_full.any():
            sums[is_full] = np.add.reduceat(values, starts[is_full], dtype=dtype)
        return sums
    if len(starts) == 0:
        return np.zeros((0, *values.shape[1:]), dtype)
    return np.add.reduceat(values, starts, dtype=dtype)


def joined(runs: Iterable[AnyArray], dtype: DTypeLike) -> tuple[AnyArray, Int64Array]:
    """Values and offsets of runs, one array each."""
    return np.concatenate([np.empty(0, dtype), *runs]), np.cumsum([0, *map(len, runs)])


def with_runs(
    values: AnyArray, offsets: Int64Array, rows: Int64Array, own: AnyArray, own_offsets: Int64Array
) -> tuple[AnyArray, Int64Array]:
    """Runs with those of some rows, ascending, put in where they were empty: values and offsets."""
    if len(own) == 0:
        return values, offsets
    sizes = np.diff(offsets)
    sizes[rows] = np.diff(own_offsets)
    is_own = np.zeros(len(sizes), bool)
    is_own[rows] = True
    of_own = np.repeat(is_own, sizes)
    made = np.empty(len(of_own), values.dtype)
    made[of_own], made[~of_own] = own, values
    return made, offsets_of(sizes)


class Ragged(Generic[Value]):
    """Runs of values, one for each row: row ``k`` holds ``values[offsets[k]:offsets[k + 1]]``.

    Parameters
    ----------
    values : ndarray, shape (total,)
        All runs, concatenated.
    offsets : ndarray of int64, shape (rows + 1,)
        Where each run begins, and at the end the number of values.

    Attributes
    ----------
    is_missing : ndarray of bool, shape (rows,), or None
        Rows that are NA, where the runs are of a column of pandas, polars or Arrow that knows NA. They are empty.

    Examples
    --------
    >>> import cellwise as cw
    >>> disks = cw.cell_disk(cw.token_to_cell(["951977d34", "89c25a3"]), 1)
    >>> disks
    Ragged(2 rows, 18 values of uint64)
    >>> len(disks), len(disks[0]), disks.sizes.tolist()
    (2, 9, [9, 9])
    """

    __slots__ = ("is_missing", "offsets", "values")

    values: NDArray[Value]
    offsets: Int64Array
    is_missing: BoolArray | None

    def __init__(self, values: NDArray[Value], offsets: ArrayLike) -> None:
        self.values = np.asarray(values)
        self.offsets = np.asarray(offsets, np.int64)
        self.is_missing = None
        flat = self.values.ndim == self.offsets.ndim == 1 and len(self.offsets) > 0
        if (
            not flat
            or self.offsets[0] != 0
            or (np.diff(self.offsets) < 0).any()
            or self.offsets[-1] != len(self.values)
        ):
            raise ValueError(
                "offsets must be one-dimensional, start with 0, never fall and end with the number of values: "
                f"got {self.offsets!r} for {self.values.shape} values"
            )

    @classmethod
    def _of(cls, values: NDArray[Value], offsets: Int64Array, is_missing: BoolArray | None = None) -> Ragged[Value]:
        """Of arrays that are known to fit."""
        ragged = cls.__new__(cls)
        ragged.values, ragged.offsets, ragged.is_missing = values, offsets, is_missing
        return ragged

    @property
    def sizes(self) -> Int64Array:
        """Length of each run, shape (rows,)."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, row: slice) -> Ragged[Value]: ...
    @overload
    def __getitem__(self, row: SupportsIndex) -> NDArray[Value]: ...
    def __getitem__(self, row: slice | SupportsIndex) -> Ragged[Value] | NDArray[Value]:
        """Run of one row (a view), or the rows of a slice as a `Ragged`."""
        if isinstance(row, slice):
            start, stop, step = row.indices(len(self))
            if step != 1:
                raise ValueError(f"a slice of a Ragged must have step 1: got {step}")
            stop = max(start, stop)
            return Ragged._of(
                self.values[self.offsets[start] : self.offsets[stop]],
                self.offsets[start : stop + 1] - self.offsets[start],
                None if self.is_missing is None else self.is_missing[start:stop],
            )
        k = int(row.__index__())
        if not -len(self) <= k < len(self):
            raise IndexError(f"row must be in {-len(self)}..{len(self) - 1}: got {k}")
        k %= len(self)
        return self.values[self.offsets[k] : self.offsets[k + 1]]

    def take(self, rows: AnyArray) -> Ragged[Value]:
        """Runs of some rows, by position, in their order.

        Parameters
        ----------
        rows : ndarray of integers, shape (n,)
            In 0..len(self) - 1; a row may come several times.

        Returns
        -------
        Ragged

        Examples
        --------
        >>> import numpy as np
        >>> from cellwise import Ragged
        >>> runs = Ragged(np.array([5, 6, 7, 8]), [0, 2, 2, 4]).take(np.array([2, 0, 2]))
        >>> [run.tolist() for run in runs]
        [[7, 8], [5, 6], [7, 8]]
        """
        sizes = self.sizes[rows]
        is_missing = None if self.is_missing is None else self.is_missing[rows]
        return Ragged._of(self.values[expand(self.offsets[rows], sizes)], offsets_of(sizes), is_missing)

    def __iter__(self) -> Iterator[NDArray[Value]]:
        for start, stop in zip(self.offsets, self.offsets[1:]):
            yield self.values[start:stop]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ragged):
            return NotImplemented
        return np.array_equal(self.offsets, other.offsets) and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Ragged({len(self)} rows, {len(self.values)} values of {self.values.dtype})"

    def explode(self) -> tuple[Int64Array, NDArray[Value]]:
        """Row number of each value, and the values: the long form.

        Returns
        -------
        rows : ndarray of int64, shape (total,)
        values : ndarray, shape (total,)

        Examples
        --------
        >>> import cellwise as cw
        >>> rows, cells = cw.cell_children(cw.token_to_cell(["1", "3"]), 1).explode()
        >>> rows.tolist(), cw.cell_to_token(cells).tolist()
        ([0, 0, 0, 0, 1, 1, 1, 1], ['04', '0c', '14', '1c', '24', '2c', '34', '3c'])
        """
        return np.repeat(np.arange(len(self)), self.sizes), self.values

    def to_arrow(self) -> pa.LargeListArray:
        """The runs as a pyarrow LargeListArray, without copying the values; rows that are missing are null.

        Returns
        -------
        pyarrow.LargeListArray

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        """
        from .inputs import import_extra

        pa = import_extra("pyarrow", "all")
        mask = None if self.is_missing is None else pa.array(self.is_missing)
        return pa.LargeListArray.from_arrays(pa.array(self.offsets), pa.array(self.values), mask=mask)
