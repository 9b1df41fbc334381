// Answers to questions that the kernel takes over UDP: those that came in fragments, and those of
// the gateway itself.
#pragma once

#include <cstdint>

#include "common/address_and_port.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/dns_responder.h"

namespace vipgate {

// What dns_answer() says, within what a forged sender may be sent, as no rate is limited here: a
// reply that would be longer than its question has no records, and TC=1, unless the client shows a
// good cookie. It may have 16 octets more for a cookie of its own. So has that to a question which
// is others' to answer: by TCP they are asked. Writes over the question; returns the length of the
// reply, 0: there is none. REQUIRES: !query.is_stream
uint16_t dns_answer_datagram(const DnsContext& context, const DnsQuery& query, uint32_t rotation);

// Whether the question claims to come from a service of an address of ours, which the answer would
// go to: none is given. The packet path drops such ones, but of fragments it sees no port.
bool dns_claims_our_service(const Snapshot& snapshot, const AddressAndPort& client);

}  // namespace vipgate
