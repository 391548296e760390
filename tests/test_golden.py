"""Golden vectors: Google's answers on file, facts that other suites state, and the bad inputs line by line.

The files lie in the folder `shared` beside the repository; where it is absent, what needs it is skipped.
"""

import csv
import gzip
import json
import math

import numpy as np
import oracle
import pandas as pd
import pyarrow as pa
import pytest
from columns import listed
from work import little_memory, many

import cellwise as cw
from cellwise.errors import CellLimitError, InvalidCellError

L15, LEAF = 10743750135264575488, 10743750136202470315


def jsonl(path):
    data = path.read_bytes()
    return [json.loads(line) for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()]


def cells_of(tokens):
    return cw.token_to_cell(np.array(tokens, "U16"))


def subset(rows, n, seed):
    """Rows for the numpy backend, which is slower: all of them on native."""
    if cw.backend() == "native":
        return rows
    return [rows[k] for k in sorted(np.random.default_rng(seed).choice(len(rows), n, replace=False))]


# --- positions ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus(shared):
    with gzip.open(shared / "vectors/s2cell_encode_corpus.csv.gz", "rt") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 111_600
    return {
        "lat": np.array([float(r["lat"]) for r in rows]),
        "lng": np.array([float(r["lon"]) for r in rows]),
        "level": np.array([int(r["level"]) for r in rows]),
        "cell": np.array([int(r["cell_id"]) for r in rows], np.uint64),
        "token": [r["token"] for r in rows],
    }


def test_the_encode_corpus(corpus, path):
    found = cw.latlng_to_cell(corpus["lat"], corpus["lng"], corpus["level"])
    wrong = found != corpus["cell"]
    assert [(corpus["lat"][k], corpus["lng"][k], corpus["level"][k]) for k in np.flatnonzero(wrong)[:3]] == []
    assert cw.cell_to_token(found).tolist() == corpus["token"]
    assert (cw.token_to_cell(corpus["token"]) == corpus["cell"]).all()
    assert (cw.cell_level(found) == corpus["level"]).all()


# --- cells --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dev_cells(shared):
    rows = jsonl(shared / "vectors/dev_cells.jsonl.gz")
    assert len(rows) == 3_000
    return rows


def column(rows, name):
    return [row[name] for row in rows]


def test_cells_identity(dev_cells, path):
    cells = np.array(column(dev_cells, "id"), np.uint64)
    assert cw.cell_to_token(cells).tolist() == column(dev_cells, "token")
    assert cw.token_to_cell(column(dev_cells, "token")).tolist() == cells.tolist()
    assert cw.cell_to_string(cells).tolist() == column(dev_cells, "debug")
    assert cw.string_to_cell(column(dev_cells, "debug")).tolist() == cells.tolist()
    assert cw.cell_level(cells).tolist() == column(dev_cells, "level")
    assert cw.cell_face(cells).tolist() == column(dev_cells, "face")
    assert (cells & np.uint64(2**61 - 1)).tolist() == [int(p) for p in column(dev_cells, "pos")]
    i, j = cw.cell_ij(cells)
    assert (i.tolist(), j.tolist()) == (column(dev_cells, "i"), column(dev_cells, "j"))


def test_cells_geometry(dev_cells, path):
    cells = np.array(column(dev_cells, "id"), np.uint64)
    lat, lng = cw.cell_to_latlng(cells, exact=True)
    assert (lat.tolist(), lng.tolist()) == (column(dev_cells, "lat"), column(dev_cells, "lng"))
    assert cw.cell_to_point(cells).tolist() == column(dev_cells, "xyz")
    assert cw.cell_vertices(cells, exact=True).tolist() == column(dev_cells, "vertices")
    assert cw.cell_bounds(cells).tolist() == column(dev_cells, "rect")
    area, theirs = cw.cell_area(cells, unit="sr"), np.array(column(dev_cells, "exact_area"))
    assert (np.abs(area / theirs - 1) < oracle.google_area_error(cw.cell_level(cells))).all()
    assert (np.abs(area / np.array(column(dev_cells, "approx_area")) - 1) < 0.03).all()  # what Google promises for it
    table = cw.level_table(area="sr")
    assert table["avg_area"][cw.cell_level(cells)].tolist() == column(dev_cells, "avg_area")


def test_cells_family(dev_cells, path):
    cells = np.array(column(dev_cells, "id"), np.uint64)
    assert cw.cell_range_min(cells).tolist() == [int(x) for x in column(dev_cells, "range_min")]
    assert cw.cell_range_max(cells).tolist() == [int(x) for x in column(dev_cells, "range_max")]
    assert cw.cell_to_token(cw.cell_edge_neighbors(cells)).tolist() == column(dev_cells, "edge_neighbors")
    around = cw.cell_all_neighbors(cells)
    tokens = np.split(cw.cell_to_token(around.values), around.offsets[1:-1])
    assert [run.tolist() for run in tokens] == [sorted(row["all_neighbors"]) for row in dev_cells]
    level = cw.cell_level(cells)
    inner, outer = level < 30, level > 0
    parents = [row["parent"] for row in dev_cells]
    assert [p is None for p in parents] == (~outer).tolist()
    assert cw.cell_to_token(cw.cell_parent(cells[outer], level[outer] - 1)).tolist() == [p for p in parents if p]
    near = cw.cell_vertex_neighbors(cells[outer], level[outer] - 1)
    tokens = np.split(cw.cell_to_token(near.values), near.offsets[1:-1])
    assert [run.tolist() for run in tokens] == [sorted(row["vertex_neighbors"]) for row in dev_cells if row["parent"]]
    children = [row["children"] for row in dev_cells]
    assert [c is None for c in children] == (~inner).tolist()
    found = cw.cell_to_token(cw.cell_children(cells[inner]).values).reshape(-1, 4).tolist()
    assert found == [c for c in children if c]


# --- coverings ----------------------------------------------------------------------------------------------------------


def region_of(row):
    if row["kind"] == "rect":
        return cw.Rect(lat=row["lat"], lng=row["lng"])
    return cw.Cap.from_height(row["lat"], row["lng"], row["height"])


def covering_differences(rows):
    wrong = []
    for row in rows:
        region = region_of(row)
        for what in ("covering", "interior"):
            if row[what] is None:
                continue
            found = cw.cover(region, interior=what == "interior", **row["options"])
            if found.to_tokens().tolist() != row[what]:
                wrong.append((what, region, row["options"], found.to_tokens().tolist()[:4], row[what][:4]))
    return wrong[:3]


@pytest.mark.parametrize(("name", "n"), [("dev_rect_coverings", 500), ("dev_cap_coverings", 700)])
def test_coverings(name, n, shared, backend):
    rows = jsonl(shared / f"vectors/{name}.jsonl.gz")
    assert len(rows) == n
    assert covering_differences(subset(rows, many(20, 60), n)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dev_rect_coverings", "dev_cap_coverings"])
def test_all_coverings(name, shared, backend):
    assert covering_differences(jsonl(shared / f"vectors/{name}.jsonl.gz")) == []


def test_the_porto_alegre_covering(shared, backend):
    row = json.loads((shared / "vectors/porto_alegre_rect_covering.json").read_text())
    assert len(row["covering"]) == 351
    assert covering_differences([{"interior": None, **row}]) == []


@pytest.mark.needs_native
@pytest.mark.parametrize("backend", ["native"], indirect=True)
def test_interior_coverings_that_google_cannot_make(shared, backend, cells_looked_at):
    """They are small or refused, soon."""
    rows = [row for row in jsonl(shared / "vectors/dev_rect_coverings.jsonl.gz") if row["interior"] is None]
    assert len(rows) > 250
    for row in rows[::8]:
        region = region_of(row)
        before = cells_looked_at()
        try:
            found = cw.cover(region, interior=True, **row["options"])
        except CellLimitError:
            assert not region.is_thin
        else:
            assert len(found) <= row["options"]["max_cells"] or row["options"]["min_level"] > 0
            corners = cw.cell_vertices(found.cells).reshape(-1, 2)
            assert region.contains(corners[:, 0], corners[:, 1]).all(), (region, row["options"])
        assert cells_looked_at() - before < 300_000


# --- unions -------------------------------------------------------------------------------------------------------------


def test_cell_unions(shared, backend):
    rows = jsonl(shared / "vectors/dev_cell_unions.jsonl.gz")
    assert len(rows) == 400
    for row in subset(rows, many(60, 400), 61):
        given = cw.CellUnion(cells_of(row["input"]))
        union = given.normalize()
        assert union.to_tokens().tolist() == row["normalized"]
        assert cw.CellUnion(cells_of(row["input"]), normalize=True) == union
        split = union.denormalize(row["min_level"], row["level_mod"])
        assert split.to_tokens().tolist() == row["denormalized"]
        level = union.levels.max()
        assert union.area(unit="sr") == pytest.approx(row["exact_area"], rel=float(oracle.google_area_error(level)))
        assert given.area() == pytest.approx(union.area(), rel=1e-14)


# --- facts of other suites ------------------------------------------------------------------------------------------------


def from_string(text):
    return cw.string_to_cell(text)


def fact_latlng_to_leaf(given, out, fact):
    cell = cw.latlng_to_cell(given["lat"], given["lng"])
    assert cw.cell_to_token(cell) == out["token"]
    assert cw.cell_to_string(cell) == out.get("debug", cw.cell_to_string(cell))


def fact_cell_polygon_lnglat(given, out, fact):
    cell = from_string(given["debug"])
    ring = np.array(out["ring"])
    ours = cw.cell_vertices(cell)[:, ::-1]
    assert ring[0].tolist() == ring[-1].tolist()
    at_pole = np.abs(ring[:-1, 1]) == 90  # where any longitude will do
    np.testing.assert_allclose(ours[:, 1], ring[:-1, 1], atol=6e-6)
    np.testing.assert_allclose(ours[~at_pole, 0], ring[:-1][~at_pole, 0], atol=6e-6)
    if not at_pole.any():  # level 7: straight edges, so that the polygon has the very same corners
        assert cw.cell_to_polygon(cell).exterior.coords[0] == cw.cell_to_polygon(cell).exterior.coords[-1]
        np.testing.assert_allclose(cw.cell_to_polygon(cell).exterior.coords, ring, atol=6e-6)


def fact_leaf_center_latlng(given, out, fact):
    np.testing.assert_allclose(cw.cell_to_latlng(given["id"]), (out["lat"], out["lng"]), atol=1e-9)
    assert cw.latlng_to_cell(*cw.cell_to_latlng(given["id"]), cw.cell_level(given["id"])) == given["id"]
    if cw.cell_is_leaf(given["id"]):
        assert cw.cell_common_ancestor(cw.latlng_to_cell(out["lat"], out["lng"]), given["id"]) != 0


def fact_token_to_id(given, out, fact):
    assert cw.token_to_cell(given["token"]) == out["id"]


def fact_id_to_token(given, out, fact):
    assert cw.cell_to_token(given["id"]) == out["token"]


def fact_token_invalid(given, out, fact):
    assert out["reject"]
    with pytest.raises(InvalidCellError, match="token must be"):
        cw.token_to_cell(given["token"])
    assert cw.token_to_cell([given["token"]], on_invalid="null").tolist() == [0]


def fact_token_roundtrip(given, out, fact):
    assert cw.cell_to_token(cw.token_to_cell(given["token"])) == out["token"]


def fact_edge_neighbors_faces(given, out, fact):
    cell = from_string(f"{given['face']}/")
    assert cw.cell_face(cw.cell_edge_neighbors(cell)).tolist() == out["faces"]


def fact_edge_neighbors_faceij(given, out, fact):
    leaf = oracle.s2.S2CellId.FromFaceIJ(given["face"], given["i"], given["j"]).id()
    around = cw.cell_edge_neighbors(cw.cell_parent(leaf, given["level"]))
    expected = [oracle.s2.S2CellId.FromFaceIJ(*x).parent(given["level"]).id() for x in out["faceij"]]
    assert around.tolist() == expected


def fact_edge_neighbors(given, out, fact):
    assert cw.cell_edge_neighbors(given["id"]).tolist() == out["ids"]


def fact_vertex_neighbors(given, out, fact):
    assert cw.cell_vertex_neighbors(given["id"], given["level"]).tolist() == sorted(out["ids"])


def fact_vertex_neighbors_count(given, out, fact):
    around = cw.cell_vertex_neighbors((given["face"] << 61) + 2 * given["pos"] + 1, given["level"])
    assert len(around) == out["n"]
    assert cw.cell_face(around).tolist()[:2] == out["faces_sorted_first_two"]


def fact_all_neighbors(given, out, fact):
    assert cw.cell_all_neighbors(given["id"], given["level"]).tolist() == sorted(set(out["ids"]))


def fact_corner_neighbors(given, out, fact):
    around = cw.cell_all_neighbors(from_string(given["debug"]))
    assert cw.cell_to_string(around).tolist() == sorted(set(out["debug"]))


def fact_all_neighbors_badlevel(given, out, fact):
    cell = cw.latlng_to_cell(given["lat"], given["lng"], given["cell_level"])
    with pytest.raises(ValueError, match="level must be"):
        cw.cell_all_neighbors(cell, given["level"])
    assert len(cw.cell_all_neighbors(cell, given["level"], on_invalid="null")) == 0


def fact_cellunion_normalize(given, out, fact):
    assert list(cw.CellUnion(given["ids"], normalize=True)) == out["ids"]


def fact_contains_intersects(given, out, fact):
    assert cw.cell_contains(given["a"], given["b"]) is out["contains"]
    assert cw.cell_intersects(given["a"], given["b"]) is out["intersects"]


def fact_cellunion_relation(given, out, fact):
    union = cw.CellUnion(given["union"])
    relation = {(True, True): "contained", (False, True): "overlaps", (False, False): "disjoint"}
    for both in (union, union.normalize()):
        assert relation[both.contains(given["cell"]), both.intersects(given["cell"])] == out["relation"]


def fact_ij_level_bound_uv(given, out, fact):
    """The gnomonic coordinates of a cell of face 0 are y / x and z / x of its vertices."""
    cell = oracle.s2.S2CellId.FromFaceIJ(0, given["i"], given["j"]).parent(given["level"]).id()
    lat, lng = np.radians(cw.cell_vertices(cell)).T
    u, v = np.tan(lng), np.tan(lat) / np.cos(lng)
    np.testing.assert_allclose((u.min(), u.max(), v.min(), v.max()), (*out["u"], *out["v"]), atol=1e-12)


def fact_cell_rect_bound_contains(given, out, fact):
    face, pos, level = given["face_pos_level"]
    south, north, west, east = cw.cell_bounds(cw.cell_parent((face << 61) | (pos << 1) | 1, level))
    inside_lng = west <= given["lng"] <= east if west <= east else given["lng"] >= west or given["lng"] <= east
    assert bool(south <= given["lat"] <= north and inside_lng) is out["contains"]


def fact_debug_string(given, out, fact):
    cell = from_string(given["debug"])
    assert cw.cell_to_string(cell) == given["debug"]
    assert cell == out.get("id", cell)
    assert cw.cell_to_token(cell) == out.get("token", cw.cell_to_token(cell))


def fact_debug_string_of_id(given, out, fact):
    assert cw.cell_to_string(given["id"]) == out["debug"]


def fact_debug_string_invalid(given, out, fact):
    with pytest.raises(InvalidCellError, match="s must be"):
        from_string(given["debug"])
    assert cw.string_to_cell(given["debug"], on_invalid="null") == out["id"] == 0


def fact_cell_area_sr(given, out, fact):
    assert cw.cell_area(cw.token_to_cell(given["token"]), unit="sr") == pytest.approx(out["sr"], rel=1e-15)


def fact_average_area(given, out, fact):
    level = cw.cell_level(cw.token_to_cell(given["token"]))
    assert cw.level_table(area="sr").loc[level, "avg_area"] == pytest.approx(out["sr"], rel=1e-14)


def fact_cell_vertex_lng(given, out, fact):
    np.testing.assert_allclose(cw.cell_vertices(cw.token_to_cell(given["token"]))[:2, 1], out["lng01"], atol=1e-13)


def fact_distance_km(given, out, fact):
    assert cw.latlng_distance(*given["a"], *given["b"], unit="km") == pytest.approx(out["km"], rel=1e-12)


def fact_from_face_pos_level(given, out, fact):
    """Positions count from the start of the face; the bit of the level is part of them."""
    face = given["face"] << 61
    cell = cw.cell_parent(face + given["pos"] | 1, given["level"])
    begin = cw.cell_children(cell)[0]
    assert cell - face == out["pos"]
    assert begin - face == out["child_begin_pos"]
    assert cw.cell_children(cell, given["level"] + 2)[0] - face == out["child_begin_level+2_pos"]
    assert cw.cell_parent(cell, given["level"] - 1) - face == out["parent_pos"]
    assert cw.cell_parent(cell, given["level"] - 2) - face == out["parent_level-2_pos"]


def fact_child_position(given, out, fact):
    up = cw.cell_parent(given["id"], given["level"] - 1)
    assert cw.cell_children(up).tolist().index(cw.cell_parent(given["id"], given["level"])) == out["pos"]


def fact_covering_rect(given, out, fact):
    assert list(cw.cover(cw.Rect(lat=given["lat"], lng=given["lng"]), **given["options"])) == out["ids"]


def fact_canonicalize_covering(given, out, fact):
    if given["options"]:
        return  # fitting any cells to options is not offered
    union = cw.CellUnion(from_string(given["cells"]), normalize=True)
    assert cw.cell_to_string(union.cells).tolist() == out["cells"]


def fact_must_raise(given, out, fact):
    """What Google's new Python binding refuses. In cellwise the id 0 is the missing cell, which has null results."""
    calls = {
        "child(-1)": lambda: cw.cell_child(L15, -1),
        "child(4)": lambda: cw.cell_child(L15, 4),
        "leaf.child(0)": lambda: cw.cell_child(LEAF, 0),
        "parent(-1)": lambda: cw.cell_parent(L15, -1),
        "parent(level+1)": lambda: cw.cell_parent(L15, 16),
    }
    nulls = {
        "0.child(0)": lambda: cw.cell_child(0, 0) == 0,
        "contains(valid,0)": lambda: cw.cell_contains(L15, 0) is False,
        "contains(0,valid)": lambda: cw.cell_contains(0, L15) is False,
        "intersects(valid,0)": lambda: cw.cell_intersects(L15, 0) is False,
        "intersects(0,valid)": lambda: cw.cell_intersects(0, L15) is False,
        "level(0)": lambda: cw.cell_level(0) == -1,
        "parent(0)": lambda: cw.cell_parent(0, 0) == 0,
    }
    if given["call"] in calls:
        with pytest.raises(ValueError, match="must be"):
            calls[given["call"]]()
    elif given["call"] in nulls:
        assert nulls[given["call"]]()
    else:
        assert given["call"].startswith("child_position")  # not offered


def fact_metric_deriv(given, out, fact):
    """Sizes at level 0 of the metrics that the level table holds."""
    columns = {
        "kMinEdge": "min_edge", "kAvgEdge": "avg_edge", "kMaxEdge": "max_edge",
        "kMinArea": "min_area", "kAvgArea": "avg_area", "kMaxArea": "max_area",
    }  # fmt: skip
    if given["name"] in columns:
        table = cw.level_table(length="rad", area="sr")[columns[given["name"]]]
        factor = 0.25 if given["name"].endswith("Area") else 0.5
        np.testing.assert_allclose(table, out["deriv"] * factor ** np.arange(31), rtol=1e-15)


def fact_area_m2_range(given, out, fact):
    """The smallest, largest and average area of the cells of a level, rounded to two decimals of some unit.

    On coarse levels the source counted cells; on fine ones it printed the bounds.

    The smallest cells lie in the middle of a face's edges. The largest ones lie on a diagonal of a face, where
    4 u^2 + 2 u = 1.
    """
    level = given["level"]
    if level <= 5:
        cells = oracle.cells_of_level(level)
    else:
        ij = int(0.694040 * 2**30)
        largest = oracle.s2.S2CellId.FromFaceIJ(1, ij, ij).parent(level).id()
        cells = np.concatenate((oracle.special_cells(level), cw.cell_disk(largest, 3)))
    areas, row = cw.cell_area(cells), cw.level_table().loc[level]
    for kind, ours in (("avg", row["avg_area"]), ("min", areas.min()), ("max", areas.max())):
        if level >= 15:
            ours = row[f"{kind}_area"]
        assert abs(ours - out[kind]) <= 1.01 * half_of_last_digit(out[kind]), (level, kind, ours)
    assert row["min_area"] <= areas.min() * (1 + 1e-15)
    assert areas.max() <= row["max_area"] * (1 + 1e-15)


def half_of_last_digit(value):
    """Half a unit of the second decimal in the source's unit: km2, m2, or cm2."""
    return 0.005 * (1e6 if value >= 1e5 else 1.0 if value >= 0.1 else 1e-4)


def fact_avg_edge_level_for_km(given, out, fact):
    """Google's GetClosestLevel; its other two take the average as the bound for the level, which cellwise does not."""
    radians = given["km"] / given["earth_km"]
    assert cw.level_for_edge(radians, unit="rad") == out["closest"]
    assert cw.level_for_edge(radians, unit="rad", rule="max") >= out["min_level"]
    assert cw.level_for_edge(radians, unit="rad", rule="min") <= out["max_level"]


def fact_avg_area_level_for_km2(given, out, fact):
    steradians = given["km2"] / given["earth_km"] ** 2
    assert cw.level_for_area(steradians, unit="sr") == out["closest"]
    assert cw.level_for_area(steradians, unit="sr", rule="max") >= out["min_level"]
    assert cw.level_for_area(steradians, unit="sr", rule="min") <= out["max_level"]


# What the facts speak of and the cell functions do not: polygons, polylines, indexes, other libraries' null policies.
NOT_HERE = {
    "canonicalize_covering", "cities_intersect_own_cell", "countries_intersect_first_vertex_cell",
    "covering_count_country", "covering_polyline", "initial_bearing_deg", "is_canonical", "max_distance_cells",
    "min_distance_cells", "null_policy", "rect_bound", "term_indexer_query_point",
}  # fmt: skip
FACT_FILES = [
    "duckdb_geography", "golang_geo", "r_spatial_s2", "s2_metrics_constants", "s2cell_statistics_table",
    "s2geometry_cpp", "s2geometry_python", "s2sphere",
]  # fmt: skip


@pytest.mark.parametrize("name", FACT_FILES)
def test_facts(name, shared, backend):
    wrong = []
    for fact in jsonl(shared / f"vectors/facts/{name}.jsonl"):
        check = globals().get("fact_" + fact["op"])
        if check is None:
            assert fact["op"] in NOT_HERE, fact
            continue
        try:
            check(fact["in"], fact["out"], fact)
        except Exception as why:
            wrong.append(f"{fact} {type(why).__name__} {why}")
    assert wrong == []


def test_every_file_of_facts_is_read(shared):
    assert sorted(path.stem for path in (shared / "vectors/facts").glob("*.jsonl")) == FACT_FILES


# --- bad inputs, line by line -----------------------------------------------------------------------------------------------


def test_every_line_of_bad_inputs_has_its_test(shared):
    ids = [row["id"] for row in jsonl(shared / "vectors/bad_inputs.jsonl")]
    tests = [name for name in globals() if name.startswith("test_b")]
    for k in ids:
        about_polygons = k in ("B13", "B14", "B15")
        assert about_polygons or any(name.startswith(f"test_{k.lower()}_") for name in tests), k


FORMS = {
    "scalar": lambda good, bad: bad,
    "list": lambda good, bad: [good, bad, good],
    "numpy": lambda good, bad: np.array([good, bad, good]),
    "pandas": lambda good, bad: pd.Series([good, bad, good], index=[5, 3, 4]),
    "arrow": lambda good, bad: pa.array([good, bad, good], from_pandas=False),
    "polars": lambda good, bad: __import__("polars").Series([good, bad, good]),
}


def raises_and_nulls(call, form, name, got):
    """The call raises a message with the name, the value, and the index in arrays; with "null" there is no cell."""
    with pytest.raises(ValueError, match=f"^{name} must be") as why:
        call(on_invalid="raise")
    assert f"got {got}" in str(why.value)
    assert ("at index 1 (1 of 3 values)" in str(why.value)) == (form != "scalar")
    nulls = call(on_invalid="null")
    is_column = form in ("pandas", "arrow", "polars")
    assert nulls == 0 if form == "scalar" else [not x for x in listed(nulls)] == [False, True, False]
    assert (None in listed(nulls)) == is_column if form != "scalar" else True
    return str(why.value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("level", [30, 12])
def test_b01_coordinates_that_are_not_finite(bad, form, level, path):
    given = FORMS[form](1.5, bad)
    raises_and_nulls(lambda **how: cw.latlng_to_cell(given, 2.0, level, **how), form, "lat", bad)
    raises_and_nulls(lambda **how: cw.latlng_to_cell(2.0, given, level, **how), form, "lng", bad)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bad", [91.0, -90.0000001, np.nextafter(90, 91), -1e308])
def test_b02_latitudes_beyond_the_poles(bad, form, path):
    given = FORMS[form](1.5, float(bad))
    raises_and_nulls(lambda **how: cw.latlng_to_cell(given, 2.0, **how), form, "lat", float(bad))


@pytest.mark.parametrize("form", FORMS)
def test_b03_longitudes_of_0_to_360(form, path):
    for lng in (180.0000001, 188.1, 270.0, 359.999, 360.0):
        for sign in (1, -1):
            back = sign * lng - sign * 360
            given, brought = FORMS[form](1.5, sign * lng), FORMS[form](1.5, back)
            assert listed(cw.latlng_to_cell(-20.0, given)) == listed(cw.latlng_to_cell(-20.0, brought))
    given = FORMS[form](1.5, 360.0000001)
    raises_and_nulls(lambda **how: cw.latlng_to_cell(1.0, given, **how), form, "lng", 360.0000001)


@pytest.mark.parametrize("form", FORMS)
def test_b04_swapped_columns(form, path):
    lat, lng = FORMS[form](-51.2, -122.4), FORMS[form](-30.0, 37.8)
    message = raises_and_nulls(lambda **how: cw.latlng_to_cell(lat, lng, **how), form, "lat", -122.4)
    assert message.endswith("lat and lng look swapped")
    with pytest.raises(ValueError, match=r"lat must be .*got -122.4.*swapped"):
        cw.Rect(lat=(-122.4, -122.0), lng=(37.0, 37.8))


def test_b04_nothing_is_said_of_swaps_that_are_none(path):
    with pytest.raises(ValueError, match="lat must be") as why:
        cw.latlng_to_cell(95.0, 120.0)
    assert "swapped" not in str(why.value)


@pytest.mark.parametrize("form", FORMS)
def test_b05_coordinates_without_their_decimal_point(form, path):
    lat, lng = FORMS[form](-30.0, -30156.0), FORMS[form](-51.0, -51234.0)
    raises_and_nulls(lambda **how: cw.latlng_to_cell(lat, lng, **how), form, "lat", -30156)
    raises_and_nulls(lambda **how: cw.latlng_to_cell(-30.156, lng, **how), form, "lng", -51234)


@pytest.mark.parametrize("level", [-1, 31, np.int8(-1), np.int64(31), 2**40, -(2**70)])
def test_b06_levels_out_of_range(level, path):
    for call in (
        lambda level, **how: cw.latlng_to_cell(1.0, 2.0, level, **how),
        lambda level, **how: cw.point_to_cell([1.0, 2.0, 3.0], level, **how),
        lambda level, **how: cw.cell_parent(LEAF, level, **how),
    ):
        with pytest.raises(ValueError, match=rf"level must be in 0\.\.30: got {int(level)}$"):
            call(level)
        with pytest.raises(ValueError, match=rf"got {int(level)} at index 1 \(1 of 3 values\)"):
            call([5, int(level), 6])
        assert call(level, on_invalid="null") == 0
        assert (call([5, int(level), 6], on_invalid="null") == 0).tolist() == [False, True, False]
    for call in (cw.cell_children, cw.cell_all_neighbors, cw.cell_vertex_neighbors):
        with pytest.raises(ValueError, match="level must be"):
            call(L15, level)
        assert len(call(L15, level, on_invalid="null")) == 0


@pytest.mark.parametrize("level", [10.0, "10", None, True, np.float32(10), np.True_, b"10", 1j, np.nan])
def test_b06_levels_that_are_no_integers(level, path):
    calls = [
        lambda level: cw.latlng_to_cell(1.0, 2.0, level),
        lambda level: cw.point_to_cell([1.0, 2.0, 3.0], level),
        lambda level: cw.cell_parent(LEAF, level),
        lambda level: cw.cell_vertex_neighbors(LEAF, level),
        lambda level: cw.cell_child(L15, level),
        lambda level: cw.cell_disk(L15, level),
        lambda level: cw.cell_advance(L15, level),
    ]
    if level is not None:
        calls += [lambda level: cw.cell_children(L15, level), lambda level: cw.cell_all_neighbors(L15, level)]
    for call in calls:
        with pytest.raises((TypeError, ValueError), match=r"(level|k|n) must"):
            call(level)
        with pytest.raises((TypeError, ValueError), match=r"(level|k|n) must"):
            call([level, level])


def test_b06_levels_that_are_integers_of_numpy(path):
    for level in (np.int8(10), np.uint8(10), np.uint64(10), np.int64(10), np.array(10), np.array(10, ">i2")):
        assert cw.latlng_to_cell(1.0, 2.0, level) == cw.latlng_to_cell(1.0, 2.0, 10)
        assert cw.cell_parent(LEAF, level) == cw.cell_parent(LEAF, 10)
    grid = cw.latlng_to_cell([[1.0], [2.0]], 3.0, np.arange(31, dtype=np.uint8))
    assert (cw.cell_level(grid) == np.arange(31)).all()


NO_CELLS = [2**64 - 1, 2, 0xC000000000000001, -1, 2**64, -8520148382826627072, 2**65, 1 << 63]


@pytest.mark.parametrize("bad", NO_CELLS)
def test_b07_integers_that_name_no_cell(bad, path):
    arrays = [np.array([LEAF, bad, LEAF], object), [LEAF, bad, LEAF]]
    if 0 <= bad < 2**64:
        arrays += [np.array([LEAF, bad, LEAF], np.uint64), pd.Series([LEAF, bad, LEAF], dtype="UInt64")]
    assert cw.cell_is_valid(bad) is False
    calls = {
        "level": (cw.cell_level, -1), "face": (cw.cell_face, -1), "leaf": (cw.cell_is_leaf, False),
        "token": (cw.cell_to_token, "X"), "string": (cw.cell_to_string, "X"), "signed": (cw.cell_to_int64, 0),
        "range": (cw.cell_range_min, 0), "next": (cw.cell_next, 0), "area": (cw.cell_area, math.nan),
        "parent": (lambda c, **how: cw.cell_parent(c, 0, **how), 0),
        "advance": (lambda c, **how: cw.cell_advance(c, 2, **how), 0),
        "lat": (lambda c, **how: cw.cell_to_latlng(c, **how)[0], math.nan),
        "polygon": (cw.cell_to_polygon, None),
    }  # fmt: skip
    for call, null in calls.values():
        with pytest.raises(InvalidCellError, match=f"cell must be a valid cell: got {bad}"):
            call(bad)
        found = call(bad, on_invalid="null")
        assert found == null or (found != found and null != null)
        for array in arrays:
            with pytest.raises(InvalidCellError, match=rf"got {bad} .*at index 1 \(1 of 3 values\)"):
                call(array)
    for call in (cw.cell_vertices, cw.cell_bounds, cw.cell_to_point):
        with pytest.raises(InvalidCellError, match=f"got {bad}"):
            call(bad)
        assert np.isnan(call(bad, on_invalid="null")).all()
    for call in (cw.cell_contains, cw.cell_intersects, cw.cell_common_ancestor, cw.cell_distance):
        with pytest.raises(InvalidCellError, match=f"b must be a valid cell: got {bad}"):
            call(LEAF, bad)
    for call in (lambda: cw.CellUnion([LEAF, bad]), lambda: cw.CellUnion([LEAF]).contains(bad)):
        with pytest.raises(InvalidCellError, match=f"got {bad}"):
            call()


@pytest.mark.parametrize("bad", [1e18, float(L15), np.float64(L15), np.array([1e18, 2e18]), [LEAF, 1e18]])
def test_b07_floats_are_no_ids(bad, path):
    for call in (cw.cell_level, cw.cell_is_valid, cw.cell_to_token, cw.CellUnion, lambda c: cw.cell_contains(LEAF, c)):
        with pytest.raises(TypeError, match="integer ids, because floats lose bits"):
            call(bad)
    for call in (cw.cell_level, cw.cell_to_token):
        with pytest.raises(TypeError, match="integer ids"):
            call(bad, on_invalid="null")


@pytest.mark.parametrize("bad", ["9926594110334959616", ["9926594110334959616"], np.array(["951977d34"]), b"951977d34"])
def test_b07_texts_are_no_ids(bad, path):
    with pytest.raises(TypeError, match="tokens are read by token_to_cell"):
        cw.cell_level(bad)


def test_b07_signed_ids_have_a_door_of_their_own(path):
    signed = np.array([-8520148382826627072, -7702993938444976128], np.int64)
    assert cw.int64_to_cell(signed).tolist() == [9926595690882924544, L15]
    with pytest.raises(InvalidCellError, match="int64_to_cell"):
        cw.cell_level(signed)
    assert cw.cell_level(np.array([int(cw.token_to_cell("0c"))], np.int64)).tolist() == [1]


BAD_TOKENS = [
    "", "x", " 89c25", "89c25\n", "0x89c25", "8_9c25", "-1", "89C25", "1" * 17, "876b e99", "876[ee99", "89c26",
    b"89c2g", "89c25 ", "\t89c25", "\u0663", "\uff189c25", "c" * 16, "0" * 16, "89c25\x00", "XX", "89c25g", "+89c25",
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_TOKENS)
def test_b08_tokens(bad, path):
    with pytest.raises(InvalidCellError, match="token must be 1 to 16 lower-case hexadecimal digits") as why:
        cw.token_to_cell(bad)
    assert repr(bad) in str(why.value)
    for array in (["951977d34", bad, "X"], np.array(["951977d34", bad, "X"], object)):
        with pytest.raises(InvalidCellError, match=r"at index 1 \(1 of 3 values\)") as why:
            cw.token_to_cell(array)
        assert repr(bad) in str(why.value)
        assert cw.token_to_cell(array, on_invalid="null").tolist() == [L15, 0, 0]
    assert cw.token_to_cell(bad, on_invalid="null") == 0
    assert cw.token_to_cell([bad, bad], on_invalid="null").tolist() == [0, 0]
    if isinstance(bad, str):
        with pytest.raises(InvalidCellError, match="got"):
            cw.CellUnion.from_tokens(["951977d34", bad])


def test_b08_the_missing_cell_has_a_token(path):
    assert cw.token_to_cell("X") == 0
    assert cw.token_to_cell(["X"]).tolist() == [0]
    assert cw.token_to_cell(["X", "X"]).tolist() == [0, 0]
    assert cw.cell_to_token(0) == "X"
    assert cw.cell_to_token([0, 0]).tolist() == ["X", "X"]
    with pytest.raises(ValueError, match="missing"):
        cw.CellUnion.from_tokens(["X"])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c, **how: cw.cell_child(c(LEAF), 0, **how), "cell must be coarser than a leaf"),
        (lambda c, **how: cw.cell_children(c(LEAF), **how), "must be"),
        (lambda c, **how: cw.cell_parent(c(1 << 60), -1, **how), r"level must be in 0\.\.30: got -1"),
        (lambda c, **how: cw.cell_parent(c(1 << 60), 1, **how), "level must be the cell's own level or coarser: got 1"),
        (lambda c, **how: cw.cell_child(c(L15), 4, **how), r"k must be in 0\.\.3: got 4"),
        (lambda c, **how: cw.cell_child(c(L15), -1, **how), r"k must be in 0\.\.3: got -1"),
        (lambda c, **how: cw.cell_children(c(L15), 14, **how), "level must be the cell's own level or finer: got 14"),
        (lambda c, **how: cw.cell_all_neighbors(c(L15), 14, **how), "level must be the cell's own level or finer"),
        (lambda c, **how: cw.cell_vertex_neighbors(c(L15), 15, **how), "level must be coarser than the cell's own"),
        (lambda c, **how: cw.cell_edge_neighbors(c(2), **how), "cell must be a valid cell: got 2"),
        (lambda c, **how: cw.cell_all_neighbors(c(2), **how), "cell must be a valid cell: got 2"),
        (lambda c, **how: cw.cell_all_neighbors(c(2), 5, **how), "cell must be a valid cell: got 2"),
        (lambda c, **how: cw.cell_vertex_neighbors(c(2), 5, **how), "cell must be a valid cell: got 2"),
        (lambda c, **how: cw.cell_disk(c(2), 1, **how), "cell must be a valid cell: got 2"),
        (lambda c, **how: cw.cell_ring(c(2), 1, **how), "cell must be a valid cell: got 2"),
        (lambda c, **how: cw.cell_disk(c(L15), -1, **how), "k must be 0 or more: got -1"),
        (lambda c, **how: cw.cell_ring(c(L15), -1, **how), "k must be 0 or more: got -1"),
        (lambda c, **how: cw.cell_children(c(2), **how), "cell must be a valid cell: got 2"),
        (lambda c, **how: cw.cell_next(c(2), **how), "cell must be a valid cell: got 2"),
    ],
)
def test_b09_families_that_do_not_exist(call, words, backend):
    with pytest.raises(ValueError, match=words):
        call(int)
    with pytest.raises(ValueError, match=words + ".*at index 0"):
        call(lambda cell: [cell])
    assert not np.any(call(int, on_invalid="null"))
    many = call(lambda cell: [cell, cell], on_invalid="null")
    assert len(many) == 2
    assert not np.any(getattr(many, "values", many))


RECT = {"lat": (-30.2, -30.0), "lng": (-51.3, -51.0)}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_cells": 0}, "max_cells must be in 1..2147483647: got 0"),
        ({"max_cells": -1}, "max_cells must be in 1..2147483647: got -1"),
        ({"max_cells": 2**31}, "max_cells must be in 1..2147483647: got 2147483648"),
        ({"max_cells": 8.0}, "max_cells must be an integer"),
        ({"max_cells": True}, "max_cells must be an integer"),
        ({"max_cells": None}, "max_cells must be an integer"),
        ({"min_level": 10, "max_level": 9}, "min_level must be at most max_level: got 10 and 9"),
        ({"min_level": -1}, "min_level must be in 0..30: got -1"),
        ({"min_level": "3"}, "min_level must be an integer"),
        ({"max_level": 31}, "max_level must be in 0..30: got 31"),
        ({"max_level": 15.0}, "max_level must be an integer"),
        ({"level_mod": 0}, "level_mod must be in 1..3: got 0"),
        ({"level_mod": 4}, "level_mod must be in 1..3: got 4"),
        ({"level_mod": None}, "level_mod must be an integer"),
        ({"interior": 1}, "interior must be True or False"),
        ({"interior": "yes"}, "interior must be True or False"),
        ({"set_max_level": 15}, "unexpected keyword argument"),
        ({"maxcells": 15}, "unexpected keyword argument"),
    ],
)
def test_b10_covering_options(options, words, backend):
    for region in (cw.Rect(**RECT), cw.Cap(0, 0, 5), cw.CellUnion([L15]), cw.CellUnion([])):
        with pytest.raises((ValueError, TypeError), match=words.replace(".", r"\.")):
            cw.cover(region, **options)
    with pytest.raises(TypeError):
        cw.cover(cw.Rect(**RECT), 8)


def test_b10_regions_have_no_attributes_to_misspell():
    for region in (cw.Rect(**RECT), cw.Cap(0, 0, 5), cw.CellUnion([L15])):
        with pytest.raises(AttributeError):
            region.set_max_level = 15


@pytest.mark.parametrize(
    "rect",
    [
        {"lat": (60, 80), "lng": (10, 10)},
        {"lat": (60, 60), "lng": (10, 80)},
        {"lat": (60, 60), "lng": (10, 10)},
        {"lat": (60, 80), "lng": (180, 180)},
        {"lat": (60, 80), "lng": (-180, -180)},
        {"lat": (60, 80), "lng": (180, -180)},
        {"lat": (90, 90), "lng": (-180, 180)},
        {"lat": (0, 0), "lng": (-180, 180)},
    ],
)
def test_b11_interior_of_a_rectangle_without_width(rect, backend, cells_looked_at):
    for options in ({}, {"max_cells": 10_000}, {"min_level": 10}, {"level_mod": 3}):
        assert len(cw.cover(cw.Rect(**rect), interior=True, **options)) == 0
    assert cells_looked_at() < 1000


def test_b11_interior_of_a_point(backend, cells_looked_at):
    for point in (cw.Cap(10, 20, 0), cw.Cap(10, 20, 1e-9), cw.CellUnion([])):
        assert len(cw.cover(point, interior=True)) == 0
    assert cells_looked_at() < 1000


WORLD = {"lat": (-90, 90), "lng": (-180, 180)}


@pytest.mark.parametrize(
    ("region", "options"),
    [
        (lambda: cw.Rect(**WORLD), {"min_level": 20}),
        (lambda: cw.Rect(**WORLD), {"min_level": 30}),
        (lambda: cw.Rect(**WORLD), {"min_level": 20, "interior": True}),
        (lambda: cw.Rect(**WORLD), {"min_level": 20, "level_mod": 3}),
        (lambda: cw.Cap(0, 0, 180, unit="deg"), {"min_level": 20}),
        (lambda: cw.Cap(0, 0, 180, unit="deg"), {"min_level": 20, "interior": True}),
        (lambda: cw.CellUnion([1 << 60]), {"min_level": 20}),
        (lambda: cw.CellUnion([1 << 60]), {"min_level": 20, "interior": True}),
        (lambda: cw.Rect(lat=(10, 11), lng=(20, 21)), {"min_level": 19, "max_level": 19}),
        (lambda: cw.Rect(lat=(10, 11), lng=(20, 21)), {"min_level": 19, "max_level": 19, "interior": True}),
        (lambda: cw.Rect(lat=(10, 11), lng=(20, 21)), {"min_level": 19, "max_level": 19, "max_cells": 2**31 - 1}),
    ],
)
def test_b12_coverings_beyond_all_bounds(region, options, backend, cells_looked_at):
    with pytest.raises(CellLimitError, match=r"cell limit of 20,000,000.*set_cell_limit") as why:
        cw.cover(region(), **options)
    assert cells_looked_at() == 0
    assert any(c.isdigit() for c in str(why.value).replace("20,000,000", ""))  # it tells its estimate
    assert isinstance(why.value, ValueError)


@pytest.mark.parametrize(
    "call",
    [
        lambda: cw.cell_children(1 << 60, 20),
        lambda: cw.cell_children([1 << 60] * 6, 12),
        lambda: cw.cell_all_neighbors(1 << 60, 30),
        lambda: cw.cell_disk(LEAF, 10_000),
        lambda: cw.cell_disk(LEAF, 2**31 - 1),
        lambda: cw.cell_ring(LEAF, 2**31 - 1),
        lambda: cw.CellUnion([1 << 60]).denormalize(30),
        lambda: cw.CellUnion([1 << 60]).expand(30),
    ],
)
def test_b12_everything_else_that_makes_cells(call, backend):
    with (
        pytest.raises(CellLimitError, match=r"about [\d,]+ cells, more than the cell limit of 20,000,000"),
        little_memory(),
    ):
        call()


def test_b12_the_limit_can_be_moved(backend):
    rect = cw.Rect(lat=(10, 10.05), lng=(20, 20.05))
    with cw.set_cell_limit(1_000), pytest.raises(CellLimitError, match="cell limit of 1,000"):
        cw.cover(rect, min_level=16, max_level=16)
    assert 1_000 < len(cw.cover(rect, min_level=16, max_level=16)) < 20_000
