// Frames for fuzz_pipeline: mended, answered, and judged where they are fragments.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/support/packet_builder.h"

namespace vipgate::test {

// Where the IP or ARP header begins, behind one VLAN tag at the most.
// REQUIRES: at least 14 bytes.
size_t network_offset(const Bytes& frame);

// Gives the frame the lengths of what is there, and right checksums, as far as it has headers. A
// fragment's transport header stays as it is.
void mend(Bytes& frame);

struct Transport {
  size_t at = 0;  // bytes before the transport header, or before a later fragment's part
  uint8_t protocol = 0;
  bool is_fragment = false;
  size_t offset = 0;  // of the fragment, in bytes
  friend bool operator==(const Transport&, const Transport&) = default;
};
// REQUIRES: an IP packet that is whole.
Transport transport_of(const Bytes& packet);

// Whether all that the fragment holds came through but the ports of the first one, for which its
// checksum makes up as far as one fragment shows.
// REQUIRES: frames with whole IP packets; `before` is a fragment.
bool is_translated_fragment(const Bytes& before, const Bytes& after);

// A real's answer to a frame that was sent to it: a fragment to a fragment.
Bytes answer_of(const Bytes& translated, uint8_t tcp_flags, uint8_t ttl);

}  // namespace vipgate::test
