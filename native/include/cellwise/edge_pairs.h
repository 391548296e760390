// Pairs of edges that come close.

#pragma once

#include <algorithm>
#include <array>
#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "cellwise/face_edges.h"
#include "cellwise/parallel.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"

namespace cellwise::internal {

// A tree of boxes: around each edge, around each eight consecutive edges, around eight of those boxes, and so on. Edges
// that are close along a ring are close in space.
class EdgePairs {
 public:
  explicit EdgePairs(const FaceEdges& edges) {
    std::vector<Box> boxes;
    edges.for_each_edge([&](std::uint32_t e) {
      const Point &a = edges.start(e), &b = edges.end(e);
      // The arc rises above its chord by up to a quarter of the square of its length.
      const Point d = a - b;
      const double margin = dot(d, d) / 4 + 4 * DBL_EPSILON;
      Box box;
      for (int k = 0; k < 3; ++k) {
        box.lo[k] = std::min(a[k], b[k]) - margin;
        box.hi[k] = std::max(a[k], b[k]) + margin;
      }
      boxes.push_back(box);
      numbers_.push_back(e);
    });
    levels_.push_back(std::move(boxes));
    while (levels_.back().size() > kFan) {
      const std::vector<Box>& below = levels_.back();
      std::vector<Box> above((below.size() + kFan - 1) / kFan);
      for (std::size_t k = 0; k < below.size(); ++k) {
        Box& box = above[k / kFan];
        if (k % kFan == 0) box = below[k];
        for (int axis = 0; axis < 3; ++axis) {
          box.lo[axis] = std::min(box.lo[axis], below[k].lo[axis]);
          box.hi[axis] = std::max(box.hi[axis], below[k].hi[axis]);
        }
      }
      levels_.push_back(std::move(above));
    }
  }

  // Visits all pairs of edges whose boxes intersect. Throws Interrupted if the user stops it.
  template <class Visit>
  void for_each_close_pair(Visit visit) {
    join(levels_.size(), 0, 0, visit);
  }

 private:
  static constexpr std::size_t kFan = 8;
  struct Box {
    std::array<double, 3> lo, hi;
    bool intersects(const Box& other) const noexcept {
      return (lo[0] <= other.hi[0]) & (other.lo[0] <= hi[0]) & (lo[1] <= other.hi[1]) & (other.lo[1] <= hi[1]) &
             (lo[2] <= other.hi[2]) & (other.lo[2] <= hi[2]);
    }
  };

  // Visits the pairs of one box below `a` and one below `b`, each pair once. Boxes of `level - 1` lie below those of
  // `level`.
  template <class Visit>
  void join(std::size_t level, std::size_t a, std::size_t b, Visit& visit) {
    if ((++steps_ & 0xffff) == 0) stop_if_interrupted();
    --level;
    const std::vector<Box>& boxes = levels_[level];
    const std::size_t a_end = std::min(kFan * (a + 1), boxes.size()), b_end = std::min(kFan * (b + 1), boxes.size());
    for (std::size_t i = kFan * a; i < a_end; ++i) {
      if (a != b && !boxes[i].intersects(levels_[level + 1][b])) continue;
      if (a == b && level > 0) join(level, i, i, visit);
      for (std::size_t j = a == b ? i + 1 : kFan * b; j < b_end; ++j) {
        if (!boxes[i].intersects(boxes[j])) continue;
        if (level > 0) {
          join(level, i, j, visit);
        } else {
          visit(numbers_[i], numbers_[j]);
        }
      }
    }
  }

  std::vector<std::uint32_t> numbers_;
  std::vector<std::vector<Box>> levels_;
  std::uint32_t steps_ = 0;
};

}  // namespace cellwise::internal
