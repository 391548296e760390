"""Fixtures of the whole suite, and a header that says what is being tested."""

import inspect
import os
from functools import cache
from pathlib import Path

import hypothesis
import pytest
from work import STEPS, interrupt_checks, many

import cellwise as cw
from cellwise._reference import covering as reference
from cellwise.testing import available, use

# Two workers keep two processors busy: more threads in each would mostly wait for one another.
for library in ("OMP", "OPENBLAS"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# Any time an example takes will do; fewer are tried than hypothesis would by itself.
hypothesis.settings.register_profile("suite", max_examples=many(50, 200), deadline=None)
hypothesis.settings.load_profile("suite")

BACKENDS = sorted({name for name, _ in available()})
# Of the process: all threads see the same settings, and only its first one gets signals.
OF_THE_PROCESS = {"use", "on_each_backend", "set_num_threads", "set_cell_limit", "ctrl_c", "little_memory"}


def pytest_report_header():
    info = cw.build_info()
    return f"cellwise: {info['backend']} by default, {info['compiler']}; paths tested: {available()}"


@pytest.fixture(params=BACKENDS)
def backend(request):
    """Each backend of this build in turn, native code on its best instruction set."""
    with use(backend=request.param):
        yield request.param


@pytest.fixture(params=available(), ids=lambda path: "-".join(filter(None, path)))
def path(request):
    """Each backend and instruction set in turn, for what runs block kernels (native/include/cellwise/blocks.h)."""
    name, isa = request.param
    with use(backend=name, isa=isa):
        yield name


@pytest.fixture
def cells_looked_at(backend, monkeypatch):
    """A function that tells how many cells coverings have looked at in this test, less up to some thousands."""
    if backend == "native":
        before = interrupt_checks()
        return lambda: (interrupt_checks() - before) * STEPS
    counts, cell_uv = [], reference.cell_uv
    monkeypatch.setattr(reference, "cell_uv", lambda cells: counts.append(len(cells)) or cell_uv(cells))
    return lambda: sum(counts)


@pytest.fixture(scope="session")
def shared():
    """Folder of golden vectors beside the repository; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the folder of golden vectors is not beside this repository")
    return folder


@cache
def is_of_the_process(function):
    """Whether a function, or one of its module that it calls, refers to what all threads share."""
    functions, module = [inspect.unwrap(function)], function.__module__
    for each in functions:
        codes = [each.__code__]
        for code in codes:
            codes += filter(inspect.iscode, code.co_consts)
            if not OF_THE_PROCESS.isdisjoint(code.co_names):
                return True
            called = [each.__globals__.get(name) for name in code.co_names]
            functions += [f for f in called if inspect.isfunction(f) and f.__module__ == module and f not in functions]
    return False


def pytest_collection_modifyitems(items):
    """Skip what this build or `make test` does not run, and leave to one thread what is of the process."""
    slow = pytest.mark.skip(reason="slow: make test-slow")
    no_native = pytest.mark.skip(reason="needs native code")
    for item in items:
        if "slow" in item.keywords and not os.environ.get("CELLWISE_SLOW"):
            item.add_marker(slow)
        if ("needs_native" in item.keywords or "both_backends" in item.keywords) and cw.backend() != "native":
            item.add_marker(no_native)
        inner = getattr(item.obj, "hypothesis", None)
        if "cells_looked_at" in item.fixturenames or is_of_the_process(inner.inner_test if inner else item.obj):
            item.add_marker("thread_unsafe")
