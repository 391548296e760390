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

// Calls f with a T whose memory serves for the thread's next row, unless the row is so large that it should be let go.
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

bool is_doubtful(const Chains& chains, std::size_t row) {
  return with_memory<ValidRings>(chains, row, [&](ValidRings& rings) {
    return !with_row(chains, row, [&](auto... arrays) { return rings.are_sure(arrays...); });
  });
}

}  // namespace

void add_planar(nb::module_& m) {
  // Of each row, whether it has to be looked at: its coordinates may be out of range, its polygons invalid, or an edge
  // goes more than half way round; or there is nothing.
  m.def("doubtful_rows", [](Chains::Positions xy, Chains::In<std::int64_t> offsets, Chains::In<std::uint8_t> roles,
                            Chains::In<std::int64_t> rows) {
    const Chains chains = {xy, offsets, roles, rows};
    std::vector<std::uint8_t> doubtful(chains.size());
    {
      nb::gil_scoped_release release;
      parallel_for(chains.size(), grain_of_rows(chains.size()), [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) doubtful[row] = is_doubtful(chains, row);
      });
    }
    return to_numpy(std::move(doubtful));
  });
  // A covering of each row, as `cover_rows` gives it; with `only_sure` of the rows that `doubtful_rows` does not name,
  // and which rows were left.
  m.def("cover_planar", [](Chains::Positions xy, Chains::In<std::int64_t> offsets, Chains::In<std::uint8_t> roles,
                           Chains::In<std::int64_t> rows, CoverArguments::Tuple given,
                           Chains::In<std::int64_t> candidate_limits, bool only_sure) {
    const Chains chains = {xy, offsets, roles, rows};
    const CoverArguments how = given;
    std::vector<std::uint8_t> left(chains.size(), 0);
    nb::tuple found = cover_rows(chains.size(), how.limit, [&](std::size_t row, std::vector<std::uint64_t>& cells) {
      cells.clear();
      left[row] = only_sure && is_doubtful(chains, row);
      if (left[row]) return CoverStatus::kOk;
      return with_memory<PlanarCover>(chains, row, [&](PlanarCover& made) {
        with_row(chains, row, [&](auto... arrays) { made.shape.assign(arrays...); });
        made.region.reset(made.shape);
        return Coverer(made.region, how.options, how.limit, candidate_limits.data()[row], is_interrupted).run(cells);
      });
    });
    return nb::make_tuple(found[0], found[1], to_numpy(std::move(left)), found[2], found[3]);
  });
}

}  // namespace cellwise::bindings
