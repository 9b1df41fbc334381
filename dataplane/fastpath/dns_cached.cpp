#include "dataplane/fastpath/dns_cached.h"

#include <cstring>

#include "dataplane/fastpath/dns_reply.h"

namespace vipgate {

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
  const uint8_t asked = parsed.query.message[3];
  DnsSections sections;
  sections.rcode = DnsRcode{known.rcode};
  sections.flags = asked & DnsHeader::kCheckingDisabled;
  if (known.is_authentic && (parsed.is_dnssec_ok || (asked & DnsHeader::kAuthenticData) != 0)) {
    sections.flags |= DnsHeader::kAuthenticData;
  }
  if (known.is_truncated || total_length(parsed, known.body_length) > parsed.limit) {
    const bool is_bounded = parsed.is_bounded && !known.is_truncated;
    sections.flags |= DnsHeader::kTruncated;
    return finish_reply(parsed, sections, is_bounded ? DnsVerdict::kAmplification : verdict);
  }
  uint8_t* body = parsed.query.message + parsed.question_end;
  copy_body(body, known.body(), known.body_length, parsed.query.message + parsed.query.capacity);
  const uint32_t age_s = known.age_s(now_ns);
  uint64_t sum = known.body_sum;
  for (uint32_t i = 0; i < known.ttl_count; ++i) {
    const uint32_t offset = known.ttl_offset(i);
    const auto before = load<Be32>(known.body() + offset);
    const uint32_t ttl_s = before.host();
    const Be32 left(verdict == DnsVerdict::kStale ? kDnsStaleTtlSeconds
                                                  : ttl_s - std::min(age_s, ttl_s));
    std::memcpy(body + offset, &left, sizeof left);
    sum += at_parity(uint64_t{~before.raw()} + left.raw(), offset);
  }
  if (verdict == DnsVerdict::kStale) sections.extended_error = DnsExtendedError::kStaleAnswer;
  sections.answers = known.answers;
  sections.authorities = known.authorities;
  sections.additionals = known.additionals;
  sections.body_length = known.body_length;
  sections.body_sum = ones_fold(sum);
  return finish_reply<true>(parsed, sections, verdict);
}

}  // namespace vipgate
