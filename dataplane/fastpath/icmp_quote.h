// ICMP errors about flows: the packet that an error quotes (RFC 792, RFC 4443), and the error's way
// through the translation (RFC 5508 4.2). As in parse.h, all lengths are checked here; the bytes
// behind what a Quote promises are not touched.
#pragma once

#include <cstdint>

#include "common/counters.h"
#include "dataplane/fastpath/nat_record.h"
#include "dataplane/fastpath/packet.h"

namespace vipgate {

// The quoted packet, up to its ports; it may be cut off anywhere behind them.
template <class Address>
struct Quote {
  typename IpHeaderOf<Address>::Type* ip;
  uint8_t* l4;
  uint16_t l4_length;  // what is there of it: 8 bytes or more
  uint8_t protocol;
  Be16 source_port, destination_port;  // of a TCP, UDP or SCTP packet
};

// Reads what the error in `packet` quotes. kNoDrop, or why the error is to be dropped: an error
// goes to the source of what it quotes, and quotes eight bytes of its payload at least.
// REQUIRES: an ICMP message of the family.
template <class Address>
DropReason read_quote(const Packet& packet, Quote<Address>& quote);

// Whether the checksum of the ICMP message is right: a translator makes a new one, which must not
// hide that the old one was wrong (RFC 5508 REQ-3).
template <class Address>
bool has_right_icmp_checksum(const Packet& packet);

// The client's side tells of a packet that the real sent: gives the error to the real, and the
// quote the addresses that the real knows. To a `fullnat` real it comes from the SNAT address, like
// all that comes from the client's side; else from whoever sent it.
// One hop further; all checksums are right afterwards, those of the quote if they were before.
template <class Address>
void translate_error_to_real(Packet& packet, const Quote<Address>& quote,
                             const NatRecord<Address>& record);

// The same for an error from the real's side about a packet that the client sent. It comes from the
// VIP: the client cannot know who is behind it (RFC 5508 REQ-5).
template <class Address>
void translate_error_to_client(Packet& packet, const Quote<Address>& quote,
                               const NatRecord<Address>& record);

}  // namespace vipgate
