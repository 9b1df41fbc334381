// Signed queries (RFC 8945). No key is known here, so all of them are refused in the same way.
#pragma once

#include "dataplane/fastpath/dns_responder.h"

namespace vipgate {

// NOTAUTH with a TSIG record that says BADKEY and is not signed itself (RFC 8945 5.2.1, 5.3.2);
// FORMERR if the query's TSIG record is malformed. REQUIRES: parsed.verdict is kNotauth
DnsReply dns_answer_tsig(const DnsParsed& parsed);

}  // namespace vipgate
