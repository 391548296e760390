"""Where cells lie on the sphere: vertices, bounds, area, distance."""

from __future__ import annotations

import numpy as np

from .._math import libm
from .._math.projection import (
    MAX_SI_TI,
    MAX_SIZE,
    degrees_to_radians,
    dot,
    ij_to_st_min,
    point_lat,
    point_lng,
    radians_to_degrees,
)
from .._typing import CellArray, FloatArray, Int64Array, ObjectArray
from .conversion import cell_center_si_ti
from .hierarchy import cell_face, cell_level, level_size
from .hilbert import cell_to_face_ij
from .regions import cell_uv, cell_uv_bounds, cell_uv_vertices

# Gauss-Legendre nodes in (0, 1) and their weights, by the finest level that needs so many; the other half mirrors them.
GAUSS = (
    (
        2,
        (
            (0.09501250983763744, 0.1894506104550685),
            (0.2816035507792589, 0.18260341504492358),
            (0.45801677765722737, 0.16915651939500254),
            (0.6178762444026438, 0.1495959888165767),
            (0.755404408355003, 0.12462897125553388),
            (0.8656312023878318, 0.09515851168249279),
            (0.9445750230732326, 0.062253523938647894),
            (0.9894009349916499, 0.027152459411754096),
        ),
    ),
    (
        5,
        (
            (0.1834346424956498, 0.362683783378362),
            (0.525532409916329, 0.31370664587788727),
            (0.7966664774136267, 0.22238103445337448),
            (0.9602898564975363, 0.10122853629037626),
        ),
    ),
    (11, ((0.33998104358485626, 0.6521451548625461), (0.8611363115940526, 0.34785484513745385))),
    (30, ((0.5773502691896257, 1.0),)),
)


def cell_ij(cell: CellArray) -> tuple[Int64Array, Int64Array]:
    _, i, j = cell_to_face_ij(cell)
    return i, j


def cell_vertices(cell: CellArray) -> FloatArray:
    xyz = cell_uv_vertices(cell_uv(cell))
    return np.stack((radians_to_degrees(point_lat(xyz)), radians_to_degrees(point_lng(xyz))), axis=-1)


def cell_bounds(cell: CellArray) -> FloatArray:
    lat, lng = cell_uv_bounds(cell_uv(cell))
    return radians_to_degrees(np.stack((lat.lo, lat.hi, lng.lo, lng.hi), axis=-1))


def _axis_nodes(
    i: Int64Array, size: Int64Array, nodes: tuple[tuple[float, float], ...]
) -> list[tuple[FloatArray, FloatArray]]:
    """At each node of the intervals of s from leaf coordinates i on: u^2, and weight * du/ds."""
    i = np.where(i < MAX_SIZE // 2, MAX_SIZE - i - size, i)  # u is odd about s = 1/2: the mirror image with s >= 1/2
    half = 0.5 * ij_to_st_min(size)
    middle = ij_to_st_min(i) + half
    axis = []
    for x, weight in nodes:
        for signed in (-x, x):
            s = middle + half * signed
            u = (4 * s * s - 1) / 3
            axis.append((u * u, weight * (8 * s / 3)))
    return axis


def cell_area(cell: CellArray) -> FloatArray:
    """Solid angle: the integral of (1 + u^2 + v^2)^(-3/2) du dv, taken over (s, t), where a cell is an exact square."""
    _, i, j = cell_to_face_ij(cell)
    level = cell_level(cell)
    size = level_size(level)
    area = np.full(len(cell), 4 * np.pi / 6)
    coarsest = 1
    for finest, nodes in GAUSS:
        here = (level >= coarsest) & (level <= finest)
        coarsest = finest + 1
        size_here = size[here]
        u = _axis_nodes(i[here] & -size_here, size_here, nodes)
        v = _axis_nodes(j[here] & -size_here, size_here, nodes)
        total = np.zeros(len(size_here))
        for u2, u_weight in u:
            for v2, v_weight in v:
                q = 1 + u2 + v2
                total += u_weight * v_weight / (q * np.sqrt(q))
        half = 0.5 * ij_to_st_min(size_here)
        area[here] = half * half * total
    return area


def _scaled_centers(cell: CellArray) -> tuple[ObjectArray, ObjectArray, ObjectArray]:
    """Centers on the cube times 3 * 2^60: exact, as Python integers in three object arrays.

    With si = 2^31 s, u = (si^2 - 2^60) / (3 * 2^60).
    """
    one = 1 << 60

    def scaled_u(si: Int64Array) -> ObjectArray:
        si = si.astype(object)
        return np.where(si >= MAX_SI_TI // 2, si * si - one, one - (MAX_SI_TI - si) ** 2)

    si, ti = cell_center_si_ti(cell)
    u, v = scaled_u(si), scaled_u(ti)
    w = np.full(len(cell), 3 * one, object)
    face = cell_face(cell)
    return (
        np.choose(face, (w, -u, -u, -w, v, v)),
        np.choose(face, (u, w, -v, -v, -w, u)),
        np.choose(face, (v, v, w, -u, -u, -w)),
    )


def cell_distance(a: CellArray, b: CellArray) -> FloatArray:
    """Angles between centers: cross and dot products are exact integers, rounded once."""
    p, q = _scaled_centers(a), _scaled_centers(b)
    normal = np.stack([(p[k] * q[m] - p[m] * q[k]).astype(np.float64) for k, m in ((1, 2), (2, 0), (0, 1))], axis=-1)
    along = (p[0] * q[0] + p[1] * q[1] + p[2] * q[2]).astype(np.float64)
    return libm.atan2(np.sqrt(dot(normal, normal)), along)


def _sin_cos(lat: FloatArray) -> tuple[FloatArray, FloatArray]:
    near_pole = np.abs(lat) > 45
    rest = degrees_to_radians(np.where(near_pole, 90 - np.abs(lat), lat))
    sin, cos = libm.sin(rest), libm.cos(rest)
    return np.where(near_pole, np.copysign(cos, lat), sin), np.where(near_pole, sin, cos)


def latlng_distance(lat1: FloatArray, lng1: FloatArray, lat2: FloatArray, lng2: FloatArray) -> FloatArray:
    """Vincenty's arctangent for a sphere, arranged so that nothing cancels at small distances."""
    difference = lng2 - lng1  # and what its rounding lost:
    back = difference - lng2
    lost = (lng2 - (difference - back)) - (lng1 + back)
    dlng = degrees_to_radians(libm.remainder(difference, 360.0) + lost)
    a_sin, a_cos = _sin_cos(lat1)
    b_sin, b_cos = _sin_cos(lat2)
    half = libm.sin(0.5 * dlng)
    east = b_cos * libm.sin(dlng)
    north = libm.sin(degrees_to_radians(lat2 - lat1)) + 2 * a_sin * b_cos * half * half
    along = a_sin * b_sin + a_cos * b_cos * libm.cos(dlng)
    return libm.atan2(np.sqrt(east * east + north * north), along)
