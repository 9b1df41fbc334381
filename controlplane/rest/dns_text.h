// DNS as people read it: types, codes, data of records, and whole messages.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/dns_wire.h"

namespace vipgate {

// "A", "SRV"; "TYPE65" of one that has no name here (RFC 3597 5).
std::string dns_type_text(DnsType type);
// The reverse, whatever the case; nothing: it is none.
std::optional<DnsType> dns_type_from_text(std::string_view text);
// "NOERROR", "NXDOMAIN"; "RCODE11".
std::string dns_rcode_text(uint16_t rcode);

std::string dns_hex_text(std::span<const uint8_t> octets);

// As in master files (RFC 1035 5.1); data of other types, or that is broken, as "\# 3 0a0b0c"
// (RFC 3597 5). Names in it may be compressed: `message` is what they refer to.
std::string dns_data_text(DnsType type, std::span<const uint8_t> message, size_t at, size_t length);
// Of data that stands alone.
std::string dns_data_text(DnsType type, std::string_view data);

struct DnsRecordText {
  std::string name;  // with the final dot
  std::string type;
  uint32_t ttl_s = 0;
  std::string data;
};

struct DnsMessageText {
  std::string rcode;
  std::vector<std::string> flags;  // "aa", "tc", "rd", "ra", "ad", "cd": those that are set
  std::vector<DnsRecordText> answer, authority, additional;
};

// Nothing: it is no whole message with at most one question. An OPT record is left out.
std::optional<DnsMessageText> dns_read_message(std::span<const uint8_t> message);

}  // namespace vipgate
