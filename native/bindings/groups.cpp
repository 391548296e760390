#include "groups.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "cellwise/blocks.h"
#include "cellwise/cell_index.h"
#include "cellwise/groups.h"
#include "cellwise/parallel.h"
#include "results.h"

namespace cellwise::bindings {

namespace {

// Rows between two looks for Ctrl-C.
constexpr std::size_t kChunk = 1 << 16;

// Calls `work(start, stop)` for all rows, at once or in chunks, with the instruction that counts bits if the
// instruction set in use has it: everything that `work` does is inlined into a function that may use it, or into one
// that may not.
#if CELLWISE_X86 && defined(__GNUC__)
template <class Work>
[[gnu::target("popcnt")]] void call_with_popcnt(const Work& work, std::size_t start, std::size_t stop) {
  work(start, stop);
}
#endif
template <class Work>
void at_once(std::size_t n, const Work& work) {
#if CELLWISE_X86 && defined(__GNUC__)
  if (std::string_view(blocks().name) != "scalar") {
    call_with_popcnt(work, 0, n);
    return;
  }
#endif
  work(0, n);
}
template <class Work>
void in_chunks(std::size_t n, const Work& work) {
  nb::gil_scoped_release release;
  for (std::size_t start = 0; start < n; start += kChunk) {
    const std::size_t stop = std::min(n, start + kChunk);
    at_once(stop - start, [&](std::size_t from, std::size_t to) CELLWISE_INLINE { work(start + from, start + to); });
    if (stop < n && start / kChunk % 64 == 63) stop_if_interrupted();
  }
}

// --- cells ---------------------------------------------------------------------------------------

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

void make_index(CellIndex* self, In<std::uint64_t> cells) {
  const std::uint64_t* cell = cells.data();
  const std::size_t n = cells.size();
  bool fits = n < (std::size_t{1} << 31);
  for (std::size_t k = 0; fits && k < n; ++k) {
    fits = cell_is_valid(cell[k]);
    if (!fits || k == 0) continue;
    const std::int32_t before = cell_level(cell[k - 1]), level = cell_level(cell[k]);
    fits = before < level || (before == level && cell[k - 1] < cell[k]);
  }
  if (!fits) throw nb::value_error("an index needs valid, distinct cells, sorted by level, then id");
  nb::gil_scoped_release release;
  new (self) CellIndex(cell, n);
}

// Writes the position of each cell, or of its ancestor at `level` if that is not negative; or -1.
void lookup(const CellIndex& index, In<std::uint64_t> cells, std::int32_t level, Out<std::int32_t> found) {
  if (found.size() != cells.size()) throw nb::value_error("the result must have an item for each cell");
  if (level > kMaxLevel) throw nb::value_error("level must be in 0..30");
  const std::uint64_t* cell = cells.data();
  std::int32_t* to = found.data();
  in_chunks(cells.size(), [=, &index](std::size_t start, std::size_t stop) CELLWISE_INLINE {
    if (level < 0) {
      index.lookup(cell + start, stop - start, to + start);
    } else {
      index.lookup_ancestors(cell + start, stop - start, level, to + start);
    }
  });
}

// Writes the positions of the cells that contain each row, row after row, and where those of each row end; returns
// their number.
template <class Index>
std::size_t ancestors_in(const CellIndex& index, In<std::uint64_t> cells, Out<Index> found, Out<Index> ends) {
  if (ends.size() != cells.size() || found.size() < cells.size() * index.depth()) {
    throw nb::value_error("the result must have room for each cell");
  }
  const std::uint64_t* cell = cells.data();
  Index *to = found.data(), *end = ends.data();
  std::size_t written = 0;
  in_chunks(cells.size(), [=, &index, &written](std::size_t start, std::size_t stop) CELLWISE_INLINE {
    for (std::size_t k = start; k < stop; k += CellIndex::kRows) {
      const std::size_t rows = std::min(CellIndex::kRows, stop - k);
      written += index.ancestors_in(cell + k, rows, written, to + written, end + k);
    }
  });
  return written;
}

// The same positions of a single cell, as a tuple.
nb::tuple ancestors_in_one(const CellIndex& index, std::uint64_t cell) {
  std::int32_t found[kMaxLevel + 1], end = 0;
  index.ancestors_in(&cell, 1, 0, found, &end);
  nb::list positions;
  for (std::int32_t k = 0; k < end; ++k) positions.append(found[k]);
  return nb::tuple(positions);
}

// --- sums ----------------------------------------------------------------------------------------

GroupSums* as_sums(Out<double, 2> sums) {
  static_assert(sizeof(GroupSums) == 4 * sizeof(double));
  return reinterpret_cast<GroupSums*>(sums.data());
}

void check_groups(In<std::int32_t> group, std::size_t n_groups) {
  const std::int32_t* number = group.data();
  const std::size_t n = group.size();
  std::uint32_t largest = 0;  // negative numbers become larger than all others
  for (std::size_t k = 0; k < n; ++k) largest = std::max(largest, static_cast<std::uint32_t>(number[k]));
  if (n > 0 && largest >= n_groups) throw nb::value_error("group must be one of the sums");
}

void sum(In<std::int32_t> group, In<double> y, In<double> weight, Out<double, 2> sums) {
  const std::size_t n = group.size();
  if (y.size() != n || (weight.size() != n && weight.size() != 0) || sums.shape(1) != 4) {
    throw nb::value_error("sums need as many groups, values and weights as rows");
  }
  check_groups(group, sums.shape(0));
  const std::int32_t* numbers = group.data();
  const double *values = y.data(), *weights = weight.size() == n && n > 0 ? weight.data() : nullptr;
  GroupSums* to = as_sums(sums);
  in_chunks(n, [=](std::size_t start, std::size_t stop) CELLWISE_INLINE {
    const double* own_weights = weights == nullptr ? nullptr : weights + start;
    sum_by_group(numbers + start, values + start, own_weights, stop - start, to);
  });
}

void add(In<std::int32_t> group, In<double, 2> sums, Out<double, 2> to) {
  if (sums.shape(0) != group.size() || sums.shape(1) != 4 || to.shape(1) != 4) {
    throw nb::value_error("sums need as many groups as there are of them");
  }
  check_groups(group, to.shape(0));
  nb::gil_scoped_release release;
  add_sums(group.data(), reinterpret_cast<const GroupSums*>(sums.data()), group.size(), as_sums(to));
}

template <class T>
void take_rows(In<T, 2> table, In<std::int32_t> numbers, Out<T, 2> rows) {
  const std::size_t width = table.shape(1);
  if (rows.shape(0) != numbers.size() || rows.shape(1) != width) {
    throw nb::value_error("the result must have a row for each number");
  }
  check_groups(numbers, table.shape(0));
  const T* from = table.data();
  const std::int32_t* number = numbers.data();
  T* to = rows.data();
  in_chunks(numbers.size(), [=](std::size_t start, std::size_t stop) CELLWISE_INLINE {
    take(from, width, number + start, stop - start, to + start * width);
  });
}

// --- numbers -------------------------------------------------------------------------------------

std::pair<Made<std::int32_t>, Made<std::int32_t>> factorize(In<std::int32_t> a, In<std::int32_t> b, std::size_t n_a,
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
  const auto work = [=, &firsts, &seconds](std::size_t, std::size_t)
                        CELLWISE_INLINE { factorize_pairs(first, second, n, n_a, n_b, to, firsts, seconds); };
  {
    nb::gil_scoped_release release;
    at_once(n, work);
  }
  return {to_numpy(std::move(firsts)), to_numpy(std::move(seconds))};
}

}  // namespace

void add_groups(nb::module_& m) {
  m.def("cell_keys", &make_keys<std::uint32_t>);
  m.def("cell_keys", &make_keys<std::uint64_t>);
  m.def("count_keys", &count<std::uint32_t>);
  m.def("count_keys", &count<std::uint64_t>);
  nb::class_<CellIndex>(m, "CellIndex")
      .def("__init__", &make_index)
      .def("depth", &CellIndex::depth)
      .def("lookup", &lookup)
      .def("ancestors_in", &ancestors_in<std::int32_t>)
      .def("ancestors_in", &ancestors_in<std::int64_t>)
      .def("ancestors_in_one", &ancestors_in_one);
  m.def("sum_by_group", &sum);
  m.def("add_sums", &add);
  m.def("take", &take_rows<double>);
  m.def("take", &take_rows<float>);
  m.def("factorize_pairs", &factorize);
}

}  // namespace cellwise::bindings
