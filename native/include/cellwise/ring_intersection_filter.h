// A floating-point filter for rings: it certifies that no two edges have a point in common, except for the vertex
// between neighbors and vertices where rings of two shells touch without crossing, and that the rings are nested as
// those of polygons are. Rings that come closer than rounding errors, or touch elsewhere, are undecided.
//
// `Plane` says what is known of positions: the type `Position`, with `x` and `y`; `kMargin`, by which boxes are
// enlarged; `same`, whether two are certain to be the same; `long_enough`, whether a step is so long that its direction
// is known; `side`, the side of the line from a to b on which c lies: 1 left, -1 right, 0 undecided; `continues`,
// whether the path from a through b to c is certain not to turn back, where its side is undecided.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cellwise/box_tree.h"
#include "cellwise/double2.h"

namespace cellwise {

// For one shape after another; reuses its memory.
template <class Plane>
class RingIntersectionFilter {
 public:
  using Position = typename Plane::Position;

  // Begins a shape. The vertices of all its rings; the first one of a ring is repeated at its end, and neighbors
  // differ.
  void reset(std::span<const Position> vertices) {
    vertices_ = vertices;
    runs_.clear();
    rings_.clear();
    touched_.clear();
  }

  // Adds the ring from vertex `first` to `last`, which is the same position. A hole follows its shell. False if
  // undecided.
  bool add_ring(std::uint32_t first, std::uint32_t last, bool is_hole) {
    const auto number = static_cast<std::uint32_t>(rings_.size());
    if ((is_hole && number == 0) || last < first + 3) return false;
    Run run = {first, first, number};
    unsigned up = 0, down = 0;  // whether the run ascends or descends, in x and in y
    Double2 at = position(first);
    for (std::uint32_t v = first + 1; v <= last; ++v) {
      const Double2 next = position(v), step = next - at;
      if (!Plane::long_enough(step[0], step[1])) return false;
      const unsigned goes_up = lane_bits(next > at), goes_down = lane_bits(next < at);
      if (((up & goes_down) | (down & goes_up)) != 0 || v - 1 - run.first == kLongestRun) {
        run.end = v - 1;
        runs_.push_back(run);
        run.first = run.end;
        up = down = 0;
      }
      up |= goes_up;
      down |= goes_down;
      at = next;
    }
    run.end = last;
    runs_.push_back(run);
    rings_.push_back({first, last, is_hole ? rings_.back().shell : number});
    return true;
  }

  // Whether the rings that were added are certified.
  bool are_certified() {
    tree_.assign(runs_.size(), [&](std::size_t k) { return box_of(runs_[k].first, runs_[k].end); });
    budget_ = kFewTests + kTestsPerRun * static_cast<std::int64_t>(runs_.size());
    return !may_touch_within(0) && (rings_.size() == 1 || are_nested());
  }

 private:
  struct Ring {
    std::uint32_t first, last;  // vertices at the same position
    std::uint32_t shell;  // its own number, if it is one
  };
  // Edges from vertex to vertex that are monotone in x and in y, and so do not intersect each other.
  struct Run {
    std::uint32_t first, end;  // vertices
    std::uint32_t ring;
  };

  static constexpr std::uint32_t kLongestRun = 16;
  static constexpr std::int64_t kFewTests = 4096, kTestsPerRun = 256;  // of boxes; tangled edges take more

  Double2 position(std::uint32_t vertex) const noexcept {
    const Position& at = vertices_[vertex];
    return Double2{Plane::x(at), Plane::y(at)};
  }
  Box box_of(std::uint32_t first, std::uint32_t end) const noexcept {  // of a run or a part of one
    return Box::of_segment(position(first), position(end), Plane::kMargin);
  }

  // Whether any two runs below the node may touch.
  bool may_touch_within(std::uint32_t node) {
    if (tree_.is_item(node)) return false;
    const std::uint32_t first = tree_.first_below(node), end = tree_.end_below(node);
    for (std::uint32_t k = first; k < end; ++k) {
      if (may_touch_within(k)) return true;
      for (std::uint32_t other = k + 1; other < end; ++other) {
        if (tree_.box(k).intersects(tree_.box(other)) && may_touch(k, other)) return true;
      }
    }
    return false;
  }

  // Whether a run below one node may touch a run below the other.  REQUIRES: their boxes intersect.
  bool may_touch(std::uint32_t a, std::uint32_t b) {
    if (--budget_ < 0) return true;
    if (tree_.is_item(a) && tree_.is_item(b)) return runs_may_touch(runs_[tree_.item(a)], runs_[tree_.item(b)]);
    if (tree_.is_item(a) || (a > b && !tree_.is_item(b))) std::swap(a, b);  // the larger one first
    for (std::uint32_t k = tree_.first_below(a); k < tree_.end_below(a); ++k) {
      if (tree_.box(k).intersects(tree_.box(b)) && may_touch(k, b)) return true;
    }
    return false;
  }

  // Goes backwards along one run and forwards along the other, as consecutive runs move away from each other. The edges
  // of a run that intersect a box are consecutive.
  bool runs_may_touch(const Run& a, const Run& b) {
    if (a.first > b.first) return runs_may_touch(b, a);
    const Box around_b = box_of(b.first, b.end);
    bool any = false;
    for (std::uint32_t v = a.end; v-- > a.first;) {
      const Box box = box_of(v, v + 1);
      if (!box.intersects(around_b)) {
        if (any) break;
        continue;
      }
      any = true;
      bool any_of_b = false;
      for (std::uint32_t w = b.first; w < b.end; ++w) {
        if (box.intersects(box_of(w, w + 1))) {
          any_of_b = true;
          if (edges_may_touch(v, rings_[a.ring], w, rings_[b.ring])) return true;
        } else if (any_of_b) {
          break;
        }
      }
    }
    return false;
  }

  // Whether the edges that start at vertices v and w > v may have more in common than the vertex between neighbors in
  // a ring, or one at which rings of two shells touch without crossing. (Rings of one polygon that touch may cut it in
  // two.)
  bool edges_may_touch(std::uint32_t v, const Ring& ring_v, std::uint32_t w, const Ring& ring_w) {
    const Position &a = vertices_[v], &b = vertices_[v + 1], &c = vertices_[w], &d = vertices_[w + 1];
    if (&ring_v == &ring_w) {
      if (w == v + 1) return may_fold(a, b, d);
      if (v == ring_v.first && w + 1 == ring_v.last) return may_fold(c, a, b);
    }
    if (Plane::side(a, b, c) * Plane::side(a, b, d) > 0 || Plane::side(c, d, a) * Plane::side(c, d, b) > 0) {
      return false;
    }
    if (ring_v.shell == ring_w.shell) return true;
    for (const std::uint32_t p : {v, v + 1}) {
      for (const std::uint32_t q : {w, w + 1}) {
        if (Plane::same(vertices_[p], vertices_[q])) return may_cross_at(p, ring_v, q, ring_w);
      }
    }
    return true;
  }

  // Whether two rings may cross, or run along each other, at the vertices p and q, which are at the same position. They
  // certainly do not if both neighbors of q lie within the angle between those of p, the smaller one, or both outside.
  bool may_cross_at(std::uint32_t p, const Ring& ring_p, std::uint32_t q, const Ring& ring_q) {
    const Position &at = vertices_[p], &from = before(p, ring_p), &to = after(p, ring_p);
    const int turn = Plane::side(at, from, to), left = turn < 0 ? -1 : 1;
    int n_within = 0;
    for (const Position* other : {&before(q, ring_q), &after(q, ring_q)}) {
      const int of_from = left * Plane::side(at, from, *other), of_to = left * Plane::side(at, to, *other);
      const bool is_within = of_from > 0 && of_to < 0;
      const bool is_out = turn != 0 ? of_from < 0 || of_to > 0 : of_from < 0 && of_to > 0;
      if (!is_within && !is_out) return true;
      n_within += is_within;
    }
    if (n_within == 1) return true;
    touched_.push_back(p == ring_p.last ? ring_p.first : p);
    touched_.push_back(q == ring_q.last ? ring_q.first : q);
    return false;
  }
  const Position& before(std::uint32_t v, const Ring& ring) const noexcept {
    return vertices_[(v == ring.first ? ring.last : v) - 1];
  }
  const Position& after(std::uint32_t v, const Ring& ring) const noexcept {
    return vertices_[(v == ring.last ? ring.first : v) + 1];
  }

  // Whether the path from a through b to c may turn back on itself.
  static bool may_fold(const Position& a, const Position& b, const Position& c) noexcept {
    return Plane::side(a, b, c) == 0 && !Plane::continues(a, b, c);
  }

  // Whether each hole lies in its shell and in no other hole of it, and each shell within another only if in a hole of
  // it. REQUIRES: rings do not cross, and touch at `touched_` only.
  bool are_nested() {
    is_encircling_.assign(rings_.size(), false);
    std::sort(touched_.begin(), touched_.end());
    for (std::uint32_t k = 0; k < rings_.size(); ++k) {
      if (!find_encircling(k)) return false;
      const std::uint32_t shell = rings_[k].shell;
      bool in_shell = false, misplaced = false;
      for (const std::uint32_t other : encircling_) {
        if (!is_encircling_[other]) continue;
        if (k != shell) {  // a hole
          in_shell |= other == shell;
          misplaced |= other != shell && rings_[other].shell == shell;
        } else if (rings_[other].shell == other) {
          const auto is_its_hole = [&](std::uint32_t q) {
            return is_encircling_[q] && q != other && rings_[q].shell == other;
          };
          misplaced |= std::none_of(encircling_.begin(), encircling_.end(), is_its_hole);
        }
      }
      for (const std::uint32_t other : encircling_) is_encircling_[other] = false;
      if (misplaced || (k != shell && !in_shell)) return false;
    }
    return true;
  }

  // Finds the other rings that encircle a ring: those of `encircling_` for which `is_encircling_`. False if undecided.
  bool find_encircling(std::uint32_t ring) {
    encircling_.clear();
    std::uint32_t vertex = rings_[ring].first;
    while (std::binary_search(touched_.begin(), touched_.end(), vertex)) ++vertex;
    if (vertex == rings_[ring].last) return false;
    const Position& at = vertices_[vertex];
    const double x = Plane::x(at), y = Plane::y(at);
    bool is_undecided = false;
    tree_.visit(0, [&](std::uint32_t node) {
      const Box& box = tree_.box(node);
      if (is_undecided || !((x >= box.x_lo) & (x < box.x_hi) & (y <= box.y_hi))) return false;
      is_undecided = --budget_ < 0;
      if (!tree_.is_item(node)) return true;
      const Run& run = runs_[tree_.item(node)];
      if (run.ring == ring) return false;
      for (std::uint32_t v = run.first; v < run.end; ++v) {
        const Position &a = vertices_[v], &b = vertices_[v + 1];
        if ((Plane::x(a) <= x) == (Plane::x(b) <= x)) continue;
        const int side = Plane::x(a) < Plane::x(b) ? Plane::side(a, b, at) : Plane::side(b, a, at);
        is_undecided |= side == 0;
        if (side > 0) continue;  // the edge is below
        if (!is_encircling_[run.ring]) encircling_.push_back(run.ring);
        is_encircling_[run.ring] = !is_encircling_[run.ring];
      }
      return false;
    });
    return !is_undecided;
  }

  std::span<const Position> vertices_;
  std::vector<Run> runs_;
  std::vector<Ring> rings_;
  std::vector<std::uint32_t> touched_;  // vertices where rings touch
  BoxTree tree_;  // of runs
  std::vector<bool> is_encircling_;  // of rings
  std::vector<std::uint32_t> encircling_;
  std::int64_t budget_ = 0;
};

}  // namespace cellwise
