"""If only one test file is run then this is the one: it needs cellwise and pytest alone, on any fresh wheel."""

from importlib.resources import files

import numpy as np
import pytest

import cellwise as cw

LEAF, L15 = 10743750136202470315, 10743750135264575488


def test_backend_is_told():
    assert cw.backend() in ("native", "numpy")
    assert cw.build_info()["version"] == cw.__version__


def test_annotations_are_shipped():
    assert (files("cellwise") / "py.typed").is_file()


def test_records_to_cells_and_back():
    lat, lng = np.array([-30.0438, 90.0, -90.0, 0.0]), np.array([-51.14022, 0.0, 0.0, 180.0])
    cells = cw.latlng_to_cell(lat, lng)
    assert cells.dtype == np.uint64
    assert cells[0] == LEAF
    again = cw.latlng_to_cell(*cw.cell_to_latlng(cells))
    assert (again == cells).all()
    assert cw.cell_to_token(cw.cell_parent(cells, 15)).tolist()[0] == "951977d34"


def test_one_cell_and_its_family():
    assert cw.cell_parent(LEAF, 15) == L15
    assert cw.cell_contains(L15, LEAF) is True
    assert cw.cell_to_token(cw.cell_children(L15)).tolist() == ["951977d31", "951977d33", "951977d35", "951977d37"]
    around = cw.cell_to_token(cw.cell_edge_neighbors(L15)).tolist()
    assert around == ["951977d3c", "951977d4c", "9519762cc", "951977d2c"]
    assert len(cw.cell_disk(L15, 1)) == 9
    assert cw.cell_area(L15, unit="sr") == pytest.approx(1.6841909472524365e-09, rel=1e-11)


def test_coverings():
    rect = cw.Rect(lat=(-30.241701, -30.000003), lng=(-51.264871, -51.04618))
    covering = cw.cover(rect, min_level=8, max_level=15, max_cells=500)
    assert len(covering) == 351
    assert covering.contains(lat=-30.1, lng=-51.1)
    assert len(cw.cover(rect, max_level=15, max_cells=500, min_level=8, interior=True)) == 366
    assert len(cw.cover(cw.Cap(0, 0, 10, unit="km"))) <= 8


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"lat must be in -90..90 degrees: got 91.0"):
        cw.latlng_to_cell(91.0, 0.0)
    with pytest.raises(TypeError, match="floats lose bits"):
        cw.cell_level(1e18)


def test_features():
    from cellwise.features import CellEncoder

    lat, lng = cw.cell_to_latlng(cw.cell_children(L15, 18))
    features = CellEncoder(levels=(15, 16)).fit_transform(np.column_stack((lat, lng)))
    assert features.shape == (64, 5)
    assert features.sum() == 128
