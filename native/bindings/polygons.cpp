#include "polygons.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <span>
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

// Several polygons and polylines as one region.
class Collection {
 public:
  Collection(const std::vector<const Polygon*>& polygons, std::span<const Point> points, std::span<const std::uint32_t> offsets) {
    for (const Polygon* polygon : polygons) polygons_.emplace_back(polygon->index());
    for (std::size_t k = 1; k < offsets.size(); ++k) lines_.emplace_back(points.subspan(offsets[k - 1], offsets[k] - offsets[k - 1]));
  }

  bool contains(const CellUV& c) const {
    return std::any_of(polygons_.begin(), polygons_.end(), [&](const PolygonRegion& part) { return part.contains(c); });
  }
  bool may_intersect(const CellUV& c) const {
    const auto meets = [&](const auto& part) { return part.may_intersect(c); };
    return std::any_of(polygons_.begin(), polygons_.end(), meets) || std::any_of(lines_.begin(), lines_.end(), meets);
  }
  void cell_union_bound(std::vector<std::uint64_t>& cells) const {
    std::vector<std::uint64_t> part;
    cells.clear();
    const auto add = [&](const auto& region) {
      region.cell_union_bound(part);
      cells.insert(cells.end(), part.begin(), part.end());
    };
    std::for_each(polygons_.begin(), polygons_.end(), add);
    std::for_each(lines_.begin(), lines_.end(), add);
  }

 private:
  std::vector<PolygonRegion> polygons_;
  std::vector<PolylineRegion> lines_;
};

}  // namespace

void add_polygons(nb::module_& m) {
  nb::class_<Polygon>(m, "GeodesicPolygon")
      .def("__init__",
           [](Polygon* self, Degrees lat, Degrees lng, Indices offsets, Indices shell_of, bool oriented) {
             nb::gil_scoped_release release;
             new (self) Polygon(to_points(lat, lng), {offsets.data(), offsets.size()},
                                {shell_of.data(), shell_of.size()}, oriented);
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
        return cover([&] { return PolygonRegion(self); }, min_level, max_level, max_cells, level_mod, interior,
                     limit, candidate_limit);
      });
  m.def("cover_polyline",
        [](Degrees lat, Degrees lng, std::int32_t min_level, std::int32_t max_level, std::int64_t max_cells,
           std::int32_t level_mod, bool interior, std::int64_t limit, std::int64_t candidate_limit) {
          const std::vector<Point> points = to_points(lat, lng);
          return cover([&] { return PolylineRegion(points); }, min_level, max_level, max_cells, level_mod, interior, limit,
                       candidate_limit);
        });
  m.def("cover_collection",
        [](const std::vector<const Polygon*>& polygons, Degrees lat, Degrees lng, Indices offsets, std::int32_t min_level,
           std::int32_t max_level, std::int64_t max_cells, std::int32_t level_mod, bool interior, std::int64_t limit,
           std::int64_t candidate_limit) {
          const std::vector<Point> points = to_points(lat, lng);
          return cover([&] { return Collection(polygons, points, {offsets.data(), offsets.size()}); }, min_level, max_level,
                       max_cells, level_mod, interior, limit, candidate_limit);
        });
}

}  // namespace cellwise::bindings
