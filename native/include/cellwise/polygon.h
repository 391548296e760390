// Polygons and polylines whose edges are geodesics: orientation, area, membership, and the tests that a covering needs.
//
// A ring divides the sphere in two, and which side is meant has to be settled first. From then on every ring runs with
// the interior on its left: shells counter-clockwise, holes clockwise, as Google's S2Polygon has them, because the
// direction of an edge decides the last bits of its tests.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
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

// Room for many short lists that come and go.
class ListPool {
 public:
  // Lists of class k have room for 16 * 2^k bytes.
  static int class_of(std::size_t bytes) noexcept { return std::bit_width((std::max(bytes, std::size_t{1}) - 1) >> 4); }

  void* take(int size_class) {
    if (Free*& first = free_[size_class]; first != nullptr) {
      void* found = first;
      first = first->next;
      return found;
    }
    const std::size_t size = std::size_t{16} << size_class;
    if (size > left_) {
      const std::size_t chunk = std::max(size, next_chunk_);
      next_chunk_ = std::min(2 * next_chunk_, std::size_t{1} << 20);
      chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk));
      top_ = chunks_.back().get();
      left_ = chunk;
    }
    void* made = top_;
    top_ += size;
    left_ -= size;
    return made;
  }
  // REQUIRES: `list` was taken as one of the class.
  void give(void* list, int size_class) noexcept {
    free_[size_class] = new (list) Free{free_[size_class]};
  }

 private:
  struct Free {
    Free* next;
  };
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::array<Free*, 60> free_{};
  std::byte* top_ = nullptr;
  std::size_t left_ = 0, next_chunk_ = 2048;
};

// Boxes around edges, around each eight that follow each other, around eight of these, and so on: edges that are close
// along a ring are close.
class EdgeBoxes {
 public:
  explicit EdgeBoxes(const FaceEdges& edges) {
    std::vector<Box> boxes;
    edges.for_each_edge([&](std::uint32_t e) {
      const Point &a = edges.start(e), &b = edges.end(e);
      // The arc rises above its chord by up to a quarter of the square of its length.
      const Point d = a - b;
      const double margin = dot(d, d) / 4 + 4 * DBL_EPSILON;
      Box box;
      for (int k = 0; k < 3; ++k) {
        box.lo[k] = std::min(a[k], b[k]) - margin;
        box.hi[k] = std::max(a[k], b[k]) + margin;
      }
      boxes.push_back(box);
      numbers_.push_back(e);
    });
    levels_.push_back(std::move(boxes));
    while (levels_.back().size() > kFan) {
      const std::vector<Box>& below = levels_.back();
      std::vector<Box> above((below.size() + kFan - 1) / kFan);
      for (std::size_t k = 0; k < below.size(); ++k) {
        Box& box = above[k / kFan];
        if (k % kFan == 0) box = below[k];
        for (int axis = 0; axis < 3; ++axis) {
          box.lo[axis] = std::min(box.lo[axis], below[k].lo[axis]);
          box.hi[axis] = std::max(box.hi[axis], below[k].hi[axis]);
        }
      }
      levels_.push_back(std::move(above));
    }
  }

  // Visits all pairs of edges whose boxes meet. False if `interrupted` said to stop.
  template <class Visit, class Interrupted>
  bool for_each_close_pair(Visit visit, Interrupted interrupted) {
    join(levels_.size(), 0, 0, visit, interrupted);
    return !stopped_;
  }

 private:
  static constexpr std::size_t kFan = 8;
  struct Box {
    std::array<double, 3> lo, hi;
    bool meets(const Box& other) const noexcept {
      return (lo[0] <= other.hi[0]) & (other.lo[0] <= hi[0]) & (lo[1] <= other.hi[1]) & (other.lo[1] <= hi[1]) &
             (lo[2] <= other.hi[2]) & (other.lo[2] <= hi[2]);
    }
  };

  // Pairs of one box below `a` and one below `b`, each once. Boxes of `level` lie below those of `level + 1`.
  template <class Visit, class Interrupted>
  void join(std::size_t level, std::size_t a, std::size_t b, Visit& visit, Interrupted& interrupted) {
    if ((++steps_ & 0xffff) == 0) stopped_ = stopped_ || interrupted();
    if (stopped_) return;
    --level;
    const std::vector<Box>& boxes = levels_[level];
    const std::size_t a_end = std::min(kFan * (a + 1), boxes.size()), b_end = std::min(kFan * (b + 1), boxes.size());
    for (std::size_t i = kFan * a; i < a_end; ++i) {
      if (a != b && !boxes[i].meets(levels_[level + 1][b])) continue;
      if (a == b && level > 0) join(level, i, i, visit, interrupted);
      for (std::size_t j = a == b ? i + 1 : kFan * b; j < b_end; ++j) {
        if (!boxes[i].meets(boxes[j])) continue;
        if (level > 0) {
          join(level, i, j, visit, interrupted);
        } else {
          visit(numbers_[i], numbers_[j]);
        }
      }
    }
  }

  std::vector<std::uint32_t> numbers_;
  std::vector<std::vector<Box>> levels_;
  std::uint32_t steps_ = 0;
  bool stopped_ = false;
};

// Side of the line from x to y on which z lies, left positive; 0 in doubt: coordinates are off by ulps of 1.
inline constexpr double kSideError = 16 * DBL_EPSILON;
inline int clear_side(const UV& x, const UV& y, const UV& z) noexcept {
  const double yu = y.u - x.u, yv = y.v - x.v, zu = z.u - x.u, zv = z.v - x.v;
  const double error = kSideError * (std::fabs(yu) + std::fabs(yv) + std::fabs(zu) + std::fabs(zv));
  const double area = yu * zv - yv * zu;
  return (area > error) - (area < -error);
}

// Whether the way from p to q crosses the edge ab: 1 or 0, or -1 where roundings might decide.
inline int crosses_clearly(const UV& p, const UV& q, const UV& a, const UV& b) noexcept {
  if (std::max(a.u, b.u) < std::min(p.u, q.u) - kSideError || std::min(a.u, b.u) > std::max(p.u, q.u) + kSideError) return 0;
  if (std::max(a.v, b.v) < std::min(p.v, q.v) - kSideError || std::min(a.v, b.v) > std::max(p.v, q.v) + kSideError) return 0;
  const int a_side = clear_side(p, q, a) * clear_side(p, q, b);
  if (a_side > 0) return 0;
  const int p_side = clear_side(a, b, p) * clear_side(a, b, q);
  if (p_side > 0) return 0;
  return a_side < 0 && p_side < 0 ? 1 : -1;
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
  Polygon(std::span<const Point> points, std::span<const std::uint32_t> offsets, std::span<const std::uint32_t> shell_of,
          bool oriented) {
    std::vector<Point> kept;
    std::vector<std::uint32_t> begins;
    keep_different(points, offsets, kept, begins);
    std::vector<FaceEdges::Vertex> vertices(kept.size());
    for (std::size_t v = 0; v < kept.size(); ++v) vertices[v] = FaceEdges::vertex(kept[v]);
    const auto ring = [&](std::uint32_t k) { return Ring{kept.data() + begins[k], begins[k + 1] - begins[k] - 1}; };
    const auto n = static_cast<std::uint32_t>(shell_of.size());
    for (std::uint32_t k = 0; k < n; ++k) {
      finding_ = look_at(ring(k), k);
      if (finding_.fault != RingFault::kNone) return;
    }
    const Point start = start_of_curve();
    rings_.reserve(n);
    for (std::uint32_t k = 0; k < n; ++k) {
      const bool is_hole = shell_of[k] != k;
      const auto begin = begins[k], end = begins[k + 1] - 1;
      // Of a ring within one face, the smaller side is the one without the rest of the sphere.
      double plane_area = 4 * kPi;
      const int side = left_within_face({vertices.data() + begin, end - begin}, plane_area);
      bool smaller = side != 0 ? side > 0 : ring_left_is_smaller(ring(k));
      const bool keep = is_hole ? ring_left_contains(ring(k), vertex_apart(ring(shell_of[k]), ring(k))) : oriented || smaller;
      if (!keep) {
        std::reverse(kept.begin() + begin, kept.begin() + end);
        std::reverse(vertices.begin() + begin, vertices.begin() + end);
        kept[end] = kept[begin];
        vertices[end] = vertices[begin];
        smaller = !smaller;
      }
      start_inside_ ^= (side != 0 ? !smaller : ring_left_contains(ring(k), start)) != is_hole;
      rings_.push_back({smaller, is_hole, !keep, smaller ? plane_area : 4 * kPi});
    }
    edges_ = FaceEdges(std::move(kept), std::move(vertices), std::move(begins));
  }

  // A fault, if there is any: of those between two edges the first, by the vertices' order as given. `interrupted` is
  // asked now and then whether to stop.
  template <class Interrupted>
  Finding find_fault(Interrupted interrupted, bool& stopped) const {
    stopped = false;
    if (finding_.fault != RingFault::kNone) return finding_;
    std::array<std::uint32_t, 2> first = {~std::uint32_t{0}, ~std::uint32_t{0}};
    Finding found;
    const auto look_at_pair = [&](std::uint32_t e, std::uint32_t f) {
      if (e + 1 == f && edges_.start(e) != edges_.end(f)) return;  // neighbours that do not go back
      const int crossing = EdgeCrosser(edges_.start(e), edges_.end(e)).crossing(edges_.start(f), edges_.end(f));
      if (crossing < 0) return;
      std::array<std::uint32_t, 2> given = {as_given(e), as_given(f)};
      if (given[0] > given[1]) {
        std::swap(e, f);
        std::swap(given[0], given[1]);
      }
      if (given >= first) return;
      const Finding here = judge(e, f, crossing);
      if (here.fault == RingFault::kNone) return;
      first = given;
      found = here;
    };
    stopped = !internal::EdgeBoxes(edges_).for_each_close_pair(look_at_pair, interrupted);
    if (stopped || found.fault != RingFault::kNone) return found;
    return wrong_nesting();
  }

  const FaceEdges& edges() const noexcept { return edges_; }
  // Whether it contains `start_of_curve()`.
  bool start_inside() const noexcept { return start_inside_; }

  double area() const noexcept {
    internal::LongSum area;
    for (std::uint32_t k = 0; k < rings_.size(); ++k) {
      area.add(ring_area(edges_.ring(k), rings_[k].left_is_smaller, rings_[k].is_hole));
    }
    return std::clamp(area.value(), 0.0, 4 * kPi);
  }

  // A bound on the area that costs nothing.
  double area_at_most() const noexcept {
    double area = 0;
    for (const RingSides& ring : rings_) {
      if (!ring.is_hole) area += ring.area_at_most;
    }
    return std::min(area, 4 * kPi);
  }

  bool contains(const Point& p) const { return index().contains(p); }

  // The same without an index, from all edges: for a few points.
  bool contains_by_all(const Point& p) const {
    const FaceEdges::Vertex vertex = FaceEdges::vertex(p);
    const bool is_same_face = edges_.is_within_one_face() && vertex.inner_face >= 0 &&
                              edges_.faces() == 1u << vertex.inner_face;
    // Within one face straight from beyond it, where everything is as at the start of the curve.
    const UV beyond = {-2, vertex.uv.v};
    const Point from = is_same_face ? normalize(face_uv_to_xyz(vertex.inner_face, beyond.u, beyond.v)) : start_of_curve();
    const EdgeCrosser crosser(from, p);
    bool inside = start_inside_;
    edges_.for_each_edge([&](std::uint32_t e) {
      if (is_same_face) {
        const auto [a, b] = edges_.segment(e);
        if (const int crossed = internal::crosses_clearly(beyond, vertex.uv, a, b); crossed >= 0) {
          inside ^= crossed > 0;
          return;
        }
      }
      inside ^= crosser.crosses(edges_.start(e), edges_.end(e));
    });
    return inside;
  }

 private:
  struct RingSides {
    bool left_is_smaller, is_hole, is_reversed;
    double area_at_most;  // of a shell
  };

  // Made when first needed: coverings do without.
  const ShapeIndex& index() const {
    std::call_once(index_once_, [&] { index_ = std::make_unique<ShapeIndex>(edges_, start_inside_); });
    return *index_;
  }

  // Each ring with its first vertex again at its end.
  static void keep_different(std::span<const Point> points, std::span<const std::uint32_t> offsets,
                             std::vector<Point>& kept, std::vector<std::uint32_t>& begins) {
    kept.resize(points.size() + offsets.size());
    begins.reserve(offsets.size());
    begins.push_back(0);
    Point* end = kept.data();
    for (std::size_t k = 0; k + 1 < offsets.size(); ++k) {
      Point* const first = end;
      for (std::uint32_t v = offsets[k]; v < offsets[k + 1]; ++v) {
        if (end == first || end[-1] != points[v]) *end++ = points[v];
      }
      while (end > first + 1 && end[-1] == *first) --end;
      *end = *first;
      begins.push_back(static_cast<std::uint32_t>(++end - kept.data()));
    }
    kept.resize(begins.back());
  }

  static Finding look_at(Ring r, std::uint32_t k) noexcept {
    if (r.size() < 3) return {RingFault::kFewVertices, k, k, {}};
    for (std::size_t v = 0; v < r.size(); ++v) {
      if (r[v] == -r[v + 1 == r.size() ? 0 : v + 1]) return {RingFault::kOppositeNeighbours, k, k, r[v]};
    }
    return {};
  }

  // Of a ring well within one face, 1 if its left side lies there too, -1 if its right does; 0 if that is not clear.
  // `area` becomes that side's in the face's plane, larger than on the sphere.
  static int left_within_face(std::span<const FaceEdges::Vertex> ring, double& area) noexcept {
    const UV first = ring[0].uv;
    double area2 = 0, reach = 0;
    UV before = {0, 0};
    for (const FaceEdges::Vertex& vertex : ring) {
      if (vertex.inner_face < 0 || vertex.inner_face != ring[0].inner_face) return 0;
      const UV here = {vertex.uv.u - first.u, vertex.uv.v - first.v};
      area2 += before.u * here.v - before.v * here.u;
      reach = std::max(reach, std::max(std::fabs(here.u), std::fabs(here.v)));
      before = here;
    }
    // Each vertex is off by an ulp of 1, each term by two of its own.
    const auto n = static_cast<double>(ring.size());
    const double error = 8 * DBL_EPSILON * n * reach * (1 + n * reach);
    if (std::fabs(area2) > error) area = 0.5 * (std::fabs(area2) + error);
    return area2 > error ? 1 : area2 < -error ? -1 : 0;
  }

  // A vertex of one ring that is none of the other, if there is one.
  static const Point& vertex_apart(Ring from, Ring other) noexcept {
    const auto apart = std::find_if(from.begin(), from.end(), [&](const Point& p) {
      return std::find(other.begin(), other.end(), p) == other.end();
    });
    return apart == from.end() ? from[0] : *apart;
  }

  // Number of an edge before its ring was reversed, if it was.
  std::uint32_t as_given(std::uint32_t e) const noexcept {
    const std::uint32_t r = edges_.ring_of(e), begin = edges_.ring_begin(r), end = edges_.ring_end(r);
    if (!rings_[r].is_reversed) return e;
    return e + 1 == end ? e : end - 2 - (e - begin);
  }

  // Of two edges that cross or share a vertex; e comes first, as given.
  Finding judge(std::uint32_t e, std::uint32_t f, int crossing) const noexcept {
    const std::uint32_t r = edges_.ring_of(e), s = edges_.ring_of(f);
    const bool is_reversed = rings_[r].is_reversed;
    const Point &a = is_reversed ? edges_.end(e) : edges_.start(e), &b = is_reversed ? edges_.start(e) : edges_.end(e);
    const Point &c = edges_.start(f), &d = edges_.end(f);
    if (crossing > 0) return {r == s ? RingFault::kCrossesItself : RingFault::kCrossesRing, r, s, a};
    if ((a == c && b == d) || (a == d && b == c)) {
      return {r == s ? RingFault::kRepeatsEdge : RingFault::kSharesEdge, r, s, a};
    }
    const auto next = [&](std::uint32_t edge) { return edge + 1 == edges_.ring_end(r) ? edges_.ring_begin(r) : edge + 1; };
    if (r == s && next(e) != f && next(f) != e) return {RingFault::kTouchesItself, r, s, a == c || a == d ? a : b};
    return {};
  }

  // Each ring must have the interior on its left: else a hole lies outside its shell, or a shell within another.
  Finding wrong_nesting() const {
    if (edges_.n_rings() == 1) return {};
    // With few rings, to look at all edges for each of them is less work than an index.
    constexpr std::size_t kFew = 24;
    const bool is_few = edges_.n_rings() <= kFew;
    for (std::uint32_t k = 0; k < edges_.n_rings(); ++k) {
      const Ring r = edges_.ring(k);
      for (std::size_t v = 0; v < r.size(); ++v) {
        if (is_few ? is_shared_by_any(r[v]) : is_shared(r[v])) continue;
        const Point &before = r[v == 0 ? r.size() - 1 : v - 1], &after = r[v + 1 == r.size() ? 0 : v + 1];
        const bool inside = is_few ? contains_by_all(r[v]) : contains(r[v]);
        if (inside == corner_contains_vertex(before, r[v], after)) break;
        return {RingFault::kWrongNesting, k, k, r[v]};
      }
    }
    return {};
  }

  // Is the point a vertex of more than one ring?
  bool is_shared(const Point& p) const {
    const std::size_t at = index().first_ending_from(point_to_cell(p, kMaxLevel));
    if (at == index().cells().size()) return false;
    int n = 0;
    for (const std::uint32_t e : index().entries(index().cells()[at])) n += edges_.start(e) == p;
    return n > 1;
  }
  bool is_shared_by_any(const Point& p) const noexcept {
    int n = 0;
    edges_.for_each_edge([&](std::uint32_t e) { n += edges_.start(e) == p; });
    return n > 1;
  }

  FaceEdges edges_;
  std::vector<RingSides> rings_;
  Finding finding_;
  bool start_inside_ = false;
  mutable std::once_flag index_once_;
  mutable std::unique_ptr<const ShapeIndex> index_;
};

// A polygon as the region of one covering. Answers repeat those of Google's S2ShapeIndexRegion.
//
// A covering goes from cells to their quarters, and so do the edges: each place hands the quarters the edges that meet
// them. Down to the cells of the index, which is divided only where the covering looks, edges are clipped as there;
// from these on, they are tested as Google tests them.
// REQUIRES: one thread an object; the polygon outlives it.
class PolygonRegion {
 public:
  // A cell, and what is known of it. Only `Place{}` is initialised: zeros, and outside.
  struct Place {
    std::uint64_t cell;
    std::int32_t i, j;  // leaf coordinates of its low corner
    std::int8_t level, orientation;
    bool met, contained;
    // Whether the polygon contains its middle, or before `middle_known` the middle of the cell that it is a quarter of.
    bool inside, middle_known;
    bool above_root;        // it holds all edges of its face, and the index starts below
    bool is_index_divided;  // `n` clipped pieces, else numbers of pieces to be tested
    std::int8_t list_class;
    std::uint32_t n;
    FaceEdges::Piece only;  // instead of a list with one number
    void* list;
    double u[2], v[2];
  };

  explicit PolygonRegion(const Polygon& polygon) : polygon_(polygon), edges_(polygon.edges()) {}
  PolygonRegion(const PolygonRegion&) = delete;

  static std::uint64_t cell(const Place& place) noexcept { return place.cell; }
  static bool met(const Place& place) noexcept { return place.met; }
  static bool contained(const Place& place) noexcept { return place.contained; }

  Place at(std::uint64_t cell) {
    const Place found = remembered(face_place(cell_face(cell)), cell);
    return found.cell == cell ? found : plain(internal::PaddedCell::of(cell), found.met);
  }

  // The quarters of a place, in curve order; its list is given back. Without `keep` they will not be split themselves.
  // REQUIRES: place.met; it is no leaf.
  void split(Place& place, Place* quarters, bool keep) {
    if (!take_remembered(place, quarters)) look_into(place, quarters, keep);
    drop(place);
  }

  // `split` that leaves the place its list.
  void look_into(Place& place, Place* quarters, bool keep) {
    const UV mid = middle(place);
    make_quarters(place, mid, quarters);
    if (place.contained) {
      for (int k = 0; k < 4; ++k) quarters[k].met = quarters[k].contained = true;
      return;
    }
    if (place.above_root) {
      const Root& root = roots_[cell_face(place.cell)];
      for (int k = 0; k < 4; ++k) {
        Place& quarter = quarters[k];
        quarter.met = quarter.contained = root.rest_inside;
        if (!cell_contains(quarter.cell, root.place.cell)) continue;
        if (quarter.cell == root.place.cell) {
          quarter = root.place;
        } else {
          quarter.met = quarter.above_root = true;
          quarter.contained = false;
        }
      }
      return;
    }
    if (place.list == nullptr && place.n == 1 && test_only(place, mid, quarters)) return;
    find_middle(place, mid);
    if (place.is_index_divided && !is_index_cell(place)) {
      divide(place, mid, quarters, keep);
    } else {
      test(place, mid, quarters, keep);
    }
  }

  // A whole face, from which `split` leads to all cells.
  Place face_place(int face) {
    const Root& root = root_of(face);
    const std::uint64_t cell = static_cast<std::uint64_t>(face) << 61 | level_bit(0);
    if (root.place.cell == cell) return root.place;
    return root.place.cell != 0 ? above_root(cell) : plain(internal::PaddedCell::of(cell), root.rest_inside);
  }

  static UV middle(const Place& place) noexcept {
    const std::int64_t size = level_size(place.level);
    return {st_to_uv(si_ti_to_st(2 * std::int64_t{place.i} + size)), st_to_uv(si_ti_to_st(2 * std::int64_t{place.j} + size))};
  }

  // Whether the polygon contains the middle of a place.
  bool middle_is_inside(Place& place) {
    if (place.above_root) return roots_[cell_face(place.cell)].rest_inside;
    if (place.n > 0) find_middle(place, middle(place));
    return place.inside || place.contained;
  }

  // Edges that meet a place, and perhaps others.
  template <class Visit>
  static void for_each_piece(const Place& place, Visit visit) {
    if (place.is_index_divided) {
      for (const Clipped& e : list<Clipped>(place)) visit(e.piece);
    } else {
      for (const FaceEdges::Piece piece : numbers(place)) visit(piece);
    }
  }

  // Whether an edge crosses the way from the middle of one cell to that of another; exact.
  bool is_crossed(FaceEdges::Piece piece, const UV& from, const UV& to, std::uint64_t from_cell,
                  std::uint64_t to_cell) const noexcept {
    if (!edges_.is_special(piece)) {
      const auto [a, b] = edges_.segment(piece);
      if (const int clearly = internal::crosses_clearly(from, to, a, b); clearly >= 0) return clearly > 0;
    }
    const std::uint32_t e = edges_.edge_of(piece);
    const Point p = cell_to_point(from_cell), q = cell_to_point(to_cell);
    return EdgeCrosser(p, q).crosses(edges_.start(e), edges_.end(e));
  }

  void drop(Place& place) noexcept {
    if (place.list != nullptr) pool_.give(place.list, place.list_class);
    place.list = nullptr;
  }

  // Of the face or faces that the index's cells lie on, or where that is one, of the children of their common
  // ancestor: the smallest cell each that holds all cells of the index there.
  void cell_union_bound(std::vector<std::uint64_t>& out) {
    out.clear();
    std::array<std::uint64_t, 6> first, last;
    int n_faces = 0, face = 0;
    for (int f = 0; f < 6; ++f) {
      Place place = face_place(f);
      if (!place.met) continue;
      face = f;
      first[f] = end_cell(place, 0);
      last[f] = end_cell(place, 3);
      out.push_back(cell_common_ancestor(first[f], last[f]));
      ++n_faces;
    }
    if (n_faces != 1 || first[face] == last[face]) return;
    const std::uint64_t ancestor = out[0];
    out.clear();
    Place place = remembered(face_place(face), ancestor);
    const Place* quarters = remember(place);
    for (int k = 0; k < 4; ++k) {
      if (!quarters[k].met) continue;
      out.push_back(cell_common_ancestor(end_cell(quarters[k], 0), end_cell(quarters[k], 3)));
    }
  }

 private:
  // Where the edges of a face begin to be divided, if it has any, and what is true of the rest of the face.
  struct Root {
    bool is_made = false, rest_inside = false;
    Place place{};
  };

  static int position_within(std::uint64_t cell, std::int32_t level) noexcept {
    return static_cast<int>(cell >> (2 * (kMaxLevel - level) - 1)) & 3;
  }

  static Place plain(const internal::PaddedCell& at, bool inside) noexcept {
    Place place{};
    place.cell = at.cell;
    place.i = at.i;
    place.j = at.j;
    place.level = static_cast<std::int8_t>(at.level);
    place.orientation = static_cast<std::int8_t>(at.orientation);
    place.met = place.contained = inside;
    const std::int32_t size = level_size(at.level);
    place.u[0] = st_to_uv(ij_to_st_min(at.i));
    place.u[1] = st_to_uv(ij_to_st_min(at.i + size));
    place.v[0] = st_to_uv(ij_to_st_min(at.j));
    place.v[1] = st_to_uv(ij_to_st_min(at.j + size));
    return place;
  }

  static Place above_root(std::uint64_t cell) noexcept {
    Place place = plain(internal::PaddedCell::of(cell), false);
    place.met = place.above_root = true;
    return place;
  }

  const Root& root_of(int face) {
    Root& root = roots_[face];
    if (root.is_made) return root;
    root.is_made = true;
    const std::uint64_t whole = static_cast<std::uint64_t>(face) << 61 | level_bit(0);
    const bool is_only_face = edges_.is_within_one_face();
    if (!(edges_.faces() >> face & 1)) {
      // As on a neighbour without edges, if there is one already.
      for (int other = 0; other < 6; ++other) {
        const bool is_neighbor = other % 3 != face % 3 && roots_[other].is_made && !(edges_.faces() >> other & 1);
        if (is_neighbor) {
          root.rest_inside = roots_[other].rest_inside;
          return root;
        }
      }
      root.rest_inside = is_only_face ? polygon_.start_inside() : polygon_.contains_by_all(cell_to_point(whole));
      return root;
    }
    UVRect bound;
    clipped_.clear();
    IndexSplitter{edges_}.pieces(face, clipped_, bound);
    const std::uint64_t cell = internal::PaddedCell::of(whole).shrunk_to(bound);
    root.place = plain(internal::PaddedCell::of(cell), true);
    root.place.contained = false;
    root.place.is_index_divided = root.place.middle_known = true;
    root.place.inside = polygon_.contains_by_all(cell_to_point(cell));
    set_list(root.place, clipped_.data(), clipped_.size());
    if (is_only_face) {
      root.rest_inside = polygon_.start_inside();
    } else if (cell != whole) {
      root.rest_inside = polygon_.contains_by_all(cell_to_point(cell_child(whole, position_within(cell, 0) ^ 1)));
    }
    return root;
  }

  // First (`end` 0) or last (3) cell of the index within a place that has one.
  std::uint64_t end_cell(Place place, int end) {
    while (!place.contained && (place.above_root || !is_index_cell(place))) {
      if (const Root& root = roots_[cell_face(place.cell)]; place.above_root && !root.rest_inside) {
        place = root.place;
        continue;
      }
      const Place* quarters = remember(place);
      int k = end;
      while (!quarters[k].met) k += end == 0 ? 1 : -1;
      place = quarters[k];
    }
    return place.cell;
  }

  bool take_remembered(const Place& place, Place* quarters) {
    if (!place.is_index_divided && !place.above_root) return false;  // only those are
    const auto known = split_before_.find(place.cell);
    if (known == split_before_.end()) return false;
    std::copy(known->second.begin(), known->second.end(), quarters);
    split_before_.erase(known);
    return true;
  }

  // Quarters of a place that `split` will be asked for again.
  const Place* remember(Place place) {
    auto known = split_before_.find(place.cell);
    if (known == split_before_.end()) {
      std::array<Place, 4> quarters;
      look_into(place, quarters.data(), true);
      known = split_before_.emplace(place.cell, quarters).first;
    }
    return known->second.data();
  }
  // The cell's place, or an ancestor's if that is all inside or all outside.
  Place remembered(Place place, std::uint64_t cell) {
    if (place.above_root) {
      const Place& root = roots_[cell_face(cell)].place;
      if (cell_contains(root.cell, cell)) {
        place = root;
      } else if (cell_contains(cell, root.cell)) {
        place = above_root(cell);
      }
    }
    while (place.cell != cell && place.met && !place.contained) {
      place = remember(place)[position_within(cell, place.level)];
    }
    return place;
  }

  // --- lists ------------------------------------------------------------------------------------------------------

  static std::span<const FaceEdges::Piece> numbers(const Place& place) noexcept {
    if (place.list == nullptr) return {&place.only, place.n};
    return list<FaceEdges::Piece>(place);
  }
  template <class T>
  static std::span<const T> list(const Place& place) noexcept {
    return {static_cast<const T*>(place.list), place.n};
  }
  template <class T>
  void set_list(Place& place, const T* items, std::size_t n) {
    place.n = static_cast<std::uint32_t>(n);
    place.list_class = static_cast<std::int8_t>(internal::ListPool::class_of(n * sizeof(T)));
    place.list = pool_.take(place.list_class);
    std::memcpy(place.list, items, n * sizeof(T));
  }

  // --- quarters ---------------------------------------------------------------------------------------------------

  // Where they lie; nothing else is known yet.
  static void make_quarters(const Place& place, const UV& mid, Place* quarters) noexcept {
    const std::int32_t half = level_size(place.level) >> 1;
    const double u[3] = {place.u[0], mid.u, place.u[1]}, v[3] = {place.v[0], mid.v, place.v[1]};
    for (int k = 0; k < 4; ++k) {
      const int ij = kPositionToIJ[place.orientation][k], upper_i = ij >> 1, upper_j = ij & 1;
      Place& quarter = quarters[k];
      quarter = Place{};
      quarter.cell = cell_child(place.cell, k);
      quarter.i = place.i + upper_i * half;
      quarter.j = place.j + upper_j * half;
      quarter.level = static_cast<std::int8_t>(place.level + 1);
      quarter.orientation = static_cast<std::int8_t>(place.orientation ^ kPositionToOrientation[k]);
      std::copy_n(u + upper_i, 2, quarter.u);
      std::copy_n(v + upper_j, 2, quarter.v);
    }
  }

  // The middle of a place's parent is one of its corners: from there the way to its own middle meets no other edges.
  void find_middle(Place& place, const UV& mid) {
    if (place.middle_known) return;
    place.middle_known = true;
    const std::int32_t size = level_size(place.level);
    const UV corner = {place.u[(place.i & size) == 0], place.v[(place.j & size) == 0]};
    const std::uint64_t parent = cell_parent(place.cell, place.level - 1);
    if (place.is_index_divided) {
      const UVRect way = {{std::min(corner.u, mid.u) - kCellPadding, std::max(corner.u, mid.u) + kCellPadding},
                          {std::min(corner.v, mid.v) - kCellPadding, std::max(corner.v, mid.v) + kCellPadding}};
      for (const Clipped& e : list<Clipped>(place)) {
        const bool is_apart = (e.bound.u.hi < way.u.lo) | (e.bound.u.lo > way.u.hi) | (e.bound.v.hi < way.v.lo) |
                              (e.bound.v.lo > way.v.hi);
        if (!is_apart) place.inside ^= is_crossed(e.piece, corner, mid, parent, place.cell);
      }
    } else {
      for (const FaceEdges::Piece piece : numbers(place)) {
        place.inside ^= is_crossed(piece, corner, mid, parent, place.cell);
      }
    }
  }

  // Is a place of the upper part a cell of the index?
  bool is_index_cell(const Place& place) const {
    if (!place.is_index_divided) return false;
    return IndexSplitter{edges_}.is_fine_enough(place.level, list<Clipped>(place), [&] {
      const auto at = internal::PaddedCell::of(place.cell);
      return polygon_.contains_by_all(at.entry());
    });
  }

  void divide(const Place& place, const UV& mid, Place* quarters, bool keep) {
    struct Run {
      Clipped *begin, *end;
      void push_back(const Clipped& e) noexcept { *end++ = e; }
    };
    if (clipped_.size() < 4 * std::size_t{place.n}) clipped_.resize(4 * std::size_t{place.n});
    std::array<Run, 4> found;
    for (std::size_t k = 0; k < 4; ++k) found[k].begin = found[k].end = clipped_.data() + k * place.n;
    IndexSplitter{edges_}.split(list<Clipped>(place), mid, found);
    for (int k = 0; k < 4; ++k) {
      const auto [begin, end] = found[kPositionToIJ[place.orientation][k]];
      const bool is_empty = begin == end;
      Place& quarter = quarters[k];
      quarter.inside = place.inside;
      quarter.is_index_divided = true;
      quarter.met = !is_empty || place.inside;
      quarter.contained = is_empty && place.inside;
      if (keep && !is_empty) set_list(quarter, begin, static_cast<std::size_t>(end - begin));
    }
  }

  // As `segment_meets`, for all four quarters of a place at once.
  struct QuarterTest {
    Interval u[2], v[2];  // padded sides of the lower and the upper half

    QuarterTest(const Place& place, const UV& mid) noexcept
        : u{{place.u[0] - kTestMargin, mid.u + kTestMargin}, {mid.u - kTestMargin, place.u[1] + kTestMargin}},
          v{{place.v[0] - kTestMargin, mid.v + kTestMargin}, {mid.v - kTestMargin, place.v[1] + kTestMargin}} {}

    // Calls `visit(k, whether the segment meets it)` for the quarters k = 2 * (upper u) + (upper v).
    template <class Visit>
    void operator()(const FaceEdges::Segment& segment, Visit visit) const noexcept {
      const auto& [a, b] = segment;
      const double nu = -(b.v - a.v), nv = b.u - a.u;
      const bool i = nu >= 0, j = nv >= 0;
      bool meets_u[2], meets_v[2];
      double far_u[2], near_u[2], far_v[2], near_v[2];
      for (int k = 0; k < 2; ++k) {
        meets_u[k] = !(std::min(a.u, b.u) > u[k].hi) & !(std::max(a.u, b.u) < u[k].lo);
        meets_v[k] = !(std::min(a.v, b.v) > v[k].hi) & !(std::max(a.v, b.v) < v[k].lo);
        const double lo_u = nu * (u[k].lo - a.u), hi_u = nu * (u[k].hi - a.u);
        const double lo_v = nv * (v[k].lo - a.v), hi_v = nv * (v[k].hi - a.v);
        far_u[k] = i ? hi_u : lo_u;
        near_u[k] = i ? lo_u : hi_u;
        far_v[k] = j ? hi_v : lo_v;
        near_v[k] = j ? lo_v : hi_v;
      }
      for (int k = 0; k < 4; ++k) {
        const int a_half = k >> 1, b_half = k & 1;
        visit(k, meets_u[a_half] & meets_v[b_half] & (far_u[a_half] + far_v[b_half] >= 0) &
                     (near_u[a_half] + near_v[b_half] <= 0));
      }
    }
  };

  void test(const Place& place, const UV& mid, Place* quarters, bool keep) {
    if (tested_.size() < 4 * std::size_t{place.n}) tested_.resize(4 * std::size_t{place.n});
    FaceEdges::Piece* found[4];
    for (std::size_t k = 0; k < 4; ++k) found[k] = tested_.data() + k * place.n;
    std::uint32_t n[4] = {};
    const QuarterTest meets(place, mid);
    const auto test = [&](FaceEdges::Piece piece) {
      meets(edges_.test_segment(piece), [&](int k, bool met) {
        found[k][n[k]] = piece;
        n[k] += met;
      });
    };
    if (place.is_index_divided) {
      for (const Clipped& e : list<Clipped>(place)) {
        if (edges_.is_testable(e.piece)) test(e.piece);
      }
    } else {
      for (const FaceEdges::Piece piece : numbers(place)) test(piece);
    }
    for (int k = 0; k < 4; ++k) {
      const int from = kPositionToIJ[place.orientation][k];
      Place& quarter = quarters[k];
      quarter.inside = place.inside;
      quarter.met = n[from] > 0 || place.inside;
      quarter.contained = n[from] == 0 && place.inside;
      if (n[from] == 1) {
        quarter.n = 1;
        quarter.only = *found[from];
      } else if (keep && n[from] > 1) {
        set_list(quarter, found[from], n[from]);
      }
    }
  }

  // `find_middle` and `test` of a place that one edge meets: it runs right through, and the middle lies inside if it
  // lies to its left. False, and nothing done, where roundings might decide.
  bool test_only(Place& place, const UV& mid, Place* quarters) const noexcept {
    if (edges_.is_special(place.only)) return false;
    const FaceEdges::Segment edge = edges_.segment(place.only);
    const int side = internal::clear_side(edge.a, edge.b, mid);
    if (side == 0) return false;
    place.middle_known = true;
    place.inside = side > 0;
    bool met[4];
    QuarterTest(place, mid)(edge, [&](int k, bool meets) { met[k] = meets; });
    for (int k = 0; k < 4; ++k) {
      const bool own = met[kPositionToIJ[place.orientation][k]];
      Place& quarter = quarters[k];
      quarter.inside = place.inside;
      quarter.met = own || place.inside;
      quarter.contained = !own && place.inside;
      quarter.n = own;
      quarter.only = place.only;
    }
    return true;
  }

  static constexpr double kTestMargin = kFaceClipError + kSegmentMeetsError;

  const Polygon& polygon_;
  const FaceEdges& edges_;
  std::array<Root, 6> roots_;
  internal::ListPool pool_;
  std::vector<Clipped> clipped_;  // room for those of four quarters, and here for what is tested
  std::vector<FaceEdges::Piece> tested_;
  std::unordered_map<std::uint64_t, std::array<Place, 4>> split_before_;
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
