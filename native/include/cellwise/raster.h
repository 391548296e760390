// All cells of one level that meet a polygon, lie within it, or have their centre in it.
//
// Edges are straight in the (u, v) plane of a face, so they are drawn there, tile by tile, into bits for cells: cells
// that an edge passes through, and, row by row, where the inside begins and ends. A tile's bits are kept by blocks of
// 8 x 8 cells, a word each, because the curve visits cells block by block: ids come out in order.
//
// The answers are those of `PolygonRegion`, which tests padded cells: a cell that an edge meets clearly, or from which
// all edges stay away clearly, has no other answer there; for the few between, `PolygonRegion` itself is asked.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cellwise/covering.h"
#include "cellwise/hierarchy.h"
#include "cellwise/hilbert.h"
#include "cellwise/polygon.h"
#include "cellwise/polygon_region.h"
#include "cellwise/projection.h"
#include "cellwise/shape_index.h"

namespace cellwise {

enum class CellMode : std::uint8_t { kIntersects, kContains, kCenter };

namespace internal {

// Position along the curve of cell 8 * j + i of a block, by the block's orientation.
constexpr std::array<std::array<std::uint8_t, 64>, 4> make_block_order() {
  std::array<std::array<std::uint8_t, 64>, 4> order{};
  for (int start = 0; start < 4; ++start) {
    for (int position = 0; position < 64; ++position) {
      int orientation = start, i = 0, j = 0;
      for (int shift = 4; shift >= 0; shift -= 2) {
        const int quarter = (position >> shift) & 3, ij = kPositionToIJ[orientation][quarter];
        i = 2 * i + (ij >> 1);
        j = 2 * j + (ij & 1);
        orientation ^= kPositionToOrientation[quarter];
      }
      order[start][8 * j + i] = static_cast<std::uint8_t>(position);
    }
  }
  return order;
}
inline constexpr auto kBlockOrder = make_block_order();

// Distance, in u and v, within which roundings may decide: more than what cells are padded with and what positions of
// `near_point` may be off by, together.
inline constexpr double kRasterDoubt = 64 * DBL_EPSILON;

// One axis of a tile: n cells from the `first` of the level on, and the lines between them.
struct Axis {
  std::int64_t first = 0;
  int n = 0;
  double scale = 0;               // cells of the level along the face
  double offset = 0, doubt = 0;   // `first`, and `kRasterDoubt` and roundings, in cells
  std::vector<double> lines, centers;

  void reset(std::int64_t first_cell, int n_cells, std::int32_t level) {
    first = first_cell;
    n = n_cells;
    scale = std::ldexp(1.0, level);
    offset = static_cast<double>(first_cell);
    doubt = kRasterDoubt * scale;  // a step in u or v is at most three quarters of that in cells
    lines.resize(static_cast<std::size_t>(n) + 1);
    centers.resize(static_cast<std::size_t>(n));
    for (int k = 0; k <= n; ++k) lines[k] = st_to_uv(static_cast<double>(first + k) / scale);
    for (int k = 0; k < n; ++k) centers[k] = st_to_uv((static_cast<double>(first + k) + 0.5) / scale);
  }
  // Cell with lines[k] <= x < lines[k + 1]; -1 before the tile, n behind it.
  int at(double x) const noexcept {
    if (!(x >= lines[0])) return -1;
    if (x >= lines[n]) return n;
    const double root = 0.5 * std::sqrt(1 + 3 * std::fabs(x)), s = x >= 0 ? root : 1 - root;
    return near(x, static_cast<int>(s * scale - offset));
  }
  // Is x within cell k, away from its lines?
  bool is_clear(double x, int k) const noexcept {
    return (k >= 0) & (k < n) && (x > lines[k] + kRasterDoubt) & (x < lines[k + 1] - kRasterDoubt);
  }
  // The same, from a guess.
  int near(double x, int k) const noexcept {
    k = std::clamp(k, 0, n - 1);
    while (k >= 0 && x < lines[k]) --k;
    while (k < n && k >= 0 && x >= lines[k + 1]) ++k;
    return k;
  }
};

}  // namespace internal

template <class Interrupted>
class LevelCells {
 public:
  // `limit`: most cells, before giving up. REQUIRES: the polygon outlives the object.
  LevelCells(const Polygon& polygon, std::int32_t level, CellMode mode, std::int64_t limit, Interrupted interrupted)
      : polygon_(polygon), edges_(polygon.edges()), region_(polygon), level_(level), mode_(mode), limit_(limit),
        interrupted_(std::move(interrupted)) {}

  // Cells in ascending order, behind those that are there, if no rounding had to be looked at: else false, and no cell.
  // So they are right even if vertices are off by less than `kRasterDoubt` leaves room for.
  bool run_surely(std::vector<std::uint64_t>& cells) {
    cells_ = &cells;
    limit_ += static_cast<std::int64_t>(cells.size());
    const std::size_t before = cells.size();
    only_sure_ = true;
    const bool is_sure =
        level_ >= kBlockLevels && edges_.is_within_one_face() && draw_whole() && status_ == CoverStatus::kOk;
    if (!is_sure) cells.resize(before);
    return is_sure;
  }

  // Cells in ascending order, behind those that are there.
  CoverStatus run(std::vector<std::uint64_t>& cells) {
    cells_ = &cells;
    limit_ += static_cast<std::int64_t>(cells.size());
    if (level_ >= kBlockLevels && edges_.is_within_one_face() && draw_whole()) return status_;
    for (int face = 0; face < 6 && status_ == CoverStatus::kOk; ++face) visit(region_.face_place(face));
    return status_;
  }

 private:
  using Place = PolygonRegion::Place;
  static constexpr std::int32_t kBlockLevels = 3, kTileLevels = 8;
  static constexpr std::int64_t kMostBlocks = 4096;  // of a polygon that is one tile

  // Of a vertex, which half of a cell it is in, and whether it is away from the lines between cells and those through
  // their centres.
  struct Spot {
    std::int32_t i2, j2, is_clear;
  };

  struct Vertex {
    UV at;
    int i, j;  // its cell, if within the tile
    int rows_below;  // rows whose centre is at or below it
    bool is_clear;  // within the tile, and away from lines between cells and through their centres
  };

  // --- from the faces down -----------------------------------------------------------------------

  void visit(Place place) {
    if (status_ != CoverStatus::kOk || !place.met) return;
    if ((++steps_ & 0x7f) == 0 && interrupted_()) {
      status_ = CoverStatus::kInterrupted;
      return;
    }
    if (place.contained) {
      put_all(place.cell);
    } else if (place.level == level_) {
      if (is_taken(place)) put(place.cell);
    } else if (!place.above_root && level_ - place.level <= kTileLevels && level_ - place.level >= kBlockLevels &&
               draw_tile(place)) {
      region_.drop(place);
      return;
    } else {
      Place quarters[4];
      region_.split(place, quarters, true);
      for (const Place& quarter : quarters) visit(quarter);
      return;
    }
    region_.drop(place);
  }

  // Of a place at the level.
  bool is_taken(Place& place) {
    if (mode_ == CellMode::kIntersects || !place.met || place.contained) return place.met;
    return mode_ == CellMode::kCenter && region_.middle_is_inside(place);
  }

  bool has_room(std::int64_t n) {
    if (static_cast<std::int64_t>(cells_->size()) + n > limit_) status_ = CoverStatus::kTooManyCells;
    return status_ == CoverStatus::kOk;
  }
  void put(std::uint64_t cell) {
    if (has_room(1)) cells_->push_back(cell);
  }
  void put_all(std::uint64_t cell) {
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
    n_blocks_ = ni >> kBlockLevels;
    const std::size_t n = static_cast<std::size_t>(n_blocks_) * static_cast<std::size_t>(nj >> kBlockLevels);
    boundary_.assign(n, 0);
    inside_.assign(n, 0);
    rows_inside_.assign(static_cast<std::size_t>(nj >> kBlockLevels), 0);
    doubtful_.clear();
  }

  // The whole polygon as one tile, if it lies within a face and is not too large: beyond its edges is outside.
  bool draw_whole() {
    UVRect bound = {{HUGE_VAL, -HUGE_VAL}, {HUGE_VAL, -HUGE_VAL}};
    if (polygon_.start_inside()) return false;
    for (std::uint32_t ring = 0; ring < edges_.n_rings(); ++ring) {
      for (const UV& p : edges_.ring_uv(ring)) {
        bound.u = {std::min(bound.u.lo, p.u), std::max(bound.u.hi, p.u)};
        bound.v = {std::min(bound.v.lo, p.v), std::max(bound.v.hi, p.v)};
      }
    }
    const auto block = [&](double x) { return st_to_ij(uv_to_st(x)) >> (kMaxLevel - level_ + kBlockLevels); };
    const std::int64_t i = block(bound.u.lo - internal::kRasterDoubt), j = block(bound.v.lo - internal::kRasterDoubt);
    const std::int64_t ni = block(bound.u.hi + internal::kRasterDoubt) + 1 - i;
    const std::int64_t nj = block(bound.v.hi + internal::kRasterDoubt) + 1 - j;
    if (ni * nj > kMostBlocks) return false;
    begin_tile(std::countr_zero(edges_.faces()), i << kBlockLevels, j << kBlockLevels,
               static_cast<int>(ni << kBlockLevels), static_cast<int>(nj << kBlockLevels));
    reference_u_ = -HUGE_VAL;
    for (std::uint32_t ring = 0; ring < edges_.n_rings(); ++ring) {
      const std::span<const UV> vertices = edges_.ring_uv(ring);
      find_spots(vertices);
      const Vertex first = locate_within(vertices[0], 0);
      Vertex a = first;  // marked at last
      for (std::size_t k = 1; k < vertices.size(); ++k) {
        const Vertex b = locate_within(vertices[k], k);
        draw(a, b);
        a = b;
      }
      draw(a, first);
    }
    return finish_tile([&] { return region_.face_place(face_); });
  }

  // False if roundings might decide where the inside begins.
  bool draw_tile(Place& place) {
    const std::int32_t shift = kMaxLevel - level_, n = 1 << (level_ - place.level);
    begin_tile(cell_face(place.cell), place.i >> shift, place.j >> shift, n, n);
    // From the place's middle to the centre of its first cell, from there up to each row's first centre.
    const UV reference = {u_.centers[0], v_.centers[0]};
    reference_u_ = reference.u;
    bool is_inside = region_.middle_is_inside(place), is_clear = true;
    const std::uint64_t first = cell_parent(face_ij_to_cell(face_, place.i, place.j), level_);
    const PolygonRegion::Way way = {PolygonRegion::middle(place), reference, place.cell, first};
    region_.for_each_piece(place, [&](FaceEdges::Piece piece) {
      is_inside ^= region_.is_crossed(piece, way);
      const auto [a, b] = edges_.segment(piece);
      is_clear = is_clear && is_clear_of(reference, a, b);
    });
    if (!is_clear) return false;
    if (is_inside) std::fill(rows_inside_.begin(), rows_inside_.end(), ~std::uint64_t{0});
    region_.for_each_piece(place, [&](FaceEdges::Piece piece) {
      const auto [a, b] = edges_.segment(piece);
      const Vertex from = locate(a), to = locate(b);
      if (from.is_clear) mark(from.i, from.j);
      draw(from, to);
      if ((a.u <= reference.u) != (b.u <= reference.u)) shift_rows(a, b);
    });
    finish_tile([&] { return place; });
    return true;
  }

  static bool is_clear_of(const UV& p, const UV& a, const UV& b) noexcept {
    constexpr double kDoubt = internal::kRasterDoubt;
    if (std::max(a.u, b.u) < p.u - kDoubt || std::min(a.u, b.u) > p.u + kDoubt) return true;
    if (std::max(a.v, b.v) < p.v - kDoubt || std::min(a.v, b.v) > p.v + kDoubt) return true;
    const double du = b.u - a.u, dv = b.v - a.v;
    return std::fabs(du * (p.v - a.v) - dv * (p.u - a.u)) > kDoubt * (std::fabs(du) + std::fabs(dv));
  }

  Vertex locate(const UV& p) const noexcept {
    Vertex vertex{p, u_.at(p.u), v_.at(p.v), 0, false};
    const int i = vertex.i, j = vertex.j;
    vertex.rows_below = j < 0 ? 0 : j >= v_.n ? v_.n : j + (p.v >= v_.centers[j]);
    vertex.is_clear = u_.is_clear(p.u, i) && v_.is_clear(p.v, j) &&
                      std::fabs(p.u - u_.centers[i]) > internal::kRasterDoubt &&
                      std::fabs(p.v - v_.centers[j]) > internal::kRasterDoubt;
    return vertex;
  }

  // REQUIRES: p lies within the tile and has spot k.
  Vertex locate_within(const UV& p, std::size_t k) const noexcept {
    const Spot& spot = spots_[k];
    if (!spot.is_clear) return locate(p);
    return {p, spot.i2 >> 1, spot.j2 >> 1, (spot.j2 + 1) >> 1, true};
  }

  // A loop for vectors: where it is not sure, positions of whole tiles are found one by one.
  void find_spots(std::span<const UV> vertices) {
    spots_.resize(vertices.size());
    const double scale = 2 * u_.scale, u_first = 2 * u_.offset, v_first = 2 * v_.offset, doubt = 2 * u_.doubt;
    const auto halves = [=](double x, double first) {
      const double root = 0.5 * std::sqrt(1 + 3 * std::fabs(x)), s = x >= 0 ? root : 1 - root;
      return s * scale - first;
    };
    for (std::size_t k = 0; k < vertices.size(); ++k) {
      const double u = halves(vertices[k].u, u_first), v = halves(vertices[k].v, v_first);
      const auto i2 = static_cast<std::int32_t>(u), j2 = static_cast<std::int32_t>(v);
      // Lines lie at even numbers, centres at odd ones.
      const double near_u = static_cast<double>(static_cast<std::int32_t>(u + 0.5)),
                   near_v = static_cast<double>(static_cast<std::int32_t>(v + 0.5));
      spots_[k] = {i2, j2, (std::fabs(u - near_u) > doubt) & (std::fabs(v - near_v) > doubt)};
    }
  }

  std::size_t word(int i, int j) const noexcept {
    return static_cast<std::size_t>(j >> kBlockLevels) * static_cast<std::size_t>(n_blocks_) +
           static_cast<std::size_t>(i >> kBlockLevels);
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
    if (mode_ == CellMode::kCenter && !is_between_centers) doubt_centers(a.at, b.at);
  }

  // Most edges are short, and the loop over them is short without this.
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
      doubtful_.push_back({i, j});
    }
  }

  // An end of an edge, and its cell as `Axis::at` has it.
  struct End {
    double x, y;
    int i, j;
  };

  // Cells along an edge that runs more along x than along y: clearly met, or perhaps.
  template <class Touch>
  static void walk(const internal::Axis& xs, const internal::Axis& ys, End a, End b, Touch touch) {
    constexpr double kDoubt = internal::kRasterDoubt;
    if (a.x > b.x) std::swap(a, b);
    const double slope = b.x > a.x ? (b.y - a.y) / (b.x - a.x) : 0;
    const auto y_at = [&](double x) { return x <= a.x ? a.y : x >= b.x ? b.y : a.y + (x - a.x) * slope; };
    const int first = std::max(xs.near(a.x - kDoubt, a.i), 0), last = std::min(xs.near(b.x + kDoubt, b.i), xs.n - 1);
    if (first > last) return;
    const int clear_first = xs.near(a.x + kDoubt, first), clear_last = xs.near(b.x - kDoubt, last);
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
        const int lowest = std::max(ys.near(low - kDoubt, row), 0),
                  highest = std::min(ys.near(high + kDoubt, row), ys.n - 1);
        const int clear_lowest = ys.near(low + kDoubt, row), clear_highest = ys.near(high - kDoubt, row);
        for (int j = lowest; j <= highest; ++j) touch(i, j, clear_column && clear_lowest <= j && j <= clear_highest);
      }
      y = next;
      row = next_row;
      is_clear = next_is_clear;
    }
  }

  // Where an edge meets the line through a row's centres.
  static double crossing(const UV& a, const UV& b, double v) noexcept {
    const double u = a.u + (v - a.v) * ((b.u - a.u) / (b.v - a.v));
    return std::clamp(u, std::min(a.u, b.u), std::max(a.u, b.u));
  }

  // Inside and outside change at the first centre behind each crossing.
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

  // An edge across the line through the rows' first centres: those on the other side of it than the first row's.
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

  // Centres that lie on the edge, as far as roundings can tell.
  void doubt_centers(const UV& a, const UV& b) {
    constexpr double kDoubt = internal::kRasterDoubt;
    const double low = std::min(a.v, b.v) - kDoubt, high = std::max(a.v, b.v) + kDoubt;
    const double slope = a.v == b.v ? HUGE_VAL : std::fabs((b.u - a.u) / (b.v - a.v));
    const int last = std::min(v_.at(high), v_.n - 1);
    for (int j = std::max(v_.at(low), 0); j <= last; ++j) {
      const double v = v_.centers[j];
      if (v < low || v > high) continue;
      const double u = a.v == b.v ? a.u : crossing(a, b, v), width = kDoubt * (1 + slope);
      const double from = std::max(u - width, std::min(a.u, b.u) - kDoubt),
                   to = std::min(u + width, std::max(a.u, b.u) + kDoubt);
      const int end = std::min(u_.at(to), u_.n - 1);
      for (int i = std::max(u_.at(from), 0); i <= end; ++i) {
        if (from <= u_.centers[i] && u_.centers[i] <= to) center_doubtful_.push_back({i, j});
      }
    }
  }

  // --- from bits to cells ------------------------------------------------------------------------

  // False if that would take a look at roundings, and there may be none.
  template <class PlaceOf>
  bool finish_tile(PlaceOf place_of) {
    fill_rows();
    if (!settle(place_of)) return false;
    // The smallest cell around all blocks, and from there along the curve.
    const std::int32_t shift = kMaxLevel - level_ + kBlockLevels;
    const std::int64_t i0 = u_.first >> kBlockLevels, j0 = v_.first >> kBlockLevels;
    const std::int64_t i1 = i0 + (u_.n >> kBlockLevels) - 1, j1 = j0 + (v_.n >> kBlockLevels) - 1;
    const int levels = std::bit_width(static_cast<std::uint64_t>((i0 ^ i1) | (j0 ^ j1)));
    const std::int32_t block_level = level_ - kBlockLevels, top = block_level - levels;
    const std::uint64_t cell = cell_parent(
        face_ij_to_cell(face_, static_cast<std::int32_t>(i0 << shift), static_cast<std::int32_t>(j0 << shift)), top);
    const std::int64_t i = i0 >> levels << levels, j = j0 >> levels << levels;
    put_blocks(cell, cell_to_face_ij(cell).orientation, static_cast<int>(i - i0), static_cast<int>(j - j0), levels);
    return true;
  }

  // From where the inside begins and ends to what lies inside: parities along each row of eight.
  void fill_rows() noexcept {
    std::uint64_t* word = inside_.data();
    for (std::uint64_t inside : rows_inside_) {
      for (int k = 0; k < n_blocks_; ++k, ++word) {
        std::uint64_t x = *word;
        x ^= (x << 1) & 0xfefefefefefefefe;
        x ^= (x << 2) & 0xfcfcfcfcfcfcfcfc;
        x ^= (x << 4) & 0xf0f0f0f0f0f0f0f0;
        x ^= inside;
        *word = x;
        inside = ((x >> 7) & 0x0101010101010101) * 0xff;
      }
    }
    // Bits of cells to take.
    if (mode_ == CellMode::kIntersects) {
      for (std::size_t k = 0; k < inside_.size(); ++k) inside_[k] |= boundary_[k];
    } else if (mode_ == CellMode::kContains) {
      for (std::size_t k = 0; k < inside_.size(); ++k) inside_[k] &= ~boundary_[k];
    }
  }

  // Asks `PolygonRegion` about doubtful cells.
  template <class PlaceOf>
  bool settle(PlaceOf place_of) {
    if (mode_ == CellMode::kCenter) doubtful_.swap(center_doubtful_);
    center_doubtful_.clear();
    const std::int32_t shift = kMaxLevel - level_;
    asked_.clear();
    for (const auto& [i, j] : doubtful_) {
      if (mode_ != CellMode::kCenter && (boundary_[word(i, j)] & bit(i, j)) != 0) continue;
      const std::uint64_t leaf = face_ij_to_cell(face_, static_cast<std::int32_t>((u_.first + i) << shift),
                                                 static_cast<std::int32_t>((v_.first + j) << shift));
      asked_.push_back({cell_parent(leaf, level_), i, j});
    }
    if (asked_.empty()) return true;
    if (only_sure_) return false;
    std::sort(asked_.begin(), asked_.end(), [](const Asked& a, const Asked& b) { return a.cell < b.cell; });
    ask(place_of(), asked_.data(), asked_.data() + asked_.size());
    return true;
  }

  struct Asked {
    std::uint64_t cell;
    int i, j;
  };
  // The place stays as it is.
  void ask(Place place, const Asked* begin, const Asked* end) {
    if (place.level == level_ || !place.met) {
      const bool taken = is_taken(place);
      for (; begin != end; ++begin) {
        std::uint64_t& cells = inside_[word(begin->i, begin->j)];
        cells = taken ? cells | bit(begin->i, begin->j) : cells & ~bit(begin->i, begin->j);
      }
      return;
    }
    Place quarters[4];
    region_.look_into(place, quarters, true);
    for (Place& quarter : quarters) {
      const Asked* middle = begin;
      while (middle != end && middle->cell <= cell_range_max(quarter.cell)) ++middle;
      if (begin != middle) ask(quarter, begin, middle);
      region_.drop(quarter);
      begin = middle;
    }
  }

  // Blocks along the curve, `levels` below the cell; i and j count blocks of the tile.
  void put_blocks(std::uint64_t cell, int orientation, int i, int j, int levels) {
    const int size = 1 << levels;
    if (i + size <= 0 || j + size <= 0 || i >= n_blocks_ || j >= v_.n >> kBlockLevels) return;
    if (levels == 0) {
      put_block(
          cell, orientation,
          inside_[static_cast<std::size_t>(j) * static_cast<std::size_t>(n_blocks_) + static_cast<std::size_t>(i)]);
      return;
    }
    for (int k = 0; k < 4; ++k) {
      const int ij = kPositionToIJ[orientation][k], half = size >> 1;
      put_blocks(cell_child(cell, k), orientation ^ kPositionToOrientation[k], i + (ij >> 1) * half,
                 j + (ij & 1) * half, levels - 1);
    }
  }

  void put_block(std::uint64_t block, int orientation, std::uint64_t taken) {
    if (taken == 0) return;
    if (taken == ~std::uint64_t{0}) {
      put_all(block);
      return;
    }
    const int n = std::popcount(taken);
    if (!has_room(n)) return;
    std::uint64_t ordered = 0;
    for (; taken != 0; taken &= taken - 1) {
      ordered |= std::uint64_t{1} << internal::kBlockOrder[orientation][std::countr_zero(taken)];
    }
    const std::uint64_t step = 2 * level_bit(level_), first = block - lowest_bit(block) + level_bit(level_);
    cells_->resize(cells_->size() + static_cast<std::size_t>(n));
    std::uint64_t* out = cells_->data() + cells_->size() - n;
    for (; ordered != 0; ordered &= ordered - 1) {
      *out++ = first + step * static_cast<std::uint64_t>(std::countr_zero(ordered));
    }
  }

  const Polygon& polygon_;
  const FaceEdges& edges_;
  PolygonRegion region_;
  std::int32_t level_;
  CellMode mode_;
  std::int64_t limit_;
  Interrupted interrupted_;
  CoverStatus status_ = CoverStatus::kOk;
  bool only_sure_ = false;
  std::uint32_t steps_ = 0;
  std::vector<std::uint64_t>* cells_ = nullptr;

  // The tile.
  int face_ = 0, n_blocks_ = 0;
  internal::Axis u_, v_;
  double reference_u_ = 0;  // rows begin here
  std::vector<std::uint64_t> boundary_, inside_, rows_inside_;
  std::vector<Spot> spots_;
  std::vector<std::pair<int, int>> doubtful_, center_doubtful_;
  std::vector<Asked> asked_;
};

// Google's covering of a polygon. With one level only, it is all cells of that level that meet the polygon, or lie
// within it as long as these are not too many.
template <class Interrupted>
CoverStatus cover_polygon(const Polygon& polygon, const CoverOptions& options, std::int64_t limit,
                          std::int64_t candidate_limit, Interrupted interrupted, std::vector<std::uint64_t>& cells) {
  if (options.is_one_level()) {
    const CellMode mode = options.interior ? CellMode::kContains : CellMode::kIntersects;
    const std::int64_t most = options.interior ? std::min(limit, options.max_cells) : limit;
    cells.clear();
    const CoverStatus status = LevelCells(polygon, options.min_level, mode, most, interrupted).run(cells);
    if (status != CoverStatus::kTooManyCells || most == limit) return status;
  }
  PolygonRegion region(polygon);
  return Coverer(region, options, limit, candidate_limit, interrupted).run(cells);
}

}  // namespace cellwise
