"""Every foreign object becomes arrays here, and results get its form back."""

from __future__ import annotations

from .arguments import Argument, read
from .columns import multiplied, to_arrow
from .coordinates import canonical_latlng, swapped_hint
from .extras import import_extra
from .options import ON_INVALID, check_bool, check_choice, check_integer, check_number, check_optional_bool
from .results import ascii_to_text, finish, says_na

__all__ = [
    "ON_INVALID",
    "Argument",
    "ascii_to_text",
    "canonical_latlng",
    "check_bool",
    "check_choice",
    "check_integer",
    "check_number",
    "check_optional_bool",
    "finish",
    "import_extra",
    "multiplied",
    "read",
    "says_na",
    "swapped_hint",
    "to_arrow",
]
