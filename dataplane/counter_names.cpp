#include "dataplane/counter_names.h"

#include <algorithm>

namespace vipgate {
namespace {

using Workers = std::span<const std::unique_ptr<WorkerMemory>>;

void add(NamedCounters& counters, std::string name, uint64_t value) {
  if (value != 0) counters.emplace_back(std::move(name), value);
}

template <class Enum>
void add_all(NamedCounters& counters, Workers workers, const std::string& prefix) {
  for (size_t i = 0; i < kCountOf<Enum>; ++i) {
    const auto which = static_cast<Enum>(i);
    uint64_t sum = 0;
    for (const auto& worker : workers) sum += worker->counters().value(which);
    add(counters, prefix + std::string(to_string(which)), sum);
  }
}

std::string service_name(const ServiceInfo& info, const ServiceEntry& entry) {
  return info.name + "." + endpoint_to_string(info.vip, entry.port.host()) + "/" +
         std::string(to_string(entry.protocol));
}

template <class Counters>
uint64_t sum_of(Workers workers, uint32_t index,
                std::span<const Counters> (WorkerMemory::*all)() const, Counter Counters::*which) {
  uint64_t sum = 0;
  for (const auto& worker : workers) {
    const auto counters = (worker.get()->*all)();
    if (index < counters.size()) sum += (counters[index].*which).value();
  }
  return sum;
}

void add_service(NamedCounters& counters, Workers workers, const ServiceEntry& entry,
                 const ServiceInfo& info) {
  using C = ServiceCounters;
  const std::string prefix = "service." + service_name(info, entry) + ".";
  const auto value = [&](Counter C::*which) {
    return sum_of<C>(workers, entry.index, &WorkerMemory::services, which);
  };
  add(counters, prefix + "forward_packets", value(&C::forward_packets));
  add(counters, prefix + "forward_bytes", value(&C::forward_bytes));
  add(counters, prefix + "return_packets", value(&C::return_packets));
  add(counters, prefix + "return_bytes", value(&C::return_bytes));
  add(counters, prefix + "flows_created", value(&C::flows_created));
  add(counters, prefix + "no_real", value(&C::no_real));
  add(counters, prefix + "connections", value(&C::connections));
  add(counters, prefix + "over_limit", value(&C::over_limit));
}

void add_real(NamedCounters& counters, Workers workers, const Snapshot& snapshot, uint32_t index,
              const RealEntry& real) {
  using C = RealCounters;
  const std::string prefix =
      "real." + service_name(snapshot.service_info(real.service), snapshot.service(real.service)) +
      "." + endpoint_to_string(real.address, real.port.host()) + ".";
  const auto value = [&](Counter C::*which) {
    return sum_of<C>(workers, index, &WorkerMemory::reals, which);
  };
  add(counters, prefix + "packets", value(&C::packets));
  add(counters, prefix + "bytes", value(&C::bytes));
  add(counters, prefix + "flows_created", value(&C::flows_created));
}

// A pool is known by its first address of each family.
void add_snat_pools(NamedCounters& counters, Workers workers, const Snapshot& snapshot) {
  const std::vector<uint64_t> sums = add_up_snat_exhausted(workers);
  for (size_t i = 0; i < std::min(sums.size(), snapshot.snat_addresses.size()); ++i) {
    const IpAddress& address = snapshot.snat_addresses[i].address;
    add(counters, "snat_pool." + to_string(address) + ".exhausted", sums[i]);
  }
}

}  // namespace

std::vector<uint64_t> add_up_snat_exhausted(Workers workers) {
  std::vector<uint64_t> sums;
  for (const auto& worker : workers) {
    const auto exhausted = worker->snat_exhausted();
    sums.resize(std::max(sums.size(), exhausted.size()));
    for (size_t i = 0; i < exhausted.size(); ++i) sums[i] += exhausted[i].value();
  }
  return sums;
}

NamedCounters add_up_counters(Workers workers, const Snapshot* snapshot) {
  NamedCounters counters;
  add_all<Event>(counters, workers, "");
  add_all<DropReason>(counters, workers, "drop.");
  add_all<ReplyKind>(counters, workers, "reply.");
  add_all<KernelReason>(counters, workers, "kernel.");
  add_all<DnsOutcome>(counters, workers, "dns.");
  if (snapshot == nullptr) return counters;
  add_snat_pools(counters, workers, *snapshot);
  for (const auto& page : snapshot->service_pages) {
    for (uint32_t i = 0; i < kPageSize; ++i) {
      if (page->entries[i].index == kNone) continue;
      add_service(counters, workers, page->entries[i], page->info[i]);
    }
  }
  for (uint32_t page = 0; page < snapshot->real_pages.size(); ++page) {
    for (uint32_t i = 0; i < kPageSize; ++i) {
      const RealEntry& real = snapshot->real_pages[page]->entries[i];
      if (real.service != kNone) add_real(counters, workers, *snapshot, page * kPageSize + i, real);
    }
  }
  return counters;
}

}  // namespace vipgate
