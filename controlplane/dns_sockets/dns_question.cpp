#include "controlplane/dns_sockets/dns_question.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "common/byte_order.h"
#include "common/dns_move.h"
#include "common/dns_rotation.h"

namespace vipgate {
namespace {

uint16_t u16_of(std::span<const uint8_t> octets, size_t at) {
  return static_cast<uint16_t>(octets[at] << 8 | octets[at + 1]);
}

void put_u16(std::vector<uint8_t>& octets, size_t at, uint16_t value) {
  octets[at] = static_cast<uint8_t>(value >> 8);
  octets[at + 1] = static_cast<uint8_t>(value);
}

uint32_t u32_of(std::span<const uint8_t> octets, size_t at) {
  return load<Be32>(octets.data() + at).host();
}

void put_u32(std::vector<uint8_t>& octets, size_t at, uint32_t value) {
  const Be32 big(value);
  std::memcpy(octets.data() + at, &big, sizeof big);
}

// Octets of an extended error in an OPT record.
constexpr uint8_t kErrorOption = 6;

}  // namespace

DnsForwardedQuery::DnsForwardedQuery(std::span<const uint8_t> query, const DnsStreamAnswer& parts)
    : query_(query.begin(), query.begin() + parts.question_end),
      target_length_(query_.size() - kDnsHeaderLength - 4),
      has_opt_(parts.has_opt),
      is_dnssec_ok_(parts.is_dnssec_ok),
      is_above_zone_(parts.is_above_zone),
      options_(parts.options) {
  if (parts.length != 0) take_alias(query);
}

// The last one's data is the name.
void DnsForwardedQuery::take_alias(std::span<const uint8_t> reply) {
  constexpr size_t kFixed = 12;  // a pointer for the owner, then type, class, TTL, length
  alias_count_ = u16_of(reply, 6);
  size_t at = query_.size();
  for (uint16_t i = 0; i < alias_count_ && at + kFixed <= reply.size(); ++i) {
    target_ = at + kFixed;
    target_length_ = u16_of(reply, at + kFixed - 2);
    at = target_ + target_length_;
  }
  alias_.assign(reply.begin() + static_cast<ptrdiff_t>(query_.size()),
                reply.begin() + static_cast<ptrdiff_t>(at));
}

DnsUpstreamQuestion DnsForwardedQuery::asked(uint16_t id) const {
  return {.id = id,
          .name = octets_at(target_),
          .name_length = static_cast<uint16_t>(target_length_),
          .type = u16_of(query_, query_.size() - 4),
          .is_dnssec_ok = is_dnssec_ok_,
          .is_checking_disabled = (query_[3] & DnsHeader::kCheckingDisabled) != 0};
}

std::string DnsForwardedQuery::name() const {
  const DnsUpstreamQuestion question = asked(0);
  return dns_fold(
      std::string_view(reinterpret_cast<const char*>(question.name), question.name_length));
}

std::string DnsForwardedQuery::key() const {
  const DnsUpstreamQuestion question = asked(0);
  return name() + static_cast<char>(question.type >> 8) + static_cast<char>(question.type) +
         static_cast<char>((question.is_dnssec_ok ? 1 : 0) |
                           (question.is_checking_disabled ? 2 : 0));
}

std::vector<uint8_t> DnsForwardedQuery::question(uint16_t id, bool has_edns) const {
  std::vector<uint8_t> message(2 + kDnsQuestionRoom);
  DnsUpstreamQuestion question = asked(id);
  question.has_edns = has_edns;
  const uint16_t length = dns_write_question(question, message.data() + 2);
  put_u16(message, 0, length);
  message.resize(2u + length);
  return message;
}

bool DnsForwardedQuery::may_lack_edns(std::span<const uint8_t> answer, uint16_t id) const {
  if (!dns_answers_question(answer.data(), answer.size(), asked(id)) &&
      !dns_refuses_without_question(answer.data(), answer.size(), id)) {
    return false;
  }
  return dns_may_lack_edns(answer.data());
}

void DnsForwardedQuery::finish(std::vector<uint8_t>& reply, uint16_t flags, uint16_t additionals,
                               DnsExtendedError error) const {
  reply[0] = query_[0];
  reply[1] = query_[1];
  // RD and CD as the client sent them; it may recurse, or nobody would have been asked.
  const uint16_t kept =
      u16_of(query_, 2) & (DnsHeader::kRecursionDesired | DnsHeader::kCheckingDisabled);
  put_u16(reply, 2, DnsHeader::kResponse | DnsHeader::kRecursionAvailable | kept | flags);
  put_u16(reply, 10, static_cast<uint16_t>(additionals + (has_opt_ ? 1 : 0)));
  if (!has_opt_) return;
  const std::array<uint8_t, kDnsOptLength> opt{
      0, 0, static_cast<uint8_t>(DnsType::kOpt),           kDnsUdpLimit >> 8, kDnsUdpLimit & 0xff,
      0, 0, static_cast<uint8_t>(is_dnssec_ok_ ? 0x80 : 0)};
  reply.insert(reply.end(), opt.begin(), opt.end());
  const size_t options_at = reply.size();
  reply.insert(reply.end(), options_.begin(), options_.end());
  if (error != DnsExtendedError::kNone) {
    // RFC 8914 2: code, length, and the error without a text.
    reply.resize(reply.size() + kErrorOption);
    put_u16(reply, reply.size() - 6, static_cast<uint16_t>(DnsOptionCode::kExtendedError));
    put_u16(reply, reply.size() - 4, sizeof error);
    put_u16(reply, reply.size() - 2, static_cast<uint16_t>(error));
  }
  put_u16(reply, options_at - 2, static_cast<uint16_t>(reply.size() - options_at));
}

std::optional<DnsKnownAnswer> DnsForwardedQuery::read(std::span<const uint8_t> answer, uint16_t id,
                                                      const DnsTtlLimits& limits,
                                                      uint64_t now_ns) const {
  const DnsUpstreamQuestion question = asked(id);
  if (!dns_answers_question(answer.data(), answer.size(), question)) return std::nullopt;
  std::vector<DnsTtl> ttls(dns_most_records(answer.size()));
  DnsAnswerFacts facts;
  dns_read_long_answer(answer.data(), answer.size(), question, limits, ttls, facts);
  // By TCP nothing is cut.
  if (facts.kind != DnsAnswerFacts::Kind::kAnswer) return std::nullopt;
  DnsKnownAnswer known;
  const auto body = answer.subspan(facts.body_offset, facts.body_length);
  known.records.assign(body.begin(), body.end());
  dns_fold_own_names(answer.data(), question.name_length, facts, known.records.data());
  for (const DnsTtl& ttl : std::span(ttls).first(facts.ttl_count)) {
    put_u32(known.records, ttl.offset, ttl.seconds);
    known.ttls.push_back(ttl.offset);
  }
  known.answers = facts.answers;
  known.authorities = facts.authorities;
  known.additionals = facts.additionals;
  known.turn_length = facts.turn_length;
  known.rcode = facts.rcode;
  known.is_authentic = facts.is_authentic;
  known.ttl_s = facts.ttl_s;
  known.stored_ns = now_ns;
  return known;
}

std::vector<uint8_t> DnsForwardedQuery::reply(const DnsKnownAnswer& known, uint64_t now_ns) const {
  const auto fail = [&] {
    return failure(DnsRcode::kServFail, DnsExtendedError::kNoReachableAuthority);
  };
  const size_t start = query_.size() + alias_.size();
  if (known.is_failure ||
      start + known.records.size() + kDnsOptLength + options_.size() + kErrorOption > UINT16_MAX) {
    return fail();
  }
  std::vector<uint8_t> reply = query_;
  reply.insert(reply.end(), alias_.begin(), alias_.end());
  reply.insert(reply.end(), known.records.begin(), known.records.end());
  if (known.turn_length != 0) {
    const auto answers = reply.begin() + static_cast<ptrdiff_t>(start);
    // No two replies are made at the same time, or as good as none.
    const uint32_t first =
        dns_first_record(static_cast<uint32_t>(now_ns) * kDnsRotationStep, known.answers);
    std::rotate(answers, answers + ptrdiff_t{known.turn_length} * first,
                answers + ptrdiff_t{known.turn_length} * known.answers);
  }
  const uint64_t age_s = known.age_s(now_ns);
  const bool is_stale = known.ttl_s != 0 && age_s >= known.ttl_s;
  for (const uint16_t offset : known.ttls) {
    const uint64_t ttl_s = u32_of(known.records, offset);
    const uint64_t left_s = is_stale ? kDnsStaleTtlSeconds : ttl_s - std::min(age_s, ttl_s);
    put_u32(reply, start + offset, static_cast<uint32_t>(left_s));
  }
  const size_t records = size_t{known.answers} + known.authorities + known.additionals;
  if (!alias_.empty() && !dns_move_records(std::span(reply).subspan(start), records, target_length_,
                                           {target_, start})) {
    return fail();
  }
  put_u16(reply, 6, static_cast<uint16_t>(alias_count_ + known.answers));
  put_u16(reply, 8, known.authorities);
  const bool wants_authentic =
      is_dnssec_ok_ || (u16_of(query_, 2) & DnsHeader::kAuthenticData) != 0;
  // An alias is ours (RFC 1035 4.1.1), and not signed.
  const uint16_t said = !alias_.empty()                         ? DnsHeader::kAuthoritative
                        : known.is_authentic && wants_authentic ? DnsHeader::kAuthenticData
                                                                : uint16_t{0};
  // Who says that the name is not there knows nothing of the zone below it (RFC 8020 2).
  const bool is_there = is_above_zone_ && known.rcode == DnsRcode::kNxDomain && known.answers == 0;
  const DnsRcode rcode = is_there ? DnsRcode::kNoError : known.rcode;
  finish(reply, static_cast<uint16_t>(static_cast<uint16_t>(rcode) | said), known.additionals,
         is_stale ? DnsExtendedError::kStaleAnswer : DnsExtendedError::kNone);
  return reply;
}

std::vector<uint8_t> DnsForwardedQuery::failure(DnsRcode rcode, DnsExtendedError error) const {
  std::vector<uint8_t> reply = query_;
  std::memset(reply.data() + 6, 0, 6);
  finish(reply, static_cast<uint16_t>(rcode), 0, error);
  return reply;
}

}  // namespace vipgate
