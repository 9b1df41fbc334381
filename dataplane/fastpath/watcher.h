// A worker's side of a watch: chooses packets, marks them, and copies what becomes of them into
// records. It is the observer of a pipeline of its own, which has the worker's packets only while
// there is a watch.
#pragma once

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "dataplane/fastpath/watch.h"

namespace vipgate {

// Used by the worker's thread only.
class Watcher {
 public:
  explicit Watcher(uint32_t worker) : worker_(worker) {}

  void start(Watch& watch) {
    watch_ = &watch;
    note_count_ = 0;
  }
  // Before the packets of a loop. The watch may begin in the midst of it: what came before that
  // would be taken for what begins as it leaves.
  void begin_turn() { chooses_ = watch_->is_active.load(std::memory_order_relaxed); }
  bool is_trace() const { return watch_->is_trace; }
  // Whether there are records that the writer has not been told of; they count as told then.
  bool take_news() { return std::exchange(has_news_, false); }

  // Before the pipeline gets them.
  void received(rte_mbuf** packets, uint16_t count, uint32_t port) {
    for (uint16_t i = 0; i < count; ++i) {
      const auto number = choose(packets[i], port);
      // What is not followed must not bear an old mark.
      packets[i]->tx_offload = number ? mark(*number, port) : 0;
      if (number) record(packets[i], WatchStage::kReceived, port, Verdict{});
    }
  }

  // From the pipeline.
  void operator()(const rte_mbuf* packet, const Verdict& verdict) {
    switch (verdict.kind) {
      case Verdict::Kind::kForward:
      case Verdict::Kind::kDns:
      case Verdict::Kind::kReply:
      case Verdict::Kind::kMade:
        // By which port is known when it leaves.
        if (note_count_ < notes_.size()) notes_[note_count_++] = {packet, verdict};
        return;
      case Verdict::Kind::kKernel:
        return record_followed(packet, WatchStage::kKernel, verdict);
      case Verdict::Kind::kHandover:
        return record_followed(packet, WatchStage::kHandedOver, verdict);
      case Verdict::Kind::kHold:
        return record_followed(packet, WatchStage::kHeld, verdict);
      case Verdict::Kind::kDrop:
        return record_followed(packet, WatchStage::kDropped, verdict);
    }
  }

  // Before they are sent.
  void leaving(rte_mbuf** packets, uint32_t count, uint32_t port) {
    for (uint32_t i = 0; i < count; ++i) {
      const bool is_known = is_followed(packets[i]);
      if (!is_known && !wants(packets[i], port)) continue;
      const Note* note = note_of(packets[i]);
      // Another worker's, which has told of it.
      if (note == nullptr) continue;
      if (!is_known) {
        const auto number = take_number();
        if (!number) continue;
        packets[i]->tx_offload = mark(*number, port);
      }
      record(packets[i], WatchStage::kSent, port, note->verdict);
    }
  }
  void sent_by_kernel(rte_mbuf** packets, uint32_t count, uint32_t port) {
    for (uint32_t i = 0; i < count; ++i) {
      const auto number = choose(packets[i], port);
      packets[i]->tx_offload = number ? mark(*number, port) : 0;
      if (number) record(packets[i], WatchStage::kFromKernel, port, Verdict{});
    }
  }
  // A queue had no room for them.
  void lost(rte_mbuf** packets, uint32_t count, DropReason reason) {
    const Verdict verdict{.kind = Verdict::Kind::kDrop, .drop = reason};
    for (uint32_t i = 0; i < count; ++i) {
      record_followed(packets[i], WatchStage::kDropped, verdict);
    }
  }
  // The outbox is empty: verdicts of packets that left are of no use any more.
  void flushed() { note_count_ = 0; }

  // What the worker counts while it has this packet alone in hand. REQUIRES: between the two calls
  // the packet is only read by its address.
  void begin_events(const rte_mbuf* packet, const WorkerCounters& counters) {
    followed_mark_ = is_followed(packet) ? packet->tx_offload : 0;
    if (followed_mark_ == 0) return;
    for (size_t i = 0; i < before_.size(); ++i) before_[i] = counters.events[i].value();
  }
  void end_events(const WorkerCounters& counters) {
    if (followed_mark_ == 0) return;
    uint64_t events = 0;
    for (size_t i = 0; i < before_.size(); ++i) {
      if (counters.events[i].value() != before_[i]) events |= uint64_t{1} << i;
    }
    WatchRecord* slot = take_slot();
    if (slot == nullptr) return;
    fill(*slot, followed_mark_, WatchStage::kCounted);
    slot->events = events;
    give(slot);
  }

 private:
  struct Note {
    const rte_mbuf* packet;
    Verdict verdict;
  };

  // In the field for offloads of transmission, which nothing here asks for: the watch, the port by
  // which the packet came in, its number.
  uint64_t mark(uint32_t number, uint32_t port) const {
    return uint64_t{watch_->id} << 40 | uint64_t{port & 0xff} << 32 | number;
  }
  bool is_followed(const rte_mbuf* packet) const { return packet->tx_offload >> 40 == watch_->id; }

  const Note* note_of(const rte_mbuf* packet) const {
    for (uint32_t i = 0; i < note_count_; ++i) {
      if (notes_[i].packet == packet) return &notes_[i];
    }
    return nullptr;
  }

  bool wants(const rte_mbuf* packet, uint32_t port) const {
    if (!chooses_ || watch_->taken.load(std::memory_order_relaxed) >= watch_->limit) return false;
    const auto* data = rte_pktmbuf_mtod(packet, const uint8_t*);
    return watch_->matcher.matches(read_fields(data, packet->data_len), port, worker_);
  }
  std::optional<uint32_t> take_number() {
    const uint32_t number = watch_->taken.fetch_add(1, std::memory_order_relaxed);
    if (number >= watch_->limit) return std::nullopt;
    return number;
  }
  std::optional<uint32_t> choose(const rte_mbuf* packet, uint32_t port) {
    if (!wants(packet, port)) return std::nullopt;
    return take_number();
  }

  void record_followed(const rte_mbuf* packet, WatchStage stage, const Verdict& verdict) {
    if (!is_followed(packet)) return;
    record(packet, stage, static_cast<uint8_t>(packet->tx_offload >> 32), verdict);
  }

  // REQUIRES: the packet bears its mark.
  void record(const rte_mbuf* packet, WatchStage stage, uint32_t port, const Verdict& verdict) {
    WatchRecord* slot = take_slot();
    if (slot == nullptr) return;
    fill(*slot, packet->tx_offload, stage);
    slot->port = static_cast<uint8_t>(port);
    slot->verdict = verdict;
    slot->frame_bytes = packet->pkt_len;
    slot->captured = std::min<uint32_t>(packet->data_len, watch_->snaplen);
    std::memcpy(slot->frame(), rte_pktmbuf_mtod(packet, const uint8_t*), slot->captured);
    give(slot);
  }

  WatchRecord* take_slot() {
    Watch::Lane& lane = watch_->lanes[worker_];
    void* slot = nullptr;
    if (rte_ring_sc_dequeue(lane.free, &slot) != 0) lane.lost.add();
    return static_cast<WatchRecord*>(slot);
  }
  void fill(WatchRecord& record, uint64_t mark, WatchStage stage) const {
    record.ticks = rte_rdtsc();
    record.number = static_cast<uint32_t>(mark);
    record.stage = stage;
    record.port = static_cast<uint8_t>(mark >> 32);
    record.worker = static_cast<uint8_t>(worker_);
    record.frame_bytes = 0;
    record.captured = 0;
  }
  // There is room: both rings hold all slots.
  void give(WatchRecord* slot) {
    rte_ring_sp_enqueue(watch_->lanes[worker_].full, slot);
    has_news_ = true;
  }

  const uint32_t worker_;
  Watch* watch_ = nullptr;
  bool chooses_ = false;
  bool has_news_ = false;
  uint64_t followed_mark_ = 0;  // 0: none, as the watch's number is not
  uint32_t note_count_ = 0;
  std::array<Note, kBurst> notes_;
  std::array<uint64_t, kCountOf<Event>> before_{};
};

}  // namespace vipgate
