"""Nearest neighbors: ours against scikit-learn's BallTree with the haversine metric.

Rows lie about towns, as in bench_features. Trees are made of all rows; scikit-learn looks for the neighbors of some.
"""

import sys

import numpy as np
from bench_features import rows
from harness import HEADER, pin, ratios
from sklearn.neighbors import BallTree

from cellwise.features import SpatialLag
from cellwise.neighbors import NeighborIndex

K, SOME = 16, 20_000


def check(index, tree, X, radians):
    """The same distances to 1e-9, and the same rows where distances tell them apart."""
    found, arcs = index.nearest(*X.T, K, unit="rad")
    distances, theirs = tree.query(radians, k=K)
    np.testing.assert_allclose(arcs, distances, rtol=1e-9, atol=1e-12)
    apart = np.diff(distances, axis=1) > 1e-9
    alone = np.pad(apart, ((0, 0), (1, 0)), constant_values=True) & np.pad(apart, ((0, 0), (0, 1)))
    assert (found == theirs)[alone].all()


def table(n=1_000_000):
    X = rows(n).T.copy()
    y = np.random.default_rng(1).standard_normal(n)
    radians = np.radians(X)
    index, tree = NeighborIndex(*X.T), BallTree(radians, metric="haversine")
    some = np.random.default_rng(2).permutation(n)[:SOME]
    check(index, tree, X[some], radians[some])
    work = f"SpatialLag.fit_transform of {n:,} rows, k={K}"
    contenders = {
        "cellwise": (lambda: SpatialLag(k=K).fit_transform(X, y), n),
        # Each row is its own first neighbor; the tree is made beforehand.
        "scikit-learn BallTree.query, haversine": (lambda: tree.query(radians[some], k=K + 1), SOME),
    }
    yield from ratios(work, contenders, repeat=3)
    contenders = {
        "cellwise": (lambda: index.nearest(*X[some].T, K), SOME),
        "scikit-learn BallTree.query, haversine": (lambda: tree.query(radians[some], k=K), SOME),
    }
    yield from ratios(f"{K} nearest of {n:,} places", contenders, repeat=5)


if __name__ == "__main__":  # with how many rows, if not a million
    pin()
    print("\n".join([*HEADER, *table(*map(int, sys.argv[1:]))]))
