// What FlowTable::likely_choice() has found, for choose().
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace vipgate {

// Holds as long as the states and deadlines of the two buckets are what they were.
struct LikelyChoice {
  // Of each of the eight entries the last eight octets, which hold both: FlowTable::last_words().
  __m256i words;
  void* entry = nullptr;  // null: none is known
  uint32_t rank = 0;
};

}  // namespace vipgate
