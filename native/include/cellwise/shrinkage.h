// Estimates of y in the cells of a level, shrunk towards those of their parents, and what says how strongly.
//
// There is an estimate for each of 1 + n_folds training sets: set 0 has all rows, set k + 1 all rows but those of fold
// k. To take a fold out, its sums in a cell are subtracted from those of the cell. They are given for pairs of a finest
// cell and a fold, and added up for coarser cells. The parent of a cell is the one that contains it at the coarser
// level before.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cellwise/groups.h"

namespace cellwise {

// --- statistics ----------------------------------------------------------------------------------

// The ratio a / b, or 0 if b is 0 or less. There are no branches here and below: they would depend on data, and be
// mispredicted too often.
constexpr double ratio(double a, double b) noexcept {
  const bool is_any = b > 0;
  const double quotient = a / (is_any ? b : 1.0);
  return is_any ? quotient : 0.0;
}

// The sums of a group without a part of it; exactly 0 if no rows remain.
constexpr GroupSums without(const GroupSums& whole, const GroupSums& part) noexcept {
  const bool is_any = whole.rows > part.rows;
  const double weight = whole.weight - part.weight, total = whole.total - part.total,
               square = whole.square - part.square;
  return {is_any ? whole.rows - part.rows : 0.0, is_any ? weight : 0.0, is_any ? total : 0.0, is_any ? square : 0.0};
}

// The estimate of a group from its own rows alone, and its weight, which is compared with m.
struct OwnEstimate {
  double value, amount;
};

// Each statistic defines `parts`, which are added up over the cells of a parent, and `terms` of those sums, which are
// added up over parents.

struct MeanStatistic {
  static constexpr std::size_t kParts = 7, kTerms = 7;
  using Parts = std::array<double, kParts>;
  using Terms = std::array<double, kTerms>;

  static constexpr OwnEstimate own(const GroupSums& sums) noexcept {
    return {ratio(sums.total, sums.weight), sums.weight};
  }
  static constexpr Parts parts(const GroupSums& sums) noexcept {
    return {sums.rows,
            sums.rows > 0 ? 1.0 : 0.0,
            sums.weight,
            sums.total,
            sums.square,
            ratio(sums.total * sums.total, sums.weight),
            sums.weight * sums.weight};
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

// --- pairs ---------------------------------------------------------------------------------------

// Pairs of a finest cell and a fold with rows in it: distinct, sorted by cell, then fold.
struct Pairs {
  const std::int32_t *cell, *fold;
  const GroupSums* sums;
  std::size_t n;
};

// The cells of a level, sorted by parent.
struct Level {
  const GroupSums* sums;  // 0 for cells that are not of the level
  const std::int32_t* parent;  // of each cell, ascending
  std::size_t n;
  const std::int32_t* cell_at;  // which of them contains each finest cell, ascending
};

// The sums of each fold in one cell of a level, cell after cell.
class HeldOut {
 public:
  struct Fold {
    std::size_t pair;  // one of the pairs with the fold
    GroupSums sums;
  };

  HeldOut(const Level& level, const Pairs& pairs, std::size_t n_folds)
      : level_(level), pairs_(pairs), slots_(n_folds, kNowhere), folds_(std::min(n_folds, pairs.n)) {}

  // Moves on to a cell.  REQUIRES: cells come in order, and none is skipped.
  void next(std::int32_t cell) {
    for (std::size_t k = 0; !is_single_ && k < n_; ++k) slots_[fold_of(folds_[k].pair)] = kNowhere;
    first_ = last_;
    while (last_ < pairs_.n && level_.cell_at[pairs_.cell[last_]] == cell) ++last_;
    n_ = 0;
    is_single_ = first_ == last_ || pairs_.cell[first_] == pairs_.cell[last_ - 1];
    for (std::size_t pair = first_; pair < last_; ++pair) {
      if (is_single_) {  // a single finest cell has one pair for each fold
        folds_[n_++] = {pair, pairs_.sums[pair]};
        continue;
      }
      std::uint32_t& slot = slots_[fold_of(pair)];
      if (slot == kNowhere) {
        slot = static_cast<std::uint32_t>(n_);
        folds_[n_++] = {pair, {}};
      }
      folds_[slot].sums += pairs_.sums[pair];
    }
  }

  // The pairs in the cell: first() .. last() - 1.
  std::size_t first() const noexcept { return first_; }
  std::size_t last() const noexcept { return last_; }

  // The distinct folds of these pairs; which of them a pair has; and the number of that fold.
  std::size_t size() const noexcept { return n_; }
  const Fold& operator[](std::size_t k) const noexcept { return folds_[k]; }
  std::size_t slot(std::size_t pair) const noexcept { return is_single_ ? pair - first_ : slots_[fold_of(pair)]; }
  std::int32_t fold_of(std::size_t pair) const noexcept { return pairs_.fold[pair]; }

 private:
  static constexpr std::uint32_t kNowhere = ~std::uint32_t{0};

  Level level_;
  Pairs pairs_;
  std::vector<std::uint32_t> slots_;  // of each fold in `folds_`, unless there is a single finest cell
  std::vector<Fold> folds_;
  std::size_t first_ = 0, last_ = 0, n_ = 0;
  bool is_single_ = true;
};

// --- a level -------------------------------------------------------------------------------------

// Writes the sums of the terms of all parents in each training set to `terms`, shape (kTerms, 1 + n_folds).
template <class Statistic>
void level_terms(const Level& level, const Pairs& pairs, std::size_t n_folds, double* terms) {
  using Parts = typename Statistic::Parts;
  using Terms = typename Statistic::Terms;
  HeldOut held(level, pairs, n_folds);
  Terms all{};
  std::vector<Parts> changes(n_folds, Parts{});  // of the parts of the parent, without the rows of each fold
  std::vector<char> is_changed(n_folds);
  std::vector<std::int32_t> changed;
  std::vector<Terms> differences(n_folds, Terms{});
  for (std::size_t cell = 0; cell < level.n;) {
    Parts parent{};
    const std::int32_t number = level.parent[cell];
    for (; cell < level.n && level.parent[cell] == number; ++cell) {
      const GroupSums& sums = level.sums[cell];
      const Parts whole = Statistic::parts(sums);
      for (std::size_t k = 0; k < whole.size(); ++k) parent[k] += whole[k];
      held.next(static_cast<std::int32_t>(cell));
      for (std::size_t j = 0; j < held.size(); ++j) {
        const std::int32_t fold = held.fold_of(held[j].pair);
        const Parts rest = Statistic::parts(without(sums, held[j].sums));
        if (!is_changed[fold]) changed.push_back(fold);
        is_changed[fold] = true;
        for (std::size_t k = 0; k < rest.size(); ++k) changes[fold][k] += rest[k] - whole[k];
      }
    }
    const Terms before = Statistic::terms(parent);
    for (std::size_t k = 0; k < all.size(); ++k) all[k] += before[k];
    for (const std::int32_t fold : changed) {
      Parts rest = changes[fold];
      for (std::size_t k = 0; k < rest.size(); ++k) rest[k] = parent[k] + rest[k];
      const Terms after = Statistic::terms(rest);
      for (std::size_t k = 0; k < after.size(); ++k) differences[fold][k] += after[k] - before[k];
      changes[fold] = {};
      is_changed[fold] = false;
    }
    changed.clear();
  }
  for (std::size_t k = 0; k < all.size(); ++k) {
    double* to = terms + k * (n_folds + 1);
    to[0] = all[k];
    for (std::size_t fold = 0; fold < n_folds; ++fold) to[1 + fold] = all[k] + differences[fold][k];
  }
}

// What the estimates of a level are shrunk towards, and how strongly.
struct Shrinking {
  const double* m;  // by training set
  const double* prior;  // by training set, or null to shrink towards the parents
  const double* of_parents;  // estimates of the parents in training set 0
  // Estimates from own rows: of cells in training set 0, and for each pair of its cell in the set without its fold;
  // null if sums give them.
  const double *own, *own_of_pairs;
  const double* parents_of_pairs;  // for each pair, the estimate of the parent in the set without its fold
  double *rows, *levels;  // results, or null: the weight of the rows behind each pair's estimate; `level_number`
  double level_number;
};

// Writes the estimates of the cells in training set 0, and for each pair that of its cell in the set without its fold.
// `of_pairs` may be the same array as `parents_of_pairs`.
template <class Statistic>
void shrink_level(const Level& level, const Pairs& pairs, std::size_t n_folds, const Shrinking& shrinking,
                  double* of_cells, double* of_pairs) {
  struct Estimate {
    double value, weight;
    bool is_seen;
  };
  const auto shrunk = [&shrinking](const GroupSums& sums, const double* own, double of_parent,
                                   std::size_t training_set) {
    if (!(sums.rows > 0)) return of_parent;
    const OwnEstimate estimate = own == nullptr ? Statistic::own(sums) : OwnEstimate{*own, sums.weight};
    const double prior = shrinking.prior == nullptr ? of_parent : shrinking.prior[training_set];
    return prior + ratio(estimate.amount, estimate.amount + shrinking.m[training_set]) * (estimate.value - prior);
  };
  const auto at = [](const double* values, std::size_t k) { return values == nullptr ? nullptr : values + k; };
  HeldOut held(level, pairs, n_folds);
  std::vector<Estimate> estimates(std::min(n_folds, pairs.n));
  for (std::size_t cell = 0; cell < level.n; ++cell) {
    const GroupSums& sums = level.sums[cell];
    of_cells[cell] = shrunk(sums, at(shrinking.own, cell), shrinking.of_parents[level.parent[cell]], 0);
    held.next(static_cast<std::int32_t>(cell));
    for (std::size_t k = 0; k < held.size(); ++k) {
      const std::size_t pair = held[k].pair;  // any with that fold: they have the same parent
      const GroupSums rest = without(sums, held[k].sums);
      const auto training_set = 1 + static_cast<std::size_t>(held.fold_of(pair));
      estimates[k] = {shrunk(rest, at(shrinking.own_of_pairs, pair), shrinking.parents_of_pairs[pair], training_set),
                      rest.weight, rest.rows > 0};
    }
    for (std::size_t pair = held.first(); pair < held.last(); ++pair) {
      const Estimate& estimate = estimates[held.slot(pair)];
      of_pairs[pair] = estimate.value;
      if (shrinking.rows != nullptr && estimate.is_seen) {
        shrinking.rows[pair] = estimate.weight;
        shrinking.levels[pair] = shrinking.level_number;
      }
    }
  }
}

}  // namespace cellwise
