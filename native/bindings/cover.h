// Coverings of any region for Python.

#pragma once

#include <nanobind/nanobind.h>
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
#include "results.h"

namespace cellwise::bindings {

namespace nb = nanobind;

// Cells, or the name of the limit that they exceed. `make(cells)` makes them, without the GIL.
template <class Make>
nb::object made_cells(Make make) {
  std::vector<std::uint64_t> cells;
  CoverStatus status;
  {
    nb::gil_scoped_release release;
    status = make(cells);
  }
  switch (status) {
    case CoverStatus::kOk: return nb::cast(to_numpy(std::move(cells)));
    case CoverStatus::kTooManyCells: return nb::str("cells");
    default: return nb::str("candidates");
  }
}

// Options and limits as cellwise.covering passes them.
struct CoverArguments {
  using Tuple = std::tuple<std::int32_t, std::int32_t, std::int64_t, std::int32_t, bool, std::uint64_t, std::int64_t,
                           std::int64_t>;

  CoverOptions options;
  std::int64_t limit, candidate_limit;

  CoverArguments(const Tuple& t)  // NOLINT: arguments come as tuples
      : options{std::get<0>(t), std::get<1>(t), std::get<2>(t), std::get<3>(t), std::get<4>(t), std::get<5>(t)},
        limit(std::get<6>(t)), candidate_limit(std::get<7>(t)) {}
};

// The covering of the region that `make_region()` makes.
template <class MakeRegion>
nb::object cover(MakeRegion make_region, const CoverArguments& arguments) {
  return made_cells([&](std::vector<std::uint64_t>& cells) {
    auto region = make_region();
    return Coverer(region, arguments.options, arguments.limit, arguments.candidate_limit).run(cells);
  });
}

constexpr const char* name_of(CoverStatus status) noexcept {
  switch (status) {
    case CoverStatus::kTooManyCells: return "cells";
    case CoverStatus::kTooManyCandidates: return "candidates";
    default: return "";
  }
}

// How many rows a thread takes at a time.
inline std::size_t grain_of_rows(std::size_t n) noexcept { return std::clamp<std::size_t>(n / 64, 1, 64); }

// A covering of each of n rows, on many threads: cells, offsets, and, if a limit was exceeded, its name and a row.
// `make(row, cells)` makes one. `limit`: the most cells of all rows together.
template <class Make>
nb::tuple cover_rows(std::size_t n, std::int64_t limit, Make make) {
  // Cells of a chunk of rows, and how many each row has.
  struct Chunk {
    std::vector<std::uint64_t> cells;
    std::vector<std::int64_t> sizes;
  };
  const std::size_t grain = grain_of_rows(n);
  std::vector<Chunk> chunks((n + grain - 1) / grain);
  std::vector<std::uint64_t> cells;
  std::vector<std::int64_t> offsets(n + 1, 0);
  std::atomic<std::int64_t> total{0};
  CoverStatus status = CoverStatus::kOk;
  std::size_t failed = n;
  std::mutex mutex;
  {
    nb::gil_scoped_release release;
    parallel_for(n, grain, [&](std::size_t begin, std::size_t end) {
      Chunk& chunk = chunks[begin / grain];
      std::vector<std::uint64_t> own;
      for (std::size_t row = begin; row < end; ++row) {
        CoverStatus why = make(row, own);
        const auto size = static_cast<std::int64_t>(own.size());
        if (why == CoverStatus::kOk && (total += size) > limit) why = CoverStatus::kTooManyCells;
        if (why != CoverStatus::kOk) {
          const std::lock_guard<std::mutex> lock(mutex);
          if (row < failed) {
            failed = row;
            status = why;
          }
          return;
        }
        chunk.cells.insert(chunk.cells.end(), own.begin(), own.end());
        chunk.sizes.push_back(size);
      }
    });
    if (status == CoverStatus::kOk) {
      cells.reserve(static_cast<std::size_t>(total));
      std::size_t row = 0;
      for (Chunk& chunk : chunks) {
        cells.insert(cells.end(), chunk.cells.begin(), chunk.cells.end());
        for (const std::int64_t size : chunk.sizes) {
          offsets[row + 1] = offsets[row] + size;
          ++row;
        }
        Chunk().cells.swap(chunk.cells);
      }
    }
  }
  return nb::make_tuple(to_numpy(std::move(cells)), to_numpy(std::move(offsets)), name_of(status), failed);
}

}  // namespace cellwise::bindings
