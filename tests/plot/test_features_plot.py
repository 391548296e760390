"""plot_features: what is drawn for each encoder, in which order and colors."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import CenteredNorm, LogNorm
from plot_helpers import drawn
from sklearn.linear_model import Ridge

import cellwise as cw
from cellwise.features import AdaptiveCells, CellCounts, CellEncoder, CellTargetEncoder, SpatialLag
from cellwise.plot import plot_features


@pytest.fixture(scope="module")
def homes():
    rng = np.random.default_rng(0)
    X = np.vstack((rng.normal((47.4, 8.5), 0.02, (150, 2)), rng.uniform((46, 6.5), (48, 10), (50, 2))))
    return X, np.sin(3 * X[:, 0]) + 0.1 * rng.standard_normal(200)


def shown(artist):
    return artist.get_array().filled(np.nan)


def by_level(cells):
    return np.argsort(cw.cell_level(cells), kind="stable")


@pytest.mark.parametrize("make", [lambda: CellEncoder((6, 9, 12)), lambda: AdaptiveCells(20)])
def test_density_of_columns_coarse_under_fine(homes, make):
    encoder = make().fit(homes[0])
    cells = encoder.feature_cells_ if hasattr(encoder, "feature_cells_") else encoder.covering_.cells
    artist = plot_features(encoder)
    order = by_level(cells)
    assert np.allclose(shown(artist), (encoder.counts_ / cw.cell_area(cells, unit="km2"))[order])
    assert isinstance(artist.norm, LogNorm)
    west = [path.vertices[:, 0].min() for path in artist.get_paths()]
    lng = cw.cell_vertices(cells)[order, :, 1].min(axis=1)
    assert np.allclose(west, lng, atol=0.1)
    assert artist.colorbar is not None
    drawn(artist)


def test_values_of_columns(homes):
    X, y = homes
    encoder = CellEncoder((6, 9, 12))
    model = Ridge().fit(encoder.fit_transform(X), y)
    artist = plot_features(encoder, values=model.coef_)
    assert shown(artist).tolist() == model.coef_.tolist()
    assert isinstance(artist.norm, CenteredNorm)
    assert artist.norm.vcenter == 0
    assert artist.cmap.name == "RdBu_r"
    low, high = artist.get_clim()
    beyond = (model.coef_.min() < low, model.coef_.max() > high)
    assert any(beyond)  # the farthest hundredth is left to the ends of the scale
    assert artist.colorbar.extend == {(True, False): "min", (False, True): "max", (True, True): "both"}[beyond]
    drawn(artist)
    assert shown(plot_features(encoder, values=encoder.counts_)).tolist() == encoder.counts_.tolist()
    assert plot_features(encoder, values=pd.Series(encoder.counts_), cmap="magma").cmap.name == "magma"


def test_values_that_add_up_are_what_the_model_says(homes):
    X, y = homes
    encoder = CellEncoder((6, 9, 12), min_frequency=3)
    model = Ridge().fit(encoder.fit_transform(X), y)
    artist = plot_features(encoder, values=model.coef_, add_up=True)
    lat, lng = cw.cell_to_latlng(encoder.feature_cells_)
    lit = encoder.transform(np.column_stack((lat, lng)))
    # at its center a coarse cell may hold a finer one; the finest column that a row lights says what is predicted
    finest = encoder.inverse_transform(lit)
    at = {cell: value for cell, value in zip(encoder.feature_cells_.tolist(), shown(artist))}
    predicted = model.predict(lit) - model.intercept_
    assert np.allclose([at[cell] for cell in finest.tolist()], predicted)


def test_one_column_among_those_round_it(homes):
    encoder = CellEncoder((6, 9, 12)).fit(homes[0])
    names = encoder.get_feature_names_out()
    k = int(np.argmax(encoder.counts_ * (cw.cell_level(encoder.feature_cells_) == 9)))
    artist = plot_features(encoder, names[k])
    around = cw.cell_parent(int(encoder.feature_cells_[k]), 6)
    near = cw.cell_contains(around, encoder.feature_cells_)
    assert len(artist.get_paths()) == near.sum() < len(names)
    outline = artist.axes.collections[-1]
    assert len(outline.get_paths()) == 1
    assert artist.axes.get_title() == f"level 9, {names[k].rpartition('_')[2]}"
    drawn(artist)
    assert len(plot_features(encoder, k - len(names)).get_paths()) == near.sum()
    values = np.arange(len(names), dtype=float)
    assert shown(plot_features(encoder, k, values=values)).tolist() == values[near].tolist()


@pytest.mark.parametrize("output", ["all", "finest"])
def test_target_encodings(homes, output):
    X, y = homes
    encoder = CellTargetEncoder((6, 9, 12), output=output).fit(X, y)
    artist = plot_features(encoder)
    assert shown(artist).tolist() == np.concatenate(encoder.encodings_).tolist()
    assert artist.colorbar.ax.get_ylabel() == "s2_L12_mean"
    drawn(artist)
    # what rows get is the color of the last path drawn over them
    Z = encoder.transform(X)[:, -1]
    cells = np.concatenate(encoder.cells_)
    leaves = cw.latlng_to_cell(X[:, 0], X[:, 1])
    top = [np.flatnonzero(cw.cell_contains(cells, leaf))[-1] for leaf in leaves.tolist()]
    assert np.allclose(shown(artist)[top], Z)
    if output == "all":
        coarse = plot_features(encoder, "s2_L9_mean")
        assert shown(coarse).tolist() == np.concatenate(encoder.encodings_[:2]).tolist()
        assert len(plot_features(encoder, 0).get_paths()) == len(encoder.cells_[0])


def test_target_encodings_of_classes_and_support(homes):
    X, y = homes
    kind = np.array(["flat", "house", "loft"])[np.digitize(y, (-0.3, 0.3))]
    encoder = CellTargetEncoder((6, 9), add_support=True).fit(X, kind)
    n = [len(cells) for cells in encoder.cells_]
    assert shown(plot_features(encoder)).tolist() == [*encoder.encodings_[0], *encoder.encodings_[3]]
    assert shown(plot_features(encoder, "s2_L9_mean_loft")).tolist() == [*encoder.encodings_[2], *encoder.encodings_[5]]
    assert shown(plot_features(encoder, 1)).tolist() == encoder.encodings_[1].tolist()
    assert shown(plot_features(encoder, "s2_support_rows")).tolist() == np.concatenate(encoder.counts_).tolist()
    assert shown(plot_features(encoder, "s2_support_level")).tolist() == [6] * n[0] + [9] * n[1]
    counter = CellTargetEncoder((6, 9), stats="count").fit(X)
    assert shown(plot_features(counter)).tolist() == counter.counts_[1].tolist()


def test_counts(homes):
    X, _ = homes
    counter = CellCounts((6, 9), rings=(0, 1), log=False).fit(X)
    artist = plot_features(counter)
    cells, counts = np.concatenate(counter.cells_), np.concatenate(counter.counts_)
    assert np.allclose(shown(artist), counts / cw.cell_area(cells, unit="km2"))
    assert shown(plot_features(counter, "s2_L9_count")).tolist() == counter.counts_[1].tolist()
    ring = plot_features(counter, "s2_L9_ring1_count")
    centers = np.column_stack(cw.cell_to_latlng(counter.cells_[1]))
    assert shown(ring).tolist() == counter.transform(centers)[:, 3].tolist()
    assert isinstance(ring.norm, LogNorm)
    drawn(ring)
    logs = plot_features(CellCounts(9).fit(X), 0)
    assert np.allclose(shown(logs), np.log1p(counter.counts_[1]))
    assert logs.colorbar.ax.get_ylabel() == "log(1 + s2_L9_count)"


def test_lags_are_those_of_new_rows_at_the_centers(homes, monkeypatch):
    X, y = homes
    lag = SpatialLag(k=(1, 4)).fit(X, y)
    monkeypatch.setattr("cellwise.plot.features.MOST_CELLS", 60)
    counts = [len(np.unique(cw.latlng_to_cell(*X.T, level))) for level in range(31)]
    level = max(level for level, count in enumerate(counts) if count <= 60)
    assert counts[level + 1] > 60
    cells = np.unique(cw.latlng_to_cell(*X.T, level))
    expected = lag.transform(np.column_stack(cw.cell_to_latlng(cells)))
    artist = lag.plot()
    np.testing.assert_array_equal(shown(artist), expected[:, 0])
    assert artist.colorbar.ax.get_ylabel() == "lag_k1_mean"
    far = plot_features(lag, "lag_k4_distance")
    np.testing.assert_array_equal(shown(far), expected[:, list(lag.get_feature_names_out()).index("lag_k4_distance")])
    drawn(far)


def test_axes_that_are_given(homes):
    encoder = AdaptiveCells(20).fit(homes[0])
    _, ax = plt.subplots()
    artist = plot_features(encoder, 3, ax=ax)
    assert artist.axes is ax
    assert artist.colorbar is None
    assert ax.get_title() == ""
    assert plot_features(encoder, ax=ax, colorbar=True).colorbar is not None


def test_style(homes):
    encoder = AdaptiveCells(20).fit(homes[0])
    artist = plot_features(encoder)
    widths = artist.get_linewidth()
    assert widths[0] > widths[-1]
    assert plot_features(encoder, lw=2, ec="red").get_linewidth()[0] == 2
    assert plot_features(encoder, clim=(0, 3)).get_clim() == (0, 3)
    norm = LogNorm(0.1, 10)
    assert plot_features(encoder, norm=norm).norm is norm
    assert plot_features(encoder, colorbar=False).colorbar is None


def test_few_cells_and_equal_numbers():
    union = cw.CellUnion.from_tokens(["808f7f", "808584"])
    drawn(plot_features(AdaptiveCells.from_covering(union)))  # counts of 0
    drawn(plot_features(CellEncoder(3).fit([[47.4, 8.5]])))
    drawn(plot_features(CellEncoder(3).fit([[47.4, 8.5]]), values=[0.0]))
    drawn(plot_features(CellEncoder((0, 3)).fit([[0.0, 179.9], [0.0, -179.9]]), values=[np.nan, 1.0, -1.0]))
    drawn(plot_features(AdaptiveCells().fit(np.full((3, 2), np.nan))))


def test_ordinal_covering(homes):
    encoder = AdaptiveCells(20, output="ordinal").fit(homes[0])
    assert len(plot_features(encoder).get_paths()) == len(encoder.covering_)
    assert len(plot_features(encoder, values=encoder.counts_).get_paths()) == len(encoder.covering_)
    with pytest.raises(ValueError, match="feature must be None for AdaptiveCells whose column is no cell"):
        plot_features(encoder, 0)


def test_without_cartopy(homes, without_cartopy):
    drawn(plot_features(AdaptiveCells(20).fit(homes[0])))


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"feature": "s2_L9"}, ValueError, "feature must be a column of the encoder: got 's2_L9'"),
        ({"feature": 9_999}, ValueError, "feature must be in"),
        ({"feature": 1.5}, TypeError, "feature must be an integer: got float 1.5"),
        ({"values": [1.0]}, ValueError, "values must be one per column, "),
        ({"values": "counts"}, TypeError, "values must be"),
        ({"add_up": True}, ValueError, "add_up must be False where values are not given"),
    ],
)
def test_what_cannot_be_drawn(homes, params, error, words):
    encoder = CellEncoder((6, 9)).fit(homes[0])
    with pytest.raises(error) as why:
        plot_features(encoder, **params)
    assert words in str(why.value), str(why.value)


def test_encoders_that_cannot_be_drawn(homes):
    for strange in (CellEncoder(), CellCounts(), SpatialLag(), Ridge(), None):
        words = f"encoder must be fitted and have cells or neighbors: got {type(strange).__name__}"
        with pytest.raises(TypeError, match=words):
            plot_features(strange)
    with pytest.raises(ValueError, match="values must be None for CellCounts, whose columns are no cells"):
        plot_features(CellCounts(9).fit(homes[0]), values=[1.0])
