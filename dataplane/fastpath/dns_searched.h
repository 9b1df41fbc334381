// Names that a client's search list has lengthened (`dns.search`): a name of ours with a suffix of
// the list behind it, which nobody has, is answered as an alias of the name without it. The client
// would come to that name by itself, after one such answer for each suffix.
//
// Read only where a name is nobody's, and no more than its labels and the list allow.
#pragma once

#include "dataplane/fastpath/dns_responder.h"

namespace vipgate {

// Of the CNAME record: what has that name meanwhile is not shadowed for long.
inline constexpr uint32_t kDnsSearchedTtlSeconds = 5;

// Writes a CNAME record that leads to the name without the suffix, and that name's answer. False,
// and nothing is written: with none of the client's suffixes left out it is a name of ours that has
// records, or leads to one. Of which type they are, and which one is asked for, makes no
// difference: a name is an alias for all of them (RFC 1034 3.6.2), and if others denied it for one,
// a cache between us and the client would for the rest, too (RFC 2308 5). REQUIRES: nobody here has
// the name that was asked for.
bool dns_answer_searched(const DnsContext& context, const DnsParsed& parsed, uint32_t rotation,
                         DnsReply& reply);

// The hash of the name whose records answer so; 0: there is none.
uint64_t dns_searched_name(const DnsContext& context, const DnsParsed& parsed);

}  // namespace vipgate
