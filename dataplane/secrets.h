// What an attacker must not know: drawn once per boot, or made from a seed so that runs repeat.
#pragma once

#include <cstdint>
#include <optional>

#include "common/dns_name_hash.h"
#include "common/hash.h"
#include "common/result.h"
#include "common/siphash.h"

namespace vipgate {

struct Secrets {
  HashSecret flows;  // chooses buckets of the flow tables
  ToeplitzHash::Key owner =
      {};               // chooses the worker that owns a flow (FlowOwners); a NIC's RSS key
  DnsHashSecret names;  // chooses buckets of the DNS name table
  SipKey cookies;       // DNS server cookies, where the configuration has no secret for them
};

// With a seed the secrets are a function of it, the same on every machine. Without one an error is
// possible: the kernel has no random numbers.
Result<Secrets> make_secrets(std::optional<uint64_t> seed);

}  // namespace vipgate
