// What may stand between an IP header and the transport header: IPv4 options and IPv6 extension
// headers. Part of parse.h, kept apart as few packets have any.
#pragma once

#include "common/counters.h"
#include "dataplane/fastpath/packet.h"

namespace vipgate {

// Extension headers beyond this many are nobody's honest packet (RFC 8504 5.3 allows such a limit).
inline constexpr int kMaxExtensionHeaders = 8;

// Looks through the options of an IPv4 header. kNoDrop, or why the packet is to be dropped: a
// source route says where to go next, which is ours to say alone (RFC 6274 3.13.2.3), or they are
// malformed. REQUIRES: the header, of `header_length` bytes, is in the buffer.
DropReason check_ipv4_options(const Ipv4Header& ip, size_t header_length);

// Notes that the packet is a fragment; `more` follow. kNoDrop, or kBadFragment: one without data,
// not of whole eights, or beyond the end of any packet (RFC 791 3.2, RFC 8200 4.5). REQUIRES: an
// IPv4 packet, or an IPv6 packet whose ipv6_fragment_at is set.
DropReason mark_fragment(Packet& packet, bool more);

// Steps over the extension headers: sets `protocol` and `l4_offset` to what follows them. kNoDrop,
// or why the packet is to be dropped: malformed, or with a routing header that sends it elsewhere,
// or one of type 0 (RFC 5095). A header that hides the transport header is left as the protocol.
// Marks fragments, and stops at the fragment header of a later one; a fragment that is all of its
// packet is none (RFC 6946).
// REQUIRES: l3_length bytes are in the buffer; `protocol` is the next header of the IP header.
DropReason skip_extension_headers(Packet& packet);

}  // namespace vipgate
