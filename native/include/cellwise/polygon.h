// Polygons and polylines whose edges are geodesics: orientation, area, membership, and the tests that a covering needs.
//
// A ring divides the sphere in two, and which side is meant has to be settled first. From then on every ring runs with
// the interior on its left: shells counter-clockwise, holes clockwise, as Google's S2Polygon has them, because the
// direction of an edge decides the last bits of its tests.

#pragma once

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cellwise/predicates.h"
#include "cellwise/projection.h"
#include "cellwise/regions.h"
#include "cellwise/shape_index.h"

namespace cellwise {

namespace internal {

// Sum with the roundings of all additions kept (Neumaier).
class LongSum {
 public:
  void add(double x) noexcept {
    const double next = sum_ + x;
    lost_ += std::fabs(sum_) >= std::fabs(x) ? (sum_ - next) + x : (x - next) + sum_;
    sum_ = next;
  }
  double value() const noexcept { return sum_ + lost_; }

 private:
  double sum_ = 0, lost_ = 0;
};

// Change of direction at b, counter-clockwise positive, in -pi..pi.
inline double turn_angle(const Point& a, const Point& b, const Point& c) noexcept {
  const Point in = robust_cross(a, b), out = robust_cross(b, c);
  const Point both = cross(in, out);
  const double angle = std::atan2(std::sqrt(dot(both, both)), dot(in, out));
  return turn(a, b, c) > 0 ? angle : -angle;
}

// Signed solid angle of a triangle.
// REQUIRES: b and c lie within a right angle of a.
inline double triangle_area(const Point& a, const Point& b, const Point& c) noexcept {
  return 2 * std::atan2(dot(a, cross(b - a, c - a)), 1 + dot(a, b) + dot(b, c) + dot(c, a));
}

}  // namespace internal

using Ring = std::span<const Point>;

// 2 pi minus the area on the ring's left: the sum of all turns. Max error: 11.25 * DBL_EPSILON a vertex.
// REQUIRES: three or more vertices, neighbours differ.
inline double ring_curvature(Ring ring) noexcept {
  internal::LongSum sum;
  const std::size_t n = ring.size();
  for (std::size_t k = 0; k < n; ++k) sum.add(internal::turn_angle(ring[(k + n - 1) % n], ring[k], ring[(k + 1) % n]));
  return std::clamp(sum.value(), -2 * kPi, 2 * kPi);
}

// True if all vertices lie less than a right angle, with much to spare, from the first: then so do all edges, and the
// ring's smaller side lies there too.
inline bool ring_is_local(Ring ring) noexcept {
  return std::all_of(ring.begin(), ring.end(), [&](const Point& p) { return dot(ring[0], p) > 0.5; });
}

// Whether the side on the ring's left contains p. Exact; vertices are semi-open.
// REQUIRES: three or more vertices, neighbours differ.
inline bool ring_left_contains(Ring ring, const Point& p) noexcept {
  const std::size_t n = ring.size();
  bool inside = corner_contains_vertex(ring[n - 1], ring[0], ring[1]);
  if (ring[0] == p) return inside;
  const EdgeCrosser crosser(ring[0], p);
  for (std::size_t k = 0; k < n; ++k) inside ^= crosser.crosses(ring[k], ring[k + 1 == n ? 0 : k + 1]);
  return inside;
}

// A point that no covering has anything to do with; Google counts crossings from here.
inline constexpr Point kOrigin = {-0.0099994664350250197, 0.0025924542609324121, 0.99994664350250195};

// Whether the ring's left is its smaller side. A ring that halves the sphere but for roundings gets the side without
// `kOrigin`, so that the answer does not depend on its direction.
// REQUIRES: three or more vertices, neighbours differ.
inline bool ring_left_is_smaller(Ring ring) noexcept {
  if (ring_is_local(ring)) {
    // Straight through the centre and a little aside, so that no edge of the test has opposite ends.
    const Point aside = reference_direction(ring[0]);
    Point far;
    for (int k = 0; k < 3; ++k) far[k] = 0.25 * aside[k] - ring[0][k];
    return !ring_left_contains(ring, normalize(far));
  }
  const double curvature = ring_curvature(ring);
  const double error = 11.25 * DBL_EPSILON * static_cast<double>(ring.size());
  if (std::fabs(curvature) <= error) return !ring_left_contains(ring, kOrigin);
  return curvature > 0;
}

// Solid angle on the ring's left; with `hole`, minus what is on its right, so that small holes keep their digits.
// REQUIRES: three or more vertices, neighbours differ; `left_is_smaller` is known.
// Max error: 1e-15 a vertex of the area of the ring's triangles for local rings, 2.5e-15 sr a vertex for others.
inline double ring_area(Ring ring, bool left_is_smaller, bool hole) noexcept {
  if (!ring_is_local(ring)) return (hole ? -2 : 2) * kPi - ring_curvature(ring);
  internal::LongSum sum;
  for (std::size_t k = 1; k + 1 < ring.size(); ++k) sum.add(internal::triangle_area(ring[0], ring[k], ring[k + 1]));
  if (left_is_smaller) return std::max(0.0, sum.value()) - (hole ? 4 * kPi : 0);
  return std::min(0.0, sum.value()) + (hole ? 0 : 4 * kPi);
}

// What is wrong with a ring, or a pair of rings, and near which vertex.
enum class RingFault : std::uint8_t {
  kNone,
  kFewVertices,
  kOppositeNeighbours,
  kCrossesItself,
  kTouchesItself,
  kRepeatsEdge,
  kCrossesRing,
  kSharesEdge,
  kWrongNesting
};

struct Finding {
  RingFault fault = RingFault::kNone;
  std::uint32_t ring = 0, other_ring = 0;
  Point where{};
};

class Polygon {
 public:
  // `points`: the rings' vertices one after another, ring k from offsets[k] to offsets[k + 1]; closing and repeated
  // vertices are dropped. `shell_of[k]`: the ring of the shell that ring k is a hole of, or k for a shell.
  // A shell means its smaller side, or with `oriented` the side on its left. A hole takes the side away on which its
  // shell does not lie, whatever its direction.
  Polygon(const std::vector<Point>& points, const std::vector<std::uint32_t>& offsets,
          const std::vector<std::uint32_t>& shell_of, bool oriented) {
    keep_different(points, offsets);
    const auto n = static_cast<std::uint32_t>(shell_of.size());
    for (std::uint32_t k = 0; k < n && finding_.fault == RingFault::kNone; ++k) finding_ = look_at(k);
    if (finding_.fault != RingFault::kNone) return;
    bool start_inside = false;
    const Point start = ShapeIndex::start_of_curve();
    internal::LongSum area;
    for (std::uint32_t k = 0; k < n; ++k) {
      const bool is_hole = shell_of[k] != k;
      bool smaller = ring_left_is_smaller(ring(k));
      const bool keep = is_hole ? ring_left_contains(ring(k), vertex_apart(shell_of[k], k)) : oriented || smaller;
      if (!keep) {
        std::reverse(points_.begin() + offsets_[k], points_.begin() + offsets_[k + 1]);
        smaller = !smaller;
      }
      start_inside ^= ring_left_contains(ring(k), start) != is_hole;
      area.add(ring_area(ring(k), smaller, is_hole));
    }
    area_ = std::clamp(area.value(), 0.0, 4 * kPi);
    std::vector<ShapeIndex::Edge> edges;
    edges.reserve(points_.size());
    for (std::uint32_t e = 0, k = 0; e < points_.size(); ++e) {
      if (e == offsets_[k + 1]) ++k;
      edges.push_back({points_[e], points_[e + 1 == offsets_[k + 1] ? offsets_[k] : e + 1]});
    }
    index_ = ShapeIndex(std::move(edges), start_inside);
  }

  // The first fault, if any. Looks at all pairs of edges that share a cell of the index; `interrupted` is asked now and
  // then whether to stop.
  template <class Interrupted>
  Finding find_fault(Interrupted interrupted, bool& stopped) const {
    stopped = false;
    if (finding_.fault != RingFault::kNone) return finding_;
    std::size_t n_pairs = 0;
    for (const ShapeIndex::Cell& cell : index_.cells()) {
      const auto entries = index_.entries(cell);
      for (std::size_t a = 0; a < entries.size(); ++a) {
        if ((n_pairs += entries.size() - a) > std::size_t{1} << 24) {
          n_pairs = 0;
          if ((stopped = interrupted())) return {};
        }
        const std::uint32_t e = index_.face_edge(entries[a]).edge;
        const EdgeCrosser crosser(index_.edges()[e].a, index_.edges()[e].b);
        for (std::size_t b = a + 1; b < entries.size(); ++b) {
          const std::uint32_t f = index_.face_edge(entries[b]).edge;
          const ShapeIndex::Edge& other = index_.edges()[f];
          const int crossing = crosser.crossing(other.a, other.b);
          if (crossing < 0) continue;
          const Finding found = judge(e, f, crossing);
          if (found.fault != RingFault::kNone) return found;
        }
      }
    }
    return wrong_nesting();
  }

  const ShapeIndex& index() const noexcept { return index_; }
  double area() const noexcept { return area_; }
  bool contains(const Point& p) const noexcept { return index_.contains(p); }

 private:
  void keep_different(const std::vector<Point>& points, const std::vector<std::uint32_t>& offsets) {
    points_.reserve(points.size());
    offsets_.assign(1, 0);
    for (std::size_t k = 0; k + 1 < offsets.size(); ++k) {
      const std::size_t first = points_.size();
      for (std::uint32_t v = offsets[k]; v < offsets[k + 1]; ++v) {
        if (points_.size() == first || points_.back() != points[v]) points_.push_back(points[v]);
      }
      while (points_.size() > first + 1 && points_.back() == points_[first]) points_.pop_back();
      offsets_.push_back(static_cast<std::uint32_t>(points_.size()));
    }
  }

  Ring ring(std::uint32_t k) const noexcept { return {points_.data() + offsets_[k], offsets_[k + 1] - offsets_[k]}; }
  std::uint32_t ring_of(std::uint32_t edge) const noexcept {
    return static_cast<std::uint32_t>(std::upper_bound(offsets_.begin(), offsets_.end(), edge) - offsets_.begin()) - 1;
  }

  Finding look_at(std::uint32_t k) const noexcept {
    const Ring r = ring(k);
    if (r.size() < 3) return {RingFault::kFewVertices, k, k, {}};
    for (std::size_t v = 0; v < r.size(); ++v) {
      if (r[v] == -r[v + 1 == r.size() ? 0 : v + 1]) return {RingFault::kOppositeNeighbours, k, k, r[v]};
    }
    return {};
  }

  // A vertex of ring `from` that is none of ring `k`, if there is one.
  const Point& vertex_apart(std::uint32_t from, std::uint32_t k) const noexcept {
    const Ring candidates = ring(from), other = ring(k);
    const auto apart = std::find_if(candidates.begin(), candidates.end(), [&](const Point& p) {
      return std::find(other.begin(), other.end(), p) == other.end();
    });
    return apart == candidates.end() ? candidates[0] : *apart;
  }

  // Of two edges that cross or share a vertex.
  Finding judge(std::uint32_t e, std::uint32_t f, int crossing) const noexcept {
    const std::uint32_t r = ring_of(e), s = ring_of(f);
    const ShapeIndex::Edge &p = index_.edges()[e], &q = index_.edges()[f];
    if (crossing > 0) return {r == s ? RingFault::kCrossesItself : RingFault::kCrossesRing, r, s, p.a};
    if ((p.a == q.a && p.b == q.b) || (p.a == q.b && p.b == q.a)) {
      return {r == s ? RingFault::kRepeatsEdge : RingFault::kSharesEdge, r, s, p.a};
    }
    const auto next = [&](std::uint32_t edge) { return edge + 1 == offsets_[r + 1] ? offsets_[r] : edge + 1; };
    if (r == s && next(e) != f && next(f) != e) {
      return {RingFault::kTouchesItself, r, s, p.a == q.a || p.a == q.b ? p.a : p.b};
    }
    return {};
  }

  // Each ring must have the interior on its left: else a hole lies outside its shell, or a shell within another.
  Finding wrong_nesting() const noexcept {
    if (offsets_.size() <= 2) return {};
    for (std::uint32_t k = 0; k + 1 < offsets_.size(); ++k) {
      const Ring r = ring(k);
      for (std::size_t v = 0; v < r.size(); ++v) {
        if (is_shared(r[v])) continue;
        const Point &before = r[v == 0 ? r.size() - 1 : v - 1], &after = r[v + 1 == r.size() ? 0 : v + 1];
        if (contains(r[v]) == corner_contains_vertex(before, r[v], after)) break;
        return {RingFault::kWrongNesting, k, k, r[v]};
      }
    }
    return {};
  }

  // Is the point a vertex of more than one ring?
  bool is_shared(const Point& p) const noexcept {
    const std::size_t at = index_.first_ending_from(point_to_cell(p, kMaxLevel));
    if (at == index_.cells().size()) return false;
    int n = 0;
    for (const std::uint32_t k : index_.entries(index_.cells()[at])) {
      n += index_.edges()[index_.face_edge(k).edge].a == p;
    }
    return n > 1;
  }

  std::vector<Point> points_;
  std::vector<std::uint32_t> offsets_;
  Finding finding_;
  double area_ = 0;
  ShapeIndex index_;
};

// A polygon as the region of one covering. Answers repeat those of Google's S2ShapeIndexRegion.
//
// They come from the edges that meet the parent of the cell asked about: from the cell of the index down, each list is
// picked from the one above, and the lists on the way stay for the cell's siblings, children and theirs. Where a cell
// of the index has many edges (all edges of a star meet in a few cells), lists are also kept by cell, because a
// covering comes back to each cell after having looked at all others of its size.
// REQUIRES: one thread an object; the index outlives it.
class PolygonRegion {
 public:
  explicit PolygonRegion(const ShapeIndex& index) : index_(index) {}

  bool contains(const CellUV& c) const { return ask(c).contained; }
  bool may_intersect(const CellUV& c) const { return ask(c).met; }

  // Of the face or faces that the index's cells lie on, or where that is one, of the children of their common
  // ancestor: the smallest cell each that holds all cells of the index there.
  void cell_union_bound(std::vector<std::uint64_t>& out) const {
    out.clear();
    const auto& cells = index_.cells();
    if (cells.empty()) return;
    const auto span = [&](std::uint64_t a, std::uint64_t b) { out.push_back(a == b ? a : cell_common_ancestor(a, b)); };
    if (cells.size() == 1) {
      out.push_back(cells[0].cell);
      return;
    }
    const std::uint64_t ancestor = cell_common_ancestor(cells.front().cell, cells.back().cell);
    const std::int32_t level = ancestor == 0 ? 0 : cell_level(ancestor) + 1;
    for (std::size_t k = 0; k < cells.size();) {
      const std::size_t first = k;
      const std::uint64_t end = cell_range_max(cell_parent(cells[k].cell, level));
      while (k < cells.size() && cells[k].cell <= end) ++k;
      span(cells[first].cell, cells[k - 1].cell);
    }
  }

 private:
  struct Answer {
    bool met, contained;
  };
  // A cell within a cell of the index, with the edges that meet it. Its centre is looked at only where that matters.
  struct Step {
    std::uint64_t cell = 0;
    std::vector<std::uint32_t> edges;
    Point center;
    bool center_known = false, center_inside = false;
  };

  Answer ask(const CellUV& c) const {
    if (c.cell != last_cell_) {
      last_ = answer(c);
      last_cell_ = c.cell;
    }
    return last_;
  }

  Answer answer(const CellUV& c) const {
    const std::int32_t level = cell_level(c.cell);
    if (level == 0 || !go_to(cell_parent(c.cell, level - 1))) {
      const std::size_t at = index_.first_ending_from(cell_range_min(c.cell));
      const auto& cells = index_.cells();
      if (at == cells.size() || cell_range_min(cells[at].cell) > cell_range_max(c.cell)) return {false, false};
      const ShapeIndex::Cell& found = cells[at];
      if (found.cell != c.cell) return {true, false};  // it is divided further
      return {true, found.begin == found.end && found.center_inside};
    }
    const Step& parent = steps_[depth_ - 1];
    const UVRect rect = expanded(c, kTestMargin);
    for (const std::uint32_t k : parent.edges) {
      const ShapeIndex::FaceEdge& e = index_.face_edge(k);
      if (segment_meets(e.test_a, e.test_b, rect)) return {true, false};
    }
    const bool inside = center_is_inside(depth_ - 1, c.cell);
    return {inside, inside};
  }

  // Makes `cell` the last step, if it is a cell of the index or lies within one.
  bool go_to(std::uint64_t cell) const {
    while (depth_ > 0 && !cell_contains(steps_[depth_ - 1].cell, cell)) --depth_;
    if (depth_ > 0 && steps_[depth_ - 1].cell == cell) return true;
    if (depth_ == 0) {
      const std::size_t at = index_.first_ending_from(cell_range_min(cell));
      if (at == index_.cells().size() || !cell_contains(index_.cells()[at].cell, cell)) return false;
      const ShapeIndex::Cell& found = index_.cells()[at];
      Step& first = push(found.cell);
      for (const std::uint32_t k : index_.entries(found)) {
        if (index_.face_edge(k).is_testable) first.edges.push_back(k);
      }
      first.center = cell_to_point(found.cell);
      first.center_known = true;
      first.center_inside = found.center_inside;
      if (found.cell == cell) return true;
    }
    const bool is_long = steps_[depth_ - 1].edges.size() > kLong;
    if (is_long) {
      // The kept list of the cell, or else of its nearest ancestor that has one.
      const std::uint64_t top = steps_[depth_ - 1].cell;
      for (std::uint64_t at = cell; at != top; at = cell_parent(at, cell_level(at) - 1)) {
        const auto kept = kept_.find(at);
        if (kept == kept_.end()) continue;
        push(at).edges = kept->second;
        if (at == cell) return true;
        break;
      }
    }
    const CellUV c = cell_uv(cell);
    const UVRect rect = expanded(c, kTestMargin);
    Step& last = push(cell);
    for (const std::uint32_t k : steps_[depth_ - 2].edges) {
      const ShapeIndex::FaceEdge& e = index_.face_edge(k);
      if (segment_meets(e.test_a, e.test_b, rect)) last.edges.push_back(k);
    }
    if (is_long) keep(last);
    return true;
  }

  Step& push(std::uint64_t cell) const {
    Step& step = steps_[depth_++];
    step.cell = cell;
    step.edges.clear();
    step.center_known = false;
    return step;
  }

  void keep(const Step& step) const {
    constexpr std::size_t kMost = std::size_t{1} << 24;
    n_kept_ += step.edges.size() + 16;
    if (n_kept_ > kMost) {
      kept_.clear();
      n_kept_ = step.edges.size() + 16;
    }
    kept_.emplace(step.cell, step.edges);
  }

  // Whether the polygon contains the centre of a cell within the step's: from one centre to the other the way lies
  // within the step's cell, so that only its edges can be crossed.
  bool center_is_inside(int step, std::uint64_t cell) const {
    Step& from = steps_[step];
    if (!from.center_known) {
      from.center_inside = center_is_inside(step - 1, from.cell);
      from.center_known = true;
      if (!from.edges.empty()) from.center = cell_to_point(from.cell);
    }
    if (from.edges.empty()) return from.center_inside;
    return from.center_inside != index_.crossed_oddly(from.center, cell_to_point(cell), from.edges);
  }

  static constexpr double kTestMargin = kFaceClipError + kSegmentMeetsError;
  static constexpr std::size_t kLong = 32;

  const ShapeIndex& index_;
  mutable std::array<Step, kMaxLevel + 1> steps_;
  mutable int depth_ = 0;
  mutable std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> kept_;
  mutable std::size_t n_kept_ = 0;
  mutable std::uint64_t last_cell_ = 0;
  mutable Answer last_{};
};

namespace internal {

inline LngInterval united(const LngInterval& x, const LngInterval& y) noexcept {
  const auto holds = [](const LngInterval& i, double p) {
    return i.is_inverted() ? (p >= i.lo || p <= i.hi) && !i.is_empty() : p >= i.lo && p <= i.hi;
  };
  const auto way = [](double a, double b) { return b - a >= 0 ? b - a : (b + kPi) - (a - kPi); };
  if (y.is_empty()) return x;
  if (holds(x, y.lo)) {
    if (holds(x, y.hi)) return x.contains(y) ? x : LngInterval::full();
    return {x.lo, y.hi};
  }
  if (holds(x, y.hi)) return {y.lo, x.hi};
  if (x.is_empty() || holds(y, x.lo)) return y;
  return way(y.hi, x.lo) < way(x.hi, y.lo) ? LngInterval{y.lo, x.hi} : LngInterval{x.lo, y.hi};
}

}  // namespace internal

// Bounds of a chain of geodesics, roundings included: as Google's S2LatLngRectBounder has them.
inline Rect chain_bounds(std::span<const Point> points) noexcept {
  Rect bound = {{1, 0}, LngInterval::empty()};
  const auto add = [&](const LatInterval& lat, const LngInterval& lng) {
    const LatInterval both = {std::min(bound.lat.lo, lat.lo), std::max(bound.lat.hi, lat.hi)};
    bound.lat = bound.lat.is_empty() ? lat : both;
    bound.lng = internal::united(bound.lng, lng);
  };
  for (std::size_t k = 0; k < points.size(); ++k) {
    const Point& b = points[k];
    const double b_lat = point_lat(b);
    double b_lng = point_lng(b);
    if (k == 0) {
      if (b_lng == -kPi) b_lng = kPi;
      add({b_lat, b_lat}, {b_lng, b_lng});
      continue;
    }
    const Point& a = points[k - 1];
    const Point normal = cross(a - b, a + b);
    const double size = std::sqrt(dot(normal, normal));
    LatInterval lat = {std::min(point_lat(a), b_lat), std::max(point_lat(a), b_lat)};
    LngInterval lng = LngInterval::between(point_lng(a), b_lng);
    if (size < 1.91346e-15) {  // the ends are nearly equal or nearly opposite
      if (dot(a, b) < 0) {
        bound = {{-kHalfPi, kHalfPi}, LngInterval::full()};
      } else {
        add(lat, lng);
      }
      continue;
    }
    if (lng.length() >= kPi - 2 * DBL_EPSILON) lng = LngInterval::full();
    // The highest and lowest latitudes of the great circle lie on the plane through its normal and the axis; m is a
    // normal of that plane.
    const Point m = cross(normal, {0, 0, 1});
    const double m_a = dot(m, a), m_b = dot(m, b);
    const double error = 6.06638e-16 * size + 6.83174e-31;
    if (m_a * m_b < 0 || std::fabs(m_a) <= error || std::fabs(m_b) <= error) {
      const double across = std::sqrt(normal[0] * normal[0] + normal[1] * normal[1]);
      const double max_lat = std::min(std::atan2(across, std::fabs(normal[2])) + 3 * DBL_EPSILON, kHalfPi);
      const Point d = a - b;
      const double reach_z = 0.5 * std::sqrt(dot(d, d)) * std::sin(max_lat);
      const double reach = 2 * std::asin(std::min((1 + 4 * DBL_EPSILON) * reach_z, 1.0));
      const double beyond = 0.5 * (reach - (lat.hi - lat.lo)) + DBL_EPSILON;
      if (m_a <= error && m_b >= -error) lat.hi = std::min(max_lat, lat.hi + beyond);
      if (m_b <= error && m_a >= -error) lat.lo = std::max(-max_lat, lat.lo - beyond);
    }
    add(lat, lng);
  }
  if (bound.lat.is_empty()) return bound;
  bound.lat = {std::max(bound.lat.lo - 2 * DBL_EPSILON, -kHalfPi), std::min(bound.lat.hi + 2 * DBL_EPSILON, kHalfPi)};
  bound.lng = bound.lng.expanded(0);
  if (bound.lat.lo == -kHalfPi || bound.lat.hi == kHalfPi) bound.lng = LngInterval::full();
  return bound;
}

// A polyline as a region: a cell meets it if it contains a vertex, roundings included, or an edge of one crosses an
// edge of the other. No cell lies within it.
// REQUIRES: neighbours differ and are not opposite.
class PolylineRegion {
 public:
  explicit PolylineRegion(std::span<const Point> points) : points_(points) {}

  bool contains(const CellUV&) const noexcept { return false; }

  bool may_intersect(const CellUV& c) const noexcept {
    for (const Point& p : points_) {
      if (holds(c, p)) return true;
    }
    Point corners[4];
    for (int k = 0; k < 4; ++k) corners[k] = cell_uv_vertex(c, k);
    for (int k = 0; k < 4; ++k) {
      const EdgeCrosser crosser(corners[k], corners[(k + 1) & 3]);
      for (std::size_t v = 1; v < points_.size(); ++v) {
        if (crosser.crossing(points_[v - 1], points_[v]) >= 0) return true;
      }
    }
    return false;
  }

  void cell_union_bound(std::vector<std::uint64_t>& cells) const { chain_bounds(points_).cell_union_bound(cells); }

 private:
  static bool holds(const CellUV& c, const Point& p) noexcept {
    if (c.face < 3 ? p[c.face] <= 0 : p[c.face - 3] >= 0) return false;
    const FaceUV at = xyz_to_given_face_uv(c.face, p);
    const UVRect rect = expanded(c, (5 / 3.) * DBL_EPSILON);
    return rect.u.contains(at.u) && rect.v.contains(at.v);
  }

  std::span<const Point> points_;
};

}  // namespace cellwise
