"""Every option of everything public is checked before any data are looked at, with one message on every backend.

The public surface is walked by signature. A parameter is data, named in `DATA` with values of it, or an option, named
in `OPTIONS` with values that it must not have. What is in neither list fails, and so does an option that is not checked.
"""

import inspect

import numpy as np
import pandas as pd
import pytest
import shapely
from sklearn.linear_model import Ridge

import cellwise as cw
from cellwise import features, groups, neighbors, plot
from cellwise.features._base import CellTransformer
from cellwise.testing import available, use

BACKENDS = sorted({name for name, _ in available()})


class Unreadable:
    """No data of any kind: an option is to be complained about before this is."""


# --- data: values of them as rows, as no rows, and as single ones where there are such ---------------------------------

CELL = 10743750135264575488
LAT, LNG = np.random.default_rng(0).uniform(40, 50, (2, 30))
X, Y = np.column_stack([LAT, LNG]), np.arange(30) / 7
BOX = shapely.box(0, 0, 1, 1)


def of(rows, none=None, one=None):
    return {"rows": rows, "none": rows if none is None else none, "one": rows if one is None else one}


CELLS = of(np.array([CELL], np.uint64), np.empty(0, np.uint64), CELL)
DEGREES = of(np.array([1.0]), np.empty(0), 1.0)
INTEGERS = of(np.array([5], np.int32), np.empty(0, np.int32), 5)
TABLE = of(X, X[:0])
DATA = {
    **dict.fromkeys(("cell", "cells", "a", "b", "covering", "exclude_cell"), CELLS),
    **dict.fromkeys(("lat", "lng", "lat1", "lng1", "lat2", "lng2"), DEGREES),
    "exclude_row": INTEGERS,
    "xyz": of(np.array([[1.0, 0.0, 0.0]]), np.empty((0, 3)), [1.0, 0.0, 0.0]),
    "token": of(["1"], np.empty(0, "U1"), "1"),
    "s": of(["1/"], np.empty(0, "U2"), "1/"),
    "i": of(np.array([1 << 60]), np.empty(0, np.int64), 1 << 60),
    **dict.fromkeys(("region", "anything"), of([BOX, BOX], [], BOX)),
    "geometry": of(BOX),
    "loops": of([(0, 0), (0, 1), (1, 1)]),
    "vertices": of([(0, 0), (0, 1)]),
    "X": TABLE,
    "X_deploy": of(None),
    "y": of(Y, Y[:0]),
    "values": of(np.ones(1), np.empty(0), 1.0),
    # of other shapes, and checked elsewhere
    **dict.fromkeys(
        ("cells_or_latlng", "ranges", "tokens", "data", "rows", "out", "index", "offsets", "parts"), of(None)
    ),
    **dict.fromkeys(("groups", "sample_weight", "input_features", "saved", "kwargs", "params", "feature"), of(None)),
    **dict.fromkeys(("actual", "expected", "function", "args", "encoder", "column"), of(None)),
}

# --- options: values that they must not have --------------------------------------------------------------------------

ON_INVALID = ["bogus", "RAISE", 1, None, ["raise"]]
BOOL = ["x", "True", 1, 0.0, None]
BOOL_OR_NONE = ["x", "True", 1, 0.0]
WORD = ["bogus", 1, None]
LEVEL = [-1, 31, 1.0, "x", True, [5]]
COUNT = [0, -1, 1.0, "x", True, 2**62]
FOLDS = [0, -1, 2.0, "x", True]
LENGTH = [-1, np.nan, np.inf, "1", True, 10**400, 1j]
UNIT = ["bogus", "M", 1, None, ["m"]]
COLUMN = [1.5, True, ("a",), b"lat"]
OPTIONS = {
    "on_invalid": ON_INVALID,
    "unit": UNIT,
    **dict.fromkeys(("normalize", "signed", "exact", "interior", "oriented", "points_only", "exclude_place"), BOOL),
    **dict.fromkeys(("outlines", "add_up", "rollup", "sparse_output", "log", "add_support", "shuffle"), BOOL),
    **dict.fromkeys(("coastline", "gridlines", "colorbar", "progress"), BOOL_OR_NONE),
    **dict.fromkeys(
        ("mode", "rule", "optimize_for", "handle_unknown", "criterion", "target_type", "small_cells"), WORD
    ),
    **dict.fromkeys(("output", "prior", "crossfit", "exclude"), WORD),
    **dict.fromkeys(("min_level", "max_level", "level", "max_level_diff"), LEVEL),
    **dict.fromkeys(("max_cells", "k", "max_features", "max_count", "budget", "n"), COUNT),
    **dict.fromkeys(("n_splits", "cv"), FOLDS),
    **dict.fromkeys(("radius", "buffer", "length", "area"), LENGTH),
    "level_mod": [0, 4, 1.0, "x", True],
    "limit": [-1, 1.0, "x", True, None],
    "height": [-1, 2.1, np.nan, "x", True],
    "edges": ["planer", 1, True],
    "dtype": ["bogus", "U5", "M8[s]", object],
    "backend": ["bogus", "Native", 1],
    "isa": ["bogus", "AVX2", 1],
    "ax": ["bogus", 1],
    "projection": ["bogus", 1],
    "annotate": ["bogus", 1, None],
    "levels": ["bogus", -1, 31, 1.0, None, [], [5, 31], ["x"], True, {5: 1}],
    "rings": [-1, 1.0, [], [0, -1], "x", True],
    "min_frequency": [0, -1, 1.5, 0.0, "x", np.nan, True],
    "smooth": ["bogus", -1, np.nan, np.inf, None, True],
    "block_level": ["bogus", -1, 31, 1.0, None, True],
    "random_state": ["bogus", 1.5, -1, True, 2**32, [1]],
    "stats": ["bogus", None, 1, ("mean", "bogus"), ()],
    "weights": ["bogus", 1, True],
    "of": [1.5, True, None, (), ("a", 1.5)],
    "test_size": [0, -1, 1.5, 0.0, "x", np.nan, True, None],
    "scoring": [1, "bogus", True],
    "estimator": [None, 1, "ridge", Ridge],
    "n_jobs": [0, 1.5, "x", True],
}

# Of some callables a name stands for something else.
LEVEL_OR_AUTO = ["bogus", *LEVEL, None]
OF_ONE_PLACE = [np.nan, "x", True, None, 455]
BOUNDS = [1.0, (1,), (1, 2, 3), ("a", "b"), (0, np.nan), (0, 1000)]
OWN_OPTIONS = {
    "cells_at_level": {"level": [*LEVEL, None]},
    "iter_cells": {"level": [*LEVEL, None], "on_invalid": [*ON_INVALID, "null", "warn"]},
    "region": {"on_invalid": [*ON_INVALID, "null", "warn"]},
    "index_terms": {"min_level": [*LEVEL, 17]},
    "level_table": {"length": UNIT, "area": WORD},
    "level_for_edge": {"length": [0, None, *LENGTH]},
    "level_for_area": {"area": [0, None, *LENGTH]},
    "cell_to_token": {"dtype": ["bogus", "U5", "uint64", None, str]},
    "Cap": {"lat": OF_ONE_PLACE, "lng": OF_ONE_PLACE},
    "Cap.from_height": {"lat": OF_ONE_PLACE, "lng": OF_ONE_PLACE},
    "Rect": {"lat": BOUNDS, "lng": BOUNDS},
    "features.CellCounts": {"normalize": ["bogus", True, 1]},
    "features.CellBlockKFold": {"level": LEVEL_OR_AUTO, "n_splits": [1, *FOLDS]},
    "features.CellBlockShuffleSplit": {"level": LEVEL_OR_AUTO},
    "features.LeaveOneCellOut": {"level": LEVEL_OR_AUTO},
    "features.spatial_report": {"buffer": ["bogus", -1, np.nan, True], "cv": [1, None, *FOLDS]},
    "features.suggest_levels": {"estimator": [1, "ridge", Ridge]},
    "features.SpatialLag": {"radius": [0, -1, np.nan, "x", True, (), (5, 0)], "k": [0, 1.5, "x", True, ()]},
    "features.CellTargetEncoder": {"stats": [*WORD, ("mean",)], "dtype": ["bogus", int, "U5"], "cv": [1, None, *FOLDS]},
}
# Of encoders, splitters and reports these choose columns.
COLUMNS = dict.fromkeys(("lat", "lng", "cell"), COLUMN)
# Of functions of cells these are values, one for each cell.
PER_CELL = {"level": INTEGERS, "k": INTEGERS, "n": INTEGERS}
# What is given beside an option.
BESIDE = {
    ("features.SpatialLag", "level"): {"rings": 1},
    ("features.SpatialLag", "rings"): {"level": 5},
    ("plot.plot_features", "add_up"): {"values": Y},
}
# Good values of options that have no default.
GOOD = {"level": 5, "min_level": 5, "radius": 1.0, "length": 1.0, "area": 1.0, "height": 0.1, "k": 1, "n": 1}
GOOD |= {"estimator": Ridge(), "column": "leaf"}
OWN_GOOD = {
    "Cap": {"lat": 0, "lng": 0},
    "Cap.from_height": {"lat": 0, "lng": 0},
    "Rect": {"lat": (0, 1), "lng": (0, 1)},
}

# --- the walk ---------------------------------------------------------------------------------------------------------

ROOMS = {
    "": (cw, cw.__all__),
    "features.": (features, features.__all__),
    "plot.": (plot, plot.__all__),
    "neighbors.": (neighbors, neighbors.__all__),
    "testing.": (cw.testing, cw.testing.__all__),
    "groups.": (groups, ["count_cells", "factorize_cells", "CellIndex"]),
}
# Classes that users do not make.
RESULTS = {"Coverings", "Ragged", "BufferedRegion", "GeodesicCollection", "Region", "neighbors.Part"}
RESULTS |= {"features.SpatialReport", "features.LevelSuggestion"}


def surface():
    """Names of everything public that can be called, with what it is, and its parameters."""
    for prefix, (room, names) in ROOMS.items():
        for name in names:
            thing = getattr(room, name)
            if inspect.isclass(thing):
                for method, function in inspect.getmembers(thing, callable):
                    if method[0] != "_" and getattr(function, "__module__", "").startswith("cellwise"):
                        yield f"{prefix}{name}.{method}", function
            if callable(thing) and not inspect.ismodule(thing) and prefix + name not in RESULTS:
                yield prefix + name, thing


SURFACE = {
    name: (thing, {k: v for k, v in inspect.signature(thing).parameters.items() if k != "self"})
    for name, thing in surface()
}


def is_of_cells(name):
    return SURFACE[name][0].__module__.startswith("cellwise.cells.")


def bad_values(name, parameter):
    """What an option must not be; None of what is no option."""
    own = OWN_OPTIONS.get(name, {})
    if name.startswith("features.") and name.count(".") == 1:
        own = COLUMNS | own
    if is_of_cells(name) and parameter in PER_CELL:
        return None
    return own.get(parameter, OPTIONS.get(parameter))


CASES = [
    (name, parameter)
    for name, (_, parameters) in SURFACE.items()
    for parameter in parameters
    if bad_values(name, parameter) is not None and not name.startswith("Region.")
]


def test_every_parameter_is_data_or_an_option():
    unknown = {
        (name, parameter)
        for name, (_, parameters) in SURFACE.items()
        for parameter in parameters
        if bad_values(name, parameter) is None and parameter not in {*DATA, *PER_CELL}
    }
    assert not unknown, "name these in DATA, or in OPTIONS with values that they must not have"
    assert len(CASES) > 290


@pytest.fixture(scope="module")
def instances():
    """Something of each class, for its methods."""
    polygon, empty = cw.Polygon([(0, 0), (0, 1), (1, 1)]), pd.DataFrame()
    made = [cw.Rect(lat=(0, 1), lng=(0, 1)), cw.Cap(0, 0, 1), polygon, cw.Polyline([(0, 0)]), cw.region(BOX)]
    made += [cw.GeodesicCollection([polygon]), polygon.buffered(5), cw.CellUnion([])]
    made += [
        getattr(features, name)()
        for name in features.__all__
        if name[0].isupper() and f"features.{name}" not in RESULTS
    ]
    made += [features.suggest_levels(X), features.SpatialReport(empty, "", empty, empty, "r2", "m", None, "Ridge")]
    made += [neighbors.NeighborIndex([], []), groups.CellIndex(np.empty(0, np.uint64))]
    return {type(thing).__name__: thing for thing in made}


def ask(name, option, value, form, instances):
    """Call what is called so, with a value of an option, and beside that with data of a form."""
    thing, parameters = SURFACE[name]
    arguments = dict(BESIDE.get((name, option), {}))
    for parameter, its in parameters.items():
        if its.default is its.empty and its.kind not in (its.VAR_POSITIONAL, its.VAR_KEYWORD):
            arguments[parameter] = argument(name, parameter, form)
    arguments[option] = value
    owner, _, method = name.rpartition(".")
    owner = owner.rpartition(".")[2]
    if inspect.isclass(thing) and issubclass(thing, CellTransformer):
        thing(**arguments).fit(argument(name, "X", form), argument(name, "y", form))
    elif owner in instances:
        getattr(instances[owner], method)(**arguments)
    elif name == "testing.use":
        with thing(**arguments):
            pass
    else:
        thing(**arguments)


def argument(name, parameter, form):
    good = GOOD | OWN_GOOD.get(name, {})
    if parameter in good and not is_of_cells(name):
        return good[parameter]
    if form == "unreadable":
        return Unreadable()
    return (PER_CELL if is_of_cells(name) and parameter in PER_CELL else DATA)[parameter][form]


@pytest.mark.parametrize(("name", "option"), CASES, ids=[f"{name}-{option}" for name, option in CASES])
def test_an_option_is_checked_before_data(name, option, instances):
    for value in bad_values(name, option):
        said = set()
        for backend in BACKENDS:
            with use(backend=backend):
                for form in ("unreadable", "none", "one", "rows"):
                    with pytest.raises((TypeError, ValueError)) as why:
                        ask(name, option, value, form, instances)
                    said.add((why.type, str(why.value)))
        assert len(said) == 1, said
        assert why.value.args[0].startswith(f"{option} must"), (value, why.value)
