"""Pure noise: what supervised encoders make of a target that has nothing to do with places.

    python benchmarks/features_noise.py

6,000 places, about three in a cell of level 13, and standard normal y. Two questions. Does a row's encoding reveal its
own y: R2 of a linear fit of y on `fit_transform(X, y)`, which is what a model trains on? And are models misled: R2 of
Ridge and of boosting after the encoder, out of fold, where 0 is the mean of y? Encoders that leak are tested as well
and must fail both, or the test would show nothing.

Boosting overfits to any columns. How much is shown by random numbers instead of encodings, the control. With its
default of 100 trees it loses 0.05 to 0.08 on those already; so the bar is for boosting that stops early.
"""

import numpy as np
from joblib import Parallel, delayed
from proof import Bars, options
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import KFold

from cellwise.features import AdaptiveCells, CellTargetEncoder, SpatialLag

OWN, RIDGE, BOOSTING = 0.02, -0.02, -0.06


class Leaky(TransformerMixin, BaseEstimator):
    """Encodes the rows of fit by all rows, themselves included, as ``fit(X, y).transform(X)`` does."""

    def __init__(self, encoder):
        self.encoder = encoder

    def fit(self, X, y=None):
        self.encoder.fit(X, y)
        self.is_fitted_ = True
        return self

    def transform(self, X):
        return self.encoder.transform(X)


class RandomNumbers(TransformerMixin, BaseEstimator):
    """Columns that depend neither on y nor on places."""

    def __init__(self, n_columns):
        self.n_columns = n_columns

    def fit(self, X, y=None):
        self.rng_ = np.random.default_rng(len(X))
        return self

    def transform(self, X):
        return self.rng_.standard_normal((len(X), self.n_columns))


ENCODERS = {
    'CellTargetEncoder, "kfold"': lambda: CellTargetEncoder(levels=(9, 11, 13)),
    'CellTargetEncoder, "block"': lambda: CellTargetEncoder(levels=(9, 11, 13), crossfit="block"),
    "CellTargetEncoder, smooth=1": lambda: CellTargetEncoder(levels=(9, 11, 13), smooth=1),
    'CellTargetEncoder, "median"': lambda: CellTargetEncoder(levels=(9, 11, 13), stats="median"),
    'CellTargetEncoder, "std"': lambda: CellTargetEncoder(levels=(9, 11, 13), stats="std"),
    "SpatialLag": lambda: SpatialLag(k=(4, 16, 64)),
    "SpatialLag, inverse distance": lambda: SpatialLag(k=(4, 16, 64), weights="inverse"),
    "SpatialLag, radius": lambda: SpatialLag(radius=(2, 5), unit="km"),
    'SpatialLag, "block"': lambda: SpatialLag(k=(4, 16, 64), exclude="block"),
    'AdaptiveCells, "variance"': lambda: AdaptiveCells(criterion="variance", sparse_output=False),
}
CONTROL = {f"control: {n} columns of random numbers": lambda n=n: RandomNumbers(n) for n in (3, 9)}
LEAKS = {
    "leaky: CellTargetEncoder, smooth=1": lambda: Leaky(CellTargetEncoder(levels=(9, 11, 13), smooth=1)),
    "leaky: SpatialLag": lambda: Leaky(SpatialLag(k=(4, 16))),
}


def noise(seed):
    """Places, and what has nothing to do with them."""
    rng = np.random.default_rng(seed)
    return rng.uniform((40.0, -100.5), (40.5, -100.0), (6_000, 2)), rng.standard_normal(6_000)


def own_r2(encoder, seed):
    """R2 of a linear fit of y on the encodings that a model is trained on."""
    X, y = noise(seed)
    Z = encoder.fit_transform(X, y)
    return LinearRegression().fit(Z, y).score(Z, y)


def fold_r2(encoder, seed, train, test):
    """R2 of each model behind the encoder, on one fold."""
    X, y = noise(seed)
    Z, unseen = encoder.fit_transform(X[train], y[train]), encoder.transform(X[test])
    models = Ridge(), *(HistGradientBoostingRegressor(early_stopping=stops, random_state=0) for stops in (True, False))
    return [model.fit(Z, y[train]).score(unseen, y[test]) for model in models]


def main():
    chosen, bars = options(__doc__), Bars()
    seeds = range(2 if chosen.quick else 5)
    folds = [list(KFold(5, shuffle=True, random_state=seed).split(noise(seed)[0])) for seed in seeds]
    tasks = [(seed, *fold) for seed in seeds for fold in folds[seed]]
    print("R2, worst of the seeds:\n")
    print("| encoder | y on its own encoding | Ridge out of fold | boosting, stops early | boosting, 100 trees |")
    print("|---|--:|--:|--:|--:|")
    for title, make in {**ENCODERS, **CONTROL, **LEAKS}.items():
        own = max(own_r2(make(), seed) for seed in seeds)
        r2 = np.array(Parallel()(delayed(fold_r2)(make(), *task) for task in tasks)).reshape(len(seeds), 5, 3)
        ridge, boosted, full = r2.mean(axis=1).min(axis=0)
        print(f"| {title} | {own:.3f} | {ridge:.3f} | {boosted:.3f} | {full:.3f} |", flush=True)
        if title in LEAKS:
            bars.add(f"{title}: caught, R2 with its own y", own, OWN, text="{:.3f}", below=False)
            bars.add(f"{title}: caught, boosting", boosted, BOOSTING, text="{:.3f}")
        elif title in ENCODERS:
            bars.add(f"{title}: R2 with its own y", own, OWN, text="{:.3f}")
            bars.add(f"{title}: Ridge", ridge, RIDGE, text="{:.3f}", below=False)
            bars.add(f"{title}: boosting", boosted, BOOSTING, text="{:.3f}", below=False)
    bars.finish()


if __name__ == "__main__":
    main()
