// ToeplitzHash against DPDK's software RSS.
#include <gtest/gtest.h>
#include <rte_thash.h>

#include <random>

#include "common/hash.h"

namespace vipgate {
namespace {

TEST(ToeplitzAgainstDpdk, AddressThenPortHashesAsSoftwareRssDoes) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 10; ++round) {
    ToeplitzHash::Key key;
    for (auto& byte : key) byte = static_cast<uint8_t>(random());
    const ToeplitzHash toeplitz(key);
    for (int i = 0; i < 1000; ++i) {
      const auto port = static_cast<uint16_t>(random());
      uint32_t words[5];
      for (auto& word : words) word = static_cast<uint32_t>(random());
      words[4] = static_cast<uint32_t>(port) << 16;

      Ipv6Address v6;
      for (size_t byte = 0; byte < 16; ++byte) {
        v6.bytes[byte] = static_cast<uint8_t>(words[byte / 4] >> (24 - 8 * (byte % 4)));
      }
      ASSERT_EQ(toeplitz.v6(v6, Be16(port)), rte_softrss(words, 5, key.data()));

      uint32_t v4_words[2] = {words[0], words[4]};
      ASSERT_EQ(toeplitz.v4(Ipv4Address{Be32(words[0])}, Be16(port)),
                rte_softrss(v4_words, 2, key.data()));
    }
  }
}

}  // namespace
}  // namespace vipgate
