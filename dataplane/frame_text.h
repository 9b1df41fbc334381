// A frame in a few words.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace vipgate {

// "tcp 192.0.2.1:4000 > 11.1.1.1:80", "icmp 192.0.2.1 > 10.9.0.1", "arp", "ether type 0x88b5". Of
// any bytes, also of a frame's beginning alone.
std::string frame_text(std::span<const uint8_t> frame);

}  // namespace vipgate
