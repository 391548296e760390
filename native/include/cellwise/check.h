// What is known of a kernel's arguments before it runs.
//
// A kernel is a plain function that states what it REQUIRES. Its check, a function of the same arguments named
// `check_<kernel>`, says whether they hold. The array loop calls the kernel only for kOk and writes the null result of
// the output type otherwise (0, -1, NaN, false, "X"); kInvalid rows are counted. Python composes the message.

#pragma once

#include <cstdint>

namespace cellwise {

enum class Check : std::uint8_t {
  kOk,
  kMissing,  // a cell argument is 0, the missing cell: the result is null, and the row is not counted
  kInvalid,  // an argument is outside its range: the result is null, and the row is counted
};

}  // namespace cellwise
