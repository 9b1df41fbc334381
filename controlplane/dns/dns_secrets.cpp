#include "controlplane/dns/dns_secrets.h"

#include <algorithm>
#include <fstream>
#include <optional>

#include "common/system_error.h"

namespace vipgate {
namespace {

constexpr size_t kMaxNsid = 128;
// Each one that a forged cookie may have been made with costs a hash.
constexpr size_t kMaxCookieSecrets = 4;
constexpr size_t kMaxSecretFile = 4096;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Nothing: it is not pairs of hex digits.
std::optional<std::string> octets_of_hex(std::string_view hex) {
  std::string octets;
  if (hex.size() % 2 != 0) return std::nullopt;
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    octets += static_cast<char>(high * 16 + low);
  }
  return octets;
}

}  // namespace

Result<std::string> dns_nsid_octets(std::string_view text) {
  std::string octets(text);
  if (text.starts_with("0x")) {
    auto decoded = octets_of_hex(text.substr(2));
    if (!decoded || decoded->empty()) {
      return Error{"0x is followed by pairs of hex digits, as in 0x6e7331"};
    }
    octets = std::move(*decoded);
  }
  if (octets.size() > kMaxNsid) {
    return Error{"it has " + std::to_string(octets.size()) + " octets; write " +
                 std::to_string(kMaxNsid) + " at most"};
  }
  return octets;
}

Result<std::vector<SipKey>> read_cookie_secrets(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Error{system_error("'" + path + "' cannot be read").message +
                 "; write the path of the file, and let this user read it"};
  }
  std::string text(kMaxSecretFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (file.bad()) {
    return Error{"'" + path + "' cannot be read; write the path of a file, not of a directory"};
  }
  if (text.size() > kMaxSecretFile) {
    return Error{"'" + path + "' has more than 4096 octets; it holds lines of 32 hex digits"};
  }
  std::vector<SipKey> secrets;
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line(text.data() + at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const auto octets = octets_of_hex(line);
    const std::string where = "'" + path + "' line " + std::to_string(number) + ": ";
    SipKey secret;
    if (!octets || octets->size() != secret.bytes.size()) {
      return Error{where + "a secret is 32 hex digits; make one with `openssl rand -hex 16`"};
    }
    std::copy(octets->begin(), octets->end(), secret.bytes.begin());
    if (secrets.size() == kMaxCookieSecrets) {
      return Error{where + "there are more than four secrets; remove the oldest, at the end"};
    }
    secrets.push_back(secret);
  }
  if (secrets.empty()) {
    return Error{"'" + path + "' holds no secret; write one into it with `openssl rand -hex 16`"};
  }
  return secrets;
}

}  // namespace vipgate
