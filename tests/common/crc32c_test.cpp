#include "common/crc32c.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <string_view>
#include <vector>

namespace vipgate::crc32c_test {
namespace {

using Bytes = std::vector<uint8_t>;

uint32_t crc_of(const Bytes& bytes) { return crc32c(bytes.data(), bytes.size()); }

// RFC 3720 B.4, where the bytes of the value stand in the order of SCTP's.
TEST(Crc32c, IsThatOfThePublishedVectors) {
  EXPECT_EQ(crc_of(Bytes(32, 0)), 0x8a9136aau);
  EXPECT_EQ(crc_of(Bytes(32, 0xff)), 0x62a8ab43u);
  Bytes rising(32);
  std::iota(rising.begin(), rising.end(), uint8_t{0});
  EXPECT_EQ(crc_of(rising), 0x46dd794eu);
  EXPECT_EQ(crc_of(Bytes(rising.rbegin(), rising.rend())), 0x113fdb5cu);
  Bytes read_command(48, 0);
  const auto set = [&](size_t at, uint8_t value) { read_command[at] = value; };
  set(0, 0x01), set(1, 0xc0), set(16, 0x14), set(22, 0x04), set(27, 0x14), set(31, 0x18);
  set(32, 0x28), set(40, 0x02);
  EXPECT_EQ(crc_of(read_command), 0xd9963a56u);
  constexpr std::string_view kDigits = "123456789";
  EXPECT_EQ(crc32c(kDigits.data(), kDigits.size()), 0xe3069283u);
}

TEST(Crc32c, OfAPacketDoesNotDependOnWhatStandsInItsField) {
  std::mt19937 random(1);
  for (size_t length = sizeof(SctpHeader); length < 100; ++length) {
    Bytes packet(length);
    for (uint8_t& byte : packet) byte = static_cast<uint8_t>(random());
    Bytes blank = packet;
    std::fill_n(blank.begin() + 8, 4, uint8_t{0});
    EXPECT_EQ(sctp_checksum(packet.data(), length), crc_of(blank)) << length;
  }
}

TEST(Crc32c, WhatPortsChangeOfItFollowsFromThemAndTheLengthAlone) {
  std::mt19937 random(2);
  for (size_t length = sizeof(SctpHeader); length < 3000; length += 1 + random() % 13) {
    Bytes packet(length);
    for (uint8_t& byte : packet) byte = static_cast<uint8_t>(random());
    const uint32_t before = sctp_checksum(packet.data(), length);
    const auto ports = static_cast<uint32_t>(random());
    for (size_t i = 0; i < 4; ++i) packet[i] ^= static_cast<uint8_t>(ports >> 8 * i);
    EXPECT_EQ(before ^ sctp_checksum_delta(ports, length), sctp_checksum(packet.data(), length))
        << length;
  }
}

TEST(Crc32c, PortsThatStayChangeNothing) {
  EXPECT_EQ(sctp_checksum_delta(0, 12), 0u);
  EXPECT_EQ(sctp_checksum_delta(0, 1500), 0u);
}

}  // namespace
}  // namespace vipgate::crc32c_test
