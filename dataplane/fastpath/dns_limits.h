// Pass three and four for DNS questions: how many replies a client's network gets. TCP is not
// limited, and who has a good cookie is who he says that he is.
//
// A limit is one gateway's. Workers share nothing: the packets of a network come to all workers
// that receive by the port, in equal parts as long as it asks from many source ports, so each of
// them allows its part. Who asks from one source port alone has one worker's part.
#pragma once

#include "dataplane/fastpath/dns_rate_table.h"
#include "dataplane/fastpath/pipeline.h"

namespace vipgate {

// A name with a candidate is nearly always there, and one without is mostly another's, if others
// are asked.
inline DnsRateKind dns_expected_kind(const DnsParsed& parsed) {
  if (parsed.verdict != DnsVerdict::kAnswer) return DnsRateKind::kError;
  if (parsed.candidate != nullptr) return DnsRateKind::kName;
  return parsed.may_recurse ? DnsRateKind::kKnownName : DnsRateKind::kNoName;
}

// Whether a resolver has said it, now or before.
inline bool dns_is_of_others(DnsVerdict verdict) {
  return verdict == DnsVerdict::kForwarded || verdict == DnsVerdict::kCached ||
         verdict == DnsVerdict::kStale;
}

// REQUIRES: the reply to `parsed` has been written. What has just been asked of a resolver for the
// first time is a name that the client may have made up.
inline DnsRateKind dns_kind_of(const DnsParsed& parsed, DnsVerdict verdict) {
  if (verdict == DnsVerdict::kAnswer) [[likely]]
    return DnsRateKind::kName;
  constexpr auto kNxDomain = static_cast<uint8_t>(DnsRcode::kNxDomain);
  const bool is_of_others = dns_is_of_others(verdict);
  if (is_of_others && (parsed.query.message[3] & DnsHeader::kRcodeMask) == kNxDomain) {
    return DnsRateKind::kNoName;
  }
  switch (verdict) {
    case DnsVerdict::kForwarded:
      return DnsRateKind::kOtherName;
    case DnsVerdict::kCached:
    case DnsVerdict::kStale:
      return DnsRateKind::kKnownName;
    case DnsVerdict::kNodata:
    case DnsVerdict::kTruncated:
    case DnsVerdict::kAmplification:
      return DnsRateKind::kName;
    case DnsVerdict::kNxdomain:
      return DnsRateKind::kNoName;
    default:
      return DnsRateKind::kError;
  }
}

// What the client's network, the kind of reply and the name are counted by together.
template <class Observer>
[[gnu::always_inline]] inline uint64_t Pipeline<Observer>::dns_rate_key(const DnsRateLimit& limit,
                                                                        const DnsQuery& query,
                                                                        DnsRateKind kind,
                                                                        uint64_t name) const {
  const uint8_t* client = query.client;
  const bool is_ipv4 = query.client_length == sizeof(Ipv4Address);
  const uint64_t network =
      is_ipv4 ? limit.network(load<Ipv4Address>(client)) : limit.network(load<Ipv6Address>(client));
  return dns_rates_.key(network, query.client_length, kind, name);
}

template <class Observer>
[[gnu::always_inline]] inline void Pipeline<Observer>::prefetch_dns_rate(const DnsRateLimit& limit,
                                                                         uint32_t index) {
  const DnsParsed& parsed = dns_[index];
  if (parsed.has_good_cookie) return;  // not limited
  const DnsRateKind kind = dns_expected_kind(parsed);
  const bool has_name = kind == DnsRateKind::kName || kind == DnsRateKind::kKnownName;
  const uint64_t name = has_name ? parsed.hash : 0;
  const uint64_t key = dns_rate_key(limit, parsed.query, kind, name);
  dns_rate_keys_[index] = key;
  dns_rates_.prefetch(key);
}

// What a reply is counted by. Names that anyone may make up, and get an answer for, have no count
// each.
template <class Observer>
uint64_t Pipeline<Observer>::dns_reply_rate_key(const Burst& burst, const Packet& packet,
                                                DnsRateKind kind) const {
  const DnsParsed& parsed = dns_[packet.dns_index];
  if (kind == dns_expected_kind(parsed) && !parsed.is_late) return dns_rate_keys_[packet.dns_index];
  uint64_t name = kind == DnsRateKind::kKnownName ? parsed.hash : 0;
  if (kind == DnsRateKind::kName) {
    name = dns_answering_name(burst.dns, parsed);
    if (name == 0) kind = DnsRateKind::kOtherName;
  }
  return dns_rate_key(burst.dns.policy.rate_limit, parsed.query, kind, name);
}

// False: no reply. REQUIRES: the limit is on; `answer` has been written. It may be replaced by a
// shorter one.
template <class Observer>
template <class Address>
bool Pipeline<Observer>::limit_dns(const Burst& burst, const Packet& packet, DnsReply& answer) {
  const DnsRateLimit& limit = burst.dns.policy.rate_limit;
  const DnsParsed& parsed = dns_[packet.dns_index];
  if (parsed.has_good_cookie) return true;
  const DnsRateKind kind = dns_kind_of(parsed, answer.verdict);
  const bool is_error = kind == DnsRateKind::kNoName || kind == DnsRateKind::kError;
  const uint64_t interval =
      (is_error ? limit.error_interval() : limit.response_interval()) * receivers_[packet.port];
  if (interval == 0) return true;
  const DnsRateVerdict verdict =
      dns_rates_.count(dns_reply_rate_key(burst, packet, kind), burst.now.ns, interval,
                       limit.window(), limit.slip());
  if (verdict == DnsRateVerdict::kPass) [[likely]]
    return true;
  if (limit.is_exempt(packet.ip<typename IpHeaderOf<Address>::Type>().source)) return true;
  if (verdict == DnsRateVerdict::kDrop) return false;
  // An error is as short as a reply can be.
  if (kind != DnsRateKind::kError) {
    answer = dns_truncate(parsed, !dns_is_of_others(answer.verdict));
  }
  return true;
}

}  // namespace vipgate
