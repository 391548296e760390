// All cells of one level that intersect a polygon, lie within it, or have their center in it.
//
// Edges are straight in the (u, v) plane of a face, so that they can be rasterized there, tile by tile, into one bit
// for each cell: which cells an edge passes through, and, row by row, where the inside begins and ends. The bits of a
// tile are stored by patches of 8 x 8 cells, one word each; as the curve visits cells patch by patch, ids come out in
// order.
//
// The answers are those of `PolygonRegion`, which tests padded cells. Rasterization certifies most of them: a cell that
// an edge clearly passes through, or from which all edges clearly stay away. For the few undecided cells,
// `PolygonRegion` itself is asked.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "cellwise/cover_options.h"
#include "cellwise/covering.h"
#include "cellwise/face_edges.h"
#include "cellwise/face_segments.h"
#include "cellwise/hierarchy.h"
#include "cellwise/hilbert.h"
#include "cellwise/parallel.h"
#include "cellwise/polygon.h"
#include "cellwise/polygon_region.h"
#include "cellwise/polygon_rings.h"
#include "cellwise/projection.h"

namespace cellwise {

enum class CellMode : std::uint8_t { kIntersects, kContains, kCenter };

// Which cells of one level the options ask for.
inline CellMode cell_mode(const CoverOptions& options) noexcept {
  if (options.center) return CellMode::kCenter;
  return options.interior ? CellMode::kContains : CellMode::kIntersects;
}

namespace internal {

// The position along the curve of cell 8 * j + i of a patch, by the orientation of the patch.
constexpr std::array<std::array<std::uint8_t, 64>, 4> make_patch_order() {
  std::array<std::array<std::uint8_t, 64>, 4> order{};
  for (int start = 0; start < 4; ++start) {
    for (int position = 0; position < 64; ++position) {
      int orientation = start, i = 0, j = 0;
      for (int shift = 4; shift >= 0; shift -= 2) {
        const int child = (position >> shift) & 3, ij = kPositionToIJ[orientation][child];
        i = 2 * i + (ij >> 1);
        j = 2 * j + (ij & 1);
        orientation ^= kPositionToOrientation[child];
      }
      order[start][8 * j + i] = static_cast<std::uint8_t>(position);
    }
  }
  return order;
}
inline constexpr auto kPatchOrder = make_patch_order();

// The distance, in u and v, within which rounding errors may decide: more than the padding of cells and the errors of
// `approximate_point` together.
inline constexpr double kRasterTolerance = 64 * DBL_EPSILON;

// One axis of a tile: n cells of the level, the first of which is number `first`, and the lines between them.
struct Axis {
  std::int64_t first = 0;
  int n = 0;
  double scale = 0;  // cells of the level along the face
  double offset = 0, tolerance = 0;  // `first`, and `kRasterTolerance` with rounding errors, in cells
  std::vector<double> lines, centers;

  void reset(std::int64_t first_cell, int n_cells, std::int32_t level) {
    first = first_cell;
    n = n_cells;
    scale = std::ldexp(1.0, level);
    offset = static_cast<double>(first_cell);
    tolerance = kRasterTolerance * scale;  // a step in u or v is at most 3/4 of that in s or t
    lines.resize(static_cast<std::size_t>(n) + 1);
    centers.resize(static_cast<std::size_t>(n));
    for (int k = 0; k <= n; ++k) lines[k] = st_to_uv(static_cast<double>(first + k) / scale);
    for (int k = 0; k < n; ++k) centers[k] = st_to_uv((static_cast<double>(first + k) + 0.5) / scale);
  }
  // The cell k with lines[k] <= x < lines[k + 1]; -1 before the tile, n after it.
  int at(double x) const noexcept {
    if (!(x >= lines[0])) return -1;
    if (x >= lines[n]) return n;
    const double root = 0.5 * std::sqrt(1 + 3 * std::fabs(x)), s = x >= 0 ? root : 1 - root;
    return near(x, static_cast<int>(s * scale - offset));
  }
  // Is x within cell k, away from its lines?
  bool is_clear(double x, int k) const noexcept {
    return (k >= 0) & (k < n) && (x > lines[k] + kRasterTolerance) & (x < lines[k + 1] - kRasterTolerance);
  }
  // The same as `at`, from a guess.
  int near(double x, int k) const noexcept {
    k = std::clamp(k, 0, n - 1);
    while (k >= 0 && x < lines[k]) --k;
    while (k < n && k >= 0 && x >= lines[k + 1]) ++k;
    return k;
  }
};

}  // namespace internal

class LevelCells {
 public:
  // `limit`: the most cells to return before giving up.  REQUIRES: the polygon outlives the object.
  LevelCells(const Polygon& polygon, std::int32_t level, CellMode mode, std::int64_t limit)
      : rings_(polygon), edges_(polygon.edges()), region_(std::make_unique<PolygonRegion>(polygon)), level_(level),
        mode_(mode), limit_(limit) {}

  // Appends the cells in ascending order; false if there are more than the limit. Throws Interrupted if the user stops
  // it.
  bool run(std::vector<std::uint64_t>& cells) {
    cells_ = &cells;
    limit_ += static_cast<std::int64_t>(cells.size());
    if (level_ >= kPatchLevels && edges_.is_within_one_face() && draw_whole()) return !is_over_limit_;
    for (int face = 0; face < 6 && !is_over_limit_; ++face) visit(region_->face_node(face));
    return !is_over_limit_;
  }

  // Appends the cells of an approximate polygon in ascending order if all of them are certified, and so are those of
  // the polygon that it approximates; else returns false, and appends none. REQUIRES: the polygon is certified to be
  // valid.
  static bool append_certified(const ApproximatePolygon& polygon, std::int32_t level, CellMode mode, std::int64_t limit,
                               std::vector<std::uint64_t>& cells) {
    if (level < kPatchLevels) return false;
    LevelCells drawn(polygon, level, mode, limit + static_cast<std::int64_t>(cells.size()));
    const std::size_t before = cells.size();
    drawn.cells_ = &cells;
    const bool are_certified = drawn.draw_whole() && !drawn.is_over_limit_;
    if (!are_certified) cells.resize(before);
    return are_certified;
  }

 private:
  LevelCells(const ApproximatePolygon& polygon, std::int32_t level, CellMode mode, std::int64_t limit)
      : rings_(polygon), edges_(polygon.edges()), level_(level), mode_(mode), limit_(limit) {}

  using Node = PolygonRegion::Node;
  static constexpr std::int32_t kPatchLevels = 3, kTileLevels = 8;
  static constexpr std::int64_t kMaxPatches = 4096;  // of a polygon that is drawn as one tile

  // In which half of which cell a vertex is, and whether it is clear of the lines between cells and of those through
  // their centers.
  struct Spot {
    std::int32_t i2, j2, is_clear;
  };

  struct Vertex {
    UV at;
    int i, j;  // its cell, if that is in the tile
    int rows_below;  // how many rows have their centers at or below it
    bool is_clear;  // it is in the tile, and clear of lines between cells and through their centers
  };

  // --- from the faces down -----------------------------------------------------------------------

  void visit(Node node) {
    if (is_over_limit_ || !node.intersects) return;
    if ((++steps_ & 0x7f) == 0) stop_if_interrupted();
    if (node.contained) {
      append_all(node.cell);
    } else if (node.level == level_) {
      if (is_selected(node)) append(node.cell);
    } else if (!node.is_above_root && level_ - node.level <= kTileLevels && level_ - node.level >= kPatchLevels &&
               draw_tile(node)) {
      region_->release(node);
      return;
    } else {
      Node children[4];
      region_->subdivide(node, children, true);
      for (const Node& child : children) visit(child);
      return;
    }
    region_->release(node);
  }

  // Is the cell of a place at the level one of the result?
  bool is_selected(Node& node) {
    if (mode_ == CellMode::kIntersects || !node.intersects || node.contained) return node.intersects;
    return mode_ == CellMode::kCenter && region_->contains_center(node);
  }

  bool has_room(std::int64_t n) {
    is_over_limit_ |= static_cast<std::int64_t>(cells_->size()) + n > limit_;
    return !is_over_limit_;
  }
  void append(std::uint64_t cell) {
    if (has_room(1)) cells_->push_back(cell);
  }
  void append_all(std::uint64_t cell) {
    const std::int64_t n = CellChildren::size(cell, level_);
    if (!has_room(n)) return;
    cells_->resize(cells_->size() + static_cast<std::size_t>(n));
    CellChildren::fill(cell, level_, cells_->data() + cells_->size() - n);
  }

  // --- tiles -------------------------------------------------------------------------------------

  void begin_tile(int face, std::int64_t i, std::int64_t j, int ni, int nj) {
    face_ = face;
    u_.reset(i, ni, level_);
    v_.reset(j, nj, level_);
    n_patches_ = ni >> kPatchLevels;
    const std::size_t n = static_cast<std::size_t>(n_patches_) * static_cast<std::size_t>(nj >> kPatchLevels);
    boundary_.assign(n, 0);
    inside_.assign(n, 0);
    rows_inside_.assign(static_cast<std::size_t>(nj >> kPatchLevels), 0);
    undecided_.clear();
  }

  // Draws the whole polygon as one tile, if it is not too large for that. Beyond its edges everything is outside.
  bool draw_whole() {
    UVRect bound = {{HUGE_VAL, -HUGE_VAL}, {HUGE_VAL, -HUGE_VAL}};
    if (rings_.start_inside()) return false;
    for (std::uint32_t ring = 0; ring < edges_.n_rings(); ++ring) {
      for (const UV& p : edges_.ring_uv(ring)) {
        bound.u = {std::min(bound.u.lo, p.u), std::max(bound.u.hi, p.u)};
        bound.v = {std::min(bound.v.lo, p.v), std::max(bound.v.hi, p.v)};
      }
    }
    const auto patch = [&](double x) { return st_to_ij(uv_to_st(x)) >> (kMaxLevel - level_ + kPatchLevels); };
    const std::int64_t i = patch(bound.u.lo - internal::kRasterTolerance),
                       j = patch(bound.v.lo - internal::kRasterTolerance);
    const std::int64_t ni = patch(bound.u.hi + internal::kRasterTolerance) + 1 - i;
    const std::int64_t nj = patch(bound.v.hi + internal::kRasterTolerance) + 1 - j;
    if (ni * nj > kMaxPatches) return false;
    begin_tile(std::countr_zero(edges_.faces()), i << kPatchLevels, j << kPatchLevels,
               static_cast<int>(ni << kPatchLevels), static_cast<int>(nj << kPatchLevels));
    reference_u_ = -HUGE_VAL;
    for (std::uint32_t ring = 0; ring < edges_.n_rings(); ++ring) {
      const std::span<const UV> vertices = edges_.ring_uv(ring);
      find_spots(vertices);
      const Vertex first = locate_within(vertices[0], 0);
      Vertex a = first;  // whose cell is marked by the last edge
      for (std::size_t k = 1; k < vertices.size(); ++k) {
        const Vertex b = locate_within(vertices[k], k);
        draw(a, b);
        a = b;
      }
      draw(a, first);
    }
    return finish_tile([&] { return region_->face_node(face_); });
  }

  // False if rounding errors might decide where the inside begins.
  bool draw_tile(Node& node) {
    const std::int32_t shift = kMaxLevel - level_, n = 1 << (level_ - node.level);
    begin_tile(cell_face(node.cell), node.i >> shift, node.j >> shift, n, n);
    // Tracks from the center of the place to that of its first cell, and from there up to the first center of each row.
    const UV reference = {u_.centers[0], v_.centers[0]};
    reference_u_ = reference.u;
    bool is_inside = region_->contains_center(node), is_clear = true;
    const std::uint64_t first = cell_parent(face_ij_to_cell(face_, node.i, node.j), level_);
    const PolygonRegion::CenterPath path = {PolygonRegion::center_uv(node), reference, node.cell, first};
    region_->for_each_edge(node, [&](FaceEdges::Id edge) {
      is_inside ^= region_->crosses(edge, path);
      const auto [a, b] = edges_.segment(edge);
      is_clear = is_clear && is_clear_of(reference, a, b);
    });
    if (!is_clear) return false;
    if (is_inside) std::fill(rows_inside_.begin(), rows_inside_.end(), ~std::uint64_t{0});
    region_->for_each_edge(node, [&](FaceEdges::Id edge) {
      const auto [a, b] = edges_.segment(edge);
      const Vertex from = locate(a), to = locate(b);
      if (from.is_clear) mark(from.i, from.j);
      draw(from, to);
      if ((a.u <= reference.u) != (b.u <= reference.u)) shift_rows(a, b);
    });
    finish_tile([&] { return node; });
    return true;
  }

  static bool is_clear_of(const UV& p, const UV& a, const UV& b) noexcept {
    constexpr double kTolerance = internal::kRasterTolerance;
    if (std::max(a.u, b.u) < p.u - kTolerance || std::min(a.u, b.u) > p.u + kTolerance) return true;
    if (std::max(a.v, b.v) < p.v - kTolerance || std::min(a.v, b.v) > p.v + kTolerance) return true;
    const double du = b.u - a.u, dv = b.v - a.v;
    return std::fabs(du * (p.v - a.v) - dv * (p.u - a.u)) > kTolerance * (std::fabs(du) + std::fabs(dv));
  }

  Vertex locate(const UV& p) const noexcept {
    Vertex vertex{p, u_.at(p.u), v_.at(p.v), 0, false};
    const int i = vertex.i, j = vertex.j;
    vertex.rows_below = j < 0 ? 0 : j >= v_.n ? v_.n : j + (p.v >= v_.centers[j]);
    vertex.is_clear = u_.is_clear(p.u, i) && v_.is_clear(p.v, j) &&
                      std::fabs(p.u - u_.centers[i]) > internal::kRasterTolerance &&
                      std::fabs(p.v - v_.centers[j]) > internal::kRasterTolerance;
    return vertex;
  }

  // REQUIRES: p lies within the tile and has spot k.
  Vertex locate_within(const UV& p, std::size_t k) const noexcept {
    const Spot& spot = spots_[k];
    if (!spot.is_clear) return locate(p);
    return {p, spot.i2 >> 1, spot.j2 >> 1, (spot.j2 + 1) >> 1, true};
  }

  // Finds the spots of all vertices, in a loop that can be vectorized. Vertices that are not clear are located one by
  // one.
  void find_spots(std::span<const UV> vertices) {
    spots_.resize(vertices.size());
    const double scale = 2 * u_.scale, u_first = 2 * u_.offset, v_first = 2 * v_.offset, tolerance = 2 * u_.tolerance;
    const auto halves = [=](double x, double first) {
      const double root = 0.5 * std::sqrt(1 + 3 * std::fabs(x)), s = x >= 0 ? root : 1 - root;
      return s * scale - first;
    };
    for (std::size_t k = 0; k < vertices.size(); ++k) {
      const double u = halves(vertices[k].u, u_first), v = halves(vertices[k].v, v_first);
      const auto i2 = static_cast<std::int32_t>(u), j2 = static_cast<std::int32_t>(v);
      // Lines between cells are at even numbers, centers at odd ones.
      const double near_u = static_cast<double>(static_cast<std::int32_t>(u + 0.5)),
                   near_v = static_cast<double>(static_cast<std::int32_t>(v + 0.5));
      spots_[k] = {i2, j2, (std::fabs(u - near_u) > tolerance) & (std::fabs(v - near_v) > tolerance)};
    }
  }

  std::size_t word(int i, int j) const noexcept {
    return static_cast<std::size_t>(j >> kPatchLevels) * static_cast<std::size_t>(n_patches_) +
           static_cast<std::size_t>(i >> kPatchLevels);
  }
  static std::uint64_t bit(int i, int j) noexcept { return std::uint64_t{1} << (8 * (j & 7) + (i & 7)); }
  void mark(int i, int j) noexcept { boundary_[word(i, j)] |= bit(i, j); }

  // REQUIRES: the cell of a is marked, if a is clear.
  void draw(const Vertex& a, const Vertex& b) {
    if (b.is_clear) mark(b.i, b.j);
    const bool is_clear = a.is_clear & b.is_clear;
    if (!(is_clear & (std::abs(a.i - b.i) + std::abs(a.j - b.j) <= 1))) draw_between(a, b);
    if (a.rows_below != b.rows_below) cross_rows(a, b);
    const bool is_between_centers = is_clear & (a.rows_below == b.rows_below);
    if (mode_ == CellMode::kCenter && !is_between_centers) find_undecided_centers(a.at, b.at);
  }

  // Not inlined: most edges are short, and the loop over them is faster without this.
  [[gnu::noinline]] void draw_between(const Vertex& a, const Vertex& b) {
    if (a.is_clear & b.is_clear & ((a.i == b.i) | (a.j == b.j))) {
      for (int i = std::min(a.i, b.i); i <= std::max(a.i, b.i); ++i) {
        for (int j = std::min(a.j, b.j); j <= std::max(a.j, b.j); ++j) mark(i, j);
      }
    } else if (std::fabs(b.at.u - a.at.u) >= std::fabs(b.at.v - a.at.v)) {
      walk(u_, v_, {a.at.u, a.at.v, a.i, a.j}, {b.at.u, b.at.v, b.i, b.j},
           [this](int i, int j, bool clear) { touch(i, j, clear); });
    } else {
      walk(v_, u_, {a.at.v, a.at.u, a.j, a.i}, {b.at.v, b.at.u, b.j, b.i},
           [this](int j, int i, bool clear) { touch(i, j, clear); });
    }
  }

  void touch(int i, int j, bool clear) {
    if (clear) {
      mark(i, j);
    } else {
      undecided_.push_back({i, j});
    }
  }

  // An end of an edge, and its cell as `Axis::at` gives it.
  struct End {
    double x, y;
    int i, j;
  };

  // Visits the cells along an edge that is longer in x than in y, each with whether the edge clearly passes through it.
  template <class Touch>
  static void walk(const internal::Axis& xs, const internal::Axis& ys, End a, End b, Touch touch) {
    constexpr double kTolerance = internal::kRasterTolerance;
    if (a.x > b.x) std::swap(a, b);
    const double slope = b.x > a.x ? (b.y - a.y) / (b.x - a.x) : 0;
    const auto y_at = [&](double x) { return x <= a.x ? a.y : x >= b.x ? b.y : a.y + (x - a.x) * slope; };
    const int first = std::max(xs.near(a.x - kTolerance, a.i), 0),
              last = std::min(xs.near(b.x + kTolerance, b.i), xs.n - 1);
    if (first > last) return;
    const int clear_first = xs.near(a.x + kTolerance, first), clear_last = xs.near(b.x - kTolerance, last);
    double y = y_at(xs.lines[first]);
    int row = y == a.y ? a.j : ys.at(y);
    bool is_clear = ys.is_clear(y, row);
    for (int i = first; i <= last; ++i) {
      const bool clear_column = clear_first <= i && i <= clear_last;
      const double next = y_at(xs.lines[i + 1]);
      const int next_row = ys.near(next, row);
      const bool next_is_clear = ys.is_clear(next, next_row);
      if (is_clear && next_is_clear) {
        for (int j = std::min(row, next_row); j <= std::max(row, next_row); ++j) touch(i, j, clear_column);
      } else {
        const double low = std::min(y, next), high = std::max(y, next);
        const int lowest = std::max(ys.near(low - kTolerance, row), 0),
                  highest = std::min(ys.near(high + kTolerance, row), ys.n - 1);
        const int clear_lowest = ys.near(low + kTolerance, row), clear_highest = ys.near(high - kTolerance, row);
        for (int j = lowest; j <= highest; ++j) touch(i, j, clear_column && clear_lowest <= j && j <= clear_highest);
      }
      y = next;
      row = next_row;
      is_clear = next_is_clear;
    }
  }

  // Where an edge crosses the line through the centers of a row.
  static double crossing(const UV& a, const UV& b, double v) noexcept {
    const double u = a.u + (v - a.v) * ((b.u - a.u) / (b.v - a.v));
    return std::clamp(u, std::min(a.u, b.u), std::max(a.u, b.u));
  }

  // Inside and outside swap at the first center after each crossing.
  [[gnu::noinline]] void cross_rows(const Vertex& a, const Vertex& b) noexcept {
    const auto [begin, end] = std::minmax(a.rows_below, b.rows_below);
    const bool is_clear = a.is_clear & b.is_clear, is_column = is_clear & (a.i == b.i),
               is_short = is_clear & (std::abs(a.i - b.i) < 4);
    for (int j = begin; j < end; ++j) {
      const double u = crossing(a.at, b.at, v_.centers[j]);
      if (u <= reference_u_) continue;
      const int i = is_column ? a.i : is_short ? u_.near(u, a.i) : u_.at(u);
      if (i >= u_.n) continue;
      const int from = i < 0 ? 0 : i + (u >= u_.centers[i]);
      const int behind = reference_u_ > -HUGE_VAL ? std::max(from, 1) : from;
      if (behind < u_.n) inside_[word(behind, j)] ^= bit(behind, j);
    }
  }

  // Swaps inside and outside at the beginning of rows, for an edge across the line through their first centers: for the
  // rows whose first center is on the other side of it than that of the first row.
  void shift_rows(const UV& a, const UV& b) noexcept {
    const bool rises = (b.u > a.u) == (b.v > a.v);
    const double low = std::min(a.v, b.v), high = std::max(a.v, b.v);
    const auto is_above = [&](int j) {
      const double v = v_.centers[j];
      if (v <= low) return false;  // as `rows_below` has it
      if (v > high) return true;
      return (crossing(a, b, v) > reference_u_) == rises;
    };
    const bool first = is_above(0);
    for (int j = 0; j < v_.n; ++j) {
      if (is_above(j) != first) rows_inside_[static_cast<std::size_t>(j >> 3)] ^= std::uint64_t{0xff} << (8 * (j & 7));
    }
  }

  // Finds the centers that may lie on the edge, within rounding errors.
  void find_undecided_centers(const UV& a, const UV& b) {
    constexpr double kTolerance = internal::kRasterTolerance;
    const double low = std::min(a.v, b.v) - kTolerance, high = std::max(a.v, b.v) + kTolerance;
    const double slope = a.v == b.v ? HUGE_VAL : std::fabs((b.u - a.u) / (b.v - a.v));
    const int last = std::min(v_.at(high), v_.n - 1);
    for (int j = std::max(v_.at(low), 0); j <= last; ++j) {
      const double v = v_.centers[j];
      if (v < low || v > high) continue;
      const double u = a.v == b.v ? a.u : crossing(a, b, v), width = kTolerance * (1 + slope);
      const double from = std::max(u - width, std::min(a.u, b.u) - kTolerance),
                   to = std::min(u + width, std::max(a.u, b.u) + kTolerance);
      const int end = std::min(u_.at(to), u_.n - 1);
      for (int i = std::max(u_.at(from), 0); i <= end; ++i) {
        if (from <= u_.centers[i] && u_.centers[i] <= to) undecided_centers_.push_back({i, j});
      }
    }
  }

  // --- from bits to cells ------------------------------------------------------------------------

  // False if cells are undecided and only certified ones are wanted.
  template <class NodeOf>
  bool finish_tile(NodeOf node_of) {
    fill_rows();
    if (!resolve_undecided(node_of)) return false;
    // Goes along the curve, from the smallest cell that holds all patches.
    const std::int32_t shift = kMaxLevel - level_ + kPatchLevels;
    const std::int64_t i0 = u_.first >> kPatchLevels, j0 = v_.first >> kPatchLevels;
    const std::int64_t i1 = i0 + (u_.n >> kPatchLevels) - 1, j1 = j0 + (v_.n >> kPatchLevels) - 1;
    const int levels = static_cast<int>(std::bit_width(static_cast<std::uint64_t>((i0 ^ i1) | (j0 ^ j1))));
    const std::int32_t patch_level = level_ - kPatchLevels, top = patch_level - levels;
    const std::uint64_t cell = cell_parent(
        face_ij_to_cell(face_, static_cast<std::int32_t>(i0 << shift), static_cast<std::int32_t>(j0 << shift)), top);
    const std::int64_t i = i0 >> levels << levels, j = j0 >> levels << levels;
    append_patches(cell, cell_to_face_ij(cell).orientation, static_cast<int>(i - i0), static_cast<int>(j - j0), levels);
    return true;
  }

  // From where the inside begins and ends to which centers are inside: parities along each row of eight.
  void fill_rows() noexcept {
    std::uint64_t* word = inside_.data();
    for (std::uint64_t inside : rows_inside_) {
      for (int k = 0; k < n_patches_; ++k, ++word) {
        std::uint64_t x = *word;
        x ^= (x << 1) & 0xfefefefefefefefe;
        x ^= (x << 2) & 0xfcfcfcfcfcfcfcfc;
        x ^= (x << 4) & 0xf0f0f0f0f0f0f0f0;
        x ^= inside;
        *word = x;
        inside = ((x >> 7) & 0x0101010101010101) * 0xff;
      }
    }
    // From centers to cells of the result.
    if (mode_ == CellMode::kIntersects) {
      for (std::size_t k = 0; k < inside_.size(); ++k) inside_[k] |= boundary_[k];
    } else if (mode_ == CellMode::kContains) {
      for (std::size_t k = 0; k < inside_.size(); ++k) inside_[k] &= ~boundary_[k];
    }
  }

  // Asks `PolygonRegion` about undecided cells.
  template <class NodeOf>
  bool resolve_undecided(NodeOf node_of) {
    if (mode_ == CellMode::kCenter) undecided_.swap(undecided_centers_);
    undecided_centers_.clear();
    const std::int32_t shift = kMaxLevel - level_;
    queries_.clear();
    for (const auto& [i, j] : undecided_) {
      if (mode_ != CellMode::kCenter && (boundary_[word(i, j)] & bit(i, j)) != 0) continue;
      const std::uint64_t leaf = face_ij_to_cell(face_, static_cast<std::int32_t>((u_.first + i) << shift),
                                                 static_cast<std::int32_t>((v_.first + j) << shift));
      queries_.push_back({cell_parent(leaf, level_), i, j});
    }
    if (queries_.empty()) return true;
    if (region_ == nullptr) return false;
    std::sort(queries_.begin(), queries_.end(), [](const Query& a, const Query& b) { return a.cell < b.cell; });
    answer(node_of(), queries_.data(), queries_.data() + queries_.size());
    return true;
  }

  struct Query {
    std::uint64_t cell;
    int i, j;
  };
  // Answers queries about cells within the place, which keeps its list.
  void answer(Node node, const Query* begin, const Query* end) {
    if (node.level == level_ || !node.intersects) {
      const bool selected = is_selected(node);
      for (; begin != end; ++begin) {
        std::uint64_t& cells = inside_[word(begin->i, begin->j)];
        cells = selected ? cells | bit(begin->i, begin->j) : cells & ~bit(begin->i, begin->j);
      }
      return;
    }
    Node children[4];
    region_->peek_children(node, children, true);
    for (Node& child : children) {
      const Query* next = begin;
      while (next != end && next->cell <= cell_range_max(child.cell)) ++next;
      if (begin != next) answer(child, begin, next);
      region_->release(child);
      begin = next;
    }
  }

  // Appends the cells of patches in curve order, `levels` below the cell; i and j count patches of the tile.
  void append_patches(std::uint64_t cell, int orientation, int i, int j, int levels) {
    const int size = 1 << levels;
    if (i + size <= 0 || j + size <= 0 || i >= n_patches_ || j >= v_.n >> kPatchLevels) return;
    if (levels == 0) {
      append_patch(
          cell, orientation,
          inside_[static_cast<std::size_t>(j) * static_cast<std::size_t>(n_patches_) + static_cast<std::size_t>(i)]);
      return;
    }
    for (int k = 0; k < 4; ++k) {
      const int ij = kPositionToIJ[orientation][k], half = size >> 1;
      append_patches(cell_child(cell, k), orientation ^ kPositionToOrientation[k], i + (ij >> 1) * half,
                     j + (ij & 1) * half, levels - 1);
    }
  }

  void append_patch(std::uint64_t patch, int orientation, std::uint64_t selected) {
    if (selected == 0) return;
    if (selected == ~std::uint64_t{0}) {
      append_all(patch);
      return;
    }
    const int n = std::popcount(selected);
    if (!has_room(n)) return;
    std::uint64_t ordered = 0;
    for (; selected != 0; selected &= selected - 1) {
      ordered |= std::uint64_t{1} << internal::kPatchOrder[orientation][std::countr_zero(selected)];
    }
    const std::uint64_t step = 2 * level_bit(level_), first = patch - lowest_bit(patch) + level_bit(level_);
    cells_->resize(cells_->size() + static_cast<std::size_t>(n));
    std::uint64_t* out = cells_->data() + cells_->size() - n;
    for (; ordered != 0; ordered &= ordered - 1) {
      *out++ = first + step * static_cast<std::uint64_t>(std::countr_zero(ordered));
    }
  }

  const PolygonRings& rings_;
  const FaceEdges& edges_;
  std::unique_ptr<PolygonRegion> region_;  // unless only certified cells are wanted
  std::int32_t level_;
  CellMode mode_;
  std::int64_t limit_;
  bool is_over_limit_ = false;
  std::uint32_t steps_ = 0;
  std::vector<std::uint64_t>* cells_ = nullptr;

  // The tile.
  int face_ = 0, n_patches_ = 0;
  internal::Axis u_, v_;
  double reference_u_ = 0;  // where rows begin
  std::vector<std::uint64_t> boundary_, inside_, rows_inside_;
  std::vector<Spot> spots_;
  std::vector<std::pair<int, int>> undecided_, undecided_centers_;
  std::vector<Query> queries_;
};

// Google's covering of a polygon. If only one level is allowed, those are all cells of the level that intersect the
// polygon, or that lie within it unless there are more than `max_cells`; or with `options.center` those with their
// center in it. Throws CoverLimit, and Interrupted if the user stops it.  REQUIRES: nothing is to be `within` where
// centers matter.
inline void cover_polygon(const Polygon& polygon, const CoverOptions& options, std::int64_t candidate_limit,
                          std::vector<std::uint64_t>& cells) {
  if (options.is_one_level()) {
    const CellMode mode = cell_mode(options);
    const std::int64_t most =
        mode == CellMode::kContains ? std::min(options.cell_limit, options.max_cells) : options.cell_limit;
    cells.clear();
    if (LevelCells(polygon, options.min_level, mode, most).run(cells)) return;
    if (most == options.cell_limit) throw CoverLimit(CoverLimit::Kind::kCells);
  }
  PolygonRegion region(polygon);
  Coverer(region, options, candidate_limit).run(cells);
}

}  // namespace cellwise
