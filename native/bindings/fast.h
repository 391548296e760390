// The short way into a kernel: Python scalars and contiguous arrays of the kernel's own types, without the dispatcher.
//
// A fast entry takes positional arguments only. Where it meets anything that it does not know at once (another dtype,
// a list, a Series, arrays of different shapes), or a row is invalid, it answers NotImplemented, and the dispatcher
// takes the long way, which gives the same results and the messages. Arrays too long to be done in one go go that way
// as well, where Ctrl-C is looked for between chunks.

#pragma once

#include <nanobind/nanobind.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL cellwise_numpy
#ifndef CELLWISE_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <tuple>
#include <utility>

#include "cellwise/conversion.h"
#include "loop.h"

namespace cellwise::bindings {

inline constexpr npy_intp kLongestFast = 1 << 19;  // rows: a tenth of a second at most

// What the arguments have told so far.
struct FastShape {
  int ndim = -1;  // of the arrays; -1 while there are only scalars
  npy_intp dims[NPY_MAXDIMS];
  npy_intp n = 1;

  // True if the array fits: contiguous, aligned, in native byte order, shaped like the others.
  bool take(PyArrayObject* array) noexcept {
    if (!PyArray_ISCARRAY_RO(array) || !PyArray_CheckExact(array)) return false;
    if (ndim < 0) {
      ndim = PyArray_NDIM(array);
      std::copy_n(PyArray_DIMS(array), ndim, dims);
      n = PyArray_SIZE(array);
      return ndim > 0;
    }
    return ndim == PyArray_NDIM(array) && std::equal(dims, dims + ndim, PyArray_DIMS(array));
  }
};

template <class T>
struct FastInput {  // no type that is not listed below
  const typename Layout<T>::Element* data = nullptr;
  T scalar{};
  bool read(PyObject*, FastShape&) noexcept { return false; }
};

template <class T>
inline bool read_array(PyObject* object, char kind, const T*& data, FastShape& shape) noexcept {
  if (!PyArray_Check(object)) return false;
  auto* array = reinterpret_cast<PyArrayObject*>(object);
  const PyArray_Descr* dtype = PyArray_DESCR(array);
  if (dtype->kind != kind || PyDataType_ELSIZE(dtype) != sizeof(T) || !shape.take(array)) return false;
  data = static_cast<const T*>(PyArray_DATA(array));
  return true;
}

template <>
struct FastInput<double> {
  const double* data = nullptr;
  double scalar = 0;
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
    return read_array(object, 'f', data, shape);
  }
};

template <>
struct FastInput<std::uint64_t> {
  const std::uint64_t* data = nullptr;
  std::uint64_t scalar = 0;
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
    return read_array(object, 'u', data, shape);
  }
};

template <>
struct FastInput<std::int32_t> {
  const std::int32_t* data = nullptr;
  std::int32_t scalar = 0;
  bool read(PyObject* object, FastShape& shape) noexcept {
    if (PyLong_CheckExact(object)) {
      int overflow = 0;
      const long value = PyLong_AsLongAndOverflow(object, &overflow);
      scalar = static_cast<std::int32_t>(value);
      return overflow == 0 && scalar == value;
    }
    return read_array(object, 'i', data, shape);
  }
};

template <>
struct FastInput<std::int64_t> {
  const std::int64_t* data = nullptr;
  std::int64_t scalar = 0;
  bool read(PyObject* object, FastShape& shape) noexcept {
    if (PyLong_CheckExact(object)) {
      scalar = PyLong_AsLongLong(object);
      if (scalar == -1 && PyErr_Occurred()) return PyErr_Clear(), false;
      return true;
    }
    return read_array(object, 'i', data, shape);
  }
};

template <>
struct FastInput<std::string_view> {  // one text, no arrays of them
  const std::uint8_t* data = nullptr;
  std::string_view scalar;
  bool read(PyObject* object, FastShape&) noexcept {
    if (!PyUnicode_CheckExact(object) || !PyUnicode_IS_COMPACT_ASCII(object)) return false;
    scalar = {reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(object)), static_cast<std::size_t>(PyUnicode_GET_LENGTH(object))};
    return true;
  }
};

// --- results -----------------------------------------------------------------------------------------------------------

inline PyObject* to_python(double value) { return PyFloat_FromDouble(value); }
inline PyObject* to_python(std::uint64_t value) { return PyLong_FromUnsignedLongLong(value); }
inline PyObject* to_python(std::int64_t value) { return PyLong_FromLongLong(value); }
inline PyObject* to_python(std::int32_t value) { return PyLong_FromLong(value); }
inline PyObject* to_python(bool value) { return PyBool_FromLong(value); }
template <std::size_t N>
PyObject* to_python(const Text<N>& value) {
  return PyUnicode_DecodeASCII(value.data(), static_cast<Py_ssize_t>(strnlen(value.data(), N)), nullptr);
}

// Type number of a result's elements, its own shape, and where its rows go.
template <class R>
struct FastOutput;

template <class T, int kType>
struct FastScalars {
  using Element = T;
  static PyObject* make(FastShape& shape) { return PyArray_EMPTY(std::max(shape.ndim, 0), shape.dims, kType, 0); }
  static void store(T value, T* row) noexcept { *row = value; }
  static constexpr std::size_t kWidth = 1;
  static PyObject* scalar(T value) { return to_python(value); }
};
template <>
struct FastOutput<double> : FastScalars<double, NPY_DOUBLE> {};
template <>
struct FastOutput<std::uint64_t> : FastScalars<std::uint64_t, NPY_UINT64> {};
template <>
struct FastOutput<std::int64_t> : FastScalars<std::int64_t, NPY_INT64> {};
template <>
struct FastOutput<std::int32_t> : FastScalars<std::int32_t, NPY_INT32> {};
template <>
struct FastOutput<bool> : FastScalars<bool, NPY_BOOL> {};

template <std::size_t N>
struct FastOutput<Text<N>> {  // numpy text: four bytes a character
  using Element = std::uint32_t;
  static constexpr std::size_t kWidth = N;
  static PyObject* make(FastShape& shape) {
    PyArray_Descr* dtype = PyArray_DescrNewFromType(NPY_UNICODE);
    if (dtype == nullptr) return nullptr;
    PyDataType_SET_ELSIZE(dtype, 4 * N);
    return PyArray_NewFromDescr(&PyArray_Type, dtype, shape.ndim, shape.dims, nullptr, nullptr, 0, nullptr);
  }
  static void store(const Text<N>& value, std::uint32_t* row) noexcept {
    for (std::size_t k = 0; k < N; ++k) row[k] = static_cast<unsigned char>(value[k]);
  }
  static PyObject* scalar(const Text<N>& value) { return to_python(value); }
};

template <class T, std::size_t N>
struct FastOutput<std::array<T, N>> {
  using Inner = FastOutput<T>;
  using Element = typename Inner::Element;
  static constexpr std::size_t kWidth = N * Inner::kWidth;
  static PyObject* make(FastShape& shape) {
    FastShape wider = shape;
    wider.ndim = std::max(shape.ndim, 0);
    if (wider.ndim + 2 > NPY_MAXDIMS) return nullptr;
    wider.dims[wider.ndim++] = N;
    return Inner::make(wider);
  }
  static void store(const std::array<T, N>& value, Element* row) noexcept {
    for (std::size_t k = 0; k < N; ++k) Inner::store(value[k], row + k * Inner::kWidth);
  }
  static PyObject* scalar(const std::array<T, N>& value) {
    FastShape none;
    PyObject* array = make(none);
    if (array != nullptr) store(value, static_cast<Element*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(array))));
    return array;
  }
};

// The GIL is let go where the rows are worth it.
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
    if (count != static_cast<Py_ssize_t>(sizeof...(A))) Py_RETURN_NOTIMPLEMENTED;
    return go(arguments, std::index_sequence_for<A...>{});
  }

 private:
  template <std::size_t... I>
  static PyObject* go(PyObject* const* arguments, std::index_sequence<I...>) {
    std::tuple<FastInput<std::remove_cvref_t<A>>...> in;
    FastShape shape;
    if (!(std::get<I>(in).read(arguments[I], shape) && ...)) Py_RETURN_NOTIMPLEMENTED;
    if (shape.ndim < 0) {
      if (Checker(std::get<I>(in).scalar...) != Check::kOk) Py_RETURN_NOTIMPLEMENTED;
      return scalar(Kernel(std::get<I>(in).scalar...));
    }
    if (shape.n > kLongestFast) Py_RETURN_NOTIMPLEMENTED;
    return array(shape, std::get<I>(in)...);
  }

  template <class T>
  static PyObject* scalar(const T& value) {
    return FastOutput<T>::scalar(value);
  }
  template <class T, class U>
  static PyObject* scalar(const std::pair<T, U>& value) {
    return pair(to_python(value.first), to_python(value.second));
  }
  static PyObject* pair(PyObject* first, PyObject* second) {
    PyObject* both = first && second ? PyTuple_Pack(2, first, second) : nullptr;
    Py_XDECREF(first);
    Py_XDECREF(second);
    return both;
  }

  template <class T>
  static Input<T> input(const FastInput<std::remove_cvref_t<T>>& in) noexcept {
    using Element = typename Layout<std::remove_cvref_t<T>>::Element;
    if constexpr (std::is_same_v<Element, std::remove_cvref_t<T>>) {
      return in.data != nullptr ? Input<T>(in.data, 1, 1) : Input<T>(&in.scalar, 1, 0);
    } else {
      return Input<T>(in.data, 1, 0);  // has no arrays: never asked for
    }
  }

  // Runs the rows; false if one is invalid, or the user interrupts.
  template <class Store, class To>
  static bool rows(const FastShape& shape, Store store, To* to, const FastInput<std::remove_cvref_t<A>>&... in) {
    const std::tuple<Input<A>...> inputs{input<A>(in)...};
    const WithoutGil without(shape.n > 1000);
    try {
      return compute<Kernel, Checker, Block, R>(inputs, static_cast<std::size_t>(shape.n), store, to).count == 0;
    } catch (const Interrupted&) {  // Python knows why
      return false;
    }
  }

  template <class T>
  static T* data(PyObject* array) noexcept {
    return static_cast<T*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(array)));
  }

  static PyObject* array(FastShape& shape, const FastInput<std::remove_cvref_t<A>>&... in) {
    if constexpr (requires { typename R::first_type; }) {
      using T = typename R::first_type;
      using U = typename R::second_type;
      PyObject* both = pair(FastOutput<T>::make(shape), FastOutput<U>::make(shape));
      if (both == nullptr) return nullptr;
      T* first = data<T>(PyTuple_GET_ITEM(both, 0));
      U* second = data<U>(PyTuple_GET_ITEM(both, 1));
      const auto store = [=](std::size_t k, const R& value) { std::tie(first[k], second[k]) = value; };
      if (rows(shape, store, first, in...)) return both;
      Py_DECREF(both);
    } else {
      using Output = FastOutput<R>;
      PyObject* out = Output::make(shape);
      if (out == nullptr) return nullptr;
      auto* to = data<typename Output::Element>(out);
      const auto store = [=](std::size_t k, const R& value) { Output::store(value, to + k * Output::kWidth); };
      if (rows(shape, store, to, in...)) return out;
      Py_DECREF(out);
    }
    if (PyErr_Occurred() != nullptr) return nullptr;
    Py_RETURN_NOTIMPLEMENTED;
  }
};

}  // namespace cellwise::bindings
