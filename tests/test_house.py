"""What may import what."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "cellwise"
CORE = ("cell_union", "regions", "covering", "levels", "ragged", "inputs", "errors", "units", "cells")

# Module or folder: what it must not import, from the package (names) or from outside.
WALLS = {
    "_reference": ("pandas", "scipy", "sklearn", "shapely", "inputs", "cells", "_dispatch", *CORE),
    "cells": ("features", "plot", "frames", "_native", "sklearn", "matplotlib"),
    "cell_union.py": ("features", "plot", "frames", "_native", "sklearn", "matplotlib"),
    "regions.py": ("features", "plot", "frames", "_native"),
    "polygons.py": ("features", "plot", "frames", "_native"),
    "neighbors.py": ("features", "plot", "frames", "_native"),
    "groups.py": ("features", "plot", "frames", "_native"),
    "shrinkage.py": ("features", "plot", "frames", "_native"),
    "covering.py": ("features", "plot", "frames", "_native"),
    "inputs.py": ("features", "plot", "frames", "_native", "cells", "_dispatch", "_reference"),
    "ragged.py": ("features", "plot", "frames", "_native", "cells", "_dispatch"),
    "_signatures.py": (*CORE, "_dispatch", "_reference", "_native", "numpy"),
    "features": ("frames", "_native", "_reference", "_dispatch", "matplotlib", "cartopy"),
    "plot": ("features", "_native", "_dispatch", "sklearn"),
    "cli.py": ("_native", "_dispatch", "_reference", "_signatures"),
}


def imported(path):
    """First words of what a module imports: of the package for relative imports, else of the library."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0 and node.module.split(".")[0] != "cellwise":
                yield node.module.split(".")[0]
                continue
            # Where the relative import starts from, below the package.
            at = list(path.relative_to(SOURCE).parent.parts)
            at = at[: len(at) - (node.level - 1)] if node.level else []
            module = [*at, *(node.module or "").removeprefix("cellwise").strip(".").split(".")]
            module = [part for part in module if part]
            if module:
                yield module[0]
            else:
                yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("room", WALLS)
def test_walls_hold(room):
    place = SOURCE / room
    if not place.exists():
        pytest.fail(f"{room} is gone: its wall too")
    for path in [place] if place.is_file() else place.rglob("*.py"):
        crossed = set(imported(path)) & set(WALLS[room])
        crossed -= {room.removesuffix(".py")}
        if room == "features":
            crossed -= {"plot"}  # enc.plot is one lazy import
        assert not crossed, f"{path.relative_to(SOURCE)} imports {sorted(crossed)}"


def test_only_dispatch_imports_the_native_module():
    importers = {p.relative_to(SOURCE).as_posix() for p in SOURCE.rglob("*.py") if "_native" in set(imported(p))}
    assert importers <= {"_dispatch.py", "testing.py"}
