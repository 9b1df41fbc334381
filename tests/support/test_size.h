// How much a test does, where it may be more or less: sanitizers take ten times as long.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace vipgate::test {

// The number in the environment's variable, else `otherwise`.
inline uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace vipgate::test
