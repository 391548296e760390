"""A covering and the region that it covers."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from shapely import get_coordinates, get_parts

from .._typing import CellLike
from ..cell_union import CellUnion
from ._basemap import Basemap, check_options
from ._shapes import region_lines
from .cells import plot_cells


def plot_covering(
    covering: CellLike | CellUnion, region: Any = None, *, ax: Axes | None = None, projection: Any = None, **kwargs: Any
) -> PathCollection:
    """Map of a covering: translucent cells with thin dark edges, and the border of its region.

    Parameters
    ----------
    covering : CellUnion or array_like of uint64
        Such as `cellwise.cover` gives.
    region : Rect, Cap, Polygon, Polyline, CellUnion or geometry, optional
        Its border is drawn over the cells. Edges of a Rect are parallels and meridians, those of a geometry straight
        in lng/lat, those of a Polygon geodesics.
    ax : matplotlib or cartopy Axes, optional
        As in `plot_cells`.
    projection : cartopy.crs.Projection, optional
        As in `plot_cells`.
    **kwargs
        Others of `plot_cells`.

    Returns
    -------
    matplotlib.collections.PathCollection
        The cells, one path each. The border is a LineCollection in ``artist.axes``.

    Examples
    --------
    >>> import cellwise as cw
    >>> from cellwise.plot import plot_covering
    >>> rect = cw.Rect(lat=(-30.241701, -30.000003), lng=(-51.264871, -51.04618))
    >>> artist = plot_covering(cw.cover(rect, min_level=8, max_level=15, max_cells=500), rect)
    >>> title = artist.axes.set_title("Porto Alegre")
    >>> len(artist.get_paths())
    351
    """
    check_options(ax, projection)
    lines = None if region is None else region_lines(region)
    artist = plot_cells(covering, ax=ax, projection=projection, **kwargs)
    if lines is not None:
        basemap = Basemap(artist.axes, None, lines, False, False)
        segments = [get_coordinates(part) for part in get_parts(basemap.place(lines))]
        basemap.add(LineCollection(segments, color="#08306b", linewidth=1.2, zorder=2.1))
    return artist
