// Cells as a subdivision of a face needs them: where they lie, which child comes next along the curve, what they hold.
//
// The arithmetic is that of Google's S2PaddedCell, release 0.14.

#pragma once

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cstdint>

#include "cellwise/edge_clipping.h"
#include "cellwise/face_segments.h"
#include "cellwise/hierarchy.h"
#include "cellwise/hilbert.h"
#include "cellwise/projection.h"

namespace cellwise {

namespace internal {

// A cell, with its orientation and the leaf coordinates of its low corner.
struct PaddedCell {
  std::uint64_t cell;
  int level, orientation;
  std::int32_t i, j;

  static PaddedCell of(std::uint64_t cell) noexcept {
    const FaceIJ at = cell_to_face_ij(cell);
    const int level = cell_level(cell);
    const std::int32_t size = level_size(level);
    return {cell, level, at.orientation, at.i & -size, at.j & -size};
  }
  std::int32_t size() const noexcept { return level_size(level); }
  int face() const noexcept { return cell_face(cell); }
  UV center_uv() const noexcept {
    return {st_to_uv(si_ti_to_st(2 * std::int64_t{i} + size())), st_to_uv(si_ti_to_st(2 * std::int64_t{j} + size()))};
  }
  // Which child is at `position` along the curve: 2 * (upper i) + (upper j).
  int child_ij(int position) const noexcept { return kPositionToIJ[orientation][position]; }
  PaddedCell child(int position) const noexcept {
    const int ij = child_ij(position);
    const std::int32_t half = size() >> 1;
    return {cell_child(cell, position), level + 1, orientation ^ kPositionToOrientation[position], i + (ij >> 1) * half,
            j + (ij & 1) * half};
  }

  Point center() const noexcept { return point_at(2 * std::int64_t{i} + size(), 2 * std::int64_t{j} + size()); }
  // The corners at which the curve enters and leaves the cell.
  Point entry() const noexcept {
    const std::int64_t shift = orientation & kInvert ? size() : 0;
    return point_at(2 * (i + shift), 2 * (j + shift));
  }
  Point exit() const noexcept {
    const bool along_i = orientation == 0 || orientation == (kSwap | kInvert);
    return point_at(2 * (std::int64_t{i} + (along_i ? size() : 0)), 2 * (std::int64_t{j} + (along_i ? 0 : size())));
  }

  // The smallest cell within this one that, padded, contains all of it that intersects the rectangle.
  std::uint64_t shrunk_to(const UVRect& rect) const noexcept {
    const UV center = level == 0 ? UV{0, 0} : center_uv();
    if (rect.u.contains(center.u) || rect.v.contains(center.v)) return cell;
    constexpr double kMargin = kCellPadding + 1.5 * DBL_EPSILON;
    const auto span = [&](const Interval& x, std::int32_t lowest, std::int32_t& first) {
      first = std::max(lowest, st_to_ij(uv_to_st(x.lo - kMargin)));
      return first ^ std::min(lowest + size() - 1, st_to_ij(uv_to_st(x.hi + kMargin)));
    };
    std::int32_t first_i, first_j;
    const auto bits = static_cast<std::uint32_t>(span(rect.u, i, first_i) | span(rect.v, j, first_j));
    const int finest = kMaxLevel - static_cast<int>(std::bit_width(bits));
    return finest <= level ? cell : cell_parent(face_ij_to_cell(face(), first_i, first_j), finest);
  }

 private:
  Point point_at(std::int64_t si, std::int64_t ti) const noexcept {
    return normalize(face_uv_to_xyz(face(), st_to_uv(si_ti_to_st(si)), st_to_uv(si_ti_to_st(ti))));
  }
};

}  // namespace internal

}  // namespace cellwise
