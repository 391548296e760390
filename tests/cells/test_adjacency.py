"""Neighbors, disks, rings and the curve: laws, and brute force with Google's neighbors."""

import os
import subprocess
import sys

import numpy as np
import oracle
import pytest
from work import little_memory

import cellwise as cw
from cellwise.errors import InvalidCellError

L15, LEAF = 10743750135264575488, 10743750136202470315


@pytest.fixture(scope="module")
def cells():
    return oracle.sample_cells(np.random.default_rng(401), 1_500)


def unit_vertices(cells):
    """Vertices as unit vectors, (n, 4, 3), from the oracle."""
    found = [
        [oracle.s2.S2Point_ToRaw(oracle.s2.S2Cell(oracle.cell_id(c)).GetVertex(k)) for k in range(4)] for c in cells
    ]
    return np.array(found).reshape(-1, 4, 3)


def shared_vertices(a, b, level):
    """How many vertices each pair of cells has in common."""
    gap = unit_vertices(a)[:, :, None] - unit_vertices(b)[:, None]
    return (np.linalg.norm(gap, axis=-1) < 0.05 * 0.5 ** np.asarray(level)[:, None, None]).sum(axis=(1, 2))


# --- neighbors -------------------------------------------------------------------------------------------------------------


def test_edge_neighbors_share_an_edge(cells, backend):
    some = cells[::3]
    around = cw.cell_edge_neighbors(some)
    level = np.repeat(cw.cell_level(some), 4)
    assert (cw.cell_level(around).ravel() == level).all()
    assert (np.sort(around, axis=1)[:, 1:] != np.sort(around, axis=1)[:, :-1]).all()
    assert (around != some[:, None]).all()
    fine = level > 0  # two faces have all distances alike: there it is the definition that is in doubt
    pairs = np.repeat(some, 4)[fine].tolist(), around.ravel()[fine].tolist()
    assert (shared_vertices(*pairs, level[fine]) == 2).all()


def test_all_neighbors_touch(cells, backend):
    some = cells[cw.cell_level(cells) > 1][::4]
    rows, around = cw.cell_all_neighbors(some).explode()
    level = cw.cell_level(some)[rows]
    shared = shared_vertices(some[rows].tolist(), around.tolist(), level)
    assert set(shared.tolist()) == {1, 2}
    assert (np.bincount(rows[shared == 2]) == 4).all()


def test_neighbors_are_symmetric(cells, backend):
    for cell_neighbors in (
        lambda c: [run.tolist() for run in cw.cell_all_neighbors(c)],
        lambda c: cw.cell_edge_neighbors(c).tolist(),
    ):
        around = cell_neighbors(cells)
        flat = np.unique(np.array([c for run in around for c in run], np.uint64))
        back = dict(zip(flat.tolist(), map(set, cell_neighbors(flat))))
        assert all(cell in back[c] for cell, run in zip(cells.tolist(), around) for c in run)


def test_eight_neighbors_and_seven_at_a_corner(backend):
    for level in (1, 2, 3, 10, 28, 29, 30):
        corners = oracle.corner_cells(level)
        assert len(corners) == 24
        assert (cw.cell_all_neighbors(corners).sizes == 7).all()
        away = np.setdiff1d(oracle.special_cells(level), corners)
        if level > 1:
            assert (cw.cell_all_neighbors(away).sizes == 8).all()
    assert (cw.cell_all_neighbors(oracle.cells_of_level(0)).sizes == 4).all()


def test_three_cells_meet_at_a_corner_of_the_cube(backend):
    for level in (0, 1, 7, 28, 29):
        corners = cw.cell_vertex_neighbors(oracle.corner_cells(30), level)
        assert len({tuple(run.tolist()) for run in corners}) == 8
        assert (corners.sizes == 3).all()
    assert (cw.cell_vertex_neighbors(cw.latlng_to_cell([10, -33, 77], [20, 99, -150]), 12).sizes == 4).all()


def test_all_neighbors_are_those_round_the_four_vertices(cells, backend):
    """A leaf in each corner of the cell has that corner's neighbors."""
    some = cells[cw.cell_level(cells) < 29][::3]
    level = cw.cell_level(some)
    grand = cw.cell_children(some, level + 2).values.reshape(-1, 16)
    round_corners = cw.cell_vertex_neighbors(grand.ravel(), np.repeat(level, 16))
    owner = np.repeat(np.arange(len(some)), 16)
    rows, found = round_corners.explode()
    gathered = [set() for _ in some]
    for row, cell in zip(owner[rows].tolist(), found.tolist()):
        gathered[row].add(cell)
    for cell, run, near in zip(some.tolist(), cw.cell_all_neighbors(some), gathered):
        assert set(run.tolist()) == near - {cell}


def test_finer_neighbors_lie_in_the_neighbors(cells, backend):
    some = cells[cw.cell_level(cells) < 25][::6]
    level = cw.cell_level(some)
    for deeper in (1, 2, 4):
        for cell, k, fine, coarse in zip(
            some.tolist(), level.tolist(), cw.cell_all_neighbors(some, level + deeper), cw.cell_all_neighbors(some)
        ):
            assert not cw.cell_intersects(cell, fine).any()
            assert set(cw.cell_parent(fine, k).tolist()) == set(coarse.tolist())
            corners = 8 - len(coarse) if k else 8 - 4
            assert len(fine) == 4 * 2**deeper + 4 - corners


# --- disks and rings ----------------------------------------------------------------------------------------------------------------


def brute_rings(cell, k):
    """Rings 0..k by breadth-first search with the oracle's neighbors."""
    level = oracle.cell_id(cell).level()
    seen, rings = {cell}, [{cell}]
    for _ in range(k):
        new = {c for x in rings[-1] for c in oracle.ids(oracle.cell_id(x).GetAllNeighbors(level))} - seen
        seen |= new
        rings.append(new)
    return rings


def near_edges():
    """Cells at corners and edges of faces, and one step away from them."""
    rng = np.random.default_rng(402)
    parts = [oracle.cells_of_level(0), oracle.cells_of_level(1), oracle.cells_of_level(2)[::5]]
    for level in (3, 4, 9, 17, 28, 29, 30):
        corners = oracle.corner_cells(level)
        parts += [corners[::5], rng.choice(oracle.special_cells(level), 6), cw.cell_edge_neighbors(corners[::7])[:, 1]]
    return np.unique(np.concatenate([*parts, oracle.random_cells(rng, 20)]))


@pytest.fixture(scope="module")
def disks():
    """Cells and their rings 0..4."""
    found = near_edges()
    return found, [brute_rings(c, 4) for c in found.tolist()]


@pytest.mark.parametrize("k", range(5))
def test_disks_and_rings(k, disks, backend):
    cells, rings = disks
    for cell, own, disk, ring in zip(cells.tolist(), rings, cw.cell_disk(cells, k), cw.cell_ring(cells, k)):
        assert ring.tolist() == sorted(own[k]), (cell, k)
        assert disk.tolist() == sorted(set().union(*own[: k + 1])), (cell, k)


def test_rings_are_differences_of_disks(disks, backend):
    cells = disks[0][::3]
    for k in (1, 2, 5, 9):
        for outer, inner, ring in zip(cw.cell_disk(cells, k), cw.cell_disk(cells, k - 1), cw.cell_ring(cells, k)):
            assert ring.tolist() == np.setdiff1d(outer, inner).tolist()


def test_disks_of_their_own_radius(disks, backend):
    cells, rings = disks
    k = np.arange(len(cells)) % 5
    expected = [sorted(set().union(*own[: n + 1])) for own, n in zip(rings, k.tolist())]
    assert [run.tolist() for run in cw.cell_disk(cells, k)] == expected
    assert [run.tolist() for run in cw.cell_ring(cells, k)] == [sorted(own[n]) for own, n in zip(rings, k.tolist())]
    assert cw.cell_disk(LEAF, 3).tolist() == cw.cell_disk([LEAF], 3)[0].tolist()


def test_sizes_away_from_corners(backend):
    cell = cw.latlng_to_cell(10, 20, 20)
    for k in (0, 1, 2, 7, 30):
        assert len(cw.cell_disk(cell, k)) == (2 * k + 1) ** 2
        assert len(cw.cell_ring(cell, k)) == max(1, 8 * k)


def test_disks_grow_until_they_are_the_sphere(backend):
    for level in (0, 1, 3) if backend == "native" else (0, 2):
        everything = oracle.cells_of_level(level).tolist()
        for cell in everything[:: 1 + 17 * level]:
            disk = [cw.cell_disk(cell, k).tolist() for k in (4 * 2**level, 1000, 2**31 - 1)]
            assert disk == [everything] * 3
            assert cw.cell_ring(cell, 4 * 2**level).tolist() == cw.cell_ring(cell, 2**31 - 1).tolist() == []
            rings = cw.cell_ring(np.full(4 * 2**level, cell, np.uint64), np.arange(4 * 2**level))
            assert sorted(rings.values.tolist()) == everything


def test_a_disk_round_the_corner_is_bounded(backend):
    """Near a corner of the cube a ring is shorter: never more than 8 k cells, on which the kernels rely."""
    cells = oracle.cells_of_level(4)[:: 1 if cw.backend() == "native" else 19]
    for k in (1, 2, 3, 5, 8, 13):
        assert (cw.cell_ring(cells, k).sizes <= 8 * k).all()
        assert (cw.cell_disk(cells, k).sizes <= (2 * k + 1) ** 2).all()


LONG_WAY = """
import os, resource, signal, sys
if "CELLWISE_SANITIZED" not in os.environ:  # sanitizers reserve address space by the terabyte
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
import cellwise as cw
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, {seconds})
try:
    {call}
except BaseException as why:
    print(type(why).__name__)
else:
    print("done")
"""


def the_long_way(call, seconds):
    """How a call ends in a process of its own that has 3 GB and gets Ctrl-C after some seconds."""
    command = [sys.executable, "-c", LONG_WAY.format(call=call, seconds=seconds)]
    env = {**os.environ, "CELLWISE_BACKEND": cw.backend()}
    run = subprocess.run(command, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_a_long_way_round_a_corner_can_be_stopped(backend):
    how = the_long_way("cw.cell_disk(cw.cell_range_min(1 << 60), 2200)", 0.5)
    assert how in ("KeyboardInterrupt", "CellLimitError", "done")


# --- along the curve ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", range(6))
def test_the_curve_is_continuous(level, backend):
    """All cells in order, each next to the one before, the first next to the last."""
    cells = oracle.cells_of_level(level)
    assert cw.cell_is_valid(cells).all()
    following = np.roll(cells, -1)
    assert (cw.cell_next(cells) == following).all()
    assert (cw.cell_prev(following) == cells).all()
    assert (cw.cell_edge_neighbors(cells) == following[:, None]).sum(axis=1).tolist() == [1] * len(cells)
    visited = [int(cells[0])]
    for _ in range(min(len(cells), 100)):
        visited.append(cw.cell_next(visited[-1]))
    assert visited == np.resize(cells, len(visited)).tolist()


def test_the_curve_is_the_order_of_ids(cells, backend):
    for level in (0, 3, 12, 30):
        at = cells[cw.cell_level(cells) == level]
        last = at == cw.cell_prev(oracle.at_level(np.uint64(1), level))
        assert (cw.cell_next(at)[~last] > at[~last]).all()
        assert (cw.cell_range_min(cw.cell_next(at))[~last] == cw.cell_range_max(at)[~last] + np.uint64(2)).all()


def test_advance_goes_and_comes_back(cells, backend):
    rng = np.random.default_rng(403)
    n = np.concatenate(
        (rng.integers(-10, 11, len(cells) // 2), rng.integers(-(2**63) + 1, 2**63 - 1, len(cells) - len(cells) // 2))
    )
    rng.shuffle(n)
    there = cw.cell_advance(cells, n)
    assert (cw.cell_level(there) == cw.cell_level(cells)).all()
    assert (cw.cell_advance(there, -n) == cells).all()
    assert (cw.cell_advance(cells, 0) == cells).all()
    assert (cw.cell_advance(cells, 1) == cw.cell_next(cells)).all()
    assert (cw.cell_advance(cells, -1) == cw.cell_prev(cells)).all()
    assert (cw.cell_prev(cw.cell_next(cells)) == cells).all()


def test_advance_equals_integer_arithmetic(cells, backend):
    """Python's own integers, for steps up to the ends of 64 bits."""
    extremes = [
        -(2**63),
        -(2**63) + 1,
        -(2**62),
        -(6 * 4**30),
        -1,
        0,
        1,
        6 * 4**30 - 1,
        6 * 4**30,
        6 * 4**30 + 1,
        2**63 - 1,
    ]
    for cell in cells[::40].tolist():
        level = oracle.cell_id(cell).level()
        shift, count = 2 * (30 - level) + 1, 6 * 4**level
        steps = [*extremes, count, -count, count + 1, 3 * count - 2, 7 * count + 5]
        steps = [n for n in steps if -(2**63) <= n < 2**63]
        expected = [(((cell >> shift) + n) % count) << shift | 1 << (shift - 1) for n in steps]
        assert cw.cell_advance(cell, steps).tolist() == expected
        assert cw.cell_advance(cell, steps[0]) == expected[0]


def test_advance_round_the_curve(backend):
    for level in (0, 1, 5, 15, 30):
        cell = cw.cell_parent(LEAF, level)
        count = 6 * 4**level
        assert cw.cell_advance(cell, [count, -count, 0]).tolist() == [cell] * 3
    first, last = oracle.at_level(np.uint64(1), 30), int(cw.cell_range_max(oracle.cells_of_level(0)[-1]))
    assert cw.cell_next(last) == first
    assert cw.cell_prev(first) == last


def test_one_step_of_each_kind_is_refused(backend):
    for call in (cw.cell_next, cw.cell_prev, cw.cell_edge_neighbors, cw.cell_all_neighbors):
        with pytest.raises(InvalidCellError, match="cell must be a valid cell: got 6 "):
            call(6)
    for call in (cw.cell_advance, cw.cell_disk, cw.cell_ring):
        with pytest.raises(InvalidCellError, match="cell must be a valid cell: got 6 "):
            call(6, 1)
        for bad in (1.0, True, "1", None):
            with pytest.raises(TypeError, match="must be an integer"):
                call(L15, bad)
    for k in (2**31, 2**40):
        for call in (cw.cell_disk, cw.cell_ring):
            with little_memory(), pytest.raises((ValueError, OverflowError), match=r"k must|cell limit"):
                call(L15, k)


def test_missing_cells_have_no_neighbors(backend):
    cells = np.array([0, L15, 0], np.uint64)
    for run in (
        cw.cell_disk(cells, 1),
        cw.cell_ring(cells, 1),
        cw.cell_all_neighbors(cells),
        cw.cell_vertex_neighbors(cells, 3),
    ):
        assert (run.sizes > 0).tolist() == [False, True, False]
        assert 0 not in run.values
    assert cw.cell_edge_neighbors(cells)[[0, 2]].tolist() == [[0] * 4] * 2
    assert (cw.cell_next(cells) == 0).tolist() == (cw.cell_advance(cells, 5) == 0).tolist() == [True, False, True]


@pytest.mark.parametrize("level", range(6))
@pytest.mark.parametrize("finer", [0, 1, 2])
def test_runs_have_the_size_that_was_allowed_for(level, finer, backend):
    """A neighbor less for each corner of the cube that a cell touches: 24 cells do, or 6 with four each."""
    faces = [face << 61 | 1 << 60 for face in range(6)]
    cells = cw.cell_children(faces, level).values
    sizes = cw.cell_all_neighbors(cells, level + finer).sizes
    full = 4 * 2**finer + 4
    assert sizes.sum() == full * len(cells) - 24
    assert sizes.max() == (full - 4 if level == 0 else full if level > 1 else full - 1)
