#include "dataplane/fastpath/secret_random.h"

#include <gtest/gtest.h>

#include <cstring>

namespace vipgate::secret_random_test {
namespace {

TEST(SecretRandom, IsAesOfACounter) {
  SecretRandom zero({}, 0);
  const std::array<uint8_t, 16> first{0x66, 0xe9, 0x4b, 0xd4, 0xef, 0x8a, 0x2c, 0x3b,
                                      0x88, 0x4c, 0xfa, 0x59, 0xca, 0x34, 0x2b, 0x2e};
  auto words = zero.next();
  EXPECT_EQ(std::memcmp(words.data(), first.data(), 16), 0);
  SecretRandom counted({{0x0706050403020100, 0x0f0e0d0c0b0a0908, 0, 0}}, 3);
  counted.next();
  const std::array<uint8_t, 16> second{0xef, 0x31, 0x56, 0x94, 0x86, 0xc2, 0xba, 0x3f,
                                       0xa1, 0xda, 0xc3, 0x0a, 0x32, 0x77, 0xa5, 0xfd};
  words = counted.next();
  EXPECT_EQ(std::memcmp(words.data(), second.data(), 16), 0);
}

}  // namespace
}  // namespace vipgate::secret_random_test
