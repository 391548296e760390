// Rectangles of latitude and longitude as regions. They repeat Google's tests, as cap.h does.

#pragma once

#include <cfloat>
#include <cstdint>
#include <vector>

#include "cellwise/angles.h"
#include "cellwise/cap.h"
#include "cellwise/cell_uv.h"
#include "cellwise/intervals.h"
#include "cellwise/projection.h"
#include "cellwise/region.h"

namespace cellwise {

// Latitudes and longitudes in radians.
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

  // The smaller of a cap around the nearer pole and, up to 180 degrees of longitude, a cap around the center.
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

static_assert(CellRegion<Rect>);

}  // namespace cellwise
