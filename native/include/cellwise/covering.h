// Coverings: few cells that contain a region, or lie within it.
//
// The algorithm is Google's (S2RegionCoverer, release 0.14), repeated decision for decision, because the cells depend
// on every one of them: start from about four cells that contain the region, keep a queue of cells that meet its
// boundary, and split the largest first (then the one with fewest children that meet the region, then the one with
// fewest children that need no further splitting) until `max_cells` is reached. Ties are broken by the shape of the
// heap, so the heap is written out here instead of taken from a standard library that may change it.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "cellwise/hierarchy.h"
#include "cellwise/regions.h"
#include "cellwise/short_list.h"

namespace cellwise {

struct CoverOptions {
  std::int32_t min_level = 0;
  std::int32_t max_level = kMaxLevel;
  std::int64_t max_cells = 8;
  std::int32_t level_mod = 1;
  bool interior = false;
  std::uint64_t within = 0;  // only what lies in this cell, if it is not 0

  bool is_one_level() const noexcept { return min_level == max_level && within == 0; }
};

enum class CoverStatus : std::uint8_t { kOk, kTooManyCells, kTooManyCandidates, kInterrupted };

// Sorts, drops what another cell contains, and merges four siblings into their parent, until nothing changes.
inline void normalize_cells(std::vector<std::uint64_t>& cells) {
  std::sort(cells.begin(), cells.end());
  std::size_t n = 0;
  for (std::uint64_t cell : cells) {
    if (n > 0 && cell_contains(cells[n - 1], cell)) continue;
    while (n > 0 && cell_contains(cell, cells[n - 1])) --n;
    const auto completes_siblings = [&] {
      if (n < 3 || cell_level(cell) == 0) return false;
      const std::uint64_t parent = cell_parent(cell, cell_level(cell) - 1);
      return cells[n - 3] == cell_child(parent, 0) && cells[n - 2] == cell_child(parent, 1) &&
             cells[n - 1] == cell_child(parent, 2) && cell == cell_child(parent, 3);
    };
    while (completes_siblings()) {
      cell = cell_parent(cell, cell_level(cell) - 1);
      n -= 3;
    }
    cells[n++] = cell;
  }
  cells.resize(n);
}

// Level that a cell of `level` is split to, so that it is at least min_level and a multiple of level_mod from it.
constexpr std::int32_t denormalized_level(std::int32_t level, std::int32_t min_level, std::int32_t level_mod) noexcept {
  const std::int32_t finer = std::max(level, min_level);
  return std::min(kMaxLevel, finer + (kMaxLevel - (finer - min_level)) % level_mod);
}

namespace internal {

// Heap of priorities, largest on top. Sifting goes all the way down before it comes up again, as in libstdc++.
template <class Entry>
class PriorityHeap {
 public:
  bool empty() const noexcept { return entries_.empty(); }
  std::int64_t size() const noexcept { return static_cast<std::int64_t>(entries_.size()); }

  const Entry& top() const noexcept { return entries_[0]; }
  void push(Entry entry) {
    entries_.push_back(entry);
    sift_up(entries_.size() - 1, std::move(entry));
  }

  Entry pop() {
    Entry top = std::move(entries_[0]);
    Entry last = std::move(entries_.back());
    entries_.pop_back();
    const std::size_t n = entries_.size();
    if (n == 0) return top;
    std::size_t hole = 0;
    while (2 * hole + 2 < n) {
      std::size_t child = 2 * hole + 2;
      child -= entries_[child].priority() < entries_[child - 1].priority();
      entries_[hole] = std::move(entries_[child]);
      hole = child;
    }
    if (2 * hole + 2 == n) {
      entries_[hole] = std::move(entries_[n - 1]);
      hole = n - 1;
    }
    sift_up(hole, std::move(last));
    return top;
  }

 private:
  void sift_up(std::size_t hole, Entry entry) {
    while (hole > 0) {
      const std::size_t parent = (hole - 1) / 2;
      if (!(entries_[parent].priority() < entry.priority())) break;
      entries_[hole] = std::move(entries_[parent]);
      hole = parent;
    }
    entries_[hole] = std::move(entry);
  }

  ShortList<Entry, 64> entries_;
};

// Places of a region that answers about any cell at once, without regard to the cells around it.
template <class Region>
class PlainPlaces {
 public:
  using Place = CellUV;

  explicit PlainPlaces(const Region& region) : region_(region) {}
  static std::uint64_t cell(const Place& place) noexcept { return place.cell; }
  bool met(const Place& place) const { return region_.may_intersect(place); }
  bool contained(const Place& place) const { return region_.contains(place); }
  Place at(std::uint64_t cell) const { return cell_uv(cell); }
  void split(const Place& place, Place* quarters, bool) const {
    for (int k = 0; k < 4; ++k) quarters[k] = cell_uv(cell_child(place.cell, k));
  }
  void drop(const Place&) const {}
  void cell_union_bound(std::vector<std::uint64_t>& cells) const { region_.cell_union_bound(cells); }

 private:
  const Region& region_;
};

template <class Region>
concept HasPlaces = requires { typename Region::Place; };

}  // namespace internal

// Region: either it has `contains(cell)`, `may_intersect(cell)` and `cell_union_bound(cells)`, or `Place`s of its own
// that hand down to their quarters what is known, as `PlainPlaces` has them; it may know `meets_quarters(place)`,
// whether surely one quarter will be met.
template <class Region, class Interrupted>
class Coverer {
  using Places = std::conditional_t<internal::HasPlaces<Region>, Region&, internal::PlainPlaces<Region>>;
  using Place = typename std::remove_reference_t<Places>::Place;

 public:
  // `limit`: most cells, before giving up; `candidate_limit`: most cells in the queue of an interior covering, beside
  // 16 for each that is found.
  // `interrupted`: asked every few thousand steps whether to stop.
  Coverer(Region& region, const CoverOptions& options, std::int64_t limit, std::int64_t candidate_limit,
          Interrupted interrupted)
      : places_(region), options_(options), limit_(limit), candidate_limit_(candidate_limit),
        interrupted_(std::move(interrupted)) {
    blocks_.reserve(4);
  }

  CoverStatus run(std::vector<std::uint64_t>& cells) {
    result_.swap(cells);  // for its room
    result_.clear();
    std::vector<std::uint64_t> start;
    start.reserve(kFew);
    initial_cells(start);
    if (options_.within != 0) keep_within(start);
    std::vector<Place> first;
    first.reserve(start.size());
    for (const std::uint64_t cell : start) first.push_back(places_.at(cell));
    for (Place& place : first) {
      bool terminal;
      if (!judge(place, cell_level(places_.cell(place)), terminal)) continue;
      if (const auto status = add(place, terminal); status != CoverStatus::kOk) return status;
    }
    while (!queue_.empty() && (!options_.interior || found() < options_.max_cells)) {
      if (queue_.may_have_unrated_on_top()) {
        if (const auto status = rate(); status != CoverStatus::kOk) return status;
      }
      const Queued top = queue_.pop();
      const bool split = options_.interior || cell_level(top.cell) < options_.min_level ||
                         top.children.n_candidates == 1 ||
                         found() + queue_.size() + top.children.n_candidates <= options_.max_cells;
      if (!split) result_.push_back(top.cell);
      for (std::uint64_t rest = top.children.candidates; rest != 0; rest &= rest - 1) {
        const int k = std::countr_zero(rest);
        Place& child = top.children.places[k];
        if (!split) {
          places_.drop(child);
          continue;
        }
        if (options_.interior && found() >= options_.max_cells) break;
        const auto status = add(child, (top.children.terminals >> k & 1) != 0);
        if (status != CoverStatus::kOk) return status;
      }
      (queue_.has_unrated() ? spent_blocks_ : free_blocks_).push_back(top.children.places);
      if (found() + (options_.interior ? 0 : queue_.size()) > limit_) return CoverStatus::kTooManyCells;
      if (options_.interior && queue_.size() > candidate_limit_ + 16 * found()) return CoverStatus::kTooManyCandidates;
    }
    normalize_cells(result_);
    cells.clear();
    if (options_.min_level == 0 && options_.level_mod == 1) {
      cells.swap(result_);
      return CoverStatus::kOk;
    }
    return denormalize(cells);
  }

 private:
  static constexpr std::size_t kFew = 32;  // of anything: so that small coverings ask for memory seldom

  // Places below one cell, as the region gave them; of these, by bits, the candidates, and which of them are to be
  // taken.
  struct Children {
    Place* places;
    std::uint64_t candidates = 0, terminals = 0;
    int n_candidates = 0, n_terminals = 0;
  };
  struct Queued {
    std::uint64_t cell;
    Children children;  // while it is unrated: instead of their places its own, and nothing else
  };
  // In one number: two that were just written can't be read as one at once.
  class HeapEntry {
   public:
    HeapEntry(std::int32_t priority, std::uint32_t slot) noexcept
        : both_(static_cast<std::uint64_t>(static_cast<std::uint32_t>(priority)) << 32 | slot) {}
    std::int32_t priority() const noexcept { return static_cast<std::int32_t>(both_ >> 32); }
    std::uint32_t slot() const noexcept { return static_cast<std::uint32_t>(both_); }

   private:
    std::uint64_t both_;
  };

  // The heap moves small entries; what they stand for stays in its slot.
  //
  // The priority of a cell depends on what lies below it, and to look there is most of the work, while half the cells
  // of an interior covering never come to the top. So cells may be pushed unrated, as lower than all others. Among
  // themselves they lie anyhow until one of them might be on top, and how they lie moves no cell above them: a path
  // down the heap ends among them or it does not. Then they are rated, and all steps since the first of them came are
  // taken again, so that ties are broken as if they had been rated at once.
  class Queue {
   public:
    bool empty() const noexcept { return heap_.empty(); }
    std::int64_t size() const noexcept { return heap_.size(); }
    void push(std::int32_t priority, Queued queued) { push(HeapEntry(priority, keep(std::move(queued)))); }
    // `most`: a bound on the priority.
    void push_unrated(std::int32_t most, Queued queued) {
      if (steps_.empty()) {
        before_ = heap_;
        most_ = most;
      }
      most_ = std::max(most_, most);
      const HeapEntry entry(kUnrated, keep(std::move(queued)));
      steps_.push_back(entry);
      heap_.push(entry);
    }
    bool has_unrated() const noexcept { return !steps_.empty(); }
    bool may_have_unrated_on_top() const noexcept { return !steps_.empty() && heap_.top().priority() <= most_; }
    // REQUIRES: none is unrated that may be on top.
    Queued pop() {
      if (!steps_.empty()) steps_.push_back(HeapEntry(0, kPop));
      const std::uint32_t slot = heap_.pop().slot();
      free_.push_back(slot);
      return std::move(slots_[slot]);
    }
    // `priority_of(queued)` is called for each that is unrated.
    template <class PriorityOf>
    void rate(PriorityOf priority_of) {
      heap_ = before_;
      for (const HeapEntry& step : steps_) {
        if (step.slot() == kPop) {
          heap_.pop();
        } else {
          const bool is_rated = step.priority() != kUnrated;
          heap_.push(is_rated ? step : HeapEntry(priority_of(slots_[step.slot()]), step.slot()));
        }
      }
      steps_.clear();
    }

   private:
    static constexpr std::int32_t kUnrated = std::numeric_limits<std::int32_t>::min();
    static constexpr std::uint32_t kPop = ~std::uint32_t{0};

    void push(HeapEntry entry) {
      if (!steps_.empty()) steps_.push_back(entry);
      heap_.push(entry);
    }
    std::uint32_t keep(Queued queued) {
      if (free_.empty()) {
        slots_.push_back(std::move(queued));
        return static_cast<std::uint32_t>(slots_.size() - 1);
      }
      const std::uint32_t slot = free_.back();
      free_.pop_back();
      slots_[slot] = std::move(queued);
      return slot;
    }

    internal::PriorityHeap<HeapEntry> heap_, before_;  // before the first of the steps
    internal::ShortList<HeapEntry, 2 * kFew> steps_;  // since the first that is unrated: what was pushed, or kPop
    std::int32_t most_ = 0;  // priority that any of the unrated can have
    internal::ShortList<Queued, 2 * kFew> slots_;
    internal::ShortList<std::uint32_t, kFew> free_;
  };

  std::int64_t found() const noexcept { return static_cast<std::int64_t>(result_.size()); }
  int max_children_shift() const noexcept { return 2 * options_.level_mod; }

  // Can cells of this level not be split as far as the next level that is used?
  bool is_finest(std::int32_t level) const noexcept {
    return level >= options_.min_level && level + options_.level_mod > options_.max_level;
  }

  // Is a place a candidate, and if so, is it one to take?
  bool judge(const Place& place, std::int32_t level, bool& terminal) {
    terminal = false;
    if (!places_.met(place)) return false;
    if (level < options_.min_level) return true;
    if (options_.interior) {
      terminal = places_.contained(place);
      return terminal || !is_finest(level);
    }
    terminal = is_finest(level) || places_.contained(place);
    return true;
  }

  CoverStatus step() {
    return (++steps_ & 0xfff) == 0 && interrupted_() ? CoverStatus::kInterrupted : CoverStatus::kOk;
  }

  CoverStatus add(Place& place, bool terminal) {
    if (const auto status = step(); status != CoverStatus::kOk) return status;
    const std::uint64_t cell = places_.cell(place);
    if (terminal) {
      result_.push_back(cell);
      return CoverStatus::kOk;
    }
    const std::int32_t level = cell_level(cell);
    if (will_have_candidates(place, level)) {
      queue_.push_unrated(priority(level, 1, 0), {cell, {&place}});
      return CoverStatus::kOk;
    }
    Children children{};
    const std::int32_t rated = look_below(place, children);
    if (children.n_candidates == 0) {
      free_blocks_.push_back(children.places);
    } else if (!options_.interior && children.n_terminals == 1 << max_children_shift() && level >= options_.min_level) {
      result_.push_back(cell);  // all children would be taken: take the cell
      free_blocks_.push_back(children.places);
    } else {
      queue_.push(rated, {cell, children});
    }
    return CoverStatus::kOk;
  }

  // In an interior covering, whether surely a child of a place will be a candidate.
  bool will_have_candidates(const Place& place, std::int32_t level) const {
    if constexpr (requires { places_.meets_quarters(place); }) {
      return options_.interior && options_.level_mod == 1 && !is_finest(level + 1) && places_.meets_quarters(place);
    }
    return false;
  }

  // Looks below all cells that are unrated.
  CoverStatus rate() {
    auto status = CoverStatus::kOk;
    queue_.rate([&](Queued& queued) {
      if (status == CoverStatus::kOk) status = step();
      return status == CoverStatus::kOk ? look_below(*queued.children.places, queued.children) : 0;
    });
    for (Place* const block : spent_blocks_) free_blocks_.push_back(block);
    spent_blocks_.clear();
    return status;
  }

  std::int32_t priority(std::int32_t level, int n_candidates, int n_terminals) const noexcept {
    const int shift = max_children_shift();
    return -((((level << shift) + n_candidates) << shift) + n_terminals);
  }

  // Children of a place, and the priority that it has by them.
  std::int32_t look_below(Place& place, Children& children) {
    const std::int32_t level = cell_level(places_.cell(place));
    children.places = take_block();
    // One level at a time down to min_level, so as not to step over it.
    int n_places = 0;
    expand(place, level, level < options_.min_level ? 1 : options_.level_mod, children, n_places);
    return priority(level, children.n_candidates, children.n_terminals);
  }

  Place* take_block() {
    if (!free_blocks_.empty()) {
      Place* const block = free_blocks_.back();
      free_blocks_.pop_back();
      return block;
    }
    const std::size_t size = std::size_t{1} << max_children_shift();
    if (n_new_blocks_ == 0) {
      n_new_blocks_ = blocks_.empty() ? 32 : 64;
      blocks_.push_back(std::make_unique_for_overwrite<Place[]>(n_new_blocks_ * size));
    }
    return blocks_.back().get() + --n_new_blocks_ * size;
  }

  // The places `levels` below one, behind the n that are there.
  void expand(Place& place, std::int32_t level, int levels, Children& children, int& n) {
    const bool keep = levels > 1 || !is_finest(level + 1);
    if (levels > 1) {
      Place quarters[4];
      places_.split(place, quarters, keep);
      for (Place& quarter : quarters) {
        if (places_.met(quarter)) expand(quarter, level + 1, levels - 1, children, n);
      }
      return;
    }
    Place* const quarters = children.places + n;
    places_.split(place, quarters, keep);
    unsigned candidates = 0, terminals = 0;
    int n_candidates = 0, n_terminals = 0;
    for (int k = 0; k < 4; ++k) {
      bool terminal;
      const bool is_candidate = judge(quarters[k], level + 1, terminal);
      candidates |= unsigned{is_candidate} << k;
      terminals |= unsigned{terminal} << k;
      n_candidates += is_candidate;
      n_terminals += terminal;
    }
    children.candidates |= std::uint64_t{candidates} << n;
    children.terminals |= std::uint64_t{terminals} << n;
    children.n_candidates += n_candidates;
    children.n_terminals += n_terminals;
    n += 4;
  }

  std::int32_t adjusted_level(std::int32_t level) const noexcept {
    if (level > options_.min_level) level -= (level - options_.min_level) % options_.level_mod;
    return level;
  }

  // About four cells that contain the region, at levels that the options allow as far as min_level lets them.
  void initial_cells(std::vector<std::uint64_t>& cells) {
    places_.cell_union_bound(cells);
    for (std::uint64_t& cell : cells) cell = cell_parent(cell, std::min(cell_level(cell), options_.max_level));
    normalize_cells(cells);
    merge_to(cells, static_cast<std::size_t>(std::min<std::int64_t>(4, options_.max_cells)));
    if (options_.level_mod == 1) return;
    std::size_t n = 0;
    for (std::uint64_t cell : std::vector<std::uint64_t>(cells)) {
      cell = cell_parent(cell, adjusted_level(cell_level(cell)));
      if (n > 0 && cell_contains(cells[n - 1], cell)) continue;
      while (n > 0 && cell_contains(cell, cells[n - 1])) --n;
      cells[n++] = cell;
    }
    cells.resize(n);
  }

  // Cells that hold what lies in `within` of what the cells hold.
  void keep_within(std::vector<std::uint64_t>& cells) const {
    const auto apart = [&](std::uint64_t cell) { return !cell_intersects(cell, options_.within); };
    cells.erase(std::remove_if(cells.begin(), cells.end(), apart), cells.end());
    if (cells.size() == 1 && cell_contains(cells[0], options_.within)) cells[0] = options_.within;
  }

  // Replaces neighbours on the curve by their common ancestor, finest first, until at most `max_cells` are left.
  static void merge_to(std::vector<std::uint64_t>& cells, std::size_t max_cells) {
    const auto replace_within = [&](std::uint64_t ancestor) {
      const auto begin = std::lower_bound(cells.begin(), cells.end(), cell_range_min(ancestor));
      const auto end = std::upper_bound(cells.begin(), cells.end(), cell_range_max(ancestor));
      *begin = ancestor;
      cells.erase(begin + 1, end);
    };
    const auto has_all_children = [&](std::uint64_t parent) {
      const std::array<std::uint64_t, 4> children = {cell_child(parent, 0), cell_child(parent, 1),
                                                     cell_child(parent, 2), cell_child(parent, 3)};
      return std::includes(cells.begin(), cells.end(), children.begin(), children.end());
    };
    while (cells.size() > max_cells) {
      std::uint64_t best = 0;
      for (std::size_t k = 0; k + 1 < cells.size(); ++k) {
        const std::uint64_t ancestor = cell_common_ancestor(cells[k], cells[k + 1]);
        if (ancestor != 0 && (best == 0 || cell_level(ancestor) > cell_level(best))) best = ancestor;
      }
      if (best == 0) return;
      replace_within(best);
      while (cell_level(best) > 0) {
        best = cell_parent(best, cell_level(best) - 1);
        if (!has_all_children(best)) break;
        replace_within(best);
      }
    }
  }

  CoverStatus denormalize(std::vector<std::uint64_t>& cells) {
    std::int64_t n = 0;
    const auto level_of = [&](std::uint64_t cell) {
      return denormalized_level(cell_level(cell), options_.min_level, options_.level_mod);
    };
    for (const std::uint64_t cell : result_) {
      const int deeper = level_of(cell) - cell_level(cell);
      if (deeper > 20) return CoverStatus::kTooManyCells;
      n += std::int64_t{1} << (2 * deeper);
      if (n > limit_) return CoverStatus::kTooManyCells;
    }
    cells.resize(static_cast<std::size_t>(n));
    std::uint64_t* out = cells.data();
    for (const std::uint64_t cell : result_) out += CellChildren::fill(cell, level_of(cell), out);
    return CoverStatus::kOk;
  }

  Places places_;
  CoverOptions options_;
  std::int64_t limit_, candidate_limit_;
  Interrupted interrupted_;
  std::uint32_t steps_ = 0;
  Queue queue_;
  std::vector<std::unique_ptr<Place[]>> blocks_;  // each room for the children of some cells
  std::size_t n_new_blocks_ = 0;  // in the last of these, not used yet
  internal::ShortList<Place*, kFew> free_blocks_, spent_blocks_;  // those spent hold places of cells that are unrated
  std::vector<std::uint64_t> result_;
};

}  // namespace cellwise
