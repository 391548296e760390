// Which positions lie in a planar geometry, exactly.
//
// Coordinates are taken as the exact numbers that the doubles are. A position belongs to a geometry if it lies on one
// of its points, lines or edges, or if a ray to the east crosses the edges of its rings an odd number of times.

#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cellwise/box_tree.h"
#include "cellwise/double2.h"
#include "cellwise/planar.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"

namespace cellwise {

// On which side of the line from a to b the position p lies: 1 on its left, 0 on it, -1 on its right.
// REQUIRES: latitudes in -90..90, longitudes in -1080..1080.
inline int planar_side(const LngLat& a, const LngLat& b, const LngLat& p) noexcept {
  const double left = (b.lng - a.lng) * (p.lat - a.lat), right = (p.lng - a.lng) * (b.lat - a.lat);
  // Source: J. R. Shewchuk, Adaptive Precision Floating-Point Arithmetic, Discrete and Computational Geometry 18, 1997.
  const double bound = (3 + 16 * DBL_EPSILON) * (0.5 * DBL_EPSILON) * (std::fabs(left) + std::fabs(right)) + DBL_MIN;
  if (std::fabs(left - right) > bound) return left > right ? 1 : -1;
  constexpr double kScale = 0x1p-11;  // factors of an ExactSum are smaller than 2
  const double ax = kScale * a.lng, ay = kScale * a.lat, bx = kScale * b.lng, by = kScale * b.lat;
  const double px = kScale * p.lng, py = kScale * p.lat;
  ExactSum sum;
  sum.add(bx, py);
  sum.subtract(bx, ay);
  sum.subtract(ax, py);
  sum.subtract(px, by);
  sum.add(px, ay);
  sum.add(ax, by);
  return sum.sign();
}

class PlanarMembership {
 public:
  // Chain k has the vertices offsets[k] .. offsets[k + 1] - 1; rings may be closed or not.
  PlanarMembership(std::span<const LngLat> positions, std::span<const std::int64_t> offsets,
                   std::span<const std::uint8_t> roles) {
    for (std::size_t k = 0; k < roles.size(); ++k) {
      const auto first = static_cast<std::size_t>(offsets[k]), end = static_cast<std::size_t>(offsets[k + 1]);
      if (first == end) continue;
      const bool of_ring = roles[k] != kLineRole;
      for (std::size_t v = first + 1; v < end; ++v) edges_.push_back({positions[v - 1], positions[v], of_ring});
      if (of_ring || end == first + 1) edges_.push_back({positions[end - 1], positions[first], of_ring});
    }
    tree_.assign(edges_.size(), [&](std::size_t k) {
      const auto& [a, b, of_ring] = edges_[k];
      return Box::of_segment(Double2{a.lng, a.lat}, Double2{b.lng, b.lat}, 0);
    });
  }

  // Whether the geometry contains the position, or one whole turns of longitude from it; its border belongs to it. A
  // pole is one place with every longitude.
  bool operator()(double lat, double lng) const noexcept {
    if (tree_.empty()) return false;
    const Box& all = tree_.box(0);
    if (lat < all.y_lo || lat > all.y_hi) return false;
    if (std::fabs(lat) == 90) return true;
    for (int turns = -2; turns <= 2; ++turns) {
      const double x = lng + 360.0 * turns;
      if (x >= all.x_lo && x <= all.x_hi && contains_here({x, lat})) return true;
    }
    return false;
  }

 private:
  struct Edge {
    LngLat a, b;
    bool of_ring;
  };

  bool contains_here(const LngLat& p) const noexcept {
    bool odd = false, on_edge = false;
    tree_.visit(0, [&](std::uint32_t node) {
      const Box& box = tree_.box(node);
      if (on_edge || p.lat < box.y_lo || p.lat > box.y_hi || p.lng > box.x_hi) return false;
      if (!tree_.is_item(node)) return true;
      const auto& [a, b, of_ring] = edges_[tree_.item(node)];
      const bool crosses = of_ring && (a.lat <= p.lat) != (b.lat <= p.lat);
      if (p.lng < box.x_lo) {
        odd ^= crosses;
        return false;
      }
      const int side = planar_side(a, b, p);
      on_edge |= side == 0;
      odd ^= crosses && (side > 0) == (a.lat < b.lat);
      return false;
    });
    return odd || on_edge;
  }

  std::vector<Edge> edges_;
  BoxTree tree_;
};

// The area of the polygons of a planar geometry, in steradians: between an edge and the equator lies the integral of
// sin(lat) over longitude, and a ring's sum is the area within.
inline double planar_area(std::span<const LngLat> positions, std::span<const std::int64_t> offsets,
                          std::span<const std::uint8_t> roles) noexcept {
  double total = 0;
  for (std::size_t k = 0; k < roles.size(); ++k) {
    if (roles[k] == kLineRole) continue;
    const auto first = static_cast<std::size_t>(offsets[k]), end = static_cast<std::size_t>(offsets[k + 1]);
    double swept = 0;
    for (std::size_t v = first; v < end; ++v) {
      const LngLat &a = positions[v], &b = positions[v + 1 < end ? v + 1 : first];
      const double lat1 = degrees_to_radians(a.lat), lat2 = degrees_to_radians(b.lat);
      const double half = 0.5 * (lat2 - lat1), ratio = half != 0 ? std::sin(half) / half : 1;
      swept += (degrees_to_radians(b.lng) - degrees_to_radians(a.lng)) * std::sin(0.5 * (lat1 + lat2)) * ratio;
    }
    total += roles[k] == kHoleRole ? -std::fabs(swept) : std::fabs(swept);
  }
  return std::max(total, 0.0);
}

}  // namespace cellwise
