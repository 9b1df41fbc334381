// A small network that packet path tests share: VIPs of each kind with three reals each, the
// client's side on port 0 (untagged), the reals' side on port 1 (VLAN 20).
#pragma once

#include <string>

#include "tests/support/address_text.h"
#include "tests/support/fake_gateway.h"

namespace vipgate::test {

// One combination that a service may be of.
struct ServiceCase {
  Mode mode;
  int family;
  Protocol protocol;

  // Position in net_spec().services, in the order of kServiceCases.
  uint32_t index() const {
    return (mode == Mode::kNat ? 4 : 0) + (family == 6 ? 2 : 0) +
           (protocol == Protocol::kUdp ? 1 : 0);
  }
  uint16_t port() const { return protocol == Protocol::kTcp ? 80 : 5000; }
  uint16_t real_port() const { return static_cast<uint16_t>(8000 + index()); }
  std::string vip() const {
    return std::string(family == 4 ? "11.0.0." : "fd11::") + (mode == Mode::kNat ? "2" : "1");
  }
  std::string client(unsigned n = 1) const {
    if (family == 6) return "2001:db8::" + std::to_string(n % 10'000);
    return "192.0." + std::to_string(2 + n / 250) + "." + std::to_string(1 + n % 250);
  }
  std::string real(unsigned n) const {
    return (family == 4 ? "10.1.0." : "fd01::") + std::to_string(n);
  }
  std::string name() const {
    return std::string(mode == Mode::kNat ? "Nat" : "Fullnat") + (family == 4 ? "V4" : "V6") +
           (protocol == Protocol::kTcp ? "Tcp" : "Udp");
  }
};
inline void PrintTo(const ServiceCase& kind, std::ostream* out) { *out << kind.name(); }

inline constexpr ServiceCase kServiceCases[] = {
    {Mode::kFullnat, 4, Protocol::kTcp}, {Mode::kFullnat, 4, Protocol::kUdp},
    {Mode::kFullnat, 6, Protocol::kTcp}, {Mode::kFullnat, 6, Protocol::kUdp},
    {Mode::kNat, 4, Protocol::kTcp},     {Mode::kNat, 4, Protocol::kUdp},
    {Mode::kNat, 6, Protocol::kTcp},     {Mode::kNat, 6, Protocol::kUdp},
};

inline constexpr const char* kGatewayMac0 = "02:00:00:00:00:a0";
inline constexpr const char* kGatewayMac1 = "02:00:00:00:00:a1";
inline constexpr const char* kClientMac = "02:00:00:00:00:c1";
inline constexpr const char* kRealMac = "02:00:00:00:00:b1";
inline constexpr uint16_t kRealVlan = 20;

// Further services, which have no reals, follow the eight of kServiceCases: TCP and UDP of either
// family on port 99 of the `fullnat` VIPs (reject), then IPv4 TCP on port 98 (drop).
inline SnapshotSpec net_spec() {
  SnapshotSpec spec;
  spec.ports = {{.mac = mac(kGatewayMac0),
                 .vlan = 0,
                 .kernel = true,
                 .address4 = ip("10.9.0.1").v4(),
                 .address6 = ip("fd09::1").v6()},
                {.mac = mac(kGatewayMac1),
                 .vlan = kRealVlan,
                 .kernel = false,
                 .address4 = ip("10.1.0.254").v4(),
                 .address6 = ip("fd01::fe").v6()}};
  spec.own = {{ip("10.9.0.1"), true},
              {ip("10.1.0.254"), false},
              {ip("fd09::1"), true},
              {ip("fd01::fe"), false}};
  spec.dns_listen = {ip("10.9.0.53"), ip("fd09::53")};
  spec.snat_addresses = {{ip("10.8.0.1"), 20'000, 24'999}, {ip("fd08::1"), 20'000, 24'999}};
  for (const ServiceCase& kind : kServiceCases) {
    ServiceSpec service{.index = kind.index(),
                        .flow_id = kind.index() + 1,
                        .name = kind.name(),
                        .fqdn = {},
                        .vip = ip(kind.vip()),
                        .port = kind.port(),
                        .protocol = kind.protocol,
                        .mode = kind.mode,
                        .snat_first = kind.family == 4 ? 0u : 1u,
                        .snat_count = 1,
                        .maglev_rows = 251,
                        .reals = {}};
    for (unsigned n = 1; n <= 3; ++n) {
      service.reals.push_back(
          {.address = ip(kind.real(n)),
           .port = kind.real_port(),
           .id = RealId(kind.index() * 8 + n, 1),
           .return_flow_id = kind.mode == Mode::kNat ? 100 + kind.index() * 8 + n : 0,
           .resolved = true,
           .next_hop = mac(kRealMac),
           .out_port = 1});
    }
    spec.services.push_back(service);
  }
  uint32_t index = 8;
  for (const int family : {4, 6}) {
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
      spec.services.push_back({.index = index,
                               .flow_id = index + 1,
                               .name = "empty" + std::to_string(index),
                               .fqdn = {},
                               .vip = ip(family == 4 ? "11.0.0.1" : "fd11::1"),
                               .port = 99,
                               .protocol = protocol,
                               .reals = {}});
      ++index;
    }
  }
  spec.services.push_back({.index = index,
                           .flow_id = index + 1,
                           .name = "dropping",
                           .fqdn = {},
                           .vip = ip("11.0.0.1"),
                           .port = 98,
                           .no_real = NoReal::kDrop,
                           .reals = {}});
  spec.service_slots = 64;
  spec.real_slots = 256;
  return spec;
}

// From the client to the VIP, as it arrives on port 0.
inline PacketBuilder to_vip(const ServiceCase& kind, uint16_t client_port, unsigned client = 1) {
  PacketBuilder packet;
  packet.eth(kClientMac, kGatewayMac0);
  if (kind.family == 4) {
    packet.ipv4(kind.client(client), kind.vip());
  } else {
    packet.ipv6(kind.client(client), kind.vip());
  }
  if (kind.protocol == Protocol::kTcp) {
    packet.tcp(client_port, kind.port()).flags("S");
  } else {
    packet.udp(client_port, kind.port());
  }
  return packet.payload("question");
}

// Addresses and ports of an IPv4 or IPv6 TCP or UDP frame.
struct Tuple {
  IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;
  friend bool operator==(const Tuple&, const Tuple&) = default;
};
inline Tuple tuple_of(std::span<const uint8_t> frame) {
  const size_t l3 = frame[12] == 0x81 && frame[13] == 0 ? 18 : 14;
  Tuple tuple;
  size_t l4;
  if (frame[l3] >> 4 == 4) {
    const auto& header = *reinterpret_cast<const Ipv4Header*>(frame.data() + l3);
    tuple.source = header.source;
    tuple.destination = header.destination;
    l4 = l3 + static_cast<size_t>(header.header_length());
  } else {
    const auto& header = *reinterpret_cast<const Ipv6Header*>(frame.data() + l3);
    tuple.source = header.source;
    tuple.destination = header.destination;
    l4 = l3 + sizeof(Ipv6Header);
  }
  const auto& ports = *reinterpret_cast<const UdpHeader*>(frame.data() + l4);
  tuple.source_port = ports.source_port.host();
  tuple.destination_port = ports.destination_port.host();
  return tuple;
}

// The real's answer to what the gateway forwarded, as it arrives on port 1.
inline PacketBuilder answer_to(const Outcome& forwarded, Protocol protocol,
                               std::string_view flags = "SA") {
  const Tuple tuple = tuple_of(forwarded.frame);
  PacketBuilder packet;
  packet.eth(kRealMac, kGatewayMac1).vlan(kRealVlan);
  if (tuple.source.is_v4()) {
    packet.ipv4(tuple.destination.v4(), tuple.source.v4());
  } else {
    packet.ipv6(tuple.destination.v6(), tuple.source.v6());
  }
  if (protocol == Protocol::kTcp) {
    packet.tcp(tuple.destination_port, tuple.source_port).flags(flags);
  } else {
    packet.udp(tuple.destination_port, tuple.source_port);
  }
  return packet.payload("an answer");
}

}  // namespace vipgate::test
