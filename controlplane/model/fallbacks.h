// Which service another one falls back on when it has no real: `no_real: {fallback: NAME}`.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/model/model.h"

namespace vipgate {

// Finds services by the names that others give of their fallbacks. What `named` returns must
// outlive what is found.
class Fallbacks {
 public:
  using Named = std::function<std::vector<const ServiceConfig*>(const std::string& name)>;
  // `where` the name of a service is to be found, for errors: "in this file".
  Fallbacks(Named named, std::string where) : named_(std::move(named)), where_(std::move(where)) {}

  // A name may stand for several: it is the one of the same family and protocol; of several such,
  // the one with the same port. An error says what is wrong with the name.
  // REQUIRES: the service's no_real is kFallback, and it is itself, not a copy, among those named.
  [[nodiscard]] Result<const ServiceConfig*> find(const ServiceConfig& service) const;
  // Its key. Nothing: it falls back on none, or something is wrong with the name.
  [[nodiscard]] std::optional<ServiceKey> key(const ServiceConfig& service) const;

  struct Fault {
    const ServiceConfig* service = nullptr;
    std::string why;
    bool is_circle = false;
  };
  // The first thing wrong on the way from `start` over fallbacks, which leads to an end and not in
  // a circle. Stops at those that were `seen`, and adds those that it sees.
  [[nodiscard]] std::optional<Fault> fault(const ServiceConfig& start,
                                           std::set<const ServiceConfig*>& seen) const;

 private:
  Named named_;
  std::string where_;
};

// Those with the name, of these, which must outlive it.
[[nodiscard]] Fallbacks::Named services_by_name(const std::vector<ServiceConfig>& services);

// Among these, which are a file's and must outlive it.
[[nodiscard]] Fallbacks fallbacks_among(const std::vector<ServiceConfig>& services);

// All that there are, by service. REQUIRES: the configuration was checked.
[[nodiscard]] std::map<ServiceKey, ServiceKey> fallbacks_of(const Config& config);

// Who falls back on whom, and on whom who does. One user, on one thread.
class FallbackTable {
 public:
  // Nothing: on none. Whether that differs from before.
  bool set(const ServiceKey& service, const std::optional<ServiceKey>& fallback);
  // Returns those of whom something differs.
  std::set<ServiceKey> replace(const std::map<ServiceKey, ServiceKey>& all);
  // Null: it falls back on none.
  [[nodiscard]] const ServiceKey* find(const ServiceKey& service) const;
  // Adds to `services` those that fall back on one of them.
  void add_dependents(std::set<ServiceKey>& services) const;

 private:
  std::map<ServiceKey, ServiceKey> fallbacks_;
  std::map<ServiceKey, std::set<ServiceKey>> dependents_;
};

}  // namespace vipgate
