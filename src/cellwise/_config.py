"""Settings: backend, instruction set, threads and the cell limit, each one value for the whole process.

Every thread sees the same value. What a setter returns may be used in a ``with`` statement, at whose end the value from
before comes back; of overlapping blocks of a limit the smaller holds, of others the one entered last.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Generic, TypeVar

import numpy as np

from . import _backend
from .errors import CellLimitError
from .inputs import check_choice, check_integer

__all__ = ["backend", "build_info", "set_cell_limit", "set_num_threads"]

INSTRUCTION_SETS = ("scalar", "portable", "v2", "avx2", "avx512")
# Those of this build that the processor has, slowest first.
AVAILABLE_INSTRUCTION_SETS = _backend.instruction_sets()

DEFAULT_CELL_LIMIT = 20_000_000
MAX_THREADS = 1024

T = TypeVar("T")


class Setting(Generic[T]):
    """One value for the process: set for good, or for as long as blocks of `with` statements run on any thread.

    Parameters
    ----------
    value : object
        What it is at first.
    combine : callable
        From the values of the blocks that run, in the order in which they began, to the one that holds.
    apply : callable, optional
        Called with each new value.
    """

    def __init__(
        self,
        value: T,
        *,
        combine: Callable[[list[T]], T] = lambda values: values[-1],
        apply: Callable[[T], object] | None = None,
    ) -> None:
        self.value = value
        self._combine, self._apply = combine, apply
        self._lock = threading.RLock()
        self._base = value
        self._base_owner: _Block[T] | None = None
        self._blocks: list[_Block[T]] = []

    def set(self, value: T) -> _Block[T]:
        """Set the value for good; used in a ``with`` statement, the result makes that the length of the block."""
        with self._lock:
            block = _Block(self, value, (self._base, self._base_owner))
            self._base, self._base_owner = value, block
            self._update()
        return block

    def reset(self, value: T) -> None:
        """Set the value for good and forget all blocks."""
        self._lock = threading.RLock()
        self._base, self._base_owner, self._blocks = value, None, []
        self.value = value

    def _enter(self, block: _Block[T]) -> None:
        with self._lock:
            if self._base_owner is block:
                self._base, self._base_owner = block.before
            self._blocks.append(block)
            self._update()

    def _exit(self, block: _Block[T]) -> None:
        with self._lock:
            if block in self._blocks:
                self._blocks.remove(block)
            self._update()

    def _update(self) -> None:
        value = self._combine([block.value for block in self._blocks]) if self._blocks else self._base
        if value != self.value:
            self.value = value
            if self._apply is not None:
                self._apply(value)


class _Block(Generic[T]):
    """What setters return: a context manager that need not be entered."""

    def __init__(self, setting: Setting[T], value: T, before: tuple[T, _Block[T] | None]) -> None:
        self.setting, self.value, self.before = setting, value, before

    def __enter__(self) -> None:
        self.setting._enter(self)

    def __exit__(self, *exception: object) -> None:
        self.setting._exit(self)


# --- backend and instruction set ------------------------------------------------------------------------------------


def _check_isa(name: str) -> str:
    check_choice("isa", name, INSTRUCTION_SETS)
    if name not in AVAILABLE_INSTRUCTION_SETS:
        have = ", ".join(AVAILABLE_INSTRUCTION_SETS) or "none"
        raise ValueError(f"isa {name!r} is not available here: this build and processor have {have}")
    return name


def _backend_from_environment() -> str:
    name = os.environ.get("CELLWISE_BACKEND") or _backend.BACKENDS[0 if _backend.native is not None else 1]
    _backend.choose(name)
    return name


def _isa_from_environment() -> str | None:
    if os.environ.get("CELLWISE_ISA"):
        _backend.choose_instruction_set(_check_isa(os.environ["CELLWISE_ISA"]))
    return _backend.instruction_set()


_backend_name = Setting(_backend_from_environment(), apply=_backend.choose)
_isa: Setting[Any] = Setting(_isa_from_environment(), apply=_backend.choose_instruction_set)


def backend() -> str:
    """Name of the backend in use: 'native' or 'numpy'.

    The environment variable ``CELLWISE_BACKEND`` chooses it at import, `cellwise.testing.use` within a process.

    Returns
    -------
    str

    Examples
    --------
    >>> import cellwise as cw
    >>> cw.backend() in ("native", "numpy")
    True
    """
    return _backend_name.value


@contextmanager
def use(*, backend: str | None = None, isa: str | None = None) -> Iterator[None]:
    """Run the body of a ``with`` statement on another backend or instruction set, on all threads.

    Parameters
    ----------
    backend : {"native", "numpy"}, optional
    isa : str, optional
        Instruction set of the native backend, one of those that `available` lists.

    Examples
    --------
    >>> import cellwise as cw
    >>> with cw.testing.use(backend="numpy"):
    ...     cw.backend()
    'numpy'
    """
    if backend is not None:
        _backend.check_available(backend)
    if isa is not None:
        _check_isa(isa)
    with ExitStack() as blocks:
        if backend is not None:
            blocks.enter_context(_backend_name.set(backend))
        if isa is not None:
            blocks.enter_context(_isa.set(isa))
        yield


# --- threads --------------------------------------------------------------------------------------------------------


def _num_threads_from_environment() -> int | None:
    text = os.environ.get("CELLWISE_NUM_THREADS")
    if not text:
        return None
    return check_integer("CELLWISE_NUM_THREADS", int(text) if text.isdecimal() else text, 1, MAX_THREADS)


_num_threads_wanted = _num_threads_from_environment()
_num_threads: Setting[Any] = Setting(None, apply=lambda n: _backend.set_num_threads(n))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _num_threads.reset(1))  # as the native module does


def default_num_threads() -> int:
    """One in a child process of multiprocessing, joblib or loky, else what the environment says, else all there are."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        return 1
    if _num_threads_wanted is not None:
        return _num_threads_wanted
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_num_threads(n: int) -> AbstractContextManager[None]:
    """Use at most `n` threads in one call on many rows.

    Parameters
    ----------
    n : int
        1..1024. The default is the environment variable ``CELLWISE_NUM_THREADS``, or as many as the process may use;
        in worker processes of multiprocessing, joblib and loky, and in a forked child, it is 1.

    Returns
    -------
    context manager
        Used in a ``with`` statement, the old number comes back at its end.

    See Also
    --------
    build_info : Tells how many are in use.

    Notes
    -----
    The number holds for all threads of the process. The first call on more than about 100,000 rows starts the threads,
    `import cellwise` none. The numpy backend has only one.

    Examples
    --------
    >>> import cellwise as cw
    >>> with cw.set_num_threads(1):
    ...     cw.build_info()["threads"]
    '1'
    """
    n = check_integer("n", n, 1, MAX_THREADS)
    if _num_threads.value is None:
        _num_threads.reset(_backend.num_threads())
    return _num_threads.set(n)


# --- limits ---------------------------------------------------------------------------------------------------------


def _cell_limit_from_environment() -> int:
    text = os.environ.get("CELLWISE_CELL_LIMIT")
    if text is None:
        return DEFAULT_CELL_LIMIT
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"CELLWISE_CELL_LIMIT must be a positive integer: got {text!r}")
    return int(text)


_cell_limit = Setting(_cell_limit_from_environment(), combine=min)


def cell_limit() -> int:
    """Most cells that one call may make."""
    return _cell_limit.value


def set_cell_limit(n: int) -> AbstractContextManager[None]:
    """Allow one call to make at most `n` cells; it raises `CellLimitError` before it would make more.

    Parameters
    ----------
    n : int
        At least 1. The default is 20,000,000, or the environment variable ``CELLWISE_CELL_LIMIT``.

    Returns
    -------
    context manager
        Used in a ``with`` statement, the old limit comes back at its end.

    Notes
    -----
    The limit holds for all threads of the process. Of ``with`` blocks that overlap, nested or on several threads, the
    smallest limit holds.

    Examples
    --------
    >>> import cellwise as cw
    >>> with cw.set_cell_limit(1_000):
    ...     cw.cell_children(cw.token_to_cell("1"), 10)
    Traceback (most recent call last):
        ...
    cellwise.errors.CellLimitError: cell_children would make about 1,048,576 cells, more than the cell limit of 1,000; \
raise it with cellwise.set_cell_limit
    """
    return _cell_limit.set(check_integer("n", n, 1))


def check_cell_limit(estimate: float, what: str) -> None:
    """Raise `CellLimitError` if about `estimate` cells are too many."""
    if estimate > cell_limit():
        raise CellLimitError(
            f"{what} would make about {estimate:,.0f} cells, more than the cell limit of {cell_limit():,}; "
            "raise it with cellwise.set_cell_limit"
        )


# --- for bug reports ------------------------------------------------------------------------------------------------


def build_info() -> dict[str, str]:
    """What a bug report needs: version, backend, instruction set, threads, compiler and flags.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> import cellwise as cw
    >>> sorted(cw.build_info())
    ['backend', 'compiler', 'flags', 'isa', 'numpy', 'threads', 'version']
    """
    from importlib.metadata import version

    is_native = backend() == "native"
    return {
        "version": version("cellwise"),
        "backend": backend(),
        "isa": str(_backend.instruction_set()) if is_native else "none",
        "threads": str(_backend.num_threads() if is_native else 1),
        **_backend.compiler(),
        "numpy": np.__version__,
    }
