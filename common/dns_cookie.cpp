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

int32_t dns_cookie_age(std::span<const SipKey> secrets, DnsCookieClient client, uint32_t unix_s,
                       const uint8_t* cookie) {
  if (cookie[8] != 1) return INT32_MAX;
  const auto age = static_cast<int32_t>(unix_s - load<Be32>(cookie + 12).host());
  if (age > kDnsCookieMaxAge || age < -kDnsCookieMaxLead) return INT32_MAX;
  for (const SipKey& secret : secrets) {
    if (dns_cookie_hash(secret, cookie, client) == load<uint64_t>(cookie + 16)) return age;
  }
  return INT32_MAX;
}

}  // namespace vipgate
