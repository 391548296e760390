// Whether polygons are valid as GIS programs have it (OGC Simple Features, 6.1.11), where that can be told without doubt.
//
// They surely are if no two edges have a point in common but for the vertex between neighbours, and the rings lie
// within one another as they should. Whatever comes closer than rounding tells, or touches, is left in doubt, and so
// is what is invalid: somebody else has to say which, and why.

#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "cellwise/box_tree.h"
#include "cellwise/planar.h"

namespace cellwise {

namespace internal {

// Whether x - y, of two products of differences each, is what it seems to be: 1, -1, or 0 for in doubt.
// Source: J. R. Shewchuk, Adaptive Precision Floating-Point Arithmetic, Discrete and Computational Geometry 18, 1997.
inline int sure_sign(double x, double y) noexcept {
  const double bound = (3 + 16 * DBL_EPSILON) * (0.5 * DBL_EPSILON) * (std::fabs(x) + std::fabs(y)) + DBL_MIN;
  return x - y > bound ? 1 : x - y < -bound ? -1 : 0;
}

// Side of the line from a to b that c is on: 1 left, -1 right.
inline int sure_side(const LngLat& a, const LngLat& b, const LngLat& c) noexcept {
  return sure_sign((a.lng - c.lng) * (b.lat - c.lat), (a.lat - c.lat) * (b.lng - c.lng));
}

}  // namespace internal

// Looks at the rings of one row after another; keeps its memory.
class ValidRings {
 public:
  // Chain k has the vertices offsets[k] .. offsets[k + 1]; a ring may be closed or not, and a hole follows its shell.
  // True: the coordinates are in range, no edge goes farther than half way round but for the whole way, and the rings
  // surely make valid polygons, or there are lines alone. False: there is nothing, or rings stay in doubt; they do where
  // lines are among them.
  bool are_sure(std::span<const LngLat> positions, std::span<const std::int64_t> offsets,
                std::span<const std::uint8_t> roles) {
    vertices_.clear();
    runs_.clear();
    rings_.clear();
    bool any_line = false;
    for (std::size_t k = 0; k < roles.size(); ++k) {
      const auto first = static_cast<std::size_t>(offsets[k]), end = static_cast<std::size_t>(offsets[k + 1]);
      const auto chain = positions.subspan(first, end - first);
      bool in_range = true;
      for (const LngLat& at : chain) in_range &= (std::fabs(at.lng) <= 360) & (std::fabs(at.lat) <= 90);
      for (std::size_t v = 1; v < chain.size(); ++v) {
        const double d_lng = std::fabs(chain[v].lng - chain[v - 1].lng);
        in_range &= (d_lng <= 180) | (d_lng == 360);
      }
      if (!in_range) return false;
      if (roles[k] == kLineRole) {
        any_line = true;
      } else if (!add_ring(chain, roles[k] == kHoleRole)) {
        return false;
      }
    }
    if (rings_.empty()) return any_line;
    if (any_line) return false;
    tree_.assign(runs_.size(), [&](std::size_t k) { return box_of(runs_[k].first, runs_[k].end); });
    budget_ = kFewTests + kTestsPerRun * static_cast<std::int64_t>(runs_.size());
    return !touches_within(0) && (rings_.size() == 1 || are_nested());
  }

 private:
  struct Ring {
    std::uint32_t first, last;  // vertices, which are the same
    std::uint32_t shell;        // its own number, if it is one
  };
  // Edges from vertex to vertex that run east or west, and north or south, all the way: they do not meet themselves.
  struct Run {
    std::uint32_t first, end;  // vertices
    std::uint32_t ring;
  };

  static constexpr std::uint32_t kLongestRun = 16;
  static constexpr std::int64_t kFewTests = 4096, kTestsPerRun = 256;  // of boxes; with more, edges lie in a tangle

  bool add_ring(std::span<const LngLat> ring, bool is_hole) {
    const auto number = static_cast<std::uint32_t>(rings_.size());
    if ((is_hole && number == 0) || ring.empty()) return false;
    const auto first = static_cast<std::uint32_t>(vertices_.size());
    vertices_.resize(first + ring.size() + 1);
    LngLat from = ring[0];
    LngLat* to = vertices_.data() + first;
    *to++ = from;
    const auto count = [&] { return static_cast<std::uint32_t>(to - 1 - vertices_.data()); };
    Run run = {first, first, number};
    int east = 0, north = 0;
    for (std::size_t k = 1; k <= ring.size(); ++k) {
      const LngLat at = ring[k < ring.size() ? k : 0];
      const int dx = (at.lng > from.lng) - (at.lng < from.lng), dy = (at.lat > from.lat) - (at.lat < from.lat);
      if ((dx | dy) == 0) continue;
      if (dx * east < 0 || dy * north < 0 || count() - run.first == kLongestRun) {
        run.end = count();
        runs_.push_back(run);
        run.first = run.end;
        east = north = 0;
      }
      east = dx != 0 ? dx : east;
      north = dy != 0 ? dy : north;
      *to++ = from = at;
    }
    run.end = count();
    vertices_.resize(run.end + 1);
    if (run.end < first + 3) return false;
    runs_.push_back(run);
    rings_.push_back({first, run.end, is_hole ? rings_.back().shell : number});
    return true;
  }

  Box box_of(std::uint32_t first, std::uint32_t end) const noexcept {  // of a run, or a part of it
    const LngLat &a = vertices_[first], &b = vertices_[end];
    return {std::min(a.lng, b.lng), std::max(a.lng, b.lng), std::min(a.lat, b.lat), std::max(a.lat, b.lat)};
  }

  // Whether any two runs below the node may touch.
  bool touches_within(std::uint32_t node) {
    if (tree_.is_item(node)) return false;
    const std::uint32_t first = tree_.first_below(node), end = tree_.end_below(node);
    for (std::uint32_t k = first; k < end; ++k) {
      if (touches_within(k)) return true;
      for (std::uint32_t other = k + 1; other < end; ++other) {
        if (touch(k, other)) return true;
      }
    }
    return false;
  }

  // Whether a run below one node may touch one below the other.
  bool touch(std::uint32_t a, std::uint32_t b) {
    if (!tree_.box(a).meets(tree_.box(b))) return false;
    if (--budget_ < 0) return true;
    if (tree_.is_item(a) && tree_.is_item(b)) return runs_touch(runs_[tree_.item(a)], runs_[tree_.item(b)]);
    if (tree_.is_item(a) || (a > b && !tree_.is_item(b))) std::swap(a, b);  // the larger one first
    for (std::uint32_t k = tree_.first_below(a); k < tree_.end_below(a); ++k) {
      if (touch(k, b)) return true;
    }
    return false;
  }

  // Backwards along one and forwards along the other: runs that follow one another come away from each other. Edges of
  // a run that meet a box come in a row.
  bool runs_touch(const Run& a, const Run& b) const noexcept {
    if (a.first > b.first) return runs_touch(b, a);
    const Ring* ring = a.ring == b.ring ? &rings_[a.ring] : nullptr;
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
          if (edges_touch(v, w, ring)) return true;
        } else if (any_of_b) {
          break;
        }
      }
    }
    return false;
  }

  // Whether the edges from vertices v and w > v on may have more in common than a vertex between neighbours in the ring.
  bool edges_touch(std::uint32_t v, std::uint32_t w, const Ring* ring) const noexcept {
    using internal::sure_side;
    const LngLat &a = vertices_[v], &b = vertices_[v + 1], &c = vertices_[w], &d = vertices_[w + 1];
    if (ring != nullptr && w == v + 1) return folds(a, b, d);
    if (ring != nullptr && v == ring->first && w + 1 == ring->last) return folds(c, a, b);
    return sure_side(a, b, c) * sure_side(a, b, d) <= 0 && sure_side(c, d, a) * sure_side(c, d, b) <= 0;
  }

  // Whether the way from a over b to c may go back on itself.
  static bool folds(const LngLat& a, const LngLat& b, const LngLat& c) noexcept {
    return internal::sure_side(a, b, c) == 0 &&
           internal::sure_sign((b.lng - a.lng) * (c.lng - b.lng), -((b.lat - a.lat) * (c.lat - b.lat))) <= 0;
  }

  // Whether holes lie in their shells and in no other hole of these, and shells in other shells only within holes.
  // REQUIRES: rings do not touch.
  bool are_nested() {
    is_round_.assign(rings_.size(), false);
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
          const auto is_its_hole = [&](std::uint32_t q) { return is_round_[q] && q != other && rings_[q].shell == other; };
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
    const LngLat& at = vertices_[rings_[ring].first];
    bool in_doubt = false;
    tree_.visit(0, [&](std::uint32_t node) {
      const Box& box = tree_.box(node);
      if (in_doubt || !((at.lng >= box.x_lo) & (at.lng < box.x_hi) & (at.lat <= box.y_hi))) return false;
      in_doubt = --budget_ < 0;
      if (!tree_.is_item(node)) return true;
      const Run& run = runs_[tree_.item(node)];
      if (run.ring == ring) return false;
      for (std::uint32_t v = run.first; v < run.end; ++v) {
        const LngLat &a = vertices_[v], &b = vertices_[v + 1];
        if ((a.lng <= at.lng) == (b.lng <= at.lng)) continue;
        const int side = a.lng < b.lng ? internal::sure_side(a, b, at) : internal::sure_side(b, a, at);
        in_doubt |= side == 0;
        if (side > 0) continue;  // the edge passes below
        if (!is_round_[run.ring]) round_.push_back(run.ring);
        is_round_[run.ring] = !is_round_[run.ring];
      }
      return false;
    });
    return !in_doubt;
  }

  std::vector<LngLat> vertices_;  // of all rings, none twice in a row, each ring's first again at its end
  std::vector<Run> runs_;
  std::vector<Ring> rings_;
  BoxTree tree_;  // of runs
  std::vector<bool> is_round_;  // of rings
  std::vector<std::uint32_t> round_;
  std::int64_t budget_ = 0;
};

}  // namespace cellwise
