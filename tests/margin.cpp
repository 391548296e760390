// How far the folded coordinates of the block kernels are from those of the scalar definition, in leaves, at most, over
// many positions; and how near to a boundary the kernels leave a position to the scalar kernel. Included by
// test_blocks.py for one instruction set at a time.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <random>

#include "cellwise/projection.h"
#define CELLWISE_ISA_NAMESPACE margin
#define CELLWISE_ISA_NAME "margin"
#include "blocks.inl"

namespace {

// As the scalar kernel finds it, on the side of the fold where the kernels look.
double leaf_coordinate(double u) {
  const double s = cellwise::uv_to_st(u);
  return 0x1p30 * (u >= 0 ? s : 1 - s);
}

double worst = 0;

void look_at(double lat, double lng) {
  if (!(std::fabs(lat) <= 90 && std::fabs(lng) <= 360)) return;
  const auto folded = cellwise::margin::fold(lat, lng, 0x1p29);
  const cellwise::FaceUV at = cellwise::xyz_to_face_uv(cellwise::latlng_to_point(lat, lng));
  if (static_cast<int>(folded.axis) != at.face % 3) {  // on an edge of the face: boundaries of both
    worst = std::max(worst, std::fabs(std::max(folded.i, folded.j) - 0x1p30));
    return;
  }
  double i = leaf_coordinate(at.u), j = leaf_coordinate(at.v);
  if (at.face >= 3) std::swap(i, j);
  worst = std::max({worst, std::fabs(folded.i - i), std::fabs(folded.j - j)});
}

}  // namespace

int main() {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> z(-1, 1), turn(-360, 360), small(-1e-9, 1e-9);
  std::uniform_int_distribution<int> eighth(-720, 720);
  for (int k = 0; k < 1'000'000; ++k) {
    const double lat = cellwise::radians_to_degrees(std::asin(z(random))), lng = turn(random);
    look_at(lat, lng);
    look_at(eighth(random) / 8.0 + small(random), 4 * eighth(random) / 8.0 + small(random));
    look_at(lat, 45 * (eighth(random) / 90) + small(random));  // faces' edges and middles
    look_at((k % 2 ? 35.264389682754654 : -35.264389682754654) + small(random), lng);  // as far as corners
    look_at(89.9 + 0.1 * std::fabs(z(random)), lng);
  }
  std::printf("%.17g %.17g\n", worst, cellwise::margin::kNearBoundary);
}
