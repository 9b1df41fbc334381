#include "dataplane/fastpath/dns_cached.h"

#include <cstring>

#include "common/dns_move.h"
#include "dataplane/fastpath/dns_reply.h"

namespace vipgate {

namespace {

// Has the TTLs of a copy of the body say what is left of them, and gives the sum that it then has.
[[gnu::always_inline]] inline uint64_t count_down(const DnsCacheSlot& known, uint64_t now_ns,
                                                  bool is_stale, uint8_t* body) {
  const uint32_t age_s = known.age_s(now_ns);
  uint64_t sum = known.body_sum;
  for (uint32_t i = 0; i < known.ttl_count; ++i) {
    const uint32_t offset = known.ttl_offset(i);
    const auto before = load<Be32>(known.body() + offset);
    const uint32_t ttl_s = before.host();
    const Be32 left(is_stale ? kDnsStaleTtlSeconds : ttl_s - std::min(age_s, ttl_s));
    std::memcpy(body + offset, &left, sizeof left);
    sum += at_parity(uint64_t{~before.raw()} + left.raw(), offset);
  }
  return sum;
}

// What does not fit, or did not when a resolver said it.
DnsReply cut_short(const DnsParsed& parsed, const DnsCacheSlot& known, DnsSections& sections,
                   DnsVerdict verdict) {
  const bool is_bounded = parsed.is_bounded && !known.is_truncated;
  sections.flags |= DnsHeader::kTruncated;
  return finish_reply(parsed, sections, is_bounded ? DnsVerdict::kAmplification : verdict);
}

}  // namespace

DnsReply dns_refuse(const DnsParsed& parsed) {
  return finish_error(parsed, DnsRcode::kRefused, DnsVerdict::kRefused,
                      DnsExtendedError::kProhibited);
}

DnsReply dns_fail(const DnsParsed& parsed) {
  return finish_error(parsed, DnsRcode::kServFail, DnsVerdict::kServfail,
                      DnsExtendedError::kNoReachableAuthority);
}

DnsReply dns_answer_cached(const DnsParsed& parsed, const DnsCacheSlot& known, uint64_t now_ns,
                           DnsVerdict verdict) {
  if (known.is_failure) return dns_fail(parsed);
  const bool is_stale = verdict == DnsVerdict::kStale;
  const uint8_t asked = parsed.query.message[3];
  DnsSections sections;
  sections.rcode = DnsRcode{known.rcode};
  sections.flags = asked & DnsHeader::kCheckingDisabled;
  if (known.is_authentic && (parsed.is_dnssec_ok || (asked & DnsHeader::kAuthenticData) != 0)) {
    sections.flags |= DnsHeader::kAuthenticData;
  }
  if (known.is_truncated || total_length(parsed, known.body_length) > parsed.limit) {
    return cut_short(parsed, known, sections, verdict);
  }
  uint8_t* body = parsed.query.message + parsed.question_end;
  copy_body(body, known.body(), known.body_length, parsed.query.message + parsed.query.capacity);
  sections.body_sum = ones_fold(count_down(known, now_ns, is_stale, body));
  if (is_stale) sections.extended_error = DnsExtendedError::kStaleAnswer;
  sections.answers = known.answers;
  sections.authorities = known.authorities;
  sections.additionals = known.additionals;
  sections.body_length = known.body_length;
  return finish_reply<true>(parsed, sections, verdict);
}

DnsReply dns_answer_behind_alias(const DnsParsed& parsed, const DnsAlias& alias,
                                 const DnsCacheSlot& known, uint64_t now_ns, DnsVerdict verdict) {
  if (known.is_failure) return dns_fail(parsed);
  const bool is_stale = verdict == DnsVerdict::kStale;
  DnsSections sections;
  sections.rcode = DnsRcode{known.rcode};
  sections.flags = static_cast<uint16_t>(DnsHeader::kAuthoritative |
                                         (parsed.query.message[3] & DnsHeader::kCheckingDisabled));
  const uint32_t length = uint32_t{alias.length} + known.body_length;
  if (known.is_truncated || total_length(parsed, length) > parsed.limit) {
    return cut_short(parsed, known, sections, verdict);
  }
  uint8_t* to = parsed.query.message + parsed.question_end;
  std::memcpy(to, alias.records.data(), alias.length);
  uint8_t* body = to + alias.length;
  std::memcpy(body, known.body(), known.body_length);
  count_down(known, now_ns, is_stale, body);
  const size_t records = size_t{known.answers} + known.authorities + known.additionals;
  if (!dns_move_records({body, known.body_length}, records, known.name_length,
                        {alias.target, size_t{parsed.question_end} + alias.length})) {
    return dns_fail(parsed);
  }
  if (is_stale) sections.extended_error = DnsExtendedError::kStaleAnswer;
  sections.answers = static_cast<uint16_t>(alias.answers + known.answers);
  sections.authorities = known.authorities;
  sections.additionals = known.additionals;
  sections.body_length = length;
  sections.body_sum = ones_fold(ones_sum(to, length));
  return finish_reply<true>(parsed, sections, verdict);
}

}  // namespace vipgate
