// What an operator wants to see of the packets of a running gateway: which ones, how much of each,
// and where it is written.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/addresses.h"

namespace vipgate {

// What is left out matches everything. A packet also matches when its answer would: when it does
// with source and destination exchanged.
struct PacketFilter {
  std::optional<IpPrefix> source, destination;
  std::optional<uint16_t> source_port, destination_port;
  std::optional<uint8_t> protocol;  // IP's number of it
  std::optional<uint8_t> port;      // index of the port by which it comes in or leaves
  std::optional<uint8_t> worker;    // that receives or sends it
  bool operator==(const PacketFilter&) const = default;
};

inline constexpr uint32_t kWatchMaxSnaplen = 9216;

// Of the last watch, for those who wait for it.
struct WatchStatus {
  bool is_running = false;   // until its files are whole
  bool is_watching = false;  // all workers know of it, and it has not ended
  uint64_t packets = 0;      // that are followed
  uint64_t records = 0;      // taken from the workers
  // That found no room, as they are taken slower than packets come: records, or what the output had
  // no room for.
  uint64_t lost = 0;
};

// Takes what a watch tells while it goes on. Called by the watch's thread; nothing may block.
class WatchOutput {
 public:
  virtual ~WatchOutput() = default;
  // Once, first: from now on packets are followed.
  virtual void begin() = 0;
  // A whole block of pcapng or line; false: there is no room, and it is lost.
  virtual bool offer(const std::string& piece) = 0;
  // The same for what the others are of no use without.
  virtual void write(const std::string& piece) = 0;
  // Once, last. `error`: what went wrong; empty: nothing.
  virtual void end(const WatchStatus& status, const std::string& error) = 0;
};

struct WatchOptions {
  PacketFilter filter;
  // The first so many packets that match as they come in, or as they leave, are followed.
  uint32_t packets = 100;
  uint32_t snaplen_bytes = 256;  // of each frame; 64 to kWatchMaxSnaplen
  uint32_t seconds = 0;          // after which it ends with fewer packets; 0: it does not
  std::string capture;           // pcapng: frames as received, sent and dropped; empty: none
  std::string trace;             // a line of JSON for each packet; empty: none
  // In place of files: one of the two goes there.
  enum class Stream : uint8_t { kNone, kCapture, kTrace } stream = Stream::kNone;
  std::shared_ptr<WatchOutput> output;  // null for kNone

  bool is_capture() const { return stream == Stream::kCapture || !capture.empty(); }
  bool is_trace() const { return stream == Stream::kTrace || !trace.empty(); }
  bool operator==(const WatchOptions&) const = default;
};

}  // namespace vipgate
