// What a covering requires of a region.
//
// A covering goes from cells to their children, and queries the region about nodes. A node stands for a cell, and holds
// what the region knows about the cell, such as the edges that pass through it; `subdivide` hands that down, so that no
// child has to begin with all edges. The class of the region says what a `Node` is. The members are:
//
//   cell_union_bound(cells)   Replaces the cells by a few that contain the region together.
//   node_at(cell)             The node of a cell.  REQUIRES: cell is valid.
//   cell(node)                The cell of the node.
//   intersects(node)          Whether the cell intersects the region: false only if it is certain not to.
//   contained(node)           Whether the region contains the cell: true only if it is certain to, and
//   `intersects(node)`. subdivide(node, children, will_subdivide)
//                             Writes the nodes of the four children, in curve order, and releases the node.
//                             `will_subdivide`: whether any child may be subdivided, or queried with
//                             `has_intersecting_child`; if not, they need not hold anything.
//                             REQUIRES: intersects(node); its cell is no leaf; it was made by `node_at`, or by
//                             `subdivide` with `will_subdivide`; it has not been released.
//   release(node)             Takes back the memory of a node that is not needed any more. To release it is a courtesy:
//                             whatever nodes hold is freed with the region.
//   has_intersecting_child(node)
//                             Optional: whether some child is certain to intersect the region, found without making the
//                             children.  REQUIRES: what `subdivide` requires.
//
// "Certain" means despite rounding errors. For S2's own shapes the answers are those of Google's library, which pads
// cells, bit for bit; other regions may take a cell that comes very close for one that intersects.
//
// Nodes are values, and may be moved around; of a node and its copies one at most is used after the copying. A region
// serves one covering on one thread, and its members may change it.

#pragma once

#include <concepts>
#include <cstdint>
#include <vector>

#include "cellwise/cell_uv.h"
#include "cellwise/hierarchy.h"

namespace cellwise {

template <class R>
concept CoverRegion = std::default_initializable<typename R::Node> && std::copyable<typename R::Node> &&
                      requires(R& region, typename R::Node& node, typename R::Node* children, std::uint64_t cell,
                               bool will_subdivide, std::vector<std::uint64_t>& cells) {
                        { region.cell_union_bound(cells) } -> std::same_as<void>;
                        { region.node_at(cell) } -> std::same_as<typename R::Node>;
                        { region.cell(node) } -> std::same_as<std::uint64_t>;
                        { region.intersects(node) } -> std::same_as<bool>;
                        { region.contained(node) } -> std::same_as<bool>;
                        { region.subdivide(node, children, will_subdivide) } -> std::same_as<void>;
                        { region.release(node) } -> std::same_as<void>;
                      };

template <class R>
concept FindsIntersectingChildren = CoverRegion<R> && requires(const R& region, const typename R::Node& node) {
  { region.has_intersecting_child(node) } -> std::same_as<bool>;
};

// A region that answers about any cell on its own, however it was reached: `may_intersect` and `contains` are what
// `intersects` and `contained` are to nodes.
template <class R>
concept CellRegion = requires(const R& region, const CellUV& cell, std::vector<std::uint64_t>& cells) {
  { region.cell_union_bound(cells) } -> std::same_as<void>;
  { region.may_intersect(cell) } -> std::same_as<bool>;
  { region.contains(cell) } -> std::same_as<bool>;
};

// Such a region for a covering: its nodes are cells.  REQUIRES: the region outlives the object.
template <CellRegion R>
class CellNodes {
 public:
  using Node = CellUV;

  explicit CellNodes(const R& region) noexcept : region_(region) {}

  void cell_union_bound(std::vector<std::uint64_t>& cells) const { region_.cell_union_bound(cells); }
  static Node node_at(std::uint64_t cell) noexcept { return cell_uv(cell); }
  static std::uint64_t cell(const Node& node) noexcept { return node.cell; }
  bool intersects(const Node& node) const { return region_.may_intersect(node); }
  bool contained(const Node& node) const { return region_.contains(node); }
  static void subdivide(const Node& node, Node* children, bool) noexcept {
    for (int k = 0; k < 4; ++k) children[k] = cell_uv(cell_child(node.cell, k));
  }
  static void release(const Node&) noexcept {}

 private:
  const R& region_;
};

}  // namespace cellwise
