"""The options of a covering have one owner, and its limits one rule."""

import importlib
import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cellwise as cw
from cellwise import _backend
from cellwise._cover_options import CoverLimit, CoverOptions
from cellwise.covering import CoverKeywords
from cellwise.index_terms import index_terms, query_terms

# Google's options, and how regions are read: every function that covers takes the latter.
GOOGLES = ["min_level", "max_level", "max_cells", "level_mod", "interior"]
READING = ["edges", "oriented", "on_invalid", "buffer", "unit"]
# What is derived, or set by other functions than `cover`.
OTHERS = ["center", "within", "cell_limit", "min_candidates", "cells_per_steradian", "min_cells_per_steradian"]


def keywords(function):
    return [name for name, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY]


def test_an_option_of_cover_is_in_all_its_places():
    """The signature and the docstring of `cover`, what types say of it, `CoverOptions` in Python, and that in C++."""
    assert keywords(cw.cover) == GOOGLES + READING
    assert sorted(CoverKeywords.__annotations__) == sorted(GOOGLES + READING)
    assert list(CoverOptions.__dataclass_fields__) == GOOGLES + OTHERS
    parameters = inspect.getdoc(cw.cover).partition("Parameters")[2].partition("Returns")[0]
    for name in GOOGLES + READING:
        assert name in parameters


@pytest.mark.needs_native
def test_the_native_options_have_the_same_fields():
    assert list(importlib.import_module("cellwise._native").COVER_OPTIONS) == list(CoverOptions.__dataclass_fields__)


@pytest.mark.parametrize("function", [cw.cells_at_level, cw.iter_cells, index_terms, query_terms])
def test_all_that_covers_reads_regions_alike(function):
    assert keywords(function)[-len(READING) :] == READING
    documented = inspect.getdoc(function)
    assert all(name in documented for name in READING)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (dict(min_level=31), ValueError, "min_level must be in 0..30: got 31"),
        (dict(max_level=-1), ValueError, "max_level must be in 0..30: got -1"),
        (dict(min_level=5, max_level=4), ValueError, "min_level must be at most max_level: got 5 and 4"),
        (dict(max_cells=0), ValueError, "max_cells must be in 1..2147483647: got 0"),
        (dict(level_mod=4), ValueError, "level_mod must be in 1..3: got 4"),
        (dict(interior=1), TypeError, "interior must be True or False: got 1"),
        (dict(max_cells=8.0), TypeError, "max_cells must be an integer: got float 8.0"),
    ],
)
def test_options_are_checked(options, error, words, backend):
    with pytest.raises(error, match=words.replace(".", r"\.")):
        CoverOptions(**options)
    with pytest.raises(error, match=words.replace(".", r"\.")):
        cw.cover(cw.Rect(lat=(0, 1), lng=(0, 1)), **options)


@pytest.mark.parametrize(
    ("options", "area", "limit"),
    [
        (CoverOptions(), 4 * np.pi, 1 << 16),  # the whole sphere at level 0: six cells
        (CoverOptions(cell_limit=1000), 4 * np.pi, 1000),
        (CoverOptions(min_level=12), 1e-9, 1 << 16),
        (CoverOptions(min_level=12), 0.01, 4 * round(0.01 * 6 * 4**12 / (4 * np.pi) - 0.5) + 1),
        (CoverOptions(min_level=12, max_level=12, cell_limit=10**6), 0.001, 10**6),
        (CoverOptions(min_level=28, within=1 << 60), 4 * np.pi, 1 << 16),
    ],
)
def test_candidates(options, area, limit):
    assert abs(options.candidate_limit(lambda: area) - limit) <= 2


def test_the_area_is_asked_only_if_a_limit_depends_on_it():
    asked = []
    CoverOptions(min_level=5).candidate_limit(lambda: asked.append(1) or 1.0)
    assert not asked
    CoverOptions(min_level=20).candidate_limit(lambda: asked.append(1) or 1e-9)
    assert asked


def test_the_estimate_uses_the_largest_cells():
    """So that no region of so many cells is refused."""
    options = CoverOptions(min_level=10, cell_limit=1000)
    cell_area = 2.635799256963161491 / 4**10
    options.candidate_limit(lambda: 999.9 * cell_area)
    with pytest.raises(CoverLimit) as met:
        options.candidate_limit(lambda: 1000.1 * cell_area)
    assert met.value.limit == "estimate"
    assert met.value.cells == pytest.approx(1000.1 * cell_area / (4 * np.pi / 6 / 4**10))


@pytest.mark.needs_native
@given(st.integers(0, 30), st.integers(0, 30), st.booleans(), st.integers(1, 1 << 40), st.floats(0, 4 * np.pi))
def test_both_backends_have_the_same_limits(a, b, anywhere, cell_limit, area):
    options = CoverOptions(
        min_level=min(a, b), max_level=max(a, b), within=0 if anywhere else 1 << 60, cell_limit=cell_limit
    )
    assert limit(_backend.native, options, area) == limit(_backend.numpy, options, area)


def limit(module, options, area):
    """The limit of candidates, or what the covering would meet before it begins."""
    try:
        return module.candidate_limit(options, area)
    except CoverLimit as met:
        return met.limit, met.cells


@pytest.mark.needs_native
def test_both_backends_have_the_same_limits_at_every_scale():
    limits = set()
    for min_level in range(0, 31, 2):
        for cell_limit in (10**3, 10**5, 10**7, 2**62):
            options = CoverOptions(min_level=min_level, cell_limit=cell_limit)
            for area in np.geomspace(1e-14, 4 * np.pi, 30):
                found = limit(_backend.native, options, area)
                assert found == limit(_backend.numpy, options, area)
                limits.add(found)
    assert len(limits) > 300  # most of them are neither the least one nor the cell limit
