// Angles between points, by the squared lengths of chords.

#pragma once

#include <algorithm>
#include <cmath>

#include "cellwise/projection.h"

namespace cellwise {

// The squared length of the chord between two unit points.
inline double chord2(const Point& a, const Point& b) noexcept {
  const Point d = {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
  return std::min(4.0, dot(d, d));
}

inline double angle_to_chord2(double radians) noexcept {
  const double length = 2 * std::sin(0.5 * std::min(kPi, radians));
  return length * length;
}
inline double chord2_to_angle(double length2) noexcept { return 2 * std::asin(0.5 * std::sqrt(length2)); }

}  // namespace cellwise
