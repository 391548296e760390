// Memory for many short lists that come and go: a free list for each class of sizes.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace cellwise::internal {

class ListPool {
 public:
  // The class of lists of a size: those of class k have room for 16 * 2^k bytes.
  static int class_of(std::size_t bytes) noexcept {
    return static_cast<int>(std::bit_width((std::max(bytes, std::size_t{1}) - 1) >> 4));
  }

  void* acquire(int size_class) {
    if (Free*& first = free_[size_class]; first != nullptr) {
      void* found = first;
      first = first->next;
      return found;
    }
    const std::size_t size = std::size_t{16} << size_class;
    if (size > n_free_bytes_) {
      const std::size_t chunk = std::max(size, next_chunk_);
      next_chunk_ = std::min(2 * next_chunk_, std::size_t{1} << 20);
      chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk));
      top_ = chunks_.back().get();
      n_free_bytes_ = chunk;
    }
    void* made = top_;
    top_ += size;
    n_free_bytes_ -= size;
    return made;
  }
  // REQUIRES: `list` was acquired as one of that class.
  void release(void* list, int size_class) noexcept { free_[size_class] = new (list) Free{free_[size_class]}; }

 private:
  struct Free {
    Free* next;
  };
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::array<Free*, 60> free_{};
  alignas(16) std::byte first_chunk_[4096];
  std::byte* top_ = first_chunk_;
  std::size_t n_free_bytes_ = sizeof(first_chunk_), next_chunk_ = 2 * sizeof(first_chunk_);
};

}  // namespace cellwise::internal
