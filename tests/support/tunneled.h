// Takes apart what a tunnel made, as the real at its end would. Independent of common/tunnel.h, so
// that it can judge it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "tests/support/packet_builder.h"

namespace vipgate::test {

struct Tunneled {
  MacAddress source_mac, destination_mac;
  uint16_t vlan = 0;  // 0: untagged
  IpAddress source, destination;
  uint8_t ttl = 0;
  uint8_t tos = 0;
  uint8_t protocol = 0;        // of the outer IP header
  uint16_t ip_id = 0;          // IPv4
  uint16_t fragment_bits = 0;  // IPv4: flags and offset
  // GUE.
  uint16_t source_port = 0, destination_port = 0, udp_checksum = 0;
  int gue_variant = -1;
  std::optional<std::vector<Ipv4Address>> hops;  // GLB's private data, if there is any
  Bytes inner;                                   // the IP packet
};

// Throws std::invalid_argument, which says why, unless every length, type and protocol is as it
// must be and nothing is left over.
[[nodiscard]] Tunneled open_tunnel(std::span<const uint8_t> frame);

// The IP packet of a frame, without padding.
[[nodiscard]] Bytes ip_packet(std::span<const uint8_t> frame);

}  // namespace vipgate::test
