#include "dataplane/fastpath/dns_cached.h"

#include <cstring>

#include "common/dns_move.h"
#include "common/dns_rotation.h"
#include "dataplane/fastpath/dns_reply.h"

namespace vipgate {

namespace {

// The body, of whose answer section another record comes first each time. TTLs are the same for all
// of it (RFC 2181 5.2), and at the same place of each.
[[gnu::noinline]] void copy_turned(uint8_t* to, const DnsCacheSlot& known, uint32_t rotation) {
  const uint32_t section = uint32_t{known.answers} * known.turn_length;
  const uint32_t split = dns_first_record(rotation, known.answers) * known.turn_length;
  const uint8_t* body = known.body();
  std::memcpy(to, body + split, section - split);
  std::memcpy(to + section - split, body, split);
  std::memcpy(to + section, body + section, known.body_length - section);
}

// Has the TTLs of a copy of the body say what is left of them, and gives the sum that it then has.
template <bool kIsStale>
[[gnu::always_inline]] inline uint64_t count_down(const DnsCacheSlot& known, uint64_t now_ns,
                                                  uint8_t* body) {
  const uint32_t age_s = known.age_s(now_ns);
  uint64_t sum = known.body_sum;
  // In registers, as what is written might be the slot's.
  const uint8_t* from = known.body();
  const uint8_t* offsets = from + known.body_length;
  const uint8_t* end = offsets + 2 * size_t{known.ttl_count};
  for (; offsets != end; offsets += 2) {
    const uint32_t offset = load<uint16_t>(offsets);
    const auto before = load<Be32>(from + offset);
    const uint32_t ttl_s = before.host();
    const Be32 left(kIsStale ? kDnsStaleTtlSeconds : ttl_s - std::min(age_s, ttl_s));
    std::memcpy(body + offset, &left, sizeof left);
    sum += at_parity(uint64_t{~before.raw()} + left.raw(), offset);
  }
  return sum;
}

// AD as the resolver said, for those who can have asked for it, CD as the client's.
uint16_t cached_flags(const DnsParsed& parsed, const DnsCacheSlot& known) {
  const uint8_t asked = parsed.query.message[3];
  const bool wants_authentic = parsed.is_dnssec_ok || (asked & DnsHeader::kAuthenticData) != 0;
  return static_cast<uint16_t>(
      (asked & DnsHeader::kCheckingDisabled) |
      (known.is_authentic && wants_authentic ? DnsHeader::kAuthenticData : 0));
}

// What does not fit, or did not when a resolver said it.
DnsReply cut_short(const DnsParsed& parsed, const DnsCacheSlot& known, uint16_t flags,
                   DnsVerdict verdict) {
  const bool is_bounded = parsed.is_bounded && !known.is_truncated;
  DnsSections sections;
  sections.rcode = DnsRcode{known.rcode};
  sections.flags = static_cast<uint16_t>(flags | DnsHeader::kTruncated);
  return finish_reply(parsed, sections, is_bounded ? DnsVerdict::kAmplification : verdict);
}

// REQUIRES: dns_fits_whole().
template <bool kIsStale>
[[gnu::always_inline]] inline DnsReply answer_whole(const DnsParsed& parsed,
                                                    const DnsCacheSlot& known, uint64_t now_ns,
                                                    uint32_t rotation, DnsVerdict verdict) {
  uint8_t* body = parsed.query.message + parsed.question_end;
  if (known.turn_length == 0) [[likely]] {
    copy_body(body, known.body(), known.body_length, parsed.query.message + parsed.query.capacity);
  } else {
    copy_turned(body, known, rotation);
  }
  const uint64_t sum = count_down<kIsStale>(known, now_ns, body);
  // Here, so that nothing of it has to be put by meanwhile. What is kept has no longer code.
  DnsSections sections;
  sections.rcode = static_cast<DnsRcode>(known.rcode & DnsHeader::kRcodeMask);
  sections.flags = cached_flags(parsed, known);
  sections.answers = known.answers;
  sections.authorities = known.authorities;
  sections.additionals = known.additionals;
  sections.body_length = known.body_length;
  sections.body_sum = ones_fold(sum);
  if (kIsStale) sections.extended_error = DnsExtendedError::kStaleAnswer;
  return finish_reply<true>(parsed, sections, verdict);
}

}  // namespace

DnsReply dns_answer_fresh(const DnsParsed& parsed, const DnsCacheSlot& known, uint64_t now_ns,
                          uint32_t rotation) {
  return answer_whole<false>(parsed, known, now_ns, rotation, DnsVerdict::kCached);
}

DnsReply dns_answer_cached(const DnsParsed& parsed, const DnsCacheSlot& known, uint64_t now_ns,
                           uint32_t rotation, DnsVerdict verdict) {
  if (known.is_failure) return dns_fail(parsed);
  if (!dns_fits_whole(parsed, known)) {
    return cut_short(parsed, known, cached_flags(parsed, known), verdict);
  }
  return verdict == DnsVerdict::kStale
             ? answer_whole<true>(parsed, known, now_ns, rotation, verdict)
             : answer_whole<false>(parsed, known, now_ns, rotation, verdict);
}

DnsReply dns_refuse(const DnsParsed& parsed) {
  return finish_error(parsed, DnsRcode::kRefused, DnsVerdict::kRefused,
                      DnsExtendedError::kProhibited);
}

DnsReply dns_fail(const DnsParsed& parsed) {
  return finish_error(parsed, DnsRcode::kServFail, DnsVerdict::kServfail,
                      DnsExtendedError::kNoReachableAuthority);
}

DnsReply dns_answer_behind_alias(const DnsParsed& parsed, const DnsAlias& alias,
                                 const DnsCacheSlot& known, uint64_t now_ns, uint32_t rotation,
                                 DnsVerdict verdict) {
  if (known.is_failure) return dns_fail(parsed);
  const auto flags = static_cast<uint16_t>(
      DnsHeader::kAuthoritative | (parsed.query.message[3] & DnsHeader::kCheckingDisabled));
  const uint32_t length = uint32_t{alias.length} + known.body_length;
  if (known.is_truncated || total_length(parsed, length) > parsed.limit) {
    return cut_short(parsed, known, flags, verdict);
  }
  const bool is_stale = verdict == DnsVerdict::kStale;
  DnsSections sections;
  sections.rcode = DnsRcode{known.rcode};
  sections.flags = flags;
  uint8_t* to = parsed.query.message + parsed.question_end;
  std::memcpy(to, alias.records.data(), alias.length);
  uint8_t* body = to + alias.length;
  if (known.turn_length == 0) {
    std::memcpy(body, known.body(), known.body_length);
  } else {
    copy_turned(body, known, rotation);
  }
  if (is_stale) {
    count_down<true>(known, now_ns, body);
  } else {
    count_down<false>(known, now_ns, body);
  }
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
