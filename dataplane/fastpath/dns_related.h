// Answers that hold more than the RRset asked for: the addresses of the names that SRV and NS
// records lead to, and all that a name has; dns_alias.h is for CNAME records. They look further
// names up, a bounded number of them, when they are asked for: compiled into the answer, they would
// make the table's shards depend on each other.
#pragma once

#include <cstdint>
#include <span>

#include "common/dns_table.h"
#include "dataplane/fastpath/dns_responder.h"

namespace vipgate {

// Distinct targets whose addresses are looked up for one reply over UDP, and at a time for one over
// TCP, and CNAME records that are followed.
inline constexpr int kDnsMaxTargets = 8;

class DnsReplyWriter;
struct DnsSections;

// The SRV or NS records of `body`, by the type that was asked for, and in the additional section
// the A and AAAA RRsets of their targets, each as a whole and only if it fits (RFC 2782, RFC 1035
// 3.3.11, RFC 2181 9). TC only if the records of the answer do not fit.
DnsReply dns_answer_targets(const DnsTable& table, const DnsParsed& parsed, const DnsBody& body,
                            uint32_t rotation);
// The same behind what `writer` has written already: `owner` is where the records' name stands.
// REQUIRES: dns_has_targets(parsed.type), writer.has_room(body.length),
// DnsReplyWriter::can_point_to(owner)
void dns_append_targets(const DnsTable& table, const DnsParsed& parsed, const DnsBody& body,
                        uint32_t rotation, uint32_t owner, DnsReplyWriter& writer,
                        DnsSections& sections);
constexpr bool dns_has_targets(DnsType type) {
  return type == DnsType::kSrv || type == DnsType::kNs;
}

// From so many names on, a table does not lie in the cache: 145 octets each, in 1 MB.
inline constexpr size_t kDnsManyNames = 8192;
// Of all questions of a burst whose candidates have one record that leads to a name: fetches that
// name's bucket, and then its entry. REQUIRES: the candidates are on their way into the cache.
void dns_prefetch_targets(const DnsTable& table, std::span<DnsParsed> parsed);

// Every RRset of the name, and the SOA at an apex, as far as they fit into a message: ANY over TCP
// (RFC 8482 4.4). `own`: what the client's view has of it, which stands in the place of the table's
// of the same type, and a CNAME record in the place of all; `entry`: what the table has. Either may
// be null. REQUIRES: one of them has records.
DnsReply dns_answer_all(const DnsTable& table, const DnsParsed& parsed, const DnsEntry* own,
                        const DnsEntry* entry, uint32_t rotation);
// The same, of a name that the view has: REQUIRES: own.has_records()
DnsReply dns_answer_all_of_view(const DnsTable& table, const DnsParsed& parsed, const DnsEntry& own,
                                uint32_t rotation);

}  // namespace vipgate
