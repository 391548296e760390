import logging
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
import shapefile
import shapely
from cartopy import crs as ccrs
from cartopy.mpl.feature_artist import FeatureArtist
from plot_helpers import ACROSS_180, FACES, PORTO_ALEGRE, drawn

import cellwise as cw
from cellwise.plot import _basemap, plot_cells, plot_covering, plot_hilbert
from cellwise.plot._shapes import turned


@pytest.fixture(autouse=True)
def _say_it_again():
    _basemap._say_once.cache_clear()


def coastlines(ax):
    return [child for child in ax.get_children() if isinstance(child, FeatureArtist)]


def write_coastline(folder, scale):
    path = folder / "shapefiles" / "natural_earth" / "physical" / f"ne_{scale}_coastline.shp"
    path.parent.mkdir(parents=True, exist_ok=True)
    with shapefile.Writer(path, shapeType=shapefile.POLYLINE) as file:
        file.field("name", "C")
        file.line([[[-51.3, -30.0], [-51.0, -30.2]]])
        file.record("shore")


def test_without_map_data_nothing_is_downloaded_and_it_is_said_once(caplog):
    with caplog.at_level(logging.WARNING, "cellwise"):
        for _ in range(2):
            artist = plot_covering(cw.cover(PORTO_ALEGRE), PORTO_ALEGRE)
            assert coastlines(artist.axes) == []
            drawn(artist)
        drawn(plot_hilbert(1))
    (record,) = caplog.records
    assert record.name == "cellwise"
    assert "no Natural Earth data" in record.getMessage()


def test_quiet_where_no_coastline_is_wanted(caplog):
    drawn(plot_cells(FACES, coastline=False))
    drawn(plot_cells(FACES, ax=plt.figure().add_subplot(projection=ccrs.Robinson())))
    assert caplog.records == []


@pytest.mark.parametrize(("on_disk", "region", "world"), [(["110m", "50m"], "50m", "110m"), (["10m"], "10m", "10m")])
def test_with_map_data_there_is_a_coastline(map_data, caplog, on_disk, region, world):
    for scale in on_disk:
        write_coastline(map_data, scale)
    for artist, scale in ((plot_cells(cw.cover(PORTO_ALEGRE).cells), region), (plot_cells(FACES), world)):
        (coastline,) = coastlines(artist.axes)
        assert coastline._feature.scale == scale
        drawn(artist)
    assert caplog.records == []


def test_natural_earth_file(map_data):
    assert _basemap.natural_earth_file("physical", "coastline", "110m") is None
    write_coastline(map_data, "110m")
    assert _basemap.natural_earth_file("physical", "coastline", "110m").is_relative_to(map_data)


# --- without cartopy, without matplotlib --------------------------------------------------------------------------------


def test_without_cartopy_the_axes_are_plain(without_cartopy, caplog):
    for artist in (
        plot_covering(cw.cover(PORTO_ALEGRE), PORTO_ALEGRE),
        plot_hilbert(2),
        plot_cells(FACES, np.arange(6)),
    ):
        assert not hasattr(artist.axes, "projection")
        drawn(artist)
    assert len(caplog.records) == 1
    assert "cellwise[plot]" in caplog.text


def test_plain_axes_keep_the_shape_of_places(without_cartopy):
    ax = plot_cells(cw.cover(PORTO_ALEGRE)).axes
    assert ax.get_aspect() == pytest.approx(1 / np.cos(np.radians(30.12)), rel=1e-2)
    ax = plot_covering(cw.cover(ACROSS_180), ACROSS_180).axes
    ax.figure.canvas.draw()
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert "170" in labels
    assert "\N{MINUS SIGN}170" in labels


def test_a_projection_needs_cartopy(without_cartopy):
    with pytest.raises(ImportError, match=r"pip install 'cellwise\[plot\]'"):
        plot_cells(FACES, projection=object())


def test_without_matplotlib_the_error_names_the_extra():
    code = "import sys; sys.modules['matplotlib'] = None; import cellwise.plot"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "ImportError" in done.stderr
    assert "matplotlib is needed here: pip install 'cellwise[plot]'" in done.stderr


def test_no_backend_is_chosen_and_cartopy_waits():
    code = (
        "import sys, cellwise.plot, matplotlib as m; print(m.get_backend(auto_select=False), 'cartopy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={}, check=True)
    assert done.stdout.split() == ["None", "False"]


# --- whole turns --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("center", [0, 180, -180, 37.5, -100])
def test_turned(center):
    boxes = shapely.box(*np.array([(x, -10, x + 30, 10) for x in range(-360, 360, 17)], float).T)
    result = turned(boxes, center)
    assert shapely.area(result) == pytest.approx(600)
    west, _, east, _ = shapely.bounds(result).T
    assert (west >= center - 180).all()
    assert (east <= center + 180).all()
    lng, _ = shapely.get_coordinates(shapely.centroid(boxes)).T
    where = shapely.points((lng - center + 180) % 360 + center - 180, 0)
    assert (shapely.distance(result, where) < 1e-9).all()


def test_turned_leaves_alone_what_fits():
    at_180 = np.array([shapely.LineString([(180, 0), (180, 10)]), shapely.LineString([(-180, 0), (-180, 10)])])
    assert (turned(at_180, 0) == at_180).all()
