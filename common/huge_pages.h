// Whether packet memory lies on huge pages.
#pragma once

#include <cstdint>

namespace vipgate {

// kAuto: if enough are reserved, else without; kOn: refuse to start without; kOff: never.
enum class HugePages : uint8_t { kAuto, kOn, kOff };

}  // namespace vipgate
