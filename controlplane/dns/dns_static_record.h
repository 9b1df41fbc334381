// Static records of a zone (`dns.zones[].records`): from text to what the DNS table takes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/dns_record.h"
#include "common/result.h"
#include "controlplane/config/config.h"

namespace vipgate {

// `name` is relative to `zone`, or absolute with the final dot; "@" is the zone itself. `data` by
// type; names in it are absolute, with or without the final dot:
//   A, AAAA     an address
//   CNAME, PTR  a name
//   SRV         "PRIORITY WEIGHT PORT TARGET"
//   TXT         one string as it is, or strings in quotes: "a b" "c"; \" and \\ within them
// An error names the field and what would be right; it does not name the record.
Result<DnsRecord> dns_static_record(const DnsRecordConfig& config, std::string_view zone,
                                    uint32_t default_ttl_s);

}  // namespace vipgate
