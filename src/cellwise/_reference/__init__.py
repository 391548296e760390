"""The numpy backend: every kernel in plain numpy, written to be read.

Read `cellwise._math.projection` first: it opens with the chart of coordinate systems. An elementwise kernel here is a
function of arrays of equal length that all satisfy its requirements, named as its row in the table. Others are
functions and classes of whole arrays. `cellwise._backend.numpy` puts them behind the interface that both backends have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import adjacency, conversion, geometry, hierarchy

_MODULES = (conversion, hierarchy, adjacency, geometry)


def kernel(name: str) -> Callable[..., Any]:
    """The elementwise kernel of that name."""
    for module in _MODULES:
        function = vars(module).get(name)
        if function is not None and function.__module__ == module.__name__:
            return function
    raise AttributeError(f"no reference kernel {name}")
