// Clipping geodesic edges to the faces of the cube.
//
// Geodesics are straight in the (u, v) plane of a face, so that an edge is a segment there. Constants and the order of
// operations are those of Google's s2edge_clipping, release 0.14.

#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <numbers>

#include "cellwise/face_segments.h"
#include "cellwise/predicates.h"
#include "cellwise/projection.h"

namespace cellwise {

// Max errors of u or v where an edge is clipped to a face, and where it is clipped to a line of constant u or v.
inline constexpr double kFaceClipError = 9 * (1 / std::numbers::sqrt2) * DBL_EPSILON;
inline constexpr double kEdgeClipError = 2.25 * DBL_EPSILON;
// Padding of cells that edges are clipped to, and of cells that edges are tested against.
inline constexpr double kCellPadding = 2 * (kFaceClipError + kEdgeClipError);
inline constexpr double kTestPadding = kFaceClipError + kSegmentIntersectsError;

// A point in a face's (u, v, w): its coordinates along the u and v axes and the normal of the face.
inline Point xyz_to_uvw(int face, const Point& p) noexcept {
  switch (face) {
    case 0: return {p[1], p[2], p[0]};
    case 1: return {-p[0], p[2], p[1]};
    case 2: return {-p[0], -p[1], p[2]};
    case 3: return {-p[2], -p[1], -p[0]};
    case 4: return {-p[2], p[0], -p[1]};
    default: return {p[1], p[0], -p[2]};
  }
}

// The face that a point lies on.
inline int point_face(const Point& p) noexcept {
  const double x = std::fabs(p[0]), y = std::fabs(p[1]), z = std::fabs(p[2]);
  const int axis = x > y ? (x > z ? 0 : 2) : (y > z ? 1 : 2);
  return p[axis] < 0 ? axis + 3 : axis;
}

// The start of the Hilbert curve, from which Google tracks whether points are inside.
inline Point start_of_curve() noexcept { return normalize(face_uv_to_xyz(0, -1, -1)); }

namespace internal {

// Does the great circle with normal n, in a face's (u, v, w), intersect the face? It does if |n_u| + |n_v| >= |n_w|;
// written so that the answer is exact.
inline bool line_intersects_face(const Point& n) noexcept {
  const double u = std::fabs(n[0]), v = std::fabs(n[1]), w = std::fabs(n[2]);
  return v >= w - u && u >= w - v;
}

// Does it cross opposite edges of the face?
inline bool line_crosses_opposite_edges(const Point& n) noexcept {
  const double u = std::fabs(n[0]), v = std::fabs(n[1]), w = std::fabs(n[2]);
  const double difference = std::fabs(u - v);
  if (difference != w) return difference >= w;
  return u >= v ? u - w >= v : v - w >= u;
}

// The point of the face's boundary, u = ±1 or v = ±1, at which it leaves the face.
inline UV line_exit(const Point& n) noexcept {
  const bool through_v = line_crosses_opposite_edges(n)
                             ? std::fabs(n[0]) >= std::fabs(n[1])
                             : !(std::signbit(n[0]) ^ std::signbit(n[1]) ^ std::signbit(n[2]));
  if (through_v) {
    const double v = n[0] < 0 ? 1 : -1;
    return {(-v * n[1] - n[2]) / n[0], v};
  }
  const double u = n[1] > 0 ? 1 : -1;
  return {u, (-u * n[0] - n[2]) / n[1]};
}

// Clips the end b of the edge ab, all in a face's (u, v, w). Returns a score, and the edge misses the face if those of
// its two ends add up to 3 or more: 0 if the end is usable, 1 if the exit lies beyond b, 2 if it lies before a, 3 if
// there is none.
inline int clip_end(const Point& a, const Point& b, const Point& scaled_normal, const Point& a_tangent,
                    const Point& b_tangent, double scale, UV& uv) noexcept {
  constexpr double kSafe = 1 - kFaceClipError;
  if (b[2] > 0) {
    uv = {b[0] / b[2], b[1] / b[2]};
    if (std::max(std::fabs(uv.u), std::fabs(uv.v)) <= kSafe) return 0;
  }
  const UV out = line_exit(scaled_normal);
  uv = {scale * out.u, scale * out.v};
  const Point p = {uv.u, uv.v, 1};
  int score = 0;
  if (dot(p - a, a_tangent) < 0) {
    score = 2;
  } else if (dot(p - b, b_tangent) < 0) {
    score = 1;
  }
  if (score > 0) {
    if (b[2] <= 0) return 3;
    uv = {b[0] / b[2], b[1] / b[2]};
  }
  return score;
}

}  // namespace internal

// The ends of the part of edge ab that lies on a face, which is `padding` larger on all sides; false if there is none.
inline bool clip_to_padded_face(const Point& a, const Point& b, int face, double padding, UV& a_uv, UV& b_uv) noexcept {
  if (point_face(a) == face && point_face(b) == face) {
    const FaceUV p = xyz_to_given_face_uv(face, a), q = xyz_to_given_face_uv(face, b);
    a_uv = {p.u, p.v};
    b_uv = {q.u, q.v};
    return true;
  }
  Point normal = xyz_to_uvw(face, robust_cross(a, b));
  const Point p = xyz_to_uvw(face, a), q = xyz_to_uvw(face, b);
  // A great circle intersects a face that is R times as large if the one with the normal (R n_u, R n_v, n_w) intersects
  // the face.
  const double scale = 1 + padding;
  const Point scaled = {scale * normal[0], scale * normal[1], normal[2]};
  if (!internal::line_intersects_face(scaled)) return false;
  normal = normalize(normal);
  const Point a_tangent = cross(normal, p), b_tangent = cross(q, normal);
  const int a_score = internal::clip_end(q, p, -scaled, b_tangent, a_tangent, scale, a_uv);
  const int b_score = internal::clip_end(p, q, scaled, a_tangent, b_tangent, scale, b_uv);
  return a_score + b_score < 3;
}

}  // namespace cellwise
