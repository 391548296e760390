#include "polygons.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include <cstdint>
#include <tuple>
#include <vector>

#include "cellwise/parallel.h"
#include "cellwise/polygon.h"
#include "cover.h"

namespace cellwise::bindings {

namespace {

using Degrees = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Indices = nb::ndarray<const std::uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Flags = nb::ndarray<bool, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::vector<Point> to_points(const Degrees& lat, const Degrees& lng) {
  std::vector<Point> points(lat.size());
  for (std::size_t k = 0; k < points.size(); ++k) points[k] = latlng_to_point(lat.data()[k], lng.data()[k]);
  return points;
}

}  // namespace

void add_polygons(nb::module_& m) {
  nb::class_<Polygon>(m, "GeodesicPolygon")
      .def("__init__",
           [](Polygon* self, Degrees lat, Degrees lng, Indices offsets, Indices shell_of, bool oriented) {
             nb::gil_scoped_release release;
             new (self) Polygon(to_points(lat, lng), {offsets.data(), offsets.data() + offsets.size()},
                                {shell_of.data(), shell_of.data() + shell_of.size()}, oriented);
           })
      // Number of the fault (0: none), ring, other ring, latitude and longitude in degrees.
      .def("find_fault",
           [](const Polygon& self) {
             Finding found;
             bool stopped;
             {
               nb::gil_scoped_release release;
               found = self.find_fault(is_interrupted, stopped);
             }
             if (stopped) throw nb::python_error();
             return std::tuple(static_cast<int>(found.fault), found.ring, found.other_ring,
                               radians_to_degrees(point_lat(found.where)), radians_to_degrees(point_lng(found.where)));
           })
      .def("area", &Polygon::area)
      .def("contains",
           [](const Polygon& self, Degrees lat, Degrees lng, Flags out) {
             nb::gil_scoped_release release;
             for (std::size_t k = 0; k < out.size(); ++k) {
               out.data()[k] = self.contains(latlng_to_point(lat.data()[k], lng.data()[k]));
             }
           })
      .def("cover", [](const Polygon& self, std::int32_t min_level, std::int32_t max_level, std::int64_t max_cells,
                       std::int32_t level_mod, bool interior, std::int64_t limit, std::int64_t candidate_limit) {
        return cover([&] { return PolygonRegion(self.index()); }, min_level, max_level, max_cells, level_mod, interior,
                     limit, candidate_limit);
      });
  m.def("cover_polyline",
        [](Degrees lat, Degrees lng, std::int32_t min_level, std::int32_t max_level, std::int64_t max_cells,
           std::int32_t level_mod, bool interior, std::int64_t limit, std::int64_t candidate_limit) {
          const std::vector<Point> points = to_points(lat, lng);
          return cover([&] { return PolylineRegion(points); }, min_level, max_level, max_cells, level_mod, interior, limit,
                       candidate_limit);
        });
}

}  // namespace cellwise::bindings
