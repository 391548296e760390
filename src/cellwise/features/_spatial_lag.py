"""Neighbor features: what y, or any column, is like at the training rows nearest to a row, but never at itself."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .. import inputs
from .._docs import shared_parameters
from .._typing import AnyArray, BoolArray, CellArray, FloatArray, Int64Array, LengthUnit, ObjectArray, OnInvalid
from ..cells.adjacency import cell_disk
from ..cells.conversion import latlng_to_cell
from ..cells.hierarchy import cell_parent
from ..neighbors import NeighborIndex, Part
from ..ragged import expand, offsets_of, sum_runs
from ..units import length_unit
from ._base import (
    CellTransformer,
    Column,
    State,
    Table,
    check_auto_or_level,
    check_column,
    check_keys,
    check_list,
    column_names,
    column_position,
    leaf_at,
    pick_column,
)
from ._splitters import auto_block_level
from ._target import TARGET_TYPES, TargetType, check_target_type, read_target, saved_classes

__all__ = ["SpatialLag"]

Statistic = Literal["mean", "std", "distance", "count"]

STATISTICS = ("mean", "std", "distance", "count")

NEIGHBORS = 1 << 17  # in a batch: few enough to stay in the cache, and for memory to stay bounded


@shared_parameters
class SpatialLag(CellTransformer):
    """Statistics of the training rows near a row: of their y or other columns, never of the row's own.

    What homes nearby were sold for says more about a home's price than anything else about its place. This transformer
    gives a model that knowledge for one neighborhood or several at once, by exact great-circle distance, at the poles
    and across 180 too.

    **The trap it avoids**: every home-made "mean price of the k nearest" finds the training row itself first, at
    distance 0. In training the feature is then part of the answer, the model learns to trust it, and on new rows the
    trust is misplaced. A well-known textbook suggests the feature as an exercise, sees the error nearly double, and
    gives it up [1]_; with the row left out it is among the strongest there are. Here `fit_transform` never shows a row
    itself, and depending on `exclude` neither those at the same place or in the same block, while `transform` shows
    new rows all training rows.

    Therefore ``fit(X, y).transform(X)`` is not ``fit_transform(X, y)``: the former takes the training rows for new
    ones, which find themselves. Pipelines call `fit_transform`, as they should.

    Parameters
    ----------
    k : int or sequence of int, default (4, 16, 64)
        How many of the nearest training rows form a neighborhood. Not used where `radius` or `rings` is given.
    radius : float or sequence of float, default None
        Instead of `k`, how far neighbors may be, in `unit`.
    rings : int or sequence of int, default None
        Instead of `k`, by how many steps, over edges and corners, the cells of neighbors may be away from the row's
        own at `level`: 0 is its own cell, 1 its eight neighbors too.
    level : int, default None
        Level 0..30 of those cells.
    unit : {"m", "km", "rad", "deg"}, default "m"
        Of `radius` and of the statistic "distance".
    of : "y", or str, int or sequence of these, default "y"
        What to take statistics of: the target (of two classes the frequency of the second in sorted order, of more
        that of each), or columns of X by name or position (a column called y as ``["y"]``). Values missing in such
        columns are left out.
    {target_type}
    stats : str or sequence of {"mean", "std", "distance", "count"}, default ("mean", "std", "distance")
        Mean and standard deviation over the neighbors, their mean distance, and how many there are.
    weights : {"inverse", "gaussian"}, default None
        Weights of neighbors in "mean" and "std". None: all equal. "inverse": the inverse of the distance; where some
        are at the very position, those alone. "gaussian": a normal curve whose standard deviation is half the distance
        of the farthest, or half of `radius`.
    exclude : {"self", "same_location", "block"}, default "self"
        Which training rows `fit_transform` hides from a training row: itself; all at its very coordinates, itself
        included (flats of one building, repeated records); or all in its cell of `block_level`. "self" suits a model
        that will predict among known places. "block" suits one for new areas: it shows training rows how far away
        neighbors will be there; without it models learn to trust near ones that they will not have [2]_.
    block_level : "auto" or int, default "auto"
        Level 0..30 of the cells of ``exclude="block"``. "auto": the level of `CellBlockKFold`.
    {coordinate_columns}
    {cell_column: Of any level: rows are at the centers of their cells.}
    {on_invalid_rows: are no neighbors of others, and get `fill_`.}

    Attributes
    ----------
    index_ : cellwise.neighbors.NeighborIndex
        Positions of the training rows that have one.
    values_ : ndarray of float64, shape (n_rows, n_values)
        What statistics are taken of at those rows.
    fill_ : ndarray of float64, shape (n_columns,)
        Features of rows without neighbors: the mean of each column over the training rows that have some. Never NaN,
        so that linear models work too.
    largest_ : int
        Most rows in a neighborhood, half of the training rows; see the notes.
    block_level_ : int
        Level of the blocks, with ``exclude="block"``.
    target_type_ : str
        "continuous", "binary" or "multiclass"; None if `of` is not "y".
    classes_ : ndarray or None
        Classes of y, sorted.
    {columns_in}

    See Also
    --------
    CellTargetEncoder : Means of y over cells instead of neighbors: fitted state is small, and can be merged.
    CellBlockKFold : The same blocks, to score a model by.
    cellwise.neighbors.NeighborIndex : The search itself.

    Notes
    -----
    Equally near neighbors come in the order of their rows.

    **Which rows to hide.** California housing again: change of the error of boosting on covariates and coordinates when
    these columns are added, five folds each. "self" is the default because most models predict rows among known ones;
    where that is not so, it must not be used.

    =====================  ======  =============================
    folds of the test      "self"  "block", ``block_level=10``
    =====================  ======  =============================
    random                 -11 %   -6 %
    blocks of level 10     +9 %    -1 %
    blocks of level 8      +25 %   +9 %
    =====================  ======  =============================

    Farther from known rows than the width of its blocks, "block" does harm too.

    **Small data.** The mean over *all* other rows reveals a row's own y: it is ``(total - y) / (n - 1)``, and falls as
    y rises. The same effect, weaker, occurs wherever neighborhoods hold most rows. So none may hold more than half of
    the training rows (`largest_`): where it would, also because `k` is larger, the nearest are taken. On targets of
    pure noise that leaves an R2 of about 10 / n, and for neighborhoods of a fourth of the rows it is 4 / n: choose `k`
    and `radius` so that neighborhoods are small compared with the data.

    Rows without neighbors (none within `radius`, all in one block) get `fill_`, which does not depend on their own y.
    In a neighborhood where no training row has any, all get the plain mean of y.

    With ``exclude="block"`` or a large `radius`, time is spent on rows that are far apart; `k` is fast at any size.

    Fitted state is the training rows themselves: it grows with them, and two are merged by fitting again.

    References
    ----------
    .. [1] A. Géron, "Hands-On Machine Learning with Scikit-Learn, Keras, and TensorFlow", 3rd edition (2022),
       chapter 2, exercise 4.
    .. [2] D. R. Roberts et al., "Cross-validation strategies for data with temporal, spatial, hierarchical, or
       phylogenetic structure", Ecography 40 (2017), 913-929.
    .. [3] L. Anselin, "Spatial Econometrics: Methods and Models", Kluwer (1988): the lagged variable.

    Examples
    --------
    Four homes and their prices. Each gets the mean price of its nearest neighbor and of its two nearest, without its
    own:

    >>> import numpy as np
    >>> from cellwise.features import SpatialLag
    >>> homes = np.array([[37.7599, -122.4148], [37.7614, -122.4137], [37.8044, -122.2712], [34.0522, -118.2437]])
    >>> price = np.array([1.2, 1.4, 0.8, 0.9])
    >>> lag = SpatialLag(k=(1, 2), stats=("mean", "distance"), unit="km")
    >>> lag.get_params()["exclude"], lag.fit_transform(homes, price)[:, 0].tolist()
    ('self', [1.4, 1.2, 1.4, 0.8])
    >>> lag.get_feature_names_out().tolist()
    ['lag_k1_mean', 'lag_k1_distance', 'lag_k2_mean', 'lag_k2_distance']

    A new home next to the first two learns from all:

    >>> lag.transform([[37.7605, -122.4140]]).round(2).tolist()
    [[1.2, 0.1, 1.3, 0.1]]

    The trap, on prices that are pure noise. There is nothing to learn, which the honest feature shows, and a leaky one
    hides:

    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, noise = rng.uniform((40, -100), (41, -99), (2000, 2)), rng.standard_normal(2000)
    >>> lag = SpatialLag(k=4, stats="mean")
    >>> honest, leaky = lag.fit_transform(X, noise), lag.fit(X, noise).transform(X)
    >>> [round(LinearRegression().fit(Z, noise).score(Z, noise), 2) for Z in (honest, leaky)]
    [0.0, 0.27]
    """

    index_: NeighborIndex
    values_: FloatArray
    fill_: FloatArray
    largest_: int
    block_level_: int | None
    target_type_: TargetType | None
    classes_: AnyArray | None

    def __init__(
        self,
        k: int | Sequence[int] = (4, 16, 64),
        *,
        radius: float | Sequence[float] | None = None,
        rings: int | Sequence[int] | None = None,
        level: int | None = None,
        unit: LengthUnit = "m",
        of: Column | Sequence[Column] = "y",
        target_type: Literal["auto"] | TargetType = "auto",
        stats: Statistic | Sequence[Statistic] = ("mean", "std", "distance"),
        weights: Literal["inverse", "gaussian"] | None = None,
        exclude: Literal["self", "same_location", "block"] = "self",
        block_level: Literal["auto"] | int = "auto",
        lat: Column | None = None,
        lng: Column | None = None,
        cell: Column | None = None,
        on_invalid: OnInvalid = "warn",
    ) -> None:
        self.k = k
        self.radius = radius
        self.rings = rings
        self.level = level
        self.unit = unit
        self.of = of
        self.target_type = target_type
        self.stats = stats
        self.weights = weights
        self.exclude = exclude
        self.block_level = block_level
        self.lat = lat
        self.lng = lng
        self.cell = cell
        self.on_invalid = on_invalid

    @shared_parameters
    def fit(self, X: Table, y: Any = None) -> Self:
        """The transformer, with the rows of X to search for neighbors.

        Parameters
        ----------
        {rows_of_lag}
        y : array_like, shape (n_rows,), default None
            The target; not read unless `of` is "y".

        Returns
        -------
        SpatialLag
        """
        self._fit(X, y)
        return self

    @shared_parameters
    def fit_transform(self, X: Table, y: Any = None) -> FloatArray:
        """Features of the training rows, each without itself or what `exclude` says. Not ``fit(X, y).transform(X)``.

        Parameters
        ----------
        {rows_of_lag}
        y : array_like, shape (n_rows,), default None
            The target; not read unless `of` is "y".

        Returns
        -------
        ndarray of float64, shape (n_rows, n_columns)
        """
        return self._fit(X, y)

    @shared_parameters
    def transform(self, X: Table) -> FloatArray:
        """Features of new rows: all training rows may be their neighbors.

        Parameters
        ----------
        {rows_of_transform}

        Returns
        -------
        ndarray of float64, shape (n_rows, n_columns)
        """
        check_is_fitted(self)
        cells, lat, lng = self._read_locations(X, reset=False)
        order = np.argsort(cells)[np.count_nonzero(cells == 0) :]
        Z = np.full((len(cells), len(self.fill_)), np.nan)
        for batch in self._batches(order):
            self._encode(Z, batch, lat[batch], lng[batch])
        return self._fill(Z)

    @shared_parameters
    def transform_one(self, lat: float | None, lng: float | None) -> FloatArray:
        """Features of one position: `transform` of a single row, without making a matrix.

        Parameters
        ----------
        {one_position: the result is `fill_`.}

        Returns
        -------
        ndarray of float64, shape (n_columns,)

        Examples
        --------
        >>> from cellwise.features import SpatialLag
        >>> lag = SpatialLag(k=1, stats="mean").fit([[37.76, -122.41], [34.05, -118.24]], [1.2, 0.9])
        >>> lag.transform_one(37.8, -122.3)
        array([1.2])
        """
        if not hasattr(self, "fill_"):
            check_is_fitted(self)
        if leaf_at(lat, lng, on_invalid=self.on_invalid) == 0 or lat is None or lng is None:
            return self.fill_.copy()
        if self.radius is None and self.rings is None and len(self.index_):
            z = self._encode_one(float(lat), float(lng))
        else:
            z = np.full((1, len(self.fill_)), np.nan)
            self._encode(z, np.zeros(1, np.intp), *inputs.canonical_latlng([lat], [lng]))
            z = z[0]
        return np.where(np.isnan(z), self.fill_, z)

    @shared_parameters
    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> ObjectArray:
        """Name of each column: neighborhood and statistic, as in ``lag_k16_mean``.

        Columns of X and classes of y are named at the end: ``lag_k16_mean_price``.

        Parameters
        ----------
        {input_features}

        Returns
        -------
        ndarray of object, shape (n_columns,)
        """
        self._check_names_in(input_features)
        names = []
        for neighborhood in self._neighborhoods:
            for statistic in self._stats:
                labels = self._labels if statistic in ("mean", "std") else [""]
                names += [f"lag_{neighborhood}_{statistic}{'_' if label else ''}{label}" for label in labels]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = isinstance(self.of, str) and self.of == "y"
        return tags

    # --- parameters ---------------------------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        super()._check_parameters()
        length_unit(self.unit)
        check_target_type(self.target_type)
        if self.weights is not None:
            inputs.check_choice("weights", self.weights, ("inverse", "gaussian"))
        inputs.check_choice("exclude", self.exclude, ("self", "same_location", "block"))
        check_auto_or_level("block_level", self.block_level)
        for statistic in _sequence("stats", self.stats):
            inputs.check_choice("stats", statistic, STATISTICS)
        for column in _sequence("of", self.of):
            check_column("of", column)
        self._read_neighborhoods()

    def _set_parameters(self) -> None:
        """Keep the parameters that say what the columns are, as they are in `fit`."""
        self._stats = tuple(dict.fromkeys(_sequence("stats", self.stats)))
        self._neighborhoods = self._read_neighborhoods()

    def _read_neighborhoods(self) -> dict[str, float]:
        """Neighborhoods, by the names that columns give them."""
        if self.radius is not None and self.rings is not None:
            raise ValueError(f"radius must be None where rings is given: got {self.radius!r}")
        if (self.rings is None) != (self.level is None):
            raise ValueError(f"rings and level must be given together: got rings={self.rings!r}, level={self.level!r}")
        if self.rings is not None:
            inputs.check_integer("level", self.level, 0, 30)
            rings = sorted({inputs.check_integer("rings", ring, 0, 1000) for ring in _sequence("rings", self.rings)})
            return {f"L{self.level}_ring{ring}": ring for ring in rings}
        if self.radius is not None:
            radii = sorted({inputs.check_number("radius", radius) for radius in _sequence("radius", self.radius)})
            if radii[0] <= 0:
                raise ValueError(f"radius must be greater than 0: got {radii[0]}")
            return {f"r{radius:.15g}{self.unit}": radius for radius in radii}
        ks = sorted({inputs.check_integer("k", k, 1) for k in _sequence("k", self.k)})
        return {f"k{k}": k for k in ks}

    # --- reading ------------------------------------------------------------------------------------------------------

    def _read_values(self, X: Table, y: Any) -> FloatArray:
        """What statistics are taken of, shape (n_rows, n_values)."""
        self.target_type_ = self.classes_ = None
        if not (isinstance(self.of, str) and self.of == "y"):
            names, n_columns = column_names(X), self.n_features_in_
            at = [column_position("of", column, names, n_columns) for column in _sequence("of", self.of)]
            at = list(dict.fromkeys(at))
            self._labels = [str(names[k]) if names is not None else f"x{k}" for k in at]
            values = np.column_stack([_numbers(f"column {label}", X, k) for label, k in zip(self._labels, at)])
            if np.isinf(values).any():
                row, column = np.argwhere(np.isinf(values))[0]
                raise ValueError(f"column {self._labels[column]} must be finite or missing: got inf at index {row}")
            return values
        target = read_target(y, X, self.target_type, estimator=self)
        self.target_type_, self.classes_, self._labels = target.type, target.classes, target.names()
        return target.indicators()

    # --- fitting ------------------------------------------------------------------------------------------------------

    def _fit(self, X: Table, y: Any) -> FloatArray:
        """Fit; the features of the rows."""
        cells, lat, lng = self._read_locations(X, reset=True)
        self._set_parameters()
        n, placed = len(cells), None if cells.all() else np.flatnonzero(cells)
        del cells
        values = self._read_values(X, y)
        if placed is None:
            self._set_rows(lat, lng, values)
        else:
            self._set_rows(lat[placed], lng[placed], values[placed])
        del lat, lng
        self.block_level_ = None
        if self.exclude == "block":
            if self.block_level == "auto":
                leaves = np.sort(latlng_to_cell(self.index_.lat, self.index_.lng))
                self.block_level_ = auto_block_level(leaves, 1 / 5) if len(leaves) else 0
            else:
                self.block_level_ = self.block_level
        Z = np.full((n, len(self._neighborhoods) * self._width), np.nan)
        for batch in self._batches(self.index_.curve_order):
            out_rows = batch if placed is None else placed[batch]
            self._encode(Z, out_rows, *self.index_.at(batch), train_rows=batch)
        self.fill_ = self._fill_values(Z, values)
        return self._fill(Z)

    def _fill(self, Z: FloatArray) -> FloatArray:
        """The same array, with `fill_` in place of NaN."""
        for column, fill in zip(Z.T, self.fill_):
            column[np.isnan(column)] = fill
        return Z

    def _set_rows(self, lat: FloatArray, lng: FloatArray, values: FloatArray) -> None:
        self.index_ = NeighborIndex(lat, lng)
        self.values_ = values
        self.largest_ = max(1, len(self.index_) // 2)

    @property
    def _width(self) -> int:
        """Number of columns of one neighborhood."""
        return sum(map(self._n_columns, self._stats))

    def _n_columns(self, statistic: str) -> int:
        return len(self._labels) if statistic in ("mean", "std") else 1

    def _fill_values(self, Z: FloatArray, values: FloatArray) -> FloatArray:
        """Mean of each column over the rows that have neighbors; where none has, the statistic of all rows."""
        n = np.array([np.count_nonzero(~np.isnan(column)) for column in Z.T])
        fill: FloatArray = np.array([np.nansum(column) for column in Z.T]) / np.maximum(n, 1)
        if not n.all():
            known = np.ma.masked_invalid(values)
            of_all = {"mean": known.mean(axis=0).filled(0), "std": known.std(axis=0).filled(0)}
            otherwise = np.concatenate([of_all.get(statistic, [0]) for statistic in self._stats])
            fill = np.where(n == 0, np.tile(otherwise, len(self._neighborhoods)), fill)
        return fill

    # --- encoding -----------------------------------------------------------------------------------------------------

    def _batches(self, order: AnyArray) -> list[AnyArray]:
        """Rows to be encoded together, with about as many neighbors as fit in a batch."""
        return np.array_split(order, len(order) * self._expected() // NEIGHBORS + 1)

    def _expected(self) -> int:
        """About how many neighbors, or cells to look for them in, a row has at most."""
        largest = max(self._neighborhoods.values())
        if self.rings is not None:
            return (2 * int(largest) + 1) ** 2
        return 32 if self.radius is not None else min(int(largest), self.largest_)

    def _encode(
        self,
        Z: FloatArray,
        out_rows: AnyArray,
        lat: FloatArray,
        lng: FloatArray,
        train_rows: AnyArray | None = None,
    ) -> None:
        """Write the features of positions in canonical degrees to some rows of Z; without neighbors its NaN stays.

        `train_rows` are the numbers of these positions if they are training rows, which are not shown themselves.
        """
        if "count" in self._stats:
            Z[np.ix_(out_rows, self._columns("count"))] = 0
        if len(self.index_) == 0 or len(lat) == 0:
            return
        leaves = latlng_to_cell(lat, lng)
        excluded: dict[str, Any] = {}
        if train_rows is not None:
            excluded["exclude_row"] = train_rows
            if self.block_level_ is not None:
                excluded["exclude_cell"] = cell_parent(leaves, self.block_level_)
            excluded["exclude_place"] = self.exclude == "same_location"
        if self.rings is not None:
            found = self._search_rings(lat, lng, leaves, excluded)
        else:
            found = self._search(lat, lng, excluded)
        for k, neighbors in found:
            self._put(Z, out_rows[neighbors.queries], k, neighbors)

    def _columns(self, statistic: str) -> AnyArray:
        """Positions of a statistic's columns, in all neighborhoods."""
        is_it = [name == statistic for name in self._stats for _ in range(self._n_columns(name))]
        return np.flatnonzero(is_it * len(self._neighborhoods))

    def _search(self, lat: FloatArray, lng: FloatArray, excluded: dict[str, Any]) -> Iterator[tuple[int, Part]]:
        """Number of each neighborhood by `k` or `radius`, and its rows."""
        limits = list(self._neighborhoods.values())
        if self.radius is None:
            rows, arcs = self.index_.nearest(lat, lng, min(int(limits[-1]), self.largest_), unit="rad", **excluded)
            has = rows >= 0
            parts = iter([Part(np.arange(len(lat)), has.sum(axis=1), rows[has], arcs[has])])
        else:
            parts = self.index_.within_parts(lat, lng, limits[-1], unit=self.unit, **excluded)
        for part in parts:
            rank = _ranks(part)
            for k, limit in enumerate(limits):
                if self.radius is None:
                    yield k, _only(part, rank < min(limit, self.largest_))
                else:
                    is_near = part.arcs <= limit / length_unit(self.unit)
                    yield k, _only(part, is_near & (rank < self.largest_))

    def _encode_one(self, lat: float, lng: float) -> FloatArray:
        """The same for one position and neighborhoods by `k`, which are not empty."""
        limits = [min(int(k), self.largest_) for k in self._neighborhoods.values()]
        rows, arcs = self.index_.nearest(lat, lng, limits[-1], unit="rad")
        Z, query = np.empty((1, len(self.fill_))), np.zeros(1, np.intp)
        for k, n in enumerate(limits):
            self._put(Z, query, k, Part(query, np.array([n]), rows[:n], arcs[:n]))
        return Z[0]

    def _search_rings(
        self, lat: FloatArray, lng: FloatArray, leaves: CellArray, excluded: dict[str, Any]
    ) -> Iterator[tuple[int, Part]]:
        """Number of each neighborhood by `rings`, and its rows."""
        assert self.level is not None
        cells, code = np.unique(cell_parent(leaves, self.level), return_inverse=True)
        for k, ring in enumerate(self._neighborhoods.values()):
            disks = cell_disk(cells, int(ring)).take(code)
            for part in self.index_.in_cells_parts(lat, lng, disks, **excluded):
                yield k, _only(part, _ranks(part) < self.largest_)

    def _put(self, Z: FloatArray, out_rows: AnyArray, k: int, neighbors: Part) -> None:
        """Write the statistics of the `k`-th neighborhood to some rows of Z."""
        column, offsets = k * self._width, offsets_of(neighbors.sizes)
        weights = self._weights_of(neighbors, offsets, k)
        moments = [
            _moments(self.values_[neighbors.rows, j], weights, neighbors.sizes, offsets, self._stats)
            for j in range(len(self._labels))
        ]
        for statistic in self._stats:
            if statistic == "count":
                results = [neighbors.sizes]
            elif statistic == "distance":
                results = [_mean_arcs(neighbors, offsets) * length_unit(self.unit)]
            else:
                results = [moment[statistic] for moment in moments]
            for result in results:
                Z[out_rows, column] = result
                column += 1

    def _weights_of(self, neighbors: Part, offsets: Int64Array, k: int) -> AnyArray | None:
        """Weight of each row of the `k`-th neighborhood, or None."""
        if self.weights is None:
            return None
        if self.weights == "inverse":
            is_here = neighbors.arcs == 0
            any_here = np.repeat(sum_runs(is_here, offsets) > 0, neighbors.sizes)
            return np.where(any_here, is_here, 1 / np.where(is_here, 1, neighbors.arcs))
        if self.radius is not None:
            reach = list(self._neighborhoods.values())[k] / length_unit(self.unit)
        else:
            reach = np.repeat(_farthest(neighbors, offsets), neighbors.sizes)
        return np.exp(-0.5 * (neighbors.arcs / np.where(reach == 0, 1, reach / 2)) ** 2)

    # --- saving -------------------------------------------------------------------------------------------------------

    def _state_to_dict(self) -> State:
        values = self.values_.astype(object)
        values[np.isnan(self.values_)] = None
        return {
            "lat": self.index_.lat.tolist(),
            "lng": self.index_.lng.tolist(),
            "values": values.T.tolist(),
            "labels": list(self._labels),
            "fill": self.fill_.tolist(),
            "target_type": self.target_type_,
            "classes": None if self.classes_ is None else self.classes_.tolist(),
            "block_level": self.block_level_,
        }

    def _state_from_dict(self, state: Any) -> None:
        self._set_parameters()
        keys = ("lat", "lng", "values", "labels", "fill", "target_type", "classes", "block_level")
        state = check_keys("state", state, keys)
        self._labels = check_list("labels", state["labels"], str)
        if not self._labels:
            raise ValueError("labels must hold at least one label: got none")
        lat = _floats("lat", state["lat"])
        lng = _floats("lng", state["lng"], len(lat))
        columns = check_list("values", state["values"], list, len(self._labels))
        values = np.column_stack([_floats("values", column, len(lat), missing=True) for column in columns])
        self._set_rows(lat, lng, values)
        self.fill_ = _floats("fill", state["fill"], len(self._neighborhoods) * self._width)
        self.target_type_ = state["target_type"]
        if self.target_type_ is not None:
            inputs.check_choice("target_type", self.target_type_, TARGET_TYPES)
        self.classes_ = saved_classes(state["classes"], self.target_type_)
        level = state["block_level"]
        self.block_level_ = None if level is None else inputs.check_integer("block_level", level, 0, 30)


# --- neighbors of several queries, in runs that are each in the order of distance -------------------------------------


def _ranks(part: Part) -> Int64Array:
    """Position of each neighbor in its run, from 0."""
    return expand(np.zeros(len(part.sizes), np.int64), part.sizes)


def _only(part: Part, kept: BoolArray) -> Part:
    """Those of the neighbors that are `kept`."""
    if kept.all():
        return part
    return Part(part.queries, sum_runs(kept, offsets_of(part.sizes)), part.rows[kept], part.arcs[kept])


def _mean_arcs(part: Part, offsets: Int64Array) -> FloatArray:
    """Mean of the arcs of each run; NaN of an empty one."""
    return sum_runs(part.arcs, offsets) / np.where(part.sizes == 0, np.nan, part.sizes)


def _farthest(part: Part, offsets: Int64Array) -> FloatArray:
    """Arc to the last of each run; 0 for an empty one."""
    farthest = np.zeros(len(part.sizes))
    is_full = part.sizes > 0
    farthest[is_full] = part.arcs[offsets[1:][is_full] - 1]
    return farthest


def _moments(
    values: FloatArray, weights: AnyArray | None, sizes: Int64Array, offsets: Int64Array, stats: Sequence[str]
) -> dict[str, FloatArray]:
    """Mean and standard deviation of each run, as far as needed, without missing values; NaN where none is left."""
    if not {"mean", "std"}.intersection(stats):
        return {}
    known = ~np.isnan(values)
    if not known.all():
        values = np.where(known, values, 0)
        weights = known * (1.0 if weights is None else weights)
    n = sizes if weights is None else sum_runs(weights, offsets)
    n = np.where(n == 0, np.nan, n)
    mean = sum_runs(values if weights is None else values * weights, offsets) / n
    if "std" not in stats:
        return {"mean": mean}
    square = (values - np.repeat(mean, sizes)) ** 2
    return {"mean": mean, "std": np.sqrt(sum_runs(square if weights is None else square * weights, offsets) / n)}


# --- reading ----------------------------------------------------------------------------------------------------------


def _numbers(name: str, X: Table, k: int) -> FloatArray:
    """Column `k` of X as float64, NaN where a value is missing."""
    names = column_names(X)
    if names is None and not (hasattr(X, "shape") and hasattr(X, "__getitem__")):
        X = np.array(X, dtype=object) if isinstance(X, (list, tuple)) else np.asarray(X)
    return inputs.read("f8", name, pick_column(X, names, k)).array.astype(np.float64, copy=False)


def _sequence(name: str, value: Any) -> tuple[Any, ...]:
    """A scalar or a sequence as a tuple of at least one."""
    if isinstance(value, (str, numbers.Number, np.generic)) or not hasattr(value, "__iter__"):
        return (value,)
    value = tuple(value)
    if not value:
        raise ValueError(f"{name} must not be empty: got ()")
    return value


def _floats(name: str, values: Any, length: int | None = None, *, missing: bool = False) -> FloatArray:
    """A saved list of finite numbers, or of None where `missing`, as an array."""

    def is_good(x: object) -> bool:
        is_finite = (type(x) is float and math.isfinite(x)) or (type(x) is int and abs(x) < 1 << 63)
        return is_finite or (missing and x is None)

    if not isinstance(values, list) or not all(map(is_good, values)):
        raise ValueError(f"{name} must be a list of finite numbers: got {type(values).__name__}")
    if length is not None and len(values) != length:
        raise ValueError(f"{name} must have {length} items: got {len(values)}")
    return np.array([np.nan if x is None else x for x in values], np.float64)
