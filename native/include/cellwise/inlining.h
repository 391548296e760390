// Macros for functions that must be inlined into others that are compiled for a better instruction set than the rest,
// and for memory that will be needed soon.

#pragma once

#if defined(__GNUC__)
#define CELLWISE_INLINE __attribute__((always_inline))
#define CELLWISE_PREFETCH(address) __builtin_prefetch(address)
#else
#define CELLWISE_INLINE
#define CELLWISE_PREFETCH(address)
#endif
