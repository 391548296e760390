#include "polygons.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "cellwise/collection.h"
#include "cellwise/degrees.h"
#include "cellwise/parallel.h"
#include "cellwise/polygon.h"
#include "cellwise/polygon_region.h"
#include "cellwise/polyline.h"
#include "cellwise/raster.h"
#include "chains.h"
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

// Whether the cells of `min_level` alone are too many, and how many candidates there may be, as in cellwise.covering.
CoverStatus look_ahead(const Polygon& polygon, const CoverOptions& options, std::int64_t limit,
                       std::int64_t& candidate_limit) {
  constexpr double kAverageArea = 4 * kPi / 6, kMaxArea = 2.635799256963161491;  // of cells of level 0, steradians
  constexpr double kLeastCandidates = 1 << 16;
  const double cells_of_average = std::ldexp(1 / kAverageArea, 2 * options.min_level);
  double area = polygon.area_at_most();
  if (4 * area * cells_of_average > std::min(kLeastCandidates, static_cast<double>(limit))) area = polygon.area();
  const double cells = area * cells_of_average;
  candidate_limit = std::min(limit, static_cast<std::int64_t>(std::max(kLeastCandidates, std::min(4 * cells, 0x1p62))));
  return cells * kAverageArea / kMaxArea > static_cast<double>(limit) ? CoverStatus::kTooManyCells : CoverStatus::kOk;
}

// The cells of one level of a polygon with points of `approximate_point`, if the polygon and the cells are certified.
bool find_certified(const Polygon& approximate, const CoverArguments& arguments, CellMode mode,
                    std::vector<std::uint64_t>& cells) {
  std::int64_t candidate_limit = arguments.limit;
  if (!approximate.is_certified_valid() ||
      look_ahead(approximate, arguments.options, arguments.limit, candidate_limit) != CoverStatus::kOk) {
    return false;
  }
  if (!LevelCells(approximate, arguments.options.min_level, mode, arguments.limit).run_certified(cells)) return false;
  const bool are_all =
      mode != CellMode::kContains || static_cast<std::int64_t>(cells.size()) < arguments.options.max_cells;
  if (!are_all) cells.clear();
  return are_all;
}

}  // namespace

void add_polygons(nb::module_& m) {
  nb::class_<Polygon>(m, "GeodesicPolygon")
      .def("__init__",
           [](Polygon* self, Degrees lat, Degrees lng, Indices offsets, Indices shell_of, bool oriented) {
             nb::gil_scoped_release release;
             new (self) Polygon(to_points(lat, lng), {offsets.data(), offsets.size()},
                                {shell_of.data(), shell_of.size()}, oriented);
           })
      // The number of the fault (0: none), ring, other ring, latitude and longitude in degrees.
      .def("find_fault",
           [](const Polygon& self) {
             Finding found;
             {
               nb::gil_scoped_release release;
               found = self.find_fault();
             }
             return std::tuple(static_cast<int>(found.fault), found.ring, found.other_ring,
                               radians_to_degrees(point_lat(found.where)), radians_to_degrees(point_lng(found.where)));
           })
      .def("area", &Polygon::area)
      .def("area_at_most", &Polygon::area_at_most)
      .def("contains",
           [](const Polygon& self, Degrees lat, Degrees lng, Flags out) {
             nb::gil_scoped_release release;
             for (std::size_t k = 0; k < out.size(); ++k) {
               out.data()[k] = self.contains(latlng_to_point(lat.data()[k], lng.data()[k]));
             }
           })
      .def("cover",
           [](const Polygon& self, CoverArguments::Tuple given) {
             return made_cells([&](std::vector<std::uint64_t>& cells) {
               const CoverArguments arguments = given;
               return cover_polygon(self, arguments.options, arguments.limit, arguments.candidate_limit, cells);
             });
           })
      // `mode`: "intersects", "contains" or "center".
      .def("cells_at_level", [](const Polygon& self, std::int32_t level, std::string_view mode, std::int64_t limit) {
        const CellMode cell_mode = mode == "intersects" ? CellMode::kIntersects
                                   : mode == "contains" ? CellMode::kContains
                                                        : CellMode::kCenter;
        return made_cells(
            [&](std::vector<std::uint64_t>& cells) { return LevelCells(self, level, cell_mode, limit).run(cells); });
      });
  // A covering of each row of polygons, as `cover_rows` gives it, or with `center` the cells of the one level that have
  // their centers in it; and which rows are undecided: those with lines, with a fault, or with coordinates out of
  // range.
  m.def("cover_polygons", [](Chains::Positions xy, Chains::In<std::int64_t> offsets, Chains::In<std::uint8_t> roles,
                             Chains::In<std::int64_t> rows, bool oriented, CoverArguments::Tuple given, bool center) {
    const Chains chains = {xy, offsets, roles, rows};
    const std::span<const LngLat> positions = chains.positions();
    const CoverArguments arguments = given;
    const CellMode mode = center                       ? CellMode::kCenter
                          : arguments.options.interior ? CellMode::kContains
                                                       : CellMode::kIntersects;
    std::vector<std::uint8_t> undecided(chains.size(), 0);
    nb::tuple found =
        cover_rows(chains.size(), arguments.limit, [&](std::size_t row, std::vector<std::uint64_t>& cells) {
          cells.clear();
          const auto first = static_cast<std::size_t>(rows.data()[row]),
                     end = static_cast<std::size_t>(rows.data()[row + 1]);
          if (first == end) return CoverStatus::kOk;
          undecided[row] = std::find(roles.data() + first, roles.data() + end, kLineRole) != roles.data() + end;
          if (undecided[row]) return CoverStatus::kOk;
          const std::int64_t* const own_offsets = offsets.data() + first;
          const std::size_t n_rings = end - first;
          std::vector<std::uint32_t> ends = {0}, shell_of;
          for (std::uint32_t ring = 0; ring < n_rings; ++ring) {
            ends.push_back(static_cast<std::uint32_t>(own_offsets[ring + 1] - own_offsets[0]));
            shell_of.push_back(roles.data()[first + ring] == kHoleRole && ring > 0 ? shell_of.back() : ring);
          }
          const std::span<const LngLat> own = positions.subspan(static_cast<std::size_t>(own_offsets[0]), ends.back());
          undecided[row] = !std::all_of(own.begin(), own.end(), [](const LngLat& at) { return at.is_in_range(); });
          if (undecided[row]) return CoverStatus::kOk;
          std::vector<Point> points(own.size());
          const auto set_points = [&](auto to_point) {
            for (std::size_t v = 0; v < own.size(); ++v) points[v] = to_point(own[v].lat, own[v].lng);
          };
          if (arguments.options.is_one_level()) {
            set_points([](double lat, double lng) { return approximate_point(lat, lng); });
            const Polygon approximate(points, ends, shell_of, oriented, true);
            if (find_certified(approximate, arguments, mode, cells)) return CoverStatus::kOk;
          }
          set_points([](double lat, double lng) { return latlng_to_point(lat, lng); });
          const Polygon polygon(points, ends, shell_of, oriented);
          undecided[row] = polygon.find_fault().fault != RingFault::kNone;
          if (undecided[row]) return CoverStatus::kOk;
          std::int64_t candidate_limit = arguments.limit;
          if (const CoverStatus status = look_ahead(polygon, arguments.options, arguments.limit, candidate_limit);
              status != CoverStatus::kOk) {
            return status;
          }
          if (center) return LevelCells(polygon, arguments.options.min_level, mode, arguments.limit).run(cells);
          return cover_polygon(polygon, arguments.options, arguments.limit, candidate_limit, cells);
        });
    return nb::make_tuple(found[0], found[1], to_numpy(std::move(undecided)), found[2], found[3]);
  });
  m.def("cover_polyline", [](Degrees lat, Degrees lng, CoverArguments::Tuple arguments) {
    const std::vector<Point> points = to_points(lat, lng);
    return cover([&] { return PolylineRegion(points); }, arguments);
  });
  m.def("cover_collection", [](const std::vector<const Polygon*>& polygons, Degrees lat, Degrees lng, Indices offsets,
                               CoverArguments::Tuple arguments) {
    const std::vector<Point> points = to_points(lat, lng);
    return cover([&] { return CollectionRegion(polygons, points, {offsets.data(), offsets.size()}); }, arguments);
  });
}

}  // namespace cellwise::bindings
