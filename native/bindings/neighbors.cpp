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

// A tree with the arrays that it refers to.
struct HeldTree {
  In<double> lat, lng;
  In<std::int32_t> starts, rows, place_of_row;
  std::unique_ptr<NeighborTree> tree;
};

// Queries of one call, answered in the order of `order`. The arrays of what to exclude may be empty.
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

void make_tree(HeldTree* self, In<double> lat, In<double> lng, In<std::int32_t> starts, In<std::int32_t> rows,
               In<std::int32_t> place_of_row) {
  const std::size_t m = lat.size(), n_placed = rows.size(), n = place_of_row.size();
  bool fits = lng.size() == m && starts.size() == m + 1 && n < std::size_t{1} << 31 && starts(0) == 0 &&
              starts(m) == static_cast<std::int32_t>(n_placed);
  for (std::size_t p = 0; fits && p < m; ++p) fits = starts(p) < starts(p + 1);
  for (std::size_t k = 0; fits && k < n_placed; ++k) fits = 0 <= rows(k) && static_cast<std::size_t>(rows(k)) < n;
  std::size_t n_known = 0;
  for (std::size_t k = 0; fits && k < n; ++k) {
    fits = place_of_row(k) < static_cast<std::int64_t>(m);
    n_known += place_of_row(k) >= 0;
  }
  fits = fits && n_known == n_placed;
  if (!fits) {
    throw nb::value_error("a tree needs places, where the rows of each start, the rows, and the place of each");
  }
  std::unique_ptr<NeighborTree> tree;
  {
    nb::gil_scoped_release release;
    tree = std::make_unique<NeighborTree>(lat.data(), lng.data(), starts.data(), static_cast<std::int64_t>(m),
                                          rows.data(), place_of_row.data(), static_cast<std::int64_t>(n));
  }
  new (self) HeldTree{lat, lng, starts, rows, place_of_row, std::move(tree)};
}

void nearest(const HeldTree& held, In<double> lat, In<double> lng, In<std::int64_t> order, In<std::int64_t> starts_at,
             In<std::int64_t> rows, In<std::int64_t> firsts, In<std::int64_t> lasts, Out<std::int64_t, 2> found,
             Out<double, 2> arcs) {
  const NeighborTree& tree = *held.tree;
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

// The end of the queries that were answered, and their neighbors.
using Found = std::tuple<std::int64_t, Made<std::int64_t>, Made<double>>;

// Answers order[begin], order[begin + 1], ... until there are more than `limit` neighbors in all, and writes how many
// each of them has.
Found within(const HeldTree& held, In<double> lat, In<double> lng, In<std::int64_t> order, In<std::int64_t> starts_at,
             In<std::int64_t> rows, In<std::int64_t> firsts, In<std::int64_t> lasts, double radius, std::int64_t begin,
             std::int64_t limit, Out<std::int64_t, 1> sizes) {
  const NeighborTree& tree = *held.tree;
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
  nb::class_<HeldTree>(m, "NeighborTree").def("__init__", &make_tree).def("nearest", &nearest).def("within", &within);
}

}  // namespace cellwise::bindings
