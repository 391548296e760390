"""Paragraphs that docstrings share."""

import importlib
import inspect
import pickle
import pkgutil
import re
import subprocess
import sys

import pytest

import cellwise as cw
from cellwise._docs import PARAGRAPHS, shared_parameters

PLACEHOLDER = re.compile(r"^ *\{[a-z_]+(: .+)?\}$", re.MULTILINE)


def documented(text, kind="function"):
    if kind == "class":
        return type("Thing", (), {"__doc__": text})

    def thing():
        pass

    thing.__doc__ = text
    return thing


@pytest.mark.parametrize("kind", ["function", "class"])
def test_paragraphs_are_filled_in_at_their_indentation(kind):
    thing = documented("Thing.\n\n    Parameters\n    ----------\n    {out: uint64}\n    {exact}\n    ", kind)
    assert shared_parameters(thing) is thing
    assert inspect.getdoc(thing).splitlines() == [
        "Thing.",
        "",
        "Parameters",
        "----------",
        *PARAGRAPHS["out"].replace("{}", "uint64").splitlines(),
        *PARAGRAPHS["exact"].splitlines(),
    ]


def test_other_braces_stay():
    text = """Thing.\n\n    unit : {"m", "km"}\n    >>> {1: 2}\n    {1: 2}\n    {'a'}\n    see {exact} there\n"""
    assert shared_parameters(documented(text)).__doc__ == text


@pytest.mark.parametrize(
    ("text", "error"),
    [("{no_such_paragraph}", KeyError), ("{out}", ValueError), ("{exact: always}", ValueError)],
)
def test_a_wrong_placeholder_raises(text, error):
    with pytest.raises(error):
        shared_parameters(documented(text))


def test_every_paragraph_is_used_and_none_is_left_to_fill():
    texts = []
    for module in pkgutil.walk_packages(cw.__path__, "cellwise."):
        if module.name.endswith(("_native", "__main__", "_docs")):
            continue
        for _, thing in inspect.getmembers(importlib.import_module(module.name)):
            if (inspect.isfunction(thing) or inspect.isclass(thing)) and thing.__module__.startswith("cellwise"):
                texts.append(thing.__doc__ or "")
                texts += [member.__doc__ or "" for member in vars(thing).values() if hasattr(member, "__doc__")]
    assert not [text for text in texts if PLACEHOLDER.search(text)]
    for paragraph in PARAGRAPHS.values():
        first = paragraph.splitlines()[0].partition("{}")[0]
        assert any(first in text for text in texts), first


def test_documented_functions_pickle():
    assert pickle.loads(pickle.dumps(cw.cell_parent)) is cw.cell_parent


def test_without_docstrings():
    code = "import cellwise as cw; print(cw.cell_level.__doc__, cw.cell_level(4))"
    done = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True)
    assert done.stdout == "None 29\n", done.stderr
