// How long the rows before a change count, and which rows move, as the reconciler says it.
#include "controlplane/model/moved_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "controlplane/config/config_reader.h"
#include "controlplane/loop/reconciler.h"
#include "tests/controlplane/loop/fake_dataplane.h"

namespace vipgate::moved_rows_test {
namespace {

ServiceKey key(uint16_t port) { return {*parse_ip_address("11.0.0.1"), port, Protocol::kTcp}; }

TEST(MovedRows, EachExpiresInItsTimeAndALaterChangePutsItOff) {
  MovedRows moved;
  EXPECT_EQ(moved.next_deadline_s(), kNever);
  moved.keep(key(1), 10);
  moved.keep(key(2), 20);
  moved.keep(key(1), 30);
  EXPECT_EQ(moved.next_deadline_s(), 20);
  EXPECT_TRUE(moved.expire(19).empty());
  EXPECT_EQ(moved.expire(20), std::set<ServiceKey>{key(2)});
  EXPECT_FALSE(moved.counts(key(2)));
  EXPECT_TRUE(moved.counts(key(1)));
  EXPECT_EQ(moved.expire(1000), std::set<ServiceKey>{key(1)});
  moved.keep(key(3), 2000);
  moved.forget(key(3));
  EXPECT_EQ(moved.next_deadline_s(), kNever);
}

struct MovedRowsOfServices : testing::Test {
  Config config_of(const std::string& options, const std::string& reals) {
    auto config = parse_config(R"(
ports:
  - { name: edge, device: "net_null0", addresses: [10.0.0.1/16], kernel: true }
snat_pools: [{ name: default, addresses: [10.0.9.1] }]
services:
  - { name: a, vip: )" + vip_ + R"(, timeouts: { drain_s: 100 }, )" +
                                   options + ", reals: [" + reals + "] }\n",
                               "test.yaml");
    EXPECT_TRUE(config.ok()) << config.error();
    return *config;
  }
  static std::string real(int number, int weight = 1) {
    return "{ address: 10.0.1." + std::to_string(number) +
           ", port: 80, weight: " + std::to_string(weight) + " }";
  }
  void start(const std::string& options, const std::string& reals) {
    options_ = options;
    const Config config = config_of(options, reals);
    reconciler = std::make_unique<Reconciler>(
        config, dataplane,
        [this](const NextHop& hop) {
          return hop.address == unresolved ? std::nullopt
                                           : std::optional(MacAddress{{2, 0, 0, 0, 0, 9}});
        },
        DnsHashSecret{}, RingRunner{});
    EXPECT_TRUE(reconciler->apply(config, 0).ok());
  }
  void change(const std::string& reals, int64_t now_s) {
    EXPECT_TRUE(reconciler->apply(config_of(options_, reals), now_s).ok());
  }
  const Snapshot& last() const { return *dataplane.published.back(); }
  bool has_previous() const { return last().service(0).has_previous_rows; }
  size_t moving() const {
    const auto& bits = last().service_info(0).moving_rows;
    size_t count = 0;
    for (size_t word = 0; bits != nullptr && word < bits->size(); ++word) {
      count += static_cast<size_t>(std::popcount((*bits)[word]));
    }
    return count;
  }

  std::string vip_ = "11.0.0.1, port: 80";
  std::string options_;
  IpAddress unresolved;
  FakeDataplane dataplane;
  std::unique_ptr<Reconciler> reconciler;
};

TEST_F(MovedRowsOfServices, CountForDrainSecondsAfterTheLastChange) {
  start("mode: nat", real(1) + ", " + real(2));
  EXPECT_FALSE(has_previous());
  EXPECT_EQ(reconciler->next_deadline_s(), kNever);
  change(real(1) + ", " + real(2) + ", " + real(3), 10);
  EXPECT_TRUE(has_previous());
  EXPECT_EQ(reconciler->next_deadline_s(), 110);
  change(real(1) + ", " + real(2) + ", " + real(3) + ", " + real(4), 50);
  EXPECT_EQ(reconciler->next_deadline_s(), 150);
  ASSERT_TRUE(reconciler->tick(149).ok());
  EXPECT_TRUE(has_previous());
  const size_t published = dataplane.published.size();
  ASSERT_TRUE(reconciler->tick(150).ok());
  EXPECT_EQ(dataplane.published.size(), published + 1);
  EXPECT_FALSE(has_previous());
  EXPECT_EQ(last().service_info(0).previous, nullptr);
  EXPECT_EQ(reconciler->next_deadline_s(), kNever);
  EXPECT_EQ(reconciler->build_stats().rings_built, 0u);
}

TEST_F(MovedRowsOfServices, CountAsLongForSeveralPortsAndForPrefixes) {
  for (const char* vip : {"11.0.0.1, port: 80-99", "11.0.0.0/24, port: any"}) {
    vip_ = vip;
    start("mode: l2dsr, track: when_needed", real(1) + ", " + real(2));
    EXPECT_EQ(moving(), 0u) << vip;
    change(real(1) + ", " + real(2) + ", " + real(3), 10);
    EXPECT_TRUE(has_previous()) << vip;
    EXPECT_NE(moving(), 0u) << vip;
    ASSERT_TRUE(reconciler->tick(110).ok());
    EXPECT_FALSE(has_previous()) << vip;
    EXPECT_EQ(moving(), 0u) << vip;
    EXPECT_EQ(reconciler->next_deadline_s(), kNever) << vip;
  }
}

TEST_F(MovedRowsOfServices, AChangeThatMovesNoRowsKeepsNone) {
  start("mode: nat", real(1) + ", " + real(2));
  options_ = "mode: nat, no_real: drop";
  change(real(1) + ", " + real(2), 10);
  EXPECT_FALSE(has_previous());
  EXPECT_EQ(reconciler->next_deadline_s(), kNever);
}

TEST_F(MovedRowsOfServices, FullnatKeepsNone) {
  start("mode: fullnat", real(1) + ", " + real(2));
  change(real(1) + ", " + real(2) + ", " + real(3), 10);
  EXPECT_FALSE(has_previous());
  EXPECT_EQ(reconciler->next_deadline_s(), kNever);
}

TEST_F(MovedRowsOfServices, ANextHopThatIsFoundIsAChangeToo) {
  unresolved = *parse_ip_address("10.0.1.2");
  start("mode: ipip", real(1) + ", " + real(2));
  unresolved = {};
  ASSERT_TRUE(reconciler->neighbors_changed(40).ok());
  EXPECT_TRUE(has_previous());
  EXPECT_EQ(reconciler->next_deadline_s(), 140);
}

TEST_F(MovedRowsOfServices, UdpKeepsNone) {
  start("mode: gre, protocol: udp", real(1) + ", " + real(2));
  change(real(1) + ", " + real(2) + ", " + real(3), 10);
  EXPECT_FALSE(has_previous());
  EXPECT_EQ(reconciler->next_deadline_s(), kNever);
}

TEST_F(MovedRowsOfServices, AServiceThatIsGoneIsForgotten) {
  start("mode: nat", real(1) + ", " + real(2));
  Config none = config_of(options_, "");
  none.services.clear();
  ASSERT_TRUE(reconciler->apply(none, 10).ok());
  EXPECT_TRUE(has_previous()) << "its old connections go on";
  ASSERT_TRUE(reconciler->tick(110).ok());
  EXPECT_EQ(last().service(0).index, kNone);
  EXPECT_EQ(reconciler->next_deadline_s(), kNever);
}

TEST_F(MovedRowsOfServices, WithTrackWhenNeededRowsMoveToRealsThatMayTakeFlowsBeforeLong) {
  const std::string nine = real(1) + ", " + real(2) + ", " + real(3) + ", " + real(4) + ", " +
                           real(5) + ", " + real(6) + ", " + real(7) + ", " + real(8) + ", " +
                           real(9);
  start("mode: ipip, track: when_needed", nine);
  EXPECT_TRUE(last().service(0).tracks_when_needed);
  EXPECT_EQ(moving(), 0u);
  const auto about_a_tenth = [&] {
    const double share = static_cast<double>(moving()) / last().service(0).row_count;
    return share > 0.08 && share < 0.14;
  };
  change(nine + ", " + real(10, 0), 10);
  EXPECT_TRUE(about_a_tenth()) << "one without a weight for now";
  change(nine, 20);
  EXPECT_EQ(moving(), 0u) << "one that leaves";
  unresolved = *parse_ip_address("10.0.1.10");
  change(nine + ", " + real(10), 200);
  EXPECT_TRUE(about_a_tenth()) << "one whose next hop is not known yet";
}

TEST_F(MovedRowsOfServices, WithTrackWhenNeededASlowStartMovesRowsToItsEnd) {
  start("mode: ipip, track: when_needed, slow_start_s: 1000", real(1) + ", " + real(2));
  change(real(1) + ", " + real(2) + ", " + real(3), 10);
  ASSERT_TRUE(
      reconciler->tick(111).ok());  // what the rows were before is forgotten, but for a step
  const ServiceRing& ring = *last().service_info(0).ring;
  const auto rows = std::count(ring.rows->begin(), ring.rows->end(), 2);
  EXPECT_LT(static_cast<size_t>(rows), ring.rows->size() / 8);
  EXPECT_GT(moving(), ring.rows->size() / 5) << "those that it is going to get";
  for (int64_t now_s = 210; now_s <= 1200; now_s += 100) ASSERT_TRUE(reconciler->tick(now_s).ok());
  EXPECT_FALSE(has_previous());
  EXPECT_EQ(moving(), 0u);
}

}  // namespace
}  // namespace vipgate::moved_rows_test
