// The data plane against the reference model: random traffic through both, packet by packet.
//
// A million packets by default. VIPGATE_MODEL_PACKETS=N asks for more or less; VIPGATE_MODEL_SEED=S
// repeats the one episode that a failure names.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/support/model/model_run.h"
#include "tests/support/test_size.h"

namespace vipgate::test::model::model_test {
namespace {

constexpr uint64_t kPacketsPerEpisode = 20'000;

// One run from a clean start. Everything about it follows from the seed.
void run_episode(uint64_t seed, std::map<Verdict, uint64_t>& total,
                 std::map<Event, uint64_t>& events) {
  std::mt19937_64 random(seed);
  const auto draw = [&](uint32_t n) { return static_cast<uint32_t>((random() >> 32) * n >> 32); };
  ModelRun run(draw, 1 + static_cast<uint32_t>(seed % 3));
  while (run.packets() < kPacketsPerEpisode) {
    ASSERT_NO_FATAL_FAILURE(run.step()) << "repeat with VIPGATE_MODEL_SEED=" << seed;
    if (testing::Test::HasFailure()) {
      FAIL() << "repeat with VIPGATE_MODEL_SEED=" << seed;
    }
  }
  ASSERT_NO_FATAL_FAILURE(run.finish());
  for (const auto& [verdict, count] : run.model().tally()) total[verdict] += count;
  for (const Event event :
       {Event::kFlowsByPreviousRow, Event::kFlowsByAffinity, Event::kFlowsByQuicId}) {
    events[event] += run.count(event);
  }
}

TEST(PipelineAndModel, AgreeOnEveryByteOfAMillionPackets) {
  std::map<Verdict, uint64_t> total;
  std::map<Event, uint64_t> events;
  if (const uint64_t seed = from_environment("VIPGATE_MODEL_SEED", 0)) {
    run_episode(seed, total, events);
    return;
  }
  const uint64_t packets = from_environment("VIPGATE_MODEL_PACKETS", 1'000'000);
  for (uint64_t done = 0; done < packets; done += kPacketsPerEpisode) {
    ASSERT_NO_FATAL_FAILURE(run_episode(1 + done / kPacketsPerEpisode, total, events));
  }
  EXPECT_GT((total[{"kernel", "dns"}]), packets / 10'000) << "over TCP";
  // What the traffic must have brought about for the agreement to mean anything.
  for (const char* kind : {"forward", "return"}) EXPECT_GT((total[{kind, ""}]), packets / 50);
  EXPECT_GT(events[Event::kFlowsByPreviousRow], packets / 1'500)
      << "went where their row led before a change";
  EXPECT_GT(events[Event::kFlowsByAffinity], packets / 1'000)
      << "went where their client's last did";
  EXPECT_GT(events[Event::kFlowsByQuicId], packets / 1'000) << "went where their id said";
  for (const char* reason :
       {"arp", "neighbor_advertisement", "echo", "tcp_reset", "port_unreachable", "time_exceeded",
        "sctp_abort", "sctp_shutdown_complete"}) {
    EXPECT_GT((total[{"reply", reason}]), packets / 5'000) << reason;
  }
  for (const char* reason :
       {"routing", "own_address", "icmp", "arp", "neighbor_discovery", "link_local", "transit"}) {
    EXPECT_GT((total[{"kernel", reason}]), packets / 5'000) << reason;
  }
  for (const char* reason : {"truncated",
                             "not_our_mac",
                             "wrong_vlan",
                             "unknown_ether_type",
                             "bad_ip_header",
                             "bad_l4_header",
                             "martian_source",
                             "fragment",
                             "ipv6_extension_header",
                             "source_route",
                             "unsupported_protocol",
                             "not_for_us",
                             "transit",
                             "no_kernel_path",
                             "port_not_served",
                             "icmp_not_handled",
                             "no_real",
                             "connection_limit",
                             "no_flow",
                             "nat_tuple_taken",
                             "next_hop_unresolved",
                             "bad_udp_checksum",
                             "bad_icmp_checksum",
                             "icmp_error_truncated",
                             "icmp_error_bad_quote",
                             "icmp_error_no_flow",
                             "bad_fragment",
                             "fragment_timeout",
                             "sctp_fragment"}) {
    EXPECT_GT((total[{"drop", reason}]), packets / 20'000) << reason;
  }
  for (const auto& [verdict, count] : total) {
    std::printf("%10llu  %s %s\n", static_cast<unsigned long long>(count),
                std::string(verdict.kind).c_str(), std::string(verdict.reason).c_str());
  }
}

}  // namespace
}  // namespace vipgate::test::model::model_test
