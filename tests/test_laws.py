"""What holds for all cells and positions, found by hypothesis; and one answer for every form of an argument."""

import inspect
import math

import numpy as np
import oracle
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from columns import as_numpy, listed
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from work import many

import cellwise as cw
from cellwise._backend import numpy as numpy_backend
from cellwise.errors import InvalidCellError, InvalidCoordinatesWarning

L15, LEAF = 10743750135264575488, 10743750136202470315


def laws(n=30):
    """Settings of one law: the same examples in each run."""
    return settings(
        max_examples=many(n, 4 * n),
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


# Numbers in which hypothesis likes to find the ends, and the places where cells meet.
LEAVES = 6 << 60
leaves = st.one_of(
    st.integers(0, LEAVES - 1),
    st.integers(0, 5).flatmap(lambda f: st.sampled_from([f << 60, (f + 1 << 60) - 1, (f << 60) + (1 << 59)])),
).map(lambda n: 2 * n + 1)
levels = st.integers(0, 30)


def ancestor(cell, level):
    bit = 1 << (2 * (30 - level))
    return (cell & -bit) | bit


cells = st.builds(ancestor, leaves, levels)
latitudes = st.one_of(st.floats(-90, 90), st.sampled_from([0.0, -0.0, 90.0, -90.0, 45.0, 35.264389682754654, 5e-324]))
longitudes = st.one_of(st.floats(-180, 180), st.sampled_from([0.0, -0.0, 45.0, -135.0, 180.0, -180.0, 90.0, 5e-324]))
positions = st.tuples(latitudes, longitudes)


def some(values):
    return st.lists(values, min_size=1, max_size=30)


def ids(values):
    return np.array(values, np.uint64)


# --- round trips ----------------------------------------------------------------------------------------------------------


@laws(40)
@given(some(cells))
def test_a_cell_is_found_at_its_center(path, values):
    found = ids(values)
    level = cw.cell_level(found)
    lat, lng = cw.cell_to_latlng(found)
    assert (cw.latlng_to_cell(lat, lng, level) == found).all()
    assert (cw.point_to_cell(cw.cell_to_point(found), level) == found).all()


def test_every_leaf_is_found_at_its_center(path):
    rng = np.random.default_rng(601)
    for level in range(31):
        found = np.concatenate((oracle.random_cells(rng, many(2_000, 6_500), level), oracle.special_cells(level)))
        assert (cw.latlng_to_cell(*cw.cell_to_latlng(found), level) == found).all()
        assert (cw.point_to_cell(cw.cell_to_point(found), level) == found).all()


@laws(40)
@given(some(cells))
def test_names_of_cells_lead_back(backend, values):
    found = ids(values)
    for there, back in (
        (cw.cell_to_token, cw.token_to_cell),
        (cw.cell_to_string, cw.string_to_cell),
        (cw.cell_to_int64, cw.int64_to_cell),
        (lambda c: cw.cell_to_token(c, dtype="S16"), cw.token_to_cell),
        (lambda c: cw.cell_to_token(c, dtype="arrow"), cw.token_to_cell),
    ):
        assert (back(there(found)) == found).all()
        for one in values[:2]:
            assert back(there(one)) == one
    assert cw.cell_to_token(found).tolist() == [f"{v:016x}".rstrip("0") for v in values]
    assert cw.cell_to_int64(found).tolist() == [v - (1 << 64) if v >> 63 else v for v in values]
    assert [len(s) for s in cw.cell_to_string(found).tolist()] == (cw.cell_level(found) + 2).tolist()


@laws(80)
@given(st.text(alphabet="0123456789abcdefABCDEFxX/ _-\n\0é", max_size=18))
def test_a_token_names_a_cell_or_is_refused(backend, text):
    id_ = int(text.ljust(16, "0"), 16) if 0 < len(text) <= 16 and set(text) <= set("0123456789abcdef") else 0
    expected = id_ if oracle.cell_id(id_).is_valid() else 0
    assert cw.token_to_cell(text, on_invalid="null") == expected
    assert cw.token_to_cell([text, "951977d34"], on_invalid="null").tolist() == [expected, L15]
    if expected:
        assert cw.token_to_cell(text) == expected
    elif text != "X":
        with pytest.raises(InvalidCellError, match="token must be"):
            cw.token_to_cell(text)


@laws(80)
@given(
    st.one_of(st.text(alphabet="01234567/X -\n\0", max_size=36), st.from_regex(r"[0-6]/[0-4]{0,31}", fullmatch=True))
)
def test_a_string_names_a_cell_or_is_refused(backend, text):
    good = (
        len(text) >= 2 and text[0] in "012345" and text[1] == "/" and len(text) <= 32 and set(text[2:]) <= set("0123")
    )
    if good:
        expected = int(text[0]) << 61 | 1 << 60
        for digit in text[2:]:
            quarter = (expected & -expected) >> 2
            expected += 2 * quarter * int(digit) - 3 * quarter
    else:
        expected = 0
    assert cw.string_to_cell(text, on_invalid="null") == expected
    assert cw.string_to_cell([text, "4/"], on_invalid="null").tolist() == [expected, 0x9 << 60]
    if not good and text != "X":
        with pytest.raises(InvalidCellError, match="s must be"):
            cw.string_to_cell(text)


@laws(80)
@given(st.integers(0, 2**64 - 1))
def test_an_integer_is_a_cell_or_is_refused(backend, value):
    valid = oracle.cell_id(value).is_valid()
    assert cw.cell_is_valid(value) is valid
    if valid:
        assert cw.cell_level(value) == oracle.cell_id(value).level()
    elif value:
        with pytest.raises(InvalidCellError, match=f"got {value} "):
            cw.cell_level(value)


# --- positions ------------------------------------------------------------------------------------------------------------


@laws(40)
@given(some(positions), levels)
def test_positions_equal_googles(path, values, level):
    lat, lng = (np.array(x) for x in zip(*values))
    expected = oracle.leaves(lat, lng)
    found = cw.latlng_to_cell(lat, lng)
    assert (found == expected).all()
    assert (cw.latlng_to_cell(lat, lng, level) == cw.cell_parent(found, level)).all()
    assert cw.latlng_to_cell(lat[0], lng[0], level) == cw.latlng_to_cell(lat, lng, level)[0]


@laws(30)
@given(some(st.tuples(latitudes, st.floats(-360, 360))))
def test_longitudes_beyond_180_come_back(path, values):
    lat, lng = (np.array(x) for x in zip(*values))
    back = np.where(lng > 180, lng - 360, np.where(lng < -180, lng + 360, lng))
    assert (cw.latlng_to_cell(lat, lng) == oracle.leaves(lat, back)).all()


@laws(30)
@given(some(positions), levels)
def test_a_cell_lies_round_its_positions(path, values, level):
    lat, lng = (np.array(x) for x in zip(*values))
    found = cw.latlng_to_cell(lat, lng, level)
    south, north, west, east = np.moveaxis(cw.cell_bounds(found), -1, 0)
    assert ((south <= lat) & (lat <= north)).all()
    inside = np.where(west <= east, (west <= lng) & (lng <= east), (west <= lng) | (lng <= east))
    assert (inside | (np.abs(lat) == 90) | (np.abs(lng) == 180)).all()
    away = cw.latlng_distance(lat, lng, *cw.cell_to_latlng(found), unit="rad")
    assert (away <= 1.3 * 0.5 ** float(level) + 1e-15).all()  # half of the longest diagonal


# --- nesting ---------------------------------------------------------------------------------------------------------------


@laws(40)
@given(cells, levels, levels)
def test_ancestors(backend, cell, a, b):
    level = cw.cell_level(cell)
    a, b = min(a, level), min(b, level)
    low, high = max(a, b), min(a, b)
    up = cw.cell_parent(cell, low)
    assert cw.cell_level(up) == low
    assert cw.cell_parent(up, high) == cw.cell_parent(cell, high)
    assert cw.cell_parent(cell, level) == cell
    assert cw.cell_contains(up, cell) is True
    assert cw.cell_contains(cell, up) is (up == cell)
    assert cw.cell_intersects(cell, up) is cw.cell_intersects(up, cell) is True
    assert cw.cell_common_ancestor(cell, up) == up
    assert cw.cell_range_min(up) <= cw.cell_range_min(cell) <= cell <= cw.cell_range_max(cell) <= cw.cell_range_max(up)
    assert cw.cell_face(up) == cw.cell_face(cell) == cell >> 61


@laws(40)
@given(cells)
def test_children(backend, cell):
    assume(cw.cell_level(cell) < 30)
    four = cw.cell_children(cell)
    assert four.tolist() == sorted(four.tolist()) == [cw.cell_child(cell, k) for k in range(4)]
    assert (cw.cell_parent(four, cw.cell_level(cell)) == cell).all()
    assert cw.cell_contains(cell, four).all()
    assert cw.cell_range_min(four[0]) == cw.cell_range_min(cell)
    assert cw.cell_range_max(four[3]) == cw.cell_range_max(cell)
    assert not cw.cell_intersects(four[:3], four[1:]).any()
    assert (cw.cell_next(four[:3]) == four[1:]).all()
    assert cw.cell_children(cell, cw.cell_level(cell)).tolist() == [cell]
    if cw.cell_level(cell) < 28:
        deep = cw.cell_children(cell, cw.cell_level(cell) + 3)
        assert deep.tolist() == cw.cell_children(cw.cell_children(four).values).values.tolist()


@laws(40)
@given(some(cells), some(cells))
def test_containment_is_that_of_ranges(backend, x, y):
    a, b = ids(x)[:, None], ids(y)[None, :]
    lo_a, hi_a, lo_b, hi_b = cw.cell_range_min(a), cw.cell_range_max(a), cw.cell_range_min(b), cw.cell_range_max(b)
    contains, intersects = cw.cell_contains(a, b), cw.cell_intersects(a, b)
    assert (contains == ((lo_a <= lo_b) & (hi_b <= hi_a))).all()
    assert (intersects == ((lo_a <= hi_b) & (lo_b <= hi_a))).all()
    assert (intersects == (contains | cw.cell_contains(b, a).T.T)).all()
    assert (cw.cell_is_leaf(a) == (lo_a == hi_a)).all()


@laws(40)
@given(cells, cells)
def test_the_common_ancestor_is_the_finest(backend, a, b):
    up = cw.cell_common_ancestor(a, b)
    assert up == cw.cell_common_ancestor(b, a)
    if a >> 61 != b >> 61:
        assert up == 0
        return
    assert cw.cell_contains(up, a)
    assert cw.cell_contains(up, b)
    finer = cw.cell_level(up) + 1
    if finer <= min(cw.cell_level(a), cw.cell_level(b)):
        assert cw.cell_parent(a, finer) != cw.cell_parent(b, finer)
    else:
        assert up in (a, b)


@laws(30)
@given(some(leaves), cells)
def test_order_along_the_curve_is_nesting(backend, values, cell):
    """Sorted, the leaves within a cell stand together, between the ends of its range."""
    found = np.unique(ids([*values, int(cw.cell_range_min(cell)), int(cw.cell_range_max(cell))]))
    inside = np.flatnonzero(cw.cell_contains(cell, found))
    assert inside.tolist() == list(range(inside[0], inside[-1] + 1))
    assert found[inside[0]] == cw.cell_range_min(cell)
    assert found[inside[-1]] == cw.cell_range_max(cell)
    tokens = cw.cell_to_token(found).tolist()
    assert tokens == sorted(tokens)


@laws(30)
@given(some(cells))
def test_disjoint_cells_are_in_order(backend, values):
    found = np.unique(ids(values))
    a, b = found[:-1], found[1:]
    apart = ~cw.cell_intersects(a, b)
    assert (cw.cell_range_max(a)[apart] < cw.cell_range_min(b)[apart]).all()


# --- unions ---------------------------------------------------------------------------------------------------------------------


unions = st.lists(cells, max_size=12).map(lambda values: cw.CellUnion(ids(values)))


@laws(12)
@given(unions, unions, unions)
def test_algebra_of_unions(backend, a, b, c):
    whole = cw.CellUnion(oracle.cells_of_level(0))
    assert (a | b) == (b | a)
    assert (a & b) == (b & a)
    assert (a ^ b) == (b ^ a)
    assert ((a | b) | c) == (a | (b | c))
    assert ((a & b) & c) == (a & (b & c))
    assert ((a ^ b) ^ c) == (a ^ (b ^ c))
    assert (a & (b | c)) == ((a & b) | (a & c))
    assert (a | (b & c)) == ((a | b) & (a | c))
    assert (whole - (a | b)) == ((whole - a) & (whole - b))
    assert (whole - (whole - a)) == a.normalize()
    assert (a - b) == (a & (whole - b))
    assert (a ^ b) == ((a - b) | (b - a))
    assert a.contains(b) == ((a & b) == b.normalize())
    assert a.intersects(b) == (len(a & b) > 0)
    assert (a | b).contains(a)
    assert a.contains(a & b)


@laws(30)
@given(unions)
def test_forms_of_unions(backend, union):
    assert cw.CellUnion.decode(union.encode()) == union
    assert cw.CellUnion.from_tokens(union.to_tokens()) == union
    assert cw.CellUnion(union.cells) == union
    assert cw.CellUnion.from_ranges(union.to_ranges()) == union.normalize() == union.normalize().normalize()
    assert cw.CellUnion.from_ranges(union.to_ranges(signed=True)) == union.normalize()
    assert union.area() == pytest.approx(union.normalize().area(), rel=1e-12)
    assert union.contains(union.cells).all()
    assert union.intersects(union.cells).all()


# --- coverings ------------------------------------------------------------------------------------------------------------------


@laws(12)
@given(
    st.tuples(latitudes, latitudes).map(sorted), longitudes, st.floats(0, 200),
    st.integers(1, 10), st.integers(1, 3), st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=5, max_size=20),
)  # fmt: skip
def test_a_covering_covers(backend, lat, west, width, max_cells, level_mod, places):
    rect = cw.Rect(lat=lat, lng=(west, west + width - (360 if west + width > 180 else 0)))
    union = cw.cover(rect, max_cells=max_cells, level_mod=level_mod, max_level=24)
    x, y = (np.array(v) for v in zip(*places))
    points = np.clip(lat[0] + x * (lat[1] - lat[0]), *lat), west + y * width
    inside = rect.contains(*points)
    assert union.contains(lat=points[0][inside], lng=points[1][inside]).all()
    assert union.contains(lat=lat[0], lng=rect.lng[0])
    assert union.contains(lat=lat[1], lng=rect.lng[1])
    assert ((union.levels % level_mod == 0) & (union.levels <= 24)).all()


# --- every function in scalars, arrays and shapes ---------------------------------------------------------------------------------


CELL_FUNCTIONS = {
    name: getattr(cw, name)
    for name in (
        "cell_to_latlng", "cell_to_point", "cell_to_token", "cell_to_int64", "cell_to_string", "cell_is_valid", "cell_level",
        "cell_face", "cell_is_leaf", "cell_range_min", "cell_range_max", "cell_next", "cell_prev", "cell_edge_neighbors",
        "cell_ij", "cell_vertices", "cell_bounds", "cell_area",
    )
}  # fmt: skip
CELL_FUNCTIONS |= {
    "cell_parent": lambda c, **how: cw.cell_parent(c, 3, **how),
    "cell_child": lambda c, **how: cw.cell_child(c, 2, **how),
    "cell_advance": lambda c, **how: cw.cell_advance(c, -7, **how),
    "cell_contains": lambda c, **how: cw.cell_contains(cw.cell_parent(L15, 5), c, **how),
    "cell_intersects": lambda c, **how: cw.cell_intersects(c, L15, **how),
    "cell_common_ancestor": lambda c, **how: cw.cell_common_ancestor(c, L15, **how),
    "cell_distance": lambda c, **how: cw.cell_distance(L15, c, **how),
}
RAGGED_FUNCTIONS = {
    "cell_children": cw.cell_children,
    "cell_children at a level": lambda c, **how: cw.cell_children(c, 29, **how),
    "cell_vertex_neighbors": lambda c, **how: cw.cell_vertex_neighbors(c, 2, **how),
    "cell_all_neighbors": cw.cell_all_neighbors,
    "cell_disk": lambda c, **how: cw.cell_disk(c, 2, **how),
    "cell_ring": lambda c, **how: cw.cell_ring(c, 2, **how),
}
RESULTS = {
    "cell_to_latlng": (np.float64, float), "cell_to_token": ("<U16", str), "cell_to_int64": (np.int64, int),
    "cell_to_string": (None, str), "cell_is_valid": (bool, bool), "cell_level": (np.int32, int),
    "cell_face": (np.int32, int), "cell_is_leaf": (bool, bool), "cell_range_min": (np.uint64, int),
    "cell_range_max": (np.uint64, int), "cell_next": (np.uint64, int), "cell_prev": (np.uint64, int),
    "cell_ij": (np.int32, int), "cell_area": (np.float64, float), "cell_parent": (np.uint64, int),
    "cell_child": (np.uint64, int), "cell_advance": (np.uint64, int), "cell_contains": (bool, bool),
    "cell_intersects": (bool, bool), "cell_common_ancestor": (np.uint64, int), "cell_distance": (np.float64, float),
    "cell_to_point": (np.float64, np.ndarray), "cell_edge_neighbors": (np.uint64, np.ndarray),
    "cell_vertices": (np.float64, np.ndarray), "cell_bounds": (np.float64, np.ndarray),
}  # fmt: skip
MIXED = ids(
    [cw.cell_parent(LEAF, level) for level in (3, 15, 27, 29)] + [cw.token_to_cell("0c4"), cw.token_to_cell("9ec")]
)


def parts(result):
    return list(result) if isinstance(result, tuple) else [result]


def test_every_cell_function_is_looked_at():
    public = {name for name in cw.__all__ if name.startswith("cell_")}
    assert public <= {*CELL_FUNCTIONS, *RAGGED_FUNCTIONS, "cell_to_polygon"}


@pytest.mark.parametrize("name", CELL_FUNCTIONS)
def test_scalars_and_arrays_give_one_answer(name, backend):
    function = CELL_FUNCTIONS[name]
    dtype, kind = RESULTS[name]
    values = np.append(MIXED, np.uint64(0))
    for whole, *single in zip(parts(function(values)), *(parts(function(int(v))) for v in values)):
        assert isinstance(whole, np.ndarray)
        assert dtype is None or whole.dtype == dtype
        assert all(type(one) is kind for one in single)
        np.testing.assert_array_equal(whole, np.array(single))
    for scalar in (np.uint64(L15), np.array(L15, np.uint64), np.array(L15, object)):
        for a, b in zip(parts(function(scalar)), parts(function(L15))):
            assert type(a) is kind
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", CELL_FUNCTIONS)
def test_shapes(name, backend):
    function = CELL_FUNCTIONS[name]
    flat = parts(function(MIXED))
    for shape in ((6,), (2, 3), (1, 3, 2), (6, 1)):
        for a, b in zip(parts(function(MIXED.reshape(shape))), flat):
            assert a.shape == shape + b.shape[1:]
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a.reshape(b.shape), b)
    for shape in ((0,), (0, 3), (2, 0)):
        for a, b in zip(parts(function(np.empty(shape, np.uint64))), flat):
            assert a.shape == shape + b.shape[1:]
            assert a.dtype == b.dtype
    for a, b in zip(parts(function([])), flat):
        assert (a.shape, a.dtype) == ((0, *b.shape[1:]), b.dtype)


@pytest.mark.parametrize("name", RAGGED_FUNCTIONS)
def test_ragged_scalars_and_arrays_give_one_answer(name, backend):
    function = RAGGED_FUNCTIONS[name]
    values = np.insert(MIXED, 3, 0)
    if name == "cell_children at a level":
        values = ids([cw.cell_parent(LEAF, level) for level in (27, 28, 29)] + [0])
    many = function(values)
    assert isinstance(many, cw.Ragged)
    assert (len(many), many.values.dtype, many.offsets.dtype) == (len(values), np.uint64, np.int64)
    for one, run in zip(values.tolist(), many):
        alone = function(one)
        assert isinstance(alone, np.ndarray)
        assert (alone.ndim, alone.dtype) == (1, np.uint64)
        assert alone.tolist() == run.tolist() == sorted(run.tolist())
    assert len(function([])) == 0
    assert function([]).values.dtype == np.uint64
    rows, exploded = many.explode()
    assert rows.tolist() == [k for k, run in enumerate(many) for _ in run]
    assert exploded.tolist() == many.to_arrow().flatten().to_pylist()
    assert many[1:3] == function(values[1:3])


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


ARRAY_FORMS = {
    "list": lambda x: x.tolist(),
    "tuple": lambda x: tuple(x.tolist()),
    "strided": lambda x: np.stack((x, x[::-1]), axis=-1)[:, 0],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "Fortran": lambda x: np.asfortranarray(np.stack((x, x)))[0],
    "read-only": read_only,
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "unaligned": lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype),
    "object": lambda x: x.astype(object),
    "masked": lambda x: np.ma.array(x, mask=np.zeros(len(x), bool)),
    "masked, no mask": np.ma.array,
    "Series": pd.Series,
    "Series with an index": lambda x: pd.Series(x, index=np.arange(len(x))[::-1]),
    "Index": pd.Index,
    "nullable Series": lambda x: pd.Series(x).convert_dtypes(),
    "pandas array": lambda x: pd.array(x, dtype="UInt64" if x.dtype.kind == "u" else "Float64"),
    "Arrow Series": lambda x: pd.Series(pd.arrays.ArrowExtensionArray(pa.array(x))),
    "Arrow": pa.array,
    "chunked Arrow": lambda x: pa.chunked_array([pa.array(x[:2]), pa.array(x[2:])]),
    "Arrow, sliced": lambda x: pa.array(np.append(x[:1], x))[1:],
    "polars": pl.Series,
    "polars, chunked": lambda x: pl.concat([pl.Series(x[:2]), pl.Series(x[2:])], rechunk=False),
    "sequence of numpy scalars": list,
}


@pytest.mark.parametrize("form", ARRAY_FORMS)
def test_cells_in_every_form(form, backend):
    make = ARRAY_FORMS[form]
    for name, function in CELL_FUNCTIONS.items():
        for a, b in zip(parts(function(make(MIXED))), parts(function(MIXED))):
            np.testing.assert_array_equal(as_numpy(a, b), b, err_msg=name)
    for name, function in RAGGED_FUNCTIONS.items():
        if name != "cell_children at a level":
            assert function(make(MIXED)) == function(MIXED), name
    assert cw.CellUnion(make(MIXED)) == cw.CellUnion(MIXED)


@pytest.mark.parametrize("form", ARRAY_FORMS)
def test_coordinates_in_every_form(form, path):
    make = ARRAY_FORMS[form]
    lat, lng = np.array([10.5, -20.25, 90.0, -0.0]), np.array([-5.0, 179.5, 0.0, 300.0])
    for a, b in (
        (cw.latlng_to_cell(make(lat), make(lng), 25), cw.latlng_to_cell(lat, lng, 25)),
        (cw.latlng_to_cell(make(lat), 12.0), cw.latlng_to_cell(lat, 12.0)),
        (cw.latlng_distance(make(lat), make(lng), 1, 2), cw.latlng_distance(lat, lng, 1, 2)),
        (cw.CellUnion(MIXED).contains(lat=make(lat), lng=make(lng)), cw.CellUnion(MIXED).contains(lat=lat, lng=lng)),
        (cw.Rect(lat=(0, 45), lng=(-9, 9)).contains(make(lat), make(lng)), [True, False, False, False]),
    ):
        np.testing.assert_array_equal(np.asarray(a).astype(np.asarray(b).dtype), b)


NUMBER_TYPES = [
    np.float32,
    np.float16,
    np.longdouble,
    np.int8,
    np.int16,
    np.int32,
    np.int64,
    np.uint8,
    np.uint16,
    np.uint64,
]


@pytest.mark.parametrize("dtype", NUMBER_TYPES)
def test_coordinates_of_every_number_type(dtype, path):
    lat, lng = np.array([1, 45, 90, 3], dtype), np.array([0, 100, 7, 120], dtype)
    expected = cw.latlng_to_cell(lat.astype(float), lng.astype(float))
    assert (cw.latlng_to_cell(lat, lng) == expected).all()
    assert cw.latlng_to_cell(lat[1], lng[1]) == expected[1]
    assert (cw.latlng_to_cell(np.ma.array(lat), np.ma.array(lng)) == expected).all()
    masked = np.ma.array(lat, mask=[False, True, False, False])
    assert cw.latlng_to_cell(masked, lng, on_invalid="null").tolist() == [*expected[:1], 0, *expected[2:]]
    with pytest.raises(ValueError, match=r"lat must be .*got nan at index 1 \(1 of 4 values\)"):
        cw.latlng_to_cell(masked, lng)


@laws(30)
@given(st.floats(-90, 90, width=32), st.floats(-180, 180, width=32))
def test_float32_is_its_own_value(path, lat, lng):
    expected = oracle.leaf(float(np.float32(lat)), float(np.float32(lng)))
    assert cw.latlng_to_cell(np.float32(lat), np.float32(lng)) == expected
    assert cw.latlng_to_cell(np.array([lat], np.float32), np.array([lng], np.float32)).tolist() == [expected]


@pytest.mark.parametrize(
    "dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, ">i4", object]
)
def test_levels_and_counts_of_every_integer_type(dtype, backend):
    small = np.array([0, 3, 15], dtype)
    assert (cw.cell_parent(L15, small) == cw.cell_parent(L15, [0, 3, 15])).all()
    assert (cw.latlng_to_cell(1.0, 2.0, small) == cw.latlng_to_cell(1.0, 2.0, [0, 3, 15])).all()
    assert (cw.cell_advance(L15, small) == cw.cell_advance(L15, [0, 3, 15])).all()
    assert cw.cell_disk([L15] * 2, small[:2]) == cw.cell_disk([L15] * 2, [0, 3])
    assert cw.cell_child(L15, small[1]) == cw.cell_child(L15, 3)
    assert cw.cell_children([L15] * 2, small[2:]) == cw.cell_children([L15] * 2, 15)


@pytest.mark.parametrize(
    "null_levels",
    [
        pd.Series([3, None], dtype="Int64"), pa.array([3, None]), pl.Series([3, None]), [3, None],
        np.ma.array([3, 4], mask=[False, True]), pd.Series([3, None], dtype="int64[pyarrow]"),
    ],
    ids=lambda x: type(x).__module__,
)  # fmt: skip
def test_a_level_is_never_missing(null_levels, backend):
    with pytest.raises(
        (ValueError, TypeError), match="level must (not be missing|be an integer|be in 0..30: got NA at index 1)"
    ):
        cw.cell_parent([L15, L15], null_levels)


def filled(x):
    """Cells or coordinates with a number where nothing is."""
    kind = np.uint64 if isinstance(x[0], int) else np.float64
    return np.array([0 if v is None else v for v in x], kind)


NULL_FORMS = {
    "masked": lambda x: np.ma.array(filled(x), mask=[v is None for v in x]),
    "masked, other values below": lambda x: np.ma.array(
        np.where(filled(x) == 0, filled(x)[0], filled(x)), mask=[v is None for v in x]
    ),
    "nullable": lambda x: pd.Series(x, dtype="UInt64" if isinstance(x[0], int) else "Float64"),
    "Arrow Series": lambda x: pd.Series(x, dtype="uint64[pyarrow]" if isinstance(x[0], int) else "double[pyarrow]"),
    "Arrow": lambda x: pa.array(x, pa.uint64() if isinstance(x[0], int) else pa.float64()),
    "Arrow, chunked": lambda x: pa.chunked_array(
        [x[:2], x[2:]], pa.uint64() if isinstance(x[0], int) else pa.float64()
    ),
    "polars": lambda x: pl.Series(x, dtype=pl.UInt64 if isinstance(x[0], int) else pl.Float64),
    "list": list,
    "object Series": lambda x: pd.Series(x, dtype=object),
    "list with NA": lambda x: [pd.NA if v is None else v for v in x],
    "object array with NaN": lambda x: np.array([math.nan if v is None else v for v in x], object),
}


KNOW_NA = {"nullable", "Arrow Series", "Arrow", "Arrow, chunked", "polars", "object Series"}


@pytest.mark.parametrize("form", NULL_FORMS)
def test_missing_cells_in_every_form(form, backend):
    given_ids = [L15, None, LEAF, cw.token_to_cell("0c")]
    values, zeros = NULL_FORMS[form](given_ids), filled(given_ids)
    for name, function in CELL_FUNCTIONS.items():
        if name in ("cell_parent", "cell_child"):  # for all of these cells
            function = {"cell_parent": lambda c: cw.cell_parent(c, 1), "cell_child": cw.cell_next}[name]
        for a, b in zip(parts(function(values)), parts(function(zeros))):
            np.testing.assert_array_equal(as_numpy(a, b), b, err_msg=name)
            if form in KNOW_NA and b.ndim == 1:
                assert listed(a)[1] is None, name
    for function in (lambda c: cw.cell_disk(c, 1), cw.cell_all_neighbors):
        assert function(values) == function(zeros)
    assert [bool(x) for x in listed(cw.CellUnion([LEAF]).contains(values))] == [False, False, True, False]


def test_arrow_arrays_of_nothing_but_null(backend):
    """Arrow gives them a type of their own."""
    for nothing in (
        pa.nulls(2),
        pa.array([None, None]),
        pa.chunked_array([pa.nulls(1), pa.nulls(1)]),
        pl.Series([None, None]),
    ):
        assert listed(cw.cell_level(nothing)) == [None, None]
        assert listed(cw.token_to_cell(nothing)) == [None, None]
        assert listed(cw.latlng_to_cell(nothing, 1.0, on_invalid="null")) == [None, None]
        with pytest.raises(ValueError, match="lat must be .*got nan at index 0"):
            cw.latlng_to_cell(nothing, 1.0)


@pytest.mark.parametrize("form", NULL_FORMS)
def test_missing_coordinates_in_every_form(form, backend):
    values = NULL_FORMS[form]([1.5, None, -2.5, 4.0])
    expected = cw.latlng_to_cell([1.5, math.nan, -2.5, 4.0], 7.0, on_invalid="null")
    found = cw.latlng_to_cell(values, 7.0, on_invalid="null")
    assert as_numpy(found, expected).tolist() == expected.tolist()
    assert (None in listed(found)) == (form in KNOW_NA or form.endswith("Series"))
    with pytest.raises(ValueError, match=r"lat must be .*got nan at index 1 \(1 of 4 values\)"):
        cw.latlng_to_cell(values, 7.0)


TOKEN_FORMS = {
    "list": list,
    "U": np.array,
    "wide U": lambda x: np.array(x, "U50"),
    "big-endian U": lambda x: np.array(x).astype(">U16"),
    "S": lambda x: np.array(x, "S20"),
    "object": lambda x: np.array(x, object),
    "strided": lambda x: np.array([[v, "X"] for v in x])[:, 0],
    "StringDType": lambda x: np.array(x, np.dtypes.StringDType()),
    "masked": lambda x: np.ma.array(x, mask=[v == "X" for v in x]),
    "Series": pd.Series,
    "object Series": lambda x: pd.Series(x, dtype=object),
    "string Series": lambda x: pd.Series([None if v == "X" else v for v in x], dtype="string"),
    "str Series with NaN": lambda x: pd.Series([None if v == "X" else v for v in x], dtype="str"),
    "Arrow Series": lambda x: pd.Series([None if v == "X" else v for v in x], dtype="string[pyarrow]"),
    "category": lambda x: pd.Series([None if v == "X" else v for v in x], dtype="category"),
    "Index": pd.Index,
    "Arrow": lambda x: pa.array([None if v == "X" else v for v in x], pa.string()),
    "Arrow large": lambda x: pa.array([None if v == "X" else v for v in x], pa.large_string()),
    "Arrow view": lambda x: pa.array([None if v == "X" else v for v in x], pa.string_view()),
    "Arrow dictionary": lambda x: pa.array([None if v == "X" else v for v in x], pa.string()).dictionary_encode(),
    "Arrow chunked": lambda x: pa.chunked_array([x[:1], x[1:]]),
    "polars": lambda x: pl.Series([None if v == "X" else v for v in x], dtype=pl.String),
    "polars category": lambda x: pl.Series([None if v == "X" else v for v in x], dtype=pl.Categorical),
}


@pytest.mark.parametrize("form", TOKEN_FORMS)
def test_tokens_in_every_form(form, backend):
    make = TOKEN_FORMS[form]
    for tokens, expected in ((["951977d34", "X", "0c"], [L15, 0, cw.cell_child(1 << 60, 1)]), (["X", "X"], [0, 0])):
        found = cw.token_to_cell(make(tokens))
        assert pd.Series(found).fillna(0).astype("uint64").tolist() == expected
    tokens = ["951977d34", "89c26", "0c"]
    with pytest.raises(InvalidCellError, match=r"got b?'89c26' at index 1 \(1 of 3 values\)"):
        cw.token_to_cell(make(tokens))
    with pytest.raises(InvalidCellError, match=r"at index 0 \(2 of 2 values\)"):
        cw.token_to_cell(make(["89c26", "89c2a"]))


@pytest.mark.parametrize("dtype", ["U16", "S16", "arrow"])
@pytest.mark.parametrize("kind", ["numpy", "nullable", "Series"])
def test_tokens_out_in_every_form(dtype, kind, backend):
    """The missing cell is "X", or null where the result knows null; never the text of some NA."""
    values = {
        "numpy": np.array([L15, 0], np.uint64),
        "nullable": pd.Series([L15, None], dtype="UInt64"),
        "Series": pd.Series([L15, 0], dtype="uint64"),
    }[kind]
    out = cw.cell_to_token(values, dtype=dtype)
    listed = out.to_pylist() if isinstance(out, pa.Array) else list(out)
    assert listed[0] == (b"951977d34" if dtype == "S16" else "951977d34")
    assert pd.isna(listed[1]) or listed[1] in ("X", b"X")
    assert isinstance(out, pa.Array) == (dtype == "arrow")
    assert np.asarray(pd.Series(cw.token_to_cell(out)).fillna(0)).tolist() == [L15, 0]


def test_two_series_of_one_index_stay_aligned(backend):
    index = pd.Index(["b", "a", "b"], name="row")
    lat, lng = pd.Series([1.0, 2.0, 3.0], index=index, name="lat"), pd.Series([4.0, 5.0, 6.0], index=index, name="lng")
    found = cw.latlng_to_cell(lat, lng, 10)
    pd.testing.assert_index_equal(found.index, index)
    assert found.dtype == np.uint64
    assert found.tolist() == cw.latlng_to_cell([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], 10).tolist()
    pd.testing.assert_index_equal(cw.cell_level(found).index, index)
    for part in cw.cell_to_latlng(found):
        pd.testing.assert_index_equal(part.index, index)
    empty = cw.latlng_to_cell(lat[:0], lng[:0], 10)
    assert (len(empty), empty.dtype, empty.index.name) == (0, np.uint64, "row")
    nothing = cw.cell_parent(pd.Series([], dtype="UInt64"), 3)
    assert (len(nothing), str(nothing.dtype)) == (0, "UInt64")


# --- broadcasting -------------------------------------------------------------------------------------------------------------------


def test_broadcasting(path):
    a, b = MIXED[:, None], MIXED[None, :3]
    for function in (cw.cell_contains, cw.cell_intersects, cw.cell_common_ancestor, cw.cell_distance):
        grid = function(a, b)
        assert grid.shape == (6, 3)
        assert grid.tolist() == [[function(int(x), int(y)) for y in b.ravel()] for x in a.ravel()]
        assert function(L15, MIXED).shape == function(MIXED, L15).shape == (6,)
        assert function(np.empty((0, 1), np.uint64), b).shape == (0, 3)
    lat, lng, level = np.array([[1.0], [2.0]]), np.array([3.0, 4.0, 5.0]), np.arange(4).reshape(4, 1, 1) * 10
    grid = cw.latlng_to_cell(lat, lng, level)
    assert grid.shape == (4, 2, 3)
    for index in np.ndindex(grid.shape):
        k, i, j = index
        assert grid[index] == cw.latlng_to_cell(lat[i, 0], lng[j], int(level[k, 0, 0]))
    assert cw.cell_child(MIXED[:, None], np.arange(4)).shape == (6, 4)
    assert cw.latlng_distance(lat, lng, 0, [[[1.0]], [[2.0]]]).shape == (2, 2, 3)
    xyz = np.arange(24, dtype=float).reshape(2, 4, 3) + 1
    assert cw.point_to_cell(xyz, [3, 4, 5, 6]).shape == (2, 4)
    assert cw.point_to_cell(xyz[0, 0], [3, 4, 5, 6]).shape == (4,)
    for bad in (lambda: cw.latlng_to_cell([1.0, 2.0], [1.0, 2.0, 3.0]), lambda: cw.cell_contains(MIXED[:2], MIXED[:3])):
        with pytest.raises(ValueError, match="broadcast"):
            bad()


# --- invalid and missing rows --------------------------------------------------------------------------------------------------------


@laws(50)
@given(
    st.lists(st.one_of(st.floats(), latitudes), min_size=1, max_size=12),
    st.lists(st.one_of(st.floats(), longitudes), min_size=1, max_size=12),
)
def test_rows_are_null_one_by_one(path, lats, lngs):
    n = min(len(lats), len(lngs))
    lat, lng = np.array(lats[:n]), np.array(lngs[:n])
    good = (np.abs(lat) <= 90) & (np.abs(lng) <= 360)
    found = cw.latlng_to_cell(lat, lng, 20, on_invalid="null")
    assert ((found != 0) == good).all()
    assert (found[good] == cw.latlng_to_cell(lat[good], lng[good], 20)).all()
    assert found.tolist() == [
        cw.latlng_to_cell(a, b, 20, on_invalid="null") for a, b in zip(lat.tolist(), lng.tolist())
    ]
    if good.all():
        assert (cw.latlng_to_cell(lat, lng, 20) == found).all()
        return
    first = int(np.argmin(good))
    with pytest.raises(ValueError, match=rf"at index {first} \({(~good).sum()} of {n} values\)"):
        cw.latlng_to_cell(lat, lng, 20)
    with pytest.warns(
        InvalidCoordinatesWarning, match=rf"at index {first} \({(~good).sum()} of {n} values\)"
    ) as caught:
        assert (cw.latlng_to_cell(lat, lng, 20, on_invalid="warn") == found).all()
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_on_invalid_is_one_of_three(backend):
    takes = [
        name for name in cw.__all__ if callable(getattr(cw, name)) and "on_invalid" in _parameters(getattr(cw, name))
    ]
    assert len(takes) > 25
    for how in ("ignore", "coerce", None, True, "RAISE", ["raise"]):
        for function in (cw.cell_level, cw.cell_to_token, lambda c, **k: cw.latlng_to_cell(1, 2, **k)):
            with pytest.raises((ValueError, TypeError), match="on_invalid must be one of"):
                function(L15, on_invalid=how)
    with pytest.raises(TypeError):
        cw.cell_level(L15, "null")  # by keyword only


def _parameters(thing):
    try:
        return inspect.signature(thing).parameters
    except (TypeError, ValueError):
        return {}


def test_long_arrays_are_worked_in_parts(backend, monkeypatch):
    """Where one part ends and the next begins nothing is lost, and rows are counted through."""
    if backend == "numpy":
        monkeypatch.setattr(numpy_backend, "CHUNK", 1 << 12)
    part = 1 << 19 if backend == "native" else 1 << 12
    n = part + 5
    rng = np.random.default_rng(602)
    found = oracle.random_cells(rng, n, 20)
    found[[3, n - 6, n - 5, n - 1]] = L15, 0, LEAF, 0
    assert (cw.cell_parent(found, 3, on_invalid="null") == np.where(found, oracle.at_level(found, 3), 0)).all()
    found[n - 5] = L15
    children = cw.cell_children(found, np.where(found == L15, 16, 21))
    assert children.sizes.tolist() == np.where(found == 0, 0, 4).tolist()
    for k in (0, 3, n - 7, n - 6, n - 5, n - 2, n - 1, part, part - 1):
        assert children[k].tolist() == ([] if found[k] == 0 else cw.cell_children(int(found[k])).tolist())
    lat = np.zeros(n)
    lat[[n - 4, n - 1]] = 95, math.nan
    for how, bad in ((lat, n - 4), (lat[::-1], 0)):
        with pytest.raises(ValueError, match=rf"at index {bad} \(2 of {n} values\)"):
            cw.latlng_to_cell(how, 1.0)
        assert (
            np.flatnonzero(cw.latlng_to_cell(how, 1.0, 4, on_invalid="null") == 0).tolist()
            == np.flatnonzero(~(np.abs(how) <= 90)).tolist()
        )
    lat = rng.uniform(-90, 90, n)
    whole = cw.latlng_to_cell(lat, -lat, 9)
    assert (whole[-9:] == cw.latlng_to_cell(lat[-9:], -lat[-9:], 9)).all()
    assert (whole[: part // 2] == cw.latlng_to_cell(lat[: part // 2], -lat[: part // 2], 9)).all()


def test_what_is_no_text_is_no_token(backend):
    for bad in (
        5,
        1.5,
        [1.5],
        [5],
        np.array([1.5]),
        np.array([5]),
        pd.Series([1.5]),
        pd.Series([1.5, None], dtype="Float64"),
    ):
        with pytest.raises(TypeError, match="token must be text"):
            cw.token_to_cell(bad)
    for bad in (pa.array([1.5]), pa.array([1.5, None]), pa.array([1, None]), pl.Series([1.5]), pl.Series([1.5, None])):
        with pytest.raises(TypeError, match="token must be text"):
            cw.token_to_cell(bad)


def test_texts_with_nulls_are_told_from_ids(backend):
    """The message is ours, not that of the library that could not put a number among texts."""
    tokens = ["951977d34", None]
    for bad in (tokens, pd.Series(tokens), pd.Series(tokens, dtype="string"), pa.array(tokens), pl.Series(tokens)):
        with pytest.raises(TypeError, match="cell must be integer ids; tokens are read by token_to_cell"):
            cw.cell_level(bad)
        with pytest.raises(TypeError, match="lat must be numbers"):
            cw.latlng_to_cell(bad, 1.0)


def test_numbers_that_no_float_holds(backend):
    for call in (
        cw.level_for_edge,
        cw.level_for_area,
        lambda x: cw.Cap(0, 0, x),
        lambda x: cw.CellUnion([L15]).expand(radius=x),
    ):
        call(2**64)
        call(10**30)
        with pytest.raises((ValueError, OverflowError), match="must be|too large"):
            call(10**400)
    with pytest.raises(ValueError, match="lat must be in"):
        cw.Rect(lat=(0, 10**30), lng=(0, 1))


def test_arguments_are_not_changed(path):
    """Nothing writes into what the caller owns, and results do not share its memory."""
    for name, function in CELL_FUNCTIONS.items():
        given_ids = MIXED.copy()
        for result in parts(function(given_ids)):
            assert not np.shares_memory(result, given_ids), name
            assert result.flags.writeable, name
        assert (given_ids == MIXED).all(), name
    lat, lng = np.array([1.0, -0.0]), np.array([190.0, -200.0])
    cw.latlng_to_cell(lat, lng)
    assert (lat.tolist(), lng.tolist()) == ([1.0, -0.0], [190.0, -200.0])
    assert cw.cell_parent(MIXED, 3) is not MIXED
