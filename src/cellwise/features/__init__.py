"""Transformers for scikit-learn pipelines: coordinates in, features of cells out."""

from types import ModuleType as _ModuleType

from ._adaptive_cells import *
from ._cell_counts import *
from ._cell_encoder import *
from ._cell_target_encoder import *
from ._spatial_lag import *
from ._spatial_report import *
from ._splitters import *
from ._suggest_levels import *

# What the modules above name in their __all__.
__all__ = [name for name, value in globals().items() if name[0] != "_" and not isinstance(value, _ModuleType)]
__all__.sort()
