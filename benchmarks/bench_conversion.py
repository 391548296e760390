"""Positions to cells and back, tokens to cells and back: whole Python calls with `out=`, against

- Google's C++ over the same arrays, where the ratio says what the block kernels are worth, on each instruction set;
- vectorised packages (h3ronpy has another grid; SedonaDB's function calls Google's library);
- packages that do it one by one, on fewer points.
"""

import numpy as np
import s2geometry
import s2sphere
from google import Google
from harness import on, peer, points, ratios

import cellwise as cw
from cellwise.testing import available

N, SOME, FEW = 10_000_000, 500_000, 2_000


def sedona(lat, lng):
    """SedonaDB's function on points that it has already."""
    module = peer("sedonadb")
    if module is None:
        return {}
    pyarrow = peer("pyarrow")
    session = module.connect()
    session.create_data_frame(pyarrow.table({"lat": lat, "lng": lng})).to_view("positions", overwrite=True)
    points = session.sql("SELECT ST_GeogPoint(lng, lat) AS point FROM positions").to_memtable()
    points.to_view("points", overwrite=True)
    query = "SELECT S2_CellIdFromPoint(point) AS cell FROM points"
    return {"SedonaDB S2_CellIdFromPoint": (lambda: pyarrow.table(session.sql(query)), len(lat))}


def encoders(lat, lng):
    """Peers that make cells of positions, and how many each is given."""
    pairs = list(zip(lat[:FEW].tolist(), lng[:FEW].tolist()))
    some = slice(0, SOME)
    yield (
        "numpy backend (plain numpy)",
        (on(lambda: cw.latlng_to_cell(lat[:50_000], lng[:50_000]), backend="numpy"), 50_000),
    )
    if h3ronpy := peer("h3ronpy.vector"):
        yield "h3ronpy, resolution 15", (lambda: h3ronpy.coordinates_to_cells(lat[some], lng[some], 15), SOME)
    yield from sedona(lat[some], lng[some]).items()
    if h3 := peer("h3.api.numpy_int"):
        yield "h3 (numpy_int), resolution 15", (lambda: [h3.latlng_to_cell(*p, 15) for p in pairs], FEW)
    yield (
        "s2geometry (Python)",
        (lambda: [s2geometry.S2CellId(s2geometry.S2LatLng.FromDegrees(*p)).id() for p in pairs], FEW),
    )
    yield "s2sphere", (lambda: [s2sphere.CellId.from_lat_lng(s2sphere.LatLng.from_degrees(*p)) for p in pairs], FEW)
    if s2cell := peer("s2cell"):
        yield "s2cell", (lambda: [s2cell.lat_lon_to_cell_id(*p, 30) for p in pairs], FEW)


def table():
    google = Google()
    lat, lng = points(N)
    cell, out, text = np.empty(N, np.uint64), np.empty((N, 2)), np.empty(N, "S16")
    back = np.empty(N), np.empty(N)
    leaf = cw.latlng_to_cell(lat, lng)
    swig = [s2geometry.S2CellId(i) for i in leaf[:FEW].tolist()]
    sphere = [s2sphere.CellId(i) for i in leaf[:FEW].tolist()]
    rows = []
    for _, isa in [path for path in available() if path[0] == "native"][:0:-1]:
        rows += ratios(
            f"latlng_to_cell, leaf, {isa}",
            {
                "cellwise": (on(lambda: cw.latlng_to_cell(lat, lng, out=cell), isa=isa), N),
                "Google's C++": (lambda: google.latlng_to_cell(lat, lng, cell), N),
            },
            repeat=5,
        )
        rows += ratios(
            f"cell_to_latlng, leaf, {isa}",
            {
                "cellwise": (on(lambda: cw.cell_to_latlng(leaf, out=back), isa=isa), N),
                "Google's C++": (lambda: google.cell_to_latlng(leaf, out), N),
            },
            repeat=5,
        )
    rows += ratios(
        "latlng_to_cell, leaf",
        {"cellwise": (lambda: cw.latlng_to_cell(lat, lng, out=cell), N), **dict(encoders(lat, lng))},
        repeat=5,
    )
    rows += ratios(
        "cell_to_latlng",
        {
            "cellwise": (lambda: cw.cell_to_latlng(leaf, out=back), N),
            "cellwise, exact": (lambda: cw.cell_to_latlng(leaf[:SOME], exact=True), SOME),
            "s2geometry (Python)": (lambda: [c.ToLatLng() for c in swig], FEW),
            "s2sphere": (lambda: [c.to_lat_lng() for c in sphere], FEW),
        },
        repeat=5,
    )
    rows += ratios(
        "cell_to_token, S16",
        {
            "cellwise": (lambda: cw.cell_to_token(leaf, dtype="S16", out=text), N),
            "Google's C++": (lambda: google.cell_to_token(leaf), N),
            "s2geometry (Python)": (lambda: [c.ToToken() for c in swig], FEW),
            "s2sphere": (lambda: [c.to_token() for c in sphere], FEW),
        },
        repeat=5,
    )
    rows += ratios(
        "token_to_cell, S16",
        {
            "cellwise": (lambda: cw.token_to_cell(text, out=cell), N),
            "Google's C++": (lambda: google.token_to_cell(text, cell), N),
        },
        repeat=5,
    )
    return rows
