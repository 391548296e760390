// Lifts a scalar kernel to a loop over arrays, and records its signature.
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
// two functions: `<name>_offsets(inputs..., offsets)` writes where each run would begin if all were as long as their
// bounds, and `<name>(inputs..., offsets, values)` fills the runs, closes the gaps after runs that are shorter, adjusts
// the offsets, and returns the number of all values.

#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

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
  } else if constexpr (requires(T t) {
                         T{'X'};
                         t[0] == 'X';
                         requires std::is_same_v<typename T::value_type, char>;
                       }) {
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

// Arrays as the dispatcher passes them. Scalar inputs may be strided; coordinates may be floats.
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
    const Output<R> to{out.data()};
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
    const Output<R> to{first.data(), second.data()};
    nb::gil_scoped_release release;
    const Invalid invalid = Loop<Kernel, Checker, Block, R, Output<R>, A...>{inputs, to, exact}.run(n);
    return {invalid.count, invalid.first};
  }
};

template <class T, auto Checker, auto Block, class... A>
struct Ragged {
  static CountAndFirst offsets(In<A>... in, Out<std::int64_t> offsets) {
    if (offsets.size() == 0) throw nb::value_error("offsets must have one more item than there are rows");
    const std::size_t n = offsets.size() - 1;
    const std::tuple<Input<A>...> inputs{input_of<A>(in, n)...};
    std::int64_t* to = offsets.data();
    nb::gil_scoped_release release;
    const Invalid invalid = over_rows(n, [&](std::size_t begin, std::size_t end) noexcept {
      Invalid found;
      for (std::size_t row = begin; row < end; ++row) {
        std::apply(
            [&](const auto&... input) {
              const Check check = Checker(input[row]...);
              to[row + 1] = check == Check::kOk ? T::size(input[row]...) : 0;
              if (check == Check::kInvalid) found.add(row);
            },
            inputs);
      }
      return found;
    });
    to[0] = 0;
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    for (std::size_t row = 0; row < n; ++row) to[row + 1] += std::min(to[row], kMost - to[row + 1]);
    return {invalid.count, invalid.first};
  }

  static std::int64_t fill(In<A>... in, Out<std::int64_t> offsets, Out<std::uint64_t> values) {
    if (offsets.size() == 0) throw nb::value_error("offsets must have one more item than there are rows");
    const std::size_t n = offsets.size() - 1;
    const std::tuple<Input<A>...> inputs{input_of<A>(in, n)...};
    std::int64_t* at = offsets.data();
    std::uint64_t* out = values.data();
    if (at[n] > static_cast<std::int64_t>(values.size())) throw nb::value_error("values has too few items");
    nb::gil_scoped_release release;
    std::vector<Short> shorter;
    std::mutex mutex;
    // In chunks of values, not of rows: one row may have millions of values.
    const auto total = static_cast<std::size_t>(at[n]);
    const std::size_t chunk = total < kParallelRows ? std::max<std::size_t>(n, 1) : n * kRowsPerChunk / total + 1;
    const Blocks& chosen = blocks();
    parallel_for(n, chunk, [&](std::size_t begin, std::size_t end) {
      std::vector<Short> found;
      const auto one = [&](std::size_t row, std::uint64_t* to) {
        const std::int64_t bound = at[row + 1] - at[row];
        if (bound == 0) return;
        const std::int64_t size = std::apply([&](const auto&... input) { return T::fill(input[row]..., to); }, inputs);
        if (size < bound) found.push_back({row, bound - size});
      };
      if constexpr (Block != nullptr) {
        if (chosen.*Block != nullptr && have_the_size(at + begin, at + end)) {
          in_blocks(std::get<0>(inputs), begin, end, out + at[begin], chosen, total, one);
          begin = end;
        }
      }
      for (std::size_t row = begin; row < end; ++row) one(row, out + at[row]);
      if (found.empty()) return;
      const std::lock_guard<std::mutex> lock(mutex);
      shorter.insert(shorter.end(), found.begin(), found.end());
    });
    std::sort(shorter.begin(), shorter.end(), [](const Short& a, const Short& b) { return a.row < b.row; });
    close_gaps(shorter, at, out, n);
    return at[n];
  }

 private:
  struct Short {  // a run that is shorter than its bound
    std::size_t row;
    std::int64_t missing;
  };

  static void close_gaps(const std::vector<Short>& shorter, std::int64_t* offsets, std::uint64_t* values,
                         std::size_t n) {
    if (shorter.empty()) return;
    std::int64_t removed = 0, begin = 0;  // of what is not moved yet
    const auto move_to = [&](std::int64_t end) {
      if (removed > 0) std::copy(values + begin, values + end, values + begin - removed);
    };
    for (const Short& run : shorter) {
      const std::int64_t end = offsets[run.row + 1];
      move_to(end - run.missing);
      begin = end;
      removed += run.missing;
    }
    move_to(offsets[n]);
    removed = 0;
    auto next = shorter.begin();
    for (std::size_t row = next->row; row < n; ++row) {
      if (next != shorter.end() && next->row == row) removed += next++->missing;
      offsets[row + 1] -= removed;
    }
  }

  // Do all runs have the size of the block kernel's, which looks at their cells alone?
  static bool have_the_size(const std::int64_t* offsets, const std::int64_t* end) noexcept {
    bool have = true;
    for (; offsets < end; ++offsets) have &= offsets[1] - offsets[0] == T::kBlockSize;
    return have;
  }

  template <class One>
  static void in_blocks(const Input<std::uint64_t>& cells, std::size_t begin, std::size_t end, std::uint64_t* to,
                        const Blocks& chosen, std::size_t total, const One& one) {
    using Run = std::array<std::uint64_t, T::kBlockSize>;
    BlockInput<std::uint64_t> block;
    std::uint8_t undecided[kBlockRows];
    const Blocks::Stream stream = total >= kStreamedBytes / sizeof(std::uint64_t) ? chosen.stream : nullptr;
    fill_blocks<Run>(Output<Run>{to}, 0, end - begin, stream,
                     [&](std::size_t start, std::size_t n, const Output<Run>& runs) {
                       if (!(chosen.*Block)(block.take(cells, begin + start, n), runs.to, undecided, n)) return;
                       for (std::size_t k = 0; k < n; ++k) {
                         if (undecided[k]) one(begin + start + k, runs.to + T::kBlockSize * k);
                       }
                     });
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

  // Adds the tables of rows to the module, once all rows are there.
  void publish() {
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
    define((std::string(name) + "_offsets").c_str(), &Row::offsets);
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
