#include "controlplane/dns_tcp/dns_question.h"

#include <array>
#include <cstring>
#include <string>

#include "common/dns_move.h"

namespace vipgate {
namespace {

uint16_t u16_of(std::span<const uint8_t> octets, size_t at) {
  return static_cast<uint16_t>(octets[at] << 8 | octets[at + 1]);
}

void put_u16(std::vector<uint8_t>& octets, size_t at, uint16_t value) {
  octets[at] = static_cast<uint8_t>(value >> 8);
  octets[at + 1] = static_cast<uint8_t>(value);
}

}  // namespace

DnsForwardedQuery::DnsForwardedQuery(std::span<const uint8_t> query, const DnsStreamAnswer& parts)
    : query_(query.begin(), query.begin() + parts.question_end),
      target_length_(query_.size() - kDnsHeaderLength - 4),
      has_opt_(parts.has_opt),
      is_dnssec_ok_(parts.is_dnssec_ok) {
  if (parts.length != 0) take_alias(query);
}

// The last one's data is the name.
void DnsForwardedQuery::take_alias(std::span<const uint8_t> reply) {
  constexpr size_t kFixed = 12;  // a pointer for the owner, then type, class, TTL, length
  const size_t end = dns_records_end(reply.data(), reply.size(), query_.size()).offset;
  alias_count_ = u16_of(reply, 6);
  size_t at = query_.size();
  for (uint16_t i = 0; i < alias_count_ && at + kFixed <= end; ++i) {
    target_ = at + kFixed;
    target_length_ = u16_of(reply, at + kFixed - 2);
    at = target_ + target_length_;
  }
  alias_.assign(reply.begin() + static_cast<ptrdiff_t>(query_.size()),
                reply.begin() + static_cast<ptrdiff_t>(end));
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

std::vector<uint8_t> DnsForwardedQuery::question(uint16_t id) const {
  std::vector<uint8_t> message(2 + kDnsQuestionRoom);
  const uint16_t length = dns_write_question(asked(id), message.data() + 2);
  put_u16(message, 0, length);
  message.resize(2u + length);
  return message;
}

void DnsForwardedQuery::finish(std::vector<uint8_t>& reply, uint16_t flags,
                               uint16_t additionals) const {
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
}

std::optional<std::vector<uint8_t>> DnsForwardedQuery::reply(std::span<const uint8_t> answer,
                                                             uint16_t id) const {
  if (!dns_answers_question(answer.data(), answer.size(), asked(id))) return std::nullopt;
  const uint16_t flags = u16_of(answer, 2);
  const DnsRcode rcode{static_cast<uint16_t>(flags & DnsHeader::kRcodeMask)};
  // By TCP nothing is cut.
  if ((rcode != DnsRcode::kNoError && rcode != DnsRcode::kNxDomain) ||
      (flags & DnsHeader::kTruncated) != 0) {
    return std::nullopt;
  }
  const size_t records = kDnsHeaderLength + target_length_ + 4;
  const DnsRecordsEnd end = dns_records_end(answer.data(), answer.size(), records);
  if (end.offset == 0) return std::nullopt;
  // The upper bits of a code that is neither of these (RFC 6891 6.1.3).
  if (end.has_opt && answer[end.offset + 5] != 0) return std::nullopt;
  std::vector<uint8_t> reply = query_;
  reply.insert(reply.end(), alias_.begin(), alias_.end());
  const size_t start = reply.size();
  reply.insert(reply.end(), answer.begin() + static_cast<ptrdiff_t>(records),
               answer.begin() + static_cast<ptrdiff_t>(end.offset));
  if (reply.size() + kDnsOptLength > UINT16_MAX) return std::nullopt;
  const uint16_t answers = u16_of(answer, 6), authorities = u16_of(answer, 8);
  const auto additionals = static_cast<uint16_t>(u16_of(answer, 10) - (end.has_opt ? 1 : 0));
  if (!alias_.empty() && !dns_move_records(std::span(reply).subspan(start),
                                           size_t{answers} + authorities + additionals,
                                           target_length_, {target_, start})) {
    return std::nullopt;
  }
  put_u16(reply, 6, static_cast<uint16_t>(alias_count_ + answers));
  put_u16(reply, 8, authorities);
  const bool wants_authentic =
      is_dnssec_ok_ || (u16_of(query_, 2) & DnsHeader::kAuthenticData) != 0;
  const bool is_authentic = wants_authentic && (flags & DnsHeader::kAuthenticData) != 0;
  // An alias is ours (RFC 1035 4.1.1), and not signed.
  const uint16_t said = !alias_.empty() ? DnsHeader::kAuthoritative
                        : is_authentic  ? DnsHeader::kAuthenticData
                                        : uint16_t{0};
  finish(reply, static_cast<uint16_t>(static_cast<uint16_t>(rcode) | said), additionals);
  return reply;
}

std::vector<uint8_t> DnsForwardedQuery::failure(DnsRcode rcode) const {
  std::vector<uint8_t> reply = query_;
  std::memset(reply.data() + 6, 0, 6);
  finish(reply, static_cast<uint16_t>(rcode), 0);
  return reply;
}

}  // namespace vipgate
