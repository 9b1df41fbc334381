// Packets followed through workers with fake I/O, by the thread that writes the files.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "dataplane/watch_session.h"
#include "tests/dataplane/worker_fixture.h"
#include "tests/support/fragments.h"

namespace vipgate::test::watch_test {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class WatchTest : public WorkerTest {
 protected:
  void TearDown() override {
    end();
    WorkerTest::TearDown();
    close(watch_event_);
    for (const auto& path : {capture_, trace_}) std::filesystem::remove(path);
  }

  // Takes what a watch tells in place of files.
  class Output : public WatchOutput {
   public:
    void begin() override { has_begun_ = true; }
    bool offer(const std::string& piece) override {
      if (taken_ == room_) return false;
      ++taken_;
      write(piece);
      return true;
    }
    void write(const std::string& piece) override { all_ += piece; }
    void end(const WatchStatus& status, const std::string& error) override {
      status_ = status;
      error_ = error;
      has_ended_ = true;
    }

    size_t room_ = SIZE_MAX;  // for so many pieces that are offered
    std::atomic<bool> has_begun_{false}, has_ended_{false};
    // Once it has ended.
    std::string all_, error_;
    WatchStatus status_;

   private:
    size_t taken_ = 0;
  };

  void watch(WatchOptions options) {
    if (options.output == nullptr) {
      options.capture = capture_;
      options.trace = trace_;
    }
    if (slots_.empty()) {
      for (const auto& worker : workers_) {
        worker->watch_slot().set_waker(&watch_waker_);
        slots_.push_back(&worker->watch_slot());
      }
    }
    auto session = WatchSession::start({.watch = options,
                                        .id = ++id_,
                                        .port_names = {"edge", "cluster"},
                                        .cpus = {},
                                        .ticks_per_second = 2'000'000'000,
                                        .slots = slots_,
                                        .waker = &watch_waker_,
                                        .event_fd = watch_event_,
                                        .current = [this] { return cell_->current(); }});
    ASSERT_TRUE(session.ok()) << session.error();
    session_ = std::move(*session);
    // Packets are chosen from when all workers know of the watch, and its thread knows of that.
    turn_until([&] { return session_->status().is_watching; });
  }
  void turn_all() {
    for (uint32_t i = 0; i < workers_.size(); ++i) turn(i);
  }
  template <class Condition>
  void turn_until(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      turn_all();
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::yield();
    }
  }
  // To its own end.
  void finish() {
    turn_until([&] { return !session_->status().is_running; });
  }
  // Whatever it waits for.
  void end() {
    if (session_ == nullptr) return;
    auto ended = std::async(std::launch::async, [this] { session_.reset(); });
    turn_until(
        [&] { return ended.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
  }

  static std::string read_all(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::vector<std::string> lines() const {
    std::istringstream text(read_all(trace_));
    std::vector<std::string> result;
    for (std::string line; std::getline(text, line);) result.push_back(line);
    return result;
  }
  // What a reader that is not ours makes of the capture.
  std::vector<std::string> tcpdump() const {
    const std::string command = "tcpdump -n -t -r " + capture_ + " 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    std::vector<std::string> result;
    char line[4096];
    while (fgets(line, sizeof line, pipe) != nullptr) result.emplace_back(line);
    EXPECT_EQ(pclose(pipe), 0) << ::testing::PrintToString(result);
    if (!result.empty()) result.erase(result.begin());  // "reading from file …"
    return result;
  }
  static WatchOptions to_service(uint32_t packets) {
    WatchOptions options;
    options.packets = packets;
    options.filter.destination = IpPrefix{ip(kService.vip()), 32};
    options.filter.destination_port = kService.port();
    return options;
  }

  const std::string base_ = ::testing::TempDir() + "watch_test." + std::to_string(getpid());
  const std::string capture_ = base_ + ".pcapng", trace_ = base_ + ".jsonl";
  int watch_event_ = eventfd(0, EFD_NONBLOCK);
  KernelWaker watch_waker_{watch_event_};
  std::vector<WatchSlot*> slots_;
  uint32_t id_ = 0;
  std::unique_ptr<WatchSession> session_;
};

TEST_F(WatchTest, AForwardedPacketIsSeenComingAndGoingWithWhatBecameOfIt) {
  start(1, 1);
  publish();
  watch(to_service(1));
  arrive(to_vip(kServiceCases[1], 7), 10);  // another service
  arrive(to_vip(kService, 1234), 10);
  arrive(to_vip(kService, 1235), 10);  // beyond the one that is wanted
  finish();
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_THAT(
      lines()[0],
      AllOf(HasSubstr(R"({"packet": 0, "verdict": "forward", "service": "FullnatV4Tcp", )"
                      R"("real": "10.1.0.)"),
            HasSubstr(R"("worker": 0, "out": [{"index": 1, "port": "cluster"}])"),
            HasSubstr(R"({"after_ns": 0, "stage": "received", "worker": 0, "port": "edge", )"
                      R"("frame": "tcp 192.0.2.2:1234 > 11.0.0.1:80")"),
            HasSubstr(R"("stage": "counted", "worker": 0, "events": [)"),
            HasSubstr(R"("flows_created")"),
            HasSubstr(R"("stage": "sent", "worker": 0, "port": "cluster", "frame": "tcp )"
                      R"(10.8.0.1:)")));
  const auto packets = tcpdump();
  ASSERT_EQ(packets.size(), 2u) << ::testing::PrintToString(packets);
  EXPECT_THAT(packets[0], HasSubstr("192.0.2.2.1234 > 11.0.0.1.80: Flags [S]"));
  EXPECT_THAT(packets[1], HasSubstr("10.8.0.1."));
  const std::string file = read_all(capture_);
  EXPECT_THAT(file, HasSubstr("packet 0, worker 0, forward, service FullnatV4Tcp, real 10.1.0."));
  EXPECT_THAT(file, HasSubstr("cluster"));
  EXPECT_EQ((FakeIo::sent[{11, 0}].size()), 3u) << "watching changes nothing";
  const WatchStatus status = session_->status();
  EXPECT_EQ(status.packets, 1u);
  EXPECT_EQ(status.lost, 0u);
}

TEST_F(WatchTest, ADroppedPacketIsSeenWithTheReason) {
  start(1, 1);
  publish();
  WatchOptions options;
  options.packets = 1;
  options.filter.destination_port = 98;
  watch(options);
  arrive(PacketBuilder().eth(kClientMac, kGatewayMac0).ipv4("192.0.2.1", "11.0.0.1").tcp(5, 98),
         10);
  finish();
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_THAT(lines()[0], AllOf(HasSubstr(R"("verdict": "drop", "reason": "no_real")"),
                                HasSubstr(R"("stage": "dropped")"), Not(HasSubstr(R"("out")"))));
  EXPECT_THAT(read_all(capture_), HasSubstr("packet 0, worker 0, drop: no_real"));
  EXPECT_EQ(tcpdump().size(), 2u);
}

TEST_F(WatchTest, AFullTransmitQueueIsTheLastThatIsSeenOfAPacket) {
  start(1, 1);
  publish();
  watch(to_service(1));
  FakeIo::room = 0;
  arrive(to_vip(kService, 1234), 10);
  finish();
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_THAT(lines()[0], HasSubstr(R"("verdict": "drop", "reason": "tx_full")"));
}

TEST_F(WatchTest, PacketsAreFollowedToTheOwnersOfTheirFlows) {
  start(2, 1);
  publish();
  constexpr uint16_t kPackets = 40;
  watch(to_service(kPackets));
  for (uint16_t i = 0; i < kPackets; ++i) {
    arrive(to_vip(kService, static_cast<uint16_t>(1000 + i)), 10);
  }
  finish();
  size_t handed = 0;
  for (const std::string& line : lines()) {
    EXPECT_THAT(line, HasSubstr(R"("verdict": "forward")"));
    if (line.find(R"("stage": "handed_over", "worker": 0)") == std::string::npos) continue;
    ++handed;
    EXPECT_THAT(line, HasSubstr(R"("stage": "sent", "worker": 1)"));
  }
  EXPECT_EQ(lines().size(), kPackets);
  EXPECT_EQ(handed, count(Event::kHandedOver));
  EXPECT_GT(handed, 0u);
  EXPECT_EQ(tcpdump().size(), size_t{2} * kPackets);
}

TEST_F(WatchTest, FlowsGoOnThroughTheBeginningAndTheEndOfAWatch) {
  start(1, 1);
  publish();
  const auto source_port = [&] {
    const rte_mbuf* packet = FakeIo::sent[{11, 0}].back();
    return tuple_of({rte_pktmbuf_mtod(packet, const uint8_t*), packet->data_len}).source_port;
  };
  arrive(to_vip(kService, 1234), 10);
  turn();
  const uint16_t before = source_port();
  watch(to_service(1));
  arrive(to_vip(kService, 1234), 10);
  finish();
  EXPECT_EQ(source_port(), before);
  arrive(to_vip(kService, 1235), 10);
  arrive(to_vip(kService, 1234), 10);
  turn();
  EXPECT_EQ(source_port(), before);
  EXPECT_EQ(count(Event::kFlowsCreated), 2u);
  EXPECT_EQ((FakeIo::sent[{11, 0}].size()), 4u);
}

TEST_F(WatchTest, AFragmentThatWaitsWhenAWatchBeginsGoesItsWayAndOneThatBeginsToIsFollowed) {
  start(1, 1);
  publish();
  const Bytes question = to_vip(kServiceCases[1], 1234).payload(Bytes(100, 'x')).build();
  const auto fragments = fragmented(question, 48, 5);
  ASSERT_EQ(fragments.size(), 3u);
  const auto arrive_frame = [&](const Bytes& frame) {
    packets_.push_back(std::make_unique<FakeMbuf>(frame));
    FakeIo::arriving[{10, 0}].push_back(packets_.back()->get());
  };
  arrive_frame(fragments[2]);
  turn();
  EXPECT_EQ(count(Event::kFragmentsHeld), 1u);
  WatchOptions options;
  options.packets = 2;
  options.filter.destination = IpPrefix{ip(kServiceCases[1].vip()), 32};
  watch(options);
  arrive_frame(fragments[1]);
  turn_until([&] { return count(Event::kFragmentsHeld) == 2; });
  arrive_frame(fragments[0]);
  finish();
  EXPECT_EQ((FakeIo::sent[{11, 0}].size()), 3u);
  ASSERT_EQ(lines().size(), 2u);
  // In the order of their ends: the first fragment lets the other one go.
  EXPECT_THAT(lines()[0], AllOf(HasSubstr(R"({"packet": 0, "verdict": "forward")"),
                                HasSubstr(R"("stage": "held")")));
  EXPECT_THAT(lines()[1], AllOf(HasSubstr(R"({"packet": 1, "verdict": "forward")"),
                                Not(HasSubstr(R"("stage": "held")"))));
}

TEST_F(WatchTest, WhatMatchesOnlyAsItLeavesIsSeenLeaving) {
  start(1, 1);
  publish();
  arrive(to_vip(kService, 1234), 10);
  turn();
  WatchOptions options;
  options.packets = 1;
  options.filter.source = IpPrefix{ip(kService.client()), 32};  // so that its answers match
  options.filter.port = 0;
  watch(options);
  const rte_mbuf* sent = FakeIo::sent[{11, 0}].back();
  Outcome forwarded;
  forwarded.frame.assign(rte_pktmbuf_mtod(sent, const uint8_t*),
                         rte_pktmbuf_mtod(sent, const uint8_t*) + sent->data_len);
  arrive(answer_to(forwarded, Protocol::kTcp), 11);
  finish();
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_THAT(lines()[0], AllOf(HasSubstr(R"("verdict": "forward", "service": "FullnatV4Tcp")"),
                                HasSubstr(R"("frame": "tcp 11.0.0.1:80 > 192.0.2.2:1234")"),
                                Not(HasSubstr(R"("stage": "received")"))));
}

TEST_F(WatchTest, WhatTheKernelSendsIsSeen) {
  start(1, 1);
  publish();
  watch(to_service(1));
  FakeMbuf frame(to_vip(kService, 1).build());
  ASSERT_EQ(rte_ring_enqueue(from_kernel_.get(), frame.get()), 0);
  finish();
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_THAT(lines()[0],
              HasSubstr(R"("verdict": "from_kernel", "worker": 0, "out": [{"index": 0, )"
                        R"("port": "edge"}])"));
}

TEST_F(WatchTest, AWatchThatIsEndedEarlyLeavesWholeFilesAndTheNextOneCountsAnew) {
  start(2, 1);
  publish();
  watch(to_service(100));
  arrive(to_vip(kService, 1234), 10);
  turn_until([&] { return session_->status().packets == 1; });
  end();
  EXPECT_EQ(lines().size(), 1u);
  EXPECT_EQ(tcpdump().size(), 2u);
  for (const WatchSlot* slot : slots_) EXPECT_EQ(slot->used(), nullptr);
  watch(to_service(1));
  arrive(to_vip(kService, 1235), 10);
  finish();
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_THAT(lines()[0], HasSubstr(R"({"packet": 0, )"));
}

TEST_F(WatchTest, AnOutputGetsWhatAFileWouldAndHasNoneOfIt) {
  start(1, 1);
  publish();
  WatchOptions options = to_service(1);
  const auto output = std::make_shared<Output>();
  options.output = output;
  options.stream = WatchOptions::Stream::kTrace;
  watch(options);
  turn_until([&] { return output->has_begun_.load(); });
  arrive(to_vip(kService, 1234), 10);
  turn_until([&] { return output->has_ended_.load(); });
  EXPECT_THAT(output->all_, AllOf(HasSubstr(R"({"packet": 0, "verdict": "forward")"),
                                  HasSubstr(R"("stage": "counted")"), EndsWith("]}\n")));
  EXPECT_EQ(output->status_.packets, 1u);
  EXPECT_EQ(output->error_, "");
  EXPECT_FALSE(std::filesystem::exists(trace_));
}

TEST_F(WatchTest, WhatAnOutputHasNoRoomForIsCountedAndTheCaptureSaysSo) {
  start(1, 1);
  publish();
  WatchOptions options = to_service(3);
  const auto output = std::make_shared<Output>();
  output->room_ = 2;
  options.output = output;
  options.stream = WatchOptions::Stream::kCapture;
  watch(options);
  for (uint16_t i = 0; i < 3; ++i) arrive(to_vip(kService, static_cast<uint16_t>(1000 + i)), 10);
  turn_until([&] { return output->has_ended_.load(); });
  EXPECT_EQ(output->status_.lost, 4u) << "each packet comes and goes";
  std::ofstream(capture_, std::ios::binary) << output->all_;
  EXPECT_EQ(tcpdump().size(), 2u);
  // isb_ifdrop: code 5, 8 octets, little-endian.
  EXPECT_THAT(output->all_, HasSubstr(std::string("\5\0\10\0\4\0\0\0\0\0\0\0", 12)));
}

TEST_F(WatchTest, AWatchEndsWhenItsTimeIsOverThoughPacketsAreMissing) {
  start(1, 1);
  publish();
  WatchOptions options = to_service(100);
  options.seconds = 1;
  const auto began = std::chrono::steady_clock::now();
  watch(options);
  arrive(to_vip(kService, 1234), 10);
  finish();
  // The session reckons by another clock.
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(900));
  EXPECT_EQ(lines().size(), 1u);
  EXPECT_EQ(session_->status().packets, 1u);
}

TEST_F(WatchTest, AFileThatCannotBeMadeIsNamed) {
  start(1, 1);
  WatchOptions options;
  options.capture = "/nowhere/c.pcapng";
  const auto session = WatchSession::start(
      {.watch = options, .port_names = {"edge"}, .cpus = {}, .slots = {}, .current = {}});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error(), "/nowhere/c.pcapng: cannot create: No such file or directory");
}

TEST_F(WatchTest, ARingThatIsFullLosesRecordsAndCountsThemAndNoPacketWaits) {
  start(1, 1);
  publish();
  RingPointer free(rte_ring_create("watch_free", 4, SOCKET_ID_ANY, 0));
  RingPointer full(rte_ring_create("watch_full", 4, SOCKET_ID_ANY, 0));
  WatchOptions options = to_service(100);
  Watch watch(1, options);
  alignas(WatchRecord) static std::array<std::array<uint8_t, 512>, 3> records;
  for (auto& record : records) rte_ring_enqueue(free.get(), new (record.data()) WatchRecord);
  watch.lanes[0].free = free.get();
  watch.lanes[0].full = full.get();
  watch.is_active = true;
  workers_[0]->watch_slot().arm(&watch);
  for (uint16_t i = 0; i < 10; ++i) arrive(to_vip(kService, static_cast<uint16_t>(1000 + i)), 10);
  EXPECT_TRUE(turn());
  EXPECT_EQ(rte_ring_count(full.get()), 3u);
  EXPECT_EQ(watch.lanes[0].lost.value(), 20u - 3u) << "each packet comes and goes";
  EXPECT_EQ((FakeIo::sent[{11, 0}].size()), 10u);
  workers_[0]->watch_slot().arm(nullptr);
  turn();
  EXPECT_EQ(workers_[0]->watch_slot().used(), nullptr);
}

}  // namespace
}  // namespace vipgate::test::watch_test
