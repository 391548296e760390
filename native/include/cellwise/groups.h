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

// --- counting ----------------------------------------------------------------------------------------------------------

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

// --- looking up --------------------------------------------------------------------------------------------------------

// Sorted cells of one level as words of 64 neighbours along the curve, a bit for each, with the number of cells before
// the word. Words lie in pages of neighbouring ones, as large as they are well filled; pages are listed from the first to
// the last where these lie close enough together, else found by hash.
class LevelTable {
 public:
  // REQUIRES: the n cells are distinct, ascending and of `level`, at least one; base + n < 2^31. They stand at base,
  // base + 1 ...
  LevelTable(const std::uint64_t* cells, std::size_t n, std::int32_t level, std::int32_t base)
      : bit_(level_bit(level)), shift_(std::countr_zero(bit_) + 1) {
    const auto number = [&](std::size_t k, int bits) { return cells[k] >> shift_ >> 6 >> bits; };
    std::size_t n_pages[kWidestPage + 1] = {}, changes[65] = {};  // how often so many bits of the number change
    for (std::size_t k = 1; k < n; ++k) ++changes[std::bit_width(number(k, 0) ^ number(k - 1, 0))];
    for (int bits = 0; bits <= kWidestPage; ++bits) {
      n_pages[bits] = std::accumulate(changes + bits + 1, changes + 65, std::size_t{1});
    }
    const auto cost = [&](int bits) { return n_pages[bits] * ((std::size_t{1} << bits) + kPageCost); };
    while (page_bits_ < kWidestPage && cost(page_bits_ + 1) < cost(page_bits_)) ++page_bits_;
    const std::size_t pages = n_pages[page_bits_];
    words_.resize((pages + 1) << page_bits_);  // the first page stays empty: it is found for all that is not there
    first_ = number(0, page_bits_);
    span_ = number(n - 1, page_bits_) - first_ + 1;
    is_listed_ = span_ <= std::max<std::uint64_t>(kShortList, std::min<std::uint64_t>(kLongList, 256 * pages));
    if (is_listed_) {
      listed_.resize(span_ + 1);
    } else {
      const int width = std::bit_width(pages) + (pages <= kFewPages ? 3 : 1);  // few of many: few meet in one place
      hash_shift_ = 64 - width;
      hashed_.resize(std::size_t{1} << width);
    }
    std::uint32_t page = 0;
    for (std::size_t k = 0; k < n; ++k) {
      if (k == 0 || number(k, page_bits_) != number(k - 1, page_bits_)) add(number(k, page_bits_), ++page);
      Word& word = words_[std::size_t{page} << page_bits_ | (number(k, 0) & mask(page_bits_))];
      if (word.bits == 0) word.before = base + static_cast<std::int32_t>(k);
      word.bits |= std::uint64_t{1} << (cells[k] >> shift_ & 63);
    }
  }

  // Where the ancestor of each cell at the level stands; -1 for nowhere, for coarser cells and for 0; and for finer cells
  // too if `kExact`.
  template <bool kExact = false>
  CELLWISE_INLINE inline void find(const std::uint64_t* cells, std::size_t n, std::int32_t* out) const noexcept {
    constexpr std::size_t kAhead = 64;  // rows whose memory is asked for before the first is needed
    const Word* words = words_.data();
    const std::uint64_t own = 2 * bit_ - 1, in_page = mask(page_bits_);
    const int shift = shift_, page_bits = page_bits_;
    std::size_t at[kAhead];
    for (std::size_t start = 0; start < n; start += kAhead, cells += kAhead, out += kAhead) {
      const std::size_t rows = std::min(kAhead, n - start);
      if (is_listed_) {
        for (std::size_t k = 0; k < rows; ++k) {
          at[k] = listed_[std::min((cells[k] >> shift >> 6 >> page_bits) - first_, span_)];
        }
      } else {
        find_hashed(cells, rows, at);
      }
      for (std::size_t k = 0; k < rows; ++k) {
        at[k] = at[k] << page_bits | (cells[k] >> shift >> 6 & in_page);
        CELLWISE_PREFETCH(words + at[k]);
      }
      for (std::size_t k = 0; k < rows; ++k) {
        const Word& word = words[at[k]];
        const int place = static_cast<int>(cells[k] >> shift & 63);
        const std::int32_t before = word.before + std::popcount(word.bits & mask(place));
        const std::uint64_t low = cells[k] & own;  // 0 for coarser cells, the level's bit alone for those of the level
        const bool is_known = ((word.bits >> place & 1) != 0) & (kExact ? low == bit_ : low != 0);
        out[k] = before | (std::int32_t{is_known} - 1);  // no branch, which would be guessed wrong too often
      }
    }
  }

 private:
  struct Word {
    std::uint64_t bits = 0;
    std::int32_t before = 0;
  };
  struct NumberedPage {
    std::uint64_t number = 0;
    std::uint32_t page = 0;  // 0 where there is none
  };
  static constexpr int kWidestPage = 6;
  static constexpr std::size_t kPageCost = 16;  // to find one, in words of memory
  static constexpr std::uint64_t kShortList = 1 << 17, kLongList = 1 << 21;  // pages, at four bytes each
  static constexpr std::size_t kFewPages = 1 << 13;

  static constexpr std::uint64_t mask(std::uint64_t bits) noexcept { return (std::uint64_t{1} << bits) - 1; }
  static std::size_t hash(std::uint64_t number, int shift) noexcept { return number * 0x9E3779B97F4A7C15 >> shift; }

  // Page of each cell.
  CELLWISE_INLINE inline void find_hashed(const std::uint64_t* cells, std::size_t n, std::size_t* at) const noexcept {
    const NumberedPage* pages = hashed_.data();
    const std::size_t wrap = hashed_.size() - 1;
    const int shift = shift_, page_bits = page_bits_, hash_shift = hash_shift_;
    for (std::size_t k = 0; k < n; ++k) {
      at[k] = hash(cells[k] >> shift >> 6 >> page_bits, hash_shift);
      CELLWISE_PREFETCH(pages + at[k]);
    }
    for (std::size_t k = 0; k < n; ++k) {
      const std::uint64_t number = cells[k] >> shift >> 6 >> page_bits;
      std::size_t slot = at[k];
      const NumberedPage one = pages[slot], two = pages[slot = (slot + 1) & wrap];  // nearly always one of these, or none
      at[k] = (one.page & -std::uint32_t{one.number == number}) | (two.page & -std::uint32_t{two.number == number});
      if (at[k] == 0 && one.page != 0 && two.page != 0) [[unlikely]] {
        while (pages[slot].number != number && pages[slot].page != 0) slot = (slot + 1) & wrap;
        at[k] = pages[slot].page;
      }
    }
  }

  void add(std::uint64_t number, std::uint32_t page) {
    if (is_listed_) {
      listed_[number - first_] = page;
      return;
    }
    std::size_t at = hash(number, hash_shift_);
    while (hashed_[at].page != 0) at = (at + 1) & (hashed_.size() - 1);
    hashed_[at] = {number, page};
  }

  std::uint64_t bit_, first_, span_;  // of the level; number of the first page; numbers from there to the last
  int shift_, page_bits_ = 0, hash_shift_ = 0;
  bool is_listed_;
  std::vector<Word> words_;           // page by page
  std::vector<std::uint32_t> listed_;
  std::vector<NumberedPage> hashed_;
};

// Cells of any levels, sorted by level, then id.
class Vocabulary {
 public:
  static constexpr std::size_t kRows = 256;  // at a time, so that what lies between two passes stays in the cache

  // REQUIRES: the cells are valid, distinct and in order; fewer than 2^31.
  Vocabulary(const std::uint64_t* cells, std::size_t n) : above_(n), depth_(n) {
    at_level_.fill(nullptr);
    tables_.reserve(kMaxLevel + 1);
    for (std::size_t start = 0, stop = 0; start < n; start = stop) {
      const std::int32_t level = cell_level(cells[start]);
      while (stop < n && cell_level(cells[stop]) == level) ++stop;
      for (std::size_t k = start; k < stop; k += kRows) {
        const std::size_t rows = std::min(kRows, stop - k);
        find_smallest(cells + k, rows, above_.data() + k);
        for (std::size_t j = k; j < k + rows; ++j) {
          depth_[j] = static_cast<std::uint8_t>(above_[j] < 0 ? 1 : depth_[above_[j]] + 1);
          deepest_ = std::max(deepest_, depth_[j]);
        }
      }
      tables_.emplace_back(cells + start, stop - start, level, static_cast<std::int32_t>(start));
      at_level_[level] = &tables_.back();
    }
  }
  Vocabulary(const Vocabulary&) = delete;

  // Most cells that contain the same one.
  std::size_t depth() const noexcept { return deepest_; }

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
  CELLWISE_INLINE inline std::size_t containing(const std::uint64_t* cells, std::size_t n, std::size_t written, Index* out,
                                                Index* ends) const noexcept {
    std::int32_t smallest[kRows];
    find_smallest(cells, n, smallest);
    std::size_t to = 0;
    for (std::size_t k = 0; k < n; ++k) {
      std::int32_t at = smallest[k];
      const std::size_t depth = at < 0 ? 0 : depth_[at];
      for (std::size_t j = to + depth; j > to; at = above_[at]) out[--j] = at;
      to += depth;
      ends[k] = static_cast<Index>(written + to);
    }
    return to;
  }

 private:
  // Where the smallest of the cells stands that contain each, or -1: found at the finest level, for most rows, or else
  // further up.  REQUIRES: n <= kRows.
  CELLWISE_INLINE inline void find_smallest(const std::uint64_t* cells, std::size_t n, std::int32_t* out) const noexcept {
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
  std::vector<std::int32_t> above_;  // where the smallest cell stands that contains each one, or -1
  std::vector<std::uint8_t> depth_;  // how many contain it, with itself
  std::uint8_t deepest_ = 0;
};

// --- adding up ---------------------------------------------------------------------------------------------------------

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
