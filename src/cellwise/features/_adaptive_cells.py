"""A covering by cells that are small where the rows are many, or where what is predicted varies."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from copy import copy
from itertools import pairwise
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from .. import inputs
from .._docs import shared_parameters
from .._typing import AnyArray, BoolArray, CellArray, CellLike, FloatArray, Int64Array, ObjectArray, OnInvalid
from ..cell_union import CellUnion
from ..cells.geometry import cell_to_polygon
from ..cells.hierarchy import cell_children, cell_level, cell_parent
from ..groups import CellIndex, count_cells
from ._base import (
    CellTransformer,
    Column,
    State,
    Table,
    cells_from_tokens,
    check_dtype,
    check_keys,
    check_list,
    check_min_frequency,
    csr_type,
    leaf_at,
    least_rows,
    tokens_from_cells,
)
from ._sorted_leaves import batches, count_within, runs, spans
from ._target import read_target

__all__ = ["AdaptiveCells"]

PRICE = 4.0  # of each further cell with criterion="variance": what it must explain, in variances within its parent


@shared_parameters
class AdaptiveCells(CellTransformer):
    """Features of one covering by disjoint cells: fine where there is much to tell apart, coarse elsewhere.

    A cell with more than `max_count` rows is divided, and its parts again, until none has more: a city gets cells of
    streets, a desert a single cell [1]_. Each row lies in one cell of the covering, which becomes one binary column, a
    number, or the cell's id. With ``criterion="variance"`` cells are divided only where the target differs between
    their parts.

    **The trap it avoids** is the one level that fits nowhere. Cells of a fixed level fine enough for the center of a
    city hold one row each in the country, and such columns only memorize rows; cells coarse enough for the country put
    the whole city into one. On house prices in California, from coordinates alone, this covering needs a quarter of the
    columns of the best single level and errs 8 % less.

    Parameters
    ----------
    max_count : int, default 50
        Only cells with more rows are divided, with either criterion. Smaller means finer.
    min_frequency : int, float or None, default 5
        A cell is divided only if at least two of its parts hold so many rows, or as a float in 0..1 this share of the
        rows that have a place; None is 1. While all rows but a few share one child, the division goes on within that
        child. Cells of max_level, and rows at one place, are not divided however many they are.
    min_level, max_level : int, default 0 and 30
        Levels of the coarsest and the finest cell.
    criterion : {"count", "variance"}, default "count"
        "count": every cell that can be is divided; y is not read. "variance": as far as that explains y, which must be
        numbers or two classes, see Notes.
    target_type : {"auto", "continuous", "binary"}, default "auto"
        What y is, where it is read: numbers, or two classes. "auto": as in `CellTargetEncoder`.
    max_features : int, default None
        Most cells. The cell with the most rows, or that explains most of y, is divided first, until the next one would
        exceed the number. The cells of `min_level` are taken in any case.
    small_cells : {"keep", "drop"}, default "keep"
        What becomes of children that hold fewer than `min_frequency` rows where a cell is divided for the sake of the
        others. "keep": they are cells of the covering too, so that no row is lost. "drop": they are left out, as
        PlaNet does, and a row there lights nothing.
    covering : CellUnion or array_like of uint64, default None
        Disjoint cells to take, whatever the rows: nothing above applies. See `from_covering`.
    output : {"onehot", "ordinal", "cell"}, default "onehot"
        "onehot": one binary column for each cell. "ordinal": one column of integers, the number of the cell along the
        curve, where consecutive cells are near each other; -1 for none. "cell": one column of uint64, the cell's id; 0
        for none. Keep ids out of matrices with other columns, which would round them to float64: in a ColumnTransformer
        use ``set_output(transform="pandas")``.
    sparse_output : bool, default True
        Whether "onehot" gives a CSR matrix, or else an array; `set_output` needs False.
    dtype : dtype, default numpy.float32
        Of the columns of "onehot". The others are int64 and uint64.
    {coordinate_columns}
    {cell_column: A row in a cell coarser than those of the covering lies in none of them.}
    {on_invalid_rows: lie in no cell.}

    Attributes
    ----------
    covering_ : CellUnion
        The cells, disjoint, in the order of the columns.
    counts_ : ndarray of int64, shape (n_cells,)
        Rows of `fit` in each cell.
    {columns_in}

    See Also
    --------
    CellEncoder : Several fixed levels at once; usually better features for linear models with a penalty.
    cellwise.plot.plot_features : Map of the covering.

    Notes
    -----
    Places where `fit` saw no row may lie in no cell. With random folds that is so for a few rows in a thousand, in new
    areas for most: there use `CellEncoder`, whose coarse columns cover more.

    *What variance decides.* Let a cell have p parts of at least `min_frequency` rows, n rows together. Its gain is the
    sum of squares between the parts less 4 (p − 1) times the variance of the n rows; noise alone brings about
    1 (p − 1) times the variance, so that, as with two standard errors, it passes seldom. A cell is divided if its own
    gain and the gains of all divisions within it are together positive. So y that changes only from street to street
    is found, though the means of the districts are equal, and noise makes no cells: of 6,000 rows of it one or two are
    left. The covering has nevertheless seen y: score it within a pipeline, where each fold fits its own.

    The work is one sort of the rows and a search for the ends of each cell examined; y is read through running sums.

    References
    ----------
    .. [1] T. Weyand, I. Kostrikov and J. Philbin, "PlaNet: photo geolocation with convolutional neural networks",
       ECCV 2016, arXiv:1602.05314: S2 cells are divided by their number of photos, cells with few are dropped.
    .. [2] L. Breiman, J. Friedman, R. Olshen and C. Stone, "Classification and Regression Trees", 1984, chapter 3:
       growing a tree first and pruning it from below, at a price for each leaf.

    Examples
    --------
    A city of 1,500 homes, and 500 more all over its country:

    >>> import numpy as np
    >>> import cellwise as cw
    >>> from cellwise.features import AdaptiveCells, CellEncoder
    >>> rng = np.random.default_rng(0)
    >>> city, country = rng.normal((47.4, 8.5), 0.02, (1500, 2)), rng.uniform((46, 6.5), (48, 10), (500, 2))
    >>> homes = np.vstack((city, country))
    >>> encoder = AdaptiveCells().fit(homes)
    >>> encoder.covering_
    CellUnion(104 cells, levels 6..14)
    >>> int(encoder.counts_.max()), int(encoder.counts_.sum())
    (49, 2000)

    In the city's center a cell is half a kilometer wide, in the mountains seventy:

    >>> two = AdaptiveCells(output="cell").fit(homes).transform([[47.4, 8.5], [46.2, 9.5]])
    >>> cw.cell_to_token(two[:, 0]).tolist(), cw.cell_level(two[:, 0]).tolist()
    (['47900bad', '47844'], [14, 7])

    What it is for: a price that falls steeply from the center, and slowly changes with latitude. Columns of these cells
    score higher than those of the best single level, and are a sixth as many. The score is R2 on rows held out:

    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import KFold, cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> far = np.hypot(homes[:, 0] - 47.4, 0.68 * (homes[:, 1] - 8.5))
    >>> price = np.exp(-far / 0.02) + 0.3 * np.sin(3 * homes[:, 0]) + 0.1 * rng.standard_normal(2000)
    >>> def score(encoder):
    ...     folds = KFold(5, shuffle=True, random_state=0)
    ...     return f"{cross_val_score(make_pipeline(encoder, Ridge()), homes, price, cv=folds).mean():.2f}"
    >>> score(AdaptiveCells()), score(CellEncoder(levels=13)), len(CellEncoder(levels=13).fit(homes).counts_)
    ('0.72', '0.56', 597)

    With `criterion` "variance" fewer cells do the same, and noise makes none:

    >>> encoder = AdaptiveCells(criterion="variance")
    >>> score(encoder), encoder.fit(homes, price).covering_
    ('0.72', CellUnion(82 cells, levels 5..14))
    >>> encoder.fit(homes, rng.standard_normal(2000)).covering_
    CellUnion(1 cell, level 0)

    A covering can be saved as tokens, or as GeoJSON for a map:

    >>> tokens = encoder.fit(homes, price).to_tokens()
    >>> again = AdaptiveCells.from_covering(cw.CellUnion.from_tokens(tokens))
    >>> bool((again.transform(homes) != encoder.transform(homes)).nnz == 0)
    True
    """

    covering_: CellUnion
    counts_: Int64Array

    def __init__(
        self,
        max_count: int = 50,
        *,
        min_frequency: float | None = 5,
        min_level: int = 0,
        max_level: int = 30,
        criterion: Literal["count", "variance"] = "count",
        target_type: Literal["auto", "continuous", "binary"] = "auto",
        max_features: int | None = None,
        small_cells: Literal["keep", "drop"] = "keep",
        covering: CellUnion | CellLike | None = None,
        output: Literal["onehot", "ordinal", "cell"] = "onehot",
        sparse_output: bool = True,
        dtype: DTypeLike = np.float32,
        lat: Column | None = None,
        lng: Column | None = None,
        cell: Column | None = None,
        on_invalid: OnInvalid = "warn",
    ) -> None:
        self.max_count = max_count
        self.min_frequency = min_frequency
        self.min_level = min_level
        self.max_level = max_level
        self.criterion = criterion
        self.target_type = target_type
        self.max_features = max_features
        self.small_cells = small_cells
        self.covering = covering
        self.output = output
        self.sparse_output = sparse_output
        self.dtype = dtype
        self.lat = lat
        self.lng = lng
        self.cell = cell
        self.on_invalid = on_invalid

    @classmethod
    def from_covering(cls, covering: CellUnion | CellLike, **params: Any) -> Self:
        """Fitted transformer with these cells, without any rows.

        Parameters
        ----------
        covering : CellUnion or array_like of uint64
            Disjoint cells of any levels.
        **params
            Other parameters of the class. Those for dividing cells have no effect.

        Returns
        -------
        AdaptiveCells
            Each `transform` finds the columns with coordinates in its own X. `counts_` are 0, until `fit` counts rows:
            it leaves the cells as they are, so that the transformer can be cloned and used in pipelines.

        Examples
        --------
        >>> import cellwise as cw
        >>> from cellwise.features import AdaptiveCells
        >>> districts = cw.CellUnion.from_tokens(["808f7f", "808584", "80858c"])
        >>> encoder = AdaptiveCells.from_covering(districts, output="ordinal")
        >>> encoder.transform([[37.7599, -122.4148], [37.8044, -122.2712], [34.0522, -118.2437]]).ravel().tolist()
        [2, -1, -1]
        """
        self = cls(covering=covering, **params)
        self._check_parameters()
        cells = _as_covering(covering)
        return self._set_cells(cells, np.zeros(len(cells), np.int64))

    @shared_parameters
    def fit(self, X: Table, y: Any = None) -> Self:
        """The transformer, with a covering of the rows.

        Parameters
        ----------
        {rows_of_fit}
        y : array_like, shape (n_rows,), default None
            Numbers, or two classes; only read if `criterion` is "variance".

        Returns
        -------
        AdaptiveCells
        """
        self._fit(X, y)
        return self

    @shared_parameters
    def fit_transform(self, X: Table, y: Any = None) -> Any:
        """The same as ``fit(X, y).transform(X)``, reading X once.

        Parameters
        ----------
        {rows_of_fit}
        y : array_like, shape (n_rows,), default None
            Numbers, or two classes; only read if `criterion` is "variance".

        Returns
        -------
        csr_matrix or ndarray
            See `transform`.
        """
        return self._encode(self._fit(X, y))

    @shared_parameters
    def transform(self, X: Table) -> Any:
        """The cell of the covering that each row of X lies in, in the form that `output` says.

        Parameters
        ----------
        {rows_of_transform}

        Returns
        -------
        csr_matrix or ndarray
            "onehot": shape (n_rows, n_cells), with a 1 in the column of the row's cell, or all 0. "ordinal": shape
            (n_rows, 1) of int64, -1 for none. "cell": shape (n_rows, 1) of uint64, 0 for none.
        """
        check_is_fitted(self)
        # columns that no fit has chosen are chosen by a copy: transform leaves its own state as it is
        reader, is_new = (self, False) if hasattr(self, "columns_in_") else (copy(self), True)
        return self._encode(reader._read_cells(X, reset=is_new))

    @shared_parameters
    def transform_one(self, lat: float | None, lng: float | None) -> int:
        """The cell that one position lies in, in microseconds.

        Parameters
        ----------
        {one_position: there is no cell.}

        Returns
        -------
        int
            Number of its cell, which is the column that "onehot" lights, or -1; with "cell" the cell's id, or 0.

        Examples
        --------
        >>> import cellwise as cw
        >>> from cellwise.features import AdaptiveCells
        >>> encoder = AdaptiveCells.from_covering(cw.CellUnion.from_tokens(["808f7f", "808584"]))
        >>> encoder.transform_one(37.7599, -122.4148), encoder.transform_one(0, 0)
        (1, -1)
        """
        if not hasattr(self, "covering_"):
            check_is_fitted(self)
        found = self._index.ancestors_in_one(leaf_at(lat, lng, on_invalid=self.on_invalid))
        k = self._by_level.item(found[0]) if found else -1
        if self.output == "cell":
            return 0 if k < 0 else int(self.covering_.cells[k])
        return k

    def inverse_transform(self, X: Any) -> CellArray:
        """Cell of each row of what `transform` returns, 0 for none.

        Parameters
        ----------
        X : sparse matrix or array_like, shape (n_rows, n_columns)
            What `transform` returns.

        Returns
        -------
        ndarray of uint64, shape (n_rows,)

        Examples
        --------
        >>> import cellwise as cw
        >>> from cellwise.features import AdaptiveCells
        >>> encoder = AdaptiveCells.from_covering(cw.CellUnion.from_tokens(["808f7f", "808584"]))
        >>> Z = encoder.transform([[37.7599, -122.4148], [0, 0]])
        >>> cw.cell_to_token(encoder.inverse_transform(Z)).tolist()
        ['808f7f', 'X']
        """
        check_is_fitted(self)
        cells = self.covering_.cells
        width = len(cells) if self.output == "onehot" else 1
        Z = X if sparse.issparse(X) else np.asarray(X)
        if Z.ndim != 2 or Z.shape[1] != width:
            raise ValueError(f"X must have {width} columns: got shape {Z.shape}")
        if self.output == "cell":
            found = inputs.read("u8", "X", Z[:, 0]).array
            _check_values("X", "cells of the covering or 0", found, (found == 0) | np.isin(found, cells))
            return found
        if self.output == "ordinal":
            at = Z[:, 0]
            _check_values("X", f"integers in -1..{len(cells) - 1}", at, np.isin(at, np.arange(-1, len(cells))))
            at = at.astype(np.intp)
        else:
            lit = sparse.csr_array(Z)
            lit.eliminate_zeros()
            at = np.full(Z.shape[0], -1)
            rows, columns = lit.nonzero()
            at[rows] = columns
        return _or_zero(cells, at)

    @shared_parameters
    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> ObjectArray:
        """Name of each column: with "onehot" the cell's level and token as in ``s2_L7_89c25``, else one name.

        Parameters
        ----------
        {input_features}

        Returns
        -------
        ndarray of object, shape (n_columns,)
        """
        check_is_fitted(self)
        if hasattr(self, "n_features_in_"):
            self._check_names_in(input_features)
        if self.output != "onehot":
            return np.array(["s2_cell" if self.output == "cell" else "s2_part"], dtype=object)
        names = [f"s2_L{level}_{token}" for level, token in zip(self.covering_.levels, self.to_tokens())]
        return np.array(names, dtype=object)

    # --- the covering in other forms ---------------------------------------------------------------------------------

    def to_tokens(self) -> list[str]:
        """Tokens of the cells, in the order of the columns: all that is needed to make the covering again.

        Returns
        -------
        list of str

        See Also
        --------
        from_covering : The way back, with ``CellUnion.from_tokens(tokens)``.
        """
        check_is_fitted(self)
        return tokens_from_cells(self.covering_.cells)

    def to_geojson(self) -> dict[str, Any]:
        """The covering as GeoJSON (RFC 7946): one feature for each cell, cut at the antimeridian.

        Returns
        -------
        dict
            A FeatureCollection for `json.dump`. Ids are tokens; the properties are token, level and count.

        Examples
        --------
        >>> import cellwise as cw
        >>> from cellwise.features import AdaptiveCells
        >>> saved = AdaptiveCells.from_covering(cw.CellUnion.from_tokens(["808f7f"])).to_geojson()
        >>> saved["features"][0]["properties"]
        {'token': '808f7f', 'level': 10, 'count': 0}
        """
        from shapely.geometry import mapping

        tokens, levels, counts = self.to_tokens(), self.covering_.levels.tolist(), self.counts_.tolist()
        features = [
            {
                "type": "Feature",
                "id": token,
                "geometry": mapping(polygon),
                "properties": {"token": token, "level": level, "count": count},
            }
            for token, level, count, polygon in zip(tokens, levels, counts, cell_to_polygon(self.covering_.cells))
        ]
        return {"type": "FeatureCollection", "features": features}

    # --- fitting ------------------------------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        super()._check_parameters()
        inputs.check_integer("max_count", self.max_count, 1)
        check_min_frequency(self.min_frequency)
        inputs.check_integer("min_level", self.min_level, 0, 30)
        inputs.check_integer("max_level", self.max_level, self.min_level, 30)
        inputs.check_choice("criterion", self.criterion, ("count", "variance"))
        inputs.check_choice("target_type", self.target_type, ("auto", "continuous", "binary"))
        if self.max_features is not None:
            inputs.check_integer("max_features", self.max_features, 1)
        inputs.check_choice("small_cells", self.small_cells, ("keep", "drop"))
        inputs.check_choice("output", self.output, ("onehot", "ordinal", "cell"))
        inputs.check_bool("sparse_output", self.sparse_output)
        check_dtype(self.dtype, "fiub", "numbers or booleans")

    def _fit(self, X: Table, y: Any) -> CellArray:
        """Fit; the cells of the rows of X."""
        self._check_parameters()  # before the covering is read
        covering = None if self.covering is None else _as_covering(self.covering)
        cells = self._read_cells(X, reset=True)
        if covering is not None:
            finest = int(cell_level(covering).max()) if len(covering) else 0
            self._set_cells(covering, count_within(*count_cells(cells, finest), covering))
            return cells
        n_missing = int(np.count_nonzero(cells == 0))
        least, is_placed = least_rows(self.min_frequency, len(cells) - n_missing), slice(n_missing, None)
        order = np.argsort(cells, kind="stable")[is_placed] if self.criterion == "variance" else None
        tree = _Tree(
            np.sort(cells)[is_placed] if order is None else cells[order],
            max_count=self.max_count,
            least=least,
            min_level=self.min_level,
            max_level=self.max_level,
        )
        priority: AnyArray = tree.count
        divided = tree.divided
        if order is not None:
            y = self._read_target(X, y)[order]
            del order
            priority = tree.gains(y, least)
            divided = divided & (priority > 0)
        is_kept = tree.count >= (least if self.small_cells == "drop" else 1)
        if self.max_features is not None:
            divided = tree.first_divided(divided, priority, is_kept, self.max_features)
        undivided = np.flatnonzero(tree.undivided(divided) & is_kept)
        undivided = undivided[np.argsort(tree.cell[undivided])]
        self._set_cells(tree.cell[undivided], tree.count[undivided])
        return cells

    def _read_target(self, X: Table, y: Any) -> FloatArray:
        """The numbers y, or 1 for the second of two classes, float64."""
        target = read_target(y, X, self.target_type, estimator=self, can_be_multiclass=False)
        if target.type == "multiclass":
            assert target.classes is not None
            raise ValueError(
                f"y must be numbers or two classes with criterion='variance': got {len(target.classes)} classes"
            )
        return target.values

    def _set_cells(self, cells: CellArray, counts: Int64Array) -> Self:
        self.covering_ = CellUnion(cells)
        self.counts_ = counts
        self._by_level = np.argsort(self.covering_.levels, kind="stable")
        self._index = CellIndex(self.covering_.cells[self._by_level])
        return self

    def _encode(self, cells: CellArray) -> Any:
        """The features of rows in these cells."""
        covering = self.covering_.cells
        if self.output != "onehot":
            is_cell = self.output == "cell"
            Z: AnyArray = np.zeros((len(cells), 1), np.uint64) if is_cell else np.full((len(cells), 1), -1)
            for batch in batches(len(cells)):
                offsets, number = self._cell_numbers(cells[batch])
                Z[batch, 0][np.flatnonzero(np.diff(offsets))] = covering[number] if is_cell else number
            return Z
        indptr, indices = self._cell_numbers(cells)
        shape = len(cells), len(covering)
        if not self.sparse_output:
            Z = np.zeros(shape, self.dtype)
            Z[np.flatnonzero(np.diff(indptr)), indices] = 1
            return Z
        return csr_type()((np.ones(len(indices), self.dtype), indices, indptr), shape=shape)

    def _cell_numbers(self, cells: CellArray) -> tuple[AnyArray, AnyArray]:
        """For each row the number of the cell it lies in, if any, as a run of one or none: offsets and numbers."""
        found, offsets = self._index.ancestors_in(cells)  # cells are disjoint: one contains a row, or none
        return offsets, self._by_level.astype(offsets.dtype)[found]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.criterion == "variance" and self.covering is None
        return tags

    # --- saving -------------------------------------------------------------------------------------------------------

    def to_dict(self) -> State:
        """Everything fitted, as a dict that JSON keeps: cells are tokens.

        Returns
        -------
        dict

        See Also
        --------
        from_dict : The way back.
        to_tokens, to_geojson : The covering alone.
        """
        check_is_fitted(self)
        if not hasattr(self, "columns_in_"):
            raise ValueError("to_dict must come after fit, which finds the columns of X: until then save to_tokens()")
        return super().to_dict()

    def _state_to_dict(self) -> State:
        return {"covering": self.to_tokens(), "counts": self.counts_.tolist()}

    def _state_from_dict(self, state: Any) -> None:
        state = check_keys("state", state, ("covering", "counts"))
        cells = cells_from_tokens("covering", state["covering"])
        if not np.array_equal(CellUnion(cells).cells, cells):
            raise ValueError("covering must be disjoint and sorted")
        counts = check_list("counts", state["counts"], int, len(cells))
        if not all(0 <= count < 2**63 for count in counts):
            raise ValueError("counts must be 0 or more and fit in 64 bits")
        self._set_cells(cells, np.array(counts, np.int64))


class _Nodes(NamedTuple):
    """Nodes of a tree: their cells, the rows ``start:stop`` in each, and their parents."""

    cell: CellArray
    start: Int64Array
    stop: Int64Array
    parent: Int64Array

    def only(self, kept: AnyArray) -> _Nodes:
        return _Nodes(self.cell[kept], self.start[kept], self.stop[kept], self.parent[kept])


class _Tree:
    """Cells of sorted rows, and how each could be divided.

    Node k is the cell ``cell[k]``, which holds the rows ``start[k]:stop[k]`` and is a part of the node ``parent[k]``,
    or of none (-1). Nodes come in generations: the parts of a node lie in a later one than itself.
    """

    def __init__(self, ordered: CellArray, *, max_count: int, least: int, min_level: int, max_level: int) -> None:
        cell = _cells_of_level(ordered, min_level)
        start, stop = spans(ordered, cell)
        parts = _Nodes(cell, start, stop, np.full(len(cell), -1))
        nodes: list[_Nodes] = []
        beside: list[_Nodes] = []
        n_nodes = 0
        # `owner` are the nodes to be divided, and `piece` the cell in each that holds it except for some rows beside
        owner, piece = np.empty(0, np.intp), np.empty(0, np.uint64)
        for level in range(min_level, max_level + 1):
            nodes.append(parts)
            large = np.flatnonzero(parts.stop - parts.start > max_count)
            owner, piece = np.append(owner, n_nodes + large), np.append(piece, parts.cell[large])
            n_nodes += len(parts.cell)
            if len(owner) == 0 or level == max_level:
                break
            child = cell_children(piece).values.reshape(-1, 4)
            start, stop = (ends.reshape(-1, 4) for ends in spans(ordered, child.ravel()))
            children = _Nodes(child, start, stop, np.repeat(owner[:, None], 4, axis=1))
            count = stop - start
            is_large = count >= least
            n_coarse = np.searchsorted(ordered, piece, "right") - np.searchsorted(ordered, piece, "left")
            n_large = np.where(n_coarse < least, is_large.sum(axis=1), 0)[:, None]
            parts = children.only((count > 0) & (n_large > 1))
            beside.append(children.only((count > 0) & ~is_large & (n_large == 1)))
            piece, _, _, owner = children.only(is_large & (n_large == 1))
        parent = np.concatenate([generation.parent for generation in nodes])
        self.divided: BoolArray = np.zeros(n_nodes, bool)
        self.divided[parent[parent >= 0]] = True
        # what lies beside a node's parts is no cell of its own unless the node is divided in the end
        nodes += [generation.only(self.divided[generation.parent]) for generation in beside]
        self.cell, self.start, self.stop, self.parent = (np.concatenate(arrays) for arrays in zip(*nodes))
        self.count: Int64Array = self.stop - self.start
        self.divided = np.append(self.divided, np.zeros(len(self.cell) - n_nodes, bool))
        ends = np.cumsum([len(generation.cell) for generation in nodes]).tolist()
        self.generations = [slice(*pair) for pair in pairwise(ends)]  # without the first, which has no parents

    def gains(self, y: FloatArray, least: int) -> FloatArray:
        """Gain of dividing each node, with all divisions within it that gain; 0 where there is none.

        Overwrites `y`, that of the sorted rows: they may be many.
        """
        n_nodes = len(self.cell)
        deviation = y.std() if len(y) and y.min() < y.max() else 0
        if deviation == 0:
            return np.zeros(n_nodes)
        y -= y.mean()
        y /= deviation
        large = np.flatnonzero((self.count >= least) & (self.parent >= 0))
        start, stop, parent = self.start[large], self.stop[large], self.parent[large]

        running = np.zeros(len(y) + 1)

        def within(values: FloatArray) -> FloatArray:  # sum over the rows of each large part
            np.cumsum(values, out=running[1:])
            return running[stop] - running[start]

        def over_parts(values: AnyArray | None = None) -> AnyArray:  # sum over the large parts of each node
            return np.bincount(parent, values, n_nodes)

        part_sum = within(y)
        n_parts, n = over_parts(), np.maximum(over_parts(stop - start), 2)
        about_mean = over_parts(part_sum) ** 2 / n
        between = over_parts(part_sum**2 / (stop - start)) - about_mean
        variance = (over_parts(within(np.square(y, out=y))) - about_mean) / (n - 1)
        gain = np.where(self.divided, between - PRICE * (n_parts - 1) * variance, 0)
        for generation in reversed(self.generations):
            np.add.at(gain, self.parent[generation], np.maximum(gain[generation], 0))
        return np.where(gain > 1e-8, gain, 0)  # less is rounding, of the running sums

    def first_divided(self, divided: BoolArray, priority: AnyArray, is_kept: BoolArray, max_features: int) -> BoolArray:
        """The nodes to be divided that come first by priority, until there are `max_features` cells that are kept."""
        taken = np.zeros(len(divided), bool)
        is_part = self.parent >= 0
        n_parts = np.bincount(self.parent[is_part & is_kept], minlength=len(divided))
        by_parent = np.argsort(self.parent, kind="stable")
        ends = np.searchsorted(self.parent[by_parent], np.arange(len(divided) + 1))
        n_cells = np.count_nonzero(~is_part & is_kept)
        queue = [(-priority[k], k) for k in np.flatnonzero(~is_part & divided).tolist()]
        heapq.heapify(queue)
        while queue:
            _, k = heapq.heappop(queue)
            n_cells += n_parts[k] - is_kept[k]
            if n_cells > max_features:
                break
            taken[k] = True
            for part in by_parent[ends[k] : ends[k + 1]].tolist():
                if divided[part]:
                    heapq.heappush(queue, (-priority[part], part))
        return taken

    def undivided(self, divided: BoolArray) -> BoolArray:
        """Nodes that are cells of the covering if these are divided: those that are reached, and stay whole."""
        reached = self.parent < 0
        for generation in self.generations:
            parent = self.parent[generation]
            reached[generation] = reached[parent] & divided[parent]
        return reached & ~divided


def _cells_of_level(ordered: CellArray, level: int) -> CellArray:
    """Cells of `level` that hold any of the sorted cells, ascending."""
    some = (cell_parent(ordered[rows], level, on_invalid="null") for rows in batches(len(ordered)))
    return np.unique(np.concatenate([ordered[:0], *(runs(cells[cells != 0])[0] for cells in some)]))


def _as_covering(covering: Any) -> CellArray:
    """Disjoint cells, ascending."""
    if isinstance(covering, CellUnion):
        return covering.cells
    cells = inputs.read("u8", "covering", covering).array.ravel()
    if not cells.all():
        raise ValueError(f"covering must hold no missing cell: got 0 at index {np.argmin(cells)}")
    cell_level(cells)  # raises unless all are cells
    disjoint = CellUnion(cells).cells
    if len(disjoint) < len(cells):
        raise ValueError(f"covering must be disjoint: got {len(cells) - len(disjoint)} cells within others")
    return disjoint


def _or_zero(cells: CellArray, at: AnyArray) -> CellArray:
    """The cells at these positions, 0 at -1."""
    found = np.zeros(len(at), np.uint64)
    found[at >= 0] = cells[at[at >= 0]]
    return found


def _check_values(name: str, rule: str, values: AnyArray, good: BoolArray) -> None:
    """Raise, naming the first, unless all values are good."""
    if not good.all():
        k = int(np.argmin(good))
        raise ValueError(
            f"{name} must be {rule}: got {values[k]} at index {k} ({np.count_nonzero(~good)} of {len(values)} values)"
        )
