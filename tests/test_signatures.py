"""The table, the reference, the native module, its stub and the public names say the same."""

import importlib
import inspect
import os
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import cellwise as cw
from cellwise import _backend, _reference
from cellwise._backend.signatures import CLASSES, FUNCTIONS, KERNELS, SHAPE

BACKENDS = [_backend.numpy, pytest.param(_backend.native, marks=pytest.mark.needs_native)]


def name_and_arguments(text):
    """Of a line of the table's second part: `name(a, b)`."""
    name, _, arguments = text.rstrip(")").partition("(")
    return name, arguments.split(", ") if arguments else []


def arguments_of(function):
    """Names of the arguments but `self`; of a native method from what its binding says."""
    if isinstance(function, type) and hasattr(function.__init__, "__nb_signature__"):
        function = function.__init__
    if hasattr(function, "__nb_signature__"):
        ((signature, *_),) = function.__nb_signature__
        return [name for name in re.findall(r"[(,] ?(\w+)(?=:|,|\))", signature.partition(" -> ")[0]) if name != "self"]
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.needs_native
def test_table_is_what_the_native_module_derives_from_its_types():
    assert {name: row.signature for name, row in KERNELS.items()} == importlib.import_module(
        "cellwise._native"
    ).SIGNATURES


@pytest.mark.needs_native
def test_table_order_is_the_native_order():
    assert list(KERNELS) == list(importlib.import_module("cellwise._native").SIGNATURES)


@pytest.mark.needs_native
@pytest.mark.skipif("CELLWISE_SANITIZED" in os.environ, reason="builds with sanitizers have no stub")
def test_stub_has_every_function_of_the_native_module():
    stub = Path(find_spec("cellwise._native").origin).parent / "_native.pyi"
    defined = set(re.findall(r"^(?:def|class) (\w+)\b", stub.read_text(), re.MULTILINE))
    native = importlib.import_module("cellwise._native")
    functions = {name for name in dir(native) if callable(getattr(native, name))}
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


@pytest.mark.parametrize("module", BACKENDS)
@pytest.mark.parametrize("text", FUNCTIONS)
def test_both_backends_have_the_functions_of_the_table(module, text):
    name, arguments = name_and_arguments(text)
    assert arguments_of(getattr(module, name)) == arguments


@pytest.mark.parametrize("module", BACKENDS)
@pytest.mark.parametrize("name", CLASSES)
def test_both_backends_have_the_classes_of_the_table(module, name):
    kernel = getattr(module, name)
    constructor, *methods = map(name_and_arguments, CLASSES[name])
    assert constructor == (name, arguments_of(kernel))
    for method, arguments in methods:
        assert arguments_of(getattr(kernel, method)) == arguments
    if module is _backend.native:
        assert {name for name in vars(kernel) if not name.startswith("_")} == {method for method, _ in methods}


@pytest.mark.parametrize("module", BACKENDS)
@pytest.mark.parametrize("name", _backend.numpy.SHAPES)
def test_shapes_answer_what_the_table_says(module, name):
    """And are made from the same arguments on both sides."""
    shape = module.SHAPES[name]
    assert arguments_of(shape) == arguments_of(_backend.numpy.SHAPES[name])
    for method, arguments in map(name_and_arguments, SHAPE):
        assert arguments_of(getattr(shape, method)) == arguments


@pytest.mark.needs_native
def test_native_shapes_are_those_of_the_reference():
    assert set(_backend.native.SHAPES) == set(_backend.numpy.SHAPES)
    extras = {"PolygonShape": {"find_fault"}}
    for name, shape in _backend.native.SHAPES.items():
        public = {method for method in vars(shape) if not method.startswith("_")}
        assert public == {name_and_arguments(text)[0] for text in SHAPE} | extras.get(name, set())


@pytest.mark.parametrize("module", BACKENDS)
def test_backends_have_nothing_that_is_not_in_the_table(module):
    table = {*KERNELS, *_backend.numpy.SHAPES, *(name_and_arguments(text)[0] for text in FUNCTIONS), *CLASSES}
    settings = {"COMPILER", "FLAGS", "INSTRUCTION_SETS", "choose_instruction_set", "enable_fast_path"}
    settings |= {"fast_path", "instruction_set", "num_threads", "set_num_threads"}
    assert set(module.__all__) - table <= settings
    assert table <= set(module.__all__)


def test_every_row_is_known_by_its_class():
    assert {row.exactness for row in KERNELS.values()} == {"exact", "libm", "fast"}


@pytest.mark.parametrize("row", KERNELS.values(), ids=lambda row: row.name)
def test_fast_rows_can_be_exact(row):
    parameters = inspect.signature(getattr(cw, row.name)).parameters
    assert ("exact" in parameters) == (row.exactness == "fast")
    if "exact" in parameters:
        assert parameters["exact"].default is False
