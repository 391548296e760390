// The Hilbert curve on one face, and the 64-bit id made of it.
//
//   id = face (3 bits) | position along the curve (2 bits a level) | 1 | 0 ... 0
//
// The lowest set bit marks the level: bit 60 for a face cell, bit 0 for a leaf. Reading two bits of position a level,
// the curve visits the four children of a square in one of four orientations: `swap` (1) exchanges i and j, `invert`
// (2) turns both round. Faces with odd numbers start swapped, so that the curve runs on from face to face.

#pragma once

#include <array>
#include <cstdint>

namespace cellwise {

inline constexpr int kSwap = 1;
inline constexpr int kInvert = 2;

// The child (2 * i + j) visited at each position, by orientation; and what a position does to the orientation below it.
inline constexpr std::uint8_t kPositionToIJ[4][4] = {{0, 1, 3, 2}, {0, 2, 3, 1}, {3, 2, 0, 1}, {3, 1, 0, 2}};
inline constexpr std::uint8_t kPositionToOrientation[4] = {kSwap, 0, 0, kInvert | kSwap};

namespace internal {

// Four levels of the curve at a time. Key: 8 bits of (i, j) or of position, then 2 bits of orientation; value: 8 bits
// of the other, then the orientation below.
struct HilbertTables {
  std::array<std::uint16_t, 1024> position{}, ij{};
};

constexpr HilbertTables make_hilbert_tables() {
  HilbertTables tables;
  for (int start = 0; start < 4; ++start) {
    for (int position = 0; position < 256; ++position) {
      int orientation = start, i = 0, j = 0;
      for (int shift = 6; shift >= 0; shift -= 2) {
        const int child = (position >> shift) & 3;
        const int ij = kPositionToIJ[orientation][child];
        i = 2 * i + (ij >> 1);
        j = 2 * j + (ij & 1);
        orientation ^= kPositionToOrientation[child];
      }
      const int ij = 16 * i + j;
      tables.position[4 * ij + start] = static_cast<std::uint16_t>(4 * position + orientation);
      tables.ij[4 * position + start] = static_cast<std::uint16_t>(4 * ij + orientation);
    }
  }
  return tables;
}

inline constexpr HilbertTables kHilbert = make_hilbert_tables();

}  // namespace internal

struct FaceIJ {
  int face;
  std::int32_t i, j;
  int orientation;
};

// Leaf cell of (face, i, j).
// REQUIRES: 0 <= face <= 5; 0 <= i, j < 2^30.
inline std::uint64_t face_ij_to_cell(int face, std::int32_t i, std::int32_t j) noexcept {
  std::uint64_t position = 0;
  unsigned orientation = static_cast<unsigned>(face) & kSwap;
  // 30 bits are two bits and seven nibbles: the first step reads two leading zeros, which leave two swaps behind.
  for (int shift = 28; shift >= 0; shift -= 4) {
    const unsigned ij = ((static_cast<unsigned>(i) >> shift) & 15) << 4 | ((static_cast<unsigned>(j) >> shift) & 15);
    const unsigned found = internal::kHilbert.position[4 * ij + orientation];
    position = position << 8 | found >> 2;
    orientation = found & 3;
  }
  return static_cast<std::uint64_t>(face) << 61 | position << 1 | 1;
}

// One of the leaf cells next to the cell's center (the cell itself for a leaf), and the orientation of the curve
// within the cell.
// REQUIRES: cell is valid.
inline FaceIJ cell_to_face_ij(std::uint64_t cell) noexcept {
  const int face = static_cast<int>(cell >> 61);
  unsigned i = 0, j = 0;
  unsigned orientation = static_cast<unsigned>(face) & kSwap;
  for (int shift = 57; shift >= 1; shift -= 8) {
    const unsigned mask = shift == 57 ? 15 : 255;  // the first step reads only the two levels below the face
    const unsigned position = static_cast<unsigned>(cell >> shift) & mask;
    const unsigned found = internal::kHilbert.ij[4 * position + orientation];
    i = i << 4 | found >> 6;
    j = j << 4 | ((found >> 2) & 15);
    orientation = found & 3;
  }
  // The marker bit and the zeros after it were read as positions: 2 ("10") leaves the orientation as it is, every 0
  // below swaps it. An odd number of them stays over for every other level.
  const std::uint64_t lsb = cell & (~cell + 1);
  if (lsb & 0x1111111111111110) orientation ^= kSwap;
  return {face, static_cast<std::int32_t>(i), static_cast<std::int32_t>(j), static_cast<int>(orientation)};
}

}  // namespace cellwise
