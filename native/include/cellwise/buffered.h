// Everything within a distance of points, lines and polygons, as a region of the sphere.
//
// Edges are divided into sub-edges, each with a bound of how far it deviates from the geodesic between its ends (see
// planar.h; geodesics do not deviate). A cell is compared with the sub-edges that come near its parent: it intersects
// the region if it is within the distance of one, or inside of the rings. It is contained in the region if it is inside
// of the rings and no sub-edge touches it, or if a sub-edge comes so near its center that all of the cell is within the
// distance. Coverings are conservative by rounding errors and by up to kPlanarTolerance of deviation.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include "cellwise/angles.h"
#include "cellwise/cap.h"
#include "cellwise/cell_uv.h"
#include "cellwise/conversion.h"
#include "cellwise/hierarchy.h"
#include "cellwise/planar.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"
#include "cellwise/region.h"

namespace cellwise {

namespace internal {

// The angle between two unit vectors; accurate for small ones, too.
inline double angle_between(const Point& a, const Point& b) noexcept {
  const Point d = a - b;
  return 2 * std::asin(std::min(1.0, 0.5 * std::sqrt(dot(d, d))));
}

// The angle between a point and the geodesic from a to b with that normal, of any length.
inline double angle_to_edge(const Point& x, const Point& a, const Point& b, const Point& normal) noexcept {
  const double size2 = dot(normal, normal);
  // Is the nearest point of the great circle between the ends?
  if (size2 > 0 && dot(cross(normal, a), x) > 0 && dot(cross(b, normal), x) > 0) {
    return std::asin(std::min(1.0, std::fabs(dot(x, normal)) / std::sqrt(size2)));
  }
  return std::min(angle_between(x, a), angle_between(x, b));
}

inline Point edge_normal(const Point& a, const Point& b) noexcept { return cross(a - b, a + b); }

}  // namespace internal

class BufferedRegion {
 public:
  // A sub-edge between the positions a and b; those of geodesics are not used.
  struct SubEdge {
    LngLat a, b;
    Point pa, pb;
    double deviation;
  };
  struct Node {
    std::uint64_t cell;
    bool intersects, contained;
    std::int32_t list;  // of the sub-edges that come near, if it may be subdivided
  };
  using Encloses = std::function<bool(const Point&)>;

  // `radius`: in radians, less than pi / 2. `encloses`: whether the rings enclose a point.
  BufferedRegion(std::vector<SubEdge> sub_edges, double radius, Encloses encloses)
      : sub_edges_(std::move(sub_edges)), radius_(radius), encloses_(std::move(encloses)) {
    all_.resize(sub_edges_.size());
    std::iota(all_.begin(), all_.end(), 0);
  }

  static std::vector<SubEdge> sub_edges_of(const PlanarEdges& edges) {
    std::vector<SubEdge> made;
    for (const PlanarSubEdge& sub_edge : edges.sub_edges()) {
      const Point a = latlng_to_point(sub_edge.a.lat, sub_edge.a.lng),
                  b = latlng_to_point(sub_edge.b.lat, sub_edge.b.lng);
      made.push_back({sub_edge.a, sub_edge.b, a, b, planar_deviation(sub_edge, a, b)});
    }
    return made;
  }

  const std::vector<SubEdge>& sub_edges() const noexcept { return sub_edges_; }

  static std::uint64_t cell(const Node& node) noexcept { return node.cell; }
  static bool intersects(const Node& node) noexcept { return node.intersects; }
  static bool contained(const Node& node) noexcept { return node.contained; }

  Node node_at(std::uint64_t cell) {
    const std::int32_t list = acquire_list();
    return make_node(cell, all_, list);
  }
  void subdivide(Node& node, Node* children, bool) {
    for (int k = 0; k < 4; ++k) {
      const std::uint64_t cell = cell_child(node.cell, k);
      if (node.contained) {
        children[k] = {cell, true, true, kNone};
      } else {
        const std::int32_t list = acquire_list();
        children[k] = make_node(cell, lists_[node.list], list);
      }
    }
    release(node);
  }
  void release(Node& node) {
    if (node.list != kNone) free_.push_back(node.list);
    node.list = kNone;
  }

  // A cap around the edges contains everything within the distance of them, and what the rings enclose, unless that is
  // the outer side.
  void cell_union_bound(std::vector<std::uint64_t>& cells) const {
    Point sum = {0, 0, 0};
    for (const SubEdge& sub_edge : sub_edges_) {
      for (int k = 0; k < 3; ++k) sum[k] += sub_edge.pa[k] + sub_edge.pb[k];
    }
    cells.clear();
    const bool is_empty = sub_edges_.empty();
    if (is_empty && !encloses_(cell_to_point(cell_child(level_bit(0), 0)))) return;
    double reach = 0;
    const Point center = dot(sum, sum) > 0 ? normalize(sum) : Point{1, 0, 0};
    for (const SubEdge& sub_edge : sub_edges_) {
      const double ends =
          std::max(internal::angle_between(center, sub_edge.pa), internal::angle_between(center, sub_edge.pb));
      reach = std::max(reach, ends + sub_edge.deviation + internal::angle_between(sub_edge.pa, sub_edge.pb));
    }
    reach += radius_ + kSlack;
    Cap cap = {center, angle_to_chord2(reach * (1 + 1e-9))};
    // A point about a degree from the antipode: whether a planar ring encloses a pole is not well defined.
    const Point beyond = normalize({0.0123 - center[0], 0.0077 - center[1], -0.0111 - center[2]});
    if (is_empty || reach >= 1.4 || encloses_(beyond)) cap.radius2 = 4;
    cap.cell_union_bound(cells);
  }

  // Is the point within the distance, or enclosed by the rings?
  bool contains(const Point& x) const {
    if (encloses_(x)) return true;
    return std::any_of(sub_edges_.begin(), sub_edges_.end(),
                       [&](const SubEdge& sub_edge) { return comes_near(sub_edge, x); });
  }

 private:
  static constexpr std::int32_t kNone = -1;
  static constexpr double kSlack = 1e-14;  // radians, much more than rounding errors

  // What distances to a cell are computed from.
  struct Square {
    Point center, corner[4], normal[4];
    double radius;  // from the center to the farthest corner

    explicit Square(std::uint64_t cell) : center(cell_to_point(cell)), radius(0) {
      const CellUV c = cell_uv(cell);
      for (int k = 0; k < 4; ++k) {
        corner[k] = cell_uv_vertex(c, k);
        radius = std::max(radius, internal::angle_between(center, corner[k]));
      }
      for (int k = 0; k < 4; ++k) normal[k] = internal::edge_normal(corner[k], corner[(k + 1) & 3]);
    }
  };

  static std::pair<SubEdge, SubEdge> halves(const SubEdge& sub_edge) noexcept {
    const LngLat center = {0.5 * (sub_edge.a.lng + sub_edge.b.lng), 0.5 * (sub_edge.a.lat + sub_edge.b.lat)};
    const Point at = latlng_to_point(center.lat, center.lng);
    const double deviation = 0.25 * sub_edge.deviation;
    return {{sub_edge.a, center, sub_edge.pa, at, deviation}, {center, sub_edge.b, at, sub_edge.pb, deviation}};
  }

  bool comes_near(const SubEdge& sub_edge, const Point& x) const {
    const double apart =
        internal::angle_to_edge(x, sub_edge.pa, sub_edge.pb, internal::edge_normal(sub_edge.pa, sub_edge.pb));
    if (apart > radius_ + sub_edge.deviation) return false;
    if (apart <= radius_ - sub_edge.deviation || sub_edge.deviation <= kPlanarTolerance) return true;
    const auto [first, second] = halves(sub_edge);
    return comes_near(first, x) || comes_near(second, x);
  }

  // The angle between a cell and the geodesic of a sub-edge: 0 if they cross or an end is in the cell.
  static double angle_to_cell(const SubEdge& sub_edge, const Square& square, const Point& normal) noexcept {
    double least = kPi;
    bool inside = true;
    for (int k = 0; k < 4; ++k) {
      const Point &v = square.corner[k], &w = square.corner[(k + 1) & 3], &n = square.normal[k];
      inside = inside && dot(n, sub_edge.pa) >= 0;
      const double a = dot(n, sub_edge.pa), b = dot(n, sub_edge.pb), c = dot(normal, v), d = dot(normal, w);
      if (a * b < 0 && c * d < 0 && a * c < 0) return 0;  // they cross
      least = std::min({least, internal::angle_to_edge(v, sub_edge.pa, sub_edge.pb, normal),
                        internal::angle_to_edge(sub_edge.pa, v, w, n), internal::angle_to_edge(sub_edge.pb, v, w, n)});
    }
    return inside ? 0 : least;
  }

  enum Relation : std::uint8_t { kFar, kNear, kCellWithin };

  // `touches`: set if the sub-edge intersects the cell itself, or nearly does.
  Relation relation(const SubEdge& sub_edge, const Square& square, bool& touches) const {
    const Point normal = internal::edge_normal(sub_edge.pa, sub_edge.pb);
    const double center = internal::angle_to_edge(square.center, sub_edge.pa, sub_edge.pb, normal);
    const double d = sub_edge.deviation;
    if (center - square.radius > radius_ + d + kSlack) return kFar;
    if (center + square.radius <= radius_ - d - kSlack) return kCellWithin;
    const double apart = angle_to_cell(sub_edge, square, normal);
    if (apart > radius_ + d + kSlack) return kFar;
    const bool may_touch = apart <= d + kSlack;
    if (d <= kPlanarTolerance || (apart <= radius_ - d && !may_touch)) {
      touches |= may_touch;
      return kNear;
    }
    const auto [first, second] = halves(sub_edge);
    const Relation one = relation(first, square, touches);
    if (one == kCellWithin) return one;
    return std::max(one, relation(second, square, touches));
  }

  Node make_node(std::uint64_t cell, const std::vector<std::uint32_t>& from, std::int32_t list) {
    const Square square(cell);
    bool near = false, touches = false;
    for (const std::uint32_t k : from) {
      const Relation found = relation(sub_edges_[k], square, touches);
      if (found == kFar) continue;
      if (found == kCellWithin) {
        free_.push_back(list);
        return {cell, true, true, kNone};
      }
      near = true;
      lists_[list].push_back(k);
    }
    const bool inside =
        !touches && encloses_(cell_level(cell) == 0 ? cell_to_point(cell_child(cell, 0)) : square.center);
    if (near && !inside) return {cell, true, false, list};
    free_.push_back(list);
    return {cell, inside, inside, kNone};
  }

  std::int32_t acquire_list() {
    if (free_.empty()) {
      free_.push_back(static_cast<std::int32_t>(lists_.size()));
      lists_.emplace_back();
    }
    const std::int32_t list = free_.back();
    free_.pop_back();
    lists_[list].clear();
    return list;
  }

  std::vector<SubEdge> sub_edges_;
  double radius_;
  Encloses encloses_;
  std::vector<std::uint32_t> all_;
  std::deque<std::vector<std::uint32_t>> lists_;
  std::vector<std::int32_t> free_;
};

static_assert(CoverRegion<BufferedRegion>);

}  // namespace cellwise
