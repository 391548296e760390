"""Latitude/longitude records into machine-learning features on Google's S2 cells."""

from importlib import import_module as _import_module

from . import errors
from ._config import backend, build_info, set_cell_limit, set_num_threads
from .cell_union import CellUnion
from .cells.adjacency import (
    cell_advance,
    cell_all_neighbors,
    cell_disk,
    cell_edge_neighbors,
    cell_next,
    cell_prev,
    cell_ring,
    cell_vertex_neighbors,
)
from .cells.conversion import (
    cell_to_int64,
    cell_to_latlng,
    cell_to_point,
    cell_to_string,
    cell_to_token,
    int64_to_cell,
    latlng_to_cell,
    point_to_cell,
    string_to_cell,
    token_to_cell,
)
from .cells.geometry import (
    cell_area,
    cell_bounds,
    cell_distance,
    cell_ij,
    cell_to_polygon,
    cell_vertices,
    latlng_distance,
)
from .cells.hierarchy import (
    cell_child,
    cell_children,
    cell_common_ancestor,
    cell_contains,
    cell_face,
    cell_intersects,
    cell_is_leaf,
    cell_is_valid,
    cell_level,
    cell_parent,
    cell_range_max,
    cell_range_min,
)
from .covering import Coverings, cells_at_level, cover, iter_cells
from .index_terms import index_terms, query_terms
from .levels import level_for_area, level_for_edge, level_table
from .polygons import Polygon, Polyline
from .ragged import Ragged
from .regions import Cap, Rect, region
from .units import EARTH_RADIUS_M

_LAZY = ("features", "frames", "plot", "testing")

__all__ = [
    "EARTH_RADIUS_M",
    "Cap",
    "CellUnion",
    "Coverings",
    "Polygon",
    "Polyline",
    "Ragged",
    "Rect",
    "backend",
    "build_info",
    "cell_advance",
    "cell_all_neighbors",
    "cell_area",
    "cell_bounds",
    "cell_child",
    "cell_children",
    "cell_common_ancestor",
    "cell_contains",
    "cell_disk",
    "cell_distance",
    "cell_edge_neighbors",
    "cell_face",
    "cell_ij",
    "cell_intersects",
    "cell_is_leaf",
    "cell_is_valid",
    "cell_level",
    "cell_next",
    "cell_parent",
    "cell_prev",
    "cell_range_max",
    "cell_range_min",
    "cell_ring",
    "cell_to_int64",
    "cell_to_latlng",
    "cell_to_point",
    "cell_to_polygon",
    "cell_to_string",
    "cell_to_token",
    "cell_vertex_neighbors",
    "cell_vertices",
    "cells_at_level",
    "cover",
    "errors",
    "index_terms",
    "int64_to_cell",
    "iter_cells",
    "latlng_distance",
    "latlng_to_cell",
    "level_for_area",
    "level_for_edge",
    "level_table",
    "point_to_cell",
    "query_terms",
    "region",
    "set_cell_limit",
    "set_num_threads",
    "string_to_cell",
    "token_to_cell",
]


def __getattr__(name):
    if name in _LAZY:
        return _import_module(f".{name}", __name__)
    if name == "__version__":
        return build_info()["version"]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, *_LAZY, "__version__"])
