// The edges of closed rings, on the sphere and in the plane of each face that they pass through.

#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "cellwise/edge_clipping.h"
#include "cellwise/face_segments.h"
#include "cellwise/projection.h"

namespace cellwise {

// The part of an edge that lies on a face is a face edge, and has an id. An edge well within a face is one face edge,
// whose id is the number of the edge. Other edges, near the border of a face or across it, have a face edge on each
// face that they reach; the ids of these border edges follow.
class FaceEdges {
 public:
  using Id = std::uint32_t;  // of a face edge
  struct Segment {
    UV a, b;
  };

  // The position of a vertex on its face, and whether it lies there with room for padding on all sides.
  struct Vertex {
    UV uv;
    std::int8_t inner_face;  // its face, or -1 near the border
  };
  static Vertex vertex(const Point& p) noexcept {
    const FaceUV at = xyz_to_given_face_uv(point_face(p), p);
    return {{at.u, at.v}, static_cast<std::int8_t>(is_inner(at) ? at.face : -1)};
  }
  static bool is_inner(const FaceUV& at) noexcept {
    constexpr double kInside = 1 - kCellPadding;
    return (std::fabs(at.u) <= kInside) & (std::fabs(at.v) <= kInside);
  }

  // Vertices of rings, each with its position on its face, and its inner face.
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

  // Ring k has the vertices begins[k] .. begins[k + 1] - 1, and its first vertex is repeated at its end. The number of
  // an edge is that of its first vertex. `face`: the inner face of all vertices, if they have the same one, else -1.
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
        add_border_edge(e);
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

  // Positions of vertices on their faces: of all rings, each with its first vertex repeated at its end, and of one
  // ring.
  std::span<const UV> uv() const noexcept { return {vertices_.uv.get(), n_points()}; }
  std::span<const UV> ring_uv(std::uint32_t k) const noexcept {
    return {vertices_.uv.get() + ring_begin(k), ring_end(k) - ring_begin(k)};
  }

  const Point& start(std::uint32_t edge) const noexcept { return vertices_.points[edge]; }
  const Point& end(std::uint32_t edge) const noexcept { return vertices_.points[edge + 1]; }

  // The number of the edge that a face edge is part of.
  std::uint32_t edge_of(Id edge) const noexcept { return is_border(edge) ? border_edge(edge).edge : edge; }
  // Both segments of other edges run from vertex to vertex.
  bool is_border(Id edge) const noexcept { return edge >= n_points(); }
  // The segment that is clipped to cells.
  Segment segment(Id edge) const noexcept {
    if (is_border(edge)) return border_edge(edge).padded;
    return {vertices_.uv[edge], vertices_.uv[edge + 1]};
  }
  // The segment that cells are tested against: it ends nearer to the face.  REQUIRES: is_testable(edge).
  Segment test_segment(Id edge) const noexcept {
    if (is_border(edge)) return border_edge(edge).tested;
    return {vertices_.uv[edge], vertices_.uv[edge + 1]};
  }
  // False if no part of it lies within the smaller padding.
  bool is_testable(Id edge) const noexcept { return !is_border(edge) || border_edge(edge).is_testable; }

  // The squared length of the whole edge, as a chord.
  double length2(Id edge) const noexcept {
    const std::uint32_t e = edge_of(edge);
    const Point d = start(e) - end(e);
    return dot(d, d);
  }

  // Bit k: whether there are face edges on face k.
  unsigned faces() const noexcept { return faces_; }
  bool is_within_one_face() const noexcept { return border_edges_.empty() && std::has_single_bit(faces_); }

  // An upper bound of their number.
  std::size_t max_face_edges(int face) const noexcept {
    return faces_ >> face & 1 ? n_points() + border_edges_.size() : 0;
  }

  template <class Visit>
  void for_each_edge(Visit visit) const {
    for (std::size_t k = 0; k + 1 < begins_.size(); ++k) {
      for (std::uint32_t e = begins_[k]; e + 1 < begins_[k + 1]; ++e) visit(e);
    }
  }
  template <class Visit>
  void for_each_face_edge(int face, Visit visit) const {
    if (is_within_one_face()) {
      if (faces_ == 1u << face) for_each_edge(visit);
      return;
    }
    for_each_edge([&](std::uint32_t e) {
      if (vertices_.faces[e] == face && vertices_.faces[e + 1] == face) visit(e);
    });
    for (std::size_t k = 0; k < border_edges_.size(); ++k) {
      if (border_edges_[k].face == face) visit(static_cast<Id>(n_points() + k));
    }
  }

 private:
  struct BorderEdge {
    std::uint32_t edge;
    int face;
    bool is_testable;
    Segment padded, tested;
  };
  std::size_t n_points() const noexcept { return begins_.back(); }
  const BorderEdge& border_edge(Id edge) const noexcept { return border_edges_[edge - n_points()]; }

  void add_border_edge(std::uint32_t e) {
    BorderEdge made{e, 0, true, {}, {}};
    for (made.face = 0; made.face < 6; ++made.face) {
      Segment &padded = made.padded, &tested = made.tested;
      if (!clip_to_padded_face(start(e), end(e), made.face, kCellPadding, padded.a, padded.b)) continue;
      made.is_testable = clip_to_padded_face(start(e), end(e), made.face, kTestPadding, tested.a, tested.b);
      border_edges_.push_back(made);
      faces_ |= 1u << made.face;
    }
  }

  Vertices vertices_;
  std::vector<std::uint32_t> begins_;
  std::vector<BorderEdge> border_edges_;
  unsigned faces_ = 0;
};

}  // namespace cellwise
