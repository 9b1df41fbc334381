#include "controlplane/naming/vip_allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "controlplane/naming/sha1.h"
#include "controlplane/naming/vip_choice.h"
#include "tests/support/address_text.h"

namespace vipgate::vip_allocator_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using test::ip;

std::string address_text(const VipAllocator& allocator, const std::string& name, int family = 4) {
  const auto address = allocator.address_of(name, family);
  return address ? to_string(*address) : "none";
}

NamedVipsConfig small_range() {
  NamedVipsConfig config;
  config.ipv4 = {ip("11.0.0.0"), ip("11.0.0.3")};
  return config;
}

struct Vector {
  std::string name;
  uint32_t hash = 0;
  std::string code_default, install, ipv6;
};

std::vector<Vector> vectors() {
  std::ifstream file(VIPGATE_SOURCE_DIR "/tests/data/vip-vectors.tsv");
  std::vector<Vector> result;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    Vector vector;
    std::string hash;
    std::getline(fields, vector.name, '\t');
    std::getline(fields, hash, '\t');
    std::getline(fields, vector.code_default, '\t');
    std::getline(fields, vector.install, '\t');
    std::getline(fields, vector.ipv6, '\t');
    vector.hash = static_cast<uint32_t>(std::stoul(hash));
    result.push_back(vector);
  }
  return result;
}

TEST(Sha1, AgreesWithTheVectorsOfRfc3174) {
  const auto hex = [](std::string_view text) {
    std::string digits;
    for (const uint8_t octet : sha1(text)) {
      digits += "0123456789abcdef"[octet >> 4];
      digits += "0123456789abcdef"[octet & 15];
    }
    return digits;
  };
  EXPECT_EQ(hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(hex(std::string(1000000, 'a')), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  EXPECT_EQ(hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST(VipAllocator, HashAndAddressesAgreeWithEveryVectorUnderBothModuli) {
  ASSERT_EQ(vectors().size(), 60u);
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    EXPECT_EQ(phash2(vector.name), vector.hash);
    NamedVipsConfig config;
    VipAllocator install(config);
    install.allocate({vector.name}, 4);
    install.allocate({vector.name}, 6);
    EXPECT_EQ(address_text(install, vector.name), vector.install);
    EXPECT_EQ(address_text(install, vector.name, 6), vector.ipv6);
    config.ipv4.last = ip("11.255.255.254");
    VipAllocator code_default(config);
    code_default.allocate({vector.name}, 4);
    EXPECT_EQ(address_text(code_default, vector.name), vector.code_default);
  }
}

TEST(VipAllocator, ANameHasNoAddressBeforeItIsAllocated) {
  VipAllocator allocator{NamedVipsConfig{}};
  EXPECT_EQ(address_text(allocator, "redis.marathon"), "none");
}

// One-letter names whose first choice is `wanted`.
std::vector<std::string> names_that_choose(const IpAddress& wanted) {
  std::vector<std::string> names;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    VipAllocator allocator(small_range());
    const std::string name(1, letter);
    allocator.allocate({name}, 4);
    if (allocator.address_of(name, 4) == wanted) names.push_back(name);
  }
  return names;
}

TEST(VipAllocator, OfNamesThatComeTogetherTheLowestChoosesFirst) {
  const auto names = names_that_choose(ip("11.0.0.2"));
  ASSERT_GE(names.size(), 3u);
  VipAllocator allocator(small_range());
  allocator.allocate({names[2], names[1], names[0]}, 4);
  EXPECT_EQ(address_text(allocator, names[0]), "11.0.0.2");
  EXPECT_EQ(address_text(allocator, names[1]), "11.0.0.3");
  EXPECT_EQ(address_text(allocator, names[2]), "11.0.0.0") << "after the last comes the first";
  EXPECT_EQ(allocator.collisions(), 2u);
  EXPECT_THAT((std::set{names[1], names[2]}), testing::Contains(allocator.a_displaced_name()));
  allocator.pin(names[1], ip("11.0.0.9"));
  EXPECT_EQ(allocator.collisions(), 1u) << "the configuration's address is no accident";
  EXPECT_EQ(allocator.a_displaced_name(), names[2]);
  allocator.pin(names[2], ip("11.0.0.8"));
  EXPECT_EQ(allocator.collisions(), 0u);
  EXPECT_EQ(allocator.a_displaced_name(), "");
}

TEST(VipAllocator, AFullRangeLeavesTheNameWithoutAddressUntilOneIsFree) {
  VipAllocator allocator(small_range());
  allocator.allocate({"a", "b", "c", "d", "e"}, 4);
  EXPECT_EQ(address_text(allocator, "e"), "none");
  allocator.release("a", 4);
  allocator.allocate({"e"}, 4);
  EXPECT_NE(address_text(allocator, "e"), "none");
  EXPECT_EQ(address_text(allocator, "a"), "none");
}

TEST(VipAllocator, AReleasedNameComesBackToItsAddressUnlessAnotherNeededIt) {
  const auto names = names_that_choose(ip("11.0.0.2"));
  VipAllocator allocator(small_range());
  allocator.allocate({names[0], names[1]}, 4);
  allocator.release(names[1], 4);
  allocator.allocate({names[1]}, 4);
  EXPECT_EQ(address_text(allocator, names[1]), "11.0.0.3");
  allocator.release(names[0], 4);
  allocator.allocate({names[2]}, 4);
  EXPECT_EQ(address_text(allocator, names[2]), "11.0.0.2");
  EXPECT_EQ(address_text(allocator, names[0]), "none");
}

TEST(VipAllocator, ANameThatTwoClustersUseIsReleasedByBothOnly) {
  const auto names = names_that_choose(ip("11.0.0.2"));
  VipAllocator allocator(small_range());
  allocator.allocate({names[0]}, 4);
  allocator.allocate({names[0]}, 4);
  allocator.release(names[0], 4);
  allocator.allocate({names[1]}, 4);
  EXPECT_EQ(address_text(allocator, names[0]), "11.0.0.2");
  EXPECT_EQ(address_text(allocator, names[1]), "11.0.0.3");
}

TEST(VipAllocator, ARestoredCollisionKeepsItsOutcome) {
  const auto names = names_that_choose(ip("11.0.0.2"));
  VipAllocator allocator(small_range());
  allocator.restore({{names[0], ip("11.0.0.3")}, {names[1], ip("11.0.0.2")}}, {});
  allocator.allocate({names[0], names[1]}, 4);
  EXPECT_EQ(address_text(allocator, names[0]), "11.0.0.3");
  EXPECT_EQ(address_text(allocator, names[1]), "11.0.0.2");
  EXPECT_EQ(allocator.take_dirty(), VipAllocator::Dirty{});
}

TEST(VipAllocator, RestoredAddressesOutsideTheRangeAreIgnoredAndLeaveTheStore) {
  VipAllocator allocator(small_range());
  allocator.restore({{"a", ip("12.0.0.1")}}, {});
  EXPECT_EQ(address_text(allocator, "a"), "none");
  EXPECT_THAT(allocator.take_dirty().allocations_gone,
              ElementsAre(VipAllocation{"a", ip("12.0.0.1")}));
}

TEST(VipAllocator, APinnedAddressIsGivenToNoOtherNameAndWhoHadItMovesAway) {
  VipAllocator allocator{NamedVipsConfig{}};
  allocator.allocate({"redis.marathon"}, 4);
  allocator.take_dirty();
  const uint64_t moves = allocator.moves();
  allocator.pin("web", ip("11.202.66.36"));
  EXPECT_EQ(address_text(allocator, "web"), "11.202.66.36");
  EXPECT_EQ(address_text(allocator, "redis.marathon"), "11.202.66.37");
  EXPECT_GT(allocator.moves(), moves);
  const auto dirty = allocator.take_dirty();
  EXPECT_THAT(dirty.allocations, ElementsAre(VipAllocation{"redis.marathon", ip("11.202.66.37")}));
  EXPECT_THAT(dirty.allocations_gone,
              ElementsAre(VipAllocation{"redis.marathon", ip("11.202.66.36")}));
}

TEST(VipAllocator, APinnedNameHasThatAddressForEverySourceAndItsOwnAfterwards) {
  VipAllocator allocator{NamedVipsConfig{}};
  allocator.allocate({"redis.marathon"}, 4);
  allocator.pin("redis.marathon", ip("10.0.0.1"));
  EXPECT_EQ(address_text(allocator, "redis.marathon"), "10.0.0.1");
  allocator.unpin("redis.marathon", 4);
  EXPECT_EQ(address_text(allocator, "redis.marathon"), "11.202.66.36");
}

TEST(VipAllocator, TwoPinnedNamesMayShareAnAddress) {
  VipAllocator allocator{NamedVipsConfig{}};
  allocator.pin("web", ip("11.0.0.1"));
  allocator.pin("api", ip("11.0.0.1"));
  allocator.unpin("web", 4);
  EXPECT_EQ(address_text(allocator, "api"), "11.0.0.1");
  ASSERT_NE(allocator.name_at(ip("11.0.0.1")), nullptr);
  EXPECT_EQ(*allocator.name_at(ip("11.0.0.1")), "api");
  allocator.unpin("api", 4);
  EXPECT_EQ(allocator.name_at(ip("11.0.0.1")), nullptr);
}

TEST(VipAllocator, TheFirstFrameworkKeepsAClaimUntilItReleasesIt) {
  VipAllocator allocator{NamedVipsConfig{}};
  const ServiceKey key{ip("11.1.1.1"), 80, Protocol::kTcp};
  EXPECT_TRUE(allocator.claim(key, "marathon"));
  EXPECT_TRUE(allocator.claim(key, "marathon"));
  EXPECT_FALSE(allocator.claim(key, "kafka"));
  EXPECT_EQ(*allocator.owner_of(key), "marathon");
  allocator.release_claim(key, "marathon");
  EXPECT_FALSE(allocator.claim(key, "kafka"));
  allocator.release_claim(key, "marathon");
  EXPECT_TRUE(allocator.claim(key, "kafka"));
  EXPECT_THAT(allocator.take_dirty().owners, ElementsAre(VipOwner{key, "kafka"}));
}

TEST(VipAllocator, ARestoredClaimHoldsUntilItsFrameworkIsKnownToBeGone) {
  VipAllocator allocator{NamedVipsConfig{}};
  const ServiceKey key{ip("11.1.1.1"), 80, Protocol::kTcp};
  allocator.restore({}, {{key, "kafka"}});
  EXPECT_FALSE(allocator.claim(key, "marathon"));
  const uint64_t moves = allocator.moves();
  allocator.forget_unused_claims();
  EXPECT_GT(allocator.moves(), moves);
  EXPECT_TRUE(allocator.claim(key, "marathon"));
  const auto dirty = allocator.take_dirty();
  EXPECT_THAT(dirty.owners, ElementsAre(VipOwner{key, "marathon"}));
  EXPECT_THAT(dirty.owners_gone, ElementsAre(VipOwner{key, "kafka"}));
}

TEST(VipAllocator, ANamesAddressCannotBeClaimedNorAClaimedOneBeANames) {
  VipAllocator allocator{NamedVipsConfig{}};
  allocator.allocate({"redis.marathon"}, 4);
  EXPECT_FALSE(allocator.claim({ip("11.202.66.36"), 80, Protocol::kTcp}, "marathon"));

  VipAllocator claimed_first{NamedVipsConfig{}};
  EXPECT_TRUE(claimed_first.claim({ip("11.202.66.36"), 80, Protocol::kTcp}, "marathon"));
  claimed_first.allocate({"redis.marathon"}, 4);
  EXPECT_EQ(address_text(claimed_first, "redis.marathon"), "11.202.66.37");
}

TEST(VipAllocator, DirtyNamesEachChangeOnce) {
  VipAllocator allocator{NamedVipsConfig{}};
  allocator.allocate({"foo.bar"}, 4);
  EXPECT_THAT(allocator.take_dirty().allocations,
              ElementsAre(VipAllocation{"foo.bar", ip("11.138.58.156")}));
  allocator.release("foo.bar", 4);
  allocator.allocate({"foo.bar"}, 4);
  EXPECT_EQ(allocator.take_dirty(), VipAllocator::Dirty{});
}

}  // namespace
}  // namespace vipgate::vip_allocator_test
