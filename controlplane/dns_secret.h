// The secret of the DNS table's hash, so that nobody outside can choose its buckets.
#pragma once

#include <cstdint>
#include <optional>

#include "common/dns_name_hash.h"
#include "common/result.h"

namespace vipgate {

// From the kernel's random numbers, or a pure function of `seed`.
Result<DnsHashSecret> make_dns_secret(std::optional<uint64_t> seed);

}  // namespace vipgate
