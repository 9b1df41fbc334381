// The cookies of a burst's usual queries, four at a time: hashing one takes a fifth of an answer.
#include <array>

#include "common/dns_cookie_four.h"
#include "dataplane/fastpath/dns_options.h"

namespace vipgate {
namespace {

// What is known of a cookie decides what the reply has, and how long it may be.
void settle_cookie(const DnsContext& context, DnsParsed& parsed, int32_t age) {
  parsed.has_open_cookie = false;
  parsed.has_good_cookie = age <= kDnsCookieMaxAge;
  if (age > kDnsCookieRenewAge) dns_renew_cookie(context, parsed);
  dns_bound_amplification(context.policy, parsed);
}

DnsCookieClient client_of(const DnsParsed& parsed) {
  return {parsed.query.client, parsed.query.client_length};
}

void check_one(const DnsContext& context, uint32_t unix_s, DnsParsed& parsed) {
  settle_cookie(context, parsed,
                dns_cookie_age(context.policy.cookie_secrets, client_of(parsed), unix_s,
                               parsed.cookie.data()));
}

// Those whose clients' addresses are of `kLength` octets, of which nearly all were made with the
// first secret.
template <size_t kLength>
[[gnu::noinline]] void check_four(const DnsContext& context, uint32_t unix_s,
                                  const std::array<DnsParsed*, 4>& four) {
  const std::span<const SipKey> secrets(context.policy.cookie_secrets);
  const uint32_t good = dns_good_cookies<kLength>(
      secrets.front(),
      {four[0]->cookie.data(), four[1]->cookie.data(), four[2]->cookie.data(),
       four[3]->cookie.data()},
      {four[0]->query.client, four[1]->query.client, four[2]->query.client, four[3]->query.client});
  for (uint32_t i = 0; i < four.size(); ++i) {
    const uint8_t* cookie = four[i]->cookie.data();
    const int32_t age = (good >> i & 1) != 0
                            ? dns_cookie_age_by_time(unix_s, cookie)
                            : dns_cookie_age({secrets.data() + 1, secrets.size() - 1},
                                             client_of(*four[i]), unix_s, cookie);
    settle_cookie(context, *four[i], age);
  }
}

// Up to four that wait for more of their kind.
struct Waiting {
  std::array<DnsParsed*, 4> parsed;
  uint32_t count = 0;
};

}  // namespace

void dns_check_cookies(const DnsContext& context, std::span<DnsParsed> burst) {
  const uint32_t unix_s = dns_unix_s(context);
  Waiting ipv4, ipv6;
  for (DnsParsed& each : burst) {
    if (!each.has_open_cookie) continue;
    const bool is_ipv4 = each.query.client_length == 4;
    Waiting& waiting = is_ipv4 ? ipv4 : ipv6;
    waiting.parsed[waiting.count++] = &each;
    if (waiting.count < waiting.parsed.size()) continue;
    waiting.count = 0;
    is_ipv4 ? check_four<4>(context, unix_s, waiting.parsed)
            : check_four<16>(context, unix_s, waiting.parsed);
  }
  for (const Waiting* waiting : {&ipv4, &ipv6}) {
    for (uint32_t i = 0; i < waiting->count; ++i) check_one(context, unix_s, *waiting->parsed[i]);
  }
}

}  // namespace vipgate
