// Coverings and cell unions for Python: vectors become numpy arrays without a copy, Ctrl-C is looked for on the way.

#pragma once

#include <nanobind/nanobind.h>

namespace cellwise::bindings {

void add_coverings(nanobind::module_& m);

}  // namespace cellwise::bindings
