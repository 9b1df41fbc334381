#include "dataplane/pcapng_file.h"

#include <string_view>
#include <utility>

namespace vipgate {
namespace {

using Block = std::vector<uint8_t>;

constexpr uint32_t kSectionHeader = 0x0a0d0d0a, kInterface = 1, kStatistics = 5, kPacket = 6;
constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr uint16_t kEthernet = 1;
constexpr uint16_t kComment = 1;          // opt_comment
constexpr uint16_t kUserApplication = 4;  // shb_userappl
constexpr uint16_t kInterfaceName = 2;    // if_name
constexpr uint16_t kResolution = 9;       // if_tsresol
constexpr uint16_t kPacketFlags = 2;      // epb_flags
constexpr uint16_t kDropped = 5;          // isb_ifdrop

void put_little(Block& block, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) block.push_back(static_cast<uint8_t>(value >> (8 * i)));
}
void put_padded(Block& block, std::span<const uint8_t> bytes) {
  block.insert(block.end(), bytes.begin(), bytes.end());
  while (block.size() % 4 != 0) block.push_back(0);
}
void put_option(Block& block, uint16_t code, std::span<const uint8_t> value) {
  put_little(block, code, 2);
  put_little(block, value.size(), 2);
  put_padded(block, value);
}
void put_option(Block& block, uint16_t code, std::string_view text) {
  put_option(block, code, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}
void put_number_option(Block& block, uint16_t code, uint64_t value, int bytes) {
  Block number;
  put_little(number, value, bytes);
  put_option(block, code, number);
}
void end_options(Block& block) { put_little(block, 0, 4); }

// The upper half comes first, whatever the byte order.
void put_time(Block& block, uint64_t time_ns) {
  put_little(block, time_ns >> 32, 4);
  put_little(block, time_ns, 4);
}

std::string whole_block(uint32_t type, const Block& body) {
  const size_t total = body.size() + 12;
  Block block;
  block.reserve(total);
  put_little(block, type, 4);
  put_little(block, total, 4);
  block.insert(block.end(), body.begin(), body.end());
  put_little(block, total, 4);
  return {reinterpret_cast<const char*>(block.data()), block.size()};
}

}  // namespace

Result<PcapngWriter> PcapngWriter::create(std::unique_ptr<WatchSink> sink,
                                          std::span<const std::string> interfaces,
                                          uint32_t snaplen) {
  Block section;
  put_little(section, kByteOrderMagic, 4);
  put_little(section, 1, 2);  // version 1.0
  put_little(section, 0, 2);
  put_little(section, UINT64_MAX, 8);  // how long the section is is not said
  put_option(section, kUserApplication, "vipgate");
  end_options(section);
  std::string beginning = whole_block(kSectionHeader, section);
  for (const std::string& name : interfaces) {
    Block block;
    put_little(block, kEthernet, 2);
    put_little(block, 0, 2);
    put_little(block, snaplen, 4);
    put_option(block, kInterfaceName, name);
    put_number_option(block, kResolution, 9, 1);  // 10^-9 s
    end_options(block);
    beginning += whole_block(kInterface, block);
  }
  if (auto status = sink->write(beginning); !status) return Error{status.error()};
  return PcapngWriter(std::move(sink));
}

Status PcapngWriter::write(const PcapngPacket& packet) {
  Block block;
  put_little(block, packet.interface, 4);
  put_time(block, packet.time_ns);
  put_little(block, packet.bytes.size(), 4);
  put_little(block, packet.original_length, 4);
  put_padded(block, packet.bytes);
  if (!packet.comment.empty()) put_option(block, kComment, packet.comment);
  put_number_option(block, kPacketFlags, static_cast<uint64_t>(packet.direction), 4);
  end_options(block);
  return sink_->offer(whole_block(kPacket, block));
}

Status PcapngWriter::write_losses(uint64_t time_ns, uint64_t lost) {
  Block block;
  put_little(block, 0, 4);
  put_time(block, time_ns);
  put_number_option(block, kDropped, lost, 8);
  end_options(block);
  return sink_->write(whole_block(kStatistics, block));
}

}  // namespace vipgate
