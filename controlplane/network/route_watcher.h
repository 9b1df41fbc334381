// The kernel's routes (RTM_NEWROUTE, RTM_DELROUTE), followed by netlink.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controlplane/network/netlink_events.h"
#include "controlplane/network/route_message.h"
#include "controlplane/network/route_table.h"

namespace vipgate {

// Keeps the main table as the kernel has it. What has changed is staged until commit(), so that the
// neighbours of new gateways may be asked for first. Owned and called by one control thread, which
// watches fd(). Sees the network namespace of the thread that made it.
class RouteWatcher {
 public:
  // Subscribes, then reads the present table, which is in force. `interfaces`: of the ports, in
  // their order; empty where a port has none. An error names the one that does not exist.
  static Result<std::unique_ptr<RouteWatcher>> create(const std::vector<std::string>& interfaces);

  // Readable when receive() has something to do.
  int fd() const { return netlink_.fd(); }
  // Stages all pending events without blocking.
  void receive();
  bool has_staged() const { return must_read_ || !staged_.empty(); }
  // Whether what is staged is to be put in force at once: the table must be read anew (events were
  // lost, an interface or an address of ours changed, which takes routes away without a word), or
  // very much is staged.
  bool is_urgent() const { return must_read_ || staged_.size() > kMaxStaged; }
  // Whether a staged route is gone: another one may be about to follow.
  bool has_staged_removal() const;
  // Where staged routes lead.
  std::set<NextHop> staged_gateways() const;

  // Puts in force what is staged, and returns the prefixes that lead elsewhere than before. An
  // error: the kernel's table cannot be read; the one in force stays, and the next call tries anew.
  Status commit(ChangedPrefixes& changed);

  const RouteTable& table() const { return table_; }

 private:
  static constexpr size_t kMaxStaged = 4096;

  RouteWatcher();
  Status open(const std::vector<std::string>& interfaces);
  Status read_all();
  void apply(nl_msg* message);
  void note_link(nlmsghdr* message);

  NetlinkEvents netlink_;
  PortByInterface ports_;
  std::set<int> up_;  // of our interfaces
  RouteTable table_;
  std::vector<RouteEvent> staged_;
  bool must_read_ = false;
  std::vector<Route>* reading_ = nullptr;  // not null: a dump goes there
};

}  // namespace vipgate
