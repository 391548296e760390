"""Areas, vertices, bounds, distances and polygons against 60-digit arithmetic; sizes of levels against Google's."""

import math

import mpmath
import numpy as np
import oracle
import pytest
import shapely

import cellwise as cw

L15, LEAF = 10743750135264575488, 10743750136202470315
FACES = oracle.cells_of_level(0)


@pytest.fixture(scope="module")
def cells():
    """Cells of all levels: random ones, and some of those at corners, edges and centers of faces."""
    rng = np.random.default_rng(301)
    parts = [oracle.random_cells(rng, 12, level) for level in range(31)]
    parts += [rng.choice(oracle.special_cells(level), 8) for level in range(31)]
    return np.unique(np.concatenate([*parts, *(oracle.corner_cells(level)[::5] for level in range(0, 31, 3))]))


# --- areas --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exact_areas(cells):
    return [oracle.exact_area(c) for c in cells.tolist()]


def test_areas(cells, exact_areas, backend):
    with mpmath.workdps(oracle.DIGITS):
        error = [
            abs(float(mpmath.mpf(a) / b - 1)) for a, b in zip(cw.cell_area(cells, unit="sr").tolist(), exact_areas)
        ]
    worst = int(np.argmax(error))
    assert error[worst] < 1e-14, cells[worst]


def test_areas_of_every_cell_of_coarse_levels(backend):
    """Up to level 3, where quadrature has most to do."""
    for level in range(4):
        cells = oracle.cells_of_level(level)[:: 1 if level < 3 else 5]
        exact = np.array([float(oracle.exact_area(c)) for c in cells.tolist()])
        np.testing.assert_allclose(cw.cell_area(cells, unit="sr"), exact, rtol=1e-14)


def test_the_faces_make_the_sphere(backend):
    for level in range(7):
        areas = cw.cell_area(oracle.cells_of_level(level), unit="sr")
        assert math.fsum(areas) == pytest.approx(4 * math.pi, rel=1e-14)
    assert cw.cell_area(FACES).sum() == pytest.approx(4 * math.pi * cw.EARTH_RADIUS_M**2, rel=1e-14)


def test_children_make_their_parent(cells, backend):
    inner = cells[cw.cell_level(cells) < 30]
    children = cw.cell_area(cw.cell_children(inner).values).reshape(-1, 4)
    np.testing.assert_allclose(children.sum(axis=1), cw.cell_area(inner), rtol=1e-14)


def test_mirror_images_are_equal(backend):
    """The six faces are alike, and so are the eight mirror images on a face."""
    rng = np.random.default_rng(302)
    end = (1 << 30) - 1
    for _ in range(200):
        i, j, level = int(rng.integers(end)), int(rng.integers(end)), int(rng.integers(31))
        places = {(a, b) for x, y in ((i, j), (j, i)) for a in (x, end - x) for b in (y, end - y)}
        images = [
            oracle.s2.S2CellId.FromFaceIJ(face, a, b).parent(level).id() for face in range(6) for a, b in sorted(places)
        ]
        areas = cw.cell_area(images)
        np.testing.assert_allclose(areas, areas[0], rtol=4e-15)


def test_units_of_area(cells, backend):
    sr = cw.cell_area(cells, unit="sr")
    np.testing.assert_allclose(cw.cell_area(cells), sr * 6371010.0**2, rtol=1e-15)
    np.testing.assert_allclose(cw.cell_area(cells, unit="km2"), sr * 6371.01**2, rtol=1e-15)
    for unit in ("m", "ha", None, 1):
        with pytest.raises(ValueError, match="unit must be one of"):
            cw.cell_area(cells, unit=unit)


# --- vertices and bounds -------------------------------------------------------------------------------------------------


def test_vertices(cells, path):
    """Within 1e-13 degrees of arc, and of latitude and of longitude too, save at the poles themselves."""
    ours = cw.cell_vertices(cells)
    worst = 0.0
    for cell, four in zip(cells.tolist(), ours.tolist()):
        for exact, (lat, lng) in zip(oracle.exact_vertices(cell), four):
            arc = math.degrees(oracle.exact_angle(exact, oracle.exact_point(lat, lng)))
            exact_lat, exact_lng = oracle.exact_latlng(exact)
            turned = abs(float(exact_lng - lng))
            east = min(turned, 360 - turned) if abs(lat) < 90 else 0.0
            worst = max(worst, arc, abs(float(exact_lat - lat)), east * math.cos(math.radians(lat)))
    assert worst < 1e-13


def test_centers(cells, path):
    lat, lng = cw.cell_to_latlng(cells)
    points = cw.cell_to_point(cells)
    np.testing.assert_allclose((points**2).sum(axis=1), 1, rtol=5e-16)
    for cell, a, b, p in zip(cells.tolist(), lat.tolist(), lng.tolist(), points.tolist()):
        exact = oracle.exact_center(cell)
        assert math.degrees(oracle.exact_angle(exact, oracle.exact_point(a, b))) < 1e-13
        assert oracle.exact_angle(exact, p) < 5e-16


def to_xyz(lat, lng):
    lat, lng = np.radians(lat), np.radians(lng)
    return np.stack((np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)), axis=-1)


def test_vertices_go_round_counter_clockwise(cells, backend):
    """All turns are to the left, seen from outside. Coarse cells: the corners of fine ones are lost in to_xyz."""
    coarse = cells[cw.cell_level(cells) <= 20]
    ring = to_xyz(*np.moveaxis(cw.cell_vertices(coarse), -1, 0))
    for k in range(4):
        a, b, c = (ring[:, (k + m) % 4] for m in range(3))
        assert (np.einsum("ij,ij->i", np.cross(a, b), c) > 0).all()
        assert (np.einsum("ij,ij->i", np.cross(a, b), cw.cell_to_point(coarse)) > 0).all()


def test_vertices_are_shared(cells, path):
    """The four outer corners of the children are the cell's own, and all four meet in one point: the very same bits."""
    inner = cells[cw.cell_level(cells) < 30]
    own = cw.cell_vertices(inner)
    children = cw.cell_vertices(cw.cell_children(inner).values).reshape(-1, 16, 2)
    for mine, theirs in zip(own.tolist(), children.tolist()):
        corners = [tuple(v) for v in theirs]
        assert all(corners.count(tuple(v)) == 1 for v in mine)
        assert sorted(corners.count(v) for v in set(corners)) == [1, 1, 1, 1, 2, 2, 2, 2, 4]


def test_bounds_hold_the_cell(cells, backend):
    rng = np.random.default_rng(303)
    south, north, west, east = (x[:, None] for x in cw.cell_bounds(cells).T)
    corners = cw.cell_vertices(cells)
    first, last = cw.cell_range_min(cells), cw.cell_range_max(cells)
    leaves = first[:, None] + (((last - first) // np.uint64(2))[:, None] * rng.random((len(cells), 12))).astype(
        np.uint64
    ) * np.uint64(2)
    lat, lng = cw.cell_to_latlng(leaves)
    lat, lng = (np.concatenate((x, corners[..., k]), axis=1) for k, x in enumerate((lat, lng)))
    assert ((south <= lat) & (lat <= north)).all()
    inside = np.where(west <= east, (west <= lng) & (lng <= east), (west <= lng) | (lng <= east))
    assert (inside | (np.abs(lat) == 90) | (np.abs(lng) == 180)).all()
    assert ((np.abs(south) <= 90) & (np.abs(north) <= 90) & (np.abs(west) <= 180) & (np.abs(east) <= 180)).all()
    assert (south < north).all()


def test_bounds_of_cells_at_the_poles_and_the_antimeridian(backend):
    for lat in (90, -90):
        cells = cw.latlng_to_cell(lat, [0.0, 50.0, 180.0], [[0], [7], [30]])
        bounds = cw.cell_bounds(cells)
        assert (np.abs(bounds[..., :2]).max(axis=-1) == 90).all()
        assert (bounds[..., 2:] == (-180, 180)).all()
    across = cw.cell_bounds(cw.token_to_cell("7"))
    assert across[2] > 0 > across[3]
    assert (across[2], across[3]) == (135, -135)


# --- distances ---------------------------------------------------------------------------------------------------------------


def position_pairs():
    """Pairs of positions from identical ones to antipodes, near poles, and across 180."""
    rng = np.random.default_rng(304)
    lat, lng = oracle.random_positions(rng, 1_200)
    lat[:200] = np.sign(lat[:200]) * (90 - 10 ** rng.uniform(-13, 0, 200))
    lng[200:300] = np.sign(lng[200:300]) * (180 - 10 ** rng.uniform(-10, 0, 100))
    lat[300:330] = np.resize([90.0, -90.0, 0.0], 30)
    step = 10 ** rng.uniform(-13, 2, 1_200)
    turn = rng.uniform(0, 2 * np.pi, 1_200)
    lat2 = lat + step * np.sin(turn)
    lng2 = lng + step * np.cos(turn) / np.maximum(np.cos(np.radians(lat)), 1e-12)
    opposite = rng.random(1_200) < 0.2
    lat2, lng2 = np.where(opposite, -lat2, lat2), np.where(opposite, lng2 + 180, lng2)
    lat2 = np.where(np.abs(lat2) > 90, np.sign(lat2) * 180 - lat2, lat2)
    lng2 = (lng2 + 180) % 360 - 180
    some = rng.random(1_200) < 0.1
    return (
        lat,
        lng,
        np.where(some, lat, np.clip(lat2, -90, 90)),
        np.where(some, np.where(rng.random(1_200) < 0.5, -lng, lng2), lng2),
    )


@pytest.fixture(scope="module")
def pairs():
    lat, lng, lat2, lng2 = position_pairs()
    exact = [
        oracle.exact_angle(oracle.exact_point(a, b), oracle.exact_point(c, d))
        for a, b, c, d in zip(lat.tolist(), lng.tolist(), lat2.tolist(), lng2.tolist())
    ]
    return lat, lng, lat2, lng2, exact


def relative_errors(ours, exact):
    with mpmath.workdps(oracle.DIGITS):
        return np.array([float(abs(mpmath.mpf(a) - b) / b) if b else a for a, b in zip(ours, exact)])


def test_distances(pairs, backend):
    lat, lng, lat2, lng2, exact = pairs
    ours = cw.latlng_distance(lat, lng, lat2, lng2, unit="rad")
    error = relative_errors(ours.tolist(), exact)
    worst = int(np.argmax(error))
    assert error[worst] < 1e-12, (lat[worst], lng[worst], lat2[worst], lng2[worst])
    assert error[worst] < 1e-14  # what the docstring promises
    meters = ours * cw.EARTH_RADIUS_M
    assert meters[meters > 0].min() < 1e-6  # the cases reach from far below a millimeter ...
    assert (meters > 20_015_000).sum() > 5  # ... to antipodes
    assert (ours <= np.pi).all()


def test_distances_are_symmetric(pairs, backend):
    lat, lng, lat2, lng2, _ = pairs
    there, back = cw.latlng_distance(lat, lng, lat2, lng2), cw.latlng_distance(lat2, lng2, lat, lng)
    np.testing.assert_allclose(there, back, rtol=3e-14, atol=0)


def test_no_distance_to_itself(pairs, backend):
    lat, lng = pairs[:2]
    assert (cw.latlng_distance(lat, lng, lat, lng) == 0).all()
    turned = np.where(lng > 0, lng - 360, lng + 360)
    same = (turned + np.where(lng > 0, 360, -360)) == lng  # where the turn loses nothing
    assert same.sum() > 500
    assert (cw.latlng_distance(lat, lng, lat, turned)[same] == 0).all()
    assert (cw.latlng_distance(lat, 180, lat, -180) == 0).all()
    assert (cw.latlng_distance([90, -90], 12.5, [90, -90], -77) == 0).all()


def test_distances_that_are_known(backend):
    assert cw.latlng_distance(0, 0, 0, 180, unit="rad") == math.pi
    assert cw.latlng_distance(90, 5, -90, 123, unit="rad") == math.pi
    assert cw.latlng_distance(0, 0, 90, 0, unit="deg") == 90
    assert cw.latlng_distance(0, 179.5, 0, -179.5, unit="deg") == pytest.approx(1, rel=1e-15)
    assert cw.latlng_distance(89.5, 0, 89.5, 180, unit="deg") == pytest.approx(1, rel=1e-15)
    assert cw.latlng_distance(0, 0, 0, 1e-300, unit="deg") == pytest.approx(1e-300, rel=1e-15)
    assert cw.latlng_distance(0, 350, 0, 10, unit="deg") == pytest.approx(20, rel=1e-15)
    assert cw.latlng_distance(0, -360, 0, 360) == 0
    assert cw.latlng_distance(0, 0, 1, 0, unit="km") == pytest.approx(math.radians(6371.01), rel=1e-15)


def test_cell_distances(cells, backend):
    rng = np.random.default_rng(305)
    a = rng.choice(cells, 900)
    near = cw.cell_to_point(a) * -1
    others = [
        rng.choice(cells, 900),
        cw.cell_next(a),
        cw.cell_parent(a, cw.cell_level(a) // 2),
        cw.point_to_cell(near),
        a,
    ]
    b = np.choose(rng.integers(0, 5, 900), others)
    ours = cw.cell_distance(a, b, unit="rad")
    exact = [oracle.exact_angle(oracle.exact_center(x), oracle.exact_center(y)) for x, y in zip(a.tolist(), b.tolist())]
    error = relative_errors(ours.tolist(), exact)
    assert error.max() < 1e-15
    assert (cw.cell_distance(b, a, unit="rad") == ours).all()
    assert (cw.cell_distance(a, a) == 0).all()
    assert (cw.cell_distance(cells[:, None], cells[None, :5]).shape) == (len(cells), 5)


def test_cell_distances_from_neighbors_to_antipodes(backend):
    leaf = int(cw.latlng_to_cell(0, 0))
    steps = [int(cw.cell_advance(leaf, 1)), *(int(cw.latlng_to_cell(0, 10.0**k)) for k in range(-7, 3))]
    ours = cw.cell_distance(leaf, steps, unit="rad")
    exact = [oracle.exact_angle(oracle.exact_center(leaf), oracle.exact_center(c)) for c in steps]
    assert relative_errors(ours.tolist(), exact).max() < 1e-15
    assert cw.cell_distance(FACES[:3], FACES[3:], unit="rad").tolist() == [math.pi] * 3
    assert cw.cell_distance(FACES[0], FACES[[1, 2, 4, 5]], unit="deg").tolist() == [90.0] * 4
    assert cw.cell_distance(FACES[0], FACES[3]) == cw.EARTH_RADIUS_M * math.pi


def test_cell_distance_is_between_centers(cells, backend):
    lat, lng = cw.cell_to_latlng(cells)
    theirs = cw.latlng_distance(lat, lng, lat[::-1], lng[::-1])
    np.testing.assert_allclose(cw.cell_distance(cells, cells[::-1]), theirs, rtol=1e-9, atol=1e-8)


# --- polygons -----------------------------------------------------------------------------------------------------------------


def rings(polygon):
    return [np.asarray(part.exterior.coords) for part in shapely.get_parts(polygon)]


def test_polygons_are_valid_and_whole(cells, backend):
    polygons = cw.cell_to_polygon(cells)
    assert shapely.is_valid(polygons).all()
    assert not shapely.is_empty(polygons).any()
    assert set(shapely.get_type_id(polygons).tolist()) <= {3, 6}
    lat, lng = cw.cell_to_latlng(cells)
    coarse = cw.cell_level(cells) < 20
    assert shapely.covers(polygons, shapely.points(lng, lat))[coarse].all()
    for polygon in polygons:
        for ring in rings(polygon):
            assert (np.abs(ring) <= (180, 90)).all()
            assert np.abs(np.diff(ring[:, 0])).max() <= 180 or np.abs(ring[:, 1]).max() == 90


@pytest.mark.parametrize("level", range(5))
def test_polygons_tile_the_map(level):
    """No gaps, no overlaps: together they have the map's area, and so does their union, without holes."""
    polygons = cw.cell_to_polygon(oracle.cells_of_level(level))
    assert shapely.is_valid(polygons).all()
    # Edges are drawn straight between points at most 2 degrees apart, more of them on one side than on the other.
    assert shapely.area(polygons).sum() == pytest.approx(360 * 180, rel=5e-5)
    assert shapely.union_all(polygons).area == pytest.approx(360 * 180, rel=5e-5)


def test_polygons_across_180_have_two_sides(backend):
    """Of all cells only face 3 lies on both: on finer levels the antimeridian is an edge."""
    west, east = shapely.get_parts(cw.cell_to_polygon(cw.token_to_cell("7")))
    assert sorted([west.bounds[::2], east.bounds[::2]]) == [(-180.0, -135.0), (135.0, 180.0)]
    assert west.area == pytest.approx(east.area)
    for level in range(1, 31):
        near = cw.latlng_to_cell(np.linspace(-89, 89, 40), np.resize([-180, 180], 40), level)
        for polygon in cw.cell_to_polygon(near):
            assert polygon.geom_type == "Polygon"
            assert polygon.bounds[2] - polygon.bounds[0] <= 90
            assert polygon.bounds[0] == -180 or polygon.bounds[2] == 180


def test_polygons_of_missing_and_other_shapes(backend):
    assert cw.cell_to_polygon(0) is None
    many = cw.cell_to_polygon(np.array([[L15, 0], [LEAF, L15]], np.uint64))
    assert many.shape == (2, 2)
    assert many[0, 1] is None
    assert many[0, 0].equals(many[1, 1])
    assert cw.cell_to_polygon([]).shape == (0,)
    corners = np.asarray(cw.cell_to_polygon(L15).exterior.coords)[:, ::-1]
    np.testing.assert_allclose(corners[:-1], cw.cell_vertices(L15), rtol=0, atol=1e-13)


# --- sizes of levels -------------------------------------------------------------------------------------------------------------


def test_level_table():
    table = cw.level_table(length="rad", area="sr")
    assert table.index.tolist() == list(range(31))
    assert table.columns.tolist() == ["cells", "min_edge", "avg_edge", "max_edge", "min_area", "avg_area", "max_area"]
    assert table["cells"].tolist() == [6 * 4**level for level in range(31)]
    assert table["cells"].dtype == np.uint64
    np.testing.assert_allclose(table["cells"] * table["avg_area"], 4 * math.pi, rtol=1e-15)
    for a, b, c in (("min_edge", "avg_edge", "max_edge"), ("min_area", "avg_area", "max_area")):
        assert (table[a] < table[b]).all()
        assert (table[b] < table[c]).all()
    meters = cw.level_table()
    np.testing.assert_allclose(meters["avg_edge"], table["avg_edge"] * 6371010.0, rtol=1e-15)
    np.testing.assert_allclose(meters["min_area"], table["min_area"] * 6371010.0**2, rtol=1e-15)
    for bad in ({"length": "mi"}, {"area": "m"}):
        with pytest.raises(ValueError, match="must be one of"):
            cw.level_table(**bad)


@pytest.mark.parametrize("level", range(1, 7))
def test_the_level_table_bounds_all_cells(level):
    row = cw.level_table(length="rad", area="sr").loc[level]
    cells = oracle.cells_of_level(level)
    areas = cw.cell_area(cells, unit="sr")
    assert row["min_area"] * (1 - 1e-15) <= areas.min() <= areas.max() <= row["max_area"] * (1 + 1e-15)
    v = cw.cell_vertices(cells)
    after = np.roll(v, -1, axis=1)
    edges = cw.latlng_distance(v[..., 0], v[..., 1], after[..., 0], after[..., 1], unit="rad")
    assert row["min_edge"] * (1 - 1e-14) <= edges.min() <= edges.max() <= row["max_edge"] * (1 + 1e-14)
    assert edges.mean() == pytest.approx(row["avg_edge"], rel=0.06)


@pytest.mark.parametrize("what", ["edge", "area"])
def test_the_level_for_a_size(what):
    """From the definitions: closest in ratio to the average; coarsest with none above; finest with none below."""
    find = cw.level_for_edge if what == "edge" else cw.level_for_area
    table = cw.level_table(length="rad", area="sr")
    smallest, average, largest = (table[f"{kind}_{what}"].to_numpy() for kind in ("min", "avg", "max"))
    rng = np.random.default_rng(306)
    values = [
        *10 ** rng.uniform(-21, 2, 600),
        *smallest,
        *average,
        *largest,
        *np.nextafter(largest, 0),
        *np.nextafter(smallest, 9),
    ]
    unit = "rad" if what == "edge" else "sr"
    for value in map(float, values):
        assert find(value, unit=unit) == int(np.argmin(np.abs(np.log(average / value))))
        fits = np.flatnonzero(largest <= value)
        assert find(value, unit=unit, rule="max") == (fits[0] if len(fits) else 30)
        fits = np.flatnonzero(smallest >= value)
        assert find(value, unit=unit, rule="min") == (fits[-1] if len(fits) else 0)
        assert find(value, unit=unit, rule="min") <= find(value, unit=unit) <= find(value, unit=unit, rule="max")
    for level in range(31):
        assert find(float(average[level]), unit=unit) == level
    assert type(find(1.0)) is int


def test_the_level_for_a_size_in_every_unit():
    assert {cw.level_for_edge(1_000, unit="m"), cw.level_for_edge(1, unit="km")} == {13}
    assert cw.level_for_edge(90, unit="deg") == cw.level_for_edge(math.pi / 2, unit="rad") == 0
    assert cw.level_for_area(1e6) == cw.level_for_area(1, unit="km2") == 13
    for call in (cw.level_for_edge, cw.level_for_area):
        for bad in (0, -1.0, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="must be (positive|finite)"):
                call(bad)
        for bad in ("1", None, True, [1.0]):
            with pytest.raises(TypeError, match="must be a number"):
                call(bad)
        with pytest.raises(ValueError, match="rule must be one of"):
            call(1.0, rule="nearest")
        with pytest.raises(ValueError, match="unit must be one of"):
            call(1.0, unit="mi")
        with pytest.raises(TypeError):
            call(1.0, "km")
        assert call(np.float32(1000)) == call(1000)
