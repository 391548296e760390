"""Optional dependencies."""

from importlib import import_module


def import_extra(module, extra):
    """Import an optional dependency, or say how to install it."""
    try:
        return import_module(module)
    except ImportError as why:
        raise ImportError(f"{module} is needed here: pip install 'cellwise[{extra}]'") from why
