// The block kernels, written as plain loops that compilers vectorize. Included once for each instruction set, with
// CELLWISE_ISA_NAMESPACE and CELLWISE_ISA_NAME defined; everything here has internal linkage or lies in that namespace,
// so that code for one instruction set never stands in for another's.

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // in intrinsics of gcc 12
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include "cellwise/blocks.h"
#include "cellwise/degrees.h"

namespace cellwise::CELLWISE_ISA_NAMESPACE {

namespace {

constexpr double kRound = kRoundToInteger;

inline double multiply_add(double a, double b, double c) {
#ifdef __FMA__
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

inline std::uint64_t bits(double x) { return std::bit_cast<std::uint64_t>(x); }
inline std::uint64_t lowest_bit(std::uint64_t x) { return x & (0 - x); }

#include "curve.inl"

// sin(d degrees) / d and cos(d degrees) for d^2 in [0, 45^2], as degrees.h has them.
inline double sum_of_powers(const std::array<double, 7>& coefficients, double x) {
  const auto [c6, c5, c4, c3, c2, c1, c0] = coefficients;
  double p = multiply_add(c6, x, c5);
  p = multiply_add(p, x, c4);
  p = multiply_add(p, x, c3);
  p = multiply_add(p, x, c2);
  p = multiply_add(p, x, c1);
  return multiply_add(p, x, c0);
}
inline double sine_over_degrees(double d2) { return sum_of_powers(kSineOverDegrees, d2); }
inline double cosine_of_degrees(double d2) { return sum_of_powers(kCosineOfDegrees, d2); }

// A row is undecided if a coordinate is nearer than this to a boundary between leaves, in widths of leaves.
//
// The errors of the coordinate X = 2^30 s on both paths are at most the sum of these, in units of 2^-53:
//
//   scalar definition                                                       here
//     angle in radians (half an ulp of it, and of pi / 180): 2.5 for lng    0: degrees are reduced exactly
//       and 1.3 for lat
//     sine and cosine, 1.1 ulp at most:                        2.2 each     1.5 each (fit and Horner's rounding)
//     products and the quotient u:                             3            4 (reciprocal, then product)
//   du, with 1 + u^2 + v^2 <= 3 stretching the angles:         <= 17         <= 10
//   ds = 3 du / (4 sqrt(1 + 3 |u|)), and the root:             <= 10         <= 7
//
// That is 17 * 2^-53 * 2^30 = 2.1e-6 leaves in the worst case; the largest difference seen among 6 million points was
// 7.2e-7 (tests/margin.cpp measures it). 2^-17 = 7.6e-6 is 3.6 times the one and 10 times the other, and leaves 3
// points in 100,000 undecided.
//
// Every discontinuity of the cell as a function of the position is such a boundary: u = 0, where the fold of the
// projection changes side, is X = 2^29; an edge or a diagonal of a face, where the dominant axis changes, is X = 2^30.
constexpr double kNearBoundary = 0x1p-17;

// Where a ray meets the cube: the dominant axis, the signs of it and of the other two along the coordinates of its
// face, and the distances of the coordinates from the center lines of the face, folded: 2^level sqrt(1 + 3 |u|) / 2.
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
          half_cells * std::sqrt(multiply_add(3 * q, inverse, 1.0)),
          axis,
          w_sign,
          p_sign,
          q_sign};
}

struct Projected {
  alignas(64) std::uint32_t i[kBlockRows], j[kBlockRows];  // words as curve.inl has them, zeros below the level
  alignas(64) double undecided[kBlockRows];  // 1 for rows that are undecided, else 0
};

// On faces 3 to 5 the coordinates are exchanged compared with their definition. So are those of the curve there: it
// starts swapped on faces 1 and 4, where the dominant axis is y.
void project(const double* __restrict lat, const double* __restrict lng, double half_cells, double near_boundary,
             std::uint64_t ones, unsigned shift, Projected& out, std::size_t n) noexcept {
  for (std::size_t k = 0; k < n; ++k) {
    const Folded at = fold(lat[k], lng[k], half_cells);
    const double i_rounded = at.i + kRound, j_rounded = at.j + kRound;
    const double i_off = at.i - (i_rounded - kRound), j_off = at.j - (j_rounded - kRound);
    const std::uint64_t i_floor = bits(i_rounded) - (bits(i_off) >> 63),
                        j_floor = bits(j_rounded) - (bits(j_off) >> 63);
    const std::uint64_t face = at.axis + 3 * at.w_sign;
    out.i[k] = i_word(((i_floor ^ (0 - at.i_sign)) & ones) << shift, face);
    out.j[k] = j_word(((j_floor ^ (0 - at.j_sign)) & ones) << shift, face, at.axis & 1);

    const double i_gap = std::fabs(i_off), j_gap = std::fabs(j_off);
    const double gap = i_gap < j_gap ? i_gap : j_gap;
    const bool in_range = std::fabs(lat[k]) <= 90 && std::fabs(lng[k]) <= 360;  // not for NaN
    out.undecided[k] = (in_range ? gap : 0) >= near_boundary ? 0.0 : 1.0;
  }
}

bool leave_all_undecided(std::uint8_t* undecided, std::size_t n) noexcept {
  std::memset(undecided, 1, n);
  return true;
}

bool latlng_to_cell(const double* lat, const double* lng, std::int32_t level, std::uint64_t* cell,
                    std::uint8_t* undecided, std::size_t n) noexcept {
  if (level < 0 || level > 30) return leave_all_undecided(undecided, n);
  Projected at;
  const std::uint64_t marker = std::uint64_t{1} << (2 * (30 - level));
  const double cells = static_cast<double>(std::uint64_t{1} << level);
  project(lat, lng, 0.5 * cells, kNearBoundary * (cells * 0x1p-30), (std::uint64_t{1} << level) - 1,
          static_cast<unsigned>(30 - level), at, n);
  alignas(64) std::uint64_t path[kBlockRows];
  order(at.i, at.j, path, n);
  for (std::size_t k = 0; k < n; ++k) cell[k] = (path[k] & (0 - 2 * marker)) | marker;
  double any = 0;
  for (std::size_t k = 0; k < n; ++k) any += at.undecided[k];
  if (any == 0) return false;
  for (std::size_t k = 0; k < n; ++k) undecided[k] = at.undecided[k] != 0;
  return true;
}

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

// --- cells, bit by bit ---------------------------------------------------------------------------

constexpr std::uint64_t kMarkers = 0x1555555555555555;  // where they may be

// Negative, as signed integers, for what is no cell. In arithmetic alone, which vectorizes where conditions do not.
// Valid range: any 64 bits.
inline std::uint64_t fault(std::uint64_t id) {
  const std::uint64_t marker = lowest_bit(id) & kMarkers;
  return (marker - 1) | (id & id << 1);
}
inline bool is_negative(std::uint64_t x) { return static_cast<std::int64_t>(x) < 0; }

// Marks the rows where `fault_of(k)` is negative, if all of them together are.
template <class FaultOf>
inline bool mark_undecided(std::uint64_t faults, std::uint8_t* undecided, std::size_t n, FaultOf fault_of) noexcept {
  if (!is_negative(faults)) return false;
  for (std::size_t k = 0; k < n; ++k) undecided[k] = fault_of(k) >> 63;
  return true;
}

// What is neither a cell nor missing, among all that are added.
struct Faults {
  std::uint64_t markers = 0, faces = 0;

  void add(std::uint64_t id, std::uint64_t allowed_markers = kMarkers) {
    markers |= lowest_bit(id) & ~allowed_markers;
    faces |= id & (id + id);
  }
  std::uint64_t any() const { return (markers | (0 - markers)) | faces; }  // negative if there are
};
inline std::uint64_t fault_unless_missing(std::uint64_t id, std::uint64_t allowed_markers = kMarkers) {
  Faults one;
  one.add(id, allowed_markers);
  return one.any();
}

// f(cell) for each cell, `null` for the missing one.
template <class T, class F>
inline bool each_cell(const std::uint64_t* __restrict cell, T* __restrict to, T null, std::uint8_t* undecided,
                      std::size_t n, F f) noexcept {
  Faults faults;
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t id = cell[k];
    faults.add(id);
    to[k] = id == 0 ? null : f(id);
  }
  return mark_undecided(faults.any(), undecided, n, [&](std::size_t k) { return fault_unless_missing(cell[k]); });
}

bool cell_is_valid(const std::uint64_t* __restrict cell, bool* __restrict valid, std::uint8_t*,
                   std::size_t n) noexcept {
  for (std::size_t k = 0; k < n; ++k) valid[k] = !is_negative(fault(cell[k]));
  return false;
}

bool cell_level(const std::uint64_t* cell, std::int32_t* level, std::uint8_t* undecided, std::size_t n) noexcept {
  return each_cell<std::int32_t>(cell, level, -1, undecided, n, [](std::uint64_t id) {
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

bool cell_face(const std::uint64_t* cell, std::int32_t* face, std::uint8_t* undecided, std::size_t n) noexcept {
  return each_cell<std::int32_t>(cell, face, -1, undecided, n,
                                 [](std::uint64_t id) { return static_cast<std::int32_t>(id >> 61); });
}

bool cell_is_leaf(const std::uint64_t* cell, bool* is_leaf, std::uint8_t* undecided, std::size_t n) noexcept {
  return each_cell<bool>(cell, is_leaf, false, undecided, n, [](std::uint64_t id) { return (id & 1) != 0; });
}

bool cell_range_min(const std::uint64_t* cell, std::uint64_t* leaf, std::uint8_t* undecided, std::size_t n) noexcept {
  return each_cell<std::uint64_t>(cell, leaf, 0, undecided, n,
                                  [](std::uint64_t id) { return id - (lowest_bit(id) - 1); });
}

bool cell_range_max(const std::uint64_t* cell, std::uint64_t* leaf, std::uint8_t* undecided, std::size_t n) noexcept {
  return each_cell<std::uint64_t>(cell, leaf, 0, undecided, n,
                                  [](std::uint64_t id) { return id + (lowest_bit(id) - 1); });
}

bool cell_parent(const std::uint64_t* __restrict cell, std::int32_t level, std::uint64_t* __restrict parent,
                 std::uint8_t* undecided, std::size_t n) noexcept {
  if (level < 0 || level > 30) return leave_all_undecided(undecided, n);
  const std::uint64_t bit = std::uint64_t{1} << (2 * (30 - level)), keep = 0 - bit;
  const std::uint64_t allowed = kMarkers & (2 * bit - 1);  // of cells at this level or below
  Faults faults;
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t id = cell[k];
    faults.add(id, allowed);
    parent[k] = id == 0 ? 0 : (id & keep) | bit;
  }
  return mark_undecided(faults.any(), undecided, n,
                        [&](std::size_t k) { return fault_unless_missing(cell[k], allowed); });
}

// Questions about two cells; false if one is missing.
template <class F>
inline bool each_pair(const std::uint64_t* __restrict a, const std::uint64_t* __restrict b, bool* __restrict to,
                      std::uint8_t* undecided, std::size_t n, F f) noexcept {
  Faults faults;
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t p = a[k], q = b[k];
    faults.add(p);
    faults.add(q);
    to[k] = f(p, q);
  }
  return mark_undecided(faults.any(), undecided, n,
                        [&](std::size_t k) { return fault_unless_missing(a[k]) | fault_unless_missing(b[k]); });
}

bool cell_contains(const std::uint64_t* a, const std::uint64_t* b, bool* contains, std::uint8_t* undecided,
                   std::size_t n) noexcept {
  return each_pair(a, b, contains, undecided, n, [](std::uint64_t p, std::uint64_t q) {
    const std::uint64_t reach = lowest_bit(p) - 1;
    return (p != 0) & (q - p + reach <= reach + reach);  // from range_min to range_max, and so not 0
  });
}

bool cell_intersects(const std::uint64_t* a, const std::uint64_t* b, bool* intersects, std::uint8_t* undecided,
                     std::size_t n) noexcept {
  return each_pair(a, b, intersects, undecided, n, [](std::uint64_t p, std::uint64_t q) {
    const std::uint64_t p_reach = lowest_bit(p) - 1, q_reach = lowest_bit(q) - 1;
    return (p != 0) & (q != 0) & (q - q_reach <= p + p_reach) & (q + q_reach >= p - p_reach);
  });
}

// --- tokens --------------------------------------------------------------------------------------

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

bool cell_to_token(const std::uint64_t* __restrict cell, std::uint8_t* __restrict token, std::uint8_t* undecided,
                   std::size_t n) noexcept {
  alignas(64) std::uint64_t first[kBlockRows], second[kBlockRows];
  Faults faults;
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t id = cell[k], kept = 0 - lowest_bit(id);
    faults.add(id);
    const std::uint64_t text = digits_to_text(id >> 32, kept >> 32);
    first[k] = id == 0 ? turned(std::uint64_t{'X'} << 56) : text;
    second[k] = digits_to_text(id & 0xffffffff, kept & 0xffffffff);
  }
  for (std::size_t k = 0; k < n; ++k) {
    std::memcpy(token + 16 * k, &first[k], 8);
    std::memcpy(token + 16 * k + 8, &second[k], 8);
  }
  return mark_undecided(faults.any(), undecided, n, [&](std::size_t k) { return fault_unless_missing(cell[k]); });
}

inline std::uint64_t nuls(std::uint64_t digits) {  // bytes of ones where there is a NUL
  const std::uint64_t is_nul = digits >> 6 & 0x0101010101010101;
  return (is_nul << 8) - is_nul;
}

bool token_to_cell(const char* __restrict token, std::uint64_t* __restrict cell, std::uint8_t* undecided,
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
  return mark_undecided(faults, undecided, n, [&](std::size_t k) { return unsure[k]; });
}

// --- cells to positions --------------------------------------------------------------------------

// Points of faces, in doubled leaf coordinates. The two coordinates on the cube's face stand for the axes p and q of
// space, in the order of their names (faces 0, 3: y, z; 1, 4: x, z; 2, 5: x, y), and o is the other one of x and y, z
// the third: 1 if it is the face's own axis, else p or q. Signs are kept apart.
struct Points {
  alignas(64) std::uint32_t p[kBlockRows], q[kBlockRows];  // distances from the center lines of the face, plus 2^30
  alignas(64) std::uint32_t signs[kBlockRows];  // and the axis of the face
};
constexpr std::uint64_t kIsPolar = 1, kIsAlongX = 2;
constexpr int kSignOfY = 29, kSignOfX = 30, kSignOfZ = 31;  // bits of `signs`

inline void to_point(std::uint32_t face, std::uint32_t si, std::uint32_t ti, Points& out, std::size_t k) noexcept {
  // Faces 3 to 5 are the opposite of 0 to 2, with -v and -u for u and v. On faces 1 and 2 x is -u, on face 2 y is -v.
  const std::uint32_t behind = face >= 3 ? ~std::uint32_t{0} : 0, axis = face >= 3 ? face - 3 : face;
  constexpr std::uint32_t kCenter = std::uint32_t{1} << 30;
  const std::uint32_t a = (behind != 0 ? ti : si) - kCenter, b = (behind != 0 ? si : ti) - kCenter;  // signed
  const std::uint32_t minus_a = 0 - a, minus_b = 0 - b;
  out.p[k] = kCenter + (static_cast<std::int32_t>(a) < 0 ? minus_a : a);
  out.q[k] = kCenter + (static_cast<std::int32_t>(b) < 0 ? minus_b : b);
  const std::uint32_t p = behind != 0 ? minus_a : a, minus_p = behind != 0 ? a : minus_a;
  const std::uint32_t q = behind != 0 ? minus_b : b, minus_q = behind != 0 ? b : minus_b;
  const std::uint32_t x = axis == 0 ? behind : minus_p, z = axis == 2 ? behind : q;
  const std::uint32_t y = axis == 0 ? p : (axis == 1 ? behind : minus_q);
  const std::uint32_t is_polar = axis == 2 ? kIsPolar : 0, is_along_x = axis == 0 ? kIsAlongX : 0;
  out.signs[k] = (x >> 31 << kSignOfX) | (y >> 31 << kSignOfY) | (z >> 31 << kSignOfZ) | is_polar | is_along_x;
}

// For integers up to 2^31.
inline double to_double(std::uint32_t x) {
#ifdef __AVX512DQ__
  return static_cast<double>(x);
#else
  return std::bit_cast<double>(x | 0x4330000000000000) - 0x1p52;
#endif
}

// |u| from p or q: the operations of the scalar code one by one, but for powers of two.
inline double from_center(std::uint32_t p) {
  const double s = to_double(p);
  return (1 / 3.) * multiply_add(s * s, 0x1p-60, -1);
}

// c - a * b with a single rounding.  REQUIRES: the result is as small as a rounding error of the product.
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

// The angle of a vector (x, y) in degrees, without the sign of y.
// Max error: 0.7 ulp before it is scaled to degrees, so that it is within 2 ulp of any C library whose own error is
// below 1 ulp: one ulp of radians is at most 1.8 ulps of degrees, and there are two roundings.
//
// The quotient t of the smaller and the larger of |x| and |y| is in [0, 1]; beyond tan(pi / 8) the angle is reduced by
// pi / 4, which gives (t - 1) / (t + 1). The quotient and both sums are corrected by their rounding errors. atan(t) / t
// is a Chebyshev fit in t^2 (max error 7e-18).
inline double angle(double larger, double smaller, bool is_steep, bool is_behind) {
  constexpr double kQuarter = 0.7853981633974483, kQuarterRest = 3.061616997868383e-17;  // 4 * kQuarter is exact
  const bool beyond = smaller > 0.4142135623730951 * larger;
  const double sum = larger + smaller, difference = smaller - larger;
  const double sum_rest = smaller - (sum - larger), difference_rest = smaller - (difference + larger);
  const double numerator = beyond ? difference : smaller, numerator_rest = beyond ? difference_rest : 0;
  const double denominator = beyond ? sum : larger, denominator_rest = beyond ? sum_rest : 0;
  const double inverse = 1 / denominator;
  const double t = numerator * inverse;
  const double t_rest = (residual(t, denominator, numerator) + (numerator_rest - t * denominator_rest)) * inverse;
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
  const double up = beyond ? 1 : 0, from_y = is_steep ? 2 - up : up, quarters = is_behind ? 4 - from_y : from_y;
  const std::uint64_t minus = is_steep != is_behind ? kSign : 0;
  const double turn = std::bit_cast<double>(bits(t) ^ minus), turn_rest = std::bit_cast<double>(bits(rest) ^ minus);
  const double high = quarters * kQuarter, sum_of_both = high + turn;
  const double low = (high - sum_of_both) + turn;  // of the two, high is the larger, or zero
  return (180 / 3.141592653589793) * (sum_of_both + (low + multiply_add(quarters, kQuarterRest, turn_rest)));
}

struct LatLng {
  double lat, lng;
};
inline LatLng to_latlng(double p, double o, double z, std::uint64_t signs) {
  constexpr double kLeast = 0x1p-1000;  // in place of zero, to divide by
  const double ring = std::sqrt(p * p + o * o), far = ring > z ? ring : z, near = ring > z ? z : ring;
  const double lat = angle(far, near, z > ring, false);
  const double longer = o > p ? o : p, shorter = o > p ? p : o, divisor = longer > kLeast ? longer : kLeast;
  const bool is_along_x = (signs & kIsAlongX) != 0, is_behind = (signs >> kSignOfX & 1) != 0;
  const bool is_steep = (o > p) != is_along_x;
  const double lng = angle(divisor, shorter, is_steep, is_behind);
  return {std::bit_cast<double>(bits(lat) | (signs << (63 - kSignOfZ) & kSign)),
          std::bit_cast<double>(bits(lng) | (signs << (63 - kSignOfY) & kSign))};
}

// Not 0 if any of them is no cell.
inline std::uint64_t all_faults(const std::uint64_t* cell, std::size_t n) noexcept {
  std::uint64_t faults = 0;
  for (std::size_t k = 0; k < n; ++k) faults |= fault(cell[k]);
  return faults;
}

bool cell_to_latlng(const std::uint64_t* __restrict cell, double* __restrict lat, double* __restrict lng,
                    std::uint8_t* undecided, std::size_t n) noexcept {
  alignas(64) std::uint32_t si[kBlockRows], ti[kBlockRows];
  trace(cell, si, ti, n);
  Points at;
  for (std::size_t k = 0; k < n; ++k) to_point(static_cast<std::uint32_t>(cell[k] >> 61), si[k], ti[k], at, k);
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t signs = at.signs[k];
    const bool is_polar = (signs & kIsPolar) != 0;
    const double p = from_center(at.p[k]), q = from_center(at.q[k]);
    const LatLng found = to_latlng(p, is_polar ? q : 1, is_polar ? 1 : q, signs);
    lat[k] = found.lat;
    lng[k] = found.lng;
  }
  return mark_undecided(all_faults(cell, n), undecided, n, [&](std::size_t k) { return fault(cell[k]); });
}

bool cell_vertices(const std::uint64_t* __restrict cell, double* __restrict vertices, std::uint8_t* undecided,
                   std::size_t n) noexcept {
  alignas(64) std::uint32_t si[kBlockRows], ti[kBlockRows];
  trace(cell, si, ti, n);
  alignas(64) double found[8][kBlockRows];
  for (std::uint32_t vertex = 0; vertex < 4; ++vertex) {
    const std::uint32_t right = vertex == 1 || vertex == 2 ? 1 : 0, up = vertex >> 1;
    Points at;
    for (std::size_t k = 0; k < n; ++k) {
      const std::uint32_t half = si[k] & (0 - si[k]);  // of the size of the cell
      to_point(static_cast<std::uint32_t>(cell[k] >> 61), si[k] - half + (2 * half & (0 - right)),
               ti[k] - half + (2 * half & (0 - up)), at, k);
    }
    double *lat = found[2 * vertex], *lng = found[2 * vertex + 1];
    for (std::size_t k = 0; k < n; ++k) {
      const std::uint64_t signs = at.signs[k];
      const bool is_polar = (signs & kIsPolar) != 0;
      const double p = from_center(at.p[k]), q = from_center(at.q[k]), o = is_polar ? q : 1, z = is_polar ? 1 : q;
      const double inverse = 1 / std::sqrt(p * p + o * o + z * z);
      const LatLng is_at = to_latlng(p * inverse, o * inverse, z * inverse, signs);
      lat[k] = is_at.lat;
      lng[k] = is_at.lng;
    }
  }
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t m = 0; m < 8; ++m) vertices[8 * k + m] = found[m][k];
  }
  return mark_undecided(all_faults(cell, n), undecided, n, [&](std::size_t k) { return fault(cell[k]); });
}

// --- neighbors -----------------------------------------------------------------------------------

// The neighborhood of up to 64 cells: words of the lowest leaf of the cell before, of the cell itself, and of the cell
// after, along i and along j.
struct Neighborhood {
  alignas(64) std::uint32_t i[3][64], j[3][64];
};

// Finds the neighborhoods of cells; returns whether any of them is no cell or at the border of its face.
inline std::uint32_t find_neighborhoods(const std::uint64_t* __restrict cell, Neighborhood& out,
                                        std::uint8_t* __restrict outside, std::size_t n) noexcept {
  alignas(64) std::uint32_t si[64], ti[64], is_out[64];
  trace(cell, si, ti, n);
  std::uint32_t any = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t face = cell[k] >> 61;
    const std::uint32_t s = si[k], t = ti[k], size = s & (0 - s), last = (std::uint32_t{1} << 30) - size;
    const std::uint32_t i = (s - size) >> 1, j = (t - size) >> 1;
    const std::uint32_t i_home = i_word(i, face), j_home = j_word(j, face, face & 1);
    out.i[0][k] = i_home - size, out.i[1][k] = i_home, out.i[2][k] = i_home + size;
    out.j[0][k] = j_home - size, out.j[1][k] = j_home, out.j[2][k] = j_home + size;
    is_out[k] = static_cast<std::uint32_t>(fault(cell[k]) >> 63) | (i == 0 ? 1 : 0) | (j == 0 ? 1 : 0) |
                (i == last ? 1 : 0) | (j == last ? 1 : 0);
    any |= is_out[k];
  }
  for (std::size_t k = 0; k < n; ++k) outside[k] = static_cast<std::uint8_t>(is_out[k]);
  return any;
}

// The id of the cell at the end of a path that is as large as another cell.
inline std::uint64_t as_large(std::uint64_t path, std::uint64_t cell) {
  const std::uint64_t marker = lowest_bit(cell);
  return (path & (0 - 2 * marker)) | marker;
}

// Calls `few(cell, neighbors, undecided, n)` for 64 rows at a time, which stay in the nearest cache.
template <std::size_t kWidth, class Few>
inline bool by_few(const std::uint64_t* cell, std::uint64_t* neighbors, std::uint8_t* undecided, std::size_t n,
                   Few few) noexcept {
  std::uint32_t any = 0;
  for (std::size_t start = 0; start < n; start += 64) {
    any |= few(cell + start, neighbors + kWidth * start, undecided + start, n - start < 64 ? n - start : 64);
  }
  return any != 0;
}

inline std::uint32_t few_edge_neighbors(const std::uint64_t* __restrict cell, std::uint64_t* __restrict neighbors,
                                        std::uint8_t* undecided, std::size_t n) noexcept {
  Neighborhood at;
  const std::uint32_t any = find_neighborhoods(cell, at, undecided, n);
  alignas(64) std::uint64_t down[64], right[64], up[64], back[64];
  const Coordinate i = coordinate(at.i[1]), j = coordinate(at.j[1]);
  order_64(i, coordinate(at.j[0]), down, n);
  order_64(coordinate(at.i[2]), j, right, n);
  order_64(i, coordinate(at.j[2]), up, n);
  order_64(coordinate(at.i[0]), j, back, n);
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t own = cell[k];
    neighbors[4 * k] = as_large(down[k], own);
    neighbors[4 * k + 1] = as_large(right[k], own);
    neighbors[4 * k + 2] = as_large(up[k], own);
    neighbors[4 * k + 3] = as_large(back[k], own);
  }
  return any;
}

bool cell_edge_neighbors(const std::uint64_t* cell, std::uint64_t* neighbors, std::uint8_t* undecided,
                         std::size_t n) noexcept {
  return by_few<4>(cell, neighbors, undecided, n, few_edge_neighbors);
}

inline void put_in_order(std::uint64_t& a, std::uint64_t& b) {
  const std::uint64_t least = a < b ? a : b;
  b = a < b ? b : a;
  a = least;
}

inline std::uint32_t few_all_neighbors(const std::uint64_t* __restrict cell, std::uint64_t* __restrict neighbors,
                                       std::uint8_t* undecided, std::size_t n) noexcept {
  Neighborhood at;
  const std::uint32_t any = find_neighborhoods(cell, at, undecided, n);
  alignas(64) std::uint64_t around[9][64];
  const Coordinate j[3] = {coordinate(at.j[0]), coordinate(at.j[1]), coordinate(at.j[2])};
  for (int m = 0; m < 9; ++m) {
    if (m != 4) order_64(coordinate(at.i[m / 3]), j[m % 3], around[m], n);
  }
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t own = cell[k];
    std::uint64_t a = as_large(around[0][k], own), b = as_large(around[1][k], own), c = as_large(around[2][k], own);
    std::uint64_t d = as_large(around[3][k], own), e = as_large(around[5][k], own), f = as_large(around[6][k], own);
    std::uint64_t g = as_large(around[7][k], own), h = as_large(around[8][k], own);
    // Batcher's network of 19 comparators.
    put_in_order(a, b), put_in_order(c, d), put_in_order(e, f), put_in_order(g, h);
    put_in_order(a, c), put_in_order(b, d), put_in_order(e, g), put_in_order(f, h);
    put_in_order(b, c), put_in_order(f, g), put_in_order(a, e), put_in_order(d, h);
    put_in_order(b, f), put_in_order(c, g);
    put_in_order(b, e), put_in_order(d, g);
    put_in_order(c, e), put_in_order(d, f);
    put_in_order(d, e);
    neighbors[8 * k] = a, neighbors[8 * k + 1] = b, neighbors[8 * k + 2] = c, neighbors[8 * k + 3] = d;
    neighbors[8 * k + 4] = e, neighbors[8 * k + 5] = f, neighbors[8 * k + 6] = g, neighbors[8 * k + 7] = h;
  }
  return any;
}

bool cell_all_neighbors(const std::uint64_t* cell, std::uint64_t* neighbors, std::uint8_t* undecided,
                        std::size_t n) noexcept {
  return by_few<8>(cell, neighbors, undecided, n, few_all_neighbors);
}

// --- results to memory ---------------------------------------------------------------------------

#if defined(__SSE2__)
void stream(const std::byte* from, std::byte* to, std::size_t size) noexcept {
#if defined(__AVX512F__)
  for (std::size_t at = 0; at < size; at += 64) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + at), _mm512_loadu_si512(from + at));
  }
#else
  for (std::size_t at = 0; at < size; at += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + at), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at)));
  }
#endif
}
#endif

}  // namespace

extern const Blocks kBlocks;
const Blocks kBlocks = {
    .name = CELLWISE_ISA_NAME,
#if defined(__SSE2__)
    .stream = &stream,
#endif
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
