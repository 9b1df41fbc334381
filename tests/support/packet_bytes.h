// Appending big-endian fields to a byte string: the inside of PacketBuilder.
#pragma once

#include <cstdint>
#include <span>

#include "common/addresses.h"
#include "tests/support/packet_builder.h"

namespace vipgate::test {

inline void put8(Bytes& out, unsigned value) { out.push_back(static_cast<uint8_t>(value)); }
inline void put16(Bytes& out, unsigned value) {
  put8(out, value >> 8);
  put8(out, value & 255);
}
inline void put32(Bytes& out, uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}
inline void put(Bytes& out, std::span<const uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
inline void put(Bytes& out, const IpAddress& address) {
  put(out, std::span(address.bytes()).first(address.is_v4() ? 4 : 16));
}
inline void store16(Bytes& out, size_t offset, uint16_t value) {
  out.at(offset) = static_cast<uint8_t>(value >> 8);
  out.at(offset + 1) = static_cast<uint8_t>(value & 255);
}

}  // namespace vipgate::test
