// A record of a resolver's answer, and whether it is one that may be told on. Pure functions; what
// they read may be anybody's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/dns_upstream.h"

namespace vipgate {

// A compressed name that is the question's (RFC 1035 4.1.4).
inline constexpr uint16_t kDnsToQuestion = 0xc000 | kDnsHeaderLength;

struct DnsUpstreamRecord {
  size_t owner = 0;
  size_t ttl = 0;  // where its TTL stands
  uint16_t type = 0;
  uint16_t dns_class = 0;
  uint32_t ttl_s = 0;
  size_t data = 0;
  uint16_t data_length = 0;
};

// False: there is no whole record at `at`, which moves behind it.
bool dns_read_record(const uint8_t* message, size_t length, size_t& at, DnsUpstreamRecord& record);

// The TTLs of the records up to now, and where the body begins that they are told from.
struct DnsKnownTtls {
  std::span<const DnsTtl> ttls;
  size_t body_offset;
};

// Whether the record leads no client astray: its owner is a name, and its data have the form of its
// type, where that is one of those that are known here. REQUIRES: `known` has the TTLs up to this
// record's.
bool dns_is_whole_record(const uint8_t* message, const DnsUpstreamRecord& record,
                         const DnsKnownTtls& known);

// Where in `name`, which is written in full, the name at `at` of the message stands, of which it is
// the end, whatever the case of their letters (RFC 4343). REQUIRES: it is a name.
inline constexpr size_t kDnsNoTail = SIZE_MAX;
size_t dns_tail_at(const uint8_t* message, size_t length, size_t at, std::span<const uint8_t> name);

// DnsAnswerFacts::turn_length of an answer that has been read.
uint16_t dns_turn_length(const uint8_t* message, const DnsAnswerFacts& answer, uint16_t type);

}  // namespace vipgate
