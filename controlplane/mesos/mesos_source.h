// Follows one Mesos cluster: finds the leader, subscribes, parses, and puts what it learns into a
// bounded queue. A full queue holds up the source, never anyone else. Never gives up: whatever
// fails is tried again, after a time that grows and is jittered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/mesos/mesos_event.h"

namespace vipgate {

// Shared by all sources: many producers, the control thread consumes.
class MesosQueue {
 public:
  // `capacity` in inputs.
  static Result<std::unique_ptr<MesosQueue>> create(size_t capacity);
  virtual ~MesosQueue() = default;
  // Asked with the queue's lock held: it must not call the queue.
  using GiveUp = std::function<bool()>;

  // Blocks while it is full; false: the queue is closed, or `give_up` says so.
  virtual bool push(MesosInput input, const GiveUp& give_up) = 0;
  bool push(MesosInput input) { return push(std::move(input), nullptr); }
  // Makes blocked producers ask `give_up` again.
  virtual void wake() = 0;
  virtual std::optional<MesosInput> try_pop() = 0;
  virtual void close() = 0;
  // How many inputs wait in it.
  [[nodiscard]] virtual size_t size() const = 0;
  // Readable when there is something to pop; the consumer pops until there is nothing.
  [[nodiscard]] virtual int fd() const = 0;
};

// Since the start.
struct MesosSourceCounters {
  uint64_t connects = 0;  // subscriptions that got their SUBSCRIBED
  uint64_t drops = 0;     // subscriptions that ended, for whatever reason
  uint64_t records = 0;
  uint64_t bytes = 0;     // of the stream
  uint64_t garbage = 0;   // records or streams that could not be read
  uint64_t oversize = 0;  // records above max_record_mb
  uint64_t sweeps = 0;    // whole states that were fetched
  uint64_t failed_sweeps = 0;
};

// Made by the control thread; has threads of its own, which end with it.
class MesosSource {
 public:
  // An error: a file of the configuration cannot be used.
  static Result<std::unique_ptr<MesosSource>> start(const MesosConfig& config, size_t cluster,
                                                    MesosQueue& queue);
  virtual ~MesosSource() = default;
  // Asks for a sweep now (GET_STATE), beside the one that comes by itself.
  virtual void request_sweep() = 0;
  // Any thread.
  [[nodiscard]] virtual MesosSourceCounters counters() const = 0;
};

}  // namespace vipgate
