#include "coverings.h"

#include <nanobind/ndarray.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "cellwise/covering.h"
#include "cellwise/parallel.h"

namespace cellwise::bindings {

namespace nb = nanobind;

namespace {

using Cells = nb::ndarray<nb::numpy, std::uint64_t, nb::ndim<1>>;
using CellsIn = nb::ndarray<const std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

Cells to_numpy(std::vector<std::uint64_t>&& cells) {
  auto owner = std::make_unique<std::vector<std::uint64_t>>(std::move(cells));
  std::uint64_t* data = owner->data();
  const std::size_t n = owner->size();
  nb::capsule capsule(owner.release(), [](void* p) noexcept { delete static_cast<std::vector<std::uint64_t>*>(p); });
  return Cells(data, {n}, capsule);
}

// Cells, or the reason why there are none.
template <class Region>
nb::object cover(const Region& region, std::int32_t min_level, std::int32_t max_level, std::int64_t max_cells,
                 std::int32_t level_mod, bool interior, std::int64_t limit, std::int64_t candidate_limit) {
  std::vector<std::uint64_t> cells;
  CoverStatus status;
  {
    nb::gil_scoped_release release;
    Coverer coverer(region, {min_level, max_level, max_cells, level_mod, interior}, limit, candidate_limit, is_interrupted);
    status = coverer.run(cells);
  }
  switch (status) {
    case CoverStatus::kOk: return nb::cast(to_numpy(std::move(cells)));
    case CoverStatus::kTooManyCells: return nb::str("cells");
    case CoverStatus::kTooManyCandidates: return nb::str("candidates");
    default: throw nb::python_error();
  }
}

}  // namespace

void add_coverings(nb::module_& m) {
  m.def("cover_rect", [](double lat_lo, double lat_hi, double lng_lo, double lng_hi, std::int32_t min_level,
                         std::int32_t max_level, std::int64_t max_cells, std::int32_t level_mod, bool interior,
                         std::int64_t limit, std::int64_t candidate_limit) {
    return cover(Rect{{lat_lo, lat_hi}, {lng_lo, lng_hi}}, min_level, max_level, max_cells, level_mod, interior, limit,
                 candidate_limit);
  });
  m.def("cover_cap", [](double x, double y, double z, double radius2, std::int32_t min_level, std::int32_t max_level,
                        std::int64_t max_cells, std::int32_t level_mod, bool interior, std::int64_t limit,
                        std::int64_t candidate_limit) {
    return cover(Cap{{x, y, z}, radius2}, min_level, max_level, max_cells, level_mod, interior, limit, candidate_limit);
  });
  m.def("cover_cells", [](CellsIn cells, std::int32_t min_level, std::int32_t max_level, std::int64_t max_cells,
                          std::int32_t level_mod, bool interior, std::int64_t limit, std::int64_t candidate_limit) {
    return cover(CellRange{cells.data(), static_cast<std::int64_t>(cells.size())}, min_level, max_level, max_cells,
                 level_mod, interior, limit, candidate_limit);
  });
  m.def("normalize_cells", [](CellsIn cells) {
    std::vector<std::uint64_t> copy(cells.data(), cells.data() + cells.size());
    {
      nb::gil_scoped_release release;
      normalize_cells(copy);
    }
    return to_numpy(std::move(copy));
  });
}

}  // namespace cellwise::bindings
