// What an operator takes out: a real, or all reals of an address.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/addresses.h"
#include "common/result.h"
#include "controlplane/model/model.h"

namespace vipgate {

struct DrainTarget {
  IpAddress address;
  uint16_t port = 0;  // 0: whatever the real's is
  bool covers(const RealKey& real) const {
    return real.address == address && (port == 0 || real.port == port);
  }
  friend bool operator==(const DrainTarget&, const DrainTarget&) = default;
  friend auto operator<=>(const DrainTarget&, const DrainTarget&) = default;
};

// "10.0.0.5", "10.0.0.5:8080", "fd00::5", "[fd00::5]:8080"
Result<DrainTarget> parse_drain_target(std::string_view text);
std::string to_string(const DrainTarget& target);

enum class DrainStage : uint8_t {
  kNone,
  kDraining,  // flows stay, no new ones
  kOver,      // gets nothing
};

}  // namespace vipgate
