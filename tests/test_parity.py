"""Every row of the table gives the same bits on every backend, valid, missing and invalid rows alike."""

import numpy as np
import pytest

from cellwise import _backend, _dispatch, _reference
from cellwise._backend.signatures import KERNELS
from cellwise.testing import available, use

N = 4000
OTHERS = [path for path in available() if path[0] != "numpy"]


def sample_cells(rng, n):
    """Cells of all levels, a third at corners of the cube, face edges and poles, some missing and some invalid."""
    leaf = _reference.kernel("point_to_cell")(rng.standard_normal((n, 3)), np.full(n, 30))
    special = np.sign(rng.integers(-1, 2, (n, 3))) * (1 + rng.choice([0, 1e-9, 1e-16, 0.1], (n, 3)))
    special[~special.any(axis=1)] = 1
    leaf = np.where(rng.random(n) < 0.3, _reference.kernel("point_to_cell")(special, np.full(n, 30)), leaf)
    cell = _reference.kernel("cell_parent")(leaf, rng.integers(0, 31, n))
    cell[rng.random(n) < 0.03] = 0
    bad = rng.random(n) < 0.03
    cell[bad] = rng.choice(np.array([2, 2**64 - 1, 0xC000000000000001, 1 << 63 | 2], np.uint64), bad.sum())
    return cell


def sample(name, code, row, rng, n):
    if code == "u8":
        return sample_cells(rng, n)
    if code == "i8":
        if row.name == "int64_to_cell":
            return sample_cells(rng, n).view(np.int64)
        return rng.choice([0, 1, -1, 7, -(2**63), 2**63 - 1, 12345678901], n)
    if name == "level":
        if row.name in ("cell_children", "cell_all_neighbors"):
            return None  # set from the cells, so that the results stay small
        return rng.integers(-1, 32, n).astype(np.int32)
    if name == "k":
        return rng.integers(-1, 5, n).astype(np.int32)
    if code == "f8[3]":
        xyz = rng.standard_normal((n, 3))
        xyz[rng.random(n) < 0.1] = np.sign(rng.integers(-1, 2, 3))
        xyz[:3] = [(0, 0, 0), (np.nan, 1, 0), (np.inf, 0, 0)]
        return xyz
    if code == "f8":
        limit = 95 if name.startswith("lat") else 370
        values = rng.uniform(-limit, limit, n)
        exact = rng.choice([0.0, -0.0, 45.0, -45.0, 90.0, -90.0, 35.264389682754654, 5e-324], n)
        values = np.where(rng.random(n) < 0.3, exact, values)
        values[:3] = np.nan, np.inf, -np.inf
        return values
    if code == "S":
        to_text = "cell_to_token" if name == "token" else "cell_to_string"
        cells = sample_cells(rng, n)
        cells[~_reference.kernel("cell_is_valid")(cells)] = 1 << 60
        text = _reference.kernel(to_text)(cells).astype("S40")
        bad = [
            b"X",
            b"",
            b"x",
            b"89C25",
            b"89c26",
            b" 89c25",
            b"8_9c25",
            b"1" * 17,
            b"6/01",
            b"4/4",
            b"4",
            b"4/",
            b"0" * 40,
        ]
        bad += [b"0/" + b"0" * 31, b"89c25\n", b"\xff", b"4/01/2"]
        where = rng.random(n) < 0.2
        text[where] = rng.choice(np.array(bad), where.sum())
        return text
    raise AssertionError(f"no sample for {name}:{code}")


def arguments(row):
    rng = np.random.default_rng(sum(row.name.encode()))
    values = [sample(name, code, row, rng, N) for name, code in row.arguments]
    if values[-1] is None:
        cells = values[0]
        valid = _reference.kernel("cell_is_valid")(cells)
        level = np.zeros(N, np.int32)
        level[valid] = _reference.kernel("cell_level")(cells[valid])
        values[-1] = (level + rng.integers(-1, 4, N)).astype(np.int32)
    return values


def ulps_apart(a, b):
    """How many doubles further one value is than the other; zeros are one double."""
    order = [
        np.where(x < 0, np.int64(-(2**63)) - x, x) for x in (np.ascontiguousarray(y).view(np.int64) for y in (a, b))
    ]
    return np.abs(order[0] - order[1])


@pytest.mark.parametrize("row", KERNELS.values(), ids=lambda row: row.name)
@pytest.mark.parametrize("other", OTHERS, ids=lambda path: "-".join(path))
def test_same_bits(row, other):
    values = arguments(row)
    results, messages = [], []
    for backend, isa in (other, ("numpy", None)):
        with use(backend=backend, isa=isa):
            result = _dispatch.call(row.name, *values, on_invalid="null", exact=row.exactness == "fast")
            results.append([result.values, result.offsets] if row.is_ragged else result)
            if row.name != "cell_is_valid":  # the one question that has an answer for everything
                with pytest.raises(ValueError) as failure:
                    _dispatch.call(row.name, *values)
                messages.append(str(failure.value))
    assert len(set(messages)) <= 1  # same first index, same count, same reason
    for a, b in zip(*(r if isinstance(r, (tuple, list)) else [r] for r in results)):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("row", [row for row in KERNELS.values() if row.exactness == "fast"], ids=lambda row: row.name)
@pytest.mark.parametrize("other", OTHERS, ids=lambda path: "-".join(path))
def test_fast_rows_are_within_two_ulp(row, other):
    values = arguments(row)
    with use(backend="numpy"):
        exact = _dispatch.call(row.name, *values, on_invalid="null")
    with use(backend=other[0], isa=other[1]):
        fast = _dispatch.call(row.name, *values, on_invalid="null")
    for a, b in zip(*(r if isinstance(r, tuple) else [r] for r in (exact, fast))):
        assert (np.isnan(a) == np.isnan(b)).all()
        assert ulps_apart(a, b).max() <= 2


@pytest.mark.parametrize("row", [row for row in KERNELS.values() if row.is_ragged], ids=lambda row: row.name)
@pytest.mark.parametrize("other", OTHERS, ids=lambda path: "-".join(path))
def test_bounds_of_runs_agree(row, other):
    values = [np.ascontiguousarray(v) for v in arguments(row)]
    here, there = np.empty(N + 1, np.int64), np.empty(N + 1, np.int64)
    found = [
        getattr(module, row.name + "_offsets")(*values, offsets)
        for module, offsets in ((_backend.native, here), (_backend.numpy, there))
    ]
    assert here[0] == 0
    assert (here == there).all()
    assert found[0] == found[1]
