import matplotlib.pyplot as plt
import numpy as np
import pytest
from plot_helpers import FACES, drawn

import cellwise as cw
from cellwise.plot import plot_cell_id


@pytest.mark.parametrize("cell", [10743750136202470315, cw.token_to_cell("951977d34"), *FACES.tolist()[:6:5]])
def test_64_bits(cell):
    boxes = plot_cell_id(cell)
    texts = [text.get_text() for text in boxes.axes.texts]
    assert "".join(texts[k] for k in _bits(texts)) == f"{int(cell):064b}"
    assert len(boxes.get_paths()) == 64
    level = cw.cell_level(cell)
    assert boxes.axes.get_title() == f"{cw.cell_to_token(cell)}: face {cw.cell_face(cell)}, level {level}"
    digits = cw.cell_to_string(cell).partition("/")[2]
    shown = [text.get_text() for text in boxes.axes.texts if text.get_color() == "#238b45"]
    assert "".join(shown).strip() == digits
    assert len(digits) == level
    drawn(boxes)


def _bits(texts):
    """Texts in boxes: the 64 first ones but for the marker's name."""
    return [k for k, text in enumerate(texts[:65]) if text != "marker"]


def test_colors_tell_the_parts():
    colors = plot_cell_id(cw.token_to_cell("951977d34")).get_facecolor()
    face, first, second, marker, zero = colors[[0, 3, 5, 33, 34]]
    assert len(np.unique([face, first, second, marker, zero], axis=0)) == 5
    assert (colors[:3] == face).all()
    assert (colors[34:] == zero).all()


def test_given_axes():
    ax = plt.figure().add_subplot()
    assert plot_cell_id(FACES[0], ax=ax).axes is ax


@pytest.mark.parametrize(
    ("cell", "error", "message"),
    [
        (0, ValueError, "cell must be one cell: got the missing cell 0"),
        (FACES, ValueError, "cell must be one cell: got 6"),
        (6 << 61, ValueError, "must be a valid cell: got"),
        (5.0, TypeError, "integer ids"),
        ("951977d34", TypeError, "tokens are read by token_to_cell"),
    ],
)
def test_bad_input(cell, error, message):
    with pytest.raises(error, match=message):
        plot_cell_id(cell)
