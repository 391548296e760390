// Points, lines and polygons whose edges are straight in longitude and latitude, as regions of the sphere.
//
// On the sphere such an edge is a curve. It is divided into sub-edges, for each of which it is known how far it may
// deviate from the geodesic between its ends; a sub-edge is halved only where that could change an answer. So a coarse
// covering takes few sub-edges, however long the edges are. Coverings are conservative: a cell that comes within
// kPlanarTolerance of an edge counts as intersecting it.
//
// The deviation of a sub-edge: for (lat, lng) linear in t in 0..1, with steps of a in longitude and b in latitude, the
// curve on the unit sphere has a tangential acceleration of at most A = a sin|lat| sqrt(4 b^2 + a^2 cos^2 lat). With n
// the unit normal of the great circle through the ends, f(t) = n . curve(t) is 0 at both ends and
// |f''| <= A + (a^2 + b^2) |f|, so that |f| <= A / (8 - a^2 - b^2).

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "cellwise/box_tree.h"
#include "cellwise/cell_uv.h"
#include "cellwise/conversion.h"
#include "cellwise/degrees.h"
#include "cellwise/double2.h"
#include "cellwise/edge_clipping.h"
#include "cellwise/face_segments.h"
#include "cellwise/hierarchy.h"
#include "cellwise/padded_cell.h"
#include "cellwise/projection.h"
#include "cellwise/region.h"

namespace cellwise {

// Sub-edges that deviate by no more radians count as geodesics. It is 1 cm, so that no cell is more than 6 cm off.
inline constexpr double kPlanarTolerance = 1.5e-9;

struct LngLat {  // degrees
  double lng, lat;
  bool is_in_range() const noexcept { return (std::fabs(lng) <= 360) & (std::fabs(lat) <= 90); }
};

// Roles of chains. A point is a line of one vertex; other roles are shells.
enum Role : std::uint8_t { kLineRole, kShellRole, kHoleRole };

struct PlanarSubEdge {
  LngLat a, b;
};

inline constexpr double kMaxSubEdge = 0.25 * 180 / kPi;  // degrees, in longitude and in latitude

// An upper bound of the deviation of a sub-edge, at most kLongestPiece long, from the geodesic between its ends.
inline double planar_deviation(const PlanarSubEdge& sub_edge, const Point& a, const Point& b) noexcept {
  const double d_lng = degrees_to_radians(std::fabs(sub_edge.b.lng - sub_edge.a.lng));
  const double d_lat = degrees_to_radians(std::fabs(sub_edge.b.lat - sub_edge.a.lat));
  const double sin1 = std::fabs(a[2]), sin2 = std::fabs(b[2]);
  const double low = a[2] * b[2] > 0 ? std::min(sin1, sin2) : 0;
  return d_lng * std::max(sin1, sin2) * std::sqrt(4 * d_lat * d_lat + d_lng * d_lng * (1 - low * low)) / 7.5;
}

// The edges and points of one geometry, and which positions its rings enclose.
//
// The sphere is not cut open where the plane is: two edges of rings along the same meridian, 360 degrees apart, cancel
// each other, and so do edges along a pole that encircle it.
// REQUIRES: latitudes in -90..90, longitudes in -360..360, all finite; rings do not cross.
class PlanarEdges {
 public:
  PlanarEdges() = default;
  PlanarEdges(std::span<const LngLat> positions, std::span<const std::int64_t> offsets,
              std::span<const std::uint8_t> roles) {
    assign(positions, offsets, roles);
  }

  // Chain k has the vertices offsets[k] .. offsets[k + 1] - 1; rings may be closed or not. Reuses the memory.
  void assign(std::span<const LngLat> positions, std::span<const std::int64_t> offsets,
              std::span<const std::uint8_t> roles) {
    sub_edges_.clear();
    polar_.clear();
    meridians_.clear();
    const auto each_chain = [&](bool of_rings, const auto& add) {
      for (std::size_t k = 0; k < roles.size(); ++k) {
        const auto first = static_cast<std::size_t>(offsets[k]), end = static_cast<std::size_t>(offsets[k + 1]);
        if (first == end || (roles[k] != kLineRole) != of_rings) continue;
        for (std::size_t v = first + 1; v < end; ++v) add(positions[v - 1], positions[v]);
        if (of_rings || end == first + 1) add(positions[end - 1], positions[first]);
      }
    };
    each_chain(true, [&](const LngLat& a, const LngLat& b) { add_ring_edge(a, b); });
    tree_.assign(sub_edges_.size(), [&](std::size_t k) {
      const auto& [a, b] = sub_edges_[k];
      return Box::of_segment(Double2{a.lng, a.lat}, Double2{b.lng, b.lat}, 0);
    });
    add_seams();
    each_chain(false, [&](const LngLat& a, const LngLat& b) { add_edge(a, b); });
  }

  const std::vector<PlanarSubEdge>& sub_edges() const noexcept { return sub_edges_; }
  // Do the rings enclose the position, or one 360 degrees east or west of it?  REQUIRES: it is not on an edge.
  bool encloses(double lat, double lng) const noexcept {
    return encloses_unwrapped(lat, lng) || encloses_unwrapped(lat, lng - 360) || encloses_unwrapped(lat, lng + 360);
  }

 private:
  void add_edge(const LngLat& a, const LngLat& b) {
    const double longest = std::max(std::fabs(b.lng - a.lng), std::fabs(b.lat - a.lat));
    if (longest <= kMaxSubEdge) {
      sub_edges_.push_back({a, b});
      return;
    }
    const int n = static_cast<int>(std::ceil(longest / kMaxSubEdge));
    LngLat from = a;
    for (int k = 1; k <= n; ++k) {
      const double t = static_cast<double>(k) / n;
      const LngLat to = k == n ? b : LngLat{a.lng + t * (b.lng - a.lng), a.lat + t * (b.lat - a.lat)};
      sub_edges_.push_back({from, to});
      from = to;
    }
  }

  void add_ring_edge(const LngLat& a, const LngLat& b) {
    if (a.lng == b.lng && a.lat == b.lat) return;
    if (a.lng == b.lng) {
      meridians_.push_back(
          {wrap_lng(a.lng) == -180 ? 180 : wrap_lng(a.lng), std::min(a.lat, b.lat), std::max(a.lat, b.lat)});
      return;
    }
    if (a.lat == b.lat && std::fabs(a.lat) == 90) {
      polar_.push_back({a, b});
    } else {
      add_edge(a, b);
    }
  }

  // Adds the edges on meridians that do not cancel each other, and the poles that have edges but are not encircled.
  void add_seams() {
    for (const LngLat pole : {LngLat{0, -90}, LngLat{0, 90}}) {
      double turns = 0;
      for (const auto& [a, b] : polar_) turns += a.lat == pole.lat ? std::fabs(b.lng - a.lng) / 360 : 0;
      if (std::fabs(turns - std::round(turns)) > 1e-12) add_edge(pole, pole);
    }
    std::sort(meridians_.begin(), meridians_.end(), [](const Meridian& x, const Meridian& y) { return x.lng < y.lng; });
    for (std::size_t first = 0, end; first < meridians_.size(); first = end) {
      const double lng = meridians_[first].lng;
      ends_.clear();
      for (end = first; end < meridians_.size() && meridians_[end].lng == lng; ++end) {
        ends_.push_back(meridians_[end].lo);
        ends_.push_back(meridians_[end].hi);
      }
      // Between the first end and the second there is an odd number of edges, between the second and the third an even
      // number, and so on.
      std::sort(ends_.begin(), ends_.end());
      for (std::size_t k = 0; k + 1 < ends_.size(); k += 2) {
        if (ends_[k] < ends_[k + 1]) add_edge({lng, ends_[k]}, {lng, ends_[k + 1]});
      }
    }
  }

  bool encloses_unwrapped(double lat, double lng) const noexcept {
    bool odd = false;
    for (const auto& [a, b] : polar_) odd ^= lat < a.lat && (a.lng <= lng) != (b.lng <= lng);
    if (tree_.empty()) return odd;
    tree_.visit(0, [&](std::uint32_t tree_node) {
      const Box& box = tree_.box(tree_node);
      if (!((lng >= box.x_lo) & (lng < box.x_hi) & (lat < box.y_hi))) return false;
      if (!tree_.is_item(tree_node)) return true;
      const PlanarSubEdge& e = sub_edges_[tree_.item(tree_node)];
      const bool east = e.a.lng < e.b.lng;
      const LngLat &west_end = east ? e.a : e.b, &east_end = east ? e.b : e.a;
      const double side =
          (east_end.lng - west_end.lng) * (lat - west_end.lat) - (lng - west_end.lng) * (east_end.lat - west_end.lat);
      odd ^= side < 0;
      return false;
    });
    return odd;
  }

  struct Meridian {
    double lng, lo, hi;
  };

  std::vector<PlanarSubEdge> sub_edges_;
  std::vector<PlanarSubEdge> polar_;  // edges along a pole, undivided
  std::vector<Meridian> meridians_;
  std::vector<double> ends_;
  BoxTree
      tree_;  // in longitude and latitude, of the sub-edges of rings, which come first; not along meridians or poles
};

// Planar edges as the region of one covering. Nodes hand down to their children the sub-edges that intersect them.
// REQUIRES: each object is used by one thread; the edges outlive it, or the next `reset`.
class PlanarRegion {
  // A sub-edge on the plane of a face.
  struct FaceSubEdge {
    LngLat a, b;
    UV ua, ub;
    double deviation;
  };
  // What intersects a node: nodes of the face's box tree, all of whose sub-edges do, and other sub-edges.
  struct List {
    static constexpr std::uint32_t kSubEdge = 0xffffffff;  // in place of a node of the tree

    std::vector<std::uint32_t> tree_nodes;
    std::vector<FaceSubEdge> sub_edges;

    void clear() noexcept {
      tree_nodes.clear();
      sub_edges.clear();
    }
    void add(std::uint32_t tree_node, const FaceSubEdge& sub_edge) {
      if (tree_node == kSubEdge) {
        sub_edges.push_back(sub_edge);
      } else {
        tree_nodes.push_back(tree_node);
      }
    }
  };

 public:
  // `list`: the sub-edges that intersect the cell, if it may be subdivided. `inside`, `outside`: bit 2 * (upper u) +
  // (upper v) is set if that corner of the cell is known to be so; only for cells that sub-edges intersect.
  struct Node {
    internal::PaddedCell square;
    bool intersects, contained;
    std::uint8_t corners_inside, corners_outside;
    List* list;
  };

  PlanarRegion() = default;
  PlanarRegion(const PlanarRegion&) = delete;  // nodes point into it
  PlanarRegion& operator=(const PlanarRegion&) = delete;

  // Makes it the region of other edges. Reuses the memory.
  void reset(const PlanarEdges& edges) {
    edges_ = &edges;
    for (Face& face : faces_) face.sub_edges.clear();
    free_.clear();
    for (List& list : lists_) free_.push_back(&list);
    End end = {};
    const LngLat* last = nullptr;
    for (const PlanarSubEdge& sub_edge : edges.sub_edges()) {
      const End start =
          last != nullptr && last->lng == sub_edge.a.lng && last->lat == sub_edge.a.lat ? end : end_at(sub_edge.a);
      end = end_at(sub_edge.b);
      add(sub_edge, start, end);
      last = &sub_edge.b;
    }
    for (Face& face : faces_) {
      face.tree.assign(face.sub_edges.size(), [&](std::size_t k) { return box_of(face.sub_edges[k]); });
    }
  }

  static std::uint64_t cell(const Node& node) noexcept { return node.square.cell; }
  static bool intersects(const Node& node) noexcept { return node.intersects; }
  static bool contained(const Node& node) noexcept { return node.contained; }

  Node node_at(std::uint64_t cell) {
    const int number = cell_face(cell);
    const Face& face = faces_[number];
    List* list = acquire_list();
    const UVRect rect = expanded(cell_uv(cell), 0), wide = wider(rect, kRounding), inner = wider(rect, -kRounding);
    const auto look = [&](std::uint32_t tree_node) {
      const Box& box = face.tree.box(tree_node);
      if (!box.intersects({wide.u.lo, wide.v.lo, wide.u.hi, wide.v.hi})) return false;
      if (box.x_lo > inner.u.lo && box.x_hi < inner.u.hi && box.y_lo > inner.v.lo && box.y_hi < inner.v.hi) {
        list->tree_nodes.push_back(tree_node);
        return false;
      }
      if (!face.tree.is_item(tree_node)) return true;
      const FaceSubEdge& sub_edge = face.sub_edges[face.tree.item(tree_node)];
      find_intersecting(sub_edge, number, rect, [&](const FaceSubEdge& sub_edge) {
        list->add(&sub_edge == &sub_edge ? tree_node : List::kSubEdge, sub_edge);
        return true;
      });
      return false;
    };
    if (!face.tree.empty()) face.tree.visit(0, look);
    const bool intersects = !list->tree_nodes.empty() || !list->sub_edges.empty(),
               inside = !intersects && encloses_center(cell);
    Node node = {internal::PaddedCell::of(cell), intersects || inside, inside, 0, 0, list};
    if (!intersects) release(node);
    return node;
  }

  // whether some child is certain to intersect the edges: one has a corner of the cell that is inside, or a node of the
  // tree on one side of both center lines, or a straight sub-edge runs through it, or another one ends in it.
  bool has_intersecting_child(const Node& node) const noexcept {
    if (node.corners_inside != 0) return true;
    if (node.list == nullptr) return false;
    const Face& face = faces_[node.square.face()];
    const FaceSubEdge* sub_edge = node.list->sub_edges.data();
    const UV center = node.square.center_uv();
    if (!node.list->tree_nodes.empty()) {
      const std::uint32_t tree_node = node.list->tree_nodes[0];
      const Box& box = face.tree.box(tree_node);
      if (((box.x_hi < center.u) | (box.x_lo > center.u)) & ((box.y_hi < center.v) | (box.y_lo > center.v)))
        return true;
      sub_edge = &face.sub_edges[face.tree.first_item(tree_node)];
    }
    const UVRect within = wider(expanded(cell_uv(node.square.cell), 0), -kRounding);
    if (is_straight(*sub_edge)) return segment_intersects(sub_edge->ua, sub_edge->ub, within);
    const auto holds = [&](const UV& p) {
      return within.contains(p) && std::fabs(p.u - center.u) > kRounding && std::fabs(p.v - center.v) > kRounding;
    };
    return holds(sub_edge->ua) || holds(sub_edge->ub);
  }

  // The children of a node, in curve order; releases the node. `will_subdivide`: whether any child may be subdivided.
  void subdivide(Node& node, Node* children, bool will_subdivide) {
    if (node.contained) {
      for (int k = 0; k < 4; ++k) children[k] = {node.square.child(k), true, true, 0, 0, nullptr};
      return;
    }
    const std::int32_t half = node.square.size() >> 1, i = node.square.i, j = node.square.j;
    const auto line = [&](std::int32_t at, int k) { return st_to_uv(ij_to_st_min(at + k * half)); };
    const double u[3] = {line(i, 0), line(i, 1), line(i, 2)}, v[3] = {line(j, 0), line(j, 1), line(j, 2)};
    const Face& face = faces_[node.square.face()];
    struct ChildEdges {
      bool intersects = false;
      List* list = nullptr;
    } by_ij[4];  // 2 * (upper u) + (upper v)
    const auto list_of = [&](ChildEdges& q) -> List& {
      if (q.list == nullptr) q.list = acquire_list();
      return *q.list;
    };
    // Hands a node of the tree or a sub-edge down to children; false if the node must be opened for that.
    const auto hand_down = [&](const Box& box, std::uint32_t tree_node, const FaceSubEdge* given) {
      const bool low_u = box.x_lo <= u[1], high_u = box.x_hi >= u[1], low_v = box.y_lo <= v[1],
                 high_v = box.y_hi >= v[1];
      if (low_u != high_u && low_v != high_v) {
        // It intersects the cell and is on one side of both center lines, so that it intersects that child.
        ChildEdges& q = by_ij[2 * high_u + high_v];
        q.intersects = true;
        if (will_subdivide && given == nullptr) list_of(q).tree_nodes.push_back(tree_node);
        if (will_subdivide && given != nullptr) list_of(q).sub_edges.push_back(*given);
        return true;
      }
      if (given == nullptr && !face.tree.is_item(tree_node)) return false;
      const FaceSubEdge& sub_edge = given != nullptr ? *given : face.sub_edges[face.tree.item(tree_node)];
      for (int ij = 0; ij < 4; ++ij) {
        const int a = ij >> 1, b = ij & 1;
        if (!(a ? high_u : low_u) || !(b ? high_v : low_v)) continue;
        ChildEdges& q = by_ij[ij];
        const UVRect rect = {{u[a], u[a + 1]}, {v[b], v[b + 1]}};
        if (q.intersects && !will_subdivide) continue;
        find_intersecting(sub_edge, node.square.face(), rect, [&](const FaceSubEdge& found) {
          q.intersects = true;
          if (will_subdivide) list_of(q).add(&found == &sub_edge ? tree_node : List::kSubEdge, found);
          return will_subdivide;
        });
      }
      return true;
    };
    for (const std::uint32_t first : node.list->tree_nodes) {
      face.tree.visit(
          first, [&](std::uint32_t tree_node) { return !hand_down(face.tree.box(tree_node), tree_node, nullptr); });
    }
    for (const FaceSubEdge& sub_edge : node.list->sub_edges) hand_down(box_of(sub_edge), List::kSubEdge, &sub_edge);
    release(node);
    // Children without sub-edges touch each other at the center, so that all of them are inside or none.
    unsigned empty = 0;
    for (int ij = 0; ij < 4; ++ij) empty |= static_cast<unsigned>(!by_ij[ij].intersects) << ij;
    bool is_known = (empty & (node.corners_inside | node.corners_outside)) != 0,
         inside = (empty & node.corners_inside) != 0;
    for (int k = 0; k < 4; ++k) {
      const internal::PaddedCell square = node.square.child(k);
      const int ij = node.square.child_ij(k);
      if (!is_known && (empty >> ij & 1) != 0) {
        inside = encloses_center(square.cell);
        is_known = true;
      }
      children[k].square = square;
    }
    for (int k = 0; k < 4; ++k) {
      const int ij = node.square.child_ij(k);
      const bool intersects = by_ij[ij].intersects;
      // A child shares one corner with the cell, one with each adjacent child, and the center with all of them.
      const unsigned own = 1U << ij;
      const unsigned known =
          intersects ? (empty & (1U << (ij ^ 1) | 1U << (ij ^ 2))) | (empty != 0 ? 1U << (3 - ij) : 0) : 0;
      children[k].intersects = intersects || inside;
      children[k].contained = !intersects && inside;
      children[k].corners_inside = static_cast<std::uint8_t>((node.corners_inside & own) | (inside ? known : 0));
      children[k].corners_outside = static_cast<std::uint8_t>((node.corners_outside & own) | (inside ? 0 : known));
      children[k].list = by_ij[ij].list;
    }
  }

  void release(Node& node) {
    if (node.list == nullptr) return;
    free_.push_back(node.list);
    node.list = nullptr;
  }

  // For each face that the edges intersect, the smallest cell that contains what is there.
  void cell_union_bound(std::vector<std::uint64_t>& out) const {
    out.clear();
    for (int face = 0; face < 6; ++face) {
      const std::uint64_t cell = static_cast<std::uint64_t>(face) << 61 | level_bit(0);
      const BoxTree& tree = faces_[face].tree;
      if (tree.empty()) {
        if (encloses_center(cell)) out.push_back(cell);
        continue;
      }
      const Box& all = tree.box(0);
      const UVRect bound = {{std::min(all.x_lo, 1.0), std::max(all.x_hi, -1.0)},
                            {std::min(all.y_lo, 1.0), std::max(all.y_hi, -1.0)}};
      // Outside of the bound all is inside or none, as a corner of the face is.
      bool corner_inside = false;
      for (const double u : {-1, 1}) {
        for (const double v : {-1, 1}) {
          if (bound.contains({u, v})) continue;
          const LngLat& corner = reference_positions().corners[face][2 * (u > 0) + (v > 0)];
          corner_inside |= edges_->encloses(corner.lat, corner.lng);
        }
      }
      out.push_back(corner_inside ? cell : internal::PaddedCell::of(cell).shrunk_to(bound));
    }
  }

 private:
  struct Face {
    std::vector<FaceSubEdge> sub_edges;
    BoxTree tree;  // of them, with their margins, in u and v
  };
  struct End {  // of a sub-edge
    Point at;
    int face;
    UV uv;
  };

  static constexpr double kRounding = 2e-14;  // much more than the rounding errors of u and v

  static Point to_point(const LngLat& at) noexcept { return approximate_point(at.lat, at.lng); }
  static UV to_uv(int face, const Point& p) noexcept {
    const FaceUV at = xyz_to_given_face_uv(face, p);
    return {at.u, at.v};
  }

  // How far, in u or v, a sub-edge can be from the segment between its ends: the plane of a face stretches angles up to
  // three times, and a little more beyond its corners.
  static double margin(const FaceSubEdge& sub_edge) noexcept { return 3.25 * sub_edge.deviation + kRounding; }

  static bool is_straight(const FaceSubEdge& sub_edge) noexcept { return sub_edge.deviation <= kPlanarTolerance; }

  static Box box_of(const FaceSubEdge& sub_edge) noexcept {
    return Box::of_segment(Double2{sub_edge.ua.u, sub_edge.ua.v}, Double2{sub_edge.ub.u, sub_edge.ub.v},
                           margin(sub_edge));
  }

  static End end_at(const LngLat& at) noexcept {
    const Point p = to_point(at);
    const int face = point_face(p);
    return {p, face, to_uv(face, p)};
  }

  void add(const PlanarSubEdge& sub_edge, const End& from, const End& to) {
    const Point &a = from.at, &b = to.at;
    const double deviation = planar_deviation(sub_edge, a, b);
    if (from.face == to.face) {
      const FaceSubEdge whole = {sub_edge.a, sub_edge.b, from.uv, to.uv, deviation};
      const double within = 1 - margin(whole);
      if (std::max({std::fabs(whole.ua.u), std::fabs(whole.ua.v), std::fabs(whole.ub.u), std::fabs(whole.ub.v)}) <=
          within) {
        faces_[from.face].sub_edges.push_back(whole);
        return;
      }
    }
    // Sub-edges are short: one with an end more than about 78 degrees from the center of a face does not reach the
    // face.
    for (int f = 0; f < 6; ++f) {
      if (xyz_to_uvw(f, a)[2] < 0.2 || xyz_to_uvw(f, b)[2] < 0.2) continue;
      const FaceSubEdge whole = {sub_edge.a, sub_edge.b, to_uv(f, a), to_uv(f, b), deviation};
      find_intersecting(whole, f, {{-1, 1}, {-1, 1}}, [&](const FaceSubEdge& sub_edge) {
        faces_[f].sub_edges.push_back(sub_edge);
        return true;
      });
    }
  }

  static UVRect wider(const UVRect& rect, double margin) noexcept {
    return {{rect.u.lo - margin, rect.u.hi + margin}, {rect.v.lo - margin, rect.v.hi + margin}};
  }
  // Calls `found` with the parts of the sub-edge that may intersect the rectangle, as long as it returns true.
  template <class Found>
  static bool find_intersecting(const FaceSubEdge& sub_edge, int face, const UVRect& r, const Found& found) {
    const double m = margin(sub_edge);
    if (!segment_intersects(sub_edge.ua, sub_edge.ub, wider(r, m))) return true;
    if (is_straight(sub_edge)) return found(sub_edge);
    const UVRect rect = wider(r, -kRounding), inner = wider(r, -m);
    if (rect.contains(sub_edge.ua) || rect.contains(sub_edge.ub)) return found(sub_edge);
    if (inner.u.lo <= inner.u.hi && inner.v.lo <= inner.v.hi && segment_intersects(sub_edge.ua, sub_edge.ub, inner)) {
      return found(sub_edge);
    }
    const LngLat center = {0.5 * (sub_edge.a.lng + sub_edge.b.lng), 0.5 * (sub_edge.a.lat + sub_edge.b.lat)};
    const UV at = to_uv(face, to_point(center));
    const double deviation = 0.25 * sub_edge.deviation;
    return find_intersecting({sub_edge.a, center, sub_edge.ua, at, deviation}, face, r, found) &&
           find_intersecting({center, sub_edge.b, at, sub_edge.ub, deviation}, face, r, found);
  }
  // Whether the center of a cell is inside.  REQUIRES: no sub-edge intersects the cell.
  bool encloses_center(std::uint64_t cell) const noexcept {
    if (cell_level(cell) == 0) {
      const LngLat& at = reference_positions().centers[cell_face(cell)];
      return edges_->encloses(at.lat, at.lng);
    }
    const auto [lat, lng] = cell_to_latlng(cell);
    return edges_->encloses(lat, lng);
  }

  // Positions on faces at which every shape is queried. Those of `centers` are the centers of the first child of each
  // face: that of the face itself may be a pole or lie on 180, where the plane is cut open.
  struct ReferencePositions {
    std::array<LngLat, 6> centers;
    std::array<std::array<LngLat, 4>, 6> corners;  // 2 * (upper u) + (upper v)

    ReferencePositions() noexcept {
      for (int face = 0; face < 6; ++face) {
        const auto [lat, lng] = cell_to_latlng(cell_child(static_cast<std::uint64_t>(face) << 61 | level_bit(0), 0));
        centers[face] = {lng, lat};
        for (int k = 0; k < 4; ++k) {
          const Point p = face_uv_to_xyz(face, k >> 1 ? 1 : -1, k & 1 ? 1 : -1);
          corners[face][k] = {radians_to_degrees(point_lng(p)), radians_to_degrees(point_lat(p))};
        }
      }
    }
  };
  static const ReferencePositions& reference_positions() {
    static const ReferencePositions places;
    return places;
  }

  List* acquire_list() {
    if (free_.empty()) free_.push_back(&lists_.emplace_back());
    List* list = free_.back();
    free_.pop_back();
    list->clear();
    return list;
  }

  const PlanarEdges* edges_ = nullptr;
  std::array<Face, 6> faces_;
  std::deque<List> lists_;  // nodes point to them
  std::vector<List*> free_;
};

static_assert(FindsIntersectingChildren<PlanarRegion>);

}  // namespace cellwise
