// One loop for all kernels: how values lie in arrays, inputs of one row or many, and the rows themselves.

#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string_view>
#include <tuple>
#include <utility>

#include "cellwise/blocks.h"
#include "cellwise/check.h"
#include "cellwise/conversion.h"
#include "cellwise/parallel.h"

namespace cellwise::bindings {

namespace nb = nanobind;

// How a C++ type lies in an array: element, elements a row, code in signatures, null result.
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
struct Layout<std::string_view> {  // input only, of any width, filled up with NULs
  using Element = std::uint8_t;
  static constexpr std::size_t kWidth = 0;
  static std::string_view load(const Element* row, std::size_t width) noexcept {
    while (width > 0 && row[width - 1] == 0) --width;
    return {reinterpret_cast<const char*>(row), width};
  }
};

template <class T>
using Bare = std::remove_cvref_t<T>;
template <class T>
using In = nb::ndarray<const typename Layout<Bare<T>>::Element, nb::c_contig, nb::device::cpu>;
template <class T>
using Out = nb::ndarray<typename Layout<Bare<T>>::Element, nb::c_contig, nb::device::cpu>;

// Rows of one input. One row stands for all: then the stride is 0.
template <class T>
struct Input {
  using L = Layout<Bare<T>>;
  const typename L::Element* data;
  std::size_t width, stride;

  Input(const typename L::Element* data, std::size_t width, std::size_t stride) noexcept
      : data(data), width(width), stride(stride) {}
  Input(const In<T>& array, std::size_t n) : data(array.data()) {
    width = L::kWidth > 0 ? L::kWidth : (array.ndim() > 1 ? array.shape(1) : 1);
    const std::size_t rows = width > 0 ? array.size() / width : n;
    if (rows != n && rows != 1) throw nb::value_error("inputs must have as many rows as the output, or one");
    stride = rows == 1 ? 0 : width;
  }
  Bare<T> operator[](std::size_t row) const noexcept { return L::load(data + row * stride, width); }
};

// A pair is two outputs.
template <class T, class U>
struct Layout<std::pair<T, U>> {
  static std::pair<T, U> null() noexcept { return {Layout<T>::null(), Layout<U>::null()}; }
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

// The sum of what `rows(begin, end)` finds invalid, on several threads where there are many rows.
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

// The loop: `store(row, result)` for each row. `Block`, if there is one, takes the same inputs, from a row on, writes
// to `to`, and says whether it could; it marks the rows that it leaves to the kernel (see blocks.h).
template <auto Kernel, auto Checker, auto Block, class R, class Store, class To, class... A>
Invalid compute(const std::tuple<Input<A>...>& inputs, std::size_t n, Store store, To* to) {
  return over_rows(n, [&](std::size_t begin, std::size_t end) noexcept {
    Invalid invalid;
    const auto one = [&](std::size_t row) {
      std::apply(
          [&](const auto&... input) {
            const Check check = Checker(input[row]...);
            store(row, check == Check::kOk ? R(Kernel(input[row]...)) : Layout<R>::null());
            if (check == Check::kInvalid) invalid.add(row);
          },
          inputs);
    };
    if constexpr (Block != nullptr) {
      std::uint8_t left[kBlockRows];
      for (std::size_t start = begin; start < end; start += kBlockRows) {
        const std::size_t rows = std::min(kBlockRows, end - start);
        bool any_left = false;
        const bool taken = std::apply(
            [&](const auto&... input) { return Block(input..., start, rows, to + start, left, any_left); }, inputs);
        if (taken && !any_left) continue;
        for (std::size_t k = 0; k < rows; ++k) {
          if (!taken || left[k]) one(start + k);
        }
      }
    } else {
      for (std::size_t row = begin; row < end; ++row) one(row);
    }
    return invalid;
  });
}

}  // namespace cellwise::bindings
