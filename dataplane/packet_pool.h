// Packet buffers.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"

struct rte_mempool;

namespace vipgate {

// A pool of `count` mbufs with room for `data_bytes` of packet data after the headroom.
// Its common ring is of the relaxed-tail-sync kind: control threads free mbufs into it, and with
// the default ring a control thread preempted in the middle of that would leave workers spinning.
// `name` is unique in the process and shorter than 26 characters; free with rte_mempool_free.
Result<rte_mempool*> make_packet_pool(const std::string& name, uint32_t count, uint16_t data_bytes,
                                      int socket);

}  // namespace vipgate
