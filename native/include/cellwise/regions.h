// Latitude-longitude rectangles and caps, in radians, with the tests that a covering needs.
//
// A region answers three questions about cells. `contains(cell)` and `may_intersect(cell)` repeat Google's padded
// tests, release 0.14, operation for operation, because a covering is only equal to Google's if they are.
// `cell_union_bound` gives a few cells that contain the region, where a covering starts.

#pragma once

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <vector>

#include "cellwise/adjacency.h"
#include "cellwise/conversion.h"
#include "cellwise/hierarchy.h"
#include "cellwise/hilbert.h"
#include "cellwise/projection.h"

namespace cellwise {

inline constexpr double kHalfPi = kPi / 2;

// Bounds of a cell in the (u, v) plane of its face.
struct CellUV {
  std::uint64_t cell;
  int face;
  double u[2], v[2];
};

// REQUIRES: cell is valid.
inline CellUV cell_uv(std::uint64_t cell) noexcept {
  const FaceIJ at = cell_to_face_ij(cell);
  const std::int32_t size = level_size(cell_level(cell));
  const std::int32_t i = at.i & -size, j = at.j & -size;
  return {cell,
          at.face,
          {st_to_uv(ij_to_st_min(i)), st_to_uv(ij_to_st_min(i + size))},
          {st_to_uv(ij_to_st_min(j)), st_to_uv(ij_to_st_min(j + size))}};
}

// Vertex 0..3, counter-clockwise from (low u, low v), on the unit sphere.
inline Point cell_uv_vertex(const CellUV& c, int k) noexcept {
  return normalize(face_uv_to_xyz(c.face, c.u[(k >> 1) ^ (k & 1)], c.v[k >> 1]));
}

// Latitudes lo..hi; empty if lo > hi.
struct LatInterval {
  double lo, hi;
  bool is_empty() const noexcept { return lo > hi; }
  bool contains(const LatInterval& y) const noexcept { return y.is_empty() || (y.lo >= lo && y.hi <= hi); }
  bool intersects(const LatInterval& y) const noexcept {
    return lo <= y.lo ? y.lo <= hi && y.lo <= y.hi : lo <= y.hi && lo <= hi;
  }
};

// Longitudes lo..hi eastward; inverted (lo > hi) across 180. Full is -pi..pi, empty is pi..-pi.
struct LngInterval {
  double lo, hi;

  static LngInterval full() noexcept { return {-kPi, kPi}; }
  static LngInterval empty() noexcept { return {kPi, -kPi}; }
  // Both ends in -pi..pi; -pi alone means pi.
  static LngInterval make(double lo, double hi) noexcept {
    return {lo == -kPi && hi != kPi ? kPi : lo, hi == -kPi && lo != kPi ? kPi : hi};
  }
  // The shorter way round between two longitudes.
  static LngInterval between(double a, double b) noexcept {
    if (a == -kPi) a = kPi;
    if (b == -kPi) b = kPi;
    const double way = b - a >= 0 ? b - a : (b + kPi) - (a - kPi);
    return way <= kPi ? LngInterval{a, b} : LngInterval{b, a};
  }

  bool is_full() const noexcept { return lo == -kPi && hi == kPi; }
  bool is_empty() const noexcept { return lo == kPi && hi == -kPi; }
  bool is_inverted() const noexcept { return lo > hi; }
  double length() const noexcept {
    const double straight = hi - lo;
    if (straight >= 0) return straight;
    return straight + 2 * kPi > 0 ? straight + 2 * kPi : -1;
  }
  double center() const noexcept {
    const double center = 0.5 * (lo + hi);
    if (!is_inverted()) return center;
    return center <= 0 ? center + kPi : center - kPi;
  }
  LngInterval expanded(double margin) const noexcept {  // margin >= 0
    if (is_empty()) return *this;
    if (length() + 2 * margin + 2 * DBL_EPSILON >= 2 * kPi) return full();
    LngInterval wide = make(std::remainder(lo - margin, 2 * kPi), std::remainder(hi + margin, 2 * kPi));
    if (wide.lo <= -kPi) wide.lo = kPi;
    return wide;
  }
  bool contains(const LngInterval& y) const noexcept {
    if (is_inverted()) {
      if (y.is_inverted()) return y.lo >= lo && y.hi <= hi;
      return (y.lo >= lo || y.hi <= hi) && !is_empty();
    }
    if (y.is_inverted()) return is_full() || y.is_empty();
    return y.lo >= lo && y.hi <= hi;
  }
  bool intersects(const LngInterval& y) const noexcept {
    if (is_empty() || y.is_empty()) return false;
    if (is_inverted()) return y.is_inverted() || y.lo <= hi || y.hi >= lo;
    if (y.is_inverted()) return y.lo <= hi || y.hi >= lo;
    return y.lo <= hi && y.hi >= lo;
  }
};

struct LatLngBounds {
  LatInterval lat;
  LngInterval lng;
};

// Bounds that hold every point of the cell, roundings included: 2 * DBL_EPSILON wider than the vertices.
inline LatLngBounds cell_uv_bounds(const CellUV& c) noexcept {
  const auto widened = [](LatInterval lat, LngInterval lng, double lat_margin, double lng_margin) -> LatLngBounds {
    lat = {std::max(lat.lo - lat_margin, -kHalfPi), std::min(lat.hi + lat_margin, kHalfPi)};
    return {lat, lng.expanded(lng_margin)};
  };
  if (cell_level(c.cell) > 0) {
    // One diagonal has the extreme latitudes, the other the extreme longitudes. On the polar faces (2 and 5) the
    // corner farthest from the face's centre has the lowest |latitude|; elsewhere v or -u is along the z axis.
    const double u = c.u[0] + c.u[1], v = c.v[0] + c.v[1];
    // Does the face's u axis (v axis) have a z component?  u: faces 3 and 4; v: faces 0 and 1.
    const bool u_is_vertical = c.face == 3 || c.face == 4, v_is_vertical = c.face == 0 || c.face == 1;
    const int i = u_is_vertical ? u > 0 : u < 0;
    const int j = v_is_vertical ? v > 0 : v < 0;
    const auto corner = [&](int a, int b) { return face_uv_to_xyz(c.face, c.u[a], c.v[b]); };
    const double lat1 = point_lat(corner(i, j)), lat2 = point_lat(corner(1 - i, 1 - j));
    const double lng1 = point_lng(corner(i, 1 - j)), lng2 = point_lng(corner(1 - i, j));
    LatLngBounds bounds = widened({std::min(lat1, lat2), std::max(lat1, lat2)}, LngInterval::between(lng1, lng2),
                                  2 * DBL_EPSILON, 2 * DBL_EPSILON);
    if (bounds.lat.lo == -kHalfPi || bounds.lat.hi == kHalfPi) bounds.lng = LngInterval::full();
    return bounds;
  }
  constexpr double kQuarter = kPi / 4;
  const double pole_min_lat = std::asin(std::sqrt(1. / 3)) - 0.5 * DBL_EPSILON;
  switch (c.face) {
    case 0: return widened({-kQuarter, kQuarter}, {-kQuarter, kQuarter}, DBL_EPSILON, 0);
    case 1: return widened({-kQuarter, kQuarter}, {kQuarter, 3 * kQuarter}, DBL_EPSILON, 0);
    case 2: return widened({pole_min_lat, kHalfPi}, LngInterval::full(), DBL_EPSILON, 0);
    case 3: return widened({-kQuarter, kQuarter}, {3 * kQuarter, -3 * kQuarter}, DBL_EPSILON, 0);
    case 4: return widened({-kQuarter, kQuarter}, {-3 * kQuarter, -kQuarter}, DBL_EPSILON, 0);
    default: return widened({-kHalfPi, -pole_min_lat}, LngInterval::full(), DBL_EPSILON, 0);
  }
}

// Squared length of the chord between two unit points.
inline double chord2(const Point& a, const Point& b) noexcept {
  const Point d = {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
  return std::min(4.0, dot(d, d));
}

inline double angle_to_chord2(double radians) noexcept {
  const double length = 2 * std::sin(0.5 * std::min(kPi, radians));
  return length * length;
}
inline double chord2_to_angle(double length2) noexcept { return 2 * std::asin(0.5 * std::sqrt(length2)); }

// Finest level whose cells are all at least `radians` wide, clamped to 0..30.
inline std::int32_t level_for_min_width(double radians) noexcept {
  if (!(radians > 0)) return kMaxLevel;
  const double kMinWidth = 2 * std::sqrt(2.0) / 3;
  return std::clamp(std::ilogb(kMinWidth / radians), 0, kMaxLevel);
}

// All points within an angle of the centre, by the squared chord: negative is empty, 4 is the full sphere.
struct Cap {
  Point center;
  double radius2;

  bool is_empty() const noexcept { return radius2 < 0; }
  bool contains(const Point& p) const noexcept { return chord2(center, p) <= radius2; }
  void add(const Point& p) noexcept { radius2 = std::max(radius2, chord2(center, p)); }

  bool contains(const CellUV& c) const noexcept {
    Point vertices[4];
    for (int k = 0; k < 4; ++k) {
      vertices[k] = cell_uv_vertex(c, k);
      if (!contains(vertices[k])) return false;
    }
    return !complement().intersects(c, vertices);
  }

  bool may_intersect(const CellUV& c) const noexcept {
    Point vertices[4];
    for (int k = 0; k < 4; ++k) {
      vertices[k] = cell_uv_vertex(c, k);
      if (contains(vertices[k])) return true;
    }
    return intersects(c, vertices);
  }

  void cell_union_bound(std::vector<std::uint64_t>& cells) const {
    cells.clear();
    if (is_empty()) return;
    const std::int32_t level = level_for_min_width(chord2_to_angle(radius2)) - 1;
    if (level < 0) {
      for (std::uint64_t face = 0; face < 6; ++face) cells.push_back(face << 61 | level_bit(0));
      return;
    }
    cells.resize(4);
    cells.resize(
        static_cast<std::size_t>(CellVertexNeighbors::fill(point_to_cell(center, kMaxLevel), level, cells.data())));
  }

 private:
  Cap complement() const noexcept {
    if (radius2 == 4) return {{1, 0, 0}, -1};
    if (is_empty()) return {{1, 0, 0}, 4};
    return {{-center[0], -center[1], -center[2]}, std::min(4.0, 4 - radius2)};
  }

  // Does the cap meet the cell anywhere but at its vertices?
  bool intersects(const CellUV& c, const Point* vertices) const noexcept {
    if (radius2 >= 2) return false;  // both are convex: no vertex inside, no point inside
    if (is_empty()) return false;
    if (cell_uv_contains(c, center)) return true;
    const double sin2 = radius2 * (1 - 0.25 * radius2);
    for (int k = 0; k < 4; ++k) {
      const Point edge = edge_normal(c, k);
      const double side = dot(center, edge);
      if (side > 0) continue;  // the centre lies on the inner side: the opposite edge decides
      if (side * side > sin2 * dot(edge, edge)) return false;
      const Point direction = cross(edge, center);
      if (dot(direction, vertices[k]) < 0 && dot(direction, vertices[(k + 1) & 3]) > 0) return true;
    }
    return false;
  }

  static bool cell_uv_contains(const CellUV& c, const Point& p) noexcept {
    if (c.face < 3 ? p[c.face] <= 0 : p[c.face - 3] >= 0) return false;
    const FaceUV at = xyz_to_given_face_uv(c.face, p);
    constexpr double kMargin = (5 / 3.) * DBL_EPSILON;
    return c.u[0] - kMargin <= at.u && at.u <= c.u[1] + kMargin && c.v[0] - kMargin <= at.v && at.v <= c.v[1] + kMargin;
  }

  // Inward normal of edge k: bottom, right, top, left.
  static Point edge_normal(const CellUV& c, int k) noexcept {
    const auto negated = [](const Point& p) -> Point { return {-p[0], -p[1], -p[2]}; };
    switch (k) {
      case 0: return v_normal(c.face, c.v[0]);
      case 1: return u_normal(c.face, c.u[1]);
      case 2: return negated(v_normal(c.face, c.v[1]));
      default: return negated(u_normal(c.face, c.u[0]));
    }
  }
  static Point u_normal(int face, double u) noexcept {
    switch (face) {
      case 0: return {u, -1, 0};
      case 1: return {1, u, 0};
      case 2: return {1, 0, u};
      case 3: return {-u, 0, 1};
      case 4: return {0, -u, 1};
      default: return {0, -1, -u};
    }
  }
  static Point v_normal(int face, double v) noexcept {
    switch (face) {
      case 0: return {-v, 0, 1};
      case 1: return {0, -v, 1};
      case 2: return {0, -1, -v};
      case 3: return {v, -1, 0};
      case 4: return {1, v, 0};
      default: return {1, 0, v};
    }
  }
};

struct Rect {
  LatInterval lat;
  LngInterval lng;

  bool contains(const CellUV& c) const noexcept {
    const LatLngBounds bounds = cell_uv_bounds(c);
    return lat.contains(bounds.lat) && lng.contains(bounds.lng);
  }
  bool may_intersect(const CellUV& c) const noexcept {
    const LatLngBounds bounds = cell_uv_bounds(c);
    return lat.intersects(bounds.lat) && lng.intersects(bounds.lng);
  }

  // The smaller of a cap round the nearer pole and, up to half a turn of longitude, one round the centre.
  Cap cap_bound() const noexcept {
    if (lat.is_empty()) return {{1, 0, 0}, -1};
    const bool south = lat.lo + lat.hi < 0;
    const double pole_angle = south ? kHalfPi + lat.hi : kHalfPi - lat.lo;
    const Cap pole_cap = {{0, 0, south ? -1.0 : 1.0}, angle_to_chord2((1 + 2 * DBL_EPSILON) * pole_angle)};
    if (lng.length() <= kPi) {
      Cap center_cap = {radians_to_point(0.5 * (lat.lo + lat.hi), lng.center()), 0};
      for (const double a : {lat.lo, lat.hi}) {
        for (const double b : {lng.lo, lng.hi}) center_cap.add(radians_to_point(a, b));
      }
      if (0.5 * center_cap.radius2 < 0.5 * pole_cap.radius2) return center_cap;
    }
    return pole_cap;
  }

  void cell_union_bound(std::vector<std::uint64_t>& cells) const { cap_bound().cell_union_bound(cells); }
};

// Sorted, disjoint cells as a region.
struct CellRange {
  const std::uint64_t* cells;
  std::int64_t n;

  const std::uint64_t* first_not_before(std::uint64_t cell) const noexcept {
    return std::lower_bound(cells, cells + n, cell,
                            [](std::uint64_t a, std::uint64_t b) { return cell_range_max(a) < cell_range_min(b); });
  }
  bool contains(const CellUV& c) const noexcept {
    const std::uint64_t* at = first_not_before(c.cell);
    return at != cells + n && cell_contains(*at, c.cell);
  }
  bool may_intersect(const CellUV& c) const noexcept {
    const std::uint64_t* at = first_not_before(c.cell);
    return at != cells + n && cell_intersects(*at, c.cell);
  }

  // Round the centroid of the cells, weighted by their average area, wide enough for the caps of all of them.
  Cap cap_bound() const noexcept {
    if (n == 0) return {{1, 0, 0}, -1};
    Point centroid = {0, 0, 0};
    for (std::int64_t k = 0; k < n; ++k) {
      const double area = std::ldexp(4 * kPi / 6, -2 * cell_level(cells[k]));
      const Point p = cell_to_point(cells[k]);
      for (int axis = 0; axis < 3; ++axis) centroid[axis] += area * p[axis];
    }
    const bool balanced = centroid[0] == 0 && centroid[1] == 0 && centroid[2] == 0;
    Cap cap = {balanced ? Point{1, 0, 0} : normalize(centroid), 0};
    for (std::int64_t k = 0; k < n; ++k) {
      const CellUV c = cell_uv(cells[k]);
      Cap other = {normalize(face_uv_to_xyz(c.face, 0.5 * (c.u[0] + c.u[1]), 0.5 * (c.v[0] + c.v[1]))), 0};
      for (int vertex = 0; vertex < 4; ++vertex) other.add(cell_uv_vertex(c, vertex));
      cap.radius2 = std::max(cap.radius2, rounded_up_sum(chord2(cap.center, other.center), other.radius2));
    }
    return cap;
  }

  void cell_union_bound(std::vector<std::uint64_t>& out) const { cap_bound().cell_union_bound(out); }

 private:
  // Squared chord of the sum of two angles, with room for rounding.
  static double rounded_up_sum(double a2, double b2) noexcept {
    double sum = 4;
    if (b2 == 0) {
      sum = a2;
    } else if (a2 + b2 < 4) {
      const double x = a2 * (1 - 0.25 * b2), y = b2 * (1 - 0.25 * a2);
      sum = std::min(4.0, x + y + 2 * std::sqrt(x * y));
    }
    constexpr double kRelativeSumError = 2.02 * DBL_EPSILON;
    return std::clamp(sum + (2 * DBL_EPSILON + kRelativeSumError) * sum, 0.0, 4.0);
  }
};

}  // namespace cellwise
