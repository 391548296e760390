"""The public names: what `dir(cellwise)` lists is there, whatever is installed."""

import ast
import inspect
import pkgutil
import pydoc
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import cellwise as cw

MODULES = {"errors", "features", "neighbors", "plot", "testing"}
# Those whose names `__init__` takes over.
ROOMS = [
    node.module
    for node in ast.parse(Path(cw.__file__).read_text()).body
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
]

# Finds nothing of some libraries, as if they were not installed.
WITHOUT = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Blocked())
import cellwise as cw
"""


def run_without(blocked, code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT.replace("{blocked}", repr(blocked)) + code],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_name_is_public_once_and_of_one_module():
    named = [name for room in ROOMS for name in import_module(f"cellwise.{room}").__all__]
    assert len(named) == len(set(named))
    assert set(cw.__all__) == {*named, *MODULES} - {"features", "plot"}
    for name in named:
        thing = getattr(cw, name)
        if callable(thing):
            assert any(f"{thing.__module__}.".startswith(f"cellwise.{room}.") for room in ROOMS)
            assert thing.__name__ == name


def test_what_is_listed_is_there():
    listed = dir(cw)
    assert listed == sorted({*cw.__all__, *MODULES, "__version__"})
    for name in listed:
        assert hasattr(cw, name)
    assert {name for name, _ in inspect.getmembers(cw)} == set(listed)
    assert {name for name in listed if inspect.ismodule(getattr(cw, name))} == MODULES


def test_what_is_not_listed():
    for name in ("frames", "spark", "no_such_name"):
        assert not hasattr(cw, name)
        with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
            getattr(cw, name)


def test_star_import():
    names = {}
    exec("from cellwise import *", names)
    assert set(cw.__all__) <= names.keys()


def test_rooms_with_no_underscore_can_be_reached():
    for module in pkgutil.iter_modules(cw.__path__):
        if not module.name.startswith("_") and module.name not in ("cli", "index_terms", *MODULES):
            assert inspect.ismodule(getattr(cw, module.name))


def test_help_names_everything():
    text = pydoc.plain(pydoc.render_doc(cw))
    for name in cw.__all__:
        assert name in text


def test_module_of_everything_public_is_importable():
    for name in MODULES:
        assert import_module(f"cellwise.{name}") is getattr(cw, name)
        assert all(hasattr(getattr(cw, name), public) for public in getattr(getattr(cw, name), "__all__", ()))


PROBES = """
import inspect, pydoc
members = dict(inspect.getmembers(cw))
assert sorted(members) == dir(cw)
assert all(hasattr(cw, name) for name in dir(cw))
assert "cell_parent" in pydoc.plain(pydoc.render_doc(cw))
print(*sorted({"errors", "features", "neighbors", "plot", "testing"} & members.keys()))
"""


@pytest.mark.parametrize(
    ("blocked", "there"),
    [
        (["matplotlib"], "errors features neighbors testing"),
        (["cartopy"], "errors features neighbors plot testing"),
        (["sklearn"], "errors neighbors plot testing"),
        (["shapely"], "errors features neighbors testing"),
        (["pandas"], "errors neighbors plot testing"),
        (["matplotlib", "shapely", "pandas", "sklearn", "scipy", "cartopy", "tqdm"], "errors neighbors testing"),
    ],
)
def test_whatever_is_installed(blocked, there):
    assert run_without(blocked, PROBES).strip() == there


def test_a_missing_extra_says_how_to_install_it():
    code = """
print(hasattr(cw, "plot"))
for use in ("import cellwise.plot", "from cellwise.plot import plot_cells", "from cellwise import plot"):
    try:
        exec(use)
    except ImportError as why:
        print(why)
try:
    cw.plot.plot_cells
except AttributeError as why:
    print(why)
"""
    said = run_without(["matplotlib"], code).splitlines()
    how = "matplotlib is needed here: pip install 'cellwise[plot]'"
    assert said == ["False", how, how, how, f"module 'cellwise' has no attribute 'plot': {how}"]


def test_the_command_line_says_how_to_install_it():
    code = """
from cellwise.cli import main
sys.stderr = sys.stdout
print(main(["cover", "--rect", "0", "1", "0", "1", "--plot", "map.png"]))
"""
    said = run_without(["matplotlib"], code).splitlines()
    assert said[-2:] == ["cellwise: matplotlib is needed here: pip install 'cellwise[plot]'", "2"]


def test_cell_functions_need_numpy_alone():
    code = "print(cw.cell_to_token(cw.cell_next(cw.cell_disk(cw.token_to_cell('951977d34'), 1))).tolist())"
    blocked = ["matplotlib", "shapely", "pandas", "sklearn", "scipy", "cartopy", "tqdm", "pyarrow"]
    assert "951977d34" in run_without(blocked, code)
