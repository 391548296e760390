"""The advisor: its table against brute force and the encoder, what it picks, and its plot."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline

import cellwise as cw
from cellwise.features import CellBlockKFold, CellEncoder, suggest_levels
from cellwise.features._splitters import auto_block_level
from cellwise.features._suggest_levels import _FoldStatistics, _r2


def _two_scales(n=3000, seed=0):
    """Bumps of 100 km and of 10 km."""
    rng = np.random.default_rng(seed)
    X = rng.uniform((45, 5), (46.5, 7), (n, 2))
    wave = 2 * np.sin(4 * X[:, 0]) + np.sin(60 * X[:, 0]) * np.sin(45 * X[:, 1])
    return X, wave + 0.2 * rng.standard_normal(n)


@pytest.fixture(scope="module")
def data():
    return _two_scales()


@pytest.fixture(scope="module")
def suggestion(data):
    return suggest_levels(*data)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


# --- without y --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 7, 60, 1000, 20_000])
def test_without_y_the_levels_are_those_of_the_encoder(n):
    X = np.random.default_rng(n).uniform((-60, -180), (70, 180), (n, 2))
    found = suggest_levels(X, budget=30)
    assert found.levels == CellEncoder().fit(X).levels_
    assert found.table.index[found.table["picked"]].tolist() == list(found.levels)
    assert found.block_level is None
    assert not {"between", "random", "blocked"} & set(found.table)


def test_without_y_a_budget_thins_evenly():
    X = np.repeat(np.random.default_rng(0).normal((45, 8), 1, (2000, 2)), 8, axis=0)
    every = suggest_levels(X, budget=30).levels
    assert len(every) >= 6
    for budget in range(2, 10):
        levels = suggest_levels(X, budget=budget).levels
        assert len(levels) == min(budget, len(every))
        assert (levels[0], levels[-1]) == (every[0], every[-1])
        assert np.ptp(np.diff(levels)) <= 2
    assert suggest_levels(X, budget=1).levels == (every[len(every) // 2],)


# --- the table --------------------------------------------------------------------------------------------------------


def test_counts_are_those_of_the_cells_and_of_the_encoder(data, suggestion):
    X, _ = data
    for level, row in suggestion.table.iterrows():
        count = np.unique(cw.latlng_to_cell(*X.T, level), return_counts=True)[1]
        assert (row["cells"], row["mean_rows"], row["median_rows"]) == (len(count), count.mean(), np.median(count))
        assert row["alone"] == pytest.approx((count == 1).sum() / len(X))
        assert row["edge"] == cw.level_table().loc[level, "avg_edge"]
        Z = CellEncoder(levels=level, min_frequency=2, rollup=False).fit_transform(X)
        assert row["columns"] == Z.shape[1]
        assert row["bytes"] == Z.data.nbytes + Z.indices.nbytes + Z.indptr.nbytes


def test_table_runs_from_the_first_level_that_parts_rows_to_where_all_are_alone(data, suggestion):
    levels = suggestion.table.index.tolist()
    assert levels == list(range(levels[0], levels[-1] + 1))
    cells = suggestion.table["cells"].to_numpy()
    assert cells[0] < cells[1]
    assert len(np.unique(cw.latlng_to_cell(*data[0].T, levels[0] - 1))) in (1, cells[0])
    assert suggestion.table["alone"].iloc[-1] > 0.9 >= suggestion.table["alone"].iloc[-2]


def test_share_between_is_one_less_the_ratio_of_mean_squares(data, suggestion):
    X, y = data
    for level, between in suggestion.table["between"].items():
        by_cell = pd.Series(y).groupby(cw.latlng_to_cell(*X.T, level))
        within = ((y - by_cell.transform("mean")) ** 2).sum() / (len(y) - by_cell.ngroups)
        assert between == pytest.approx(max(0, 1 - within / y.var(ddof=1)))


def test_share_between_is_near_0_for_noise_however_small_the_cells():
    X, _ = _two_scales()
    table = suggest_levels(X, np.random.default_rng(0).standard_normal(len(X))).table
    assert table["between"].iloc[:-2].max() < 0.06
    assert table["alone"].iloc[-3] > 0.3
    X = np.array([[0.0, 0.0], [0.0, 50.0], [30.0, 80.0]])
    assert np.isnan(suggest_levels(X, [1.0, 2, 4]).table["between"].iloc[-1])


def _shrunk_by_hand(X, y, fold, levels):
    """R2 out of fold of nested means, the long way."""
    y = y - y.mean()
    error = 0.0
    for k in range(fold.max() + 1):
        learn, test = fold != k, fold == k
        estimate = {0: y[learn].mean()}
        home, tested_home = np.zeros(learn.sum(), int), np.zeros(test.sum(), int)
        for level in levels:
            cells, tested = cw.latlng_to_cell(*X[learn].T, level), cw.latlng_to_cell(*X[test].T, level)
            prior = np.array([estimate[h] for h in home])
            groups = {cell: np.flatnonzero(cells == cell) for cell in np.unique(cells)}
            inner = sum(((y[learn][rows] - y[learn][rows].mean()) ** 2).sum() for rows in groups.values())
            freedom = len(cells) - len(groups)
            within = inner / max(freedom, 1)
            outer = sum(len(rows) * (y[learn][rows].mean() - prior[rows[0]]) ** 2 for rows in groups.values())
            between = (outer - len(groups) * within) / len(cells)
            known = {}
            for cell, rows in groups.items():
                own, n = y[learn][rows].mean(), len(rows)
                shrink = n / (n + within / between) if between > 0 and freedom else 0
                known[cell] = prior[rows[0]] + shrink * (own - prior[rows[0]])
            fallback = [estimate[h] for h in tested_home]
            estimate = known | {(level, i): v for i, v in enumerate(fallback)}
            home = cells
            tested_home = [cell if cell in known else (level, i) for i, cell in enumerate(tested)]
        error += ((y[test] - [estimate[h] for h in tested_home]) ** 2).sum()
    return 1 - error / (y**2).sum()


@pytest.mark.parametrize("levels", [(6,), (9,), (12,), (6, 9), (6, 8, 10, 12)])
def test_scores_are_those_of_means_learned_on_the_other_folds(levels):
    X, y = _two_scales(500)
    order = np.argsort(cw.latlng_to_cell(*X.T))
    X, y = X[order], y[order]
    for fold in (np.arange(500) % 5, np.arange(500) // 100):
        fast = _r2([_FoldStatistics(cw.latlng_to_cell(*X.T), y, fold)], levels)
        assert fast == pytest.approx(_shrunk_by_hand(X, y, fold, levels))


def test_levels_as_fine_as_the_blocks_tell_nothing_of_new_areas(suggestion):
    table, level = suggestion.table, suggestion.block_level
    assert (table.loc[level:, "blocked"] <= 0).all()
    assert table["blocked"].max() > 0.2
    assert table.loc[level, "random"] > 0.5


def test_blocks_are_those_of_the_splitter(data, suggestion):
    assert suggestion.block_level == cw.cell_level(CellBlockKFold().blocks(data[0])[0])


# --- the picks --------------------------------------------------------------------------------------------------------


def test_picks_serve_both_scales(data, suggestion):
    X, y = data
    assert len(suggestion.levels) >= 2
    best_alone = suggestion.table["random"].idxmax()

    def score(levels):
        cv = KFold(5, shuffle=True, random_state=1)
        return cross_val_score(make_pipeline(CellEncoder(levels), Ridge()), X, y, cv=cv).mean()

    assert score(suggestion.levels) > score((best_alone,)) + 0.02
    assert score(suggestion.levels) > score("auto") - 0.01


@pytest.mark.parametrize("budget", [1, 2, 3])
def test_budget_is_kept(data, suggestion, budget):
    found = suggest_levels(*data, budget=budget)
    assert len(found.levels) <= budget
    assert budget > 1 or found.levels == (suggestion.table["random"].idxmax(),)
    assert list(found.levels) == sorted(found.levels)


def test_noise_gives_one_level_and_the_verdict_says_so():
    X, _ = _two_scales()
    found = suggest_levels(X, np.random.default_rng(3).standard_normal(len(X)))
    assert len(found.levels) == 1
    assert "No level predicts y" in found.verdict


def test_verdict_tells_the_scores(suggestion):
    assert f"Levels {suggestion.levels}:" in suggestion.verdict
    assert f"The best single level, {suggestion.table['random'].idxmax()}, has" in suggestion.verdict
    assert f"With blocks of level {suggestion.block_level} held out" in suggestion.verdict


def test_same_seed_same_suggestion_and_the_order_of_levels_is_stable(data, suggestion):
    again = suggest_levels(*data)
    assert again.levels == suggestion.levels
    assert again.table.equals(suggestion.table)
    other = suggest_levels(*data, random_state=1)
    assert (other.table["random"] - suggestion.table["random"]).abs().max() < 0.05


def test_classes_are_scored_as_indicators(data):
    X, y = data
    two = suggest_levels(X, np.where(y > 0, "high", "low"))
    as_bool, as_number = suggest_levels(X, y > 0), suggest_levels(X, (y > 0) * 1.0)
    assert two.levels == as_bool.levels == as_number.levels
    assert as_bool.table.equals(as_number.table)
    three = suggest_levels(X, pd.cut(y, [-9, -1, 1, 9]))
    parts = [suggest_levels(X, (y > low) & (y <= high)).table["random"] for low, high in ((-9, -1), (-1, 1), (1, 9))]
    assert (three.table["random"] <= np.max(parts, axis=0)).all()
    assert (three.table["random"] >= np.min(parts, axis=0)).all()


def test_an_estimator_scores_one_hot_cells():
    X, y = _two_scales(600)
    found = suggest_levels(X, y, estimator=Ridge(), progress=False)
    means = suggest_levels(X, y)
    assert found.levels == means.levels
    assert found.scored == "score of Ridge"
    assert found.table["random"].idxmax() == pytest.approx(means.table["random"].idxmax(), abs=1)
    assert not found.table["random"].equals(means.table["random"])
    model = make_pipeline(CellEncoder(levels=8), Ridge())
    score = cross_val_score(model, X, y, cv=KFold(5, shuffle=True, random_state=0)).mean()
    assert found.table.loc[8, "random"] == pytest.approx(score, abs=0.05)
    kinds = suggest_levels(X, (y > 0) * 1, estimator=RidgeClassifier())
    assert (kinds.table["random"] > 0.4).all()
    assert kinds.table["random"].max() > 0.8


def test_progress_of_fits(data, capsys):
    suggest_levels(data[0][:300], data[1][:300], estimator=Ridge(), progress=True)
    assert "random folds" in capsys.readouterr().err
    suggest_levels(data[0][:300], data[1][:300], estimator=Ridge())
    assert capsys.readouterr().err == ""


# --- inputs -----------------------------------------------------------------------------------------------------------


def test_all_inputs_give_the_same_table(data, suggestion):
    X, y = data
    frame = {"price": y, "LON": X[:, 1], "Lat": X[:, 0]}
    for given, target in (
        (pd.DataFrame(frame, index=np.arange(len(y)) * 3), pd.Series(y)),
        (pl.DataFrame(frame), pl.Series(y)),
        (X.tolist(), y.tolist()),
        (pd.Series(cw.latlng_to_cell(*X.T)), y),
    ):
        assert suggest_levels(given, target).table.equals(suggestion.table)


def test_rows_without_a_place_are_left_out(data, suggestion):
    X, y = data
    X = np.vstack([[np.nan, 5.0], X, [[45.0, np.nan]]])
    y = np.concatenate([[np.nan], y, [1e9]])
    assert suggest_levels(X, y).table.equals(suggestion.table)
    assert suggest_levels(X, y, estimator=Ridge()).levels == suggestion.levels
    with pytest.raises(ValueError, match="X must have rows with a place: got none in 2 rows"):
        suggest_levels([[np.nan, 1.0], [1.0, np.nan]])


def test_coarse_cells_bound_the_levels(data):
    cells = cw.latlng_to_cell(*data[0].T, 9)
    found = suggest_levels(pd.Series(cells), data[1])
    assert found.table.index[-1] == 9
    assert max(found.levels) <= 9
    assert max(suggest_levels(pd.Series(cells)).levels) <= 9


def test_rows_at_one_place():
    found = suggest_levels(np.tile([45.0, 8.0], (30, 1)), np.arange(30.0))
    assert found.table["cells"].tolist() == [1]
    assert found.levels == (0,)
    assert suggest_levels([[45.0, 8.0]], [1.0]).levels == suggest_levels([[45.0, 8.0]]).levels == (0,)


@pytest.mark.parametrize("n", [2, 3, 4, 9])
def test_few_rows(n):
    X, y = _two_scales(n)
    found = suggest_levels(X, y)
    assert 1 <= len(found.levels) <= 5
    assert str(found)
    found.plot()


def test_constant_target(data):
    assert len(suggest_levels(data[0], np.ones(len(data[0]))).levels) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"budget": 0}, "budget must be"),
        ({"budget": 2.5}, "budget must be an integer"),
        ({"y": [1.0]}, "inconsistent numbers of samples"),
        ({"y": np.r_[np.nan, np.zeros(2999)]}, r"y must be finite: got nan at index 0 \(1 of 3000 values\)"),
        ({"y": np.r_[np.inf, np.zeros(2999)]}, "y must be finite: got inf"),
        ({"y": np.arange(3000).astype(str)}, "y must be numbers or have at most 50 classes: got 3000, such as '0'"),
        ({"y": None, "estimator": Ridge()}, "y must be given with an estimator"),
        ({"lat": 0}, "lat and lng must be given together"),
    ],
)
def test_messages(data, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        suggest_levels(data[0], **{"y": data[1]} | arguments)


def test_a_hundred_thousand_rows_take_seconds():
    X, y = _two_scales(100_000)
    assert len(suggest_levels(X, y).levels) > 1


# --- words and plot ---------------------------------------------------------------------------------------------------


def test_prints_its_table(suggestion):
    text = str(suggestion)
    assert text == repr(suggestion)
    assert text.count(" yes") == len(suggestion.levels)
    assert " km" in text
    assert " kB" in text
    assert max(map(len, text.splitlines())) <= 120


def test_plot_with_y(suggestion):
    ax = suggestion.plot()
    labels = ax.get_legend_handles_labels()[1]
    assert labels[-1] == "picked levels"
    assert any("between cells" in label for label in labels)
    assert sum(f"level {suggestion.block_level} held out" in label for label in labels) == 1
    own = plt.subplots()[1]
    assert suggestion.plot(own) is own


def test_plot_without_y(data):
    ax = suggest_levels(data[0]).plot()
    assert ax.get_yscale() == "log"
    ax.figure.canvas.draw()


def test_block_level_of_one_block():
    assert auto_block_level(np.sort(cw.latlng_to_cell(np.full(9, 45.0), np.full(9, 8.0))), 0.2) == 0
