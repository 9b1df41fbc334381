#include "tests/support/fake_gateway.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/fastpath/pipeline_impl.h"
#include "tests/support/owners.h"

namespace vipgate::test {

std::string to_string(const Outcome& outcome) {
  const Verdict& verdict = outcome.verdict;
  const std::string frame = "; " + describe(outcome.frame);
  switch (verdict.kind) {
    case Verdict::Kind::kForward:
      return (verdict.is_return ? "return to port " : "forward to port ") +
             std::to_string(outcome.port) + frame;
    case Verdict::Kind::kDns:
      return "dns " + std::string(to_string(verdict.dns)) + frame;
    case Verdict::Kind::kReply:
      return "reply " + std::string(to_string(verdict.reply)) + frame;
    case Verdict::Kind::kKernel:
      return "kernel " + std::string(to_string(verdict.kernel));
    case Verdict::Kind::kMade:
      return "made for port " + std::to_string(outcome.port) + frame;
    case Verdict::Kind::kHandover:
      return "handover";
    case Verdict::Kind::kHold:
      return "hold";
    case Verdict::Kind::kDrop:
      return "drop " + std::string(to_string(verdict.drop));
  }
  return "?";
}

FakeGateway::FakeGateway(SnapshotSpec spec, const GatewayOptions& options)
    : spec_(std::move(spec)), owners_(owners_of_flows(options.workers)) {
  publish();
  for (uint32_t i = 0; i < options.workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(
        WorkerMemoryOptions{.worker = i,
                            .workers = options.workers,
                            .sizes = {.flows = options.flows,
                                      .wide_flows = options.flows,
                                      .affinities = options.affinities,
                                      .fragments = options.fragments,
                                      .dns_answers = options.dns_answers,
                                      .dns_questions = options.dns_questions,
                                      .services = options.counted_services,
                                      .reals = options.counted_reals},
                            .snat = spec_.snat_addresses,
                            .secret = {{1, 2, 3, 4}},
                            .owners = &owners_}));
    workers_.back()->recorder.count = &verdicts_;
  }
  for (auto& own : workers_) {
    for (uint32_t i = 0; i < options.workers; ++i) own->memory.connect(i, workers_[i]->memory);
  }
}

Outcome FakeGateway::send(std::span<const uint8_t> frame, uint8_t port, uint32_t worker) {
  return send_burst({Bytes(frame.begin(), frame.end())}, port, worker).front();
}

std::vector<Outcome> FakeGateway::send_burst(const std::vector<Bytes>& frames, uint8_t port,
                                             uint32_t worker) {
  std::vector<std::unique_ptr<FakeMbuf>> mbufs;
  std::vector<rte_mbuf*> pointers;
  for (const Bytes& frame : frames) {
    mbufs.push_back(std::make_unique<FakeMbuf>(frame));
    pointers.push_back(mbufs.back()->get());
  }
  auto outcomes = send_mbufs(pointers, port, worker);
  for (size_t i = 0; i < frames.size(); ++i) {
    outcomes[i].frame = mbufs[i]->frame();
    if (outcomes[i].is_held()) held_[pointers[i]] = std::move(mbufs[i]);
  }
  return outcomes;
}

std::vector<Outcome> FakeGateway::send_mbufs(std::vector<rte_mbuf*> mbufs, uint8_t port,
                                             uint32_t worker) {
  Outcomes outcomes;
  run(worker, mbufs, port, 0, outcomes);
  settle(outcomes);
  std::vector<Outcome> result;
  for (rte_mbuf* mbuf : mbufs) result.push_back(outcomes[mbuf]);
  return result;
}

void FakeGateway::run(uint32_t number, std::vector<rte_mbuf*> mbufs, uint8_t port, int passed,
                      Outcomes& outcomes) {
  Worker& worker = *workers_[number];
  worker.recorder.clear();
  give_spares();
  worker.pipeline.process(*snapshot_, mbufs.data(), static_cast<uint16_t>(mbufs.size()), port,
                          passed > 0, now(), worker.outbox);
  size_t held = 0;
  for (rte_mbuf* mbuf : mbufs) {
    const auto& verdicts = worker.recorder.verdicts[mbuf];
    ASSERT_EQ(verdicts.size(), 1u);
    if (verdicts[0].kind != Verdict::Kind::kHold) continue;
    ++held;
    outcomes[mbuf] = {.queue = Outcome::Queue::kHeld,
                      .worker = number,
                      .handed_over = passed > 0,
                      .place = worker.recorder.places[mbuf],
                      .mbuf = mbuf,
                      .verdict = verdicts[0],
                      .frame = {}};
  }
  EXPECT_EQ(collect(number, passed, outcomes) + held, mbufs.size()) << "each packet is in a queue";
}

size_t FakeGateway::collect(uint32_t number, int passed, Outcomes& outcomes) {
  Worker& worker = *workers_[number];
  std::map<rte_mbuf*, int> seen;
  std::map<size_t, std::vector<rte_mbuf*>> handovers;
  const auto note = [&](Outcome::Queue queue) {
    return [&, queue](size_t destination, rte_mbuf** packets, uint32_t count) {
      for (uint32_t i = 0; i < count; ++i) {
        ++seen[packets[i]];
        const auto& verdicts = worker.recorder.verdicts[packets[i]];
        ASSERT_EQ(verdicts.size(), 1u);
        ended_.push_back(packets[i]);
        outcomes[packets[i]] = {.queue = queue,
                                .port = destination,
                                .worker = number,
                                .handed_over = passed > 0,
                                .place = worker.recorder.places[packets[i]],
                                .mbuf = packets[i],
                                .verdict = verdicts[0],
                                .frame = {}};
      }
    };
  };
  // What it has made is nobody's packet before.
  const auto keep_made = [&](rte_mbuf* packet, size_t port) {
    const auto made = spares_.find(packet);
    if (made == spares_.end()) return false;
    const auto& verdicts = worker.recorder.verdicts[packet];
    EXPECT_EQ(verdicts.size(), 1u);
    EXPECT_EQ(verdicts.at(0).kind, Verdict::Kind::kMade);
    made_.push_back({.queue = Outcome::Queue::kTransmit,
                     .port = port,
                     .worker = number,
                     .verdict = verdicts.at(0),
                     .frame = made->second->frame()});
    spares_.erase(made);
    return true;
  };
  worker.outbox.transmit.flush([&](size_t port, rte_mbuf** packets, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      if (!keep_made(packets[i], port)) note(Outcome::Queue::kTransmit)(port, &packets[i], 1);
    }
  });
  worker.outbox.kernel.flush(note(Outcome::Queue::kKernel));
  worker.outbox.drop.flush(note(Outcome::Queue::kDrop));
  worker.outbox.handover.flush([&](size_t owner, rte_mbuf** packets, uint32_t count) {
    EXPECT_NE(owner, number) << "handed over to itself";
    for (uint32_t i = 0; i < count; ++i) {
      ++seen[packets[i]];
      EXPECT_EQ(worker.recorder.verdicts[packets[i]].size(), 1u);
      handovers[owner].push_back(packets[i]);
    }
  });
  for (const auto& [mbuf, times] : seen) EXPECT_EQ(times, 1) << "queues that hold the packet";
  // A fragment goes to whom follows its datagram first, and then to the flow's owner, of whom a
  // `nat` real's packet may have to try two.
  EXPECT_LT(passed, 4) << "handed over too often";
  for (auto& [owner, packets] : handovers) {
    run(static_cast<uint32_t>(owner), packets, 0, passed + 1, outcomes);
  }
  return seen.size();
}

void FakeGateway::settle(Outcomes& outcomes) {
  for (uint32_t number = 0; number < workers_.size(); ++number) {
    Worker& worker = *workers_[number];
    worker.recorder.clear();
    while (worker.pipeline.settle_fragments(*snapshot_, now(), worker.outbox)) {
      collect(number, 1, outcomes);
      worker.recorder.clear();
    }
    give_spares();
    while (worker.pipeline.settle_questions(*snapshot_, now(), worker.outbox)) {
      collect(number, 1, outcomes);
      worker.recorder.clear();
      give_spares();
    }
  }
  for (rte_mbuf* mbuf : std::exchange(ended_, {})) {
    const auto earlier = held_.find(mbuf);
    if (earlier == held_.end()) continue;
    outcomes[mbuf].frame = earlier->second->frame();
    settled_.push_back(outcomes[mbuf]);
    held_.erase(earlier);
  }
}

void FakeGateway::give_spares() {
  if (!snapshot_->dns_policy->forwarding.is_on) return;
  for (auto& worker : workers_) {
    SparePackets* spares = worker->pipeline.spares();
    while (spares != nullptr && spares->count < kBurst) {
      auto spare = std::make_unique<FakeMbuf>(Bytes{});
      spares->packets[spares->count++] = spare->get();
      spares_.emplace(spare->get(), std::move(spare));
    }
  }
}

void FakeGateway::settle_held() {
  Outcomes outcomes;
  settle(outcomes);
}

size_t FakeGateway::held() const {
  size_t sum = 0;
  for (const auto& worker : workers_) sum += worker->pipeline.held();
  return sum;
}

void FakeGateway::pass_seconds(double seconds, uint32_t step_ms) {
  const uint64_t end = ns_ + static_cast<uint64_t>(seconds * 1e9);
  while (ns_ < end) {
    ns_ = std::min(end, ns_ + step_ms * uint64_t{1'000'000});
    for (auto& worker : workers_) worker->pipeline.advance(now());
    settle_held();
  }
}

void FakeGateway::jump_seconds(double seconds) {
  ns_ += static_cast<uint64_t>(seconds * 1e9);
  for (auto& worker : workers_) worker->pipeline.advance(now());
  settle_held();
}

size_t FakeGateway::flows() const {
  size_t sum = 0;
  for (const auto& worker : workers_) sum += worker->pipeline.flows();
  return sum;
}

void FakeGateway::check_counters() const {
  uint64_t outcomes = count(Event::kForwardPackets) + count(Event::kReturnPackets);
  for (const auto& worker : workers_) {
    const WorkerCounters& counters = worker->memory.counters();
    uint64_t drops = 0, drops_by_port = 0;
    for (const auto& counter : counters.drops) drops += counter.value();
    for (const auto& port : worker->memory.details().drops) {
      for (const auto& counter : port) drops_by_port += counter.value();
    }
    EXPECT_EQ(drops_by_port, drops) << "each dropped packet came in by a port";
    outcomes += drops;
    for (const auto& counter : counters.replies) outcomes += counter.value();
    for (const auto& counter : counters.kernel) outcomes += counter.value();
    for (const auto& counter : counters.dns) outcomes += counter.value();
  }
  EXPECT_EQ(outcomes + held(), count(Event::kRxPackets))
      << "every packet is counted by its outcome once";
}

}  // namespace vipgate::test
