"""`out=` and arrays that lie apart: the same results, in the user's own arrays, without copies of the inputs."""

import inspect

import numpy as np
import pytest

import cellwise as cw
from cellwise._backend.signatures import KERNELS

ROWS = [row for row in KERNELS.values() if not row.is_ragged]
N = 1000


def arguments(row, n=N):
    rng = np.random.default_rng(1)
    cells = cw.cell_parent(
        cw.latlng_to_cell(rng.uniform(-90, 90, n), rng.uniform(-180, 180, n)), rng.integers(5, 30, n)
    )
    cells[::50] = 0
    made = {
        "f8": lambda: rng.uniform(-90, 90, n),
        "f8[3]": lambda: rng.standard_normal((n, 3)),
        "u8": lambda: rng.permutation(cells),
        "i8": lambda: cells.view(np.int64) if row.name == "int64_to_cell" else rng.integers(-9, 9, n),
        "i4": lambda: rng.integers(0, 4, n).astype(np.int32),
        "S": lambda: (cw.cell_to_token if row.name == "token_to_cell" else cw.cell_to_string)(cells).astype("S32"),
    }
    return [made[code]() for _, code in row.arguments]


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.fixture(params=ROWS, ids=lambda row: row.name)
def row(request):
    return request.param


def spread(array):
    """The same values in every other place of a larger array, which ends before it begins."""
    wide = np.empty((2 * len(array), *array.shape[1:]), array.dtype)[::-1]
    apart = wide[::2]
    apart[...] = array
    return apart


def test_results_go_to_out(path, row):
    function, values = getattr(cw, row.name), arguments(row)
    expected = as_tuple(function(*values))
    for prepare in (np.zeros_like, lambda x: spread(np.zeros_like(x))):
        outs = tuple(prepare(x) for x in expected)
        result = as_tuple(function(*values, out=outs if len(outs) > 1 else outs[0]))
        for got, out, want in zip(result, outs, expected):
            assert got is out
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)


def test_out_of_one_call_may_be_read_by_it(path):
    cells = cw.latlng_to_cell(np.linspace(-80, 80, N), np.linspace(-170, 170, N))
    expected = cw.cell_parent(cells, 11)
    assert cw.cell_parent(cells, 11, out=cells) is cells
    np.testing.assert_array_equal(cells, expected)
    both = np.concatenate((cells, cells))
    cw.cell_next(both[: N + 1], out=both[1 : N + 2])
    np.testing.assert_array_equal(both[1 : N + 1], cw.cell_next(expected))
    lat = np.linspace(-80, 80, N)
    bits = lat.view(np.uint64)
    want = cw.latlng_to_cell(lat.copy(), 3.0)
    np.testing.assert_array_equal(cw.latlng_to_cell(lat, 3.0, out=bits), want)


def test_out_of_several_axes_and_of_none(backend):
    lat = np.linspace(-80, 80, 24).reshape(2, 3, 4)
    out = np.empty((2, 3, 4), np.uint64)
    assert cw.latlng_to_cell(lat, lat[0, 0], 12, out=out) is out
    np.testing.assert_array_equal(out, cw.latlng_to_cell(lat, lat[0, 0], 12))
    point = np.empty((2, 3, 4, 3))
    assert cw.cell_to_point(out, out=point) is point
    zero = np.empty((), np.uint64)
    assert cw.latlng_to_cell(1.0, 2.0, out=zero) is zero
    assert zero == cw.latlng_to_cell(1.0, 2.0)
    assert cw.latlng_to_cell([], [], out=np.empty(0, np.uint64)).shape == (0,)


def test_out_with_missing_and_invalid_rows(path):
    out = np.empty(3, np.uint64)
    assert cw.latlng_to_cell([0.0, 91.0, np.nan], 1.0, out=out, on_invalid="null") is out
    assert (out[1:] == 0).all()
    with pytest.raises(ValueError, match="got 91.0 at index 1"):
        cw.latlng_to_cell(np.array([0.0, 91.0]), np.zeros(2), out=np.empty(2, np.uint64))


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.empty(3, np.int64), TypeError, "out must be of dtype uint64: got int64"),
        (np.empty(4, np.uint64), ValueError, r"out must have the shape \(3,\): got \(4,\)"),
        (np.empty((1, 3), np.uint64), ValueError, r"out must have the shape \(3,\): got \(1, 3\)"),
        ([0, 0, 0], TypeError, "out must be an array: got list"),
        ((np.empty(3, np.uint64),) * 2, TypeError, "out must be a tuple of 1 arrays: got 2"),
        (np.broadcast_to(np.uint64(0), 3), ValueError, "out must be writable: got a read-only array"),
    ],
)
def test_out_that_does_not_fit(backend, out, error, message):
    with pytest.raises(error, match=message):
        cw.latlng_to_cell(np.zeros(3), np.zeros(3), out=out)


def test_two_outs(backend):
    cells = cw.latlng_to_cell(np.zeros(3), np.zeros(3))
    with pytest.raises(TypeError, match="out must be a tuple of 2 arrays: got ndarray"):
        cw.cell_to_latlng(cells, out=np.empty(3))
    with pytest.raises(TypeError, match="out must be a tuple of 2 arrays: got 3"):
        cw.cell_to_latlng(cells, out=(np.empty(3),) * 3)
    with pytest.raises(TypeError, match=r"out\[1\] must be of dtype float64: got float32"):
        cw.cell_to_latlng(cells, out=(np.empty(3), np.empty(3, np.float32)))
    with pytest.raises(TypeError, match=r"out\[0\] must be an array: got NoneType"):
        cw.cell_to_latlng(cells, out=(None, np.empty(3)))
    both = np.empty((3, 2))
    lat, lng = cw.cell_to_latlng(cells, out=(both[:, 0], both[:, 1]))
    np.testing.assert_array_equal(both, np.column_stack(cw.cell_to_latlng(cells)))
    assert lat.base is both
    assert lng.base is both
    with pytest.raises(ValueError, match="out must be arrays that share no memory: got two that do"):
        cw.cell_to_latlng(cells, out=(both.ravel()[:3], both.ravel()[2:5]))


def test_out_of_text(backend):
    cells = cw.latlng_to_cell(np.zeros(3), np.zeros(3), [3, 4, 5])
    want = cw.cell_to_token(cells)
    for dtype in ("U16", "S16"):
        out = np.empty(3, dtype)
        assert cw.cell_to_token(cells, dtype=dtype, out=out) is out
        assert out.astype("U16").tolist() == want.tolist()
        with pytest.raises(TypeError, match=f"out must be of dtype .{dtype}: got .[US]15"):
            cw.cell_to_token(cells, dtype=dtype, out=np.empty(3, dtype.replace("6", "5")))
    with pytest.raises(TypeError, match="out must be None for dtype 'arrow': got ndarray"):
        cw.cell_to_token(cells, dtype="arrow", out=out)
    assert cw.cell_to_token(int(cells[0]), dtype="S16") == want[0]


def test_rows_that_lie_apart(path, row):
    function, values = getattr(cw, row.name), arguments(row)
    expected = as_tuple(function(*values))
    apart = [spread(x) for x in values]
    for x in apart:
        x.flags.writeable = False
    for got, want in zip(as_tuple(function(*apart)), expected):
        np.testing.assert_array_equal(got, want)


def test_columns_floats_and_read_only_arrays(path):
    rng = np.random.default_rng(2)
    positions = np.column_stack((rng.uniform(-90, 90, N), rng.uniform(-180, 180, N)))
    lat, lng = np.ascontiguousarray(positions.T)
    expected = cw.latlng_to_cell(lat, lng)
    np.testing.assert_array_equal(cw.latlng_to_cell(positions[:, 0], positions[:, 1]), expected)
    single = positions.astype(np.float32)
    expected = cw.latlng_to_cell(single[:, 0].astype(float), single[:, 1].astype(float))
    for values in (single, np.asfortranarray(single)):
        np.testing.assert_array_equal(cw.latlng_to_cell(values[:, 0], values[:, 1]), expected)
    np.testing.assert_array_equal(
        cw.latlng_to_cell(single[:, 0], lng, 9), cw.latlng_to_cell(single[:, 0].astype(float), lng, 9)
    )
    record = np.zeros(N, [("pad", "u1"), ("lat", "f8"), ("lng", "f4")])  # not aligned
    record["lat"], record["lng"] = lat, lng
    np.testing.assert_array_equal(
        cw.latlng_to_cell(record["lat"], record["lng"]), cw.latlng_to_cell(lat, lng.astype(np.float32).astype(float))
    )
    swapped = lat.astype(">f8")
    np.testing.assert_array_equal(cw.latlng_to_cell(swapped, lng), cw.latlng_to_cell(lat, lng))
    single[3, 0] = 91.5
    with pytest.raises(ValueError, match=r"lat must be in -90..90 degrees: got 91.5 at index 3 \(1 of 1000 values\)"):
        cw.latlng_to_cell(single[:, 0], single[:, 1])


def test_every_elementwise_function_takes_out(row):
    parameter = inspect.signature(getattr(cw, row.name)).parameters["out"]
    assert parameter.default is None
    assert parameter.kind is parameter.KEYWORD_ONLY


def test_results_larger_than_caches(path):
    """They are written past them, but for those that lie off the sixteens."""
    n = 1_100_000 if cw.build_info()["isa"] not in ("none", "scalar") else 1000
    lat, lng = np.linspace(-90, 90, n), np.linspace(-180, 180, n)
    lat[n // 2], lat[-1] = 91, np.nan
    expected = cw.latlng_to_cell(lat, lng, on_invalid="null")
    ok = expected > 0
    vertices = cw.cell_vertices(expected)
    buffer = np.empty(2 * n + 1, np.uint64)
    for k in (0, 1):
        out = cw.latlng_to_cell(np.tile(lat, 2), np.tile(lng, 2), out=buffer[k : k + 2 * n], on_invalid="null")
        assert (out == np.tile(expected, 2)).all()
        some = np.empty(n * 8 + k)[k:].reshape(n, 4, 2)
        assert (cw.cell_vertices(expected, out=some)[ok] == vertices[ok]).all()
        assert np.isnan(some[~ok]).all()
    assert [ok[n // 2], ok[-1], ok.sum()] == [False, False, n - 2]


RAGGED = {
    "cell_children": [],
    "cell_vertex_neighbors": [3],
    "cell_all_neighbors": [13],
    "cell_disk": [2],
    "cell_ring": [2],
}


def ragged_cells(n):
    """Of levels 4 to 12, some in corners of the cube, where runs are shorter."""
    rng = np.random.default_rng(2)
    cells = cw.latlng_to_cell(rng.uniform(-90, 90, n), rng.uniform(-180, 180, n), rng.integers(4, 13, n))
    cells[::10] = cw.cell_range_min(cw.token_to_cell(["1", "5", "b"])).repeat(n)[: len(cells[::10])]
    cells[::10] = cw.cell_parent(cells[::10], 4)
    cells[5::50] = 0
    return cells


@pytest.mark.parametrize("name", RAGGED)
def test_values_of_runs_go_to_out(path, name):
    cells, more = ragged_cells(300), RAGGED[name]
    expected = getattr(cw, name)(cells, *more)
    out = np.full(len(expected.values) + 3000, 7, np.uint64)
    got = getattr(cw, name)(cells, *more, out=out)
    assert got == expected
    assert np.shares_memory(got.values, out)
    one = getattr(cw, name)(int(cells[1]), *more, out=out)
    assert np.shares_memory(one, out)
    np.testing.assert_array_equal(one, expected[1])


def test_neighbors_fill_the_room_exactly(path):
    cells = cw.latlng_to_cell(np.linspace(-80, 80, 1000), np.linspace(-170, 170, 1000), 12)
    out = np.empty(8000, np.uint64)
    assert cw.cell_all_neighbors(cells, out=out).values.base is out
    np.testing.assert_array_equal(out.reshape(-1, 8), cw.cell_all_neighbors(cells).values.reshape(-1, 8))


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (4, TypeError, "out must be an array: got int"),
        (np.empty(99, np.int64), TypeError, "out must be of dtype uint64: got int64"),
        (np.empty((9, 9), np.uint64), ValueError, r"out must be one-dimensional and contiguous: got shape \(9, 9\)"),
        (np.empty(99, np.uint64)[::2], ValueError, r"out must be one-dimensional and contiguous: .* strides \(16,\)"),
        (np.empty(15, np.uint64), ValueError, "out must have room for 16 values: got 15"),
    ],
)
def test_room_that_does_not_do(backend, out, error, message):
    with pytest.raises(error, match=message):
        cw.cell_all_neighbors(np.full(2, cw.token_to_cell("951977d34")), out=out)


def test_room_that_is_in_use(backend):
    cells = np.full(20, cw.token_to_cell("951977d34"))
    with pytest.raises(ValueError, match="out must not share memory with the other arguments"):
        cw.cell_all_neighbors(cells[:2], out=cells)
    cells.flags.writeable = False
    with pytest.raises(ValueError, match="out must be writable: got a read-only array"):
        cw.cell_all_neighbors(cells[:2].copy(), out=cells)
