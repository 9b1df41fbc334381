// First pass: from bytes to a Packet. Every length check of the data plane is here (and in the DNS
// responder, for the message): behind it, all headers up to the end of the transport header are in
// the buffer, and l3_length is at most what the buffer holds.
#pragma once

#include <rte_mbuf.h>

#include <cstring>

#include "common/counters.h"
#include "common/headers.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/extension_headers.h"
#include "dataplane/fastpath/martians.h"
#include "dataplane/fastpath/packet.h"
#include "dataplane/fastpath/routing_groups.h"
#include "dataplane/fastpath/sctp.h"

namespace vipgate {

namespace parse_detail {

inline DropReason parse_l4(Packet& packet) {
  const uint16_t length = packet.l4_length();
  if (packet.protocol == kProtocolTcp) {
    if (length < sizeof(TcpHeader)) return DropReason::kBadL4Header;
    const auto& tcp = packet.l4<TcpHeader>();
    const int header = tcp.header_length();
    if (header < 20 || header > length) return DropReason::kBadL4Header;
    packet.tcp_flags = tcp.flags;
  } else if (packet.protocol == kProtocolSctp) {
    const DropReason reason = parse_sctp(packet);
    if (reason != kNoDrop) return reason;
  } else {
    if (length < sizeof(UdpHeader)) return DropReason::kBadL4Header;
    const uint16_t udp_length = packet.l4<UdpHeader>().length.host();
    const bool is_cut = udp_length > length && packet.fragment == 0;
    if (udp_length < sizeof(UdpHeader) || is_cut) return DropReason::kBadL4Header;
    // "No checksum" exists over IPv4 only (RFC 8200 8.1).
    if (packet.step != Step::kLookup4 && packet.step != Step::kFragment4 &&
        packet.l4<UdpHeader>().checksum == Be16{}) {
      return DropReason::kBadUdpChecksum;
    }
    packet.tcp_flags = 0;
  }
  packet.take_ports(&packet.l4<UdpHeader>());
  return kNoDrop;
}

// Of a fragment: the ports, if it is the first one.
inline DropReason parse_fragment(Packet& packet, Step transport, Step other) {
  packet.tcp_flags = 0;
  packet.step = other;
  // Behind an IPv6 fragment header, later fragments do not show what follows destination options.
  const bool may_be_transport =
      has_ports(packet.protocol) || (packet.ipv6_fragment_at != 0 && packet.is_later_fragment() &&
                                     packet.protocol == kProtocolIpv6DestinationOptions);
  if (!may_be_transport) return kNoDrop;
  packet.step = transport;
  return packet.is_later_fragment() ? kNoDrop : parse_l4(packet);
}

inline DropReason parse_ipv4(Packet& packet, size_t available) {
  if (available < sizeof(Ipv4Header)) return DropReason::kTruncated;
  const auto& ip = packet.ip<Ipv4Header>();
  const auto header = static_cast<uint16_t>(ip.header_length());
  packet.l3_length = ip.total_length.host();
  if (ip.version_ihl >> 4 != 4 || header < sizeof(Ipv4Header) || packet.l3_length < header) {
    return DropReason::kBadIpHeader;
  }
  if (packet.l3_length > available) return DropReason::kTruncated;
  // A switch without an address of its own asks for listeners from 0.0.0.0 (RFC 4541 2.1.1).
  if (is_martian_source(ip.source) && !(ip.protocol == kProtocolIgmp && ip.source == Ipv4Address{}))
      [[unlikely]] {
    return DropReason::kMartianSource;
  }
  if (header != sizeof(Ipv4Header)) [[unlikely]] {
    const DropReason reason = check_ipv4_options(ip, header);
    if (reason != kNoDrop) return reason;
  }
  packet.l4_offset = header;
  packet.protocol = ip.protocol;
  if ((ip.fragment.host() & (Ipv4Header::kMoreFragments | Ipv4Header::kFragmentOffset)) != 0)
      [[unlikely]] {
    const DropReason reason =
        mark_fragment(packet, (ip.fragment.host() & Ipv4Header::kMoreFragments) != 0);
    return reason != kNoDrop ? reason : parse_fragment(packet, Step::kFragment4, Step::kOther4);
  }
  if (has_ports(ip.protocol)) [[likely]] {
    packet.step = Step::kLookup4;
    return parse_l4(packet);
  }
  packet.step = Step::kOther4;
  if (ip.protocol == kProtocolIcmp) {
    if (packet.l4_length() < sizeof(IcmpHeader)) return DropReason::kBadL4Header;
    packet.step = Step::kIcmp4;
  }
  return kNoDrop;
}

inline DropReason parse_ipv6(Packet& packet, size_t available) {
  if (available < sizeof(Ipv6Header)) return DropReason::kTruncated;
  const auto& ip = packet.ip<Ipv6Header>();
  if (ip.version_class_flow.host() >> 28 != 6) return DropReason::kBadIpHeader;
  const size_t length = sizeof(Ipv6Header) + ip.payload_length.host();
  if (length > available) return DropReason::kTruncated;
  packet.l3_length = static_cast<uint16_t>(length);
  packet.l4_offset = sizeof(Ipv6Header);
  packet.protocol = ip.next_header;
  if (ip.next_header != kProtocolTcp && ip.next_header != kProtocolUdp) [[unlikely]] {
    const DropReason reason = skip_extension_headers(packet);
    if (reason != kNoDrop) return reason;
  }
  const bool is_icmp = packet.protocol == kProtocolIcmpv6;
  // Duplicate address detection solicits from :: (RFC 4862 5.4.2), and multicast listeners report
  // from it (RFC 3810 5.2.13).
  if (is_martian_source(ip.source) && !(is_icmp && ip.source == Ipv6Address{})) {
    return DropReason::kMartianSource;
  }
  if (packet.fragment != 0) [[unlikely]] {
    return parse_fragment(packet, Step::kFragment6, Step::kOther6);
  }
  if (has_ports(packet.protocol)) [[likely]] {
    packet.step = Step::kLookup6;
    return parse_l4(packet);
  }
  packet.step = Step::kOther6;
  if (is_icmp) {
    if (packet.l4_length() < sizeof(IcmpHeader)) return DropReason::kBadL4Header;
    packet.step = Step::kIcmp6;
  }
  return kNoDrop;
}

// Whether an IP packet in a frame to a group is for one that somebody here listens to. A unicast
// packet in such a frame is not for us (RFC 1122 3.3.6).
inline bool is_group_of_ours(const Packet& packet) {
  switch (packet.step) {
    case Step::kIcmp6:
      return true;
    case Step::kOther4:
      return is_routing_group(packet.ip<Ipv4Header>().destination, packet.protocol);
    case Step::kOther6:
      return is_routing_group(packet.ip<Ipv6Header>().destination, packet.protocol);
    default:
      return false;
  }
}

}  // namespace parse_detail

// Fills `packet` from its mbuf and returns kNoDrop, or says why the packet is to be dropped.
// REQUIRES: packet.mbuf and packet.port are set; `ports` has an entry for packet.port.
inline DropReason parse(Packet& packet, const PortEntry& port) {
  const rte_mbuf* mbuf = packet.mbuf;
  if (mbuf->nb_segs != 1) return DropReason::kMultiSegment;
  auto* frame = rte_pktmbuf_mtod(mbuf, uint8_t*);
  const size_t length = mbuf->data_len;
  if (length < sizeof(EthernetHeader)) return DropReason::kTruncated;
  const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame);
  const bool to_group = port.check_mac && !(ethernet.destination == port.mac);
  if (to_group && !ethernet.destination.is_multicast()) return DropReason::kNotOurMac;
  // No station has a group address (IEEE 802.3 3.2.3), and answers go to the source.
  if (ethernet.source.is_multicast()) return DropReason::kMartianSource;
  packet.fragment = 0;
  packet.ipv6_fragment_at = 0;
  Be16 ether_type = ethernet.ether_type;
  packet.l2_length = sizeof(EthernetHeader);
  packet.tci = Be16{};
  if (ether_type == Be16(kEtherTypeVlan)) {
    packet.l2_length = sizeof(EthernetHeader) + sizeof(VlanTag);
    if (length < packet.l2_length) return DropReason::kTruncated;
    const auto& tag = *reinterpret_cast<const VlanTag*>(frame + sizeof(EthernetHeader));
    packet.tci = tag.tci;
    ether_type = tag.ether_type;
  }
  if (port.vlan != 0 && (packet.tci.host() & 0xfff) != port.vlan) return DropReason::kWrongVlan;

  packet.l3 = frame + packet.l2_length;
  const size_t available = length - packet.l2_length;
  if (ether_type == Be16(kEtherTypeIpv4)) [[likely]] {
    const DropReason reason = parse_detail::parse_ipv4(packet, available);
    if (!to_group || reason != kNoDrop) [[likely]]
      return reason;
    return parse_detail::is_group_of_ours(packet) ? kNoDrop : DropReason::kNotOurMac;
  }
  if (ether_type == Be16(kEtherTypeIpv6)) {
    const DropReason reason = parse_detail::parse_ipv6(packet, available);
    if (!to_group || reason != kNoDrop) return reason;
    return parse_detail::is_group_of_ours(packet) ? kNoDrop : DropReason::kNotOurMac;
  }
  if (ether_type == Be16(kEtherTypeArp)) {
    if (available < sizeof(ArpHeader)) return DropReason::kTruncated;
    packet.step = Step::kArp;
    packet.l3_length = sizeof(ArpHeader);
    return kNoDrop;
  }
  return DropReason::kUnknownEtherType;
}

}  // namespace vipgate
