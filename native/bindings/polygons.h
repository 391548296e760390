// Polygons and polylines with geodesic edges for Python: built once, asked many times.

#pragma once

#include <nanobind/nanobind.h>

namespace cellwise::bindings {

void add_polygons(nanobind::module_& m);

}  // namespace cellwise::bindings
