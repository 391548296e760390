"""Results of any library, as Python and numpy have them."""

import numpy as np


def listed(column):
    """The items of a column or array, None where they are missing."""
    import pandas as pd

    if isinstance(column, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)):
        items = column.to_numpy(object) if hasattr(column, "to_numpy") else np.asarray(column, object)
        return [None if item is pd.NA else item for item in items.tolist()]
    for name in ("tolist", "to_pylist", "to_list"):
        if hasattr(column, name):
            return getattr(column, name)()
    return column


def as_numpy(column, like):
    """The column as an array of the dtype of `like`, which says what stands for missing items, by its own nulls.

    Where items are missing in the column, those of `like` have to be null.
    """
    items, nulls = listed(column), np.asarray(like)
    filled = nulls.copy()
    for k, item in enumerate(items):
        if item is not None:
            filled[k] = item
        else:
            assert is_null(nulls[k]), (k, nulls[k])
    return filled


def is_null(item):
    """Whether an item is what numpy's results have where they have nothing."""
    if isinstance(item, np.ndarray):
        return bool(np.isnan(item).all()) if item.dtype.kind == "f" else not item.any()
    if isinstance(item, (str, bytes)):
        return item in ("X", b"X")
    return bool(item != item or item in (0, -1))
