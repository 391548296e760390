// Block kernels: the same answers as the scalar kernels, many rows at a time, for one instruction set each.
//
// A block kernel computes the rows that it can certify and leaves the others, a few in a hundred thousand, to the
// scalar kernel, which defines the answer. `src/blocks.inl` holds the code once; it is compiled for each instruction
// set, and the best one that the processor has is chosen when the module is loaded.

#pragma once

#include <cstddef>
#include <cstdint>

namespace cellwise {

inline constexpr std::size_t kBlockRows = 256;

// Each takes columns of n <= kBlockRows rows and writes as many results. Columns may hold any values. It returns
// whether any row is undecided or invalid; if so, it sets `undecided[k]` to 1 for these rows and to 0 for the others,
// and the scalar kernel computes these rows.
struct Blocks {
  const char* name = nullptr;  // of the instruction set

  // Copies whole cache lines, bypassing the caches; null if the processor cannot.
  using Stream = void (*)(const std::byte* from, std::byte* to, std::size_t size) noexcept;
  static constexpr std::size_t kLine = 64;
  Stream stream = nullptr;

  bool (*latlng_to_cell)(const double* lat, const double* lng, std::int32_t level, std::uint64_t* cell,
                         std::uint8_t* undecided, std::size_t n) noexcept = nullptr;
  // Within 2 units in the last place of the scalar kernels.
  bool (*cell_to_latlng)(const std::uint64_t* cell, double* lat, double* lng, std::uint8_t* undecided,
                         std::size_t n) noexcept = nullptr;
  bool (*cell_vertices)(const std::uint64_t* cell, double* vertices, std::uint8_t* undecided,
                        std::size_t n) noexcept = nullptr;

  // Texts of 16 bytes, padded with NULs.
  bool (*cell_to_token)(const std::uint64_t* cell, std::uint8_t* token, std::uint8_t* undecided,
                        std::size_t n) noexcept = nullptr;
  bool (*token_to_cell)(const char* token, std::uint64_t* cell, std::uint8_t* undecided,
                        std::size_t n) noexcept = nullptr;

  bool (*cell_is_valid)(const std::uint64_t* id, bool* valid, std::uint8_t* undecided,
                        std::size_t n) noexcept = nullptr;
  bool (*cell_level)(const std::uint64_t* cell, std::int32_t* level, std::uint8_t* undecided,
                     std::size_t n) noexcept = nullptr;
  bool (*cell_face)(const std::uint64_t* cell, std::int32_t* face, std::uint8_t* undecided,
                    std::size_t n) noexcept = nullptr;
  bool (*cell_is_leaf)(const std::uint64_t* cell, bool* is_leaf, std::uint8_t* undecided,
                       std::size_t n) noexcept = nullptr;
  bool (*cell_parent)(const std::uint64_t* cell, std::int32_t level, std::uint64_t* parent, std::uint8_t* undecided,
                      std::size_t n) noexcept = nullptr;
  bool (*cell_range_min)(const std::uint64_t* cell, std::uint64_t* leaf, std::uint8_t* undecided,
                         std::size_t n) noexcept = nullptr;
  bool (*cell_range_max)(const std::uint64_t* cell, std::uint64_t* leaf, std::uint8_t* undecided,
                         std::size_t n) noexcept = nullptr;
  bool (*cell_contains)(const std::uint64_t* a, const std::uint64_t* b, bool* contains, std::uint8_t* undecided,
                        std::size_t n) noexcept = nullptr;
  bool (*cell_intersects)(const std::uint64_t* a, const std::uint64_t* b, bool* intersects, std::uint8_t* undecided,
                          std::size_t n) noexcept = nullptr;

  // Neighbors of cells away from the borders of their faces: 4, and 8 at the cell's own level, ascending.
  bool (*cell_edge_neighbors)(const std::uint64_t* cell, std::uint64_t* neighbors, std::uint8_t* undecided,
                              std::size_t n) noexcept = nullptr;
  bool (*cell_all_neighbors)(const std::uint64_t* cell, std::uint64_t* neighbors, std::uint8_t* undecided,
                             std::size_t n) noexcept = nullptr;
};

// The instruction sets of this build that the processor has, slowest first. The first, "scalar", has no block kernels.
const Blocks* blocks_available(std::size_t& n) noexcept;

// The one that all threads use; initially the last of them.
const Blocks& blocks() noexcept;
bool choose_blocks(const char* name) noexcept;

}  // namespace cellwise
