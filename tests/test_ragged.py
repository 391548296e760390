"""Ragged: runs of values."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

import cellwise as cw
from cellwise import Ragged
from cellwise.ragged import expand, offsets_of, sum_runs


@pytest.fixture
def three():
    return Ragged(np.array([5, 6, 7, 8], np.uint64), [0, 2, 2, 4])


def test_rows(three):
    assert len(three) == 3
    assert [row.tolist() for row in three] == [[5, 6], [], [7, 8]]
    assert three[0].tolist() == [5, 6]
    assert three[-1].tolist() == [7, 8]
    assert three[np.int64(1)].tolist() == []
    assert three.sizes.tolist() == [2, 0, 2]
    assert three[1:] == Ragged(np.array([7, 8], np.uint64), [0, 0, 2])
    assert len(three[2:1]) == 0
    assert repr(three) == "Ragged(3 rows, 4 values of uint64)"


def test_long_form(three):
    rows, values = three.explode()
    assert rows.tolist() == [0, 0, 2, 2]
    assert values is three.values


def test_arrow(three):
    array = three.to_arrow()
    assert array.type == pa.large_list(pa.uint64())
    assert array.to_pylist() == [[5, 6], [], [7, 8]]


@pytest.mark.parametrize("offsets", [[], [1, 4], [0, 3, 2, 4], [0, 3], [[0, 4]]])
def test_bad_offsets(offsets):
    with pytest.raises(ValueError, match="offsets must be one-dimensional, start with 0, never fall and end with"):
        Ragged(np.arange(4), offsets)


def test_bad_rows(three):
    with pytest.raises(IndexError, match=r"row must be in -3\.\.2: got 3"):
        three[3]
    with pytest.raises(ValueError, match="a slice of a Ragged must have step 1: got 2"):
        three[::2]


def test_rows_by_position(three):
    taken = three.take(np.array([2, 1, 2, 0]))
    assert [row.tolist() for row in taken] == [[7, 8], [], [7, 8], [5, 6]]
    assert taken == Ragged(np.array([7, 8, 7, 8, 5, 6], np.uint64), [0, 2, 2, 4, 6])
    assert len(three.take(np.empty(0, np.intp))) == 0


def test_equality(three):
    assert three == Ragged(three.values.copy(), three.offsets)
    assert three != Ragged(three.values, [0, 1, 2, 4])
    assert three != [1]


def test_two_dimensional_input_is_refused():
    with pytest.raises(ValueError, match=r"cell_disk takes scalars and one-dimensional arrays: got shape \(1, 2\)"):
        cw.cell_disk(np.full((1, 2), cw.token_to_cell("04"), np.uint64), 1)


def test_scalar_in_plain_array_out(backend):
    disk = cw.cell_disk(cw.token_to_cell("951977d34"), 2)
    assert isinstance(disk, np.ndarray)
    assert (np.diff(disk.astype(object)) > 0).all()


# --- the arithmetic of runs -------------------------------------------------------------------------------------------

SIZES = [[], [0], [3], [0, 0], [2, 0, 3], [0, 1, 0, 0, 4, 0], [1] * 7]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_offsets_and_positions(sizes, dtype):
    sizes = np.array(sizes, dtype)
    offsets = offsets_of(sizes)
    assert offsets.dtype == np.int64
    assert offsets.tolist() == [sum(sizes[:k]) for k in range(len(sizes) + 1)]
    starts = 10 * np.arange(len(sizes))
    assert expand(starts, sizes).tolist() == [10 * k + i for k, size in enumerate(sizes) for i in range(size)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("dtype", [bool, np.int64, np.float64])
def test_sums_of_runs(sizes, dtype):
    values = (np.arange(sum(sizes)) % 3).astype(dtype)
    offsets = offsets_of(np.array(sizes, np.int64))
    sums = sum_runs(values, offsets)
    assert sums.dtype == (np.int64 if dtype is bool else dtype)
    expected = [values[start:stop].sum() for start, stop in pairwise(offsets)]
    assert sums.tolist() == expected
    two_columns = sum_runs(np.column_stack([values, values]), offsets)
    assert two_columns.shape == (len(sizes), 2)
    assert two_columns.T.tolist() == [expected, expected]


def test_runs_do_not_round_each_others_sums():
    values = np.array([1e16, 1.0, 0.1, 0.2])
    assert sum_runs(values, np.array([0, 1, 2, 4])).tolist() == [1e16, 1.0, 0.1 + 0.2]
