// From the builder's fields to bytes.
#include <vector>

#include "tests/support/packet_builder.h"
#include "tests/support/packet_bytes.h"

namespace vipgate::test {

uint16_t reference_checksum(std::span<const uint8_t> bytes, uint32_t initial) {
  uint64_t sum = initial;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    const unsigned low = i + 1 < bytes.size() ? bytes[i + 1] : 0;
    sum += bytes[i] * 256u + low;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum & 0xffff);
}

uint32_t reference_pseudo_header(const IpAddress& source, const IpAddress& destination,
                                 uint8_t protocol, size_t length) {
  Bytes pseudo;
  put(pseudo, source);
  put(pseudo, destination);
  put32(pseudo, static_cast<uint32_t>(length));
  put32(pseudo, protocol);
  return static_cast<uint16_t>(~reference_checksum(pseudo));
}

uint32_t reference_sctp_checksum(std::span<const uint8_t> packet) {
  constexpr uint32_t kPolynomial = 0x82f63b78;  // 0x1edc6f41, its bits the other way round
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < packet.size(); ++i) {
    crc ^= i >= 8 && i < 12 ? 0u : packet[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? kPolynomial : 0);
  }
  return ~crc;
}

uint8_t PacketBuilder::protocol_number() const {
  switch (transport_) {
    case Transport::kTcp:
      return 6;
    case Transport::kUdp:
      return 17;
    case Transport::kSctp:
      return 132;
    case Transport::kIcmp:
      return network_ == Network::kIpv6 ? 58 : 1;
    case Transport::kNone:
      break;
  }
  return raw_protocol_;
}

uint16_t PacketBuilder::network_ether_type() const {
  if (ether_type_) return *ether_type_;
  switch (network_) {
    case Network::kIpv4:
      return 0x0800;
    case Network::kIpv6:
      return 0x86dd;
    case Network::kArp:
      return 0x0806;
    case Network::kNone:
      break;
  }
  return 0x88b5;  // IEEE 802, for local experiments
}

// The segment with its checksum field zero.
Bytes PacketBuilder::transport_bytes() const {
  Bytes out;
  if (later_fragment() || transport_ == Transport::kNone) return payload_;
  if (transport_ == Transport::kTcp) {
    put16(out, source_port_);
    put16(out, destination_port_);
    put32(out, sequence_);
    put32(out, acknowledgment_);
    put8(out, static_cast<unsigned>((20 + tcp_options_.size()) / 4 << 4));
    put8(out, tcp_flags_);
    put16(out, 65535);  // window
    put32(out, 0);      // checksum, urgent pointer
    put(out, tcp_options_);
  } else if (transport_ == Transport::kUdp) {
    put16(out, source_port_);
    put16(out, destination_port_);
    put16(out, static_cast<unsigned>(8 + payload_.size()));
    put16(out, 0);
  } else if (transport_ == Transport::kSctp) {
    put16(out, source_port_);
    put16(out, destination_port_);
    put32(out, sctp_tag_);
    put32(out, 0);
    put(out, sctp_chunks_);
  } else {
    const unsigned echo_type =
        network_ == Network::kIpv6 ? (echo_reply_ ? 129 : 128) : (echo_reply_ ? 0 : 8);
    put8(out, echo_ ? echo_type : icmp_type_);
    put8(out, icmp_code_);
    put16(out, 0);
    put32(out, icmp_rest_);
  }
  put(out, payload_);
  return out;
}

size_t PacketBuilder::transport_checksum_offset() const {
  return transport_ == Transport::kTcp ? 16 : transport_ == Transport::kUdp ? 6 : 2;
}

void PacketBuilder::put_checksum(Bytes& segment) const {
  if (transport_ == Transport::kNone || later_fragment()) return;
  if (transport_ == Transport::kUdp && !udp_checksum_) return;
  if (transport_ == Transport::kSctp) {
    uint32_t crc = sctp_checksum_ ? reference_sctp_checksum(segment) : 0;
    if (bad_l4_checksum_) crc ^= 0x5555;
    for (size_t i = 0; i < 4; ++i) segment.at(8 + i) = static_cast<uint8_t>(crc >> 8 * i);
    return;
  }
  const bool pseudo = transport_ != Transport::kIcmp || network_ == Network::kIpv6;
  const uint32_t initial = pseudo ? reference_pseudo_header(source_ip_, destination_ip_,
                                                            protocol_number(), segment.size())
                                  : 0;
  uint16_t checksum = reference_checksum(segment, initial);
  if (checksum == 0 && transport_ == Transport::kUdp) checksum = 0xffff;
  if (bad_l4_checksum_) checksum = static_cast<uint16_t>(checksum ^ 0x5555);
  store16(segment, transport_checksum_offset(), checksum);
}

void PacketBuilder::append_ipv4(Bytes& out, size_t segment_length) const {
  const size_t header_length = 20 + ip_options_.size();
  Bytes header;
  put8(header, static_cast<unsigned>(4 << 4 | header_length / 4));
  put8(header, tos_);
  put16(header, ip_length_.value_or(static_cast<uint16_t>(header_length + segment_length)));
  put16(header, ip_id_);
  put16(header,
        (dont_fragment_ ? 0x4000u : 0) | (more_fragments_ ? 0x2000u : 0) | fragment_offset_ / 8u);
  put8(header, ttl_);
  put8(header, protocol_number());
  put16(header, 0);
  put(header, source_ip_);
  put(header, destination_ip_);
  put(header, ip_options_);
  const uint16_t checksum = reference_checksum(header);
  store16(header, 10, bad_ip_checksum_ ? static_cast<uint16_t>(checksum ^ 0x5555) : checksum);
  put(out, header);
}

void PacketBuilder::append_ipv6(Bytes& out, size_t segment_length) const {
  auto headers = extensions_;
  if (fragment_) {
    Bytes body;
    put16(body, fragment_offset_ | (more_fragments_ ? 1u : 0));
    put32(body, ip_id_);
    headers.emplace_back(44, body);
  }
  size_t length = segment_length;
  for (const auto& [type, body] : headers) length += 2 + body.size();
  put32(out, 6u << 28 | static_cast<uint32_t>(tos_) << 20);
  put16(out, ip_length_.value_or(static_cast<uint16_t>(length)));
  put8(out, headers.empty() ? protocol_number() : headers[0].first);
  put8(out, ttl_);
  put(out, source_ip_);
  put(out, destination_ip_);
  for (size_t i = 0; i < headers.size(); ++i) {
    put8(out, i + 1 < headers.size() ? headers[i + 1].first : protocol_number());
    put8(out, static_cast<unsigned>((2 + headers[i].second.size()) / 8 - 1));
    put(out, headers[i].second);
  }
}

Bytes PacketBuilder::build() const {
  Bytes out;
  put(out, destination_mac_.bytes);
  put(out, source_mac_.bytes);
  for (const uint16_t tag : vlan_tags_) {
    put16(out, 0x8100);
    put16(out, tag);
  }
  put16(out, network_ether_type());

  if (network_ == Network::kArp) {
    put(out, arp_);
  } else if (network_ == Network::kNone) {
    put(out, payload_);
  } else {
    Bytes segment = transport_bytes();
    put_checksum(segment);
    if (network_ == Network::kIpv4) append_ipv4(out, segment.size());
    if (network_ == Network::kIpv6) append_ipv6(out, segment.size());
    put(out, segment);
  }
  for (const auto& [offset, value] : patches_) out.at(offset) = value;
  if (out.size() < pad_to_) out.resize(pad_to_, 0);
  if (truncate_ && *truncate_ < out.size()) out.resize(*truncate_);
  return out;
}

}  // namespace vipgate::test
