"""From the sphere to the cube and back.

    (lat, lng)     degrees at the public edge, radians inside regions.
    (x, y, z)      a point: x through (0, 0), y through (0, 90 E), z through the north pole. Unit length, or "raw"
                   (on the cube, not normalized).
    (face, u, v)   gnomonic: the face of the cube [-1, 1]^3 that the point's ray hits, and where. Faces 0..5 have the
                   axes +x, +y, +z, -x, -y, -z as their normals. Geodesics are straight lines in (u, v).
    (face, s, t)   in [0, 1]: u and v bent by a quadratic so that cells have nearly equal areas.
    (face, i, j)   leaf cells: i = floor(2^30 * s), in 0 .. 2^30 - 1.
    (face, si, ti) corners and centers of cells: si = 2^31 * s, in 0 .. 2^31.

Every expression keeps the order of operations of Google's library, release 0.14, so that the bits agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import AnyArray, FloatArray, Int64Array
from . import libm

MAX_LEVEL = 30
MAX_SIZE = 1 << MAX_LEVEL
MAX_SI_TI = 1 << (MAX_LEVEL + 1)


def degrees_to_radians(degrees: Any) -> Any:
    return (np.pi / 180) * degrees


def radians_to_degrees(radians: FloatArray) -> FloatArray:
    return (180 / np.pi) * radians


def st_to_uv(s: FloatArray) -> FloatArray:
    return np.where(s >= 0.5, (1 / 3.0) * (4 * s * s - 1), (1 / 3.0) * (1 - 4 * (1 - s) * (1 - s)))


def uv_to_st(u: FloatArray) -> FloatArray:
    root = 0.5 * np.sqrt(1 + 3 * np.abs(u))
    return np.where(u >= 0, root, 1 - root)


def st_to_ij(s: FloatArray) -> Int64Array:
    return np.clip(np.floor(MAX_SIZE * s), 0, MAX_SIZE - 1).astype(np.int64)


def ij_to_st_min(i: AnyArray) -> AnyArray:
    return (1.0 / MAX_SIZE) * i


def si_ti_to_st(si: AnyArray) -> AnyArray:
    return (1.0 / MAX_SI_TI) * si


def face_uv_to_xyz(face: Int64Array | np.int64, u: FloatArray | np.float64, v: FloatArray | np.float64) -> FloatArray:
    """Raw points, (n, 3)."""
    one = np.ones_like(u)
    x = np.choose(face, (one, -u, -u, -one, v, v))
    y = np.choose(face, (u, one, -v, -v, -one, u))
    z = np.choose(face, (v, v, one, -u, -u, -one))
    return np.stack((x, y, z), axis=-1)


def xyz_to_given_face_uv(face: Int64Array, xyz: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(u, v) of the rays of points on the planes of faces that they can reach."""
    x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
    w = np.choose(face % 3, (x, y, z))
    u = np.choose(face, (y, -x, -x, z, z, -y)) / w
    v = np.choose(face, (z, z, -y, y, -x, -x)) / w
    return u, v


def xyz_to_face_uv(xyz: FloatArray) -> tuple[Int64Array, FloatArray, FloatArray]:
    """Face, u and v of each point. On a tie of components the later axis wins."""
    x, y, z = (np.abs(xyz[..., k]) for k in range(3))
    axis = np.where(x > y, np.where(x > z, 0, 2), np.where(y > z, 1, 2))
    component = np.take_along_axis(xyz, axis[..., None], axis=-1)[..., 0]
    face = np.where(component < 0, axis + 3, axis)
    return face, *xyz_to_given_face_uv(face, xyz)


def dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]


def cross(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.stack(
        (
            a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1],
            a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2],
            a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0],
        ),
        axis=-1,
    )


def normalize(xyz: FloatArray) -> FloatArray:
    norm = np.sqrt(dot(xyz, xyz))
    return xyz * np.divide(1, norm, out=np.zeros_like(norm), where=norm != 0)[..., None]


def radians_to_point(lat: FloatArray | float, lng: FloatArray | float) -> FloatArray:
    cos_lat = libm.cos(lat)
    return np.stack((libm.cos(lng) * cos_lat, libm.sin(lng) * cos_lat, libm.sin(lat)), axis=-1)


def wrap_lng(lng: FloatArray | float) -> FloatArray:
    """Longitudes beyond a half turn come back by one whole turn, exactly."""
    return np.where(lng > 180, lng - 360, np.where(lng < -180, lng + 360, lng))


def latlng_to_point(lat: FloatArray | float, lng: FloatArray | float) -> FloatArray:
    return radians_to_point(degrees_to_radians(lat), degrees_to_radians(wrap_lng(lng)))


def point_lat(xyz: FloatArray) -> FloatArray:
    """Radians of points of any length. The zeros added turn -0.0 into 0.0."""
    x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
    return libm.atan2(z + 0.0, np.sqrt(x * x + y * y))


def point_lng(xyz: FloatArray) -> FloatArray:
    return libm.atan2(xyz[..., 1] + 0.0, xyz[..., 0] + 0.0)
