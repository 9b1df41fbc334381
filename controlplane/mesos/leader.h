// Which master to ask: the configured list, ZooKeeper, and what redirections tell.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/mesos/http_url.h"
#include "controlplane/mesos/mesos_event.h"
#include "controlplane/mesos/zk_leader.h"

namespace vipgate {

// A master to ask.
struct MasterAddress {
  HttpUrl url;              // of the server; its target means nothing
  std::string fallback_ip;  // where to go when the URL's host cannot be resolved; may be empty
  bool operator==(const MasterAddress&) const = default;
};

// Made and ended by the source's creator; next() and what tells it of outcomes is called by the
// source's thread, leader() and masters() by any. ZooKeeper's news come on a thread of their own.
class MasterDirectory {
 public:
  struct Hooks {
    // ZooKeeper tells of other masters. With another leader, what is under way should be given up.
    std::function<void(bool is_other_leader)> changed;
    // ZooKeeper's own state, for the log and the link.
    std::function<void(bool connected, const std::string& detail)> zk_state;
  };

  // An error: an entry of `masters` cannot be understood. Hooks are called on ZooKeeper's thread.
  static Result<std::unique_ptr<MasterDirectory>> create(const MesosConfig& config,
                                                         const ZkLeader::Times& times, Hooks hooks);
  // Starts to watch ZooKeeper, if it is configured.
  void start();
  ~MasterDirectory();
  MasterDirectory(const MasterDirectory&) = delete;
  MasterDirectory& operator=(const MasterDirectory&) = delete;

  // Whom to ask now; nothing: nobody is known yet (ZooKeeper has not answered).
  std::optional<MasterAddress> next() const;
  // The one that next() gave is not the leader, or does not answer. True: all were tried by now.
  bool failed();
  // It said who leads: the next one to be asked is that one. An error: the location is unusable.
  Status redirected(const HttpUrl& from, const std::string& location);
  // It leads, and was reached at this address.
  void confirmed(const MasterAddress& master, const std::string& peer_ip);
  // Hosts of the list whose addresses are not known, and an answer to that.
  std::vector<std::string> unresolved() const;
  void resolved(const std::string& host, const std::string& ip);
  // The one that was confirmed last, while it is thought to lead.
  std::optional<MasterAddress> leader() const;
  // As confirmed() and ZooKeeper tell. Masters whose addresses are not known are left out.
  MesosMasters masters() const;
  // Grows with each change of what ZooKeeper says about the leader.
  uint64_t generation() const;

 private:
  MasterDirectory(Hooks hooks, ZkLeader::Times times) : times_(times), hooks_(std::move(hooks)) {}
  void zk_changed(const std::vector<ZkMaster>& masters);
  MasterAddress address_of(const MesosMaster& master) const;

  bool tls_ = false;
  std::optional<ZookeeperUrl> zk_url_;
  ZkLeader::Times times_;
  Hooks hooks_;

  mutable std::mutex mutex_;
  std::vector<MasterAddress> listed_;
  std::vector<std::string> listed_ips_;  // beside listed_; empty: not known yet
  std::vector<ZkMaster> zk_masters_;
  size_t position_ = 0;  // in listed_
  std::optional<MasterAddress> redirected_;
  size_t redirections_ = 0;  // in a row
  std::optional<MasterAddress> leader_;
  std::optional<MesosMaster> leader_address_;
  uint64_t generation_ = 0;
  // The last member: its thread calls into the others.
  std::unique_ptr<ZkLeader> zk_;
};

}  // namespace vipgate
