// Options of coverings from Python, and the limits that coverings meet to Python.

#pragma once

#include <nanobind/nanobind.h>

#include <type_traits>

#include "cellwise/cover_options.h"

namespace cellwise::bindings {

// The fields of a cellwise._cover_options.CoverOptions.
inline CoverOptions cover_options(nanobind::handle given) {
  CoverOptions options;
  CoverOptions::visit_fields(options, [&](const char* name, auto& field) {
    field = nanobind::cast<std::remove_reference_t<decltype(field)>>(given.attr(name));
  });
  return options;
}

// Names of the fields, for Python to compare.
inline nanobind::tuple cover_option_names() {
  nanobind::list names;
  const CoverOptions options;
  CoverOptions::visit_fields(options, [&](const char* name, const auto&) { names.append(name); });
  return nanobind::tuple(names);
}

// Lets a CoverLimit reach Python as a cellwise._cover_options.CoverLimit.
inline void translate_cover_limits() {
  nanobind::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const CoverLimit& limit) {
      constexpr const char* kNames[] = {"estimate", "cells", "candidates"};
      const nanobind::object type = nanobind::module_::import_("cellwise._cover_options").attr("CoverLimit");
      const nanobind::object error =
          type(kNames[static_cast<int>(limit.kind)], limit.cells, limit.candidates, limit.row);
      PyErr_SetObject(type.ptr(), error.ptr());
    }
  });
}

}  // namespace cellwise::bindings
