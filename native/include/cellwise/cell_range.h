// Sets of cells as regions. They repeat Google's tests, as cap.h does.

#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <vector>

#include "cellwise/angles.h"
#include "cellwise/cap.h"
#include "cellwise/cell_uv.h"
#include "cellwise/conversion.h"
#include "cellwise/hierarchy.h"
#include "cellwise/projection.h"
#include "cellwise/region.h"

namespace cellwise {

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

  // A cap around the centroid of the cells, weighted by their average areas, that contains the caps of all of them.
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
  // The squared chord of the sum of two angles, with a margin for rounding errors.
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

static_assert(CellRegion<CellRange>);

}  // namespace cellwise
