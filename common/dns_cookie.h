// DNS server cookies (RFC 7873), made as RFC 9018 says, so that all servers of an address that know
// the secret, of whatever make, accept them.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "common/siphash.h"

namespace vipgate {

// Octets of a client cookie, and of the option that holds it and a server cookie behind it.
inline constexpr uint32_t kDnsClientCookie = 8;
inline constexpr uint32_t kDnsWholeCookie = 24;

// A whole cookie: client cookie 8; version 1, reserved 3, time 4 (Unix seconds, big-endian);
// hash 8.
using DnsCookie = std::array<uint8_t, kDnsWholeCookie>;

// RFC 9018 4.3: how far a cookie's time may lie behind the clock and before it, and from what age
// on it is replaced, in seconds.
inline constexpr int32_t kDnsCookieMaxAge = 3600;
inline constexpr int32_t kDnsCookieMaxLead = 300;
inline constexpr int32_t kDnsCookieRenewAge = 1800;

// What is said of the address that a cookie was made for.
struct DnsCookieClient {
  const uint8_t* address;  // 4 or 16 octets
  uint8_t length;
};

// RFC 9018 4.4: of the client cookie, version, reserved octets and time that `cookie` starts with,
// and of the client's address.
[[nodiscard]] inline uint64_t dns_cookie_hash(const SipKey& secret, const uint8_t* cookie,
                                              DnsCookieClient client) {
  siphash_internal::State state(secret);
  state.take(load<uint64_t>(cookie));
  state.take(load<uint64_t>(cookie + 8));
  if (client.length == 4) {
    state.take(uint64_t{20} << 56 | load<uint32_t>(client.address));
  } else {
    state.take(load<uint64_t>(client.address));
    state.take(load<uint64_t>(client.address + 8));
    state.take(uint64_t{32} << 56);
  }
  return state.finish();
}

// Completes the client cookie in `cookie` with a server cookie of now.
void dns_make_cookie(const SipKey& secret, DnsCookieClient client, uint32_t unix_s,
                     DnsCookie& cookie);

// How old a cookie says that it is; INT32_MAX: its version or its time is not acceptable.
[[nodiscard]] inline int32_t dns_cookie_age_by_time(uint32_t unix_s, const uint8_t* cookie) {
  if (cookie[8] != 1) return INT32_MAX;
  const auto age = static_cast<int32_t>(unix_s - load<Be32>(cookie + 12).host());
  return age > kDnsCookieMaxAge || age < -kDnsCookieMaxLead ? INT32_MAX : age;
}

// RFC 9018 4.3: how old the cookie is, if it is one that was made with one of the secrets for that
// client, and its time is acceptable; else INT32_MAX. Times are compared by serial number
// arithmetic (RFC 1982), so they may wrap.
[[nodiscard]] inline int32_t dns_cookie_age(std::span<const SipKey> secrets, DnsCookieClient client,
                                            uint32_t unix_s, const uint8_t* cookie) {
  const int32_t age = dns_cookie_age_by_time(unix_s, cookie);
  if (age == INT32_MAX) return age;
  for (const SipKey& secret : secrets) {
    if (dns_cookie_hash(secret, cookie, client) == load<uint64_t>(cookie + 16)) return age;
  }
  return INT32_MAX;
}

}  // namespace vipgate
