// How large frames are, as they are counted on the wire: with the four bytes of their check
// sequence.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace vipgate::generator {

inline constexpr uint16_t kCheckSequence = 4;
inline constexpr uint16_t kLargestFrame = 1518;

// That has room for a mark: Ethernet's own 64 bytes with IPv4, 84 with IPv6.
constexpr uint16_t smallest_frame(int family) { return family == 6 ? 84 : 64; }

// "64", "64,512,1518" (in turn), or "imix": 7 of the smallest, 4 of 594 and 1 of 1518 bytes. "":
// the smallest.
Result<std::vector<uint16_t>> parse_frame_sizes(std::string_view text, int family);

}  // namespace vipgate::generator
