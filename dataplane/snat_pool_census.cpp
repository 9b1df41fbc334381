#include "dataplane/snat_pool_census.h"

#include <algorithm>
#include <utility>

namespace vipgate {
namespace {

uint64_t flows_of(std::span<const std::unique_ptr<WorkerMemory>> workers, size_t real) {
  uint64_t flows = 0;
  for (const auto& worker : workers) {
    if (real < worker->reals().size()) flows += worker->reals()[real].flows.value();
  }
  return flows;
}

// Its name and ports; no flows yet.
SnatPoolUse pool_of(const ServiceEntry& service, const Snapshot& snapshot) {
  const auto addresses =
      std::span(snapshot.snat_addresses).subspan(service.snat_first, service.snat_count);
  SnatPoolUse use;
  use.pool = to_string(addresses[0].address);
  for (const SnatAddress& address : addresses) {
    use.ports += uint64_t{address.port_high} - address.port_low + 1;
  }
  return use;
}

}  // namespace

void SnatPoolCensus::advance(std::span<const std::unique_ptr<WorkerMemory>> workers,
                             const Snapshot& snapshot) {
  const size_t end = std::min(snapshot.real_pages.size(), page_ + kPages);
  for (; page_ < end; ++page_) {
    for (uint32_t i = 0; i < kPageSize; ++i) {
      const RealEntry& real = snapshot.real_pages[page_]->entries[i];
      if (real.service == kNone) continue;
      const ServiceEntry& service = snapshot.service(real.service);
      if (service.index != real.service || service.mode != Mode::kFullnat) continue;
      if (service.snat_count == 0) continue;
      const uint64_t flows = flows_of(workers, page_ * kPageSize + i);
      SnatPoolUse& use = counts_[snapshot.snat_addresses[service.snat_first].address];
      if (use.pool.empty()) use = pool_of(service, snapshot);
      use.flows += flows;
      use.busiest_real = std::max(use.busiest_real, flows);
    }
  }
  if (page_ >= snapshot.real_pages.size()) finish();
}

void SnatPoolCensus::finish() {
  page_ = 0;
  uses_.clear();
  for (auto& [address, use] : std::exchange(counts_, {})) uses_.push_back(std::move(use));
}

}  // namespace vipgate
