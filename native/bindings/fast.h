// The fast path to a kernel: Python scalars and arrays of the kernel's own types, without the dispatcher.
//
// A fast entry takes the kernel's arguments, then `out` (None or as below) and `exact`. If it does not recognize an
// argument at once (another dtype, a list, a Series, arrays of different shapes, an unfit `out`), or if a row is
// invalid, it returns NotImplemented, and the dispatcher takes the slow path, which gives the same results and composes
// messages.

#pragma once

#include <nanobind/nanobind.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL cellwise_numpy
#ifndef CELLWISE_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <tuple>
#include <utility>

#include "cellwise/conversion.h"
#include "cellwise/parallel.h"
#include "loop.h"

namespace cellwise::bindings {

// What is known from the arguments so far.
struct FastShape {
  int ndim = -1;  // of the arrays; -1 while there are only scalars
  npy_intp dims[NPY_MAXDIMS];
  npy_intp n = 1;
  const char *begin[6], *end[6];  // memory of the arrays so far: at most four arguments and two results
  int n_arrays = 0;

  // True if the array fits: aligned, in native byte order, with one stride, and of the same shape as the others.
  bool take(PyArrayObject* array, std::ptrdiff_t& stride) noexcept {
    if (!PyArray_CheckExact(array)) return false;
    const char* data = static_cast<const char*>(PyArray_DATA(array));
    const npy_intp rows = PyArray_SIZE(array), size = PyArray_ITEMSIZE(array);
    stride = size;
    if (PyArray_NDIM(array) == 1 && rows > 1) {
      if (!PyArray_ISALIGNED(array) || !PyArray_ISNOTSWAPPED(array)) return false;
      stride = PyArray_STRIDE(array, 0);
    } else if (!PyArray_ISCARRAY_RO(array)) {
      return false;
    }
    const std::ptrdiff_t reach = rows > 0 ? (rows - 1) * stride : 0;
    begin[n_arrays] = data + std::min<std::ptrdiff_t>(reach, 0);
    end[n_arrays++] = data + std::max<std::ptrdiff_t>(reach, 0) + size;
    if (ndim < 0) {
      ndim = PyArray_NDIM(array);
      std::copy_n(PyArray_DIMS(array), ndim, dims);
      n = rows;
      return ndim > 0;
    }
    return ndim == PyArray_NDIM(array) && std::equal(dims, dims + ndim, PyArray_DIMS(array));
  }

  // True if the array can take results of that type, with `more` axes of their own, and shares no memory with the
  // arrays before it.
  bool can_go_to(PyObject* object, int type, npy_intp size, int more, const npy_intp* more_dims) noexcept {
    if (ndim < 0 || !PyArray_CheckExact(object)) return false;
    auto* array = reinterpret_cast<PyArrayObject*>(object);
    if (!PyArray_ISCARRAY(array) || PyArray_TYPE(array) != type || PyArray_ITEMSIZE(array) != size) return false;
    if (PyArray_NDIM(array) != ndim + more || !std::equal(dims, dims + ndim, PyArray_DIMS(array)) ||
        !std::equal(more_dims, more_dims + more, PyArray_DIMS(array) + ndim)) {
      return false;
    }
    const char* first = static_cast<const char*>(PyArray_DATA(array));
    const char* last = first + PyArray_NBYTES(array);
    for (int k = 0; k < n_arrays; ++k) {
      if (begin[k] < last && first < end[k]) return false;
    }
    begin[n_arrays] = first;
    end[n_arrays++] = last;
    return true;
  }
};

inline const std::byte* bytes(const void* data) noexcept { return static_cast<const std::byte*>(data); }

// True if the object is an array of elements of that kind and size; then `in` has its rows.
template <class T>
inline bool read_array(PyObject* object, char kind, std::size_t size, Input<T>& in, FastShape& shape) noexcept {
  if (!PyArray_Check(object)) return false;
  auto* array = reinterpret_cast<PyArrayObject*>(object);
  const PyArray_Descr* dtype = PyArray_DESCR(array);
  if (dtype->kind != kind || static_cast<std::size_t>(PyDataType_ELSIZE(dtype)) != size) return false;
  if (!shape.take(array, in.stride)) return false;
  in.data = bytes(PyArray_DATA(array));
  return true;
}

template <class T>
struct FastInput {  // no type that is not listed below
  T scalar{};
  Input<T> rows;
  bool read(PyObject*, FastShape&) noexcept { return false; }
};

template <>
struct FastInput<double> {
  double scalar = 0;
  Input<double> rows{bytes(&scalar)};
  bool read(PyObject* object, FastShape& shape) noexcept {
    if (PyFloat_CheckExact(object) || PyArray_IsScalar(object, Double)) {
      scalar = PyFloat_AS_DOUBLE(object);
      return true;
    }
    if (PyLong_CheckExact(object)) {
      scalar = PyLong_AsDouble(object);
      if (scalar == -1 && PyErr_Occurred()) return PyErr_Clear(), false;
      return true;
    }
    if (read_array(object, 'f', sizeof(double), rows, shape)) return true;
    return rows.is_single = read_array(object, 'f', sizeof(float), rows, shape);
  }
};

template <>
struct FastInput<std::uint64_t> {
  std::uint64_t scalar = 0;
  Input<std::uint64_t> rows{bytes(&scalar)};
  bool read(PyObject* object, FastShape& shape) noexcept {
    if (PyLong_CheckExact(object)) {
      scalar = PyLong_AsUnsignedLongLong(object);
      if (scalar == ~std::uint64_t{0} && PyErr_Occurred()) return PyErr_Clear(), false;
      return true;
    }
    if (PyArray_IsScalar(object, ULong)) {
      scalar = PyArrayScalar_VAL(object, ULong);
      return sizeof(npy_ulong) == 8;
    }
    return read_array(object, 'u', sizeof scalar, rows, shape);
  }
};

template <>
struct FastInput<std::int32_t> {
  std::int32_t scalar = 0;
  Input<std::int32_t> rows{bytes(&scalar)};
  bool read(PyObject* object, FastShape& shape) noexcept {
    if (PyLong_CheckExact(object)) {
      int overflow = 0;
      const long value = PyLong_AsLongAndOverflow(object, &overflow);
      scalar = static_cast<std::int32_t>(value);
      return overflow == 0 && scalar == value;
    }
    return read_array(object, 'i', sizeof scalar, rows, shape);
  }
};

template <>
struct FastInput<std::int64_t> {
  std::int64_t scalar = 0;
  Input<std::int64_t> rows{bytes(&scalar)};
  bool read(PyObject* object, FastShape& shape) noexcept {
    if (PyLong_CheckExact(object)) {
      scalar = PyLong_AsLongLong(object);
      if (scalar == -1 && PyErr_Occurred()) return PyErr_Clear(), false;
      return true;
    }
    return read_array(object, 'i', sizeof scalar, rows, shape);
  }
};

template <>
struct FastInput<std::string_view> {  // one text, or arrays of bytes
  std::string_view scalar;
  Input<std::string_view> rows{};
  bool read(PyObject* object, FastShape& shape) noexcept {
    if (PyUnicode_CheckExact(object) && PyUnicode_IS_COMPACT_ASCII(object)) {
      scalar = {reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(object)),
                static_cast<std::size_t>(PyUnicode_GET_LENGTH(object))};
      return true;
    }
    if (!PyArray_Check(object)) return false;
    rows.width = static_cast<std::size_t>(PyArray_ITEMSIZE(reinterpret_cast<PyArrayObject*>(object)));
    return rows.width > 0 && read_array(object, 'S', rows.width, rows, shape);
  }
};

// --- results -------------------------------------------------------------------------------------

inline PyObject* to_python(double value) { return PyFloat_FromDouble(value); }
inline PyObject* to_python(std::uint64_t value) { return PyLong_FromUnsignedLongLong(value); }
inline PyObject* to_python(std::int64_t value) { return PyLong_FromLongLong(value); }
inline PyObject* to_python(std::int32_t value) { return PyLong_FromLong(value); }
inline PyObject* to_python(bool value) { return PyBool_FromLong(value); }
template <std::size_t N>
PyObject* to_python(const Text<N>& value) {
  return PyUnicode_DecodeASCII(value.data(), static_cast<Py_ssize_t>(strnlen(value.data(), N)), nullptr);
}

template <class T>
inline T* data(PyObject* array) noexcept {
  return static_cast<T*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(array)));
}

// numpy's text: four bytes a character.
template <std::size_t N>
struct WideText {
  static constexpr std::size_t kBytes = 4 * N;
  std::uint32_t* to;

  void store(std::size_t row, const Text<N>& value) const noexcept { widen(value.data(), to + row * N, N); }

  class Column {
   public:
    explicit Column(std::uint32_t* to) noexcept : to_(to) {}
    std::uint8_t* block() noexcept { return narrow_; }
    void take(std::size_t n) noexcept {
      widen(narrow_, to_, n * N);
      to_ += n * N;
    }
    void end() noexcept {}

   private:
    std::uint32_t* to_;
    std::uint8_t narrow_[kBlockRows * N];
  };
  auto columns(std::size_t row, Blocks::Stream) const noexcept { return std::tuple<Column>(to + row * N); }

 private:
  template <class From>
  static void widen(const From* from, std::uint32_t* to, std::size_t n) noexcept {
    for (std::size_t k = 0; k < n; ++k) to[k] = static_cast<unsigned char>(from[k]);
  }
};

// The layout of results in numpy's arrays: type, axes of their own, and the output that writes there.
template <class R>
struct FastOutput;

template <class T, int kNumpyType>
struct FastScalars {
  static constexpr int kType = kNumpyType, kAxes = 0;
  static constexpr npy_intp kSize = sizeof(T), kDims[1] = {0};
  static Output<T> to(PyObject* array) noexcept { return {data<T>(array)}; }
  static PyObject* scalar(T value) { return to_python(value); }
};
template <>
struct FastOutput<double> : FastScalars<double, NPY_DOUBLE> {};
template <>
struct FastOutput<std::uint64_t> : FastScalars<std::uint64_t, sizeof(long) == 8 ? NPY_ULONG : NPY_ULONGLONG> {};
template <>
struct FastOutput<std::int64_t> : FastScalars<std::int64_t, sizeof(long) == 8 ? NPY_LONG : NPY_LONGLONG> {};
template <>
struct FastOutput<std::int32_t> : FastScalars<std::int32_t, NPY_INT> {};
template <>
struct FastOutput<bool> : FastScalars<bool, NPY_BOOL> {};

template <std::size_t N>
struct FastOutput<Text<N>> {
  static constexpr int kType = NPY_UNICODE, kAxes = 0;
  static constexpr npy_intp kSize = 4 * N, kDims[1] = {0};
  static WideText<N> to(PyObject* array) noexcept { return {data<std::uint32_t>(array)}; }
  static PyObject* scalar(const Text<N>& value) { return to_python(value); }
};

template <class T, std::size_t N>
struct FastArrays {
  static PyObject* scalar(const std::array<T, N>& value) {
    using O = FastOutput<std::array<T, N>>;
    PyObject* array = PyArray_EMPTY(O::kAxes, O::kDims, O::kType, 0);
    if (array != nullptr) O::to(array).store(0, value);
    return array;
  }
  static Output<std::array<T, N>> to(PyObject* array) noexcept { return {data<typename Layout<T>::Element>(array)}; }
};
template <class T, std::size_t N>
struct FastOutput<std::array<T, N>> : FastArrays<T, N> {
  static constexpr int kType = FastOutput<T>::kType, kAxes = 1;
  static constexpr npy_intp kSize = FastOutput<T>::kSize, kDims[1] = {N};
};
template <class T, std::size_t N, std::size_t M>
struct FastOutput<std::array<std::array<T, M>, N>> : FastArrays<std::array<T, M>, N> {
  static constexpr int kType = FastOutput<T>::kType, kAxes = 2;
  static constexpr npy_intp kSize = FastOutput<T>::kSize, kDims[2] = {N, M};
};

// A new array for results, or `out` itself if it fits; null without a Python error if it does not.
template <class R>
nb::object array_for(FastShape& shape, PyObject* out) {
  using O = FastOutput<R>;
  if (out != Py_None) {
    return shape.can_go_to(out, O::kType, O::kSize, O::kAxes, O::kDims) ? nb::borrow(out) : nb::object();
  }
  npy_intp dims[NPY_MAXDIMS + 2];
  std::copy_n(shape.dims, shape.ndim, dims);
  std::copy_n(O::kDims, O::kAxes, dims + shape.ndim);
  if (shape.ndim + O::kAxes > NPY_MAXDIMS) return {};
  if constexpr (O::kType == NPY_UNICODE) {
    PyArray_Descr* dtype = PyArray_DescrNewFromType(NPY_UNICODE);
    if (dtype == nullptr) return {};
    PyDataType_SET_ELSIZE(dtype, O::kSize);
    return nb::steal(PyArray_NewFromDescr(&PyArray_Type, dtype, shape.ndim, dims, nullptr, nullptr, 0, nullptr));
  } else {
    return nb::steal(PyArray_EMPTY(shape.ndim + O::kAxes, dims, O::kType, 0));
  }
}

// The GIL is released if there are enough rows.
class WithoutGil {
 public:
  explicit WithoutGil(bool wanted) noexcept : state_(wanted ? PyEval_SaveThread() : nullptr) {}
  ~WithoutGil() {
    if (state_ != nullptr) PyEval_RestoreThread(state_);
  }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

template <auto Kernel, auto Checker, auto Block, class R, class... A>
struct Fast {
  static PyObject* call(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
    if (count != static_cast<Py_ssize_t>(sizeof...(A)) + 2) Py_RETURN_NOTIMPLEMENTED;
    return go(arguments, std::index_sequence_for<A...>{});
  }

 private:
  template <std::size_t... I>
  static PyObject* go(PyObject* const* arguments, std::index_sequence<I...>) {
    std::tuple<FastInput<A>...> in;
    FastShape shape;
    PyObject* out = arguments[sizeof...(A)];
    if (!(std::get<I>(in).read(arguments[I], shape) && ...)) Py_RETURN_NOTIMPLEMENTED;
    if (shape.ndim < 0) {
      if (out != Py_None || Checker(std::get<I>(in).scalar...) != Check::kOk) Py_RETURN_NOTIMPLEMENTED;
      return scalar(Kernel(std::get<I>(in).scalar...));
    }
    const std::tuple<Input<A>...> rows{std::get<I>(in).rows...};
    return array(shape, rows, out, arguments[sizeof...(A) + 1] == Py_True);
  }

  template <class T>
  static PyObject* scalar(const T& value) {
    return FastOutput<T>::scalar(value);
  }
  template <class T, class U>
  static PyObject* scalar(const std::pair<T, U>& value) {
    return pair(nb::steal(to_python(value.first)), nb::steal(to_python(value.second)));
  }
  static PyObject* pair(const nb::object& first, const nb::object& second) {
    return first.is_valid() && second.is_valid() ? PyTuple_Pack(2, first.ptr(), second.ptr()) : nullptr;
  }

  static PyObject* array(FastShape& shape, const std::tuple<Input<A>...>& in, PyObject* out, bool exact) {
    if constexpr (requires { typename R::first_type; }) {
      using T = typename R::first_type;
      using U = typename R::second_type;
      PyObject *out1 = Py_None, *out2 = Py_None;
      if (out != Py_None) {
        if (!PyTuple_CheckExact(out) || PyTuple_GET_SIZE(out) != 2) Py_RETURN_NOTIMPLEMENTED;
        out1 = PyTuple_GET_ITEM(out, 0);
        out2 = PyTuple_GET_ITEM(out, 1);
        if (out1 == Py_None || out2 == Py_None) Py_RETURN_NOTIMPLEMENTED;
      }
      const nb::object first = array_for<T>(shape, out1), second = array_for<U>(shape, out2);
      if (!first.is_valid() || !second.is_valid()) return without_result();
      if (!run(shape, in, Output<R>{data<T>(first.ptr()), data<U>(second.ptr())}, exact)) return without_result();
      return pair(first, second);
    } else {
      nb::object result = array_for<R>(shape, out);
      if (!result.is_valid() || !run(shape, in, FastOutput<R>::to(result.ptr()), exact)) return without_result();
      return result.release().ptr();
    }
  }

  // Fills the rows; false if one is invalid or the user stops it.
  template <class To>
  static bool run(const FastShape& shape, const std::tuple<Input<A>...>& in, const To& to, bool exact) {
    const WithoutGil without(shape.n > 1000);
    try {
      return Loop<Kernel, Checker, Block, R, To, A...>{in, to, exact}.run(static_cast<std::size_t>(shape.n)).count == 0;
    } catch (const Interrupted&) {  // the Python error is set already
      return false;
    }
  }

  static PyObject* without_result() {
    if (PyErr_Occurred() != nullptr) return nullptr;
    Py_RETURN_NOTIMPLEMENTED;
  }
};

// `call(name, *values, on_invalid=, out=, exact=, as_bytes=)` of the dispatcher: the fast entry of that name, if fast
// paths are enabled and the entry recognizes the values; else `slow_path` with the same arguments.
//
// It owns a tuple: the slow path, the fast entries by name.
class FastCall {
 public:
  static inline bool is_enabled = true;

  static nb::object make(nb::handle slow_path, nb::handle entries) {
    static PyMethodDef method = {"call", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&call)),
                                 METH_FASTCALL | METH_KEYWORDS, nullptr};
    return nb::steal(PyCFunction_New(&method, nb::make_tuple(slow_path, entries).release().ptr()));
  }

 private:
  static constexpr Py_ssize_t kMostValues = 4;

  static PyObject* call(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
    PyObject* found = fast(self, arguments, count, names);
    if (found != Py_NotImplemented) return found;
    Py_DECREF(found);
    return PyObject_Vectorcall(PyTuple_GET_ITEM(self, 0), arguments, static_cast<std::size_t>(count), names);
  }

  static bool is(PyObject* text, const char* what) { return PyUnicode_CompareWithASCIIString(text, what) == 0; }

  static PyObject* fast(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
    if (!is_enabled || count < 1 || count > 1 + kMostValues || !PyUnicode_CheckExact(arguments[0]))
      Py_RETURN_NOTIMPLEMENTED;
    PyObject* entry = PyDict_GetItemWithError(PyTuple_GET_ITEM(self, 1), arguments[0]);
    if (entry == nullptr) {
      if (PyErr_Occurred() != nullptr) return nullptr;
      Py_RETURN_NOTIMPLEMENTED;
    }
    PyObject* values[kMostValues + 2];
    std::copy(arguments + 1, arguments + count, values);
    PyObject*& out = values[count - 1] = Py_None;
    PyObject*& exact = values[count] = Py_False;
    for (Py_ssize_t k = 0; names != nullptr && k < PyTuple_GET_SIZE(names); ++k) {
      PyObject* name = PyTuple_GET_ITEM(names, k);
      PyObject* value = arguments[count + k];
      if (is(name, "out")) {
        out = value;
      } else if (is(name, "exact")) {
        if (value != Py_True && value != Py_False) Py_RETURN_NOTIMPLEMENTED;
        exact = value;
      } else if (is(name, "on_invalid")) {
        const bool known =
            PyUnicode_CheckExact(value) && (is(value, "raise") || is(value, "null") || is(value, "warn"));
        if (!known) Py_RETURN_NOTIMPLEMENTED;
      } else if (value != Py_False) {
        Py_RETURN_NOTIMPLEMENTED;
      }
    }
    const auto function = reinterpret_cast<PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t)>(
        reinterpret_cast<void (*)()>(PyCFunction_GET_FUNCTION(entry)));
    return function(nullptr, values, count + 1);
  }
};

}  // namespace cellwise::bindings
