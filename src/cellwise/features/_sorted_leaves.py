"""Rows grouped by cell, at every level, from one sort.

Along the curve the leaves of a cell are one run, so rows that are sorted by leaf are sorted by their ancestors at every
level too. Counts, sums and look-ups at all levels therefore need one sort and no hashing:

    order = np.argsort(cells)                           once
    ancestor = ancestors(cells[order], level)           at each level
    cell, start = runs(ancestor)                        the rows of cell k are order[start[k]:start[k + 1]]
    total = np.add.reduceat(y[order], start)            any sum over the rows of each cell

Rows may have cells coarser than leaves: at levels finer than their own they have no ancestor, which is 0.
"""

import numpy as np


def ancestors(cells, level):
    """Ancestor of each cell at `level`; 0 for missing cells and for those coarser than `level`."""
    bit = 1 << 2 * (30 - int(level))  # the lowest bit set in the ids of the level
    coarse = cells & np.uint64(2 * bit - 1) == 0
    ancestor = cells & np.uint64((1 << 64) - bit)
    ancestor |= np.uint64(bit)
    ancestor[coarse] = 0
    return ancestor


def at_most(cells, level):
    """The cells, those finer than `level` replaced by their ancestors there."""
    ancestor = ancestors(cells, level)
    return np.where(ancestor == 0, cells, ancestor)


def runs(ordered):
    """Distinct values of a sorted array, ascending, and where each begins."""
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    start = np.flatnonzero(first)
    return ordered[start], start


def cell_counts(ordered, level):
    """Cells of `level` that hold any of the sorted cells, ascending, and how many each holds."""
    return _counted(ancestors(ordered, level))


def _counted(ancestor):
    """Distinct cells and their counts in sorted cells with zeros among them."""
    if not ancestor.all():
        ancestor = ancestor[ancestor != 0]
    cell, start = runs(ancestor)
    return cell, np.diff(start, append=len(ancestor))


def count_within(ordered, cells):
    """How many of the sorted cells lie within each of `cells`, which may be of any levels."""
    reach = (cells & (~cells + np.uint64(1))) - np.uint64(1)  # from a cell's id to the ends of its range of leaves
    return np.searchsorted(ordered, cells + reach, "right") - np.searchsorted(ordered, cells - reach, "left")


def spans(ordered, cells):
    """Where the sorted cells that lie within each of `cells` begin, and the position after their last."""
    reach = (cells & (~cells + np.uint64(1))) - np.uint64(1)  # from a cell's id to the ends of its range of leaves
    return np.searchsorted(ordered, cells - reach, "left"), np.searchsorted(ordered, cells + reach, "right")


def containing(disjoint, cells):
    """Position in the sorted, disjoint cells of the one that contains each of `cells`, or -1."""
    if len(disjoint) == 0:
        return np.full(len(cells), -1)
    reach = (disjoint & (~disjoint + np.uint64(1))) - np.uint64(1)
    at = np.searchsorted(disjoint + reach, cells)
    at[at == len(disjoint)] = 0
    first, last = disjoint - reach, disjoint + reach
    at[(cells < first[at]) | (cells > last[at])] = -1
    return at


def positions(vocabulary, cells):
    """Where each cell stands in the sorted `vocabulary`, or -1. Fastest for cells that are sorted."""
    if len(vocabulary) == 0:
        return np.full(len(cells), -1)
    at = np.searchsorted(vocabulary, cells)
    at[at == len(vocabulary)] = 0
    at[vocabulary[at] != cells] = -1
    return at


def frequent_cells(ordered, levels, least, *, rollup):
    """Cells of the given levels that hold at least `least` of the sorted cells, by level, then id; how many each holds.

    With `rollup`, what no such cell contains gathers upward, level by level: as soon as at least `least` of it meet in
    one ancestor, that is taken too.
    """
    rollup = rollup and least > 1
    cells, counts = [], []
    left = ordered[:0]  # in none of the cells found so far
    for level in range(max(levels), -1, -1):
        is_asked = level in levels
        if is_asked:
            left = ordered  # a cell of this level that is frequent contains the frequent ones within it
        elif not rollup or len(left) < least:
            continue
        ancestor = ancestors(left, level)
        has_ancestor = ancestor != 0
        cell, count = _counted(ancestor)
        frequent = count >= least
        cells.append(cell[frequent])
        counts.append(count[frequent] if is_asked else count_within(ordered, cell[frequent]))
        if rollup:
            has_ancestor[has_ancestor] = np.repeat(frequent, count)
            left = left[~has_ancestor]
    return np.concatenate(cells[::-1]), np.concatenate(counts[::-1])


def auto_levels(ordered):
    """Levels that suit so many rows at these places: every second one between two ends, ascending; at least one.

    The finest is the last at which the median row shares its cell with about five rows, but not finer than is needed
    to part all places; the coarsest is the first at which the median cell holds at most a fiftieth of all rows. The
    two medians differ wherever rows crowd: most cells then hold one row, while most rows lie in full cells.
    """
    places = len(runs(ordered)[0])
    coarsest, finest = None, 0
    for level in range(31):
        count = cell_counts(ordered, level)[1]
        if len(count) == 0:
            break
        if coarsest is None and np.median(count) <= len(ordered) / 50:
            coarsest = level
        if _median_row(count) < 5:
            break
        finest = level
        if len(count) == places:
            break
    coarsest = finest if coarsest is None else min(coarsest, finest)
    return tuple(range(finest, coarsest - 1, -2))[::-1]


def _median_row(count):
    """Rows in the cell of the median row, when rows are ranked by how many share their cell."""
    count = np.sort(count)
    return count[np.searchsorted(np.cumsum(count), count.sum() / 2)]
