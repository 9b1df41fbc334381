// What a Dataplane is made of. Of dataplane.cpp and dataplane_start.cpp alone.
#pragma once

#include <rte_mempool.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/snapshot_cell.h"
#include "dataplane/dataplane.h"
#include "dataplane/device_claim.h"
#include "dataplane/eal.h"
#include "dataplane/exception_path.h"
#include "dataplane/flow_desk.h"
#include "dataplane/port.h"
#include "dataplane/snat_pool_census.h"
#include "dataplane/watch_desk.h"
#include "dataplane/worker_memory.h"
#include "dataplane/worker_thread.h"
#include "dataplane/worker_wiring.h"

namespace vipgate {

// Destroyed from the bottom up: workers, ports, then what both use, then EAL.
struct Dataplane::Parts {
  struct Eal {
    explicit Eal(EalMode started) : mode(std::move(started)) {}
    ~Eal() { stop_eal(); }
    Eal(const Eal&) = delete;
    Eal& operator=(const Eal&) = delete;
    EalMode mode;
  };
  struct PoolDeleter {
    void operator()(rte_mempool* owned) const { rte_mempool_free(owned); }
  };

  struct Launch {
    Parts* parts;
    uint32_t worker;
  };

  explicit Parts(const DataplaneOptions& given)
      : options(given),
        workers(static_cast<uint32_t>(given.worker_cpus.size())),
        cell(given.worker_cpus.size()) {}
  ~Parts() {
    if (watches) watches->stop();  // while the workers can let go of it
    stop_workers();
  }

  Status start();
  Status open_ports();
  Status make_exception_path();
  void make_workers();
  bool has_ipv6() const;
  Status start_workers();
  void note_wall_clock();
  bool announce(const IpAddress& address);
  void add_port_counters(NamedCounters& counters) const;
  void stop_workers();
  WorkerOptions worker_options(uint32_t worker);

  DataplaneOptions options;
  uint32_t workers;
  std::unique_ptr<FlowOwners> owners;
  SnapshotCell<Snapshot> cell;
  std::unique_ptr<Eal> eal;
  std::unique_ptr<rte_mempool, PoolDeleter> pool;
  std::unique_ptr<WorkerMesh> mesh;
  std::unique_ptr<ExceptionPath> exception_path;
  std::vector<DeviceClaim> claims;
  std::vector<std::unique_ptr<Port>> ports;
  std::vector<std::string> warnings;
  std::vector<std::unique_ptr<WorkerMemory>> memory;
  std::vector<std::unique_ptr<Worker<EthdevIo>>> worker_objects;
  std::unique_ptr<WatchDesk> watches;
  std::unique_ptr<FlowDesk> flow_desk;
  SnatPoolCensus snat_pools;  // the control thread's
  std::unique_ptr<TscClock> clock;
  std::atomic<int64_t> wall_offset_ns{0};  // the wall clock's lead over `clock`
  std::atomic<uint32_t> dns_rotation{0};   // of answers on the kernel's side
  std::atomic<bool> stop{false};
  std::vector<Launch> launches;
  uint32_t running = 0;  // workers that were launched
};

}  // namespace vipgate
