#include "dataplane/replay_engine.h"

#include <algorithm>

#include "dataplane/fastpath/pipeline_impl.h"

namespace vipgate {

template class Pipeline<ReplayObserver>;

Secrets replay_secrets(std::optional<uint64_t> seed) {
  if (seed) return make_secrets(seed).value();  // a seed suffices
  return {
      .flows = {},
      .owner = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
                0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
                0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa},
      .names = {}};
}

ReplayEngine::ReplayEngine(const Snapshot& snapshot, const WorkerMemoryOptions& options)
    : snapshot_(snapshot) {
  for (uint32_t worker = 0; worker < options.workers; ++worker) {
    WorkerMemoryOptions own = options;
    own.worker = worker;
    memory_.push_back(std::make_unique<WorkerMemory>(own));
    pipelines_.push_back(
        std::make_unique<Pipeline<ReplayObserver>>(memory_.back()->pipeline_options(), observer_));
  }
}

void ReplayEngine::fill(std::span<const uint8_t> frame, uint8_t port) {
  const size_t length = std::min(frame.size(), kFrameBytes);
  std::copy_n(frame.begin(), length, buffer_.begin() + RTE_PKTMBUF_HEADROOM);
  mbuf_ = rte_mbuf{};
  mbuf_.buf_addr = buffer_.data();
  mbuf_.buf_len = static_cast<uint16_t>(buffer_.size());
  mbuf_.data_off = RTE_PKTMBUF_HEADROOM;
  mbuf_.refcnt = 1;
  mbuf_.port = port;
  mbuf_.data_len = static_cast<uint16_t>(length);
  mbuf_.pkt_len = static_cast<uint32_t>(frame.size());
  // The pipeline looks at the number of segments before all else and never follows `next`.
  mbuf_.nb_segs = frame.size() > kFrameBytes ? 2 : 1;
}

std::optional<uint32_t> ReplayEngine::collect(Outcome& outcome) {
  std::optional<uint32_t> owner;
  outbox_.handover.flush(
      [&](size_t worker, rte_mbuf**, uint32_t) { owner = static_cast<uint32_t>(worker); });
  outbox_.transmit.flush([&](size_t port, rte_mbuf** packets, uint32_t) {
    outcome.out_port = static_cast<uint8_t>(port);
    outcome.out_frame = {rte_pktmbuf_mtod(packets[0], const uint8_t*), packets[0]->data_len};
  });
  const auto forget = [](size_t, rte_mbuf**, uint32_t) {};
  outbox_.kernel.flush(forget);
  outbox_.drop.flush(forget);
  return owner;
}

ReplayEngine::Outcome ReplayEngine::process(std::span<const uint8_t> frame, uint8_t port,
                                            uint64_t now_ns) {
  const Now now = Now::from_ns(now_ns);
  for (auto& pipeline : pipelines_) pipeline->advance(now);
  fill(frame, port);
  observer_.last.reset();
  rte_mbuf* packet = &mbuf_;
  Outcome outcome;
  pipelines_[0]->process(snapshot_, &packet, 1, port, false, now, outbox_);
  while (const auto owner = collect(outcome)) {
    outcome.worker = *owner;
    pipelines_[*owner]->process(snapshot_, &packet, 1, port, true, now, outbox_);
  }
  // Each way out of the pipeline tells the observer.
  outcome.verdict = observer_.last.value();
  return outcome;
}

}  // namespace vipgate
