// Estimates of y in the cells of a level, shrunk to those of the cells around them, and how much that takes.
//
// A view is what somebody knows: view 0 knows all rows, view k + 1 all but those that fold k holds out. It knows the sums
// of a cell without those of its pairs with the fold. Pairs are of the finest cells, and meet again in coarser ones.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cellwise/groups.h"

namespace cellwise {

// --- statistics --------------------------------------------------------------------------------------------------------

// Ratio a / b, or 0 where b is 0 or less.
constexpr double ratio(double a, double b) noexcept { return b > 0 ? a / b : 0; }

// What is left of a group without a part of it; exactly 0 where nothing is.
constexpr GroupSums without(const GroupSums& whole, const GroupSums& part) noexcept {
  if (!(whole.rows > part.rows)) return {};
  return {whole.rows - part.rows, whole.weight - part.weight, whole.total - part.total, whole.square - part.square};
}

// Estimate of a group from its own rows alone, and how much these count against m.
struct OwnEstimate {
  double value, amount;
};

// Each statistic says what is added up over the cells of a family, and what of that over families.

struct MeanStatistic {
  static constexpr std::size_t kParts = 7, kTerms = 7;
  using Parts = std::array<double, kParts>;
  using Terms = std::array<double, kTerms>;

  static constexpr OwnEstimate own(const GroupSums& sums) noexcept {
    return {ratio(sums.total, sums.weight), sums.weight};
  }
  static constexpr Parts parts(const GroupSums& sums) noexcept {
    return {sums.rows,   sums.rows > 0 ? 1.0 : 0.0,                     sums.weight,
            sums.total,  sums.square,  ratio(sums.total * sums.total, sums.weight), sums.weight * sums.weight};
  }
  static constexpr Terms terms(const Parts& parts) noexcept {
    const auto [rows, cells, weight, total, square, cell_square, weight_squared] = parts;
    const double n = rows > 0 ? weight : 0;
    return {rows > 0 ? 1.0 : 0.0, cells, n, square, cell_square, ratio(total * total, n), ratio(weight_squared, n)};
  }
};

struct StdStatistic {
  static constexpr std::size_t kParts = 8, kTerms = 4;
  using Parts = std::array<double, kParts>;
  using Terms = std::array<double, kTerms>;

  static constexpr OwnEstimate own(const GroupSums& sums) noexcept {
    const double free = std::max(sums.weight - 1, 0.0);
    return {ratio(std::max(sums.square - ratio(sums.total * sums.total, sums.weight), 0.0), free), free};
  }
  static constexpr Parts parts(const GroupSums& sums) noexcept {
    const auto [variance, free] = own(sums);
    return {sums.weight,    sums.total, sums.square,     free > 0 ? 1.0 : 0.0,
            ratio(1, free), free,       free * variance, free * (variance * variance)};
  }
  static constexpr Terms terms(const Parts& parts) noexcept {
    const auto [n, total, square, cells, per_free, free, first, second] = parts;
    const double variance = own({n, n, total, square}).value;
    if (!(variance > 0)) return {};
    return {cells, per_free, free, ratio(second, variance * variance) - 2 * ratio(first, variance) + free};
  }
};

// --- pairs -------------------------------------------------------------------------------------------------------------

// Pairs of a finest cell and a fold that rows of it are held out of, sorted by cell.
struct Pairs {
  const std::int32_t *cell, *fold;
  const GroupSums* sums;
  std::size_t n;
};

// The cells of a level, each family's one after the other.
struct Level {
  const GroupSums* sums;        // 0 for cells that are not of the level
  const std::int32_t* family;   // of each cell, ascending
  std::size_t n;
  const std::int32_t* cell_at;  // in which of them each finest cell lies, ascending
};

// What is added up by fold, set back to 0 wherever it was touched.
template <class Item>
class ByFold {
 public:
  explicit ByFold(std::size_t n_folds) : items_(n_folds), is_touched_(n_folds) { touched_.reserve(n_folds); }

  Item& operator[](std::int32_t fold) {
    if (!is_touched_[fold]) {
      is_touched_[fold] = true;
      touched_.push_back(fold);
      items_[fold] = Item{};
    }
    return items_[fold];
  }
  const std::vector<std::int32_t>& touched() const noexcept { return touched_; }
  void clear() noexcept {
    for (const std::int32_t fold : touched_) is_touched_[fold] = false;
    touched_.clear();
  }

 private:
  std::vector<Item> items_;
  std::vector<char> is_touched_;
  std::vector<std::int32_t> touched_;
};

// --- a level -----------------------------------------------------------------------------------------------------------

// Adds up the terms of all families in each view, to `terms`, shape (kTerms, n_folds + 1).
template <class Statistic>
void level_terms(const Level& level, const Pairs& pairs, std::size_t n_folds, double* terms) {
  using Parts = typename Statistic::Parts;
  using Terms = typename Statistic::Terms;
  ByFold<GroupSums> held(n_folds);
  ByFold<Parts> changes(n_folds);  // of the family, where the fold's rows are gone
  Terms all{};
  std::vector<Terms> differences(n_folds, Terms{});
  for (std::size_t cell = 0, pair = 0; cell < level.n;) {
    Parts family{};
    const std::int32_t number = level.family[cell];
    for (; cell < level.n && level.family[cell] == number; ++cell) {
      const GroupSums& sums = level.sums[cell];
      const Parts whole = Statistic::parts(sums);
      for (std::size_t k = 0; k < whole.size(); ++k) family[k] += whole[k];
      for (; pair < pairs.n && level.cell_at[pairs.cell[pair]] == static_cast<std::int32_t>(cell); ++pair) {
        held[pairs.fold[pair]] += pairs.sums[pair];
      }
      for (const std::int32_t fold : held.touched()) {
        const Parts left = Statistic::parts(without(sums, held[fold]));
        Parts& change = changes[fold];
        for (std::size_t k = 0; k < left.size(); ++k) change[k] += left[k] - whole[k];
      }
      held.clear();
    }
    const Terms before = Statistic::terms(family);
    for (std::size_t k = 0; k < all.size(); ++k) all[k] += before[k];
    for (const std::int32_t fold : changes.touched()) {
      Parts left = changes[fold];
      for (std::size_t k = 0; k < left.size(); ++k) left[k] = family[k] + left[k];
      const Terms after = Statistic::terms(left);
      for (std::size_t k = 0; k < after.size(); ++k) differences[fold][k] += after[k] - before[k];
    }
    changes.clear();
  }
  for (std::size_t k = 0; k < all.size(); ++k) {
    double* to = terms + k * (n_folds + 1);
    to[0] = all[k];
    for (std::size_t fold = 0; fold < n_folds; ++fold) to[1 + fold] = all[k] + differences[fold][k];
  }
}

// How the estimates of a level come about. Pairs have rows in a table, in which one column is read and one written.
struct Shrinking {
  const double *m, *prior;           // by view
  bool to_parent;                    // else to `prior`
  const double* above;               // estimates of the families in view 0
  const double *own, *own_of_pairs;  // estimates from own rows where sums do not tell them, else null
  double* table;
  std::size_t width;
  std::size_t from, to;              // columns with the estimates of the families, and for those of the level
  bool has_support;                  // the last two columns say what estimates rest on: how many rows, at which level
  double level;
};

// Writes the estimates of the cells in view 0 to `values`, and those of the pairs, in their fold's view, to the table.
template <class Statistic>
void shrink_level(const Level& level, const Pairs& pairs, std::size_t n_folds, const Shrinking& how, double* values) {
  struct Estimate {
    GroupSums held;
    double above, own, value, weight;
    bool is_first = true, is_seen;
  };
  const auto shrunk = [&how](const GroupSums& sums, const double* own, double above, std::size_t view) {
    if (!(sums.rows > 0)) return above;
    OwnEstimate estimate = own == nullptr ? Statistic::own(sums) : OwnEstimate{*own, sums.weight};
    const double prior = how.to_parent ? above : how.prior[view];
    return prior + ratio(estimate.amount, estimate.amount + how.m[view]) * (estimate.value - prior);
  };
  ByFold<Estimate> folds(n_folds);
  for (std::size_t cell = 0, pair = 0; cell < level.n; ++cell) {
    const GroupSums& sums = level.sums[cell];
    values[cell] = shrunk(sums, how.own == nullptr ? nullptr : how.own + cell, how.above[level.family[cell]], 0);
    const std::size_t first = pair;
    for (; pair < pairs.n && level.cell_at[pairs.cell[pair]] == static_cast<std::int32_t>(cell); ++pair) {
      Estimate& fold = folds[pairs.fold[pair]];
      if (fold.is_first) {  // those of one cell and fold lie in the same one above
        fold.is_first = false;
        fold.above = how.table[pair * how.width + how.from];
        if (how.own_of_pairs != nullptr) fold.own = how.own_of_pairs[pair];
      }
      fold.held += pairs.sums[pair];
    }
    for (const std::int32_t number : folds.touched()) {
      Estimate& fold = folds[number];
      const GroupSums left = without(sums, fold.held);
      fold.value = shrunk(left, how.own_of_pairs == nullptr ? nullptr : &fold.own, fold.above, 1 + number);
      fold.is_seen = left.rows > 0;
      fold.weight = left.weight;
    }
    for (std::size_t k = first; k < pair; ++k) {
      const Estimate& fold = folds[pairs.fold[k]];
      double* row = how.table + k * how.width;
      row[how.to] = fold.value;
      if (how.has_support && fold.is_seen) {
        row[how.width - 2] = fold.weight;
        row[how.width - 1] = how.level;
      }
    }
    folds.clear();
  }
}

}  // namespace cellwise
