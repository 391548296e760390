"""Every cell function against Google's library, live: 0 differences, bit for bit where the formula is the same."""

import numpy as np
import oracle
import pytest
from work import many

import cellwise as cw

N_LEAVES = many(50_000, 200_000)


@pytest.fixture(scope="module")
def leaves():
    """Random positions and their leaves."""
    lat, lng = oracle.random_positions(np.random.default_rng(1), N_LEAVES)
    return lat, lng, oracle.leaves(lat, lng)


@pytest.fixture(scope="module")
def adversarial():
    """Positions where faces, cells and floats meet, and their leaves."""
    lat, lng = oracle.adversarial_positions(np.random.default_rng(2))
    return lat, lng, oracle.leaves(lat, lng)


@pytest.fixture(scope="module")
def cells():
    """Some 6,000 cells of all levels, random ones and all those at corners, edges and centers of faces."""
    return oracle.sample_cells(np.random.default_rng(3), many(1_000, 2_500))


def differences(actual, expected):
    """The first few cells that differ, as (index, actual, expected)."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    where = np.argwhere(actual != expected)
    return [(tuple(k.tolist()), actual[tuple(k)].item(), expected[tuple(k)].item()) for k in where[:5]]


def wrong_sets(found, cells, expected):
    """The first few cells whose run differs from the oracle's set."""
    wrong = []
    assert len(found) == len(cells)
    for cell, ours in zip(cells.tolist(), found):
        theirs = sorted(set(expected(cell)))
        if ours.tolist() != theirs:
            wrong.append((oracle.cell_id(cell).ToToken(), ours.tolist(), theirs))
    return wrong[:3]


# --- positions ----------------------------------------------------------------------------------------------------------


def test_random_leaves(leaves, path):
    lat, lng, expected = leaves
    assert differences(cw.latlng_to_cell(lat, lng), expected) == []


def test_adversarial_leaves(adversarial, path):
    lat, lng, expected = adversarial
    assert len(lat) > 100_000
    wrong = cw.latlng_to_cell(lat, lng) != expected
    assert [(a.hex(), b.hex()) for a, b in zip(lat[wrong][:5].tolist(), lng[wrong][:5].tolist())] == []


def test_leaves_of_both_signs_of_180(path):
    lat = np.concatenate((np.linspace(-90, 90, 721), np.random.default_rng(4).uniform(-90, 90, 2_000)))
    for lng in (180.0, -180.0):
        assert differences(cw.latlng_to_cell(lat, lng), oracle.leaves(lat, np.full_like(lat, lng))) == []


def test_positions_at_every_level(adversarial, path):
    lat, lng, leaf = (x[::13] for x in adversarial)
    level = np.arange(len(lat)) % 31
    assert differences(cw.latlng_to_cell(lat, lng, level), oracle.at_level(leaf, level)) == []


def test_points(adversarial, backend):
    rng = np.random.default_rng(5)
    xyz = np.concatenate(
        (
            rng.standard_normal((4_000, 3)) * 10 ** rng.uniform(-150, 150, (4_000, 1)),
            rng.integers(-2, 3, (2_000, 3)) * rng.choice([1.0, 5e-324, 1e-310, 1e-160, 1e150], (2_000, 1)),
            rng.choice([1.0, -1.0, 1 - 2**-53, 1 + 2**-52, 0.0, -0.0, 1e-17], (2_000, 3)),
        )
    )
    xyz = xyz[xyz.any(axis=1)]
    expected = [oracle.s2.S2CellId(oracle.s2.S2Point_FromRaw(*row)).id() for row in xyz.tolist()]
    assert differences(cw.point_to_cell(xyz), np.array(expected, np.uint64)) == []


def test_a_longitude_and_its_turns_are_one_cell(path):
    """All but 180 and -180, the two names of one meridian: they are Google's, whose leaves there are not always one."""
    turned = np.concatenate((np.arange(202.5, 361, 22.5), np.arange(181.0, 361)))
    lat = np.array([-90, -45, -oracle.CORNER_LAT, -10.25, -0.0, 0.0, 10.25, oracle.CORNER_LAT, 45, 90])
    lat, turned = (x.ravel() for x in np.meshgrid(lat, turned))
    for level in (30, 12):
        assert differences(cw.latlng_to_cell(lat, turned, level), cw.latlng_to_cell(lat, turned - 360, level)) == []
        assert differences(cw.latlng_to_cell(lat, -turned, level), cw.latlng_to_cell(lat, 360 - turned, level)) == []
    assert differences(cw.latlng_to_cell(lat, turned), oracle.leaves(lat, turned - 360)) == []


def test_longitudes_beyond_180_are_those_brought_back(path):
    rng = np.random.default_rng(6)
    lat, lng = rng.uniform(-90, 90, 20_000), rng.uniform(180, 360, 20_000)
    lng[:2_000] = oracle.nudged(rng.choice([180, 202.5, 225, 270, 315, 360], 400), range(-2, 3)).ravel()
    lng = np.minimum(lng, 360)
    for sign in (1, -1):
        beyond = np.abs(lng) > 180
        back = np.where(beyond, sign * lng - sign * 360, sign * lng)
        assert differences(cw.latlng_to_cell(lat, sign * lng), oracle.leaves(lat, back)) == []


# --- from cells ---------------------------------------------------------------------------------------------------------


def test_centers(cells, path):
    lat, lng = cw.cell_to_latlng(cells, exact=True)
    expected = np.array([oracle.latlng(c) for c in cells.tolist()])
    assert differences(lat, expected[:, 0]) == []
    assert differences(lng, expected[:, 1]) == []
    assert differences(cw.cell_to_point(cells), [oracle.point(c) for c in cells.tolist()]) == []


def test_centers_of_leaves(leaves, path):
    leaf = leaves[2][:20_000]
    expected = np.array([oracle.latlng(c) for c in leaf.tolist()])
    assert differences(np.stack(cw.cell_to_latlng(leaf, exact=True), axis=-1), expected) == []


def test_vertices(cells, path):
    assert differences(cw.cell_vertices(cells, exact=True), [oracle.vertices(c) for c in cells.tolist()]) == []


def test_bounds(cells, backend):
    assert differences(cw.cell_bounds(cells), [oracle.bounds(c) for c in cells.tolist()]) == []


def test_tokens_and_strings(cells, path):
    tokens = [oracle.cell_id(c).ToToken() for c in cells.tolist()]
    strings = [oracle.cell_id(c).ToString() for c in cells.tolist()]
    assert cw.cell_to_token(cells).tolist() == tokens
    assert cw.cell_to_string(cells).tolist() == strings
    assert differences(cw.token_to_cell(tokens), cells) == []
    assert differences(cw.string_to_cell(strings), cells) == []


def test_level_face_leaf_ij(cells, path):
    objects = [oracle.cell_id(c) for c in cells.tolist()]
    assert cw.cell_level(cells).tolist() == [c.level() for c in objects]
    assert cw.cell_face(cells).tolist() == [c.face() for c in objects]
    assert cw.cell_is_leaf(cells).tolist() == [c.is_leaf() for c in objects]
    assert np.stack(cw.cell_ij(cells), axis=-1).tolist() == [c.ToFaceIJOrientation()[1:3] for c in objects]


def test_validity(cells, path):
    rng = np.random.default_rng(7)
    ids = np.concatenate(
        (cells, rng.integers(0, 2**64, 20_000, np.uint64), np.uint64(1) << np.arange(64, dtype=np.uint64))
    )
    ids = np.concatenate((ids, np.array([0, 2**64 - 1], np.uint64), cells << np.uint64(1), cells | np.uint64(7 << 61)))
    assert cw.cell_is_valid(ids).tolist() == [oracle.cell_id(c).is_valid() for c in ids.tolist()]


def test_parents_and_children(cells, path):
    objects = [oracle.cell_id(c) for c in cells.tolist()]
    level = np.random.default_rng(8).integers(0, 31, len(cells)) % (cw.cell_level(cells) + 1)
    assert cw.cell_parent(cells, level).tolist() == [c.parent(k).id() for c, k in zip(objects, level.tolist())]
    inner = cells[cw.cell_level(cells) < 30]
    expected = [[oracle.cell_id(c).child(k).id() for k in range(4)] for c in inner.tolist()]
    assert [run.tolist() for run in cw.cell_children(inner)] == expected
    assert cw.cell_child(inner[:, None], np.arange(4)).tolist() == expected
    deep = inner[cw.cell_level(inner) < 28][::5]
    for cell, run in zip(deep.tolist(), cw.cell_children(deep, cw.cell_level(deep) + 3)):
        first, last = oracle.cell_id(cell).child_begin(), oracle.cell_id(cell)
        for _ in range(2):
            first = first.child_begin()
        assert (len(run), run[0]) == (64, first.id())
        assert (run[0] - (run[1] - run[0]) // 2, run[-1] + (run[1] - run[0]) // 2) == (
            last.range_min().id() - 1,
            last.range_max().id() + 1,
        )


def test_ranges(cells, path):
    objects = [oracle.cell_id(c) for c in cells.tolist()]
    assert cw.cell_range_min(cells).tolist() == oracle.ids(c.range_min() for c in objects)
    assert cw.cell_range_max(cells).tolist() == oracle.ids(c.range_max() for c in objects)


def test_containment(cells, path):
    rng = np.random.default_rng(9)
    a = rng.choice(cells, 12_000)
    level = cw.cell_level(a)
    related = [oracle.at_level(a, rng.integers(0, 31, len(a)) % (level + 1)), a, rng.choice(cells, len(a))]
    related += [cw.cell_range_min(a), cw.cell_range_max(a), cw.cell_next(a), cw.cell_range_max(a) + np.uint64(2)]
    b = np.choose(rng.integers(0, 7, len(a)), related)
    b = np.where(cw.cell_is_valid(b), b, a)
    pairs = [(oracle.cell_id(x), oracle.cell_id(y)) for x, y in zip(a.tolist(), b.tolist())]
    assert cw.cell_contains(a, b).tolist() == [x.contains(y) for x, y in pairs]
    assert cw.cell_contains(b, a).tolist() == [y.contains(x) for x, y in pairs]
    assert cw.cell_intersects(a, b).tolist() == [x.intersects(y) for x, y in pairs]
    shared = [
        next((x.parent(k).id() for k in range(min(x.level(), y.level()), -1, -1) if x.parent(k) == y.parent(k)), 0)
        for x, y in pairs[:3_000]
    ]
    assert cw.cell_common_ancestor(a[:3_000], b[:3_000]).tolist() == shared


# --- along the curve ------------------------------------------------------------------------------------------------------


def test_next_and_prev(cells, backend):
    """The oracle's own next and prev run off the ends of the curve: there ours go on at the other end."""
    level = cw.cell_level(cells).tolist()
    ends = {k: (oracle.s2.S2CellId.Begin(k), oracle.s2.S2CellId.End(k).prev()) for k in range(31)}

    def following(cell, k):
        return ends[k][0].id() if cell == ends[k][1].id() else oracle.cell_id(cell).next().id()

    def preceding(cell, k):
        return ends[k][1].id() if cell == ends[k][0].id() else oracle.cell_id(cell).prev().id()

    assert cw.cell_next(cells).tolist() == list(map(following, cells.tolist(), level))
    assert cw.cell_prev(cells).tolist() == list(map(preceding, cells.tolist(), level))
    for k, (first, last) in ends.items():
        assert (cw.cell_prev(first.id()), cw.cell_next(last.id())) == (last.id(), first.id())
        assert cw.cell_level(cw.cell_prev(first.id())) == k


# --- neighbors -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded(cells):
    """Thousands of cells, and every cell round a corner of the cube at levels 29 and 30."""
    round_corners = []
    for level in (29, 30):
        corners = oracle.corner_cells(level)
        for corner in corners.tolist():
            near = {corner}
            for _ in range(2):
                near |= {i for c in near for i in oracle.ids(oracle.cell_id(c).GetAllNeighbors(level))}
            round_corners += sorted(near)
    return np.unique(np.concatenate((cells, np.array(round_corners, np.uint64))))


def test_edge_neighbors_in_order(crowded, path):
    expected = [oracle.ids(oracle.cell_id(c).GetEdgeNeighbors()) for c in crowded.tolist()]
    assert len(crowded) > 5_000
    assert differences(cw.cell_edge_neighbors(crowded), np.array(expected, np.uint64)) == []


def test_all_neighbors(crowded, path):
    for deeper in (0, 1, 3):
        cells = crowded if deeper == 0 else crowded[cw.cell_level(crowded) <= 30 - deeper][::4]
        levels = cw.cell_level(cells) + deeper
        found = cw.cell_all_neighbors(cells, levels) if deeper else cw.cell_all_neighbors(cells)
        level_of = dict(zip(cells.tolist(), levels.tolist()))
        assert (
            wrong_sets(found, cells, lambda c, of=level_of: oracle.ids(oracle.cell_id(c).GetAllNeighbors(of[c]))) == []
        )


def test_vertex_neighbors(crowded, backend):
    cells = crowded[cw.cell_level(crowded) > 0]
    rng = np.random.default_rng(10)
    own = cw.cell_level(cells)
    for levels in (own - 1, rng.integers(0, 31, len(cells)) % own):
        level_of = dict(zip(cells.tolist(), levels.tolist()))
        found = cw.cell_vertex_neighbors(cells, levels)
        assert (
            wrong_sets(found, cells, lambda c, of=level_of: oracle.ids(oracle.cell_id(c).GetVertexNeighbors(of[c])))
            == []
        )


# --- areas ------------------------------------------------------------------------------------------------------------------


def test_areas(cells, backend):
    theirs = np.array([oracle.s2.S2Cell(oracle.cell_id(c)).ExactArea() for c in cells.tolist()])
    ours = cw.cell_area(cells, unit="sr")
    error = np.abs(ours / theirs - 1) / oracle.google_area_error(cw.cell_level(cells))
    assert error.max() < 1, (cells[error.argmax()], error.max())


def test_average_areas():
    table = cw.level_table(area="sr")
    for level in range(31):
        assert (
            table.loc[level, "avg_area"]
            == oracle.s2.S2Cell(oracle.cell_id(oracle.at_level(np.uint64(1), level))).AverageArea()
        )


# --- distances ----------------------------------------------------------------------------------------------------------------


def test_distances(leaves, backend):
    lat, lng, _ = (x[:4_000] for x in leaves)
    points = [oracle.s2.S2LatLng.FromDegrees(a, b) for a, b in zip(lat.tolist(), lng.tolist())]
    theirs = np.array([p.GetDistance(q).radians() for p, q in zip(points, reversed(points))])
    ours = cw.latlng_distance(lat, lng, lat[::-1], lng[::-1], unit="rad")
    np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=2e-15)


def test_the_earth_is_as_large_as_googles():
    assert oracle.s2.S2Earth.RadiusMeters() == cw.EARTH_RADIUS_M
    assert cw.latlng_distance(0, 0, 0, 90) == pytest.approx(oracle.s2.S2Earth.RadiansToMeters(np.pi / 2), rel=1e-15)
