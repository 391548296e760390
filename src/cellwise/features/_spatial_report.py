"""How far a model's score holds: on rows among the known ones, and further and further from them."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import check_scoring
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils import indexable
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples
from tqdm import tqdm

from .._docs import shared_parameters
from .._typing import AnyArray, CellArray, FloatArray, LengthUnit
from ..cells.hierarchy import cell_level
from ..inputs import check_integer, check_number, check_optional_bool, import_extra
from ..units import EARTH_RADIUS_M, length_unit
from ._base import (
    Column,
    Locations,
    Table,
    as_levels,
    check_columns,
    check_estimator,
    check_n_jobs,
    check_seed,
)
from ._sorted_leaves import cell_counts
from ._splitters import CellBlockKFold, auto_block_level, format_length, locate_rows, nearest_arcs, rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SpatialReport", "spatial_report"]

MOST_BINS = 10  # of the curve
BIN_ROWS = 50  # at least, in each
LEAST_ROWS = 20  # of a fold in a bin, to be scored by itself


@shared_parameters
def spatial_report(
    estimator: Any,
    X: Table,
    y: Any,
    *,
    scoring: Any = None,
    levels: Literal["auto"] | int | Sequence[int] = "auto",
    cv: int = 5,
    buffer: Literal["auto"] | float | None = "auto",
    unit: LengthUnit = "m",
    X_deploy: Table | None = None,
    random_state: int | np.random.RandomState | None = 0,
    lat: Column | None = None,
    lng: Column | None = None,
    cell: Column | None = None,
    n_jobs: int | None = None,
    progress: bool | None = None,
) -> SpatialReport:
    """Scores of a model on random folds, on blocks of cells held out, and on blocks with a buffer, side by side.

    And beside each score, how far its test rows lie from the rows the model was trained on: that distance is what
    makes the scores differ, and what shows which of them is yours.

    **The trap it avoids** is a score that answers another question than yours. If new rows will lie among the known
    ones (more homes in towns that have homes on record), random folds answer the right question, and blocked ones are
    too pessimistic [4]_. If they will lie elsewhere (a new town), blocked folds do, and random ones are too optimistic
    [1]_. The same model may be good at one and useless at the other, and the ranking of two models may be reversed.

    Parameters
    ----------
    estimator : estimator
        Any scikit-learn estimator or pipeline. It is cloned and fitted on each fold, with all columns of X: if it must
        not use the coordinates, let a ColumnTransformer drop them.
    X : DataFrame or array_like, shape (n_rows, n_features)
        Rows with coordinates, or with cells, and anything else. Every row must have a place.
    y : array_like, shape (n_rows,)
        Target.
    scoring : str or callable, default None
        Score as scikit-learn has it, greater is better. None: "r2" for regressors, "accuracy" for classifiers, else
        the estimator's own.
    levels : "auto", int or sequence of int, default "auto"
        Levels of the blocks that are held out. "auto": the one of ``CellBlockKFold(cv)`` and two finer ones, two and
        four levels further.
    cv : int, default 5
        Folds of each kind.
    buffer : "auto", float or None, default "auto"
        Width of the strip around test rows from which no row is trained on, for one more line with the largest blocks.
        "auto": the distance of the median test row of these blocks from the training rows. None or 0: no such line.
    unit : {"m", "km", "rad", "deg"}, default "m"
        Unit of `buffer` and of all distances in the result.
    X_deploy : DataFrame or array_like, default None
        Rows like those that the model will predict, with the coordinate columns of X. If given, the verdict says which
        folds resemble them most.
    random_state : int, RandomState or None, default 0
        Of the folds.
    {coordinate_columns}
    {cell_column: Rows are at the centers of their cells.}
    n_jobs : int, default None
        Fits at a time, as in scikit-learn.
    progress : bool, default None
        Whether to show a bar. None: if the output goes to a terminal.

    Returns
    -------
    SpatialReport
        It prints as a table with a verdict; ``table``, ``folds`` and ``curve`` are data frames, and ``plot()`` draws
        the score against the distance to the nearest training row.

    Raises
    ------
    ValueError
        If a row has no place, or there are fewer blocks than folds.

    See Also
    --------
    CellBlockKFold : The blocked folds, for cross_val_score and GridSearchCV.
    suggest_levels : Which levels to encode.

    Notes
    -----
    **Curve.** Every fold of every kind tests rows at many distances. All of them, sorted by the distance to the nearest
    row of their own fold's training part, are split into up to ten bins of equal size (rows at distance 0, with a
    training row at the same place, have a bin of their own). In each bin, each fold's rows are scored, and the scores
    averaged by number of rows. For R2 the errors of all folds are combined and divided by the variance of all of y,
    since within a bin R2 would measure how much y varies there. The idea of showing performance by distance to the
    training data, and of comparing it with the distances at deployment, is that of [2]_ and [3]_.

    **Verdict.** Folds resemble `X_deploy` if the distances do: the kind is named whose distribution of distances is
    nearest, on a logarithmic scale (the mean gap between quantiles; a meter is added, so that 0 has a logarithm).

    **What it cannot show.** Distance is not all that changes in a new area: prices, laws or soils may, and no fold
    made of these rows shows that. Rows far from all others differ from them in kind (farms, not flats), so the curve
    mixes distance with kind. Folds of one kind share most of their training rows, so `std` is the spread of the folds
    and not an error of the mean. And folds with which the model or its parameters were chosen give scores that are too
    good.

    References
    ----------
    .. [1] D. R. Roberts et al., "Cross-validation strategies for data with temporal, spatial, hierarchical, or
       phylogenetic structure", Ecography 40 (2017), 913-929.
    .. [2] C. Milà et al., "Nearest neighbour distance matching leave-one-out cross-validation for map validation",
       Methods in Ecology and Evolution 13 (2022), 1304-1316.
    .. [3] H. Meyer and E. Pebesma, "Predicting into unknown space? Estimating the area of applicability of spatial
       prediction models", Methods in Ecology and Evolution 12 (2021), 1620-1633.
    .. [4] A. M. J.-C. Wadoux et al., "Spatial cross-validation is not the right way to evaluate map accuracy",
       Ecological Modelling 457 (2021), 109692.

    Examples
    --------
    A bumpy surface, learned by nearest neighbors from coordinates alone:

    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from cellwise.features import spatial_report
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform((45, 5), (50, 12), (2000, 2))
    >>> y = np.sin(3 * X[:, 0]) + np.sin(2 * X[:, 1]) + 0.3 * rng.standard_normal(2000)
    >>> report = spatial_report(KNeighborsRegressor(), X, y, unit="km")
    >>> print(report)
    r2 of KNeighborsRegressor on rows held out; distance: of the median test row to the nearest training row
    <BLANKLINE>
                                    score   std blocks train_rows distance
    random folds                     0.89  0.01             1,600   6.2 km
    blocks of level 9                0.88  0.00    967      1,600   9.5 km
    blocks of level 7                0.75  0.07     90      1,600    18 km
    blocks of level 7, buffer 18 km  0.59  0.12     90      1,371    28 km
    <BLANKLINE>
    Among its training rows (the nearest is 6.2 km away) the model scores 0.89; 28 km from them (blocks
    of level 7, buffer 18 km) it scores 0.59.
    Which is yours depends on where you will predict. On rows among those of X, as near to them as they
    are to each other: expect about 0.89. In areas that X does not cover: about 0.59, and less still
    farther out. Pass rows like those you will predict as X_deploy, and their distances are compared
    with these.

    If the model is meant for a strip to the east of these places:

    >>> east = rng.uniform((45, 12), (50, 12.6), (100, 2))
    >>> print(spatial_report(KNeighborsRegressor(), X, y, X_deploy=east).verdict.splitlines()[-1])
    The rows of X_deploy are 28 km from the nearest row of X (the median; four fifths of them 11 km to 46 km). The
    folds most like that, by distance: blocks of level 7, buffer 18 km. Expect about 0.59 (± 0.12 from fold to fold).
    """
    n_folds = check_integer("cv", cv, 2)
    given_levels, radian = as_levels(levels), length_unit(unit)
    _check_buffer(buffer)
    check_seed(random_state)
    check_columns(lat, lng, cell)
    check_n_jobs(n_jobs)
    check_optional_bool("progress", progress)
    check_estimator(estimator)
    scoring, scorer, part_scorer = _scorers(estimator, scoring)
    X, y = indexable(X, y)
    if y is None:
        raise ValueError("y must be given: got None")
    variance = None if part_scorer is scorer or np.ndim(y) != 1 else float(np.var(np.asarray(y, "f8")))
    if variance is None:
        part_scorer = scorer
    locations = locate_rows(X, lat=lat, lng=lng, cell=cell)
    block_levels = given_levels or _levels_of_blocks(np.sort(locations.cells), n_folds)
    common: dict[str, Any] = {"random_state": random_state, "lat": lat, "lng": lng, "cell": cell}

    kinds = [_Kind("random folds", list(_random_folds(estimator, y, n_folds, random_state)), locations)]
    for level in sorted(block_levels, reverse=True):
        splitter = CellBlockKFold(n_folds, level=level, **common)
        kinds.append(_Kind(f"blocks of level {level}", list(splitter.split(X)), locations, level))
    if buffer == "auto":
        buffer = float(f"{np.median(np.concatenate(kinds[-1].distances)) * radian:.2g}")
    if buffer:
        words = f"blocks of level {level}, buffer {_format_angle(buffer / radian)}"
        splitter = CellBlockKFold(n_folds, level=level, buffer=buffer, unit=unit, **common)
        kinds.append(_Kind(words, list(splitter.split(X)), locations, level, buffer))

    everything = np.concatenate([part for kind in kinds for part in kind.distances])
    limits = _bin_limits(everything)
    tasks = [
        delayed(_fit_and_score)(
            clone(estimator), X, y, train, test, np.searchsorted(limits, at), len(limits) + 1, scorer, part_scorer
        )
        for kind in kinds
        for (train, test), at in zip(kind.splits, kind.distances)
    ]
    bar = tqdm(tasks, desc="fits", disable=None if progress is None else not progress)
    scored = Parallel(n_jobs=n_jobs)(bar)
    scores = np.array([score for score, _ in scored]).reshape(len(kinds), n_folds)

    table = _table(kinds, scores, locations.cells, radian)
    folds = _fold_table(kinds, scores, radian)
    curve = _curve(np.array([parts for _, parts in scored]), everything, limits, variance, radian)
    deploy = None
    if X_deploy is not None:
        deploy_locations = locate_rows(X_deploy, lat=lat, lng=lng, cell=cell, name="X_deploy")
        deploy = nearest_arcs(deploy_locations, locations)
    verdict = _verdict(table, [np.concatenate(kind.distances) for kind in kinds], deploy, scoring, radian)
    return SpatialReport(
        table, verdict, curve, folds, scoring, unit, None if deploy is None else deploy * radian, _name_of(estimator)
    )


@dataclass(frozen=True, repr=False)
class SpatialReport:
    """What `spatial_report` found; it prints as a table and a verdict.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each kind of folds, from near to far. Columns: ``level`` of the blocks and ``buffer``, where there
        are any; ``score``, the mean over the folds, and ``std``, their standard deviation; ``blocks``, how many were
        dealt; ``train_rows``, the mean number of rows that folds were trained on; ``distance``, of the median test row
        to the nearest row that its fold was trained on.
    verdict : str
        What the table says, and to whom.
    curve : pandas.DataFrame
        The score by distance to the nearest training row, over all folds. One row for each bin, with the median
        ``distance`` and the ``low`` and ``high`` ends, ``score`` and its ``std`` over folds, and ``rows``, how many
        were tested (rows count once for each kind of folds).
    folds : pandas.DataFrame
        One row for each fold: ``folds`` (which kind), ``fold``, ``score``, ``train_rows``, ``test_rows``,
        ``distance``.
    scoring : str
        Name of the score; greater is better.
    unit : str
        Of all distances.
    deploy_distance : ndarray or None
        From each row of X_deploy to the nearest row of X.
    estimator : str
        Name of the estimator.
    """

    table: pd.DataFrame
    verdict: str
    curve: pd.DataFrame
    folds: pd.DataFrame
    scoring: str
    unit: LengthUnit
    deploy_distance: np.ndarray | None
    estimator: str

    def __repr__(self) -> str:
        radian = length_unit(self.unit)
        table = self.table.drop(columns=["level", "buffer"])
        for name in ("score", "std"):
            table[name] = table[name].map(_format_score)
        table["blocks"] = table["blocks"].map(lambda n: "" if pd.isna(n) else f"{n:,}")
        table["train_rows"] = table["train_rows"].map("{:,.0f}".format)
        table["distance"] = table["distance"].map(lambda distance: _format_angle(distance / radian))
        return (
            f"{self.scoring} of {self.estimator} on rows held out; distance: of the median test row to the nearest "
            f"training row\n\n{table.rename_axis(None).to_string()}\n\n"
        ) + "\n".join(textwrap.fill(line, 100) for line in self.verdict.splitlines())

    def plot(self, ax: Axes | None = None) -> Axes:
        """The score against the distance to the nearest training row.

        The line is ``curve``, with the standard deviation over folds as a band; a mark for each kind of folds stands
        at its score and median distance. If X_deploy was given, a dashed line stands at its median distance, in a band
        that holds the middle four fifths of its rows.

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
        >>> from sklearn.linear_model import LinearRegression
        >>> from cellwise.features import spatial_report
        >>> X = np.random.default_rng(0).uniform((45, 5), (47, 8), (500, 2))
        >>> ax = spatial_report(LinearRegression(), X, X[:, 0] ** 2, unit="km").plot()
        >>> ax.get_xlabel()
        'distance to the nearest training row (km)'
        """
        plt = import_extra("matplotlib.pyplot", "plot")
        from ..plot._basemap import check_options

        check_options(ax)
        if ax is None:
            ax = plt.subplots(figsize=(7, 4.2), layout="constrained")[1]
        curve, table = self.curve, self.table
        at, score, std = (curve[name] for name in ("distance", "score", "std"))
        ax.fill_between(at, score - std, score + std, color="0.9", lw=0)
        ax.plot(at, score, "-o", color="0.4", ms=3, label="all folds, by distance (± std)")
        colors = plt.get_cmap("plasma")(np.linspace(0.05, 0.85, len(table)))
        for (name, row), color in zip(table.iterrows(), colors):
            style: dict[str, Any] = {
                "fmt": "o" if pd.isna(row["level"]) else "D" if row["buffer"] else "s",
                "ms": 7,
                "capsize": 3,
            }
            ax.errorbar(row["distance"], row["score"], row["std"], color=color, label=name, zorder=3, **style)
        shown = [curve["distance"], table["distance"]]
        if self.deploy_distance is not None:
            low, median, high = np.quantile(self.deploy_distance, (0.1, 0.5, 0.9))
            ax.axvline(median, color="tab:green", ls="--", lw=1.5, label="X_deploy (median, middle 80 %)")
            ax.axvspan(low, high, color="tab:green", alpha=0.1, lw=0)
            shown.append(pd.Series([median, high]))
        shown = pd.concat(shown)
        least, most = shown[shown > 0].min(), shown.max()
        ticks = [m * 10.0**k for k in range(-12, 9) for m in (1, 2, 5) if least < m * 10.0**k < most]
        if (shown == 0).any():
            ax.set_xscale("symlog", linthresh=least, linscale=0.5)
            ax.set_xlim(left=-0.3 * least)
            ticks = [0, *ticks]
        else:
            ax.set_xscale("log")
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.set_xticks([], minor=True)
        ax.set_xlabel(f"distance to the nearest training row ({self.unit})")
        ax.set_ylabel(f"score ({self.scoring})")
        ax.legend(frameon=False, fontsize="small")
        ax.spines[["top", "right"]].set_visible(False)
        return ax


# --- folds ------------------------------------------------------------------------------------------------------------


class _Kind:
    """Folds of one kind, and how far the test rows of each are from its training rows, in radians."""

    def __init__(
        self,
        name: str,
        splits: list[tuple[AnyArray, AnyArray]],
        locations: Locations,
        level: int | None = None,
        buffer: float = 0.0,
    ) -> None:
        self.name, self.splits, self.level, self.buffer = name, splits, level, buffer
        self.distances = [nearest_arcs(locations.at(test), locations.at(train)) for train, test in splits]


def _random_folds(estimator: Any, y: Any, n_folds: int, random_state: Any) -> Iterable[tuple[AnyArray, AnyArray]]:
    """Folds that do not depend on place; for a classifier each with the same shares of the classes."""
    is_classes = is_classifier(estimator) and type_of_target(y) in ("binary", "multiclass")
    splitter = StratifiedKFold if is_classes else KFold
    return splitter(n_folds, shuffle=True, random_state=random_state).split(np.zeros(_num_samples(y)), y)


def _levels_of_blocks(ordered: CellArray, n_folds: int) -> tuple[int, ...]:
    """The level of CellBlockKFold, and those two and four finer while at least half of the rows share their cells."""
    coarsest = auto_block_level(ordered, 1 / n_folds)
    levels = [coarsest]
    for level in (coarsest + 2, coarsest + 4):
        if level > cell_level(ordered).min():
            break
        count = cell_counts(ordered, level)[1]
        if np.median(np.repeat(count, count)) < 2:
            break
        levels.append(level)
    return tuple(levels)


# --- scores -----------------------------------------------------------------------------------------------------------


def _check_buffer(buffer: object) -> None:
    if isinstance(buffer, str):
        is_good = buffer == "auto"
    else:
        is_good = buffer is None or check_number("buffer", buffer) >= 0
    if not is_good:
        raise ValueError(f"buffer must be 'auto', None or 0 or more: got {buffer!r}")


def _scorers(estimator: Any, scoring: Any) -> tuple[str, Any, Any]:
    """Name of the score, scorer of folds, and scorer of parts of folds: for R2 another, of squared errors."""
    if not (scoring is None or isinstance(scoring, str) or callable(scoring)):
        raise TypeError(f"scoring must be None, a name or a function: got {type(scoring).__name__}")
    if scoring is None:
        scoring = "accuracy" if is_classifier(estimator) else "r2" if is_regressor(estimator) else None
    try:
        scorer = check_scoring(estimator, scoring)
    except (TypeError, ValueError) as why:
        rule = "scoring must be None, a function or a name that scikit-learn knows for such an estimator"
        raise type(why)(f"{rule}: got {scoring!r} ({why})") from None
    if scoring == "r2":
        return scoring, scorer, check_scoring(estimator, "neg_mean_squared_error")
    name = scoring if isinstance(scoring, str) else "score" if scoring is None else _name_of(scoring)
    return name, scorer, scorer


def _fit_and_score(
    estimator: Any,
    X: Table,
    y: Any,
    train: AnyArray,
    test: AnyArray,
    bins: AnyArray,
    n_bins: int,
    scorer: Any,
    part_scorer: Any,
) -> tuple[float, FloatArray]:
    """Score of one fold, and for each bin of distances the number of its test rows and their score."""
    estimator.fit(rows_of(X, train), rows_of(y, train))
    score = scorer(estimator, rows_of(X, test), rows_of(y, test))
    parts = np.zeros((n_bins, 2))
    for k in range(n_bins):
        rows = test[bins == k]
        if len(rows) >= (1 if part_scorer is not scorer else LEAST_ROWS):
            value = _score_or_nan(part_scorer, estimator, rows_of(X, rows), rows_of(y, rows))
            if np.isfinite(value):
                parts[k] = len(rows), value
    return score, parts


def _score_or_nan(scorer: Any, estimator: Any, X: Table, y: Any) -> float:
    """The score of a few rows, NaN where it has none (a ranking of rows of one class)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return scorer(estimator, X, y)
        except ValueError:
            return np.nan


def _bin_limits(distances: FloatArray) -> FloatArray:
    """Upper ends of all bins but the last: 0, if many rows are at that distance, then about equal numbers of rows."""
    is_zero = distances == 0
    limits = [0.0] if np.count_nonzero(is_zero) >= BIN_ROWS else []
    rest = distances[~is_zero] if limits else distances
    n_bins = max(1, min(MOST_BINS, len(rest) // BIN_ROWS))
    for limit in np.quantile(rest, np.arange(1, n_bins) / n_bins) if len(rest) else ():
        if limit > (1.25 * limits[-1] if limits else 0):  # no bin so narrow that rounded coordinates fill it
            limits.append(float(limit))
    return np.array(limits)


def _curve(
    parts: FloatArray, distances: FloatArray, limits: FloatArray, variance: float | None, radian: float
) -> pd.DataFrame:
    """Data frame of the score by distance; `parts` has (rows, score) for each fold and bin."""
    bins, rows = np.searchsorted(limits, distances), []
    for k in range(len(limits) + 1):
        inside = distances[bins == k]
        weight, score = parts[:, k].T
        if len(inside) == 0 or weight.sum() == 0:
            continue
        if variance is not None:
            score = 1 + score / variance if variance > 0 else np.full(len(score), np.nan)
        mean = np.average(score, weights=weight)
        rows.append(
            {
                "distance": np.median(inside) * radian,
                "low": inside.min() * radian,
                "high": inside.max() * radian,
                "score": mean,
                "std": np.sqrt(np.average((score - mean) ** 2, weights=weight)),
                "rows": len(inside),
            }
        )
    return pd.DataFrame(rows, columns=["distance", "low", "high", "score", "std", "rows"])


def _table(kinds: list[_Kind], scores: FloatArray, cells: CellArray, radian: float) -> pd.DataFrame:
    rows = [
        {
            "level": kind.level,
            "buffer": kind.buffer,
            "score": score.mean(),
            "std": score.std(ddof=1),
            "blocks": None if kind.level is None else len(cell_counts(np.sort(cells), kind.level)[0]),
            "train_rows": np.mean([len(train) for train, _ in kind.splits]),
            "distance": np.median(np.concatenate(kind.distances)) * radian,
        }
        for kind, score in zip(kinds, scores)
    ]
    table = pd.DataFrame(rows, index=pd.Index([kind.name for kind in kinds], name="folds"))
    return table.astype({"level": "Int64", "blocks": "Int64"})


def _fold_table(kinds: list[_Kind], scores: FloatArray, radian: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "folds": kind.name,
            "fold": k,
            "score": score[k],
            "train_rows": len(train),
            "test_rows": len(test),
            "distance": np.median(kind.distances[k]) * radian,
        }
        for kind, score in zip(kinds, scores)
        for k, (train, test) in enumerate(kind.splits)
    )


# --- words ------------------------------------------------------------------------------------------------------------


def _verdict(
    table: pd.DataFrame, distances: list[FloatArray], deploy: FloatArray | None, scoring: str, radian: float
) -> str:
    """What the scores mean, in plain language."""
    near, far = table.iloc[0], table.iloc[1:].sort_values("distance").iloc[-1]
    spread = max(near["std"], far["std"])
    near_reach, far_reach = (_format_angle(float(kind["distance"]) / radian) for kind in (near, far))
    among = "at the very same place" if near["distance"] == 0 else f"{near_reach} away"
    said = {kind: _format_score(float(table["score"][kind])) for kind in table.index}
    void = " (no better than the mean of y)" if scoring == "r2" and far["score"] <= 0 else ""
    lines = []
    if not near["score"] - far["score"] > spread:
        lines.append(
            f"Random folds score {said[near.name]}; {far_reach} from its training rows ({far.name}) the model "
            f"scores {said[far.name]}{void}. Folds of one kind differ as much ({_format_score(spread)}): so far out it "
            "is about as good as among its training rows, and random folds will do."
        )
    else:
        lines.append(
            f"Among its training rows (the nearest is {among}) the model scores {said[near.name]}; "
            f"{far_reach} from them ({far.name}) it scores {said[far.name]}{void}."
        )
        if deploy is None:
            lines.append(
                "Which is yours depends on where you will predict. On rows among those of X, as near to them as they "
                f"are to each other: expect about {said[near.name]}. In areas that X does not cover: about "
                f"{said[far.name]}, and less still farther out. Pass rows like those you will predict as X_deploy, and "
                "their distances are compared with these."
            )
    if deploy is not None:
        low, median, high = map(_format_angle, np.quantile(deploy, (0.1, 0.5, 0.9)))
        like = table.index[int(np.argmin([_gap(of_kind, deploy) for of_kind in distances]))]
        lines.append(
            f"The rows of X_deploy are {median} from the nearest row of X (the median; four fifths of them {low} to "
            f"{high}). The folds most like that, by distance: {like}. Expect about {said[like]} "
            f"(± {_format_score(float(table['std'][like]))} from fold to fold)."
        )
        if np.median(deploy) > 1.25 * max(np.median(of_kind) for of_kind in distances):
            lines.append("But they are farther out than the rows of any of these folds: expect less than that.")
    return "\n".join(lines)


def _gap(a: FloatArray, b: FloatArray) -> float:
    """Mean distance between the quantiles of two sets of angles, as logarithms of meters and one."""
    at = (np.arange(100) + 0.5) / 100
    return np.abs(np.subtract(*(np.log1p(np.quantile(x, at) * EARTH_RADIUS_M) for x in (a, b)))).mean()


def _format_angle(angle: float) -> str:
    """An angle in radians as a length on the ground."""
    return format_length(angle * EARTH_RADIUS_M)


def _format_score(score: float) -> str:
    """A score to two decimals, or if it is large as a whole number."""
    return f"{score:,.0f}" if abs(score) >= 100 else f"{score:.2f}"


def _name_of(thing: Any) -> str:
    """Name of a function, or of the class of an object; of a pipeline that of its last step."""
    if hasattr(thing, "steps"):
        return f"a pipeline with {_name_of(thing.steps[-1][1])}"
    return getattr(thing, "__name__", type(thing).__name__)
