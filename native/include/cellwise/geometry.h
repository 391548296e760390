// Where cells lie on the sphere: vertices, bounds, area, distance.

#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "cellwise/cell_uv.h"
#include "cellwise/check.h"
#include "cellwise/conversion.h"
#include "cellwise/hierarchy.h"
#include "cellwise/hilbert.h"
#include "cellwise/intervals.h"
#include "cellwise/projection.h"

namespace cellwise {

// Leaf coordinates next to the cell's center (the leaf's own for a leaf).  REQUIRES: cell is valid.
inline std::pair<std::int32_t, std::int32_t> cell_ij(std::uint64_t cell) noexcept {
  const FaceIJ at = cell_to_face_ij(cell);
  return {at.i, at.j};
}

// Latitude and longitude of the four vertices, counter-clockwise.
// REQUIRES: cell is valid.  Max error: 1e-13 degrees.
inline std::array<std::array<double, 2>, 4> cell_vertices(std::uint64_t cell) noexcept {
  const CellUV c = cell_uv(cell);
  std::array<std::array<double, 2>, 4> vertices;
  for (int k = 0; k < 4; ++k) {
    const Point p = cell_uv_vertex(c, k);
    vertices[k] = {radians_to_degrees(point_lat(p)), radians_to_degrees(point_lng(p))};
  }
  return vertices;
}

// lat_lo, lat_hi, lng_lo, lng_hi in degrees, holding every point of the cell; lng_lo > lng_hi across 180.
// REQUIRES: cell is valid.
inline std::array<double, 4> cell_bounds(std::uint64_t cell) noexcept {
  const LatLngBounds b = cell_uv_bounds(cell_uv(cell));
  return {radians_to_degrees(b.lat.lo), radians_to_degrees(b.lat.hi), radians_to_degrees(b.lng.lo),
          radians_to_degrees(b.lng.hi)};
}

namespace internal {

// Gauss-Legendre nodes in (0, 1) and their weights; the other half mirrors them.
struct Node {
  double x, weight;
};
inline constexpr Node kGauss2[] = {{0.5773502691896257, 1.0}};
inline constexpr Node kGauss4[] = {{0.33998104358485626, 0.6521451548625461},
                                   {0.8611363115940526, 0.34785484513745385}};
inline constexpr Node kGauss8[] = {{0.1834346424956498, 0.362683783378362},
                                   {0.525532409916329, 0.31370664587788727},
                                   {0.7966664774136267, 0.22238103445337448},
                                   {0.9602898564975363, 0.10122853629037626}};
inline constexpr Node kGauss16[] = {
    {0.09501250983763744, 0.1894506104550685},  {0.2816035507792589, 0.18260341504492358},
    {0.45801677765722737, 0.16915651939500254}, {0.6178762444026438, 0.1495959888165767},
    {0.755404408355003, 0.12462897125553388},   {0.8656312023878318, 0.09515851168249279},
    {0.9445750230732326, 0.062253523938647894}, {0.9894009349916499, 0.027152459411754096}};

inline std::span<const Node> gauss_nodes(std::int32_t level) noexcept {
  if (level <= 2) return kGauss16;
  if (level <= 5) return kGauss8;
  if (level <= 11) return kGauss4;
  return kGauss2;
}

// At each node of the interval of s that starts at leaf coordinate i: u^2, and weight * du/ds.
struct AxisNodes {
  double u2[16], weight[16];
};

inline AxisNodes axis_nodes(std::int32_t i, std::int32_t size, std::span<const Node> nodes) noexcept {
  if (i < kMaxSize / 2) i = kMaxSize - i - size;  // u is odd about s = 1/2: take the mirror image with s >= 1/2
  const double half = 0.5 * ij_to_st_min(size), center = ij_to_st_min(i) + half;
  AxisNodes axis;
  std::size_t n = 0;
  for (const Node& node : nodes) {
    for (const double x : {-node.x, node.x}) {
      const double s = center + half * x;
      const double u = (4 * s * s - 1) / 3;
      axis.u2[n] = u * u;
      axis.weight[n++] = node.weight * (8 * s / 3);
    }
  }
  return axis;
}

}  // namespace internal

// Solid angle in steradians.  REQUIRES: cell is valid.  Max error: 1e-14 of the value.
//
// The area of du dv on the plane of a face, seen from the center, is (1 + u^2 + v^2)^(-3/2) du dv. It is integrated
// over (s, t), where a cell is an exact square: the differences of u that closed formulas need lose half their digits
// on small cells. The integrand has no singularity nearer than about 2^(level + 1) cell widths, so that 16 to 2 nodes
// a side are enough.
inline double cell_area(std::uint64_t cell) noexcept {
  const std::int32_t level = cell_level(cell);
  if (level == 0) return 4 * kPi / 6;
  const FaceIJ at = cell_to_face_ij(cell);
  const std::int32_t size = level_size(level);
  const auto nodes = internal::gauss_nodes(level);
  const internal::AxisNodes u = internal::axis_nodes(at.i & -size, size, nodes);
  const internal::AxisNodes v = internal::axis_nodes(at.j & -size, size, nodes);
  double sum = 0;
  for (std::size_t a = 0; a < 2 * nodes.size(); ++a) {
    for (std::size_t b = 0; b < 2 * nodes.size(); ++b) {
      const double q = 1 + u.u2[a] + v.u2[b];
      sum += u.weight[a] * v.weight[b] / (q * std::sqrt(q));
    }
  }
  const double half = 0.5 * ij_to_st_min(size);
  return half * half * sum;
}

// Angle in radians between the centers of two cells.
// REQUIRES: a and b are valid.  Max error: 1e-15 of the value, from the smallest distances to antipodes.
//
// A center has rational coordinates on the cube: with si = 2^31 s, u = (si^2 - 2^60) / (3 * 2^60). Scaled by 3 * 2^60
// they are integers of 62 bits, so that cross and dot products are exact in 128 bits.
inline double cell_distance(std::uint64_t a, std::uint64_t b) noexcept {
  using Wide = __int128;
  const auto center = [](std::uint64_t cell) {
    constexpr std::int64_t kOne = std::int64_t{1} << 60;
    const auto scaled_u = [](std::int64_t si) {
      const std::int64_t rest = kMaxSiTi - si;
      return si >= kMaxSiTi / 2 ? si * si - kOne : kOne - rest * rest;
    };
    const auto [si, ti] = cell_center_si_ti(cell);
    const std::int64_t u = scaled_u(si), v = scaled_u(ti), w = 3 * kOne;
    switch (cell_face(cell)) {
      case 0: return std::array<std::int64_t, 3>{w, u, v};
      case 1: return std::array<std::int64_t, 3>{-u, w, v};
      case 2: return std::array<std::int64_t, 3>{-u, -v, w};
      case 3: return std::array<std::int64_t, 3>{-w, -v, -u};
      case 4: return std::array<std::int64_t, 3>{v, -w, -u};
      default: return std::array<std::int64_t, 3>{v, u, -w};
    }
  };
  const auto p = center(a), q = center(b);
  const auto minor = [&](int k, int l) { return static_cast<double>(Wide{p[k]} * q[l] - Wide{p[l]} * q[k]); };
  const Point normal = {minor(1, 2), minor(2, 0), minor(0, 1)};
  const auto along = static_cast<double>(Wide{p[0]} * q[0] + Wide{p[1]} * q[1] + Wide{p[2]} * q[2]);
  return std::atan2(std::sqrt(dot(normal, normal)), along);
}

// Angle in radians between two positions in degrees.
// REQUIRES: |lat| <= 90, |lng| <= 360.  Max error: 1e-14 of the value, from millimetres to antipodes.
//
// Vincenty's arctangent for a sphere (Survey Review 23, 1975), with three changes that keep small distances: latitudes
// and longitudes are subtracted in degrees, where nothing is lost; cosines near the poles are sines of the rest to 90;
// and cos(lat1) sin(lat2) - sin(lat1) cos(lat2) cos(dlng) is written sin(dlat) + 2 sin(lat1) cos(lat2) sin^2(dlng / 2).
inline double latlng_distance(double lat1, double lng1, double lat2, double lng2) noexcept {
  struct SinCos {
    double sin, cos;
  };
  const auto sin_cos = [](double lat) -> SinCos {
    if (std::fabs(lat) <= 45) return {std::sin(degrees_to_radians(lat)), std::cos(degrees_to_radians(lat))};
    const double rest = degrees_to_radians(90 - std::fabs(lat));
    return {std::copysign(std::cos(rest), lat), std::sin(rest)};
  };
  const double difference = lng2 - lng1;  // and what its rounding lost:
  const double back = difference - lng2;
  const double lost = (lng2 - (difference - back)) - (lng1 + back);
  const double dlng = degrees_to_radians(std::remainder(difference, 360.0) + lost);
  const SinCos a = sin_cos(lat1), b = sin_cos(lat2);
  const double half = std::sin(0.5 * dlng);
  const double east = b.cos * std::sin(dlng);
  const double north = std::sin(degrees_to_radians(lat2 - lat1)) + 2 * a.sin * b.cos * half * half;
  const double along = a.sin * b.sin + a.cos * b.cos * std::cos(dlng);
  return std::atan2(std::sqrt(east * east + north * north), along);
}
inline Check check_latlng_distance(double lat1, double lng1, double lat2, double lng2) noexcept {
  return is_latlng(lat1, lng1) && is_latlng(lat2, lng2) ? Check::kOk : Check::kInvalid;
}

}  // namespace cellwise
