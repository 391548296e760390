"""California housing: what cell features add to a linear model and to boosting, on random and on blocked folds.

    python benchmarks/features_california.py --data ../shared/data

The textbook's stratified split (income category, seed 42) is taken on both orders in which its editions ship the rows.
Covariates: log1p of income, age, rooms and bedrooms per household, population and occupancy, and ocean proximity.
Levels, penalties and sets of features are picked by cross-validation on the training part alone.
"""

import numpy as np
from proof import (
    COVARIATES,
    Bars,
    Rotations,
    blocked_folds,
    boosting,
    california,
    change,
    fold_errors,
    options,
    random_folds,
    ridge,
    rmse,
    table_by_folds,
    textbook_split,
)
from sklearn.model_selection import GridSearchCV, KFold

from cellwise.features import AdaptiveCells, CellCounts, CellEncoder, CellTargetEncoder, SpatialLag

LEVEL_SETS = [(6, 8, 10, 12, 14), tuple(range(6, 15)), tuple(range(5, 14))]
PENALTIES = [0.5, 1.0, 2.0]

RIDGE_BARS = {"original order": 47_000, "3rd edition's order": 48_500}
BOOSTING_BARS = {"original order": 39_500, "3rd edition's order": 40_900}


def lags(**params):
    """Values of neighboring districts, the district itself left out."""
    return [
        SpatialLag(k=(1, 2, 4, 8, 16, 32, 64), **params),
        SpatialLag(k=(4, 8, 16, 32, 64), stats="mean", weights="inverse", **params),
    ]


def lags_of_covariates():
    """Covariates of neighboring districts."""
    return [SpatialLag(k=(4, 16, 64), of=COVARIATES, stats="mean")]


def encodings():
    """Values in the district's cells, shrunk to the cells around them and cross-fitted."""
    return [CellTargetEncoder(levels=(6, 8, 10, 12, 14), cv=10)]


def counts():
    """How many districts lie in the cells around a district."""
    return [CellCounts(levels=(8, 10, 12), rings=(0, 1, 2))]


SETS = {
    "rotations, lags": lambda: [Rotations(), *lags()],
    "rotations, lags, lags of covariates": lambda: [Rotations(), *lags(), *lags_of_covariates()],
    "rotations, lags, lags of covariates, encodings, counts": lambda: [
        *(Rotations(), *lags(), *lags_of_covariates(), *encodings(), *counts())
    ],
}
EVERYTHING = list(SETS)[-1]


def textbook_ridge(data, bars):
    """Ridge: hierarchical cells against coordinates, on both splits."""
    print("\n| split | Ridge, lat/lng | Ridge, CellEncoder | levels | penalty | by CV on training rows |")
    print("|---|--:|--:|---|--:|--:|")
    for edition, bar in RIDGE_BARS.items():
        X, y = california(data, edition)
        train, test = textbook_split(X)
        plain = rmse(y[test], ridge().fit(X.iloc[train], y[train]).predict(X.iloc[test]))
        search = GridSearchCV(
            ridge(CellEncoder()),
            {"featureunion__cellencoder__levels": LEVEL_SETS, "ridge__alpha": PENALTIES},
            cv=KFold(5, shuffle=True, random_state=0),
            scoring="neg_root_mean_squared_error",
        ).fit(X.iloc[train], y[train])
        figure = rmse(y[test], search.predict(X.iloc[test]))
        levels, penalty = search.best_params_.values()
        print(
            f"| {edition} | {plain:,.0f} | **{figure:,.0f}** | {levels[0]}..{levels[-1]} ({len(levels)}) | {penalty} | {-search.best_score_:,.0f} |",
            flush=True,
        )
        bars.add(f"Ridge on CellEncoder, textbook split, {edition}, $", figure, bar, text="{:,.0f}")


def textbook_boosting(data, bars, quick):
    """Boosting: sets of features against coordinates, on both splits."""
    seeds = 1 if quick else 5
    print(f"\n| split | boosting | mean error of {seeds} seeds | error of their mean | 3-fold CV on training rows |")
    print("|---|---|--:|--:|--:|")
    for edition, bar in BOOSTING_BARS.items():
        X, y = california(data, edition)
        train, test = textbook_split(X)
        folds = list(KFold(3, shuffle=True, random_state=0).split(train))
        expected = {
            title: fold_errors(boosting(*make()), X.iloc[train], y[train], folds).mean() for title, make in SETS.items()
        }
        picked = min(expected, key=expected.get)
        candidates = {"lat/lng": list, "lat/lng, rotations": lambda: [Rotations()], picked: SETS[picked]}
        for title, make in candidates.items():
            # an ensemble's own members, so that features are made once
            model = boosting(*make(), bag=seeds).fit(X.iloc[train], y[train])
            features = model[0].transform(X.iloc[test])
            each = [rmse(y[test], member.predict(features)) for member in model[1].estimators_]
            mean = rmse(y[test], model[1].predict(features))
            cv = f"{expected[title]:,.0f}" if title in expected else ""
            print(f"| {edition} | {title} | {np.mean(each):,.0f} | {mean:,.0f} | {cv} |", flush=True)
        bars.add(f"boosting with all features, textbook split, {edition}, $", np.mean(each), bar, text="{:,.0f}")


def random_and_blocked(data, bars):
    """Every kind of feature alone and together: random folds, and blocks held out."""
    X, y = california(data)
    folds = {
        "random folds": random_folds(X),
        "blocks of level 10": blocked_folds(X, 10),
        "blocks of level 8": blocked_folds(X, 8),
    }
    models = {
        "Ridge, lat/lng": (ridge(), None),
        "Ridge, CellEncoder": (ridge(CellEncoder(levels=(6, 8, 10, 12, 14))), "Ridge, lat/lng"),
        "Ridge, AdaptiveCells": (ridge(AdaptiveCells(max_count=25)), "Ridge, lat/lng"),
        "Ridge, CellTargetEncoder": (ridge(*encodings()), "Ridge, lat/lng"),
        "boosting, lat/lng": (boosting(), None),
        "boosting, + rotations": (boosting(Rotations()), "boosting, lat/lng"),
        "boosting, + CellCounts": (boosting(*counts()), "boosting, lat/lng"),
        "boosting, + CellTargetEncoder": (boosting(*encodings()), "boosting, lat/lng"),
        "boosting, + SpatialLag of covariates": (boosting(*lags_of_covariates()), "boosting, lat/lng"),
        "boosting, + SpatialLag": (boosting(*lags()), "boosting, lat/lng"),
        "boosting, + SpatialLag by block": (boosting(*lags(exclude="block", block_level=10)), "boosting, lat/lng"),
        "boosting, + everything": (boosting(*SETS[EVERYTHING]()), "boosting, lat/lng"),
        "boosting, + everything but rotations": (boosting(*SETS[EVERYTHING]()[1:]), "boosting, lat/lng"),
    }
    print("\nRMSE in dollars; in brackets the change against lat/lng, fold by fold, with its spread over the folds.\n")
    errors = table_by_folds(X, y, models, folds, text="{:,.0f}")
    for title in ("everything", "everything but rotations"):
        pair = errors[f"boosting, + {title}", "random folds"], errors["boosting, lat/lng", "random folds"]
        bars.add(f"boosting with {title} against lat/lng, 5 random folds, %", change(*pair)[0], -10.0)


def adaptive(data, bars):
    """One covering by cells of many levels against the best single level: Ridge, each with its best penalty."""
    X, y = california(data)
    folds = random_folds(X)
    print("\n| cells | columns | penalty | Ridge, 5 random folds |\n|---|--:|--:|--:|")
    best, penalties = {}, [0.3, 1.0, 3.0, 10.0]
    encoders = {f"level {level}": CellEncoder(levels=level) for level in (8, 9, 10, 11, 12)}
    encoders |= {f"AdaptiveCells(max_count={n})": AdaptiveCells(max_count=n) for n in (100, 50, 25)}
    for title, encoder in encoders.items():
        error, penalty = min((fold_errors(ridge(encoder, alpha=a), X, y, folds).mean(), a) for a in penalties)
        columns = encoder.fit_transform(X).shape[1]
        print(f"| {title} | {columns:,} | {penalty} | {error:,.0f} |", flush=True)
        kind = title.split("(")[0].split()[0]
        best.setdefault(kind, []).append((error, columns))
    error, columns = min(best["level"])
    few = [ours for ours in best["AdaptiveCells"] if ours[1] <= 0.6 * columns]
    figure = min(few)[0] if few else np.inf
    what = f"AdaptiveCells with at most 60 % of the {columns:,} columns of the best level, Ridge, $"
    bars.add(what, figure, error, text="{:,.0f}")


def main():
    chosen, bars = options(__doc__), Bars()
    textbook_ridge(chosen.data, bars)
    textbook_boosting(chosen.data, bars, chosen.quick)
    adaptive(chosen.data, bars)
    random_and_blocked(chosen.data, bars)
    bars.finish()


if __name__ == "__main__":
    main()
