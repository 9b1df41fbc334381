// A network of services whose reals answer the client directly: one of each mode and pair of
// families, TCP and UDP. The client is on port 0, the reals on port 1 (VLAN 20), as in test_net.h.
#pragma once

#include <string>
#include <vector>

#include "tests/support/test_net.h"
#include "tests/support/tunneled.h"

namespace vipgate::test {

struct DirectCase {
  Mode mode;
  uint8_t gue_variant;
  int family;       // of the VIP
  int real_family;  // of the reals
  Protocol protocol;
  uint32_t index;  // of the service

  std::string vip() const {
    return (family == 4 ? "11.0.1." : "fd11::1:") + std::to_string(index + 1);
  }
  std::string client(unsigned n = 1) const {
    if (family == 6) return "2001:db8::" + std::to_string(n % 10'000);
    return "192.0." + std::to_string(2 + n / 250) + "." + std::to_string(1 + n % 250);
  }
  std::string real(unsigned n) const {
    return (real_family == 4 ? "10.1.0." : "fd01::") + std::to_string(n);
  }
  std::string name() const {
    std::string mode_name(to_string(mode));
    mode_name[0] = static_cast<char>(mode_name[0] - 'a' + 'A');
    if (mode == Mode::kGue) mode_name += std::to_string(gue_variant);
    return mode_name + "V" + std::to_string(family) + "InV" + std::to_string(real_family) +
           (protocol == Protocol::kTcp ? "Tcp" : "Udp");
  }
};
inline void PrintTo(const DirectCase& kind, std::ostream* out) { *out << kind.name(); }

inline std::vector<DirectCase> direct_cases() {
  std::vector<DirectCase> cases;
  const auto add = [&](Mode mode, uint8_t variant, int family, int real_family) {
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
      cases.push_back(
          {mode, variant, family, real_family, protocol, static_cast<uint32_t>(cases.size())});
    }
  };
  for (const int family : {4, 6}) {
    add(Mode::kL2dsr, 1, family, family);
    for (const int real_family : {4, 6}) {
      add(Mode::kIpip, 1, family, real_family);
      add(Mode::kGre, 1, family, real_family);
      add(Mode::kGue, 1, family, real_family);
      add(Mode::kGue, 0, family, real_family);
    }
  }
  return cases;
}
inline std::vector<DirectCase> tunnel_cases() {
  std::vector<DirectCase> cases;
  for (const DirectCase& kind : direct_cases()) {
    if (is_tunnel(kind.mode)) cases.push_back(kind);
  }
  return cases;
}
// Of one TCP service.
inline DirectCase direct_case(Mode mode, int family = 4, int real_family = 4,
                              Protocol protocol = Protocol::kTcp) {
  for (const DirectCase& kind : direct_cases()) {
    if (kind.mode == mode && kind.family == family && kind.real_family == real_family &&
        kind.protocol == protocol) {
      return kind;
    }
  }
  throw std::invalid_argument("there is no such case");
}

inline constexpr uint16_t kDirectPort = 80;

// The ports and addresses of net_spec(), with the services of direct_cases() instead of its own;
// three reals each.
inline SnapshotSpec direct_spec() {
  SnapshotSpec spec = net_spec();
  spec.services.clear();
  for (PortEntry& port : spec.ports) port.mtu = 1500;
  for (const DirectCase& kind : direct_cases()) {
    ServiceSpec service{.index = kind.index,
                        .flow_id = kind.index + 1,
                        .name = kind.name(),
                        .fqdn = {},
                        .vip = ip(kind.vip()),
                        .port = kDirectPort,
                        .protocol = kind.protocol,
                        .mode = kind.mode,
                        .maglev_rows = 251,
                        .reals = {}};
    service.tunnel.gue_variant = kind.gue_variant;
    for (unsigned n = 1; n <= 3; ++n) {
      service.reals.push_back({.address = ip(kind.real(n)),
                               .port = kDirectPort,
                               .id = RealId(kind.index * 4 + n, 1),
                               .resolved = true,
                               .next_hop = mac(kRealMac),
                               .out_port = 1});
    }
    spec.services.push_back(service);
  }
  return spec;
}

// From the client to the VIP, as it arrives on port 0.
inline PacketBuilder to_vip(const DirectCase& kind, uint16_t client_port, unsigned client = 1) {
  PacketBuilder packet;
  packet.eth(kClientMac, kGatewayMac0);
  if (kind.family == 4) {
    packet.ipv4(kind.client(client), kind.vip());
  } else {
    packet.ipv6(kind.client(client), kind.vip());
  }
  if (kind.protocol == Protocol::kTcp) {
    packet.tcp(client_port, kDirectPort).flags("S");
  } else {
    packet.udp(client_port, kDirectPort);
  }
  return packet.payload("question");
}

}  // namespace vipgate::test
