#define CELLWISE_ISA_NAMESPACE isa_portable
#define CELLWISE_ISA_NAME "portable"
#include "blocks.inl"
