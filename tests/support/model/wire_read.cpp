#include <algorithm>

#include "tests/support/model/wire.h"

namespace vipgate::test::model {
namespace {

MacAddress mac_at(const Bytes& frame, size_t at) {
  MacAddress mac;
  std::copy_n(frame.begin() + static_cast<ptrdiff_t>(at), 6, mac.bytes.begin());
  return mac;
}

IpAddress ip_at(const Bytes& frame, size_t at, int family) {
  if (family == 4) return Ipv4Address{Be32(get32(frame, at))};
  Ipv6Address address;
  std::copy_n(frame.begin() + static_cast<ptrdiff_t>(at), 16, address.bytes.begin());
  return address;
}

bool is_all_zero(const IpAddress& address) {
  return std::all_of(address.bytes().begin(), address.bytes().end(), [](uint8_t b) { return !b; });
}

// RFC 1812 5.3.7; RFC 4291 2.5.2, 2.5.3, 2.7.
bool cannot_be_a_source(const IpAddress& address, bool may_have_none) {
  const auto& bytes = address.bytes();
  // Duplicate address detection asks from :: (RFC 4862 5.4.2), and snooping switches for listeners
  // from 0.0.0.0 (RFC 4541 2.1.1).
  if (may_have_none && is_all_zero(address)) return false;
  if (address.is_v4()) return bytes[0] == 0 || bytes[0] == 127 || bytes[0] >= 224;
  if (bytes[0] == 0xff || address == parse_ip_address("::1").value()) return true;
  return is_all_zero(address);
}

// The control chunks, which come before all data: type and where each begins.
std::vector<std::pair<uint8_t, size_t>> sctp_chunks(const Bytes& frame, const Wire& wire) {
  std::vector<std::pair<uint8_t, size_t>> chunks;
  size_t at = wire.l4 + 12;
  while (at + 4 <= wire.end && chunks.size() < 16) {
    const size_t length = get16(frame, at + 2);
    if (frame[at] == 0 || frame[at] == 64 || length < 4) break;
    chunks.emplace_back(frame[at], at);
    at += (length + 3) / 4 * 4;
  }
  return chunks;
}

// INIT opens as SYN does, ABORT resets, the last chunk that each end sends finishes.
void read_sctp(const Bytes& frame, Wire& wire) {
  wire.kind = Kind::kSctp;
  const size_t length = wire.end - wire.l4;
  const size_t first = length < 16 ? 0 : get16(frame, wire.l4 + 14);
  if (first < 4 || (first + 12 > length && !wire.is_fragment)) {
    return wire.faults.push_back(DropReason::kBadL4Header);
  }
  const uint8_t type = frame[wire.l4 + 12];
  const auto chunks = sctp_chunks(frame, wire);
  const auto has = [&](uint8_t wanted) {
    return std::any_of(chunks.begin(), chunks.end(),
                       [&](const auto& chunk) { return chunk.first == wanted; });
  };
  wire.tcp_flags = type == 1    ? kSyn
                   : type == 2  ? kSyn | kAck
                   : type == 14 ? kFin | kAck
                   : has(6)     ? kRst
                   : has(8)     ? kFin | kAck
                                : kAck;
}

void read_l4(const Bytes& frame, Wire& wire) {
  const size_t length = wire.end - wire.l4;
  if (wire.is_fragment) {
    const bool is_transport = wire.protocol == 6 || wire.protocol == 17 || wire.protocol == 132;
    // What destination options of a later fragment hide, the first one has shown.
    const bool may_be = is_transport || (wire.is_later && !wire.is_v4() && wire.protocol == 60);
    wire.kind = may_be ? kind_of(wire.protocol) : Kind::kOther;
    if (!may_be || wire.is_later) return;
  }
  const auto fault = [&](DropReason reason) { wire.faults.push_back(reason); };
  if (wire.protocol == (wire.is_v4() ? 1 : 58)) {
    wire.kind = Kind::kIcmp;
    if (length < 8) fault(DropReason::kBadL4Header);
    return;
  }
  if (wire.protocol == 6) {
    wire.kind = Kind::kTcp;
    if (length < 20) return fault(DropReason::kBadL4Header);
    const size_t header = (frame[wire.l4 + 12] >> 4) * 4u;
    if (header < 20 || header > length) return fault(DropReason::kBadL4Header);
    wire.tcp_flags = frame[wire.l4 + 13];
  } else if (wire.protocol == 17) {
    wire.kind = Kind::kUdp;
    if (length < 8) return fault(DropReason::kBadL4Header);
    const size_t udp_length = get16(frame, wire.l4 + 4);
    if (udp_length < 8 || (udp_length > length && !wire.is_fragment))
      return fault(DropReason::kBadL4Header);
    if (!wire.is_v4() && get16(frame, wire.l4 + 6) == 0) fault(DropReason::kBadUdpChecksum);
  } else if (wire.protocol == 132) {
    read_sctp(frame, wire);
    if (!wire.faults.empty()) return;
  } else {
    return;
  }
  wire.source_port = get16(frame, wire.l4);
  wire.destination_port = get16(frame, wire.l4 + 2);
}

// RFC 791 3.2, RFC 8200 4.5. `start`: of the fragment's data.
void note_fragment(Wire& wire, uint32_t id, size_t offset, bool more, size_t start) {
  wire.is_fragment = true;
  wire.is_later = offset != 0;
  wire.fragment_id = id;
  wire.fragment_offset = offset;
  wire.fragment_length = wire.end - start;
  if (wire.fragment_length == 0 || (more && wire.fragment_length % 8 != 0) ||
      offset + wire.fragment_length > 65'535) {
    wire.faults.push_back(DropReason::kBadFragment);
  }
}

// RFC 791 3.1. A source route (131, 137) is refused.
void read_options(const Bytes& frame, size_t from, size_t to, Wire& wire) {
  for (size_t at = from; at < to && frame[at] != 0;) {
    if (frame[at] == 1) {
      ++at;
      continue;
    }
    const bool is_bad = at + 1 >= to || frame[at + 1] < 2 || at + frame[at + 1] > to;
    if (is_bad) return wire.faults.push_back(DropReason::kBadIpHeader);
    if (frame[at] == 131 || frame[at] == 137) wire.faults.push_back(DropReason::kSourceRoute);
    at += frame[at + 1];
  }
}

// RFC 8200 4: hop by hop (0), which comes first, routing (43), destination options (60).
void read_extensions(const Bytes& frame, Wire& wire) {
  const auto fault = [&](DropReason reason) { wire.faults.push_back(reason); };
  for (int count = 0;; ++count) {
    const uint8_t kind = wire.protocol;
    if (kind != 0 && kind != 43 && kind != 44 && kind != 60) return;
    if (kind == 0 && count > 0) return fault(DropReason::kBadIpHeader);
    if (kind == 44 && wire.fragment_at != 0) return fault(DropReason::kBadFragment);
    if (count == 8) return fault(DropReason::kIpv6ExtensionHeader);
    if (wire.l4 + 8 > wire.end) return fault(DropReason::kBadIpHeader);
    if (kind == 44) {
      wire.fragment_at = wire.l4;
      const uint16_t field = get16(frame, wire.l4 + 2);
      wire.protocol = frame[wire.l4];
      wire.l4 += 8;
      if ((field & 0xfff9) != 0) {
        note_fragment(wire, get32(frame, wire.fragment_at + 4), field & 0xfff8u, (field & 1) != 0,
                      wire.l4);
      }
      if (wire.is_later || !wire.faults.empty()) return;
      continue;
    }
    const size_t length = (frame[wire.l4 + 1] + 1u) * 8;
    if (wire.l4 + length > wire.end) return fault(DropReason::kBadIpHeader);
    const bool leads_elsewhere = frame[wire.l4 + 2] == 0 || frame[wire.l4 + 3] != 0;
    if (kind == 43 && leads_elsewhere) fault(DropReason::kSourceRoute);
    wire.protocol = frame[wire.l4];
    wire.l4 += length;
  }
}

void read_ipv4(const Bytes& frame, Wire& wire) {
  const auto fault = [&](DropReason reason) { wire.faults.push_back(reason); };
  const size_t available = frame.size() - wire.l3;
  if (available < 20) return fault(DropReason::kTruncated);
  const size_t header = (frame[wire.l3] & 15) * 4u;
  const size_t total = get16(frame, wire.l3 + 2);
  const bool is_bad = frame[wire.l3] >> 4 != 4 || header < 20 || total < header;
  if (is_bad) fault(DropReason::kBadIpHeader);
  if (total > available) fault(DropReason::kTruncated);
  wire.source = ip_at(frame, wire.l3 + 12, 4);
  wire.destination = ip_at(frame, wire.l3 + 16, 4);
  const bool is_igmp = frame[wire.l3 + 9] == 2;
  if (cannot_be_a_source(wire.source, is_igmp)) fault(DropReason::kMartianSource);
  if (is_bad || total > available) return;
  wire.ttl = frame[wire.l3 + 8];
  wire.protocol = frame[wire.l3 + 9];
  wire.l4 = wire.l3 + header;
  wire.end = wire.l3 + total;
  const uint16_t field = get16(frame, wire.l3 + 6);
  if ((field & 0x3fff) != 0) {
    note_fragment(wire, get16(frame, wire.l3 + 4), (field & 0x1fff) * 8u, (field & 0x2000) != 0,
                  wire.l4);
  }
  read_options(frame, wire.l3 + 20, wire.l4, wire);
  read_l4(frame, wire);
}

void read_ipv6(const Bytes& frame, Wire& wire) {
  const auto fault = [&](DropReason reason) { wire.faults.push_back(reason); };
  const size_t available = frame.size() - wire.l3;
  if (available < 40) return fault(DropReason::kTruncated);
  const bool is_bad = frame[wire.l3] >> 4 != 6;
  if (is_bad) fault(DropReason::kBadIpHeader);
  const size_t total = 40u + get16(frame, wire.l3 + 4);
  if (total > available) fault(DropReason::kTruncated);
  wire.protocol = frame[wire.l3 + 6];
  wire.source = ip_at(frame, wire.l3 + 8, 6);
  wire.destination = ip_at(frame, wire.l3 + 24, 6);
  if (is_bad || total > available) {
    if (cannot_be_a_source(wire.source, true)) fault(DropReason::kMartianSource);
    return;
  }
  wire.ttl = frame[wire.l3 + 7];
  wire.l4 = wire.l3 + 40;
  wire.end = wire.l3 + total;
  read_extensions(frame, wire);
  if (cannot_be_a_source(wire.source, wire.protocol == 58)) fault(DropReason::kMartianSource);
  if (wire.faults.empty()) read_l4(frame, wire);
}

// Where the transport header of the quoted packet begins; faults are noted.
void find_quoted_l4(const Bytes& frame, QuotedPacket& quote, bool is_v4) {
  const auto fault = [&](DropReason reason) { quote.faults.push_back(reason); };
  if (is_v4) {
    const size_t header = (frame[quote.l3] & 15) * 4u;
    if (frame[quote.l3] >> 4 != 4 || header < 20) fault(DropReason::kIcmpErrorBadQuote);
    if ((get16(frame, quote.l3 + 6) & 0x1fff) != 0) fault(DropReason::kIcmpErrorFragment);
    quote.protocol = frame[quote.l3 + 9];
    quote.l4 = quote.l3 + header;
  } else {
    if (frame[quote.l3] >> 4 != 6) fault(DropReason::kIcmpErrorBadQuote);
    quote.protocol = frame[quote.l3 + 6];
    quote.l4 = quote.l3 + 40;
    while (quote.l4 + 8 <= quote.end) {
      const uint8_t kind = quote.protocol;
      if (kind != 0 && kind != 43 && kind != 44 && kind != 60) break;
      if (kind == 44 && (get16(frame, quote.l4 + 2) & 0xfff8) != 0) {
        return fault(DropReason::kIcmpErrorFragment);
      }
      quote.protocol = frame[quote.l4];
      quote.l4 += kind == 44 ? 8 : (frame[quote.l4 + 1] + 1u) * 8;
    }
  }
  if (quote.l4 + 8 > quote.end) fault(DropReason::kIcmpErrorTruncated);
}

}  // namespace

Kind kind_of(uint8_t protocol) {
  return protocol == 17 ? Kind::kUdp : protocol == 132 ? Kind::kSctp : Kind::kTcp;
}

bool is_icmp_error(const Bytes& frame, const Wire& wire) {
  const uint8_t type = frame[wire.l4];
  return wire.is_v4() ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;
}

QuotedPacket read_quote(const Bytes& frame, const Wire& wire) {
  QuotedPacket quote;
  quote.l3 = wire.l4 + 8;
  quote.end = wire.end;
  const int family = wire.is_v4() ? 4 : 6;
  if (quote.l3 + (wire.is_v4() ? 20 : 40) > quote.end) {
    quote.faults.push_back(DropReason::kIcmpErrorTruncated);
    return quote;
  }
  quote.source.address = ip_at(frame, quote.l3 + (wire.is_v4() ? 12 : 8), family);
  quote.destination.address = ip_at(frame, quote.l3 + (wire.is_v4() ? 16 : 24), family);
  // An error is for the source of the packet that it is about.
  if (quote.source.address != wire.destination) {
    quote.faults.push_back(DropReason::kIcmpErrorBadQuote);
  }
  find_quoted_l4(frame, quote, wire.is_v4());
  if (!quote.faults.empty()) return quote;
  quote.source.port = get16(frame, quote.l4);
  quote.destination.port = get16(frame, quote.l4 + 2);
  return quote;
}

uint16_t get16(const Bytes& frame, size_t at) {
  return static_cast<uint16_t>(frame.at(at) << 8 | frame.at(at + 1));
}
uint32_t get32(const Bytes& frame, size_t at) {
  return static_cast<uint32_t>(get16(frame, at)) << 16 | get16(frame, at + 2);
}

uint32_t fragment_id_of(const Bytes& frame) {
  const PortEntry any{.mac = {}, .check_mac = false};
  const Wire wire = read_frame(frame, any);
  return wire.is_fragment ? wire.fragment_id : 0;
}

// OSPF, PIM and VRRP by their groups of the link, IGMP by any.
bool is_routing_group(const IpAddress& address, uint8_t protocol) {
  static constexpr std::pair<uint8_t, uint8_t> kGroups[] = {{89, 5}, {89, 6}, {103, 13}, {112, 18}};
  if (protocol == 2) return address.is_v4() && address.bytes()[0] >> 4 == 0xe;
  for (const auto& [by, group] : kGroups) {
    const std::string last = std::to_string(group);
    const IpAddress v4 = parse_ip_address("224.0.0." + last).value();
    Ipv6Address v6{{0xff, 0x02}};
    v6.bytes[15] = group;
    if (protocol == by && (address == v4 || address == IpAddress(v6))) return true;
  }
  return false;
}

Wire read_frame(const Bytes& frame, const PortEntry& port) {
  Wire wire;
  const auto fault = [&](DropReason reason) { wire.faults.push_back(reason); };
  if (frame.size() < 14) {
    fault(DropReason::kTruncated);
    return wire;
  }
  wire.destination_mac = mac_at(frame, 0);
  wire.source_mac = mac_at(frame, 6);
  wire.to_group = port.check_mac && (frame[0] & 1) != 0;
  if (port.check_mac && !wire.to_group && wire.destination_mac != port.mac) {
    fault(DropReason::kNotOurMac);
  }
  if ((frame[6] & 1) != 0) fault(DropReason::kMartianSource);
  uint16_t ether_type = get16(frame, 12);
  wire.l3 = 14;
  if (ether_type == 0x8100) {
    if (frame.size() < 18) {
      fault(DropReason::kTruncated);
      return wire;
    }
    wire.tci = get16(frame, 14);
    ether_type = get16(frame, 16);
    wire.l3 = 18;
  }
  if (port.vlan != 0 && (wire.tci & 0xfff) != port.vlan) fault(DropReason::kWrongVlan);
  if (ether_type == 0x0800) {
    read_ipv4(frame, wire);
  } else if (ether_type == 0x86dd) {
    read_ipv6(frame, wire);
  } else if (ether_type == 0x0806) {
    wire.kind = Kind::kArp;
    if (frame.size() < wire.l3 + 28) fault(DropReason::kTruncated);
    return wire;
  } else {
    fault(DropReason::kUnknownEtherType);
    return wire;
  }
  // An IP packet to one station in a frame to many is for nobody (RFC 1122 3.3.6).
  const bool is_icmpv6 = !wire.is_v4() && wire.protocol == 58 && !wire.is_fragment;
  const bool is_listened_to = is_icmpv6 || is_routing_group(wire.destination, wire.protocol);
  if (wire.to_group && !is_listened_to) fault(DropReason::kNotOurMac);
  return wire;
}

}  // namespace vipgate::test::model
