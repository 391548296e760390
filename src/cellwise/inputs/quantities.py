"""Numbers with a unit, of astropy, pint, unyt and xarray: angles become degrees, and what is no angle is refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import AnyArray

RADIANS = ("rad", "radian", "radians")


def has_unit(value: object) -> bool:
    """Whether the value is a quantity, which knows its unit."""
    return _has_unit(type(value))


def _has_unit(kind: type) -> bool:
    return hasattr(kind, "to_value") or (hasattr(kind, "magnitude") and hasattr(kind, "units"))


def any_has_unit(kinds: set[type]) -> bool:
    """Whether one of these types is that of a quantity."""
    return any(map(_has_unit, kinds))


def magnitude(value: Any) -> Any:
    """The numbers of a quantity without its unit."""
    return value.magnitude if hasattr(type(value), "magnitude") else np.asarray(value.value)


def in_degrees(name: str, value: Any) -> Any:
    """The numbers of an angle in degrees.

    Raises
    ------
    TypeError
        If it is no angle.
    """
    unit = str(getattr(value, "units", None) or getattr(value, "unit", "")) or "dimensionless"
    try:
        if hasattr(type(value), "to_value"):
            return np.asarray(value.to_value("degree"))
        if unit != "dimensionless":  # which pint takes for radians
            return value.to("degree").magnitude
    except Exception:  # whatever the library says of units that do not fit
        pass
    raise TypeError(f"{name} must be in degrees or another unit of angles: got the unit {unit}")


def degrees_of_data_array(name: str, value: Any) -> AnyArray:
    """The numbers of a DataArray in degrees: from radians, if its data or its attribute ``units`` say so."""
    if has_unit(value.data):
        return np.asarray(in_degrees(name, value.data))
    values: AnyArray = value.to_numpy()
    return np.degrees(values) if value.attrs.get("units") in RADIANS else values
