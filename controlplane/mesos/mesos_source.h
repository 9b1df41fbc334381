// Follows one Mesos cluster: finds the leader, subscribes, parses, and puts what it learns into a
// bounded queue. A full queue holds up the source, never anyone else. Never gives up: whatever
// fails is tried again, after a time that grows and is jittered.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "common/result.h"
#include "controlplane/config.h"
#include "controlplane/mesos/mesos_event.h"

namespace vipgate {

// Shared by all sources: many producers, the control thread consumes.
class MesosQueue {
 public:
  // `capacity` in inputs.
  static Result<std::unique_ptr<MesosQueue>> create(size_t capacity);
  virtual ~MesosQueue() = default;
  // Blocks while it is full; false: the queue is closed.
  virtual bool push(MesosInput input) = 0;
  virtual std::optional<MesosInput> try_pop() = 0;
  virtual void close() = 0;
  // Readable when there is something to pop; the consumer pops until there is nothing.
  [[nodiscard]] virtual int fd() const = 0;
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
};

}  // namespace vipgate
