"""Points straight from degrees: near those that ids are defined by, and exact where a position is special."""

import numpy as np

from cellwise._math.degrees import approximate_point
from cellwise._math.projection import latlng_to_point


def test_points_are_near():
    rng = np.random.default_rng(84)
    lat = np.concatenate((rng.uniform(-90, 90, 3000), rng.integers(-12, 13, 500) * 7.5, rng.normal(0, 1e-9, 500)))
    lng = np.concatenate((rng.uniform(-360, 360, 3000), rng.integers(-48, 49, 500) * 7.5, rng.normal(0, 1e-9, 500)))
    points = np.array([approximate_point(*position) for position in zip(lat.tolist(), lng.tolist())])
    assert np.abs(points - latlng_to_point(lat, lng)).max() < 1.4e-15
    assert np.abs((points**2).sum(axis=1) - 1).max() < 1.4e-15


def test_quarters_are_exact():
    for turns in (-360, 0, 360):
        assert [
            approximate_point(0.0, turns + lng) for lng in (0.0, 90.0, 180.0, -90.0) if abs(turns + lng) <= 360
        ] == [
            point
            for lng, point in ((0, (1, 0, 0)), (90, (0, 1, 0)), (180, (-1, 0, 0)), (-90, (0, -1, 0)))
            if abs(turns + lng) <= 360
        ]
    assert approximate_point(90.0, 33.0) == (0, 0, 1)
    assert approximate_point(-90.0, 33.0) == (0, 0, -1)
