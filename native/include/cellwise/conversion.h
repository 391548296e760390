// Cells from and to positions, tokens, signed integers and strings.

#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "cellwise/check.h"
#include "cellwise/hierarchy.h"
#include "cellwise/hilbert.h"
#include "cellwise/projection.h"

namespace cellwise {

// Characters of a fixed size, padded with NULs as numpy does.
template <std::size_t N>
using Text = std::array<char, N>;

// Cell at `level` that holds the ray of `xyz`.
// REQUIRES: the components are finite and not all zero; 0 <= level <= 30.
inline std::uint64_t point_to_cell(const Point& xyz, std::int32_t level) noexcept {
  const FaceUV at = xyz_to_face_uv(xyz);
  return cell_parent(face_ij_to_cell(at.face, st_to_ij(uv_to_st(at.u)), st_to_ij(uv_to_st(at.v))), level);
}
inline Check check_point_to_cell(const Point& xyz, std::int32_t level) noexcept {
  const bool finite = std::isfinite(xyz[0]) && std::isfinite(xyz[1]) && std::isfinite(xyz[2]);
  const bool zero = xyz[0] == 0 && xyz[1] == 0 && xyz[2] == 0;
  return finite && !zero && is_level(level) ? Check::kOk : Check::kInvalid;
}

// Cell at `level` that holds the position.
// REQUIRES: |lat| <= 90 and |lng| <= 360, in degrees; 0 <= level <= 30.
inline std::uint64_t latlng_to_cell(double lat, double lng, std::int32_t level) noexcept {
  return point_to_cell(latlng_to_point(lat, lng), level);
}
inline bool is_latlng(double lat, double lng) noexcept {  // false for NaN
  return std::fabs(lat) <= 90 && std::fabs(lng) <= 360;
}
inline Check check_latlng_to_cell(double lat, double lng, std::int32_t level) noexcept {
  return is_latlng(lat, lng) && is_level(level) ? Check::kOk : Check::kInvalid;
}

// Doubled leaf coordinates of the cell's center.  REQUIRES: cell is valid.
inline std::pair<std::int64_t, std::int64_t> cell_center_si_ti(std::uint64_t cell) noexcept {
  const FaceIJ at = cell_to_face_ij(cell);
  const std::int32_t size = level_size(cell_level(cell));
  return {2 * std::int64_t{at.i & -size} + size, 2 * std::int64_t{at.j & -size} + size};
}

// Center, on the cube.  REQUIRES: cell is valid.
inline Point cell_to_raw_point(std::uint64_t cell) noexcept {
  const auto [si, ti] = cell_center_si_ti(cell);
  return face_uv_to_xyz(cell_face(cell), st_to_uv(si_ti_to_st(si)), st_to_uv(si_ti_to_st(ti)));
}

// Center, on the unit sphere.  REQUIRES: cell is valid.
inline Point cell_to_point(std::uint64_t cell) noexcept { return normalize(cell_to_raw_point(cell)); }

// Center in degrees.  REQUIRES: cell is valid.  Max error: 2 ulp.
inline std::pair<double, double> cell_to_latlng(std::uint64_t cell) noexcept {
  const Point p = cell_to_raw_point(cell);
  return {radians_to_degrees(point_lat(p)), radians_to_degrees(point_lng(p))};
}

// Lower-case hexadecimal digits without the trailing zeros.  REQUIRES: cell is valid.
inline Text<16> cell_to_token(std::uint64_t cell) noexcept {
  Text<16> token{};
  for (int k = 0; cell != 0; ++k, cell <<= 4) token[k] = "0123456789abcdef"[cell >> 60];
  return token;
}

namespace internal {

// Id of a token, 0 if it has a character that is no lower-case hexadecimal digit, or too many of them.
constexpr std::uint64_t parse_token(std::string_view token) noexcept {
  if (token.size() > 16) return 0;
  std::uint64_t id = 0;
  int shift = 60;
  for (const char c : token) {
    std::uint64_t digit = 0;
    if ('0' <= c && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if ('a' <= c && c <= 'f') {
      digit = static_cast<std::uint64_t>(c - 'a') + 10;
    } else {
      return 0;
    }
    id |= digit << shift;
    shift -= 4;
  }
  return id;
}

// Id of "face/children", 0 if it is no such string.
constexpr std::uint64_t parse_string(std::string_view string) noexcept {
  if (string.size() < 2 || string.size() > 2 + kMaxLevel) return 0;
  if (string[0] < '0' || string[0] > '5' || string[1] != '/') return 0;
  std::uint64_t cell = static_cast<std::uint64_t>(string[0] - '0') << 61 | level_bit(0);
  for (const char c : string.substr(2)) {
    if (c < '0' || c > '3') return 0;
    cell = cell_child(cell, c - '0');
  }
  return cell;
}

}  // namespace internal

// REQUIRES: the token names a cell.
constexpr std::uint64_t token_to_cell(std::string_view token) noexcept { return internal::parse_token(token); }
constexpr Check check_token_to_cell(std::string_view token) noexcept {
  if (token == "X") return Check::kMissing;
  return cell_is_valid(internal::parse_token(token)) ? Check::kOk : Check::kInvalid;
}

// The same 64 bits, read as a signed integer.  REQUIRES: cell is valid.
constexpr std::int64_t cell_to_int64(std::uint64_t cell) noexcept { return std::bit_cast<std::int64_t>(cell); }
// REQUIRES: the bits name a cell.
constexpr std::uint64_t int64_to_cell(std::int64_t i) noexcept { return std::bit_cast<std::uint64_t>(i); }
constexpr Check check_int64_to_cell(std::int64_t i) noexcept { return check_cell(std::bit_cast<std::uint64_t>(i)); }

// Face, a slash, and one digit 0..3 a level.  REQUIRES: cell is valid.
inline Text<32> cell_to_string(std::uint64_t cell) noexcept {
  Text<32> string{};
  string[0] = static_cast<char>('0' + cell_face(cell));
  string[1] = '/';
  const int level = cell_level(cell);
  for (int k = 1; k <= level; ++k) string[k + 1] = static_cast<char>('0' + ((cell >> (61 - 2 * k)) & 3));
  return string;
}

// REQUIRES: the string names a cell.
constexpr std::uint64_t string_to_cell(std::string_view string) noexcept { return internal::parse_string(string); }
constexpr Check check_string_to_cell(std::string_view string) noexcept {
  if (string == "X") return Check::kMissing;
  return internal::parse_string(string) != 0 ? Check::kOk : Check::kInvalid;
}

}  // namespace cellwise
