"""The command line."""

import os
import subprocess
import sys

import pytest

import cellwise as cw
from cellwise.cli import describe, main


@pytest.mark.parametrize(
    "text",
    [
        "951977d377e723ab",
        "10743750136202470315",
        "-7702993937507081301",
        "-30.0438,-51.14022",
        "4/222030232332212323330321013111",
    ],
)
def test_inspect_reads_every_name_of_a_cell(text, capsys):
    assert main(["inspect", text]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("951977d377e723ab, a cell of level 30 on face 4, about 8 mm across\n")
    for words in ("10743750136202470315", "-7702993937507081301", "4/222030232332212323330321013111", "0.637 cm2"):
        assert words in shown


def test_inspect_shows_the_bits_and_the_parents(capsys):
    main(["inspect", "951977d34"])
    lines = capsys.readouterr().out.splitlines()
    bits = next(line for line in lines if line.startswith("  100  10 10"))
    assert bits.replace(" ", "") == f"{cw.token_to_cell('951977d34'):064b}"
    marker = next(line for line in lines if "marker bit of level 15" in line)
    assert bits[marker.index("^")] == "1"
    assert lines[-2].startswith("  951977d34 < 951977d3 < 951977d4")
    assert lines[-1].endswith("< 95 < 94 < 9")
    assert max(map(len, lines)) <= 130


@pytest.mark.parametrize("level", [0, 1, 30])
def test_describe_every_level(level):
    text = describe(cw.latlng_to_cell(10.0, 20.0, level))
    assert f"marker bit of level {level}" in text
    assert "http" not in text


def test_inspect_at_a_level(capsys):
    main(["inspect", "-30.0438,-51.14022", "--level", "15"])
    assert capsys.readouterr().out.startswith("951977d34, a cell of level 15")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inspect", "0x12"], "token must be 1 to 16 lower-case hexadecimal digits of a cell: got '0x12'"),
        (["inspect", "91,0"], "lat must be in -90..90 degrees: got 91.0"),
        (["inspect", "1,2,3"], "position must be LAT,LNG in degrees: got '1,2,3'"),
        (["inspect", "north,0"], "position must be LAT,LNG in degrees: got 'north,0'"),
        (["inspect", "99999999999999999999"], "cell must be a valid cell: got 99999999999999999999"),
        (["inspect", "X"], "'X' is the missing cell"),
        (["inspect", "04", "--level", "5"], "level must be the cell's own level or coarser"),
        (["cover", "--rect", "0", "1", "0", "1", "--max-cells", "0"], "max_cells must be in 1..2147483647: got 0"),
        (["cover", "--rect", "1", "0", "0", "1"], "lat must be (south, north): got (1.0, 0.0)"),
        (["cover", "--cap", "0", "0", "-5"], "radius must be 0 or more: got -5.0"),
        (["cover", "--cap", "0", "0", "5", "-o", "/no/such/folder/x"], "No such file"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words, message, capsys):
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("cellwise: ")
    assert message in shown.err
    assert shown.err.count("\n") == 1


def test_cover_writes_tokens(tmp_path, capsys):
    words = (
        "cover --rect -30.241701 -30.000003 -51.264871 -51.04618 --min-level 8 --max-level 15 --max-cells 500".split()
    )
    assert main([*words, "-o", str(tmp_path / "tokens.txt")]) == 0
    tokens = (tmp_path / "tokens.txt").read_text().split()
    assert len(tokens) == 351
    assert tokens[:2] == ["95197571", "951975724"]
    assert "CellUnion(351 cells, levels 10..15)" in capsys.readouterr().err
    assert main([*words, "--interior"]) == 0
    assert len(capsys.readouterr().out.split()) == 366


def test_cover_draws(tmp_path):
    pytest.importorskip("matplotlib")
    code = f"from cellwise.cli import main; raise SystemExit(main(['cover', '--cap', '0', '0', '1000', '--plot', r'{tmp_path / 'map.png'}']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (tmp_path / "map.png").read_bytes()[:4] == b"\x89PNG"
    assert "a map of 4 cells" in done.stderr


def test_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "cellwise", "inspect", "04"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("04, a cell of level 1")
    done = subprocess.run([sys.executable, "-m", "cellwise", "--version"], capture_output=True, text=True, check=True)
    assert cw.__version__ in done.stdout
    done = subprocess.run([sys.executable, "-m", "cellwise"], capture_output=True, text=True)
    assert done.returncode == 2
