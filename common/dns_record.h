// One resource record as the tables take it: names and data in wire form, uncompressed.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/addresses.h"
#include "common/dns_wire.h"
#include "common/result.h"

namespace vipgate {

struct DnsRecord {
  std::string owner;  // folded wire name
  DnsType type = DnsType::kA;
  uint32_t ttl_s = 0;
  std::string rdata;
  friend bool operator==(const DnsRecord&, const DnsRecord&) = default;
  friend auto operator<=>(const DnsRecord&, const DnsRecord&) = default;
};

// The same where others keep the octets.
struct DnsRecordView {
  DnsRecordView(std::string_view owner_in, DnsType type_in, uint32_t ttl_s_in,
                std::string_view rdata_in)
      : owner(owner_in), type(type_in), ttl_s(ttl_s_in), rdata(rdata_in) {}
  DnsRecordView(const DnsRecord& record)  // NOLINT(google-explicit-constructor)
      : DnsRecordView(record.owner, record.type, record.ttl_s, record.rdata) {}
  operator DnsRecord() const {  // NOLINT(google-explicit-constructor)
    return {std::string(owner), type, ttl_s, std::string(rdata)};
  }

  std::string_view owner;
  DnsType type;
  uint32_t ttl_s;
  std::string_view rdata;
};

// Names are text, with or without the final dot. An error names the name that is none.
Result<DnsRecord> dns_address_record(std::string_view owner, const IpAddress& address,
                                     uint32_t ttl_s);
// RFC 2782.
Result<DnsRecord> dns_srv_record(std::string_view owner, uint16_t priority, uint16_t weight,
                                 uint16_t port, std::string_view target, uint32_t ttl_s);
// The owner is made from the address (RFC 1035 3.5, RFC 3596 2.5).
Result<DnsRecord> dns_ptr_record(const IpAddress& address, std::string_view target, uint32_t ttl_s);

}  // namespace vipgate
