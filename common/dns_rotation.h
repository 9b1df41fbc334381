// Which record of an RRset comes first in an answer.
#pragma once

#include <cstdint>

namespace vipgate {

// What is added to the rotation from answer to answer: the golden ratio's fraction of 2^32.
// Whatever others are asked in between (a client asks for A, then for AAAA), the answers to one's
// questions begin with each record equally often (Knuth, The Art of Computer Programming 3, 6.4:
// theorem S).
inline constexpr uint32_t kDnsRotationStep = 0x9e3779b9;

// The number of the record, from 0 on, that comes first of `count`: `rotation` / 2^32 of them.
constexpr uint32_t dns_first_record(uint32_t rotation, uint32_t count) {
  return static_cast<uint32_t>(uint64_t{rotation} * count >> 32);
}

}  // namespace vipgate
