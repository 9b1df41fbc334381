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
      Count& count = counts_[service.snat_first];
      count.flows += flows;
      count.busiest_real = std::max(count.busiest_real, flows);
      count.addresses = service.snat_count;
    }
  }
  if (page_ >= snapshot.real_pages.size()) finish(snapshot);
}

void SnatPoolCensus::finish(const Snapshot& snapshot) {
  page_ = 0;
  uses_.clear();
  for (const auto& [first, count] : std::exchange(counts_, {})) {
    const auto addresses = std::span(snapshot.snat_addresses).subspan(first, count.addresses);
    SnatPoolUse& use = uses_.emplace_back();
    use.pool = to_string(addresses[0].address);
    use.flows = count.flows;
    use.busiest_real = count.busiest_real;
    for (const SnatAddress& address : addresses) {
      use.ports += uint64_t{address.port_high} - address.port_low + 1;
    }
  }
}

}  // namespace vipgate
