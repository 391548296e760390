"""What type checkers infer is what comes back: mypy reads the assertions in `make lint`, pytest runs them."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar, assert_type, get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from numpy.typing import NDArray

import cellwise as cw
from cellwise._typing import QueryTermKeywords, ReadingKeywords, TermKeywords
from cellwise.covering import CoverKeywords
from cellwise.neighbors import WithinKeywords

CELL = 10743750135264575488
CELLS = np.array([CELL, 0], np.uint64)

T = TypeVar("T")


def check(value: T, kind: type[Any], dtype: str | None = None) -> None:
    """The value is of the class and dtype that were inferred."""
    assert type(value) is kind
    if dtype is not None:
        assert value.dtype == dtype  # type: ignore[attr-defined]


def test_scalars_give_python_scalars() -> None:
    check(assert_type(cw.latlng_to_cell(-30.0438, -51.14022), int), int)
    check(assert_type(cw.cell_parent(CELL, 10), int), int)
    check(assert_type(cw.cell_parent(np.uint64(CELL), 10), int), int)
    check(assert_type(cw.cell_level(CELL), int), int)
    check(assert_type(cw.cell_to_token(CELL), str), str)
    check(assert_type(cw.token_to_cell("951977d34"), int), int)
    check(assert_type(cw.cell_area(CELL), float), float)
    check(assert_type(cw.cell_distance(CELL, CELL, unit="km"), float), float)
    check(assert_type(cw.latlng_distance(0, 0, 1, 1), float), float)
    check(assert_type(cw.cell_is_valid(CELL), bool), bool)
    check(assert_type(cw.cell_contains(CELL, CELL), bool), bool)
    check(assert_type(cw.point_to_cell([1.0, 0.0, 0.0]), int), int)
    lat, _ = assert_type(cw.cell_to_latlng(CELL), tuple[float, float])
    check(lat, float)
    i, _ = assert_type(cw.cell_ij(CELL), tuple[int, int])
    check(i, int)
    check(assert_type(cw.level_for_edge(1, unit="km"), int), int)
    check(assert_type(cw.EARTH_RADIUS_M, float), float)


def test_arrays_and_lists_give_arrays() -> None:
    check(assert_type(cw.latlng_to_cell([-30.0], [-51.0], 15), NDArray[np.uint64]), np.ndarray, "u8")
    check(assert_type(cw.latlng_to_cell(0.0, 0.0, [1, 2]), NDArray[np.uint64]), np.ndarray, "u8")
    check(assert_type(cw.cell_parent(CELLS, 10), NDArray[np.uint64]), np.ndarray, "u8")
    check(assert_type(cw.cell_parent([[CELL, None]], 10), NDArray[np.uint64]), np.ndarray, "u8")
    check(assert_type(cw.cell_level(CELLS), NDArray[np.int32]), np.ndarray, "i4")
    check(assert_type(cw.cell_to_int64(CELLS), NDArray[np.int64]), np.ndarray, "i8")
    check(assert_type(cw.cell_is_leaf(CELLS), NDArray[np.bool_]), np.ndarray, "?")
    check(assert_type(cw.cell_contains(CELL, CELLS), NDArray[np.bool_]), np.ndarray, "?")
    check(assert_type(cw.cell_to_token(CELLS), NDArray[np.str_]), np.ndarray, "U16")
    check(assert_type(cw.cell_to_token(CELLS, dtype="S16"), NDArray[np.bytes_]), np.ndarray, "S16")
    check(assert_type(cw.token_to_cell(["951977d34"]), NDArray[np.uint64]), np.ndarray, "u8")
    check(assert_type(cw.cell_area(CELLS), NDArray[np.float64]), np.ndarray, "f8")
    check(assert_type(cw.latlng_distance(0.0, 0.0, [1.0], [2.0]), NDArray[np.float64]), np.ndarray, "f8")
    check(assert_type(cw.cell_vertices(CELL), NDArray[np.float64]), np.ndarray, "f8")
    check(assert_type(cw.cell_edge_neighbors(CELL), NDArray[np.uint64]), np.ndarray, "u8")
    check(assert_type(cw.cell_to_polygon(CELLS), NDArray[np.object_]), np.ndarray, "O")
    assert_type(cw.cell_to_latlng(CELLS), tuple[NDArray[np.float64], NDArray[np.float64]])
    place = np.empty((), np.uint64)
    check(assert_type(cw.cell_parent(CELL, 3, out=place), NDArray[np.uint64]), np.ndarray, "u8")


def test_runs() -> None:
    check(assert_type(cw.cell_children(CELL), NDArray[np.uint64]), np.ndarray, "u8")
    disks = assert_type(cw.cell_disk([CELL], 1), cw.Ragged[np.uint64])
    check(disks, cw.Ragged)
    check(assert_type(disks[0], NDArray[np.uint64]), np.ndarray, "u8")
    check(assert_type(disks[:1], cw.Ragged[np.uint64]), cw.Ragged)
    rows, _ = assert_type(disks.explode(), tuple[NDArray[np.int64], NDArray[np.uint64]])
    check(rows, np.ndarray, "i8")
    check(assert_type(disks.sizes, NDArray[np.int64]), np.ndarray, "i8")


def test_series_give_series() -> None:
    cells: pd.Series[int] = pd.Series([CELL, 0], dtype="uint64")
    lat = pd.Series([-30.0, 0.0])
    check(assert_type(cw.latlng_to_cell(lat, lat), "pd.Series[Any]"), pd.Series, "u8")
    check(assert_type(cw.cell_parent(cells, 10), "pd.Series[Any]"), pd.Series, "u8")
    check(assert_type(cw.cell_to_token(cells), "pd.Series[Any]"), pd.Series)
    check(assert_type(cw.cell_contains(CELL, cells), "pd.Series[Any]"), pd.Series)
    check(assert_type(cw.latlng_distance(0, 0, lat, lat), "pd.Series[Any]"), pd.Series, "f8")
    assert_type(cw.cell_to_latlng(cells), "tuple[pd.Series[Any], pd.Series[Any]]")
    check(assert_type(cw.cell_disk(cells, 1), cw.Ragged[np.uint64]), cw.Ragged)
    check(assert_type(cw.cell_vertices(cells), NDArray[np.float64]), np.ndarray)
    check(assert_type(cw.level_table(), pd.DataFrame), pd.DataFrame)


def test_nearest_rows() -> None:
    index = cw.neighbors.NeighborIndex([0.0, 1.0], [5.0, 6.0])
    rows, distances = assert_type(index.nearest(0.0, 5.0, k=1), tuple[NDArray[np.int64], NDArray[np.float64]])
    check(rows, np.ndarray, "i8")
    check(distances, np.ndarray, "f8")
    rows, distances = assert_type(index.within(0.0, 5.0, 9.0), tuple[NDArray[np.int64], NDArray[np.float64]])
    check(distances, np.ndarray, "f8")
    many = assert_type(index.within([0.0], [5.0], 9.0), tuple[cw.Ragged[np.int64], cw.Ragged[np.float64]])
    check(many[0], cw.Ragged)
    check(many[0].values, np.ndarray, "i8")


def test_regions_and_coverings() -> None:
    rect = cw.Rect(lat=(0, 1), lng=(0, 1))
    check(assert_type(cw.cover(rect, max_cells=4), cw.CellUnion), cw.CellUnion)
    check(assert_type(cw.cover({"type": "Point", "coordinates": [0, 0]}), Any), cw.CellUnion)
    rows: pd.Series[Any] = pd.Series([shapely.Point(0, 0), shapely.Point(1, 1)])
    check(cw.cover(rows), cw.Coverings)
    check(assert_type(cw.cells_at_level(rect, 5), cw.CellUnion), cw.CellUnion)
    assert_type(next(cw.iter_cells(rect, 5)), NDArray[np.uint64])
    check(assert_type(rect.contains(0.5, 0.5), bool), bool)
    check(assert_type(rect.contains([0.5], 0.5), NDArray[np.bool_]), np.ndarray, "?")
    check(assert_type(rect.area(unit="km2"), float), float)
    check(assert_type(rect.bounds, tuple[float, float, float, float]), tuple)
    check(assert_type(rect.buffered(5), cw.Region), cw.BufferedRegion)


def test_cell_unions() -> None:
    union = cw.CellUnion([CELL])
    check(assert_type(union.cells, NDArray[np.uint64]), np.ndarray, "u8")
    check(assert_type(union[0], int), int)
    check(assert_type(union[:1], cw.CellUnion), cw.CellUnion)
    check(assert_type(union | union, cw.CellUnion), cw.CellUnion)
    check(assert_type(union.contains(CELL), bool), bool)
    check(assert_type(union.contains([CELL]), NDArray[np.bool_]), np.ndarray, "?")
    check(assert_type(union.contains(-30.0, -51.0), bool), bool)
    check(assert_type(union.contains([-30.0], [-51.0]), NDArray[np.bool_]), np.ndarray, "?")
    check(assert_type(union.contains(union), bool), bool)
    check(assert_type(union.to_tokens(), NDArray[np.str_]), np.ndarray, "U16")
    check(assert_type(union.to_ranges(), NDArray[np.uint64]), np.ndarray, "u8")
    check(assert_type(union.to_ranges(signed=True), NDArray[np.int64]), np.ndarray, "i8")


def test_index_terms() -> None:
    check(assert_type(cw.index_terms(lat=0.0, lng=0.0), NDArray[np.str_]), np.ndarray)
    check(assert_type(cw.index_terms(lat=[0.0], lng=[0.0]), cw.Ragged[np.str_]), cw.Ragged)
    check(assert_type(cw.query_terms(cw.Cap(0, 0, 5), points_only=True), NDArray[np.str_]), np.ndarray)


@pytest.mark.parametrize(
    ("function", "keywords"),
    [
        (cw.cover, CoverKeywords),
        (cw.cells_at_level, ReadingKeywords),
        (cw.iter_cells, ReadingKeywords),
        (cw.index_terms, TermKeywords),
        (cw.query_terms, QueryTermKeywords),
        (cw.neighbors.NeighborIndex.within, WithinKeywords),
    ],
)
def test_checkers_know_every_option(function: Any, keywords: type) -> None:
    parameters = inspect.signature(function).parameters.values()
    options = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY} - {"lat", "lng", "mode"}
    assert options == get_type_hints(keywords).keys()


def test_arrow_on_request() -> None:
    check(assert_type(cw.cell_to_token(CELLS, dtype="arrow"), pa.StringArray), pa.StringArray)


def test_what_checkers_refuse() -> None:
    """Each line is refused by mypy, which would say so if it were not, and at run time."""
    with pytest.raises(TypeError):
        cw.cell_level("951977d34")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        cw.cell_level([1.5])  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        cw.no_such_name  # type: ignore[attr-defined]
    with pytest.raises(ValueError):
        cw.cell_area(CELL, unit="m")  # type: ignore[call-overload]
    with pytest.raises(ValueError):
        cw.cell_level(CELL, on_invalid="skip")  # type: ignore[call-overload]


@pytest.mark.parametrize("name", [name for name in dir(cw) if callable(getattr(cw, name))])
def test_annotations_name_what_there_is(name: str) -> None:
    """They can be read at run time, as tools that check arguments do."""
    get_type_hints(getattr(cw, name), localns={"pd": pd, "pa": pa, "shapely": shapely, "CoverOptions": Any})
