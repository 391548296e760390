import numpy as np
import pytest
import shapely

import cellwise as cw
from cellwise._outlines import outlines

FACES = cw.token_to_cell(["1", "3", "5", "7", "9", "b"])


def positions(n, seed=0):
    """Positions all over the sphere, and where it is cut: the antimeridian, the poles and near them."""
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    lng = rng.uniform(-180, 180, n)
    lng[: n // 10] = rng.choice([-180, 180, 0, 90, -90], n // 10)
    lat[n // 10 : n // 5] = np.copysign(90 - 10 ** rng.uniform(-9, 0, n // 5 - n // 10), lat[n // 10 : n // 5])
    lat[0], lat[1] = 90, -90
    return lat, lng


@pytest.mark.parametrize("level", range(6))
def test_all_cells_of_a_level_tile_the_map(level):
    polygons = outlines(cw.cell_children(FACES, level).values)
    assert shapely.is_valid(polygons).all()
    assert shapely.area(polygons).sum() == pytest.approx(360 * 180, rel=1e-4)
    assert shapely.union_all(polygons).area == pytest.approx(360 * 180, rel=1e-4)  # so that they are disjoint, too
    assert shapely.total_bounds(polygons).tolist() == [-180, -90, 180, 90]


def test_only_three_faces_are_wide():
    faces = outlines(FACES)
    assert [polygon.geom_type for polygon in faces] == [*["Polygon"] * 3, "MultiPolygon", *["Polygon"] * 2]
    west, south, east, north = shapely.bounds(faces).T
    assert west.tolist() == [-45, 45, -180, -180, -135, -180]
    assert east.tolist() == [45, 135, 180, 180, -45, 180]
    assert north[2] == 90
    assert south[5] == -90
    assert south[2] == pytest.approx(35.2644, abs=1e-4)
    assert [part.bounds[::2] for part in faces[3].geoms] in ([(-180, -135), (135, 180)], [(135, 180), (-180, -135)])


@pytest.mark.parametrize("level", [1, 2, 5, 6, 10, 20, 30])
def test_cells_from_level_1_on(level):
    lat, lng = positions(3000, level)
    cells = np.unique(cw.latlng_to_cell(lat, lng, level))
    polygons = outlines(cells)
    assert shapely.is_valid(polygons).all()
    assert (shapely.get_type_id(polygons) == 3).all()
    west, south, east, north = shapely.bounds(polygons).T
    assert (east - west <= 90).all()
    assert (west >= -180).all()
    assert (east <= 180).all()
    at_pole = (north == 90) | (south == -90)
    assert at_pole.any()
    assert (east - west)[at_pole].max() == 90
    assert shapely.is_ccw(shapely.get_exterior_ring(polygons)).all()


@pytest.mark.parametrize("level", [0, 1, 2, 3, 4, 7, 12, 20, 30])
def test_points_of_a_cell_lie_in_its_polygon(level):
    lat, lng = positions(1000, level)
    polygons = outlines(cw.latlng_to_cell(lat, lng, level))
    here, there = (shapely.distance(polygons, shapely.points(x, lat)) for x in (lng, np.where(lng == 180, -180, 180)))
    distance = np.where(np.abs(lng) == 180, np.minimum(here, there), here)
    distance[:2] = 0  # a pole has no longitude of its own; test_cells_from_level_1_on looks at it
    assert distance.max() < 0.003 * 0.5 ** max(level - 6, 0) + 1e-13


@pytest.mark.parametrize("level", [1, 6, 15, 30])
def test_vertices_are_the_cells(level):
    lat, lng = positions(500, level)
    cells = cw.latlng_to_cell(lat, lng, level)
    lat, lng = np.moveaxis(cw.cell_vertices(cells), -1, 0)
    rings = shapely.get_exterior_ring(outlines(cells))[:, None]
    east, west = (shapely.distance(rings, shapely.points(x, lat)) for x in (lng, np.where(lng == 180, -180, lng)))
    distance = np.minimum(east, west)[np.abs(lat) != 90]
    assert distance.max() < 1e-12


def test_neighbors_of_other_levels_share_their_points():
    """Coverings of mixed levels have no slivers: but for a few steep cells, points of parents are children's points."""
    cells = cw.cell_children(FACES, 2).values
    parents = shapely.get_coordinates(outlines(cells))
    children = shapely.get_coordinates(outlines(cw.cell_children(FACES, 3).values))
    known = {tuple(point) for point in children.tolist()}
    away_from_poles = np.abs(parents[:, 1]) < 60
    shared = [tuple(point) in known for point in parents[away_from_poles].tolist()]
    assert np.mean(shared) > 0.95


def test_small_cells_have_four_corners():
    lat, lng = np.random.default_rng(0).uniform(-60, 60, (2, 1000))
    assert (shapely.get_num_coordinates(outlines(cw.latlng_to_cell(lat, lng, 13))) == 5).all()


def test_no_cells():
    assert outlines(np.empty(0, np.uint64)).shape == (0,)


def test_cell_to_polygon_keeps_shape_order_and_gaps():
    cells = np.array([[FACES[3], 0], [FACES[0], cw.token_to_cell("951977d34")]], np.uint64)
    polygons = cw.cell_to_polygon(cells)
    assert polygons.shape == (2, 2)
    assert polygons[0, 1] is None
    assert polygons[0, 0].equals(outlines(FACES[3:4])[0])
    assert polygons[1, 1].area < 1e-4
