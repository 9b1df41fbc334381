// common/checksum.h against DPDK's own functions.
#include <gtest/gtest.h>
#include <rte_ip.h>

#include <random>
#include <vector>

#include "common/checksum.h"

namespace vipgate {
namespace {

std::vector<uint8_t> random_bytes(std::mt19937_64& random, size_t length) {
  std::vector<uint8_t> bytes(length);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

TEST(ChecksumAgainstDpdk, EqualForAllLengthsAndAlignments) {
  std::mt19937_64 random(1);
  const auto bytes = random_bytes(random, 2048 + 16);
  for (size_t offset = 0; offset < 16; ++offset) {
    for (size_t length = 0; length <= 2048; ++length) {
      ASSERT_EQ(ones_fold(ones_sum(bytes.data() + offset, length)),
                rte_raw_cksum(bytes.data() + offset, length))
          << "offset " << offset << ", length " << length;
    }
  }
}

TEST(ChecksumAgainstDpdk, EqualForBuffersFullOfOnesWhereCarriesAreMost) {
  const std::vector<uint8_t> bytes(65536, 0xff);
  for (const size_t length : {1u, 2u, 7u, 8u, 31u, 32u, 33u, 1500u, 65535u, 65536u}) {
    EXPECT_EQ(ones_fold(ones_sum(bytes.data(), length)), rte_raw_cksum(bytes.data(), length));
  }
}

TEST(ChecksumAgainstDpdk, Ipv4SegmentsAreEqual) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 20000; ++round) {
    const size_t length = 8 + random() % 300;
    auto packet = random_bytes(random, 20 + length);
    packet[0] = 0x45;
    packet[2] = static_cast<uint8_t>((20 + length) >> 8);
    packet[3] = static_cast<uint8_t>(20 + length);
    packet[9] = round % 2 == 0 ? 6 : 17;
    Ipv4Header ip;
    rte_ipv4_hdr dpdk_ip;
    std::memcpy(static_cast<void*>(&ip), packet.data(), sizeof ip);
    std::memcpy(&dpdk_ip, packet.data(), sizeof dpdk_ip);
    ASSERT_EQ(tcp_udp_checksum(ip, packet.data() + 20, length),
              rte_ipv4_udptcp_cksum(&dpdk_ip, packet.data() + 20));
  }
}

TEST(ChecksumAgainstDpdk, Ipv6SegmentsAreEqual) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 20000; ++round) {
    const size_t length = 8 + random() % 300;
    auto packet = random_bytes(random, 40 + length);
    packet[4] = static_cast<uint8_t>(length >> 8);
    packet[5] = static_cast<uint8_t>(length);
    packet[6] = round % 2 == 0 ? 6 : 17;
    Ipv6Header ip;
    rte_ipv6_hdr dpdk_ip;
    std::memcpy(static_cast<void*>(&ip), packet.data(), sizeof ip);
    std::memcpy(&dpdk_ip, packet.data(), sizeof dpdk_ip);
    ASSERT_EQ(tcp_udp_checksum(ip, ip.next_header, packet.data() + 40, length),
              rte_ipv6_udptcp_cksum(&dpdk_ip, packet.data() + 40));
  }
}

TEST(ChecksumAgainstDpdk, AUdpSumOfZeroIsSentAsAllOnes) {
  // Source, destination, protocol and length sum to what the payload's last word takes away.
  Ipv4Header ip{};
  ip.version_ihl = 0x45;
  ip.total_length = Be16(28);
  ip.protocol = 17;
  uint8_t udp[8] = {0xff, 0xff - 25, 0, 0, 0, 0, 0, 0};  // 25: protocol 17 and length 8
  rte_ipv4_hdr dpdk_ip;
  std::memcpy(&dpdk_ip, &ip, sizeof dpdk_ip);
  EXPECT_EQ(tcp_udp_checksum(ip, udp, 8), 0xffff);
  EXPECT_EQ(rte_ipv4_udptcp_cksum(&dpdk_ip, udp), 0xffff);
}

}  // namespace
}  // namespace vipgate
