// The services of the configuration and the VipAllocator: gives `vip: auto` its address, and keeps
// the addresses that are written down from being given to other names.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "controlplane/config.h"
#include "controlplane/naming/vip_allocator.h"

namespace vipgate {

// Owned and called by the control thread.
class YamlVips {
 public:
  // REQUIRES: that `config` was read and checked. To be called for each configuration that comes
  // into force, in order. An error: a range has no address left, or an address that is written down
  // is another name's.
  Status resolve(Config& config, VipAllocator& allocator);

 private:
  using Name = std::pair<std::string, int>;  // of a family
  std::map<Name, IpAddress> pinned_;
  std::set<Name> allocated_;
};

}  // namespace vipgate
