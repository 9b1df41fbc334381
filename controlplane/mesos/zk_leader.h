// The masters of a Mesos cluster, as ZooKeeper knows them. The only wrapper of ZooKeeper's client
// in this room.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/config/zookeeper_url.h"
#include "controlplane/mesos/mesos_event.h"

namespace vipgate {

// A master's node in ZooKeeper.
struct ZkMaster {
  MesosMaster master;
  std::string hostname;  // may be empty
  bool operator==(const ZkMaster&) const = default;
};

// The children of `path` that stand for masters, in the order of their counters: the first leads.
// Others (log_replicas, info_ of Mesos before 0.24) are left out.
std::vector<std::string> master_nodes(const std::vector<std::string>& children);

// Watches ZooKeeper on a thread of its own, which also survives the end of a session by opening a
// new one. What was known last stays known while ZooKeeper is silent or names no leader.
class ZkLeader {
 public:
  // What is known. The leader is the first; empty: nothing was ever heard.
  using Changed = std::function<void(const std::vector<ZkMaster>& masters)>;
  // "in touch", or why not; for the log.
  using State = std::function<void(bool connected, const std::string& detail)>;

  struct Times {
    std::chrono::milliseconds session{10'000};
    std::chrono::milliseconds retry{2'000};
  };

  // Both functions are called on the watching thread, and not any more once the object is gone.
  static std::unique_ptr<ZkLeader> start(const ZookeeperUrl& url, const Times& times,
                                         Changed changed, State state);
  virtual ~ZkLeader() = default;
};

}  // namespace vipgate
