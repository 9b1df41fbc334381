// How the program ends, and says why.
#pragma once

#include <cstdio>
#include <string>

#include "common/system_error.h"

namespace vipgate {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;           // at run time
inline constexpr int kExitBadConfiguration = 2;  // or a bad command line

// Says `message` on standard error; returns `status`.
inline int fail(int status, const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return status;
}

// Writes `text` to standard output; returns the status.
inline int print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
    return kExitOk;
  }
  return fail(kExitFailure, system_error("cannot write to standard output").message);
}

}  // namespace vipgate
