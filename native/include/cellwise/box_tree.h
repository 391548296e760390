// A tree of boxes around the items of a sequence, and around runs of them: items that are close in the sequence are
// mostly close in the plane.
//
// The tree has no pointers: the children of node i are the nodes 4 i + 1 .. 4 i + 4, as far as those exist, and the
// items are the last nodes.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cellwise/double2.h"

namespace cellwise {

struct Box {
  double x_lo, y_lo, x_hi, y_hi;

  static Box of(Double2 low, Double2 high) noexcept { return {low[0], low[1], high[0], high[1]}; }
  // Around a segment, `margin` larger on all sides.
  static Box of_segment(Double2 a, Double2 b, double margin) noexcept {
    return of(smaller(a, b) - margin, larger(a, b) + margin);
  }
  Double2 low() const noexcept { return Double2{x_lo, y_lo}; }
  Double2 high() const noexcept { return Double2{x_hi, y_hi}; }
  bool intersects(const Box& other) const noexcept {
    return lane_bits((low() <= other.high()) & (other.low() <= high())) == 3;
  }
};

inline Box around(const Box& a, const Box& b) noexcept {
  return Box::of(smaller(a.low(), b.low()), larger(a.high(), b.high()));
}

class BoxTree {
 public:
  // Makes a tree of n items; `box_of(k)` is the box of item k. Reuses its memory.
  template <class BoxOf>
  void assign(std::size_t n, const BoxOf& box_of) {
    first_item_ = static_cast<std::uint32_t>((n + 1) / 3);
    boxes_.resize(n == 0 ? 0 : first_item_ + n);
    for (std::size_t k = 0; k < n; ++k) boxes_[first_item_ + k] = box_of(k);
    for (std::uint32_t node = first_item_; node-- > 0;) {
      Box box = boxes_[first_below(node)];
      for (std::uint32_t below = first_below(node) + 1; below < end_below(node); ++below) {
        box = around(box, boxes_[below]);
      }
      boxes_[node] = box;
    }
  }

  bool empty() const noexcept { return boxes_.empty(); }
  std::size_t size() const noexcept { return boxes_.size(); }  // nodes
  const Box& box(std::uint32_t node) const noexcept { return boxes_[node]; }
  bool is_item(std::uint32_t node) const noexcept { return node >= first_item_; }
  std::uint32_t item(std::uint32_t node) const noexcept { return node - first_item_; }
  std::uint32_t first_below(std::uint32_t node) const noexcept { return 4 * node + 1; }
  std::uint32_t end_below(std::uint32_t node) const noexcept {
    return std::min(4 * node + 5, static_cast<std::uint32_t>(boxes_.size()));
  }

  // The first item below a node, or the node itself if it is an item.
  std::uint32_t first_item(std::uint32_t node) const noexcept {
    while (!is_item(node)) node = first_below(node);
    return item(node);
  }

  // Calls `open` with a node, and with the children of each node for which it returns true.  REQUIRES: false for items.
  template <class Open>
  void visit(std::uint32_t first, const Open& open) const {
    std::array<std::uint32_t, 64> todo;  // three more for each of at most 16 levels
    std::size_t n = 0;
    todo[n++] = first;
    while (n > 0) {
      const std::uint32_t node = todo[--n];
      if (!open(node)) continue;
      for (std::uint32_t below = end_below(node); below-- > first_below(node);) todo[n++] = below;
    }
  }

 private:
  std::uint32_t first_item_ = 0;
  std::vector<Box> boxes_;
};

}  // namespace cellwise
