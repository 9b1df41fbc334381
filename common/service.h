// The words for a service that both the control plane and the packet path use.
#pragma once

#include <cstdint>
#include <string_view>

namespace vipgate {

// How packets reach a real and how they come back.
enum class Mode : uint8_t {
  kFullnat,  // source becomes an SNAT address, destination the real: returns find this gateway
  kNat,      // destination becomes the real, the client's address stays
};

// The value is the IP protocol number.
enum class Protocol : uint8_t { kTcp = 6, kUdp = 17 };

// What a packet gets when its service has no real to send it to.
enum class NoReal : uint8_t {
  kReject,  // TCP reset, or ICMP port unreachable
  kDrop,
};

constexpr std::string_view to_string(Mode mode) {
  return mode == Mode::kFullnat ? "fullnat" : "nat";
}

constexpr std::string_view to_string(Protocol protocol) {
  return protocol == Protocol::kTcp ? "tcp" : "udp";
}

constexpr std::string_view to_string(NoReal policy) {
  return policy == NoReal::kReject ? "reject" : "drop";
}

}  // namespace vipgate
