// What it costs to rewrite a packet that has been looked up, for each way to reach a real: the link
// header alone (l2dsr), addresses and ports (fullnat, nat), a tunnel's headers (ipip, gre, gue).
#include <benchmark/benchmark.h>

#include <vector>

#include "dataplane/fastpath/encapsulate.h"
#include "dataplane/fastpath/parse.h"
#include "dataplane/fastpath/rewrite.h"
#include "perf/bench/frame_burst.h"

namespace vipgate {
namespace {

constexpr size_t kFrames = 1 << 12;
constexpr Ipv4Address kSnat{Be32(0x0a080000)};
constexpr Ipv4Address kReal{Be32(0x0a010001)};
constexpr Be16 kSnatPort{4000}, kRealPort{8080};

// Packets as they are behind the look-ups; `rewrite_one` sends one on its way.
template <class RewriteOne>
void rewrite_bursts(benchmark::State& state, RewriteOne&& rewrite_one) {
  const PortEntry port{.mac = kMac};
  const std::vector<Frame> frames(kFrames, make_frame(Ipv4Address{Be32(0x01000000)}, Be16(1000),
                                                      Ipv4Address{Be32(kVip)}, Be16(80)));
  FrameBurst burst;
  std::vector<Packet> parsed(kBurst);
  burst.copy_in(frames, 0);
  for (uint16_t i = 0; i < kBurst; ++i) {
    parsed[i].mbuf = burst.mbufs()[i];
    if (parse(parsed[i], port) != kNoDrop) return state.SkipWithError("a packet was not parsed");
  }
  std::vector<Packet> packets(kBurst);
  size_t at = 0;
  for (auto _ : state) {
    burst.copy_in(frames, at);
    at = (at + kBurst) % kFrames;
    packets = parsed;
    for (Packet& packet : packets) rewrite_one(packet);
    benchmark::ClobberMemory();
  }
  report_packets(state, static_cast<int64_t>(state.iterations()) * kBurst);
}

RealEntry real_entry() {
  RealEntry real{};
  real.next_hop_mac = kMac;
  real.port_mac = kMac;
  return real;
}

void rewrite_none(benchmark::State& state) {
  rewrite_bursts(state, [](Packet&) {});
}

void rewrite_link_header(benchmark::State& state) {
  const RealEntry real = real_entry();
  rewrite_bursts(state, [&](Packet& packet) { set_ethernet(packet, real, packet.l2_length); });
}

void rewrite_addresses_and_ports(benchmark::State& state) {
  const RealEntry real = real_entry();
  // As a record has it: what the new addresses and ports add to the sums.
  const auto delta = checksum_delta(uint16_t{1}, uint16_t{2});
  rewrite_bursts(state, [&](Packet& packet) {
    set_addresses(packet.ip<Ipv4Header>(), kSnat, kReal, delta);
    set_ports(packet, packet.l3 + packet.l4_offset, kSnatPort, kRealPort, delta);
    set_ethernet(packet, real, packet.l2_length);
  });
}

void rewrite_tunnel(benchmark::State& state, Mode mode) {
  const auto snapshot = make_snapshot(mode, 1, 0);
  const TunnelHeader& tunnel = snapshot->tunnel(RealId(0, 1));
  rewrite_bursts(state, [&](Packet& packet) { encapsulate<Ipv4Header>(packet, tunnel); });
}
void rewrite_ipip(benchmark::State& state) { rewrite_tunnel(state, Mode::kIpip); }
void rewrite_gre(benchmark::State& state) { rewrite_tunnel(state, Mode::kGre); }
void rewrite_gue(benchmark::State& state) { rewrite_tunnel(state, Mode::kGue); }

BENCHMARK(rewrite_none);
BENCHMARK(rewrite_link_header);
BENCHMARK(rewrite_addresses_and_ports);
BENCHMARK(rewrite_ipip);
BENCHMARK(rewrite_gre);
BENCHMARK(rewrite_gue);

}  // namespace
}  // namespace vipgate
