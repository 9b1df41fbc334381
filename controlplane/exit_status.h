// How the program ends, and says why.
#pragma once

#include <cstdio>
#include <string>

namespace vipgate {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;           // at run time
inline constexpr int kExitBadConfiguration = 2;  // or a bad command line

// Says `message` on standard error; returns `status`.
inline int fail(int status, const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return status;
}

}  // namespace vipgate
