// A polygon's edges by cell: which edges pass through each of a few cells, and whether its centre lies inside.
//
// Cells of the index are disjoint and hold every edge and every interior point. A cell is split while more than ten
// edges pass through it that are short against it. Edges are clipped to cells in the (u, v) plane of each face, where
// geodesics are straight, and cells are padded by more than the roundings of clipping, so that no edge is missed.
// Constants, order of operations and decisions are those of Google's MutableS2ShapeIndex, release 0.14, because the
// cells, and with them the first candidates of a covering, depend on every bit.
//
// Google builds indexes of more than 463,970 edges in several passes, which leaves other cells; here it is one.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "cellwise/conversion.h"
#include "cellwise/hierarchy.h"
#include "cellwise/hilbert.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"
#include "cellwise/regions.h"

namespace cellwise {

// Errors of u or v where an edge is clipped to a face, and to a line of constant u or v; and, as a distance, of asking
// whether a segment meets a rectangle.
inline constexpr double kFaceClipError = 9 * (1 / std::numbers::sqrt2) * DBL_EPSILON;
inline constexpr double kEdgeClipError = 2.25 * DBL_EPSILON;
inline constexpr double kSegmentMeetsError = 3 * std::numbers::sqrt2 * DBL_EPSILON;
inline constexpr double kCellPadding = 2 * (kFaceClipError + kEdgeClipError);

struct UV {
  double u, v;
};

struct Interval {
  double lo, hi;
  bool contains(double x) const noexcept { return lo <= x && x <= hi; }
  double clamped(double x) const noexcept { return std::max(lo, std::min(hi, x)); }
};

struct UVRect {
  Interval u, v;
};

inline UVRect expanded(const CellUV& c, double margin) noexcept {
  return {{c.u[0] - margin, c.u[1] + margin}, {c.v[0] - margin, c.v[1] + margin}};
}

// Coordinates along the u and v axes and the normal of `face`.
inline Point xyz_to_uvw(int face, const Point& p) noexcept {
  switch (face) {
    case 0: return {p[1], p[2], p[0]};
    case 1: return {-p[0], p[2], p[1]};
    case 2: return {-p[0], -p[1], p[2]};
    case 3: return {-p[2], -p[1], -p[0]};
    case 4: return {-p[2], p[0], -p[1]};
    default: return {p[1], p[0], -p[2]};
  }
}

inline int point_face(const Point& p) noexcept {
  const double x = std::fabs(p[0]), y = std::fabs(p[1]), z = std::fabs(p[2]);
  const int axis = x > y ? (x > z ? 0 : 2) : (y > z ? 1 : 2);
  return p[axis] < 0 ? axis + 3 : axis;
}

namespace internal {

// Does the great circle with normal n (in a face's u, v, w) meet the face?  It does if |n_u| + |n_v| >= |n_w|; written
// so that the answer is exact.
inline bool line_meets_face(const Point& n) noexcept {
  const double u = std::fabs(n[0]), v = std::fabs(n[1]), w = std::fabs(n[2]);
  return v >= w - u && u >= w - v;
}

// Does it pass through opposite edges of the face?
inline bool line_meets_opposite_edges(const Point& n) noexcept {
  const double u = std::fabs(n[0]), v = std::fabs(n[1]), w = std::fabs(n[2]);
  const double difference = std::fabs(u - v);
  if (difference != w) return difference >= w;
  return u >= v ? u - w >= v : v - w >= u;
}

// Where it leaves the face: the edge u = ±1 or v = ±1 that it goes out through.
inline UV line_exit(const Point& n) noexcept {
  const bool through_v = line_meets_opposite_edges(n)
                             ? std::fabs(n[0]) >= std::fabs(n[1])
                             : !(std::signbit(n[0]) ^ std::signbit(n[1]) ^ std::signbit(n[2]));
  if (through_v) {
    const double v = n[0] < 0 ? 1 : -1;
    return {(-v * n[1] - n[2]) / n[0], v};
  }
  const double u = n[1] > 0 ? 1 : -1;
  return {u, (-u * n[0] - n[2]) / n[1]};
}

// Clips the end b of the edge ab, all in a face's u, v, w. Returns how far the end is from being usable: 0 it is, 1
// the exit lies beyond b, 2 before a, 3 there is none.
inline int clip_end(const Point& a, const Point& b, const Point& scaled_normal, const Point& a_tangent,
                    const Point& b_tangent, double scale, UV& uv) noexcept {
  constexpr double kSafe = 1 - kFaceClipError;
  if (b[2] > 0) {
    uv = {b[0] / b[2], b[1] / b[2]};
    if (std::max(std::fabs(uv.u), std::fabs(uv.v)) <= kSafe) return 0;
  }
  const UV out = line_exit(scaled_normal);
  uv = {scale * out.u, scale * out.v};
  const Point p = {uv.u, uv.v, 1};
  int score = 0;
  if (dot(p - a, a_tangent) < 0) {
    score = 2;
  } else if (dot(p - b, b_tangent) < 0) {
    score = 1;
  }
  if (score > 0) {
    if (b[2] <= 0) return 3;
    uv = {b[0] / b[2], b[1] / b[2]};
  }
  return score;
}

}  // namespace internal

// The part of edge ab on a face that is `padding` larger on all sides; false if there is none.
inline bool clip_to_padded_face(const Point& a, const Point& b, int face, double padding, UV& a_uv, UV& b_uv) noexcept {
  if (point_face(a) == face && point_face(b) == face) {
    const FaceUV p = xyz_to_given_face_uv(face, a), q = xyz_to_given_face_uv(face, b);
    a_uv = {p.u, p.v};
    b_uv = {q.u, q.v};
    return true;
  }
  Point normal = xyz_to_uvw(face, robust_cross(a, b));
  const Point p = xyz_to_uvw(face, a), q = xyz_to_uvw(face, b);
  // A face R times as large is met where the normal (R n_u, R n_v, n_w) meets the face.
  const double scale = 1 + padding;
  const Point scaled = {scale * normal[0], scale * normal[1], normal[2]};
  if (!internal::line_meets_face(scaled)) return false;
  normal = normalize(normal);
  const Point a_tangent = cross(normal, p), b_tangent = cross(q, normal);
  const int a_score = internal::clip_end(q, p, -scaled, b_tangent, a_tangent, scale, a_uv);
  const int b_score = internal::clip_end(p, q, scaled, a_tangent, b_tangent, scale, b_uv);
  return a_score + b_score < 3;
}

// Does the segment ab meet the rectangle?
inline bool segment_meets(const UV& a, const UV& b, const UVRect& rect) noexcept {
  if (std::min(a.u, b.u) > rect.u.hi || std::max(a.u, b.u) < rect.u.lo) return false;
  if (std::min(a.v, b.v) > rect.v.hi || std::max(a.v, b.v) < rect.v.lo) return false;
  const double nu = -(b.v - a.v), nv = b.u - a.u;
  const bool i = nu >= 0, j = nv >= 0;
  const double far = nu * ((i ? rect.u.hi : rect.u.lo) - a.u) + nv * ((j ? rect.v.hi : rect.v.lo) - a.v);
  const double near = nu * ((i ? rect.u.lo : rect.u.hi) - a.u) + nv * ((j ? rect.v.lo : rect.v.hi) - a.v);
  return far >= 0 && near <= 0;
}

namespace internal {

// A cell and what the index asks of it while it is built.
struct PaddedCell {
  std::uint64_t cell;
  int level, orientation;
  std::int32_t i, j;

  static PaddedCell of(std::uint64_t cell) noexcept {
    const FaceIJ at = cell_to_face_ij(cell);
    const int level = cell_level(cell);
    const std::int32_t size = level_size(level);
    return {cell, level, at.orientation, at.i & -size, at.j & -size};
  }
  std::int32_t size() const noexcept { return level_size(level); }
  int face() const noexcept { return cell_face(cell); }
  UV middle() const noexcept {
    return {st_to_uv(si_ti_to_st(2 * std::int64_t{i} + size())), st_to_uv(si_ti_to_st(2 * std::int64_t{j} + size()))};
  }
  // Quarter 2 * a + b: the one at `position` along the curve.
  int quarter(int position) const noexcept { return kPositionToIJ[orientation][position]; }
  PaddedCell child(int position) const noexcept {
    const int ij = quarter(position);
    const std::int32_t half = size() >> 1;
    return {cell_child(cell, position), level + 1, orientation ^ kPositionToOrientation[position],
            i + (ij >> 1) * half, j + (ij & 1) * half};
  }

  Point center() const noexcept { return at(2 * std::int64_t{i} + size(), 2 * std::int64_t{j} + size()); }
  // Where the curve enters and leaves the cell.
  Point entry() const noexcept {
    const std::int64_t shift = orientation & kInvert ? size() : 0;
    return at(2 * (i + shift), 2 * (j + shift));
  }
  Point exit() const noexcept {
    const bool along_i = orientation == 0 || orientation == (kSwap | kInvert);
    return at(2 * (std::int64_t{i} + (along_i ? size() : 0)), 2 * (std::int64_t{j} + (along_i ? 0 : size())));
  }

  // The smallest cell within this one that holds everything padded that the rectangle meets.
  std::uint64_t shrunk_to(const UVRect& rect) const noexcept {
    const UV mid = level == 0 ? UV{0, 0} : middle();
    if (rect.u.contains(mid.u) || rect.v.contains(mid.v)) return cell;
    constexpr double kMargin = kCellPadding + 1.5 * DBL_EPSILON;
    const auto span = [&](const Interval& x, std::int32_t lowest, std::int32_t& first) {
      first = std::max(lowest, st_to_ij(uv_to_st(x.lo - kMargin)));
      return first ^ std::min(lowest + size() - 1, st_to_ij(uv_to_st(x.hi + kMargin)));
    };
    std::int32_t first_i, first_j;
    const auto bits = static_cast<std::uint32_t>(span(rect.u, i, first_i) | span(rect.v, j, first_j));
    const int finest = kMaxLevel - (std::bit_width((bits << 1) + 1) - 1);
    return finest <= level ? cell : cell_parent(face_ij_to_cell(face(), first_i, first_j), finest);
  }

 private:
  Point at(std::int64_t si, std::int64_t ti) const noexcept {
    return normalize(face_uv_to_xyz(face(), st_to_uv(si_ti_to_st(si)), st_to_uv(si_ti_to_st(ti))));
  }
};

}  // namespace internal

class ShapeIndex {
 public:
  struct Edge {
    Point a, b;
  };
  // An edge on one face, clipped for building, and clipped (less padded) for tests of cells.
  struct FaceEdge {
    std::uint32_t edge;
    std::int32_t max_level;  // from this level on the edge is long against the cells
    UV a, b;
    UV test_a, test_b;
    bool is_testable;  // false: it lies in the padding only
  };
  struct Cell {
    std::uint64_t cell;
    std::uint32_t begin, end;  // of the cell's face edges, in `entries`
    bool center_inside;
  };

  ShapeIndex() = default;

  // REQUIRES: the edges of closed rings with the interior on their left; `start_inside` says whether the polygon
  // contains `start_of_curve()`.
  ShapeIndex(std::vector<Edge> edges, bool start_inside) : edges_(std::move(edges)) {
    Builder(*this, start_inside).build();
  }

  static Point start_of_curve() noexcept { return normalize(face_uv_to_xyz(0, -1, -1)); }

  const std::vector<Cell>& cells() const noexcept { return cells_; }
  const std::vector<Edge>& edges() const noexcept { return edges_; }
  const FaceEdge& face_edge(std::uint32_t k) const noexcept { return face_edges_[k]; }
  std::span<const std::uint32_t> entries(const Cell& cell) const noexcept {
    return {entries_.data() + cell.begin, cell.end - cell.begin};
  }

  // First cell of the index whose range ends at or after the leaf.
  std::size_t first_ending_from(std::uint64_t leaf) const noexcept {
    return static_cast<std::size_t>(std::partition_point(cells_.begin(), cells_.end(), [&](const Cell& c) {
             return cell_range_max(c.cell) < leaf;
           }) - cells_.begin());
  }

  // Does the polygon contain the point? Exact; vertices are semi-open.
  bool contains(const Point& p) const noexcept {
    const std::uint64_t leaf = point_to_cell(p, kMaxLevel);
    const std::size_t at = first_ending_from(leaf);
    if (at == cells_.size() || cell_range_min(cells_[at].cell) > leaf) return false;
    const Cell& cell = cells_[at];
    if (cell.begin == cell.end) return cell.center_inside;
    const Point center = cell_to_point(cell.cell);
    return cell.center_inside != crossed_oddly(center, p, entries(cell));
  }

  bool crossed_oddly(const Point& from, const Point& to, std::span<const std::uint32_t> entries) const noexcept {
    const EdgeCrosser crosser(from, to);
    bool odd = false;
    for (const std::uint32_t k : entries) {
      const Edge& edge = edges_[face_edges_[k].edge];
      odd ^= crosser.crosses(edge.a, edge.b);
    }
    return odd;
  }

 private:
  class Builder {
   public:
    Builder(ShapeIndex& index, bool start_inside)
        : index_(index), focus_(start_of_curve()), inside_(start_inside) {}

    void build() {
      std::array<std::vector<FaceEdge>, 6> by_face;
      for (std::uint32_t e = 0; e < index_.edges_.size(); ++e) add_edge(e, by_face);
      std::size_t n = 0;
      for (const auto& face : by_face) n += face.size();
      index_.face_edges_.reserve(n);
      for (int face = 0; face < 6; ++face) {
        const auto first = static_cast<std::uint32_t>(index_.face_edges_.size());
        index_.face_edges_.insert(index_.face_edges_.end(), by_face[face].begin(), by_face[face].end());
        add_face(face, first);
      }
    }

   private:
    // The part of a face edge within a cell, by its bounds.
    struct Clipped {
      std::uint32_t face_edge;
      UVRect bound;
    };
    using Edges = std::vector<Clipped>;

    static std::int32_t long_from_level(const Edge& edge) noexcept {
      constexpr double kAverageEdge = 1.459213746386106062;  // of cells of level 0, radians
      const Point d = edge.a - edge.b;
      const double length = std::sqrt(dot(d, d));
      if (!(length > 0)) return kMaxLevel;
      return std::clamp(-std::ilogb(length / kAverageEdge), 0, kMaxLevel);
    }

    void add_edge(std::uint32_t e, std::array<std::vector<FaceEdge>, 6>& by_face) {
      const Edge& edge = index_.edges_[e];
      FaceEdge made{e, long_from_level(edge), {}, {}, {}, {}, true};
      const int face = point_face(edge.a);
      if (face == point_face(edge.b)) {
        const FaceUV a = xyz_to_given_face_uv(face, edge.a), b = xyz_to_given_face_uv(face, edge.b);
        made.a = made.test_a = {a.u, a.v};
        made.b = made.test_b = {b.u, b.v};
        constexpr double kInside = 1 - kCellPadding;
        if (std::fabs(a.u) <= kInside && std::fabs(a.v) <= kInside && std::fabs(b.u) <= kInside &&
            std::fabs(b.v) <= kInside) {
          by_face[face].push_back(made);
          return;
        }
      }
      for (int f = 0; f < 6; ++f) {
        if (!clip_to_padded_face(edge.a, edge.b, f, kCellPadding, made.a, made.b)) continue;
        constexpr double kTestPadding = kFaceClipError + kSegmentMeetsError;
        made.is_testable = clip_to_padded_face(edge.a, edge.b, f, kTestPadding, made.test_a, made.test_b);
        by_face[f].push_back(made);
      }
    }

    void add_face(int face, std::uint32_t first) {
      const std::vector<FaceEdge>& face_edges = index_.face_edges_;
      Edges& edges = lists_[0][0];
      edges.clear();
      if (face_edges.size() == first && !inside_) return;
      UVRect bound = {{1, 0}, {1, 0}};
      for (std::uint32_t k = first; k < face_edges.size(); ++k) {
        const FaceEdge& e = face_edges[k];
        const UVRect own = {{std::min(e.a.u, e.b.u), std::max(e.a.u, e.b.u)},
                            {std::min(e.a.v, e.b.v), std::max(e.a.v, e.b.v)}};
        edges.push_back({k, own});
        if (k == first) bound = own;
        bound.u = {std::min(bound.u.lo, own.u.lo), std::max(bound.u.hi, own.u.hi)};
        bound.v = {std::min(bound.v.lo, own.v.lo), std::max(bound.v.hi, own.v.hi)};
      }
      const auto whole = internal::PaddedCell::of(static_cast<std::uint64_t>(face) << 61 | level_bit(0));
      const std::uint64_t start = edges.empty() ? whole.cell : whole.shrunk_to(bound);
      if (start == whole.cell) {
        add_cell(whole, edges);
        return;
      }
      fill(cell_range_min(whole.cell), cell_range_min(start));
      add_cell(internal::PaddedCell::of(start), edges);
      fill(cell_range_max(start) + 2, cell_range_max(whole.cell) + 2);
    }

    // Cells without edges for the leaves from `begin` to before `end`, if they lie inside.
    void fill(std::uint64_t begin, std::uint64_t end) {
      if (!inside_) return;
      while (begin != end) {
        std::uint64_t cell = begin;
        for (std::int32_t level = kMaxLevel - 1; level >= 0; --level) {
          const std::uint64_t parent = cell_parent(cell, level);
          if (cell_range_min(parent) != begin || cell_range_max(parent) >= end) break;
          cell = parent;
        }
        index_.cells_.push_back({cell, entries_end(), entries_end(), true});
        begin = cell_range_max(cell) + 2;
      }
    }

    std::uint32_t entries_end() const noexcept { return static_cast<std::uint32_t>(index_.entries_.size()); }

    // REQUIRES: there are edges, or the cell lies inside.
    void add_cell(const internal::PaddedCell& cell, const Edges& edges) {
      if (is_fine_enough(cell, edges)) {
        make_cell(cell, edges);
        return;
      }
      std::array<Edges, 4>& children = lists_[cell.level + 1];
      for (Edges& list : children) list.clear();
      const UV mid = cell.middle();
      const Interval u = {mid.u - kCellPadding, mid.u + kCellPadding}, v = {mid.v - kCellPadding, mid.v + kCellPadding};
      for (const Clipped& e : edges) {
        if (e.bound.u.hi <= u.lo) {
          split_v(e, v, &children[0]);
        } else if (e.bound.u.lo >= u.hi) {
          split_v(e, v, &children[2]);
        } else if (e.bound.v.hi <= v.lo) {
          children[0].push_back(clip_u(e, 1, u.hi));
          children[2].push_back(clip_u(e, 0, u.lo));
        } else if (e.bound.v.lo >= v.hi) {
          children[1].push_back(clip_u(e, 1, u.hi));
          children[3].push_back(clip_u(e, 0, u.lo));
        } else {
          split_v(clip_u(e, 1, u.hi), v, &children[0]);
          split_v(clip_u(e, 0, u.lo), v, &children[2]);
        }
      }
      for (int position = 0; position < 4; ++position) {
        const Edges& list = children[cell.quarter(position)];
        if (!list.empty() || inside_) add_cell(cell.child(position), list);
      }
    }

    bool is_fine_enough(const internal::PaddedCell& cell, const Edges& edges) const noexcept {
      constexpr int kMaxEdges = 10;
      constexpr double kMinShortFraction = 0.2;
      if (edges.size() <= kMaxEdges) return true;
      const double all = static_cast<double>(edges.size() + (inside_ ? 1 : 0));
      const int most = std::max(kMaxEdges, static_cast<int>(kMinShortFraction * all));
      int n_short = 0;
      for (const Clipped& e : edges) {
        n_short += cell.level < index_.face_edges_[e.face_edge].max_level;
        if (n_short > most) return false;
      }
      return true;
    }

    // The point whose containment is known goes along the curve: into the cell, to its centre, out of it.
    void make_cell(const internal::PaddedCell& cell, const Edges& edges) {
      const std::uint32_t begin = entries_end();
      for (const Clipped& e : edges) index_.entries_.push_back(e.face_edge);
      index_.cells_.push_back({cell.cell, begin, entries_end(), inside_});
      if (edges.empty()) return;
      if (cell_range_min(cell.cell) != next_leaf_) focus_ = cell.entry();
      move_to(cell.center(), begin);
      index_.cells_.back().center_inside = inside_;
      move_to(cell.exit(), begin);
      next_leaf_ = cell_range_max(cell.cell) + 2;
    }

    void move_to(const Point& p, std::uint32_t begin) noexcept {
      inside_ ^= index_.crossed_oddly(focus_, p, {index_.entries_.data() + begin, entries_end() - begin});
      focus_ = p;
    }

    // Lower and upper quarter of two on the same side of u.
    void split_v(const Clipped& e, const Interval& v, Edges* children) const {
      if (e.bound.v.hi <= v.lo) {
        children[0].push_back(e);
      } else if (e.bound.v.lo >= v.hi) {
        children[1].push_back(e);
      } else {
        children[0].push_back(clip_v(e, 1, v.hi));
        children[1].push_back(clip_v(e, 0, v.lo));
      }
    }

    // Value at x of the line through (a, a1) and (b, b1), from the nearer end.
    static double interpolated(double x, double a, double b, double a1, double b1) noexcept {
      if (a == b) return a1;
      if (std::fabs(a - x) <= std::fabs(b - x)) return a1 + (b1 - a1) * ((x - a) / (b - a));
      return b1 + (a1 - b1) * ((x - b) / (a - b));
    }

    // The edge without what lies beyond u: above it if end is 1, below it if 0.
    Clipped clip_u(const Clipped& e, int end, double u) const noexcept {
      if (end == 0 ? e.bound.u.lo >= u : e.bound.u.hi <= u) return e;
      const FaceEdge& whole = index_.face_edges_[e.face_edge];
      const double v = e.bound.v.clamped(interpolated(u, whole.a.u, whole.b.u, whole.a.v, whole.b.v));
      return bounded(e, end, u, end ^ falls(whole), v);
    }
    Clipped clip_v(const Clipped& e, int end, double v) const noexcept {
      if (end == 0 ? e.bound.v.lo >= v : e.bound.v.hi <= v) return e;
      const FaceEdge& whole = index_.face_edges_[e.face_edge];
      const double u = e.bound.u.clamped(interpolated(v, whole.a.v, whole.b.v, whole.a.u, whole.b.u));
      return bounded(e, end ^ falls(whole), u, end, v);
    }
    static int falls(const FaceEdge& e) noexcept { return (e.a.u > e.b.u) != (e.a.v > e.b.v); }
    static Clipped bounded(Clipped e, int u_end, double u, int v_end, double v) noexcept {
      (u_end == 0 ? e.bound.u.lo : e.bound.u.hi) = u;
      (v_end == 0 ? e.bound.v.lo : e.bound.v.hi) = v;
      return e;
    }

    ShapeIndex& index_;
    Point focus_;
    bool inside_;
    std::uint64_t next_leaf_ = 1;
    std::array<std::array<Edges, 4>, kMaxLevel + 2> lists_;  // by level of the cell they belong to
  };

  std::vector<Edge> edges_;
  std::vector<FaceEdge> face_edges_;
  std::vector<std::uint32_t> entries_;
  std::vector<Cell> cells_;
};

}  // namespace cellwise
