#include "common/siphash.h"

#include <gtest/gtest.h>

#include <vector>

namespace vipgate::siphash_test {
namespace {

// The paper's key and messages: octets 00, 01, 02, ….
SipKey paper_key() {
  SipKey key;
  for (size_t i = 0; i < key.bytes.size(); ++i) key.bytes[i] = static_cast<uint8_t>(i);
  return key;
}

uint64_t hash_of_first(size_t length) {
  std::vector<uint8_t> octets;
  for (size_t i = 0; i < length; ++i) octets.push_back(static_cast<uint8_t>(i));
  return siphash24(paper_key(), octets.data(), length);
}

TEST(SipHash, GivesWhatThePaperAndItsReferenceImplementationGive) {
  EXPECT_EQ(hash_of_first(0), 0x726fdb47dd0e0e31);
  EXPECT_EQ(hash_of_first(1), 0x74f839c593dc67fd);
  EXPECT_EQ(hash_of_first(7), 0xab0200f58b01d137);
  EXPECT_EQ(hash_of_first(8), 0x93f5f5799a932462);
  EXPECT_EQ(hash_of_first(15), 0xa129ca6149be45e5) << "the example of the paper's appendix";
}

TEST(SipHash, DependsOnEachOctetOfKeyAndMessageAndOnTheLength) {
  const std::vector<uint8_t> octets(32, 0);
  const uint64_t hash = siphash24({}, octets.data(), 20);
  for (size_t i = 0; i < 16; ++i) {
    SipKey key;
    key.bytes[i] = 1;
    EXPECT_NE(siphash24(key, octets.data(), 20), hash) << i;
  }
  for (size_t i = 0; i < 20; ++i) {
    auto changed = octets;
    changed[i] = 1;
    EXPECT_NE(siphash24({}, changed.data(), 20), hash) << i;
  }
  EXPECT_NE(siphash24({}, octets.data(), 21), hash);
}

}  // namespace
}  // namespace vipgate::siphash_test
