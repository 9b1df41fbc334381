// What routers say of a tunnel's own packets that were too big for a link on the way to a real:
// workers note it, the control plane judges it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace vipgate {

// As it came: anybody may have made it up.
struct TunnelError {
  // A tunnel's headers and those of the packet within, up to its addresses: IPv4, UDP, GUE with
  // eight hops, IPv6.
  static constexpr size_t kMostQuoted = 112;

  uint16_t mtu = 0;                          // of the link; routers before RFC 1191 say 0
  uint16_t length = 0;                       // of what is there of the packet that it quotes
  std::array<uint8_t, kMostQuoted> quote{};  // from the outer IP header on
};

// From one worker to the control thread. What finds it full is lost, which is the rate limit, too:
// the control thread empties it a few times a second, and one error of a real is enough.
class TunnelErrorRing {
 public:
  static constexpr uint32_t kSize = 8;

  // The worker. False: it is full.
  bool put(const TunnelError& error) {
    const uint32_t at = put_.load(std::memory_order_relaxed);
    if (at - taken_.load(std::memory_order_acquire) == kSize) return false;
    errors_[at % kSize] = error;
    put_.store(at + 1, std::memory_order_release);
    return true;
  }
  // The control thread. Calls visit(error) with each.
  template <class Visit>
  void take(Visit&& visit) {
    const uint32_t end = put_.load(std::memory_order_acquire);
    uint32_t at = taken_.load(std::memory_order_relaxed);
    for (; at != end; ++at) visit(errors_[at % kSize]);
    taken_.store(at, std::memory_order_release);
  }

 private:
  std::array<TunnelError, kSize> errors_;
  std::atomic<uint32_t> put_{0}, taken_{0};
};

}  // namespace vipgate
