#define CELLWISE_ISA_NAMESPACE isa_avx512
#define CELLWISE_ISA_NAME "avx512"
#include "blocks.inl"
