"""Neighbour features: what y, or any column, is like at the training rows nearest to a row, but never at itself."""

import math
import numbers

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .. import inputs
from .._docs import shared_parameters
from ..cells.adjacency import cell_disk
from ..cells.conversion import latlng_to_cell
from ..cells.hierarchy import cell_parent
from ..neighbors import NeighborIndex
from ..ragged import expand, offsets_of, sum_runs
from ..units import length_unit
from ._base import CellTransformer, check_keys, check_list, column_names, column_position, leaf_at, pick_column
from ._splitters import auto_block_level
from ._target import TARGET_TYPES, check_target_type, read_target, saved_classes

STATISTICS = ("mean", "std", "distance", "count")

NEIGHBORS = 1 << 17  # looked at together: few enough to stay in the cache, and for memory to stay bounded


@shared_parameters
class SpatialLag(CellTransformer):
    """Statistics of the training rows round a row: of their y or other columns, never of the row's own.

    What homes nearby were sold for says more of a home's price than anything else about its place. This transformer
    gives a model that knowledge for one neighbourhood or several at once, by great-circle distance and exactly, at the
    poles and across 180 too.

    **The trap it avoids**: every home-made "mean price of the k nearest" finds the training row itself first, at
    distance 0. In training the feature is then part of the answer, the model learns to trust it, and on new rows the
    trust is misplaced. A well-known textbook suggests the feature as an exercise, sees the error nearly double, and
    gives it up [1]_; with the row left out it is among the strongest there are. Here `fit_transform` never shows a row
    itself, with `exclude` nor those at the same place or in the same block, while `transform` shows new rows all
    training rows.

    The price of that is that ``fit(X, y).transform(X)`` is not ``fit_transform(X, y)``: the former takes the training
    rows for new ones, which find themselves. Pipelines call `fit_transform` and are right.

    Parameters
    ----------
    k : int or sequence of int, default (4, 16, 64)
        How many nearest training rows make a neighbourhood. Not used where `radius` or `rings` is given.
    radius : float or sequence of float, default None
        Instead of `k`, how far neighbours may be, in `unit`.
    rings : int or sequence of int, default None
        Instead of `k`, by how many steps, over edges and corners, the cells of neighbours may be away from the row's
        own at `level`: 0 is its own cell, 1 its eight neighbours too.
    level : int, default None
        Level 0..30 of those cells.
    unit : {"m", "km", "rad", "deg"}, default "m"
        Of `radius` and of the statistic "distance".
    of : "y", or str, int or sequence of these, default "y"
        Of what to take statistics: the target (of two classes the frequency of the second in sorted order, of more
        that of each), or columns of X by name or position (a column called y as ``["y"]``).
        Values missing in such columns are left out.
    {target_type}
    stats : str or sequence of {"mean", "std", "distance", "count"}, default ("mean", "std", "distance")
        Mean and standard deviation over the neighbours, their mean distance, and how many there are.
    weights : {"inverse", "gaussian"}, default None
        By which neighbours count in "mean" and "std". None: all alike. "inverse": the inverse of the distance; where
        some are at the very place, those alone. "gaussian": a normal curve of half the distance of the farthest, or
        half of `radius`.
    exclude : {"self", "same_location", "block"}, default "self"
        Which training rows `fit_transform` hides from a training row: itself; all at its very coordinates, itself
        too (flats of one building, repeated records); or all in its cell of `block_level`. "self" suits a model that
        will be asked about places among known ones. "block" suits one for new areas: it shows training rows how far
        off neighbours will be there, and without it models learn to trust near ones that they will not have [2]_.
    block_level : "auto" or int, default "auto"
        Level 0..30 of the cells of ``exclude="block"``. "auto": the level of `CellBlockKFold`.
    lat, lng : str or int, default None
        Names or positions of the columns with coordinates in degrees. None: in a frame the columns called lat or
        latitude, and lng, lon, long or longitude, in any case; else the first two columns.
    cell : str or int, default None
        Instead of `lat` and `lng`, the column of cell ids, of any level: rows are at the cells' centres.
    on_invalid : {"warn", "raise", "null"}, default "warn"
        What happens to positions and ids that cannot be (latitude 95, infinity): they count as missing with one
        `InvalidCoordinatesWarning` a call, an error, or they count as missing in silence. A row whose place is missing
        (NaN, NA, None, the cell 0) is nobody's neighbour, and gets `fill_`.

    Attributes
    ----------
    index_ : cellwise.neighbors.NeighborIndex
        Places of the training rows that have one.
    values_ : ndarray of float64, shape (n_rows, n_values)
        What statistics are taken of at those rows.
    fill_ : ndarray of float64, shape (n_columns,)
        What rows without neighbours get: the mean of each column over the training rows that have some. Never NaN, so
        that linear models work too.
    largest_ : int
        No neighbourhood holds more rows than this, half of the training rows; see the notes.
    block_level_ : int
        Level of the blocks, with ``exclude="block"``.
    target_type_ : str
        "continuous", "binary" or "multiclass"; None if `of` is not "y".
    classes_ : ndarray or None
        Classes of y, sorted.
    columns_in_ : tuple of int
        Positions in X of latitude and longitude, or of the cells.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns of X, if it has any.

    See Also
    --------
    CellTargetEncoder : Means of y over cells instead of neighbours: fitted state is small, and can be merged.
    CellBlockKFold : The same blocks, to score a model by.
    cellwise.neighbors.NeighborIndex : The search itself.

    Notes
    -----
    Equally near neighbours come in the order of their rows.

    **Which rows to hide.** California housing again: change of the error of boosting on covariates and coordinates when
    these columns are added, five folds each. "self" is the default because rows among known ones are what most models
    are asked about; where that is not so, it must not be used.

    =====================  ======  =============================
    folds of the test      "self"  "block", ``block_level=10``
    =====================  ======  =============================
    random                 -11 %   -6 %
    blocks of level 10     +9 %    -1 %
    blocks of level 8      +25 %   +9 %
    =====================  ======  =============================

    Farther from known rows than its blocks are across, "block" does harm too.

    **Small data.** The mean over *all* other rows tells a row's own y by what is missing from it: it is
    ``(total - y) / (n - 1)``, and falls as y rises. The same shows, weaker, wherever neighbourhoods hold most rows. So
    none may hold more than half of the training rows (`largest_`): where it would, also because `k` asks for more, the
    nearest are taken. On targets of pure noise that leaves an R2 of about 10 / n, and for quarters it is 4 / n: choose
    `k` and `radius` so that neighbourhoods stay small beside the data.

    Rows without neighbours (none within `radius`, all in one block) get `fill_`, into which their own y does not go:
    they are nobody's neighbours. In a neighbourhood where no training row has any, all get the plain mean of y.

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
    Four homes and what they cost. Each gets the mean price of its two nearest neighbours, without its own:

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

    def __init__(
        self,
        k=(4, 16, 64),
        *,
        radius=None,
        rings=None,
        level=None,
        unit="m",
        of="y",
        target_type="auto",
        stats=("mean", "std", "distance"),
        weights=None,
        exclude="self",
        block_level="auto",
        lat=None,
        lng=None,
        cell=None,
        on_invalid="warn",
    ):
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

    def fit(self, X, y=None):
        """The transformer, with the rows of X as the neighbours to come.

        Parameters
        ----------
        X : DataFrame, array_like or Series of cells, shape (n_rows, n_features)
            Rows with coordinates, or with cells.
        y : array_like, shape (n_rows,), default None
            The target; not read unless `of` is "y".

        Returns
        -------
        SpatialLag
        """
        self._fit(X, y)
        return self

    def fit_transform(self, X, y=None):
        """Features of the training rows, each without itself or what `exclude` says. Not ``fit(X, y).transform(X)``.

        Parameters
        ----------
        X : DataFrame, array_like or Series of cells, shape (n_rows, n_features)
            Rows with coordinates, or with cells.
        y : array_like, shape (n_rows,), default None
            The target; not read unless `of` is "y".

        Returns
        -------
        ndarray of float64, shape (n_rows, n_columns)
        """
        return self._fit(X, y)

    def transform(self, X):
        """Features of new rows: all training rows may be their neighbours.

        Parameters
        ----------
        X : DataFrame, array_like or Series of cells, shape (n_rows, n_features)
            Rows with the columns that `fit` saw.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_columns)
        """
        check_is_fitted(self)
        cells, lat, lng = self._read_places(X, reset=False)
        order = np.argsort(cells)[np.count_nonzero(cells == 0) :]
        Z = np.full((len(cells), len(self.fill_)), np.nan)
        for part in self._parts(order):
            self._encode(Z, part, lat[part], lng[part])
        return self._filled(Z)

    def transform_one(self, lat, lng):
        """Features of one position: `transform` of a single row, without the detour of a matrix.

        Parameters
        ----------
        lat, lng : float
            Degrees. Where one is missing (NaN, None), `fill_` is what comes back.

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
        if leaf_at(lat, lng, on_invalid=self.on_invalid) == 0:
            return self.fill_.copy()
        if self.radius is None and self.rings is None and len(self.index_):
            z = self._encode_one(float(lat), float(lng))
        else:
            z = np.full((1, len(self.fill_)), np.nan)
            self._encode(z, np.zeros(1, np.intp), *inputs.canonical_latlng([lat], [lng]))
            z = z[0]
        return np.where(np.isnan(z), self.fill_, z)

    def get_feature_names_out(self, input_features=None):
        """Name of each column: neighbourhood and statistic, as in ``lag_k16_mean``.

        Columns of X and classes of y are named at the end: ``lag_k16_mean_price``.

        Parameters
        ----------
        input_features : array_like of str, default None
            Only compared with the columns that `fit` saw.

        Returns
        -------
        ndarray of object, shape (n_columns,)
        """
        self._check_names_in(input_features)
        names = []
        for hood in self._hoods:
            for statistic in self._stats:
                labels = [f"_{label}" if label else "" for label in self._labels]
                names += [
                    f"lag_{hood}_{statistic}{label}" for label in (labels if statistic in ("mean", "std") else [""])
                ]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = isinstance(self.of, str) and self.of == "y"
        return tags

    # --- parameters ---------------------------------------------------------------------------------------------------

    def _check_parameters(self):
        """Raise unless all parameters can be meant; read those that say what the columns are."""
        length_unit(self.unit)
        check_target_type(self.target_type)
        if self.weights is not None:
            inputs.check_choice("weights", self.weights, ("inverse", "gaussian"))
        inputs.check_choice("exclude", self.exclude, ("self", "same_location", "block"))
        if isinstance(self.block_level, str):
            inputs.check_choice("block_level", self.block_level, ("auto",))
        else:
            inputs.check_integer("block_level", self.block_level, 0, 30)
        self._stats = tuple(dict.fromkeys(_sequence("stats", self.stats)))
        for statistic in self._stats:
            inputs.check_choice("stats", statistic, STATISTICS)
        self._hoods = self._read_hoods()

    def _read_hoods(self):
        """Neighbourhoods, by the names that columns give them."""
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

    def _read_values(self, X, y):
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

    def _fit(self, X, y):
        """Fit; the features of the rows."""
        self._check_parameters()
        cells, lat, lng = self._read_places(X, reset=True)
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
            self.block_level_ = self.block_level
            if self.block_level == "auto":
                leaves = np.sort(latlng_to_cell(self.index_.lat, self.index_.lng))
                self.block_level_ = auto_block_level(leaves, 1 / 5) if len(leaves) else 0
        Z = np.full((n, len(self._hoods) * self._width), np.nan)
        for part in self._parts(self.index_.curve_order):
            self._encode(Z, part if placed is None else placed[part], *self.index_.at(part), own=part)
        self.fill_ = self._filling(Z, values)
        return self._filled(Z)

    def _filled(self, Z):
        """The same array, with what columns are filled with in place of NaN."""
        for column, fill in zip(Z.T, self.fill_):
            column[np.isnan(column)] = fill
        return Z

    def _set_rows(self, lat, lng, values):
        self.index_ = NeighborIndex(lat, lng)
        self.values_ = values
        self.largest_ = max(1, len(self.index_) // 2)

    @property
    def _width(self):
        """Columns of one neighbourhood."""
        return sum(len(self._labels) if statistic in ("mean", "std") else 1 for statistic in self._stats)

    def _filling(self, Z, values):
        """Mean of each column over the rows that have neighbours; where none has, what is known of all."""
        n = np.array([np.count_nonzero(~np.isnan(column)) for column in Z.T])
        fill = np.array([np.nansum(column) for column in Z.T]) / np.maximum(n, 1)
        if not n.all():
            known = np.ma.masked_invalid(values)
            known = {"mean": known.mean(axis=0).filled(0), "std": known.std(axis=0).filled(0)}
            otherwise = np.concatenate([known.get(statistic, [0]) for statistic in self._stats])
            fill = np.where(n == 0, np.tile(otherwise, len(self._hoods)), fill)
        return fill

    # --- encoding -----------------------------------------------------------------------------------------------------

    def _parts(self, order):
        """Rows to be encoded together, which are as many as have neighbours enough to look at."""
        return np.array_split(order, len(order) * self._expected() // NEIGHBORS + 1)

    def _encode(self, Z, to, lat, lng, own=None):
        """Write features at canonical positions to some rows of Z, which holds NaN; that stays without neighbours.

        `own` are their own rows if they have any.
        """
        if "count" in self._stats:
            Z[np.ix_(to, self._columns("count"))] = 0
        if len(self.index_) == 0 or len(lat) == 0:
            return
        leaves = latlng_to_cell(lat, lng)
        hidden = {}
        if own is not None:
            hidden["exclude_row"] = own
            if self.exclude == "block":
                hidden["exclude_cell"] = cell_parent(leaves, self.block_level_)
            hidden["exclude_place"] = self.exclude == "same_location"
        search = self._search_rings if self.rings is not None else self._search
        for hood, found in search(lat, lng, leaves, hidden):
            self._put(Z, to[found.queries], hood, found)

    def _expected(self):
        """About how many neighbours, or cells to look for them in, a row has at most."""
        if self.rings is not None:
            return (2 * max(self._hoods.values()) + 1) ** 2
        return 32 if self.radius is not None else min(max(self._hoods.values()), self.largest_)

    def _columns(self, statistic):
        """Where a statistic's columns are, in all neighbourhoods."""
        is_it = [name == statistic for name in self._stats for _ in range(self._n_columns(name))]
        return np.flatnonzero(is_it * len(self._hoods))

    def _n_columns(self, statistic):
        return len(self._labels) if statistic in ("mean", "std") else 1

    def _search(self, lat, lng, leaves, hidden):
        """Number of each neighbourhood by `k` or `radius`, and its rows."""
        limits = list(self._hoods.values())
        if self.radius is None:
            k = min(limits[-1], self.largest_)
            rows, arcs = self.index_.nearest(lat, lng, k, unit="rad", **hidden)
            has = rows >= 0
            parts = [_Neighbors(np.arange(len(lat)), has.sum(axis=1), rows[has], arcs[has])]
        else:
            found = self.index_.within_parts(lat, lng, limits[-1], unit=self.unit, **hidden)
            parts = (_Neighbors(*part) for part in found)
        for part in parts:
            rank = part.rank()
            for hood, limit in enumerate(limits):
                if self.radius is None:
                    yield hood, part.only(rank < min(limit, self.largest_))
                else:
                    near = part.arcs <= limit / length_unit(self.unit)
                    yield hood, part.only(near & (rank < self.largest_))

    def _encode_one(self, lat, lng):
        """The same for one position and neighbourhoods by `k`, which are not empty."""
        limits = [min(k, self.largest_) for k in self._hoods.values()]
        rows, arcs = self.index_.nearest(lat, lng, limits[-1], unit="rad")
        Z, query = np.empty((1, len(self.fill_))), np.zeros(1, np.intp)
        for hood, n in enumerate(limits):
            self._put(Z, query, hood, _Neighbors(query, np.array([n]), rows[:n], arcs[:n]))
        return Z[0]

    def _search_rings(self, lat, lng, leaves, hidden):
        """Number of each neighbourhood by `rings`, and its rows."""
        cells, which = np.unique(cell_parent(leaves, self.level), return_inverse=True)
        for hood, ring in enumerate(self._hoods.values()):
            disks = cell_disk(cells, ring).take(which)
            for part in self.index_.in_cells_parts(lat, lng, disks, **hidden):
                part = _Neighbors(*part)
                yield hood, part.only(part.rank() < self.largest_)

    def _put(self, Z, rows, hood, found):
        """Write the statistics of some rows in one neighbourhood."""
        column = hood * self._width
        weights = self._weights_of(found, hood)
        moments = [found.moments(self.values_[found.rows, j], weights, self._stats) for j in range(len(self._labels))]
        for statistic in self._stats:
            if statistic == "count":
                results = [found.sizes]
            elif statistic == "distance":
                results = [found.mean_arcs() * length_unit(self.unit)]
            else:
                results = [moment[statistic] for moment in moments]
            for result in results:
                Z[rows, column] = result
                column += 1

    def _weights_of(self, found, hood):
        """Weight of each neighbour, or None."""
        if self.weights is None:
            return None
        if self.weights == "inverse":
            is_here = found.arcs == 0
            any_here = np.repeat(found.sums(is_here) > 0, found.sizes)
            return np.where(any_here, is_here, 1 / np.where(is_here, 1, found.arcs))
        if self.radius is not None:
            reach = list(self._hoods.values())[hood] / length_unit(self.unit)
        else:
            reach = np.repeat(found.farthest(), found.sizes)
        return np.exp(-0.5 * (found.arcs / np.where(reach == 0, 1, reach / 2)) ** 2)

    # --- saving -------------------------------------------------------------------------------------------------------

    def _state_to_dict(self):
        values = np.where(np.isnan(self.values_), None, self.values_.astype(object))
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

    def _state_from_dict(self, state):
        self._check_parameters()
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
        self.fill_ = _floats("fill", state["fill"], len(self._hoods) * self._width)
        self.target_type_ = state["target_type"]
        if self.target_type_ is not None:
            inputs.check_choice("target_type", self.target_type_, TARGET_TYPES)
        self.classes_ = saved_classes(state["classes"], self.target_type_)
        level = state["block_level"]
        self.block_level_ = None if level is None else inputs.check_integer("block_level", level, 0, 30)


class _Neighbors:
    """Neighbors of some rows, in runs that are each in the order of distance."""

    def __init__(self, queries, sizes, rows, arcs):
        self.queries, self.sizes, self.rows, self.arcs = queries, sizes, rows, arcs
        self.offsets = offsets_of(sizes)

    def rank(self):
        """Place of each neighbor in its run, from 0."""
        return expand(np.zeros(len(self.sizes), np.int64), self.sizes)

    def only(self, kept):
        """Those of the neighbors that are `kept`."""
        if kept.all():
            return self
        return _Neighbors(self.queries, self.sums(kept), self.rows[kept], self.arcs[kept])

    def sums(self, values):
        """Sum of each run of values."""
        return sum_runs(values, self.offsets)

    def mean_arcs(self):
        """Mean of the arcs of each run; NaN of an empty one."""
        return self.sums(self.arcs) / np.where(self.sizes == 0, np.nan, self.sizes)

    def farthest(self):
        """Arc to the last of each run; 0 for an empty one."""
        farthest = np.zeros(len(self.sizes))
        is_full = self.sizes > 0
        farthest[is_full] = self.arcs[self.offsets[1:][is_full] - 1]
        return farthest

    def moments(self, values, weights, wanted):
        """Mean and, if wanted, standard deviation of each run, missing values left out; NaN where nothing is left."""
        if not {"mean", "std"}.intersection(wanted):
            return {}
        known = ~np.isnan(values)
        if not known.all():
            values = np.where(known, values, 0)
            weights = known * (1.0 if weights is None else weights)
        n = self.sizes if weights is None else self.sums(weights)
        n = np.where(n == 0, np.nan, n)
        mean = self.sums(values if weights is None else values * weights) / n
        if "std" not in wanted:
            return {"mean": mean}
        square = (values - np.repeat(mean, self.sizes)) ** 2
        return {"mean": mean, "std": np.sqrt(self.sums(square if weights is None else square * weights) / n)}


def _numbers(name, X, k):
    """Column `k` of X as float64, NaN where a value is missing."""
    names = column_names(X)
    if names is None and not (hasattr(X, "shape") and hasattr(X, "__getitem__")):
        X = np.array(X, dtype=object) if isinstance(X, (list, tuple)) else np.asarray(X)
    return inputs.read("f8", name, pick_column(X, names, k)).array.astype(np.float64, copy=False)


def _sequence(name, value):
    """A scalar or a sequence as a tuple of at least one."""
    if isinstance(value, (str, numbers.Number, np.generic)) or not hasattr(value, "__iter__"):
        return (value,)
    value = tuple(value)
    if not value:
        raise ValueError(f"{name} must not be empty: got ()")
    return value


def _floats(name, values, length=None, *, missing=False):
    """A saved list of finite numbers, or of None where `missing`, as an array."""

    def is_good(x):
        is_finite = (type(x) is float and math.isfinite(x)) or (type(x) is int and abs(x) < 1 << 63)
        return is_finite or (missing and x is None)

    if not isinstance(values, list) or not all(map(is_good, values)):
        raise ValueError(f"{name} must be a list of finite numbers: got {type(values).__name__}")
    if length is not None and len(values) != length:
        raise ValueError(f"{name} must have {length} items: got {len(values)}")
    return np.array([np.nan if x is None else x for x in values], np.float64)
