#define CELLWISE_ISA_NAMESPACE isa_avx2
#define CELLWISE_ISA_NAME "avx2"
#include "blocks.inl"
