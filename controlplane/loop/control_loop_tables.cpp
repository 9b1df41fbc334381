// How full everything is that has a bound.
#include <algorithm>
#include <functional>

#include "controlplane/loop/control_loop.h"
#include "controlplane/metrics/metrics_page.h"
#include "controlplane/monotonic_clock.h"
#include "controlplane/naming/host_resolver.h"
#include "controlplane/rest/drain_desk.h"

namespace vipgate {
namespace {

// The fullest of several tables, for which one setting is.
class Fullest {
 public:
  Fullest(std::string_view table, std::string_view setting) : use_{table, 0, 0, setting} {}

  void look(const TableFill& fill) {
    const auto share = [](uint64_t entries, uint64_t capacity) {
      return static_cast<double>(entries) / static_cast<double>(capacity);
    };
    if (fill.capacity == 0) return;
    if (use_.capacity != 0 &&
        share(fill.entries, fill.capacity) <= share(use_.entries, use_.capacity)) {
      return;
    }
    use_.entries = fill.entries;
    use_.capacity = fill.capacity;
  }
  const TableUse& use() const { return use_; }

 private:
  TableUse use_;
};

using FamilyTables = std::initializer_list<TableFill WorkerTables::Family::*>;

TableUse fullest_family(const std::vector<WorkerTables>& workers, std::string_view table,
                        std::string_view setting, FamilyTables members) {
  Fullest fullest(table, setting);
  for (const WorkerTables& worker : workers) {
    for (const WorkerTables::Family* family : {&worker.ipv4, &worker.ipv6}) {
      for (const auto member : members) fullest.look(family->*member);
    }
  }
  return fullest.use();
}

TableUse fullest_worker(const std::vector<WorkerTables>& workers, std::string_view table,
                        std::string_view setting, TableFill WorkerTables::*member) {
  Fullest fullest(table, setting);
  for (const WorkerTables& worker : workers) fullest.look(worker.*member);
  return fullest.use();
}

void add_worker_uses(std::vector<TableUse>& uses, const std::vector<WorkerTables>& workers) {
  using Tables = WorkerTables;
  using Family = WorkerTables::Family;
  const auto family = [&](std::string_view table, std::string_view setting, FamilyTables members) {
    uses.push_back(fullest_family(workers, table, setting, members));
  };
  const auto worker = [&](std::string_view table, std::string_view setting,
                          TableFill Tables::*member) {
    uses.push_back(fullest_worker(workers, table, setting, member));
  };
  family("flows_per_worker", "limits.flows_per_worker",
         {&Family::flows, &Family::nat_records, &Family::snat_records});
  family("wide_flows_per_worker", "limits.wide_flows_per_worker", {&Family::wide_flows});
  family("affinities_per_worker", "limits.affinities_per_worker", {&Family::affinities});
  worker("fragments_per_worker", "limits.fragments_per_worker", &Tables::fragments);
  worker("held_fragments_per_worker", "", &Tables::held_fragments);
  worker("dns_rates_per_worker", "limits.dns_rates_per_worker", &Tables::dns_rates);
  worker("dns_answers_per_worker", "limits.dns_answers_per_worker", &Tables::dns_answers);
  worker("dns_questions_per_worker", "limits.dns_questions_per_worker", &Tables::dns_questions);
}

}  // namespace

std::vector<TableUse> ControlLoop::table_uses() const {
  const Config& config = reconciler_.config();
  const Limits& limits = config.limits;
  const Model& model = reconciler_.model();
  std::vector<TableUse> uses{
      {"services", model.configured_services(), limits.services, "limits.services"},
      {"reals", model.configured_reals(), limits.reals, "limits.reals"},
      {"dns_names", reconciler_.dns_table().names(), limits.dns_names, "limits.dns_names"}};
  if (const auto& answers = reconciler_.dns_answers()) {
    uses.push_back({"dns_zones", answers->zones().size(), DnsTableBuilder::kMaxZones, ""});
  }
  for (const Model::Numbers& numbers : model.numbers(monotonic_ms() / 1000)) {
    uses.push_back({numbers.of, numbers.taken, numbers.most, ""});
  }
  add_worker_uses(uses, dataplane_.tables());
  const TableFill buffers = dataplane_.packet_buffers();
  uses.push_back({"packet_buffers", buffers.entries, buffers.capacity, "dpdk.mbufs"});
  Fullest connections("rest_connections", "rest.connections");
  for (const auto& server : api_) {
    connections.look({server->connections(), config.rest.connections});
  }
  uses.push_back(connections.use());
  if (!config.dns.listen.empty()) {
    uses.push_back({"dns_tcp_connections", dns_listeners_->connections(),
                    config.dns.tcp.connections, "dns.tcp.connections"});
  }
  if (config.dns.forward.is_on) {
    const TableFill cache = dns_listeners_->cache_kb();
    uses.push_back({"dns_tcp_cache_kb", cache.entries, cache.capacity, "dns.tcp.cache_mb"});
  }
  uses.push_back({"drains", feeds_->rest().drains().all().size(), DrainDesk::kMost, ""});
  const TableFill queue = feeds_->mesos_queue();
  uses.push_back({"mesos_queue", queue.entries, queue.capacity, ""});
  uses.push_back({"host_names", feeds_->host_names(), HostResolver::kMaxNames, ""});
  std::erase_if(uses, [](const TableUse& use) { return use.capacity == 0; });
  return uses;
}

}  // namespace vipgate
