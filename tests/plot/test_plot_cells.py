import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from cartopy import crs as ccrs
from plot_helpers import ACROSS_180, FACES, PORTO_ALEGRE, drawn, widths

import cellwise as cw
from cellwise.plot import plot_cells

FOUR = cw.cell_children(cw.token_to_cell("951977"))


def test_one_path_per_cell_in_axes_made_for_it():
    artist = plot_cells(FOUR)
    assert len(artist.get_paths()) == 4
    assert isinstance(artist.axes.projection, ccrs.PlateCarree)
    lat, lng = np.moveaxis(cw.cell_vertices(FOUR), -1, 0)
    west, east = artist.axes.get_xlim()
    south, north = artist.axes.get_ylim()
    assert west < lng.min()
    assert lng.max() < east
    assert east - west < 1.2 * np.ptp(lng)
    assert south < lat.min()
    assert lat.max() < north
    assert north - south < 1.2 * np.ptp(lat)
    drawn(artist)


@pytest.mark.parametrize("form", [list, pd.Series, cw.CellUnion, lambda cells: pd.Series(cells, dtype="UInt64")])
def test_cells_in_any_form(form):
    assert len(plot_cells(form(FOUR)).get_paths()) == 4


def test_values_color_the_cells():
    artist = plot_cells(FOUR, [1, 2, np.nan, 4], cmap="plasma", clim=(0, 4))
    assert artist.get_array().tolist() == [1, 2, None, 4]
    assert artist.get_cmap().name == "plasma"
    assert artist.get_clim() == (0, 4)
    bar = plt.colorbar(artist)
    drawn(artist)
    assert bar.ax.get_ylim() == (0, 4)
    colors = artist.get_facecolor()
    assert colors[2, 3] == 0
    assert (colors[[0, 1, 3], 3] == 1).all()
    assert len(np.unique(colors[[0, 1, 3]], axis=0)) == 3


def test_missing_cells_are_not_drawn():
    artist = plot_cells([0, FOUR[0], 0, FOUR[1]], [1, 2, 3, 4], annotate=list("abcd"))
    assert len(artist.get_paths()) == 2
    assert artist.get_array().tolist() == [2, 4]
    assert [text.get_text() for text in artist.axes.texts][:2] == ["b", "d"]


def test_no_cells():
    artist = plot_cells([])
    assert len(artist.get_paths()) == 0
    drawn(artist)


def test_style():
    artist = plot_cells(FOUR)
    assert 0 < artist.get_facecolor()[0, 3] < 1
    assert artist.get_edgecolor()[0, :3].max() < 0.3
    artist = plot_cells(FOUR, fc="red", ec="none", lw=2, label="four", zorder=5)
    assert artist.get_facecolor()[0].tolist() == [1, 0, 0, 1]
    assert len(artist.get_edgecolor()) == 0
    assert artist.get_linewidth() == [2]
    assert artist.get_label() == "four"
    assert artist.get_zorder() == 5
    assert plot_cells(FOUR, color="blue").get_edgecolor()[0].tolist() == [0, 0, 1, 1]


def test_annotate_writes_tokens():
    artist = plot_cells(FOUR, ax=plt.figure().add_subplot(), annotate=True)
    texts = artist.axes.texts
    assert [text.get_text() for text in texts] == cw.cell_to_token(FOUR).tolist()
    assert np.allclose([text.get_position() for text in texts], np.transpose(cw.cell_to_latlng(FOUR))[:, ::-1])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"cells": FOUR, "values": [1, 2]}, ValueError, "values must be one per cell, 4: got 2"),
        ({"cells": FOUR, "annotate": ["a"]}, ValueError, "annotate must be one per cell, 4: got 1"),
        ({"cells": FOUR, "values": list("abcd")}, TypeError, "values must be numbers: got str"),
        ({"cells": [6 << 61]}, ValueError, "must be a valid cell: got"),
        ({"cells": [0.5]}, TypeError, "cells must be integer ids"),
        ({"cells": ["951977"]}, TypeError, "tokens are read by token_to_cell"),
        ({"cells": FOUR, "no_such_style": 1}, AttributeError, "no_such_style"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        plot_cells(**arguments)


def test_ax_and_projection_exclude_each_other():
    with pytest.raises(ValueError, match="projection must be None where ax is given: got"):
        plot_cells(FOUR, ax=plt.figure().add_subplot(), projection=ccrs.Mercator())


# --- axes that are given ------------------------------------------------------------------------------------------------


def test_plain_axes_have_degrees():
    ax = plt.figure().add_subplot()
    artist = plot_cells(FOUR, ax=ax)
    assert artist.axes is ax
    lat, lng = cw.cell_vertices(FOUR[0]).T
    assert np.allclose(artist.get_paths()[0].vertices[:4], np.column_stack((lng, lat)), atol=1e-12)
    assert ax.get_xlim()[0] < lng.min()
    assert lng.max() < ax.get_xlim()[1]


@pytest.mark.parametrize("projection", [None, ccrs.PlateCarree(), ccrs.Robinson()])
def test_limits_that_are_set_stay(projection):
    ax = plt.figure().add_subplot(projection=projection)
    ax.set(xlim=(-60, -50), ylim=(-40, -30))
    plot_cells(FOUR, ax=ax)
    assert ax.get_xlim() == (-60, -50)
    assert ax.get_ylim() == (-40, -30)


def test_given_axes_get_no_decoration_unless_asked_for():
    ax = plt.figure().add_subplot(projection=ccrs.PlateCarree())
    artists = len(ax.get_children())
    plot_cells(FOUR, ax=ax)
    assert len(ax.get_children()) == artists + 1
    plot_cells(FOUR, ax=ax, gridlines=True)
    assert len(ax.get_children()) > artists + 2


def test_projection():
    artist = plot_cells(FOUR, projection=ccrs.UTM(22, southern_hemisphere=True))
    assert isinstance(artist.axes.projection, ccrs.UTM)
    areas = [_area(path) for path in artist.get_paths()]
    assert areas == pytest.approx(cw.cell_area(FOUR), rel=0.01)  # meters, on an ellipsoid
    drawn(artist)


# --- the antimeridian and the poles -------------------------------------------------------------------------------------

EQUAL_AREA = [
    ccrs.EqualEarth(),
    ccrs.EqualEarth(-77.5),
    ccrs.Mollweide(180),
    ccrs.InterruptedGoodeHomolosine(),
    ccrs.LambertAzimuthalEqualArea(10, 20),
    ccrs.LambertAzimuthalEqualArea(central_latitude=90),
    ccrs.LambertAzimuthalEqualArea(central_latitude=-90),
    ccrs.LambertCylindrical(40),
]


def _area(path):
    """Area of a path; holes run the other way round."""
    return abs(sum(map(_ring_area, path.to_polygons(closed_only=True))))


def _ring_area(xy):
    x, y = (xy - xy[0]).T
    return 0.5 * (x @ np.roll(y, -1) - y @ np.roll(x, -1))


@pytest.mark.parametrize("projection", EQUAL_AREA, ids=lambda projection: type(projection).__name__)
@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_no_smear_and_no_missing_half(projection, level):
    """On an equal-area projection the picture of each cell has its own share of the map."""
    cells = cw.cell_children(FACES, level).values
    artist = plot_cells(cells, projection=projection, gridlines=False)
    share = np.array([_area(path) for path in artist.get_paths()])
    share /= share.sum()
    assert share == pytest.approx(cw.cell_area(cells, unit="sr") / (4 * np.pi), rel=0.1)
    assert np.median(np.abs(share / cw.cell_area(cells, unit="sr") * (4 * np.pi) - 1)) < 0.01


@pytest.mark.parametrize("center", [0, 180, -77.5, 150])
@pytest.mark.parametrize("plain", [True, False])
def test_all_faces_fill_the_map(center, plain):
    """Also where the map is cut through the middle of faces; plain axes may have 0 or 180 in the middle."""
    ax = plt.figure().add_subplot(projection=None if plain else ccrs.PlateCarree(center))
    middle = 180 * round(center / 180) if plain else 0
    if plain:
        ax.set_xlim(center - 180, center + 180)
    artist = plot_cells(FACES, ax=ax)
    assert sum(map(_area, artist.get_paths())) == pytest.approx(360 * 180, rel=1e-3)
    x = np.concatenate([path.vertices[:, 0] for path in artist.get_paths()])
    assert (x.min(), x.max()) == pytest.approx((middle - 180, middle + 180))


def test_cells_across_180_lie_side_by_side():
    cells = cw.cover(ACROSS_180, max_cells=100)
    artist = plot_cells(cells)
    west, east = artist.axes.get_xlim()
    assert east - west < 25
    assert widths(artist).max() < 15
    assert artist.axes.projection.transform_point(180, 0, ccrs.PlateCarree())[0] == pytest.approx(
        (west + east) / 2, abs=1
    )


def test_later_cells_across_180_join_the_earlier_ones(without_cartopy):
    fiji = cw.latlng_to_cell([-17, -17], [179.5, -179.5], 8)
    ax = plot_cells(fiji).axes
    plot_cells(cw.latlng_to_cell(0, -178, 8), ax=ax)
    west, east = ax.get_xlim()
    assert west > 179
    assert 182 < east < 183


@pytest.mark.parametrize(
    ("cells", "projection"),
    [
        (FACES, ccrs.EqualEarth),
        (cw.cover(cw.Cap(90, 0, 2000, unit="km")), ccrs.LambertAzimuthalEqualArea),
        (cw.cover(cw.Cap(-85, 30, 2000, unit="km")), ccrs.LambertAzimuthalEqualArea),
        (cw.cover(cw.Cap(65, 170, 4000, unit="km"), max_cells=50), ccrs.LambertAzimuthalEqualArea),
        (cw.cover(PORTO_ALEGRE), ccrs.PlateCarree),
        (FACES[3:4], ccrs.PlateCarree),
    ],
)
def test_the_map_suits_its_cells(cells, projection):
    artist = plot_cells(cells)
    assert isinstance(artist.axes.projection, projection)
    drawn(artist)


@pytest.mark.parametrize("level", [1, 8, 25])
def test_cells_round_a_pole(level):
    """The four cells that meet at the pole make a round picture."""
    cells = cw.latlng_to_cell([89.9999999] * 4, [45, 135, -135, -45], level)
    artist = plot_cells(np.unique(cells))
    assert len(artist.get_paths()) == 4
    x0, x1, y0, y1 = *artist.axes.get_xlim(), *artist.axes.get_ylim()
    assert (x1 - x0) == pytest.approx(y1 - y0, rel=1e-3)
    assert abs(x0 + x1) < 1e-3 * (x1 - x0)
    drawn(artist)


def test_cells_behind_a_globe_are_empty_paths():
    artist = plot_cells(FACES, projection=ccrs.Orthographic(0, 0), annotate=True, gridlines=False)
    assert "7" not in [text.get_text() for text in artist.axes.texts]
    assert [len(path.vertices) > 0 for path in artist.get_paths()] == [True, True, True, False, True, True]
    drawn(artist)
