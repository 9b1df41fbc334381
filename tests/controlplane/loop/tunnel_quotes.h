// Packets of tunnels as an ICMP error quotes them.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "common/headers.h"
#include "common/tunnel_error.h"
#include "tests/support/packet_builder.h"
#include "tests/support/tunneled.h"

namespace vipgate {

struct TunnelCase {
  std::string name;
  const char* source;
  const char* real;
  uint8_t protocol;
  test::Bytes between;  // outer IP (and UDP) header, and the packet within
  const char* client;
  const char* vip;

  static bool is_v4(const char* address) {
    return std::string_view(address).find(':') == std::string_view::npos;
  }
  static test::PacketBuilder ip_of(const char* from, const char* to) {
    test::PacketBuilder packet;
    return is_v4(from) ? packet.ipv4(from, to) : packet.ipv6(from, to);
  }
  // From the outer IP header on.
  test::Bytes packet() const {
    const test::Bytes inner =
        test::ip_packet(ip_of(client, vip).tcp(40'000, 80).payload(test::Bytes(1400)).build());
    test::Bytes within = between;
    within.insert(within.end(), inner.begin(), inner.end());
    auto outer = ip_of(source, real);
    if (protocol == kProtocolUdp)
      return test::ip_packet(outer.udp(50'000, 6080).payload(within).build());
    return test::ip_packet(outer.protocol(protocol).payload(within).build());
  }
};

// Each mode over and with each family.
inline std::vector<TunnelCase> tunnel_quote_cases() {
  std::vector<TunnelCase> cases;
  for (const bool is_over_v4 : {true, false}) {
    for (const bool has_v4 : {true, false}) {
      const auto add = [&](const char* name, uint8_t protocol, test::Bytes between) {
        cases.push_back({std::string(name) + (has_v4 ? " IPv4 in " : " IPv6 in ") +
                             (is_over_v4 ? "IPv4" : "IPv6"),
                         is_over_v4 ? "172.16.3.4" : "100::3:4",
                         is_over_v4 ? "10.1.0.1" : "fd01::1", protocol, std::move(between),
                         has_v4 ? "192.0.2.1" : "2001:db8::1", has_v4 ? "11.0.0.1" : "fd11::1"});
      };
      const uint8_t inner = has_v4 ? kProtocolIpv4 : kProtocolIpv6;
      add("ipip", inner, {});
      add("gre", kProtocolGre, has_v4 ? test::Bytes{0, 0, 8, 0} : test::Bytes{0, 0, 0x86, 0xdd});
      add("gue", kProtocolUdp, {});
      add("gue 0", kProtocolUdp, {0, inner, 0, 0});
      // With two hops.
      if (is_over_v4)
        add("gue 0 with hops", kProtocolUdp,
            {3, inner, 0, 0, 0, 0, 0, 2, 10, 1, 0, 2, 10, 1, 0, 3});
    }
  }
  return cases;
}

// As a worker notes it.
inline TunnelError tunnel_error(const test::Bytes& packet, uint16_t mtu, size_t there = SIZE_MAX) {
  TunnelError error;
  error.mtu = mtu;
  error.length = static_cast<uint16_t>(std::min({packet.size(), there, error.quote.size()}));
  std::copy_n(packet.begin(), error.length, error.quote.begin());
  return error;
}

}  // namespace vipgate
