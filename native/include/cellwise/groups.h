// Rows grouped by cell: which cells there are and how many rows each holds, where a cell stands among sorted ones, and
// sums over the rows of each group. Callers look for Ctrl-C between blocks of rows, and so does whatever takes longer.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "cellwise/hierarchy.h"

// For what must be inlined into functions that are compiled for a better instruction set than the rest, and for memory
// that will be needed soon.
#if defined(__GNUC__)
#define CELLWISE_INLINE __attribute__((always_inline))
#define CELLWISE_PREFETCH(address) __builtin_prefetch(address)
#else
#define CELLWISE_INLINE
#define CELLWISE_PREFETCH(address)
#endif

namespace cellwise {

// --- counting ------------------------------------------------------------------------------------

// The cell, or its ancestor at the level of `bit` where it is finer. Keeps the order of cells: a cell's id lies between
// those of its finer halves.  REQUIRES: bit == level_bit(level).
constexpr std::uint64_t cell_truncated(std::uint64_t cell, std::uint64_t bit) noexcept {
  return (cell & (2 * bit - 1)) == 0 ? cell : (cell & (~bit + 1)) | bit;
}

// Truncated cells as keys to be sorted: the upper half of the bits is enough down to level 14.
template <class Key>
inline constexpr int kKeyShift = 64 - 8 * static_cast<int>(sizeof(Key));
template <class Key>
inline constexpr std::int32_t kKeyLevel = kMaxLevel - kKeyShift<Key> / 2;

// Writes the keys of the cells but 0, one after the other; returns how many.  REQUIRES: level <= kKeyLevel<Key>.
template <class Key>
std::size_t cell_keys(const std::uint64_t* cells, std::size_t n, std::int32_t level, Key* keys) noexcept {
  const std::uint64_t bit = level_bit(level);
  std::size_t m = 0;
  for (std::size_t k = 0; k < n; ++k) {
    keys[m] = static_cast<Key>(cell_truncated(cells[k], bit) >> kKeyShift<Key>);
    m += cells[k] != 0;
  }
  return m;
}

// Appends the distinct cells of sorted keys, and how many there are of each.
template <class Key>
void count_keys(const Key* keys, std::size_t n, std::vector<std::uint64_t>& cells, std::vector<std::int64_t>& counts) {
  std::size_t distinct = n > 0;
  for (std::size_t k = 1; k < n; ++k) distinct += keys[k] != keys[k - 1];
  cells.reserve(distinct);
  counts.reserve(distinct);
  for (std::size_t k = 0, start = 0; k < n; start = k) {
    while (k < n && keys[k] == keys[start]) ++k;
    cells.push_back(std::uint64_t{keys[start]} << kKeyShift<Key>);
    counts.push_back(static_cast<std::int64_t>(k - start));
  }
}

// --- looking up ----------------------------------------------------------------------------------

// Sorted cells of one level as a tree along the curve. A node has a bit for each of the 64 stretches that its own is
// made of, the cells themselves at last, and says where the first of those stands that are there: the others follow.
// Nodes of the first step lie in a list from the first to the last; how many steps come after it depends on how far
// that would be.
class LevelTable {
 public:
  // REQUIRES: the n cells are distinct, ascending and of `level`, at least one; base + n < 2^31. They stand at base,
  // base + 1 ...
  LevelTable(const std::uint64_t* cells, std::size_t n, std::int32_t level, std::int32_t base)
      : bit_(level_bit(level)), shift_(std::countr_zero(bit_) + 1) {
    const auto number = [&](std::size_t k) { return cells[k] >> shift_; };
    std::size_t changes[65] = {};  // how often so many bits of the number change
    for (std::size_t k = 1; k < n; ++k) ++changes[std::bit_width(number(k) ^ number(k - 1))];
    const auto n_nodes = [&](int bits) { return std::accumulate(changes + bits + 1, changes + 65, std::size_t{1}); };
    const std::uint64_t longest = std::max(kShortList, std::min<std::uint64_t>(kLongList, n / 2));
    int bits = kStep;  // that nodes of the list leave to those below
    while (bits < 60 && (number(n - 1) >> bits) - (number(0) >> bits) >= longest) bits += kStep, ++steps_;
    first_ = number(0) >> bits;
    span_ = (number(n - 1) >> bits) - first_ + 1;
    std::size_t end[kMaxSteps + 1], total = 1 + span_;  // of the nodes of each step; nothing is below node 0
    for (int step = 1; step <= steps_; ++step) {
      end[step] = total;
      total += n_nodes(bits - kStep * step);
    }
    nodes_.resize(total);
    for (std::size_t k = 0; k < n; ++k) {
      const std::uint64_t changed = k == 0 ? ~std::uint64_t{0} : number(k) ^ number(k - 1);
      std::size_t below = static_cast<std::size_t>(base) + k;
      for (int step = steps_, left = kStep;; --step, left += kStep) {
        const bool is_new = changed >> left != 0;
        const std::size_t at = step == 0 ? 1 + (number(k) >> left) - first_ : is_new ? end[step]++ : end[step] - 1;
        nodes_[at].bits |= std::uint64_t{1} << (number(k) >> (left - kStep) & 63);
        if (is_new) nodes_[at].before = static_cast<std::uint32_t>(below);
        if (step == 0 || !is_new) break;
        below = at;
      }
    }
  }

  // Where the ancestor of each cell at the level stands; -1 for nowhere, for coarser cells and for 0; and for finer
  // cells too if `kExact`.
  template <bool kExact = false>
  CELLWISE_INLINE inline void find(const std::uint64_t* cells, std::size_t n, std::int32_t* out) const noexcept {
    constexpr std::size_t kAhead = 64;  // rows whose memory is asked for before the first is needed
    const Node* nodes = nodes_.data();
    const std::uint64_t own = 2 * bit_ - 1, bit = bit_, first = first_, span = span_;
    const int shift = shift_, steps = steps_;
    const auto listed = [=](std::uint64_t cell, int left) CELLWISE_INLINE {
      const std::uint64_t at = (cell >> left >> kStep) - first;
      return at < span ? at + 1 : 0;
    };
    const auto there = [](const Node& node, int place) CELLWISE_INLINE {
      return node.before + static_cast<std::uint32_t>(std::popcount(node.bits & ((std::uint64_t{1} << place) - 1)));
    };
    const auto found = [=](const Node& node, std::uint64_t cell) CELLWISE_INLINE {
      const int place = static_cast<int>(cell >> shift & 63);
      const std::uint64_t low = cell & own;  // 0 for coarser cells, the level's bit alone for those of the level
      const bool is_known = ((node.bits >> place & 1) != 0) & (kExact ? low == bit : low != 0);
      return static_cast<std::int32_t>(there(node, place)) | (std::int32_t{is_known} - 1);  // a branch is guessed wrong
    };
    if (steps == 0) {
      for (std::size_t k = 0; k < n; ++k) out[k] = found(nodes[listed(cells[k], shift)], cells[k]);
      return;
    }
    std::uint32_t at[kAhead];
    for (std::size_t start = 0; start < n; start += kAhead, cells += kAhead, out += kAhead) {
      const std::size_t rows = std::min(kAhead, n - start);
      int left = shift + kStep * steps;
      for (std::size_t k = 0; k < rows; ++k) at[k] = static_cast<std::uint32_t>(listed(cells[k], left));
      for (int step = 0; step < steps; ++step, left -= kStep) {
        for (std::size_t k = 0; k < rows; ++k) {
          const Node& node = nodes[at[k]];
          const int place = static_cast<int>(cells[k] >> left & 63);
          at[k] = there(node, place) & -static_cast<std::uint32_t>(node.bits >> place & 1);
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

  std::uint64_t bit_, first_, span_;  // of the level; number of the first node of the list; how many there are
  int shift_, steps_ = 0;
  std::vector<Node> nodes_;
};

// Cells of any levels, sorted by level, then id.
class Vocabulary {
 public:
  static constexpr std::size_t kRows = 256;  // at a time, so that what lies between two passes stays in the cache

  // REQUIRES: the cells are valid, distinct and in order; fewer than 2^31.
  Vocabulary(const std::uint64_t* cells, std::size_t n) : around_(n) {
    at_level_.fill(nullptr);
    tables_.reserve(kMaxLevel + 1);
    std::vector<std::uint32_t> path_of(n);  // where the path of a cell begins that contains others, else 0
    for (std::size_t start = 0, stop = 0; start < n; start = stop) {
      const std::int32_t level = cell_level(cells[start]);
      while (stop < n && cell_level(cells[stop]) == level) ++stop;
      for (std::size_t k = start; k < stop; k += kRows) {
        const std::size_t rows = std::min(kRows, stop - k);
        std::int32_t above[kRows];
        find_smallest(cells + k, rows, above);
        for (std::size_t j = 0; j < rows; ++j) {
          if (above[j] >= 0) around_[k + j] = within(above[j], path_of);
          deepest_ = std::max(deepest_, around_[k + j].n + 1);
        }
      }
      tables_.emplace_back(cells + start, stop - start, level, static_cast<std::int32_t>(start));
      at_level_[level] = &tables_.back();
    }
  }
  Vocabulary(const Vocabulary&) = delete;

  // Most cells that contain the same one.
  std::size_t depth() const noexcept { return static_cast<std::size_t>(deepest_); }

  // Where the ancestor of each cell at the level stands, or -1.
  CELLWISE_INLINE inline void find(const std::uint64_t* cells, std::size_t n, std::int32_t level,
                                   std::int32_t* out) const noexcept {
    const LevelTable* table = at_level_[level];
    if (table != nullptr) {
      table->find(cells, n, out);
    } else {
      std::fill_n(out, n, -1);
    }
  }

  // Where each cell stands, or -1.
  CELLWISE_INLINE inline void find(const std::uint64_t* cells, std::size_t n, std::int32_t* out) const noexcept {
    if (tables_.size() == 1) {
      tables_[0].find<true>(cells, n, out);
      return;
    }
    for (std::size_t start = 0, stop = 0; start < n; start = stop) {  // neighbours are mostly of one level
      const std::uint64_t bit = cells[start] & (~cells[start] + 1);
      const std::size_t most = std::min(n, start + kRows);
      while (stop < most && (cells[stop] & (~cells[stop] + 1)) == bit) ++stop;
      if (bit == 0) {
        std::fill_n(out + start, stop - start, -1);
      } else {
        find(cells + start, stop - start, cell_level(bit), out + start);
      }
    }
  }

  // Writes where each of the cells stands that contain the cell of a row, row after row, by level; and after each row
  // how many were written, on top of `written`.  REQUIRES: n <= kRows; room for n * depth().
  template <class Index>
  CELLWISE_INLINE inline std::size_t containing(const std::uint64_t* cells, std::size_t n, std::size_t written,
                                                Index* out, Index* ends) const noexcept {
    std::int32_t smallest[kRows];
    find_smallest(cells, n, smallest);
    std::size_t to = 0;
    for (std::size_t k = 0; k < n; ++k) {
      if (smallest[k] >= 0) CELLWISE_PREFETCH(around_.data() + smallest[k]);
    }
    Around around[kRows];
    for (std::size_t k = 0; k < n; ++k) {
      if (smallest[k] < 0) continue;
      around[k] = around_[smallest[k]];
      CELLWISE_PREFETCH(paths_.data() + around[k].path);
    }
    for (std::size_t k = 0; k < n; ++k) {
      if (smallest[k] >= 0) {
        const std::int32_t* path = paths_.data() + around[k].path;
        for (std::uint32_t j = 0; j < around[k].n; ++j) out[to++] = path[j];
        out[to++] = smallest[k];
      }
      ends[k] = static_cast<Index>(written + to);
    }
    return to;
  }

 private:
  // Where the smallest of the cells stands that contain each, or -1: found at the finest level, for most rows, or else
  // further up.  REQUIRES: n <= kRows.
  CELLWISE_INLINE inline void find_smallest(const std::uint64_t* cells, std::size_t n,
                                            std::int32_t* out) const noexcept {
    if (tables_.empty()) {
      std::fill_n(out, n, -1);
      return;
    }
    tables_.back().find(cells, n, out);
    std::uint64_t left[kRows];
    std::int32_t found[kRows];
    std::uint16_t rows[kRows];
    for (std::size_t table = tables_.size() - 1; table-- > 0;) {
      if (std::none_of(out, out + n, [](std::int32_t at) { return at < 0; })) return;
      std::size_t n_left = 0;
      for (std::size_t k = 0; k < n; ++k) {
        rows[n_left] = static_cast<std::uint16_t>(k);
        left[n_left] = cells[k];
        n_left += out[k] < 0;
      }
      tables_[table].find(left, n_left, found);
      for (std::size_t k = 0; k < n_left; ++k) out[rows[k]] = found[k];
    }
  }

  std::vector<LevelTable> tables_;  // the coarsest first
  std::array<const LevelTable*, kMaxLevel + 1> at_level_;
  // The cells that contain another one, by level, are a stretch of `paths_`.
  struct Around {
    std::uint32_t path, n;
  };

  // What is around a cell whose smallest container is `above`.
  Around within(std::int32_t above, std::vector<std::uint32_t>& path_of) {
    const Around around = around_[above];
    if (path_of[above] == 0) {
      path_of[above] = static_cast<std::uint32_t>(paths_.size());
      for (std::uint32_t j = 0; j < around.n; ++j) paths_.push_back(paths_[around.path + j]);
      paths_.push_back(above);
    }
    return {path_of[above], around.n + 1};
  }

  std::vector<Around> around_;
  std::vector<std::int32_t> paths_ = {0};  // none begins with the first item
  std::uint32_t deepest_ = 0;  // most cells that contain the same one, with itself
};

// --- adding up -----------------------------------------------------------------------------------

struct GroupSums {
  double rows = 0, weight = 0, total = 0, square = 0;

  GroupSums& operator+=(const GroupSums& sums) noexcept {
    rows += sums.rows;
    weight += sums.weight;
    total += sums.total;
    square += sums.square;
    return *this;
  }
};

// Adds each row to its group: how many rows do not weigh 0, their weight, and the weighted sums of y and of its square.
// A null `weight` stands for ones.  REQUIRES: every group is one of `sums`.
inline void add_rows(const std::int32_t* group, const double* y, const double* weight, std::size_t n,
                     GroupSums* sums) noexcept {
  constexpr std::size_t kAhead = 16;  // rows whose group is asked for before it is needed
  for (std::size_t k = 0; k < n; ++k) {
    if (k + kAhead < n) CELLWISE_PREFETCH(sums + group[k + kAhead]);
    GroupSums& to = sums[group[k]];
    const double w = weight == nullptr ? 1 : weight[k];
    const double weighted = w * y[k];
    to.rows += w > 0;
    to.weight += w;
    to.total += weighted;
    to.square += weighted * y[k];
  }
}

// Adds sums to those of larger groups.  REQUIRES: every group is one of `to`.
inline void add_sums(const std::int32_t* group, const GroupSums* sums, std::size_t n, GroupSums* to) noexcept {
  for (std::size_t k = 0; k < n; ++k) to[group[k]] += sums[k];
}

// Writes the rows of a table, one after the other.  REQUIRES: every number is one of its rows.
template <class T>
void take_rows(const T* table, std::size_t width, const std::int32_t* numbers, std::size_t n, T* out) noexcept {
  constexpr std::size_t kAhead = 32;  // rows that are asked for before they are needed
  for (std::size_t k = 0; k < n; ++k, out += width) {
    if (k + kAhead < n) {
      const T* later = table + width * static_cast<std::size_t>(numbers[k + kAhead]);
      CELLWISE_PREFETCH(later);
      CELLWISE_PREFETCH(later + width - 1);
    }
    const T* row = table + width * static_cast<std::size_t>(numbers[k]);
    for (std::size_t j = 0; j < width; ++j) out[j] = row[j];
  }
}

// Numbers pairs: writes for each the number of its (a, b) among the distinct ones in their order, which are appended to
// `firsts` and `seconds`. A bit for each possible pair says whether there is any.
// REQUIRES: 0 <= a < n_a and 0 <= b < n_b; n_a * n_b < 2^63; n < 2^31.
CELLWISE_INLINE inline void number_pairs(const std::int32_t* a, const std::int32_t* b, std::size_t n, std::size_t n_a,
                                         std::size_t n_b, std::int32_t* number, std::vector<std::int32_t>& firsts,
                                         std::vector<std::int32_t>& seconds) {
  struct Word {
    std::uint64_t bits = 0;
    std::int32_t before = 0;
  };
  std::vector<Word> words(n_a * n_b / 64 + 1);
  const auto key = [=](std::size_t k) CELLWISE_INLINE {
    return static_cast<std::size_t>(a[k]) * n_b + static_cast<std::size_t>(b[k]);
  };
  for (std::size_t k = 0; k < n; ++k) words[key(k) / 64].bits |= std::uint64_t{1} << key(k) % 64;
  std::int32_t before = 0;
  for (Word& word : words) {
    word.before = before;
    before += std::popcount(word.bits);
  }
  firsts.reserve(before);
  seconds.reserve(before);
  for (std::size_t at = 0; at < words.size(); ++at) {
    for (std::uint64_t bits = words[at].bits; bits != 0; bits &= bits - 1) {
      const std::size_t pair = at * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      firsts.push_back(static_cast<std::int32_t>(pair / n_b));
      seconds.push_back(static_cast<std::int32_t>(pair % n_b));
    }
  }
  for (std::size_t k = 0; k < n; ++k) {
    const Word& word = words[key(k) / 64];
    number[k] = word.before + std::popcount(word.bits & ((std::uint64_t{1} << key(k) % 64) - 1));
  }
}

}  // namespace cellwise
