#include "dataplane/fastpath/dns_alias.h"

#include <algorithm>

#include "dataplane/fastpath/dns_related.h"
#include "dataplane/fastpath/dns_reply_writer.h"
#include "dataplane/fastpath/dns_special.h"

namespace vipgate {
namespace {

// Where the CNAME record of a name leads.
struct Chain {
  enum class End : uint8_t {
    kRecords,   // to `body`
    kNegative,  // to a name of ours without what is asked for, or that is not there: `found`
    kOutside,   // to a name in none of our zones
    kLoop,      // to no end, or to one that is too far
  };
  // A CNAME record, as the table has it, whose data is a name in full.
  struct Link {
    const uint8_t* octets;
    uint32_t length;
  };

  std::array<Link, kDnsMaxTargets> links;
  int count = 0;
  End end = End::kLoop;
  DnsBody body;
  DnsFinding found;
  DnsTarget target;  // of the last link
};

// Looks at the chain's last target: whether it is the end.
bool is_end(const DnsTable& table, const DnsParsed& parsed, Chain& chain) {
  const DnsTarget& target = chain.target;
  const auto ends = [&](Chain::End end) {
    chain.end = end;
    return true;
  };
  const DnsEntry* own = dns_find_in_view(parsed, target.hash, target.name, target.length);
  if (own != nullptr && own->find(parsed.type, chain.body)) return ends(Chain::End::kRecords);
  if (own != nullptr && own->find(DnsType::kCname, chain.body)) return false;
  DnsFinding& found = chain.found;
  found = {};
  found.entry = table.find(target.hash, target.name, target.length);
  if (found.entry == nullptr) {
    found = table.resolve(target.name, target.length, parsed.view);
    if (found.zone == nullptr) return ends(Chain::End::kOutside);
    if (found.entry == nullptr) {
      // The view may have the name, with other types.
      if (own != nullptr) found = {own, found.zone, found.apex_length, false};
      return ends(Chain::End::kNegative);
    }
  }
  const DnsEntry& entry = *found.entry;
  const DnsZone& zone = table.zones()[entry.zone];
  if (entry.is_apex != 0 && parsed.type == DnsType::kSoa) {
    chain.body = zone.soa_answer;
    return ends(Chain::End::kRecords);
  }
  if (entry.find(parsed.type, chain.body)) return ends(Chain::End::kRecords);
  if (entry.find(DnsType::kCname, chain.body)) return false;
  if (found.zone == nullptr) {
    found.zone = &zone;
    found.apex_length = static_cast<uint32_t>(zone.name.size());
  }
  found.is_incomplete = zone.is_incomplete && !entry.has_records();
  return ends(Chain::End::kNegative);
}

void follow(const DnsTable& table, const DnsParsed& parsed, const DnsBody& alias, Chain& chain) {
  uint64_t seen[kDnsMaxTargets];  // the hashes of the names whose records are told
  chain.body = alias;
  chain.target.hash = parsed.hash;
  uint32_t at = parsed.question_end;
  while (chain.count < kDnsMaxTargets) {
    seen[chain.count] = chain.target.hash;
    // A name has one CNAME record (RFC 1034 3.6.2): should it have more, the first one counts.
    const uint8_t* octets = chain.body.octets;
    const uint32_t data_length = load_be16(octets + 10);
    chain.links[static_cast<size_t>(chain.count++)] = {octets, kDnsRecordFixed + data_length};
    dns_set_target(table, octets + kDnsRecordFixed, data_length, at + kDnsRecordFixed,
                   chain.target);
    at += kDnsRecordFixed + data_length;
    // In a loop no record is told twice (RFC 2181 5).
    if (std::find(seen, seen + chain.count, chain.target.hash) != seen + chain.count) return;
    if (is_end(table, parsed, chain)) return;
  }
}

// The SOA of the zone that holds `target` in the authority section. SERVFAIL when the zone may have
// the target without knowing it yet.
DnsReply finish_negative(const DnsParsed& parsed, const DnsFinding& found, const DnsTarget& target,
                         DnsReplyWriter& writer, DnsSections& sections) {
  const DnsZone& zone = *found.zone;
  if (found.is_incomplete) {
    return finish_error(parsed, DnsRcode::kServFail, DnsVerdict::kServfail);
  }
  const DnsVerdict verdict = found.entry == nullptr ? DnsVerdict::kNxdomain : DnsVerdict::kNodata;
  if (verdict == DnsVerdict::kNxdomain) sections.rcode = DnsRcode::kNxDomain;
  const DnsBody& soa = zone.soa_negative;
  if (!writer.has_room(soa.length)) return finish_truncated(parsed, sections.rcode);
  writer.append(soa, 0, target.offset + target.length - found.apex_length);
  sections.authorities = 1;
  return writer.finish(sections, verdict);
}

DnsReply answer_chain(const DnsContext& context, const DnsParsed& parsed, const Chain& chain,
                      uint32_t rotation) {
  DnsReplyWriter writer(parsed);
  DnsSections sections;
  uint32_t owner = kDnsHeaderLength;
  for (int i = 0; i < chain.count; ++i) {
    const Chain::Link& link = chain.links[static_cast<size_t>(i)];
    if (!writer.has_room(link.length)) return finish_truncated(parsed, DnsRcode::kNoError);
    const uint32_t next = writer.at() + kDnsRecordFixed;
    writer.append({link.octets, static_cast<uint16_t>(link.length), 1, 0,
                   ones_fold(ones_sum(link.octets, link.length))},
                  0, owner);
    owner = next;
    ++sections.answers;
  }
  if (chain.end == Chain::End::kNegative) {
    return finish_negative(parsed, chain.found, chain.target, writer, sections);
  }
  if (chain.end == Chain::End::kRecords) {
    if (!writer.has_room(chain.body.length)) return finish_truncated(parsed, DnsRcode::kNoError);
    if (dns_has_targets(parsed.type)) {
      dns_append_targets(context.table, parsed, chain.body, rotation, owner, writer, sections);
    } else {
      writer.append(chain.body, rotation, owner);
      sections.answers = static_cast<uint16_t>(sections.answers + chain.body.count);
    }
  }
  if (chain.end == Chain::End::kOutside && parsed.may_recurse) {
    // As the client would be answered if it asked for that name.
    const DnsSpecialName name = {.text = chain.target.name.text(chain.target.length),
                                 .offset = owner,
                                 .before = writer.at() - parsed.question_end,
                                 .answers = sections.answers};
    DnsReply reply;
    if (dns_answer_special_target(context, parsed, name, reply)) return reply;
  }
  return writer.finish(sections, DnsVerdict::kAnswer);
}

// Whether others may be asked for the chain's last name. REQUIRES: parsed.may_recurse
bool may_ask_others(const DnsContext& context, const DnsParsed& parsed, const DnsTarget& target) {
  const std::string_view name = target.name.text(target.length);
  return (parsed.query.message[2] & 0x01) != 0 && !dns_stays_here(name, parsed.type) &&
         dns_local_zone_of(context, parsed, name).empty();
}

// The chain's records, as they stand behind the question.
void note_alias(const DnsParsed& parsed, const Chain& chain, DnsAlias& alias) {
  uint32_t at = 0;
  uint32_t owner = kDnsHeaderLength;
  for (int i = 0; i < chain.count; ++i) {
    const Chain::Link& link = chain.links[static_cast<size_t>(i)];
    std::memcpy(alias.records.data() + at, link.octets, link.length);
    const Be16 pointer(static_cast<uint16_t>(0xc000 | owner));
    std::memcpy(alias.records.data() + at, &pointer, sizeof pointer);
    owner = parsed.question_end + at + kDnsRecordFixed;
    at += link.length;
  }
  alias.length = static_cast<uint16_t>(at);
  alias.answers = static_cast<uint16_t>(chain.count);
  alias.target = static_cast<uint16_t>(owner);
  alias.name = chain.target.name;
  alias.name_length = static_cast<uint16_t>(chain.target.length);
  alias.hash = chain.target.hash;
}

}  // namespace

DnsReply dns_answer_alias(const DnsContext& context, const DnsParsed& parsed, const DnsBody& alias,
                          uint32_t rotation) {
  Chain chain;
  follow(context.table, parsed, alias, chain);
  if (chain.end == Chain::End::kOutside && context.alias != nullptr && parsed.may_recurse &&
      may_ask_others(context, parsed, chain.target)) {
    note_alias(parsed, chain, *context.alias);
    return {0, 0, DnsVerdict::kForward};
  }
  return answer_chain(context, parsed, chain, rotation);
}

DnsReply dns_answer_alias_alone(const DnsParsed& parsed, const DnsAlias& alias) {
  DnsSections sections;
  sections.flags = DnsHeader::kAuthoritative;
  if (total_length(parsed, alias.length) > parsed.limit) {
    return finish_truncated(parsed, DnsRcode::kNoError);
  }
  uint8_t* to = parsed.query.message + parsed.question_end;
  std::memcpy(to, alias.records.data(), alias.length);
  sections.answers = alias.answers;
  sections.body_length = alias.length;
  sections.body_sum = ones_fold(ones_sum(to, alias.length));
  return finish_reply(parsed, sections, DnsVerdict::kAnswer);
}

}  // namespace vipgate
