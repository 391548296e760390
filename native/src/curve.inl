// Positions on the Hilbert curve of many points, and back. Part of blocks.inl, in its namespace.
//
// A point is two words: its coordinates i and j at level 30, of 30 bits each. Bits 30 and 31 of i and bit 30 of j hold
// the face; bit 31 of j tells whether the curve starts with its coordinates swapped.

inline std::uint32_t i_word(std::uint64_t i, std::uint64_t face) { return static_cast<std::uint32_t>(i | face << 30); }
inline std::uint32_t j_word(std::uint64_t j, std::uint64_t face, std::uint64_t swapped) {
  return static_cast<std::uint32_t>(j | (face & 4) << 28 | swapped << 31);
}

#if defined(__GFNI__) && defined(__AVX512VBMI__)

// Byte by byte: 64 points at once have byte b of a word of theirs in one register, a plane. A step looks two levels of
// all points up in a table of 64 bytes, by two bits of i, two of j and the two of the curve's orientation; bits are put
// into place by products with 8 x 8 matrices over GF(2), for which there is an instruction.

// Matrix that moves bit from[k] of each byte to bit k; -1 for none.
constexpr std::uint64_t moving_bits(std::array<int, 8> from) {
  std::uint64_t matrix = 0;
  for (int k = 0; k < 8; ++k) {
    if (from[k] >= 0) matrix |= std::uint64_t{1} << (8 * (7 - k) + from[k]);
  }
  return matrix;
}
template <int... From>
inline __m512i move_bits(__m512i bytes) {
  constexpr std::uint64_t kMatrix = moving_bits({From...});
  return _mm512_gf2p8affine_epi64_epi8(bytes, _mm512_set1_epi64(static_cast<long long>(kMatrix)), 0);
}

// What a level does to the orientation, bit 0: swap, bit 1: invert (see `curve` below for the same all at once).
constexpr int orientation_below(int orientation, int i, int j) {
  const int swap = orientation & 1, invert = orientation >> 1;
  return i == j ? (swap ^ invert ^ 1 ^ i) | invert << 1 : (invert ^ i) | (swap ^ i) << 1;
}

struct CurveTables {
  // [i1 i0 j1 j0 invert swap] -> [h1 l1 h0 l0 0 0 invert swap]
  alignas(64) std::array<std::uint8_t, 64> position{};
  // [h1 l1 h0 l0 invert swap] -> [j1 j0 i1 i0 0 0 invert swap]
  alignas(64) std::array<std::uint8_t, 64> coordinates{};

  constexpr CurveTables() {
    for (int index = 0; index < 64; ++index) {
      int orientation = index & 3, digits = 0;
      for (int m = 1; m >= 0; --m) {
        const int i = index >> (4 + m) & 1, j = index >> (2 + m) & 1, swap = orientation & 1, invert = orientation >> 1;
        digits = digits << 2 | (i ^ (swap & (i ^ j)) ^ invert) << 1 | (i ^ j);
        orientation = orientation_below(orientation, i, j);
      }
      position[index] = static_cast<std::uint8_t>(digits << 4 | orientation);
      coordinates[digits << 2 | (index & 3)] =
          static_cast<std::uint8_t>((index >> 2 & 3) << 6 | (index >> 4 & 3) << 4 | orientation);
    }
  }
};
constexpr CurveTables kCurveTables;

template <class F>
constexpr std::array<std::uint8_t, 64> each_byte(F f) {
  std::array<std::uint8_t, 64> made{};
  for (int k = 0; k < 64; ++k) made[k] = static_cast<std::uint8_t>(f(k));
  return made;
}
inline __m512i load_bytes(const std::array<std::uint8_t, 64>& bytes) { return _mm512_loadu_si512(bytes.data()); }

// One coordinate of up to 64 points, as planes. The point 8 k + 2 m + e lies in byte 16 m + 2 k + e: so do the last
// interleavings in `order_64` leave points as they were.
struct Coordinate {
  __m512i plane[4];
};
inline Coordinate coordinate(const std::uint32_t* words) {
  static constexpr auto kBytes = each_byte([](int at) {  // lane m: of each byte in turn, those of four points
    const int m = at / 16, byte = at / 4 % 4, k = at / 2 % 2, e = at % 2;
    return 4 * (8 * k + 2 * m + e) + byte;
  });
  const __m512i bytes = load_bytes(kBytes);
  __m512i z[4];
  for (int q = 0; q < 4; ++q) z[q] = _mm512_permutexvar_epi8(bytes, _mm512_loadu_si512(words + 16 * q));
  const __m512i a = _mm512_unpacklo_epi32(z[0], z[1]), b = _mm512_unpacklo_epi32(z[2], z[3]);
  const __m512i c = _mm512_unpackhi_epi32(z[0], z[1]), d = _mm512_unpackhi_epi32(z[2], z[3]);
  return {_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b), _mm512_unpacklo_epi64(c, d),
          _mm512_unpackhi_epi64(c, d)};
}

// Words of planes, in which the point 16 k + 2 m + 8 h + e lies in byte 16 m + 4 k + 2 h + e.
inline void from_planes(const __m512i* plane, std::uint32_t* words) {
  static constexpr auto kWords = [] {
    std::array<std::uint32_t, 16> made{};
    for (std::uint32_t m = 0; m < 16; ++m) made[m] = 4 * (m % 8 / 2) + 2 * (m / 8) + m % 2;
    return made;
  }();
  const __m512i in_order = _mm512_loadu_si512(kWords.data());
  const __m512i a = _mm512_unpacklo_epi8(plane[0], plane[1]), b = _mm512_unpackhi_epi8(plane[0], plane[1]);
  const __m512i c = _mm512_unpacklo_epi8(plane[2], plane[3]), d = _mm512_unpackhi_epi8(plane[2], plane[3]);
  const __m512i made[4] = {_mm512_unpacklo_epi16(a, c), _mm512_unpackhi_epi16(a, c), _mm512_unpacklo_epi16(b, d),
                           _mm512_unpackhi_epi16(b, d)};
  for (int k = 0; k < 4; ++k) _mm512_store_si512(words + 16 * k, _mm512_permutexvar_epi32(in_order, made[k]));
}

constexpr int kOr = 0xfe, kXor = 0x96, kAndOr = 0xea;  // a | b | c, a ^ b ^ c, (a & b) | c

// Two levels: digits in bits 4..7, orientation in bits 0 and 1, of which the last is taken. `Bit`: of the planes.
template <int Bit>
inline __m512i step_to_position(__m512i i, __m512i j, __m512i last, __m512i table) {
  constexpr std::uint64_t kI = moving_bits({-1, -1, -1, -1, Bit, Bit + 1, -1, -1});
  constexpr std::uint64_t kJ = moving_bits({-1, -1, Bit, Bit + 1, -1, -1, -1, -1});
  // With ones below the bits of i and above those of j, one function of three bits takes i, j and the orientation
  // where they belong: it is `last` for i = 1 and j = 0, else i, and `last` has zeros beside j.
  const __m512i from_i = _mm512_gf2p8affine_epi64_epi8(i, _mm512_set1_epi64(static_cast<long long>(kI)), 0x0f);
  const __m512i from_j = _mm512_gf2p8affine_epi64_epi8(j, _mm512_set1_epi64(static_cast<long long>(kJ)), 0x30);
  return _mm512_permutexvar_epi8(_mm512_ternarylogic_epi64(from_i, from_j, last, 0xe0), table);
}

inline __m512i two_digits(__m512i high, __m512i low) {
  const __m512i low_digit = move_bits<4, 5, 6, 7, -1, -1, -1, -1>(low);
  return _mm512_ternarylogic_epi64(high, _mm512_set1_epi8(static_cast<char>(0xf0)), low_digit, kAndOr);
}

// Walks of up to 64 points along the curve: ids without their markers. Writes 64.
inline void order_64(const Coordinate& i_of, const Coordinate& j_of, std::uint64_t* path, std::size_t) {
  const __m512i table = load_bytes(kCurveTables.position);
  const __m512i *i = i_of.plane, *j = j_of.plane;
  __m512i plane[8];
  const __m512i swapped = move_bits<7, -1, -1, -1, -1, -1, -1, -1>(j[3]);
  const __m512i face_i = move_bits<-1, -1, -1, -1, 6, 7, -1, -1>(i[3]),
                face_j = move_bits<-1, -1, -1, -1, -1, -1, 6, -1>(j[3]);

  const __m512i first = step_to_position<4>(i[3], j[3], swapped, table);
  plane[7] = _mm512_ternarylogic_epi64(face_i, face_j, move_bits<4, 5, 6, 7, -1, -1, -1, -1>(first), kOr);
  __m512i high = step_to_position<2>(i[3], j[3], first, table), low = step_to_position<0>(i[3], j[3], high, table);
  plane[6] = two_digits(high, low);
  for (int b = 2; b >= 0; --b) {
    high = step_to_position<6>(i[b], j[b], low, table), low = step_to_position<4>(i[b], j[b], high, table);
    plane[2 * b + 1] = two_digits(high, low);
    high = step_to_position<2>(i[b], j[b], low, table), low = step_to_position<0>(i[b], j[b], high, table);
    plane[2 * b] = two_digits(high, low);
  }

  for (int half = 0; half < 2; ++half) {  // eight points of each sixteen, by pairs
    __m512i pair[4], four[4];
    for (int b = 0; b < 4; ++b) {
      pair[b] = half == 0 ? _mm512_unpacklo_epi8(plane[2 * b], plane[2 * b + 1])
                          : _mm512_unpackhi_epi8(plane[2 * b], plane[2 * b + 1]);
    }
    for (int b = 0; b < 2; ++b) {
      four[b] = _mm512_unpacklo_epi16(pair[2 * b], pair[2 * b + 1]);
      four[b + 2] = _mm512_unpackhi_epi16(pair[2 * b], pair[2 * b + 1]);
    }
    const __m512i eight[4] = {_mm512_unpacklo_epi32(four[0], four[1]), _mm512_unpackhi_epi32(four[0], four[1]),
                              _mm512_unpacklo_epi32(four[2], four[3]), _mm512_unpackhi_epi32(four[2], four[3])};
    for (int k = 0; k < 4; ++k) _mm512_store_si512(path + 8 * (4 * half + k), _mm512_add_epi64(eight[k], eight[k]));
  }
}

inline void trace_64(const std::uint64_t* cell, std::uint32_t* i, std::uint32_t* j) {
  static constexpr auto kBytes = each_byte([](int at) {  // lane m: of each byte in turn, those of two cells
    const int m = at / 16, byte = at / 2 % 8, e = at % 2;
    return 8 * (2 * m + e) + byte;
  });
  const __m512i bytes = load_bytes(kBytes);
  __m512i z[8], pair[8], four[8], plane[8];
  for (int q = 0; q < 8; ++q) {
    z[q] = _mm512_permutexvar_epi8(bytes, _mm512_srli_epi64(_mm512_loadu_si512(cell + 8 * q), 1));
  }
  for (int q = 0; q < 8; q += 2) {  // planes 0 to 3 and 4 to 7
    pair[q] = _mm512_unpacklo_epi16(z[q], z[q + 1]);
    pair[q + 1] = _mm512_unpackhi_epi16(z[q], z[q + 1]);
  }
  for (int q = 0; q < 2; ++q) {  // of 32 cells each, planes 0 and 1, 2 and 3, ...
    four[4 * q] = _mm512_unpacklo_epi32(pair[4 * q], pair[4 * q + 2]);
    four[4 * q + 1] = _mm512_unpackhi_epi32(pair[4 * q], pair[4 * q + 2]);
    four[4 * q + 2] = _mm512_unpacklo_epi32(pair[4 * q + 1], pair[4 * q + 3]);
    four[4 * q + 3] = _mm512_unpackhi_epi32(pair[4 * q + 1], pair[4 * q + 3]);
  }
  for (int b = 0; b < 4; ++b) {
    plane[2 * b] = _mm512_unpacklo_epi64(four[b], four[b + 4]);
    plane[2 * b + 1] = _mm512_unpackhi_epi64(four[b], four[b + 4]);
  }

  const __m512i table = load_bytes(kCurveTables.coordinates);
  const auto look_up = [table](__m512i digit, __m512i last) {
    return _mm512_permutexvar_epi8(_mm512_ternarylogic_epi64(last, _mm512_set1_epi8(3), digit, kAndOr), table);
  };
  const auto low_digit = [](__m512i p) { return move_bits<-1, -1, 0, 1, 2, 3, -1, -1>(p); };
  const auto high_digit = [](__m512i p) { return move_bits<-1, -1, 4, 5, 6, 7, -1, -1>(p); };
  __m512i at_i[4], at_j[4];
  const __m512i first = look_up(low_digit(plane[7]), move_bits<4, -1, -1, -1, -1, -1, -1, -1>(plane[7]));
  __m512i high = look_up(high_digit(plane[6]), first), low = look_up(low_digit(plane[6]), high);
  // Pairs of steps: [j3 j2 i3 i2 j1 j0 i1 i0].
  const auto put = [&](int b, __m512i upper, __m512i lower) {
    at_i[b] =
        _mm512_or_si512(move_bits<-1, -1, -1, -1, 0, 1, 4, 5>(upper), move_bits<0, 1, 4, 5, -1, -1, -1, -1>(lower));
    at_j[b] =
        _mm512_or_si512(move_bits<-1, -1, -1, -1, 2, 3, 6, 7>(upper), move_bits<2, 3, 6, 7, -1, -1, -1, -1>(lower));
  };
  put(3, move_bits<4, 5, 6, 7, -1, -1, -1, -1>(first), two_digits(high, low));
  for (int b = 2; b >= 0; --b) {
    high = look_up(high_digit(plane[2 * b + 1]), low), low = look_up(low_digit(plane[2 * b + 1]), high);
    const __m512i upper = two_digits(high, low);
    high = look_up(high_digit(plane[2 * b]), low), low = look_up(low_digit(plane[2 * b]), high);
    put(b, upper, two_digits(high, low));
  }
  from_planes(at_i, i);
  from_planes(at_j, j);
}

// Centers of n cells, in doubled leaf coordinates; of what is no cell, any numbers.
inline void trace(const std::uint64_t* __restrict cell, std::uint32_t* __restrict si, std::uint32_t* __restrict ti,
                  std::size_t n) noexcept {
  alignas(64) std::uint64_t padded[64];
  for (std::size_t start = 0; start < n; start += 64) {
    const std::uint64_t* some = cell + start;
    if (n - start < 64) some = static_cast<const std::uint64_t*>(std::memcpy(padded, some, 8 * (n - start)));
    trace_64(some, si + start, ti + start);
  }
  // Below the level of a cell its bits are the marker and zeros, which lead to the leaf next to the center on the side
  // of the orientation: 10...0, or if it is inverted 01...1.
  for (std::size_t k = 0; k < n; ++k) {
    const auto id = static_cast<std::uint32_t>(cell[k]), leaf = id & 1, i = si[k];
    const std::uint32_t side = leaf | ((i << 2 ^ id) >> 1 & 2 & ~(leaf << 1));
    si[k] = 2 * i + side;
    ti[k] = 2 * ti[k] + side;
  }
}

#else

// A zero bit after each of the low 32 bits.
inline std::uint64_t spread(std::uint64_t x) {
  x = (x | x << 16) & 0x0000ffff0000ffff;
  x = (x | x << 8) & 0x00ff00ff00ff00ff;
  x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
  x = (x | x << 2) & 0x3333333333333333;
  return (x | x << 1) & 0x5555555555555555;
}
// Loops within a loop would keep it from being vectorized: their steps are written out.

// Each bit becomes the sum over GF(2) of itself and every Step-th above it.
template <int Step, class T>
inline T parity_above(T x) {
  x ^= x >> Step;
  if constexpr (Step < 4 * sizeof(T)) return parity_above<2 * Step>(x);
  return x;
}

// One doubling step of sums modulo 3, in two bits (Harrison, Page and Smart, 2002).
template <int Step>
inline void add_above(std::uint32_t& one, std::uint32_t& two) {
  const std::uint32_t one_above = one >> Step, two_above = two >> Step;
  const std::uint32_t t = (one | two_above) ^ (two | one_above);
  const std::uint32_t next = (one | one_above) ^ t;
  one = (two | two_above) ^ t;
  two = next;
}

// Positions on the curve, all 30 levels at once: bit 29 - m of every word belongs to level m.
//
// With d = i ^ j, the orientation x = (swap, invert) above level m becomes R x + c below it, where R is
// T = [1 1; 0 1] for d = 0 and P = [0 1; 1 0] for d = 1, and c is (1 ^ i, 0) or (i, i), over GF(2). T and P are
// reflections, P = r T with the rotation r = P T of order 3, so that a product of m of them is T^m after a rotation by
// the alternating sum of the d above, modulo 3. That sum and the sum of the c, turned back to the first level, are
// prefix sums: five doubling steps each. `swapped` is all ones where the curve starts so.
inline void curve(std::uint32_t i, std::uint32_t j, std::uint32_t swapped, std::uint32_t& high, std::uint32_t& low) {
  constexpr std::uint32_t kEven = 0x2aaaaaaa, kOdd = 0x15555555;
  const std::uint32_t d = i ^ j;
  // The rotation at each level: 0, 1 (`one`) or 2 (`two`).
  std::uint32_t one = (d & kEven) >> 1, two = (d & kOdd) >> 1;
  add_above<1>(one, two);
  add_above<2>(one, two);
  add_above<4>(one, two);
  add_above<8>(one, two);
  add_above<16>(one, two);
  const std::uint32_t turned = one | two, c1 = d & i, c0 = ~(d | i) | (c1 & kEven);
  const std::uint32_t z0 = parity_above<1>(((c0 & ~one) ^ (c1 & turned)) >> 1 & 0x1fffffff) ^ swapped;
  const std::uint32_t z1 = parity_above<1>(((c1 & ~two) ^ (c0 & turned)) >> 1 & 0x1fffffff);
  const std::uint32_t invert = (z1 & ~one) ^ (z0 & turned);
  const std::uint32_t swap = (z0 & ~two) ^ (z1 & turned) ^ (invert & kOdd);
  high = (i ^ (swap & d) ^ invert) & 0x3fffffff;
  low = d & 0x3fffffff;
}

// One coordinate of up to 64 points.
struct Coordinate {
  const std::uint32_t* words;
};
inline Coordinate coordinate(const std::uint32_t* words) { return {words}; }

// Walks of up to 64 points along the curve: ids without their markers.
inline void order_64(Coordinate i_of, Coordinate j_of, std::uint64_t* __restrict path, std::size_t n) {
  constexpr std::uint32_t kLevels = 0x3fffffff;
  const std::uint32_t *i = i_of.words, *j = j_of.words;
  alignas(64) std::uint32_t high[64], low[64];
  for (std::size_t k = 0; k < n; ++k) {
    curve(i[k] & kLevels, j[k] & kLevels, 0 - (j[k] >> 31), high[k], low[k]);
  }
  for (std::size_t k = 0; k < n; ++k) {
    const std::uint64_t face = i[k] >> 30 | (j[k] >> 28 & 4);
    path[k] = face << 61 | spread(high[k]) << 2 | spread(low[k]) << 1;
  }
}

inline std::uint64_t gather(std::uint64_t x) {  // every other bit, from bit 0 on
  x &= 0x5555555555555555;
  x = (x | x >> 1) & 0x3333333333333333;
  x = (x | x >> 2) & 0x0f0f0f0f0f0f0f0f;
  x = (x | x >> 4) & 0x00ff00ff00ff00ff;
  x = (x | x >> 8) & 0x0000ffff0000ffff;
  return (x | x >> 16) & 0x00000000ffffffff;
}

// Center of a cell in doubled leaf coordinates.  REQUIRES: cell is valid.
//
// The two bits h, l of a level and the orientation (swap, invert) above it give i = h ^ (swap & l) ^ invert and
// j = i ^ (swap ? 0 : l) ^ ..., that is i ^ l; below it swap changes where h == l, and invert where both are set. So
// the orientations are prefix sums over GF(2), five doubling steps for both of them in one word. The marker takes the
// place of the level below the cell's own: a one in both coordinates there is the center.
struct Center {
  std::uint64_t si, ti;
};
inline Center center(std::uint64_t id) {
  constexpr std::uint64_t kLow = 0x5555555555555555;
  const std::uint64_t x = id << 1, marker = lowest_bit(x);  // levels at bits 2c + 1, 2c for c = 30 .. 1
  const std::uint64_t h = x >> 1 & kLow, l = x & kLow;
  const std::uint64_t below = ((~(h ^ l) & kLow) << 1 | (h & l)) & 0x3fffffffffffffff;
  const std::uint64_t turns = parity_above<2>(below >> 2 | (id >> 61 & 1) << 61);
  const std::uint64_t i = h ^ ((turns >> 1) & l) ^ (turns & kLow), j = i ^ l;
  const std::uint64_t above = 0x3fffffffffffffff & ~(2 * marker - 1);
  const std::uint64_t both = ((i << 1 | j) & above) | marker | marker >> 1;
  return {gather(both >> 1), gather(both)};
}

inline void trace(const std::uint64_t* __restrict cell, std::uint32_t* __restrict si, std::uint32_t* __restrict ti,
                  std::size_t n) noexcept {
  for (std::size_t k = 0; k < n; ++k) {
    const Center at = center(cell[k]);
    si[k] = static_cast<std::uint32_t>(at.si);
    ti[k] = static_cast<std::uint32_t>(at.ti);
  }
}
#endif

// The same for a block of points. Reads and writes up to the next multiple of 64.
inline void order(const std::uint32_t* i, const std::uint32_t* j, std::uint64_t* path, std::size_t n) {
  for (std::size_t start = 0; start < n; start += 64) {
    order_64(coordinate(i + start), coordinate(j + start), path + start, n - start < 64 ? n - start : 64);
  }
}
