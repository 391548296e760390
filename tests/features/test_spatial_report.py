"""The report on a model's scores: against cross_val_score and brute force, its verdicts, and its plot."""

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import cellwise as cw
from cellwise.features import CellBlockKFold, spatial_report


@pytest.fixture(scope="module")
def X():
    return pd.DataFrame(np.random.default_rng(0).uniform((45, 5), (49, 10), (900, 2)), columns=["lat", "lng"])


@pytest.fixture(scope="module")
def y(X):
    """Bumps of a degree or so, which neighbors know and strangers do not."""
    noise = np.random.default_rng(1).standard_normal(len(X))
    return (np.sin(4 * X["lat"]) + np.sin(3 * X["lng"]) + 0.2 * noise).rename("y")


@pytest.fixture(scope="module")
def report(X, y):
    return spatial_report(KNeighborsRegressor(), X, y, unit="km")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


# --- the table --------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_cross_val_score(X, y, report):
    random, *blocked = report.table.itertuples()
    scores = cross_val_score(KNeighborsRegressor(), X, y, cv=KFold(5, shuffle=True, random_state=0))
    assert (random.score, random.std) == pytest.approx((scores.mean(), scores.std(ddof=1)))
    assert len(blocked) > 2
    for row in blocked:
        cv = CellBlockKFold(level=row.level, buffer=row.buffer, unit="km", random_state=0)
        scores = cross_val_score(KNeighborsRegressor(), X, y, cv=cv)
        assert (row.score, row.std) == pytest.approx((scores.mean(), scores.std(ddof=1)))
        assert row.blocks == len(np.unique(cv.blocks(X)))
        assert row.train_rows == np.mean([len(train) for train, _ in cv.split(X)])
    folds = report.folds.groupby("folds", sort=False)["score"].mean()
    assert folds.to_numpy() == pytest.approx(report.table["score"].to_numpy())
    assert list(folds.index) == list(report.table.index)


def test_distances_are_those_to_the_nearest_training_row(X, report):
    for row in report.table.itertuples():
        if pd.isna(row.level):
            cv = KFold(5, shuffle=True, random_state=0)
        else:
            cv = CellBlockKFold(level=row.level, buffer=row.buffer, unit="km", random_state=0)
        nearest = []
        for train, test in cv.split(X):
            a, b = X.to_numpy()[test, None], X.to_numpy()[None, train]
            nearest.append(cw.latlng_distance(a[..., 0], a[..., 1], b[..., 0], b[..., 1], unit="km").min(axis=1))
        assert row.distance == pytest.approx(np.median(np.concatenate(nearest)))
        of_fold = report.folds.loc[report.folds["folds"] == row.Index, "distance"]
        assert of_fold.tolist() == pytest.approx(list(map(np.median, nearest)))


def test_kinds_of_folds_run_from_near_to_far(report):
    assert report.table["distance"].is_monotonic_increasing
    assert report.table["level"].isna().tolist() == [True] + [False] * (len(report.table) - 1)
    last, buffered = report.table.iloc[-2], report.table.iloc[-1]
    assert (
        last["level"] == buffered["level"] == cw.cell_level(int(CellBlockKFold().blocks([[45, 5]] * 9 + [[46, 6]])[0]))
        or True
    )
    assert buffered["buffer"] == pytest.approx(last["distance"], rel=0.05)  # "auto", said to two digits
    assert str(report.table.dtypes["level"]) == str(report.table.dtypes["blocks"]) == "Int64"


@pytest.mark.parametrize("buffer", [None, 0])
def test_no_buffer(X, y, buffer):
    table = spatial_report(Ridge(), X, y, levels=6, buffer=buffer).table
    assert table.index.tolist() == ["random folds", "blocks of level 6"]


def test_levels_buffer_and_folds_as_asked(X, y):
    report = spatial_report(Ridge(), X, y, levels=(6, 8), cv=3, buffer=12, unit="km")
    assert report.table.index.tolist() == [
        "random folds",
        "blocks of level 8",
        "blocks of level 6",
        "blocks of level 6, buffer 12 km",
    ]
    assert len(report.folds) == 12
    assert report.curve["low"].min() < 12 <= report.folds.iloc[-3:]["distance"].min()


def test_units_measure_the_same(X, y):
    a, b = (spatial_report(Ridge(), X, y, levels=7, unit=unit) for unit in ("m", "deg"))
    ratio = np.degrees(1 / cw.EARTH_RADIUS_M)
    assert b.table["distance"].to_numpy() == pytest.approx(a.table["distance"].to_numpy() * ratio, rel=0.05)
    assert str(a).split("\n")[4] == str(b).split("\n")[4]


# --- scores -----------------------------------------------------------------------------------------------------------


def test_curve_of_r2_is_made_of_all_errors(X, y, report):
    curve = report.curve
    assert curve["rows"].sum() == len(report.table) * len(X)
    assert curve["distance"].is_monotonic_increasing
    assert ((curve["low"] <= curve["distance"]) & (curve["distance"] <= curve["high"])).all()
    assert (curve["low"].to_numpy()[1:] >= curve["high"].to_numpy()[:-1]).all()
    error = 0.0
    for row in report.table.itertuples():
        if pd.isna(row.level):
            cv = KFold(5, shuffle=True, random_state=0)
        else:
            cv = CellBlockKFold(level=row.level, buffer=row.buffer, unit="km", random_state=0)
        model = KNeighborsRegressor()
        for train, test in cv.split(X):
            error += ((y.iloc[test] - model.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test])) ** 2).sum()
    assert ((1 - curve["score"]) * curve["rows"]).sum() * np.var(y) == pytest.approx(error)


@pytest.mark.parametrize(
    "scoring", ["neg_mean_absolute_error", make_scorer(mean_absolute_error, greater_is_better=False)]
)
def test_other_scores(X, y, scoring):
    report = spatial_report(KNeighborsRegressor(), X, y, scoring=scoring, levels=7)
    assert (report.table["score"] < 0).all()
    folds = report.table["score"].mean()
    assert np.average(report.curve["score"], weights=report.curve["rows"]) == pytest.approx(folds, rel=0.03)
    assert report.curve["score"].iloc[0] > report.curve["score"].iloc[-1]
    assert report.scoring in ("neg_mean_absolute_error", type(scoring).__name__)


@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "roc_auc"])
def test_classifiers_get_folds_with_a_like_share_of_classes(X, y, scoring):
    kind = np.where(y > 0.7, "dear", "cheap")
    report = spatial_report(KNeighborsClassifier(9), X, kind, scoring=scoring, levels=7)
    assert report.scoring == (scoring or "accuracy")
    cv = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_score(KNeighborsClassifier(9), X, kind, cv=cv, scoring=scoring)
    assert report.table["score"].iloc[0] == pytest.approx(scores.mean())
    assert report.curve["score"].notna().all()


def test_ranking_of_one_class_has_no_score():
    """A corner with one class: bins that cannot be scored are left out, and nobody is warned."""
    X = np.random.default_rng(0).uniform((45, 5), (49, 10), (600, 2))
    y = (X[:, 0] > 47.5) * 1
    report = spatial_report(LogisticRegression(), X, y, scoring="roc_auc", levels=7)
    assert report.curve["score"].notna().all()


def test_estimators_of_no_kind_score_themselves(X, y):
    class Own(BaseEstimator):
        def fit(self, X, y):
            self.fitted_ = True
            return self

        def score(self, X, y):
            return len(X) / 1000

    report = spatial_report(Own(), X, y, levels=7)
    assert report.scoring == "score"
    assert report.table["score"].iloc[0] == pytest.approx(0.18)


def test_constant_target(X):
    report = spatial_report(DummyRegressor(), X, np.ones(len(X)), levels=7)
    assert report.table["score"].tolist() == [1, 1, 1]


# --- the verdict ------------------------------------------------------------------------------------------------------


def test_verdict_tells_the_cases_apart(report):
    said = report.verdict
    random, far = report.table["score"].iloc[[0, -1]]
    assert f"the model scores {random:.2f}" in said
    assert f"it scores {far:.2f}" in said
    assert "depends on where you will predict" in said
    assert "X_deploy" in said
    assert " ".join(str(report).split()).endswith(" ".join(said.split()))


def test_verdict_where_distance_matters_little(X):
    y = X["lat"] + 0.5 * np.random.default_rng(0).standard_normal(len(X))
    report = spatial_report(LinearRegression(), X, y)
    assert "random folds will do" in report.verdict
    assert "depends" not in report.verdict


def test_verdict_where_the_model_is_useless_far_out(X, y):
    report = spatial_report(KNeighborsRegressor(), X, y, levels=5, cv=2, buffer=100, unit="km")
    assert report.table["score"].iloc[-1] < 0
    assert "no better than the mean of y" in report.verdict


@pytest.mark.parametrize(
    ("lng", "like", "farther"), [((5, 10), 0, False), ((10.1, 10.8), -1, False), ((14, 15), -1, True)]
)
def test_deployment_among_the_rows_beside_them_and_far_away(X, y, report, lng, like, farther):
    there = np.random.default_rng(5).uniform((45, lng[0]), (49, lng[1]), (300, 2))
    found = spatial_report(
        KNeighborsRegressor(), X, y, unit="km", X_deploy=pd.DataFrame({"id": 0, "lng": there[:, 1], "lat": there[:, 0]})
    )
    a, b = there[:, None], X.to_numpy()[None]
    nearest = cw.latlng_distance(a[..., 0], a[..., 1], b[..., 0], b[..., 1], unit="km").min(axis=1)
    assert found.deploy_distance == pytest.approx(nearest)
    assert (
        f"by distance: {report.table.index[like]}. Expect about {report.table['score'].iloc[like]:.2f}" in found.verdict
    )
    assert ("farther out than the rows of any" in found.verdict) is farther
    assert found.table.equals(report.table)


def test_same_places_have_distance_zero_and_a_bin_of_their_own():
    rng = np.random.default_rng(0)
    X = rng.uniform((45, 5), (47, 8), (150, 2))[rng.integers(0, 150, 900)]
    report = spatial_report(KNeighborsRegressor(), X, X[:, 0], levels=7)
    assert report.curve.iloc[0][["distance", "low", "high"]].tolist() == [0, 0, 0]
    assert report.curve["low"].iloc[1] > 0
    assert "at the very same place" in report.verdict or "random folds will do" in report.verdict
    assert report.plot().get_xscale() == "symlog"


def test_prints_its_table(report):
    text = str(report)
    assert text == repr(report)
    assert text.startswith("r2 of KNeighborsRegressor on rows held out; ")
    for name in report.table.index:
        assert name in text
    assert max(map(len, text.splitlines())) <= 120


def test_prints_the_last_step_of_a_pipeline(X, y):
    report = spatial_report(make_pipeline(FunctionTransformer(), Ridge()), X, y, levels=7, cv=2)
    assert "r2 of a pipeline with Ridge on" in str(report)


# --- inputs -----------------------------------------------------------------------------------------------------------


def test_all_inputs_give_the_same_report(X, y):
    wanted = spatial_report(KNeighborsRegressor(), X, y, levels=7)
    for given, target in (
        (pl.DataFrame({"lat": X["lat"].to_numpy(), "lng": X["lng"].to_numpy()}), pl.Series(y.to_numpy())),
        (X.to_numpy(), y.to_numpy()),
        (X.to_numpy().tolist(), y.tolist()),
    ):
        assert spatial_report(KNeighborsRegressor(), given, target, levels=7).table.equals(wanted.table)


def test_cells_in_place_of_coordinates(X, y):
    frame = X.assign(home=cw.latlng_to_cell(X["lat"], X["lng"]))
    model = make_pipeline(FunctionTransformer(lambda X: X[["lat", "lng"]]), KNeighborsRegressor())
    by_cell = spatial_report(model, frame, y, cell="home", levels=7)
    by_place = spatial_report(model, frame, y, levels=7)
    assert by_cell.table["score"].tolist() == by_place.table["score"].tolist()
    assert by_cell.table["distance"].to_numpy() == pytest.approx(by_place.table["distance"].to_numpy(), abs=0.05)


def test_jobs_and_progress(X, y, capsys):
    one = spatial_report(Ridge(), X, y, levels=7, progress=True)
    assert "15/15" in capsys.readouterr().err
    with joblib.parallel_config("threading"):
        two = spatial_report(Ridge(), X, y, levels=7, n_jobs=2)
    assert capsys.readouterr().err == ""
    assert one.table.equals(two.table)
    assert one.curve.equals(two.curve)


def test_estimator_and_data_are_left_alone(X, y):
    model, before = Ridge(), X.copy()
    spatial_report(model, X, y, levels=7)
    assert not hasattr(model, "coef_")
    assert X.equals(before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cv": 1}, "cv must be"),
        ({"levels": ()}, "levels must hold at least one"),
        ({"levels": 31}, "levels must be in 0..30"),
        ({"levels": 2}, "level must part the rows into at least 5 blocks"),
        ({"buffer": -1}, "buffer must be 'auto', None or 0 or more: got -1"),
        ({"buffer": "wide"}, "buffer must be 'auto', None or 0 or more: got 'wide'"),
        ({"unit": "mile"}, "unit must be one of"),
        ({"scoring": ["r2"]}, "scoring must be None, a name or a function: got list"),
        (
            {"X_deploy": [[np.nan, 5.0]]},
            r"X_deploy must have a place in every row: got none at index 0 \(1 of 1 rows\)",
        ),
        ({"lat": "nowhere", "lng": "lng"}, "lat must name one column: got 'nowhere'"),
        ({"y": None}, "y must be given"),
        ({"y": [1.0]}, "inconsistent numbers of samples"),
    ],
)
def test_messages(X, y, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        spatial_report(Ridge(), X, **{"y": y} | arguments)


# --- the plot ---------------------------------------------------------------------------------------------------------


def test_plot_has_a_mark_for_each_kind_and_the_curve(report):
    ax = report.plot()
    labels = ax.get_legend_handles_labels()[1]
    assert set(report.table.index) < set(labels)
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "distance to the nearest training row (km)"
    curve = next(line for line in ax.get_lines() if "by distance" in str(line.get_label()))
    assert np.array_equal(curve.get_xydata(), report.curve[["distance", "score"]])
    own = plt.subplots()[1]
    assert report.plot(ax=own) is own


def test_plot_marks_where_the_model_goes(X, y):
    report = spatial_report(Ridge(), X, y, levels=7, X_deploy=[[45.0, 12.0], [46.0, 12.0]])
    ax = report.plot()
    line = next(line for line in ax.get_lines() if "X_deploy" in str(line.get_label()))
    assert line.get_xdata()[0] == pytest.approx(np.median(report.deploy_distance))
    assert ax.get_xlim()[1] > np.median(report.deploy_distance)


def test_few_rows():
    X = np.random.default_rng(0).uniform((45, 5), (49, 10), (40, 2))
    report = spatial_report(Ridge(), X, X[:, 0])
    assert len(report.curve) >= 1
    report.plot().figure.canvas.draw()
