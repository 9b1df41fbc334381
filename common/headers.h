// Protocol headers as they lie on the wire. Every field has alignment 1, so none needs padding and
// all may be read at any address.
#pragma once

#include <cstdint>

#include "common/addresses.h"
#include "common/byte_order.h"

namespace vipgate {

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;

inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolIgmp = 2;
inline constexpr uint8_t kProtocolIpv4 = 4;  // in IP: RFC 2003
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolIpv6 = 41;  // in IP: RFC 2473
inline constexpr uint8_t kProtocolIpv6HopByHop = 0;
inline constexpr uint8_t kProtocolIpv6Routing = 43;
inline constexpr uint8_t kProtocolIpv6Fragment = 44;
inline constexpr uint8_t kProtocolGre = 47;
inline constexpr uint8_t kProtocolAuthentication = 51;
inline constexpr uint8_t kProtocolIcmpv6 = 58;
inline constexpr uint8_t kProtocolIpv6DestinationOptions = 60;
inline constexpr uint8_t kProtocolOspf = 89;
inline constexpr uint8_t kProtocolPim = 103;
inline constexpr uint8_t kProtocolVrrp = 112;
inline constexpr uint8_t kProtocolSctp = 132;

// Those whose headers begin with the ports, and whose flows are balanced.
constexpr bool has_ports(uint8_t protocol) {
  return protocol == kProtocolTcp || protocol == kProtocolUdp || protocol == kProtocolSctp;
}

struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  Be16 ether_type;
};
static_assert(sizeof(EthernetHeader) == 14);

// What follows the two MAC addresses of a tagged frame, after the tag's ether type (IEEE 802.1Q).
struct VlanTag {
  Be16 tci;  // priority 3, drop eligible 1, VLAN id 12
  Be16 ether_type;
};
static_assert(sizeof(VlanTag) == 4);

// RFC 826, for Ethernet and IPv4.
struct ArpHeader {
  static constexpr uint16_t kRequest = 1;
  static constexpr uint16_t kReply = 2;

  Be16 hardware_type;
  Be16 protocol_type;
  uint8_t hardware_length;
  uint8_t protocol_length;
  Be16 operation;
  MacAddress sender_mac;
  Ipv4Address sender_ip;
  MacAddress target_mac;
  Ipv4Address target_ip;
};
static_assert(sizeof(ArpHeader) == 28);

// RFC 791 3.1.
struct Ipv4Header {
  static constexpr uint16_t kDontFragment = 0x4000;
  static constexpr uint16_t kMoreFragments = 0x2000;
  static constexpr uint16_t kFragmentOffset = 0x1fff;

  uint8_t version_ihl;
  uint8_t tos;
  Be16 total_length;
  Be16 id;
  Be16 fragment;
  uint8_t ttl;
  uint8_t protocol;
  Be16 checksum;
  Ipv4Address source;
  Ipv4Address destination;

  int header_length() const { return (version_ihl & 15) * 4; }
};
static_assert(sizeof(Ipv4Header) == 20);

// RFC 8200 3.
struct Ipv6Header {
  Be32 version_class_flow;
  Be16 payload_length;
  uint8_t next_header;
  uint8_t hop_limit;
  Ipv6Address source;
  Ipv6Address destination;
};
static_assert(sizeof(Ipv6Header) == 40);

// RFC 9293 3.1.
struct TcpHeader {
  static constexpr uint8_t kFin = 0x01;
  static constexpr uint8_t kSyn = 0x02;
  static constexpr uint8_t kRst = 0x04;
  static constexpr uint8_t kPsh = 0x08;
  static constexpr uint8_t kAck = 0x10;

  Be16 source_port;
  Be16 destination_port;
  Be32 sequence;
  Be32 acknowledgment;
  uint8_t data_offset;  // upper 4 bits: header length in 32-bit words
  uint8_t flags;
  Be16 window;
  Be16 checksum;
  Be16 urgent;

  int header_length() const { return (data_offset >> 4) * 4; }
};
static_assert(sizeof(TcpHeader) == 20);

// RFC 768.
struct UdpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be16 length;
  Be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8);

// RFC 9260 3.1. Chunks follow.
struct SctpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be32 verification_tag;
  Be32 checksum;  // CRC32c, least significant byte first: raw() is its value
};
static_assert(sizeof(SctpHeader) == 12);

// RFC 9260 3.2.
struct SctpChunk {
  static constexpr uint8_t kData = 0;
  static constexpr uint8_t kInit = 1;
  static constexpr uint8_t kInitAck = 2;
  static constexpr uint8_t kAbort = 6;
  static constexpr uint8_t kShutdownAck = 8;
  static constexpr uint8_t kError = 9;
  static constexpr uint8_t kCookieAck = 11;
  static constexpr uint8_t kShutdownComplete = 14;
  static constexpr uint8_t kIData = 64;  // RFC 8260 2.1
  // ABORT, SHUTDOWN COMPLETE: the verification tag is the one that the receiver sent itself.
  static constexpr uint8_t kReflectedTag = 1;

  uint8_t type;
  uint8_t flags;
  Be16 length;  // with these four bytes, without the padding to a multiple of four
};
static_assert(sizeof(SctpChunk) == 4);

// RFC 2784 2.1, without the optional fields.
struct GreHeader {
  Be16 flags_version;
  Be16 protocol;  // an ether type
};
static_assert(sizeof(GreHeader) == 4);

// draft-ietf-intarea-gue-09 3.2, variant 0.
struct GueHeader {
  uint8_t version_control_length;  // variant 2, control 1, length 5: of what follows, in words
  uint8_t protocol;                // an IP protocol number
  Be16 flags;
};
static_assert(sizeof(GueHeader) == 4);

// RFC 792 and RFC 4443: the part that every message has.
struct IcmpHeader {
  static constexpr uint8_t kEchoReply = 0;
  static constexpr uint8_t kDestinationUnreachable = 3;
  static constexpr uint8_t kEchoRequest = 8;
  static constexpr uint8_t kTimeExceeded = 11;
  static constexpr uint8_t kParameterProblem = 12;
  static constexpr uint8_t kCodePortUnreachable = 3;
  static constexpr uint8_t kCodeFragmentationNeeded = 4;
  static constexpr uint8_t kV6DestinationUnreachable = 1;
  static constexpr uint8_t kV6PacketTooBig = 2;
  static constexpr uint8_t kV6TimeExceeded = 3;
  static constexpr uint8_t kV6ParameterProblem = 4;
  static constexpr uint8_t kV6CodePortUnreachable = 4;
  static constexpr uint8_t kV6EchoRequest = 128;
  static constexpr uint8_t kV6EchoReply = 129;
  static constexpr uint8_t kV6RouterSolicitation = 133;
  static constexpr uint8_t kV6NeighborSolicitation = 135;
  static constexpr uint8_t kV6NeighborAdvertisement = 136;
  static constexpr uint8_t kV6Redirect = 137;

  uint8_t type;
  uint8_t code;
  Be16 checksum;
  Be32 rest;

  // Whether it tells of a packet, which it quotes, in a way that routers pass on. Source quench is
  // deprecated (RFC 6633), and a redirect is for the link that it came by.
  bool is_error_v4() const {
    return type == kDestinationUnreachable || type == kTimeExceeded || type == kParameterProblem;
  }
  bool is_error_v6() const {
    return type >= kV6DestinationUnreachable && type <= kV6ParameterProblem;
  }
};
static_assert(sizeof(IcmpHeader) == 8);

// RFC 8200 4.5.
struct Ipv6FragmentHeader {
  static constexpr uint16_t kMoreFragments = 1;
  static constexpr uint16_t kFragmentOffset = 0xfff8;  // in bytes

  uint8_t next_header;
  uint8_t reserved;
  Be16 fragment;
  Be32 id;
};
static_assert(sizeof(Ipv6FragmentHeader) == 8);

// RFC 4861 4.3 and 4.4: neighbour solicitation and advertisement, up to their options. The flags of
// an advertisement lie in icmp.rest.
struct NeighborMessage {
  static constexpr uint32_t kSolicited = 1u << 30;
  static constexpr uint32_t kOverride = 1u << 29;

  IcmpHeader icmp;
  Ipv6Address target;
};
static_assert(sizeof(NeighborMessage) == 24);

// RFC 4861 4.6.1: a source or target link-layer address option.
struct LinkAddressOption {
  static constexpr uint8_t kTarget = 2;

  uint8_t type;
  uint8_t length;  // in units of 8 bytes
  MacAddress mac;
};
static_assert(sizeof(LinkAddressOption) == 8);

// RFC 4291 2.7.1, and its link address by RFC 2464 7.
inline constexpr Ipv6Address kAllNodes{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
inline constexpr MacAddress kAllNodesMac{{0x33, 0x33, 0, 0, 0, 1}};

}  // namespace vipgate
