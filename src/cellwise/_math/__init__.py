"""Arithmetic that both backends and the regions share: projections, degrees, longitudes, intervals, ranges of leaves.

Functions of arrays, in the order of operations of Google's library. Nothing here checks arguments or knows a backend.
"""

from __future__ import annotations
