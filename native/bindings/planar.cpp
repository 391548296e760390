#include "planar.h"

#include <nanobind/ndarray.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cellwise/covering.h"
#include "cellwise/parallel.h"
#include "cellwise/planar.h"
#include "cellwise/simple_features_filter.h"
#include "chains.h"
#include "cover.h"
#include "results.h"

namespace cellwise::bindings {

namespace {

// Calls f with the chains of a row.
template <class F>
auto with_row(const Chains& chains, std::size_t row, const F& f) {
  const auto first = static_cast<std::size_t>(chains.rows.data()[row]);
  const auto n = static_cast<std::size_t>(chains.rows.data()[row + 1]) - first;
  return f(chains.positions(), std::span<const std::int64_t>(chains.offsets.data() + first, n + 1),
           std::span<const std::uint8_t>(chains.roles.data() + first, n));
}

// Calls f with a T whose memory the thread reuses for its next row, unless the row is so large that it should be
// released.
template <class T, class F>
auto with_memory(const Chains& chains, std::size_t row, const F& f) {
  constexpr std::int64_t kLarge = 1 << 16;
  const auto vertices_before = [&](std::size_t k) { return chains.offsets.data()[chains.rows.data()[k]]; };
  if (vertices_before(row + 1) - vertices_before(row) > kLarge) {
    T own;
    return f(own);
  }
  thread_local T kept;
  return f(kept);
}

struct PlanarCover {
  PlanarShape shape;
  PlanarRegion region;
};

bool needs_exact_check(const Chains& chains, std::size_t row) {
  return with_memory<SimpleFeaturesFilter>(chains, row, [&](SimpleFeaturesFilter& filter) {
    return !with_row(chains, row, [&](auto... arrays) { return filter.is_certified(arrays...); });
  });
}

}  // namespace

void add_planar(nb::module_& m) {
  // Which rows need an exact check: coordinates may be out of range, polygons may be invalid, an edge spans more than
  // 180 degrees, or there is nothing.
  m.def("undecided_rows", [](Chains::Positions xy, Chains::In<std::int64_t> offsets, Chains::In<std::uint8_t> roles,
                             Chains::In<std::int64_t> rows) {
    const Chains chains = {xy, offsets, roles, rows};
    std::vector<std::uint8_t> result(chains.size());
    {
      nb::gil_scoped_release release;
      parallel_for(chains.size(), grain_of_rows(chains.size()), [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) result[row] = needs_exact_check(chains, row);
      });
    }
    return to_numpy(std::move(result));
  });
  // A covering of each row, as `cover_rows` gives it, and which rows are undecided: with `only_certified` those that
  // need an exact check, which are not covered; else none.
  m.def("cover_planar", [](Chains::Positions xy, Chains::In<std::int64_t> offsets, Chains::In<std::uint8_t> roles,
                           Chains::In<std::int64_t> rows, CoverArguments::Tuple given,
                           Chains::In<std::int64_t> candidate_limits, bool only_certified) {
    const Chains chains = {xy, offsets, roles, rows};
    const CoverArguments arguments = given;
    std::vector<std::uint8_t> undecided(chains.size(), 0);
    nb::tuple found =
        cover_rows(chains.size(), arguments.limit, [&](std::size_t row, std::vector<std::uint64_t>& cells) {
          cells.clear();
          undecided[row] = only_certified && needs_exact_check(chains, row);
          if (undecided[row]) return CoverStatus::kOk;
          return with_memory<PlanarCover>(chains, row, [&](PlanarCover& made) {
            with_row(chains, row, [&](auto... arrays) { made.shape.assign(arrays...); });
            made.region.reset(made.shape);
            return Coverer(made.region, arguments.options, arguments.limit, candidate_limits.data()[row]).run(cells);
          });
        });
    return nb::make_tuple(found[0], found[1], to_numpy(std::move(undecided)), found[2], found[3]);
  });
}

}  // namespace cellwise::bindings
