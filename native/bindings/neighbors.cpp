#include "neighbors.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include <cstdint>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "cellwise/neighbors.h"
#include "results.h"

namespace cellwise::bindings {

namespace {

constexpr const char* kTreeName = "cellwise.NeighborTree";

template <class T>
using In = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T, int Axes>
using Out = nb::ndarray<T, nb::ndim<Axes>, nb::c_contig, nb::device::cpu>;
template <class T>
using Made = nb::ndarray<nb::numpy, T, nb::ndim<1>>;

// A tree, and the arrays that it looks into.
struct HeldTree {
  In<double> lat, lng;
  In<std::int32_t> starts, rows, place_of_row;
  std::unique_ptr<NeighborTree> tree;
};

const NeighborTree& as_tree(const nb::capsule& capsule) {
  if (!PyCapsule_IsValid(capsule.ptr(), kTreeName)) throw nb::type_error("not a tree of neighbors");
  return *static_cast<const HeldTree*>(capsule.data(kTreeName))->tree;
}

// Queries of one call; the arrays of what to leave out may be empty. `order` says in which order to answer them.
struct Queries {
  In<double> lat, lng;
  In<std::int64_t> order, starts_at, rows, firsts, lasts;

  std::int64_t size() const { return static_cast<std::int64_t>(order.size()); }

  void check(const NeighborTree& tree) const {
    const std::size_t n = lat.size();
    const auto fits = [n](const auto& array) { return array.size() == n || array.size() == 0; };
    if (lng.size() != n || starts_at.size() != n || !fits(rows) || !fits(firsts) || lasts.size() != firsts.size()) {
      throw nb::value_error("queries must have arrays of one length");
    }
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (order(i) < 0 || static_cast<std::size_t>(order(i)) >= n) throw nb::value_error("order must hold positions");
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows(i) >= tree.n_rows()) throw nb::value_error("rows must be rows of the tree");
    }
  }

  NeighborQuery operator[](std::int64_t q) const {
    NeighborQuery query{lat(q), lng(q), starts_at(q)};
    if (rows.size() > 0) query.row = rows(q);
    if (firsts.size() > 0) {
      query.first = firsts(q);
      query.last = lasts(q);
    }
    return query;
  }
};

nb::capsule make_tree(In<double> lat, In<double> lng, In<std::int32_t> starts, In<std::int32_t> rows,
                      In<std::int32_t> place_of_row) {
  const std::size_t m = lat.size(), n = rows.size();
  bool fits = lng.size() == m && starts.size() == m + 1 && place_of_row.size() == n && n < std::size_t{1} << 31 &&
              starts(0) == 0 && starts(m) == static_cast<std::int32_t>(n);
  for (std::size_t p = 0; fits && p < m; ++p) fits = starts(p) < starts(p + 1);
  for (std::size_t k = 0; fits && k < n; ++k) {
    fits = 0 <= rows(k) && static_cast<std::size_t>(rows(k)) < n && 0 <= place_of_row(k) &&
           static_cast<std::size_t>(place_of_row(k)) < m;
  }
  if (!fits) {
    throw nb::value_error("a tree needs places, where the rows of each start, the rows, and the place of each");
  }
  auto held = std::make_unique<HeldTree>(HeldTree{lat, lng, starts, rows, place_of_row, nullptr});
  {
    nb::gil_scoped_release release;
    held->tree = std::make_unique<NeighborTree>(lat.data(), lng.data(), starts.data(), static_cast<std::int64_t>(m),
                                                rows.data(), place_of_row.data(), static_cast<std::int64_t>(n));
  }
  return nb::capsule(held.release(), kTreeName, [](void* p) noexcept { delete static_cast<HeldTree*>(p); });
}

void nearest(nb::capsule capsule, In<double> lat, In<double> lng, In<std::int64_t> order, In<std::int64_t> starts_at,
             In<std::int64_t> rows, In<std::int64_t> firsts, In<std::int64_t> lasts, Out<std::int64_t, 2> found,
             Out<double, 2> arcs) {
  const NeighborTree& tree = as_tree(capsule);
  const Queries queries{lat, lng, order, starts_at, rows, firsts, lasts};
  queries.check(tree);
  const std::int64_t k = static_cast<std::int64_t>(found.shape(1));
  if (k < 1 || found.shape(0) != lat.size() || arcs.shape(0) != lat.size() || arcs.shape(1) != found.shape(1)) {
    throw nb::value_error("results must have a row for each query and a column for each neighbor");
  }
  nb::gil_scoped_release release;
  NeighborSearch search(tree);
  for (std::int64_t i = 0; i < queries.size(); ++i) {
    const std::int64_t q = order(i);
    search.nearest(queries[q], k, found.data() + q * k, arcs.data() + q * k);
  }
}

// Answers order[begin], order[begin + 1] ... until there are more than `limit` neighbors in all; writes how many each
// has, and returns the first position not answered.
std::tuple<std::int64_t, Made<std::int64_t>, Made<double>> within(nb::capsule capsule, In<double> lat, In<double> lng,
                                                                  In<std::int64_t> order, In<std::int64_t> starts_at,
                                                                  In<std::int64_t> rows, In<std::int64_t> firsts,
                                                                  In<std::int64_t> lasts, double radius,
                                                                  std::int64_t begin, std::int64_t limit,
                                                                  Out<std::int64_t, 1> sizes) {
  const NeighborTree& tree = as_tree(capsule);
  const Queries queries{lat, lng, order, starts_at, rows, firsts, lasts};
  queries.check(tree);
  if (!(radius >= 0) || begin < 0 || sizes.size() != order.size()) {
    throw nb::value_error("radius must not be negative, and sizes have an item for each query");
  }
  std::vector<std::int64_t> found;
  std::vector<double> arcs;
  std::int64_t i = begin;
  {
    nb::gil_scoped_release release;
    NeighborSearch search(tree);
    while (i < queries.size() && static_cast<std::int64_t>(found.size()) <= limit) {
      const std::size_t before = found.size();
      search.within(queries[order(i)], radius, found, arcs);
      sizes(i++) = static_cast<std::int64_t>(found.size() - before);
    }
  }
  return {i, to_numpy(std::move(found)), to_numpy(std::move(arcs))};
}

}  // namespace

void add_neighbors(nb::module_& m) {
  m.def("neighbor_tree", &make_tree);
  m.def("neighbors_nearest", &nearest);
  m.def("neighbors_within", &within);
}

}  // namespace cellwise::bindings
