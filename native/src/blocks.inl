// The block kernels, written as plain loops that compilers vectorise. Included once for each instruction set, with
// CELLWISE_ISA_NAMESPACE and CELLWISE_ISA_NAME defined; everything here has internal linkage or lies in that namespace,
// so that code for one instruction set never stands in for another's.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cellwise/blocks.h"

namespace cellwise::CELLWISE_ISA_NAMESPACE {

namespace {

// 1.5 * 2^52: adding it rounds a small double to an integer, which then stands in the low bits of the sum.
constexpr double kRound = 6755399441055744.0;

inline double multiply_add(double a, double b, double c) {
#ifdef __FMA__
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

inline std::uint64_t bits(double x) { return std::bit_cast<std::uint64_t>(x); }

// sin(d degrees) / d and cos(d degrees) for d^2 in [0, 45^2]: Chebyshev fits in d^2.  Max error: 3e-18 and 5e-17.
inline double sine_over_degrees(double d2) {
  double p = 2.2164560059574632e-33;
  p = multiply_add(p, d2, -1.1467564823560734e-27);
  p = multiply_add(p, d2, 4.141266538492003e-22);
  p = multiply_add(p, d2, -9.788384855392072e-17);
  p = multiply_add(p, d2, 1.3496016231611543e-11);
  p = multiply_add(p, d2, -8.860961557012953e-07);
  return multiply_add(p, d2, 0.017453292519943295);
}
inline double cosine_of_degrees(double d2) {
  double p = 1.6483035894512186e-30;
  p = multiply_add(p, d2, -7.227328210214966e-25);
  p = multiply_add(p, d2, 2.1354935490711614e-19);
  p = multiply_add(p, d2, -3.925831980397931e-14);
  p = multiply_add(p, d2, 3.866323851544959e-09);
  p = multiply_add(p, d2, -0.000152308709893352);
  return multiply_add(p, d2, 1.0);
}

// How near to a boundary between leaves, in leaf widths, a coordinate may lie before the scalar kernel decides.
//
// Both paths miss the exact coordinate X = 2^30 s by at most the sum of these, in units of 2^-53:
//
//   scalar definition                                                       here
//     angle in radians (half an ulp of it, and of pi / 180): 2.5 for lng    0: degrees are reduced exactly
//       and 1.3 for lat
//     sine and cosine, 1.1 ulp at most:                        2.2 each     1.5 each (fit and Horner's rounding)
//     products and the quotient u:                             3            4 (reciprocal, then product)
//   du, with 1 + u^2 + v^2 <= 3 stretching the angles:         <= 17         <= 10
//   ds = 3 du / (4 sqrt(1 + 3 |u|)), and the root:             <= 10         <= 7
//
// 17 * 2^-53 * 2^30 = 2.1e-6 leaves at the very worst; 7.2e-7 was the largest difference seen over 6 million points.
// 2^-17 = 7.6e-6 is 3.6 times the one and 10 times the other. It leaves 3 points in 100,000 to the scalar kernel.
//
// Every discontinuity of the cell as a function of the position is such a boundary: u = 0, where the fold of the
// projection changes side, is X = 2^29; an edge or a diagonal of a face, where the dominant axis changes, is X = 2^30.
constexpr double kNearBoundary = 0x1p-17;

struct Projected {
  alignas(64) std::uint64_t i[kBlockRows], j[kBlockRows];  // coordinates at the level
  alignas(64) std::uint64_t face[kBlockRows];              // and, in bit 8, whether the curve starts swapped
  alignas(64) double left[kBlockRows];                     // 1 for rows that are not sure, else 0
};

// On faces 3 to 5 the coordinates are exchanged compared with their definition. So are those of the curve there: it
// starts swapped on faces 1 and 4, where the dominant axis is y.
void project(const double* __restrict lat, const double* __restrict lng, double half_cells, double near_boundary,
             std::uint64_t ones, Projected& out, std::size_t n) noexcept {
  for (std::size_t k = 0; k < n; ++k) {
    const double a = std::fabs(lat[k]);
    const bool polar = a > 45;
    const double d = polar ? 90 - a : a;
    const double sine = d * sine_over_degrees(d * d), cosine = cosine_of_degrees(d * d);
    const double z = polar ? cosine : sine, ring = polar ? sine : cosine;  // |sin lat|, cos lat

    const double quarter_turns = multiply_add(lng[k], 1 / 90., kRound);
    const std::uint64_t quadrant = bits(quarter_turns);
    const double e = lng[k] - 90 * (quarter_turns - kRound);  // exact, in -45..45 but for a rounding of the quotient
    const double e_sine = e * sine_over_degrees(e * e), e_cosine = cosine_of_degrees(e * e);
    const bool odd = (quadrant & 1) != 0;
    const double x_part = odd ? e_sine : e_cosine, y_part = odd ? e_cosine : e_sine;
    const double x = std::fabs(x_part) * ring, y = std::fabs(y_part) * ring;
    const std::uint64_t x_sign = (bits(x_part) >> 63) ^ (((quadrant + 1) >> 1) & 1);
    const std::uint64_t y_sign = (bits(y_part) >> 63) ^ ((quadrant >> 1) & 1);
    const std::uint64_t z_sign = bits(lat[k]) >> 63;

    const bool x_over_y = x > y;
    const double equatorial = x_over_y ? x : y;
    const bool z_wins = z > equatorial;
    const double w = z_wins ? z : equatorial;
    const double p = z_wins ? x : (x_over_y ? y : x), q = z_wins ? y : z;
    const std::uint64_t w_sign = z_wins ? z_sign : (x_over_y ? x_sign : y_sign);
    const std::uint64_t p_sign = (z_wins ? x_sign ^ 1 : (x_over_y ? y_sign : x_sign ^ 1)) ^ w_sign;
    const std::uint64_t q_sign = (z_wins ? y_sign ^ 1 : z_sign) ^ w_sign;
    const std::uint64_t axis = z_wins ? 2 : (x_over_y ? 0 : 1);

    const double inverse = 1 / w;
    const double i = half_cells * std::sqrt(multiply_add(3 * p, inverse, 1.0));
    const double j = half_cells * std::sqrt(multiply_add(3 * q, inverse, 1.0));
    const double i_rounded = i + kRound, j_rounded = j + kRound;
    const double i_off = i - (i_rounded - kRound), j_off = j - (j_rounded - kRound);
    const std::uint64_t i_floor = bits(i_rounded) - (bits(i_off) >> 63), j_floor = bits(j_rounded) - (bits(j_off) >> 63);
    out.i[k] = (i_floor ^ (0 - p_sign)) & ones;
    out.j[k] = (j_floor ^ (0 - q_sign)) & ones;
    out.face[k] = (axis + 3 * w_sign) | (axis == 1 ? 256 : 0);

    const double i_gap = std::fabs(i_off), j_gap = std::fabs(j_off);
    const double gap = i_gap < j_gap ? i_gap : j_gap;
    const bool in_range = a <= 90 && std::fabs(lng[k]) <= 360;  // not for NaN
    out.left[k] = (in_range ? gap : 0) >= near_boundary ? 0.0 : 1.0;
  }
}

inline std::uint64_t spread(std::uint64_t x) {  // a zero bit after each of the low 32 bits
  x = (x | x << 16) & 0x0000ffff0000ffff;
  x = (x | x << 8) & 0x00ff00ff00ff00ff;
  x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
  x = (x | x << 2) & 0x3333333333333333;
  return (x | x << 1) & 0x5555555555555555;
}

// Positions on the curve, all 30 levels at once: bit 29 - m of every word belongs to level m.
//
// With d = i ^ j, the orientation x = (swap, invert) above level m becomes R x + c below it, where R is
// T = [1 1; 0 1] for d = 0 and P = [0 1; 1 0] for d = 1, and c is (1 ^ i, 0) or (i, i), over GF(2). T and P are
// reflections, P = r T with the rotation r = P T of order 3, so that a product of m of them is T^m after a rotation by
// the alternating sum of the d above, modulo 3. That sum and the sum of the c, turned back to the first level, are
// prefix sums: five doubling steps each.
void order(Projected& at, unsigned shift, std::uint64_t keep, std::uint64_t marker, std::uint64_t* __restrict cell,
           std::size_t n) noexcept {
  alignas(64) std::uint32_t high[kBlockRows], low[kBlockRows], first[kBlockRows];
  for (std::size_t k = 0; k < n; ++k) {
    high[k] = static_cast<std::uint32_t>(at.i[k]);
    low[k] = static_cast<std::uint32_t>(at.j[k]);
    first[k] = 0 - (static_cast<std::uint32_t>(at.face[k]) >> 8);
  }
  constexpr std::uint32_t kEven = 0x2aaaaaaa, kOdd = 0x15555555;
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint32_t i = high[k] << shift, d = i ^ (low[k] << shift);
    // The rotation at each level: 0, 1 (`one`) or 2 (`two`). Sums modulo 3 in two bits: Harrison, Page and Smart, 2002.
    std::uint32_t one = (d & kEven) >> 1, two = (d & kOdd) >> 1;
#pragma GCC unroll 5
    for (int step = 1; step < 32; step <<= 1) {
      const std::uint32_t one_above = one >> step, two_above = two >> step;
      const std::uint32_t t = (one | two_above) ^ (two | one_above);
      const std::uint32_t two_next = (one | one_above) ^ t;
      one = (two | two_above) ^ t;
      two = two_next;
    }
    const std::uint32_t turned = one | two, c1 = d & i, c0 = ~(d | i) | (c1 & kEven);
    std::uint32_t z0 = ((c0 & ~one) ^ (c1 & turned)) >> 1 & 0x1fffffff;
    std::uint32_t z1 = ((c1 & ~two) ^ (c0 & turned)) >> 1 & 0x1fffffff;
#pragma GCC unroll 5
    for (int step = 1; step < 32; step <<= 1) {
      z0 ^= z0 >> step;
      z1 ^= z1 >> step;
    }
    z0 ^= first[k];
    const std::uint32_t invert = (z1 & ~one) ^ (z0 & turned);
    const std::uint32_t swap = (z0 & ~two) ^ (z1 & turned) ^ (invert & kOdd);
    high[k] = (i ^ (swap & d) ^ invert) & 0x3fffffff;
    low[k] = d & 0x3fffffff;
  }
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t position = spread(high[k]) << 1 | spread(low[k]);
    cell[k] = ((at.face[k] << 61 | position << 1) & keep) | marker;
  }
}

bool leave_all(std::uint8_t* left, std::size_t n) noexcept {
  std::memset(left, 1, n);
  return true;
}

bool latlng_to_cell(const double* lat, const double* lng, std::int32_t level, std::uint64_t* cell, std::uint8_t* left,
                    std::size_t n) noexcept {
  if (level < 0 || level > 30) return leave_all(left, n);
  Projected at;
  const std::uint64_t marker = std::uint64_t{1} << (2 * (30 - level));
  const double cells = static_cast<double>(std::uint64_t{1} << level);
  project(lat, lng, 0.5 * cells, kNearBoundary * (cells * 0x1p-30), (std::uint64_t{1} << level) - 1, at, n);
  order(at, static_cast<unsigned>(30 - level), ~(2 * marker - 1), marker, cell, n);
  double any = 0;
  for (std::size_t k = 0; k < n; ++k) any += at.left[k];
  if (any == 0) return false;
  for (std::size_t k = 0; k < n; ++k) left[k] = at.left[k] != 0;
  return true;
}

}  // namespace

extern const Blocks kBlocks;
const Blocks kBlocks = {CELLWISE_ISA_NAME, &latlng_to_cell};

}  // namespace cellwise::CELLWISE_ISA_NAMESPACE
