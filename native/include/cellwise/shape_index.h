// Polygons indexed for questions about points and about pairs of edges.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cellwise/conversion.h"
#include "cellwise/edge_clipping.h"
#include "cellwise/face_edges.h"
#include "cellwise/face_segments.h"
#include "cellwise/hierarchy.h"
#include "cellwise/index_subdivider.h"
#include "cellwise/padded_cell.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"

namespace cellwise {

// An index of a polygon's edges by cell: which edges pass through each of some cells, and whether the polygon contains
// its center. The cells are disjoint, and together they contain every edge and every interior point.
class ShapeIndex {
 public:
  struct Cell {
    std::uint64_t cell;
    std::uint32_t begin, end;  // of the cell's edges, in `entries`
    bool center_inside;
  };

  // `start_inside`: whether the polygon contains `start_of_curve()`.
  // REQUIRES: rings have the interior on their left; the edges outlive the object.
  ShapeIndex(const FaceEdges& edges, bool start_inside) : edges_(edges) { Builder(*this, start_inside).build(); }

  const std::vector<Cell>& cells() const noexcept { return cells_; }
  std::span<const std::uint32_t> entries(const Cell& cell) const noexcept {
    return {entries_.data() + cell.begin, cell.end - cell.begin};
  }

  // The number of the first cell whose range ends at or after the leaf.
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
        : index_(index), subdivider_{index.edges_}, focus_(start_of_curve()), inside_(start_inside) {}

    void build() {
      for (int face = 0; face < 6; ++face) add_face(face);
    }

   private:
    using Edges = std::vector<ClippedEdge>;

    void add_face(int face) {
      Edges& edges = lists_[0][0];
      edges.clear();
      edges.reserve(index_.edges_.max_face_edges(face));
      UVRect bound;
      subdivider_.edges_on(face, edges, bound);
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

    // Adds cells without edges for the leaves from `begin` to before `end`, if those are inside.
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

    // REQUIRES: there are edges, or the cell is inside.
    void add_cell(const internal::PaddedCell& cell, const Edges& edges) {
      if (subdivider_.is_fine_enough(cell.level, edges, [&] { return inside_; })) {
        make_cell(cell, edges);
        return;
      }
      std::array<Edges, 4>& children = lists_[cell.level + 1];
      for (Edges& list : children) list.clear();
      subdivider_.subdivide(edges, cell.center_uv(), children);
      for (int position = 0; position < 4; ++position) {
        const Edges& list = children[cell.child_ij(position)];
        if (!list.empty() || inside_) add_cell(cell.child(position), list);
      }
    }

    // The point that is known to be inside or outside moves along the curve: into the cell, to its center, out of it.
    void make_cell(const internal::PaddedCell& cell, const Edges& edges) {
      const std::uint32_t begin = entries_end();
      for (const ClippedEdge& e : edges) index_.entries_.push_back(index_.edges_.edge_of(e.edge));
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
    IndexSubdivider subdivider_;
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
