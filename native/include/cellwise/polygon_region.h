// A polygon as the region of a covering, with its edges handed down from cell to cell.

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "cellwise/box_tree.h"
#include "cellwise/conversion.h"
#include "cellwise/double2.h"
#include "cellwise/edge_clipping.h"
#include "cellwise/face_edges.h"
#include "cellwise/face_segments.h"
#include "cellwise/hierarchy.h"
#include "cellwise/hilbert.h"
#include "cellwise/index_subdivider.h"
#include "cellwise/inlined_vector.h"
#include "cellwise/list_pool.h"
#include "cellwise/padded_cell.h"
#include "cellwise/polygon.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"
#include "cellwise/region.h"

namespace cellwise {

// A polygon as the region of one covering. Its answers are those of Google's S2ShapeIndexRegion.
//
// A covering goes from cells to their children, and the edges go with it: a node keeps the edges that intersect its
// cell, and hands each child those that intersect the child. Google clips edges to the cells of an index first, and
// tests cells within these against the edges as they are. So does this class, but it subdivides the index only where
// the covering goes: edges are clipped down to the cells of the index, and tested from there on.
// REQUIRES: each object is used by one thread; the polygon outlives it.
class PolygonRegion {
 public:
  // A cell and what is known of it. Only `Node{}` is initialized: all zeros, and outside.
  struct Node {
    std::uint64_t cell;
    std::int32_t i, j;  // leaf coordinates of the cell's low corner
    std::int8_t level, orientation;
    bool intersects, contained;
    // Whether the polygon contains the cell's center, or, until `center_known`, the center of the cell's parent.
    bool center_inside, center_known;
    bool is_above_root;  // the cell holds all edges of its face, and those begin to be subdivided further down
    // If so, the list has the clipped edges among the `n` that intersect the cell, and nodes of the face's box tree
    // that hold the others; if not, it has the ids of the edges to be tested.
    bool is_clipped;
    std::int8_t size_class;  // of the list
    std::uint32_t n;
    union {
      FaceEdges::Id single;  // in place of a list of one id
      std::uint32_t n_clipped;
    };
    std::uint32_t n_tree_nodes;
    void* list;
    double u[2], v[2];  // bounds of the cell
  };

  explicit PolygonRegion(const Polygon& polygon) : polygon_(polygon), edges_(polygon.edges()) {}
  PolygonRegion(const PolygonRegion&) = delete;

  static std::uint64_t cell(const Node& node) noexcept { return node.cell; }
  static bool intersects(const Node& node) noexcept { return node.intersects; }
  static bool contained(const Node& node) noexcept { return node.contained; }

  Node node_at(std::uint64_t cell) {
    const Node found = descend(face_node(cell_face(cell)), cell);
    return found.cell == cell ? found : edgeless(internal::PaddedCell::of(cell), found.intersects);
  }

  // The children of a node, in curve order; releases the node. `will_subdivide`: whether any child may be subdivided.
  // REQUIRES: node.intersects; its cell is no leaf.
  void subdivide(Node& node, Node* children, bool will_subdivide) {
    if (!take_cached(node, children)) peek_children(node, children, will_subdivide);
    release(node);
  }

  // The same, but the node is not released.
  void peek_children(Node& node, Node* children, bool will_subdivide) {
    const UV center = center_uv(node);
    make_children(node, center, children);
    if (node.contained) {
      for (int k = 0; k < 4; ++k) children[k].intersects = children[k].contained = true;
      return;
    }
    if (node.is_above_root) {
      const Root& root = roots_[cell_face(node.cell)];
      for (int k = 0; k < 4; ++k) {
        Node& child = children[k];
        child.intersects = child.contained = root.rest_inside;
        if (!cell_contains(child.cell, root.node.cell)) continue;
        if (child.cell == root.node.cell) {
          child = root.node;
        } else {
          child.intersects = child.is_above_root = true;
          child.contained = false;
        }
      }
      return;
    }
    if (node.list == nullptr && node.n == 1 && test_single_edge(node, center, children)) return;
    if (node.is_clipped && !is_index_cell(node)) {
      clip_edges(node, center, children, will_subdivide);
    } else {
      test_edges(node, center, children, will_subdivide);
    }
  }

  // Whether some child of the node is certain to intersect the polygon: the child at a point that is inside does, and
  // so does one of them if an edge intersects a slightly smaller cell, because clipping and tests err on the other
  // side.
  bool has_intersecting_child(const Node& node) const noexcept {
    if (node.is_above_root | node.center_inside) return true;
    if (node.n == 0) return false;
    // Boxes of the tree lie well within the cell, except near the border of a face.
    if (node.is_clipped && node.n_tree_nodes > 0 && edges_.is_within_one_face()) return true;
    const FaceEdges::Id edge = first_edge(node);
    if (!edges_.is_testable(edge)) return false;
    constexpr double kLess = 2 * kSegmentIntersectsError;
    const auto [a, b] = edges_.test_segment(edge);
    // Edges are in ring order, so the first one usually enters the cell, and ends in it.
    const UVRect within = {{node.u[0] + kLess, node.u[1] - kLess}, {node.v[0] + kLess, node.v[1] - kLess}};
    return within.contains(b) || segment_intersects(a, b, within);
  }

  // The node of a whole face, from which `subdivide` leads to all cells.
  Node face_node(int face) {
    const Root& root = root_of(face);
    const std::uint64_t cell = static_cast<std::uint64_t>(face) << 61 | level_bit(0);
    if (root.node.cell == cell) return root.node;
    return root.node.cell != 0 ? node_above_root(cell) : edgeless(internal::PaddedCell::of(cell), root.rest_inside);
  }

  static UV center_uv(const Node& node) noexcept {
    const std::int64_t size = level_size(node.level);
    return {st_to_uv(si_ti_to_st(2 * std::int64_t{node.i} + size)),
            st_to_uv(si_ti_to_st(2 * std::int64_t{node.j} + size))};
  }

  // Whether the polygon contains the center of the node's cell.
  bool contains_center(Node& node) {
    if (node.is_above_root) return roots_[cell_face(node.cell)].rest_inside;
    if (node.n > 0) {
      resolve_center(node, center_uv(node), [&](const CenterPath& path, const auto& count) {
        if (node.is_clipped) {
          for_each_near(root_at(node), clipped(node), tree_nodes(node), path, count);
        } else {
          for (const FaceEdges::Id edge : edge_list(node)) count(edge);
        }
      });
    }
    return node.center_inside || node.contained;
  }

  // Visits the edges that intersect a node's cell, and perhaps others.
  template <class Visit>
  void for_each_edge(const Node& node, Visit visit) const {
    if (node.is_clipped) {
      for_each_clipped_edge(node, visit);
    } else {
      for (const FaceEdges::Id edge : edge_list(node)) visit(edge);
    }
  }

  // The straight path from the center of one cell to the center of another, on the plane of a face.
  struct CenterPath {
    UV from, to;
    std::uint64_t from_cell, to_cell;

    bool may_intersect(const UVRect& box) const noexcept {
      const double u_lo = std::min(from.u, to.u) - kCellPadding, u_hi = std::max(from.u, to.u) + kCellPadding;
      const double v_lo = std::min(from.v, to.v) - kCellPadding, v_hi = std::max(from.v, to.v) + kCellPadding;
      return (box.u.lo <= u_hi) & (box.u.hi >= u_lo) & (box.v.lo <= v_hi) & (box.v.hi >= v_lo);
    }
  };

  // Whether an edge crosses the path. Exact.
  bool crosses(FaceEdges::Id edge, const CenterPath& path) const noexcept {
    if (!edges_.is_border(edge)) {
      const auto [a, b] = edges_.segment(edge);
      if (const int clearly = internal::crossing_filter(path.from, path.to, a, b); clearly >= 0) return clearly > 0;
    }
    const std::uint32_t e = edges_.edge_of(edge);
    const Point p = cell_to_point(path.from_cell), q = cell_to_point(path.to_cell);
    return EdgeCrosser(p, q).crosses(edges_.start(e), edges_.end(e));
  }

  void release(Node& node) noexcept {
    if (node.list != nullptr) pool_.release(node.list, node.size_class);
    node.list = nullptr;
  }

  // For each face that has cells of the index, the smallest cell that holds them all; if there is only one face, the
  // same for each child of that cell.
  void cell_union_bound(std::vector<std::uint64_t>& out) {
    out.clear();
    Bound last{};
    for (int face = 0; face < 6; ++face) {
      const Node node = face_node(face);
      if (!node.intersects) continue;
      last = bound_of(node);
      out.push_back(last.node.cell);
    }
    if (out.size() != 1 || last.is_index_cell) return;
    out.clear();
    const std::array<Node, 4> children = cached_children(last.node);
    for (const Node& child : children) {
      if (child.intersects) out.push_back(bound_of(child).node.cell);
    }
  }

 private:
  // The smallest node of a face that holds all its edges, if it has any, and whether the rest of the face is inside.
  struct Root {
    bool is_made = false, rest_inside = false;
    Node node{};
    std::vector<FaceEdges::Id> edges{};
    BoxTree tree{};  // of runs of kRun edges, if there are many
    std::vector<std::uint32_t> sizes{};  // of the tree's nodes, in edges

    std::span<const FaceEdges::Id> run(std::uint32_t tree_node) const noexcept {
      return std::span(edges).subspan(std::size_t{kRun} * tree.item(tree_node), sizes[tree_node]);
    }
  };
  static constexpr std::uint32_t kRun = 4;
  static constexpr std::uint32_t kInlineTests = 16;
  static constexpr std::size_t kFewEdges = 24;  // at most so many need no tree

  static int position_within(std::uint64_t cell, std::int32_t level) noexcept {
    return static_cast<int>(cell >> (2 * (kMaxLevel - level) - 1)) & 3;
  }

  static Node edgeless(const internal::PaddedCell& at, bool center_inside) noexcept {
    Node node{};
    node.cell = at.cell;
    node.i = at.i;
    node.j = at.j;
    node.level = static_cast<std::int8_t>(at.level);
    node.orientation = static_cast<std::int8_t>(at.orientation);
    node.intersects = node.contained = center_inside;
    const std::int32_t size = level_size(at.level);
    node.u[0] = st_to_uv(ij_to_st_min(at.i));
    node.u[1] = st_to_uv(ij_to_st_min(at.i + size));
    node.v[0] = st_to_uv(ij_to_st_min(at.j));
    node.v[1] = st_to_uv(ij_to_st_min(at.j + size));
    return node;
  }

  static Node node_above_root(std::uint64_t cell) noexcept {
    Node node = edgeless(internal::PaddedCell::of(cell), false);
    node.intersects = node.is_above_root = true;
    return node;
  }

  const Root& root_of(int face) {
    Root& root = roots_[face];
    if (root.is_made) return root;
    root.is_made = true;
    const std::uint64_t whole = static_cast<std::uint64_t>(face) << 61 | level_bit(0);
    const bool is_only_face = edges_.is_within_one_face();
    if (!(edges_.faces() >> face & 1)) {
      // The same as for a neighboring face without edges, if one is known.
      for (int other = 0; other < 6; ++other) {
        const bool is_neighbor = other % 3 != face % 3 && roots_[other].is_made && !(edges_.faces() >> other & 1);
        if (is_neighbor) {
          root.rest_inside = roots_[other].rest_inside;
          return root;
        }
      }
      root.rest_inside = is_only_face ? polygon_.start_inside() : polygon_.contains_brute_force(cell_to_point(whole));
      return root;
    }
    ClippedList& all = clipped_[0];
    all.clear();
    UVRect bound;
    const bool is_few = edges_.max_face_edges(face) <= kFewEdges;
    if (is_few) {
      IndexSubdivider{edges_}.edges_on(face, all.clipped, bound);
    } else {
      build_tree(face, root);
      const Box& box = root.tree.box(0);
      bound = {{box.x_lo, box.x_hi}, {box.y_lo, box.y_hi}};
      all.tree_nodes.push_back(0);
    }
    const std::uint64_t cell = internal::PaddedCell::of(whole).shrunk_to(bound);
    root.node = edgeless(internal::PaddedCell::of(cell), true);
    root.node.contained = false;
    root.node.is_clipped = root.node.center_known = true;
    root.node.center_inside =
        is_only_face && !is_few ? contains_root_center(root) : polygon_.contains_brute_force(cell_to_point(cell));
    set_clipped_list(root.node, all, is_few ? static_cast<std::uint32_t>(all.clipped.size()) : root.sizes[0]);
    if (is_only_face) {
      root.rest_inside = polygon_.start_inside();
    } else if (cell != whole) {
      const std::uint64_t other = cell_child(whole, position_within(cell, 0) ^ 1);
      const CenterPath path = {center_uv(root.node), internal::PaddedCell::of(other).center_uv(), cell, other};
      root.rest_inside = root.node.center_inside;
      for_each_near(root, clipped(root.node), tree_nodes(root.node), path,
                    [&](FaceEdges::Id edge) { root.rest_inside ^= crosses(edge, path); });
    }
    return root;
  }

  void build_tree(int face, Root& root) const {
    root.edges.resize(edges_.max_face_edges(face));
    FaceEdges::Id* end = root.edges.data();
    edges_.for_each_face_edge(face, [&](FaceEdges::Id edge) { *end++ = edge; });
    const auto n = static_cast<std::size_t>(end - root.edges.data()), n_runs = (n + kRun - 1) / kRun;
    root.edges.resize(n);
    root.tree.assign(n_runs, [&](std::size_t k) {
      Double2 low = {HUGE_VAL, HUGE_VAL}, high = -low;
      for (const FaceEdges::Id edge :
           std::span(root.edges).subspan(kRun * k, std::min<std::size_t>(kRun, n - kRun * k))) {
        const FaceEdges::Segment segment = edges_.segment(edge);
        const Double2 a = {segment.a.u, segment.a.v}, b = {segment.b.u, segment.b.v};
        low = smaller(low, smaller(a, b));
        high = larger(high, larger(a, b));
      }
      return Box::of(low, high);
    });
    root.sizes.resize(root.tree.size());
    for (auto tree_node = static_cast<std::uint32_t>(root.tree.size()); tree_node-- > 0;) {
      std::uint32_t size = 0;
      if (root.tree.is_item(tree_node)) {
        size =
            static_cast<std::uint32_t>(std::min<std::size_t>(kRun, n - std::size_t{kRun} * root.tree.item(tree_node)));
      } else {
        for (std::uint32_t k = root.tree.first_below(tree_node); k < root.tree.end_below(tree_node); ++k)
          size += root.sizes[k];
      }
      root.sizes[tree_node] = size;
    }
  }

  // Whether the polygon, all of whose edges lie on this face, contains the center of the root. The path comes from
  // beyond the face, where everything is as at the start of the curve.
  bool contains_root_center(const Root& root) const {
    const std::uint64_t cell = root.node.cell;
    const UV center = center_uv(root.node), beyond = {-2, center.v};
    const Point p = cell_to_point(cell), from = normalize(face_uv_to_xyz(cell_face(cell), beyond.u, beyond.v));
    const EdgeCrosser crosser(from, p);
    bool center_inside = polygon_.start_inside();
    for_each_edge_near(root, 0, beyond, center, [&](FaceEdges::Id edge) {
      const auto [a, b] = edges_.segment(edge);
      const int clearly = internal::bounded_crossing_filter(beyond, center, a, b);
      center_inside ^= clearly >= 0 ? clearly > 0 : crosser.crosses(edges_.start(edge), edges_.end(edge));
    });
    return center_inside;
  }

  // Visits the edges below a node of the tree that cross the path from p to q, and perhaps others.
  template <class Visit>
  static void for_each_edge_near(const Root& root, std::uint32_t first, const UV& p, const UV& q, const Visit& visit) {
    root.tree.visit(first, [&](std::uint32_t tree_node) {
      const Box& box = root.tree.box(tree_node);
      const UVRect wide = {{box.x_lo - kCellPadding, box.x_hi + kCellPadding},
                           {box.y_lo - kCellPadding, box.y_hi + kCellPadding}};
      if (!segment_intersects(p, q, wide)) return false;
      if (!root.tree.is_item(tree_node)) return true;
      for (const FaceEdges::Id edge : root.run(tree_node)) visit(edge);
      return false;
    });
  }

  struct Bound {
    Node node;
    bool is_index_cell;
  };
  // The smallest cell that holds all cells of the index within a node that has any.
  Bound bound_of(Node node) {
    for (;;) {
      if (node.is_above_root) {
        const Root& root = root_at(node);
        if (root.rest_inside) return {node, false};
        node = root.node;
      }
      if (node.contained || is_index_cell(node)) return {node, true};
      const std::array<Node, 4>& children = cached_children(node);
      const auto intersects = [](const Node& child) { return child.intersects; };
      if (std::count_if(children.begin(), children.end(), intersects) > 1) return {node, false};
      node = *std::find_if(children.begin(), children.end(), intersects);
    }
  }

  bool take_cached(const Node& node, Node* children) {
    if (!node.is_clipped && !node.is_above_root) return false;  // others are not cached
    const auto known = find_cached(node.cell);
    if (known == cache_.end()) return false;
    std::copy(known->children.begin(), known->children.end(), children);
    *known = cache_.back();
    cache_.pop_back();
    return true;
  }

  // The children of a node that will be subdivided again later. Valid until the next call.
  const std::array<Node, 4>& cached_children(Node node) {
    if (const auto known = find_cached(node.cell); known != cache_.end()) return known->children;
    std::array<Node, 4> children;
    peek_children(node, children.data(), true);
    cache_.push_back({node.cell, children});
    return cache_.back().children;
  }

  struct CachedChildren {
    std::uint64_t cell;
    std::array<Node, 4> children;
  };
  CachedChildren* find_cached(std::uint64_t cell) noexcept {
    return std::find_if(cache_.begin(), cache_.end(), [=](const CachedChildren& each) { return each.cell == cell; });
  }

  // The cell's node, or an ancestor's if that is all inside or all outside.
  Node descend(Node node, std::uint64_t cell) {
    if (node.is_above_root) {
      const Node& root = roots_[cell_face(cell)].node;
      if (cell_contains(root.cell, cell)) {
        node = root;
      } else if (cell_contains(cell, root.cell)) {
        node = node_above_root(cell);
      }
    }
    while (node.cell != cell && node.intersects && !node.contained) {
      node = cached_children(node)[position_within(cell, node.level)];
    }
    return node;
  }

  // --- lists -------------------------------------------------------------------------------------

  static std::span<const FaceEdges::Id> edge_list(const Node& node) noexcept {
    if (node.list == nullptr) return {&node.single, node.n};
    return {static_cast<const FaceEdges::Id*>(node.list), node.n};
  }
  void set_edge_list(Node& node, const FaceEdges::Id* items, std::size_t n) {
    node.n = static_cast<std::uint32_t>(n);
    node.size_class = static_cast<std::int8_t>(internal::ListPool::class_of(n * sizeof(FaceEdges::Id)));
    node.list = pool_.acquire(node.size_class);
    std::memcpy(node.list, items, n * sizeof(FaceEdges::Id));
  }

  // What the list of a clipped node holds: the clipped edges, and nodes of the box tree.
  struct ClippedList {
    internal::InlinedVector<ClippedEdge, 32> clipped;
    internal::InlinedVector<std::uint32_t, 32> tree_nodes;
    void push_back(const ClippedEdge& e) { clipped.push_back(e); }
    void clear() noexcept {
      clipped.clear();
      tree_nodes.clear();
    }
  };
  static std::span<const ClippedEdge> clipped(const Node& node) noexcept {
    return {static_cast<const ClippedEdge*>(node.list), node.n_clipped};
  }
  static std::span<const std::uint32_t> tree_nodes(const Node& node) noexcept {
    const auto* after = static_cast<const std::byte*>(node.list) + sizeof(ClippedEdge) * node.n_clipped;
    return {reinterpret_cast<const std::uint32_t*>(after), node.n_tree_nodes};
  }
  void set_clipped_list(Node& node, const ClippedList& items, std::uint32_t n) {
    const std::size_t clipped_bytes = sizeof(ClippedEdge) * items.clipped.size(),
                      tree_node_bytes = 4 * items.tree_nodes.size();
    node.n = n;
    node.n_clipped = static_cast<std::uint32_t>(items.clipped.size());
    node.n_tree_nodes = static_cast<std::uint32_t>(items.tree_nodes.size());
    node.size_class = static_cast<std::int8_t>(internal::ListPool::class_of(clipped_bytes + tree_node_bytes));
    node.list = pool_.acquire(node.size_class);
    std::uninitialized_copy(items.clipped.begin(), items.clipped.end(), static_cast<ClippedEdge*>(node.list));
    auto* const after = reinterpret_cast<std::uint32_t*>(static_cast<std::byte*>(node.list) + clipped_bytes);
    std::uninitialized_copy(items.tree_nodes.begin(), items.tree_nodes.end(), after);
  }
  template <class Visit>
  void for_each_clipped_edge(const Node& node, Visit visit) const {
    for (const ClippedEdge& e : clipped(node)) visit(e.edge);
    const Root& root = root_at(node);
    for (const std::uint32_t first : tree_nodes(node)) {
      root.tree.visit(first, [&](std::uint32_t tree_node) {
        if (!root.tree.is_item(tree_node)) return true;
        for (const FaceEdges::Id edge : root.run(tree_node)) visit(edge);
        return false;
      });
    }
  }
  // REQUIRES: node.n > 0.
  FaceEdges::Id first_edge(const Node& node) const noexcept {
    if (!node.is_clipped) return edge_list(node)[0];
    if (node.n_clipped > 0) return clipped(node)[0].edge;
    const Root& root = root_at(node);
    return root.edges[std::size_t{kRun} * root.tree.first_item(tree_nodes(node)[0])];
  }
  const Root& root_at(const Node& node) const noexcept { return roots_[cell_face(node.cell)]; }

  // --- children ----------------------------------------------------------------------------------

  // Sets where the children lie, and nothing else yet.
  static void make_children(const Node& node, const UV& center, Node* children) noexcept {
    const std::int32_t half = level_size(node.level) >> 1;
    const std::uint64_t first = cell_child(node.cell, 0), step = lowest_bit(node.cell) >> 1;
    for (int k = 0; k < 4; ++k) {
      const int ij = kPositionToIJ[node.orientation][k], upper_i = ij >> 1, upper_j = ij & 1;
      children[k] = {.cell = first + step * static_cast<std::uint64_t>(k),
                     .i = node.i + upper_i * half,
                     .j = node.j + upper_j * half,
                     .level = static_cast<std::int8_t>(node.level + 1),
                     .orientation = static_cast<std::int8_t>(node.orientation ^ kPositionToOrientation[k]),
                     .u = {upper_i ? center.u : node.u[0], upper_i ? node.u[1] : center.u},
                     .v = {upper_j ? center.v : node.v[0], upper_j ? node.v[1] : center.v}};
    }
  }

  // The child that has the center of the node's parent as a corner, as 2 * (upper u) + (upper v).
  static int child_at_parent_center(const Node& node) noexcept {
    const std::int32_t size = level_size(node.level);
    return 2 * ((node.i & size) == 0) + ((node.j & size) == 0);
  }

  // Finds whether the center of a node is inside, starting from the center of its parent. The path lies in one child:
  // `for_each_near(path, count)` calls `count` for all edges that may cross it.
  template <class ForEachNear>
  void resolve_center(Node& node, const UV& center, const ForEachNear& for_each_near) const {
    if (node.center_known) return;
    node.center_known = true;
    const int child = child_at_parent_center(node);
    const CenterPath path = {
        {node.u[child >> 1], node.v[child & 1]}, center, cell_parent(node.cell, node.level - 1), node.cell};
    for_each_near(path, [&](FaceEdges::Id edge) { node.center_inside ^= crosses(edge, path); });
  }
  template <class Count>
  static void for_each_near(const Root& root, std::span<const ClippedEdge> edges,
                            std::span<const std::uint32_t> tree_nodes, const CenterPath& path, const Count& count) {
    for (const ClippedEdge& e : edges) {
      if (path.may_intersect(e.bound)) count(e.edge);
    }
    for (const std::uint32_t tree_node : tree_nodes) for_each_edge_near(root, tree_node, path.from, path.to, count);
  }

  // Is the cell of a clipped node a cell of the index?
  bool is_index_cell(const Node& node) const {
    if (!node.is_clipped) return false;
    const auto count_short = [&](const IndexSubdivider::ShortEdges& is_short, std::size_t enough) {
      std::size_t n = 0;
      const auto count = [&](FaceEdges::Id edge) { n += is_short(edges_.length2(edge)); };
      const Root& root = root_at(node);
      for (const std::uint32_t first : tree_nodes(node)) {
        if (n > enough) return n;
        root.tree.visit(first, [&](std::uint32_t tree_node) {
          if (n > enough) return false;
          const Box& box = root.tree.box(tree_node);
          if (is_short.certify_box(box.x_hi - box.x_lo, box.y_hi - box.y_lo)) {
            n += root.sizes[tree_node];
          } else if (!root.tree.is_item(tree_node)) {
            return true;
          } else {
            for (const FaceEdges::Id edge : root.run(tree_node)) count(edge);
          }
          return false;
        });
      }
      for (const ClippedEdge& e : clipped(node)) {
        if (n > enough) return n;
        count(e.edge);
      }
      return n;
    };
    return IndexSubdivider::is_fine_enough(node.level, node.n, count_short, [&] {
      const auto at = internal::PaddedCell::of(node.cell);
      return polygon_.contains_brute_force(at.entry());
    });
  }

  // The children of a clipped node that is no index cell: clips its edges at the lines through its center.
  void clip_edges(Node& node, const UV& center, Node* children, bool will_subdivide) {
    for (ClippedList& found : clipped_) found.clear();
    const IndexSubdivider subdivider{edges_};
    const UVRect lines = IndexSubdivider::padded(center);
    for (const ClippedEdge& e : clipped(node)) subdivider.subdivide(e, lines, clipped_);
    const Root& root = root_at(node);
    std::array<std::uint32_t, 4> n = {};
    for (const std::uint32_t first : tree_nodes(node)) {
      root.tree.visit(first, [&](std::uint32_t tree_node) {
        const Box& box = root.tree.box(tree_node);
        const bool low_u = box.x_hi <= lines.u.lo, high_u = box.x_lo >= lines.u.hi;
        const bool low_v = box.y_hi <= lines.v.lo, high_v = box.y_lo >= lines.v.hi;
        if ((low_u | high_u) & (low_v | high_v)) {
          const int child = 2 * high_u + high_v;
          clipped_[child].tree_nodes.push_back(tree_node);
          n[child] += root.sizes[tree_node];
          return false;
        }
        if (!root.tree.is_item(tree_node)) return true;
        for (const FaceEdges::Id edge : root.run(tree_node))
          subdivider.subdivide(subdivider.unclipped(edge), lines, clipped_);
        return false;
      });
    }
    resolve_center(node, center, [&](const CenterPath& path, const auto& count) {
      const ClippedList& found = clipped_[child_at_parent_center(node)];
      for_each_near(root, found.clipped, found.tree_nodes, path, count);
    });
    for (int k = 0; k < 4; ++k) {
      const int from = kPositionToIJ[node.orientation][k];
      const ClippedList& found = clipped_[from];
      const std::uint32_t total = n[from] + static_cast<std::uint32_t>(found.clipped.size());
      Node& child = children[k];
      child.center_inside = node.center_inside;
      child.is_clipped = true;
      child.intersects = total > 0 || node.center_inside;
      child.contained = total == 0 && node.center_inside;
      if (will_subdivide && total > 0) set_clipped_list(child, found, total);
    }
  }

  static ChildTest child_test(const Node& node, const UV& center) noexcept {
    const double u[3] = {node.u[0], center.u, node.u[1]}, v[3] = {node.v[0], center.v, node.v[1]};
    return ChildTest(u, v, kTestPadding);
  }

  // The children of a node within the index: tests its edges against each.
  void test_edges(Node& node, const UV& center, Node* children, bool will_subdivide) {
    std::array<FaceEdges::Id, std::size_t{4} * kInlineTests> few;
    FaceEdges::Id* room = few.data();
    if (node.n > kInlineTests) {
      if (tested_.size() < 4 * std::size_t{node.n}) tested_.resize(4 * std::size_t{node.n});
      room = tested_.data();
    }
    FaceEdges::Id* found[4];
    for (std::size_t k = 0; k < 4; ++k) found[k] = room + k * node.n;
    std::uint32_t n[4] = {};
    const ChildTest intersects = child_test(node, center);
    const auto test = [&](FaceEdges::Id edge) {
      const auto [a, b] = edges_.test_segment(edge);
      const unsigned bits = intersects(a, b);
      for (int k = 0; k < 4; ++k) {
        found[k][n[k]] = edge;
        n[k] += bits >> k & 1;
      }
    };
    if (node.is_clipped) {
      for_each_clipped_edge(node, [&](FaceEdges::Id edge) {
        if (edges_.is_testable(edge)) test(edge);
      });
    } else {
      for (const FaceEdges::Id edge : edge_list(node)) test(edge);
    }
    resolve_center(node, center, [&](const CenterPath&, const auto& count) {
      const int child = child_at_parent_center(node);
      std::for_each(found[child], found[child] + n[child], count);
    });
    for (int k = 0; k < 4; ++k) {
      const int from = kPositionToIJ[node.orientation][k];
      Node& child = children[k];
      child.center_inside = node.center_inside;
      child.intersects = n[from] > 0 || node.center_inside;
      child.contained = n[from] == 0 && node.center_inside;
      if (n[from] == 1) {
        child.n = 1;
        child.single = *found[from];
      } else if (will_subdivide && n[from] > 1) {
        set_edge_list(child, found[from], n[from]);
      }
    }
  }

  // `resolve_center` and `test_edges` of a node that a single edge intersects: the edge runs right through the cell,
  // and the center is inside if it lies to the left of it. False, and nothing is done, where rounding errors might
  // decide.
  bool test_single_edge(Node& node, const UV& center, Node* children) const noexcept {
    if (edges_.is_border(node.single)) return false;
    const FaceEdges::Segment edge = edges_.segment(node.single);
    const int side = internal::certified_side(edge.a, edge.b, center);
    if (side == 0) return false;
    node.center_known = true;
    node.center_inside = side > 0;
    const unsigned bits = child_test(node, center)(edge.a, edge.b);
    for (int k = 0; k < 4; ++k) {
      const bool own = bits >> kPositionToIJ[node.orientation][k] & 1;
      Node& child = children[k];
      child.center_inside = node.center_inside;
      child.intersects = own || node.center_inside;
      child.contained = !own && node.center_inside;
      child.n = own;
      child.single = node.single;
    }
    return true;
  }

  const Polygon& polygon_;
  const FaceEdges& edges_;
  std::array<Root, 6> roots_;
  internal::ListPool pool_;
  std::array<ClippedList, 4> clipped_;  // of the four children, while they are made
  std::vector<FaceEdges::Id> tested_;  // the same for edges to be tested, if there are more than a few
  internal::InlinedVector<CachedChildren, 8> cache_;  // only on the way to where a covering begins
};

static_assert(FindsIntersectingChildren<PolygonRegion>);

}  // namespace cellwise
