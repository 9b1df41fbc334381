#include "controlplane/naming/mesos_view.h"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <utility>

#include "common/prefetch.h"
#include "controlplane/model/locality.h"
#include "controlplane/naming/label_cleaning.h"
#include "controlplane/naming/mesos_dns_records.h"
#include "controlplane/naming/mesos_services.h"
#include "controlplane/naming/task_listing.h"
#include "controlplane/naming/vip_policy.h"

namespace vipgate {
namespace {

// What is listed comes from the cluster and may be of any length.
constexpr size_t kMaxReportedBytes = 300;

std::string shortened(std::string text) {
  if (text.size() <= kMaxReportedBytes) return text;
  return text.substr(0, kMaxReportedBytes) + "…";
}

const MesosConfig& options_of(const Config& config, size_t cluster) {
  static const MesosConfig kDefaults;
  return cluster < config.mesos.size() ? config.mesos[cluster] : kDefaults;
}

// Tasks lie all over the memory: some are fetched together, and then what they have of their own.
void prefetch(const MesosTask& task) {
  constexpr size_t kLine = 64;
  const auto* octets = reinterpret_cast<const char*>(&task);
  for (size_t at = 0; at < sizeof task; at += kLine) prefetch_line(octets + at);
}

void prefetch_lists(const MesosTask& task) {
  for (const MesosTaskStatus& status : task.statuses) prefetch_line(status.networks.data());
  if (task.discovery) prefetch_line(task.discovery->ports.data());
  prefetch_line(task.resource_ports.data());
}

// Both sorted.
void put_difference(const std::vector<DnsRecord>& before, const std::vector<DnsRecord>& after,
                    SourceChange& change) {
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                      std::back_inserter(change.records_added));
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                      std::back_inserter(change.records_removed));
}

}  // namespace

struct MesosView::Impl {
  struct Task {
    std::optional<TaskNames> names;
    std::vector<VipUse> uses;
    std::vector<Skipped> skipped;
  };
  // An agent, a framework, or the masters: few enough to keep their records.
  struct Item {
    std::vector<DnsRecord> records;
    std::vector<Skipped> skipped;
  };

  Impl(const Config& config_in, size_t cluster, VipAllocator& allocator, HostLookup lookup_in,
       const SchedulerHealth* scheduler_health_in)
      : config(config_in),
        options(mesos_dns_options(config_in, options_of(config_in, cluster))),
        has_ptr(options_of(config_in, cluster).ptr),
        lookup(std::move(lookup_in)),
        scheduler_health(scheduler_health_in),
        policy(config_in),
        locality(config_in.locality),
        services(config_in, allocator),
        task_records(options) {}

  struct AgentItem : Item {
    std::vector<IpAddress> addresses;  // looked up once for all of its tasks
  };

  // `records`: an empty list, which gets those of the task.
  Task make_task(const MesosTask& task, const MesosCluster& cluster, RecordList& records) const;
  void add_uses(const MesosTask& task, const MesosAgent& agent,
                const std::vector<IpAddress>& on_agent, const MesosFramework& framework,
                Task& result) const;
  bool is_unhealthy(const MesosTask& task, const MesosFramework& framework) const {
    return scheduler_health != nullptr && scheduler_health->is_unhealthy(framework.name, task.id);
  }
  // `task`: null when it is gone.
  void update_task(const MesosTaskKey& key, const MesosTask* task, const MesosCluster& cluster,
                   SourceChange& change);
  void update_tasks(const MesosCluster& cluster, const MesosChanges& changes, SourceChange& change);
  std::vector<DnsRecord> records_of(const TaskNames& names) const;
  void update_item(Item& item, RecordList list, const std::string& kind,
                   const std::string& framework, SourceChange& change);
  void update_agent(const SharedText& id, const MesosCluster& cluster, SourceChange& change);
  void update_framework(const SharedText& id, const MesosCluster& cluster, SourceChange& change);
  void count_name(const TaskNames& names, bool is_added);
  void update_pointers(SourceChange& change);

  const Config& config;
  const MesosDnsOptions options;
  const bool has_ptr;
  const HostLookup lookup;
  const SchedulerHealth* const scheduler_health;  // may be null
  const VipPolicy policy;
  const Locality locality;
  MesosServices services;

  std::unordered_map<MesosTaskKey, Task, MesosTaskKeyHash> tasks;
  RecordList task_records;  // of the task that is looked at
  std::unordered_map<SharedText, AgentItem> agents;
  std::map<SharedText, Item> frameworks;
  Item masters;
  bool has_masters = false;
  size_t skipped_count = 0;  // of all of these

  // PTR records: the names of each address, counted, and the record that is out.
  struct Pointer {
    std::map<std::string, size_t> names;
    std::optional<DnsRecord> record;
  };
  std::map<IpAddress, Pointer> pointers;
  std::set<IpAddress> touched_pointers;
};

MesosView::Impl::Task MesosView::Impl::make_task(const MesosTask& task, const MesosCluster& cluster,
                                                 RecordList& records) const {
  Task result;
  const MesosAgent* agent = cluster.agent(task.agent_id);
  const MesosFramework* framework = cluster.framework(task.framework_id);
  if (agent == nullptr || framework == nullptr) {
    const std::string missing = agent == nullptr ? "agent '" + task.agent_id + "'"
                                                 : "framework '" + task.framework_id + "'";
    result.skipped.push_back({"task", framework == nullptr ? "" : framework->name, task.id.str(),
                              shortened(task.name), "its " + missing + " is not known"});
    return result;
  }
  const std::vector<IpAddress>& on_agent = agents.at(agent->id).addresses;
  std::vector<BadItem> bad;
  result.names = task_names(task, on_agent, *framework, options, bad);
  if (result.names && options.healthy_only && is_unhealthy(task, *framework)) {
    result.names.reset();
    bad = {{task.name, "its scheduler finds it unhealthy, and healthy_only is set"}};
  }
  for (BadItem& item : bad) {
    result.skipped.push_back({result.names ? "port" : "task", framework->name, task.id.str(),
                              shortened(std::move(item.item)), std::move(item.why)});
  }
  if (result.names) {
    add_task_records(*result.names, options, records);
    for (BadItem& item : records.take_faults()) {
      result.skipped.push_back({"record", framework->name, task.id.str(),
                                shortened(std::move(item.item)), std::move(item.why)});
    }
  }
  if (config.named_vips.enabled) add_uses(task, *agent, on_agent, *framework, result);
  return result;
}

void MesosView::Impl::add_uses(const MesosTask& task, const MesosAgent& agent,
                               const std::vector<IpAddress>& on_agent,
                               const MesosFramework& framework, Task& result) const {
  std::vector<BadItem> bad;
  const auto skip = [&](const char* kind, std::string item, std::string why) {
    result.skipped.push_back(
        {kind, framework.name, task.id.str(), shortened(std::move(item)), std::move(why)});
  };
  const auto add = [&](const VipBackend& backend, bool is_coming) {
    VipUse use;
    const VipTarget& vip = backend.vip;
    if (!vip.name.empty()) use.name = vip.name + "." + clean_vip_name(framework.name);
    if (auto why = policy.refusal(vip, framework.name, use.name)) {
      const std::string what = vip.name.empty() ? to_string(vip.address) : vip.name;
      if (!is_coming) skip("claim", what + ":" + std::to_string(vip.port), std::move(*why));
      return;
    }
    if (vip.name.empty()) {
      use.vip = vip.address;
      use.framework = framework.name;
    }
    use.port = vip.port;
    use.protocol = backend.protocol;
    use.real = {backend.address, backend.port};
    use.weight = is_unhealthy(task, framework) ? uint16_t{0} : backend.weight;
    use.is_local = locality.is_local(agent.region, agent.zone, backend.address);
    use.is_coming = is_coming;
    result.uses.push_back(std::move(use));
  };
  for (const VipBackend& backend : vip_backends(task, on_agent, bad)) add(backend, false);
  if (config.named_vips.track == Track::kWhenNeeded) {
    for (const VipBackend& backend : coming_vip_backends(task, on_agent)) add(backend, true);
  }
  for (BadItem& item : bad) skip("label", std::move(item.item), std::move(item.why));
}

std::vector<DnsRecord> MesosView::Impl::records_of(const TaskNames& names) const {
  RecordList list(options);
  add_task_records(names, options, list);
  return list.records();
}

// In the order of the keys, in which the tasks of one app, and so their names and services, are
// side by side.
void MesosView::Impl::update_tasks(const MesosCluster& cluster, const MesosChanges& changes,
                                   SourceChange& change) {
  if (tasks.empty()) tasks.reserve(changes.tasks.size());
  std::array<const MesosTask*, 16> some;
  for (auto next = changes.tasks.begin(); next != changes.tasks.end();) {
    size_t count = 0;
    for (auto at = next; count < some.size() && at != changes.tasks.end(); ++at) {
      some[count] = cluster.task(*at);
      if (some[count] != nullptr) prefetch(*some[count]);
      ++count;
    }
    for (size_t i = 0; i < count; ++i) {
      if (some[i] != nullptr) prefetch_lists(*some[i]);
    }
    for (size_t i = 0; i < count; ++i) update_task(*next++, some[i], cluster, change);
  }
}

void MesosView::Impl::update_task(const MesosTaskKey& key, const MesosTask* task,
                                  const MesosCluster& cluster, SourceChange& change) {
  task_records.clear();
  Task next = task == nullptr ? Task{} : make_task(*task, cluster, task_records);
  const auto [found, is_new] = tasks.try_emplace(key);
  Task& known = found->second;
  if (known.names != next.names) {
    if (known.names) {
      put_difference(records_of(*known.names), task_records.records(), change);
    } else {
      task_records.append_to(change.records_added);
    }
    if (known.names) count_name(*known.names, false);
    if (next.names) count_name(*next.names, true);
  }
  if (known.uses != next.uses) {
    for (const VipUse& use : next.uses) services.add(use);
    for (const VipUse& use : known.uses) services.remove(use);
  }
  skipped_count += next.skipped.size() - known.skipped.size();
  known = std::move(next);
  if (!known.names && known.uses.empty() && known.skipped.empty()) tasks.erase(found);
}

void MesosView::Impl::count_name(const TaskNames& names, bool is_added) {
  if (!has_ptr) return;
  const std::string name = task_name(names, options);
  if (dns_name_fault(name) != nullptr) return;
  for (const IpAddress& address : names.addresses) {
    touched_pointers.insert(address);
    size_t& count = pointers[address].names[name];
    count += is_added ? 1 : -1;
    if (count == 0) pointers[address].names.erase(name);
  }
}

// An address that several names have leads to none of them.
void MesosView::Impl::update_pointers(SourceChange& change) {
  for (const IpAddress& address : touched_pointers) {
    Pointer& pointer = pointers[address];
    std::optional<DnsRecord> next;
    if (pointer.names.size() == 1) {
      auto record = dns_ptr_record(address, pointer.names.begin()->first, options.ptr_ttl_s);
      if (record) next = std::move(*record);
    }
    if (next != pointer.record) {
      if (pointer.record) change.records_removed.push_back(*pointer.record);
      if (next) change.records_added.push_back(*next);
      pointer.record = std::move(next);
    }
    if (pointer.names.empty()) pointers.erase(address);
  }
  touched_pointers.clear();
}

void MesosView::Impl::update_item(Item& item, RecordList list, const std::string& kind,
                                  const std::string& framework, SourceChange& change) {
  auto records = list.records();
  put_difference(item.records, records, change);
  item.records = std::move(records);
  skipped_count -= item.skipped.size();
  item.skipped.clear();
  for (BadItem& fault : list.take_faults()) {
    item.skipped.push_back(
        {kind, framework, "", shortened(std::move(fault.item)), std::move(fault.why)});
  }
  skipped_count += item.skipped.size();
}

void MesosView::Impl::update_agent(const SharedText& id, const MesosCluster& cluster,
                                   SourceChange& change) {
  RecordList list(options);
  const MesosAgent* agent = cluster.agent(id);
  AgentItem& item = agents[id];
  if (agent != nullptr) {
    item.addresses = agent_addresses(*agent, lookup);
    add_agent_records(*agent, item.addresses, options, list);
  }
  update_item(item, std::move(list), "agent", "", change);
  if (agent == nullptr) agents.erase(id);
}

void MesosView::Impl::update_framework(const SharedText& id, const MesosCluster& cluster,
                                       SourceChange& change) {
  RecordList list(options);
  const MesosFramework* framework = cluster.framework(id);
  if (framework != nullptr) add_framework_records(*framework, options, lookup, list);
  update_item(frameworks[id], std::move(list), "framework",
              framework == nullptr ? "" : framework->name, change);
  if (framework == nullptr) frameworks.erase(id);
}

MesosView::MesosView(const Config& config, size_t cluster, VipAllocator& allocator,
                     HostLookup lookup, const SchedulerHealth* scheduler_health)
    : impl_(std::make_unique<Impl>(config, cluster, allocator, std::move(lookup),
                                   scheduler_health)) {}

MesosView::~MesosView() = default;

SourceChange MesosView::update(const MesosCluster& cluster, const MesosChanges& changes) {
  SourceChange change;
  // The responder's own name is there even before a master is known.
  if (changes.masters || !impl_->has_masters) {
    RecordList list(impl_->options);
    add_master_records(cluster.masters(), impl_->options, impl_->lookup, list);
    impl_->update_item(impl_->masters, std::move(list), "record", "", change);
    impl_->has_masters = true;
  }
  for (const SharedText& id : changes.agents) impl_->update_agent(id, cluster, change);
  for (const SharedText& id : changes.frameworks) impl_->update_framework(id, cluster, change);
  impl_->update_tasks(cluster, changes, change);
  impl_->update_pointers(change);
  impl_->services.finish(change);
  return change;
}

SourceChange MesosView::take_back() {
  const MesosCluster nothing{MesosClusterOptions{}};
  MesosChanges all;
  for (const auto& [key, task] : impl_->tasks) all.tasks.insert(key);
  for (const auto& [id, item] : impl_->agents) all.agents.insert(id);
  for (const auto& [id, item] : impl_->frameworks) all.frameworks.insert(id);
  SourceChange change = update(nothing, all);
  impl_->update_item(impl_->masters, RecordList(impl_->options), "record", "", change);
  impl_->has_masters = false;
  return change;
}

size_t MesosView::skipped_count() const { return impl_->skipped_count; }

bool MesosView::list_tasks(const MesosCluster& cluster, TaskListing& listing, size_t most) const {
  return list_some_tasks(impl_->tasks, impl_->options, cluster, listing, most);
}

std::vector<Skipped> MesosView::skipped() const {
  std::vector<Skipped> all = impl_->masters.skipped;
  const auto add = [&](const std::vector<Skipped>& some) {
    all.insert(all.end(), some.begin(), some.end());
  };
  for (const auto& [id, item] : impl_->agents) add(item.skipped);
  for (const auto& [id, item] : impl_->frameworks) add(item.skipped);
  for (const auto& [key, task] : impl_->tasks) {
    add(task.skipped);
    for (const VipUse& use : task.uses) {
      if (use.is_coming) continue;
      auto why = impl_->services.refusal(use);
      if (!why) continue;
      const std::string item = use.name.empty()
                                   ? to_string(ServiceKey{use.vip, use.port, use.protocol})
                                   : use.name + ":" + std::to_string(use.port);
      all.push_back({"claim", use.framework, key.task_id.str(), item, std::move(*why)});
    }
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace vipgate
