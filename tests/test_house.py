"""What may import what: each room lists what it may import of the package, and nothing else is allowed.

A room is a module or folder of `src/cellwise`. An entry that ends in "(late)" may only be imported within a function.
"""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "cellwise"

CELLS = {"cells", "inputs", "errors", "units", "levels", "ragged"}
REGIONS = {"cell_union", "regions", "covering"}
GROUPS = {"neighbors", "groups", "shrinkage"}
ROOMS = {
    # below everything
    "errors": set(),
    "_docs": set(),
    "_typing": set(),
    "_warn": set(),
    "_math": {"ragged"},
    # the kernels
    "_reference": {"_cover_options", "_math", "ragged"},
    "_backend": {"_math", "_native", "_reference"},
    # what users have
    "inputs": {"errors"},
    "_config": {"_backend", "errors", "inputs"},
    "ragged": {"inputs"},
    "units": {"inputs"},
    "_explain": {"_backend", "errors", "inputs"},
    "_dispatch": {"_backend", "_config", "_explain", "inputs", "ragged"},
    # cells
    "cells": {"_dispatch", "_outlines", "errors", "inputs", "ragged", "units"},
    "_outlines": {"_dispatch", "_math"},
    "levels": {"_math", "inputs", "units"},
    "_codec": set(),
    # regions
    "_cover_options": {"_math", "inputs"},
    "regions": {
        "_backend", "_cover_options", "_math", "cells", "cell_union (late)", "errors", "inputs", "ragged", "units",
    },
    "cell_union": {"_backend", "_codec", "_dispatch", "_math", "cells", "errors", "inputs", "regions", "units"},
    "covering": {
        "_backend", "_config", "_cover_options", "cell_union", "errors", "inputs", "ragged", "regions", "units",
    },
    "index_terms": {"_cover_options", "cells", "covering", "inputs", "ragged", "regions"},
    # arrays in, arrays out
    "groups": {"_backend", "cells", "inputs"},
    "shrinkage": {"_backend", "inputs"},
    "neighbors": {"_backend", "_math", "cells", "inputs", "ragged", "units"},
    # what is built on these
    "testing": {"_backend", "_config", "cell_union", "cells"},
    "features": {"index_terms", "plot", *CELLS, *REGIONS, *GROUPS},
    "plot": {*CELLS, *REGIONS},
    "cli": {"cellwise", "plot"},
    "__main__": {"cli"},
}  # fmt: skip
ANYWHERE = {"_docs", "_typing", "_warn"}
EVERYTHING = "__init__"  # names what is public

HEAVY = {"pandas", "sklearn", "matplotlib", "cartopy", "shapely", "geopandas", "scipy", "pyproj", "pyarrow", "tqdm"}
# Libraries that rooms may import at the top of a module, beside numpy and the standard library.
AT_THE_TOP = {
    "_outlines": {"shapely"},
    "features": {"pandas", "scipy", "sklearn", "joblib", "tqdm"},
    "plot": {"cartopy", "matplotlib", "pandas", "shapely"},
}
# Libraries that rooms may import within a function.
WITHIN = {
    "_reference": {"scipy"},
    "_math": set(),
    "_backend": set(),
}


def rooms_of(path):
    """The room that a module belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path, tree=None):
    """(room or library, whether it is one of the package's, whether at the top) of what a module imports."""
    tree = ast.parse(path.read_text()) if tree is None else tree
    checked = {id(node) for top in tree.body if isinstance(top, ast.If) for node in ast.walk(top) if _is_typing(top)}
    within = {id(n) for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.Lambda)) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if id(node) in checked:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name.split(".")[0]
                yield name, name == "cellwise", id(node) not in within
        elif isinstance(node, ast.ImportFrom):
            at = list(path.relative_to(SOURCE).parent.parts)
            at = at[: len(at) - (node.level - 1)] if node.level else []
            module = [*at, *filter(None, (node.module or "").split("."))]
            if node.level == 0 and module[0] != "cellwise":
                yield module[0], False, id(node) not in within
                continue
            if node.level == 0:
                module = module[1:]
            for name in module[:1] or [alias.name for alias in node.names]:
                yield name, True, id(node) not in within


def _is_typing(node):
    """Whether it is `if TYPE_CHECKING:`, which no program runs."""
    return "TYPE_CHECKING" in ast.dump(node.test)


def faults(path, tree=None):
    """What a module imports and may not."""
    room = rooms_of(path)
    for name, is_own, at_the_top in imports(path, tree):
        if is_own:
            late = f"{name} (late)" in ROOMS[room] and not at_the_top
            if name not in ROOMS[room] | ANYWHERE | {room} and not late:
                yield name
        elif name in HEAVY:
            if at_the_top and name not in AT_THE_TOP.get(room, ()):
                yield name
            if not at_the_top and name not in WITHIN.get(room, HEAVY) | AT_THE_TOP.get(room, set()):
                yield name


MODULES = sorted(SOURCE.rglob("*.py"))


def test_every_module_is_in_a_room_and_every_room_is_there():
    assert {rooms_of(path) for path in MODULES} == {*ROOMS, EVERYTHING}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_walls_hold(path):
    if rooms_of(path) != EVERYTHING:
        assert not list(faults(path))


def test_folders_of_tests_are_those_of_rooms():
    folders = {path.parent.name for path in Path(__file__).parent.glob("*/test_*.py")}
    assert folders <= {path.name for path in SOURCE.iterdir() if path.is_dir()}


def test_only_the_native_backend_imports_the_native_module():
    importers = {
        path.relative_to(SOURCE).as_posix()
        for path in MODULES
        if any(name == "_native" and is_own for name, is_own, _ in imports(path))
    }
    assert importers <= {"_backend/native.py"}


def test_rooms_make_no_circle():
    below = {room: {name for name in allowed if name in ROOMS} - {room} for room, allowed in ROOMS.items()}
    lazy = {("features", "plot"), ("ragged", "inputs")}  # within a function
    while below:
        lowest = [
            room for room, allowed in below.items() if not {n for n in allowed if (room, n) not in lazy} & set(below)
        ]
        assert lowest, f"a circle among {sorted(below)}"
        for room in lowest:
            del below[room]


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("_reference/groups.py", "from ..regions import Polygon"),
        ("_reference/groups.py", "from .._backend import kernels"),
        ("_math/cell_ranges.py", "from ..errors import InvalidCellError"),
        ("inputs/arguments.py", "from .. import features"),
        ("cells/hierarchy.py", "from .. import _reference"),
        ("cells/hierarchy.py", "from cellwise.features import CellEncoder"),
        ("cells/hierarchy.py", "import pandas"),
        ("_math/cell_ranges.py", "def f():\n    import shapely"),
        ("features/_base.py", "from .._backend import kernels"),
        ("plot/cells.py", "from .. import features"),
        ("cell_union.py", "from ._native import normalize_cells"),
        ("cli.py", "from . import covering"),
    ],
)
def test_walls_would_fall_on_what_is_not_listed(room, line):
    path = SOURCE / room
    assert list(faults(path, ast.parse(path.read_text() + "\n" + line)))
