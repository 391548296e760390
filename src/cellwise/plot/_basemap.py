"""The axes under a map, and the way of longitudes and latitudes into them.

Cells, borders and curves are brought into the axes' own coordinates before artists are made of them: by whole turns of
longitude on plain axes and on PlateCarree, by cartopy on other projections. Nothing is ever downloaded: a coastline is
drawn if its file is on disk.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import matplotlib.pyplot as plt
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from .._typing import ObjectArray
from ..inputs import check_optional_bool, import_extra
from ._projection import project
from ._shapes import turned

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.collections import Collection

Artist = TypeVar("Artist", bound="Collection")
Bounds: TypeAlias = tuple[float, float, float, float]

WIDE = 180  # degrees of longitude: maps wider than this are maps of the world, or of a part of it seen from above
HALO = withStroke(linewidth=2, foreground="white")  # round text on a map


@cache  # once a process
def _say_once(message: str) -> None:
    logging.getLogger("cellwise").warning(message)


def _cartopy() -> Any:
    """The module cartopy.crs, or None."""
    try:
        return import_extra("cartopy.crs", "plot")
    except ImportError:
        return None


def check_options(
    ax: Any = None, projection: Any = None, coastline: bool | None = None, gridlines: bool | None = None
) -> None:
    """Raise if an option that maps share is invalid."""
    if ax is not None and not isinstance(ax, Axes):
        raise TypeError(f"ax must be Axes of matplotlib or cartopy: got {type(ax).__name__}")
    if projection is not None and not isinstance(projection, import_extra("cartopy.crs", "plot").Projection):
        raise TypeError(f"projection must be a projection of cartopy.crs: got {type(projection).__name__}")
    if ax is not None and projection is not None:
        raise ValueError(f"projection must be None where ax is given: got {projection!r}")
    check_optional_bool("coastline", coastline)
    check_optional_bool("gridlines", gridlines)


class Basemap:
    """Axes with a coastline and gridlines.

    Parameters
    ----------
    ax : Axes or None
        None makes a figure with axes that suit the geometries: cartopy's, if it is installed.
    projection : cartopy.crs.Projection or None
        For axes made here.
    geometries : ndarray of shapely geometries in lng/lat
        What will be drawn.
    coastline, gridlines : bool or None
        None means: on axes made here.
    """

    def __init__(
        self, ax: Any, projection: Any, geometries: ObjectArray, coastline: bool | None, gridlines: bool | None
    ) -> None:
        own = ax is None
        center, bounds = _view(geometries)
        self.ax: Any = ax if ax is not None else _new_axes(projection, geometries, center, bounds)
        self.projection = self.ax.projection if hasattr(self.ax, "projection") else None
        if coastline or (coastline is None and own):
            self._add_coastline(bounds)
        if gridlines or (gridlines is None and own):
            self._add_gridlines(bounds)

    def place(self, geometries: ObjectArray) -> ObjectArray:
        """Geometries in lng/lat in the coordinates of the axes, one for one; empty where they cannot be seen."""
        if self.projection is None:  # 0 or ±180 in the middle, whichever the axes show
            return turned(geometries, 180 * round(sum(self.ax.get_xlim()) / 360))
        plate = _cartopy().PlateCarree()
        if isinstance(self.projection, _cartopy().PlateCarree):
            center = -round(self.projection.transform_point(0, 0, plate)[0], 9)
            return shapely.transform(turned(geometries, center), lambda xy: xy - [center, 0])
        return project(self.projection, turned(geometries, 0), plate)

    def add(self, artist: Artist) -> Artist:
        """Add a collection, and show it where the limits of the axes are automatic."""
        self.ax.add_collection(artist)
        self.ax.autoscale_view()
        return artist

    def _add_coastline(self, bounds: Bounds) -> None:
        if self.projection is None:
            _say_once("maps have no coastline: it needs cartopy's axes (pip install 'cellwise[plot]')")
            return
        wide = max(bounds[2] - bounds[0], bounds[3] - bounds[1])
        for scale in ("110m", "50m", "10m") if wide > 60 else ("10m", "50m", "110m"):
            if natural_earth_file("physical", "coastline", scale) is not None:
                from cartopy.feature import NaturalEarthFeature

                feature = NaturalEarthFeature("physical", "coastline", scale)
                self.ax.add_feature(feature, facecolor="none", edgecolor="0.25", linewidth=0.6, zorder=1.8)
                return
        _say_once(
            "maps have no coastline: no Natural Earth data in cartopy's data folders, and none is downloaded "
            "(set CARTOPY_DATA_DIR to a folder with shapefiles/natural_earth)"
        )

    def _add_gridlines(self, bounds: Bounds) -> None:
        style: dict[str, Any] = {"linewidth": 0.6, "color": "0.5", "linestyle": ":", "zorder": 1.9}
        if self.projection is None:
            self.ax.grid(True, **style)
            return
        from cartopy.mpl.ticker import LatitudeFormatter, LongitudeFormatter

        text = {"size": "small", "color": "0.25"}
        style |= {"xlabel_style": text, "xformatter": LongitudeFormatter(number_format=".10g")}
        style |= {"ylabel_style": text, "yformatter": LatitudeFormatter(number_format=".10g")}
        labels: Any = ["left", "bottom"]
        if isinstance(self.projection, _cartopy().LambertAzimuthalEqualArea):  # latitudes are circles
            style |= {"x_inline": False, "y_inline": True, "ylabel_style": text | {"path_effects": [HALO]}}
            labels = {"left": "x", "right": "x", "bottom": "x", "top": "x", "inline": "y"}
        if bounds[2] > 180:  # across the antimeridian, where cartopy finds no good places of its own
            places = np.asarray(MaxNLocator(4, steps=[1, 1.5, 2, 3, 5, 10]).tick_values(bounds[0], bounds[2]))
            style |= {"xlocs": 180 - (180 - places) % 360}
        self.ax.gridlines(draw_labels=labels, **style)


def natural_earth_file(category: str, name: str, scale: str) -> Path | None:
    """Path of a Natural Earth shapefile on disk, where cartopy looks for it, or None."""
    from cartopy import config
    from cartopy.io import Downloader

    place = {"config": config, "category": category, "name": name, "resolution": scale}
    finder = Downloader.from_config(("shapefiles", "natural_earth", scale, category, name))
    paths = (finder.pre_downloaded_path(place), finder.target_path(place))
    return next((path for path in paths if path is not None and path.exists()), None)


def _view(geometries: ObjectArray) -> tuple[int, Bounds]:
    """Longitude to put in the middle (0, or 180 if the geometries lie across it), and bounds in degrees there."""
    if len(geometries) == 0:
        return 0, (-180, -90, 180, 90)
    at_0, at_180 = (shapely.total_bounds(turned(geometries, center)).tolist() for center in (0, 180))
    return (180, at_180) if at_180[2] - at_180[0] < at_0[2] - at_0[0] - 1e-9 else (0, at_0)


def _new_axes(projection: Any, geometries: ObjectArray, center: int, bounds: Bounds) -> Any:
    ccrs = _cartopy() if projection is None else import_extra("cartopy.crs", "plot")
    west, south, east, north = bounds
    wide = east - west > WIDE
    if projection is None and ccrs is not None:
        projection = _wide_projection(ccrs, geometries) if wide else ccrs.PlateCarree(center)
    flat = projection is None or isinstance(projection, ccrs.EqualEarth)
    ax = plt.figure(figsize=(9, 5) if wide and flat else None).add_subplot(projection=projection)
    if projection is None:
        ax.set(xlabel="longitude", ylabel="latitude")
        ax.set_xlim(center - 180, center + 180, auto=True)
        ax.xaxis.set_major_formatter(lambda x, _: f"{180 - (180 - x) % 360:.10g}".replace("-", "\N{MINUS SIGN}"))
    if projection is None or isinstance(projection, ccrs.PlateCarree):
        ax.set_aspect(1 / np.cos(np.radians(min(abs(south + north) / 2, 80))))
    return ax


def _wide_projection(ccrs: Any, geometries: ObjectArray) -> Any:
    """The world, or what lies within some 75 degrees, such as a polar cap, seen from above its middle."""
    lng, lat = np.radians(shapely.get_coordinates(geometries)).T
    xyz = np.stack((np.cos(lng) * np.cos(lat), np.sin(lng) * np.cos(lat), np.sin(lat)))
    x, y, z = middle = xyz.sum(axis=1)
    if len(lng) == 0 or (middle @ xyz).min() < 0.25 * np.linalg.norm(middle):
        return ccrs.EqualEarth()
    lat = np.degrees(np.arctan2(z, np.hypot(x, y)))
    if abs(lat) > 85:
        return ccrs.LambertAzimuthalEqualArea(central_latitude=np.copysign(90, lat))
    return ccrs.LambertAzimuthalEqualArea(np.degrees(np.arctan2(y, x)), lat)
