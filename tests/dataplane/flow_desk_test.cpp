#include "dataplane/flow_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "tests/dataplane/store_under_test.h"

namespace vipgate::test::flow_desk_test {
namespace {

// One worker that only walks, on a thread of its own.
class Desk : public testing::Test {
 protected:
  // The worker's thread may have to wait for a CPU.
  explicit Desk(int patience_ms = 60'000) : desk_([this] { return served_; }, patience_ms) {}
  ~Desk() override {
    stop_ = true;
    if (worker_.joinable()) worker_.join();
  }
  void start() {
    desk_.add_worker(slot_);
    worker_ = std::thread([this] {
      while (!stop_) {
        FlowWalk* walk = is_stuck_ ? nullptr : slot_.walk();
        if (walk != nullptr && !walk->step(t_.store, other_.store, t_.now)) slot_.give_back();
        std::this_thread::yield();
      }
    });
  }

  StoreUnderTest<Ipv4Address> t_{1000};
  StoreUnderTest<Ipv6Address> other_{10};
  std::shared_ptr<const Snapshot> served_ = t_.snapshot;
  FlowDesk desk_;
  FlowWalkSlot slot_;
  std::atomic<bool> stop_{false}, is_stuck_{false};
  std::thread worker_;
};

TEST_F(Desk, NamesTheServiceTheRealAndBothSourcesOfAFlow) {
  const auto& service = t_.service(Mode::kFullnat, Protocol::kTcp);
  const auto* record = t_.create(service, 1, 1000, 1);
  start();
  const auto list = desk_.list({});
  ASSERT_TRUE(list.ok()) << list.error();
  ASSERT_EQ(list->flows.size(), 1u);
  const ListedFlow& flow = list->flows[0];
  EXPECT_EQ(flow.service, t_.snapshot->service_info(service.index).name);
  EXPECT_EQ(flow.protocol, Protocol::kTcp);
  EXPECT_EQ(flow.source_port, 1000);
  EXPECT_EQ(flow.real, t_.snapshot->real(service.reals[1])->address);
  EXPECT_EQ(flow.snat, IpAddress(record->source));
  EXPECT_EQ(flow.snat_port, record->source_port.host());
  EXPECT_EQ(flow.state, FlowState::kEmbryonic);
  EXPECT_EQ(flow.idle_ms, 0u);
}

TEST_F(Desk, ChoosesByServicePortsProtocolAndReal) {
  const auto& tcp = t_.service(Mode::kFullnat, Protocol::kTcp);
  const auto& udp = t_.service(Mode::kNat, Protocol::kUdp);
  for (uint16_t i = 1; i <= 9; ++i) {
    t_.create(tcp, i, i, i % 3);
    t_.create(udp, i, i, i % 3);
  }
  start();
  const auto matched = [&](const FlowQuestion& question) {
    const auto list = desk_.list(question);
    return list.ok() ? static_cast<int64_t>(list->matched) : -1;
  };
  const ServiceInfo& info = t_.snapshot->service_info(tcp.index);
  const RealEntry& real = *t_.snapshot->real(udp.reals[0]);
  EXPECT_EQ(matched({}), 18);
  EXPECT_EQ(matched({.service = info.name}), 9);
  EXPECT_EQ(matched({.service = "none"}), 0);
  EXPECT_EQ(matched({.protocol = Protocol::kUdp}), 9);
  EXPECT_EQ(matched({.destination = IpPrefix{info.vip, 32}, .destination_port = tcp.port.host()}),
            9);
  EXPECT_EQ(matched({.destination_port = 1}), 0);
  EXPECT_EQ(matched({.real = real.address, .real_port = real.port.host()}), 3);
  EXPECT_EQ(matched({.source_port = 4}), 2);
  EXPECT_EQ(matched({.state = FlowState::kOneWay}), 9);
  EXPECT_EQ(matched({.protocol = Protocol::kTcp, .state = FlowState::kOneWay}), 0);
  EXPECT_EQ(matched({.state = FlowState::kEstablished}), 0);
}

struct HastyDesk : Desk {
  HastyDesk() : Desk(100) {}
};

TEST_F(HastyDesk, WorkerThatDoesNotComeRoundIsSaidAndAskedAgainWhenItDoes) {
  t_.create(t_.service(Mode::kNat, Protocol::kTcp), 1, 1);
  is_stuck_ = true;
  start();
  EXPECT_THAT(desk_.list({}).error(), testing::HasSubstr("within 100 ms"));
  EXPECT_THAT(desk_.list({}).error(), testing::HasSubstr("since it was asked last"));
  is_stuck_ = false;
  auto list = desk_.list({});
  while (!list.ok()) {
    std::this_thread::yield();
    list = desk_.list({});
  }
  EXPECT_EQ(list->matched, 1u);
}

TEST_F(Desk, BeforeTheFirstSnapshotNobodyIsAsked) {
  served_ = nullptr;
  start();
  EXPECT_EQ(desk_.list({}).error(), "nothing is served yet");
}

}  // namespace
}  // namespace vipgate::test::flow_desk_test
