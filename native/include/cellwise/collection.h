// Several polygons and polylines as one region.

#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "cellwise/cell_uv.h"
#include "cellwise/hierarchy.h"
#include "cellwise/polygon.h"
#include "cellwise/polygon_region.h"
#include "cellwise/polyline.h"
#include "cellwise/projection.h"
#include "cellwise/region.h"

namespace cellwise {

// Several polygons and polylines as one region.
class CollectionRegion {
 public:
  // A cell with the nodes of the polygons, and the lines, that intersect it.
  struct Node {
    CellUV cell;
    bool intersects = false, contained = false;
    std::vector<std::pair<PolygonRegion*, PolygonRegion::Node>> polygons{};
    std::vector<const PolylineRegion*> lines{};
  };

  // REQUIRES: what is added outlives the region; nothing is added after the first query.
  void add(const Polygon& polygon) { polygons_.emplace_back(polygon); }
  void add(std::span<const Point> line) { lines_.emplace_back(line); }

  static std::uint64_t cell(const Node& node) noexcept { return node.cell.cell; }
  static bool intersects(const Node& node) noexcept { return node.intersects; }
  static bool contained(const Node& node) noexcept { return node.contained; }

  Node node_at(std::uint64_t cell) {
    Node node{cell_uv(cell)};
    for (PolygonRegion& polygon : polygons_) add(node, &polygon, polygon.node_at(cell));
    for (const PolylineRegion& line : lines_) add(node, &line);
    return node;
  }

  void subdivide(Node& node, Node* children, bool will_subdivide) {
    for (int k = 0; k < 4; ++k) children[k] = {cell_uv(cell_child(node.cell.cell, k))};
    if (node.contained) {
      for (int k = 0; k < 4; ++k) children[k].intersects = children[k].contained = true;
      return;
    }
    for (auto& [polygon, own] : node.polygons) {
      PolygonRegion::Node own_children[4];
      polygon->subdivide(own, own_children, will_subdivide);
      for (int k = 0; k < 4; ++k) add(children[k], polygon, own_children[k]);
    }
    for (int k = 0; k < 4; ++k) {
      for (const PolylineRegion* line : node.lines) add(children[k], line);
    }
  }

  void release(Node& node) {
    for (auto& [polygon, own] : node.polygons) polygon->release(own);
    node.polygons.clear();
  }

  void cell_union_bound(std::vector<std::uint64_t>& cells) {
    std::vector<std::uint64_t> part;
    cells.clear();
    const auto add = [&](auto& region) {
      region.cell_union_bound(part);
      cells.insert(cells.end(), part.begin(), part.end());
    };
    std::for_each(polygons_.begin(), polygons_.end(), add);
    std::for_each(lines_.begin(), lines_.end(), add);
  }

 private:
  void add(Node& node, PolygonRegion* polygon, PolygonRegion::Node own) {
    if (!own.intersects || node.contained) return polygon->release(own);
    node.intersects = true;
    node.contained = own.contained;
    if (own.contained) {
      release(node);
      node.lines.clear();
    } else {
      node.polygons.emplace_back(polygon, own);
    }
  }
  static void add(Node& node, const PolylineRegion* line) {
    if (node.contained || !line->may_intersect(node.cell)) return;
    node.intersects = true;
    node.lines.push_back(line);
  }

  std::deque<PolygonRegion> polygons_;
  std::vector<PolylineRegion> lines_;
};

static_assert(CoverRegion<CollectionRegion>);

}  // namespace cellwise
