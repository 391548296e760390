// Nearest neighbors on the sphere, exact, among places that are sorted along the Hilbert curve.
//
// A place is a distinct position, and stands for all rows with these coordinates: rows at one place are found together,
// and told apart at the end.
//
// Places in curve order are their own index, because any run of them is compact. There is a box in (x, y, z) around
// each run of kBucket places, around each run of kFanout such boxes, and so on up to a root. A search scans the bucket
// to which the query would belong, then climbs to the root, and on the way descends wherever a box is near enough.
//
// There are two measures of distance. Squared chords between unit points cost eight operations and are wrong by at most
// kSlack, some tenths of a micrometre on the Earth: they select candidates, among which all neighbors are. `arc`
// measures the candidates to 2e-15 of the value, and decides, with row numbers to break ties. It consists of + - * /
// and sqrt alone, so that neighbors and distances have the same bits on every machine, and in the numpy backend.

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "cellwise/parallel.h"
#include "cellwise/projection.h"

namespace cellwise {

// A position in canonical degrees: -180 < lng <= 180, and 0 at the poles.
struct Place {
  double lat, lng, cos_lat;
};

namespace internal {

// Taylor coefficients of sin(x) / x and asin(x) / x in x^2. Factorials up to 21 and binomials are exact in doubles.
struct ArcSeries {
  std::array<double, 11> sin, asin;
};

constexpr ArcSeries make_arc_series() {
  ArcSeries series{};
  double factorial = 1, binomial = 1, power = 1;  // (2n + 1)!, binomial(2n, n), 4^n
  for (int n = 0; n <= 10; ++n) {
    if (n > 0) {
      factorial *= 2 * n * (2 * n + 1);
      binomial = binomial * (2 * (2 * n - 1)) / n;
      power *= 4;
    }
    series.sin[n] = (n % 2 == 0 ? 1 : -1) / factorial;
    series.asin[n] = binomial / (power * (2 * n + 1));
  }
  return series;
}

inline constexpr ArcSeries kArc = make_arc_series();

inline double horner(const std::array<double, 11>& coefficients, double x) noexcept {
  double sum = coefficients[10];
  for (int n = 9; n >= 0; --n) sum = sum * x + coefficients[n];
  return sum;
}

// The sine of half an angle in degrees.  Valid range: 0 .. 180; the first term left out is 1.2e-18.
inline double sin_half(double degrees) noexcept {
  const double x = degrees * (kPi / 360);
  return x * horner(kArc.sin, x * x);
}

// The angle that has h as the squared sine of its half.  Valid range: 0 .. 1/2.
inline double haversine_to_arc(double h) noexcept {
  double twice = 2;
  if (h > 1. / 32) {  // halve the angle twice: sin^2(x / 2) = sin^2(x) / (2 + 2 cos(x))
    h = h / (2 * (1 + std::sqrt(1 - h)));
    h = h / (2 * (1 + std::sqrt(1 - h)));
    twice = 8;
  }
  return twice * (std::sqrt(h) * horner(kArc.asin, h));  // h < 0.039: the first term left out is 2e-18
}

}  // namespace internal

// The place at a position.  REQUIRES: |lat| <= 90 and -180 < lng <= 180, in degrees.
inline Place make_place(double lat, double lng) noexcept {
  return {lat, lng, internal::sin_half(2 * (90 - std::fabs(lat)))};
}

// The angle in radians between two places.  Max error: 2e-15 of the value.
//
// The haversine is a sum of positive terms, so that it is accurate if the differences are exact: those of longitudes
// are corrected by their rounding errors. Beyond a right angle the same is done for the antipode.
inline double arc(const Place& a, const Place& b) noexcept {
  const double difference = b.lng - a.lng, back = difference - b.lng;
  const double lost = (b.lng - (difference - back)) - (a.lng + back);
  const double wide = std::fabs(difference), more = difference < 0 ? -lost : lost;
  const double cos_cos = a.cos_lat * b.cos_lat;
  const double north = internal::sin_half(std::fabs(a.lat - b.lat));
  const double east = internal::sin_half(wide > 180 ? (360 - wide) - more : wide + more);
  const double h = north * north + cos_cos * (east * east);
  if (h <= 0.5) return internal::haversine_to_arc(h);
  const double north2 = internal::sin_half(std::fabs(a.lat + b.lat));
  const double east2 = internal::sin_half(wide > 180 ? (wide - 180) + more : (180 - wide) - more);
  return kPi - internal::haversine_to_arc(north2 * north2 + cos_cos * (east2 * east2));
}

// The max difference between the computed chord of two unit points and that of places with the same `arc`. Coordinates
// are off by at most 1.4e-15 (3 roundings of angles up to pi, a sine, a product), the sum of squares and `arc` by less.
inline constexpr double kSlack = 2e-14;

// What to search for, and what to exclude: the row `row` (-1: none) and the places first .. last - 1.
struct NeighborQuery {
  double lat, lng;
  std::int64_t start;  // a place close by, to start from
  std::int64_t row = -1;
  std::int64_t first = 0, last = 0;
};

class NeighborTree {
 public:
  static constexpr int kBucket = 32;  // places in each box of the lowest level
  static constexpr int kFanout = 4;  // boxes in each box of the next level

  // The boxes of a node's children, which are nodes or buckets.
  struct Node {
    double lo[3][kFanout], hi[3][kFanout];
  };

  // Rows `rows[starts[p]] .. rows[starts[p + 1] - 1]` are at place p.
  // Of the n_rows rows, those without a place have a negative number in `place_of_row`, and are never found.
  // REQUIRES: places are canonical, distinct and in curve order; starts ascend strictly from 0 to the number of rows
  // with a place; `rows` are these, ascending within each place; all arrays outlive the tree.
  NeighborTree(const double* lat, const double* lng, const std::int32_t* starts, std::int64_t n_places,
               const std::int32_t* rows, const std::int32_t* place_of_row, std::int64_t n_rows)
      : lat_(lat), lng_(lng), starts_(starts), rows_(rows), place_of_row_(place_of_row), n_rows_(n_rows) {
    const std::int64_t n_buckets = (n_places + kBucket - 1) / kBucket;
    cos_lat_.reserve(n_places);
    for (auto& axis : xyz_) axis.assign(n_buckets * kBucket, kFar);
    for (std::int64_t p = 0; p < n_places; ++p) {
      cos_lat_.push_back(make_place(lat[p], lng[p]).cos_lat);
      const Point point = latlng_to_point(lat[p], lng[p]);
      for (int axis = 0; axis < 3; ++axis) xyz_[axis][p] = point[axis];
    }
    std::int64_t n_boxes = n_buckets;
    do {
      n_boxes = add_level(n_boxes);
    } while (n_boxes > 1);
  }

  std::int64_t n_places() const noexcept { return static_cast<std::int64_t>(cos_lat_.size()); }
  std::int64_t n_rows() const noexcept { return n_rows_; }

 private:
  friend class NeighborSearch;

  Place place(std::int64_t p) const noexcept { return {lat_[p], lng_[p], cos_lat_[p]}; }

  static constexpr double kFar = 1e3;  // where empty boxes are, and the padding of the last bucket

  // Adds the boxes around those of the level below, or around the buckets; returns the number of nodes.
  std::int64_t add_level(std::int64_t n_boxes) {
    const std::int64_t n_nodes = (n_boxes + kFanout - 1) / kFanout;
    std::vector<Node> nodes(n_nodes);
    for (std::int64_t k = 0; k < n_nodes * kFanout; ++k) {
      Node& node = nodes[k / kFanout];
      for (int axis = 0; axis < 3; ++axis) {
        double lo = kFar, hi = k < n_boxes ? -kFar : kFar;
        if (k < n_boxes && levels_.empty()) {
          const double* x = xyz_[axis].data() + k * kBucket;
          for (std::int64_t i = 0; i < std::min<std::int64_t>(kBucket, n_places() - k * kBucket); ++i) {
            lo = std::min(lo, x[i]);
            hi = std::max(hi, x[i]);
          }
        } else if (k < n_boxes) {
          const Node& below = levels_.back()[k];
          for (int i = 0; i < kFanout && below.lo[axis][i] < kFar; ++i) {
            lo = std::min(lo, below.lo[axis][i]);
            hi = std::max(hi, below.hi[axis][i]);
          }
        }
        node.lo[axis][k % kFanout] = lo;
        node.hi[axis][k % kFanout] = hi;
      }
    }
    levels_.push_back(std::move(nodes));
    return n_nodes;
  }

  const double *lat_, *lng_;
  const std::int32_t *starts_, *rows_, *place_of_row_;
  std::int64_t n_rows_;
  std::vector<double> cos_lat_;
  std::array<std::vector<double>, 3> xyz_;  // unit points of the places, bucket after bucket
  std::vector<std::vector<Node>> levels_;  // from the buckets up to the root
};

// Searches of one thread in a tree, one query after another: faster in curve order, when caches are warm. All of them
// throw Interrupted if the user stops them.
class NeighborSearch {
 public:
  explicit NeighborSearch(const NeighborTree& tree) : tree_(tree) {}

  // The k nearest rows, ascending by (arc, row); -1 and NaN where there are fewer.
  // REQUIRES: the query is canonical; k >= 1; rows and arcs have room for k.
  void nearest(const NeighborQuery& query, std::int64_t k, std::int64_t* rows, double* arcs) {
    k_ = k;
    limit_ = kUnlimited;
    search(query);
    if (n_ > k_) tighten();
    std::int64_t found = 0;
    rank(kPi, [&](std::int64_t row, double arc) {
      rows[found] = row;
      arcs[found] = arc;
      return ++found < k;
    });
    std::fill(rows + found, rows + k, -1);
    std::fill(arcs + found, arcs + k, std::nan(""));
  }

  // Appends all rows within `radius` radians, ascending by (arc, row).
  // REQUIRES: the query is canonical; radius >= 0.
  void within(const NeighborQuery& query, double radius, std::vector<std::int64_t>& rows, std::vector<double>& arcs) {
    k_ = kNoLimit;
    limit_ = square(2 * std::sin(0.5 * std::min(radius, kPi)) + kSlack);
    search(query);
    rank(radius, [&](std::int64_t row, double arc) {
      rows.push_back(row);
      arcs.push_back(arc);
      return true;
    });
  }

 private:
  using Node = NeighborTree::Node;

  static constexpr int kBucket = NeighborTree::kBucket;
  static constexpr int kFanout = NeighborTree::kFanout;
  static constexpr double kUnlimited = 5;  // more than any squared chord
  static constexpr std::int64_t kNoLimit = std::int64_t{1} << 62;
  static constexpr std::int64_t kSpare = 16;  // candidates beyond k, before the limit is tightened
  static constexpr std::int64_t kPatience = 2048;  // buckets and nodes visited between two looks for Ctrl-C

  static double square(double x) noexcept { return x * x; }

  // Collects all places within limit_, which shrinks to no fewer than k_ of them, in chords_ and found_.
  void search(const NeighborQuery& query) {
    n_ = 0;
    // Boxes of an empty tree are no farther than any other for a query that is not finite.
    if (tree_.n_places() == 0 || !std::isfinite(query.lat + query.lng)) return;
    here_ = make_place(query.lat, query.lng);
    point_ = latlng_to_point(query.lat, query.lng);
    row_ = query.row;
    first_ = query.first;
    last_ = query.last;
    alone_ = -1;
    if (row_ >= 0) {
      const std::int64_t place = tree_.place_of_row_[row_];
      if (place >= 0 && tree_.starts_[place + 1] - tree_.starts_[place] == 1) alone_ = place;
    }
    std::int64_t from = std::clamp<std::int64_t>(query.start, 0, tree_.n_places() - 1) / kBucket;
    scan(from);
    for (std::size_t level = 0; level < tree_.levels_.size(); ++level) {
      visit(level, from / kFanout, from);
      from /= kFanout;
    }
  }

  // Descends into the children of a node that are near enough, nearest first, except for the child `from`.
  void visit(std::size_t level, std::int64_t node, std::int64_t from) {
    count_step();
    double chords[kFanout];
    box_chords(tree_.levels_[level][node], chords);
    std::int64_t children[kFanout];
    int n = 0;
    for (int j = 0; j < kFanout; ++j) {
      if (chords[j] > limit_ || node * kFanout + j == from) continue;
      int at = n++;
      for (; at > 0 && chords[children[at - 1]] > chords[j]; --at) children[at] = children[at - 1];
      children[at] = j;
    }
    for (int i = 0; i < n && chords[children[i]] <= limit_; ++i) {
      const std::int64_t child = node * kFanout + children[i];
      if (is_excluded(level, child)) continue;
      if (level == 0) {
        scan(child);
      } else {
        visit(level - 1, child, -1);
      }
    }
  }

  // The least squared chord from the query to the box of each child.
  void box_chords(const Node& node, double* chords) const noexcept {
    for (int j = 0; j < kFanout; ++j) chords[j] = 0;
    for (int axis = 0; axis < 3; ++axis) {
      for (int j = 0; j < kFanout; ++j) {
        const double below = node.lo[axis][j] - point_[axis], above = point_[axis] - node.hi[axis][j];
        const double outside = below > above ? below : above;
        chords[j] += outside > 0 ? outside * outside : 0;
      }
    }
  }

  // True if all places of a bucket (level 0) or of a node below `level` are excluded.
  bool is_excluded(std::size_t level, std::int64_t child) const noexcept {
    if (first_ >= last_) return false;
    std::int64_t size = kBucket;
    for (; level > 0; --level) size *= kFanout;
    return first_ <= child * size && std::min((child + 1) * size, tree_.n_places()) <= last_;
  }

  // Adds the places of a bucket that are near enough.
  void scan(std::int64_t bucket) {
    count_step();
    const std::int64_t start = bucket * kBucket;
    const double *x = tree_.xyz_[0].data() + start, *y = tree_.xyz_[1].data() + start,
                 *z = tree_.xyz_[2].data() + start;
    double chords[kBucket];
    for (int j = 0; j < kBucket; ++j) {
      chords[j] = square(x[j] - point_[0]) + square(y[j] - point_[1]) + square(z[j] - point_[2]);
    }
    for (std::int64_t p = std::max(first_, start); p < std::min(last_, start + kBucket); ++p) {
      chords[p - start] = NeighborTree::kFar;
    }
    if (start <= alone_ && alone_ < start + kBucket) chords[alone_ - start] = NeighborTree::kFar;
    if (n_ + kBucket > static_cast<std::int64_t>(chords_.size())) {
      chords_.resize(2 * (n_ + kBucket));
      found_.resize(chords_.size());
    }
    double* to_chord = chords_.data();
    std::int64_t* to_place = found_.data();
    std::int64_t n = n_;
    for (int j = 0; j < kBucket; ++j) {  // always written, but kept only if near enough: no branch to mispredict
      to_chord[n] = chords[j];
      to_place[n] = start + j;
      n += chords[j] <= limit_;
    }
    const bool has_more = n > n_;
    n_ = n;
    if (has_more && n_ >= k_ + kSpare) tighten();
  }

  // Lowers the limit to little more than the k-th chord, and drops candidates beyond it. If places are spread about
  // evenly, their number grows with the squared chord, and where it reaches k is found by interpolation; else by
  // partition. REQUIRES: n_ >= k_.
  void tighten() {
    double lo = chords_[0], hi = chords_[0];
    for (std::int64_t i = 0; i < n_; ++i) {
      lo = chords_[i] < lo ? chords_[i] : lo;
      hi = chords_[i] > hi ? chords_[i] : hi;
    }
    std::int64_t n_lo = 0, n_hi = n_;
    for (int tries = 3; tries > 0 && n_hi > k_ + 2; --tries) {
      const double guess = lo + (hi - lo) * (static_cast<double>(k_ + 1 - n_lo) / static_cast<double>(n_hi - n_lo));
      std::int64_t n = 0;
      for (std::int64_t i = 0; i < n_; ++i) n += chords_[i] <= guess;
      (n >= k_ ? hi : lo) = guess;
      (n >= k_ ? n_hi : n_lo) = n;
    }
    if (n_hi > k_ + kSpare / 2) {
      partitioned_.assign(chords_.begin(), chords_.begin() + n_);
      std::nth_element(partitioned_.begin(), partitioned_.begin() + (k_ - 1), partitioned_.end());
      hi = partitioned_[k_ - 1];
    }
    limit_ = std::min(limit_, square(std::sqrt(hi) + kSlack));
    std::int64_t n = 0;
    for (std::int64_t i = 0; i < n_; ++i) {
      chords_[n] = chords_[i];
      found_[n] = found_[i];
      n += chords_[i] <= limit_;
    }
    n_ = n;
  }

  // Gives the rows of the places found within `radius` to `take`, ascending by (arc, row), until it returns false.
  template <class Take>
  void rank(double radius, Take take) {
    ranked_.clear();
    for (std::int64_t i = 0; i < n_; ++i) {
      const double away = arc(here_, tree_.place(found_[i]));
      if (away <= radius) ranked_.emplace_back(away, found_[i]);
    }
    std::sort(ranked_.begin(), ranked_.end());
    for (std::size_t i = 0, end = 0; i < ranked_.size(); i = end) {
      const double away = ranked_[i].first;
      for (end = i + 1; end < ranked_.size() && ranked_[end].first == away; ++end) {
      }
      if (end == i + 1) {
        const std::int64_t place = ranked_[i].second;
        for (std::int64_t k = tree_.starts_[place]; k < tree_.starts_[place + 1]; ++k) {
          if (tree_.rows_[k] != row_ && !take(tree_.rows_[k], away)) return;
        }
        continue;
      }
      tied_.clear();  // rows of places that are equally far, in order; at most k of each can be wanted
      for (std::size_t j = i; j < end; ++j) {
        const std::int64_t place = ranked_[j].second, start = tree_.starts_[place];
        const std::int64_t n = std::min(tree_.starts_[place + 1] - start, k_ + 1);
        tied_.insert(tied_.end(), tree_.rows_ + start, tree_.rows_ + start + n);
      }
      std::sort(tied_.begin(), tied_.end());
      for (const std::int64_t row : tied_) {
        if (row != row_ && !take(row, away)) return;
      }
    }
  }

  void count_step() {
    if (++n_steps_ % kPatience == 0) stop_if_interrupted();
  }

  const NeighborTree& tree_;
  std::int64_t n_steps_ = 0;

  // Of the query.
  Place here_;
  Point point_;
  std::int64_t row_, first_, last_;
  std::int64_t alone_;  // place of `row_` if no other row is there, else -1
  std::int64_t k_;
  double limit_;  // squared chord beyond which no place is wanted

  std::int64_t n_;  // candidates
  std::vector<double> chords_, partitioned_;
  std::vector<std::int64_t> found_;
  std::vector<std::pair<double, std::int64_t>> ranked_;
  std::vector<std::int64_t> tied_;
};

}  // namespace cellwise
