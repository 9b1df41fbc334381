// Keys of tracked flows: the client's address and port, and an id that stands for the other end's
// address, port and protocol, so that a key is complete and no false hit is possible.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/addresses.h"
#include "common/hash.h"

namespace vipgate {

// 8 bytes: four of them, with their state, fill a cache line. Ids are 1 to 65,535.
struct FlowKey4 {
  uint64_t bits = 0;

  static FlowKey4 of(Ipv4Address client, Be16 client_port, uint32_t flow_id) {
    return {static_cast<uint64_t>(client.value.raw()) |
            static_cast<uint64_t>(client_port.raw()) << 32 | static_cast<uint64_t>(flow_id) << 48};
  }
  uint64_t hash(const PreparedSecret& secret) const { return keyed_hash(bits, secret); }
  friend bool operator==(FlowKey4, FlowKey4) = default;
};

struct FlowKey6 {
  Ipv6Address client;
  Be16 client_port;
  uint16_t zero = 0;
  uint32_t flow_id = 0;

  static FlowKey6 of(const Ipv6Address& client, Be16 client_port, uint32_t flow_id) {
    return {client, client_port, 0, flow_id};
  }
  uint64_t hash(const PreparedSecret& secret) const {
    return keyed_hash(this, sizeof *this, secret);
  }
  friend bool operator==(const FlowKey6& a, const FlowKey6& b) {
    return a.client == b.client && a.flow_id == b.flow_id && a.client_port == b.client_port;
  }
};
static_assert(sizeof(FlowKey6) == 24);

// Of flows whose id is wide (kWideFlowId). The other end: the VIP, or the real of a return key.
template <class Address>
struct WideFlowKey {
  Address client, other;
  Be16 client_port, other_port;
  uint32_t flow_id = 0;

  static WideFlowKey of(const Address& client, Be16 client_port, const Address& other,
                        Be16 other_port, uint32_t flow_id) {
    return {client, other, client_port, other_port, flow_id};
  }
  uint64_t hash(const PreparedSecret& secret) const {
    return keyed_hash(this, sizeof *this, secret);
  }
  friend bool operator==(const WideFlowKey& a, const WideFlowKey& b) {
    return a.client == b.client && a.other == b.other && a.flow_id == b.flow_id &&
           a.client_port == b.client_port && a.other_port == b.other_port;
  }
};
static_assert(sizeof(WideFlowKey<Ipv4Address>) == 16);
static_assert(sizeof(WideFlowKey<Ipv6Address>) == 40);

inline uint32_t flow_id_of(FlowKey4 key) { return static_cast<uint32_t>(key.bits >> 48); }
inline uint32_t flow_id_of(const FlowKey6& key) { return key.flow_id; }
template <class Address>
uint32_t flow_id_of(const WideFlowKey<Address>& key) {
  return key.flow_id;
}

template <class Address>
struct FlowKeyOf;
template <>
struct FlowKeyOf<Ipv4Address> {
  using Type = FlowKey4;
};
template <>
struct FlowKeyOf<Ipv6Address> {
  using Type = FlowKey6;
};

}  // namespace vipgate
