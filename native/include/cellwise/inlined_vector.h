// A vector of trivially copyable items that holds the first of them in itself: most lists of a small covering stay
// short, and to allocate them would be a good part of the work. `push_back` is a few instructions inline, so that an
// item that was just computed need not go through memory.

#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace cellwise::internal {

template <class T, std::size_t kInlineCapacity>
class InlinedVector {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

 public:
  InlinedVector() noexcept {}  // NOLINT(modernize-use-equals-default): `= default` would let {} clear the items
  InlinedVector(const InlinedVector&) = delete;
  InlinedVector& operator=(const InlinedVector& other) {
    if (this == &other) return *this;
    if (other.size_ > capacity_) grow(other.size_);
    std::copy(other.begin(), other.end(), items_);
    size_ = other.size_;
    return *this;
  }

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  T* begin() noexcept { return items_; }
  T* end() noexcept { return items_ + size_; }
  const T* begin() const noexcept { return items_; }
  const T* end() const noexcept { return items_ + size_; }
  T& operator[](std::size_t k) noexcept { return items_[k]; }
  const T& operator[](std::size_t k) const noexcept { return items_[k]; }
  T& back() noexcept { return items_[size_ - 1]; }

  void clear() noexcept { size_ = 0; }
  void push_back(const T& item) {
    if (size_ == capacity_) [[unlikely]] {
      const T copy = item;  // perhaps it is an item of this vector
      grow(2 * capacity_);
      items_[size_++] = copy;
    } else {
      items_[size_++] = item;
    }
  }
  void pop_back() noexcept { --size_; }

 private:
  [[gnu::noinline]] void grow(std::size_t capacity) {
    auto grown = std::make_unique_for_overwrite<std::byte[]>(capacity * sizeof(T));
    std::copy(begin(), end(), reinterpret_cast<T*>(grown.get()));
    heap_ = std::move(grown);
    items_ = reinterpret_cast<T*>(heap_.get());
    capacity_ = capacity;
  }

  alignas(T) std::byte inline_[kInlineCapacity * sizeof(T)];
  T* items_ = reinterpret_cast<T*>(inline_);
  std::size_t size_ = 0, capacity_ = kInlineCapacity;
  std::unique_ptr<std::byte[]> heap_;
};

}  // namespace cellwise::internal
