// A polygon as the region of a covering, its edges handed down from cell to cell.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <unordered_map>
#include <vector>

#include "cellwise/polygon.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"
#include "cellwise/shape_index.h"

namespace cellwise {

namespace internal {

// Room for many short lists that come and go.
class ListPool {
 public:
  // Lists of class k have room for 16 * 2^k bytes.
  static int class_of(std::size_t bytes) noexcept { return std::bit_width((std::max(bytes, std::size_t{1}) - 1) >> 4); }

  void* take(int size_class) {
    if (Free*& first = free_[size_class]; first != nullptr) {
      void* found = first;
      first = first->next;
      return found;
    }
    const std::size_t size = std::size_t{16} << size_class;
    if (size > left_) {
      const std::size_t chunk = std::max(size, next_chunk_);
      next_chunk_ = std::min(2 * next_chunk_, std::size_t{1} << 20);
      chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk));
      top_ = chunks_.back().get();
      left_ = chunk;
    }
    void* made = top_;
    top_ += size;
    left_ -= size;
    return made;
  }
  // REQUIRES: `list` was taken as one of the class.
  void give(void* list, int size_class) noexcept {
    free_[size_class] = new (list) Free{free_[size_class]};
  }

 private:
  struct Free {
    Free* next;
  };
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::array<Free*, 60> free_{};
  std::byte* top_ = nullptr;
  std::size_t left_ = 0, next_chunk_ = 2048;
};

}  // namespace internal

// A polygon as the region of one covering. Answers repeat those of Google's S2ShapeIndexRegion.
//
// A covering goes from cells to their quarters, and so do the edges: each place hands the quarters the edges that meet
// them. Down to the cells of the index, which is divided only where the covering looks, edges are clipped as there;
// from these on, they are tested as Google tests them.
// REQUIRES: one thread an object; the polygon outlives it.
class PolygonRegion {
 public:
  // A cell, and what is known of it. Only `Place{}` is initialised: zeros, and outside.
  struct Place {
    std::uint64_t cell;
    std::int32_t i, j;  // leaf coordinates of its low corner
    std::int8_t level, orientation;
    bool met, contained;
    // Whether the polygon contains its middle, or before `middle_known` the middle of the cell that it is a quarter of.
    bool inside, middle_known;
    bool above_root;        // it holds all edges of its face, and the index starts below
    bool is_index_divided;  // `n` clipped pieces, else numbers of pieces to be tested
    std::int8_t list_class;
    std::uint32_t n;
    FaceEdges::Piece only;  // instead of a list with one number
    void* list;
    double u[2], v[2];
  };

  explicit PolygonRegion(const Polygon& polygon) : polygon_(polygon), edges_(polygon.edges()) {}
  PolygonRegion(const PolygonRegion&) = delete;

  static std::uint64_t cell(const Place& place) noexcept { return place.cell; }
  static bool met(const Place& place) noexcept { return place.met; }
  static bool contained(const Place& place) noexcept { return place.contained; }

  Place at(std::uint64_t cell) {
    const Place found = remembered(face_place(cell_face(cell)), cell);
    return found.cell == cell ? found : plain(internal::PaddedCell::of(cell), found.met);
  }

  // The quarters of a place, in curve order; its list is given back. Without `keep` they will not be split themselves.
  // REQUIRES: place.met; it is no leaf.
  void split(Place& place, Place* quarters, bool keep) {
    if (!take_remembered(place, quarters)) look_into(place, quarters, keep);
    drop(place);
  }

  // `split` that leaves the place its list.
  void look_into(Place& place, Place* quarters, bool keep) {
    const UV mid = middle(place);
    make_quarters(place, mid, quarters);
    if (place.contained) {
      for (int k = 0; k < 4; ++k) quarters[k].met = quarters[k].contained = true;
      return;
    }
    if (place.above_root) {
      const Root& root = roots_[cell_face(place.cell)];
      for (int k = 0; k < 4; ++k) {
        Place& quarter = quarters[k];
        quarter.met = quarter.contained = root.rest_inside;
        if (!cell_contains(quarter.cell, root.place.cell)) continue;
        if (quarter.cell == root.place.cell) {
          quarter = root.place;
        } else {
          quarter.met = quarter.above_root = true;
          quarter.contained = false;
        }
      }
      return;
    }
    if (place.list == nullptr && place.n == 1 && test_only(place, mid, quarters)) return;
    find_middle(place, mid);
    if (place.is_index_divided && !is_index_cell(place)) {
      divide(place, mid, quarters, keep);
    } else {
      test(place, mid, quarters, keep);
    }
  }

  // A whole face, from which `split` leads to all cells.
  Place face_place(int face) {
    const Root& root = root_of(face);
    const std::uint64_t cell = static_cast<std::uint64_t>(face) << 61 | level_bit(0);
    if (root.place.cell == cell) return root.place;
    return root.place.cell != 0 ? above_root(cell) : plain(internal::PaddedCell::of(cell), root.rest_inside);
  }

  static UV middle(const Place& place) noexcept {
    const std::int64_t size = level_size(place.level);
    return {st_to_uv(si_ti_to_st(2 * std::int64_t{place.i} + size)), st_to_uv(si_ti_to_st(2 * std::int64_t{place.j} + size))};
  }

  // Whether the polygon contains the middle of a place.
  bool middle_is_inside(Place& place) {
    if (place.above_root) return roots_[cell_face(place.cell)].rest_inside;
    if (place.n > 0) find_middle(place, middle(place));
    return place.inside || place.contained;
  }

  // Edges that meet a place, and perhaps others.
  template <class Visit>
  static void for_each_piece(const Place& place, Visit visit) {
    if (place.is_index_divided) {
      for (const Clipped& e : list<Clipped>(place)) visit(e.piece);
    } else {
      for (const FaceEdges::Piece piece : numbers(place)) visit(piece);
    }
  }

  // Whether an edge crosses the way from the middle of one cell to that of another; exact.
  bool is_crossed(FaceEdges::Piece piece, const UV& from, const UV& to, std::uint64_t from_cell,
                  std::uint64_t to_cell) const noexcept {
    if (!edges_.is_special(piece)) {
      const auto [a, b] = edges_.segment(piece);
      if (const int clearly = internal::crosses_clearly(from, to, a, b); clearly >= 0) return clearly > 0;
    }
    const std::uint32_t e = edges_.edge_of(piece);
    const Point p = cell_to_point(from_cell), q = cell_to_point(to_cell);
    return EdgeCrosser(p, q).crosses(edges_.start(e), edges_.end(e));
  }

  void drop(Place& place) noexcept {
    if (place.list != nullptr) pool_.give(place.list, place.list_class);
    place.list = nullptr;
  }

  // Of the face or faces that the index's cells lie on, or where that is one, of the children of their common
  // ancestor: the smallest cell each that holds all cells of the index there.
  void cell_union_bound(std::vector<std::uint64_t>& out) {
    out.clear();
    std::array<std::uint64_t, 6> first, last;
    int n_faces = 0, face = 0;
    for (int f = 0; f < 6; ++f) {
      Place place = face_place(f);
      if (!place.met) continue;
      face = f;
      first[f] = end_cell(place, 0);
      last[f] = end_cell(place, 3);
      out.push_back(cell_common_ancestor(first[f], last[f]));
      ++n_faces;
    }
    if (n_faces != 1 || first[face] == last[face]) return;
    const std::uint64_t ancestor = out[0];
    out.clear();
    Place place = remembered(face_place(face), ancestor);
    const Place* quarters = remember(place);
    for (int k = 0; k < 4; ++k) {
      if (!quarters[k].met) continue;
      out.push_back(cell_common_ancestor(end_cell(quarters[k], 0), end_cell(quarters[k], 3)));
    }
  }

 private:
  // Where the edges of a face begin to be divided, if it has any, and what is true of the rest of the face.
  struct Root {
    bool is_made = false, rest_inside = false;
    Place place{};
  };

  static int position_within(std::uint64_t cell, std::int32_t level) noexcept {
    return static_cast<int>(cell >> (2 * (kMaxLevel - level) - 1)) & 3;
  }

  static Place plain(const internal::PaddedCell& at, bool inside) noexcept {
    Place place{};
    place.cell = at.cell;
    place.i = at.i;
    place.j = at.j;
    place.level = static_cast<std::int8_t>(at.level);
    place.orientation = static_cast<std::int8_t>(at.orientation);
    place.met = place.contained = inside;
    const std::int32_t size = level_size(at.level);
    place.u[0] = st_to_uv(ij_to_st_min(at.i));
    place.u[1] = st_to_uv(ij_to_st_min(at.i + size));
    place.v[0] = st_to_uv(ij_to_st_min(at.j));
    place.v[1] = st_to_uv(ij_to_st_min(at.j + size));
    return place;
  }

  static Place above_root(std::uint64_t cell) noexcept {
    Place place = plain(internal::PaddedCell::of(cell), false);
    place.met = place.above_root = true;
    return place;
  }

  const Root& root_of(int face) {
    Root& root = roots_[face];
    if (root.is_made) return root;
    root.is_made = true;
    const std::uint64_t whole = static_cast<std::uint64_t>(face) << 61 | level_bit(0);
    const bool is_only_face = edges_.is_within_one_face();
    if (!(edges_.faces() >> face & 1)) {
      // As on a neighbour without edges, if there is one already.
      for (int other = 0; other < 6; ++other) {
        const bool is_neighbor = other % 3 != face % 3 && roots_[other].is_made && !(edges_.faces() >> other & 1);
        if (is_neighbor) {
          root.rest_inside = roots_[other].rest_inside;
          return root;
        }
      }
      root.rest_inside = is_only_face ? polygon_.start_inside() : polygon_.contains_by_all(cell_to_point(whole));
      return root;
    }
    UVRect bound;
    clipped_.clear();
    IndexSplitter{edges_}.pieces(face, clipped_, bound);
    const std::uint64_t cell = internal::PaddedCell::of(whole).shrunk_to(bound);
    root.place = plain(internal::PaddedCell::of(cell), true);
    root.place.contained = false;
    root.place.is_index_divided = root.place.middle_known = true;
    root.place.inside = polygon_.contains_by_all(cell_to_point(cell));
    set_list(root.place, clipped_.data(), clipped_.size());
    if (is_only_face) {
      root.rest_inside = polygon_.start_inside();
    } else if (cell != whole) {
      root.rest_inside = polygon_.contains_by_all(cell_to_point(cell_child(whole, position_within(cell, 0) ^ 1)));
    }
    return root;
  }

  // First (`end` 0) or last (3) cell of the index within a place that has one.
  std::uint64_t end_cell(Place place, int end) {
    while (!place.contained && (place.above_root || !is_index_cell(place))) {
      if (const Root& root = roots_[cell_face(place.cell)]; place.above_root && !root.rest_inside) {
        place = root.place;
        continue;
      }
      const Place* quarters = remember(place);
      int k = end;
      while (!quarters[k].met) k += end == 0 ? 1 : -1;
      place = quarters[k];
    }
    return place.cell;
  }

  bool take_remembered(const Place& place, Place* quarters) {
    if (!place.is_index_divided && !place.above_root) return false;  // only those are
    const auto known = split_before_.find(place.cell);
    if (known == split_before_.end()) return false;
    std::copy(known->second.begin(), known->second.end(), quarters);
    split_before_.erase(known);
    return true;
  }

  // Quarters of a place that `split` will be asked for again.
  const Place* remember(Place place) {
    auto known = split_before_.find(place.cell);
    if (known == split_before_.end()) {
      std::array<Place, 4> quarters;
      look_into(place, quarters.data(), true);
      known = split_before_.emplace(place.cell, quarters).first;
    }
    return known->second.data();
  }
  // The cell's place, or an ancestor's if that is all inside or all outside.
  Place remembered(Place place, std::uint64_t cell) {
    if (place.above_root) {
      const Place& root = roots_[cell_face(cell)].place;
      if (cell_contains(root.cell, cell)) {
        place = root;
      } else if (cell_contains(cell, root.cell)) {
        place = above_root(cell);
      }
    }
    while (place.cell != cell && place.met && !place.contained) {
      place = remember(place)[position_within(cell, place.level)];
    }
    return place;
  }

  // --- lists ------------------------------------------------------------------------------------------------------

  static std::span<const FaceEdges::Piece> numbers(const Place& place) noexcept {
    if (place.list == nullptr) return {&place.only, place.n};
    return list<FaceEdges::Piece>(place);
  }
  template <class T>
  static std::span<const T> list(const Place& place) noexcept {
    return {static_cast<const T*>(place.list), place.n};
  }
  template <class T>
  void set_list(Place& place, const T* items, std::size_t n) {
    place.n = static_cast<std::uint32_t>(n);
    place.list_class = static_cast<std::int8_t>(internal::ListPool::class_of(n * sizeof(T)));
    place.list = pool_.take(place.list_class);
    std::memcpy(place.list, items, n * sizeof(T));
  }

  // --- quarters ---------------------------------------------------------------------------------------------------

  // Where they lie; nothing else is known yet.
  static void make_quarters(const Place& place, const UV& mid, Place* quarters) noexcept {
    const std::int32_t half = level_size(place.level) >> 1;
    const double u[3] = {place.u[0], mid.u, place.u[1]}, v[3] = {place.v[0], mid.v, place.v[1]};
    for (int k = 0; k < 4; ++k) {
      const int ij = kPositionToIJ[place.orientation][k], upper_i = ij >> 1, upper_j = ij & 1;
      Place& quarter = quarters[k];
      quarter = Place{};
      quarter.cell = cell_child(place.cell, k);
      quarter.i = place.i + upper_i * half;
      quarter.j = place.j + upper_j * half;
      quarter.level = static_cast<std::int8_t>(place.level + 1);
      quarter.orientation = static_cast<std::int8_t>(place.orientation ^ kPositionToOrientation[k]);
      std::copy_n(u + upper_i, 2, quarter.u);
      std::copy_n(v + upper_j, 2, quarter.v);
    }
  }

  // The middle of a place's parent is one of its corners: from there the way to its own middle meets no other edges.
  void find_middle(Place& place, const UV& mid) {
    if (place.middle_known) return;
    place.middle_known = true;
    const std::int32_t size = level_size(place.level);
    const UV corner = {place.u[(place.i & size) == 0], place.v[(place.j & size) == 0]};
    const std::uint64_t parent = cell_parent(place.cell, place.level - 1);
    if (place.is_index_divided) {
      const UVRect way = {{std::min(corner.u, mid.u) - kCellPadding, std::max(corner.u, mid.u) + kCellPadding},
                          {std::min(corner.v, mid.v) - kCellPadding, std::max(corner.v, mid.v) + kCellPadding}};
      for (const Clipped& e : list<Clipped>(place)) {
        const bool is_apart = (e.bound.u.hi < way.u.lo) | (e.bound.u.lo > way.u.hi) | (e.bound.v.hi < way.v.lo) |
                              (e.bound.v.lo > way.v.hi);
        if (!is_apart) place.inside ^= is_crossed(e.piece, corner, mid, parent, place.cell);
      }
    } else {
      for (const FaceEdges::Piece piece : numbers(place)) {
        place.inside ^= is_crossed(piece, corner, mid, parent, place.cell);
      }
    }
  }

  // Is a place of the upper part a cell of the index?
  bool is_index_cell(const Place& place) const {
    if (!place.is_index_divided) return false;
    return IndexSplitter{edges_}.is_fine_enough(place.level, list<Clipped>(place), [&] {
      const auto at = internal::PaddedCell::of(place.cell);
      return polygon_.contains_by_all(at.entry());
    });
  }

  void divide(const Place& place, const UV& mid, Place* quarters, bool keep) {
    struct Run {
      Clipped *begin, *end;
      void push_back(const Clipped& e) noexcept { *end++ = e; }
    };
    if (clipped_.size() < 4 * std::size_t{place.n}) clipped_.resize(4 * std::size_t{place.n});
    std::array<Run, 4> found;
    for (std::size_t k = 0; k < 4; ++k) found[k].begin = found[k].end = clipped_.data() + k * place.n;
    IndexSplitter{edges_}.split(list<Clipped>(place), mid, found);
    for (int k = 0; k < 4; ++k) {
      const auto [begin, end] = found[kPositionToIJ[place.orientation][k]];
      const bool is_empty = begin == end;
      Place& quarter = quarters[k];
      quarter.inside = place.inside;
      quarter.is_index_divided = true;
      quarter.met = !is_empty || place.inside;
      quarter.contained = is_empty && place.inside;
      if (keep && !is_empty) set_list(quarter, begin, static_cast<std::size_t>(end - begin));
    }
  }

  // As `segment_meets`, for all four quarters of a place at once.
  struct QuarterTest {
    Interval u[2], v[2];  // padded sides of the lower and the upper half

    QuarterTest(const Place& place, const UV& mid) noexcept
        : u{{place.u[0] - kTestMargin, mid.u + kTestMargin}, {mid.u - kTestMargin, place.u[1] + kTestMargin}},
          v{{place.v[0] - kTestMargin, mid.v + kTestMargin}, {mid.v - kTestMargin, place.v[1] + kTestMargin}} {}

    // Calls `visit(k, whether the segment meets it)` for the quarters k = 2 * (upper u) + (upper v).
    template <class Visit>
    void operator()(const FaceEdges::Segment& segment, Visit visit) const noexcept {
      const auto& [a, b] = segment;
      const double nu = -(b.v - a.v), nv = b.u - a.u;
      const bool i = nu >= 0, j = nv >= 0;
      bool meets_u[2], meets_v[2];
      double far_u[2], near_u[2], far_v[2], near_v[2];
      for (int k = 0; k < 2; ++k) {
        meets_u[k] = !(std::min(a.u, b.u) > u[k].hi) & !(std::max(a.u, b.u) < u[k].lo);
        meets_v[k] = !(std::min(a.v, b.v) > v[k].hi) & !(std::max(a.v, b.v) < v[k].lo);
        const double lo_u = nu * (u[k].lo - a.u), hi_u = nu * (u[k].hi - a.u);
        const double lo_v = nv * (v[k].lo - a.v), hi_v = nv * (v[k].hi - a.v);
        far_u[k] = i ? hi_u : lo_u;
        near_u[k] = i ? lo_u : hi_u;
        far_v[k] = j ? hi_v : lo_v;
        near_v[k] = j ? lo_v : hi_v;
      }
      for (int k = 0; k < 4; ++k) {
        const int a_half = k >> 1, b_half = k & 1;
        visit(k, meets_u[a_half] & meets_v[b_half] & (far_u[a_half] + far_v[b_half] >= 0) &
                     (near_u[a_half] + near_v[b_half] <= 0));
      }
    }
  };

  void test(const Place& place, const UV& mid, Place* quarters, bool keep) {
    if (tested_.size() < 4 * std::size_t{place.n}) tested_.resize(4 * std::size_t{place.n});
    FaceEdges::Piece* found[4];
    for (std::size_t k = 0; k < 4; ++k) found[k] = tested_.data() + k * place.n;
    std::uint32_t n[4] = {};
    const QuarterTest meets(place, mid);
    const auto test = [&](FaceEdges::Piece piece) {
      meets(edges_.test_segment(piece), [&](int k, bool met) {
        found[k][n[k]] = piece;
        n[k] += met;
      });
    };
    if (place.is_index_divided) {
      for (const Clipped& e : list<Clipped>(place)) {
        if (edges_.is_testable(e.piece)) test(e.piece);
      }
    } else {
      for (const FaceEdges::Piece piece : numbers(place)) test(piece);
    }
    for (int k = 0; k < 4; ++k) {
      const int from = kPositionToIJ[place.orientation][k];
      Place& quarter = quarters[k];
      quarter.inside = place.inside;
      quarter.met = n[from] > 0 || place.inside;
      quarter.contained = n[from] == 0 && place.inside;
      if (n[from] == 1) {
        quarter.n = 1;
        quarter.only = *found[from];
      } else if (keep && n[from] > 1) {
        set_list(quarter, found[from], n[from]);
      }
    }
  }

  // `find_middle` and `test` of a place that one edge meets: it runs right through, and the middle lies inside if it
  // lies to its left. False, and nothing done, where roundings might decide.
  bool test_only(Place& place, const UV& mid, Place* quarters) const noexcept {
    if (edges_.is_special(place.only)) return false;
    const FaceEdges::Segment edge = edges_.segment(place.only);
    const int side = internal::clear_side(edge.a, edge.b, mid);
    if (side == 0) return false;
    place.middle_known = true;
    place.inside = side > 0;
    bool met[4];
    QuarterTest(place, mid)(edge, [&](int k, bool meets) { met[k] = meets; });
    for (int k = 0; k < 4; ++k) {
      const bool own = met[kPositionToIJ[place.orientation][k]];
      Place& quarter = quarters[k];
      quarter.inside = place.inside;
      quarter.met = own || place.inside;
      quarter.contained = !own && place.inside;
      quarter.n = own;
      quarter.only = place.only;
    }
    return true;
  }

  static constexpr double kTestMargin = kFaceClipError + kSegmentMeetsError;

  const Polygon& polygon_;
  const FaceEdges& edges_;
  std::array<Root, 6> roots_;
  internal::ListPool pool_;
  std::vector<Clipped> clipped_;  // room for those of four quarters, and here for what is tested
  std::vector<FaceEdges::Piece> tested_;
  std::unordered_map<std::uint64_t, std::array<Place, 4>> split_before_;
};
}  // namespace cellwise
