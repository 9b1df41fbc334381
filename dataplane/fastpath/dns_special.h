// Answers that come from no zone: names that mean something to everybody, what the server says of
// itself, and refusals.
#pragma once

#include <string_view>

#include "dataplane/fastpath/dns_responder.h"

namespace vipgate {

// Whether the name is there (RFC 8020 2), whatever others say of it, as a zone of ours lies below
// it, or one that has servers. `name`: a folded wire name.
bool dns_leads_to_zone(const DnsContext& context, std::string_view name);

// A name of class IN outside all zones. Names below `localhost.`, `invalid.` and `onion.` are
// answered here, as nobody else is to see them (RFC 6761 6.3, 6.4; RFC 7686 2); all others are
// refused.
DnsReply dns_answer_outside(const DnsParsed& parsed);

// A name of `zone`, a zone of DnsForwarding::local_zone(): nothing is there but the zone's SOA and
// NS records, and names above zones that have answers (RFC 6303 3).
DnsReply dns_answer_local(const DnsContext& context, const DnsParsed& parsed,
                          std::string_view zone);

// A query that is not looked up: what the server says of itself (class CH, RFC 4892), where it may
// say so, else a refusal.
DnsReply dns_answer_refused(const DnsContext& context, const DnsParsed& parsed);

}  // namespace vipgate
