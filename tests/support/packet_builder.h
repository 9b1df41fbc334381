// Packets for tests, as bytes from the Ethernet header on. Lengths and checksums come out right
// unless a test asks otherwise. Independent of common/checksum.h, so that each can judge the other.
//
//   const auto syn = PacketBuilder()
//                        .eth("02:00:00:00:00:01", "02:00:00:00:00:02")
//                        .ipv4("192.0.2.1", "11.0.0.1").ttl(64)
//                        .tcp(40000, 80).flags("S")
//                        .build();
//
// Text that is not an address throws std::invalid_argument.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/addresses.h"

namespace vipgate::test {

using Bytes = std::vector<uint8_t>;

class PacketBuilder {
 public:
  // Without this: 02:00:00:00:00:01 to 02:00:00:00:00:02.
  PacketBuilder& eth(const MacAddress& source, const MacAddress& destination);
  PacketBuilder& eth(std::string_view source, std::string_view destination);
  // Several calls stack tags, the outermost first.
  PacketBuilder& vlan(uint16_t id, uint8_t priority = 0);
  // Instead of what the network header implies.
  PacketBuilder& ether_type(uint16_t value);

  PacketBuilder& ipv4(Ipv4Address source, Ipv4Address destination);
  PacketBuilder& ipv4(std::string_view source, std::string_view destination);
  PacketBuilder& ipv6(const Ipv6Address& source, const Ipv6Address& destination);
  PacketBuilder& ipv6(std::string_view source, std::string_view destination);
  // TTL or hop limit; 64 without this.
  PacketBuilder& ttl(uint8_t value);
  // TOS or traffic class.
  PacketBuilder& tos(uint8_t value);
  PacketBuilder& ip_id(uint16_t value);
  PacketBuilder& dont_fragment();
  // IPv4 options of `length` bytes (NOPs). REQUIRES: a multiple of 4, at most 40.
  PacketBuilder& ip_options(size_t length);
  // These options, padded with NOPs to a multiple of 4.
  PacketBuilder& ip_options(Bytes options);
  // Makes it a fragment (over IPv6: adds a fragment header). `offset` is in bytes, a multiple of 8.
  // With an offset above 0 no L4 header is written: payload() is what the fragment carries.
  PacketBuilder& fragment(uint16_t offset, bool more);
  // IPv6: an 8-byte extension header of this type (0 hop by hop, 60 destination options).
  PacketBuilder& ipv6_extension(uint8_t type);
  // The same with what follows its length field. REQUIRES: 6 bytes and a multiple of 8 more.
  PacketBuilder& ipv6_extension(uint8_t type, Bytes body);

  PacketBuilder& tcp(uint16_t source_port, uint16_t destination_port);
  // Letters of "FSRPAU"; "A" without this.
  PacketBuilder& flags(std::string_view letters);
  PacketBuilder& sequence(uint32_t value);
  PacketBuilder& acknowledgment(uint32_t value);
  // Raw TCP options; padded with NOPs to a multiple of 4.
  PacketBuilder& tcp_options(Bytes options);

  PacketBuilder& udp(uint16_t source_port, uint16_t destination_port);
  // UDP checksum field zero: "none" (RFC 768).
  PacketBuilder& no_udp_checksum();

  // With the chunks that chunk() adds; payload() follows them.
  PacketBuilder& sctp(uint16_t source_port, uint16_t destination_port, uint32_t tag = 0);
  // Of this type (RFC 9260 3.2), padded to a multiple of four.
  PacketBuilder& chunk(uint8_t type, Bytes body = {}, uint8_t flags = 0);
  // An INIT with this initiate tag.
  PacketBuilder& init(uint32_t initiate_tag);
  // SCTP checksum field zero: "none" (RFC 9653).
  PacketBuilder& no_sctp_checksum();

  // Echo request or reply, ICMP over IPv4, ICMPv6 over IPv6.
  PacketBuilder& icmp_echo(uint16_t id, uint16_t sequence);
  PacketBuilder& icmp_echo_reply(uint16_t id, uint16_t sequence);
  // Any ICMP message: type, code, the 4 bytes after the checksum; then payload().
  PacketBuilder& icmp(uint8_t type, uint8_t code, uint32_t rest);
  // Any other protocol: payload() follows the IP header as it is.
  PacketBuilder& protocol(uint8_t number);

  // A whole ARP message. The request is broadcast from the sender's MAC unless eth() was called.
  PacketBuilder& arp_request(std::string_view sender_mac, std::string_view sender_ip,
                             std::string_view target_ip);
  PacketBuilder& arp_reply(std::string_view sender_mac, std::string_view sender_ip,
                           std::string_view target_mac, std::string_view target_ip);
  // RFC 4861 4.3 with the source link-layer address option, sent to the target's solicited-node
  // multicast address with hop limit 255; eth(), ipv6() and ttl() after this change that.
  PacketBuilder& neighbor_solicitation(std::string_view source_mac, std::string_view source_ip,
                                       std::string_view target_ip);

  PacketBuilder& payload(std::string_view text);
  PacketBuilder& payload(Bytes bytes);

  PacketBuilder& bad_ip_checksum();
  PacketBuilder& bad_l4_checksum();
  // Instead of the right total length (IPv4) or payload length (IPv6).
  PacketBuilder& ip_length(uint16_t value);
  // Overwrites one byte of the finished packet, whose checksums are not mended.
  PacketBuilder& set_byte(size_t offset, uint8_t value);
  // Zeros after the packet, as Ethernet pads short frames.
  PacketBuilder& pad_to(size_t length);
  // Cuts the finished packet to `length` bytes; its length fields stay.
  PacketBuilder& truncate(size_t length);

  [[nodiscard]] Bytes build() const;

 private:
  enum class Network { kNone, kIpv4, kIpv6, kArp };
  enum class Transport { kNone, kTcp, kUdp, kIcmp, kSctp };

  Bytes transport_bytes() const;
  size_t transport_checksum_offset() const;
  void put_checksum(Bytes& segment) const;
  void append_ipv4(Bytes& out, size_t segment_length) const;
  void append_ipv6(Bytes& out, size_t segment_length) const;
  uint8_t protocol_number() const;
  uint16_t network_ether_type() const;
  bool later_fragment() const { return fragment_ && fragment_offset_ > 0; }
  PacketBuilder& arp(uint16_t operation, std::string_view sender_mac, std::string_view sender_ip,
                     const MacAddress& target_mac, std::string_view target_ip);

  MacAddress source_mac_{{2, 0, 0, 0, 0, 1}};
  MacAddress destination_mac_{{2, 0, 0, 0, 0, 2}};
  bool eth_given_ = false;
  std::vector<uint16_t> vlan_tags_;
  std::optional<uint16_t> ether_type_;

  Network network_ = Network::kNone;
  IpAddress source_ip_;
  IpAddress destination_ip_;
  uint8_t ttl_ = 64;
  uint8_t tos_ = 0;
  uint16_t ip_id_ = 0;
  bool dont_fragment_ = false;
  Bytes ip_options_;
  bool fragment_ = false;
  uint16_t fragment_offset_ = 0;
  bool more_fragments_ = false;
  std::vector<std::pair<uint8_t, Bytes>> extensions_;
  Bytes arp_;

  Transport transport_ = Transport::kNone;
  uint8_t raw_protocol_ = 59;  // "no next header"
  uint16_t source_port_ = 0;
  uint16_t destination_port_ = 0;
  uint8_t tcp_flags_ = 0x10;
  uint32_t sequence_ = 0;
  uint32_t acknowledgment_ = 0;
  Bytes tcp_options_;
  bool udp_checksum_ = true;
  uint32_t sctp_tag_ = 0;
  Bytes sctp_chunks_;
  bool sctp_checksum_ = true;
  bool echo_ = false;
  bool echo_reply_ = false;
  uint8_t icmp_type_ = 0;
  uint8_t icmp_code_ = 0;
  uint32_t icmp_rest_ = 0;

  Bytes payload_;
  bool bad_ip_checksum_ = false;
  bool bad_l4_checksum_ = false;
  std::optional<uint16_t> ip_length_;
  std::vector<std::pair<size_t, uint8_t>> patches_;
  size_t pad_to_ = 0;
  std::optional<size_t> truncate_;
};

// The Internet checksum by the book (RFC 1071), in host order: big-endian pairs, added one by one.
// `initial` is a sum of such pairs, for the pseudo header.
[[nodiscard]] uint16_t reference_checksum(std::span<const uint8_t> bytes, uint32_t initial = 0);
// Sum of the pseudo header, for `initial`.
[[nodiscard]] uint32_t reference_pseudo_header(const IpAddress& source,
                                               const IpAddress& destination, uint8_t protocol,
                                               size_t length);

// CRC32c bit by bit (RFC 9260 appendix A), of an SCTP packet with zeros in place of its checksum;
// the value is sent least significant byte first. REQUIRES: 12 bytes or more.
[[nodiscard]] uint32_t reference_sctp_checksum(std::span<const uint8_t> packet);

// Whether every checksum in the packet is right: IPv4 header, TCP, UDP (absent is right over IPv4
// only), SCTP, ICMP, ICMPv6. Of a fragment, only the IP header's. False if the packet is cut short.
[[nodiscard]] bool checksums_ok(std::span<const uint8_t> packet);

// One line, for failure messages:
// "02:…:01 > 02:…:02 vlan 10 192.0.2.1 > 11.0.0.1 ttl 64 TCP 40000 > 80 S seq 1 ack 0 len 5".
[[nodiscard]] std::string describe(std::span<const uint8_t> packet);

}  // namespace vipgate::test
