// Which side: exact answers about points and geodesic edges.
//
// Coordinates are taken as the exact numbers that the doubles are. A determinant is computed in doubles first, with a
// bound on its error; where that leaves its sign undecided, in fixed-point numbers wide enough for every bit. Where it
// is exactly zero, Google's symbolic perturbation decides: every point is thought of as moved a little, in z most, then
// in y, then in x, lexicographically smaller points immensely farther than larger ones. So three different points
// never lie on a line, and all answers fit together (Edelsbrunner and Muecke, Simulation of Simplicity, ACM
// Transactions on Graphics 9, 1990).

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <utility>

#include "cellwise/projection.h"

namespace cellwise {

inline Point operator-(const Point& p) noexcept { return {-p[0], -p[1], -p[2]}; }
inline Point operator-(const Point& a, const Point& b) noexcept { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
inline Point operator+(const Point& a, const Point& b) noexcept { return {a[0] + b[0], a[1] + b[1], a[2] + b[2]}; }

// A sum of products of up to three doubles, without rounding: one long two's complement number. Its lowest bit is the
// product of three smallest denormals, 2^-3222.
// REQUIRES: factors are smaller than 2; at most 16 products.
class ExactSum {
 public:
  void add(double x, double y, double z = 1) noexcept {
    const Parts a = parts(x), b = parts(y), c = parts(z);
    if (a.mantissa == 0 || b.mantissa == 0 || c.mantissa == 0) return;
    using Wide = unsigned __int128;
    const Wide ab = Wide{a.mantissa} * b.mantissa;
    const Wide low = Wide{static_cast<std::uint64_t>(ab)} * c.mantissa;
    const Wide high = Wide{static_cast<std::uint64_t>(ab >> 64)} * c.mantissa + static_cast<std::uint64_t>(low >> 64);
    const int shift = a.shift + b.shift + c.shift, word = shift / 64, bits = shift % 64;
    const std::uint64_t product[4] = {static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(high),
                                      static_cast<std::uint64_t>(high >> 64), 0};
    std::uint64_t shifted[4];
    for (int k = 3; k >= 0; --k) {
      shifted[k] = product[k] << bits | (bits > 0 && k > 0 ? product[k - 1] >> (64 - bits) : 0);
    }
    // Adding the complement plus one subtracts.
    const bool negative = a.negative != b.negative ? !c.negative : c.negative;
    std::uint64_t carry = negative ? 1 : 0;
    for (int k = 0; word + k < kWords; ++k) {
      const std::uint64_t term = k < 4 ? shifted[k] : 0;
      const Wide sum = Wide{words_[word + k]} + (negative ? ~term : term) + carry;
      words_[word + k] = static_cast<std::uint64_t>(sum);
      carry = static_cast<std::uint64_t>(sum >> 64);
    }
  }
  void subtract(double x, double y, double z = 1) noexcept { add(-x, y, z); }

  int sign() const noexcept {
    if (words_[kWords - 1] >> 63) return -1;
    for (const std::uint64_t word : words_) {
      if (word != 0) return 1;
    }
    return 0;
  }

  // The nearest double times 2^-exponent, in ±[1/2, 1]; for zero, 0 and a very small exponent.
  double scaled(int& exponent) const noexcept {
    ExactSum magnitude = *this;
    const bool negative = sign() < 0;
    if (negative) {
      std::uint64_t carry = 1;
      for (std::uint64_t& word : magnitude.words_) {
        word = ~word + carry;
        carry = carry && word == 0;
      }
    }
    int top = kWords - 1;
    while (top >= 0 && magnitude.words_[top] == 0) --top;
    exponent = -kLowest * 2;
    if (top < 0) return 0;
    const int zeros = std::countl_zero(magnitude.words_[top]);
    std::uint64_t leading = magnitude.words_[top] << zeros;
    if (top > 0 && zeros > 0) leading |= magnitude.words_[top - 1] >> (64 - zeros);
    bool rest = top > 0 && zeros < 64 && magnitude.words_[top - 1] << zeros != 0;
    for (int k = 0; k < top - 1; ++k) rest = rest || magnitude.words_[k] != 0;
    if (rest) leading |= 1;  // the 64 bits round to 53: one of the lower 11 tells that there is more
    exponent = 64 * top + 64 - zeros - kLowest;
    const double value = std::ldexp(static_cast<double>(leading), -64);
    return negative ? -value : value;
  }

 private:
  static constexpr int kLowest = 3 * 1074, kWords = 51;

  struct Parts {
    std::uint64_t mantissa;
    int shift;  // the value is mantissa * 2^(shift - 1074)
    bool negative;
  };
  static Parts parts(double x) noexcept {
    const auto bits = std::bit_cast<std::uint64_t>(x);
    const int exponent = static_cast<int>(bits >> 52 & 0x7ff);
    const std::uint64_t fraction = bits & 0xfffffffffffff;
    const bool negative = bits >> 63;
    if (exponent == 0) return {fraction, 0, negative};
    return {fraction | std::uint64_t{1} << 52, exponent - 1, negative};
  }

  std::array<std::uint64_t, kWords> words_{};
};

namespace internal {

// Sign of a[i] * b[j] - a[j] * b[i].
inline int minor_sign(const Point& a, const Point& b, int i, int j) noexcept {
  ExactSum sum;
  sum.add(a[i], b[j]);
  sum.subtract(a[j], b[i]);
  return sum.sign();
}

constexpr int sign_of(double x) noexcept { return x > 0 ? 1 : x < 0 ? -1 : 0; }

// Sign of the determinant of a, b, c after perturbation: the first coefficient that is not zero, in the order of the
// products of perturbations from the largest to the smallest (Table 4-ii of the paper).
// REQUIRES: the determinant is zero; a < b < c.
inline int perturbed_sign(const Point& a, const Point& b, const Point& c) noexcept {
  if (const int s = minor_sign(b, c, 0, 1)) return s;
  if (const int s = minor_sign(b, c, 2, 0)) return s;
  if (const int s = minor_sign(b, c, 1, 2)) return s;
  if (const int s = minor_sign(c, a, 0, 1)) return s;
  if (const int s = sign_of(c[0])) return s;
  if (const int s = -sign_of(c[1])) return s;
  if (const int s = minor_sign(c, a, 2, 0)) return s;
  if (const int s = sign_of(c[2])) return s;
  if (const int s = minor_sign(a, b, 0, 1)) return s;
  if (const int s = -sign_of(b[0])) return s;
  if (const int s = sign_of(b[1])) return s;
  if (const int s = sign_of(a[0])) return s;
  return 1;
}

// The sign of the determinant from differences of the points, 0 if undecided. The two shorter sides of the triangle
// make the smallest error, at most (3 + 6 / sqrt(3)) * |side| * |side| half-ulps of 1.
inline int sign_from_sides(const Point& a, const Point& b, const Point& c) noexcept {
  const Point ab = b - a, bc = c - b, ca = a - c;
  const double ab2 = dot(ab, ab), bc2 = dot(bc, bc), ca2 = dot(ca, ca);
  double det, error2;
  if (ab2 >= bc2 && ab2 >= ca2) {
    det = -dot(cross(ca, bc), c);
    error2 = ca2 * bc2;
  } else if (bc2 >= ca2) {
    det = -dot(cross(ab, ca), a);
    error2 = ab2 * ca2;
  } else {
    det = -dot(cross(bc, ab), b);
    error2 = bc2 * ab2;
  }
  constexpr double kRelative = 3.2321 * DBL_EPSILON;
  if (error2 < DBL_MIN) return 0;  // digits may have been lost to underflow
  const double error = kRelative * std::sqrt(error2);
  return det > error ? 1 : det < -error ? -1 : 0;
}

// REQUIRES: a, b and c differ.
inline int exact_sign(Point a, Point b, Point c) noexcept {
  int order = 1;
  const auto sort = [&](Point& p, Point& q) {
    if (!(q < p)) return;
    std::swap(p, q);
    order = -order;
  };
  sort(a, b);
  sort(b, c);
  sort(a, b);
  ExactSum det;
  for (int k = 0; k < 3; ++k) {
    const int l = (k + 1) % 3, m = (k + 2) % 3;
    det.add(a[k], b[l], c[m]);
    det.subtract(a[k], b[m], c[l]);
  }
  const int sign = det.sign();
  return order * (sign != 0 ? sign : perturbed_sign(a, b, c));
}

}  // namespace internal

// Error bound of dot(cross(a, b), c) for lengths up to sqrt(2).
inline constexpr double kMaxDeterminantError = 3.6548 * DBL_EPSILON;

// +1 if a, b, c turn left (counter-clockwise seen from outside), -1 if right, 0 only if two of them are the same.
// REQUIRES: lengths of at most sqrt(2).
inline int turn(const Point& a, const Point& b, const Point& c, const Point& a_cross_b) noexcept {
  const double det = dot(a_cross_b, c);
  if (det > kMaxDeterminantError) return 1;
  if (det < -kMaxDeterminantError) return -1;
  if (a == b || b == c || c == a) return 0;
  if (const int sign = internal::sign_from_sides(a, b, c)) return sign;
  return internal::exact_sign(a, b, c);
}
inline int turn(const Point& a, const Point& b, const Point& c) noexcept { return turn(a, b, c, cross(a, b)); }

// True if the rays from o to a, b, c come in counter-clockwise order; a == b or b == c counts, a == c does not.
// REQUIRES: o differs from the others.
inline bool ordered_ccw(const Point& a, const Point& b, const Point& c, const Point& o) noexcept {
  return (turn(b, o, a) >= 0) + (turn(c, o, b) >= 0) + (turn(a, o, c) > 0) >= 2;
}

// The direction, at each point, from which edges at a shared vertex are counted: some unit vector across p.
inline Point reference_direction(const Point& p) noexcept {
  const double x = std::fabs(p[0]), y = std::fabs(p[1]), z = std::fabs(p[2]);
  const int largest = x > y ? (x > z ? 0 : 2) : (y > z ? 1 : 2);
  Point other = {0.012, 0.0053, 0.00457};
  other[(largest + 2) % 3] = 1;
  return normalize(cross(p, other));
}

// Semi-open vertices: does a ring with consecutive vertices a, b, c contain b? Of the wedges round a vertex in a
// tiling, exactly one does.
// REQUIRES: a != b, b != c.
inline bool corner_contains_vertex(const Point& a, const Point& b, const Point& c) noexcept {
  return !ordered_ccw(reference_direction(b), c, a, b);
}

// For edges ab and cd that share a vertex: whether ab counts as crossing cd, such that counts along any path tell
// whether its end lies inside.
inline bool vertex_crossing(const Point& a, const Point& b, const Point& c, const Point& d) noexcept {
  if (a == b || c == d) return false;
  if (a == c) return b == d || ordered_ccw(reference_direction(a), d, b, a);
  if (b == d) return ordered_ccw(reference_direction(b), c, a, b);
  if (a == d) return b == c || ordered_ccw(reference_direction(a), c, b, a);
  return ordered_ccw(reference_direction(b), d, a, b);
}

// Crossings of one edge with many.
// REQUIRES: the points outlive the object.
class EdgeCrosser {
 public:
  EdgeCrosser(const Point& a, const Point& b) noexcept : a_(a), b_(b), normal_(cross(a, b)) {}

  // +1 if the edges cross inside both, 0 if they share a vertex, -1 otherwise.
  int crossing(const Point& c, const Point& d) const noexcept {
    int c_side = side(c), d_side = side(d);
    if (c_side * d_side > 0) return -1;
    return exact_crossing(c, d, c_side, d_side);
  }

  // Whether cd is crossed, shared vertices counted as `vertex_crossing` does.
  bool crosses(const Point& c, const Point& d) const noexcept {
    const int sign = crossing(c, d);
    return sign > 0 || (sign == 0 && vertex_crossing(a_, b_, c, d));
  }

 private:
  // The side of the line through ab, 0 if undecided.
  int side(const Point& p) const noexcept {
    const double det = dot(normal_, p);
    return (det > kMaxDeterminantError) - (det < -kMaxDeterminantError);
  }

  int exact_crossing(const Point& c, const Point& d, int c_side, int d_side) const noexcept {
    if (a_ == c || a_ == d || b_ == c || b_ == d) return 0;
    if (a_ == b_ || c == d) return -1;
    if (c_side == 0) c_side = turn(a_, b_, c, normal_);
    if (d_side == 0) d_side = turn(a_, b_, d, normal_);
    if (c_side == d_side) return -1;
    const Point other = cross(c, d);
    if (turn(c, d, b_, other) != c_side) return -1;
    return turn(c, d, a_, other) == d_side ? 1 : -1;
  }

  const Point& a_;
  const Point& b_;
  Point normal_;
};

namespace internal {

// a x b of points that are equal, opposite or nearly so: exact, or where it vanishes its direction after perturbation.
inline Point exact_cross(const Point& a, const Point& b) noexcept {
  if (a == b) return reference_direction(a);
  Point scaled;
  int exponents[3];
  for (int k = 0; k < 3; ++k) {
    const int l = (k + 1) % 3, m = (k + 2) % 3;
    ExactSum sum;
    sum.add(a[l], b[m]);
    sum.subtract(a[m], b[l]);
    scaled[k] = sum.scaled(exponents[k]);
  }
  const int largest = std::max({exponents[0], exponents[1], exponents[2]});
  if (scaled[0] != 0 || scaled[1] != 0 || scaled[2] != 0) {
    // Scaled only where squares would underflow.
    const int to = largest < -241 ? 0 : largest;
    for (int k = 0; k < 3; ++k) scaled[k] = std::ldexp(scaled[k], exponents[k] - largest + to);
    return scaled;
  }
  const bool in_order = a < b;
  const Point& second = in_order ? b : a;
  Point direction = second[0] != 0 || second[1] != 0 ? Point{-second[1], second[0], 0} : Point{second[2], 0, 0};
  const double size = std::max({std::fabs(direction[0]), std::fabs(direction[1]), std::fabs(direction[2])});
  if (size < 0x1p-242) {
    for (double& x : direction) x = std::ldexp(x, -std::ilogb(size));
  }
  return in_order ? direction : -direction;
}

}  // namespace internal

// A normal of the plane through a and b, about twice a x b, its direction right to 6 half-ulps even where a and b are
// nearly equal or opposite.
// REQUIRES: a and b are unit vectors.
inline Point robust_cross(const Point& a, const Point& b) noexcept {
  constexpr double kHalfUlp = DBL_EPSILON / 2, kSqrt3 = 1.7320508075688772935274463415058;
  constexpr double kMinNorm = (32 * kSqrt3 * kHalfUlp) / (6 - (1 + 2 * kSqrt3));
  const Point normal = cross(a - b, a + b);
  if (dot(normal, normal) >= kMinNorm * kMinNorm) return normal;
  return internal::exact_cross(a, b);
}

}  // namespace cellwise
