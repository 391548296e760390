// From the sphere to the cube and back.
//
//   (lat, lng)   degrees at the public edge, radians inside regions.
//   (x, y, z)    a point: x through (0, 0), y through (0, 90 E), z through the north pole. Unit length, or "raw"
//                (on the cube, not normalized).
//   (face, u, v) gnomonic: the face of the cube [-1, 1]^3 that the point's ray hits, and where. Faces 0..5 have the
//                axes +x, +y, +z, -x, -y, -z as their normals. Geodesics are straight lines in (u, v).
//   (face, s, t) in [0, 1]: u and v bent by a quadratic so that cells have nearly equal areas.
//   (face, i, j) leaf cells: i = floor(2^30 * s), in 0 .. 2^30 - 1.
//   (face, si, ti)  corners and centers of cells: si = 2^31 * s, in 0 .. 2^31.
//
// Every expression keeps the order of operations of Google's library, release 0.14, so that the bits agree; the build
// forbids fused multiply-adds for the same reason (-ffp-contract=off).

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace cellwise {

using Point = std::array<double, 3>;

struct FaceUV {
  int face;
  double u, v;
};

inline constexpr int kMaxLevel = 30;
inline constexpr std::int32_t kMaxSize = 1 << kMaxLevel;      // leaf cells along an edge of a face
inline constexpr std::int64_t kMaxSiTi = std::int64_t{1} << (kMaxLevel + 1);
inline constexpr double kPi = std::numbers::pi;

inline double degrees_to_radians(double degrees) noexcept { return (kPi / 180) * degrees; }
inline double radians_to_degrees(double radians) noexcept { return (180 / kPi) * radians; }

// Valid range: 0 <= s <= 1.
inline double st_to_uv(double s) noexcept {
  if (s >= 0.5) return (1 / 3.) * (4 * s * s - 1);
  return (1 / 3.) * (1 - 4 * (1 - s) * (1 - s));
}

// Valid range: -1 <= u <= 1.
inline double uv_to_st(double u) noexcept {
  if (u >= 0) return 0.5 * std::sqrt(1 + 3 * u);
  return 1 - 0.5 * std::sqrt(1 - 3 * u);
}

// Leaf coordinate that holds s; s outside [0, 1] is clamped.
inline std::int32_t st_to_ij(double s) noexcept {
  if (!(s > 0)) return 0;
  return std::min(static_cast<std::int32_t>(kMaxSize * s), kMaxSize - 1);
}

inline double ij_to_st_min(std::int32_t i) noexcept { return (1.0 / kMaxSize) * i; }
inline double si_ti_to_st(std::int64_t si) noexcept { return (1.0 / kMaxSiTi) * static_cast<double>(si); }

// Raw point of (face, u, v).
inline Point face_uv_to_xyz(int face, double u, double v) noexcept {
  switch (face) {
    case 0: return {1, u, v};
    case 1: return {-u, 1, v};
    case 2: return {-u, -v, 1};
    case 3: return {-1, -v, -u};
    case 4: return {v, -1, -u};
    default: return {v, u, -1};
  }
}

// (u, v) of p's ray on the plane of `face`.
// REQUIRES: p has a positive component along the normal of `face`.
inline FaceUV xyz_to_given_face_uv(int face, const Point& p) noexcept {
  switch (face) {
    case 0: return {0, p[1] / p[0], p[2] / p[0]};
    case 1: return {1, -p[0] / p[1], p[2] / p[1]};
    case 2: return {2, -p[0] / p[2], -p[1] / p[2]};
    case 3: return {3, p[2] / p[0], p[1] / p[0]};
    case 4: return {4, p[2] / p[1], -p[0] / p[1]};
    default: return {5, -p[1] / p[2], -p[0] / p[2]};
  }
}

// REQUIRES: p is not the zero vector. On a tie of components the later axis wins.
inline FaceUV xyz_to_face_uv(const Point& p) noexcept {
  const double x = std::fabs(p[0]), y = std::fabs(p[1]), z = std::fabs(p[2]);
  const int axis = x > y ? (x > z ? 0 : 2) : (y > z ? 1 : 2);
  return xyz_to_given_face_uv(p[axis] < 0 ? axis + 3 : axis, p);
}

inline double dot(const Point& a, const Point& b) noexcept { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

inline Point cross(const Point& a, const Point& b) noexcept {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

inline Point normalize(const Point& p) noexcept {
  double n = std::sqrt(dot(p, p));
  if (n != 0) n = 1 / n;
  return {p[0] * n, p[1] * n, p[2] * n};
}

// Unit point of an angle pair in radians.
inline Point radians_to_point(double lat, double lng) noexcept {
  const double sin_lat = std::sin(lat), cos_lat = std::cos(lat);
  const double sin_lng = std::sin(lng), cos_lng = std::cos(lng);
  return {cos_lng * cos_lat, sin_lng * cos_lat, sin_lat};
}

// Longitudes beyond a half turn come back by one whole turn, exactly.
// Valid range: -360 <= lng <= 360.
inline double wrap_lng(double lng) noexcept {
  if (lng > 180) return lng - 360;
  if (lng < -180) return lng + 360;
  return lng;
}

// REQUIRES: |lat| <= 90, |lng| <= 360.
inline Point latlng_to_point(double lat, double lng) noexcept {
  return radians_to_point(degrees_to_radians(lat), degrees_to_radians(wrap_lng(lng)));
}

// Radians of a point of any length. The zeros added turn -0.0 into 0.0.
inline double point_lat(const Point& p) noexcept {
  return std::atan2(p[2] + 0.0, std::sqrt(p[0] * p[0] + p[1] * p[1]));
}
inline double point_lng(const Point& p) noexcept { return std::atan2(p[1] + 0.0, p[0] + 0.0); }

}  // namespace cellwise
