// How a reply is put together around the question: what dns_responder.cpp and dns_related.cpp
// share.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/checksum.h"
#include "common/dns_rotation.h"
#include "dataplane/fastpath/dns_options.h"
#include "dataplane/fastpath/dns_responder.h"
#include "dataplane/fastpath/swap16.h"

namespace vipgate {

inline uint16_t load_be16(const uint8_t* at) { return byte_swap(load<uint16_t>(at)); }

struct DnsSections {
  DnsRcode rcode = DnsRcode::kNoError;
  uint16_t flags = 0;  // those of AA and TC that are set
  uint16_t answers = 0;
  uint16_t authorities = 0;
  uint16_t additionals = 0;  // the OPT record left out
  uint32_t body_length = 0;
  uint16_t body_sum = 0;  // as at an even offset
  DnsExtendedError extended_error = DnsExtendedError::kNone;
};

// A sum of octets that start at `offset`: at an odd one each has the other place in its word, which
// for ones-complement sums of any width is a rotation by eight bits.
inline uint64_t at_parity(uint64_t sum, uint32_t offset) {
  return std::rotl(sum, static_cast<int>(offset & 1) * 8);
}

// Put together in a register: the compiler would store the fields and load them as one, and stall.
inline DnsReply make_reply(uint32_t length, uint16_t sum, DnsVerdict verdict) {
  static_assert(sizeof(DnsReply) == 8);
  return std::bit_cast<DnsReply>(uint64_t{length} | uint64_t{sum} << 16 |
                                 uint64_t{static_cast<uint8_t>(verdict)} << 32);
}

// The first eight octets of a reply's header, as they lie in memory: all but the counts of the
// authority and additional sections. `kIsPlain`: opcode 0, and one question, as the header of
// everything that is looked up has; then no more of it than the id and RD has to be kept.
template <bool kIsPlain>
[[gnu::always_inline]] inline uint64_t reply_head(const DnsParsed& parsed,
                                                  const DnsSections& sections) {
  const uint8_t* message = parsed.query.message;
  const auto rcode =
      static_cast<uint16_t>(static_cast<uint16_t>(sections.rcode) & DnsHeader::kRcodeMask);
  const auto flags = static_cast<uint16_t>(DnsHeader::kResponse | sections.flags | rcode);
  const uint64_t fresh = uint64_t{swap16(flags)} << 16 | uint64_t{swap16(sections.answers)} << 48;
  constexpr uint64_t kIdAndRd = 0x01'ffff, kId = 0xffff, kOneQuestion = uint64_t{1} << 40;
  constexpr uint64_t kRa = uint64_t{byte_swap(DnsHeader::kRecursionAvailable)} << 16;
  const auto asked = load<uint64_t>(message);
  if constexpr (kIsPlain) {
    return (asked & kIdAndRd) | fresh | kOneQuestion | (parsed.may_recurse ? kRa : 0);
  }
  constexpr uint64_t kOpcode = uint64_t{byte_swap(DnsHeader::kOpcodeMask)} << 16;
  const bool is_query = (asked & kOpcode) == 0;
  const bool has_question = parsed.question_end != kDnsHeaderLength;
  return (asked & (is_query ? kIdAndRd : kId | kOpcode)) | fresh |
         (has_question ? kOneQuestion : 0) | (is_query && parsed.may_recurse ? kRa : 0);
}

// Writes header and OPT around the question and a body that is in place already.
template <bool kIsPlain = false>
[[gnu::always_inline]] inline DnsReply finish_reply(const DnsParsed& parsed,
                                                    const DnsSections& sections,
                                                    DnsVerdict verdict) {
  uint8_t* message = parsed.query.message;
  const auto rcode = static_cast<uint16_t>(sections.rcode);
  // Put together in registers: two stores, and no load of them.
  const uint64_t first = reply_head<kIsPlain>(parsed, sections);
  const uint32_t additionals = uint32_t{sections.additionals} + parsed.has_opt;
  const uint32_t last = swap16(sections.authorities) | swap16(additionals) << 16;
  std::memcpy(message, &first, sizeof first);
  std::memcpy(message + 8, &last, sizeof last);
  // Header and OPT are summed from the registers that they are made in; the other sums are known,
  // and too small to carry. All are folded at once.
  using checksum_detail::add_carry;
  const uint64_t body_sum = at_parity(sections.body_sum, parsed.question_end);
  uint64_t sum = add_carry(first, parsed.question_sum + last + body_sum);
  uint32_t length = parsed.question_end + sections.body_length;
  if (parsed.has_opt) {
    // Root, OPT, our size, extended RCODE, version 0, DO, no options: 8 octets and 3 zeros.
    const uint64_t stored = uint64_t{static_cast<uint16_t>(DnsType::kOpt)} << 16 |
                            uint64_t{swap16(parsed.udp_size)} << 24 | uint64_t{rcode} >> 4 << 40 |
                            uint64_t{parsed.is_dnssec_ok} << 63;
    std::memcpy(message + length, &stored, 8);
    std::memset(message + length + 8, 0, 3);
    sum = add_carry(sum, at_parity(stored, length));
    const uint32_t start = length;
    length += kDnsOptLength;
    const bool has_error = sections.extended_error != DnsExtendedError::kNone;
    if (kIsPlain && parsed.options == kDnsCookieOption && !has_error) {
      sum = add_carry(sum, at_parity(dns_append_cookie(parsed, message + length - 2), length));
      length += kDnsLoneCookie;
    } else if (parsed.options != 0 || has_error) [[unlikely]] {
      length += dns_append_options(parsed, sections.extended_error, length);
      const uint64_t options_sum = ones_sum(message + start + 8, length - start - 8);
      sum = add_carry(sum, at_parity(options_sum, start));
    }
  }
  return make_reply(length, ones_fold(sum), verdict);
}

inline DnsReply finish_error(const DnsParsed& parsed, DnsRcode rcode, DnsVerdict verdict,
                             DnsExtendedError error = DnsExtendedError::kNone) {
  DnsSections sections;
  sections.rcode = rcode;
  sections.extended_error = error;
  return finish_reply(parsed, sections, verdict);
}

// The octets from offset 0 up to and including the OPT record.
inline uint32_t total_length(const DnsParsed& parsed, uint32_t body_length) {
  return parsed.question_end + body_length + parsed.opt_length;
}

inline DnsReply finish_truncated(const DnsParsed& parsed, DnsRcode rcode) {
  DnsSections sections;
  sections.rcode = rcode;
  sections.flags = DnsHeader::kAuthoritative | DnsHeader::kTruncated;
  return finish_reply(parsed, sections,
                      parsed.is_bounded ? DnsVerdict::kAmplification : DnsVerdict::kTruncated);
}

// Copies in groups of 16 octets where there is room for the last one's excess. `from` is followed
// by kDnsReadSlack readable octets.
inline void copy_body(uint8_t* to, const uint8_t* from, uint32_t length, const uint8_t* room_end) {
  if (room_end - to >= ptrdiff_t{length} + 15) [[likely]] {
    for (uint32_t at = 0; at < length; at += 16) std::memcpy(to + at, from + at, 16);
  } else {
    std::memcpy(to, from, length);
  }
}

// Of a body's records those behind the first `rotation` / 2^32 of them come first: the octets
// before them. Records that differ in length are passed one by one; a body that fits into a reply
// has few.
inline uint32_t split_of(const DnsBody& body, uint32_t rotation) {
  if (body.count <= 1) return 0;
  const uint32_t first = dns_first_record(rotation, body.count);
  if (body.record_length != 0) [[likely]]
    return first * body.record_length;
  uint32_t at = 0;
  for (uint32_t i = 0; i < first; ++i) at += kDnsRecordFixed + load_be16(body.octets + at + 10);
  return at;
}

// Copies the records from `split` on, then those before it.
inline void copy_rotated(uint8_t* to, const DnsBody& body, uint32_t split,
                         const uint8_t* room_end) {
  if (split == 0) return copy_body(to, body.octets, body.length, room_end);
  copy_body(to, body.octets + split, body.length - split, room_end);
  copy_body(to + body.length - split, body.octets, split, room_end);
}

}  // namespace vipgate
