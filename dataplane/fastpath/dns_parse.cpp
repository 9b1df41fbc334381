// What a query asks, and by which rules its answer goes.
#include <algorithm>
#include <cstring>

#include "dataplane/fastpath/dns_edns.h"
#include "dataplane/fastpath/dns_options.h"
#include "dataplane/fastpath/dns_reply.h"
#include "dataplane/fastpath/dns_responder.h"
#include "dataplane/fastpath/swap16.h"

namespace vipgate {
namespace {

// Octets 2 to 9 of a plain query, loaded as one integer: QR and OPCODE zero, one question, no
// answer, no authority. The other flags and the RCODE of a query are ignored.
constexpr uint64_t kPlainMask = 0xffff'ffff'ffff'00f8;
constexpr uint64_t kPlainValue = 0x0000'0000'0100'0000;

// The first three octets of an OPT record, loaded in the same way: the root and the type.
constexpr uint64_t kOptOwnerTypeMask = 0xff'ffff;
constexpr uint64_t kOptOwnerType = uint64_t{static_cast<uint16_t>(DnsType::kOpt)} << 16;
// The same with the version, which is zero.
constexpr uint64_t kOptPlainMask = kOptOwnerTypeMask | uint64_t{0xff} << 48;

// Ports whose services answer whatever they get, and 0, which cannot be answered: echo, daytime,
// qotd, chargen, time, kpasswd.
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
    // What makes it legal may be looked for in a version that is not ours, which is what is told.
    const bool may_come_alone = edns.cookie != nullptr && !context.policy.cookie_secrets.empty();
    if (parsed.verdict == DnsVerdict::kBadvers && may_come_alone) return;
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

// What holds of every query before it is looked at.
[[gnu::always_inline]] inline void begin(const DnsContext& context, DnsParsed& parsed) {
  const DnsQuery& query = parsed.query;
  parsed.candidate = nullptr;
  parsed.view = nullptr;
  parsed.target = nullptr;
  parsed.question_end = kDnsHeaderLength;
  parsed.question_sum = 0;
  parsed.limit = query.is_stream ? UINT16_MAX : kDnsPlainLimit;
  parsed.udp_size = context.policy.udp_size;
  parsed.opt_length = 0;
  parsed.verdict = DnsVerdict::kAnswer;
  parsed.has_opt = false;
  parsed.is_dnssec_ok = false;
  parsed.has_good_cookie = false;
  parsed.is_bounded = false;
  parsed.options = 0;
  parsed.is_late = false;
  parsed.is_unproven = false;
  parsed.has_open_cookie = false;
  parsed.may_recurse = context.policy.forwarding.serves(query.client, query.client_length);
}

// Behind a name of odd length, type and class stand one octet further on in their words.
uint64_t sum_behind_name(uint32_t type_and_class, size_t name_length) {
  return uint64_t{type_and_class} << (8 * (name_length & 1));
}

// The name's hash is known: its bucket is fetched, and what the client has of its own.
[[gnu::always_inline]] inline void prefetch_name(const DnsContext& context, DnsParsed& parsed) {
  parsed.limit = std::min(parsed.limit, parsed.query.capacity);
  context.table.prefetch(parsed.hash);
  if (context.views == nullptr) [[likely]]
    return;
  parsed.view = context.views->table_of(parsed.query.client, parsed.query.client_length);
  if (parsed.view != nullptr) parsed.view->prefetch(parsed.hash);
}

// Whether the message ends with a whole cookie, alone in its record, that is to be looked at.
// REQUIRES: kDnsLoneCookie octets and two before them.
bool ends_with_cookie(const DnsContext& context, const DnsQuery& query) {
  const uint8_t* option = query.message + query.length - kDnsLoneCookie;
  constexpr uint64_t kHeadMask = (uint64_t{1} << 8 * kDnsLoneCookieHeadLength) - 1;
  return (load<uint64_t>(option - 2) & kHeadMask) == kDnsLoneCookieHead &&
         !context.policy.cookie_secrets.empty() && query.client_length != 0;
}

// The query's cookie is kept, to be checked with others of the burst.
[[gnu::always_inline]] inline void keep_cookie(const DnsContext& context, DnsParsed& parsed) {
  const DnsQuery& query = parsed.query;
  std::memcpy(parsed.cookie.data(), query.message + query.length - kDnsWholeCookie,
              kDnsWholeCookie);
  parsed.options = kDnsCookieOption;
  parsed.opt_length = kDnsOptLength + kDnsLoneCookie;
  parsed.policy = &context.policy;
  parsed.has_open_cookie = true;
}

// The longest name of a usual query: as much as is folded at once.
constexpr size_t kUsualName = 64;

// What a usual query ends with, which says where its name does.
struct UsualEnd {
  size_t name_length = 0;
  uint64_t opt = 0;  // the first octets of the OPT record, as they lie in memory
  bool has_opt = false;
  bool has_cookie = false;
};

// Whether a name may be so long. Of a message that is too short the length is below zero, and so
// larger than any: as is 0, once 1 is taken away.
bool is_usual_length(size_t name_length) { return name_length - 1 < kUsualName; }

// Reckons from the end of the message: its records have known lengths, and the name is what is
// left. False: it does not end as usual ones do.
// REQUIRES: a whole header.
[[gnu::always_inline]] inline bool find_usual_end(const DnsContext& context, const DnsQuery& query,
                                                  UsualEnd& found) {
  const uint32_t additional = load_be16(query.message + 10);
  if (additional > 1) return false;
  found.has_opt = additional != 0;
  found.name_length =
      query.length - size_t{kDnsHeaderLength} - 4 - additional * size_t{kDnsOptLength};
  if (found.has_opt) {
    // There is a header at least, so this lies in the message.
    const uint8_t* end = query.message + query.length;
    found.opt = load<uint64_t>(end - kDnsOptLength);
    if ((found.opt & kOptPlainMask) != kOptOwnerType || load<uint16_t>(end - 2) != 0) {
      found.name_length -= kDnsLoneCookie;
      if (!is_usual_length(found.name_length) || !ends_with_cookie(context, query)) return false;
      found.opt = load<uint64_t>(end - kDnsLoneCookie - kDnsOptLength);
      if ((found.opt & kOptPlainMask) != kOptOwnerType) return false;
      found.has_cookie = true;
    }
  }
  return is_usual_length(found.name_length);
}

// A plain header, a name of at most 64 octets, no zone transfer, class IN, and behind it nothing,
// or an OPT record without options or with a cookie alone: what nearly all ask. False: it is
// something else, and nothing has been written.
[[gnu::always_inline]] inline bool parse_usual(const DnsContext& context, DnsParsed& parsed) {
  const DnsQuery& query = parsed.query;
  const uint8_t* message = query.message;
  if ((load<uint64_t>(message + 2) & kPlainMask) != kPlainValue) return false;
  if (query.is_stream || query.capacity < kDnsHeaderLength + kUsualName) return false;
  UsualEnd end;
  if (!find_usual_end(context, query, end)) return false;
  const size_t name_length = end.name_length;
  const uint8_t* behind = message + kDnsHeaderLength + name_length;
  const auto type_and_class = load<uint32_t>(behind);
  constexpr uint32_t kClassIn = byte_swap(static_cast<uint16_t>(DnsClass::kIn));
  const DnsType type{static_cast<uint16_t>(swap16(type_and_class))};
  if (behind[-1] != 0 || type_and_class >> 16 != kClassIn || type >= DnsType::kIxfr) return false;
  if (end.has_opt) {
    const auto requestor_size = static_cast<uint16_t>(swap16(static_cast<uint32_t>(end.opt >> 24)));
    parsed.has_opt = true;
    parsed.opt_length = kDnsOptLength;
    parsed.is_dnssec_ok = end.opt >> 63 != 0;
    parsed.limit = std::min(std::max(requestor_size, kDnsPlainLimit), parsed.udp_size);
  }
  uint64_t sum = 0;
  parsed.hash = context.table.fold(message + kDnsHeaderLength, name_length, parsed.name, sum);
  parsed.question_sum = sum + sum_behind_name(type_and_class, name_length);
  parsed.name_length = static_cast<uint16_t>(name_length);
  parsed.question_end = static_cast<uint16_t>(kDnsHeaderLength + name_length + 4);
  parsed.type = type;
  parsed.is_unproven = true;
  if (end.has_cookie) {
    keep_cookie(context, parsed);
  } else {
    dns_bound_amplification(context.policy, parsed);
  }
  prefetch_name(context, parsed);
  return true;
}

// All others, step by step.
[[gnu::noinline]] void parse_with_care(const DnsContext& context, DnsParsed& parsed) {
  const DnsQuery& query = parsed.query;
  const bool is_plain = (load<uint64_t>(query.message + 2) & kPlainMask) == kPlainValue;
  if (!is_plain) [[unlikely]] {
    parse_odd_header(context, parsed);
    if (parsed.verdict != DnsVerdict::kAnswer)
      return dns_bound_amplification(context.policy, parsed);
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
  parsed.question_sum = dns_fold_name(name, name_length, parsed.name) +
                        sum_behind_name(load<uint32_t>(name + name_length), name_length);
  if (is_plain) [[likely]] {
    parse_additional(context, parsed);
  } else {
    apply_section_counts(context, parsed);
  }
  dns_bound_amplification(context.policy, parsed);
  if (parsed.verdict == DnsVerdict::kAnswer) apply_class_and_type(parsed);
  if (parsed.verdict != DnsVerdict::kAnswer) [[unlikely]]
    return;
  parsed.hash = context.table.hash(parsed.name, name_length);
  prefetch_name(context, parsed);
}

}  // namespace

void dns_parse_query(const DnsContext& context, DnsParsed& parsed) {
  const DnsQuery& query = parsed.query;
  begin(context, parsed);
  if (query.length < kDnsHeaderLength) return decide(parsed, DnsVerdict::kDropShort);
  if (dns_is_service_port(query.source_port)) [[unlikely]] {
    if (is_dropped_port(query.source_port.host()) && !query.is_stream) {
      return decide(parsed, DnsVerdict::kDropSourcePort);
    }
  }
  if (!parse_usual(context, parsed)) parse_with_care(context, parsed);
}

[[gnu::noinline]] bool dns_prove(const DnsContext& context, DnsParsed& parsed) {
  const DnsQuery& query = parsed.query;
  parsed.is_unproven = false;
  const size_t length =
      dns_name_length(query.message + kDnsHeaderLength, query.length - kDnsHeaderLength);
  if (length == parsed.name_length) [[likely]]
    return true;
  begin(context, parsed);
  parse_with_care(context, parsed);
  return false;
}

}  // namespace vipgate
