// Pass four for what is neither TCP nor UDP to something that we serve: ARP, neighbour discovery,
// echo, the kernel's packets, and the rest, which is dropped with a reason.
#pragma once

#include "common/dns_wire.h"
#include "dataplane/fastpath/martians.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/fastpath/respond.h"
#include "dataplane/fastpath/routing_groups.h"

namespace vipgate {

namespace rare_detail {

// What we answer ourselves, as against the kernel's own addresses.
template <class Entry>
bool is_ours(const Entry* entry) {
  return entry != nullptr && (entry->kind != AddressKind::kOwn || !entry->kernel);
}

// Those that are not stepped over: authentication, which covers the addresses, mobility, HIP, shim6
// (RFC 8200 4, RFC 7045 4).
inline bool is_extension_header(uint8_t next_header) {
  return next_header == kProtocolAuthentication || next_header == 135 || next_header == 139 ||
         next_header == 140;
}

// What keeps the gateway's routes and neighbours: BGP (RFC 4271), BFD (RFC 5881 4, RFC 5883 5),
// OSPF (RFC 5340), PIM (RFC 7761), VRRP (RFC 9568). Floods of anything else must not cost it.
inline bool is_routing(const Packet& packet) {
  if (packet.protocol == kProtocolOspf || packet.protocol == kProtocolPim ||
      packet.protocol == kProtocolVrrp) {
    return true;
  }
  // Only the first fragment has ports.
  if (packet.is_later_fragment()) return false;
  const auto is = [&](uint16_t port) { return packet.destination_port == Be16(port); };
  if (packet.protocol == kProtocolUdp) return is(3784) || is(3785) || is(4784);
  constexpr Be16 kBgp{179};
  return packet.protocol == kProtocolTcp &&
         (packet.destination_port == kBgp || packet.source_port == kBgp);
}

// Why a packet to an address of the gateway goes to the kernel.
inline KernelReason own_reason(const Packet& packet) {
  if (is_routing(packet)) return KernelReason::kRouting;
  const bool is_icmp = packet.protocol == kProtocolIcmp || packet.protocol == kProtocolIcmpv6;
  return is_icmp ? KernelReason::kIcmp : KernelReason::kOwnAddress;
}

// Whether a packet to an address where questions are asked is a fragment of one. A later fragment
// shows no port: without a first one that has the right one, nobody can make use of it.
inline bool is_of_question(const Packet& packet) {
  if (packet.fragment == 0) return false;
  const bool has_right_port = packet.is_later_fragment() || packet.destination_port == kDnsPort;
  if (packet.protocol == kProtocolUdp || packet.protocol == kProtocolTcp) return has_right_port;
  // What destination options hide, the first one shows.
  return packet.is_later_fragment() && packet.protocol == kProtocolIpv6DestinationOptions &&
         packet.ipv6_fragment_at != 0;
}

}  // namespace rare_detail

template <class Observer>
[[gnu::noinline]] void Pipeline<Observer>::handle_arp(Burst& burst, Packet& packet) {
  const auto& arp = packet.ip<ArpHeader>();
  if (arp.hardware_type != Be16(1) || arp.protocol_type != Be16(kEtherTypeIpv4) ||
      arp.hardware_length != 6 || arp.protocol_length != 4) {
    return drop(burst, packet, DropReason::kBadIpHeader);
  }
  const Ipv4Address target = arp.target_ip;
  const auto* entry = burst.snapshot.v4.find(target);
  if (arp.operation == Be16(ArpHeader::kRequest) && rare_detail::is_ours(entry)) {
    answer_arp(packet, burst.snapshot.ports[packet.port].mac);
    return reply(burst, packet, ReplyKind::kArp);
  }
  // The kernel resolves next hops for us, so it gets the replies too.
  if (entry == nullptr && arp.operation != Be16(ArpHeader::kReply)) {
    return drop(burst, packet, DropReason::kNotForUs);
  }
  to_kernel(burst, packet, KernelReason::kArp);
}

template <class Observer>
[[gnu::noinline]] void Pipeline<Observer>::handle_icmp4(Burst& burst, Packet& packet) {
  const auto& ip = packet.ip<Ipv4Header>();
  const auto* entry = burst.snapshot.v4.find(ip.destination);
  const auto& icmp = packet.l4<IcmpHeader>();
  if (icmp.is_error_v4() && relay_error<Ipv4Address>(burst, packet, entry)) return;
  if (!rare_detail::is_ours(entry)) return handle_unserved<Ipv4Address>(burst, packet, entry);
  if (icmp.type != IcmpHeader::kEchoRequest || icmp.code != 0) {
    return drop(burst, packet, DropReason::kIcmpNotHandled);
  }
  if (!echo_limit_.allow(burst.now.ns)) return drop(burst, packet, DropReason::kRateLimited);
  answer_echo4(packet, burst.snapshot.ports[packet.port].mac);
  reply(burst, packet, ReplyKind::kEcho);
}

template <class Observer>
[[gnu::noinline]] void Pipeline<Observer>::handle_icmp6(Burst& burst, Packet& packet) {
  const auto& ip = packet.ip<Ipv6Header>();
  const auto& icmp = packet.l4<IcmpHeader>();
  const MacAddress& own = burst.snapshot.ports[packet.port].mac;
  const Ipv6Address* target = nullptr;
  if (is_neighbor_solicitation(packet, target)) {
    const Ipv6Address wanted = *target;
    if (rare_detail::is_ours(burst.snapshot.v6.find(wanted))) {
      if (!has_room(packet, sizeof(LinkAddressOption))) {
        return drop(burst, packet, DropReason::kTruncated);
      }
      answer_neighbor_solicitation(packet, own);
      return reply(burst, packet, ReplyKind::kNeighborAdvertisement);
    }
  }
  if (icmp.type >= IcmpHeader::kV6RouterSolicitation && icmp.type <= IcmpHeader::kV6Redirect) {
    return to_kernel(burst, packet, KernelReason::kNeighborDiscovery);
  }
  const auto* entry = burst.snapshot.v6.find(ip.destination);
  if (icmp.is_error_v6() && relay_error<Ipv6Address>(burst, packet, entry)) return;
  if (!rare_detail::is_ours(entry)) return handle_unserved<Ipv6Address>(burst, packet, entry);
  if (icmp.type != IcmpHeader::kV6EchoRequest || icmp.code != 0) {
    return drop(burst, packet, DropReason::kIcmpNotHandled);
  }
  // The unspecified address is no destination of an answer (RFC 4291 2.5.2).
  if (ip.source == Ipv6Address{}) return drop(burst, packet, DropReason::kMartianSource);
  if (!echo_limit_.allow(burst.now.ns)) return drop(burst, packet, DropReason::kRateLimited);
  answer_echo6(packet, own);
  reply(burst, packet, ReplyKind::kEcho);
}

template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::handle_other(Burst& burst, Packet& packet) {
  const Address destination = packet.ip<typename IpHeaderOf<Address>::Type>().destination;
  handle_unserved<Address>(burst, packet,
                           burst.snapshot.template table<Address>().find(destination));
}

// The kernel's, if it is to one of its addresses. `entry`: what is known of the destination.
template <class Observer>
template <class Address, class Entry>
[[gnu::noinline]] void Pipeline<Observer>::handle_unserved(Burst& burst, Packet& packet,
                                                           const Entry* entry) {
  if (entry != nullptr) {
    if (entry->kind == AddressKind::kOwn) {
      return to_kernel(burst, packet, rare_detail::own_reason(packet));
    }
    if (entry->kind == AddressKind::kDns && rare_detail::is_of_question(packet)) {
      return to_kernel(burst, packet, KernelReason::kDnsFragment);
    }
    const bool is_extension =
        sizeof(Address) == 16 && rare_detail::is_extension_header(packet.protocol);
    // Any other fragment here is of what must be whole: an echo.
    if (packet.fragment != 0) return drop(burst, packet, DropReason::kFragment);
    return drop(burst, packet,
                is_extension ? DropReason::kIpv6ExtensionHeader : DropReason::kUnsupportedProtocol);
  }
  const Address destination = packet.ip<typename IpHeaderOf<Address>::Type>().destination;
  if (is_link_local_or_group(destination) || is_routing_group(destination, packet.protocol)) {
    const bool is_routing = rare_detail::is_routing(packet);
    return to_kernel(burst, packet, is_routing ? KernelReason::kRouting : KernelReason::kLinkLocal);
  }
  handle_transit<Address>(burst, packet, DropReason::kNotForUs);
}

// To nobody here. What comes by a port of reals takes the gateway for its router: the kernel's, who
// knows routes, TTL and filters. `otherwise`: what is wrong with all else.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::handle_transit(Burst& burst, Packet& packet,
                                                          DropReason otherwise) {
  const TransitRules& rules = burst.snapshot.transit;
  const auto& ip = packet.ip<typename IpHeaderOf<Address>::Type>();
  if ((rules.ports >> packet.port & 1) == 0 || !is_routable(Address(ip.source)) ||
      !is_routable(Address(ip.destination))) {
    return drop(burst, packet, otherwise);
  }
  // What claims to come from ourselves is forged.
  if (burst.snapshot.template table<Address>().find(ip.source) != nullptr) {
    return drop(burst, packet, DropReason::kMartianSource);
  }
  if (!rules.to_kernel) return drop(burst, packet, DropReason::kTransit);
  to_kernel(burst, packet, KernelReason::kTransit);
}

}  // namespace vipgate
