"""The command line: look at one cell, cover a rectangle or a cap."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cellwise as cw


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 on success, 2 with one line on the error stream for bad input.

    Parameters
    ----------
    arguments : list of str, optional
        Words after the program's name; those of the process by default.

    Returns
    -------
    int

    Examples
    --------
    >>> main(["cover", "--rect", "-30.24", "-30", "-51.26", "-51.05", "--max-cells", "4"])
    951975
    951977
    95197c
    95199
    0
    """
    words = sys.argv[1:] if arguments is None else arguments
    # A southern latitude is no option: argparse takes what holds a space as it is.
    options = _parser().parse_args([f" {word}" if re.match(r"-[\d.]+,", word) else word for word in words])
    try:
        options.run(options)
    except (ValueError, OSError, ImportError) as why:
        print(f"cellwise: {why}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cellwise", description="Google's S2 cells on the command line.")
    parser.add_argument("--version", action="version", version=f"cellwise {cw.__version__} ({cw.backend()})")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    inspect = commands.add_parser("inspect", help="show what a cell is", description="Show what a cell is.")
    inspect.add_argument(
        "cell",
        metavar="TOKEN|ID|LAT,LNG",
        help="a token (951977d34), an id of 17 digits or more or a negative one (10743750135264575488), "
        "a face and path (4/0123), or a position in degrees (-30.0438,-51.1402)",
    )
    inspect.add_argument("--level", type=int, help="look at the ancestor at this level, 0..30")
    inspect.set_defaults(run=_inspect)

    cover = commands.add_parser("cover", help="cover a region with few cells", description="Cover a region.")
    region = cover.add_mutually_exclusive_group(required=True)
    region.add_argument("--rect", nargs=4, type=float, metavar=("SOUTH", "NORTH", "WEST", "EAST"), help="degrees")
    region.add_argument("--cap", nargs=3, type=float, metavar=("LAT", "LNG", "RADIUS"), help="degrees, meters")
    cover.add_argument("--min-level", type=int, default=0, metavar="N", help="coarsest level, 0..30 (default 0)")
    cover.add_argument("--max-level", type=int, default=30, metavar="N", help="finest level, 0..30 (default 30)")
    cover.add_argument("--max-cells", type=int, default=8, metavar="N", help="cells to aim for (default 8)")
    cover.add_argument("--level-mod", type=int, default=1, metavar="N", help="use every N-th level, 1..3 (default 1)")
    cover.add_argument("--interior", action="store_true", help="cells within the region instead")
    cover.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the tokens there, not to the screen")
    cover.add_argument("--plot", type=Path, metavar="FILE", help="draw a map (png, svg, pdf)")
    cover.set_defaults(run=_cover)
    return parser


def _cover(options: argparse.Namespace) -> None:
    if options.rect:
        region: cw.Rect | cw.Cap = cw.Rect(options.rect[:2], options.rect[2:])
    else:
        lat, lng, radius = options.cap
        region = cw.Cap(lat, lng, radius, unit="m")
    covering = cw.cover(
        region,
        min_level=options.min_level,
        max_level=options.max_level,
        max_cells=options.max_cells,
        level_mod=options.level_mod,
        interior=options.interior,
    )
    lines = "".join(f"{token}\n" for token in covering.to_tokens())
    if options.output:
        options.output.write_text(lines)
        print(f"{options.output}: {covering!r}", file=sys.stderr)
    else:
        sys.stdout.write(lines)
    if options.plot:
        from cellwise.plot import plot_covering

        artist: Any = plot_covering(covering, region)
        artist.axes.figure.savefig(options.plot, dpi=150, bbox_inches="tight")
        print(f"{options.plot}: a map of {len(covering):,} cells", file=sys.stderr)


def _inspect(options: argparse.Namespace) -> None:
    cell = _parse_cell(options.cell.strip())
    if options.level is not None:
        cell = cw.cell_parent(cell, options.level)
    print(describe(cell))


def _parse_cell(text: str) -> int:
    """Id of what a person wrote."""
    if "," in text:
        numbers = text.split(",")
        try:
            lat, lng = (float(number) for number in numbers)
        except ValueError:
            raise ValueError(f"position must be LAT,LNG in degrees: got {text!r}") from None
        return cw.latlng_to_cell(lat, lng)
    if "/" in text:
        return cw.string_to_cell(text)
    if re.fullmatch(r"-\d+", text):
        return cw.int64_to_cell(int(text))
    if re.fullmatch(r"\d{17,}", text):  # a token has at most 16 digits
        cell = int(text)
        cw.cell_level(cell)
        return cell
    cell = cw.token_to_cell(text)
    cw.cell_level(cell)
    if cell == 0:
        raise ValueError("'X' is the missing cell: there is nothing to show")
    return cell


def _length(meters: float) -> str:
    for unit, size in (("km", 1000.0), ("m", 1.0), ("cm", 0.01)):
        if meters >= size:
            return f"{meters / size:,.3g} {unit}" if meters / size < 1000 else f"{meters / size:,.0f} {unit}"
    return f"{meters * 1000:.2g} mm"


def _area(square_meters: float) -> str:
    if square_meters >= 1e9:
        return f"{square_meters / 1e6:,.0f} km2"
    if square_meters >= 1e6:
        return f"{square_meters / 1e6:,.3g} km2"
    if square_meters >= 100:
        return f"{square_meters:,.0f} m2"
    return f"{square_meters:.3g} m2" if square_meters >= 0.1 else f"{square_meters * 1e4:.3g} cm2"


def describe(cell: int) -> str:
    r"""What a person wants to know of a cell, as lines of text.

    Parameters
    ----------
    cell : int
        A valid cell.

    Returns
    -------
    str

    Examples
    --------
    >>> import cellwise as cw
    >>> print(describe(cw.token_to_cell("951977d34")))  # doctest: +ELLIPSIS
    951977d34, a cell of level 15 on face 4, about 261 m across
    <BLANKLINE>
    id        10743750135264575488
    signed    -7702993938444976128
    ...
    """
    token, level, face = cw.cell_to_token(cell), cw.cell_level(cell), cw.cell_face(cell)
    lat, lng = cw.cell_to_latlng(cell)
    vertices = cw.cell_vertices(cell)
    ahead = vertices[[1, 2, 3, 0]]
    edges = cw.latlng_distance(vertices[:, 0], vertices[:, 1], ahead[:, 0], ahead[:, 1])
    area = cw.cell_area(cell)
    bits = f"{cell:064b}"
    digits = [bits[3 + 2 * k : 5 + 2 * k] for k in range(level)]
    zeros = 60 - 2 * level
    places = 6 if level < 20 else 9  # of decimals of a degree: 0.1 m, 0.1 mm
    rows = [
        ("id", str(cell)),
        ("signed", str(cw.cell_to_int64(cell))),
        ("hex", f"0x{cell:016x}"),
        ("path", cw.cell_to_string(cell)),
        ("center", f"{lat:.{places}f}, {lng:.{places}f}"),
        ("edges", f"{_length(edges.min())} to {_length(edges.max())}"),
        ("area", _area(area)),
        ("leaves", f"{cw.cell_to_token(cw.cell_range_min(cell))} .. {cw.cell_to_token(cw.cell_range_max(cell))}"),
        ("vertices", "  ".join(f"{a:.{places}f},{b:.{places}f}" for a, b in vertices.tolist())),
    ]
    lines = [f"{token}, a cell of level {level} on face {face}, about {_length(area**0.5)} across", ""]
    lines += [f"{name:<10}{value}" for name, value in rows]
    labels = "".join(f"{k + 1:>2} " for k in range(level))
    lines += [
        "",
        "the 64 bits",
        f"  {bits[:3]}  {''.join(digit + ' ' for digit in digits)}{' ' * bool(digits)}1  {'0' * zeros}".rstrip(),
        f"  face {labels} ^ marker bit of level {level}" if digits else "  face ^ marker bit of level 0",
    ]
    if digits:
        lines.append(f"  {face:>3}  {' '.join(f'{int(d, 2):>2}' for d in digits)}   child taken at each level")
    if level:
        chain = [cw.cell_to_token(cw.cell_parent(cell, k)) for k in range(level, -1, -1)]
        lines += ["", "parents, finest first", *_wrapped(chain, " < ", 110)]
    return "\n".join(lines)


def _wrapped(words: Sequence[str], joint: str, width: int) -> list[str]:
    line, lines = "  " + words[0], []
    for word in words[1:]:
        if len(line) + len(joint) + len(word) > width:
            lines.append(line)
            line = "   "
        line += joint + word
    return [*lines, line]


if __name__ == "__main__":
    raise SystemExit(main())
