// Everything within a distance of points, lines and polygons, as a region of the sphere.
//
// Edges are looked at in pieces, each with a bound on how far it bows out from the geodesic between its ends (see
// planar.h; geodesics do not at all). A cell is compared with the pieces that come near its parent: it meets the region
// if it comes within the distance of one, or lies inside of the rings; it lies within the region if it lies inside of
// the rings and off all pieces, or a piece comes so near its centre that all of the cell is within the distance.
// Roundings, and up to kPlanarTolerance of bowing out, are on the safe side.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include "cellwise/hierarchy.h"
#include "cellwise/planar.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"
#include "cellwise/regions.h"
#include "cellwise/shape_index.h"

namespace cellwise {

namespace internal {

// Angle between two unit vectors; exact for small ones, too.
inline double angle_between(const Point& a, const Point& b) noexcept {
  const Point d = a - b;
  return 2 * std::asin(std::min(1.0, 0.5 * std::sqrt(dot(d, d))));
}

// Angle between a point and the geodesic from a to b, whose normal (of any length) is given.
inline double angle_to_edge(const Point& x, const Point& a, const Point& b, const Point& normal) noexcept {
  const double size2 = dot(normal, normal);
  // Does the nearest point of the great circle lie between the ends?
  if (size2 > 0 && dot(cross(normal, a), x) > 0 && dot(cross(b, normal), x) > 0) {
    return std::asin(std::min(1.0, std::fabs(dot(x, normal)) / std::sqrt(size2)));
  }
  return std::min(angle_between(x, a), angle_between(x, b));
}

inline Point edge_normal(const Point& a, const Point& b) noexcept { return cross(a - b, a + b); }

}  // namespace internal

class BufferedRegion {
 public:
  // A piece of an edge. Of a geodesic the positions are not used.
  struct Piece {
    LngLat a, b;
    Point pa, pb;
    double deviation;
  };
  struct Place {
    std::uint64_t cell;
    bool met, contained;
    std::int32_t list;  // of the pieces that come near, where it may be split
  };
  using Encloses = std::function<bool(const Point&)>;

  // `radius`: radians, less than a quarter turn. `encloses`: do the rings enclose a point?
  BufferedRegion(std::vector<Piece> pieces, double radius, Encloses encloses)
      : pieces_(std::move(pieces)), radius_(radius), encloses_(std::move(encloses)) {
    all_.resize(pieces_.size());
    std::iota(all_.begin(), all_.end(), 0);
  }

  static std::vector<Piece> pieces_of(const PlanarShape& shape) {
    std::vector<Piece> made;
    for (const PlanarPiece& piece : shape.pieces()) {
      const Point a = latlng_to_point(piece.a.lat, piece.a.lng), b = latlng_to_point(piece.b.lat, piece.b.lng);
      made.push_back({piece.a, piece.b, a, b, planar_deviation(piece, a, b)});
    }
    return made;
  }

  static std::uint64_t cell(const Place& place) noexcept { return place.cell; }
  static bool met(const Place& place) noexcept { return place.met; }
  static bool contained(const Place& place) noexcept { return place.contained; }

  Place at(std::uint64_t cell) {
    const std::int32_t list = new_list();
    return place_of(cell, all_, list);
  }
  void split(Place& place, Place* quarters, bool) {
    for (int k = 0; k < 4; ++k) {
      const std::uint64_t cell = cell_child(place.cell, k);
      if (place.contained) {
        quarters[k] = {cell, true, true, kNone};
      } else {
        const std::int32_t list = new_list();
        quarters[k] = place_of(cell, lists_[place.list], list);
      }
    }
    drop(place);
  }
  void drop(Place& place) {
    if (place.list != kNone) free_.push_back(place.list);
    place.list = kNone;
  }

  // A cap round the edges holds everything within the distance of them, and the rings' inside, unless that is the rest.
  void cell_union_bound(std::vector<std::uint64_t>& cells) const {
    Point sum = {0, 0, 0};
    for (const Piece& piece : pieces_) {
      for (int k = 0; k < 3; ++k) sum[k] += piece.pa[k] + piece.pb[k];
    }
    cells.clear();
    const bool is_empty = pieces_.empty();
    if (is_empty && !encloses_(cell_to_point(cell_child(level_bit(0), 0)))) return;
    double reach = 0;
    const Point center = dot(sum, sum) > 0 ? normalize(sum) : Point{1, 0, 0};
    for (const Piece& piece : pieces_) {
      const double ends =
          std::max(internal::angle_between(center, piece.pa), internal::angle_between(center, piece.pb));
      reach = std::max(reach, ends + piece.deviation + internal::angle_between(piece.pa, piece.pb));
    }
    reach += radius_ + kSlack;
    Cap cap = {center, angle_to_chord2(reach * (1 + 1e-9))};
    // Opposite, but a degree or so beside it: at a pole a planar ring's answer is not clear.
    const Point beyond = normalize({0.0123 - center[0], 0.0077 - center[1], -0.0111 - center[2]});
    if (is_empty || reach >= 1.4 || encloses_(beyond)) cap.radius2 = 4;
    cap.cell_union_bound(cells);
  }

  // Is the point within the distance, or enclosed?
  bool contains(const Point& x) const {
    if (encloses_(x)) return true;
    return std::any_of(pieces_.begin(), pieces_.end(), [&](const Piece& piece) { return comes_near(piece, x); });
  }

 private:
  static constexpr std::int32_t kNone = -1;
  static constexpr double kSlack = 1e-14;  // radians, much more than roundings

  // A cell as far as distances go.
  struct Square {
    Point center, corner[4], normal[4];
    double radius;  // from the centre to the farthest corner

    explicit Square(std::uint64_t cell) : center(cell_to_point(cell)), radius(0) {
      const CellUV c = cell_uv(cell);
      for (int k = 0; k < 4; ++k) {
        corner[k] = cell_uv_vertex(c, k);
        radius = std::max(radius, internal::angle_between(center, corner[k]));
      }
      for (int k = 0; k < 4; ++k) normal[k] = internal::edge_normal(corner[k], corner[(k + 1) & 3]);
    }
  };

  static std::pair<Piece, Piece> halves(const Piece& piece) noexcept {
    const LngLat middle = {0.5 * (piece.a.lng + piece.b.lng), 0.5 * (piece.a.lat + piece.b.lat)};
    const Point at = latlng_to_point(middle.lat, middle.lng);
    const double deviation = 0.25 * piece.deviation;
    return {{piece.a, middle, piece.pa, at, deviation}, {middle, piece.b, at, piece.pb, deviation}};
  }

  bool comes_near(const Piece& piece, const Point& x) const {
    const double apart = internal::angle_to_edge(x, piece.pa, piece.pb, internal::edge_normal(piece.pa, piece.pb));
    if (apart > radius_ + piece.deviation) return false;
    if (apart <= radius_ - piece.deviation || piece.deviation <= kPlanarTolerance) return true;
    const auto [first, second] = halves(piece);
    return comes_near(first, x) || comes_near(second, x);
  }

  // Angle between a cell and the geodesic of a piece: 0 if they cross or an end lies inside.
  static double angle_to_cell(const Piece& piece, const Square& square, const Point& normal) noexcept {
    double least = kPi;
    bool inside = true;
    for (int k = 0; k < 4; ++k) {
      const Point &v = square.corner[k], &w = square.corner[(k + 1) & 3], &n = square.normal[k];
      inside = inside && dot(n, piece.pa) >= 0;
      const double a = dot(n, piece.pa), b = dot(n, piece.pb), c = dot(normal, v), d = dot(normal, w);
      if (a * b < 0 && c * d < 0 && a * c < 0) return 0;  // they cross
      least = std::min({least, internal::angle_to_edge(v, piece.pa, piece.pb, normal),
                        internal::angle_to_edge(piece.pa, v, w, n), internal::angle_to_edge(piece.pb, v, w, n)});
    }
    return inside ? 0 : least;
  }

  enum Relation : std::uint8_t { kFar, kNear, kAllWithin };

  // `touches`: set if the piece, or nearly, meets the cell itself.
  Relation relation(const Piece& piece, const Square& square, bool& touches) const {
    const Point normal = internal::edge_normal(piece.pa, piece.pb);
    const double middle = internal::angle_to_edge(square.center, piece.pa, piece.pb, normal);
    const double d = piece.deviation;
    if (middle - square.radius > radius_ + d + kSlack) return kFar;
    if (middle + square.radius <= radius_ - d - kSlack) return kAllWithin;
    const double apart = angle_to_cell(piece, square, normal);
    if (apart > radius_ + d + kSlack) return kFar;
    const bool may_touch = apart <= d + kSlack;
    if (d <= kPlanarTolerance || (apart <= radius_ - d && !may_touch)) {
      touches |= may_touch;
      return kNear;
    }
    const auto [first, second] = halves(piece);
    const Relation one = relation(first, square, touches);
    if (one == kAllWithin) return one;
    return std::max(one, relation(second, square, touches));
  }

  Place place_of(std::uint64_t cell, const std::vector<std::uint32_t>& from, std::int32_t list) {
    const Square square(cell);
    bool near = false, touches = false;
    for (const std::uint32_t k : from) {
      const Relation found = relation(pieces_[k], square, touches);
      if (found == kFar) continue;
      if (found == kAllWithin) {
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

  std::int32_t new_list() {
    if (free_.empty()) {
      free_.push_back(static_cast<std::int32_t>(lists_.size()));
      lists_.emplace_back();
    }
    const std::int32_t list = free_.back();
    free_.pop_back();
    lists_[list].clear();
    return list;
  }

  std::vector<Piece> pieces_;
  double radius_;
  Encloses encloses_;
  std::vector<std::uint32_t> all_;
  std::deque<std::vector<std::uint32_t>> lists_;
  std::vector<std::int32_t> free_;
};

}  // namespace cellwise
