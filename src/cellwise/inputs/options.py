"""Checks of options, made before any data are read: errors name the option, the rule and the value."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import numpy as np

ON_INVALID = ("raise", "warn", "null")  # what may happen to values that are missing or invalid


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise unless the value is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}: got {value!r}")


def check_bool(name: str, value: object) -> bool:
    """The value as a `bool`; raise unless it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False: got {value!r}")
    return bool(value)


def check_optional_bool(name: str, value: object) -> None:
    """Raise unless the value is None, True or False."""
    if value is not None and not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be None, True or False: got {value!r}")


def check_integer(name: str, value: object, low: int, high: int | None = None) -> int:
    """The value as an `int`; raise unless it is an integer in low..high, or of at least `low` and less than 2**62."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer: got {type(value).__name__} {value!r}")
    number = int(value)
    if not low <= number <= (2**62 - 1 if high is None else high):
        rule = f"in {low}..{high}" if high is not None else f"at least {low}" if number < low else "less than 2**62"
        raise ValueError(f"{name} must be {rule}: got {number}")
    return number


def check_number(name: str, value: object) -> float:
    """The value as a finite `float`."""
    if isinstance(value, (bool, np.bool_, str, bytes)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number: got {type(value).__name__} {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        raise ValueError(f"{name} must be finite: got {number!r}")
    return number
