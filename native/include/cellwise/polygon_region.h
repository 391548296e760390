// A polygon as the region of a covering, its edges handed down from cell to cell.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "cellwise/box_tree.h"
#include "cellwise/double2.h"
#include "cellwise/face_segments.h"
#include "cellwise/list_pool.h"
#include "cellwise/polygon.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"
#include "cellwise/shape_index.h"
#include "cellwise/short_list.h"

namespace cellwise {

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
    // Then of the `n` pieces the list has those that are clipped, and nodes of the face's tree that hold the others;
    // else the numbers of pieces to be tested.
    bool is_index_divided;
    std::int8_t list_class;
    std::uint32_t n;
    union {
      FaceEdges::Piece only;  // instead of a list with one number
      std::uint32_t n_clipped;
    };
    std::uint32_t n_nodes;
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
    if (place.is_index_divided && !is_index_cell(place)) {
      divide(place, mid, quarters, keep);
    } else {
      test(place, mid, quarters, keep);
    }
  }

  // Whether surely an edge meets one of the place's quarters, or one lies inside. The quarter at a point that is inside
  // is one of these; and an edge that meets a little less than the place meets one, as tests and clipping have that to
  // spare.
  bool meets_quarters(const Place& place) const noexcept {
    if (place.above_root | place.inside) return true;
    if (place.n == 0) return false;
    // Boxes of nodes lie well within, but for those at the border of a face.
    if (place.is_index_divided && place.n_nodes > 0 && edges_.is_within_one_face()) return true;
    const FaceEdges::Piece piece = first_piece(place);
    if (!edges_.is_testable(piece)) return false;
    constexpr double kLess = 2 * kSegmentMeetsError;
    const auto [a, b] = edges_.test_segment(piece);
    // Of edges in the ring's order the first mostly comes from without.
    const UVRect within = {{place.u[0] + kLess, place.u[1] - kLess}, {place.v[0] + kLess, place.v[1] - kLess}};
    return within.contains(b) || segment_meets(a, b, within);
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
    return {st_to_uv(si_ti_to_st(2 * std::int64_t{place.i} + size)),
            st_to_uv(si_ti_to_st(2 * std::int64_t{place.j} + size))};
  }

  // Whether the polygon contains the middle of a place.
  bool middle_is_inside(Place& place) {
    if (place.above_root) return roots_[cell_face(place.cell)].rest_inside;
    if (place.n > 0) {
      find_middle(place, middle(place), [&](const Way& way, const auto& count) {
        if (place.is_index_divided) {
          for_each_on_way(root_at(place), clipped(place), nodes(place), way, count);
        } else {
          for (const FaceEdges::Piece piece : numbers(place)) count(piece);
        }
      });
    }
    return place.inside || place.contained;
  }

  // Edges that meet a place, and perhaps others.
  template <class Visit>
  void for_each_piece(const Place& place, Visit visit) const {
    if (place.is_index_divided) {
      for_each_index_piece(place, visit);
    } else {
      for (const FaceEdges::Piece piece : numbers(place)) visit(piece);
    }
  }

  // From the middle of one cell to that of another, straight.
  struct Way {
    UV from, to;
    std::uint64_t from_cell, to_cell;

    bool may_meet(const UVRect& box) const noexcept {
      const double u_lo = std::min(from.u, to.u) - kCellPadding, u_hi = std::max(from.u, to.u) + kCellPadding;
      const double v_lo = std::min(from.v, to.v) - kCellPadding, v_hi = std::max(from.v, to.v) + kCellPadding;
      return (box.u.lo <= u_hi) & (box.u.hi >= u_lo) & (box.v.lo <= v_hi) & (box.v.hi >= v_lo);
    }
  };

  // Whether an edge crosses the way; exact.
  bool is_crossed(FaceEdges::Piece piece, const Way& way) const noexcept {
    if (!edges_.is_special(piece)) {
      const auto [a, b] = edges_.segment(piece);
      if (const int clearly = internal::crosses_by_sides(way.from, way.to, a, b); clearly >= 0) return clearly > 0;
    }
    const std::uint32_t e = edges_.edge_of(piece);
    const Point p = cell_to_point(way.from_cell), q = cell_to_point(way.to_cell);
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
    Bound last{};
    for (int face = 0; face < 6; ++face) {
      const Place place = face_place(face);
      if (!place.met) continue;
      last = bound_of(place);
      out.push_back(last.place.cell);
    }
    if (out.size() != 1 || last.is_index_cell) return;
    out.clear();
    const std::array<Place, 4> quarters = remember(last.place);
    for (const Place& quarter : quarters) {
      if (quarter.met) out.push_back(bound_of(quarter).place.cell);
    }
  }

 private:
  // Where the edges of a face begin to be divided, if it has any, and what is true of the rest of the face.
  struct Root {
    bool is_made = false, rest_inside = false;
    Place place{};
    std::vector<FaceEdges::Piece> pieces{};
    BoxTree tree{};  // of runs of kRun pieces, if they are many
    std::vector<std::uint32_t> sizes{};  // of nodes, in pieces

    std::span<const FaceEdges::Piece> run(std::uint32_t node) const noexcept {
      return std::span(pieces).subspan(std::size_t{kRun} * tree.item(node), sizes[node]);
    }
  };
  static constexpr std::uint32_t kRun = 4;
  static constexpr std::uint32_t kFewTested = 16;
  static constexpr std::size_t kFewPieces = 24;  // that need no tree

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
    IndexList& all = divided_[0];
    all.clear();
    UVRect bound;
    const bool is_few = edges_.most_pieces(face) <= kFewPieces;
    if (is_few) {
      IndexSplitter{edges_}.pieces(face, all.clipped, bound);
    } else {
      plant(face, root);
      const Box& box = root.tree.box(0);
      bound = {{box.x_lo, box.x_hi}, {box.y_lo, box.y_hi}};
      all.nodes.push_back(0);
    }
    const std::uint64_t cell = internal::PaddedCell::of(whole).shrunk_to(bound);
    root.place = plain(internal::PaddedCell::of(cell), true);
    root.place.contained = false;
    root.place.is_index_divided = root.place.middle_known = true;
    root.place.inside = is_only_face && !is_few ? contains_middle(root) : polygon_.contains_by_all(cell_to_point(cell));
    set_index_list(root.place, all, is_few ? static_cast<std::uint32_t>(all.clipped.size()) : root.sizes[0]);
    if (is_only_face) {
      root.rest_inside = polygon_.start_inside();
    } else if (cell != whole) {
      const std::uint64_t other = cell_child(whole, position_within(cell, 0) ^ 1);
      const Way way = {middle(root.place), internal::PaddedCell::of(other).middle(), cell, other};
      root.rest_inside = root.place.inside;
      for_each_on_way(root, clipped(root.place), nodes(root.place), way,
                      [&](FaceEdges::Piece piece) { root.rest_inside ^= is_crossed(piece, way); });
    }
    return root;
  }

  void plant(int face, Root& root) const {
    root.pieces.resize(edges_.most_pieces(face));
    FaceEdges::Piece* end = root.pieces.data();
    edges_.for_each_piece(face, [&](FaceEdges::Piece piece) { *end++ = piece; });
    const auto n = static_cast<std::size_t>(end - root.pieces.data()), n_runs = (n + kRun - 1) / kRun;
    root.pieces.resize(n);
    root.tree.assign(n_runs, [&](std::size_t k) {
      Double2 low = {HUGE_VAL, HUGE_VAL}, high = -low;
      for (const FaceEdges::Piece piece :
           std::span(root.pieces).subspan(kRun * k, std::min<std::size_t>(kRun, n - kRun * k))) {
        const FaceEdges::Segment segment = edges_.segment(piece);
        const Double2 a = {segment.a.u, segment.a.v}, b = {segment.b.u, segment.b.v};
        low = smaller(low, smaller(a, b));
        high = larger(high, larger(a, b));
      }
      return Box::of(low, high);
    });
    root.sizes.resize(root.tree.size());
    for (auto node = static_cast<std::uint32_t>(root.tree.size()); node-- > 0;) {
      std::uint32_t size = 0;
      if (root.tree.is_item(node)) {
        size = static_cast<std::uint32_t>(std::min<std::size_t>(kRun, n - std::size_t{kRun} * root.tree.item(node)));
      } else {
        for (std::uint32_t k = root.tree.first_below(node); k < root.tree.end_below(node); ++k) size += root.sizes[k];
      }
      root.sizes[node] = size;
    }
  }

  // Whether the polygon, which lies on this face alone, contains the middle of the root: straight from beyond the face,
  // where everything is as at the start of the curve.
  bool contains_middle(const Root& root) const {
    const std::uint64_t cell = root.place.cell;
    const UV mid = middle(root.place), beyond = {-2, mid.v};
    const Point p = cell_to_point(cell), from = normalize(face_uv_to_xyz(cell_face(cell), beyond.u, beyond.v));
    const EdgeCrosser crosser(from, p);
    bool inside = polygon_.start_inside();
    for_each_piece_on_way(root, 0, beyond, mid, [&](FaceEdges::Piece piece) {
      const auto [a, b] = edges_.segment(piece);
      const int clearly = internal::crosses_clearly(beyond, mid, a, b);
      inside ^= clearly >= 0 ? clearly > 0 : crosser.crosses(edges_.start(piece), edges_.end(piece));
    });
    return inside;
  }

  // Pieces below a node that meet the way from p to q, and others.
  template <class Visit>
  static void for_each_piece_on_way(const Root& root, std::uint32_t first, const UV& p, const UV& q,
                                    const Visit& visit) {
    root.tree.visit(first, [&](std::uint32_t node) {
      const Box& box = root.tree.box(node);
      const UVRect wide = {{box.x_lo - kCellPadding, box.x_hi + kCellPadding},
                           {box.y_lo - kCellPadding, box.y_hi + kCellPadding}};
      if (!segment_meets(p, q, wide)) return false;
      if (!root.tree.is_item(node)) return true;
      for (const FaceEdges::Piece piece : root.run(node)) visit(piece);
      return false;
    });
  }

  struct Bound {
    Place place;
    bool is_index_cell;
  };
  // The smallest cell that holds all cells of the index within a place that has some.
  Bound bound_of(Place place) {
    for (;;) {
      if (place.above_root) {
        const Root& root = root_at(place);
        if (root.rest_inside) return {place, false};
        place = root.place;
      }
      if (place.contained || is_index_cell(place)) return {place, true};
      const std::array<Place, 4>& quarters = remember(place);
      const auto met = [](const Place& quarter) { return quarter.met; };
      if (std::count_if(quarters.begin(), quarters.end(), met) > 1) return {place, false};
      place = *std::find_if(quarters.begin(), quarters.end(), met);
    }
  }

  bool take_remembered(const Place& place, Place* quarters) {
    if (!place.is_index_divided && !place.above_root) return false;  // only those are
    const auto known = find_split(place.cell);
    if (known == split_before_.end()) return false;
    std::copy(known->quarters.begin(), known->quarters.end(), quarters);
    *known = split_before_.back();
    split_before_.pop_back();
    return true;
  }

  // Quarters of a place that `split` will be asked for again; until the next call.
  const std::array<Place, 4>& remember(Place place) {
    if (const auto known = find_split(place.cell); known != split_before_.end()) return known->quarters;
    std::array<Place, 4> quarters;
    look_into(place, quarters.data(), true);
    split_before_.push_back({place.cell, quarters});
    return split_before_.back().quarters;
  }

  struct Split {
    std::uint64_t cell;
    std::array<Place, 4> quarters;
  };
  Split* find_split(std::uint64_t cell) noexcept {
    return std::find_if(split_before_.begin(), split_before_.end(),
                        [=](const Split& each) { return each.cell == cell; });
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

  // --- lists -------------------------------------------------------------------------------------

  static std::span<const FaceEdges::Piece> numbers(const Place& place) noexcept {
    if (place.list == nullptr) return {&place.only, place.n};
    return {static_cast<const FaceEdges::Piece*>(place.list), place.n};
  }
  void set_numbers(Place& place, const FaceEdges::Piece* items, std::size_t n) {
    place.n = static_cast<std::uint32_t>(n);
    place.list_class = static_cast<std::int8_t>(internal::ListPool::class_of(n * sizeof(FaceEdges::Piece)));
    place.list = pool_.take(place.list_class);
    std::memcpy(place.list, items, n * sizeof(FaceEdges::Piece));
  }

  // What the list of a place has while the index is divided.
  struct IndexList {
    internal::ShortList<Clipped, 32> clipped;
    internal::ShortList<std::uint32_t, 32> nodes;
    void push_back(const Clipped& e) { clipped.push_back(e); }
    void clear() noexcept {
      clipped.clear();
      nodes.clear();
    }
  };
  static std::span<const Clipped> clipped(const Place& place) noexcept {
    return {static_cast<const Clipped*>(place.list), place.n_clipped};
  }
  static std::span<const std::uint32_t> nodes(const Place& place) noexcept {
    const auto* after = static_cast<const std::byte*>(place.list) + sizeof(Clipped) * place.n_clipped;
    return {reinterpret_cast<const std::uint32_t*>(after), place.n_nodes};
  }
  void set_index_list(Place& place, const IndexList& items, std::uint32_t n) {
    const std::size_t clipped_bytes = sizeof(Clipped) * items.clipped.size(), node_bytes = 4 * items.nodes.size();
    place.n = n;
    place.n_clipped = static_cast<std::uint32_t>(items.clipped.size());
    place.n_nodes = static_cast<std::uint32_t>(items.nodes.size());
    place.list_class = static_cast<std::int8_t>(internal::ListPool::class_of(clipped_bytes + node_bytes));
    place.list = pool_.take(place.list_class);
    std::uninitialized_copy(items.clipped.begin(), items.clipped.end(), static_cast<Clipped*>(place.list));
    auto* const after = reinterpret_cast<std::uint32_t*>(static_cast<std::byte*>(place.list) + clipped_bytes);
    std::uninitialized_copy(items.nodes.begin(), items.nodes.end(), after);
  }
  template <class Visit>
  void for_each_index_piece(const Place& place, Visit visit) const {
    for (const Clipped& e : clipped(place)) visit(e.piece);
    const Root& root = root_at(place);
    for (const std::uint32_t first : nodes(place)) {
      root.tree.visit(first, [&](std::uint32_t node) {
        if (!root.tree.is_item(node)) return true;
        for (const FaceEdges::Piece piece : root.run(node)) visit(piece);
        return false;
      });
    }
  }
  // REQUIRES: place.n > 0.
  FaceEdges::Piece first_piece(const Place& place) const noexcept {
    if (!place.is_index_divided) return numbers(place)[0];
    if (place.n_clipped > 0) return clipped(place)[0].piece;
    const Root& root = root_at(place);
    return root.pieces[std::size_t{kRun} * root.tree.first_item(nodes(place)[0])];
  }
  const Root& root_at(const Place& place) const noexcept { return roots_[cell_face(place.cell)]; }

  // --- quarters ----------------------------------------------------------------------------------

  // Where they lie; nothing else is known yet.
  static void make_quarters(const Place& place, const UV& mid, Place* quarters) noexcept {
    const std::int32_t half = level_size(place.level) >> 1;
    const std::uint64_t first = cell_child(place.cell, 0), step = lowest_bit(place.cell) >> 1;
    for (int k = 0; k < 4; ++k) {
      const int ij = kPositionToIJ[place.orientation][k], upper_i = ij >> 1, upper_j = ij & 1;
      quarters[k] = {.cell = first + step * static_cast<std::uint64_t>(k),
                     .i = place.i + upper_i * half,
                     .j = place.j + upper_j * half,
                     .level = static_cast<std::int8_t>(place.level + 1),
                     .orientation = static_cast<std::int8_t>(place.orientation ^ kPositionToOrientation[k]),
                     .u = {upper_i ? mid.u : place.u[0], upper_i ? place.u[1] : mid.u},
                     .v = {upper_j ? mid.v : place.v[0], upper_j ? place.v[1] : mid.v}};
    }
  }

  // Of the quarters of a place, that which has the middle of the place's parent as a corner: 2 * (upper u) + (upper v).
  static int quarter_at_parent(const Place& place) noexcept {
    const std::int32_t size = level_size(place.level);
    return 2 * ((place.i & size) == 0) + ((place.j & size) == 0);
  }

  // Whether the middle of a place lies inside, by the middle of its parent. The way there goes through one quarter:
  // `for_each_on_way(way, count)` calls `count` for all pieces that it may meet.
  template <class ForEachOnWay>
  void find_middle(Place& place, const UV& mid, const ForEachOnWay& for_each_on_way) const {
    if (place.middle_known) return;
    place.middle_known = true;
    const int quarter = quarter_at_parent(place);
    const Way way = {
        {place.u[quarter >> 1], place.v[quarter & 1]}, mid, cell_parent(place.cell, place.level - 1), place.cell};
    for_each_on_way(way, [&](FaceEdges::Piece piece) { place.inside ^= is_crossed(piece, way); });
  }
  template <class Count>
  static void for_each_on_way(const Root& root, std::span<const Clipped> pieces, std::span<const std::uint32_t> nodes,
                              const Way& way, const Count& count) {
    for (const Clipped& e : pieces) {
      if (way.may_meet(e.bound)) count(e.piece);
    }
    for (const std::uint32_t node : nodes) for_each_piece_on_way(root, node, way.from, way.to, count);
  }

  // Is a place of the upper part a cell of the index?
  bool is_index_cell(const Place& place) const {
    if (!place.is_index_divided) return false;
    const auto count_short = [&](const IndexSplitter::ShortEdges& is_short, std::size_t enough) {
      std::size_t n = 0;
      const auto count = [&](FaceEdges::Piece piece) { n += is_short(edges_.length2(piece)); };
      const Root& root = root_at(place);
      for (const std::uint32_t first : nodes(place)) {
        if (n > enough) return n;
        root.tree.visit(first, [&](std::uint32_t node) {
          if (n > enough) return false;
          const Box& box = root.tree.box(node);
          if (is_short.hold(box.x_hi - box.x_lo, box.y_hi - box.y_lo)) {
            n += root.sizes[node];
          } else if (!root.tree.is_item(node)) {
            return true;
          } else {
            for (const FaceEdges::Piece piece : root.run(node)) count(piece);
          }
          return false;
        });
      }
      for (const Clipped& e : clipped(place)) {
        if (n > enough) return n;
        count(e.piece);
      }
      return n;
    };
    return IndexSplitter::is_fine_enough(place.level, place.n, count_short, [&] {
      const auto at = internal::PaddedCell::of(place.cell);
      return polygon_.contains_by_all(at.entry());
    });
  }

  void divide(Place& place, const UV& mid, Place* quarters, bool keep) {
    for (IndexList& found : divided_) found.clear();
    const IndexSplitter splitter{edges_};
    const UVRect middle = IndexSplitter::padded(mid);
    for (const Clipped& e : clipped(place)) splitter.split(e, middle, divided_);
    const Root& root = root_at(place);
    std::array<std::uint32_t, 4> n = {};
    for (const std::uint32_t first : nodes(place)) {
      root.tree.visit(first, [&](std::uint32_t node) {
        const Box& box = root.tree.box(node);
        const bool low_u = box.x_hi <= middle.u.lo, high_u = box.x_lo >= middle.u.hi;
        const bool low_v = box.y_hi <= middle.v.lo, high_v = box.y_lo >= middle.v.hi;
        if ((low_u | high_u) & (low_v | high_v)) {
          const int quarter = 2 * high_u + high_v;
          divided_[quarter].nodes.push_back(node);
          n[quarter] += root.sizes[node];
          return false;
        }
        if (!root.tree.is_item(node)) return true;
        for (const FaceEdges::Piece piece : root.run(node)) splitter.split(splitter.whole(piece), middle, divided_);
        return false;
      });
    }
    find_middle(place, mid, [&](const Way& way, const auto& count) {
      const IndexList& found = divided_[quarter_at_parent(place)];
      for_each_on_way(root, found.clipped, found.nodes, way, count);
    });
    for (int k = 0; k < 4; ++k) {
      const int from = kPositionToIJ[place.orientation][k];
      const IndexList& found = divided_[from];
      const std::uint32_t total = n[from] + static_cast<std::uint32_t>(found.clipped.size());
      Place& quarter = quarters[k];
      quarter.inside = place.inside;
      quarter.is_index_divided = true;
      quarter.met = total > 0 || place.inside;
      quarter.contained = total == 0 && place.inside;
      if (keep && total > 0) set_index_list(quarter, found, total);
    }
  }

  static QuarterTest quarter_test(const Place& place, const UV& mid) noexcept {
    const double u[3] = {place.u[0], mid.u, place.u[1]}, v[3] = {place.v[0], mid.v, place.v[1]};
    return QuarterTest(u, v, kTestPadding);
  }

  void test(Place& place, const UV& mid, Place* quarters, bool keep) {
    std::array<FaceEdges::Piece, std::size_t{4} * kFewTested> few;
    FaceEdges::Piece* room = few.data();
    if (place.n > kFewTested) {
      if (tested_.size() < 4 * std::size_t{place.n}) tested_.resize(4 * std::size_t{place.n});
      room = tested_.data();
    }
    FaceEdges::Piece* found[4];
    for (std::size_t k = 0; k < 4; ++k) found[k] = room + k * place.n;
    std::uint32_t n[4] = {};
    const QuarterTest meets = quarter_test(place, mid);
    const auto test = [&](FaceEdges::Piece piece) {
      const auto [a, b] = edges_.test_segment(piece);
      const unsigned met = meets(a, b);
      for (int k = 0; k < 4; ++k) {
        found[k][n[k]] = piece;
        n[k] += met >> k & 1;
      }
    };
    if (place.is_index_divided) {
      for_each_index_piece(place, [&](FaceEdges::Piece piece) {
        if (edges_.is_testable(piece)) test(piece);
      });
    } else {
      for (const FaceEdges::Piece piece : numbers(place)) test(piece);
    }
    find_middle(place, mid, [&](const Way&, const auto& count) {
      const int quarter = quarter_at_parent(place);
      std::for_each(found[quarter], found[quarter] + n[quarter], count);
    });
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
        set_numbers(quarter, found[from], n[from]);
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
    const unsigned met = quarter_test(place, mid)(edge.a, edge.b);
    for (int k = 0; k < 4; ++k) {
      const bool own = met >> kPositionToIJ[place.orientation][k] & 1;
      Place& quarter = quarters[k];
      quarter.inside = place.inside;
      quarter.met = own || place.inside;
      quarter.contained = !own && place.inside;
      quarter.n = own;
      quarter.only = place.only;
    }
    return true;
  }

  const Polygon& polygon_;
  const FaceEdges& edges_;
  std::array<Root, 6> roots_;
  internal::ListPool pool_;
  std::array<IndexList, 4> divided_;  // room for those of four quarters, and here for what is tested
  std::vector<FaceEdges::Piece> tested_;  // room for more than a few
  internal::ShortList<Split, 8> split_before_;  // few: on the way to where a covering begins
};
}  // namespace cellwise
