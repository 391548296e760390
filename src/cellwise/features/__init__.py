"""Transformers for scikit-learn pipelines: coordinates in, features of cells out."""

from ._adaptive_cells import AdaptiveCells
from ._cell_counts import CellCounts
from ._cell_encoder import CellEncoder
from ._cell_target_encoder import CellTargetEncoder
from ._spatial_lag import SpatialLag
from ._spatial_report import spatial_report
from ._splitters import CellBlockKFold, CellBlockShuffleSplit, LeaveOneCellOut
from ._suggest_levels import suggest_levels

__all__ = [
    "AdaptiveCells",
    "CellBlockKFold",
    "CellBlockShuffleSplit",
    "CellCounts",
    "CellEncoder",
    "CellTargetEncoder",
    "LeaveOneCellOut",
    "SpatialLag",
    "spatial_report",
    "suggest_levels",
]
