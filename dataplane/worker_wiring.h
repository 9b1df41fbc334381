// Who does what: which worker polls and fills which queue, and the rings between workers.
#pragma once

#include <rte_ring.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "common/result.h"
#include "dataplane/fastpath/worker.h"

namespace vipgate {

// The worker that owns a queue of a port: neighbouring ports begin with different workers, so that
// ports of one queue each spread over them.
constexpr uint32_t queue_owner(uint32_t port, uint32_t queue, uint32_t workers) {
  return (port + queue) % workers;
}
// The queue of a port that is a worker's, if the port has that many.
constexpr uint32_t queue_of(uint32_t port, uint32_t worker, uint32_t workers) {
  return (worker + workers - port % workers) % workers;
}

// A worker's share of a port with so many queues.
WorkerPort assign_port(uint32_t port, uint16_t device, uint16_t rx_queues, uint16_t tx_queues,
                       uint32_t worker, uint32_t workers);

struct RingDeleter {
  void operator()(rte_ring* ring) const { rte_ring_free(ring); }
};
using RingPointer = std::unique_ptr<rte_ring, RingDeleter>;

// Two rings for each ordered pair of workers. Owned by the data plane; outlives the workers.
class WorkerMesh {
 public:
  // `size`: packets in each ring, a power of two. REQUIRES: EAL is started.
  static Result<WorkerMesh> create(uint32_t workers, uint32_t size);

  // Puts the ends that are `worker`'s into `options`.
  void connect(uint32_t worker, WorkerOptions& options) const;

 private:
  explicit WorkerMesh(uint32_t workers) : workers_(workers) {}
  const RingPointer& at(const std::vector<RingPointer>& rings, uint32_t from, uint32_t to) const {
    return rings[from * workers_ + to];
  }

  uint32_t workers_;
  std::vector<RingPointer> owned_, transmit_;
};

}  // namespace vipgate
