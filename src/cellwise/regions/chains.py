"""Geometries as the arrays that kernels take: rows of chains of vertices."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._typing import FloatArray, Int32Array, Int64Array, ObjectArray
from ..errors import InvalidRegionError
from ..inputs.geometries import MAX_DEPTH
from ..ragged import offsets_of

if TYPE_CHECKING:
    import shapely

POLYGON, COLLECTION = 3, 7  # of shapely's type ids

# Roles of chains.
LINE, SHELL, HOLE = 0, 1, 2


class Chains(NamedTuple):
    """Rows of chains of vertices: chain k has the vertices ``offsets[k]:offsets[k + 1]``, row r the chains
    ``rows[r]:rows[r + 1]``. A ring is a SHELL or a HOLE; a point is a LINE of one vertex.
    """

    xy: FloatArray  # longitudes and latitudes, shape (vertices, 2)
    offsets: Int64Array
    roles: NDArray[np.uint8]
    rows: Int64Array

    @property
    def lng(self) -> FloatArray:
        """Longitudes."""
        return self.xy[:, 0]

    @property
    def lat(self) -> FloatArray:
        """Latitudes."""
        return self.xy[:, 1]


def _flat(geometries: ObjectArray) -> tuple[ObjectArray, Int64Array, Int32Array]:
    """Points, lines and polygons that geometries are made of, their rows and shapely's type ids."""
    import shapely

    parts, row, kind = geometries, np.arange(len(geometries)), shapely.get_type_id(geometries)
    for _ in range(MAX_DEPTH):
        if not (is_several := kind > POLYGON).any():
            break
        # Only those of several parts are taken apart: shapely copies what it takes out.
        single, several = np.flatnonzero(~is_several), np.flatnonzero(is_several)
        inner, index = shapely.get_parts(parts[several], return_index=True)
        order = np.argsort(np.concatenate((single, several[index])), kind="stable")
        parts = np.concatenate((parts[single], inner))[order]
        row = np.concatenate((row[single], row[several][index]))[order]
        kind = np.concatenate((kind[single], shapely.get_type_id(inner)))[order]
    else:
        if (kind > POLYGON).any():
            raise InvalidRegionError(f"region must have at most {MAX_DEPTH} collections within one another: got more")
    keep = (kind >= 0) & ~shapely.is_empty(parts)
    return parts[keep], row[keep], kind[keep]


def chains_of(geometries: ObjectArray) -> Chains:
    """Arrays of all vertices of an array of shapely geometries; missing and empty ones have none."""
    import shapely

    parts, row, kind = _flat(geometries)
    has_holes = shapely.get_num_interior_rings(parts) > 0
    whole, holed = np.flatnonzero(~has_holes), np.flatnonzero(has_holes)
    rings, ring_part = shapely.get_rings(parts[holed], return_index=True)
    is_shell = np.diff(ring_part, prepend=-1) != 0
    of_whole = np.where(kind[whole] == POLYGON, SHELL, LINE)
    part = np.concatenate((whole, holed[ring_part]))
    order = np.argsort(part, kind="stable")
    sizes = np.concatenate((shapely.get_num_coordinates(parts[whole]), shapely.get_num_coordinates(rings)))[order]
    roles = np.concatenate((of_whole, np.where(is_shell, SHELL, HOLE)))[order]
    rows = np.searchsorted(row[part[order]], np.arange(len(geometries) + 1))
    offsets = offsets_of(sizes)
    return Chains(shapely.get_coordinates(parts), offsets, roles.astype(np.uint8), rows)


def one_row(geometry: shapely.Geometry | None) -> ObjectArray:
    """An array of one geometry."""
    rows = np.empty(1, object)
    rows[0] = geometry
    return rows


def parts_of(geometry: shapely.Geometry | None) -> ObjectArray:
    """Points, lines and polygons that a geometry is made of, empty ones left out."""
    return _flat(one_row(geometry))[0]


def rings_of(polygon: shapely.Polygon) -> list[FloatArray]:
    """Vertices (lat, lng) of the rings of a shapely polygon, the shell first."""
    import shapely

    return [shapely.get_coordinates(ring)[:, ::-1] for ring in shapely.get_rings(polygon)]
