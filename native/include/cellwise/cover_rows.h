// Coverings of rows of geometries, on many threads.
//
// Rows are chains of vertices. What kind of shape a row becomes decides how it is checked: a kind has
// `cover(chains, options, is_checked, cells)`, which returns false, and finds no cells, if the row is not known to be
// valid, and `area(chains)`.

#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "cellwise/cover_options.h"
#include "cellwise/degrees.h"
#include "cellwise/parallel.h"
#include "cellwise/planar.h"
#include "cellwise/polygon_rings.h"
#include "cellwise/projection.h"
#include "cellwise/raster.h"
#include "cellwise/shapes.h"
#include "cellwise/simple_features_filter.h"

namespace cellwise {

// Rows of chains: row r has the chains rows[r] .. rows[r + 1] - 1.
struct ChainRows {
  std::span<const LngLat> positions;
  std::span<const std::int64_t> offsets;
  std::span<const std::uint8_t> roles;
  std::span<const std::int64_t> rows;

  std::size_t size() const noexcept { return rows.size() - 1; }
  Chains operator[](std::size_t row) const noexcept {
    const auto first = static_cast<std::size_t>(rows[row]), n = static_cast<std::size_t>(rows[row + 1]) - first;
    return {positions, offsets.subspan(first, n + 1), roles.subspan(first, n)};
  }
};

struct RowCells {
  std::vector<std::uint64_t> cells;     // of all rows, concatenated
  std::vector<std::int64_t> offsets;    // row r has the cells offsets[r] .. offsets[r + 1] - 1
  std::vector<std::uint8_t> undecided;  // rows that are not known to be valid
};

// How many rows a thread takes at a time.
inline std::size_t rows_per_chunk(std::size_t n) noexcept { return std::clamp<std::size_t>(n / 64, 1, 64); }

// Is a row certain to be valid with planar edges, and does no edge go more than half way round the sphere?
inline bool is_certified(const Chains& chains) {
  thread_local SimpleFeaturesFilter filter;
  return filter.is_certified(chains.positions, chains.offsets, chains.roles);
}

struct PlanarRows {
  bool cover(const Chains& chains, const CoverOptions& options, bool is_checked,
             std::vector<std::uint64_t>& cells) const {
    if (!is_checked && !is_certified(chains)) return false;
    PlanarShape(chains).cover(options, cells);
    return true;
  }
  double area(const Chains& chains) const { return PlanarShape(chains).area(); }
};

// Geodesic edges: the rings of a row are one polygon.
class GeodesicRows {
 public:
  explicit GeodesicRows(bool oriented) noexcept : oriented_(oriented) {}

  bool cover(const Chains& chains, const CoverOptions& options, bool is_checked,
             std::vector<std::uint64_t>& cells) const {
    const bool has_lines = chains.has_lines();
    if (!is_checked && (has_lines || !are_in_range(chains))) return false;
    if (options.is_one_level() && !has_lines && find_certified(chains, options, cells)) return true;
    const Shapes shapes(chains, oriented_);
    if (!is_checked && shapes.polygon && shapes.polygon->polygon().find_fault().fault != RingFault::kNone) return false;
    with_shape(shapes, [&](const auto& shape) { shape.cover(options, cells); });
    return true;
  }
  double area(const Chains& chains) const {
    const Shapes shapes(chains, oriented_);
    return shapes.polygon ? shapes.polygon->area() : 0;
  }

  // Calls f with the shape that a row makes: a polygon or a line alone, or a collection.
  template <class F>
  void with_shape(const Chains& chains, const F& f) const {
    with_shape(Shapes(chains, oriented_), f);
  }

 private:
  struct Rings {
    std::vector<LngLat> positions;
    std::vector<std::uint32_t> offsets = {0}, shell_of;

    explicit Rings(const Chains& chains) {
      for (std::size_t k = 0; k < chains.roles.size(); ++k) {
        if (chains.roles[k] == kLineRole) continue;
        const auto begin = chains.positions.begin();
        positions.insert(positions.end(), begin + chains.offsets[k], begin + chains.offsets[k + 1]);
        offsets.push_back(static_cast<std::uint32_t>(positions.size()));
        const auto ring = static_cast<std::uint32_t>(shell_of.size());
        shell_of.push_back(chains.roles[k] == kHoleRole && ring > 0 ? shell_of.back() : ring);
      }
    }
    template <class ToPoint>
    std::vector<Point> points(const ToPoint& to_point) const {
      std::vector<Point> made;
      made.reserve(positions.size());
      for (const LngLat& at : positions) made.push_back(to_point(at.lat, at.lng));
      return made;
    }
  };

  // What a row is made of; its rings are one polygon.
  struct Shapes {
    std::optional<PolygonShape> polygon;
    std::vector<PolylineShape> lines;

    Shapes(const Chains& chains, bool oriented) {
      const Rings rings(chains);
      if (!rings.shell_of.empty()) {
        const auto points = rings.points([](double lat, double lng) { return latlng_to_point(lat, lng); });
        polygon.emplace(points, rings.offsets, rings.shell_of, oriented);
      }
      for (std::size_t k = 0; k < chains.roles.size(); ++k) {
        if (chains.roles[k] == kLineRole) lines.emplace_back(line_of(chains, k));
      }
    }
  };

  template <class F>
  static void with_shape(const Shapes& shapes, const F& f) {
    if (shapes.lines.empty() && shapes.polygon) return f(*shapes.polygon);
    if (shapes.lines.size() == 1 && !shapes.polygon) return f(shapes.lines[0]);
    std::vector<const PolygonShape*> polygons;
    std::vector<const PolylineShape*> lines;
    if (shapes.polygon) polygons.push_back(&*shapes.polygon);
    lines.reserve(shapes.lines.size());
    for (const PolylineShape& line : shapes.lines) lines.push_back(&line);
    f(CollectionShape(std::move(polygons), std::move(lines)));
  }

  static bool are_in_range(const Chains& chains) noexcept {
    const auto own = chains.positions.subspan(static_cast<std::size_t>(chains.offsets.front()),
                                              static_cast<std::size_t>(chains.n_vertices()));
    return std::all_of(own.begin(), own.end(), [](const LngLat& at) { return at.is_in_range(); });
  }

  static std::vector<Point> line_of(const Chains& chains, std::size_t k) {
    std::vector<Point> points;
    for (std::int64_t v = chains.offsets[k]; v < chains.offsets[k + 1]; ++v) {
      const LngLat& at = chains.positions[v];
      const Point p = latlng_to_point(at.lat, at.lng);
      if (points.empty() || points.back() != p) points.push_back(p);
    }
    return points;
  }

  // The cells of one level of a polygon with points of `approximate_point`, if the polygon and the cells are certified.
  bool find_certified(const Chains& chains, const CoverOptions& options, std::vector<std::uint64_t>& cells) const {
    const Rings rings(chains);
    if (rings.shell_of.empty()) return false;
    const auto points = rings.points([](double lat, double lng) { return approximate_point(lat, lng); });
    const ApproximatePolygon polygon(points, rings.offsets, rings.shell_of, oriented_);
    if (!polygon.is_certified_valid()) return false;
    candidate_limit(options, [&] { return polygon.area_at_most(); }, [&] { return polygon.area(); });
    const CellMode mode = cell_mode(options);
    cells.clear();
    if (!LevelCells::append_certified(polygon, options.min_level, mode, options.cell_limit, cells)) return false;
    const bool are_all = mode != CellMode::kContains || static_cast<std::int64_t>(cells.size()) < options.max_cells;
    if (!are_all) cells.clear();
    return are_all;
  }

  bool oriented_;
};

// Everything within a distance of rows of another kind.
template <class Rows>
class BufferedRows {
 public:
  BufferedRows(Rows rows, double radius) noexcept : rows_(rows), radius_(radius) {}

  bool cover(const Chains& chains, const CoverOptions& options, bool is_checked,
             std::vector<std::uint64_t>& cells) const {
    if constexpr (std::same_as<Rows, PlanarRows>) {
      if (!is_checked && !is_certified(chains)) return false;
    } else if (!is_checked) {
      return false;
    }
    with_shape(chains, [&](const BufferedShape& shape) { shape.cover(options, cells); });
    return true;
  }
  double area(const Chains& chains) const {
    double area = 0;
    with_shape(chains, [&](const BufferedShape& shape) { area = shape.area(); });
    return area;
  }

 private:
  template <class F>
  void with_shape(const Chains& chains, const F& f) const {
    if constexpr (std::same_as<Rows, PlanarRows>) {
      const PlanarShape shape(chains);
      f(BufferedShape(shape, radius_));
    } else {
      rows_.with_shape(chains, [&](const auto& shape) { f(BufferedShape(shape, radius_)); });
    }
  }

  Rows rows_;
  double radius_;
};

namespace internal {

// Thrown to end a loop over rows early.
struct StopRows : std::exception {};

// The rows of a chunk.
struct RowChunk {
  std::vector<std::uint64_t> cells;
  std::vector<std::int64_t> sizes;
  std::optional<CoverLimit> met;  // by the row after those that have sizes
};

}  // namespace internal

// A covering of each row. Throws CoverLimit, with the row, if a row meets a limit, or if the rows up to it have more
// cells than `options.cell_limit` together: the lowest such row, whichever thread comes first. Throws Interrupted.
template <class Rows>
RowCells cover_rows(const ChainRows& chains, const CoverOptions& options, const Rows& rows, bool is_checked) {
  const std::size_t n = chains.size(), grain = rows_per_chunk(n);
  RowCells result;
  result.undecided.resize(n);
  result.offsets.assign(n + 1, 0);
  std::vector<internal::RowChunk> chunks((n + grain - 1) / grain);
  std::atomic<std::int64_t> total{0};
  const auto is_too_many = [&] { return total.load(std::memory_order_relaxed) > options.cell_limit; };
  try {
    parallel_for(n, grain, [&](std::size_t begin, std::size_t end) {
      internal::RowChunk& chunk = chunks[begin / grain];
      std::vector<std::uint64_t> own;
      for (std::size_t row = begin; row < end; ++row) {
        own.clear();
        if (const Chains each = chains[row]; !each.roles.empty()) {
          try {
            result.undecided[row] = !rows.cover(each, options, is_checked, own);
          } catch (const CoverLimit& limit) {
            chunk.met = limit;
            throw internal::StopRows{};
          }
        }
        chunk.sizes.push_back(static_cast<std::int64_t>(own.size()));
        total += chunk.sizes.back();
        // Once there are too many, only sizes matter: they tell which row is the lowest. All chunks before this one
        // have been begun, and are completed.
        if (!is_too_many()) chunk.cells.insert(chunk.cells.end(), own.begin(), own.end());
      }
      if (is_too_many()) throw internal::StopRows{};
    });
  } catch (const internal::StopRows&) {
  }
  std::size_t row = 0;
  for (const internal::RowChunk& chunk : chunks) {
    for (const std::int64_t size : chunk.sizes) {
      result.offsets[row + 1] = result.offsets[row] + size;
      if (result.offsets[row + 1] > options.cell_limit) {
        CoverLimit limit(CoverLimit::Kind::kCells);
        limit.cells = rows.area(chains[row]) * options.cells_per_steradian;
        limit.row = row;
        throw limit;
      }
      ++row;
    }
    if (chunk.met) {
      CoverLimit limit = *chunk.met;
      limit.row = row;
      throw limit;
    }
  }
  result.cells.reserve(static_cast<std::size_t>(total));
  for (internal::RowChunk& chunk : chunks) {
    result.cells.insert(result.cells.end(), chunk.cells.begin(), chunk.cells.end());
    internal::RowChunk().cells.swap(chunk.cells);
  }
  return result;
}

}  // namespace cellwise
