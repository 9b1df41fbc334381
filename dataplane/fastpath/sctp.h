// SCTP (RFC 9260) as the packet path knows it: a packet's ports, what its chunks say of the
// association, and how a packet that nobody takes is answered. The rest of it is the ends' own: the
// addresses that INIT and INIT ACK may list stay, so an association has one path.
#pragma once

#include "common/counters.h"
#include "dataplane/fastpath/packet.h"

namespace vipgate {

// Notes in tcp_flags what the chunks say, in the words of TCP, by which flows are followed: INIT is
// SYN, INIT ACK is SYN and ACK, ABORT is RST; SHUTDOWN ACK and SHUTDOWN COMPLETE, one of which is
// each end's last, are FIN; anything else is ACK. kNoDrop, or what is wrong.
// REQUIRES: the packet is whole, or a first fragment; protocol, l3_length and l4_offset are set.
DropReason parse_sctp(Packet& packet);

// The checksum is mended by what the ports change of it (common/crc32c.h), and so stays wrong where
// it was. One that is zero and not right says "none" (RFC 9653), and stays. Only the packet's
// length counts, so this costs as much as a checksum of it without its memory.
// REQUIRES: a whole packet: of a fragment's, the length is not known.
void set_sctp_ports(Packet& packet, Be16 source, Be16 destination);

// What a packet that belongs to no association gets (RFC 9260 8.4).
enum class SctpAnswer : uint8_t { kNone, kAbort, kShutdownComplete };

// REQUIRES: a whole packet.
SctpAnswer choose_sctp_answer(const Packet& packet);

// Turns the packet into its answer. REQUIRES: that is not kNone.
template <class Address>
void answer_sctp(Packet& packet, SctpAnswer answer, const MacAddress& own);

}  // namespace vipgate
