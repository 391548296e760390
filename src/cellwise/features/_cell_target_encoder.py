"""Target encoding: what y is like in a row's cell, at several levels, without showing any row its own y."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import DTypeLike
from sklearn import get_config
from sklearn.model_selection import check_cv
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from .. import inputs
from .._docs import shared_parameters
from .._typing import AnyArray, CellArray, FloatArray, Int32Array, ObjectArray, OnInvalid
from ..cells.hierarchy import cell_level
from ..groups import CellIndex, count_cells, factorize_cells, take
from ._base import (
    CellTransformer,
    Column,
    State,
    Table,
    as_levels,
    cells_from_tokens,
    check_auto_or_level,
    check_dtype,
    check_keys,
    check_list,
    check_seed,
    leaf_at,
    levels_from_list,
    tokens_from_cells,
)
from ._cell_encoder import CHUNK
from ._grouped_sums import CellSums, Folds, Target, cells_of_rows, coarser
from ._shrinkage import STATISTICS, Estimates, Medians
from ._sorted_leaves import auto_levels
from ._splitters import auto_block_level, deal
from ._target import TARGET_TYPES, TargetType, check_all, check_target_type, read_target, saved_classes

__all__ = ["CellTargetEncoder"]


@shared_parameters
class CellTargetEncoder(CellTransformer):
    """Mean of y in the cells that contain a row, at several levels, each shrunk to that of the next coarser cell.

    A column says what y is like near the row: one column per level for numbers, the probability of the second class
    for two classes, one column per level and class for more. Fine cells are specific to a place and hold few rows, so
    each cell's mean is shrunk towards the mean of the cell that contains it, the more the fewer rows it has, and that
    one's towards its own parent in turn [1]_. How strongly is learned from the data, level by level.

    **The trap it avoids** is y explaining itself. The mean of a cell with three rows is one third any row's own y; a
    model trained on it trusts it, and fails on new rows. So `fit_transform` encodes each row from other rows alone, in
    folds, and therefore ``fit_transform(X, y)`` differs from ``fit(X, y).transform(X)``: the first is what to train
    on, the second what to predict with. A `Pipeline` calls the right one by itself. Never train a model on
    ``fit(X, y).transform(X)``.

    **The second trap** is the question that the folds ask. With ``crossfit="kfold"`` a row is encoded from its
    neighbors, so the model learns that fine cells can be trusted: right where new rows fall among known ones, wrong
    where they lie in areas without any. With ``crossfit="block"`` whole cells are held out together and the model
    learns to do without near neighbors. The notes give figures; `spatial_report` tells which case is yours.

    Parameters
    ----------
    levels : "auto", int or sequence of int, default "auto"
        Levels 0..30 of the cells. "auto" takes every second level between two ends that depend on where the rows are
        and on nothing else, as in `CellEncoder`.
    {target_type}
    smooth : "auto" or float, default "auto"
        How many rows the parent's estimate counts for: m in (sum + m * parent) / (n + m). 0 gives plain means. "auto"
        estimates it for each level, see the notes.
    prior : {"parent", "global"}, default "parent"
        What an estimate is shrunk to: that of the cell's parent, the cell of the next coarser of `levels` that
        contains it, which for the coarsest level is the mean of all rows; or always the mean of all rows.
    crossfit : {"kfold", "block"}, default "kfold"
        Folds of `fit_transform`: random rows, or whole cells of `block_level`.
    cv : int, splitter or iterable of (train, test), default 5
        Number of folds, or what makes them. Each row must be in exactly one test part, and is encoded from the rows of
        its train part: those dropped by a buffer do not count. With ``crossfit="block"`` a splitter is given the
        blocks as `groups`, and must not divide them.
    block_level : "auto" or int, default "auto"
        Level 0..30 of the cells held out together with ``crossfit="block"``. At this level and all finer ones a row
        is then encoded by the cells that contain its block, so it must be finer than the coarsest of `levels` for the
        encoding to carry information. "auto": the level of `CellBlockKFold`, but at least one finer than the
        coarsest of `levels`.
    random_state : int, RandomState or None, default 0
        Of the folds, where `cv` is an int.
    output : {"all", "finest"}, default "all"
        A column per level, or only that of the finest level, into which the coarser ones are shrunk.
    stats : {"mean", "count", "std", "median"}, default "mean"
        Statistic of y in the cells: its mean; its standard deviation; its median; or, without reading y, the number of
        rows. "std" and "median" need continuous y. See the notes.
    add_support : bool, default False
        Whether to add two columns that say what the finest column is based on: the number of rows in the finest cell
        that has any, and the level of that cell. Where no cell has any, the number of all rows and level -1.
    dtype : dtype, default numpy.float64
        Of the result, a float.
    {coordinate_columns}
    {cell_column: A row in a cell coarser than a column's level is encoded by its own cell there.}
    {on_invalid_rows: are encoded by the mean of all rows.}

    Attributes
    ----------
    levels_ : tuple of int
        Levels of the cells, ascending.
    cells_ : list of ndarray of uint64
        For each level its cells that held rows, ascending.
    counts_ : list of ndarray
        For each level the rows in each of its cells, as int64, or the sums of their weights, as float64.
    encodings_ : list of ndarray of float64
        For each column of ``output="all"``, the estimate in each cell of its level, from all rows.
    sums_, squares_ : list of ndarray of float64
        In the same order, sums of y - `origin_` and of its squares over the rows of each cell, with which fitted
        statistics can be merged. For classes, y is 1 for rows of the class and 0 for others.
    smooth_ : ndarray of float64, shape (n_levels * n_targets,)
        In the same order, m. Infinite where the cells of a level do not differ more than chance explains: they are
        encoded as their parents.
    prior_ : ndarray of float64, shape (n_targets,)
        Encoding of rows without a place: mean, standard deviation or median of all rows. One value for each class if
        there are more than two.
    origin_ : float
        What is subtracted from y before summing.
    total_ : int or float
        Number of rows, or the sum of their weights.
    target_type_ : str
        "continuous", "binary" or "multiclass"; None for counts.
    classes_ : ndarray or None
        Classes of y, sorted.
    target_mean_ : float or ndarray, shape (n_classes,)
        Mean of y over all rows.
    block_level_ : int
        Level of the blocks of the last `fit_transform` with ``crossfit="block"``.
    {columns_in}

    See Also
    --------
    CellEncoder : A column for each cell, without y: with a linear model often better, and much wider.
    CellBlockKFold : The same blocks, to score a model by.
    spatial_report : Scores of random and of blocked folds side by side.
    sklearn.preprocessing.TargetEncoder : The same for categories without places.

    Notes
    -----
    **Which folds.** California housing, 20,640 districts: RMSE in 100,000 dollars of 5-fold cross-validation over
    three seeds, with covariates and coordinates alone, and with the columns of this encoder added:

    =================  ==========  =======  =======  =======
    folds of the test  model       without  "kfold"  "block"
    =================  ==========  =======  =======  =======
    random             Ridge       0.705    0.512    0.687
    random             boosting    0.462    0.433    0.485
    blocks, level 10   Ridge       0.715    0.734    0.702
    blocks, level 10   boosting    0.502    0.591    0.517
    blocks, level 8    Ridge       0.728    0.849    0.734
    blocks, level 8    boosting    0.575    0.709    0.585
    =================  ==========  =======  =======  =======

    What a cell is like helps where new rows lie in known cells, and there it is "kfold" that helps: the columns that
    the model trains on are then as good as those that it predicts with. Under "block" they are coarser than those,
    the model learns to trust them less than it could, and boosting does worse than without them. Hence the default.
    In new areas "kfold" does harm, up to a quarter of the error, and "block" less, here at most 3 % and with other
    levels and boosting up to 9 %: whoever predicts there must not use the default, and may do best without the
    encoder. Blocked folds [5]_ show it; random ones hide it. Log prices of 48,884 New York rooms give the same order,
    with smaller gains and losses. (Boosting is `sklearn.ensemble.HistGradientBoostingRegressor` with default
    parameters.)

    **How much shrinkage.** A level is modeled as a sample: the mean of a cell is that of its parent, plus a deviation
    with variance t2, and rows vary about it with variance s2. Then m = s2 / t2 gives the best linear estimate
    [2]_. Both variances are estimated by the method of moments from sums of squares within cells, and between
    cells within parents [3]_. Where sampling alone could make cells differ so, by two standard errors of the F ratio,
    t2 is taken to be 0 and the cells get their parent's estimate; otherwise a tree, which ignores scale, would learn
    from noise. A parent's estimate is based on its children's rows too, which the model neglects. Classes are
    estimated one against the rest.

    **What each fold knows.** Held-out rows are subtracted from the sums of their cells, so that folds cost little
    more than one fit; means, m and the mean of all rows are each fold's own, and a row's encoding does not
    depend on its y. It does depend on y of the others, and a fold with high y is encoded from the rest, which is
    lower: for this reason alone an encoding of noise has R2 of about n_folds / n_rows with y, which shows in small
    tables. Copies of a row in other folds do reveal its y; blocks keep equal places together.

    **Weights** count rows: weight 2 is the same as the row twice, weight 0 as no row. So their scale matters, unlike
    in many models. "auto" levels depend on which rows weigh more than 0, and folds not even on that.

    **Other statistics.** "std" estimates variances, (squares + m * parent) / (n - 1 + m) where squares are summed
    about the cell's mean, with m from the spread of variances among cells relative to their parents, as if y were
    normal [4]_, and takes the root at the end. "median" shrinks medians with the m of means; medians, unlike sums,
    cannot be merged or subtracted, so that each fold costs a pass over all rows. "count" does not read y and is not
    cross-fitted: a row of `fit` counts itself, and unseen cells are 0.

    References
    ----------
    .. [1] D. Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes in classification
       and prediction problems", SIGKDD Explorations 3 (2001), 27-32: shrinkage, also along a hierarchy.
    .. [2] A. Gelman and J. Hill, "Data Analysis Using Regression and Multilevel/Hierarchical Models", Cambridge
       University Press (2007), chapter 12: partial pooling.
    .. [3] S. R. Searle, G. Casella and C. E. McCulloch, "Variance Components", Wiley (1992), chapter 3: unbalanced
       analysis of variance.
    .. [4] G. K. Smyth, "Linear models and empirical Bayes methods for assessing differential expression in
       microarray experiments", Statistical Applications in Genetics and Molecular Biology 3 (2004): variances shrunk.
    .. [5] D. R. Roberts et al., "Cross-validation strategies for data with temporal, spatial, hierarchical, or
       phylogenetic structure", Ecography 40 (2017), 913-929.

    Examples
    --------
    Prices of homes in San Francisco, across the bay, and in Los Angeles:

    >>> import numpy as np
    >>> from cellwise.features import CellTargetEncoder
    >>> homes = [[37.7599, -122.4148], [37.7614, -122.4137], [37.8044, -122.2712], [34.0522, -118.2437]]
    >>> encoder = CellTargetEncoder(levels=(4, 8, 12), smooth=1).fit(homes, [9.0, 8.0, 4.0, 5.0])
    >>> encoder.get_feature_names_out().tolist()
    ['s2_L4_mean', 's2_L8_mean', 's2_L12_mean']
    >>> encoder.transform(homes).round(2)
    array([[6.88, 7.96, 8.32],
           [6.88, 7.96, 8.32],
           [6.88, 5.44, 4.72],
           [5.75, 5.38, 5.19]])

    An unseen place north of the bay gets the encoding of the cell that contains it; no place, the mean of all:

    >>> encoder.transform([[38.1, -122.2], [np.nan, np.nan]]).round(2)
    array([[6.88, 6.88, 6.88],
           [6.5 , 6.5 , 6.5 ]])

    Pure noise. Encoded by means that include its own y, a row seems predictable; out of fold it does not:

    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.uniform((40, -100), (41, -99), (3000, 2)), rng.standard_normal(3000)
    >>> encoder = CellTargetEncoder(levels=(8, 12), smooth=1)
    >>> leaky, honest = encoder.fit(X, y).transform(X), encoder.fit_transform(X, y)
    >>> [f"{np.corrcoef(Z[:, 1], y)[0, 1] ** 2:.2f}" for Z in (leaky, honest)]
    ['0.52', '0.00']

    With shrinkage learned from the data, the encoder finds no difference between the cells:

    >>> CellTargetEncoder(levels=(8, 12)).fit(X, y).smooth_.tolist()
    [inf, inf]

    A pattern, half of it noise, that a linear model cannot read from coordinates. The pipeline trains on encodings
    out of fold and predicts with those of all rows:

    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> y = np.cos(20 * np.hypot(X[:, 0] - 40.5, X[:, 1] + 99.5)) + y / 2
    >>> for model in (Ridge(), make_pipeline(CellTargetEncoder(), Ridge())):
    ...     print(f"{cross_val_score(model, X, y).mean():.2f}")
    -0.00
    0.52

    Classes, and what the encodings are based on:

    >>> encoder = CellTargetEncoder(levels=8, add_support=True).fit(homes, ["flat", "house", "flat", "loft"])
    >>> encoder.get_feature_names_out().tolist()  # doctest: +NORMALIZE_WHITESPACE
    ['s2_L8_mean_flat', 's2_L8_mean_house', 's2_L8_mean_loft', 's2_support_rows', 's2_support_level']
    >>> encoder.transform_one(37.76, -122.41)[-2:]
    array([2., 8.])
    """

    levels_: tuple[int, ...]
    cells_: list[CellArray]
    counts_: list[AnyArray]
    encodings_: list[FloatArray]
    sums_: list[FloatArray]
    squares_: list[FloatArray]
    smooth_: FloatArray
    prior_: FloatArray
    origin_: float
    total_: float
    target_type_: TargetType | None
    classes_: AnyArray | None
    target_mean_: float | FloatArray | None
    block_level_: int

    def __init__(
        self,
        levels: Literal["auto"] | int | Sequence[int] = "auto",
        *,
        target_type: Literal["auto"] | TargetType = "auto",
        smooth: Literal["auto"] | float = "auto",
        prior: Literal["parent", "global"] = "parent",
        crossfit: Literal["kfold", "block"] = "kfold",
        cv: Any = 5,
        block_level: Literal["auto"] | int = "auto",
        random_state: int | np.random.RandomState | None = 0,
        output: Literal["all", "finest"] = "all",
        stats: Literal["mean", "count", "std", "median"] = "mean",
        add_support: bool = False,
        dtype: DTypeLike = np.float64,
        lat: Column | None = None,
        lng: Column | None = None,
        cell: Column | None = None,
        on_invalid: OnInvalid = "warn",
    ) -> None:
        self.levels = levels
        self.target_type = target_type
        self.smooth = smooth
        self.prior = prior
        self.crossfit = crossfit
        self.cv = cv
        self.block_level = block_level
        self.random_state = random_state
        self.output = output
        self.stats = stats
        self.add_support = add_support
        self.dtype = dtype
        self.lat = lat
        self.lng = lng
        self.cell = cell
        self.on_invalid = on_invalid

    @shared_parameters
    def fit(self, X: Table, y: Any = None, sample_weight: Any = None) -> Self:
        """The encoder, with encodings of cells from all rows.

        To encode the same rows for training use `fit_transform`: ``fit(X, y).transform(X)`` shows each row its own y.

        Parameters
        ----------
        {rows_of_fit}
        y : array_like, shape (n_rows,)
            Numbers or classes. Not needed, and not read, with ``stats="count"``.
        sample_weight : array_like, shape (n_rows,), default None
            How many rows each row counts for, 0 or more.

        Returns
        -------
        CellTargetEncoder
        """
        self._fit(X, y, sample_weight)
        return self

    @shared_parameters
    def fit_transform(self, X: Table, y: Any = None, sample_weight: Any = None, **params: Any) -> AnyArray:
        """The encodings to train a model on: fits to all rows, and encodes each from the folds it is not in.

        Not the same as ``fit(X, y).transform(X)``, which shows each row its own y.

        Parameters
        ----------
        {rows_of_fit}
        y : array_like, shape (n_rows,)
            Numbers or classes. Not needed, and not read, with ``stats="count"``.
        sample_weight : array_like, shape (n_rows,), default None
            How many rows each row counts for, 0 or more.
        **params : dict
            For the splitter `cv`: `groups`, shape (n_rows,), and with scikit-learn's metadata routing whatever it
            requests.

        Returns
        -------
        ndarray, shape (n_rows, n_columns)

        Examples
        --------
        Half of a street is encoded by the other half, and new rows by all of it:

        >>> from sklearn.model_selection import GroupKFold
        >>> from cellwise.features import CellTargetEncoder
        >>> homes = [[37.7599, -122.4148], [37.7614, -122.4137], [37.7606, -122.4151], [37.7590, -122.4156]]
        >>> encoder = CellTargetEncoder(levels=12, smooth=0, cv=GroupKFold(2))
        >>> encoder.fit_transform(homes, [9.0, 8.0, 3.0, 2.0], groups=["north", "north", "south", "south"]).ravel()
        array([2.5, 2.5, 8.5, 8.5])
        >>> encoder.transform(homes).ravel()
        array([5.5, 5.5, 5.5, 5.5])
        """
        encodings = self._fit(X, y, sample_weight, self._splitter_params(sample_weight, params))
        assert encodings is not None
        return encodings

    @shared_parameters
    def transform(self, X: Table) -> AnyArray:
        """The encodings to predict with, from all rows of `fit`.

        For new rows. For those of `fit` use `fit_transform`: here each of them is shown its own y.

        Parameters
        ----------
        {rows_of_transform}

        Returns
        -------
        ndarray, shape (n_rows, n_columns)

        Raises
        ------
        ValueError
            If X has other columns than in `fit`.
        """
        check_is_fitted(self)
        return self._encode(self._read_cells(X, reset=False))

    @shared_parameters
    def transform_one(self, lat: float | None, lng: float | None) -> AnyArray:
        """Encoding of one position: `transform` of a single row, in microseconds.

        Parameters
        ----------
        {one_position: the result is that of a row without a place.}

        Returns
        -------
        ndarray, shape (n_columns,)

        Examples
        --------
        >>> from cellwise.features import CellTargetEncoder
        >>> encoder = CellTargetEncoder(levels=(4, 12), smooth=1).fit([[37.76, -122.41], [34.05, -118.24]], [8.0, 5.0])
        >>> encoder.transform_one(37.76, -122.41)
        array([7.25 , 7.625])
        """
        if not hasattr(self, "cells_"):
            check_is_fitted(self)
        leaf = leaf_at(lat, lng, on_invalid=self.on_invalid)
        found, blocks, n = self._index.ancestors_in_one(leaf), self._index.blocks, self._n_targets
        values, support, n_found = self.prior_.tolist(), (self.total_, -1), 0
        encoded: list[Any] = []
        for k, level in enumerate(self.levels_):
            start, stop = blocks.get(level, (0, 0))
            if n_found < len(found) and start <= found[n_found] < stop:
                at = found[n_found] - start
                values = [encoding.item(at) for encoding in self.encodings_[k * n : k * n + n]]
                support = self.counts_[k][at], level
                n_found += 1
            elif self.stats == "count":
                values = [0]
            encoded += values
        if self.output == "finest":
            encoded = values
        if self.add_support:
            encoded = [*encoded, *support]
        return np.array(encoded, self.dtype)

    @shared_parameters
    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> ObjectArray:
        """Name of each column: level, statistic and, if there are more than two, class, as in ``s2_L10_mean``.

        Parameters
        ----------
        {input_features}

        Returns
        -------
        ndarray of object, shape (n_columns,)
        """
        self._check_names_in(input_features)
        classes = [""]
        if self.target_type_ == "multiclass":
            assert self.classes_ is not None
            classes = [f"_{label}" for label in self.classes_]
        levels = self.levels_ if self.output == "all" else self.levels_[-1:]
        names = [f"s2_L{level}_{self.stats}{label}" for level in levels for label in classes]
        if self.add_support:
            names += ["s2_support_rows", "s2_support_level"]
        return np.array(names, dtype=object)

    def get_metadata_routing(self) -> MetadataRouter:
        """What this encoder takes for itself, and what `fit_transform` passes on to the splitter `cv`.

        Returns
        -------
        MetadataRouter
        """
        to_splitter = MethodMapping().add(caller="fit_transform", callee="split")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(splitter=self.cv, method_mapping=to_splitter)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.stats != "count"
        return tags

    # --- fitting ------------------------------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        super()._check_parameters()
        as_levels(self.levels)
        check_target_type(self.target_type)
        if isinstance(self.smooth, str):
            if self.smooth != "auto":
                raise ValueError(f"smooth must be 'auto' or a number from 0: got {self.smooth!r}")
        elif inputs.check_number("smooth", self.smooth) < 0:
            raise ValueError(f"smooth must be 'auto' or a number from 0: got {self.smooth}")
        inputs.check_choice("prior", self.prior, ("parent", "global"))
        inputs.check_choice("crossfit", self.crossfit, ("kfold", "block"))
        if not (hasattr(self.cv, "split") or isinstance(self.cv, Iterable)) or isinstance(self.cv, (str, bytes)):
            inputs.check_integer("cv", self.cv, 2)
        check_auto_or_level("block_level", self.block_level)
        check_seed(self.random_state)
        inputs.check_choice("output", self.output, ("all", "finest"))
        inputs.check_choice("stats", self.stats, ("mean", "count", "std", "median"))
        inputs.check_bool("add_support", self.add_support)
        check_dtype(self.dtype, "f", "floats")

    def _fit(
        self, X: Table, y: Any, sample_weight: Any, splitter_params: dict[str, Any] | None = None
    ) -> AnyArray | None:
        """Fit; the out-of-fold encodings of the rows, unless `splitter_params` is None."""
        cells = self._read_cells(X, reset=True)
        levels = as_levels(self.levels)
        weight = _read_weight(sample_weight, X)
        values = self._read_target(X, y, weight)
        target = Target(values, weight, self._n_targets if self.target_type_ == "multiclass" else 0)
        placed = cells if weight is None else cells[weight > 0]
        self.levels_ = levels or auto_levels(*count_cells(placed))
        self.total_ = len(cells) if weight is None else float(weight.sum())
        folds = None
        if splitter_params is not None and self.stats != "count":
            folds = self._folds(X, y, cells, placed, splitter_params)
        cells, code = cells_of_rows(cells, self.levels_[-1])
        finest, pair = CellSums.of_rows(cells, code, target, folds)
        medians = Medians(target, code, folds) if self.stats == "median" else None
        tested = None if folds is None else pair if folds.tested is None else pair[folds.tested]
        del placed, values, target, folds, pair  # what is as long as X and no longer needed
        table = self._estimate(finest, medians, has_weights=weight is not None)
        del finest, medians
        if splitter_params is None:
            return None
        if tested is None:  # encodings that do not depend on y
            table, tested = self._encode(cells).T, code
        del code
        assert table is not None
        table = table.T.astype(self.dtype, order="C", copy=False)
        return take(table, tested)

    def _read_target(self, X: Table, y: Any, weight: FloatArray | None) -> AnyArray | None:
        """The numbers y - origin, 0 and 1 for two classes, or the number of the class; None for counts."""
        self.target_type_ = self.classes_ = None
        self.target_mean_, self.origin_ = None, 0.0
        if self.stats == "count":
            return None
        target = read_target(y, X, self.target_type, estimator=self)
        self.target_type_, self.classes_ = target.type, target.classes
        if self.target_type_ == "continuous":
            self.origin_ = _origin(target.values)
            self.target_mean_ = float(np.average(target.values, weights=weight))
            return target.values - self.origin_
        if self.stats != "mean":
            raise ValueError(f"stats must be 'mean' or 'count' for a {self.target_type_} y: got {self.stats!r}")
        if self.target_type_ == "multiclass":
            weights = np.bincount(target.values, weight, self._n_targets)
            self.target_mean_ = weights / weights.sum()
        else:
            self.target_mean_ = float(np.average(target.values, weights=weight))
        return target.values

    def _estimate(self, finest: CellSums, medians: Medians | None, *, has_weights: bool) -> AnyArray | None:
        """Fit level by level, given the sums at the finest; encodings of the pairs there by column, None for counts."""
        # from the finest level up, for each level: its cells, the parent of each, and in which of them each of the
        # finest cells lies
        steps, cells, cell_of_finest = [], finest.cells, np.arange(len(finest.cells), dtype=np.int32)
        for level in (*self.levels_[-2::-1], -1):
            parents, parent = coarser(cells, level)
            steps.append((cells, parent, cell_of_finest))
            cells, cell_of_finest = parents, parent[cell_of_finest]
        n, smooth = self._n_targets, []
        self.cells_, self.counts_, self.encodings_, self.sums_, self.squares_ = [], [], [], [], []
        estimates = None if self.stats == "count" else Estimates(finest, self, self._width, medians)
        self.prior_ = np.zeros(1) if estimates is None else self._to_output(estimates.prior[:, 0].copy())
        for k, level in enumerate(self.levels_):
            cells, parent, cell_of_finest = steps.pop()
            sums, is_other = finest.over(cell_of_finest, len(cells)), cell_level(cells) != level
            for values in sums:
                values[is_other] = 0
            has_rows = sums[0][:, 0] > 0  # not where all weigh 0
            kept = slice(None) if has_rows.all() else has_rows
            self.cells_.append(cells[kept])
            self.counts_.append(sums[0][kept, 1].astype(np.float64 if has_weights else np.int64))
            if estimates is None:
                self.encodings_.append(sums[0][kept, 1].copy())
                continue
            smooth += estimates.descend(sums, parent, cell_of_finest, level, k * n if self.output == "all" else 0)
            self.sums_ += [values[kept, 2].copy() for values in sums]
            self.squares_ += [values[kept, 3].copy() for values in sums]
            self.encodings_ += [self._to_output(values[kept].copy()) for values in estimates.values]
        self.smooth_ = np.array(smooth)
        self._index = CellIndex(np.concatenate(self.cells_))
        if estimates is None:
            return None
        self._to_output(estimates.table[: self._width - 2 * self.add_support])
        return estimates.table

    def _to_output(self, estimates: FloatArray) -> FloatArray:
        """Turn estimates into encodings, in place; the same array."""
        return STATISTICS[self.stats].to_output(estimates, self.origin_)

    # --- folds --------------------------------------------------------------------------------------------------------

    def _splitter_params(self, sample_weight: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Parameters of `cv.split`, by metadata routing if that is on."""
        given = {name: value for name, value in params.items() if value is not None}
        if get_config()["enable_metadata_routing"]:
            if sample_weight is not None:
                given["sample_weight"] = sample_weight
            return dict(process_routing(self, "fit_transform", **given).splitter.split) if given else {}
        unknown = ", ".join(name for name in given if name != "groups")
        if unknown:
            raise TypeError(f"fit_transform takes sample_weight and groups: got {unknown}")
        if given and self.crossfit == "block":
            raise ValueError("groups must not be given with crossfit='block', where the blocks are the groups")
        if given and isinstance(self.cv, numbers.Integral):
            raise ValueError(f"groups must be given with a splitter as cv: got cv={self.cv}")
        return given

    def _folds(self, X: Table, y: Any, cells: CellArray, placed: CellArray, splitter_params: dict[str, Any]) -> Folds:
        """For each fold the rows that it holds out, and which of them it encodes."""
        n = len(cells)
        block = None
        if self.crossfit == "block":
            block = self._blocks(cells, placed)
            splitter_params = {**splitter_params, "groups": block}
        if not isinstance(self.cv, numbers.Integral):
            return _held_out(check_cv(self.cv).split(X, y, **splitter_params), n, block)
        rng, n_folds = check_random_state(self.random_state), int(self.cv)
        if block is None:
            if n < n_folds:
                raise ValueError(f"cv must be at most the number of rows: got {n_folds} for {n} rows")
            each = np.arange(n_folds, dtype=np.min_scalar_type(n_folds))
            fold = rng.permutation(np.tile(each, n // n_folds + 1)[:n])
        else:
            count = np.bincount(block)
            if len(count) < n_folds:
                raise ValueError(
                    f"block_level must part the rows into at least cv={n_folds} blocks: "
                    f"got {len(count)} at level {self.block_level_}"
                )
            fold = deal(count, n_folds, rng)[block]
        return Folds(n_folds, fold.astype(np.int32, copy=False))

    def _blocks(self, cells: CellArray, placed: CellArray) -> Int32Array:
        """Number of the block of each row."""
        level = self.block_level
        if level == "auto":
            placed = np.sort(placed[placed != 0])
            share = 1 / (int(self.cv) if isinstance(self.cv, numbers.Integral) else 5)
            level = auto_block_level(placed, share) if len(placed) else 0
            level = min(max(level, self.levels_[0] + 1), 30)
        self.block_level_ = int(level)
        block = factorize_cells(cells, self.block_level_)[1]
        return block - min(block.min(), 0)  # rows without a place are the first block

    # --- encoding -----------------------------------------------------------------------------------------------------

    @property
    def _n_targets(self) -> int:
        return len(self.classes_) if self.target_type_ == "multiclass" and self.classes_ is not None else 1

    @property
    def _width(self) -> int:
        return self._n_targets * (len(self.levels_) if self.output == "all" else 1) + 2 * self.add_support

    def _encodings_at(self, k: int) -> list[FloatArray]:
        """Encodings of the cells of the k-th level, for each target."""
        return self.encodings_[k * self._n_targets : (k + 1) * self._n_targets]

    def _put(self, Z: AnyArray, rows: slice, k: int, values: FloatArray) -> None:
        """Write the values of the k-th level, shape (n_targets, n), to rows of Z, if `output` includes it."""
        n_targets = len(values)
        if self.output == "all":
            Z[rows, k * n_targets : (k + 1) * n_targets] = values.T
        elif k == len(self.levels_) - 1:
            Z[rows, :n_targets] = values.T

    def _encode(self, cells: CellArray) -> AnyArray:
        """Encodings of rows in these cells from all rows of `fit`."""
        Z = np.empty((len(cells), self._width), self.dtype)
        for start in range(0, len(cells), CHUNK):
            chunk = cells[start : start + CHUNK]
            rows = slice(start, start + len(chunk))
            values = np.repeat(self.prior_[:, None], len(chunk), axis=1)
            support = np.repeat([[float(self.total_)], [-1.0]], len(chunk), axis=1)
            for k, level in enumerate(self.levels_):
                at = self._index.lookup(chunk, level)
                seen = np.flatnonzero(at >= 0)
                at = at[seen] - self._index.blocks.get(level, (0, 0))[0]
                if self.stats == "count":
                    values[:] = 0
                for value, encoding in zip(values, self._encodings_at(k)):
                    value[seen] = encoding[at]
                support[0, seen], support[1, seen] = self.counts_[k][at], level
                self._put(Z, rows, k, values)
            if self.add_support:
                Z[rows, -2:] = support.T
        return Z

    # --- saving -------------------------------------------------------------------------------------------------------

    def _state_to_dict(self) -> State:
        mean = self.target_mean_
        return {
            "levels": list(self.levels_),
            "target_type": self.target_type_,
            "classes": None if self.classes_ is None else self.classes_.tolist(),
            "target_mean": mean.tolist() if isinstance(mean, np.ndarray) else [mean],
            "origin": self.origin_,
            "total": self.total_,
            "prior": self.prior_.tolist(),
            "cells": [tokens_from_cells(cells) for cells in self.cells_],
            "counts": [counts.tolist() for counts in self.counts_],
            "sums": [sums.tolist() for sums in self.sums_],
            "squares": [squares.tolist() for squares in self.squares_],
            "encodings": [encodings.tolist() for encodings in self.encodings_],
            "smooth": [m if np.isfinite(m) else None for m in self.smooth_.tolist()],
        }

    def _state_from_dict(self, state: Any) -> None:
        parts = ("target_type", "classes", "target_mean", "origin", "total", "prior", "smooth")
        lists = ("cells", "counts", "sums", "squares", "encodings")
        state = check_keys("state", state, ("levels", *parts, *lists))
        self.levels_ = levels_from_list(state["levels"])
        is_count = self.stats == "count"
        self.target_type_ = state["target_type"]
        types = (None,) if is_count else TARGET_TYPES
        if self.target_type_ not in types:
            raise ValueError(f"target_type must be one of {types}: got {self.target_type_!r}")
        self.classes_ = saved_classes(state["classes"], self.target_type_)
        n_targets = self._n_targets
        self.target_mean_ = None
        if not is_count:
            mean = _saved_numbers("target_mean", state["target_mean"], n_targets)
            self.target_mean_ = mean if self.target_type_ == "multiclass" else float(mean[0])
        self.origin_ = float(_saved_numbers("origin", [state["origin"]], 1)[0])
        kind = type(state["total"])  # weights are floats
        self.total_ = kind(_saved_numbers("total", [state["total"]], 1, least=0)[0])
        self.prior_ = _saved_numbers("prior", state["prior"], n_targets)
        self.cells_ = _saved_lists("cells", state["cells"], self.levels_, _saved_cells)
        self._index = CellIndex(np.concatenate(self.cells_))
        sizes = [len(cells) for cells in self.cells_]
        sizes_of_columns = np.repeat(sizes, n_targets).tolist()
        counts = _saved_lists("counts", state["counts"], sizes, _saved_numbers, least=0)
        self.counts_ = [count.astype(np.int64 if kind is int else np.float64) for count in counts]
        self.encodings_ = _saved_lists("encodings", state["encodings"], sizes_of_columns, _saved_numbers)
        if is_count:
            sizes_of_columns = []
        self.sums_ = _saved_lists("sums", state["sums"], sizes_of_columns, _saved_numbers)
        self.squares_ = _saved_lists("squares", state["squares"], sizes_of_columns, _saved_numbers, least=0)
        self.smooth_ = _saved_numbers("smooth", state["smooth"], len(sizes_of_columns), least=0, null=np.inf)


def _saved_lists(
    name: str, lists: Any, rules: Sequence[Any], read: Callable[..., AnyArray], **kwargs: Any
) -> list[AnyArray]:
    """What `read` makes of each saved list and its rule."""
    check_list(name, lists, list, len(rules))
    return [read(name, values, rule, **kwargs) for values, rule in zip(lists, rules)]


def _saved_numbers(
    name: str, values: Any, length: int, *, least: float = -(2.0**1023), null: float | None = None
) -> FloatArray:
    """Saved numbers as float64; raise unless there are so many, all finite and at least `least`, or None for `null`."""
    if not isinstance(values, list) or len(values) != length:
        raise ValueError(f"{name} must be a list of {length} numbers")
    for value in values:
        if not (value is None and null) and not (type(value) in (int, float) and least <= value < 2.0**1023):
            raise ValueError(f"{name} must be finite numbers{'' if least < 0 else f' from {least}'}: got {value!r:.60}")
    return np.array([null if value is None else value for value in values], np.float64)


def _saved_cells(name: str, tokens: Any, level: int) -> CellArray:
    """Saved cells; raise unless they are distinct cells of the level, in order."""
    cells = cells_from_tokens(name, tokens)
    if not np.array_equal(cells, np.unique(cells)) or (cell_level(cells) != level).any():
        raise ValueError(f"{name} must be distinct cells of level {level}, sorted")
    return cells


# --- y and weights ----------------------------------------------------------------------------------------------------


def _origin(y: FloatArray) -> float:
    """A number near the mean, such that whole numbers stay whole without it: they are summed exactly."""
    spread = y.std()
    if not spread > 0:
        return float(y[0])
    step = 2.0 ** np.floor(np.log2(spread))
    return float(np.round(y.mean() / step) * step)


def _read_weight(weight: Any, X: Table) -> FloatArray | None:
    """Weights of the rows as float64, or None."""
    if weight is None:
        return None
    weight = inputs.read("f8", "sample_weight", weight).array.astype(np.float64, copy=False)
    if weight.ndim != 1:
        raise ValueError(f"sample_weight must have one axis: got shape {weight.shape}")
    check_consistent_length(X, weight)
    check_all("sample_weight must be finite and 0 or more", weight, np.isfinite(weight) & (weight >= 0))
    if not weight.any():
        raise ValueError("sample_weight must not be zero everywhere")
    return weight


# --- folds ------------------------------------------------------------------------------------------------------------


def _held_out(splits: Iterable[tuple[Any, Any]], n: int, block: Int32Array | None) -> Folds:
    """The rows that are not in the train part of each split, and which entries test each row.

    Raises unless each row is tested once, by a fold that knows neither it nor any other row of its block.
    """
    fold, tested, n_tested = np.full(n, -1), np.empty(n, np.intp), 0
    rows, folds = [np.empty(0, np.intp)], []
    for k, (train, test) in enumerate(splits):
        is_held = np.ones(n, bool)
        is_held[train] = False
        if not is_held[test].all():
            raise ValueError(f"cv must test no row that it trains on: got {np.sum(~is_held[test])} in split {k}")
        fold[test] = k
        n_tested += len(fold[test])
        held = np.flatnonzero(is_held)
        tested[test] = sum(map(len, rows)) + (np.cumsum(is_held) - 1)[test]
        rows.append(held)
        folds.append(np.full(len(held), k, np.int32))
    if n_tested != n or (fold < 0).any():
        raise ValueError(f"cv must test each row once: got {n_tested} tests of {np.sum(fold >= 0)} of {n} rows")
    if block is not None:
        fold_of_block = np.empty(block.max() + 1, np.intp)
        fold_of_block[block] = fold
        if (fold_of_block[block] != fold).any():
            raise ValueError("cv must keep blocks whole: got blocks in several folds; does it heed groups?")
    return Folds(len(folds), np.concatenate(folds), np.concatenate(rows), tested)
