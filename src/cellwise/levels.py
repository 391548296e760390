"""The sizes of cells, level by level, and the level for a size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ._math.metrics import AVG_AREA, AVG_EDGE, MAX_AREA, MAX_EDGE, MIN_AREA, MIN_EDGE
from ._typing import AreaUnit, FloatScalar, LengthUnit
from .inputs import check_choice, check_number
from .units import area_unit, length_unit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["level_for_area", "level_for_edge", "level_table"]

Rule: TypeAlias = Literal["closest", "max", "min"]
RULES = ("closest", "max", "min")


def level_table(*, length: LengthUnit = "m", area: AreaUnit = "m2") -> pd.DataFrame:
    """Number, edge lengths and areas of the cells of each level.

    Parameters
    ----------
    length : {"m", "km", "rad", "deg"}
        Unit of the edges.
    area : {"m2", "km2", "sr"}
        Unit of the areas.

    Returns
    -------
    pandas.DataFrame
        One row for each level 0..30 (the index), with columns ``cells``, ``min_edge``, ``avg_edge``, ``max_edge``,
        ``min_area``, ``avg_area``, ``max_area``. The average area is exact; the others bound all cells of the level.

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.level_table().loc[[0, 15, 30], ["cells", "avg_edge", "avg_area"]]
                         cells      avg_edge      avg_area
    level
    0                        6  9.296665e+06  8.501101e+13
    15              6442450944  2.837117e+02  7.917267e+04
    30     6917529027641081856  8.658194e-03  7.373530e-05
    """
    radian, steradian = length_unit(length, "length"), area_unit(area, "area")
    import pandas as pd

    levels = np.arange(31)
    edge, square = radian * 0.5**levels, steradian * 0.25**levels
    return pd.DataFrame(
        {
            "cells": np.uint64(6) << (2 * levels).astype(np.uint64),
            "min_edge": MIN_EDGE * edge,
            "avg_edge": AVG_EDGE * edge,
            "max_edge": MAX_EDGE * edge,
            "min_area": MIN_AREA * square,
            "avg_area": AVG_AREA * square,
            "max_area": MAX_AREA * square,
        },
        index=pd.Index(levels, name="level"),
    )


def level_for_edge(length: FloatScalar, *, unit: LengthUnit = "m", rule: Rule = "closest") -> int:
    """Level whose cells have edges of about `length`.

    Parameters
    ----------
    length : float
        More than 0.
    unit : {"m", "km", "rad", "deg"}
        Unit of `length`.
    rule : {"closest", "max", "min"}
        "closest": the level whose average edge is nearest, as a ratio. "max": the coarsest level at which no edge is
        longer. "min": the finest level at which no edge is shorter. Outside the sizes there are, the level is 0 or 30.

    Returns
    -------
    int

    Examples
    --------
    >>> import cellwise as cw
    >>> [cw.level_for_edge(1, unit="km", rule=rule) for rule in ("closest", "max", "min")]
    [13, 14, 12]
    """
    check_choice("rule", rule, RULES)
    size = length_unit(unit)
    return _level(_positive("length", length) / size, rule, 2, MIN_EDGE, AVG_EDGE, MAX_EDGE)


def level_for_area(area: FloatScalar, *, unit: AreaUnit = "m2", rule: Rule = "closest") -> int:
    """Level whose cells have about the given area.

    Parameters
    ----------
    area : float
        More than 0.
    unit : {"m2", "km2", "sr"}
        Unit of `area`.
    rule : {"closest", "max", "min"}
        "closest": the level whose average area is nearest, as a ratio. "max": the coarsest level at which no cell is
        larger. "min": the finest level at which no cell is smaller. Outside the sizes there are, the level is 0 or 30.

    Returns
    -------
    int

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.level_for_area(1, unit="km2")
    13
    """
    check_choice("rule", rule, RULES)
    size = area_unit(unit)
    return _level(_positive("area", area) / size, rule, 4, MIN_AREA, AVG_AREA, MAX_AREA)


def _positive(name: str, value: FloatScalar) -> float:
    number = check_number(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be positive: got {number!r}")
    return number


def _level(value: float, rule: Rule, factor: int, smallest: float, average: float, largest: float) -> int:
    sizes = np.array({"closest": average, "max": largest, "min": smallest}[rule]) / float(factor) ** np.arange(31)
    if rule == "max":
        return int(np.argmax(sizes <= value)) if (sizes <= value).any() else 30
    if rule == "min":
        return int(30 - np.argmax(sizes[::-1] >= value)) if (sizes >= value).any() else 0
    return int(np.argmin(np.abs(np.log(sizes / value))))
