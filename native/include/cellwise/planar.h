// Points, lines and polygons whose edges are straight in longitude and latitude, as regions of the sphere.
//
// On the sphere such an edge is a curve. It is looked at in pieces: of each, a bound is known on how far it bows out
// from the geodesic between its ends, and it is halved only where that could change an answer. So a coarse covering
// costs few pieces however long the edges are, and near an edge a cell is taken if it comes within kPlanarTolerance of
// it, to be on the safe side.
//
// How far a piece bows out: along (lat, lng) = linear in t in 0..1 with steps of a in longitude and b in latitude, the
// curve on the unit sphere has a tangential acceleration of at most A = a sin|lat| sqrt(4 b^2 + a^2 cos^2 lat). With n
// the unit normal of the great circle through the ends, f(t) = n . curve(t) is 0 at both ends and
// |f''| <= A + (a^2 + b^2) |f|, so that |f| <= A / (8 - a^2 - b^2).

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "cellwise/box_tree.h"
#include "cellwise/conversion.h"
#include "cellwise/degrees.h"
#include "cellwise/hierarchy.h"
#include "cellwise/projection.h"
#include "cellwise/regions.h"
#include "cellwise/shape_index.h"

namespace cellwise {

// Radians that a piece may bow out and still be taken for a geodesic: 1 cm, so that no cell is more than 6 cm off.
inline constexpr double kPlanarTolerance = 1.5e-9;

struct LngLat {  // degrees
  double lng, lat;
  bool is_in_range() const noexcept { return (std::fabs(lng) <= 360) & (std::fabs(lat) <= 90); }
};

// Roles of chains. A point is a line of one vertex; other roles are shells.
enum Role : std::uint8_t { kLineRole, kShellRole, kHoleRole };

struct PlanarPiece {
  LngLat a, b;
};

inline constexpr double kLongestPiece = 0.25 * 180 / kPi;  // degrees, in longitude and in latitude

// Bound of the deviation of a piece of at most kLongestPiece between two positions from the geodesic between them.
inline double planar_deviation(const PlanarPiece& piece, const Point& a, const Point& b) noexcept {
  const double d_lng = degrees_to_radians(std::fabs(piece.b.lng - piece.a.lng));
  const double d_lat = degrees_to_radians(std::fabs(piece.b.lat - piece.a.lat));
  const double sin1 = std::fabs(a[2]), sin2 = std::fabs(b[2]);
  const double low = a[2] * b[2] > 0 ? std::min(sin1, sin2) : 0;
  return d_lng * std::max(sin1, sin2) * std::sqrt(4 * d_lat * d_lat + d_lng * d_lng * (1 - low * low)) / 7.5;
}

// The edges and points of one geometry, and which positions its rings enclose.
//
// Where the plane is cut open the sphere is not: edges of rings along the same meridian, a turn apart, are the same
// place twice and no boundary; nor is a pole that a ring goes all the way round along.
// REQUIRES: latitudes in -90..90, longitudes in -360..360, all finite; rings do not cross.
class PlanarShape {
 public:
  PlanarShape() = default;
  PlanarShape(std::span<const LngLat> positions, std::span<const std::int64_t> offsets,
              std::span<const std::uint8_t> roles) {
    assign(positions, offsets, roles);
  }

  // Chain k has the vertices offsets[k] .. offsets[k + 1]; rings may be closed or not. Keeps the memory that it has.
  void assign(std::span<const LngLat> positions, std::span<const std::int64_t> offsets,
              std::span<const std::uint8_t> roles) {
    pieces_.clear();
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
    tree_.assign(pieces_.size(), [&](std::size_t k) {
      const auto& [a, b] = pieces_[k];
      return Box::of_segment(Double2{a.lng, a.lat}, Double2{b.lng, b.lat}, 0);
    });
    add_seams();
    each_chain(false, [&](const LngLat& a, const LngLat& b) { add_edge(a, b); });
  }

  const std::vector<PlanarPiece>& pieces() const noexcept { return pieces_; }
  // Do the rings enclose the position, or one whole turns from it? Not for positions on an edge.
  bool encloses(double lat, double lng) const noexcept {
    return encloses_here(lat, lng) || encloses_here(lat, lng - 360) || encloses_here(lat, lng + 360);
  }

 private:
  void add_edge(const LngLat& a, const LngLat& b) {
    const double longest = std::max(std::fabs(b.lng - a.lng), std::fabs(b.lat - a.lat));
    if (longest <= kLongestPiece) {
      pieces_.push_back({a, b});
      return;
    }
    const int n = static_cast<int>(std::ceil(longest / kLongestPiece));
    LngLat from = a;
    for (int k = 1; k <= n; ++k) {
      const double t = static_cast<double>(k) / n;
      const LngLat to = k == n ? b : LngLat{a.lng + t * (b.lng - a.lng), a.lat + t * (b.lat - a.lat)};
      pieces_.push_back({from, to});
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

  // The edges on meridians that count an odd number of times, and the poles that are not gone round.
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
      // Between the first end and the second an odd number of edges lies, from there to the third an even one, ...
      std::sort(ends_.begin(), ends_.end());
      for (std::size_t k = 0; k + 1 < ends_.size(); k += 2) {
        if (ends_[k] < ends_[k + 1]) add_edge({lng, ends_[k]}, {lng, ends_[k + 1]});
      }
    }
  }

  bool encloses_here(double lat, double lng) const noexcept {
    bool odd = false;
    for (const auto& [a, b] : polar_) odd ^= lat < a.lat && (a.lng <= lng) != (b.lng <= lng);
    if (tree_.empty()) return odd;
    tree_.visit(0, [&](std::uint32_t node) {
      const Box& box = tree_.box(node);
      if (!((lng >= box.x_lo) & (lng < box.x_hi) & (lat < box.y_hi))) return false;
      if (!tree_.is_item(node)) return true;
      const PlanarPiece& e = pieces_[tree_.item(node)];
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

  std::vector<PlanarPiece> pieces_;
  std::vector<PlanarPiece> polar_;  // edges along a pole, as long as they are
  std::vector<Meridian> meridians_;
  std::vector<double> ends_;
  BoxTree tree_;  // of the first pieces, of ring edges not along meridians or poles, in longitude and latitude
};

// A planar shape as the region of one covering, in places that hand down the pieces that meet them to their quarters.
// REQUIRES: one thread an object; the shape outlives it, or the next `reset`.
class PlanarRegion {
  // A piece on the plane of a face.
  struct FacePiece {
    LngLat a, b;
    UV ua, ub;
    double deviation;
  };
  // What meets a place: nodes of the face's tree, of which every piece does, and parts of other pieces.
  struct List {
    static constexpr std::uint32_t kPart = 0xffffffff;  // instead of a node

    std::vector<std::uint32_t> nodes;
    std::vector<FacePiece> parts;

    void clear() noexcept {
      nodes.clear();
      parts.clear();
    }
    void add(std::uint32_t node, const FacePiece& part) {
      if (node == kPart) {
        parts.push_back(part);
      } else {
        nodes.push_back(node);
      }
    }
  };

 public:
  // `list`: of the pieces that meet the place, where it may be split. `inside`, `outside`: of a place that pieces meet,
  // bit 2 * a + b for the corner at the (a: upper, else lower) end in u and (b) in v, if it is known to be so.
  struct Place {
    internal::PaddedCell square;
    bool met, contained;
    std::uint8_t inside, outside;
    List* list;
  };

  PlanarRegion() = default;
  PlanarRegion(const PlanarRegion&) = delete;  // places point into it
  PlanarRegion& operator=(const PlanarRegion&) = delete;

  // Makes it the region of another shape; keeps the memory.
  void reset(const PlanarShape& shape) {
    shape_ = &shape;
    for (Face& face : faces_) face.pieces.clear();
    free_.clear();
    for (List& list : lists_) free_.push_back(&list);
    End end = {};
    const LngLat* last = nullptr;
    for (const PlanarPiece& piece : shape.pieces()) {
      const End start = last != nullptr && last->lng == piece.a.lng && last->lat == piece.a.lat ? end : end_at(piece.a);
      end = end_at(piece.b);
      add(piece, start, end);
      last = &piece.b;
    }
    for (Face& face : faces_) {
      face.tree.assign(face.pieces.size(), [&](std::size_t k) { return box_of(face.pieces[k]); });
    }
  }

  static std::uint64_t cell(const Place& place) noexcept { return place.square.cell; }
  static bool met(const Place& place) noexcept { return place.met; }
  static bool contained(const Place& place) noexcept { return place.contained; }

  Place at(std::uint64_t cell) {
    const int number = cell_face(cell);
    const Face& face = faces_[number];
    List* list = new_list();
    const UVRect rect = expanded(cell_uv(cell), 0), wide = wider(rect, kRounding), inner = wider(rect, -kRounding);
    const auto look = [&](std::uint32_t node) {
      const Box& box = face.tree.box(node);
      if (!box.meets({wide.u.lo, wide.v.lo, wide.u.hi, wide.v.hi})) return false;
      if (box.x_lo > inner.u.lo && box.x_hi < inner.u.hi && box.y_lo > inner.v.lo && box.y_hi < inner.v.hi) {
        list->nodes.push_back(node);
        return false;
      }
      if (!face.tree.is_item(node)) return true;
      const FacePiece& piece = face.pieces[face.tree.item(node)];
      find_parts(piece, number, rect, [&](const FacePiece& part) {
        list->add(&part == &piece ? node : List::kPart, part);
        return true;
      });
      return false;
    };
    if (!face.tree.empty()) face.tree.visit(0, look);
    const bool met = !list->nodes.empty() || !list->parts.empty(), inside = !met && encloses_center(cell);
    Place place = {internal::PaddedCell::of(cell), met || inside, inside, 0, 0, list};
    if (!met) drop(place);
    return place;
  }

  // Whether surely a piece meets one of the place's quarters, or one lies inside: one with a corner of the place that
  // is inside, one with a node on one side of both middle lines, one that a straight piece runs through or another ends
  // in.
  bool meets_quarters(const Place& place) const noexcept {
    if (place.inside != 0) return true;
    if (place.list == nullptr) return false;
    const Face& face = faces_[place.square.face()];
    const FacePiece* piece = place.list->parts.data();
    const UV mid = place.square.middle();
    if (!place.list->nodes.empty()) {
      const std::uint32_t node = place.list->nodes[0];
      const Box& box = face.tree.box(node);
      if (((box.x_hi < mid.u) | (box.x_lo > mid.u)) & ((box.y_hi < mid.v) | (box.y_lo > mid.v))) return true;
      piece = &face.pieces[face.tree.first_item(node)];
    }
    const UVRect within = wider(expanded(cell_uv(place.square.cell), 0), -kRounding);
    if (is_straight(*piece)) return segment_meets(piece->ua, piece->ub, within);
    const auto holds = [&](const UV& p) {
      return within.contains(p) && std::fabs(p.u - mid.u) > kRounding && std::fabs(p.v - mid.v) > kRounding;
    };
    return holds(piece->ua) || holds(piece->ub);
  }

  // The quarters of a place, which is used up. `may_split`: whether they may be split in turn.
  void split(Place& place, Place* quarters, bool may_split) {
    if (place.contained) {
      for (int k = 0; k < 4; ++k) quarters[k] = {place.square.child(k), true, true, 0, 0, nullptr};
      return;
    }
    const std::int32_t half = place.square.size() >> 1, i = place.square.i, j = place.square.j;
    const auto line = [&](std::int32_t at, int k) { return st_to_uv(ij_to_st_min(at + k * half)); };
    const double u[3] = {line(i, 0), line(i, 1), line(i, 2)}, v[3] = {line(j, 0), line(j, 1), line(j, 2)};
    const Face& face = faces_[place.square.face()];
    struct Quarter {
      bool met = false;
      List* list = nullptr;
    } quarter[4];  // by halves: 2 * (upper in u) + (upper in v)
    const auto list_of = [&](Quarter& q) -> List& {
      if (q.list == nullptr) q.list = new_list();
      return *q.list;
    };
    // Hands a node or a part on to quarters; false if the node is to be opened for that.
    const auto hand_on = [&](const Box& box, std::uint32_t node, const FacePiece* part) {
      const bool low_u = box.x_lo <= u[1], high_u = box.x_hi >= u[1], low_v = box.y_lo <= v[1],
                 high_v = box.y_hi >= v[1];
      if (low_u != high_u && low_v != high_v) {
        // It meets the place and lies on one side of both middle lines, so that it meets that quarter.
        Quarter& q = quarter[2 * high_u + high_v];
        q.met = true;
        if (may_split && part == nullptr) list_of(q).nodes.push_back(node);
        if (may_split && part != nullptr) list_of(q).parts.push_back(*part);
        return true;
      }
      if (part == nullptr && !face.tree.is_item(node)) return false;
      const FacePiece& piece = part != nullptr ? *part : face.pieces[face.tree.item(node)];
      for (int ij = 0; ij < 4; ++ij) {
        const int a = ij >> 1, b = ij & 1;
        if (!(a ? high_u : low_u) || !(b ? high_v : low_v)) continue;
        Quarter& q = quarter[ij];
        const UVRect rect = {{u[a], u[a + 1]}, {v[b], v[b + 1]}};
        if (q.met && !may_split) continue;
        find_parts(piece, place.square.face(), rect, [&](const FacePiece& found) {
          q.met = true;
          if (may_split) list_of(q).add(&found == &piece ? node : List::kPart, found);
          return may_split;
        });
      }
      return true;
    };
    for (const std::uint32_t first : place.list->nodes) {
      face.tree.visit(first, [&](std::uint32_t node) { return !hand_on(face.tree.box(node), node, nullptr); });
    }
    for (const FacePiece& part : place.list->parts) hand_on(box_of(part), List::kPart, &part);
    drop(place);
    // Quarters without pieces touch one another in the middle, so that all of them lie inside or none.
    unsigned clear = 0;
    for (int ij = 0; ij < 4; ++ij) clear |= static_cast<unsigned>(!quarter[ij].met) << ij;
    bool is_known = (clear & (place.inside | place.outside)) != 0, inside = (clear & place.inside) != 0;
    for (int k = 0; k < 4; ++k) {
      const internal::PaddedCell square = place.square.child(k);
      const int ij = place.square.quarter(k);
      if (!is_known && (clear >> ij & 1) != 0) {
        inside = encloses_center(square.cell);
        is_known = true;
      }
      quarters[k].square = square;
    }
    for (int k = 0; k < 4; ++k) {
      const int ij = place.square.quarter(k);
      const bool met = quarter[ij].met;
      // It shares a corner with the place, one with each quarter beside it, and the middle with all of them.
      const unsigned own = 1U << ij;
      const unsigned known = met ? (clear & (1U << (ij ^ 1) | 1U << (ij ^ 2))) | (clear != 0 ? 1U << (3 - ij) : 0) : 0;
      quarters[k].met = met || inside;
      quarters[k].contained = !met && inside;
      quarters[k].inside = static_cast<std::uint8_t>((place.inside & own) | (inside ? known : 0));
      quarters[k].outside = static_cast<std::uint8_t>((place.outside & own) | (inside ? 0 : known));
      quarters[k].list = quarter[ij].list;
    }
  }

  void drop(Place& place) {
    if (place.list == nullptr) return;
    free_.push_back(place.list);
    place.list = nullptr;
  }

  // For each face that the shape reaches, the smallest cell that holds what lies there.
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
      // What lies outside of the bounds lies, all of it or none, at a corner of the face.
      bool beyond = false;
      for (const double u : {-1, 1}) {
        for (const double v : {-1, 1}) {
          if (bound.contains({u, v})) continue;
          const LngLat& corner = face_places().corners[face][2 * (u > 0) + (v > 0)];
          beyond |= shape_->encloses(corner.lat, corner.lng);
        }
      }
      out.push_back(beyond ? cell : internal::PaddedCell::of(cell).shrunk_to(bound));
    }
  }

 private:
  struct Face {
    std::vector<FacePiece> pieces;
    BoxTree tree;  // of them with their margins, in u and v
  };
  struct End {  // of a piece
    Point at;
    int face;
    UV uv;
  };

  static constexpr double kRounding = 2e-14;  // of u and v, much more than it can be

  static Point to_point(const LngLat& at) noexcept { return near_point(at.lat, at.lng); }
  static UV to_uv(int face, const Point& p) noexcept {
    const FaceUV at = xyz_to_given_face_uv(face, p);
    return {at.u, at.v};
  }

  // How far in u or v a piece can be from the segment between its ends: on a face an angle is stretched up to three
  // times, and a little more a little beyond its corners.
  static double margin(const FacePiece& piece) noexcept { return 3.25 * piece.deviation + kRounding; }

  static bool is_straight(const FacePiece& piece) noexcept { return piece.deviation <= kPlanarTolerance; }

  static Box box_of(const FacePiece& piece) noexcept {
    return Box::of_segment(Double2{piece.ua.u, piece.ua.v}, Double2{piece.ub.u, piece.ub.v}, margin(piece));
  }

  static End end_at(const LngLat& at) noexcept {
    const Point p = to_point(at);
    const int face = point_face(p);
    return {p, face, to_uv(face, p)};
  }

  void add(const PlanarPiece& piece, const End& from, const End& to) {
    const Point &a = from.at, &b = to.at;
    const double deviation = planar_deviation(piece, a, b);
    if (from.face == to.face) {
      const FacePiece whole = {piece.a, piece.b, from.uv, to.uv, deviation};
      const double within = 1 - margin(whole);
      if (std::max({std::fabs(whole.ua.u), std::fabs(whole.ua.v), std::fabs(whole.ub.u), std::fabs(whole.ub.v)}) <=
          within) {
        faces_[from.face].pieces.push_back(whole);
        return;
      }
    }
    // Pieces are short: one with an end at more than about 78 degrees from a face's centre does not reach the face.
    for (int f = 0; f < 6; ++f) {
      if (xyz_to_uvw(f, a)[2] < 0.2 || xyz_to_uvw(f, b)[2] < 0.2) continue;
      const FacePiece whole = {piece.a, piece.b, to_uv(f, a), to_uv(f, b), deviation};
      find_parts(whole, f, {{-1, 1}, {-1, 1}}, [&](const FacePiece& part) {
        faces_[f].pieces.push_back(part);
        return true;
      });
    }
  }

  static UVRect wider(const UVRect& rect, double margin) noexcept {
    return {{rect.u.lo - margin, rect.u.hi + margin}, {rect.v.lo - margin, rect.v.hi + margin}};
  }
  // Calls `found` with the parts of the piece that meet the rectangle, or may, as long as it returns true.
  template <class Found>
  static bool find_parts(const FacePiece& piece, int face, const UVRect& r, const Found& found) {
    const double m = margin(piece);
    if (!segment_meets(piece.ua, piece.ub, wider(r, m))) return true;
    if (is_straight(piece)) return found(piece);
    const UVRect rect = wider(r, -kRounding), inner = wider(r, -m);
    if (rect.contains(piece.ua) || rect.contains(piece.ub)) return found(piece);
    if (inner.u.lo <= inner.u.hi && inner.v.lo <= inner.v.hi && segment_meets(piece.ua, piece.ub, inner)) {
      return found(piece);
    }
    const LngLat middle = {0.5 * (piece.a.lng + piece.b.lng), 0.5 * (piece.a.lat + piece.b.lat)};
    const UV at = to_uv(face, to_point(middle));
    const double deviation = 0.25 * piece.deviation;
    return find_parts({piece.a, middle, piece.ua, at, deviation}, face, r, found) &&
           find_parts({middle, piece.b, at, piece.ub, deviation}, face, r, found);
  }
  // Of a cell that no piece meets.
  bool encloses_center(std::uint64_t cell) const noexcept {
    if (cell_level(cell) == 0) {
      const LngLat& at = face_places().centers[cell_face(cell)];
      return shape_->encloses(at.lat, at.lng);
    }
    const auto [lat, lng] = cell_to_latlng(cell);
    return shape_->encloses(lat, lng);
  }

  // Places on faces that every shape is asked about. Those of `centers` are the centres of first children: the centre
  // of a face may be a pole or lie on 180, where the plane is cut open.
  struct FacePlaces {
    std::array<LngLat, 6> centers;
    std::array<std::array<LngLat, 4>, 6> corners;  // 2 * (upper u) + (upper v)

    FacePlaces() noexcept {
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
  static const FacePlaces& face_places() {
    static const FacePlaces places;
    return places;
  }

  List* new_list() {
    if (free_.empty()) free_.push_back(&lists_.emplace_back());
    List* list = free_.back();
    free_.pop_back();
    list->clear();
    return list;
  }

  const PlanarShape* shape_ = nullptr;
  std::array<Face, 6> faces_;
  std::deque<List> lists_;  // whose elements stay where they are
  std::vector<List*> free_;
};

}  // namespace cellwise
