// What benchmarks of the packet path share: services, and packets to them.
#pragma once

#include <cstdint>
#include <memory>

#include "common/checksum.h"
#include "common/headers.h"
#include "common/snapshot_builder.h"

namespace vipgate {

inline constexpr uint32_t kNarrowFlowIds = 65'535;  // of IPv4; beyond, they are wide
inline constexpr uint32_t kVip = 0x0b000001;
inline constexpr MacAddress kMac{{2, 0, 0, 0, 0, 1}};  // of all stations

// Services on port 80 of kVip and the addresses after it, each of so many reals, all reached; for
// modes that translate, with so many SNAT addresses. REQUIRES: of `nat`, one service.
inline std::shared_ptr<const Snapshot> make_snapshot(Mode mode, uint32_t reals,
                                                     uint32_t snat_addresses,
                                                     uint32_t services = 1) {
  SnapshotSpec spec;
  spec.ports = {{.mac = kMac, .vlan = 0, .kernel = false, .check_mac = true}};
  for (uint32_t i = 0; i < snat_addresses; ++i) {
    spec.snat_addresses.push_back({Ipv4Address{Be32(0x0a080000 + i)}, 1024, 65'535});
  }
  for (uint32_t n = 0; n < services; ++n) {
    ServiceSpec service;
    service.index = n;
    service.flow_id = n < kNarrowFlowIds ? n + 1 : kWideFlowId + n;
    service.vip = Ipv4Address{Be32(kVip + n)};
    service.port = 80;
    service.mode = mode;
    service.timeouts = {0, 57'600, 57'600, 57'600, 57'600, 57'600};
    service.snat_count = is_translating(mode) ? snat_addresses : 0;
    for (uint32_t i = 0; i < reals; ++i) {
      RealSpec real;
      real.address = Ipv4Address{Be32(0x0a010001 + i)};
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

}  // namespace vipgate
