// common/crc32c.h against DPDK's own function, which leaves both inversions to its caller.
#include <gtest/gtest.h>
#include <rte_hash_crc.h>

#include <random>
#include <vector>

#include "common/crc32c.h"

namespace vipgate {
namespace {

TEST(Crc32cAgainstDpdk, EqualForAllLengths) {
  std::mt19937_64 random(1);
  std::vector<uint8_t> bytes(2048);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  for (uint32_t length = 0; length <= bytes.size(); ++length) {
    ASSERT_EQ(crc32c(bytes.data(), length), ~rte_hash_crc(bytes.data(), length, UINT32_MAX))
        << length;
  }
}

}  // namespace
}  // namespace vipgate
