#include "dataplane/fastpath/dns_responder.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/checksum.h"
#include "common/prefetch.h"
#include "dataplane/fastpath/dns_edns.h"
#include "dataplane/fastpath/dns_options.h"
#include "dataplane/fastpath/dns_related.h"
#include "dataplane/fastpath/dns_reply.h"
#include "dataplane/fastpath/dns_special.h"
#include "dataplane/fastpath/dns_tsig.h"

namespace vipgate {
namespace {

// Octets 2 to 9 of a plain query, loaded as one integer: QR and OPCODE zero, one question, no
// answer, no authority. The other flags and the RCODE of a query are ignored.
constexpr uint64_t kPlainMask = 0xffff'ffff'ffff'00f8;
constexpr uint64_t kPlainValue = 0x0000'0000'0100'0000;

// The first three octets of an OPT record, loaded in the same way: the root and the type.
constexpr uint64_t kOptOwnerTypeMask = 0xff'ffff;
constexpr uint64_t kOptOwnerType = uint64_t{static_cast<uint16_t>(DnsType::kOpt)} << 16;

// Services that answer whatever they get, and 0, which cannot be answered: echo, daytime, qotd,
// chargen, time, kpasswd.
bool is_dropped_port(uint16_t port) {
  constexpr uint64_t kBelow64 = uint64_t{1} << 0 | uint64_t{1} << 7 | uint64_t{1} << 13 |
                                uint64_t{1} << 17 | uint64_t{1} << 19 | uint64_t{1} << 37;
  return port < 64 ? (kBelow64 >> port & 1) != 0 : port == 464;
}

void decide(DnsParsed& parsed, DnsVerdict verdict) { parsed.verdict = verdict; }

// EDNS comes before class, type and name: a version that we do not speak is BADVERS whatever is
// asked (RFC 6891 6.1.3).
void apply_edns(const DnsContext& context, DnsParsed& parsed, const DnsEdns& edns) {
  if (edns.fault == DnsEdns::Fault::kRecords) return decide(parsed, DnsVerdict::kFormerr);
  // No key is known here, so nothing of such a query can be trusted (RFC 8945 5.2.1).
  if (edns.tsig != 0) {
    parsed.tsig = edns.tsig;
    decide(parsed, DnsVerdict::kNotauth);
  }
  if (!edns.has_opt) return;
  parsed.has_opt = true;
  parsed.opt_length = kDnsOptLength;
  parsed.is_dnssec_ok = edns.is_dnssec_ok;
  if (!parsed.query.is_stream) {
    parsed.limit = std::min(std::max(edns.requestor_size, kDnsPlainLimit), parsed.udp_size);
  }
  if (edns.version != 0) return decide(parsed, DnsVerdict::kBadvers);
  if (edns.fault == DnsEdns::Fault::kOptions) return decide(parsed, DnsVerdict::kFormerr);
  if (edns.has_options) dns_take_options(context, edns, parsed);
}

// Records of any kind behind the question.
[[gnu::noinline]] void parse_records(const DnsContext& context, DnsParsed& parsed, uint16_t count) {
  const DnsQuery& query = parsed.query;
  const DnsEdns edns =
      dns_parse_records(query.message, query.length, parsed.question_end, 0, count);
  apply_edns(context, parsed, edns);
}

// Only one OPT record right behind the question is read here.
void parse_additional(const DnsContext& context, DnsParsed& parsed) {
  const DnsQuery& query = parsed.query;
  const uint16_t count = load_be16(query.message + 10);
  if (count == 0) return;
  const uint8_t* opt = query.message + parsed.question_end;
  const int left = query.length - parsed.question_end - int{kDnsOptLength};
  if (count != 1 || left < 0) [[unlikely]]
    return parse_records(context, parsed, count);
  // All but the length of the options: root, type, size, extended RCODE, version, DO.
  const auto head = load<uint64_t>(opt);
  const uint16_t options_length = load_be16(opt + 9);
  if ((head & kOptOwnerTypeMask) != kOptOwnerType || left < options_length) [[unlikely]]
    return parse_records(context, parsed, count);
  DnsEdns edns;
  edns.has_opt = true;
  edns.requestor_size = byte_swap(static_cast<uint16_t>(head >> 24));
  edns.version = static_cast<uint8_t>(head >> 48);
  edns.is_dnssec_ok = head >> 63 != 0;
  if (options_length == 0) [[likely]]
    return apply_edns(context, parsed, edns);
  // A copy, so that what is said without options stays in registers.
  DnsEdns with_options = edns;
  if (!dns_read_options(opt + kDnsOptLength, options_length, with_options)) {
    with_options.fault = DnsEdns::Fault::kOptions;
  }
  apply_edns(context, parsed, with_options);
}

// Messages whose header is not that of a plain query. Leaves the verdict kAnswer when the question
// is still to be parsed.
void parse_odd_header(const DnsContext& context, DnsParsed& parsed) {
  const DnsQuery& query = parsed.query;
  const auto header = load<DnsHeader>(query.message);
  const uint16_t flags = header.flags.host();
  if ((flags & DnsHeader::kResponse) != 0) return decide(parsed, DnsVerdict::kDropResponse);
  if ((flags & DnsHeader::kOpcodeMask) != 0) return decide(parsed, DnsVerdict::kNotimp);
  const uint16_t questions = header.question_count.host();
  if (questions == 1) return;
  decide(parsed, DnsVerdict::kFormerr);
  // Without any question the OPT record can still be found, and asks for one in the reply. A cookie
  // may come alone: that is how a client asks for one (RFC 7873 5.4).
  if (questions == 0 && header.answer_count.host() == 0 && header.authority_count.host() == 0) {
    const DnsEdns edns = dns_parse_records(query.message, query.length, kDnsHeaderLength, 0,
                                           header.additional_count.host());
    apply_edns(context, parsed, edns);
    const bool is_cookie = (parsed.options & kDnsCookieOption) != 0;
    decide(parsed, is_cookie ? DnsVerdict::kCookie : DnsVerdict::kFormerr);
  }
}

// What is asked, given a well-formed query: the rules that need no look-up.
void apply_class_and_type(DnsParsed& parsed) {
  const uint16_t query_class = load_be16(parsed.query.message + parsed.question_end - 2);
  if (query_class != static_cast<uint16_t>(DnsClass::kIn)) [[unlikely]] {
    return decide(parsed, DnsVerdict::kRefused);
  }
  if (parsed.type < DnsType::kIxfr) [[likely]]
    return;
  // Zone transfers: AXFR is not defined over UDP (RFC 5936 4.2), all else is a matter of policy.
  if (parsed.type == DnsType::kAxfr) [[unlikely]]
    decide(parsed, parsed.query.is_stream ? DnsVerdict::kRefused : DnsVerdict::kNotimp);
  if (parsed.type == DnsType::kIxfr) [[unlikely]]
    decide(parsed, DnsVerdict::kRefused);
}

// A question with records where a query has none: only IXFR may have one, the SOA in authority.
void apply_section_counts(const DnsContext& context, DnsParsed& parsed) {
  const auto header = load<DnsHeader>(parsed.query.message);
  const bool is_ixfr = parsed.type == DnsType::kIxfr;
  if (header.answer_count.host() != 0 || header.authority_count.host() > (is_ixfr ? 1 : 0)) {
    return decide(parsed, DnsVerdict::kFormerr);
  }
  const DnsEdns edns =
      dns_parse_records(parsed.query.message, parsed.query.length, parsed.question_end,
                        header.authority_count.host(), header.additional_count.host());
  apply_edns(context, parsed, edns);
}

// A reply of header, question and OPT is always within the bound, which is 2 at the least: but for
// an NSID, which may be left out (RFC 5001 2.1).
void bound_amplification(const DnsPolicy& policy, DnsParsed& parsed) {
  if (policy.max_amplification == 0 || parsed.query.is_stream || parsed.has_good_cookie) return;
  const uint32_t most = uint32_t{policy.max_amplification} * parsed.query.length;
  if (most >= parsed.limit) return;
  parsed.limit = static_cast<uint16_t>(most);
  parsed.is_bounded = true;
  const bool is_too_long = uint32_t{parsed.question_end} + parsed.opt_length > most;
  if (is_too_long && (parsed.options & kDnsNsidOption) != 0) {
    parsed.options = static_cast<uint8_t>(parsed.options & ~kDnsNsidOption);
    parsed.opt_length = static_cast<uint16_t>(parsed.opt_length - 4 - policy.nsid.size());
  }
}

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
  return finish_reply(parsed, sections, DnsVerdict::kAnswer);
}

// NODATA or NXDOMAIN: the zone's SOA in the authority section (RFC 2308 2.1, 2.2).
DnsReply answer_negative(const DnsParsed& parsed, const DnsZone& zone, DnsVerdict verdict) {
  const DnsBody& body = zone.soa_negative;
  DnsSections sections;
  if (verdict == DnsVerdict::kNxdomain) sections.rcode = DnsRcode::kNxDomain;
  if (total_length(parsed, body.length) > parsed.limit) [[unlikely]] {
    return finish_truncated(parsed, sections.rcode);
  }
  uint8_t* to = parsed.query.message + parsed.question_end;
  copy_body(to, body.octets, body.length, parsed.query.message + parsed.query.capacity);
  const Be16 owner(
      static_cast<uint16_t>(0xc000 | (kDnsHeaderLength + parsed.name_length - zone.name.size())));
  std::memcpy(to, &owner, sizeof owner);
  sections.flags = DnsHeader::kAuthoritative;
  sections.authorities = 1;
  sections.body_length = body.length;
  sections.body_sum = ones_fold(uint64_t{body.sum} + owner.raw());
  return finish_reply(parsed, sections, verdict);
}

// A name that has no record in a zone of which not all names are known may well exist: a negative
// answer would stay in caches for longer than that is so.
DnsReply answer_unknown(const DnsParsed& parsed) {
  return finish_error(parsed, DnsRcode::kServFail, DnsVerdict::kServfail);
}

// One RRset over UDP is enough for ANY (RFC 8482 4.1): of addresses, of services, or whatever there
// is. REQUIRES: entry.has_records()
void choose_any(const DnsTable& table, const DnsEntry& entry, DnsBody& body) {
  for (const DnsType type : {DnsType::kA, DnsType::kAaaa, DnsType::kSrv}) {
    if (entry.find(type, body)) return;
  }
  if (entry.is_apex != 0) {
    body = table.zones()[entry.zone].soa_answer;
  } else {
    entry.find(entry.rrsets()->type, body);
  }
}

// `own`: what the client's view has of the name. False: not what was asked for.
bool answer_from_view(const DnsTable& table, const DnsParsed& parsed, const DnsEntry& own,
                      uint32_t rotation, DnsReply& reply) {
  DnsBody body;
  // An apex has its SOA, which is the table's.
  if (parsed.type == DnsType::kAny && own.rrset_count != 0 && own.is_apex == 0) {
    if (parsed.query.is_stream) {
      reply = dns_answer_all(*parsed.view, parsed, own, rotation);
      return true;
    }
    choose_any(*parsed.view, own, body);
    reply = answer_rrset(parsed, body, rotation);
  } else if (own.find(parsed.type, body)) {
    reply = dns_has_targets(parsed.type) ? dns_answer_targets(table, parsed, body, rotation)
                                         : answer_rrset(parsed, body, rotation);
  } else if (own.find(DnsType::kCname, body)) {
    reply = dns_answer_alias(table, parsed, body, rotation);
  } else {
    return false;
  }
  return true;
}

// A name in none of our zones.
DnsReply answer_of_others(const DnsParsed& parsed) {
  const bool is_recursive = (parsed.query.message[2] & 0x01) != 0;
  const std::string_view name(reinterpret_cast<const char*>(parsed.name.octets.data()),
                              parsed.name_length);
  if (parsed.may_recurse && is_recursive && !dns_stays_here(name, parsed.type)) {
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
    if (answer_from_view(table, parsed, *own, rotation, reply)) return reply;
  }
  const DnsEntry* entry = parsed.candidate;
  if (entry == nullptr || !DnsTable::is_name(*entry, parsed.name, parsed.name_length)) {
    entry = table.find(parsed.hash, parsed.name, parsed.name_length);
  }
  const DnsZone* denying = nullptr;
  if (entry == nullptr) {
    const DnsFinding found = table.resolve(parsed.name, parsed.name_length);
    if (found.zone == nullptr) return answer_of_others(parsed);
    // The view may have the name, with other types.
    if (own != nullptr && found.entry == nullptr) [[unlikely]] {
      return answer_negative(parsed, *found.zone, DnsVerdict::kNodata);
    }
    if (found.is_incomplete) [[unlikely]]
      return answer_unknown(parsed);
    if (found.entry == nullptr) {
      return answer_negative(parsed, *found.zone, DnsVerdict::kNxdomain);
    }
    entry = found.entry;
    denying = found.zone;
  }
  DnsBody body;
  if (entry->find(parsed.type, body)) [[likely]] {
    if (dns_has_targets(parsed.type)) return dns_answer_targets(table, parsed, body, rotation);
  } else {
    const DnsZone& zone = table.zones()[entry->zone];
    if (entry->is_apex != 0 && parsed.type == DnsType::kSoa) {
      body = zone.soa_answer;
    } else if (entry->has_records() && parsed.type == DnsType::kAny) {
      if (parsed.query.is_stream) return dns_answer_all(table, parsed, *entry, rotation);
      choose_any(table, *entry, body);
    } else if (entry->find(DnsType::kCname, body)) {
      return dns_answer_alias(table, parsed, body, rotation);
    } else if (zone.is_incomplete && !entry->has_records()) {
      return answer_unknown(parsed);
    } else {
      return answer_negative(parsed, denying != nullptr ? *denying : zone, DnsVerdict::kNodata);
    }
  }
  return answer_rrset(parsed, body, rotation);
}

// Most questions: the prefetched entry is that of the name and has the type.
// REQUIRES: parsed.candidate is one, and the client has no view of its own.
[[gnu::noinline]] DnsReply answer_at_once(const DnsContext& context, const DnsParsed& parsed,
                                          uint32_t rotation) {
  const DnsEntry& entry = *parsed.candidate;
  DnsBody body;
  if (!DnsTable::is_name(entry, parsed.name, parsed.name_length) || !entry.find(parsed.type, body))
      [[unlikely]] {
    return look_up(context, parsed, rotation);
  }
  if (dns_has_targets(parsed.type)) {
    return dns_answer_targets(context.table, parsed, body, rotation);
  }
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

void dns_parse(const DnsContext& context, const DnsQuery& query, DnsParsed& parsed) {
  // Field by field: copied as a whole, it is loaded in pieces other than those it was stored in,
  // which stalls.
  parsed.query.message = query.message;
  parsed.query.length = query.length;
  parsed.query.capacity = query.capacity;
  parsed.query.source_port = query.source_port;
  parsed.query.client = query.client;
  parsed.query.client_length = query.client_length;
  parsed.query.is_stream = query.is_stream;
  parsed.candidate = nullptr;
  parsed.view = nullptr;
  parsed.question_end = kDnsHeaderLength;
  parsed.question_sum = 0;
  parsed.limit = query.is_stream ? UINT16_MAX : kDnsPlainLimit;
  parsed.udp_size = context.policy.udp_size;
  parsed.verdict = DnsVerdict::kAnswer;
  parsed.has_opt = false;
  parsed.is_dnssec_ok = false;
  parsed.has_good_cookie = false;
  parsed.options = 0;
  parsed.opt_length = 0;
  parsed.is_bounded = false;
  parsed.may_recurse = context.policy.forwarding.serves(query.client, query.client_length);
  if (query.length < kDnsHeaderLength) return decide(parsed, DnsVerdict::kDropShort);
  if (is_dropped_port(query.source_port.host()) && !query.is_stream) {
    return decide(parsed, DnsVerdict::kDropSourcePort);
  }
  const bool is_plain = (load<uint64_t>(query.message + 2) & kPlainMask) == kPlainValue;
  if (!is_plain) [[unlikely]] {
    parse_odd_header(context, parsed);
    if (parsed.verdict != DnsVerdict::kAnswer) return bound_amplification(context.policy, parsed);
  }
  const uint8_t* name = query.message + kDnsHeaderLength;
  const size_t available = query.length - kDnsHeaderLength;
  const size_t name_length = dns_name_length(name, available);
  if (name_length == 0 || name_length + 4 > available) [[unlikely]] {
    return decide(parsed, DnsVerdict::kFormerr);
  }
  parsed.name_length = static_cast<uint16_t>(name_length);
  parsed.question_end = static_cast<uint16_t>(kDnsHeaderLength + name_length + 4);
  parsed.type = DnsType{load_be16(name + name_length)};
  // Behind a name of odd length, type and class stand one octet further on in their words.
  parsed.question_sum = dns_fold_name(name, name_length, parsed.name) +
                        (uint64_t{load<uint32_t>(name + name_length)} << (8 * (name_length & 1)));
  if (is_plain) [[likely]] {
    parse_additional(context, parsed);
  } else {
    apply_section_counts(context, parsed);
  }
  bound_amplification(context.policy, parsed);
  if (parsed.verdict == DnsVerdict::kAnswer) apply_class_and_type(parsed);
  if (parsed.verdict != DnsVerdict::kAnswer) [[unlikely]]
    return;
  parsed.limit = std::min(parsed.limit, query.capacity);
  parsed.hash = context.table.hash(parsed.name, name_length);
  context.table.prefetch(parsed.hash);
  if (context.views != nullptr) {
    parsed.view = context.views->table_of(query.client, query.client_length);
    if (parsed.view != nullptr) parsed.view->prefetch(parsed.hash);
  }
}

void dns_prefetch(const DnsContext& context, DnsParsed& parsed) {
  if (parsed.verdict != DnsVerdict::kAnswer) return;
  parsed.candidate = context.table.candidate(parsed.hash);
  if (parsed.view != nullptr) prefetch_line(parsed.view->candidate(parsed.hash));
  if (parsed.candidate == nullptr) return;
  const auto* octets = reinterpret_cast<const char*>(parsed.candidate);
  prefetch_line(octets);
  prefetch_line(octets + 64);
}

DnsReply dns_answer(const DnsContext& context, const DnsParsed& parsed, uint32_t rotation) {
  if (parsed.verdict != DnsVerdict::kAnswer) [[unlikely]]
    return answer_decided(context, parsed);
  if (parsed.candidate == nullptr || parsed.view != nullptr) {
    return look_up(context, parsed, rotation);
  }
  return answer_at_once(context, parsed, rotation);
}

uint64_t dns_answering_name(const DnsContext& context, const DnsParsed& parsed) {
  const DnsTable& table = context.table;
  if (table.find(parsed.hash, parsed.name, parsed.name_length) != nullptr) return parsed.hash;
  const DnsEntry* entry = dns_find_in_view(parsed, parsed.hash, parsed.name, parsed.name_length);
  if (entry == nullptr) entry = table.resolve(parsed.name, parsed.name_length).entry;
  if (entry == nullptr) return 0;
  DnsFoldedName name;
  dns_fold_name(entry->name(), entry->name_length, name);
  return table.hash(name, entry->name_length);
}

DnsReply dns_truncate(const DnsParsed& parsed) {
  DnsReply reply = finish_truncated(parsed, DnsRcode::kNoError);
  reply.verdict = DnsVerdict::kSlipped;
  return reply;
}

DnsReply dns_respond(const DnsContext& context, const DnsQuery& query, uint32_t rotation) {
  DnsParsed parsed;
  dns_parse(context, query, parsed);
  dns_prefetch(context, parsed);
  return dns_answer(context, parsed, rotation);
}

}  // namespace vipgate
