// What FlowTable::likely_choice() has found, for choose().
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace vipgate {

// Holds as long as the states and deadlines of the two buckets are what they were.
struct LikelyChoice {
  __m256i words;          // the last ones of all eight entries
  void* entry = nullptr;  // null: none is known
  uint32_t rank = 0;
};

}  // namespace vipgate
