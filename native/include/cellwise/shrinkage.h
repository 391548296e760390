// Estimates of y in the cells of a level, shrunk to those of the cells around them, and how much that takes.
//
// A view is what somebody knows: view 0 knows all rows, view k + 1 all but those that fold k holds out. It knows the
// sums of a cell without those of its pairs with the fold. Pairs are of the finest cells, and meet again in coarser
// ones.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cellwise/groups.h"

namespace cellwise {

// --- statistics ----------------------------------------------------------------------------------

// Ratio a / b, or 0 where b is 0 or less. Here and below no branches: what they ask of data is guessed wrong too often.
constexpr double ratio(double a, double b) noexcept {
  const bool is_any = b > 0;
  const double quotient = a / (is_any ? b : 1.0);
  return is_any ? quotient : 0.0;
}

// What is left of a group without a part of it; exactly 0 where nothing is.
constexpr GroupSums without(const GroupSums& whole, const GroupSums& part) noexcept {
  const bool is_any = whole.rows > part.rows;
  const double weight = whole.weight - part.weight, total = whole.total - part.total,
               square = whole.square - part.square;
  return {is_any ? whole.rows - part.rows : 0.0, is_any ? weight : 0.0, is_any ? total : 0.0, is_any ? square : 0.0};
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

// Pairs of a finest cell and a fold that rows of it are held out of, distinct, sorted by cell, then fold.
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

// Sums by fold over the pairs in one cell of a level after the other.
class HeldOut {
 public:
  struct Fold {
    std::size_t pair;  // one of the pairs with the fold
    GroupSums sums;
  };

  HeldOut(const Level& level, const Pairs& pairs, std::size_t n_folds)
      : level_(level), pairs_(pairs), places_(n_folds, kNowhere), folds_(std::min(n_folds, pairs.n)) {}

  // Goes on to a cell.  REQUIRES: cells come in order, and none is left out.
  void next(std::int32_t cell) {
    for (std::size_t k = 0; !is_single_ && k < n_; ++k) places_[number(folds_[k].pair)] = kNowhere;
    first_ = last_;
    while (last_ < pairs_.n && level_.cell_at[pairs_.cell[last_]] == cell) ++last_;
    n_ = 0;
    is_single_ = first_ == last_ || pairs_.cell[first_] == pairs_.cell[last_ - 1];
    for (std::size_t pair = first_; pair < last_; ++pair) {
      if (is_single_) {  // one finest cell, which meets each fold once
        folds_[n_++] = {pair, pairs_.sums[pair]};
        continue;
      }
      std::uint32_t& place = places_[number(pair)];
      if (place == kNowhere) {
        place = static_cast<std::uint32_t>(n_);
        folds_[n_++] = {pair, {}};
      }
      folds_[place].sums += pairs_.sums[pair];
    }
  }

  // The pairs in the cell: from the first to before the last.
  std::size_t first() const noexcept { return first_; }
  std::size_t last() const noexcept { return last_; }

  // The folds of these pairs, which of them a pair has, and its number among all.
  std::size_t size() const noexcept { return n_; }
  const Fold& operator[](std::size_t k) const noexcept { return folds_[k]; }
  std::size_t place(std::size_t pair) const noexcept { return is_single_ ? pair - first_ : places_[number(pair)]; }
  std::int32_t number(std::size_t pair) const noexcept { return pairs_.fold[pair]; }

 private:
  static constexpr std::uint32_t kNowhere = ~std::uint32_t{0};

  Level level_;
  Pairs pairs_;
  std::vector<std::uint32_t> places_;  // of each fold in `folds_`, unless there is a single finest cell
  std::vector<Fold> folds_;
  std::size_t first_ = 0, last_ = 0, n_ = 0;
  bool is_single_ = true;
};

// --- a level -------------------------------------------------------------------------------------

// Adds up the terms of all families in each view, to `terms`, shape (kTerms, n_folds + 1).
template <class Statistic>
void level_terms(const Level& level, const Pairs& pairs, std::size_t n_folds, double* terms) {
  using Parts = typename Statistic::Parts;
  using Terms = typename Statistic::Terms;
  HeldOut held(level, pairs, n_folds);
  Terms all{};
  std::vector<Parts> changes(n_folds, Parts{});  // of the family, where the fold's rows are gone
  std::vector<char> is_changed(n_folds);
  std::vector<std::int32_t> changed;
  std::vector<Terms> differences(n_folds, Terms{});
  for (std::size_t cell = 0; cell < level.n;) {
    Parts family{};
    const std::int32_t number = level.family[cell];
    for (; cell < level.n && level.family[cell] == number; ++cell) {
      const GroupSums& sums = level.sums[cell];
      const Parts whole = Statistic::parts(sums);
      for (std::size_t k = 0; k < whole.size(); ++k) family[k] += whole[k];
      held.next(static_cast<std::int32_t>(cell));
      for (std::size_t j = 0; j < held.size(); ++j) {
        const std::int32_t fold = held.number(held[j].pair);
        const Parts left = Statistic::parts(without(sums, held[j].sums));
        if (!is_changed[fold]) changed.push_back(fold);
        is_changed[fold] = true;
        for (std::size_t k = 0; k < left.size(); ++k) changes[fold][k] += left[k] - whole[k];
      }
    }
    const Terms before = Statistic::terms(family);
    for (std::size_t k = 0; k < all.size(); ++k) all[k] += before[k];
    for (const std::int32_t fold : changed) {
      Parts left = changes[fold];
      for (std::size_t k = 0; k < left.size(); ++k) left[k] = family[k] + left[k];
      const Terms after = Statistic::terms(left);
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

// How the estimates of a level come about.
struct Shrinking {
  const double *m, *prior;           // by view
  bool to_parent;                    // else to `prior`
  const double* above;               // estimates of the families in view 0
  const double *own, *own_of_pairs;  // estimates from own rows where sums do not tell them, else null
  const double* around;              // for each pair the estimate of its family in its fold's view
  double *rows, *levels;             // or null: for each pair how many rows its estimate rests on, of which level
  double level;
};

// Writes the estimates of the cells in view 0, and for each pair that of its cell in its fold's view, which may
// overwrite `around`.
template <class Statistic>
void shrink_level(const Level& level, const Pairs& pairs, std::size_t n_folds, const Shrinking& how, double* of_cells,
                  double* of_pairs) {
  struct Estimate {
    double value, weight;
    bool is_seen;
  };
  const auto shrunk = [&how](const GroupSums& sums, const double* own, double above, std::size_t view) {
    if (!(sums.rows > 0)) return above;
    const OwnEstimate estimate = own == nullptr ? Statistic::own(sums) : OwnEstimate{*own, sums.weight};
    const double prior = how.to_parent ? above : how.prior[view];
    return prior + ratio(estimate.amount, estimate.amount + how.m[view]) * (estimate.value - prior);
  };
  const auto at = [](const double* values, std::size_t k) { return values == nullptr ? nullptr : values + k; };
  HeldOut held(level, pairs, n_folds);
  std::vector<Estimate> estimates(std::min(n_folds, pairs.n));
  for (std::size_t cell = 0; cell < level.n; ++cell) {
    const GroupSums& sums = level.sums[cell];
    of_cells[cell] = shrunk(sums, at(how.own, cell), how.above[level.family[cell]], 0);
    held.next(static_cast<std::int32_t>(cell));
    for (std::size_t k = 0; k < held.size(); ++k) {
      const std::size_t pair = held[k].pair;  // those of one cell and fold lie in the same one above
      const GroupSums left = without(sums, held[k].sums);
      const auto view = 1 + static_cast<std::size_t>(held.number(pair));
      estimates[k] = {shrunk(left, at(how.own_of_pairs, pair), how.around[pair], view), left.weight, left.rows > 0};
    }
    for (std::size_t pair = held.first(); pair < held.last(); ++pair) {
      const Estimate& estimate = estimates[held.place(pair)];
      of_pairs[pair] = estimate.value;
      if (how.rows != nullptr && estimate.is_seen) {
        how.rows[pair] = estimate.weight;
        how.levels[pair] = how.level;
      }
    }
  }
}

}  // namespace cellwise
