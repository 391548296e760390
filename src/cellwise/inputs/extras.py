"""Optional dependencies."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def import_extra(module: str, extra: str) -> Any:
    """Import an optional dependency, or say how to install it."""
    try:
        return import_module(module)
    except ImportError as why:
        raise ImportError(f"{module} is needed here: pip install 'cellwise[{extra}]'") from why
