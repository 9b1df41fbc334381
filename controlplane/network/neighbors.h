// The kernel's neighbour tables (ARP, ND), followed by netlink.
#pragma once

#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/result.h"
#include "controlplane/network/netlink_events.h"

struct nl_msg;

namespace vipgate {

// A neighbour is an address on an interface: link-local addresses repeat on others.
struct NeighborKey {
  std::string interface;  // "vg-edge"
  IpAddress address;

  friend bool operator==(const NeighborKey&, const NeighborKey&) = default;
  friend auto operator<=>(const NeighborKey&, const NeighborKey&) = default;
};

using NeighborTable = std::map<NeighborKey, MacAddress>;

// Keeps the link-layer addresses of the neighbours that the caller asks about. Owned and called by
// one control thread, which watches fd(). Sees the network namespace of the thread that made it.
class NeighborWatcher {
 public:
  // Subscribes, then reads the present tables. An error names the interface that does not exist.
  static Result<std::unique_ptr<NeighborWatcher>> create(
      const std::vector<std::string>& interfaces);
  ~NeighborWatcher();
  NeighborWatcher(const NeighborWatcher&) = delete;
  NeighborWatcher& operator=(const NeighborWatcher&) = delete;

  // Replaces the set of neighbours that table() shows. True: table() has changed.
  bool watch(std::set<NeighborKey> neighbors);

  // Readable when process() has something to do.
  int fd() const;
  // Takes in all pending events without blocking. True: table() has changed. Events that the kernel
  // dropped (ENOBUFS) are made up for by reading the tables anew.
  bool process();

  // Watched neighbours that are resolved: the kernel's REACHABLE, STALE, DELAY, PROBE, PERMANENT
  // and NOARP entries. FAILED and INCOMPLETE ones are absent.
  const NeighborTable& table() const { return table_; }
  std::optional<MacAddress> find(const NeighborKey& neighbor) const;

  // Has the kernel resolve the neighbour, or confirm it when its entry is stale (NTF_USE: as if a
  // packet had been sent to it). Call it again every 15 s or so for as long as it is needed. An
  // error because the kernel's table is full names the sysctl that limits it.
  Status resolve(const NeighborKey& neighbor);
  // resolve() for all watched neighbours; the first error, if any.
  Status resolve_all();

 private:
  NeighborWatcher();
  Status open(const std::vector<std::string>& interfaces);
  Status dump();
  void apply(nl_msg* message);
  bool rebuild();

  NetlinkEvents netlink_;
  std::map<int, std::string> interfaces_;
  NeighborTable known_;  // every resolved neighbour of the interfaces
  std::set<NeighborKey> watched_;
  NeighborTable table_;  // known_, of watched_ only
};

}  // namespace vipgate
