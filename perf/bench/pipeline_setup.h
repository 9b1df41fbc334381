// The whole pipeline with a table full of flows, and packets of them in a random order.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "dataplane/fastpath/pipeline.h"
#include "dataplane/worker_memory.h"
#include "perf/bench/frame_burst.h"

namespace vipgate {

// A pipeline with its tables.
class Bench {
 public:
  uint64_t begun() const { return memory_.counters().value(Event::kFlowsCreated); }
  uint64_t sent() const {
    const WorkerCounters& counters = memory_.counters();
    return counters.value(Event::kForwardPackets) + counters.value(Event::kReturnPackets);
  }

 protected:
  Bench(std::shared_ptr<const Snapshot> snapshot, const WorkerSizes& sizes)
      : snapshot_(std::move(snapshot)),
        memory_({.sizes = sizes, .snat = snapshot_->snat_addresses, .secret = {{1, 2, 3, 4}}}),
        pipeline_(memory_.pipeline_options(), observer_) {}

  // What perf/instructions counts, so that it is not what the flows cost to make.
  [[gnu::noinline]] void process(rte_mbuf** mbufs) {
    pipeline_.process(*snapshot_, mbufs, kBurst, 0, false, now_, outbox_);
  }
  void pass_uncounted(rte_mbuf** mbufs) {
    pipeline_.process(*snapshot_, mbufs, kBurst, 0, false, now_, outbox_);
    empty_outbox();
  }
  void pass_time() { now_ = Now::from_ns(now_.ns + ns_per_burst_); }
  void empty_outbox() {
    const auto ignore = [](size_t, rte_mbuf**, uint32_t) {};
    outbox_.transmit.flush(ignore);
    outbox_.drop.flush(ignore);
  }

  uint64_t ns_per_burst_ = 0;  // of time that goes on

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  WorkerMemory memory_;
  NoObserver observer_;
  Pipeline<NoObserver> pipeline_;
  Outbox outbox_;
  Now now_ = Now::from_ns(1'000'000'000'000);
};

// With packets of one family, which those are of.
template <class F>
class BenchOf : public Bench {
 public:
  // Flows over `services` services, each of `reals` reals. `with_returns`: that are answered.
  // `table`: for how many flows there is room; 0: for all. In one that is much smaller, whenever a
  // packet of a flow comes again, others have pushed out the flow: each begins one.
  BenchOf(Mode mode, size_t flows, uint32_t services, uint32_t reals, bool with_returns,
          size_t table = 0)
      : Bench(make_snapshot<Address>(mode, reals, snat_addresses_for(flows), services),
              {.flows = table == 0 ? std::max<size_t>(flows, kBurst) : table,
               .wide_flows = services > kNarrowFlowIds ? flows : 1 << 16,
               .services = services,
               .reals = reals * services}) {
    // Of fewer flows each has several packets.
    const size_t packets = std::max<size_t>(flows, kBurst);
    forward_.reserve(packets);
    for (uint32_t packet = 0; packet < packets; ++packet) {
      const auto i = static_cast<uint32_t>(packet % flows);
      forward_.push_back(make_frame(numbered_address<Address>(0x01000000 + i / 4),
                                    Be16(static_cast<uint16_t>(1000 + i % 4)),
                                    numbered_address<Address>(kVip + i % services), Be16(80)));
      if (table != 0) forward_.back().tcp.flags = TcpHeader::kSyn;
    }
    // Makes the flows, and the answers from what comes out.
    for (size_t i = 0; i + kBurst <= packets; i += kBurst) {
      burst_.copy_in(forward_, i);
      pass_uncounted(burst_.mbufs());
      for (uint16_t k = 0; with_returns && k < kBurst; ++k) {
        const F& out = burst_.frame(k);
        returns_.push_back(make_frame(out.ip.destination, out.tcp.destination_port, out.ip.source,
                                      out.tcp.source_port));
      }
    }
    // Flows that go on are measured, not what their second packets say of them.
    for (const auto* frames : {&forward_, &returns_, &forward_}) {
      for (size_t i = 0; i + kBurst <= frames->size(); i += kBurst) {
        burst_.copy_in(*frames, i);
        pass_uncounted(burst_.mbufs());
      }
    }
    // The order of arrival has nothing to do with that of the tables.
    std::mt19937 random(1);
    std::shuffle(forward_.begin(), forward_.end(), random);
    std::shuffle(returns_.begin(), returns_.end(), random);
    if (table == 0) return;
    // A small table is filled anew in about a quarter of a second: were all flows of the same time,
    // most would stay, as always the same ones would give way.
    ns_per_burst_ = kNanosecondsPerQuarter * kBurst / (4 * table);
    for (size_t i = 0; i + kBurst <= flows; i += kBurst) {
      burst_.copy_in(forward_, i);
      pass_time();
      pass_uncounted(burst_.mbufs());
    }
  }

  // Copies a burst in (as I/O would) and processes it.
  void run(const std::vector<F>& frames, size_t first, bool is_copy_only) {
    burst_.copy_in(frames, first);
    if (is_copy_only) return;
    pass_time();
    process(burst_.mbufs());
    empty_outbox();
  }

  const std::vector<F>& forward() const { return forward_; }
  const std::vector<F>& returns() const { return returns_; }

 private:
  using Address = typename F::Address;

  // Several times as many SNAT ports as flows, so that a free one is found at once. Each port has a
  // record, so of many flows it is twice as many.
  static uint32_t snat_addresses_for(size_t flows) {
    const size_t share = flows > 4 << 20 ? 2 : 4;
    return static_cast<uint32_t>(flows * share / 64'000 + 1);
  }

  BurstOf<F> burst_;
  std::vector<F> forward_, returns_;
};

enum class What { kCopyOnly, kForward, kReturn };

template <class F>
void measure(benchmark::State& state, BenchOf<F>& bench, What what) {
  const auto& frames = what == What::kReturn ? bench.returns() : bench.forward();
  const uint64_t before = bench.sent();
  size_t at = 0;
  for (auto _ : state) {
    bench.run(frames, at, what == What::kCopyOnly);
    at += kBurst;
    if (at + kBurst > frames.size()) at = 0;
  }
  const auto packets = static_cast<int64_t>(state.iterations()) * kBurst;
  report_packets(state, packets);
  if (what != What::kCopyOnly && bench.sent() - before != static_cast<uint64_t>(packets)) {
    state.SkipWithError("not every packet was forwarded");
  }
}

}  // namespace vipgate
