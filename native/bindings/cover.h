// Coverings of any region for Python.

#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "cellwise/covering.h"
#include "cellwise/parallel.h"
#include "results.h"

namespace cellwise::bindings {

namespace nb = nanobind;

// Cells, or the name of the limit that was met. `make(cells)` makes them, without the GIL.
template <class Make>
nb::object made_cells(Make make) {
  std::vector<std::uint64_t> cells;
  CoverStatus status;
  {
    nb::gil_scoped_release release;
    status = make(cells);
  }
  switch (status) {
    case CoverStatus::kOk: return nb::cast(to_numpy(std::move(cells)));
    case CoverStatus::kTooManyCells: return nb::str("cells");
    case CoverStatus::kTooManyCandidates: return nb::str("candidates");
    default: throw nb::python_error();
  }
}

// Covering of the region that `make_region()` makes.
template <class MakeRegion>
nb::object cover(MakeRegion make_region, std::int32_t min_level, std::int32_t max_level, std::int64_t max_cells,
                 std::int32_t level_mod, bool interior, std::int64_t limit, std::int64_t candidate_limit) {
  return made_cells([&](std::vector<std::uint64_t>& cells) {
    auto region = make_region();
    const CoverOptions options = {min_level, max_level, max_cells, level_mod, interior};
    return Coverer(region, options, limit, candidate_limit, is_interrupted).run(cells);
  });
}

}  // namespace cellwise::bindings
