// Level, face, parents, children, ranges and containment: arithmetic on the id alone.

#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "cellwise/check.h"
#include "cellwise/projection.h"

namespace cellwise {

inline constexpr std::uint64_t kCurveEnd = std::uint64_t{6} << 61;  // one past the last range of face 5

constexpr std::uint64_t lowest_bit(std::uint64_t cell) noexcept { return cell & (~cell + 1); }
constexpr std::uint64_t level_bit(std::int32_t level) noexcept { return std::uint64_t{1} << (2 * (kMaxLevel - level)); }
constexpr std::int32_t level_size(std::int32_t level) noexcept { return 1 << (kMaxLevel - level); }

// True if the id names a cell.  Valid range: any 64 bits.
constexpr bool cell_is_valid(std::uint64_t id) noexcept {
  return (id >> 61) < 6 && (lowest_bit(id) & 0x1555555555555555) != 0;
}
constexpr Check check_cell_is_valid(std::uint64_t) noexcept { return Check::kOk; }

constexpr Check check_cell(std::uint64_t cell) noexcept {
  if (cell == 0) return Check::kMissing;
  return cell_is_valid(cell) ? Check::kOk : Check::kInvalid;
}
constexpr Check check_cells(std::uint64_t a, std::uint64_t b) noexcept {
  return std::max(check_cell(a), check_cell(b));
}
constexpr bool is_level(std::int32_t level) noexcept { return 0 <= level && level <= kMaxLevel; }

// Level of a cell, 0 (face) .. 30 (leaf).  REQUIRES: cell is valid.
constexpr std::int32_t cell_level(std::uint64_t cell) noexcept { return kMaxLevel - (std::countr_zero(cell) >> 1); }

// Face of the cube, 0..5.  REQUIRES: cell is valid.
constexpr std::int32_t cell_face(std::uint64_t cell) noexcept { return static_cast<std::int32_t>(cell >> 61); }

// REQUIRES: cell is valid.
constexpr bool cell_is_leaf(std::uint64_t cell) noexcept { return (cell & 1) != 0; }

// Ancestor at `level`.  REQUIRES: cell is valid; 0 <= level <= cell_level(cell).
constexpr std::uint64_t cell_parent(std::uint64_t cell, std::int32_t level) noexcept {
  const std::uint64_t bit = level_bit(level);
  return (cell & (~bit + 1)) | bit;
}
constexpr Check check_cell_parent(std::uint64_t cell, std::int32_t level) noexcept {
  if (!is_level(level)) return Check::kInvalid;
  const Check check = check_cell(cell);
  return check == Check::kOk && level > cell_level(cell) ? Check::kInvalid : check;
}

// The k-th child in curve order.  REQUIRES: cell is valid and no leaf; 0 <= k <= 3.
constexpr std::uint64_t cell_child(std::uint64_t cell, std::int32_t k) noexcept {
  const std::uint64_t bit = lowest_bit(cell) >> 2;
  return cell - 3 * bit + 2 * bit * static_cast<std::uint64_t>(k);
}
constexpr Check check_cell_child(std::uint64_t cell, std::int32_t k) noexcept {
  if (k < 0 || k > 3) return Check::kInvalid;
  const Check check = check_cell(cell);
  return check == Check::kOk && cell_is_leaf(cell) ? Check::kInvalid : check;
}

// First and last leaf within the cell.  REQUIRES: cell is valid.
constexpr std::uint64_t cell_range_min(std::uint64_t cell) noexcept { return cell - (lowest_bit(cell) - 1); }
constexpr std::uint64_t cell_range_max(std::uint64_t cell) noexcept { return cell + (lowest_bit(cell) - 1); }

// True if b is a or lies within it.  REQUIRES: a and b are valid.
constexpr bool cell_contains(std::uint64_t a, std::uint64_t b) noexcept {
  return cell_range_min(a) <= b && b <= cell_range_max(a);
}

// True if one contains the other.  REQUIRES: a and b are valid.
constexpr bool cell_intersects(std::uint64_t a, std::uint64_t b) noexcept {
  return cell_range_min(b) <= cell_range_max(a) && cell_range_max(b) >= cell_range_min(a);
}

// Finest cell that contains both; 0 if they lie on different faces.  REQUIRES: a and b are valid.
constexpr std::uint64_t cell_common_ancestor(std::uint64_t a, std::uint64_t b) noexcept {
  const std::uint64_t bits = std::max({a ^ b, lowest_bit(a), lowest_bit(b)});
  const int highest = 63 - std::countl_zero(bits);
  return highest > 60 ? 0 : cell_parent(a, (60 - highest) >> 1);
}

// All descendants at `level`, in curve order.  REQUIRES: cell is valid; cell_level(cell) <= level <= 30.
struct CellChildren {
  static constexpr std::int64_t size(std::uint64_t cell, std::int32_t level) noexcept {
    return std::int64_t{1} << (2 * (level - cell_level(cell)));
  }
  static constexpr std::int64_t fill(std::uint64_t cell, std::int32_t level, std::uint64_t* out) noexcept {
    const std::uint64_t bit = level_bit(level);
    const std::int64_t n = size(cell, level);
    std::uint64_t child = cell - lowest_bit(cell) + bit;
    for (std::int64_t k = 0; k < n; ++k, child += 2 * bit) out[k] = child;
    return n;
  }
};
constexpr Check check_cell_children(std::uint64_t cell, std::int32_t level) noexcept {
  if (!is_level(level)) return Check::kInvalid;
  const Check check = check_cell(cell);
  return check == Check::kOk && level < cell_level(cell) ? Check::kInvalid : check;
}

}  // namespace cellwise
