#include "controlplane/vipctl/pcapng_stream.h"

#include <algorithm>

namespace vipgate {
namespace {

constexpr size_t kBlockHead = 8;  // type and length, which stands at the end again
constexpr size_t kShortestBlock = 12;
constexpr size_t kLongestBlock = 1u << 20;
constexpr uint32_t kStatisticsBlock = 5, kPacketBlock = 6;
// Of a statistics block's body: interface and time; then options, each with code and length.
constexpr size_t kStatisticsHead = 12;
constexpr size_t kOptionHead = 4;
constexpr uint64_t kDroppedOption = 5;  // isb_ifdrop

uint64_t little(std::string_view octets) {
  uint64_t value = 0;
  for (size_t i = octets.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(octets[i]);
  return value;
}

std::optional<uint64_t> dropped_in(std::string_view options) {
  while (options.size() >= kOptionHead) {
    const uint64_t code = little(options.substr(0, 2));
    const size_t length = little(options.substr(2, 2));
    if (code == kDroppedOption) return little(options.substr(kOptionHead, length));
    options.remove_prefix(std::min(kOptionHead + (length + 3) / 4 * 4, options.size()));
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> PcapngStream::take(std::string_view octets) {
  rest_.append(octets);
  size_t whole = 0;
  while (rest_.size() - whole >= kBlockHead) {
    const std::string_view left = std::string_view(rest_).substr(whole);
    const size_t length = little(left.substr(4, 4));
    if (length < kShortestBlock || length > kLongestBlock || length % 4 != 0) {
      return Error{"what the gateway sends is no capture"};
    }
    if (left.size() < length) break;
    look_at(left.substr(0, length));
    whole += length;
  }
  std::string blocks = rest_.substr(0, whole);
  rest_.erase(0, whole);
  return blocks;
}

void PcapngStream::look_at(std::string_view block) {
  const uint64_t type = little(block.substr(0, 4));
  const std::string_view body = block.substr(kBlockHead, block.size() - kShortestBlock);
  if (type == kPacketBlock) ++frames_;
  if (type == kStatisticsBlock && body.size() >= kStatisticsHead) {
    lost_ = dropped_in(body.substr(kStatisticsHead));
  }
}

}  // namespace vipgate
