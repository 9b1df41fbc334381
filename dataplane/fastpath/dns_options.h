// Options of EDNS: what a query's ask for, and those of the reply.
#pragma once

#include <cstdint>

#include "dataplane/fastpath/dns_edns.h"
#include "dataplane/fastpath/dns_responder.h"

namespace vipgate {

// Decides by the options of a query which ones the reply has, and whether the client's cookie is
// good. A cookie of no legal length makes the query malformed (RFC 7873 5.2.2).
// REQUIRES: parsed.question_end and parsed.has_opt are those of the reply.
void dns_take_options(const DnsContext& context, const DnsEdns& edns, DnsParsed& parsed);

// Writes the options behind the reply's OPT record, which ends at offset `at`, and its data length.
// Returns their octets.
uint32_t dns_append_options(const DnsParsed& parsed, DnsExtendedError error, uint32_t at);

}  // namespace vipgate
