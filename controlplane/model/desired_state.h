// What all sources want, service by service, and what the health checks say of the reals.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "controlplane/health/health_checker.h"
#include "controlplane/loop/drain_target.h"
#include "controlplane/loop/source_change.h"
#include "controlplane/model/model.h"

namespace vipgate {

// Owned by the reconciler, called by the control thread. Every call costs what it changes.
class DesiredState {
 public:
  using Services = std::map<ServiceKey, ServiceConfig>;

  // What the source wants of this service now; nothing: it no longer has it.
  void set(const SourceId& source, const ServiceKey& key, std::optional<ServiceConfig> service);
  // All that the source wants. Returns what it wanted before.
  Services replace(const SourceId& source, const Services& services);

  // kUnknown forgets what was said before. A real that nobody wants may be named, too.
  void set_health(const ServiceKey& key, const RealKey& real, RealHealth health);
  // A real that is no longer wanted.
  void forget_health(const ServiceKey& key, const RealKey& real);

  // Takes reals out, whoever wants them and whatever the checks say, or gives them back (kNone).
  // Looks at every service.
  void set_drain(const DrainTarget& target, DrainStage stage);

  // Services that would have no real left for new flows if the target were taken out, too.
  [[nodiscard]] std::vector<ServiceKey> emptied_by(const DrainTarget& target) const;

  // Of the origin that comes first: the policy; the weight, of reals that several have; the name,
  // of those that have one. Reals that are too far now, by the service's locality, have the weight
  // 0, as have those that are taken out. Nothing: nobody wants the service. `trial`: as if that
  // were taken out, too.
  [[nodiscard]] std::optional<DesiredService> merged(const ServiceKey& key,
                                                     const DrainTarget* trial = nullptr) const;

  // Services of which merged() may differ from what it was when they were last taken.
  [[nodiscard]] const std::set<ServiceKey>& dirty() const { return dirty_; }
  std::set<ServiceKey> take_dirty() { return std::exchange(dirty_, {}); }
  void touch(const ServiceKey& key) { dirty_.insert(key); }

 private:
  struct Entry {
    std::map<SourceId, ServiceConfig> wanted;  // the first one decides
    std::map<RealKey, RealHealth> health;      // but for kUnknown
  };
  void forget_if_empty(std::map<ServiceKey, Entry>::iterator entry);
  [[nodiscard]] DrainStage drain_of(const RealKey& real) const;
  [[nodiscard]] std::vector<ServiceKey> services_with(const DrainTarget& target) const;
  [[nodiscard]] bool has_takers(const ServiceKey& key, const DrainTarget* trial) const;

  std::map<ServiceKey, Entry> entries_;
  std::map<SourceId, std::set<ServiceKey>> sources_;
  std::map<DrainTarget, DrainStage> drains_;  // but for kNone
  std::set<ServiceKey> dirty_;
};

// Reals of `service` that do not answer.
[[nodiscard]] std::set<RealKey> reals_down(const ServiceConfig& service,
                                           const std::map<RealKey, RealHealth>& health);

// Whether so few of the reals that would get flows are up that the checks are likelier wrong than
// the reals (HealthConfig::panic_percent), or none is where NoReal::kUseAll would use them all the
// same: then those that do not answer get flows, too.
[[nodiscard]] bool is_panic(const ServiceConfig& service, const std::set<RealKey>& down);

// Which reals are to be checked from now on, and how; which no longer.
struct HealthChanges {
  std::vector<HealthTarget> add;  // or a known one, in another way
  std::vector<std::pair<ServiceKey, RealKey>> remove;
};

// What the health checker was told to check. Owned by the reconciler.
class HealthTargets {
 public:
  // The service is so now; nothing: it is gone. Returns the reals that are no longer checked.
  std::vector<RealKey> follow(const ServiceKey& key, const ServiceConfig* service);
  [[nodiscard]] bool contains(const ServiceKey& key, const RealKey& real) const;
  HealthChanges take_changes();

  // How the reals of a service are checked, and which.
  struct Check {
    HealthConfig config;
    bool sends_proxy_header = false;  // see HealthTarget
    bool operator==(const Check&) const = default;
  };
  struct Followed {
    Check check;
    std::set<RealKey> reals;
  };
  [[nodiscard]] const std::map<ServiceKey, Followed>& followed() const { return followed_; }

 private:
  std::map<ServiceKey, Followed> followed_;
  // Since they were last taken; nothing: no longer checked.
  std::map<std::pair<ServiceKey, RealKey>, std::optional<Check>> changes_;
};

}  // namespace vipgate
