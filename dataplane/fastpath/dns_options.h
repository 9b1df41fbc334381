// Options of EDNS: what a query's ask for, and those of the reply.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "common/checksum.h"
#include "common/dns_cookie.h"
#include "dataplane/fastpath/dns_edns.h"
#include "dataplane/fastpath/dns_responder.h"

namespace vipgate {

inline constexpr uint32_t kDnsOptionHead = 4;  // code and length

// A COOKIE option as nearly all are, in an OPT record that has no other: the length of the options,
// code and length of this one, then the cookie of 24 octets.
inline constexpr uint32_t kDnsLoneCookie = kDnsOptionHead + kDnsWholeCookie;
// What stands before the cookie, from the length of the options on, loaded as one integer.
inline constexpr uint64_t kDnsLoneCookieHead = 0x1800'0a00'1c00;
inline constexpr uint32_t kDnsLoneCookieHeadLength = 6;

// A fresh cookie for the client, in parsed.cookie. REQUIRES: its first half is there.
void dns_renew_cookie(const DnsContext& context, DnsParsed& parsed);

inline uint32_t dns_unix_s(const DnsContext& context) {
  return static_cast<uint32_t>(context.unix_ns / 1'000'000'000);
}

// The cookie of the reply: the client's own, at `cookie`, as long as it is young, else a fresh one.
// REQUIRES: there is a secret, and the client has an address.
inline void dns_take_whole_cookie(const DnsContext& context, const uint8_t* cookie,
                                  DnsParsed& parsed) {
  std::memcpy(parsed.cookie.data(), cookie, kDnsWholeCookie);
  const int32_t age = dns_cookie_age(context.policy.cookie_secrets,
                                     {parsed.query.client, parsed.query.client_length},
                                     dns_unix_s(context), cookie);
  parsed.has_good_cookie = age <= kDnsCookieMaxAge;
  if (age > kDnsCookieRenewAge) dns_renew_cookie(context, parsed);
}

// Checks the cookies that stand open, and sets what depends on it.
void dns_check_cookies(const DnsContext& context, std::span<DnsParsed> burst);

// Octets that the reply may have, without a good cookie. A reply of header, question and OPT is
// always within the bound, which is 2 at the least: but for an NSID, which may be left out (RFC
// 5001 2.1).
void dns_set_amplification_bound(const DnsPolicy& policy, DnsParsed& parsed);
[[gnu::always_inline]] inline void dns_bound_amplification(const DnsPolicy& policy,
                                                           DnsParsed& parsed) {
  if (policy.max_amplification != 0) [[unlikely]]
    dns_set_amplification_bound(policy, parsed);
}

// Decides by the options of a query which ones the reply has, and whether the client's cookie is
// good. A cookie of no legal length makes the query malformed (RFC 7873 5.2.2).
// REQUIRES: parsed.question_end and parsed.has_opt are those of the reply.
void dns_take_options(const DnsContext& context, const DnsEdns& edns, DnsParsed& parsed);

// Writes the options behind the reply's OPT record, which ends at offset `at`, and its data length.
// Returns their octets.
uint32_t dns_append_options(const DnsParsed& parsed, DnsExtendedError error, uint32_t at);

// The same for a cookie alone: the length of the options at `to`, and the option. Gives their sum.
inline uint64_t dns_append_cookie(const DnsParsed& parsed, uint8_t* to) {
  // The head is stored with two octets too many, which the cookie overwrites.
  std::memcpy(to, &kDnsLoneCookieHead, sizeof kDnsLoneCookieHead);
  uint64_t sum = kDnsLoneCookieHead;
  for (uint32_t i = 0; i < kDnsWholeCookie; i += 8) {
    const auto part = load<uint64_t>(parsed.cookie.data() + i);
    std::memcpy(to + kDnsLoneCookieHeadLength + i, &part, sizeof part);
    sum = checksum_detail::add_carry(sum, part);
  }
  return sum;
}

}  // namespace vipgate
