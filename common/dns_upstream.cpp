#include "common/dns_upstream.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/byte_order.h"
#include "common/dns_upstream_record.h"

namespace vipgate {
namespace {

uint16_t u16_at(const uint8_t* at) { return load<Be16>(at).host(); }

// Whether a record of the answer section tells of the name that was asked for: it is that name's,
// or renames all below a name above it (RFC 6672). What others tell of follows from one of these.
// REQUIRES: the owner is a name.
bool tells_of_question(const uint8_t* message, size_t length, const DnsUpstreamRecord& record,
                       const DnsUpstreamQuestion& question) {
  if (u16_at(message + record.owner) == kDnsToQuestion) return true;
  const size_t above =
      dns_tail_at(message, length, record.owner, {question.name, question.name_length});
  return above == 0 ||
         (above != kDnsNoTail && record.type == static_cast<uint16_t>(DnsType::kDname));
}

// RFC 1035 3.3.13: two names, then five numbers, of which MINIMUM is the last.
uint32_t negative_ttl(const uint8_t* message, const DnsUpstreamRecord& soa) {
  if (soa.data_length < 22) return 0;
  const uint32_t minimum = load<Be32>(message + soa.data + soa.data_length - 4).host();
  return std::min(soa.ttl_s, minimum >> 31 != 0 ? 0 : minimum);
}

// An answer of which no record is told.
void cut_off(DnsAnswerFacts& answer) {
  answer.kind = DnsAnswerFacts::Kind::kTruncated;
  answer.is_truncated = true;
  answer.is_negative = false;
  answer.answers = answer.authorities = answer.additionals = 0;
  answer.body_length = answer.turn_length = 0;
  answer.ttl_s = 0;
  answer.ttl_count = 0;
}

}  // namespace

uint16_t dns_write_question(const DnsUpstreamQuestion& question, uint8_t* to) {
  const uint16_t flags = DnsHeader::kRecursionDesired | DnsHeader::kAuthenticData |
                         (question.is_checking_disabled ? DnsHeader::kCheckingDisabled : 0);
  const Be16 additionals(question.has_edns ? 1 : 0);
  const DnsHeader header{Be16(question.id), Be16(flags), Be16(1), Be16{}, Be16{}, additionals};
  std::memcpy(to, &header, sizeof header);
  uint8_t* at = to + sizeof header;
  std::memcpy(at, question.name, question.name_length);
  at += question.name_length;
  const Be16 rest[] = {Be16(question.type), Be16(static_cast<uint16_t>(DnsClass::kIn))};
  std::memcpy(at, rest, sizeof rest);
  at += sizeof rest;
  if (!question.has_edns) return static_cast<uint16_t>(at - to);
  const uint8_t opt[kDnsOptLength] = {0,
                                      0,
                                      static_cast<uint8_t>(DnsType::kOpt),
                                      kDnsUdpLimit >> 8,
                                      kDnsUdpLimit & 0xff,
                                      0,
                                      0,
                                      static_cast<uint8_t>(question.is_dnssec_ok ? 0x80 : 0),
                                      0,
                                      0,
                                      0};
  std::memcpy(at, opt, sizeof opt);
  return static_cast<uint16_t>(at + sizeof opt - to);
}

bool dns_answers_question(const uint8_t* message, size_t length,
                          const DnsUpstreamQuestion& question) {
  const size_t question_end = kDnsHeaderLength + question.name_length + 4;
  if (length < question_end) return false;
  const auto header = load<DnsHeader>(message);
  const uint16_t flags = header.flags.host();
  if (header.id.host() != question.id || (flags & DnsHeader::kResponse) == 0 ||
      (flags & DnsHeader::kOpcodeMask) != 0 || header.question_count.host() != 1) {
    return false;
  }
  const uint8_t* name = message + kDnsHeaderLength;
  const uint8_t* rest = name + question.name_length;
  return std::memcmp(name, question.name, question.name_length) == 0 &&
         u16_at(rest) == question.type && u16_at(rest + 2) == static_cast<uint16_t>(DnsClass::kIn);
}

bool dns_refuses_without_question(const uint8_t* message, size_t length, uint16_t id) {
  if (length < kDnsHeaderLength) return false;
  const auto header = load<DnsHeader>(message);
  const uint16_t flags = header.flags.host();
  const DnsRcode rcode{static_cast<uint16_t>(flags & DnsHeader::kRcodeMask)};
  return header.id.host() == id && (flags & DnsHeader::kResponse) != 0 &&
         (flags & DnsHeader::kOpcodeMask) == 0 && header.question_count.host() == 0 &&
         rcode != DnsRcode::kNoError && rcode != DnsRcode::kNxDomain;
}

bool dns_may_lack_edns(const uint8_t* message) {
  const auto header = load<DnsHeader>(message);
  const DnsRcode rcode{static_cast<uint16_t>(header.flags.host() & DnsHeader::kRcodeMask)};
  // OPT would be an additional record.
  return header.additional_count == Be16{} &&
         (rcode == DnsRcode::kFormErr || rcode == DnsRcode::kNotImp);
}

void dns_read_upstream(const uint8_t* message, size_t length, const DnsUpstreamQuestion& question,
                       const DnsTtlLimits& limits, DnsUpstreamAnswer& answer) {
  dns_read_long_answer(message, length, question, limits, answer.ttls, answer);
  // What is longer than we said that we take has no place in the cache, and who asks by TCP gets
  // it.
  if (length > kDnsUdpLimit && answer.kind != DnsAnswerFacts::Kind::kRefusal) cut_off(answer);
}

void dns_read_long_answer(const uint8_t* message, size_t length,
                          const DnsUpstreamQuestion& question, const DnsTtlLimits& limits,
                          std::span<DnsTtl> ttls, DnsAnswerFacts& answer) {
  using Kind = DnsAnswerFacts::Kind;
  answer.kind = Kind::kMalformed;
  answer.is_truncated = answer.is_negative = false;
  answer.answers = answer.authorities = answer.additionals = 0;
  answer.turn_length = 0;
  answer.ttl_s = 0;
  answer.ttl_count = 0;
  const auto header = load<DnsHeader>(message);
  const uint16_t flags = header.flags.host();
  answer.rcode = DnsRcode{static_cast<uint16_t>(flags & DnsHeader::kRcodeMask)};
  answer.is_authentic = (flags & DnsHeader::kAuthenticData) != 0;
  answer.body_offset = static_cast<uint16_t>(kDnsHeaderLength + question.name_length + 4);
  answer.body_length = 0;
  if (answer.rcode != DnsRcode::kNoError && answer.rcode != DnsRcode::kNxDomain) {
    answer.kind = Kind::kRefusal;
    return;
  }
  if ((flags & DnsHeader::kTruncated) != 0) return cut_off(answer);
  const uint32_t counts[] = {header.answer_count.host(), header.authority_count.host(),
                             header.additional_count.host()};
  if (counts[0] + counts[1] + counts[2] > ttls.size()) return;
  size_t at = answer.body_offset;
  size_t body_end = at;
  uint32_t ttl_s = limits.max_s;
  bool has_type = false;
  bool is_of_question = false;
  bool has_soa = false;
  bool has_opt = false;
  uint32_t soa_ttl_s = 0;
  for (uint32_t section = 0; section < 3; ++section) {
    for (uint32_t i = 0; i < counts[section]; ++i) {
      DnsUpstreamRecord record;
      if (!dns_read_record(message, length, at, record)) return;
      if (record.type == static_cast<uint16_t>(DnsType::kOpt)) {
        // One, of the root, among the additional records (RFC 6891 6.1.1).
        if (section != 2 || has_opt || message[record.owner] != 0) return;
        has_opt = true;
        // The upper bits of the code: nothing that is an answer has any (RFC 6891 6.1.3).
        if (message[record.ttl] != 0) {
          answer.kind = Kind::kRefusal;
          return;
        }
        continue;
      }
      if (record.dns_class != static_cast<uint16_t>(DnsClass::kIn)) return;
      // The body ends before the OPT record. Additional records behind it are left out, as they may
      // be, and no name before them points to them.
      if (has_opt) continue;
      const uint32_t capped = std::min(record.ttl_s, limits.max_s);
      ttls[answer.ttl_count++] = {static_cast<uint16_t>(record.ttl - answer.body_offset), capped};
      if (!dns_is_whole_record(message, record,
                               {ttls.first(answer.ttl_count), answer.body_offset})) {
        return;
      }
      ttl_s = std::min(ttl_s, capped);
      body_end = at;
      if (section == 0) {
        ++answer.answers;
        is_of_question = is_of_question || tells_of_question(message, length, record, question);
        has_type |=
            record.type == question.type || question.type == static_cast<uint16_t>(DnsType::kAny);
      } else if (section == 1) {
        ++answer.authorities;
        if (record.type == static_cast<uint16_t>(DnsType::kSoa)) {
          has_soa = true;
          soa_ttl_s = negative_ttl(message, record);
        }
      } else {
        ++answer.additionals;
      }
    }
  }
  if (answer.answers != 0 && !is_of_question) {
    answer.kind = Kind::kRefusal;
    return;
  }
  answer.kind = Kind::kAnswer;
  answer.body_length = static_cast<uint16_t>(body_end - answer.body_offset);
  answer.turn_length = dns_turn_length(message, answer, question.type);
  answer.is_negative = answer.rcode == DnsRcode::kNxDomain || !has_type;
  if (!answer.is_negative) {
    answer.ttl_s = ttl_s;
    return;
  }
  // Without a SOA record it is not kept (RFC 2308 5).
  answer.ttl_s = has_soa ? std::min({ttl_s, soa_ttl_s, limits.negative_s}) : 0;
  // The answer counts down from what it lasts, also where the SOA's own TTL is longer.
  for (size_t i = 0; i < answer.ttl_count; ++i) {
    ttls[i].seconds = std::min(ttls[i].seconds, answer.ttl_s);
  }
}

void dns_mix_case(uint8_t* name, size_t length, uint64_t random) {
  size_t label_end = 0;
  for (size_t at = 0; at < length; ++at) {
    if (at == label_end) {
      label_end = at + name[at] + 1;
      continue;
    }
    const auto folded = static_cast<uint8_t>(name[at] | 0x20);
    if (folded < 'a' || folded > 'z') continue;
    name[at] = static_cast<uint8_t>(folded ^ ((random & 1) << 5));
    random = std::rotr(random, 1);
  }
}

}  // namespace vipgate
