// Sets of cells as sorted vectors.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cellwise/hierarchy.h"
#include "cellwise/projection.h"

namespace cellwise {

// Sorts the cells, drops those that another one contains, and merges four siblings into their parent, until nothing
// changes.
inline void normalize_cells(std::vector<std::uint64_t>& cells) {
  std::sort(cells.begin(), cells.end());
  std::size_t n = 0;
  for (std::uint64_t cell : cells) {
    if (n > 0 && cell_contains(cells[n - 1], cell)) continue;
    while (n > 0 && cell_contains(cell, cells[n - 1])) --n;
    const auto completes_siblings = [&] {
      if (n < 3 || cell_level(cell) == 0) return false;
      const std::uint64_t parent = cell_parent(cell, cell_level(cell) - 1);
      return cells[n - 3] == cell_child(parent, 0) && cells[n - 2] == cell_child(parent, 1) &&
             cells[n - 1] == cell_child(parent, 2) && cell == cell_child(parent, 3);
    };
    while (completes_siblings()) {
      cell = cell_parent(cell, cell_level(cell) - 1);
      n -= 3;
    }
    cells[n++] = cell;
  }
  cells.resize(n);
}

// The level of the descendants by which a cell of `level` is replaced, so that they are at min_level or a multiple of
// level_mod below it.
constexpr std::int32_t denormalized_level(std::int32_t level, std::int32_t min_level, std::int32_t level_mod) noexcept {
  const std::int32_t finer = std::max(level, min_level);
  return std::min(kMaxLevel, finer + (kMaxLevel - (finer - min_level)) % level_mod);
}

}  // namespace cellwise
