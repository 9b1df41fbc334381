// A cluster in a few words, seen through a MesosView, and what the view says in a few words.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "common/dns_wire.h"
#include "controlplane/naming/mesos_view.h"

namespace vipgate {

inline MesosDiscoveryPort vip_port(uint32_t number, const std::string& vip) {
  return {number, "", "tcp", {{"VIP_0", vip}}};
}

// Running and on a network of its own.
inline MesosTask task_of(const std::string& framework, const std::string& id,
                         const std::string& address, std::vector<MesosDiscoveryPort> ports = {}) {
  MesosTask task;
  task.id = id;
  task.name = id.substr(0, id.find('.'));
  task.framework_id = framework;
  task.agent_id = "a-S1";
  task.state = MesosTaskState::kRunning;
  MesosTaskStatus status;
  status.state = MesosTaskState::kRunning;
  status.timestamp_s = 1;
  status.networks.push_back({{address}, "", {}});
  task.statuses.push_back(status);
  if (!ports.empty()) task.discovery = MesosDiscovery{"", std::move(ports)};
  return task;
}

class ClusterFixture {
 public:
  explicit ClusterFixture(const Config& config, size_t number = 0)
      : allocator_(own_allocator_),
        own_allocator_(config.named_vips),
        view_(config, number, allocator_) {
    begin();
  }
  ClusterFixture(const Config& config, size_t number, VipAllocator& shared)
      : allocator_(shared), own_allocator_(config.named_vips), view_(config, number, allocator_) {
    begin();
  }

  void add(MesosTask task) { cluster_.apply(MesosTaskAdded{std::move(task)}, 0); }
  void end(const std::string& framework, const std::string& id) {
    MesosTaskStatus status;
    status.state = MesosTaskState::kKilled;
    status.timestamp_s = 9;
    cluster_.apply(MesosTaskUpdated{{framework, id}, MesosTaskState::kKilled, status}, 0);
  }
  void apply(MesosEvent event) { cluster_.apply(std::move(event), 0); }

  const SourceChange& update() { return follow(view_.update(cluster_, cluster_.take_changes())); }
  void take_back() { follow(view_.take_back()); }
  const SourceChange& follow(SourceChange change) {
    last_ = std::move(change);
    for (const auto& [key, service] : last_.services) {
      if (service) {
        services_[key] = *service;
      } else {
        services_.erase(key);
      }
    }
    for (const DnsRecordView record : last_.records_added) ++records_[record];
    for (const DnsRecord& record : last_.records_removed) {
      if (--records_[record] == 0) records_.erase(record);
    }
    return last_;
  }

  // "redis.marathon 11.202.66.36:6379/tcp 9.0.0.1:80*1 9.0.0.2:80*0"
  std::vector<std::string> services() const {
    std::vector<std::string> lines;
    for (const auto& [key, service] : services_) {
      std::string line = service.name + " " + to_string(key);
      for (const RealConfig& real : service.reals) {
        line +=
            " " + endpoint_to_string(real.address, real.port) + "*" + std::to_string(real.weight);
      }
      lines.push_back(line);
    }
    return lines;
  }
  const std::map<ServiceKey, ServiceConfig>& service_configs() const { return services_; }

  std::vector<std::string> records(DnsType type) const {
    std::vector<std::string> lines;
    for (const auto& [record, count] : records_) {
      if (record.type == type) lines.push_back(dns_name_to_text(record.owner));
    }
    return lines;
  }
  size_t record_count() const { return records_.size(); }
  bool records_are_well_counted() const {
    return std::all_of(records_.begin(), records_.end(),
                       [](const auto& entry) { return entry.second < 1'000'000; });
  }

  // "claim marathon redis.1 11.1.1.1:80/tcp: why"
  std::vector<std::string> skipped() const {
    std::vector<std::string> lines;
    for (const Skipped& item : view_.skipped()) {
      lines.push_back(item.kind + " " + item.framework + " " + item.task + " " + item.item + ": " +
                      item.why);
    }
    return lines;
  }

  MesosCluster& cluster() { return cluster_; }
  VipAllocator& allocator() { return allocator_; }
  MesosView& view() { return view_; }

 private:
  void begin() {
    cluster_.apply(MesosAgentAdded{{"a-S1", "node1", "slave(1)@10.1.0.10:5051", "", ""}}, 0);
    for (const char* name : {"marathon", "kafka"}) {
      cluster_.apply(MesosFrameworkAdded{{std::string("F-") + name, name, "", "10.1.0.1"}}, 0);
    }
  }

  VipAllocator& allocator_;
  VipAllocator own_allocator_;
  MesosCluster cluster_{MesosClusterOptions{}};
  MesosView view_;
  SourceChange last_;
  std::map<ServiceKey, ServiceConfig> services_;
  std::map<DnsRecord, size_t> records_;
};

}  // namespace vipgate
