// The options of a covering, and the limits that follow from them.
//
// Python checks the options once and hands over one object; bindings read its fields by name, from the list in
// `visit_fields`. The rule for limits is that of cellwise._cover_options, and a test holds the two to each other.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>

#include "cellwise/projection.h"

namespace cellwise {

struct CoverOptions {
  std::int32_t min_level = 0;
  std::int32_t max_level = kMaxLevel;
  std::int64_t max_cells = 8;
  std::int32_t level_mod = 1;
  bool interior = false;
  bool center = false;       // of one level: cells with their center in the region, instead of a covering
  std::uint64_t within = 0;  // only what lies in this cell, if it is not 0
  std::int64_t cell_limit = std::int64_t{1} << 62;  // the most cells to return before giving up
  std::int64_t min_candidates = 1 << 16;
  double cells_per_steradian = 0;      // of min_level, on average
  double min_cells_per_steradian = 0;  // of min_level, which no region has fewer of

  // Calls visit(name, field) for each field.
  template <class Options, class Visit>
  static void visit_fields(Options& options, const Visit& visit) {
    visit("min_level", options.min_level);
    visit("max_level", options.max_level);
    visit("max_cells", options.max_cells);
    visit("level_mod", options.level_mod);
    visit("interior", options.interior);
    visit("center", options.center);
    visit("within", options.within);
    visit("cell_limit", options.cell_limit);
    visit("min_candidates", options.min_candidates);
    visit("cells_per_steradian", options.cells_per_steradian);
    visit("min_cells_per_steradian", options.min_cells_per_steradian);
  }

  bool is_one_level() const noexcept { return min_level == max_level && within == 0; }
};

// Thrown by a covering that meets a limit.
struct CoverLimit : std::exception {
  enum class Kind : std::uint8_t {
    kEstimate,    // the cells of min_level that the region has would be too many
    kCells,       // cells that were found
    kCandidates,  // candidates of an interior covering
  };

  explicit CoverLimit(Kind which, std::int64_t most_candidates = 0) noexcept
      : kind(which), candidates(most_candidates) {}

  Kind kind;
  double cells = 0;  // about how many of min_level the region has
  std::int64_t candidates;
  std::size_t row = 0;  // of rows of regions
};

// How many cells an interior covering may hold in its queue, beside 16 for each cell that it has found. In a region of
// ordinary shape the queue stays within that; a thin one fills it before any cell fits in.
//
// `area_bound()` and `area()` are called if the limit depends on the region's area: the former is at least the area,
// and costs nothing. Throws CoverLimit if the cells of min_level alone are certain to be too many.
template <class AreaBound, class Area>
std::int64_t candidate_limit(const CoverOptions& options, const AreaBound& area_bound, const Area& area) {
  double steradians = options.within != 0 ? 0 : 4 * kPi;
  const auto depends_on_area = [&] {
    return 4 * steradians * options.cells_per_steradian >
           static_cast<double>(std::min(options.min_candidates, options.cell_limit));
  };
  if (depends_on_area()) steradians = area_bound();
  if (depends_on_area()) steradians = area();
  const double cells = steradians * options.cells_per_steradian;
  if (steradians * options.min_cells_per_steradian > static_cast<double>(options.cell_limit)) {
    CoverLimit limit(CoverLimit::Kind::kEstimate);
    limit.cells = cells;
    throw limit;
  }
  if (options.min_level == options.max_level) return options.cell_limit;  // no more candidates than cells
  const auto of_area = static_cast<std::int64_t>(std::min(4 * cells, 0x1p62));
  return std::min(std::max(options.min_candidates, of_area), options.cell_limit);
}

}  // namespace cellwise
