// Lifts a scalar kernel to a loop over arrays, and writes down its signature.
//
//   rows.add<&cell_parent, &check_cell_parent>("cell_parent");
//
// makes `_native.cell_parent(cell, level, out) -> (count, first)`, which writes one output per row (the null result
// where the check is not kOk) and returns how many rows were invalid and the index of the first, and records
// SIGNATURES["cell_parent"] = "u8 i4 -> u8", derived from the C++ types. Inputs are contiguous arrays of as many rows
// as the output, or of one row, which stands for all.
//
// A ragged row is a struct with `size`, an upper bound, and `fill`, which returns how many values it wrote. It becomes
// two functions: `<name>_size(inputs..., sizes)` and `<name>(inputs..., offsets, sizes, values)`, where `offsets` are
// the sums of the bounds and `sizes` receives what was really written.

#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "cellwise/blocks.h"
#include "cellwise/check.h"
#include "cellwise/conversion.h"

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
std::string code() {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return "S";
  } else if constexpr (requires { Layout<T>::kCode; }) {
    return Layout<T>::kCode;
  } else if constexpr (requires(T t) { T{'X'}; t[0] == 'X'; requires std::is_same_v<typename T::value_type, char>; }) {
    return "S" + std::to_string(Layout<T>::kWidth);
  } else {
    // "f8[4,2]": one bracket for nested arrays.
    std::string inner = code<typename T::value_type>();
    const std::string width = std::to_string(std::tuple_size_v<T>);
    const auto bracket = inner.find('[');
    if (bracket == std::string::npos) return inner + "[" + width + "]";
    return inner.insert(bracket + 1, width + ",");
  }
}

template <class T>
using Bare = std::remove_cvref_t<T>;
template <class T>
using In = nb::ndarray<const typename Layout<Bare<T>>::Element, nb::c_contig, nb::device::cpu>;
template <class T>
using Out = nb::ndarray<typename Layout<Bare<T>>::Element, nb::c_contig, nb::device::cpu>;

// Rows of one input. One row stands for all.
template <class T>
struct Input {
  using L = Layout<Bare<T>>;
  const typename L::Element* data;
  std::size_t width, stride;

  Input(const In<T>& array, std::size_t n) : data(array.data()) {
    width = L::kWidth > 0 ? L::kWidth : (array.ndim() > 1 ? array.shape(1) : 1);
    const std::size_t rows = width > 0 ? array.size() / width : n;
    if (rows != n && rows != 1) throw nb::value_error("inputs must have as many rows as the output, or one");
    stride = rows == 1 ? 0 : width;
  }
  Bare<T> operator[](std::size_t row) const noexcept { return L::load(data + row * stride, width); }
};

using CountAndFirst = std::pair<std::int64_t, std::int64_t>;

struct Invalid {
  std::int64_t count = 0, first = -1;
  void add(std::size_t row) noexcept {
    if (count++ == 0) first = static_cast<std::int64_t>(row);
  }
};

// Kernel with one output. `Block`, if there is one, takes the same inputs, from a row on, and says whether it could
// take them; it marks the rows that it leaves to the kernel (see blocks.h).
template <auto Kernel, auto Checker, auto Block, class R, class... A>
struct Elementwise {
  using Element = typename Layout<R>::Element;

  static CountAndFirst run(In<A>... in, Out<R> out) {
    const std::size_t n = out.size() / Layout<R>::kWidth;
    const std::tuple<Input<A>...> inputs{Input<A>(in, n)...};
    Element* to = out.data();
    nb::gil_scoped_release release;
    Invalid invalid;
    const auto one = [&](std::size_t row) {
      std::apply(
          [&](const auto&... input) {
            const Check check = Checker(input[row]...);
            Layout<R>::store(check == Check::kOk ? Kernel(input[row]...) : Layout<R>::null(),
                             to + row * Layout<R>::kWidth);
            if (check == Check::kInvalid) invalid.add(row);
          },
          inputs);
    };
    if constexpr (Block != nullptr) {
      std::uint8_t left[kBlockRows];
      for (std::size_t start = 0; start < n; start += kBlockRows) {
        const std::size_t rows = std::min(kBlockRows, n - start);
        bool any_left = false;
        const bool taken = std::apply(
            [&](const auto&... input) { return Block(input..., start, rows, to + start, left, any_left); }, inputs);
        if (taken && !any_left) continue;
        for (std::size_t k = 0; k < rows; ++k) {
          if (!taken || left[k]) one(start + k);
        }
      }
    } else {
      for (std::size_t row = 0; row < n; ++row) one(row);
    }
    return {invalid.count, invalid.first};
  }
};

// A pair is two outputs.
template <class T, class U>
struct Layout<std::pair<T, U>> {
  static std::pair<T, U> null() noexcept { return {Layout<T>::null(), Layout<U>::null()}; }
};
template <auto Kernel, auto Checker, class T, class U, class... A>
struct Elementwise<Kernel, Checker, nullptr, std::pair<T, U>, A...> {
  static CountAndFirst run(In<A>... in, Out<T> first, Out<U> second) {
    auto* a = first.data();
    auto* b = second.data();
    const std::size_t n = first.size();
    const std::tuple<Input<A>...> inputs{Input<A>(in, n)...};
    nb::gil_scoped_release release;
    Invalid invalid;
    for (std::size_t row = 0; row < n; ++row) {
      std::apply(
          [&](const auto&... input) {
            const Check check = Checker(input[row]...);
            std::tie(a[row], b[row]) = check == Check::kOk ? Kernel(input[row]...) : Layout<std::pair<T, U>>::null();
            if (check == Check::kInvalid) invalid.add(row);
          },
          inputs);
    }
    return {invalid.count, invalid.first};
  }
};

template <class T, auto Checker, class... A>
struct Ragged {
  static CountAndFirst size(In<A>... in, Out<std::int64_t> sizes) {
    const std::size_t n = sizes.size();
    const std::tuple<Input<A>...> inputs{Input<A>(in, n)...};
    std::int64_t* to = sizes.data();
    nb::gil_scoped_release release;
    Invalid invalid;
    for (std::size_t row = 0; row < n; ++row) {
      std::apply(
          [&](const auto&... input) {
            const Check check = Checker(input[row]...);
            to[row] = check == Check::kOk ? T::size(input[row]...) : 0;
            if (check == Check::kInvalid) invalid.add(row);
          },
          inputs);
    }
    return {invalid.count, invalid.first};
  }

  static void fill(In<A>... in, In<std::int64_t> offsets, Out<std::int64_t> sizes, Out<std::uint64_t> values) {
    const std::size_t n = sizes.size();
    if (offsets.size() != n + 1) throw nb::value_error("offsets must have one more item than sizes");
    const std::tuple<Input<A>...> inputs{Input<A>(in, n)...};
    const std::int64_t* from = offsets.data();
    std::int64_t* to = sizes.data();
    std::uint64_t* out = values.data();
    if (from[n] > static_cast<std::int64_t>(values.size())) throw nb::value_error("values has too few items");
    nb::gil_scoped_release release;
    for (std::size_t row = 0; row < n; ++row) {
      if (from[row] == from[row + 1]) {
        to[row] = 0;
      } else {
        to[row] = std::apply([&](const auto&... input) { return T::fill(input[row]..., out + from[row]); }, inputs);
      }
    }
  }
};

class Rows {
 public:
  explicit Rows(nb::module_& m) : module_(m) {}

  template <auto Kernel, auto Checker, auto Block = nullptr>
  Rows& add(const char* name) {
    add_row<Kernel, Checker, Block>(name, Kernel);
    return *this;
  }

  template <class T, auto Checker>
  Rows& add_ragged(const char* name) {
    add_ragged_row<T, Checker>(name, T::size);
    return *this;
  }

  ~Rows() { module_.attr("SIGNATURES") = signatures_; }

 private:
  template <auto Kernel, auto Checker, auto Block, class R, class... A>
  void add_row(const char* name, R (*)(A...) noexcept) {
    using Row = Elementwise<Kernel, Checker, Block, Bare<R>, A...>;
    define(name, &Row::run);
    signatures_[name] = inputs<A...>() + " -> " + output<Bare<R>>();
  }

  template <class T, auto Checker, class... A>
  void add_ragged_row(const char* name, std::int64_t (*)(A...) noexcept) {
    using Row = Ragged<T, Checker, A...>;
    define((std::string(name) + "_size").c_str(), &Row::size);
    define(name, &Row::fill);
    signatures_[name] = inputs<A...>() + " -> u8[]";
  }

  template <class R, class... A>
  void define(const char* name, R (*f)(A...)) {
    module_.def(name, f, ((void)sizeof(A), nb::arg().noconvert())...);
  }

  template <class... A>
  static std::string inputs() {
    std::string joined;
    ((joined += (joined.empty() ? "" : " ") + code<Bare<A>>()), ...);
    return joined;
  }
  template <class R>
  static std::string output() {
    if constexpr (requires { typename R::first_type; }) {
      return code<typename R::first_type>() + " " + code<typename R::second_type>();
    } else {
      return code<R>();
    }
  }

  nb::module_& module_;
  nb::dict signatures_;
};

}  // namespace cellwise::bindings
