"""The Hilbert curve that numbers the cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from .._typing import FloatArray, ObjectArray
from ..cells.adjacency import cell_next
from ..cells.conversion import cell_to_point, token_to_cell
from ..cells.geometry import cell_to_polygon
from ..cells.hierarchy import cell_children
from ..covering import cover
from ..inputs import check_bool, check_integer
from ..regions._lines import to_linestrings
from ._basemap import Basemap, check_options
from .cells import plot_cells


def plot_hilbert(
    level: int,
    region: Any = None,
    *,
    ax: Axes | None = None,
    projection: Any = None,
    outlines: bool = True,
    coastline: bool | None = None,
    gridlines: bool | None = None,
    **kwargs: Any,
) -> LineCollection:
    """Map of the curve through the centers of all cells of a level, in the order of their ids.

    Parameters
    ----------
    level : int
        In 0..30.
    region : Rect, Cap or CellUnion, optional
        Only the cells that intersect it; the curve is broken where it leaves them. A face is the CellUnion of its
        cell. Without it: the whole sphere.
    ax : matplotlib or cartopy Axes, optional
        As in `plot_cells`.
    projection : cartopy.crs.Projection, optional
        As in `plot_cells`.
    outlines : bool
        Whether to draw the cells faintly behind the curve.
    coastline, gridlines : bool, optional
        As in `plot_cells`.
    **kwargs
        Of `matplotlib.collections.LineCollection`: cmap, linewidth, color, alpha, ...

    Returns
    -------
    matplotlib.collections.LineCollection
        Pieces between two cells each, colored by the first one's place among the cells; those across the edge of the
        map are in two parts.

    Examples
    --------
    >>> import cellwise as cw
    >>> from cellwise.plot import plot_hilbert
    >>> face = cw.CellUnion([cw.token_to_cell("1")])
    >>> curve = plot_hilbert(3, face)
    >>> len(curve.get_segments())
    63
    """
    check_integer("level", level, 0, 30)
    check_bool("outlines", outlines)
    check_options(ax, projection, coastline, gridlines)
    if region is None:
        cells = cell_children(token_to_cell(["1", "3", "5", "7", "9", "b"]), level).values
    else:
        cells = cover(region, min_level=level, max_level=level).cells
    basemap = Basemap(ax, projection, cell_to_polygon(cells), coastline, gridlines)
    if outlines:
        plot_cells(cells, ax=basemap.ax, facecolor="none", edgecolor="0.75", linewidth=0.4, zorder=0.9)

    first = np.flatnonzero(cell_next(cells[:-1]) == cells[1:])
    lines = basemap.place(_geodesics(cell_to_point(cells[first]), cell_to_point(cells[first + 1]), level))
    parts, of = shapely.get_parts(lines, return_index=True)
    colored = {} if {"color", "colors"} & kwargs.keys() else {"array": first[of]}
    style: dict[str, Any] = {"cmap": "turbo", "capstyle": "round", "linewidth": 1.5, "zorder": 2.1} | colored | kwargs
    return basemap.add(LineCollection([shapely.get_coordinates(part) for part in parts], **style))


def _geodesics(a: FloatArray, b: FloatArray, level: int) -> ObjectArray:
    """Lines in lng/lat between points, with points added every two degrees or so."""
    along = np.linspace(0, 1, 2 + int(45 * 0.5**level))[:, None]
    x, y, z = np.moveaxis(a[:, None] * (1 - along) + b[:, None] * along, -1, 0)
    lat, lng = np.degrees((np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)))
    for end, next_to_it in ((0, 1), (-1, -2)):  # at a pole, which has every longitude
        lng[:, end] = np.where(np.abs(lat[:, end]) == 90, lng[:, next_to_it], lng[:, end])
    return to_linestrings(lat, lng)
