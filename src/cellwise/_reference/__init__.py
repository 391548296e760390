"""The numpy backend: every kernel of the table in plain numpy, written to be read.

Read `projection` first: it opens with the chart of coordinate systems. A kernel here is a function of arrays of equal
length that all satisfy its requirements (`requirements`), named as its row in the table.
"""

import numpy as np

from . import adjacency, conversion, geometry, hierarchy
from .requirements import broken, missing

_MODULES = (conversion, hierarchy, adjacency, geometry)


def kernel(name):
    """The function of that name."""
    for module in _MODULES:
        function = vars(module).get(name)
        if function is not None and function.__module__ == module.__name__:
            return function
    raise AttributeError(f"no reference kernel {name}")


def _valid_rows(row, inputs, n):
    """Inputs of the rows that can be computed, where those are, and (count, first) of the invalid ones."""
    invalid = broken(row, inputs) >= 0
    count = int(np.count_nonzero(invalid)) if len(invalid) == n else int(invalid[0]) * n
    first = int(np.argmax(invalid)) if count else -1
    usable = np.broadcast_to(~(invalid | missing(row, inputs)), n)
    return [np.broadcast_to(x, (n, *x.shape[1:]))[usable] for x in inputs], usable, (count, first)


def run(row, inputs, outputs):
    """Write the outputs of an elementwise row; (count, first index) of invalid rows."""
    valid, usable, found = _valid_rows(row, inputs, len(outputs[0]))
    results = kernel(row.name)(*valid)
    for out, result in zip(outputs, results if isinstance(results, tuple) else (results,)):
        out[...] = null_of(out.dtype)
        out[usable] = result
    return found


def run_size(row, inputs, sizes):
    """Write upper bounds of the run lengths of a ragged row; (count, first index) of invalid rows."""
    valid, usable, found = _valid_rows(row, inputs, len(sizes))
    sizes[...] = 0
    sizes[usable] = kernel(row.name + "_size")(*valid)
    return found


def run_fill(row, inputs, sizes):
    """Runs of a ragged row one behind another; their true lengths take the place of the bounds."""
    usable = sizes > 0
    n = len(sizes)
    found, lengths = kernel(row.name)(*(np.broadcast_to(x, (n, *x.shape[1:]))[usable] for x in inputs))
    sizes[usable] = lengths
    return found


def null_of(dtype):
    """What an output holds where there is nothing to compute."""
    return {"u": 0, "i": -1 if dtype.itemsize == 4 else 0, "f": np.nan, "b": False, "S": b"X"}[dtype.kind]
