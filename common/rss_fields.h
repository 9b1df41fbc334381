// What a device with several queues spreads packets by.
#pragma once

#include <cstdint>

namespace vipgate {

// Which end of the packets that a port receives names the worker that owns their flow.
enum class RssFields : uint8_t {
  kSource,       // clients send to the port
  kDestination,  // reals send to it, to clients' or to SNAT addresses
};

}  // namespace vipgate
