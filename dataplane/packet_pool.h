// Packet buffers.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"

struct rte_mempool;

namespace vipgate {

// The room that a frame of a port with this MTU needs, as it lies in one buffer: link header, two
// tags, packet, check sequence.
constexpr uint32_t frame_room(uint32_t mtu) { return mtu + 26; }

// What to tell the operator when a port's longest frames do not fit into a buffer of `room` bytes,
// and so are dropped (multi_segment), or lost in the device; empty: they fit.
std::string short_buffers_warning(const std::string& port, uint32_t mtu, uint32_t room);

// A pool of `count` mbufs with room for `data_bytes` of packet data after the headroom.
// Its common ring is of the relaxed-tail-sync kind: control threads free mbufs into it, and with
// the default ring a control thread preempted in the middle of that would leave workers spinning.
// `name` is unique in the process and shorter than 26 characters; free with rte_mempool_free.
Result<rte_mempool*> make_packet_pool(const std::string& name, uint32_t count, uint16_t data_bytes,
                                      int socket);

}  // namespace vipgate
