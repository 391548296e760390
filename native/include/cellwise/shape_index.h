// A polygon's edges by cell: which edges pass through each of a few cells, and whether its centre lies inside.
//
// Cells of the index are disjoint and hold every edge and every interior point. A cell is split while more than ten
// edges pass through it that are short against it. Edges are clipped to cells in the (u, v) plane of each face, where
// geodesics are straight, and cells are padded by more than the roundings of clipping, so that no edge is missed.
// Constants, order of operations and decisions are those of Google's MutableS2ShapeIndex, release 0.14, because the
// cells, and with them the first candidates of a covering, depend on every bit.
//
// Google builds indexes of more than 463,970 edges in several passes, which leaves other cells; here it is one.
//
// `FaceEdges` holds the edges, `IndexCell` says how a cell of them is divided; `ShapeIndex` is all cells at once.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numbers>
#include <span>
#include <vector>

#include "cellwise/conversion.h"
#include "cellwise/face_segments.h"
#include "cellwise/hierarchy.h"
#include "cellwise/hilbert.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"
#include "cellwise/regions.h"

namespace cellwise {

// Errors of u or v where an edge is clipped to a face, and to a line of constant u or v.
inline constexpr double kFaceClipError = 9 * (1 / std::numbers::sqrt2) * DBL_EPSILON;
inline constexpr double kEdgeClipError = 2.25 * DBL_EPSILON;
inline constexpr double kCellPadding = 2 * (kFaceClipError + kEdgeClipError);  // of cells that edges are clipped to
inline constexpr double kTestPadding = kFaceClipError + kSegmentMeetsError;  // of cells that edges are tested against

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
  const bool through_v = line_meets_opposite_edges(n) ? std::fabs(n[0]) >= std::fabs(n[1])
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
    return {cell_child(cell, position), level + 1, orientation ^ kPositionToOrientation[position], i + (ij >> 1) * half,
            j + (ij & 1) * half};
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
    const int finest = kMaxLevel - static_cast<int>(std::bit_width(bits));
    return finest <= level ? cell : cell_parent(face_ij_to_cell(face(), first_i, first_j), finest);
  }

 private:
  Point at(std::int64_t si, std::int64_t ti) const noexcept {
    return normalize(face_uv_to_xyz(face(), st_to_uv(si_ti_to_st(si)), st_to_uv(si_ti_to_st(ti))));
  }
};

}  // namespace internal

// Edges of closed rings, on the sphere and in the plane of each face that they pass through.
//
// What lies of an edge on a face is a piece. An edge well within one face is one piece, with the edge's own number; the
// pieces of others have numbers of their own behind those.
class FaceEdges {
 public:
  using Piece = std::uint32_t;
  struct Segment {
    UV a, b;
  };

  // Position of a vertex on its face, and whether it lies there with room for padding on all sides.
  struct Vertex {
    UV uv;
    std::int8_t inner_face;  // -1 near the border
  };
  static Vertex vertex(const Point& p) noexcept {
    const FaceUV at = xyz_to_given_face_uv(point_face(p), p);
    return {{at.u, at.v}, static_cast<std::int8_t>(is_inner(at) ? at.face : -1)};
  }
  static bool is_inner(const FaceUV& at) noexcept {
    constexpr double kInside = 1 - kCellPadding;
    return (std::fabs(at.u) <= kInside) & (std::fabs(at.v) <= kInside);
  }

  // Vertices of rings, each with its position on its face, and that face or -1 as `vertex` has them.
  struct Vertices {
    std::unique_ptr<Point[]> points;
    std::unique_ptr<UV[]> uv;
    std::unique_ptr<std::int8_t[]> faces;

    Vertices() = default;
    // Room for n of them.
    explicit Vertices(std::size_t n)
        : points(std::make_unique_for_overwrite<Point[]>(n)), uv(std::make_unique_for_overwrite<UV[]>(n)),
          faces(std::make_unique_for_overwrite<std::int8_t[]>(n)) {}
    void set(std::size_t k, const Point& p, const Vertex& vertex) noexcept {
      points[k] = p;
      uv[k] = vertex.uv;
      faces[k] = vertex.inner_face;
    }
    void copy(std::size_t from, std::size_t to) noexcept {
      points[to] = points[from];
      uv[to] = uv[from];
      faces[to] = faces[from];
    }
    void reverse(std::size_t begin, std::size_t end) noexcept {
      std::reverse(points.get() + begin, points.get() + end);
      std::reverse(uv.get() + begin, uv.get() + end);
      std::reverse(faces.get() + begin, faces.get() + end);
    }
  };

  FaceEdges() = default;

  // Ring k is vertices begins[k] .. begins[k + 1] - 1, the first of them again at its end. Edges have the number of
  // their first vertex. `face`: if all vertices have that as their inner face, else -1.
  FaceEdges(Vertices vertices, std::vector<std::uint32_t> begins, int face)
      : vertices_(std::move(vertices)), begins_(std::move(begins)) {
    if (face >= 0) {
      faces_ = 1u << face;
      return;
    }
    for_each_edge([&](std::uint32_t e) {
      const std::int8_t own = vertices_.faces[e];
      if (own >= 0 && own == vertices_.faces[e + 1]) {
        faces_ |= 1u << own;
      } else {
        add_special(e);
      }
    });
  }

  bool empty() const noexcept { return begins_.size() < 2; }
  std::size_t n_rings() const noexcept { return begins_.size() - 1; }
  std::uint32_t ring_begin(std::uint32_t ring) const noexcept { return begins_[ring]; }
  std::uint32_t ring_end(std::uint32_t ring) const noexcept { return begins_[ring + 1] - 1; }  // closing vertex
  std::uint32_t ring_of(std::uint32_t edge) const noexcept {
    return static_cast<std::uint32_t>(std::upper_bound(begins_.begin(), begins_.end(), edge) - begins_.begin()) - 1;
  }
  std::span<const Point> ring(std::uint32_t k) const noexcept {
    return {vertices_.points.get() + ring_begin(k), ring_end(k) - ring_begin(k)};
  }

  // The same on the faces; of all rings, each with its first vertex again at its end.
  std::span<const UV> uv() const noexcept { return {vertices_.uv.get(), n_points()}; }
  std::span<const UV> ring_uv(std::uint32_t k) const noexcept {
    return {vertices_.uv.get() + ring_begin(k), ring_end(k) - ring_begin(k)};
  }

  const Point& start(std::uint32_t edge) const noexcept { return vertices_.points[edge]; }
  const Point& end(std::uint32_t edge) const noexcept { return vertices_.points[edge + 1]; }

  std::uint32_t edge_of(Piece piece) const noexcept { return is_special(piece) ? special(piece).edge : piece; }
  // Of pieces that are not special, both segments run from vertex to vertex.
  bool is_special(Piece piece) const noexcept { return piece >= n_points(); }
  Segment segment(Piece piece) const noexcept {
    if (is_special(piece)) return special(piece).padded;
    return {vertices_.uv[piece], vertices_.uv[piece + 1]};
  }
  // What tests of cells look at: padded less. REQUIRES: is_testable(piece).
  Segment test_segment(Piece piece) const noexcept {
    if (is_special(piece)) return special(piece).tested;
    return {vertices_.uv[piece], vertices_.uv[piece + 1]};
  }
  // False: it lies in the padding only.
  bool is_testable(Piece piece) const noexcept { return !is_special(piece) || special(piece).is_testable; }

  // Squared chord; exact but for roundings of its coordinates.
  double length2(Piece piece) const noexcept {
    const std::uint32_t e = edge_of(piece);
    const Point d = start(e) - end(e);
    return dot(d, d);
  }

  // Bit k: whether there are pieces on face k.
  unsigned faces() const noexcept { return faces_; }
  bool is_within_one_face() const noexcept { return specials_.empty() && std::has_single_bit(faces_); }

  // A bound on their number.
  std::size_t most_pieces(int face) const noexcept { return faces_ >> face & 1 ? n_points() + specials_.size() : 0; }

  template <class Visit>
  void for_each_edge(Visit visit) const {
    for (std::size_t k = 0; k + 1 < begins_.size(); ++k) {
      for (std::uint32_t e = begins_[k]; e + 1 < begins_[k + 1]; ++e) visit(e);
    }
  }
  template <class Visit>
  void for_each_piece(int face, Visit visit) const {
    if (is_within_one_face()) {
      if (faces_ == 1u << face) for_each_edge(visit);
      return;
    }
    for_each_edge([&](std::uint32_t e) {
      if (vertices_.faces[e] == face && vertices_.faces[e + 1] == face) visit(e);
    });
    for (std::size_t k = 0; k < specials_.size(); ++k) {
      if (specials_[k].face == face) visit(static_cast<Piece>(n_points() + k));
    }
  }

 private:
  struct Special {
    std::uint32_t edge;
    int face;
    bool is_testable;
    Segment padded, tested;
  };
  std::size_t n_points() const noexcept { return begins_.back(); }
  const Special& special(Piece piece) const noexcept { return specials_[piece - n_points()]; }

  void add_special(std::uint32_t e) {
    Special made{e, 0, true, {}, {}};
    for (made.face = 0; made.face < 6; ++made.face) {
      Segment &padded = made.padded, &tested = made.tested;
      if (!clip_to_padded_face(start(e), end(e), made.face, kCellPadding, padded.a, padded.b)) continue;
      made.is_testable = clip_to_padded_face(start(e), end(e), made.face, kTestPadding, tested.a, tested.b);
      specials_.push_back(made);
      faces_ |= 1u << made.face;
    }
  }

  Vertices vertices_;
  std::vector<std::uint32_t> begins_;
  std::vector<Special> specials_;
  unsigned faces_ = 0;
};

// A piece of an edge within a cell, by its bounds.
struct Clipped {
  FaceEdges::Piece piece;
  UVRect bound;
};

// How a cell of the index is divided.
struct IndexSplitter {
  const FaceEdges& edges;

  Clipped whole(FaceEdges::Piece piece) const noexcept {
    const auto [a, b] = edges.segment(piece);
    return {piece, {{std::min(a.u, b.u), std::max(a.u, b.u)}, {std::min(a.v, b.v), std::max(a.v, b.v)}}};
  }

  // All pieces on a face.
  template <class List>
  void pieces(int face, List& out, UVRect& bound) const {
    bound = {{HUGE_VAL, -HUGE_VAL}, {HUGE_VAL, -HUGE_VAL}};
    edges.for_each_piece(face, [&](FaceEdges::Piece piece) {
      const Clipped own = whole(piece);
      bound.u = {std::min(bound.u.lo, own.bound.u.lo), std::max(bound.u.hi, own.bound.u.hi)};
      bound.v = {std::min(bound.v.lo, own.bound.v.lo), std::max(bound.v.hi, own.bound.v.hi)};
      out.push_back(own);
    });
  }

  // Is a cell with these pieces not divided further?  `entry_inside()`: whether the curve enters it inside the polygon;
  // asked only where that matters.
  template <class EntryInside>
  bool is_fine_enough(std::int32_t level, std::span<const Clipped> pieces, EntryInside entry_inside) const {
    const auto count_short = [&](const ShortEdges& is_short, std::size_t enough) {
      std::size_t n = 0;
      for (const Clipped& e : pieces) {
        n += is_short(edges.length2(e.piece));
        if (n > enough) break;
      }
      return n;
    };
    return is_fine_enough(level, pieces.size(), count_short, entry_inside);
  }

  // What is short against cells of a level.
  class ShortEdges {
   public:
    explicit ShortEdges(std::int32_t level) noexcept
        : limit_(std::ldexp(1.0, -level)), limit2_(kAverageEdge * kAverageEdge * limit_ * limit_),
          surely_(kAverageEdge * limit_ - 1e-14) {}

    // By squares, where roundings do not decide.
    bool operator()(double length2) const noexcept {
      const bool is_clear = std::fabs(length2 - limit2_) > 1e-14 * limit2_;
      return is_clear ? length2 < limit2_ : std::sqrt(length2) / kAverageEdge < limit_;
    }
    // Whether all edges surely are that lie in a box: chords are shorter than what they are seen as on the face's
    // plane.
    bool hold(double width, double height) const noexcept {
      return width * width + height * height < surely_ * surely_;
    }

   private:
    static constexpr double kAverageEdge = 1.459213746386106062;  // of cells of level 0, radians
    double limit_, limit2_, surely_;
  };

  // The same of n pieces; `count_short(is_short, enough)` counts those that are short, and may stop beyond `enough`.
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

  // Pieces of the four quarters of a cell whose middle is `mid`, by 2 * (upper u) + (upper v).
  template <class List>
  void split(std::span<const Clipped> pieces, const UV& mid, std::array<List, 4>& quarters) const {
    const UVRect middle = padded(mid);
    for (const Clipped& e : pieces) split(e, middle, quarters);
  }

  // The lines through the middle of a cell, padded.
  static UVRect padded(const UV& mid) noexcept {
    return {{mid.u - kCellPadding, mid.u + kCellPadding}, {mid.v - kCellPadding, mid.v + kCellPadding}};
  }

  template <class List>
  void split(const Clipped& e, const UVRect& middle, std::array<List, 4>& quarters) const {
    const auto& [u, v] = middle;
    if (e.bound.u.hi <= u.lo) {
      split_v(e, v, quarters.data());
    } else if (e.bound.u.lo >= u.hi) {
      split_v(e, v, &quarters[2]);
    } else if (e.bound.v.hi <= v.lo) {
      quarters[0].push_back(clip_u(e, 1, u.hi));
      quarters[2].push_back(clip_u(e, 0, u.lo));
    } else if (e.bound.v.lo >= v.hi) {
      quarters[1].push_back(clip_u(e, 1, u.hi));
      quarters[3].push_back(clip_u(e, 0, u.lo));
    } else {
      split_v(clip_u(e, 1, u.hi), v, quarters.data());
      split_v(clip_u(e, 0, u.lo), v, &quarters[2]);
    }
  }

 private:
  // Lower and upper quarter of two on the same side of u.
  template <class List>
  void split_v(const Clipped& e, const Interval& v, List* quarters) const {
    if (e.bound.v.hi <= v.lo) {
      quarters[0].push_back(e);
    } else if (e.bound.v.lo >= v.hi) {
      quarters[1].push_back(e);
    } else {
      quarters[0].push_back(clip_v(e, 1, v.hi));
      quarters[1].push_back(clip_v(e, 0, v.lo));
    }
  }

  // Value at x of the line through (a, a1) and (b, b1), from the nearer end.
  static double interpolated(double x, double a, double b, double a1, double b1) noexcept {
    if (a == b) return a1;
    if (std::fabs(a - x) <= std::fabs(b - x)) return a1 + (b1 - a1) * ((x - a) / (b - a));
    return b1 + (a1 - b1) * ((x - b) / (a - b));
  }

  // The piece without what lies beyond u: above it if end is 1, below it if 0.
  Clipped clip_u(const Clipped& e, int end, double u) const noexcept {
    if (end == 0 ? e.bound.u.lo >= u : e.bound.u.hi <= u) return e;
    const auto [a, b] = edges.segment(e.piece);
    const double v = e.bound.v.clamped(interpolated(u, a.u, b.u, a.v, b.v));
    return bounded(e, end, u, end ^ falls(a, b), v);
  }
  Clipped clip_v(const Clipped& e, int end, double v) const noexcept {
    if (end == 0 ? e.bound.v.lo >= v : e.bound.v.hi <= v) return e;
    const auto [a, b] = edges.segment(e.piece);
    const double u = e.bound.u.clamped(interpolated(v, a.v, b.v, a.u, b.u));
    return bounded(e, end ^ falls(a, b), u, end, v);
  }
  static int falls(const UV& a, const UV& b) noexcept { return (a.u > b.u) != (a.v > b.v); }
  static Clipped bounded(Clipped e, int u_end, double u, int v_end, double v) noexcept {
    (u_end == 0 ? e.bound.u.lo : e.bound.u.hi) = u;
    (v_end == 0 ? e.bound.v.lo : e.bound.v.hi) = v;
    return e;
  }
};

// Where Google's curve starts: no polygon's edges pass by here unnoticed.
inline Point start_of_curve() noexcept { return normalize(face_uv_to_xyz(0, -1, -1)); }

// All cells of the index, for questions about points and about pairs of edges.
class ShapeIndex {
 public:
  struct Cell {
    std::uint64_t cell;
    std::uint32_t begin, end;  // of the cell's edges, in `entries`
    bool center_inside;
  };

  // REQUIRES: rings with the interior on their left; `start_inside` says whether the polygon contains
  // `start_of_curve()`. The edges outlive the object.
  ShapeIndex(const FaceEdges& edges, bool start_inside) : edges_(edges) { Builder(*this, start_inside).build(); }

  const std::vector<Cell>& cells() const noexcept { return cells_; }
  std::span<const std::uint32_t> entries(const Cell& cell) const noexcept {
    return {entries_.data() + cell.begin, cell.end - cell.begin};
  }

  // First cell of the index whose range ends at or after the leaf.
  std::size_t first_ending_from(std::uint64_t leaf) const noexcept {
    return static_cast<std::size_t>(std::partition_point(cells_.begin(), cells_.end(),
                                                         [&](const Cell& c) { return cell_range_max(c.cell) < leaf; }) -
                                    cells_.begin());
  }

  // Does the polygon contain the point? Exact; vertices are semi-open.
  bool contains(const Point& p) const noexcept {
    const std::uint64_t leaf = point_to_cell(p, kMaxLevel);
    const std::size_t at = first_ending_from(leaf);
    if (at == cells_.size() || cell_range_min(cells_[at].cell) > leaf) return false;
    const Cell& cell = cells_[at];
    if (cell.begin == cell.end) return cell.center_inside;
    return cell.center_inside != crossed_oddly(cell_to_point(cell.cell), p, entries(cell));
  }

 private:
  bool crossed_oddly(const Point& from, const Point& to, std::span<const std::uint32_t> entries) const noexcept {
    const EdgeCrosser crosser(from, to);
    bool odd = false;
    for (const std::uint32_t e : entries) odd ^= crosser.crosses(edges_.start(e), edges_.end(e));
    return odd;
  }

  class Builder {
   public:
    Builder(ShapeIndex& index, bool start_inside)
        : index_(index), splitter_{index.edges_}, focus_(start_of_curve()), inside_(start_inside) {}

    void build() {
      for (int face = 0; face < 6; ++face) add_face(face);
    }

   private:
    using Edges = std::vector<Clipped>;

    void add_face(int face) {
      Edges& edges = lists_[0][0];
      edges.clear();
      edges.reserve(index_.edges_.most_pieces(face));
      UVRect bound;
      splitter_.pieces(face, edges, bound);
      if (edges.empty() && !inside_) return;
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
      if (splitter_.is_fine_enough(cell.level, edges, [&] { return inside_; })) {
        make_cell(cell, edges);
        return;
      }
      std::array<Edges, 4>& children = lists_[cell.level + 1];
      for (Edges& list : children) list.clear();
      splitter_.split(edges, cell.middle(), children);
      for (int position = 0; position < 4; ++position) {
        const Edges& list = children[cell.quarter(position)];
        if (!list.empty() || inside_) add_cell(cell.child(position), list);
      }
    }

    // The point whose containment is known goes along the curve: into the cell, to its centre, out of it.
    void make_cell(const internal::PaddedCell& cell, const Edges& edges) {
      const std::uint32_t begin = entries_end();
      for (const Clipped& e : edges) index_.entries_.push_back(index_.edges_.edge_of(e.piece));
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

    ShapeIndex& index_;
    IndexSplitter splitter_;
    Point focus_;
    bool inside_;
    std::uint64_t next_leaf_ = 1;
    std::array<std::array<Edges, 4>, kMaxLevel + 2> lists_;  // by level of the cell they belong to
  };

  const FaceEdges& edges_;
  std::vector<std::uint32_t> entries_;
  std::vector<Cell> cells_;
};

}  // namespace cellwise
