// What it costs to parse a packet: the plain way beside the one that takes every packet.
#include <benchmark/benchmark.h>

#include <vector>

#include "dataplane/fastpath/parse_plain.h"
#include "perf/bench/frame_burst.h"

namespace vipgate {
namespace {

constexpr size_t kFrames = 1 << 12;

const PortEntry kPort{.mac = kMac};

std::vector<Frame> frames_to_parse() {
  std::vector<Frame> frames;
  for (uint32_t i = 0; i < kFrames; ++i) {
    frames.push_back(make_frame(Ipv4Address{Be32(0x01000000 + i)}, Be16(1000),
                                Ipv4Address{Be32(kVip)}, Be16(80)));
  }
  return frames;
}

// parse_one(packet): whether it went well.
template <class ParseOne>
void parse_bursts(benchmark::State& state, ParseOne&& parse_one) {
  const std::vector<Frame> frames = frames_to_parse();
  FrameBurst burst;
  std::vector<Packet> packets(kBurst);
  size_t at = 0;
  size_t parsed = 0;
  for (auto _ : state) {
    burst.copy_in(frames, at);
    at = (at + kBurst) % kFrames;
    for (uint16_t i = 0; i < kBurst; ++i) {
      packets[i].mbuf = burst.mbufs()[i];
      parsed += parse_one(packets[i]);
    }
    benchmark::ClobberMemory();
  }
  const auto count = static_cast<int64_t>(state.iterations()) * kBurst;
  report_packets(state, count);
  if (parsed != static_cast<size_t>(count)) state.SkipWithError("a packet was not parsed");
}

void parse_none(benchmark::State& state) {
  parse_bursts(state, [](Packet&) { return true; });
}
void parse_plain_frames(benchmark::State& state) {
  const PlainFrame<Ipv4Header> plain(kPort);
  parse_bursts(state, [&](Packet& packet) { return parse_plain(packet, plain); });
}
void parse_any_frames(benchmark::State& state) {
  parse_bursts(state, [](Packet& packet) { return parse(packet, kPort) == kNoDrop; });
}

BENCHMARK(parse_none);
BENCHMARK(parse_plain_frames);
BENCHMARK(parse_any_frames);

}  // namespace
}  // namespace vipgate
