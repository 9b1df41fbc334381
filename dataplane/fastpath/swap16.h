// The octets of a 16-bit number exchanged, in a register.
#pragma once

#include <cstdint>

namespace vipgate {

// As byte_swap() of the lower 16 bits, whatever stands above them. For that the compiler takes an
// instruction that only loads: where registers are short it stores the number first, and waits.
constexpr uint32_t swap16(uint32_t value) { return __builtin_bswap32(value) >> 16; }

}  // namespace vipgate
