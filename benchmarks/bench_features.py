"""Encoders and the look-up below them: ours against pandas, scikit-learn and h3ronpy.

Rows lie about 300 towns: half of them in a tenth of the towns, with the spread of a town and its surroundings.
"""

import sys
import warnings

import numpy as np
import pandas as pd
from harness import HEADER, peer, pin, ratios
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

import cellwise as cw
from cellwise.features import AdaptiveCells, CellCounts, CellEncoder, CellTargetEncoder
from cellwise.groups import CellIndex

FIVE_LEVELS, FIVE_RESOLUTIONS = (6, 8, 10, 12, 14), (3, 5, 6, 7, 8)


def rows(n, seed=0):
    """Latitude and longitude of n rows."""
    rng = np.random.default_rng(seed)
    towns = np.random.default_rng(0).uniform((-50, -170), (60, 170), (300, 2))
    at = towns[(300 * rng.random(n) ** 3).astype(int)]
    spread = 0.02 * np.exp(rng.standard_normal(n))[:, None]
    return np.ascontiguousarray((at + spread * rng.standard_normal((n, 2))).T)


def h3_features(lat, lng, resolutions):
    """One-hot features of h3 cells, as one would make them."""
    to_cells = peer("h3ronpy.vector").coordinates_to_cells
    cells = [np.asarray(to_cells(lng, lat, resolution)) for resolution in resolutions]
    return OneHotEncoder(dtype=np.float32).fit_transform(np.column_stack(cells))


def indexes(n=1_000_000):
    """Cells of new rows as positions among the sorted cells of others: a few in a hundred are not there."""
    for level, n_seen in ((6, 1_000_000), (12, 2_000_000), (16, 3_000_000)):
        known = np.unique(cw.latlng_to_cell(*rows(n_seen), level))
        cells = cw.latlng_to_cell(*rows(n, seed=1), level)
        ours, pandas_index, out = CellIndex(known), pd.Index(known), np.empty(n, np.int32)
        sklearn_encoder = OneHotEncoder(handle_unknown="ignore", dtype=np.float32).fit(known[:, None])
        yield from ratios(
            f"ids to columns of {len(known):,} cells",
            {
                "cellwise": (lambda ours=ours, cells=cells, out=out: ours.lookup(cells, out=out), n),
                "pandas Index.get_indexer": (lambda index=pandas_index, cells=cells: index.get_indexer(cells), n),
                "scikit-learn OneHotEncoder.transform": (
                    lambda encoder=sklearn_encoder, cells=cells: encoder.transform(cells[: n // 4, None]), n // 4,
                ),
            },
            repeat=5,
        )  # fmt: skip


def end_to_end(n):
    """Positions to a sparse matrix. Both on all rows: fresh memory costs time too, the more rows the more of it."""
    if peer("h3ronpy.vector") is None:
        return
    lat, lng = rows(n)
    X = np.column_stack((lat, lng))
    for what, levels, resolutions in (("level 12", 12, (8,)), ("five levels", FIVE_LEVELS, FIVE_RESOLUTIONS)):
        yield from ratios(
            f"features of {n:,} rows, {what}",
            {
                "cellwise": (lambda levels=levels: CellEncoder(levels).fit_transform(X), n),
                "h3ronpy and OneHotEncoder": (lambda resolutions=resolutions: h3_features(lat, lng, resolutions), n),
            },
            repeat=3,
        )


def target(n=1_000_000):
    """Means of y, out of fold."""
    X = rows(n).T.copy()
    y = np.sin(X[:, 0] * 40) + np.random.default_rng(1).standard_normal(n)
    ids = np.column_stack([cw.latlng_to_cell(X[:, 0], X[:, 1], level) for level in FIVE_LEVELS])
    return ratios(
        f"CellTargetEncoder.fit_transform of {n:,} rows, five levels",
        {
            "cellwise": (lambda: CellTargetEncoder(FIVE_LEVELS).fit_transform(X, y), n),
            "scikit-learn TargetEncoder on ready-made ids": (
                lambda: TargetEncoder(target_type="continuous", random_state=0).fit_transform(ids, y), n,
            ),
        },
        repeat=3,
    )  # fmt: skip


def one_row(n=100_000):
    """A single position, as a service asks for it."""
    X = rows(n).T.copy()
    y = np.random.default_rng(1).standard_normal(n)
    lat, lng = X[0].tolist()
    ids = np.column_stack([cw.latlng_to_cell(X[:, 0], X[:, 1], level) for level in FIVE_LEVELS])
    peer, one = OneHotEncoder(handle_unknown="ignore").fit(ids), ids[:1]
    encoders = {
        "CellEncoder": CellEncoder(FIVE_LEVELS).fit(X),
        "CellTargetEncoder": CellTargetEncoder(FIVE_LEVELS).fit(X, y),
        "AdaptiveCells": AdaptiveCells().fit(X),
        "CellCounts": CellCounts(FIVE_LEVELS).fit(X),
    }
    for name, encoder in encoders.items():
        yield from ratios(
            f"{name}.transform_one",
            {
                "cellwise": (lambda encoder=encoder: [encoder.transform_one(lat, lng) for _ in range(1000)], 1000),
                "scikit-learn OneHotEncoder.transform of one row": (
                    lambda: [peer.transform(one) for _ in range(100)], 100,
                ),
            },
            repeat=5,
        )  # fmt: skip


def table(n=2_000_000):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [*indexes(), *end_to_end(n), *target(), *one_row()]


if __name__ == "__main__":  # with how many rows, if not two millions
    pin()
    print("\n".join([*HEADER, *table(*map(int, sys.argv[1:]))]))
