"""Rows grouped by cell: counts, look-ups among sorted cells, sums over groups.

Along the curve the cells of a level come in the order of their ids, and truncating ids keeps that order: so what is
sorted once is sorted at every level.
"""

import numpy as np


def truncated(cells, level):
    """The cells, those finer than `level` replaced by their ancestors there; 0 stays 0."""
    bit = 1 << 2 * (30 - level)
    is_coarser = cells & np.uint64(2 * bit - 1) == 0
    return np.where(is_coarser, cells, cells & np.uint64((1 << 64) - bit) | np.uint64(bit))


def count_cells(cells, level):
    """Distinct truncated cells but 0, ascending, and how many there are of each."""
    return np.unique(truncated(cells[cells != 0], level), return_counts=True)


def positions(vocabulary, start, cells, level):
    """Where the ancestor of each cell at `level` stands in the sorted vocabulary of that level, from `start` on; -1."""
    found = np.full(len(cells), -1, np.int32)
    if len(vocabulary) == 0:
        return found
    ancestor = truncated(cells, level)
    at = np.searchsorted(vocabulary, ancestor)
    at[at == len(vocabulary)] = 0
    known = vocabulary[at] == ancestor  # neither 0 nor a coarser cell is
    found[known] = at[known] + start
    return found


def containing(blocks, cells, ends):
    """Positions of the cells that contain each cell, by level; writes where those of each end.

    `blocks` are (level, start, cells of the level, sorted).
    """
    at = np.empty((len(cells), len(blocks)), np.int32)
    for k, (level, start, vocabulary) in enumerate(blocks):
        at[:, k] = positions(vocabulary, start, cells, level)
    np.cumsum(np.count_nonzero(at >= 0, axis=1), out=ends)
    return at[at >= 0].astype(ends.dtype)


def number_pairs(a, b, n_b, number):
    """Distinct pairs (a, b) in their order; writes the number of each pair among them."""
    distinct, number[...] = np.unique(a.astype(np.int64) * n_b + b, return_inverse=True)
    return tuple(part.astype(np.int32) for part in np.divmod(distinct, max(n_b, 1)))


def sum_groups(group, y, weight, sums):
    """Add to each row of `sums`: rows that do not weigh 0, their weight, weighted sums of y and of its square."""
    n = len(sums)
    weighted = y if weight is None else weight * y
    rows = np.bincount(group, None if weight is None else weight > 0, n)
    sums[:, 0] += rows
    sums[:, 1] += rows if weight is None else np.bincount(group, weight, n)
    sums[:, 2] += np.bincount(group, weighted, n)
    sums[:, 3] += np.bincount(group, weighted * y, n)


def add_sums(group, sums, added):
    """Add the sums of groups to those of the larger groups that they lie in, in order."""
    for k, column in enumerate(sums.T):
        added[:, k] += np.bincount(group, column, len(added))
