import matplotlib.pyplot as plt
import numpy as np
import pytest
import shapely
from cartopy import crs as ccrs
from matplotlib.collections import LineCollection
from plot_helpers import ACROSS_180, PORTO_ALEGRE, drawn, widths

import cellwise as cw
from cellwise.plot import plot_covering


def border(artist):
    (lines,) = [child for child in artist.axes.collections if isinstance(child, LineCollection)]
    return lines


@pytest.mark.parametrize(("min_level", "count"), [(8, 351), (15, 8523)])
def test_porto_alegre(min_level, count):
    covering = cw.cover(PORTO_ALEGRE, min_level=min_level, max_level=15, max_cells=500)
    artist = plot_covering(covering, PORTO_ALEGRE)
    assert len(artist.get_paths()) == count
    (segment,) = border(artist).get_segments()
    assert segment.min(axis=0).tolist() == [-51.264871, -30.241701]
    assert segment.max(axis=0).tolist() == [-51.04618, -30.000003]
    if count < 1000:  # many edges take their time
        drawn(artist)


def test_the_border_is_optional():
    artist = plot_covering(cw.cover(PORTO_ALEGRE), gridlines=False)
    assert not any(isinstance(child, LineCollection) for child in artist.axes.collections)


def test_options_reach_the_cells():
    ax = plt.figure().add_subplot()
    artist = plot_covering(cw.cover(PORTO_ALEGRE), PORTO_ALEGRE, ax=ax, facecolor="none", annotate=True)
    assert artist.axes is ax
    assert len(artist.get_facecolor()) == 0
    assert len(ax.texts) == len(cw.cover(PORTO_ALEGRE))


@pytest.mark.parametrize(
    "region",
    [
        PORTO_ALEGRE,
        ACROSS_180,
        cw.Rect(lat=(-20, 20), lng=(170, 190)),
        cw.Rect(lat=(-20, 20), lng=(-190, -170)),
        cw.Rect(lat=(60, 90), lng=(-180, 180)),
        cw.Rect(lat=(-5, 5), lng=(100, 180)),
        cw.Rect(lat=(-90, 90), lng=(-180, 180)),
        cw.Rect(lat=(10, 10), lng=(20, 20)),
        cw.Rect(lat=(-60, 60), lng=(-100, 150)),
        cw.Cap(-17, 179, 500, unit="km"),
        cw.Cap(90, 0, 2000, unit="km"),
        cw.Cap(-70, 100, 4000, unit="km"),
        cw.Cap(0, 0, 0),
        cw.Cap(10, 20, 180, unit="deg"),
        cw.CellUnion([cw.token_to_cell("7")]),
        cw.CellUnion([cw.token_to_cell("951977")]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("projection", [None, "plain", ccrs.Robinson()], ids=["own", "plain", "robinson"])
def test_no_line_runs_across_the_map(region, projection):
    ax = (
        None
        if projection is None
        else plt.figure().add_subplot(projection=None if projection == "plain" else projection)
    )
    artist = plot_covering(cw.cover(region, max_cells=50), region, ax=ax, gridlines=False)
    world = artist.axes.projection.x_limits if hasattr(artist.axes, "projection") else (-180, 180)
    straight = {"Rect", "CellUnion"}  # their own edges may be long
    for segment in border(artist).get_segments():
        if len(segment) > 1 and type(region).__name__ not in straight:
            assert np.abs(np.diff(segment[:, 0])).max() < 0.1 * (world[1] - world[0])
    drawn(artist)


def test_border_of_a_cap_is_its_circle():
    cap = cw.Cap(-17, 179, 500, unit="km")
    artist = plot_covering(cw.cover(cap), cap)
    lng, lat = np.concatenate(border(artist).get_segments()).T
    assert cw.latlng_distance(-17, 179, lat, lng + 180, unit="km") == pytest.approx(500)
    assert widths(border(artist)).max() < 11


def test_shapely_regions():
    triangle = shapely.Polygon([(-51.2, -30.2), (-51.1, -30.2), (-51.1, -30.1)], holes=None)
    segments = border(plot_covering(cw.cover(PORTO_ALEGRE), triangle)).get_segments()
    assert len(segments) == 1
    assert np.array_equal(segments[0], shapely.get_coordinates(triangle))


@pytest.mark.parametrize("form", ["planar", "geodesic", "collection", "line", "point"])
def test_borders_run_as_edges_do(form):
    """A geodesic between two places at 49 degrees goes up to 53.0; across 180 it goes the short way."""
    box = shapely.box(-120, 40, -60, 49)
    region, top, width = {
        "planar": (cw.region(box), 49, 60),
        "geodesic": (cw.region(box, edges="geodesic"), 53.03, 60),
        "collection": (
            cw.region(shapely.GeometryCollection([box, shapely.Point(-80, 45)]), edges="geodesic"),
            53.03,
            60,
        ),
        "line": (cw.Polyline([(49, 150), (49, -150)]), 53.03, 60),
        "point": (cw.Polyline([(49, 150)]), None, None),
    }[form]
    artist = plot_covering(cw.cover(region, max_cells=30), region)
    segments = border(artist).get_segments()
    if top is None:
        assert segments == []
        return
    points = np.concatenate(segments)
    assert points[:, 1].max() == pytest.approx(top, abs=0.05)
    assert np.ptp(points[:, 0]) == pytest.approx(width)


def test_bad_region():
    with pytest.raises(cw.errors.InvalidRegionError, match="region must be"):
        plot_covering(cw.cover(PORTO_ALEGRE), "Porto Alegre")
