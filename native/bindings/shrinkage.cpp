#include "shrinkage.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>

#include "cellwise/groups.h"
#include "cellwise/shrinkage.h"
#include "results.h"

namespace cellwise::bindings {

namespace {

using GivenLevel = std::tuple<In<double, 2>, In<std::int32_t>, In<std::int32_t>>;  // sums, parent, cell_at
using GivenPairs = std::tuple<In<std::int32_t>, In<std::int32_t>, In<double, 2>>;  // cell, fold, sums
using GivenOwn = std::tuple<In<double>, In<double>>;                               // of cells, of pairs

const GroupSums* as_sums(const In<double, 2>& sums) { return reinterpret_cast<const GroupSums*>(sums.data()); }

bool is_ascending_below(const In<std::int32_t>& numbers, std::size_t limit) {
  const std::int32_t* number = numbers.data();
  const std::size_t n = numbers.size();
  if (n > 0 && (number[0] < 0 || static_cast<std::size_t>(number[n - 1]) >= limit)) return false;
  bool is_ascending = true;
  for (std::size_t k = 1; k < n; ++k) is_ascending &= number[k - 1] <= number[k];
  return is_ascending;
}

// The level and the pairs, if they are as kernels require.
std::pair<Level, Pairs> checked(const GivenLevel& given_level, std::size_t n_parents, const GivenPairs& given_pairs,
                                std::size_t n_folds) {
  const auto& [sums, parent, cell_at] = given_level;
  const auto& [cell, fold, pair_sums] = given_pairs;
  const std::size_t n_cells = sums.shape(0), n_pairs = cell.size();
  bool fits = sums.shape(1) == 4 && pair_sums.shape(1) == 4 && parent.size() == n_cells && fold.size() == n_pairs &&
              pair_sums.shape(0) == n_pairs && is_ascending_below(parent, n_parents) &&
              is_ascending_below(cell_at, n_cells) && is_ascending_below(cell, cell_at.size());
  const std::int32_t *cells = cell.data(), *folds = fold.data();
  for (std::size_t k = 0; fits && k < n_pairs; ++k) {
    fits = folds[k] >= 0 && static_cast<std::size_t>(folds[k]) < n_folds;
  }
  for (std::size_t k = 1; fits && k < n_pairs; ++k) fits = cells[k - 1] < cells[k] || folds[k - 1] < folds[k];
  if (!fits) throw nb::value_error("cells, parents and pairs must be in order and in range");
  return {{as_sums(sums), parent.data(), n_cells, cell_at.data()},
          {cell.data(), fold.data(), as_sums(pair_sums), n_pairs}};
}

void terms(bool is_std, const GivenLevel& given_level, const GivenPairs& given_pairs, Out<double, 2> terms) {
  const std::size_t n_terms = is_std ? StdStatistic::kTerms : MeanStatistic::kTerms;
  if (terms.shape(0) != n_terms || terms.shape(1) == 0) {
    throw nb::value_error("the result must have a row for each term");
  }
  const std::size_t n_folds = terms.shape(1) - 1;
  const auto [level, pairs] = checked(given_level, std::size_t{1} << 31, given_pairs, n_folds);
  nb::gil_scoped_release release;
  (is_std ? level_terms<StdStatistic> : level_terms<MeanStatistic>)(level, pairs, n_folds, terms.data());
}

// `prior`: None to shrink towards the parents. `own`: None if sums give the estimates of own rows. `support`: None, or
// where the weights of rows, and `level_number`, are written for each pair.
void shrink(bool is_std, const GivenLevel& given_level, const GivenPairs& given_pairs, In<double> m,
            const std::optional<In<double>>& prior, In<double> of_parents, In<double> parents_of_pairs,
            const std::optional<GivenOwn>& own, const std::optional<Out<double, 2>>& support, double level_number,
            Out<double> of_cells, Out<double> of_pairs) {
  if (m.size() == 0 || (prior && prior->size() != m.size())) {
    throw nb::value_error("m and prior must have an item for each training set");
  }
  const std::size_t n_folds = m.size() - 1;
  const auto [level, pairs] = checked(given_level, of_parents.size(), given_pairs, n_folds);
  if (of_cells.size() != level.n || of_pairs.size() != pairs.n || parents_of_pairs.size() != pairs.n ||
      (own && (std::get<0>(*own).size() != level.n || std::get<1>(*own).size() != pairs.n)) ||
      (support && (support->shape(0) != 2 || support->shape(1) != pairs.n))) {
    throw nb::value_error("the results must have an item for each cell and pair");
  }
  const Shrinking shrinking{.m = m.data(),
                            .prior = prior ? prior->data() : nullptr,
                            .of_parents = of_parents.data(),
                            .own = own ? std::get<0>(*own).data() : nullptr,
                            .own_of_pairs = own ? std::get<1>(*own).data() : nullptr,
                            .parents_of_pairs = parents_of_pairs.data(),
                            .rows = support ? support->data() : nullptr,
                            .levels = support ? support->data() + pairs.n : nullptr,
                            .level_number = level_number};
  nb::gil_scoped_release release;
  (is_std ? shrink_level<StdStatistic> : shrink_level<MeanStatistic>)(level, pairs, n_folds, shrinking, of_cells.data(),
                                                                      of_pairs.data());
}

}  // namespace

void add_shrinkage(nb::module_& m) {
  m.def("level_terms", &terms);
  m.def("shrink_level", &shrink, nb::arg("is_std"), nb::arg("level"), nb::arg("pairs"), nb::arg("m"),
        nb::arg("prior").none(), nb::arg("of_parents"), nb::arg("parents_of_pairs"), nb::arg("own").none(),
        nb::arg("support").none(), nb::arg("level_number"), nb::arg("of_cells"), nb::arg("of_pairs"));
}

}  // namespace cellwise::bindings
