// Block kernels: the same answers as the scalar kernels, many rows at a time, for one instruction set each.
//
// A block kernel computes rows that it is sure of and leaves the others, a few in a hundred thousand, to the scalar
// kernel, which defines the answer. `src/blocks.inl` holds the code once; it is compiled for each instruction set, and
// the best one that the processor has is chosen when the module is loaded.

#pragma once

#include <cstddef>
#include <cstdint>

namespace cellwise {

inline constexpr std::size_t kBlockRows = 256;

// Each takes columns of n <= kBlockRows rows and writes as many results. Where it is not sure of a row, or the row is
// invalid, `left[k]` becomes 1, else 0, and the scalar kernel decides; it returns whether there are such rows, and need
// not write `left` if there are none. Any values may be in the columns.
struct Blocks {
  const char* name = nullptr;  // of the instruction set

  // Copies whole lines to lines, past the caches; not there on every processor.
  using Stream = void (*)(const std::byte* from, std::byte* to, std::size_t size) noexcept;
  static constexpr std::size_t kLine = 64;
  Stream stream = nullptr;

  bool (*latlng_to_cell)(const double* lat, const double* lng, std::int32_t level, std::uint64_t* cell,
                         std::uint8_t* left, std::size_t n) noexcept = nullptr;
  // Within 2 units in the last place of the scalar kernels.
  bool (*cell_to_latlng)(const std::uint64_t* cell, double* lat, double* lng, std::uint8_t* left,
                         std::size_t n) noexcept = nullptr;
  bool (*cell_vertices)(const std::uint64_t* cell, double* vertices, std::uint8_t* left,
                        std::size_t n) noexcept = nullptr;

  // Texts of 16 bytes, filled up with NULs.
  bool (*cell_to_token)(const std::uint64_t* cell, std::uint8_t* token, std::uint8_t* left,
                        std::size_t n) noexcept = nullptr;
  bool (*token_to_cell)(const char* token, std::uint64_t* cell, std::uint8_t* left, std::size_t n) noexcept = nullptr;

  bool (*cell_is_valid)(const std::uint64_t* id, bool* valid, std::uint8_t* left, std::size_t n) noexcept = nullptr;
  bool (*cell_level)(const std::uint64_t* cell, std::int32_t* level, std::uint8_t* left,
                     std::size_t n) noexcept = nullptr;
  bool (*cell_face)(const std::uint64_t* cell, std::int32_t* face, std::uint8_t* left,
                    std::size_t n) noexcept = nullptr;
  bool (*cell_is_leaf)(const std::uint64_t* cell, bool* is_leaf, std::uint8_t* left, std::size_t n) noexcept = nullptr;
  bool (*cell_parent)(const std::uint64_t* cell, std::int32_t level, std::uint64_t* parent, std::uint8_t* left,
                      std::size_t n) noexcept = nullptr;
  bool (*cell_range_min)(const std::uint64_t* cell, std::uint64_t* leaf, std::uint8_t* left,
                         std::size_t n) noexcept = nullptr;
  bool (*cell_range_max)(const std::uint64_t* cell, std::uint64_t* leaf, std::uint8_t* left,
                         std::size_t n) noexcept = nullptr;
  bool (*cell_contains)(const std::uint64_t* a, const std::uint64_t* b, bool* contains, std::uint8_t* left,
                        std::size_t n) noexcept = nullptr;
  bool (*cell_intersects)(const std::uint64_t* a, const std::uint64_t* b, bool* intersects, std::uint8_t* left,
                          std::size_t n) noexcept = nullptr;

  // Of cells away from the borders of their faces: 4, and 8 at their own level, ascending.
  bool (*cell_edge_neighbors)(const std::uint64_t* cell, std::uint64_t* neighbors, std::uint8_t* left,
                              std::size_t n) noexcept = nullptr;
  bool (*cell_all_neighbors)(const std::uint64_t* cell, std::uint64_t* neighbors, std::uint8_t* left,
                             std::size_t n) noexcept = nullptr;
};

// Instruction sets of this build that the processor has, slowest first. The first, "scalar", has no block kernels.
const Blocks* blocks_available(std::size_t& n) noexcept;

// The one in use by all threads, the last of them at first.
const Blocks& blocks() noexcept;
bool choose_blocks(const char* name) noexcept;

}  // namespace cellwise
