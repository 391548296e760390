"""California housing where whole cells are held out: do cell features do harm in new areas, and can they help?

    python benchmarks/features_blocked.py --data ../shared/data

Five folds of blocks at levels 8 (some 35 km) and 10 (9 km), dealt ten times, and random folds beside them. One set of
features for all, FEATURES below, cross-fitted by blocks of level 8. Each fold's error is compared with that of the same
boosting on latitude, longitude and covariates on the same fold; the table gives the mean change, its spread over folds,
and over the ten deals.
"""

import numpy as np
from proof import Bars, Rotations, blocked_folds, boosting, california, fold_errors, options, random_folds

from cellwise.features import CellTargetEncoder


def features():
    """The fixed set: coordinates along turned axes, and values of coarse cells that leave the row's own block out."""
    return [Rotations(), CellTargetEncoder(levels=(4, 5, 6, 7, 8, 9, 10), crossfit="block", block_level=8, cv=10)]


MODELS = {
    "lat/lng": lambda: boosting(),
    "lat/lng, rotations": lambda: boosting(Rotations()),
    "lat/lng, rotations, CellTargetEncoder by block": lambda: boosting(*features()),
    "lat/lng, CellTargetEncoder by block": lambda: boosting(*features()[1:]),
    "lat/lng, CellTargetEncoder by kfold": lambda: boosting(CellTargetEncoder(levels=(4, 5, 6, 7, 8, 9, 10))),
}
GATED = "lat/lng, rotations, CellTargetEncoder by block"


def main():
    chosen, bars = options(__doc__), Bars()
    X, y = california(chosen.data)
    seeds = range(2 if chosen.quick else 10)
    kinds = {
        "random": lambda seed: random_folds(X, seed=seed),
        "blocks of level 10": lambda seed: blocked_folds(X, 10, seed=seed),
        "blocks of level 8": lambda seed: blocked_folds(X, 8, seed=seed),
    }
    print("| folds | boosting on | RMSE, $ | change, % | spread over folds | spread over deals | worst deal |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for kind, make_folds in kinds.items():
        few = seeds[:2] if kind == "random" else seeds
        folds = [make_folds(seed) for seed in few]
        errors = {
            title: np.array([fold_errors(make(), X, y, deal) for deal in folds])
            for title, make in list(MODELS.items())[: 3 if chosen.quick else None]
        }
        for title, of_model in errors.items():
            change = 100 * (of_model / errors["lat/lng"] - 1)
            deals = change.mean(axis=1)
            print(
                f"| {kind} | {title} | {of_model.mean():,.0f} | {change.mean():+.1f} | {change.std():.1f} "
                f"| {deals.std():.1f} | {deals.max():+.1f} |",
                flush=True,
            )
            if title == GATED and kind != "random":
                bar = 2.0 if kind.endswith("8") else 0.0
                bars.add(f"fixed features against lat/lng, {kind}, {len(few)} x 5 folds, %", change.mean(), bar)
    bars.finish()


if __name__ == "__main__":
    main()
