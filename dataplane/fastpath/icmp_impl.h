// ICMP errors that we make ourselves: whether, how often and in whose name.
#pragma once

#include "dataplane/fastpath/icmp_reply.h"
#include "dataplane/fastpath/pipeline.h"

namespace vipgate {

namespace icmp_detail {

// The ingress port's own address; where it has none of the family, the VIP's, which the sender
// knows.
template <class Address>
const Address& error_source(const PortEntry& port, const Address& vip) {
  const Address& own = port.address<Address>();
  return own == Address{} ? vip : own;
}

}  // namespace icmp_detail

// Whether its sender may get an ICMP error about the packet: not in answer to a frame for a group,
// nor about an ICMP error or a later fragment, nor to a made-up sender (RFC 1122 3.2.2, RFC
// 4443 2.4(e)). Martian sources were dropped before.
template <class Observer>
template <class Address>
bool Pipeline<Observer>::may_be_told(const Burst& burst, const Packet& packet) const {
  const Address sender = packet.ip<typename IpHeaderOf<Address>::Type>().source;
  // What is forwarded of ICMP is errors.
  const bool is_error = packet.protocol == kProtocolIcmp || packet.protocol == kProtocolIcmpv6;
  return !is_error && !packet.is_later_fragment() &&
         !packet.ethernet().destination.is_multicast() &&
         burst.snapshot.template table<Address>().find(sender) == nullptr;
}

// The packet's TTL is used up: tells its sender, so that traceroute works.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::expire(Burst& burst, Packet& packet, const Address& vip,
                                                  uint32_t service) {
  if (!may_be_told<Address>(burst, packet)) {
    return drop(burst, packet, DropReason::kTtlExpired, service);
  }
  if (!time_exceeded_limit_.allow(burst.now.ns)) {
    return drop(burst, packet, DropReason::kRateLimited, service);
  }
  const PortEntry& port = burst.snapshot.ports[packet.port];
  if (!answer_with_time_exceeded(packet, icmp_detail::error_source(port, vip), port.mac)) {
    return drop(burst, packet, DropReason::kTtlExpired, service);
  }
  reply(burst, packet, ReplyKind::kTimeExceeded, service);
}

// The packet is longer than what may leave for its destination: tells its sender how much may. IPv4
// without DF should be fragmented by a router. We don't: it would take further buffers in the
// packet path, and today's stacks set DF or probe. Nor is the sender told, as it did not ask to be.
template <class Observer>
template <class Address>
[[gnu::noinline]] void Pipeline<Observer>::refuse_too_big(Burst& burst, Packet& packet,
                                                          uint16_t mtu, const Address& vip,
                                                          uint32_t service) {
  bool may_tell = may_be_told<Address>(burst, packet);
  if constexpr (sizeof(Address) == 4) {
    may_tell &= (packet.ip<Ipv4Header>().fragment.host() & Ipv4Header::kDontFragment) != 0;
  }
  if (!may_tell) return drop(burst, packet, DropReason::kTooBig, service);
  if (!too_big_limit_.allow(burst.now.ns)) {
    return drop(burst, packet, DropReason::kRateLimited, service);
  }
  const PortEntry& port = burst.snapshot.ports[packet.port];
  if (!answer_with_too_big(packet, mtu, icmp_detail::error_source(port, vip), port.mac)) {
    return drop(burst, packet, DropReason::kTooBig, service);
  }
  reply(burst, packet, ReplyKind::kPacketTooBig, service);
}

}  // namespace vipgate
