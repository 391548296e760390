// Regions with a margin for Python.

#pragma once

#include <nanobind/nanobind.h>

namespace cellwise::bindings {

void add_buffered(nanobind::module_& m);

}  // namespace cellwise::bindings
