// Answers that the gateway makes itself, in place of the packet that asked: ARP (RFC 826),
// neighbour discovery (RFC 4861), echo (RFC 792, RFC 4443), TCP resets for services that refuse.
// Each leaves a frame that is ready to leave by the port it came from. ICMP errors: icmp_reply.h.
#pragma once

#include <optional>

#include "common/counters.h"
#include "dataplane/fastpath/packet.h"

namespace vipgate {

// REQUIRES: an ARP request for Ethernet and IPv4.
void answer_arp(Packet& packet, const MacAddress& own);

// Whether the ICMPv6 message is a neighbour solicitation that RFC 4861 7.1.1 accepts; then `target`
// points at the address that is asked for.
bool is_neighbor_solicitation(const Packet& packet, const Ipv6Address*& target);
// Whether the buffer has room for `bytes` more behind the packet.
inline bool has_room(const Packet& packet, size_t bytes) {
  return rte_pktmbuf_tailroom(packet.mbuf) >= bytes;
}

// REQUIRES: is_neighbor_solicitation(packet), and room for a LinkAddressOption.
void answer_neighbor_solicitation(Packet& packet, const MacAddress& own);

// REQUIRES: an echo request of either family.
void answer_echo4(Packet& packet, const MacAddress& own);
void answer_echo6(Packet& packet, const MacAddress& own);

// Refuses a TCP segment by RST (RFC 9293 3.10.7.1). REQUIRES: the segment has no RST.
template <class Address>
void answer_with_reset(Packet& packet, const MacAddress& own);

}  // namespace vipgate
