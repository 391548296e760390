// Caps as regions.
//
// `contains(cell)` and `may_intersect(cell)` repeat Google's tests, release 0.14, operation for operation, because a
// covering is equal to Google's only if they do. `cell_union_bound` gives a few cells that contain the region, from
// which a covering starts.

#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cellwise/adjacency.h"
#include "cellwise/angles.h"
#include "cellwise/cell_uv.h"
#include "cellwise/conversion.h"
#include "cellwise/hierarchy.h"
#include "cellwise/projection.h"
#include "cellwise/region.h"

namespace cellwise {

// The finest level whose cells are all at least `radians` wide, clamped to 0..30.
inline std::int32_t level_for_min_width(double radians) noexcept {
  if (!(radians > 0)) return kMaxLevel;
  const double kMinWidth = 2 * std::sqrt(2.0) / 3;
  return std::clamp(std::ilogb(kMinWidth / radians), 0, kMaxLevel);
}

// All points within an angle of the center, by its squared chord: negative for the empty cap, 4 for the full sphere.
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

  // Does the cap intersect the cell?  REQUIRES: no vertex is in the cap.
  bool intersects(const CellUV& c, const Point* vertices) const noexcept {
    if (radius2 >= 2)
      return false;  // the complement is convex, so that it contains the cell if it contains the vertices
    if (is_empty()) return false;
    if (cell_uv_contains(c, center)) return true;
    const double sin2 = radius2 * (1 - 0.25 * radius2);
    for (int k = 0; k < 4; ++k) {
      const Point edge = edge_normal(c, k);
      const double side = dot(center, edge);
      if (side > 0) continue;  // the center is on the inner side of this edge
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

  // The inward normal of edge k: bottom, right, top, left.
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

static_assert(CellRegion<Cap>);

}  // namespace cellwise
