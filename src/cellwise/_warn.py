"""Warnings that point at the line of the user's program that made the call."""

from __future__ import annotations

import sys
import warnings

INSIDE = ("cellwise", "sklearn")  # scikit-learn wraps the methods of transformers, and pipelines call them


def warn(message: str, category: type[Warning]) -> None:
    """Warn as the caller of the package: as the first function on the stack that is neither its nor scikit-learn's."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
