"""What the features_*.py benchmarks share: real data, models, folds, and tables of figures with their bars.

The honest baseline is the same model, with the same parameters, on latitude, longitude and the same covariates. Errors
are RMSE. Blocked folds hold out whole cells, so that no test row has a training row next to it.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from cellwise.features import CellBlockKFold

WHERE = ["latitude", "longitude"]

EDITIONS = {
    "original order": "california_housing_original_order.csv.gz",
    "3rd edition's order": "california_housing.csv.gz",
}
COVARIATES = [
    "median_income",
    "housing_median_age",
    "rooms_per_household",
    "bedrooms_per_household",
    "population",
    "occupancy",
]


# --- data -------------------------------------------------------------------------------------------------------------


def california(folder, edition="original order"):
    """Districts of California in 1990: coordinates and covariates, and the median house value in dollars."""
    frame = pd.read_csv(Path(folder) / EDITIONS[edition])
    frame["rooms_per_household"] = frame.total_rooms / frame.households
    frame["bedrooms_per_household"] = frame.total_bedrooms / frame.households
    frame["occupancy"] = frame.population / frame.households
    ocean = pd.get_dummies(frame.ocean_proximity, dtype=float)
    ocean.columns = ["ocean_" + name.strip("<1 ").lower().replace(" ", "_") for name in ocean.columns]
    X = pd.concat([frame[WHERE], np.log1p(frame[COVARIATES]), ocean], axis=1)
    return X, frame.median_house_value.to_numpy(float)


def textbook_split(X):
    """Rows for training and testing as the textbook splits them: 20 %, stratified by income, seed 42."""
    income = np.expm1(X.median_income)
    category = pd.cut(income.round(6), bins=[0, 1.5, 3.0, 4.5, 6.0, np.inf], labels=[1, 2, 3, 4, 5])
    split = StratifiedShuffleSplit(n_splits=1, test_size=0.2, random_state=42)
    return next(split.split(X, category))


def airbnb(folder):
    """Rooms to let in New York in 2019, those with a price: coordinates and covariates, and the log of the price."""
    frame = pd.read_csv(Path(folder) / "nyc_airbnb_2019.csv.gz")
    frame = frame[frame.price > 0].reset_index(drop=True)
    numbers = ["minimum_nights", "number_of_reviews", "calculated_host_listings_count", "availability_365"]
    X = pd.concat([frame[WHERE], np.log1p(frame[numbers])], axis=1)
    X["reviews_per_month"] = np.log1p(frame.reviews_per_month.fillna(0))
    for kind in ("Entire home/apt", "Private room"):
        X[kind.split("/")[0].lower().replace(" ", "_")] = (frame.room_type == kind).astype(float)
    return X, np.log(frame.price.to_numpy(float))


TAXI_ENDS = [("pickup_latitude", "pickup_longitude"), ("dropoff_latitude", "dropoff_longitude")]


def taxi(folder):
    """Taxi trips in New York, those within the city's box and with a plausible fare: both ends, and the log fare."""
    frame = pd.read_csv(Path(folder) / "nyc_taxi_fares.csv.gz")
    is_near = np.ones(len(frame), bool)
    for lat, lng in TAXI_ENDS:
        is_near &= frame[lat].between(40.5, 41.0) & frame[lng].between(-74.3, -73.6)
    frame = frame[is_near & frame.fare_amount.between(2.5, 200)].reset_index(drop=True)
    X = frame[[name for end in TAXI_ENDS for name in end]].copy()
    X["hour"], X["weekday"] = frame.hourofday.astype(float), frame.dayofweek.astype(float)
    X["trips_last_5min"] = frame.trips_last_5min.astype(float)
    (a, b), (c, d) = TAXI_ENDS
    north, east = X[c] - X[a], (X[d] - X[b]) * np.cos(np.radians(40.75))
    X["distance"], X["manhattan"] = np.hypot(north, east), north.abs() + east.abs()
    return X, np.log(frame.fare_amount.to_numpy(float))


# --- models -----------------------------------------------------------------------------------------------------------


class Rotations(TransformerMixin, BaseEstimator):
    """Coordinates along axes rotated by steps of 15 degrees: trees split along axes, and coasts run diagonally."""

    def __init__(self, lat="latitude", lng="longitude"):
        self.lat = lat
        self.lng = lng

    def fit(self, X, y=None):
        self.squeeze_ = np.cos(np.radians(X[self.lat].mean()))
        return self

    def transform(self, X):
        north, east = X[self.lat].to_numpy(), X[self.lng].to_numpy() * self.squeeze_
        angles = np.radians([15, 30, 45, 60, 75, 105, 120, 135, 150, 165])
        return north[:, None] * np.sin(angles) + east[:, None] * np.cos(angles)


def boosting(*features, bag=1):
    """Gradient boosting on the columns of X and on features made of them; with `bag`, the mean over so many seeds."""
    models = [
        HistGradientBoostingRegressor(
            max_iter=500, learning_rate=0.05, max_features=0.3, early_stopping=False, random_state=seed
        )
        for seed in range(bag)
    ]
    model = models[0] if bag == 1 else VotingRegressor([(f"seed {k}", model) for k, model in enumerate(models)])
    return make_pipeline(make_union("passthrough", *features), model)


def ridge(*features, where=WHERE, alpha=1.0):
    """Ridge on standardized covariates and on features made of coordinates, or without any on the coordinates."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    if not features:
        return make_pipeline(numbers, Ridge(alpha=alpha))
    columns = ColumnTransformer([("places", "drop", where)], remainder=numbers)
    return make_pipeline(make_union(columns, *features), Ridge(alpha=alpha, solver="sparse_cg", tol=1e-6))


# --- errors -----------------------------------------------------------------------------------------------------------


def rmse(y, predicted):
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((y - predicted) ** 2)))


def fold_errors(model, X, y, folds):
    """RMSE of the model on each of some folds, as an array."""
    return np.array(Parallel()(delayed(_fold_error)(clone(model), X, y, train, test) for train, test in folds))


def errors_by_kind(model, X, y, kinds):
    """The same for several lists of folds, a list of arrays. All folds go to the jobs at once, so that none idles."""
    errors = fold_errors(model, X, y, [fold for folds in kinds for fold in folds])
    return np.split(errors, np.cumsum([len(folds) for folds in kinds])[:-1])


def _fold_error(model, X, y, train, test):
    return rmse(y[test], model.fit(X.iloc[train], y[train]).predict(X.iloc[test]))


def random_folds(X, *, seed=0):
    """Five folds of rows drawn at random."""
    return list(KFold(5, shuffle=True, random_state=seed).split(X))


def blocked_folds(X, level, *, seed=0, lat=None, lng=None):
    """Five folds of whole cells."""
    return list(CellBlockKFold(5, level=level, random_state=seed, lat=lat, lng=lng).split(X))


def change(errors, baseline):
    """Mean change against the baseline in per cent, fold by fold, and its spread over the folds."""
    ratios = 100 * (errors / baseline - 1)
    return ratios.mean(), ratios.std()


def table_by_folds(X, y, models, folds, *, text):
    """Table of errors: a line for each model, a column for each kind of folds; beside each, the change in per cent.

    `models` maps a title to (model, title of its baseline or None); `folds` maps a title to a list of folds.
    """
    print("| model | " + " | ".join(folds) + " |")
    print("|---|" + "--:|" * len(folds))
    errors = {}
    for title, (model, baseline) in models.items():
        cells = []
        for kind, of_kind in zip(folds, errors_by_kind(model, X, y, folds.values())):
            errors[title, kind] = of_kind
            cell = text.format(errors[title, kind].mean())
            if baseline is not None:
                mean, spread = change(errors[title, kind], errors[baseline, kind])
                cell += f" ({mean:+.1f} ± {spread:.1f} %)"
            cells.append(cell)
        print(f"| {title} | " + " | ".join(cells) + " |", flush=True)
    return errors


# --- bars -------------------------------------------------------------------------------------------------------------


class Bars:
    """Table of figures against bars; a benchmark ends with an exit status of 1 if any is missed."""

    def __init__(self):
        self._lines = []
        self._missed = 0

    def add(self, what, figure, bar, *, text="{:,.4g}", below=True):
        """One figure, which is to be at most the bar, or else above it."""
        passes = figure <= bar if below else figure > bar
        self._missed += not passes
        sign = "<=" if below else ">"
        self._lines.append(
            f"| {what} | {sign} {text.format(bar)} | {text.format(figure)} | {'pass' if passes else 'FAIL'} |"
        )

    def finish(self):
        """Print the table and leave."""
        print("\n| gate | bar | figure | |\n|---|--:|--:|---|")
        print("\n".join(self._lines))
        sys.exit(self._missed > 0)


def options(doc):
    """Arguments of the command line; warnings that would mean wrong numbers are errors from here on."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="../shared/data", help="folder of the data sets")
    parser.add_argument("--quick", action="store_true", help="fewer seeds and folds: the figures are rougher")
    parser.add_argument("--jobs", type=int, default=1, help="folds fitted at a time, each on one core")
    warnings.filterwarnings("error", category=RuntimeWarning)
    chosen = parser.parse_args()
    parallel_config(n_jobs=chosen.jobs)
    # On a busy machine threads of linear algebra mostly wait for each other: Ridge took up to 90 times longer.
    threadpool_limits(1)
    return chosen
