// Intervals of latitude and longitude, in radians.
//
// They repeat those of Google's library, release 0.14, operation for operation.

#pragma once

#include <cfloat>
#include <cmath>

#include "cellwise/projection.h"

namespace cellwise {

inline constexpr double kHalfPi = kPi / 2;

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
  // The shorter interval between two longitudes.
  static LngInterval between(double a, double b) noexcept {
    if (a == -kPi) a = kPi;
    if (b == -kPi) b = kPi;
    const double eastward = b - a >= 0 ? b - a : (b + kPi) - (a - kPi);
    return eastward <= kPi ? LngInterval{a, b} : LngInterval{b, a};
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

// The shortest interval of longitudes that contains both.
inline LngInterval united(const LngInterval& x, const LngInterval& y) noexcept {
  const auto holds = [](const LngInterval& i, double p) {
    return i.is_inverted() ? (p >= i.lo || p <= i.hi) && !i.is_empty() : p >= i.lo && p <= i.hi;
  };
  const auto distance = [](double a, double b) { return b - a >= 0 ? b - a : (b + kPi) - (a - kPi); };
  if (y.is_empty()) return x;
  if (holds(x, y.lo)) {
    if (holds(x, y.hi)) return x.contains(y) ? x : LngInterval::full();
    return {x.lo, y.hi};
  }
  if (holds(x, y.hi)) return {y.lo, x.hi};
  if (x.is_empty() || holds(y, x.lo)) return y;
  return distance(y.hi, x.lo) < distance(x.hi, y.lo) ? LngInterval{y.lo, x.hi} : LngInterval{x.lo, y.hi};
}

}  // namespace cellwise
