"""Coverings of the Porto Alegre rectangle: ours against Google's library through Python, and s2sphere."""

import s2geometry
import s2sphere
from harness import ratios

import cellwise as cw

LAT, LNG = (-30.241701, -30.000003), (-51.264871, -51.04618)


def table():
    rect = cw.Rect(lat=LAT, lng=LNG)
    corners = list(zip(LAT, LNG))
    google = s2geometry.S2LatLngRect(*(s2geometry.S2LatLng.FromDegrees(*c) for c in corners))
    sphere = s2sphere.LatLngRect(*(s2sphere.LatLng.from_degrees(*c) for c in corners))

    def coverer(module):
        c = module.S2RegionCoverer() if module is s2geometry else module.RegionCoverer()
        if module is s2geometry:
            c.set_min_level(8), c.set_max_level(15), c.set_max_cells(500)
        else:
            c.min_level, c.max_level, c.max_cells = 8, 15, 500
        return c

    return ratios(
        "cover, levels 8..15, 500 cells",
        {
            "cellwise": (lambda: cw.cover(rect, min_level=8, max_level=15, max_cells=500), 1),
            "s2geometry (Python)": (lambda: [c.id() for c in coverer(s2geometry).GetCovering(google)], 1),
            "s2sphere": (lambda: [c.id() for c in coverer(s2sphere).get_covering(sphere)], 1),
        },
    )
