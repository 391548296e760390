// Rows grouped by cell, for Python: counts, an index of cells, and sums over groups.

#pragma once

#include <nanobind/nanobind.h>

namespace cellwise::bindings {

void add_groups(nanobind::module_& m);

}  // namespace cellwise::bindings
