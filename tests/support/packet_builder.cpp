#include "tests/support/packet_builder.h"

#include <algorithm>
#include <stdexcept>

#include "tests/support/address_text.h"
#include "tests/support/packet_bytes.h"

namespace vipgate::test {
namespace {

Ipv4Address v4(std::string_view text) {
  const IpAddress address = ip(text);
  if (!address.is_v4()) throw std::invalid_argument(std::string(text) + " is not IPv4");
  return address.v4();
}
Ipv6Address v6(std::string_view text) {
  const IpAddress address = ip(text);
  if (!address.is_v6()) throw std::invalid_argument(std::string(text) + " is not IPv6");
  return address.v6();
}

}  // namespace

PacketBuilder& PacketBuilder::eth(const MacAddress& source, const MacAddress& destination) {
  source_mac_ = source;
  destination_mac_ = destination;
  eth_given_ = true;
  return *this;
}
PacketBuilder& PacketBuilder::eth(std::string_view source, std::string_view destination) {
  return eth(mac(source), mac(destination));
}
PacketBuilder& PacketBuilder::vlan(uint16_t id, uint8_t priority) {
  vlan_tags_.push_back(static_cast<uint16_t>(priority << 13 | id));
  return *this;
}
PacketBuilder& PacketBuilder::ether_type(uint16_t value) {
  ether_type_ = value;
  return *this;
}

PacketBuilder& PacketBuilder::ipv4(Ipv4Address source, Ipv4Address destination) {
  network_ = Network::kIpv4;
  source_ip_ = source;
  destination_ip_ = destination;
  return *this;
}
PacketBuilder& PacketBuilder::ipv4(std::string_view source, std::string_view destination) {
  return ipv4(v4(source), v4(destination));
}
PacketBuilder& PacketBuilder::ipv6(const Ipv6Address& source, const Ipv6Address& destination) {
  network_ = Network::kIpv6;
  source_ip_ = source;
  destination_ip_ = destination;
  return *this;
}
PacketBuilder& PacketBuilder::ipv6(std::string_view source, std::string_view destination) {
  return ipv6(v6(source), v6(destination));
}
PacketBuilder& PacketBuilder::ttl(uint8_t value) {
  ttl_ = value;
  return *this;
}
PacketBuilder& PacketBuilder::tos(uint8_t value) {
  tos_ = value;
  return *this;
}
PacketBuilder& PacketBuilder::ip_id(uint16_t value) {
  ip_id_ = value;
  return *this;
}
PacketBuilder& PacketBuilder::dont_fragment() {
  dont_fragment_ = true;
  return *this;
}
PacketBuilder& PacketBuilder::ip_options(size_t length) {
  if (length % 4 != 0) throw std::invalid_argument("IP options: 0, 4, … 40 bytes");
  return ip_options(Bytes(length, 1));
}
PacketBuilder& PacketBuilder::ip_options(Bytes options) {
  while (options.size() % 4 != 0) options.push_back(1);
  if (options.size() > 40) throw std::invalid_argument("IP options: 0, 4, … 40 bytes");
  ip_options_ = std::move(options);
  return *this;
}
PacketBuilder& PacketBuilder::fragment(uint16_t offset, bool more) {
  if (offset % 8 != 0) throw std::invalid_argument("a fragment's offset is a multiple of 8");
  fragment_ = true;
  fragment_offset_ = offset;
  more_fragments_ = more;
  return *this;
}
PacketBuilder& PacketBuilder::ipv6_extension(uint8_t type) {
  return ipv6_extension(type, {1, 4, 0, 0, 0, 0});  // PadN (RFC 8200 4.2)
}
PacketBuilder& PacketBuilder::ipv6_extension(uint8_t type, Bytes body) {
  if (body.size() % 8 != 6) throw std::invalid_argument("extension headers: multiples of 8 bytes");
  extensions_.emplace_back(type, std::move(body));
  return *this;
}

PacketBuilder& PacketBuilder::tcp(uint16_t source_port, uint16_t destination_port) {
  transport_ = Transport::kTcp;
  source_port_ = source_port;
  destination_port_ = destination_port;
  return *this;
}
PacketBuilder& PacketBuilder::flags(std::string_view letters) {
  static constexpr std::string_view kLetters = "FSRPAU";
  tcp_flags_ = 0;
  for (const char letter : letters) {
    const size_t bit = kLetters.find(letter);
    if (bit == std::string_view::npos) throw std::invalid_argument("TCP flags: letters of FSRPAU");
    tcp_flags_ = static_cast<uint8_t>(tcp_flags_ | 1u << bit);
  }
  return *this;
}
PacketBuilder& PacketBuilder::sequence(uint32_t value) {
  sequence_ = value;
  return *this;
}
PacketBuilder& PacketBuilder::acknowledgment(uint32_t value) {
  acknowledgment_ = value;
  return *this;
}
PacketBuilder& PacketBuilder::tcp_options(Bytes options) {
  while (options.size() % 4 != 0) options.push_back(1);
  if (options.size() > 40) throw std::invalid_argument("TCP options: at most 40 bytes");
  tcp_options_ = std::move(options);
  return *this;
}
PacketBuilder& PacketBuilder::udp(uint16_t source_port, uint16_t destination_port) {
  transport_ = Transport::kUdp;
  source_port_ = source_port;
  destination_port_ = destination_port;
  return *this;
}
PacketBuilder& PacketBuilder::no_udp_checksum() {
  udp_checksum_ = false;
  return *this;
}
PacketBuilder& PacketBuilder::sctp(uint16_t source_port, uint16_t destination_port, uint32_t tag) {
  transport_ = Transport::kSctp;
  source_port_ = source_port;
  destination_port_ = destination_port;
  sctp_tag_ = tag;
  return *this;
}
PacketBuilder& PacketBuilder::chunk(uint8_t type, Bytes body, uint8_t flags) {
  put8(sctp_chunks_, type);
  put8(sctp_chunks_, flags);
  put16(sctp_chunks_, static_cast<unsigned>(4 + body.size()));
  put(sctp_chunks_, body);
  while (sctp_chunks_.size() % 4 != 0) put8(sctp_chunks_, 0);
  return *this;
}
PacketBuilder& PacketBuilder::init(uint32_t initiate_tag) {
  Bytes body;
  put32(body, initiate_tag);
  put32(body, 65535);  // window
  put32(body, 10u << 16 | 10);
  put32(body, 1);  // TSN
  return chunk(1, std::move(body));
}
PacketBuilder& PacketBuilder::no_sctp_checksum() {
  sctp_checksum_ = false;
  return *this;
}
PacketBuilder& PacketBuilder::icmp_echo(uint16_t id, uint16_t sequence) {
  icmp(0, 0, static_cast<uint32_t>(id) << 16 | sequence);
  echo_ = true;
  echo_reply_ = false;
  return *this;
}
PacketBuilder& PacketBuilder::icmp_echo_reply(uint16_t id, uint16_t sequence) {
  icmp_echo(id, sequence);
  echo_reply_ = true;
  return *this;
}
PacketBuilder& PacketBuilder::icmp(uint8_t type, uint8_t code, uint32_t rest) {
  transport_ = Transport::kIcmp;
  echo_ = false;
  icmp_type_ = type;
  icmp_code_ = code;
  icmp_rest_ = rest;
  return *this;
}
PacketBuilder& PacketBuilder::protocol(uint8_t number) {
  transport_ = Transport::kNone;
  raw_protocol_ = number;
  return *this;
}

PacketBuilder& PacketBuilder::arp(uint16_t operation, std::string_view sender_mac,
                                  std::string_view sender_ip, const MacAddress& target_mac,
                                  std::string_view target_ip) {
  network_ = Network::kArp;
  arp_ = {0, 1, 8, 0, 6, 4};
  put16(arp_, operation);
  put(arp_, mac(sender_mac).bytes);
  put(arp_, IpAddress(v4(sender_ip)));
  put(arp_, target_mac.bytes);
  put(arp_, IpAddress(v4(target_ip)));
  return *this;
}
PacketBuilder& PacketBuilder::arp_request(std::string_view sender_mac, std::string_view sender_ip,
                                          std::string_view target_ip) {
  if (!eth_given_) eth(sender_mac, "ff:ff:ff:ff:ff:ff");
  return arp(1, sender_mac, sender_ip, MacAddress{}, target_ip);
}
PacketBuilder& PacketBuilder::arp_reply(std::string_view sender_mac, std::string_view sender_ip,
                                        std::string_view target_mac, std::string_view target_ip) {
  if (!eth_given_) eth(sender_mac, target_mac);
  return arp(2, sender_mac, sender_ip, mac(target_mac), target_ip);
}
PacketBuilder& PacketBuilder::neighbor_solicitation(std::string_view source_mac,
                                                    std::string_view source_ip,
                                                    std::string_view target_ip) {
  const Ipv6Address target = v6(target_ip);
  Ipv6Address group = v6("ff02::1:ff00:0");
  std::copy_n(target.bytes.end() - 3, 3, group.bytes.end() - 3);
  MacAddress group_mac = mac("33:33:ff:00:00:00");
  std::copy_n(target.bytes.end() - 3, 3, group_mac.bytes.end() - 3);
  eth(mac(source_mac), group_mac).ipv6(v6(source_ip), group).ttl(255).icmp(135, 0, 0);
  Bytes body;
  put(body, target.bytes);
  put8(body, 1);  // option: source link-layer address, in units of 8 bytes
  put8(body, 1);
  put(body, mac(source_mac).bytes);
  return payload(std::move(body));
}

PacketBuilder& PacketBuilder::payload(std::string_view text) {
  payload_.assign(text.begin(), text.end());
  return *this;
}
PacketBuilder& PacketBuilder::payload(Bytes bytes) {
  payload_ = std::move(bytes);
  return *this;
}
PacketBuilder& PacketBuilder::bad_ip_checksum() {
  bad_ip_checksum_ = true;
  return *this;
}
PacketBuilder& PacketBuilder::bad_l4_checksum() {
  bad_l4_checksum_ = true;
  return *this;
}
PacketBuilder& PacketBuilder::ip_length(uint16_t value) {
  ip_length_ = value;
  return *this;
}
PacketBuilder& PacketBuilder::set_byte(size_t offset, uint8_t value) {
  patches_.emplace_back(offset, value);
  return *this;
}
PacketBuilder& PacketBuilder::pad_to(size_t length) {
  pad_to_ = length;
  return *this;
}
PacketBuilder& PacketBuilder::truncate(size_t length) {
  truncate_ = length;
  return *this;
}

}  // namespace vipgate::test
