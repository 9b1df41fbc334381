// What the configuration says of the machine and the data plane is told.
#pragma once

#include <cstdint>

namespace vipgate {

// kAuto: huge pages when enough are reserved, else without; kOn: refuse to start without.
enum class HugePages : uint8_t { kAuto, kOn, kOff };

}  // namespace vipgate
