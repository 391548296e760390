"""Random polygons in degrees, options for coverings of them, and what becomes of such a covering."""

import numpy as np
import shapely
from shapely.affinity import scale, translate

import cellwise as cw
from cellwise.errors import CellLimitError

KINDS = ("any", "star", "round", "sliver", "hole", "parts")


def random_polygon(rng, kind, size=None):
    """Polygon of some degrees across, somewhere."""
    lat, lng = rng.uniform(-80, 80), rng.uniform(-180, 180)
    size = 10 ** rng.uniform(-5, 1.2) if size is None else size
    n = {"star": 24, "round": 40, "sliver": 3}.get(kind, int(rng.integers(3, 9)))
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False) + rng.uniform(0, 1)
    radius = np.where(np.arange(n) % 2, 0.35, 1.0) if kind == "star" else rng.uniform(0.5, 1, n)
    width = 1e-3 if kind == "sliver" else 1.0
    x, y = lng + size * width * radius * np.cos(angle), np.clip(lat + size * radius * np.sin(angle), -90, 90)
    made = shapely.Polygon(np.column_stack((x, y)))
    if kind == "hole":
        made = made.difference(scale(made, 0.4, 0.4))
    if kind == "parts":
        made = made.union(translate(made, 3 * size, 0))
    made = shapely.make_valid(made)
    return made if made.area > 0 else random_polygon(rng, kind)


def random_options(rng, shape):
    west, south, east, north = shape.bounds
    level = cw.level_for_edge(max(north - south, east - west, 1e-6), unit="deg")
    return dict(
        min_level=int(rng.integers(0, min(level, 3) + 1)),
        max_level=int(rng.integers(level, min(level + 6, 30) + 1)),
        max_cells=int(10 ** rng.uniform(0, 2.3)),
        level_mod=int(rng.integers(1, 4)),
        interior=bool(rng.random() < 0.4),
    )


def cells_or_limit(region, **options):
    """The covering, or the words of the limit that it meets."""
    try:
        return cw.cover(region, **options)
    except CellLimitError as why:
        return str(why)
