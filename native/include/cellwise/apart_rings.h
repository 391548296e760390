// Whether rings surely are apart: no two edges have a point in common but for the vertex between neighbours, or one
// where rings of two shells touch and do not cross; and the rings lie within one another as those of polygons do.
// Whatever comes closer than rounding tells, or touches elsewhere, is left in doubt.
//
// Plane: what is known of positions. `Position` with `x` and `y`; `kMargin`, by which boxes are widened; whether two
// surely are the `same`; whether a step is `long_enough` for its direction to be known; the `side` of the line from a
// to b that c is on, 1 left, -1 right, 0 in doubt; whether the way from a over b to c surely `goes_on` where that is in
// doubt.

#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "cellwise/box_tree.h"

namespace cellwise {

// Looks at the rings of one shape after another; keeps its memory.
template <class Plane>
class ApartRings {
 public:
  using Position = typename Plane::Position;

  // All of them; the first of a ring stands again at its end, and neighbours differ.
  void reset(std::span<const Position> vertices) {
    vertices_ = vertices;
    runs_.clear();
    rings_.clear();
    touched_.clear();
  }

  // The ring from one vertex to another, which is the same. A hole follows its shell. False if it stays in doubt.
  bool add_ring(std::uint32_t first, std::uint32_t last, bool is_hole) {
    const auto number = static_cast<std::uint32_t>(rings_.size());
    if ((is_hole && number == 0) || last < first + 3) return false;
    Run run = {first, first, number};
    unsigned up = 0, down = 0;  // of the run, in x and in y
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

  bool are_sure() {
    tree_.assign(runs_.size(), [&](std::size_t k) { return box_of(runs_[k].first, runs_[k].end); });
    budget_ = kFewTests + kTestsPerRun * static_cast<std::int64_t>(runs_.size());
    return !touches_within(0) && (rings_.size() == 1 || are_nested());
  }

 private:
  struct Ring {
    std::uint32_t first, last;  // vertices, which are the same
    std::uint32_t shell;  // its own number, if it is one
  };
  // Edges from vertex to vertex that run east or west, and north or south, all the way: they do not meet themselves.
  struct Run {
    std::uint32_t first, end;  // vertices
    std::uint32_t ring;
  };

  static constexpr std::uint32_t kLongestRun = 16;
  static constexpr std::int64_t kFewTests = 4096, kTestsPerRun = 256;  // of boxes; with more, edges lie in a tangle

  Double2 position(std::uint32_t vertex) const noexcept {
    const Position& at = vertices_[vertex];
    return Double2{Plane::x(at), Plane::y(at)};
  }
  Box box_of(std::uint32_t first, std::uint32_t end) const noexcept {  // of a run, or a part of it
    return Box::of_segment(position(first), position(end), Plane::kMargin);
  }

  // Whether any two runs below the node may touch.
  bool touches_within(std::uint32_t node) {
    if (tree_.is_item(node)) return false;
    const std::uint32_t first = tree_.first_below(node), end = tree_.end_below(node);
    for (std::uint32_t k = first; k < end; ++k) {
      if (touches_within(k)) return true;
      for (std::uint32_t other = k + 1; other < end; ++other) {
        if (tree_.box(k).meets(tree_.box(other)) && touch(k, other)) return true;
      }
    }
    return false;
  }

  // Whether a run below one node may touch one below the other, if their boxes meet.
  bool touch(std::uint32_t a, std::uint32_t b) {
    if (--budget_ < 0) return true;
    if (tree_.is_item(a) && tree_.is_item(b)) return runs_touch(runs_[tree_.item(a)], runs_[tree_.item(b)]);
    if (tree_.is_item(a) || (a > b && !tree_.is_item(b))) std::swap(a, b);  // the larger one first
    for (std::uint32_t k = tree_.first_below(a); k < tree_.end_below(a); ++k) {
      if (tree_.box(k).meets(tree_.box(b)) && touch(k, b)) return true;
    }
    return false;
  }

  // Backwards along one and forwards along the other: runs that follow one another come away from each other. Edges of
  // a run that meet a box come in a row.
  bool runs_touch(const Run& a, const Run& b) {
    if (a.first > b.first) return runs_touch(b, a);
    const Box around_b = box_of(b.first, b.end);
    bool any = false;
    for (std::uint32_t v = a.end; v-- > a.first;) {
      const Box box = box_of(v, v + 1);
      if (!box.meets(around_b)) {
        if (any) break;
        continue;
      }
      any = true;
      bool any_of_b = false;
      for (std::uint32_t w = b.first; w < b.end; ++w) {
        if (box.meets(box_of(w, w + 1))) {
          any_of_b = true;
          if (edges_touch(v, rings_[a.ring], w, rings_[b.ring])) return true;
        } else if (any_of_b) {
          break;
        }
      }
    }
    return false;
  }

  // Whether the edges from vertices v and w > v on may have more in common than a vertex between neighbours in a ring,
  // or one at which rings of two shells do not cross. Where one polygon's rings touch, they may cut it in two.
  bool edges_touch(std::uint32_t v, const Ring& ring_v, std::uint32_t w, const Ring& ring_w) {
    const Position &a = vertices_[v], &b = vertices_[v + 1], &c = vertices_[w], &d = vertices_[w + 1];
    if (&ring_v == &ring_w) {
      if (w == v + 1) return folds(a, b, d);
      if (v == ring_v.first && w + 1 == ring_v.last) return folds(c, a, b);
    }
    if (Plane::side(a, b, c) * Plane::side(a, b, d) > 0 || Plane::side(c, d, a) * Plane::side(c, d, b) > 0) {
      return false;
    }
    if (ring_v.shell == ring_w.shell) return true;
    for (const std::uint32_t p : {v, v + 1}) {
      for (const std::uint32_t q : {w, w + 1}) {
        if (Plane::same(vertices_[p], vertices_[q])) return cross_at(p, ring_v, q, ring_w);
      }
    }
    return true;
  }

  // Whether two rings may cross, or run along one another, at the vertices p and q, which lie in one place: whether the
  // one's neighbours do not surely lie both within the angle between the other's, of half a turn at most, or both out
  // of it.
  bool cross_at(std::uint32_t p, const Ring& ring_p, std::uint32_t q, const Ring& ring_q) {
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

  // Whether the way from a over b to c may go back on itself.
  static bool folds(const Position& a, const Position& b, const Position& c) noexcept {
    return Plane::side(a, b, c) == 0 && !Plane::goes_on(a, b, c);
  }

  // Whether holes lie in their shells and in no other hole of these, and shells in other shells only within holes.
  // REQUIRES: rings do not cross, and touch at `touched_` only.
  bool are_nested() {
    is_round_.assign(rings_.size(), false);
    std::sort(touched_.begin(), touched_.end());
    for (std::uint32_t k = 0; k < rings_.size(); ++k) {
      if (!find_round(k)) return false;
      const std::uint32_t shell = rings_[k].shell;
      bool in_shell = false, misplaced = false;
      for (const std::uint32_t other : round_) {
        if (!is_round_[other]) continue;
        if (k != shell) {  // a hole
          in_shell |= other == shell;
          misplaced |= other != shell && rings_[other].shell == shell;
        } else if (rings_[other].shell == other) {
          const auto is_its_hole = [&](std::uint32_t q) {
            return is_round_[q] && q != other && rings_[q].shell == other;
          };
          misplaced |= std::none_of(round_.begin(), round_.end(), is_its_hole);
        }
      }
      for (const std::uint32_t other : round_) is_round_[other] = false;
      if (misplaced || (k != shell && !in_shell)) return false;
    }
    return true;
  }

  // Finds the other rings that go round a ring: those of `round_` with `is_round_`. False if that stays in doubt.
  bool find_round(std::uint32_t ring) {
    round_.clear();
    std::uint32_t apart = rings_[ring].first;
    while (std::binary_search(touched_.begin(), touched_.end(), apart)) ++apart;
    if (apart == rings_[ring].last) return false;
    const Position& at = vertices_[apart];
    const double x = Plane::x(at), y = Plane::y(at);
    bool in_doubt = false;
    tree_.visit(0, [&](std::uint32_t node) {
      const Box& box = tree_.box(node);
      if (in_doubt || !((x >= box.x_lo) & (x < box.x_hi) & (y <= box.y_hi))) return false;
      in_doubt = --budget_ < 0;
      if (!tree_.is_item(node)) return true;
      const Run& run = runs_[tree_.item(node)];
      if (run.ring == ring) return false;
      for (std::uint32_t v = run.first; v < run.end; ++v) {
        const Position &a = vertices_[v], &b = vertices_[v + 1];
        if ((Plane::x(a) <= x) == (Plane::x(b) <= x)) continue;
        const int side = Plane::x(a) < Plane::x(b) ? Plane::side(a, b, at) : Plane::side(b, a, at);
        in_doubt |= side == 0;
        if (side > 0) continue;  // the edge passes below
        if (!is_round_[run.ring]) round_.push_back(run.ring);
        is_round_[run.ring] = !is_round_[run.ring];
      }
      return false;
    });
    return !in_doubt;
  }

  std::span<const Position> vertices_;
  std::vector<Run> runs_;
  std::vector<Ring> rings_;
  std::vector<std::uint32_t> touched_;  // vertices where rings touch
  BoxTree tree_;  // of runs
  std::vector<bool> is_round_;  // of rings
  std::vector<std::uint32_t> round_;
  std::int64_t budget_ = 0;
};

}  // namespace cellwise
