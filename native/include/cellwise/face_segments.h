// Segments on the plane of a face, where geodesics are straight: which rectangles they intersect, and what they cross.

#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "cellwise/double2.h"

namespace cellwise {

struct UV {
  double u, v;
};

struct Interval {
  double lo, hi;
  bool contains(double x) const noexcept { return lo <= x && x <= hi; }
  double clamped(double x) const noexcept { return std::max(lo, std::min(hi, x)); }
};

struct UVRect {
  Interval u, v;
  bool contains(const UV& p) const noexcept { return u.contains(p.u) && v.contains(p.v); }
};

// Max error of `segment_intersects`, as a distance.
inline constexpr double kSegmentIntersectsError = 3 * std::numbers::sqrt2 * DBL_EPSILON;

// Does the segment ab intersect the rectangle?
inline bool segment_intersects(const UV& a, const UV& b, const UVRect& rect) noexcept {
  const double nu = -(b.v - a.v), nv = b.u - a.u;
  // The corner on the far side is the one with the larger product, whatever the signs.
  const double u1 = nu * (rect.u.lo - a.u), u2 = nu * (rect.u.hi - a.u), v1 = nv * (rect.v.lo - a.v),
               v2 = nv * (rect.v.hi - a.v);
  return (std::min(a.u, b.u) <= rect.u.hi) & (std::max(a.u, b.u) >= rect.u.lo) & (std::min(a.v, b.v) <= rect.v.hi) &
         (std::max(a.v, b.v) >= rect.v.lo) & (std::max(u1, u2) + std::max(v1, v2) >= 0) &
         (std::min(u1, u2) + std::min(v1, v2) <= 0);
}

// `segment_intersects` for the four children of a rectangle at once: two halves in u by two in v, each `padding` larger
// on all sides.
class ChildTest {
 public:
  ChildTest(const double (&u)[3], const double (&v)[3], double padding) noexcept
      : u_lo_{u[0] - padding, u[1] - padding}, u_hi_{u[1] + padding, u[2] + padding},
        v_lo_{v[0] - padding, v[1] - padding}, v_hi_{v[1] + padding, v[2] + padding} {}

  // Bit 2 * (upper u) + (upper v): whether the segment intersects that child.
  [[gnu::always_inline]] unsigned operator()(const UV& a, const UV& b) const noexcept {
    const double nu = -(b.v - a.v), nv = b.u - a.u;
    const Double2 u1 = nu * (u_lo_ - a.u), u2 = nu * (u_hi_ - a.u), v1 = nv * (v_lo_ - a.v), v2 = nv * (v_hi_ - a.v);
    const Double2 far_u = larger(u1, u2), near_u = smaller(u1, u2), far_v = larger(v1, v2), near_v = smaller(v1, v2);
    const Mask2 in_u = ((a.u <= u_hi_) | (b.u <= u_hi_)) & ((a.u >= u_lo_) | (b.u >= u_lo_));
    const Mask2 in_v = ((a.v <= v_hi_) | (b.v <= v_hi_)) & ((a.v >= v_lo_) | (b.v >= v_lo_));
    const Mask2 lower = in_u & (far_u + far_v[0] >= 0) & (near_u + near_v[0] <= 0);
    const Mask2 upper = in_u & (far_u + far_v[1] >= 0) & (near_u + near_v[1] <= 0);
    const unsigned of_v = lane_bits(in_v);
    return (kBitsOfU[lane_bits(lower)] & -(of_v & 1)) | (kBitsOfU[lane_bits(upper)] << 1 & -(of_v >> 1));
  }

 private:
  static constexpr std::uint8_t kBitsOfU[4] = {0, 1, 4, 5};

  Double2 u_lo_, u_hi_, v_lo_, v_hi_;  // of the lower and the upper half, padded
};

namespace internal {

// The side of the line from x to y on which z lies: 1 left, -1 right, 0 undecided, as coordinates are off by ulps of 1.
inline constexpr double kSideError = 16 * DBL_EPSILON;
inline int certified_side(const UV& x, const UV& y, const UV& z, double side_error = kSideError) noexcept {
  const double yu = y.u - x.u, yv = y.v - x.v, zu = z.u - x.u, zv = z.v - x.v;
  const double error = side_error * (std::fabs(yu) + std::fabs(yv) + std::fabs(zu) + std::fabs(zv));
  const double area = yu * zv - yv * zu;
  return (area > error) - (area < -error);
}

// `certified_side` of two points at once, as bits: for which of them it is left, and for which right.
struct CertifiedSides {
  unsigned left, right;

  CertifiedSides(const UV& x, const UV& y, const UV& z0, const UV& z1) noexcept {
    const double yu = y.u - x.u, yv = y.v - x.v;
    const Double2 zu = Double2{z0.u, z1.u} - x.u, zv = Double2{z0.v, z1.v} - x.v;
    const Double2 error = kSideError * ((std::fabs(yu) + std::fabs(yv)) + magnitude(zu) + magnitude(zv));
    const Double2 area = yu * zv - yv * zu;
    left = lane_bits(area > error);
    right = lane_bits(area < -error);
  }
  bool same() const noexcept { return (left == 3) | (right == 3); }
  bool is_certified() const noexcept { return (left | right) == 3; }
};

// Whether the path from p to q crosses the edge ab: 1 or 0, or -1 if rounding errors might decide.
inline int crossing_filter(const UV& p, const UV& q, const UV& a, const UV& b) noexcept {
  const CertifiedSides of_path(p, q, a, b), of_edge(a, b, p, q);
  if (of_path.same() | of_edge.same()) return 0;
  return of_path.is_certified() & of_edge.is_certified() ? 1 : -1;
}

// The same, faster for edges most of which lie elsewhere.
inline int bounded_crossing_filter(const UV& p, const UV& q, const UV& a, const UV& b) noexcept {
  if (std::max(a.u, b.u) < std::min(p.u, q.u) - kSideError || std::min(a.u, b.u) > std::max(p.u, q.u) + kSideError) {
    return 0;
  }
  if (std::max(a.v, b.v) < std::min(p.v, q.v) - kSideError || std::min(a.v, b.v) > std::max(p.v, q.v) + kSideError) {
    return 0;
  }
  return crossing_filter(p, q, a, b);
}

}  // namespace internal

}  // namespace cellwise
