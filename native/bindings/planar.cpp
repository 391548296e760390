#include "planar.h"

#include <nanobind/ndarray.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cellwise/covering.h"
#include "cellwise/parallel.h"
#include "cellwise/planar.h"
#include "cellwise/valid_rings.h"
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

struct PlanarCover {
  PlanarShape shape;
  PlanarRegion region;
};

}  // namespace

void add_planar(nb::module_& m) {
  // Of each row, whether it has to be looked at: its coordinates may be out of range, its polygons invalid, or an edge
  // goes more than half way round; or there is nothing.
  m.def("doubtful_rows", [](Chains::Positions xy, Chains::In<std::int64_t> offsets, Chains::In<std::uint8_t> roles,
                            Chains::In<std::int64_t> rows) {
    const Chains chains = {xy, offsets, roles, rows};
    std::vector<std::uint8_t> doubtful(chains.size());
    bool stopped = false;
    {
      nb::gil_scoped_release release;
      try {
        parallel_for(chains.size(), grain_of_rows(chains.size()), [&](std::size_t begin, std::size_t end) {
          thread_local ValidRings memory;  // serves for the next rows
          ValidRings& rings = memory;
          for (std::size_t row = begin; row < end; ++row) {
            doubtful[row] = !with_row(chains, row, [&](auto... arrays) { return rings.are_sure(arrays...); });
          }
        });
      } catch (const Interrupted&) {
        stopped = true;
      }
    }
    if (stopped) throw nb::python_error();
    return to_numpy(std::move(doubtful));
  });
  // A covering of each row: cells, offsets, and where a limit was met its name and the first row.
  m.def("cover_planar", [](Chains::Positions xy, Chains::In<std::int64_t> offsets, Chains::In<std::uint8_t> roles,
                           Chains::In<std::int64_t> rows, CoverArguments::Tuple given,
                           Chains::In<std::int64_t> candidate_limits) {
    const Chains chains = {xy, offsets, roles, rows};
    const CoverArguments how = given;
    return cover_rows(chains.size(), how.limit, [&](std::size_t row, std::vector<std::uint64_t>& cells) {
      thread_local PlanarCover memory;  // serves for the next row
      auto& [shape, region] = memory;
      with_row(chains, row, [&shape](auto... arrays) { shape.assign(arrays...); });
      region.reset(shape);
      return Coverer(region, how.options, how.limit, candidate_limits.data()[row], is_interrupted).run(cells);
    });
  });
}

}  // namespace cellwise::bindings
