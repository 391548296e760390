// Where cells stand among other, sorted cells, and which of those contain them.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "cellwise/hierarchy.h"
#include "cellwise/inlining.h"
#include "cellwise/projection.h"

namespace cellwise {

// The sorted cells of one level as a tree along the curve. A node stands for a stretch of the curve that is divided
// into 64 parts, in the last step the cells themselves. It has a bit for each part that holds cells, and the number of
// the first such part: the numbers of the others follow. The nodes of the first step are a dense list; how many steps
// follow depends on how long that list would be.
class LevelTable {
 public:
  // The positions of the cells are base, base + 1, ...
  // REQUIRES: the n cells are distinct, ascending and of `level`, at least one; base + n < 2^31.
  LevelTable(const std::uint64_t* cells, std::size_t n, std::int32_t level, std::int32_t base)
      : bit_(level_bit(level)), shift_(std::countr_zero(bit_) + 1) {
    const auto number = [&](std::size_t k) { return cells[k] >> shift_; };
    std::size_t changes[65] = {};  // how often that many bits of the number change
    for (std::size_t k = 1; k < n; ++k) ++changes[std::bit_width(number(k) ^ number(k - 1))];
    const auto n_nodes = [&](int bits) { return std::accumulate(changes + bits + 1, changes + 65, std::size_t{1}); };
    const std::uint64_t longest = std::max(kShortList, std::min<std::uint64_t>(kLongList, n / 2));
    int bits = kStep;  // of the number, that are left to the steps after the list
    while (bits < 60 && (number(n - 1) >> bits) - (number(0) >> bits) >= longest) bits += kStep, ++steps_;
    first_ = number(0) >> bits;
    span_ = (number(n - 1) >> bits) - first_ + 1;
    std::size_t end[kMaxSteps + 1], total = 1 + span_;  // of the nodes of each step; node 0 is empty
    for (int step = 1; step <= steps_; ++step) {
      end[step] = total;
      total += n_nodes(bits - kStep * step);
    }
    nodes_.resize(total);
    for (std::size_t k = 0; k < n; ++k) {
      const std::uint64_t changed = k == 0 ? ~std::uint64_t{0} : number(k) ^ number(k - 1);
      std::size_t value = static_cast<std::size_t>(base) + k;
      for (int step = steps_, low_bits = kStep;; --step, low_bits += kStep) {
        const bool is_new = changed >> low_bits != 0;
        const std::size_t at = step == 0 ? 1 + (number(k) >> low_bits) - first_ : is_new ? end[step]++ : end[step] - 1;
        nodes_[at].bits |= std::uint64_t{1} << (number(k) >> (low_bits - kStep) & 63);
        if (is_new) nodes_[at].before = static_cast<std::uint32_t>(value);
        if (step == 0 || !is_new) break;
        value = at;
      }
    }
  }

  // The position of the ancestor of each cell at the level; -1 if it is not there, for coarser cells and for 0; with
  // `kExact` also for finer cells.
  template <bool kExact = false>
  CELLWISE_INLINE inline void lookup(const std::uint64_t* cells, std::size_t n, std::int32_t* out) const noexcept {
    constexpr std::size_t kAhead = 64;  // rows whose memory is prefetched before the first is needed
    const Node* nodes = nodes_.data();
    const std::uint64_t own = 2 * bit_ - 1, bit = bit_, first = first_, span = span_;
    const int shift = shift_, steps = steps_;
    const auto list_node = [=](std::uint64_t cell, int low_bits) CELLWISE_INLINE {
      const std::uint64_t at = (cell >> low_bits >> kStep) - first;
      return at < span ? at + 1 : 0;
    };
    const auto position = [](const Node& node, int part) CELLWISE_INLINE {
      return node.before + static_cast<std::uint32_t>(std::popcount(node.bits & ((std::uint64_t{1} << part) - 1)));
    };
    const auto found = [=](const Node& node, std::uint64_t cell) CELLWISE_INLINE {
      const int part = static_cast<int>(cell >> shift & 63);
      const std::uint64_t low = cell & own;  // 0 for coarser cells, the level's bit alone for those of the level
      const bool is_known = ((node.bits >> part & 1) != 0) & (kExact ? low == bit : low != 0);
      return static_cast<std::int32_t>(position(node, part)) |
             (std::int32_t{is_known} - 1);  // a branch would be mispredicted
    };
    if (steps == 0) {
      for (std::size_t k = 0; k < n; ++k) out[k] = found(nodes[list_node(cells[k], shift)], cells[k]);
      return;
    }
    std::uint32_t at[kAhead];
    for (std::size_t start = 0; start < n; start += kAhead, cells += kAhead, out += kAhead) {
      const std::size_t rows = std::min(kAhead, n - start);
      int low_bits = shift + kStep * steps;
      for (std::size_t k = 0; k < rows; ++k) at[k] = static_cast<std::uint32_t>(list_node(cells[k], low_bits));
      for (int step = 0; step < steps; ++step, low_bits -= kStep) {
        for (std::size_t k = 0; k < rows; ++k) {
          const Node& node = nodes[at[k]];
          const int part = static_cast<int>(cells[k] >> low_bits & 63);
          at[k] = position(node, part) & -static_cast<std::uint32_t>(node.bits >> part & 1);
          CELLWISE_PREFETCH(nodes + at[k]);
        }
      }
      for (std::size_t k = 0; k < rows; ++k) out[k] = found(nodes[at[k]], cells[k]);
    }
  }

 private:
  struct Node {
    std::uint64_t bits = 0;
    std::uint32_t before = 0;
  };
  static constexpr int kStep = 6, kMaxSteps = 10;
  static constexpr std::uint64_t kShortList = 256, kLongList = 1 << 19;  // nodes

  std::uint64_t bit_, first_, span_;  // of the level; the first number and the length of the list
  int shift_, steps_ = 0;
  std::vector<Node> nodes_;
};

// An index of cells of any levels, sorted by level, then id.
class CellIndex {
 public:
  static constexpr std::size_t kRows = 256;  // at a time, so that intermediate results stay in the cache

  // REQUIRES: the cells are valid, distinct and in order; fewer than 2^31.
  CellIndex(const std::uint64_t* cells, std::size_t n) : path_of_cell_(n) {
    at_level_.fill(nullptr);
    tables_.reserve(kMaxLevel + 1);
    std::vector<std::uint32_t> path_of(n);  // where the path of each cell that contains others begins, else 0
    for (std::size_t start = 0, stop = 0; start < n; start = stop) {
      const std::int32_t level = cell_level(cells[start]);
      while (stop < n && cell_level(cells[stop]) == level) ++stop;
      for (std::size_t k = start; k < stop; k += kRows) {
        const std::size_t rows = std::min(kRows, stop - k);
        std::int32_t above[kRows];
        find_smallest(cells + k, rows, above);
        for (std::size_t j = 0; j < rows; ++j) {
          if (above[j] >= 0) path_of_cell_[k + j] = path_below(above[j], path_of);
          depth_ = std::max(depth_, path_of_cell_[k + j].n + 1);
        }
      }
      tables_.emplace_back(cells + start, stop - start, level, static_cast<std::int32_t>(start));
      at_level_[level] = &tables_.back();
    }
  }
  CellIndex(const CellIndex&) = delete;

  // The largest number of cells of the index that contain the same one, itself included.
  std::size_t depth() const noexcept { return static_cast<std::size_t>(depth_); }

  // The position of the ancestor of each cell at the level, or -1.
  CELLWISE_INLINE inline void lookup_ancestors(const std::uint64_t* cells, std::size_t n, std::int32_t level,
                                               std::int32_t* out) const noexcept {
    const LevelTable* table = at_level_[level];
    if (table != nullptr) {
      table->lookup(cells, n, out);
    } else {
      std::fill_n(out, n, -1);
    }
  }

  // The position of each cell, or -1.
  CELLWISE_INLINE inline void lookup(const std::uint64_t* cells, std::size_t n, std::int32_t* out) const noexcept {
    if (tables_.size() == 1) {
      tables_[0].lookup<true>(cells, n, out);
      return;
    }
    for (std::size_t start = 0, stop = 0; start < n; start = stop) {  // consecutive cells are mostly of one level
      const std::uint64_t bit = cells[start] & (~cells[start] + 1);
      const std::size_t most = std::min(n, start + kRows);
      while (stop < most && (cells[stop] & (~cells[stop] + 1)) == bit) ++stop;
      if (bit == 0) {
        std::fill_n(out + start, stop - start, -1);
      } else {
        lookup_ancestors(cells + start, stop - start, cell_level(bit), out + start);
      }
    }
  }

  // Writes the positions of the cells that contain the cell of each row, ordered by level, row after row; and for each
  // row the number of positions up to its end, plus `written`. Returns the number of positions. REQUIRES: n <= kRows;
  // room for n * depth() positions.
  template <class Index>
  CELLWISE_INLINE inline std::size_t ancestors_in(const std::uint64_t* cells, std::size_t n, std::size_t written,
                                                  Index* out, Index* ends) const noexcept {
    std::int32_t smallest[kRows];
    find_smallest(cells, n, smallest);
    std::size_t to = 0;
    for (std::size_t k = 0; k < n; ++k) {
      if (smallest[k] >= 0) CELLWISE_PREFETCH(path_of_cell_.data() + smallest[k]);
    }
    Path path[kRows];
    for (std::size_t k = 0; k < n; ++k) {
      if (smallest[k] < 0) continue;
      path[k] = path_of_cell_[smallest[k]];
      CELLWISE_PREFETCH(paths_.data() + path[k].begin);
    }
    for (std::size_t k = 0; k < n; ++k) {
      if (smallest[k] >= 0) {
        const std::int32_t* above = paths_.data() + path[k].begin;
        for (std::uint32_t j = 0; j < path[k].n; ++j) out[to++] = above[j];
        out[to++] = smallest[k];
      }
      ends[k] = static_cast<Index>(written + to);
    }
    return to;
  }

 private:
  // The position of the smallest cell that contains each cell, or -1. For most rows that is one of the finest level;
  // the others are looked up at coarser ones.  REQUIRES: n <= kRows.
  CELLWISE_INLINE inline void find_smallest(const std::uint64_t* cells, std::size_t n,
                                            std::int32_t* out) const noexcept {
    if (tables_.empty()) {
      std::fill_n(out, n, -1);
      return;
    }
    tables_.back().lookup(cells, n, out);
    std::uint64_t remaining[kRows];
    std::int32_t found[kRows];
    std::uint16_t rows[kRows];
    for (std::size_t table = tables_.size() - 1; table-- > 0;) {
      if (std::none_of(out, out + n, [](std::int32_t at) { return at < 0; })) return;
      std::size_t n_remaining = 0;
      for (std::size_t k = 0; k < n; ++k) {
        rows[n_remaining] = static_cast<std::uint16_t>(k);
        remaining[n_remaining] = cells[k];
        n_remaining += out[k] < 0;
      }
      tables_[table].lookup(remaining, n_remaining, found);
      for (std::size_t k = 0; k < n_remaining; ++k) out[rows[k]] = found[k];
    }
  }

  std::vector<LevelTable> tables_;  // the coarsest first
  std::array<const LevelTable*, kMaxLevel + 1> at_level_;
  // The cells that contain another one, ordered by level: n items of `paths_`.
  struct Path {
    std::uint32_t begin, n;
  };

  // The path of a cell whose smallest container is at `above`.
  Path path_below(std::int32_t above, std::vector<std::uint32_t>& path_of) {
    const Path path = path_of_cell_[above];
    if (path_of[above] == 0) {
      path_of[above] = static_cast<std::uint32_t>(paths_.size());
      for (std::uint32_t j = 0; j < path.n; ++j) paths_.push_back(paths_[path.begin + j]);
      paths_.push_back(above);
    }
    return {path_of[above], path.n + 1};
  }

  std::vector<Path> path_of_cell_;
  std::vector<std::int32_t> paths_ = {0};  // no path begins at 0
  std::uint32_t depth_ = 0;
};

}  // namespace cellwise
