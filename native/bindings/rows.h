// Lifts a scalar kernel to a loop over arrays, and writes down its signature.
//
//   rows.add<&cell_parent, &check_cell_parent>("cell_parent");
//
// makes `_native.cell_parent(cell, level, out, exact) -> (count, first)`, which writes one output per row (the null
// result where the check is not kOk) and returns how many rows were invalid and the index of the first, and records
// SIGNATURES["cell_parent"] = "u8 i4 -> u8", derived from the C++ types. Inputs are arrays of as many rows as the
// output, or of one row, which stands for all. With `exact`, no block kernel is used.
//
// `Block` is the member of `Blocks` that holds the row's block kernels, if there are any (see loop.h).
//
// A ragged row is a struct with `size`, an upper bound, and `fill`, which returns how many values it wrote. It becomes
// two functions: `<name>_size(inputs..., sizes)` and `<name>(inputs..., offsets, sizes, values)`, where `offsets` are
// the sums of the bounds and `sizes` receives what was really written; the runs are then moved together, and the number
// of all values is returned.

#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "cellwise/adjacency.h"
#include "cellwise/check.h"
#include "fast.h"
#include "loop.h"

namespace cellwise::bindings {

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

// Arrays as the dispatcher sends them. Scalar inputs may lie apart; coordinates may be floats.
template <class T>
struct InArray {
  using type = nb::ndarray<const typename Layout<T>::Element, nb::c_contig, nb::device::cpu>;
};
template <class T>
  requires std::is_arithmetic_v<T>
struct InArray<T> {
  using type = nb::ndarray<const T, nb::ndim<1>, nb::device::cpu>;
};
template <>
struct InArray<double> {
  using type = nb::ndarray<nb::ro, nb::ndim<1>, nb::device::cpu>;
};
template <class T>
using In = typename InArray<T>::type;
template <class T>
using Out = nb::ndarray<typename Layout<T>::Element, nb::c_contig, nb::device::cpu>;

template <class T>
Input<T> input_of(const In<T>& array, std::size_t n) {
  using Element = typename Layout<T>::Element;
  Input<T> input;
  std::size_t rows = array.size();
  if constexpr (std::is_arithmetic_v<T>) {
    input.stride = array.stride(0) * static_cast<std::ptrdiff_t>(array.itemsize());
    if constexpr (std::is_same_v<T, double>) {
      input.is_single = array.dtype() == nb::dtype<float>();
      if (!input.is_single && array.dtype() != nb::dtype<double>()) throw nb::type_error("coordinates must be floats");
    }
  } else {
    if (input.width == 0) input.width = array.ndim() > 1 ? array.shape(1) : 1;
    rows = input.width > 0 ? rows / input.width : n;
    input.stride = static_cast<std::ptrdiff_t>(input.width * sizeof(Element));
  }
  if (rows != n && rows != 1) throw nb::value_error("inputs must have as many rows as the output, or one");
  if (rows == 1) input.stride = 0;
  input.data = reinterpret_cast<const std::byte*>(array.data());
  return input;
}

template <auto Kernel, auto Checker, auto Block, class R, class... A>
struct Elementwise {
  static CountAndFirst run(In<A>... in, Out<R> out, bool exact) {
    const std::size_t n = out.size() / Layout<R>::kWidth;
    const std::tuple<Input<A>...> inputs{input_of<A>(in, n)...};
    const Output<R> to(out.data(), n);
    nb::gil_scoped_release release;
    const Invalid invalid = Loop<Kernel, Checker, Block, R, Output<R>, A...>{inputs, to, exact}.run(n);
    return {invalid.count, invalid.first};
  }
};

template <auto Kernel, auto Checker, auto Block, class T, class U, class... A>
struct Elementwise<Kernel, Checker, Block, std::pair<T, U>, A...> {
  static CountAndFirst run(In<A>... in, Out<T> first, Out<U> second, bool exact) {
    using R = std::pair<T, U>;
    const std::size_t n = first.size();
    if (second.size() != n) throw nb::value_error("outputs must have as many rows as each other");
    const std::tuple<Input<A>...> inputs{input_of<A>(in, n)...};
    const Output<R> to(first.data(), second.data(), n);
    nb::gil_scoped_release release;
    const Invalid invalid = Loop<Kernel, Checker, Block, R, Output<R>, A...>{inputs, to, exact}.run(n);
    return {invalid.count, invalid.first};
  }
};

template <class T, auto Checker, auto Block, class... A>
struct Ragged {
  static CountAndFirst size(In<A>... in, Out<std::int64_t> sizes) {
    const std::size_t n = sizes.size();
    const std::tuple<Input<A>...> inputs{input_of<A>(in, n)...};
    std::int64_t* to = sizes.data();
    nb::gil_scoped_release release;
    const Invalid invalid = over_rows(n, [&](std::size_t begin, std::size_t end) noexcept {
      Invalid found;
      for (std::size_t row = begin; row < end; ++row) {
        std::apply(
            [&](const auto&... input) {
              const Check check = Checker(input[row]...);
              to[row] = check == Check::kOk ? T::size(input[row]...) : 0;
              if (check == Check::kInvalid) found.add(row);
            },
            inputs);
      }
      return found;
    });
    return {invalid.count, invalid.first};
  }

  using Offsets = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
  static std::int64_t fill(In<A>... in, Offsets offsets, Out<std::int64_t> sizes, Out<std::uint64_t> values) {
    const std::size_t n = sizes.size();
    if (offsets.size() != n + 1) throw nb::value_error("offsets must have one more item than sizes");
    const std::tuple<Input<A>...> inputs{input_of<A>(in, n)...};
    const std::int64_t* from = offsets.data();
    std::int64_t* to = sizes.data();
    std::uint64_t* out = values.data();
    if (from[n] > static_cast<std::int64_t>(values.size())) throw nb::value_error("values has too few items");
    nb::gil_scoped_release release;
    // By values, not by rows: one row may have millions.
    const std::size_t chunk =
        values.size() < kParallelRows ? std::max<std::size_t>(n, 1) : n * kRowsPerChunk / values.size() + 1;
    parallel_for(n, chunk, [&](std::size_t begin, std::size_t end) {
      const auto one = [&](std::size_t row) {
        to[row] = from[row] == from[row + 1] ? 0 : std::apply([&](const auto&... input) {
          return T::fill(input[row]..., out + from[row]);
        }, inputs);
      };
      for (std::size_t start = begin; start < end; start += kBlockRows) {
        const std::size_t stop = std::min(start + kBlockRows, end);
        if constexpr (Block != nullptr) {
          if (in_block(std::get<0>(inputs), from, to, out, values.size(), start, stop, one)) continue;
        }
        for (std::size_t row = start; row < stop; ++row) one(row);
      }
    });
    return close_gaps(from, to, out, n);
  }

 private:
  // Runs that follow each other already are moved in one go.
  static std::int64_t close_gaps(const std::int64_t* from, const std::int64_t* sizes, std::uint64_t* values, std::size_t n) {
    std::int64_t total = 0;
    for (std::size_t row = 0; row < n;) {
      const std::int64_t begin = from[row];
      std::int64_t end = begin;
      for (; row < n && from[row] == end; ++row) end += sizes[row];
      if (total != begin) std::copy(values + begin, values + end, values + total);
      total += end - begin;
    }
    return total;
  }

  // Fills rows whose runs all have the size of the block kernel's, which looks at their cells alone; false for others.
  template <class One>
  static bool in_block(const Input<std::uint64_t>& cells, const std::int64_t* from, std::int64_t* to, std::uint64_t* out,
                       std::size_t n_values, std::size_t start, std::size_t stop, const One& one) {
    const auto kernel = blocks().*Block;
    bool fits = kernel != nullptr;
    for (std::size_t row = start; fits && row < stop; ++row) fits = from[row + 1] - from[row] == T::kBlockSize;
    if (!fits) return false;
    BlockInput<std::uint64_t> block;
    std::uint8_t left[kBlockRows];
    const std::size_t n = stop - start;
    const std::uint64_t* rows = block.take(cells, start, n);
    std::fill(to + start, to + stop, T::kBlockSize);
    const Output<std::array<std::uint64_t, T::kBlockSize>> runs(out + from[start], n_values / T::kBlockSize);
    const bool any_left = runs.fill(0, n, [&](std::uint64_t* values) { return kernel(rows, values, left, n); });
    stream_ends();
    if (any_left) {
      for (std::size_t k = 0; k < n; ++k) {
        if (left[k]) one(start + k);
      }
    }
    return true;
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

  template <class T, auto Checker, auto Block = nullptr>
  Rows& add_ragged(const char* name) {
    add_ragged_row<T, Checker, Block>(name, T::size);
    return *this;
  }

  ~Rows() {
    module_.attr("SIGNATURES") = signatures_;
    module_.attr("FAST") = fast_;
  }

 private:
  template <auto Kernel, auto Checker, auto Block, class R, class... A>
  void add_row(const char* name, R (*)(A...) noexcept) {
    using Row = Elementwise<Kernel, Checker, Block, std::remove_cvref_t<R>, std::remove_cvref_t<A>...>;
    define(name, &Row::run);
    signatures_[name] = inputs<A...>() + " -> " + output<std::remove_cvref_t<R>>();
    using Entry = Fast<Kernel, Checker, Block, std::remove_cvref_t<R>, std::remove_cvref_t<A>...>;
    static PyMethodDef method = {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&Entry::call)),
                                 METH_FASTCALL, nullptr};
    fast_[name] = nb::steal(PyCFunction_New(&method, nullptr));
  }

  template <class T, auto Checker, auto Block, class... A>
  void add_ragged_row(const char* name, std::int64_t (*)(A...) noexcept) {
    using Row = Ragged<T, Checker, Block, std::remove_cvref_t<A>...>;
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
    ((joined += (joined.empty() ? "" : " ") + code<std::remove_cvref_t<A>>()), ...);
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
  nb::dict signatures_, fast_;
};

}  // namespace cellwise::bindings
