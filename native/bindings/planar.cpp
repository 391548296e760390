#include "planar.h"

#include <nanobind/ndarray.h>

#include <cstdint>
#include <vector>

#include "cellwise/covering.h"
#include "cellwise/parallel.h"
#include "cellwise/planar.h"
#include "chains.h"
#include "cover.h"

namespace cellwise::bindings {

namespace {

void make_shape(const Chains& chains, std::size_t row, PlanarShape& shape) {
  const auto first = static_cast<std::size_t>(chains.rows.data()[row]);
  const auto n = static_cast<std::size_t>(chains.rows.data()[row + 1]) - first;
  shape.assign({chains.lng.data(), chains.lng.size()}, {chains.lat.data(), chains.lat.size()},
               {chains.offsets.data() + first, n + 1}, {chains.roles.data() + first, n});
}

}  // namespace

void add_planar(nb::module_& m) {
  // A covering of each row: cells, offsets, and where a limit was met its name and the first row.
  m.def("cover_planar", [](Chains::In<double> lng, Chains::In<double> lat, Chains::In<std::int64_t> offsets,
                           Chains::In<std::uint8_t> roles, Chains::In<std::int64_t> rows, CoverArguments::Tuple given,
                           Chains::In<std::int64_t> candidate_limits) {
    const Chains chains = {lng, lat, offsets, roles, rows};
    const CoverArguments how = given;
    return cover_rows(chains.size(), how.limit, [&](std::size_t row, std::vector<std::uint64_t>& cells) {
      thread_local PlanarShape shape;  // whose memory serves for the next row
      thread_local PlanarRegion region;
      make_shape(chains, row, shape);
      region.reset(shape);
      return Coverer(region, how.options, how.limit, candidate_limits.data()[row], is_interrupted).run(cells);
    });
  });
}

}  // namespace cellwise::bindings
