// The native backend: rows in table order, then what is no row.

#define CELLWISE_IMPORTS_NUMPY
#include "rows.h"

#include "cellwise/adjacency.h"
#include "cellwise/conversion.h"
#include "cellwise/geometry.h"
#include "cellwise/hierarchy.h"
#include "groups.h"
#include "neighbors.h"
#include "shapes.h"
#include "shrinkage.h"

namespace cellwise::bindings {

NB_MODULE(_native, m) {
  if (_import_array() < 0) throw nb::python_error();
  static std::uint64_t interrupt_checks = 0;  // guarded by the GIL
  interrupted = [] {
    nb::gil_scoped_acquire acquire;
    ++interrupt_checks;
    return PyErr_CheckSignals() != 0;
  };
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const Interrupted&) {  // the Python error is set already
    }
  });
  default_num_threads = [] {
    nb::gil_scoped_acquire acquire;
    try {
      return nb::cast<std::size_t>(nb::module_::import_("cellwise._config").attr("default_num_threads")());
    } catch (const std::exception&) {  // such as during shutdown of the interpreter
      return std::size_t{1};
    }
  };
  m.doc() = "Native kernels of cellwise; called by cellwise._backend only.";
  {
    Rows rows(m);
    // conversion
    rows.add<&latlng_to_cell, &check_latlng_to_cell, &Blocks::latlng_to_cell>("latlng_to_cell")
        .add<&cell_to_latlng, &check_cell, &Blocks::cell_to_latlng>("cell_to_latlng")
        .add<&point_to_cell, &check_point_to_cell>("point_to_cell")
        .add<&cell_to_point, &check_cell>("cell_to_point")
        .add<&cell_to_token, &check_cell, &Blocks::cell_to_token>("cell_to_token")
        .add<&token_to_cell, &check_token_to_cell, &Blocks::token_to_cell>("token_to_cell")
        .add<&cell_to_int64, &check_cell>("cell_to_int64")
        .add<&int64_to_cell, &check_int64_to_cell>("int64_to_cell")
        .add<&cell_to_string, &check_cell>("cell_to_string")
        .add<&string_to_cell, &check_string_to_cell>("string_to_cell");
    // hierarchy
    rows.add<&cell_is_valid, &check_cell_is_valid, &Blocks::cell_is_valid>("cell_is_valid")
        .add<&cell_level, &check_cell, &Blocks::cell_level>("cell_level")
        .add<&cell_face, &check_cell, &Blocks::cell_face>("cell_face")
        .add<&cell_is_leaf, &check_cell, &Blocks::cell_is_leaf>("cell_is_leaf")
        .add<&cell_parent, &check_cell_parent, &Blocks::cell_parent>("cell_parent")
        .add<&cell_child, &check_cell_child>("cell_child")
        .add<&cell_range_min, &check_cell, &Blocks::cell_range_min>("cell_range_min")
        .add<&cell_range_max, &check_cell, &Blocks::cell_range_max>("cell_range_max")
        .add<&cell_contains, &check_cells, &Blocks::cell_contains>("cell_contains")
        .add<&cell_intersects, &check_cells, &Blocks::cell_intersects>("cell_intersects")
        .add<&cell_common_ancestor, &check_cells>("cell_common_ancestor")
        .add_ragged<CellChildren, &check_cell_children>("cell_children");
    // adjacency
    rows.add<&cell_next, &check_cell>("cell_next")
        .add<&cell_prev, &check_cell>("cell_prev")
        .add<&cell_advance, &check_cell_advance>("cell_advance")
        .add<&cell_edge_neighbors, &check_cell, &Blocks::cell_edge_neighbors>("cell_edge_neighbors")
        .add_ragged<CellVertexNeighbors, &check_cell_vertex_neighbors>("cell_vertex_neighbors")
        .add_ragged<CellAllNeighbors, &check_cell_children, &Blocks::cell_all_neighbors>("cell_all_neighbors")
        .add_ragged<CellDisk, &check_cell_steps>("cell_disk")
        .add_ragged<CellRing, &check_cell_steps>("cell_ring");
    // geometry
    rows.add<&cell_ij, &check_cell>("cell_ij")
        .add<&cell_vertices, &check_cell, &Blocks::cell_vertices>("cell_vertices")
        .add<&cell_bounds, &check_cell>("cell_bounds")
        .add<&cell_area, &check_cell>("cell_area")
        .add<&cell_distance, &check_cells>("cell_distance")
        .add<&latlng_distance, &check_latlng_distance>("latlng_distance");
    rows.publish();
  }
  add_groups(m);
  add_neighbors(m);
  add_shapes(m);
  add_shrinkage(m);
  std::size_t n = 0;
  const Blocks* found = blocks_available(n);
  nb::list names;
  for (std::size_t k = 0; k < n; ++k) names.append(found[k].name);
  m.attr("INSTRUCTION_SETS") = nb::tuple(names);
  m.def("choose_instruction_set", &choose_blocks, nb::arg("name"));
  m.def("instruction_set", [] { return blocks().name; });
  m.def("fast_call", &FastCall::make, nb::arg("slow_path"), nb::arg("entries"));
  m.def("enable_fast_path", [](bool enabled) { FastCall::is_enabled = enabled; }, nb::arg("enabled"));
  m.def("set_num_threads", &set_num_threads, nb::arg("n"));
  m.def("num_threads", &num_threads);
  // A measure of work that does not depend on the machine.
  m.def("interrupt_checks", [] { return interrupt_checks; });
  m.attr("COMPILER") = CELLWISE_COMPILER;
  m.attr("FLAGS") = CELLWISE_FLAGS;
}

}  // namespace cellwise::bindings
