"""Google's library as the judge, and 60-digit arithmetic where it does not judge.

`s2geometry` 0.14 (PyPI) takes one value a call and trusts its caller: bad options, or interior coverings of regions
without width, make it run until the process is killed. So it is only called here, on questions known to be harmless.
Nothing in this module uses cellwise.
"""

import math
import warnings

import mpmath
import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # SWIG's types have no __module__
    import s2geometry as s2

AVG_AREA = 4 * math.pi / 6  # steradians at level 0; a quarter at each further level
AVG_EDGE = 1.459213746386106  # radians at level 0; half at each further level
MANY_CELLS = 8_000  # more than about that many are never asked of the oracle

CORNER_LAT = 35.264389682754654  # of the corners of the cube; their longitudes are ±45 and ±135


# --- positions ----------------------------------------------------------------------------------------------------------


def leaf(lat, lng):
    """Leaf of one position."""
    return s2.S2CellId(s2.S2LatLng.FromDegrees(lat, lng)).id()


def leaves(lat, lng):
    """Leaves of positions, ndarray of uint64."""
    return np.array([leaf(a, b) for a, b in zip(lat.tolist(), lng.tolist())], np.uint64)


def random_positions(rng, n):
    """Latitudes and longitudes, uniform on the sphere."""
    return np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)


def nudged(values, steps):
    """Values with 0, 1, 2 ... steps to the next float added, on a new last axis."""
    values = np.asarray(values, np.float64)[..., None] + np.zeros(len(steps))
    for k, step in enumerate(steps):
        for _ in range(abs(step)):
            values[..., k] = np.nextafter(values[..., k], math.copysign(math.inf, step))
    return values


def _nudged_both_ways(lat, lng, steps):
    lat, lng = nudged(lat, steps)[..., :, None], nudged(lng, steps)[..., None, :]
    return tuple(x.ravel() for x in np.broadcast_arrays(lat, lng))


def _grid(lat, lng):
    return tuple(x.ravel() for x in np.meshgrid(lat, lng))


def _to_latlng(xyz):
    x, y, z = xyz
    return np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))


def adversarial_positions(rng):
    """Positions where faces, cells and floats meet: latitudes, longitudes within ±180."""
    tiny = [0.0, -0.0]
    for size in (5e-324, 1e-310, 2.3e-308, 1e-200, 1e-20, 1e-16, 1e-15, 1e-9, 1e-7):
        tiny += [size, -size]
    lat = np.array([15, 30, CORNER_LAT, 45, 90 - CORNER_LAT, 60, 75, 89, 90 - 1e-9, 90])
    lat = np.concatenate((tiny, nudged(np.concatenate((lat, -lat)), range(-3, 4)).ravel()))
    lng = np.concatenate((tiny, nudged(np.arange(-180, 181, 22.5), range(-3, 4)).ravel()))
    parts = [_grid(lat, lng)]

    corners = [a.ravel() for a in np.meshgrid([CORNER_LAT, -CORNER_LAT], [45, -45, 135, -135])]
    parts.append(_nudged_both_ways(*corners, range(-8, 9)))

    # Edges of faces (two coordinates tie) and their diagonals (on a face, u = ±v).
    t = np.concatenate((rng.uniform(-1, 1, 400), rng.choice([-1, 1], 100) * 10 ** rng.uniform(-16, 0, 100)))
    one = np.ones_like(t)
    for a in (one, -one):
        for b in (one, -one):
            for xyz in ((a, b, t), (a, t, b), (t, a, b), (a, t, b * t), (t, a, b * t), (t, b * t, a)):
                parts.append(_nudged_both_ways(*_to_latlng(xyz), (-2, 0, 1)))

    # Corners and centers of cells of all levels.
    for level in range(31):
        cells = np.concatenate((random_cells(rng, 14, level), rng.choice(special_cells(level), 6)))
        positions = np.array([[latlng(c), *vertices(c)] for c in cells.tolist()]).reshape(-1, 2)
        parts.append(_nudged_both_ways(positions[:, 0], positions[:, 1], (-3, -1, 0, 1, 2)))

    near = 10 ** rng.uniform(-17, 1, 3000)  # poles, antimeridian, equator
    side = rng.choice([-1.0, 1.0], 3000)
    parts.append((side * (90 - near), rng.uniform(-180, 180, 3000)))
    parts.append((rng.uniform(-90, 90, 3000), side * (180 - near)))
    parts.append((side * near, rng.uniform(-180, 180, 3000)))
    for digits in (0, 1, 3, 5, 6, 7):  # what people store
        parts.append(tuple(x.round(digits) for x in random_positions(rng, 2000)))

    lat, lng = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    return np.clip(lat, -90, 90), np.clip(lng, -180, 180)


# --- cells --------------------------------------------------------------------------------------------------------------


def random_cells(rng, n, level=None):
    """Cells of one level, or of random ones, uniform along the curve."""
    leaf_ids = (rng.integers(0, 6 << 61, n, np.uint64, endpoint=False)) | np.uint64(1)
    return at_level(leaf_ids, rng.integers(0, 31, n) if level is None else level)


def at_level(cells, level):
    """Ancestors at a level, by arithmetic."""
    bit = np.uint64(1) << (2 * (30 - np.asarray(level))).astype(np.uint64)
    return (cells & (~bit + np.uint64(1))) | bit


def special_cells(level):
    """Cells at the corners and edges of faces, and around their centers."""
    half, end = 1 << 29, (1 << 30) - 1
    places = (0, 1, half // 3, half - 1, half, end - 1, end)
    found = {s2.S2CellId.FromFaceIJ(face, i, j).parent(level).id() for face in range(6) for i in places for j in places}
    return np.array(sorted(found), np.uint64)


def corner_cells(level):
    """The 24 cells at corners of the cube; on level 0, the 6 faces."""
    end = (1 << 30) - 1
    found = {
        s2.S2CellId.FromFaceIJ(face, i, j).parent(level).id() for face in range(6) for i in (0, end) for j in (0, end)
    }
    return np.array(sorted(found), np.uint64)


def sample_cells(rng, n_random):
    """Random cells of all levels, and all special ones, ascending."""
    return np.unique(np.concatenate([random_cells(rng, n_random), *(special_cells(level) for level in range(31))]))


def cells_of_level(level):
    """All cells of a level, in curve order."""
    bit = np.uint64(1) << np.uint64(2 * (30 - level))
    return np.arange(6 << (2 * level), dtype=np.uint64) * (bit << np.uint64(1)) + bit


def cell_id(cell):
    """The oracle's cell id object."""
    return s2.S2CellId(int(cell))


def ids(cell_ids):
    """Integers of the oracle's cell id objects."""
    return [c.id() for c in cell_ids]


def latlng(cell):
    """Center, degrees."""
    position = cell_id(cell).ToLatLng()
    return position.lat().degrees(), position.lng().degrees()


def vertices(cell):
    """Four (latitude, longitude), degrees."""
    found = [s2.S2Cell(cell_id(cell)).GetS2LatLngVertex(k) for k in range(4)]
    return [(v.lat().degrees(), v.lng().degrees()) for v in found]


def bounds(cell):
    """Latitude low and high, longitude low and high, degrees."""
    rect = s2.S2Cell(cell_id(cell)).GetRectBound()
    return [x.degrees() for x in (rect.lat_lo(), rect.lat_hi(), rect.lng_lo(), rect.lng_hi())]


def point(cell):
    """Center, unit vector."""
    return s2.S2Point_ToRaw(cell_id(cell).ToPoint())


def google_area_error(level):
    """Bound on the relative error of Google's ExactArea.

    It is the solid angle of four vertices rounded to doubles, each off by up to 1.5 * 2^-53 of the sphere's radius.
    Against a cell's edge that is 2^-52 / edge, and two such edges make the area: measured, 1.3 of the bound's 2.
    """
    return 1e-14 + 2 * 2.0**-52 / (AVG_EDGE * 0.5**level)


# --- regions and coverings -----------------------------------------------------------------------------------------------


def rect(lat, lng):
    """Rectangle of (south, north) and (west, east), degrees within ±180."""
    return s2.S2LatLngRect(s2.S2LatLng.FromDegrees(lat[0], lng[0]), s2.S2LatLng.FromDegrees(lat[1], lng[1]))


def cap(lat, lng, height):
    """Cap of a height."""
    return s2.S2Cap.FromCenterHeight(s2.S2LatLng.FromDegrees(lat, lng).ToPoint(), height)


def union(cells):
    """Cell union, normalized."""
    made = s2.S2CellUnion()
    made.Init([int(c) for c in cells])
    return made


def covering(region, *, min_level=0, max_level=30, max_cells=8, level_mod=1, interior=False):
    """Covering as a list of ids. The caller has seen to it that it is harmless."""
    assert 0 <= min_level <= max_level <= 30
    assert max_cells >= 1
    assert level_mod in (1, 2, 3)
    coverer = s2.S2RegionCoverer()
    coverer.set_min_level(min_level)
    coverer.set_max_level(max_level)
    coverer.set_max_cells(max_cells)
    coverer.set_level_mod(level_mod)
    return ids(coverer.GetInteriorCovering(region) if interior else coverer.GetCovering(region))


def expected_cells(area, perimeter, level):
    """Upper guess of the cells of a level that meet a region (steradians, radians)."""
    return area / (AVG_AREA * 0.25**level) + 2 * perimeter / (AVG_EDGE * 0.5**level) + 8


def level_of_size(radians):
    """Level whose cells are about as wide."""
    return min(30, max(0, round(math.log2(AVG_EDGE / max(radians, 1e-12)))))


def _levels(rng, area, perimeter, size):
    """Level options, the finest of which makes no crowd."""
    natural = level_of_size(size)
    if rng.random() < 0.3:
        min_level = 0
    else:
        min_level = int(np.clip(natural + rng.integers(-6, 8), 0, 30))
    while min_level > 0 and expected_cells(area, perimeter, min_level) > MANY_CELLS:
        min_level -= 1
    max_level = 30 if rng.random() < 0.3 else int(np.clip(min_level + rng.integers(0, 14), 0, 30))
    return {
        "min_level": min_level,
        "max_level": max_level,
        "max_cells": 1 + int(10 ** rng.uniform(0, 2.7)) if rng.random() < 0.6 else int(rng.integers(1, 12)),
        "level_mod": int(rng.integers(1, 4)),
    }


def _center(rng):
    """A position, half of them where something special is."""
    if rng.random() < 0.5:
        lat, lng = random_positions(rng, 1)
        return float(lat[0]), float(lng[0])
    lat, lng = [
        (90, 0),
        (-90, 0),
        (0, 180),
        (0, 0),
        (CORNER_LAT, 45),
        (-CORNER_LAT, 135),
        (CORNER_LAT, -135),
        (45, 0),
        (0, 45),
        (45, 180),
        (0, -135),
    ][rng.integers(11)]
    if rng.random() < 0.5:
        lat, lng = lat + 10 ** rng.uniform(-9, 1) * rng.normal(), lng + 10 ** rng.uniform(-9, 1) * rng.normal()
    return float(np.clip(lat, -90, 90)), float((lng + 180) % 360 - 180)


def random_rects(seed, n):
    """Cases (lat, lng, options) with ``interior`` among the options; all are harmless."""
    rng = np.random.default_rng(seed)
    cases = []
    while len(cases) < n:
        lat, lng = _center(rng)
        height = 10 ** rng.uniform(-7, 2.2)
        width = height * 10 ** rng.uniform(-2, 2)
        south, north = max(-90.0, lat - height / 2), min(90.0, lat + height / 2)
        if width >= 360 or rng.random() < 0.03:
            west, east = -180.0, 180.0
        else:
            west, east = ((x + 180) % 360 - 180 for x in (lng - width / 2, lng + width / 2))
        if rng.random() < 0.2:
            digits = int(rng.integers(0, 6))
            south, north, west, east = (round(x, digits) for x in (south, north, west, east))
        if (west, east) != (-180.0, 180.0) and -180 in (west, east):
            continue  # ±180 at an end has tests of its own
        interior = bool(rng.random() < 0.45)
        d_lat = math.radians(north - south)
        d_lng = math.radians((east - west) % 360 if (west, east) != (-180.0, 180.0) else 360)
        cos = math.cos(math.radians(min(abs(south), abs(north)))) if south * north > 0 else 1.0
        area, perimeter = d_lat * d_lng * cos, 2 * (d_lat + d_lng * cos)
        options = _levels(rng, area, perimeter, min(d_lat, d_lng * cos) + 1e-12)
        options["interior"] = interior
        if interior:
            narrow, long = sorted((d_lat, d_lng * cos))
            if narrow * 300 < long or narrow < 1e-7:
                continue
        if expected_cells(area, perimeter, options["min_level"]) > MANY_CELLS:
            continue
        cases.append(((south, north), (west, east), options))
    return cases


def random_caps(seed, n):
    """Cases (lat, lng, height, options) with ``interior`` among the options; all are harmless."""
    rng = np.random.default_rng(seed)
    cases = []
    while len(cases) < n:
        lat, lng = _center(rng)
        height = float(rng.choice([0.0, 1e-18, 1.0, 2.0, rng.uniform(0, 2)]))
        if rng.random() < 0.9:
            height = float(2 * 10 ** rng.uniform(-17, 0))
        radius = 2 * math.asin(math.sqrt(height / 2))
        area, perimeter = 2 * math.pi * height, 2 * math.pi * math.sin(radius)
        options = _levels(rng, area, perimeter, radius + 1e-12)
        options["interior"] = bool(rng.random() < 0.45) and height > 0
        if expected_cells(area, perimeter, options["min_level"]) > MANY_CELLS:
            continue
        cases.append((lat, lng, height, options))
    return cases


def random_cell_lists(seed, n, levels_down=6):
    """Lists of cells, many of them nested, repeated, or complete siblings; in random order."""
    rng = np.random.default_rng(seed)
    lists = []
    for _ in range(n):
        top = int(rng.integers(0, 31 - levels_down))
        cells = []
        for root in random_cells(rng, int(rng.integers(1, 4)), top).tolist():
            _grow(rng, root, top, int(rng.integers(0, levels_down + 1)), cells)
        cells = np.array(cells, np.uint64)
        cells = np.concatenate((cells, cells[rng.integers(0, max(1, len(cells)), 3 * (len(cells) > 0))]))
        lists.append(rng.permutation(cells)[:400])
    return lists


def _grow(rng, cell, level, depth, cells):
    """Add the cell, or its children, or some of them, or both."""
    if depth == 0 or rng.random() < 0.3:
        cells.append(cell)
        if depth == 0 or rng.random() < 0.7:
            return
    step = (1 << (2 * (29 - level))) * 2
    for k in range(4):
        if rng.random() < 0.8:
            _grow(rng, cell + step * k - 3 * step // 2, level + 1, depth - 1, cells)


# --- exact mathematics ----------------------------------------------------------------------------------------------------

DIGITS = 60


def _exact_u(si):
    """u of doubled leaf coordinate si, in 0..2^31."""
    s = mpmath.mpf(int(si)) / (1 << 31)
    return (4 * s * s - 1) / 3 if s >= 0.5 else (1 - 4 * (1 - s) * (1 - s)) / 3


def _exact_xyz(face, u, v):
    one = mpmath.mpf(1)
    return [(one, u, v), (-u, one, v), (-u, -v, one), (-one, -v, -u), (v, -one, -u), (v, u, -one)][face]


def exact_uv(cell):
    """Face and exact (u low, u high), (v low, v high)."""
    face, si, ti = cell_id(cell).GetCenterSiTi()
    half = 1 << (30 - cell_id(cell).level())
    return face, (_exact_u(si - half), _exact_u(si + half)), (_exact_u(ti - half), _exact_u(ti + half))


def exact_area(cell):
    """Solid angle of the ideal cell, steradians."""
    with mpmath.workdps(DIGITS):
        _, us, vs = exact_uv(cell)

        def corner(u, v):
            return mpmath.atan(u * v / mpmath.sqrt(1 + u * u + v * v))

        return corner(us[1], vs[1]) - corner(us[0], vs[1]) - corner(us[1], vs[0]) + corner(us[0], vs[0])


def exact_vertices(cell):
    """Four points of the ideal cell, not of unit length, in S2's order."""
    with mpmath.workdps(DIGITS):
        face, us, vs = exact_uv(cell)
        return [_exact_xyz(face, us[a], vs[b]) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]


def exact_center(cell):
    """Center of the ideal cell, not of unit length."""
    with mpmath.workdps(DIGITS):
        face, si, ti = cell_id(cell).GetCenterSiTi()
        return _exact_xyz(face, _exact_u(si), _exact_u(ti))


def exact_point(lat, lng):
    """Unit vector of a position in degrees, the floats taken as exact."""
    with mpmath.workdps(DIGITS):
        a, b = (mpmath.mpf(float(x)) / 180 for x in (lat, lng))
        return mpmath.cospi(a) * mpmath.cospi(b), mpmath.cospi(a) * mpmath.sinpi(b), mpmath.sinpi(a)


def exact_angle(p, q):
    """Angle between two vectors, radians."""
    with mpmath.workdps(DIGITS):
        normal = (p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0])
        length = mpmath.sqrt(sum(x * x for x in normal))
        return mpmath.atan2(length, sum(a * b for a, b in zip(p, q)))


def exact_latlng(p):
    """Latitude and longitude in degrees of a vector."""
    with mpmath.workdps(DIGITS):
        turn = 180 / mpmath.pi
        return mpmath.atan2(p[2], mpmath.hypot(p[0], p[1])) * turn, mpmath.atan2(p[1], p[0]) * turn
