"""Cell unions: against Google's, against brute force over all cells of a level, and against damaged bytes."""

import copy
import pickle
import sqlite3
import struct
import zlib

import numpy as np
import oracle
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from work import little_memory, many

import cellwise as cw
from cellwise.errors import CellLimitError, InvalidCellError, InvalidCoordinatesWarning

L15, LEAF = 10743750135264575488, 10743750136202470315


@pytest.fixture(scope="module")
def lists():
    """Lists of cells with nests, repeats and complete siblings."""
    return oracle.random_cell_lists(201, many(500, 2_000))


@pytest.fixture(scope="module")
def normalized(lists):
    """Google's normal form of each."""
    return [oracle.ids(oracle.union(cells).cell_ids()) for cells in lists]


def for_backend(*cases):
    """All cases for the native backend, a fifth of them for the slower one."""
    step = 1 if cw.backend() == "native" else 5
    return list(zip(*(x[::step] for x in cases)))


# --- normal form ----------------------------------------------------------------------------------------------------------


def test_the_lists_are_worth_it(lists, normalized):
    assert sum(len(set(x.tolist())) < len(x) for x in lists) > 0.5 * len(lists)
    assert sum(len(n) < len(cw.CellUnion(x)) for x, n in zip(lists, normalized)) > 0.25 * len(lists)


def test_normalize_equals_googles(lists, normalized, backend):
    for cells, expected in for_backend(lists, normalized):
        union = cw.CellUnion(cells)
        assert list(union.normalize()) == expected
        assert list(cw.CellUnion(cells, normalize=True)) == expected
        assert union.normalize().is_normalized
        assert union.is_normalized == (list(union) == expected)
        assert union.normalize().normalize() == union.normalize()


def test_only_duplicates_and_contained_cells_are_dropped(lists, backend):
    """Against the definition: the cells that no other cell of the list contains."""
    for (cells,) in for_backend(lists[: many(200, 600)]):
        distinct = np.unique(cells)
        within = cw.cell_contains(distinct[:, None], distinct[None]) & (distinct[:, None] != distinct[None])
        assert list(cw.CellUnion(cells)) == distinct[~within.any(axis=0)].tolist()


def test_denormalize_equals_googles(lists, normalized, backend):
    rng = np.random.default_rng(202)
    for cells, expected in for_backend(lists, normalized):
        finest = max((oracle.cell_id(c).level() for c in expected), default=0)
        coarsest = min((oracle.cell_id(c).level() for c in expected), default=0)
        min_level = int(rng.integers(0, min(30, coarsest + 3, finest + 2) + 1))
        level_mod = int(rng.integers(1, 4))
        union = cw.CellUnion(cells).normalize()
        split = union.denormalize(min_level, level_mod)
        assert list(split) == oracle.ids(oracle.union(cells).Denormalize(min_level, level_mod))
        assert split.normalize() == union
        assert split.denormalize(min_level, level_mod) == split


def test_denormalize_refuses_what_it_must(backend):
    union = cw.CellUnion([L15])
    for bad in (-1, 31):
        with pytest.raises(ValueError, match=rf"min_level must be in 0\.\.30: got {bad}"):
            union.denormalize(bad)
    for bad in (0, 4):
        with pytest.raises(ValueError, match=rf"level_mod must be in 1\.\.3: got {bad}"):
            union.denormalize(3, bad)
    for bad in (1.0, True, None, "3"):
        with pytest.raises(TypeError, match="must be an integer"):
            union.denormalize(bad)
    with pytest.raises(CellLimitError, match="about 1,073,741,824 cells"):
        union.denormalize(30)


# --- set algebra, against brute force -------------------------------------------------------------------------------------------

LEVEL = 4  # 1,536 cells


def small_unions(seed, n):
    """Unions of cells of levels 0..LEVEL, and the mask of cells of that level each covers."""
    rng = np.random.default_rng(seed)
    everything = oracle.cells_of_level(LEVEL)
    pairs = []
    for _ in range(n):
        if rng.random() < 0.5:  # scattered
            cells = oracle.random_cells(rng, int(10 ** rng.uniform(0, 2.3)), None)
            cells = oracle.at_level(
                cells,
                np.minimum(rng.integers(0, LEVEL + 1, len(cells)), [oracle.cell_id(c).level() for c in cells.tolist()]),
            )
        else:  # runs along the curve, so that siblings complete
            start, size = int(rng.integers(0, len(everything))), int(10 ** rng.uniform(0, 3))
            cells = everything[start : start + size]
        if rng.random() < 0.03:
            cells = cells[:0]
        ids = [oracle.cell_id(c) for c in cells.tolist()]
        begins = np.searchsorted(everything, [c.range_min().id() for c in ids])
        ends = np.searchsorted(everything, [c.range_max().id() for c in ids], side="right")
        mask = np.zeros(len(everything), bool)
        for a, b in zip(begins, ends):
            mask[a:b] = True
        pairs.append((cw.CellUnion(cells), mask))
    return everything, pairs


def covers(union, everything):
    """Mask of the cells of a level that a union covers, from its ids alone; no cell may be finer."""
    mask = np.zeros(len(everything), bool)
    for cell in union:
        c = oracle.cell_id(cell)
        assert c.level() <= LEVEL
        mask[
            np.searchsorted(everything, c.range_min().id()) : np.searchsorted(everything, c.range_max().id(), "right")
        ] = True
    return mask


def test_algebra_equals_brute_force(backend):
    everything, pairs = small_unions(203, many(120, 500) if cw.backend() == "native" else many(40, 150))
    for (a, in_a), (b, in_b) in zip(pairs, pairs[1:] + pairs[:1]):
        for result, expected in (
            (a | b, in_a | in_b),
            (a & b, in_a & in_b),
            (a - b, in_a & ~in_b),
            (a ^ b, in_a ^ in_b),
        ):
            assert (covers(result, everything) == expected).all()
            assert result.is_normalized
            assert list(result) == oracle.ids(oracle.union(everything[expected]).cell_ids())
        assert a.contains(b) is bool((in_a | ~in_b).all())
        assert a.intersects(b) is bool((in_a & in_b).any())
        assert (a == b) is (list(a) == list(b))
        assert theirs_agree(a, b)


def theirs_agree(a, b):
    x, y = oracle.union(a), oracle.union(b)
    return (
        x.Contains(y) == a.contains(b)
        and x.Intersects(y) == a.intersects(b)
        and oracle.ids(x.Intersection(y).cell_ids()) == list(a & b)
    )


def test_questions_equal_brute_force(backend):
    everything, pairs = small_unions(204, many(250, 500) if cw.backend() == "native" else many(50, 100))
    rng = np.random.default_rng(205)
    below = cw.cell_children(everything[::7], LEVEL + 2).values
    above = np.concatenate([oracle.cells_of_level(k) for k in range(LEVEL)])
    asked = np.concatenate((everything, below, above, np.zeros(3, np.uint64)))
    lo, hi = (np.searchsorted(everything, np.asarray(f(asked)), side) for f, side in (
        (cw.cell_range_min, "left"), (cw.cell_range_max, "right")))  # fmt: skip
    deeper = np.asarray(cw.cell_level(asked)) > LEVEL
    own = np.searchsorted(everything, cw.cell_parent(asked[deeper], LEVEL))
    lo[deeper], hi[deeper] = own, own + 1
    lat, lng = oracle.random_positions(rng, 300)
    home = np.searchsorted(everything, cw.latlng_to_cell(lat, lng, LEVEL))
    for union, mask in pairs:
        total = np.concatenate(([0], np.cumsum(mask)))
        n = total[hi] - total[lo]
        contains, intersects = (n == hi - lo) & (asked != 0), (n > 0) & (asked != 0)
        assert (union.contains(asked) == contains).all()
        assert (union.intersects(asked) == intersects).all()
        assert (union.contains(lat=lat, lng=lng) == mask[home]).all()
        assert (union.intersects(lat=lat, lng=lng) == mask[home]).all()


def test_questions_of_both_forms_of_a_union(lists, backend):
    """The answers do not depend on whether siblings are merged. Finer, coarser, equal and foreign cells are asked."""
    rng = np.random.default_rng(206)
    for (cells,) in for_backend(lists[: many(100, 300)]):
        if len(cells) == 0:
            continue
        level = cw.cell_level(cells)
        asked = np.concatenate((
            cells, cw.cell_parent(cells, np.maximum(level - 1, 0)), cw.cell_parent(cells, level // 2),
            cw.cell_range_min(cells), cw.cell_range_max(cells), cw.cell_next(cells), cw.cell_prev(cells),
            oracle.random_cells(rng, 20), [np.uint64(0)],
        ))  # fmt: skip
        union, merged, theirs = cw.CellUnion(cells), cw.CellUnion(cells, normalize=True), oracle.union(cells)
        expected = [c != 0 and theirs.Contains(oracle.cell_id(c)) for c in asked.tolist()]
        assert union.contains(asked).tolist() == merged.contains(asked).tolist() == expected
        expected = [c != 0 and theirs.Intersects(oracle.cell_id(c)) for c in asked.tolist()]
        assert union.intersects(asked).tolist() == merged.intersects(asked).tolist() == expected
        assert union.contains(merged)
        assert merged.contains(union)
        assert [union.contains(c) for c in asked[:5].tolist()] == union.contains(asked[:5]).tolist()


def test_algebra_of_fine_cells(lists, backend):
    """On leaves no mask can be kept: laws, and a difference that is checked by questions."""
    for x, y in for_backend(lists[: many(120, 300) : 2], lists[1 : many(120, 300) : 2]):
        near = np.concatenate((y, x[::2])) if len(x) else y  # so that they have something in common
        a, b = cw.CellUnion(x), cw.CellUnion(near)
        assert (a | b) == (b | a) == cw.CellUnion(np.concatenate((a.cells, b.cells)), normalize=True)
        assert (a & b) == (b & a)
        assert (a ^ b) == (b ^ a) == ((a | b) - (a & b)) == ((a - b) | (b - a))
        assert ((a - b) | (a & b)) == a.normalize()
        assert len((a - b) & b) == 0
        assert not (a - b).intersects(b)
        assert (a | a) == (a & a) == a.normalize()
        assert len(a - a) == len(a ^ a) == 0
        assert (a - b).area() == pytest.approx(a.area() - (a & b).area(), rel=1e-12, abs=1e-12 * (a.area() + 1))


def test_the_whole_sphere(backend):
    whole = cw.CellUnion(oracle.cells_of_level(0))
    part = cw.CellUnion([L15])
    rest = whole - part
    assert len(rest) == 5 + 3 * 15
    assert (rest | part) == whole == (cw.CellUnion(oracle.cells_of_level(3)) | part)
    assert (whole & part) == part
    assert whole.area(unit="sr") == pytest.approx(4 * np.pi, rel=1e-15)
    assert not rest.contains(LEAF)
    assert rest.intersects(cw.cell_parent(L15, 3))
    assert whole.contains([LEAF, 1, int(cw.cell_range_max(5 << 61 | 1 << 60)), 0]).tolist() == [True, True, True, False]
    assert whole.to_ranges().tolist() == [[1, int(cw.cell_range_max(5 << 61 | 1 << 60))]]


@pytest.mark.parametrize("other", [[L15], L15, None, "951977d34", np.array([L15], np.uint64)])
def test_algebra_is_for_unions(other):
    union = cw.CellUnion([L15])
    for call in (lambda: union | other, lambda: union & other, lambda: union - other, lambda: union ^ other):
        with pytest.raises(TypeError):
            call()


@pytest.mark.thread_unsafe  # mpmath has one precision for all threads
def test_areas(lists, backend):
    for (cells,) in for_backend(lists[: many(40, 100)]):
        union = cw.CellUnion(cells)
        expected = sum(float(oracle.exact_area(c)) for c in union)
        assert union.area(unit="sr") == pytest.approx(expected, rel=1e-14)
        assert union.area() == pytest.approx(expected * cw.EARTH_RADIUS_M**2, rel=1e-14)
        assert union.area(unit="km2") == pytest.approx(union.area(unit="m2") / 1e6, rel=1e-15)
        assert type(union.area()) is float


# --- margins ----------------------------------------------------------------------------------------------------------------


def brute_expand(cells, level):
    """Google's definition: cells coarsened to the level, their neighbors at it added, all normalized."""
    found = []
    for cell in cells:
        c = oracle.cell_id(cell)
        c = c.parent(level) if c.level() > level else c
        found += [c.id(), *oracle.ids(c.GetAllNeighbors(level))]
    return oracle.ids(oracle.union(found).cell_ids())


def test_expand_by_level(lists, backend):
    rng = np.random.default_rng(207)
    for cells, _ in for_backend(lists[: many(150, 400)], lists[: many(150, 400)]):
        union = cw.CellUnion(cells)
        coarsest = int(union.levels.min(initial=30))
        level = int(np.clip(rng.integers(coarsest - 2, coarsest + 6), 0, 30))
        expected = brute_expand(union, level)
        assert list(union.expand(level)) == expected
        assert union.expand(level).contains(union)


def test_expand_by_level_at_corners_of_the_cube(backend):
    for own in (0, 1, 5, 29, 30):
        for cell in oracle.corner_cells(own).tolist()[:: 1 if own < 2 else 3]:
            for level in {max(0, own - 1), own, min(30, own + 1), min(30, own + 2)}:
                assert list(cw.CellUnion([cell]).expand(level)) == brute_expand([cell], level), (cell, level)


def level_for_radius(radius):
    """Finest level whose cells are all at least so wide: 2 sqrt(2) / 3 at level 0, half at each further one."""
    if radius == 0:
        return 30
    widths = 2 * np.sqrt(2) / 3 * 0.5 ** np.arange(31)
    return int(np.flatnonzero(widths >= radius)[-1]) if radius <= widths[0] else 0


def test_expand_by_radius(lists, backend):
    """The margin holds everything within the radius: sampled round each cell's vertices."""
    rng = np.random.default_rng(208)
    for cells, _ in for_backend(lists[5 : many(100, 200)], lists[5 : many(100, 200)]):
        union = cw.CellUnion(cells[:50])
        if len(union) == 0:
            continue
        coarsest = int(union.levels.min())
        radius = float(1.5 * 0.5**coarsest * 10 ** rng.uniform(-2.5, 0.5))
        difference = int(rng.integers(0, 5))
        wide = union.expand(radius=radius, unit="rad", max_level_diff=difference)
        if radius <= 2 * np.sqrt(2) / 3:
            assert list(wide) == brute_expand(union, min(coarsest + difference, level_for_radius(radius)))
        assert wide.is_normalized
        assert wide.contains(union)
        lat, lng = (x.ravel() for x in np.moveaxis(cw.cell_vertices(union.cells), -1, 0))
        turn, angle = rng.uniform(0, 2 * np.pi, len(lat)), radius * 0.999999 * np.sqrt(rng.random(len(lat)))
        a = np.radians(lat)
        sin = np.clip(np.sin(a) * np.cos(angle) + np.cos(a) * np.sin(angle) * np.cos(turn), -1, 1)
        east = np.degrees(np.arctan2(np.sin(turn) * np.sin(angle) * np.cos(a), np.cos(angle) - np.sin(a) * sin))
        assert wide.contains(lat=np.degrees(np.arcsin(sin)), lng=(lng + east + 180) % 360 - 180).all()


def test_expand_takes_units_and_refuses_nonsense(backend):
    union = cw.CellUnion([L15])
    assert union.expand(radius=1.5) == union.expand(radius=0.0015, unit="km")
    assert union.expand(radius=1e-6, unit="rad") == union.expand(radius=np.degrees(1e-6), unit="deg")
    assert union.expand(radius=0).contains(union)
    assert union.expand(radius=np.pi, unit="rad") == cw.CellUnion(oracle.cells_of_level(0))
    assert union.expand(radius=1e9).area(unit="sr") == pytest.approx(4 * np.pi)
    assert len(cw.CellUnion([]).expand(radius=1e9)) == len(cw.CellUnion([]).expand(5)) == 0
    for bad in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="radius must be"):
            union.expand(radius=bad)
    for bad in (-1, 31):
        with pytest.raises(ValueError, match="level must be"):
            union.expand(bad)
    for call in (lambda: union.expand(), lambda: union.expand(3, radius=3), lambda: union.expand(3.0)):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(ValueError, match="unit must be"):
        union.expand(radius=3, unit="mi")
    with little_memory(), pytest.raises(CellLimitError):
        cw.CellUnion([1 << 60]).expand(30)


# --- ranges and SQL ---------------------------------------------------------------------------------------------------------------


def test_ranges(lists, backend):
    for (cells,) in for_backend(lists[: many(200, 600)]):
        union = cw.CellUnion(cells)
        ranges = union.to_ranges()
        assert (ranges.dtype, ranges.shape[1:]) == (np.uint64, (2,))
        assert (ranges[:, 0] <= ranges[:, 1]).all()
        assert (ranges[1:, 0] > ranges[:-1, 1] + np.uint64(2)).all()  # they do not even touch
        assert (ranges & np.uint64(1) == 1).all()
        leaves = sum(1 << (2 * (30 - level)) for level in union.levels.tolist())
        assert sum((b - a) // 2 + 1 for a, b in ranges.tolist()) == leaves
        assert union.contains(ranges).all()
        assert cw.CellUnion.from_ranges(ranges) == union.normalize()
        signed = union.to_ranges(signed=True)
        assert signed.dtype == np.int64
        assert (signed[:, 0] <= signed[:, 1]).all()
        assert (signed[1:, 0] > signed[:-1, 1]).all()
        assert cw.CellUnion.from_ranges(signed) == union.normalize()
        for through_json in (ranges.tolist(), signed.tolist()):
            if through_json:
                assert cw.CellUnion.from_ranges(through_json) == union.normalize()


def test_signed_ranges_do_not_go_across_the_sign(backend):
    whole = cw.CellUnion(oracle.cells_of_level(0))
    assert whole.to_ranges(signed=True).tolist() == [[-(2**63) + 1, -(2**62) - 1], [1, 2**63 - 1]]
    middle = cw.CellUnion([int(cw.cell_prev(0x81 << 56)), 0x81 << 56])
    assert len(middle.to_ranges()) == 1
    assert len(middle.to_ranges(signed=True)) == 2
    assert cw.CellUnion.from_ranges(middle.to_ranges(signed=True)) == middle


def test_from_ranges_refuses_what_is_none(backend):
    for bad, kind in [
        ([[L15, L15]], InvalidCellError), ([[0, 1]], InvalidCellError), ([[3, 1]], ValueError), ([1, 3], ValueError),
        ([[1, 3, 5]], ValueError), ([[1, 2**64 - 1]], ValueError), ([[1.0, 3.0]], TypeError), ([["1", "3"]], TypeError),
        ([[1, 2**64 + 1]], ValueError),
    ]:  # fmt: skip
        with pytest.raises(kind):
            cw.CellUnion.from_ranges(bad)
    assert len(cw.CellUnion.from_ranges(np.empty((0, 2), np.uint64))) == 0
    assert cw.CellUnion.from_ranges([[5, 9], [1, 7], [11, 11]]).to_ranges().tolist() == [[1, 11]]


def test_sql_predicate_in_sqlite(lists, backend):
    """Leaf ids are stored as most databases store them: signed."""
    rng = np.random.default_rng(209)
    roots = oracle.random_cells(rng, 8, 6)
    sphere = np.array([1 << 60 | f << 61 for f in (3, 4)], np.uint64)  # where the sign turns
    cells = [np.unique(cw.cell_parent(cw.cell_disk(c, 2), rng.integers(3, 7))) for c in roots.tolist()]
    unions = [cw.CellUnion(x) for x in cells] + [cw.CellUnion(x) for x in lists[:25]]
    unions += [cw.CellUnion(sphere), cw.CellUnion([]), cw.CellUnion(oracle.cells_of_level(0))]
    lat, lng = oracle.random_positions(rng, 2_000)
    leaves = np.concatenate(
        [cw.latlng_to_cell(lat, lng)]
        + [edge for u in unions for edge in (cw.cell_range_min(u.cells), cw.cell_range_max(u.cells))]
        + [cw.cell_next(cw.cell_range_max(u.cells)) for u in unions]
    )
    with sqlite3.connect(":memory:") as db:
        db.execute('CREATE TABLE "odd ""name" (id INTEGER PRIMARY KEY, "the leaf" INTEGER)')
        rows = enumerate(cw.cell_to_int64(leaves).tolist())
        db.executemany('INSERT INTO "odd ""name" VALUES (?, ?)', rows)
        db.execute('CREATE INDEX by_leaf ON "odd ""name" ("the leaf")')
        for union in unions:
            where = union.to_sql("the leaf")
            found = db.execute(f'SELECT id FROM "odd ""name" WHERE {where} ORDER BY id').fetchall()
            assert [k for (k,) in found] == np.flatnonzero(union.contains(leaves)).tolist()
            # It stays one condition next to others.
            none = db.execute(f'SELECT COUNT(*) FROM "odd ""name" WHERE {where} AND id < 0').fetchone()
            assert none == (0,)
        qualified = unions[0].to_sql('odd "name.the leaf')
        n = db.execute(f'SELECT COUNT(*) FROM "odd ""name" WHERE {qualified}').fetchone()[0]
        assert n == unions[0].contains(leaves).sum() > 0


def test_sql_quotes_its_column():
    union = cw.CellUnion([L15])
    evil = 'x" BETWEEN 1 AND 2); DROP TABLE t; --'
    assert union.to_sql(evil).startswith('("x"" BETWEEN 1 AND 2); DROP TABLE t; --" BETWEEN ')
    for bad in ("", None, 5, "a\0b"):
        with pytest.raises((ValueError, TypeError), match="column must be a name"):
            union.to_sql(bad)
    a, b = union.to_ranges(signed=False)[0].tolist()
    assert union.to_sql("c", signed=False) == f'("c" BETWEEN {a} AND {b})'


# --- tokens, Arrow, bytes ---------------------------------------------------------------------------------------------------------------


def test_tokens(lists, backend):
    for (cells,) in for_backend(lists[: many(100, 300)]):
        union = cw.CellUnion(cells)
        tokens = union.to_tokens()
        assert tokens.dtype.kind == "U"
        assert tokens.tolist() == [oracle.cell_id(c).ToToken() for c in union]
        assert sorted(tokens.tolist()) == tokens.tolist()
        assert cw.CellUnion.from_tokens(tokens) == union
        assert cw.CellUnion.from_tokens(tokens.tolist()[::-1] * 2) == union


def test_arrow(backend):
    union = cw.CellUnion([L15, 1 << 60])
    array = union.to_arrow()
    assert array.type == pa.uint64()
    assert array.to_pylist() == list(union)
    assert cw.CellUnion(array) == union
    assert cw.CellUnion([]).to_arrow().type == pa.uint64()


def test_cells_in_every_form(backend):
    ids = [L15, 1 << 60, LEAF]
    expected = [1 << 60, L15]
    for form in (
        ids, tuple(ids), np.array(ids, np.uint64), np.array(ids, object), np.array(ids, ">u8"), pd.Series(ids, dtype="uint64"),
        pd.Series(ids, dtype="UInt64"), pd.Index(ids, dtype="uint64"), pa.array(ids, pa.uint64()),
        np.array([ids], np.uint64), np.array(ids, np.uint64)[::-1], [oracle.cell_id(c) for c in ids],
    ):  # fmt: skip
        assert list(cw.CellUnion(form)) == expected
    assert list(cw.CellUnion(L15)) == [L15]
    assert list(cw.CellUnion(cw.cell_disk([L15, L15], 1).values)) == cw.cell_disk(L15, 1).tolist()


def test_a_union_is_an_argument_like_its_cells(backend):
    union = cw.CellUnion([L15, 1 << 60])
    assert cw.CellUnion(union) == union
    assert cw.cell_level(union).tolist() == [0, 15]
    assert cw.cell_to_token(union).tolist() == union.to_tokens().tolist()


def test_what_is_no_union(backend):
    for bad in ([L15, 0], [0], [None], pd.Series([L15, None], dtype="UInt64")):
        with pytest.raises(InvalidCellError, match="missing"):
            cw.CellUnion(bad)
    for bad in ([2], [L15, 2**64 - 1]):
        with pytest.raises(InvalidCellError, match="must be a valid cell"):
            cw.CellUnion(bad)
    for bad in ([1.0], ["951977d34"], [True], None.__class__):
        with pytest.raises(TypeError):
            cw.CellUnion(bad)


def test_bytes_come_back(lists, backend):
    shapes = [cw.CellUnion(x) for (x,) in for_backend(lists[: many(200, 500)])]
    shapes += [
        cw.CellUnion([]),
        cw.CellUnion([1]),
        cw.CellUnion(oracle.cells_of_level(0)),
        cw.CellUnion([1 << 60, LEAF]),
    ]
    shapes += [cw.CellUnion([int(cw.cell_range_max(5 << 61 | 1 << 60))]), cw.CellUnion(oracle.cells_of_level(5))]
    for union in shapes:
        data = union.encode()
        assert type(data) is bytes
        for form in (data, bytearray(data), memoryview(data)):
            assert cw.CellUnion.decode(form) == union
        assert len(data) <= 16 + 11 * len(union)
    assert len(cw.CellUnion(oracle.cells_of_level(5)).encode()) < 16 + 3 * 6 * 4**5


def refused(data):
    try:
        cw.CellUnion.decode(data)
    except ValueError:
        return True
    return False


def test_bytes_cut_off_anywhere_are_refused(lists, backend):
    for union in (
        cw.CellUnion(lists[3]),
        cw.CellUnion([L15]),
        cw.CellUnion([]),
        cw.CellUnion(oracle.cells_of_level(2)),
    ):
        data = union.encode()
        assert [k for k in range(len(data)) if not refused(data[:k])] == []
        assert [k for k in range(1, 20) if not refused(data + bytes(k))] == []
        assert refused(data + b"\1")
        assert refused(data + data)


def test_flipped_bytes_are_refused(backend):
    data = cw.cover(cw.Cap(10, 20, 100_000), max_cells=20).encode()
    rng = np.random.default_rng(210)
    for k in range(len(data)):
        for flip in {1, 128, 255, int(rng.integers(1, 256))}:
            assert refused(data[:k] + bytes([data[k] ^ flip]) + data[k + 1 :]), k


def forged(body, n):
    """Bytes with a good header and checksum round any body: `decode` has to look at what they say."""
    good = cw.CellUnion([L15]).encode()
    magic = good[:4]
    assert struct.unpack_from("<4sIQ", good)[1:] == (zlib.crc32(good[16:]), 1)  # else the format has changed
    return struct.pack("<4sIQ", magic, zlib.crc32(body), n) + body


def test_forged_bytes_are_refused(backend):
    """With a checksum that is right: only unions may come out, and of garbage nothing but a ValueError."""
    good = cw.CellUnion(oracle.cells_of_level(1)).encode()
    body = good[16:]
    assert cw.CellUnion.decode(forged(body, 24)) == cw.CellUnion(oracle.cells_of_level(1))
    for n in (0, 1, 2, 23, 25, 47, 48, 2**31, 2**32, 2**61, 2**63, 2**64 - 1):
        assert refused(forged(body, n)), n
    rng = np.random.default_rng(211)
    decoded = 0
    for _ in range(many(1_000, 4_000)):
        damaged = bytearray(body)
        for _ in range(int(rng.integers(1, 4))):
            damaged[rng.integers(len(damaged))] = (
                int(rng.integers(256)) if rng.random() < 0.5 else damaged[rng.integers(len(damaged))]
            )
        cut = int(rng.integers(0, 3)) * int(rng.integers(0, 5))
        data = forged(bytes(damaged[: len(damaged) - cut]), int(rng.integers(0, 26)) if cut else 24)
        if refused(data):
            continue
        decoded += 1
        union = cw.CellUnion.decode(data)
        assert cw.CellUnion(union.cells) == union  # valid, sorted, disjoint
    assert decoded < many(500, 2_000)
    for _ in range(many(500, 3_000)):
        garbage = rng.bytes(int(rng.integers(0, 60)))
        assert refused(garbage)
        for n in {0, len(garbage) // 2, len(garbage) // 3, int(rng.integers(0, 40))}:
            if not refused(forged(garbage, n)):
                union = cw.CellUnion.decode(forged(garbage, n))
                assert cw.CellUnion(union.cells) == union
    zeros = bytes([60, 0, 0, 1])  # a first difference of nothing: the missing cell
    for bad in (
        zeros,
        bytes([63, 1]),
        bytes([64, 1]),
        bytes([255, 1]),
        bytes([0]) + b"\xff" * 9 + b"\x02",
        b"\x00" + b"\xff" * 12 + b"\1",
    ):
        for n in (1, 2):
            assert refused(forged(bad, n)), (bad, n)


def test_huge_counts_cost_no_memory(backend):
    with little_memory():
        for n in (2**20, 2**32, 2**40, 2**63, 2**64 - 1):
            for body in (b"", b"\1" * 100, bytes(1000)):
                assert refused(forged(body, n))


@pytest.mark.parametrize("bad", ["text", None, 5.5, [1, 2], {}])
def test_what_is_not_bytes(bad):
    with pytest.raises((TypeError, ValueError)):
        cw.CellUnion.decode(bad)


def test_a_count_is_not_taken_for_bytes():
    """bytes(5) is five zeros, bytes(10**12) a terabyte: a number is no data."""
    for n in (0, 5, 10**12):
        with pytest.raises((TypeError, ValueError)):
            cw.CellUnion.decode(n)


# --- as a Python object -----------------------------------------------------------------------------------------------------------------


def test_equality_and_hash(backend):
    a, b = cw.CellUnion(cw.cell_children(L15)), cw.CellUnion(cw.cell_children(L15)[::-1])
    assert a == b
    assert hash(a) == hash(b)
    assert a != cw.CellUnion([L15])  # as given, not what they cover
    assert a.normalize() == cw.CellUnion([L15])
    assert {a: 1}[b] == 1
    assert a != list(a)
    assert (a == "x") is False
    assert cw.CellUnion([]) == cw.CellUnion([])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_and_copy(protocol):
    for union in (cw.CellUnion(cw.cell_children(L15)), cw.CellUnion([])):
        again = pickle.loads(pickle.dumps(union, protocol))
        assert again == union
        assert hash(again) == hash(union)
        assert again.cells.dtype == np.uint64
        assert not again.cells.flags.writeable
        assert copy.deepcopy(union) == copy.copy(union) == union


def test_sequence(backend):
    cells = sorted(cw.cell_disk(L15, 2).tolist())
    union = cw.CellUnion(cells)
    assert len(union) == 25
    assert list(union) == list(iter(union)) == cells
    assert all(type(c) is int for c in union)
    assert type(union[0]) is int
    assert (union[0], union[-1]) == (cells[0], cells[-1])
    assert union[np.int64(3)] == cells[3]
    for k in (slice(None), slice(3, 9), slice(None, None, 2), slice(-4, None), slice(5, 2), slice(None, None, -1)):
        assert isinstance(union[k], cw.CellUnion)
        assert list(union[k]) == sorted(cells[k])
    with pytest.raises(IndexError):
        union[25]
    assert cells[4] in union
    assert bool(union) is True
    assert bool(cw.CellUnion([])) is False
    assert union.levels.tolist() == [15] * 25


def test_a_union_does_not_change(backend):
    given = np.array([L15, 1 << 60], np.uint64)
    union = cw.CellUnion(given)
    before = hash(union)
    given[:] = 1
    assert list(union) == [1 << 60, L15]
    with pytest.raises(ValueError, match="read-only"):
        union.cells[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        union[:].cells[0] = 1
    assert hash(union) == before
    ours = np.array(union)
    ours[0] = 1
    assert list(union) == [1 << 60, L15]
    sorted_given = np.array([1 << 60, L15], np.uint64)
    other = cw.CellUnion(sorted_given)
    assert sorted_given.flags.writeable  # the caller's own array stays as it was
    sorted_given[0] = 1
    assert list(other) == [1 << 60, L15]


def test_as_an_array(backend):
    union = cw.CellUnion([L15, 1 << 60])
    assert np.asarray(union).tolist() == [1 << 60, L15]
    assert np.asarray(union, np.uint64).dtype == np.uint64
    assert not np.shares_memory(np.array(union), union.cells)
    for dtype in (np.float64, np.int64, object):
        with pytest.raises(TypeError):
            np.asarray(union, dtype)
    assert pd.Series(union, dtype="uint64").tolist() == [1 << 60, L15]


def test_repr(backend):
    assert repr(cw.CellUnion([])) == "CellUnion(0 cells)"
    assert repr(cw.CellUnion([L15])) == "CellUnion(1 cell, level 15)"
    assert repr(cw.CellUnion([L15, 1 << 60])) == "CellUnion(2 cells, levels 0..15)"
    assert repr(cw.CellUnion(oracle.cells_of_level(5))) == "CellUnion(6,144 cells, level 5)"


def test_polygons_of_a_union(backend):
    union = cw.CellUnion(cw.cell_disk(L15, 1))
    polygons = union.to_geoseries()
    assert polygons.crs == "EPSG:4326"
    assert polygons.index.tolist() == union.to_tokens().tolist()
    assert polygons.is_valid.all()
    outline = union.dissolve()
    assert outline.geom_type == "Polygon"
    assert outline.area == pytest.approx(shapely.area(polygons.to_numpy()).sum(), rel=1e-9)
    assert len(cw.CellUnion([]).to_geoseries()) == 0
    assert cw.CellUnion([]).dissolve().is_empty
    world = cw.CellUnion(oracle.cells_of_level(2)).dissolve()
    assert world.area == pytest.approx(360 * 180, rel=1e-3)


# --- no cells at all --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", [[], (), np.array([], np.uint64), np.array([]), pd.Series([], dtype="UInt64"), pa.array([], pa.uint64())]
)
def test_the_empty_union(given, backend):
    empty, other = cw.CellUnion(given), cw.CellUnion([L15])
    assert (len(empty), list(empty), empty.cells.dtype) == (0, [], np.uint64)
    assert (
        empty == empty.normalize() == empty.denormalize(5, 3) == empty.expand(5) == empty.expand(radius=5) == empty[:]
    )
    assert empty.is_normalized
    assert empty.area() == 0
    assert (empty | other) == (other | empty) == (other - empty) == (other ^ empty) == other
    assert len(empty & other) == len(other & empty) == len(empty - other) == len(empty ^ empty) == 0
    assert empty.contains(L15) is False
    assert empty.intersects(L15) is False
    assert empty.contains([L15, 0]).tolist() == [False, False]
    assert empty.contains(lat=[1.0], lng=[2.0]).tolist() == [False]
    assert empty.contains(empty) is True
    assert other.contains(empty) is True
    assert empty.contains(other) is False
    assert empty.intersects(other) is other.intersects(empty) is empty.intersects(empty) is False
    assert empty.to_ranges().shape == empty.to_ranges(signed=True).shape == (0, 2)
    assert (empty.to_ranges().dtype, empty.to_ranges(signed=True).dtype) == (np.uint64, np.int64)
    assert empty.to_sql("leaf") == "(1 = 0)"
    assert empty.to_tokens().shape == (0,)
    assert cw.CellUnion.from_tokens([]) == cw.CellUnion.decode(empty.encode()) == empty
    assert empty.levels.tolist() == []
    assert (
        len(cw.cover(empty))
        == len(cw.cover(empty, interior=True))
        == len(cw.cover(empty, min_level=5, level_mod=2))
        == 0
    )


# --- how questions are asked --------------------------------------------------------------------------------------------------------------


def test_questions_take_any_shape(backend):
    union = cw.CellUnion([L15])
    assert union.contains(LEAF) is True
    assert union.contains(np.uint64(LEAF)) is True
    grid = np.full((2, 3), LEAF, np.uint64)
    for ask in (union.contains, union.intersects):
        assert ask(grid).shape == (2, 3)
        assert ask(grid).dtype == bool
        assert ask([]).shape == (0,)
        assert ask(np.empty((0, 4), np.uint64)).shape == (0, 4)
        assert ask(lat=[[-30.0438]], lng=[-51.14022, 0.0]).tolist() == [[True, False]]
        assert ask(lat=-30.0438, lng=-51.14022) is True
        for lat, lng in ((0.0, 0.0), (10, 100), (85, 7), (-5, 180), (-85, 0)):  # ids of both halves of 64 bits
            assert ask(lat=lat, lng=lng) is False
            assert cw.CellUnion([cw.latlng_to_cell(lat, lng, 9)]).contains(lat=lat, lng=lng) is True
        assert ask(lat=-30.0438, lng=-51.14022 + 360) is True
        for bad in (lambda ask=ask: ask(), lambda ask=ask: ask(LEAF, lat=1, lng=2), lambda ask=ask: ask(lat=1)):
            with pytest.raises(TypeError):
                bad()
        with pytest.raises(ValueError, match="lat must be"):
            ask(lat=[0, 91], lng=[0, 0])
        with pytest.raises(InvalidCellError, match="got 2 "):
            ask([LEAF, 2])
        with pytest.raises(TypeError):
            ask([1.5])
        ids = [LEAF, 2, 0, -1, 2**64]
        with pytest.raises(InvalidCellError, match=r"got 2 .* at index 1 \(3 of 5 values\)"):
            ask(ids)
        with pytest.warns(InvalidCoordinatesWarning, match=r"got 2 .* at index 1 \(3 of 5 values\)"):
            assert ask(ids, on_invalid="warn").tolist() == [True, False, False, False, False]
        assert ask(ids, on_invalid="null").tolist() == [True, False, False, False, False]
        assert ask(2, on_invalid="null") is False
        assert ask(shapely.points([[-51.14022, -30.0438], [np.nan, np.nan]]), on_invalid="null").tolist() == [
            True,
            False,
        ]
        with pytest.raises(ValueError, match="on_invalid must be one of"):
            ask(union, on_invalid="fix")
