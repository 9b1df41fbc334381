// What the worker that follows a datagram's fragments tells the worker that owns the flow: it
// travels in fields of the mbuf that describe received packets to those who asked for that, which
// we don't.
#pragma once

#include <rte_mbuf.h>

#include <cstring>

#include "common/byte_order.h"

namespace vipgate {

struct FragmentNote {
  Be16 source_port{}, destination_port{};
  uint8_t protocol = 0;
  bool is_set = false;
  uint16_t reserved = 0;
  uint32_t id = 0;  // of the datagram where its addresses are translated; 16 bits over IPv4
};

inline constexpr size_t kNoteInHash = 8;
static_assert(sizeof(FragmentNote) == kNoteInHash + sizeof(uint32_t));
static_assert(sizeof(rte_mbuf::hash) >= kNoteInHash && sizeof(rte_mbuf::packet_type) == 4);

inline void write_note(rte_mbuf* mbuf, const FragmentNote& note) {
  std::memcpy(&mbuf->hash, &note, kNoteInHash);
  mbuf->packet_type = note.id;
}

// REQUIRES: the mbuf came from another worker or from the hold queue, not from a device.
inline FragmentNote read_note(const rte_mbuf* mbuf) {
  FragmentNote note;
  std::memcpy(static_cast<void*>(&note), &mbuf->hash, kNoteInHash);
  note.id = mbuf->packet_type;
  return note;
}

}  // namespace vipgate
