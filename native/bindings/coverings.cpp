#include "coverings.h"

#include <nanobind/ndarray.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "cellwise/covering.h"
#include "cover.h"

namespace cellwise::bindings {

namespace {

using CellsIn = nb::ndarray<const std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

}  // namespace

void add_coverings(nb::module_& m) {
  m.def("cover_rect", [](double lat_lo, double lat_hi, double lng_lo, double lng_hi, CoverArguments::Tuple arguments) {
    return cover([&] { return Rect{{lat_lo, lat_hi}, {lng_lo, lng_hi}}; }, arguments);
  });
  m.def("cover_cap", [](double x, double y, double z, double radius2, CoverArguments::Tuple arguments) {
    return cover([&] { return Cap{{x, y, z}, radius2}; }, arguments);
  });
  m.def("cover_cells", [](CellsIn cells, CoverArguments::Tuple arguments) {
    return cover([&] { return CellRange{cells.data(), static_cast<std::int64_t>(cells.size())}; }, arguments);
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
