import matplotlib.pyplot as plt
import numpy as np
import pytest
from cartopy import crs as ccrs
from plot_helpers import ACROSS_180, FACES, PORTO_ALEGRE, drawn

import cellwise as cw
from cellwise.plot import plot_hilbert


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize("projection", [None, ccrs.PlateCarree(90), ccrs.Mollweide(180)])
def test_the_whole_curve(level, projection):
    curve = plot_hilbert(level, projection=projection)
    segments, pieces = curve.get_segments(), 6 * 4**level - 1
    assert np.unique(curve.get_array()).tolist() == list(range(pieces))
    assert pieces <= len(segments) <= pieces + 2 ** (level + 2)  # those across the edge of the map are in two parts
    low, high = curve.axes.projection.x_limits
    assert max(np.abs(np.diff(segment[:, 0])).max() for segment in segments) < 0.2 * (high - low)
    drawn(curve)


def test_the_curve_of_a_face_runs_from_cell_to_cell():
    curve = plot_hilbert(3, cw.CellUnion(FACES[:1]), ax=plt.figure().add_subplot())
    segments = curve.get_segments()
    lat, lng = cw.cell_to_latlng(cw.cell_children(int(FACES[0]), 3))
    assert len(segments) == 63
    ends = np.array([segment[[0, -1]] for segment in segments])
    centers = np.column_stack((lng, lat))
    assert np.allclose(ends[:, 0], centers[:-1])
    assert np.allclose(ends[:, 1], centers[1:])
    assert curve.get_array().tolist() == list(range(63))


def test_the_curve_of_a_region_is_broken_where_it_leaves():
    cells = cw.cover(PORTO_ALEGRE, min_level=12, max_level=12).cells
    curve = plot_hilbert(12, PORTO_ALEGRE, outlines=False)
    together = np.count_nonzero(cw.cell_next(cells[:-1]) == cells[1:])
    assert 0 < together < len(cells) - 1
    assert len(curve.get_segments()) == together
    drawn(curve)


def test_the_curve_across_180():
    curve = plot_hilbert(5, ACROSS_180)
    west, east = curve.axes.get_xlim()
    assert east - west < 25
    assert max(np.ptp(segment[:, 0]) for segment in curve.get_segments()) < 4


def test_style_and_one_cell():
    curve = plot_hilbert(2, color="red", linewidth=3, cmap="viridis")
    assert curve.get_array() is None
    assert curve.get_color()[0].tolist() == [1, 0, 0, 1]
    assert curve.get_linewidth() == [3]
    assert len(plot_hilbert(4, cw.CellUnion([cw.latlng_to_cell(1, 1, 4)])).get_segments()) == 0


def test_bad_level():
    with pytest.raises(ValueError, match="level must be in 0..30: got 31"):
        plot_hilbert(31)
    with pytest.raises(cw.errors.CellLimitError):
        plot_hilbert(20)
