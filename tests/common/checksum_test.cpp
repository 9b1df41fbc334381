#include "common/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace vipgate::checksum_test {
namespace {

// RFC 1071 3: the example's words sum to 0xddf2.
TEST(Checksum, Rfc1071ExampleSumsToItsResult) {
  const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(Be16::from_raw(ones_fold(ones_sum(bytes, sizeof bytes))).host(), 0xddf2);
}

// RFC 1624 4: checksum 0xdd2f, a word that goes from 0x5555 to 0x3285 gives 0x0000, not 0xffff.
TEST(Checksum, Rfc1624ExampleGivesPlusZeroAsFullComputationDoes) {
  const uint16_t before = Be16(0x5555).raw();
  const uint16_t after = Be16(0x3285).raw();
  EXPECT_EQ(checksum_apply(Be16(0xdd2f).raw(), checksum_delta(before, after)), 0x0000);
}

TEST(Checksum, IncrementalEqualsFullOnRandomRewrites) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 100000; ++round) {
    // Few distinct byte values, so that both zeros and long carries come up often.
    uint8_t packet[40];
    for (auto& byte : packet) {
      const uint64_t draw = random();
      byte = static_cast<uint8_t>(draw % 3 == 0 ? 0 : draw % 3 == 1 ? 0xff : draw >> 32);
    }
    packet[0] = 0x45;
    packet[10] = packet[11] = 0;
    const uint16_t before = internet_checksum(packet, sizeof packet);

    uint8_t changed[40];
    std::memcpy(changed, packet, sizeof packet);
    const size_t at = 12 + random() % 8 * 2;
    const size_t length = 2 + random() % 6 * 2;
    for (size_t i = at; i < at + length; ++i) {
      changed[i] = static_cast<uint8_t>(random() % 2 == 0 ? random() : random() % 2 * 255);
    }
    const uint16_t delta = checksum_delta(packet + at, changed + at, length);
    const uint16_t after = internet_checksum(changed, sizeof changed);
    ASSERT_EQ(checksum_apply(before, delta), after) << "round " << round;
    ASSERT_EQ(checksum_apply(after, ones_negate(delta)), before) << "round " << round;
  }
}

TEST(Checksum, DeltaOfOneWordEqualsThatOfTheSameBytes) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 10000; ++round) {
    const auto before = static_cast<uint16_t>(random());
    const auto after = static_cast<uint16_t>(random());
    ASSERT_EQ(checksum_delta(before, after), checksum_delta(&before, &after, 2));
  }
}

TEST(Checksum, DeltasOfSeveralChangesJoin) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 10000; ++round) {
    uint16_t words[4];
    for (auto& word : words) word = static_cast<uint16_t>(random());
    uint16_t changed[4];
    for (auto& word : changed) word = static_cast<uint16_t>(random());
    const uint16_t joined =
        ones_add(checksum_delta(words, changed, 4), checksum_delta(words + 2, changed + 2, 4));
    ASSERT_EQ(checksum_apply(internet_checksum(words, 8), joined), internet_checksum(changed, 8));
  }
}

TEST(Checksum, SumOverPartsEqualsSumOverTheWhole) {
  std::mt19937_64 random(4);
  std::vector<uint8_t> bytes(301);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  const uint16_t whole = ones_fold(ones_sum(bytes.data(), bytes.size()));
  for (size_t cut = 0; cut <= bytes.size(); cut += 2) {
    const uint64_t first = ones_sum(bytes.data(), cut);
    ASSERT_EQ(ones_fold(ones_sum(bytes.data() + cut, bytes.size() - cut, first)), whole);
  }
}

TEST(Checksum, DataWithItsRightChecksumVerifiesToZero) {
  uint8_t header[20] = {0x45, 0, 0,   0x73, 0, 0, 0x40, 0,   0x40, 0x11,
                        0,    0, 192, 168,  0, 1, 192,  168, 0,    199};
  const uint16_t checksum = internet_checksum(header, sizeof header);
  EXPECT_EQ(Be16::from_raw(checksum).host(), 0xb861);
  std::memcpy(header + 10, &checksum, 2);
  EXPECT_EQ(internet_checksum(header, sizeof header), 0);
}

TEST(Checksum, UdpChecksumSentAsAllOnesStaysRightThroughATranslation) {
  // 0xffff in the field stands for a computed 0x0000; both are the same number to equation 3.
  const uint16_t delta = checksum_delta(Be16(53).raw(), Be16(5353).raw());
  EXPECT_EQ(checksum_apply(0xffff, delta), checksum_apply(0x0000, delta));
  // A translation that changes nothing must not turn it into "no checksum".
  EXPECT_EQ(udp_checksum_field(checksum_apply(0xffff, checksum_delta(uint16_t{5}, uint16_t{5}))),
            0xffff);
}

}  // namespace
}  // namespace vipgate::checksum_test
