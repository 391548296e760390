// Coverings of geometries whose edges are straight in longitude and latitude.

#pragma once

#include <nanobind/nanobind.h>

namespace cellwise::bindings {

void add_planar(nanobind::module_& m);

}  // namespace cellwise::bindings
