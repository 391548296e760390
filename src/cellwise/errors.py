"""Errors and warnings. Each error is also a `ValueError`, so that `except ValueError` keeps working."""


class InvalidCellError(ValueError):
    """A cell id, token or string that names no cell, or a cell that a call cannot use."""


class InvalidRegionError(ValueError):
    """A geometry that bounds no region."""


class CellLimitError(ValueError):
    """A call that would make more cells than `cellwise.set_cell_limit` allows."""


class InvalidCoordinatesWarning(UserWarning):
    """Coordinates or cells were invalid and became the missing cell; given once a call, with counts."""
