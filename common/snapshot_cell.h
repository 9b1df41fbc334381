// SnapshotCell: the seam between the control thread, which publishes immutable snapshots, and the
// workers, which read the current one without waiting (quiescent-state-based reclamation).
//
// Owned by the composition root; outlives its readers. publish, passed and reclaim: the control
// thread only. current: any thread but a worker (it locks). read and offline: reader i is one
// thread at a time, the one that runs worker i.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>

namespace vipgate {

template <class T>
class SnapshotCell {
 public:
  // All readers start offline.
  explicit SnapshotCell(size_t readers)
      : reader_count_(readers),
        readers_(new Reader[readers]),
        published_(new Node{}),
        current_(published_.get()) {}

  SnapshotCell(const SnapshotCell&) = delete;
  SnapshotCell& operator=(const SnapshotCell&) = delete;

  // Makes `next` what readers get from now on and returns its version: 1, 2, …
  uint64_t publish(std::shared_ptr<const T> next) {
    auto node = std::make_unique<Node>();
    node->version = published_->version + 1;
    node->snapshot = next.get();
    node->owner = std::move(next);
    // Sequentially consistent: see come_online.
    current_.store(node.get(), std::memory_order_seq_cst);
    const std::lock_guard lock(owner_mutex_);
    retired_.push_back(std::move(published_));
    published_ = std::move(node);
    return published_->version;
  }

  // Whether every reader that is online has read this version or a later one. One that is offline
  // will, when it comes back.
  [[nodiscard]] bool passed(uint64_t version) const { return oldest_held() >= version; }

  // Lets go of the retired snapshots that no reader can hold; returns how many still wait.
  size_t reclaim() {
    const uint64_t oldest = oldest_held();
    while (!retired_.empty() && retired_.front()->version < oldest) retired_.pop_front();
    return retired_.size();
  }

  // Null before the first publish.
  [[nodiscard]] std::shared_ptr<const T> current() const {
    const std::lock_guard lock(owner_mutex_);
    return published_->owner;
  }

  // The current snapshot (null before the first publish), valid until this reader's next read or
  // offline. Calling it says that the reader holds nothing older. Wait-free; writes only when the
  // version has changed.
  [[nodiscard]] const T* read(size_t reader) noexcept {
    Reader& self = readers_[reader];
    const Node* node = current_.load(std::memory_order_acquire);
    // A held node cannot be freed, so an equal address is the same node.
    if (node == self.held) [[likely]] {
      return self.snapshot;
    }
    if (self.held == nullptr) node = come_online(self);
    self.held = node;
    self.snapshot = node->snapshot;
    // Release: our uses of the older snapshot come before the control thread frees it.
    self.version.store(node->version, std::memory_order_release);
    return self.snapshot;
  }

  // To be called before the reader sleeps or ends: it holds nothing until its next read.
  void offline(size_t reader) noexcept {
    Reader& self = readers_[reader];
    self.held = nullptr;
    self.snapshot = nullptr;
    self.version.store(kOffline, std::memory_order_release);
  }

 private:
  static constexpr uint64_t kOffline = std::numeric_limits<uint64_t>::max();

  // Version 0 is the empty one that stands before the first publish.
  struct Node {
    uint64_t version = 0;
    const T* snapshot = nullptr;
    std::shared_ptr<const T> owner;
  };

  // A reader's own cache line, so that its store disturbs no other reader.
  struct alignas(64) Reader {
    // Nothing older than this is held. The control thread reads it.
    std::atomic<uint64_t> version{kOffline};
    // The reader's own.
    const Node* held = nullptr;
    const T* snapshot = nullptr;
  };

  // An offline reader that just loaded the pointer could be overtaken: publish, see "offline",
  // free. So it first says that it may hold anything (version 0), and only then loads the pointer.
  // These two, and publish's store and oldest_held's load, are all sequentially consistent, so in
  // their single order either the control thread sees version 0 and frees nothing, or the reader
  // sees the new pointer. Release and acquire alone would let the load go before the store, also on
  // x86.
  const Node* come_online(Reader& self) noexcept {
    self.version.exchange(0, std::memory_order_seq_cst);
    return current_.load(std::memory_order_seq_cst);
  }

  uint64_t oldest_held() const {
    uint64_t oldest = kOffline;
    for (size_t i = 0; i < reader_count_; ++i) {
      const uint64_t version = readers_[i].version.load(std::memory_order_seq_cst);
      if (version < oldest) oldest = version;
    }
    return oldest;
  }

  const size_t reader_count_;
  const std::unique_ptr<Reader[]> readers_;
  mutable std::mutex owner_mutex_;  // published_, against current()
  std::unique_ptr<Node> published_;
  std::deque<std::unique_ptr<Node>> retired_;  // oldest first
  // Read by all in every loop, written seldom: on a line of its own.
  alignas(64) std::atomic<const Node*> current_;
};

}  // namespace vipgate
