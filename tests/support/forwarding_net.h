// The small network with resolvers on the reals' side, and what they say.
#pragma once

#include <gtest/gtest.h>

#include "common/dns_table_builder.h"
#include "common/headers.h"
#include "tests/support/dns_message.h"
#include "tests/support/test_net.h"

namespace vipgate::test {

inline std::shared_ptr<const DnsTable> own_names() {
  const auto wire = [](std::string_view text) { return dns_name_from_text(text).value(); };
  DnsTableBuilder builder(DnsHashSecret{});
  const DnsSoa soa{.mname = wire("ns.test"), .rname = wire("root.ns.test"), .minimum_s = 5};
  EXPECT_TRUE(builder.set_zones({{wire("test"), soa, 60}}).ok());
  const std::string address("\x0b\0\0\1", 4);
  EXPECT_TRUE(builder.add({wire("redis.test"), DnsType::kA, 30, address}).ok());
  return builder.build().value();
}

inline DnsResolver resolver_at(std::string_view address) {
  return {.address = ip(address),
          .is_resolved = true,
          .out_port = 1,
          .next_hop_mac = mac(kRealMac),
          .port_mac = mac(kGatewayMac1),
          .vlan = Be16(kRealVlan)};
}

// Two resolvers of IPv4 for all names, one of IPv6 for those of v6.example.
inline SnapshotSpec forwarding_spec() {
  SnapshotSpec spec = net_spec();
  spec.generation = 1;
  spec.dns = own_names();
  DnsForwarding& forwarding = spec.dns_policy.forwarding;
  forwarding.is_on = true;
  const std::vector<IpPrefix> clients{parse_ip_prefix("192.0.2.0/24").value(),
                                      parse_ip_prefix("2001:db8::/32").value()};
  forwarding.clients = PrefixSet(clients);
  forwarding.zones = {{dns_name_from_text("v6.example").value(), {resolver_at("fd01::53")}},
                      {std::string(1, '\0'), {resolver_at("10.1.0.53"), resolver_at("10.1.0.54")}}};
  const auto first = static_cast<uint32_t>(spec.snat_addresses.size());
  spec.snat_addresses.push_back({ip("10.8.0.53"), 20'000, 24'999});
  spec.snat_addresses.push_back({ip("fd08::53"), 20'000, 24'999});
  forwarding.sources4 = {first, 1};
  forwarding.sources6 = {first + 1, 1};
  forwarding.race_after_ns = 200'000'000;
  forwarding.timeout_ns = 1'000'000'000;
  forwarding.attempts = 2;
  forwarding.per_client = 16;
  forwarding.max_ttl_s = 3600;
  forwarding.negative_ttl_s = 60;
  return spec;
}

// A UDP packet, taken apart.
struct Datagram {
  IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;
  std::string payload;
};

// `at`: where its IP header begins.
inline Datagram datagram_of(const Bytes& frame, size_t at) {
  Datagram result;
  const bool is_v4 = frame.at(at) >> 4 == 4;
  const size_t udp = at + (is_v4 ? 20 : 40);
  if (is_v4) {
    result.source = load<Ipv4Address>(&frame.at(at + 12));
    result.destination = load<Ipv4Address>(&frame.at(at + 16));
  } else {
    result.source = load<Ipv6Address>(&frame.at(at + 8));
    result.destination = load<Ipv6Address>(&frame.at(at + 24));
  }
  result.source_port = load<Be16>(&frame.at(udp)).host();
  result.destination_port = load<Be16>(&frame.at(udp + 2)).host();
  result.payload.assign(frame.begin() + static_cast<long>(udp) + 8, frame.end());
  return result;
}

// A question that the gateway has sent to a resolver.
struct AskedResolver {
  Datagram datagram;
  test::ParsedMessage message;

  // What the resolver answers: `flags`, then the records of each section behind the question.
  std::string reply(unsigned flags, unsigned answers, unsigned authorities,
                    std::string_view records) const {
    return test::dns_header(flags, 1, answers, authorities, 1, message.id) + message.question +
           std::string(records) + test::dns_opt(1232);
  }
  // As one says it that knows nothing of EDNS: no OPT record, and not even the question.
  std::string plain_refusal(unsigned rcode) const {
    return test::dns_header(0x8180 | rcode, 0, 0, 0, 0, message.id);
  }
  // Its packet to the gateway.
  PacketBuilder packet(std::string_view payload) const {
    PacketBuilder packet;
    packet.eth(kRealMac, kGatewayMac1).vlan(kRealVlan);
    if (datagram.source.is_v4()) {
      packet.ipv4(to_string(datagram.destination), to_string(datagram.source));
    } else {
      packet.ipv6(to_string(datagram.destination), to_string(datagram.source));
    }
    return packet.udp(datagram.destination_port, datagram.source_port)
        .payload(Bytes(payload.begin(), payload.end()));
  }
};

inline std::string a_record(unsigned long ttl_s, std::string_view address,
                            std::string_view owner = "\xc0\x0c") {
  return std::string(owner) + test::be16(1) + test::be16(1) + test::be32(ttl_s) + test::be16(4) +
         std::string(address);
}
inline std::string soa_record(unsigned long ttl_s, unsigned long minimum_s) {
  const std::string data = test::wire_name("ns.a") + test::wire_name("root.a") + test::be32(1) +
                           test::be32(2) + test::be32(3) + test::be32(4) + test::be32(minimum_s);
  return std::string(1, '\0') + test::be16(6) + test::be16(1) + test::be32(ttl_s) +
         test::be16(static_cast<unsigned>(data.size())) + data;
}

}  // namespace vipgate::test
