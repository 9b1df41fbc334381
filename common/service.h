// The words for what is balanced: protocol, forwarding mode, policies, states.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/addresses.h"

namespace vipgate {

// The value is the IP protocol number.
enum class Protocol : uint8_t { kTcp = 6, kUdp = 17, kSctp = 132 };

// Whether its packets tell of a connection's begin and end, so that one that begins none is of an
// old one. (SCTP's are associations.)
constexpr bool has_connections(Protocol protocol) { return protocol != Protocol::kUdp; }

// What a service has beyond one address and one port.
struct ServiceExtent {
  uint16_t port_last = 0;     // the last one of its ports; 0: it has one
  uint8_t prefix_length = 0;  // of its VIP; 0: that is an address

  bool is_wide() const { return port_last != 0 || prefix_length != 0; }
  friend bool operator==(const ServiceExtent&, const ServiceExtent&) = default;
  friend auto operator<=>(const ServiceExtent&, const ServiceExtent&) = default;
};
// All ports are 0 to this.
inline constexpr uint16_t kLastPort = UINT16_MAX;

// "11.0.0.1:80", "[fd00::/64]:8000-8999", "11.0.0.0/24:any". `port`: the first one, of several.
std::string vip_to_string(const IpAddress& vip, uint16_t port, const ServiceExtent& extent);

// How a packet reaches the real (design: "Forwarding modes").
enum class Mode : uint8_t {
  kFullnat,  // source → SNAT pool, destination → real: the reply returns through this gateway
  kNat,      // destination → real; the client's address is kept
  // The packet itself is left as it is, and the real, which has the VIP's address too, answers the
  // client directly. This gateway sees the client's side only.
  kL2dsr,  // destination MAC → real, on the same segment
  kIpip,   // in IP, to the real
  kGre,    // in GRE
  kGue,    // in UDP
};

constexpr bool is_tunnel(Mode mode) { return mode >= Mode::kIpip; }
// Whether addresses and ports are translated, so that a flow has a record.
constexpr bool is_translating(Mode mode) { return mode <= Mode::kNat; }

// What a new flow gets when its service has no real that accepts flows.
enum class NoReal : uint8_t {
  kReject,    // its client is told
  kDrop,      // nothing
  kFallback,  // a real of another service; where that has none either: kReject
  kUseAll,    // any of its reals, though no check finds one healthy; without any: kReject
};

// What of a packet to a VIP chooses its real, where no flow is known.
enum class HashFields : uint8_t {
  kFiveTuple,
  kSource,             // all of a client's flows go to one real, of all services with equal reals
  kSourceDestination,  // the same, but for each VIP its own
};

// How a real of `fullnat` learns the client's address of a TCP connection.
enum class ClientAddress : uint8_t {
  kHidden,
  kToa,      // by a TCP option of the first segments that the client sends after its SYN
  kProxyV2,  // by a header of PROXY protocol version 2 before the client's first bytes
};

// What a packet gets that is to a VIP, but to a port that no service has.
enum class UnservedPort : uint8_t { kDrop, kReject, kKernel };

enum class RealState : uint8_t {
  kUp,        // accepts new flows
  kDraining,  // keeps its flows, gets no new ones
  kDown,      // its flows are balanced anew
};

constexpr std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return "tcp";
    case Protocol::kUdp:
      return "udp";
    case Protocol::kSctp:
      return "sctp";
  }
  return "unknown";
}
constexpr std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::kFullnat:
      return "fullnat";
    case Mode::kNat:
      return "nat";
    case Mode::kL2dsr:
      return "l2dsr";
    case Mode::kIpip:
      return "ipip";
    case Mode::kGre:
      return "gre";
    case Mode::kGue:
      return "gue";
  }
  return "unknown";
}
constexpr std::string_view to_string(NoReal policy) {
  switch (policy) {
    case NoReal::kReject:
      return "reject";
    case NoReal::kDrop:
      return "drop";
    case NoReal::kFallback:
      return "fallback";
    case NoReal::kUseAll:
      return "use_all";
  }
  return "unknown";
}
constexpr std::string_view to_string(HashFields fields) {
  switch (fields) {
    case HashFields::kFiveTuple:
      return "five_tuple";
    case HashFields::kSource:
      return "source";
    case HashFields::kSourceDestination:
      return "source_destination";
  }
  return "unknown";
}
constexpr std::string_view to_string(RealState state) {
  switch (state) {
    case RealState::kUp:
      return "up";
    case RealState::kDraining:
      return "draining";
    case RealState::kDown:
      return "down";
  }
  return "unknown";
}

}  // namespace vipgate
