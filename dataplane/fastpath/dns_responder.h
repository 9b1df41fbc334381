// The authoritative DNS responder: a query's octets in, a reply's octets out, in place.
//
// Pure functions without state; any worker may call them on messages and tables that it may read.
// The caller owns everything below the DNS message: it swaps addresses and ports, and sets lengths
// and checksums from DnsReply. A burst goes through three stages, each over all of its messages, so
// that the cache misses of one overlap with the others': dns_parse, dns_prefetch, dns_answer.
#pragma once

#include <cstdint>
#include <span>

#include "common/byte_order.h"
#include "common/counters.h"
#include "common/dns_cookie.h"
#include "common/dns_policy.h"
#include "common/dns_rotation.h"
#include "common/dns_table.h"
#include "common/dns_views.h"

namespace vipgate {

// What became of a query: the outcomes that are counted, then the reasons to say nothing.
enum class DnsVerdict : uint8_t {
#define X(enumerator, name) enumerator,
  VIPGATE_DNS_OUTCOMES(X)
#undef X
      kDropShort,   // no whole header
  kDropSourcePort,  // a port whose service would answer the answer
  kDropResponse,    // QR=1 is never answered, or two servers might talk for ever
  kForward,         // others know: nothing has been written
};

constexpr bool is_drop(DnsVerdict verdict) {
  return verdict >= DnsVerdict::kDropShort && verdict != DnsVerdict::kForward;
}

// Ports of services (RFC 6335 6); clients ask from others.
inline bool dns_is_service_port(Be16 port) { return (port.raw() & Be16(0xfc00).raw()) == 0; }

inline constexpr uint8_t kDnsNsidOption = 1;
inline constexpr uint8_t kDnsCookieOption = 2;
inline constexpr uint8_t kDnsKeepaliveOption = 4;

struct DnsAlias;

// What answers come from, and by which rules: the same for all messages of a burst.
struct DnsContext {
  const DnsTable& table;
  const DnsPolicy& policy;
  uint64_t unix_ns = 0;             // the wall clock: of the burst, not of each message
  const DnsViews* views = nullptr;  // null: all clients are answered alike
  // With kForward: what of the answer is ours (dns_alias.h); null: an alias is all that is told.
  DnsAlias* alias = nullptr;
};

// One UDP payload, or one message of a TCP stream.
struct DnsQuery {
  uint8_t* message = nullptr;
  uint16_t length = 0;    // octets received
  uint16_t capacity = 0;  // octets that may be written from `message` on; >= length
  Be16 source_port;
  // The client's address as it stands in the packet, 4 or 16 octets; readable until the answer is
  // made.
  const uint8_t* client = nullptr;
  uint8_t client_length = 0;
  bool is_stream = false;  // TCP: the reply may be as long as it likes, whatever EDNS says
};

// A query between the stages. Plain memory: the caller keeps an array of them for a burst.
struct alignas(64) DnsParsed {
  DnsFoldedName name;
  uint64_t hash;
  const DnsEntry* candidate;
  const DnsTable* view;  // what the client is answered instead of the table's; null: nothing
  // Of the name that the lone record of `candidate` leads to, probably; null: nobody knows.
  const DnsEntry* target;
  DnsQuery query;
  uint64_t question_sum;  // of its octets, as a checksum adds them up; 0 without one
  uint16_t name_length;
  uint16_t question_end;  // offset behind the question; 12 when the reply has none
  DnsType type;
  uint16_t limit;     // octets that the reply may have
  uint16_t udp_size;  // what our OPT record says that we take and send
  uint16_t tsig;      // offset of the query's TSIG record; defined for kNotauth only
  // These begin as zeros and stand together, so that one store makes them.
  uint16_t opt_length;  // octets of it, extended errors left out; 0: there is none
  DnsVerdict verdict;   // kAnswer: the name is to be looked up; else it is decided
  bool has_opt;         // the reply has an OPT record
  bool is_dnssec_ok;    // DO, to be copied
  // The client showed a server cookie that we gave to its address (RFC 7873 5.2.5): it is no
  // spoofed one, and no limit of rates is meant for it.
  bool has_good_cookie;
  bool is_bounded;          // `limit` is that of the query's length
  uint8_t options;          // kDns…Option: those that the OPT record of the reply has
  bool is_late;             // what the stages before the last one knew of it was wrong
  bool is_unproven;         // see dns_prove()
  bool has_open_cookie;     // `cookie` is the query's, and is still to be checked
  bool may_recurse;         // the client may have questions forwarded: RA
  const DnsPolicy* policy;  // what options say; defined where `options` is not 0
  DnsCookie cookie;         // the same
};

// One register wide, in which it is returned.
struct alignas(8) DnsReply {
  uint16_t length;  // octets at `message`; 0: drop, or kForward
  // The reply's ones-complement sum, folded to 16 bits, of words as they lie in memory, which is
  // what rte_raw_cksum() gives: add the pseudo header's and the UDP header's, store the complement.
  uint16_t sum;
  DnsVerdict verdict;
};

// Parses, folds and hashes, and prefetches the name's bucket. Reads nothing beyond query.capacity,
// and heeds nothing beyond query.length. REQUIRES: parsed.query
void dns_parse_query(const DnsContext& context, DnsParsed& parsed);
inline void dns_parse(const DnsContext& context, const DnsQuery& query, DnsParsed& parsed) {
  // Field by field, from the caller's registers: copied as a whole, it is loaded in pieces other
  // than those it was stored in, which stalls.
  parsed.query.message = query.message;
  parsed.query.length = query.length;
  parsed.query.capacity = query.capacity;
  parsed.query.source_port = query.source_port;
  parsed.query.client = query.client;
  parsed.query.client_length = query.client_length;
  parsed.query.is_stream = query.is_stream;
  dns_parse_query(context, parsed);
}

// The name of a usual query is not walked over, as its end follows from the length of the whole
// message: that is right if a name of the table is equal to it, and must be proven else. False: it
// is not right, and the query has been parsed anew. REQUIRES: parsed.is_unproven
bool dns_prove(const DnsContext& context, DnsParsed& parsed);

// Probes the bucket and prefetches the entry.
void dns_prefetch(const DnsContext& context, DnsParsed& parsed);
// The same for all of a burst, whose cookies are checked together.
void dns_prefetch_all(const DnsContext& context, std::span<DnsParsed> parsed);

// Writes the reply over the query. `rotation` chooses which record of an RRset comes first: see
// dns_first_record().
// REQUIRES: both stages before, with the same context.
DnsReply dns_answer(const DnsContext& context, DnsParsed& parsed, uint32_t rotation);

// The reply without records and with TC=1, in the place of the one that has been written: who asks
// over TCP gets it. `is_authoritative`: AA, as that one had.
DnsReply dns_truncate(const DnsParsed& parsed, bool is_authoritative);

// The hash of the name whose records answer: of the one that was asked for, of the wildcard that
// covers it, of what it is an alias of, of what a search list has lengthened; 0: of none that is
// ours.
uint64_t dns_answering_name(const DnsContext& context, const DnsParsed& parsed);

// What the client's view has of a name, which goes before the table, RRset by RRset; null: nothing.
inline const DnsEntry* dns_find_in_view(const DnsParsed& parsed, uint64_t hash,
                                        const DnsFoldedName& name, size_t length) {
  if (parsed.view == nullptr) [[likely]]
    return nullptr;
  return parsed.view->find_any_way(hash, name, length);
}

// All three at once, for a lone query.
DnsReply dns_respond(const DnsContext& context, const DnsQuery& query, uint32_t rotation);

}  // namespace vipgate
