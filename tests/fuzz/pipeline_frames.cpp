#include "tests/fuzz/pipeline_frames.h"

#include <algorithm>

#include "common/headers.h"
#include "tests/support/tunneled.h"

namespace vipgate::test {
namespace {

void put16_at(Bytes& frame, size_t at, size_t value) {
  frame[at] = static_cast<uint8_t>(value >> 8);
  frame[at + 1] = static_cast<uint8_t>(value);
}

// The checksum of the transport header at `l4`, over all that follows.
void mend_transport(Bytes& frame, size_t l4, uint8_t protocol, const IpAddress& source,
                    const IpAddress& destination) {
  const size_t length = frame.size() - l4;
  if (protocol == kProtocolSctp && length >= sizeof(SctpHeader)) {
    const uint32_t crc = reference_sctp_checksum(std::span(frame).subspan(l4));
    for (size_t i = 0; i < 4; ++i) frame[l4 + 8 + i] = static_cast<uint8_t>(crc >> 8 * i);
    return;
  }
  size_t at = 0, least = 0;
  if (protocol == kProtocolTcp) {
    at = 16;
    least = 20;
  } else if (protocol == kProtocolUdp) {
    at = 6;
    least = 8;
  } else if (protocol == (source.is_v4() ? kProtocolIcmp : kProtocolIcmpv6)) {
    at = 2;
    least = 4;
  } else {
    return;
  }
  if (length < least) return;
  if (protocol == kProtocolUdp) put16_at(frame, l4 + 4, length);
  put16_at(frame, l4 + at, 0);
  const uint32_t pseudo = protocol == kProtocolIcmp
                              ? 0
                              : reference_pseudo_header(source, destination, protocol, length);
  const uint16_t sum = reference_checksum(std::span(frame).subspan(l4), pseudo);
  put16_at(frame, l4 + at, sum == 0 && protocol == kProtocolUdp ? 0xffff : sum);
}

// The sum that a transport checksum makes right, where the segment is whole; in one of its two
// forms of zero.
uint16_t transport_sum(const Bytes& packet, const Transport& transport) {
  const auto& ipv4 = *reinterpret_cast<const Ipv4Header*>(packet.data());
  const auto& ipv6 = *reinterpret_cast<const Ipv6Header*>(packet.data());
  const bool is_v4 = packet[0] >> 4 == 4;
  const IpAddress source = is_v4 ? IpAddress(ipv4.source) : IpAddress(ipv6.source);
  const IpAddress destination = is_v4 ? IpAddress(ipv4.destination) : IpAddress(ipv6.destination);
  const auto segment = std::span(packet).subspan(transport.at);
  const uint16_t sum = reference_checksum(
      segment, reference_pseudo_header(source, destination, transport.protocol, segment.size()));
  return sum == 0xffff ? 0 : sum;
}

}  // namespace

size_t network_offset(const Bytes& frame) { return frame[12] == 0x81 && frame[13] == 0 ? 18 : 14; }

void mend(Bytes& frame) {
  if (frame.size() < 18) return;
  const size_t l3 = network_offset(frame);
  const size_t length = frame.size() - l3;
  if (frame[l3 - 2] == 0x08 && frame[l3 - 1] == 0 && length >= sizeof(Ipv4Header)) {
    const auto header = static_cast<size_t>(frame[l3] & 15) * 4;
    if (header < sizeof(Ipv4Header) || header > length) return;
    put16_at(frame, l3 + 2, length);
    put16_at(frame, l3 + 10, 0);
    put16_at(frame, l3 + 10, reference_checksum(std::span(frame).subspan(l3, header)));
    const auto& ipv4 = *reinterpret_cast<const Ipv4Header*>(frame.data() + l3);
    // A fragment's transport checksum counts what the others hold.
    constexpr uint16_t kFragment = Ipv4Header::kMoreFragments | Ipv4Header::kFragmentOffset;
    if ((ipv4.fragment.host() & kFragment) != 0) return;
    mend_transport(frame, l3 + header, ipv4.protocol, ipv4.source, ipv4.destination);
  } else if (frame[l3 - 2] == 0x86 && frame[l3 - 1] == 0xdd && length >= sizeof(Ipv6Header)) {
    put16_at(frame, l3 + 4, length - sizeof(Ipv6Header));
    const auto& ipv6 = *reinterpret_cast<const Ipv6Header*>(frame.data() + l3);
    mend_transport(frame, l3 + sizeof(Ipv6Header), ipv6.next_header, ipv6.source, ipv6.destination);
  }
}

Transport transport_of(const Bytes& packet) {
  Transport transport;
  if (packet[0] >> 4 == 4) {
    const auto& ipv4 = *reinterpret_cast<const Ipv4Header*>(packet.data());
    const unsigned bits = ipv4.fragment.host();
    transport.at = static_cast<size_t>(ipv4.header_length());
    transport.protocol = ipv4.protocol;
    transport.offset = (bits & Ipv4Header::kFragmentOffset) * 8u;
    transport.is_fragment = transport.offset != 0 || (bits & Ipv4Header::kMoreFragments) != 0;
    return transport;
  }
  transport.at = sizeof(Ipv6Header);
  transport.protocol = packet[6];
  for (const auto is_extension =
           [](uint8_t type) { return type == 0 || type == 43 || type == 44 || type == 60; };
       is_extension(transport.protocol) && transport.at + 8 <= packet.size();) {
    const uint8_t* header = packet.data() + transport.at;
    if (transport.protocol == 44) {
      transport.offset = (header[2] * 256u + header[3]) & 0xfff8;
      transport.is_fragment = transport.offset != 0 || (header[3] & 1) != 0;
    }
    transport.at += transport.protocol == 44 ? 8 : (header[1] + 1u) * 8;
    transport.protocol = header[0];
    if (transport.offset != 0) break;
  }
  return transport;
}

bool is_translated_fragment(const Bytes& before, const Bytes& after) {
  const Bytes from = ip_packet(before), to = ip_packet(after);
  const Transport transport = transport_of(from), translated = transport_of(to);
  if (from.size() != to.size() || !(transport == translated)) return false;
  const auto is_same = [&](size_t first, size_t last) {
    return std::equal(from.begin() + static_cast<long>(transport.at + first),
                      from.begin() + static_cast<long>(last),
                      to.begin() + static_cast<long>(transport.at + first));
  };
  if (transport.offset != 0 || transport.protocol == kProtocolSctp) return is_same(0, from.size());
  // Between the ports and the checksum, and behind it.
  const bool is_tcp = transport.protocol == kProtocolTcp;
  const size_t checksum = is_tcp ? 16 : 6;
  if (transport.at + checksum + 2 > from.size()) return false;
  if (!is_same(4, transport.at + checksum) || !is_same(checksum + 2, from.size())) return false;
  const auto has_none = [&](const Bytes& packet) {
    return !is_tcp && packet[transport.at + 6] == 0 && packet[transport.at + 7] == 0;
  };
  if (has_none(from) || has_none(to)) return has_none(from) && has_none(to);
  return transport_sum(from, transport) == transport_sum(to, translated);
}

Bytes answer_of(const Bytes& translated, uint8_t tcp_flags, uint8_t ttl) {
  Bytes frame = translated;
  const auto swap = [&](size_t at, size_t size) {
    const auto first = frame.begin() + static_cast<long>(at);
    std::swap_ranges(first, first + static_cast<long>(size), first + static_cast<long>(size));
  };
  const size_t l3 = network_offset(frame);
  const bool is_v4 = frame[l3] >> 4 == 4;
  const Transport transport = transport_of(ip_packet(frame));
  const size_t l4 = l3 + transport.at;
  swap(0, 6);
  swap(l3 + (is_v4 ? 12 : 8), is_v4 ? 4 : 16);
  frame[l3 + (is_v4 ? 8 : 7)] = ttl;
  if (transport.offset == 0) {
    swap(l4, 2);
    if (transport.protocol == kProtocolTcp) frame[l4 + 13] = tcp_flags;
    // The type of its first chunk.
    if (transport.protocol == kProtocolSctp) frame[l4 + 12] = tcp_flags;
  }
  mend(frame);
  return frame;
}

}  // namespace vipgate::test
