#include "shapes.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "cellwise/cover_rows.h"
#include "cellwise/covering.h"
#include "cellwise/shapes.h"
#include "cover_options.h"
#include "results.h"

namespace cellwise::bindings {

namespace nb = nanobind;

namespace {

using Positions = nb::ndarray<const double, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;
using Flags = nb::ndarray<bool, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class T>
std::span<const T> span_of(const In<T>& array) {
  return {array.data(), array.size()};
}

std::vector<Point> to_points(const In<double>& lat, const In<double>& lng) {
  if (lat.size() != lng.size()) throw nb::value_error("lat and lng must have the same length");
  std::vector<Point> points(lat.size());
  for (std::size_t k = 0; k < points.size(); ++k) points[k] = latlng_to_point(lat.data()[k], lng.data()[k]);
  return points;
}

// The arrays of a cellwise.regions.chains.Chains, which are looked into while they are held.
struct HeldChains {
  Positions xy;
  In<std::int64_t> offsets;
  In<std::uint8_t> roles;
  In<std::int64_t> rows;

  explicit HeldChains(nb::handle chains)
      : xy(nb::cast<Positions>(chains.attr("xy"))), offsets(nb::cast<In<std::int64_t>>(chains.attr("offsets"))),
        roles(nb::cast<In<std::uint8_t>>(chains.attr("roles"))), rows(nb::cast<In<std::int64_t>>(chains.attr("rows"))) {
    const auto n_vertices = static_cast<std::int64_t>(xy.shape(0)), n_chains = static_cast<std::int64_t>(roles.size());
    if (!are_offsets(offsets, n_vertices) || offsets.size() != roles.size() + 1 || !are_offsets(rows, n_chains)) {
      throw nb::value_error("chains must have ascending offsets, of vertices and of chains, from 0 to their number");
    }
  }
  ChainRows view() const {
    return {{reinterpret_cast<const LngLat*>(xy.data()), xy.shape(0)}, span_of(offsets), span_of(roles), span_of(rows)};
  }

 private:
  static bool are_offsets(const In<std::int64_t>& array, std::int64_t n) {
    const auto all = span_of(array);
    return !all.empty() && all.front() == 0 && all.back() == n && std::is_sorted(all.begin(), all.end());
  }
};

template <class Membership>
void write_membership(const Membership& contains, const In<double>& lat, const In<double>& lng, const Flags& out) {
  if (lat.size() != out.size() || lng.size() != out.size())
    throw nb::value_error("lat, lng and out must have one length");
  const double *y = lat.data(), *x = lng.data();
  bool* to = out.data();
  const std::size_t n = out.size();
  nb::gil_scoped_release release;
  for (std::size_t k = 0; k < n; ++k) to[k] = contains(y[k], x[k]);
}

template <Shape S>
nb::object covering_of(const S& shape, nb::handle given) {
  const CoverOptions options = cover_options(given);
  std::vector<std::uint64_t> cells;
  {
    nb::gil_scoped_release release;
    shape.cover(options, cells);
  }
  return nb::cast(to_numpy(std::move(cells)));
}

// A class of a shape, with the methods that all shapes have.
template <Shape S>
nb::class_<S> add_shape(nb::module_& m, const char* name) {
  return nb::class_<S>(m, name)
      .def("area", &S::area)
      .def(
          "contains",
          [](const S& self, const In<double>& lat, const In<double>& lng, const Flags& out) {
            write_membership(self.membership(), lat, lng, out);
          },
          nb::arg("lat"), nb::arg("lng"), nb::arg("out"))
      .def("cover", &covering_of<S>, nb::arg("options"));
}

// A planar shape, the arrays that it looks into, and what it is asked for positions once it has been made.
struct HeldPlanarShape {
  HeldChains chains;
  PlanarShape shape;
  std::optional<PlanarMembership> contains{};

  explicit HeldPlanarShape(nb::handle given) : chains(given), shape(chains.view()[0]) {}
};

const char* name_of(RingFault fault) {
  switch (fault) {
    case RingFault::kNone: return "none";
    case RingFault::kFewVertices: return "few vertices";
    case RingFault::kOppositeNeighbors: return "opposite neighbors";
    case RingFault::kCrossesItself: return "crosses itself";
    case RingFault::kTouchesItself: return "touches itself";
    case RingFault::kRepeatsEdge: return "repeats edge";
    case RingFault::kCrossesRing: return "crosses ring";
    case RingFault::kSharesEdge: return "shares edge";
    default: return "wrong nesting";
  }
}

// Calls f with the kind of the rows.
template <class F>
RowCells with_rows(std::string_view edges, bool oriented, double radius, const F& f) {
  if (edges == "planar") return radius > 0 ? f(BufferedRows(PlanarRows{}, radius)) : f(PlanarRows{});
  const GeodesicRows rows(oriented);
  return radius > 0 ? f(BufferedRows(rows, radius)) : f(rows);
}

}  // namespace

void add_shapes(nb::module_& m) {
  translate_cover_limits();
  m.attr("COVER_OPTIONS") = cover_option_names();
  m.def("normalize_cells", [](const In<std::uint64_t>& cells) {
    std::vector<std::uint64_t> copy(cells.data(), cells.data() + cells.size());
    {
      nb::gil_scoped_release release;
      normalize_cells(copy);
    }
    return to_numpy(std::move(copy));
  });
  m.def("candidate_limit", [](nb::handle given, double area) {
    const auto area_of = [=] { return area; };
    return candidate_limit(cover_options(given), area_of, area_of);
  });

  add_shape<RectShape>(m, "RectShape")
      .def(nb::init<double, double, double, double>(), nb::arg("lat_lo"), nb::arg("lat_hi"), nb::arg("lng_lo"),
           nb::arg("lng_hi"));
  add_shape<CapShape>(m, "CapShape")
      .def(
          "__init__",
          [](CapShape* self, const In<double>& center, double radius2) {
            if (center.size() != 3) throw nb::value_error("center must have three coordinates");
            new (self) CapShape({center.data()[0], center.data()[1], center.data()[2]}, radius2);
          },
          nb::arg("center"), nb::arg("radius2"));
  add_shape<CellsShape>(m, "CellsShape")
      .def(
          "__init__", [](CellsShape* self, const In<std::uint64_t>& cells) { new (self) CellsShape(span_of(cells)); },
          nb::arg("cells"), nb::keep_alive<1, 2>());
  add_shape<PolygonShape>(m, "PolygonShape")
      .def(
          "__init__",
          [](PolygonShape* self, const In<double>& lat, const In<double>& lng, const In<std::uint32_t>& offsets,
             const In<std::uint32_t>& shell_of, bool oriented) {
            const std::vector<Point> points = to_points(lat, lng);
            nb::gil_scoped_release release;
            new (self) PolygonShape(points, span_of(offsets), span_of(shell_of), oriented);
          },
          nb::arg("lat"), nb::arg("lng"), nb::arg("offsets"), nb::arg("shell_of"), nb::arg("oriented"))
      // The name of the fault, ring, other ring, latitude and longitude in degrees.
      .def("find_fault", [](const PolygonShape& self) {
        Finding found;
        {
          nb::gil_scoped_release release;
          found = self.polygon().find_fault();
        }
        return std::tuple(name_of(found.fault), found.ring, found.other_ring,
                          radians_to_degrees(point_lat(found.where)), radians_to_degrees(point_lng(found.where)));
      });
  add_shape<PolylineShape>(m, "PolylineShape")
      .def(
          "__init__",
          [](PolylineShape* self, const In<double>& lat, const In<double>& lng) {
            new (self) PolylineShape(to_points(lat, lng));
          },
          nb::arg("lat"), nb::arg("lng"));
  add_shape<CollectionShape>(m, "CollectionShape")
      .def(
          "__init__",
          [](CollectionShape* self, const nb::list& shapes) {
            std::vector<const PolygonShape*> polygons;
            std::vector<const PolylineShape*> lines;
            for (const nb::handle shape : shapes) {
              if (nb::isinstance<PolygonShape>(shape)) {
                polygons.push_back(nb::cast<const PolygonShape*>(shape));
              } else {
                lines.push_back(nb::cast<const PolylineShape*>(shape));
              }
            }
            new (self) CollectionShape(std::move(polygons), std::move(lines));
          },
          nb::arg("shapes"), nb::keep_alive<1, 2>());
  nb::class_<HeldPlanarShape>(m, "PlanarShape")
      .def(nb::init<nb::handle>(), nb::arg("chains"))
      .def("area", [](const HeldPlanarShape& self) { return self.shape.area(); })
      .def(
          "contains",
          [](HeldPlanarShape& self, const In<double>& lat, const In<double>& lng, const Flags& out) {
            if (!self.contains) self.contains = self.shape.membership();
            write_membership(*self.contains, lat, lng, out);
          },
          nb::arg("lat"), nb::arg("lng"), nb::arg("out"))
      .def(
          "cover", [](const HeldPlanarShape& self, nb::handle options) { return covering_of(self.shape, options); },
          nb::arg("options"));
  add_shape<BufferedShape>(m, "BufferedShape")
      .def(
          "__init__",
          [](BufferedShape* self, nb::handle shape, double radius) {
            if (nb::isinstance<HeldPlanarShape>(shape)) {
              new (self) BufferedShape(nb::cast<const HeldPlanarShape*>(shape)->shape, radius);
            } else if (nb::isinstance<PolygonShape>(shape)) {
              new (self) BufferedShape(*nb::cast<const PolygonShape*>(shape), radius);
            } else if (nb::isinstance<PolylineShape>(shape)) {
              new (self) BufferedShape(*nb::cast<const PolylineShape*>(shape), radius);
            } else {
              new (self) BufferedShape(*nb::cast<const CollectionShape*>(shape), radius);
            }
          },
          nb::arg("shape"), nb::arg("radius"), nb::keep_alive<1, 2>());

  m.def("certified_rows", [](nb::handle given) {
    const HeldChains held(given);
    const ChainRows chains = held.view();
    std::vector<std::uint8_t> certified(chains.size());
    {
      nb::gil_scoped_release release;
      parallel_for(chains.size(), rows_per_chunk(chains.size()), [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) certified[row] = is_certified(chains[row]);
      });
    }
    return to_numpy(std::move(certified));
  });
  m.def("cover_rows", [](nb::handle given, nb::handle given_options, std::string_view edges, bool oriented,
                         double radius, bool is_checked) {
    const HeldChains held(given);
    const ChainRows chains = held.view();
    const CoverOptions options = cover_options(given_options);
    RowCells found;
    {
      nb::gil_scoped_release release;
      found = with_rows(edges, oriented, radius,
                        [&](const auto& rows) { return cover_rows(chains, options, rows, is_checked); });
    }
    return nb::make_tuple(to_numpy(std::move(found.cells)), to_numpy(std::move(found.offsets)),
                          to_numpy(std::move(found.undecided)));
  });
}

}  // namespace cellwise::bindings
