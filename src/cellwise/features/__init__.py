"""Transformers for scikit-learn pipelines: coordinates in, features of cells out."""

from ._cell_encoder import CellEncoder
from ._splitters import CellBlockKFold, CellBlockShuffleSplit, LeaveOneCellOut

__all__ = ["CellBlockKFold", "CellBlockShuffleSplit", "CellEncoder", "LeaveOneCellOut"]
