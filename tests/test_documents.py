"""What is written for people is true: doctests, the README's code, every example, a light import."""

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cellwise as cw

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
MODULES = sorted(
    m.name for m in pkgutil.walk_packages(cw.__path__, "cellwise.") if not m.name.endswith(("_native", "__main__"))
)
EXAMPLES = sorted((ROOT / "examples").glob("*/*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(recurse=True)
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    report = []
    with np.printoptions(legacy=False):
        for test in finder.find(module, module.__name__):
            runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)


@pytest.mark.parametrize("name", cw.__all__)
def test_every_public_function_has_a_runnable_example(name):
    thing = getattr(cw, name)
    if callable(thing) and name != "errors":
        assert ">>> " in (thing.__doc__ or ""), f"{name} has no example"


def test_readme_code(tmp_path):
    """All Python blocks of the README, one after another in one session, give the output written there."""
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "README", "README.md", 0)
    assert test.examples
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    report = []
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        runner.run(test, out=report.append)
    finally:
        os.chdir(before)
    assert runner.failures == 0, "".join(report)


def test_readme_names_targets_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert named
    assert named <= targets


def test_tests_named_by_documents_exist():
    named = set()
    for page in (ROOT / "docs").glob("*.md"):
        named |= set(re.findall(r"\b(test_\w+\.py)(?:::(test_\w+))?", page.read_text()))
    assert len(named) > 5
    for file, test in named:
        found = list((ROOT / "tests").rglob(file))
        assert found, file
        assert not test or f"def {test}(" in found[0].read_text(), (file, test)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_examples_run(path, tmp_path):
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, str(path)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip(), "an example ends in a printed answer or a figure"
    assert "Traceback" not in done.stderr


def test_import_loads_numpy_and_nothing_heavier():
    heavy = "pandas sklearn scipy shapely matplotlib cartopy geopandas pyarrow polars pyproj tqdm".split()
    code = f"import cellwise, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_import_starts_no_thread():
    code = "import cellwise, threading, os; print(len(os.listdir('/proc/self/task')))"
    if not Path("/proc/self/task").exists():
        code = "import cellwise, threading; print(threading.active_count())"
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
