// The network of test_net.h with services that take several ports or a whole prefix, in place of
// the exact ones of kServiceCases.
#pragma once

#include <string>

#include "tests/support/test_net.h"

namespace vipgate::test {

// A service of this kind on the addresses `vip`, whose flows have wide ids and whose reals have the
// port `real_port`; 0: the one that the client asks for. Its reals are those of net_spec().
inline ServiceSpec wide_service(const ServiceCase& kind, const std::string& vip, uint16_t port,
                                const ServiceExtent& extent, uint32_t index = 32,
                                uint16_t real_port = 0) {
  ServiceSpec service = net_spec().services[kind.index()];
  service.index = index;
  service.flow_id = kWideFlowId + index;
  service.name = "wide" + std::to_string(index);
  service.vip = ip(vip);
  service.port = port;
  service.extent = extent;
  uint32_t n = 0;
  for (RealSpec& real : service.reals) {
    ++n;
    real.id = RealId(128 + (index - 32) * 4 + n, 1);
    real.port = real_port;
    if (kind.mode == Mode::kNat) real.return_flow_id = kWideFlowId + 20'000 + n + real_port * 8u;
  }
  return service;
}

inline constexpr ServiceExtent kAnyPort{kLastPort, 0};

inline std::string wide_prefix(const ServiceCase& kind) {
  return kind.family == 4 ? "11.7.0.0" : "fd11:7::";
}
// The extent of a prefix of 65,536 or more addresses.
inline ServiceExtent whole_prefix(const ServiceCase& kind, uint16_t port_last = kLastPort) {
  return {port_last, static_cast<uint8_t>(kind.family == 4 ? 16 : 64)};
}
inline std::string in_prefix(const ServiceCase& kind, unsigned n) {
  return (kind.family == 4 ? "11.7.0." : "fd11:7::") + std::to_string(n);
}

// From the client to any address and port, as it arrives on port 0.
inline PacketBuilder to_socket(const ServiceCase& kind, const std::string& address, uint16_t port,
                               uint16_t client_port, unsigned client = 1) {
  PacketBuilder packet;
  packet.eth(kClientMac, kGatewayMac0);
  if (kind.family == 4) {
    packet.ipv4(kind.client(client), address);
  } else {
    packet.ipv6(kind.client(client), address);
  }
  if (kind.protocol == Protocol::kTcp) {
    packet.tcp(client_port, port).flags("S");
  } else {
    packet.udp(client_port, port);
  }
  return packet.payload("question");
}

}  // namespace vipgate::test
