#include "groups.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "cellwise/blocks.h"
#include "cellwise/groups.h"
#include "cellwise/shrinkage.h"

namespace cellwise::bindings {

namespace nb = nanobind;

namespace {

constexpr const char* kVocabularyName = "cellwise.Vocabulary";

// Rows between two looks for Ctrl-C.
constexpr std::size_t kChunk = 1 << 16;

template <class T, int Axes = 1>
using In = nb::ndarray<const T, nb::ndim<Axes>, nb::c_contig, nb::device::cpu>;
template <class T, int Axes = 1>
using Out = nb::ndarray<T, nb::ndim<Axes>, nb::c_contig, nb::device::cpu>;
template <class T>
using Made = nb::ndarray<nb::numpy, T, nb::ndim<1>>;

template <class T>
Made<T> to_numpy(std::vector<T>&& values) {
  auto owner = std::make_unique<std::vector<T>>(std::move(values));
  T* data = owner->data();
  const std::size_t n = owner->size();
  nb::capsule capsule(owner.release(), [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return Made<T>(data, {n}, capsule);
}

bool interrupted() {
  nb::gil_scoped_acquire acquire;
  return PyErr_CheckSignals() != 0;
}

// Runs `work(start, stop)` over all rows, in one or in chunks, with the instruction that counts bits where the set in
// use has it: all that work does is inlined into a function that may use it, or into one that may not.
#if CELLWISE_X86 && defined(__GNUC__)
template <class Work>
[[gnu::target("popcnt")]] void chunk_with_popcnt(const Work& work, std::size_t start, std::size_t stop) {
  work(start, stop);
}
#endif
template <class Work>
void in_one(std::size_t n, const Work& work) {
#if CELLWISE_X86 && defined(__GNUC__)
  if (std::string_view(blocks().name) != "scalar") {
    chunk_with_popcnt(work, 0, n);
    return;
  }
#endif
  work(0, n);
}
template <class Work>
void in_chunks(std::size_t n, const Work& work) {
  bool stopped = false;
  {
    nb::gil_scoped_release release;
    for (std::size_t start = 0; start < n && !stopped; start += kChunk) {
      const std::size_t stop = std::min(n, start + kChunk);
      in_one(stop - start, [&](std::size_t from, std::size_t to) CELLWISE_INLINE { work(start + from, start + to); });
      stopped = stop < n && start / kChunk % 64 == 63 && interrupted();
    }
  }
  if (stopped) throw nb::python_error();
}

template <class Key>
std::size_t make_keys(In<std::uint64_t> cells, std::int32_t level, Out<Key> keys) {
  if (level < 0 || level > kKeyLevel<Key>) throw nb::value_error("level must suit the keys");
  if (keys.size() != cells.size()) throw nb::value_error("the result must have an item for each cell");
  nb::gil_scoped_release release;
  return cell_keys(cells.data(), cells.size(), level, keys.data());
}

template <class Key>
std::pair<Made<std::uint64_t>, Made<std::int64_t>> count(In<Key> keys) {
  std::vector<std::uint64_t> cells;
  std::vector<std::int64_t> counts;
  {
    nb::gil_scoped_release release;
    count_keys(keys.data(), keys.size(), cells, counts);
  }
  return {to_numpy(std::move(cells)), to_numpy(std::move(counts))};
}

const Vocabulary& as_vocabulary(const nb::capsule& capsule) {
  if (!PyCapsule_IsValid(capsule.ptr(), kVocabularyName)) throw nb::type_error("not a vocabulary");
  return *static_cast<const Vocabulary*>(capsule.data(kVocabularyName));
}

nb::capsule make_vocabulary(In<std::uint64_t> cells) {
  const std::uint64_t* cell = cells.data();
  const std::size_t n = cells.size();
  bool fits = n < (std::size_t{1} << 31);
  for (std::size_t k = 0; fits && k < n; ++k) {
    fits = cell_is_valid(cell[k]);
    if (!fits || k == 0) continue;
    const std::int32_t before = cell_level(cell[k - 1]), level = cell_level(cell[k]);
    fits = before < level || (before == level && cell[k - 1] < cell[k]);
  }
  if (!fits) throw nb::value_error("a vocabulary needs valid, distinct cells, sorted by level, then id");
  std::unique_ptr<Vocabulary> vocabulary;
  {
    nb::gil_scoped_release release;
    vocabulary = std::make_unique<Vocabulary>(cell, n);
  }
  return nb::capsule(vocabulary.release(), kVocabularyName,
                     [](void* p) noexcept { delete static_cast<Vocabulary*>(p); });
}

// Where each cell stands, or, with a level, its ancestor there; -1 for nowhere.
void positions(nb::capsule capsule, In<std::uint64_t> cells, std::int32_t level, Out<std::int32_t> found) {
  const Vocabulary& vocabulary = as_vocabulary(capsule);
  if (found.size() != cells.size()) throw nb::value_error("the result must have an item for each cell");
  const std::uint64_t* cell = cells.data();
  std::int32_t* to = found.data();
  if (level > kMaxLevel) throw nb::value_error("level must be in 0..30");
  in_chunks(cells.size(), [=, &vocabulary](std::size_t start, std::size_t stop) CELLWISE_INLINE {
    if (level < 0) {
      vocabulary.find(cell + start, stop - start, to + start);
    } else {
      vocabulary.find(cell + start, stop - start, level, to + start);
    }
  });
}

// Writes the positions of the cells that contain each row, row after row, and where those of each end; how many.
template <class Index>
std::size_t containing(nb::capsule capsule, In<std::uint64_t> cells, Out<Index> found, Out<Index> ends) {
  const Vocabulary& vocabulary = as_vocabulary(capsule);
  if (ends.size() != cells.size() || found.size() < cells.size() * vocabulary.depth()) {
    throw nb::value_error("the result must have room for each cell");
  }
  const std::uint64_t* cell = cells.data();
  Index *to = found.data(), *end = ends.data();
  std::size_t written = 0;
  in_chunks(cells.size(), [=, &vocabulary, &written](std::size_t start, std::size_t stop) CELLWISE_INLINE {
    for (std::size_t k = start; k < stop; k += Vocabulary::kRows) {
      const std::size_t rows = std::min(Vocabulary::kRows, stop - k);
      written += vocabulary.containing(cell + k, rows, written, to + written, end + k);
    }
  });
  return written;
}

// The same of a single cell, as Python integers.
nb::tuple containing_one(nb::capsule capsule, std::uint64_t cell) {
  const Vocabulary& vocabulary = as_vocabulary(capsule);
  std::int32_t found[kMaxLevel + 1], end = 0;
  vocabulary.containing(&cell, 1, 0, found, &end);
  nb::list positions;
  for (std::int32_t k = 0; k < end; ++k) positions.append(found[k]);
  return nb::tuple(positions);
}

const GroupSums* as_sums(In<double, 2> sums) { return reinterpret_cast<const GroupSums*>(sums.data()); }

void check_groups(In<std::int32_t> group, std::size_t n_groups) {
  const std::int32_t* number = group.data();
  const std::size_t n = group.size();
  std::uint32_t largest = 0;  // -1 is larger than all others
  for (std::size_t k = 0; k < n; ++k) largest = std::max(largest, static_cast<std::uint32_t>(number[k]));
  if (n > 0 && largest >= n_groups) throw nb::value_error("group must be one of the sums");
}

void sum(In<std::int32_t> group, In<double> y, In<double> weight, Out<double, 2> sums) {
  const std::size_t n = group.size(), n_groups = sums.shape(0);
  static_assert(sizeof(GroupSums) == 4 * sizeof(double));
  if (y.size() != n || (weight.size() != n && weight.size() != 0) || sums.shape(1) != 4) {
    throw nb::value_error("sums need as many groups, values and weights as rows");
  }
  const std::int32_t* at = group.data();
  check_groups(group, n_groups);
  const double* weights = weight.size() == n && n > 0 ? weight.data() : nullptr;
  auto* to = reinterpret_cast<GroupSums*>(sums.data());
  const double* values = y.data();
  in_chunks(n, [=](std::size_t start, std::size_t stop) CELLWISE_INLINE {
    add_rows(at + start, values + start, weights == nullptr ? nullptr : weights + start, stop - start, to);
  });
}

void sum_sums(In<std::int32_t> group, In<double, 2> sums, Out<double, 2> to) {
  if (sums.shape(0) != group.size() || sums.shape(1) != 4 || to.shape(1) != 4) {
    throw nb::value_error("sums need as many groups as there are of them");
  }
  check_groups(group, to.shape(0));
  nb::gil_scoped_release release;
  add_sums(group.data(), as_sums(sums), group.size(), reinterpret_cast<GroupSums*>(to.data()));
}

template <class T>
void take(In<T, 2> table, In<std::int32_t> numbers, Out<T, 2> rows) {
  const std::size_t width = table.shape(1);
  if (rows.shape(0) != numbers.size() || rows.shape(1) != width) {
    throw nb::value_error("the result must have a row for each number");
  }
  check_groups(numbers, table.shape(0));
  const T* from = table.data();
  const std::int32_t* number = numbers.data();
  T* to = rows.data();
  in_chunks(numbers.size(), [=](std::size_t start, std::size_t stop) CELLWISE_INLINE {
    take_rows(from, width, number + start, stop - start, to + start * width);
  });
}

std::pair<Made<std::int32_t>, Made<std::int32_t>> pairs(In<std::int32_t> a, In<std::int32_t> b, std::size_t n_a,
                                                        std::size_t n_b, Out<std::int32_t> number) {
  const std::size_t n = a.size();
  if (b.size() != n || number.size() != n || n >= std::size_t{1} << 31) {
    throw nb::value_error("pairs need as many numbers as items");
  }
  if (n_a >= std::size_t{1} << 31 || n_b >= std::size_t{1} << 31) throw nb::value_error("numbers must fit in 31 bits");
  const std::int32_t *first = a.data(), *second = b.data();
  for (std::size_t k = 0; k < n; ++k) {
    const bool fits = first[k] >= 0 && static_cast<std::size_t>(first[k]) < n_a && second[k] >= 0 &&
                      static_cast<std::size_t>(second[k]) < n_b;
    if (!fits) throw nb::value_error("items must be in range");
  }
  std::vector<std::int32_t> firsts, seconds;
  std::int32_t* to = number.data();
  {
    nb::gil_scoped_release release;
    in_one(n, [=, &firsts, &seconds](std::size_t, std::size_t)
                  CELLWISE_INLINE { number_pairs(first, second, n, n_a, n_b, to, firsts, seconds); });
  }
  return {to_numpy(std::move(firsts)), to_numpy(std::move(seconds))};
}

// --- shrinkage -----------------------------------------------------------------------------------

bool is_ascending_below(In<std::int32_t> numbers, std::size_t limit) {
  const std::int32_t* number = numbers.data();
  const std::size_t n = numbers.size();
  if (n > 0 && (number[0] < 0 || static_cast<std::size_t>(number[n - 1]) >= limit)) return false;
  bool is_ascending = true;
  for (std::size_t k = 1; k < n; ++k) is_ascending &= number[k - 1] <= number[k];
  return is_ascending;
}

using GivenPairs = std::tuple<In<std::int32_t>, In<std::int32_t>, In<double, 2>>;  // cell, fold, sums

// The level and the pairs, if they are what kernels rely on.
std::pair<Level, Pairs> checked(In<double, 2> sums, In<std::int32_t> family, std::size_t n_families,
                                In<std::int32_t> cell_at, const GivenPairs& given, std::size_t n_folds) {
  const auto& [cell, fold, pair_sums] = given;
  const std::size_t n_cells = sums.shape(0), n_pairs = cell.size();
  bool fits = sums.shape(1) == 4 && pair_sums.shape(1) == 4 && family.size() == n_cells && fold.size() == n_pairs &&
              pair_sums.shape(0) == n_pairs && is_ascending_below(family, n_families) &&
              is_ascending_below(cell_at, n_cells) && is_ascending_below(cell, cell_at.size());
  const std::int32_t *cells = cell.data(), *folds = fold.data();
  for (std::size_t k = 0; fits && k < n_pairs; ++k) {
    fits = folds[k] >= 0 && static_cast<std::size_t>(folds[k]) < n_folds;
  }
  for (std::size_t k = 1; fits && k < n_pairs; ++k) fits = cells[k - 1] < cells[k] || folds[k - 1] < folds[k];
  if (!fits) throw nb::value_error("cells, families and pairs must be in order and in range");
  return {{as_sums(sums), family.data(), n_cells, cell_at.data()},
          {cell.data(), fold.data(), as_sums(pair_sums), n_pairs}};
}

void terms(bool is_std, In<double, 2> sums, In<std::int32_t> family, In<std::int32_t> cell_at, const GivenPairs& given,
           Out<double, 2> terms) {
  const std::size_t n_terms = is_std ? StdStatistic::kTerms : MeanStatistic::kTerms;
  if (terms.shape(0) != n_terms || terms.shape(1) == 0) {
    throw nb::value_error("the result must have a row for each term");
  }
  const std::size_t n_folds = terms.shape(1) - 1;
  const auto [level, pairs] = checked(sums, family, std::size_t{1} << 31, cell_at, given, n_folds);
  nb::gil_scoped_release release;
  (is_std ? level_terms<StdStatistic> : level_terms<MeanStatistic>)(level, pairs, n_folds, terms.data());
}

void shrink(bool is_std, In<double, 2> sums, In<std::int32_t> family, In<std::int32_t> cell_at, const GivenPairs& given,
            In<double> m, In<double> prior, bool to_parent, In<double> above, In<double> own, In<double> own_of_pairs,
            In<double> around, Out<double, 2> support, double number, Out<double> of_cells, Out<double> of_pairs) {
  if (m.size() == 0 || prior.size() != m.size()) throw nb::value_error("m and prior must have an item for each view");
  const std::size_t n_folds = m.size() - 1;
  const auto [level, pairs] = checked(sums, family, above.size(), cell_at, given, n_folds);
  const bool has_own = own.size() > 0, has_support = support.shape(0) > 0;
  if (of_cells.size() != level.n || of_pairs.size() != pairs.n || around.size() != pairs.n ||
      (has_own && (own.size() != level.n || own_of_pairs.size() != pairs.n)) ||
      (has_support && (support.shape(0) != 2 || support.shape(1) != pairs.n))) {
    throw nb::value_error("the results must have an item for each cell and pair");
  }
  const Shrinking how{m.data(),
                      prior.data(),
                      to_parent,
                      above.data(),
                      has_own ? own.data() : nullptr,
                      has_own ? own_of_pairs.data() : nullptr,
                      around.data(),
                      has_support ? support.data() : nullptr,
                      has_support ? support.data() + pairs.n : nullptr,
                      number};
  nb::gil_scoped_release release;
  (is_std ? shrink_level<StdStatistic> : shrink_level<MeanStatistic>)(level, pairs, n_folds, how, of_cells.data(),
                                                                      of_pairs.data());
}

}  // namespace

void add_groups(nb::module_& m) {
  m.def("cell_keys", &make_keys<std::uint32_t>);
  m.def("cell_keys", &make_keys<std::uint64_t>);
  m.def("count_keys", &count<std::uint32_t>);
  m.def("count_keys", &count<std::uint64_t>);
  m.def("vocabulary", &make_vocabulary);
  m.def("vocabulary_positions", &positions);
  m.def("vocabulary_depth", [](nb::capsule capsule) { return as_vocabulary(capsule).depth(); });
  m.def("vocabulary_containing", &containing<std::int32_t>);
  m.def("vocabulary_containing", &containing<std::int64_t>);
  m.def("vocabulary_containing_one", &containing_one);
  m.def("number_pairs", &pairs);
  m.def("sum_groups", &sum);
  m.def("add_sums", &sum_sums);
  m.def("take_rows", &take<double>);
  m.def("take_rows", &take<float>);
  m.def("level_terms", &terms);
  m.def("shrink_level", &shrink);
}

}  // namespace cellwise::bindings
