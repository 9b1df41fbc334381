#include "dataplane/replay_engine.h"

#include <algorithm>

#include "dataplane/fastpath/pipeline_impl.h"

namespace vipgate {

template class Pipeline<ReplayObserver>;

Secrets replay_secrets(std::optional<uint64_t> seed) {
  if (seed) return make_secrets(seed).value();  // a seed suffices
  // Any key that gives all workers their share.
  return {.flows = {}, .owner = make_secrets(1).value().owner, .names = {}, .cookies = {}};
}

ReplayEngine::ReplayEngine(const Snapshot& snapshot, const WorkerMemoryOptions& options)
    : snapshot_(snapshot) {
  for (uint32_t worker = 0; worker < options.workers; ++worker) {
    WorkerMemoryOptions own = options;
    own.worker = worker;
    own.receivers.fill(1);  // the first one receives all
    memory_.push_back(std::make_unique<WorkerMemory>(own));
    pipelines_.push_back(
        std::make_unique<Pipeline<ReplayObserver>>(memory_.back()->pipeline_options(), observer_));
  }
  for (auto& own : memory_) {
    for (uint32_t worker = 0; worker < options.workers; ++worker) {
      own->connect(worker, *memory_[worker]);
    }
  }
}

void ReplayEngine::start() {
  outcomes_.clear();
  for (auto& slot : ended_) free_.push_back(std::move(slot));
  ended_.clear();
  give_spares();
}

void ReplayEngine::pass_until(uint64_t now_ns) {
  const auto waits = [&] {
    return std::any_of(pipelines_.begin(), pipelines_.end(),
                       [](const auto& pipeline) { return pipeline->held() != 0; });
  };
  for (bool is_there = false; !is_there;) {
    const uint64_t next_ns = waits() ? std::min(now_ns, now_.ns + kStepNs) : now_ns;
    is_there = next_ns == now_ns;
    now_ = Now::from_ns(next_ns);
    for (auto& pipeline : pipelines_) pipeline->advance(now_);
    settle();
  }
}

ReplayEngine::Slot& ReplayEngine::fill(std::span<const uint8_t> frame, uint8_t port) {
  if (free_.empty()) free_.push_back(std::make_unique<Slot>());
  std::unique_ptr<Slot> taken = std::move(free_.back());
  free_.pop_back();
  Slot& slot = *taken;
  used_[&slot.mbuf] = std::move(taken);
  const size_t length = std::min(frame.size(), kFrameBytes);
  std::copy_n(frame.begin(), length, slot.buffer.begin() + RTE_PKTMBUF_HEADROOM);
  slot.mbuf = rte_mbuf{};
  slot.mbuf.buf_addr = slot.buffer.data();
  slot.mbuf.buf_len = static_cast<uint16_t>(slot.buffer.size());
  slot.mbuf.data_off = RTE_PKTMBUF_HEADROOM;
  slot.mbuf.refcnt = 1;
  slot.mbuf.port = port;
  slot.mbuf.data_len = static_cast<uint16_t>(length);
  slot.mbuf.pkt_len = static_cast<uint32_t>(frame.size());
  // The pipeline looks at the number of segments before all else and never follows `next`.
  slot.mbuf.nb_segs = frame.size() > kFrameBytes ? 2 : 1;
  return slot;
}

void ReplayEngine::collect(uint32_t worker) {
  const auto end = [&](rte_mbuf* packet) -> Outcome& {
    auto node = used_.extract(packet);
    if (observer_.last.at(packet).kind == Verdict::Kind::kMade) node.mapped()->number = number_;
    outcomes_.push_back({.number = node.mapped()->number,
                         .verdict = observer_.last.at(packet),
                         .worker = worker,
                         .out_port = {},
                         .out_frame = {}});
    observer_.last.erase(packet);
    ended_.push_back(std::move(node.mapped()));
    return outcomes_.back();
  };
  outbox_.transmit.flush([&](size_t port, rte_mbuf** packets, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      Outcome& outcome = end(packets[i]);
      outcome.out_port = static_cast<uint8_t>(port);
      outcome.out_frame = {rte_pktmbuf_mtod(packets[i], const uint8_t*), packets[i]->data_len};
    }
  });
  const auto end_all = [&](size_t, rte_mbuf** packets, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) end(packets[i]);
  };
  outbox_.kernel.flush(end_all);
  outbox_.drop.flush(end_all);
  std::vector<std::pair<uint32_t, rte_mbuf*>> handed;
  outbox_.handover.flush([&](size_t owner, rte_mbuf** packets, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) handed.emplace_back(owner, packets[i]);
  });
  for (auto& [owner, packet] : handed) {
    pipelines_[owner]->process(snapshot_, &packet, 1, 0, true, now_, outbox_);
    collect(owner);
  }
}

void ReplayEngine::settle() {
  for (uint32_t worker = 0; worker < pipelines_.size(); ++worker) {
    while (pipelines_[worker]->settle_fragments(snapshot_, now_, outbox_)) collect(worker);
    while (pipelines_[worker]->settle_questions(snapshot_, now_, outbox_)) {
      collect(worker);
      give_spares();
    }
  }
}

void ReplayEngine::give_spares() {
  if (!snapshot_.dns_policy->forwarding.is_on) return;
  for (auto& pipeline : pipelines_) {
    SparePackets* spares = pipeline->spares();
    if (spares == nullptr) continue;
    while (spares->count < kBurst) spares->packets[spares->count++] = &fill({}, 0).mbuf;
  }
}

std::span<const ReplayEngine::Outcome> ReplayEngine::process(std::span<const uint8_t> frame,
                                                             uint8_t port, uint64_t now_ns,
                                                             uint64_t number) {
  start();
  pass_until(now_ns);
  number_ = number;
  Slot& slot = fill(frame, port);
  slot.number = number;
  rte_mbuf* packet = &slot.mbuf;
  pipelines_[0]->process(snapshot_, &packet, 1, port, false, now_, outbox_);
  collect(0);
  settle();
  return outcomes_;
}

std::span<const ReplayEngine::Outcome> ReplayEngine::finish() {
  start();
  const uint64_t longest_ns =
      std::max(kFragmentHoldNs, snapshot_.dns_policy->forwarding.timeout_ns);
  pass_until(now_.ns + longest_ns + kStepNs);
  return outcomes_;
}

}  // namespace vipgate
