"""Reading y: numbers or classes, by one rule wherever a target is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length, column_or_1d

from .. import inputs
from .._warn import warn

if TYPE_CHECKING:
    from numpy.typing import NDArray

TargetType = Literal["continuous", "binary", "multiclass"]

TARGET_TYPES = ("continuous", "binary", "multiclass")

FEW_VALUES = 50  # integers with at most so many distinct values may stand for classes


class TargetColumn(NamedTuple):
    """What was read of y."""

    values: NDArray[Any]  # float64 numbers, 0.0 and 1.0 for two classes, or for more the number of each row's class
    type: TargetType
    classes: NDArray[Any] | None  # sorted; None for numbers

    def indicators(self) -> NDArray[np.float64]:
        """Columns to average: the numbers, 1 for rows of the second of two classes, or one such column for each class.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_columns)
        """
        if self.type == "multiclass":
            assert self.classes is not None
            return (self.values[:, None] == np.arange(len(self.classes))).astype(np.float64)
        return self.values[:, None]

    def names(self) -> list[str]:
        """Name of each of those columns, empty where there is one."""
        if self.type == "multiclass":
            assert self.classes is not None
            return [str(label) for label in self.classes.tolist()]
        return [""]


def check_target_type(target_type: object) -> None:
    """Raise if there is no such `target_type`."""
    inputs.check_choice("target_type", target_type, ("auto", *TARGET_TYPES))


def read_target(
    y: Any, X: Any, target_type: str, *, estimator: object = None, can_be_multiclass: bool = True
) -> TargetColumn:
    """The target, as numbers or classes.

    Parameters
    ----------
    y : array_like, shape (n_rows,)
        From any library.
    X : array_like, shape (n_rows, n_features)
        What must have as many rows.
    target_type : {"auto", "continuous", "binary", "multiclass"}
        "auto": text, booleans and categories are classes; so are integers, if they have at most two values. Two
        classes, or one, are binary, more are multiclass. All other numbers are continuous: with a warning if they are
        integers of at most `FEW_VALUES` distinct values, which may stand for classes, and floats always in silence.
    estimator : object, default None
        Which the message names if y is None.
    can_be_multiclass : bool
        Whether the warning says how to have integers taken as classes.

    Returns
    -------
    TargetColumn

    Raises
    ------
    ValueError
        If y is None, of another length, missing or infinite somewhere, neither numbers nor labels, or cannot be of
        that type.
    """
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )
    y, is_labels = _as_column(y)
    check_consistent_length(X, y)
    if target_type == "auto" and not is_labels and y.dtype.kind == "f":
        target_type = "continuous"
    if target_type == "continuous":
        return _as_numbers(y)
    classes, code = np.unique(y, return_inverse=True)
    if target_type == "auto" and len(classes) > 2 and not is_labels:
        if len(classes) <= FEW_VALUES:
            _warn_of_few_values(len(classes), can_be_multiclass)
        return _as_numbers(y)
    if target_type == "multiclass" or (target_type == "auto" and len(classes) > 2):
        return TargetColumn(code, "multiclass", classes)
    if len(classes) > 2:
        raise ValueError(f"y must have at most two classes with target_type='binary': got {len(classes)}")
    return TargetColumn(code.astype(np.float64), "binary", classes)


def _as_numbers(y: NDArray[Any]) -> TargetColumn:
    if y.dtype.kind not in "biuf":
        raise ValueError(f"y must be numbers with target_type='continuous': got {y.dtype}")
    return TargetColumn(y.astype(np.float64, copy=False), "continuous", None)


def _as_column(y: Any) -> tuple[NDArray[Any], bool]:
    """The target as an array without missing values, and whether its own type says labels."""
    kind = str(getattr(y, "dtype", getattr(y, "type", ""))).casefold()  # of pandas, polars and Arrow too
    is_category = kind.startswith(("categor", "enum", "dictionary"))
    y = column_or_1d(y, warn=True)
    if y.dtype.kind == "O":
        check_all("y must not be missing", y, ~pd.isna(y))
        is_text = np.array([isinstance(value, str) for value in y.tolist()])
        if is_text.any():
            check_all("y must be numbers or text, not both", y, is_text)
        y = np.array(y.tolist())
    if y.dtype.kind == "f":
        check_all("y must be finite", y, np.isfinite(y))
        if kind.startswith(("int", "uint")):  # nullable ones, which became floats
            y = y.astype(np.int64)
    if y.dtype.kind not in "biufUST" and not (is_category and y.dtype.kind == "O"):
        raise ValueError(f"y must be numbers or labels: got {y.dtype}")
    if kind.startswith("bool"):
        y = y.astype(bool)
    return y, is_category or y.dtype.kind in "bUST"


def _warn_of_few_values(n_values: int, can_be_multiclass: bool) -> None:
    classes = ", or 'multiclass' if they stand for classes" if can_be_multiclass else ""
    warn(
        f"y holds {n_values} different integers, which are taken as numbers: "
        f"say target_type='continuous' if that is right{classes}",
        UserWarning,
    )


def check_all(rule: str, values: NDArray[Any], good: NDArray[np.bool_]) -> None:
    """Raise, naming the rule and the first value that breaks it, unless all are good."""
    if not good.all():
        k = int(np.argmin(good))
        bad = values[k]
        bad = bad.item() if isinstance(bad, np.generic) else bad
        raise ValueError(f"{rule}: got {bad!r} at index {k} ({np.count_nonzero(~good)} of {len(values)} values)")


# --- saved state ------------------------------------------------------------------------------------------------------


def saved_classes(classes: Any, target_type: str | None) -> NDArray[Any] | None:
    """Saved classes; raise unless they are distinct, sorted labels of one kind, as many as there may be."""
    if target_type not in ("binary", "multiclass"):
        if classes is not None:
            raise ValueError(f"classes must be None for target_type {target_type!r}: got {type(classes).__name__}")
        return None
    kinds = {type(label) for label in classes} if isinstance(classes, list) else set()
    if len(kinds) != 1 or not kinds <= {str, int, bool, float} or classes != sorted(set(classes)):
        raise ValueError("classes must be a sorted list of distinct labels of one kind")
    if target_type == "binary" and len(classes) > 2:
        raise ValueError(f"classes must be at most two for target_type 'binary': got {len(classes)}")
    return np.array(classes)
