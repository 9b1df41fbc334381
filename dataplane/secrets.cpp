#include "dataplane/secrets.h"

#include <sys/random.h>

#include <random>

#include "common/system_error.h"
#include "dataplane/fastpath/flow_owners.h"

namespace vipgate {
namespace {

// getrandom(2) is never short for so few bytes, once the kernel's pool is ready.
template <class T>
bool draw(T& secret) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 256);
  return getrandom(&secret, sizeof secret, 0) == static_cast<ssize_t>(sizeof secret);
}

bool draw_owner_key(ToeplitzHash::Key& key) {
  do {
    if (!draw(key)) return false;
  } while (!FlowOwners::spreads(key));
  return true;
}

}  // namespace

Result<Secrets> make_secrets(std::optional<uint64_t> seed) {
  Secrets secrets;
  if (seed) {
    // The engine's output is fixed by the standard; distributions are not, so none is used.
    std::mt19937_64 engine(*seed);
    for (uint64_t& word : secrets.flows.words) word = engine();
    do {
      for (uint8_t& byte : secrets.owner) byte = static_cast<uint8_t>(engine());
    } while (!FlowOwners::spreads(secrets.owner));
    for (uint8_t& byte : secrets.names.bytes) byte = static_cast<uint8_t>(engine());
    for (uint8_t& byte : secrets.cookies.bytes) byte = static_cast<uint8_t>(engine());
    return secrets;
  }
  if (draw(secrets.flows) && draw_owner_key(secrets.owner) && draw(secrets.names) &&
      draw(secrets.cookies)) {
    return secrets;
  }
  return system_error("no random numbers from the kernel");
}

}  // namespace vipgate
