#include "dataplane/fastpath/dns_special.h"

#include <cstring>
#include <string_view>

#include "dataplane/fastpath/dns_reply.h"

namespace vipgate {
namespace {

using std::string_view_literals::operator""sv;

constexpr auto kLocalhost = "\x09localhost\0"sv;
constexpr auto kInvalid = "\x07invalid\0"sv;
constexpr auto kOnion = "\x05onion\0"sv;

// Seconds, of all records here (RFC 6303 3).
constexpr uint32_t kSpecialTtl = 10800;

// Writes records behind the question and `before` octets, of which the caller knows that they fit.
class SpecialWriter {
 public:
  explicit SpecialWriter(const DnsParsed& parsed, uint32_t before = 0)
      : parsed_(parsed), to_(parsed.query.message + parsed.question_end + before) {}

  void record(uint32_t owner, DnsType type, DnsClass dns_class, uint32_t ttl_s, size_t length) {
    u16(static_cast<uint16_t>(0xc000 | owner));
    u16(static_cast<uint16_t>(type));
    u16(static_cast<uint16_t>(dns_class));
    u32(ttl_s);
    u16(static_cast<uint16_t>(length));
  }
  void u8(uint8_t value) { *to_++ = value; }
  void u16(uint16_t value) { store(Be16(value)); }
  void u32(uint32_t value) { store(Be32(value)); }
  void octets(std::string_view value) {
    std::memcpy(to_, value.data(), value.size());
    to_ += value.size();
  }

  DnsReply finish(DnsSections& sections, DnsVerdict verdict) const {
    const uint8_t* from = parsed_.query.message + parsed_.question_end;
    sections.flags = DnsHeader::kAuthoritative;
    sections.body_length = static_cast<uint32_t>(to_ - from);
    sections.body_sum = ones_fold(ones_sum(from, sections.body_length));
    return finish_reply(parsed_, sections, verdict);
  }

 private:
  template <class T>
  void store(T value) {
    std::memcpy(to_, &value, sizeof value);
    to_ += sizeof value;
  }

  const DnsParsed& parsed_;
  uint8_t* to_;
};

// What a query may have in reply: decided late for those that are not looked up.
bool has_special_room(const DnsParsed& parsed, uint32_t body_length) {
  return total_length(parsed, body_length) <= std::min(parsed.limit, parsed.query.capacity);
}

// The SOA of the zone whose name ends the question's (RFC 6303 3).
constexpr auto kNobody = "\x06nobody\x07invalid\0"sv;
constexpr uint32_t kSoaNumbers = 20;
constexpr uint32_t kSpecialSoa = 2 + static_cast<uint32_t>(kNobody.size()) + kSoaNumbers;

void write_special_soa(SpecialWriter& writer, uint32_t zone_offset) {
  writer.record(zone_offset, DnsType::kSoa, DnsClass::kIn, kSpecialTtl, kSpecialSoa);
  writer.u16(static_cast<uint16_t>(0xc000 | zone_offset));
  writer.octets(kNobody);
  for (const uint32_t number : {1u, 3600u, 1200u, 604800u, kSpecialTtl}) writer.u32(number);
}

uint32_t offset_of_zone(const DnsSpecialName& name, std::string_view zone) {
  return name.offset + static_cast<uint32_t>(name.text.size() - zone.size());
}

// The zone among those that everybody has; empty: the name lies in none.
std::string_view special_zone(std::string_view name) {
  for (const std::string_view zone : {kLocalhost, kInvalid, kOnion}) {
    if (name.ends_with(zone) && dns_is_within(name, zone)) return zone;
  }
  return {};
}

DnsReply answer_special(const DnsParsed& parsed, const DnsSpecialName& name,
                        std::string_view zone) {
  const bool is_local = zone == kLocalhost;
  const bool is_apex = name.text.size() == zone.size();
  DnsSections sections;
  if (!has_special_room(parsed, name.before + kDnsRecordFixed + kSpecialSoa)) {
    return finish_truncated(parsed, is_local ? DnsRcode::kNoError : DnsRcode::kNxDomain);
  }
  SpecialWriter writer(parsed, name.before);
  sections.answers = static_cast<uint16_t>(name.answers + 1);
  const bool is_any = parsed.type == DnsType::kAny;
  if (is_local && (parsed.type == DnsType::kA || is_any)) {
    writer.record(name.offset, DnsType::kA, DnsClass::kIn, kSpecialTtl, 4);
    writer.octets("\x7f\0\0\x01"sv);
    return writer.finish(sections, DnsVerdict::kAnswer);
  }
  if (is_local && parsed.type == DnsType::kAaaa) {
    writer.record(name.offset, DnsType::kAaaa, DnsClass::kIn, kSpecialTtl, 16);
    writer.octets("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"sv);
    return writer.finish(sections, DnsVerdict::kAnswer);
  }
  write_special_soa(writer, offset_of_zone(name, zone));
  if (is_local && is_apex && parsed.type == DnsType::kSoa) {
    return writer.finish(sections, DnsVerdict::kAnswer);
  }
  sections.answers = name.answers;
  sections.authorities = 1;
  if (is_local) return writer.finish(sections, DnsVerdict::kNodata);
  sections.rcode = DnsRcode::kNxDomain;
  return writer.finish(sections, DnsVerdict::kNxdomain);
}

// What is told of that name of class CH; empty: nothing.
std::string_view chaos_text(const DnsPolicy& policy, std::string_view name) {
  if (name ==
          "\x07version\x04"
          "bind\0"sv ||
      name == "\x07version\x06server\0"sv) {
    return policy.version;
  }
  if (name ==
          "\x08hostname\x04"
          "bind\0"sv ||
      name == "\x02id\x06server\0"sv) {
    return policy.hostname;
  }
  return {};
}

bool is_chaos_text(const DnsParsed& parsed) {
  const uint8_t* end = parsed.query.message + parsed.question_end;
  return parsed.type == DnsType::kTxt &&
         load_be16(end - 2) == static_cast<uint16_t>(DnsClass::kChaos);
}

}  // namespace

bool dns_leads_to_zone(const DnsContext& context, std::string_view name) {
  for (const DnsZone& zone : context.table.zones()) {
    if (dns_is_within(zone.name, name)) return true;
  }
  return context.policy.forwarding.has_zone_below(name);
}

DnsReply dns_answer_outside(const DnsParsed& parsed) {
  const std::string_view name = parsed.name.text(parsed.name_length);
  const std::string_view zone = special_zone(name);
  if (!zone.empty()) return answer_special(parsed, {.text = name}, zone);
  return finish_error(parsed, DnsRcode::kRefused, DnsVerdict::kRefused,
                      DnsExtendedError::kNotAuthoritative);
}

std::string_view dns_local_zone_of(const DnsContext& context, const DnsParsed& parsed,
                                   std::string_view name) {
  const std::string_view zone = context.policy.forwarding.local_zone(name);
  // A zone's DS records are its parent's (RFC 4035 3.1.4.1), which is everybody's.
  const bool is_parents = parsed.type == DnsType::kDs && name.size() == zone.size();
  return is_parents ? std::string_view() : zone;
}

bool dns_answer_special_target(const DnsContext& context, const DnsParsed& parsed,
                               const DnsSpecialName& name, DnsReply& reply) {
  const std::string_view special = special_zone(name.text);
  const std::string_view local =
      special.empty() ? dns_local_zone_of(context, parsed, name.text) : std::string_view();
  if (special.empty() && local.empty()) return false;
  reply = special.empty() ? dns_answer_local(context, parsed, name, local)
                          : answer_special(parsed, name, special);
  return true;
}

DnsReply dns_answer_local(const DnsContext& context, const DnsParsed& parsed,
                          const DnsSpecialName& name, std::string_view zone) {
  const bool is_apex = name.text.size() == zone.size();
  const bool is_there = is_apex || dns_leads_to_zone(context, name.text);
  DnsSections sections;
  if (!is_there) sections.rcode = DnsRcode::kNxDomain;
  if (!has_special_room(parsed, name.before + kDnsRecordFixed + kSpecialSoa)) {
    return finish_truncated(parsed, sections.rcode);
  }
  SpecialWriter writer(parsed, name.before);
  sections.answers = static_cast<uint16_t>(name.answers + 1);
  if (is_apex && parsed.type == DnsType::kNs) {
    writer.record(name.offset, DnsType::kNs, DnsClass::kIn, kSpecialTtl, 2);
    writer.u16(static_cast<uint16_t>(0xc000 | name.offset));
    return writer.finish(sections, DnsVerdict::kAnswer);
  }
  write_special_soa(writer, offset_of_zone(name, zone));
  if (is_apex && (parsed.type == DnsType::kSoa || parsed.type == DnsType::kAny)) {
    return writer.finish(sections, DnsVerdict::kAnswer);
  }
  sections.answers = name.answers;
  sections.authorities = 1;
  return writer.finish(sections, is_there ? DnsVerdict::kNodata : DnsVerdict::kNxdomain);
}

DnsReply dns_answer_refused(const DnsContext& context, const DnsParsed& parsed) {
  if (is_chaos_text(parsed)) {
    DnsFoldedName folded;
    dns_fold_name(parsed.query.message + kDnsHeaderLength, parsed.name_length, folded);
    const std::string_view text = chaos_text(context.policy, folded.text(parsed.name_length));
    const auto length = static_cast<uint32_t>(text.size()) + 1;
    if (!text.empty() && has_special_room(parsed, kDnsRecordFixed + length)) {
      SpecialWriter writer(parsed);
      writer.record(kDnsHeaderLength, DnsType::kTxt, DnsClass::kChaos, 0, length);
      writer.u8(static_cast<uint8_t>(text.size()));
      writer.octets(text);
      DnsSections sections;
      sections.answers = 1;
      return writer.finish(sections, DnsVerdict::kAnswer);
    }
  }
  const bool is_transfer = parsed.type == DnsType::kAxfr || parsed.type == DnsType::kIxfr;
  return finish_error(
      parsed, DnsRcode::kRefused, DnsVerdict::kRefused,
      is_transfer ? DnsExtendedError::kProhibited : DnsExtendedError::kNotAuthoritative);
}

}  // namespace vipgate
