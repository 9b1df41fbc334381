// Answers about names with a CNAME record, and what is left to others where one leads to a name of
// theirs (RFC 1034 4.3.2).
#pragma once

#include <array>
#include <cstdint>

#include "common/dns_table.h"
#include "dataplane/fastpath/dns_related.h"
#include "dataplane/fastpath/dns_responder.h"

namespace vipgate {

// The CNAME records that lead from the name that was asked for to one outside our zones, and that
// name, which others are to be asked for.
struct DnsAlias {
  DnsFoldedName name;
  uint64_t hash;  // DnsTable's
  uint16_t name_length;
  uint16_t target;   // where in the reply that name stands, in full
  uint16_t answers;  // records
  uint16_t length;   // their octets; 0: there are none, and what was asked for is itself another's
  // As they stand behind the question.
  std::array<uint8_t, kDnsMaxTargets*(kDnsRecordFixed + kDnsMaxName)> records;
};

// `alias` holds the CNAME record of the name that was asked for. The chain is followed as far as
// our zones and the bound go; RCODE and SOA are those of its last name (RFC 6604 3, RFC 2308 2).
// Where it leads to others' names, and the client may have them asked, it is kForward, and
// context.alias has the rest.
DnsReply dns_answer_alias(const DnsContext& context, const DnsParsed& parsed, const DnsBody& alias,
                          uint32_t rotation);

// What is known without others. REQUIRES: alias.length != 0
DnsReply dns_answer_alias_alone(const DnsParsed& parsed, const DnsAlias& alias);

}  // namespace vipgate
