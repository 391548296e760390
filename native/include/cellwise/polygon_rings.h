// The rings of polygons, each with the interior on its left.
//
// Which side of a ring is meant must be decided first. From then on every ring has the interior on its left: shells run
// counter-clockwise and holes clockwise, as in Google's S2Polygon, because the direction of an edge influences the last
// bits of its tests.

#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cellwise/edge_clipping.h"
#include "cellwise/face_edges.h"
#include "cellwise/face_segments.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"
#include "cellwise/ring_intersection_filter.h"
#include "cellwise/ring_measures.h"

namespace cellwise {

namespace internal {

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

// What polygons and approximate polygons have in common. A polygon with a fault that is found in a single ring has no
// edges.
class PolygonRings {
 public:
  // Whether the polygon is certain to have no fault. Most valid polygons within one face are: their rings do not touch,
  // and holes are in their shells.
  bool is_certified_valid() const {
    if (finding_.fault != RingFault::kNone || edges_.empty() || !edges_.is_within_one_face()) return false;
    return ulps_ == 1 ? has_certified_rings<1>() : has_certified_rings<kApproximateUlps>();
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

 protected:
  // As for `Polygon`; vertices of approximate polygons may be off.
  PolygonRings(std::span<const Point> points, std::span<const std::uint32_t> offsets,
               std::span<const std::uint32_t> shell_of, bool oriented, bool is_approximate)
      : ulps_(is_approximate ? kApproximateUlps : 1) {
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
      if (is_approximate && side == 0) return;
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

  struct RingSides {
    std::uint32_t shell;  // its own number, if it is one
    bool left_is_smaller, is_hole, is_reversed;
    double area_at_most;  // of a shell
  };
  const std::vector<RingSides>& rings() const noexcept { return rings_; }
  // The fault that was found in a single ring, if any.
  const Finding& vertex_finding() const noexcept { return finding_; }

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

  int ulps_;  // by which vertices may be off on their faces
  FaceEdges edges_;
  std::vector<RingSides> rings_;
  Finding finding_;
  bool start_inside_ = false;
};

// A polygon with the points of `approximate_point`: it may be certified, and give those cells of a level that are
// certain.
class ApproximatePolygon : public PolygonRings {
 public:
  // As for `Polygon`.
  ApproximatePolygon(std::span<const Point> points, std::span<const std::uint32_t> offsets,
                     std::span<const std::uint32_t> shell_of, bool oriented)
      : PolygonRings(points, offsets, shell_of, oriented, true) {}
};

}  // namespace cellwise
