// Polygons whose edges are geodesics: faults and membership.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

#include "cellwise/conversion.h"
#include "cellwise/edge_clipping.h"
#include "cellwise/edge_pairs.h"
#include "cellwise/face_edges.h"
#include "cellwise/face_segments.h"
#include "cellwise/polygon_rings.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"
#include "cellwise/ring_measures.h"
#include "cellwise/shape_index.h"

namespace cellwise {

class Polygon : public PolygonRings {
 public:
  // `points`: the vertices of all rings, concatenated: ring k is offsets[k] .. offsets[k + 1] - 1. Closing and repeated
  // vertices are dropped. `shell_of[k]`: the number of the ring of which ring k is a hole, or k if it is a shell.
  // A shell encloses its smaller side, or with `oriented` the side on its left. A hole takes away the side that does
  // not contain its shell, whatever its direction.
  Polygon(std::span<const Point> points, std::span<const std::uint32_t> offsets,
          std::span<const std::uint32_t> shell_of, bool oriented)
      : PolygonRings(points, offsets, shell_of, oriented, false) {}

  // A fault, if there is any; of faults between two edges the first one, in the order of the vertices as given. Throws
  // Interrupted if the user stops it.
  Finding find_fault() const {
    if (vertex_finding().fault != RingFault::kNone) return vertex_finding();
    if (is_certified_valid()) return {};
    std::array<std::uint32_t, 2> first = {~std::uint32_t{0}, ~std::uint32_t{0}};
    Finding found;
    const auto check_pair = [&](std::uint32_t e, std::uint32_t f) {
      if (e + 1 == f && edges().start(e) != edges().end(f)) return;  // neighbors that do not turn back
      const int crossing = EdgeCrosser(edges().start(e), edges().end(e)).crossing(edges().start(f), edges().end(f));
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
    internal::EdgePairs(edges()).for_each_close_pair(check_pair);
    if (found.fault != RingFault::kNone) return found;
    return wrong_nesting();
  }

  bool contains(const Point& p) const { return index().contains(p); }

  // The same by all edges, without an index: for a few points.
  bool contains_brute_force(const Point& p) const {
    const FaceEdges::Vertex vertex = FaceEdges::vertex(p);
    const bool is_same_face =
        edges().is_within_one_face() && vertex.inner_face >= 0 && edges().faces() == 1u << vertex.inner_face;
    // If all edges lie on the face of p, count crossings from beyond the face, where everything is as at the start of
    // the curve.
    const UV beyond = {-2, vertex.uv.v};
    const Point from =
        is_same_face ? normalize(face_uv_to_xyz(vertex.inner_face, beyond.u, beyond.v)) : start_of_curve();
    const EdgeCrosser crosser(from, p);
    bool inside = start_inside();
    edges().for_each_edge([&](std::uint32_t e) {
      if (is_same_face) {
        const auto [a, b] = edges().segment(e);
        if (const int crossed = internal::bounded_crossing_filter(beyond, vertex.uv, a, b); crossed >= 0) {
          inside ^= crossed > 0;
          return;
        }
      }
      inside ^= crosser.crosses(edges().start(e), edges().end(e));
    });
    return inside;
  }

 private:
  // Made when first needed; coverings do not need it.
  const ShapeIndex& index() const {
    std::call_once(index_once_, [&] { index_ = std::make_unique<ShapeIndex>(edges(), start_inside()); });
    return *index_;
  }

  // The number of an edge before its ring was reversed, if it was.
  std::uint32_t as_given(std::uint32_t e) const noexcept {
    const std::uint32_t r = edges().ring_of(e), begin = edges().ring_begin(r), end = edges().ring_end(r);
    if (!rings()[r].is_reversed) return e;
    return e + 1 == end ? e : end - 2 - (e - begin);
  }

  // The fault of two edges that cross or share a vertex, if it is one.  REQUIRES: e comes before f, as given.
  Finding pair_fault(std::uint32_t e, std::uint32_t f, int crossing) const noexcept {
    const std::uint32_t r = edges().ring_of(e), s = edges().ring_of(f);
    const bool is_reversed = rings()[r].is_reversed;
    const Point &a = is_reversed ? edges().end(e) : edges().start(e),
                &b = is_reversed ? edges().start(e) : edges().end(e);
    const Point &c = edges().start(f), &d = edges().end(f);
    if (crossing > 0) return {r == s ? RingFault::kCrossesItself : RingFault::kCrossesRing, r, s, a};
    if ((a == c && b == d) || (a == d && b == c)) {
      return {r == s ? RingFault::kRepeatsEdge : RingFault::kSharesEdge, r, s, a};
    }
    const auto next = [&](std::uint32_t edge) {
      return edge + 1 == edges().ring_end(r) ? edges().ring_begin(r) : edge + 1;
    };
    if (r == s && next(e) != f && next(f) != e) return {RingFault::kTouchesItself, r, s, a == c || a == d ? a : b};
    return {};
  }

  // Each ring must have the interior on its left: otherwise a hole lies outside its shell, or a shell within another.
  Finding wrong_nesting() const {
    if (edges().n_rings() == 1) return {};
    // For few rings, brute force is less work than an index.
    constexpr std::size_t kFew = 24;
    const bool is_few = edges().n_rings() <= kFew;
    for (std::uint32_t k = 0; k < edges().n_rings(); ++k) {
      const Ring r = edges().ring(k);
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
    for (const std::uint32_t e : index().entries(index().cells()[at])) n += edges().start(e) == p;
    return n > 1;
  }
  bool is_shared_brute_force(const Point& p) const noexcept {
    int n = 0;
    edges().for_each_edge([&](std::uint32_t e) { n += edges().start(e) == p; });
    return n > 1;
  }

  mutable std::once_flag index_once_;
  mutable std::unique_ptr<const ShapeIndex> index_;
};

}  // namespace cellwise
