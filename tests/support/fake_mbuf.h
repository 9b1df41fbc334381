// An mbuf laid over plain memory: packets for the fast path without EAL and without a pool.
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "tests/support/packet_builder.h"

namespace vipgate::test {

// Owns the mbuf and its buffer, which lies on the heap with nothing behind it: a sanitizer sees
// every access beyond. Never give it to DPDK's allocator.
class FakeMbuf {
 public:
  static constexpr size_t kHeadroom = 128;
  static constexpr size_t kRoom = 2048;

  // The buffer has `headroom` bytes before the frame, and `room` bytes from its start on.
  explicit FakeMbuf(std::span<const uint8_t> frame, size_t headroom = kHeadroom,
                    size_t room = kRoom);
  // A buffer that ends where the frame ends.
  static FakeMbuf exact(std::span<const uint8_t> frame) { return FakeMbuf(frame, 0, frame.size()); }

  rte_mbuf* get() { return mbuf_.get(); }
  rte_mbuf* operator->() { return mbuf_.get(); }
  // The frame as it is now.
  Bytes frame() const;

 private:
  std::unique_ptr<uint8_t[]> buffer_;
  std::unique_ptr<rte_mbuf> mbuf_;
};

}  // namespace vipgate::test
