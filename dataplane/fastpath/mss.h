// Lowering the maximum segment size that a SYN announces (RFC 9293 3.7.1), so that the other end's
// segments fit into a tunnel.
#pragma once

#include "common/checksum.h"
#include "common/headers.h"
#include "dataplane/fastpath/packet.h"

namespace vipgate {

// A SYN without the option, or with options that are malformed, stays as it is.
// REQUIRES: TCP.
[[gnu::noinline]] inline void clamp_mss(Packet& packet, uint16_t most) {
  constexpr uint8_t kEnd = 0, kNop = 1, kMss = 2;
  auto& tcp = packet.l4<TcpHeader>();
  auto* const start = reinterpret_cast<uint8_t*>(&tcp);
  const auto length = static_cast<size_t>(tcp.header_length());
  for (size_t at = sizeof(TcpHeader); at + 1 < length && start[at] != kEnd;) {
    if (start[at] == kNop) {
      ++at;
      continue;
    }
    const size_t size = start[at + 1];
    if (size < 2 || at + size > length) return;
    if (start[at] == kMss && size == 4) {
      uint8_t* value = start + at + 2;
      const auto before = load<Be16>(value);
      if (before.host() <= most) return;
      const Be16 after(most);
      std::memcpy(value, &after, sizeof after);
      // At an odd place its bytes are the low and the high one of two words.
      const bool is_odd = at % 2 != 0;
      const uint16_t delta = checksum_delta(is_odd ? byte_swap(before.raw()) : before.raw(),
                                            is_odd ? byte_swap(after.raw()) : after.raw());
      tcp.checksum = Be16::from_raw(checksum_apply(tcp.checksum.raw(), delta));
      return;
    }
    at += size;
  }
}

}  // namespace vipgate
