"""Compares `latlng_to_cell` with Google's C++ on very many points, on every instruction set of this machine.

    python benchmarks/verify_ids.py --n 1e8

Families: uniform, rounded to E7, float32, a grid of 1/8 degree, centers, corners and edges of cells of all levels and
the doubles next to them, edges and diagonals of the faces, poles, ±180, denormals, -0.0, longitudes to ±360. Beyond
±180 Google is asked for the longitude brought back by a whole turn, which is how cellwise defines it.
"""

import argparse
import sys

import numpy as np
from google import Google

import cellwise as cw
from cellwise.testing import available, use

CHUNK = 1_000_000


def uniform(rng, n):
    return np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)


def rounded_e7(rng, n):
    return tuple(np.round(x * 1e7) / 1e7 for x in uniform(rng, n))


def float32(rng, n):
    return tuple(x.astype(np.float32).astype(np.float64) for x in uniform(rng, n))


def eighths(rng, n):
    return rng.integers(-720, 721, n) / 8, rng.integers(-1440, 1441, n) / 8


def nudged(rng, lat, lng):
    """Some of the points moved to one of the next doubles."""
    for x in (lat, lng):
        for _ in range(3):
            moved = rng.random(len(x)) < 0.4
            x[moved] = np.nextafter(x[moved], np.where(rng.random(moved.sum()) < 0.5, -400, 400))
    return np.clip(lat, -90, 90), np.clip(lng, -180, 180)


def random_cells(rng, n):
    leaf = cw.latlng_to_cell(*uniform(rng, n))
    return cw.cell_parent(leaf, rng.integers(0, 31, n))


def centers(rng, n):
    return nudged(rng, *(x.copy() for x in cw.cell_to_latlng(random_cells(rng, n))))


def corners(rng, n):
    vertices = cw.cell_vertices(random_cells(rng, n))[np.arange(n), rng.integers(0, 4, n)]
    return nudged(rng, vertices[:, 0].copy(), vertices[:, 1].copy())


def edges(rng, n):
    """Points between two vertices of a cell: on an edge as nearly as doubles can be."""
    vertices = cw.cell_vertices(random_cells(rng, n))
    k = rng.integers(0, 4, n)
    a, b = vertices[np.arange(n), k], vertices[np.arange(n), (k + 1) % 4]
    xyz = [
        np.stack((np.cos(np.radians(p[:, 1])) * np.cos(np.radians(p[:, 0])), np.sin(np.radians(p[:, 1])) * np.cos(np.radians(p[:, 0])), np.sin(np.radians(p[:, 0]))))
        for p in (a, b)
    ]  # fmt: skip
    t = rng.random(n)
    x, y, z = xyz[0] * t + xyz[1] * (1 - t)
    return nudged(rng, np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x)))


def faces(rng, n):
    """Edges and diagonals of the faces, their middles and corners, and nearby doubles."""
    t = rng.uniform(-1, 1, n)
    t[rng.random(n) < 0.2] = rng.choice([-1.0, 0.0, 1.0])
    one, sign = np.ones(n), rng.choice([-1.0, 1.0], (3, n))
    kind = rng.integers(0, 4, n)
    xyz = (
        np.choose(
            kind, [np.stack((one, one, t)), np.stack((one, t, t)), np.stack((one, t, 0 * t)), np.stack((one, 0 * t, t))]
        )
        * sign
    )
    order = rng.permuted(np.tile(np.arange(3), (n, 1)), axis=1).T
    x, y, z = np.take_along_axis(xyz, order, axis=0)
    return nudged(rng, np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x)))


def special(rng, n):
    lat = rng.choice(
        [
            0.0,
            -0.0,
            90.0,
            -90.0,
            45.0,
            -45.0,
            35.264389682754654,
            -35.264389682754654,
            5e-324,
            -5e-324,
            1e-310,
            89.99999999999999,
        ],
        n,
    )
    lng = rng.choice([0.0, -0.0, 180.0, -180.0, 90.0, -90.0, 45.0, -45.0, 135.0, -135.0, 5e-324, -5e-324, 1e-310], n)
    some = rng.random(n) < 0.5
    a, b = uniform(rng, n)
    lat, lng = np.where(some, lat, a), np.where(rng.random(n) < 0.5, lng, b)
    return nudged(rng, lat, lng)


def far(rng, n):
    lat, lng = uniform(rng, n)
    return lat, np.where(rng.random(n) < 0.2, rng.integers(-1440, 1441, n) / 4, 2 * lng)


FAMILIES = (uniform, rounded_e7, float32, eighths, centers, corners, edges, faces, special, far)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=float, default=2e7, help="points in all (default 2e7)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    google = Google()
    rng = np.random.default_rng(options.seed)
    paths = [path for path in available() if path[0] == "native"]
    points, wrong = 0, 0
    counts = {family.__name__: [0, 0] for family in FAMILIES}
    while points < options.n:
        for family in FAMILIES:
            lat, lng = (np.ascontiguousarray(x) for x in family(rng, CHUNK))
            back = np.where(lng > 180, lng - 360, np.where(lng < -180, lng + 360, lng))
            leaf = google.latlng_to_cell(lat, back)
            level = int(rng.integers(0, 31))
            expected = {30: leaf, level: google.cell_parent(leaf, level)}
            bad = 0
            for name, isa in paths:
                with use(backend=name, isa=isa):
                    for at, cells in expected.items():
                        differ = cw.latlng_to_cell(lat, lng, at) != cells
                        if differ.any() and bad == 0:
                            k = int(np.argmax(differ))
                            print(f"{family.__name__}, {isa}, level {at}: {lat[k]!r}, {lng[k]!r}", file=sys.stderr)
                        bad += int(differ.sum())
            counts[family.__name__][0] += CHUNK
            counts[family.__name__][1] += bad
            points, wrong = points + CHUNK, wrong + bad
            if points >= options.n:
                break
    for name, (n, bad) in counts.items():
        print(f"{name:<12}{n:>14,} points{bad:>8,} mismatches")
    print(
        f"{points:,} points, each on {', '.join(isa for _, isa in paths)}, leaves and one other level: {wrong:,} mismatches"
    )
    return wrong > 0


if __name__ == "__main__":
    raise SystemExit(main())
