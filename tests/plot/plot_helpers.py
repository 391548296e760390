import io

import numpy as np

import cellwise as cw

FACES = cw.token_to_cell(["1", "3", "5", "7", "9", "b"])
PORTO_ALEGRE = cw.Rect(lat=(-30.241701, -30.000003), lng=(-51.264871, -51.04618))
ACROSS_180 = cw.Rect(lat=(-20, 20), lng=(170, -170))


def drawn(artist):
    """The bytes of the artist's figure as PNG; drawing is where mistakes come to light."""
    file = io.BytesIO()
    artist.figure.savefig(file, dpi=40)
    data = file.getvalue()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 1000
    return data


def widths(collection):
    """Extent in x of each path."""
    return np.array([np.ptp(path.vertices[:, 0]) for path in collection.get_paths()])


def inside(low, high, limits):
    return limits[0] <= low and high <= limits[1]
