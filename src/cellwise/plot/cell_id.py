"""The 64 bits of a cell id."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle

from .. import inputs
from .._typing import CellLike
from ..cells.conversion import cell_to_string, cell_to_token
from ..cells.hierarchy import cell_face, cell_level
from ..errors import InvalidCellError
from ._basemap import check_options

FACE, DIGITS, MARKER, ZERO = "#9ecae1", ("#c7e9c0", "#a1d99b"), "coral", "#f2f2f2"


def plot_cell_id(cell: CellLike, *, ax: Axes | None = None) -> PatchCollection:
    """Picture of a cell id: its face, its position on the Hilbert curve with two bits a level, its level's marker bit.

    Parameters
    ----------
    cell : int
        One cell id.
    ax : matplotlib Axes, optional
        Where to draw; without it a figure is made.

    Returns
    -------
    matplotlib.collections.PatchCollection
        64 boxes, the highest bit first: the upper row holds the face and levels 1..15, the lower one levels 16..30.

    Examples
    --------
    >>> import cellwise as cw
    >>> from cellwise.plot import plot_cell_id
    >>> boxes = plot_cell_id(cw.token_to_cell("951977d34"))
    >>> boxes.axes.get_title()
    '951977d34: face 4, level 15'
    """
    check_options(ax)
    cell = inputs.read("u8", "cell", cell).array
    if cell.size != 1 or cell.item() == 0:
        raise InvalidCellError(f"cell must be one cell: got {cell.size if cell.size != 1 else 'the missing cell 0'}")
    cell = cell.item()
    level, face = cell_level(cell), cell_face(cell)
    if ax is None:
        ax = plt.figure(figsize=(11, 2.8), layout="constrained").add_subplot()

    colors = [FACE] * 3 + [DIGITS[k % 2] for k in range(level) for _ in "ab"] + [MARKER] + [ZERO] * (60 - 2 * level)
    corners = [(k, 0) if k < 33 else (k - 30, -3) for k in range(64)]
    for (x, y), bit, color in zip(corners, f"{cell:064b}", colors):
        gray = "0.6" if color == ZERO else "0"
        ax.text(x + 0.5, y + 0.5, bit, ha="center", va="center", family="monospace", color=gray)
        if color == MARKER:
            ax.text(x + 0.5, y + 1.2, "marker", ha="center", va="bottom", size="small", color="#d94801")
    below: dict[str, Any] = {"ha": "center", "va": "top", "size": "small", "color": "0.4"}
    above: dict[str, Any] = {"ha": "center", "va": "bottom", "size": "small", "weight": "bold"}
    ax.text(1.5, 1.2, str(face), color="#2171b5", **above)
    ax.text(1.5, -0.2, "face", **below)
    for k, digit in enumerate(cell_to_string(cell).partition("/")[2].ljust(30)):
        x, y = corners[3 + 2 * k]
        ax.text(x + 1, y + 1.2, digit, color="#238b45", **above)
        ax.text(x + 1, y - 0.2, str(k + 1), **below)
    for x, y in ((-0.4, 0), (2.6, -3)):
        ax.text(x, y + 1.2, "digit", **above | {"ha": "right"})
        ax.text(x, y - 0.2, "level", **below | {"ha": "right"})
    ax.set_title(f"{cell_to_token(cell)}: face {face}, level {level}")
    ax.set(xlim=(-2.2, 34.5), ylim=(-4.2, 2.2), aspect="equal")
    ax.set_axis_off()
    boxes = [Rectangle(corner, 1, 1) for corner in corners]
    artist = PatchCollection(boxes, facecolor=colors, edgecolor="white", zorder=0.5)
    ax.add_collection(artist)
    return artist
