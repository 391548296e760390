"""The table, the reference, the native module, its stub and the public names say the same."""

import inspect
import os
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import cellwise as cw
from cellwise import _dispatch, _reference
from cellwise._signatures import KERNELS


@pytest.mark.needs_native
def test_table_is_what_the_native_module_derives_from_its_types():
    assert {name: row.signature for name, row in KERNELS.items()} == _dispatch._native.SIGNATURES


@pytest.mark.needs_native
def test_table_order_is_the_native_order():
    assert list(KERNELS) == list(_dispatch._native.SIGNATURES)


@pytest.mark.needs_native
@pytest.mark.skipif("CELLWISE_SANITIZED" in os.environ, reason="builds with sanitizers have no stub")
def test_stub_has_every_function_of_the_native_module():
    stub = Path(find_spec("cellwise._native").origin).parent / "_native.pyi"
    defined = set(re.findall(r"^(?:def|class) (\w+)\b", stub.read_text(), re.MULTILINE))
    functions = {name for name in dir(_dispatch._native) if callable(getattr(_dispatch._native, name))}
    assert defined == functions
    assert set(KERNELS) <= functions


@pytest.mark.parametrize("row", KERNELS.values(), ids=lambda row: row.name)
def test_reference_kernel_takes_the_arguments_of_the_table(row):
    parameters = list(inspect.signature(_reference.kernel(row.name)).parameters)
    assert parameters == [name for name, _ in row.arguments]
    if row.is_ragged:
        assert list(inspect.signature(_reference.kernel(row.name + "_size")).parameters) == parameters


@pytest.mark.parametrize("row", KERNELS.values(), ids=lambda row: row.name)
def test_public_function_has_the_name_and_arguments_of_the_row(row):
    function = getattr(cw, row.name)
    parameters = inspect.signature(function).parameters
    public = [name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert public == ["cell" if name == "id" else name for name, _ in row.arguments]
    assert function.__module__.startswith("cellwise.cells.")
    if row.name != "cell_is_valid":
        assert parameters["on_invalid"].default == "raise"


def test_every_row_is_known_by_its_class():
    assert {row.exactness for row in KERNELS.values()} == {"exact", "libm", "fast"}


@pytest.mark.parametrize("row", KERNELS.values(), ids=lambda row: row.name)
def test_fast_rows_can_be_exact(row):
    parameters = inspect.signature(getattr(cw, row.name)).parameters
    assert ("exact" in parameters) == (row.exactness == "fast")
    if "exact" in parameters:
        assert parameters["exact"].default is False
