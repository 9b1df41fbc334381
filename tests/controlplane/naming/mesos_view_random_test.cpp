// A view that followed a cluster through whatever happened says what a new view says of that
// cluster. What happens is drawn: events in any order, whole states, sweeps, time-outs, hosts whose
// addresses change, and a cluster that is out of reach for too long and comes back.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/controlplane/naming/cluster_fixture.h"

namespace vipgate::mesos_view_random_test {
namespace {

class DrawnCluster {
 public:
  explicit DrawnCluster(unsigned seed) : draw_(seed) {}

  void step() {
    now_ms_ += below(5) == 0 ? 1000 : 1;
    switch (below(12)) {
      case 0:
      case 1:
        return apply(MesosAgentAdded{agent(below(4))});
      case 2:
        return apply(MesosAgentRemoved{agent_id(below(4))});
      case 3:
        return apply(MesosFrameworkAdded{framework(below(3))});
      case 4:
        return apply(MesosFrameworkRemoved{framework_id(below(3))});
      case 5:
      case 6:
        return apply(MesosTaskAdded{task()});
      case 7:
        return apply(updated());
      case 8:
        return hear(whole(), below(2) == 0);
      case 9:
        return resolve();
      case 10:
        is_shown_ = false;
        return touch_all();
      default:
        cluster_.advance(now_ms_);
        return apply(MesosHeartbeat{});
    }
  }

  // As the feed does it.
  void update() {
    MesosChanges changes = cluster_.take_changes();
    changes.tasks.insert(touched_.tasks.begin(), touched_.tasks.end());
    changes.agents.insert(touched_.agents.begin(), touched_.agents.end());
    changes.frameworks.insert(touched_.frameworks.begin(), touched_.frameworks.end());
    touched_ = {};
    follow(view_.update(shown(), changes));
  }

  void expect_as_new() {
    VipAllocator allocator(config_.named_vips);
    MesosView view(config_, 0, allocator, lookup());
    MesosChanges all;
    add_all(all, shown());
    const SourceChange made = view.update(shown(), all);
    std::map<DnsRecord, int> records;
    for (const DnsRecord& record : made.records_added) ++records[record];
    EXPECT_EQ(records == records_, true) << records.size() << " and " << records_.size();
    std::map<ServiceKey, ServiceConfig> services;
    for (const auto& [key, service] : made.services) {
      if (service) services.emplace(key, *service);
    }
    EXPECT_EQ(services == services_, true) << services.size() << " and " << services_.size();
    EXPECT_EQ(view.skipped(), view_.skipped());
    EXPECT_EQ(view.skipped_count(), view_.skipped_count());
    most_records_ = std::max(most_records_, records.size());
  }
  size_t most_records() const { return most_records_; }

 private:
  size_t below(size_t limit) { return draw_() % limit; }
  static std::string agent_id(size_t n) { return "a-S" + std::to_string(n); }
  static std::string framework_id(size_t n) { return "F" + std::to_string(n); }
  MesosAgent agent(size_t n) {
    const std::string host = below(2) == 0 ? "10.0.1." + std::to_string(n) : "h" + agent_id(n);
    return {agent_id(n), host, "slave(1)@" + host + ":5051", "", ""};
  }
  MesosFramework framework(size_t n) {
    return {framework_id(n), "f" + std::to_string(n % 2), "", below(2) == 0 ? "h" : "10.0.2.1"};
  }
  MesosTask task() {
    const std::string number = std::to_string(below(5));
    MesosTask made = task_of(framework_id(below(3)), "t" + number + ".1", "9.0.0." + number,
                             {vip_port(80, "/v" + number + ":80")});
    made.agent_id = agent_id(below(4));
    if (below(3) == 0) made.discovery->ports[0].labels.push_back({"network-scope", "host"});
    if (below(6) == 0) made.state = MesosTaskState::kUnreachable;
    return made;
  }
  MesosTaskUpdated updated() {
    static constexpr MesosTaskState kStates[] = {MesosTaskState::kRunning, MesosTaskState::kKilling,
                                                 MesosTaskState::kFailed};
    MesosTaskStatus status;
    status.state = kStates[below(3)];
    status.timestamp_s = static_cast<double>(now_ms_);
    status.networks.push_back({{"9.0.1." + std::to_string(below(3))}, "", {}});
    return {{framework_id(below(3)), "t" + std::to_string(below(5)) + ".1"}, status.state, status};
  }
  MesosState whole() {
    MesosState state;
    for (size_t n = 0; n < 4; ++n) {
      if (below(2) == 0) {
        state.agents.push_back(agent(n));
      } else if (below(2) == 0) {
        state.recovered_agent_ids.push_back(agent_id(n));
      }
    }
    for (size_t n = 0; n < 3; ++n) {
      if (below(2) == 0) state.frameworks.push_back(framework(n));
    }
    for (size_t n = below(8); n > 0; --n) state.tasks.push_back(task());
    return state;
  }
  void apply(MesosEvent event) { cluster_.apply(std::move(event), now_ms_); }
  // It tells all of itself, and so is in reach again.
  void hear(MesosState state, bool is_sweep) {
    if (!is_shown_) touch_all();
    is_shown_ = true;
    if (is_sweep) {
      cluster_.apply_sweep(std::move(state), now_ms_ - static_cast<int64_t>(below(3)), now_ms_);
    } else {
      cluster_.apply(MesosSubscribed{std::move(state)}, now_ms_);
    }
  }
  // Other addresses: of hosts of agents and frameworks.
  void resolve() {
    ++addresses_of_hosts_;
    touch_all();
  }
  HostLookup lookup() {
    return [this](const std::string& host) -> std::vector<IpAddress> {
      if ((addresses_of_hosts_ + host.size()) % 4 == 0) return {};
      return {*parse_ip_address("10.0.3." + std::to_string(addresses_of_hosts_ % 200))};
    };
  }
  static void add_all(MesosChanges& changes, const MesosCluster& cluster) {
    for (const auto& [key, task] : cluster.tasks()) changes.tasks.insert(key);
    for (const auto& [id, agent] : cluster.agents()) changes.agents.insert(id);
    for (const auto& [id, framework] : cluster.frameworks()) changes.frameworks.insert(id);
  }
  void touch_all() { add_all(touched_, cluster_); }
  const MesosCluster& shown() const { return is_shown_ ? cluster_ : nothing_; }
  void follow(const SourceChange& change) {
    for (const DnsRecord& record : change.records_added) ++records_[record];
    for (const DnsRecord& record : change.records_removed) {
      if (--records_[record] == 0) records_.erase(record);
    }
    for (const auto& [key, service] : change.services) {
      services_.erase(key);
      if (service) services_.emplace(key, *service);
    }
  }

  static Config config() {
    Config config;
    config.mesos.emplace_back().ptr = true;
    return config;
  }

  std::mt19937 draw_;
  const Config config_ = config();
  VipAllocator allocator_{config_.named_vips};
  MesosCluster cluster_{MesosClusterOptions{2000, 1000}};
  const MesosCluster nothing_{MesosClusterOptions{}};
  MesosView view_{config_, 0, allocator_, lookup()};
  MesosChanges touched_;
  std::map<DnsRecord, int> records_;
  std::map<ServiceKey, ServiceConfig> services_;
  size_t addresses_of_hosts_ = 0;
  size_t most_records_ = 0;
  int64_t now_ms_ = 1000;
  bool is_shown_ = true;
};

TEST(MesosViewRandom, WhateverHappensTheViewSaysWhatANewOneSays) {
  size_t most_records = 0;
  for (unsigned seed = 0; seed < 200 && !testing::Test::HasFailure(); ++seed) {
    DrawnCluster cluster(seed);
    for (int step = 0; step < 60 && !testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", step " + std::to_string(step));
      cluster.step();
      if (step % 3 == 0) continue;  // several in one update
      cluster.update();
      cluster.expect_as_new();
    }
    most_records = std::max(most_records, cluster.most_records());
  }
  EXPECT_GT(most_records, 30u);  // or there was nothing to see
}

}  // namespace
}  // namespace vipgate::mesos_view_random_test
