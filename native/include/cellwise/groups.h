// Rows grouped by cell: distinct cells and their counts, distinct pairs of numbers, sums over the rows of each group.
// Callers look for Ctrl-C between chunks of rows.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cellwise/hierarchy.h"
#include "cellwise/inlining.h"
#include "cellwise/projection.h"

namespace cellwise {

// --- cells ------------------------------------------------------------------------------------

// The cell, or its ancestor at the level of `bit` if it is finer. Truncation keeps the order of cells.
// REQUIRES: bit == level_bit(level).
constexpr std::uint64_t cell_truncated(std::uint64_t cell, std::uint64_t bit) noexcept {
  return (cell & (2 * bit - 1)) == 0 ? cell : (cell & (~bit + 1)) | bit;
}

// Truncated cells as keys for sorting: down to level 14 the upper half of the bits is enough.
template <class Key>
inline constexpr int kKeyShift = 64 - 8 * static_cast<int>(sizeof(Key));
template <class Key>
inline constexpr std::int32_t kKeyLevel = kMaxLevel - kKeyShift<Key> / 2;

// Writes the keys of all cells but 0; returns their number.  REQUIRES: level <= kKeyLevel<Key>.
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

// Appends the distinct cells of sorted keys, and how many keys each has.
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

// --- sums -----------------------------------------------------------------------------------

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

// Adds each row to the sums of its group: the number of rows with a weight above 0, the weight, and the weighted sums
// of y and of its square. Without `weight` all weights are 1.  REQUIRES: every group is one of `sums`.
inline void sum_by_group(const std::int32_t* group, const double* y, const double* weight, std::size_t n,
                         GroupSums* sums) noexcept {
  constexpr std::size_t kAhead = 16;  // rows whose group is prefetched before it is needed
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

// Adds the sums of groups to those of the larger groups that hold them.  REQUIRES: every group is one of `to`.
inline void add_sums(const std::int32_t* group, const GroupSums* sums, std::size_t n, GroupSums* to) noexcept {
  for (std::size_t k = 0; k < n; ++k) to[group[k]] += sums[k];
}

// Writes rows of a table, by number.  REQUIRES: every number is one of its rows.
template <class T>
void take(const T* table, std::size_t width, const std::int32_t* numbers, std::size_t n, T* out) noexcept {
  constexpr std::size_t kAhead = 32;  // rows that are prefetched before they are needed
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

// --- numbers ---------------------------------------------------------------------------------------

// Appends the distinct pairs (a, b), sorted, to `firsts` and `seconds`, and writes for each row which of them its pair
// is. Takes a bit of memory for each possible pair. REQUIRES: 0 <= a < n_a and 0 <= b < n_b; n_a * n_b < 2^63; n <
// 2^31.
CELLWISE_INLINE inline void factorize_pairs(const std::int32_t* a, const std::int32_t* b, std::size_t n,
                                            std::size_t n_a, std::size_t n_b, std::int32_t* number,
                                            std::vector<std::int32_t>& firsts, std::vector<std::int32_t>& seconds) {
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
