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

ServiceFigures service_figures(Workers workers, const ServiceEntry& entry,
                               const ServiceInfo& info) {
  using C = ServiceCounters;
  const auto value = [&](Counter C::*which) {
    return sum_of<C>(workers, entry.index, &WorkerMemory::services, which);
  };
  return {.label = {info.name, info.vip, entry.port.host(), info.extent, entry.protocol},
          .forward_packets = value(&C::forward_packets),
          .forward_bytes = value(&C::forward_bytes),
          .return_packets = value(&C::return_packets),
          .return_bytes = value(&C::return_bytes),
          .flows_created = value(&C::flows_created),
          .no_real = value(&C::no_real),
          .connections = value(&C::connections),
          .over_limit = value(&C::over_limit)};
}

RealFigures real_figures(Workers workers, uint32_t index, const RealEntry& real) {
  using C = RealCounters;
  const auto value = [&](Counter C::*which) {
    return sum_of<C>(workers, index, &WorkerMemory::reals, which);
  };
  return {.address = real.address,
          .port = real.port.host(),
          .packets = value(&C::packets),
          .bytes = value(&C::bytes),
          .flows_created = value(&C::flows_created),
          .flows = value(&C::flows)};
}

// All, and those for each reason that there was. `value`: that of a reason's number.
template <class Value>
void add_drops(NamedCounters& counters, const std::string& whose, Value&& value) {
  const size_t total = counters.size();
  counters.emplace_back(whose + ".dropped", 0);
  for (size_t i = 0; i < kCountOf<DropReason>; ++i) {
    const uint64_t drops = value(i);
    counters[total].second += drops;
    add(counters, whose + ".dropped_" + std::string(to_string(static_cast<DropReason>(i))), drops);
  }
}

// A pool is known by its first address of each family.
void add_snat_pools(NamedCounters& counters, Workers workers, const Snapshot& snapshot) {
  const std::vector<uint64_t> sums = add_up_snat_exhausted(workers);
  for (size_t i = 0; i < std::min(sums.size(), snapshot.snat_addresses.size()); ++i) {
    const IpAddress& address = snapshot.snat_addresses[i].address;
    counters.emplace_back("snat_pool." + to_string(address) + ".exhausted", sums[i]);
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

void add_details(NamedCounters& counters, Workers workers, std::span<const std::string> ports) {
  for (size_t i = 0; i < kCountOf<DnsKind>; ++i) {
    uint64_t sum = 0;
    for (const auto& worker : workers) sum += worker->details().dns_kinds[i].value();
    counters.emplace_back("dns_type." + std::string(to_string(static_cast<DnsKind>(i))), sum);
  }
  for (size_t port = 0; port < ports.size(); ++port) {
    add_drops(counters, "port." + ports[port], [&](size_t reason) {
      uint64_t sum = 0;
      for (const auto& worker : workers) sum += worker->details().drops[port][reason].value();
      return sum;
    });
  }
  for (size_t i = 0; i < workers.size(); ++i) {
    add_drops(counters, "worker." + std::to_string(i),
              [&](size_t reason) { return workers[i]->counters().drops[reason].value(); });
  }
}

TrafficFigures add_up_traffic(Workers workers, const Snapshot& snapshot) {
  TrafficFigures traffic;
  std::vector<size_t> positions(snapshot.service_pages.size() * kPageSize);
  for (const auto& page : snapshot.service_pages) {
    for (uint32_t i = 0; i < kPageSize; ++i) {
      const ServiceEntry& entry = page->entries[i];
      if (entry.index == kNone) continue;
      positions[entry.index] = traffic.services.size();
      traffic.services.push_back(service_figures(workers, entry, page->info[i]));
    }
  }
  for (uint32_t page = 0; page < snapshot.real_pages.size(); ++page) {
    for (uint32_t i = 0; i < kPageSize; ++i) {
      const RealEntry& real = snapshot.real_pages[page]->entries[i];
      if (real.service == kNone) continue;
      RealFigures figures = real_figures(workers, page * kPageSize + i, real);
      figures.service = positions[real.service];
      traffic.reals.push_back(figures);
    }
  }
  return traffic;
}

NamedCounters add_up_own_counters(Workers workers, const Snapshot* snapshot) {
  NamedCounters counters;
  add_all<Event>(counters, workers, "");
  add_all<DropReason>(counters, workers, "drop.");
  add_all<ReplyKind>(counters, workers, "reply.");
  add_all<KernelReason>(counters, workers, "kernel.");
  add_all<DnsOutcome>(counters, workers, "dns.");
  if (snapshot != nullptr) add_snat_pools(counters, workers, *snapshot);
  return counters;
}

NamedCounters add_up_counters(Workers workers, const Snapshot& snapshot) {
  NamedCounters counters = add_up_own_counters(workers, &snapshot);
  std::erase_if(counters, [](const auto& counter) { return counter.second == 0; });
  for (auto& counter : named_counters(add_up_traffic(workers, snapshot))) {
    counters.push_back(std::move(counter));
  }
  return counters;
}

}  // namespace vipgate
