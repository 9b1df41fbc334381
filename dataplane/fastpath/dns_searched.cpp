#include "dataplane/fastpath/dns_searched.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

#include "common/checksum.h"
#include "common/dns_forwarding.h"
#include "dataplane/fastpath/dns_alias.h"
#include "dataplane/fastpath/dns_reply.h"
#include "dataplane/fastpath/dns_reply_writer.h"

namespace vipgate {
namespace {

// A name that was found: how many octets of the question's stand before the suffix, and the hash of
// the name that has its records.
struct Searched {
  uint32_t kept = 0;  // 0: none was found
  uint64_t answering = 0;
};

// Records of a zone itself are nobody's to search for.
bool has_searched_records(const DnsEntry* entry) {
  if (entry == nullptr) return false;
  const std::span<const DnsEntry::Rrset> rrsets(entry->rrsets(), entry->rrset_count);
  return std::any_of(rrsets.begin(), rrsets.end(), [](const DnsEntry::Rrset& rrset) {
    return rrset.type != DnsType::kNs && rrset.type != DnsType::kDs &&
           rrset.type != DnsType::kCname;
  });
}

uint64_t hash_of(const DnsTable& table, const DnsEntry& entry) {
  DnsFoldedName name;
  dns_fold_name(entry.name(), entry.name_length, name);
  return table.hash(name, entry.name_length);
}

// Whether the name, or what it is an alias of, has records, as dns_answer_alias() will find them.
// What leads out of our zones counts: others may have some.
bool leads_to_records(const DnsContext& context, const DnsParsed& parsed, DnsFoldedName& name,
                      size_t length, uint64_t& answering) {
  const DnsTable& table = context.table;
  for (int i = 0; i < kDnsMaxTargets; ++i) {
    const uint64_t hash = table.hash(name, length);
    const DnsEntry* own = dns_find_in_view(parsed, hash, name, length);
    DnsFinding found;
    found.entry = table.find(hash, name, length);
    if (found.entry == nullptr) {
      found = table.resolve(name, length, parsed.view);
      if (found.zone == nullptr) return i != 0;
    }
    if (i == 0 && own != nullptr) answering = hash_of(table, *own);
    if (i == 0 && found.entry != nullptr) answering = hash_of(table, *found.entry);
    if (has_searched_records(own)) return true;
    DnsBody alias;
    if (own == nullptr || !own->find(DnsType::kCname, alias)) {
      if (has_searched_records(found.entry)) return true;
      if (found.entry == nullptr || !found.entry->find(DnsType::kCname, alias)) return false;
    }
    length = load_be16(alias.octets + 10);
    dns_fold_name(alias.octets + kDnsRecordFixed, length, name);
  }
  return false;
}

Searched find_searched(const DnsContext& context, const DnsParsed& parsed) {
  Searched found;
  const std::string_view asked = parsed.name.text(parsed.name_length);
  // Types that are no data have no alias either.
  if (dns_stays_here(asked, parsed.type)) return found;
  for (const std::string& suffix :
       context.policy.search.suffixes(parsed.query.client, parsed.query.client_length)) {
    if (suffix.size() >= asked.size() || !dns_is_within(asked, suffix)) continue;
    const auto kept = static_cast<uint32_t>(asked.size() - suffix.size());
    // The suffix's place is taken by the root.
    char shorter[kDnsMaxName + 4] = {};  // as far as it is read
    asked.copy(shorter, kept);
    DnsFoldedName name;
    dns_fold_name(reinterpret_cast<const uint8_t*>(shorter), kept + 1, name);
    if (!leads_to_records(context, parsed, name, kept + 1, found.answering)) continue;
    found.kept = kept;
    return found;
  }
  return {};
}

// Who asks for the alias itself is not led on (RFC 1034 4.3.2).
DnsReply alias_alone(const DnsParsed& parsed, DnsBody alias) {
  DnsReplyWriter writer(parsed);
  if (!writer.has_room(alias.length)) return finish_truncated(parsed, DnsRcode::kNoError);
  alias.sum = ones_fold(ones_sum(alias.octets, alias.length));
  writer.append(alias, 0, kDnsHeaderLength);
  DnsSections sections;
  sections.answers = 1;
  return writer.finish(sections, DnsVerdict::kAnswer);
}

}  // namespace

bool dns_answer_searched(const DnsContext& context, const DnsParsed& parsed, uint32_t rotation,
                         DnsReply& reply) {
  const Searched found = find_searched(context, parsed);
  if (found.kept == 0) return false;
  // The record as the table would have it, with the letters as they were asked.
  struct {
    Be16 owner{0xc000 | kDnsHeaderLength};
    Be16 type{static_cast<uint16_t>(DnsType::kCname)};
    Be16 dns_class{static_cast<uint16_t>(DnsClass::kIn)};
    Be32 ttl_s{kDnsSearchedTtlSeconds};
    Be16 data_length;
    uint8_t data[kDnsMaxName + kDnsReadSlack + 1] = {};
  } record;
  static_assert(offsetof(decltype(record), data) == kDnsRecordFixed);
  record.data_length = Be16(static_cast<uint16_t>(found.kept + 1));
  std::memcpy(record.data, parsed.query.message + kDnsHeaderLength, found.kept);
  const DnsBody alias{reinterpret_cast<const uint8_t*>(&record),
                      static_cast<uint16_t>(kDnsRecordFixed + found.kept + 1), 1, 0, 0};
  if (parsed.type == DnsType::kCname || parsed.type == DnsType::kAny) {
    reply = alias_alone(parsed, alias);
    return true;
  }
  reply = dns_answer_alias(context, parsed, alias, rotation);
  return true;
}

uint64_t dns_searched_name(const DnsContext& context, const DnsParsed& parsed) {
  if (!context.policy.search.is_on()) return 0;
  const Searched found = find_searched(context, parsed);
  return found.kept == 0 ? 0 : found.answering;
}

}  // namespace vipgate
