// What an attacker must not know: drawn once per boot, or made from a seed so that runs repeat.
#pragma once

#include <cstdint>
#include <optional>

#include "common/hash.h"

namespace vipgate {

struct Secrets {
  HashSecret flows;         // chooses buckets of the flow tables
  ToeplitzHash::Key owner;  // chooses the worker that owns a flow; a NIC's RSS key
};

// With a seed the secrets are a function of it, the same on every machine.
Secrets make_secrets(std::optional<uint64_t> seed);

}  // namespace vipgate
