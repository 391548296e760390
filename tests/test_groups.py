"""Rows grouped by cell, against counting one by one; both backends."""

import importlib
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cellwise as cw
from cellwise._reference import groups as reference
from cellwise.groups import CellIndex, add_sums, count_cells, factorize_cells, factorize_pairs, sum_by_group, take
from cellwise.testing import available, use

NATIVE = [path for path in available() if path[0] == "native"]
# Kernels of groups ask one thing of the instruction set: whether it counts bits at once, which "scalar" does not.
scalar_and_best = pytest.mark.parametrize(
    "path",
    [path for path in available() if path not in NATIVE[1:-1]],
    ids=lambda path: "-".join(filter(None, path)),
    indirect=True,
)
each_backend = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
any_cell = st.builds(
    lambda lat, lng, level: cw.latlng_to_cell(lat, lng, level),
    st.sampled_from((-90.0, -30.01, -30.0, 0.0, 0.01, 45.0, 89.0)),
    st.sampled_from((-180.0, -51.0, -50.99, 0.0, 0.02, 179.0)),
    st.integers(0, 30),
)
any_cells = st.lists(any_cell | st.just(0), max_size=40).map(lambda cells: np.array(cells, np.uint64))


def by_level(cells):
    cells = np.unique(cells[cells != 0])
    return cells[np.argsort(cw.cell_level(cells), kind="stable")]


def leaves(n, seed=0, lat=(-60, 60), lng=(-180, 180)):
    rng = np.random.default_rng(seed)
    return cw.latlng_to_cell(rng.uniform(*lat, n), rng.uniform(*lng, n))


@each_backend
@given(any_cells, st.integers(0, 30))
def test_counts_are_those_of_a_counter(backend, cells, level):
    found, count = count_cells(cells, level)
    own = (int(cell) for cell in cells if cell)
    expected = Counter(cw.cell_parent(cell, level) if cw.cell_level(cell) > level else cell for cell in own)
    assert dict(zip(found.tolist(), count.tolist())) == expected
    assert found.tolist() == sorted(expected)
    assert (found.dtype, count.dtype) == (np.uint64, np.int64)


@scalar_and_best
@each_backend
@given(any_cells, any_cells)
def test_positions_are_those_of_equal_cells(path, known, cells):
    known = by_level(known)
    where = {cell: k for k, cell in enumerate(known.tolist())}
    found = CellIndex(known).lookup(cells)
    assert found.tolist() == [where.get(cell, -1) for cell in cells.tolist()]
    assert found.dtype == np.int32


@scalar_and_best
@each_backend
@given(any_cells, any_cells, st.integers(0, 30))
def test_positions_of_ancestors(path, known, cells, level):
    known = by_level(known)
    where = {cell: k for k, cell in enumerate(known.tolist())}
    ancestors = [cw.cell_parent(c, level) if c and cw.cell_level(c) >= level else 0 for c in cells.tolist()]
    assert CellIndex(known).lookup(cells, level=level).tolist() == [where.get(cell, -1) for cell in ancestors]


@scalar_and_best
@each_backend
@given(any_cells, any_cells)
def test_containing_are_the_cells_that_contain(path, known, cells):
    known = by_level(known)
    positions, offsets = CellIndex(known).ancestors_in(cells)
    for k, cell in enumerate(cells.tolist()):
        expected = [j for j, other in enumerate(known.tolist()) if cell and cw.cell_contains(other, cell)]
        assert positions[offsets[k] : offsets[k + 1]].tolist() == expected
        assert CellIndex(known).ancestors_in_one(cell) == tuple(expected)
    assert positions.dtype == offsets.dtype == np.int32


@scalar_and_best
@pytest.mark.parametrize("level", [0, 5, 9, 12, 15, 19, 24, 30])
@pytest.mark.parametrize("spread", ["one town", "towns", "everywhere"])
def test_look_ups_wherever_cells_lie(path, level, spread):
    """With no step below the list, or with several: always the answers of halving."""
    if spread == "one town":
        rows = leaves(20_000, lat=(40.0, 40.2), lng=(-74.0, -73.8))
    elif spread == "everywhere":
        rows = leaves(20_000)
    else:
        rng = np.random.default_rng(1)
        lat, lng = (rng.uniform(-50, 50, 40)[rng.integers(0, 40, 20_000)] for _ in range(2))
        rows = cw.latlng_to_cell(lat + rng.normal(0, 0.02, 20_000), lng + rng.normal(0, 0.02, 20_000))
    known = count_cells(rows[::2], level)[0]
    cells = np.append(rows, np.uint64(0))
    index = CellIndex(known)
    expected = reference.lookup_at_level(known, 0, cells, level)
    assert np.array_equal(index.lookup(cells, level=level), expected)
    assert (expected >= 0).sum() >= 10_000
    assert np.array_equal(index.lookup(known), np.arange(len(known)))
    for asked in (None, level):
        out = np.empty(len(cells), np.int32)
        assert index.lookup(cells, asked, out=out) is out
        assert np.array_equal(out, index.lookup(cells, asked))
    assert np.array_equal(index.ancestors_in(cells)[0], expected[expected >= 0])


@scalar_and_best
def test_backends_agree(path):
    rows = leaves(5_000)
    index = CellIndex(np.concatenate([count_cells(rows[:2_000], level)[0] for level in (3, 6, 11, 20)]))
    here = index.ancestors_in(rows)
    with use(backend="numpy"):
        there = index.ancestors_in(rows)
    assert all(np.array_equal(a, b) for a, b in zip(here, there))


@each_backend
@given(any_cells, st.integers(0, 30))
def test_numbers_of_cells(backend, cells, level):
    found, number = factorize_cells(cells, level)
    assert found.tolist() == count_cells(cells, level)[0].tolist()
    assert number.dtype == np.int32
    own = reference.truncated(cells, level)
    assert [int(found[k]) if k >= 0 else 0 for k in number.tolist()] == own.tolist()


@scalar_and_best
@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (7, 5), (1_000, 3), (1_000_000, 1_000)])
def test_numbers_of_pairs(path, n_a, n_b):
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, n_a, 500).astype(np.int32), rng.integers(0, n_b, 500).astype(np.int32)
    first, second, number = factorize_pairs(a, b, n_a, n_b)
    pairs = list(zip(first.tolist(), second.tolist()))
    assert pairs == sorted(set(zip(a.tolist(), b.tolist())))
    assert [pairs[k] for k in number.tolist()] == list(zip(a.tolist(), b.tolist()))
    assert [x.tolist() for x in factorize_pairs(a[:0], b[:0], n_a, 0)] == [[], [], []]


def test_sums(backend):
    rng = np.random.default_rng(0)
    group, y = rng.integers(0, 50, 1_000).astype(np.int32), rng.standard_normal(1_000)
    weight = rng.integers(0, 3, 1_000) / 2
    for w in (None, weight):
        sums = sum_by_group(group, y, w, 51)
        w = np.ones(1_000) if w is None else w
        expected = np.zeros((51, 4))
        for g, value, times in zip(group.tolist(), y.tolist(), w.tolist()):
            expected[g] += (times > 0, times, times * value, times * value * value)
        assert np.array_equal(sums, expected)


def test_sums_of_sums(backend):
    rng = np.random.default_rng(0)
    group, sums = rng.integers(0, 50, 1_000).astype(np.int32), rng.standard_normal((1_000, 4))
    expected = np.zeros((51, 4))
    for g, values in zip(group.tolist(), sums):
        expected[g] += values
    assert np.array_equal(add_sums(group, sums, 51), expected)
    assert add_sums(group[:0], sums[:0], 2).tolist() == [[0] * 4] * 2


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("width", [1, 5, 20])
def test_rows_of_a_table(backend, dtype, width):
    table = np.arange(100 * width).reshape(100, width).astype(dtype)
    number = np.random.default_rng(0).integers(0, 100, 1_000).astype(np.int32)
    rows = take(table, number)
    assert rows.dtype == dtype
    assert np.array_equal(rows, table[number])
    assert take(table, number[:0]).shape == (0, width)


def test_nothing(backend):
    none = np.empty(0, np.uint64)
    assert [x.tolist() for x in count_cells(none, 5)] == [[], []]
    assert [x.tolist() for x in count_cells(np.zeros(3, np.uint64), 30)] == [[], []]
    index = CellIndex(none)
    assert len(index) == 0
    assert index.lookup(leaves(2)).tolist() == index.lookup(leaves(2), level=3).tolist() == [-1, -1]
    assert [x.tolist() for x in index.ancestors_in(leaves(2))] == [[], [0, 0, 0]]
    assert [x.tolist() for x in CellIndex(leaves(1)).ancestors_in(none)] == [[], [0]]
    assert sum_by_group(np.empty(0, np.int32), np.empty(0), None, 2).tolist() == [[0] * 4] * 2


def test_an_index_is_sorted_and_distinct(backend):
    cells = cw.token_to_cell(["1", "3", "04", "0c"])
    assert repr(CellIndex(cells)) == "CellIndex(4 cells)"
    for bad in (cells[::-1], cells[[0, 0]], np.array([0], np.uint64), np.array([3 << 61], np.uint64)):
        with pytest.raises(ValueError, match="cells must be valid, distinct and sorted by level, then id"):
            CellIndex(bad)


def test_an_index_pickles_as_its_cells(backend):
    cells = count_cells(leaves(1_000), 12)[0]
    index = CellIndex(cells)
    expected = index.lookup(cells)
    data = pickle.dumps(index)
    assert len(data) < 8 * len(cells) + 500
    assert np.array_equal(pickle.loads(data).lookup(cells), expected)


@pytest.mark.needs_native
def test_the_native_module_checks_what_it_is_given():
    module = importlib.import_module("cellwise._native")
    cells, found = leaves(3), np.empty(3, np.int32)
    index = module.CellIndex(np.sort(cells))
    with pytest.raises(ValueError, match="sorted by level, then id"):
        module.CellIndex(np.sort(cells)[::-1].copy())
    with pytest.raises(ValueError, match="level must be in"):
        index.lookup(cells, 31, found)
    with pytest.raises(ValueError, match="an item for each cell"):
        index.lookup(cells, 3, found[:2])
    for room, ends in ((found[:2], found), (found, found[:2])):
        with pytest.raises(ValueError, match="room for each cell"):
            index.ancestors_in(cells, room, ends)
    starts, zero = np.array([0, 1], np.int32), np.zeros(1, np.int32)
    tree = module.NeighborTree(np.zeros(1), np.zeros(1), starts, zero, zero)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        module.CellIndex.lookup(tree, cells, 3, found)
    with pytest.raises(ValueError, match="level must suit the keys"):
        module.cell_keys(cells, 15, np.empty(3, np.uint32))
    with pytest.raises(ValueError, match="an item for each cell"):
        module.cell_keys(cells, 15, np.empty(2, np.uint64))
    for group in ([-1], [2]):
        with pytest.raises(ValueError, match="group must be one of the sums"):
            module.sum_by_group(np.array(group, np.int32), np.ones(1), np.empty(0), np.zeros((2, 4)))
        with pytest.raises(ValueError, match="group must be one of the sums"):
            module.add_sums(np.array(group, np.int32), np.ones((1, 4)), np.zeros((2, 4)))
        with pytest.raises(ValueError, match="group must be one of the sums"):
            module.take(np.zeros((2, 4)), np.array(group, np.int32), np.zeros((1, 4)))
    with pytest.raises(ValueError, match="as many groups as there are of them"):
        module.add_sums(np.zeros(2, np.int32), np.ones((1, 4)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="a row for each number"):
        module.take(np.zeros((2, 4)), np.zeros(2, np.int32), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="as many numbers as items"):
        module.factorize_pairs(found, found[:2], 3, 3, found)
    with pytest.raises(ValueError, match="fit in 31 bits"):
        module.factorize_pairs(found, found, 1 << 31, 3, found)
    with pytest.raises(ValueError, match="items must be in range"):
        module.factorize_pairs(np.full(3, 3, np.int32), np.zeros(3, np.int32), 3, 3, found)
    with pytest.raises(ValueError, match="as many groups, values and weights as rows"):
        module.sum_by_group(np.zeros(2, np.int32), np.ones(1), np.empty(0), np.zeros((2, 4)))
