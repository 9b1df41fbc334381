// Brings the addresses of hosts to the views of the clusters that asked for them.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "controlplane/feeds/loop_client.h"
#include "controlplane/feeds/mesos_feed.h"
#include "controlplane/naming/host_resolver.h"

namespace vipgate {

// Owned by the control loop's feeds, called by the control thread. The references outlive this.
class HostFeed : public LoopClient {
 public:
  HostFeed(HostResolver& resolver, MesosFeed& mesos) : resolver_(resolver), mesos_(mesos) {}

  [[nodiscard]] int fd() const override { return resolver_.fd(); }
  void process(int64_t now_ms) override {
    const std::set<std::string> changed = resolver_.take_changes(now_ms);
    if (!changed.empty()) mesos_.touch_hosts(changed);
  }
  void act(int64_t now_ms) override { resolver_.refresh(now_ms); }
  [[nodiscard]] int64_t next_deadline_ms() const override { return resolver_.next_refresh_ms(); }
  [[nodiscard]] NamedCounters counters() const override {
    return {{"hosts.names", resolver_.size()}};
  }

 private:
  HostResolver& resolver_;
  MesosFeed& mesos_;
};

}  // namespace vipgate
