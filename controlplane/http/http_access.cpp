#include "controlplane/http/http_access.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>
#include <boost/beast/core/string.hpp>

namespace vipgate {

ApiRole role_of(const std::vector<HttpToken>& tokens, std::string_view authorization,
                std::string& who) {
  if (tokens.empty()) return ApiRole::kAdmin;
  constexpr std::string_view kBearer = "Bearer ";
  if (authorization.size() <= kBearer.size() ||
      !boost::beast::iequals({authorization.data(), kBearer.size()},
                             {kBearer.data(), kBearer.size()})) {
    return ApiRole::kNobody;
  }
  authorization.remove_prefix(kBearer.size());
  const auto digest = [](std::string_view text) {
    std::array<uint8_t, SHA256_DIGEST_LENGTH> octets;
    SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), octets.data());
    return octets;
  };
  const auto given = digest(authorization);
  ApiRole role = ApiRole::kNobody;
  for (const HttpToken& token : tokens) {
    const auto known = digest(token.token);
    if (CRYPTO_memcmp(given.data(), known.data(), known.size()) != 0) continue;
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
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

}  // namespace vipgate
