"""Block kernels give the scalar kernels' answers, row by row, on every instruction set."""

import platform
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import cellwise as cw
from cellwise.testing import available, use

FAST = [isa for name, isa in available() if name == "native" and isa != "scalar"]


def positions():
    """Random positions, positions on every kind of boundary, the doubles next to them, and what is no position."""
    rng = np.random.default_rng(0)
    n = 20_000
    lat, lng = np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-360, 360, n)
    cells = cw.cell_parent(cw.latlng_to_cell(lat, lng), rng.integers(0, 31, n))
    corner = cw.cell_vertices(cells)[:, 0]
    center = np.stack(cw.cell_to_latlng(cells), axis=-1)
    grid = np.stack((rng.integers(-8, 9, n) * 11.25, rng.integers(-32, 33, n) * 11.25), axis=-1)
    both = np.concatenate((np.stack((lat, lng), axis=-1), corner, center, grid))
    for _ in range(2):
        moved = rng.random(both.shape) < 0.3
        both[moved] = np.nextafter(both[moved], np.where(rng.random(moved.sum()) < 0.5, -400, 400))
    both[:, 0] = np.clip(both[:, 0], -90, 90)
    odd = [
        0.0,
        -0.0,
        5e-324,
        90.0,
        -90.0,
        91.0,
        np.nan,
        np.inf,
        -np.inf,
        1e300,
        35.264389682754654,
        180.0,
        -180.0,
        360.0,
        361.0,
    ]
    pairs = np.array([(a, b) for a in odd for b in odd])
    mixed = np.concatenate((both, pairs))
    rng.shuffle(mixed)
    return np.ascontiguousarray(mixed[:, 0]), np.ascontiguousarray(mixed[:, 1])


@pytest.fixture(scope="module")
def here():
    return positions()


@pytest.mark.parametrize("isa", FAST)
@pytest.mark.parametrize("level", range(31))
def test_latlng_to_cell_at_every_level(isa, level, here):
    lat, lng = here
    with use(backend="native", isa="scalar"):
        expected = cw.latlng_to_cell(lat, lng, level, on_invalid="null")
    with use(backend="native", isa=isa):
        assert (cw.latlng_to_cell(lat, lng, level, on_invalid="null") == expected).all()


@pytest.mark.parametrize("isa", FAST)
@pytest.mark.parametrize("n", [0, 1, 7, 8, 255, 256, 257, 1000])
def test_every_length_and_alignment(isa, n, here):
    lat, lng = here[0][3 : 3 + n], here[1][3 : 3 + n]
    with use(backend="native", isa="scalar"):
        expected = cw.latlng_to_cell(lat, lng, 17, on_invalid="null")
    with use(backend="native", isa=isa):
        assert (cw.latlng_to_cell(lat, lng, 17, on_invalid="null") == expected).all()


@pytest.mark.parametrize("isa", FAST)
def test_the_first_invalid_row_is_found(isa):
    lat = np.zeros(1000)
    lat[[600, 900]] = 95
    with use(backend="native", isa=isa), pytest.raises(ValueError, match=r"got 95.0 at index 600 \(2 of 1000 values\)"):
        cw.latlng_to_cell(lat, lat)


def special_cells(level, rng, n=3000):
    """Cells of a level at corners, edges, diagonals and middles of the faces, at poles and 180, and anywhere."""
    xyz = rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0], (n, 3)) + rng.choice([0.0, 1e-15, -1e-15, 1e-9, 1e-3], (n, 3))
    xyz[rng.random(n) < 0.4] = rng.standard_normal(3)
    anywhere = rng.random(n) < 0.4
    xyz[anywhere] = rng.standard_normal((anywhere.sum(), 3))
    xyz[~xyz.any(axis=1)] = 1
    return cw.point_to_cell(xyz, level)


@pytest.mark.parametrize("isa", FAST)
@pytest.mark.parametrize("level", range(31))
def test_round_trips(isa, level):
    """encode(decode(cell)) == cell, tokens too, and positions are within 2 ulp of the C library's."""
    cells = special_cells(level, np.random.default_rng(level))
    with use(backend="native", isa=isa):
        lat, lng = cw.cell_to_latlng(cells)
        assert (cw.latlng_to_cell(lat, lng, level) == cells).all()
        tokens = cw.cell_to_token(cells, dtype="S16")
        assert (cw.token_to_cell(tokens) == cells).all()
        vertices = cw.cell_vertices(cells)
        exact = [*cw.cell_to_latlng(cells, exact=True), cw.cell_vertices(cells, exact=True)]
    with use(backend="native", isa="scalar"):
        for a, b, c in zip(exact, [*cw.cell_to_latlng(cells), cw.cell_vertices(cells)], (lat, lng, vertices)):
            assert a.tobytes() == b.tobytes()
            step = np.spacing(np.abs(a))
            assert (np.abs(a - c) <= 2 * step).all()
            assert (np.signbit(a) == np.signbit(c)).all()
        assert (tokens == cw.cell_to_token(cells, dtype="S16")).all()


@pytest.mark.parametrize("isa", FAST)
def test_texts_that_are_nearly_tokens(isa):
    rng = np.random.default_rng(0)
    tokens = cw.cell_to_token(np.concatenate([special_cells(level, rng, 200) for level in range(31)]), dtype="S16")
    text = tokens.copy().view("S1").reshape(-1, 16)
    hit = rng.random(text.shape) < 0.03
    text[hit] = rng.choice(np.frombuffer(b"\x00\x009afgAFXx/:`@\xff ", "S1"), hit.sum())
    text = np.concatenate((tokens, text.reshape(-1, 16).view("S16").ravel()))
    for width in (16, 12, 20):
        given = text.astype(f"S{width}")
        with use(backend="native", isa="scalar"):
            expected = cw.token_to_cell(given, on_invalid="null")
        with use(backend="native", isa=isa):
            assert (cw.token_to_cell(given, on_invalid="null") == expected).all()


SIMPLE = ("cell_is_valid cell_level cell_face cell_is_leaf cell_range_min cell_range_max cell_to_token cell_contains "
          "cell_intersects cell_parent").split()  # fmt: skip


@pytest.mark.parametrize("isa", FAST)
@pytest.mark.parametrize("name", SIMPLE)
@pytest.mark.parametrize("n", [1, 255, 256, 257, 5000])
def test_any_bits(isa, name, n):
    """Words of few bits, of which many are nearly cells."""
    rng = np.random.default_rng(n)
    words = [rng.integers(0, 2**64, n, np.uint64) for _ in range(4)]
    any_bits = (words[0] & words[1] & words[2]) << rng.integers(0, 64, n).astype(np.uint64)
    cells = np.where(rng.random(n) < 0.5, any_bits, special_cells(12, rng, n))
    others = {"cell_contains": [np.roll(cells, 1)], "cell_intersects": [cells[:1]], "cell_parent": [9]}.get(name, [])
    keywords = {} if name == "cell_is_valid" else {"on_invalid": "null"}
    results = []
    for which in ("scalar", isa):
        with use(backend="native", isa=which):
            results.append(getattr(cw, name)(cells, *others, **keywords))
    assert (results[0] == results[1]).all()


NATIVE = Path(__file__).resolve().parents[1] / "native"
COMPILED = {"v2": "-march=x86-64-v2", "avx2": "-mavx2 -mfma -mbmi -mbmi2"}
COMPILED["avx512"] = (
    COMPILED["avx2"]  # as in CMakeLists.txt
    + " -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vbmi -mgfni -mprefer-vector-width=512"
)


needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None or platform.machine() != "x86_64" or not NATIVE.is_dir(),
    reason="asks g++ on x86-64 about the sources",
)


def compiled(isa, *arguments):
    flags = "-std=c++20 -O3 -ffp-contract=off -fno-builtin-sin -fno-builtin-cos -fno-math-errno -fno-trapping-math"
    include = [f"-I{NATIVE / 'include'}", f"-I{NATIVE / 'src'}"]
    command = ["g++", *flags.split(), *COMPILED[isa].split(), *include, *map(str, arguments)]
    subprocess.run(command, check=True)


@needs_compiler
@pytest.mark.parametrize("isa", FAST)
def test_margin_at_boundaries(isa, tmp_path):
    """Positions go to the scalar kernel at four times the greatest difference between the two, or more."""
    compiled(isa, "-w", Path(__file__).with_name("margin.cpp"), "-o", tmp_path / "margin")
    shown = subprocess.run([tmp_path / "margin"], check=True, capture_output=True, text=True).stdout
    worst, near_boundary = map(float, shown.split())
    assert 1e-8 < worst < near_boundary / 4


@needs_compiler
@pytest.mark.parametrize("isa", COMPILED)
def test_every_loop_is_vectorised(isa, tmp_path):
    """One that is not gives the same answers five times slower; small changes do that."""
    report = tmp_path / "vectorised"
    compiled(isa, f"-fopt-info-vec={report}", "-c", NATIVE / "src" / f"blocks_{isa}.cpp", "-o", tmp_path / "object")
    seen = set(re.findall(r"(\w+\.inl:\d+):\d+: optimized: loop vectorized", report.read_text()))
    loops = {}
    for name in ("blocks.inl", "curve.inl"):
        text = (NATIVE / "src" / name).read_text()
        # curve.inl has intrinsics for one instruction set, and plain loops for the others after them.
        used = text if name == "blocks.inl" else text.partition("\n#else\n")[0 if isa == "avx512" else 2]
        first = text[: text.index(used)].count("\n") + 1
        lines = enumerate(used.splitlines(), first)
        loops |= {f"{name}:{k}": line for k, line in lines if "for (std::size_t k = 0;" in line}
    assert len(loops) > 20
    assert [line for place, line in loops.items() if place not in seen] == []
