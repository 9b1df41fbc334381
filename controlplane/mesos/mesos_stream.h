// One subscription: from the bytes of its stream to events.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/mesos/arriving_state.h"
#include "controlplane/mesos/mesos_event.h"
#include "controlplane/mesos/mesos_parser.h"
#include "controlplane/mesos/recordio.h"

namespace vipgate {

// Written by one thread, read by any.
struct MesosStreamCounters {
  std::atomic<uint64_t> records{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> garbage{0};
  std::atomic<uint64_t> oversize{0};
};

// Owned and called by one thread.
class MesosStream {
 public:
  // Gets the events, with the steady clock's time of when their last byte had come; false: no more.
  using Emit = std::function<bool(MesosEvent event, int64_t received_ns)>;

  MesosStream(size_t max_record, MesosParser& parser, MesosStreamCounters& counters, Emit emit)
      : decoder_(max_record), parser_(parser), counters_(counters), emit_(std::move(emit)) {}

  // False: the stream is at its end, for error() or since nobody wants more.
  bool feed(std::string_view bytes);
  // Empty: all is well.
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] bool subscribed() const { return subscribed_; }
  // Of the octets that wait for the rest of a record.
  [[nodiscard]] size_t memory_bytes() const { return decoder_.memory_bytes(); }

 private:
  bool take(std::string_view record, int64_t received_ns);
  void read_ahead();

  RecordIoDecoder decoder_;
  MesosParser& parser_;
  MesosStreamCounters& counters_;
  Emit emit_;
  std::optional<ArrivingState> reader_;  // of the first record, once a part of it came
  std::string error_;
  bool subscribed_ = false;
};

}  // namespace vipgate
