// Shapes: what is made of a region of the sphere once, and covered many times.
//
// A shape answers three questions: `area()` in steradians; `membership()`, a function that tells of a position in
// degrees whether the region contains it; and `cover(options, cells)`, which throws CoverLimit. A covering asks a
// region (see region.h) that the shape makes anew for each.

#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "cellwise/buffered.h"
#include "cellwise/cap.h"
#include "cellwise/cell_range.h"
#include "cellwise/collection.h"
#include "cellwise/conversion.h"
#include "cellwise/cover_options.h"
#include "cellwise/covering.h"
#include "cellwise/geometry.h"
#include "cellwise/hierarchy.h"
#include "cellwise/planar.h"
#include "cellwise/planar_membership.h"
#include "cellwise/polygon.h"
#include "cellwise/polyline.h"
#include "cellwise/projection.h"
#include "cellwise/raster.h"
#include "cellwise/rect.h"

namespace cellwise {

template <class S>
concept Shape =
    requires(const S& shape, double degrees, const CoverOptions& options, std::vector<std::uint64_t>& cells) {
      { shape.area() } -> std::same_as<double>;
      { shape.membership()(degrees, degrees) } -> std::same_as<bool>;
      { shape.cover(options, cells) } -> std::same_as<void>;
    };

namespace internal {

// The covering of a shape. `has_interior`: whether any cell may lie within it. `with_region(interior, f)` calls f with
// a region for one covering, or for an interior one.
template <class S, class WithRegion>
void cover_shape(const S& shape, const CoverOptions& options, std::vector<std::uint64_t>& cells, bool has_interior,
                 const WithRegion& with_region);

// The cells of one level with their center in the shape: those that lie within it, and of the others that intersect it
// those whose center it contains.
template <class S>
void find_centered(const S& shape, const CoverOptions& options, std::vector<std::uint64_t>& cells) {
  const double area = shape.area();
  const auto area_of = [=] { return area; };
  candidate_limit(options, area_of, area_of);
  CoverOptions unlimited = options;
  unlimited.center = false;
  unlimited.cell_limit = std::int64_t{1} << 62;
  std::vector<std::uint64_t> within, all;
  unlimited.interior = true;
  shape.cover(unlimited, within);
  unlimited.interior = false;
  shape.cover(unlimited, all);
  cells.clear();
  const auto contains = shape.membership();
  auto next = within.begin();
  for (const std::uint64_t cell : all) {
    while (next != within.end() && *next < cell) ++next;
    bool is_centered = next != within.end() && *next == cell;
    if (!is_centered && area > 0) {
      const auto [lat, lng] = cell_to_latlng(cell);
      is_centered = contains(lat, lng);
    }
    if (is_centered) cells.push_back(cell);
  }
  if (static_cast<std::int64_t>(cells.size()) > options.cell_limit) throw CoverLimit(CoverLimit::Kind::kCells);
}

// Runs `work`; a limit that it meets learns about how many cells of min_level the shape has.
template <class S, class Work>
void with_estimate(const S& shape, const CoverOptions& options, const Work& work) {
  try {
    work();
  } catch (CoverLimit& limit) {
    if (limit.cells == 0) limit.cells = shape.area() * options.cells_per_steradian;
    throw;
  }
}

template <class S, class WithRegion>
void cover_shape(const S& shape, const CoverOptions& options, std::vector<std::uint64_t>& cells, bool has_interior,
                 const WithRegion& with_region) {
  cells.clear();
  if (options.interior && !has_interior) return;
  with_estimate(shape, options, [&] {
    if (options.center) return find_centered(shape, options, cells);
    const auto area = [&] { return shape.area(); };
    const std::int64_t limit = candidate_limit(options, area, area);
    with_region(options.interior, [&](auto& region) { Coverer(region, options, limit).run(cells); });
  });
}

}  // namespace internal

class RectShape {
 public:
  RectShape(double lat_lo, double lat_hi, double lng_lo, double lng_hi) noexcept  // radians
      : rect_{{lat_lo, lat_hi}, {lng_lo, lng_hi}} {}

  double area() const noexcept { return rect_.lng.length() * (std::sin(rect_.lat.hi) - std::sin(rect_.lat.lo)); }
  auto membership() const noexcept {
    return [rect = rect_](double lat, double lng) {
      const double y = degrees_to_radians(lat);
      double x = degrees_to_radians(wrap_lng(lng));
      if (x == -kPi) x = kPi;
      const auto& [lo, hi] = rect.lng;
      return y >= rect.lat.lo && y <= rect.lat.hi && (lo <= hi ? x >= lo && x <= hi : x >= lo || x <= hi);
    };
  }
  void cover(const CoverOptions& options, std::vector<std::uint64_t>& cells) const {
    const bool has_interior = rect_.lat.lo < rect_.lat.hi && rect_.lng.lo != rect_.lng.hi;
    internal::cover_shape(*this, options, cells, has_interior, [this](bool, const auto& f) {
      Rect region = rect_;
      f(region);
    });
  }

 private:
  Rect rect_;
};

class CapShape {
 public:
  CapShape(const Point& center, double radius2) noexcept : cap_{center, radius2} {}

  double area() const noexcept { return kPi * cap_.radius2; }
  auto membership() const noexcept {
    return [cap = cap_](double lat, double lng) { return cap.contains(latlng_to_point(lat, lng)); };
  }
  void cover(const CoverOptions& options, std::vector<std::uint64_t>& cells) const {
    internal::cover_shape(*this, options, cells, cap_.radius2 > 0, [this](bool, const auto& f) {
      Cap region = cap_;
      f(region);
    });
  }

 private:
  Cap cap_;
};

// REQUIRES: the cells are sorted and disjoint, and outlive the shape.
class CellsShape {
 public:
  explicit CellsShape(std::span<const std::uint64_t> cells) noexcept : cells_(cells) {}

  double area() const noexcept {
    return std::accumulate(cells_.begin(), cells_.end(), 0.0,
                           [](double sum, std::uint64_t cell) { return sum + cell_area(cell); });
  }
  auto membership() const noexcept {
    return [cells = cells_](double lat, double lng) {
      const std::uint64_t leaf = latlng_to_cell(lat, lng, kMaxLevel);
      const auto after = std::upper_bound(cells.begin(), cells.end(), leaf);
      return (after != cells.end() && cell_contains(*after, leaf)) ||
             (after != cells.begin() && cell_contains(*std::prev(after), leaf));
    };
  }
  void cover(const CoverOptions& options, std::vector<std::uint64_t>& cells) const {
    internal::cover_shape(*this, options, cells, true, [this](bool, const auto& f) {
      CellRange region{cells_.data(), static_cast<std::int64_t>(cells_.size())};
      f(region);
    });
  }

 private:
  std::span<const std::uint64_t> cells_;
};

class PolygonShape {
 public:
  // Arguments are those of a Polygon.
  PolygonShape(std::span<const Point> points, std::span<const std::uint32_t> offsets,
               std::span<const std::uint32_t> shell_of, bool oriented)
      : polygon_(points, offsets, shell_of, oriented) {}

  const Polygon& polygon() const noexcept { return polygon_; }
  double area() const { return polygon_.area(); }
  auto membership() const noexcept {
    return [this](double lat, double lng) { return polygon_.contains(latlng_to_point(lat, lng)); };
  }
  void cover(const CoverOptions& options, std::vector<std::uint64_t>& cells) const {
    internal::with_estimate(*this, options, [&] {
      if (options.center && options.within != 0) return internal::find_centered(*this, options, cells);
      const std::int64_t limit =
          candidate_limit(options, [&] { return polygon_.area_at_most(); }, [&] { return polygon_.area(); });
      cover_polygon(polygon_, options, limit, cells);
    });
  }

 private:
  Polygon polygon_;
};

class PolylineShape {
 public:
  explicit PolylineShape(std::vector<Point> points) noexcept : points_(std::move(points)) {}

  const std::vector<Point>& points() const noexcept { return points_; }
  double area() const noexcept { return 0; }
  auto membership() const noexcept {
    return [](double, double) { return false; };
  }
  void cover(const CoverOptions& options, std::vector<std::uint64_t>& cells) const {
    internal::cover_shape(*this, options, cells, false, [this](bool, const auto& f) {
      PolylineRegion region(points_);
      f(region);
    });
  }

 private:
  std::vector<Point> points_;
};

// REQUIRES: the shapes outlive it.
class CollectionShape {
 public:
  CollectionShape(std::vector<const PolygonShape*> polygons, std::vector<const PolylineShape*> lines) noexcept
      : polygons_(std::move(polygons)), lines_(std::move(lines)) {}

  const std::vector<const PolygonShape*>& polygons() const noexcept { return polygons_; }
  const std::vector<const PolylineShape*>& lines() const noexcept { return lines_; }
  double area() const {
    double sum = 0;
    for (const PolygonShape* polygon : polygons_) sum += polygon->area();
    return sum;
  }
  auto membership() const noexcept {
    return [this](double lat, double lng) {
      const Point p = latlng_to_point(lat, lng);
      return std::any_of(polygons_.begin(), polygons_.end(),
                         [&](const PolygonShape* each) { return each->polygon().contains(p); });
    };
  }
  void cover(const CoverOptions& options, std::vector<std::uint64_t>& cells) const {
    internal::cover_shape(*this, options, cells, true, [this](bool, const auto& f) {
      CollectionRegion region;
      for (const PolygonShape* polygon : polygons_) region.add(polygon->polygon());
      for (const PolylineShape* line : lines_) region.add(line->points());
      f(region);
    });
  }

 private:
  std::vector<const PolygonShape*> polygons_;
  std::vector<const PolylineShape*> lines_;
};

// One row of chains of vertices: chain k has the vertices offsets[k] .. offsets[k + 1] - 1.
struct Chains {
  std::span<const LngLat> positions;
  std::span<const std::int64_t> offsets;
  std::span<const std::uint8_t> roles;

  std::int64_t n_vertices() const noexcept { return offsets.back() - offsets.front(); }
  bool has_lines() const noexcept { return std::find(roles.begin(), roles.end(), kLineRole) != roles.end(); }
};

// REQUIRES: the chains outlive the shape; they are valid, and in range.
class PlanarShape {
 public:
  explicit PlanarShape(const Chains& chains) noexcept : chains_(chains) {}

  const Chains& chains() const noexcept { return chains_; }
  double area() const noexcept { return planar_area(chains_.positions, chains_.offsets, chains_.roles); }
  PlanarMembership membership() const { return {chains_.positions, chains_.offsets, chains_.roles}; }
  void cover(const CoverOptions& options, std::vector<std::uint64_t>& cells) const {
    internal::cover_shape(*this, options, cells, true, [this](bool interior, const auto& f) {
      with_scratch([&](Scratch& scratch) {
        if (interior && chains_.has_lines()) {  // of an interior covering lines are no part
          const Rings rings(chains_);
          scratch.edges.assign(rings.positions, rings.offsets, rings.roles);
        } else {
          scratch.edges.assign(chains_.positions, chains_.offsets, chains_.roles);
        }
        scratch.region.reset(scratch.edges);
        f(scratch.region);
      });
    });
  }

 private:
  struct Scratch {
    PlanarEdges edges;
    PlanarRegion region;
    bool is_in_use = false;
  };

  // The chains that are rings.
  struct Rings {
    std::vector<LngLat> positions;
    std::vector<std::int64_t> offsets = {0};
    std::vector<std::uint8_t> roles;

    explicit Rings(const Chains& chains) {
      for (std::size_t k = 0; k < chains.roles.size(); ++k) {
        if (chains.roles[k] == kLineRole) continue;
        const auto begin = chains.positions.begin();
        positions.insert(positions.end(), begin + chains.offsets[k], begin + chains.offsets[k + 1]);
        offsets.push_back(static_cast<std::int64_t>(positions.size()));
        roles.push_back(chains.roles[k]);
      }
    }
  };

  // Calls f with memory that serves for the thread's next shape, unless this one is so large that it should be
  // released.
  template <class F>
  void with_scratch(const F& f) const {
    constexpr std::int64_t kLarge = 1 << 16;
    thread_local Scratch kept;
    if (chains_.n_vertices() > kLarge || kept.is_in_use) {
      Scratch own;
      return f(own);
    }
    kept.is_in_use = true;
    struct Guard {
      ~Guard() { kept.is_in_use = false; }
    } const guard;
    f(kept);
  }

  Chains chains_;
};

// Everything within an angle of a shape of edges. REQUIRES: the shape outlives it.
class BufferedShape {
 public:
  BufferedShape(const PlanarShape& shape, double radius)
      : area_(shape.area()), n_chains_(shape.chains().roles.size()), radius_(radius),
        region_(of_planar(shape, radius)) {}
  BufferedShape(const PolygonShape& shape, double radius) : BufferedShape(CollectionShape({&shape}, {}), radius) {}
  BufferedShape(const PolylineShape& shape, double radius) : BufferedShape(CollectionShape({}, {&shape}), radius) {}
  BufferedShape(const CollectionShape& shape, double radius)
      : area_(shape.area()), radius_(radius), region_(of_geodesics(shape, radius)) {
    n_chains_ = shape.lines().size();
    for (const PolygonShape* polygon : shape.polygons()) n_chains_ += polygon->polygon().edges().n_rings();
  }

  // The shape's, and a band along all edges: never less than it is.
  double area() const noexcept {
    double length = 0;
    for (const auto& edge : region_.sub_edges())
      length += internal::angle_between(edge.pa, edge.pb) + 2 * edge.deviation;
    const double ends = 2 * kPi * (1 - std::cos(radius_)) * static_cast<double>(n_chains_);
    return std::min(area_ + 2 * std::sin(radius_) * length + ends, 4 * kPi);
  }
  auto membership() const noexcept {
    return [this](double lat, double lng) { return region_.contains(latlng_to_point(lat, lng)); };
  }
  void cover(const CoverOptions& options, std::vector<std::uint64_t>& cells) const {
    internal::cover_shape(*this, options, cells, true, [this](bool, const auto& f) {
      BufferedRegion region = region_;
      f(region);
    });
  }

 private:
  static BufferedRegion of_planar(const PlanarShape& shape, double radius) {
    const auto edges =
        std::make_shared<PlanarEdges>(shape.chains().positions, shape.chains().offsets, shape.chains().roles);
    return BufferedRegion(BufferedRegion::sub_edges_of(*edges), radius, [edges](const Point& p) {
      return edges->encloses(radians_to_degrees(point_lat(p)), radians_to_degrees(point_lng(p)));
    });
  }
  static BufferedRegion of_geodesics(const CollectionShape& shape, double radius) {
    std::vector<BufferedRegion::SubEdge> made;
    for (const PolygonShape* polygon : shape.polygons()) {
      const FaceEdges& edges = polygon->polygon().edges();
      edges.for_each_edge([&](std::uint32_t e) { made.push_back({{}, {}, edges.start(e), edges.end(e), 0}); });
    }
    for (const PolylineShape* line : shape.lines()) {
      const std::vector<Point>& points = line->points();
      if (points.size() == 1) made.push_back({{}, {}, points[0], points[0], 0});
      for (std::size_t v = 1; v < points.size(); ++v) made.push_back({{}, {}, points[v - 1], points[v], 0});
    }
    return BufferedRegion(std::move(made), radius, [polygons = shape.polygons()](const Point& p) {
      return std::any_of(polygons.begin(), polygons.end(),
                         [&](const PolygonShape* each) { return each->polygon().contains(p); });
    });
  }

  double area_;
  std::size_t n_chains_ = 0;
  double radius_;
  BufferedRegion region_;
};

static_assert(Shape<RectShape> && Shape<CapShape> && Shape<CellsShape> && Shape<PolygonShape> && Shape<PolylineShape> &&
              Shape<CollectionShape> && Shape<PlanarShape> && Shape<BufferedShape>);

}  // namespace cellwise
