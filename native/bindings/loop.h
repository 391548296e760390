// One loop for all kernels: how values lie in arrays, inputs of one row or many, and the rows themselves.

#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <mutex>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "cellwise/blocks.h"
#include "cellwise/check.h"
#include "cellwise/conversion.h"
#include "cellwise/parallel.h"

namespace cellwise::bindings {

namespace nb = nanobind;

// The layout of a C++ type in arrays: type and number of elements in a row, code in signatures, null result.
template <class T>
struct Layout;

template <class T>
struct ScalarLayout {
  using Element = T;
  static constexpr std::size_t kWidth = 1;
  static T load(const T* row, std::size_t) noexcept { return *row; }
  static void store(T value, T* row) noexcept { *row = value; }
};
template <>
struct Layout<double> : ScalarLayout<double> {
  static constexpr const char* kCode = "f8";
  static double null() noexcept { return std::numeric_limits<double>::quiet_NaN(); }
};
template <>
struct Layout<std::uint64_t> : ScalarLayout<std::uint64_t> {
  static constexpr const char* kCode = "u8";
  static std::uint64_t null() noexcept { return 0; }
};
template <>
struct Layout<std::int64_t> : ScalarLayout<std::int64_t> {
  static constexpr const char* kCode = "i8";
  static std::int64_t null() noexcept { return 0; }
};
template <>
struct Layout<std::int32_t> : ScalarLayout<std::int32_t> {
  static constexpr const char* kCode = "i4";
  static std::int32_t null() noexcept { return -1; }
};
template <>
struct Layout<bool> : ScalarLayout<bool> {
  static constexpr const char* kCode = "b1";
  static bool null() noexcept { return false; }
};
template <class T, std::size_t N>
struct Layout<std::array<T, N>> {
  using Row = std::array<T, N>;
  using Element = typename Layout<T>::Element;
  static constexpr std::size_t kWidth = N * Layout<T>::kWidth;
  static Row load(const Element* row, std::size_t) noexcept {
    Row value;
    for (std::size_t k = 0; k < N; ++k) value[k] = Layout<T>::load(row + k * Layout<T>::kWidth, 0);
    return value;
  }
  static void store(const Row& value, Element* row) noexcept {
    for (std::size_t k = 0; k < N; ++k) Layout<T>::store(value[k], row + k * Layout<T>::kWidth);
  }
  static Row null() noexcept {
    Row value;
    value.fill(Layout<T>::null());
    return value;
  }
};
template <std::size_t N>
struct Layout<Text<N>> {
  using Element = std::uint8_t;
  static constexpr std::size_t kWidth = N;
  static void store(const Text<N>& value, Element* row) noexcept { std::copy(value.begin(), value.end(), row); }
  static Text<N> null() noexcept { return {'X'}; }
};
template <>
struct Layout<std::string_view> {  // input only, of any width, padded with NULs
  using Element = std::uint8_t;
  static constexpr std::size_t kWidth = 0;
  static std::string_view load(const Element* row, std::size_t width) noexcept {
    while (width > 0 && row[width - 1] == 0) --width;
    return {reinterpret_cast<const char*>(row), width};
  }
};

// The rows of one input, any number of bytes apart; 0 if one row stands for all. Coordinates may be doubles or floats.
template <class T>
struct Input {
  using L = Layout<T>;
  using Element = typename L::Element;

  const std::byte* data = nullptr;
  std::ptrdiff_t stride = 0;
  std::size_t width = L::kWidth;  // elements of a row
  bool is_single = false;         // floats, to be read as doubles

  T operator[](std::size_t row) const noexcept {
    const std::byte* at = data + static_cast<std::ptrdiff_t>(row) * stride;
    if constexpr (std::is_same_v<T, double>) {
      if (is_single) return static_cast<double>(*reinterpret_cast<const float*>(at));
    }
    return L::load(reinterpret_cast<const Element*>(at), width);
  }
};

// A pair is two outputs.
template <class T, class U>
struct Layout<std::pair<T, U>> {
  static std::pair<T, U> null() noexcept { return {Layout<T>::null(), Layout<U>::null()}; }
};

// A column of results that block kernels fill, block after block: in place, or with `stream` in whole cache lines that
// bypass the caches, because a line that is written whole need not be read first.
template <class T, std::size_t kWidth>
class Column {
 public:
  struct Start {
    T* to;
    Blocks::Stream stream;
  };
  explicit Column(Start at) noexcept : to_(reinterpret_cast<std::byte*>(at.to)), stream_(at.stream) {}
  Column(const Column&) = delete;  // it is large

  // Memory for the results of a block.
  T* block() noexcept { return reinterpret_cast<T*>(stream_ == nullptr ? to_ : held_ + kLine); }

  // Takes over n rows that were written there.
  void take(std::size_t n) noexcept {
    std::size_t size = n * kWidth * sizeof(T);
    if (stream_ == nullptr) {
      to_ += size;
      return;
    }
    const std::byte* from = held_ + kLine - pending_;
    size += pending_;
    const std::size_t head = std::min(size, (0 - reinterpret_cast<std::uintptr_t>(to_)) % kLine),
                      lines = (size - head) / kLine * kLine;
    put(from, head);
    stream_(from + head, to_, lines);
    to_ += lines;
    pending_ = size - head - lines;
    std::memmove(held_ + kLine - pending_, from + head + lines, pending_);
  }

  void end() noexcept { put(held_ + kLine - pending_, pending_); }

 private:
  static constexpr std::size_t kLine = Blocks::kLine;

  void put(const std::byte* from, std::size_t size) noexcept {
    std::memcpy(to_, from, size);
    to_ += size;
  }

  std::byte* to_;
  Blocks::Stream stream_;
  std::size_t pending_ = 0;  // bytes that do not fill a line yet; they are stored before the block
  alignas(kLine) std::byte held_[kLine + kBlockRows * kWidth * sizeof(T)];
};

// Where results go: consecutive rows of an array, or of two arrays for pairs.
template <class R>
struct Output {
  using Element = typename Layout<R>::Element;
  static constexpr std::size_t kWidth = Layout<R>::kWidth, kBytes = kWidth * sizeof(Element);
  Element* to;

  void store(std::size_t row, const R& value) const noexcept { Layout<R>::store(value, to + row * kWidth); }
  template <class Write>
  auto write(Write write) const noexcept {
    return write(to);
  }
  auto columns(std::size_t row, Blocks::Stream stream) const noexcept {
    using Only = Column<Element, kWidth>;
    return std::tuple<Only>(typename Only::Start{to + row * kWidth, stream});
  }
};
template <class T, class U>
struct Output<std::pair<T, U>> {
  static constexpr std::size_t kBytes = sizeof(T) + sizeof(U);
  T* first;
  U* second;

  void store(std::size_t row, const std::pair<T, U>& value) const noexcept {
    std::tie(first[row], second[row]) = value;
  }
  template <class Write>
  auto write(Write write) const noexcept {
    return write(first, second);
  }
  auto columns(std::size_t row, Blocks::Stream stream) const noexcept {
    using First = Column<T, 1>;
    using Second = Column<U, 1>;
    return std::tuple<First, Second>(typename First::Start{first + row, stream},
                                     typename Second::Start{second + row, stream});
  }
};

// Calls `fill(start, n, Output<R>)`, which writes n rows from the output's first on, for each block from `begin` to
// `end`.
template <class R, class To, class Fill>
void fill_blocks(const To& to, std::size_t begin, std::size_t end, Blocks::Stream stream, Fill fill) {
  auto columns = to.columns(begin, stream);
  for (std::size_t start = begin; start < end; start += kBlockRows) {
    const std::size_t n = std::min(kBlockRows, end - start);
    std::apply(
        [&](auto&... column) {
          fill(start, n, Output<R>{column.block()...});
          (column.take(n), ...);
        },
        columns);
  }
  std::apply([](auto&... column) { (column.end(), ...); }, columns);
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

// Calls that read and write more than caches hold bypass them.
inline constexpr std::size_t kStreamedBytes = 32 << 20;

// What block kernels take of an input: a level or count by value, the same for all rows; of others a pointer to n
// consecutive rows, which are gathered here if they are not consecutive. Texts are at most 16 bytes wide.
template <class T>
struct BlockInput {
  alignas(64) T gathered[kBlockRows];
  static bool fits(const Input<T>&) noexcept { return true; }
  const T* take(const Input<T>& in, std::size_t start, std::size_t n) noexcept {
    if (in.stride == 0) {  // one row for all is gathered once
      if (!has_one_) std::fill_n(gathered, kBlockRows, in[0]);
      has_one_ = true;
      return gathered;
    }
    const std::byte* from = in.data + static_cast<std::ptrdiff_t>(start) * in.stride;
    if (in.stride == sizeof(T) && !in.is_single) return reinterpret_cast<const T*>(from);
    if (in.is_single) {
      gather<float>(from, in.stride, n);
    } else {
      gather<T>(from, in.stride, n);
    }
    return gathered;
  }

 private:
  bool has_one_ = false;

  template <class From>
  void gather(const std::byte* from, std::ptrdiff_t stride, std::size_t n) noexcept {
    for (std::size_t k = 0; k < n; ++k) {
      gathered[k] = static_cast<T>(*reinterpret_cast<const From*>(from + static_cast<std::ptrdiff_t>(k) * stride));
    }
  }
};
template <>
struct BlockInput<std::int32_t> {
  static bool fits(const Input<std::int32_t>& in) noexcept { return in.stride == 0; }
  static std::int32_t take(const Input<std::int32_t>& in, std::size_t, std::size_t) noexcept { return in[0]; }
};
template <>
struct BlockInput<std::string_view> {
  static constexpr std::size_t kWidth = 16;
  char gathered[kBlockRows][kWidth];
  static bool fits(const Input<std::string_view>& in) noexcept { return in.width <= kWidth; }
  const char* take(const Input<std::string_view>& in, std::size_t start, std::size_t n) noexcept {
    const std::byte* from = in.data + static_cast<std::ptrdiff_t>(start) * in.stride;
    if (in.stride == kWidth && in.width == kWidth) return reinterpret_cast<const char*>(from);
    std::memset(gathered, 0, n * kWidth);
    for (std::size_t k = 0; k < n; ++k) {
      std::memcpy(gathered[k], from + static_cast<std::ptrdiff_t>(k) * in.stride, in.width);
    }
    return gathered[0];
  }
};

using CountAndFirst = std::pair<std::int64_t, std::int64_t>;

struct Invalid {
  std::int64_t count = 0, first = -1;
  void add(std::size_t row) noexcept {
    if (count++ == 0) first = static_cast<std::int64_t>(row);
  }
  void add(const Invalid& other) noexcept {
    if (other.count == 0) return;
    first = count == 0 ? other.first : std::min(first, other.first);
    count += other.count;
  }
};

// Fewer rows are not worth waking a thread, which takes microseconds; a chunk is a whole number of blocks.
inline constexpr std::size_t kParallelRows = 100'000;
inline constexpr std::size_t kRowsPerChunk = 1 << 15;

// The sum of the invalid rows that `rows(begin, end)` finds, on several threads if there are many rows.
template <class Rows>
Invalid over_rows(std::size_t n, Rows rows) {
  if (n < kParallelRows) return rows(std::size_t{0}, n);
  Invalid invalid;
  std::mutex mutex;
  parallel_for(n, kRowsPerChunk, [&](std::size_t begin, std::size_t end) {
    const Invalid found = rows(begin, end);
    if (found.count == 0) return;
    const std::lock_guard<std::mutex> lock(mutex);
    invalid.add(found);
  });
  return invalid;
}

// Block kernels of floats may differ from the scalar ones in the last bits.
template <class R>
inline constexpr bool kMayDiffer = std::is_same_v<typename Layout<R>::Element, double>;
template <class T, class U>
inline constexpr bool kMayDiffer<std::pair<T, U>> = kMayDiffer<T>;

template <class A>
inline constexpr std::size_t kInputBytes = sizeof(A);
template <>
inline constexpr std::size_t kInputBytes<std::string_view> = BlockInput<std::string_view>::kWidth;

// The loop over rows. `Block`, if any, is the member of `Blocks` that holds the block kernel. The scalar kernel
// computes the rows that it leaves undecided, and all rows with `exact`.
template <auto Kernel, auto Checker, auto Block, class R, class To, class... A>
struct Loop {
  const std::tuple<Input<A>...>& inputs;
  const To& to;
  bool exact;

  Invalid run(std::size_t n) const {
    const Blocks& chosen = blocks();  // once: another thread may choose others meanwhile
    const bool is_large = n >= kStreamedBytes / (To::kBytes + (kInputBytes<A> + ...));
    const Blocks::Stream stream = is_large ? chosen.stream : nullptr;
    return over_rows(n, [this, &chosen, stream](std::size_t begin, std::size_t end) noexcept {
      Invalid invalid;
      if constexpr (Block != nullptr) {
        const bool are_worth_it = end - begin > kFewRows || kMayDiffer<R>;
        if (chosen.*Block != nullptr && !exact && are_worth_it && fits(Indices{})) {
          in_blocks(chosen.*Block, begin, end, stream, invalid, Indices{});
          return invalid;
        }
      }
      for (std::size_t row = begin; row < end; ++row) one(row, invalid, to, row, Indices{});
      return invalid;
    });
  }

 private:
  using Indices = std::index_sequence_for<A...>;
  // So few rows are faster one by one. Where results may differ, the block kernel computes all the same.
  static constexpr std::size_t kFewRows = 2;

  template <class Target, std::size_t... I>
  void one(std::size_t row, Invalid& invalid, const Target& target, std::size_t at,
           std::index_sequence<I...>) const noexcept {
    const Check check = Checker(std::get<I>(inputs)[row]...);
    target.store(at, check == Check::kOk ? R(Kernel(std::get<I>(inputs)[row]...)) : Layout<R>::null());
    if (check == Check::kInvalid) invalid.add(row);
  }

  template <std::size_t... I>
  bool fits(std::index_sequence<I...>) const noexcept {
    return (BlockInput<A>::fits(std::get<I>(inputs)) && ...);
  }

  template <class BlockKernel, std::size_t... I>
  void in_blocks(BlockKernel kernel, std::size_t begin, std::size_t end, Blocks::Stream stream, Invalid& invalid,
                 std::index_sequence<I...> indices) const noexcept {
    std::tuple<BlockInput<A>...> block;
    std::uint8_t undecided[kBlockRows];
    fill_blocks<R>(to, begin, end, stream, [&](std::size_t start, std::size_t n, const Output<R>& target) noexcept {
      const auto run = [&](auto*... results) noexcept {
        return kernel(std::get<I>(block).take(std::get<I>(inputs), start, n)..., results..., undecided, n);
      };
      if (!target.write(run)) return;
      for (std::size_t k = 0; k < n; ++k) {
        if (undecided[k]) one(start + k, invalid, target, k, indices);
      }
    });
  }
};

}  // namespace cellwise::bindings
