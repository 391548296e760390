#include "polygons.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

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

// Whether cells of `min_level` alone are too many, and how many candidates there may be, as cellwise.covering has it.
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

// Cells of one level of a polygon that is surely valid, from points of `near_point`, if no rounding has to be looked
// at.
bool find_surely(const Polygon& near, const CoverArguments& how, CellMode mode, std::vector<std::uint64_t>& cells) {
  std::int64_t candidate_limit = how.limit;
  if (!near.is_surely_valid() || look_ahead(near, how.options, how.limit, candidate_limit) != CoverStatus::kOk) {
    return false;
  }
  if (!LevelCells(near, how.options.min_level, mode, how.limit, is_interrupted).run_surely(cells)) return false;
  const bool are_all = mode != CellMode::kContains || static_cast<std::int64_t>(cells.size()) < how.options.max_cells;
  if (!are_all) cells.clear();
  return are_all;
}

// Several polygons and polylines as one region.
class Collection {
 public:
  // A cell, with what the polygons know of it that meet it, and the lines that do.
  struct Place {
    CellUV cell;
    bool met = false, contained = false;
    std::vector<std::pair<PolygonRegion*, PolygonRegion::Place>> polygons{};
    std::vector<const PolylineRegion*> lines{};
  };

  Collection(const std::vector<const Polygon*>& polygons, std::span<const Point> points,
             std::span<const std::uint32_t> offsets) {
    for (const Polygon* polygon : polygons) polygons_.emplace_back(*polygon);
    for (std::size_t k = 1; k < offsets.size(); ++k) {
      lines_.emplace_back(points.subspan(offsets[k - 1], offsets[k] - offsets[k - 1]));
    }
  }

  static std::uint64_t cell(const Place& place) noexcept { return place.cell.cell; }
  static bool met(const Place& place) noexcept { return place.met; }
  static bool contained(const Place& place) noexcept { return place.contained; }

  Place at(std::uint64_t cell) {
    Place place{cell_uv(cell)};
    for (PolygonRegion& polygon : polygons_) add(place, &polygon, polygon.at(cell));
    for (const PolylineRegion& line : lines_) add(place, &line);
    return place;
  }

  void split(Place& place, Place* quarters, bool keep) {
    for (int k = 0; k < 4; ++k) quarters[k] = {cell_uv(cell_child(place.cell.cell, k))};
    if (place.contained) {
      for (int k = 0; k < 4; ++k) quarters[k].met = quarters[k].contained = true;
      return;
    }
    for (auto& [polygon, own] : place.polygons) {
      PolygonRegion::Place parts[4];
      polygon->split(own, parts, keep);
      for (int k = 0; k < 4; ++k) add(quarters[k], polygon, parts[k]);
    }
    for (int k = 0; k < 4; ++k) {
      for (const PolylineRegion* line : place.lines) add(quarters[k], line);
    }
  }

  void drop(Place& place) {
    for (auto& [polygon, own] : place.polygons) polygon->drop(own);
    place.polygons.clear();
  }

  void cell_union_bound(std::vector<std::uint64_t>& cells) {
    std::vector<std::uint64_t> part;
    cells.clear();
    const auto add = [&](auto& region) {
      region.cell_union_bound(part);
      cells.insert(cells.end(), part.begin(), part.end());
    };
    std::for_each(polygons_.begin(), polygons_.end(), add);
    std::for_each(lines_.begin(), lines_.end(), add);
  }

 private:
  void add(Place& place, PolygonRegion* polygon, PolygonRegion::Place own) {
    if (!own.met || place.contained) return polygon->drop(own);
    place.met = true;
    place.contained = own.contained;
    if (own.contained) {
      drop(place);
      place.lines.clear();
    } else {
      place.polygons.emplace_back(polygon, own);
    }
  }
  static void add(Place& place, const PolylineRegion* line) {
    if (place.contained || !line->may_intersect(place.cell)) return;
    place.met = true;
    place.lines.push_back(line);
  }

  std::deque<PolygonRegion> polygons_;
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
               const CoverArguments how = given;
               return cover_polygon(self, how.options, how.limit, how.candidate_limit, is_interrupted, cells);
             });
           })
      // `mode`: "intersects", "contains" or "center".
      .def("cells_at_level", [](const Polygon& self, std::int32_t level, std::string_view mode, std::int64_t limit) {
        const CellMode cell_mode = mode == "intersects" ? CellMode::kIntersects
                                   : mode == "contains" ? CellMode::kContains
                                                        : CellMode::kCenter;
        return made_cells([&](std::vector<std::uint64_t>& cells) {
          return LevelCells(self, level, cell_mode, limit, is_interrupted).run(cells);
        });
      });
  // A covering of each row of polygons, as `cover_rows` gives it, or with `center` the cells of the one level that have
  // their centre in it; and which rows were left: those with lines, with a fault, or with coordinates out of range.
  m.def("cover_polygons", [](Chains::Positions xy, Chains::In<std::int64_t> offsets, Chains::In<std::uint8_t> roles,
                             Chains::In<std::int64_t> rows, bool oriented, CoverArguments::Tuple given, bool center) {
    const Chains chains = {xy, offsets, roles, rows};
    const std::span<const LngLat> positions = chains.positions();
    const CoverArguments how = given;
    const CellMode mode = center                 ? CellMode::kCenter
                          : how.options.interior ? CellMode::kContains
                                                 : CellMode::kIntersects;
    std::vector<std::uint8_t> left(chains.size(), 0);
    nb::tuple found = cover_rows(chains.size(), how.limit, [&](std::size_t row, std::vector<std::uint64_t>& cells) {
      cells.clear();
      const auto first = static_cast<std::size_t>(rows.data()[row]),
                 end = static_cast<std::size_t>(rows.data()[row + 1]);
      if (first == end) return CoverStatus::kOk;
      left[row] = std::find(roles.data() + first, roles.data() + end, kLineRole) != roles.data() + end;
      if (left[row]) return CoverStatus::kOk;
      const std::int64_t* const own_offsets = offsets.data() + first;
      const std::size_t n_rings = end - first;
      std::vector<std::uint32_t> ends = {0}, shell_of;
      for (std::uint32_t ring = 0; ring < n_rings; ++ring) {
        ends.push_back(static_cast<std::uint32_t>(own_offsets[ring + 1] - own_offsets[0]));
        shell_of.push_back(roles.data()[first + ring] == kHoleRole && ring > 0 ? shell_of.back() : ring);
      }
      const std::span<const LngLat> own = positions.subspan(static_cast<std::size_t>(own_offsets[0]), ends.back());
      left[row] = !std::all_of(own.begin(), own.end(), [](const LngLat& at) { return at.is_in_range(); });
      if (left[row]) return CoverStatus::kOk;
      std::vector<Point> points(own.size());
      const auto place = [&](auto to_point) {
        for (std::size_t v = 0; v < own.size(); ++v) points[v] = to_point(own[v].lat, own[v].lng);
      };
      if (how.options.is_one_level()) {
        place([](double lat, double lng) { return near_point(lat, lng); });
        const Polygon near(points, ends, shell_of, oriented, true);
        if (find_surely(near, how, mode, cells)) return CoverStatus::kOk;
      }
      place([](double lat, double lng) { return latlng_to_point(lat, lng); });
      const Polygon polygon(points, ends, shell_of, oriented);
      bool stopped;
      left[row] = polygon.find_fault(is_interrupted, stopped).fault != RingFault::kNone;
      if (stopped) return CoverStatus::kInterrupted;
      if (left[row]) return CoverStatus::kOk;
      std::int64_t candidate_limit = how.limit;
      if (const CoverStatus status = look_ahead(polygon, how.options, how.limit, candidate_limit);
          status != CoverStatus::kOk) {
        return status;
      }
      if (center) return LevelCells(polygon, how.options.min_level, mode, how.limit, is_interrupted).run(cells);
      return cover_polygon(polygon, how.options, how.limit, candidate_limit, is_interrupted, cells);
    });
    return nb::make_tuple(found[0], found[1], to_numpy(std::move(left)), found[2], found[3]);
  });
  m.def("cover_polyline", [](Degrees lat, Degrees lng, CoverArguments::Tuple how) {
    const std::vector<Point> points = to_points(lat, lng);
    return cover([&] { return PolylineRegion(points); }, how);
  });
  m.def("cover_collection", [](const std::vector<const Polygon*>& polygons, Degrees lat, Degrees lng, Indices offsets,
                               CoverArguments::Tuple how) {
    const std::vector<Point> points = to_points(lat, lng);
    return cover([&] { return Collection(polygons, points, {offsets.data(), offsets.size()}); }, how);
  });
}

}  // namespace cellwise::bindings
