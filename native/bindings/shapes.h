// Shapes of regions, and coverings of rows of geometries, for Python.

#pragma once

#include <nanobind/nanobind.h>

namespace cellwise::bindings {

void add_shapes(nanobind::module_& m);

}  // namespace cellwise::bindings
