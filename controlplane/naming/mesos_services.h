// The services of one cluster: which backends its tasks put behind which VIP, counted, so that each
// task can take back exactly what it gave.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/config/config.h"
#include "controlplane/loop/source_change.h"
#include "controlplane/model/model.h"
#include "controlplane/naming/vip_allocator.h"

namespace vipgate {

// One backend of one task behind one VIP.
struct VipUse {
  std::string name;  // full and cleaned; empty: `vip` counts
  IpAddress vip;
  std::string framework;  // who claims `vip`
  uint16_t port = 0;
  Protocol protocol = Protocol::kTcp;
  RealKey real;
  uint16_t weight = 0;     // 0 or 1
  bool is_local = false;   // in the gateway's own zone
  bool is_coming = false;  // its task is still starting
  friend bool operator==(const VipUse&, const VipUse&) = default;
};

// Owned by a MesosView and called by the control thread. `config` and `allocator` outlive it.
class MesosServices {
 public:
  MesosServices(const Config& config, VipAllocator& allocator)
      : config_(config), allocator_(allocator) {}

  void add(const VipUse& use);
  // REQUIRES: it was added.
  void remove(const VipUse& use);
  // Brings the services that were touched up to date, and those whose address moved.
  void finish(SourceChange& change);

  // Why a use is not served, or nothing.
  std::optional<std::string> refusal(const VipUse& use) const;

 private:
  using PortKey = std::pair<uint16_t, Protocol>;
  using NameKey = std::pair<std::string, int>;  // and the family
  // How many tasks give a real each of the two weights, of which the larger one counts, and how
  // many are local.
  struct RealUses {
    std::array<uint32_t, 2> weights = {};
    uint32_t local = 0;
    void count(const VipUse& use, int change) {
      weights[use.weight == 0 ? 0 : 1] += static_cast<uint32_t>(change);
      if (use.is_local) local += static_cast<uint32_t>(change);
    }
    [[nodiscard]] bool is_used() const { return weights[0] + weights[1] != 0; }
  };
  using Reals = std::map<RealKey, RealUses>;
  struct Backends {
    Reals reals;
    Reals coming;  // with Track::kWhenNeeded; they make no service by themselves
    [[nodiscard]] bool is_served() const { return !reals.empty(); }
    [[nodiscard]] bool is_unused() const { return reals.empty() && coming.empty(); }
  };
  struct NamedVip {
    std::map<PortKey, Backends> ports;
    std::optional<IpAddress> address;  // under which its services are published
    bool is_allocated = false;
    [[nodiscard]] bool is_served() const {
      return std::any_of(ports.begin(), ports.end(),
                         [](const auto& port) { return port.second.is_served(); });
    }
  };
  struct ClaimedVip {
    std::map<std::string, Backends> claimants;  // by framework
    std::string owner;                          // one that is served; empty: none
  };

  Backends& backends_of(const VipUse& use);
  void notice_moves();
  void allocate_new();
  void retry(SourceChange& change);
  bool release_unused();
  void publish(const NameKey& key, NamedVip& vip, const std::set<PortKey>& touched,
               SourceChange& change);
  void publish_claim(const ServiceKey& key, SourceChange& change);
  ServiceConfig service(const std::string& name, const ServiceKey& key,
                        const Backends& backends) const;

  const Config& config_;
  VipAllocator& allocator_;
  std::map<NameKey, NamedVip> names_;
  std::map<ServiceKey, ClaimedVip> claims_;
  std::map<NameKey, std::set<PortKey>> touched_names_;
  std::set<ServiceKey> touched_claims_;
  // The name that was last used, in both of these maps: most uses of one come side by side. Not
  // beyond finish(), which erases names.
  struct LastName {
    const NameKey* key = nullptr;  // null: none
    NamedVip* vip = nullptr;
    std::set<PortKey>* touched = nullptr;
  };
  LastName last_name_;
  std::set<NameKey> unplaced_;  // names for which there was no address
  uint64_t moves_ = 0;          // of the allocator, as last seen
};

}  // namespace vipgate
