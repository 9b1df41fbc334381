#include "dataplane/packet_pool.h"

#include <rte_errno.h>
#include <rte_mbuf.h>

#include <algorithm>

#include "dataplane/fastpath/ethdev_io.h"

namespace vipgate {

std::string short_buffers_warning(const std::string& port, uint32_t mtu, uint32_t room) {
  if (frame_room(mtu) <= room) return {};
  return "port " + port + ": frames of more than " + std::to_string(room) +
         " bytes do not fit into one buffer and are dropped; for its MTU of " +
         std::to_string(mtu) + ", set dpdk.mbuf_bytes to auto, or to " +
         std::to_string(frame_room(mtu)) + " at least";
}

Result<rte_mempool*> make_packet_pool(const std::string& name, uint32_t count, uint16_t data_bytes,
                                      int socket) {
  // DPDK wants a cache of at most two thirds of the pool.
  const unsigned cache = std::min<unsigned>(256, count / 4);
  rte_mempool* pool = rte_pktmbuf_pool_create_by_ops(
      name.c_str(), count, cache, 0, static_cast<uint16_t>(data_bytes + RTE_PKTMBUF_HEADROOM),
      socket, "ring_mt_rts");
  if (pool == nullptr) {
    return Error{"cannot make the packet pool '" + name + "' of " + std::to_string(count) + " x " +
                 std::to_string(data_bytes) + " bytes: " + rte_strerror(rte_errno) +
                 "; raise dpdk.memory_mb"};
  }
  return pool;
}

bool allocate_packets(rte_mempool* pool, rte_mbuf** packets, uint32_t n) {
  return rte_pktmbuf_alloc_bulk(pool, packets, n) == 0;
}

}  // namespace vipgate
