"""NeighborIndex: exact against brute force, on both backends, wherever the sphere or the data are awkward."""

import importlib
import pickle
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import BallTree
from work import ctrl_c, interrupt_checks

import cellwise as cw
from cellwise._math import search
from cellwise._math.arcs import arcs as arcs_between
from cellwise.inputs import canonical_latlng
from cellwise.neighbors import NeighborIndex
from cellwise.testing import on_each_backend

# --- data -------------------------------------------------------------------------------------------------------------


def world(rng, n):
    return np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)


def duplicates(rng, n):
    return rng.integers(-2, 3, n) * 1.0, rng.integers(-2, 3, n) * 1.0


def one_leaf(rng, n):
    """Places that differ in their last bits."""
    places = 45 + 1e-13 * rng.integers(0, 30, (2, n))
    return tuple(places)


def one_place(rng, n):
    return np.full(n, 10.0), np.full(n, 20.0)


def poles(rng, n):
    off = rng.choice([0, 1e-9, 1e-6, 0.01, 1], n) * rng.random(n)
    return rng.choice([-1, 1], n) * (90 - off), rng.uniform(-180, 180, n)


def antimeridian(rng, n):
    lng = 180 + rng.normal(0, 1, n) * rng.choice([0, 1e-9, 1], n)
    return rng.normal(0, 1, n), np.where(rng.random(n) < 0.5, lng, lng - 360)


def clusters(rng, n):
    """At all scales from a degree down to less than unit points can tell apart."""
    lat, lng = (rng.normal(0, 1, n) * 10.0 ** -rng.integers(0, 17, n) for _ in range(2))
    return 37 + lat, -122 + lng


def lattice(rng, n):
    return np.round(rng.uniform(32, 42, n), 1), np.round(rng.uniform(-124, -114, n), 1)


def antipodes(rng, n):
    is_here = rng.random(n) < 0.5
    lat, lng = rng.normal(0, 1e-7, (2, n))
    return np.where(is_here, 12, -12) + lat, np.where(is_here, 33, -147) + lng


def axes(rng, n):
    places = [(0, 0), (0, 90), (0, 180), (0, -90), (90, 0), (-90, 0), (0, -180), (90, 77), (-0.0, -0.0), (0, 360)]
    return np.array(places, float)[rng.integers(0, len(places), n)].T


DATA = (world, duplicates, one_leaf, one_place, poles, antimeridian, clusters, lattice, antipodes, axes)


def arc_table(lat, lng, to_lat, to_lng):
    """Angle from each of some positions to each of others, one pair at a time."""
    lat, lng = canonical_latlng(np.asarray(lat, float), np.asarray(lng, float))
    to_lat, to_lng = canonical_latlng(np.asarray(to_lat, float), np.asarray(to_lng, float))
    shape = len(lat), len(to_lat)
    table = arcs_between(*(np.broadcast_to(x, shape).ravel() for x in (lat[:, None], lng[:, None], to_lat, to_lng)))
    return table.reshape(shape)


def brute_force(table, hidden):
    """All rows of each query but hidden ones, by (angle, row)."""
    found = []
    for arcs, out in zip(table, hidden):
        rows = np.flatnonzero(~out)
        rows = rows[np.lexsort((rows, arcs[rows]))]
        found.append((rows, arcs[rows]))
    return found


def assert_same_neighbors(index, lat, lng, expected, ks, radii, **exclude):
    for k in ks:
        rows, arcs = index.nearest(lat, lng, k, unit="rad", **exclude)
        for query, (all_rows, all_arcs) in enumerate(expected):
            n = min(k, len(all_rows))
            assert rows[query, :n].tolist() == all_rows[:n].tolist()
            assert arcs[query, :n].tolist() == all_arcs[:n].tolist()
            assert (rows[query, n:] == -1).all()
            assert np.isnan(arcs[query, n:]).all()
    for radius in radii:
        rows, arcs = index.within(lat, lng, radius, unit="rad", **exclude)
        assert len(rows) == len(arcs) == len(expected)
        for query, (all_rows, all_arcs) in enumerate(expected):
            assert rows[query].tolist() == all_rows[all_arcs <= radius].tolist()
            assert arcs[query].tolist() == all_arcs[all_arcs <= radius].tolist()


# --- the same as brute force ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 33, 400])
@pytest.mark.parametrize("make", DATA)
def test_neighbors_are_those_of_brute_force(backend, make, n):
    rng = np.random.default_rng(n)
    lat, lng = make(rng, n)
    more = make(rng, 12)
    index = NeighborIndex(lat, lng)
    lat, lng = canonical_latlng(lat, lng)
    ask = np.concatenate((lat[:12], more[0], -lat[:4])), np.concatenate((lng[:12], more[1], lng[:4] + 180))
    table = arc_table(*ask, lat, lng)
    radii = (0, 1e-9, np.median(table), 3.1415, 4)
    assert_same_neighbors(index, *ask, brute_force(table, np.zeros(table.shape, bool)), (1, 5, 40, n + 3), radii)


@pytest.mark.parametrize("make", DATA)
def test_what_is_left_out_is_never_found(backend, make):
    rng = np.random.default_rng(7)
    n, m = 300, 30
    lat, lng = make(rng, n)
    index = NeighborIndex(lat, lng)
    lat, lng = canonical_latlng(lat, lng)
    ask, leaves, rows = (lat[:m], lng[:m]), cw.latlng_to_cell(lat, lng), np.arange(m)
    table, ks, radii = arc_table(*ask, lat, lng), (1, 7, 60), (1e-8, 0.5)

    itself = np.eye(n, dtype=bool)[:m]
    assert_same_neighbors(index, *ask, brute_force(table, itself), ks, radii, exclude_row=rows)
    some = np.where(rows % 3 == 0, -1, rows)
    expected = brute_force(table, itself & (some >= 0)[:, None])
    assert_same_neighbors(index, *ask, expected, ks, radii, exclude_row=some)

    place = (lat[:m, None] == lat) & (lng[:m, None] == lng)
    assert_same_neighbors(index, *ask, brute_force(table, place), ks, radii, exclude_place=True)
    elsewhere = ask[0] * 0.9, ask[1]
    nowhere = (elsewhere[0][:, None] == lat) & (elsewhere[1][:, None] == lng)
    expected = brute_force(arc_table(*elsewhere, lat, lng), nowhere)
    assert_same_neighbors(index, *elsewhere, expected, ks, radii, exclude_place=True)

    for level in (0, 3, 9, 17, 30):
        cells = cw.cell_parent(leaves, level)
        block = cells[:m, None] == cells
        assert_same_neighbors(index, *ask, brute_force(table, block), ks, radii, exclude_cell=cells[:m])
        other = np.where(rows % 4 == 0, 0, np.roll(cells[:m], 1)).astype(np.uint64)  # not the row's own block
        expected = brute_force(table, itself | (other[:, None] == cells))
        assert_same_neighbors(index, *ask, expected, ks, radii, exclude_row=rows, exclude_cell=other)


places = st.lists(
    st.tuples(
        st.sampled_from((-90.0, -89.9999999, -30.0, -0.0, 5e-324, 1e-13, 0.1, 30.0, 89.9999999, 90.0)),
        st.sampled_from((-360.0, -180.0, -179.9999999, -90.0, -0.0, 1e-13, 0.1, 90.0, 180.0, 200.0)),
    ),
    min_size=1,
    max_size=60,
).map(np.array)


@given(places, st.integers(1, 70), st.sampled_from((None, "row", "place", "cell")), st.integers(0, 30))
def test_any_places(X, k, exclude, level):
    lat, lng = canonical_latlng(*X.T)
    table = arc_table(lat, lng, lat, lng)
    cells = cw.cell_parent(cw.latlng_to_cell(lat, lng), level)
    hidden, what = {
        None: (np.zeros(table.shape, bool), {}),
        "row": (np.eye(len(X), dtype=bool), {"exclude_row": np.arange(len(X))}),
        "place": ((lat[:, None] == lat) & (lng[:, None] == lng), {"exclude_place": True}),
        "cell": (cells[:, None] == cells, {"exclude_cell": cells}),
    }[exclude]
    expected = brute_force(table, hidden)
    on_each_backend(assert_same_neighbors, NeighborIndex(*X.T), *X.T, expected, (k,), (0, 1.6), **what)


@settings(max_examples=30)
@given(places, st.randoms())
def test_the_order_of_rows_matters_only_for_ties(X, random):
    order = np.array(random.sample(range(len(X)), len(X)))
    rows, arcs = NeighborIndex(*X.T).nearest(*X.T, len(X))
    shuffled_rows, shuffled_arcs = NeighborIndex(*X[order].T).nearest(*X.T, len(X))
    assert (arcs == shuffled_arcs).all()
    assert (np.sort(rows, axis=1) == np.sort(order[shuffled_rows], axis=1)).all()


def test_many_rows_in_one_place_cost_no_more_than_one(backend):
    n = 100_000
    lat, lng = np.full(n, 45.0), np.full(n, 7.0)
    lat[::1000] += 1e-12  # less than unit points can tell
    index = NeighborIndex(lat, lng)
    rows, arcs = index.nearest(lat[:200], lng[:200], 3, unit="rad", exclude_row=np.arange(200))
    assert rows[0].tolist() == [1000, 2000, 3000]
    assert rows[1].tolist() == [2, 3, 4]
    assert (arcs == 0).all()
    assert index.nearest(45.0, 7.0, 5, exclude_place=True)[0].tolist() == [0, 1000, 2000, 3000, 4000]


def test_a_crowded_place_among_others(backend):
    rng = np.random.default_rng(3)
    X = np.vstack([np.column_stack(world(rng, 500)), np.repeat([[12.0, 34.0]], 500, axis=0)])
    X = X[rng.permutation(len(X))]
    expected = brute_force(arc_table(*X[:50].T, *X.T), np.eye(len(X), dtype=bool)[:50])
    assert_same_neighbors(NeighborIndex(*X.T), *X[:50].T, expected, (1, 30, 700), (0.3,), exclude_row=np.arange(50))


def test_large_data_against_scikit_learn():
    rng = np.random.default_rng(0)
    n = 20_000
    lat, lng = world(rng, n)
    rows, arcs = NeighborIndex(lat, lng).nearest(lat, lng, 17, unit="rad")
    X = np.radians(np.column_stack((lat, lng)))
    distances, found = BallTree(X, metric="haversine").query(X, k=17)
    np.testing.assert_allclose(arcs, distances, rtol=1e-9, atol=1e-12)
    assert (rows == found).mean() > 0.999
    assert (rows[:, 0] == np.arange(n)).all()
    assert (arcs[:, 0] == 0).all()
    within = NeighborIndex(lat, lng).within(lat, lng, 100, unit="km")[0]
    assert (
        within.sizes.tolist()
        == BallTree(X, metric="haversine").query_radius(X, 1e5 / cw.EARTH_RADIUS_M, count_only=True).tolist()
    )


@pytest.mark.both_backends
def test_both_backends_give_the_same_bits():
    rng = np.random.default_rng(5)
    lat, lng = np.concatenate([make(rng, 400) for make in DATA], axis=1)
    index, blocks = NeighborIndex(lat, lng), cw.latlng_to_cell(lat, lng, 6)

    def found():
        return [
            *index.nearest(lat, lng, 20, exclude_row=np.arange(len(lat))),
            *index.nearest(lat, lng, 20, exclude_cell=blocks),
            *(x for ragged in index.within(lat, lng, 30, unit="km") for x in (ragged.values, ragged.offsets)),
        ]

    for a, b in zip(*on_each_backend(found)):
        np.testing.assert_array_equal(a, b)


# --- distances --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", DATA)
def test_distances_are_right_to_the_last_digits(make):
    rng = np.random.default_rng(1)
    (lat1, lng1), (lat2, lng2) = (canonical_latlng(*map(np.asarray, make(rng, 150))) for _ in range(2))
    arcs = arcs_between(lat1, lng1, lat2, lng2)
    assert (arcs == arcs_between(lat2, lng2, lat1, lng1)).all()
    assert (arcs >= 0).all()
    np.testing.assert_allclose(arcs, cw.latlng_distance(lat1, lng1, lat2, lng2, unit="rad"), rtol=3e-15)
    with mpmath.workdps(60):
        for arc, *degrees in zip(arcs.tolist(), lat1.tolist(), lng1.tolist(), lat2.tolist(), lng2.tolist()):
            a, b, c, d = (mpmath.radians(mpmath.mpf(x)) for x in degrees)
            h = mpmath.sin((a - c) / 2) ** 2 + mpmath.cos(a) * mpmath.cos(c) * mpmath.sin((b - d) / 2) ** 2
            exact = 2 * mpmath.atan2(mpmath.sqrt(h), mpmath.sqrt(max(0, 1 - h)))
            assert abs(arc - exact) <= 2e-15 * exact


def test_millimeters_and_antipodes(backend):
    index = NeighborIndex([50.0, 50.0, -50.0], [8.0, 8.0 + 1e-8, -172.0])
    rows, distances = index.nearest([50.0], [8.0], 3)
    assert rows.tolist() == [[0, 1, 2]]
    assert distances[0, 0] == 0
    np.testing.assert_allclose(distances[0, 1], cw.latlng_distance(50, 8, 50, 8 + 1e-8), rtol=1e-14)
    assert distances[0, 2] == pytest.approx(np.pi * cw.EARTH_RADIUS_M, rel=1e-15)


def test_units(backend):
    index = NeighborIndex([0.0], [0.0])
    for unit, one_degree in {"m": 111195.1012, "km": 111.1951012, "rad": np.pi / 180, "deg": 1}.items():
        assert index.nearest(0.0, 1.0, 1, unit=unit)[1][0] == pytest.approx(one_degree, rel=1e-8)
        assert len(index.within(0.0, 1.0, one_degree * 1.001, unit=unit)[0]) == 1
        assert len(index.within(0.0, 1.0, one_degree * 0.999, unit=unit)[0]) == 0


# --- forms ------------------------------------------------------------------------------------------------------------


def test_canonical_positions():
    lat, lng = canonical_latlng(np.array([-0.0, 90, -90, 1, 1, 1, 1]), np.array([-0.0, 33, -180, -180, 360, 190, -350]))
    assert lat.tolist() == [0, 90, -90, 1, 1, 1, 1]
    assert lng.tolist() == [0, 0, 0, 180, 0, -170, 10]
    assert not np.signbit(lat[0])
    assert not np.signbit(lng[0])


def test_scalars_and_arrays(backend):
    rng = np.random.default_rng(0)
    index = NeighborIndex(*world(rng, 100))
    for lat, lng in [(45.0, 7.0), (90.0, 7.0), (0.0, -0.0), (-12.5, 350.0), (3.0, -180.0)]:
        one, many = index.nearest(lat, lng, 5), index.nearest([lat], [lng], 5)
        assert one[0].shape == one[1].shape == (5,)
        assert many[0].shape == many[1].shape == (1, 5)
        assert one[0].dtype == np.int64
        assert [x.tolist() for x in one] == [x[0].tolist() for x in many]
        assert index.nearest(lat, lng, 5, exclude_row=one[0][0])[0].tolist()[:4] == one[0][1:].tolist()
        one, many = index.within(lat, lng, 3000, unit="km"), index.within([lat], [lng], 3000, unit="km")
        assert [x.tolist() for x in one] == [x[0].tolist() for x in many]
    rows, _ = index.nearest(45, [7.0, 8.0], 1)
    assert rows.shape == (2, 1)


def test_no_rows_and_no_queries(backend):
    empty = NeighborIndex([], [])
    assert len(empty) == 0
    assert empty.nearest([1.0], [2.0], 2)[0].tolist() == [[-1, -1]]
    assert empty.nearest([1.0], [2.0], 2, exclude_place=True)[0].tolist() == [[-1, -1]]
    assert len(empty.within([1.0], [2.0], 9)[0]) == 1
    index = NeighborIndex([1.0], [2.0])
    assert index.nearest([], [], 3)[0].shape == (0, 3)
    assert len(index.within([], [], 3)[0]) == 0
    assert index.nearest([1.0], [2.0], 1, exclude_row=[0])[0].tolist() == [[-1]]


@pytest.mark.thread_unsafe
def test_parts_hold_few_rows_and_together_all(backend, monkeypatch):
    rng = np.random.default_rng(2)
    lat, lng = rng.uniform(40, 41, (2, 700))
    index = NeighborIndex(lat, lng)
    whole, _ = index.within(lat, lng, 20, unit="km")
    monkeypatch.setattr(search, "PAIRS", 500)
    parts = list(index.within_parts(lat, lng, 20, unit="km"))
    assert len(parts) > 10
    assert sorted(np.concatenate([part.queries for part in parts])) == list(range(700))
    assert max(len(part.rows) for part in parts) <= 500 + whole.sizes.max()
    for part in parts:
        assert part.rows.tolist() == np.concatenate([whole[query] for query in part.queries]).tolist()
        assert part.sizes.tolist() == whole.sizes[part.queries].tolist()
    again, _ = index.within(lat, lng, 20, unit="km")
    assert again == whole
    assert index.nearest(lat, lng, 9)[0].tolist() == [whole[query][:9].tolist() for query in range(700)]


@pytest.mark.thread_unsafe
def test_rows_in_cells(backend, monkeypatch):
    monkeypatch.setattr(search, "PAIRS", 300)
    rng = np.random.default_rng(2)
    lat, lng = rng.uniform(40, 41, (2, 400))
    index, cells = NeighborIndex(lat, lng), cw.latlng_to_cell(lat, lng, 10)
    disks = cw.cell_disk(cells, 1)
    table, n = arc_table(lat, lng, lat, lng), 0
    for part in index.in_cells_parts(lat, lng, disks, exclude_row=np.arange(400)):
        offsets = np.append(0, np.cumsum(part.sizes))
        for query, start, stop in zip(part.queries, offsets, offsets[1:]):
            hidden = ~np.isin(cells, disks[query])
            hidden[query] = True
            rows, arcs = brute_force(table[[query]], hidden[None])[0]
            assert part.rows[start:stop].tolist() == rows.tolist()
            assert part.arcs[start:stop].tolist() == arcs.tolist()
            n += 1
    assert n == 400


def test_pickles_hold_the_coordinates_alone():
    rng = np.random.default_rng(0)
    lat, lng = world(rng, 2000)
    index = NeighborIndex(lat, lng)
    index.nearest(lat[:3], lng[:3], 2)
    saved = pickle.dumps(index)
    assert len(saved) < 2 * 8 * 2000 + 500
    again = pickle.loads(saved)
    assert (again.lat == index.lat).all()
    assert (again.nearest(lat, lng, 4)[0] == index.nearest(lat, lng, 4)[0]).all()
    assert (index.lat == lat).all()
    assert (index.lng == lng).all()


def test_searches_in_threads_share_an_index():
    rng = np.random.default_rng(0)
    lat, lng = world(rng, 3000)
    index = NeighborIndex(lat, lng)
    expected = index.nearest(lat, lng, 8)[0]
    fresh = NeighborIndex(lat, lng)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: fresh.nearest(lat, lng, 8)[0], range(16)):
            assert (found == expected).all()


@pytest.mark.thread_unsafe
@pytest.mark.needs_native
def test_other_threads_run_meanwhile():
    n = 60_000
    index = NeighborIndex(*world(np.random.default_rng(0), n))
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(1)
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    before = len(ticks)
    index.nearest(index.lat, index.lng, 64)
    meanwhile = len(ticks) - before
    done.set()
    thread.join()
    assert meanwhile > 5


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
@pytest.mark.needs_native
def test_ctrl_c_is_noticed():
    X = np.random.default_rng(0).uniform(0, 1, (2, 40_000))
    index = NeighborIndex(*X)
    index.nearest([0.0], [0.0], 1)
    for call, checks in (
        (lambda: index.nearest(*X, 900), 1780),  # on one thread, if nothing stops it
        (lambda: index.within(*X[:, :8000], 0.2, unit="deg", limit=10**12), 840),
    ):
        before = interrupt_checks()
        with cw.set_num_threads(1), ctrl_c():
            call()
        assert 0 < interrupt_checks() - before < checks / 2


# --- rows and positions without a place -------------------------------------------------------------------------------

MISSING = [(np.nan, 0.0), (0.0, np.nan), (91.0, 0.0), (0.0, 400.0), (np.inf, 0.0), (0.0, -np.inf)]


@given(st.data())
def test_missing_rows_keep_their_numbers_and_are_never_found(data):
    n = data.draw(st.integers(1, 12))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    lat, lng = rng.integers(-2, 3, n) * 1.0, rng.integers(-2, 3, n) * 1.0
    is_missing = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    for k in np.flatnonzero(is_missing):
        lat[k], lng[k] = data.draw(st.sampled_from(MISSING))
    numbers = np.flatnonzero(~is_missing)

    def answers(index, number_of):
        rows, arcs = index.nearest(at_lat, at_lng, 4, on_invalid="null")
        within = index.within(at_lat, at_lng, 200, unit="km", on_invalid="null")
        return np.where(rows < 0, -1, number_of[rows]), arcs, within[0].sizes, number_of[within[0].values]

    at_lat, at_lng = rng.uniform(-3, 3, (2, 5))
    at_lat[0], at_lng[0] = data.draw(st.sampled_from(MISSING))
    for name in ("native", "numpy") if cw.backend() == "native" else ("numpy",):
        with cw.testing.use(backend=name):
            index = NeighborIndex(lat, lng, on_invalid="null")
            assert len(index) == n
            assert sorted(index.curve_order.tolist()) == numbers.tolist()
            np.testing.assert_array_equal(np.isnan(index.lat), is_missing)
            np.testing.assert_array_equal(index.lng[numbers], lng[numbers])
            number_of = numbers if len(numbers) else np.zeros(1, int)
            found = answers(index, np.arange(n))
            for one, other in zip(found, answers(NeighborIndex(lat[numbers], lng[numbers]), number_of)):
                np.testing.assert_array_equal(one, other)
            assert (found[0][0] == -1).all()
            assert np.isnan(found[1][0]).all()
            for one, other in zip(found, answers(pickle.loads(pickle.dumps(index)), np.arange(n))):
                np.testing.assert_array_equal(one, other)
            own = index.nearest(lat, lng, 1, exclude_row=np.arange(n), on_invalid="null")[0][:, 0]
            assert (own != np.arange(n)).all()
            assert (own[is_missing] == -1).all()


def test_a_missing_row_may_be_left_out(backend):
    index = NeighborIndex([0.0, np.nan, 1.0], [0.0, 0.0, 1.0], on_invalid="null")
    assert index.nearest([0.0, 0.9, 0.0], [0.0, 0.9, 0.0], 2, exclude_row=[1, 1, 0])[0].tolist() == [
        [0, 2],
        [2, 0],
        [2, -1],
    ]
    assert index.nearest(0.0, 0.0, 1, exclude_place=True)[0].tolist() == [2]
    assert index.nearest(np.nan, 0.0, 1, on_invalid="null")[0].tolist() == [-1]
    parts = list(index.within_parts([0.0, np.nan], [0.0, 0.0], 1, unit="deg", on_invalid="null"))
    assert [part.queries.tolist() for part in parts] == [[0]]
    cells = cw.Ragged(np.array([cw.latlng_to_cell(0.0, 0.0, 0)] * 2, np.uint64), [0, 1, 2])
    assert [p.rows.tolist() for p in index.in_cells_parts([0.0, np.nan], [0.0, 0.0], cells, on_invalid="null")] == [
        [0, 2]
    ]
    assert repr(index) == "NeighborIndex(3 rows at 2 places)"


def test_missing_and_invalid_are_warned_about_once(backend):
    with pytest.warns(cw.errors.InvalidCoordinatesWarning, match=r"got nan at index 1 \(2 of 3 values\)") as said:
        index = NeighborIndex([0.0, np.nan, 95.0], [0.0, 0.0, 1.0], on_invalid="warn")
    assert len(said) == 1
    with pytest.warns(cw.errors.InvalidCoordinatesWarning, match="got 400.0 at index 1"):
        assert index.nearest([0.0, 0.0], [0.0, 400.0], 1, on_invalid="warn")[0].tolist() == [[0], [-1]]
    nothing = NeighborIndex([np.nan], [0.0], on_invalid="null")
    assert nothing.nearest(0.0, 0.0, 2)[0].tolist() == [-1, -1]
    assert nothing.within(0.0, 0.0, 1e9)[0].tolist() == []


# --- messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda i: NeighborIndex([91.0], [0.0]), ValueError, "lat must be in -90..90 degrees: got 91.0"),
        (lambda i: NeighborIndex([0.0, np.nan], [0.0, 0.0]), ValueError, "nan at index 1"),
        (lambda i: NeighborIndex(0.0, 0.0), ValueError, "one-dimensional"),
        (lambda i: NeighborIndex(["a"], [0.0]), TypeError, "lat must be numbers"),
        (
            lambda i: NeighborIndex(*[np.broadcast_to(0.0, 2**31)] * 2),
            ValueError,
            "lat and lng must have at most 2,147,483,647 rows: got 2,147,483,648",
        ),
        (lambda i: i.nearest([np.nan], [0.0], 1), ValueError, "lat must be"),
        (lambda i: i.nearest(np.nan, 0.0, 1), ValueError, "lat must be"),
        (lambda i: i.nearest(0.0, 400.0, 1), ValueError, "lng must be"),
        (lambda i: i.nearest([[0.0]], [[0.0]], 1), ValueError, "scalars or one-dimensional"),
        (lambda i: i.nearest([0.0], [0.0], 0), ValueError, "k must be in 1"),
        (lambda i: i.nearest([0.0], [0.0], 2.0), TypeError, "k must be an integer"),
        (lambda i: i.nearest([0.0], [0.0], 1, unit="mile"), ValueError, "unit must be one of"),
        (lambda i: i.nearest([0.0, 1], [0.0, 1], 1, exclude_row=[0, 3]), ValueError, "exclude_row must be in -1..2"),
        (lambda i: i.nearest([0.0], [0.0], 1, exclude_row=[-2]), ValueError, "got -2 at index 0"),
        (lambda i: i.nearest([0.0], [0.0], 1, exclude_cell=[2]), ValueError, "must be a valid cell"),
        (lambda i: i.nearest([0.0], [0.0], 1, exclude_cell=[4], exclude_place=True), ValueError, "exclude_place"),
        (lambda i: i.within([0.0], [0.0], -1), ValueError, "radius must be 0 or more: got -1"),
        (lambda i: i.within([0.0], [0.0], np.nan), ValueError, "radius must be finite"),
        (lambda i: i.nearest([0.0], [400.0], 1), ValueError, "lng must be in -360..360 degrees: got 400.0"),
        (lambda i: i.within([0.0], [0.0], 9e9, limit=2), ValueError, "more than 2 rows lie within 9e+09 m"),
    ],
)
def test_bad_questions(backend, call, error, words):
    with pytest.raises(error) as why:
        call(NeighborIndex([0.0, 1, 2], [0.0, 1, 2]))
    assert words in str(why.value), str(why.value)


@pytest.mark.needs_native
def test_the_native_module_checks_what_it_is_given():
    native = importlib.import_module("cellwise._native")
    f, i = np.float64, np.int64

    def make_tree(starts, rows, place_of_row=None):
        place_of_row = [0] * len(rows) if place_of_row is None else place_of_row
        arrays = (np.array(numbers, np.int32) for numbers in (starts, rows, place_of_row))
        return native.NeighborTree(np.zeros(1), np.zeros(1), *arrays)

    tree = make_tree([0, 2], [0, 1])
    for starts, rows in (([0], [0]), ([0, 1], [1]), ([0, 1], [-1]), ([0, 0], []), ([0, 2], [0]), ([1, 2], [0, 1])):
        with pytest.raises(ValueError, match="a tree needs"):
            make_tree(starts, rows)
    for place_of_row in ([], [0, 1], [-1, 0], [0, 0, 0]):
        with pytest.raises(ValueError, match="a tree needs"):
            make_tree([0, 2], [0, 1], place_of_row)
    none, good = np.empty(0, i), [np.zeros(1), np.zeros(1), np.zeros(1, i), np.zeros(1, i)]
    out = np.empty((1, 3), i), np.empty((1, 3), f)
    tree.nearest(*good, none, none, none, *out)
    assert out[0].tolist() == [[0, 1, -1]]
    for change in (
        {2: np.array([1])},
        {2: np.array([-1])},
        {1: np.zeros(2)},
        {3: none},
        {4: np.array([2])},
        {5: np.array([0])},
        {4: np.zeros(2, i)},
    ):
        arguments = [*good, none, none, none]
        for at, value in change.items():
            arguments[at] = value
        with pytest.raises(ValueError, match="must"):
            tree.nearest(*arguments, *out)
        with pytest.raises(ValueError, match="must"):
            tree.within(*arguments, 1.0, 0, 10, np.empty(len(arguments[2]), i))
    for shapes in (((1, 3), (1, 2)), ((2, 3), (2, 3)), ((1, 0), (1, 0))):
        with pytest.raises(ValueError, match="results must have"):
            tree.nearest(*good, none, none, none, np.empty(shapes[0], i), np.empty(shapes[1], f))
    for radius, begin, sizes in ((-1.0, 0, 1), (np.nan, 0, 1), (1.0, -1, 1), (1.0, 0, 2)):
        with pytest.raises(ValueError, match="radius must not be negative"):
            tree.within(*good, none, none, none, radius, begin, 10, np.empty(sizes, i))
    stop, rows, arcs = tree.within(*good, none, none, none, 1.0, 5, 10, np.empty(1, i))
    assert (stop, len(rows), len(arcs)) == (5, 0, 0)
    near = np.array([10**12], i)  # a hint, no more
    tree.nearest(*good[:3], near, none, none, none, *out)
    tree.nearest(np.array([np.nan]), *good[1:], none, none, none, *out)
    assert out[0].tolist() == [[-1, -1, -1]]
    with pytest.raises(TypeError):
        native.NeighborTree.nearest(None, *good, none, none, none, *out)
