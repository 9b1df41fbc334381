#include "dataplane/pcap_file.h"

#include <array>
#include <utility>

#include "common/system_error.h"

namespace vipgate {
namespace {

constexpr size_t kFileHeaderBytes = 24;
constexpr size_t kRecordHeaderBytes = 16;
constexpr uint32_t kMagicMicroseconds = 0xa1b2c3d4;
constexpr uint32_t kMagicNanoseconds = 0xa1b23c4d;
constexpr uint32_t kMagicPcapng = 0x0a0d0d0a;  // the same in both byte orders
constexpr uint16_t kLinkTypeEthernet = 1;
constexpr uint64_t kSecond = 1'000'000'000;

uint32_t little(const uint8_t* p) {
  return p[0] | uint32_t{p[1]} << 8 | uint32_t{p[2]} << 16 | uint32_t{p[3]} << 24;
}
uint32_t big(const uint8_t* p) {
  return p[3] | uint32_t{p[2]} << 8 | uint32_t{p[1]} << 16 | uint32_t{p[0]} << 24;
}
void put(uint8_t* p, uint32_t value) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<uint8_t>(value >> (8 * i));
}

}  // namespace

uint32_t PcapReader::field(const uint8_t* bytes) const {
  return big_endian_ ? big(bytes) : little(bytes);
}

Error PcapReader::packet_error(const std::string& what) const {
  return Error{path_ + ": packet " + std::to_string(packet_) + ": " + what};
}

Result<PcapReader> PcapReader::open(const std::string& path) {
  pcap_detail::File file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return system_error(path + ": cannot open");
  PcapReader reader(path, std::move(file));
  if (const Status status = reader.read_file_header(); !status) return Error{status.error()};
  return reader;
}

Status PcapReader::read_file_header() {
  std::array<uint8_t, kFileHeaderBytes> header{};
  const size_t got = std::fread(header.data(), 1, header.size(), file_.get());
  if (std::ferror(file_.get()) != 0) return system_error(path_ + ": cannot read");
  if (got >= 4 && little(header.data()) == kMagicPcapng) {
    return Error{path_ + ": this is a pcapng file; convert it with `editcap -F pcap`"};
  }
  if (got < header.size()) {
    return Error{path_ + ": too short for a pcap file: " + std::to_string(got) +
                 " bytes where the file header has 24"};
  }
  const uint32_t as_little = little(header.data());
  big_endian_ = as_little != kMagicMicroseconds && as_little != kMagicNanoseconds;
  const uint32_t magic = field(header.data());
  if (magic != kMagicMicroseconds && magic != kMagicNanoseconds) {
    return Error{path_ + ": not a pcap file (unknown magic number)"};
  }
  resolution_ = magic == kMagicNanoseconds ? PcapResolution::kNanoseconds  //
                                           : PcapResolution::kMicroseconds;
  // Major and minor are 16-bit fields; read as one, they swap with the byte order.
  const uint32_t version = field(header.data() + 4);
  const uint32_t major = big_endian_ ? version >> 16 : version & 0xffff;
  const uint32_t minor = big_endian_ ? version & 0xffff : version >> 16;
  if (major != 2 || minor != 4) {
    return Error{path_ + ": pcap version " + std::to_string(major) + "." + std::to_string(minor) +
                 ", but 2.4 is the one that is known"};
  }
  // The upper half tells about the frame check sequence.
  const uint32_t link_type = field(header.data() + 20) & 0xffff;
  if (link_type != kLinkTypeEthernet) {
    return Error{path_ + ": link type " + std::to_string(link_type) +
                 ", but only Ethernet (1) can be read"};
  }
  return Done{};
}

Result<bool> PcapReader::next(PcapPacket& packet) {
  std::array<uint8_t, kRecordHeaderBytes> header{};
  const size_t got = std::fread(header.data(), 1, header.size(), file_.get());
  if (std::ferror(file_.get()) != 0) return packet_error(system_error("cannot read").message);
  if (got == 0) return false;
  if (got < header.size()) {
    return packet_error("truncated: the file ends within the record's header");
  }
  const uint32_t fraction = field(header.data() + 4);
  const uint32_t captured = field(header.data() + 8);
  const uint32_t unit = resolution_ == PcapResolution::kNanoseconds ? 1 : 1000;
  if (fraction >= kSecond / unit) {
    return packet_error("bad time stamp: its fraction, " + std::to_string(fraction) +
                        ", is a second or more");
  }
  if (captured > kPcapMaxRecordBytes) {
    return packet_error("record of " + std::to_string(captured) + " bytes; at most " +
                        std::to_string(kPcapMaxRecordBytes) + " can be right");
  }
  packet.time_ns = field(header.data()) * kSecond + uint64_t{fraction} * unit;
  packet.original_length = field(header.data() + 12);
  packet.bytes.resize(captured);
  const size_t read = std::fread(packet.bytes.data(), 1, captured, file_.get());
  if (std::ferror(file_.get()) != 0) return packet_error(system_error("cannot read").message);
  if (read < captured) {
    return packet_error("truncated: the file ends after " + std::to_string(read) + " of " +
                        std::to_string(captured) + " bytes");
  }
  ++packet_;
  return true;
}

Result<PcapWriter> PcapWriter::create(const std::string& path, PcapResolution resolution) {
  pcap_detail::File file(std::fopen(path.c_str(), "wb"));
  if (file == nullptr) return system_error(path + ": cannot create");
  std::array<uint8_t, kFileHeaderBytes> header{};
  put(header.data(), resolution == PcapResolution::kNanoseconds ? kMagicNanoseconds  //
                                                                : kMagicMicroseconds);
  put(header.data() + 4, 2 | 4 << 16);
  put(header.data() + 16, kPcapMaxRecordBytes);
  put(header.data() + 20, kLinkTypeEthernet);
  if (std::fwrite(header.data(), header.size(), 1, file.get()) != 1) {
    return system_error(path + ": cannot write");
  }
  return PcapWriter(path, std::move(file), resolution);
}

Status PcapWriter::write(uint64_t time_ns, std::span<const uint8_t> frame) {
  if (frame.size() > kPcapMaxRecordBytes) {
    return Error{path_ + ": a frame of " + std::to_string(frame.size()) + " bytes is too long"};
  }
  const uint64_t fraction = time_ns % kSecond;
  const bool is_ns = resolution_ == PcapResolution::kNanoseconds;
  std::array<uint8_t, kRecordHeaderBytes> header{};
  put(header.data(), static_cast<uint32_t>(time_ns / kSecond));
  put(header.data() + 4, static_cast<uint32_t>(is_ns ? fraction : fraction / 1000));
  put(header.data() + 8, static_cast<uint32_t>(frame.size()));
  put(header.data() + 12, static_cast<uint32_t>(frame.size()));
  if (std::fwrite(header.data(), header.size(), 1, file_.get()) != 1 ||
      (!frame.empty() && std::fwrite(frame.data(), 1, frame.size(), file_.get()) != frame.size())) {
    return system_error(path_ + ": cannot write");
  }
  return Done{};
}

Status PcapWriter::close() {
  if (std::fclose(file_.release()) != 0) return system_error(path_ + ": cannot write");
  return Done{};
}

}  // namespace vipgate
