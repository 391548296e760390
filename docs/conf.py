"""Settings of the site: pages in Markdown, functions from their docstrings."""

import inspect

import cellwise as cw

project = "cellwise"
author = "the cellwise authors"
copyright = author
version = release = cw.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # the docstrings tell them in words
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
html_theme = "alabaster"
html_theme_options = {"description": "Latitude and longitude into features on Google's S2 cells"}
exclude_patterns = ["_build"]
suppress_warnings = ["myst.xref_missing"]


def _room(name):
    """The part of the package that a public name comes from: its module, or all of `regions`."""
    module = inspect.getmodule(getattr(cw, name)).__name__.removeprefix("cellwise.")
    return "regions" if module.startswith("regions.") else module


def _write_lists(app):
    """The lists of the reference page, from the public names: nothing is listed by hand."""
    groups = {
        "cells.conversion": "Conversion",
        "cells.hierarchy": "Hierarchy",
        "cells.adjacency": "Adjacency",
        "cells.geometry": "Geometry",
        "levels": "Levels",
        "regions": "Regions",
        "covering": "Coverings",
        "index_terms": "Index terms",
        "cell_union": "Sets of cells",
        "ragged": "Variable-length results",
        "_config": "Settings",
    }
    lines = ["# Reference", ""]
    public = [name for name in cw.__all__ if callable(getattr(cw, name))]
    for room, title in groups.items():
        lines += _group(title, [f"cellwise.{name}" for name in public if _room(name) == room])
    assert all(_room(name) in groups for name in public)
    for part in ("features", "neighbors", "plot", "testing"):
        lines += _group(part.capitalize(), [f"cellwise.{part}.{n}" for n in getattr(cw, part).__all__])
    text = "\n".join(lines) + "\n"
    page = app.srcdir / "reference.md"
    if not page.exists() or page.read_text() != text:
        page.write_text(text)


def _group(title, names):
    body = "\n".join(f"   {name}" for name in names)
    return [f"## {title}", "", "```{eval-rst}", ".. autosummary::", "   :toctree: generated", "", body, "```", ""]


def setup(app):
    """Hook into the build."""
    _write_lists(app)  # before the builder looks for pages
