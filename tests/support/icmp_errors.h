// ICMP errors for tests: the kinds that routers and hosts send, and what they quote.
#pragma once

#include <vector>

#include "tests/support/test_net.h"
#include "tests/support/tunneled.h"

namespace vipgate::test {

struct ErrorKind {
  uint8_t type, code;
  uint32_t rest;
};

inline std::vector<ErrorKind> error_kinds(int family) {
  if (family == 4) return {{3, 3, 0}, {3, 1, 0}, {3, 4, 1300}, {11, 0, 0}, {12, 0, 0x14000000}};
  return {{1, 4, 0}, {1, 0, 0}, {2, 0, 1300}, {3, 0, 0}, {4, 0, 40}};
}

// The IP packet of a frame without extension headers, cut off after `l4` bytes of its payload.
inline Bytes quoted(std::span<const uint8_t> frame, size_t l4) {
  Bytes packet = ip_packet(frame);
  const size_t header = packet[0] >> 4 == 4 ? (packet[0] & 15) * 4u : 40u;
  packet.resize(std::min(packet.size(), header + l4));
  return packet;
}

}  // namespace vipgate::test
