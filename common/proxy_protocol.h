// HAProxy, "The PROXY protocol", version 2 (section 2.2): the header by which a proxy tells a
// server who its client is, before the client's first bytes.
#pragma once

#include <array>
#include <cstdint>

#include "common/byte_order.h"

namespace vipgate {

// What every header begins with.
struct ProxyHeaderStart {
  static constexpr uint8_t kLocal = 0x20;  // version 2: the connection is the proxy's own
  static constexpr uint8_t kProxy = 0x21;  // version 2: it is a client's
  static constexpr uint8_t kTcpOverIpv4 = 0x11, kTcpOverIpv6 = 0x21;

  std::array<uint8_t, 12> signature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                    0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
  uint8_t version_command = kLocal;
  uint8_t family_protocol = 0;
  Be16 length;  // of what follows
};
static_assert(sizeof(ProxyHeaderStart) == 16);

}  // namespace vipgate
