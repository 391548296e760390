"""Help for tests of what builds on cellwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ._backend import BACKENDS
from ._config import AVAILABLE_INSTRUCTION_SETS, use
from ._typing import CellLike, FloatLike
from .cell_union import CellUnion
from .cells.conversion import cell_to_token, latlng_to_cell

__all__ = ["assert_cells_equal", "assert_covers", "available", "on_each_backend", "use"]

P = ParamSpec("P")
T = TypeVar("T")


def available() -> list[tuple[str, str | None]]:
    """Every (backend, instruction set) of this build, for parametrising tests.

    Returns
    -------
    list of (str, str or None)

    Examples
    --------
    >>> from cellwise.testing import available, use
    >>> for backend, isa in available():
    ...     with use(backend=backend, isa=isa):
    ...         pass
    """
    native = [("native", isa) for isa in AVAILABLE_INSTRUCTION_SETS]
    return [*native, *((name, None) for name in BACKENDS if name != "native")]


def on_each_backend(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> list[T]:
    """What ``function(*args, **kwargs)`` returns on each backend of this build in turn, for comparing.

    Examples
    --------
    >>> import cellwise as cw
    >>> from cellwise.testing import on_each_backend
    >>> levels = on_each_backend(cw.cell_level, 10743750135264575488)
    >>> set(levels)
    {15}
    """
    results = []
    for name in dict.fromkeys(backend for backend, _ in available()):
        with use(backend=name):
            results.append(function(*args, **kwargs))
    return results


def assert_cells_equal(actual: ArrayLike, expected: ArrayLike) -> None:
    """Raise an `AssertionError` that shows the first difference as tokens, unless both hold the same cells in order."""
    found, wanted = np.asarray(actual, np.uint64).ravel(), np.asarray(expected, np.uint64).ravel()
    if np.array_equal(found, wanted):
        return
    n = min(len(found), len(wanted))
    different = np.flatnonzero(found[:n] != wanted[:n])
    where = int(different[0]) if len(different) else n
    tokens = [cell_to_token(x[where : where + 3], on_invalid="null").tolist() for x in (found, wanted)]
    raise AssertionError(
        f"{len(found)} cells, expected {len(wanted)}; from index {where} on {tokens[0]}, expected {tokens[1]}"
    )


def assert_covers(cells: CellUnion | CellLike, lat: FloatLike, lng: FloatLike) -> None:
    """Raise an `AssertionError` that names the first position not covered, unless all are."""
    union = cells if isinstance(cells, CellUnion) else CellUnion(cells)
    outside = ~np.atleast_1d(union.contains(latlng_to_cell(lat, lng)))
    if outside.any():
        k = int(np.argmax(outside))
        raise AssertionError(
            f"{outside.sum()} of {len(outside)} positions are not covered, first "
            f"({np.ravel(np.asarray(lat))[k]!r}, {np.ravel(np.asarray(lng))[k]!r})"
        )
