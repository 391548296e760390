"""Terms for indexes: Google's, and enough to find what meets in an ordinary database."""

import sqlite3

import numpy as np
import pytest
import shapely
from oracle import s2

import cellwise as cw
from cellwise.errors import InvalidRegionError

RNG = np.random.default_rng(61)


def googles(options, *, points_only=False):
    indexer = s2.S2RegionTermIndexer()
    indexer.set_min_level(options["min_level"])
    indexer.set_max_level(options["max_level"])
    indexer.set_level_mod(options["level_mod"])
    indexer.set_max_cells(options["max_cells"])
    indexer.set_optimize_for_space(options["optimize_for"] == "space")
    indexer.set_index_contains_points_only(points_only)
    return indexer


def random_options(rng):
    low = int(rng.integers(0, 10))
    return dict(
        min_level=low,
        max_level=int(rng.integers(low, 25)),
        level_mod=int(rng.integers(1, 4)),
        max_cells=int(rng.integers(4, 40)),
        optimize_for=str(rng.choice(["query", "space"])),
    )


@pytest.mark.parametrize("points_only", [False, True])
def test_terms_are_googles(points_only, backend):
    rng = np.random.default_rng(62)
    for _ in range(60 if backend == "native" else 8):
        options = random_options(rng)
        indexer = googles(options, points_only=points_only)
        lat, lng = float(rng.uniform(-89, 89)), float(rng.uniform(-180, 180))
        point = s2.S2LatLng.FromDegrees(lat, lng).ToPoint()
        radius = float(10 ** rng.uniform(-4, 1))
        cap, theirs = cw.Cap(lat, lng, radius, unit="deg"), s2.S2Cap(point, s2.S1Angle.Degrees(radius))
        ask = dict(points_only=points_only, **options)
        assert set(cw.query_terms(cap, **ask).tolist()) == set(indexer.GetQueryTerms(theirs, ""))
        assert set(cw.query_terms(lat=lat, lng=lng, **ask).tolist()) == set(indexer.GetQueryTerms(point, ""))
        assert set(cw.index_terms(lat=lat, lng=lng, **options).tolist()) == set(indexer.GetIndexTerms(point, ""))
        if not points_only:
            assert set(cw.index_terms(cap, **options).tolist()) == set(indexer.GetIndexTerms(theirs, ""))


@pytest.mark.parametrize("optimize_for", ["query", "space"])
def test_rows_have_the_terms_of_each(optimize_for):
    shapes = [shapely.box(0, 0, 1, 1), shapely.Point(5, 5), shapely.Polygon(), shapely.box(0.5, 0.5, 9, 9)]
    for terms_of in (cw.index_terms, cw.query_terms):
        rows = terms_of(shapes, optimize_for=optimize_for)
        assert len(rows) == 4
        assert len(rows[2]) == 0
        for shape, terms in zip(shapes, rows):
            assert terms.tolist() == terms_of(shape, optimize_for=optimize_for).tolist() == sorted(set(terms.tolist()))
    lat, lng = [10.0, -20.0], [5.0, 188.0]
    rows = cw.index_terms(lat=lat, lng=lng)
    assert [row.tolist() for row in rows] == [cw.index_terms(lat=a, lng=b).tolist() for a, b in zip(lat, lng)]
    assert cw.index_terms(lat=[np.nan, 1.0], lng=1.0, on_invalid="null").sizes.tolist() == [0, 13]
    assert len(cw.index_terms(lat=[], lng=[])) == 0


# --- in a database ----------------------------------------------------------------------------------------------------


def stored(table, rows):
    """A database with the terms of each document, and an ordinary index on them."""
    base = sqlite3.connect(":memory:")
    base.execute(f"CREATE TABLE {table} (term TEXT, document INTEGER)")
    document, terms = rows.explode()
    base.executemany(f"INSERT INTO {table} VALUES (?, ?)", zip(terms.tolist(), document.tolist()))
    base.execute(f"CREATE INDEX by_term ON {table} (term)")
    return base


def found(base, table, terms):
    query = f"SELECT DISTINCT document FROM {table} WHERE term IN ({','.join('?' * len(terms))})"
    plan = base.execute(f"EXPLAIN QUERY PLAN {query}", terms.tolist()).fetchall()
    assert any("USING INDEX by_term (term=?)" in row[-1] for row in plan), plan
    return np.array(sorted(row[0] for row in base.execute(query, terms.tolist())), int)


@pytest.mark.parametrize("optimize_for", ["query", "space"])
def test_points_in_a_region_and_near_a_point(optimize_for):
    rng = np.random.default_rng(63)
    lat, lng = rng.uniform(-31, -29, 5000), rng.uniform(-52, -50, 5000)
    options = dict(optimize_for=optimize_for, max_cells=12)
    base = stored("places", cw.index_terms(lat=lat, lng=lng, **options))
    district = shapely.Polygon([(-51.3, -30.3), (-51.0, -30.3), (-50.9, -30.0), (-51.2, -29.9)])
    for region in (district, cw.Cap(-30.05, -51.2, 9, unit="km"), cw.Rect(lat=(-30.1, -30.0), lng=(-51.3, -51.1))):
        true = np.flatnonzero(cw.region(region).contains(lat, lng))
        for points_only in (False, True):
            candidates = found(base, "places", cw.query_terms(region, points_only=points_only, **options))
            assert set(true) <= set(candidates)
            assert len(candidates) < 3 * len(true) + 50
    everything = found(base, "places", cw.query_terms(cw.Rect(lat=(-90, 90), lng=(-180, 180)), **options))
    assert len(everything) == 5000


@pytest.mark.parametrize("optimize_for", ["query", "space"])
def test_regions_that_hold_a_point_or_meet_a_region(optimize_for):
    rng = np.random.default_rng(64)
    x, y, size = rng.uniform(-52, -50, 600), rng.uniform(-31, -29, 600), 10 ** rng.uniform(-3.5, 0, 600)
    boxes = shapely.box(x, y, x + size, y + size)
    options = dict(optimize_for=optimize_for)
    base = stored("districts", cw.index_terms(boxes, **options))
    for k in range(40):
        lat, lng = float(rng.uniform(-31, -29)), float(rng.uniform(-52, -50))
        holding = set(np.flatnonzero(shapely.intersects_xy(boxes, lng, lat)))
        assert holding <= set(found(base, "districts", cw.query_terms(lat=lat, lng=lng, **options)))
        other = boxes[k]
        meeting = set(np.flatnonzero(shapely.intersects(boxes, other)))
        assert meeting <= set(found(base, "districts", cw.query_terms(other, **options)))


def test_leaves_in_the_ranges_of_a_covering():
    """Without terms: leaf ids as signed integers, and the ranges of a covering as the predicate."""
    rng = np.random.default_rng(65)
    lat, lng = rng.uniform(-31, -29, 5000), rng.uniform(-52, -50, 5000)
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE trips (leaf INTEGER)")
    leaves = cw.cell_to_int64(cw.latlng_to_cell(lat, lng))
    base.executemany("INSERT INTO trips VALUES (?)", [(leaf,) for leaf in leaves.tolist()])
    base.execute("CREATE INDEX by_leaf ON trips (leaf)")
    covering = cw.cover(cw.Cap(-30.05, -51.2, 9, unit="km"), max_cells=30)
    query = f"SELECT rowid - 1 FROM trips WHERE {covering.to_sql('leaf')}"
    plan = base.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
    assert all("USING COVERING INDEX by_leaf" in row[-1] for row in plan if "SEARCH" in row[-1])
    assert not any("SCAN" in row[-1] for row in plan)
    assert sorted(row[0] for row in base.execute(query)) == np.flatnonzero(covering.contains(lat=lat, lng=lng)).tolist()


def test_a_margin_is_that_of_coverings():
    near = cw.Cap(-30.05, -51.2, 9, unit="km")
    wide = cw.Cap(-30.05, -51.2, 9, unit="km").buffered(5, unit="km")
    assert cw.index_terms(near, buffer=5, unit="km").tolist() == cw.index_terms(wide).tolist()


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: cw.index_terms(), TypeError, "give a region, or lat and lng"),
        (lambda: cw.index_terms(lat=1.0), TypeError, "give a region, or lat and lng"),
        (lambda: cw.index_terms(cw.Cap(0, 0, 1), lat=1.0, lng=1.0), TypeError, "give a region, or lat and lng"),
        (lambda: cw.query_terms(cw.Cap(0, 0, 1), lng=1.0), TypeError, "give a region, or lat and lng"),
        (lambda: cw.index_terms(lat=1.0, lng=1.0, edges="planar"), TypeError, "edges is for regions: got positions"),
        (
            lambda: cw.query_terms(lat=1.0, lng=1.0, oriented=True, unit="km"),
            TypeError,
            "oriented, unit is for regions",
        ),
        (lambda: cw.index_terms(cw.Cap(0, 0, 1), edgse="planar"), TypeError, "index_terms.* 'edgse'"),
        (lambda: cw.query_terms(cw.Cap(0, 0, 1), interior=True), TypeError, "query_terms.* 'interior'"),
        (lambda: cw.index_terms(lat=91.0, lng=1.0), ValueError, "lat must be"),
        (lambda: cw.index_terms(lat=1.0, lng=1.0, min_level=9, max_level=8), ValueError, "min_level must be at most"),
        (lambda: cw.index_terms(lat=1.0, lng=1.0, level_mod=4), ValueError, "level_mod must be in 1..3: got 4"),
        (lambda: cw.index_terms(lat=1.0, lng=1.0, max_level=31), ValueError, "max_level must be in 0..30: got 31"),
        (lambda: cw.index_terms(lat=1.0, lng=1.0, optimize_for="speed"), ValueError, "optimize_for must be one of"),
        (lambda: cw.query_terms(lat=1.0, lng=1.0, points_only=1), TypeError, "points_only must be True or False"),
        (lambda: cw.index_terms("nowhere"), InvalidRegionError, "region must be"),
    ],
)
def test_what_makes_no_sense(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
