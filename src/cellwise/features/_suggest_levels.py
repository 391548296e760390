"""Which levels suit these rows: a table of what each level gives and costs, and the levels to take."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_random_state
from tqdm import tqdm

from .._docs import shared_parameters
from .._typing import AnyArray, CellArray, FloatArray
from ..cells.hierarchy import cell_level, cell_parent
from ..inputs import check_integer, check_optional_bool, import_extra
from ..levels import level_table
from ..ragged import sum_runs
from ._base import Column, Table, check_columns, check_estimator, check_seed
from ._cell_encoder import CellEncoder
from ._sorted_leaves import auto_levels, cell_counts, runs
from ._splitters import auto_block_level, deal, format_length, locate_rows, rows_of
from ._target import TargetType, check_target_type, read_target

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LevelSuggestion", "suggest_levels"]

N_FOLDS = 5
LEAST_GAIN = 0.001  # in R2, of a level that is picked
MOST_ALONE = 0.9  # the table ends where more of the rows than this are alone in their cells
MOST_CLASSES = 50


@shared_parameters
def suggest_levels(
    X: Table,
    y: Any = None,
    *,
    budget: int = 5,
    target_type: Literal["auto"] | TargetType = "auto",
    estimator: Any = None,
    random_state: int | np.random.RandomState | None = 0,
    lat: Column | None = None,
    lng: Column | None = None,
    cell: Column | None = None,
    progress: bool | None = None,
) -> LevelSuggestion:
    """Levels for the encoders, at most `budget` of them, with a table of what each level gives and costs.

    Without `y` the levels are those of ``CellEncoder(levels="auto")``, from where the rows are alone. With `y` they
    are picked by cross-validation, in about a second for 100,000 rows: no model is fitted, since all it takes are
    counts, sums and sums of squares per cell and fold.

    **The trap it avoids** is the single best level. In a table of one-level scores it is tempting to take the best row
    and stop; but coarse and fine levels carry different information, and a level that scores poorly alone may add most
    to the others. So levels are picked one by one, each time the one that adds most to those there are.

    Parameters
    ----------
    X : DataFrame, array_like or Series of cells, shape (n_rows, n_features)
        Rows with coordinates, or with cells, and anything else. Rows without a place are left out.
    y : array_like, shape (n_rows,), default None
        Target.
    budget : int, default 5
        Most levels to pick.
    target_type : {"auto", "continuous", "binary", "multiclass"}, default "auto"
        What y is. "auto": classes if `estimator` is a classifier, else as in `CellTargetEncoder`.
    estimator : estimator, default None
        Scores the columns `random` and `blocked` instead of means per cell: a model for one-hot cells such as
        `sklearn.linear_model.Ridge`, fitted ten times a level. The picks do not depend on it.
    random_state : int, RandomState or None, default 0
        Of the folds.
    {coordinate_columns}
    {cell_column: Levels finer than the coarsest of them are left out.}
    progress : bool, default None
        Whether to show a bar where an estimator is fitted. None: if the output goes to a terminal.

    Returns
    -------
    LevelSuggestion
        With ``levels``, ready for an encoder; ``table``; ``verdict``, a sentence or two; and ``plot()``.

    Raises
    ------
    ValueError
        If no row has a place, or y is missing somewhere or has more than 50 classes.

    See Also
    --------
    CellEncoder, AdaptiveCells : Encoders: of several levels, and of cells whose level varies with the data.
    spatial_report : Whether the score of random or of blocked folds is the one to go by.

    Notes
    -----
    **The table** has a row for each level from the first that separates rows to the last at which a tenth of them
    still share their cells:

    ===========  =======================================================================================
    cells        cells that hold rows
    edge         average edge of such cells, in meters
    mean_rows    rows per cell, on average
    median_rows  rows in the median cell; where it is far below the mean, rows crowd in a few cells
    alone        share of the rows that have their cell to themselves
    between      share of the variance of y that lies between cells, not within them
    random       R2 of means per cell on rows held out at random
    blocked      R2 of means per cell on blocks held out, of level ``block_level``
    columns      of ``CellEncoder(levels=level, min_frequency=2, rollup=False)``: rows alone get none
    bytes        of the sparse matrix that it makes of these rows
    picked       whether the level is in ``levels``
    ===========  =======================================================================================

    `between` is Kelley's adjusted correlation ratio [1]_, 1 − W / V with the mean squares W within cells and V of all
    rows. The plain ratio of sums of squares grows to 1 as cells shrink to single rows, whatever y is; this one stays
    near 0 for noise. Estimates below 0 are given as 0, and it is NaN where no cell has two rows.

    `random` predicts each row by the mean of its cell over the other folds, shrunk to the mean of all rows by the
    ratio of the variances within and between cells, which the other folds give, too. `blocked` is the same with whole
    blocks held out, of the level that `CellBlockKFold` takes. At that level and finer ones the cells of a block held
    out are all unknown, and R2 can only be about 0: these levels carry no information about new areas. Only the scores
    of coarser ones do.

    **The picks.** With y, forward selection: starting from none, the level is added that makes the R2 on random folds
    largest, for means of the finest level that shrink to the next coarser picked one and so on; of equal ones the
    coarser. It ends at `budget`, or when the gain is less than 0.001. Classes are scored as indicators of each. If no
    level at all predicts y, the best is given and the verdict says so.

    Without y, levels run from the coarsest at which the median cell holds at most a fiftieth of the rows to the finest
    at which the median row shares its cell with about five, every second one, thinned evenly to `budget`.

    The levels are chosen by the scores in the table, which are therefore slightly too good. Score the model itself
    afterwards.

    References
    ----------
    .. [1] T. L. Kelley, "An unbiased correlation ratio measure", Proceedings of the National Academy of Sciences 21
       (1935), 554-559.
    .. [2] D. R. Roberts et al., "Cross-validation strategies for data with temporal, spatial, hierarchical, or
       phylogenetic structure", Ecography 40 (2017), 913-929: why there are two scores.

    Examples
    --------
    Prices that rise to the south, with a bump of their own for every ten kilometers or so:

    >>> import numpy as np
    >>> from cellwise.features import CellEncoder, suggest_levels
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform((45, 5), (47, 8), (5000, 2))
    >>> y = -X[:, 0] + 0.5 * np.sin(40 * X[:, 0]) * np.sin(40 * X[:, 1]) + 0.2 * rng.standard_normal(5000)
    >>> suggestion = suggest_levels(X, y, budget=3)
    >>> print(suggestion)
           cells    edge mean_rows median_rows  alone  between  random  blocked  columns  bytes picked
    level
    4          2  580 km    2500.0        2500   0.00     0.01    0.01    -0.03        2  60 kB
    5          3  290 km    1666.7         451   0.00     0.03    0.02    -0.02        3  60 kB
    6          7  150 km     714.3        1022   0.00     0.58    0.58     0.54        7  60 kB
    7         22   73 km     227.3         235   0.00     0.71    0.71     0.61       21  60 kB
    8         74   36 km      67.6          82   0.00     0.75    0.75    -0.02       73  60 kB    yes
    9        248   18 km      20.2          21   0.00     0.77    0.75    -0.02      245  60 kB
    10       920  9.1 km       5.4           5   0.01     0.79    0.72    -0.02      879  60 kB
    11      2694  4.5 km       1.9           2   0.25     0.85    0.53    -0.02     1446  50 kB    yes
    12      4218  2.3 km       1.2           1   0.70     0.89    0.20    -0.02      703  32 kB
    13      4789  1.1 km       1.0           1   0.92     0.90    0.06    -0.02      207  23 kB
    <BLANKLINE>
    Levels (8, 11): means per cell, each level shrunk to the next coarser, have R2 0.78 on rows held out
    at random. The best single level, 8, has 0.75. With blocks of level 8 held out, the best single
    level, 7, has R2 0.61: about what cells alone tell of new areas.
    >>> encoder = CellEncoder(levels=suggestion.levels)

    From places alone:

    >>> suggest_levels(X).levels
    (8, 10)
    """
    check_integer("budget", budget, 1)
    check_target_type(target_type)
    check_seed(random_state)
    check_columns(lat, lng, cell)
    check_optional_bool("progress", progress)
    if estimator is not None:
        check_estimator(estimator)
    if y is None and estimator is not None:
        raise ValueError("y must be given with an estimator: got None")
    rng = check_random_state(random_state)
    cells = locate_rows(X, lat=lat, lng=lng, cell=cell, all_rows=False).cells
    kept = np.flatnonzero(cells)
    if len(kept) == 0:
        raise ValueError(f"X must have rows with a place: got none in {len(cells)} rows")
    if len(kept) < len(cells):
        X, y, cells = rows_of(X, kept), None if y is None else rows_of(y, kept), cells[kept]
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    auto = auto_levels(ordered)
    levels = _levels_that_differ(ordered, auto)
    table = _count_table(ordered, levels)
    if y is None:
        picked = tuple(level for level in _thinned(auto, budget) if level in levels) or levels[-1:]
        verdict = _verdict_without_y(picked, table)
        return LevelSuggestion(picked, _finished(table, picked), verdict, None)

    if target_type == "auto" and estimator is not None and is_classifier(estimator):
        target_type = "multiclass"
    y_columns = _read_columns(y, X, target_type)[order]
    n_folds = min(N_FOLDS, len(cells))
    random = rng.permutation(len(cells)) % n_folds
    block_level = min(auto_block_level(ordered, 1 / N_FOLDS), levels[-1])
    _, row_block, count = np.unique(cell_parent(ordered, block_level), return_inverse=True, return_counts=True)
    blocked = deal(count, n_folds, rng)[row_block]
    statistics = {
        name: [_FoldStatistics(ordered, column, fold) for column in y_columns.T]
        for name, fold in {"random": random, "blocked": blocked}.items()
    }
    table["between"] = [_between(ordered, y_columns, level) for level in levels]
    if estimator is None:
        for name, parts in statistics.items():
            table[name] = [_r2(parts, (level,)) for level in levels]
    else:
        for name, fold in {"random": random, "blocked": blocked}.items():
            by_row = np.empty(len(fold), np.intp)
            by_row[order] = fold
            bar = tqdm(levels, desc=f"levels, {name} folds", disable=None if progress is None else not progress)
            table[name] = [_score(estimator, X, y, level, by_row, lat, lng, cell) for level in bar]
    picked, r2 = _forward(statistics["random"], levels, budget)
    verdict = _verdict(picked, r2, statistics, table, block_level)
    scored = "R2" if estimator is None else f"score of {type(estimator).__name__}"
    return LevelSuggestion(picked, _finished(table, picked), verdict, block_level, scored)


@dataclass(frozen=True, repr=False)
class LevelSuggestion:
    """What `suggest_levels` found; it prints as a table and a verdict.

    Attributes
    ----------
    levels : tuple of int
        The picked levels, ascending.
    table : pandas.DataFrame
        One row per level; see the notes of `suggest_levels`.
    verdict : str
        The picks in words.
    block_level : int or None
        Level of the blocks held out for the column `blocked`; None without y.
    scored : str
        What the columns `random` and `blocked` hold.
    """

    levels: tuple[int, ...]
    table: pd.DataFrame
    verdict: str
    block_level: int | None
    scored: str = "R2"

    def __repr__(self) -> str:
        table = self.table.copy()
        table["edge"] = table["edge"].map(format_length)
        table["bytes"] = table["bytes"].map(_format_bytes)
        table["picked"] = table["picked"].map({True: "yes", False: ""})
        formats = {"mean_rows": "{:.1f}".format, "median_rows": "{:.0f}".format}
        text = table.to_string(formatters=formats, float_format="{:.2f}".format)
        return f"{text}\n\n{textwrap.fill(self.verdict, 100)}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """The table as curves over the level, with the picked levels marked.

        With y: the share of its variance between cells, and the scores on random and on blocked folds. Without:
        cells, and rows per cell.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Without it a figure is made.

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        >>> import numpy as np
        >>> from cellwise.features import suggest_levels
        >>> X = np.random.default_rng(0).uniform((45, 5), (47, 8), (500, 2))
        >>> ax = suggest_levels(X, X[:, 0]).plot()
        >>> ax.get_xlabel()
        'level, and the average edge of its cells'
        """
        plt = import_extra("matplotlib.pyplot", "plot")
        from ..plot._basemap import check_options

        check_options(ax)
        table, levels = self.table, self.table.index.to_numpy()
        if ax is None:
            ax = plt.subplots(figsize=(max(6.0, 1.5 + 0.55 * len(levels)), 4), layout="constrained")[1]
        if self.block_level is None:
            curves = {
                "cells": "cells that hold rows",
                "mean_rows": "rows per cell, mean",
                "median_rows": "rows per cell, median",
            }
            ax.set_yscale("log")
            ax.set_ylabel("number")
        else:
            curves = {
                "between": "share of the variance of y between cells",
                "random": f"{self.scored} on rows held out at random",
                "blocked": f"{self.scored} on blocks of level {self.block_level} held out",
            }
            ax.axhline(0, color="0.8", lw=0.8, zorder=0)
            ax.set_ylim(max(-1, min(0, table[["random", "blocked"]].min().min())) - 0.05, 1.02)
            ax.set_ylabel("share of variance, R2" if self.scored == "R2" else "share of variance, score")
        for (name, label), color in zip(curves.items(), ("0.6", "tab:blue", "tab:orange")):
            ax.plot(levels, table[name], "-o", color=color, ms=4, label=label)
        for k, level in enumerate(self.levels):
            ax.axvspan(level - 0.3, level + 0.3, color="gold", alpha=0.35, lw=0, label=None if k else "picked levels")
        ax.set_xlim(levels[0] - 0.5, levels[-1] + 0.5)
        ax.set_xticks(levels, [f"{level}\n{format_length(edge)}" for level, edge in zip(levels, table["edge"])])
        ax.tick_params(axis="x", labelsize="x-small")
        ax.set_xlabel("level, and the average edge of its cells")
        ax.legend(frameon=False, fontsize="small", ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
        ax.spines[["top", "right"]].set_visible(False)
        return ax


# --- the table --------------------------------------------------------------------------------------------------------


def _levels_that_differ(ordered: CellArray, auto: tuple[int, ...]) -> tuple[int, ...]:
    """Levels of the table: from the last with the fewest cells, if more than one, to the last with shared cells."""
    places, n_cells = len(runs(ordered)[0]), []
    for level in range(int(cell_level(ordered).min()) + 1):
        count = cell_counts(ordered, level)[1]
        n_cells.append(len(count))
        if len(count) == places or np.count_nonzero(count == 1) > MOST_ALONE * len(ordered):
            break
    fewest = min((n for n in n_cells if n > 1), default=1)
    first = max(k for k, n in enumerate(n_cells) if n == fewest) if places > 1 else 0
    return tuple(range(min(first, auto[0]), level + 1))


def _count_table(ordered: CellArray, levels: tuple[int, ...]) -> pd.DataFrame:
    """The columns that do not need y."""
    n, rows = len(ordered), []
    for level in levels:
        count = cell_counts(ordered, level)[1]
        alone = np.count_nonzero(count == 1)
        rows.append(
            {
                "cells": len(count),
                "edge": level_table().loc[level, "avg_edge"],
                "mean_rows": n / len(count),
                "median_rows": np.median(count),
                "alone": alone / n,
                "columns": len(count) - alone,
                "bytes": 8 * (n - alone) + 4 * (n + 1),  # a value and a column for each row lit, a start for each row
            }
        )
    return pd.DataFrame(rows, index=pd.Index(levels, name="level"))


def _finished(table: pd.DataFrame, picked: tuple[int, ...]) -> pd.DataFrame:
    """The table with the picks, its columns in order."""
    table["picked"] = table.index.isin(picked)
    last = ["columns", "bytes", "picked"]
    return table[[name for name in table if name not in last] + last]


def _thinned(levels: tuple[int, ...], budget: int) -> tuple[int, ...]:
    """At most `budget` of the levels, evenly spaced, with both ends; a single one from the middle."""
    if len(levels) <= budget:
        return levels
    if budget == 1:
        return (levels[len(levels) // 2],)
    return tuple(levels[k] for k in np.linspace(0, len(levels) - 1, budget).round().astype(int))


# --- y ----------------------------------------------------------------------------------------------------------------


def _read_columns(y: Any, X: Table, target_type: str) -> FloatArray:
    """The target as columns of floats: itself, or the indicators of its classes but the first."""
    target = read_target(y, X, target_type)
    if target.type != "multiclass" or target.classes is None:
        return target.values[:, None]
    if len(target.classes) > MOST_CLASSES:
        raise ValueError(
            f"y must be numbers or have at most {MOST_CLASSES} classes: got {len(target.classes)}, "
            f"such as {target.classes.tolist()[0]!r}"
        )
    return target.indicators()[:, min(1, len(target.classes) - 1) :]


def _between(ordered: CellArray, y: FloatArray, level: int) -> float:
    """Share of the variance between cells, adjusted for their number; several columns of y add up."""
    _, offsets = runs(cell_parent(ordered, level))
    n, k = len(ordered), len(offsets) - 1
    if k == n:
        return np.nan
    y = y - y.mean(axis=0)
    total = (y**2).sum()
    if total == 0:
        return np.nan
    explained = (sum_runs(y, offsets) ** 2 / np.diff(offsets)[:, None]).sum()
    return max(0.0, 1 - (total - explained) / total * (n - 1) / (n - k))


class _FoldStatistics:
    """Counts, sums and sums of squares of y per cell and fold: all that means out of fold need."""

    def __init__(self, ordered: CellArray, y: FloatArray, fold: AnyArray) -> None:
        self.ordered, self.fold = ordered, fold
        self.y = y - y.mean()
        self.n_folds = fold.max() + 1
        self.total = (self.y**2).sum()
        self._levels: dict[int, tuple[AnyArray, list[AnyArray], list[AnyArray]]] = {}

    def at(self, level: int) -> tuple[AnyArray, list[AnyArray], list[AnyArray]]:
        """Starts of cells, and two triples (count, sum, sum of squares) of shape (n_cells, n_folds).

        The first is of the rows that each fold tests, the second of all others, which it trains on.
        """
        if level not in self._levels:
            _, offsets = runs(cell_parent(self.ordered, level))
            n_cells = len(offsets) - 1
            at = np.repeat(np.arange(n_cells), np.diff(offsets)) * self.n_folds + self.fold
            tested = [
                np.bincount(at, weights, n_cells * self.n_folds).reshape(n_cells, self.n_folds)
                for weights in (None, self.y, self.y**2)
            ]
            trained = [part.sum(axis=1, keepdims=True) - part for part in tested]
            self._levels[level] = offsets[:-1], tested, trained
        return self._levels[level]

    def mean(self) -> tuple[AnyArray, AnyArray]:
        """Mean of the rows that each fold trains on, in the form of `refined`."""
        _, _, (count, total, _) = self.at(0)
        rows = count.sum(axis=0)
        return np.array([0]), np.where(rows > 0, total.sum(axis=0) / np.maximum(rows, 1), np.nan)[None]

    def refined(self, coarser: tuple[AnyArray, AnyArray], level: int) -> tuple[AnyArray, AnyArray]:
        """Starts of the cells of `level`, and the mean of each in each fold, shrunk to that of the `coarser` cell.

        How far depends on two variances: s² / n of the cell's own mean about the true one, and t² of the true one
        about the coarser mean. s² is the variance within cells; t² is estimated from the mean squares of cells' means
        about the coarser ones, less what s² explains.
        """
        start, _, (count, total, square) = self.at(level)
        prior = coarser[1][np.searchsorted(coarser[0], start, side="right") - 1]
        deviation = np.where(count > 0, total / np.maximum(count, 1), prior) - prior
        n_cells = (count > 0).sum(axis=0)
        freedom = count.sum(axis=0) - n_cells
        inner = (square - total**2 / np.maximum(count, 1)).sum(axis=0)
        within = inner / np.maximum(freedom, 1)
        between = ((count * deviation**2).sum(axis=0) - n_cells * within) / count.sum(axis=0)
        is_informative = (freedom > 0) & (between > 0)  # else the cells get the coarser means
        weight = count * np.where(is_informative, between, 0)
        noise = np.where(is_informative, np.maximum(within, 0), 1)
        return start, prior + deviation * weight / np.where(weight + noise > 0, weight + noise, 1)

    def residual(self, levels: tuple[int, ...]) -> float:
        """Sum of squared errors, out of fold, of means at the finest of `levels` that shrink from one to the next."""
        estimate = self.mean()
        for level in levels:
            estimate = self.refined(estimate, level)
        _, (count, total, square), _ = self.at(levels[-1])
        return (square - 2 * estimate[1] * total + estimate[1] ** 2 * count).sum()


def _r2(parts: list[_FoldStatistics], levels: tuple[int, ...]) -> float:
    """R2 out of fold of means at `levels`, over all columns of y."""
    total = sum(part.total for part in parts)
    return 1 - sum(part.residual(levels) for part in parts) / total if total > 0 else np.nan


def _forward(parts: list[_FoldStatistics], levels: tuple[int, ...], budget: int) -> tuple[tuple[int, ...], float]:
    """Levels picked one by one, each the one that adds most, and the R2 of them together."""
    picked: tuple[int, ...] = ()
    best = 0.0
    while len(picked) < min(budget, len(levels)):
        candidates = [tuple(sorted((*picked, level))) for level in levels if level not in picked]
        scores = [_r2(parts, candidate) for candidate in candidates]
        k = int(np.argmax(scores))  # the first, so the coarsest, of equal ones
        if picked and not scores[k] >= best + LEAST_GAIN:
            break
        picked, best = candidates[k], scores[k]
        if not best >= LEAST_GAIN:
            break
    return picked, best


def _score(
    estimator: Any,
    X: Table,
    y: Any,
    level: int,
    fold: AnyArray,
    lat: Column | None,
    lng: Column | None,
    cell: Column | None,
) -> float:
    """Mean score of the estimator on one-hot cells of a level; NaN where there is but one fold."""
    if (fold == fold[0]).all():
        return np.nan
    model = make_pipeline(CellEncoder(levels=level, lat=lat, lng=lng, cell=cell), clone(estimator))
    return cross_val_score(model, X, y, cv=PredefinedSplit(fold)).mean()


# --- words ------------------------------------------------------------------------------------------------------------


def _verdict_without_y(picked: tuple[int, ...], table: pd.DataFrame) -> str:
    coarse, fine = (table.loc[level].to_dict() for level in (picked[0], picked[-1]))
    return (
        f"Levels {picked}, from where the rows are alone: from cells of {format_length(coarse['edge'])} with "
        f"{coarse['median_rows']:.0f} rows in the median one to cells of {format_length(fine['edge'])} with "
        f"{fine['median_rows']:.0f}. Give y to pick by what predicts it."
    )


def _verdict(
    picked: tuple[int, ...],
    r2: float,
    parts: dict[str, list[_FoldStatistics]],
    table: pd.DataFrame,
    block_level: int,
) -> str:
    if not r2 >= LEAST_GAIN:
        score = f"has R2 {r2:.3f} on rows held out" if np.isfinite(r2) else "cannot be scored"
        return (
            f"No level predicts y: the best, {picked[0]}, {score}. Where a row is says nothing of y here, or too "
            "little for so few rows."
        )
    single = _best_level(parts["random"], table.index.tolist())
    words = (
        f"Levels {picked}: means per cell, each level shrunk to the next coarser, have R2 {r2:.2f} on rows held out "
        f"at random. The best single level, {single[0]}, has {single[1]:.2f}."
    )
    new = _best_level(parts["blocked"], table.index.tolist())
    carried = (
        "no level tells anything of the rows in them"
        if not new[1] >= 0.01
        else f"the best single level, {new[0]}, has R2 {new[1]:.2f}: about what cells alone tell of new areas"
    )
    return f"{words} With blocks of level {block_level} held out, {carried}."


def _best_level(parts: list[_FoldStatistics], levels: Sequence[int]) -> tuple[int, float]:
    """The level whose means predict best by themselves, and their R2."""
    scores = [_r2(parts, (level,)) for level in levels]
    return levels[int(np.argmax(scores))], max(scores)


def _format_bytes(n: float) -> str:
    """Bytes as people write them."""
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.0f} {unit}"
        n /= 1000
    return f"{n:.1f} GB"
