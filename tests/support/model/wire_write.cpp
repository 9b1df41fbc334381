#include <algorithm>
#include <optional>

#include "tests/support/model/wire.h"
#include "tests/support/packet_bytes.h"

namespace vipgate::test::model {
namespace {

// RFC 1071 over a part of a frame, after `sum`: words added one by one.
uint32_t add_words(const Bytes& frame, size_t from, size_t to, uint32_t sum) {
  for (size_t at = from; at < to; at += 2) {
    sum += static_cast<uint32_t>(frame[at] << 8) + (at + 1 < to ? frame[at + 1] : 0);
  }
  return sum;
}

uint16_t complement(uint32_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// One checksum of a packet: where it lies and what it covers.
struct Checksum {
  size_t field;
  size_t from, to;
  bool has_pseudo_header;
  bool zero_means_none;
};

std::vector<Checksum> checksums_of(const Bytes& frame, const Wire& wire) {
  std::vector<Checksum> all;
  if (wire.is_v4()) all.push_back({wire.l3 + 10, wire.l3, wire.l4, false, false});
  // A fragment's other checksums are the whole datagram's.
  if (wire.is_fragment) return all;
  if (wire.kind == Kind::kTcp) all.push_back({wire.l4 + 16, wire.l4, wire.end, true, false});
  if (wire.kind == Kind::kUdp) {
    const size_t to = wire.l4 + get16(frame, wire.l4 + 4);
    all.push_back({wire.l4 + 6, wire.l4, to, true, true});
  }
  if (wire.kind == Kind::kIcmp) {
    all.push_back({wire.l4 + 2, wire.l4, wire.end, !wire.is_v4(), false});
  }
  return all;
}

// What should stand in the field.
uint16_t right_value(Bytes frame, const Wire& wire, const Checksum& checksum) {
  store16(frame, checksum.field, 0);
  uint32_t sum = 0;
  if (checksum.has_pseudo_header) {
    const size_t addresses = wire.is_v4() ? wire.l3 + 12 : wire.l3 + 8;
    sum = add_words(frame, addresses, addresses + (wire.is_v4() ? 8 : 32), 0);
    sum += wire.protocol + static_cast<uint32_t>(checksum.to - checksum.from);
  }
  const uint16_t value = complement(add_words(frame, checksum.from, checksum.to, sum));
  return value == 0 && checksum.zero_means_none ? 0xffff : value;
}

void replace(Bytes& frame, size_t at, const IpAddress& address) {
  std::copy_n(address.bytes().begin(), address.is_v4() ? 4 : 16,
              frame.begin() + static_cast<ptrdiff_t>(at));
}
void replace(Bytes& frame, size_t at, const MacAddress& mac) {
  std::copy_n(mac.bytes.begin(), 6, frame.begin() + static_cast<ptrdiff_t>(at));
}

// What stands in an SCTP packet's checksum field, which begins with the lowest byte, and what
// should.
uint32_t sctp_found(const Bytes& frame, const Wire& wire) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | frame.at(wire.l4 + 8 + i);
  return value;
}
uint32_t sctp_right(const Bytes& frame, const Wire& wire) {
  return reference_sctp_checksum(std::span(frame).subspan(wire.l4, wire.end - wire.l4));
}
void store_sctp(Bytes& frame, const Wire& wire, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) frame.at(wire.l4 + 8 + i) = static_cast<uint8_t>(value >> 8 * i);
}

// The same as mend() for SCTP: right stays right, wrong stays wrong by the same bits. Zero, where
// that is wrong, is "none" (RFC 9653).
void mend_sctp(const Bytes& before, const Wire& wire_before, Bytes& out, const Wire& wire) {
  const uint32_t had = sctp_found(before, wire_before);
  const uint32_t error = had ^ sctp_right(before, wire_before);
  if (had == 0 && error != 0) return;
  store_sctp(out, wire, sctp_right(out, wire) ^ error);
}

// Brings the checksums of `out` up to what was done to it. `before`: as it came in.
void mend(const Bytes& before, const Wire& wire_before, WireOut& out, const Wire& wire) {
  const auto old = checksums_of(before, wire_before);
  const auto now = checksums_of(out.frame, wire);
  for (size_t i = 0; i < now.size(); ++i) {
    const uint16_t had = get16(before, old[i].field);
    if (now[i].zero_means_none && had == 0) continue;
    const uint16_t right_before = right_value(before, wire_before, old[i]);
    const uint16_t right = right_value(out.frame, wire, now[i]);
    if (had == right_before) {
      store16(out.frame, now[i].field, right);
      continue;
    }
    const uint32_t error = (had + 0xffffu - right_before) % 0xffff;
    auto value = static_cast<uint16_t>((right + error) % 0xffff);
    if (value == 0 && now[i].zero_means_none) value = 0xffff;
    store16(out.frame, now[i].field, value);
    if (!now[i].zero_means_none) out.loose.push_back(now[i].field);
  }
}

// A checksum over what has grown by `by`, and is not all there.
void grow_checksum(WireOut& out, size_t field, uint32_t by, bool is_udp) {
  const uint16_t had = get16(out.frame, field);
  if (is_udp && had == 0) return;
  auto value = static_cast<uint16_t>((had + 0xffffu - by % 0xffff) % 0xffff);
  if (is_udp && value == 0) value = 0xffff;
  store16(out.frame, field, value);
  if (!is_udp) out.loose.push_back(field);
}

Bytes link_header(const LinkHeader& link, uint16_t ether_type) {
  Bytes out;
  put(out, link.destination.bytes);
  put(out, link.source.bytes);
  if (link.tci != 0) {
    put16(out, 0x8100);
    put16(out, link.tci);
  }
  put16(out, ether_type);
  return out;
}

// Back to where it came from, with the very tag that it had.
Bytes link_header_back(const Bytes& frame, const Wire& wire, const MacAddress& own) {
  Bytes out(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(wire.l3));
  replace(out, 0, wire.source_mac);
  replace(out, 6, own);
  return out;
}

// A packet of the gateway's own making, behind `out`'s link header. `checksum_at`: in `l4`; none:
// it has its checksum already.
Bytes own_packet(Bytes out, const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                 uint8_t ttl, const Bytes& l4, std::optional<size_t> checksum_at) {
  Wire wire;
  wire.source = source;
  wire.destination = destination;
  wire.protocol = protocol;
  wire.kind = protocol == 6 ? Kind::kTcp : protocol == 132 ? Kind::kSctp : Kind::kIcmp;
  wire.l3 = out.size();
  if (source.is_v4()) {
    put16(out, 0x4500);
    put16(out, static_cast<unsigned>(20 + l4.size()));
    put32(out, 0x4000);  // id 0, don't fragment
    put8(out, ttl);
    put8(out, protocol);
    put16(out, 0);
  } else {
    put32(out, 6u << 28);
    put16(out, static_cast<unsigned>(l4.size()));
    put8(out, protocol);
    put8(out, ttl);
  }
  put(out, source);
  put(out, destination);
  wire.l4 = out.size();
  put(out, l4);
  wire.end = out.size();
  if (checksum_at) store16(out, wire.l4 + *checksum_at, 0);
  for (const Checksum& checksum : checksums_of(out, wire)) {
    store16(out, checksum.field, right_value(out, wire, checksum));
  }
  return out;
}

// `message`: type and code. RFC 1812 4.3.2.3: at most 576 bytes; RFC 4443 2.4 (c): at most 1,280.
Bytes icmp_error(const Bytes& frame, const Wire& wire, Bytes message, const IpAddress& source,
                 const MacAddress& own) {
  message.resize(8);
  const size_t most = wire.is_v4() ? 576 - 28 : 1280 - 48;
  put(message, std::span(frame).subspan(wire.l3, std::min(wire.end - wire.l3, most)));
  return own_packet(link_header_back(frame, wire, own), source, wire.source, wire.is_v4() ? 1 : 58,
                    64, message, 2);
}

}  // namespace

bool is_same(const WireOut& expected, const Bytes& actual) {
  if (expected.loose.empty()) return expected.frame == actual;
  if (expected.frame.size() != actual.size()) return false;
  Bytes a = expected.frame, b = actual;
  for (const size_t field : expected.loose) {
    if (get16(a, field) == 0xffff) store16(a, field, 0);
    if (get16(b, field) == 0xffff) store16(b, field, 0);
  }
  return a == b;
}

WireOut translate(const Bytes& frame, const Wire& wire, const LinkHeader& link,
                  const Socket& source, const Socket& destination, uint32_t fragment_id) {
  WireOut out{link_header(link, get16(frame, wire.l3 - 2)), {}};
  Wire now = wire;
  now.l3 = out.frame.size();
  now.l4 = now.l3 + (wire.l4 - wire.l3);
  now.end = now.l3 + (wire.end - wire.l3);
  out.frame.insert(out.frame.end(), frame.begin() + static_cast<ptrdiff_t>(wire.l3), frame.end());
  const size_t addresses = now.l3 + (wire.is_v4() ? 12 : 8);
  replace(out.frame, addresses, source.address);
  replace(out.frame, addresses + (wire.is_v4() ? 4 : 16), destination.address);
  --out.frame[now.l3 + (wire.is_v4() ? 8 : 7)];
  if (wire.is_fragment && wire.is_v4()) {
    store16(out.frame, now.l3 + 4, static_cast<uint16_t>(fragment_id));
  } else if (wire.is_fragment) {
    const size_t at = now.l3 + (wire.fragment_at - wire.l3);
    store16(out.frame, at + 4, static_cast<uint16_t>(fragment_id >> 16));
    store16(out.frame, at + 6, static_cast<uint16_t>(fragment_id));
  }
  if (!wire.is_later) {
    store16(out.frame, now.l4, source.port);
    store16(out.frame, now.l4 + 2, destination.port);
  }
  if (wire.is_fragment && !wire.is_later && wire.kind != Kind::kSctp) {
    const auto growth = [&](size_t before, size_t after, size_t size) {
      return add_words(out.frame, after, after + size, 0) + 0xffffu * 64 -
             add_words(frame, before, before + size, 0);
    };
    const size_t offset = wire.is_v4() ? 12 : 8;
    const uint32_t by = growth(wire.l3 + offset, now.l3 + offset, wire.is_v4() ? 8 : 32) +
                        growth(wire.l4, now.l4, 4);
    grow_checksum(out, now.l4 + (wire.kind == Kind::kTcp ? 16 : 6), by, wire.kind == Kind::kUdp);
  }
  mend(frame, wire, out, now);
  if (wire.kind == Kind::kSctp && !wire.is_fragment) mend_sctp(frame, wire, out.frame, now);
  return out;
}

WireOut relink(const Bytes& frame, const Wire& wire, const LinkHeader& link) {
  WireOut out{link_header(link, get16(frame, wire.l3 - 2)), {}};
  out.frame.insert(out.frame.end(), frame.begin() + static_cast<ptrdiff_t>(wire.l3), frame.end());
  return out;
}

WireOut translate_error(const Bytes& frame, const Wire& wire, const LinkHeader& link,
                        const IpAddress& source, const IpAddress& destination,
                        const Socket& quoted_source, const Socket& quoted_destination) {
  WireOut out{link_header(link, get16(frame, wire.l3 - 2)), {}};
  const size_t shift = out.frame.size() - wire.l3;  // may wrap: only ever added
  Wire now = wire;
  now.l3 += shift, now.l4 += shift, now.end += shift;
  out.frame.insert(out.frame.end(), frame.begin() + static_cast<ptrdiff_t>(wire.l3), frame.end());
  const size_t size = wire.is_v4() ? 4 : 16;
  const size_t addresses = wire.is_v4() ? 12 : 8;
  replace(out.frame, now.l3 + addresses, source);
  replace(out.frame, now.l3 + addresses + size, destination);
  --out.frame[now.l3 + (wire.is_v4() ? 8 : 7)];

  const QuotedPacket quote = read_quote(frame, wire);
  const size_t l3 = quote.l3 + shift, l4 = quote.l4 + shift;
  replace(out.frame, l3 + addresses, quoted_source.address);
  replace(out.frame, l3 + addresses + size, quoted_destination.address);
  store16(out.frame, l4, quoted_source.port);
  store16(out.frame, l4 + 2, quoted_destination.port);
  // By how much the sum of what was changed has grown: the rest of the packet may be missing.
  const auto growth = [&](size_t from, size_t to) {
    const uint32_t before = add_words(frame, from - shift, to - shift, 0);
    const uint32_t after = add_words(out.frame, from, to, 0);
    return static_cast<uint32_t>((after + 0xffffu * 64 - before) % 0xffff);
  };
  const uint32_t of_addresses = growth(l3 + addresses, l3 + addresses + 2 * size);
  const uint32_t of_ports = growth(l4, l4 + 4);
  if (wire.is_v4()) grow_checksum(out, l3 + 10, of_addresses, false);
  if (quote.protocol == 17) grow_checksum(out, l4 + 6, of_addresses + of_ports, true);
  if (quote.protocol == 6 && quote.end - quote.l4 >= 18) {
    grow_checksum(out, l4 + 16, of_addresses + of_ports, false);
  }
  mend(frame, wire, out, now);
  return out;
}

Bytes arp_reply(const Bytes& frame, const Wire& wire, const MacAddress& own) {
  Bytes out = link_header_back(frame, wire, own);
  put(out, Bytes{0, 1, 8, 0, 6, 4, 0, 2});
  const auto part = [&](size_t from, size_t to) {
    return std::span(frame).subspan(wire.l3 + from, to - from);
  };
  put(out, own.bytes);
  put(out, part(24, 28));  // the address asked for
  put(out, part(8, 18));   // who asks
  put(out, std::span(frame).subspan(wire.l3 + 28));
  return out;
}

// RFC 4861 7.2.4.
Bytes neighbor_advertisement(const Bytes& frame, const Wire& wire, const MacAddress& own) {
  const IpAddress all_nodes = parse_ip_address("ff02::1").value();
  const bool is_detection = wire.source == parse_ip_address("::").value();
  Bytes link = link_header_back(frame, wire, own);
  if (is_detection) replace(link, 0, parse_mac_address("33:33:00:00:00:01").value());
  const IpAddress target = *solicited_address(frame, wire);
  Bytes message{136, 0, 0, 0};
  put32(message, is_detection ? 0x20000000 : 0x60000000);  // override; solicited
  put(message, target);
  put(message, Bytes{2, 1});
  put(message, own.bytes);
  return own_packet(std::move(link), target, is_detection ? all_nodes : wire.source, 58, 255,
                    message, 2);
}

WireOut echo_reply(const Bytes& frame, const Wire& wire, const MacAddress& own) {
  WireOut out{link_header_back(frame, wire, own), {}};
  out.frame.insert(out.frame.end(), frame.begin() + static_cast<ptrdiff_t>(wire.l3), frame.end());
  const size_t addresses = wire.l3 + (wire.is_v4() ? 12 : 8);
  replace(out.frame, addresses, wire.destination);
  replace(out.frame, addresses + (wire.is_v4() ? 4 : 16), wire.source);
  out.frame[wire.l3 + (wire.is_v4() ? 8 : 7)] = 64;
  out.frame[wire.l4] = wire.is_v4() ? 0 : 129;
  mend(frame, wire, out, wire);
  if (!wire.is_v4() && wire.l4 != wire.l3 + 40) {
    // Without the extension headers, and without the padding behind.
    out.frame.resize(wire.end);
    const auto start = out.frame.begin() + static_cast<ptrdiff_t>(wire.l3);
    out.frame.erase(start + 40, start + static_cast<ptrdiff_t>(wire.l4 - wire.l3));
    store16(out.frame, wire.l3 + 4, static_cast<uint16_t>(wire.end - wire.l4));
    out.frame[wire.l3 + 6] = 58;
    for (size_t& field : out.loose) field -= wire.l4 - wire.l3 - 40;
  }
  if (wire.is_v4()) {
    // The header is the gateway's own, whatever the question's checksum was.
    const Checksum header{wire.l3 + 10, wire.l3, wire.l4, false, false};
    store16(out.frame, header.field, right_value(out.frame, wire, header));
    std::erase(out.loose, header.field);
  }
  return out;
}

// RFC 9293 3.10.7.1.
Bytes tcp_reset(const Bytes& frame, const Wire& wire, const MacAddress& own) {
  const size_t header = (frame[wire.l4 + 12] >> 4) * 4u;
  const auto length = static_cast<uint32_t>(wire.end - wire.l4 - header) +
                      (wire.has_flag(kSyn) ? 1 : 0) + (wire.has_flag(kFin) ? 1 : 0);
  Bytes segment;
  put16(segment, wire.destination_port);
  put16(segment, wire.source_port);
  put32(segment, wire.has_flag(kAck) ? get32(frame, wire.l4 + 8) : 0);
  put32(segment, wire.has_flag(kAck) ? 0 : get32(frame, wire.l4 + 4) + length);
  put8(segment, 5 << 4);
  put8(segment, wire.has_flag(kAck) ? kRst : kRst | kAck);
  segment.resize(20);
  return own_packet(link_header_back(frame, wire, own), wire.destination, wire.source, 6, 64,
                    segment, 16);
}

std::optional<SctpReply> sctp_reply(const Bytes& frame, const Wire& wire, const MacAddress& own) {
  size_t at = wire.l4 + 12;
  const bool is_init = frame[at] == 1;
  bool finishes = false;
  uint32_t tag = get32(frame, wire.l4 + 4);
  if (is_init) {
    if (get16(frame, at + 2) < 20) return std::nullopt;
    tag = get32(frame, at + 4);
    if (tag == 0) return std::nullopt;
  } else if (frame[at] == 14) {
    return std::nullopt;
  }
  for (int count = 0; !is_init && count < 16 && at + 4 <= wire.end; ++count) {
    const uint8_t type = frame[at];
    const size_t length = get16(frame, at + 2);
    if (type == 0 || type == 64 || length < 4) break;
    if (type == 6) return std::nullopt;
    finishes |= type == 8;
    at += (length + 3) / 4 * 4;
  }
  // A COOKIE ACK, and an ERROR about a stale cookie, are discarded where nothing else is said.
  at = wire.l4 + 12;
  for (int count = 0; !is_init && !finishes && count < 16 && at + 4 <= wire.end; ++count) {
    const uint8_t type = frame[at];
    const size_t length = get16(frame, at + 2);
    if (type == 0 || type == 64 || length < 4) break;
    const bool has_cause = length >= 8 && at + 8 <= wire.end;
    if (type == 11 || (type == 9 && has_cause && get16(frame, at + 4) == 3)) return std::nullopt;
    at += (length + 3) / 4 * 4;
  }
  Bytes packet;
  put16(packet, wire.destination_port);
  put16(packet, wire.source_port);
  put32(packet, tag);
  put32(packet, 0);
  put8(packet, finishes ? 14 : 6);
  put8(packet, is_init ? 0 : 1);
  put16(packet, 4);
  const uint32_t crc = reference_sctp_checksum(packet);
  for (size_t i = 0; i < 4; ++i) packet[8 + i] = static_cast<uint8_t>(crc >> 8 * i);
  return SctpReply{finishes ? ReplyKind::kSctpShutdownComplete : ReplyKind::kSctpAbort,
                   own_packet(link_header_back(frame, wire, own), wire.destination, wire.source,
                              132, 64, packet, std::nullopt)};
}

Bytes port_unreachable(const Bytes& frame, const Wire& wire, const MacAddress& own) {
  return icmp_error(frame, wire, wire.is_v4() ? Bytes{3, 3} : Bytes{1, 4}, wire.destination, own);
}

Bytes time_exceeded(const Bytes& frame, const Wire& wire, const IpAddress& source,
                    const MacAddress& own) {
  return icmp_error(frame, wire, wire.is_v4() ? Bytes{11, 0} : Bytes{3, 0}, source, own);
}

// RFC 4861 7.1.1.
std::optional<IpAddress> solicited_address(const Bytes& frame, const Wire& wire) {
  if (wire.end - wire.l4 < 24 || frame[wire.l4] != 135 || frame[wire.l4 + 1] != 0 ||
      wire.ttl != 255 || frame[wire.l4 + 8] == 0xff) {
    return std::nullopt;
  }
  const Checksum checksum = checksums_of(frame, wire).back();
  const uint16_t found = get16(frame, checksum.field);
  if (found % 0xffff != right_value(frame, wire, checksum) % 0xffff) return std::nullopt;
  Ipv6Address target;
  std::copy_n(frame.begin() + static_cast<ptrdiff_t>(wire.l4 + 8), 16, target.bytes.begin());
  return target;
}

bool icmp_checksum_ok(const Bytes& frame, const Wire& wire) {
  const Checksum checksum = checksums_of(frame, wire).back();
  return get16(frame, checksum.field) % 0xffff == right_value(frame, wire, checksum) % 0xffff;
}

bool udp_checksum_ok(const Bytes& frame, const Wire& wire) {
  const Checksum checksum = checksums_of(frame, wire).back();
  const uint16_t found = get16(frame, checksum.field);
  if (found == 0) return wire.is_v4();
  return found % 0xffff == right_value(frame, wire, checksum) % 0xffff;
}

}  // namespace vipgate::test::model
