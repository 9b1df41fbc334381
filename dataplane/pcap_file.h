// Classic capture files (pcap, not pcapng) of Ethernet frames. Format: draft-ietf-opsawg-pcap.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"

namespace vipgate {

enum class PcapResolution : uint8_t { kMicroseconds, kNanoseconds };

// Longest record that is read or written; what usual tools take as their upper bound too.
inline constexpr uint32_t kPcapMaxRecordBytes = 262144;

struct PcapPacket {
  uint64_t time_ns = 0;          // since the epoch
  uint32_t original_length = 0;  // on the wire; more than bytes.size() if the capture cut it
  std::vector<uint8_t> bytes;
};

namespace pcap_detail {
struct FileClose {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileClose>;
}  // namespace pcap_detail

// Reads a capture from start to end, of either byte order and either resolution. Used by one
// thread. Every error names the file, the packet (from 0) and what is wrong.
class PcapReader {
 public:
  static Result<PcapReader> open(const std::string& path);

  // Fills `packet`; false at the end of the file.
  Result<bool> next(PcapPacket& packet);

  PcapResolution resolution() const { return resolution_; }
  const std::string& path() const { return path_; }

 private:
  PcapReader(std::string path, pcap_detail::File file)
      : path_(std::move(path)), file_(std::move(file)) {}
  Status read_file_header();
  uint32_t field(const uint8_t* bytes) const;
  Error packet_error(const std::string& what) const;

  std::string path_;
  pcap_detail::File file_;
  PcapResolution resolution_ = PcapResolution::kMicroseconds;
  bool big_endian_ = false;
  uint64_t packet_ = 0;  // number of the next one
};

// Writes a capture, little-endian. Used by one thread.
class PcapWriter {
 public:
  // Replaces the file if it exists.
  static Result<PcapWriter> create(const std::string& path, PcapResolution resolution);

  // A fraction that the file's resolution cannot hold is cut off.
  Status write(uint64_t time_ns, std::span<const uint8_t> frame);

  // What has been written is in the file only after this has succeeded.
  Status close();

 private:
  PcapWriter(std::string path, pcap_detail::File file, PcapResolution resolution)
      : path_(std::move(path)), file_(std::move(file)), resolution_(resolution) {}

  std::string path_;
  pcap_detail::File file_;
  PcapResolution resolution_;
};

}  // namespace vipgate
