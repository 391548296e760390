"""What all transformers share: which columns of X say where a row is, and the cell that holds it."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import inputs
from .._typing import AnyArray, CellArray, FloatArray, ObjectArray, OnInvalid
from ..cell_union import CellUnion
from ..cells.conversion import cell_to_latlng, cell_to_token, latlng_to_cell, token_to_cell
from ..cells.hierarchy import cell_level

COLUMN_NAMES = {"lat": ("lat", "latitude"), "lng": ("lng", "lon", "long", "longitude")}

FORMAT_VERSION = (1, 0)  # of to_dict; readers refuse another first number

# What annotations name
Table: TypeAlias = Any  # a frame of any library, an array or list of rows, or a Series of cells
Column: TypeAlias = str | int
State: TypeAlias = dict[str, Any]  # what JSON keeps


class CellTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base of transformers that read where a row is; all have the parameters `lat`, `lng`, `cell` and `on_invalid`.

    Think twice before adding anything here: every transformer gets it.
    """

    lat: Column | None
    lng: Column | None
    cell: Column | None
    on_invalid: OnInvalid
    columns_in_: tuple[int, ...]
    n_features_in_: int
    feature_names_in_: ObjectArray

    def _check_parameters(self) -> None:
        """Raise if a parameter is invalid; subclasses add their own. Called before X is looked at."""
        inputs.check_choice("on_invalid", self.on_invalid, inputs.ON_INVALID)
        check_columns(self.lat, self.lng, self.cell)

    def _read_cells(self, X: Table, *, reset: bool) -> CellArray:
        """Cell of each row of X: a leaf for coordinates, 0 where they are missing or invalid."""
        return read_cells(self._read_columns(X, reset=reset), on_invalid=self.on_invalid)

    def _read_locations(self, X: Table, *, reset: bool) -> Locations:
        """`Locations` of the rows of X."""
        return read_locations(self._read_columns(X, reset=reset), on_invalid=self.on_invalid)

    def _read_columns(self, X: Table, *, reset: bool) -> list[Any]:
        """The columns of X that say where rows are: cells, or latitudes and longitudes."""
        self._check_parameters()
        is_column_of_cells = is_series_of_cells(X)
        if is_column_of_cells:
            X = X.to_frame()
        names = column_names(X)
        if names is not None:
            validate_data(self, X, reset=reset, skip_check_array=True)
        else:
            if isinstance(X, (list, tuple)):  # as objects: in a float matrix ids would lose bits
                X = np.array(X, dtype=object)
            # NaN is missing here, and infinity invalid: both are sorted out below
            X = validate_data(
                self, X, reset=reset, dtype=None, ensure_all_finite=False, ensure_min_samples=1 if reset else 0
            )
        if reset:
            self._check_size(X.shape, 1 if is_column_of_cells or self.cell is not None else 2)
            only_cell = 0 if is_column_of_cells and self.cell is None else self.cell
            self.columns_in_ = find_columns(names, X.shape[1], lat=self.lat, lng=self.lng, cell=only_cell)
        if names is not None and len(self.columns_in_) == 2:
            check_not_swapped(names, *self.columns_in_)
        return [pick_column(X, names, k) for k in self.columns_in_]

    def _check_size(self, shape: tuple[int, ...], least: int) -> None:
        """Raise, in scikit-learn's words, if X has no row or too few columns."""
        if shape[0] == 0:
            what, least = "0 sample(s)", 1
        elif shape[1] < least:
            what = f"{shape[1]} feature(s)"
        else:
            return
        raise ValueError(
            f"Found array with {what} (shape={tuple(shape)}) while a minimum of {least} is required "
            f"by {type(self).__name__}."
        )

    def _check_names_in(self, input_features: Sequence[str] | None) -> None:
        """Raise unless `input_features` are the columns of fit."""
        check_is_fitted(self)
        if input_features is None:
            return
        if len(input_features) != self.n_features_in_:
            raise ValueError(
                "input_features should have length equal to number of features "
                f"({self.n_features_in_}), got {len(input_features)}"
            )
        known = getattr(self, "feature_names_in_", None)
        if known is not None and list(known) != list(input_features):
            raise ValueError("input_features is not equal to feature_names_in_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = False
        tags.input_tags.string = True  # in the columns that are not read
        tags.transformer_tags.preserves_dtype = []
        return tags

    def plot(self, feature: str | int | None = None, **kwargs: Any) -> Any:
        """Map of what was learned, cell by cell: see `cellwise.plot.plot_features`.

        Parameters
        ----------
        feature : str or int, optional
            Name or number of one column; by default all of them, coarse under fine.
        **kwargs
            Further arguments of `plot_features`.

        Returns
        -------
        matplotlib artist
        """
        from ..plot import plot_features

        check_is_fitted(self)
        return plot_features(self, feature, **kwargs)

    # --- saving: subclasses turn their own state into what JSON knows and back ----------------------------------------

    def to_dict(self) -> State:
        """Everything fitted, as a dict that JSON keeps: cells are tokens.

        Returns
        -------
        dict

        See Also
        --------
        from_dict : The way back.
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        return {
            "estimator": type(self).__name__,
            "format_version": ".".join(map(str, FORMAT_VERSION)),
            "params": {name: _param_to_json(name, value) for name, value in self._params_to_save().items()},
            "n_features_in": int(self.n_features_in_),
            "feature_names_in": None if names is None else [str(name) for name in names],
            "columns_in": list(self.columns_in_),
            "state": self._state_to_dict(),
        }

    def _params_to_save(self) -> dict[str, Any]:
        params: dict[str, Any] = self.get_params(deep=False)
        return params

    def _state_to_dict(self) -> State:
        raise NotImplementedError

    def _state_from_dict(self, state: Any) -> None:
        raise NotImplementedError

    @classmethod
    def from_dict(cls, saved: State) -> Self:
        """Fitted transformer from what `to_dict` gave. Every part is checked: it may come from anywhere.

        Parameters
        ----------
        saved : dict

        Returns
        -------
        transformer

        Raises
        ------
        ValueError, TypeError
            If something is missing, unknown or impossible, or was saved by a newer major version of the format.
        """
        saved = check_keys("saved", saved, ("estimator", "format_version"), others=True)
        if saved["estimator"] != cls.__name__:
            raise ValueError(f"estimator must be {cls.__name__!r}: got {saved['estimator']!r}")
        _check_format_version(saved["format_version"])
        parts = ("params", "n_features_in", "feature_names_in", "columns_in", "state")
        saved = check_keys("saved", saved, ("estimator", "format_version", *parts))
        params = check_keys("params", saved["params"], cls._get_param_names())
        self = cls(**{name: _param_from_json(name, value) for name, value in params.items()})
        self._check_parameters()
        n = inputs.check_integer("n_features_in", saved["n_features_in"], 1)
        names = saved["feature_names_in"]
        if names is not None:
            check_list("feature_names_in", names, str, n)
            self.feature_names_in_ = np.array(names, dtype=object)
        self.n_features_in_ = n
        columns = check_list("columns_in", saved["columns_in"], int, 1 if self.cell is not None else None)
        if len(columns) not in (1, 2) or len(set(columns)) != len(columns) or not all(0 <= k < n for k in columns):
            raise ValueError(f"columns_in must be one or two positions in 0..{n - 1}: got {columns}")
        self.columns_in_ = tuple(columns)
        self._state_from_dict(saved["state"])
        return self


# --- columns ----------------------------------------------------------------------------------------------------------


def column_names(X: Table) -> list[Any] | None:
    """Names of the columns of a frame (pandas, polars, Arrow), or None."""
    names = getattr(X, "column_names", getattr(X, "columns", None))
    return None if names is None else list(names)


def pick_column(X: Table, names: list[Any] | None, k: int) -> Any:
    """Column number `k`, in its own type."""
    if names is None:
        return X[:, k]
    return X.iloc[:, k] if hasattr(X, "iloc") else X[names[k]]


def find_columns(
    names: list[Any] | None,
    n_columns: int,
    *,
    lat: Column | None = None,
    lng: Column | None = None,
    cell: Column | None = None,
) -> tuple[int, ...]:
    """Positions of the columns that say where rows are: (cell,), or (lat, lng).

    Parameters
    ----------
    names : list or None
        Names of the columns, if they have any.
    n_columns : int
        How many there are.
    lat, lng, cell : str, int or None
        Names or positions. With none of them, columns called like coordinates are found, else the first two are taken.

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError
        If the columns are not there, could be several, or are called otherwise.
    """
    check_columns(lat, lng, cell)
    if cell is not None:
        return (column_position("cell", cell, names, n_columns),)
    if lat is None:
        return _find_by_name(names or ()) or (0, 1)
    found = column_position("lat", lat, names, n_columns), column_position("lng", lng, names, n_columns)
    if found[0] == found[1]:
        raise ValueError(f"lat and lng must be two columns: got lat={lat!r}, lng={lng!r}")
    return found


def check_columns(lat: object, lng: object, cell: object) -> None:
    """Raise unless these may be parameters that choose columns."""
    for name, column in (("lat", lat), ("lng", lng), ("cell", cell)):
        if column is not None:
            check_column(name, column)
    if cell is not None and not lat is lng is None:
        raise ValueError(f"cell must be given without lat and lng: got lat={lat!r}, lng={lng!r}, cell={cell!r}")
    if (lat is None) != (lng is None):
        raise ValueError(f"lat and lng must be given together: got lat={lat!r}, lng={lng!r}")


def check_column(name: str, column: object) -> None:
    """Raise unless the parameter `name` is the name or position of a column."""
    if not isinstance(column, (str, numbers.Integral)) or isinstance(column, (bool, np.bool_)):
        raise TypeError(f"{name} must be the name or position of a column: got {column!r}")


def check_not_swapped(names: list[Any], lat: int, lng: int) -> None:
    """Raise if the column at position `lat` is called a longitude, or the other way round."""
    for name, other, k in (("lat", "lng", lat), ("lng", "lat", lng)):
        if _is_called(names[k], other):
            raise ValueError(f"{name} must be no column of {COLUMN_NAMES[other][-1]}s: got position {k}, {names[k]!r}")


def _is_called(column: object, name: str) -> bool:
    return str(column).casefold() in COLUMN_NAMES[name]


def _find_by_name(names: Sequence[Any]) -> tuple[int, int] | None:
    """Positions of the columns that are called like coordinates, or None if none is."""
    found = {name: [k for k, column in enumerate(names) if _is_called(column, name)] for name in COLUMN_NAMES}
    if not any(found.values()):
        return None
    for name, at in found.items():
        if len(at) != 1:
            words = " or ".join(COLUMN_NAMES[name])
            called = ", ".join(repr(names[k]) for k in at) or "none"
            raise ValueError(f"{name} must be given unless exactly one column is called {words}: got {called}")
    return found["lat"][0], found["lng"][0]


def column_position(argument: str, column: Any, names: list[Any] | None, n_columns: int) -> int:
    """Position of the column that `argument` names or counts; raise if there is none."""
    check_column(argument, column)
    if isinstance(column, numbers.Integral):
        position = int(column)
        if not -n_columns <= position < n_columns:
            raise ValueError(f"{argument} must be a column in {-n_columns}..{n_columns - 1}: got {column}")
        return position % n_columns
    if names is None:
        raise ValueError(f"{argument} must be a position where columns have no names: got {column!r}")
    if names.count(column) != 1:
        raise ValueError(
            f"{argument} must name one column: got {column!r}, the name of {names.count(column)} of {len(names)}"
        )
    return names.index(column)


# --- cells ------------------------------------------------------------------------------------------------------------


class Locations(NamedTuple):
    """Where each row is: its cell, 0 for nowhere, and the canonical coordinates of its position or its cell's center.

    Where there is no cell the coordinates mean nothing.
    """

    cells: CellArray
    lat: FloatArray
    lng: FloatArray

    def at(self, rows: AnyArray) -> Locations:
        """Those of some rows, by position."""
        return Locations(self.cells[rows], self.lat[rows], self.lng[rows])


def read_locations(columns: Sequence[Any], *, on_invalid: OnInvalid) -> Locations:
    """`Locations` from columns of cells, or of latitudes and longitudes."""
    cells = read_cells(columns, on_invalid=on_invalid)
    coordinates = cell_to_latlng(cells) if len(columns) == 1 else _read_coordinates(*columns)
    return Locations(cells, *inputs.canonical_latlng(*coordinates))


def read_cells(columns: Sequence[Any], *, on_invalid: OnInvalid) -> CellArray:
    """Cell of each row from such columns, uint64: 0 where it is missing, in silence, or invalid, by `on_invalid`.

    Positions give leaves. One that can be written in several ways, as longitude 180 or -180, is in one leaf here,
    while `latlng_to_cell` gives what Google's library gives: cells on either side of that meridian.
    """
    if len(columns) == 1:
        return _valid_cells(columns[0], on_invalid)
    return _leaves_at(columns[0], columns[1], on_invalid)


def _read_coordinates(lat: Any, lng: Any) -> tuple[FloatArray, FloatArray]:
    lat, lng = inputs.read("f8", "lat", lat).array, inputs.read("f8", "lng", lng).array
    return lat.astype(np.float64, copy=False), lng.astype(np.float64, copy=False)


def _leaves_at(lat: Any, lng: Any, on_invalid: OnInvalid) -> CellArray:
    lat, lng = _read_coordinates(lat, lng)
    leaves: CellArray = latlng_to_cell(lat, lng, on_invalid="null")
    if on_invalid != "null" and not leaves.all():
        missing = np.isnan(lat) | np.isnan(lng)
        if not (leaves[~missing]).all():  # let the core say which: it finds nothing wrong with 0
            latlng_to_cell(np.where(missing, 0, lat), np.where(missing, 0, lng), on_invalid=on_invalid)
    rewritten = np.flatnonzero(np.abs(lng) >= 180)
    if len(rewritten):
        rewritten = rewritten[leaves[rewritten] != 0]
        leaves[rewritten] = latlng_to_cell(*inputs.canonical_latlng(lat[rewritten], lng[rewritten]))
    return leaves


def _valid_cells(cell: Any, on_invalid: OnInvalid) -> CellArray:
    read = inputs.read("u8", "cell", cell)
    level = cell_level(read.array if read.source is None else read.source, on_invalid=on_invalid)
    return np.where(level < 0, np.uint64(0), read.array)


def leaf_at(lat: float | None, lng: float | None, *, on_invalid: OnInvalid) -> int:
    """Leaf of one position as `read_cells` has it, as an int: 0 where a coordinate is missing or invalid."""
    inputs.check_choice("on_invalid", on_invalid, inputs.ON_INVALID)
    if lat is None or lng is None or lat != lat or lng != lng:
        return 0
    lat, lng = float(lat), float(lng)
    if not (abs(lat) <= 90 and abs(lng) <= 360):
        return latlng_to_cell(lat, lng, on_invalid=on_invalid)
    if abs(lng) >= 180:
        lat, lng = (float(x) for x in inputs.canonical_latlng(lat, lng))
    return latlng_to_cell(lat, lng)  # the core has a fast path for what is valid


def is_series_of_cells(X: Table) -> bool:
    """Whether X is one column of cell ids, of whatever library, instead of a table."""
    is_series = len(getattr(X, "shape", ())) == 1 and hasattr(X, "to_frame")
    return is_series and str(X.dtype).lower().startswith("uint64")


# --- results ----------------------------------------------------------------------------------------------------------


def csr_type() -> Any:
    """What scikit-learn's own transformers return under its settings."""
    return sparse.csr_array if get_config().get("sparse_interface") == "sparray" else sparse.csr_matrix


# --- parameters and saved state ---------------------------------------------------------------------------------------


def check_dtype(value: Any, kinds: str, rule: str) -> None:
    """Raise unless `dtype` is of one of the kinds, which `rule` names."""
    try:
        dtype = np.dtype(value)
    except TypeError:
        raise TypeError(f"dtype must be one of {rule}: got {value!r}") from None
    if dtype.kind not in kinds:
        raise ValueError(f"dtype must be one of {rule}: got {dtype}")


def check_seed(value: object) -> None:
    """Raise unless it can be a `random_state`."""
    if isinstance(value, (bool, np.bool_)) or not (
        value is None or value is np.random or isinstance(value, (numbers.Integral, np.random.RandomState))
    ):
        raise TypeError(f"random_state must be None, an integer or a RandomState: got {value!r}")
    if isinstance(value, numbers.Integral):
        inputs.check_integer("random_state", value, 0, 2**32 - 1)


def check_estimator(estimator: object) -> None:
    """Raise unless it is an estimator of scikit-learn, or like one."""
    is_one = callable(getattr(estimator, "fit", None)) and callable(getattr(estimator, "get_params", None))
    if isinstance(estimator, type) or not is_one:
        got = f"the class {estimator.__name__}" if isinstance(estimator, type) else repr(estimator)
        raise TypeError(f"estimator must be an estimator with fit and get_params: got {got:.60}")


def check_n_jobs(n_jobs: object) -> None:
    """Raise unless it is None or a number of jobs, as scikit-learn counts them."""
    if n_jobs is None:
        return
    if isinstance(n_jobs, (bool, np.bool_)) or not isinstance(n_jobs, numbers.Integral):
        raise TypeError(f"n_jobs must be None or an integer: got {n_jobs!r}")
    if n_jobs == 0:
        raise ValueError("n_jobs must be None or an integer other than 0: got 0")


def check_auto_or_level(name: str, value: object) -> None:
    """Raise unless the value is "auto" or a level."""
    if not isinstance(value, str):
        inputs.check_integer(name, value, 0, 30)
    elif value != "auto":
        raise ValueError(f"{name} must be 'auto' or an integer in 0..30: got {value!r}")


def check_min_frequency(min_frequency: object) -> None:
    """Raise unless it is None, a number of rows or a share of them."""
    if isinstance(min_frequency, numbers.Integral):
        inputs.check_integer("min_frequency", min_frequency, 1)
    elif min_frequency is not None and not 0 < inputs.check_number("min_frequency", min_frequency) < 1:
        raise ValueError(f"min_frequency must be an integer from 1 or a float between 0 and 1: got {min_frequency}")


def least_rows(min_frequency: float | None, n_rows: int) -> int:
    """How many of `n_rows` a cell must hold, by `min_frequency`."""
    if min_frequency is None:
        return 1
    if isinstance(min_frequency, numbers.Integral):
        return int(min_frequency)
    return max(1, math.ceil(min_frequency * n_rows - 1e-9))  # 0.07 of 100 rows are 7, not 7.000000000000001


def as_levels(levels: Any) -> tuple[int, ...] | None:
    """Levels, ascending and each once, or None for "auto"."""
    rule = "levels must be 'auto', a level or a sequence of levels"
    if isinstance(levels, str):
        if levels != "auto":
            raise ValueError(f"{rule}: got {levels!r}")
        return None
    if isinstance(levels, numbers.Integral):
        levels = (levels,)
    if isinstance(levels, (bytes, dict)) or not isinstance(levels, Iterable):
        raise TypeError(f"{rule}: got {levels!r}")
    levels = list(levels)
    if not levels:
        raise ValueError("levels must hold at least one level: got none")
    return tuple(sorted({inputs.check_integer("levels", level, 0, 30) for level in levels}))


def levels_from_list(value: Any) -> tuple[int, ...]:
    """Levels of a saved list, ascending and each once; raise unless it holds some."""
    levels = as_levels(check_list("levels", value, int))
    assert levels is not None
    return levels


def check_keys(name: str, value: Any, keys: Sequence[str], *, others: bool = False) -> State:
    """The value; raise unless it is a dict with just these keys (or with `others`, at least these)."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be a dict: got {type(value).__name__}")
    missing = [key for key in keys if key not in value]
    unknown = [] if others else [key for key in value if key not in keys]
    if missing or unknown:
        raise ValueError(f"{name} must have the keys {', '.join(keys)}: got {', '.join(map(repr, value))}")
    return value


def check_list(name: str, value: Any, kind: type, length: int | None = None) -> list[Any]:
    """The value; raise unless it is a list of `kind`, of the given length."""
    if not isinstance(value, list) or any(type(item) is not kind for item in value):
        raise ValueError(f"{name} must be a list of {kind.__name__}: got {_brief(value)}")
    if length is not None and len(value) != length:
        raise ValueError(f"{name} must have {length} items: got {len(value)}")
    return value


def tokens_from_cells(cells: CellArray) -> list[str]:
    """Cells as a list of tokens."""
    return cell_to_token(cells).tolist()


def cells_from_tokens(name: str, tokens: Any) -> CellArray:
    """Cells of a saved list of tokens; raise unless all are cells."""
    cells = np.asarray(token_to_cell(np.array(check_list(name, tokens, str), dtype="U17")), np.uint64)
    if not cells.all():
        raise ValueError(f"{name} must hold no missing cell: got 'X' at index {np.argmin(cells)}")
    return cells


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _check_format_version(version: object) -> None:
    parts = version.split(".") if isinstance(version, str) else []
    if len(parts) != 2 or not all(part.isascii() and part.isdecimal() and len(part) < 9 for part in parts):
        raise ValueError(f"format_version must be like {'.'.join(map(str, FORMAT_VERSION))!r}: got {_brief(version)}")
    if int(parts[0]) > FORMAT_VERSION[0]:
        raise ValueError(f"format_version must be at most {FORMAT_VERSION[0]}.x: got {version!r}; update cellwise")


def _param_to_json(name: str, value: Any) -> Any:
    if isinstance(value, CellUnion):
        return {"cell_union": tokens_from_cells(value.cells)}
    if isinstance(value, np.ndarray) and value.dtype == np.uint64:
        return {"cells": tokens_from_cells(value)}
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, (np.generic, int, float))):
        return np.dtype(value).name
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple, range, np.ndarray)):
        return [_param_to_json(name, item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{name} must be plain or cells to be saved: got {type(value).__name__}")


def _param_from_json(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"cell_union"}:
            return CellUnion(cells_from_tokens(name, value["cell_union"]))
        return cells_from_tokens(name, check_keys(name, value, ("cells",))["cells"])
    return tuple(value) if isinstance(value, list) else value
