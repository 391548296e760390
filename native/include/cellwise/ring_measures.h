// Rings of geodesics: orientation, area, membership.
//
// A ring divides the sphere in two. The side on its left is the one that it runs around counter-clockwise.

#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <span>

#include "cellwise/predicates.h"
#include "cellwise/projection.h"

namespace cellwise {

using Ring = std::span<const Point>;

namespace internal {

// Compensated summation: keeps the rounding errors of all additions (Neumaier).
class CompensatedSum {
 public:
  void add(double x) noexcept {
    const double next = sum_ + x;
    lost_ += std::fabs(sum_) >= std::fabs(x) ? (sum_ - next) + x : (x - next) + sum_;
    sum_ = next;
  }
  double value() const noexcept { return sum_ + lost_; }

 private:
  double sum_ = 0, lost_ = 0;
};

// The change of direction at b, counter-clockwise positive, in -pi..pi.
inline double turn_angle(const Point& a, const Point& b, const Point& c) noexcept {
  const Point in = robust_cross(a, b), out = robust_cross(b, c);
  const Point both = cross(in, out);
  const double angle = std::atan2(std::sqrt(dot(both, both)), dot(in, out));
  return turn(a, b, c) > 0 ? angle : -angle;
}

// The signed solid angle of a triangle.
// REQUIRES: b and c lie within a right angle of a.
inline double triangle_area(const Point& a, const Point& b, const Point& c) noexcept {
  return 2 * std::atan2(dot(a, cross(b - a, c - a)), 1 + dot(a, b) + dot(b, c) + dot(c, a));
}

}  // namespace internal

// 2 pi minus the area on the ring's left: the sum of all turns. Max error: 11.25 * DBL_EPSILON a vertex.
// REQUIRES: three or more vertices, neighbors differ.
inline double ring_curvature(Ring ring) noexcept {
  internal::CompensatedSum sum;
  const std::size_t n = ring.size();
  for (std::size_t k = 0; k < n; ++k) sum.add(internal::turn_angle(ring[(k + n - 1) % n], ring[k], ring[(k + 1) % n]));
  return std::clamp(sum.value(), -2 * kPi, 2 * kPi);
}

// True if all vertices are well within a right angle of the first: then so are all edges, and so is the ring's smaller
// side.
inline bool ring_is_local(Ring ring) noexcept {
  return std::all_of(ring.begin(), ring.end(), [&](const Point& p) { return dot(ring[0], p) > 0.5; });
}

// Whether the side on the ring's left contains p. Exact; vertices are semi-open.
// REQUIRES: three or more vertices, neighbors differ.
inline bool ring_left_contains(Ring ring, const Point& p) noexcept {
  const std::size_t n = ring.size();
  bool inside = corner_contains_vertex(ring[n - 1], ring[0], ring[1]);
  if (ring[0] == p) return inside;
  const EdgeCrosser crosser(ring[0], p);
  for (std::size_t k = 0; k < n; ++k) inside ^= crosser.crosses(ring[k], ring[k + 1 == n ? 0 : k + 1]);
  return inside;
}

// The point from which Google counts crossings.
inline constexpr Point kOrigin = {-0.0099994664350250197, 0.0025924542609324121, 0.99994664350250195};

// Whether the ring's left is its smaller side. If both sides are equal up to rounding errors, the one without `kOrigin`
// counts as the smaller one, so that the answer does not depend on the ring's direction.
// REQUIRES: three or more vertices, neighbors differ.
inline bool ring_left_is_smaller(Ring ring) noexcept {
  if (ring_is_local(ring)) {
    // A point almost opposite to the first vertex, but not quite, so that no edge of the test has antipodal ends.
    const Point aside = reference_direction(ring[0]);
    Point far;
    for (int k = 0; k < 3; ++k) far[k] = 0.25 * aside[k] - ring[0][k];
    return !ring_left_contains(ring, normalize(far));
  }
  const double curvature = ring_curvature(ring);
  const double error = 11.25 * DBL_EPSILON * static_cast<double>(ring.size());
  if (std::fabs(curvature) <= error) return !ring_left_contains(ring, kOrigin);
  return curvature > 0;
}

// The solid angle on the ring's left; for a hole, minus the one on its right, so that small holes keep their digits.
// REQUIRES: three or more vertices, neighbors differ; `left_is_smaller` is known.
// Max error: 1e-15 a vertex of the area of the ring's triangles for local rings, 2.5e-15 sr a vertex for others.
inline double ring_area(Ring ring, bool left_is_smaller, bool hole) noexcept {
  if (!ring_is_local(ring)) return (hole ? -2 : 2) * kPi - ring_curvature(ring);
  internal::CompensatedSum sum;
  for (std::size_t k = 1; k + 1 < ring.size(); ++k) sum.add(internal::triangle_area(ring[0], ring[k], ring[k + 1]));
  if (left_is_smaller) return std::max(0.0, sum.value()) - (hole ? 4 * kPi : 0);
  return std::min(0.0, sum.value()) + (hole ? 0 : 4 * kPi);
}

}  // namespace cellwise
