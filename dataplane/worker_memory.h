// Everything that one worker's fast path reads and writes, allocated once at start: flow tables,
// NAT records, counters.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/counters.h"
#include "common/loop_counters.h"
#include "common/snapshot.h"
#include "common/table_figures.h"
#include "common/tunnel_error.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/page_memory.h"
#include "dataplane/worker_sizes.h"

namespace vipgate {

struct WorkerMemoryOptions {
  uint32_t worker = 0;
  uint32_t workers = 1;
  WorkerSizes sizes;
  std::span<const SnatAddress> snat;
  HashSecret secret;
  const FlowOwners* owners = nullptr;  // with one worker, none is needed
  // By port: how many workers receive by it; 0: all.
  std::array<uint8_t, kMaxPorts> receivers{};
  const std::atomic<int64_t>* wall_offset_ns = nullptr;
};

// Owned by the data plane façade, or by a test; outlives the worker's Pipeline. Counters may be
// read by any thread; the rest is the worker's.
class WorkerMemory {
 public:
  // Throws std::bad_alloc: at start only.
  explicit WorkerMemory(const WorkerMemoryOptions& options);

  // What the worker's Pipeline is made from. Spans point into this object.
  PipelineOptions pipeline_options();

  // Has all pages of the flow tables and of their records given now, so that no packet waits for
  // one; `ipv6`: those of IPv6, too. To be called by the worker's thread, before it polls.
  void populate(bool ipv6);

  // From now on the worker's Pipeline counts what another one has, too: for limits that hold for
  // all of them together. To be called before the workers run.
  void connect(uint32_t worker, const WorkerMemory& other) {
    all_services_[worker] = other.services_;
  }

  const WorkerCounters& counters() const { return *counters_; }
  WorkerCounters& counters() { return *counters_; }
  const WorkerDetails& details() const { return *details_; }
  // How full its tables are.
  WorkerTables tables() const;
  const LoopCounters& loop_counters() const { return *loop_counters_; }
  LoopCounters& loop_counters() { return *loop_counters_; }
  std::span<const ServiceCounters> services() const { return services_; }
  std::span<const RealCounters> reals() const { return reals_; }
  std::span<const RealSignalCounters> signals() const { return signals_; }
  // New flows that found no port in a pool, at the position of its first address of the family.
  std::span<const Counter> snat_exhausted() const { return snat_exhausted_; }
  // For the control thread, which takes what the worker has put there.
  TunnelErrorRing& tunnel_errors() { return tunnel_errors_; }

 private:
  template <class Address>
  struct Family {
    using Bucket = typename FlowTable<typename FlowKeyOf<Address>::Type>::Bucket;
    PageMemory buckets, wide_buckets, records, affinity_buckets, connections;
    std::vector<SnatPorts> snat;
    FlowStoreMemory<Address> memory;
    std::span<typename AffinityTable<Address>::Bucket> affinities;
  };
  template <class Address>
  void make_family(Family<Address>& family);
  void make_forwarder();

  WorkerMemoryOptions options_;
  Family<Ipv4Address> v4_;
  Family<Ipv6Address> v6_;
  std::unique_ptr<WorkerCounters> counters_;
  std::unique_ptr<WorkerDetails> details_;
  std::unique_ptr<LoopCounters> loop_counters_;
  PageMemory datagram_memory_, held_memory_;
  FragmentMemory fragments_;
  PageMemory dns_bucket_memory_, dns_slot_memory_, dns_flight_memory_, dns_waiter_memory_;
  PageMemory dns_link_memory_, dns_client_memory_;
  std::unique_ptr<DnsForwarder> forwarder_;
  size_t dns_places_ = 0;  // for answers of resolvers; 0: none are kept
  PageMemory service_memory_, real_memory_, signal_memory_, new_flow_memory_;
  PageMemory snat_exhausted_memory_, dns_rate_memory_;
  std::span<ServiceCounters> services_;
  std::array<std::span<const ServiceCounters>, kMaxWorkers> all_services_;  // by worker
  std::span<RealCounters> reals_;
  std::span<RealSignalCounters> signals_;
  std::span<TokenBucket> new_flows_;
  std::span<Counter> snat_exhausted_;
  std::span<DnsRateTable::Line> dns_rates_;
  TunnelErrorRing tunnel_errors_;
};

}  // namespace vipgate
