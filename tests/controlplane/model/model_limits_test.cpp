#include <gtest/gtest.h>

#include "controlplane/model/model.h"
#include "tests/support/address_text.h"

namespace vipgate::model_limits_test {
namespace {

using test::ip;

ServiceKey key(const std::string& vip) { return {ip(vip), 80, Protocol::kTcp}; }

DesiredService service(const std::string& vip, const std::vector<std::string>& reals,
                       Mode mode = Mode::kFullnat) {
  DesiredService wanted;
  wanted.config.name = "s-" + vip;
  wanted.config.vip = ip(vip);
  wanted.config.port = 80;
  wanted.config.mode = mode;
  wanted.config.timeouts.drain_s = 100;
  for (const std::string& real : reals) wanted.config.reals.push_back({ip(real), 8080, 1, {}});
  return wanted;
}

ModelRules rules(uint32_t services, uint32_t reals) {
  ModelRules rules;
  rules.limits.services = services;
  rules.limits.reals = reals;
  return rules;
}

TEST(ModelLimits, AServiceTooManyIsRefusedByNameAndCostsNoOther) {
  Model model;
  const DesiredChanges changes = {{key("11.0.0.1"), service("11.0.0.1", {"10.0.0.1"})},
                                  {key("11.0.0.2"), service("11.0.0.2", {"10.0.0.2"})},
                                  {key("11.0.0.3"), service("11.0.0.3", {"10.0.0.3"})}};
  const auto status = model.check(changes, rules(2, 100), 0);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().find("'s-11.0.0.3'"), std::string::npos) << status.error();
  EXPECT_TRUE(model.services().empty()) << "to ask changes nothing";

  model.apply(changes, rules(2, 100), 0);
  EXPECT_EQ(model.services().size(), 2u);
  ASSERT_TRUE(model.refused().contains(key("11.0.0.3")));
  EXPECT_NE(model.refused().at(key("11.0.0.3")).find("limits.services allows 2"),
            std::string::npos);
}

TEST(ModelLimits, ARealTooManyIsRefusedAndTheServiceGoesOnWithTheOthers) {
  Model model;
  model.apply({{key("11.0.0.1"), service("11.0.0.1", {"10.0.0.1", "10.0.0.2", "10.0.0.3"})}},
              rules(10, 2), 0);
  EXPECT_EQ(model.find(key("11.0.0.1"))->reals.size(), 2u);
  const std::string& why = model.refused().at(key("11.0.0.1"));
  EXPECT_NE(why.find("10.0.0.3:8080"), std::string::npos) << why;
  EXPECT_NE(why.find("limits.reals allows 2"), std::string::npos) << why;
}

TEST(ModelLimits, WhatGoesMakesRoomForWhatComesWithIt) {
  Model model;
  model.apply({{key("11.0.0.2"), service("11.0.0.2", {"10.0.0.1", "10.0.0.2"})}}, rules(1, 2), 0);
  const DesiredChanges changes = {{key("11.0.0.1"), service("11.0.0.1", {"10.0.0.3", "10.0.0.4"})},
                                  {key("11.0.0.2"), std::nullopt}};
  EXPECT_TRUE(model.check(changes, rules(1, 2), 1).ok());
  model.apply(changes, rules(1, 2), 1);
  EXPECT_TRUE(model.refused().empty());
  EXPECT_EQ(model.configured_services(), 1u);
  EXPECT_EQ(model.configured_reals(), 2u);
  EXPECT_EQ(model.services().size(), 2u) << "the old one is leaving";
}

TEST(ModelLimits, ARealOfTheOtherFamilyIsRefused) {
  Model model;
  model.apply({{key("11.0.0.1"), service("11.0.0.1", {"10.0.0.1", "fd00::1"})}}, rules(9, 9), 0);
  EXPECT_EQ(model.find(key("11.0.0.1"))->reals.size(), 1u);
  EXPECT_NE(model.refused().at(key("11.0.0.1")).find("[fd00::1]:8080"), std::string::npos);
}

TEST(ModelLimits, AServiceThatIsNoLongerAcceptedLeaves) {
  Model model;
  ModelRules open = rules(9, 9);
  const DesiredChanges changes = {{key("11.0.0.1"), service("11.0.0.1", {"10.0.0.1"})}};
  model.apply(changes, open, 0);
  open.accepts = [](const ServiceKey&, const ServiceConfig&) -> Status { return Error{"no"}; };
  model.apply(changes, open, 1);
  EXPECT_FALSE(model.find(key("11.0.0.1"))->is_configured());
  EXPECT_EQ(model.refused().at(key("11.0.0.1")), "no");
  open.accepts = {};
  model.apply(changes, open, 2);
  EXPECT_TRUE(model.refused().empty());
  EXPECT_TRUE(model.find(key("11.0.0.1"))->is_configured());
}

TEST(ModelLimits, WhenTheShortIdsRunOutServicesAndRealsGetWideOnes) {
  Model model;
  DesiredChanges changes;
  for (uint32_t i = 0; i < 65'530; ++i) {
    const IpAddress vip = Ipv4Address{Be32(0x0b000000 + i)};
    DesiredService wanted = service("11.0.0.1", {});
    wanted.config.vip = vip;
    changes.emplace(ServiceKey{vip, 80, Protocol::kTcp}, wanted);
  }
  model.apply(changes, rules(100'000, 100'000), 0);
  EXPECT_TRUE(model.refused().empty());
  // Five are left: one for the service, four for returns of its reals.
  const DesiredChanges more = {
      {key("12.0.0.1"),
       service("12.0.0.1", {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"},
               Mode::kNat)},
      {key("12.0.0.2"), service("12.0.0.2", {})}};
  EXPECT_TRUE(model.check(more, rules(100'000, 100'000), 1).ok());
  model.apply(more, rules(100'000, 100'000), 1);
  EXPECT_TRUE(model.refused().empty());
  const ModelService& last = *model.find(key("12.0.0.1"));
  EXPECT_FALSE(is_wide(last.flow_id));
  size_t wide = 0;
  for (const auto& [real_key, real] : last.reals) wide += is_wide(real.return_flow_id) ? 1 : 0;
  EXPECT_EQ(wide, 1u);
  EXPECT_TRUE(is_wide(model.find(key("12.0.0.2"))->flow_id));
  // What is given back rests, and is then given out again by its kind.
  model.drop(key("12.0.0.2"), 2);
  model.drop(key("11.0.0.1"), 2);
  const int64_t later = 3 + kQuarantineSeconds;
  model.apply({{key("12.0.0.3"), service("12.0.0.3", {})}}, rules(100'000, 100'000), later);
  EXPECT_FALSE(is_wide(model.find(key("12.0.0.3"))->flow_id));
}

TEST(ModelLimits, ServicesOfSeveralPortsAndRealsWithoutOneHaveWideIds) {
  Model model;
  DesiredService wanted = service("11.0.0.1", {"10.0.0.1", "10.0.0.2"}, Mode::kNat);
  wanted.config.extent = {8999, 0};
  wanted.config.reals[0].port = 0;
  const ServiceKey range = key_of(wanted.config);
  model.apply({{key("11.0.0.1"), service("11.0.0.1", {"10.0.0.2"}, Mode::kNat)}, {range, wanted}},
              rules(9, 9), 0);
  EXPECT_EQ(to_string(range), "11.0.0.1:80-8999/tcp");
  EXPECT_FALSE(is_wide(model.find(key("11.0.0.1"))->flow_id));
  const ModelService& made = *model.find(range);
  EXPECT_TRUE(is_wide(made.flow_id));
  EXPECT_TRUE(is_wide(made.reals.at({ip("10.0.0.1"), 0}).return_flow_id));
  EXPECT_EQ(made.reals.at({ip("10.0.0.2"), 8080}).return_flow_id,
            model.find(key("11.0.0.1"))->reals.at({ip("10.0.0.2"), 8080}).return_flow_id)
      << "reals that services share have one";
}

TEST(ModelLimits, ARealWithoutAPortIsRefusedWhereTheServiceHasOne) {
  Model model;
  DesiredService wanted = service("11.0.0.1", {"10.0.0.1"});
  wanted.config.reals[0].port = 0;
  model.apply({{key("11.0.0.1"), wanted}}, rules(9, 9), 0);
  EXPECT_NE(model.refused().at(key("11.0.0.1")).find("it has no port"), std::string::npos);
}

TEST(ModelLimits, ARealThatIsDownKeepsGettingNothingWhileItLeaves) {
  Model model;
  DesiredService wanted = service("11.0.0.1", {"10.0.0.1", "10.0.0.2"});
  wanted.down = {{ip("10.0.0.1"), 8080}};
  model.apply({{key("11.0.0.1"), wanted}}, rules(9, 9), 0);
  const auto state = [&] {
    return model.find(key("11.0.0.1"))->reals.at({ip("10.0.0.1"), 8080}).state;
  };
  EXPECT_EQ(state(), RealState::kDown);
  model.apply({{key("11.0.0.1"), service("11.0.0.1", {"10.0.0.2"})}}, rules(9, 9), 1);
  EXPECT_EQ(state(), RealState::kDown);
  EXPECT_EQ(model.next_deadline_s(), 101);
}

TEST(ModelLimits, OnlyWhatChangedIsDirty) {
  Model model;
  model.apply({{key("11.0.0.1"), service("11.0.0.1", {"10.0.0.1"})},
               {key("11.0.0.2"), service("11.0.0.2", {"10.0.0.1"})}},
              rules(9, 9), 0);
  EXPECT_EQ(model.take_dirty().size(), 2u);
  model.apply({{key("11.0.0.1"), service("11.0.0.1", {"10.0.0.1"})},
               {key("11.0.0.2"), service("11.0.0.2", {"10.0.0.2"})}},
              rules(9, 9), 1);
  EXPECT_EQ(model.take_dirty(), std::set<ServiceKey>{key("11.0.0.2")});
  model.advance(101);
  EXPECT_EQ(model.take_dirty(), std::set<ServiceKey>{key("11.0.0.2")}) << "a real has drained";
}

}  // namespace
}  // namespace vipgate::model_limits_test
