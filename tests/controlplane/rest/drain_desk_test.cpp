#include "controlplane/rest/drain_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/config/config_reader.h"
#include "tests/controlplane/loop/fake_dataplane.h"

namespace vipgate::drain_desk_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kDrainFile[] = R"(
ports:
  - { name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }
snat_pools:
  - { name: default, addresses: [10.0.9.1] }
store: none
timeouts: { drain_s: 20 }
services:
  - name: web
    vip: 10.20.0.7
    port: 80
    reals: [{ address: 10.0.1.9, port: 80 }, { address: 10.0.1.10, port: 80 }]
)";
constexpr DrainClock kStart{.unix_s = 1'000'000, .monotonic_s = 100};

class DrainDeskTest : public ::testing::Test {
 protected:
  DrainDeskTest() { apply(kDrainFile); }

  void apply(const std::string& file) {
    auto config = parse_config(file, "f");
    ASSERT_TRUE(config.ok()) << config.error();
    if (!reconciler_) {
      reconciler_.emplace(
          *config, dataplane_, [](const NextHop&) { return MacAddress{{2}}; }, DnsHashSecret{},
          RingRunner{});
    }
    ASSERT_TRUE(reconciler_->apply(*config, now_s_).ok());
  }
  void commit() { ASSERT_TRUE(reconciler_->commit(now_s_, 0).ok()); }
  const ModelReal& real(const char* address) const {
    return reconciler_->model().services().begin()->second.reals.at(
        {*parse_ip_address(address), 80});
  }

  FakeDataplane dataplane_;
  int64_t now_s_ = 100;  // monotonic
  std::optional<Reconciler> reconciler_;
  const DrainTarget target_{*parse_ip_address("10.0.1.9"), 80};
};

TEST_F(DrainDeskTest, GetsNoNewFlowsThenNothingThenAllAgain) {
  DrainDesk desk(*reconciler_);
  const StoreWrite row = desk.take_out(target_, desk.planned(target_, 60, kStart));
  EXPECT_EQ(row.key, "10.0.1.9:80");
  EXPECT_EQ(row.value, "1000000 1000060");
  commit();
  EXPECT_EQ(real("10.0.1.9").state, RealState::kDraining);
  EXPECT_TRUE(real("10.0.1.10").takes_flows());

  EXPECT_THAT(desk.advance(159), IsEmpty());
  EXPECT_FALSE(reconciler_->has_staged());
  EXPECT_THAT(desk.advance(160), IsEmpty());
  EXPECT_TRUE(reconciler_->has_staged());
  commit();
  EXPECT_EQ(real("10.0.1.9").state, RealState::kDown);
  EXPECT_THAT(desk.text(target_, desk.all().at(target_), desk.use_of(target_, {})),
              HasSubstr(R"("ends":1000060,"state":"over","flows":0)"));

  EXPECT_EQ(desk.give_back(target_).value, std::nullopt);
  commit();
  EXPECT_TRUE(real("10.0.1.9").takes_flows());
}

TEST_F(DrainDeskTest, AReloadOfTheConfigurationGivesNothingBack) {
  DrainDesk desk(*reconciler_);
  desk.take_out(target_, desk.planned(target_, 0, kStart));
  commit();
  apply(std::string(kDrainFile) + "node: { name: other }\n");
  EXPECT_EQ(real("10.0.1.9").state, RealState::kDraining);
}

TEST_F(DrainDeskTest, WhatWasStoredIsTakenOutFromTheStartAndWhatIsBrokenIsNamed) {
  DrainDesk desk(*reconciler_);
  EXPECT_THAT(desk.restore({{"10.0.1.9", "5 0"}, {"10.0.1.10:80", "x"}, {"redis", "5 0"}}, kStart),
              ElementsAre(HasSubstr("'10.0.1.10:80' = 'x'"), HasSubstr("'redis'")));
  EXPECT_THAT(desk.all(), SizeIs(1));
  commit();
  EXPECT_EQ(real("10.0.1.9").state, RealState::kDraining);
  EXPECT_TRUE(real("10.0.1.10").takes_flows());
}

TEST_F(DrainDeskTest, WhatEndedWhileThisWasAwayIsOverAtOnceWhateverTheWallClockDoesLater) {
  DrainDesk desk(*reconciler_);
  EXPECT_THAT(desk.restore({{"10.0.1.9:80", "5 999999"}, {"10.0.1.10:80", "5 1000030"}}, kStart),
              IsEmpty());
  desk.advance(100);
  EXPECT_TRUE(desk.all().at(target_).is_over);
  const DrainTarget other{*parse_ip_address("10.0.1.10"), 80};
  desk.advance(129);
  EXPECT_FALSE(desk.all().at(other).is_over);
  desk.advance(130);
  EXPECT_TRUE(desk.all().at(other).is_over);
}

// The next task at its port is another one.
TEST_F(DrainDeskTest, ARealThatNobodyWantsAnyLongerIsForgottenAndAnAddressIsNot) {
  DrainDesk desk(*reconciler_);
  const DrainTarget node{target_.address, 0};
  for (const DrainTarget& target : {target_, node}) {
    desk.take_out(target, desk.planned(target, 0, kStart));
  }
  commit();
  // The configuration has it no longer, and it is leaving.
  const std::string file = kDrainFile;
  const std::string entry = "{ address: 10.0.1.9, port: 80 }, ";
  apply(std::string(file).erase(file.find(entry), entry.size()));
  EXPECT_THAT(desk.advance(119), IsEmpty()) << "it may be wanted again in a moment";
  EXPECT_FALSE(reconciler_->has_staged());
  const auto forgotten = desk.advance(129);
  ASSERT_THAT(forgotten, SizeIs(1));
  EXPECT_EQ(forgotten[0].key, "10.0.1.9:80");
  EXPECT_EQ(forgotten[0].value, std::nullopt);

  EXPECT_TRUE(desk.all().contains(node)) << "an address stays taken out";
  desk.give_back(node);
  apply(kDrainFile);
  EXPECT_TRUE(real("10.0.1.9").takes_flows()) << "nothing is left of it";
}

TEST_F(DrainDeskTest, AfterAStartARealIsWaitedForLonger) {
  DrainDesk desk(*reconciler_);
  desk.restore({{"10.0.1.77:80", "5 0"}}, kStart);
  EXPECT_THAT(desk.advance(100 + 3599), IsEmpty());
  EXPECT_THAT(desk.advance(100 + 3610), SizeIs(1));
}

}  // namespace
}  // namespace vipgate::drain_desk_test
