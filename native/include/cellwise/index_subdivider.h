// How a polygon's index of edges is subdivided: a cell is subdivided while more than ten edges pass through it that are
// short compared with it, and its edges are clipped to the children.
//
// Edges are clipped in the (u, v) plane of each face, where geodesics are straight. Cells are padded by more than the
// rounding errors of clipping, so that no edge is missed. Constants, order of operations and decisions are those of
// Google's MutableS2ShapeIndex, release 0.14, because the cells of the index, and with them the initial candidates of a
// covering, depend on every bit. (Google builds indexes of more than 463,970 edges in several passes, which gives other
// cells; here there is always one.)

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "cellwise/edge_clipping.h"
#include "cellwise/face_edges.h"
#include "cellwise/face_segments.h"
#include "cellwise/projection.h"

namespace cellwise {

// The bounds of the part of a face edge within a cell.
struct ClippedEdge {
  FaceEdges::Id edge;
  UVRect bound;
};

// Which cells of the index are subdivided, and how their edges are clipped to the children.
struct IndexSubdivider {
  const FaceEdges& edges;

  ClippedEdge unclipped(FaceEdges::Id edge) const noexcept {
    const auto [a, b] = edges.segment(edge);
    return {edge, {{std::min(a.u, b.u), std::max(a.u, b.u)}, {std::min(a.v, b.v), std::max(a.v, b.v)}}};
  }

  // Appends all edges of a face, and sets their bound.
  template <class List>
  void edges_on(int face, List& out, UVRect& bound) const {
    bound = {{HUGE_VAL, -HUGE_VAL}, {HUGE_VAL, -HUGE_VAL}};
    edges.for_each_face_edge(face, [&](FaceEdges::Id edge) {
      const ClippedEdge own = unclipped(edge);
      bound.u = {std::min(bound.u.lo, own.bound.u.lo), std::max(bound.u.hi, own.bound.u.hi)};
      bound.v = {std::min(bound.v.lo, own.bound.v.lo), std::max(bound.v.hi, own.bound.v.hi)};
      out.push_back(own);
    });
  }

  // Is a cell with these edges a cell of the index, not to be subdivided further? `entry_inside()` says whether the
  // curve enters it inside the polygon, and is called only where that matters.
  template <class EntryInside>
  bool is_fine_enough(std::int32_t level, std::span<const ClippedEdge> clipped, EntryInside entry_inside) const {
    const auto count_short = [&](const ShortEdges& is_short, std::size_t enough) {
      std::size_t n = 0;
      for (const ClippedEdge& e : clipped) {
        n += is_short(edges.length2(e.edge));
        if (n > enough) break;
      }
      return n;
    };
    return is_fine_enough(level, clipped.size(), count_short, entry_inside);
  }

  // Which edges are short compared with the cells of a level.
  class ShortEdges {
   public:
    explicit ShortEdges(std::int32_t level) noexcept
        : limit_(std::ldexp(1.0, -level)), limit2_(kAverageEdge * kAverageEdge * limit_ * limit_),
          certified_limit_(kAverageEdge * limit_ - 1e-14) {}

    // By the squared length where rounding errors cannot decide, else exactly as Google does.
    bool operator()(double length2) const noexcept {
      const bool is_clear = std::fabs(length2 - limit2_) > 1e-14 * limit2_;
      return is_clear ? length2 < limit2_ : std::sqrt(length2) / kAverageEdge < limit_;
    }
    // Whether all edges within a box of a face are certain to be short: a chord is no longer than its projection onto
    // the plane of the face.
    bool certify_box(double width, double height) const noexcept {
      return width * width + height * height < certified_limit_ * certified_limit_;
    }

   private:
    static constexpr double kAverageEdge = 1.459213746386106062;  // of cells of level 0, radians
    double limit_, limit2_, certified_limit_;
  };

  // The same for n edges: `count_short(is_short, enough)` counts the short ones, and may stop beyond `enough`.
  template <class CountShort, class EntryInside>
  static bool is_fine_enough(std::int32_t level, std::size_t n, CountShort count_short, EntryInside entry_inside) {
    constexpr std::size_t kMaxEdges = 10;
    if (n <= kMaxEdges || level == kMaxLevel) return true;
    const auto most_short = [=](std::size_t all) {
      constexpr double kMinShortFraction = 0.2;
      return std::max(kMaxEdges, static_cast<std::size_t>(kMinShortFraction * static_cast<double>(all)));
    };
    const std::size_t most = most_short(n), most_if_inside = most_short(n + 1);
    const std::size_t n_short = count_short(ShortEdges(level), most_if_inside);
    return n_short <= most || (n_short <= most_if_inside && entry_inside());
  }

  // Clips edges to the four children of a cell with that center, in the order 2 * (upper u) + (upper v).
  template <class List>
  void subdivide(std::span<const ClippedEdge> clipped, const UV& center, std::array<List, 4>& children) const {
    const UVRect lines = padded(center);
    for (const ClippedEdge& e : clipped) subdivide(e, lines, children);
  }

  // The lines through the center of a cell, padded.
  static UVRect padded(const UV& center) noexcept {
    return {{center.u - kCellPadding, center.u + kCellPadding}, {center.v - kCellPadding, center.v + kCellPadding}};
  }

  template <class List>
  void subdivide(const ClippedEdge& e, const UVRect& lines, std::array<List, 4>& children) const {
    const auto& [u, v] = lines;
    if (e.bound.u.hi <= u.lo) {
      subdivide_v(e, v, children.data());
    } else if (e.bound.u.lo >= u.hi) {
      subdivide_v(e, v, &children[2]);
    } else if (e.bound.v.hi <= v.lo) {
      children[0].push_back(clip_u(e, 1, u.hi));
      children[2].push_back(clip_u(e, 0, u.lo));
    } else if (e.bound.v.lo >= v.hi) {
      children[1].push_back(clip_u(e, 1, u.hi));
      children[3].push_back(clip_u(e, 0, u.lo));
    } else {
      subdivide_v(clip_u(e, 1, u.hi), v, children.data());
      subdivide_v(clip_u(e, 0, u.lo), v, &children[2]);
    }
  }

 private:
  // The same for the two children, lower and upper, on one side of u.
  template <class List>
  void subdivide_v(const ClippedEdge& e, const Interval& v, List* children) const {
    if (e.bound.v.hi <= v.lo) {
      children[0].push_back(e);
    } else if (e.bound.v.lo >= v.hi) {
      children[1].push_back(e);
    } else {
      children[0].push_back(clip_v(e, 1, v.hi));
      children[1].push_back(clip_v(e, 0, v.lo));
    }
  }

  // The value at x of the line through (a, a1) and (b, b1), computed from the nearer end.
  static double interpolated(double x, double a, double b, double a1, double b1) noexcept {
    if (a == b) return a1;
    if (std::fabs(a - x) <= std::fabs(b - x)) return a1 + (b1 - a1) * ((x - a) / (b - a));
    return b1 + (a1 - b1) * ((x - b) / (a - b));
  }

  // The edge without the part beyond u: above u if `end` is 1, below it if 0.
  ClippedEdge clip_u(const ClippedEdge& e, int end, double u) const noexcept {
    if (end == 0 ? e.bound.u.lo >= u : e.bound.u.hi <= u) return e;
    const auto [a, b] = edges.segment(e.edge);
    const double v = e.bound.v.clamped(interpolated(u, a.u, b.u, a.v, b.v));
    return bounded(e, end, u, end ^ falls(a, b), v);
  }
  ClippedEdge clip_v(const ClippedEdge& e, int end, double v) const noexcept {
    if (end == 0 ? e.bound.v.lo >= v : e.bound.v.hi <= v) return e;
    const auto [a, b] = edges.segment(e.edge);
    const double u = e.bound.u.clamped(interpolated(v, a.v, b.v, a.u, b.u));
    return bounded(e, end ^ falls(a, b), u, end, v);
  }
  static int falls(const UV& a, const UV& b) noexcept { return (a.u > b.u) != (a.v > b.v); }
  static ClippedEdge bounded(ClippedEdge e, int u_end, double u, int v_end, double v) noexcept {
    (u_end == 0 ? e.bound.u.lo : e.bound.u.hi) = u;
    (v_end == 0 ? e.bound.v.lo : e.bound.v.hi) = v;
    return e;
  }
};

}  // namespace cellwise
