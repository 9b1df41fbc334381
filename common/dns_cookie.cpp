#include "common/dns_cookie.h"

namespace vipgate {

void dns_make_cookie(const SipKey& secret, DnsCookieClient client, uint32_t unix_s,
                     DnsCookie& cookie) {
  const Be32 time(unix_s);
  cookie[8] = 1;
  cookie[9] = cookie[10] = cookie[11] = 0;
  std::memcpy(&cookie[12], &time, sizeof time);
  const uint64_t hash = dns_cookie_hash(secret, cookie.data(), client);
  std::memcpy(&cookie[16], &hash, sizeof hash);
}

}  // namespace vipgate
