// A list of plain items with room for the first of them in itself: most lists of a small covering stay short, and to
// ask for memory would be a good part of the work. To push is a few instructions in place, so that an item just made
// needs not go through memory.

#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>

namespace cellwise::internal {

template <class T, std::size_t kRoom>
class ShortList {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

 public:
  ShortList() noexcept {}  // NOLINT(modernize-use-equals-default): which would clear the room where it is written {}
  ShortList(const ShortList&) = delete;
  ShortList& operator=(const ShortList& other) {
    if (this == &other) return *this;
    if (other.size_ > room_) grow(other.size_);
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
    if (size_ == room_) [[unlikely]] {
      const T copy = item;  // perhaps one of the list's own
      grow(2 * room_);
      items_[size_++] = copy;
    } else {
      items_[size_++] = item;
    }
  }
  void pop_back() noexcept { --size_; }

 private:
  [[gnu::noinline]] void grow(std::size_t room) {
    auto more = std::make_unique_for_overwrite<std::byte[]>(room * sizeof(T));
    std::copy(begin(), end(), reinterpret_cast<T*>(more.get()));
    more_ = std::move(more);
    items_ = reinterpret_cast<T*>(more_.get());
    room_ = room;
  }

  alignas(T) std::byte own_[kRoom * sizeof(T)];
  T* items_ = reinterpret_cast<T*>(own_);
  std::size_t size_ = 0, room_ = kRoom;
  std::unique_ptr<std::byte[]> more_;
};

}  // namespace cellwise::internal
