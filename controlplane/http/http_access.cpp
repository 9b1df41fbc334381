#include "controlplane/http/http_access.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>
#include <boost/beast/core/string.hpp>

#include "common/addresses.h"

namespace vipgate {

namespace {

using TokenDigest = std::array<uint8_t, SHA256_DIGEST_LENGTH>;

TokenDigest token_digest(std::string_view text) {
  TokenDigest octets;
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), octets.data());
  return octets;
}

}  // namespace

ApiRole role_of(const std::vector<HttpToken>& tokens, const HttpCredentials& shown,
                std::string& who) {
  if (tokens.empty()) return ApiRole::kAdmin;
  constexpr std::string_view kBearer = "Bearer ";
  std::string_view word = shown.authorization;
  const bool is_certificate = word.empty();
  if (is_certificate) {
    word = shown.certificate;
  } else if (word.size() > kBearer.size() &&
             boost::beast::iequals({word.data(), kBearer.size()},
                                   {kBearer.data(), kBearer.size()})) {
    word.remove_prefix(kBearer.size());
  } else {
    return ApiRole::kNobody;
  }
  if (word.empty()) return ApiRole::kNobody;
  const TokenDigest given = token_digest(word);
  ApiRole role = ApiRole::kNobody;
  for (const HttpToken& token : tokens) {
    const TokenDigest known = token_digest(token.token);
    const bool is_same = CRYPTO_memcmp(given.data(), known.data(), known.size()) == 0;
    if (!is_same || token.is_certificate != is_certificate) continue;
    role = token.role;
    who = token.name;
  }
  return role;
}

bool is_for_loopback(std::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    host = host.substr(0, colon);
  }
  if (boost::beast::iequals({host.data(), host.size()}, "localhost")) return true;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  // By its value: 127.example.org is a name as any other.
  const auto address = parse_ip_address(host);
  if (!address) return false;
  return address->is_v4() ? address->bytes()[0] == 127 : *address == *parse_ip_address("::1");
}

}  // namespace vipgate
