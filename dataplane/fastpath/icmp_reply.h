// ICMP errors of the gateway's own making (RFC 792, RFC 4443): each takes the place of the packet
// that it is about and leaves by the port that this one came from. Whether an error may be sent at
// all, and how often, is the caller's business: see icmp_impl.h.
#pragma once

#include "dataplane/fastpath/packet.h"

namespace vipgate {

// All of them quote what fits (RFC 1812 4.3.2.3: 576 bytes in all; RFC 4443 2.4: 1280). `source` is
// the address that the error comes from. False: the buffer has no room for it, nothing is changed.

// A datagram that nobody serves.
template <class Address>
bool answer_with_unreachable(Packet& packet, const Address& source, const MacAddress& own);

// A packet whose TTL or hop limit would become 0 (RFC 1812 5.3.1, RFC 4443 3.3).
template <class Address>
bool answer_with_time_exceeded(Packet& packet, const Address& source, const MacAddress& own);

// A packet of more than `mtu` bytes: fragmentation needed (RFC 1191 4) or packet too big (RFC 8201,
// which knows no MTU below 1280).
template <class Address>
bool answer_with_too_big(Packet& packet, uint16_t mtu, const Address& source,
                         const MacAddress& own);

}  // namespace vipgate
