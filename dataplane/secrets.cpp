#include "dataplane/secrets.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <system_error>

namespace vipgate {

Secrets make_secrets(std::optional<uint64_t> seed) {
  Secrets secrets;
  if (seed) {
    // The engine's output is fixed by the standard; distributions are not, so none is used.
    std::mt19937_64 engine(*seed);
    for (uint64_t& word : secrets.flows.words) word = engine();
    for (uint8_t& byte : secrets.owner) byte = static_cast<uint8_t>(engine());
    return secrets;
  }
  // Never short for so few bytes, once the kernel's pool is ready (getrandom(2)).
  uint8_t bytes[sizeof secrets.flows + sizeof secrets.owner];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  std::memcpy(&secrets.flows, bytes, sizeof secrets.flows);
  std::memcpy(secrets.owner.data(), bytes + sizeof secrets.flows, sizeof secrets.owner);
  return secrets;
}

}  // namespace vipgate
