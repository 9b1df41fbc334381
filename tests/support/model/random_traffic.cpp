#include "tests/support/model/random_traffic.h"

#include <algorithm>
#include <utility>

#include "tests/support/fragments.h"
#include "tests/support/model/wire.h"
#include "tests/support/quic_packets.h"
#include "tests/support/test_net.h"
#include "tests/support/tunneled.h"

namespace vipgate::test::model {
namespace {

constexpr uint32_t kClientPorts = 48;
constexpr uint32_t kClients = 3;
constexpr size_t kForwardedKept = 512;

// Everything that is someone's, and some that are nobody's.
constexpr const char* kAddresses4[] = {
    "11.5.0.4",   "11.5.9.9", "11.0.0.1",  "11.0.0.2",   "11.0.0.3",  "10.9.0.1",
    "10.1.0.254", "10.8.0.1", "10.8.0.2",  "10.9.0.53",  "1.2.3.4",   "192.0.2.2",
    "224.0.0.1",  "10.1.0.1", "224.0.0.5", "224.0.0.13", "224.0.0.18"};
constexpr const char* kAddresses6[] = {"fd11:5::9",   "fd11::1", "fd11::2",  "fd11::3", "fd09::1",
                                       "fd01::fe",    "fd08::1", "fd09::53", "ff02::1", "fe80::1",
                                       "2001:db8::2", "fd01::1", "ff02::6",  "ff02::d", "ff02::12"};
constexpr const char* kSources4[] = {"11.5.0.3",  "192.0.2.2", "10.1.0.1",
                                     "11.0.0.1",  "0.0.0.1",   "127.0.0.1",
                                     "224.0.0.5", "240.0.0.1", "255.255.255.255"};
constexpr const char* kSources6[] = {
    "2001:db8::2", "fd01::1", "fd11::1", "::", "::1", "ff02::1", "fe80::9"};

bool is_plain_transport(const Bytes& frame) {
  const PortEntry any{.mac = {}, .check_mac = false};
  const Wire wire = read_frame(frame, any);
  const bool is_transport =
      wire.kind == Kind::kTcp || wire.kind == Kind::kUdp || wire.kind == Kind::kSctp;
  return wire.faults.empty() && is_transport && !wire.is_fragment &&
         (wire.is_v4() || wire.l4 == wire.l3 + 40);
}

}  // namespace

RandomTraffic::Arrival RandomTraffic::arrival() {
  Arrival arrival;
  arrival.port = static_cast<uint8_t>(below(2));
  // Flows are looked for before the burst's first packet is acted upon, so a real's packet in the
  // very burst that begins its flow is not expected to find it: such bursts are not made.
  from_reals_ = arrival.port == 1 && !forwarded_.frames.empty() && !one_in(8);
  // Every length of a frame, from nothing on.
  if (one_in(400)) {
    const Bytes whole = frame(arrival.port);
    const size_t longest = std::min<size_t>(whole.size(), kBurst - 1);
    const size_t first = whole.size() - longest;
    const size_t skipped = below(static_cast<uint32_t>(first + 1));
    for (size_t length = skipped; length <= skipped + longest; ++length) {
      arrival.frames.emplace_back(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    }
    return arrival;
  }
  const size_t count = one_in(4) ? 1 : 1 + below(kBurst);
  while (arrival.frames.size() < count) {
    if (one_in(16)) add_fragments(arrival);
    if (arrival.frames.size() < kBurst) arrival.frames.push_back(frame(arrival.port));
  }
  return arrival;
}

// A datagram in pieces, in any order, not all of them always there.
void RandomTraffic::add_fragments(Arrival& arrival) {
  PacketBuilder packet = from_reals_ ? from_a_real(arrival.port)
                         : one_in(4) ? to_an_sctp_vip(arrival.port)
                                     : to_a_vip(arrival.port);
  const Bytes whole = packet.build();
  if (!is_plain_transport(whole)) return;
  if (!from_reals_ && tuple_of(whole).destination_port == kSctpPorts[3]) return;  // l2dsr
  auto fragments = fragmented(whole, 8 * (3 + below(6)), below(6));
  for (size_t i = fragments.size(); i > 1; --i) {
    if (one_in(2)) std::swap(fragments[i - 1], fragments[below(static_cast<uint32_t>(i))]);
  }
  for (const Bytes& fragment : fragments) {
    if (arrival.frames.size() == kBurst) return;
    if (!one_in(12)) arrival.frames.push_back(fragment);
    if (one_in(40) && arrival.frames.size() < kBurst) {
      arrival.frames.push_back(frame(arrival.port));
    }
  }
}

Bytes RandomTraffic::frame(uint8_t port) {
  PacketBuilder packet;
  const uint32_t kind = below(16);
  if (kind < 10) {
    if (from_reals_) {
      packet = from_a_real(port);
    } else {
      packet = one_in(3)   ? to_a_direct_vip(port)
               : one_in(4) ? to_an_sctp_vip(port)
                           : to_a_vip(port);
    }
  } else if (kind < 13 && !from_reals_) {
    packet = to_anyone(port);
  } else if (kind < 15) {
    const bool has_any = !forwarded_.frames.empty() && !returned_.frames.empty();
    packet = has_any && one_in(2) ? icmp_error(port) : echo_or_icmp(port);
  } else {
    packet = neighbors(port);
  }
  if (one_in(20)) packet.pad_to(60 + below(40));
  Bytes bytes = packet.build();
  if (one_in(8)) mangle(bytes);
  return bytes;
}

PacketBuilder RandomTraffic::link(uint8_t port) {
  PacketBuilder packet;
  static constexpr const char* kStations[] = {"02:00:00:00:00:c1", "02:00:00:00:00:c2",
                                              "02:00:00:00:00:b1"};
  const char* ours = port == 0 ? kGatewayMac0 : kGatewayMac1;
  if (one_in(60)) ours = one_in(2) ? "02:00:00:00:00:99" : "ff:ff:ff:ff:ff:ff";
  packet.eth(one_in(100) ? "03:00:00:00:00:01" : one_of(kStations), ours);
  const auto priority = static_cast<uint8_t>(below(8));
  if (port == 1) {
    if (!one_in(60)) packet.vlan(one_in(60) ? 21 : kRealVlan, priority);
  } else if (one_in(6)) {
    packet.vlan(one_in(8) ? 0 : static_cast<uint16_t>(100 + below(3)), priority);
  }
  if (one_in(300)) packet.vlan(30);
  return packet;
}

const char* RandomTraffic::flags() {
  static constexpr const char* kFlags[] = {"S",  "S",  "A", "A", "A",  "PA", "FA",    "R",
                                           "RA", "SA", "",  "F", "SF", "SR", "FSRPAU"};
  return one_of(kFlags);
}

// What is legal, but seldom.
void RandomTraffic::make_odd(PacketBuilder& packet, bool is_v4) {
  packet.tos(static_cast<uint8_t>(below(256))).ip_id(static_cast<uint16_t>(below(65'536)));
  if (one_in(12)) packet.ttl(static_cast<uint8_t>(below(3)));
  if (is_v4 && one_in(8)) packet.ip_options(4 * below(11));
  if (is_v4 && one_in(4)) packet.dont_fragment();
  if (one_in(40)) packet.fragment(static_cast<uint16_t>(8 * below(4)), one_in(2));
  if (!is_v4 && one_in(12)) {
    if (one_in(2)) packet.ipv6_extension(0);
    for (uint32_t i = below(one_in(10) ? 12 : 3); i > 0; --i) {
      static constexpr uint8_t kTypes[] = {43, 60, 60, 60, 0, 51};
      packet.ipv6_extension(one_in(12) ? one_of(kTypes) : 60,
                            Bytes(6 + 8 * below(3), static_cast<uint8_t>(below(2) * 4)));
    }
    if (one_in(4)) packet.ipv6_extension(43, {4, static_cast<uint8_t>(one_in(3)), 0, 0, 0, 0});
  }
  if (is_v4 && one_in(40)) {
    const auto type = static_cast<uint8_t>(one_in(2) ? 131 + 6 * below(2) : below(256));
    packet.ip_options({1, type, static_cast<uint8_t>(one_in(8) ? below(20) : 7), 4, 1, 2, 3, 4});
  }
  if (one_in(30)) packet.ip_length(static_cast<uint16_t>(below(120)));
  if (is_v4 && one_in(30)) packet.bad_ip_checksum();
  if (one_in(30)) packet.bad_l4_checksum();
  if (one_in(20)) packet.no_udp_checksum();
}

PacketBuilder RandomTraffic::to_a_vip(uint8_t port) {
  static constexpr const char* kWide4[] = {"11.0.0.1", "11.5.0.1", "11.5.0.4",
                                           "11.5.0.5", "11.5.0.9", "11.5.3.7"};
  static constexpr const char* kWide6[] = {"fd11::1", "fd11:5::2", "fd11:5::7", "fd11:5:0:1::1"};
  static constexpr uint16_t kWidePorts[] = {70,   80,   83,   90,   99,   5000,
                                            5002, 8000, 8004, 8006, 8010, 9};
  const ServiceCase& kind = one_of(kServiceCases);
  const bool is_v4 = kind.family == 4;
  PacketBuilder packet = link(port);
  std::string vip = kind.vip();
  uint16_t vip_port = kind.port();
  if (one_in(3)) {
    if (one_in(2)) vip = is_v4 ? one_of(kWide4) : one_of(kWide6);
    vip_port = one_of(kWidePorts);
  }
  const uint32_t other = below(12);
  if (other == 0) vip = is_v4 ? "11.0.0.3" : "fd11::3";
  if (other == 1) vip_port = static_cast<uint16_t>(98 + below(2));
  if (other == 2) vip_port = static_cast<uint16_t>(below(100));
  std::string client = kind.client(1 + below(kClients));
  if (one_in(40)) client = is_v4 ? one_of(kSources4) : one_of(kSources6);
  // A real may be its own client.
  if (one_in(12)) client = kind.real(1 + below(3));
  if (is_v4) {
    packet.ipv4(client, vip);
  } else {
    packet.ipv6(client, vip);
  }
  const auto client_port = static_cast<uint16_t>(1024 + below(kClientPorts));
  if (kind.protocol == Protocol::kTcp) {
    packet.tcp(client_port, vip_port).flags(flags());
    packet.sequence(below(UINT32_MAX)).acknowledgment(below(UINT32_MAX));
    if (one_in(4)) packet.tcp_options(Bytes(below(41), 1));
  } else {
    packet.udp(client_port, vip_port);
  }
  packet.payload(
      Bytes(one_in(50) ? 500 + below(900) : below(60), static_cast<uint8_t>(below(256))));
  if (kind.protocol == Protocol::kUdp && one_in(4)) packet.payload(quic_payload());
  make_odd(packet, is_v4);
  return packet;
}

// Whole packets, and no two of a burst are of one flow: an l2dsr flow's packets are looked up
// before the first of them is acted upon, so that a connection that begins anew would take two
// bursts.
PacketBuilder RandomTraffic::to_a_direct_vip(uint8_t port) {
  const ServiceCase& kind = one_of(kServiceCases);
  const bool is_v4 = kind.family == 4;
  std::string vip = direct_vip(kind.family, one_in(2));
  uint16_t vip_port = kind.port();
  if (one_in(2)) vip_port = static_cast<uint16_t>(7000 + below(3));
  if (one_in(5)) vip = (is_v4 ? "11.6.0." : "fd11:6::") + std::to_string(below(4));
  PacketBuilder packet = link(port);
  const std::string client = one_in(40) ? (is_v4 ? one_of(kSources4) : one_of(kSources6))
                                        : kind.client(1 + below(kClients));
  if (is_v4) {
    packet.ipv4(client, vip);
  } else {
    packet.ipv6(client, vip);
  }
  const auto client_port = static_cast<uint16_t>(1024 + direct_packets_++ % (kBurst + 8));
  if (kind.protocol == Protocol::kTcp) {
    packet.tcp(client_port, vip_port).flags(flags());
  } else {
    packet.udp(client_port, vip_port);
  }
  packet.payload(Bytes(below(60), static_cast<uint8_t>(below(256))));
  if (kind.protocol == Protocol::kUdp && one_in(2)) packet.payload(quic_payload());
  packet.tos(static_cast<uint8_t>(below(256))).ip_id(static_cast<uint16_t>(below(65'536)));
  if (one_in(12)) packet.ttl(static_cast<uint8_t>(below(3)));
  if (one_in(30)) packet.bad_l4_checksum();
  return packet;
}

// Of a connection id that names a real, or one that is not there; or not quite.
Bytes RandomTraffic::quic_payload() {
  static constexpr uint32_t kVersions[] = {kQuicVersion1, kQuicVersion1, kQuicVersion2, 0,
                                           0xfaceb002};
  Bytes id = quic_connection_id(static_cast<int>(below(16) == 0 ? 0 : 1 + below(3)),
                                one_in(8) ? below(1u << 16) : 1 + below(3));
  if (one_in(12)) id.resize(below(20));
  if (!one_in(3)) return quic_short(id, below(20));
  return quic_long(static_cast<int>(below(4)), id, one_of(kVersions));
}

// An association's chunks, mostly such as belong together.
void RandomTraffic::add_chunks(PacketBuilder& packet) {
  static constexpr uint8_t kTypes[] = {0, 0, 2, 3, 4, 6, 7, 8, 9, 10, 10, 11, 14, 64, 130};
  if (one_in(4)) {
    packet.init(one_in(10) ? 0 : below(UINT32_MAX));
    return;
  }
  for (uint32_t i = below(one_in(20) ? 20 : 3) + 1; i > 0; --i) {
    const uint8_t type = one_of(kTypes);
    Bytes body(below(one_in(6) ? 40 : 12), static_cast<uint8_t>(below(4)));
    if (type == 9 && one_in(2)) body = {0, 3, 0, 8, 0, 0, 0, 0};  // stale cookie
    packet.chunk(type, std::move(body), static_cast<uint8_t>(below(2)));
  }
}

PacketBuilder RandomTraffic::to_an_sctp_vip(uint8_t port) {
  const ServiceCase& kind = one_of(kServiceCases);
  const bool is_v4 = kind.family == 4;
  PacketBuilder packet = link(port);
  const std::string client = one_in(40) ? (is_v4 ? one_of(kSources4) : one_of(kSources6))
                                        : kind.client(1 + below(kClients));
  if (is_v4) {
    packet.ipv4(client, "11.0.0.1");
  } else {
    packet.ipv6(client, "fd11::1");
  }
  // Of l2dsr, no two of a burst are of one flow: see to_a_direct_vip().
  const uint16_t vip_port = one_of(kSctpPorts);
  const uint32_t client_port =
      vip_port == kSctpPorts[3] ? direct_packets_++ % (kBurst + 8) : below(kClientPorts);
  packet.sctp(static_cast<uint16_t>(1024 + client_port), vip_port, below(UINT32_MAX));
  add_chunks(packet);
  if (vip_port != kSctpPorts[3]) make_odd(packet, is_v4);
  if (one_in(20)) packet.no_sctp_checksum();
  return packet;
}

// The answer to a packet that was forwarded, sometimes not quite.
PacketBuilder RandomTraffic::from_a_real(uint8_t port) {
  const Bytes& question = forwarded_.frames[below(static_cast<uint32_t>(forwarded_.frames.size()))];
  Tuple tuple = tuple_of(question);
  const uint32_t other = below(60);
  if (other == 0) ++tuple.source_port;
  if (other == 1) ++tuple.destination_port;
  PacketBuilder packet = link(port);
  const bool is_v4 = tuple.source.is_v4();
  if (is_v4) {
    packet.ipv4(tuple.destination.v4(), tuple.source.v4());
  } else {
    packet.ipv6(tuple.destination.v6(), tuple.source.v6());
  }
  const size_t l3 = question[12] == 0x81 && question[13] == 0 ? 18 : 14;
  const uint8_t protocol = question[l3 + (is_v4 ? 9 : 6)];
  const bool is_tcp = protocol == 6;
  if (protocol == 132) {
    packet.sctp(tuple.destination_port, tuple.source_port, below(UINT32_MAX));
    add_chunks(packet);
  } else if (is_tcp == (other != 2)) {
    packet.tcp(tuple.destination_port, tuple.source_port).flags(flags());
  } else {
    packet.udp(tuple.destination_port, tuple.source_port);
  }
  if (protocol != 132) packet.payload(Bytes(below(60), static_cast<uint8_t>(below(256))));
  make_odd(packet, is_v4);
  return packet;
}

PacketBuilder RandomTraffic::to_anyone(uint8_t port) {
  const bool is_v4 = one_in(2);
  PacketBuilder packet = link(port);
  if (is_v4) {
    packet.ipv4(one_in(10) ? one_of(kSources4) : "192.0.2.2", one_of(kAddresses4));
  } else {
    packet.ipv6(one_in(10) ? one_of(kSources6) : "2001:db8::2", one_of(kAddresses6));
  }
  static constexpr uint16_t kPorts[] = {53,  53,   80,   99,     98,     5000,  22,
                                        179, 3784, 1030, 20'010, 24'999, 25'000};
  static constexpr uint8_t kRouting[] = {2, 89, 103, 112};  // IGMP, OSPF, PIM, VRRP
  const auto source_port = static_cast<uint16_t>(one_in(3) ? 8000 + below(9) : 1024 + below(100));
  switch (below(4)) {
    case 0:
      packet.tcp(source_port, one_of(kPorts)).flags(flags());
      break;
    case 1:
      packet.protocol(one_in(2) ? one_of(kRouting) : static_cast<uint8_t>(below(140)));
      packet.payload(Bytes(below(40), 1));
      break;
    default:
      packet.udp(source_port, one_of(kPorts));
      // A question: example.com A.
      packet.payload(Bytes{0,   7,   1,   0,   0,   1, 0,   0,   0,   0, 0, 0, 7, 'e', 'x',
                           'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0, 1, 0, 1});
      break;
  }
  make_odd(packet, is_v4);
  return packet;
}

PacketBuilder RandomTraffic::echo_or_icmp(uint8_t port) {
  const bool is_v4 = one_in(2);
  PacketBuilder packet = link(port);
  if (is_v4) {
    packet.ipv4(one_in(10) ? one_of(kSources4) : "192.0.2.2", one_of(kAddresses4));
  } else {
    packet.ipv6(one_in(10) ? one_of(kSources6) : "2001:db8::2", one_of(kAddresses6));
  }
  if (one_in(3)) {
    packet.icmp(static_cast<uint8_t>(one_in(2) ? below(20) : 125 + below(15)),
                static_cast<uint8_t>(below(3)), below(1000));
  } else {
    packet.icmp_echo(static_cast<uint16_t>(below(65'536)), 1);
  }
  packet.payload(Bytes(below(70), 9));
  make_odd(packet, is_v4);
  return packet;
}

// About a packet that was forwarded, sometimes not quite.
PacketBuilder RandomTraffic::icmp_error(uint8_t port) {
  const auto& frames = one_in(2) ? forwarded_.frames : returned_.frames;
  Bytes quote = ip_packet(frames[below(static_cast<uint32_t>(frames.size()))]);
  const bool is_v4 = quote[0] >> 4 == 4;
  const size_t header = is_v4 ? (quote[0] & 15) * 4u : 40u;
  PacketBuilder packet = link(port);
  if (is_v4) {
    const char* teller = one_in(10) ? one_of(kSources4) : "198.51.100.9";
    packet.ipv4(ip(teller).v4(), load<Ipv4Address>(quote.data() + 12));
    packet.icmp(static_cast<uint8_t>(one_in(2) ? 3 : 11 + below(2)), static_cast<uint8_t>(below(5)),
                below(2000));
  } else {
    const char* teller = one_in(10) ? one_of(kSources6) : "2001:db8:9::9";
    packet.ipv6(ip(teller).v6(), load<Ipv6Address>(quote.data() + 8));
    packet.icmp(static_cast<uint8_t>(1 + below(4)), static_cast<uint8_t>(below(5)), below(2000));
  }
  if (one_in(20)) quote[below(static_cast<uint32_t>(header + 4))] ^= 1;
  quote.resize(std::min(quote.size(), one_in(20) ? below(60) : header + 8 + below(40)));
  packet.payload(quote);
  packet.tos(static_cast<uint8_t>(below(256)));
  if (one_in(12)) packet.ttl(static_cast<uint8_t>(below(3)));
  if (one_in(20)) packet.bad_l4_checksum();
  return packet;
}

PacketBuilder RandomTraffic::neighbors(uint8_t port) {
  PacketBuilder packet;
  if (one_in(2)) {
    if (one_in(4)) {
      packet.arp_reply(kClientMac, "192.0.2.2", port == 0 ? kGatewayMac0 : kGatewayMac1,
                       one_of(kAddresses4));
    } else {
      packet.arp_request(kClientMac, one_of(kSources4), one_of(kAddresses4));
    }
  } else {
    packet.neighbor_solicitation(kClientMac, one_in(5) ? "::" : "fd00::9", one_of(kAddresses6));
    if (one_in(8)) packet.ttl(64);
    if (one_in(8)) packet.bad_l4_checksum();
  }
  if (port == 1) packet.vlan(kRealVlan, 3);
  return packet;
}

void RandomTraffic::mangle(Bytes& frame) {
  for (uint32_t i = below(4); i > 0 && !frame.empty(); --i) {
    const auto reach = static_cast<uint32_t>(std::min<size_t>(frame.size(), 80));
    frame[below(reach)] = static_cast<uint8_t>(below(256));
  }
  if (one_in(3)) frame.resize(below(static_cast<uint32_t>(frame.size() + 1)));
}

void RandomTraffic::note_forwarded(const Outcome& outcome) {
  if (!is_plain_transport(outcome.frame)) return;
  Lately& lately = outcome.verdict.is_return ? returned_ : forwarded_;
  if (lately.frames.size() < kForwardedKept) {
    lately.frames.push_back(outcome.frame);
    return;
  }
  lately.frames[lately.next] = outcome.frame;
  lately.next = (lately.next + 1) % kForwardedKept;
}

}  // namespace vipgate::test::model
