// Cutting packets into fragments and putting them together again, by the RFCs and byte by byte.
#pragma once

#include <span>
#include <vector>

#include "tests/support/packet_builder.h"

namespace vipgate::test {

// The frame's IP packet in fragments of `part` bytes each, a multiple of 8, with this id (over
// IPv4, its low 16 bits). An IPv6 packet must have no extension headers.
[[nodiscard]] std::vector<Bytes> fragmented(const Bytes& frame, size_t part, uint32_t id);

// The frame that these fragments, in any order, were made of; the id of an IPv4 packet becomes 0,
// and its header checksum that of the whole. Throws std::invalid_argument unless they fit together,
// with one id and right header checksums.
[[nodiscard]] Bytes reassembled(std::vector<Bytes> fragments);

// The id of a fragment.
[[nodiscard]] uint32_t fragment_id(const Bytes& frame);

}  // namespace vipgate::test
