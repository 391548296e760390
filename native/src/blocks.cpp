#include "cellwise/blocks.h"

#include <atomic>
#include <cstring>

namespace cellwise {

// Defined by src/blocks_<name>.cpp.
#if CELLWISE_X86
namespace isa_v2 {
extern const Blocks kBlocks;
}
namespace isa_avx2 {
extern const Blocks kBlocks;
}
namespace isa_avx512 {
extern const Blocks kBlocks;
}
#else
namespace isa_portable {
extern const Blocks kBlocks;
}
#endif

namespace {

struct Available {
  Blocks all[4] = {{.name = "scalar"}};
  std::size_t n = 1;

  Available() noexcept {
#if CELLWISE_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt")) all[n++] = isa_v2::kBlocks;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
      all[n++] = isa_avx2::kBlocks;
    }
    // The first AVX-512 processors lack VBMI and GFNI: for them there is AVX2.
    if (all[n - 1].name == isa_avx2::kBlocks.name && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("gfni")) {
      all[n++] = isa_avx512::kBlocks;
    }
#else
    all[n++] = isa_portable::kBlocks;
#endif
  }
};

const Available& available() noexcept {
  static const Available found;
  return found;
}

std::atomic<const Blocks*> chosen{nullptr};

}  // namespace

const Blocks* blocks_available(std::size_t& n) noexcept {
  n = available().n;
  return available().all;
}

const Blocks& blocks() noexcept {
  const Blocks* found = chosen.load(std::memory_order_relaxed);
  return found != nullptr ? *found : available().all[available().n - 1];
}

bool choose_blocks(const char* name) noexcept {
  for (std::size_t k = 0; k < available().n; ++k) {
    if (std::strcmp(available().all[k].name, name) == 0) {
      chosen.store(&available().all[k], std::memory_order_relaxed);
      return true;
    }
  }
  return false;
}

}  // namespace cellwise
