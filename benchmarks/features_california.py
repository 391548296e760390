"""California housing: what cell features add to a linear model and to boosting, on random and on blocked folds.

    python benchmarks/features_california.py --data ../shared/data

The textbook's stratified split (income category, seed 42) is taken on both orders in which its editions ship the rows.
Covariates: log1p of income, age, rooms and bedrooms per household, population and occupancy, and ocean proximity.
Levels and penalties are picked by cross-validation on the training part alone.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, StratifiedShuffleSplit
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from cellwise.features import CellEncoder

EDITIONS = {
    "original order": "california_housing_original_order.csv.gz",
    "3rd edition's order": "california_housing.csv.gz",
}
LEVEL_SETS = ((6, 8, 10, 12, 14), (8, 10, 12, 14), (7, 9, 11, 13), (6, 8, 10, 12), (5, 7, 9, 11, 13, 15))
PENALTIES = (0.3, 1.0, 3.0, 10.0)
TARGET = "median_house_value"


def read(folder, name):
    frame = pd.read_csv(Path(folder) / name)
    frame["rooms_per_household"] = frame.total_rooms / frame.households
    frame["bedrooms_per_household"] = frame.total_bedrooms / frame.households
    frame["occupancy"] = frame.population / frame.households
    return frame


def textbook_split(frame):
    """Rows for training and testing: 20 %, stratified by income category, seed 42."""
    category = pd.cut(frame.median_income, bins=[0, 1.5, 3.0, 4.5, 6.0, np.inf], labels=[1, 2, 3, 4, 5])
    split = StratifiedShuffleSplit(n_splits=1, test_size=0.2, random_state=42)
    return next(split.split(frame, category))


class Covariates:
    """Standardised covariates, fitted on the training rows."""

    NUMBERS = (
        "median_income",
        "housing_median_age",
        "rooms_per_household",
        "bedrooms_per_household",
        "population",
        "occupancy",
    )

    def fit(self, frame):
        numbers = self._numbers(frame)
        self.fill = numbers.median()
        self.scaler = StandardScaler().fit(numbers.fillna(self.fill))
        self.ocean = OneHotEncoder(handle_unknown="ignore").fit(frame[["ocean_proximity"]])
        return self

    def _numbers(self, frame):
        return np.log1p(frame[list(self.NUMBERS)])

    def transform(self, frame):
        numbers = self.scaler.transform(self._numbers(frame).fillna(self.fill))
        return sparse.hstack((sparse.csr_matrix(numbers), self.ocean.transform(frame[["ocean_proximity"]]))).tocsr()


def rmse(y, predicted):
    return float(np.sqrt(np.mean((y - predicted) ** 2)))


def ridge_predictions(train, test, levels, penalty):
    covariates = Covariates().fit(train)
    a, b = covariates.transform(train), covariates.transform(test)
    where = ["latitude", "longitude"]
    if levels:
        encoder = CellEncoder(levels=levels).fit(train[where])
        c, d = encoder.transform(train[where]), encoder.transform(test[where])
    else:
        scaler = StandardScaler().fit(train[where])
        c, d = scaler.transform(train[where]), scaler.transform(test[where])
    model = Ridge(alpha=penalty, solver="sparse_cg", tol=1e-6, random_state=0)
    model.fit(sparse.hstack((a, c)).tocsr(), train[TARGET])
    return model.predict(sparse.hstack((b, d)).tocsr())


def pick(train, candidates):
    """Levels and penalty with the least mean error over five folds of the training rows."""
    best = (np.inf, None, None)
    for levels in candidates:
        for penalty in PENALTIES:
            errors = [
                rmse(train[TARGET].iloc[held], ridge_predictions(train.iloc[kept], train.iloc[held], levels, penalty))
                for kept, held in KFold(5, shuffle=True, random_state=0).split(train)
            ]
            best = min(best, (float(np.mean(errors)), levels, penalty))
    return best


def ridge_on_textbook(folder):
    print("| split | Ridge, lat/lng | Ridge, CellEncoder | levels | penalty | by CV on training rows |")
    print("|---|--:|--:|---|--:|--:|")
    for edition, name in EDITIONS.items():
        frame = read(folder, name)
        train_rows, test_rows = textbook_split(frame)
        train, test = frame.iloc[train_rows], frame.iloc[test_rows]
        plain = rmse(test[TARGET], ridge_predictions(train, test, None, 1.0))
        expected, levels, penalty = pick(train, LEVEL_SETS)
        cells = rmse(test[TARGET], ridge_predictions(train, test, levels, penalty))
        print(f"| {edition} | {plain:,.0f} | **{cells:,.0f}** | {levels} | {penalty} | {expected:,.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="../shared/data", help="folder of the data sets")
    options = parser.parse_args()
    warnings.filterwarnings("error", category=RuntimeWarning)
    ridge_on_textbook(options.data)


if __name__ == "__main__":
    main()
