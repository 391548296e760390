"""California housing where whole cells are held out: do cell features do harm in new areas, and can they help?

    python benchmarks/features_blocked.py --data ../shared/data

Five folds of blocks at levels 8 (some 35 km) and 10 (9 km), repeated ten times, and random folds beside them. One set
of features has bars, `features` below, cross-fitted by blocks of level 8. Each fold's error is compared with that of the
same boosting on latitude, longitude and covariates on the same fold; the table gives the mean change, its spread over
folds, and over the repeats. Models without a bar run on the first three repeats, random folds on two.
"""

import numpy as np
from proof import Bars, Rotations, blocked_folds, boosting, california, errors_by_kind, options, random_folds

from cellwise.features import CellTargetEncoder


def features():
    """The fixed set: coordinates along rotated axes, and means of coarse cells without the row's own block."""
    return [Rotations(), CellTargetEncoder(levels=(4, 5, 6, 7, 8, 9, 10), crossfit="block", block_level=8, cv=10)]


BASELINE = "lat/lng"
GATED = "lat/lng, rotations, CellTargetEncoder by block"

MODELS = {
    BASELINE: lambda: boosting(),
    "lat/lng, rotations": lambda: boosting(Rotations()),
    GATED: lambda: boosting(*features()),
    "lat/lng, CellTargetEncoder by block": lambda: boosting(*features()[1:]),
    "lat/lng, CellTargetEncoder by kfold": lambda: boosting(CellTargetEncoder(levels=(4, 5, 6, 7, 8, 9, 10))),
}


def main():
    chosen, bars = options(__doc__), Bars()
    X, y = california(chosen.data)
    seeds = range(2 if chosen.quick else 10)
    kinds = {
        "random": lambda seed: random_folds(X, seed=seed),
        "blocks of level 10": lambda seed: blocked_folds(X, 10, seed=seed),
        "blocks of level 8": lambda seed: blocked_folds(X, 8, seed=seed),
    }
    print("| folds | boosting on | repeats | RMSE, $ | change, % | spread over folds | spread over repeats | worst |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for kind, make_folds in kinds.items():
        repeats = [make_folds(seed) for seed in (seeds[:2] if kind == "random" else seeds)]
        baseline = None
        for title, make in list(MODELS.items())[: 3 if chosen.quick else None]:
            used = repeats if title in (BASELINE, GATED) else repeats[:3]
            errors = np.array(errors_by_kind(make(), X, y, used))
            baseline = errors if title == BASELINE else baseline
            change = 100 * (errors / baseline[: len(used)] - 1)
            by_repeat = change.mean(axis=1)
            print(
                f"| {kind} | {title} | {len(used)} | {errors.mean():,.0f} | {change.mean():+.1f} | {change.std():.1f} "
                f"| {by_repeat.std():.1f} | {by_repeat.max():+.1f} |",
                flush=True,
            )
            if title == GATED and kind != "random":
                bar = 2.0 if kind.endswith("8") else 0.0
                bars.add(f"fixed features against lat/lng, {kind}, {len(used)} x 5 folds, %", change.mean(), bar)
    bars.finish()


if __name__ == "__main__":
    main()
