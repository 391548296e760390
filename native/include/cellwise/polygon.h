// Polygons whose edges are geodesics: orientation, area, faults, membership.
//
// A ring divides the sphere in two, so that first of all it must be decided which side is meant. From then on every
// ring has the interior on its left: shells run counter-clockwise and holes clockwise, as in Google's S2Polygon,
// because the direction of an edge influences the last bits of its tests.

#pragma once

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "cellwise/face_edges.h"
#include "cellwise/face_segments.h"
#include "cellwise/parallel.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"
#include "cellwise/regions.h"
#include "cellwise/ring_intersection_filter.h"
#include "cellwise/shape_index.h"

namespace cellwise {

namespace internal {

// Compensated summation: keeps the rounding errors of all additions (Neumaier).
class CompensatedSum {
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

// The change of direction at b, counter-clockwise positive, in -pi..pi.
inline double turn_angle(const Point& a, const Point& b, const Point& c) noexcept {
  const Point in = robust_cross(a, b), out = robust_cross(b, c);
  const Point both = cross(in, out);
  const double angle = std::atan2(std::sqrt(dot(both, both)), dot(in, out));
  return turn(a, b, c) > 0 ? angle : -angle;
}

// The signed solid angle of a triangle.
// REQUIRES: b and c lie within a right angle of a.
inline double triangle_area(const Point& a, const Point& b, const Point& c) noexcept {
  return 2 * std::atan2(dot(a, cross(b - a, c - a)), 1 + dot(a, b) + dot(b, c) + dot(c, a));
}

// A tree of boxes: around each edge, around each eight consecutive edges, around eight of those boxes, and so on. Edges
// that are close along a ring are close in space.
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

  // Visits all pairs of edges whose boxes intersect. Throws Interrupted if the user stops it.
  template <class Visit>
  void for_each_close_pair(Visit visit) {
    join(levels_.size(), 0, 0, visit);
  }

 private:
  static constexpr std::size_t kFan = 8;
  struct Box {
    std::array<double, 3> lo, hi;
    bool intersects(const Box& other) const noexcept {
      return (lo[0] <= other.hi[0]) & (other.lo[0] <= hi[0]) & (lo[1] <= other.hi[1]) & (other.lo[1] <= hi[1]) &
             (lo[2] <= other.hi[2]) & (other.lo[2] <= hi[2]);
    }
  };

  // Visits the pairs of one box below `a` and one below `b`, each pair once. Boxes of `level - 1` lie below those of
  // `level`.
  template <class Visit>
  void join(std::size_t level, std::size_t a, std::size_t b, Visit& visit) {
    if ((++steps_ & 0xffff) == 0) stop_if_interrupted();
    --level;
    const std::vector<Box>& boxes = levels_[level];
    const std::size_t a_end = std::min(kFan * (a + 1), boxes.size()), b_end = std::min(kFan * (b + 1), boxes.size());
    for (std::size_t i = kFan * a; i < a_end; ++i) {
      if (a != b && !boxes[i].intersects(levels_[level + 1][b])) continue;
      if (a == b && level > 0) join(level, i, i, visit);
      for (std::size_t j = a == b ? i + 1 : kFan * b; j < b_end; ++j) {
        if (!boxes[i].intersects(boxes[j])) continue;
        if (level > 0) {
          join(level, i, j, visit);
        } else {
          visit(numbers_[i], numbers_[j]);
        }
      }
    }
  }

  std::vector<std::uint32_t> numbers_;
  std::vector<std::vector<Box>> levels_;
  std::uint32_t steps_ = 0;
};

// Positions on a face, off by up to kUlps ulps of 1, for `RingIntersectionFilter`: what is apart by more than that is
// apart on the sphere.
template <int kUlps>
struct FacePlane {
  using Position = UV;
  static constexpr double kMargin = 4 * kUlps * DBL_EPSILON;

  static double x(const UV& p) noexcept { return p.u; }
  static double y(const UV& p) noexcept { return p.v; }
  static bool same(const UV&, const UV&) noexcept { return false; }  // they may differ on the sphere
  static bool long_enough(double du, double dv) noexcept {
    return std::fabs(du) + std::fabs(dv) > 64 * kUlps * DBL_EPSILON;
  }
  static int side(const UV& a, const UV& b, const UV& c) noexcept {
    return certified_side(a, b, c, kUlps * kSideError);
  }
  static bool continues(const UV& a, const UV& b, const UV& c) noexcept {
    const double au = b.u - a.u, av = b.v - a.v, cu = c.u - b.u, cv = c.v - b.v;
    return au * cu + av * cv > kUlps * kSideError * (std::fabs(au) + std::fabs(av) + std::fabs(cu) + std::fabs(cv));
  }
};

}  // namespace internal

using Ring = std::span<const Point>;

// 2 pi minus the area on the ring's left: the sum of all turns. Max error: 11.25 * DBL_EPSILON a vertex.
// REQUIRES: three or more vertices, neighbours differ.
inline double ring_curvature(Ring ring) noexcept {
  internal::CompensatedSum sum;
  const std::size_t n = ring.size();
  for (std::size_t k = 0; k < n; ++k) sum.add(internal::turn_angle(ring[(k + n - 1) % n], ring[k], ring[(k + 1) % n]));
  return std::clamp(sum.value(), -2 * kPi, 2 * kPi);
}

// True if all vertices are well within a right angle of the first: then so are all edges, and so is the ring's smaller
// side.
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

// The point from which Google counts crossings.
inline constexpr Point kOrigin = {-0.0099994664350250197, 0.0025924542609324121, 0.99994664350250195};

// Whether the ring's left is its smaller side. If both sides are equal up to rounding errors, the one without `kOrigin`
// counts as the smaller one, so that the answer does not depend on the ring's direction.
// REQUIRES: three or more vertices, neighbours differ.
inline bool ring_left_is_smaller(Ring ring) noexcept {
  if (ring_is_local(ring)) {
    // A point almost opposite to the first vertex, but not quite, so that no edge of the test has antipodal ends.
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

// The solid angle on the ring's left; for a hole, minus the one on its right, so that small holes keep their digits.
// REQUIRES: three or more vertices, neighbours differ; `left_is_smaller` is known.
// Max error: 1e-15 a vertex of the area of the ring's triangles for local rings, 2.5e-15 sr a vertex for others.
inline double ring_area(Ring ring, bool left_is_smaller, bool hole) noexcept {
  if (!ring_is_local(ring)) return (hole ? -2 : 2) * kPi - ring_curvature(ring);
  internal::CompensatedSum sum;
  for (std::size_t k = 1; k + 1 < ring.size(); ++k) sum.add(internal::triangle_area(ring[0], ring[k], ring[k + 1]));
  if (left_is_smaller) return std::max(0.0, sum.value()) - (hole ? 4 * kPi : 0);
  return std::min(0.0, sum.value()) + (hole ? 0 : 4 * kPi);
}

// What may be wrong with a ring or a pair of rings, and near which vertex.
enum class RingFault : std::uint8_t {
  kNone,
  kFewVertices,
  kOppositeNeighbors,
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
  // `points`: the vertices of all rings, concatenated: ring k is offsets[k] .. offsets[k + 1] - 1. Closing and repeated
  // vertices are dropped. `shell_of[k]`: the number of the ring of which ring k is a hole, or k if it is a shell.
  // A shell encloses its smaller side, or with `oriented` the side on its left. A hole takes away the side that does
  // not contain its shell, whatever its direction.
  Polygon(std::span<const Point> points, std::span<const std::uint32_t> offsets,
          std::span<const std::uint32_t> shell_of, bool oriented, bool near = false)
      : ulps_(near ? kApproximateUlps : 1) {
    FaceEdges::Vertices vertices(points.size() + offsets.size());
    std::vector<std::uint32_t> begins = {0};
    begins.reserve(offsets.size());
    const auto n = static_cast<std::uint32_t>(shell_of.size());
    std::vector<Outline> outlines(n);
    for (std::uint32_t k = 0; k < n; ++k) {
      outlines[k] = read_ring(points.subspan(offsets[k], offsets[k + 1] - offsets[k]), vertices, begins[k]);
      begins.push_back(begins[k] + outlines[k].size + 1);
    }
    const auto ring = [&](std::uint32_t k) { return Ring{vertices.points.get() + begins[k], outlines[k].size}; };
    for (std::uint32_t k = 0; k < n; ++k) {
      finding_ = vertex_fault(ring(k), k, outlines[k].face >= 0);
      if (finding_.fault != RingFault::kNone) return;
    }
    const Point start = start_of_curve();
    rings_.reserve(n);
    for (std::uint32_t k = 0; k < n; ++k) {
      const bool is_hole = shell_of[k] != k;
      const auto begin = begins[k], end = begins[k + 1] - 1;
      // The smaller side of a ring within one face is the one that lies on the face.
      double plane_area = 4 * kPi;
      const int side = left_within_face(outlines[k], ulps_, plane_area);
      if (near && side == 0) return;
      bool smaller = side != 0 ? side > 0 : ring_left_is_smaller(ring(k));
      const bool keep =
          is_hole ? ring_left_contains(ring(k), vertex_not_in(ring(shell_of[k]), ring(k))) : oriented || smaller;
      if (!keep) {
        vertices.reverse(begin, end);
        vertices.copy(begin, end);
        smaller = !smaller;
      }
      start_inside_ ^= (side != 0 ? !smaller : ring_left_contains(ring(k), start)) != is_hole;
      rings_.push_back({shell_of[k], smaller, is_hole, !keep, smaller ? plane_area : 4 * kPi});
    }
    const bool is_same_face = std::all_of(outlines.begin(), outlines.end(), [&](const Outline& each) {
      return each.face >= 0 && each.face == outlines[0].face;
    });
    const int face = n > 0 && is_same_face ? outlines[0].face : -1;
    edges_ = FaceEdges(std::move(vertices), std::move(begins), face);
  }

  // Whether the polygon is certain to have no fault. Most valid polygons within one face are: their rings do not touch,
  // and holes are in their shells.
  bool is_certified_valid() const {
    if (finding_.fault != RingFault::kNone || edges_.empty() || !edges_.is_within_one_face()) return false;
    return ulps_ == 1 ? has_certified_rings<1>() : has_certified_rings<kApproximateUlps>();
  }

  // A fault, if there is any; of faults between two edges the first one, in the order of the vertices as given. Throws
  // Interrupted if the user stops it.
  Finding find_fault() const {
    if (finding_.fault != RingFault::kNone) return finding_;
    if (is_certified_valid()) return {};
    std::array<std::uint32_t, 2> first = {~std::uint32_t{0}, ~std::uint32_t{0}};
    Finding found;
    const auto check_pair = [&](std::uint32_t e, std::uint32_t f) {
      if (e + 1 == f && edges_.start(e) != edges_.end(f)) return;  // neighbours that do not turn back
      const int crossing = EdgeCrosser(edges_.start(e), edges_.end(e)).crossing(edges_.start(f), edges_.end(f));
      if (crossing < 0) return;
      std::array<std::uint32_t, 2> given = {as_given(e), as_given(f)};
      if (given[0] > given[1]) {
        std::swap(e, f);
        std::swap(given[0], given[1]);
      }
      if (given >= first) return;
      const Finding here = pair_fault(e, f, crossing);
      if (here.fault == RingFault::kNone) return;
      first = given;
      found = here;
    };
    internal::EdgeBoxes(edges_).for_each_close_pair(check_pair);
    if (found.fault != RingFault::kNone) return found;
    return wrong_nesting();
  }

  const FaceEdges& edges() const noexcept { return edges_; }
  // Whether the polygon contains `start_of_curve()`.
  bool start_inside() const noexcept { return start_inside_; }

  double area() const noexcept {
    internal::CompensatedSum area;
    for (std::uint32_t k = 0; k < rings_.size(); ++k) {
      area.add(ring_area(edges_.ring(k), rings_[k].left_is_smaller, rings_[k].is_hole));
    }
    return std::clamp(area.value(), 0.0, 4 * kPi);
  }

  // An upper bound of the area that costs nothing.
  double area_at_most() const noexcept {
    double area = 0;
    for (const RingSides& ring : rings_) {
      if (!ring.is_hole) area += ring.area_at_most;
    }
    return std::min(area, 4 * kPi);
  }

  bool contains(const Point& p) const { return index().contains(p); }

  // The same by all edges, without an index: for a few points.
  bool contains_brute_force(const Point& p) const {
    const FaceEdges::Vertex vertex = FaceEdges::vertex(p);
    const bool is_same_face =
        edges_.is_within_one_face() && vertex.inner_face >= 0 && edges_.faces() == 1u << vertex.inner_face;
    // If all edges lie on the face of p, count crossings from beyond the face, where everything is as at the start of
    // the curve.
    const UV beyond = {-2, vertex.uv.v};
    const Point from =
        is_same_face ? normalize(face_uv_to_xyz(vertex.inner_face, beyond.u, beyond.v)) : start_of_curve();
    const EdgeCrosser crosser(from, p);
    bool inside = start_inside_;
    edges_.for_each_edge([&](std::uint32_t e) {
      if (is_same_face) {
        const auto [a, b] = edges_.segment(e);
        if (const int crossed = internal::bounded_crossing_filter(beyond, vertex.uv, a, b); crossed >= 0) {
          inside ^= crossed > 0;
          return;
        }
      }
      inside ^= crosser.crosses(edges_.start(e), edges_.end(e));
    });
    return inside;
  }

 private:
  // Coordinates of `approximate_point` and `latlng_to_point` differ by up to six ulps; on a face, those are up to
  // 6 * 2 / (1 / sqrt(3)) = 21.
  static constexpr int kApproximateUlps = 32;

  template <int kUlps>
  bool has_certified_rings() const {
    RingIntersectionFilter<internal::FacePlane<kUlps>> rings;
    rings.reset(edges_.uv());
    std::uint32_t shell = 0;
    for (std::uint32_t k = 0; k < edges_.n_rings(); ++k) {
      const RingSides& ring = rings_[k];
      if (!ring.is_hole) shell = k;
      if (ring.shell != shell || ring.left_is_smaller == ring.is_hole) return false;
      if (!rings.add_ring(edges_.ring_begin(k), edges_.ring_end(k), ring.is_hole)) return false;
    }
    return rings.are_certified();
  }

  struct RingSides {
    std::uint32_t shell;  // its own number, if it is one
    bool left_is_smaller, is_hole, is_reversed;
    double area_at_most;  // of a shell
  };

  // Made when first needed; coverings do not need it.
  const ShapeIndex& index() const {
    std::call_once(index_once_, [&] { index_ = std::make_unique<ShapeIndex>(edges_, start_inside_); });
    return *index_;
  }

  // The number of a ring's vertices; and if they all lie well within one face, that face, twice the area on the ring's
  // left in the plane of the face, and how far, in u or in v, vertices are from the first one.
  struct Outline {
    std::uint32_t size = 0;
    int face = -1;
    double area2 = 0, reach = 0;
  };

  // Copies a ring to `begin`, without repeated vertices, and with its first vertex repeated at its end.
  static Outline read_ring(std::span<const Point> ring, FaceEdges::Vertices& to, std::uint32_t begin) noexcept {
    Outline found;
    std::size_t next = 0;
    if (!ring.empty()) found.face = FaceEdges::vertex(ring[0]).inner_face;
    int face = found.face;
    while (next < ring.size()) {
      switch (face) {
        case 0: next = read_on_face<0>(ring, next, to, begin, found); break;
        case 1: next = read_on_face<1>(ring, next, to, begin, found); break;
        case 2: next = read_on_face<2>(ring, next, to, begin, found); break;
        case 3: next = read_on_face<3>(ring, next, to, begin, found); break;
        case 4: next = read_on_face<4>(ring, next, to, begin, found); break;
        case 5: next = read_on_face<5>(ring, next, to, begin, found); break;
        default: break;
      }
      if (next == ring.size()) break;
      const FaceEdges::Vertex vertex = FaceEdges::vertex(ring[next]);
      found.face = -1;
      face = vertex.inner_face;
      if (found.size == 0 || to.points[begin + found.size - 1] != ring[next]) {
        to.set(begin + found.size++, ring[next], vertex);
      }
      ++next;
    }
    while (found.size > 1 && to.points[begin + found.size - 1] == to.points[begin]) --found.size;
    if (found.size > 0) to.copy(begin, begin + found.size);
    return found;
  }

  // Copies the vertices from `next` on that lie well within a face; returns the number of the first that does not.
  template <int face>
  static std::size_t read_on_face(std::span<const Point> ring, std::size_t next, FaceEdges::Vertices& to,
                                  std::uint32_t begin, Outline& found) noexcept {
    Point* const points = to.points.get() + begin;
    UV* const uv = to.uv.get() + begin;
    std::int8_t* const faces = to.faces.get() + begin;
    std::uint32_t size = found.size;
    double area2 = found.area2, reach = found.reach;
    UV first = size > 0 ? uv[0] : UV{}, before = {};
    if (size > 0) before = {uv[size - 1].u - first.u, uv[size - 1].v - first.v};
    for (; next < ring.size(); ++next) {
      const Point& p = ring[next];
      if (!(face < 3 ? p[face % 3] > 0 : p[face % 3] < 0)) break;
      const FaceUV at = xyz_to_given_face_uv(face, p);
      if (!FaceEdges::is_inner(at)) break;
      if (size == 0) {
        first = {at.u, at.v};
      } else if (points[size - 1] == p) {
        continue;
      }
      const UV here = {at.u - first.u, at.v - first.v};
      area2 += before.u * here.v - before.v * here.u;
      reach = std::max(reach, std::max(std::fabs(here.u), std::fabs(here.v)));
      before = here;
      points[size] = p;
      uv[size] = {at.u, at.v};
      faces[size++] = face;
    }
    found.size = size;
    found.area2 = area2;
    found.reach = reach;
    return next;
  }

  static Finding vertex_fault(Ring r, std::uint32_t k, bool is_on_face) noexcept {
    if (r.size() < 3) return {RingFault::kFewVertices, k, k, {}};
    if (is_on_face) return {};
    for (std::size_t v = 0; v < r.size(); ++v) {
      if (r[v] == -r[v + 1 == r.size() ? 0 : v + 1]) return {RingFault::kOppositeNeighbors, k, k, r[v]};
    }
    return {};
  }

  // Which side of a ring that lies well within one face lies on that face, too: 1 the left one, -1 the right one, 0 if
  // undecided. `area` becomes the area of that side in the plane of the face, which is larger than on the sphere.
  static int left_within_face(const Outline& ring, int ulps, double& area) noexcept {
    if (ring.face < 0) return 0;
    // Each vertex is off by some ulps of 1, each term by two of its own ulps.
    const auto n = static_cast<double>(ring.size);
    const double error = 8 * ulps * DBL_EPSILON * n * ring.reach * (1 + n * ring.reach);
    if (std::fabs(ring.area2) > error) area = 0.5 * (std::fabs(ring.area2) + error);
    return ring.area2 > error ? 1 : ring.area2 < -error ? -1 : 0;
  }

  // A vertex of one ring that is no vertex of the other, if there is any.
  static const Point& vertex_not_in(Ring from, Ring other) noexcept {
    const auto apart = std::find_if(from.begin(), from.end(), [&](const Point& p) {
      return std::find(other.begin(), other.end(), p) == other.end();
    });
    return apart == from.end() ? from[0] : *apart;
  }

  // The number of an edge before its ring was reversed, if it was.
  std::uint32_t as_given(std::uint32_t e) const noexcept {
    const std::uint32_t r = edges_.ring_of(e), begin = edges_.ring_begin(r), end = edges_.ring_end(r);
    if (!rings_[r].is_reversed) return e;
    return e + 1 == end ? e : end - 2 - (e - begin);
  }

  // The fault of two edges that cross or share a vertex, if it is one.  REQUIRES: e comes before f, as given.
  Finding pair_fault(std::uint32_t e, std::uint32_t f, int crossing) const noexcept {
    const std::uint32_t r = edges_.ring_of(e), s = edges_.ring_of(f);
    const bool is_reversed = rings_[r].is_reversed;
    const Point &a = is_reversed ? edges_.end(e) : edges_.start(e), &b = is_reversed ? edges_.start(e) : edges_.end(e);
    const Point &c = edges_.start(f), &d = edges_.end(f);
    if (crossing > 0) return {r == s ? RingFault::kCrossesItself : RingFault::kCrossesRing, r, s, a};
    if ((a == c && b == d) || (a == d && b == c)) {
      return {r == s ? RingFault::kRepeatsEdge : RingFault::kSharesEdge, r, s, a};
    }
    const auto next = [&](std::uint32_t edge) {
      return edge + 1 == edges_.ring_end(r) ? edges_.ring_begin(r) : edge + 1;
    };
    if (r == s && next(e) != f && next(f) != e) return {RingFault::kTouchesItself, r, s, a == c || a == d ? a : b};
    return {};
  }

  // Each ring must have the interior on its left: otherwise a hole lies outside its shell, or a shell within another.
  Finding wrong_nesting() const {
    if (edges_.n_rings() == 1) return {};
    // For few rings, brute force is less work than an index.
    constexpr std::size_t kFew = 24;
    const bool is_few = edges_.n_rings() <= kFew;
    for (std::uint32_t k = 0; k < edges_.n_rings(); ++k) {
      const Ring r = edges_.ring(k);
      for (std::size_t v = 0; v < r.size(); ++v) {
        if (is_few ? is_shared_brute_force(r[v]) : is_shared(r[v])) continue;
        const Point &before = r[v == 0 ? r.size() - 1 : v - 1], &after = r[v + 1 == r.size() ? 0 : v + 1];
        const bool inside = is_few ? contains_brute_force(r[v]) : contains(r[v]);
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
  bool is_shared_brute_force(const Point& p) const noexcept {
    int n = 0;
    edges_.for_each_edge([&](std::uint32_t e) { n += edges_.start(e) == p; });
    return n > 1;
  }

  int ulps_ = 1;  // by which vertices may be off on their faces
  FaceEdges edges_;
  std::vector<RingSides> rings_;
  Finding finding_;
  bool start_inside_ = false;
  mutable std::once_flag index_once_;
  mutable std::unique_ptr<const ShapeIndex> index_;
};

}  // namespace cellwise
