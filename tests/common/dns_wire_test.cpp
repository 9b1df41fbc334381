#include "common/dns_wire.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "common/checksum.h"
#include "common/dns_name_hash.h"

namespace vipgate::dns_wire_test {
namespace {

using namespace std::string_literals;

size_t length_of(std::string_view octets) {
  return dns_name_length(reinterpret_cast<const uint8_t*>(octets.data()), octets.size());
}

TEST(DnsName, LengthIncludesTheRootAndStopsThere) {
  EXPECT_EQ(length_of("\0"s), 1u);
  EXPECT_EQ(length_of("\1a\0"s), 3u);
  EXPECT_EQ(length_of("\1a\0\1b\0"s), 3u);
}

TEST(DnsName, PointersReservedTypesAndUnfinishedNamesHaveNoLength) {
  EXPECT_EQ(length_of(""), 0u);
  EXPECT_EQ(length_of("\1a"), 0u);
  EXPECT_EQ(length_of("\3a\0"s), 0u);
  EXPECT_EQ(length_of("\xc0\x0c\0"s), 0u);
  EXPECT_EQ(length_of("\x40" + std::string(64, 'a') + "\0"s), 0u);
  EXPECT_EQ(length_of("\x80" + std::string(128, 'a') + "\0"s), 0u);
}

TEST(DnsName, HasAtMost255Octets) {
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "\1a";
  EXPECT_EQ(length_of(longest + "\0"s), 255u);
  EXPECT_EQ(length_of("\2ab" + longest.substr(2) + "\0"s), 0u);
}

TEST(DnsName, TextBecomesLabelsWithOrWithoutTheFinalDot) {
  EXPECT_EQ(*dns_name_from_text("Redis.mesos"), "\5Redis\5mesos\0"s);
  EXPECT_EQ(*dns_name_from_text("Redis.mesos."), "\5Redis\5mesos\0"s);
  EXPECT_EQ(*dns_name_from_text("."), "\0"s);
}

TEST(DnsName, EscapesStandForAnyOctet) {
  EXPECT_EQ(*dns_name_from_text("a\\.b.c"), "\3a.b\1c\0"s);
  EXPECT_EQ(*dns_name_from_text("a\\000\\255.c"), "\3a\0\xff\1c\0"s);
}

TEST(DnsName, BadTextIsRefused) {
  for (const std::string& text :
       {""s, ".."s, "a..b"s, ".a"s, "a\\"s, "a\\25"s, "a\\256"s, "a\\2x5"s, std::string(64, 'a')}) {
    EXPECT_FALSE(dns_name_from_text(text).ok()) << text;
  }
  std::string text;
  for (int i = 0; i < 127; ++i) text += "a.";
  EXPECT_TRUE(dns_name_from_text(text).ok());
  EXPECT_FALSE(dns_name_from_text(text + "a.").ok());
}

TEST(DnsName, TextOfAnyNameReadsBackAsThatName) {
  std::mt19937 random(1);
  for (int i = 0; i < 10000; ++i) {
    std::string wire;
    for (unsigned labels = static_cast<unsigned>(random() % 4); labels != 0; --labels) {
      const size_t length = random() % 63 + 1;
      wire += static_cast<char>(length);
      for (size_t octet = 0; octet < length; ++octet) wire += static_cast<char>(random());
    }
    wire += '\0';
    const auto back = dns_name_from_text(dns_name_to_text(wire));
    ASSERT_TRUE(back.ok());
    ASSERT_EQ(*back, wire);
  }
}

TEST(DnsName, TextEscapesWhatMasterFilesWouldReadOtherwise) {
  EXPECT_EQ(dns_name_to_text("\0"s), ".");
  EXPECT_EQ(dns_name_to_text("\5a.b\\;\1\x7f\0"s), "a\\.b\\\\\\;.\\127.");
}

TEST(DnsName, OnlyAsciiLettersFold) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  std::string expected = all;
  for (int c = 'A'; c <= 'Z'; ++c) expected[static_cast<size_t>(c)] = static_cast<char>(c + 32);
  EXPECT_EQ(dns_fold(all), expected);
}

TEST(DnsFoldName, AgreesWithTheScalarFoldAndSumForEveryLengthAndPadsWithZeros) {
  std::mt19937 random(2);
  for (size_t length = 1; length <= 255; ++length) {
    std::string wire(length, '\0');
    for (char& c : wire) c = static_cast<char>(random());
    const std::string padded = wire + "XYZ";  // may be read, must not count
    DnsFoldedName folded;
    folded.octets.fill(0xee);
    const uint64_t sum =
        dns_fold_name(reinterpret_cast<const uint8_t*>(padded.data()), length, folded);
    ASSERT_EQ(ones_fold(sum), dns_octet_sum(wire)) << "the sum of what was not folded";
    const size_t end = (length + 63) / 64 * 64;
    const std::string expected = dns_fold(wire) + std::string(end - length, '\0');
    ASSERT_EQ(std::string(folded.octets.begin(), folded.octets.begin() + static_cast<long>(end)),
              expected)
        << length;
  }
}

TEST(DnsNameHash, FoldsSumsAndHashesAShortNameAtOnceAsOneAfterTheOther) {
  std::mt19937 random(3);
  const DnsNameHash hash(DnsHashSecret{{7, 8, 9}});
  for (size_t length = 1; length <= 64; ++length) {
    std::string wire(64, '\0');  // what stands behind the name must not count
    for (char& c : wire) c = static_cast<char>(random());
    const auto* octets = reinterpret_cast<const uint8_t*>(wire.data());
    DnsFoldedName folded{}, expected{};
    uint64_t sum = 0;
    const uint64_t at_once = hash.fold(octets, length, folded, sum);
    const std::string padded = wire.substr(0, length) + "XYZ";
    EXPECT_EQ(sum, dns_fold_name(reinterpret_cast<const uint8_t*>(padded.data()), length, expected))
        << length;
    EXPECT_EQ(folded.octets, expected.octets) << length;
    EXPECT_EQ(at_once, hash(expected, length)) << length;
  }
}

TEST(DnsNameHash, DependsOnTheSecretAndOnEveryOctet) {
  DnsFoldedName name{};
  for (size_t i = 0; i < 255; ++i) name.octets[i] = static_cast<uint8_t>(i);
  const DnsNameHash hash(DnsHashSecret{});
  const uint64_t plain = hash(name, 255);
  DnsHashSecret other;
  other.bytes[7] = 1;
  EXPECT_NE(DnsNameHash(other)(name, 255), plain);
  for (size_t i = 0; i < 255; ++i) {
    name.octets[i] ^= 1;
    EXPECT_NE(hash(name, 255), plain) << i;
    name.octets[i] ^= 1;
  }
  EXPECT_EQ(hash(name, 255), plain);
}

TEST(DnsOctetSum, IsTheOnesComplementSumOfWordsInMemoryOrder) {
  EXPECT_EQ(dns_octet_sum(""), 0);
  EXPECT_EQ(dns_octet_sum("\x01\x02"), 0x0201);
  EXPECT_EQ(dns_octet_sum("\x01\x02\x03"), 0x0204);
  EXPECT_EQ(dns_octet_sum("\xff\xff\x02\x00"s), 0x0002);
}

TEST(DnsWriter, WritesARecordWhoseOwnerIsAPointer) {
  DnsWriter writer;
  writer.record(12, DnsType::kA, 5, "abcd");
  EXPECT_EQ(writer.octets(), "\xc0\x0c\0\1\0\1\0\0\0\5\0\4"s + "abcd");
}

}  // namespace
}  // namespace vipgate::dns_wire_test
