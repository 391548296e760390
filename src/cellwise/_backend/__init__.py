"""The kernels in use: two modules, `native` and `numpy`, with the same names and arguments.

`kernels()` is the only question of which backend is on. `signatures` is the table of what both have.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import numpy

try:
    from . import native
except ImportError as why:  # a build without a compiler
    native = None  # type: ignore[assignment]
    _why_not_native = why

BACKENDS = ("native", "numpy")

_chosen: ModuleType = numpy


def kernels() -> Any:
    """The module of the backend in use."""
    return _chosen


def check_available(name: str) -> None:
    """Raise unless a backend of this name is there."""
    if name not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(map(repr, BACKENDS))}: got {name!r}")
    if name == "native" and native is None:
        raise ImportError(
            "backend 'native' is not built: build it with `make test` or `pip install .` "
            "(without CELLWISE_PURE), or use backend 'numpy'"
        ) from _why_not_native


def choose(name: str) -> None:
    """Use another backend."""
    global _chosen
    check_available(name)
    _chosen = native if name == "native" else numpy
    if native is not None:
        native.enable_fast_path(name == "native")


def fast_path(slow_path: Callable[..., Any]) -> Callable[..., Any]:
    """`slow_path(name, *values, **options)`, behind the native module's answers for scalars and arrays of its types."""
    return slow_path if native is None else native.fast_path(slow_path)


class made_by_kernels:
    """Attribute that `make(self, kernels)` makes when it is first needed, and anew once another backend is on.

    What is made is kept in ``_<name>_made``, which a class with slots has to list.
    """

    def __init__(self, make: Callable[[Any, Any], Any]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._kept_in = f"_{name.strip('_')}_made"

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:
            return self
        module, made = getattr(instance, self._kept_in, (None, None))
        if module is not _chosen:
            module, made = _chosen, self._make(instance, _chosen)
            setattr(instance, self._kept_in, (module, made))
        return made


# --- the native module's own settings; without it there is nothing to set ---------------------------------------------


def instruction_sets() -> tuple[str, ...]:
    """Names of the instruction sets of this build that the processor has, slowest first."""
    return () if native is None else native.INSTRUCTION_SETS


def instruction_set() -> str | None:
    """Name of the instruction set in use, or None."""
    return None if native is None else native.instruction_set()


def choose_instruction_set(name: str) -> None:
    """Use another instruction set."""
    native.choose_instruction_set(name)


def num_threads() -> int:
    """Threads that a native call may use."""
    return 1 if native is None else native.num_threads()


def set_num_threads(n: int) -> None:
    """Let native calls use at most `n` threads."""
    if native is not None:
        native.set_num_threads(n)


def compiler() -> dict[str, str]:
    """Compiler and flags of the native module."""
    if native is None:
        return {"compiler": "none", "flags": "none"}
    return {"compiler": native.COMPILER, "flags": native.FLAGS}
