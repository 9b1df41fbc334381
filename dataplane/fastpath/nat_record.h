// What a translated flow needs in either direction: both tuples, the checksum differences, where
// the client's packets come from. A cache line for IPv4, two for IPv6.
#pragma once

#include <cstdint>

#include "common/addresses.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/flow_clock.h"

namespace vipgate {

template <class Address>
struct alignas(64) NatRecord {
  static constexpr uint8_t kReturnSeen = 1;
  static constexpr uint8_t kForwardFin = 2;
  static constexpr uint8_t kReturnFin = 4;
  static constexpr uint8_t kAwaitsAck = 8;  // the client's, after the real's answer
  // How the real is told of its client, and how far that is: client_address.h.
  static constexpr uint8_t kToa = 16;
  static constexpr uint8_t kProxy = 32;
  static constexpr uint8_t kProxySent = 64;
  static constexpr uint8_t kProxyAcked = 128;
  static constexpr uint8_t kTellsClient = kToa | kProxy;

  Address client, vip;
  Address source;  // what the real sees: a SNAT pool address, or the client's for `nat`
  Address real;
  Be16 client_port, vip_port, source_port, real_port;
  // Added to IP and TCP/UDP checksums of forward packets; negated, to those of returns.
  uint16_t l3_delta, l4_delta;
  RealId real_id;
  uint32_t service;
  uint32_t flow_id;         // of the forward key
  uint32_t return_flow_id;  // `nat`: of the return key; 0 for `fullnat` and hairpin
  Quarter deadline;
  FlowState state;  // kFree: unused
  uint8_t seen;
  // The client's last hop: returns go back where forward packets come from.
  MacAddress client_mac;
  Be16 client_tci;  // VLAN tag, 0: none
  uint8_t client_port_index;
  Protocol protocol;
  bool is_counted;  // by ConnectionCounts
  union {
    uint32_t first_sequence;  // with kToa or kProxy: of the client's first byte after its SYN
    // Without a flow. Beside what says whose record it was: a packet of the same burst may have
    // found it while the flow was there.
    uint32_t next_free;
  };
};
static_assert(sizeof(NatRecord<Ipv4Address>) == 64);
static_assert(sizeof(NatRecord<Ipv6Address>) == 128);

}  // namespace vipgate
