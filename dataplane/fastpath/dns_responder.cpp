#include "dataplane/fastpath/dns_responder.h"

#include <cstring>

#include "common/checksum.h"
#include "common/prefetch.h"
#include "dataplane/fastpath/dns_alias.h"
#include "dataplane/fastpath/dns_related.h"
#include "dataplane/fastpath/dns_reply.h"
#include "dataplane/fastpath/dns_searched.h"
#include "dataplane/fastpath/dns_special.h"
#include "dataplane/fastpath/dns_tsig.h"

namespace vipgate {
namespace {

[[gnu::always_inline]] inline DnsReply answer_rrset(const DnsParsed& parsed, const DnsBody& body,
                                                    uint32_t rotation) {
  if (total_length(parsed, body.length) > parsed.limit) [[unlikely]] {
    return finish_truncated(parsed, DnsRcode::kNoError);
  }
  uint8_t* to = parsed.query.message + parsed.question_end;
  const uint8_t* room_end = parsed.query.message + parsed.query.capacity;
  const uint32_t split = split_of(body, rotation);
  copy_rotated(to, body, split, room_end);
  DnsSections sections;
  sections.flags = DnsHeader::kAuthoritative;
  sections.answers = body.count;
  sections.body_length = body.length;
  sections.body_sum = body.sum;
  // Pieces of odd lengths change the parity at which octets stand.
  if (((split | (body.length - split)) & 1) != 0 && split != 0) [[unlikely]] {
    sections.body_sum = ones_fold(ones_sum(to, body.length));
  }
  return finish_reply<true>(parsed, sections, DnsVerdict::kAnswer);
}

// NODATA or NXDOMAIN: the zone's SOA in the authority section (RFC 2308 2.1, 2.2). Its owner is
// the end of the name asked.
DnsReply answer_negative(const DnsParsed& parsed, const DnsZone& zone, uint32_t apex_length,
                         DnsVerdict verdict) {
  const DnsBody& body = zone.soa_negative;
  DnsSections sections;
  if (verdict == DnsVerdict::kNxdomain) sections.rcode = DnsRcode::kNxDomain;
  if (total_length(parsed, body.length) > parsed.limit) [[unlikely]] {
    return finish_truncated(parsed, sections.rcode);
  }
  uint8_t* to = parsed.query.message + parsed.question_end;
  copy_body(to, body.octets, body.length, parsed.query.message + parsed.query.capacity);
  const Be16 owner(
      static_cast<uint16_t>(0xc000 | (kDnsHeaderLength + parsed.name_length - apex_length)));
  std::memcpy(to, &owner, sizeof owner);
  sections.flags = DnsHeader::kAuthoritative;
  sections.authorities = 1;
  sections.body_length = body.length;
  sections.body_sum = ones_fold(uint64_t{body.sum} + owner.raw());
  return finish_reply<true>(parsed, sections, verdict);
}

// A name that has no record in a zone of which not all names are known may well exist: a negative
// answer would stay in caches for longer than that is so.
DnsReply answer_unknown(const DnsParsed& parsed) {
  return finish_error(parsed, DnsRcode::kServFail, DnsVerdict::kServfail);
}

// Addresses or services, of which there may be none.
bool choose_usual(const DnsEntry& entry, DnsBody& body) {
  for (const DnsType type : {DnsType::kA, DnsType::kAaaa, DnsType::kSrv}) {
    if (entry.find(type, body)) return true;
  }
  return false;
}

// One RRset over UDP is enough for ANY (RFC 8482 4.1): of addresses, of services, or whatever there
// is. REQUIRES: entry.has_records()
void choose_any(const DnsTable& table, const DnsEntry& entry, DnsBody& body) {
  if (choose_usual(entry, body)) return;
  if (entry.is_apex != 0) {
    body = table.zones()[entry.zone].soa_answer;
  } else {
    entry.find(entry.rrsets()->type, body);
  }
}

// `own`: what the client's view has of the name. False: not what was asked for.
bool answer_from_view(const DnsContext& context, const DnsParsed& parsed, const DnsEntry& own,
                      uint32_t rotation, DnsReply& reply) {
  const DnsTable& table = context.table;
  DnsBody body;
  if (parsed.type == DnsType::kAny) {
    if (own.rrset_count == 0) return false;
    if (parsed.query.is_stream) {
      reply = dns_answer_all_of_view(table, parsed, own, rotation);
      return true;
    }
    // An apex has its SOA, which is the table's.
    if (own.is_apex != 0 && !choose_usual(own, body)) return false;
    if (own.is_apex == 0) choose_any(*parsed.view, own, body);
    reply = answer_rrset(parsed, body, rotation);
  } else if (own.find(parsed.type, body)) {
    reply = dns_has_targets(parsed.type) ? dns_answer_targets(table, parsed, body, rotation)
                                         : answer_rrset(parsed, body, rotation);
  } else if (own.find(DnsType::kCname, body)) {
    reply = dns_answer_alias(context, parsed, body, rotation);
  } else {
    return false;
  }
  return true;
}

// A name in none of our zones.
DnsReply answer_of_others(const DnsContext& context, const DnsParsed& parsed) {
  const bool is_recursive = (parsed.query.message[2] & 0x01) != 0;
  const std::string_view name = parsed.name.text(parsed.name_length);
  if (parsed.may_recurse) {
    const std::string_view local = dns_local_zone_of(context, parsed, name);
    if (!local.empty()) return dns_answer_local(context, parsed, {.text = name}, local);
  }
  if (parsed.may_recurse && is_recursive && !dns_stays_here(name, parsed.type)) {
    if (context.alias != nullptr) context.alias->length = 0;
    return {0, 0, DnsVerdict::kForward};
  }
  return dns_answer_outside(parsed);
}

// All that answer_at_once() is not for.
[[gnu::noinline]] DnsReply look_up(const DnsContext& context, const DnsParsed& parsed,
                                   uint32_t rotation) {
  const DnsTable& table = context.table;
  const DnsEntry* own = dns_find_in_view(parsed, parsed.hash, parsed.name, parsed.name_length);
  if (own != nullptr) [[unlikely]] {
    DnsReply reply;
    if (answer_from_view(context, parsed, *own, rotation, reply)) return reply;
  }
  const DnsEntry* entry = parsed.candidate;
  const bool may_be_elsewhere = entry == nullptr
                                    ? table.may_overflow(parsed.hash)
                                    : !DnsTable::is_name(*entry, parsed.name, parsed.name_length);
  if (may_be_elsewhere) entry = table.find(parsed.hash, parsed.name, parsed.name_length);
  DnsFinding found;
  if (entry == nullptr) {
    found = table.resolve(parsed.name, parsed.name_length, parsed.view);
    const bool is_nobodys = found.entry == nullptr && own == nullptr && !found.is_incomplete;
    if (is_nobodys && context.policy.search.is_on()) [[unlikely]] {
      DnsReply reply;
      if (dns_answer_searched(context, parsed, rotation, reply)) return reply;
    }
    if (found.zone == nullptr) return answer_of_others(context, parsed);
    // The view may have the name, with other types.
    if (own != nullptr && found.entry == nullptr) [[unlikely]] {
      return answer_negative(parsed, *found.zone, found.apex_length, DnsVerdict::kNodata);
    }
    if (found.is_incomplete) [[unlikely]]
      return answer_unknown(parsed);
    if (found.entry == nullptr) {
      return answer_negative(parsed, *found.zone, found.apex_length, DnsVerdict::kNxdomain);
    }
    entry = found.entry;
  }
  DnsBody body;
  if (entry->find(parsed.type, body)) [[likely]] {
    if (dns_has_targets(parsed.type)) return dns_answer_targets(table, parsed, body, rotation);
  } else {
    const DnsZone& zone = table.zones()[entry->zone];
    if (entry->is_apex != 0 && parsed.type == DnsType::kSoa) {
      body = zone.soa_answer;
    } else if (entry->has_records() && parsed.type == DnsType::kAny) {
      if (parsed.query.is_stream) return dns_answer_all(table, parsed, nullptr, entry, rotation);
      choose_any(table, *entry, body);
    } else if (entry->find(DnsType::kCname, body)) {
      return dns_answer_alias(context, parsed, body, rotation);
    } else if (zone.is_incomplete && !entry->has_records()) {
      return answer_unknown(parsed);
    } else {
      const auto own_apex_length = static_cast<uint32_t>(zone.name.size());
      return answer_negative(parsed, zone,
                             found.zone != nullptr ? found.apex_length : own_apex_length,
                             DnsVerdict::kNodata);
    }
  }
  return answer_rrset(parsed, body, rotation);
}

void prefetch_entry(const DnsEntry* entry) {
  const auto* octets = reinterpret_cast<const char*>(entry);
  prefetch_line(octets);
  prefetch_line(octets + 64);
}

// The table has no such name, or the client may have one of its own.
[[gnu::noinline]] void prefetch_unlike(const DnsContext& context, DnsParsed& parsed) {
  // An equal name may still be found among those of others, which proves it, too.
  if (parsed.is_unproven && !parsed.may_recurse && !dns_prove(context, parsed)) {
    return dns_prefetch(context, parsed);
  }
  if (parsed.view != nullptr) prefetch_line(parsed.view->candidate(parsed.hash));
  if (parsed.candidate != nullptr) prefetch_entry(parsed.candidate);
}

[[gnu::always_inline]] inline void prefetch(const DnsContext& context, DnsParsed& parsed) {
  if (parsed.verdict != DnsVerdict::kAnswer) [[unlikely]]
    return;
  const DnsEntry* candidate = context.table.candidate(parsed.hash);
  parsed.candidate = candidate;
  if (candidate == nullptr || parsed.view != nullptr) [[unlikely]]
    return prefetch_unlike(context, parsed);
  prefetch_entry(candidate);
}

// The prefetched entry is another name's, or there is none.
[[gnu::noinline]] DnsReply answer_unlike(const DnsContext& context, DnsParsed& parsed,
                                         uint32_t rotation) {
  if (!parsed.is_unproven || dns_prove(context, parsed)) return look_up(context, parsed, rotation);
  parsed.is_late = true;
  dns_prefetch(context, parsed);
  return dns_answer(context, parsed, rotation);
}

// By itself, so that answer_at_once() has all it knows of an RRset in registers.
// REQUIRES: parsed.candidate is the name's entry.
[[gnu::noinline]] DnsReply answer_with_targets(const DnsContext& context, DnsParsed& parsed,
                                               uint32_t rotation) {
  DnsBody body;
  if (!parsed.candidate->find(parsed.type, body)) return look_up(context, parsed, rotation);
  return dns_answer_targets(context.table, parsed, body, rotation);
}

// Most questions: the prefetched entry is that of the name and has the type.
// REQUIRES: parsed.candidate is one, and the client has no view of its own.
[[gnu::noinline]] DnsReply answer_at_once(const DnsContext& context, DnsParsed& parsed,
                                          uint32_t rotation) {
  const DnsEntry& entry = *parsed.candidate;
  if (!DnsTable::is_name(entry, parsed.name, parsed.name_length)) [[unlikely]] {
    return answer_unlike(context, parsed, rotation);
  }
  if (dns_has_targets(parsed.type)) return answer_with_targets(context, parsed, rotation);
  DnsBody body;
  if (!entry.find(parsed.type, body)) [[unlikely]]
    return look_up(context, parsed, rotation);
  return answer_rrset(parsed, body, rotation);
}

// Those whose verdict was found without a look-up.
[[gnu::noinline]] DnsReply answer_decided(const DnsContext& context, const DnsParsed& parsed) {
  switch (parsed.verdict) {
    case DnsVerdict::kRefused:
      return dns_answer_refused(context, parsed);
    case DnsVerdict::kFormerr:
      return finish_error(parsed, DnsRcode::kFormErr, parsed.verdict);
    case DnsVerdict::kNotimp:
      return finish_error(parsed, DnsRcode::kNotImp, parsed.verdict);
    case DnsVerdict::kBadvers:
      return finish_error(parsed, DnsRcode::kBadVers, parsed.verdict);
    case DnsVerdict::kNotauth:
      return dns_answer_tsig(parsed);
    case DnsVerdict::kCookie:
      return finish_error(parsed, DnsRcode::kNoError, parsed.verdict);
    default:
      return {0, 0, parsed.verdict};
  }
}

}  // namespace

void dns_prefetch(const DnsContext& context, DnsParsed& parsed) {
  dns_prefetch_all(context, {&parsed, 1});
}

void dns_prefetch_all(const DnsContext& context, std::span<DnsParsed> parsed) {
  if (!context.policy.cookie_secrets.empty()) dns_check_cookies(context, parsed);
  for (DnsParsed& each : parsed) prefetch(context, each);
  // Fewer lie in the cache, where it costs more than it saves.
  if (context.table.size() >= kDnsManyNames) dns_prefetch_targets(context.table, parsed);
}

DnsReply dns_answer(const DnsContext& context, DnsParsed& parsed, uint32_t rotation) {
  if (parsed.verdict != DnsVerdict::kAnswer) [[unlikely]]
    return answer_decided(context, parsed);
  if (parsed.candidate == nullptr || parsed.view != nullptr) {
    return answer_unlike(context, parsed, rotation);
  }
  return answer_at_once(context, parsed, rotation);
}

uint64_t dns_answering_name(const DnsContext& context, const DnsParsed& parsed) {
  const DnsTable& table = context.table;
  if (table.find(parsed.hash, parsed.name, parsed.name_length) != nullptr) return parsed.hash;
  const DnsEntry* entry = dns_find_in_view(parsed, parsed.hash, parsed.name, parsed.name_length);
  if (entry == nullptr) {
    entry = table.resolve(parsed.name, parsed.name_length, parsed.view).entry;
  }
  if (entry == nullptr) return dns_searched_name(context, parsed);
  DnsFoldedName name;
  dns_fold_name(entry->name(), entry->name_length, name);
  return table.hash(name, entry->name_length);
}

DnsReply dns_truncate(const DnsParsed& parsed, bool is_authoritative) {
  DnsSections sections;
  sections.flags = DnsHeader::kTruncated;
  if (is_authoritative) sections.flags |= DnsHeader::kAuthoritative;
  return finish_reply(parsed, sections, DnsVerdict::kSlipped);
}

DnsReply dns_respond(const DnsContext& context, const DnsQuery& query, uint32_t rotation) {
  DnsParsed parsed;
  dns_parse(context, query, parsed);
  dns_prefetch(context, parsed);
  return dns_answer(context, parsed, rotation);
}

}  // namespace vipgate
