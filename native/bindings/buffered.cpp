#include "buffered.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "cellwise/buffered.h"
#include "cellwise/parallel.h"
#include "cellwise/polygon.h"
#include "chains.h"
#include "cover.h"

namespace cellwise::bindings {

namespace {

using Degrees = Chains::In<double>;
using Flags = nb::ndarray<bool, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// The edges of chains, as geodesics.
std::vector<BufferedRegion::SubEdge> geodesics(const Chains& chains) {
  std::vector<BufferedRegion::SubEdge> made;
  const auto point = [at = chains.positions()](std::int64_t v) { return latlng_to_point(at[v].lat, at[v].lng); };
  for (std::size_t k = 0; k < chains.roles.size(); ++k) {
    const std::int64_t first = chains.offsets.data()[k], end = chains.offsets.data()[k + 1];
    const bool is_ring = chains.roles.data()[k] != kLineRole;
    for (std::int64_t v = first; v < end; ++v) {
      if (v + 1 == end && !is_ring && v > first) break;
      const std::int64_t next = v + 1 < end ? v + 1 : first;
      made.push_back({{}, {}, point(v), point(next), 0});
    }
  }
  return made;
}

}  // namespace

void add_buffered(nb::module_& m) {
  nb::class_<BufferedRegion>(m, "BufferedRegion")
      // Planar chains, or geodesic ones and the polygons that they bound.
      .def(
          "__init__",
          [](BufferedRegion* self, Chains::Positions xy, Chains::In<std::int64_t> offsets,
             Chains::In<std::uint8_t> roles, double radius, bool planar, std::vector<const Polygon*> polygons) {
            const Chains chains = {xy, offsets, roles, {}};
            nb::gil_scoped_release release;
            if (planar) {
              PlanarShape shape(chains.positions(), {offsets.data(), offsets.size()}, {roles.data(), roles.size()});
              std::vector<BufferedRegion::SubEdge> sub_edges = BufferedRegion::sub_edges_of(shape);
              new (self) BufferedRegion(std::move(sub_edges), radius, [shape = std::move(shape)](const Point& p) {
                return shape.encloses(radians_to_degrees(point_lat(p)), radians_to_degrees(point_lng(p)));
              });
            } else {
              new (self) BufferedRegion(geodesics(chains), radius, [polygons = std::move(polygons)](const Point& p) {
                return std::any_of(polygons.begin(), polygons.end(),
                                   [&](const Polygon* each) { return each->contains(p); });
              });
            }
          },
          nb::keep_alive<1, 7>())
      .def("contains",
           [](const BufferedRegion& self, Degrees lat, Degrees lng, Flags out) {
             nb::gil_scoped_release release;
             for (std::size_t k = 0; k < out.size(); ++k) {
               out.data()[k] = self.contains(latlng_to_point(lat.data()[k], lng.data()[k]));
             }
           })
      .def("cover", [](const BufferedRegion& self, CoverArguments::Tuple arguments) {
        return cover([&] { return self; }, arguments);
      });
}

}  // namespace cellwise::bindings
