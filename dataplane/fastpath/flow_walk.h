// How a worker is asked which flows it has: somebody lends it a FlowWalk, it goes through its
// tables, some buckets in each loop, writes down what matches, and gives the walk back. Without one
// this costs a worker one load and one branch a loop.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/addresses.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/flow_clock.h"
#include "dataplane/fastpath/flow_store.h"
#include "dataplane/fastpath/kernel_port.h"

namespace vipgate {

// A flow, copied from the worker's tables.
struct FlowRow {
  IpAddress client;
  IpAddress vip;     // with has_record, or if the id is wide
  IpAddress source;  // with has_record: what the real sees
  IpAddress real_address;
  Be16 client_port, vip_port, source_port, real_port;
  uint32_t flow_id = 0;
  RealId real;
  Quarter left = 0;  // until it ends, if nothing comes
  FlowState state = FlowState::kFree;
  bool has_record = false;
};

// A set of small numbers.
class NumberSet {
 public:
  explicit NumberSet(std::span<const uint64_t> words = {}) : words_(words) {}
  bool has(uint32_t number) const {
    return number / 64 < words_.size() && (words_[number / 64] >> number % 64 & 1) != 0;
  }

 private:
  std::span<const uint64_t> words_;
};

// What is left out matches everything.
struct FlowMatcher {
  std::optional<IpPrefix> client, vip;
  std::optional<Be16> client_port, vip_port;
  std::optional<NumberSet> ids, wide_ids;  // of flows; the wide ones less kWideFlowId
  std::optional<NumberSet> reals;          // by index
  std::optional<FlowState> state;

  bool has_id(uint32_t id) const {
    if (is_wide(id)) return !wide_ids || wide_ids->has(id - kWideFlowId);
    return !ids || ids->has(id);
  }
};

// Made and owned by who asks, who touches it when FlowWalkSlot says that the worker is through. All
// that it refers to outlives that.
class FlowWalk {
 public:
  FlowWalk(const FlowMatcher& matcher, std::span<FlowRow> rows) : matcher_(matcher), rows_(rows) {}

  // Any thread: it ends with the worker's next step, as it stands.
  void stop() { stop_.store(true, std::memory_order_relaxed); }

  // The worker: goes through some buckets. False: it is through.
  bool step(const FlowStore<Ipv4Address>& flows4, const FlowStore<Ipv6Address>& flows6, Now now);

  std::span<const FlowRow> rows() const { return rows_.first(found_); }
  uint64_t matched() const { return matched_; }  // those that found no room, too
  uint64_t looked_at() const { return looked_at_; }
  bool is_whole() const { return part_ == kParts; }

 private:
  static constexpr uint32_t kParts = 4;  // tables: two of each family

  template <class Address>
  bool step_in(const FlowStore<Address>& store, bool is_wide, Now now);
  template <class Address, class Table>
  void look(const FlowStore<Address>& store, const Table& table, size_t buckets, Now now);
  template <class Address, class Entry>
  void note(const FlowStore<Address>& store, const Entry& entry, Now now);
  template <class Address, class Entry>
  bool may_match(const Entry& entry) const;

  const FlowMatcher matcher_;
  const std::span<FlowRow> rows_;
  size_t found_ = 0;
  uint64_t matched_ = 0, looked_at_ = 0;
  uint32_t part_ = 0;
  size_t bucket_ = 0;
  std::atomic<bool> stop_{false};
};

// Where a worker looks for a walk in every loop. Outlives it.
class alignas(64) FlowWalkSlot {
 public:
  // Before the worker runs. `waker`: of the thread that waits.
  void set_waker(KernelWaker* waker) { waker_ = waker; }

  // Who asks. REQUIRES: is_free().
  void lend(FlowWalk& walk) { walk_.store(&walk, std::memory_order_release); }
  bool is_free() const { return walk_.load(std::memory_order_acquire) == nullptr; }

  // The worker.
  FlowWalk* walk() const { return walk_.load(std::memory_order_acquire); }
  void give_back() {
    walk_.store(nullptr, std::memory_order_release);
    if (waker_ != nullptr) waker_->wake();
  }

 private:
  std::atomic<FlowWalk*> walk_{nullptr};
  KernelWaker* waker_ = nullptr;
};

}  // namespace vipgate
