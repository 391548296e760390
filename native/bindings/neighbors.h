// Nearest neighbors for Python: a tree in a capsule, and searches for many queries at once without the GIL.

#pragma once

#include <nanobind/nanobind.h>

namespace cellwise::bindings {

void add_neighbors(nanobind::module_& m);

}  // namespace cellwise::bindings
