// Capture files that say more of a frame than its bytes: by which interface, in which direction,
// and a comment. Format: draft-ietf-opsawg-pcapng. (librte_pcapng of DPDK 22.11 is experimental,
// has no comments of packets, and wants its copies made as mbufs by the worker.)
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "dataplane/watch_sink.h"

namespace vipgate {

enum class PcapngDirection : uint8_t { kUnknown = 0, kInbound = 1, kOutbound = 2 };

struct PcapngPacket {
  uint32_t interface = 0;        // index of the names that the file was created with
  uint64_t time_ns = 0;          // since the epoch
  uint32_t original_length = 0;  // of the frame; `bytes` may be its beginning alone
  std::span<const uint8_t> bytes;
  PcapngDirection direction = PcapngDirection::kUnknown;
  std::string comment;  // empty: none
};

// Writes one section of Ethernet interfaces, little-endian, times in nanoseconds. Used by one
// thread.
class PcapngWriter {
 public:
  // `snaplen`: the most bytes that are kept of a frame.
  static Result<PcapngWriter> create(std::unique_ptr<WatchSink> sink,
                                     std::span<const std::string> interfaces, uint32_t snaplen);

  Status write(const PcapngPacket& packet);
  // How many frames found no room before they could be written, over all interfaces; to be called
  // once, last.
  Status write_losses(uint64_t time_ns, uint64_t lost);

  // As WatchSink's.
  Status flush() { return sink_->flush(); }
  Status close() { return sink_->close(); }

 private:
  explicit PcapngWriter(std::unique_ptr<WatchSink> sink) : sink_(std::move(sink)) {}

  std::unique_ptr<WatchSink> sink_;
};

}  // namespace vipgate
