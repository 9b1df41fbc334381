// What an operator wants to see of the packets of a running gateway: which ones, how much of each,
// and where it is written.
#pragma once

#include <cstdint>
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

struct WatchOptions {
  PacketFilter filter;
  // The first so many packets that match as they come in, or as they leave, are followed.
  uint32_t packets = 100;
  uint32_t snaplen_bytes = 256;  // of each frame; 64 to kWatchMaxSnaplen
  std::string capture;           // pcapng: frames as received, sent and dropped; empty: none
  std::string trace;             // a line of JSON for each packet; empty: none
  bool operator==(const WatchOptions&) const = default;
};

// Of the last watch, for those who wait for it.
struct WatchStatus {
  bool is_running = false;   // until its files are whole
  bool is_watching = false;  // all workers know of it, and it has not ended
  uint64_t packets = 0;      // that are followed
  uint64_t records = 0;      // written
  uint64_t lost = 0;  // that found no room, as the files are written slower than packets come
};

}  // namespace vipgate
