// Answers that come from no zone: names that mean something to everybody, what the server says of
// itself, and refusals.
#pragma once

#include <string_view>

#include "dataplane/fastpath/dns_responder.h"

namespace vipgate {

// A name that is answered, where it stands in the reply, in full, and what is in place behind the
// question already: the CNAME records that lead to it.
struct DnsSpecialName {
  std::string_view text;  // folded
  uint32_t offset = kDnsHeaderLength;
  uint32_t before = 0;   // octets of those records
  uint16_t answers = 0;  // their number
};

// The zone of RFC 6303 that answers the name here, as its client's questions are forwarded; empty:
// none does.
std::string_view dns_local_zone_of(const DnsContext& context, const DnsParsed& parsed,
                                   std::string_view name);

// A name that a CNAME record of ours leads to, in none of our zones, for a client whose questions
// are forwarded. False, and nothing is written: others are to be asked for it.
bool dns_answer_special_target(const DnsContext& context, const DnsParsed& parsed,
                               const DnsSpecialName& name, DnsReply& reply);

// Whether the name is there (RFC 8020 2), whatever others say of it, as a zone of ours lies below
// it, or one that has servers. `name`: a folded wire name.
bool dns_leads_to_zone(const DnsContext& context, std::string_view name);

// A name of class IN outside all zones. Names below `localhost.`, `invalid.` and `onion.` are
// answered here, as nobody else is to see them (RFC 6761 6.3, 6.4; RFC 7686 2); all others are
// refused.
DnsReply dns_answer_outside(const DnsParsed& parsed);

// A name of `zone`, which is its dns_local_zone_of(): nothing is there but the zone's SOA and
// NS records, and names above zones that have answers (RFC 6303 3).
DnsReply dns_answer_local(const DnsContext& context, const DnsParsed& parsed,
                          const DnsSpecialName& name, std::string_view zone);

// A query that is not looked up: what the server says of itself (class CH, RFC 4892), where it may
// say so, else a refusal.
DnsReply dns_answer_refused(const DnsContext& context, const DnsParsed& parsed);

}  // namespace vipgate
