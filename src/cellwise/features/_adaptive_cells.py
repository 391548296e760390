"""A partition into cells that are small where the rows are many, or where what is predicted varies."""

import heapq
from bisect import bisect_left

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, column_or_1d

from .. import inputs
from ..cell_union import CellUnion
from ..cells.conversion import latlng_to_cell
from ..cells.geometry import cell_to_polygon
from ..cells.hierarchy import cell_children, cell_level
from ._base import (
    CellTransformer,
    cells_from_tokens,
    check_bool,
    check_integer,
    check_keys,
    check_list,
    tokens_from_cells,
)
from ._cell_encoder import csr_type
from ._sorted_leaves import ancestors, containing, runs, spans

# With criterion="variance" each further cell must explain so many times the variance within the cell it is part of.
PRICE = 4.0


class AdaptiveCells(CellTransformer):
    """Features of one partition into cells of many levels: fine where there is much to tell apart, coarse elsewhere.

    A cell with more than `max_count` rows is divided, and its parts again, until none is left: a city gets streets,
    a desert one cell [1]_. Each row lies in one cell of the partition, which becomes one binary column, a number, or
    the cell's id. With ``criterion="variance"`` cells are divided only where the target differs between their parts.

    **The trap it avoids** is the one level that fits nowhere. Cells of a fixed level fine enough for the centre of a
    city hold one row each in the country, and as columns these are rows learnt by heart; cells coarse enough for the
    country put the whole city into one. On house prices in California this partition needs a quarter of the columns
    of the best single level and errs 8 % less.

    Parameters
    ----------
    max_count : int, default 50
        Only cells with more rows are divided, with either criterion. Smaller means finer.
    min_count : int, default 5
        A cell is divided only if it comes apart into at least two parts of so many rows each. While all rows but a few
        share one child, the division goes on within that child. Cells of max_level, and rows at one place, are not
        divided however many they are.
    min_level, max_level : int, default 0 and 30
        Levels of the coarsest and the finest cell.
    criterion : {"count", "variance"}, default "count"
        "count": every cell that can be is divided; y is not read. "variance": as far as that explains y, which must be
        numbers (0 and 1 for two classes), see Notes.
    max_cells : int, default None
        Most cells. The cell with the most rows, or the most to explain of y, is divided first, until the next one would
        exceed the number. The cells of `min_level` are made in any case.
    small_cells : {"keep", "drop"}, default "keep"
        What becomes of the rows beside the parts for whose sake a cell is divided, fewer than `min_count` in a cell.
        "keep": they are cells of the partition too, so that no row is lost. "drop": they are left out, as PlaNet does,
        and a row there lights nothing.
    partition : CellUnion or array_like of uint64, default None
        Disjoint cells that are the partition, whatever the rows: nothing above applies. See `from_partition`.
    encode : {"onehot", "ordinal", "cell"}, default "onehot"
        "onehot": one binary column for each cell. "ordinal": one column of integers, the number of the cell along the
        curve, where cells next to each other are near in space; -1 for none. "cell": one column of uint64, the cell's
        id; 0 for none. Keep ids out of matrices with other columns, which would round them to float64: in a
        ColumnTransformer use ``set_output(transform="pandas")``.
    sparse_output : bool, default True
        Whether "onehot" gives a CSR matrix, or else an array; `set_output` needs False.
    dtype : dtype, default numpy.float32
        Of the columns of "onehot". The others are int64 and uint64.
    lat, lng : str or int, default None
        Names or positions of the columns with coordinates in degrees. None: in a frame the columns called lat or
        latitude, and lng, lon, long or longitude, in any case; else the first two columns. All others are ignored.
    cell : str or int, default None
        Instead of `lat` and `lng`, the column of cell ids. A row whose cell is coarser than those of the partition lies
        in none of them.
    on_invalid : {"warn", "raise", "null"}, default "warn"
        What happens to positions and ids that cannot be (latitude 95, infinity): no cell with one
        `InvalidCoordinatesWarning` a call, an error, or no cell in silence. What is missing (NaN, NA, None, the cell 0)
        always has no cell, in silence.

    Attributes
    ----------
    partition_ : CellUnion
        The cells, disjoint, in the order of the columns.
    counts_ : ndarray of int64, shape (n_cells,)
        Rows of `fit` in each cell.
    columns_in_ : tuple of int
        Positions in X of latitude and longitude, or of the cells.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns of X, if it has any.

    See Also
    --------
    CellEncoder : Several fixed levels at once, for linear models with a penalty usually the stronger features.
    cellwise.plot.plot_features : Map of the partition.

    Notes
    -----
    Places where `fit` saw no row may lie in no cell. With random folds that befalls a few rows in a thousand, with new
    areas most of them: there use `CellEncoder`, whose coarse columns reach further.

    *What variance decides.* Let a cell come apart into p parts of at least `min_count` rows, n rows together. Its gain
    is the sum of squares between the parts less 4 (p − 1) times the variance of the n rows; noise alone brings about
    1 (p − 1) times the variance, so that, as with two standard errors, it passes seldom. A cell is divided if its own
    gain and the gains of all divisions within it are together positive. So y that changes only from street to street is
    found, though the quarters' means are equal, and noise makes no cells: of 6,000 rows of it one or two are left. The
    partition has nevertheless seen y: score it within a pipeline, where each fold fits its own.

    The work is one sort of the rows and a search for the ends of each cell examined; y takes part as running sums.

    References
    ----------
    .. [1] T. Weyand, I. Kostrikov and J. Philbin, "PlaNet: photo geolocation with convolutional neural networks",
       ECCV 2016, arXiv:1602.05314: S2 cells are divided by their number of photos, cells with few are dropped.
    .. [2] L. Breiman, J. Friedman, R. Olshen and C. Stone, "Classification and Regression Trees", 1984, chapter 3:
       growing a tree first and pruning it from below, at a price for each leaf.

    Examples
    --------
    """

    def __init__(
        self,
        max_count=50,
        *,
        min_count=5,
        min_level=0,
        max_level=30,
        criterion="count",
        max_cells=None,
        small_cells="keep",
        partition=None,
        encode="onehot",
        sparse_output=True,
        dtype=np.float32,
        lat=None,
        lng=None,
        cell=None,
        on_invalid="warn",
    ):
        self.max_count = max_count
        self.min_count = min_count
        self.min_level = min_level
        self.max_level = max_level
        self.criterion = criterion
        self.max_cells = max_cells
        self.small_cells = small_cells
        self.partition = partition
        self.encode = encode
        self.sparse_output = sparse_output
        self.dtype = dtype
        self.lat = lat
        self.lng = lng
        self.cell = cell
        self.on_invalid = on_invalid
