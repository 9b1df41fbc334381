// Lowering the maximum segment size that a SYN announces (RFC 9293 3.7.1), so that the other end's
// segments fit into a tunnel, or have room for what is added to them.
#pragma once

#include "dataplane/fastpath/packet.h"
#include "dataplane/fastpath/tcp_options.h"

namespace vipgate {

// `lower` gets what is announced, and gives what is to be announced if that is less. A SYN without
// the option, or with options that are malformed, stays as it is.
// REQUIRES: TCP.
template <class Lower>
void lower_mss(Packet& packet, Lower&& lower) {
  auto& tcp = packet.l4<TcpHeader>();
  uint8_t* const option = find_tcp_option(tcp, TcpOption::kMss);
  if (option == nullptr || option[1] != 4) return;
  const uint16_t before = load<Be16>(option + 2).host();
  const uint16_t after = lower(before);
  if (after < before) replace_tcp_word(tcp, option + 2, Be16(after));
}

[[gnu::noinline]] inline void clamp_mss(Packet& packet, uint16_t most) {
  lower_mss(packet, [most](uint16_t) { return most; });
}

}  // namespace vipgate
