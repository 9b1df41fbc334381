// What one packet costs in Pipeline::process, without I/O: bursts of 64 packets of random flows,
// which lie in memory as a NIC would leave them, 256 bytes apart.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "dataplane/fastpath/pipeline.h"
#include "dataplane/worker_memory.h"
#include "perf/bench/packet_setup.h"

namespace vipgate {
namespace {

constexpr size_t kStride = 256;
constexpr size_t kHeadroom = 128;
constexpr size_t kFrame = sizeof(Frame);
constexpr uint32_t kReals = 16;

// Four times as many SNAT ports as flows, so that a free one is found at once.
uint32_t snat_addresses_for(size_t flows) { return static_cast<uint32_t>(flows * 4 / 64'000 + 1); }

class Bench {
 public:
  Bench(Mode mode, size_t flows)
      : snapshot_(make_snapshot(mode, kReals, snat_addresses_for(flows))),
        memory_({.flows = flows,
                 .services = 1,
                 .reals = kReals,
                 .snat = snapshot_->snat_addresses,
                 .secret = {{1, 2, 3, 4}}}),
        pipeline_(memory_.pipeline_options(), observer_),
        mbufs_(kBurst),
        buffers_(new uint8_t[kBurst * kStride]) {
    for (uint16_t i = 0; i < kBurst; ++i) {
      rte_mbuf& mbuf = mbufs_[i];
      std::memset(static_cast<void*>(&mbuf), 0, sizeof mbuf);
      mbuf.buf_addr = buffers_.get() + i * kStride;
      mbuf.buf_len = kStride;
      mbuf.nb_segs = 1;
      pointers_[i] = &mbuf;
    }
    for (uint32_t i = 0; i < flows; ++i) {
      forward_.push_back(make_frame(Ipv4Address{Be32(0x01000000 + i / 4)},
                                    Be16(static_cast<uint16_t>(1000 + i % 4)),
                                    Ipv4Address{Be32(kVip)}, Be16(80)));
    }
    // Makes the flows, and the answers from what comes out.
    for (size_t i = 0; i + kBurst <= flows; i += kBurst) {
      copy_in(forward_, i);
      make_flows();
      for (uint16_t k = 0; k < kBurst; ++k) {
        const auto& out = *rte_pktmbuf_mtod(pointers_[k], const Frame*);
        returns_.push_back(make_frame(out.ip.destination, out.tcp.destination_port, out.ip.source,
                                      out.tcp.source_port));
      }
    }
    // Flows that go on are measured, not what their second packets say of them.
    for (const auto* frames : {&forward_, &returns_, &forward_}) {
      for (size_t i = 0; i + kBurst <= frames->size(); i += kBurst) {
        copy_in(*frames, i);
        make_flows();
      }
    }
    // The order of arrival has nothing to do with that of the tables.
    std::mt19937 random(1);
    std::shuffle(forward_.begin(), forward_.end(), random);
    std::shuffle(returns_.begin(), returns_.end(), random);
  }

  // Copies a burst in (as I/O would) and processes it.
  void run(const std::vector<Frame>& frames, size_t first, bool is_copy_only) {
    copy_in(frames, first);
    if (is_copy_only) return;
    process();
    empty_outbox();
  }

  const std::vector<Frame>& forward() const { return forward_; }
  const std::vector<Frame>& returns() const { return returns_; }
  uint64_t sent() const {
    const WorkerCounters& counters = memory_.counters();
    return counters.value(Event::kForwardPackets) + counters.value(Event::kReturnPackets);
  }

 private:
  void copy_in(const std::vector<Frame>& frames, size_t first) {
    for (uint16_t i = 0; i < kBurst; ++i) {
      rte_mbuf& mbuf = mbufs_[i];
      mbuf.data_off = kHeadroom;
      mbuf.data_len = kFrame;
      mbuf.pkt_len = kFrame;
      std::memcpy(buffers_.get() + i * kStride + kHeadroom, &frames[first + i], kFrame);
    }
    benchmark::ClobberMemory();
  }
  // What perf/instructions counts, so that it is not what the flows cost to make.
  [[gnu::noinline]] void process() {
    pipeline_.process(*snapshot_, pointers_, kBurst, 0, false, now_, outbox_);
  }
  void make_flows() {
    pipeline_.process(*snapshot_, pointers_, kBurst, 0, false, now_, outbox_);
    empty_outbox();
  }
  void empty_outbox() {
    const auto ignore = [](size_t, rte_mbuf**, uint32_t) {};
    outbox_.transmit.flush(ignore);
    outbox_.drop.flush(ignore);
  }

  std::shared_ptr<const Snapshot> snapshot_;
  WorkerMemory memory_;
  NoObserver observer_;
  Pipeline<NoObserver> pipeline_;
  Outbox outbox_;
  std::vector<rte_mbuf> mbufs_;
  rte_mbuf* pointers_[kBurst];
  std::unique_ptr<uint8_t[]> buffers_;
  std::vector<Frame> forward_, returns_;
  Now now_ = Now::from_ns(1'000'000'000'000);
};

enum class What { kCopyOnly, kForward, kReturn };

void measure(benchmark::State& state, Mode mode, What what) {
  Bench bench(mode, static_cast<size_t>(state.range(0)));
  const auto& frames = what == What::kReturn ? bench.returns() : bench.forward();
  const uint64_t before = bench.sent();
  size_t at = 0;
  for (auto _ : state) {
    bench.run(frames, at, what == What::kCopyOnly);
    at += kBurst;
    if (at + kBurst > frames.size()) at = 0;
  }
  const auto packets = static_cast<int64_t>(state.iterations()) * kBurst;
  state.SetItemsProcessed(packets);
  state.counters["per_packet"] = benchmark::Counter(
      static_cast<double>(packets), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  if (what != What::kCopyOnly && bench.sent() - before != static_cast<uint64_t>(packets)) {
    state.SkipWithError("not every packet was forwarded");
  }
}

void copy_only(benchmark::State& state) { measure(state, Mode::kFullnat, What::kCopyOnly); }
void fullnat_forward(benchmark::State& state) { measure(state, Mode::kFullnat, What::kForward); }
void fullnat_return(benchmark::State& state) { measure(state, Mode::kFullnat, What::kReturn); }
void nat_forward(benchmark::State& state) { measure(state, Mode::kNat, What::kForward); }
void nat_return(benchmark::State& state) { measure(state, Mode::kNat, What::kReturn); }
void l2dsr_forward(benchmark::State& state) { measure(state, Mode::kL2dsr, What::kForward); }
void ipip_forward(benchmark::State& state) { measure(state, Mode::kIpip, What::kForward); }
void gue_forward(benchmark::State& state) { measure(state, Mode::kGue, What::kForward); }

BENCHMARK(copy_only)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(fullnat_forward)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(fullnat_return)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(nat_forward)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(nat_return)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(l2dsr_forward)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(ipip_forward)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);
BENCHMARK(gue_forward)->Arg(64)->Arg(1 << 14)->Arg(1 << 20);

}  // namespace
}  // namespace vipgate
