// What a resolver has said by TCP, apart from the question, as it is kept and told on.
#pragma once

#include <cstdint>
#include <vector>

#include "common/dns_wire.h"

namespace vipgate {

// Plain data.
struct DnsKnownAnswer {
  static constexpr uint64_t kSecondNs = 1'000'000'000;

  // The records behind the question but the OPT record, and where in them the TTLs stand, which are
  // those of the time when it came.
  std::vector<uint8_t> records;
  std::vector<uint16_t> ttls;
  uint16_t answers = 0, authorities = 0, additionals = 0;
  uint16_t turn_length = 0;  // as DnsAnswerFacts has it
  DnsRcode rcode = DnsRcode::kNoError;
  bool is_authentic = false;  // AD
  bool is_failure = false;    // no resolver has answered: SERVFAIL
  uint32_t ttl_s = 0;         // of all of it; 0: for those who wait alone
  uint64_t stored_ns = 0;
  uint64_t recheck_ns = 0;  // nobody is asked again before: resolvers have just failed

  uint64_t age_s(uint64_t now_ns) const { return (now_ns - stored_ns) / kSecondNs; }
  bool is_fresh(uint64_t now_ns) const { return age_s(now_ns) < ttl_s; }
  // Past its time, but better than nothing (RFC 8767). Failures are no answers.
  bool may_be_stale(uint64_t now_ns, uint32_t stale_s) const {
    return !is_failure && age_s(now_ns) < uint64_t{ttl_s} + stale_s;
  }
  // When it is of no more use.
  uint64_t end_ns(uint32_t stale_s) const {
    return stored_ns + (uint64_t{ttl_s} + (is_failure ? 0 : stale_s)) * kSecondNs;
  }
};

}  // namespace vipgate
