// A floating-point filter for polygons: it certifies that they are valid as GIS programs understand it (OGC Simple
// Features, 6.1.11).
//
// They are if no rings intersect, but for the touching that `ring_intersection_filter.h` allows. Polygons that touch
// elsewhere are undecided, and so are those that are invalid: they need an exact check, which also says why.

#pragma once

#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cellwise/planar.h"
#include "cellwise/ring_intersection_filter.h"

namespace cellwise {

// Positions in degrees. Coordinates are exact; only the arithmetic on them is not.
struct DegreesPlane {
  using Position = LngLat;
  static constexpr double kMargin = 0;

  static double x(const LngLat& p) noexcept { return p.lng; }
  static double y(const LngLat& p) noexcept { return p.lat; }
  static bool same(const LngLat& a, const LngLat& b) noexcept { return a.lng == b.lng && a.lat == b.lat; }
  static bool long_enough(double, double) noexcept { return true; }
  static int side(const LngLat& a, const LngLat& b, const LngLat& c) noexcept {
    return certified_sign((a.lng - c.lng) * (b.lat - c.lat), (a.lat - c.lat) * (b.lng - c.lng));
  }
  static bool continues(const LngLat& a, const LngLat& b, const LngLat& c) noexcept {
    return certified_sign((b.lng - a.lng) * (c.lng - b.lng), -((b.lat - a.lat) * (c.lat - b.lat))) > 0;
  }

 private:
  // The sign of x - y, each of them the product of two differences: 1, -1, or 0 if undecided.
  // Source: J. R. Shewchuk, Adaptive Precision Floating-Point Arithmetic, Discrete and Computational Geometry 18, 1997.
  static int certified_sign(double x, double y) noexcept {
    const double bound = (3 + 16 * DBL_EPSILON) * (0.5 * DBL_EPSILON) * (std::fabs(x) + std::fabs(y)) + DBL_MIN;
    return (x - y > bound) - (x - y < -bound);
  }
};

// For the rings of one row after another; reuses its memory.
class SimpleFeaturesFilter {
 public:
  // Chain k has the vertices offsets[k] .. offsets[k + 1]; a ring may be closed or not, and a hole follows its shell.
  // True: coordinates are in range, no edge spans more than 180 degrees of longitude except for 360, and either the
  // rings are certain to make valid polygons or there are only lines. False: there is nothing, or the rings are
  // undecided, as they always are among lines.
  bool is_certified(std::span<const LngLat> positions, std::span<const std::int64_t> offsets,
                    std::span<const std::uint8_t> roles) {
    vertices_.clear();
    ends_.clear();
    bool any_line = false;
    for (std::size_t k = 0; k < roles.size(); ++k) {
      const auto first = static_cast<std::size_t>(offsets[k]), end = static_cast<std::size_t>(offsets[k + 1]);
      const auto chain = positions.subspan(first, end - first);
      bool in_range = true;
      for (const LngLat& at : chain) in_range &= at.is_in_range();
      for (std::size_t v = 1; v < chain.size(); ++v) {
        const double d_lng = std::fabs(chain[v].lng - chain[v - 1].lng);
        in_range &= (d_lng <= 180) | (d_lng == 360);
      }
      if (!in_range) return false;
      if (roles[k] == kLineRole) {
        any_line = true;
      } else {
        copy_ring(chain);
        ends_.push_back(static_cast<std::uint32_t>(vertices_.size()));
      }
    }
    if (ends_.empty()) return any_line;
    if (any_line) return false;
    rings_.reset(vertices_);
    std::uint32_t first = 0;
    for (std::size_t k = 0; k < ends_.size(); ++k) {
      if (ends_[k] == first || !rings_.add_ring(first, ends_[k] - 1, roles[k] == kHoleRole)) return false;
      first = ends_[k];
    }
    return rings_.are_certified();
  }

 private:
  // Copies a ring without repeated vertices, its first vertex repeated at its end.
  void copy_ring(std::span<const LngLat> ring) {
    if (ring.empty()) return;
    const std::size_t first = vertices_.size();
    vertices_.resize(first + ring.size() + 1);
    LngLat* to = vertices_.data() + first;
    *to = ring[0];
    for (std::size_t k = 1; k <= ring.size(); ++k) {
      const LngLat& at = ring[k < ring.size() ? k : 0];
      if (!DegreesPlane::same(at, *to)) *++to = at;
    }
    vertices_.resize(static_cast<std::size_t>(to - vertices_.data()) + 1);
  }

  std::vector<LngLat> vertices_;  // of all rings
  std::vector<std::uint32_t> ends_;  // of rings
  RingIntersectionFilter<DegreesPlane> rings_;
};

}  // namespace cellwise
