"""Block kernels give the scalar kernels' answers, row by row, on every instruction set."""

import numpy as np
import pytest

import cellwise as cw
from cellwise.testing import available, use

FAST = [isa for name, isa in available() if name == "native" and isa != "scalar"]


def positions():
    """Random positions, positions on every kind of boundary, the doubles next to them, and what is no position."""
    rng = np.random.default_rng(0)
    n = 20_000
    lat, lng = np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-360, 360, n)
    cells = cw.cell_parent(cw.latlng_to_cell(lat, lng), rng.integers(0, 31, n))
    corner = cw.cell_vertices(cells)[:, 0]
    centre = np.stack(cw.cell_to_latlng(cells), axis=-1)
    grid = np.stack((rng.integers(-8, 9, n) * 11.25, rng.integers(-32, 33, n) * 11.25), axis=-1)
    both = np.concatenate((np.stack((lat, lng), axis=-1), corner, centre, grid))
    for _ in range(2):
        moved = rng.random(both.shape) < 0.3
        both[moved] = np.nextafter(both[moved], np.where(rng.random(moved.sum()) < 0.5, -400, 400))
    both[:, 0] = np.clip(both[:, 0], -90, 90)
    odd = [
        0.0,
        -0.0,
        5e-324,
        90.0,
        -90.0,
        91.0,
        np.nan,
        np.inf,
        -np.inf,
        1e300,
        35.264389682754654,
        180.0,
        -180.0,
        360.0,
        361.0,
    ]
    pairs = np.array([(a, b) for a in odd for b in odd])
    mixed = np.concatenate((both, pairs))
    rng.shuffle(mixed)
    return np.ascontiguousarray(mixed[:, 0]), np.ascontiguousarray(mixed[:, 1])


@pytest.fixture(scope="module")
def here():
    return positions()


@pytest.mark.parametrize("isa", FAST)
@pytest.mark.parametrize("level", range(31))
def test_latlng_to_cell_at_every_level(isa, level, here):
    lat, lng = here
    with use(backend="native", isa="scalar"):
        expected = cw.latlng_to_cell(lat, lng, level, on_invalid="null")
    with use(backend="native", isa=isa):
        assert (cw.latlng_to_cell(lat, lng, level, on_invalid="null") == expected).all()


@pytest.mark.parametrize("isa", FAST)
@pytest.mark.parametrize("n", [0, 1, 7, 8, 255, 256, 257, 1000])
def test_every_length_and_alignment(isa, n, here):
    lat, lng = here[0][3 : 3 + n], here[1][3 : 3 + n]
    with use(backend="native", isa="scalar"):
        expected = cw.latlng_to_cell(lat, lng, 17, on_invalid="null")
    with use(backend="native", isa=isa):
        assert (cw.latlng_to_cell(lat, lng, 17, on_invalid="null") == expected).all()


@pytest.mark.parametrize("isa", FAST)
def test_the_first_invalid_row_is_found(isa):
    lat = np.zeros(1000)
    lat[[600, 900]] = 95
    with use(backend="native", isa=isa), pytest.raises(ValueError, match=r"got 95.0 at index 600 \(2 of 1000 values\)"):
        cw.latlng_to_cell(lat, lat)
