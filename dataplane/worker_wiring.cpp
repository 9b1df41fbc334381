#include "dataplane/worker_wiring.h"

#include <rte_errno.h>
#include <rte_lcore.h>

#include <string>

namespace vipgate {

WorkerPort assign_port(uint32_t port, uint16_t device, uint16_t rx_queues, uint16_t tx_queues,
                       uint32_t worker, uint32_t workers) {
  const uint32_t queue = queue_of(port, worker, workers);
  WorkerPort share{.device = device};
  if (queue < rx_queues) share.rx_queue = static_cast<uint16_t>(queue);
  if (queue < tx_queues) share.tx_queue = static_cast<uint16_t>(queue);
  share.tx_owner = static_cast<uint16_t>(queue_owner(port, 0, workers));
  return share;
}

Result<WorkerMesh> WorkerMesh::create(uint32_t workers, uint32_t size) {
  WorkerMesh mesh(workers);
  for (auto* rings : {&mesh.owned_, &mesh.transmit_}) {
    const char* kind = rings == &mesh.owned_ ? "owned" : "transmit";
    for (uint32_t from = 0; from < workers; ++from) {
      for (uint32_t to = 0; to < workers; ++to) {
        RingPointer ring;
        if (from != to) {
          const std::string name =
              std::string(kind) + "_" + std::to_string(from) + "_" + std::to_string(to);
          ring.reset(
              rte_ring_create(name.c_str(), size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ));
          if (!ring) {
            return Error{"making the ring " + name +
                         " between workers: " + rte_strerror(rte_errno) + "; raise dpdk.memory_mb"};
          }
        }
        rings->push_back(std::move(ring));
      }
    }
  }
  return mesh;
}

void WorkerMesh::connect(uint32_t worker, WorkerOptions& options) const {
  for (uint32_t other = 0; other < workers_; ++other) {
    options.owned.in[other] = at(owned_, other, worker).get();
    options.owned.out[other] = at(owned_, worker, other).get();
    options.transmit.in[other] = at(transmit_, other, worker).get();
    options.transmit.out[other] = at(transmit_, worker, other).get();
  }
}

}  // namespace vipgate
