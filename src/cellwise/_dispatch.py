"""From any arguments to a kernel and back: broadcast, cast, choose the backend, call, reshape.

Nothing here knows what a cell is. The table gives types and shapes; `inputs` reads what users have; kernels detect
invalid rows and say how many and which came first; `_explain` turns that into a message.
"""

import os
import sys
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from . import _explain, _reference, inputs
from ._signatures import KERNELS
from .ragged import Ragged

try:
    from . import _native
except ImportError as why:
    _native = None
    _why_not_native = why

BACKENDS = ("native", "numpy")
INSTRUCTION_SETS = ("scalar", "portable", "v2", "avx2", "avx512")
# Those of this build that the processor has, slowest first.
AVAILABLE_INSTRUCTION_SETS = _native.INSTRUCTION_SETS if _native is not None else ()

# Rows at a time where temporary arrays are made of them.
CHUNK = 1 << 19

_DTYPES = {
    "u8": np.dtype(np.uint64),
    "i8": np.dtype(np.int64),
    "i4": np.dtype(np.int32),
    "f8": np.dtype(np.float64),
    "b1": np.dtype(np.bool_),
}


def _check_backend(name):
    if name not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}: got {name!r}")
    if name == "native" and _native is None:
        raise ImportError(
            "backend 'native' is not built: build it with `make test` or `pip install .` "
            "(without CELLWISE_PURE), or use backend 'numpy'"
        ) from _why_not_native
    return name


def _check_isa(name):
    if name not in INSTRUCTION_SETS:
        raise ValueError(f"isa must be one of {', '.join(INSTRUCTION_SETS)}: got {name!r}")
    if name not in AVAILABLE_INSTRUCTION_SETS:
        have = ", ".join(AVAILABLE_INSTRUCTION_SETS) or "none"
        raise ValueError(f"isa {name!r} is not to be had here: this build and processor have {have}")
    return name


_backend = ContextVar(
    "cellwise_backend",
    default=_check_backend(os.environ.get("CELLWISE_BACKEND") or ("numpy" if _native is None else "native")),
)
if os.environ.get("CELLWISE_ISA") and _check_isa(os.environ["CELLWISE_ISA"]):
    _native.choose_instruction_set(os.environ["CELLWISE_ISA"])


def backend():
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
    return _backend.get()


def native():
    """The native module while its backend is on, else None."""
    return _native if _backend.get() == "native" else None


@contextmanager
def use(*, backend=None, isa=None):
    """Run the body of a `with` statement on another backend (in this thread) or instruction set (in all threads)."""
    token = None if backend is None else _backend.set(_check_backend(backend))
    isa_before = None if isa is None or not _check_isa(isa) else _native.instruction_set()
    if isa_before:
        _native.choose_instruction_set(isa)
    try:
        yield
    finally:
        if token is not None:
            _backend.reset(token)
        if isa_before:
            _native.choose_instruction_set(isa_before)


def _num_threads_from_environment():
    text = os.environ.get("CELLWISE_NUM_THREADS")
    if not text:
        return None
    return inputs.check_integer("CELLWISE_NUM_THREADS", int(text) if text.isdecimal() else text, 1, _MOST_THREADS)


_MOST_THREADS = 1024
_num_threads_wanted = _num_threads_from_environment()


def default_num_threads():
    """One in a child process of multiprocessing, joblib or loky, else what the environment says, else all there are."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        return 1
    if _num_threads_wanted is not None:
        return _num_threads_wanted
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_num_threads(n):
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
    n = inputs.check_integer("n", n, 1, _MOST_THREADS)
    before = 1 if _native is None else _native.num_threads()
    if _native is not None:
        _native.set_num_threads(n)

    @contextmanager
    def back():
        try:
            yield
        finally:
            if _native is not None:
                _native.set_num_threads(before)

    return back()


def build_info():
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

    return {
        "version": version("cellwise"),
        "backend": backend(),
        "isa": _native.instruction_set() if backend() == "native" else "none",
        "threads": str(_native.num_threads() if backend() == "native" else 1),
        "compiler": _native.COMPILER if _native else "none",
        "flags": _native.FLAGS if _native else "none",
        "numpy": np.__version__,
    }


def _result_layout(code):
    """Dtype and shape per row of a result code such as f8[4,2]."""
    base, _, block = code.partition("[")
    dtype = np.dtype(base) if base[0] == "S" else _DTYPES[base]
    return dtype, tuple(int(x) for x in block.rstrip("]").split(",")) if block else ()


def _native_view(array):
    """Text as bytes, for the native module."""
    if array.dtype.kind != "S":
        return array
    return array.view(np.uint8).reshape(len(array), array.dtype.itemsize)


class _Call:
    """The arguments of one call, read and broadcast."""

    def __init__(self, row, values):
        self.row = row
        self.arguments = [inputs.read(code, name, value) for (name, code), value in zip(row.arguments, values)]
        self.shape = np.broadcast_shapes(*(a.shape for a in self.arguments))
        self.n = int(np.prod(self.shape, dtype=np.int64))
        self.flat = [self._flatten(a) for a in self.arguments]

    def _flatten(self, argument):
        """One row where the argument is the same for all, else as many rows as the result; a view where it can be."""
        block = argument.array.shape[len(argument.shape) :]
        if argument.array.size == int(np.prod(block, dtype=np.int64)) and self.n > 0:
            rows = argument.array.reshape(1, *block)
        else:
            rows = np.broadcast_to(argument.array, self.shape + block).reshape(self.n, *block)
        if rows.ndim == 1 and rows.dtype.kind != "S" and rows.flags.aligned and rows.strides[0] % rows.itemsize == 0:
            return rows
        return np.ascontiguousarray(rows)

    def chunks(self):
        """Slices of rows and the arguments of each, for the numpy backend."""
        for start in range(0, self.n, CHUNK):
            at = slice(start, min(start + CHUNK, self.n))
            parts = [x if len(x) == 1 else x[at] for x in self.flat]
            yield at, [x.astype(np.float64) if x.dtype == np.float32 else x for x in parts]

    def count_in_chunks(self, compute):
        """Add up what `compute(slice of rows, their arguments)` finds invalid: (count, first)."""
        count, first = 0, -1
        for at, parts in self.chunks():
            found, where = compute(at, parts)
            if found and count == 0:
                first = at.start + where
            count += found
        return count, first

    def results(self, out, as_bytes):
        """Arrays for the results, of the broadcast shape: `out` where it is given, else new ones."""
        layouts = [_result_layout(code) for code in self.row.results]
        if out is None:
            return [np.empty(self.shape + block, dtype) for dtype, block in layouts]
        if len(layouts) == 1 and not isinstance(out, tuple):
            out = (out,)
        if not isinstance(out, tuple) or len(out) != len(layouts):
            given = f"{len(out)}" if isinstance(out, tuple) else type(out).__name__
            raise TypeError(f"out must be a tuple of {len(layouts)} arrays: got {given}")
        for k, (array, (dtype, block)) in enumerate(zip(out, layouts)):
            name = "out" if len(layouts) == 1 else f"out[{k}]"
            if dtype.kind == "S" and not as_bytes:
                dtype = np.dtype(f"U{dtype.itemsize}")
            _check_writable(name, array, dtype)
            if array.shape != self.shape + block:
                raise ValueError(f"{name} must have the shape {self.shape + block}: got {array.shape}")
        if len(out) == 2 and np.shares_memory(*out):
            raise ValueError("out must be arrays that share no memory: got two that do")
        return out

    def report(self, count, first, on_invalid):
        if count and on_invalid != "null":
            _explain.report(self.row, self.arguments, self.shape, count, first, on_invalid)


def _call(name, *values, on_invalid="raise", out=None, exact=False, as_bytes=False):
    if on_invalid not in ("raise", "warn", "null"):
        inputs.check_choice("on_invalid", on_invalid, ("raise", "warn", "null"))
    row = KERNELS[name]
    this = _Call(row, values)
    return _ragged(this, on_invalid, out) if row.is_ragged else _elementwise(this, on_invalid, out, exact, as_bytes)


# call(name, *values, on_invalid="raise", out=None, exact=False, as_bytes=False): results of the kernel `name` for any
# arguments, scalars, arrays, or what `inputs` can read. `out` takes the results, `exact` rules out block kernels,
# `as_bytes` leaves text as bytes. The native module answers at once for scalars and arrays of the kernel's own types.
call = _call if _native is None else _native.fast_call(_call, _backend, _native.FAST)


def _check_writable(name, array, dtype):
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be an array: got {type(array).__name__}")
    if array.dtype != dtype:
        raise TypeError(f"{name} must be of dtype {dtype}: got {array.dtype}")
    if not array.flags.writeable:
        raise ValueError(f"{name} must be writable: got a read-only array")


def _can_be_written(result, flat):
    """Whether a backend can write its rows there, before it has read all the arguments."""
    is_plain = result.flags.c_contiguous and result.flags.aligned and result.dtype.kind != "U"
    return is_plain and not any(np.may_share_memory(result, x) for x in flat)


def _elementwise(this, on_invalid, out, exact, as_bytes):
    row = this.row
    results = this.results(out, as_bytes)
    direct = [
        result if _can_be_written(result, this.flat) else np.empty(result.shape, _result_layout(code)[0])
        for result, code in zip(results, row.results)
    ]
    rows = [x.reshape(this.n, *_result_layout(code)[1]) for x, code in zip(direct, row.results)]
    module = native()
    if module is not None:
        count, first = getattr(module, row.name)(*map(_native_view, this.flat), *map(_native_view, rows), exact)
    else:
        count, first = this.count_in_chunks(lambda at, parts: _reference.run(row, parts, [x[at] for x in rows]))
    this.report(count, first, on_invalid)
    if out is not None:
        for result, found in zip(results, direct):
            if result is not found:
                result[...] = inputs.ascii_to_text(found) if result.dtype.kind == "U" else found
        return tuple(results) if len(results) > 1 else results[0]
    shaped = [inputs.finish(result, this.arguments, this.shape, as_bytes) for result in results]
    return tuple(shaped) if len(shaped) > 1 else shaped[0]


def _ragged(this, on_invalid, out):
    row, module = this.row, native()
    if len(this.shape) > 1:
        raise ValueError(f"{row.name} takes scalars and one-dimensional arrays: got shape {this.shape}")
    # How many values there can be, before the runs are there.
    if module is not None:
        offsets = np.empty(this.n + 1, np.int64)
        count, first = getattr(module, row.name + "_offsets")(*map(_native_view, this.flat), offsets)
        most = offsets[-1]
    else:
        sizes = np.empty(this.n, np.int64)
        count, first = this.count_in_chunks(lambda at, parts: _reference.run_size(row, parts, sizes[at]))
        most = sizes.sum(dtype=np.float64)
    this.report(count, first, on_invalid)
    inputs.check_cell_limit(most, row.name)
    values = _room(out, int(most), this.flat)
    if module is not None:
        total = getattr(module, row.name)(*map(_native_view, this.flat), offsets, values)
    else:
        total = 0
        for at, parts in this.chunks():
            run = _reference.run_fill(row, parts, sizes[at])
            values[total : total + len(run)] = run
            total += len(run)
        offsets = _offsets(sizes)
    values = values[:total]
    return values if this.shape == () else Ragged._of(values, offsets)


def _room(out, size, flat):
    """An array for so many values: `out`, where it is given."""
    if out is None:
        return np.empty(size, np.uint64)
    _check_writable("out", out, np.dtype(np.uint64))
    if out.ndim != 1 or not out.flags.c_contiguous or not out.flags.aligned:
        raise ValueError(f"out must be one-dimensional and contiguous: got shape {out.shape}, strides {out.strides}")
    if len(out) < size:
        raise ValueError(f"out must have room for {size:,} values: got {len(out):,}")
    if any(np.may_share_memory(out, x) for x in flat):
        raise ValueError("out must not share memory with the other arguments: got one that may")
    return out


def _offsets(sizes):
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets
