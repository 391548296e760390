"""New York: prices of 48,884 rooms to let, and fares of 65,847 taxi trips, on random and on blocked folds.

    python benchmarks/features_nyc.py --data ../shared/data

Both targets are logarithms, so that an error of 0.1 is one of about 10 %. Rooms: type, nights, reviews, availability.
Trips: hour, weekday, traffic, distance and Manhattan distance; features are made of both ends, and blocked folds hold
out the cells that trips start from. There are no bars: the tables say what the features are worth where a city is
densely known (rooms), and where distance tells nearly all (trips).
"""

from proof import (
    TAXI_ENDS,
    WHERE,
    Rotations,
    airbnb,
    blocked_folds,
    boosting,
    options,
    random_folds,
    ridge,
    table_by_folds,
    taxi,
)

from cellwise.features import AdaptiveCells, CellCounts, CellEncoder, CellTargetEncoder, SpatialLag

LEVELS = (9, 11, 13, 15)


def models(ends, where):
    """Titles, models and baselines; each kind of feature is made of every end."""

    def at_ends(make):
        return [make(lat=lat, lng=lng) for lat, lng in ends]

    rotations = at_ends(Rotations)
    encodings = at_ends(lambda **place: CellTargetEncoder(levels=LEVELS, **place))
    blocked = at_ends(lambda **place: CellTargetEncoder(levels=LEVELS, crossfit="block", **place))
    lags = at_ends(lambda **place: SpatialLag(k=(4, 16, 64), exclude="same_location", **place))
    counts = at_ends(lambda **place: CellCounts(levels=(11, 13), rings=(0, 1), **place))
    cells = at_ends(lambda **place: CellEncoder(levels=LEVELS, **place))
    adaptive = at_ends(lambda **place: AdaptiveCells(**place))
    features = {
        "rotations": rotations,
        "CellCounts": counts,
        "CellTargetEncoder": encodings,
        "CellTargetEncoder by block": blocked,
        "SpatialLag": lags,
        "everything": [*rotations, *counts, *encodings, *lags],
    }
    return {
        "Ridge, lat/lng": (ridge(), None),
        "Ridge, CellEncoder": (ridge(*cells, where=where), "Ridge, lat/lng"),
        "Ridge, AdaptiveCells": (ridge(*adaptive, where=where), "Ridge, lat/lng"),
        "boosting, lat/lng": (boosting(), None),
        **{f"boosting, + {title}": (boosting(*made), "boosting, lat/lng") for title, made in features.items()},
    }


def main():
    chosen = options(__doc__)
    for title, (X, y), ends in (
        ("Rooms (Airbnb, 2019)", airbnb(chosen.data), [tuple(WHERE)]),
        ("Taxi trips", taxi(chosen.data), TAXI_ENDS),
    ):
        if chosen.quick:
            X, y = X.iloc[:10_000], y[:10_000]
        lat, lng = ends[0]
        folds = {"random folds": random_folds(X)}
        folds |= {f"blocks of level {n}": blocked_folds(X, n, lat=lat, lng=lng) for n in (12, 10)}
        print(f"\n{title}, {len(X):,} rows: RMSE of the log, and the change against lat/lng\n")
        table_by_folds(X, y, models(ends, [name for end in ends for name in end]), folds, text="{:.4f}")


if __name__ == "__main__":
    main()
