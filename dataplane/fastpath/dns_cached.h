// Replies to questions that were forwarded: what resolvers said, under the client's own header.
#pragma once

#include <cstdint>

#include "dataplane/fastpath/dns_alias.h"
#include "dataplane/fastpath/dns_cache.h"
#include "dataplane/fastpath/dns_responder.h"

namespace vipgate {

// What the cache has, with the time that is left to it; kStale: past its time. RA=1 and AA=0; AD as
// the resolver said, for those who can have asked for it (RFC 6840 5.7), CD as the client's.
// `verdict`: kForwarded, kCached or kStale; a failure's is its own. `rotation`: as of dns_answer().
DnsReply dns_answer_cached(const DnsParsed& parsed, const DnsCacheSlot& known, uint64_t now_ns,
                           uint32_t rotation, DnsVerdict verdict);
// Whether the client gets all that the cache has.
inline bool dns_fits_whole(const DnsParsed& parsed, const DnsCacheSlot& known) {
  const uint32_t length = uint32_t{parsed.question_end} + known.body_length + parsed.opt_length;
  return known.is_whole() && length <= parsed.limit;
}
// The same with kCached, for what is asked for most. REQUIRES: it is fresh, and dns_fits_whole().
DnsReply dns_answer_fresh(const DnsParsed& parsed, const DnsCacheSlot& known, uint64_t now_ns,
                          uint32_t rotation);
// The same for the name that an alias of ours leads to: the alias, then what the cache has. AA=1,
// as the name that was asked for is ours (RFC 1035 4.1.1), and AD=0.
DnsReply dns_answer_behind_alias(const DnsParsed& parsed, const DnsAlias& alias,
                                 const DnsCacheSlot& known, uint64_t now_ns, uint32_t rotation,
                                 DnsVerdict verdict);
DnsReply dns_refuse(const DnsParsed& parsed);
DnsReply dns_fail(const DnsParsed& parsed);

}  // namespace vipgate
