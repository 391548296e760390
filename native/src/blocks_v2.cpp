#define CELLWISE_ISA_NAMESPACE isa_v2
#define CELLWISE_ISA_NAME "v2"
#include "blocks.inl"
