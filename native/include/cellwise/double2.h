// Two doubles at once: compilers with vector extensions, plus intrinsics where they would generate poor code.

#pragma once

#include <cstdint>
#include <limits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace cellwise {

using Double2 [[gnu::vector_size(16)]] = double;
using Mask2 = decltype(Double2{} < Double2{});  // all bits of a lane, or none

inline Double2 magnitude(Double2 a) noexcept {
  return reinterpret_cast<Double2>(reinterpret_cast<Mask2>(a) & std::numeric_limits<std::int64_t>::max());
}

#if defined(__SSE2__)
inline Double2 larger(Double2 a, Double2 b) noexcept { return _mm_max_pd(a, b); }
inline Double2 smaller(Double2 a, Double2 b) noexcept { return _mm_min_pd(a, b); }
inline unsigned lane_bits(Mask2 mask) noexcept {
  return static_cast<unsigned>(_mm_movemask_pd(reinterpret_cast<__m128d>(mask)));
}
#else
inline Double2 larger(Double2 a, Double2 b) noexcept { return a > b ? a : b; }
inline Double2 smaller(Double2 a, Double2 b) noexcept { return a < b ? a : b; }
inline unsigned lane_bits(Mask2 mask) noexcept { return static_cast<unsigned>((mask[0] & 1) | (mask[1] & 2)); }
#endif

}  // namespace cellwise
