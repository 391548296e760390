// Polylines whose edges are geodesics, as regions.

#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cellwise/cell_uv.h"
#include "cellwise/face_segments.h"
#include "cellwise/intervals.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"
#include "cellwise/rect.h"
#include "cellwise/region.h"

namespace cellwise {

// Bounds of a chain of geodesics, with margins for rounding errors: those of Google's S2LatLngRectBounder.
inline Rect chain_bounds(std::span<const Point> points) noexcept {
  Rect bound = {{1, 0}, LngInterval::empty()};
  const auto add = [&](const LatInterval& lat, const LngInterval& lng) {
    const LatInterval both = {std::min(bound.lat.lo, lat.lo), std::max(bound.lat.hi, lat.hi)};
    bound.lat = bound.lat.is_empty() ? lat : both;
    bound.lng = united(bound.lng, lng);
  };
  for (std::size_t k = 0; k < points.size(); ++k) {
    const Point& b = points[k];
    const double b_lat = point_lat(b);
    double b_lng = point_lng(b);
    if (k == 0) {
      if (b_lng == -kPi) b_lng = kPi;
      add({b_lat, b_lat}, {b_lng, b_lng});
      continue;
    }
    const Point& a = points[k - 1];
    const Point normal = cross(a - b, a + b);
    const double size = std::sqrt(dot(normal, normal));
    LatInterval lat = {std::min(point_lat(a), b_lat), std::max(point_lat(a), b_lat)};
    LngInterval lng = LngInterval::between(point_lng(a), b_lng);
    if (size < 1.91346e-15) {  // the ends are nearly equal or nearly opposite
      if (dot(a, b) < 0) {
        bound = {{-kHalfPi, kHalfPi}, LngInterval::full()};
      } else {
        add(lat, lng);
      }
      continue;
    }
    if (lng.length() >= kPi - 2 * DBL_EPSILON) lng = LngInterval::full();
    // The highest and lowest latitudes of the great circle lie on the plane through its normal and the axis; m is a
    // normal of that plane.
    const Point m = cross(normal, {0, 0, 1});
    const double m_a = dot(m, a), m_b = dot(m, b);
    const double error = 6.06638e-16 * size + 6.83174e-31;
    if (m_a * m_b < 0 || std::fabs(m_a) <= error || std::fabs(m_b) <= error) {
      const double across = std::sqrt(normal[0] * normal[0] + normal[1] * normal[1]);
      const double max_lat = std::min(std::atan2(across, std::fabs(normal[2])) + 3 * DBL_EPSILON, kHalfPi);
      const Point d = a - b;
      const double reach_z = 0.5 * std::sqrt(dot(d, d)) * std::sin(max_lat);
      const double reach = 2 * std::asin(std::min((1 + 4 * DBL_EPSILON) * reach_z, 1.0));
      const double beyond = 0.5 * (reach - (lat.hi - lat.lo)) + DBL_EPSILON;
      if (m_a <= error && m_b >= -error) lat.hi = std::min(max_lat, lat.hi + beyond);
      if (m_b <= error && m_a >= -error) lat.lo = std::max(-max_lat, lat.lo - beyond);
    }
    add(lat, lng);
  }
  if (bound.lat.is_empty()) return bound;
  bound.lat = {std::max(bound.lat.lo - 2 * DBL_EPSILON, -kHalfPi), std::min(bound.lat.hi + 2 * DBL_EPSILON, kHalfPi)};
  bound.lng = bound.lng.expanded(0);
  if (bound.lat.lo == -kHalfPi || bound.lat.hi == kHalfPi) bound.lng = LngInterval::full();
  return bound;
}

// A polyline as a region: a cell intersects it if it contains a vertex, with a margin for rounding errors, or if an
// edge of one crosses an edge of the other. No cell is contained in it. REQUIRES: neighbors differ and are not
// antipodal.
class PolylineRegion {
 public:
  explicit PolylineRegion(std::span<const Point> points) : points_(points) {}

  bool contains(const CellUV&) const noexcept { return false; }

  bool may_intersect(const CellUV& c) const noexcept {
    for (const Point& p : points_) {
      if (holds(c, p)) return true;
    }
    Point corners[4];
    for (int k = 0; k < 4; ++k) corners[k] = cell_uv_vertex(c, k);
    for (int k = 0; k < 4; ++k) {
      const EdgeCrosser crosser(corners[k], corners[(k + 1) & 3]);
      for (std::size_t v = 1; v < points_.size(); ++v) {
        if (crosser.crossing(points_[v - 1], points_[v]) >= 0) return true;
      }
    }
    return false;
  }

  void cell_union_bound(std::vector<std::uint64_t>& cells) const { chain_bounds(points_).cell_union_bound(cells); }

 private:
  static bool holds(const CellUV& c, const Point& p) noexcept {
    if (c.face < 3 ? p[c.face] <= 0 : p[c.face - 3] >= 0) return false;
    const FaceUV at = xyz_to_given_face_uv(c.face, p);
    const UVRect rect = expanded(c, (5 / 3.) * DBL_EPSILON);
    return rect.u.contains(at.u) && rect.v.contains(at.v);
  }

  std::span<const Point> points_;
};

static_assert(CellRegion<PolylineRegion>);

}  // namespace cellwise
