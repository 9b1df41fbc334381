// Capture files that say more of a frame than its bytes: by which interface, in which direction,
// and a comment. Format: draft-ietf-opsawg-pcapng. (librte_pcapng of DPDK 22.11 is experimental,
// has no comments of packets, and wants its copies made as mbufs by the worker.)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"
#include "dataplane/pcap_file.h"

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
  // Replaces the file if it exists. `snaplen`: the most bytes that are kept of a frame.
  static Result<PcapngWriter> create(const std::string& path,
                                     std::span<const std::string> interfaces, uint32_t snaplen);

  Status write(const PcapngPacket& packet);
  // How many frames found no room before they could be written, over all interfaces; to be called
  // once, last.
  Status write_losses(uint64_t time_ns, uint64_t lost);

  // So that others can read what has been written so far.
  Status flush();
  // What has been written is in the file only after this has succeeded.
  Status close();

 private:
  PcapngWriter(std::string path, pcap_detail::File file)
      : path_(std::move(path)), file_(std::move(file)) {}
  Status write_block(uint32_t type, std::vector<uint8_t>& body);

  std::string path_;
  pcap_detail::File file_;
};

}  // namespace vipgate
