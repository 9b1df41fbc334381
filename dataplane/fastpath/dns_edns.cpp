#include "dataplane/fastpath/dns_edns.h"

#include "common/dns_wire.h"

namespace vipgate {
namespace {

uint16_t read16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

// The offset behind the name at `at`, which may end in a pointer to something before it; 0: broken.
uint32_t skip_name(const uint8_t* message, uint32_t length, uint32_t at) {
  const uint32_t start = at;
  while (at < length) {
    const uint8_t label = message[at];
    if (label == 0) return at + 1;
    if (label >= 0xc0) {
      if (at + 2 > length) return 0;
      const uint32_t target = read16(message + at) & 0x3fff;
      return target >= kDnsHeaderLength && target < start ? at + 2 : 0;
    }
    if (label > kDnsMaxLabel) return 0;
    at += label + 1u;
    if (at - start >= kDnsMaxName) return 0;
  }
  return 0;
}

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
    at = skip_name(message, length, at);
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
