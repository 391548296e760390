// Geometries as arrays: rows of chains of vertices, as cellwise.geometries makes them.

#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <span>

#include "cellwise/planar.h"

namespace cellwise::bindings {

struct Chains {
  template <class T>
  using In = nanobind::ndarray<const T, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;

  using Positions = nanobind::ndarray<const double, nanobind::shape<-1, 2>, nanobind::c_contig, nanobind::device::cpu>;

  Positions xy;              // longitudes and latitudes, degrees
  In<std::int64_t> offsets;  // chain k: vertices offsets[k] .. offsets[k + 1] - 1
  In<std::uint8_t> roles;    // of chains: cellwise::Role
  In<std::int64_t> rows;     // row r: chains rows[r] .. rows[r + 1] - 1

  std::size_t size() const { return rows.size() - 1; }
  std::span<const LngLat> positions() const { return {reinterpret_cast<const LngLat*>(xy.data()), xy.shape(0)}; }
};

}  // namespace cellwise::bindings
