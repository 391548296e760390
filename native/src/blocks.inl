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
// 17 * 2^-53 * 2^30 = 2.1e-6 leaves at the very worst; 7.2e-7 was the largest difference seen over 6 million points
// (tests/margin.cpp looks for it again).
// 2^-17 = 7.6e-6 is 3.6 times the one and 10 times the other. It leaves 3 points in 100,000 to the scalar kernel.
//
// Every discontinuity of the cell as a function of the position is such a boundary: u = 0, where the fold of the
// projection changes side, is X = 2^29; an edge or a diagonal of a face, where the dominant axis changes, is X = 2^30.
constexpr double kNearBoundary = 0x1p-17;

// Where a ray meets the cube: the dominant axis, the signs of it and of the other two along the coordinates of its
// face, and the distances of the coordinates from the face's middle line, folded: 2^level sqrt(1 + 3 |u|) / 2.
struct Folded {
  double i, j;
  std::uint64_t axis, w_sign, i_sign, j_sign;
};
inline Folded fold(double lat, double lng, double half_cells) {
  const double a = std::fabs(lat);
  const bool polar = a > 45;
  const double d = polar ? 90 - a : a;
  const double sine = d * sine_over_degrees(d * d), cosine = cosine_of_degrees(d * d);
  const double z = polar ? cosine : sine, ring = polar ? sine : cosine;  // |sin lat|, cos lat

  const double quarter_turns = multiply_add(lng, 1 / 90., kRound);
  const std::uint64_t quadrant = bits(quarter_turns);
  const double e = lng - 90 * (quarter_turns - kRound);  // exact, in -45..45 but for a rounding of the quotient
  const double e_sine = e * sine_over_degrees(e * e), e_cosine = cosine_of_degrees(e * e);
  const bool odd = (quadrant & 1) != 0;
  const double x_part = odd ? e_sine : e_cosine, y_part = odd ? e_cosine : e_sine;
  const double x = std::fabs(x_part) * ring, y = std::fabs(y_part) * ring;
  const std::uint64_t x_sign = (bits(x_part) >> 63) ^ (((quadrant + 1) >> 1) & 1);
  const std::uint64_t y_sign = (bits(y_part) >> 63) ^ ((quadrant >> 1) & 1);
  const std::uint64_t z_sign = bits(lat) >> 63;

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
  return {half_cells * std::sqrt(multiply_add(3 * p, inverse, 1.0)),
          half_cells * std::sqrt(multiply_add(3 * q, inverse, 1.0)), axis, w_sign, p_sign, q_sign};
}

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
    const Folded at = fold(lat[k], lng[k], half_cells);
    const double i_rounded = at.i + kRound, j_rounded = at.j + kRound;
    const double i_off = at.i - (i_rounded - kRound), j_off = at.j - (j_rounded - kRound);
    const std::uint64_t i_floor = bits(i_rounded) - (bits(i_off) >> 63), j_floor = bits(j_rounded) - (bits(j_off) >> 63);
    out.i[k] = (i_floor ^ (0 - at.i_sign)) & ones;
    out.j[k] = (j_floor ^ (0 - at.j_sign)) & ones;
    out.face[k] = (at.axis + 3 * at.w_sign) | (at.axis == 1 ? 256 : 0);

    const double i_gap = std::fabs(i_off), j_gap = std::fabs(j_off);
    const double gap = i_gap < j_gap ? i_gap : j_gap;
    const bool in_range = std::fabs(lat[k]) <= 90 && std::fabs(lng[k]) <= 360;  // not for NaN
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

// Loops within a loop would keep it from being vectorised: their steps are written out.

// Each bit becomes the sum over GF(2) of itself and every Step-th above it.
template <int Step, class T>
inline T parity_above(T x) {
  x ^= x >> Step;
  if constexpr (Step < 4 * sizeof(T)) return parity_above<2 * Step>(x);
  return x;
}

// One doubling step of sums modulo 3, in two bits (Harrison, Page and Smart, 2002).
template <int Step>
inline void add_above(std::uint32_t& one, std::uint32_t& two) {
  const std::uint32_t one_above = one >> Step, two_above = two >> Step;
  const std::uint32_t t = (one | two_above) ^ (two | one_above);
  const std::uint32_t next = (one | one_above) ^ t;
  one = (two | two_above) ^ t;
  two = next;
}

// Positions on the curve, all 30 levels at once: bit 29 - m of every word belongs to level m.
//
// With d = i ^ j, the orientation x = (swap, invert) above level m becomes R x + c below it, where R is
// T = [1 1; 0 1] for d = 0 and P = [0 1; 1 0] for d = 1, and c is (1 ^ i, 0) or (i, i), over GF(2). T and P are
// reflections, P = r T with the rotation r = P T of order 3, so that a product of m of them is T^m after a rotation by
// the alternating sum of the d above, modulo 3. That sum and the sum of the c, turned back to the first level, are
// prefix sums: five doubling steps each. `swapped` is all ones where the curve starts so.
inline void curve(std::uint32_t i, std::uint32_t j, std::uint32_t swapped, std::uint32_t& high, std::uint32_t& low) {
  constexpr std::uint32_t kEven = 0x2aaaaaaa, kOdd = 0x15555555;
  const std::uint32_t d = i ^ j;
  // The rotation at each level: 0, 1 (`one`) or 2 (`two`).
  std::uint32_t one = (d & kEven) >> 1, two = (d & kOdd) >> 1;
  add_above<1>(one, two);
  add_above<2>(one, two);
  add_above<4>(one, two);
  add_above<8>(one, two);
  add_above<16>(one, two);
  const std::uint32_t turned = one | two, c1 = d & i, c0 = ~(d | i) | (c1 & kEven);
  const std::uint32_t z0 = parity_above<1>(((c0 & ~one) ^ (c1 & turned)) >> 1 & 0x1fffffff) ^ swapped;
  const std::uint32_t z1 = parity_above<1>(((c1 & ~two) ^ (c0 & turned)) >> 1 & 0x1fffffff);
  const std::uint32_t invert = (z1 & ~one) ^ (z0 & turned);
  const std::uint32_t swap = (z0 & ~two) ^ (z1 & turned) ^ (invert & kOdd);
  high = (i ^ (swap & d) ^ invert) & 0x3fffffff;
  low = d & 0x3fffffff;
}

void order(Projected& at, unsigned shift, std::uint64_t keep, std::uint64_t marker, std::uint64_t* __restrict cell,
           std::size_t n) noexcept {
  alignas(64) std::uint32_t high[kBlockRows], low[kBlockRows], swapped[kBlockRows];
  for (std::size_t k = 0; k < n; ++k) {
    high[k] = static_cast<std::uint32_t>(at.i[k]);
    low[k] = static_cast<std::uint32_t>(at.j[k]);
    swapped[k] = 0 - (static_cast<std::uint32_t>(at.face[k]) >> 8);
  }
  for (std::size_t k = 0; k < n; ++k) curve(high[k] << shift, low[k] << shift, swapped[k], high[k], low[k]);
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

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

// --- cells, bit by bit -------------------------------------------------------------------------------------------------

inline std::uint64_t lowest_bit(std::uint64_t cell) { return cell & (0 - cell); }

// Negative, as signed integers, for what is no cell. In arithmetic alone, which vectorises where conditions do not.
// Valid range: any 64 bits.
inline std::uint64_t fault(std::uint64_t id) {
  const std::uint64_t marker = lowest_bit(id) & 0x1555555555555555;
  return (marker - 1) | (id & id << 1);
}
// The same but for the missing cell.
inline std::uint64_t real_fault(std::uint64_t id) { return fault(id) & (id | (0 - id)); }
inline bool is_negative(std::uint64_t x) { return static_cast<std::int64_t>(x) < 0; }

// Marks the rows where `fault_of(k)` is negative, if all of them together are.
template <class FaultOf>
inline bool leave(std::uint64_t faults, std::uint8_t* left, std::size_t n, FaultOf fault_of) noexcept {
  if (!is_negative(faults)) return false;
  for (std::size_t k = 0; k < n; ++k) left[k] = fault_of(k) >> 63;
  return true;
}

// f(cell) for each cell, `null` for the missing one.
template <class T, class F>
inline bool each_cell(const std::uint64_t* __restrict cell, T* __restrict to, T null, std::uint8_t* left, std::size_t n,
                      F f) noexcept {
  std::uint64_t faults = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t id = cell[k];
    faults |= real_fault(id);
    to[k] = id == 0 ? null : f(id);
  }
  return leave(faults, left, n, [&](std::size_t k) { return real_fault(cell[k]); });
}

bool cell_is_valid(const std::uint64_t* __restrict cell, bool* __restrict valid, std::uint8_t*, std::size_t n) noexcept {
  for (std::size_t k = 0; k < n; ++k) valid[k] = !is_negative(fault(cell[k]));
  return false;
}

bool cell_level(const std::uint64_t* cell, std::int32_t* level, std::uint8_t* left, std::size_t n) noexcept {
  return each_cell<std::int32_t>(cell, level, -1, left, n, [](std::uint64_t id) {
    const std::uint64_t bit = lowest_bit(id);
#ifdef __AVX512DQ__
    return static_cast<std::int32_t>(30 + 511 - (bits(static_cast<double>(bit)) >> 53));  // half of 1023, rounded down
#else
    // A power of two has its exponent in a double's; those of 32 bits become doubles by an or.
    const std::uint64_t low = bit & 0xffffffff;
    const std::uint64_t half = bit >> 32 | low;
    const std::uint64_t exponent = bits(std::bit_cast<double>(half | 0x4330000000000000) - 0x1p52) >> 52;
    const auto place = static_cast<std::int32_t>(exponent) - 1023 + (low == 0 ? 32 : 0);
    return 30 - (place >> 1);
#endif
  });
}

bool cell_face(const std::uint64_t* cell, std::int32_t* face, std::uint8_t* left, std::size_t n) noexcept {
  return each_cell<std::int32_t>(cell, face, -1, left, n, [](std::uint64_t id) { return static_cast<std::int32_t>(id >> 61); });
}

bool cell_is_leaf(const std::uint64_t* cell, bool* is_leaf, std::uint8_t* left, std::size_t n) noexcept {
  return each_cell<bool>(cell, is_leaf, false, left, n, [](std::uint64_t id) { return (id & 1) != 0; });
}

bool cell_range_min(const std::uint64_t* cell, std::uint64_t* leaf, std::uint8_t* left, std::size_t n) noexcept {
  return each_cell<std::uint64_t>(cell, leaf, 0, left, n, [](std::uint64_t id) { return id - (lowest_bit(id) - 1); });
}

bool cell_range_max(const std::uint64_t* cell, std::uint64_t* leaf, std::uint8_t* left, std::size_t n) noexcept {
  return each_cell<std::uint64_t>(cell, leaf, 0, left, n, [](std::uint64_t id) { return id + (lowest_bit(id) - 1); });
}

bool cell_parent(const std::uint64_t* __restrict cell, std::int32_t level, std::uint64_t* __restrict parent,
                 std::uint8_t* left, std::size_t n) noexcept {
  if (level < 0 || level > 30) return leave_all(left, n);
  const std::uint64_t bit = std::uint64_t{1} << (2 * (30 - level)), keep = 0 - bit, reach = 2 * bit - 1;
  // A cell at this level or below has its marker among these bits, a coarser one has none of them set.
  const auto is_fault = [=](std::uint64_t id) {
    return real_fault(id) | (((id & reach) - 1) & (id | (0 - id)));
  };
  std::uint64_t faults = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t id = cell[k];
    faults |= is_fault(id);
    parent[k] = id == 0 ? 0 : (id & keep) | bit;
  }
  return leave(faults, left, n, [&](std::size_t k) { return is_fault(cell[k]); });
}

// Questions about two cells; false if one is missing.
template <class F>
inline bool each_pair(const std::uint64_t* __restrict a, const std::uint64_t* __restrict b, bool* __restrict to,
                      std::uint8_t* left, std::size_t n, F f) noexcept {
  std::uint64_t faults = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t p = a[k], q = b[k];
    faults |= real_fault(p) | real_fault(q);
    to[k] = (p != 0) & (q != 0) & f(p, q);
  }
  return leave(faults, left, n, [&](std::size_t k) {
    return real_fault(a[k]) | real_fault(b[k]);
  });
}

bool cell_contains(const std::uint64_t* a, const std::uint64_t* b, bool* contains, std::uint8_t* left,
                   std::size_t n) noexcept {
  return each_pair(a, b, contains, left, n, [](std::uint64_t p, std::uint64_t q) {
    const std::uint64_t reach = lowest_bit(p) - 1;
    return (p - reach <= q) & (q <= p + reach);
  });
}

bool cell_intersects(const std::uint64_t* a, const std::uint64_t* b, bool* intersects, std::uint8_t* left,
                     std::size_t n) noexcept {
  return each_pair(a, b, intersects, left, n, [](std::uint64_t p, std::uint64_t q) {
    const std::uint64_t p_reach = lowest_bit(p) - 1, q_reach = lowest_bit(q) - 1;
    return (q - q_reach <= p + p_reach) & (q + q_reach >= p - p_reach);
  });
}

// --- tokens ------------------------------------------------------------------------------------------------------------

// A word of text with its first character in the lowest byte, as little-endian processors load it.
inline std::uint64_t turned(std::uint64_t word) {
  return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
}

inline std::uint64_t spread_nibbles(std::uint64_t x) {  // four zero bits above each of the low 8
  x = (x | x << 16) & 0x0000ffff0000ffff;
  x = (x | x << 8) & 0x00ff00ff00ff00ff;
  return (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
}
inline std::uint64_t gather_nibbles(std::uint64_t x) {
  x = (x | x >> 4) & 0x00ff00ff00ff00ff;
  x = (x | x >> 8) & 0x0000ffff0000ffff;
  return (x | x >> 16) & 0x00000000ffffffff;
}

// Characters of 8 digits, NUL where `kept` has a nibble without its highest bit.
inline std::uint64_t digits_to_text(std::uint64_t digits, std::uint64_t kept) {
  const std::uint64_t d = spread_nibbles(digits);
  const std::uint64_t is_letter = (d + 0x0606060606060606) >> 4 & 0x0101010101010101;
  const std::uint64_t text = d + 0x3030303030303030 + is_letter * ('a' - '0' - 10);
  const std::uint64_t is_kept = spread_nibbles(kept) >> 3 & 0x0101010101010101;
  return turned(text & ((is_kept << 8) - is_kept));
}

bool cell_to_token(const std::uint64_t* __restrict cell, std::uint8_t* __restrict token, std::uint8_t* left,
                   std::size_t n) noexcept {
  alignas(64) std::uint64_t first[kBlockRows], second[kBlockRows];
  std::uint64_t faults = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t id = cell[k], kept = 0 - lowest_bit(id);
    faults |= real_fault(id);
    const std::uint64_t text = digits_to_text(id >> 32, kept >> 32);
    first[k] = id == 0 ? turned(std::uint64_t{'X'} << 56) : text;
    second[k] = digits_to_text(id & 0xffffffff, kept & 0xffffffff);
  }
  for (std::size_t k = 0; k < n; ++k) {
    std::memcpy(token + 16 * k, &first[k], 8);
    std::memcpy(token + 16 * k + 8, &second[k], 8);
  }
  return leave(faults, left, n, [&](std::size_t k) { return real_fault(cell[k]); });
}

inline std::uint64_t nuls(std::uint64_t digits) {  // bytes of ones where there is a NUL
  const std::uint64_t is_nul = digits >> 6 & 0x0101010101010101;
  return (is_nul << 8) - is_nul;
}

bool token_to_cell(const char* __restrict token, std::uint64_t* __restrict cell, std::uint8_t* left,
                   std::size_t n) noexcept {
  // The digit of each character, with bit 7 for what is none and all bits for NUL.
  alignas(64) std::uint8_t digit[16 * kBlockRows];
  for (std::size_t k = 0; k < 16 * n; ++k) {
    const auto c = static_cast<std::uint8_t>(token[k]);
    const auto number = static_cast<std::uint8_t>(c - '0'), letter = static_cast<std::uint8_t>(c - 'a');
    const std::uint8_t d = letter < 6 ? static_cast<std::uint8_t>(letter + 10) : (c == 0 ? 0xff : 0x80);
    digit[k] = number < 10 ? number : d;
  }
  alignas(64) std::uint64_t unsure[kBlockRows];
  std::uint64_t faults = 0;
  for (std::size_t k = 0; k < n; ++k) {
    std::uint64_t high, low;
    std::memcpy(&high, digit + 16 * k, 8);
    std::memcpy(&low, digit + 16 * k + 8, 8);
    high = turned(high);
    low = turned(low);
    const std::uint64_t high_end = nuls(high), low_end = nuls(low);
    const std::uint64_t no_digit = (high & ~(high << 1)) | (low & ~(low << 1));
    // NULs are the last bytes of a word, and after one in the first word there are no others in the second.
    const std::uint64_t gap = (high_end & (high_end + 1)) | (low_end & (low_end + 1)) | (high_end == 0 ? 0 : ~low_end);
    const std::uint64_t id = gather_nibbles(high & ~high_end) << 32 | gather_nibbles(low & ~low_end);
    cell[k] = id;
    unsure[k] = (gap | (no_digit & 0x8080808080808080)) != 0 ? kSign : fault(id);
    faults |= unsure[k];
  }
  return leave(faults, left, n, [&](std::size_t k) { return unsure[k]; });
}

// --- cells to positions ------------------------------------------------------------------------------------------------

inline std::uint64_t gather(std::uint64_t x) {  // every other bit, from bit 0 on
  x &= 0x5555555555555555;
  x = (x | x >> 1) & 0x3333333333333333;
  x = (x | x >> 2) & 0x0f0f0f0f0f0f0f0f;
  x = (x | x >> 4) & 0x00ff00ff00ff00ff;
  x = (x | x >> 8) & 0x0000ffff0000ffff;
  return (x | x >> 16) & 0x00000000ffffffff;
}

// Centre of a cell in doubled leaf coordinates.  REQUIRES: cell is valid.
//
// The two bits h, l of a level and the orientation (swap, invert) above it give i = h ^ (swap & l) ^ invert and
// j = i ^ (swap ? 0 : l) ^ ..., that is i ^ l; below it swap changes where h == l, and invert where both are set. So
// the orientations are prefix sums over GF(2), five doubling steps for both of them in one word. The marker takes the
// place of the level below the cell's own: a one in both coordinates there is the centre.
struct Center {
  std::uint64_t si, ti;
};
inline Center center(std::uint64_t id) {
  constexpr std::uint64_t kLow = 0x5555555555555555;
  const std::uint64_t x = id << 1, marker = lowest_bit(x);  // levels at bits 2c + 1, 2c for c = 30 .. 1
  const std::uint64_t h = x >> 1 & kLow, l = x & kLow;
  const std::uint64_t below = ((~(h ^ l) & kLow) << 1 | (h & l)) & 0x3fffffffffffffff;
  const std::uint64_t turns = parity_above<2>(below >> 2 | (id >> 61 & 1) << 61);
  const std::uint64_t i = h ^ ((turns >> 1) & l) ^ (turns & kLow), j = i ^ l;
  const std::uint64_t above = 0x3fffffffffffffff & ~(2 * marker - 1);
  const std::uint64_t both = ((i << 1 | j) & above) | marker | marker >> 1;
  return {gather(both >> 1), gather(both)};
}

// For integers below 2^52.
inline double to_double(std::uint64_t x) { return std::bit_cast<double>(x | 0x4330000000000000) - 0x1p52; }

// As scalar code has it, operation by operation.  Valid range: 0 <= s <= 1.
inline double st_to_uv(double s) {
  const bool upper = s >= 0.5;
  const double r = upper ? s : 1 - s;
  const double q = 4 * r * r;
  return (1 / 3.) * (upper ? q - 1 : 1 - q);
}

struct Vector {
  double x, y, z;
};
inline Vector face_uv_to_xyz(std::uint64_t face, double u, double v) {
  // Faces 3 to 5 are 0 to 2 on the other side, with -v and -u for u and v.
  const bool behind = face >= 3;
  const double w = behind ? -1 : 1, p = behind ? -v : u, q = behind ? -u : v;
  const std::uint64_t axis = behind ? face - 3 : face;
  const double y = axis == 1 ? w : -q;
  return {axis == 0 ? w : -p, axis == 0 ? p : y, axis == 2 ? w : q};
}

// c - a * b with one rounding, where the result is as small as a rounding of the product.
inline double residual(double a, double b, double c) {
#ifdef __FMA__
  return __builtin_fma(-a, b, c);
#else
  // Dekker's product: halves of 26 bits have exact products.
  constexpr double kSplit = 0x1p27 + 1;
  const double a_far = kSplit * a, b_far = kSplit * b;
  const double a_high = a_far - (a_far - a), b_high = b_far - (b_far - b);
  const double a_low = a - a_high, b_low = b - b_high;
  return (((c - a_high * b_high) - a_high * b_low) - a_low * b_high) - a_low * b_low;
#endif
}

// atan2 in degrees. Zeros count as positive.
// Max error: 0.7 ulp before it is scaled to degrees, so that it is within 2 ulp of any C library's whose own error is
// below 1: one step there is 1.8 steps in degrees at most, and two roundings.
//
// The smaller of |x| and |y| over the larger, t, lies in [0, 1]; beyond tan(pi / 8) it is turned back by pi / 4, which
// gives (t - 1) / (t + 1). The quotient and both sums carry what their roundings lost. atan(t) / t is a Chebyshev fit in
// t^2 (max error 7e-18).
inline double arctangent_degrees(double y, double x) {
  constexpr double kQuarter = 0.7853981633974483, kQuarterRest = 3.061616997868383e-17;  // 4 * kQuarter is exact
  const double ax = std::fabs(x), ay = std::fabs(y);
  const bool steep = ay > ax;
  const double larger = steep ? ay : ax, smaller = steep ? ax : ay;
  const bool beyond = smaller > 0.4142135623730951 * larger;
  const double sum = larger + smaller, difference = smaller - larger;
  const double sum_rest = smaller - (sum - larger), difference_rest = smaller - (difference + larger);
  const double numerator = beyond ? difference : smaller, numerator_rest = beyond ? difference_rest : 0;
  const double whole = beyond ? sum : larger, denominator_rest = beyond ? sum_rest : 0;
  const double denominator = whole == 0 ? 1 : whole;
  const double inverse = 1 / denominator;
  const double t = numerator * inverse;
  const double t_rest =
      (residual(t, denominator, numerator) + (numerator_rest - t * denominator_rest)) * inverse;
  const double z = t * t;
  double p = -0.019176885636589053;
  p = multiply_add(p, z, 0.039231657085083686);
  p = multiply_add(p, z, -0.050854496960392584);
  p = multiply_add(p, z, 0.05858148904795124);
  p = multiply_add(p, z, -0.0666451144646022);
  p = multiply_add(p, z, 0.07692183190760651);
  p = multiply_add(p, z, -0.09090904578121085);
  p = multiply_add(p, z, 0.11111111015256292);
  p = multiply_add(p, z, -0.14285714284666542);
  p = multiply_add(p, z, 0.1999999999999552);
  p = multiply_add(p, z, -0.3333333333333333);
  const double rest = multiply_add(t * z, p, t_rest);
  // The angle is `quarters` quarters of pi plus or minus atan(t).
  const double up = beyond ? 1 : 0, from_y = steep ? 2 - up : up, quarters = x < 0 ? 4 - from_y : from_y;
  const std::uint64_t minus = (steep ? kSign : 0) ^ (bits(x) & kSign);
  const double turn = std::bit_cast<double>(bits(t) ^ minus), turn_rest = std::bit_cast<double>(bits(rest) ^ minus);
  const double high = quarters * kQuarter, angle = high + turn;
  const double low = (high - angle) + turn;  // of the two, high is the larger, or zero
  const double radians = angle + (low + multiply_add(quarters, kQuarterRest, turn_rest));
  return (180 / 3.141592653589793) * std::copysign(radians, y);
}

struct LatLng {
  double lat, lng;
};
inline LatLng to_latlng(const Vector& p) {
  const double x = p.x + 0.0, y = p.y + 0.0, z = p.z + 0.0;
  return {arctangent_degrees(z, std::sqrt(p.x * p.x + p.y * p.y)), arctangent_degrees(y, x)};
}

constexpr std::uint64_t kAnyCell = std::uint64_t{1} << 60;

struct Centers {
  alignas(64) std::uint64_t face[kBlockRows];
  alignas(64) double si[kBlockRows], ti[kBlockRows], half[kBlockRows];  // half the size of the cell
};

// Centres of the valid ones; whether any is left.
inline std::uint64_t find_centers(const std::uint64_t* __restrict cell, Centers& out, std::size_t n) noexcept {
  std::uint64_t faults = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t wrong = fault(cell[k]), id = is_negative(wrong) ? kAnyCell : cell[k];
    faults |= wrong;
    const Center at = center(id);
    out.face[k] = id >> 61;
    out.si[k] = to_double(at.si);
    out.ti[k] = to_double(at.ti);
    out.half[k] = to_double(lowest_bit(at.si));
  }
  return faults;
}

bool cell_to_latlng(const std::uint64_t* __restrict cell, double* __restrict lat, double* __restrict lng,
                    std::uint8_t* left, std::size_t n) noexcept {
  Centers at;
  const std::uint64_t faults = find_centers(cell, at, n);
  for (std::size_t k = 0; k < n; ++k) {
    const double u = st_to_uv(0x1p-31 * at.si[k]), v = st_to_uv(0x1p-31 * at.ti[k]);
    const LatLng found = to_latlng(face_uv_to_xyz(at.face[k], u, v));
    lat[k] = found.lat;
    lng[k] = found.lng;
  }
  return leave(faults, left, n, [&](std::size_t k) { return fault(cell[k]); });
}

bool cell_vertices(const std::uint64_t* __restrict cell, double* __restrict vertices, std::uint8_t* left,
                   std::size_t n) noexcept {
  Centers at;
  alignas(64) double low_u[kBlockRows], high_u[kBlockRows], low_v[kBlockRows], high_v[kBlockRows];
  const std::uint64_t faults = find_centers(cell, at, n);
  for (std::size_t k = 0; k < n; ++k) {
    const double half = at.half[k];
    low_u[k] = st_to_uv(0x1p-31 * (at.si[k] - half));
    high_u[k] = st_to_uv(0x1p-31 * (at.si[k] + half));
    low_v[k] = st_to_uv(0x1p-31 * (at.ti[k] - half));
    high_v[k] = st_to_uv(0x1p-31 * (at.ti[k] + half));
  }
  alignas(64) double found[8][kBlockRows];
  for (int vertex = 0; vertex < 4; ++vertex) {
    const double* u = vertex == 1 || vertex == 2 ? high_u : low_u;
    const double* v = vertex >= 2 ? high_v : low_v;
    double *lat = found[2 * vertex], *lng = found[2 * vertex + 1];
    for (std::size_t k = 0; k < n; ++k) {
      const Vector p = face_uv_to_xyz(at.face[k], u[k], v[k]);
      const double inverse = 1 / std::sqrt(p.x * p.x + p.y * p.y + p.z * p.z);
      const LatLng is_at = to_latlng({p.x * inverse, p.y * inverse, p.z * inverse});
      lat[k] = is_at.lat;
      lng[k] = is_at.lng;
    }
  }
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t m = 0; m < 8; ++m) vertices[8 * k + m] = found[m][k];
  }
  return leave(faults, left, n, [&](std::size_t k) { return fault(cell[k]); });
}

// --- neighbors ---------------------------------------------------------------------------------------------------------

struct Places {
  alignas(64) std::uint32_t i[kBlockRows], j[kBlockRows], size[kBlockRows], swapped[kBlockRows];
  alignas(64) std::uint64_t face[kBlockRows], marker[kBlockRows];
};

// Lowest leaf coordinates and size of cells; whether any is no cell or lies at the border of its face.
inline std::uint32_t find_places(const std::uint64_t* __restrict cell, Places& out, std::uint32_t* __restrict outside,
                                 std::size_t n) noexcept {
  alignas(64) std::uint64_t si[kBlockRows], ti[kBlockRows], wrong[kBlockRows];
  for (std::size_t k = 0; k < n; ++k) {
    wrong[k] = fault(cell[k]) >> 63;
    const std::uint64_t id = wrong[k] != 0 ? kAnyCell : cell[k];
    const Center at = center(id);
    si[k] = at.si;
    ti[k] = at.ti;
    out.face[k] = id >> 61 << 61;
    out.marker[k] = lowest_bit(id);
  }
  std::uint32_t any = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const auto s = static_cast<std::uint32_t>(si[k]), t = static_cast<std::uint32_t>(ti[k]);
    const std::uint32_t size = s & (0 - s), last = (std::uint32_t{1} << 30) - size;
    const std::uint32_t i = (s - size) >> 1, j = (t - size) >> 1;
    out.i[k] = i;
    out.j[k] = j;
    out.size[k] = size;
    out.swapped[k] = 0 - static_cast<std::uint32_t>(out.face[k] >> 61 & 1);
    outside[k] = static_cast<std::uint32_t>(wrong[k]) | (i == 0 ? 1 : 0) | (j == 0 ? 1 : 0) | (i == last ? 1 : 0) |
                 (j == last ? 1 : 0);
    any |= outside[k];
  }
  return any;
}

// Cells `di` and `dj` places further.
template <int di, int dj>
inline void step(const Places& at, std::uint64_t* __restrict cell, std::size_t n) noexcept {
  alignas(64) std::uint32_t high[kBlockRows], low[kBlockRows];
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint32_t size = at.size[k];
    curve(at.i[k] + static_cast<std::uint32_t>(di) * size, at.j[k] + static_cast<std::uint32_t>(dj) * size, at.swapped[k],
          high[k], low[k]);
  }
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t position = spread(high[k]) << 1 | spread(low[k]), marker = at.marker[k];
    cell[k] = ((at.face[k] | position << 1) & (0 - 2 * marker)) | marker;
  }
}

bool cell_edge_neighbors(const std::uint64_t* cell, std::uint64_t* __restrict neighbors, std::uint8_t* left,
                         std::size_t n) noexcept {
  Places at;
  std::uint32_t outside[kBlockRows];
  const std::uint32_t any = find_places(cell, at, outside, n);
  alignas(64) std::uint64_t down[kBlockRows], right[kBlockRows], up[kBlockRows], back[kBlockRows];
  step<0, -1>(at, down, n);
  step<1, 0>(at, right, n);
  step<0, 1>(at, up, n);
  step<-1, 0>(at, back, n);
  for (std::size_t k = 0; k < n; ++k) {
    neighbors[4 * k] = down[k];
    neighbors[4 * k + 1] = right[k];
    neighbors[4 * k + 2] = up[k];
    neighbors[4 * k + 3] = back[k];
  }
  return leave(std::uint64_t{any} << 63, left, n, [&](std::size_t k) { return std::uint64_t{outside[k]} << 63; });
}

inline void put_in_order(std::uint64_t& a, std::uint64_t& b) {
  const std::uint64_t least = a < b ? a : b;
  b = a < b ? b : a;
  a = least;
}

bool cell_all_neighbors(const std::uint64_t* cell, std::uint64_t* __restrict neighbors, std::uint8_t* left,
                        std::size_t n) noexcept {
  Places at;
  std::uint32_t outside[kBlockRows];
  const std::uint32_t any = find_places(cell, at, outside, n);
  alignas(64) std::uint64_t around[8][kBlockRows];
  step<-1, -1>(at, around[0], n);
  step<0, -1>(at, around[1], n);
  step<1, -1>(at, around[2], n);
  step<-1, 0>(at, around[3], n);
  step<1, 0>(at, around[4], n);
  step<-1, 1>(at, around[5], n);
  step<0, 1>(at, around[6], n);
  step<1, 1>(at, around[7], n);
  for (std::size_t k = 0; k < n; ++k) {
    std::uint64_t a = around[0][k], b = around[1][k], c = around[2][k], d = around[3][k];
    std::uint64_t e = around[4][k], f = around[5][k], g = around[6][k], h = around[7][k];
    // Batcher's network of 19 comparators.
    put_in_order(a, b), put_in_order(c, d), put_in_order(e, f), put_in_order(g, h);
    put_in_order(a, c), put_in_order(b, d), put_in_order(e, g), put_in_order(f, h);
    put_in_order(b, c), put_in_order(f, g), put_in_order(a, e), put_in_order(d, h);
    put_in_order(b, f), put_in_order(c, g);
    put_in_order(b, e), put_in_order(d, g);
    put_in_order(c, e), put_in_order(d, f);
    put_in_order(d, e);
    around[0][k] = a, around[1][k] = b, around[2][k] = c, around[3][k] = d;
    around[4][k] = e, around[5][k] = f, around[6][k] = g, around[7][k] = h;
  }
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t m = 0; m < 8; ++m) neighbors[8 * k + m] = around[m][k];
  }
  return leave(std::uint64_t{any} << 63, left, n, [&](std::size_t k) { return std::uint64_t{outside[k]} << 63; });
}

}  // namespace

extern const Blocks kBlocks;
const Blocks kBlocks = {
    .name = CELLWISE_ISA_NAME,
    .latlng_to_cell = &latlng_to_cell,
    .cell_to_latlng = &cell_to_latlng,
    .cell_vertices = &cell_vertices,
    .cell_to_token = &cell_to_token,
    .token_to_cell = &token_to_cell,
    .cell_is_valid = &cell_is_valid,
    .cell_level = &cell_level,
    .cell_face = &cell_face,
    .cell_is_leaf = &cell_is_leaf,
    .cell_parent = &cell_parent,
    .cell_range_min = &cell_range_min,
    .cell_range_max = &cell_range_max,
    .cell_contains = &cell_contains,
    .cell_intersects = &cell_intersects,
    .cell_edge_neighbors = &cell_edge_neighbors,
    .cell_all_neighbors = &cell_all_neighbors,
};

}  // namespace cellwise::CELLWISE_ISA_NAMESPACE
