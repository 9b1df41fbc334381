#include "dataplane/replay.h"

#include <gmock/gmock.h>

#include "tests/dataplane/replay_fixture.h"
#include "tests/support/fragments.h"

namespace vipgate::test::replay_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::string dns_query(std::string_view name) {
  return test::dns_header(0x0100, 1) + test::dns_question(test::wire_name(name), 1);
}

TEST_F(ReplayTest, EachKindOfPacketGetsItsVerdict) {
  add_capture({
      to_redis(40000),
      PacketBuilder().ipv6("fd00::7", "fd01:c::1").tcp(40000, 80).flags("S").build(),
      PacketBuilder()
          .ipv4("198.51.100.7", "10.9.0.53")
          .udp(40000, 53)
          .payload(dns_query("app5.mesos"))
          .build(),
      PacketBuilder()
          .ipv4("198.51.100.7", "10.9.0.53")
          .udp(40000, 53)
          .payload(dns_query("absent.mesos"))
          .build(),
      PacketBuilder().arp_request("02:00:00:00:00:c1", "10.9.0.1", "11.202.66.36").build(),
      PacketBuilder().neighbor_solicitation("02:00:00:00:00:c1", "fd09::1", "fd09::53").build(),
      PacketBuilder().ipv4("198.51.100.7", "11.202.66.36").icmp_echo(1, 1).build(),
      PacketBuilder().ipv4("198.51.100.7", "11.0.0.3").tcp(40000, 80).flags("S").build(),
      PacketBuilder().ipv4("198.51.100.7", "10.9.0.2").tcp(40000, 22).flags("S").build(),
      PacketBuilder().arp_request("02:00:00:00:00:c1", "10.9.0.1", "10.9.0.2").build(),
      PacketBuilder().ipv4("198.51.100.7", "203.0.113.1").udp(1, 2).build(),
      PacketBuilder().ipv4("198.51.100.7", "11.202.66.36").tcp(40000, 81).flags("S").build(),
      to_redis(40001, "R"),
      PacketBuilder().ipv4("198.51.100.7", "11.0.0.2").udp(40000, 7).payload("hello").build(),
  });
  run();
  const auto redis_real = R"("10\.9\.1\.1[1-3]:3[0-9]+")";
  const auto lines = verdicts();
  ASSERT_THAT(lines, SizeIs(14));
  EXPECT_THAT(
      lines[0],
      MatchesRegex(
          std::string(
              R"(\{"packet": 0, "verdict": "forward", "service": "redis\.marathon", "real": )") +
          redis_real + R"(, "worker": 0, "out": \[\{"index": 0, "port": "cluster"\}\]\})"));
  const std::vector<std::string> rest(lines.begin() + 1, lines.end());
  EXPECT_THAT(
      rest,
      ElementsAre(
          R"({"packet": 1, "verdict": "forward", "service": "web \"6\"", "real": "[fd09:1::11]:8080", "worker": 0, "out": [{"index": 1, "port": "cluster"}]})",
          R"({"packet": 2, "verdict": "dns", "reason": "answer", "worker": 0, "out": [{"index": 2, "port": "edge"}]})",
          R"({"packet": 3, "verdict": "dns", "reason": "nxdomain", "worker": 0, "out": [{"index": 3, "port": "edge"}]})",
          R"({"packet": 4, "verdict": "reply", "reason": "arp", "worker": 0, "out": [{"index": 4, "port": "edge"}]})",
          R"({"packet": 5, "verdict": "reply", "reason": "neighbor_advertisement", "worker": 0, "out": [{"index": 5, "port": "edge"}]})",
          R"({"packet": 6, "verdict": "reply", "reason": "echo", "worker": 0, "out": [{"index": 6, "port": "edge"}]})",
          R"({"packet": 7, "verdict": "reply", "reason": "tcp_reset", "service": "empty", "worker": 0, "out": [{"index": 7, "port": "edge"}]})",
          R"({"packet": 8, "verdict": "kernel", "reason": "own_address", "worker": 0})",
          R"({"packet": 9, "verdict": "kernel", "reason": "arp", "worker": 0})",
          R"({"packet": 10, "verdict": "drop", "reason": "not_for_us", "worker": 0})",
          R"({"packet": 11, "verdict": "drop", "reason": "port_not_served", "worker": 0})",
          R"({"packet": 12, "verdict": "drop", "reason": "no_flow", "service": "redis.marathon", "worker": 0})",
          R"({"packet": 13, "verdict": "forward", "service": "echo", "real": "10.9.1.14:7007", "worker": 0, "out": [{"index": 8, "port": "cluster"}]})"));
  const auto frames = sent();
  ASSERT_THAT(frames, SizeIs(9));
  for (const Frame& frame : frames) EXPECT_TRUE(checksums_ok(frame.bytes)) << describe(frame.bytes);
  EXPECT_THAT(describe(frames[0].bytes), StartsWith("02:00:00:00:00:02 > 02:00:00:00:00:fe"));
}

TEST_F(ReplayTest, ConnectionRunsBothWaysBetweenTwoCaptures) {
  add_capture(kEdge, {{kSecond, to_redis(40000)}});
  run();
  const Bytes syn_at_real = sent().at(0).bytes;
  options_.inputs.clear();
  add_capture(kEdge, {{kSecond, to_redis(40000)}, {3 * kSecond, to_redis(40000, "A")}});
  add_capture(kCluster, {{2 * kSecond, answer_to(syn_at_real, "SA")}});
  run();
  const auto frames = sent();
  ASSERT_THAT(frames, SizeIs(3));
  EXPECT_EQ(frames[0].bytes, syn_at_real);
  EXPECT_THAT(describe(frames[1].bytes), HasSubstr("11.202.66.36 > 198.51.100.7"));
  EXPECT_THAT(describe(frames[1].bytes), HasSubstr("TCP 6379 > 40000"));
  EXPECT_TRUE(checksums_ok(frames[1].bytes));
  const auto lines = verdicts();
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[1], HasSubstr(R"("out": [{"index": 1, "port": "edge"}])"));
  EXPECT_THAT(lines[1], HasSubstr(R"("service": "redis.marathon", "real": "10.9.1.1)"));
}

TEST_F(ReplayTest, FragmentThatIsHeldAppearsOnceWithItsLastVerdict) {
  const Bytes question = PacketBuilder()
                             .ipv4("198.51.100.7", "11.0.0.2")
                             .udp(40000, 7)
                             .payload(Bytes(100, 'x'))
                             .build();
  const auto fragments = fragmented(question, 48, 5);
  ASSERT_THAT(fragments, SizeIs(3));
  const auto lost = fragmented(question, 48, 6);
  for (const uint32_t workers : {1u, 3u}) {
    options_.workers = workers;
    options_.inputs.clear();
    // The last of one datagram, which waits in vain; then another datagram, backwards.
    add_capture({lost[1], fragments[2], fragments[1], to_redis(1), fragments[0], lost[2]});
    run();
    const auto lines = verdicts();
    ASSERT_THAT(lines, SizeIs(6));
    const auto begins = [&](size_t i, std::string_view verdict) {
      EXPECT_THAT(lines[i], StartsWith("{\"packet\": " + std::to_string(i) + ", \"verdict\": \"" +
                                       std::string(verdict)));
    };
    begins(0, "drop\", \"reason\": \"fragment_timeout");
    for (const size_t i : {1u, 2u, 3u, 4u}) begins(i, "forward");
    begins(5, "drop\", \"reason\": \"fragment_timeout");
    EXPECT_THAT(lines[4], HasSubstr(R"("index": 1)")) << "the first fragment leaves first";
    const auto frames = sent();
    ASSERT_THAT(frames, SizeIs(4));
    const Bytes whole = reassembled({frames[1].bytes, frames[2].bytes, frames[3].bytes});
    EXPECT_TRUE(checksums_ok(whole)) << describe(whole);
    EXPECT_THAT(describe(whole), HasSubstr("> 10.9.1.14 ttl 63 UDP"));
  }
}

TEST_F(ReplayTest, InputsAreMergedByTimeThenByOrderOfTheInputsThenByOrderOfTheFile) {
  const auto echo = [](uint16_t id) {
    return PacketBuilder().ipv4("198.51.100.7", "11.202.66.36").icmp_echo(id, 0).build();
  };
  add_capture(kCluster, {{20, echo(1)}, {30, echo(2)}, {30, echo(3)}});
  add_capture(kEdge, {{10, echo(4)}, {30, echo(5)}, {25, echo(6)}});
  run();
  std::vector<std::pair<uint64_t, unsigned>> order;
  for (const Frame& frame : sent()) {
    order.emplace_back(frame.time_ns, frame.bytes.at(38) << 8 | frame.bytes.at(39));
  }
  using Entry = std::pair<uint64_t, unsigned>;
  EXPECT_THAT(order, ElementsAre(Entry(10, 4), Entry(20, 1), Entry(30, 2), Entry(30, 3),
                                 Entry(30, 5), Entry(25, 6)));
}

TEST_F(ReplayTest, OutputHasTheResolutionOfTheFirstInput) {
  add_capture(kEdge, {{1'234'567'000, to_redis(1)}}, PcapResolution::kMicroseconds);
  add_capture(kCluster, {{1'234'567'891, to_redis(2)}}, PcapResolution::kNanoseconds);
  run();
  EXPECT_EQ(PcapReader::open(options_.out_path)->resolution(), PcapResolution::kMicroseconds);
  const auto frames = sent();
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_EQ(frames[1].time_ns, 1'234'567'000u);
}

TEST_F(ReplayTest, TwoRunsAreEqualByteForByte) {
  std::vector<Bytes> packets;
  for (uint16_t i = 0; i < 500; ++i) packets.push_back(to_redis(static_cast<uint16_t>(2000 + i)));
  add_capture(packets);
  options_.workers = 3;
  run();
  const std::string out = contents(options_.out_path);
  const std::string lines = contents(options_.verdicts_path);
  run();
  EXPECT_EQ(contents(options_.out_path), out);
  EXPECT_EQ(contents(options_.verdicts_path), lines);
}

TEST_F(ReplayTest, SeedChangesTheSourcePortsButNotTheReals) {
  std::vector<Bytes> packets;
  for (uint16_t i = 0; i < 50; ++i) packets.push_back(to_redis(static_cast<uint16_t>(2000 + i)));
  add_capture(packets);
  run();
  const std::string out = contents(options_.out_path);
  const std::string lines = contents(options_.verdicts_path);
  options_.seed = 1;
  run();
  EXPECT_NE(contents(options_.out_path), out);
  EXPECT_EQ(contents(options_.verdicts_path), lines);
}

unsigned worker_of(const std::string& line) {
  const std::string key = "\"worker\": ";
  return static_cast<unsigned>(std::stoul(line.substr(line.find(key) + key.size())));
}

TEST_F(ReplayTest, FourWorkersShareTheFlowsAndReturnsReachTheOwner) {
  constexpr uint16_t kFlows = 400;
  std::vector<Frame> forward;
  for (uint16_t i = 0; i < kFlows; ++i) {
    forward.push_back({kSecond, to_redis(static_cast<uint16_t>(2000 + i))});
  }
  options_.workers = 4;
  add_capture(kEdge, forward);
  run();
  std::map<unsigned, unsigned> owned;
  const auto first_lines = verdicts();
  ASSERT_THAT(first_lines, SizeIs(kFlows));
  for (const std::string& line : first_lines) ++owned[worker_of(line)];
  ASSERT_THAT(owned, SizeIs(4));
  for (const auto& [worker, flows] : owned) EXPECT_GT(flows, kFlows / 8) << "worker " << worker;

  std::vector<Frame> returns;
  for (const Frame& frame : sent()) {
    returns.push_back({2 * kSecond, answer_to(frame.bytes, "SA")});
  }
  add_capture(kCluster, returns);
  run();
  const auto lines = verdicts();
  ASSERT_THAT(lines, SizeIs(2 * kFlows));
  for (uint16_t i = 0; i < kFlows; ++i) {
    const std::string& line = lines[kFlows + i];
    EXPECT_EQ(worker_of(line), worker_of(lines[i])) << line;
    EXPECT_THAT(line, HasSubstr(R"("verdict": "forward")"));
  }
}

TEST_F(ReplayTest, FlowsTimeOutByTheClockOfTheCapture) {
  add_capture(kEdge, {{kSecond, to_redis(40000)}});
  run();
  const Bytes answer = answer_to(sent().at(0).bytes, "SA");
  const auto verdict_after = [&](uint64_t seconds) {
    options_.inputs.resize(1);
    add_capture(kCluster, {{seconds * kSecond, answer}});
    run();
    return verdicts().back();
  };
  // Embryonic flows live for 10 seconds here.
  EXPECT_THAT(verdict_after(10), HasSubstr("forward"));
  EXPECT_THAT(verdict_after(12), HasSubstr(R"("drop", "reason": "no_flow")"));
  // Beyond the 4.5 hours in which the 16-bit clock of flows wraps.
  for (const uint64_t seconds : {16'000u, 16'386u, 20'000u, 1'000'000u}) {
    EXPECT_THAT(verdict_after(seconds), HasSubstr(R"("drop", "reason": "no_flow")")) << seconds;
  }
}

TEST_F(ReplayTest, TimeStampThatGoesBackIsNoProgress) {
  add_capture(kEdge, {{100 * kSecond, to_redis(40000)},
                      {50 * kSecond, to_redis(40000)},
                      {60 * kSecond, to_redis(40000)}});
  run();
  EXPECT_THAT(sent(), SizeIs(3));
  EXPECT_EQ(sent().at(0).bytes, sent().at(2).bytes) << "the flow is still the same one";
}

TEST_F(ReplayTest, JumboFramesFitAndLongerOnesAreDropped) {
  const auto frame = [](size_t payload) {
    return PacketBuilder()
        .ipv4("198.51.100.7", "11.0.0.2")
        .udp(1, 7)
        .payload(Bytes(payload, 1))
        .build();
  };
  add_capture({frame(9000), frame(9728 - 42), frame(9728 - 41), frame(60'000)});
  run();
  EXPECT_THAT(verdicts(), ElementsAre(HasSubstr("forward"), HasSubstr("forward"),
                                      HasSubstr(R"("drop", "reason": "multi_segment")"),
                                      HasSubstr(R"("drop", "reason": "multi_segment")")));
  EXPECT_THAT(sent().at(0).bytes, SizeIs(9042));
}

TEST_F(ReplayTest, CutAndEmptyFramesAreTruncated) {
  add_capture(
      {PacketBuilder().ipv4("198.51.100.7", "11.202.66.36").tcp(1, 6379).truncate(50).build(), {}});
  run();
  EXPECT_THAT(verdicts(), ElementsAre(HasSubstr(R"("drop", "reason": "truncated")"),
                                      HasSubstr(R"("drop", "reason": "truncated")")));
}

TEST_F(ReplayTest, WithoutAVerdictPathNoneAreWritten) {
  add_capture({to_redis(1)});
  options_.verdicts_path.clear();
  run();
  EXPECT_THAT(sent(), SizeIs(1));
}

TEST_F(ReplayTest, EmptyCaptureGivesEmptyOutputs) {
  add_capture(std::vector<Bytes>{});
  run();
  EXPECT_THAT(sent(), SizeIs(0));
  EXPECT_THAT(verdicts(), SizeIs(0));
}

TEST_F(ReplayTest, WhatCannotBeReadOrWrittenIsAnError) {
  add_capture({to_redis(1), to_redis(2)});
  const std::string input = options_.inputs[0].path;
  auto broken = options_;
  broken.inputs.push_back({kEdge, path("absent.pcap")});
  EXPECT_THAT(replay(broken).error(), HasSubstr("absent.pcap: cannot open"));
  EXPECT_FALSE(std::filesystem::exists(options_.out_path)) << "outputs are not begun in vain";
  broken = options_;
  broken.out_path = path("absent/out.pcap");
  EXPECT_THAT(replay(broken).error(), HasSubstr("cannot create"));
  broken = options_;
  broken.out_path = "/dev/full";
  EXPECT_THAT(replay(broken).error(), HasSubstr("/dev/full: cannot write"));
  broken = options_;
  broken.verdicts_path = "/dev/full";
  EXPECT_THAT(replay(broken).error(), HasSubstr("/dev/full: cannot write"));
  broken = options_;
  broken.out_path = input;
  EXPECT_THAT(replay(broken).error(), HasSubstr("would overwrite"));
  broken = options_;
  broken.inputs[0].port = 2;
  EXPECT_THAT(replay(broken).error(), HasSubstr("no port has the index 2"));
  broken = options_;
  broken.workers = 65;
  EXPECT_THAT(replay(broken).error(), HasSubstr("1 to 64"));
  std::filesystem::resize_file(input, std::filesystem::file_size(input) - 1);
  EXPECT_THAT(replay(options_).error(), HasSubstr("in0.pcap: packet 1: truncated"));
  EXPECT_THAT(sent(), SizeIs(1)) << "what came before the error is kept";
}

}  // namespace
}  // namespace vipgate::test::replay_test
