// Something that the control loop waits for: a queue of another thread, with a descriptor beside
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"

namespace vipgate {

struct SourceReport;

// Owned by the composition of the control loop; called by the control thread only; never blocks.
// Times are monotonic milliseconds.
class LoopClient {
 public:
  virtual ~LoopClient() = default;
  // Readable when there is something for process(); the loop waits for it.
  [[nodiscard]] virtual int fd() const = 0;
  virtual void process(int64_t now_ms) = 0;
  // Called in each round of the loop, whatever woke it.
  virtual void act(int64_t now_ms) = 0;
  // When act() has something to do by itself; INT64_MAX: never.
  [[nodiscard]] virtual int64_t next_deadline_ms() const = 0;
  // For the line of counters; names in the manner of the data plane's.
  [[nodiscard]] virtual NamedCounters counters() const = 0;
  // Adds how the sources are that it follows, with at most so many of each one's ignored items.
  // Nothing: those are not looked for, which takes a look at all that a source has.
  virtual void add_sources(std::vector<SourceReport>& /*sources*/,
                           std::optional<size_t> /*ignored*/) const {}
};

}  // namespace vipgate
