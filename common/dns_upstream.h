// Talking to resolvers: the question as it is sent to them, and what may be believed of their
// answers. Pure functions; what they read may be anybody's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/dns_wire.h"

namespace vipgate {

// A record in the body of an answer whose TTL counts down.
struct DnsTtl {
  uint16_t offset;  // from the start of the body
  uint32_t seconds;
};

// What an answer says, but for the records themselves.
struct DnsAnswerFacts {
  enum class Kind : uint8_t {
    kAnswer,     // may be told on
    kTruncated,  // TC, or longer than we take: by TCP there is more
    kRefusal,    // this resolver cannot tell: neither NOERROR nor NXDOMAIN, or of other names alone
    kMalformed,
  };

  Kind kind = Kind::kMalformed;
  DnsRcode rcode = DnsRcode::kNoError;
  bool is_authentic = false;
  bool is_truncated = false;
  bool is_negative = false;  // NXDOMAIN, or no record of the type (RFC 2308 2)
  uint16_t answers = 0, authorities = 0, additionals = 0;  // the OPT record left out
  uint16_t body_offset = 0;                                // behind the question
  uint16_t body_length = 0;                                // up to the OPT record
  // The octets of each record of the answer section, any of which may come first: equal in length,
  // of the type and the name that were asked for, and nothing leads to them; 0: they stay.
  uint16_t turn_length = 0;
  uint32_t ttl_s = 0;  // for how long all of it may be told; 0: only to those who wait
  uint16_t ttl_count = 0;

  bool is_usable() const { return kind == Kind::kAnswer || kind == Kind::kTruncated; }
};

// So many records has a message of that length at most: each has 11 octets and more, root, type,
// class, TTL, length.
constexpr size_t dns_most_records(size_t length) { return (length - kDnsHeaderLength - 5) / 11; }

// One that came by UDP.
struct DnsUpstreamAnswer : DnsAnswerFacts {
  static constexpr size_t kMaxRecords = dns_most_records(kDnsUdpLimit);

  std::array<DnsTtl, kMaxRecords> ttls;
};

// RFC 9520 3.2: that nobody answers is remembered, for seconds. RFC 8767 4, 5: what is past its
// time is told with a TTL of 30 s, and 30 s lie between two tries while there is that to tell.
inline constexpr uint32_t kDnsFailureSeconds = 5;
inline constexpr uint32_t kDnsStaleTtlSeconds = 30;
inline constexpr uint32_t kDnsStaleRecheckSeconds = 30;

struct DnsTtlLimits {
  uint32_t max_s = 0;
  uint32_t negative_s = 0;
};

// What a resolver is asked.
struct DnsUpstreamQuestion {
  uint16_t id = 0;
  const uint8_t* name = nullptr;
  uint16_t name_length = 0;
  uint16_t type = 0;
  bool is_dnssec_ok = false;
  bool is_checking_disabled = false;
  bool has_edns = true;
};
// A query with RD, with AD, which asks for that bit of the answer (RFC 6840 5.7), and, with EDNS,
// an OPT record that tells our size. Returns its length, at most kDnsQuestionRoom octets.
inline constexpr size_t kDnsQuestionRoom = kDnsHeaderLength + kDnsMaxName + 4 + kDnsOptLength;
uint16_t dns_write_question(const DnsUpstreamQuestion& question, uint8_t* to);

// Whether the message answers the very question that was asked: its id, and its name with the case
// of each letter (RFC 5452 9.1; draft-vixie-dnsext-dns0x20). Reads no octet beyond `length`.
bool dns_answers_question(const uint8_t* message, size_t length,
                          const DnsUpstreamQuestion& question);

// Whether it says that the server cannot tell, and not of which question, as of one that it could
// not read (RFC 1035 4.1.1): nothing in it is told on.
bool dns_refuses_without_question(const uint8_t* message, size_t length, uint16_t id);

// Whether it refuses as a server does that knows nothing of EDNS, without an OPT record (RFC 6891
// 7): that is asked once more without, and if it then has an answer, at once for a while.
// REQUIRES: as for dns_read_upstream().
bool dns_may_lack_edns(const uint8_t* message);
inline constexpr uint64_t kDnsWithoutEdnsNs = 600'000'000'000;

// REQUIRES: dns_answers_question() or dns_refuses_without_question().
void dns_read_upstream(const uint8_t* message, size_t length, const DnsUpstreamQuestion& question,
                       const DnsTtlLimits& limits, DnsUpstreamAnswer& answer);
// The same of a message of any length, with as many records as `ttls` has room for.
void dns_read_long_answer(const uint8_t* message, size_t length,
                          const DnsUpstreamQuestion& question, const DnsTtlLimits& limits,
                          std::span<DnsTtl> ttls, DnsAnswerFacts& answer);

// Where the question's name, or one above it, stands in full in an answer that has been read, folds
// it in `body`, a copy of the answer's: the case that it was asked in is nobody's matter.
void dns_fold_own_names(const uint8_t* message, size_t name_length, const DnsAnswerFacts& answer,
                        uint8_t* body);

// Gives each letter of the name the case that a bit of `random` says, from the lowest on; beyond 64
// letters they are used again.
void dns_mix_case(uint8_t* name, size_t length, uint64_t random);

}  // namespace vipgate
