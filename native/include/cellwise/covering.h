// Coverings: few cells that contain a region, or lie within it.
//
// The algorithm is Google's (S2RegionCoverer, release 0.14), repeated decision for decision, because the cells depend
// on every one of them: start from about four cells that contain the region, keep a queue of cells that intersect its
// boundary, and subdivide the largest first (then the one with the fewest children that intersect the region, then the
// one with the fewest children that need no further subdivision) until `max_cells` is reached. Ties are broken by heap
// order, so the heap is written out here instead of taken from a standard library that may change it.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "cellwise/cell_union.h"
#include "cellwise/cover_options.h"
#include "cellwise/hierarchy.h"
#include "cellwise/inlined_vector.h"
#include "cellwise/parallel.h"
#include "cellwise/region.h"

namespace cellwise {

namespace internal {

// A heap with the largest priority on top. Like libstdc++, it sifts a hole all the way down before it comes up again.
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

  InlinedVector<Entry, 64> entries_;
};

// How a covering holds a region.
template <class Region>
struct NodesOf {
  using Type = CellNodes<Region>;
};
template <CoverRegion Region>
struct NodesOf<Region> {
  using Type = Region&;
};

}  // namespace internal

// The covering of a region. A region that answers about any cell on its own is queried through `CellNodes`.
template <class Region>
  requires CoverRegion<Region> || CellRegion<Region>
class Coverer {
  using Nodes = typename internal::NodesOf<Region>::Type;
  using Node = typename std::remove_reference_t<Nodes>::Node;

 public:
  // `candidate_limit`: the most cells in the queue of an interior covering, beside 16 for each cell that was found.
  Coverer(Region& region, const CoverOptions& options, std::int64_t candidate_limit)
      : nodes_(region), options_(options), candidate_limit_(candidate_limit) {
    chunks_.reserve(4);
  }

  // Throws CoverLimit if a limit is met, and Interrupted if the user stops it.
  void run(std::vector<std::uint64_t>& cells) {
    result_.swap(cells);  // to reuse its memory
    result_.clear();
    std::vector<std::uint64_t> start;
    start.reserve(kInlineCapacity);
    initial_cells(start);
    if (options_.within != 0) clip_to_within(start);
    std::vector<Node> first;
    first.reserve(start.size());
    for (const std::uint64_t cell : start) first.push_back(nodes_.node_at(cell));
    for (Node& node : first) {
      bool is_terminal;
      if (is_candidate(node, cell_level(nodes_.cell(node)), is_terminal)) add(node, is_terminal);
    }
    while (!queue_.empty() && (!options_.interior || found() < options_.max_cells)) {
      if (queue_.top_may_be_deferred()) replay();
      const Queued top = queue_.pop();
      const bool subdivides = options_.interior || cell_level(top.cell) < options_.min_level ||
                              top.children.n_candidates == 1 ||
                              found() + queue_.size() + top.children.n_candidates <= options_.max_cells;
      if (!subdivides) result_.push_back(top.cell);
      for (std::uint64_t rest = top.children.candidates; rest != 0; rest &= rest - 1) {
        const int k = std::countr_zero(rest);
        Node& child = top.children.nodes[k];
        if (!subdivides) {
          nodes_.release(child);
          continue;
        }
        if (options_.interior && found() >= options_.max_cells) break;
        add(child, (top.children.terminals >> k & 1) != 0);
      }
      (queue_.has_deferred() ? retained_arrays_ : free_arrays_).push_back(top.children.nodes);
      if (found() + (options_.interior ? 0 : queue_.size()) > options_.cell_limit) throw_too_many_cells();
      if (options_.interior && queue_.size() > candidate_limit_ + 16 * found()) {
        throw CoverLimit(CoverLimit::Kind::kCandidates, candidate_limit_);
      }
    }
    normalize_cells(result_);
    cells.clear();
    if (options_.min_level == 0 && options_.level_mod == 1) {
      cells.swap(result_);
    } else {
      denormalize(cells);
    }
  }

 private:
  // Of lists whose first items need no allocation: small coverings then allocate seldom.
  static constexpr std::size_t kInlineCapacity = 32;

  // The nodes below one cell, as the region gave them; bit sets say which are candidates, and which of those terminal,
  // that is, to be taken as they are.
  struct Children {
    Node* nodes;
    std::uint64_t candidates = 0, terminals = 0;
    int n_candidates = 0, n_terminals = 0;
  };
  struct Queued {
    std::uint64_t cell;
    Children children;  // while the priority is deferred: `nodes` points to the cell's own node, the rest is not set
  };
  // Both in one number, so that an entry is written and read by one instruction each.
  class HeapEntry {
   public:
    HeapEntry(std::int32_t priority, std::uint32_t slot) noexcept
        : both_(static_cast<std::uint64_t>(static_cast<std::uint32_t>(priority)) << 32 | slot) {}
    std::int32_t priority() const noexcept { return static_cast<std::int32_t>(both_ >> 32); }
    std::uint32_t slot() const noexcept { return static_cast<std::uint32_t>(both_); }

   private:
    std::uint64_t both_;
  };

  // A priority queue that can defer the computation of priorities. Its heap moves small entries; what they stand for
  // stays in a slot.
  //
  // The priority of a cell depends on its children, and finding those is most of the work of a covering, while half the
  // cells of an interior covering never reach the top. So a cell may be pushed with its priority deferred; until it is
  // known, it counts as lower than all others. The order among such cells is arbitrary until one of them may be the
  // largest, and it does not influence where the other cells lie: a path down the heap either ends among the deferred
  // cells or does not reach them. Then `replay` computes the deferred priorities and repeats every push and pop since
  // the first of them on a copy of the heap from before, so that ties are broken as if nothing had been deferred.
  class Queue {
   public:
    bool empty() const noexcept { return heap_.empty(); }
    std::int64_t size() const noexcept { return heap_.size(); }
    void push(std::int32_t priority, Queued queued) { push(HeapEntry(priority, store(std::move(queued)))); }
    // `max_priority`: an upper bound of the priority.
    void push_deferred(std::int32_t max_priority, Queued queued) {
      if (log_.empty()) {
        snapshot_ = heap_;
        max_deferred_priority_ = max_priority;
      }
      max_deferred_priority_ = std::max(max_deferred_priority_, max_priority);
      const HeapEntry entry(kDeferred, store(std::move(queued)));
      log_.push_back(entry);
      heap_.push(entry);
    }
    bool has_deferred() const noexcept { return !log_.empty(); }
    bool top_may_be_deferred() const noexcept {
      return !log_.empty() && heap_.top().priority() <= max_deferred_priority_;
    }
    // REQUIRES: !top_may_be_deferred().
    Queued pop() {
      if (!log_.empty()) log_.push_back(HeapEntry(0, kPop));
      const std::uint32_t slot = heap_.pop().slot();
      free_.push_back(slot);
      return std::move(slots_[slot]);
    }
    // `priority_of(queued)` computes a deferred priority.
    template <class PriorityOf>
    void replay(PriorityOf priority_of) {
      heap_ = snapshot_;
      for (const HeapEntry& entry : log_) {
        if (entry.slot() == kPop) {
          heap_.pop();
        } else if (entry.priority() == kDeferred) {
          heap_.push(HeapEntry(priority_of(slots_[entry.slot()]), entry.slot()));
        } else {
          heap_.push(entry);
        }
      }
      log_.clear();
    }

   private:
    static constexpr std::int32_t kDeferred = std::numeric_limits<std::int32_t>::min();
    static constexpr std::uint32_t kPop = ~std::uint32_t{0};

    void push(HeapEntry entry) {
      if (!log_.empty()) log_.push_back(entry);
      heap_.push(entry);
    }
    std::uint32_t store(Queued queued) {
      if (free_.empty()) {
        slots_.push_back(std::move(queued));
        return static_cast<std::uint32_t>(slots_.size() - 1);
      }
      const std::uint32_t slot = free_.back();
      free_.pop_back();
      slots_[slot] = std::move(queued);
      return slot;
    }

    internal::PriorityHeap<HeapEntry> heap_, snapshot_;  // the latter from before the first entry of the log
    internal::InlinedVector<HeapEntry, 2 * kInlineCapacity>
        log_;  // of pushes, and pops as kPop, since the first deferral
    std::int32_t max_deferred_priority_ = 0;
    internal::InlinedVector<Queued, 2 * kInlineCapacity> slots_;
    internal::InlinedVector<std::uint32_t, kInlineCapacity> free_;
  };

  std::int64_t found() const noexcept { return static_cast<std::int64_t>(result_.size()); }
  int max_children_shift() const noexcept { return 2 * options_.level_mod; }

  // Is there no level below this one that the options allow?
  bool is_finest(std::int32_t level) const noexcept {
    return level >= options_.min_level && level + options_.level_mod > options_.max_level;
  }

  // May the node's cell, or cells within it, be part of the covering? If so, `is_terminal` says whether the cell is
  // taken as it is.
  bool is_candidate(const Node& node, std::int32_t level, bool& is_terminal) {
    is_terminal = false;
    if (!nodes_.intersects(node)) return false;
    if (level < options_.min_level) return true;
    if (options_.interior) {
      is_terminal = nodes_.contained(node);
      return is_terminal || !is_finest(level);
    }
    is_terminal = is_finest(level) || nodes_.contained(node);
    return true;
  }

  void count_step() {
    if ((++steps_ & 0xfff) == 0) stop_if_interrupted();
  }

  void add(Node& node, bool is_terminal) {
    count_step();
    const std::uint64_t cell = nodes_.cell(node);
    if (is_terminal) {
      result_.push_back(cell);
      return;
    }
    const std::int32_t level = cell_level(cell);
    if (will_have_candidates(node, level)) {
      queue_.push_deferred(priority(level, 1, 0), {cell, {&node}});
      return;
    }
    Children children{};
    const std::int32_t priority = find_children(node, children);
    if (children.n_candidates == 0) {
      free_arrays_.push_back(children.nodes);
    } else if (!options_.interior && children.n_terminals == 1 << max_children_shift() && level >= options_.min_level) {
      result_.push_back(cell);  // all children would be taken: take the cell
      free_arrays_.push_back(children.nodes);
    } else {
      queue_.push(priority, {cell, children});
    }
  }

  // In an interior covering, whether a child of the node is certain to be a candidate.
  bool will_have_candidates(const Node& node, std::int32_t level) const {
    if constexpr (FindsIntersectingChildren<Region>) {
      return options_.interior && options_.level_mod == 1 && !is_finest(level + 1) &&
             nodes_.has_intersecting_child(node);
    }
    return false;
  }

  // Finds the children of all cells whose priorities are deferred.
  void replay() {
    queue_.replay([&](Queued& queued) {
      count_step();
      return find_children(*queued.children.nodes, queued.children);
    });
    for (Node* const array : retained_arrays_) free_arrays_.push_back(array);
    retained_arrays_.clear();
  }

  std::int32_t priority(std::int32_t level, int n_candidates, int n_terminals) const noexcept {
    const int shift = max_children_shift();
    return -((((level << shift) + n_candidates) << shift) + n_terminals);
  }

  // Fills in a node's children; returns the priority that they give it.
  std::int32_t find_children(Node& node, Children& children) {
    const std::int32_t level = cell_level(nodes_.cell(node));
    children.nodes = acquire_array();
    // One level at a time down to min_level, so as not to step over it.
    int n_nodes = 0;
    add_descendants(node, level, level < options_.min_level ? 1 : options_.level_mod, children, n_nodes);
    return priority(level, children.n_candidates, children.n_terminals);
  }

  // An array for the children of one cell.
  Node* acquire_array() {
    if (!free_arrays_.empty()) {
      Node* const array = free_arrays_.back();
      free_arrays_.pop_back();
      return array;
    }
    const std::size_t size = std::size_t{1} << max_children_shift();
    if (n_unused_arrays_ == 0) {
      n_unused_arrays_ = chunks_.empty() ? 32 : 64;
      chunks_.push_back(std::make_unique_for_overwrite<Node[]>(n_unused_arrays_ * size));
    }
    return chunks_.back().get() + --n_unused_arrays_ * size;
  }

  // Appends the nodes `levels` below one to the n that are there.
  void add_descendants(Node& node, std::int32_t level, int levels, Children& children, int& n) {
    const bool will_subdivide = levels > 1 || !is_finest(level + 1);
    if (levels > 1) {
      Node between[4];
      nodes_.subdivide(node, between, will_subdivide);
      for (Node& child : between) {
        if (nodes_.intersects(child)) add_descendants(child, level + 1, levels - 1, children, n);
      }
      return;
    }
    Node* const added = children.nodes + n;
    nodes_.subdivide(node, added, will_subdivide);
    unsigned candidates = 0, terminals = 0;
    int n_candidates = 0, n_terminals = 0;
    for (int k = 0; k < 4; ++k) {
      bool is_terminal;
      const bool is_one = is_candidate(added[k], level + 1, is_terminal);
      candidates |= unsigned{is_one} << k;
      terminals |= unsigned{is_terminal} << k;
      n_candidates += is_one;
      n_terminals += is_terminal;
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

  // About four cells that contain the region; their levels are those of the options, or coarser than min_level.
  void initial_cells(std::vector<std::uint64_t>& cells) {
    nodes_.cell_union_bound(cells);
    for (std::uint64_t& cell : cells) cell = cell_parent(cell, std::min(cell_level(cell), options_.max_level));
    normalize_cells(cells);
    merge_down_to(cells, static_cast<std::size_t>(std::min<std::int64_t>(4, options_.max_cells)));
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

  // Restricts cells that contain the region to those that contain what of it lies in `within`.
  void clip_to_within(std::vector<std::uint64_t>& cells) const {
    const auto apart = [&](std::uint64_t cell) { return !cell_intersects(cell, options_.within); };
    cells.erase(std::remove_if(cells.begin(), cells.end(), apart), cells.end());
    if (cells.size() == 1 && cell_contains(cells[0], options_.within)) cells[0] = options_.within;
  }

  // Replaces neighbors on the curve by their common ancestor, finest first, until at most `max_cells` remain.
  static void merge_down_to(std::vector<std::uint64_t>& cells, std::size_t max_cells) {
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

  [[noreturn]] static void throw_too_many_cells() { throw CoverLimit(CoverLimit::Kind::kCells); }

  void denormalize(std::vector<std::uint64_t>& cells) {
    std::int64_t n = 0;
    const auto level_of = [&](std::uint64_t cell) {
      return denormalized_level(cell_level(cell), options_.min_level, options_.level_mod);
    };
    for (const std::uint64_t cell : result_) {
      const int deeper = level_of(cell) - cell_level(cell);
      if (deeper > 20) throw_too_many_cells();
      n += std::int64_t{1} << (2 * deeper);
      if (n > options_.cell_limit) throw_too_many_cells();
    }
    cells.resize(static_cast<std::size_t>(n));
    std::uint64_t* out = cells.data();
    for (const std::uint64_t cell : result_) out += CellChildren::fill(cell, level_of(cell), out);
  }

  Nodes nodes_;
  CoverOptions options_;
  std::int64_t candidate_limit_;
  std::uint32_t steps_ = 0;
  Queue queue_;
  std::vector<std::unique_ptr<Node[]>> chunks_;  // of arrays for children
  std::size_t n_unused_arrays_ = 0;              // of the last chunk
  // Retained arrays hold nodes of cells whose priorities are deferred.
  internal::InlinedVector<Node*, kInlineCapacity> free_arrays_, retained_arrays_;
  std::vector<std::uint64_t> result_;
};

}  // namespace cellwise
