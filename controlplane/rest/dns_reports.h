// What the API tells of DNS: the records that are served, and what the responder answers.
#pragma once

#include <cstddef>
#include <string>

#include "common/addresses.h"
#include "common/dns_table.h"
#include "common/result.h"
#include "controlplane/dns_sockets/dns_stream.h"

namespace vipgate {

struct DnsRecordFilter {
  std::string name;  // a folded wire name; empty: all
  std::string zone;  // names at or below that folded wire name; empty: all
  size_t limit = 0;  // records that are told
};

// Why there are no records of a folded wire name's zone: no zone that is served has to do with it,
// or it is an alias. Empty: there may be some.
std::string dns_zone_problem(const DnsTable& table, const std::string& zone);

// {"total":…,"records":[{"name":…,"type":…,"ttl_s":…,"data":…},…]}: how many there are, and the
// first ones of them by the name's octets. Aliases of zones and SOA records are not among them. Any
// thread; takes time for each record of the table, and memory for those that are told.
std::string dns_records_text(const DnsTable& table, const DnsRecordFilter& filter);

// The responder's answer to a question by TCP with RD and without EDNS, from `client`:
// {"name":…,"type":…,"client":…,"forwarded":false,"rcode":…,"flags":[…],"answer":[…],
//  "authority":[…],"additional":[…],"message":"hexadecimal"}; of one that resolvers would be asked,
// which is not done, "forwarded" is true and all behind it is left out. `name`: a wire name. Any
// thread. An error: there is no answer to be had.
Result<std::string> dns_query_text(const AnswerDns& answer, const std::string& name, DnsType type,
                                   const IpAddress& client);

}  // namespace vipgate
