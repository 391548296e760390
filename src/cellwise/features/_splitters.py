"""Folds for cross-validation that keep near rows together: blocks of cells, with an empty strip around them."""

from __future__ import annotations

import heapq
import numbers
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import _safe_indexing, check_random_state, indexable

from .. import inputs
from .._docs import shared_parameters
from .._typing import AnyArray, BoolArray, CellArray, FloatArray, Int64Array, LengthUnit
from .._warn import warn
from ..cells.hierarchy import cell_level, cell_parent
from ..neighbors import NeighborIndex
from ..units import length_unit
from ._base import (
    Column,
    Locations,
    Table,
    check_auto_or_level,
    check_columns,
    check_not_swapped,
    check_seed,
    column_names,
    find_columns,
    is_series_of_cells,
    pick_column,
    read_locations,
)
from ._sorted_leaves import cell_counts

__all__ = ["CellBlockKFold", "CellBlockShuffleSplit", "LeaveOneCellOut"]

BLOCKS_PER_FOLD = 5  # with level="auto": a fold's rows are to be spread over about so many blocks or more


class _CellSplitter(BaseCrossValidator):  # type: ignore[misc]
    """Base of the splitters. Subclasses say which blocks are tested together."""

    level: Literal["auto"] | int
    buffer: float
    unit: LengthUnit
    lat: Column | None
    lng: Column | None
    cell: Column | None

    @property
    def _least_blocks(self) -> int:
        return 2

    @shared_parameters
    def split(self, X: Table, y: Any = None, groups: Any = None) -> Iterator[tuple[Int64Array, Int64Array]]:
        """Positions of the rows to train on and of those to test on, for one fold after another.

        Parameters
        ----------
        {rows_to_split}
        y : array_like, shape (n_rows,), default None
            Not used.
        groups : None
            Not used, with a warning if given: the cells are the groups.

        Returns
        -------
        iterator of (ndarray of int, ndarray of int)
            Both ascending. Rows dropped by `buffer` are in neither.

        Raises
        ------
        ValueError
            If a row has no place, there are fewer blocks than folds need, or the buffer leaves nothing to train on.
        """
        if groups is not None:
            warn(f"groups is ignored by {type(self).__name__}: its groups are cells", UserWarning)
        indexable(X, y)
        locations = locate_rows(X, lat=self.lat, lng=self.lng, cell=self.cell)
        block, row_block, count = self._blocks(locations)
        self._check_blocks(locations, block)
        return self._folds(locations, row_block, self._tested(block, count))

    @shared_parameters
    def blocks(self, X: Table) -> CellArray:
        """Block of each row: the cell that holds it, at the level of the blocks.

        For maps of the blocks, and as `groups` of scikit-learn's own splitters.

        Parameters
        ----------
        {rows_to_split}

        Returns
        -------
        ndarray of uint64, shape (n_rows,)

        Examples
        --------
        >>> import cellwise as cw
        >>> from cellwise.features import CellBlockKFold
        >>> homes = [[37.7599, -122.4148], [37.7614, -122.4137], [37.8044, -122.2712], [34.0522, -118.2437]]
        >>> cw.cell_to_token(CellBlockKFold(2, level=8).blocks(homes)).tolist()
        ['808f7', '808f7', '808f9', '80c2d']
        """
        block, row_block, _ = self._blocks(locate_rows(X, lat=self.lat, lng=self.lng, cell=self.cell))
        return block[row_block]

    def _check_parameters(self) -> None:
        """Raise if a parameter that all splitters have is invalid."""
        check_auto_or_level("level", self.level)
        if inputs.check_number("buffer", self.buffer) < 0:
            raise ValueError(f"buffer must be 0 or more: got {self.buffer}")
        length_unit(self.unit)
        check_columns(self.lat, self.lng, self.cell)

    def _blocks(self, locations: Locations) -> tuple[CellArray, AnyArray, AnyArray]:
        """Blocks, ascending; number of the block of each row; how many rows each block has."""
        n = len(locations.cells)
        ordered = np.sort(locations.cells)
        level = auto_block_level(ordered, self._test_share(n)) if self.level == "auto" else int(self.level)
        block = cell_parent(locations.cells, level, on_invalid="null")
        if not block.all():
            k = int(np.argmin(block))
            raise ValueError(
                f"level must be at most that of every cell: got {level} with a cell of level "
                f"{cell_level(locations.cells[k])} at index {k} ({np.count_nonzero(block == 0)} of {n} rows)"
            )
        block, row_block, count = np.unique(block, return_inverse=True, return_counts=True)
        return block, row_block, count

    def _check_blocks(self, locations: Locations, block: CellArray) -> None:
        """Raise unless there are as many blocks as folds need."""
        least = self._least_blocks
        if len(block) >= least:
            return
        ordered, level = np.sort(locations.cells), int(cell_level(block[0]))
        got = f"got {len(block)} at level {level} ({len(ordered)} rows)"
        for finer in range(level + 1, int(cell_level(ordered).min()) + 1):
            n_finer = len(cell_counts(ordered, finer)[0])
            if n_finer >= least:
                raise ValueError(
                    f"level must part the rows into at least {least} blocks: {got}; level {finer} gives {n_finer}"
                )
        raise ValueError(f"X must lie in at least {least} cells to be split: {got}, and no finer level has enough")

    def _folds(
        self, locations: Locations, row_block: AnyArray, tested: Iterable[BoolArray]
    ) -> Iterator[tuple[Int64Array, Int64Array]]:
        for k, is_test_block in enumerate(tested):
            is_test = is_test_block[row_block]
            train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
            if self.buffer > 0:
                arcs = nearest_arcs(locations.at(train), locations.at(test))
                train = train[arcs >= self.buffer / length_unit(self.unit)]
                if len(train) == 0:
                    raise ValueError(
                        f"buffer must leave rows to train on: got {self.buffer} {self.unit}, which drops all "
                        f"{len(row_block) - len(test)} from fold {k}"
                    )
            yield train, test

    @abstractmethod
    def _test_share(self, n_rows: int) -> float:
        """Share of the rows that a fold tests, for level="auto"."""

    @abstractmethod
    def _tested(self, block: CellArray, count: AnyArray) -> Iterator[BoolArray]:
        """Which blocks are tested, as booleans, for each fold."""


@shared_parameters
class CellBlockKFold(_CellSplitter):
    """K folds made of whole cells: rows near each other are trained on together, or tested together.

    Each fold is tested once and trained on k - 1 times, as in `sklearn.model_selection.KFold`, but whole blocks, the
    cells at one level, are distributed over the folds, not rows.

    **The trap it avoids**: random folds put a test row's next-door neighbors into training. Where neighbors are
    alike, a model that only remembers them scores well, and the score holds for new rows among the known ones. It
    does not hold for a new town. Held-out blocks answer that harder question [1]_. Neither score is the true one: which
    question is yours depends on where you will predict, and `spatial_report` shows both side by side.

    Parameters
    ----------
    n_splits : int, default 5
        How many folds, at least 2.
    level : "auto" or int, default "auto"
        Level 0..30 of the cells that are blocks. "auto": the coarsest level at which at least half of the rows lie in
        blocks no larger than a fifth of a fold. See the notes.
    {block_size}
    shuffle : bool, default True
        Whether blocks are assigned to folds at random. If not, blocks of equal size are assigned in order of id.
    random_state : int, RandomState or None, default None
        For the shuffling. An int gives the same folds each time, so that models can be compared on them.
    {coordinate_columns}
    {cell_column: Of the level of the blocks or finer; rows are at the centers of their cells.}

    See Also
    --------
    CellBlockShuffleSplit : As many random splits as you like.
    LeaveOneCellOut : Every block tested alone.
    spatial_report : Scores of random and of blocked folds side by side.
    sklearn.model_selection.GroupKFold : Takes the groups from you.

    Notes
    -----
    **Balance.** Blocks are assigned largest first, each to the fold with the fewest rows so far; those whose numbers of
    rows lie between the same two powers of two count as equally large and come in random order. Folds differ by at
    most the rows of the largest block, and mostly by far less.

    **Level.** Blocks should be larger than the distance over which errors of the model are correlated [1]_. Smaller
    blocks leave a test row near training rows that resemble it, so that the score is too good. Larger ones take whole
    kinds of places out of training, and test extrapolation that may never be needed. A splitter knows no errors, so
    "auto" uses coordinates alone and errs on the side of caution: it takes the largest blocks of which each fold can
    still have several. The rule uses the block of the median row, so that neither a few places with very many rows nor
    many places with few decide it. If you know the range of your errors, give the level:
    ``cw.level_for_edge(range, rule="min")`` has no edge shorter than it.

    **Buffer.** Blocks touch, so rows at their edges still have neighbors in training. A buffer keeps them apart [2]_.
    It is exact, also at the poles and across 180 degrees, and costs training rows.

    **Rows without a place** can be in no block: missing and invalid coordinates are an error here, although the
    transformers accept them.

    If the model is not to see the coordinates, split first and pass the folds:
    ``cross_val_score(model, X, y, cv=list(CellBlockKFold().split(places)))``.

    References
    ----------
    .. [1] D. R. Roberts et al., "Cross-validation strategies for data with temporal, spatial, hierarchical, or
       phylogenetic structure", Ecography 40 (2017), 913-929.
    .. [2] R. Valavi et al., "blockCV: An R package for generating spatially or environmentally separated folds for
       k-fold cross-validation of species distribution models", Methods in Ecology and Evolution 10 (2019), 225-232.

    Examples
    --------
    Four homes in two towns; no town is on both sides:

    >>> import numpy as np
    >>> from cellwise.features import CellBlockKFold
    >>> homes = [[37.7599, -122.4148], [37.7614, -122.4137], [34.0522, -118.2437], [34.0530, -118.2440]]
    >>> for train, test in CellBlockKFold(2, level=8, random_state=0).split(homes):
    ...     print(train, test)
    [0 1] [2 3]
    [2 3] [0 1]

    A bumpy surface, learned by nearest neighbors. Random folds say how well it is known between the points, blocks
    how well outside of them, and a buffer how well further out:

    >>> from sklearn.model_selection import KFold, cross_val_score
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform((45, 5), (50, 12), (2000, 2))
    >>> y = np.sin(3 * X[:, 0]) + np.sin(2 * X[:, 1]) + 0.3 * rng.standard_normal(2000)
    >>> model = KNeighborsRegressor()
    >>> for cv in [
    ...     KFold(5, shuffle=True, random_state=0),
    ...     CellBlockKFold(5, random_state=0),
    ...     CellBlockKFold(5, buffer=30, unit="km", random_state=0),
    ... ]:
    ...     print(f"{cross_val_score(model, X, y, cv=cv).mean():.2f}")
    0.89
    0.75
    0.19
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        level: Literal["auto"] | int = "auto",
        buffer: float = 0,
        unit: LengthUnit = "m",
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        lat: Column | None = None,
        lng: Column | None = None,
        cell: Column | None = None,
    ) -> None:
        self.n_splits = n_splits
        self.level = level
        self.buffer = buffer
        self.unit = unit
        self.shuffle = shuffle
        self.random_state = random_state
        self.lat = lat
        self.lng = lng
        self.cell = cell
        self._check_parameters()

    def _check_parameters(self) -> None:
        inputs.check_integer("n_splits", self.n_splits, 2)
        super()._check_parameters()
        inputs.check_bool("shuffle", self.shuffle)
        check_seed(self.random_state)
        if not self.shuffle and self.random_state is not None:
            raise ValueError(f"random_state must be None without shuffle: got {self.random_state!r}")

    def get_n_splits(self, X: Table = None, y: Any = None, groups: Any = None) -> int:
        """Number of folds: `n_splits`.

        Parameters
        ----------
        X, y, groups : object, default None
            Not used.

        Returns
        -------
        int
        """
        return self.n_splits

    def _test_share(self, n_rows: int) -> float:
        return 1 / self.n_splits

    @property
    def _least_blocks(self) -> int:
        return self.n_splits

    def _tested(self, block: CellArray, count: AnyArray) -> Iterator[BoolArray]:
        rng = check_random_state(self.random_state) if self.shuffle else None
        fold = deal(count, self.n_splits, rng)
        return (fold == k for k in range(self.n_splits))


@shared_parameters
class CellBlockShuffleSplit(_CellSplitter):
    """Random splits into whole cells to train on and whole cells to test on, as often as you like.

    Each split draws blocks, the cells at one level, in random order until they hold about `test_size` of the rows.
    Unlike folds, splits are independent draws: a row may be tested several times or never, and there may be many
    splits with a small test set, which show the spread of a score better.

    Parameters
    ----------
    n_splits : int, default 10
        How many splits.
    test_size : float or int, default 0.2
        Share of the rows to test on, between 0 and 1, or as an int their number. Blocks stay whole, so the number is
        as close as the last block allows, with at least one block on each side.
    level : "auto" or int, default "auto"
        Level 0..30 of the cells that are blocks. "auto": the coarsest level at which at least half of the rows lie in
        blocks no larger than a fifth of the test set, see `CellBlockKFold`.
    {block_size}
    random_state : int, RandomState or None, default None
        For the draws. An int gives the same splits each time.
    {coordinate_columns}
    {cell_column: Of the level of the blocks or finer; rows are at the centers of their cells.}

    See Also
    --------
    CellBlockKFold : Every row tested once; notes on levels and buffers.

    References
    ----------
    .. [1] D. R. Roberts et al., "Cross-validation strategies for data with temporal, spatial, hierarchical, or
       phylogenetic structure", Ecography 40 (2017), 913-929.

    Examples
    --------
    >>> import numpy as np
    >>> from cellwise.features import CellBlockShuffleSplit
    >>> X = np.random.default_rng(0).uniform((45, 5), (50, 12), (2000, 2))
    >>> for train, test in CellBlockShuffleSplit(3, buffer=10, unit="km", random_state=0).split(X):
    ...     print(len(train), "to train,", 2000 - len(train) - len(test), "dropped,", len(test), "to test")
    1517 to train, 85 dropped, 398 to test
    1527 to train, 67 dropped, 406 to test
    1536 to train, 59 dropped, 405 to test
    """

    def __init__(
        self,
        n_splits: int = 10,
        *,
        test_size: float = 0.2,
        level: Literal["auto"] | int = "auto",
        buffer: float = 0,
        unit: LengthUnit = "m",
        random_state: int | np.random.RandomState | None = None,
        lat: Column | None = None,
        lng: Column | None = None,
        cell: Column | None = None,
    ) -> None:
        self.n_splits = n_splits
        self.test_size = test_size
        self.level = level
        self.buffer = buffer
        self.unit = unit
        self.random_state = random_state
        self.lat = lat
        self.lng = lng
        self.cell = cell
        self._check_parameters()

    def _check_parameters(self) -> None:
        inputs.check_integer("n_splits", self.n_splits, 1)
        if isinstance(self.test_size, numbers.Integral):
            inputs.check_integer("test_size", self.test_size, 1)
        elif not 0 < inputs.check_number("test_size", self.test_size) < 1:
            raise ValueError(f"test_size must be an integer from 1 or a float between 0 and 1: got {self.test_size}")
        check_seed(self.random_state)
        super()._check_parameters()

    def get_n_splits(self, X: Table = None, y: Any = None, groups: Any = None) -> int:
        """Number of splits: `n_splits`.

        Parameters
        ----------
        X, y, groups : object, default None
            Not used.

        Returns
        -------
        int
        """
        return self.n_splits

    def _test_share(self, n_rows: int) -> float:
        if not isinstance(self.test_size, numbers.Integral):
            return self.test_size
        if self.test_size >= n_rows:
            raise ValueError(f"test_size must be less than the number of rows, {n_rows}: got {self.test_size}")
        return self.test_size / n_rows

    def _tested(self, block: CellArray, count: AnyArray) -> Iterator[BoolArray]:
        wanted = self._test_share(count.sum()) * count.sum()
        rng = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            order = rng.permutation(len(count))
            rows = np.cumsum(count[order])[:-1]  # one block at least is left to train on
            n_tested = 1 + int(np.argmin(np.abs(rows - wanted)))
            is_tested = np.zeros(len(count), bool)
            is_tested[order[:n_tested]] = True
            yield is_tested


@shared_parameters
class LeaveOneCellOut(_CellSplitter):
    """One fold for each cell that holds rows: tested on it, trained on all the others.

    The number of fits is the number of cells. A score per fold is then a score per cell, which makes a map of where
    the model fails. The mean over folds counts a cell with one row as much as one with a thousand; and R2 says
    nothing of a cell with one row: average errors instead, or use `sklearn.model_selection.cross_val_predict`.

    Parameters
    ----------
    level : "auto" or int, default "auto"
        Level 0..30 of the cells. "auto": the coarsest level at which at least half of the rows lie in cells with no
        more than one row in 25, see `CellBlockKFold`.
    {block_size}
    {coordinate_columns}
    {cell_column: Of `level` or finer; rows are at the centers of their cells.}

    See Also
    --------
    CellBlockKFold : Cells dealt into a few folds; notes on levels and buffers.

    References
    ----------
    .. [1] D. R. Roberts et al., "Cross-validation strategies for data with temporal, spatial, hierarchical, or
       phylogenetic structure", Ecography 40 (2017), 913-929.

    Examples
    --------
    The mean error in each cell, ready for ``cellwise.plot.plot_cells(cells, errors)``:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from cellwise.features import LeaveOneCellOut
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform((45, 5), (50, 12), (500, 2))
    >>> y = X[:, 0] + np.where(X[:, 1] > 11, 3, 0)
    >>> cv = LeaveOneCellOut(level=6)
    >>> errors = -cross_val_score(LinearRegression(), X, y, cv=cv, scoring="neg_mean_absolute_error")
    >>> cells = np.unique(cv.blocks(X))  # folds come in this order
    >>> len(cells) == len(errors) == cv.get_n_splits(X)
    True
    """

    def __init__(
        self,
        level: Literal["auto"] | int = "auto",
        *,
        buffer: float = 0,
        unit: LengthUnit = "m",
        lat: Column | None = None,
        lng: Column | None = None,
        cell: Column | None = None,
    ) -> None:
        self.level = level
        self.buffer = buffer
        self.unit = unit
        self.lat = lat
        self.lng = lng
        self.cell = cell
        self._check_parameters()

    @shared_parameters
    def get_n_splits(self, X: Table = None, y: Any = None, groups: Any = None) -> int:
        """Number of cells that hold rows of X.

        Parameters
        ----------
        {rows_to_split}
        y, groups : object, default None
            Not used.

        Returns
        -------
        int
        """
        if X is None:
            raise ValueError("X must be given to count its cells: got None")
        return len(np.unique(self.blocks(X)))

    def _test_share(self, n_rows: int) -> float:
        return 1 / 5

    def _tested(self, block: CellArray, count: AnyArray) -> Iterator[BoolArray]:
        return (np.arange(len(block)) == k for k in range(len(block)))


# --- blocks -----------------------------------------------------------------------------------------------------------


def auto_block_level(ordered: CellArray, test_share: float) -> int:
    """Coarsest level at which half of the sorted cells or more lie in blocks of at most a fifth of a test set.

    Where one place has half of all rows there is none: then the coarsest with five blocks for each test set, or if
    there is none either, the coarsest of those with the most blocks.
    """
    largest = test_share * len(ordered) / BLOCKS_PER_FOLD
    n_blocks = []
    for level in range(int(cell_level(ordered).min()) + 1):
        count = cell_counts(ordered, level)[1]
        if np.median(np.repeat(count, count)) <= largest:
            return level
        n_blocks.append(len(count))
    enough = [level for level, n in enumerate(n_blocks) if n * test_share >= BLOCKS_PER_FOLD]
    return enough[0] if enough else int(np.argmax(n_blocks))


def deal(count: AnyArray, n_folds: int, rng: Any) -> Int64Array:
    """Fold of each block of `count` rows: the largest first, each to the fold with the fewest rows so far.

    With a random generator, blocks with as many binary digits in their counts are equally large, in random order.
    """
    if rng is None:
        order = np.argsort(-count, kind="stable")
    else:
        order = rng.permutation(len(count))
        order = order[np.argsort(-np.frexp(count[order])[1], kind="stable")]
    fold = np.empty(len(count), np.intp)
    heap = [(0, k) for k in range(n_folds)]
    for block, rows in zip(order.tolist(), count[order].tolist()):
        held, k = heap[0]
        fold[block] = k
        heapq.heapreplace(heap, (held + rows, k))
    return fold


# --- locations and distances ------------------------------------------------------------------------------------------


def locate_rows(
    X: Table,
    *,
    lat: Column | None = None,
    lng: Column | None = None,
    cell: Column | None = None,
    name: str = "X",
    all_rows: bool = True,
) -> Locations:
    """Location of each row, from the columns that the transformers would read; raises if a row has none.

    Without `all_rows` the cells of rows that have none are 0.
    """
    if is_series_of_cells(X):
        X, cell = X.to_frame(), 0 if cell is None else cell
    names, kind = column_names(X), type(X).__name__
    if names is None:
        X = np.array(X, dtype=object) if isinstance(X, (list, tuple)) else np.asarray(X)
    if len(X.shape) != 2:
        raise ValueError(f"{name} must be a frame or an array of rows and columns: got {kind} of shape {X.shape}")
    n, width = X.shape
    if n == 0 or width < (1 if cell is not None else 2):
        raise ValueError(f"{name} must have rows with coordinates: got {n} rows of {width} columns")
    at = find_columns(names, width, lat=lat, lng=lng, cell=cell)
    if names is not None and len(at) == 2:
        check_not_swapped(names, *at)
    locations = read_locations([pick_column(X, names, k) for k in at], on_invalid="raise")
    if all_rows and not locations.cells.all():
        raise ValueError(
            f"{name} must have a place in every row: got none at index {np.argmin(locations.cells)} "
            f"({np.count_nonzero(locations.cells == 0)} of {n} rows); leave those rows out"
        )
    return locations


def nearest_arcs(queries: Locations, targets: Locations) -> FloatArray:
    """Angle in radians from each of the queries to the nearest of the targets."""
    return NeighborIndex(targets.lat, targets.lng).nearest(queries.lat, queries.lng, 1, unit="rad")[1][:, 0]


def format_length(meters: float) -> str:
    """A length as people write it, to two digits: 850 m, 9.1 km, 120 km."""
    value, unit = (meters, "m") if meters < 995 else (meters / 1000, "km")
    value = float(f"{value:.2g}")
    return f"{value:.1f} {unit}" if 0 < value < 10 else f"{value:.0f} {unit}"


def rows_of(table: Any, rows: AnyArray) -> Any:
    """Rows of a frame, array or list, by position."""
    return _safe_indexing(table, rows)
