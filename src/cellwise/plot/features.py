"""What a fitted encoder learned, on a map."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cbook import normalize_kwargs
from matplotlib.collections import Collection, PathCollection
from matplotlib.colors import CenteredNorm, LogNorm

from .. import inputs
from .._typing import AnyArray, CellArray, FloatArray, FloatLike
from ..cells.conversion import cell_to_latlng, cell_to_token, latlng_to_cell
from ..cells.geometry import cell_area
from ..cells.hierarchy import cell_contains, cell_level, cell_parent
from ._basemap import check_options
from .cells import plot_cells

MOST_CELLS = 1_000  # of a map of neighbor features

DENSITY = "rows of fit per km$^2$"


def plot_features(
    encoder: Any,
    feature: str | int | None = None,
    *,
    values: FloatLike | None = None,
    add_up: bool = False,
    ax: Axes | None = None,
    colorbar: bool | None = None,
    **kwargs: Any,
) -> PathCollection:
    """Map of what a fitted encoder learned: its cells, coarse ones under fine ones, colored by a number.

    Parameters
    ----------
    encoder : fitted encoder
        Of `cellwise.features`, or any object with the same attributes: CellEncoder, AdaptiveCells, CellTargetEncoder,
        CellCounts or SpatialLag.
    feature : str or int, optional
        Name or position of one of its columns. Without it:

        ================= ========================================= ========================================
        encoder           without `feature`                         with it
        ================= ========================================= ========================================
        CellEncoder       all columns, by rows of `fit` per km2     that column's cell, outlined in red, and
        AdaptiveCells     the covering, by rows of `fit` per km2    the columns around it, by the same
        CellTargetEncoder the column of the finest level; for       that column
                          classes that of the first
        CellCounts        all levels, by rows of `fit` per km2      that column
        SpatialLag        the first column                          that column
        ================= ========================================= ========================================

        A column of CellTargetEncoder is what rows get: where its level saw no row, that is the coarser cell's encoding.
        A column of SpatialLag is shown as a new row at the center of a cell would get it, in the cells that hold rows
        of `fit`, of the finest level at which they are no more than 1,000.
    values : array_like of float, optional
        For CellEncoder and AdaptiveCells: one number per column that colors its cell, such as the coefficients of a
        linear model, or ``encoder.counts_``.
    add_up : bool
        Whether each cell shows its own value plus those of all cells that contain it: what a linear model of nested
        columns makes of the place. A coefficient alone is only a correction to the coarser ones.
    ax : matplotlib or cartopy Axes, optional
        As in `plot_cells`.
    colorbar : bool, optional
        By default on axes that are made here, not on axes that are given.
    **kwargs
        Others of `plot_cells`: projection, annotate (True or False), cmap, norm, edgecolor, ...

    Returns
    -------
    matplotlib.collections.PathCollection
        One path per cell, coarse cells first. Its numbers are ``artist.get_array()``.

    Raises
    ------
    TypeError
        If the encoder is not fitted, or has no cells.
    ValueError
        If there is no such column, or not one value per column.

    See Also
    --------
    plot_cells : The same for any cells and numbers.

    Examples
    --------
    What a linear model made of prices that fall from two centers:

    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from cellwise.features import CellEncoder
    >>> from cellwise.plot import plot_features
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform((45, 5), (50, 12), (2000, 2))
    >>> y = -np.minimum(np.hypot(X[:, 0] - 46, X[:, 1] - 7), np.hypot(X[:, 0] - 49, X[:, 1] - 10))
    >>> encoder = CellEncoder()
    >>> model = Ridge().fit(encoder.fit_transform(X), y)
    >>> artist = plot_features(encoder, values=model.coef_, add_up=True)
    >>> title = artist.axes.set_title("what each place adds to the price")
    >>> len(artist.get_paths()) == len(encoder.feature_cells_)
    True
    """
    check_options(ax)
    inputs.check_optional_bool("colorbar", colorbar)
    if inputs.check_bool("add_up", add_up) and values is None:
        raise ValueError("add_up must be False where values are not given")
    drawing, outlined = _draw(encoder, feature, values, add_up)
    order = np.argsort(cell_level(drawing.cells), kind="stable")  # coarse under fine
    cells, shown = drawing.cells[order], drawing.shown[order]
    colors, extend = _colors(shown, drawing.is_log, kwargs)
    given = normalize_kwargs(kwargs, Collection)
    style: dict[str, Any] = {"alpha": 1, "edgecolor": "0.3", "linewidth": _widths(cells)} | colors | given
    artist = plot_cells(cells, shown, ax=ax, **style)
    axes: Any = artist.axes
    if outlined is not None:
        plot_cells([outlined], ax=axes, facecolor="none", edgecolor="red", linewidth=1.5, zorder=2.1)
        if ax is None:
            axes.set_title(f"level {cell_level(outlined)}, {cell_to_token(outlined)}")
    if colorbar or (colorbar is None and ax is None):
        axes.figure.colorbar(artist, ax=axes, label=drawing.label, shrink=0.8, extend=extend)
    return artist


# --- which cells, and what of them: by the public attributes of encoders ----------------------------------------------


class _Drawing(NamedTuple):
    cells: CellArray
    shown: AnyArray  # a number for each
    label: str  # what the numbers are
    is_log: bool  # whether to draw them on a logarithmic scale


def _draw(
    encoder: Any, feature: str | int | None, values: FloatLike | None, add_up: bool
) -> tuple[_Drawing, int | None]:
    """What to draw, and a cell to outline."""
    union = getattr(encoder, "covering_", None)
    cells = getattr(encoder, "feature_cells_", None) if union is None else union.cells
    if cells is not None:
        return _draw_columns(encoder, cells, feature, values, add_up)
    is_lag = hasattr(encoder, "index_")
    if not (is_lag or all(hasattr(encoder, name) for name in ("cells_", "counts_", "levels_"))):
        raise TypeError(f"encoder must be fitted and have cells or neighbors: got {type(encoder).__name__}")
    if values is not None:
        raise ValueError(f"values must be None for {type(encoder).__name__}, whose columns are no cells")
    draw = _draw_lags if is_lag else _draw_encodings if hasattr(encoder, "encodings_") else _draw_counts
    return draw(encoder, feature), None


def _draw_columns(
    encoder: Any, cells: CellArray, feature: str | int | None, values: FloatLike | None, add_up: bool
) -> tuple[_Drawing, int | None]:
    """The same for encoders whose columns are cells."""
    if values is None:
        shown, label = _per_area(cells, encoder.counts_), DENSITY
    else:
        shown, label = inputs.read("f8", "values", values).array.ravel(), "value"
        if len(shown) != len(cells):
            raise ValueError(f"values must be one per column, {len(cells)}: got {len(shown)}")
        if add_up:
            shown, label = _added_up(cells, shown), "value, with those of the cells that contain it"
    outlined = None
    if feature is not None:
        names = list(encoder.get_feature_names_out())
        if len(names) != len(cells):
            raise ValueError(f"feature must be None for {type(encoder).__name__} whose column is no cell")
        k = _position(names, feature)
        outlined = int(cells[k])
        near = cell_contains(cell_parent(outlined, max(cell_level(outlined) - 3, 0)), cells)
        cells, shown = cells[near], shown[near]
    return _Drawing(cells, shown, label, values is None), outlined


def _draw_encodings(encoder: Any, feature: str | int | None) -> _Drawing:
    names, n_levels = list(encoder.get_feature_names_out()), len(encoder.levels_)
    n_targets = len(encoder.encodings_) // n_levels
    n_support = 2 if getattr(encoder, "add_support", False) else 0
    shown_levels = range(n_levels)[-((len(names) - n_support) // n_targets) :]
    k = (len(shown_levels) - 1) * n_targets if feature is None else _position(names, feature)
    last, target = (shown_levels[k // n_targets], k % n_targets) if k < len(names) - n_support else (n_levels - 1, None)
    # a place gets the encoding of the finest cell with rows
    used = range(last if encoder.stats == "count" and target is not None else 0, last + 1)
    if target is not None:
        shown = [encoder.encodings_[at * n_targets + target] for at in used]
    elif k == len(names) - 1:
        shown = [np.full(len(encoder.cells_[at]), encoder.levels_[at]) for at in used]
    else:
        shown = [encoder.counts_[at] for at in used]
    is_log = target is None and k == len(names) - 2
    cells = np.concatenate([encoder.cells_[at] for at in used])
    return _Drawing(cells, np.concatenate(shown).astype(float), names[k], is_log)


def _draw_counts(encoder: Any, feature: str | int | None) -> _Drawing:
    if feature is None:
        cells, counts = np.concatenate(encoder.cells_), np.concatenate(encoder.counts_)
        return _Drawing(cells, _per_area(cells, counts), DENSITY, True)
    names = list(encoder.get_feature_names_out())
    k = _position(names, feature)
    cells = encoder.cells_[k // len(encoder.rings_)]
    shown = _at_centers(encoder, cells, k)
    label = f"log(1 + {names[k]})" if encoder.log else names[k]
    return _Drawing(cells, shown, label, not encoder.log)


def _draw_lags(encoder: Any, feature: str | int | None) -> _Drawing:
    names = list(encoder.get_feature_names_out())
    k = 0 if feature is None else _position(names, feature)
    leaves = latlng_to_cell(encoder.index_.lat, encoder.index_.lng)
    for level in range(31):
        finer = np.unique(cell_parent(leaves, level))
        if level > 0 and len(finer) > MOST_CELLS:
            break
        cells = finer
    return _Drawing(cells, _at_centers(encoder, cells, k), names[k], False)


def _at_centers(encoder: Any, cells: CellArray, k: int) -> FloatArray:
    """Column `k` of rows at the cells' centers."""
    lat, lng = cell_to_latlng(cells)
    return np.array([encoder.transform_one(*center)[k] for center in zip(lat.tolist(), lng.tolist())])


def _position(names: list[str], feature: str | int) -> int:
    """Position of a column given by name or position."""
    if isinstance(feature, str):
        if feature not in names:
            raise ValueError(f"feature must be a column of the encoder: got {feature!r}")
        return names.index(feature)
    return inputs.check_integer("feature", feature, -len(names), len(names) - 1) % len(names)


def _per_area(cells: CellArray, counts: AnyArray) -> FloatArray:
    return counts / cell_area(cells, unit="km2")


def _added_up(cells: CellArray, values: FloatArray) -> FloatArray:
    """For each cell its own value and those of all cells that contain it."""
    order = np.argsort(cells)
    ordered, levels = cells[order], cell_level(cells)
    total = values.copy()
    for level in np.unique(levels).tolist():
        finer = np.flatnonzero(levels > level)
        ancestor = cell_parent(cells[finer], level)
        at = np.minimum(np.searchsorted(ordered, ancestor), len(ordered) - 1)
        is_column = ordered[at] == ancestor
        total[finer[is_column]] += values[order[at[is_column]]]
    return total


# --- colors ----------------------------------------------------------------------------------------------------------


def _colors(shown: AnyArray, is_log: bool, kwargs: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Colors for the numbers: logarithmic for counts, two-sided for both signs; at which ends there are more."""
    shown = shown[np.isfinite(shown)]
    style: dict[str, Any] = {"cmap": "viridis"}
    extend = "neither"
    if {"norm", "clim"} & kwargs.keys() or len(shown) == 0:
        return style, extend
    low, high = shown.min(), shown.max()
    if is_log and 0 < low < high:
        style["norm"] = LogNorm(low, high)
    elif not is_log and low < 0 < high:
        most = np.percentile(np.abs(shown), 99) or max(-low, high)  # a few may lie far out
        style = {"cmap": "RdBu_r", "norm": CenteredNorm(halfrange=most)}
        extend = ("neither", "min", "max", "both")[(low < -most) + 2 * (high > most)]
    return style, extend


def _widths(cells: CellArray) -> float | FloatArray:
    """Widths of edges: thinner around cells that are small on the map, whose colors they would hide."""
    if len(cells) == 0:
        return 0.6
    lat, lng = cell_to_latlng(cells)
    size = 90 / 2.0 ** cell_level(cells)  # degrees, roughly
    span = max(np.ptp(lat), np.ptp(lng) * np.cos(np.radians(np.abs(lat).min()))) + size.max()
    return np.minimum(25 * size / span, 0.6)
