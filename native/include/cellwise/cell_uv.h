// Cells in the (u, v) plane of their faces, and their bounds in latitude and longitude.

#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>

#include "cellwise/face_segments.h"
#include "cellwise/hierarchy.h"
#include "cellwise/hilbert.h"
#include "cellwise/intervals.h"
#include "cellwise/projection.h"

namespace cellwise {

// The bounds of a cell in the (u, v) plane of its face.
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

// The cell's bounds in (u, v), `margin` larger on all sides.
inline UVRect expanded(const CellUV& c, double margin) noexcept {
  return {{c.u[0] - margin, c.u[1] + margin}, {c.v[0] - margin, c.v[1] + margin}};
}

// Vertex 0..3, counter-clockwise from (low u, low v), on the unit sphere.
inline Point cell_uv_vertex(const CellUV& c, int k) noexcept {
  return normalize(face_uv_to_xyz(c.face, c.u[(k >> 1) ^ (k & 1)], c.v[k >> 1]));
}

// Bounds that contain every point of the cell, rounding errors included: 2 * DBL_EPSILON wider than the vertices.
inline LatLngBounds cell_uv_bounds(const CellUV& c) noexcept {
  const auto widened = [](LatInterval lat, LngInterval lng, double lat_margin, double lng_margin) -> LatLngBounds {
    lat = {std::max(lat.lo - lat_margin, -kHalfPi), std::min(lat.hi + lat_margin, kHalfPi)};
    return {lat, lng.expanded(lng_margin)};
  };
  if (cell_level(c.cell) > 0) {
    // One diagonal has the extreme latitudes, the other the extreme longitudes. On the polar faces (2 and 5) the
    // corner farthest from the face's center has the lowest |latitude|; elsewhere v or -u is along the z axis.
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

}  // namespace cellwise
