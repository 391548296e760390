"""Cells on a map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from typing import Any, TypeVar

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.cbook import normalize_kwargs
from matplotlib.collections import Collection, PathCollection
from matplotlib.colors import to_rgba

from .. import inputs
from .._typing import CellArray, CellLike, FloatLike
from ..cell_union import CellUnion
from ..cells.conversion import cell_to_latlng, cell_to_token
from ..cells.geometry import cell_to_polygon
from ._basemap import HALO, Basemap, check_options
from ._shapes import polygon_path

T = TypeVar("T", bound=Sized)


def plot_cells(
    cells: CellLike | CellUnion,
    values: FloatLike | None = None,
    *,
    ax: Axes | None = None,
    projection: Any = None,
    annotate: bool | Sequence[str] = False,
    coastline: bool | None = None,
    gridlines: bool | None = None,
    **kwargs: Any,
) -> PathCollection:
    """Map of cells, each drawn whole: also across the antimeridian and round the poles.

    Parameters
    ----------
    cells : array_like of uint64 or CellUnion
        Cells of any levels; 0, the missing cell, is not drawn.
    values : array_like of float, optional
        One number per cell that colors it; NaN leaves it blank. The artist is what ``plt.colorbar`` takes.
    ax : matplotlib or cartopy Axes, optional
        Where to draw; plain axes have longitudes and latitudes in degrees. Without it a figure is made, with cartopy's
        PlateCarree for a part of the world, EqualEarth for the world, an equal-area view from above for a polar cap;
        with plain axes if cartopy is not installed.
    projection : cartopy.crs.Projection, optional
        For the axes that are made.
    annotate : bool or sequence of str, optional
        True writes its token into each cell; a sequence has one text per cell.
    coastline, gridlines : bool, optional
        By default on axes that are made here, not on axes that are given. The coastline needs cartopy and Natural
        Earth data on disk: nothing is downloaded, and the logger "cellwise" says once where it is missing.
    **kwargs
        Of `matplotlib.collections.Collection`: facecolor, edgecolor, linewidth, alpha, cmap, norm, clim, label, ...

    Returns
    -------
    matplotlib.collections.PathCollection
        One path per cell drawn, in the coordinates of ``artist.axes``.

    Raises
    ------
    ValueError
        If there is not one value or text per cell.

    See Also
    --------
    plot_covering : The same with the region that is covered.

    Examples
    --------
    >>> import cellwise as cw
    >>> from cellwise.plot import plot_cells
    >>> cells = cw.cell_children(cw.token_to_cell("951977"))
    >>> artist = plot_cells(cells, values=[1, 2, 3, 4], annotate=True)
    >>> len(artist.get_paths())
    4
    """
    check_options(ax, projection, coastline, gridlines)
    if not isinstance(annotate, (bool, np.bool_, Iterable)) or isinstance(annotate, (str, bytes)):
        raise TypeError(f"annotate must be True, False or a sequence of texts: got {annotate!r}")
    cells = inputs.read("u8", "cells", cells.cells if isinstance(cells, CellUnion) else cells).array.ravel()
    drawn = cells != 0
    polygons = cell_to_polygon(cells)[drawn]
    if values is not None:
        values = _one_per_cell("values", inputs.read("f8", "values", values).array.ravel(), cells)[drawn]
    if annotate is not False:
        texts = cell_to_token(cells) if annotate is True else list(annotate)
        texts = np.array(_one_per_cell("annotate", texts, cells), object)[drawn]

    basemap = Basemap(ax, projection, polygons, coastline, gridlines)
    paths = [polygon_path(polygon) for polygon in basemap.place(polygons)]
    artist = basemap.add(PathCollection(paths, **_style(kwargs, len(paths))))
    if values is not None:
        artist.set_array(np.ma.masked_invalid(values))
    if annotate is not False:
        style: dict[str, Any] = {"ha": "center", "va": "center", "size": "small", "zorder": 2.2, "clip_on": True}
        lat, lng = cell_to_latlng(cells[drawn])
        for point, text in zip(basemap.place(shapely.points(lng, lat)), texts):
            if np.isfinite(point.bounds).all():  # else behind the globe
                basemap.ax.text(point.x, point.y, text, path_effects=[HALO], **style)
    return artist


def _style(kwargs: dict[str, Any], n: int) -> dict[str, Any]:
    """Translucent coral with dark edges, the thinner the more cells there are."""
    style = normalize_kwargs(kwargs, Collection)
    if "color" not in style:
        style.setdefault("facecolor", to_rgba("coral", 0.4))
        style.setdefault("edgecolor", "0.2")
    style.setdefault("linewidth", float(np.clip(10 / np.sqrt(max(n, 1)), 0.15, 0.8)))
    return style


def _one_per_cell(name: str, given: T, cells: CellArray) -> T:
    if len(given) != len(cells):
        raise ValueError(f"{name} must be one per cell, {len(cells)}: got {len(given)}")
    return given
