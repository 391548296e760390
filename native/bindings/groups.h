// Rows grouped by cell, for Python: counts, a vocabulary of cells to look others up in, and sums over groups.

#pragma once

#include <nanobind/nanobind.h>

namespace cellwise::bindings {

void add_groups(nanobind::module_& m);

}  // namespace cellwise::bindings
