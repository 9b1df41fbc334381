#include "controlplane/dns_secret.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <string>

namespace vipgate {

Result<DnsHashSecret> make_dns_secret(std::optional<uint64_t> seed) {
  DnsHashSecret secret;
  if (!seed) {
    const ssize_t length = getrandom(secret.bytes.data(), secret.bytes.size(), 0);
    if (length == static_cast<ssize_t>(secret.bytes.size())) return secret;
    return Error{std::string("no random numbers from the kernel: ") + std::strerror(errno)};
  }
  std::mt19937_64 numbers(*seed);
  for (uint8_t& byte : secret.bytes) byte = static_cast<uint8_t>(numbers());
  return secret;
}

}  // namespace vipgate
