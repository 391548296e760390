#include "groups.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "cellwise/blocks.h"
#include "cellwise/groups.h"

namespace cellwise::bindings {

namespace nb = nanobind;

namespace {

constexpr const char* kVocabularyName = "cellwise.Vocabulary";

// Rows between two looks for Ctrl-C.
constexpr std::size_t kChunk = 1 << 16;

template <class T>
using In = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
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

// Runs `work(start, stop)` over all rows, in one or in chunks, with the instruction that counts bits where the set in use has it:
// all that work does is inlined into a function that may use it, or into one that may not.
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

void sum(In<std::int32_t> group, In<double> y, In<double> weight, Out<double, 2> sums) {
  const std::size_t n = group.size(), n_groups = sums.shape(0);
  static_assert(sizeof(GroupSums) == 4 * sizeof(double));
  if (y.size() != n || (weight.size() != n && weight.size() != 0) || sums.shape(1) != 4) {
    throw nb::value_error("sums need as many groups, values and weights as rows");
  }
  const std::int32_t* at = group.data();
  for (std::size_t k = 0; k < n; ++k) {
    if (at[k] < 0 || static_cast<std::size_t>(at[k]) >= n_groups) throw nb::value_error("group must be one of the sums");
  }
  const double* weights = weight.size() == n && n > 0 ? weight.data() : nullptr;
  auto* to = reinterpret_cast<GroupSums*>(sums.data());
  const double* values = y.data();
  in_chunks(n, [=](std::size_t start, std::size_t stop) CELLWISE_INLINE {
    add_rows(at + start, values + start, weights == nullptr ? nullptr : weights + start, stop - start, to);
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
    in_one(n, [=, &firsts, &seconds](std::size_t, std::size_t) CELLWISE_INLINE {
      number_pairs(first, second, n, n_a, n_b, to, firsts, seconds);
    });
  }
  return {to_numpy(std::move(firsts)), to_numpy(std::move(seconds))};
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
}

}  // namespace cellwise::bindings
