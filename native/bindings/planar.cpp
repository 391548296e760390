#include "planar.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

#include "cellwise/covering.h"
#include "cellwise/parallel.h"
#include "cellwise/planar.h"
#include "results.h"

namespace cellwise::bindings {

namespace {

template <class T>
using In = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Made = nb::ndarray<nb::numpy, T, nb::ndim<1>>;

// Rows of chains of vertices, as cellwise.geometries makes them.
struct Chains {
  In<double> lng, lat;
  In<std::int64_t> offsets;
  In<std::uint8_t> roles;
  In<std::int64_t> rows;

  std::size_t size() const { return rows.size() - 1; }
  PlanarShape shape(std::size_t row) const {
    const auto first = static_cast<std::size_t>(rows.data()[row]), n = static_cast<std::size_t>(rows.data()[row + 1]) - first;
    return {{lng.data(), lng.size()}, {lat.data(), lat.size()}, {offsets.data() + first, n + 1}, {roles.data() + first, n}};
  }
};

constexpr const char* name_of(CoverStatus status) noexcept {
  switch (status) {
    case CoverStatus::kTooManyCells: return "cells";
    case CoverStatus::kTooManyCandidates: return "candidates";
    default: return "";
  }
}

}  // namespace

void add_planar(nb::module_& m) {
  // A covering of each row: cells, offsets, and where a limit was met its name and the first row.
  m.def("cover_planar", [](In<double> lng, In<double> lat, In<std::int64_t> offsets, In<std::uint8_t> roles,
                           In<std::int64_t> rows, std::int32_t min_level, std::int32_t max_level, std::int64_t max_cells,
                           std::int32_t level_mod, bool interior, std::int64_t limit,
                           In<std::int64_t> candidate_limits) {
    const Chains chains = {lng, lat, offsets, roles, rows};
    const CoverOptions options = {min_level, max_level, max_cells, level_mod, interior};
    const std::size_t n = chains.size();
    std::vector<std::vector<std::uint64_t>> found(n);
    std::vector<std::int64_t> ends(n + 1, 0);
    std::vector<std::uint64_t> cells;
    std::atomic<std::int64_t> total{0};
    CoverStatus status = CoverStatus::kOk;
    std::size_t failed = n;
    std::mutex mutex;
    bool stopped = false;
    {
      nb::gil_scoped_release release;
      const auto fail = [&](std::size_t row, CoverStatus why) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (row < failed) {
          failed = row;
          status = why;
        }
      };
      try {
        parallel_for(n, std::clamp<std::size_t>(n / 64, 1, 64), [&](std::size_t begin, std::size_t end) {
          for (std::size_t row = begin; row < end; ++row) {
            const PlanarShape shape = chains.shape(row);
            const PlanarRegion region(shape);
            Coverer coverer(region, options, limit, candidate_limits.data()[row], is_interrupted);
            const CoverStatus own = coverer.run(found[row]);
            if (own == CoverStatus::kInterrupted) throw Interrupted{};
            if (own != CoverStatus::kOk) return fail(row, own);
            found[row].shrink_to_fit();
            if ((total += static_cast<std::int64_t>(found[row].size())) > limit) return fail(row, CoverStatus::kTooManyCells);
          }
        });
      } catch (const Interrupted&) {
        stopped = true;
      }
      if (!stopped && status == CoverStatus::kOk) {
        cells.reserve(static_cast<std::size_t>(total));
        for (std::size_t row = 0; row < n; ++row) {
          cells.insert(cells.end(), found[row].begin(), found[row].end());
          std::vector<std::uint64_t>().swap(found[row]);
          ends[row + 1] = static_cast<std::int64_t>(cells.size());
        }
      }
    }
    if (stopped) throw nb::python_error();
    return std::tuple<Made<std::uint64_t>, Made<std::int64_t>, const char*, std::size_t>(
        to_numpy(std::move(cells)), to_numpy(std::move(ends)), name_of(status), failed);
  });
}

}  // namespace cellwise::bindings
