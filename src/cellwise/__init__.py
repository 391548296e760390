"""Latitude/longitude records into machine-learning features on Google's S2 cells."""

import typing as _t
from importlib import import_module as _import_module
from importlib.util import find_spec as _find_spec
from types import ModuleType as _ModuleType

from . import errors as errors
from . import groups as groups
from . import neighbors as neighbors
from . import shrinkage as shrinkage
from . import testing as testing
from ._config import *
from .cell_union import *
from .cells.adjacency import *
from .cells.conversion import *
from .cells.geometry import *
from .cells.hierarchy import *
from .covering import *
from .index_terms import *
from .levels import *
from .ragged import *
from .regions import *
from .units import *

if _t.TYPE_CHECKING:
    from . import features as features
    from . import plot as plot

    __version__: str
else:
    # What the modules above name in their __all__, and the modules for users.
    __all__ = ["errors", "neighbors", "testing"]
    __all__ += [n for n, value in globals().items() if n[0] != "_" and not isinstance(value, _ModuleType)]
    __all__.sort()

    # Imported when they are first used, and there if the libraries are that they cannot do without.
    _LAZY = {"features": ("pandas", "scipy", "sklearn", "tqdm"), "plot": ("matplotlib", "shapely")}

    def __getattr__(name):
        if name == "__version__":
            return build_info()["version"]
        reason = ""
        if name in _LAZY:
            try:
                return _import_module(f".{name}", __name__)
            except ImportError as why:
                reason = f": {why}"
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{reason}")

    def __dir__():
        return sorted([*__all__, *filter(_is_installed, _LAZY), "__version__"])

    def _is_installed(name):
        try:
            return all(map(_find_spec, _LAZY[name]))
        except ImportError:
            return False
