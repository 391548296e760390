// Shrinkage of the estimates of a level, for Python.

#pragma once

#include <nanobind/nanobind.h>

namespace cellwise::bindings {

void add_shrinkage(nanobind::module_& m);

}  // namespace cellwise::bindings
