"""Sizes of cells at level 0, in radians and steradians, as if all levels were alike.

Halved (areas: quartered) at each further level they bound the cells of every level, or are their exact average. These
are Google's s2metrics for the quadratic projection.
"""

from __future__ import annotations

import math

MIN_EDGE = 2 * math.sqrt(2) / 3
AVG_EDGE = 1.459213746386106062
MAX_EDGE = 1.704897179199218452
MIN_AREA = 8 * math.sqrt(2) / 9
AVG_AREA = 4 * math.pi / 6
MAX_AREA = 2.635799256963161491
