// What benchmarks of the packet path share: services, and packets to them.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>

#include "common/checksum.h"
#include "common/headers.h"
#include "common/snapshot_builder.h"

namespace vipgate {

inline constexpr uint32_t kNarrowFlowIds = 65'535;  // of IPv4; beyond, they are wide
inline constexpr uint32_t kVip = 0x0b000001;
inline constexpr MacAddress kMac{{2, 0, 0, 0, 0, 1}};  // of all stations

// An address of the family; of IPv6, one of a unique local network that ends with the number.
template <class Address>
Address numbered_address(uint32_t number) {
  if constexpr (sizeof(Address) == 4) {
    return Address{Be32(number)};
  } else {
    Address address{{0xfd, 0, 0, 1}};
    const Be32 end(number);
    std::memcpy(&address.bytes[12], &end, sizeof end);
    return address;
  }
}

// Services on port 80 of kVip and the addresses after it, each of so many reals, all reached; for
// modes that translate, with so many SNAT addresses. REQUIRES: of `nat`, one service.
template <class Address = Ipv4Address>
std::shared_ptr<const Snapshot> make_snapshot(Mode mode, uint32_t reals, uint32_t snat_addresses,
                                              uint32_t services = 1) {
  const auto address = numbered_address<Address>;
  SnapshotSpec spec;
  spec.ports = {{.mac = kMac, .vlan = 0, .kernel = false, .check_mac = true}};
  for (uint32_t i = 0; i < snat_addresses; ++i) {
    spec.snat_addresses.push_back({address(0x0a080000 + i), 1024, 65'535});
  }
  for (uint32_t n = 0; n < services; ++n) {
    ServiceSpec service;
    service.index = n;
    service.flow_id = n < kNarrowFlowIds ? n + 1 : kWideFlowId + n;
    service.vip = address(kVip + n);
    service.port = 80;
    service.mode = mode;
    service.timeouts = {0, 57'600, 57'600, 57'600, 57'600, 57'600};
    service.snat_count = is_translating(mode) ? snat_addresses : 0;
    for (uint32_t i = 0; i < reals; ++i) {
      RealSpec real;
      real.address = address(0x0a010001 + i);
      real.port = 8080;
      real.id = RealId(n * reals + i, 1);
      real.return_flow_id = mode == Mode::kNat ? 100 + i : 0;
      real.resolved = true;
      real.next_hop = kMac;
      service.reals.push_back(real);
    }
    spec.services.push_back(service);
  }
  spec.service_slots = services;
  spec.real_slots = reals * services;
  return SnapshotBuilder().build(spec);
}

// A 60-byte frame of TCP with ACK.
struct Frame {
  using Address = Ipv4Address;

  EthernetHeader ethernet;
  Ipv4Header ip;
  TcpHeader tcp;
  uint8_t padding[6];
};
static_assert(sizeof(Frame) == 60);

inline Frame make_frame(Ipv4Address source, Be16 source_port, Ipv4Address destination,
                        Be16 destination_port) {
  Frame frame{};
  frame.ethernet = {kMac, kMac, Be16(kEtherTypeIpv4)};
  frame.ip.version_ihl = 0x45;
  frame.ip.total_length = Be16(40);
  frame.ip.ttl = 64;
  frame.ip.protocol = kProtocolTcp;
  frame.ip.source = source;
  frame.ip.destination = destination;
  frame.ip.checksum = Be16::from_raw(internet_checksum(&frame.ip, sizeof frame.ip));
  frame.tcp.source_port = source_port;
  frame.tcp.destination_port = destination_port;
  frame.tcp.data_offset = 5 << 4;
  frame.tcp.flags = TcpHeader::kAck;
  return frame;
}

// The same over IPv6, as short as it can be.
struct Frame6 {
  using Address = Ipv6Address;

  EthernetHeader ethernet;
  Ipv6Header ip;
  TcpHeader tcp;
};
static_assert(sizeof(Frame6) == 74);

inline Frame6 make_frame(const Ipv6Address& source, Be16 source_port,
                         const Ipv6Address& destination, Be16 destination_port) {
  Frame6 frame{};
  frame.ethernet = {kMac, kMac, Be16(kEtherTypeIpv6)};
  frame.ip.version_class_flow = Be32(6u << 28);
  frame.ip.payload_length = Be16(sizeof frame.tcp);
  frame.ip.next_header = kProtocolTcp;
  frame.ip.hop_limit = 64;
  frame.ip.source = source;
  frame.ip.destination = destination;
  frame.tcp.source_port = source_port;
  frame.tcp.destination_port = destination_port;
  frame.tcp.data_offset = 5 << 4;
  frame.tcp.flags = TcpHeader::kAck;
  return frame;
}

}  // namespace vipgate
