// Captures that come piece by piece: whole blocks, and what is in them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace vipgate {

// Of little-endian pcapng (draft-ietf-opsawg-pcapng), as gateways write it.
class PcapngStream {
 public:
  // The blocks that became whole with these octets; a file may end behind each. An error: this is
  // no capture.
  Result<std::string> take(std::string_view octets);

  [[nodiscard]] uint64_t frames() const { return frames_; }
  // What found no room, which the last block says; nothing: that has not come.
  [[nodiscard]] std::optional<uint64_t> lost() const { return lost_; }

 private:
  void look_at(std::string_view block);

  std::string rest_;  // the beginning of a block
  uint64_t frames_ = 0;
  std::optional<uint64_t> lost_;
};

}  // namespace vipgate
