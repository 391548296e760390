// Neighbors of cells: along the curve, across edges and corners, and within steps of a cell.

#pragma once

#include <algorithm>
#include <array>
#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cellwise/check.h"
#include "cellwise/hierarchy.h"
#include "cellwise/hilbert.h"
#include "cellwise/parallel.h"
#include "cellwise/projection.h"

namespace cellwise {

// The cell `n` cells further along the curve at the cell's level; after the last comes the first.
// REQUIRES: cell is valid.  Valid range: any n.
constexpr std::uint64_t cell_advance(std::uint64_t cell, std::int64_t n) noexcept {
  const int shift = 2 * (kMaxLevel - cell_level(cell)) + 1;
  const auto cells = static_cast<std::int64_t>(kCurveEnd >> shift);
  const auto position = static_cast<std::int64_t>(cell >> shift);
  std::int64_t steps = n % cells;
  if (steps < 0) steps += cells;
  const std::int64_t rest = cells - steps;  // position + steps may not fit: leaves are 6.9e18
  const std::int64_t at = position >= rest ? position - rest : position + steps;
  return (static_cast<std::uint64_t>(at) << shift) | lowest_bit(cell);
}
constexpr Check check_cell_advance(std::uint64_t cell, std::int64_t) noexcept { return check_cell(cell); }

// REQUIRES: cell is valid.
constexpr std::uint64_t cell_next(std::uint64_t cell) noexcept { return cell_advance(cell, 1); }
constexpr std::uint64_t cell_prev(std::uint64_t cell) noexcept { return cell_advance(cell, -1); }

// The leaf cell of (face, i, j), where i or j may be one cell outside the face: then it is the leaf there of the
// neighboring face, found by projecting a point just outside the face.
inline std::uint64_t wrapped_face_ij_to_cell(int face, std::int64_t i, std::int64_t j) noexcept {
  const auto clamp = [](std::int64_t x) { return std::clamp<std::int64_t>(x, -1, kMaxSize); };
  const auto project = [](std::int64_t x) {
    constexpr double kLimit = 1.0 + DBL_EPSILON;
    constexpr std::int64_t kMiddle = kMaxSize / 2;
    return std::clamp((1.0 / kMaxSize) * static_cast<double>(2 * (x - kMiddle) + 1), -kLimit, kLimit);
  };
  const FaceUV at = xyz_to_face_uv(face_uv_to_xyz(face, project(clamp(i)), project(clamp(j))));
  return face_ij_to_cell(at.face, st_to_ij(0.5 * (at.u + 1)), st_to_ij(0.5 * (at.v + 1)));
}

inline std::uint64_t any_face_ij_to_cell(int face, std::int64_t i, std::int64_t j) noexcept {
  if (0 <= i && i < kMaxSize && 0 <= j && j < kMaxSize) {
    return face_ij_to_cell(face, static_cast<std::int32_t>(i), static_cast<std::int32_t>(j));
  }
  return wrapped_face_ij_to_cell(face, i, j);
}

// The four cells across the edges: down, right, up, left of the cell in its face's (i, j).
// REQUIRES: cell is valid.
inline std::array<std::uint64_t, 4> cell_edge_neighbors(std::uint64_t cell) noexcept {
  const FaceIJ at = cell_to_face_ij(cell);
  const std::int32_t level = cell_level(cell);
  const std::int64_t i = at.i, j = at.j, size = level_size(level);
  return {cell_parent(any_face_ij_to_cell(at.face, i, j - size), level),
          cell_parent(any_face_ij_to_cell(at.face, i + size, j), level),
          cell_parent(any_face_ij_to_cell(at.face, i, j + size), level),
          cell_parent(any_face_ij_to_cell(at.face, i - size, j), level)};
}

namespace internal {

inline std::int64_t sort_unique(std::uint64_t* out, std::int64_t n) noexcept {
  std::sort(out, out + n);
  return std::unique(out, out + n) - out;
}

}  // namespace internal

// The four cells at `level` (three at a corner of the cube) around the vertex of cell_parent(cell, level) that is
// nearest to the cell, ascending. REQUIRES: cell is valid; 0 <= level < cell_level(cell).
struct CellVertexNeighbors {
  static constexpr std::int64_t size(std::uint64_t, std::int32_t) noexcept { return 4; }
  static std::int64_t fill(std::uint64_t cell, std::int32_t level, std::uint64_t* out) noexcept {
    const FaceIJ at = cell_to_face_ij(cell);
    const std::int64_t half = level_size(level + 1), size = 2 * half, i = at.i, j = at.j;
    const std::int64_t i2 = (i & half) ? i + size : i - size, j2 = (j & half) ? j + size : j - size;
    const bool i_inside = 0 <= i2 && i2 < kMaxSize, j_inside = 0 <= j2 && j2 < kMaxSize;
    std::int64_t n = 0;
    out[n++] = cell_parent(cell, level);
    out[n++] = cell_parent(any_face_ij_to_cell(at.face, i2, j), level);
    out[n++] = cell_parent(any_face_ij_to_cell(at.face, i, j2), level);
    if (i_inside || j_inside) out[n++] = cell_parent(any_face_ij_to_cell(at.face, i2, j2), level);
    return internal::sort_unique(out, n);
  }
};
constexpr Check check_cell_vertex_neighbors(std::uint64_t cell, std::int32_t level) noexcept {
  if (!is_level(level)) return Check::kInvalid;
  const Check check = check_cell(cell);
  return check == Check::kOk && level >= cell_level(cell) ? Check::kInvalid : check;
}

// All cells at `level` outside the cell that touch it, ascending.
// REQUIRES: cell is valid; cell_level(cell) <= level <= 30.
struct CellAllNeighbors {
  static constexpr std::int64_t kBlockSize = 8;  // of the runs that the block kernel fills: at the cell's own level
  // One less for each corner of the cube that the cell touches.
  static constexpr std::int64_t size(std::uint64_t cell, std::int32_t level) noexcept {
    return (std::int64_t{4} << (level - cell_level(cell))) + 4;
  }
  static std::int64_t fill(std::uint64_t cell, std::int32_t level, std::uint64_t* out) noexcept {
    const FaceIJ at = cell_to_face_ij(cell);
    const std::int64_t size = level_size(cell_level(cell)), step = level_size(level);
    const std::int64_t i = at.i & -size, j = at.j & -size;
    std::int64_t n = 0;
    const auto add = [&](std::int64_t a, std::int64_t b) {
      out[n++] = cell_parent(any_face_ij_to_cell(at.face, a, b), level);
    };
    for (std::int64_t k = 0; k < size; k += step) {
      add(i + k, j - step);
      add(i + k, j + size);
      add(i - step, j + k);
      add(i + size, j + k);
    }
    // Corners. One that is outside the face in both directions is a corner of the cube, where there is no fourth cell.
    const auto outside = [](std::int64_t x) { return x < 0 || x >= kMaxSize; };
    for (const std::int64_t a : {i - step, i + size}) {
      for (const std::int64_t b : {j - step, j + size}) {
        if (!outside(a) || !outside(b)) add(a, b);
      }
    }
    return internal::sort_unique(out, n);
  }
};

// Cells within k steps of the cell, itself included, ascending; a step goes over an edge or a corner.
// REQUIRES: cell is valid; k >= 0.
//
// Away from the edges of the face they form a square. Elsewhere rings are grown one by one: a neighbor of a ring's cell
// is in that ring, in the one before, or in the next.
struct CellDisk {
  static constexpr std::int64_t size(std::uint64_t cell, std::int32_t k) noexcept {
    const std::int64_t cells = std::int64_t{6} << (2 * cell_level(cell));
    const std::int64_t across = 2 * std::int64_t{k} + 1;
    return across > 2'000'000'000 ? cells : std::min(across * across, cells);
  }
  static std::int64_t fill(std::uint64_t cell, std::int32_t k, std::uint64_t* out) {
    if (on_one_face(cell, k)) return internal::sort_unique(out, square(cell, k, out, false));
    std::vector<std::uint64_t> cells;
    grow(cell, k, false, cells);
    std::copy(cells.begin(), cells.end(), out);
    return internal::sort_unique(out, static_cast<std::int64_t>(cells.size()));
  }

  // The square of cells around the cell, or only its border.
  static std::int64_t square(std::uint64_t cell, std::int32_t k, std::uint64_t* out, bool border) noexcept {
    const FaceIJ at = cell_to_face_ij(cell);
    const std::int32_t level = cell_level(cell);
    const std::int64_t size = level_size(level);
    std::int64_t n = 0;
    for (std::int64_t a = -k; a <= k; ++a) {
      const std::int64_t step = border && a != -k && a != k ? 2 * std::int64_t{k} : 1;
      for (std::int64_t b = -k; b <= k; b += step) {
        out[n++] = cell_parent(any_face_ij_to_cell(at.face, at.i + a * size, at.j + b * size), level);
      }
    }
    return n;
  }

  static bool on_one_face(std::uint64_t cell, std::int32_t k) noexcept {
    const FaceIJ at = cell_to_face_ij(cell);
    const std::int64_t reach = k * std::int64_t{level_size(cell_level(cell))};
    return at.i - reach >= 0 && at.i + reach < kMaxSize && at.j - reach >= 0 && at.j + reach < kMaxSize;
  }

  // Rings 0..k, concatenated, or with `last_only` only as many as are needed; returns where the last one begins.
  static std::size_t grow(std::uint64_t cell, std::int32_t k, bool last_only, std::vector<std::uint64_t>& cells) {
    const std::int32_t level = cell_level(cell);
    std::size_t before = 0, first = 0;
    cells.assign(1, cell);
    for (std::int32_t ring = 0; ring < k && first < cells.size(); ++ring) {
      if (last_only && before > 0) {
        cells.erase(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(before));
        first -= before;
        before = 0;
      }
      const std::size_t last = cells.size();
      for (std::size_t at = first; at < last; ++at) {
        if ((at & 0xffff) == 0) stop_if_interrupted();
        const std::size_t n = cells.size();
        cells.resize(n + 8);
        cells.resize(n + static_cast<std::size_t>(CellAllNeighbors::fill(cells[at], level, cells.data() + n)));
      }
      stop_if_interrupted();
      const auto begin = cells.begin(), fresh = begin + static_cast<std::ptrdiff_t>(last);
      std::sort(fresh, cells.end());
      const auto known = [&](std::uint64_t c) {
        return std::binary_search(begin + static_cast<std::ptrdiff_t>(before),
                                  begin + static_cast<std::ptrdiff_t>(first), c) ||
               std::binary_search(begin + static_cast<std::ptrdiff_t>(first), fresh, c);
      };
      cells.erase(std::remove_if(fresh, std::unique(fresh, cells.end()), known), cells.end());
      before = first;
      first = last;
    }
    return first;
  }
};
constexpr Check check_cell_steps(std::uint64_t cell, std::int32_t k) noexcept {
  return k < 0 ? Check::kInvalid : check_cell(cell);
}

// Cells exactly k steps away, ascending.  REQUIRES: cell is valid; k >= 0.
struct CellRing {
  static constexpr std::int64_t size(std::uint64_t cell, std::int32_t k) noexcept {
    return std::min(std::max<std::int64_t>(1, 8 * std::int64_t{k}), std::int64_t{6} << (2 * cell_level(cell)));
  }
  static std::int64_t fill(std::uint64_t cell, std::int32_t k, std::uint64_t* out) {
    if (CellDisk::on_one_face(cell, k)) return internal::sort_unique(out, CellDisk::square(cell, k, out, true));
    std::vector<std::uint64_t> cells;
    const std::size_t first = CellDisk::grow(cell, k, true, cells);
    std::copy(cells.begin() + static_cast<std::ptrdiff_t>(first), cells.end(), out);
    return static_cast<std::int64_t>(cells.size() - first);
  }
};

}  // namespace cellwise
