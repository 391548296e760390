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

// Cells, or the name of the limit that was met. `make_region()` runs, as the covering does, without the GIL.
template <class MakeRegion>
nb::object cover(MakeRegion make_region, std::int32_t min_level, std::int32_t max_level, std::int64_t max_cells,
                 std::int32_t level_mod, bool interior, std::int64_t limit, std::int64_t candidate_limit) {
  std::vector<std::uint64_t> cells;
  CoverStatus status;
  {
    nb::gil_scoped_release release;
    auto region = make_region();
    const CoverOptions options = {min_level, max_level, max_cells, level_mod, interior};
    Coverer coverer(region, options, limit, candidate_limit, is_interrupted);
    status = coverer.run(cells);
  }
  switch (status) {
    case CoverStatus::kOk: return nb::cast(to_numpy(std::move(cells)));
    case CoverStatus::kTooManyCells: return nb::str("cells");
    case CoverStatus::kTooManyCandidates: return nb::str("candidates");
    default: throw nb::python_error();
  }
}

}  // namespace cellwise::bindings
