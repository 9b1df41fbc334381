#include "dataplane/fastpath/dns_edns.h"

#include "common/dns_wire.h"

namespace vipgate {
namespace {

uint16_t read16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

}  // namespace

// Code, length, data; to the end of the record data and no further.
bool dns_read_options(const uint8_t* options, uint32_t length, DnsEdns& edns) {
  uint32_t at = 0;
  while (at + 4 <= length) {
    const uint8_t* option = options + at;
    const uint16_t data_length = read16(option + 2);
    at += 4u + data_length;
    if (at > length) return false;
    switch (DnsOptionCode{read16(option)}) {
      case DnsOptionCode::kNsid:
        edns.has_options = edns.wants_nsid = true;
        break;
      case DnsOptionCode::kTcpKeepalive:
        edns.has_options = edns.wants_keepalive = true;
        break;
      case DnsOptionCode::kCookie:
        if (edns.cookie != nullptr) break;
        edns.has_options = true;
        edns.cookie = option + 4;
        edns.cookie_length = data_length;
        break;
      default:
        break;
    }
  }
  return at == length;
}

DnsEdns dns_parse_records(const uint8_t* message, uint32_t length, uint32_t at,
                          uint32_t authorities, uint32_t additionals) {
  constexpr uint32_t kFixed = 10;  // type, class, TTL, length
  DnsEdns edns;
  bool are_options_good = true;
  const auto broken = [] {
    DnsEdns none;
    none.fault = DnsEdns::Fault::kRecords;
    return none;
  };
  const uint32_t count = authorities + additionals;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t owner = at;
    at = static_cast<uint32_t>(dns_name_piece(message, length, at).end);
    if (at == 0 || at + kFixed > length) return broken();
    const uint8_t* fixed = message + at;
    const uint32_t data_length = read16(fixed + 8);
    at += kFixed;
    if (at + data_length > length) return broken();
    const DnsType type{read16(fixed)};
    if (type == DnsType::kTsig) {
      // RFC 8945 5.1: the last record of all, and one.
      const bool is_any = read16(fixed + 2) == static_cast<uint16_t>(DnsClass::kAny);
      if (i < authorities || i + 1 != count || !is_any) return broken();
      edns.tsig = static_cast<uint16_t>(owner);
    } else if (type == DnsType::kOpt) {
      if (i < authorities || edns.has_opt || message[owner] != 0) return broken();
      edns.has_opt = true;
      edns.requestor_size = read16(fixed + 2);
      edns.version = fixed[5];
      edns.is_dnssec_ok = (read16(fixed + 6) & kDnsOptDnssecOk) != 0;
      are_options_good = dns_read_options(message + at, data_length, edns);
    }
    at += data_length;
  }
  if (!are_options_good) edns.fault = DnsEdns::Fault::kOptions;
  return edns;
}

}  // namespace vipgate
