"""Fixtures of the whole suite, and a header that says what is being tested."""

import inspect
import os
from pathlib import Path

import pytest

import cellwise as cw
from cellwise.testing import available, use


def pytest_report_header():
    info = cw.build_info()
    return f"cellwise: {info['backend']} by default, {info['compiler']}; paths tested: {available()}"


@pytest.fixture(params=available(), ids=lambda path: "-".join(filter(None, path)))
def backend(request):
    """Each backend and instruction set of this build in turn."""
    name, isa = request.param
    with use(backend=name, isa=isa):
        yield name


@pytest.fixture(scope="session")
def shared():
    """Folder of golden vectors beside the repository; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the folder of golden vectors is not beside this repository")
    return folder


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item):
    """An instruction set is chosen for all threads: what chooses one itself runs on one (`make test-threads`)."""
    if " use(" in inspect.getsource(item.obj):
        item.add_marker("thread_unsafe")


def pytest_collection_modifyitems(items):
    """Leave out what is marked slow, unless CELLWISE_SLOW is set."""
    if os.environ.get("CELLWISE_SLOW"):
        return
    skip = pytest.mark.skip(reason="slow: make test-slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)
