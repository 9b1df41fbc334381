#include "controlplane/naming/vip_labels.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "controlplane/naming/label_cleaning.h"

namespace vipgate::vip_labels_test {
namespace {

// "redis 6379", "fd01:c::1 5000", or why not.
std::string parsed(std::string_view value) {
  const auto target = parse_vip_value(value);
  if (!target) return target.error();
  return (target->name.empty() ? to_string(target->address) : target->name) + " " +
         std::to_string(target->port);
}

TEST(VipValue, IsANameAndAPort) {
  EXPECT_EQ(parsed("/redis:6379"), "redis 6379");
  EXPECT_EQ(parsed("redis:6379"), "redis 6379");
  EXPECT_EQ(parsed("/api.hello-world:80"), "api.hello-world 80");
  EXPECT_EQ(parsed("/redis:+80"), "redis 80");
  EXPECT_EQ(parsed("/c1:80,/c2:80"), "c180c2 80") << "there are no lists";
}

TEST(VipValue, IsAnAddressOnlyWhenItIsOneStrictly) {
  EXPECT_EQ(parsed("1.2.3.4:5000"), "1.2.3.4 5000");
  EXPECT_EQ(parsed("1.2.3:5000"), "1.2.3 5000");
  EXPECT_TRUE(parse_vip_value("1.2.3:5000")->address.family() == 0) << "a name";
  EXPECT_TRUE(parse_vip_value("01.2.3.4:5000")->address.family() == 0) << "a name";
  EXPECT_EQ(parsed("fd01:c::1:5000"), "fd01:c::1 5000");
  EXPECT_EQ(parsed("[fd01:c::3]:5000"), "fd01:c::3 5000");
  EXPECT_TRUE(parse_vip_value("[1.2.3.4]:5000")->address.family() == 0) << "a name";
  EXPECT_EQ(parsed("fd01:c::3"), "fd01c 3") << "the last colon is the port's";
}

TEST(VipValue, APortIsFrom1To65535) {
  const std::string why = "what follows the last colon is no port from 1 to 65535";
  for (const char* port : {"", "0", "-1", " 80", "80 ", "0x50", "65536", "99999", "++1", "+",
                           "18446744073709551617"}) {
    EXPECT_EQ(parsed(std::string("/redis:") + port), why) << port;
  }
  EXPECT_EQ(parsed("/redis:65535"), "redis 65535");
  EXPECT_EQ(parsed("/redis"), "it has no port: write <name or address>:<port>");
}

TEST(VipValue, ANameThatNobodyCouldAskForIsRefused) {
  EXPECT_EQ(parsed("/:80"),
            "no letter or digit is left of its name, so there is nothing to ask "
            "DNS for");
  EXPECT_EQ(parsed("/x.$.y:80"), "its name becomes 'x..y', which is none: a label of it is empty");
}

TEST(VipKey, BeginsWithVipInOneCase) {
  EXPECT_TRUE(is_vip_key("VIP_0"));
  EXPECT_TRUE(is_vip_key("VIPX"));
  EXPECT_TRUE(is_vip_key("vip_2"));
  EXPECT_TRUE(is_vip_key("VIP_0c1b"));
  EXPECT_FALSE(is_vip_key("Vip_3"));
  EXPECT_FALSE(is_vip_key("XVIP_0"));
}

TEST(TaskVipLabel, NamesAPortOfTheResourcesAndAProtocol) {
  const auto label = parse_task_vip_label({"VIP_PORT1", "udp:///dns:53"});
  ASSERT_TRUE(label && label->ok());
  EXPECT_EQ((*label)->port_index, 1u);
  EXPECT_EQ((*label)->protocol, Protocol::kUdp);
  EXPECT_EQ((*label)->target.name, "dns");
  EXPECT_EQ((*label)->target.port, 53);
  const auto address = parse_task_vip_label({"vip_port0", "tcp://1.2.3.4:80"});
  ASSERT_TRUE(address && address->ok());
  EXPECT_EQ(to_string((*address)->target.address), "1.2.3.4");
}

TEST(TaskVipLabel, OtherKeysAreNoneAndBadValuesAreNamed) {
  for (const char* key : {"VIP_PORT", "vip_portX", "vip_port-1", "vip_port1x", "VIP_0", ""}) {
    EXPECT_FALSE(parse_task_vip_label({key, "tcp:///a:1"})) << key;
  }
  const auto sctp = parse_task_vip_label({"vip_port0", "sctp:///a:1"});
  ASSERT_TRUE(sctp);
  EXPECT_EQ(sctp->error(), "it begins with neither tcp:// nor udp://");
  EXPECT_FALSE(parse_task_vip_label({"vip_port0", "tcp:///a:0"})->ok());
}

TEST(VipProtocol, IsOneOfTwoInAnyCase) {
  EXPECT_EQ(parse_vip_protocol("TCP"), Protocol::kTcp);
  EXPECT_EQ(parse_vip_protocol("udp"), Protocol::kUdp);
  EXPECT_EQ(parse_vip_protocol("udp,tcp"), std::nullopt);
  EXPECT_EQ(parse_vip_protocol(""), std::nullopt);
}

RC_GTEST_PROP(VipValue, WhateverIsAcceptedHasAPortAndAnAddressOrANameThatDnsCanHold,
              (const std::string& what, uint32_t port)) {
  const auto target = parse_vip_value(what + ":" + std::to_string(port % 70000));
  if (!target) return;
  RC_ASSERT(target->port == port % 70000);
  RC_ASSERT(target->port != 0);
  const bool is_name = target->address.family() == 0;
  RC_ASSERT(is_name != target->name.empty());
  const bool fits = !is_name || dns_name_fault(target->name) == nullptr;
  RC_ASSERT(fits);
}

}  // namespace
}  // namespace vipgate::vip_labels_test
